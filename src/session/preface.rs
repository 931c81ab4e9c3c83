//! Tells TLS from plain text by the first bytes of the peer.

use crate::error::Spoken;
use crate::limits::{EXCERPT, RECORD_HEADER};
use crate::text::UntrustedText;

/// What the first bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Preface {
    /// Too few to say.
    Undecided,
    /// The header of a TLS record.
    Tls,
    /// Something else, recognised by its first line.
    Plaintext(Spoken, UntrustedText),
    /// Something else that is not text either.
    Unknown(UntrustedText),
}

impl Preface {
    /// Whether a record of TLS may begin with this byte (RFC 8446 §5.1).
    pub(super) fn may_be_tls(first: u8) -> bool {
        (20..=24).contains(&first)
    }

    /// Looks at the beginning of the input. What is said does not depend on how the input comes
    /// in pieces: a line of text is waited for until it ends or is as long as an excerpt.
    pub(super) fn of(input: &[u8], peers: &Peers) -> Self {
        match *input {
            [] | [20..=24] => Self::Undecided,
            // RFC 8446 §5.1: the type of the record and the version 3.x.
            [20..=24, 3, ..] => Self::Tls,
            [b'\t' | b'\r' | b'\n' | b' '..=b'~', ..] => match first_line(input) {
                Some(line) => Self::Plaintext((peers.recognise)(line), peers.excerpt(line)),
                None => Self::Undecided,
            },
            _ => match input.first_chunk::<RECORD_HEADER>() {
                Some(header) if peers.may_speak_ssl2 && is_ssl2(header) => {
                    Self::Plaintext(Spoken::Ssl2Client, UntrustedText::excerpt(&[], 0))
                }
                Some(header) => Self::Unknown(UntrustedText::new(header, peers.shown_of_noise)),
                None => Self::Undecided,
            },
        }
    }
}

/// Whom the plain text is from.
pub(super) struct Peers {
    recognise: fn(&[u8]) -> Spoken,
    /// How many bytes of a line may be shown.
    shown: fn(&[u8]) -> usize,
    /// How many bytes of what is neither TLS nor text.
    shown_of_noise: usize,
    may_speak_ssl2: bool,
}

/// What servers say first.
pub(super) const SERVERS: Peers = Peers {
    recognise: spoken_by_server,
    shown: |_| EXCERPT,
    shown_of_noise: RECORD_HEADER,
    may_speak_ssl2: false,
};

/// What clients say first, of which only a command that is known is shown: behind it stand names
/// and passwords, and a word that is no command may be one (a line of AUTH's exchange, base64).
pub(super) const CLIENTS: Peers = Peers {
    recognise: spoken_by_client,
    shown: command_length,
    shown_of_noise: 1,
    may_speak_ssl2: true,
};

impl Peers {
    /// What may be shown of a line, or of its beginning.
    pub(super) fn excerpt(&self, line: &[u8]) -> UntrustedText {
        UntrustedText::excerpt(line, (self.shown)(line).min(EXCERPT))
    }
}

/// What may be shown of what a client said in plain text.
pub(crate) fn client_excerpt(text: &[u8]) -> UntrustedText {
    CLIENTS.excerpt(text)
}

/// How many of the first bytes of a client may be shown that are neither TLS nor text.
#[cfg(feature = "recorder")]
pub(crate) fn client_noise_shown(input: &[u8]) -> usize {
    match input.first_chunk() {
        Some(header) if is_ssl2(header) => RECORD_HEADER,
        Some(_) | None => CLIENTS.shown_of_noise,
    }
}

/// The ClientHello of SSL 2.0 and its two-byte header (RFC 5246 §E.2).
fn is_ssl2(header: &[u8; RECORD_HEADER]) -> bool {
    matches!(header, [0x80..=0xff, _, 1, 0 | 2 | 3, _])
}

/// The length of the command at the beginning of a line, with the tag before it in IMAP. Nothing
/// else is shown of a client: a lone word may be a password.
fn command_length(line: &[u8]) -> usize {
    let mut words = line.split(is_blank);
    let first = words.next().unwrap_or_default();
    if is_one_of(first, COMMANDS) {
        return first.len();
    }
    match words.next() {
        Some(second) if is_tag(first) && is_one_of(second, IMAP_COMMANDS) => {
            first.len() + 1 + second.len()
        }
        Some(_) | None => first.strip_prefix(SSH).map_or(0, |_| SSH.len()),
    }
}

/// Whether a word looks like the tags that programs make: short, letters and digits.
fn is_tag(word: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    (1..=TAG).contains(&word.len()) && word.iter().all(is_plain)
}

/// The longest tag that is shown; clients are content with less.
const TAG: usize = 8;
const SSH: &[u8] = b"SSH-";

/// The words with which clients of mail protocols begin a line, of HTTP, and of load balancers
/// that announce a connection.
const COMMANDS: &[&str] = &[
    // RFC 5321 §4.1.1, RFC 2033, RFC 3030, RFC 3207, RFC 4954
    "EHLO",
    "HELO",
    "LHLO",
    "MAIL",
    "RCPT",
    "DATA",
    "BDAT",
    "RSET",
    "NOOP",
    "QUIT",
    "VRFY",
    "EXPN",
    "HELP",
    "STARTTLS",
    "AUTH",
    // RFC 1939, RFC 2449, RFC 2595, RFC 5034, RFC 6856
    "USER",
    "PASS",
    "APOP",
    "CAPA",
    "STLS",
    "STAT",
    "LIST",
    "RETR",
    "DELE",
    "TOP",
    "UIDL",
    "UTF8",
    "LANG",
    // RFC 5804 §2
    "AUTHENTICATE",
    "LOGOUT",
    "CAPABILITY",
    "HAVESPACE",
    "PUTSCRIPT",
    "LISTSCRIPTS",
    "SETACTIVE",
    "GETSCRIPT",
    "DELETESCRIPT",
    "RENAMESCRIPT",
    "CHECKSCRIPT",
    "UNAUTHENTICATE",
    // RFC 9110 §9.3, RFC 9113 §3.4
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "CONNECT",
    "TRACE",
    "PRI",
    "PROXY",
];

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn is_one_of(word: &[u8], list: &[&str]) -> bool {
    list.iter()
        .any(|item| word.eq_ignore_ascii_case(item.as_bytes()))
}

/// The first line without its end, `None` while it is neither whole nor long enough.
fn first_line(input: &[u8]) -> Option<&[u8]> {
    let beginning = input.get(..EXCERPT).unwrap_or(input);
    match beginning.iter().position(|byte| *byte == b'\n') {
        Some(end) => {
            let line = beginning.get(..end)?;
            Some(line.strip_suffix(b"\r").unwrap_or(line))
        }
        None => (beginning.len() == EXCERPT).then_some(beginning),
    }
}

/// What a server says first, in plain text.
fn spoken_by_server(line: &[u8]) -> Spoken {
    match line {
        [b'2', b'2', b'0', b' ' | b'-', ..] | b"220" => return Spoken::SmtpGreeting,
        [b'4' | b'5', b'0'..=b'9', b'0'..=b'9'] => return Spoken::SmtpRefusal,
        [b'4' | b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', ..] => return Spoken::SmtpRefusal,
        // ManageSieve's capabilities are strings, quoted or literal (RFC 5804 §1.7).
        [b'"', ..] | [b'{', b'0'..=b'9', ..] => return Spoken::ManageSieveGreeting,
        _ => {}
    }
    let beginnings: [(&[u8], Spoken); 9] = [
        (b"* OK", Spoken::ImapGreeting),
        (b"* PREAUTH", Spoken::ImapGreeting),
        (b"* BYE", Spoken::ImapRefusal),
        (b"+OK", Spoken::Pop3Greeting),
        (b"-ERR", Spoken::Pop3Refusal),
        (b"BYE", Spoken::ManageSieveRefusal),
        (b"NO", Spoken::ManageSieveRefusal),
        (b"HTTP/", Spoken::HttpServer),
        (b"SSH-", Spoken::Ssh),
    ];
    by_beginning(line, &beginnings)
}

/// What a client says first, in plain text.
fn spoken_by_client(line: &[u8]) -> Spoken {
    let mut words = line.split(is_blank);
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    if is_one_of(first, &["EHLO", "HELO", "LHLO"]) {
        return Spoken::SmtpClient;
    }
    if is_one_of(first, &["USER", "APOP", "CAPA", "STLS", "AUTH"]) {
        return Spoken::Pop3Client;
    }
    if is_one_of(
        first,
        &["GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "PRI"],
    ) && second.is_some()
    {
        return Spoken::HttpClient;
    }
    if is_one_of(first, &["AUTHENTICATE", "STARTTLS", "CAPABILITY"]) {
        return Spoken::ManageSieveClient;
    }
    if second.is_some_and(|word| is_one_of(word, IMAP_COMMANDS)) {
        return Spoken::ImapClient;
    }
    by_beginning(line, &[(b"SSH-", Spoken::Ssh)])
}

/// The commands with which an IMAP client may begin.
const IMAP_COMMANDS: &[&str] = &[
    "CAPABILITY",
    "STARTTLS",
    "LOGIN",
    "AUTHENTICATE",
    "NOOP",
    "LOGOUT",
    "ID",
    "ENABLE",
];

fn by_beginning(line: &[u8], beginnings: &[(&[u8], Spoken)]) -> Spoken {
    beginnings
        .iter()
        .find(|(beginning, _)| {
            line.get(..beginning.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
        })
        .map_or(Spoken::UnknownText, |(_, spoken)| *spoken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn servers_are_recognised() {
        let rows: [(&[u8], Spoken); 17] = [
            (
                b"220 mail.example.org ESMTP Postfix\r\n",
                Spoken::SmtpGreeting,
            ), // RFC 5321 §4.2
            (
                b"220-mail.example.org\r\n220 ready\r\n",
                Spoken::SmtpGreeting,
            ), // multi-line
            (b"220\r\n", Spoken::SmtpGreeting), // RFC 5321 §4.2.1: text is optional
            (b"421 too many connections\r\n", Spoken::SmtpRefusal), // RFC 5321 §3.8
            (b"554 no service\n", Spoken::SmtpRefusal), // RFC 5321 §3.1
            (
                b"* OK [CAPABILITY IMAP4rev1] ready\r\n",
                Spoken::ImapGreeting,
            ), // RFC 9051 §7.1
            (b"* ok ready\n", Spoken::ImapGreeting), // bare LF, lower case
            (b"* PREAUTH hello\r\n", Spoken::ImapGreeting), // RFC 9051 §7.1.4
            (b"* BYE overloaded\r\n", Spoken::ImapRefusal), // RFC 9051 §7.1.5
            (b"+OK POP3 ready <1.2@host>\r\n", Spoken::Pop3Greeting), // RFC 1939 §4
            (b"-ERR in use\r\n", Spoken::Pop3Refusal), // RFC 1939 §3
            (
                b"\"IMPLEMENTATION\" \"Example\"\r\n",
                Spoken::ManageSieveGreeting,
            ), // RFC 5804 §1.7
            (b"{14}\r\nIMPLEMENTATION\r\n", Spoken::ManageSieveGreeting), // RFC 5804 §1.7
            (b"BYE \"too many\"\r\n", Spoken::ManageSieveRefusal), // RFC 5804 §1.3
            (b"HTTP/1.1 400 Bad Request\r\n", Spoken::HttpServer), // RFC 9112 §4
            (b"SSH-2.0-OpenSSH_9.6\r\n", Spoken::Ssh), // RFC 4253 §4.2
            (b"hello?\r\n", Spoken::UnknownText),
        ];
        for (input, spoken) in rows {
            let end = input.iter().position(|b| *b == b'\n').unwrap();
            let line = String::from_utf8(input[..end].to_vec()).unwrap();
            let line = line.trim_end_matches('\r');
            match Preface::of(input, &SERVERS) {
                Preface::Plaintext(found, excerpt) => {
                    assert_eq!(found, spoken, "{line}");
                    assert_eq!(excerpt.as_untrusted_bytes(), line.as_bytes());
                }
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn clients_are_recognised() {
        let rows: [(&[u8], Spoken); 12] = [
            (b"EHLO client.example.org\r\n", Spoken::SmtpClient), // RFC 5321 §4.1.1.1
            (b"helo client\n", Spoken::SmtpClient),
            (b"LHLO client\r\n", Spoken::SmtpClient), // RFC 2033 §4.1
            (b"a1 LOGIN user password\r\n", Spoken::ImapClient), // RFC 9051 §6.2.3
            (b"A0001 CAPABILITY\r\n", Spoken::ImapClient), // RFC 9051 §6.1.1
            (b"USER fred\r\n", Spoken::Pop3Client),   // RFC 1939 §7
            (b"CAPA\r\n", Spoken::Pop3Client),        // RFC 2449 §5
            (b"STLS\r\n", Spoken::Pop3Client),        // RFC 2595 §4
            (b"STARTTLS\r\n", Spoken::ManageSieveClient), // RFC 5804 §2.2
            (b"GET / HTTP/1.1\r\n", Spoken::HttpClient), // RFC 9112 §3
            (b"PRI * HTTP/2.0\r\n", Spoken::HttpClient), // RFC 9113 §3.4
            (b"hello?\r\n", Spoken::UnknownText),
        ];
        for (input, spoken) in rows {
            match Preface::of(input, &CLIENTS) {
                Preface::Plaintext(found, _) => assert_eq!(found, spoken),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn tls_and_what_is_neither() {
        assert_eq!(Preface::of(&[22, 3, 1], &CLIENTS), Preface::Tls);
        assert_eq!(Preface::of(&[21, 3], &SERVERS), Preface::Tls);
        assert_eq!(Preface::of(&[22], &CLIENTS), Preface::Undecided);
        // RFC 5246 §E.2: an SSL 2.0 ClientHello that offers TLS 1.0.
        let ssl2 = [0x80, 0x2e, 1, 3, 1, 0, 0x15];
        assert!(matches!(
            Preface::of(&ssl2, &CLIENTS),
            Preface::Plaintext(Spoken::Ssl2Client, _)
        ));
        assert_eq!(Preface::of(&ssl2[..4], &CLIENTS), Preface::Undecided);
        assert!(matches!(Preface::of(&ssl2, &SERVERS), Preface::Unknown(_)));
        assert!(matches!(
            Preface::of(&[22, 2, 0, 0, 0], &CLIENTS),
            Preface::Unknown(_)
        ));
        assert!(matches!(
            Preface::of(&[0; 5], &CLIENTS),
            Preface::Unknown(_)
        ));
    }

    #[test]
    fn a_line_that_never_ends_is_cut() {
        let long = [b'x'; 4096];
        assert_eq!(Preface::of(&long[..119], &CLIENTS), Preface::Undecided);
        for input in [&long[..120], &long[..]] {
            for peers in [&CLIENTS, &SERVERS] {
                let Preface::Plaintext(Spoken::UnknownText, excerpt) = Preface::of(input, peers)
                else {
                    panic!()
                };
                assert_eq!(excerpt.original_len(), 120);
            }
        }
    }

    #[test]
    fn of_a_client_only_the_command_is_shown() {
        let rows = [
            ("a1 LOGIN fred secret", "a1 LOGIN"),
            ("a1 authenticate PLAIN c2VjcmV0", "a1 authenticate"),
            ("a1 LOGIN", "a1 LOGIN"),
            ("a1 XSECRET", ""),
            ("correct-horse LOGIN", ""),
            ("hunter2", ""),
            ("hunter2 is my password", ""),
            ("AGFubgBzZWNyZXQ=", ""),
            ("AUTHsecret", ""),
            ("SSH-2.0-secret", "SSH-"),
            ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2", "PROXY"),
            ("PASS secret", "PASS"),
            ("PASS\tsecret", "PASS"),
            ("AUTH PLAIN c2VjcmV0", "AUTH"),
            ("GET /?token=secret HTTP/1.1", "GET"),
            ("NOOP\r\nsecret\r\n", "NOOP"),
            ("", ""),
        ];
        for (line, shown) in rows {
            let excerpt = CLIENTS.excerpt(line.as_bytes());
            assert_eq!(excerpt.as_untrusted_bytes(), shown.as_bytes(), "{line}");
            assert_eq!(
                SERVERS.excerpt(line.as_bytes()).as_untrusted_bytes(),
                line.as_bytes()
            );
        }
    }

    /// A password may begin with a letter beyond ASCII.
    #[test]
    fn of_noise_from_a_client_one_byte_is_shown() {
        let noise = "ünused".as_bytes();
        let shown = |peers| match Preface::of(noise, peers) {
            Preface::Unknown(excerpt) => excerpt.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(shown(&CLIENTS), r"\[5 bytes]");
        assert_eq!(shown(&SERVERS), r"ünus");
    }

    proptest! {
        /// The first answer that is not "undecided" is the answer to the whole input.
        #[test]
        fn the_answer_does_not_depend_on_the_pieces(
            input in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..300),
                "[ -~\r\n]{0,300}".prop_map(String::into_bytes),
            ]
        ) {
            for peers in [&CLIENTS, &SERVERS] {
                let whole = Preface::of(&input, peers);
                for end in 0..input.len() {
                    let part = Preface::of(&input[..end], peers);
                    prop_assert!(part == Preface::Undecided || part == whole);
                }
            }
        }
    }
}
