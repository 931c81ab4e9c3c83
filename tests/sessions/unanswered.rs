//! A server that waits for the embedder's answer to a ClientHello.

use bytes::BytesMut;
use mail_tls::{
    ApiMisuse, Certificates, Endpoint, ExternalOffer, HelloAnswer, ServerAfterTls, Service, TlsMode,
};

use crate::support::{HOST, Pair, Told, World};

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
            .request_client_certificates(world.authority.anchors())
            .ask_for_each_hello()
            .build()
            .unwrap()
    };
    let (implicit, starttls) = (acceptor(TlsMode::Implicit), acceptor(TlsMode::StartTls));
    world
        .account
        .authorise_client_certificate(world.authority.issue(&["fred"]));
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
