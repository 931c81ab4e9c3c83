//! What a client's certificate is good for, as Python's mail libraries and `gsasl` see it: IMAP's
//! PREAUTH, which spares `imaplib` the login, POP3's AUTHORIZATION state, which `poplib` is in all the
//! same, and SASL EXTERNAL.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::driver::Connection;
use crate::our_client::anchors;
use crate::our_server::one;
use crate::process::{AfterInput, LOOPBACK, Run, peers_dir, run_to_end};
use crate::scram_server::{IMAP, start_tls};
use bytes::BytesMut;
use mail_tls::client_identity::IdentityMapping;
use mail_tls::sasl_external::{AuthorizationIdentity, empty_challenge};
use mail_tls::{Acceptor, ExternalOffer, Server, ServerSession, Service, StartTlsGuard, TlsMode};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;

/// One connection of a server of this service and mode, and what it offered.
fn serve(
    certificates: &Certificates,
    service: Service,
    mode: TlsMode,
    address: IpAddr,
) -> (SocketAddr, JoinHandle<ExternalOffer>) {
    let acceptor = Server::builder()
        .build()
        .unwrap()
        .acceptor(service, mode, one(certificates))
        .request_client_certificates(anchors(certificates), IdentityMapping::mailbox())
        .build()
        .unwrap();
    let listener = TcpListener::bind((address, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let socket = listener.accept().unwrap().0;
        let (ours, guard) = match mode {
            TlsMode::StartTls => start_tls(&acceptor, socket, IMAP),
            _ => begin(&acceptor, socket),
        };
        Talk::new(ours, guard).talk()
    });
    (address, server)
}

fn begin(
    acceptor: &Acceptor,
    socket: std::net::TcpStream,
) -> (Connection<ServerSession>, StartTlsGuard) {
    let mut guard = acceptor.guard();
    let mut ours = Connection::new(socket, acceptor.accept().unwrap(), BytesMut::new());
    ours.establish().unwrap();
    let _ = guard.established(&ours.session).unwrap();
    (ours, guard)
}

/// A conversation that knows whether its user is logged in.
struct Talk {
    ours: Connection<ServerSession>,
    guard: StartTlsGuard,
    service: Service,
    offer: ExternalOffer,
    is_authenticated: bool,
}

impl Talk {
    fn new(mut ours: Connection<ServerSession>, guard: StartTlsGuard) -> Self {
        let info = ours.session.info().unwrap();
        let (service, mode) = (info.service(), info.mode());
        if let Some(Ok(identity)) = ours.session.client_identity() {
            assert_eq!(identity.to_string(), "alice@example.org");
            ours.session.accept_client_identity().unwrap();
        }
        let offer = ours.session.external_offer();
        let is_authenticated = offer == ExternalOffer::ExternalOrPreauth;
        match (service, is_authenticated) {
            (_, _) if mode == TlsMode::StartTls => {}
            (Service::Imap, true) => ours.send("* PREAUTH welcome back\r\n").unwrap(),
            (Service::Imap, false) => ours.send("* OK ready\r\n").unwrap(),
            (_, _) => ours.send("+OK ready\r\n").unwrap(),
        }
        Self {
            ours,
            guard,
            service,
            offer,
            is_authenticated,
        }
    }

    fn talk(mut self) -> ExternalOffer {
        loop {
            let line = self.ours.line().unwrap();
            if self.ours.end.is_some() && line.is_empty() {
                return self.offer;
            }
            let reply = match self.service {
                Service::Imap => self.imap(&line),
                _ => self.pop3(&line),
            };
            // Python's libraries may be gone after their farewell.
            let _ = self.ours.send(&reply);
        }
    }

    fn imap(&mut self, line: &str) -> String {
        let (tag, command) = line.split_once(' ').unwrap();
        match command {
            "CAPABILITY" => {
                let listed = self.listed(&["IMAP4rev1", "AUTH=PLAIN"]).join(" ");
                format!("* CAPABILITY {listed}\r\n{tag} OK done\r\n")
            }
            "AUTHENTICATE EXTERNAL" => {
                let challenge = empty_challenge(self.service);
                let challenge = std::str::from_utf8(challenge).unwrap();
                self.ours.send(challenge).unwrap();
                let response = self.ours.line().unwrap();
                let asked_for = AuthorizationIdentity::from_response(response.as_bytes());
                self.log_in(&asked_for.unwrap());
                format!("{tag} OK done\r\n")
            }
            "LOGOUT" => format!("* BYE\r\n{tag} OK done\r\n"),
            _ if self.is_authenticated => format!("* 0 EXISTS\r\n{tag} OK done\r\n"),
            _ => format!("{tag} NO log in first\r\n"),
        }
    }

    fn pop3(&mut self, line: &str) -> String {
        match line {
            "CAPA" => {
                let listed = self.listed(&["UIDL", "SASL PLAIN"]).join("\r\n");
                format!("+OK\r\n{listed}\r\n.\r\n")
            }
            "AUTH EXTERNAL =" => {
                let asked_for = AuthorizationIdentity::from_initial_response(self.service, b"=");
                self.log_in(&asked_for.unwrap());
                "+OK done\r\n".to_owned()
            }
            "QUIT" => "+OK bye\r\n".to_owned(),
            _ if self.is_authenticated => "+OK 0 0\r\n".to_owned(),
            _ => "-ERR log in first\r\n".to_owned(),
        }
    }

    fn log_in(&mut self, asked_for: &AuthorizationIdentity) {
        assert_ne!(self.offer, ExternalOffer::Nothing);
        assert!(asked_for.is_derived());
        self.is_authenticated = true;
        self.guard.authenticated();
    }

    fn listed(&self, all: &[&'static str]) -> Vec<String> {
        let filter = self.guard.capabilities(self.offer);
        let listed = filter.filter(all.iter().copied());
        listed.map(|item| item.into_owned()).collect()
    }
}

fn python(
    protocol: &str,
    address: SocketAddr,
    tls: Tls,
    ca: &Path,
    client: Option<&(PathBuf, PathBuf)>,
) -> Run {
    let mut command = Command::new(peers_dir().join("venv/bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts/preauth.py"));
    command.args([
        protocol,
        &address.ip().to_string(),
        &address.port().to_string(),
    ]);
    command.arg(ca).arg(tls.number());
    if let Some((chain, key)) = client {
        command.arg(chain).arg(key);
    }
    run_to_end(&command, "", AfterInput::End)
}

#[track_caller]
fn assert_prints(run: &Run, lines: &[&str]) {
    assert!(run.success(), "{run:#?}");
    assert_eq!(run.stdout.lines().collect::<Vec<_>>(), lines, "{run:#?}");
}

/// RFC 8314 §3.2, §4.2: with a certificate that the server accepts the session begins in the
/// AUTHENTICATED state, and without one it does not.
#[test]
#[ignore = "needs Python; run by .ci/run"]
fn imaplib_is_logged_in_by_its_certificate() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let alice = certificates.client("alice@example.org");
    let nobody = certificates.client("alice");
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        for (client, offer) in [
            (Some(&alice), ExternalOffer::ExternalOrPreauth),
            (Some(&nobody), ExternalOffer::Nothing),
            (None, ExternalOffer::Nothing),
        ] {
            let (address, server) = serve(&certificates, Service::Imap, TlsMode::Implicit, address);
            let run = python("imap", address, tls, &certificates.ca, client);
            let is_logged_in = offer == ExternalOffer::ExternalOrPreauth;
            let lines: &[&str] = match is_logged_in {
                true => &[
                    "state AUTH",
                    "capabilities IMAP4REV1 AUTH=PLAIN AUTH=EXTERNAL",
                    "select OK",
                ],
                false => &[
                    "state NONAUTH",
                    "capabilities IMAP4REV1 AUTH=PLAIN",
                    "select refused",
                ],
            };
            assert_prints(&run, lines);
            assert_eq!(server.join().unwrap(), offer);
        }
    }
}

/// RFC 9051 §6.2.1: after STARTTLS nobody is logged in before he says so, whatever he has shown.
#[test]
#[ignore = "needs Python; run by .ci/run"]
fn imaplib_says_external_after_starttls() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let alice = certificates.client("alice@example.org");
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let (address, server) = serve(&certificates, Service::Imap, TlsMode::StartTls, address);
        let run = python(
            "imap-starttls",
            address,
            tls,
            &certificates.ca,
            Some(&alice),
        );
        let lines = [
            "state NONAUTH",
            "capabilities IMAP4REV1 AUTH=PLAIN AUTH=EXTERNAL",
            "select refused",
            "external OK",
            "state AUTH",
            "select OK",
        ];
        assert_prints(&run, &lines);
        assert_eq!(server.join().unwrap(), ExternalOffer::External);
    }
}

/// RFC 8314 §3.1: POP3 begins in the AUTHORIZATION state even if a certificate was shown.
#[test]
#[ignore = "needs Python; run by .ci/run"]
fn poplib_has_to_say_external() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let alice = certificates.client("alice@example.org");
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        for client in [Some(&alice), None] {
            let (address, server) = serve(&certificates, Service::Pop3, TlsMode::Implicit, address);
            let run = python("pop3", address, tls, &certificates.ca, client);
            let (lines, offer): (&[&str], _) = match client {
                Some(_) => (
                    &[
                        "greeting +OK ready",
                        "mechanisms PLAIN EXTERNAL",
                        "stat refused",
                        "external +OK done",
                        "stat 0 0",
                    ],
                    ExternalOffer::External,
                ),
                None => (
                    &["greeting +OK ready", "mechanisms PLAIN", "stat refused"],
                    ExternalOffer::Nothing,
                ),
            };
            assert_prints(&run, lines);
            assert_eq!(server.join().unwrap(), offer);
        }
    }
}

/// RFC 4422 appendix A: GNU SASL's EXTERNAL, which leaves it to the server who it is.
#[test]
#[ignore = "needs gsasl; run by .ci/run"]
fn gsasl_says_external() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let (chain, key) = certificates.client("alice@example.org");
    for tls in Tls::BOTH {
        let (address, server) = serve(&certificates, Service::Imap, TlsMode::StartTls, LOOPBACK[0]);
        let mut command = Command::new("gsasl");
        command.args([
            "--imap",
            "--starttls",
            "--verbose",
            "--mechanism=EXTERNAL",
            "--connect",
        ]);
        command.arg(format!("localhost:{}", address.port()));
        command.arg(format!("--x509-ca-file={}", certificates.ca.display()));
        command.arg(format!("--x509-cert-file={}", chain.display()));
        command.arg(format!("--x509-key-file={}", key.display()));
        command.arg(format!("--priority={}", tls.gnutls_priority()));
        command.args(["--authorization-id=", "--no-cb"]);
        let run = run_to_end(&command, "", AfterInput::End);
        assert!(run.success() && run.says("server trusted"), "{run:#?}");
        assert_eq!(server.join().unwrap(), ExternalOffer::External);
    }
}
