//! What a session does besides TLS: the dialog before STARTTLS, the verdict on a chain, a line of text.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use bytes::BytesMut;
use mail_tls::identity::ReferenceIds;
use mail_tls::verify::{Evidence, Requirements, evaluate};
use mail_tls::{Connector, Host, Provenance, TrustAnchors};
use mail_tls_benches::contest::{Comparison, Contestant, Effort, contest, print_head, timed};
use mail_tls_benches::ours::{self, Session};
use mail_tls_benches::pki::{BUFFER, HOST, Key, Kind, Pki, Terms, Version, provider};
use pki_types::{ServerName, UnixTime};
use webpki::{EndEntityCert, KeyUsage};

const TIMES: usize = 50;

fn terms(pki: &Pki) -> Terms<'_> {
    Terms {
        pki,
        version: Version::Tls13,
        tickets: Some(0),
        kind: Kind::First,
    }
}

/// From the greeting to the ClientHello, beside a ClientHello alone. The whole input at once.
pub(crate) fn dialogs(effort: Effort) {
    const COLUMNS: [&str; 2] = ["a ClientHello alone", "a whole handshake"];
    print_head("STARTTLS dialog", &COLUMNS);
    let pki = Pki::new(Key::P256);
    for (name, extensions) in [
        ("a short one", 6),
        ("2 KiB", 26),
        ("4 KiB", 52),
        ("16 KiB", 208),
    ] {
        let row = Comparison::time(format!("{name}, without the ClientHello"), 1)
            .target("a whole handshake", 0.02);
        contest(effort, 400, &COLUMNS, [row], || {
            let connector = ours::Stack::new(terms(&pki)).starttls_connector();
            let mut stack = ours::Stack::new(terms(&pki));
            vec![
                dialog(connector.clone(), extensions),
                hello(connector),
                Contestant::new("a whole handshake", move || {
                    let [client, _] = stack.handshakes(1);
                    [client]
                }),
            ]
        });
    }
}

fn dialog<'a>(connector: Connector, extensions: usize) -> Contestant<'a, 1> {
    let reply = ours::ehlo_reply(extensions);
    Contestant::new("mail-tls", move || {
        let mut lap = Duration::ZERO;
        let (mut incoming, mut outgoing) = (
            BytesMut::with_capacity(BUFFER),
            BytesMut::with_capacity(BUFFER),
        );
        incoming.extend_from_slice(ours::GREETING);
        let client = timed(&mut lap, || {
            let mut client = connector.connect(&mut outgoing).unwrap();
            client.drive(&mut incoming, &mut outgoing);
            incoming.extend_from_slice(&reply);
            client.drive(&mut incoming, &mut outgoing);
            client
        });
        assert!(outgoing.ends_with(b"STARTTLS\r\n"));
        drop(client);
        [lap]
    })
}

fn hello<'a>(connector: Connector) -> Contestant<'a, 1> {
    Contestant::new("a ClientHello alone", move || {
        let mut lap = Duration::ZERO;
        let mut outgoing = BytesMut::with_capacity(4096);
        let client = timed(&mut lap, || connector.upgrade(&[], &mut outgoing).unwrap());
        drop(client);
        [lap]
    })
}

/// The verdict on a chain outside of a session: path and name, beside the same by rustls-webpki.
pub(crate) fn evaluations(effort: Effort) {
    print_head("Evaluating a chain", &["rustls-webpki"]);
    for (name, key) in [("P-256", Key::P256), ("RSA-2048", Key::Rsa2048)] {
        let pki = Pki::new(key);
        let row = Comparison::time(format!("{name}: path, name, report"), TIMES)
            .target("rustls-webpki", 1.05);
        contest(effort, 100, &["rustls-webpki"], [row], || {
            vec![evaluated(&pki), checked(&pki)]
        });
    }
}

fn evaluated(pki: &Pki) -> Contestant<'_, 1> {
    let host = Host::parse(HOST).unwrap();
    let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
    let anchors = TrustAnchors::from_der([pki.root.clone()]).unwrap();
    let algorithms = provider().signature_verification_algorithms;
    let requirements = Requirements::server(anchors, references, algorithms);
    Contestant::new("mail-tls", move || {
        let mut lap = Duration::ZERO;
        timed(&mut lap, || {
            for _ in 0..TIMES {
                let evidence = Evidence::from_chain(&pki.chain);
                black_box(evaluate(&evidence, &requirements, UnixTime::now()).unwrap());
            }
        });
        [lap]
    })
}

fn checked(pki: &Pki) -> Contestant<'_, 1> {
    let name = ServerName::try_from(HOST).unwrap();
    let anchors = [webpki::anchor_from_trusted_cert(&pki.root).unwrap()];
    let algorithms = provider().signature_verification_algorithms;
    Contestant::new("rustls-webpki", move || {
        let mut lap = Duration::ZERO;
        timed(&mut lap, || {
            for _ in 0..TIMES {
                let leaf = EndEntityCert::try_from(&pki.chain[0]).unwrap();
                let path = leaf.verify_for_usage(
                    algorithms.all,
                    &anchors,
                    &pki.chain[1..],
                    UnixTime::now(),
                    KeyUsage::server_auth(),
                    None,
                    None,
                );
                black_box(path.unwrap());
                leaf.verify_is_valid_for_subject_name(&name).unwrap();
            }
        });
        [lap]
    })
}

/// What a server writes for each message and each session.
pub(crate) fn text(effort: Effort) {
    print_head("Text", &["100 ns"]);
    let pki = Pki::new(Key::P256);
    let pair = ours::Stack::new(terms(&pki)).pair();
    let (clause, line) = (
        Comparison::time("the clauses for Received", TIMES),
        Comparison::time("a line for the log", TIMES),
    );
    let rows = [clause, line].map(|row| row.target("100 ns", 1.0));
    contest(effort, 400, &["100 ns"], rows, || {
        let mut text = String::with_capacity(1024);
        let pair = &pair;
        let bound = Duration::from_nanos(100) * u32::try_from(TIMES).unwrap();
        vec![
            Contestant::new("mail-tls", move || {
                let mut laps = [Duration::ZERO; 2];
                let [clause, line] = &mut laps;
                timed(clause, || {
                    for _ in 0..TIMES {
                        text.clear();
                        let info = black_box(pair).server.info().unwrap();
                        write!(text, "{}", info.received_clause().unwrap()).unwrap();
                    }
                });
                timed(line, || {
                    for _ in 0..TIMES {
                        text.clear();
                        let info = black_box(pair).server.info().unwrap();
                        write!(text, "{info}").unwrap();
                    }
                });
                laps
            }),
            Contestant::new("100 ns", move || [bound; 2]),
        ]
    });
}
