//! What our server decides by the ClientHello, as real clients see it: certificate by name, the
//! strict mode, ALPN, the embedder's answer, ACME's validation; and resumption.

use crate::Tls;
use crate::certificates::{Certificates, Fault, Key};
use crate::clients::Library;
use crate::our_client::certified;
use crate::our_server::{OurServer, acceptor, acceptor_with};
use crate::process::{LOOPBACK, Scratch};
use mail_tls::ticket_keys::{TicketKey, TicketKeys};
use mail_tls::{
    Alert, CertifiedChain, Error, HelloAnswer, PolicyRefusal, ProtocolError, ServerAlpn, Service,
    UnknownName,
};
use std::fs;
use std::time::{Duration, SystemTime};

const FAREWELL: &str = "a LOGOUT\r\n";
const OTHER: [&str; 4] = [
    "-servername",
    "other.example",
    "-verify_hostname",
    "other.example",
];

fn chain(certificates: &Certificates) -> CertifiedChain {
    certified(&certificates.chain, &certificates.key)
}

#[test]
#[ignore = "needs OpenSSL and Python; run by .ci/run"]
fn certificates_by_name() {
    let localhost = Certificates::good(Key::EcdsaP256);
    let other = Certificates::bad(Fault::WrongName);
    let names = mail_tls::Certificates::new(chain(&localhost)).with(chain(&other));
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let acceptor = acceptor_with(Service::Imap, names.clone()).build().unwrap();
        let server = OurServer::start(address, acceptor);
        let (here, there) = (
            server.target(&localhost.ca, tls),
            server.target(&other.ca, tls),
        );
        assert!(here.openssl(FAREWELL, &[]).success());
        server.served().assert_clean(&[" sni=localhost "]);
        assert!(there.openssl(FAREWELL, &OTHER).success());
        server.served().assert_clean(&[" sni=other.example "]);
        // Nothing is asked for by who connects to an address: the default is shown.
        assert!(here.python(Library::Imap).success());
        assert!(server.served().summary.unwrap().contains(" sni=- "));
        // So it is to who asks for what is not there; whether it will do, the client says.
        let run = here.openssl(FAREWELL, &["-servername", "unknown.example"]);
        assert!(run.success(), "{run:#?}");
        server.served().assert_clean(&[" sni=unknown.example "]);
        // The wrong one is refused by the client, and the server is told (RFC 8446 §6.2).
        let run = there.openssl(FAREWELL, &[]);
        assert!(!run.success() && run.says("verify error"), "{run:#?}");
        assert_alert(
            server.served().error(),
            48,
            "it does not trust the certificate",
        );
    }
}

/// An ECDSA key and an RSA key for one name: each client gets the one that it can verify, by its
/// signature algorithms, and in TLS 1.2 also by its cipher suites.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn keys_of_two_kinds() {
    let kinds = [Key::EcdsaP256, Key::Rsa2048].map(Certificates::good);
    let both = kinds.each_ref().map(|one| fs::read(&one.ca).unwrap());
    let scratch = Scratch::new();
    let both = scratch.write("both.pem", both.concat());
    let names = mail_tls::Certificates::new(chain(&kinds[0])).with(chain(&kinds[1]));
    for (tls, options, shown) in [
        (
            Tls::V13,
            &["-sigalgs", "ecdsa_secp256r1_sha256"][..],
            "ECDSA",
        ),
        (
            Tls::V13,
            &["-sigalgs", "rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256"],
            "ECDSA",
        ),
        (Tls::V13, &["-sigalgs", "rsa_pss_rsae_sha256"], "RSA-PSS"),
        (Tls::V12, &["-sigalgs", "RSA+SHA256"], "RSA"),
        (
            Tls::V12,
            &["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
            "ECDSA",
        ),
        (
            Tls::V12,
            &["-cipher", "ECDHE-RSA-AES128-GCM-SHA256"],
            "RSA-PSS",
        ),
        (Tls::V12, &["-cipher", "aRSA:aECDSA"], "ECDSA"),
    ] {
        for address in LOOPBACK {
            let acceptor = acceptor_with(Service::Imap, names.clone()).build().unwrap();
            let server = OurServer::start(address, acceptor);
            let run = server.target(&both, tls).openssl(FAREWELL, options);
            let signature = format!("Peer signature type: {shown}\n");
            assert!(
                run.success() && run.says(&signature),
                "{options:?}: {run:#?}"
            );
            server.served().assert_clean(&[" sni=localhost "]);
        }
    }
    // One that can verify neither is told so (RFC 8446 §6.2: handshake_failure, 40).
    let acceptor = acceptor_with(Service::Imap, names).build().unwrap();
    let server = OurServer::start(LOOPBACK[0], acceptor);
    let run = server
        .target(&both, Tls::V13)
        .openssl(FAREWELL, &["-sigalgs", "ed25519"]);
    assert!(
        !run.success() && run.says("SSL alert number 40"),
        "{run:#?}"
    );
    assert!(server.served().error().to_string().contains("signature"));
}

#[track_caller]
fn assert_alert(error: &Error, code_point: u8, cause: &str) {
    let Error::Protocol(protocol) = error else {
        panic!("{error:?}")
    };
    let ProtocolError::AlertReceived { alert, .. } = &**protocol else {
        panic!("{error:?}")
    };
    assert_eq!(*alert, Alert::from_code_point(code_point), "{error}");
    assert!(error.to_string().contains(cause), "{error}");
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn the_strict_mode() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let names =
        mail_tls::Certificates::new(chain(&certificates)).with_unknown_name(UnknownName::Refuse);
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let acceptor = acceptor_with(Service::Imap, names.clone()).build().unwrap();
        let server = OurServer::start(address, acceptor);
        let target = server.target(&certificates.ca, tls);
        assert!(target.openssl(FAREWELL, &[]).success());
        server.served().assert_clean(&[]);
        // RFC 6066 §3: unrecognized_name, 112.
        let run = target.openssl(FAREWELL, &OTHER);
        let has_alert = run.says("unrecognized name") && run.says("SSL alert number 112");
        assert!(!run.success() && has_alert, "{run:#?}");
        let served = server.served();
        let Error::Policy(refusal) = served.error() else {
            panic!("{:?}", served.error())
        };
        let PolicyRefusal::ServerNameNotServed { name, .. } = &**refusal else {
            panic!("{refusal:?}")
        };
        assert_eq!(&**name, "other.example");
    }
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn alpn() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let imap = "ALPN protocol: imap";
    let none = "No ALPN negotiated";
    let alert = "SSL alert number 120";
    // RFC 7301 §3.2: no_application_protocol, 120.
    for (service, alpn, offered, says, is_served) in [
        (Service::Imap, ServerAlpn::Answer, "h2,imap", imap, true),
        (Service::Imap, ServerAlpn::Answer, "h2", alert, false),
        (Service::Imap, ServerAlpn::Ignore, "h2,imap", none, true),
        (Service::Submission, ServerAlpn::Answer, "h2", none, true),
        (Service::Submission, ServerAlpn::Strict, "h2", alert, false),
        (Service::Imap, ServerAlpn::Strict, "imap", imap, true),
    ] {
        for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
            let acceptor = acceptor(service, &certificates).alpn(alpn).build().unwrap();
            let server = OurServer::start(address, acceptor);
            let target = server.target(&certificates.ca, tls);
            let input = if service == Service::Imap {
                FAREWELL
            } else {
                "QUIT\r\n"
            };
            let run = target.openssl(input, &["-alpn", offered]);
            assert_eq!(run.success(), is_served, "{run:#?}");
            assert!(run.says(says), "no {says:?} in {run:#?}");
            let served = server.served();
            if is_served {
                let agreed = if says == imap {
                    " alpn=imap "
                } else {
                    " alpn=- "
                };
                served.assert_clean(&[agreed]);
            } else {
                let code = served.error().code();
                let codes = ["no-common-application-protocol", "alpn-not-offered"];
                assert!(codes.contains(&code), "{:?}", served.error());
            }
        }
    }
}

/// One listener that asks about each ClientHello, and answers by the name in it.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn each_hello_is_answered() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let other = Certificates::bad(Fault::WrongName);
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let from_database = chain(&other);
        let elsewhere = acceptor(Service::Pop3, &certificates).build().unwrap();
        let asking = acceptor(Service::Imap, &certificates).ask_for_each_hello();
        let server =
            OurServer::answering(address, asking.build().unwrap(), move |hello| {
                match hello.server_name() {
                    Some("localhost") => HelloAnswer::Configured,
                    Some("other.example") => HelloAnswer::Certificate(from_database.clone()),
                    Some("pop.example") => HelloAnswer::Acceptor(elsewhere.clone()),
                    _ => HelloAnswer::Refuse,
                }
            });
        let (here, there) = (
            server.target(&certificates.ca, tls),
            server.target(&other.ca, tls),
        );
        assert!(here.openssl(FAREWELL, &[]).success());
        let served = server.served();
        served.assert_clean(&["service=IMAP ", " sni=localhost "]);
        let hello = served.hello.unwrap();
        let version = if tls == Tls::V12 { 0x0303 } else { 0x0304 };
        assert_eq!(hello.versions(), [version]);
        assert!(hello.alpn().is_none() && !hello.is_acme_challenge());

        assert!(there.openssl(FAREWELL, &OTHER).success());
        server
            .served()
            .assert_clean(&["service=IMAP ", " sni=other.example "]);

        let run = here.openssl("QUIT\r\n", &["-servername", "pop.example"]);
        assert!(run.success(), "{run:#?}");
        server
            .served()
            .assert_clean(&["service=POP3 ", " sni=pop.example "]);

        let run = here.openssl(FAREWELL, &["-servername", "unknown.example"]);
        assert!(
            !run.success() && run.says("SSL alert number 112"),
            "{run:#?}"
        );
        assert_eq!(
            *server.served().error(),
            PolicyRefusal::RefusedByAnswer.into()
        );
    }
}

/// RFC 8737 §3: the validation is answered with the certificate made for it, and nothing else is
/// said on the connection.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn acme_tls_alpn_01() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let digest = [7; 32];
    params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(&digest)];
    let key = rcgen::KeyPair::generate().unwrap();
    let challenge = params.self_signed(&key).unwrap().pem();
    let answer = CertifiedChain::from_pem(challenge.as_bytes(), key.serialize_pem().as_bytes());
    let answer = answer.unwrap();
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let answer = answer.clone();
        let asking = acceptor(Service::Imap, &certificates).ask_for_each_hello();
        let server = OurServer::answering(address, asking.build().unwrap(), move |hello| {
            if hello.is_acme_challenge() {
                HelloAnswer::Challenge(answer.clone())
            } else {
                HelloAnswer::Configured
            }
        });
        let target = server.target(&certificates.ca, tls);
        let run = target.openssl_validating_nothing(&["-alpn", "acme-tls/1"]);
        assert!(
            run.success() && run.says("ALPN protocol: acme-tls/1"),
            "{run:#?}"
        );
        let shown = run.stdout.replace("\r\n", "\n");
        assert!(
            shown.contains(challenge.replace("\r\n", "\n").trim()),
            "{run:#?}"
        );
        let served = server.served();
        assert!(
            served.has_answered_challenge && served.end.is_ok(),
            "{served:#?}"
        );
        assert!(served.summary.is_none() && served.commands.is_empty());

        // The next mail client is served as before.
        assert!(target.openssl(FAREWELL, &[]).success());
        server.served().assert_clean(&[" sni=localhost "]);
    }
}

#[test]
#[ignore = "needs OpenSSL and GnuTLS; run by .ci/run"]
fn tickets_are_good() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        for tickets in [1, 0] {
            let acceptor = acceptor(Service::Imap, &certificates).tickets(tickets);
            let server = OurServer::start(address, acceptor.build().unwrap());
            let target = server.target(&certificates.ca, tls);
            let kept = certificates
                .ca
                .with_file_name(format!("session-{tickets}-{tls:?}"));
            let kept = kept.to_str().unwrap();
            let first = target.openssl(FAREWELL, &["-sess_out", kept]);
            assert!(first.success() && first.says("New, "), "{first:#?}");
            server.served().assert_clean(&[" resumed=no "]);
            if tickets == 0 {
                // There is nothing to come back with.
                assert!(!std::path::Path::new(kept).exists());
                continue;
            }
            let second = target.openssl(FAREWELL, &["-sess_in", kept]);
            assert!(second.success() && second.says("Reused, "), "{second:#?}");
            server.served().assert_clean(&[" resumed=yes "]);

            // A listener with another name does not take it.
            let acceptor = acceptor_named(&certificates, tickets);
            let sister = OurServer::start(address, acceptor);
            let third = sister
                .target(&certificates.ca, tls)
                .openssl(FAREWELL, &["-sess_in", kept]);
            assert!(third.success() && third.says("New, "), "{third:#?}");
            sister.served().assert_clean(&[" resumed=no "]);
        }
    }
}

/// A client that was given its ticket by one machine, and comes to another with it: two servers that
/// have nothing in common but keys from outside.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn tickets_are_good_on_another_machine() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let now = SystemTime::now();
    let day = Duration::from_secs(24 * 60 * 60);
    let key = |seed: u8, begins, ends| {
        let octets: Vec<u8> = (0..48).map(|n: u8| n.wrapping_mul(5) ^ seed).collect();
        TicketKey::new(&octets, begins, ends).unwrap()
    };
    let old = || key(1, now - day, now + day);
    let new = || key(2, now - Duration::from_secs(60), now + day);
    let start = |address, keys: TicketKeys| {
        let acceptor = acceptor(Service::Imap, &certificates).ticket_keys(keys);
        OurServer::start(address, acceptor.build().unwrap())
    };
    for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
        let keys = TicketKeys::new([old()]).unwrap();
        let here = start(address, keys.clone());
        let there = start(address, TicketKeys::new([old(), new()]).unwrap());
        let stranger = start(
            address,
            TicketKeys::new([key(3, now - day, now + day)]).unwrap(),
        );
        let file = |name: &str| {
            let file = format!("session-{name}-{tls:?}");
            certificates
                .ca
                .with_file_name(file)
                .to_str()
                .unwrap()
                .to_owned()
        };
        let visit = |server: &OurServer, options: &[&str], is_resumed: bool| {
            let run = server
                .target(&certificates.ca, tls)
                .openssl(FAREWELL, options);
            let said = if is_resumed { "Reused, " } else { "New, " };
            assert!(run.success() && run.says(said), "{run:#?}");
            let said = if is_resumed {
                " resumed=yes "
            } else {
                " resumed=no "
            };
            server.served().assert_clean(&[said]);
        };
        let (first, second) = (file("first"), file("second"));
        visit(&here, &["-sess_out", &first], false);
        visit(&there, &["-sess_in", &first], true);
        visit(&stranger, &["-sess_in", &first], false);
        // The other seals with the next key, which this one gets only later.
        visit(&there, &["-sess_out", &second], false);
        visit(&here, &["-sess_in", &second], false);
        keys.replace([old(), new()]).unwrap();
        visit(&here, &["-sess_in", &second], true);
    }
}

fn acceptor_named(certificates: &Certificates, tickets: usize) -> mail_tls::Acceptor {
    let acceptor = acceptor(Service::Imap, certificates).tickets(tickets);
    acceptor.listener("sister").build().unwrap()
}
