//! Scripted servers against this crate's client.

use bytes::BytesMut;
use mail_tls::error::StartTlsFailure;
use mail_tls::{ClientSession, Connector, Error, Event, ProtocolError, Service};
use mail_tls::{StartTlsStrategy, TlsMode};
use proptest::prelude::*;
use serde_json::Value;

use crate::format::{bytes, cases, flag, name, service};
use crate::world::World;

const STRATEGIES: [(&str, StartTlsStrategy); 2] = [
    ("at-once", StartTlsStrategy::AtOnce),
    ("ask-first", StartTlsStrategy::AskFirst),
];

/// A client under a scripted server, and all that it has said.
struct Run {
    service: Service,
    session: ClientSession,
    incoming: BytesMut,
    said: Vec<u8>,
    /// Up to where what it has said has been answered.
    answered: usize,
    end: Option<Error>,
}

/// What the client has said since it was last answered.
#[derive(Debug, PartialEq, Eq)]
enum Speech {
    Nothing,
    Question,
    StartTls { tag: String },
    Tls,
}

impl Run {
    fn new(connector: &Connector) -> Self {
        let mut outgoing = BytesMut::new();
        Self {
            service: connector.endpoint().service(),
            session: connector.connect(&mut outgoing).unwrap(),
            incoming: BytesMut::new(),
            said: outgoing.to_vec(),
            answered: 0,
            end: None,
        }
    }

    /// What the server sends arrives in pieces.
    fn hear(&mut self, bytes: &[u8], piece: usize) {
        for piece in bytes.chunks(piece.max(1)) {
            if self.end.is_some() {
                return;
            }
            self.incoming.extend_from_slice(piece);
            let mut outgoing = BytesMut::new();
            loop {
                match self.session.process(&mut self.incoming, &mut outgoing) {
                    Ok(Some(Event::Established | Event::Data(_))) => panic!("no TLS was spoken"),
                    Ok(Some(_)) => {}
                    Ok(None) => break,
                    Err(error) => {
                        self.end = Some(error);
                        break;
                    }
                }
            }
            self.said.extend_from_slice(&outgoing);
        }
    }

    /// Panics unless what the client says is the question, the command, or TLS.
    fn speech(&mut self) -> Speech {
        let new = self.said[self.answered..].to_vec();
        self.answered = self.said.len();
        if new.is_empty() {
            return Speech::Nothing;
        }
        if new.starts_with(&[22, 3]) {
            return Speech::Tls;
        }
        let line = String::from_utf8(new).unwrap();
        let words: Vec<&str> = line.strip_suffix("\r\n").unwrap().split(' ').collect();
        match (self.service, words.as_slice()) {
            (Service::Imap, [tag, "STARTTLS"]) => Speech::StartTls {
                tag: (*tag).to_owned(),
            },
            (Service::Imap, [_, "CAPABILITY"])
            | (Service::Pop3, ["CAPA"])
            | (Service::Submission, ["EHLO", "[127.0.0.1]"])
            | (Service::Lmtp, ["LHLO", "[127.0.0.1]"]) => Speech::Question,
            (Service::Pop3, ["STLS"])
            | (Service::Submission | Service::Lmtp | Service::ManageSieve, ["STARTTLS"]) => {
                Speech::StartTls { tag: String::new() }
            }
            other => panic!("the client said {other:?}"),
        }
    }

    fn verdict(&self, has_tls: bool) -> (&'static str, Option<&'static str>) {
        match &self.end {
            Some(error) => ("abort", Some(reason(error))),
            None if has_tls => ("tls", None),
            None => ("wait", None),
        }
    }
}

/// The corpus' word for an error.
fn reason(error: &Error) -> &'static str {
    let Error::Protocol(error) = error else {
        panic!("{error}")
    };
    match &**error {
        ProtocolError::ResponseInjection { .. } => "injection",
        ProtocolError::TooMuch { .. } => "too-much",
        ProtocolError::AlertReceived { .. } => "alert",
        ProtocolError::StartTls(failure) => match failure {
            StartTlsFailure::NotOffered => "not-offered",
            StartTlsFailure::Refused { is_temporary, .. } if *is_temporary => "refused-temporarily",
            StartTlsFailure::Refused { .. } => "refused",
            StartTlsFailure::NoService { .. } => "no-service",
            StartTlsFailure::AlreadyAuthenticated => "preauthenticated",
            StartTlsFailure::UnexpectedReply { .. } => "unexpected",
            StartTlsFailure::SpeaksTls => "wrong-mode",
            other => panic!("{other}"),
        },
        other => panic!("{other}"),
    }
}

/// Plays one case to its end.
fn play(case: &Value, connector: &Connector, piece: usize) -> (String, Option<String>) {
    let mut run = Run::new(connector);
    let (mut questions, mut commands) = (0, 0);
    // The tag that an attacker would guess.
    run.hear(&bytes(&case["greeting"], "A2"), piece);
    let has_tls = loop {
        let (speech, before) = (run.speech(), run.said.len());
        let key = match speech {
            Speech::Nothing => break false,
            Speech::Question => {
                questions += 1;
                run.hear(&bytes(&case["capability"], "A1"), piece);
                continue;
            }
            Speech::StartTls { tag } => {
                commands += 1;
                assert_eq!(commands, 1, "{}", name(case));
                run.hear(&bytes(&case["starttls"], &tag), piece);
                continue;
            }
            Speech::Tls => "after",
        };
        assert_eq!(commands, 1, "TLS without STARTTLS: {}", name(case));
        run.hear(&bytes(&case[key], ""), piece);
        // Behind the ClientHello comes nothing but TLS: an alert.
        let after = &run.said[before..];
        assert!(matches!(after, [] | [21, 3, ..]), "{}", name(case));
        break true;
    };
    assert!(questions <= 1, "{}", name(case));
    if run.end.is_some() {
        // Dead is dead, and silent.
        let before = run.said.len();
        run.end = None;
        run.hear(b"* OK\r\n+OK\r\n220 x\r\nOK\r\n", 1);
        assert!(run.end.is_some() && run.said.len() == before);
    }
    let (verdict, reason) = run.verdict(has_tls);
    (verdict.to_owned(), reason.map(str::to_owned))
}

#[test]
fn every_script_ends_as_it_should() {
    let keys = [
        "name",
        "protocol",
        "source",
        "greeting",
        "capability",
        "starttls",
        "after",
        "at_once",
        "safe",
        "reason",
    ];
    let (world, cases) = (World::new(), cases("client", &keys));
    assert!(cases.len() >= 40);
    for case in &cases {
        for (key, strategy) in STRATEGIES {
            let connector = world.connector(service(case), TlsMode::StartTls, strategy);
            let safe = match &case["safe"] {
                Value::Object(by_strategy) => &by_strategy[key],
                verdict => verdict,
            };
            let safe = safe.as_str().unwrap();
            let reason = (safe == "abort").then(|| case["reason"].as_str().unwrap().to_owned());
            let pieces: &[usize] = if flag(case, "at_once", false) {
                &[usize::MAX]
            } else {
                &[usize::MAX, 1, 7]
            };
            for piece in pieces {
                let found = play(case, &connector, *piece);
                let expected = (safe.to_owned(), reason.clone());
                assert_eq!(found, expected, "{} {key} {piece}", name(case));
            }
        }
    }
}

/// Lines that servers say, whole and broken, and bytes that they do not.
fn server_bytes() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "* OK",
        "* BYE",
        "* PREAUTH",
        "* CAPABILITY",
        "STARTTLS",
        "A1 OK",
        "A2 OK",
        "A2 NO",
        "+OK",
        "-ERR",
        "STLS",
        ".",
        "220",
        "220-",
        "250",
        "250-",
        "454",
        "\"STARTTLS\"",
        "OK",
        "NO",
        "{3}",
        "{0}",
        " ",
        "\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "\\",
        "\"",
        "\u{16}\u{3}\u{3}",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 0..5),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// One client for each service and strategy.
fn connectors() -> Vec<Connector> {
    let world = World::new();
    let services = Service::ALL
        .into_iter()
        .filter(|s| *s != Service::SmtpRelay);
    services
        .flat_map(|service| {
            STRATEGIES.map(|(_, strategy)| world.connector(service, TlsMode::StartTls, strategy))
        })
        .collect()
}

/// How a run went: what was said, and how it ended.
fn trace(connector: &Connector, turns: &[Vec<u8>], piece: usize) -> (Vec<Speech>, String) {
    let mut run = Run::new(connector);
    let mut speeches = Vec::new();
    for turn in turns {
        // One command may follow another within a turn that comes in pieces.
        for piece in turn.chunks(piece.max(1)) {
            run.hear(piece, usize::MAX);
            match run.speech() {
                Speech::Nothing => {}
                speech => speeches.push(speech),
            }
        }
    }
    let end = run.end.as_ref().map_or("lives", Error::code);
    (speeches, end.to_owned())
}

/// Whatever a server says: the client says the question, the command, TLS, in this order and each
/// once at most. And how the bytes are split changes nothing, unless bytes came too early: then
/// they are an injection, if the client can know it.
#[test]
fn no_server_makes_the_client_say_anything_else() {
    let connectors = connectors();
    let turns = proptest::collection::vec(server_bytes(), 0..5);
    let config = ProptestConfig::with_cases(1000);
    proptest!(config, |(turns in turns, at in 0..connectors.len(), piece in 1_usize..20)| {
        let connector = &connectors[at];
        let (speeches, end) = trace(connector, &turns, usize::MAX);
        let (in_pieces, end_in_pieces) = trace(connector, &turns, piece);
        for speeches in [&speeches, &in_pieces] {
            let rank = |speech: &Speech| match speech {
                Speech::Nothing => 0,
                Speech::Question => 1,
                Speech::StartTls { .. } => 2,
                Speech::Tls => 3,
            };
            // `speech` itself has refused whatever else could be said. Records after the
            // ClientHello are alerts.
            prop_assert!(speeches.windows(2).all(|two| rank(&two[0]) < rank(&two[1])));
        }
        if end != "response-injection" {
            prop_assert_eq!((speeches, end), (in_pieces, end_in_pieces));
        }
    });
}

/// A server that never stops is left, in every state that it can hold a client in.
#[test]
fn floods_are_left_soon() {
    for connector in connectors() {
        for flood in [
            "* 1 EXISTS\r\n",
            "220-x\r\n",
            "+OK\r\n",
            "\"X\"\r\n",
            "x",
            "{0}\r\n",
            "\n",
        ] {
            let bytes = flood.repeat(400_000 / flood.len());
            let mut run = Run::new(&connector);
            run.hear(bytes.as_bytes(), usize::MAX);
            assert!(run.end.is_some(), "{connector:?} {flood:?}");
        }
    }
}
