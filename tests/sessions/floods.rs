//! Peers that send too much of what brings nothing.

use bytes::BytesMut;
use mail_tls::{Certificates, Limits, ProtocolError};

use crate::faults::assert_dead;
use crate::raw::{self, RAW_13, WithRaw};
use crate::support::{Pair, Session, Told, VERSIONS, World, failure, protocol};
use crate::wire::in_records;

/// The peer demands new keys again and again (RFC 8446 §4.6.3): refused by count.
#[test]
fn a_flood_of_key_updates() {
    let world = World::new();
    let server = world.acceptor().accept().unwrap();
    let config = raw::client_config(&world.authority, RAW_13);
    let mut joint = raw::raw_client(server, config).established();
    for _ in 0..10_000 {
        joint.raw.refresh_traffic_keys().unwrap();
        joint.collect();
    }
    flooded(&mut joint);
}

/// Tickets in many small records: refused by count, unless they are a handful.
#[test]
fn a_flood_of_tickets() {
    for (tickets, is_flood) in [(4, false), (200, true)] {
        let world = World::new();
        let mut config = raw::server_config(&world.authority, RAW_13);
        config.send_tls13_tickets = tickets;
        config.max_fragment_size = Some(64);
        config.ticketer = ticketer();
        let mut joint = raw::raw_server(&world, config);
        joint.run();
        if is_flood {
            let told = joint.trace();
            assert_eq!(told[0], Told::Established);
            assert!(matches!(
                protocol(failure(&told)),
                ProtocolError::TooMuch { bound: 64, .. }
            ));
            assert_dead(&mut joint.session, failure(&told));
            // The peer is told, even though no alert says "too much".
            assert!(joint.has_seen_close);
        } else {
            assert_eq!(joint.trace(), [Told::Established]);
            joint.write(b"x");
            joint.run();
            assert_eq!(joint.trace(), [Told::Data(b"x".to_vec())]);
        }
    }
}

fn ticketer() -> std::sync::Arc<dyn rustls::server::ProducesTickets> {
    #[cfg(feature = "aws-lc-rs")]
    return rustls::crypto::aws_lc_rs::Ticketer::new().unwrap();
    #[cfg(not(feature = "aws-lc-rs"))]
    return rustls::crypto::ring::Ticketer::new().unwrap();
}

fn flooded<S: Session>(joint: &mut WithRaw<S>) {
    joint.deliver_to_session();
    let told = joint.trace();
    let error = failure(&told).clone();
    assert!(matches!(
        protocol(&error),
        ProtocolError::TooMuch { .. } | ProtocolError::Misbehaved { .. }
    ));
    assert_eq!(told.len(), 1);
    assert_dead(&mut joint.session, &error);
    joint.deliver_to_raw();
    assert!(joint.has_seen_close || joint.error.is_some());
}

/// RFC 5246 §7.4.1.1: renegotiation is answered with no_renegotiation, a few times, and the
/// session goes on. rustls' bare peers cannot ask for it; what a session gets here is a
/// ClientHello in a record of its own, sealed by nobody, which it must not take.
#[test]
fn a_client_hello_in_the_clear_after_the_handshake() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut hello = BytesMut::new();
        let _other = world.connector().connect(&mut hello).unwrap();
        let mut pair = Pair::established(&world.connector(), &world.acceptor());
        pair.to_server.extend_from_slice(&hello);
        pair.run();
        let told = pair.server_trace();
        assert_eq!(*protocol(failure(&told)), ProtocolError::CannotDecrypt);
    }
}

/// The bound on what a peer may send before the session is established does not depend on the
/// pieces in which it comes.
#[test]
fn too_many_bytes_before_the_session_is_established() {
    for versions in VERSIONS {
        for piece in [1, 100, 5000, usize::MAX] {
            let mut world = World::with_versions(versions);
            let many: Vec<String> = (0..600).map(|n| format!("host{n}.example.org")).collect();
            let mut names: Vec<&str> = many.iter().map(String::as_str).collect();
            names.push(crate::support::HOST);
            let chain = world.authority.issue(&names);
            let acceptor = world
                .acceptor_with(Certificates::new(chain))
                .build()
                .unwrap();
            let roomy = Pair::established(&world.connector(), &acceptor);
            drop(roomy);
            world.limits = Limits::default().with_handshake_bytes(4000);
            let mut pair = Pair::new(&world.connector(), &acceptor);
            pair.carry_to_server(usize::MAX);
            while !pair.to_client.is_empty() && pair.client_told.is_empty() {
                pair.carry_to_client(piece);
            }
            let told = pair.client_trace();
            let error = failure(&told).clone();
            match protocol(&error) {
                ProtocolError::TooMuch { bound: 4000, .. } => {}
                other => panic!("{piece}: {other:?}"),
            }
            assert_eq!(told.len(), 1);
            assert!(!pair.to_server.is_empty(), "the peer is told");
            assert_dead(&mut pair.client, &error);
        }
    }
}

/// RFC 8446 §4.1.4, §4.2.2: a request for a second ClientHello, with a cookie that has to be sent back in
/// it and has no room there. Nobody needs a key to send one.
#[test]
fn a_cookie_that_cannot_be_sent_back() {
    // SHA-256 of "HelloRetryRequest".
    const RANDOM: &str = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";
    let random = data_encoding::HEXLOWER.decode(RANDOM.as_bytes()).unwrap();
    for (length, is_sent_back) in [
        (100, true),
        (16_000, true),
        (18_000, false),
        (65_300, false),
    ] {
        for piece in [100, 16_000] {
            let world = World::new();
            let mut outgoing = BytesMut::new();
            let mut client = world.connector().connect(&mut outgoing).unwrap();
            // Behind the headers of record and message, version and random.
            let session = &outgoing[43..][..1 + usize::from(outgoing[43])];
            let cookie = vec![9; length];
            let cookie = [&two(length)[..], &cookie].concat();
            let extensions =
                [&[0, 43, 0, 2, 3, 4, 0, 44][..], &two(cookie.len()), &cookie].concat();
            let body = [
                &[3, 3][..],
                &random,
                session,
                &[0x13, 1, 0],
                &two(extensions.len()),
                &extensions,
            ]
            .concat();
            let message = [&[2, 0][..], &two(body.len()), &body].concat();
            let mut incoming = BytesMut::from(&in_records(&message, 0x0303, piece)[..]);
            outgoing.clear();
            let told = client.drive(&mut incoming, &mut outgoing);
            if is_sent_back {
                assert_eq!(told, []);
                // In records of its own.
                let sent_back = outgoing.iter().filter(|byte| **byte == 9).count();
                assert!(sent_back >= length, "{sent_back}");
            } else {
                let error = failure(&told).clone();
                let ProtocolError::TooMuch { bound, .. } = protocol(&error) else {
                    panic!("{error:?}")
                };
                assert_eq!(*bound, mail_tls::limits::SERVER_HELLO_BYTES);
                assert_dead(&mut client, &error);
            }
        }
    }
}

fn two(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap().to_be_bytes()
}

/// A ClientHello that never ends, in records of one byte.
#[test]
fn a_client_hello_without_end() {
    let world = World::new();
    for piece in [1, 6, 1000] {
        let mut server = world.acceptor().accept().unwrap();
        let mut stream = vec![22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff];
        for _ in 0..200_000 {
            stream.extend([22, 3, 1, 0, 1, 0]);
        }
        let (mut incoming, mut out, mut told) = (BytesMut::new(), BytesMut::new(), Vec::new());
        for bytes in stream.chunks(piece) {
            incoming.extend_from_slice(bytes);
            told.extend(server.drive(&mut incoming, &mut out));
            if !told.is_empty() {
                break;
            }
        }
        protocol(failure(&told));
        assert!(!out.is_empty(), "the peer is told");
    }
}
