//! The server's guard: replies, states, capabilities, and the way to TLS.

use bytes::BytesMut;
use mail_tls::admission::{ConnectionSecurity, DeprecationSchedule, ServerPolicy, UtcDay};
use mail_tls::{
    Acceptor, ApiMisuse, Certificates, CommandVerdict, Endpoint, ExternalOffer, MustForget,
    PlaintextPolicy, Service, StartTlsGuard, TlsMode,
};

use crate::support::{HOST, Pair, Told, World, drive};

fn acceptor(world: &World, service: Service, mode: TlsMode) -> Acceptor {
    let certificates = Certificates::new(world.authority.issue(&[HOST]));
    world
        .server()
        .acceptor(service, mode, certificates)
        .build()
        .unwrap()
}

/// What the guard answers: `proceed`, `close`, or the reply's line.
fn answer(guard: &mut StartTlsGuard, line: &str) -> String {
    let mut outgoing = BytesMut::new();
    match guard.command(line.as_bytes()) {
        CommandVerdict::Proceed => return "proceed".to_owned(),
        CommandVerdict::Close => return "close".to_owned(),
        CommandVerdict::Refuse(reply) => reply.put(&mut outgoing),
        CommandVerdict::StartTls { agreement, .. } => agreement.put(&mut outgoing),
        other => panic!("{other:?}"),
    }
    let line = String::from_utf8(outgoing.to_vec()).unwrap();
    line.strip_suffix("\r\n").unwrap().to_owned()
}

/// The beginning of each reply before TLS, with its source.
#[test]
fn replies_before_tls() {
    use Service::*;
    let rows: &[(Service, &str, &str)] = &[
        // RFC 3207 §4
        (Submission, "EHLO h", "proceed"),
        (Submission, "noop", "proceed"),
        (Submission, "QUIT", "proceed"),
        (Submission, "MAIL FROM:<a@example.org>", "530 5.7.0 "),
        (Submission, "HELO h", "530 5.7.0 "),
        (Submission, "RSET", "530 5.7.0 "),
        (Submission, "AUTH PLAIN AHQAdA==", "530 5.7.0 "),
        (Submission, "STARTTLS x", "501 "),
        (Submission, "STARTTLS", "220 "),
        (Lmtp, "LHLO h", "proceed"),
        (Lmtp, "MAIL FROM:<>", "530 5.7.0 "),
        (Lmtp, "STARTTLS", "220 "),
        // RFC 3207 §4: a relay requires no TLS; RFC 4954 §6
        (SmtpRelay, "MAIL FROM:<>", "proceed"),
        (SmtpRelay, "AUTH LOGIN", "538 5.7.11 "),
        (SmtpRelay, "STARTTLS", "220 "),
        // RFC 9051 §6.2.1, RFC 5530 §3
        (Imap, "a CAPABILITY", "proceed"),
        (Imap, "a LOGOUT", "proceed"),
        (Imap, "a LOGIN t t", "a NO [PRIVACYREQUIRED] "),
        (Imap, "a AUTHENTICATE PLAIN", "a NO [PRIVACYREQUIRED] "),
        (Imap, "a SELECT INBOX", "a NO [PRIVACYREQUIRED] "),
        (Imap, "a STARTTLS x", "a BAD "),
        (Imap, "STARTTLS", "* BAD "),
        (Imap, "a.1 starttls", "a.1 OK "),
        // RFC 2595 §4
        (Pop3, "CAPA", "proceed"),
        (Pop3, "USER t", "-ERR "),
        (Pop3, "APOP t 0", "-ERR "),
        (Pop3, "STLS x", "-ERR "),
        (Pop3, "STLS", "+OK "),
        // RFC 5804 §1.3, §2.2
        (ManageSieve, "CAPABILITY", "proceed"),
        (
            ManageSieve,
            "AUTHENTICATE \"PLAIN\"",
            "NO (ENCRYPT-NEEDED) ",
        ),
        (ManageSieve, "LISTSCRIPTS", "NO \""),
        (ManageSieve, "STARTTLS \"x\"", "NO \""),
        (ManageSieve, "STARTTLS", "OK \""),
    ];
    let world = World::new();
    for service in Service::ALL {
        let acceptor = acceptor(&world, service, TlsMode::StartTls);
        for (_, line, expected) in rows.iter().filter(|row| row.0 == service) {
            let found = answer(&mut acceptor.guard(), line);
            assert!(found.starts_with(expected), "{service} {line}: {found}");
        }
        // A relay that is nobody's exchanger may require TLS, and others need not.
        let mut lax = acceptor
            .guard()
            .policy(PlaintextPolicy::TlsForAuthentication);
        let mut strict = acceptor.guard().policy(PlaintextPolicy::TlsRequired);
        assert_eq!(answer(&mut lax, "x XYZZY"), "proceed");
        assert_ne!(answer(&mut strict, "x XYZZY"), "proceed");
    }
}

/// Where STARTTLS cannot be, by protocol: not available, after the login, under TLS, without
/// enough of it.
#[test]
fn starttls_refused() {
    let rows = [
        // RFC 3207 §4, §4.1
        (
            Service::Submission,
            "STARTTLS",
            ["454 4.7.0 ", "503 ", "503 ", "554 "],
        ),
        (
            Service::Lmtp,
            "STARTTLS",
            ["454 4.7.0 ", "503 ", "503 ", "554 "],
        ),
        (
            Service::SmtpRelay,
            "STARTTLS",
            ["454 4.7.0 ", "503 ", "503 ", "554 "],
        ),
        // RFC 9051 §6.2.1, RFC 5530 §3
        (
            Service::Imap,
            "t STARTTLS",
            [
                "t NO [UNAVAILABLE] ",
                "t BAD ",
                "t BAD ",
                "t NO [PRIVACYREQUIRED] ",
            ],
        ),
        // RFC 2595 §4, RFC 3206 §4
        (
            Service::Pop3,
            "STLS",
            ["-ERR [SYS/TEMP] ", "-ERR ", "-ERR ", "-ERR "],
        ),
        // RFC 5804 §1.3, §2.2
        (
            Service::ManageSieve,
            "STARTTLS",
            ["NO (TRYLATER) ", "NO \"", "NO \"", "NO (ENCRYPT-NEEDED) "],
        ),
    ];
    let world = World::new();
    for (service, line, [unavailable, logged_in, active, insufficient]) in rows {
        let starttls = acceptor(&world, service, TlsMode::StartTls);
        let mut guard = starttls.guard();
        assert!(guard.may_advertise_starttls());
        guard.set_available(false);
        assert!(!guard.may_advertise_starttls());
        let found = answer(&mut guard, line);
        assert!(found.starts_with(unavailable), "{found}");

        let mut guard = starttls.guard();
        guard.authenticated();
        assert!(!guard.may_advertise_starttls());
        let found = answer(&mut guard, line);
        assert!(found.starts_with(logged_in), "{found}");

        let mut guard = acceptor(&world, service, TlsMode::Implicit).guard();
        assert!(!guard.may_advertise_starttls());
        let found = answer(&mut guard, line);
        assert!(found.starts_with(active), "{found}");
        assert_eq!(answer(&mut guard, "x y"), "proceed");

        guard.insufficient();
        for line in [line, "x y"] {
            let found = answer(&mut guard, line);
            let expected = insufficient.replacen("t ", &format!("{} ", &line[..1]), 1);
            assert!(found.starts_with(&expected), "{found} {expected}");
        }
        let farewell = match service {
            Service::Imap => "x LOGOUT",
            Service::ManageSieve => "LOGOUT",
            _ => "QUIT",
        };
        assert_eq!(answer(&mut guard, farewell), "proceed");
        assert!(!guard.capabilities(ExternalOffer::External).lists_login());
    }
}

/// RFC 3207 §4.2, RFC 9051 §6.2.1, RFC 2595 §4, RFC 5804 §2.2: from the command to what may be
/// listed under TLS.
#[test]
fn from_the_command_to_tls() {
    for (service, line, forgotten) in [
        (Service::Imap, "t STARTTLS", MustForget::EverythingSaid),
        (Service::Pop3, "STLS", MustForget::EverythingSaid),
        (
            Service::Submission,
            "STARTTLS",
            MustForget::HelloAndTransaction,
        ),
        (Service::Lmtp, "STARTTLS", MustForget::HelloAndTransaction),
        (Service::ManageSieve, "STARTTLS", MustForget::EverythingSaid),
    ] {
        let world = World::new();
        let mut guard = acceptor(&world, service, TlsMode::StartTls).guard();
        let before = guard.capabilities(ExternalOffer::External);
        assert!(before.lists_starttls() && !before.lists_login() && !before.lists_external());
        let CommandVerdict::StartTls { upgrade, .. } = guard.command(line.as_bytes()) else {
            panic!("{service}")
        };
        // Nothing is said between the agreement and TLS, and nothing is executed.
        assert_eq!(answer(&mut guard, line), "close");
        assert!(!guard.may_advertise_starttls());

        let (mut server_in, mut server_out) = (BytesMut::new(), BytesMut::new());
        let mut server = upgrade.begin(b"", &mut server_in).unwrap();
        assert!(guard.established(&server).is_err(), "too early");
        let endpoint = Endpoint::typed(service, TlsMode::StartTls, HOST)
            .unwrap_or_else(|_| Endpoint::typed(Service::Imap, TlsMode::StartTls, HOST).unwrap());
        let connector = world.client().connector(&world.account, endpoint).unwrap();
        let (mut client_in, mut client_out) = (BytesMut::new(), BytesMut::new());
        let mut client = connector.upgrade(b"", &mut client_out).unwrap();
        let mut told = Vec::new();
        while !client_out.is_empty() || !server_out.is_empty() {
            server_in.unsplit(client_out.split());
            told.extend(drive!(server, &mut server_in, &mut server_out));
            client_in.unsplit(server_out.split());
            drop(drive!(client, &mut client_in, &mut client_out));
        }
        assert_eq!(told, [Told::Established]);
        assert_eq!(guard.established(&server).unwrap(), forgotten);
        let after = guard.capabilities(server.external_offer());
        assert!(!after.lists_starttls() && after.lists_login() && !after.lists_external());
        assert!(guard.capabilities(ExternalOffer::External).lists_external());
        assert_ne!(answer(&mut guard, line), "proceed");
        // RFC 8314 §3.3: what holds on one port holds on the other.
        let mut implicit = acceptor(&world, service, TlsMode::Implicit).guard();
        for line in [
            line,
            "t LOGIN u p",
            "AUTH PLAIN AHQAdA==",
            "USER t",
            "x y",
            " x",
            "",
        ] {
            let (there, here) = (answer(&mut implicit, line), answer(&mut guard, line));
            assert_eq!(there, here, "{service} {line}");
        }
    }
}

/// RFC 8314 §4.1: while cleartext is phased out, admission decides who logs in without TLS; the list
/// and the guard follow it, and under TLS nothing is different.
#[test]
fn a_server_that_phases_cleartext_out() {
    let days = [1, 2, 3, 4].map(|month| UtcDay::from_date(2027, month, 1).unwrap());
    let schedule = DeprecationSchedule::new(b"", days).unwrap();
    let admission = ServerPolicy::phasing_out_cleartext(schedule);
    let world = World::new();
    let rows = [
        (
            Service::Imap,
            "a LOGIN t t",
            "AUTH=PLAIN",
            "a NO [PRIVACYREQUIRED] ",
        ),
        (Service::Pop3, "USER t", "SASL PLAIN", "-ERR "),
        (Service::Submission, "AUTH PLAIN", "AUTH PLAIN", "530 "),
        (
            Service::ManageSieve,
            "AUTHENTICATE \"PLAIN\"",
            "\"SASL\" \"PLAIN\"",
            "NO (ENCRYPT-NEEDED) ",
        ),
    ];
    for (service, login, listed, refusal) in rows {
        for (today, is_open) in [(days[2], true), (days[3], false)] {
            let policy = match admission.permits_login(ConnectionSecurity::Cleartext, today) {
                true => PlaintextPolicy::AdmissionDecides,
                false => PlaintextPolicy::TlsRequired,
            };
            let acceptor = acceptor(&world, service, TlsMode::StartTls);
            let mut guard = acceptor.guard().policy(policy);
            let found = answer(&mut guard, login);
            assert_eq!(found == "proceed", is_open, "{found}");
            assert!(is_open || found.starts_with(refusal), "{found}");
            let filter = guard.capabilities(ExternalOffer::External);
            assert!(filter.lists_starttls() && !filter.lists_external());
            let items: Vec<_> = filter.filter([listed]).collect();
            assert_eq!(
                items.iter().any(|item| item == listed),
                is_open,
                "{items:?}"
            );
            assert_eq!(
                items.iter().any(|item| item == "LOGINDISABLED"),
                service == Service::Imap && !is_open
            );
            // What is not a command is none here either.
            assert_ne!(answer(&mut guard, &format!("\0{login}")), "proceed");
            let starttls = match service {
                Service::Imap => "a STARTTLS",
                Service::Pop3 => "STLS",
                _ => "STARTTLS",
            };
            assert_ne!(answer(&mut guard, starttls), "proceed");
            assert_eq!(answer(&mut guard, login), "close");
            let filter = guard.capabilities(ExternalOffer::Nothing);
            assert!(!filter.lists_login() && !filter.lists_starttls());
        }
    }
}

/// RFC 9051 §6.2.1: what was put behind the command is never executed.
#[test]
fn what_lies_behind_the_command_is_not_executed() {
    let world = World::new();
    let mut guard = acceptor(&world, Service::Pop3, TlsMode::StartTls).guard();
    let CommandVerdict::StartTls { upgrade, .. } = guard.command(b"STLS\r\n") else {
        panic!()
    };
    let error = upgrade
        .begin(b"USER t\r\n", &mut BytesMut::new())
        .unwrap_err();
    assert_eq!(error.code(), "command-injection");
    assert_eq!(answer(&mut guard, "USER t"), "close");
}

/// One connection's guard is not moved by another's TLS: not by that of another listener, not by that
/// of another connection of the same, and not before it has agreed.
#[test]
fn a_session_of_another_connection() {
    let foreign = Err(ApiMisuse::ForeignSession.into());
    let world = World::new();
    let listener = acceptor(&world, Service::Submission, TlsMode::StartTls);
    let agreed = || {
        let mut guard = listener.guard();
        let CommandVerdict::StartTls { upgrade, .. } = guard.command(b"STARTTLS") else {
            panic!("available")
        };
        let session = upgrade.begin(b"", &mut BytesMut::new()).unwrap();
        (guard, session)
    };
    let ((mut one, own), (mut other, others)) = (agreed(), agreed());
    let early: Result<MustForget, _> = Err(ApiMisuse::NotEstablished.into());
    for (guard, own, others) in [(&mut one, &own, &others), (&mut other, &others, &own)] {
        assert_eq!(guard.established(own), early, "it may become its own");
        assert_eq!(guard.established(others), foreign);
    }

    // Where the plaintext part is the program's own the acceptor is what is known.
    let endpoint = Endpoint::typed(Service::Submission, TlsMode::StartTls, HOST).unwrap();
    let connector = world.client().connector(&world.account, endpoint).unwrap();
    let mut to_server = BytesMut::new();
    let client = connector.upgrade(b"", &mut to_server).unwrap();
    let server = listener.upgrade(b"", &mut BytesMut::new()).unwrap();
    let mut pair = Pair::joining(client, server, to_server);
    pair.run();
    assert_eq!(pair.server_trace(), [Told::Established]);
    let mut before = listener.guard();
    assert_eq!(
        before.established(&pair.server),
        foreign,
        "nothing was agreed"
    );
    assert!(answer(&mut before, "MAIL FROM:<>").starts_with("530 5.7.0 "));
    assert_eq!(
        one.established(&pair.server),
        Ok(MustForget::HelloAndTransaction)
    );
    let mut elsewhere = acceptor(&world, Service::Submission, TlsMode::StartTls).guard();
    assert!(answer(&mut elsewhere, "STARTTLS").starts_with("220"));
    assert_eq!(elsewhere.established(&pair.server), foreign);
    let mut implicit = acceptor(&world, Service::Submission, TlsMode::Implicit).guard();
    assert_eq!(implicit.established(&pair.server), foreign);

    // What is not enough stays so.
    one.insufficient();
    assert!(one.established(&pair.server).is_ok());
    assert!(answer(&mut one, "MAIL FROM:<>").starts_with("554 "));
}
