//! A mail client on a port for STARTTLS: what it may do first, once TLS stands.
//!
//! The session speaks the plaintext part by itself; the loop is that of implicit TLS. Run by hand:
//!
//! ```text
//! cargo run --example starttls_client -- imap://imap.example.org
//! cargo run --example starttls_client -- --ask-first submission://mail.example.org
//! cargo run --example starttls_client -- --ca authority.pem sieve://localhost:14190
//! ```
//!
//! `submission_server` is a server to try it with.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "an embedder does the I/O that the library does not"
)]

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use bytes::BytesMut;
use mail_tls::{
    Account, AfterTls, Client, ClientSession, Endpoint, Event, Host, Provenance, Service,
    StartTlsStrategy, TlsMode, TrustAnchors,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: starttls_client [--ca FILE] [--ask-first] \
                     imap|pop3|submission|sieve://host[:port]";
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let Err(error) = run() else {
        return ExitCode::SUCCESS;
    };
    eprintln!("starttls_client: {error}");
    ExitCode::FAILURE
}

fn run() -> Outcome<()> {
    let (mut builder, mut strategy) = (Client::builder(), StartTlsStrategy::AtOnce);
    let (mut url, mut arguments) = (None, env::args().skip(1));
    while let Some(argument) = arguments.next() {
        if argument == "--ca" {
            let pem = fs::read(arguments.next().ok_or(USAGE)?)?;
            builder = builder.trust_anchors(TrustAnchors::from_pem(&pem)?);
        } else if argument == "--ask-first" {
            strategy = StartTlsStrategy::AskFirst;
        } else {
            url = Some(argument);
        }
    }
    let endpoint = endpoint(&url.ok_or(USAGE)?)?.with_starttls_strategy(strategy);
    let client = builder.build()?;
    let connector = client.connector(&Account::configured(), endpoint.clone())?;
    let at = format!("{}:{}", endpoint.host().to_authority(), endpoint.port());
    let mut outgoing = BytesMut::new();
    let mut connection = Connection {
        session: connector.connect(&mut outgoing)?,
        socket: TcpStream::connect(at)?,
        outgoing,
        incoming: BytesMut::new(),
        received: Vec::new(),
        has_ended: false,
    };
    while !connection.session.is_established() {
        connection.turn()?;
    }
    let info = connection.session.info().ok_or("no session")?;
    println!("session: {info}");
    converse(&mut connection, endpoint.service())
}

/// What comes first, and the farewell, up to the server's close.
fn converse(connection: &mut Connection, service: Service) -> Outcome<()> {
    let (question, is_last): (_, fn(&str) -> bool) = match connection.session.after_tls() {
        AfterTls::SendCapability => ("a CAPABILITY\r\n", |line| line.starts_with("a ")),
        AfterTls::SendCapa => ("CAPA\r\n", |line| line == "." || line.starts_with('-')),
        AfterTls::SendEhlo => ("EHLO [127.0.0.1]\r\n", |line| line.get(3..4) != Some("-")),
        // The server sends its capabilities unasked.
        AfterTls::ReadCapabilities => ("", |line| !line.starts_with('"')),
        other => return Err(format!("{other:?} does not follow STARTTLS").into()),
    };
    connection.send(question)?;
    let mut is_over = false;
    while !is_over {
        let line = connection.line()?.ok_or("the server has gone")?;
        println!("{}", line.escape_debug());
        is_over = is_last(&line);
    }
    connection.send(match service {
        Service::Imap => "b LOGOUT\r\n",
        Service::ManageSieve => "LOGOUT\r\n",
        _ => "QUIT\r\n",
    })?;
    while let Some(line) = connection.line()? {
        println!("{}", line.escape_debug());
    }
    Ok(())
}

fn endpoint(url: &str) -> Outcome<Endpoint> {
    let (scheme, rest) = url.split_once("://").ok_or(USAGE)?;
    let service = match scheme {
        "imap" => Service::Imap,
        "pop3" => Service::Pop3,
        "submission" => Service::Submission,
        "sieve" => Service::ManageSieve,
        _ => return Err(USAGE.into()),
    };
    let mode = TlsMode::StartTls;
    match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let (host, port) = (Host::parse(host)?, port.parse()?);
            Ok(Endpoint::new(service, mode, host, port, Provenance::Typed))
        }
        _ => Ok(Endpoint::typed(service, mode, rest)?),
    }
}

struct Connection {
    socket: TcpStream,
    session: ClientSession,
    incoming: BytesMut,
    outgoing: BytesMut,
    received: Vec<u8>,
    has_ended: bool,
}

impl Connection {
    /// Once around the loop.
    fn turn(&mut self) -> Outcome<()> {
        let mut has_news = false;
        let result = loop {
            match self.session.process(&mut self.incoming, &mut self.outgoing) {
                Ok(Some(Event::Data(data))) => self.received.extend_from_slice(data),
                Ok(Some(Event::PeerClosed)) => self.has_ended = true,
                Ok(Some(_)) => {} // Event::Established
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            has_news = true;
        };
        // Also after an error: the alert for the server is in `outgoing`.
        self.flush()?;
        result?;
        if has_news {
            return Ok(());
        }
        let deadline = self.session.deadline();
        let wait = deadline.map_or(PATIENCE, |at| at.saturating_duration_since(Instant::now()));
        self.socket
            .set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        let mut chunk = [0; 16 * 1024];
        match self.socket.read(&mut chunk) {
            Ok(0) => {
                self.has_ended = true;
                let _ = self.session.end_of_input();
            }
            Ok(n) => self.incoming.extend_from_slice(&chunk[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                self.session.expire(&mut self.outgoing)?;
                deadline.ok_or("the server does not answer")?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn flush(&mut self) -> Outcome<()> {
        self.socket.write_all(&self.outgoing)?;
        self.outgoing.clear();
        Ok(())
    }

    fn send(&mut self, line: &str) -> Outcome<()> {
        self.session.send(line.as_bytes(), &mut self.outgoing)?;
        self.flush()
    }

    /// The next line; `None` at the end.
    fn line(&mut self) -> Outcome<Option<String>> {
        loop {
            if let Some(at) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=at).collect();
                return Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()));
            }
            if self.has_ended {
                return Ok(None);
            }
            self.turn()?;
        }
    }
}
