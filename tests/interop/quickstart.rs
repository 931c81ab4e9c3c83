//! `examples/quickstart.rs` as a program: with mail servers, and with everything that goes wrong,
//! of which it says one helpful sentence.

use crate::Tls;
use crate::certificates::{Certificates, Fault, Key};
use crate::dovecot::Dovecot;
use crate::exim::Exim;
use crate::postfix::Postfix;
use crate::process::{AfterInput, Run, free_port, run_to_end};
use crate::tls_servers::{self, Plaintext};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program, built as it is now.
fn quickstart(arguments: &[&str]) -> Run {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "--example", "quickstart"]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().unwrap().success());
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        target.join("debug/examples/quickstart")
    });
    run_to_end(Command::new(program).args(arguments), "", AfterInput::End)
}

#[track_caller]
fn assert_says(run: &Run, texts: &[&str]) {
    assert!(run.success() && run.stderr.is_empty(), "{run:#?}");
    for text in texts {
        assert!(run.stdout.contains(text), "no {text:?} in {run:#?}");
    }
}

/// One sentence in one line, and the status.
#[track_caller]
fn assert_fails(run: &Run, status: i32, sentence: &str) {
    assert_eq!(run.status.code(), Some(status), "{run:#?}");
    let mut lines = run.stderr.lines();
    let first = lines.next().unwrap_or_default();
    let said = first.strip_prefix("quickstart: ").unwrap_or_default();
    assert!(said.contains(sentence), "no {sentence:?} in {run:#?}");
    // A mistake in the arguments is followed by what they are.
    assert_eq!(lines.next().is_some(), status == 2, "{run:#?}");
    assert!(lines.next().is_none(), "{run:#?}");
}

#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn by_itself() {
    assert_says(
        &quickstart(&[]),
        &[
            "verified: localhost",
            " version=TLSv1.3 cipher=TLS_",
            "greeting: * OK",
            "farewell: * BYE",
            "closed: Clean",
            "server: the client has gone, Clean",
        ],
    );
}

#[test]
#[ignore = "needs Dovecot, Postfix and Exim; run by .ci/run"]
fn with_mail_servers() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let ca = certificates.ca.to_str().unwrap();
    for tls in Tls::BOTH {
        let dovecot = Dovecot::start(&certificates, tls);
        let postfix = Postfix::start(&certificates, tls);
        let exim = Exim::start(&certificates, tls);
        for (scheme, port, service, greeting, farewell) in [
            ("imaps", dovecot.imaps, "IMAP", "* OK", "* BYE"),
            ("pop3s", dovecot.pop3s, "POP3", "+OK", "+OK"),
            (
                "submissions",
                postfix.submissions,
                "submission",
                "220 ",
                "221 ",
            ),
            (
                "SUBMISSIONS",
                exim.submissions,
                "submission",
                "220 ",
                "221 ",
            ),
        ] {
            for (host, name) in [
                ("localhost", "localhost"),
                ("127.0.0.1", "127.0.0.1"),
                ("[::1]", "::1"),
            ] {
                let run = quickstart(&["--ca", ca, &format!("{scheme}://{host}:{port}")]);
                assert_says(
                    &run,
                    &[
                        &format!("verified: {name} by the certificate's name {name}\n"),
                        &format!(
                            "session: service={service} mode=implicit version=TLSv{} ",
                            tls.number()
                        ),
                        "next: ReadGreeting\n",
                        &format!("greeting: {greeting}"),
                        &format!("farewell: {farewell}"),
                        "closed: Clean\n",
                    ],
                );
            }
        }
    }
}

#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn bad_arguments() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let key = certificates.key.to_str().unwrap();
    for (arguments, sentence) in [
        (
            &["imap.example.org"][..],
            "\"imap.example.org\" is not a URL such as imaps://host",
        ),
        (
            &["ftp://localhost"],
            "\"ftp\" is none of imaps, pop3s, submissions",
        ),
        (&["imaps://"], "the host name is empty"),
        (&["imaps://imap..example.org"], "has a dot too many"),
        (&["imaps://fred@example.org"], "is an email address"),
        (
            &["imaps://localhost:99999"],
            "\"99999\" is not a port number",
        ),
        (
            &["imaps://::1"],
            "write the IPv6 address in brackets, as in imaps://[::1]",
        ),
        (&["imaps://[::1"], "write the IPv6 address in brackets"),
        (
            &["imaps://localhost", "imaps://localhost"],
            "give one URL only",
        ),
        (
            &["--plain", "imaps://localhost"],
            "there is no option --plain",
        ),
        (&["--ca"], "--ca needs the name of a PEM file"),
        (
            &["--ca", "/nonexistent", "imaps://localhost"],
            "cannot read /nonexistent: No such file",
        ),
        (
            &["--ca", "Cargo.toml", "imaps://localhost"],
            "Cargo.toml: there is no certificate to trust",
        ),
        (&["--ca", key, "imaps://localhost"], "is a private key"),
        (
            &["--ca", certificates.ca.to_str().unwrap()],
            "--ca needs a URL to connect to",
        ),
    ] {
        assert_fails(&quickstart(arguments), 2, sentence);
    }
}

#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn no_way_there() {
    let port = free_port();
    for (host, sentence) in [
        // Multicast: no TCP leads there, whatever the routes.
        ("224.0.0.1", "cannot connect to 224.0.0.1:"),
        ("[ff02::1]", "Network is unreachable"),
        ("127.0.0.1", "Connection refused"),
        ("[::1]", "Connection refused"),
    ] {
        assert_fails(
            &quickstart(&[&format!("imaps://{host}:{port}")]),
            1,
            sentence,
        );
    }
}

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn bad_certificates() {
    let expect = |certificates: &Certificates, ca: Option<&Path>, sentence: &str| {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let server = tls_servers::openssl(certificates, Tls::V13, address, &[]);
        let url = format!("imaps://localhost:{}", server.address.port());
        let run = match ca {
            Some(ca) => quickstart(&["--ca", ca.to_str().unwrap(), &url]),
            None => quickstart(&[&url]),
        };
        assert_fails(&run, 1, sentence);
    };
    for (fault, sentence) in [
        (Fault::WrongName, "other.example"),
        (Fault::Expired, "expired"),
        (Fault::UnknownAuthority, "mail-tls test root"),
        (Fault::NoIntermediate, "mail-tls test intermediate"),
    ] {
        let certificates = Certificates::bad(fault);
        expect(&certificates, Some(&certificates.ca), sentence);
    }
    // Without --ca only Mozilla's authorities are trusted.
    expect(
        &Certificates::good(Key::EcdsaP256),
        None,
        "mail-tls test root",
    );
}

#[test]
#[ignore = "needs Dovecot and Postfix; run by .ci/run"]
fn the_wrong_port() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let dovecot = Dovecot::start(&certificates, Tls::V13);
    let postfix = Postfix::start(&certificates, Tls::V13);
    let web = Plaintext::start("HTTP/1.1 400 Bad Request\r\n\r\n");
    for (scheme, port, sentence) in [
        (
            "imaps",
            dovecot.imap,
            "the port for STARTTLS, implicit TLS is on port 993",
        ),
        (
            "pop3s",
            dovecot.pop3,
            "the port for STARTTLS, implicit TLS is on port 995",
        ),
        (
            "submissions",
            postfix.submission,
            "the port for STARTTLS, implicit TLS is on port 465",
        ),
        (
            "imaps",
            postfix.submission,
            "this is the port of a submission server",
        ),
        (
            "imaps",
            web.address.port(),
            "a web server or a captive portal",
        ),
    ] {
        assert_fails(
            &quickstart(&[&format!("{scheme}://127.0.0.1:{port}")]),
            1,
            sentence,
        );
    }
    // One that hangs up at once, as servers without a certificate do.
    let listener = tls_servers::silent();
    let port = listener.local_addr().unwrap().port();
    let hangs_up = std::thread::spawn(move || drop(listener.accept().unwrap()));
    let run = quickstart(&[&format!("imaps://127.0.0.1:{port}")]);
    hangs_up.join().unwrap();
    assert_fails(&run, 1, "the connection ");
}

/// It gives up after its twenty seconds.
#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn a_server_that_never_answers() {
    let silent = tls_servers::silent();
    let port = silent.local_addr().unwrap().port();
    let run = quickstart(&[&format!("imaps://127.0.0.1:{port}")]);
    let sentence = "no TLS session was established within 20 seconds: the peer said nothing";
    assert_fails(&run, 1, sentence);
}
