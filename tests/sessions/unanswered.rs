//! A server that waits for the embedder's answer to a ClientHello.

use bytes::BytesMut;
use mail_tls::limits::INCOMING_LEFTOVER;
use mail_tls::{
    ApiMisuse, Certificates, Endpoint, ExternalOffer, HelloAnswer, ProtocolError, ServerAfterTls,
    Service, TlsMode,
};

use crate::faults::assert_dead;
use crate::support::{HOST, Pair, Told, World, failure, protocol};

/// What a client may be offered after STARTTLS is less than with implicit TLS (RFC 8314 §3.2), and
/// no answer to a ClientHello makes one of the other.
#[test]
fn no_answer_changes_the_mode_of_a_connection() {
    let world = World::new();
    let certificates = || Certificates::new(world.authority.issue(&[HOST]));
    let acceptor = |mode| {
        world
            .server()
            .acceptor(Service::Imap, mode, certificates())
            .request_client_certificates(
                world.authority.anchors(),
                mail_tls::client_identity::IdentityMapping::key(),
            )
            .ask_for_each_hello()
            .build()
            .unwrap()
    };
    let (implicit, starttls) = (acceptor(TlsMode::Implicit), acceptor(TlsMode::StartTls));
    world
        .account
        .authorise_client_certificate_with_tls12(world.authority.issue(&["fred"]));
    let endpoint = Endpoint::typed(Service::Imap, TlsMode::StartTls, HOST).unwrap();
    let mut to_server = BytesMut::new();
    let client = world
        .connector_to(endpoint)
        .upgrade(b"", &mut to_server)
        .unwrap();
    let server = starttls.upgrade(b"", &mut BytesMut::new()).unwrap();
    let rows = [
        (
            Pair::joining(client, server, to_server),
            [&implicit, &starttls],
        ),
        (
            Pair::new(&world.connector(), &implicit),
            [&starttls, &implicit],
        ),
    ];
    for (mut pair, [other, same]) in rows {
        pair.run();
        assert_eq!(pair.server_trace(), [Told::ClientHello]);
        let answer = HelloAnswer::Acceptor(other.clone());
        let misuse = pair.server.answer(answer, &mut pair.to_client);
        assert_eq!(misuse, Err(ApiMisuse::AcceptorOfOtherMode.into()));
        assert!(pair.to_client.is_empty());
        // It had no effect: the answer is still awaited.
        let answer = HelloAnswer::Acceptor(same.clone());
        pair.server.answer(answer, &mut pair.to_client).unwrap();
        pair.carry_to_server(usize::MAX);
        pair.run();
        assert_eq!(pair.server_trace(), [Told::Established]);
        let offer = pair.server.accept_client_identity().unwrap();
        let greets = pair.server.after_tls() == ServerAfterTls::SendGreeting;
        let may_preauth = offer == ExternalOffer::ExternalOrPreauth;
        let is_implicit = same.mode() == TlsMode::Implicit;
        assert_eq!((greets, may_preauth), (is_implicit, is_implicit));
    }
}

/// The bound on `incoming` holds while an answer is awaited, too.
#[test]
fn a_client_that_floods_a_server_that_waits_for_an_answer() {
    let world = World::new();
    let acceptor = world
        .acceptor_builder()
        .ask_for_each_hello()
        .build()
        .unwrap();
    for is_flood in [false, true] {
        let mut pair = Pair::new(&world.connector(), &acceptor);
        pair.run();
        assert_eq!(pair.server_trace(), [Told::ClientHello]);
        let length = INCOMING_LEFTOVER - usize::from(!is_flood);
        pair.to_server.extend_from_slice(&vec![23; length]);
        pair.carry_to_server(usize::MAX);
        if !is_flood {
            assert_eq!(pair.server_trace(), []);
            assert_eq!(pair.server_in.len(), length);
            assert!(pair.to_client.is_empty());
            continue;
        }
        let told = pair.server_trace();
        let error = failure(&told).clone();
        assert!(matches!(
            protocol(&error),
            ProtocolError::TooMuch {
                bound: INCOMING_LEFTOVER,
                ..
            }
        ));
        assert_eq!(pair.to_client[..], [21, 3, 3, 0, 2, 1, 0]);
        let late = HelloAnswer::Configured;
        assert_eq!(
            pair.server.answer(late, &mut pair.to_client),
            Err(error.clone())
        );
        assert_dead(&mut pair.server, &error);
    }
}
