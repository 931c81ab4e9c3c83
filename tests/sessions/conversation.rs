//! Whole conversations.

use std::sync::Arc;

use bytes::BytesMut;
use mail_tls::{
    ClientAlpn, ClientSession, EndOfInput, ProtocolError, ServerAfterTls, ServerSession,
    TlsVersions,
};
use rustls::NamedGroup;

use crate::raw::{self, RAW_12, RAW_13};
use crate::support::{Pair, Session, Told, VERSIONS, World, failure, joined, protocol, provider};

#[test]
fn a_whole_conversation() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut pair = Pair::established(&world.connector(), &world.acceptor());
        assert_eq!(pair.client.after_tls(), mail_tls::AfterTls::ReadGreeting);
        assert_eq!(pair.server.after_tls(), ServerAfterTls::SendGreeting);
        pair.server
            .send(b"* OK ready\r\n", &mut pair.to_client)
            .unwrap();
        pair.run();
        assert_eq!(
            pair.client_trace(),
            [Told::Data(b"* OK ready\r\n".to_vec())]
        );
        pair.client
            .send(b"a1 LOGOUT\r\n", &mut pair.to_server)
            .unwrap();
        pair.client.close(&mut pair.to_server);
        pair.run();
        assert_eq!(
            pair.server_trace(),
            [Told::Data(b"a1 LOGOUT\r\n".to_vec()), Told::PeerClosed]
        );
        pair.server.send(b"* BYE\r\n", &mut pair.to_client).unwrap();
        pair.server.close(&mut pair.to_client);
        pair.run();
        assert_eq!(
            pair.client_trace(),
            [Told::Data(b"* BYE\r\n".to_vec()), Told::PeerClosed]
        );
        assert_eq!(pair.client.end_of_input(), EndOfInput::Clean);
        assert_eq!(pair.server.end_of_input(), EndOfInput::Clean);
    }
}

/// Data and closure that come with the end of the handshake, in one read or in many: nothing is
/// delivered before the session is established, and nothing is lost.
#[test]
fn data_on_the_heels_of_the_handshake() {
    let world = World::with_versions(TlsVersions::Tls13Only);
    let (connector, acceptor) = (world.connector(), world.acceptor());
    for piece in [1, 64, usize::MAX] {
        for damaged in [false, true] {
            let mut pair = Pair::new(&connector, &acceptor);
            pair.carry_to_server(usize::MAX);
            pair.carry_to_client(usize::MAX);
            assert_eq!(pair.client_trace(), [Told::Established]);
            pair.client
                .send(b"a1 NOOP\r\n", &mut pair.to_server)
                .unwrap();
            pair.client.close(&mut pair.to_server);
            if damaged {
                *pair.to_server.last_mut().unwrap() ^= 1;
            }
            while !pair.to_server.is_empty() && !pair.server_told.contains(&Told::PeerClosed) {
                pair.carry_to_server(piece);
            }
            let told = pair.server_trace();
            let data = Told::Data(b"a1 NOOP\r\n".to_vec());
            assert_eq!(told[..2], [Told::Established, data]);
            if damaged {
                assert_eq!(*protocol(failure(&told)), ProtocolError::CannotDecrypt);
            } else {
                assert_eq!(told[2..], [Told::PeerClosed]);
            }
        }
    }
}

/// What a peer sends that the policy refuses is never delivered, though TLS has it already.
#[test]
fn data_of_a_session_that_is_refused_are_not_delivered() {
    let world = World::with_versions(TlsVersions::Tls13Only);
    let mut config = raw::server_config(&world.authority, RAW_13);
    config.send_half_rtt_data = true;
    let connector = world.connector_to(world.endpoint().with_alpn(ClientAlpn::Require));
    let mut hello = BytesMut::new();
    let session = connector.connect(&mut hello).unwrap();
    let server = rustls::ServerConnection::new(Arc::new(config)).unwrap();
    let mut joint = raw::WithRaw::new(session, hello, server);
    joint.deliver_to_raw();
    joint.write(b"* PREAUTH evil\r\n");
    joint.deliver_to_session();
    let told = joint.trace();
    assert_eq!(told.len(), 1);
    assert_eq!(failure(&told).code(), "alpn-not-selected");
    let again = joint.session.drive(&mut BytesMut::new(), &mut joint.to_raw);
    assert_eq!(again, told);
    joint.deliver_to_raw();
    assert!(joint.has_seen_close);
}

/// RFC 8446 §4.1.4: the server asks for another group, and the client says hello again.
#[test]
fn a_hello_that_is_retried() {
    let world = World::with_versions(TlsVersions::Tls13Only);
    let mut provider = provider();
    provider
        .kx_groups
        .retain(|group| group.name() == NamedGroup::secp384r1);
    let server = World {
        provider: Some(Arc::new(provider)),
        authority: world.authority,
        ..World::new()
    };
    let acceptor = server
        .acceptor_builder()
        .ask_for_each_hello()
        .build()
        .unwrap();
    let world = World {
        authority: server.authority,
        ..World::with_versions(TlsVersions::Tls13Only)
    };
    let mut groups = Vec::new();
    for piece in [1, 100, usize::MAX] {
        // A connector remembers the group that a server wants.
        let mut pair = Pair::new(&world.connector(), &acceptor);
        let mut flights = 0;
        while !pair.to_server.is_empty() || !pair.to_client.is_empty() {
            flights += 1;
            while !pair.to_server.is_empty() {
                pair.carry_to_server(piece);
                if pair.server_told == [Told::ClientHello] {
                    // Asked about the first hello, and not again about the second.
                    let answer = mail_tls::HelloAnswer::Configured;
                    pair.server.answer(answer, &mut pair.to_client).unwrap();
                    pair.server_told.clear();
                }
            }
            pair.carry_to_server(0);
            while !pair.to_client.is_empty() {
                pair.carry_to_client(piece);
            }
        }
        assert!(flights >= 3);
        assert_eq!(pair.client_trace(), [Told::Established], "{piece}");
        assert_eq!(pair.server_trace(), [Told::Established], "{piece}");
        groups.push(pair.client.info().unwrap().group().unwrap().code_point());
    }
    assert_eq!(groups, [0x0018; 3]);
}

/// A mirror, or two clients joined by mistake.
#[test]
fn a_client_that_meets_itself() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut out = BytesMut::new();
        let mut client = world.connector().connect(&mut out).unwrap();
        let mut mirrored = out.split();
        let told = client.drive(&mut mirrored, &mut out);
        assert!(matches!(
            protocol(failure(&told)),
            ProtocolError::Misbehaved { .. }
        ));
        assert_eq!(out[5..], [2, 10], "unexpected_message");
    }
}

/// Whatever the sizes of what is queued, it comes in the order in which it was given.
#[test]
fn queued_data_share_records_and_keep_their_order() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut pair = Pair::established(&world.connector(), &world.acceptor());
        let mut sent = Vec::new();
        for (at, length) in [0, 1, 5, 100, 16_383, 1, 16_384, 16_385, 40_000, 7]
            .into_iter()
            .enumerate()
        {
            let data = vec![u8::try_from(at).unwrap(); length];
            sent.extend_from_slice(&data);
            if at % 3 == 2 {
                pair.client.send(&data, &mut pair.to_server).unwrap();
            } else {
                pair.client.queue(&data, &mut pair.to_server).unwrap();
            }
        }
        pair.client.flush(&mut pair.to_server).unwrap();
        pair.client.flush(&mut pair.to_server).unwrap();
        let mut small = pair.to_server.len();
        for _ in 0..1000 {
            pair.client.queue(b"x", &mut pair.to_server).unwrap();
        }
        sent.extend([b'x'; 1000]);
        assert_eq!(pair.to_server.len(), small);
        pair.client.flush(&mut pair.to_server).unwrap();
        small = pair.to_server.len() - small;
        assert!(small < 1100, "one record, not a thousand: {small}");
        pair.run();
        assert_eq!(joined(pair.server_trace()), [Told::Data(sent)]);
    }
}

/// A stapled response is handed on as it came (RFC 6066 §8).
#[test]
fn a_stapled_response_is_kept() {
    let world = World::with_versions(TlsVersions::Tls13Only);
    let (chain, key) = world.authority.issue_der(&[crate::support::HOST]);
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(RAW_13)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert_with_ocsp(chain, key, b"response".to_vec())
        .unwrap();
    let joint = raw::raw_server(&world, config).established();
    assert_eq!(joint.session.info().unwrap().ocsp_response(), b"response");
    let plain = Pair::established(&world.connector(), &world.acceptor());
    assert_eq!(plain.client.info().unwrap().ocsp_response(), b"");
}

#[test]
fn sessions_cross_threads() {
    fn check<T: Send + Sync + 'static>() {}
    check::<ClientSession>();
    check::<ServerSession>();
    check::<mail_tls::Connector>();
    check::<mail_tls::Acceptor>();
}

#[test]
fn the_configurations_for_raw_peers_work() {
    for (versions, raw_versions) in [(VERSIONS[0], RAW_13), (VERSIONS[1], RAW_12)] {
        let world = World::with_versions(versions);
        let config = raw::server_config(&world.authority, raw_versions);
        let mut joint = raw::raw_server(&world, config).established();
        joint.session.send(b"x", &mut joint.to_raw).unwrap();
        joint.write(b"y");
        joint.run();
        assert_eq!(joint.received, b"x");
        assert_eq!(joined(joint.trace()), [Told::Data(b"y".to_vec())]);
    }
}
