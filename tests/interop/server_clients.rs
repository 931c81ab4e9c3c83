//! Our server with real clients, from greeting to farewell, both versions, IPv4 and IPv6.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::clients::{Library, Target};
use crate::driver::Connection;
use crate::our_server::{OurServer, acceptor, one};
use crate::process::{LOOPBACK, Run};
use bytes::BytesMut;
use mail_tls::{EndOfInput, Server, Service, TlsMode};
use std::net::TcpListener;

const CLEAN: EndOfInput = EndOfInput::Clean;
const CUT: EndOfInput = EndOfInput::Truncated {
    in_record: false,
    is_established: true,
};

#[track_caller]
fn assert_says(run: &Run, texts: &[&str]) {
    assert!(run.success(), "{run:#?}");
    for text in texts {
        assert!(run.says(text), "no {text:?} in {run:#?}");
    }
}

/// Every client that speaks `service` over implicit TLS, one after the other.
fn serve_all(service: Service, certificates: &Certificates) {
    for tls in Tls::BOTH {
        let version = format!("TLSv{}", tls.number());
        for address in LOOPBACK {
            let server =
                OurServer::start(address, acceptor(service, certificates).build().unwrap());
            let target = server.target(&certificates.ca, tls);
            let fields = [
                format!("service={service} mode=implicit version={version} "),
                " resumed=no peer=- client-certificate=no".to_owned(),
            ];
            let fields = [fields[0].as_str(), fields[1].as_str()];
            let assert_served = |end: EndOfInput, last: &str| {
                let served = server.served();
                served.assert_ended(end, &fields);
                let commands = &served.commands;
                assert!(commands.last().unwrap().ends_with(last), "{commands:?}");
            };
            let (input, last, farewell) = match service {
                Service::Imap => ("a LOGOUT\r\n", "LOGOUT", "* BYE"),
                Service::Pop3 => ("QUIT\r\n", "QUIT", "+OK"),
                _ => ("QUIT\r\n", "QUIT", "221 bye"),
            };
            assert_says(&target.openssl(input, &[]), &[farewell, &version]);
            assert_served(CLEAN, last);
            // It does not answer close_notify.
            assert_says(&target.gnutls(input, &[]), &[farewell]);
            assert_served(CUT, last);
            match service {
                Service::Imap => {
                    assert_says(&target.curl_imaps(), &["INBOX", &version]);
                    assert_served(CLEAN, last);
                    assert_says(&target.python(Library::Imap), &["select OK", &version]);
                }
                Service::Pop3 => {
                    assert_says(&target.curl_pop3s(), &["< +OK", &version]);
                    assert_served(CLEAN, last);
                    assert_says(&target.python(Library::Pop3), &["stat 0 0", &version]);
                }
                _ => {
                    assert_says(&target.curl_smtps("curl"), &["< 250 taken", &version]);
                    assert_served(CLEAN, last);
                    assert_says(&target.python(Library::Smtp), &["refused {}", &version]);
                }
            }
            // Python's libraries vanish after the farewell.
            assert_served(CUT, last);
        }
    }
}

#[test]
#[ignore = "needs OpenSSL, GnuTLS, curl and Python; run by .ci/run"]
fn imaps() {
    serve_all(Service::Imap, &Certificates::good(Key::EcdsaP256));
}

#[test]
#[ignore = "needs OpenSSL, GnuTLS, curl and Python; run by .ci/run"]
fn pop3s() {
    serve_all(Service::Pop3, &Certificates::good(Key::Rsa2048));
}

#[test]
#[ignore = "needs OpenSSL, GnuTLS, curl and Python; run by .ci/run"]
fn submissions() {
    serve_all(Service::Submission, &Certificates::good(Key::Ed25519));
}

#[test]
#[ignore = "needs OpenSSL and curl; run by .ci/run"]
fn starttls() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let mode = TlsMode::StartTls;
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        for (service, name, input) in [
            (Service::Imap, "imap", "a LOGOUT\r\n"),
            (Service::Pop3, "pop3", "QUIT\r\n"),
            (Service::Submission, "smtp", "QUIT\r\n"),
            (Service::ManageSieve, "sieve", "LOGOUT\r\n"),
        ] {
            let server = Server::builder().build().unwrap();
            let acceptor = server.acceptor(service, mode, one(&certificates));
            let server = OurServer::start(address, acceptor.build().unwrap());
            let target = server.target(&certificates.ca, tls);
            assert_says(&target.openssl(input, &["-starttls", name]), &["OK"]);
            let fields = format!(
                "service={service} mode=starttls version=TLSv{} ",
                tls.number()
            );
            let served = server.served();
            served.assert_clean(&[&fields]);
            assert_eq!(served.commands, [input.trim_end()]);
        }
    }
}

#[test]
#[ignore = "needs pyOpenSSL; run by .ci/run"]
#[cfg(feature = "aws-lc-rs")]
fn the_hybrid_group() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for address in LOOPBACK {
        let acceptor = acceptor(Service::Pop3, &certificates).build().unwrap();
        let server = OurServer::start(address, acceptor);
        let run = server
            .target(&certificates.ca, Tls::V13)
            .python(Library::PyOpenSsl);
        assert_says(&run, &["X25519MLKEM768", "answer +OK"]);
        server.served().assert_clean(&[" group=X25519MLKEM768 "]);
    }
}

/// RFC 8446 §6.1: a client that has closed its half is still answered.
#[test]
#[ignore = "needs GnuTLS; run by .ci/run"]
fn half_close() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ca = certificates.ca.clone();
        let client = std::thread::spawn(move || {
            let target = Target {
                address,
                ca: &ca,
                tls,
            };
            target.gnutls_closing_first("said before closing\n", &[])
        });
        let session = acceptor(Service::Imap, &certificates).build().unwrap();
        let socket = listener.accept().unwrap().0;
        let mut ours = Connection::new(socket, session.accept().unwrap(), BytesMut::new());
        ours.establish().unwrap();
        assert_eq!(ours.drain(), Ok(CLEAN));
        assert!(ours.peer_has_closed);
        assert_eq!(ours.received, b"said before closing\n");
        ours.send("answered afterwards\n").unwrap();
        assert_eq!(ours.close(), Ok(CLEAN));
        assert_says(&client.join().unwrap(), &["answered afterwards"]);
    }
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn a_client_that_is_killed() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let acceptor = acceptor(Service::Imap, &certificates).build().unwrap();
        let server = OurServer::start(address, acceptor);
        let target = server.target(&certificates.ca, tls);
        target.openssl_killed_after("* OK ready");
        let served = server.served();
        served.assert_ended(CUT, &[" resumed=no "]);
        assert!(served.commands.is_empty());
    }
}
