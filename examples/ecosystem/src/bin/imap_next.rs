//! `imap-next`, which does no I/O, joined to a session, which does none either: no stream between
//! them, and one loop that owns the socket. Lists the account's mailboxes.
//!
//! ```text
//! cargo run -p mail-tls-ecosystem --bin imap_next -- imaps://ann@imap.example.org
//! ```
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a program opens sockets and knows the time"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use imap_next::client::{Client, Event, Options};
use imap_next::imap_types::command::{Command, CommandBody};
use imap_next::imap_types::response::{Data, Status, StatusKind};
use imap_next::{Interrupt, Io, State};
use mail_tls::{ClientSession, CredentialPermit, Service, TlsMode};
use mail_tls_ecosystem::{Arguments, Outcome, arguments, report};

const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    report("imap_next", run())
}

fn run() -> Outcome<()> {
    let Arguments {
        connector,
        at,
        user,
        password,
    } = arguments(Service::Imap)?;
    let mut options = Options::default();
    // After STARTTLS nobody greets again.
    options.discard_greeting = connector.endpoint().mode() == TlsMode::StartTls;
    let mut outgoing = BytesMut::new();
    let mut joined = Joined {
        imap: Client::new(options.clone()),
        session: connector.connect(&mut outgoing)?,
        socket: TcpStream::connect(&at)?,
        incoming: BytesMut::new(),
        outgoing,
        has_ended: false,
        permit: None,
    };
    while !joined.session.is_established() {
        joined.turn()?;
    }
    if let Some(info) = joined.session.info() {
        println!("session: {info}");
    }
    if !options.discard_greeting {
        while !matches!(joined.next()?, Event::GreetingReceived { .. }) {}
    }
    // May a password be sent here at all? RFC 8314 §5.2.
    joined.permit = Some(joined.session.credential_permit()?);
    joined.command("a", CommandBody::login(user, password)?)?;
    joined.command("b", CommandBody::list("", "*")?)?;
    joined.command("c", CommandBody::Logout)?;
    joined.session.close(&mut joined.outgoing);
    joined.write()
}

/// Two machines without I/O, and what is between them and the network.
struct Joined {
    imap: Client,
    session: ClientSession,
    socket: TcpStream,
    incoming: BytesMut,
    outgoing: BytesMut,
    has_ended: bool,
    /// For the next command, which has a password in it.
    permit: Option<CredentialPermit>,
}

impl Joined {
    /// Sends a command, and reads up to its end.
    fn command(&mut self, tag: &'static str, body: CommandBody<'static>) -> Outcome<()> {
        self.imap.enqueue_command(Command::new(tag, body)?);
        loop {
            match self.next()? {
                Event::DataReceived {
                    data: Data::List { mailbox, .. },
                } => println!("mailbox: {mailbox:?}"),
                Event::StatusReceived {
                    status: Status::Tagged(status),
                } => {
                    return match status.body.kind {
                        StatusKind::Ok => Ok(()),
                        _ => Err(format!("the server says: {:?}", status.body).into()),
                    };
                }
                Event::CommandRejected { status, .. } => {
                    return Err(format!("the server says: {status:?}").into());
                }
                _ => {}
            }
        }
    }

    /// The next event of IMAP.
    fn next(&mut self) -> Outcome<Event> {
        loop {
            match self.imap.next() {
                Ok(event) => return Ok(event),
                Err(Interrupt::Io(Io::Output(bytes))) => {
                    let outgoing = &mut self.outgoing;
                    match self.permit.take() {
                        Some(permit) => self.session.send_credentials(permit, &bytes, outgoing)?,
                        None => self.session.send(&bytes, outgoing)?,
                    }
                }
                Err(Interrupt::Io(Io::NeedMoreInput)) if self.has_ended => {
                    return Err("the server has gone".into());
                }
                Err(Interrupt::Io(Io::NeedMoreInput)) => self.turn()?,
                Err(Interrupt::Error(error)) => return Err(error.into()),
            }
        }
    }

    /// Once around the loop of TLS.
    fn turn(&mut self) -> Outcome<()> {
        let mut has_news = false;
        let result = loop {
            match self.session.process(&mut self.incoming, &mut self.outgoing) {
                Ok(Some(mail_tls::Event::Data(data))) => self.imap.enqueue_input(data),
                Ok(Some(mail_tls::Event::PeerClosed)) => self.has_ended = true,
                Ok(Some(_)) => {} // Event::Established
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            has_news = true;
        };
        // Also after an error: the alert for the server is in `outgoing`.
        self.write()?;
        result?;
        if has_news { Ok(()) } else { self.read() }
    }

    fn write(&mut self) -> Outcome<()> {
        self.socket.write_all(&self.outgoing)?;
        self.outgoing.clear();
        Ok(())
    }

    fn read(&mut self) -> Outcome<()> {
        let deadline = self.session.deadline();
        let wait = deadline.map_or(PATIENCE, |at| at.saturating_duration_since(Instant::now()));
        self.socket
            .set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        let mut chunk = [0; 16 * 1024];
        match self.socket.read(&mut chunk) {
            Ok(0) => {
                self.has_ended = true;
                let _ = self.session.end_of_input();
            }
            Ok(n) => self.incoming.extend_from_slice(&chunk[..n]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                self.session.expire(&mut self.outgoing)?;
                deadline.ok_or("the server does not answer")?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
