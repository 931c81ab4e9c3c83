//! Our client's certificate with `openssl s_server`: shown only where the server asks and the
//! account was authorised to, and what is said of the refusal otherwise. `server_refuses.rs` has
//! the other side.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::our_client::{Ours, Us};
use crate::process::LOOPBACK;
use crate::tls_servers::{self, TlsServer};
use mail_tls::error::Cause;
use mail_tls::{EndOfInput, Error, ProtocolError, Service};
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
                us.account.withdraw_client_certificate();
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
