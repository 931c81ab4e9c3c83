//! A renewal before it is deployed: what it would break (RFC 7671 §8, RFC 8314 §4.4).

use std::time::Duration;

use pki_types::UnixTime;

use super::client::MailClient;
use super::inventory::{Inventory, Listener, ServerChain};
use super::names::fingerprints;
use super::records::{Published, Tlsa};
use super::report::Gathering;
use super::tlsa::{combination, is_unmatched};
use super::verdicts::{Judge, Verdict, srv_references};
use super::{AuditPolicy, Finding, Level, Problem, Subject, audit};
use crate::certificate::Certificate;
use crate::discovery::DnsStatus;
use crate::identity::{Provenance, ReferenceIds};
use crate::limits;
use crate::name::Host;
use crate::verify::Fingerprint;
use crate::verify::dane::{
    DaneUsages, DigestAlgorithm, TlsaFate, TlsaMatching, TlsaRecord, TlsaSelector, TlsaUsage,
};

/// Which chains are to be replaced, and when.
#[derive(Debug, Clone, Default)]
pub struct Renewal {
    chains: Vec<(Box<str>, ServerChain)>,
    at: Option<UnixTime>,
}

/// What a renewal would do.
#[derive(Debug, Clone)]
pub struct Rehearsal {
    breaks: Vec<Finding>,
    introduced: Vec<Finding>,
    resolved: Vec<Finding>,
    repaired: Vec<MailClient>,
    unaffected: usize,
    safe_from: Option<UnixTime>,
}

impl Renewal {
    /// Replaces the chain with this label by another one. It is shown for the same names, and goes
    /// by the same label in what is found. May be called for several chains.
    #[must_use]
    pub fn replacing(mut self, label: &str, chain: ServerChain) -> Self {
        self.chains.push((label.into(), chain));
        self
    }

    /// When the new chains are to be deployed. Default: at the time of the rehearsal.
    #[must_use]
    pub fn at(mut self, time: UnixTime) -> Self {
        self.at = Some(time);
        self
    }

    fn of(&self, old: &ServerChain) -> Option<ServerChain> {
        let (_, new) = self
            .chains
            .iter()
            .find(|(label, _)| **label == *old.label)?;
        Some(ServerChain {
            certificates: new.certificates.clone(),
            ..old.clone()
        })
    }
}

impl Rehearsal {
    /// Clients, pins and TLSA records that the renewal would break, the gravest first. Empty: go
    /// ahead.
    #[must_use]
    pub fn breaks(&self) -> &[Finding] {
        &self.breaks
    }

    /// What the [audit] will find after the renewal, and does not now.
    #[must_use]
    pub fn introduced(&self) -> &[Finding] {
        &self.introduced
    }

    /// What the [audit] finds now, and will not after the renewal.
    #[must_use]
    pub fn resolved(&self) -> &[Finding] {
        &self.resolved
    }

    /// Clients that are refused now, and would be accepted.
    #[must_use]
    pub fn repaired(&self) -> &[MailClient] {
        &self.repaired
    }

    /// How many kinds of clients are accepted before and after.
    #[must_use]
    pub const fn unaffected(&self) -> usize {
        self.unaffected
    }

    /// The earliest time at which caches hold no TLSA records any more that refuse the new chain, if
    /// what is to be published is published at the time of the rehearsal (RFC 7671 §8.1: two times
    /// to live). `None` if clients or pins break that no waiting mends.
    #[must_use]
    pub const fn safe_from(&self) -> Option<UnixTime> {
        self.safe_from
    }
}

/// Rehearses a renewal: every kind of client of the servers concerned is tried on the chain of now,
/// and on the one to come at the time it is to be deployed.
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
/// use mail_tls::audit::{
///     AuditPolicy, Inventory, Listener, Renewal, ServerChain, rehearse,
/// };
/// use mail_tls::discovery::Transport;
/// use mail_tls::{HostName, Service, TrustAnchors};
/// use rustls::pki_types::UnixTime;
///
/// # #[cfg(feature = "aws-lc-rs")]
/// # use rustls::crypto::aws_lc_rs as provider;
/// # #[cfg(not(feature = "aws-lc-rs"))]
/// # use rustls::crypto::ring as provider;
/// # let make = |name: &str| -> Result<_, rcgen::Error> {
/// #     Ok(rcgen::generate_simple_self_signed([name.to_owned()])?.cert.der().clone())
/// # };
/// # let (now, next) = (make("mail.example.org")?, make("www.example.org")?);
/// # let root = TrustAnchors::from_der([now.clone()])?;
/// let mut inventory = Inventory::default();
/// let host = HostName::parse("mail.example.org")?;
/// let listener = Listener::new(Service::Imap, Transport::Implicit, host, 993)
///     .with_chain(ServerChain::new("mail.pem", [now]));
/// inventory.add_listener(listener)?;
///
/// let algorithms = provider::default_provider().signature_verification_algorithms;
/// let policy = AuditPolicy::new(root, algorithms);
/// let renewal = Renewal::default().replacing("mail.pem", ServerChain::new("new.pem", [next]));
/// let rehearsal = rehearse(&inventory, &renewal, &policy, UnixTime::now());
/// // The new certificate is for another host.
/// assert!(rehearsal.introduced().iter().any(|finding| finding.code() == "host-not-named"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn rehearse(
    inventory: &Inventory,
    renewal: &Renewal,
    policy: &AuditPolicy,
    now: UnixTime,
) -> Rehearsal {
    let at = renewal.at.unwrap_or(now);
    let mut renewed = inventory.clone();
    for listener in &mut renewed.listeners {
        for chain in &mut listener.chains {
            if let Some(new) = renewal.of(chain) {
                *chain = new;
            }
        }
    }
    let mut run = Run {
        inventory,
        before: Judge { policy, now },
        after: Judge { policy, now: at },
        breaks: Gathering::default(),
        repaired: Vec::new(),
        unaffected: 0,
        safe_from: Some(at),
    };
    for (old, new) in inventory.listeners.iter().zip(&renewed.listeners) {
        if old.chains != new.chains {
            run.try_clients(old, new);
            run.try_tlsa(old, new);
            run.try_pins(old, new);
        }
    }

    let found_now = audit(inventory, policy, now);
    let found_then = audit(&renewed, policy, at);
    let (found_now, found_then) = (found_now.findings(), found_then.findings());
    Rehearsal {
        breaks: run.breaks.into_report().findings().to_vec(),
        introduced: only_in(found_then, found_now),
        resolved: only_in(found_now, found_then),
        repaired: run.repaired,
        unaffected: run.unaffected,
        safe_from: run.safe_from,
    }
}

/// Data such as the time that is left differ; the kind and the subject decide.
fn only_in(these: &[Finding], others: &[Finding]) -> Vec<Finding> {
    let is_same = |one: &Finding, other: &Finding| {
        one.code() == other.code() && one.subject() == other.subject()
    };
    let new = these
        .iter()
        .filter(|one| !others.iter().any(|other| is_same(one, other)));
    new.cloned().collect()
}

struct Run<'a> {
    inventory: &'a Inventory,
    before: Judge<'a>,
    after: Judge<'a>,
    breaks: Gathering,
    repaired: Vec<MailClient>,
    unaffected: usize,
    safe_from: Option<UnixTime>,
}

impl Run<'_> {
    fn try_clients(&mut self, old: &Listener, new: &Listener) {
        for client in self.clients_of(old) {
            let before = self.verdict(self.before, &client, old);
            let after = self.verdict(self.after, &client, new);
            match (before, after) {
                (Some(Ok(_)), Some(Ok(_))) => {
                    self.unaffected = self.unaffected.saturating_add(1);
                }
                (Some(Ok(_)), Some(Err(rejection))) => {
                    // What a record to come mends is waited for, see `try_tlsa`.
                    if !matches!(client, MailClient::Dane { .. }) {
                        self.safe_from = None;
                    }
                    let failure = rejection.primary().clone();
                    let problem = Problem::ClientBreaks { client, failure };
                    self.breaks
                        .find(Level::Error, Subject::server(old), problem);
                }
                (Some(Err(_)), Some(Ok(_))) => self.repaired.push(client),
                (Some(Err(_)), Some(Err(_))) | (None, _) | (_, None) => {}
            }
        }
    }

    fn clients_of(&self, listener: &Listener) -> Vec<MailClient> {
        let (service, transport) = (listener.service, listener.transport);
        let Some(mode) = listener.mode() else {
            return Vec::new();
        };
        let mut clients = vec![MailClient::Typed {
            service,
            transport,
            host: listener.host.clone(),
            port: listener.port,
        }];
        for domain in self.inventory.domains_of(listener) {
            let fact = self.inventory.srv(&domain.name, service, mode);
            let Some((status, records)) = fact.and_then(|fact| fact.answer.as_srv()) else {
                continue;
            };
            let leads_here = records.iter().any(|record| {
                record.host() == Some(&listener.host) && record.port() == listener.port
            });
            if leads_here {
                clients.push(MailClient::Srv {
                    service,
                    transport,
                    domain: domain.name.clone(),
                    is_secure: status == DnsStatus::Secure,
                });
            }
        }
        if self.published(listener).is_some() {
            clients.push(MailClient::Dane {
                service,
                host: listener.host.clone(),
                port: listener.port,
            });
        }
        clients
    }

    /// The worst verdict on the chains that the client may be shown.
    fn verdict(
        &self,
        judge: Judge<'_>,
        client: &MailClient,
        listener: &Listener,
    ) -> Option<Verdict> {
        let (name, references) = match client {
            MailClient::Typed { host, .. } | MailClient::Dane { host, .. } => {
                let reference = Host::Name(host.clone());
                let references = ReferenceIds::for_host(&reference, Provenance::Administrator);
                (host, references.ok()?)
            }
            MailClient::Srv {
                domain, is_secure, ..
            } => {
                let provenance = match is_secure {
                    true => Provenance::SrvSecure,
                    false => Provenance::SrvInsecure,
                };
                (domain, srv_references(listener, domain, provenance)?)
            }
        };
        let published = match client {
            MailClient::Dane { .. } => Some(self.published(listener)?),
            MailClient::Typed { .. } | MailClient::Srv { .. } => None,
        };
        let mut worst = None;
        for chain in listener.chains_for(name) {
            let references = references.clone();
            let verdict = match &published {
                None => judge.by_references(chain, references),
                Some(published) => {
                    let records = &published.records;
                    judge.by_tlsa(chain, references, published, records, DaneUsages::Dane)
                }
            };
            if matches!(verdict, Some(Err(_))) {
                return verdict;
            }
            worst = worst.or(verdict);
        }
        worst
    }

    /// Records that clients apply.
    fn published(&self, listener: &Listener) -> Option<Published> {
        match self.inventory.tlsa(&listener.host, listener.port) {
            Tlsa::Found(published) if published.is_secure() => Some(published),
            Tlsa::Found(_) | Tlsa::NotAsked | Tlsa::None(_) | Tlsa::Failed(..) => None,
        }
    }

    /// RFC 7671 §8.1: records for the new chain are published two times to live before it, for each
    /// combination.
    fn try_tlsa(&mut self, old: &Listener, new: &Listener) {
        let Some(published) = self.published(old) else {
            return;
        };
        let ttl = published.ttl.unwrap_or(limits::TLSA_LONGEST);
        let wait = ttl.saturating_mul(2);
        for (chain, next) in old.chains.iter().zip(&new.chains) {
            if chain.certificates == next.certificates {
                continue;
            }
            let fates = |judge: Judge<'_>, chain: &ServerChain| -> Vec<TlsaFate> {
                let records = published.records.iter();
                records
                    .map(|record| judge.fate_of(chain, &published, record))
                    .collect()
            };
            let (now, then) = (fates(self.before, chain), fates(self.after, next));
            let mut seen = Vec::new();
            for record in &published.records {
                let this = combination(record);
                if seen.contains(&this) {
                    continue;
                }
                seen.push(this);
                let own = || {
                    let pairs = now.iter().zip(&then);
                    let pairs = published.records.iter().zip(pairs);
                    pairs.filter(|(record, _)| combination(record) == this)
                };
                if own().all(|(_, (_, then))| is_unmatched(then)) {
                    self.demand(&published, next, record, later(self.before.now, wait));
                } else if own().all(|(_, (now, then))| is_unmatched(now) || is_unmatched(then)) {
                    // There for the new chain alone: since when, decides.
                    let earliest = later(published.since.unwrap_or(self.before.now), wait);
                    self.wait_for(&published, earliest);
                }
            }
        }
    }

    fn demand(
        &mut self,
        published: &Published,
        next: &ServerChain,
        like: &TlsaRecord,
        earliest: UnixTime,
    ) {
        let Some(record) = record_for(next, like) else {
            return;
        };
        self.delay(earliest);
        let problem = Problem::TlsaToPublish { record, earliest };
        self.breaks.find(Level::Error, published.subject(), problem);
    }

    fn wait_for(&mut self, published: &Published, earliest: UnixTime) {
        if earliest > self.after.now {
            let problem = Problem::TlsaTooYoung { earliest };
            self.breaks
                .find(Level::Warning, published.subject(), problem);
        }
        self.delay(earliest);
    }

    fn delay(&mut self, earliest: UnixTime) {
        self.safe_from = self.safe_from.map(|known| known.max(earliest));
    }

    fn try_pins(&mut self, old: &Listener, new: &Listener) {
        for (chain, next) in old.chains.iter().zip(&new.chains) {
            let (Some(now), Some(then)) = (fingerprints(chain), fingerprints(next)) else {
                continue;
            };
            for (own, next) in now.iter().zip(then) {
                let is_pinned = |pin: &&Fingerprint| *pin == own;
                let Some(pin) = self.inventory.pins.iter().find(is_pinned) else {
                    continue;
                };
                // Who has pinned the next one as well is not locked out.
                if *own == next || self.inventory.pins.contains(&next) {
                    continue;
                }
                let problem = Problem::PinBreaks { pin: *pin, next };
                self.safe_from = None;
                self.breaks
                    .find(Level::Error, Subject::chain(chain, old), problem);
            }
        }
    }
}

/// The record of this form for a chain: of its own certificate, or of the topmost that is sent.
fn record_for(chain: &ServerChain, like: &TlsaRecord) -> Option<TlsaRecord> {
    let (usage, selector, matching) = combination(like);
    let certificate = match usage {
        TlsaUsage::PkixEe | TlsaUsage::DaneEe => chain.certificates.first()?,
        TlsaUsage::PkixTa | TlsaUsage::DaneTa => {
            chain.certificates.get(1..).and_then(<[_]>::last)?
        }
        TlsaUsage::Other(_) => return None,
    };
    let content: &[u8] = match selector {
        TlsaSelector::Cert => certificate,
        TlsaSelector::Spki => Certificate::parse(certificate).ok()?.public_key_der,
        TlsaSelector::Other(_) => return None,
    };
    let data = match matching {
        TlsaMatching::Full => content.to_vec(),
        TlsaMatching::Sha256 => DigestAlgorithm::Sha256.digest(content),
        TlsaMatching::Sha512 => DigestAlgorithm::Sha512.digest(content),
        TlsaMatching::Other(_) => return None,
    };
    Some(TlsaRecord::new(usage, selector, matching, &data))
}

fn later(time: UnixTime, by: Duration) -> UnixTime {
    let seconds = time.as_secs().saturating_add(by.as_secs());
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}
