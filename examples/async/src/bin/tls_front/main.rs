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

mod arguments;

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mail_tls::stream::find_truncated;
use mail_tls::tokio::Stream;
use mail_tls::{Acceptor, Connector, Service, SessionInfo, TlsMode};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const PATIENCE: Duration = Duration::from_secs(20);

/// Which side has the TLS.
#[derive(Clone)]
enum Front {
    Server { acceptor: Acceptor, to: SocketAddr },
    Client { connector: Connector },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tls_front: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Outcome<()> {
    let (front, listen) = arguments::read()?;
    let listener = TcpListener::bind(listen).await?;
    println!("listens on {}", listener.local_addr()?);
    loop {
        // One connection that could not be accepted is not the end of all others.
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                eprintln!("tls_front: cannot accept: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let front = front.clone();
        tokio::spawn(async move {
            let began = Instant::now();
            let outcome = match &front {
                Front::Server { acceptor, to } => serve(acceptor, *to, socket, peer).await,
                Front::Client { connector } => connect(connector, socket, peer).await,
            };
            let seconds = began.elapsed().as_secs();
            match outcome {
                Ok((up, down)) => {
                    println!("peer={peer} end=done seconds={seconds} up={up} down={down}");
                }
                Err(error) => {
                    println!("peer={peer} end=failed seconds={seconds} error=\"{error}\"")
                }
            }
        });
    }
}

async fn serve(
    acceptor: &Acceptor,
    to: SocketAddr,
    socket: TcpStream,
    peer: SocketAddr,
) -> Outcome<(u64, u64)> {
    let mut outside = Stream::accept(acceptor, socket).await?;
    audit(peer, outside.info());
    // Not before: the legacy server sees nobody who was not admitted.
    let mut inside = timeout(PATIENCE, TcpStream::connect(to)).await??;
    carry(&mut outside, &mut inside).await
}

async fn connect(
    connector: &Connector,
    mut inside: TcpStream,
    peer: SocketAddr,
) -> Outcome<(u64, u64)> {
    let endpoint = connector.endpoint();
    let at = format!("{}:{}", endpoint.host().to_authority(), endpoint.port());
    let socket = timeout(PATIENCE, TcpStream::connect(at)).await??;
    let mut outside = Stream::connect(connector, socket).await?;
    audit(peer, outside.info());
    if endpoint.mode() == TlsMode::StartTls {
        let greeting: &[u8] = match endpoint.service() {
            Service::Imap => b"* OK ready\r\n",
            Service::Pop3 => b"+OK ready\r\n",
            Service::Submission => b"220 localhost ready\r\n",
            _ => b"", // ManageSieve's server greets again (RFC 5804 §2.2)
        };
        inside.write_all(greeting).await?;
    }
    carry(&mut inside, &mut outside).await
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
        let names = info
            .verification()
            .and_then(|verified| verified.presented_name());
        let name = names.map_or_else(|| "-".to_owned(), |name| name.to_string());
        println!("peer={peer} begin {info} certificate={name}");
    }
}
