//! The report for machines. Names are added to it, and neither changed nor taken away.

use mail_tls::audit::Level;
use mail_tls::{CipherSuite, NamedGroup};
use pki_types::UnixTime;
use serde_json::{Value, json};

use crate::certificate::{date, facts};
use crate::examine::{Foreign, Seen, Smuggling};
use crate::judgement::{Judgement, Server};
use crate::names::Names;
use crate::remark::Remark;
use crate::surface::Surface;

pub(crate) fn report(about: &str, judgement: &Judgement, names: &Names, now: UnixTime) -> Value {
    let dns = names.answers.iter().map(|(question, answer)| {
        json!({
            "question": question.to_string(),
            "answer": answer.to_string(),
            "status": answer.status().map(|status| status.to_string()),
            "failure": answer.failure().map(|failure| failure.code()),
        })
    });
    let absent = judgement.absent.iter().map(|one| one.target.place());
    json!({
        "about": about,
        "time": now.as_secs(),
        "status": status(judgement.worst()),
        "critical": judgement.count(Level::Error),
        "warnings": judgement.count(Level::Warning),
        "advice": judgement.count(Level::Advice),
        "findings": judgement.remarks.0.iter().map(finding).collect::<Vec<_>>(),
        "dns": dns.collect::<Vec<_>>(),
        "servers": judgement.servers.iter().map(server).collect::<Vec<_>>(),
        "not_offered": absent.collect::<Vec<_>>(),
    })
}

pub(crate) const fn status(worst: Option<Level>) -> &'static str {
    match worst {
        Some(Level::Error) => "critical",
        Some(Level::Warning) => "warning",
        Some(_) | None => "ok",
    }
}

fn finding(remark: &Remark) -> Value {
    json!({
        "level": remark.level.name(),
        "code": remark.code,
        "clause": remark.clause,
        "text": remark.text,
        "places": remark.places,
    })
}

fn server(one: &Server) -> Value {
    let seen = &one.seen;
    let target = &seen.target;
    let best = seen.best().map(|(_, talk)| talk);
    let shown = best.map(|talk| &talk.shown);
    let chain = shown
        .map_or(&[][..], |shown| &shown.chain)
        .iter()
        .map(|der| {
            let facts = facts(der);
            json!({
                "subject": facts.as_ref().map(|facts| &facts.subject),
                "issuer": facts.as_ref().map(|facts| &facts.issuer),
                "not_before": facts.as_ref().map(|facts| date(facts.not_before)),
                "not_after": facts.as_ref().map(|facts| date(facts.not_after)),
            })
        });
    let decisions = one.decisions.iter().map(|decision| {
        json!({
            "client": decision.client,
            "accepts": decision.is_accepted,
            "why": decision.why,
            "codes": decision.codes,
            "references": decision.references,
            "valid_until": decision.valid_until.map(|until| until.as_secs()),
        })
    });
    let names = one.names.as_ref().map(
        |names| json!({"dns_ids": names.dns_ids, "srv_ids": names.srv_ids, "ip_ids": names.ip_ids}),
    );
    let suite = shown
        .and_then(|shown| shown.suite)
        .map(CipherSuite::from_code_point);
    let group = shown
        .and_then(|shown| shown.group)
        .map(NamedGroup::from_code_point);
    json!({
        "place": target.place(),
        "service": target.service.to_string(),
        "mode": target.mode.to_string(),
        "host": target.host.as_str(),
        "port": target.port,
        "expected": target.is_expected,
        "status": status(one.worst),
        "addresses": addresses(seen),
        "before_tls": best.and_then(|talk| talk.before.as_ref()),
        "after_tls": best.and_then(|talk| talk.after.as_ref()),
        "cipher_suite": suite.map(|suite| suite.to_string()),
        "group": group.map(|group| group.to_string()),
        "chain": chain.collect::<Vec<_>>(),
        "names": names,
        "clients": decisions.collect::<Vec<_>>(),
        "agrees_to": seen.surface.as_ref().map(agreed),
        "alpn": alpn(seen),
        "smuggled_command": seen.smuggling.as_ref().map(|smuggling| match smuggling {
            Smuggling::Discarded => "discarded",
            Smuggling::Refused => "refused",
            Smuggling::CarriedOut => "carried-out",
            Smuggling::Unknown(_) => "unknown",
        }),
    })
}

fn addresses(seen: &Seen) -> Value {
    let all = seen.talks.iter().map(|(address, talk)| {
        json!({
            "address": address.ip().to_string(),
            "encrypted": talk.is_encrypted,
            "failure": talk.failure.as_ref().map(|failure| failure.code()),
            "text": talk.failure.as_ref().map(ToString::to_string),
        })
    });
    all.collect()
}

fn agreed(surface: &Surface) -> Value {
    let versions = surface.versions.iter().map(ToString::to_string);
    let suites = surface
        .suites
        .iter()
        .map(|(version, suite)| json!({"version": version.to_string(), "name": suite.to_string()}));
    let groups = surface
        .groups
        .iter()
        .map(|(version, group)| json!({"version": version.to_string(), "name": group.to_string()}));
    json!({
        "versions": versions.collect::<Vec<_>>(),
        "suites": suites.collect::<Vec<_>>(),
        "groups": groups.collect::<Vec<_>>(),
        "dh_bits": surface.dh_bits,
        "compression": surface.compresses,
        "gave_up": surface.gave_up.as_ref().map(ToString::to_string),
    })
}

fn alpn(seen: &Seen) -> Option<Value> {
    let alpn = seen.alpn.as_ref()?;
    let foreign = match alpn.foreign {
        Foreign::Refused => "refused",
        Foreign::Ignored => "ignored",
        Foreign::Accepted => "accepted",
        Foreign::Unknown => "unknown",
    };
    let own = alpn
        .own
        .map(|(id, is_taken)| json!({"id": id, "agreed": is_taken}));
    Some(json!({"own": own, "foreign": foreign}))
}
