//! POP3 (RFC 2595 §4, RFC 1939 §3, RFC 2449 §5).

use super::reply::{Line, LineRules};
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

    pub(super) fn take(&mut self, line: &Line) -> Result<Next, ProtocolError> {
        match &mut self.state {
            State::Greeting => match (status(line)?, self.strategy) {
                (Status::Err { .. }, _) => Err(no_service(true, line)),
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
                Status::Err { .. } => Ok(self.start()),
            },
            State::Capabilities { offers_stls } => {
                if line.text() != b"." {
                    *offers_stls |= line.after_word("STLS").is_some();
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
                Status::Err { is_temporary } => Err(refused(is_temporary, line)),
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
    Err { is_temporary: bool },
}

fn status(line: &Line) -> Result<Status, ProtocolError> {
    if line.after_word("+OK").is_some() {
        return Ok(Status::Ok);
    }
    let text = line
        .after_word("-ERR")
        .ok_or_else(|| unexpected("+OK or -ERR", line))?;
    // RFC 2449 §8.1.1 and RFC 3206 §4: what will pass.
    let is_temporary = ["[IN-USE]", "[SYS/TEMP]", "[LOGIN-DELAY]"]
        .iter()
        .any(|code| {
            text.get(..code.len())
                .is_some_and(|s| s.eq_ignore_ascii_case(code.as_bytes()))
        });
    Ok(Status::Err { is_temporary })
}
