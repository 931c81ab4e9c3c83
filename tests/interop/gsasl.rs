//! GNU SASL's client, which knows STARTTLS only, authenticates with SCRAM-SHA-256-PLUS (RFC 7677)
//! against our server: what both put into the exchange is the channel that they share, or it fails.
//!
//! Debian 12's `gsasl` 2.2 binds to `tls-exporter` in TLS 1.3 and to `tls-unique` in TLS 1.2; it
//! knows no `tls-server-end-point`.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::driver::Connection;
use crate::our_client::{Us, dial};
use crate::process::{AfterInput, Run, run_to_end};
use crate::scram::{Failure, Scram};
use crate::starttls_server::acceptor;
use bytes::BytesMut;
use data_encoding::BASE64;
use mail_tls::{
    Acceptor, ChannelBindingError, ChannelBindingType, ClientSession, CommandVerdict,
    ServerSession, Service, TlsMode,
};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread::{JoinHandle, spawn};

/// How the server saw the exchange end.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// The client is who it says, on the channel of this type, if any.
    Authenticated(Option<ChannelBindingType>),
    Refused(Failure),
    NoBinding(ChannelBindingError),
}

/// What differs between the protocols (RFC 9051 §6.2.2, RFC 4954 §4).
#[derive(Clone, Copy)]
struct Words {
    service: Service,
    greeting: &'static str,
    challenge: &'static str,
    success: &'static str,
    failure: &'static str,
    farewell: &'static str,
    goodbye: &'static str,
}

const IMAP: Words = Words {
    service: Service::Imap,
    greeting: "* OK ready\r\n",
    challenge: "+ ",
    success: ". OK done\r\n",
    failure: ". NO [AUTHENTICATIONFAILED] no\r\n",
    farewell: ". LOGOUT",
    goodbye: "* BYE\r\n. OK done\r\n",
};
const SMTP: Words = Words {
    service: Service::Submission,
    greeting: "220 localhost ready\r\n",
    challenge: "334 ",
    success: "235 2.7.0 done\r\n",
    failure: "535 5.7.8 no\r\n",
    farewell: "QUIT",
    goodbye: "221 2.0.0 bye\r\n",
};

fn gsasl(words: Words, port: u16, tls: Tls, ca: &str, extra: &[&str]) -> Run {
    let mut command = Command::new("gsasl");
    command.arg(match words.service {
        Service::Imap => "--imap",
        _ => "--smtp",
    });
    command.args(["--starttls", "--verbose", "--connect"]);
    command.arg(format!("localhost:{port}"));
    command.arg(format!("--x509-ca-file={ca}"));
    command.arg(format!("--priority={}", tls.gnutls_priority()));
    command.args(["--authentication-id=test", "--password=test"]);
    command.args(extra);
    run_to_end(&command, "", AfterInput::End)
}

/// One connection of a server that takes SCRAM.
fn serve(acceptor: Acceptor, words: Words) -> (SocketAddr, JoinHandle<Outcome>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = spawn(move || {
        let mut ours = start_tls(&acceptor, listener.accept().unwrap().0, words);
        let outcome = authenticate(&mut ours, words);
        let _ = ours.close();
        outcome
    });
    (address, server)
}

/// Our server's way to TLS.
fn start_tls(acceptor: &Acceptor, socket: TcpStream, words: Words) -> Connection<ServerSession> {
    let mut guard = acceptor.guard();
    let mut lines = BufReader::new(socket.try_clone().unwrap());
    let mut outgoing = BytesMut::from(words.greeting);
    loop {
        (&socket).write_all(&outgoing).unwrap();
        outgoing.clear();
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line).unwrap();
        match guard.command(&line) {
            CommandVerdict::Proceed => outgoing.extend_from_slice(b"250 STARTTLS\r\n"),
            CommandVerdict::StartTls { agreement, upgrade } => {
                agreement.put(&mut outgoing);
                (&socket).write_all(&outgoing).unwrap();
                let mut incoming = BytesMut::new();
                let session = upgrade.begin(lines.buffer(), &mut incoming).unwrap();
                let mut ours =
                    Connection::with_incoming(socket, session, incoming, BytesMut::new());
                ours.establish().unwrap();
                return ours;
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

const PLUS: &str = "--mechanism=SCRAM-SHA-256-PLUS";

#[test]
#[ignore = "needs gsasl; run by .ci/run"]
fn both_are_on_one_channel() {
    let exporter = ChannelBindingType::TlsExporter;
    for key in [Key::EcdsaP256, Key::Rsa2048, Key::Ed25519] {
        let certificates = Certificates::good(key);
        let ca = certificates.ca.to_str().unwrap();
        for words in [IMAP, SMTP] {
            let acceptor = acceptor(words.service, &certificates);
            let (address, server) = serve(acceptor, words);
            let run = gsasl(words, address.port(), Tls::V13, ca, &[PLUS]);
            let outcome = server.join().unwrap();
            assert_eq!(outcome, Outcome::Authenticated(Some(exporter)), "{run:#?}");
            assert!(run.success() && run.says("server trusted"), "{run:#?}");
        }
    }
}

/// RFC 5929 §3: this library has no `tls-unique`, which is all that `gsasl` knows in TLS 1.2; it
/// says so, and does not put another binding in its place. Without a binding it goes.
#[test]
#[ignore = "needs gsasl; run by .ci/run"]
fn tls_unique_is_refused() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let ca = certificates.ca.to_str().unwrap();
    for words in [IMAP, SMTP] {
        let (address, server) = serve(acceptor(words.service, &certificates), words);
        let run = gsasl(words, address.port(), Tls::V12, ca, &[PLUS]);
        let refused = Outcome::NoBinding(ChannelBindingError::TlsUniqueUnsupported);
        assert_eq!(server.join().unwrap(), refused, "{run:#?}");
        assert!(!run.success(), "{run:#?}");

        let (address, server) = serve(acceptor(words.service, &certificates), words);
        let extra = ["--mechanism=SCRAM-SHA-256", "--no-cb"];
        let run = gsasl(words, address.port(), Tls::V12, ca, &extra);
        assert_eq!(server.join().unwrap(), Outcome::Authenticated(None));
        assert!(run.success(), "{run:#?}");
    }
}

/// RFC 5056 §2: he has a certificate that the client believes, terminates TLS, and passes on
/// what both say. Without a channel binding it works.
#[test]
#[ignore = "needs gsasl; run by .ci/run"]
fn a_man_in_the_middle_is_found_out() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let ca = certificates.ca.to_str().unwrap();
    for (mechanism, expected) in [
        (PLUS, Outcome::Refused(Failure::OtherChannel)),
        ("--mechanism=SCRAM-SHA-256", Outcome::Authenticated(None)),
    ] {
        let (address, server) = serve(acceptor(Service::Imap, &certificates), IMAP);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let his = listener.local_addr().unwrap();
        let acceptor = acceptor(Service::Imap, &certificates);
        let connector = Us::trusting(&certificates).connector(
            Service::Imap,
            TlsMode::StartTls,
            "localhost",
            address.port(),
        );
        let man = spawn(move || {
            let client = start_tls(&acceptor, listener.accept().unwrap().0, IMAP);
            let mut server = dial(&connector, address);
            server.establish().unwrap();
            pass_on(client, server);
        });
        let extra = match mechanism {
            PLUS => &[mechanism][..],
            _ => &[mechanism, "--no-cb"],
        };
        let run = gsasl(IMAP, his.port(), Tls::V13, ca, extra);
        man.join().unwrap();
        let is_found_out = expected != Outcome::Authenticated(None);
        assert_eq!(server.join().unwrap(), expected, "{run:#?}");
        // Its status is no sign here: the man in the middle may be gone before the farewell.
        assert_ne!(run.says("server trusted"), is_found_out, "{run:#?}");
    }
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
            let answer = if answer == "+" { "+ " } else { &answer };
            client.send(&format!("{answer}\r\n")).unwrap();
            if server.end.is_some() || !answer.starts_with('*') {
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
