//! Our server with clients that it cannot serve: too old, in plain text, silent, or without the
//! certificate that it asks for.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::clients::Target;
use crate::our_server::{OurServer, acceptor, one};
use crate::process::{AfterInput, LOOPBACK, Run, run_to_end};
use mail_tls::client_identity::IdentityMapping;
use mail_tls::error::{Heard, Spoken};
use mail_tls::sasl_external::AuthorizationIdentity;
use mail_tls::{
    AcceptorBuilder, Error, ExternalOffer, Limits, ProtocolError, Server, Service, TlsMode,
    TrustAnchors,
};
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const FAREWELL: &str = "a LOGOUT\r\n";

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn a_client_of_tls_1_1() {
    let certificates = Certificates::good(Key::Rsa2048);
    for address in LOOPBACK {
        let acceptor = acceptor(Service::Imap, &certificates).build().unwrap();
        let server = OurServer::start(address, acceptor);
        // RFC 8446 §6.2: protocol_version, 70.
        let run = server.target(&certificates.ca, Tls::V12).old_openssl();
        let has_alert = run.says("alert protocol version") && run.says("SSL alert number 70");
        assert!(!run.success() && has_alert, "{run:#?}");
        let served = server.served();
        let error = served.error();
        let Error::Protocol(protocol) = error else {
            panic!("{error:?}")
        };
        let ProtocolError::NoCommonVersion { offered, .. } = &**protocol else {
            panic!("{error:?}")
        };
        assert_eq!(*offered, [0x0302]);
        assert_eq!(
            error.to_string(),
            "the peer offers no TLS version that is allowed here; it offers TLS 1.1; another one has to \
             be enabled there"
        );
    }
}

fn impatient(service: Service, certificates: &Certificates) -> OurServer {
    let limits = Limits::default().with_handshake_time(Duration::from_millis(400));
    let server = Server::builder().limits(limits).build().unwrap();
    let acceptor = server.acceptor(service, TlsMode::Implicit, one(certificates));
    OurServer::start(IPV4, acceptor.build().unwrap())
}

/// A mail client in plain text waits for the greeting, so that nothing is heard of it; the error
/// says what such silence may mean.
#[test]
#[ignore = "needs curl and Python; run by .ci/run"]
fn mail_clients_in_plain_text_wait() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let smtplib = "import smtplib, sys; smtplib.SMTP('127.0.0.1', int(sys.argv[1]), timeout=10)";
    let python = |target: Target<'_>| {
        let mut command = Command::new("python3");
        command.args(["-c", smtplib, &target.address.port().to_string()]);
        run_to_end(&command, "", AfterInput::End)
    };
    type Client<'a> = &'a dyn Fn(Target<'_>) -> Run;
    let clients: [(Service, Client<'_>); 3] = [
        (Service::Imap, &|target| target.curl_in_plain_text("imap")),
        (Service::Pop3, &|target| target.curl_in_plain_text("pop3")),
        (Service::Submission, &python),
    ];
    for (service, client) in clients {
        let server = impatient(service, &certificates);
        let run = client(server.target(&certificates.ca, Tls::V13));
        assert!(!run.success(), "{run:#?}");
        let served = server.served();
        let Error::TimedOut(timed_out) = served.error() else {
            panic!("{served:#?}")
        };
        assert_eq!(timed_out.heard, Heard::Nothing);
    }
}

/// Those that speak first are recognised by what they say.
#[test]
#[ignore = "needs curl; run by .ci/run"]
fn plain_text_is_recognised() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let set_to_tls = "; the client is probably set to STARTTLS or to no encryption, and has to be \
                      set to SSL/TLS for this port";
    for (line, spoken, end) in [
        ("EHLO client.example\r\n", Spoken::SmtpClient, set_to_tls),
        ("a1 LOGIN user secret\r\n", Spoken::ImapClient, set_to_tls),
        ("USER fred\r\n", Spoken::Pop3Client, set_to_tls),
        (
            "",
            Spoken::HttpClient,
            "; a web client has found the mail server's port",
        ),
    ] {
        let server = impatient(Service::Submission, &certificates);
        if line.is_empty() {
            let run = server
                .target(&certificates.ca, Tls::V13)
                .curl_in_plain_text("http");
            assert!(!run.success(), "{run:#?}");
        } else {
            let mut socket = TcpStream::connect(server.address).unwrap();
            socket.write_all(line.as_bytes()).unwrap();
        }
        let served = server.served();
        let Error::Protocol(protocol) = served.error() else {
            panic!("{served:#?}")
        };
        let ProtocolError::PlaintextPeer(peer) = &**protocol else {
            panic!("{served:#?}")
        };
        assert_eq!((peer.spoken, peer.port), (spoken, None));
        assert!(protocol.to_string().ends_with(end), "{protocol}");
    }
}

/// A server that asks for client certificates of the same authority, an authority's own and
/// somebody else's certificate.
struct Asked {
    certificates: Certificates,
    own: (PathBuf, PathBuf),
    foreign: (PathBuf, PathBuf),
    _elsewhere: Certificates,
}

impl Asked {
    fn new() -> Self {
        let certificates = Certificates::good(Key::EcdsaP256);
        let elsewhere = Certificates::good(Key::EcdsaP256);
        Self {
            own: certificates.client("alice@example.org"),
            foreign: elsewhere.client("mallory@example.org"),
            certificates,
            _elsewhere: elsewhere,
        }
    }

    fn acceptor(&self, service: Service) -> AcceptorBuilder {
        acceptor(service, &self.certificates)
    }

    fn anchors(&self) -> TrustAnchors {
        TrustAnchors::from_pem(&fs::read(&self.certificates.ca).unwrap()).unwrap()
    }

    /// `s_client` with this certificate.
    fn openssl(
        &self,
        target: Target<'_>,
        (chain, key): &(PathBuf, PathBuf),
        extra: &[&str],
    ) -> Run {
        let issuers = self.certificates.issuers.to_str().unwrap();
        let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
        let with = ["-cert", chain, "-cert_chain", issuers, "-key", key];
        target.openssl(FAREWELL, &[&with, extra].concat())
    }
}

#[test]
#[ignore = "needs OpenSSL and curl; run by .ci/run"]
fn a_certificate_is_requested() {
    let asked = Asked::new();
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let acceptor = asked.acceptor(Service::Imap);
        let acceptor =
            acceptor.request_client_certificates(asked.anchors(), IdentityMapping::mailbox());
        let server = OurServer::start(address, acceptor.build().unwrap());
        let target = server.target(&asked.certificates.ca, tls);

        // Without one a client is served, and offered nothing for it.
        let run = target.openssl(FAREWELL, &[]);
        assert!(run.success() && run.says("mail-tls test root"), "{run:#?}");
        let served = server.served();
        served.assert_clean(&[" peer=- client-certificate=no"]);
        assert_eq!(served.offer, ExternalOffer::Nothing);

        for run in [
            asked.openssl(target, &asked.own, &[]),
            target.curl_imaps_as(&asked.own),
        ] {
            assert!(run.success(), "{run:#?}");
            let served = server.served();
            served.assert_clean(&[" peer=verified client-certificate=yes"]);
            assert_eq!(served.offer, ExternalOffer::ExternalOrPreauth);
            assert_eq!(served.identity, Some(Ok("alice@example.org".to_owned())));
        }

        // A client that is offered EXTERNAL, and says nothing else.
        let run = target.curl_imaps_external("alice@example.org", &asked.own);
        assert!(run.success(), "{run:#?}");
        let served = server.served();
        served.assert_clean(&[" client-certificate=yes"]);
        let authenticate = served
            .commands
            .iter()
            .find_map(|line| line.split_once(" AUTHENTICATE EXTERNAL "))
            .map(|(_, response)| response.as_bytes());
        let asked_for =
            AuthorizationIdentity::from_initial_response(Service::Imap, authenticate.unwrap());
        assert_eq!(asked_for.unwrap().as_str(), "alice@example.org");

        // One that stands for nobody is taken for what it is, and good for nothing.
        let nobody = asked.certificates.client("alice");
        let run = asked.openssl(target, &nobody, &[]);
        assert!(run.success(), "{run:#?}");
        let served = server.served();
        served.assert_clean(&[" peer=verified client-certificate=yes"]);
        let why = served.identity.unwrap().unwrap_err();
        assert!(why.contains("the rfc822Name \"alice\""), "{why}");
        assert_eq!(served.offer, ExternalOffer::Nothing);

        // One that cannot be verified is not taken for none.
        let run = asked.openssl(target, &asked.foreign, &[]);
        assert!(
            !run.success() && run.says("SSL alert number 42"),
            "{run:#?}"
        );
        let served = server.served();
        assert!(
            matches!(served.error(), Error::Certificate(_)),
            "{served:#?}"
        );
    }
}

#[test]
#[ignore = "needs OpenSSL and curl; run by .ci/run"]
fn a_certificate_is_required() {
    let asked = Asked::new();
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let acceptor = asked.acceptor(Service::Imap);
        let acceptor =
            acceptor.require_client_certificates(asked.anchors(), IdentityMapping::mailbox());
        let server = OurServer::start(address, acceptor.build().unwrap());
        let target = server.target(&asked.certificates.ca, tls);

        // RFC 8446 §6.2: certificate_required, 116; rustls sends it in TLS 1.2 too.
        let run = target.openssl(FAREWELL, &[]);
        assert!(
            !run.success() && run.says("SSL alert number 116"),
            "{run:#?}"
        );
        assert_eq!(
            *server.served().error(),
            ProtocolError::NoCertificate.into()
        );

        let run = target.curl_imaps_as(&asked.own);
        assert!(run.success(), "{run:#?}");
        server.served().assert_clean(&[" client-certificate=yes"]);

        // A resumed session inherits the client's identity, verified again.
        let kept = asked
            .certificates
            .ca
            .with_file_name(format!("session-{tls:?}"));
        let kept = kept.to_str().unwrap();
        let run = asked.openssl(target, &asked.own, &["-sess_out", kept]);
        assert!(run.success(), "{run:#?}");
        server
            .served()
            .assert_clean(&[" resumed=no peer=verified client-certificate=yes"]);
        let run = asked.openssl(target, &asked.own, &["-sess_in", kept]);
        assert!(run.success() && run.says("Reused, "), "{run:#?}");
        let served = server.served();
        served.assert_clean(&[" resumed=yes peer=verified client-certificate=yes"]);
        assert_eq!(served.offer, ExternalOffer::ExternalOrPreauth);
    }
}
