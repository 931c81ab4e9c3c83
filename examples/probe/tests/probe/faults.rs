//! Real servers with one fault each: the finding, its level and the exit status.

use std::process::Command;

use crate::certificates::{Certificates, Fault, Key};
use crate::dovecot::Dovecot;
use crate::knot::{Delegation, Knot};
use crate::process::{Scratch, Server, free_port};
use crate::world::{
    CRITICAL, LISTEN, assert_found, findings, probe_domain, probe_host, services, tlsa, zone,
};

/// `openssl dhparam 1024`
const DH_1024: &str = "-----BEGIN DH PARAMETERS-----\n\
MIGHAoGBAITvgDKHcZefyYpGwB3u9g+1Kqy/ETBMyTYOCIoUdwrWMZrT99mcyGuA\n\
9l9yW5UiWU/oZcwF0BgdkVKmMQU8xtA/q1fyVQTKV8o2wRxUSs6dm6s4jhPKP/ZA\n\
MfpJeCJSFDi810fYPKeKC1G/oj0R+kgrwU9uauqBcDWJMn/r2xKPAgEC\n\
-----END DH PARAMETERS-----\n";
const MODERN: &str = "MinProtocol = TLSv1.2";

fn dovecot(certificates: &Certificates, settings: &str, openssl: &str) -> Dovecot {
    Dovecot::start_with(certificates, &format!("{LISTEN}\n{settings}"), openssl)
}

#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn certificates_that_clients_refuse() {
    for (fault, code) in [
        (Fault::Expired, "expired"),
        (Fault::WrongName, "host-not-named"),
        (Fault::SelfSigned, "self-signed"),
        (Fault::UnknownAuthority, "unknown-authority"),
        (Fault::NoIntermediate, "missing-intermediate"),
    ] {
        let certificates = Certificates::bad(fault);
        let dovecot = dovecot(&certificates, "", MODERN);
        let [imaps, imap, ..] = services(&dovecot);
        let arguments = [&imaps, &imap, "--json", "--quick"];
        let run = probe_host(&certificates, "localhost", &arguments);
        let report = assert_found(&run, CRITICAL, &[("error", code)]);
        // Once, for both ports; and looked at to the end all the same.
        assert_eq!(report["critical"], 1, "{fault:?} {report:#}");
        assert_eq!(report["findings"][0]["places"].as_array().unwrap().len(), 2);
        for server in report["servers"].as_array().unwrap() {
            assert_eq!(server["clients"][0]["accepts"], false, "{fault:?}");
            assert!(!server["after_tls"].as_array().unwrap().is_empty());
        }
        let run = probe_host(&certificates, "localhost", &[&imaps, "--quick"]);
        assert!(
            run.stdout.starts_with("CRITICAL  localhost: 1 critical"),
            "{run:#?}"
        );
        assert!(run.says("REFUSES") && run.says("RFC 8314 §4.4"), "{run:#?}");
    }
}

#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn ways_into_cleartext() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let rows: [(&str, &[(&str, &str)]); 2] = [
        (
            "ssl = no\ndisable_plaintext_auth = no\n\
             service imap-login {\ninet_listener imaps {\nssl = no\n}\n}",
            &[
                ("error", "starttls-not-offered"),
                ("error", "login-before-tls"),
            ],
        ),
        (
            "ssl = yes\ndisable_plaintext_auth = no",
            &[("error", "login-before-tls")],
        ),
    ];
    for (settings, expected) in rows {
        let dovecot = dovecot(&certificates, settings, MODERN);
        let [_, imap, _, pop3, sieve] = services(&dovecot);
        let arguments = [&imap, &pop3, &sieve, "--json", "--quick"];
        let run = probe_host(&certificates, "localhost", &arguments);
        let report = assert_found(&run, CRITICAL, expected);
        assert_eq!(report["critical"], expected.len(), "{report:#}");
        for finding in report["findings"].as_array().unwrap() {
            assert_eq!(
                finding["places"].as_array().unwrap().len(),
                3,
                "{finding:#}"
            );
        }
    }
}

#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn what_should_have_been_switched_off() {
    let certificates = Certificates::good(Key::Rsa2048);
    let settings = "ssl_min_protocol = TLSv1\nssl_cipher_list = ALL:eNULL:@SECLEVEL=0";
    let openssl = "MinProtocol = TLSv1\nCipherString = ALL:eNULL:@SECLEVEL=0";
    let dovecot = dovecot(&certificates, settings, openssl);
    let [imaps, imap, ..] = services(&dovecot);
    let run = probe_host(&certificates, "localhost", &[&imaps, &imap, "--json"]);
    let report = assert_found(
        &run,
        CRITICAL,
        &[
            ("error", "old-tls-version"),
            ("error", "forbidden-suites"),
            ("advice", "weak-suites"),
        ],
    );
    for server in report["servers"].as_array().unwrap() {
        let versions = &server["agrees_to"]["versions"];
        let all = ["TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"];
        assert_eq!(*versions, serde_json::json!(all), "{server:#}");
    }
    let of_version = report["findings"].as_array().unwrap().iter();
    let of_version = of_version.filter(|one| one["code"] == "old-tls-version");
    assert_eq!(of_version.count(), 2); // one for each version
}

/// RFC 9325 §4.5: 2048 bits at least.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn a_small_group() {
    let certificates = Certificates::good(Key::Rsa2048);
    let scratch = Scratch::new();
    let parameters = scratch.write("dh.pem", DH_1024);
    let port = free_port();
    let mut command = Command::new("openssl");
    command.args([
        "s_server",
        "-accept",
        &format!("127.0.0.1:{port}"),
        "-quiet",
        "-tls1_2",
    ]);
    command
        .args(["-cipher", "DHE:@SECLEVEL=0", "-dhparam"])
        .arg(&parameters);
    command.arg("-cert").arg(&certificates.chain);
    command.arg("-key").arg(&certificates.key);
    // The level of the command line comes too late for the parameters.
    let lowest = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n\
                  CipherString = DEFAULT:@SECLEVEL=0\n";
    command.env("OPENSSL_CONF", scratch.write("openssl.cnf", lowest));
    let log = scratch.path().join("log");
    let _server = Server::start("openssl", &command, &log, port);
    let service = format!("--service=imaps:{port}");
    let arguments = [&*service, "--address=127.0.0.1", "--json", "--timeout=3"];
    let run = probe_host(&certificates, "localhost", &arguments);
    // Nor have clients of today a suite in common with it.
    let expected = [("error", "small-dh-group"), ("error", "handshake-failed")];
    let report = assert_found(&run, CRITICAL, &expected);
    assert_eq!(report["servers"][0]["agrees_to"]["dh_bits"], 1024);
}

/// A whole domain whose DNS is wrong.
#[test]
#[ignore = "needs Knot DNS and Dovecot; run by .ci/run"]
fn what_dns_has_wrong() {
    let certificates = Certificates::naming(&["mail.test.example", "test.example"]);
    let dovecot = dovecot(&certificates, "ssl_min_protocol = TLSv1.2", MODERN);
    let nobody = free_port();
    let other = tlsa(&Certificates::good(Key::EcdsaP256));
    let imaps = dovecot.imaps;
    let records = format!(
        "_imaps._tcp SRV 0 1 {imaps} mail\n_submissions._tcp SRV 0 1 {nobody} mail\n\
         _pop3s._tcp SRV 0 1 995 gone\nmail A 127.0.0.2\n_{imaps}._tcp.mail TLSA {other}\n"
    );
    let knot = Knot::start(&[
        zone("test.example", Delegation::Signed, &records),
        zone("bogus.example", Delegation::WrongKey, &records),
    ]);
    let ask = |address| probe_domain(&knot, &certificates.ca, &[address, "--json", "--quick"]);
    let expected = [
        ("error", "tlsa-mismatch"),
        ("error", "connection-refused"),
        ("error", "no-address"),
        ("error", "srv-target-without-address"),
    ];
    let report = assert_found(&ask("ann@test.example"), CRITICAL, &expected);
    let clients = report["servers"][0]["clients"].as_array().unwrap();
    let accepts: Vec<_> = clients.iter().map(|one| one["accepts"].as_bool()).collect();
    assert_eq!(
        accepts,
        [Some(true), Some(true), Some(false)],
        "{clients:#?}"
    );
    let report = assert_found(
        &ask("ann@bogus.example"),
        CRITICAL,
        &[("error", "dns-failed")],
    );
    assert!(report["servers"].as_array().unwrap().is_empty());
    assert!(
        findings(&report)
            .iter()
            .all(|(_, code)| code == "dns-failed")
    );
}
