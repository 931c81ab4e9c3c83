//! The protocol libraries of `examples/ecosystem`, over this library, with mail servers.

use crate::Tls;
use crate::certificates::{Certificates, Fault, Key};
use crate::dovecot::{Dovecot, PASSWORD, USER};
use crate::examples::{assert_fails, assert_says, deliver, of, run, version};
use crate::postfix::Postfix;
use crate::process::{LOOPBACK, free_port};
use crate::tls_servers::{self, Plaintext};
use std::path::PathBuf;

const PACKAGE: &str = "mail-tls-ecosystem";
const MESSAGE: &str = "Subject: kept\r\n\r\nA letter that was kept for you.\r\n";

#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn imap_libraries_read_mail_from_dovecot() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let ca = certificates.ca.to_str().unwrap();
    let programs: [(PathBuf, &[&str]); 3] = [
        (
            of(PACKAGE, "async_imap"),
            &["messages: 1", "A letter that was kept for you."],
        ),
        (
            of(PACKAGE, "imap"),
            &["mailbox: INBOX", "messages: 1", "message 1: Some("],
        ),
        (of(PACKAGE, "imap_next"), &["mailbox: Inbox"]),
    ];
    for tls in Tls::BOTH {
        let dovecot = Dovecot::start(&certificates, tls);
        deliver(&dovecot, &certificates, MESSAGE);
        for (program, texts) in &programs {
            for (scheme, port, mode) in [
                ("imaps", dovecot.imaps, "mode=implicit"),
                ("imap", dovecot.imap, "mode=starttls"),
            ] {
                let url = format!("{scheme}://{USER}@localhost:{port}");
                let arguments = ["--ca", ca, &url];
                let read = run(program, &arguments, &format!("{PASSWORD}\n"));
                assert_says(&read, &[mode, &version(tls)]);
                assert_says(&read, texts);

                // Once: Dovecot makes who guesses wait, longer each time.
                if scheme == "imap" && tls == Tls::V13 {
                    let wrong = run(program, &arguments, "wrong\n");
                    assert!(!wrong.success() && !wrong.stderr.is_empty(), "{wrong:#?}");
                    assert!(!wrong.says("panicked"), "{wrong:#?}");
                }
                assert_fails(
                    &run(program, &[&url], &format!("{PASSWORD}\n")),
                    "[unknown-authority]",
                );
            }
        }
    }
}

#[test]
#[ignore = "needs Postfix; run by .ci/run"]
fn lettre_sends_mail_through_postfix() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let ca = certificates.ca.to_str().unwrap();
    let program = of(PACKAGE, "lettre");
    for tls in Tls::BOTH {
        let postfix = Postfix::start(&certificates, tls);
        let url = format!(
            "submissions://inbox@example.org@localhost:{}",
            postfix.submissions
        );
        let sent = run(&program, &["--ca", ca, &url], "\n");
        assert_says(&sent, &[&version(tls), "sent: 250"]);
        assert!(postfix.delivers("Subject: By lettre, over mail-tls"));
        assert!(postfix.delivers("\n.A line with a dot."));

        assert_fails(&run(&program, &[&url], "\n"), "[unknown-authority]");
        let nowhere = format!(
            "submissions://x@example.net@localhost:{}",
            postfix.submissions
        );
        let refused = run(&program, &["--ca", ca, &nowhere], "a password\n");
        assert!(!refused.success(), "{refused:#?}");
        let starttls = format!(
            "submission://x@example.org@localhost:{}",
            postfix.submission
        );
        assert_fails(
            &run(&program, &["--ca", ca, &starttls], "\n"),
            "use submissions://",
        );
    }
}

#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn what_goes_wrong_is_the_sessions_own_sentence() {
    let programs = ["async_imap", "imap", "imap_next"].map(|name| of(PACKAGE, name));
    let good = Certificates::good(Key::EcdsaP256);
    let ca = good.ca.to_str().unwrap();
    let wrong_name = Certificates::bad(Fault::WrongName);
    let server = tls_servers::openssl(&wrong_name, Tls::V13, LOOPBACK[0], &[]);
    let plain = Plaintext::start("* OK no TLS here\r\n");
    for program in programs {
        for (ca, port, sentence) in [
            (
                wrong_name.ca.to_str().unwrap(),
                server.address.port(),
                "[name-mismatch]",
            ),
            (ca, plain.address.port(), "[plaintext-peer]"),
            (ca, free_port(), "refused"),
        ] {
            let url = format!("imaps://x@localhost:{port}");
            assert_fails(&run(&program, &["--ca", ca, &url], "secret\n"), sentence);
        }
        assert_fails(&run(&program, &[], ""), "SCHEME://USER@HOST");
        assert_fails(&run(&program, &["smtp://a@b"], ""), "is no scheme for");
        assert_fails(&run(&program, &["imaps://a@b c"], ""), "");
    }
}
