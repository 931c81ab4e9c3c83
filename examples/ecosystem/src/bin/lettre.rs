//! Sends a message with `lettre`, to the user in the URL.
//!
//! ```text
//! cargo run -p mail-tls-ecosystem --bin lettre -- submissions://ann@mail.example.org
//! ```
//!
//! `lettre` speaks SMTP from the greeting on, which comes in plain text before STARTTLS: its
//! `connect_with_transport` is for implicit TLS, which RFC 8314 prefers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::task::{Context, Poll};

use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use mail_tls::tokio::Stream;
use mail_tls::{ClientSession, Service, TlsMode};
use mail_tls_ecosystem::{Arguments, Outcome, arguments, report};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A type of one's own, for a trait of `lettre`'s.
#[derive(Debug)]
struct Transport(Stream<ClientSession, TcpStream>);

impl AsyncTokioStream for Transport {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.transport().peer_addr()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    report("lettre", run().await)
}

async fn run() -> Outcome<()> {
    let Arguments {
        connector,
        at,
        user,
        password,
    } = arguments(Service::Submission)?;
    if connector.endpoint().mode() != TlsMode::Implicit {
        return Err("lettre wants to read the greeting itself: use submissions://".into());
    }
    let message = Message::builder()
        .from("Ann <ann@example.org>".parse()?)
        .to(user.parse()?)
        .subject("By lettre, over mail-tls")
        .body("A line.\r\n.A line with a dot.\r\n".to_owned())?;

    let socket = TcpStream::connect(&at).await?;
    let stream = Stream::connect(&connector, socket).await?;
    if let Some(info) = stream.info() {
        println!("session: {info}");
    }
    let transport = Box::new(Transport(stream));
    let name = ClientId::Domain("localhost".to_owned());
    let mut connection = AsyncSmtpConnection::connect_with_transport(transport, &name).await?;
    if !password.is_empty() {
        let credentials = Credentials::new(user, password);
        connection.auth(&[Mechanism::Plain], &credentials).await?;
    }
    let reply = connection
        .send(message.envelope(), &message.formatted())
        .await?;
    println!("sent: {}", reply.code());
    connection.quit().await?;
    Ok(())
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(task, room)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(task, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(task)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(task)
    }
}
