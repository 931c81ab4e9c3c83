//! The report for people.

use mail_tls::audit::Level;
use mail_tls::discovery::RecordType;
use mail_tls::{CipherSuite, NamedGroup, Recommendation};
use pki_types::{CertificateDer, UnixTime};

use crate::certificate::{facts, minute};
use crate::examine::{Foreign, Seen, Smuggling, Talk};
use crate::judgement::{Judgement, Server};
use crate::names::Names;
use crate::paper::{Ink, Paper, word};
use crate::surface::Surface;

const FINDING: usize = 10;
const FACT: usize = 18;
/// The most of one capability; ManageSieve lists its whole language in one.
const LISTED: usize = 48;

pub(crate) fn print(about: &str, judgement: &Judgement, names: &Names, now: UnixTime) -> String {
    let mut paper = Paper::new();
    headline(&mut paper, about, judgement, now);
    findings(&mut paper, judgement);
    dns(&mut paper, names);
    let mut told = Vec::new();
    for one in &judgement.servers {
        paper.blank();
        server(&mut paper, one, &mut told, now);
    }
    let absent: Vec<String> = judgement
        .absent
        .iter()
        .map(|one| one.target.place())
        .collect();
    if !absent.is_empty() {
        paper.blank();
        let text = format!(
            "{} (nothing answers, and nothing says that it should)",
            absent.join(", ")
        );
        paper.entry("Not offered:", Some(Ink::Faint), FACT, &text);
    }
    paper.text
}

/// In one line for monitors, which show the first.
fn headline(paper: &mut Paper, about: &str, judgement: &Judgement, now: UnixTime) {
    let (status, ink) = match judgement.worst() {
        Some(level @ (Level::Error | Level::Warning)) => word(Some(level)),
        _ => word(None),
    };
    let said = summary(judgement);
    let text = format!("{about}: {said} ({})", minute(now));
    paper.entry(status, Some(ink), FINDING, &text);
}

fn summary(judgement: &Judgement) -> String {
    let count = |level, one: &str, more: &str| match judgement.count(level) {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {more}")),
    };
    let counts = [
        count(Level::Error, "critical finding", "critical findings"),
        count(Level::Warning, "warning", "warnings"),
        count(Level::Advice, "piece of advice", "pieces of advice"),
    ];
    let counts: Vec<String> = counts.into_iter().flatten().collect();
    let servers = match judgement.servers.len() {
        1 => "1 server".to_owned(),
        n => format!("{n} servers"),
    };
    match counts.is_empty() {
        true => format!("nothing to change at {servers}"),
        false => format!("{} at {servers}", counts.join(", ")),
    }
}

fn findings(paper: &mut Paper, judgement: &Judgement) {
    for remark in &judgement.remarks.0 {
        paper.blank();
        let (status, ink) = word(Some(remark.level));
        paper.entry(status, Some(ink), FINDING, &remark.text);
        paper.entry(
            "",
            None,
            FINDING,
            &format!("at {}", remark.places.join(", ")),
        );
        let source = paper.inked(&format!("[{}] {}", remark.code, remark.clause), Ink::Faint);
        paper.entry("", None, FINDING, &source);
    }
}

/// What there is; that something is not there is said once.
fn dns(paper: &mut Paper, names: &Names) {
    let told: Vec<_> = names
        .answers
        .iter()
        .filter(|(question, answer)| {
            let is_of_interest =
                matches!(question.record_type(), RecordType::Srv | RecordType::Tlsa);
            let is_nothing = answer.to_string().ends_with(": nothing");
            is_of_interest && !is_nothing || answer.failure().is_some()
        })
        .collect();
    if names.answers.is_empty() {
        return;
    }
    paper.blank();
    paper.entry("DNS", Some(Ink::Bold), FACT, "");
    if told.is_empty() {
        paper.entry("", None, 2, "neither SRV nor TLSA records");
    }
    for (question, answer) in told {
        let (status, ink) = match answer.failure() {
            Some(_) => ("  ! ", Ink::Red),
            None => ("    ", Ink::Faint),
        };
        paper.entry(status, Some(ink), 4, &format!("{question}   {answer}"));
    }
}

fn server<'a>(paper: &mut Paper, one: &'a Server, told: &mut Vec<&'a Server>, now: UnixTime) {
    let seen = &one.seen;
    let target = &seen.target;
    let title = format!(
        "{} ({} with {})",
        target.place(),
        target.service,
        target.mode
    );
    paper.heading(&title, word(one.worst));
    reached(paper, seen);
    let Some((_, talk)) = seen.best() else {
        return;
    };
    if let Some(before) = &talk.before {
        fact(paper, "in clear", &listed(before));
    }
    let shown = &talk.shown;
    if let (Some(version), Some(suite)) = (shown.version, shown.suite) {
        let suite = CipherSuite::from_code_point(suite);
        let group = shown.group.map(NamedGroup::from_code_point);
        let group = group.map_or_else(String::new, |group| format!(", {group}"));
        let version = match version {
            0x0304 => "TLS 1.3",
            _ => "TLS 1.2",
        };
        fact(paper, "negotiated", &format!("{version}, {suite}{group}"));
    }
    let like = |known: &&&Server| known.seen.surface == seen.surface;
    match (&seen.surface, told.iter().find(like)) {
        (None, _) => {}
        (Some(surface), Some(known)) if !surface.versions.is_empty() => {
            let text = format!("the same as {}", known.seen.target.place());
            fact(paper, "agrees to", &text);
        }
        (Some(surface), _) => agreed(paper, surface),
    }
    protocols(paper, seen);
    let is_same = |known: &&&Server| chain_of(known) == chain_of(one);
    match told.iter().find(is_same) {
        _ if talk.shown.chain.is_empty() => {}
        Some(known) => {
            let text = format!("the same as {}", known.seen.target.place());
            fact(paper, "certificate", &text);
        }
        None => certificates(paper, one, talk, now),
    }
    told.push(one);
    decisions(paper, one);
    if talk.is_encrypted {
        let after = talk.after.as_ref().map(|after| listed(after));
        fact(
            paper,
            "behind TLS",
            after.as_deref().unwrap_or("nothing is listed"),
        );
    }
    if let Some(failure) = &talk.failure {
        fact(paper, "stopped", &failure.to_string());
    }
}

fn chain_of(one: &Server) -> &[CertificateDer<'static>] {
    one.seen.best().map_or(&[], |(_, talk)| &talk.shown.chain)
}

fn reached(paper: &mut Paper, seen: &Seen) {
    let all: Vec<String> = seen
        .talks
        .iter()
        .map(|(address, talk)| match &talk.failure {
            None => address.ip().to_string(),
            Some(failure) => format!("{} ({})", address.ip(), failure.code()),
        })
        .collect();
    let text = match all.is_empty() {
        true => "no address".to_owned(),
        false => all.join(", "),
    };
    fact(paper, "addresses", &text);
}

fn agreed(paper: &mut Paper, surface: &Surface) {
    if !surface.versions.is_empty() {
        fact(paper, "agrees to", &joined(surface.versions.iter().rev()));
    }
    for version in surface.versions.iter().rev() {
        let suites = surface.suites.iter().filter(|(own, _)| own == version);
        let suites = suites.map(|(_, suite)| *suite);
        let (weak, good): (Vec<CipherSuite>, Vec<_>) = suites.partition(|suite| is_weak(*suite));
        let groups: Vec<_> = surface
            .groups
            .iter()
            .filter(|(own, _)| own == version)
            .collect();
        if !good.is_empty() {
            fact(paper, &format!("{version} suites"), &joined(good));
        }
        if !weak.is_empty() {
            fact(paper, "  not advised", &joined(weak));
        }
        if !groups.is_empty() {
            let groups = groups.iter().map(|(_, group)| group);
            fact(paper, &format!("{version} groups"), &joined(groups));
        }
    }
    if let Some(bits) = surface.dh_bits {
        fact(paper, "DHE", &format!("{bits} bits"));
    }
    if let Some(failure) = &surface.gave_up {
        fact(paper, "", &format!("not all of it is known: {failure}"));
    }
}

fn is_weak(suite: CipherSuite) -> bool {
    matches!(
        suite.recommendation(),
        Recommendation::NotRecommended | Recommendation::Forbidden
    )
}

fn joined<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    all.join(", ")
}

fn protocols(paper: &mut Paper, seen: &Seen) {
    if let Some(alpn) = &seen.alpn {
        let own = match alpn.own {
            Some((id, true)) => format!("{id} is agreed on"),
            Some((id, false)) => format!("{id} is ignored"),
            None => "none is registered".to_owned(),
        };
        let foreign = match alpn.foreign {
            Foreign::Refused => "; a foreign protocol is refused",
            Foreign::Ignored => "; a foreign protocol is ignored",
            Foreign::Accepted => "; a foreign protocol is agreed on",
            Foreign::Unknown => "",
        };
        fact(paper, "ALPN", &format!("{own}{foreign}"));
    }
    let smuggled = match &seen.smuggling {
        None => return,
        Some(Smuggling::Discarded) => "what is smuggled in behind it is thrown away".to_owned(),
        Some(Smuggling::Refused) => "what is smuggled in behind it ends the connection".to_owned(),
        Some(Smuggling::CarriedOut) => "what is smuggled in behind it is carried out".to_owned(),
        Some(Smuggling::Unknown(failure)) => format!("smuggling something in: {failure}"),
    };
    fact(paper, "STARTTLS", &smuggled);
}

fn certificates(paper: &mut Paper, one: &Server, talk: &Talk, now: UnixTime) {
    let chain = &talk.shown.chain;
    for (position, der) in chain.iter().enumerate() {
        let Some(facts) = facts(der) else {
            fact(paper, "certificate", "it cannot be read");
            continue;
        };
        let head = match position {
            0 => "certificate",
            _ => "",
        };
        let text = format!(
            "{}, by {}, {}",
            facts.subject,
            facts.issuer,
            facts.validity(now)
        );
        fact(paper, head, &text);
    }
    if let Some(names) = &one.names {
        let all = names
            .dns_ids
            .iter()
            .chain(&names.srv_ids)
            .chain(&names.ip_ids);
        let all: Vec<&str> = all.map(AsRef::as_ref).collect();
        let text = match (all.is_empty(), names.has_only_common_name) {
            (false, _) => all.join(", "),
            (true, true) => "none but the common name".to_owned(),
            (true, false) => "none".to_owned(),
        };
        fact(paper, "names", &text);
    }
}

fn decisions(paper: &mut Paper, one: &Server) {
    for (position, decision) in one.decisions.iter().enumerate() {
        let head = match position {
            0 => "a client that",
            _ => "",
        };
        let (status, ink) = match decision.is_accepted {
            true => ("accepts", Ink::Green),
            false => ("REFUSES", Ink::Red),
        };
        let status = paper.inked(status, ink);
        let text = format!("{} {status}: {}", decision.client, decision.why);
        fact(paper, head, &text);
        if !decision.is_accepted && decision.codes.iter().any(|code| code.contains("name")) {
            fact(
                paper,
                "",
                &format!("  it expects {}", decision.references.join(" or ")),
            );
        }
    }
}

fn fact(paper: &mut Paper, head: &str, text: &str) {
    paper.entry(&format!("  {head}"), Some(Ink::Faint), FACT, text);
}

/// What a server says is shown so that it does no harm on a terminal.
fn listed(items: &[String]) -> String {
    let shown: Vec<String> = items
        .iter()
        .map(|item| {
            let item = item.replace('"', "");
            let item = item.trim();
            let more = if item.chars().count() > LISTED {
                "…"
            } else {
                ""
            };
            let head: String = item.chars().take(LISTED).collect();
            format!("{}{more}", head.escape_debug())
        })
        .collect();
    match shown.is_empty() {
        true => "nothing is listed".to_owned(),
        false => shown.join(", "),
    }
}
