//! A man in the middle on loopback, between our client and real servers, and between a real client
//! and our server: he injects, strips, refuses and delays.
//!
//! * `Proxy::start(server, meddling)`: carries connections to `server`, and meddles with what is
//!   said before TLS
//! * `Proxy::heard()`: what the clients have said to him

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::clients::Target;
use crate::dovecot::Dovecot;
use crate::our_client::{Ours, Us, dial, log_in_and_out, submit};
use crate::postfix::Postfix;
use crate::starttls_server::{Guarded, acceptor};
use mail_tls::{EndOfInput, Error, Service, StartTlsStrategy, TlsMode};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{sleep, spawn};
use std::time::Duration;

/// What he does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meddling {
    /// Puts a reply behind the server's agreement to STARTTLS, into the same packet.
    Inject(&'static str),
    /// The same, in a packet of its own a little later.
    InjectLate(&'static str),
    /// Puts the agreement behind the greeting, before anybody has asked for it.
    AgreeInAdvance(&'static str),
    /// Overwrites STARTTLS where it is offered.
    Strip,
    /// Puts this in the place of the server's agreement.
    Refuse(&'static str),
    /// Passes everything on in small pieces, with pauses.
    Delay,
    /// Puts a command behind the client's STARTTLS, into the same packet.
    InjectCommand(&'static str),
    /// The same, in a packet of its own a little later.
    InjectCommandLate(&'static str),
}

struct Proxy {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    fn start(server: SocketAddr, meddling: Meddling) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        spawn(move || {
            for client in listener.incoming() {
                carry(&client.unwrap(), server, meddling, &log);
            }
        });
        Self { address, heard }
    }

    /// The lines of plain text that clients have said to him; `TLS` where TLS begins.
    fn heard(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let text = match heard.windows(2).position(|two| two == [22, 3]) {
            Some(at) => [&heard[..at], b"TLS"].concat(),
            None => heard.clone(),
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines().map(str::to_owned).collect()
    }
}

fn carry(client: &TcpStream, server: SocketAddr, meddling: Meddling, log: &Arc<Mutex<Vec<u8>>>) {
    let server = TcpStream::connect(server).unwrap();
    for socket in [client, &server] {
        socket.set_nodelay(true).unwrap();
    }
    let has_asked = Arc::new(AtomicBool::new(false));
    let (asked, log) = (Arc::clone(&has_asked), Arc::clone(log));
    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    spawn(move || {
        pump(&from, &to, meddling, |bytes, to| {
            log.lock().unwrap().extend_from_slice(bytes);
            let asks = bytes.ends_with(b"STARTTLS\r\n") || bytes.ends_with(b"STLS\r\n");
            if asks {
                asked.store(true, Ordering::SeqCst);
            }
            match (meddling, asks) {
                (Meddling::InjectCommand(command), true) => {
                    let _ = (&*to).write_all(&[bytes, command.as_bytes()].concat());
                }
                (Meddling::InjectCommandLate(command), true) => {
                    let _ = (&*to).write_all(bytes);
                    sleep(Duration::from_millis(100));
                    let _ = (&*to).write_all(command.as_bytes());
                }
                _ => return false,
            }
            true
        });
    });
    let (from, to) = (server, client.try_clone().unwrap());
    let mut is_first = true;
    spawn(move || {
        pump(&from, &to, meddling, |bytes, mut to| {
            let agrees = has_asked.swap(false, Ordering::SeqCst);
            let greets = std::mem::take(&mut is_first);
            let sent = match meddling {
                Meddling::Inject(reply) if agrees => {
                    to.write_all(&[bytes, reply.as_bytes()].concat())
                }
                Meddling::InjectLate(reply) if agrees => {
                    let _ = to.write_all(bytes);
                    sleep(Duration::from_millis(100));
                    to.write_all(reply.as_bytes())
                }
                Meddling::AgreeInAdvance(reply) if greets => {
                    to.write_all(&[bytes, reply.as_bytes()].concat())
                }
                Meddling::Refuse(reply) if agrees => to.write_all(reply.as_bytes()),
                Meddling::Strip => {
                    let text = String::from_utf8_lossy(bytes);
                    if text.contains("STARTTLS") || text.contains("STLS") {
                        let text = text.replace("STARTTLS", "XXXXXXXX").replace("STLS", "XXXX");
                        to.write_all(text.as_bytes())
                    } else {
                        to.write_all(bytes)
                    }
                }
                _ => return false,
            };
            // A client that has left has understood.
            let _ = sent;
            true
        });
    });
}

/// Passes on what `meddle` has not.
fn pump(
    mut from: &TcpStream,
    mut to: &TcpStream,
    meddling: Meddling,
    mut meddle: impl FnMut(&[u8], &TcpStream) -> bool,
) {
    let mut chunk = [0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut chunk) {
        if meddle(&chunk[..n], to) {
            continue;
        }
        let piece = if meddling == Meddling::Delay { 11 } else { n };
        for piece in chunk[..n].chunks(piece) {
            if to.write_all(piece).is_err() {
                return;
            }
            if meddling == Meddling::Delay {
                sleep(Duration::from_millis(2));
            }
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// The real servers, each with the words of its protocol.
struct Words {
    service: Service,
    server: SocketAddr,
    agreement: &'static str,
    injected: &'static str,
    refusal: &'static str,
}

fn with_servers(test: impl Fn(&Us, &Words)) {
    let certificates = Certificates::good(Key::EcdsaP256);
    let (dovecot, postfix) = (
        Dovecot::start(&certificates, Tls::V13),
        Postfix::start(&certificates, Tls::V13),
    );
    let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let us = Us::trusting(&certificates);
    for words in [
        Words {
            service: Service::Imap,
            server: at(dovecot.imap),
            agreement: "A2 OK go\r\n",
            injected: "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
            refusal: "A2 NO no\r\n",
        },
        Words {
            service: Service::Pop3,
            server: at(dovecot.pop3),
            agreement: "+OK go\r\n",
            injected: "+OK 1 message\r\n",
            refusal: "-ERR no\r\n",
        },
        Words {
            service: Service::ManageSieve,
            server: at(dovecot.sieve),
            agreement: "OK\r\n",
            injected: "\"SASL\" \"PLAIN\"\r\nOK\r\n",
            refusal: "NO\r\n",
        },
        Words {
            service: Service::Submission,
            server: at(postfix.submission),
            agreement: "220 go\r\n",
            injected: "250 AUTH PLAIN\r\n",
            refusal: "454 4.7.0 later\r\n",
        },
    ] {
        test(&us, &words);
    }
}

const STRATEGIES: [StartTlsStrategy; 2] = [StartTlsStrategy::AtOnce, StartTlsStrategy::AskFirst];

fn through(us: &Us, words: &Words, proxy: &Proxy, strategy: StartTlsStrategy) -> Ours {
    let port = proxy.address.port();
    let connector = us.connector(words.service, TlsMode::StartTls, "localhost", port);
    let endpoint = connector
        .endpoint()
        .clone()
        .with_starttls_strategy(strategy);
    let connector = us.client.connector(&us.account, endpoint).unwrap();
    dial(&connector, proxy.address)
}

/// What was said to him is the question, the command, and TLS if it came so far.
fn assert_said_nothing_else(proxy: &Proxy) {
    let permitted = [
        "A1 CAPABILITY",
        "A2 STARTTLS",
        "CAPA",
        "STLS",
        "EHLO [127.0.0.1]",
        "STARTTLS",
        "TLS",
    ];
    let heard = proxy.heard();
    let is_permitted = |line: &String| permitted.contains(&line.as_str());
    assert!(heard.iter().all(is_permitted), "{heard:?}");
}

#[test]
#[ignore = "needs Dovecot and Postfix; run by .ci/run"]
fn he_injects_replies() {
    with_servers(|us, words| {
        for meddling in [
            Meddling::Inject(words.injected),
            Meddling::InjectLate(words.injected),
            Meddling::AgreeInAdvance(words.agreement),
        ] {
            for strategy in STRATEGIES {
                let proxy = Proxy::start(words.server, meddling);
                let mut ours = through(us, words, &proxy, strategy);
                let error = ours.establish().unwrap_err();
                assert_eq!(error.code(), "response-injection", "{meddling:?}: {error}");
                assert_said_nothing_else(&proxy);
            }
        }
    });
}

#[test]
#[ignore = "needs Dovecot and Postfix; run by .ci/run"]
fn he_strips_and_refuses() {
    with_servers(|us, words| {
        let proxy = Proxy::start(words.server, Meddling::Strip);
        let mut asking = through(us, words, &proxy, StartTlsStrategy::AskFirst);
        let error = asking.establish().unwrap_err();
        assert_eq!(error.code(), "starttls-not-offered", "{error}");
        // Who does not ask is not told lies.
        let mut ours = through(us, words, &proxy, StartTlsStrategy::AtOnce);
        ours.establish().unwrap();
        assert_said_nothing_else(&proxy);

        let proxy = Proxy::start(words.server, Meddling::Refuse(words.refusal));
        for strategy in STRATEGIES {
            let error = through(us, words, &proxy, strategy)
                .establish()
                .unwrap_err();
            assert_eq!(error.code(), "starttls-refused", "{error}");
        }
        assert_said_nothing_else(&proxy);
    });
}

#[test]
#[ignore = "needs Dovecot and Postfix; run by .ci/run"]
fn he_delays() {
    with_servers(|us, words| {
        let proxy = Proxy::start(words.server, Meddling::Delay);
        for strategy in STRATEGIES {
            let mut ours = through(us, words, &proxy, strategy);
            let end = if words.service == Service::Submission {
                submit(&mut ours, "delayed")
            } else {
                log_in_and_out(&mut ours)
            };
            assert_eq!(end, Ok(EndOfInput::Clean), "{}", words.service);
        }
    });
}

/// Between `openssl s_client` and our server.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn he_injects_commands() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for (service, kind, command) in [
        (Service::Imap, "imap", "x NOOP\r\n"),
        (Service::Pop3, "pop3", "NOOP\r\n"),
        (Service::Submission, "smtp", "EHLO evil\r\n"),
        (Service::Lmtp, "lmtp", "LHLO evil\r\n"),
        (Service::ManageSieve, "sieve", "NOOP\r\n"),
    ] {
        for meddling in [
            Meddling::InjectCommand(command),
            Meddling::InjectCommandLate(command),
        ] {
            let server = Guarded::start(acceptor(service, &certificates));
            let proxy = Proxy::start(server.address, meddling);
            let (address, ca) = (proxy.address, certificates.ca.as_path());
            let tls = Tls::V13;
            let client = std::thread::scope(|scope| {
                let target = Target { address, ca, tls };
                let client = scope.spawn(move || target.openssl("", &["-starttls", kind]));
                let served = server.served();
                match &served.end {
                    Some(Err(error)) => {
                        // In a packet of its own it may come behind the client's TLS.
                        let codes = ["command-injection", "malformed", "misbehaved"];
                        let codes = &codes[..if matches!(meddling, Meddling::InjectCommand(_)) {
                            1
                        } else {
                            3
                        }];
                        assert!(
                            codes.contains(&error.code()),
                            "{kind} {meddling:?}: {error:?}"
                        );
                        assert!(matches!(error, Error::Protocol(_)));
                    }
                    other => panic!("{kind} {meddling:?}: {other:?}"),
                }
                let evil = command.trim_end().to_owned();
                assert!(!served.before.contains(&evil) && !served.under.contains(&evil));
                client.join().unwrap()
            });
            assert!(!client.success(), "{client:#?}");
        }
    }
}
