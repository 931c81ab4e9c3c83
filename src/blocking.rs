//! A session over `Read + Write`, itself `Read + Write` (feature `std-io`).
//!
//! For programs that block, and for protocol libraries that ask for a stream. It adds nothing to
//! the loop over a session that a program writes by itself: see [`stream`](crate::stream).
//!
//! ```no_run
//! # #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::io::{BufRead, BufReader, Write};
//!
//! use mail_tls::blocking::Stream;
//! use mail_tls::{Account, Client, Endpoint, Service, TlsMode};
//!
//! let client = Client::builder().build()?;
//! let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
//! let connector = client.connector(&Account::configured(), endpoint)?;
//!
//! let socket = std::net::TcpStream::connect(("imap.example.org", 993))?;
//! let mut stream = BufReader::new(Stream::connect(&connector, socket)?);
//! let mut greeting = String::new();
//! stream.read_line(&mut greeting)?;
//! stream.get_mut().write_all(b"a LOGOUT\r\n")?;
//! stream.get_mut().close()?;
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring"))))]
//! # fn main() {}
//! ```
//!
//! * **Time.** Until the session is established the transport is waited for no longer than until
//!   its deadline, by [`Transport::set_timeouts`]; the transport's own timeouts hold as well, and
//!   alone from then on: set them before, or a peer that falls silent is waited for without end.
//!   What waits longer than these fails with the transport's `WouldBlock` or `TimedOut`.
//! * **The end.** `read` returns 0 after close_notify only. Where the transport ends without it,
//!   `read` fails with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) and a
//!   [`Truncated`](crate::stream::Truncated), after everything before it was read.
//! * **Writing.** What `write` takes is encrypted and written at once; wrap the stream into a
//!   [`BufWriter`](io::BufWriter), or use `write_vectored`, where small pieces should share a
//!   record. An error of the transport on the way is returned by the next call, since the
//!   plaintext was taken: call `flush` before relying on it.
//! * **Closing.** Dropping a stream says nothing to the peer; [`Stream::close`] does.
//! * A socket that does not block is better driven by the session itself. Here `WouldBlock` is
//!   passed on, loses nothing, and the call can be repeated.

mod transport;

use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::time::Duration;

use bytes::BytesMut;

pub use transport::{Timeouts, Transport, Untimed};

use crate::acceptor::Acceptor;
use crate::connector::Connector;
use crate::error::{ApiMisuse, Error};
use crate::session::{ClientSession, EndOfInput, ServerSession, Session, SessionInfo};
use crate::stream::{CHUNK, Link, Milestone, Next, borrows, is_gone, write_zero};

/// A timeout is longer than the time until the deadline by this much, so that when it is over the
/// deadline has passed.
const SLACK: Duration = Duration::from_millis(2);

/// A session over a transport. See the [module's docs](self).
pub struct Stream<S, T> {
    link: Link<S>,
    transport: T,
    /// The transport's own timeouts, while others are in force.
    own_timeouts: Option<Timeouts>,
}

impl<T: Transport> Stream<ClientSession, T> {
    /// Connects: begins a session on a transport that is connected, and returns once it is
    /// established. STARTTLS is spoken where the endpoint says so.
    ///
    /// # Errors
    /// What the session died of, as [`find_error`](crate::stream::find_error) finds it: a pin that
    /// can be offered is in it. An error of the transport.
    pub fn connect(connector: &Connector, transport: T) -> io::Result<Self> {
        let mut outgoing = BytesMut::new();
        let session = connector.connect(&mut outgoing)?;
        let mut stream = Self::new(session, transport, BytesMut::new(), outgoing);
        stream.handshake()?;
        Ok(stream)
    }
}

impl<T: Transport> Stream<ServerSession, T> {
    /// Accepts: begins a session on a transport that was accepted, and returns once it is
    /// established.
    ///
    /// # Errors
    /// As [`Stream::connect`]. [`ApiMisuse::AnswerMissing`] for an acceptor that
    /// [asks](crate::AcceptorBuilder::ask_for_each_hello): use [`Stream::new`] and
    /// [`Stream::handshake`] there, and after STARTTLS, whose plaintext the embedder has spoken.
    pub fn accept(acceptor: &Acceptor, transport: T) -> io::Result<Self> {
        let session = acceptor.accept()?;
        let mut stream = Self::new(session, transport, BytesMut::new(), BytesMut::new());
        match stream.handshake()? {
            Milestone::Established => Ok(stream),
            Milestone::ClientHello(_) | Milestone::ChallengeAnswered => {
                Err(Error::from(ApiMisuse::AnswerMissing).into())
            }
        }
    }
}

borrows!();

impl<S: Session, T: Transport> Stream<S, T> {
    /// Takes over a session with its two buffers. Nothing is read or written yet: `handshake`,
    /// `read` or `write` go on with it.
    ///
    /// This is how a server goes on after STARTTLS, with the session and `incoming` from
    /// [`Upgrade::begin`](crate::Upgrade::begin), and its agreement in `outgoing`.
    pub fn new(session: S, transport: T, incoming: BytesMut, outgoing: BytesMut) -> Self {
        Self {
            link: Link::new(session, incoming, outgoing),
            transport,
            own_timeouts: None,
        }
    }

    /// Goes on with the handshake, to its end or to where the embedder is asked.
    ///
    /// # Errors
    /// As [`Stream::connect`]. After an error of the transport it can be called again.
    pub fn handshake(&mut self) -> io::Result<Milestone> {
        let result = self.shake_hands();
        self.restore_timeouts(result)
    }

    /// Closes the own half: close_notify, after everything that was written, and flushes. What the
    /// peer still sends can be read on, to its end.
    ///
    /// # Errors
    /// Of the transport. Closing again goes on with what was not written.
    pub fn close(&mut self) -> io::Result<()> {
        self.link.session.close(&mut self.link.outgoing);
        self.flush()
    }

    fn shake_hands(&mut self) -> io::Result<Milestone> {
        loop {
            match self.link.handshake() {
                Ok(Some(milestone)) => {
                    self.write_before_reading()?;
                    return Ok(milestone);
                }
                Ok(None) => {
                    self.write_before_reading()?;
                    self.fill()?;
                }
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    fn establish(&mut self) -> io::Result<()> {
        match self.shake_hands()? {
            // A session that answered a challenge is closed, and says so.
            Milestone::Established | Milestone::ChallengeAnswered => Ok(()),
            milestone @ Milestone::ClientHello(_) => Err(self.link.leave(milestone).into()),
        }
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut taken = 0;
            let next = self.link.read(|data| {
                taken = data.len().min(buffer.len());
                if let (Some(room), Some(data)) = (buffer.get_mut(..taken), data.get(..taken)) {
                    room.copy_from_slice(data);
                }
                taken
            });
            match next {
                Ok(Next::Delivered) => {
                    // What fails here is told when there is nothing to deliver.
                    let _ = self.write_out();
                    return Ok(taken);
                }
                Ok(Next::Ended) => return Ok(0),
                Ok(Next::Starved | Next::Milestone(_)) => {
                    if let Some(truncated) = self.link.truncation() {
                        return Err(truncated);
                    }
                    self.write_before_reading()?;
                    self.fill()?;
                }
                Err(error) => return Err(self.fail(error)),
            }
        }
    }

    fn write_some(
        &mut self,
        send: impl FnOnce(&mut Link<S>) -> Result<usize, Error>,
    ) -> io::Result<usize> {
        self.establish()?;
        self.write_out()?;
        match send(&mut self.link) {
            Ok(taken) => {
                // The plaintext was taken: what fails here is told by the next call.
                let _ = self.write_out();
                Ok(taken)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    /// One read of the transport.
    fn fill(&mut self) -> io::Result<()> {
        if let Err(error) = self.link.session.expire(&mut self.link.outgoing) {
            return Err(self.fail(error));
        }
        self.limit_time()?;
        let incoming = &mut self.link.incoming;
        let before = incoming.len();
        incoming.resize(before.saturating_add(CHUNK), 0);
        let result = match incoming.get_mut(before..) {
            Some(room) => self.transport.read(room),
            None => Ok(0),
        };
        let read = result.as_ref().map_or(0, |read| *read);
        incoming.truncate(before.saturating_add(read));
        match result {
            Ok(0) => self.link.end_of_input(),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_wait(&error) => {
                if let Err(error) = self.link.session.expire(&mut self.link.outgoing) {
                    return Err(self.fail(error));
                }
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Writes, but reads on where that cannot be: the peer may have said why.
    fn write_before_reading(&mut self) -> io::Result<()> {
        match self.write_out() {
            Err(error) if !is_gone(&error) && !is_wait(&error) => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn write_out(&mut self) -> io::Result<()> {
        while !self.link.outgoing.is_empty() {
            self.limit_time()?;
            match self.transport.write(&self.link.outgoing) {
                Ok(0) => return Err(write_zero()),
                Ok(written) => self.link.written(written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The peer is told, as far as it listens; then the embedder is.
    fn fail(&mut self, error: Error) -> io::Error {
        let _ = self.write_out();
        error.into()
    }

    /// Lets the transport block for no longer than the session may take.
    fn limit_time(&mut self) -> io::Result<()> {
        let Some(patience) = self.link.patience() else {
            return self.restore_timeouts(Ok(()));
        };
        if patience.is_zero() && self.link.session.death().is_some() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let own = match self.own_timeouts {
            Some(own) => own,
            None => self.transport.timeouts()?,
        };
        self.own_timeouts = Some(own);
        self.transport
            .set_timeouts(own.within(patience.saturating_add(SLACK)))
    }

    fn restore_timeouts<R>(&mut self, result: io::Result<R>) -> io::Result<R> {
        match self.own_timeouts.take() {
            Some(own) => {
                let restored = self.transport.set_timeouts(own);
                let value = result?;
                restored?;
                Ok(value)
            }
            None => result,
        }
    }
}

impl<S: Session, T: Transport> Read for Stream<S, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let result = self.read_some(buffer);
        match self.restore_timeouts(Ok(())) {
            // What was read is not lost for it.
            Err(error) if matches!(result, Ok(0)) => Err(error),
            Ok(()) | Err(_) => result,
        }
    }
}

impl<S: Session, T: Transport> Write for Stream<S, T> {
    fn write(&mut self, plaintext: &[u8]) -> io::Result<usize> {
        if plaintext.is_empty() {
            return Ok(0);
        }
        let result = self.write_some(|link| link.send(plaintext));
        let _ = self.restore_timeouts(Ok(()));
        result
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if slices.iter().all(|slice| slice.is_empty()) {
            return Ok(0);
        }
        let result = self.write_some(|link| link.send_vectored(slices));
        let _ = self.restore_timeouts(Ok(()));
        result
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.write_out();
        self.restore_timeouts(result)?;
        self.transport.flush()
    }
}

impl<S: Session, T> fmt::Debug for Stream<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("session", &self.link.session)
            .finish_non_exhaustive()
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
