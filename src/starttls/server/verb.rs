//! What a command line asks for, as far as TLS is concerned.

use crate::service::Service;
use crate::tag::is_tag;

/// A command by what it means for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    StartTls,
    /// Needs no TLS, and gives nothing away.
    Harmless,
    /// The farewell.
    Leave,
    Authenticate,
    Other,
    /// Not one line, without IMAP's tag, or with something else than a word in front.
    Malformed,
}

/// One command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommandLine<'a> {
    tag: Option<&'a [u8]>,
    verb: Verb,
    has_arguments: bool,
}

const IMAP: &[(&str, Verb)] = &[
    ("STARTTLS", Verb::StartTls),
    ("CAPABILITY", Verb::Harmless),
    ("NOOP", Verb::Harmless),
    ("LOGOUT", Verb::Leave),
    ("LOGIN", Verb::Authenticate),
    ("AUTHENTICATE", Verb::Authenticate),
];
const POP3: &[(&str, Verb)] = &[
    ("STLS", Verb::StartTls),
    ("CAPA", Verb::Harmless),
    ("NOOP", Verb::Harmless),
    ("QUIT", Verb::Leave),
    ("USER", Verb::Authenticate),
    ("PASS", Verb::Authenticate),
    ("APOP", Verb::Authenticate),
    ("AUTH", Verb::Authenticate),
];
/// RFC 3207 §4: NOOP, EHLO, STARTTLS and QUIT go without TLS.
const SMTP: &[(&str, Verb)] = &[
    ("STARTTLS", Verb::StartTls),
    ("EHLO", Verb::Harmless),
    ("NOOP", Verb::Harmless),
    ("QUIT", Verb::Leave),
    ("AUTH", Verb::Authenticate),
];
/// RFC 2033 §4.1: LHLO instead of EHLO.
const LMTP: &[(&str, Verb)] = &[
    ("STARTTLS", Verb::StartTls),
    ("LHLO", Verb::Harmless),
    ("NOOP", Verb::Harmless),
    ("QUIT", Verb::Leave),
    ("AUTH", Verb::Authenticate),
];
const MANAGESIEVE: &[(&str, Verb)] = &[
    ("STARTTLS", Verb::StartTls),
    ("CAPABILITY", Verb::Harmless),
    ("NOOP", Verb::Harmless),
    ("LOGOUT", Verb::Leave),
    ("AUTHENTICATE", Verb::Authenticate),
];

impl<'a> CommandLine<'a> {
    pub(super) fn parse(service: Service, line: &'a [u8]) -> Self {
        let line = without_end(line);
        let (tag, line) = match service {
            Service::Imap => match split(line) {
                (tag, Some(rest)) if is_tag(tag) => (Some(tag), rest),
                (_, Some(_) | None) => return Self::malformed(),
            },
            Service::Pop3
            | Service::Submission
            | Service::ManageSieve
            | Service::Lmtp
            | Service::SmtpRelay => (None, line),
        };
        if line.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
            return Self {
                tag,
                ..Self::malformed()
            };
        }
        let verbs = match service {
            Service::Imap => IMAP,
            Service::Pop3 => POP3,
            Service::Submission | Service::SmtpRelay => SMTP,
            Service::Lmtp => LMTP,
            Service::ManageSieve => MANAGESIEVE,
        };
        // A tab is no separator by the grammars, but parsers take it for one.
        let (word, arguments) = split_at(line, |byte| matches!(byte, b' ' | b'\t'));
        if is_disguised(word, verbs) || (word.is_empty() && arguments.is_some()) {
            return Self {
                tag,
                ..Self::malformed()
            };
        }
        let verb = look_up(word, verbs).unwrap_or(Verb::Other);
        // White space at the end of a line is put up with (RFC 5321 §4.1.1).
        let has_arguments = arguments.is_some_and(|rest| !rest.trim_ascii().is_empty());
        Self {
            tag,
            verb,
            has_arguments,
        }
    }

    fn malformed() -> Self {
        Self {
            tag: None,
            verb: Verb::Malformed,
            has_arguments: false,
        }
    }

    /// IMAP's.
    pub(super) fn tag(&self) -> Option<&'a [u8]> {
        self.tag
    }

    pub(super) fn verb(&self) -> Verb {
        self.verb
    }

    pub(super) fn has_arguments(&self) -> bool {
        self.has_arguments
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn split(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    split_at(line, |byte| byte == b' ')
}

fn split_at(line: &[u8], separates: impl Fn(u8) -> bool) -> (&[u8], Option<&[u8]>) {
    match line.iter().position(|byte| separates(*byte)) {
        Some(at) => (line.get(..at).unwrap_or_default(), line.get(at + 1..)),
        None => (line, None),
    }
}

fn look_up(word: &[u8], verbs: &[(&str, Verb)]) -> Option<Verb> {
    let is_it = |(name, _): &&(&str, Verb)| word.eq_ignore_ascii_case(name.as_bytes());
    verbs.iter().find(is_it).map(|(_, verb)| *verb)
}

/// Whether a more tolerant parser may see a command in a word in which the grammar has none, so
/// that it would execute what was never decided on: white space and NUL in front of it or around
/// it, `AUTH=PLAIN`, `LOGIN"u"`, letters whose upper case is one of ASCII's (`U+017F` is `S`).
fn is_disguised(word: &[u8], verbs: &[(&str, Verb)]) -> bool {
    let letters = word.iter().take_while(|byte| byte.is_ascii_alphabetic());
    let (beginning, rest) = word
        .split_at_checked(letters.count())
        .unwrap_or((word, &[]));
    !word.iter().all(u8::is_ascii_graphic)
        || (!rest.is_empty() && (beginning.is_empty() || look_up(beginning, verbs).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a parser that is more tolerant than the grammar would take for a command.
    #[test]
    fn disguised_commands() {
        use Service::*;
        let rows: &[(Service, &[u8])] = &[
            (SmtpRelay, b" AUTH PLAIN AHQAdA=="),
            (SmtpRelay, b"\tAUTH PLAIN AHQAdA=="),
            (SmtpRelay, b"\0AUTH PLAIN AHQAdA=="),
            (SmtpRelay, b"AUTH\0PLAIN AHQAdA=="),
            (SmtpRelay, b"AUTH\x0bPLAIN AHQAdA=="),
            (SmtpRelay, b"AUTH=PLAIN AHQAdA=="),
            (SmtpRelay, b"AUTH:PLAIN AHQAdA=="),
            (SmtpRelay, b"\xef\xbb\xbfAUTH PLAIN AHQAdA=="),
            (SmtpRelay, b"AUTH\xc2\xa0PLAIN AHQAdA=="),
            (SmtpRelay, b"\"AUTH\" PLAIN AHQAdA=="),
            (Submission, b" STARTTLS"),
            (Submission, b"STARTTLS\0"),
            (Submission, b"STARTTLS\0\r\n"),
            (Submission, "\u{17f}TARTTLS".as_bytes()),
            (Pop3, "U\u{17f}ER t".as_bytes()),
            (Pop3, "PA\u{17f}\u{17f} t".as_bytes()),
            (Pop3, b"  PASS t"),
            (Pop3, b"PASS\x7ft"),
            (Imap, b"a  LOGIN t t"),
            (Imap, b"a \tLOGIN t t"),
            (Imap, b"a LOGIN{1+}"),
            (Imap, b"a LOGIN\"t\" t"),
            (Imap, b"a LOGIN(t) t"),
            (Imap, b" a LOGIN t t"),
            (Imap, b"a\tLOGIN t t"),
            (Imap, b"a LOGIN\0 t t"),
            (ManageSieve, b"AUTHENTICATE\"PLAIN\""),
            (ManageSieve, b"{12+}"),
            (ManageSieve, b" AUTHENTICATE \"PLAIN\""),
        ];
        for (service, line) in rows {
            let command = CommandLine::parse(*service, line);
            let shown = line.escape_ascii();
            assert_eq!(command.verb(), Verb::Malformed, "{service} {shown}");
        }
        // A tab in the place of the space, which the grammar does not have either.
        for (service, line) in [
            (SmtpRelay, &b"AUTH\tPLAIN AHQAdA=="[..]),
            (Imap, b"a LOGIN\tt t"),
            (Imap, b"a authenticate\tPLAIN"),
            (Pop3, b"USER\tt"),
            (ManageSieve, b"Authenticate\t\"PLAIN\""),
        ] {
            let command = CommandLine::parse(service, line);
            assert_eq!(command.verb(), Verb::Authenticate, "{service}");
        }
    }

    proptest::proptest! {
        /// However a line is read, with any separators and any folding of its letters: what begins
        /// with the word for logging in is not let through without TLS.
        #[test]
        fn no_reading_of_a_line_logs_in(
            before in "[ \t\u{0}\u{b}\u{a0}\u{feff}\"(=]{0,2}",
            word in proptest::sample::select(
                &["AUTH", "auth", "USER", "U\u{17f}ER", "pass", "pa\u{17f}s", "APOP", "Login",
                  "AUTHENTICATE", "authent\u{131}cate"][..],
            ),
            after in "[ \t\u{0}\u{b}\u{a0}\"({=:]{1,2}",
            service in proptest::sample::select(&Service::ALL[..]),
        ) {
            let tag = if service == Service::Imap { "a " } else { "" };
            let line = format!("{tag}{before}{word}{after}x");
            let lenient: String = line
                .to_uppercase()
                .chars()
                .map(|c| if c.is_ascii_alphabetic() { c } else { ' ' })
                .collect();
            let first = lenient.split_whitespace().nth(usize::from(service == Service::Imap));
            let logs_in: &[&str] = match service {
                Service::Imap => &["LOGIN", "AUTHENTICATE"],
                Service::Pop3 => &["USER", "PASS", "APOP", "AUTH"],
                Service::ManageSieve => &["AUTHENTICATE"],
                Service::Submission | Service::Lmtp | Service::SmtpRelay => &["AUTH"],
            };
            if first.is_some_and(|word| logs_in.contains(&word)) {
                let verb = CommandLine::parse(service, line.as_bytes()).verb();
                proptest::prop_assert!(
                    matches!(verb, Verb::Authenticate | Verb::Malformed),
                    "{verb:?} {line:?}"
                );
            }
        }
    }

    /// Which verbs are what, with the source of the row.
    #[test]
    fn command_lines() {
        use Service::*;
        type Row = (Service, &'static [u8], Option<&'static [u8]>, Verb, bool);
        let rows: &[Row] = &[
            // RFC 3207 §4
            (Submission, b"STARTTLS\r\n", None, Verb::StartTls, false),
            (Submission, b"starttls", None, Verb::StartTls, false),
            (Submission, b"STARTTLS  \r\n", None, Verb::StartTls, false),
            (Submission, b"STARTTLS now", None, Verb::StartTls, true),
            (Submission, b"STARTTLS\t\r\n", None, Verb::StartTls, false),
            (Submission, b"STARTTLSX", None, Verb::Other, false),
            (Submission, b"EHLO h\n", None, Verb::Harmless, true),
            (Submission, b"HELO h", None, Verb::Other, true),
            (Submission, b"LHLO h", None, Verb::Other, true),
            (Submission, b"X-PING 1", None, Verb::Other, true),
            (Lmtp, b"LHLO h", None, Verb::Harmless, true),
            (Lmtp, b"EHLO h", None, Verb::Other, true),
            (SmtpRelay, b"AUTH PLAIN x", None, Verb::Authenticate, true),
            (Submission, b"QUIT", None, Verb::Leave, false),
            (Submission, b"", None, Verb::Other, false),
            // RFC 2595 §4
            (Pop3, b"StLs\r\n", None, Verb::StartTls, false),
            (Pop3, b"STARTTLS", None, Verb::Other, false),
            (Pop3, b"APOP u d", None, Verb::Authenticate, true),
            // RFC 9051 §6.2.1
            (Imap, b"a1 STARTTLS\r\n", Some(b"a1"), Verb::StartTls, false),
            (Imap, b"a1 starttls {3}", Some(b"a1"), Verb::StartTls, true),
            (Imap, b"a1 LOGIN u p", Some(b"a1"), Verb::Authenticate, true),
            (Imap, b"STARTTLS\r\n", None, Verb::Malformed, false),
            (Imap, b"* STARTTLS\r\n", None, Verb::Malformed, false),
            (Imap, b"a+ STARTTLS\r\n", None, Verb::Malformed, false),
            (Imap, b"a\x1b STARTTLS\r\n", None, Verb::Malformed, false),
            // RFC 5804 §2.2
            (ManageSieve, b"StartTLS\r\n", None, Verb::StartTls, false),
            (
                ManageSieve,
                b"PUTSCRIPT \"x\" {3+}",
                None,
                Verb::Other,
                true,
            ),
            // More than one line is no command.
            (Pop3, b"NOOP\r\nUSER x\r\n", None, Verb::Malformed, false),
            (
                Imap,
                b"a NOOP\nb NOOP\n",
                Some(b"a"),
                Verb::Malformed,
                false,
            ),
            (
                Submission,
                b"STARTTLS\r\nNOOP\r\n",
                None,
                Verb::Malformed,
                false,
            ),
        ];
        for (service, line, tag, verb, has_arguments) in rows {
            let command = CommandLine::parse(*service, line);
            let found = (command.tag(), command.verb(), command.has_arguments());
            assert_eq!(
                found,
                (*tag, *verb, *has_arguments),
                "{}",
                line.escape_ascii()
            );
        }
    }
}
