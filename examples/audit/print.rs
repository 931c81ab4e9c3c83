//! The report for people, and as JSON.

use mail_tls::HostName;
use mail_tls::audit::{
    AuditReport, Finding, Inventory, Level, Rehearsal, Subject, san_plan, srv_plan,
};
use pki_types::UnixTime;
use serde_json::{Value, json};

pub(crate) fn report(report: &AuditReport) {
    for level in [Level::Error, Level::Warning, Level::Advice] {
        let findings = report.findings().iter();
        let findings: Vec<_> = findings.filter(|one| one.level() == level).collect();
        if findings.is_empty() {
            continue;
        }
        println!("{}: {}", level.name().to_uppercase(), findings.len());
        findings.into_iter().for_each(finding);
    }
    if report.omitted() > 0 {
        println!("and {} more", report.omitted());
    }
    if report.findings().is_empty() {
        println!("Nothing was found that should be changed.");
    }
    for chain in report.chains() {
        let names = chain.dns_ids.iter().chain(&chain.srv_ids);
        let names: Vec<&str> = names.chain(&chain.ip_ids).map(AsRef::as_ref).collect();
        println!("{} names {}", chain.label, names.join(", "));
    }
    for one in report.coverage() {
        let ways: Vec<_> = one.ways.iter().map(ToString::to_string).collect();
        let ways = if ways.is_empty() {
            "nothing".into()
        } else {
            ways.join("; ")
        };
        println!("{} is verified at {} by {ways}", one.domain, one.server);
    }
}

pub(crate) fn rehearsal(rehearsal: &Rehearsal, now: UnixTime) {
    println!("\nREHEARSAL of the renewal");
    let parts = [
        ("It would break:", rehearsal.breaks()),
        ("It would bring:", rehearsal.introduced()),
        ("It would mend:", rehearsal.resolved()),
    ];
    for (title, findings) in parts {
        if !findings.is_empty() {
            println!("{title}");
            findings.iter().for_each(finding);
        }
    }
    for client in rehearsal.repaired() {
        println!("  {client} would be let in");
    }
    println!(
        "{} kinds of clients go on as before",
        rehearsal.unaffected()
    );
    let wait = |time| seconds(time).saturating_sub(seconds(now));
    match rehearsal.safe_from().map(wait) {
        Some(0) => println!("Safe now"),
        Some(wait) => println!("Safe in {} hours", wait.div_ceil(3600)),
        None => println!("Not safe as it is, however long you wait"),
    }
}

pub(crate) fn plans(inventory: &Inventory, domains: &[HostName]) {
    println!("\nNames for a certificate request:");
    print!("{}", san_plan(inventory));
    println!("\nThe same for openssl req -new -config FILE -key KEY:\n");
    print!("{}", san_plan(inventory).to_openssl_config());
    println!("\nSRV records:");
    for domain in domains {
        for record in srv_plan(inventory, domain) {
            println!("{record}");
        }
    }
}

pub(crate) fn json(report: &AuditReport, rehearsal: Option<&Rehearsal>) -> Value {
    let all = |findings: &[Finding]| findings.iter().map(finding_json).collect::<Vec<_>>();
    let coverage = report.coverage().iter().map(|one| {
        let ways: Vec<_> = one.ways.iter().map(|way| way.name()).collect();
        json!({"domain": one.domain.as_str(), "server": one.server.to_string(), "ways": ways})
    });
    let chains = report.chains().iter().map(|one| {
        json!({
            "label": one.label,
            "dns_ids": one.dns_ids,
            "srv_ids": one.srv_ids,
            "ip_ids": one.ip_ids,
        })
    });
    let rehearsal = rehearsal.map(|rehearsal| {
        json!({
            "breaks": all(rehearsal.breaks()),
            "introduced": all(rehearsal.introduced()),
            "resolved": all(rehearsal.resolved()),
            "repaired": rehearsal.repaired().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "unaffected": rehearsal.unaffected(),
            "safe_from": rehearsal.safe_from().map(seconds),
        })
    });
    json!({
        "findings": all(report.findings()),
        "omitted": report.omitted(),
        "chains": chains.collect::<Vec<_>>(),
        "coverage": coverage.collect::<Vec<_>>(),
        "rehearsal": rehearsal,
    })
}

fn finding(finding: &Finding) {
    println!("  {finding}");
    println!("      [{}] {}", finding.code(), finding.clause());
}

fn finding_json(finding: &Finding) -> Value {
    let kind = match finding.subject() {
        Subject::Domain(_) => "domain",
        Subject::Server { .. } => "server",
        Subject::Chain { .. } => "chain",
        _ => "records",
    };
    json!({
        "level": finding.level().name(),
        "code": finding.code(),
        "clause": finding.clause(),
        "kind": kind,
        "subject": finding.subject().to_string(),
        "text": finding.problem().to_string(),
    })
}

fn seconds(time: UnixTime) -> u64 {
    time.as_secs()
}
