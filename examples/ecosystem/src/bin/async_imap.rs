//! Fetches all messages of an inbox with `async-imap`.
//!
//! ```text
//! cargo run -p mail-tls-ecosystem --bin async_imap -- imaps://ann@imap.example.org
//! ```

use std::process::ExitCode;

use futures_util::TryStreamExt;
use mail_tls::tokio::Stream;
use mail_tls::{Service, TlsMode};
use mail_tls_ecosystem::{Arguments, Outcome, arguments, report};
use tokio::net::TcpStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    report("async_imap", run().await)
}

async fn run() -> Outcome<()> {
    let Arguments {
        connector,
        at,
        user,
        password,
    } = arguments(Service::Imap)?;
    let socket = TcpStream::connect(&at).await?;
    let stream = Stream::connect(&connector, socket).await?;
    if let Some(info) = stream.info() {
        println!("session: {info}");
    }

    let mut client = async_imap::Client::new(stream);
    if connector.endpoint().mode() == TlsMode::Implicit {
        // After STARTTLS nobody greets again.
        client.read_response().await?.ok_or("no greeting")?;
    }
    let login = client.login(user, password).await;
    let mut session = login.map_err(|(error, _)| error)?;
    let mailbox = session.select("INBOX").await?;
    println!("messages: {}", mailbox.exists);
    if mailbox.exists > 0 {
        let messages = session.fetch("1:*", "BODY.PEEK[]").await?;
        let messages: Vec<_> = messages.try_collect().await?;
        for message in &messages {
            let body = message.body().unwrap_or_default();
            println!("{}", String::from_utf8_lossy(body).escape_debug());
        }
    }
    session.logout().await?;
    Ok(())
}
