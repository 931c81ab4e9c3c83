//! The programs against each other: that each starts, speaks the one version it was told to, on
//! IPv4 and IPv6, with our certificates, and is gone afterwards.

use crate::Tls;
use crate::certificates::{Certificates, Fault, Key};
use crate::clients::{Library, Target};
use crate::dovecot::{Dovecot, PASSWORD, USER};
use crate::exim::Exim;
use crate::postfix::Postfix;
use crate::process::{LOOPBACK, Run, Server};
use crate::tls_servers::{self, End, Engine, Plaintext};
use std::io::{ErrorKind, Read};
use std::iter;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

#[track_caller]
fn assert_says(run: &Run, texts: &[&str]) {
    assert!(run.success(), "{run:#?}");
    for text in texts {
        assert!(run.says(text), "no {text:?} in {run:#?}");
    }
}

/// The names that OpenSSL, Python and curl give to a version.
fn version_name(tls: Tls) -> &'static str {
    match tls {
        Tls::V12 => "TLSv1.2",
        Tls::V13 => "TLSv1.3",
    }
}

#[test]
#[ignore = "needs Dovecot, OpenSSL, GnuTLS, curl and Python; run by .ci/run"]
fn dovecot_serves_imap_and_pop3() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for tls in Tls::BOTH {
        let dovecot = Dovecot::start(&certificates, tls);
        for address in LOOPBACK {
            let ca = certificates.ca.as_path();
            let imaps = Target {
                address: SocketAddr::new(address, dovecot.imaps),
                ca,
                tls,
            };
            let pop3s = Target {
                address: SocketAddr::new(address, dovecot.pop3s),
                ca,
                tls,
            };
            let imap = format!("a LOGIN {USER} {PASSWORD}\r\nb LOGOUT\r\n");
            let pop3 = format!("USER {USER}\r\nPASS {PASSWORD}\r\nQUIT\r\n");
            let version = version_name(tls);
            assert_says(&imaps.openssl(&imap, &[]), &["a OK", "b OK", version]);
            assert_says(&pop3s.openssl(&pop3, &[]), &["+OK Logged in", version]);
            assert_says(&imaps.gnutls(&imap, &[]), &["a OK", "b OK"]);
            assert_says(&pop3s.gnutls(&pop3, &[]), &["+OK Logged in"]);
            assert_says(&imaps.curl_imaps(), &["INBOX", version]);
            assert_says(&pop3s.curl_pop3s(), &["+OK Logged in", version]);
            assert_says(
                &imaps.python(Library::Imap),
                &["login OK", "select OK", version],
            );
            assert_says(&pop3s.python(Library::Pop3), &["stat 0 0", version]);

            let other = Target {
                tls: tls.other(),
                ..imaps
            };
            assert!(!other.openssl(&imap, &[]).success());
        }
    }
}

#[test]
#[ignore = "needs Dovecot and OpenSSL; run by .ci/run"]
fn dovecot_serves_starttls() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let tls = Tls::V13;
    let dovecot = Dovecot::start(&certificates, tls);
    for address in LOOPBACK {
        for (protocol, port, input, answer) in [
            (
                "imap",
                dovecot.imap,
                "a LOGIN test test\r\nb LOGOUT\r\n",
                "b OK",
            ),
            (
                "pop3",
                dovecot.pop3,
                "USER test\r\nPASS test\r\nQUIT\r\n",
                "+OK Logged in",
            ),
            ("sieve", dovecot.sieve, "LOGOUT\r\n", "OK"),
        ] {
            let address = SocketAddr::new(address, port);
            let target = Target {
                address,
                ca: &certificates.ca,
                tls,
            };
            assert_says(
                &target.openssl(input, &["-starttls", protocol]),
                &[answer, "TLSv1.3"],
            );
        }
    }
}

#[test]
#[ignore = "needs Postfix, OpenSSL, GnuTLS, curl and Python; run by .ci/run"]
fn postfix_takes_mail() {
    let certificates = Certificates::good(Key::Rsa2048);
    for tls in Tls::BOTH {
        let postfix = Postfix::start(&certificates, tls);
        take_mail(&certificates, tls, postfix.submissions, postfix.submission);
        assert!(
            postfix.delivers("Subject: hello from smtplib"),
            "{}",
            postfix.server.log()
        );
        assert!(
            postfix.delivers("Subject: curl 127.0.0.1"),
            "{}",
            postfix.server.log()
        );
        assert!(
            postfix.delivers("Subject: curl ::1"),
            "{}",
            postfix.server.log()
        );
    }
}

#[test]
#[ignore = "needs Exim, OpenSSL, GnuTLS, curl and Python; run by .ci/run"]
fn exim_takes_mail() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for tls in Tls::BOTH {
        let exim = Exim::start(&certificates, tls);
        take_mail(&certificates, tls, exim.submissions, exim.submission);
        assert!(
            exim.delivers("Subject: hello from smtplib"),
            "{}",
            exim.server.log()
        );
        assert!(
            exim.delivers("Subject: curl 127.0.0.1"),
            "{}",
            exim.server.log()
        );
        assert!(exim.delivers("Subject: curl ::1"), "{}", exim.server.log());
    }
}

fn take_mail(certificates: &Certificates, tls: Tls, submissions: u16, submission: u16) {
    let version = version_name(tls);
    for address in LOOPBACK {
        let ca = certificates.ca.as_path();
        let implicit = Target {
            address: SocketAddr::new(address, submissions),
            ca,
            tls,
        };
        assert_says(&implicit.python(Library::Smtp), &["refused {}", version]);
        assert_says(
            &implicit.curl_smtps(&format!("curl {address}")),
            &["< 250 ", version],
        );
        assert_says(
            &implicit.openssl("QUIT\r\n", &[]),
            &["220 ", "221 ", version],
        );
        assert_says(&implicit.gnutls("QUIT\r\n", &[]), &["220 ", "221 "]);
        let other = Target {
            tls: tls.other(),
            ..implicit
        };
        assert!(!other.openssl("QUIT\r\n", &[]).success());
        let starttls = Target {
            address: SocketAddr::new(address, submission),
            ..implicit
        };
        assert_says(
            &starttls.openssl("QUIT\r\n", &["-starttls", "smtp"]),
            &["221 ", version],
        );
    }
}

#[test]
#[ignore = "needs OpenSSL and GnuTLS; run by .ci/run"]
fn openssl_and_gnutls_serve_with_every_key() {
    for key in Key::ALL {
        let certificates = Certificates::good(key);
        for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
            let openssl = tls_servers::openssl(&certificates, tls, address, &[]);
            let target = Target {
                address: openssl.address,
                ca: &certificates.ca,
                tls,
            };
            assert_says(
                &target.openssl("stressed\nCLOSE\n", &[]),
                &["desserts", version_name(tls)],
            );
            assert!(openssl.server.logs(version_name(tls)));

            let gnutls = tls_servers::gnutls(&certificates, tls, address, &[]);
            let target = Target {
                address: gnutls.address,
                ca: &certificates.ca,
                tls,
            };
            assert_says(
                &target.gnutls_closing_first("echo this\n", &[]),
                &["echo this"],
            );
            assert!(gnutls.server.logs("echo this"));
        }
    }
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn openssl_asks_for_a_client_certificate() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let ca = certificates.ca.to_str().unwrap();
    let (chain, key) = certificates.client("alice@example.org");
    let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
    let issuers = certificates.issuers.to_str().unwrap();
    let ask = ["-Verify", "2", "-verify_return_error", "-CAfile", ca];
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let server = tls_servers::openssl(&certificates, tls, address, &ask);
        let target = Target {
            address: server.address,
            ca: &certificates.ca,
            tls,
        };
        let with = ["-cert", chain, "-cert_chain", issuers, "-key", key];
        assert_says(&target.openssl("stressed\nCLOSE\n", &with), &["desserts"]);
        let without = target.openssl("stressed\nCLOSE\n", &[]);
        assert!(
            !without.success() && !without.says("desserts"),
            "{without:#?}"
        );
    }
}

#[test]
#[ignore = "needs Python and OpenSSL; run by .ci/run"]
fn python_ends_properly_or_not() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for engine in [Engine::Ssl, Engine::PyOpenSsl] {
        for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
            let proper = tls_servers::python(&certificates, tls, address, engine, End::Notify);
            let target = Target {
                address: proper.address,
                ca: &certificates.ca,
                tls,
            };
            assert_says(&target.openssl("quit\r\n", &[]), &["* OK ready", "quit"]);
            let cut = tls_servers::python(&certificates, tls, address, engine, End::Drop);
            let run = Target {
                address: cut.address,
                ..target
            }
            .openssl("quit\r\n", &[]);
            assert!(run.says("quit") && run.says("unexpected eof"), "{run:#?}");
        }
    }
}

#[test]
#[ignore = "needs pyOpenSSL; run by .ci/run"]
fn pyopenssl_has_the_hybrid_group_on_both_sides() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for address in LOOPBACK {
        let (engine, end) = (Engine::PyOpenSsl, End::Notify);
        let server = tls_servers::python(&certificates, Tls::V13, address, engine, end);
        let target = Target {
            address: server.address,
            ca: &certificates.ca,
            tls: Tls::V13,
        };
        assert_says(
            &target.python(Library::PyOpenSsl),
            &["X25519MLKEM768", "answer quit"],
        );
        assert!(server.server.logs("X25519MLKEM768"));
    }
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn every_faulty_certificate_has_its_fault_and_no_other() {
    for (fault, complaint) in [
        (Fault::WrongName, "hostname mismatch"),
        (Fault::Expired, "certificate has expired"),
        (
            Fault::UnknownAuthority,
            "unable to get local issuer certificate",
        ),
        (
            Fault::NoIntermediate,
            "unable to get local issuer certificate",
        ),
    ] {
        let certificates = Certificates::bad(fault);
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let server = tls_servers::openssl(&certificates, Tls::V13, address, &[]);
        let target = Target {
            address: server.address,
            ca: &certificates.ca,
            tls: Tls::V13,
        };
        let run = target.openssl("stressed\nCLOSE\n", &[]);
        assert!(!run.success() && run.says(complaint), "{fault:?}: {run:#?}");
        let errors = run.stderr.matches("verify error").count();
        assert_eq!(errors, 1, "{fault:?}: {run:#?}");
    }
}

#[test]
#[ignore = "needs OpenSSL and GnuTLS; run by .ci/run"]
fn plaintext_and_silent_peers() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let plaintext = Plaintext::start("220 mail.example ESMTP\r\n");
    let address = plaintext.address;
    let target = Target {
        address,
        ca: &certificates.ca,
        tls: Tls::V13,
    };
    let run = target.openssl("", &[]);
    assert!(
        !run.success() && run.says("wrong version number"),
        "{run:#?}"
    );

    let silent = tls_servers::silent();
    let mut connection = TcpStream::connect(silent.local_addr().unwrap()).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let mut read = || connection.read(&mut [0]).unwrap_err().kind();
    // A machine that was suspended meanwhile interrupts the call.
    let waited = iter::repeat_with(&mut read).find(|kind| *kind != ErrorKind::Interrupted);
    assert_eq!(waited, Some(ErrorKind::WouldBlock));
}

#[test]
#[ignore = "needs Dovecot, Postfix and Exim; run by .ci/run"]
fn nothing_is_left_behind() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let dir = certificates.ca.parent().unwrap().to_owned();
    let dovecot = Dovecot::start(&certificates, Tls::V13);
    let postfix = Postfix::start(&certificates, Tls::V13);
    let exim = Exim::start(&certificates, Tls::V13);
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let ports = [dovecot.imaps, postfix.submissions, exim.submissions];
    for port in ports {
        let target = Target {
            address: SocketAddr::new(loopback, port),
            ca: &certificates.ca,
            tls: Tls::V13,
        };
        // A conversation makes each server start its other processes.
        let input = if port == dovecot.imaps {
            "a LOGOUT\r\n"
        } else {
            "QUIT\r\n"
        };
        assert_says(&target.openssl(input, &[]), &[]);
    }
    let servers = [&dovecot.server, &postfix.server, &exim.server];
    let processes: Vec<_> = servers.into_iter().flat_map(Server::processes).collect();
    assert!(processes.len() > 6, "{processes:?}");
    drop((dovecot, postfix, exim, certificates));
    assert!(!dir.exists());
    for port in ports {
        assert!(
            TcpStream::connect((loopback, port)).is_err(),
            "{port} is still open"
        );
    }
    let left: Vec<_> = processes
        .iter()
        .filter(|process| process.is_alive())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
