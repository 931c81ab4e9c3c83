//! A submission server on tokio, with implicit TLS and with STARTTLS: who may log in is decided
//! before the password is looked at (RFC 8314 §4.1), and each message gets a Received field that
//! says how it came (RFC 8314 §4.3).
//!
//! ```text
//! cargo run -p mail-tls-async-examples --bin tokio_submission_server
//! cargo run -p mail-tls-async-examples --bin tokio_submission_server -- mail.pem mail.key 465 587
//! ```
//!
//! Without arguments it makes itself a certificate for `localhost`, and says where it is. It takes
//! the password `test` from the user `test`, and prints the messages.
#![expect(clippy::disallowed_methods, reason = "a program knows the time")]

mod smtp;

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{env, fs};

use bytes::{Buf, BytesMut};
use mail_tls::admission::{ServerPolicy, UtcDay};
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
const LONGEST_LINE: usize = 8192;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (chain, ports) = match &*arguments {
        [] => (own_certificate()?, [10465, 10587]),
        [chain, key, implicit, starttls] => (
            CertifiedChain::from_pem(&fs::read(chain)?, &fs::read(key)?)?,
            [implicit.parse()?, starttls.parse()?],
        ),
        _ => return Err("usage: tokio_submission_server [CHAIN KEY PORT STARTTLS-PORT]".into()),
    };
    let server = Server::builder().build()?;
    let policy = Arc::new(ServerPolicy::requiring_tls());
    let mut listeners = Vec::new();
    for (mode, port) in [TlsMode::Implicit, TlsMode::StartTls]
        .into_iter()
        .zip(ports)
    {
        let certificates = Certificates::new(chain.clone());
        let acceptor = server
            .acceptor(Service::Submission, mode, certificates)
            .build()?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        println!("listens on {}, {mode}", listener.local_addr()?);
        listeners.push(tokio::spawn(listen(
            listener,
            acceptor,
            Arc::clone(&policy),
        )));
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
) -> Outcome<()> {
    loop {
        let (socket, peer) = listener.accept().await?;
        let (acceptor, policy) = (acceptor.clone(), Arc::clone(&policy));
        tokio::spawn(async move {
            let result = match acceptor.mode() {
                TlsMode::Implicit => implicit(&acceptor, socket, &policy).await,
                _ => starttls(&acceptor, socket, &policy).await,
            };
            match result {
                Ok(()) => println!("{peer} has gone"),
                Err(error) => println!("{peer} was left: {error}"),
            }
        });
    }
}

async fn implicit(acceptor: &Acceptor, socket: TcpStream, policy: &ServerPolicy) -> Outcome<()> {
    let mut guard = acceptor.guard();
    let mut stream = Stream::accept(acceptor, socket).await?;
    let _ = guard.established(stream.session())?; // nothing was said before
    stream.write_all(b"220 localhost ready\r\n").await?;
    protected(stream, guard, policy).await
}

/// The plaintext part is the server's own; its guard says what may be done in it.
async fn starttls(
    acceptor: &Acceptor,
    mut socket: TcpStream,
    policy: &ServerPolicy,
) -> Outcome<()> {
    socket.write_all(b"220 localhost ready\r\n").await?;
    let (mut guard, mut received) = (acceptor.guard(), BytesMut::new());
    let mut smtp = Smtp::new(policy, None);
    let Some((session, incoming, outgoing)) =
        converse(&mut socket, &mut received, &mut guard, &mut smtp).await?
    else {
        return Ok(());
    };
    let mut stream = Stream::new(session, socket, incoming, outgoing);
    stream.handshake().await?;
    // What was said before TLS is forgotten: of `smtp` nothing goes on.
    let _ = guard.established(stream.session())?;
    protected(stream, guard, policy).await
}

async fn protected(
    mut stream: Stream<ServerSession, TcpStream>,
    mut guard: StartTlsGuard,
    policy: &ServerPolicy,
) -> Outcome<()> {
    let info = stream.info();
    if let Some(info) = &info {
        println!("{info}");
    }
    let mut smtp = Smtp::new(policy, info);
    converse(&mut stream, &mut BytesMut::new(), &mut guard, &mut smtp).await?;
    stream.shutdown().await?;
    Ok(())
}

/// A session that STARTTLS begins, with its two buffers.
type Upgraded = (ServerSession, BytesMut, BytesMut);

/// Line by line, up to QUIT or STARTTLS. The same in plain text and in TLS.
async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    received: &mut BytesMut,
    guard: &mut StartTlsGuard,
    smtp: &mut Smtp<'_>,
) -> Outcome<Option<Upgraded>> {
    loop {
        while let Some(at) = received.iter().position(|byte| *byte == b'\n') {
            let line = received.split_to(at + 1);
            if smtp.awaits_text() {
                if let Some(reply) = smtp.text(&line, UtcDay::of(SystemTime::now())) {
                    stream.write_all(reply.as_bytes()).await?;
                }
                continue;
            }
            match guard.command(&line) {
                CommandVerdict::Proceed => {
                    let today = UtcDay::of(SystemTime::now());
                    let reply = smtp.command(&line, guard, today);
                    stream.write_all(reply.as_bytes()).await?;
                }
                CommandVerdict::Refuse(refusal) => {
                    stream.write_all(refusal.text().as_bytes()).await?;
                    stream.write_all(b"\r\n").await?;
                }
                CommandVerdict::StartTls { agreement, upgrade } => {
                    let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
                    let session = upgrade.begin(received, &mut incoming)?;
                    agreement.put(&mut outgoing);
                    return Ok(Some((session, incoming, outgoing)));
                }
                _ => return Err("neither TLS nor anything else that can come here".into()),
            }
            if smtp.has_quit {
                return Ok(None);
            }
        }
        if received.remaining() > LONGEST_LINE {
            return Err("a line that does not end".into());
        }
        if timeout(PATIENCE, stream.read_buf(received)).await?? == 0 {
            return Ok(None);
        }
    }
}

fn own_certificate() -> Outcome<CertifiedChain> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let file = env::temp_dir().join("tokio_submission_server.pem");
    fs::write(&file, &pem)?;
    println!("certificate: {}", file.display());
    Ok(CertifiedChain::from_pem(pem.as_bytes(), key.as_bytes())?)
}
