//! From a mail address to a plan: what is asked of DNS, what comes back with which status, which
//! servers follow from it, in which order they are tried, and why.
//!
//! ```text
//! cargo run -p mail-tls-discover -- ann@example.org
//! cargo run -p mail-tls-discover -- --confirm imap.example.net ann@example.org
//! ```
//!
//! Nothing is connected to. `--server ADDRESS:PORT` asks another name server than the system's,
//! `--trust-anchor FILE` (DNSKEY records) trusts other keys than those of the DNS root.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use mail_tls::discovery::{
    Attempt, Configuration, Decision, Discovery, Outcome, Report, user_identifiers,
};
use mail_tls::{Account, Acknowledged, AttemptOutcome};
use mail_tls_discover::{Arguments, discovery, plan};

/// How long a person waits for a form to fill itself in.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let given = Arguments::read("mail-tls-discover", &[])?;
    let mut discovery = discovery(&given.address)?;
    println!("Questions and answers:");
    let tell = |question: &_, answer: &_| println!("  {question}\n    {answer}");
    given.dns.answer_all(&mut discovery, LIMIT, tell).await;

    if let Outcome::ConfirmTargets(questions) = discovery.outcome() {
        for question in questions {
            println!("\n{question}");
            // In a program with windows: a dialog, with "no" as its default.
            if given.confirmed.contains(question.target()) {
                discovery.confirm(&Acknowledged::by_user(question));
            }
        }
        // What is confirmed is looked up.
        given.dns.answer_all(&mut discovery, LIMIT, tell).await;
    }
    match discovery.outcome() {
        Outcome::Found(found) => {
            print_report(&found.report);
            print_plans(&discovery, &found.configuration);
            let [whole, local] = user_identifiers(&given.address);
            println!("\nLog in as {whole}; if that is refused, as {local}.");
            Ok(())
        }
        Outcome::ConfirmTargets(_) => {
            println!("\nNothing is connected to before that. If it is right, add --confirm HOST.");
            Ok(())
        }
        Outcome::CleartextOnly(proposal) => {
            print_report(proposal.report());
            Err(proposal.warning().to_string().into())
        }
        Outcome::NotFound(report) => {
            print_report(&report);
            Err("Nothing was found: ask for the servers' names.".into())
        }
        _ => Err("The lookups have not come to an end.".into()),
    }
}

fn print_report(report: &Report) {
    println!("\nNot taken, or not found:");
    for finding in report.findings() {
        println!("  {finding}");
    }
    for service in report.alternatives() {
        println!("  {service} is offered as well");
    }
    if let Some(lifetime) = report.lifetime() {
        println!("  (This holds for {} s.)", lifetime.as_secs());
    }
}

/// The attempts in their order, as if none of the servers could be reached.
fn print_plans(discovery: &Discovery, configuration: &Configuration) {
    for service in configuration.services() {
        println!("\nThe plan for {}:", service.service());
        let mut plan = plan(discovery, configuration, service, &Account::in_setup());
        let mut step = plan.start();
        while let Decision::Try(attempt) = &step.decision {
            println!("  {attempt}: {}", step.reason);
            if let Attempt::Tls(tls) = attempt {
                let (endpoint, records) = (tls.endpoint(), tls.records());
                println!("    found by: {}", endpoint.provenance());
                if let Some(domain) = endpoint.service_domain() {
                    println!("    its certificate may be for {domain}");
                }
                if records.is_some_and(|records| records.requires_tls()) {
                    println!("    DNS says what its certificate is (DANE)");
                }
            }
            step = plan.next(&attempt.clone(), AttemptOutcome::Refused);
        }
        println!("  then: {}", step.reason);
    }
}
