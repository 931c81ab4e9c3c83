//! STARTTLS: the dialog and TLS in one session.

use bytes::BytesMut;
use mail_tls::{
    Acceptor, AfterTls, ApiMisuse, Certificates, Connector, Endpoint, Error, ProtocolError,
    ServerAfterTls, Service, TlsMode,
};

use crate::support::{HOST, Told, World, drive};

fn connector(world: &World, service: Service) -> Connector {
    let endpoint = Endpoint::typed(service, TlsMode::StartTls, HOST).unwrap();
    world.client().connector(&world.account, endpoint).unwrap()
}

fn acceptor(world: &World, service: Service) -> Acceptor {
    let certificates = Certificates::new(world.authority.issue(&[HOST]));
    world
        .server()
        .acceptor(service, TlsMode::StartTls, certificates)
        .build()
        .unwrap()
}

/// What a server says in plain text, and what it waits for in between.
fn script(service: Service) -> &'static [(&'static str, &'static str)] {
    match service {
        Service::Imap => &[("* OK hi\r\n", "A2 STARTTLS\r\n"), ("A2 OK go\r\n", "")],
        Service::Pop3 => &[("+OK hi\r\n", "STLS\r\n"), ("+OK go\r\n", "")],
        Service::Submission => &[
            ("220 hi\r\n", "EHLO [127.0.0.1]\r\n"),
            ("250-h\r\n250 STARTTLS\r\n", "STARTTLS\r\n"),
            ("220 go\r\n", ""),
        ],
        Service::ManageSieve => &[("\"STARTTLS\"\r\nOK\r\n", "STARTTLS\r\n"), ("OK\r\n", "")],
        other => panic!("{other}"),
    }
}

#[test]
fn the_same_loop_carries_dialog_and_tls() {
    let rows = [
        (
            Service::Imap,
            AfterTls::SendCapability,
            ServerAfterTls::AwaitCommand,
        ),
        (
            Service::Pop3,
            AfterTls::SendCapa,
            ServerAfterTls::AwaitCommand,
        ),
        (
            Service::Submission,
            AfterTls::SendEhlo,
            ServerAfterTls::AwaitCommand,
        ),
        (
            Service::ManageSieve,
            AfterTls::ReadCapabilities,
            ServerAfterTls::SendCapabilities,
        ),
    ];
    for (service, after, server_after) in rows {
        let world = World::new();
        let (mut client_in, mut client_out) = (BytesMut::new(), BytesMut::new());
        let mut client = connector(&world, service).connect(&mut client_out).unwrap();
        assert!(client_out.is_empty(), "the server greets first");
        for (reply, command) in script(service) {
            assert!(client.deadline().is_some());
            client_in.extend_from_slice(reply.as_bytes());
            assert_eq!(drive!(client, &mut client_in, &mut client_out), []);
            if !command.is_empty() {
                assert_eq!(client_out, command);
                client_out.clear();
            }
        }
        // The server's own parser has seen the command, and read nothing behind it.
        let (mut server_in, mut server_out) = (BytesMut::new(), BytesMut::new());
        let mut server = acceptor(&world, service)
            .upgrade(b"", &mut server_in)
            .unwrap();
        let (mut client_told, mut server_told) = (Vec::new(), Vec::new());
        while !client_out.is_empty() || !server_out.is_empty() {
            server_in.unsplit(client_out.split());
            server_told.extend(drive!(server, &mut server_in, &mut server_out));
            client_in.unsplit(server_out.split());
            client_told.extend(drive!(client, &mut client_in, &mut client_out));
        }
        assert_eq!(client_told, [Told::Established]);
        assert_eq!(server_told, [Told::Established]);
        assert_eq!(client.after_tls(), after);
        assert_eq!(server.after_tls(), server_after);
        assert!(client.info().unwrap().to_string().contains("mode=starttls"));
    }
}

#[test]
fn plain_text_after_the_agreement_is_an_injection() {
    let world = World::new();
    for late in [false, true] {
        let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
        let mut client = connector(&world, Service::Pop3)
            .connect(&mut outgoing)
            .unwrap();
        incoming.extend_from_slice(b"+OK\r\n");
        assert_eq!(drive!(client, &mut incoming, &mut outgoing), []);
        incoming.extend_from_slice(b"+OK\r\n");
        if late {
            assert_eq!(drive!(client, &mut incoming, &mut outgoing), []);
        }
        incoming.extend_from_slice(b"+");
        let told = drive!(client, &mut incoming, &mut outgoing);
        let [Told::Failed(Error::Protocol(error))] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert!(
            matches!(**error, ProtocolError::ResponseInjection { bytes: 1, .. }),
            "{error}"
        );
    }
}

/// RFC 3207 §6, RFC 9051 §11.3: an embedder that spoke the plain text itself has nothing to hand over,
/// not even what looks like TLS.
#[test]
fn what_lies_behind_the_servers_agreement_is_an_injection() {
    let world = World::new();
    let connector = connector(&world, Service::Imap);
    let mut outgoing = BytesMut::new();
    for surplus in [
        &b"* CAPABILITY IMAP4rev2\r\n"[..],
        b"\r",
        &[22],
        &[22, 3, 3],
    ] {
        let Err(Error::Protocol(error)) = connector.upgrade(surplus, &mut outgoing) else {
            panic!("{surplus:?}")
        };
        let ProtocolError::ResponseInjection { bytes, excerpt, .. } = &*error else {
            panic!("{error}")
        };
        assert_eq!(*bytes, surplus.len());
        assert!(surplus.starts_with(excerpt.as_untrusted_bytes()));
        assert!(outgoing.is_empty(), "no ClientHello");
    }
    let implicit = world.connector().upgrade(b"", &mut outgoing);
    assert_eq!(implicit.unwrap_err(), ApiMisuse::NoPlaintextPhase.into());
}

#[test]
fn the_servers_remainder_is_tls_or_an_injection() {
    let world = World::new();
    let acceptor = acceptor(&world, Service::Imap);
    let mut incoming = BytesMut::new();
    for injected in ["a2 LOGIN x y\r\n", "\r\n", "\x16\x02", "\x17\x03"] {
        match acceptor.upgrade(injected.as_bytes(), &mut incoming) {
            Err(Error::Protocol(error)) => {
                assert!(
                    matches!(*error, ProtocolError::CommandInjection { .. }),
                    "{error}"
                );
            }
            other => panic!("{other:?}"),
        }
    }
    // RFC 9051 §6.2.1: a ClientHello that did not wait is the beginning of the handshake.
    let mut hello = BytesMut::new();
    let mut client = connector(&world, Service::Imap)
        .upgrade(b"", &mut hello)
        .unwrap();
    for early in [1, 2, 9, hello.len()] {
        let mut server = acceptor.upgrade(&hello[..early], &mut incoming).unwrap();
        incoming.extend_from_slice(&hello[early..]);
        let mut outgoing = BytesMut::new();
        assert_eq!(drive!(server, &mut incoming, &mut outgoing), []);
        if early == hello.len() {
            let mut answer = BytesMut::new();
            let told = drive!(client, &mut outgoing, &mut answer);
            assert_eq!(told, [Told::Established]);
        }
    }
}

#[test]
fn a_dialog_can_be_closed_ended_and_waited_out() {
    let world = World::new();
    let connector = connector(&world, Service::Imap);
    let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
    let mut closed = connector.connect(&mut outgoing).unwrap();
    closed.close(&mut outgoing);
    assert!(outgoing.is_empty(), "no LOGOUT, no alert");
    assert_eq!(drive!(closed, &mut incoming, &mut outgoing), []);

    let mut ended = connector.connect(&mut outgoing).unwrap();
    incoming.extend_from_slice(b"* OK");
    assert_eq!(drive!(ended, &mut incoming, &mut outgoing), []);
    assert!(!ended.end_of_input().is_clean());
    incoming.clear();
    let told = drive!(ended, &mut incoming, &mut outgoing);
    let [Told::Failed(error)] = told.as_slice() else {
        panic!("{told:?}")
    };
    assert_eq!(error.code(), "ended-during-handshake");

    let mut silent = connector.connect(&mut outgoing).unwrap();
    world.clock.advance(mail_tls::limits::HANDSHAKE_TIME);
    let error = silent.expire(&mut outgoing).unwrap_err();
    assert_eq!(error.code(), "timed-out");
    assert!(error.to_string().contains("other mode"), "{error}");
    assert!(outgoing.is_empty());
}

/// A server that agrees, and then has no certificate to go on with.
#[test]
fn an_agreement_without_tls_is_named() {
    let world = World::new();
    let connector = connector(&world, Service::Pop3);
    let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
    let mut spoken = connector.connect(&mut outgoing).unwrap();
    for reply in ["+OK\r\n", "+OK\r\n"] {
        incoming.extend_from_slice(reply.as_bytes());
        assert_eq!(drive!(spoken, &mut incoming, &mut outgoing), []);
    }
    for mut session in [spoken, connector.upgrade(b"", &mut outgoing).unwrap()] {
        assert!(!session.end_of_input().is_clean());
        let told = drive!(session, &mut incoming, &mut outgoing);
        let [Told::Failed(error)] = told.as_slice() else {
            panic!("{told:?}")
        };
        assert!(
            error.to_string().contains("after STARTTLS was agreed on"),
            "{error}"
        );
    }
}
