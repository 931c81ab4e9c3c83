//! A mail client's and a mail server's TLS in one program.
//!
//! Without arguments it starts an IMAP server on a loopback port, with a certificate made on the
//! spot, and talks to it. With a URL it talks to a real server:
//!
//! ```text
//! cargo run --example quickstart
//! cargo run --example quickstart -- imaps://imap.example.org
//! cargo run --example quickstart -- --ca authority.pem submissions://localhost:10465
//! ```
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "an embedder does the I/O that the library does not"
)]

#[path = "quickstart/arguments.rs"]
mod arguments;
#[path = "quickstart/connection.rs"]
mod connection;

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, thread};

use arguments::{Task, USAGE, endpoint, parse};
use bytes::BytesMut;
use connection::Connection;
use mail_tls::{
    Account, Certificates, CertifiedChain, Client, ClientSession, Endpoint, Event, Limits, Server,
    ServerSession, Service, TlsMode, TrustAnchors,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let result = match parse(env::args().skip(1)) {
        Ok(Task::Demonstrate) => demonstrate(),
        Ok(Task::Connect { endpoint, ca }) => connect(endpoint, ca),
        Err(problem) => {
            eprintln!("quickstart: {problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The client's side: TCP, TLS, the greeting, the farewell.
fn connect(endpoint: Endpoint, ca: Option<TrustAnchors>) -> Outcome<()> {
    let mut builder = Client::builder().limits(Limits::default().with_handshake_time(PATIENCE));
    if let Some(anchors) = ca {
        builder = builder.trust_anchors(anchors);
    }
    let connector = builder
        .build()?
        .connector(&Account::configured(), endpoint)?;
    let mut connection = Connection::open(&connector)?;
    connection.establish()?;
    print_session(&connection.session);

    let service = connector.endpoint().service();
    println!("greeting: {}", connection.line()?.escape_debug());
    connection.send(if service == Service::Imap {
        "q LOGOUT\r\n"
    } else {
        "QUIT\r\n"
    })?;
    println!("farewell: {}", connection.line()?.escape_debug());
    println!("closed: {:?}", connection.close()?);
    Ok(())
}

fn print_session(session: &ClientSession) {
    let Some(info) = session.info() else { return };
    if let Some(verification) = info.verification() {
        let expected = verification.reference().map(|id| id.name().to_string());
        println!(
            "verified: {} by the certificate's name {}",
            expected.unwrap_or_default(),
            verification.presented_name().unwrap_or_default(),
        );
    }
    println!("session: {info}");
    println!("next: {:?}", session.after_tls());
}

/// Both sides on a loopback port.
fn demonstrate() -> Outcome<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let chain = CertifiedChain::from_pem(pem.as_bytes(), key.as_bytes())?;
    let acceptor = Server::builder()
        .build()?
        .acceptor(Service::Imap, TlsMode::Implicit, Certificates::new(chain))
        .build()?;
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    println!("server: listens on 127.0.0.1:{port}");

    let server = thread::spawn(move || -> Outcome<()> {
        let (socket, _) = listener.accept()?;
        serve(acceptor.accept()?, &socket)
    });
    connect(
        endpoint(&format!("imaps://localhost:{port}"))?,
        Some(TrustAnchors::from_pem(pem.as_bytes())?),
    )?;
    server.join().map_err(|_| "the server panicked")?
}

/// The server's side of an IMAP conversation that knows one command.
fn serve(mut session: ServerSession, mut socket: &TcpStream) -> Outcome<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
    let (mut commands, mut has_greeted) = (Vec::new(), false);
    loop {
        let result = loop {
            match session.process(&mut incoming, &mut outgoing) {
                Ok(Some(Event::Data(data))) => commands.extend_from_slice(data),
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if session.is_established() && !has_greeted {
            has_greeted = true;
            session.send(b"* OK IMAP4rev2 server ready\r\n", &mut outgoing)?;
        }
        if commands.ends_with(b"LOGOUT\r\n") {
            commands.clear();
            session.send(b"* BYE logging out\r\nq OK done\r\n", &mut outgoing)?;
            session.close(&mut outgoing);
        }
        socket.write_all(&outgoing)?;
        outgoing.clear();
        result?;
        let mut chunk = [0; 16 * 1024];
        match socket.read(&mut chunk)? {
            0 => {
                println!("server: the client has gone, {:?}", session.end_of_input());
                return Ok(());
            }
            n => incoming.extend_from_slice(&chunk[..n]),
        }
    }
}
