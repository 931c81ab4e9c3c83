//! One connection of the loop: a socket, a session, and what is between them.

use std::io::{ErrorKind, Read, Write};
use std::mem;

use bytes::{Buf, BytesMut};
use mail_tls::{ClientSession, Event, ServerSession};
use mio::net::TcpStream;

use crate::Outcome;

/// A peer that takes nothing is not read from while so much waits for it.
const MOST_UNSENT: usize = 256 * 1024;

/// Both sides' sessions have the same verbs.
pub(crate) enum Session {
    Client(ClientSession),
    Server(ServerSession),
}

macro_rules! session {
    ($session:expr, $verb:ident ( $($argument:expr),* )) => {
        match $session {
            Session::Client(session) => session.$verb($($argument),*),
            Session::Server(session) => session.$verb($($argument),*),
        }
    };
}

pub(crate) struct Connection {
    socket: TcpStream,
    pub(crate) session: Session,
    /// What is left of a record, and what is left to write; mostly nothing.
    incoming: BytesMut,
    pub(crate) outgoing: BytesMut,
    line: Vec<u8>,
    is_over: bool,
}

impl Connection {
    pub(crate) fn new(socket: TcpStream, session: Session, outgoing: BytesMut) -> Self {
        Self {
            socket,
            session,
            incoming: BytesMut::new(),
            outgoing,
            line: Vec::new(),
            is_over: false,
        }
    }

    pub(crate) fn has_gone(&self) -> bool {
        self.is_over && self.outgoing.is_empty()
    }

    pub(crate) fn buffers(&self) -> usize {
        self.incoming.capacity() + self.outgoing.capacity()
    }

    /// For who never gets as far as TLS.
    pub(crate) fn expire(&mut self) -> Outcome<()> {
        let expired = session!(&mut self.session, expire(&mut self.outgoing));
        self.write()?;
        Ok(expired?)
    }

    pub(crate) fn is_established(&self) -> bool {
        session!(&self.session, is_established())
    }

    /// Whatever can be done without waiting.
    pub(crate) fn advance(&mut self, chunk: &mut [u8]) -> Outcome<()> {
        loop {
            self.write()?;
            if self.outgoing.len() > MOST_UNSENT || self.is_over && self.outgoing.is_empty() {
                return Ok(());
            }
            match self.socket.read(chunk) {
                Ok(0) => {
                    let end = session!(&mut self.session, end_of_input());
                    self.is_over = true;
                    return match end.is_clean() {
                        true => Ok(()),
                        false => Err(format!("{end:?}").into()),
                    };
                }
                Ok(n) => self
                    .incoming
                    .extend_from_slice(chunk.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            self.process()?;
        }
    }

    fn process(&mut self) -> Outcome<()> {
        let result = loop {
            let event = session!(
                &mut self.session,
                process(&mut self.incoming, &mut self.outgoing)
            );
            match event {
                Ok(Some(Event::Data(data))) => self.line.extend_from_slice(data),
                Ok(Some(Event::Established)) => self.greet()?,
                Ok(Some(_)) => self.is_over = true,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            self.converse()?;
        };
        if self.incoming.is_empty() {
            self.incoming = BytesMut::new();
        }
        if result.is_err() {
            self.write()?; // the alert
        }
        Ok(result?)
    }

    fn greet(&mut self) -> Outcome<()> {
        match &mut self.session {
            Session::Client(_) => {}
            Session::Server(session) => session.send(b"* OK ready\r\n", &mut self.outgoing)?,
        }
        Ok(())
    }

    /// As much of IMAP as it takes to say goodbye.
    fn converse(&mut self) -> Outcome<()> {
        if self.line.len() > 8192 {
            return Err("a line that does not end".into());
        }
        if let (Session::Server(session), true) = (&mut self.session, self.line.ends_with(b"\r\n"))
        {
            let line = mem::take(&mut self.line).to_ascii_uppercase();
            if line.ends_with(b" LOGOUT\r\n") {
                session.send(b"* BYE\r\na OK bye\r\n", &mut self.outgoing)?;
                session.close(&mut self.outgoing);
                self.is_over = true;
            } else {
                session.send(b"* BAD what?\r\n", &mut self.outgoing)?;
            }
        }
        Ok(())
    }

    pub(crate) fn write(&mut self) -> Outcome<()> {
        while !self.outgoing.is_empty() {
            match self.socket.write(&self.outgoing) {
                Ok(0) => return Err("the peer takes nothing any more".into()),
                Ok(n) => self.outgoing.advance(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // What it has sent before may say why: it is read first.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.outgoing.clear(),
                Err(error) => return Err(error.into()),
            }
        }
        self.outgoing = BytesMut::new();
        Ok(())
    }
}
