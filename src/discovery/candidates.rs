//! Which of the servers that were named are taken, and in which order.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use super::configuration::Configuration;
use super::dns::{Answer, Data, DnsFailure, DnsStatus, Question, SrvTarget};
use super::lookup::ServerRecords;
use super::report::{ConfirmTarget, Finding, Ignored, Report};
use super::select::{Dice, order};
use super::server::{MailServer, Transport};
use crate::identity::Provenance;
use crate::limits::SRV_TARGETS;
use crate::name::{Host, HostName};
use crate::service::{Service, TlsMode};
use crate::text::UntrustedText;

/// One SRV label of the domain, and what is advertised under it.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) service: Service,
    mode: TlsMode,
    pub(super) question: Question,
    advertised: Option<Advertised>,
}

#[derive(Debug, Clone)]
enum Advertised {
    Servers {
        servers: Vec<Candidate>,
        invalid: Vec<UntrustedText>,
    },
    /// The service is decidedly not available under this label.
    NotOffered,
    NoRecords,
    Failed(DnsFailure),
}

/// A server that was named.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) server: MailServer,
    /// The SRV priority, where it has one.
    priority: Option<u16>,
}

/// The choice, and how it was made.
#[derive(Debug)]
pub(super) struct Survey {
    services: Vec<Service>,
    failed: Vec<Service>,
    chosen: Vec<(Service, Vec<MailServer>)>,
    /// Services that were not chosen because another one of the same purpose was.
    alternatives: Vec<Service>,
    findings: Vec<Finding>,
    pub(super) lifetime: Option<Duration>,
}

/// How much the source of a name counts, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// The user or the administrator said so.
    Explicit,
    /// No attacker on the network could have written it.
    Trustworthy,
    /// An attacker could.
    Untrustworthy,
    Guess,
}

impl Label {
    /// `None` where the service has no label for the mode, or the domain is too long for one.
    pub(super) fn new(service: Service, mode: TlsMode, domain: &HostName) -> Option<Self> {
        Some(Self {
            service,
            mode,
            question: Question::srv(service, mode, domain)?,
            advertised: None,
        })
    }

    pub(super) fn is_pending(&self) -> bool {
        self.advertised.is_none()
    }

    pub(super) fn take(&mut self, answer: &Answer, seed: u64) {
        self.advertised = Some(self.read(answer, seed));
    }

    fn read(&self, answer: &Answer, seed: u64) -> Advertised {
        let (status, records) = match &answer.data {
            Data::Srv(status, records) => (*status, records),
            Data::Nothing(_) => return Advertised::NoRecords,
            Data::Failed(failure) => return Advertised::Failed(*failure),
            Data::Addresses(_) | Data::Tlsa(..) => {
                return Advertised::Failed(DnsFailure::Malformed);
            }
        };
        let provenance = match status {
            DnsStatus::Secure => Provenance::SrvSecure,
            DnsStatus::Insecure => Provenance::SrvInsecure,
            DnsStatus::Indeterminate => return Advertised::Failed(DnsFailure::Indeterminate),
            DnsStatus::Bogus => return Advertised::Failed(DnsFailure::Bogus),
        };
        // RFC 6186 §3.4: "If such records are present, clients MUST assume…".
        if records.iter().any(|r| r.target == SrvTarget::NotAvailable) {
            return Advertised::NotOffered;
        }
        if records.is_empty() {
            return Advertised::NoRecords;
        }
        let mut seen = std::collections::HashSet::new();
        let (mut valid, mut invalid) = (Vec::new(), Vec::new());
        for record in records {
            match &record.target {
                SrvTarget::Invalid(text) => {
                    if invalid.len() < SRV_TARGETS {
                        invalid.push(text.clone());
                    }
                }
                SrvTarget::Host(_) if seen.insert(record) => valid.push(record.clone()),
                SrvTarget::Host(_) | SrvTarget::NotAvailable => {}
            }
        }
        let mut dice = Dice::new(seed);
        let mut servers: Vec<Candidate> = Vec::new();
        for record in order(valid, SRV_TARGETS, &mut |most| dice.roll(most)) {
            let SrvTarget::Host(target) = record.target else {
                continue;
            };
            let transport = self.mode.into();
            let host = Host::Name(target);
            let server = MailServer::new(self.service, transport, host, record.port, provenance);
            if servers
                .iter()
                .all(|other| !other.server.is_same_place(&server))
            {
                servers.push(Candidate {
                    server,
                    priority: Some(record.priority),
                });
            }
        }
        Advertised::Servers { servers, invalid }
    }

    pub(super) fn candidates(&self) -> Vec<Candidate> {
        match &self.advertised {
            Some(Advertised::Servers { servers, .. }) => servers.clone(),
            Some(Advertised::NotOffered | Advertised::NoRecords | Advertised::Failed(_)) | None => {
                Vec::new()
            }
        }
    }

    /// Whether the domain has said something about the service, or somebody keeps us from hearing
    /// it.
    pub(super) fn forbids_guesses(&self) -> bool {
        match &self.advertised {
            Some(Advertised::NotOffered | Advertised::Failed(_)) | None => true,
            Some(Advertised::NoRecords | Advertised::Servers { .. }) => false,
        }
    }

    fn failure(&self) -> Option<DnsFailure> {
        match &self.advertised {
            Some(Advertised::Failed(failure)) => Some(*failure),
            Some(Advertised::NotOffered | Advertised::NoRecords | Advertised::Servers { .. })
            | None => None,
        }
    }

    fn findings(&self) -> Vec<Finding> {
        let question = || self.question.clone();
        match &self.advertised {
            Some(Advertised::Failed(failure)) => vec![Finding::LookupFailed {
                question: question(),
                failure: *failure,
            }],
            Some(Advertised::NotOffered) => vec![Finding::NotOffered {
                question: question(),
            }],
            Some(Advertised::NoRecords) => vec![Finding::NoRecords {
                question: question(),
            }],
            Some(Advertised::Servers { invalid, .. }) => invalid
                .iter()
                .map(|target| Finding::InvalidRecord {
                    question: question(),
                    target: target.clone(),
                })
                .collect(),
            None => Vec::new(),
        }
    }
}

impl Candidate {
    pub(super) fn from_other(server: MailServer) -> Self {
        Self {
            server,
            priority: None,
        }
    }

    /// The place whose addresses and TLSA records are looked up: that of a name that is known by
    /// other means than unprotected DNS (RFC 7673 §3.1), or of a guess, which may not exist.
    pub(super) fn to_look_up(&self) -> Option<(HostName, u16)> {
        match self.class() {
            Class::Explicit | Class::Trustworthy | Class::Guess => {
                Some((self.server.host().name()?.clone(), self.server.port()))
            }
            Class::Untrustworthy => None,
        }
    }

    pub(super) fn class(&self) -> Class {
        match self.server.provenance() {
            Provenance::Typed | Provenance::Administrator | Provenance::Confirmed => {
                Class::Explicit
            }
            Provenance::SrvSecure
            | Provenance::ProviderDatabase
            | Provenance::AutoconfigAuthenticated => Class::Trustworthy,
            Provenance::SrvInsecure
            | Provenance::AutoconfigUnauthenticated
            | Provenance::TlsaBaseDomain => Class::Untrustworthy,
            Provenance::Guessed => Class::Guess,
        }
    }

    /// Whether the user has to be asked: RFC 8314 §5.1 for names outside the domain that an
    /// attacker may have written; a guess is nobody's word.
    pub(super) fn is_to_confirm(&self, domain: &HostName) -> bool {
        let is_outside = match self.server.host() {
            Host::Name(name) => !name.is_within(domain),
            Host::Ip(_) => true,
        };
        match self.class() {
            Class::Explicit | Class::Trustworthy => false,
            Class::Untrustworthy => is_outside,
            Class::Guess => true,
        }
    }

    /// RFC 8314 §5.1: implicit TLS, then STARTTLS; between sources DNS before documents. The order
    /// of one source's servers of one label is kept.
    fn compare(&self, other: &Self) -> Ordering {
        let source = |provenance| match provenance {
            Provenance::SrvSecure | Provenance::SrvInsecure | Provenance::TlsaBaseDomain => 0,
            Provenance::Typed | Provenance::Administrator | Provenance::Confirmed => 1,
            Provenance::ProviderDatabase => 2,
            Provenance::AutoconfigAuthenticated | Provenance::AutoconfigUnauthenticated => 3,
            Provenance::Guessed => 4,
        };
        let key = |server: &MailServer| (server.transport(), source(server.provenance()));
        key(&self.server).cmp(&key(&other.server))
    }
}

/// The conventional names of a service, with implicit TLS first.
pub(super) fn guesses(service: Service, domain: &HostName) -> Vec<Candidate> {
    let prefixes: &[&str] = match service {
        Service::Imap => &["imap.", "mail.", ""],
        Service::Pop3 => &["pop.", "pop3.", "mail.", ""],
        Service::Submission => &["smtp.", "submission.", "mail.", ""],
        Service::ManageSieve => &["sieve.", "imap.", "mail.", ""],
        Service::Lmtp | Service::SmtpRelay => &[],
    };
    let mut candidates = Vec::new();
    for mode in [TlsMode::Implicit, TlsMode::StartTls] {
        let Some(port) = service.default_port(mode) else {
            continue;
        };
        let names = prefixes
            .iter()
            .filter_map(|prefix| HostName::parse(&format!("{prefix}{domain}")).ok());
        candidates.extend(names.map(|name| {
            let host = Host::Name(name);
            Candidate::from_other(MailServer::new(
                service,
                mode.into(),
                host,
                port,
                Provenance::Guessed,
            ))
        }));
    }
    candidates
}

impl Survey {
    pub(super) fn new(services: &[Service], labels: &[Label]) -> Self {
        let failed = labels.iter().filter(|label| label.failure().is_some());
        Self {
            services: services.to_vec(),
            failed: failed.map(|label| label.service).collect(),
            chosen: Vec::new(),
            alternatives: Vec::new(),
            findings: labels.iter().flat_map(Label::findings).collect(),
            lifetime: None,
        }
    }

    /// Sieves the candidates, rule by rule, and chooses among the services of one purpose.
    pub(super) fn choose(
        &mut self,
        mut candidates: Vec<Candidate>,
        domain: &HostName,
        decisions: &BTreeMap<Host, bool>,
        records: impl Fn(&(HostName, u16)) -> Option<ServerRecords>,
    ) {
        // RFC 8314 §5.1: whatever becomes of a server with TLS, it was advertised; and where it
        // cannot be known, it may have been.
        let mut advertised = candidates
            .iter()
            .filter(|candidate| candidate.class() != Class::Guess)
            .peekable();
        let may_be_cleartext = self.failed.is_empty()
            && advertised.peek().is_some()
            && advertised.all(|candidate| candidate.server.transport() == Transport::Cleartext);
        self.sieve(&mut candidates, |candidate| {
            let is_guess = candidate.class() == Class::Guess;
            (is_guess && may_be_cleartext).then_some(Ignored::BetterSource)
        });
        self.sieve(&mut candidates, |candidate| {
            let is_cleartext = candidate.server.transport() == Transport::Cleartext;
            (is_cleartext && !may_be_cleartext).then_some(Ignored::CleartextWhereTlsMayBe)
        });
        let mut best: BTreeMap<Service, Class> = BTreeMap::new();
        for candidate in &candidates {
            let class = best
                .entry(candidate.server.service())
                .or_insert(Class::Guess);
            *class = candidate.class().min(*class);
        }
        // RFC 7673 §3.1: no substitute for records that could not be validated.
        let failed = self.failed.clone();
        self.sieve(&mut candidates, |candidate| {
            let is_from_srv = match candidate.server.provenance() {
                Provenance::SrvSecure | Provenance::SrvInsecure | Provenance::TlsaBaseDomain => {
                    true
                }
                Provenance::Typed
                | Provenance::Administrator
                | Provenance::ProviderDatabase
                | Provenance::AutoconfigAuthenticated
                | Provenance::AutoconfigUnauthenticated
                | Provenance::Confirmed
                | Provenance::Guessed => false,
            };
            let is_weak = candidate.class() >= Class::Untrustworthy;
            let has_failed = failed.contains(&candidate.server.service());
            (has_failed && (is_from_srv || is_weak)).then_some(Ignored::LookupFailed)
        });
        self.sieve(&mut candidates, |candidate| {
            let best = best.get(&candidate.server.service());
            (best != Some(&candidate.class())).then_some(Ignored::BetterSource)
        });
        self.sieve(&mut candidates, |candidate| {
            let is_cleartext = candidate.server.transport() == Transport::Cleartext;
            match records(&candidate.to_look_up()?)? {
                ServerRecords::NoTlsa { .. } => None,
                ServerRecords::Tlsa { .. } => is_cleartext.then_some(Ignored::TlsRequiredByDns),
                ServerRecords::NoAddress => Some(Ignored::NoAddress),
                ServerRecords::DoNotConnect { failure, .. } => Some(Ignored::Failed(failure)),
            }
        });
        self.sieve(&mut candidates, |candidate| {
            let is_rejected = decisions.get(candidate.server.host()) == Some(&false);
            is_rejected.then_some(Ignored::RejectedByUser)
        });
        candidates.sort_by(Candidate::compare);
        self.choose_services(&candidates);
        for candidate in &mut candidates {
            let is_to_confirm = candidate.is_to_confirm(domain);
            if is_to_confirm && decisions.get(candidate.server.host()) == Some(&true) {
                candidate.server = candidate
                    .server
                    .clone()
                    .with_provenance(Provenance::Confirmed);
            }
        }
        for (service, servers) in &mut self.chosen {
            for candidate in &candidates {
                let server = &candidate.server;
                let is_new = servers.iter().all(|other| !other.is_same_place(server));
                if server.service() == *service && is_new {
                    servers.push(server.clone());
                }
            }
        }
    }

    fn sieve(
        &mut self,
        candidates: &mut Vec<Candidate>,
        reason: impl Fn(&Candidate) -> Option<Ignored>,
    ) {
        candidates.retain(|candidate| match reason(candidate) {
            None => true,
            Some(reason) => {
                let server = candidate.server.clone();
                self.findings.push(Finding::Ignored { server, reason });
                false
            }
        });
    }

    /// RFC 6186 §3.4: the protocol first, by the lowest priority of what is left of it.
    fn choose_services(&mut self, candidates: &[Candidate]) {
        let standing = |service: Service| {
            let own = || candidates.iter().filter(|c| c.server.service() == service);
            let class = own().map(Candidate::class).min()?;
            let priority = own().filter_map(|candidate| candidate.priority).min();
            Some((class, priority.unwrap_or(0)))
        };
        for service in self.services.clone() {
            let Some(own) = standing(service) else {
                continue;
            };
            let rivals = self
                .services
                .iter()
                .filter(|other| is_rival(service, **other));
            let place = |service: Service| self.services.iter().position(|s| *s == service);
            let is_beaten = rivals
                .filter_map(|rival| Some((standing(*rival)?, place(*rival))))
                .any(|rival| rival < (own, place(service)));
            if is_beaten {
                self.alternatives.push(service);
            } else {
                self.chosen.push((service, Vec::new()));
            }
        }
    }

    pub(super) fn chosen(&self) -> impl Iterator<Item = &MailServer> {
        self.chosen.iter().flat_map(|(_, servers)| servers)
    }

    pub(super) fn alternatives(&self) -> &[Service] {
        &self.alternatives
    }

    /// The services of which it is not known what is advertised.
    pub(super) fn failed(&self) -> &[Service] {
        &self.failed
    }

    /// The questions for the user, each once.
    pub(super) fn unconfirmed(&self, domain: &HostName) -> Vec<ConfirmTarget> {
        let mut questions: Vec<ConfirmTarget> = Vec::new();
        for server in self.chosen() {
            let is_open = Candidate::from_other(server.clone()).is_to_confirm(domain);
            if is_open && questions.iter().all(|q| q.target() != server.host()) {
                questions.push(ConfirmTarget::new(domain.clone(), server));
            }
        }
        questions
    }

    pub(super) fn conclude(self, domain: &HostName) -> (Configuration, Report) {
        let configuration = Configuration::new(domain.clone(), self.chosen);
        let report = Report::new(self.findings, self.alternatives, self.lifetime);
        (configuration, report)
    }
}

/// IMAP and POP3 serve the same purpose; one of them is enough.
fn is_rival(one: Service, other: Service) -> bool {
    match (one, other) {
        (Service::Imap, Service::Pop3) | (Service::Pop3, Service::Imap) => true,
        (
            Service::Imap
            | Service::Pop3
            | Service::Submission
            | Service::ManageSieve
            | Service::Lmtp
            | Service::SmtpRelay,
            _,
        ) => false,
    }
}
