//! What a server tells of a ClientHello, and what it makes of each answer.

use bytes::BytesMut;
use mail_tls::{
    Acceptor, ApiMisuse, Certificates, CertifiedChain, Error, Event, HelloAnswer, PolicyRefusal,
    ProtocolError,
};

use crate::faults::assert_dead;
use crate::raw::{self, RAW_12, RAW_13};
use crate::server_names::any_key;
use crate::support::{HOST, Pair, Session, Told, VERSIONS, World, failure, protocol};
use crate::wire::{client_hello, in_records};

/// A session that was told a ClientHello, and what it was told of it.
#[derive(Debug, PartialEq, Eq)]
struct Facts {
    name: Option<String>,
    alpn: Option<Vec<Vec<u8>>>,
    versions: Vec<u16>,
    is_challenge: bool,
}

fn facts(acceptor: &Acceptor, bytes: &[u8], piece: usize) -> Facts {
    let mut server = acceptor.accept().unwrap();
    let (mut incoming, mut out) = (BytesMut::new(), BytesMut::new());
    for bytes in bytes.chunks(piece) {
        incoming.extend_from_slice(bytes);
        match server.process(&mut incoming, &mut out).unwrap() {
            None => {}
            Some(Event::ClientHello(hello)) => {
                return Facts {
                    name: hello.server_name().map(str::to_owned),
                    alpn: hello.alpn().map(|ids| ids.map(<[u8]>::to_vec).collect()),
                    versions: hello.versions().to_vec(),
                    is_challenge: hello.is_acme_challenge(),
                };
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("no ClientHello");
}

#[test]
fn what_is_told_of_a_client_hello() {
    let world = World::new();
    let acceptor = world
        .acceptor_builder()
        .ask_for_each_hello()
        .build()
        .unwrap();
    let sni = [&[0, 19, 0, 0, 16][..], b"IMAP.Example.org"].concat();
    let alpn = [&[0, 10, 4][..], b"imap", &[4], b"pop3"].concat();
    let challenge = [&[0, 11, 10][..], b"acme-tls/1"].concat();
    let schemes = (13, &[0, 2, 4, 3][..]);
    let groups = (10, &[0, 2, 0, 29][..]);
    // RFC 8701: GREASE among the versions.
    let versions = (43, &[6, 0x3a, 0x3a, 3, 4, 3, 3][..]);
    let rows = [
        (
            vec![(0, &sni[..]), (16, &alpn), schemes, groups, versions],
            Facts {
                name: Some("imap.example.org".to_owned()),
                alpn: Some(vec![b"imap".to_vec(), b"pop3".to_vec()]),
                versions: vec![0x3a3a, 0x0304, 0x0303],
                is_challenge: false,
            },
        ),
        (
            vec![(16, &challenge[..]), schemes, groups],
            Facts {
                name: None,
                alpn: Some(vec![b"acme-tls/1".to_vec()]),
                versions: vec![0x0303],
                is_challenge: true,
            },
        ),
        (
            // Padding (RFC 7685), larger than a record.
            vec![schemes, groups, versions, (21, &[0; 30_000])],
            Facts {
                name: None,
                alpn: None,
                versions: vec![0x3a3a, 0x0304, 0x0303],
                is_challenge: false,
            },
        ),
    ];
    for (extensions, expected) in rows {
        let message = client_hello(0x0303, &extensions);
        for record_size in [1, 5, 100, 16_000] {
            if message.len() > 10_000 && record_size < 100 {
                continue;
            }
            let bytes = in_records(&message, 0x0301, record_size);
            for piece in [1, 7, 4096, usize::MAX] {
                assert_eq!(
                    facts(&acceptor, &bytes, piece),
                    expected,
                    "{record_size} {piece}"
                );
            }
        }
    }
}

/// A pair whose server waits for an answer.
fn asked(world: &World, acceptor: &Acceptor) -> Pair {
    let mut pair = Pair::new(&world.connector(), acceptor);
    pair.run();
    assert_eq!(pair.server_trace(), [Told::ClientHello]);
    // Asked once; nothing is read meanwhile.
    pair.server_in.extend_from_slice(b"waits");
    let told = pair.server.drive(&mut pair.server_in, &mut pair.to_client);
    assert_eq!(told, []);
    assert_eq!(pair.server_in.split()[..], *b"waits");
    assert!(pair.to_client.is_empty() && !pair.server.is_established());
    pair
}

fn answered(pair: &mut Pair, answer: HelloAnswer) -> Result<(), Error> {
    let result = pair.server.answer(answer, &mut pair.to_client);
    pair.carry_to_server(usize::MAX);
    pair.run();
    result
}

#[test]
fn each_answer_to_a_client_hello() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let acceptor = world
            .acceptor_builder()
            .ask_for_each_hello()
            .build()
            .unwrap();
        let wrong = world.acceptor_with(Certificates::new(world.authority.issue(&["x.example"])));
        let wrong = wrong.ask_for_each_hello().build().unwrap();
        let answers: [fn(&World) -> HelloAnswer; 3] = [
            |_| HelloAnswer::Configured,
            |world| HelloAnswer::Certificate(world.authority.issue(&[HOST])),
            |world| HelloAnswer::Acceptor(world.acceptor()),
        ];
        for (at, answer) in answers.into_iter().enumerate() {
            // Where the answer brings the certificate, the acceptor's own is not shown.
            let acceptor = if at == 0 { &acceptor } else { &wrong };
            let mut pair = asked(&world, acceptor);
            answered(&mut pair, answer(&world)).unwrap();
            assert_eq!(
                pair.client_trace(),
                [Told::Established],
                "{versions:?} {at}"
            );
            assert_eq!(pair.server_trace(), [Told::Established]);
            assert_eq!(pair.server.info().unwrap().server_name(), Some(HOST));
            let again = pair
                .server
                .answer(HelloAnswer::Configured, &mut pair.to_client);
            assert_eq!(again, Err(ApiMisuse::AnswerNotAwaited.into()));
            pair.server.send(b"lives", &mut pair.to_client).unwrap();
            pair.run();
            assert_eq!(pair.client_trace(), [Told::Data(b"lives".to_vec())]);
        }
        let mut pair = asked(&world, &acceptor);
        let error = answered(&mut pair, HelloAnswer::Refuse).unwrap_err();
        assert_eq!(error, PolicyRefusal::RefusedByAnswer.into());
        let told = pair.server_trace();
        assert!(told.iter().all(|told| *told == Told::Failed(error.clone())));
        assert_dead(&mut pair.server, &error);
        alert_at(&mut pair, 112);
        // An answer that cannot be: the client is told of an internal error.
        let good = world.authority.issue(&[HOST]);
        let bad = CertifiedChain::from_der(good.certificates().to_vec(), any_key()).unwrap();
        for answer in [
            HelloAnswer::Certificate(bad.clone()),
            HelloAnswer::Challenge(bad),
        ] {
            let mut pair = asked(&world, &acceptor);
            let error = answered(&mut pair, answer).unwrap_err();
            assert_eq!(error.code(), "unusable-certificate");
            assert_dead(&mut pair.server, &error);
            alert_at(&mut pair, 80);
        }
        // Closed instead of answered.
        let mut pair = asked(&world, &acceptor);
        pair.server.close(&mut pair.to_client);
        assert_eq!(pair.to_client[..], [21, 3, 3, 0, 2, 1, 0]);
        let late = pair
            .server
            .answer(HelloAnswer::Configured, &mut pair.to_client);
        assert_eq!(late, Err(ApiMisuse::AnswerNotAwaited.into()));
        assert_eq!(pair.to_client.len(), 7);
        // The client goes away meanwhile.
        let mut pair = asked(&world, &acceptor);
        assert!(!pair.server.end_of_input().is_clean());
        let late = pair
            .server
            .answer(HelloAnswer::Configured, &mut pair.to_client);
        let error = late.unwrap_err();
        assert_eq!(error.code(), "ended-during-handshake");
        assert_dead(&mut pair.server, &error);
    }
}

fn alert_at(pair: &mut Pair, code_point: u8) {
    match protocol(failure(&pair.client_trace())) {
        ProtocolError::AlertReceived {
            alert,
            established: false,
            ..
        } => {
            assert_eq!(alert.code_point(), code_point);
        }
        other => panic!("{other:?}"),
    }
}

/// RFC 8737 §3: the validation ends with the handshake, and no data pass.
#[test]
fn a_challenge_is_answered_and_closed() {
    for (versions, alpn, is_answered) in [
        (RAW_13, Some(&b"acme-tls/1"[..]), true),
        (RAW_12, Some(b"acme-tls/1"), true),
        (RAW_13, Some(b"imap"), false),
        (RAW_13, None, false),
        (RAW_12, None, false),
    ] {
        let world = World::new();
        let acceptor = world
            .acceptor_builder()
            .ask_for_each_hello()
            .build()
            .unwrap();
        let mut config = raw::client_config(&world.authority, versions);
        config.alpn_protocols = alpn.iter().map(|id| id.to_vec()).collect();
        let mut joint = raw::raw_client(acceptor.accept().unwrap(), config);
        joint.run();
        assert_eq!(joint.trace(), [Told::ClientHello]);
        let answer = HelloAnswer::Challenge(world.authority.issue(&[HOST]));
        joint.session.answer(answer, &mut joint.to_raw).unwrap();
        joint.deliver_to_session();
        // The client sends data and its closure with the end of the handshake.
        joint.deliver_to_raw();
        if joint.error.is_none() {
            joint.write(b"data");
            joint.raw.send_close_notify();
        }
        joint.run();
        let told = joint.trace();
        if is_answered {
            assert_eq!(told, [Told::ChallengeAnswered]);
            assert!(joint.has_seen_close && joint.session.info().is_none());
            let sent = joint.session.send(b"x", &mut joint.to_raw);
            assert_eq!(sent, Err(ApiMisuse::SendAfterClose.into()));
            assert!(!joint.session.end_of_input().is_clean());
        } else {
            let error = failure(&told).clone();
            assert!(told.iter().all(|told| *told == Told::Failed(error.clone())));
            assert_dead(&mut joint.session, &error);
        }
    }
}
