//! A submission server on a port for STARTTLS: its parser is its own, its TLS is this crate's.
//!
//! It listens on 127.0.0.1:10587 with a certificate for `localhost` made on the spot, takes the
//! password `test` from the user `test`, and prints the messages that it takes. Run by hand, with a
//! client from beside it:
//!
//! ```text
//! cargo run --example submission_server
//! openssl s_client -starttls smtp -crlf -connect localhost:10587
//! curl --ssl-reqd --cacert FILE smtp://localhost:10587 --user test:test \
//!     --mail-from a@example.org --mail-rcpt b@example.org --upload-file message
//! cargo run --example starttls_client -- --ca FILE submission://localhost:10587
//! ```
//!
//! What TLS demands of an SMTP server is three lines here: the guard sees each command before the
//! parser does, its filter sees what EHLO lists, and STARTTLS takes what was read behind it.
#![expect(
    clippy::disallowed_types,
    reason = "an embedder does the I/O that the library does not"
)]

#[path = "submission_server/smtp.rs"]
mod smtp;

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;
use std::{env, fs, mem, thread};

use bytes::BytesMut;
use mail_tls::{
    Acceptor, Certificates, CertifiedChain, CommandVerdict, Event, Server, ServerSession, Service,
    StartTlsGuard, TlsMode,
};
use smtp::Smtp;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ADDRESS: &str = "127.0.0.1:10587";
const PATIENCE: Duration = Duration::from_secs(300);
const LONGEST_LINE: usize = 8192;

fn main() -> Outcome<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let file = env::temp_dir().join("submission_server.pem");
    fs::write(&file, &pem)?;
    let chain = CertifiedChain::from_pem(pem.as_bytes(), key.as_bytes())?;
    let acceptor = Server::builder()
        .build()?
        .acceptor(
            Service::Submission,
            TlsMode::StartTls,
            Certificates::new(chain),
        )
        .build()?;
    let listener = TcpListener::bind(ADDRESS)?;
    println!("listens on {ADDRESS}; certificate: {}", file.display());
    for socket in listener.incoming() {
        let (socket, acceptor) = (socket?, acceptor.clone());
        thread::spawn(move || match serve(&socket, &acceptor) {
            Ok(()) => println!("a client has gone"),
            Err(error) => println!("a client was left: {error}"),
        });
    }
    Ok(())
}

fn serve(mut socket: &TcpStream, acceptor: &Acceptor) -> Outcome<()> {
    let mut connection = Connection {
        guard: acceptor.guard(),
        session: None,
        incoming: BytesMut::new(),
        outgoing: BytesMut::new(),
        received: Vec::new(),
        smtp: Smtp::default(),
    };
    connection.say("220 localhost ready\r\n")?;
    let mut chunk = [0; 16 * 1024];
    loop {
        let result = connection.advance();
        socket.write_all(&connection.outgoing)?;
        connection.outgoing.clear();
        result?;
        if connection.smtp.has_quit {
            return Ok(());
        }
        socket.set_read_timeout(Some(match &connection.session {
            Some(session) if !session.is_established() => mail_tls::limits::HANDSHAKE_TIME,
            _ => PATIENCE,
        }))?;
        match socket.read(&mut chunk)? {
            0 => return Ok(()),
            n if connection.session.is_some() => connection.incoming.extend_from_slice(&chunk[..n]),
            n => connection.received.extend_from_slice(&chunk[..n]),
        }
    }
}

struct Connection {
    guard: StartTlsGuard,
    /// Once STARTTLS was agreed to.
    session: Option<ServerSession>,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// Plain text, or what was decrypted.
    received: Vec<u8>,
    smtp: Smtp,
}

impl Connection {
    /// Handles what has come.
    fn advance(&mut self) -> Outcome<()> {
        self.handle_lines()?;
        while let Some(session) = &mut self.session {
            match session.process(&mut self.incoming, &mut self.outgoing)? {
                Some(Event::Established) => {
                    let must_forget = self.guard.established(session)?;
                    if let Some(info) = session.info() {
                        println!("{info}, forgetting {must_forget:?}");
                    }
                    self.smtp = Smtp::default();
                }
                Some(Event::Data(data)) => {
                    self.received.extend_from_slice(data);
                    self.handle_lines()?;
                }
                Some(_) => {}
                None => break,
            }
        }
        Ok(())
    }

    fn handle_lines(&mut self) -> Outcome<()> {
        while let Some(at) = self.received.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.received.drain(..=at).collect();
            if self.smtp.awaits_text() {
                if let Some(reply) = self.smtp.text(&line) {
                    self.say(reply)?;
                }
                continue;
            }
            match self.guard.command(&line) {
                CommandVerdict::Proceed => {
                    let reply = self.smtp.command(&line, &self.guard);
                    self.say(&reply)?;
                }
                CommandVerdict::Refuse(refusal) => {
                    let reply = format!("{}\r\n", refusal.text());
                    self.say(&reply)?;
                }
                CommandVerdict::StartTls { agreement, upgrade } => {
                    let read_beyond = mem::take(&mut self.received);
                    self.session = Some(upgrade.begin(&read_beyond, &mut self.incoming)?);
                    agreement.put(&mut self.outgoing);
                    return Ok(());
                }
                _ => return Err("neither TLS nor anything else that can come here".into()),
            }
        }
        if self.received.len() > LONGEST_LINE {
            return Err("a line that does not end".into());
        }
        Ok(())
    }

    fn say(&mut self, reply: &str) -> Outcome<()> {
        match &mut self.session {
            Some(session) => session.send(reply.as_bytes(), &mut self.outgoing)?,
            None => self.outgoing.extend_from_slice(reply.as_bytes()),
        }
        if let (Some(session), true) = (&mut self.session, self.smtp.has_quit) {
            session.close(&mut self.outgoing);
        }
        Ok(())
    }
}
