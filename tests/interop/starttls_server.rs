//! Our server on ports for STARTTLS, behind its guard, with real clients: `openssl s_client` of every
//! kind and Python's mail libraries.
//!
//! * `Guarded::start(acceptor)`: a thread that serves one connection after the other; its parser
//!   knows lines, and the guard says what becomes of them
//! * `Guarded::served()`: what became of the next connection: what was executed, and how it ended

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::clients::Target;
use crate::driver::Connection;
use crate::our_server::one;
use crate::process::{AfterInput, Run, peers_dir, run_to_end};
use bytes::BytesMut;
use mail_tls::{
    Acceptor, CommandVerdict, EndOfInput, Error, ExternalOffer, MustForget, Server, ServerAfterTls,
    Service, StartTlsGuard, TlsMode,
};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// A server; its thread ends with the program.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) address: SocketAddr,
    outcomes: Receiver<Served>,
}

/// What became of one connection.
#[derive(Debug)]
pub(crate) struct Served {
    /// The commands that were executed before TLS, and under it.
    pub(crate) before: Vec<String>,
    pub(crate) under: Vec<String>,
    pub(crate) forgotten: Option<MustForget>,
    /// How it ended; `None` where the client left before TLS.
    pub(crate) end: Option<Result<EndOfInput, Error>>,
}

impl Guarded {
    pub(crate) fn start(acceptor: Acceptor) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, outcomes) = mpsc::channel();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                if sender.send(serve(&acceptor, socket.unwrap())).is_err() {
                    return;
                }
            }
        });
        Self { address, outcomes }
    }

    #[track_caller]
    pub(crate) fn served(&self) -> Served {
        let outcome = self.outcomes.recv_timeout(Duration::from_secs(20));
        outcome.expect("no connection was served to its end")
    }
}

pub(crate) fn acceptor(service: Service, certificates: &Certificates) -> Acceptor {
    let server = Server::builder().build().unwrap();
    let acceptor = server.acceptor(service, TlsMode::StartTls, one(certificates));
    acceptor.build().unwrap()
}

fn serve(acceptor: &Acceptor, mut socket: TcpStream) -> Served {
    let mut served = Served {
        before: Vec::new(),
        under: Vec::new(),
        forgotten: None,
        end: None,
    };
    let patience = Some(Duration::from_secs(15));
    socket.set_read_timeout(patience).unwrap();
    let mut guard = acceptor.guard();
    let mut lines = BufReader::new(socket.try_clone().unwrap());
    let mut outgoing = BytesMut::from(greeting(acceptor.service(), &guard).as_bytes());
    loop {
        socket.write_all(&outgoing).unwrap();
        outgoing.clear();
        let mut line = Vec::new();
        if lines.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
            return served;
        }
        match guard.command(&line) {
            CommandVerdict::Proceed => {
                let (reply, is_last) = execute(acceptor.service(), &guard, &line);
                outgoing.extend_from_slice(reply.as_bytes());
                served.before.push(text(&line));
                if is_last {
                    socket.write_all(&outgoing).unwrap();
                    return served;
                }
            }
            CommandVerdict::Refuse(reply) => reply.put(&mut outgoing),
            CommandVerdict::StartTls { agreement, upgrade } => {
                agreement.put(&mut outgoing);
                let mut incoming = BytesMut::new();
                // Decided before the agreement is sent: nothing is agreed to with an injector.
                let session = upgrade.begin(lines.buffer(), &mut incoming);
                let talked = session.and_then(|session| {
                    socket.write_all(&outgoing).unwrap();
                    let ours =
                        Connection::with_incoming(socket, session, incoming, BytesMut::new());
                    talk(ours, &mut guard, &mut served)
                });
                served.end = Some(talked);
                return served;
            }
            CommandVerdict::Close => return served,
            other => panic!("{other:?}"),
        }
    }
}

fn talk(
    mut ours: Connection<mail_tls::ServerSession>,
    guard: &mut StartTlsGuard,
    served: &mut Served,
) -> Result<EndOfInput, Error> {
    ours.establish()?;
    served.forgotten = Some(guard.established(&ours.session)?);
    let service = ours.session.info().unwrap().service();
    if ours.session.after_tls() == ServerAfterTls::SendCapabilities {
        ours.send(&greeting(service, guard))?;
    }
    loop {
        let line = ours.line()?;
        if let (Some(end), true) = (ours.end, line.is_empty()) {
            return Ok(end);
        }
        let mut reply = BytesMut::new();
        let is_last = match guard.command(line.as_bytes()) {
            CommandVerdict::Proceed => {
                let (answer, is_last) = execute(service, guard, line.as_bytes());
                reply.extend_from_slice(answer.as_bytes());
                served.under.push(line);
                is_last
            }
            CommandVerdict::Refuse(refusal) => {
                refusal.put(&mut reply);
                false
            }
            other => panic!("{other:?}"),
        };
        ours.send(std::str::from_utf8(&reply).unwrap())?;
        if is_last {
            return ours.close();
        }
    }
}

fn greeting(service: Service, guard: &StartTlsGuard) -> String {
    match service {
        Service::Imap => "* OK ready\r\n".to_owned(),
        Service::Pop3 => "+OK ready\r\n".to_owned(),
        Service::ManageSieve => capabilities(service, guard).join("\r\n") + "\r\nOK\r\n",
        _ => "220 localhost ready\r\n".to_owned(),
    }
}

/// What the server could do, as far as it may say so.
fn capabilities(service: Service, guard: &StartTlsGuard) -> Vec<String> {
    let all: &[&str] = match service {
        Service::Imap => &["IMAP4rev1", "AUTH=PLAIN"],
        Service::Pop3 => &["UIDL", "USER", "SASL PLAIN"],
        Service::ManageSieve => &["\"IMPLEMENTATION\" \"test\"", "\"SASL\" \"PLAIN\""],
        _ => &["SIZE 1000", "AUTH PLAIN"],
    };
    let filter = guard.capabilities(ExternalOffer::Nothing);
    let listed = filter.filter(all.iter().copied());
    listed.map(|item| item.into_owned()).collect()
}

/// The answer to a command, and whether it is the last one.
fn execute(service: Service, guard: &StartTlsGuard, line: &[u8]) -> (String, bool) {
    let line = text(line).to_ascii_uppercase();
    let words: Vec<&str> = line.split(' ').collect();
    let verb = words[usize::from(service == Service::Imap)];
    let listed = capabilities(service, guard);
    let is_last = matches!(verb, "QUIT" | "LOGOUT");
    let reply = match (service, verb) {
        (Service::Imap, "CAPABILITY") => {
            let listed = listed.join(" ");
            format!("* CAPABILITY {listed}\r\n{} OK done\r\n", words[0])
        }
        (Service::Imap, "LOGOUT") => format!("* BYE\r\n{} OK done\r\n", words[0]),
        (Service::Imap, _) => format!("{} OK done\r\n", words[0]),
        (Service::Pop3, "CAPA") => format!("+OK\r\n{}\r\n.\r\n", listed.join("\r\n")),
        (Service::Pop3, _) => "+OK done\r\n".to_owned(),
        (Service::ManageSieve, "CAPABILITY") => listed.join("\r\n") + "\r\nOK\r\n",
        (Service::ManageSieve, _) => "OK \"done\"\r\n".to_owned(),
        (_, "EHLO" | "LHLO") => format!(
            "250-localhost\r\n250-{}\r\n250 OK\r\n",
            listed.join("\r\n250-")
        ),
        (_, "QUIT") => "221 done\r\n".to_owned(),
        (_, "AUTH") => "235 done\r\n".to_owned(),
        (_, _) => "250 done\r\n".to_owned(),
    };
    (reply, is_last)
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end().to_owned()
}

const CLEAN: Option<Result<EndOfInput, Error>> = Some(Ok(EndOfInput::Clean));

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn openssl_of_every_kind() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for tls in Tls::BOTH {
        for (service, kind, ask, farewell) in [
            (Service::Imap, "imap", "a CAPABILITY\r\n", "b LOGOUT\r\n"),
            (Service::Pop3, "pop3", "CAPA\r\n", "QUIT\r\n"),
            (Service::Submission, "smtp", "EHLO a\r\n", "QUIT\r\n"),
            (Service::Lmtp, "lmtp", "LHLO a\r\n", "QUIT\r\n"),
            (
                Service::ManageSieve,
                "sieve",
                "CAPABILITY\r\n",
                "LOGOUT\r\n",
            ),
        ] {
            let server = Guarded::start(acceptor(service, &certificates));
            let (address, ca) = (server.address, certificates.ca.as_path());
            let target = Target { address, ca, tls };
            let run = target.openssl(&format!("{ask}{farewell}"), &["-starttls", kind]);
            assert!(run.success() && run.says("PLAIN"), "{kind}: {run:#?}");
            let served = server.served();
            assert_eq!(served.end, CLEAN, "{kind}: {served:#?}");
            assert_eq!(served.under, [ask.trim_end(), farewell.trim_end()]);
            assert!(served.forgotten.is_some());
        }
    }
}

fn python(protocol: &str, target: &Target<'_>) -> Run {
    let mut command = Command::new(peers_dir().join("venv/bin/python"));
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts");
    command.arg(scripts.join("starttls.py")).arg(protocol);
    command.args(["localhost", &target.address.port().to_string()]);
    command.arg(target.ca).arg(target.tls.number());
    run_to_end(&command, "", AfterInput::End)
}

#[test]
#[ignore = "needs Python; run by .ci/run"]
fn python_of_every_kind() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for tls in Tls::BOTH {
        // What it sees before TLS, and under it.
        for (service, protocol, before, after) in [
            (
                Service::Imap,
                "imap",
                "before IMAP4REV1 STARTTLS LOGINDISABLED",
                "after IMAP4REV1 AUTH=PLAIN",
            ),
            (
                Service::Pop3,
                "pop3",
                "before UIDL STLS",
                "after UIDL USER SASL",
            ),
            (
                Service::Submission,
                "smtp",
                "before size starttls ok",
                "after size auth ok",
            ),
            (
                Service::Lmtp,
                "lmtp",
                "before size starttls ok",
                "after size auth ok",
            ),
        ] {
            let server = Guarded::start(acceptor(service, &certificates));
            let (address, ca) = (server.address, certificates.ca.as_path());
            let run = python(protocol, &Target { address, ca, tls });
            assert!(run.success(), "{run:#?}");
            for line in [before, after] {
                assert!(
                    run.stdout.lines().any(|l| l == line),
                    "no {line:?} in {run:#?}"
                );
            }
            if matches!(service, Service::Submission | Service::Lmtp) {
                assert!(run.says("refused 530 5.7.0 "), "{run:#?}");
            }
            let served = server.served();
            assert!(matches!(served.end, Some(Ok(_))), "{served:#?}");
            let logs_in = |line: &String| {
                line.contains("LOGIN") || line.starts_with("PASS") || line.starts_with("AUTH")
            };
            assert!(served.under.iter().any(logs_in), "{served:#?}");
            assert!(!served.before.iter().any(logs_in), "{served:#?}");
        }
    }
}
