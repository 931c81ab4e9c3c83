//! The plaintext dialogs that lead to TLS (RFC 3207, RFC 2595, RFC 9051 §6.2.1, RFC 5804 §2.2).
//!
//! A dialog is the first phase of a client's session. What it can say is exactly the question for
//! the server's capabilities and the command that starts TLS (RFC 8314 §5.2). What the server says
//! decides about nothing but that: not a byte of it outlives the dialog. Bytes that lie behind the
//! reply that starts TLS, or that are there before a command was sent, were put there by somebody
//! else, and end the session.
//!
//! A list of SASL mechanisms from before TLS is not kept, and so never compared with the one from
//! under TLS (RFC 4422 §6.1.2 would have a client close if that has a stronger one). No mechanism is
//! ever chosen from it, and no credentials go out before the session is established; the one list to
//! choose from is the verified server's. That it is longer than the one before is what RFC 4954 §4
//! and [`CapabilityFilter`] intend, and what closing would punish.
#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

mod imap;
mod managesieve;
mod pop3;
mod reply;
mod server;
mod smtp;

use std::fmt::Write as _;
use std::net::IpAddr;

use bytes::{Buf, BytesMut};

pub(crate) use server::offers;
pub use server::{
    CapabilityFilter, CommandVerdict, MustForget, PlaintextPolicy, ServerReply, Situation,
    StartTlsGuard, Upgrade,
};

use crate::error::{ProtocolError, StartTlsFailure};
use crate::limits::{DIALOG_BYTES, DIALOG_LINES, EXCERPT};
use crate::name::Host;
use crate::service::Service;
use crate::text::UntrustedText;
use reply::{Line, LineReader};

/// How a client comes to TLS on a port for STARTTLS.
///
/// In neither way does anything depend on what the server is said to offer: a session without TLS
/// does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum StartTlsStrategy {
    /// Send the command at once. It takes a round trip less, and removing the capability on the
    /// way has no effect. SMTP and LMTP need their `EHLO` or `LHLO` before.
    #[default]
    AtOnce,
    /// Ask for the capabilities first, and send the command only if it is among them, for servers
    /// that take an unknown command amiss.
    AskFirst,
}

/// The dialog of one connection.
#[derive(Debug)]
pub(crate) struct Dialog {
    protocol: Protocol,
    lines: LineReader,
    /// What the server has said so far.
    bytes: usize,
    line_count: usize,
    /// How much of the input had come before the last command was sent.
    early: usize,
}

#[derive(Debug)]
enum Protocol {
    Imap(imap::Imap),
    Pop3(pop3::Pop3),
    Smtp(smtp::Smtp),
    ManageSieve(managesieve::ManageSieve),
}

/// What a dialog makes of one line.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Read on.
    Read,
    /// Send this command, and read its reply.
    Send(Command),
    /// The server has agreed: TLS begins.
    StartTls,
}

/// Everything that a dialog can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Fixed(&'static str),
    /// `EHLO` or `LHLO` with the client's name.
    Hello(&'static str),
}

/// How far a dialog has come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum DialogProgress {
    Starved,
    StartTls,
}

impl Dialog {
    pub(crate) fn new(service: Service, strategy: StartTlsStrategy) -> Self {
        let (protocol, lines) = match service {
            Service::Imap => (Protocol::Imap(imap::Imap::new(strategy)), imap::LINES),
            Service::Pop3 => (Protocol::Pop3(pop3::Pop3::new(strategy)), pop3::LINES),
            Service::Submission | Service::SmtpRelay => {
                let smtp = smtp::Smtp::new("EHLO", strategy);
                (Protocol::Smtp(smtp), smtp::LINES)
            }
            Service::Lmtp => {
                let lmtp = smtp::Smtp::new("LHLO", strategy);
                (Protocol::Smtp(lmtp), smtp::LINES)
            }
            Service::ManageSieve => {
                let sieve = managesieve::ManageSieve::new(strategy);
                (Protocol::ManageSieve(sieve), managesieve::LINES)
            }
        };
        Self {
            protocol,
            lines: LineReader::new(lines),
            bytes: 0,
            line_count: 0,
            early: 0,
        }
    }

    /// Takes the lines that have come, and says what there is to say. `name` is the client's own,
    /// for `EHLO`.
    pub(crate) fn advance(
        &mut self,
        incoming: &mut BytesMut,
        outgoing: &mut BytesMut,
        name: &Host,
    ) -> Result<DialogProgress, ProtocolError> {
        if self.bytes == 0 && matches!(**incoming, [20..=24, ..]) {
            return Err(StartTlsFailure::SpeaksTls.into());
        }
        loop {
            let Some(line) = self.lines.next_line(incoming)? else {
                return Ok(DialogProgress::Starved);
            };
            self.count(line.wire_length())?;
            // What had come before the command was sent is no reply to it.
            if self.early > 0 && !self.protocol.is_unsolicited(&line) {
                return Err(injection(incoming.get(..self.early).unwrap_or(incoming)));
            }
            let next = self.protocol.take(&line)?;
            let consumed = line.wire_length();
            self.early = self.early.saturating_sub(consumed);
            incoming.advance(consumed);
            match next {
                Next::Read => {}
                Next::Send(command) => {
                    if !self.protocol.may_be_unsolicited(incoming) {
                        surplus(incoming)?;
                    }
                    self.early = incoming.len();
                    command.put(name, outgoing);
                }
                Next::StartTls => {
                    surplus(incoming)?;
                    return Ok(DialogProgress::StartTls);
                }
            }
        }
    }

    fn count(&mut self, consumed: usize) -> Result<(), ProtocolError> {
        self.bytes = self.bytes.saturating_add(consumed);
        self.line_count = self.line_count.saturating_add(1);
        for (count, bound, what) in [
            (self.bytes, DIALOG_BYTES, "bytes before TLS"),
            (self.line_count, DIALOG_LINES, "lines before TLS"),
        ] {
            if count > bound {
                return Err(ProtocolError::TooMuch { what, bound });
            }
        }
        Ok(())
    }
}

impl Protocol {
    fn take(&mut self, line: &Line<'_>) -> Result<Next, ProtocolError> {
        match self {
            Self::Imap(imap) => imap.take(line),
            Self::Pop3(pop3) => pop3.take(line),
            Self::Smtp(smtp) => smtp.take(line),
            Self::ManageSieve(sieve) => sieve.take(line),
        }
    }

    /// Whether a line is one that a server may send without having been asked. Only IMAP has such
    /// lines (RFC 9051 §7); servers do greet with two of them. They count for nothing.
    fn is_unsolicited(&self, line: &Line<'_>) -> bool {
        self.may_be_unsolicited(line.text())
    }

    /// Whether what has come of a line may become such a one.
    fn may_be_unsolicited(&self, beginning: &[u8]) -> bool {
        match self {
            Self::Imap(_) => beginning.starts_with(b"*"),
            Self::Pop3(_) | Self::Smtp(_) | Self::ManageSieve(_) => false,
        }
    }
}

impl Command {
    fn put(self, name: &Host, outgoing: &mut BytesMut) {
        // Writing into a buffer that grows does not fail.
        let _ = match (self, name) {
            (Self::Fixed(command), _) => write!(outgoing, "{command}\r\n"),
            (Self::Hello(verb), Host::Name(name)) => write!(outgoing, "{verb} {name}\r\n"),
            // An address literal (RFC 5321 §4.1.3).
            (Self::Hello(verb), Host::Ip(IpAddr::V4(address))) => {
                write!(outgoing, "{verb} [{address}]\r\n")
            }
            (Self::Hello(verb), Host::Ip(IpAddr::V6(address))) => {
                write!(outgoing, "{verb} [IPv6:{address}]\r\n")
            }
        };
    }
}

/// Nothing may lie behind a reply that a command follows: it would be the answer to what was not
/// said yet, or the beginning of what is to be authentic (RFC 3207 §6).
fn surplus(incoming: &BytesMut) -> Result<(), ProtocolError> {
    if incoming.is_empty() {
        return Ok(());
    }
    Err(injection(incoming))
}

fn injection(bytes: &[u8]) -> ProtocolError {
    ProtocolError::ResponseInjection {
        bytes: bytes.len(),
        excerpt: UntrustedText::excerpt(bytes, EXCERPT),
    }
}

/// The server's words, for an error.
fn quote(line: &Line<'_>) -> UntrustedText {
    UntrustedText::excerpt(line.text(), EXCERPT)
}

fn unexpected(expected: &'static str, line: &Line<'_>) -> ProtocolError {
    StartTlsFailure::UnexpectedReply {
        expected,
        reply: quote(line),
    }
    .into()
}

fn refused(is_temporary: bool, line: &Line<'_>) -> ProtocolError {
    StartTlsFailure::Refused {
        is_temporary,
        reply: quote(line),
    }
    .into()
}

fn no_service(is_temporary: bool, line: &Line<'_>) -> ProtocolError {
    StartTlsFailure::NoService {
        is_temporary,
        reply: quote(line),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use StartTlsStrategy::{AskFirst, AtOnce};

    /// Plays a server's part, each item a piece that comes when the client has said what it has to
    /// say. What the client said, and how it ended.
    fn play(
        service: Service,
        strategy: StartTlsStrategy,
        pieces: &[&str],
        step: usize,
    ) -> (String, Result<DialogProgress, ProtocolError>) {
        let name = Host::parse("client.example.org").unwrap();
        let mut dialog = Dialog::new(service, strategy);
        let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
        let mut result = Ok(DialogProgress::Starved);
        for piece in pieces
            .iter()
            .flat_map(|piece| piece.as_bytes().chunks(step))
        {
            incoming.extend_from_slice(piece);
            result = dialog.advance(&mut incoming, &mut outgoing, &name);
            if result != Ok(DialogProgress::Starved) {
                break;
            }
        }
        (String::from_utf8(outgoing.to_vec()).unwrap(), result)
    }

    fn code(result: Result<DialogProgress, ProtocolError>) -> &'static str {
        match result {
            Ok(DialogProgress::StartTls) => "tls",
            Ok(DialogProgress::Starved) => "waits",
            Err(error) => crate::Error::from(error).code(),
        }
    }

    /// `docs/diagrams/starttls_*.svg`: where each line leads from each state that can be reached.
    #[test]
    fn the_diagrams() {
        let rows: [(&str, Service, &[&str]); 4] = [
            (
                "imap",
                Service::Imap,
                &[
                    "* OK",
                    "* PREAUTH",
                    "* BYE",
                    "* CAPABILITY STARTTLS",
                    "A1 OK",
                    "A1 BAD",
                    "A2 OK",
                    "A2 NO",
                    "A2 BAD",
                ],
            ),
            (
                "pop3",
                Service::Pop3,
                &["+OK", "-ERR", "-ERR [SYS/TEMP]", "STLS", "."],
            ),
            (
                "smtp",
                Service::Submission,
                &[
                    "220",
                    "250 SIZE",
                    "250-host\r\n250 STARTTLS",
                    "454",
                    "421",
                    "502",
                    "554",
                ],
            ),
            (
                "managesieve",
                Service::ManageSieve,
                &["\"STARTTLS\"", "OK", "NO", "NO (TRYLATER)", "BYE"],
            ),
        ];
        for (name, service, lines) in rows {
            let ways = [AtOnce, AskFirst].map(|strategy| {
                let mut edges = Vec::new();
                let mut paths = vec![Vec::new()];
                let mut seen = Vec::new();
                while let Some(path) = paths.pop() {
                    let (from, _) = follow(service, strategy, &path);
                    if seen.contains(&from) {
                        continue;
                    }
                    for line in lines {
                        let path = [&path[..], &[*line]].concat();
                        let (to, said) = follow(service, strategy, &path);
                        if to == "unexpected-reply" || to == from {
                            continue;
                        }
                        let line = line.replace("\r\n", " ");
                        let label = match said {
                            Some(said) => format!("S: {line}  C: {said}"),
                            None => format!("S: {line}"),
                        };
                        edges.push((from.clone(), label, to));
                        paths.insert(0, path);
                    }
                    seen.push(from);
                }
                edges
            });
            let [at_once, ask_first] = &ways;
            let mut diagram = crate::testing::Diagram::default();
            for edge in at_once.iter().chain(ask_first) {
                let (from, label, to) = edge;
                let label = match (at_once.contains(edge), ask_first.contains(edge)) {
                    (true, false) => format!("{label}  (AtOnce)"),
                    (false, true) => format!("{label}  (AskFirst)"),
                    _ => label.clone(),
                };
                diagram.edge(from, &label, to);
            }
            diagram.check(&format!("starttls_{name}"));
        }
    }

    /// Where these lines lead, and what the client says to the last of them.
    fn follow(
        service: Service,
        strategy: StartTlsStrategy,
        lines: &[&str],
    ) -> (String, Option<String>) {
        let name = Host::parse("client").unwrap();
        let mut dialog = Dialog::new(service, strategy);
        let mut said = BytesMut::new();
        for line in lines {
            let mut incoming = BytesMut::from(&*format!("{line}\r\n"));
            said.clear();
            let result = dialog.advance(&mut incoming, &mut said, &name);
            match code(result) {
                "waits" => {}
                "tls" => return ("TLS begins".to_owned(), None),
                code => return (code.to_owned(), None),
            }
        }
        let state = match &dialog.protocol {
            Protocol::Imap(imap) => format!("{imap:?}"),
            Protocol::Pop3(pop3) => format!("{pop3:?}"),
            Protocol::Smtp(smtp) => format!("{smtp:?}"),
            Protocol::ManageSieve(sieve) => format!("{sieve:?}"),
        };
        let (_, state) = state.split_once("state: ").unwrap();
        let state = state
            .strip_suffix(" }")
            .unwrap()
            .replace(", code: None", "");
        let state = state.replace(" { offers_starttls: false }", "");
        let state = state.replace(" { offers_stls: false }", "");
        let state = state.replace(" { offers_starttls: true }", ", with STARTTLS");
        let state = state.replace(" { offers_stls: true }", ", with STLS");
        let said = String::from_utf8(said.to_vec()).unwrap();
        let said = said.trim_end();
        (state, (!said.is_empty()).then(|| said.to_owned()))
    }

    type Row = (
        Service,
        StartTlsStrategy,
        &'static [&'static str],
        &'static str,
        &'static str,
    );

    /// Each protocol's way to TLS, with the source of the row. Every piece also byte by byte.
    #[test]
    fn the_way_to_tls() {
        const IMAP: Service = Service::Imap;
        const POP3: Service = Service::Pop3;
        const SMTP: Service = Service::Submission;
        const SIEVE: Service = Service::ManageSieve;
        const EHLO: &str = "EHLO client.example.org\r\nSTARTTLS\r\n";
        let rows: &[Row] = &[
            // RFC 9051 §6.2.1
            (
                IMAP,
                AtOnce,
                &["* OK hi\r\n", "A2 OK go\r\n"],
                "A2 STARTTLS\r\n",
                "tls",
            ),
            (
                IMAP,
                AskFirst,
                &[
                    "* OK hi\r\n",
                    "* CAPABILITY IMAP4rev1 StartTLS\r\nA1 OK\r\n",
                    "a2 ok\n",
                ],
                "A1 CAPABILITY\r\nA2 STARTTLS\r\n",
                "tls",
            ),
            // RFC 9051 §11.3: the greeting's list and untagged data count for nothing.
            (
                IMAP,
                AtOnce,
                &[
                    "* OK [CAPABILITY IMAP4rev1] hi\r\n",
                    "* LIST () \"/\" {5}\r\nA2 NO\r\n* 9 EXISTS\r\nA2 OK\r\n",
                ],
                "A2 STARTTLS\r\n",
                "tls",
            ),
            // RFC 2595 §4
            (
                POP3,
                AtOnce,
                &["+OK <1@h>\r\n", "+OK\r\n"],
                "STLS\r\n",
                "tls",
            ),
            (
                POP3,
                AskFirst,
                &["+OK\r\n", "+OK list\r\nUIDL\r\nSTLS\r\n.\r\n", "+OK\r\n"],
                "CAPA\r\nSTLS\r\n",
                "tls",
            ),
            // RFC 2449 §5: without CAPA, try.
            (
                POP3,
                AskFirst,
                &["+OK\r\n", "-ERR what\r\n", "+OK\r\n"],
                "CAPA\r\nSTLS\r\n",
                "tls",
            ),
            // RFC 3207 §5
            (
                SMTP,
                AtOnce,
                &[
                    "220-a\r\n220 b\r\n",
                    "250-h\r\n250 STARTTLS\r\n",
                    "220 go\r\n",
                ],
                EHLO,
                "tls",
            ),
            (
                SMTP,
                AskFirst,
                &["220 b\r\n", "250-h\r\n250 starttls\r\n", "220\r\n"],
                EHLO,
                "tls",
            ),
            // A removed capability has no effect at once.
            (
                SMTP,
                AtOnce,
                &["220 b\r\n", "250 h\r\n", "220 go\r\n"],
                EHLO,
                "tls",
            ),
            // RFC 5804 §1.7, §2.2
            (
                SIEVE,
                AtOnce,
                &[
                    "\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK\r\n",
                    "OK \"go\"\r\n",
                ],
                "STARTTLS\r\n",
                "tls",
            ),
            (
                SIEVE,
                AskFirst,
                &[
                    "{8}\r\nSTARTTLS\r\n\"starttls\" \"\"\r\nOK {5}\r\nNO no\r\n",
                    "ok\r\n",
                ],
                "STARTTLS\r\n",
                "tls",
            ),
            // A literal's text counts, and so do quoted characters (RFC 5804 §4).
            (
                SIEVE,
                AskFirst,
                &["{8}\r\nStartTLS\r\nOK\r\n", "OK\r\n"],
                "STARTTLS\r\n",
                "tls",
            ),
            (
                SIEVE,
                AskFirst,
                &["\"S\\TARTTLS\" \"\"\r\nOK\r\n", "OK\r\n"],
                "STARTTLS\r\n",
                "tls",
            ),
            // RFC 1939 §3: a dot that was put before another character is taken off.
            (
                POP3,
                AskFirst,
                &["+OK\r\n", "+OK\r\n..\r\n.STLS\r\n.\r\n", "+OK\r\n"],
                "CAPA\r\nSTLS\r\n",
                "tls",
            ),
            // RFC 9051 §7: a server may say something unasked at any time, also behind its
            // greeting; it counts for nothing.
            (
                IMAP,
                AtOnce,
                &["* OK wait\r\n* OK ready\r\n* 1 EX", "ISTS\r\nA2 OK\r\n"],
                "A2 STARTTLS\r\n",
                "tls",
            ),
            // Stripped
            (
                SIEVE,
                AskFirst,
                &[
                    "\"X\" \"STARTTLS\"\r\n{9}\r\nSTARTTLSX\r\n\"STARTTLS\\\"\"\r\n\"STARTTL\"\r\nOK\r\n",
                ],
                "",
                "starttls-not-offered",
            ),
            (
                SMTP,
                AskFirst,
                &["220 b\r\n", "250-STARTTLS\r\n250 SIZE\r\n"],
                "EHLO client.example.org\r\n",
                "starttls-not-offered",
            ),
            (
                IMAP,
                AskFirst,
                &["* OK\r\n", "* CAPABILITY X\r\nA1 OK\r\n"],
                "A1 CAPABILITY\r\n",
                "starttls-not-offered",
            ),
            (
                POP3,
                AskFirst,
                &["+OK\r\n", "+OK\r\nUIDL\r\n.\r\n"],
                "CAPA\r\n",
                "starttls-not-offered",
            ),
            (
                SMTP,
                AskFirst,
                &["220 b\r\n", "250 h\r\n"],
                "EHLO client.example.org\r\n",
                "starttls-not-offered",
            ),
            (
                SIEVE,
                AskFirst,
                &["\"SASL\" \"\"\r\nOK\r\n"],
                "",
                "starttls-not-offered",
            ),
            // RFC 5321 §3.2: a server that knows HELO alone
            (
                SMTP,
                AtOnce,
                &["220 b\r\n", "500 what\r\n"],
                "EHLO client.example.org\r\n",
                "starttls-not-offered",
            ),
            // Refused
            (
                IMAP,
                AtOnce,
                &["* OK\r\n", "A2 NO [UNAVAILABLE] x\r\n"],
                "A2 STARTTLS\r\n",
                "starttls-refused",
            ),
            (
                IMAP,
                AtOnce,
                &["* OK\r\n", "A2 BAD x\r\n"],
                "A2 STARTTLS\r\n",
                "starttls-refused",
            ),
            (
                POP3,
                AtOnce,
                &["+OK\r\n", "-ERR x\r\n"],
                "STLS\r\n",
                "starttls-refused",
            ),
            (
                SMTP,
                AtOnce,
                &["220 b\r\n", "250 h\r\n", "454 later\r\n"],
                EHLO,
                "starttls-refused",
            ),
            (
                SMTP,
                AtOnce,
                &["220 b\r\n", "250 h\r\n", "501 no\r\n"],
                EHLO,
                "starttls-refused",
            ),
            (
                SIEVE,
                AtOnce,
                &["OK\r\n", "NO (TRYLATER) \"x\"\r\n"],
                "STARTTLS\r\n",
                "starttls-refused",
            ),
            // No service
            (IMAP, AtOnce, &["* BYE x\r\n"], "", "service-refused"),
            (
                IMAP,
                AtOnce,
                &["* OK\r\n", "* BYE x\r\n"],
                "A2 STARTTLS\r\n",
                "service-refused",
            ),
            (POP3, AtOnce, &["-ERR x\r\n"], "", "service-refused"),
            (SMTP, AtOnce, &["421 x\r\n"], "", "service-refused"),
            (SMTP, AtOnce, &["554 x\r\n"], "", "service-refused"),
            (
                SMTP,
                AtOnce,
                &["220 b\r\n", "550 not you\r\n"],
                "EHLO client.example.org\r\n",
                "service-refused",
            ),
            (
                SMTP,
                AtOnce,
                &["220 b\r\n", "250 h\r\n", "421 x\r\n"],
                EHLO,
                "service-refused",
            ),
            (SIEVE, AtOnce, &["BYE\r\n"], "", "service-refused"),
            // RFC 9051 §7.1.4
            (
                IMAP,
                AtOnce,
                &["* PREAUTH x\r\n"],
                "",
                "authenticated-before-tls",
            ),
            (
                IMAP,
                AtOnce,
                &["* OK\r\n", "* PREAUTH x\r\n"],
                "A2 STARTTLS\r\n",
                "authenticated-before-tls",
            ),
            // What cannot come here
            (IMAP, AtOnce, &["220 mail\r\n"], "", "unexpected-reply"),
            (
                IMAP,
                AtOnce,
                &["* OK\r\n", "A9 OK\r\n"],
                "A2 STARTTLS\r\n",
                "unexpected-reply",
            ),
            (
                IMAP,
                AtOnce,
                &["* OK\r\n", "+ go\r\n"],
                "A2 STARTTLS\r\n",
                "unexpected-reply",
            ),
            (POP3, AtOnce, &["* OK\r\n"], "", "unexpected-reply"),
            (SMTP, AtOnce, &["* OK\r\n"], "", "unexpected-reply"),
            (
                SMTP,
                AtOnce,
                &["220-a\r\n221 b\r\n"],
                "",
                "unexpected-reply",
            ),
            (
                SMTP,
                AtOnce,
                &["220 b\r\n", "250 h\r\n", "250 fine\r\n"],
                EHLO,
                "unexpected-reply",
            ),
            (
                SMTP,
                AtOnce,
                &["220 b\r\n", "250 h\r\n", "354 go\r\n"],
                EHLO,
                "unexpected-reply",
            ),
            (SIEVE, AtOnce, &["220 b\r\n"], "", "unexpected-reply"),
            (
                SIEVE,
                AtOnce,
                &["OK\r\n", "\"SASL\"\r\n"],
                "STARTTLS\r\n",
                "unexpected-reply",
            ),
            // TLS at once
            (
                IMAP,
                AtOnce,
                &["\x15\x03\x03\0\x02\x02\x28"],
                "",
                "tls-on-starttls-port",
            ),
        ];
        for (service, strategy, pieces, said, end) in rows {
            for step in [usize::MAX, 1] {
                let (spoken, result) = play(*service, *strategy, pieces, step);
                assert_eq!(
                    (spoken.as_str(), code(result)),
                    (*said, *end),
                    "{pieces:?} {step}"
                );
            }
        }
    }

    /// RFC 3207 §6, RFC 9051 §11.3: what lies behind a reply, or comes before its command.
    #[test]
    fn injected_replies() {
        let rows: &[Row] = &[
            (
                Service::Imap,
                AtOnce,
                &["* OK\r\n", "A2 OK\r\n* OK evil\r\n"],
                "",
                "response-injection",
            ),
            (
                Service::Imap,
                AtOnce,
                &["* OK\r\nA2 OK\r\n"],
                "",
                "response-injection",
            ),
            (
                Service::Imap,
                AtOnce,
                &["* OK\r\n* OK x\r\nA2 OK\r\n"],
                "",
                "response-injection",
            ),
            (
                Service::Imap,
                AtOnce,
                &["* OK\r\n* OK x\r\nA", "2 OK\r\n"],
                "",
                "response-injection",
            ),
            (
                Service::Pop3,
                AtOnce,
                &["+OK\r\n", "+OK\r\n+OK evil\r\n"],
                "",
                "response-injection",
            ),
            (
                Service::Pop3,
                AtOnce,
                &["+OK\r\n+OK\r\n"],
                "",
                "response-injection",
            ),
            (
                Service::Submission,
                AtOnce,
                &["220 b\r\n250 h\r\n220 go\r\n"],
                "",
                "response-injection",
            ),
            (
                Service::Submission,
                AtOnce,
                &["220 b\r\n", "250 h\r\n", "220 go\r\n250 x\r\n"],
                "",
                "response-injection",
            ),
            (
                Service::ManageSieve,
                AtOnce,
                &["OK\r\n", "OK\r\n\"SASL\" \"PLAIN\"\r\n"],
                "",
                "response-injection",
            ),
        ];
        for (service, strategy, pieces, _, end) in rows {
            let (_, result) = play(*service, *strategy, pieces, usize::MAX);
            assert_eq!(code(result), *end, "{pieces:?}");
        }
        let (_, result) = play(
            Service::Imap,
            AtOnce,
            &["* OK\r\n", "A2 OK\r\n\x1b[2Jevil"],
            99,
        );
        let Err(ProtocolError::ResponseInjection { bytes, excerpt }) = result else {
            panic!()
        };
        assert_eq!(
            (bytes, excerpt.as_untrusted_bytes()),
            (8, &b"\x1b[2Jevil"[..])
        );
        assert!(!excerpt.to_string().contains('\x1b'));
    }

    /// RFC 8314 §5.2: the name in EHLO, and address literals (RFC 5321 §4.1.3).
    #[test]
    fn the_name_in_ehlo() {
        for (name, said) in [
            ("client.example.org", "EHLO client.example.org\r\n"),
            ("192.0.2.1", "EHLO [192.0.2.1]\r\n"),
            ("2001:db8::1", "EHLO [IPv6:2001:db8::1]\r\n"),
        ] {
            let mut outgoing = BytesMut::new();
            Command::Hello("EHLO").put(&Host::parse(name).unwrap(), &mut outgoing);
            assert_eq!(outgoing, said);
        }
    }

    #[test]
    fn a_server_that_talks_for_ever_is_left() {
        for flood in ["* 1 EXISTS\r\n", "* OK x\r\n"] {
            let mut pieces = vec!["* OK\r\n"];
            pieces.extend([flood; 2 * DIALOG_LINES]);
            assert_eq!(
                code(play(Service::Imap, AtOnce, &pieces, 4096).1),
                "too-much"
            );
        }
        let long = format!("* OK {}", "x".repeat(DIALOG_BYTES));
        for service in Service::ALL {
            assert_eq!(code(play(service, AtOnce, &[&long], 1000).1), "too-much");
        }
        // RFC 1939 §3: 512 octets with the end of the line.
        let at_bound = format!("+OK {}\r\n", "x".repeat(506));
        assert_eq!(
            code(play(Service::Pop3, AtOnce, &[&at_bound, "+OK\r\n"], 999).1),
            "tls"
        );
        let beyond = format!("+OK {}\r\n", "x".repeat(507));
        assert_eq!(
            code(play(Service::Pop3, AtOnce, &[&beyond], 999).1),
            "too-much"
        );
    }
}
