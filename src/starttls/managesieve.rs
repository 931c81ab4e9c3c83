//! ManageSieve (RFC 5804 §1.7, §2.2).

use super::reply::{Line, LineRules, literal_length, without_cr};
use super::{Command, Next, StartTlsStrategy, no_service, refused, unexpected};
use crate::error::{ProtocolError, StartTlsFailure};

/// Strings are quoted or literals wherever they stand (RFC 5804 §4).
pub(super) const LINES: LineRules = LineRules {
    longest: 8192,
    has_literal: |_| true,
};

#[derive(Debug)]
pub(super) struct ManageSieve {
    strategy: StartTlsStrategy,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The greeting: capabilities, and the response that ends them.
    Capabilities {
        offers_starttls: bool,
    },
    Reply,
}

impl ManageSieve {
    pub(super) fn new(strategy: StartTlsStrategy) -> Self {
        Self {
            strategy,
            state: State::Capabilities {
                offers_starttls: false,
            },
        }
    }

    pub(super) fn take(&mut self, line: &Line<'_>) -> Result<Next, ProtocolError> {
        let response = Response::of(line);
        match &mut self.state {
            State::Capabilities { offers_starttls } => match response {
                Response::Capability { is_starttls } => {
                    *offers_starttls |= is_starttls;
                    Ok(Next::Read)
                }
                Response::Ok => match (self.strategy, *offers_starttls) {
                    (StartTlsStrategy::AskFirst, false) => Err(StartTlsFailure::NotOffered.into()),
                    (StartTlsStrategy::AskFirst, true) | (StartTlsStrategy::AtOnce, _) => {
                        self.state = State::Reply;
                        Ok(Next::Send(Command::Fixed("STARTTLS")))
                    }
                },
                Response::No { is_temporary } => Err(no_service(is_temporary, line)),
                Response::Bye => Err(no_service(true, line)),
                Response::Other => Err(unexpected("ManageSieve's capabilities", line)),
            },
            State::Reply => match response {
                Response::Ok => Ok(Next::StartTls),
                Response::No { is_temporary } => Err(refused(is_temporary, line)),
                Response::Bye => Err(no_service(true, line)),
                Response::Capability { .. } | Response::Other => {
                    Err(unexpected("OK, NO or BYE", line))
                }
            },
        }
    }
}

enum Response {
    Capability { is_starttls: bool },
    Ok,
    No { is_temporary: bool },
    Bye,
    Other,
}

impl Response {
    fn of(line: &Line<'_>) -> Self {
        if let Some(is_starttls) = names_capability(line.text(), b"STARTTLS") {
            return Self::Capability { is_starttls };
        }
        if line.after_word("OK").is_some() {
            return Self::Ok;
        }
        if let Some(rest) = line.after_word("NO") {
            // RFC 5804 §1.3.
            let code = b"(TRYLATER";
            let is_temporary = rest
                .get(..code.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(code));
            return Self::No { is_temporary };
        }
        if line.after_word("BYE").is_some() {
            return Self::Bye;
        }
        Self::Other
    }
}

/// Whether a line that begins with a string, quoted or a literal, begins with this one, in any case
/// (RFC 5804 §4). `None` for other lines.
fn names_capability(text: &[u8], name: &[u8]) -> Option<bool> {
    match text {
        [b'"', rest @ ..] => Some(is_quoted(rest, name)),
        [b'{', ..] => {
            // A line that goes on behind its first line end does so for a literal.
            let end = text.iter().position(|byte| *byte == b'\n')?;
            let (length, behind) = (text.get(..end)?, text.get(end + 1..)?);
            let length = literal_length(without_cr(length))?;
            let literal = behind.get(..length)?;
            Some(literal.eq_ignore_ascii_case(name))
        }
        _ => None,
    }
}

/// Whether a quoted string, behind its first quote, says this. A backslash quotes what follows.
fn is_quoted(text: &[u8], name: &[u8]) -> bool {
    let (mut text, mut name) = (text.iter(), name.iter());
    loop {
        let byte = match text.next() {
            Some(b'"') => return name.next().is_none(),
            Some(b'\\') => text.next(),
            other => other,
        };
        match (byte, name.next()) {
            (Some(byte), Some(expected)) if byte.eq_ignore_ascii_case(expected) => {}
            (Some(_) | None, _) => return false,
        }
    }
}
