//! The server's own parser: as much of SMTP as a submission takes.

use std::fmt::Write;

use data_encoding::BASE64;
use mail_tls::admission::{
    AdmissionVerdict, ConnectionSecurity, LoginAttempt, ServerPolicy, UtcDay,
};
use mail_tls::received::{Folding, TransmissionType};
use mail_tls::{ExternalOffer, Service, SessionInfo, StartTlsGuard, TlsClause};

const LARGEST_MESSAGE: usize = 1_000_000;

pub(crate) struct Smtp<'a> {
    policy: &'a ServerPolicy,
    security: ConnectionSecurity,
    /// What is written about the connection into each message.
    clause: Option<TlsClause>,
    with: Option<TransmissionType>,
    user: Option<String>,
    recipients: usize,
    /// Between DATA and the dot.
    message: Option<Vec<u8>>,
    /// Between AUTH and the password.
    awaits_password: bool,
    pub(crate) has_quit: bool,
}

impl<'a> Smtp<'a> {
    /// Of a connection with TLS, or of one that has none yet.
    pub(crate) fn new(policy: &'a ServerPolicy, info: Option<SessionInfo<'_>>) -> Self {
        Self {
            policy,
            security: info.map_or(ConnectionSecurity::Cleartext, |info| info.security()),
            clause: info.and_then(|info| info.received_clause()),
            with: info.and_then(|info| info.transmission_type(true, false)),
            user: None,
            recipients: 0,
            message: None,
            awaits_password: false,
            has_quit: false,
        }
    }

    pub(crate) fn command(&mut self, line: &[u8], guard: &StartTlsGuard, today: UtcDay) -> String {
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => return self.greeting(guard, today),
            "AUTH" if rest.eq_ignore_ascii_case("PLAIN") => {
                self.awaits_password = true;
                "334 "
            }
            "AUTH" => match rest.split_once(' ') {
                Some((mechanism, password)) if mechanism.eq_ignore_ascii_case("PLAIN") => {
                    return self.log_in(password, today);
                }
                _ => "504 5.5.4 PLAIN alone",
            },
            "NOOP" => "250 2.0.0 done",
            "RSET" => {
                self.recipients = 0;
                "250 2.0.0 forgotten"
            }
            "QUIT" => {
                self.has_quit = true;
                "221 2.0.0 goodbye"
            }
            "MAIL" if self.user.is_some() => "250 2.1.0 sender taken",
            "RCPT" if self.user.is_some() => {
                self.recipients += 1;
                "250 2.1.5 recipient taken"
            }
            "MAIL" | "RCPT" => "530 5.7.0 log in first",
            "DATA" if self.recipients > 0 => {
                self.message = Some(Vec::new());
                "354 go on, and end with a dot"
            }
            "DATA" => "503 5.5.1 no recipients",
            _ => "502 5.5.1 not known here",
        };
        format!("{reply}\r\n")
    }

    /// Whether what comes is no command.
    pub(crate) fn awaits_text(&self) -> bool {
        self.message.is_some() || self.awaits_password
    }

    /// A line that is no command, and what is answered.
    pub(crate) fn text(&mut self, line: &[u8], today: UtcDay) -> Option<String> {
        if self.awaits_password {
            self.awaits_password = false;
            return Some(self.log_in(String::from_utf8_lossy(line).trim(), today));
        }
        let message = self.message.get_or_insert_default();
        if line != b".\r\n" {
            if message.len() <= LARGEST_MESSAGE {
                message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
            }
            return None;
        }
        let message = self.message.take().unwrap_or_default();
        self.recipients = 0;
        if message.len() > LARGEST_MESSAGE {
            return Some("552 5.3.4 too large\r\n".to_owned());
        }
        println!(
            "{}{}",
            self.received().escape_default(),
            message.escape_ascii()
        );
        Some("250 2.0.0 message taken\r\n".to_owned())
    }

    /// Lists what the guard lets be listed: AUTH only where it may be used, STARTTLS by itself.
    fn greeting(&self, guard: &StartTlsGuard, today: UtcDay) -> String {
        let mut all = vec![format!("SIZE {LARGEST_MESSAGE}")];
        if self.policy.permits_login(self.security, today) {
            all.push("AUTH PLAIN".to_owned());
        }
        let filter = guard.capabilities(ExternalOffer::Nothing);
        let mut lines = vec!["localhost greets you".to_owned()];
        lines.extend(
            filter
                .filter(all.iter().map(String::as_str))
                .map(Into::into),
        );
        let last = lines.pop().unwrap_or_default();
        let others: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
        format!("{others}250 {last}\r\n")
    }

    /// RFC 4616 §2: an identity to act as, NUL, the user, NUL, the password. The decision comes
    /// before the password is looked at, and does not depend on it (RFC 8314 §4.1).
    fn log_in(&mut self, base64: &str, today: UtcDay) -> String {
        let decoded = BASE64.decode(base64.as_bytes()).unwrap_or_default();
        let mut parts = decoded.split(|byte| *byte == 0).skip(1);
        let (Some(user), Some(password)) = (parts.next(), parts.next()) else {
            return "501 5.5.2 not as PLAIN has it\r\n".to_owned();
        };
        let user = String::from_utf8_lossy(user).into_owned();
        let attempt = LoginAttempt::new(Service::Submission, self.security, &user);
        let admission = self.policy.decide(&attempt, today);
        println!("{admission}");
        match admission.verdict() {
            AdmissionVerdict::Allow | AdmissionVerdict::AllowAndTell(_) => {}
            AdmissionVerdict::RequireTls(denial) | AdmissionVerdict::RequireTls12(denial) => {
                return denial.reply("").to_string();
            }
            _ => return "535 5.7.8 not in this way\r\n".to_owned(),
        }
        if (user.as_str(), password) != ("test", b"test") {
            return "535 5.7.8 try test and test\r\n".to_owned();
        }
        self.user = Some(user);
        "235 2.7.0 welcome\r\n".to_owned()
    }

    /// The field that is put before the message. The date is the mail system's business.
    fn received(&self) -> String {
        let mut field = String::new();
        let mut out = Folding::new(&mut field);
        let _ = write!(out, "Received: by localhost");
        if let (Some(with), Some(clause)) = (self.with, &self.clause) {
            let _ = out.with(with);
            let _ = out.tls(clause);
        }
        field + "\r\n"
    }
}
