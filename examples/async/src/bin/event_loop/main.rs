//! A thousand sessions in one thread: an event loop on mio that owns the buffers.
//!
//! ```text
//! cargo run --release -p mail-tls-async-examples --bin event_loop -- --connections 500
//! cargo run -p mail-tls-async-examples --bin event_loop -- --listen 127.0.0.1:10993 CHAIN KEY
//! ```
//!
//! The first opens 500 connections to itself, so that there are 1,000 sessions, both ends of each;
//! when all are established it lets each say goodbye. The second is a server that others connect
//! to. One chunk is read into for all; a session that waits keeps a buffer only for the part of a
//! record that it has, or for what its peer does not take.
#![expect(clippy::disallowed_methods, reason = "a program knows the time")]

mod connection;

use std::error::Error;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use std::{env, fs};

use bytes::BytesMut;
use connection::{Connection, Session};
use mail_tls::{
    Acceptor, Account, Certificates, CertifiedChain, Client, Endpoint, Host, Provenance, Server,
    Service, TlsMode, TrustAnchors,
};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

type Outcome<T> = Result<T, Box<dyn Error>>;

const LISTENER: Token = Token(0);
const SWEEP: Duration = Duration::from_secs(1);

struct Loop {
    poll: Poll,
    listener: TcpListener,
    acceptor: Acceptor,
    connections: Vec<Option<Connection>>,
    swept: Instant,
    failed: usize,
}

impl Loop {
    /// One wait, and all that it brings.
    fn turn(&mut self, events: &mut Events, chunk: &mut [u8]) -> Outcome<()> {
        match self.poll.poll(events, Some(SWEEP)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        for event in events.iter() {
            match event.token() {
                LISTENER => self.accept()?,
                Token(at) => self.handle(at, |connection| connection.advance(chunk)),
            }
        }
        if self.swept.elapsed() >= SWEEP {
            self.swept = Instant::now();
            for at in 1..=self.connections.len() {
                self.handle(at, Connection::expire);
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> Outcome<()> {
        loop {
            match self.listener.accept() {
                Ok((socket, _)) => {
                    let session = Session::Server(self.acceptor.accept()?);
                    self.add(socket, session, BytesMut::new())?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                // One connection that could not be accepted is not the end of all others.
                Err(error) => {
                    eprintln!("event_loop: cannot accept: {error}");
                    return Ok(());
                }
            }
        }
    }

    fn add(&mut self, mut socket: TcpStream, session: Session, outgoing: BytesMut) -> Outcome<()> {
        let free = self.connections.iter().position(Option::is_none);
        let at = free.unwrap_or(self.connections.len());
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut socket, Token(at + 1), both)?;
        let connection = Some(Connection::new(socket, session, outgoing));
        match self.connections.get_mut(at) {
            Some(free) => *free = connection,
            None => self.connections.push(connection),
        }
        Ok(())
    }

    fn handle(&mut self, at: usize, act: impl FnOnce(&mut Connection) -> Outcome<()>) {
        let Some(slot) = self.connections.get_mut(at - 1) else {
            return;
        };
        match slot.as_mut().map(act) {
            Some(Err(error)) => {
                eprintln!("event_loop: {error}");
                self.failed += 1;
                *slot = None;
            }
            _ if slot.as_ref().is_some_and(Connection::has_gone) => *slot = None,
            _ => {}
        }
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.connections.iter_mut().flatten()
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (count, address, pem, key) = match &*arguments {
        ["--connections", count] => {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
            let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
            (Some(count.parse()?), "127.0.0.1:0", pem.into(), key.into())
        }
        ["--listen", address, chain, key] => (None, *address, fs::read(chain)?, fs::read(key)?),
        _ => return Err("usage: event_loop --connections N | --listen ADDRESS CHAIN KEY".into()),
    };
    let chain = CertifiedChain::from_pem(&pem, &key)?;
    let mut listener = TcpListener::bind(address.parse()?)?;
    let poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    println!("listens on {}", listener.local_addr()?);
    let mut work = Loop {
        poll,
        listener,
        acceptor: Server::builder()
            .build()?
            .acceptor(Service::Imap, TlsMode::Implicit, Certificates::new(chain))
            .build()?,
        connections: Vec::new(),
        swept: Instant::now(),
        failed: 0,
    };
    let (mut events, mut chunk) = (Events::with_capacity(1024), vec![0; 64 * 1024]);
    let Some(count) = count else {
        loop {
            work.turn(&mut events, &mut chunk)?;
        }
    };
    connect(&mut work, count, &pem)?;
    while work.failed == 0 && work.all().filter(|it| it.is_established()).count() < 2 * count {
        work.turn(&mut events, &mut chunk)?;
    }
    let (sessions, buffers) = (2 * count, work.all().map(|it| it.buffers()).sum::<usize>());
    println!("{sessions} sessions are established, with {buffers} bytes of buffers");
    for connection in work.all() {
        if let Session::Client(session) = &mut connection.session {
            session.send(b"a LOGOUT\r\n", &mut connection.outgoing)?;
            connection.write()?;
        }
    }
    while work.failed == 0 && work.all().next().is_some() {
        work.turn(&mut events, &mut chunk)?;
    }
    println!("all have gone, {} failed", work.failed);
    match work.failed {
        0 => Ok(()),
        _ => Err("not all went well".into()),
    }
}

fn connect(work: &mut Loop, count: usize, pem: &[u8]) -> Outcome<()> {
    let address: SocketAddr = work.listener.local_addr()?;
    let (host, port) = (Host::parse("localhost")?, address.port());
    let (imap, mode) = (Service::Imap, TlsMode::Implicit);
    let endpoint = Endpoint::new(imap, mode, host, port, Provenance::Typed);
    let client = Client::builder()
        .trust_anchors(TrustAnchors::from_pem(pem)?)
        .build()?;
    let connector = client.connector(&Account::configured(), endpoint)?;
    for _ in 0..count {
        let mut outgoing = BytesMut::new();
        let session = Session::Client(connector.connect(&mut outgoing)?);
        work.add(TcpStream::connect(address)?, session, outgoing)?;
        work.accept()?; // the queue of those that wait to be accepted is short
    }
    Ok(())
}
