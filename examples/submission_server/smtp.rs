//! The server's own parser. It knows nothing of TLS but what its guard lets it list.

use mail_tls::{ExternalOffer, StartTlsGuard};

const LARGEST_MESSAGE: usize = 1_000_000;

/// As much of SMTP as a submission takes.
#[derive(Default)]
pub(crate) struct Smtp {
    is_authenticated: bool,
    recipients: usize,
    /// Between DATA and the dot.
    message: Option<Vec<u8>>,
    /// Between AUTH and the password.
    awaits_password: bool,
    pub(crate) has_quit: bool,
}

impl Smtp {
    pub(crate) fn command(&mut self, line: &[u8], guard: &StartTlsGuard) -> String {
        let line = String::from_utf8_lossy(line);
        let line = line.trim();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let reply = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => {
                let all = [format!("SIZE {LARGEST_MESSAGE}"), "AUTH PLAIN".to_owned()];
                let filter = guard.capabilities(ExternalOffer::Nothing);
                let mut lines = vec!["localhost greets you".to_owned()];
                lines.extend(
                    filter
                        .filter(all.iter().map(String::as_str))
                        .map(Into::into),
                );
                let last = lines.pop().unwrap_or_default();
                let others: String = lines.iter().map(|line| format!("250-{line}\r\n")).collect();
                return format!("{others}250 {last}\r\n");
            }
            "AUTH" if rest.eq_ignore_ascii_case("PLAIN") => {
                self.awaits_password = true;
                "334 "
            }
            "AUTH" => match rest.split_once(' ') {
                Some((mechanism, password)) if mechanism.eq_ignore_ascii_case("PLAIN") => {
                    return self.password(password).to_owned();
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
            "MAIL" if self.is_authenticated => "250 2.1.0 sender taken",
            "RCPT" if self.is_authenticated => {
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
    pub(crate) fn text(&mut self, line: &[u8]) -> Option<&'static str> {
        if self.awaits_password {
            self.awaits_password = false;
            return Some(self.password(String::from_utf8_lossy(line).trim()));
        }
        self.message_line(line)
    }

    /// The base64 of NUL test NUL test.
    fn password(&mut self, password: &str) -> &'static str {
        self.is_authenticated = password == "AHRlc3QAdGVzdA==";
        if self.is_authenticated {
            "235 2.7.0 welcome\r\n"
        } else {
            "535 5.7.8 try test and test\r\n"
        }
    }

    fn message_line(&mut self, line: &[u8]) -> Option<&'static str> {
        let message = self.message.get_or_insert_default();
        if line != b".\r\n" {
            let unstuffed = line.strip_prefix(b".").unwrap_or(line);
            if message.len() <= LARGEST_MESSAGE {
                message.extend_from_slice(unstuffed);
            }
            return None;
        }
        let message = self.message.take().unwrap_or_default();
        self.recipients = 0;
        if message.len() > LARGEST_MESSAGE {
            return Some("552 5.3.4 too large\r\n");
        }
        println!("{}", message.escape_ascii());
        Some("250 2.0.0 message taken\r\n")
    }
}
