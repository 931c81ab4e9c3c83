//! Handshakes and what may follow them, for the targets that drive sessions.

use bytes::BytesMut;
use mail_tls::{Service, TlsMode};
use mail_tls_fuzz::{Cryptography, Operation, Piece, Session, Watched, clock, connector};

use crate::{keep, script};

pub(crate) fn sessions() {
    for tls12 in [false, true] {
        let version = if tls12 { "tls12" } else { "tls13" };
        known_clients(tls12, version);
        let (of_client, of_server) = flights(tls12);
        for (is_client, said) in [(true, &of_server), (false, &of_client)] {
            let target = if is_client {
                "client_session"
            } else {
                "server_session"
            };
            let head: &[u8] = &[u8::from(is_client && tls12)];
            let feed = || -> Vec<Operation> { said.iter().cloned().map(Operation::Feed).collect() };
            keep(
                target,
                &format!("{version}-handshake"),
                &script(head, feed()),
            );
            let talk = [
                Operation::Send(b"a LOGOUT\r\n".to_vec()),
                Operation::Queue(b"queued".to_vec()),
                Operation::Flush,
                Operation::Trim,
                Operation::Close,
                Operation::EndOfInput,
            ];
            let operations = feed().into_iter().chain(talk).collect();
            keep(
                target,
                &format!("{version}-talk"),
                &script(head, operations),
            );
            for (name, bytes) in afterwards(tls12) {
                let last = [Operation::Feed(bytes), Operation::EndOfInput];
                let operations = feed().into_iter().chain(last).collect();
                keep(
                    target,
                    &format!("{version}-{name}"),
                    &script(head, operations),
                );
            }
            if !is_client {
                let mut operations = feed();
                operations.insert(1, Operation::Answer(0));
                keep(
                    target,
                    &format!("{version}-asked"),
                    &script(&[1], operations),
                );
            }
            let choice = [if !is_client { 2 } else { u8::from(tls12) }];
            let pieces = || -> Vec<Piece> { said.iter().cloned().map(Piece).collect() };
            keep(
                "chunking",
                &format!("{target}-{version}"),
                &script(&choice, pieces()),
            );
            for (name, bytes) in afterwards(tls12) {
                let pieces = pieces().into_iter().chain([Piece(bytes)]).collect();
                let name = format!("{target}-{version}-{name}");
                keep("chunking", &name, &script(&choice, pieces));
            }
        }
    }
    for (name, greeting) in [
        ("smtp", &b"220 mail.example.org ESMTP\r\n"[..]),
        ("imap", b"* OK IMAP4rev1 ready\r\n"),
        ("pop3", b"+OK ready\r\n"),
        ("http", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("ssl2", &[0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 16]),
        ("old", &[22, 3, 1, 0, 4, 1, 0, 0, 0]),
    ] {
        let feed = || vec![Operation::Feed(greeting.to_vec())];
        keep("client_session", name, &script(&[0], feed()));
        keep("server_session", name, &script(&[0], feed()));
    }
}

/// What each side says until both are established, flight by flight: the client's, the server's.
pub(crate) fn flights(tls12: bool) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    flights_with(
        tls12,
        Watched::server(Service::Imap, false, Cryptography::Clear),
    )
}

/// A client that shows its certificate, and one that has a ticket of such a session.
fn known_clients(tls12: bool, version: &str) {
    let server = || Watched::server_of_known_clients(Service::Imap, Cryptography::Clear);
    let (of_client, of_server) = flights_with(tls12, server());
    let feed = |said: &[Vec<u8>]| {
        said.iter()
            .cloned()
            .map(Operation::Feed)
            .collect::<Vec<_>>()
    };
    let mut operations = feed(&of_client);
    operations.extend([Operation::AcceptIdentity, Operation::EndOfInput]);
    let name = format!("{version}-known-client");
    keep("server_session", &name, &script(&[2], operations));
    let operations = feed(&of_server);
    let name = format!("{version}-asked-for-a-certificate");
    keep(
        "client_session",
        &name,
        &script(&[u8::from(tls12)], operations),
    );
    // The same connector twice: the second hello has the first session's ticket.
    let connector = connector(Service::Imap, TlsMode::Implicit, tls12, Cryptography::Clear);
    for is_resumed in [false, true] {
        let mut outgoing = BytesMut::new();
        let session = connector.connect(&mut outgoing).unwrap();
        let mut client = Watched::new(Session::Client(session), outgoing, clock());
        let (mut server, mut of_client) = (server(), Vec::new());
        for _ in 0..4 {
            carry(&mut client, &mut server, &mut of_client);
            carry(&mut server, &mut client, &mut Vec::new());
        }
        assert!(client.is_established && server.is_established);
        if is_resumed {
            let name = format!("{version}-known-client-again");
            let operations = [feed(&of_client), vec![Operation::AcceptIdentity]].concat();
            keep("server_session", &name, &script(&[2], operations));
        }
    }
}

fn flights_with(tls12: bool, mut server: Watched) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (service, clear) = (Service::Imap, Cryptography::Clear);
    let mut client = Watched::client(service, TlsMode::Implicit, tls12, clear);
    let (mut of_client, mut of_server) = (Vec::new(), Vec::new());
    for _ in 0..4 {
        carry(&mut client, &mut server, &mut of_client);
        carry(&mut server, &mut client, &mut of_server);
    }
    assert!(client.is_established && server.is_established);
    (of_client, of_server)
}

fn carry(from: &mut Watched, to: &mut Watched, said: &mut Vec<Vec<u8>>) {
    if !from.outgoing.is_empty() {
        let bytes = from.outgoing.split();
        said.push(bytes.to_vec());
        to.incoming.unsplit(bytes);
        to.process(&mut Vec::new());
    }
}

/// A record as a peer with the keys writes it, nothing being encrypted.
fn record(tls12: bool, kind: u8, content: &[u8]) -> Vec<u8> {
    let (outer, inner) = if tls12 {
        (kind, &[][..])
    } else {
        (23, &[kind][..])
    };
    let payload = [content, inner, &[0; 16]].concat();
    let [high, low] = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[outer, 3, 3, high, low][..], &payload].concat()
}

/// What peers say after the handshake, good and bad.
fn afterwards(tls12: bool) -> Vec<(&'static str, Vec<u8>)> {
    let ticket: &[u8] = if tls12 {
        &[4, 0, 0, 10, 0, 0, 1, 0, 0, 4, 1, 2, 3, 4]
    } else {
        &[
            4, 0, 0, 17, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4, 0, 0,
        ]
    };
    vec![
        ("data", record(tls12, 23, b"* OK ready\r\n")),
        ("close", record(tls12, 21, &[1, 0])),
        ("alert", record(tls12, 21, &[2, 80])),
        ("warning", record(tls12, 21, &[1, 90])),
        ("ticket", record(tls12, 22, ticket)),
        ("key-update", record(tls12, 22, &[24, 0, 0, 1, 0])),
        ("key-update-asked", record(tls12, 22, &[24, 0, 0, 1, 1])),
        ("hello-request", record(tls12, 22, &[0, 0, 0, 0])),
        (
            "certificate-request",
            record(tls12, 22, &[13, 0, 0, 3, 0, 0, 0]),
        ),
        ("empty", record(tls12, 23, &[])),
        ("change-cipher-spec", vec![20, 3, 3, 0, 1, 1]),
        ("large", record(tls12, 23, &[b'x'; 3000])),
    ]
}
