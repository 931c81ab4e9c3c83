//! However the transport cuts the bytes, the same is told and the same is sent.

use std::sync::Arc;

use mail_tls::{Acceptor, Certificates, Connector, EndOfInput};
use proptest::prelude::*;
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, SignatureAlgorithm};
use rustls::crypto::CryptoProvider;

use crate::support::{HOST, Pair, Told, VERSIONS, World, joined, providers, short};
use crate::wire;

const KEYS: [&SignatureAlgorithm; 3] = [&PKCS_ECDSA_P256_SHA256, &PKCS_RSA_SHA256, &PKCS_ED25519];

/// What came of one conversation.
#[derive(Debug, PartialEq, Eq)]
struct Trace {
    client: Vec<Told>,
    server: Vec<Told>,
    /// Types of the records, for each direction. Their lengths differ by an octet or two where a
    /// signature of ECDSA does.
    records_to_server: Vec<u8>,
    records_to_client: Vec<u8>,
}

/// A pair that keeps all that was sent.
struct Recorded<'a> {
    pair: Pair,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// The sizes of the pieces in which a delivery of so many bytes comes.
    cut: &'a mut dyn FnMut(usize) -> Vec<usize>,
    trims: bool,
    longest: usize,
}

impl Recorded<'_> {
    fn run(&mut self) {
        while !self.pair.to_server.is_empty() || !self.pair.to_client.is_empty() {
            self.to_server.extend_from_slice(&self.pair.to_server);
            for piece in self.pieces(self.pair.to_server.len()) {
                self.pair.carry_to_server(piece);
                if self.trims {
                    self.pair.server.trim();
                }
            }
            self.to_client.extend_from_slice(&self.pair.to_client);
            for piece in self.pieces(self.pair.to_client.len()) {
                self.pair.carry_to_client(piece);
                if self.trims {
                    self.pair.client.trim();
                }
            }
        }
    }

    fn pieces(&mut self, length: usize) -> Vec<usize> {
        self.longest = self.longest.max(length);
        let pieces = (self.cut)(length);
        assert_eq!(pieces.iter().sum::<usize>(), length);
        pieces
    }
}

struct Setting {
    connector: Connector,
    acceptor: Acceptor,
    large: usize,
    trims: bool,
}

impl Setting {
    fn new(world: &World, key: &'static SignatureAlgorithm) -> Self {
        let chain = world.authority.issue_with(&[HOST], key, |_| {});
        Self {
            connector: world.connector(),
            // Without tickets, so that all sessions are full ones.
            acceptor: world
                .acceptor_with(Certificates::new(chain))
                .tickets(0)
                .build()
                .unwrap(),
            large: 100,
            trims: false,
        }
    }

    /// One conversation, with a greeting, a command, an answer, and a farewell from each side.
    fn converse(&self, cut: &mut dyn FnMut(usize) -> Vec<usize>) -> (Trace, usize) {
        let mut recorded = Recorded {
            pair: Pair::new(&self.connector, &self.acceptor),
            to_server: Vec::new(),
            to_client: Vec::new(),
            cut,
            trims: self.trims,
            longest: 0,
        };
        recorded.run();
        let pair = &mut recorded.pair;
        pair.server.queue(b"* OK ", &mut pair.to_client).unwrap();
        pair.server
            .queue(b"ready\r\n", &mut pair.to_client)
            .unwrap();
        pair.server.flush(&mut pair.to_client).unwrap();
        let large = vec![b'x'; self.large];
        pair.server.send(&large, &mut pair.to_client).unwrap();
        pair.server.send(b"!", &mut pair.to_client).unwrap();
        recorded.run();
        let pair = &mut recorded.pair;
        pair.client
            .send(b"a1 LOGOUT\r\n", &mut pair.to_server)
            .unwrap();
        pair.client.send(&large, &mut pair.to_server).unwrap();
        pair.client.close(&mut pair.to_server);
        recorded.run();
        let pair = &mut recorded.pair;
        pair.server.send(b"* BYE\r\n", &mut pair.to_client).unwrap();
        pair.server.close(&mut pair.to_client);
        recorded.run();
        let pair = &mut recorded.pair;
        assert_eq!(pair.client.end_of_input(), EndOfInput::Clean);
        assert_eq!(pair.server.end_of_input(), EndOfInput::Clean);
        assert!(pair.client_in.is_empty() && pair.server_in.is_empty());
        let trace = Trace {
            client: joined(std::mem::take(&mut pair.client_told)),
            server: joined(std::mem::take(&mut pair.server_told)),
            records_to_server: record_types(&recorded.to_server),
            records_to_client: record_types(&recorded.to_client),
        };
        (trace, recorded.longest)
    }
}

fn record_types(bytes: &[u8]) -> Vec<u8> {
    wire::records(bytes).map(|record| record[0]).collect()
}

fn whole(length: usize) -> Vec<usize> {
    if length == 0 {
        Vec::new()
    } else {
        vec![length]
    }
}

fn bytewise(length: usize) -> Vec<usize> {
    vec![1; length]
}

/// What the conversation above comes to, told from its script and not from a run.
fn script(large: usize) -> (Vec<Told>, Vec<Told>) {
    let large = vec![b'x'; large];
    let to_client = [b"* OK ready\r\n", &large[..], b"!", b"* BYE\r\n"].concat();
    let to_server = [b"a1 LOGOUT\r\n", &large[..]].concat();
    (
        vec![Told::Established, Told::Data(to_client), Told::PeerClosed],
        vec![Told::Established, Told::Data(to_server), Told::PeerClosed],
    )
}

/// Every delivery is cut at its n-th byte, for every n up to the longest.
fn every_split(provider: Arc<CryptoProvider>, key: &'static SignatureAlgorithm) {
    for versions in VERSIONS {
        let mut world = World::with_versions(versions);
        world.provider = Some(Arc::clone(&provider));
        let setting = Setting::new(&world, key);
        let (expected, longest) = setting.converse(&mut whole);
        let (client, server) = script(setting.large);
        assert_eq!((&expected.client, &expected.server), (&client, &server));
        for at in 1..longest {
            let mut cut = |length: usize| match length.checked_sub(at) {
                Some(rest) if rest > 0 => vec![at, rest],
                _ => whole(length),
            };
            assert_eq!(setting.converse(&mut cut).0, expected, "{versions:?} {at}");
        }
        assert_eq!(setting.converse(&mut bytewise).0, expected, "{versions:?}");
        let trimming = Setting {
            trims: true,
            ..setting
        };
        assert_eq!(trimming.converse(&mut bytewise).0, expected, "{versions:?}");
    }
}

#[test]
fn every_split_with_ecdsa() {
    providers()
        .into_iter()
        .for_each(|provider| every_split(short(provider), KEYS[0]));
}

#[test]
fn every_split_with_rsa() {
    providers()
        .into_iter()
        .for_each(|provider| every_split(short(provider), KEYS[1]));
}

#[test]
fn every_split_with_ed25519() {
    providers()
        .into_iter()
        .for_each(|provider| every_split(short(provider), KEYS[2]));
}

/// With the groups that are the default, the post-quantum one first, and records of every size.
#[test]
fn byte_by_byte_with_large_records() {
    for versions in VERSIONS {
        for large in [4000, 4096, 4200, 16_384, 16_385, 40_000] {
            let world = World::with_versions(versions);
            let setting = Setting {
                large,
                ..Setting::new(&world, KEYS[0])
            };
            let (expected, _) = setting.converse(&mut whole);
            let (client, server) = script(large);
            assert_eq!((&expected.client, &expected.server), (&client, &server));
            let (found, _) = setting.converse(&mut bytewise);
            assert_eq!(found, expected, "{versions:?} {large}");
            let trimming = Setting {
                trims: true,
                ..setting
            };
            let mut halves = |length: usize| vec![length / 2, length - length / 2];
            assert_eq!(
                trimming.converse(&mut halves).0,
                expected,
                "{versions:?} {large}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_splits(
        sizes in proptest::collection::vec(1usize..6000, 1..40),
        large in 0usize..50_000,
        is_12: bool,
        trims: bool,
    ) {
        let world = World::with_versions(VERSIONS[usize::from(is_12)]);
        let setting = Setting { large, trims, ..Setting::new(&world, KEYS[0]) };
        let (expected, _) = setting.converse(&mut whole);
        let (client, server) = script(large);
        prop_assert_eq!((&expected.client, &expected.server), (&client, &server));
        let mut next = sizes.iter().cycle();
        let mut cut = |mut length: usize| {
            let mut pieces = Vec::new();
            while length > 0 {
                let piece = length.min(*next.next().unwrap());
                pieces.push(piece);
                length -= piece;
            }
            pieces
        };
        let (found, _) = setting.converse(&mut cut);
        prop_assert_eq!(found, expected);
    }
}
