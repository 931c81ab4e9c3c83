//! A server of ours behind STARTTLS that lets in by SCRAM-SHA-256 and SCRAM-SHA-256-PLUS.
//!
//! * `serve(acceptor, words)`: one connection, in the words of `IMAP` or `SMTP`; the handle gives the
//!   `Outcome`
//! * `start_tls(&acceptor, socket, words)`: a connection under TLS, for other servers
//! * `man_in_the_middle(..)`: terminates TLS between a client and such a server

use crate::driver::Connection;
use crate::our_client::dial;
use crate::scram::{Failure, Scram};
use bytes::BytesMut;
use data_encoding::BASE64;
use mail_tls::{
    Acceptor, ChannelBindingError, ChannelBindingType, ClientSession, CommandVerdict, Connector,
    ServerSession, Service, StartTlsGuard,
};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{JoinHandle, spawn};

/// How the server saw the exchange end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The client is who it says, on the channel of this type, if any.
    Authenticated(Option<ChannelBindingType>),
    Refused(Failure),
    NoBinding(ChannelBindingError),
}

/// What differs between the protocols (RFC 9051 §6.2.2, RFC 4954 §4).
#[derive(Clone, Copy)]
pub(crate) struct Words {
    pub(crate) service: Service,
    greeting: &'static str,
    challenge: &'static str,
    success: &'static str,
    failure: &'static str,
    farewell: &'static str,
    goodbye: &'static str,
}

pub(crate) const IMAP: Words = Words {
    service: Service::Imap,
    greeting: "* OK ready\r\n",
    challenge: "+ ",
    success: ". OK done\r\n",
    failure: ". NO [AUTHENTICATIONFAILED] no\r\n",
    farewell: ". LOGOUT",
    goodbye: "* BYE\r\n. OK done\r\n",
};
pub(crate) const SMTP: Words = Words {
    service: Service::Submission,
    greeting: "220 localhost ready\r\n",
    challenge: "334 ",
    success: "235 2.7.0 done\r\n",
    failure: "535 5.7.8 no\r\n",
    farewell: "QUIT",
    goodbye: "221 2.0.0 bye\r\n",
};

impl Words {
    /// What it says before TLS of what it can do.
    fn listed(&self, command: &[u8]) -> String {
        let command = std::str::from_utf8(command).unwrap();
        let tag = command.split(' ').next().unwrap();
        match self.service {
            Service::Imap => {
                format!("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n{tag} OK done\r\n")
            }
            _ => "250-localhost\r\n250 STARTTLS\r\n".to_owned(),
        }
    }
}

/// One connection of a server that takes SCRAM.
pub(crate) fn serve(acceptor: Acceptor, words: Words) -> (SocketAddr, JoinHandle<Outcome>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn(move || {
        let (mut ours, _) = start_tls(&acceptor, listener.accept().unwrap().0, words);
        let outcome = authenticate(&mut ours, words);
        let _ = ours.close();
        outcome
    });
    (address, server)
}

/// Our server's way to TLS, and the guard that it has gone by.
pub(crate) fn start_tls(
    acceptor: &Acceptor,
    socket: TcpStream,
    words: Words,
) -> (Connection<ServerSession>, StartTlsGuard) {
    let mut guard = acceptor.guard();
    let mut lines = BufReader::new(socket.try_clone().unwrap());
    let mut outgoing = BytesMut::from(words.greeting);
    loop {
        (&socket).write_all(&outgoing).unwrap();
        outgoing.clear();
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).unwrap();
        match guard.command(&line) {
            CommandVerdict::Proceed => outgoing.extend_from_slice(words.listed(&line).as_bytes()),
            CommandVerdict::StartTls { agreement, upgrade } => {
                agreement.put(&mut outgoing);
                (&socket).write_all(&outgoing).unwrap();
                let mut incoming = BytesMut::new();
                let session = upgrade.begin(lines.buffer(), &mut incoming).unwrap();
                let mut ours =
                    Connection::with_incoming(socket, session, incoming, BytesMut::new());
                ours.establish().unwrap();
                let _ = guard.established(&ours.session).unwrap();
                return (ours, guard);
            }
            other => panic!("{other:?}"),
        }
    }
}

fn authenticate(ours: &mut Connection<ServerSession>, words: Words) -> Outcome {
    loop {
        let line = ours.line().unwrap().to_uppercase();
        assert!(ours.end.is_none(), "the client has left");
        if line.contains("AUTH") {
            break;
        }
        match words.service {
            Service::Imap => ours
                .send(
                    "* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256\r\n. OK\r\n",
                )
                .unwrap(),
            _ => ours
                .send("250-localhost\r\n250 AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256\r\n")
                .unwrap(),
        }
    }
    let scram = Scram::begin(&ask(ours, words, ""));
    let wanted = scram.binding().map(ChannelBindingType::from_name);
    let wanted = wanted.map(|known| known.expect("an unknown binding"));
    let binding = match wanted.map(|one| ours.session.take_channel_binding(one)) {
        None => None,
        Some(Ok(binding)) => Some(binding),
        Some(Err(error)) => {
            ours.send(words.failure).unwrap();
            return Outcome::NoBinding(error);
        }
    };
    let data = binding.as_ref().map_or(&[][..], |one| one.sasl_bytes());
    let last = ask(ours, words, scram.challenge());
    match scram.finish(&last, data) {
        Ok(verifier) => {
            // The server proves itself; the client has nothing more to say.
            assert_eq!(ask(ours, words, &verifier), "");
            ours.send(words.success).unwrap();
            assert_eq!(ours.line().unwrap(), words.farewell);
            ours.send(words.goodbye).unwrap();
            Outcome::Authenticated(wanted)
        }
        Err(failure) => {
            ours.send(words.failure).unwrap();
            Outcome::Refused(failure)
        }
    }
}

/// A challenge and its response.
fn ask(ours: &mut Connection<ServerSession>, words: Words, challenge: &str) -> String {
    let challenge = BASE64.encode(challenge.as_bytes());
    ours.send(&format!("{}{challenge}\r\n", words.challenge))
        .unwrap();
    let response = ours.line().unwrap();
    String::from_utf8(BASE64.decode(response.as_bytes()).unwrap()).unwrap()
}

/// A man in the middle: he serves one client as `acceptor` does, and passes on what it says to the
/// server at `address`.
pub(crate) fn man_in_the_middle(
    acceptor: Acceptor,
    connector: Connector,
    address: SocketAddr,
    words: Words,
) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let his = listener.local_addr().unwrap();
    let man = spawn(move || {
        let (client, _) = start_tls(&acceptor, listener.accept().unwrap().0, words);
        let mut server = dial(&connector, address);
        server.establish().unwrap();
        pass_on(client, server);
    });
    (his, man)
}

/// What the client says, line by line, and each answer, until one of them has ended.
fn pass_on(mut client: Connection<ServerSession>, mut server: Connection<ClientSession>) {
    loop {
        let line = client.line().unwrap();
        if client.end.is_some() {
            break;
        }
        server.send(&format!("{line}\r\n")).unwrap();
        loop {
            let answer = server.line().unwrap();
            // The space of an empty challenge is not among what `line` gives.
            let answer = match &*answer {
                "+" => "+ ",
                "334" => "334 ",
                _ => &answer,
            };
            client.send(&format!("{answer}\r\n")).unwrap();
            let goes_on = answer.starts_with('*') || answer.as_bytes().get(3) == Some(&b'-');
            if server.end.is_some() || !goes_on {
                break;
            }
        }
        if server.end.is_some() {
            break;
        }
    }
    let _ = client.close();
    let _ = server.close();
}
