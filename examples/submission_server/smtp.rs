//! The server's own parser. It knows nothing of TLS but what its guard lets it list, what its
//! admission says, and what a Received field has to tell.

use std::net::IpAddr;
use std::sync::Arc;

use mail_tls::admission::{ConnectionSecurity, ServerPolicy};
use mail_tls::received::{TlsClause, TransmissionType};
use mail_tls::{SessionInfo, StartTlsGuard};

use crate::delivery::{Mailbox, Trace};
use crate::login;
use crate::syntax::{capabilities, is_name, path};
use crate::talk::{Awaits, Talk};

pub(crate) const LARGEST_MESSAGE: usize = 1_000_000;
const MOST_RECIPIENTS: usize = 100;

/// As much of SMTP as a submission takes.
pub(crate) struct Smtp {
    policy: Arc<ServerPolicy>,
    mailbox: Arc<Mailbox>,
    client: IpAddr,
    channel: Option<(TransmissionType, TlsClause)>,
    talk: Talk,
}

impl Smtp {
    pub(crate) fn new(client: IpAddr, policy: Arc<ServerPolicy>, mailbox: Arc<Mailbox>) -> Self {
        Self {
            policy,
            mailbox,
            client,
            channel: None,
            talk: Talk::default(),
        }
    }

    pub(crate) fn restart_under_tls(&mut self, info: &SessionInfo<'_>) {
        self.talk = Talk::default();
        self.channel = info
            .transmission_type(true, false)
            .zip(info.received_clause());
    }

    pub(crate) fn has_quit(&self) -> bool {
        self.talk.has_quit
    }

    pub(crate) fn command(&mut self, line: &[u8], guard: &StartTlsGuard) -> String {
        let Some(line) = std::str::from_utf8(line).ok().map(str::trim_end) else {
            return "500 5.5.2 not UTF-8\r\n".to_owned();
        };
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let talk = &mut self.talk;
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" if !is_name(rest) => "501 5.5.4 not a domain",
            "EHLO" => {
                let hello = Some(rest.to_owned());
                let is_authenticated = talk.is_authenticated;
                *talk = Talk {
                    hello,
                    is_authenticated,
                    ..Talk::default()
                };
                return capabilities(guard);
            }
            "AUTH" if talk.is_authenticated => "503 5.5.1 logged in already",
            "AUTH" if talk.sender.is_some() => "503 5.5.1 not in a transaction",
            "AUTH" => match rest.split_once(' ').unwrap_or((rest, "")) {
                (mechanism, _) if !mechanism.eq_ignore_ascii_case("PLAIN") => {
                    "504 5.5.4 PLAIN alone"
                }
                (_, "") => {
                    talk.awaits = Awaits::Password;
                    "334 "
                }
                (_, response) => return self.log_in(response),
            },
            "NOOP" => "250 2.0.0 done",
            "RSET" => {
                (talk.sender, talk.recipients) = (None, Vec::new());
                "250 2.0.0 forgotten"
            }
            "QUIT" => {
                talk.has_quit = true;
                "221 2.0.0 goodbye"
            }
            // RFC 6409 §4.3, on both ports (RFC 8314 §3.3).
            "MAIL" | "RCPT" | "DATA" if !talk.is_authenticated => "530 5.7.0 log in first",
            "MAIL" if talk.hello.is_none() => "503 5.5.1 say EHLO first",
            "MAIL" if talk.sender.is_some() => "503 5.5.1 one sender alone",
            "MAIL" => match path(rest, "FROM:") {
                Some((_, parameters)) => {
                    let mut words = parameters.split_ascii_whitespace();
                    talk.sender = Some(words.any(|word| word.eq_ignore_ascii_case("SMTPUTF8")));
                    "250 2.1.0 sender taken"
                }
                None => "501 5.5.4 not a sender",
            },
            "RCPT" if talk.sender.is_none() => "503 5.5.1 no sender",
            "RCPT" if talk.recipients.len() >= MOST_RECIPIENTS => "452 4.5.3 too many recipients",
            "RCPT" => match path(rest, "TO:") {
                // RFC 6531 §3.3: not without SMTPUTF8.
                Some((path, _)) if !path.is_ascii() && talk.sender != Some(true) => {
                    "553 5.6.7 say SMTPUTF8 for such an address"
                }
                Some((path, _)) if path != "<>" => {
                    talk.recipients.push(path.to_owned());
                    "250 2.1.5 recipient taken"
                }
                _ => "501 5.5.4 not a recipient",
            },
            "DATA" if talk.recipients.is_empty() => "503 5.5.1 no recipients",
            "DATA" => {
                talk.awaits = Awaits::Message(Vec::new(), None);
                "354 go on, and end with a dot"
            }
            _ => "502 5.5.1 not known here",
        };
        format!("{reply}\r\n")
    }

    /// Whether what comes is no command.
    pub(crate) fn awaits_text(&self) -> bool {
        !matches!(self.talk.awaits, Awaits::Command)
    }

    /// A line that is no command, and what is answered.
    pub(crate) fn text(&mut self, line: &[u8]) -> Option<String> {
        let Awaits::Message(message, fault) = &mut self.talk.awaits else {
            self.talk.awaits = Awaits::Command;
            return Some(self.log_in(String::from_utf8_lossy(line).trim_end()));
        };
        if line == b".\r\n" {
            let (message, fault) = (std::mem::take(message), *fault);
            let reply = fault.map_or_else(|| self.deliver(&message), str::to_owned);
            (self.talk.sender, self.talk.recipients) = (None, Vec::new());
            self.talk.awaits = Awaits::Command;
            return Some(reply);
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
        if message.len() > LARGEST_MESSAGE {
            (*message, *fault) = (Vec::new(), Some("552 5.3.4 too large\r\n"));
        }
        None
    }

    /// A line that was dropped: a message without it is refused when its end has come.
    pub(crate) fn broken_line(&mut self, reply: &'static str) -> Option<&'static str> {
        match &mut self.talk.awaits {
            Awaits::Message(_, fault) => {
                *fault = Some("554 5.6.0 a line too long, or without CR LF\r\n");
                None
            }
            Awaits::Command | Awaits::Password => {
                self.talk.awaits = Awaits::Command;
                Some(reply)
            }
        }
    }

    fn log_in(&mut self, response: &str) -> String {
        let security = match self.channel {
            Some(_) => ConnectionSecurity::ModernTls,
            None => ConnectionSecurity::Cleartext,
        };
        let (is_authenticated, reply) = login::plain(&self.policy, security, response);
        self.talk.is_authenticated = is_authenticated;
        reply
    }

    fn deliver(&self, message: &[u8]) -> String {
        let Some((with, tls)) = self.channel else {
            return "530 5.7.0 TLS first\r\n".to_owned();
        };
        let trace = Trace {
            hello: self.talk.hello.as_deref().unwrap_or("unknown"),
            client: self.client,
            with: with.with_smtputf8(self.talk.sender == Some(true)),
            tls: Some(tls),
            recipient: match &*self.talk.recipients {
                [only] => Some(only),
                _ => None,
            },
        };
        match self.mailbox.deliver(&trace, message) {
            Ok(id) => format!("250 2.0.0 taken as {id}\r\n"),
            Err(error) => {
                println!("cannot write: {error}");
                "451 4.3.0 cannot keep it, try later\r\n".to_owned()
            }
        }
    }
}
