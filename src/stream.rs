//! What the adapters `blocking::Stream` (feature `std-io`) and `tokio::Stream` (feature `tokio`)
//! have in common.
//!
//! An adapter turns the loop that the docs of [`ClientSession`](crate::ClientSession) teach, over a
//! transport of its kind, and adds nothing to it: the same bytes go out, the same events come, the same errors end
//! it. Whatever a session can do can be done through an adapter, and a program may use both.
//!
//! | the loop | an adapter |
//! |---|---|
//! | [`Event::Established`] | `handshake` returns [`Milestone::Established`] |
//! | [`Event::Data`] | `read` |
//! | [`Event::PeerClosed`] | `read` returns 0 bytes; `end` is [`EndOfInput::Clean`] |
//! | [`Event::ClientHello`] | `handshake` returns [`Milestone::ClientHello`] |
//! | [`Event::ChallengeAnswered`] | `handshake` returns [`Milestone::ChallengeAnswered`] |
//! | [`EndOfInput::Truncated`] | `read` fails with `UnexpectedEof`, which holds a [`Truncated`] |
//! | an [`Error`] | an [`io::Error`] that holds it, after the alert was written: [`find_error`] |
//! | `send` | `write`: everything it takes is encrypted at once |
//! | `close` | `close`, `shutdown`: close_notify, written |
//! | `deadline`, `expire` | the transport is waited for no longer |
//! | any other verb | `session`, `session_mut` |

mod borrows;

use std::fmt;
use std::io;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};

pub(crate) use borrows::borrows;

use crate::error::{ApiMisuse, Error, ProtocolError};
use crate::session::{EndOfInput, Event, Session, SessionInfo};
use crate::tls::ClientHello;

/// How much is asked of the transport at once: a full record with its header, and a little more.
pub(crate) const CHUNK: usize = 18 * 1024;

/// How much plaintext one `write` takes at most, so that what waits to be written stays bounded.
const MOST_PLAINTEXT: usize = 64 * 1024;

/// How long the transport may take to accept the alert of a session that has failed.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// Where a handshake has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Milestone {
    /// TLS stands, the peer was verified, and the policy is satisfied.
    Established,
    /// A server has to answer the ClientHello by
    /// [`ServerSession::answer`](crate::ServerSession::answer), with what `session_mut` lends, and to call `handshake` again.
    ClientHello(Box<ClientHello>),
    /// An ACME server's validation was answered (RFC 8737 §3); the connection can be dropped.
    ChallengeAnswered,
}

/// The transport ended without close_notify (RFC 8446 §6.1), after the session was established.
///
/// What has been read is authentic, but there may have been more. Whether that matters only the
/// protocol can tell: see [`EndOfInput`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the connection ended{} without close_notify: there may have been more to read",
    if in_record(.0) { " in the middle of a record" } else { "" }
)]
pub struct Truncated(EndOfInput);

impl Truncated {
    /// How the input ended.
    pub fn end_of_input(&self) -> EndOfInput {
        self.0
    }
}

fn in_record(end: &EndOfInput) -> bool {
    match end {
        EndOfInput::Clean => false,
        EndOfInput::Truncated { in_record, .. } => *in_record,
    }
}

/// The session's error in what an adapter, or a library on top of one, has returned: in `error`
/// itself, in an [`io::Error`] that holds it, or in any of their sources.
///
/// ```
/// # #[cfg(feature = "std-io")] {
/// use mail_tls::stream::find_error;
/// use mail_tls::{ApiMisuse, Error};
///
/// let error = std::io::Error::from(Error::from(ApiMisuse::SendAfterClose));
/// assert!(matches!(find_error(&error), Some(Error::Misuse(_))));
/// # }
/// ```
pub fn find_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    find(error)
}

/// The truncation in what an adapter, or a library on top of one, has returned: see [`find_error`].
pub fn find_truncated<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Truncated> {
    find(error)
}

/// The source of an [`io::Error`] is not what it holds, but the source of that.
fn find<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(held) => Some(held),
            None => error.source(),
        };
    }
    None
}

/// Of the kind that fits, holding the error: [`find_error`] gets it back.
impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Protocol(protocol)
                if matches!(**protocol, ProtocolError::EndedDuringHandshake { .. }) =>
            {
                io::ErrorKind::UnexpectedEof
            }
            Error::Protocol(_) | Error::Certificate(_) => io::ErrorKind::InvalidData,
            Error::Policy(_) => io::ErrorKind::PermissionDenied,
            Error::TimedOut(_) => io::ErrorKind::TimedOut,
            Error::Misuse(_) | Error::Config(_) => io::ErrorKind::InvalidInput,
            Error::Crypto(_) => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl From<Truncated> for io::Error {
    fn from(truncated: Truncated) -> Self {
        Self::new(io::ErrorKind::UnexpectedEof, truncated)
    }
}

/// A session with its buffers: everything of an adapter but its transport.
pub(crate) struct Link<S> {
    pub(crate) session: S,
    pub(crate) incoming: BytesMut,
    pub(crate) outgoing: BytesMut,
    /// Decrypted, and not yet read.
    received: BytesMut,
    end: Option<EndOfInput>,
    /// An ACME server's validation was answered: nothing more will be told.
    is_done: bool,
    /// Told to who did not ask for it.
    unclaimed: Option<Milestone>,
    /// When the session was found dead.
    died: Option<Instant>,
}

/// What became of asking a session for its next event.
pub(crate) enum Next {
    /// Plaintext was delivered.
    Delivered,
    Milestone(Milestone),
    /// Nothing will come any more.
    Ended,
    /// Nothing without more input.
    Starved,
}

impl<S: Session> Link<S> {
    pub(crate) fn new(session: S, incoming: BytesMut, outgoing: BytesMut) -> Self {
        Self {
            session,
            incoming,
            outgoing,
            received: BytesMut::new(),
            end: None,
            is_done: false,
            unclaimed: None,
            died: None,
        }
    }

    /// The next event. `deliver` takes what it can of plaintext, and says how much.
    fn next(&mut self, deliver: impl FnOnce(&[u8]) -> usize) -> Result<Next, Error> {
        if !self.received.is_empty() {
            let taken = deliver(&self.received).min(self.received.len());
            self.received.advance(taken);
            return Ok(Next::Delivered);
        }
        if self.is_done || self.end == Some(EndOfInput::Clean) {
            return Ok(Next::Ended);
        }
        let awaits_answer = self.session.awaits_answer();
        let event = self
            .session
            .process(&mut self.incoming, &mut self.outgoing)?;
        match event {
            Some(Event::Data(data)) => {
                let (_, later) = data.split_at_checked(deliver(data)).unwrap_or_default();
                self.received.extend_from_slice(later);
                Ok(Next::Delivered)
            }
            Some(Event::Established) => Ok(Next::Milestone(Milestone::Established)),
            Some(Event::ClientHello(hello)) => Ok(Next::Milestone(Milestone::ClientHello(
                Box::new(hello.clone()),
            ))),
            Some(Event::ChallengeAnswered) => {
                self.is_done = true;
                Ok(Next::Milestone(Milestone::ChallengeAnswered))
            }
            Some(Event::PeerClosed) => {
                self.end = Some(self.session.end_of_input());
                Ok(Next::Ended)
            }
            None if awaits_answer => Err(ApiMisuse::AnswerMissing.into()),
            None => Ok(Next::Starved),
        }
    }

    /// Where the handshake has come to, as far as the input goes; `None` where more is needed.
    pub(crate) fn handshake(&mut self) -> Result<Option<Milestone>, Error> {
        if let Some(milestone) = self.unclaimed.take() {
            return Ok(Some(milestone));
        }
        if self.is_done {
            return Ok(Some(Milestone::ChallengeAnswered));
        }
        if self.session.info().is_some() {
            return match self.session.death() {
                Some(death) => Err(death.clone()),
                None => Ok(Some(Milestone::Established)),
            };
        }
        // No data come before it is established.
        match self.next(|_| 0)? {
            Next::Milestone(milestone) => Ok(Some(milestone)),
            Next::Starved | Next::Delivered | Next::Ended => Ok(None),
        }
    }

    /// The next plaintext, past the handshake.
    pub(crate) fn read(&mut self, deliver: impl FnMut(&[u8]) -> usize) -> Result<Next, Error> {
        let mut deliver = deliver;
        loop {
            match self.next(&mut deliver)? {
                Next::Milestone(Milestone::Established) => {}
                Next::Milestone(Milestone::ChallengeAnswered) => return Ok(Next::Ended),
                Next::Milestone(milestone) => return Err(self.leave(milestone)),
                next => return Ok(next),
            }
        }
    }

    /// What a handshake came to that should have been asked about first.
    pub(crate) fn leave(&mut self, milestone: Milestone) -> Error {
        self.unclaimed = Some(milestone);
        ApiMisuse::AnswerMissing.into()
    }

    /// How long the transport may be waited for; `None` for as long as it takes.
    pub(crate) fn patience(&mut self) -> Option<Duration> {
        if self.session.death().is_none() {
            return self.session.remaining();
        }
        let now = self.session.now();
        let died = *self.died.get_or_insert(now);
        Some(LAST_WORDS.saturating_sub(now.saturating_duration_since(died)))
    }

    /// The transport's input has ended.
    pub(crate) fn end_of_input(&mut self) {
        if self.end.is_none() {
            self.end = Some(self.session.end_of_input());
        }
    }

    pub(crate) fn end(&self) -> Option<EndOfInput> {
        self.end
    }

    /// What an ended transport means to who wants to read from an established session.
    pub(crate) fn truncation(&self) -> Option<io::Error> {
        match self.end? {
            EndOfInput::Clean => None,
            end @ EndOfInput::Truncated { .. } => Some(Truncated(end).into()),
        }
    }

    /// Encrypts what one `write` takes. How much that was.
    pub(crate) fn send(&mut self, plaintext: &[u8]) -> Result<usize, Error> {
        let (now, _) = plaintext
            .split_at_checked(MOST_PLAINTEXT)
            .unwrap_or((plaintext, &[]));
        self.session.send(now, &mut self.outgoing)?;
        Ok(now.len())
    }

    /// The same for several slices, which share their records.
    pub(crate) fn send_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> Result<usize, Error> {
        let mut taken = 0;
        for slice in slices {
            let room = MOST_PLAINTEXT.saturating_sub(taken);
            let now = slice.get(..room).unwrap_or(slice);
            self.session.queue(now, &mut self.outgoing)?;
            taken = taken.saturating_add(now.len());
        }
        self.session.flush(&mut self.outgoing)?;
        Ok(taken)
    }

    /// The transport has taken so many bytes.
    pub(crate) fn written(&mut self, bytes: usize) {
        self.outgoing.advance(bytes.min(self.outgoing.len()));
    }

    pub(crate) fn info(&self) -> Option<SessionInfo<'_>> {
        self.session.info()
    }

    /// Gives back memory before a long idle time.
    pub(crate) fn trim(&mut self) {
        self.session.trim();
        for buffer in [&mut self.incoming, &mut self.outgoing, &mut self.received] {
            *buffer = BytesMut::from(&**buffer);
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Link<S> {
    /// Without what was received, which is the user's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("session", &self.session)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// Whether the peer no longer takes anything. What it has sent before may say why.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
    )
}

pub(crate) fn write_zero() -> io::Error {
    io::Error::new(
        io::ErrorKind::WriteZero,
        "the transport takes no more bytes, and some are left to write",
    )
}
