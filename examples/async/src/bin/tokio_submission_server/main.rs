//! A submission server on tokio, with implicit TLS and with STARTTLS: who may log in is decided
//! before the password is looked at (RFC 8314 §4.1), and each message gets a Received field that
//! says how it came (RFC 8314 §4.3).
//!
//! ```text
//! cargo run -p mail-tls-async-examples --bin tokio_submission_server -- \
//!     [IMPLICIT STARTTLS DIRECTORY [CHAIN KEY]]
//! ```
//!
//! It is the example `submission_server` on tokio: the parser, the login and the delivery are that
//! one's, and so are its arguments. Only how lines come and replies go is another here. Messages are
//! written while the task waits; a busy server leaves that to threads of its own.
#![expect(clippy::disallowed_methods, reason = "a program knows the time")]

#[path = "../../../../submission_server/delivery.rs"]
mod delivery;
#[path = "../../../../submission_server/lines.rs"]
mod lines;
#[path = "../../../../submission_server/login.rs"]
mod login;
#[path = "../../../../submission_server/smtp.rs"]
mod smtp;
#[path = "../../../../submission_server/syntax.rs"]
mod syntax;
#[path = "../../../../submission_server/talk.rs"]
mod talk;

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use bytes::BytesMut;
use delivery::Mailbox;
use lines::{Line, Lines};
use mail_tls::admission::ServerPolicy;
use mail_tls::tokio::Stream;
use mail_tls::{
    Acceptor, Certificates, CertifiedChain, CommandVerdict, Server, ServerSession, Service,
    StartTlsGuard, TlsMode,
};
use smtp::Smtp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// RFC 5321 §4.5.3.2.7.
const PATIENCE: Duration = Duration::from_secs(300);
const GREETING: &[u8] = b"220 localhost ready\r\n";

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let directory = env::temp_dir().join("tokio_submission_server");
    let (ports, directory, files) = match *arguments {
        [] => (["10465", "10587"], directory, None),
        [a, b, directory] => ([a, b], PathBuf::from(directory), None),
        [a, b, directory, chain, key] => ([a, b], PathBuf::from(directory), Some((chain, key))),
        _ => return Err("usage: tokio_submission_server [PORT PORT DIRECTORY [CHAIN KEY]]".into()),
    };
    fs::create_dir_all(&directory)?;
    let chain = match files {
        Some((chain, key)) => CertifiedChain::from_pem(&fs::read(chain)?, &fs::read(key)?)?,
        None => own_certificate(directory.join("certificate.pem"))?,
    };
    let server = Server::builder().build()?;
    let policy = Arc::new(ServerPolicy::requiring_tls());
    let mailbox = Arc::new(Mailbox::new(directory));
    let mut listeners = Vec::new();
    for (mode, port) in [TlsMode::Implicit, TlsMode::StartTls]
        .into_iter()
        .zip(ports)
    {
        let certificates = Certificates::new(chain.clone());
        let acceptor = server
            .acceptor(Service::Submission, mode, certificates)
            .build()?;
        let listener = TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
        println!("listens on {}, {mode}", listener.local_addr()?);
        let (policy, mailbox) = (Arc::clone(&policy), Arc::clone(&mailbox));
        listeners.push(tokio::spawn(listen(listener, acceptor, policy, mailbox)));
    }
    for listener in listeners {
        listener.await??;
    }
    Ok(())
}

async fn listen(
    listener: TcpListener,
    acceptor: Acceptor,
    policy: Arc<ServerPolicy>,
    mailbox: Arc<Mailbox>,
) -> Outcome<()> {
    loop {
        let (socket, peer) = listener.accept().await?;
        let smtp = Smtp::new(peer.ip(), Arc::clone(&policy), Arc::clone(&mailbox));
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let result = match acceptor.mode() {
                TlsMode::Implicit => implicit(&acceptor, socket, smtp).await,
                _ => starttls(&acceptor, socket, smtp).await,
            };
            match result {
                Ok(()) => println!("{peer} has gone"),
                Err(error) => println!("{peer} was left: {error}"),
            }
        });
    }
}

async fn implicit(acceptor: &Acceptor, socket: TcpStream, smtp: Smtp) -> Outcome<()> {
    let mut stream = Stream::accept(acceptor, socket).await?;
    stream.write_all(GREETING).await?;
    protected(stream, acceptor.guard(), smtp).await
}

/// The plaintext part is the server's own; its guard says what may be done in it.
async fn starttls(acceptor: &Acceptor, mut socket: TcpStream, mut smtp: Smtp) -> Outcome<()> {
    socket.write_all(GREETING).await?;
    let mut guard = acceptor.guard();
    let Some((session, incoming, outgoing)) = converse(&mut socket, &mut guard, &mut smtp).await?
    else {
        return Ok(());
    };
    let mut stream = Stream::new(session, socket, incoming, outgoing);
    stream.handshake().await?;
    protected(stream, guard, smtp).await
}

async fn protected(
    mut stream: Stream<ServerSession, TcpStream>,
    mut guard: StartTlsGuard,
    mut smtp: Smtp,
) -> Outcome<()> {
    let must_forget = guard.established(stream.session())?;
    let info = stream.info().ok_or("established, and no information")?;
    println!("{info}, forgetting {must_forget:?}");
    smtp.restart_under_tls(&info);
    converse(&mut stream, &mut guard, &mut smtp).await?;
    Ok(stream.shutdown().await?)
}

/// A session that STARTTLS begins, with its two buffers.
type Upgraded = (ServerSession, BytesMut, BytesMut);

/// Line by line, up to QUIT or STARTTLS. The same in plain text and in TLS.
async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    guard: &mut StartTlsGuard,
    smtp: &mut Smtp,
) -> Outcome<Option<Upgraded>> {
    let (mut lines, mut chunk) = (Lines::default(), BytesMut::new());
    loop {
        while let Some(line) = lines.next() {
            let reply = match line {
                Line::Broken(reply) => smtp.broken_line(reply).map(str::to_owned),
                Line::Whole(line) if smtp.awaits_text() => smtp.text(&line),
                Line::Whole(line) => match guard.command(&line) {
                    CommandVerdict::Proceed => Some(smtp.command(&line, guard)),
                    CommandVerdict::Refuse(refusal) => Some(format!("{}\r\n", refusal.text())),
                    CommandVerdict::StartTls { agreement, upgrade } => {
                        let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
                        let session = upgrade.begin(&lines.take_rest(), &mut incoming)?;
                        agreement.put(&mut outgoing);
                        return Ok(Some((session, incoming, outgoing)));
                    }
                    _ => return Err("neither TLS nor anything else that can come here".into()),
                },
            };
            stream
                .write_all(reply.unwrap_or_default().as_bytes())
                .await?;
            if smtp.has_quit() {
                return Ok(None);
            }
        }
        chunk.clear();
        if timeout(PATIENCE, stream.read_buf(&mut chunk)).await?? == 0 {
            return Ok(None);
        }
        lines.extend(&chunk);
    }
}

fn own_certificate(file: PathBuf) -> Outcome<CertifiedChain> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    fs::write(&file, &pem)?;
    println!("certificate: {}", file.display());
    Ok(CertifiedChain::from_pem(pem.as_bytes(), key.as_bytes())?)
}
