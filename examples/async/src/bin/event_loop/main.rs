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

use std::collections::HashMap;
use std::error::Error;
use std::io::ErrorKind;
use std::time::{Duration, Instant};
use std::{env, fs};

use bytes::BytesMut;
use connection::Connection;
use mail_tls::{
    Acceptor, Account, Certificates, CertifiedChain, Client, Endpoint, Server, Service, Session,
    TlsMode, TrustAnchors,
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
    connections: HashMap<Token, Connection>,
    last: Token,
    failed: usize,
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--connections", count] => be_both_ends(count.parse()?),
        ["--listen", address, chain, key] => {
            Loop::new(address, &fs::read(chain)?, &fs::read(key)?)?.run(|_| false)
        }
        _ => Err("usage: event_loop --connections N | --listen ADDRESS CHAIN KEY".into()),
    }
}

fn be_both_ends(count: usize) -> Outcome<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let mut work = Loop::new("127.0.0.1:0", pem.as_bytes(), key.as_bytes())?;
    let address = work.listener.local_addr()?;
    let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "localhost")?;
    let client = Client::builder()
        .trust_anchors(TrustAnchors::from_pem(pem.as_bytes())?)
        .build()?;
    let connector = client.connector(&Account::configured(), endpoint.with_port(address.port()))?;
    for _ in 0..count {
        let mut outgoing = BytesMut::new();
        let session = Box::new(connector.connect(&mut outgoing)?);
        work.add(TcpStream::connect(address)?, session, outgoing, false)?;
        work.accept()?; // the queue of those that wait to be accepted is short
    }
    let stands = |it: &&Connection| it.session.is_established();
    work.run(|work| work.failed > 0 || work.all().filter(stands).count() == 2 * count)?;
    let (sessions, buffers) = (
        2 * count,
        work.all().map(Connection::buffers).sum::<usize>(),
    );
    println!("{sessions} sessions are established, with {buffers} bytes of buffers");
    for client in work.connections.values_mut().filter(|it| !it.is_server) {
        client.session.send(b"a LOGOUT\r\n", &mut client.outgoing)?;
        client.write()?;
    }
    work.run(|work| work.failed > 0 || work.connections.is_empty())?;
    println!("all have gone, {} failed", work.failed);
    match work.failed {
        0 => Ok(()),
        _ => Err("not all went well".into()),
    }
}

impl Loop {
    fn new(address: &str, chain: &[u8], key: &[u8]) -> Outcome<Self> {
        let certificates = Certificates::new(CertifiedChain::from_pem(chain, key)?);
        let acceptor = Server::builder()
            .build()?
            .acceptor(Service::Imap, TlsMode::Implicit, certificates)
            .build()?;
        let (poll, mut listener) = (Poll::new()?, TcpListener::bind(address.parse()?)?);
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        println!("listens on {}", listener.local_addr()?);
        Ok(Self {
            poll,
            listener,
            acceptor,
            connections: HashMap::new(),
            last: LISTENER,
            failed: 0,
        })
    }

    fn run(&mut self, is_done: impl Fn(&Self) -> bool) -> Outcome<()> {
        let (mut events, mut chunk) = (Events::with_capacity(1024), vec![0; 64 * 1024]);
        let mut swept = Instant::now();
        while !is_done(self) {
            match self.poll.poll(&mut events, Some(SWEEP)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            for event in events.iter() {
                match event.token() {
                    LISTENER => self.accept()?,
                    token => self.handle(token, |connection| connection.advance(&mut chunk)),
                }
            }
            if swept.elapsed() >= SWEEP {
                swept = Instant::now();
                self.accept()?; // who could not be accepted when they came
                for token in self.connections.keys().copied().collect::<Vec<_>>() {
                    self.handle(token, Connection::expire);
                }
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> Outcome<()> {
        loop {
            match self.listener.accept() {
                Ok((socket, _)) => {
                    let session = Box::new(self.acceptor.accept()?);
                    self.add(socket, session, BytesMut::new(), true)?;
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

    fn add(
        &mut self,
        mut socket: TcpStream,
        session: Box<dyn Session>,
        outgoing: BytesMut,
        is_server: bool,
    ) -> Outcome<()> {
        self.last.0 += 1;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut socket, self.last, both)?;
        let connection = Connection::new(socket, session, outgoing, is_server);
        self.connections.insert(self.last, connection);
        Ok(())
    }

    fn handle(&mut self, token: Token, act: impl FnOnce(&mut Connection) -> Outcome<()>) {
        let Some(connection) = self.connections.get_mut(&token) else {
            return;
        };
        let result = act(connection);
        if let Err(error) = &result {
            eprintln!("event_loop: {error}");
            self.failed += 1;
        }
        if result.is_err() || connection.has_gone() {
            self.connections.remove(&token);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values()
    }
}
