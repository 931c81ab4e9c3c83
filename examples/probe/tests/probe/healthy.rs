//! Sites where nothing is wrong, or hardly anything.

use serde_json::Value;

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::dovecot::Dovecot;
use crate::knot::{Delegation, Knot};
use crate::postfix::Postfix;
use crate::world::{
    LISTEN, OK, UNKNOWN, WARNING, assert_found, findings, of_postfix, probe, probe_domain,
    probe_host, services, tlsa, zone,
};

/// The names of what a server agreed to.
fn names(server: &Value, kind: &str, version: &str) -> Vec<String> {
    let all = server["agrees_to"][kind].as_array().unwrap().iter();
    let of_version = all.filter(|one| one["version"] == version);
    of_version
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn dovecot_has_nothing_to_mend() {
    let certificates = Certificates::good(Key::Rsa2048);
    let suites = "ssl_cipher_list = ECDHE+AESGCM:ECDHE+CHACHA20";
    let settings = format!("{LISTEN}\nssl_min_protocol = TLSv1.2\n{suites}");
    let openssl = "MinProtocol = TLSv1.2\nGroups = X25519:P-256";
    let dovecot = Dovecot::start_with(&certificates, &settings, openssl);
    let services = services(&dovecot);
    let mut arguments: Vec<&str> = services.iter().map(String::as_str).collect();
    let run = probe_host(&certificates, "localhost", &arguments);
    assert_eq!(run.status.code(), Some(OK), "{run:#?}");
    let first = run.stdout.lines().next().unwrap();
    assert!(
        first.starts_with("OK        localhost: nothing to change at 5 servers"),
        "{first}"
    );
    // Nobody sees colours or progress who is no terminal.
    assert!(
        !run.stdout.contains('\x1b') && run.stderr.is_empty(),
        "{run:#?}"
    );

    arguments.push("--json");
    let run = probe_host(&certificates, "localhost", &arguments);
    let report = assert_found(&run, OK, &[]);
    assert_eq!(findings(&report), []);
    for server in report["servers"].as_array().unwrap() {
        assert_eq!(server["agrees_to"]["gave_up"], Value::Null, "{server:#}");
        let versions = &server["agrees_to"]["versions"];
        assert_eq!(*versions, serde_json::json!(["TLS 1.2", "TLS 1.3"]));
        // What the configuration says, no more and no less.
        let mut found = names(server, "suites", "TLS 1.2");
        found.sort();
        let expected = [
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        ];
        assert_eq!(found, expected);
        assert_eq!(names(server, "suites", "TLS 1.3").len(), 3);
        for version in ["TLS 1.2", "TLS 1.3"] {
            let mut found = names(server, "groups", version);
            found.sort();
            assert_eq!(found, ["secp256r1", "x25519"], "{version}");
        }
        assert_eq!(server["clients"][0]["accepts"], true);
        let is_starttls = server["mode"] == "STARTTLS";
        let smuggled = &server["smuggled_command"];
        assert_eq!(is_starttls, !smuggled.is_null(), "{server:#}");
        assert!(
            smuggled != "carried-out" && smuggled != "unknown",
            "{server:#}"
        );
        assert_eq!(is_starttls, !server["before_tls"].is_null());
        assert!(!server["after_tls"].as_array().unwrap().is_empty());
    }
    arguments.push("--quick");
    let report = assert_found(&probe_host(&certificates, "localhost", &arguments), OK, &[]);
    assert!(report["servers"][0]["agrees_to"].is_null());
}

#[test]
#[ignore = "needs Postfix; run by .ci/run"]
fn postfix_has_nothing_to_mend() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let postfix = Postfix::start(&certificates, Tls::V13);
    let [implicit, starttls] = of_postfix(&postfix);
    let run = probe_host(
        &certificates,
        "localhost",
        &[
            "--address=127.0.0.1",
            "--address=::1",
            &implicit,
            &starttls,
            "--json",
        ],
    );
    let report = assert_found(&run, OK, &[]);
    assert_eq!(findings(&report), []);
    let servers = report["servers"].as_array().unwrap();
    for server in servers {
        assert_eq!(server["addresses"].as_array().unwrap().len(), 2);
        assert_eq!(
            server["agrees_to"]["versions"],
            serde_json::json!(["TLS 1.3"])
        );
        assert_eq!(server["alpn"]["own"], Value::Null);
    }
    assert_eq!(servers[1]["smuggled_command"], "discarded", "{servers:#?}");
}

#[test]
#[ignore = "needs Knot DNS, Dovecot and Postfix; run by .ci/run"]
fn a_whole_domain() {
    let certificates = Certificates::naming(&["mail.test.example", "test.example"]);
    let settings = format!("{LISTEN}\nssl_min_protocol = TLSv1.3");
    let dovecot = Dovecot::start_with(&certificates, &settings, "MaxProtocol = TLSv1.3");
    let postfix = Postfix::start(&certificates, Tls::V13);
    let tlsa = tlsa(&certificates);
    let records = format!(
        "_imaps._tcp SRV 0 1 {imaps} mail\n_imap._tcp SRV 1 1 {imap} mail\n\
         _pop3s._tcp SRV 9 1 {pop3s} mail\n_sieve._tcp SRV 0 1 {sieve} mail\n\
         _submissions._tcp SRV 0 1 {submissions} out\n\
         mail A 127.0.0.2\nout A 127.0.0.1\nout AAAA ::1\n\
         _{imaps}._tcp.mail TLSA {tlsa}\n_{submissions}._tcp.out TLSA {tlsa}\n",
        imaps = dovecot.imaps,
        imap = dovecot.imap,
        pop3s = dovecot.pop3s,
        sieve = dovecot.sieve,
        submissions = postfix.submissions,
    );
    let knot = Knot::start(&[
        zone("test.example", Delegation::Signed, &records),
        zone("empty.example", Delegation::Signed, ""),
    ]);
    let run = probe_domain(&knot, &certificates.ca, &["ann@test.example", "--json"]);
    // SRV-IDs, which public authorities do not issue; `out` is named by nothing but TLSA.
    let report = assert_found(
        &run,
        WARNING,
        &[
            ("warning", "srv-id-missing"),
            ("warning", "host-not-named"),
            ("advice", "srv-unusual-port"),
        ],
    );
    let servers = report["servers"].as_array().unwrap();
    assert_eq!(servers.len(), 5, "{report:#}");
    let imaps = &servers[0]["clients"];
    let by_tlsa = &imaps[2];
    // RFC 7673 §4.1: DNSSEC vouches for the host's name as well.
    assert_eq!(imaps[1]["references"][2], "mail.test.example", "{imaps:#}");
    assert_eq!(by_tlsa["client"], "applies TLSA (DANE)");
    assert_eq!(by_tlsa["accepts"], true);

    let known = ["srv-id-missing", "host-not-named", "no-starttls"];
    let ignored = known.map(|code| format!("--ignore={code}"));
    let mut arguments = vec!["ann@test.example"];
    arguments.extend(ignored.iter().map(String::as_str));
    let run = probe_domain(&knot, &certificates.ca, &arguments);
    assert_eq!(run.status.code(), Some(OK), "{run:#?}");
    for text in [
        "_imaps._tcp.test.example SRV",
        "secure: 0 1",
        "DNS names the very certificate",
    ] {
        assert!(run.says(text), "no {text:?}: {}", run.stdout);
    }
    let run = probe_domain(&knot, &certificates.ca, &["ann@empty.example"]);
    assert_eq!(run.status.code(), Some(UNKNOWN), "{run:#?}");
    assert!(run.says("has no SRV records for mail"), "{run:#?}");
}

#[test]
fn wrong_use_is_said_in_a_sentence() {
    for (arguments, said) in [
        (&[][..], "ADDRESS|HOST"),
        (&["--what", "example.org"], "--what"),
        (&["192.0.2.1"], "certificates are for names"),
        (&["ann@[192.0.2.1]"], "no SRV records"),
        (&["ann@"], "error: invalid value"),
        (&["--service", "http", "example.org"], "it is none of imaps"),
        (&["--service", "imaps:0", "example.org"], "from 1 to 65535"),
        (&["--timeout", "0", "example.org"], "from 1 to 300"),
        (
            &["--dns", "what", "example.org"],
            "the address of a name server",
        ),
        (
            &["--ca", "/nowhere/ca.pem", "example.org"],
            "cannot read /nowhere/ca.pem",
        ),
        (&["-4", "-6", "example.org"], "cannot be used with"),
    ] {
        let run = probe(arguments);
        assert_eq!(run.status.code(), Some(UNKNOWN), "{arguments:?} {run:#?}");
        assert!(
            run.says(said) && !run.says("panicked"),
            "{arguments:?} {run:#?}"
        );
    }
    let help = probe(&["--help"]);
    assert!(
        help.success() && help.stdout.contains("Exit status"),
        "{help:#?}"
    );
}
