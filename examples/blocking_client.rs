//! An IMAP client that blocks: logs in over `Read + Write`, and counts the messages.
//!
//! ```text
//! cargo run --features std-io --example blocking_client -- imaps://ann@imap.example.org
//! cargo run --features std-io --example blocking_client -- --ca FILE imap://test@localhost:1143
//! ```
//!
//! The password is the first line of the standard input. With `imap://` it speaks STARTTLS, which
//! makes no difference to anything below.
#![expect(clippy::disallowed_types, reason = "a program opens sockets")]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use mail_tls::blocking::Stream;
use mail_tls::stream::{find_error, find_truncated};
use mail_tls::{
    Account, Client, ClientSession, Connector, Endpoint, Host, Provenance, Service, TlsMode,
    TrustAnchors,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: blocking_client [--ca FILE] imaps|imap://USER@HOST[:PORT]";
const PATIENCE: Duration = Duration::from_secs(20);
const LONGEST_LINE: u64 = 64 * 1024;

fn main() -> ExitCode {
    let Err(error) = run() else {
        return ExitCode::SUCCESS;
    };
    match (find_error(&*error), find_truncated(&*error)) {
        // A certificate's refusal is one of these; it says what to do, and may offer a pin.
        (Some(ours), _) => eprintln!("blocking_client: {ours} [{}]", ours.code()),
        // In the middle of a reply, which is where this program waits.
        (None, Some(truncated)) => eprintln!("blocking_client: {truncated}"),
        (None, None) => eprintln!("blocking_client: {error}"),
    }
    ExitCode::FAILURE
}

fn run() -> Outcome<()> {
    let (connector, user) = arguments()?;
    let mut password = String::new();
    io::stdin().read_line(&mut password)?;

    let socket = open(connector.endpoint())?;
    // After the handshake this is how long the server may be silent; before, its deadline counts.
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let stream = Stream::connect(&connector, socket)?;
    if let Some(info) = stream.info() {
        println!("session: {info}");
    }
    let mut connection = Connection(BufReader::new(stream));
    if connector.endpoint().mode() == TlsMode::Implicit {
        println!("greeting: {}", connection.line()?);
    }
    connection.log_in(&user, password.trim_end())?;
    connection.command("b", "EXAMINE INBOX")?;
    connection.command("c", "LOGOUT")?;

    let mut stream = connection.0.into_inner();
    stream.close()?;
    // The server's own farewell; one that leaves without it has said everything all the same.
    match stream.read(&mut [0; 1]) {
        Err(error) if find_truncated(&error).is_none() => return Err(error.into()),
        Ok(1..) => return Err("the server goes on after its farewell".into()),
        Ok(_) | Err(_) => println!("closed: {:?}", stream.end()),
    }
    Ok(())
}

struct Connection(BufReader<Stream<ClientSession, TcpStream>>);

impl Connection {
    /// Credentials go by a permit of the session: RFC 8314 §5.2.
    fn log_in(&mut self, user: &str, password: &str) -> Outcome<()> {
        let quoted =
            |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        if [user, password]
            .iter()
            .any(|text| text.contains(['\r', '\n']))
        {
            return Err("a line break in the user's name or password".into());
        }
        let line = format!("a LOGIN {} {}\r\n", quoted(user), quoted(password));
        let stream = self.0.get_mut();
        let (session, outgoing) = stream.session_mut();
        let permit = session.credential_permit()?;
        session.send_credentials(permit, line.as_bytes(), outgoing)?;
        stream.flush()?;
        self.replies("a")
    }

    fn command(&mut self, tag: &str, command: &str) -> Outcome<()> {
        write!(self.0.get_mut(), "{tag} {command}\r\n")?;
        self.replies(tag)
    }

    fn replies(&mut self, tag: &str) -> Outcome<()> {
        loop {
            let line = self.line()?;
            println!("{line}");
            if let Some(status) = line.strip_prefix(tag) {
                return match status.trim_start().starts_with("OK") {
                    true => Ok(()),
                    false => Err(format!("the server says: {line}").into()),
                };
            }
        }
    }

    fn line(&mut self) -> Outcome<String> {
        let mut line = Vec::new();
        (&mut self.0)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\n") {
            Some(line) => Ok(String::from_utf8_lossy(line)
                .trim_end()
                .escape_debug()
                .to_string()),
            None if line.is_empty() => Err("the server has gone".into()),
            None => Err("the server sends a line without end".into()),
        }
    }
}

fn open(endpoint: &Endpoint) -> Outcome<TcpStream> {
    let at = format!("{}:{}", endpoint.host().to_authority(), endpoint.port());
    let mut problem = format!("{at}: no address was found");
    for address in at.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(socket) => return Ok(socket),
            Err(error) => problem = format!("cannot connect to {address}: {error}"),
        }
    }
    Err(problem.into())
}

fn arguments() -> Outcome<(Connector, String)> {
    let mut builder = Client::builder();
    let (mut url, mut arguments) = (None, env::args().skip(1));
    while let Some(argument) = arguments.next() {
        if argument == "--ca" {
            let pem = fs::read(arguments.next().ok_or(USAGE)?)?;
            builder = builder.trust_anchors(TrustAnchors::from_pem(&pem)?);
        } else {
            url = Some(argument);
        }
    }
    let url = url.ok_or(USAGE)?;
    let (scheme, rest) = url.split_once("://").ok_or(USAGE)?;
    let (user, place) = rest.rsplit_once('@').ok_or(USAGE)?;
    let mode = match scheme {
        "imaps" => TlsMode::Implicit,
        "imap" => TlsMode::StartTls,
        _ => return Err(USAGE.into()),
    };
    let endpoint = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let (host, port) = (Host::parse(host)?, port.parse()?);
            Endpoint::new(Service::Imap, mode, host, port, Provenance::Typed)
        }
        _ => Endpoint::typed(Service::Imap, mode, place)?,
    };
    let connector = builder
        .build()?
        .connector(&Account::configured(), endpoint)?;
    Ok((connector, user.to_owned()))
}
