//! A peer that has the keys and no manners: bare rustls whose ciphers encrypt nothing, and what it
//! says is taken apart, changed and put into records anew on its way.

mod alerts;
mod chains;
mod facts;
mod messages;
mod records;

use std::sync::{Arc, LazyLock};

use bytes::BytesMut;
use mail_tls::TlsVersions;
use mail_tls::client_identity::IdentityMapping;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;

use crate::clear::{TAG, in_the_clear};
use crate::faults::assert_dead;
use crate::raw::{RAW_12, RAW_13, WithRaw, raw_client, raw_server};
use crate::support::{HOST, Session, Told, World, provider, short};
use crate::wire::records;

pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const DATA: u8 = 23;
pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;

/// With one group, so that flights are short.
static CLEAR: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(in_the_clear(CryptoProvider::clone(&short(provider())))));

/// A world whose sessions speak in the clear.
pub(crate) fn world(versions: TlsVersions) -> World {
    let mut world = World::with_versions(versions);
    world.provider = Some(Arc::clone(&CLEAR));
    world
}

/// What a peer says: a handshake message, or the content of a record of another type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) is_protected: bool,
    pub(crate) kind: u8,
    pub(crate) content: Vec<u8>,
}

impl Item {
    /// The message as the RFCs call it.
    pub(crate) fn name(&self) -> &'static str {
        match (self.kind, self.content.first()) {
            (CHANGE_CIPHER_SPEC, _) => "ChangeCipherSpec",
            (HANDSHAKE, Some(message)) => match message {
                1 => "ClientHello",
                2 => "ServerHello",
                4 => "NewSessionTicket",
                8 => "EncryptedExtensions",
                11 => "Certificate",
                12 => "ServerKeyExchange",
                13 => "CertificateRequest",
                14 => "ServerHelloDone",
                15 => "CertificateVerify",
                16 => "ClientKeyExchange",
                20 => "Finished",
                other => panic!("message {other}"),
            },
            (ALERT, _) => "Alert",
            other => panic!("{other:?}"),
        }
    }

    /// In records of at most so many bytes.
    pub(crate) fn in_records(&self, is_tls13: bool, size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let pieces: Vec<&[u8]> = match self.content.is_empty() {
            true => vec![&[]],
            false => self.content.chunks(size).collect(),
        };
        for piece in pieces {
            let (outer, behind) = match (self.is_protected, is_tls13) {
                (false, _) => (self.kind, vec![]),
                (true, false) => (self.kind, TAG.to_vec()),
                (true, true) => (DATA, [&[self.kind][..], &TAG].concat()),
            };
            let length = u16::try_from(piece.len() + behind.len()).unwrap();
            let [high, low] = length.to_be_bytes();
            out.extend([outer, 3, 3, high, low]);
            out.extend(piece);
            out.extend(behind);
        }
        out
    }
}

/// Takes one side's bytes apart.
#[derive(Debug)]
pub(crate) struct Dissector {
    pub(crate) is_tls13: bool,
    is_protected: bool,
    partial: Vec<u8>,
}

impl Dissector {
    pub(crate) fn new(is_tls13: bool) -> Self {
        Self {
            is_tls13,
            is_protected: false,
            partial: Vec::new(),
        }
    }

    pub(crate) fn items(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        for record in records(bytes) {
            let (outer, payload) = (record[0], &record[5..]);
            let is_protected = match self.is_tls13 {
                true => outer == DATA,
                false => self.is_protected,
            };
            let (kind, content) = match (is_protected, self.is_tls13) {
                (false, _) => (outer, payload),
                (true, false) => (outer, &payload[..payload.len() - 16]),
                (true, true) => {
                    let inner = &payload[..payload.len() - 16];
                    let (kind, content) = inner.split_last().unwrap();
                    (*kind, content)
                }
            };
            self.is_protected |= kind == CHANGE_CIPHER_SPEC;
            let item = |content: &[u8]| Item {
                is_protected,
                kind,
                content: content.to_vec(),
            };
            if kind != HANDSHAKE {
                items.push(item(content));
                continue;
            }
            self.partial.extend(content);
            while let [_, a, b, c, ..] = self.partial[..] {
                let length = 4 + usize::from(a) * 65536 + usize::from(b) * 256 + usize::from(c);
                if self.partial.len() < length {
                    break;
                }
                let rest = self.partial.split_off(length);
                items.push(item(&std::mem::replace(&mut self.partial, rest)));
            }
        }
        items
    }
}

/// Who is attacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

pub(crate) const SIDES: [Side; 2] = [Side::Client, Side::Server];

/// How a session came out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ending {
    pub(crate) told: Vec<Told>,
    /// The level and description of the alert that it sent last.
    pub(crate) alert: Option<[u8; 2]>,
    /// What the peer made of what the session said.
    pub(crate) peer: Option<rustls::Error>,
}

impl Ending {
    pub(crate) fn alert_name(&self) -> String {
        match self.alert {
            None => "-".to_owned(),
            Some([_, description]) => mail_tls::Alert::from_code_point(description).to_string(),
        }
    }
}

/// How often a peer speaks; the last one is when the handshake is done in each version.
pub(crate) const FLIGHTS: usize = 5;

/// Attacks one session: each flight of the peer goes through `change`, which says what goes over
/// the wire instead.
pub(crate) fn attack(
    side: Side,
    versions: TlsVersions,
    change: impl FnMut(usize, Vec<Item>) -> Vec<u8>,
) -> Ending {
    let world = world(versions);
    let raw = match versions {
        TlsVersions::Tls12Only => RAW_12,
        _ => RAW_13,
    };
    let roots = Arc::new(world.authority.roots());
    let clear = || Arc::clone(&CLEAR);
    match side {
        Side::Client => {
            // It asks for a certificate, which the client may refuse to show.
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, clear())
                .allow_unauthenticated()
                .build()
                .unwrap();
            let (chain, key) = world.authority.issue_der(&[HOST]);
            let config = rustls::ServerConfig::builder_with_provider(clear())
                .with_protocol_versions(raw)
                .unwrap()
                .with_client_cert_verifier(verifier)
                .with_single_cert(chain, key)
                .unwrap();
            run(raw_server(&world, config), versions, change)
        }
        Side::Server => {
            let acceptor = world
                .acceptor_builder()
                .request_client_certificates(world.authority.anchors(), IdentityMapping::key())
                .build()
                .unwrap();
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, clear());
            let (chain, key) = world.authority.issue_der(&["client.example"]);
            let config = rustls::ClientConfig::builder_with_provider(clear())
                .with_protocol_versions(raw)
                .unwrap()
                .with_webpki_verifier(verifier.build().unwrap())
                .with_client_auth_cert(chain, key)
                .unwrap();
            run(
                raw_client(acceptor.accept().unwrap(), config),
                versions,
                change,
            )
        }
    }
}

fn run<S: Session>(
    mut joint: WithRaw<S>,
    versions: TlsVersions,
    mut change: impl FnMut(usize, Vec<Item>) -> Vec<u8>,
) -> Ending {
    let is_tls13 = versions != TlsVersions::Tls12Only;
    let (mut of_peer, mut of_session) = (Dissector::new(is_tls13), Dissector::new(is_tls13));
    let mut alert = None;
    let mut note = |bytes: &BytesMut| {
        for item in of_session.items(bytes) {
            if let (ALERT, [level, description]) = (item.kind, &item.content[..]) {
                let before = alert.replace([*level, *description]);
                // Renegotiation is declined each time that it is asked for (RFC 5246 §7.2.2).
                assert!(matches!(before, None | Some([1, 100])), "two alerts");
            }
        }
    };
    note(&joint.to_raw);
    for flight in 0..FLIGHTS {
        joint.deliver_to_raw();
        joint.collect();
        let items = of_peer.items(&joint.to_session.split());
        joint.to_session.extend(change(flight, items));
        joint.deliver_to_session();
        note(&joint.to_raw);
        if let Some(Told::Failed(_)) = joint.told.last() {
            break;
        }
    }
    let told = joint.trace();
    if let Some(Told::Failed(error)) = told.last() {
        assert_dead(&mut joint.session, error);
    }
    joint.deliver_to_raw();
    Ending {
        told,
        alert,
        peer: joint.error,
    }
}

/// Each item in a record of its own.
pub(crate) fn honest(items: &[Item], versions: TlsVersions) -> Vec<u8> {
    let is_tls13 = versions != TlsVersions::Tls12Only;
    let records = items.iter();
    records
        .flat_map(|item| item.in_records(is_tls13, 1 << 14))
        .collect()
}

/// Nothing is changed: what all others begin from.
#[test]
fn without_an_attack_they_agree() {
    for versions in crate::support::VERSIONS {
        for side in SIDES {
            let ending = attack(side, versions, |_, items| honest(&items, versions));
            assert_eq!(ending.told, [Told::Established], "{side:?} {versions:?}");
            assert_eq!((ending.alert, ending.peer), (None, None));
        }
    }
}
