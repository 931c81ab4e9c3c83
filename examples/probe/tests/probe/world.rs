//! Runs the probe, and reads what it says.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::certificates::Certificates;
use crate::dovecot::Dovecot;
use crate::knot::{Delegation, Knot, Zone};
use crate::postfix::Postfix;
use crate::process::{AfterInput, Run, run_to_end};

pub(crate) const OK: i32 = 0;
pub(crate) const WARNING: i32 = 1;
pub(crate) const CRITICAL: i32 = 2;
pub(crate) const UNKNOWN: i32 = 3;

pub(crate) fn probe(arguments: &[&str]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mail-tls-probe"));
    run_to_end(command.args(arguments), "", AfterInput::End)
}

/// Dovecot takes who connects to 127.0.0.1 for secure without TLS, because it is the client's own
/// address as well.
pub(crate) const LISTEN: &str = "listen = 127.0.0.1, 127.0.0.2, ::1";

/// Trusting these, without DNS: `host` is at 127.0.0.2 unless they say where.
pub(crate) fn probe_host(certificates: &Certificates, host: &str, arguments: &[&str]) -> Run {
    let ca = certificates.ca.to_str().unwrap();
    let common = ["--ca", ca, "--dns", "none", host];
    let says_where = arguments.iter().any(|one| one.starts_with("--address"));
    let place: &[&str] = if says_where {
        &[]
    } else {
        &["--address=127.0.0.2"]
    };
    probe(&[&common, place, arguments].concat())
}

/// Trusting these, with the answers of this name server.
pub(crate) fn probe_domain(knot: &Knot, ca: &Path, arguments: &[&str]) -> Run {
    let dns = knot.address.to_string();
    let anchor = knot.trust_anchor.to_str().unwrap();
    let ca = ca.to_str().unwrap();
    let common = ["--ca", ca, "--dns", &dns, "--trust-anchor", anchor];
    probe(&[&common[..], arguments].concat())
}

/// Asks for these ports of Dovecot's.
pub(crate) fn services(dovecot: &Dovecot) -> [String; 5] {
    let Dovecot {
        imaps,
        imap,
        pop3s,
        pop3,
        sieve,
        ..
    } = dovecot;
    [
        format!("--service=imaps:{imaps}"),
        format!("--service=imap:{imap}"),
        format!("--service=pop3s:{pop3s}"),
        format!("--service=pop3:{pop3}"),
        format!("--service=sieve:{sieve}"),
    ]
}

pub(crate) fn of_postfix(postfix: &Postfix) -> [String; 2] {
    [
        format!("--service=submissions:{}", postfix.submissions),
        format!("--service=submission:{}", postfix.submission),
    ]
}

/// The record of the server's own certificate.
pub(crate) fn tlsa(certificates: &Certificates) -> String {
    format!("3 0 1 {:x}", Sha256::digest(&certificates.chain_der[0]))
}

pub(crate) fn zone(name: &'static str, delegation: Delegation, records: &str) -> Zone {
    Zone {
        name,
        parent: "",
        delegation,
        records: records.to_owned(),
    }
}

pub(crate) fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"))
}

/// The levels and codes of what was found.
pub(crate) fn findings(report: &Value) -> Vec<(String, String)> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let all = report["findings"].as_array().unwrap().iter();
    all.map(|one| (text(one, "level"), text(one, "code")))
        .collect()
}

/// The exit status, and every one of these among the findings.
#[track_caller]
pub(crate) fn assert_found(run: &Run, status: i32, expected: &[(&str, &str)]) -> Value {
    assert_eq!(run.status.code(), Some(status), "{run:#?}");
    let report = json(run);
    let found = findings(&report);
    for (level, code) in expected {
        let is_there = found
            .iter()
            .any(|(l, c)| (l.as_str(), c.as_str()) == (*level, *code));
        assert!(is_there, "no {level} {code}: {}", run.stdout);
    }
    report
}
