//! The clients among the examples as programs: `blocking_client`, `tokio_client`,
//! `starttls_client`, `pinning`.

use crate::Tls;
use crate::certificates::{Certificates, Fault, Key};
use crate::dovecot::{Dovecot, PASSWORD, USER};
use crate::examples::{assert_fails, assert_says, blocking, deliver, of, run, version};
use crate::postfix::Postfix;
use crate::process::{LOOPBACK, Scratch, free_port};
use crate::tls_servers::{self, End, Engine, Plaintext};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::PathBuf;

/// Each client, and what it has to say besides. Ask for them before there are servers, which live no
/// longer than a build may take.
fn clients() -> [(PathBuf, &'static [&'static str]); 2] {
    [
        (blocking("blocking_client"), &[]),
        (
            of("mail-tls-async-examples", "tokio_client"),
            &["--for", "1"],
        ),
    ]
}

#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn with_dovecot() {
    let clients = clients();
    let certificates = Certificates::good(Key::EcdsaP256);
    let ca = certificates.ca.to_str().unwrap();
    for tls in Tls::BOTH {
        let dovecot = Dovecot::start(&certificates, tls);
        deliver(&dovecot, &certificates, "Subject: one\r\n\r\ntext\r\n");
        for (program, options) in &clients {
            for (scheme, host, port, mode) in [
                ("imaps", "localhost", dovecot.imaps, "mode=implicit"),
                ("imaps", "[::1]", dovecot.imaps, "mode=implicit"),
                ("imap", "127.0.0.1", dovecot.imap, "mode=starttls"),
            ] {
                let url = format!("{scheme}://{USER}@{host}:{port}");
                let arguments = [*options, &["--ca", ca, &url]].concat();
                let read = run(program, &arguments, &format!("{PASSWORD}\n"));
                let farewell = "closed: Some(Clean)";
                assert_says(&read, &[mode, &version(tls), "* 1 EXISTS", farewell]);
                let stranger = [*options, &[&url]].concat();
                assert_fails(&run(program, &stranger, "test\n"), "[unknown-authority]");
            }
            // Once: Dovecot makes who guesses wait, longer each time.
            let url = format!("imap://{USER}@localhost:{}", dovecot.imap);
            let wrong = [*options, &["--ca", ca, &url]].concat();
            if tls == Tls::V13 {
                let run = run(program, &wrong, "wrong\n");
                assert_fails(&run, "[AUTHENTICATIONFAILED]");
            }
        }
    }
}

#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn with_servers_that_go_wrong() {
    let clients = clients();
    let good = Certificates::good(Key::EcdsaP256);
    let expired = Certificates::bad(Fault::Expired);
    let late = tls_servers::openssl(&expired, Tls::V13, LOOPBACK[0], &[]);
    let plain = Plaintext::start("* OK no TLS here\r\n");
    // It greets, echoes the login, and knows no IMAP: `a LOGIN` comes back as a refusal.
    let echoes = tls_servers::python(&good, Tls::V13, LOOPBACK[0], Engine::Ssl, End::Drop);
    for (program, options) in clients {
        for (ca, port, sentence) in [
            (&expired.ca, late.address.port(), "[expired]"),
            (&good.ca, plain.address.port(), "[plaintext-peer]"),
            (&good.ca, echoes.address.port(), "the server says: a LOGIN"),
            (&good.ca, free_port(), "refused"),
        ] {
            let url = format!("imaps://x@127.0.0.1:{port}");
            let arguments = [options, &["--ca", ca.to_str().unwrap(), &url]].concat();
            assert_fails(&run(&program, &arguments, "secret\n"), sentence);
        }
        for (arguments, sentence) in [
            (&[][..], "usage: "),
            (&["--ca"], "usage: "),
            (&["smtp://a@b"], "usage: "),
            (&["imaps://b"], "usage: "),
            (&["imaps://a@b:99999"], "number too large"),
            (&["--ca", "/nonexistent", "imaps://a@b"], "No such file"),
        ] {
            assert_fails(&run(&program, arguments, ""), sentence);
        }
    }
}

#[test]
#[ignore = "needs Dovecot and Postfix; run by .ci/run"]
fn starttls_with_mail_servers() {
    let program = blocking("starttls_client");
    let certificates = Certificates::good(Key::EcdsaP256);
    let ca = certificates.ca.to_str().unwrap();
    for tls in Tls::BOTH {
        let dovecot = Dovecot::start(&certificates, tls);
        let postfix = Postfix::start(&certificates, tls);
        for (scheme, port, texts) in [
            ("imap", dovecot.imap, ["IMAP4rev1", "b OK"]),
            ("pop3", dovecot.pop3, ["UIDL", "+OK"]),
            ("sieve", dovecot.sieve, ["SIEVE", "OK"]),
            ("submission", postfix.submission, ["CHUNKING", "221 2.0.0"]),
        ] {
            let url = format!("{scheme}://localhost:{port}");
            for strategy in [&[][..], &["--ask-first"]] {
                let run = run(&program, &[strategy, &["--ca", ca, &url]].concat(), "");
                assert_says(&run, &["mode=starttls", &version(tls)]);
                assert_says(&run, &texts);
                assert!(run.success(), "{run:#?}");
            }
            let stranger = run(&program, &[&url], "");
            assert_fails(&stranger, "is not trusted");
        }
    }
}

#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn the_dialogue_about_a_pin() {
    let program = blocking("pinning");
    let certificates = Certificates::good(Key::EcdsaP256);
    let digest = Sha256::digest(&certificates.chain_der[0]);
    let typed: String = digest[..4]
        .iter()
        .map(|byte| format!("{byte:02X}:"))
        .collect();
    let dovecot = Dovecot::start(&certificates, Tls::V13);
    let scratch = Scratch::new();
    let pins = scratch.path().join("pins.txt");
    let file = pins.to_str().unwrap();
    let url = format!("imap://localhost:{}", dovecot.imap);
    let pinning = |extra: &[&str], address: &str, url: &str, typed: &str| {
        let arguments = [extra, &["--pins", file, address, url]].concat();
        run(&program, &arguments, &format!("{typed}\n"))
    };
    let ann = "ann@example.org";

    for wrong in ["", "yes", "00000000", &typed[..6]] {
        let run = pinning(&[], ann, &url, wrong);
        assert_fails(&run, "nothing was stored, and nothing was sent");
        assert!(run.says("SHA-256: sha256:"), "{run:#?}");
        assert!(!pins.exists());
    }
    let accepted = pinning(&[], ann, &url, &typed);
    assert_says(
        &accepted,
        &["was refused", "connected; to be shown: ", "1 pins"],
    );
    // RFC 8314 §5.4: never shown as what it is not.
    assert!(!accepted.says("Confidential"), "{accepted:#?}");
    // From now on without a question.
    let again = pinning(&[], ann, &url, "");
    assert_says(&again, &["connected; to be shown: ", "1 pins"]);
    assert!(!again.says("was refused"), "{again:#?}");
    // Nowhere else, and nobody else.
    let other = format!("imaps://localhost:{}", dovecot.imaps);
    let elsewhere = pinning(&[], ann, &other, &typed);
    assert!(elsewhere.says("It cannot be trusted by decision."));
    assert!(!elsewhere.success());
    // With the authority no question comes up; forgetting takes the pin back.
    let ca = certificates.ca.to_str().unwrap();
    let trusted = pinning(&["--ca", ca, "--forget"], ann, &url, "");
    assert_says(&trusted, &["connected; to be shown: ", "0 pins"]);
    assert_fails(&pinning(&[], ann, &url, ""), "nothing was stored");

    fs::write(&pins, "not a pin\n").unwrap();
    assert!(!pinning(&[], ann, &url, &typed).success());
    assert_eq!(fs::read_to_string(&pins).unwrap(), "not a pin\n");
    fs::remove_file(&pins).unwrap();
    assert_fails(&pinning(&[], "not an address", &url, ""), "address");
    assert_fails(&pinning(&[], ann, "imap:localhost", ""), "usage: ");
}
