//! The chains themselves (RFC 8314 §4.4): path, dates, keys, and how they are put together.

use std::time::Duration;

use pki_types::UnixTime;

use super::inventory::{Listener, ServerChain};
use super::records::Tlsa;
use super::report::ChainNames;
use super::verdicts::{Verdict, failures_besides_names, is_dane_ee, names_of};
use super::{Audit, Level, Problem, Subject};
use crate::certificate::{Certificate, Dates};
use crate::identity::{PresentedId, Provenance, ReferenceIds};
use crate::limits;
use crate::name::Host;
use crate::text::UntrustedText;
use crate::verify::dane::{DaneUsages, TlsaUsage};
use crate::verify::{Check, CheckFailure};

impl Audit<'_> {
    pub(super) fn check_chains(&mut self) {
        let mut seen: Vec<&ServerChain> = Vec::new();
        for listener in &self.inventory.listeners {
            for chain in &listener.chains {
                self.check_verdict(listener, chain);
                let is_new = |known: &&ServerChain| {
                    known.label == chain.label && known.certificates == chain.certificates
                };
                if !seen.iter().any(is_new) {
                    seen.push(chain);
                    self.check_form(listener, chain);
                    self.list_names(listener, chain);
                }
            }
        }
    }

    /// The verdict of the library's own verification, names aside.
    fn check_verdict(&mut self, listener: &Listener, chain: &ServerChain) {
        let subject = Subject::chain(chain, listener);
        let Some(verdict) = self.judge.by_host(chain, &listener.host) else {
            let failure = CheckFailure::NoCertificate;
            self.find(Level::Error, subject, Problem::Certificate(failure));
            return;
        };
        let failures = failures_besides_names(&verdict);
        let level = match failures.is_empty() {
            true => Level::Error, // of nothing
            false => self.level_of_refusal(listener, chain),
        };
        let is_out_of_date = failures
            .iter()
            .any(|failure| failure.check() == Check::Validity);
        for failure in failures {
            self.find(level, subject.clone(), Problem::Certificate(failure));
        }
        if !is_out_of_date {
            if let Some(expiring) = self.expiring(chain, &verdict) {
                self.find(Level::Warning, subject, expiring);
            }
        }
    }

    /// RFC 7673 §6: where clients that know DANE accept the very certificate, only the others are
    /// locked out.
    pub(super) fn level_of_refusal(&self, listener: &Listener, chain: &ServerChain) -> Level {
        if is_dane_ee(self.dane_verdict(listener, chain).as_ref()) {
            Level::Warning
        } else {
            Level::Error
        }
    }

    /// What a client thinks that applies the server's TLSA records. `None` where there are none
    /// that are secure.
    pub(super) fn dane_verdict(&self, listener: &Listener, chain: &ServerChain) -> Option<Verdict> {
        let published = match self.inventory.tlsa(&listener.host, listener.port) {
            Tlsa::Found(published) if published.is_secure() => published,
            Tlsa::Found(_) | Tlsa::NotAsked | Tlsa::None(_) | Tlsa::Failed(..) => return None,
        };
        let host = Host::Name(listener.host.clone());
        let references = ReferenceIds::for_host(&host, Provenance::Administrator).ok()?;
        let (judge, records) = (self.judge, &published.records);
        judge.by_tlsa(chain, references, &published, records, DaneUsages::Dane)
    }

    fn expiring(&self, chain: &ServerChain, verdict: &Verdict) -> Option<Problem> {
        let dates: Vec<Option<Dates>> = chain
            .certificates
            .iter()
            .map(|der| Certificate::parse(der).and_then(|one| one.dates()).ok())
            .collect();
        let (position, dates) = match verdict {
            // A trust anchor's dates are nobody's concern; the path ends with what was sent.
            Ok(verification) => {
                let until = verification.valid_until();
                let ends = |dates: &&Option<Dates>| dates.is_some_and(|d| d.not_after == until);
                let position = dates.iter().position(|dates| ends(&dates))?;
                (position, dates.get(position).copied().flatten()?)
            }
            Err(_) => {
                let own = Arrangement::of(chain)?.order.into_iter();
                let all = own.filter_map(|at| Some((at, dates.get(at).copied().flatten()?)));
                all.min_by_key(|(_, dates)| dates.not_after)?
            }
        };
        let left = since(self.judge.now, dates.not_after)?;
        let life = since(dates.not_before, dates.not_after)?;
        (left < self.judge.policy.expiry_of(life)).then_some(Problem::Expiring {
            position: Some(position),
            not_after: dates.not_after,
            left,
        })
    }

    /// RFC 8446 §4.4.2, RFC 5246 §7.4.2: the own certificate first, each followed by its issuer's.
    fn check_form(&mut self, listener: &Listener, chain: &ServerChain) {
        // What is beyond the bounds was refused by the verdict.
        if chain.certificates.len() > limits::CHAIN_CERTIFICATES {
            return;
        }
        let subject = Subject::chain(chain, listener);
        let Some(arrangement) = Arrangement::of(chain) else {
            return;
        };
        if !arrangement.order.is_sorted() || arrangement.order.first() != Some(&0) {
            let order = arrangement.order.clone();
            self.find(
                Level::Warning,
                subject.clone(),
                Problem::WrongOrder { order },
            );
        }
        if !arrangement.extra.is_empty() {
            let positions = arrangement.extra;
            self.find(
                Level::Advice,
                subject.clone(),
                Problem::ExtraCertificates { positions },
            );
        }
        if let Some(position) = arrangement.root {
            if self.is_trusted(chain, position) && !self.publishes_an_authority(chain) {
                self.find(Level::Advice, subject, Problem::RootSent { position });
            }
        }
    }

    fn is_trusted(&self, chain: &ServerChain, position: usize) -> bool {
        let certificate = chain.certificates.get(position);
        let parsed = certificate.and_then(|der| Certificate::parse(der).ok());
        let anchors = self.judge.policy.anchors.as_slice();
        parsed.is_some_and(|root| {
            anchors
                .iter()
                .any(|anchor| anchor.subject.as_ref() == root.subject)
        })
    }

    /// RFC 7671 §5.2.1: a published authority has to be sent, even if it is a root.
    fn publishes_an_authority(&self, chain: &ServerChain) -> bool {
        let shows_it = |listener: &&Listener| {
            let certificates = &chain.certificates;
            listener
                .chains
                .iter()
                .any(|one| one.certificates == *certificates)
        };
        let mut listeners = self.inventory.listeners.iter().filter(shows_it);
        listeners.any(
            |listener| match self.inventory.tlsa(&listener.host, listener.port) {
                Tlsa::Found(published) => published
                    .records
                    .iter()
                    .any(|record| record.usage() == TlsaUsage::DaneTa),
                Tlsa::NotAsked | Tlsa::None(_) | Tlsa::Failed(..) => false,
            },
        )
    }

    /// RFC 7817 §4: which types of names there are. Those that are not well-formed match nothing.
    fn list_names(&mut self, listener: &Listener, chain: &ServerChain) {
        let Some(presented) = names_of(chain) else {
            return;
        };
        let mut names = ChainNames {
            label: chain.label().into(),
            dns_ids: Vec::new(),
            srv_ids: Vec::new(),
            ip_ids: Vec::new(),
            has_only_common_name: presented.common_name_of_last_resort().is_some(),
            others: 0,
            not_shown: 0,
        };
        for (index, name) in presented.iter().enumerate() {
            if index >= limits::AUDIT_NAMES {
                names.not_shown = names.not_shown.saturating_add(1);
                continue;
            }
            match name {
                PresentedId::Dns(name) => names.dns_ids.push(name.into()),
                PresentedId::DnsWildcard(parent) => {
                    names.dns_ids.push(format!("*.{parent}").into());
                }
                PresentedId::Ip(address) => names.ip_ids.push(address.to_string().into()),
                PresentedId::Srv { service, name } => {
                    names.srv_ids.push(format!("_{service}.{name}").into());
                }
                PresentedId::Uri(_) | PresentedId::Email(_) | PresentedId::Other => {
                    names.others = names.others.saturating_add(1);
                }
                PresentedId::Malformed {
                    kind,
                    reason,
                    bytes,
                } => {
                    names.not_shown = names.not_shown.saturating_add(1);
                    let name = UntrustedText::new(bytes, limits::REPORTED_TEXT);
                    self.find(
                        Level::Warning,
                        Subject::chain(chain, listener),
                        Problem::MalformedName { kind, reason, name },
                    );
                }
            }
        }
        self.gathering.chains.push(names);
    }
}

/// How the certificates of a chain follow from each other, by their names.
struct Arrangement {
    /// From the server's own upwards: where each stands.
    order: Vec<usize>,
    /// Where those stand that issued none of the others.
    extra: Vec<usize>,
    /// Where the certificate stands that ends the path by itself.
    root: Option<usize>,
}

impl Arrangement {
    fn of(chain: &ServerChain) -> Option<Self> {
        let all: Vec<(usize, Certificate<'_>)> = chain
            .certificates
            .iter()
            .enumerate()
            .filter_map(|(at, der)| Some((at, Certificate::parse(der).ok()?)))
            .collect();
        let is_authority =
            |(_, one): &&(usize, Certificate<'_>)| one.is_authority().unwrap_or(false);
        let own = all.iter().find(|one| !is_authority(one));
        let mut current = *own.or_else(|| all.first())?;
        let mut order = vec![current.0];
        let mut root = None;
        loop {
            if current.1.is_self_issued() {
                root = Some(current.0).filter(|_| order.len() > 1);
                break;
            }
            let issued_it = |(at, one): &&(usize, Certificate<'_>)| {
                one.subject == current.1.issuer && !order.contains(at)
            };
            // Of twins the one that follows.
            let next = all
                .iter()
                .filter(issued_it)
                .min_by_key(|(at, _)| (*at < current.0, *at));
            let Some(next) = next else { break };
            order.push(next.0);
            current = *next;
        }
        let issued_one = |one: &Certificate<'_>| {
            let mut path = all.iter().filter(|(at, _)| order.contains(at));
            path.any(|(_, below)| below.issuer == one.subject)
        };
        let extra = all
            .iter()
            .filter(|(at, one)| !order.contains(at) && !issued_one(one))
            .map(|(at, _)| *at)
            .collect();
        Some(Self { order, extra, root })
    }
}

/// `None` if `later` is the earlier one.
fn since(earlier: UnixTime, later: UnixTime) -> Option<Duration> {
    let seconds = later.as_secs().checked_sub(earlier.as_secs())?;
    Some(Duration::from_secs(seconds))
}
