//! TLS in front of a program that has none, and behind one that has none.
//!
//! In front of a legacy server that speaks cleartext only: implicit TLS, client certificates where
//! they are wanted, and a line for each connection (RFC 8314 §4).
//!
//! ```text
//! cargo run -p mail-tls-async-examples --bin tls_front -- server imap --listen 0.0.0.0:993 \
//!     --to 127.0.0.1:143 --chain mail.pem --key mail.key [--clients authority.pem]
//! ```
//!
//! For an old mail user agent that can do no TLS of today: it connects to 127.0.0.1, and this
//! program to its server, with TLS, STARTTLS where asked for, and the server verified.
//!
//! ```text
//! cargo run -p mail-tls-async-examples --bin tls_front -- client submission --listen 127.0.0.1:1587 \
//!     --to mail.example.org [--starttls] [--port 587] [--ca FILE]
//! ```
//!
//! With `--starttls` the server's greeting is read before TLS and not repeated after it, so that an
//! agent for IMAP and SMTP is greeted by this program instead.
#![expect(clippy::disallowed_methods, reason = "a program knows the time")]

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use mail_tls::client_identity::IdentityMapping;
use mail_tls::stream::find_truncated;
use mail_tls::tokio::Stream;
use mail_tls::{
    Acceptor, Account, Certificates, CertifiedChain, Client, Connector, Endpoint, Host, Provenance,
    Server, Service, SessionInfo, TlsMode, TrustAnchors,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "usage: tls_front server|client imap|pop3|submission|sieve --listen ADDRESS \
                     --to PLACE [--chain FILE --key FILE [--clients FILE]] \
                     [--starttls] [--port PORT] [--ca FILE]";
const PATIENCE: Duration = Duration::from_secs(20);

/// Which side has the TLS.
#[derive(Clone)]
enum Front {
    Server { acceptor: Acceptor, to: SocketAddr },
    Client { connector: Connector },
}

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("tls_front: {error}");
    ExitCode::FAILURE
}

async fn run() -> Outcome<()> {
    let (front, listen) = arguments()?;
    let listener = TcpListener::bind(listen).await?;
    println!("listens on {}", listener.local_addr()?);
    loop {
        // One connection that could not be accepted is not the end of all others.
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                eprintln!("tls_front: cannot accept: {error}");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let front = front.clone();
        tokio::spawn(async move {
            let began = Instant::now();
            let end = match front.stand_before(socket, peer).await {
                Ok((up, down)) => format!("end=done up={up} down={down}"),
                Err(error) => format!("end=failed error=\"{error}\""),
            };
            println!("peer={peer} seconds={} {end}", began.elapsed().as_secs());
        });
    }
}

impl Front {
    async fn stand_before(&self, mut socket: TcpStream, peer: SocketAddr) -> Outcome<(u64, u64)> {
        let connector = match self {
            Self::Server { acceptor, to } => {
                let mut outside = Stream::accept(acceptor, socket).await?;
                audit(peer, outside.info());
                // Not before: the legacy server sees nobody who was not admitted.
                let mut inside = timeout(PATIENCE, TcpStream::connect(to)).await??;
                return carry(&mut outside, &mut inside).await;
            }
            Self::Client { connector } => connector,
        };
        let endpoint = connector.endpoint();
        let at = format!("{}:{}", endpoint.host().to_authority(), endpoint.port());
        let outside = timeout(PATIENCE, TcpStream::connect(at)).await??;
        let mut outside = Stream::connect(connector, outside).await?;
        audit(peer, outside.info());
        let greeting: &[u8] = match (endpoint.mode(), endpoint.service()) {
            (TlsMode::StartTls, Service::Imap) => b"* OK ready\r\n",
            (TlsMode::StartTls, Service::Pop3) => b"+OK ready\r\n",
            (TlsMode::StartTls, Service::Submission) => b"220 localhost ready\r\n",
            _ => b"", // the server greets under TLS; ManageSieve's does so again (RFC 5804 §2.2)
        };
        socket.write_all(greeting).await?;
        carry(&mut socket, &mut outside).await
    }
}

/// Both directions to their ends. Whether a peer that leaves without close_notify has said
/// everything only the mail protocol knows: a proxy passes the end on, and says so.
async fn carry(
    near: &mut (impl AsyncRead + AsyncWrite + Unpin),
    far: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> Outcome<(u64, u64)> {
    match copy_bidirectional(near, far).await {
        Err(error) if find_truncated(&error).is_some() => {
            let _ = (near.shutdown().await, far.shutdown().await);
            Err(error.into())
        }
        result => Ok(result?),
    }
}

/// What RFC 8314 §4 wants in the log.
fn audit(peer: SocketAddr, info: Option<SessionInfo<'_>>) {
    if let Some(info) = info {
        let verified = info.verification();
        let name = verified.and_then(|it| it.presented_name()).unwrap_or("-");
        println!("peer={peer} begin {info} certificate={name}");
    }
}

/// What to do, and where to listen.
fn arguments() -> Outcome<(Front, SocketAddr)> {
    let mut words = env::args().skip(1);
    let mut next = || words.next().ok_or(USAGE);
    let (side, label) = (next()?, next()?);
    let is_meant = |it: &Service| it.srv_label(TlsMode::StartTls) == Some(&label);
    let service = Service::ALL.into_iter().find(is_meant).ok_or(USAGE)?;
    let (mut mode, mut given) = (TlsMode::Implicit, HashMap::new());
    while let Ok(option) = next() {
        let value = match (&*side, &*option) {
            ("client", "--starttls") => {
                mode = TlsMode::StartTls;
                continue;
            }
            ("server" | "client", "--listen" | "--to") => next()?,
            ("server", "--chain" | "--key" | "--clients") => next()?,
            ("client", "--port" | "--ca") => next()?,
            _ => return Err(USAGE.into()),
        };
        given.insert(option, value);
    }
    let word = |option: &str| {
        let value = given.get(option);
        value.ok_or_else(|| format!("{option} is missing; {USAGE}"))
    };
    let pem = |option: &str| fs::read(word(option)?).map_err(|error| format!("{option}: {error}"));
    let listen: SocketAddr = word("--listen")?.parse()?;
    if side == "server" {
        let chain = CertifiedChain::from_pem(&pem("--chain")?, &pem("--key")?)?;
        let server = Server::builder().build()?;
        let mut builder = server.acceptor(service, mode, Certificates::new(chain));
        if given.contains_key("--clients") {
            let anchors = TrustAnchors::from_pem(&pem("--clients")?)?;
            // Who it is matters to the log alone: the server behind asks for a password.
            let mapping = IdentityMapping::mailbox().or(IdentityMapping::key());
            builder = builder.require_client_certificates(anchors, mapping);
        }
        let (acceptor, to) = (builder.build()?, word("--to")?.parse()?);
        return Ok((Front::Server { acceptor, to }, listen));
    }
    // Whoever may connect here is given cleartext: this machine alone.
    if !listen.ip().is_loopback() {
        return Err("a front for a client listens on 127.0.0.1 or ::1 alone".into());
    }
    let port = match given.get("--port") {
        Some(port) => port.parse()?,
        None => service.default_port(mode).ok_or("--port is missing")?,
    };
    let host = Host::parse(word("--to")?)?;
    let mut builder = Client::builder();
    if given.contains_key("--ca") {
        builder = builder.trust_anchors(TrustAnchors::from_pem(&pem("--ca")?)?);
    }
    let endpoint = Endpoint::new(service, mode, host, port, Provenance::Typed);
    let client = builder.build()?;
    let connector = client.connector(&Account::configured(), endpoint)?;
    Ok((Front::Client { connector }, listen))
}
