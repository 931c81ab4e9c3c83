//! SASL EXTERNAL as our client says it, to servers that know users by their certificates: Dovecot for
//! IMAP, POP3 and ManageSieve, Exim for submission.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::dovecot::Dovecot;
use crate::exim::Exim;
use crate::our_client::{Ours, Us, dial};
use bytes::BytesMut;
use mail_tls::sasl_external::{AuthorizationIdentity, ExternalClient, ExternalNext};
use mail_tls::{EndOfInput, Service, TlsMode};
use std::net::{Ipv4Addr, SocketAddr};

const ALICE: &str = "alice@example.org";

/// Who says what, and whether he is let in.
struct Row {
    /// Whether the account has a certificate to show.
    has_certificate: bool,
    /// Whom the client asks to act as; empty for whom the certificate is for.
    asks_for: &'static str,
    is_let_in: bool,
}

const ROWS: [Row; 4] = [
    Row {
        has_certificate: true,
        asks_for: "",
        is_let_in: true,
    },
    Row {
        has_certificate: true,
        asks_for: ALICE,
        is_let_in: true,
    },
    Row {
        has_certificate: true,
        asks_for: "bob@example.org",
        is_let_in: false,
    },
    Row {
        has_certificate: false,
        asks_for: ALICE,
        is_let_in: false,
    },
];

/// The exchange, in the words of the service: the server's last line about it.
fn authenticate(ours: &mut Ours, external: &ExternalClient) -> String {
    let mut command = BytesMut::new();
    let next = external.begin(&mut command);
    let line = said(ours, &command);
    if next == ExternalNext::AwaitOutcome {
        return line;
    }
    let challenge = match line.as_str() {
        // What `line` has trimmed.
        "+" | "334" | "\"\"" => "",
        // Refused without a challenge.
        _ => return line,
    };
    let mut response = BytesMut::new();
    external
        .respond(challenge.as_bytes(), &mut response)
        .unwrap();
    said(ours, &response)
}

fn said(ours: &mut Ours, line: &[u8]) -> String {
    let mut lines = ours
        .ask(std::str::from_utf8(line).unwrap(), |line| {
            !line.starts_with('*')
        })
        .unwrap();
    lines.pop().unwrap()
}

fn external(service: Service, asks_for: &str, with_initial_response: bool) -> ExternalClient {
    let identity = AuthorizationIdentity::new(asks_for).unwrap();
    let external = match service {
        Service::Imap => ExternalClient::imap("a", true, identity).unwrap(),
        Service::Pop3 => ExternalClient::pop3(identity),
        Service::ManageSieve => ExternalClient::manage_sieve(identity),
        _ => ExternalClient::smtp(identity),
    };
    if with_initial_response {
        external
    } else {
        external.without_initial_response()
    }
}

fn us(certificates: &Certificates, has_certificate: bool) -> Us {
    let us = Us::trusting(certificates);
    if has_certificate {
        us.authorise(&certificates.client(ALICE));
    }
    us
}

/// RFC 4422 appendix A, RFC 9051 §6.2.2, RFC 5034 §4, RFC 5804 §2.1.
#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn dovecot_takes_it() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let ca = certificates.ca.display();
    let settings = format!(
        "auth_mechanisms = plain external\nssl_ca = <{ca}\nssl_verify_client_cert = yes\n\
         ssl_require_crl = no\nauth_ssl_username_from_cert = yes\n\
         passdb {{\n  driver = static\n  args = nopassword=yes\n  mechanisms = external\n}}\n\
         auth_failure_delay = 0\n\
         service anvil {{\n  unix_listener anvil-auth-penalty {{\n    mode = 0\n  }}\n}}\n"
    );
    for tls in Tls::BOTH {
        let dovecot = Dovecot::start_with(
            &certificates,
            &format!("ssl_min_protocol = TLSv{}\n{settings}", tls.number()),
            &format!("MaxProtocol = TLSv{}", tls.number()),
        );
        for (service, mode, port, success) in [
            (Service::Imap, TlsMode::Implicit, dovecot.imaps, "a OK"),
            (Service::Imap, TlsMode::StartTls, dovecot.imap, "a OK"),
            (Service::Pop3, TlsMode::Implicit, dovecot.pop3s, "+OK"),
            (Service::Pop3, TlsMode::StartTls, dovecot.pop3, "+OK"),
            (Service::ManageSieve, TlsMode::StartTls, dovecot.sieve, "OK"),
        ] {
            for row in &ROWS {
                for with_initial_response in [true, false] {
                    let us = us(&certificates, row.has_certificate);
                    let connector = us.connector(service, mode, "localhost", port);
                    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                    let mut ours = dial(&connector, address);
                    ours.establish().unwrap();
                    // The greeting, or what ManageSieve sends in its place.
                    match (service, mode) {
                        (Service::ManageSieve, _) => {
                            let listed = ours.lines(|line| line.starts_with("OK")).unwrap();
                            let offers = listed.iter().any(|line| line.contains("EXTERNAL"));
                            assert!(offers, "{listed:?}");
                        }
                        (_, TlsMode::Implicit) => assert!(ours.line().unwrap().contains("OK")),
                        (_, _) => {}
                    }
                    let external = external(service, row.asks_for, with_initial_response);
                    let said = authenticate(&mut ours, &external);
                    let context = format!(
                        "{service} {mode} {tls:?} {:?} {}: {said}\n{}",
                        row.asks_for,
                        row.has_certificate,
                        dovecot.server.log()
                    );
                    assert_eq!(said.starts_with(success), row.is_let_in, "{context}");
                }
            }
        }
        assert!(
            dovecot
                .server
                .logs("Login: user=<alice@example.org>, method=EXTERNAL")
        );
        assert!(
            !dovecot
                .server
                .log()
                .contains("user=<bob@example.org>, method")
        );
    }
}

/// RFC 4954 §4; and Exim says in the Received field that the message came from somebody it knew.
#[test]
#[ignore = "needs Exim; run by .ci/run"]
fn exim_takes_it() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for tls in Tls::BOTH {
        let exim = Exim::start_with_external(&certificates, tls);
        for (mode, port) in [
            (TlsMode::Implicit, exim.submissions),
            (TlsMode::StartTls, exim.submission),
        ] {
            for row in &ROWS {
                for with_initial_response in [true, false] {
                    let us = us(&certificates, row.has_certificate);
                    let connector = us.connector(Service::Submission, mode, "localhost", port);
                    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                    let mut ours = dial(&connector, address);
                    ours.establish().unwrap();
                    if mode == TlsMode::Implicit {
                        assert!(ours.line().unwrap().starts_with("220 "));
                    }
                    let is_last = |line: &str| line.as_bytes().get(3) == Some(&b' ');
                    let greeted = ours.ask("EHLO client.example\r\n", is_last).unwrap();
                    let is_offered = greeted.iter().any(|line| line.ends_with("AUTH EXTERNAL"));
                    assert_eq!(is_offered, row.has_certificate, "{greeted:?}");
                    let external =
                        external(Service::Submission, row.asks_for, with_initial_response);
                    let said = authenticate(&mut ours, &external);
                    assert_eq!(
                        said.starts_with("235 "),
                        row.is_let_in,
                        "{mode} {tls:?} {:?}: {said}\n{}",
                        row.asks_for,
                        exim.server.log()
                    );
                    let bye = ours.ask("QUIT\r\n", is_last).unwrap();
                    assert!(bye[0].starts_with("221 "), "{bye:?}");
                    assert_eq!(ours.drain(), Ok(EndOfInput::Clean));
                }
            }
        }
    }
}
