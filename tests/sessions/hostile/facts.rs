//! What is known of rustls and would bite a program that passed it on, where no other file has the
//! test. `docs/reliability.md` lists all such facts with their tests.

use bytes::BytesMut;
use mail_tls::ApiMisuse;

use crate::support::{Pair, Session, Told, VERSIONS, World, misuse};

/// `process` without input changes nothing, at each state and on each side.
#[test]
fn an_empty_read_is_not_the_end() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut pair = world.pair();
        let idle = |pair: &mut Pair| {
            for _ in 0..3 {
                let (mut empty, mut out) = (BytesMut::new(), BytesMut::new());
                assert_eq!(pair.client.drive(&mut empty, &mut out), []);
                assert_eq!(pair.server.drive(&mut empty, &mut out), []);
                assert!(out.is_empty());
            }
        };
        idle(&mut pair);
        while !pair.to_server.is_empty() || !pair.to_client.is_empty() {
            pair.carry_to_server(usize::MAX);
            idle(&mut pair);
            pair.carry_to_client(usize::MAX);
            idle(&mut pair);
        }
        assert_eq!(pair.client_trace(), [Told::Established]);
        pair.server.send(b"lives", &mut pair.to_client).unwrap();
        pair.run();
        assert_eq!(pair.client_trace(), [Told::Data(b"lives".to_vec())]);
        pair.server.close(&mut pair.to_client);
        pair.run();
        assert_eq!(pair.client_trace(), [Told::PeerClosed]);
        idle(&mut pair);
    }
}

/// However much lies in `incoming`, all of it is delivered, and nothing else is.
#[test]
fn a_megabyte_in_one_read() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut pair = Pair::established(&world.connector(), &world.acceptor());
        let data: Vec<u8> = (0..1 << 20).map(|n: u32| n.to_le_bytes()[1]).collect();
        for piece in [1 << 20, 100, 16 * 1024, 5000] {
            for sent in data.chunks(piece) {
                pair.server.send(sent, &mut pair.to_client).unwrap();
            }
            pair.carry_to_client(usize::MAX);
            assert_eq!(pair.client_trace(), [Told::Data(data.clone())]);
            assert!(pair.client_in.is_empty());
        }
    }
}

/// What was refused before the handshake was done is not sent afterwards.
#[test]
fn nothing_is_kept_from_before_the_handshake() {
    for versions in VERSIONS {
        let mut pair = World::with_versions(versions).pair();
        let (to_server, to_client) = (pair.to_server.clone(), pair.to_client.clone());
        for result in [
            pair.client.send(b"early", &mut pair.to_server),
            pair.client.queue(b"early", &mut pair.to_server),
            pair.server.send(b"early", &mut pair.to_client),
            pair.server.queue(b"early", &mut pair.to_client),
        ] {
            assert_eq!(misuse(result), ApiMisuse::SendBeforeEstablished);
        }
        assert_eq!((&pair.to_server, &pair.to_client), (&to_server, &to_client));
        pair.run();
        assert_eq!(pair.client_trace(), [Told::Established]);
        assert_eq!(pair.server_trace(), [Told::Established]);
    }
}
