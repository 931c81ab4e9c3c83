//! A thousand sessions in one thread: an event loop on mio that owns the buffers.
//!
//! ```text
//! cargo run --release -p mail-tls-async-examples --bin event_loop -- 127.0.0.1:10993 CHAIN KEY
//! ```
//!
//! An IMAP server that greets, and knows how to say goodbye. One chunk is read into for all; a session
//! that waits keeps a buffer only for the part of a record that it has, or for what its peer does not
//! take. How many there are, and how much they hold, is printed where it changes.
#![expect(clippy::disallowed_methods, reason = "a program knows the time")]

use std::collections::HashMap;
use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use mail_tls::{
    Acceptor, Certificates, CertifiedChain, Event, Server, ServerSession, Service, TlsMode,
};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

type Outcome<T> = Result<T, Box<dyn Error>>;

const LISTENER: Token = Token(0);
const SWEEP: Duration = Duration::from_secs(1);
/// A peer that takes nothing is not read from while so much waits for it.
const MOST_UNSENT: usize = 256 * 1024;

struct Connection {
    socket: TcpStream,
    session: ServerSession,
    /// What is left of a record, and what is left to write; mostly nothing.
    incoming: BytesMut,
    outgoing: BytesMut,
    line: Vec<u8>,
    is_over: bool,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, chain, key] = &arguments[..] else {
        return Err("usage: event_loop ADDRESS CHAIN KEY".into());
    };
    let chain = CertifiedChain::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?;
    let acceptor = Server::builder()
        .build()?
        .acceptor(Service::Imap, TlsMode::Implicit, Certificates::new(chain))
        .build()?;
    let (mut poll, mut listener) = (Poll::new()?, TcpListener::bind(address.parse()?)?);
    let registry = poll.registry().try_clone()?;
    registry.register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listens on {}", listener.local_addr()?);
    let (mut events, mut chunk) = (Events::with_capacity(1024), vec![0; 64 * 1024]);
    let mut connections: HashMap<Token, Connection> = HashMap::new();
    let (mut last, mut swept, mut told) = (LISTENER, Instant::now(), String::new());
    loop {
        match poll.poll(&mut events, Some(SWEEP)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        let is_sweep = swept.elapsed() >= SWEEP;
        // At a sweep also for those who could not be accepted when they came.
        if is_sweep || events.iter().any(|event| event.token() == LISTENER) {
            while let Some(mut connection) = accept(&listener, &acceptor)? {
                last.0 += 1;
                let both = Interest::READABLE | Interest::WRITABLE;
                registry.register(&mut connection.socket, last, both)?;
                connections.insert(last, connection);
            }
        }
        let tokens: Vec<Token> = if is_sweep {
            connections.keys().copied().collect()
        } else {
            events.iter().map(|event| event.token()).collect()
        };
        for token in tokens {
            let Some(connection) = connections.get_mut(&token) else {
                continue;
            };
            let result = connection.advance(&mut chunk);
            if let Err(error) = &result {
                eprintln!("event_loop: {error}");
            }
            if result.is_err() || connection.has_gone() {
                connections.remove(&token);
            }
        }
        if is_sweep {
            swept = Instant::now();
            let bytes: usize = connections.values().map(Connection::buffers).sum();
            let now = format!("{} sessions, {bytes} bytes of buffers", connections.len());
            if now != told {
                println!("{now}");
                told = now;
            }
        }
    }
}

fn accept(listener: &TcpListener, acceptor: &Acceptor) -> Outcome<Option<Connection>> {
    match listener.accept() {
        Ok((socket, _)) => Ok(Some(Connection {
            socket,
            session: acceptor.accept()?,
            incoming: BytesMut::new(),
            outgoing: BytesMut::new(),
            line: Vec::new(),
            is_over: false,
        })),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => {
            // One connection that could not be accepted is not the end of all others.
            eprintln!("event_loop: cannot accept: {error}");
            Ok(None)
        }
    }
}

impl Connection {
    /// Whatever can be done without waiting.
    fn advance(&mut self, chunk: &mut [u8]) -> Outcome<()> {
        let expired = self.session.expire(&mut self.outgoing); // who never gets as far as TLS
        self.write()?;
        expired?;
        loop {
            if self.outgoing.len() > MOST_UNSENT || self.has_gone() {
                return Ok(());
            }
            match self.socket.read(chunk) {
                Ok(0) if self.session.end_of_input().is_clean() => return Ok(()),
                Ok(0) => {
                    self.session.expire(&mut self.outgoing)?; // what the handshake has died of
                    return Err("the connection ended without close_notify".into());
                }
                Ok(n) => self.incoming.extend_from_slice(&chunk[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            let processed = self.process();
            self.write()?; // also after an error: the alert
            processed?;
        }
    }

    fn process(&mut self) -> Outcome<()> {
        let (incoming, outgoing) = (&mut self.incoming, &mut self.outgoing);
        while let Some(event) = self.session.process(incoming, outgoing)? {
            match event {
                Event::Established => self.session.send(b"* OK ready\r\n", outgoing)?,
                Event::Data(data) => self.line.extend(data),
                _ => self.is_over = true, // Event::PeerClosed
            }
            if self.line.len() > 8192 {
                return Err("a line that does not end".into());
            }
            if self.line.ends_with(b"\r\n") {
                let line = std::mem::take(&mut self.line).to_ascii_uppercase();
                if line.ends_with(b" LOGOUT\r\n") {
                    self.session.send(b"* BYE\r\na OK bye\r\n", outgoing)?;
                    self.session.close(outgoing);
                    self.is_over = true;
                } else {
                    self.session.send(b"* BAD what?\r\n", outgoing)?;
                }
            }
        }
        if self.incoming.is_empty() {
            self.incoming = BytesMut::new(); // gives its memory back
        }
        Ok(())
    }

    fn write(&mut self) -> Outcome<()> {
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

    fn has_gone(&self) -> bool {
        self.is_over && self.outgoing.is_empty()
    }

    fn buffers(&self) -> usize {
        self.incoming.capacity() + self.outgoing.capacity()
    }
}
