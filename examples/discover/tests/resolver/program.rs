//! The example as a program.

use std::process::Command;

use crate::knot::{Delegation, Knot};
use crate::process::{AfterInput, Run, run_to_end};
use crate::world::zone;

const ZONE: &str = "
_imaps._tcp SRV 0 1 993 mail
_imap._tcp SRV 0 1 143 mail
_pop3s._tcp SRV 9 1 995 mail
_submissions._tcp SRV 0 1 465 mx.provider.example.
mail A 127.0.0.1
_993._tcp.mail TLSA 3 1 1 00000000000000000000000000000000000000000000000000000000000000aa
";

fn run(knot: &Knot, arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mail-tls-discover"));
    command.args(["--server", &knot.address.to_string()]);
    command.arg("--trust-anchor").arg(&knot.trust_anchor);
    command.args(arguments);
    run_to_end(&command, "", AfterInput::End)
}

#[track_caller]
fn assert_says(run: &Run, success: bool, texts: &[&str]) {
    assert_eq!(run.success(), success, "{run:#?}");
    let mut rest = run.stdout.as_str();
    for text in texts {
        let at = rest.find(text);
        let at = at.unwrap_or_else(|| panic!("no {text:?} where it should come: {run:#?}"));
        rest = rest.split_at(at + text.len()).1;
    }
}

#[test]
#[ignore = "needs Knot DNS; run by .ci/run"]
fn what_is_printed() {
    let knot = Knot::start(&[
        zone("signed.example", Delegation::Signed, ZONE),
        zone("plain.example", Delegation::Unsigned, ZONE),
        zone("bogus.example", Delegation::WrongKey, ZONE),
        zone("provider.example", Delegation::Signed, "mx A 127.0.0.1\n"),
    ]);
    assert_says(
        &run(&knot, &["ann@signed.example"]),
        true,
        &[
            "POP3 is offered as well",
            "The plan for IMAP:",
            "IMAP at mail.signed.example:993 with implicit TLS: it is the preferred server",
            "DNSSEC",
            "its certificate may be for signed.example",
            "(DANE)",
            "IMAP at mail.signed.example:143 with STARTTLS: the attempt before it was refused",
            "then: no server can be reached at present",
            "The plan for submission:",
            "mx.provider.example:465",
            "Log in as ann@signed.example; if that is refused, as ann.",
        ],
    );
    let asked = run(&knot, &["ann@plain.example"]);
    let question = "mx.provider.example is said to be the mail server of plain.example";
    assert_says(
        &asked,
        true,
        &[question, "Nothing is connected to before that."],
    );
    assert!(!asked.says("The plan"), "{asked:#?}");
    let confirmed = run(
        &knot,
        &["--confirm", "mx.provider.example", "ann@plain.example"],
    );
    assert_says(
        &confirmed,
        true,
        &[question, "mx.provider.example:465", "confirmed"],
    );
    assert!(!confirmed.says("(DANE)"), "{confirmed:#?}");
    let bogus = run(&knot, &["ann@bogus.example"]);
    assert_says(
        &bogus,
        false,
        &["_imaps._tcp.bogus.example SRV", "may be forged"],
    );
    assert!(bogus.says("Nothing was found: ask for the servers' names."));
    for (arguments, said) in [
        (&["ann@[192.0.2.1]"][..], "no SRV records"),
        (&["ann"], "@"),
        (&[], "usage:"),
        (&["--what"], "usage:"),
        (&["--server"], "usage:"),
    ] {
        let run = run(&knot, arguments);
        assert!(!run.success() && run.stderr.contains(said), "{run:#?}");
    }
}
