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

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use bytes::BytesMut;
use mail_tls::{
    Account, Certificates, CertifiedChain, Client, ClientSession, Connector, EndOfInput, Endpoint,
    Event, Host, Limits, Provenance, Server, ServerSession, Service, TlsMode, TrustAnchors,
};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "usage: quickstart [--ca FILE] [imaps|pop3s|submissions://host[:port]]";
const PATIENCE: Duration = Duration::from_secs(20);
/// More than any line that a server greets or says goodbye with.
const LONGEST_LINE: usize = 64 * 1024;

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

enum Task {
    Demonstrate,
    Connect {
        endpoint: Endpoint,
        ca: Option<TrustAnchors>,
    },
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Task> {
    let (mut ca, mut url) = (None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--ca" => {
                let file = arguments
                    .next()
                    .ok_or("--ca needs the name of a PEM file")?;
                let pem =
                    fs::read(&file).map_err(|error| format!("cannot read {file}: {error}"))?;
                let anchors = TrustAnchors::from_pem(&pem);
                ca = Some(anchors.map_err(|error| format!("{file}: {error}"))?);
            }
            option if option.starts_with('-') => {
                return Err(format!("there is no option {option}").into());
            }
            _ if url.is_some() => return Err("give one URL only".into()),
            _ => url = Some(argument),
        }
    }
    match url {
        Some(url) => Ok(Task::Connect {
            endpoint: endpoint(&url)?,
            ca,
        }),
        None if ca.is_some() => Err("--ca needs a URL to connect to".into()),
        None => Ok(Task::Demonstrate),
    }
}

/// `imaps://host[:port]`, with the host perhaps an IPv6 address in brackets.
fn endpoint(url: &str) -> Outcome<Endpoint> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| format!("\"{url}\" is not a URL such as imaps://host"))?;
    let service = match scheme.to_ascii_lowercase().as_str() {
        "imaps" => Service::Imap,
        "pop3s" => Service::Pop3,
        "submissions" | "smtps" => Service::Submission,
        other => return Err(format!("\"{other}\" is none of imaps, pop3s, submissions").into()),
    };
    let rest = rest.trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
        return Err(format!("write the IPv6 address in brackets, as in {scheme}://[::1]").into());
    }
    let port = match port {
        Some(port) => port
            .parse()
            .map_err(|_| format!("\"{port}\" is not a port number"))?,
        None => service
            .default_port(TlsMode::Implicit)
            .ok_or("name the port")?,
    };
    Ok(Endpoint::new(
        service,
        TlsMode::Implicit,
        Host::parse(host)?,
        port,
        Provenance::Typed,
    ))
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

/// A blocking connection: the socket, the session, and the two buffers between them.
struct Connection {
    socket: TcpStream,
    session: ClientSession,
    incoming: BytesMut,
    outgoing: BytesMut,
    received: Vec<u8>,
    end: Option<EndOfInput>,
}

impl Connection {
    fn open(connector: &Connector) -> Outcome<Self> {
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

    fn establish(&mut self) -> Outcome<()> {
        while !self.session.is_established() {
            self.turn()?;
        }
        Ok(())
    }

    fn send(&mut self, line: &str) -> Outcome<()> {
        self.session.send(line.as_bytes(), &mut self.outgoing)?;
        Ok(self.flush()?)
    }

    /// The next line, or what there is of it when the server has closed.
    fn line(&mut self) -> Outcome<String> {
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
    fn close(mut self) -> Outcome<EndOfInput> {
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
