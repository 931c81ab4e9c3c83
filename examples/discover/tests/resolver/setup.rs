//! The example `account_setup` as a program: from an address to a login at a real Dovecot.

use std::process::Command;

use crate::Tls;
use crate::certificates::{Certificates, Fault};
use crate::dovecot::{Dovecot, PASSWORD};
use crate::knot::{Delegation, Knot};
use crate::process::{AfterInput, Run, free_port, run_to_end};
use crate::world::zone;

fn run(knot: &Knot, certificates: &Certificates, arguments: &[&str], input: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_account_setup"));
    command.args(["--server", &knot.address.to_string()]);
    command.arg("--trust-anchor").arg(&knot.trust_anchor);
    command.arg("--ca").arg(&certificates.ca).args(arguments);
    run_to_end(&command, input, AfterInput::End)
}

#[track_caller]
fn assert_says(run: &Run, success: bool, texts: &[&str]) {
    assert_eq!(run.success(), success, "{run:#?}");
    for text in texts {
        assert!(run.says(text), "no {text:?}: {run:#?}");
    }
    assert!(!run.says("panicked"), "{run:#?}");
}

#[test]
#[ignore = "needs Knot DNS and Dovecot; run by .ci/run"]
fn an_account_is_set_up() {
    let certificates = Certificates::naming(&["test.example", "mail.provider.example"]);
    let dovecot = Dovecot::start(&certificates, Tls::V13);
    let (nobody, imap) = (free_port(), dovecot.imap);
    let hosts = "mail A 127.0.0.1\n";
    // RFC 8314 §5.1: implicit TLS is tried first, although nobody is there.
    let own = format!("_imaps._tcp SRV 0 1 {nobody} mail\n_imap._tcp SRV 0 1 {imap} mail\n{hosts}");
    let lent = format!("_imap._tcp SRV 0 1 {imap} mail.provider.example.\n");
    let knot = Knot::start(&[
        zone("test.example", Delegation::Signed, &own),
        zone("lent.example", Delegation::Unsigned, &lent),
        zone("provider.example", Delegation::Unsigned, hosts),
        zone("bogus.example", Delegation::WrongKey, &own),
    ]);
    let password = format!("{PASSWORD}\n");
    let set_up = run(
        &knot,
        &certificates,
        &["--login", "test@test.example"],
        &password,
    );
    let says = [
        "with implicit TLS (it is the preferred server)",
        "with STARTTLS (the attempt before it was refused, and this way is not weaker)",
        "Confidential: encrypted, and with the right server.",
        "IMAP: ready to log in",
        "logged in",
        "test@test.example is set up.",
    ];
    assert_says(&set_up, true, &says);
    let wrong = run(
        &knot,
        &certificates,
        &["--login", "test@test.example"],
        "wrong\n",
    );
    assert_says(&wrong, false, &["ready to log in", "AUTHENTICATIONFAILED"]);

    // Outside the domain and unsigned: not before the user has said yes (RFC 6186 §6).
    let asked = run(&knot, &certificates, &["test@lent.example"], "");
    let question = "mail.provider.example is said to be the mail server of lent.example";
    assert_says(&asked, false, &[question, "nothing was connected to"]);
    let confirmed = ["--confirm", "mail.provider.example", "test@lent.example"];
    let confirmed = run(&knot, &certificates, &confirmed, "");
    assert_says(&confirmed, true, &["ready to log in", "is set up."]);
    assert!(!confirmed.says("logged in"), "{confirmed:#?}");

    let bogus = run(&knot, &certificates, &["test@bogus.example"], "");
    assert_says(&bogus, false, &["DNS names no servers"]);
    // No password leaves for a server that cannot be verified.
    let stranger = Certificates::bad(Fault::WrongName);
    let refused = run(
        &knot,
        &stranger,
        &["--login", "test@test.example"],
        &password,
    );
    assert_says(&refused, false, &["authority"]);
    assert!(
        !refused.says("ready") && !refused.says("logged in"),
        "{refused:#?}"
    );
    for (arguments, said) in [
        (&[][..], "usage:"),
        (&["--what"], "usage:"),
        (&["test"], "@"),
    ] {
        assert_says(&run(&knot, &certificates, arguments, ""), false, &[said]);
    }
}
