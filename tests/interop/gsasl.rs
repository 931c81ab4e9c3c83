//! GNU SASL's client, which knows STARTTLS only, authenticates with SCRAM-SHA-256-PLUS (RFC 7677)
//! against our server: what both put into the exchange is the channel that they share, or it fails.
//!
//! Debian 12's `gsasl` 2.2 binds to `tls-exporter` in TLS 1.3 and to `tls-unique` in TLS 1.2; it
//! knows no `tls-server-end-point`: for that one see `scramp.rs`.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::our_client::Us;
use crate::process::{AfterInput, Run, run_to_end};
use crate::scram::Failure;
use crate::scram_server::{IMAP, Outcome, SMTP, Words, man_in_the_middle, serve};
use crate::starttls_server::acceptor;
use mail_tls::{ChannelBindingError, ChannelBindingType, Service, TlsMode};
use std::process::Command;

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
        let his_acceptor = acceptor(Service::Imap, &certificates);
        let connector = Us::trusting(&certificates).connector(
            Service::Imap,
            TlsMode::StartTls,
            "localhost",
            address.port(),
        );
        let (his, man) = man_in_the_middle(his_acceptor, connector, address, IMAP);
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
