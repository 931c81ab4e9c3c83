#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mail_tls::{
    CommandVerdict, ExternalOffer, PlaintextPolicy, Service, StartTlsGuard, TlsMode, Upgrade,
};
use mail_tls_fuzz::{
    Cryptography, Operation, Piece, SESSION, Script, Session, Watched, acceptor, clock, within,
};

#[derive(Debug)]
struct Input {
    service: Service,
    is_relaxed: bool,
    is_available: bool,
    pieces: Vec<Piece>,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(input: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let flags: u8 = input.arbitrary()?;
        Ok(Self {
            service: Service::ALL[usize::from(flags & 7) % Service::ALL.len()],
            is_relaxed: flags & 8 != 0,
            is_available: flags & 16 == 0,
            pieces: Script::arbitrary(input)?.0,
        })
    }
}

// A server reads lines and executes what its guard lets through, until TLS begins; then a session.
fuzz_target!(|data: &[u8]| {
    within(SESSION, data, |input: Input| {
        let acceptor = acceptor(input.service, TlsMode::StartTls, false, Cryptography::Clear);
        let mut guard = acceptor.guard();
        guard.set_available(input.is_available);
        if input.is_relaxed {
            guard = guard.policy(PlaintextPolicy::TlsForAuthentication);
        }
        let requires_tls = !input.is_relaxed && input.service != Service::SmtpRelay;
        let mut read: Vec<u8> = Vec::new();
        let mut pieces = input.pieces.into_iter();
        let mut outgoing = BytesMut::new();
        let upgrade = 'plain: loop {
            let Some(piece) = pieces.next() else { return };
            read.extend(piece.0);
            while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = read.drain(..=end).collect();
                capabilities(&guard, input.service, &line);
                if let Some(upgrade) = command(
                    &mut guard,
                    input.service,
                    &line,
                    requires_tls,
                    &mut outgoing,
                ) {
                    break 'plain upgrade;
                }
            }
        };
        // Agreed: nothing more is executed, and nothing but TLS goes on.
        assert!(input.is_available);
        let CommandVerdict::Close = guard.command(b"NOOP\r\n") else {
            panic!("plain text after the agreement")
        };
        assert!(!guard.may_advertise_starttls());
        let is_tls = matches!(read[..], [] | [22] | [22, 3, ..]);
        let mut incoming = BytesMut::from(&b"left behind"[..]);
        let session = match upgrade.begin(&read, &mut incoming) {
            Ok(session) => session,
            Err(error) => {
                assert!(!is_tls);
                assert_eq!(error.code(), "command-injection");
                return;
            }
        };
        assert!(is_tls && incoming[..] == read[..]);
        assert!(guard.established(&session).is_err());
        let mut server = Watched::new(Session::Server(session), BytesMut::new(), clock());
        server.incoming = incoming;
        server.process(&mut Vec::new());
        for piece in pieces {
            server.apply(Operation::Feed(piece.0));
        }
        if let (Session::Server(session), true) = (&server.session, server.is_established) {
            if server.death.is_none() {
                let _ = guard.established(session).unwrap();
                let again = guard.command(b"a STARTTLS\r\n");
                assert!(!matches!(again, CommandVerdict::StartTls { .. }));
            }
        }
    });
});

/// What is executed before TLS is what may be; a reply is one line, whatever the command was.
fn command(
    guard: &mut StartTlsGuard,
    service: Service,
    line: &[u8],
    requires_tls: bool,
    outgoing: &mut BytesMut,
) -> Option<Upgrade> {
    outgoing.clear();
    let upgrade = match guard.command(line) {
        CommandVerdict::Proceed => {
            let verb = verb(service, line);
            assert!(!requires_tls || is_harmless(service, &verb), "{verb:?}");
            let verb = tolerant_verb(service, line);
            assert!(!is_login(service, &verb), "{verb:?}");
            return None;
        }
        CommandVerdict::Refuse(reply) => {
            reply.put(outgoing);
            None
        }
        CommandVerdict::StartTls { agreement, upgrade } => {
            let expected = if service == Service::Pop3 {
                "STLS"
            } else {
                "STARTTLS"
            };
            assert_eq!(verb(service, line), expected);
            agreement.put(outgoing);
            Some(upgrade)
        }
        other => panic!("{other:?}"),
    };
    let text = outgoing.strip_suffix(b"\r\n").unwrap();
    assert!(text.iter().all(|byte| (b' '..=b'~').contains(byte)));
    assert!(text.len() <= line.len() + 100);
    upgrade
}

/// The command's word, as the grammars have it.
fn verb(service: Service, line: &[u8]) -> String {
    let line = String::from_utf8_lossy(command_part(service, line)).to_ascii_uppercase();
    let line = line.trim_end_matches(['\n', '\r']);
    line.split([' ', '\t'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// The first letters in it, which a parser that skips the rest may take for a command.
fn tolerant_verb(service: Service, line: &[u8]) -> String {
    let line = command_part(service, line);
    let letters = line.iter().skip_while(|byte| !byte.is_ascii_alphabetic());
    let letters = letters.take_while(|byte| byte.is_ascii_alphabetic());
    letters
        .map(|byte| char::from(byte.to_ascii_uppercase()))
        .collect()
}

/// What stands behind IMAP's tag.
fn command_part(service: Service, line: &[u8]) -> &[u8] {
    let space = line.iter().position(|byte| *byte == b' ');
    match (service, space) {
        (Service::Imap, Some(at)) => &line[at + 1..],
        _ => line,
    }
}

fn is_harmless(service: Service, verb: &str) -> bool {
    let verbs: &[&str] = match service {
        Service::Imap | Service::ManageSieve => &["CAPABILITY", "NOOP", "LOGOUT"],
        Service::Pop3 => &["CAPA", "NOOP", "QUIT"],
        Service::Lmtp => &["LHLO", "NOOP", "QUIT"],
        _ => &["EHLO", "NOOP", "QUIT"],
    };
    verbs.contains(&verb)
}

fn is_login(service: Service, verb: &str) -> bool {
    let verbs: &[&str] = match service {
        Service::Imap => &["LOGIN", "AUTHENTICATE"],
        Service::ManageSieve => &["AUTHENTICATE"],
        Service::Pop3 => &["USER", "PASS", "APOP", "AUTH"],
        _ => &["AUTH"],
    };
    verbs.contains(&verb)
}

/// No way to log in is listed before TLS.
fn capabilities(guard: &StartTlsGuard, service: Service, line: &[u8]) {
    let text = String::from_utf8_lossy(line).to_ascii_uppercase();
    let filter = guard.capabilities(ExternalOffer::Nothing);
    assert!(!filter.lists_login() && !filter.lists_external());
    assert_eq!(filter.lists_starttls(), guard.may_advertise_starttls());
    for item in filter.filter(text.trim_end().split(',')) {
        let word = item.split(' ').next().unwrap();
        let is_login = match service {
            Service::Imap => item.starts_with("AUTH="),
            Service::Pop3 => word == "USER" || (word == "SASL" && item.trim_end() != "SASL"),
            Service::ManageSieve => false,
            _ => word == "AUTH" || word.starts_with("AUTH="),
        };
        assert!(!is_login, "{item}");
        assert!(!item.contains(['\r', '\n']));
    }
}
