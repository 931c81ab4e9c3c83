//! Peers that speak plain text where TLS was expected (RFC 8314 §3).

use bytes::BytesMut;
use mail_tls::error::{Heard, PlaintextPeer, Spoken};
use mail_tls::{Error, ProtocolError, Service};

use crate::faults::assert_dead;
use crate::support::{HOST, Session, Told, World, failure, protocol};

fn service_world(service: Service) -> World {
    World {
        service,
        ..World::new()
    }
}

/// What a client says of a server that sends this, whole and byte by byte.
fn client_meets(service: Service, port: u16, input: &[u8]) -> Error {
    let world = service_world(service);
    let endpoint = mail_tls::Endpoint::new(
        service,
        mail_tls::TlsMode::Implicit,
        mail_tls::Host::parse(HOST).unwrap(),
        port,
        mail_tls::Provenance::Typed,
    );
    let connector = world.connector_to(endpoint);
    same_in_pieces(input, || connector.connect(&mut BytesMut::new()).unwrap())
}

fn server_meets(service: Service, input: &[u8]) -> Error {
    let acceptor = service_world(service).acceptor();
    same_in_pieces(input, || acceptor.accept().unwrap())
}

fn same_in_pieces<S: Session>(input: &[u8], session: impl Fn() -> S) -> Error {
    let mut whole = session();
    let mut out = BytesMut::new();
    let told = whole.drive(&mut BytesMut::from(input), &mut out);
    assert_eq!(told.len(), 1, "{told:?}");
    let error = failure(&told).clone();
    assert_dead(&mut whole, &error);
    let (mut bytewise, mut incoming, mut told) = (session(), BytesMut::new(), Vec::new());
    let mut second_out = BytesMut::new();
    for byte in input {
        incoming.extend_from_slice(&[*byte]);
        told.extend(bytewise.drive(&mut incoming, &mut second_out));
        if !told.is_empty() {
            break;
        }
    }
    assert_eq!(told, [Told::Failed(error.clone())]);
    assert_eq!(out, second_out);
    error
}

fn plaintext(error: &Error) -> &PlaintextPeer {
    match protocol(error) {
        ProtocolError::PlaintextPeer(peer) => peer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_names_what_the_server_said() {
    use Service::{Imap, Pop3, Submission};
    use Spoken as S;
    // (asked for, at port, what came, recognised as, likely port, in the sentence)
    type Row = (
        Service,
        u16,
        &'static str,
        Spoken,
        Option<u16>,
        &'static str,
    );
    let rows: [Row; 16] = [
        (
            Submission,
            587,
            "220 mx ESMTP\r\n",
            S::SmtpGreeting,
            Some(465),
            "port 465",
        ),
        (
            Submission,
            465,
            "220 mx ESMTP\r\n",
            S::SmtpGreeting,
            None,
            "not set up for implicit",
        ),
        (
            Submission,
            25,
            "220-mx\r\n220 x\r\n",
            S::SmtpGreeting,
            Some(465),
            "STARTTLS",
        ),
        (
            Imap,
            25,
            "220 mx ESMTP\r\n",
            S::SmtpGreeting,
            Some(993),
            "port 993",
        ),
        (
            Submission,
            465,
            "421 busy\r\n",
            S::SmtpRefusal,
            None,
            "try again later",
        ),
        (
            Submission,
            465,
            "554 no\r\n",
            S::SmtpRefusal,
            None,
            "try again later",
        ),
        (
            Imap,
            143,
            "* OK IMAP4rev1\r\n",
            S::ImapGreeting,
            Some(993),
            "port 993",
        ),
        (
            Imap,
            993,
            "* OK IMAP4rev1\r\n",
            S::ImapGreeting,
            None,
            "not set up for implicit",
        ),
        (
            Imap,
            993,
            "* BYE too many\r\n",
            S::ImapRefusal,
            None,
            "try again later",
        ),
        (
            Pop3,
            110,
            "+OK ready\r\n",
            S::Pop3Greeting,
            Some(995),
            "port 995",
        ),
        (
            Pop3,
            995,
            "-ERR in use\r\n",
            S::Pop3Refusal,
            None,
            "try again later",
        ),
        (
            Imap,
            80,
            "HTTP/1.1 400 Bad\r\n",
            S::HttpServer,
            None,
            "captive portal",
        ),
        (
            Imap,
            4190,
            "\"SIEVE\" \"x\"\r\n",
            S::ManageSieveGreeting,
            Some(993),
            "ManageSieve",
        ),
        (Imap, 22, "SSH-2.0-x\r\n", S::Ssh, None, "SSH"),
        (
            Imap,
            993,
            "welcome\r\n",
            S::UnknownText,
            None,
            "check the port",
        ),
        (Imap, 993, "\r\n", S::UnknownText, None, "check the port"),
    ];
    for (service, port, input, spoken, likely_port, says) in rows {
        let error = client_meets(service, port, input.as_bytes());
        let peer = plaintext(&error);
        assert_eq!(peer.spoken, spoken, "{input:?}");
        assert_eq!(peer.likely_port(), likely_port, "{input:?}");
        assert_eq!((peer.expected, peer.port), (service, Some(port)));
        let first = input.split("\r\n").next().unwrap();
        assert_eq!(peer.excerpt.as_untrusted_bytes(), first.as_bytes());
        let sentence = error.to_string();
        assert!(sentence.contains(says), "{sentence}");
        assert!(
            !sentence.contains('\n') && !sentence.ends_with('.'),
            "{sentence}"
        );
        assert_eq!(error.code(), "plaintext-peer");
    }
}

#[test]
fn a_server_names_what_the_client_said_but_nothing_secret() {
    use Spoken as S;
    // (what came, recognised as, what is shown of it)
    let rows: [(&str, Spoken, &str); 15] = [
        ("EHLO fred.example.org\r\n", S::SmtpClient, "EHLO"),
        ("AUTH PLAIN c2VjcmV0\r\n", S::Pop3Client, "AUTH"),
        ("a1 LOGIN fred secret\r\n", S::ImapClient, "a1 LOGIN"),
        ("a1 login fred secret\r\n", S::ImapClient, "a1 login"),
        (
            "a1 AUTHENTICATE PLAIN c2VjcmV0\r\n",
            S::ImapClient,
            "a1 AUTHENTICATE",
        ),
        ("a1 CAPABILITY\r\n", S::ImapClient, "a1 CAPABILITY"),
        ("USER fred\r\n", S::Pop3Client, "USER"),
        ("APOP fred c2VjcmV0\r\n", S::Pop3Client, "APOP"),
        ("PASS secret\r\n", S::UnknownText, "PASS"),
        (
            "AUTHENTICATE \"PLAIN\" \"c2VjcmV0\"\r\n",
            S::ManageSieveClient,
            "AUTHENTICATE",
        ),
        ("GET /?token=secret HTTP/1.1\r\n", S::HttpClient, "GET"),
        ("POST /secret HTTP/1.1\r\n", S::HttpClient, "POST"),
        ("SSH-2.0-x\r\n", S::Ssh, "SSH-"),
        ("hello fred\r\n", S::UnknownText, ""),
        ("c2VjcmV0\r\n", S::UnknownText, ""),
    ];
    for (input, spoken, shown) in rows {
        let error = server_meets(Service::Imap, input.as_bytes());
        let peer = plaintext(&error);
        assert_eq!((peer.spoken, peer.port), (spoken, None), "{input:?}");
        assert_eq!(peer.excerpt.as_untrusted_bytes(), shown.as_bytes());
        for text in [error.to_string(), format!("{error:?}")] {
            for secret in ["secret", "c2VjcmV0", "fred"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
        // The same when the line is cut off: the connection ends, or the deadline passes.
        let world = World::new();
        for end in [true, false] {
            for cut in 2..input.len() - 1 {
                let mut server = world.acceptor().accept().unwrap();
                let (mut incoming, mut out) =
                    (BytesMut::from(&input.as_bytes()[..cut]), BytesMut::new());
                assert_eq!(server.drive(&mut incoming, &mut out), []);
                let error = if end {
                    let _ = server.end_of_input();
                    server.send(b"x", &mut out).unwrap_err()
                } else {
                    world.clock.advance(mail_tls::limits::HANDSHAKE_TIME);
                    server.expire(&mut out).unwrap_err()
                };
                assert!(out.is_empty());
                let text = format!("{error} {error:?}");
                assert!(text.contains("plain text"), "{text}");
                for secret in ["secret", "c2VjcmV0", "fred"] {
                    assert!(!text.contains(secret), "{text}");
                }
            }
        }
    }
}

/// RFC 5246 §E.2: answered with the alert that TLS 1.0 had for it.
#[test]
fn a_client_of_ssl_2() {
    let hello = [0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10];
    let error = server_meets(Service::Imap, &hello);
    assert_eq!(plaintext(&error).spoken, Spoken::Ssl2Client);
    assert!(error.to_string().contains("too old"));
    let mut out = BytesMut::new();
    let mut server = World::new().acceptor().accept().unwrap();
    server.drive(&mut BytesMut::from(&hello[..]), &mut out);
    assert_eq!(out[..], [21, 3, 3, 0, 2, 2, 70]);
    // A server does not begin with a ClientHello, and is not told that it is too old a client.
    let error = client_meets(Service::Imap, 993, &hello);
    assert!(matches!(protocol(&error), ProtocolError::NotTls { .. }));
}

#[test]
fn what_is_neither_text_nor_tls() {
    for input in [
        [0; 8],
        [0xff; 8],
        [22, 1, 2, 3, 4, 5, 6, 7],
        [0x80, 9, 9, 9, 9, 9, 9, 9],
    ] {
        // Of a client one byte is shown: it may be the beginning of a password.
        for (error, shown) in [
            (client_meets(Service::Imap, 993, &input), 5),
            (server_meets(Service::Imap, &input), 1),
        ] {
            match protocol(&error) {
                ProtocolError::NotTls { excerpt, .. } => {
                    assert_eq!(excerpt.as_untrusted_bytes(), &input[..shown]);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The excerpt has at most 120 characters and is escaped, whatever the server sends.
#[test]
fn the_excerpt_is_short_and_harmless() {
    let long = [b"* OK ".as_slice(), &[b'x'; 100_000]].concat();
    let error = client_meets(Service::Imap, 143, &long);
    let peer = plaintext(&error);
    assert_eq!(peer.excerpt.as_untrusted_bytes().len(), 120);
    assert!(error.to_string().len() < 400);
    let nasty = b"* OK \x1b[2J\x00\xe2\x80\xae\xff\rhello\n";
    let sentence = client_meets(Service::Imap, 143, nasty).to_string();
    assert!(
        sentence.is_ascii() && !sentence.contains(char::is_control),
        "{sentence}"
    );
}

#[test]
fn what_was_heard_when_the_line_never_ended() {
    let world = World::new();
    let rows: [(&[u8], Option<&[u8]>); 5] = [
        (b"", None),
        (b"* OK Dove", Some(b"* OK Dove")),
        (b"2", Some(b"2")),
        (&[0, 1], Some(&[0, 1])),
        (&[22, 2], Some(&[22, 2])),
    ];
    for (input, text) in rows {
        for end in [true, false] {
            let mut out = BytesMut::new();
            let mut client = world.connector().connect(&mut out).unwrap();
            out.clear();
            assert_eq!(client.drive(&mut BytesMut::from(input), &mut out), []);
            let heard = if end {
                let _ = client.end_of_input();
                match protocol(&client.send(b"", &mut out).unwrap_err()) {
                    ProtocolError::EndedDuringHandshake { heard, .. } => heard.clone(),
                    other => panic!("{other:?}"),
                }
            } else {
                world.clock.advance(mail_tls::limits::HANDSHAKE_TIME);
                match client.expire(&mut out).unwrap_err() {
                    Error::TimedOut(timed_out) => timed_out.heard.clone(),
                    other => panic!("{other:?}"),
                }
            };
            assert!(out.is_empty());
            match (heard, text) {
                (Heard::Nothing, None) => {}
                (Heard::Plaintext(heard), Some(text)) => {
                    assert_eq!(heard.as_untrusted_bytes(), text);
                }
                other => panic!("{other:?}"),
            }
        }
    }
    // The type of a record, and then nothing.
    let mut client = world.connector().connect(&mut BytesMut::new()).unwrap();
    client.drive(&mut BytesMut::from(&[22][..]), &mut BytesMut::new());
    let _ = client.end_of_input();
    let error = client.send(b"", &mut BytesMut::new()).unwrap_err();
    assert!(matches!(
        protocol(&error),
        ProtocolError::EndedDuringHandshake {
            heard: Heard::Tls,
            ..
        }
    ));
}
