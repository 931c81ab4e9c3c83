//! Our client with peers that it must not go on with: certificates with a fault, plain text where
//! TLS was expected, silence, old versions. Each error says what was wrong, and the peer gets the
//! alert that fits.

use crate::Tls;
use crate::certificates::{Certificates, Fault, Key};
use crate::dovecot::Dovecot;
use crate::our_client::{Us, anchors, dial};
use crate::postfix::Postfix;
use crate::process::LOOPBACK;
use crate::tls_servers::{self, Plaintext};
use mail_tls::error::{Cause, Heard, Spoken};
use mail_tls::verify::{Check, CheckFailure, CheckResult};
use mail_tls::{Alert, Connector, Error, Limits, ProtocolError, Service, TlsMode, TrustAnchors};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// What a certificate's fault must lead to: the code of the error, the one check that fails, and
/// the alert as OpenSSL names it, with its number (RFC 8446 §6.2).
const FAULTS: [(Fault, &str, Check, &str, u8); 5] = [
    (
        Fault::WrongName,
        "name-mismatch",
        Check::Identity,
        "bad certificate",
        42,
    ),
    (
        Fault::Expired,
        "expired",
        Check::Validity,
        "certificate expired",
        45,
    ),
    // The one that is trusted has the same name, so that its key is tried.
    (
        Fault::UnknownAuthority,
        "unknown-authority",
        Check::Path,
        "unknown ca",
        48,
    ),
    (
        Fault::NoIntermediate,
        "missing-intermediate",
        Check::Path,
        "unknown ca",
        48,
    ),
    (
        Fault::SelfSigned,
        "self-signed",
        Check::Path,
        "unknown ca",
        48,
    ),
];

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn faulty_certificates() {
    for (fault, code, check, alert, number) in FAULTS {
        let certificates = Certificates::bad(fault);
        for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
            for us in Us::of_every_provider(&anchors(&certificates)) {
                let server = tls_servers::openssl(&certificates, tls, address, &[]);
                let mut ours = us.dial(Service::Imap, server.address);
                let error = ours.establish().unwrap_err();
                let Error::Certificate(rejection) = &error else {
                    panic!("{fault:?}: {error:?}")
                };
                assert_eq!(rejection.code(), code, "{rejection}");
                let failed: Vec<Check> = rejection
                    .results()
                    .filter(|(_, result)| *result == CheckResult::Failed)
                    .map(|(check, _)| check)
                    .collect();
                assert_eq!(failed, [check], "{rejection}");
                if let CheckFailure::NameMismatch(_) = rejection.primary() {
                    let sentence = rejection.to_string();
                    assert!(
                        sentence.contains("localhost") && sentence.contains("other.example"),
                        "{sentence}"
                    );
                }
                // Dead is dead: it says so again, and nothing was established.
                assert_eq!(ours.turn(), Err(error));
                assert!(ours.session.info().is_none() && ours.received.is_empty());
                for text in [
                    format!("alert {alert}"),
                    format!("SSL alert number {number}"),
                ] {
                    assert!(server.server.logs(&text), "{fault:?} {tls:?}: no {text:?}");
                }
            }
        }
    }
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn an_authority_that_nobody_trusts() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let elsewhere = rcgen::generate_simple_self_signed(["elsewhere".to_owned()]).unwrap();
    let anchors = TrustAnchors::from_pem(elsewhere.cert.pem().as_bytes()).unwrap();
    let us = Us::with_anchors(anchors, Limits::default());
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let server = tls_servers::openssl(&certificates, tls, address, &[]);
        let error = us
            .dial(Service::Imap, server.address)
            .establish()
            .unwrap_err();
        assert_eq!(error.code(), "unknown-authority", "{error}");
        assert!(error.to_string().contains("mail-tls test root"), "{error}");
        assert!(server.server.logs("SSL alert number 48"));
    }
}

/// Dials `port` under the name of `service`, and finds one of these in place of TLS.
#[track_caller]
fn assert_plaintext(
    connector: &Connector,
    address: SocketAddr,
    spoken: &[Spoken],
    likely_port: Option<u16>,
    end: &str,
) {
    let error = dial(connector, address).establish().unwrap_err();
    let sentence = error.to_string();
    assert!(sentence.ends_with(end), "{sentence}");
    let Error::Protocol(protocol) = error else {
        panic!("{error:?}")
    };
    let ProtocolError::PlaintextPeer(peer) = &*protocol else {
        panic!("{protocol:?}")
    };
    assert!(spoken.contains(&peer.spoken), "{sentence}");
    assert_eq!(peer.likely_port(), likely_port, "{sentence}");
    assert_eq!(peer.port, Some(connector.endpoint().port()));
}

#[test]
#[ignore = "needs Dovecot and Postfix; run by .ci/run"]
fn the_ports_for_starttls() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    let dovecot = Dovecot::start(&certificates, Tls::V13);
    let postfix = Postfix::start(&certificates, Tls::V13);
    let (imap, pop3) = ([Spoken::ImapGreeting], [Spoken::Pop3Greeting]);
    let smtp = [Spoken::SmtpGreeting];
    // A process of Dovecot's that is not ready yet complains of our ClientHello instead.
    let sieve = [Spoken::ManageSieveGreeting, Spoken::ManageSieveRefusal];
    let starttls = |port: u16| {
        format!("; this looks like the port for STARTTLS, implicit TLS is on port {port}")
    };
    let another = |server: &str, wanted: &str, port: u16| {
        format!(
            "; this is the port of a {server} server, implicit TLS for {wanted} is on port {port}"
        )
    };
    let rows: [(Service, u16, &[Spoken], u16, String); 6] = [
        (Service::Imap, dovecot.imap, &imap, 993, starttls(993)),
        (Service::Pop3, dovecot.pop3, &pop3, 995, starttls(995)),
        (
            Service::Submission,
            postfix.submission,
            &smtp,
            465,
            starttls(465),
        ),
        (
            Service::Imap,
            dovecot.pop3,
            &pop3,
            993,
            another("POP3", "IMAP", 993),
        ),
        (
            Service::Imap,
            dovecot.sieve,
            &sieve,
            993,
            another("ManageSieve", "IMAP", 993),
        ),
        (
            Service::Pop3,
            postfix.submission,
            &smtp,
            995,
            another("submission", "POP3", 995),
        ),
    ];
    for (service, port, spoken, likely, end) in rows {
        let connector = us.connector(service, TlsMode::Implicit, "localhost", port);
        for address in LOOPBACK {
            let address = SocketAddr::new(address, port);
            assert_plaintext(&connector, address, spoken, Some(likely), &end);
        }
    }
}

/// What servers say before they hang up, on the registered port and on another one.
#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn refusals_in_plain_text() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    let smtp = "421 4.7.0 too many connections\r\n";
    let later = "; it refuses service on this port, try again later";
    let perhaps = "; it refuses service for now, or does not expect TLS on this port";
    let captive = "; a web server or a captive portal answers on this port";
    for (greeting, service, port, spoken, end) in [
        (smtp, Service::Submission, 465, Spoken::SmtpRefusal, later),
        (smtp, Service::Submission, 587, Spoken::SmtpRefusal, perhaps),
        (
            "* BYE overloaded\r\n",
            Service::Imap,
            993,
            Spoken::ImapRefusal,
            later,
        ),
        (
            "-ERR not now\r\n",
            Service::Pop3,
            995,
            Spoken::Pop3Refusal,
            later,
        ),
        (
            "HTTP/1.1 400 Bad Request\r\n",
            Service::Imap,
            993,
            Spoken::HttpServer,
            captive,
        ),
    ] {
        let peer = Plaintext::start(greeting);
        let connector = us.connector(service, TlsMode::Implicit, "localhost", port);
        assert_plaintext(&connector, peer.address, &[spoken], None, end);
    }
}

#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn silence() {
    const TIME: Duration = Duration::from_millis(300);
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::with_limits(&certificates, Limits::default().with_handshake_time(TIME));
    // Not a byte; and the beginning of a line.
    let silent = tls_servers::silent();
    let stalled = Plaintext::start("220 mail.exam");
    for (address, heard) in [
        (silent.local_addr().unwrap(), "the peer said nothing"),
        (
            stalled.address,
            "the peer spoke plain text: \"220 mail.exam\"",
        ),
    ] {
        let started = Instant::now();
        let error = us
            .dial(Service::Submission, address)
            .establish()
            .unwrap_err();
        let took = started.elapsed();
        assert!(took >= TIME && took < 10 * TIME, "{took:?}");
        let Error::TimedOut(timed_out) = &error else {
            panic!("{error:?}")
        };
        assert_eq!(timed_out.after, TIME);
        assert_eq!(
            timed_out.heard == Heard::Nothing,
            address != stalled.address
        );
        assert!(error.to_string().contains(heard), "{error}");
    }
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn a_server_of_tls_1_1() {
    let certificates = Certificates::good(Key::Rsa2048);
    let us = Us::trusting(&certificates);
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let server = tls_servers::old_openssl(&certificates, address);
    let error = us
        .dial(Service::Imap, server.address)
        .establish()
        .unwrap_err();
    // The server sees that we offer nothing that it knows, and says so itself.
    let Error::Protocol(error) = error else {
        panic!("{error:?}")
    };
    let ProtocolError::AlertReceived {
        alert,
        established: false,
        causes: [Cause::NoCommonVersion],
        ..
    } = *error
    else {
        panic!("{error:?}")
    };
    assert_eq!(alert, Alert::from_code_point(70));
}

/// No common suite, and no common group: one alert for everything, so that all is listed.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn a_server_without_anything_in_common() {
    let certificates = Certificates::good(Key::Rsa2048);
    let us = Us::trusting(&certificates);
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for (tls, extra) in [
        (Tls::V12, ["-cipher", "AES128-SHA256"]), // no forward secrecy
        (Tls::V12, ["-groups", "X448"]),
        (Tls::V13, ["-groups", "X448"]),
    ] {
        let server = tls_servers::openssl(&certificates, tls, address, &extra);
        let error = us
            .dial(Service::Imap, server.address)
            .establish()
            .unwrap_err();
        let Error::Protocol(protocol) = &error else {
            panic!("{error:?}")
        };
        let ProtocolError::AlertReceived {
            alert,
            established,
            causes,
            ..
        } = &**protocol
        else {
            panic!("{error:?}")
        };
        assert_eq!(
            (alert.name(), *established),
            (Some("handshake_failure"), false)
        );
        for cause in [Cause::NoCommonCipherSuite, Cause::NoCommonGroup] {
            assert!(causes.contains(&cause), "{error}");
        }
    }
}
