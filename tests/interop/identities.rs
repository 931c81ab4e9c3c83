//! Servers of other makes that are known by a service of a domain (RFC 7817 §3, RFC 4985), or by a
//! certificate that the user has pinned (RFC 8314 §5.4): with each version of TLS and each provider
//! of cryptography.

use crate::Tls;
use crate::certificates::{Certificates, Fault, Key};
use crate::opinions::srv;
use crate::our_client::{Ours, Us, anchors, dial};
use crate::process::LOOPBACK;
use crate::tls_servers::{self, TlsServer};
use mail_tls::verify::{Authentication, CheckFailure, Fingerprint, PinCause, PinnedPart};
use mail_tls::{
    Account, Acknowledged, CertificateRejection, Connector, EmailAddress, Endpoint, Error, Host,
    Operation, Provenance, Service, TlsMode,
};
use pki_types::CertificateDer;
use std::net::IpAddr;
use std::sync::Arc;

/// What all of them are said to listen on, so that a server can take another one's place.
const PORT: u16 = 993;

type Start = fn(&Certificates, Tls, IpAddr) -> TlsServer;
const MAKES: [Start; 2] = [
    |certificates, tls, address| tls_servers::openssl(certificates, tls, address, &[]),
    |certificates, tls, address| tls_servers::gnutls(certificates, tls, address, &[]),
];

fn account_of(address: &str) -> Account {
    Account::in_setup().with_address(EmailAddress::parse(address).unwrap())
}

fn endpoint(service: Service, provenance: Provenance) -> Endpoint {
    let host = Host::parse("localhost").unwrap();
    Endpoint::new(service, TlsMode::Implicit, host, PORT, provenance)
}

/// They serve one client after the other: close before the next.
fn established(connector: &Connector, server: &TlsServer) -> Ours {
    let mut ours = dial(connector, server.address);
    ours.establish().unwrap();
    // One reverses lines, the other does not.
    let answer = ours.ask("level\n", |_| true).unwrap();
    assert_eq!(answer, ["level"]);
    ours
}

fn refused(connector: &Connector, server: &TlsServer) -> Arc<CertificateRejection> {
    let mut ours = dial(connector, server.address);
    match ours.establish() {
        Err(Error::Certificate(rejection)) => {
            assert!(ours.session.info().is_none() && ours.received.is_empty());
            rejection
        }
        other => panic!("{other:?}"),
    }
}

#[test]
#[ignore = "needs OpenSSL and GnuTLS; run by .ci/run"]
fn a_certificate_for_a_service_alone() {
    let certificates = Certificates::named(&srv("_imaps.example.net"));
    let (account, other) = (account_of("ann@example.net"), account_of("ann@example.org"));
    for start in MAKES {
        for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
            let server = start(&certificates, tls, address);
            for us in Us::of_every_provider(&anchors(&certificates)) {
                let connector = |account, service, provenance| {
                    let endpoint = endpoint(service, provenance);
                    us.client.connector(account, endpoint).unwrap()
                };
                for provenance in [Provenance::SrvInsecure, Provenance::SrvSecure] {
                    let right = connector(&account, Service::Imap, provenance);
                    let mut ours = established(&right, &server);
                    let info = ours.session.info().unwrap();
                    let verification = info.verification().unwrap();
                    assert_eq!(verification.presented_name(), Some("_imaps.example.net"));
                    assert_eq!(
                        verification.reference().unwrap().to_string(),
                        "_imaps.example.net"
                    );
                    assert_eq!(verification.authentication(), Authentication::Pkix);
                    assert!(verification.meets_minimum());
                    ours.close().unwrap();
                    // RFC 6125 §6.5: another service, and the service of another domain.
                    for wrong in [
                        connector(&account, Service::Pop3, provenance),
                        connector(&other, Service::Imap, provenance),
                    ] {
                        let refused = refused(&wrong, &server);
                        let codes: Vec<_> = refused.failures().map(CheckFailure::code).collect();
                        assert_eq!(codes, ["name-mismatch"], "{refused}");
                        let sentence = refused.to_string();
                        assert!(sentence.contains("_imaps.example.net"), "{sentence}");
                    }
                }
            }
        }
    }
}

#[test]
#[ignore = "needs OpenSSL and GnuTLS; run by .ci/run"]
fn a_pinned_certificate() {
    let (first, second) = (
        Certificates::bad(Fault::SelfSigned),
        Certificates::bad(Fault::SelfSigned),
    );
    let proper = Certificates::good(Key::EcdsaP256);
    for start in MAKES {
        for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
            let server = start(&first, tls, address);
            let changed = start(&second, tls, address);
            let renewed = start(&proper, tls, address);
            for us in Us::of_every_provider(&anchors(&proper)) {
                let account = account_of("ann@example.net");
                let connector = || {
                    let endpoint = endpoint(Service::Imap, Provenance::Typed);
                    us.client.connector(&account, endpoint).unwrap()
                };

                // Refused, offered, and accepted after the warning.
                let before = connector();
                let refusal = refused(&before, &server);
                assert_eq!(refusal.code(), "self-signed");
                let offer = refusal.pin_offer().unwrap();
                assert_eq!(offer.causes(), [PinCause::NoChain]);
                let warned = Acknowledged::by_user(offer.warning());
                let pin = account.accept_pin(warned, PinnedPart::Certificate).unwrap();
                account.complete_setup();
                assert!(before.is_stale());

                // It is used from then on, and is no more than it is.
                let pinned = connector();
                let mut ours = established(&pinned, &server);
                let info = ours.session.info().unwrap();
                let verification = info.verification().unwrap();
                assert_eq!(verification.authentication(), Authentication::Pinned);
                assert_eq!(verification.pin(), Some(&pin));
                assert!(!verification.meets_minimum());
                assert!(!ours.session.indicator().is_confidential());
                assert!(ours.session.permit(Operation::Reading).is_ok());
                ours.close().unwrap();
                // Resumed: the same.
                let mut again = established(&pinned, &server);
                let info = again.session.info().unwrap();
                assert!(info.is_resumed());
                assert_eq!(info.verification().unwrap().pin(), Some(&pin));
                again.close().unwrap();

                // Another certificate: refused aloud, and no further offer.
                let refusal = refused(&pinned, &changed);
                let CheckFailure::PinMismatch {
                    pinned: was,
                    presented: is,
                    is_same_key: false,
                    ..
                } = refusal.primary()
                else {
                    panic!("{refusal:?}")
                };
                let of = |certificates: &Certificates| {
                    let leaf = CertificateDer::from(certificates.chain_der[0].as_slice());
                    Fingerprint::of_certificate(&leaf)
                };
                assert_eq!((*was, *is), (of(&first), of(&second)));
                let sentence = refusal.to_string();
                for fingerprint in [was.to_string(), is.to_string()] {
                    assert!(sentence.contains(&fingerprint), "{sentence}");
                }
                assert_eq!(refusal.pin_offer(), None, "RFC 8314 §5.4 MUST NOT");

                // One that can be verified needs no pin.
                let mut ours = established(&pinned, &renewed);
                let info = ours.session.info().unwrap();
                assert!(info.verification().unwrap().meets_minimum());
                ours.close().unwrap();

                // Revoked: nothing of it is left, tickets included.
                assert!(account.revoke_pin(&pin));
                assert!(pinned.is_stale());
                let stale = pinned.connect(&mut bytes::BytesMut::new()).unwrap_err();
                assert_eq!(stale.code(), "stale-connector");
                let refusal = refused(&connector(), &server);
                assert_eq!(refusal.code(), "self-signed");
                assert_eq!(refusal.pin_offer(), None, "the account is configured");
            }
        }
    }
}
