//! POP3 (RFC 2595 §4, RFC 1939 §3, RFC 2449 §5).

use super::reply::{Line, LineRules, after_word};
use super::{Command, Next, StartTlsStrategy, no_service, refused, unexpected};
use crate::error::{ProtocolError, StartTlsFailure};

/// RFC 1939 §3 and RFC 2449 §4: a response line has at most 512 octets with its end.
pub(super) const LINES: LineRules = LineRules {
    longest: 512,
    has_literal: |_| false,
};

#[derive(Debug)]
pub(super) struct Pop3 {
    strategy: StartTlsStrategy,
    state: State,
}

#[derive(Debug)]
enum State {
    Greeting,
    CapaReply,
    Capabilities { offers_stls: bool },
    Reply,
}

impl Pop3 {
    pub(super) fn new(strategy: StartTlsStrategy) -> Self {
        Self {
            strategy,
            state: State::Greeting,
        }
    }

    pub(super) fn take(&mut self, line: &Line<'_>) -> Result<Next, ProtocolError> {
        match &mut self.state {
            State::Greeting => match (status(line)?, self.strategy) {
                (Status::Err(fault), _) => Err(no_service(fault.may_pass(), line)),
                (Status::Ok, StartTlsStrategy::AtOnce) => Ok(self.start()),
                (Status::Ok, StartTlsStrategy::AskFirst) => {
                    self.state = State::CapaReply;
                    Ok(Next::Send(Command::Fixed("CAPA")))
                }
            },
            State::CapaReply => match status(line)? {
                Status::Ok => {
                    self.state = State::Capabilities { offers_stls: false };
                    Ok(Next::Read)
                }
                // RFC 2449 §5: without CAPA the client has to try.
                Status::Err(_) => Ok(self.start()),
            },
            State::Capabilities { offers_stls } => {
                if line.text() != b"." {
                    // RFC 1939 §3: a line that begins with a dot has been given another one.
                    let text = line.text();
                    let text = text.strip_prefix(b".").unwrap_or(text);
                    *offers_stls |= after_word(text, "STLS").is_some();
                    return Ok(Next::Read);
                }
                if *offers_stls {
                    Ok(self.start())
                } else {
                    Err(StartTlsFailure::NotOffered.into())
                }
            }
            State::Reply => match status(line)? {
                Status::Ok => Ok(Next::StartTls),
                Status::Err(fault) => Err(refused(fault == Fault::Temporary, line)),
            },
        }
    }

    fn start(&mut self) -> Next {
        self.state = State::Reply;
        Next::Send(Command::Fixed("STLS"))
    }
}

enum Status {
    Ok,
    Err(Fault),
}

/// What an `-ERR` says about when to come back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Temporary,
    Permanent,
    Unnamed,
}

impl Fault {
    /// RFC 2449 §8.1 and RFC 3206 §4: what will pass, and what will not.
    fn of(text: &[u8]) -> Self {
        let is = |code: &str| {
            text.get(..code.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(code.as_bytes()))
        };
        if ["[IN-USE]", "[SYS/TEMP]", "[LOGIN-DELAY]"]
            .into_iter()
            .any(is)
        {
            Self::Temporary
        } else if is("[SYS/PERM]") {
            Self::Permanent
        } else {
            Self::Unnamed
        }
    }

    /// A server that greets with a refusal and gives no reason is taken to be busy.
    fn may_pass(self) -> bool {
        match self {
            Self::Temporary | Self::Unnamed => true,
            Self::Permanent => false,
        }
    }
}

fn status(line: &Line<'_>) -> Result<Status, ProtocolError> {
    if line.after_word("+OK").is_some() {
        return Ok(Status::Ok);
    }
    let text = line
        .after_word("-ERR")
        .ok_or_else(|| unexpected("+OK or -ERR", line))?;
    Ok(Status::Err(Fault::of(text)))
}
