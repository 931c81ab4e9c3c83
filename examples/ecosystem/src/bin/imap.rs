//! Lists the mailboxes of an account, and what is in its inbox, with `imap`, which blocks.
//!
//! ```text
//! cargo run -p mail-tls-ecosystem --bin imap -- imaps://ann@imap.example.org
//! ```
#![expect(clippy::disallowed_types, reason = "a program opens sockets")]

use std::net::TcpStream;
use std::process::ExitCode;

use mail_tls::blocking::Stream;
use mail_tls::{Service, TlsMode};
use mail_tls_ecosystem::{Arguments, Outcome, arguments, report};

fn main() -> ExitCode {
    report("imap", run())
}

fn run() -> Outcome<()> {
    let Arguments {
        connector,
        at,
        user,
        password,
    } = arguments(Service::Imap)?;
    let stream = Stream::connect(&connector, TcpStream::connect(&at)?)?;
    if let Some(info) = stream.info() {
        println!("session: {info}");
    }

    let mut client = imap::Client::new(stream);
    if connector.endpoint().mode() == TlsMode::Implicit {
        // After STARTTLS nobody greets again.
        client.read_greeting()?;
    }
    let login = client.login(user, password);
    let mut session = login.map_err(|(error, _)| error)?;
    for mailbox in &session.list(None, Some("*"))? {
        println!("mailbox: {}", mailbox.name().escape_debug());
    }
    let inbox = session.examine("INBOX")?;
    println!("messages: {}", inbox.exists);
    if inbox.exists > 0 {
        for message in &session.fetch("1:*", "RFC822.SIZE")? {
            println!("message {}: {:?} bytes", message.message, message.size);
        }
    }
    session.logout()?;
    Ok(())
}
