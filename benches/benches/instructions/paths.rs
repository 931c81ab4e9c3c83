//! What is counted.

use std::fmt::Write as _;
use std::hint::black_box;

use bytes::BytesMut;
use mail_tls::identity::{PresentedIds, ReferenceIds, first_match};
use mail_tls::{Host, Provenance, SessionInfo};
use mail_tls_benches::bare;
use mail_tls_benches::meter::{Meter, Side};
use mail_tls_benches::ours::{self, Session};
use mail_tls_benches::pki::{BUFFER, HOST, Key, Kind, Pki, Terms, Version};
use pki_types::ServerName;
use webpki::EndEntityCert;

/// A path and who goes it beside mail-tls.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    pub(crate) beside: Option<&'static str>,
    /// How often it is gone in one count.
    pub(crate) rounds: u64,
}

const RUSTLS: Option<&str> = Some("rustls");
const WEBPKI: Option<&str> = Some("rustls-webpki");
/// Handshakes in one count: tables are searched in another order each time.
const HANDSHAKES: u64 = 24;
/// Records in one count: what happens once in a while has its part.
const RECORDS: u64 = 32;

const fn path(name: &'static str, beside: Option<&'static str>, rounds: u64) -> Path {
    Path {
        name,
        beside,
        rounds,
    }
}

/// Besides those of [`PATHS`] that go through a full handshake, what [`caches`](crate::caches) looks at.
const OF_CACHES_ALONE: [Path; 2] = [
    path("full, RSA-2048: client", RUSTLS, HANDSHAKES),
    path("full, RSA-2048: server", RUSTLS, HANDSHAKES),
];

/// All full handshakes.
pub(crate) fn full_handshakes() -> impl Iterator<Item = &'static Path> {
    let full = PATHS.iter().filter(|path| path.name.starts_with("full"));
    full.chain(&OF_CACHES_ALONE)
}

pub(crate) const PATHS: [Path; 17] = [
    path("full: client", RUSTLS, HANDSHAKES),
    path("full: server", RUSTLS, HANDSHAKES),
    path("full, TLS 1.2: client", RUSTLS, HANDSHAKES),
    path("full, TLS 1.2: server", RUSTLS, HANDSHAKES),
    path("repeat: client", RUSTLS, HANDSHAKES),
    path("repeat: server", RUSTLS, HANDSHAKES),
    path("resumed: client", RUSTLS, HANDSHAKES),
    path("resumed: server", RUSTLS, HANDSHAKES),
    path("send 64 B", RUSTLS, RECORDS),
    path("send 16 KiB", RUSTLS, RECORDS),
    path("receive 64 B", RUSTLS, RECORDS),
    path("receive 1 KiB", RUSTLS, RECORDS),
    path("receive 16 KiB", RUSTLS, RECORDS),
    path("identity: parse and match", WEBPKI, 1),
    path("STARTTLS dialog", None, 1),
    path("clauses for Received", None, 1),
    path("line for the log", None, 1),
];

impl Path {
    /// What this path and the one beside it are called on the command line.
    pub(crate) fn labels(&self) -> Vec<String> {
        let beside = self.beside.map(|beside| format!("{}, {beside}", self.name));
        [self.name.to_owned()].into_iter().chain(beside).collect()
    }
}

/// Goes one path, named by its label.
pub(crate) fn run(label: &str) {
    let pki = Pki::new(if label.contains("RSA-2048") {
        Key::Rsa2048
    } else {
        Key::P256
    });
    let full = Terms {
        pki: &pki,
        version: Version::Tls13,
        tickets: Some(1),
        kind: Kind::First,
    };
    let full_12 = Terms {
        version: Version::Tls12,
        ..full
    };
    let repeat = Terms {
        tickets: Some(0),
        kind: Kind::Repeat,
        ..full
    };
    let resumed = Terms {
        kind: Kind::Resumed,
        ..full
    };
    let quiet = Terms {
        tickets: Some(0),
        ..full
    };
    let (name, is_ours) = match label.rsplit_once(", rustls") {
        Some((name, _)) => (name, false),
        None => (label, true),
    };
    match name.split_once(": ") {
        Some(("full" | "full, RSA-2048", side)) => handshake(full, side, is_ours),
        Some(("full, TLS 1.2", side)) => handshake(full_12, side, is_ours),
        Some(("repeat", side)) => handshake(repeat, side, is_ours),
        Some(("resumed", side)) => handshake(resumed, side, is_ours),
        Some(("identity", _)) => identity(&pki, is_ours),
        _ => match (name.split_once(' '), is_ours) {
            (Some(("STARTTLS", _)), true) => dialog(quiet),
            (Some(("clauses", _)), true) => text(quiet, |info, text| {
                write!(text, "{}", info.received_clause().unwrap()).unwrap();
            }),
            (Some(("line", _)), true) => text(quiet, |info, text| {
                write!(text, "{info}").unwrap();
            }),
            (Some(("send", size)), true) => send(quiet, bytes(size)),
            (Some(("send", size)), false) => send_bare(quiet, bytes(size)),
            (Some(("receive", size)), true) => receive(quiet, bytes(size)),
            (Some(("receive", size)), false) => receive_bare(quiet, bytes(size)),
            _ => panic!("no such path: {label}"),
        },
    }
}

fn bytes(size: &str) -> usize {
    match size {
        "64 B" => 64,
        "1 KiB" => 1024,
        "16 KiB" => 16 * 1024,
        other => panic!("no such size: {other}"),
    }
}

/// What is counted: valgrind knows this function by its name.
#[inline(never)]
fn counted<R>(call: impl FnOnce() -> R) -> R {
    black_box(call())
}

/// Counts one side's calls.
struct Counter(Side);

impl Meter for Counter {
    fn measure<R>(&mut self, side: Side, call: impl FnOnce() -> R) -> R {
        if side == self.0 {
            counted(call)
        } else {
            call()
        }
    }
}

/// All but the first one of a stack, the drop of the sessions included.
fn handshake(terms: Terms<'_>, side: &str, is_ours: bool) {
    let mut counter = Counter(match side {
        "client" => Side::Client,
        "server" => Side::Server,
        other => panic!("no such side: {other}"),
    });
    if is_ours {
        let mut stack = ours::Stack::new(terms);
        stack.pair();
        for connector in stack.connectors(HANDSHAKES as usize) {
            let pair = stack.handshake(&connector, &mut counter);
            counter.measure(Side::Client, || drop(pair.client));
            counter.measure(Side::Server, || drop(pair.server));
        }
    } else {
        let mut stack = bare::Stack::new(terms);
        stack.pair();
        for config in stack.configs(HANDSHAKES as usize) {
            let pair = stack.handshake(&config, &mut counter);
            counter.measure(Side::Client, || drop(pair.client));
            counter.measure(Side::Server, || drop(pair.server));
        }
    }
}

fn send(terms: Terms<'_>, size: usize) {
    let plaintext = vec![b'm'; size];
    let mut pair = ours::Stack::new(terms).pair();
    let mut outgoing = BytesMut::with_capacity(BUFFER);
    let mut send = || {
        for _ in 0..RECORDS {
            pair.client.send(&plaintext, &mut outgoing).unwrap();
            outgoing.clear();
        }
    };
    send();
    counted(send);
}

fn send_bare(terms: Terms<'_>, size: usize) {
    let plaintext = vec![b'm'; size];
    let mut pair = bare::Stack::new(terms).pair();
    let mut outgoing = Vec::with_capacity(BUFFER);
    let mut send = || {
        for _ in 0..RECORDS {
            bare::send(&mut pair.client, &plaintext, &mut outgoing);
            outgoing.clear();
        }
    };
    send();
    counted(send);
}

/// Fed in pieces of 64 KiB, as in the bench of speed.
fn receive(terms: Terms<'_>, size: usize) {
    let plaintext = vec![b'm'; size];
    let mut pair = ours::Stack::new(terms).pair();
    let (mut wire, mut outgoing) = (BytesMut::new(), BytesMut::new());
    let mut incoming = BytesMut::with_capacity(2 * BUFFER);
    for is_warm in [false, true] {
        wire.clear();
        for _ in 0..RECORDS {
            pair.server.send(&plaintext, &mut wire).unwrap();
        }
        for piece in wire.chunks(BUFFER) {
            incoming.extend_from_slice(piece);
            let mut drive = || pair.client.drive(&mut incoming, &mut outgoing);
            if is_warm {
                counted(drive)
            } else {
                drive()
            };
        }
    }
}

fn receive_bare(terms: Terms<'_>, size: usize) {
    let plaintext = vec![b'm'; size];
    let mut pair = bare::Stack::new(terms).pair();
    let (mut wire, mut into) = (Vec::new(), bare::Plaintext::default());
    for is_warm in [false, true] {
        wire.clear();
        for _ in 0..RECORDS {
            bare::send(&mut pair.server, &plaintext, &mut wire);
        }
        for piece in wire.chunks(BUFFER) {
            let mut receive = || bare::receive(&mut pair.client, piece, piece.len(), &mut into);
            if is_warm {
                counted(receive)
            } else {
                receive()
            };
        }
    }
}

fn identity(pki: &Pki, is_ours: bool) {
    let leaf = &pki.chain[0];
    let is_match = if is_ours {
        let host = Host::parse(HOST).unwrap();
        let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
        counted(|| {
            let presented = PresentedIds::of(black_box(leaf)).unwrap();
            first_match(&references, &presented).is_some()
        })
    } else {
        let name = ServerName::try_from(HOST).unwrap();
        counted(|| {
            let certificate = EndEntityCert::try_from(black_box(leaf)).unwrap();
            certificate.verify_is_valid_for_subject_name(&name).is_ok()
        })
    };
    assert!(is_match);
}

/// Up to the command STARTTLS.
fn dialog(terms: Terms<'_>) {
    let connector = ours::Stack::new(terms).starttls_connector();
    let reply = ours::ehlo_reply(6);
    let mut incoming = BytesMut::with_capacity(BUFFER);
    let mut outgoing = BytesMut::with_capacity(BUFFER);
    counted(|| {
        let mut client = connector.connect(&mut outgoing).unwrap();
        for said in [ours::GREETING, &reply] {
            incoming.extend_from_slice(said);
            client.drive(&mut incoming, &mut outgoing);
        }
    });
    assert!(outgoing.ends_with(b"STARTTLS\r\n"));
}

fn text(terms: Terms<'_>, write: fn(SessionInfo<'_>, &mut String)) {
    let pair = ours::Stack::new(terms).pair();
    let mut text = String::with_capacity(1024);
    counted(|| write(pair.server.info().unwrap(), &mut text));
    assert!(!text.is_empty());
}
