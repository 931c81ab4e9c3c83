//! This library's server as the tests use it: a thread that listens and speaks just enough IMAP,
//! POP3 or SMTP for the clients of `clients.rs`, by the acceptor's service and mode.
//!
//! * `OurServer::start(address, acceptor)`, `OurServer::answering(address, acceptor, answer)`
//! * `OurServer::target(ca, tls)`: itself, as `clients.rs` wants it
//! * `OurServer::served()`: what became of the next connection
//! * `acceptor(service, &certificates)`, `acceptor_with(..)`: an `AcceptorBuilder` for implicit TLS

use crate::Tls;
use crate::certificates::Certificates;
use crate::clients::Target;
use crate::driver::{Connection, Occurrence};
use crate::our_client::certified;
use bytes::BytesMut;
use mail_tls::{
    Acceptor, AcceptorBuilder, ClientHello, EndOfInput, Error, ExternalOffer, HelloAnswer, Server,
    ServerAfterTls, ServerSession, Service, TlsMode,
};
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

/// A listening server; it ends with its handle.
#[derive(Debug)]
pub(crate) struct OurServer {
    pub(crate) address: SocketAddr,
    outcomes: Receiver<Served>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What became of one connection.
#[derive(Debug)]
pub(crate) struct Served {
    /// The line about the session, once it was established.
    pub(crate) summary: Option<String>,
    /// Whom the client's certificate stands for, or why it stands for nobody.
    pub(crate) identity: Option<Result<String, String>>,
    /// What the client was offered for its certificate.
    pub(crate) offer: ExternalOffer,
    /// The lines that the client sent under TLS.
    pub(crate) commands: Vec<String>,
    pub(crate) hello: Option<ClientHello>,
    pub(crate) has_answered_challenge: bool,
    pub(crate) end: Result<EndOfInput, Error>,
}

impl Served {
    #[track_caller]
    pub(crate) fn assert_clean(&self, fields: &[&str]) {
        self.assert_ended(EndOfInput::Clean, fields);
    }

    #[track_caller]
    pub(crate) fn assert_ended(&self, end: EndOfInput, fields: &[&str]) {
        assert_eq!(self.end, Ok(end), "{self:#?}");
        let summary = self.summary.as_deref().unwrap();
        for field in fields {
            assert!(summary.contains(field), "no {field:?} in {summary}");
        }
    }

    #[track_caller]
    pub(crate) fn error(&self) -> &Error {
        self.end.as_ref().unwrap_err()
    }
}

/// With the default server, for implicit TLS.
pub(crate) fn acceptor(service: Service, certificates: &Certificates) -> AcceptorBuilder {
    acceptor_with(service, one(certificates))
}

/// The same with certificates for several names.
pub(crate) fn acceptor_with(
    service: Service,
    certificates: mail_tls::Certificates,
) -> AcceptorBuilder {
    let server = Server::builder().build().unwrap();
    server.acceptor(service, TlsMode::Implicit, certificates)
}

pub(crate) fn one(certificates: &Certificates) -> mail_tls::Certificates {
    mail_tls::Certificates::new(certified(&certificates.chain, &certificates.key))
}

impl OurServer {
    pub(crate) fn start(address: IpAddr, acceptor: Acceptor) -> Self {
        Self::answering(address, acceptor, |hello| panic!("nobody asked: {hello:?}"))
    }

    /// One whose acceptor asks for an answer to each ClientHello.
    pub(crate) fn answering(
        address: IpAddr,
        acceptor: Acceptor,
        mut answer: impl FnMut(&ClientHello) -> HelloAnswer + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (sender, outcomes) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // Where nobody asks any more the test is over.
                let _ = sender.send(serve(&acceptor, socket.unwrap(), &mut answer));
            }
        });
        Self {
            address,
            outcomes,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn target<'a>(&self, ca: &'a Path, tls: Tls) -> Target<'a> {
        Target {
            address: self.address,
            ca,
            tls,
        }
    }

    #[track_caller]
    pub(crate) fn served(&self) -> Served {
        let outcome = self.outcomes.recv_timeout(Duration::from_secs(20));
        outcome.expect("no connection was served to its end")
    }
}

impl Drop for OurServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn serve(
    acceptor: &Acceptor,
    socket: TcpStream,
    answer: &mut dyn FnMut(&ClientHello) -> HelloAnswer,
) -> Served {
    let mut served = Served {
        summary: None,
        identity: None,
        offer: ExternalOffer::Nothing,
        commands: Vec::new(),
        hello: None,
        has_answered_challenge: false,
        end: Ok(EndOfInput::Clean),
    };
    served.end = begin(acceptor, socket).and_then(|mut ours| talk(&mut ours, answer, &mut served));
    served
}

fn begin(acceptor: &Acceptor, mut socket: TcpStream) -> Result<Connection<ServerSession>, Error> {
    let (mut incoming, outgoing) = (BytesMut::new(), BytesMut::new());
    let session = match acceptor.mode() {
        TlsMode::StartTls => {
            let received = speak_plaintext(acceptor.service(), &mut socket);
            acceptor.upgrade(&received, &mut incoming)?
        }
        _ => acceptor.accept()?,
    };
    Ok(Connection::with_incoming(
        socket, session, incoming, outgoing,
    ))
}

/// Up to the agreement to STARTTLS; what was read beyond the command.
fn speak_plaintext(service: Service, socket: &mut TcpStream) -> Vec<u8> {
    let patience = Some(Duration::from_secs(10));
    socket.set_read_timeout(patience).unwrap();
    let mut lines = BufReader::new(socket.try_clone().unwrap());
    let mut dialogue = Dialogue::new(service);
    let mut say = |text: &str| socket.write_all(text.as_bytes()).unwrap();
    say(dialogue.greeting());
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        let line = line.trim_end();
        if line.ends_with("STARTTLS") || line == "STLS" {
            let tag = line.split(' ').next().unwrap_or_default();
            say(&match service {
                Service::Imap => format!("{tag} OK begin\r\n"),
                Service::Pop3 => "+OK begin\r\n".to_owned(),
                Service::ManageSieve => "OK\r\n".to_owned(),
                _ => "220 begin\r\n".to_owned(),
            });
            return lines.buffer().to_vec();
        }
        let (reply, is_last) = dialogue.reply(line);
        assert!(!is_last, "the client left before STARTTLS");
        say(&reply);
    }
}

/// The conversation under TLS.
fn talk(
    ours: &mut Connection<ServerSession>,
    answer: &mut dyn FnMut(&ClientHello) -> HelloAnswer,
    served: &mut Served,
) -> Result<EndOfInput, Error> {
    while !ours.session.is_established() && !served.has_answered_challenge {
        ours.turn_with(|session, outgoing, occurrence| {
            match occurrence {
                Occurrence::Hello(hello) => {
                    session.answer(answer(&hello), outgoing)?;
                    served.hello = Some(*hello);
                }
                Occurrence::ChallengeAnswered => served.has_answered_challenge = true,
                Occurrence::Established | Occurrence::PeerClosed => {}
            }
            Ok(())
        })?;
    }
    if served.has_answered_challenge {
        return ours.drain();
    }
    let info = ours.session.info().unwrap();
    served.summary = Some(info.to_string());
    let mut dialogue = Dialogue::new(info.service());
    served.identity = ours.session.client_identity().map(|outcome| {
        let identity = outcome.map(ToString::to_string);
        identity.map_err(ToString::to_string)
    });
    if let Some(Ok(_)) = served.identity {
        served.offer = ours.session.accept_client_identity()?;
        dialogue.offers_external = true;
    }
    match ours.session.after_tls() {
        ServerAfterTls::SendGreeting | ServerAfterTls::SendCapabilities => {
            ours.send(dialogue.greeting())?;
        }
        _ => {}
    }
    loop {
        let line = ours.line()?;
        if let (Some(end), true) = (ours.end, line.is_empty()) {
            return Ok(end);
        }
        let (reply, is_last) = dialogue.reply(&line);
        served.commands.push(line);
        ours.send(&reply)?;
        if is_last {
            return ours.close();
        }
    }
}

/// As little of each protocol as the clients need.
struct Dialogue {
    service: Service,
    is_within_message: bool,
    offers_external: bool,
}

impl Dialogue {
    fn new(service: Service) -> Self {
        Self {
            service,
            is_within_message: false,
            offers_external: false,
        }
    }

    fn greeting(&self) -> &'static str {
        match self.service {
            Service::Imap => "* OK ready\r\n",
            Service::Pop3 => "+OK ready\r\n",
            Service::ManageSieve => "\"IMPLEMENTATION\" \"test\"\r\n\"STARTTLS\"\r\nOK\r\n",
            _ => "220 localhost ESMTP ready\r\n",
        }
    }

    /// What to answer, and whether it is the last answer.
    fn reply(&mut self, line: &str) -> (String, bool) {
        let mut words = line.split(' ');
        let first = words.next().unwrap_or_default();
        let verb = match self.service {
            Service::Imap => words.next().unwrap_or_default(),
            _ => first,
        };
        let verb = verb.to_ascii_uppercase();
        let is_last = matches!(verb.as_str(), "LOGOUT" | "QUIT");
        let reply = match self.service {
            Service::Imap => {
                let data = match verb.as_str() {
                    "CAPABILITY" if self.offers_external => {
                        "* CAPABILITY IMAP4rev1 SASL-IR AUTH=EXTERNAL\r\n"
                    }
                    "CAPABILITY" => "* CAPABILITY IMAP4rev1 STARTTLS\r\n",
                    "LIST" => "* LIST () \"/\" INBOX\r\n",
                    "SELECT" => "* 0 EXISTS\r\n",
                    "LOGOUT" => "* BYE logging out\r\n",
                    _ => "",
                };
                format!("{data}{first} OK done\r\n")
            }
            Service::Pop3 => match verb.as_str() {
                "CAPA" => "+OK\r\nUSER\r\nSTLS\r\n.\r\n",
                "LIST" => "+OK\r\n.\r\n",
                "STAT" => "+OK 0 0\r\n",
                _ => "+OK\r\n",
            }
            .to_owned(),
            Service::ManageSieve => "OK\r\n".to_owned(),
            _ => match verb.as_str() {
                "." => {
                    self.is_within_message = false;
                    "250 taken\r\n"
                }
                _ if self.is_within_message => "",
                "DATA" => {
                    self.is_within_message = true;
                    "354 go on\r\n"
                }
                "EHLO" => "250-localhost\r\n250 STARTTLS\r\n",
                "QUIT" => "221 bye\r\n",
                _ => "250 ok\r\n",
            }
            .to_owned(),
        };
        (reply, is_last && !self.is_within_message)
    }
}
