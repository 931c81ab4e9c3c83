//! `examples/explain.rs` as a program: with chains from files, and with a server.

use crate::Tls;
use crate::certificates::{Certificates, Fault, Key};
use crate::dovecot::Dovecot;
use crate::postfix::Postfix;
use crate::process::{AfterInput, Run, free_port, run_to_end};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program, built as it is now.
fn explain(arguments: &[&str]) -> Run {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "--example", "explain"]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().unwrap().success());
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        target.join("debug/examples/explain")
    });
    run_to_end(Command::new(program).args(arguments), "", AfterInput::End)
}

#[track_caller]
fn assert_verdict(run: &Run, status: i32, texts: &[&str]) {
    assert_eq!(run.status.code(), Some(status), "{run:#?}");
    for text in texts {
        assert!(run.stdout.contains(text), "no {text:?} in {run:#?}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn chains_from_files() {
    let good = Certificates::good(Key::EcdsaP256);
    let (ca, chain) = (good.ca.to_str().unwrap(), good.chain.to_str().unwrap());
    assert_verdict(
        &explain(&["--ca", ca, "--host", "localhost", chain]),
        0,
        &[
            "ACCEPTED: a trusted authority",
            "localhost is matched by localhost",
        ],
    );
    assert_verdict(
        &explain(&["--ca", ca, "--host", "127.0.0.1", chain]),
        0,
        &["127.0.0.1 is matched by 127.0.0.1"],
    );
    assert_verdict(
        &explain(&[
            "--ca",
            ca,
            "--host",
            "localhost",
            "--at",
            "2001-01-01",
            chain,
        ]),
        1,
        &[
            "REFUSED: ",
            "is not valid before",
            "dates: FAILED",
            "[not-yet-valid]",
        ],
    );
    assert_verdict(
        &explain(&["--host", "localhost", chain]),
        1,
        &["path: FAILED", "[unknown-authority]", "name: passed"],
    );
    let arguments = [
        "--host",
        "mx.provider.example",
        "--email",
        "ann@localhost.example",
    ];
    let service = [
        "--srv",
        "insecure",
        "--service",
        "submission",
        "--ca",
        ca,
        chain,
    ];
    assert_verdict(
        &explain(&[&arguments[..], &service].concat()),
        1,
        &[
            "from SRV records without DNSSEC",
            "  localhost.example (typed by the user)",
            "  _submission.localhost.example (typed by the user)",
            "[name-mismatch]",
        ],
    );
    for (fault, code) in [
        (Fault::WrongName, "[name-mismatch]"),
        (Fault::Expired, "[expired]"),
        (Fault::UnknownAuthority, "[unknown-authority]"),
        (Fault::NoIntermediate, "[missing-intermediate]"),
    ] {
        let bad = Certificates::bad(fault);
        let (ca, chain) = (bad.ca.to_str().unwrap(), bad.chain.to_str().unwrap());
        let run = explain(&["--ca", ca, "--host", "localhost", chain]);
        assert_verdict(&run, 1, &["REFUSED: ", "What to do: ", code]);
    }
    let record = format!("3 0 1 {}", hex(&Sha256::digest(&good.chain_der[0])));
    assert_verdict(
        &explain(&["--host", "mail.example.net", "--tlsa", &record, chain]),
        0,
        &[
            "ACCEPTED: the domain has published it",
            "_993._tcp.mail.example.net",
        ],
    );
    let other = format!("3 0 1 {}", hex(&Sha256::digest(b"another")));
    assert_verdict(
        &explain(&["--ca", ca, "--host", "localhost", "--tlsa", &other, chain]),
        1,
        &["[tlsa-mismatch]", "TLSA records: FAILED"],
    );
}

#[test]
#[ignore = "needs Dovecot and Postfix; run by .ci/run"]
fn a_server() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let ca = certificates.ca.to_str().unwrap();
    for tls in Tls::BOTH {
        let dovecot = Dovecot::start(&certificates, tls);
        let postfix = Postfix::start(&certificates, tls);
        for (service, port) in [
            ("imaps", dovecot.imaps),
            ("imap", dovecot.imap),
            ("pop3s", dovecot.pop3s),
            ("pop3", dovecot.pop3),
            ("sieve", dovecot.sieve),
            ("submissions", postfix.submissions),
            ("submission", postfix.submission),
        ] {
            let port = port.to_string();
            let at = ["--service", service, "--port", &port, "--connect"];
            let trusting = [&["--ca", ca, "--host", "localhost"][..], &at].concat();
            assert_verdict(&explain(&trusting), 0, &["ACCEPTED: a trusted authority"]);
            let stranger = [&["--host", "localhost"][..], &at].concat();
            assert_verdict(&explain(&stranger), 1, &["[unknown-authority]"]);
        }
    }
}

#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn wrong_use() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let (chain, key) = (
        certificates.chain.to_str().unwrap(),
        certificates.key.to_str().unwrap(),
    );
    let closed = free_port().to_string();
    for (arguments, sentence) in [
        (&[][..], "--host is missing"),
        (&["--host", "localhost"], "give either a chain or --connect"),
        (
            &["--host", "localhost", chain, "--connect"],
            "give either a chain or --connect",
        ),
        (
            &["--host", "localhost", chain, chain],
            "give one chain only",
        ),
        (
            &["--host", "localhost", "--at", "2030-13-01", chain],
            "is not a date",
        ),
        (
            &["--host", "localhost", "--at", "2030-02-29", chain],
            "is not a date",
        ),
        (
            &["--host", "localhost", "--service", "smtp", chain],
            "there is no service smtp",
        ),
        (&["--host", "localhost", "--tlsa", "3 1", chain], "TLSA"),
        (&["--host", "localhost", key], "there is no certificate in"),
        (
            &["--host", "localhost", "--ca", key, chain],
            "is a private key",
        ),
        (
            &["--host", "localhost", "--srv", "insecure", chain],
            "would prove nothing",
        ),
        (&["--host"], "--host needs a value"),
        (&["--hots", "localhost"], "there is no option --hots"),
        (
            &["--host", "127.0.0.1", "--port", &closed, "--connect"],
            "cannot connect",
        ),
    ] {
        let run = explain(arguments);
        assert_eq!(run.status.code(), Some(2), "{run:#?}");
        assert!(run.stderr.starts_with("explain: "), "{run:#?}");
        assert!(run.stderr.contains(sentence), "no {sentence:?} in {run:#?}");
    }
}
