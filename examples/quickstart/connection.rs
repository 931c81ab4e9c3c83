//! A client's connection over a blocking socket.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mail_tls::{ClientSession, Connector, EndOfInput, Event};

use crate::{Outcome, PATIENCE};

/// More than any line that a server greets or says goodbye with.
const LONGEST_LINE: usize = 64 * 1024;

/// The socket, the session, and the two buffers between them.
pub(crate) struct Connection {
    socket: TcpStream,
    pub(crate) session: ClientSession,
    incoming: BytesMut,
    outgoing: BytesMut,
    received: Vec<u8>,
    end: Option<EndOfInput>,
}

impl Connection {
    pub(crate) fn open(connector: &Connector) -> Outcome<Self> {
        let endpoint = connector.endpoint();
        let at = format!("{}:{}", endpoint.host().to_authority(), endpoint.port());
        let mut problem = format!("{at}: no address was found");
        for address in at
            .to_socket_addrs()
            .map_err(|error| format!("{at}: {error}"))?
        {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(socket) => {
                    let mut outgoing = BytesMut::new();
                    return Ok(Self {
                        socket,
                        session: connector.connect(&mut outgoing)?,
                        incoming: BytesMut::new(),
                        outgoing,
                        received: Vec::new(),
                        end: None,
                    });
                }
                Err(error) => problem = format!("cannot connect to {address}: {error}"),
            }
        }
        Err(problem.into())
    }

    /// One turn of the loop: events, then output, and input where there was no event.
    fn turn(&mut self) -> Outcome<()> {
        let mut has_news = false;
        let result = loop {
            match self.session.process(&mut self.incoming, &mut self.outgoing) {
                Ok(Some(event)) => {
                    has_news = true;
                    match event {
                        Event::Data(data) => self.received.extend_from_slice(data),
                        Event::PeerClosed => self.end = Some(self.session.end_of_input()),
                        _ => {}
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        // Also after an error: the alert for the peer is in `outgoing`.
        let flushed = self.flush();
        result?;
        flushed?;
        if has_news { Ok(()) } else { self.read() }
    }

    fn read(&mut self) -> Outcome<()> {
        let patience = match self.session.deadline() {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            None => PATIENCE,
        };
        self.socket
            .set_read_timeout(Some(patience.max(Duration::from_millis(1))))?;
        let mut chunk = [0; 16 * 1024];
        match self.socket.read(&mut chunk) {
            Ok(0) => self.end = Some(self.session.end_of_input()),
            Ok(n) => self.incoming.extend_from_slice(&chunk[..n]),
            Err(error) if is_timeout(&error) => {
                self.session.expire(&mut self.outgoing)?;
                if self.session.deadline().is_none() {
                    return Err("the server does not answer".into());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("the connection broke: {error}").into()),
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.write_all(&self.outgoing)?;
        self.outgoing.clear();
        Ok(())
    }

    pub(crate) fn establish(&mut self) -> Outcome<()> {
        while !self.session.is_established() {
            self.turn()?;
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, line: &str) -> Outcome<()> {
        self.session.send(line.as_bytes(), &mut self.outgoing)?;
        Ok(self.flush()?)
    }

    /// The next line, or what there is of it when the server has closed.
    pub(crate) fn line(&mut self) -> Outcome<String> {
        let end = loop {
            if let Some(at) = self.received.iter().position(|byte| *byte == b'\n') {
                break at + 1;
            }
            if self.end.is_some() {
                break self.received.len();
            }
            if self.received.len() > LONGEST_LINE {
                return Err("the server sends a line without end".into());
            }
            self.turn()?;
        };
        let line: Vec<u8> = self.received.drain(..end).collect();
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// Closes, and waits for what the server still has to say.
    pub(crate) fn close(mut self) -> Outcome<EndOfInput> {
        self.session.close(&mut self.outgoing);
        self.flush()?;
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(end) = self.end {
                return Ok(end);
            }
            if Instant::now() > until {
                return Err("the server does not stop sending".into());
            }
            self.turn()?;
            self.received.clear();
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}
