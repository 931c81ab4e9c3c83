//! SRV records and the addresses behind them (RFC 6186 §3.4 and §5, RFC 2782, RFC 8314 §4.5).

use super::inventory::{Listener, MailDomain, labels};
use super::records::set_name;
use super::{Audit, Level, Problem, Subject};
use crate::discovery::{DnsStatus, Question, RecordType, SrvRecord, Transport};
use crate::name::HostName;
use crate::service::{Service, TlsMode};

/// One SRV set of a domain.
struct Set<'a> {
    service: Service,
    mode: TlsMode,
    question: Question,
    records: &'a [SrvRecord],
}

impl<'a> Audit<'a> {
    pub(super) fn check_srv(&mut self) {
        let inventory = self.inventory;
        for domain in &inventory.domains {
            let sets = self.check_sets(domain);
            for service in [
                Service::Imap,
                Service::Pop3,
                Service::Submission,
                Service::ManageSieve,
            ] {
                self.check_preference(domain, service, &sets);
            }
            self.check_access(domain, &sets);
        }
        self.check_addresses();
    }

    /// Each label by itself; what was answered comes back.
    fn check_sets(&mut self, domain: &MailDomain) -> Vec<Set<'a>> {
        let inventory = self.inventory;
        let mut sets = Vec::new();
        for (service, mode) in labels() {
            let Some(question) = Question::srv(service, mode, &domain.name) else {
                continue;
            };
            let Some(fact) = inventory.fact(&question) else {
                continue;
            };
            let subject = Subject::Records(set_name(&question));
            if let Some(failure) = fact.answer.failure() {
                self.find(Level::Error, subject, Problem::DnsFailed { failure });
                continue;
            }
            let (status, records) = fact.answer.as_srv().unwrap_or((DnsStatus::Insecure, &[]));
            if !records.is_empty() && status != DnsStatus::Secure {
                self.unsigned(subject, RecordType::Srv, domain.parent_is_signed);
            }
            let set = Set {
                service,
                mode,
                question,
                records,
            };
            self.check_records(&set);
            self.check_advertised(domain, &set);
            sets.push(set);
        }
        sets
    }

    /// RFC 8314 §4.5.3: SHOULD, if and when the parent supports it.
    fn unsigned(&mut self, subject: Subject, record_type: RecordType, parent: Option<bool>) {
        let level = match parent {
            Some(true) => Level::Warning,
            Some(false) | None => Level::Advice,
        };
        let problem = Problem::Unsigned {
            record_type,
            parent_is_signed: parent,
        };
        self.find(level, subject, problem);
    }

    /// RFC 2782, "The format of the SRV RR".
    fn check_records(&mut self, set: &Set<'_>) {
        let subject = || Subject::Records(set_name(&set.question));
        if set.records.len() > 1 && set.records.iter().any(SrvRecord::denies) {
            self.find(Level::Warning, subject(), Problem::DenialAmongTargets);
        }
        for record in set.records {
            if let Some(target) = record.invalid() {
                let target = target.clone();
                self.find(Level::Error, subject(), Problem::BadTarget { target });
            }
            if let Some(host) = record.host() {
                self.check_target(subject(), host);
                self.check_port(set, host, record.port());
            }
        }
    }

    fn check_target(&mut self, subject: Subject, host: &HostName) {
        let Some(address) = self.inventory.address(host) else {
            return;
        };
        if let (false, None) = (address.exists, &address.failure) {
            let host = host.clone();
            let problem = Problem::TargetWithoutAddress { host };
            self.find(Level::Error, subject.clone(), problem);
        }
        if let Some(canonical) = address.alias {
            let host = host.clone();
            let problem = Problem::TargetIsAlias { host, canonical };
            self.find(Level::Warning, subject, problem);
        }
    }

    fn check_port(&mut self, set: &Set<'_>, host: &HostName, port: u16) {
        let subject = || Subject::Records(set_name(&set.question));
        let is_here = |listener: &&Listener| listener.host == *host && listener.port == port;
        let here = self.inventory.listeners.iter().find(is_here);
        let is_it = here.is_some_and(|listener| {
            listener.service == set.service && listener.label_mode() == set.mode
        });
        if !self.inventory.listeners.is_empty() && !is_it {
            let host = host.clone();
            let problem = Problem::NoSuchServer { host, port };
            self.find(Level::Warning, subject(), problem);
        }
        let Some(registered) = set.service.default_port(set.mode) else {
            return;
        };
        if port == registered {
            return;
        }
        let owner = labels()
            .find(|(service, mode)| service.default_port(*mode) == Some(port))
            .filter(|_| !is_it);
        match owner {
            Some((service, mode)) => {
                let problem = Problem::WrongPort {
                    port,
                    service,
                    mode,
                };
                self.find(Level::Error, subject(), problem);
            }
            None => {
                let problem = Problem::UnusualPort { port, registered };
                self.find(Level::Advice, subject(), problem);
            }
        }
    }

    /// RFC 8314 §4.5.2, RFC 6186 §5 (c). A domain that denies STARTTLS on purpose may do so; so may
    /// one that does not advertise it (RFC 8314 §5.1 makes implicit TLS the first choice).
    fn check_advertised(&mut self, domain: &MailDomain, set: &Set<'_>) {
        if set.records.iter().any(|record| record.host().is_some()) {
            return;
        }
        let is_offered = |listener: &&Listener| {
            listener.service == set.service && listener.mode() == Some(set.mode)
        };
        let inventory = self.inventory;
        let offers = inventory.listeners.iter().filter(is_offered);
        let mut serving = offers.filter(|listener| {
            let mut served = inventory.domains_of(listener);
            served.any(|one| one.name == domain.name)
        });
        let is_served = serving.next().is_some();
        let is_denied = set.records.iter().any(SrvRecord::denies);
        let level = match (set.mode, is_denied) {
            (TlsMode::Implicit, _) => Level::Warning,
            (TlsMode::StartTls, false) => Level::Advice,
            (TlsMode::StartTls, true) => return,
        };
        if is_served {
            let problem = Problem::NotAdvertised {
                service: set.service,
                mode: set.mode,
            };
            self.find(level, Subject::Domain(domain.name.clone()), problem);
        }
    }

    /// RFC 8314 §4.5.2: TLS in preference to none, and implicit TLS in preference to STARTTLS.
    fn check_preference(&mut self, domain: &MailDomain, service: Service, sets: &[Set<'_>]) {
        let best = |transport| {
            let sets = sets.iter().filter(|set| set.service == service);
            let led_to = sets.flat_map(|set| self.led_to(set));
            let there = led_to.filter(|(_, led_to)| *led_to == transport);
            there.map(|(record, _)| record.priority()).min()
        };
        let (implicit, starttls) = (best(Transport::Implicit), best(Transport::StartTls));
        let tls = implicit.into_iter().chain(starttls).min();
        if let Some(cleartext) = best(Transport::Cleartext) {
            let mut listeners = self.inventory.listeners.iter();
            let has_tls = listeners.any(|one| one.service == service && one.mode().is_some());
            let is_second = tls.is_some_and(|tls| tls < cleartext);
            // Where there is no TLS at all, that is said already.
            if has_tls && !is_second {
                let problem = Problem::CleartextPreferred {
                    service,
                    tls,
                    cleartext,
                };
                self.find(Level::Error, Subject::Domain(domain.name.clone()), problem);
            }
        }
        let (Some(implicit), Some(starttls)) = (implicit, starttls) else {
            return;
        };
        let level = match implicit.cmp(&starttls) {
            std::cmp::Ordering::Less => return,
            std::cmp::Ordering::Equal => Level::Advice,
            std::cmp::Ordering::Greater => Level::Warning,
        };
        let problem = Problem::ImplicitNotPreferred {
            service,
            implicit,
            starttls,
        };
        self.find(level, Subject::Domain(domain.name.clone()), problem);
    }

    /// The records of a set that name a host, and how what they lead to begins: as its label says,
    /// unless it is known to have no TLS.
    fn led_to<'b>(&self, set: &Set<'b>) -> impl Iterator<Item = (&'b SrvRecord, Transport)> {
        let of_label = match set.mode {
            TlsMode::Implicit => Transport::Implicit,
            TlsMode::StartTls => Transport::StartTls,
        };
        let (service, listeners) = (set.service, &self.inventory.listeners);
        set.records.iter().filter_map(move |record| {
            let host = record.host()?;
            let mut there = listeners.iter().filter(|listener| {
                listener.service == service
                    && listener.host == *host
                    && listener.port == record.port()
            });
            let is_cleartext = there.any(|one| one.transport == Transport::Cleartext);
            let transport = if is_cleartext {
                Transport::Cleartext
            } else {
                of_label
            };
            Some((record, transport))
        })
    }

    /// RFC 6186 §3.4: which of IMAP and POP3 users should take.
    fn check_access(&mut self, domain: &MailDomain, sets: &[Set<'_>]) {
        let best = |service| best_priority(sets, |set| set.service == service);
        match (best(Service::Imap), best(Service::Pop3)) {
            (Some(imap), Some(pop3)) if imap == pop3 => {
                let problem = Problem::NoAccessPreference { priority: imap };
                let subject = Subject::Domain(domain.name.clone());
                self.find(Level::Advice, subject, problem);
            }
            (Some(_) | None, Some(_) | None) => {}
        }
    }

    /// RFC 8314 §4.5.3, RFC 7673 §6, for the addresses of the servers.
    fn check_addresses(&mut self) {
        let mut hosts: Vec<&HostName> = self
            .inventory
            .listeners
            .iter()
            .map(|one| &one.host)
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        for host in hosts {
            let Some(address) = self.inventory.address(host) else {
                continue;
            };
            if let Some((question, failure)) = address.failure {
                let subject = Subject::Records(set_name(&question));
                self.find(Level::Error, subject, Problem::DnsFailed { failure });
            }
            if address.status == Some(DnsStatus::Insecure) {
                let mut domains = self.inventory.domains.iter();
                let parent = domains
                    .find(|domain| host.is_within(&domain.name))
                    .and_then(|domain| domain.parent_is_signed);
                let subject = Subject::Records(format!("{host} A/AAAA").into());
                self.unsigned(subject, RecordType::A, parent);
            }
        }
    }
}

impl Listener {
    /// The mode whose label the server would be advertised under: one without TLS under that for
    /// STARTTLS.
    fn label_mode(&self) -> TlsMode {
        match self.transport {
            Transport::Implicit => TlsMode::Implicit,
            Transport::StartTls | Transport::Cleartext => TlsMode::StartTls,
        }
    }
}

/// The lowest number among the records that name a host.
fn best_priority(sets: &[Set<'_>], counts: impl Fn(&Set<'_>) -> bool) -> Option<u16> {
    sets.iter()
        .filter(|set| counts(set))
        .flat_map(|set| set.records)
        .filter(|record| record.host().is_some())
        .map(SrvRecord::priority)
        .min()
}
