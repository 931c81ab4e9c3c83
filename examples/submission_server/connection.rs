//! One connection: the socket, the session, and the lines between them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use mail_tls::{
    Acceptor, CommandVerdict, Event, ServerAfterTls, ServerSession, StartTlsGuard, TlsMode,
};

use crate::Outcome;
use crate::lines::{Line, Lines};
use crate::smtp::Smtp;

const PATIENCE: Duration = Duration::from_secs(300);
const GREETING: &str = "220 localhost ready\r\n";

/// Serves a client to its end.
pub(crate) fn serve(mut socket: &TcpStream, acceptor: &Acceptor, smtp: Smtp) -> Outcome<()> {
    let mut connection = Connection {
        guard: acceptor.guard(),
        session: None,
        incoming: BytesMut::new(),
        outgoing: BytesMut::new(),
        lines: Lines::default(),
        smtp,
    };
    match acceptor.mode() {
        TlsMode::Implicit => connection.session = Some(acceptor.accept()?),
        _ => connection.say(GREETING)?,
    }
    let mut chunk = [0; 16 * 1024];
    loop {
        let result = connection.advance();
        socket.write_all(&connection.outgoing)?;
        connection.outgoing.clear();
        result?;
        if connection.smtp.has_quit() {
            return Ok(());
        }
        socket.set_read_timeout(Some(match &connection.session {
            Some(session) if !session.is_established() => mail_tls::limits::HANDSHAKE_TIME,
            _ => PATIENCE,
        }))?;
        match socket.read(&mut chunk)? {
            0 => return Ok(()),
            n if connection.session.is_some() => connection.incoming.extend_from_slice(&chunk[..n]),
            n => connection.lines.extend(&chunk[..n]),
        }
    }
}

struct Connection {
    guard: StartTlsGuard,
    /// From the beginning, or once STARTTLS was agreed to.
    session: Option<ServerSession>,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// Plain text, or what was decrypted.
    lines: Lines,
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
                    let info = session.info().ok_or("established, and no information")?;
                    println!("{info}, forgetting {must_forget:?}");
                    self.smtp.restart_under_tls(&info);
                    if session.after_tls() == ServerAfterTls::SendGreeting {
                        self.say(GREETING)?;
                    }
                }
                Some(Event::Data(data)) => {
                    self.lines.extend(data);
                    self.handle_lines()?;
                }
                Some(_) => {}
                None => break,
            }
        }
        Ok(())
    }

    fn handle_lines(&mut self) -> Outcome<()> {
        while let Some(line) = self.lines.next() {
            // What lies behind QUIT is not answered.
            if self.smtp.has_quit() {
                return Ok(());
            }
            let line = match line {
                Line::Whole(line) => line,
                // RFC 5321 §4.5.3.1.9, §2.3.8: too long, or ended by LF alone.
                Line::Broken(reply) => {
                    if let Some(reply) = self.smtp.broken_line(reply) {
                        self.say(reply)?;
                    }
                    continue;
                }
            };
            if self.smtp.awaits_text() {
                if let Some(reply) = self.smtp.text(&line) {
                    self.say(&reply)?;
                }
                continue;
            }
            match self.guard.command(&line) {
                CommandVerdict::Proceed => {
                    let reply = self.smtp.command(&line, &self.guard);
                    self.say(&reply)?;
                }
                CommandVerdict::Refuse(refusal) => self.say(&format!("{}\r\n", refusal.text()))?,
                CommandVerdict::StartTls { agreement, upgrade } => {
                    let read_beyond = self.lines.take_rest();
                    self.session = Some(upgrade.begin(&read_beyond, &mut self.incoming)?);
                    agreement.put(&mut self.outgoing);
                    return Ok(());
                }
                _ => return Err("neither TLS nor anything else that can come here".into()),
            }
        }
        Ok(())
    }

    fn say(&mut self, reply: &str) -> Outcome<()> {
        match &mut self.session {
            Some(session) => session.send(reply.as_bytes(), &mut self.outgoing)?,
            None => self.outgoing.extend_from_slice(reply.as_bytes()),
        }
        if let (Some(session), true) = (&mut self.session, self.smtp.has_quit()) {
            session.close(&mut self.outgoing);
        }
        Ok(())
    }
}
