//! The question and the verdict, for people.

use mail_tls::dane::DaneReport;
use mail_tls::verify::{Authentication, CheckResult, Revocation};
use mail_tls::{CertificateRejection, Verification};

use crate::question::Question;

pub(crate) fn question(question: &Question) {
    let endpoint = &question.endpoint;
    println!(
        "Server: {} on port {}, {} with {} ({})",
        endpoint.host(),
        endpoint.port(),
        endpoint.service(),
        endpoint.mode(),
        endpoint.provenance()
    );
    println!("Expected in the certificate, one of:");
    for reference in &question.references {
        println!("  {reference} ({})", reference.provenance());
    }
}

pub(crate) fn acceptance(verification: &Verification) {
    let by = match verification.authentication() {
        Authentication::Pkix => "a trusted authority vouches for it",
        Authentication::DaneTa => {
            "an authority that the domain has published in DNS vouches for it"
        }
        Authentication::DaneEe => "the domain has published it in DNS",
        Authentication::Pinned => "it is pinned",
        _ => "it is authenticated",
    };
    println!("\nACCEPTED: {by}");
    match (verification.reference(), verification.presented_name()) {
        (Some(reference), Some(name)) => println!("  {reference} is matched by {name}"),
        (Some(reference), None) => println!("  it is {reference}, whatever names it bears"),
        (None, _) => {}
    }
    match verification.revocation() {
        Revocation::NotAsked => {}
        Revocation::NotRevoked => println!("  nothing in its chain was revoked"),
        Revocation::Unknown(gap) => println!("  {gap}"),
        _ => {}
    }
    print_dane(verification.dane());
}

pub(crate) fn rejection(rejection: &CertificateRejection) {
    let primary = rejection.primary();
    println!("\nREFUSED: {rejection}");
    println!("  What to do: {}", primary.user_advice());
    println!("Checks:");
    for (check, result) in rejection.results() {
        let result = match result {
            CheckResult::Passed => "passed",
            CheckResult::Failed => "FAILED",
            CheckResult::NotMade => "not made",
            _ => "unknown",
        };
        println!("  {check}: {result}");
    }
    println!("In full, with what the operator of the server can do:");
    for failure in rejection.failures() {
        println!("  [{}] {failure}", failure.code());
        println!("      {}", failure.operator_advice());
    }
    print_dane(rejection.dane());
}

fn print_dane(report: Option<&DaneReport>) {
    let Some(report) = report else { return };
    println!("TLSA records at {}:", report.name());
    if let Some(reason) = report.not_applied() {
        println!("  not applied: {reason}");
    }
    for (record, fate) in report.records() {
        println!("  {record}: {fate}");
    }
}
