//! One connection of the loop: a socket, a session, and what is between them.

use std::io::{ErrorKind, Read, Write};
use std::mem;

use bytes::{Buf, BytesMut};
use mail_tls::{Event, Session};
use mio::net::TcpStream;

use crate::Outcome;

/// A peer that takes nothing is not read from while so much waits for it.
const MOST_UNSENT: usize = 256 * 1024;

pub(crate) struct Connection {
    socket: TcpStream,
    pub(crate) session: Box<dyn Session>,
    pub(crate) is_server: bool,
    /// What is left of a record, and what is left to write; mostly nothing.
    incoming: BytesMut,
    pub(crate) outgoing: BytesMut,
    line: Vec<u8>,
    is_over: bool,
}

impl Connection {
    pub(crate) fn new(
        socket: TcpStream,
        session: Box<dyn Session>,
        outgoing: BytesMut,
        is_server: bool,
    ) -> Self {
        Self {
            socket,
            session,
            is_server,
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
        let expired = self.session.expire(&mut self.outgoing);
        self.write()?;
        Ok(expired?)
    }

    /// Whatever can be done without waiting.
    pub(crate) fn advance(&mut self, chunk: &mut [u8]) -> Outcome<()> {
        loop {
            self.write()?;
            if self.outgoing.len() > MOST_UNSENT || self.has_gone() {
                return Ok(());
            }
            match self.socket.read(chunk) {
                Ok(0) if self.session.end_of_input().is_clean() => return Ok(()),
                Ok(0) => {
                    self.session.expire(&mut self.outgoing)?; // what the handshake has died of
                    return Err("the connection ended without a farewell of TLS".into());
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
        loop {
            let (incoming, outgoing) = (&mut self.incoming, &mut self.outgoing);
            match self.session.process(incoming, outgoing) {
                Ok(Some(Event::Established)) if self.is_server => {
                    self.session.send(b"* OK ready\r\n", outgoing)?;
                }
                Ok(Some(Event::Data(data))) if self.is_server => self.line.extend(data),
                Ok(Some(Event::Established | Event::Data(_))) => {}
                Ok(Some(_)) => self.is_over = true,
                Ok(None) => break,
                Err(error) => {
                    self.write()?; // the alert
                    return Err(error.into());
                }
            }
            self.answer()?;
        }
        if self.incoming.is_empty() {
            self.incoming = BytesMut::new();
        }
        Ok(())
    }

    /// As much of IMAP as it takes to say goodbye.
    fn answer(&mut self) -> Outcome<()> {
        if self.line.len() > 8192 {
            return Err("a line that does not end".into());
        }
        if self.line.ends_with(b"\r\n") {
            let line = mem::take(&mut self.line).to_ascii_uppercase();
            if line.ends_with(b" LOGOUT\r\n") {
                self.session
                    .send(b"* BYE\r\na OK bye\r\n", &mut self.outgoing)?;
                self.session.close(&mut self.outgoing);
                self.is_over = true;
            } else {
                self.session.send(b"* BAD what?\r\n", &mut self.outgoing)?;
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
