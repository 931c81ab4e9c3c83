//! SMTP and LMTP (RFC 3207, RFC 5321 §4.2, RFC 2033 §4.1).

use super::reply::{Line, LineRules, after_word};
use super::{Command, Next, StartTlsStrategy, no_service, refused, unexpected};
use crate::error::{ProtocolError, StartTlsFailure};

/// RFC 5321 §4.5.3.1.5 allows 512 octets; servers that put more into a line exist.
pub(super) const LINES: LineRules = LineRules {
    longest: 2048,
    has_literal: |_| false,
};

#[derive(Debug)]
pub(super) struct Smtp {
    hello: &'static str,
    strategy: StartTlsStrategy,
    state: State,
    /// The code of the lines of a reply so far: all have the same (RFC 5321 §4.2.1).
    code: Option<[u8; 3]>,
}

#[derive(Debug)]
enum State {
    Greeting,
    Extensions { offers_starttls: bool },
    Reply,
}

impl Smtp {
    pub(super) fn new(hello: &'static str, strategy: StartTlsStrategy) -> Self {
        Self {
            hello,
            strategy,
            state: State::Greeting,
            code: None,
        }
    }

    pub(super) fn take(&mut self, line: &Line<'_>) -> Result<Next, ProtocolError> {
        let reply = ReplyLine::of(line)?;
        if self.code.is_some_and(|code| code != reply.code) {
            return Err(unexpected("a reply whose lines have one code", line));
        }
        let is_first = self.code.is_none();
        self.code = (!reply.is_last).then_some(reply.code);
        // RFC 5321 §3.8: at every step the server may shut down.
        if reply.code == *b"421" {
            return if reply.is_last {
                Err(no_service(true, line))
            } else {
                Ok(Next::Read)
            };
        }
        // The first line of the reply to EHLO is the server's name (RFC 5321 §4.1.1.1).
        if let (State::Extensions { offers_starttls }, false) = (&mut self.state, is_first) {
            *offers_starttls |= after_word(reply.text, "STARTTLS").is_some();
        }
        if !reply.is_last {
            return Ok(Next::Read);
        }
        self.reply(&reply, line)
    }

    /// The last line of a reply.
    fn reply(&mut self, reply: &ReplyLine<'_>, line: &Line<'_>) -> Result<Next, ProtocolError> {
        let class = Class::of(reply.code);
        match &self.state {
            State::Greeting => match class {
                Class::Completed => {
                    self.state = State::Extensions {
                        offers_starttls: false,
                    };
                    Ok(Next::Send(Command::Hello(self.hello)))
                }
                Class::Temporary => Err(no_service(true, line)),
                Class::Permanent => Err(no_service(false, line)),
                Class::Other => Err(unexpected("SMTP's greeting", line)),
            },
            State::Extensions { offers_starttls } => match (class, self.strategy) {
                (Class::Completed, StartTlsStrategy::AskFirst) if !offers_starttls => {
                    Err(StartTlsFailure::NotOffered.into())
                }
                (Class::Completed, StartTlsStrategy::AskFirst | StartTlsStrategy::AtOnce) => {
                    self.state = State::Reply;
                    Ok(Next::Send(Command::Fixed("STARTTLS")))
                }
                (Class::Temporary, _) => Err(no_service(true, line)),
                // A server that knows HELO alone has no extensions (RFC 5321 §3.2, §4.2.4).
                (Class::Permanent, _)
                    if matches!(&reply.code, b"500" | b"501" | b"502" | b"503" | b"504") =>
                {
                    Err(StartTlsFailure::NotOffered.into())
                }
                (Class::Permanent, _) => Err(no_service(false, line)),
                (Class::Other, _) => Err(unexpected("a reply to EHLO", line)),
            },
            State::Reply => match class {
                // RFC 3207 §4: 220, and no other code, starts TLS.
                Class::Completed if reply.code == *b"220" => Ok(Next::StartTls),
                Class::Completed | Class::Other => {
                    Err(unexpected("the reply 220 to STARTTLS", line))
                }
                Class::Temporary => Err(refused(true, line)),
                Class::Permanent => Err(refused(false, line)),
            },
        }
    }
}

enum Class {
    Completed,
    Temporary,
    Permanent,
    Other,
}

impl Class {
    fn of([first, ..]: [u8; 3]) -> Self {
        match first {
            b'2' => Self::Completed,
            b'4' => Self::Temporary,
            b'5' => Self::Permanent,
            _ => Self::Other,
        }
    }
}

struct ReplyLine<'a> {
    code: [u8; 3],
    is_last: bool,
    text: &'a [u8],
}

impl<'a> ReplyLine<'a> {
    /// `250-text`, `250 text` or `250` (RFC 5321 §4.2).
    fn of(line: &Line<'a>) -> Result<Self, ProtocolError> {
        let malformed = || unexpected("a reply of SMTP", line);
        let (code, rest) = line.text().split_first_chunk::<3>().ok_or_else(malformed)?;
        if !code.iter().all(u8::is_ascii_digit) {
            return Err(malformed());
        }
        let (is_last, text) = match rest {
            [] => (true, rest),
            [b' ', text @ ..] => (true, text),
            [b'-', text @ ..] => (false, text),
            _ => return Err(malformed()),
        };
        Ok(Self {
            code: *code,
            is_last,
            text,
        })
    }
}
