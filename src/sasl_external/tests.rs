use proptest::prelude::*;

use super::*;

fn derived() -> AuthorizationIdentity {
    AuthorizationIdentity::derived()
}

fn fred() -> AuthorizationIdentity {
    AuthorizationIdentity::new("fred@example.com").unwrap()
}

fn begun(client: &ExternalClient) -> (String, ExternalNext) {
    let mut out = BytesMut::new();
    let next = client.begin(&mut out);
    (String::from_utf8(out.to_vec()).unwrap(), next)
}

fn responded(client: &ExternalClient, challenge: &[u8]) -> (String, bool) {
    let mut out = BytesMut::new();
    let result = client.respond(challenge, &mut out);
    (String::from_utf8(out.to_vec()).unwrap(), result.is_ok())
}

/// The commands of the RFCs' examples, and what follows from their rules.
#[test]
fn commands() {
    use ExternalNext::{AwaitChallenge, AwaitOutcome};
    let imap = |ir, identity| ExternalClient::imap("A01", ir, identity).unwrap();
    let rows = [
        // RFC 9051 §6.2.2, the example.
        (
            imap(true, derived()),
            "A01 AUTHENTICATE EXTERNAL =\r\n",
            AwaitOutcome,
        ),
        (
            imap(true, fred()),
            "A01 AUTHENTICATE EXTERNAL ZnJlZEBleGFtcGxlLmNvbQ==\r\n",
            AwaitOutcome,
        ),
        // RFC 3501 §6.2.2: no initial response.
        (
            imap(false, derived()),
            "A01 AUTHENTICATE EXTERNAL\r\n",
            AwaitChallenge,
        ),
        (
            imap(false, fred()),
            "A01 AUTHENTICATE EXTERNAL\r\n",
            AwaitChallenge,
        ),
        // RFC 5034 §4.
        (
            ExternalClient::pop3(derived()),
            "AUTH EXTERNAL =\r\n",
            AwaitOutcome,
        ),
        (
            ExternalClient::pop3(fred()),
            "AUTH EXTERNAL ZnJlZEBleGFtcGxlLmNvbQ==\r\n",
            AwaitOutcome,
        ),
        (
            ExternalClient::pop3(fred()).without_initial_response(),
            "AUTH EXTERNAL\r\n",
            AwaitChallenge,
        ),
        // RFC 4954 §4, the example.
        (
            ExternalClient::smtp(derived()),
            "AUTH EXTERNAL =\r\n",
            AwaitOutcome,
        ),
        (
            ExternalClient::smtp(fred()),
            "AUTH EXTERNAL ZnJlZEBleGFtcGxlLmNvbQ==\r\n",
            AwaitOutcome,
        ),
        // RFC 5804 §2.1: an empty response is an empty string.
        (
            ExternalClient::manage_sieve(derived()),
            "AUTHENTICATE \"EXTERNAL\" \"\"\r\n",
            AwaitOutcome,
        ),
        (
            ExternalClient::manage_sieve(fred()),
            "AUTHENTICATE \"EXTERNAL\" \"ZnJlZEBleGFtcGxlLmNvbQ==\"\r\n",
            AwaitOutcome,
        ),
        (
            ExternalClient::manage_sieve(fred()).without_initial_response(),
            "AUTHENTICATE \"EXTERNAL\"\r\n",
            AwaitChallenge,
        ),
    ];
    for (client, command, next) in rows {
        assert_eq!(begun(&client), (command.to_owned(), next));
    }
}

#[test]
fn responses() {
    let imap = ExternalClient::imap("A01", false, fred()).unwrap();
    let rows = [
        (imap, "ZnJlZEBleGFtcGxlLmNvbQ==\r\n", "*\r\n"),
        (ExternalClient::pop3(derived()), "\r\n", "*\r\n"),
        (
            ExternalClient::smtp(fred()),
            "ZnJlZEBleGFtcGxlLmNvbQ==\r\n",
            "*\r\n",
        ),
        (
            ExternalClient::manage_sieve(derived()),
            "\"\"\r\n",
            "\"*\"\r\n",
        ),
        (
            ExternalClient::manage_sieve(fred()),
            "\"ZnJlZEBleGFtcGxlLmNvbQ==\"\r\n",
            "\"*\"\r\n",
        ),
    ];
    for (client, response, cancelled) in rows {
        assert_eq!(responded(&client, b""), (response.to_owned(), true));
        assert_eq!(responded(&client, b" "), (response.to_owned(), true));
        assert_eq!(
            responded(&client, b"cGxlYXNl"),
            (cancelled.to_owned(), false)
        );
    }
}

/// RFC 5034 §4 with RFC 2449 §4: 255 octets with CRLF; RFC 4954 §4 with RFC 5321 §4.5.3.1.4: 512.
#[test]
fn a_command_that_would_be_too_long_goes_without_its_response() {
    type Client = fn(AuthorizationIdentity) -> ExternalClient;
    let rows: [(Client, usize); 2] = [(ExternalClient::pop3, 255), (ExternalClient::smtp, 512)];
    for (client, limit) in rows {
        let mut longest = 0;
        for length in 1..600 {
            let identity = AuthorizationIdentity::new(&"x".repeat(length)).unwrap();
            let (command, next) = begun(&client(identity));
            assert!(command.len() <= limit);
            match next {
                ExternalNext::AwaitOutcome => longest = longest.max(command.len()),
                ExternalNext::AwaitChallenge => assert_eq!(command, "AUTH EXTERNAL\r\n"),
            }
        }
        // Base64 grows by four.
        assert!(longest > limit - 4, "{longest}");
    }
}

/// RFC 5804 §4: quoted strings have 1024 octets at most.
#[test]
fn a_long_string_of_managesieve_is_a_literal() {
    let identity = |length| AuthorizationIdentity::new(&"x".repeat(length)).unwrap();
    let (command, _) = begun(&ExternalClient::manage_sieve(identity(768)));
    assert!(command.starts_with("AUTHENTICATE \"EXTERNAL\" \"eHh4"));
    let (command, _) = begun(&ExternalClient::manage_sieve(identity(769)));
    assert!(command.starts_with("AUTHENTICATE \"EXTERNAL\" {1028+}\r\neHh4"));
}

/// RFC 4422 appendix A.1.
#[test]
fn identities() {
    assert_eq!(AuthorizationIdentity::new(""), Ok(derived()));
    assert_eq!(
        AuthorizationIdentity::new("a\0b"),
        Err(InvalidIdentity::ContainsNul)
    );
    let longest = "x".repeat(AUTHORIZATION_IDENTITY);
    assert!(AuthorizationIdentity::new(&longest).is_ok());
    let longer = "x".repeat(AUTHORIZATION_IDENTITY + 1);
    assert_eq!(
        AuthorizationIdentity::new(&longer),
        Err(InvalidIdentity::TooLong)
    );
}

/// RFC 9051 §9.
#[test]
fn tags() {
    for (tag, is_good) in [
        ("A01", true),
        ("a.1]", true),
        ("", false),
        ("a b", false),
        ("a+", false),
        ("a\r\n", false),
        ("a*", false),
        ("ä", false),
    ] {
        let client = ExternalClient::imap(tag, true, derived());
        assert_eq!(client.is_ok(), is_good, "{tag}");
    }
}

/// RFC 4648 §4 and §3, RFC 5034 §4, RFC 4954 §4, RFC 9051 §6.2.2.
#[test]
fn what_a_server_takes_and_what_not() {
    use ExternalFault::{Cancelled, NotBase64, NotText, TooLong};
    let long = BASE64.encode(&[b'x'; AUTHORIZATION_IDENTITY + 1]);
    let rows: &[(&[u8], Result<&str, ExternalFault>)] = &[
        (b"", Ok("")),
        (b"ZnJlZEBleGFtcGxlLmNvbQ==", Ok("fred@example.com")),
        ("w6TDtsO8".as_bytes(), Ok("äöü")),
        (b"*", Err(Cancelled)),
        (b"=", Err(NotBase64)),
        (b"==", Err(NotBase64)),
        (b"=AAA", Err(NotBase64)),
        (b"AAA=BBB", Err(NotBase64)),
        (b"eHg=eHg=", Err(NotBase64)),
        (b"eA==eA==", Err(NotBase64)),
        (b"eHg", Err(NotBase64)),
        (b"eA=", Err(NotBase64)),
        (b"eHh4=", Err(NotBase64)),
        (b"eHh4====", Err(NotBase64)),
        (b"eH==", Err(NotBase64)), // bits left over
        (b"eH h4", Err(NotBase64)),
        (b"eHh4\r\n", Err(NotBase64)),
        (b"eH-_", Err(NotBase64)),
        (b"\xff\xff\xff\xff", Err(NotBase64)),
        (b"**", Err(NotBase64)),
        (b"eAB4", Err(NotText)), // NUL
        (b"AA==", Err(NotText)), // NUL
        (b"/w==", Err(NotText)), // 0xFF
        (b"wIA=", Err(NotText)), // NUL in two bytes
        (long.as_bytes(), Err(TooLong)),
    ];
    for (line, expected) in rows {
        let read = AuthorizationIdentity::from_response(line);
        let read = read.as_ref().map(AuthorizationIdentity::as_str);
        assert_eq!(read, expected.as_ref().map(|text| *text), "{line:?}");
        for service in Service::ALL {
            let read = AuthorizationIdentity::from_initial_response(service, line);
            let read = read.as_ref().map(AuthorizationIdentity::as_str);
            let expected = match (*line, service) {
                (b"" | b"=", Service::ManageSieve) => *expected,
                (b"", _) => Err(NotBase64),
                (b"=", _) => Ok(""),
                (b"*", _) => Err(NotBase64),
                _ => *expected,
            };
            assert_eq!(
                read,
                expected.as_ref().map(|text| *text),
                "{line:?} {service}"
            );
        }
    }
}

/// RFC 9051 §6.2.2 (BAD), RFC 5034 §4 (-ERR), RFC 4954 §4 (501, 500, 535), RFC 5804 §2.1 (NO).
#[test]
fn replies() {
    use ExternalFault::{Cancelled, NotAuthenticated, NotBase64, NotText, TooLong};
    let rows = [
        (Service::Imap, Cancelled, "A01 BAD "),
        (Service::Imap, NotBase64, "A01 BAD "),
        (Service::Imap, NotText, "A01 NO [AUTHENTICATIONFAILED] "),
        (
            Service::Imap,
            NotAuthenticated,
            "A01 NO [AUTHENTICATIONFAILED] ",
        ),
        (Service::Imap, TooLong, "A01 BAD Response is too long"),
        (Service::Pop3, Cancelled, "-ERR "),
        (Service::Pop3, NotBase64, "-ERR "),
        (Service::Pop3, TooLong, "-ERR Response is too long"),
        (Service::Pop3, NotText, "-ERR [AUTH] "),
        (Service::Pop3, NotAuthenticated, "-ERR [AUTH] "),
        (Service::Submission, Cancelled, "501 "),
        (Service::Submission, NotBase64, "501 5.5.2 "),
        (Service::Submission, TooLong, "500 5.5.6 "),
        (Service::Submission, NotText, "535 5.7.8 "),
        (Service::Submission, NotAuthenticated, "535 5.7.8 "),
        (Service::Lmtp, NotBase64, "501 5.5.2 "),
        (Service::SmtpRelay, NotBase64, "501 5.5.2 "),
        (Service::ManageSieve, Cancelled, "NO "),
        (Service::ManageSieve, NotBase64, "NO "),
        (Service::ManageSieve, TooLong, "NO \"Response is too long\""),
        (Service::ManageSieve, NotText, "NO "),
        (Service::ManageSieve, NotAuthenticated, "NO "),
    ];
    for (service, fault, beginning) in rows {
        let reply = fault.reply(service, "A01").to_string();
        assert!(reply.starts_with(beginning), "{reply}");
        assert!(
            reply.ends_with("\r\n") && reply.lines().count() == 1,
            "{reply}"
        );
    }
}

#[test]
fn empty_challenges() {
    for (service, expected) in [
        (Service::Imap, "+ \r\n"),
        (Service::Pop3, "+ \r\n"),
        (Service::Submission, "334 \r\n"),
        (Service::SmtpRelay, "334 \r\n"),
        (Service::Lmtp, "334 \r\n"),
        (Service::ManageSieve, "\"\"\r\n"),
    ] {
        assert_eq!(empty_challenge(service), expected.as_bytes(), "{service}");
    }
}

proptest! {
    /// What a client says a server understands, with and without the initial response.
    #[test]
    fn both_sides_agree(name in "[^\0]{0,300}") {
        let identity = AuthorizationIdentity::new(&name).unwrap();
        for (service, client) in [
            (Service::Imap, ExternalClient::imap("a", true, identity.clone()).unwrap()),
            (Service::Pop3, ExternalClient::pop3(identity.clone())),
            (Service::Submission, ExternalClient::smtp(identity.clone())),
        ] {
            let (command, next) = begun(&client);
            let read = if next == ExternalNext::AwaitOutcome {
                let argument = command.trim_end().rsplit(' ').next().unwrap();
                AuthorizationIdentity::from_initial_response(service, argument.as_bytes())
            } else {
                let (line, _) = responded(&client, b"");
                AuthorizationIdentity::from_response(line.trim_end().as_bytes())
            };
            prop_assert_eq!(read.as_ref(), Ok(&identity));
        }
    }

    /// Every text has one encoding.
    #[test]
    fn only_what_is_canonical_is_taken(line in "[A-Za-z0-9+/=*]{0,24}") {
        if let Ok(identity) = AuthorizationIdentity::from_response(line.as_bytes()) {
            prop_assert_eq!(BASE64.encode(identity.as_str().as_bytes()), line);
        }
    }
}

/// RFC 9051 §9: what is no tag is not repeated to the client.
#[test]
fn what_is_no_tag_is_not_sent_back() {
    for tag in ["", "+", "a1 OK\r\n*"] {
        let line = ExternalFault::Cancelled
            .reply(Service::Imap, tag)
            .to_string();
        assert_eq!(line, "* BAD Authentication cancelled\r\n");
    }
}
