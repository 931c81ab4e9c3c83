//! From what was seen to what is to be done: the audit judges, with what is deployed and published.

use mail_tls::HostName;
use mail_tls::TlsMode;
use mail_tls::audit::{
    AuditPolicy, ChainNames, Inventory, InventoryFull, Level, Listener, Problem, ServerChain,
    TlsVersion, audit,
};
use mail_tls::discovery::Transport;

use crate::examine::{Seen, Talk};
use crate::names::Names;
use crate::options::Options;
use crate::remark::{Remarks, needs_all_services};
use crate::verdict::{Decision, Judge};
use crate::wire::Failure;

/// Everything that is reported.
pub(crate) struct Judgement {
    pub(crate) remarks: Remarks,
    pub(crate) servers: Vec<Server>,
    /// What there is nothing to say of: nobody expects it, and nothing listens.
    pub(crate) absent: Vec<Seen>,
}

pub(crate) struct Server {
    pub(crate) seen: Seen,
    pub(crate) names: Option<ChainNames>,
    pub(crate) decisions: Vec<Decision>,
    /// The gravest remark.
    pub(crate) worst: Option<Level>,
}

impl Judgement {
    pub(crate) fn worst(&self) -> Option<Level> {
        self.remarks.0.first().map(|remark| remark.level)
    }

    pub(crate) fn count(&self, level: Level) -> usize {
        let of_level = self.remarks.0.iter().filter(|remark| remark.level == level);
        of_level.count()
    }
}

/// `names` is asked for what is published about the servers that are there.
pub(crate) fn inventory(
    domains: &[HostName],
    seen: &[Seen],
    names: &mut Names,
) -> Result<Inventory, InventoryFull> {
    let mut inventory = crate::targets::inventory_of(domains)?;
    for one in seen.iter().filter(|one| has_tls_to_judge(one)) {
        inventory.add_listener(listener(one))?;
    }
    names.answer(&mut inventory);
    Ok(inventory)
}

pub(crate) fn judge(
    inventory: &Inventory,
    policy: &AuditPolicy,
    judge: &Judge<'_>,
    seen: Vec<Seen>,
    options: &Options,
) -> Judgement {
    let report = audit(inventory, policy, judge.now);
    let is_partial = !options.services.is_empty();
    let mut remarks = Remarks::default();
    for one in &seen {
        remarks.add_seen(one);
    }
    let places: Vec<(String, String)> = seen
        .iter()
        .flat_map(|one| chains(one).map(|(label, _)| (label, one.target.place())))
        .collect();
    for finding in report.findings() {
        // Who is not there was said with more words.
        let is_said = matches!(finding.problem(), Problem::NoSuchServer { .. });
        let is_unknown = is_partial && needs_all_services(finding.problem());
        if !is_said && !is_unknown {
            remarks.add_finding(finding, &places);
        }
    }
    remarks
        .0
        .retain(|remark| !options.ignore.contains(&remark.code));
    remarks.0.sort_by_key(|remark| remark.level);

    let (there, absent): (Vec<Seen>, Vec<Seen>) = seen
        .into_iter()
        .partition(|one| one.is_there() || one.target.is_expected);
    let server = |seen: Seen| {
        let chain = seen.best().map_or(&[][..], |(_, talk)| &talk.shown.chain);
        let label = chains(&seen).next().map(|(label, _)| label);
        let place = seen.target.place();
        // One of several addresses is behind a blank.
        let is_at = |known: &String| {
            let rest = known.strip_prefix(&place);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        };
        let own = remarks.0.iter().filter(|one| one.places.iter().any(is_at));
        Server {
            names: report
                .chains()
                .iter()
                .find(|names| Some(&*names.label) == label.as_deref())
                .cloned(),
            decisions: judge.decisions(&seen.target, chain),
            worst: own.map(|remark| remark.level).min(),
            seen,
        }
    };
    Judgement {
        servers: there.into_iter().map(server).collect(),
        absent,
        remarks,
    }
}

/// One that could not be talked to is not said to be without TLS, nor to have it.
fn has_tls_to_judge(seen: &Seen) -> bool {
    let failure = seen.best().and_then(|(_, talk)| talk.failure.as_ref());
    seen.is_there() && !matches!(failure, Some(Failure::NotTls(_) | Failure::Odd(..)))
}

fn listener(seen: &Seen) -> Listener {
    let target = &seen.target;
    let transport = match target.mode {
        TlsMode::Implicit => Transport::Implicit,
        _ => Transport::StartTls,
    };
    let mut listener = Listener::new(target.service, transport, target.host.clone(), target.port);
    for (label, talk) in chains(seen) {
        listener = listener.with_chain(ServerChain::new(&label, talk.shown.chain.clone()));
    }
    let best = seen.best().map(|(_, talk)| talk);
    let negotiated = best.and_then(|talk| talk.shown.version).and_then(version);
    let surface = seen.surface.as_ref();
    let versions = surface.map_or(&[][..], |surface| &surface.versions);
    listener = listener.with_versions(versions.iter().copied().chain(negotiated));
    match best.and_then(|talk| talk.before.as_ref()) {
        Some(items) => listener.with_capabilities(items.iter().map(String::as_str)),
        None => listener,
    }
}

/// The chains that are shown, each once, the one of the best conversation first.
fn chains(seen: &Seen) -> impl Iterator<Item = (String, &Talk)> {
    let best = seen.best();
    let mut known: Vec<&Talk> = Vec::new();
    let all = best.into_iter().chain(&seen.talks);
    let mut found = Vec::new();
    for (address, talk) in all {
        let is_known = known.iter().any(|one| one.shown.chain == talk.shown.chain);
        if talk.shown.chain.is_empty() || is_known {
            continue;
        }
        let at = match known.is_empty() {
            true => String::new(),
            false => format!(" at {}", address.ip()),
        };
        let label = format!("the chain of {}:{}{at}", seen.target.host, seen.target.port);
        found.push((label, talk));
        known.push(talk);
    }
    found.into_iter()
}

fn version(code_point: u16) -> Option<TlsVersion> {
    match code_point {
        0x0304 => Some(TlsVersion::Tls13),
        0x0303 => Some(TlsVersion::Tls12),
        _ => None,
    }
}
