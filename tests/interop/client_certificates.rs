//! Our client's certificate with `openssl s_server`: shown only where the server asks and the
//! account was authorised to, and what is said of the refusal otherwise. `server_refuses.rs` has
//! the other side.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::our_client::{Ours, Us, certified};
use crate::process::LOOPBACK;
use crate::tls_servers::{self, TlsServer};
use mail_tls::error::Cause;
use mail_tls::{ClientCertificateUse, EndOfInput, Error, ProtocolError, Service, ShownValidity};
use std::net::IpAddr;

fn demanding(certificates: &Certificates, tls: Tls, address: IpAddr) -> TlsServer {
    let ca = certificates.ca.to_str().unwrap();
    let ask = ["-Verify", "2", "-verify_return_error", "-CAfile", ca];
    tls_servers::openssl(certificates, tls, address, &ask)
}

/// In TLS 1.3 the refusal comes after the client has established the session (RFC 8446 §4.4.2.4),
/// with the first thing that it reads.
fn talk(ours: &mut Ours) -> Result<EndOfInput, Error> {
    ours.establish()?;
    assert_eq!(ours.ask("stressed\n", |_| true)?, ["desserts"]);
    ours.send("CLOSE\n")?;
    ours.drain()
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn an_authorised_account_shows_its_certificate() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    us.authorise(&certificates.client("alice@example.org"));
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let server = demanding(&certificates, tls, address);
        let mut ours = us.dial(Service::Imap, server.address);
        assert_eq!(talk(&mut ours), Ok(EndOfInput::Clean));
        let info = ours.session.info().unwrap();
        assert!(info.client_certificate_asked() && info.client_certificate_sent());
        assert!(info.to_string().ends_with(" client-certificate=yes"));
        assert!(server.server.logs("alice@example.org"));

        // A server that does not ask is shown nothing.
        let server = tls_servers::openssl(&certificates, tls, address, &[]);
        let mut ours = us.dial(Service::Imap, server.address);
        assert_eq!(talk(&mut ours), Ok(EndOfInput::Clean));
        let info = ours.session.info().unwrap();
        assert!(!info.client_certificate_asked() && !info.client_certificate_sent());
        assert!(server.server.logs("No peer certificate"));
    }
}

#[track_caller]
fn assert_refused(ours: &mut Ours, tls: Tls, alert: &str, cause: Cause) {
    let error = talk(ours).unwrap_err();
    let Error::Protocol(protocol) = &error else {
        panic!("{error:?}")
    };
    let ProtocolError::AlertReceived {
        alert: received,
        established,
        causes,
        ..
    } = &**protocol
    else {
        panic!("{error:?}")
    };
    assert_eq!(received.name(), Some(alert), "{error}");
    assert_eq!(*established, tls == Tls::V13, "{error}");
    assert!(causes.contains(&cause), "{error}");
    assert!(ours.received.is_empty());
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn an_account_without_authorisation_is_told_why() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    let own = certificates.client("alice@example.org");
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let server = demanding(&certificates, tls, address);
        // RFC 8446 §6.2 has certificate_required; TLS 1.2 only handshake_failure.
        let alert = match tls {
            Tls::V12 => "handshake_failure",
            Tls::V13 => "certificate_required",
        };
        for withdrawn in [false, true] {
            if withdrawn {
                us.authorise(&own);
                us.account.withdraw_client_certificates();
            }
            let mut ours = us.dial(Service::Imap, server.address);
            assert_refused(&mut ours, tls, alert, Cause::ClientCertificateRequired);
            if let Some(info) = ours.session.info() {
                assert!(info.client_certificate_asked() && !info.client_certificate_sent());
            }
        }
    }
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn a_certificate_of_another_authority_is_refused() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let elsewhere = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    us.authorise(&elsewhere.client("mallory@example.org"));
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let server = demanding(&certificates, tls, address);
        let mut ours = us.dial(Service::Imap, server.address);
        assert_refused(
            &mut ours,
            tls,
            "unknown_ca",
            Cause::ClientCertificateRefused,
        );
    }
}

/// Two certificates of different authorities, and two servers of which each names one.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn the_certificate_that_the_server_asks_for() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let users = [
        Certificates::of_authority("users A"),
        Certificates::of_authority("users B"),
    ];
    let names = ["alice@a.example", "alice@b.example"];
    let us = Us::trusting(&certificates);
    for (authority, name) in users.iter().zip(names) {
        us.authorise(&authority.client(name));
    }
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        for (authority, name) in users.iter().zip(names) {
            let ca = authority.ca.to_str().unwrap();
            let ask = ["-Verify", "2", "-verify_return_error", "-CAfile", ca];
            let server = tls_servers::openssl(&certificates, tls, address, &ask);
            let mut ours = us.dial(Service::Imap, server.address);
            assert_eq!(talk(&mut ours), Ok(EndOfInput::Clean), "{tls:?} {name}");
            assert!(server.server.logs(name));
            match ours.session.client_certificate() {
                ClientCertificateUse::Shown {
                    in_clear,
                    validity,
                    is_wanted,
                    ..
                } => {
                    assert!(is_wanted && validity == ShownValidity::Valid);
                    assert_eq!(in_clear, tls == Tls::V12);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// RFC 8314 §8: only TLS 1.3 hides who the user is.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn a_certificate_is_not_shown_in_clear() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    let (chain, key) = certificates.client("alice@example.org");
    us.account
        .authorise_client_certificate(certified(&chain, &key));
    let [in_clear, hidden] = Tls::BOTH;
    let server = demanding(&certificates, hidden, LOOPBACK[0]);
    let mut ours = us.dial(Service::Imap, server.address);
    assert_eq!(talk(&mut ours), Ok(EndOfInput::Clean));
    assert!(server.server.logs("alice@example.org"));

    let server = demanding(&certificates, in_clear, LOOPBACK[1]);
    let mut ours = us.dial(Service::Imap, server.address);
    let cause = Cause::ClientCertificateWithheld;
    assert_refused(&mut ours, in_clear, "handshake_failure", cause);
    let withheld = ClientCertificateUse::WithheldFromTls12;
    assert_eq!(ours.session.client_certificate(), withheld);
    assert!(!server.server.log().contains("alice@example.org"));
}

/// Told as what it is, also when the refusal comes after the handshake seemed done.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn an_expired_certificate_is_named() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    us.authorise(&certificates.expired_client("alice@example.org"));
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let server = demanding(&certificates, tls, address);
        let mut ours = us.dial(Service::Imap, server.address);
        let cause = Cause::ClientCertificateExpired;
        assert_refused(&mut ours, tls, "certificate_expired", cause);
        assert!(matches!(
            ours.session.client_certificate(),
            ClientCertificateUse::Shown {
                validity: ShownValidity::Expired,
                ..
            }
        ));
        assert!(server.server.logs("certificate has expired"));
    }
}
