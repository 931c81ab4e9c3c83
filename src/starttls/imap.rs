//! IMAP (RFC 9051 §6.2.1, §7.1, §11.3).

use super::reply::{Line, LineRules, after_word};
use super::{Command, Next, StartTlsStrategy, no_service, refused, unexpected};
use crate::error::{ProtocolError, StartTlsFailure};

/// A status response has free text, which may end like a literal; other responses may have some.
pub(super) const LINES: LineRules = LineRules {
    longest: 8192,
    has_literal: |text| text.starts_with(b"* ") && !is_status(text),
};

#[derive(Debug)]
pub(super) struct Imap {
    strategy: StartTlsStrategy,
    state: State,
}

#[derive(Debug)]
enum State {
    Greeting,
    Capabilities { offers_starttls: bool },
    Reply,
}

const CAPABILITY: &str = "A1 CAPABILITY";
const STARTTLS: &str = "A2 STARTTLS";

impl Imap {
    pub(super) fn new(strategy: StartTlsStrategy) -> Self {
        Self {
            strategy,
            state: State::Greeting,
        }
    }

    pub(super) fn take(&mut self, line: &Line<'_>) -> Result<Next, ProtocolError> {
        if let Some(rest) = line.after_word("*") {
            return self.untagged(rest, line);
        }
        match &self.state {
            State::Greeting => Err(unexpected("IMAP's greeting", line)),
            State::Capabilities { offers_starttls } => {
                let status = tagged("A1", line)?;
                let can_go_on = *offers_starttls || !matches!(status, Status::Ok);
                // A server that does not answer the question is asked for TLS all the same.
                if can_go_on {
                    Ok(self.start())
                } else {
                    Err(StartTlsFailure::NotOffered.into())
                }
            }
            State::Reply => match tagged("A2", line)? {
                Status::Ok => Ok(Next::StartTls),
                Status::No { is_temporary } => Err(refused(is_temporary, line)),
                Status::Bad => Err(refused(false, line)),
            },
        }
    }

    /// Before TLS no untagged response counts but the greeting, BYE and, where it was asked for,
    /// CAPABILITY (RFC 9051 §11.3); the others are dropped.
    fn untagged(&mut self, rest: &[u8], line: &Line<'_>) -> Result<Next, ProtocolError> {
        if after_word(rest, "BYE").is_some() {
            return Err(no_service(true, line));
        }
        // RFC 9051 §7.1.4: no authenticated state without protection.
        if after_word(rest, "PREAUTH").is_some() {
            return Err(StartTlsFailure::AlreadyAuthenticated.into());
        }
        match &mut self.state {
            State::Greeting => match (after_word(rest, "OK"), self.strategy) {
                (None, _) => Err(unexpected("IMAP's greeting", line)),
                (Some(_), StartTlsStrategy::AtOnce) => Ok(self.start()),
                (Some(_), StartTlsStrategy::AskFirst) => {
                    self.state = State::Capabilities {
                        offers_starttls: false,
                    };
                    Ok(Next::Send(Command::Fixed(CAPABILITY)))
                }
            },
            State::Capabilities { offers_starttls } => {
                if let Some(list) = after_word(rest, "CAPABILITY") {
                    *offers_starttls |= list
                        .split(|byte| *byte == b' ')
                        .any(|name| name.eq_ignore_ascii_case(b"STARTTLS"));
                }
                Ok(Next::Read)
            }
            State::Reply => Ok(Next::Read),
        }
    }

    fn start(&mut self) -> Next {
        self.state = State::Reply;
        Next::Send(Command::Fixed(STARTTLS))
    }
}

enum Status {
    Ok,
    No { is_temporary: bool },
    Bad,
}

/// The status under our tag; every other tag is somebody else's.
fn tagged(tag: &'static str, line: &Line<'_>) -> Result<Status, ProtocolError> {
    let expected = "a reply to the client's command";
    let rest = line
        .after_word(tag)
        .ok_or_else(|| unexpected(expected, line))?;
    if after_word(rest, "OK").is_some() {
        return Ok(Status::Ok);
    }
    if let Some(text) = after_word(rest, "NO") {
        // RFC 5530 §3: UNAVAILABLE and INUSE pass.
        let is_temporary =
            after_word(text, "[UNAVAILABLE]").is_some() || after_word(text, "[INUSE]").is_some();
        return Ok(Status::No { is_temporary });
    }
    if after_word(rest, "BAD").is_some() {
        return Ok(Status::Bad);
    }
    Err(unexpected(expected, line))
}

fn is_status(text: &[u8]) -> bool {
    let Some(rest) = after_word(text, "*") else {
        return false;
    };
    ["OK", "NO", "BAD", "BYE", "PREAUTH"]
        .iter()
        .any(|word| after_word(rest, word).is_some())
}
