//! A blocking connection of this library, written as an embedder would: a socket, a session, the
//! two buffers between them, and the documented loop, the same on both sides.
//!
//! * `Connection::new(socket, session, outgoing)`: of a `ClientSession` or a `ServerSession`
//! * `establish()`, `line()`, `send(text)`, `ask(text)`, `farewell(text)`, `close()`: each turns
//!   the loop until it has what it wants; an error of the session is returned, after `outgoing`
//!   was written
//! * `turn(..)`: once around the loop, for what these do not cover

use bytes::BytesMut;
use mail_tls::{EndOfInput, Error, Event, Session};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long a peer may be silent once the session is established.
const PATIENCE: Duration = Duration::from_secs(15);

/// A connection in progress.
#[derive(Debug)]
pub(crate) struct Connection<S> {
    pub(crate) session: S,
    pub(crate) received: Vec<u8>,
    /// How the peer's half has ended, once it has.
    pub(crate) end: Option<EndOfInput>,
    /// Whether `Event::PeerClosed` was told.
    pub(crate) peer_has_closed: bool,
    pub(crate) socket: TcpStream,
    incoming: BytesMut,
    outgoing: BytesMut,
}

impl<S: Session> Connection<S> {
    pub(crate) fn new(socket: TcpStream, session: S, outgoing: BytesMut) -> Self {
        Self::with_incoming(socket, session, BytesMut::new(), outgoing)
    }

    /// One whose first bytes have been read before.
    pub(crate) fn with_incoming(
        socket: TcpStream,
        session: S,
        incoming: BytesMut,
        outgoing: BytesMut,
    ) -> Self {
        socket.set_nodelay(true).unwrap();
        Self {
            session,
            received: Vec::new(),
            end: None,
            peer_has_closed: false,
            socket,
            incoming,
            outgoing,
        }
    }

    /// Once around the loop: all events, then output, then input where no event came. `other` is
    /// called for the events that only some sessions have.
    pub(crate) fn turn_with(
        &mut self,
        mut other: impl FnMut(&mut S, &mut BytesMut, Occurrence) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut has_news = false;
        let result = loop {
            let occurrence = match self.session.process(&mut self.incoming, &mut self.outgoing) {
                Ok(Some(Event::Data(data))) => {
                    assert!(!data.is_empty(), "no data in Event::Data");
                    self.received.extend_from_slice(data);
                    has_news = true;
                    continue;
                }
                Ok(Some(Event::Established)) => Occurrence::Established,
                Ok(Some(Event::PeerClosed)) => Occurrence::PeerClosed,
                Ok(Some(Event::ClientHello(hello))) => Occurrence::Hello(Box::new(hello.clone())),
                Ok(Some(Event::ChallengeAnswered)) => Occurrence::ChallengeAnswered,
                Ok(Some(event)) => panic!("an event that is new: {event:?}"),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            has_news = true;
            if matches!(occurrence, Occurrence::PeerClosed) {
                self.peer_has_closed = true;
                self.end = Some(self.session.end_of_input());
            }
            if let Err(error) = other(&mut self.session, &mut self.outgoing, occurrence) {
                break Err(error);
            }
        };
        // Also after an error: the alert for the peer is in `outgoing`.
        self.flush();
        result?;
        if has_news { Ok(()) } else { self.read() }
    }

    pub(crate) fn turn(&mut self) -> Result<(), Error> {
        self.turn_with(|_, _, _| Ok(()))
    }

    fn read(&mut self) -> Result<(), Error> {
        let patience = match self.session.deadline() {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            None => PATIENCE,
        };
        let patience = patience.max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(patience)).unwrap();
        let mut chunk = [0; 16 * 1024];
        match self.socket.read(&mut chunk) {
            Ok(0) => self.end = Some(self.session.end_of_input()),
            Ok(n) => self.incoming.extend_from_slice(&chunk[..n]),
            Err(error) if is_timeout(&error) => {
                let expired = self.session.expire(&mut self.outgoing);
                self.flush();
                expired?;
                assert!(
                    self.session.deadline().is_some(),
                    "the peer is silent after {:?}",
                    String::from_utf8_lossy(&self.received)
                );
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A peer that has closed its socket with something unread in it.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                self.end = Some(self.session.end_of_input());
            }
            Err(error) => panic!("the connection broke: {error}"),
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) {
        // A peer that no longer reads may have said why: what it has sent is still read.
        match self.socket.write_all(&self.outgoing) {
            Ok(()) => {}
            Err(error) if is_gone(&error) => {}
            Err(error) => panic!("cannot write: {error}"),
        }
        self.outgoing.clear();
    }

    pub(crate) fn establish(&mut self) -> Result<(), Error> {
        while !self.session.is_established() {
            self.turn()?;
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, text: &str) -> Result<(), Error> {
        self.session.send(text.as_bytes(), &mut self.outgoing)?;
        self.flush();
        Ok(())
    }

    /// Says close_notify, and does not wait.
    pub(crate) fn close_own_half(&mut self) {
        self.session.close(&mut self.outgoing);
        self.flush();
    }

    /// The next line without its end; what there is of it where the peer has ended.
    pub(crate) fn line(&mut self) -> Result<String, Error> {
        let end = loop {
            if let Some(at) = self.received.iter().position(|byte| *byte == b'\n') {
                break at + 1;
            }
            if self.end.is_some() {
                break self.received.len();
            }
            self.turn()?;
        };
        let line: Vec<u8> = self.received.drain(..end).collect();
        Ok(String::from_utf8(line).unwrap().trim_end().to_owned())
    }

    /// Sends a command, and reads lines up to the one that `is_last`.
    pub(crate) fn ask(
        &mut self,
        command: &str,
        is_last: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, Error> {
        self.send(command)?;
        self.lines(is_last)
    }

    pub(crate) fn lines(&mut self, is_last: impl Fn(&str) -> bool) -> Result<Vec<String>, Error> {
        let mut lines = Vec::new();
        loop {
            let line = self.line()?;
            assert!(self.end.is_none() || !line.is_empty(), "no more: {lines:?}");
            let is_last = is_last(&line);
            lines.push(line);
            if is_last {
                return Ok(lines);
            }
        }
    }

    /// Reads until the peer ends, and says how.
    pub(crate) fn drain(&mut self) -> Result<EndOfInput, Error> {
        loop {
            if let Some(end) = self.end {
                return Ok(end);
            }
            self.turn()?;
        }
    }

    /// Closes, and waits for what the peer still has to say.
    pub(crate) fn close(&mut self) -> Result<EndOfInput, Error> {
        self.close_own_half();
        self.drain()
    }

    /// The stable line about the session.
    #[track_caller]
    pub(crate) fn summary(&self) -> String {
        self.session.info().unwrap().to_string()
    }
}

/// An event without its borrow; data are gathered before.
#[derive(Debug)]
pub(crate) enum Occurrence {
    Established,
    PeerClosed,
    Hello(Box<mail_tls::ClientHello>),
    ChallengeAnswered,
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset
    )
}
