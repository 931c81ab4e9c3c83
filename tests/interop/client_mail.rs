//! Our client with the mail servers, from greeting to farewell: implicit TLS; STARTTLS by the
//! session itself; and STARTTLS with the plaintext part spoken here, as an embedder does that has it
//! already.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::dovecot::Dovecot;
use crate::driver::Connection;
use crate::exim::Exim;
use crate::our_client::{Ours, Us, dial, log_in_and_out, submit};
use crate::postfix::Postfix;
use crate::process::LOOPBACK;
use bytes::BytesMut;
use mail_tls::{
    AfterTls, Connector, EndOfInput, Error, ProtocolError, Service, StartTlsStrategy, TlsMode,
};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The line about a session with `localhost`.
fn assert_summary(ours: &Ours, service: Service, mode: &str, tls: Tls) {
    let summary = ours.summary();
    for field in [
        format!(
            "service={service} mode={mode} version=TLSv{} ",
            tls.number()
        ),
        " sni=localhost ".to_owned(),
        " peer=localhost ".to_owned(),
        " client-certificate=no".to_owned(),
    ] {
        assert!(summary.contains(&field), "no {field:?} in {summary}");
    }
}

#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn dovecot_imaps_and_pop3s() {
    for (tls, key) in Tls::BOTH.into_iter().zip([Key::EcdsaP256, Key::Rsa2048]) {
        let certificates = Certificates::good(key);
        let dovecot = Dovecot::start(&certificates, tls);
        let us = Us::trusting(&certificates);
        for (service, port) in [
            (Service::Imap, dovecot.imaps),
            (Service::Pop3, dovecot.pop3s),
        ] {
            for address in LOOPBACK {
                let mut ours = us.dial(service, SocketAddr::new(address, port));
                assert_eq!(log_in_and_out(&mut ours), Ok(EndOfInput::Clean));
                assert_summary(&ours, service, "implicit", tls);
            }
        }
    }
}

#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn dovecot_starttls() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    for tls in Tls::BOTH {
        let dovecot = Dovecot::start(&certificates, tls);
        for (service, port) in [
            (Service::Imap, dovecot.imap),
            (Service::Pop3, dovecot.pop3),
            (Service::ManageSieve, dovecot.sieve),
        ] {
            for address in LOOPBACK {
                for mut ours in starttls(&us, service, SocketAddr::new(address, port)) {
                    let end = log_in_and_out(&mut ours);
                    assert_eq!(end, Ok(EndOfInput::Clean), "{service}");
                    assert_summary(&ours, service, "starttls", tls);
                }
            }
        }
    }
}

#[test]
#[ignore = "needs Postfix; run by .ci/run"]
fn postfix_submissions_and_starttls() {
    let certificates = Certificates::good(Key::Rsa2048);
    let us = Us::trusting(&certificates);
    for tls in Tls::BOTH {
        let postfix = Postfix::start(&certificates, tls);
        send_mail(&us, tls, postfix.submissions, postfix.submission);
        for address in LOOPBACK {
            let delivered = postfix.delivers(&format!("Subject: implicit {address}"))
                && postfix.delivers(&format!("Subject: starttls {address}"));
            assert!(delivered, "{}", postfix.server.log());
        }
    }
}

#[test]
#[ignore = "needs Exim; run by .ci/run"]
fn exim_submissions_and_starttls() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let us = Us::trusting(&certificates);
    for tls in Tls::BOTH {
        let exim = Exim::start(&certificates, tls);
        send_mail(&us, tls, exim.submissions, exim.submission);
        for address in LOOPBACK {
            let delivered = exim.delivers(&format!("Subject: implicit {address}"))
                && exim.delivers(&format!("Subject: starttls {address}"));
            assert!(delivered, "{}", exim.server.log());
        }
    }
}

fn send_mail(us: &Us, tls: Tls, submissions: u16, submission: u16) {
    let service = Service::Submission;
    for address in LOOPBACK {
        let mut ours = us.dial(service, SocketAddr::new(address, submissions));
        let end = submit(&mut ours, &format!("implicit {address}"));
        assert_eq!(end, Ok(EndOfInput::Clean));
        assert_summary(&ours, service, "implicit", tls);

        for mut ours in starttls(us, service, SocketAddr::new(address, submission)) {
            assert_eq!(ours.session.after_tls(), AfterTls::SendEhlo);
            let end = submit(&mut ours, &format!("starttls {address}"));
            assert_eq!(end, Ok(EndOfInput::Clean));
            assert_summary(&ours, service, "starttls", tls);
        }
    }
}

/// Every way to TLS on a port for STARTTLS, a connection each.
fn starttls(us: &Us, service: Service, address: SocketAddr) -> [Ours; 3] {
    let port = address.port();
    let connector = us.connector(service, TlsMode::StartTls, "localhost", port);
    let endpoint = connector.endpoint().clone();
    let asking = endpoint.with_starttls_strategy(StartTlsStrategy::AskFirst);
    let asking = us.client.connector(&us.account, asking).unwrap();
    [
        dial(&connector, address),
        dial(&asking, address),
        upgrade(&connector, address),
    ]
}

/// The plaintext part up to the server's agreement, and then TLS.
fn upgrade(connector: &Connector, address: SocketAddr) -> Ours {
    let service = connector.endpoint().service();
    let mut outgoing = BytesMut::new();
    let mut socket = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(15)))
        .unwrap();
    let mut lines = BufReader::new(socket.try_clone().unwrap());
    // The command, and how the last line of the greeting and of the answer begin.
    let steps: &[(&str, &str)] = match service {
        Service::Imap => &[("", "* OK"), ("s STARTTLS\r\n", "s OK")],
        Service::Pop3 => &[("", "+OK"), ("STLS\r\n", "+OK")],
        Service::ManageSieve => &[("", "OK"), ("STARTTLS\r\n", "OK")],
        _ => &[
            ("", "220 "),
            ("EHLO client.example\r\n", "250 "),
            ("STARTTLS\r\n", "220 "),
        ],
    };
    for (command, last) in steps {
        socket.write_all(command.as_bytes()).unwrap();
        let mut line = String::new();
        while !line.starts_with(last) {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "{service} ended");
        }
    }
    // What follows the server's agreement cannot be the server's.
    let injected = connector.upgrade(b"* CAPABILITY\r\n", &mut outgoing);
    let Err(Error::Protocol(error)) = injected else {
        panic!("{injected:?}")
    };
    assert!(matches!(
        *error,
        ProtocolError::ResponseInjection { bytes: 14, .. }
    ));
    let session = connector.upgrade(lines.buffer(), &mut outgoing).unwrap();
    Connection::new(socket, session, outgoing)
}

/// The certificate names both addresses; SNI is not sent for them (RFC 6066 §3).
#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn dovecot_by_its_address() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let dovecot = Dovecot::start(&certificates, Tls::V13);
    let us = Us::trusting(&certificates);
    for address in LOOPBACK {
        let (host, port) = (address.to_string(), dovecot.imaps);
        let connector = us.connector(Service::Imap, TlsMode::Implicit, &host, port);
        let mut ours = dial(&connector, SocketAddr::new(address, port));
        assert_eq!(log_in_and_out(&mut ours), Ok(EndOfInput::Clean));
        let summary = ours.summary();
        assert!(summary.contains(" sni=- ") && summary.contains(&format!(" peer={host} ")));
    }
}
