//! ManageSieve (RFC 5804 §1.7, §2.2).

use super::reply::{Line, LineRules};
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

    pub(super) fn take(&mut self, line: &Line) -> Result<Next, ProtocolError> {
        let response = Response::of(line);
        match &mut self.state {
            State::Capabilities { offers_starttls } => match response {
                Response::Capability(name) => {
                    *offers_starttls |= name.eq_ignore_ascii_case(b"STARTTLS");
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
                Response::Capability(_) | Response::Other => Err(unexpected("OK, NO or BYE", line)),
            },
        }
    }
}

enum Response<'a> {
    Capability(&'a [u8]),
    Ok,
    No { is_temporary: bool },
    Bye,
    Other,
}

impl<'a> Response<'a> {
    fn of(line: &'a Line) -> Self {
        let text = line.text();
        if let Some(name) = capability_name(text) {
            return Self::Capability(name);
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

/// The name in `"NAME"` or `"NAME" "value"`; that of a literal is not looked at.
fn capability_name(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'"', rest @ ..] => {
            let end = rest.iter().position(|byte| *byte == b'"')?;
            rest.get(..end)
        }
        [b'{', ..] => Some(&[]),
        _ => None,
    }
}
