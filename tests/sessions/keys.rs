//! Keys that are used up (RFC 8446 §5.5, RFC 5246 §6.1).

use std::sync::Arc;

use mail_tls::{ProtocolError, TlsVersions};
use rustls::crypto::{CipherSuiteCommon, CryptoProvider};
use rustls::{SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite};

use crate::faults::assert_dead;
use crate::support::{Pair, Told, VERSIONS, World, providers};

/// A provider whose keys are good for so many records.
fn limited(mut provider: CryptoProvider, records: u64) -> Arc<CryptoProvider> {
    provider.cipher_suites = provider
        .cipher_suites
        .into_iter()
        .map(|suite| match suite {
            SupportedCipherSuite::Tls12(suite) => {
                SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite {
                    common: common(&suite.common, records),
                    prf_provider: suite.prf_provider,
                    kx: suite.kx,
                    sign: suite.sign,
                    aead_alg: suite.aead_alg,
                })))
            }
            SupportedCipherSuite::Tls13(suite) => {
                SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
                    common: common(&suite.common, records),
                    hkdf_provider: suite.hkdf_provider,
                    aead_alg: suite.aead_alg,
                    quic: suite.quic,
                })))
            }
        })
        .collect();
    Arc::new(provider)
}

fn common(common: &CipherSuiteCommon, records: u64) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite: common.suite,
        hash_provider: common.hash_provider,
        confidentiality_limit: records,
    }
}

fn world(provider: CryptoProvider, versions: TlsVersions) -> World {
    World {
        provider: Some(limited(provider, 20)),
        ..World::with_versions(versions)
    }
}

/// Data that tells a record from another, so that none can be missing or doubled.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 7 % 251) as u8).collect()
}

#[test]
fn tls_13_gets_new_keys_in_the_middle_of_a_large_message() {
    for provider in providers() {
        let world = world(provider, VERSIONS[0]);
        let mut pair = Pair::established(&world.connector(), &world.acceptor());
        let large = pattern(3_000_000);
        pair.client.send(&large, &mut pair.to_server).unwrap();
        // A key_update goes with every twentieth record or so.
        let records = crate::wire::records(&pair.to_server).count();
        assert!(records > large.len() / 16_384 + 9, "{records}");
        for one in large.chunks(1000).take(200) {
            pair.client.send(one, &mut pair.to_server).unwrap();
        }
        for one in large[200_000..400_000].chunks(999) {
            pair.client.queue(one, &mut pair.to_server).unwrap();
        }
        pair.client.close(&mut pair.to_server);
        pair.run();
        let all = [&large[..], &large[..400_000]].concat();
        let told = pair.server_trace();
        assert!(
            told == [Told::Data(all), Told::PeerClosed],
            "{}",
            told.len()
        );
    }
}

/// There are no new keys in TLS 1.2: the session says so and closes, and what it said it has sent
/// has been received.
#[test]
fn tls_12_ends() {
    for provider in providers() {
        let world = world(provider, VERSIONS[1]);
        let mut pair = Pair::established(&world.connector(), &world.acceptor());
        let mut sent = Vec::new();
        let error = loop {
            match pair.client.send(b"0123456789", &mut pair.to_server) {
                Ok(()) => sent.extend_from_slice(b"0123456789"),
                Err(error) => break error,
            }
            assert!(sent.len() < 1000);
        };
        assert_eq!(error, ProtocolError::KeysExhausted.into());
        assert!(sent.len() > 50);
        let before = pair.to_server.len();
        assert_dead(&mut pair.client, &error);
        assert_eq!(pair.to_server.len(), before);
        pair.run();
        assert_eq!(pair.server_trace(), [Told::Data(sent), Told::PeerClosed]);
    }
}

/// The same in the middle of a large message: dead, and nothing follows the closure.
#[test]
fn tls_12_ends_within_a_message() {
    for provider in providers() {
        for by_queue in [false, true] {
            let world = world(provider.clone(), VERSIONS[1]);
            let mut pair = Pair::established(&world.connector(), &world.acceptor());
            let large = pattern(1_000_000);
            let out = &mut pair.to_server;
            let error = if by_queue {
                pair.client.queue(&large, out).unwrap_err()
            } else {
                pair.client.send(&large, out).unwrap_err()
            };
            assert_eq!(error, ProtocolError::KeysExhausted.into());
            assert_dead(&mut pair.client, &error);
            pair.run();
            match &pair.server_trace()[..] {
                [Told::Data(data), Told::PeerClosed] => assert!(large.starts_with(data)),
                other => panic!("{}", other.len()),
            }
        }
    }
}

/// A peer that uses up its keys while it answers, with data of ours under way.
#[test]
fn both_sides_refresh() {
    let world = world(providers().remove(0), VERSIONS[0]);
    let mut pair = Pair::established(&world.connector(), &world.acceptor());
    for round in 0..100 {
        let data = pattern(round * 100 + 1);
        pair.client.send(&data, &mut pair.to_server).unwrap();
        pair.server.send(&data, &mut pair.to_client).unwrap();
        pair.run();
        assert_eq!(pair.client_trace(), [Told::Data(data.clone())]);
        assert_eq!(pair.server_trace(), [Told::Data(data)]);
    }
}
