//! What is said in clear, and again behind TLS: greeting, capabilities, STARTTLS, farewell.

use mail_tls::Service;

use crate::wire::{Failure, Lines, MOST_LINES, Wire, shown};

/// A reply, or a greeting.
pub(crate) struct Reply {
    pub(crate) lines: Vec<String>,
    pub(crate) is_ok: bool,
}

/// The words of one protocol.
pub(crate) struct Words {
    service: Service,
    /// Asks for the capabilities.
    capabilities: &'static str,
    starttls: &'static str,
    /// Has no effect, and an answer in any case; what is smuggled in behind STARTTLS.
    pub(crate) harmless: &'static str,
    farewell: &'static str,
}

const IMAP: Words = Words {
    service: Service::Imap,
    capabilities: "a CAPABILITY\r\n",
    starttls: "b STARTTLS\r\n",
    harmless: "x NOOP\r\n",
    farewell: "z LOGOUT\r\n",
};
const POP3: Words = Words {
    service: Service::Pop3,
    capabilities: "CAPA\r\n",
    starttls: "STLS\r\n",
    harmless: "XPROBE\r\n",
    farewell: "QUIT\r\n",
};
const SMTP: Words = Words {
    service: Service::Submission,
    // RFC 5321 §4.1.1.1: a literal where there is no name.
    capabilities: "EHLO [127.0.0.1]\r\n",
    starttls: "STARTTLS\r\n",
    harmless: "NOOP\r\n",
    farewell: "QUIT\r\n",
};
const MANAGESIEVE: Words = Words {
    service: Service::ManageSieve,
    capabilities: "CAPABILITY\r\n",
    starttls: "STARTTLS\r\n",
    harmless: "NOOP\r\n",
    farewell: "LOGOUT\r\n",
};

impl Words {
    /// `None` for services that users do not log in to.
    pub(crate) const fn of(service: Service) -> Option<&'static Self> {
        match service {
            Service::Imap => Some(&IMAP),
            Service::Pop3 => Some(&POP3),
            Service::Submission => Some(&SMTP),
            Service::ManageSieve => Some(&MANAGESIEVE),
            _ => None,
        }
    }

    /// What the server says first. ManageSieve's is its capabilities (RFC 5804 §1.7).
    pub(crate) fn greeting(&self, lines: &mut impl Lines) -> Result<Reply, Failure> {
        const WAIT: &str = "its greeting";
        let greeting = match self.service {
            Service::Imap => {
                let line = lines.line(WAIT)?;
                let mut words = line.split_ascii_whitespace();
                let is_untagged = words.next() == Some("*");
                let is_ok = is_untagged && matches!(words.next(), Some("OK" | "PREAUTH"));
                Reply {
                    lines: vec![line],
                    is_ok,
                }
            }
            _ => self.reply(lines, "", WAIT)?,
        };
        if greeting.is_ok {
            Ok(greeting)
        } else {
            Err(Failure::Odd(WAIT, last(&greeting)))
        }
    }

    /// What it lists. `None` if it does not know how.
    pub(crate) fn capabilities(
        &self,
        lines: &mut impl Lines,
    ) -> Result<Option<Vec<String>>, Failure> {
        const WAIT: &str = "its capabilities";
        lines.say(self.capabilities)?;
        let reply = match self.service {
            Service::Pop3 => {
                let mut reply = self.reply(lines, "", WAIT)?;
                while reply.is_ok {
                    match lines.line(WAIT)? {
                        line if line == "." => break,
                        line if reply.lines.len() < MOST_LINES => reply.lines.push(line),
                        line => return Err(Failure::Odd(WAIT, shown(line.as_bytes()))),
                    }
                }
                reply
            }
            _ => self.reply(lines, "a", WAIT)?,
        };
        Ok(reply.is_ok.then(|| self.listed(&reply)))
    }

    /// The capabilities in a reply to the question, or in ManageSieve's greeting.
    pub(crate) fn listed(&self, reply: &Reply) -> Vec<String> {
        match self.service {
            Service::Imap => {
                let untagged = reply.lines.iter().filter_map(|line| {
                    let (start, rest) = line.split_at_checked("* CAPABILITY ".len())?;
                    start.eq_ignore_ascii_case("* CAPABILITY ").then_some(rest)
                });
                let words = untagged.flat_map(str::split_ascii_whitespace);
                words.map(str::to_owned).collect()
            }
            Service::Submission => {
                let lines = reply.lines.iter().skip(1);
                lines
                    .filter_map(|line| line.get(4..).map(str::to_owned))
                    .collect()
            }
            Service::Pop3 => reply.lines.iter().skip(1).cloned().collect(),
            _ => {
                let lines = reply.lines.split_last().map_or(&[][..], |(_, rest)| rest);
                lines.to_vec()
            }
        }
    }

    /// From the greeting to where TLS begins. What is `smuggled` goes in one packet with the command.
    /// The answers are those before TLS: the greeting and what was listed.
    pub(crate) fn start_tls(&self, lines: &mut Wire, smuggled: &str) -> Result<Before, Failure> {
        let greeting = self.greeting(lines)?;
        let listed = match self.service {
            Service::ManageSieve => Some(self.listed(&greeting)),
            _ => self.capabilities(lines)?,
        };
        let before = Before {
            is_preauth: greeting
                .lines
                .iter()
                .any(|line| line.starts_with("* PREAUTH")),
            listed,
            declined: None,
        };
        let asked = lines.say(&format!("{}{smuggled}", self.starttls));
        let reply = asked.and_then(|()| self.reply(lines, "b", "its answer to STARTTLS"));
        let declined = match reply {
            // RFC 9051 §6.2.1: not a byte between the reply and TLS.
            Ok(reply) if reply.is_ok && lines.has_leftover() => {
                Some(Failure::Odd("TLS", "more text in clear".to_owned()))
            }
            Ok(reply) if reply.is_ok => None,
            Ok(reply) => Some(Failure::Declined("STARTTLS", last(&reply))),
            Err(failure) => Some(failure),
        };
        Ok(Before { declined, ..before })
    }

    /// After TLS has begun by STARTTLS or by itself: the greeting, if there is one, and what is
    /// listed now.
    pub(crate) fn after_tls(
        &self,
        lines: &mut impl Lines,
        greets: bool,
    ) -> Result<Option<Vec<String>>, Failure> {
        if greets || self.service == Service::ManageSieve {
            self.greeting(lines)?;
        }
        self.capabilities(lines)
    }

    /// Says goodbye; whether that is heard does not matter.
    pub(crate) fn leave(&self, lines: &mut impl Lines) {
        if lines.say(self.farewell).is_ok() {
            let _ = self.reply(lines, "z", "its farewell");
        }
    }

    /// How many replies come until the connection ends, to the question for capabilities and to the
    /// farewell: more than two, or three with ManageSieve's capabilities, and one is to something
    /// that was not said there.
    pub(crate) fn has_surplus_reply(&self, lines: &mut impl Lines) -> Result<bool, Failure> {
        lines.say(self.capabilities)?;
        let (mut count, mut read) = (0_usize, 0_usize);
        while read < MOST_LINES {
            let Ok(line) = lines.line("its farewell") else {
                break;
            };
            read += 1;
            if self.ends_reply(&line) {
                count += 1;
                // EHLO ends a group of commands (RFC 2920 §3.1): not both at once.
                if count == 1 {
                    lines.say(self.farewell)?;
                }
            }
        }
        let expected = match self.service {
            Service::ManageSieve => 3,
            _ => 2,
        };
        match count {
            0 => Err(Failure::Closed("an answer behind TLS")),
            count => Ok(count > expected),
        }
    }

    fn ends_reply(&self, line: &str) -> bool {
        match self.service {
            Service::Imap => ["a ", "x ", "z "].iter().any(|tag| line.starts_with(tag)),
            Service::Pop3 => line.starts_with("+OK") || line.starts_with("-ERR"),
            Service::Submission => smtp_code(line).is_some_and(|(_, is_last)| is_last),
            _ => sieve_status(line).is_some(),
        }
    }

    /// All lines up to the one with the status. `tag` is IMAP's.
    fn reply(
        &self,
        lines: &mut impl Lines,
        tag: &str,
        wait: &'static str,
    ) -> Result<Reply, Failure> {
        let mut all = Vec::new();
        while all.len() < MOST_LINES {
            let line = lines.line(wait)?;
            let status = match self.service {
                Service::Imap => line
                    .strip_prefix(tag)
                    .and_then(|rest| rest.strip_prefix(' '))
                    .map(|rest| Some("OK") == rest.split_ascii_whitespace().next()),
                Service::Pop3 => Some(line.starts_with("+OK")),
                Service::Submission => match smtp_code(&line) {
                    Some((is_good, is_last)) => is_last.then_some(is_good),
                    None => return Err(Failure::Odd(wait, shown(line.as_bytes()))),
                },
                _ => sieve_status(&line),
            };
            all.push(line);
            if let Some(is_ok) = status {
                return Ok(Reply { lines: all, is_ok });
            }
        }
        let said = all.last().map(|line| shown(line.as_bytes()));
        Err(Failure::Odd(wait, said.unwrap_or_default()))
    }
}

/// What was learned in clear.
pub(crate) struct Before {
    pub(crate) listed: Option<Vec<String>>,
    /// RFC 9051 §7.1.4: it takes itself for logged in, so that STARTTLS is out of reach.
    pub(crate) is_preauth: bool,
    /// Why TLS does not begin.
    pub(crate) declined: Option<Failure>,
}

fn last(reply: &Reply) -> String {
    let line = reply.lines.last().map(|line| shown(line.as_bytes()));
    line.unwrap_or_default()
}

/// Whether it is a good one (2yz), and the last line.
fn smtp_code(line: &str) -> Option<(bool, bool)> {
    let (code, rest) = line.split_at_checked(3)?;
    let is_code = code.bytes().all(|byte| byte.is_ascii_digit());
    is_code.then(|| (code.starts_with('2'), !rest.starts_with('-')))
}

fn sieve_status(line: &str) -> Option<bool> {
    let word = line.split([' ', '(']).next().unwrap_or_default();
    let is = |status: &str| word.eq_ignore_ascii_case(status);
    (is("OK") || is("NO") || is("BYE")).then(|| is("OK"))
}
