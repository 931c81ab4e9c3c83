//! This library's client as the tests use it.
//!
//! * `Us::trusting(&certificates)`: a client that trusts their authority, and an account;
//!   `Us::of_every_provider(&anchors)`: one for each provider of cryptography
//! * `Us::connector(service, mode, host, port)`, `Us::dial(service, address)`
//! * `dial(&connector, address)`: a connection, not established yet
//! * `log_in_and_out(..)`, `submit(..)`: whole conversations

use crate::certificates::Certificates;
use crate::dovecot::{PASSWORD, USER};
use crate::driver::Connection;
use bytes::BytesMut;
use mail_tls::{
    Account, AfterTls, CertifiedChain, Client, ClientSession, Connector, EndOfInput, Endpoint,
    Error, Host, Limits, Provenance, Service, TlsMode, TrustAnchors,
};
use rustls::crypto::CryptoProvider;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

pub(crate) type Ours = Connection<ClientSession>;

/// A client and one account.
#[derive(Debug)]
pub(crate) struct Us {
    pub(crate) client: Client,
    pub(crate) account: Account,
}

impl Us {
    pub(crate) fn trusting(certificates: &Certificates) -> Self {
        Self::with_limits(certificates, Limits::default())
    }

    pub(crate) fn with_limits(certificates: &Certificates, limits: Limits) -> Self {
        Self::with_anchors(anchors(certificates), limits)
    }

    /// One for each provider of cryptography that is compiled in.
    pub(crate) fn of_every_provider(anchors: &TrustAnchors) -> Vec<Self> {
        let of_provider = |provider: CryptoProvider| {
            let client = Client::builder().trust_anchors(anchors.clone());
            Self {
                client: client.crypto_provider(provider.into()).build().unwrap(),
                account: Account::configured(),
            }
        };
        providers().into_iter().map(of_provider).collect()
    }

    pub(crate) fn with_anchors(anchors: TrustAnchors, limits: Limits) -> Self {
        let client = Client::builder().trust_anchors(anchors).limits(limits);
        Self {
            client: client.build().unwrap(),
            account: Account::configured(),
        }
    }

    /// The account may show this certificate.
    pub(crate) fn authorise(&self, (chain, key): &(std::path::PathBuf, std::path::PathBuf)) {
        self.account
            .authorise_client_certificate_with_tls12(certified(chain, key));
    }

    pub(crate) fn connector(
        &self,
        service: Service,
        mode: TlsMode,
        host: &str,
        port: u16,
    ) -> Connector {
        let host = Host::parse(host).unwrap();
        let endpoint = Endpoint::new(service, mode, host, port, Provenance::Typed);
        self.client.connector(&self.account, endpoint).unwrap()
    }

    /// Implicit TLS with `localhost` at this address.
    pub(crate) fn dial(&self, service: Service, address: SocketAddr) -> Ours {
        let connector = self.connector(service, TlsMode::Implicit, "localhost", address.port());
        dial(&connector, address)
    }
}

/// The authority of these certificates.
pub(crate) fn anchors(certificates: &Certificates) -> TrustAnchors {
    TrustAnchors::from_pem(&fs::read(&certificates.ca).unwrap()).unwrap()
}

pub(crate) fn providers() -> Vec<CryptoProvider> {
    vec![
        #[cfg(feature = "aws-lc-rs")]
        rustls::crypto::aws_lc_rs::default_provider(),
        #[cfg(feature = "ring")]
        rustls::crypto::ring::default_provider(),
    ]
}

pub(crate) fn certified(chain: &Path, key: &Path) -> CertifiedChain {
    CertifiedChain::from_pem(&fs::read(chain).unwrap(), &fs::read(key).unwrap()).unwrap()
}

pub(crate) fn dial(connector: &Connector, address: SocketAddr) -> Ours {
    let socket = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    let mut outgoing = BytesMut::new();
    let session = connector.connect(&mut outgoing).unwrap();
    Connection::new(socket, session, outgoing)
}

/// Greeting, login and farewell with Dovecot, to the end; what `after_tls` says is done first.
pub(crate) fn log_in_and_out(ours: &mut Ours) -> Result<EndOfInput, Error> {
    ours.establish()?;
    let service = ours.session.info().unwrap().service();
    match ours.session.after_tls() {
        AfterTls::ReadGreeting => {
            let greeting = ours.line()?;
            let expected = if service == Service::Imap {
                "* OK"
            } else {
                "+OK"
            };
            assert!(greeting.starts_with(expected), "{greeting}");
        }
        AfterTls::SendCapability => {
            let answer = ours.ask("c CAPABILITY\r\n", |line| line.starts_with("c "))?;
            assert!(answer[0].starts_with("* CAPABILITY ") && answer[0].contains("AUTH=PLAIN"));
            assert!(!answer[0].contains("STARTTLS"), "{answer:?}");
        }
        AfterTls::SendCapa => {
            let answer = ours.ask("CAPA\r\n", |line| line == ".")?;
            assert!(
                answer.iter().any(|line| line.starts_with("SASL ")),
                "{answer:?}"
            );
            assert!(!answer.iter().any(|line| line == "STLS"), "{answer:?}");
        }
        AfterTls::ReadCapabilities => {
            let answer = ours.lines(|line| line.starts_with("OK"))?;
            assert!(
                answer
                    .iter()
                    .any(|line| line.starts_with("\"SASL\" \"PLAIN")),
                "{answer:?}"
            );
            assert!(
                !answer.iter().any(|line| line == "\"STARTTLS\""),
                "{answer:?}"
            );
        }
        other => panic!("{service}: {other:?}"),
    }
    let last = match service {
        Service::Imap => {
            let login = format!("a LOGIN {USER} {PASSWORD}\r\n");
            let answer = ours.ask(&login, |line| line.starts_with("a "))?;
            assert!(answer.last().unwrap().starts_with("a OK"), "{answer:?}");
            ours.ask("b LOGOUT\r\n", |line| line.starts_with("b "))?
        }
        Service::Pop3 => {
            let answer = ours.ask(&format!("USER {USER}\r\n"), |_| true)?;
            assert!(answer[0].starts_with("+OK"), "{answer:?}");
            let answer = ours.ask(&format!("PASS {PASSWORD}\r\n"), |_| true)?;
            assert!(answer[0].starts_with("+OK"), "{answer:?}");
            ours.ask("QUIT\r\n", |_| true)?
        }
        // base64 of NUL test NUL test
        _ => {
            let login = "AUTHENTICATE \"PLAIN\" \"AHRlc3QAdGVzdA==\"\r\n";
            let answer = ours.ask(login, |_| true)?;
            assert!(answer[0].starts_with("OK"), "{answer:?}");
            ours.ask("LOGOUT\r\n", |_| true)?
        }
    };
    assert!(last.last().unwrap().contains("OK"), "{last:?}");
    let end = ours.drain()?;
    assert!(ours.received.is_empty());
    Ok(end)
}

/// Greeting, EHLO, one message to b@example.org, QUIT, to the end.
pub(crate) fn submit(ours: &mut Ours, subject: &str) -> Result<EndOfInput, Error> {
    let is_last = |line: &str| line.as_bytes().get(3) == Some(&b' ');
    ours.establish()?;
    match ours.session.after_tls() {
        AfterTls::ReadGreeting => {
            let greeting = ours.lines(is_last)?;
            assert!(greeting[0].starts_with("220"), "{greeting:?}");
        }
        AfterTls::SendEhlo => {}
        other => panic!("{other:?}"),
    }
    let message = format!(
        "From: <a@example.org>\r\nTo: <b@example.org>\r\nSubject: {subject}\r\n\r\ntext\r\n.\r\n"
    );
    for (command, code) in [
        ("EHLO client.example\r\n", "250"),
        ("MAIL FROM:<a@example.org>\r\n", "250"),
        ("RCPT TO:<b@example.org>\r\n", "250"),
        ("DATA\r\n", "354"),
        (message.as_str(), "250"),
        ("QUIT\r\n", "221"),
    ] {
        let answer = ours.ask(command, is_last)?;
        assert!(answer[0].starts_with(code), "{command}: {answer:?}");
        assert!(
            !answer.iter().any(|line| line.contains("STARTTLS")),
            "{answer:?}"
        );
    }
    ours.drain()
}
