//! Scripted clients against a server whose parser is its own and whose TLS is this crate's.

use bytes::BytesMut;
use mail_tls::{
    Acceptor, ClientSession, CommandVerdict, Error, Event, ServerSession, Service, StartTlsGuard,
    StartTlsStrategy, TlsMode,
};
use serde_json::Value;

use crate::format::{bytes, cases, flag, mode, name, service, strings};
use crate::world::World;

/// A server that reads lines, and executes what its guard lets through.
struct Host {
    service: Service,
    guard: StartTlsGuard,
    is_sufficient: bool,
    session: Option<ServerSession>,
    lines: Vec<u8>,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// Each reply, and whether it is the answer to a command that was executed.
    replies: Vec<(bool, String)>,
    listed: Vec<String>,
    is_established: bool,
    end: Option<Error>,
    has_closed: bool,
}

impl Host {
    fn new(acceptor: &Acceptor, case: &Value) -> Self {
        let mut guard = acceptor.guard();
        guard.set_available(flag(case, "available", true));
        Self {
            service: acceptor.service(),
            guard,
            is_sufficient: flag(case, "sufficient", true),
            session: match acceptor.mode() {
                TlsMode::Implicit => Some(acceptor.accept().unwrap()),
                TlsMode::StartTls => None,
                other => panic!("{other}"),
            },
            lines: Vec::new(),
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            replies: Vec::new(),
            listed: Vec::new(),
            is_established: false,
            end: None,
            has_closed: false,
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        if self.end.is_some() || self.has_closed {
            return;
        }
        if self.session.is_some() {
            self.incoming.extend_from_slice(bytes);
            self.drive();
        } else {
            self.lines.extend_from_slice(bytes);
            self.read_lines();
        }
    }

    fn drive(&mut self) {
        let Some(session) = &mut self.session else {
            return;
        };
        loop {
            match session.process(&mut self.incoming, &mut self.outgoing) {
                Ok(Some(Event::Established)) => {
                    self.is_established = true;
                    let _ = self.guard.established(session).unwrap();
                    if !self.is_sufficient {
                        self.guard.insufficient();
                    }
                }
                Ok(Some(Event::Data(data))) => self.lines.extend_from_slice(data),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    self.end = Some(error);
                    return;
                }
            }
        }
        self.read_lines();
    }

    fn read_lines(&mut self) {
        while let Some(at) = self.lines.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.lines.drain(..=at).collect();
            let mut reply = BytesMut::new();
            match self.guard.command(&line) {
                CommandVerdict::Proceed => {
                    let text = self.execute(&line);
                    self.say(true, text);
                }
                CommandVerdict::Refuse(refusal) => {
                    refusal.put(&mut reply);
                    self.say(false, String::from_utf8(reply.to_vec()).unwrap());
                }
                CommandVerdict::StartTls { agreement, upgrade } => {
                    agreement.put(&mut reply);
                    self.say(false, String::from_utf8(reply.to_vec()).unwrap());
                    let read_beyond = std::mem::take(&mut self.lines);
                    match upgrade.begin(&read_beyond, &mut self.incoming) {
                        Ok(session) => self.session = Some(session),
                        Err(error) => self.end = Some(error),
                    }
                    self.drive();
                    return;
                }
                CommandVerdict::Close => {
                    self.has_closed = true;
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn say(&mut self, is_ordinary: bool, reply: String) {
        match &mut self.session {
            Some(session) => session.send(reply.as_bytes(), &mut self.outgoing).unwrap(),
            None => self.outgoing.extend_from_slice(reply.as_bytes()),
        }
        self.replies.push((is_ordinary, reply));
    }

    /// What the server would do if it were one.
    fn execute(&mut self, line: &[u8]) -> String {
        let line = String::from_utf8(line.to_ascii_uppercase()).unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let offer = self.session.as_ref().map_or_else(
            || mail_tls::ExternalOffer::Nothing,
            ServerSession::external_offer,
        );
        let filter = self.guard.capabilities(offer);
        let everything: &[&str] = match self.service {
            Service::Imap => &["IMAP4rev1", "AUTH=PLAIN"],
            Service::Pop3 => &["UIDL", "USER", "SASL PLAIN"],
            Service::ManageSieve => &["\"SIEVE\" \"fileinto\"", "\"SASL\" \"PLAIN\""],
            _ => &["SIZE 1000", "AUTH PLAIN"],
        };
        let items: Vec<_> = filter.filter(everything.iter().copied()).collect();
        let asks = match words.as_slice() {
            [_, "CAPABILITY"] | ["CAPA" | "CAPABILITY"] | ["EHLO" | "LHLO", ..] => true,
            [] | [_, ..] => false,
        };
        if asks {
            self.listed = items.iter().map(|item| item.to_string()).collect();
        }
        match (self.service, asks) {
            (Service::Imap, true) => {
                format!("* CAPABILITY {}\r\n{} OK\r\n", items.join(" "), words[0])
            }
            (Service::Imap, false) => format!("{} OK\r\n", words.first().unwrap_or(&"*")),
            (Service::Pop3, true) => format!("+OK\r\n{}\r\n.\r\n", items.join("\r\n")),
            (Service::Pop3, false) => "+OK\r\n".to_owned(),
            (Service::ManageSieve, true) => format!("{}\r\nOK\r\n", items.join("\r\n")),
            (Service::ManageSieve, false) => "OK\r\n".to_owned(),
            (_, true) => format!("250-h\r\n250-{}\r\n250 OK\r\n", items.join("\r\n250-")),
            (_, false) => "250 OK\r\n".to_owned(),
        }
    }
}

/// The scripted client's TLS.
struct Peer {
    session: ClientSession,
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl Peer {
    fn new(world: &World, service: Service, mode: TlsMode) -> Self {
        let connector = world.connector(service, mode, StartTlsStrategy::AtOnce);
        let mut outgoing = BytesMut::new();
        let session = match mode {
            TlsMode::StartTls => connector.upgrade(b"", &mut outgoing).unwrap(),
            _ => connector.connect(&mut outgoing).unwrap(),
        };
        Self {
            session,
            incoming: BytesMut::new(),
            outgoing,
        }
    }

    /// Carries everything until nothing moves.
    fn run(&mut self, host: &mut Host, piece: usize) {
        loop {
            for bytes in self.outgoing.split().chunks(piece) {
                host.hear(bytes);
            }
            self.incoming.unsplit(host.outgoing.split());
            while let Ok(Some(_)) = self.session.process(&mut self.incoming, &mut self.outgoing) {}
            if self.outgoing.is_empty() && host.outgoing.is_empty() {
                return;
            }
        }
    }
}

fn play(world: &World, case: &Value, piece: usize) -> &'static str {
    let (service, mode) = (service(case), mode(case));
    let mut host = Host::new(&world.acceptor(service, mode), case);
    let mut peer = None;
    for step in case["steps"].as_array().unwrap() {
        let known = [
            "client",
            "client_hello",
            "replies",
            "listed",
            "unlisted",
            "tls",
        ];
        let is_known = |key: &String| known.contains(&key.as_str());
        assert!(step.as_object().unwrap().keys().all(is_known), "{step}");
        // Replies in plain text have been read off `replies`.
        if !host.is_established {
            host.outgoing.clear();
        }
        if flag(step, "tls", false) {
            let peer = peer.get_or_insert_with(|| Peer::new(world, service, mode));
            peer.run(&mut host, piece);
            assert!(host.is_established, "{} {step}", name(case));
            continue;
        }
        let (before, mut input) = (host.replies.len(), bytes(&step["client"], ""));
        if host.is_established {
            let peer = peer.as_mut().unwrap();
            peer.session.send(&input, &mut peer.outgoing).unwrap();
            peer.run(&mut host, piece);
        } else {
            if flag(step, "client_hello", false) {
                let peer = peer.get_or_insert_with(|| Peer::new(world, service, mode));
                input.extend_from_slice(&peer.outgoing.split());
            }
            let agreed = host.session.is_some();
            for bytes in input.chunks(piece) {
                host.hear(bytes);
            }
            // Behind the agreement the server says nothing but TLS.
            assert!(
                !agreed || matches!(*host.outgoing, [] | [21 | 22, ..]),
                "{}",
                name(case)
            );
            if let Some(peer) = &mut peer {
                let reply = host.replies.last().unwrap().1.len();
                peer.incoming
                    .extend_from_slice(&host.outgoing.split()[reply..]);
                while let Ok(Some(_)) = peer.session.process(&mut peer.incoming, &mut peer.outgoing)
                {
                }
            }
        }
        let replies = &host.replies[before..];
        let expected = strings(&step["replies"]);
        assert_eq!(
            replies.len(),
            expected.len(),
            "{} {step} {replies:?}",
            name(case)
        );
        for ((is_ordinary, reply), expected) in replies.iter().zip(expected) {
            let is_right = *is_ordinary == (expected == "*");
            let is_right = is_right && (*is_ordinary || reply.starts_with(expected));
            assert!(is_right, "{} {step} {reply:?}", name(case));
        }
        let lists = |item: &str| host.listed.iter().any(|listed| listed.starts_with(item));
        for item in strings(&step["listed"]) {
            assert!(lists(item), "{} {item} {:?}", name(case), host.listed);
        }
        for item in strings(&step["unlisted"]) {
            assert!(!lists(item), "{} {item} {:?}", name(case), host.listed);
        }
    }
    match (&host.end, &host.session) {
        (Some(error), _) => {
            assert_eq!(error.code(), "command-injection", "{}", name(case));
            "abort"
        }
        (None, Some(_)) if host.is_established => "tls",
        (None, Some(_)) => "stuck",
        (None, None) => "open",
    }
}

#[test]
fn every_script_ends_as_it_should() {
    let keys = [
        "name",
        "protocol",
        "source",
        "mode",
        "available",
        "sufficient",
        "at_once",
        "steps",
        "safe",
    ];
    let (world, cases) = (World::new(), cases("server", &keys));
    assert!(cases.len() >= 20);
    for case in &cases {
        let pieces: &[usize] = if flag(case, "at_once", false) {
            &[usize::MAX]
        } else {
            &[usize::MAX, 1]
        };
        for piece in pieces {
            let found = play(&world, case, *piece);
            let safe = case["safe"].as_str().unwrap();
            assert_eq!(found, safe, "{} {piece}", name(case));
        }
    }
}
