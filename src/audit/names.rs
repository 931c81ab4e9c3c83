//! Whether certificates name what clients expect (RFC 7817 §5 and §5.1, RFC 6186 §5).

use super::inventory::{Listener, MailDomain, ServerChain};
use super::report::{Coverage, Way};
use super::verdicts::{dns_id, has_srv_id, names_of};
use super::{Audit, Level, Problem, Subject};
use crate::certificate::Certificate;
use crate::discovery::DnsStatus;
use crate::identity::{PresentedId, PresentedIds, Provenance, ReferenceId, match_of};
use crate::limits;
use crate::name::{Host, HostName};
use crate::text::UntrustedText;
use crate::verify::Fingerprint;

impl Audit<'_> {
    pub(super) fn check_names(&mut self) {
        for listener in &self.inventory.listeners {
            if listener.mode().is_none() || listener.chains.is_empty() {
                continue;
            }
            let shown = listener.chains_for(&listener.host);
            if shown.is_empty() {
                // RFC 8314 §4.4: who knows nothing of SRV records asks for the host.
                let host = listener.host.clone();
                let problem = Problem::HostNotNamed { host };
                self.find(Level::Error, Subject::server(listener), problem);
            }
            for chain in shown {
                self.check_host(listener, chain);
            }
            let served = self.inventory.domains_of(listener).count();
            for domain in self.inventory.domains_of(listener) {
                self.check_domain(listener, domain, served > 1);
            }
        }
    }

    /// RFC 7817 §5 (1): a DNS-ID for the host, which users type and secure SRV records lead to.
    fn check_host(&mut self, listener: &Listener, chain: &ServerChain) {
        let Some(names) = names_of(chain) else {
            return; // the verdict on the chain says so
        };
        let host = listener.host.clone();
        let subject = Subject::chain(chain, listener);
        match dns_id(&names, &host) {
            Some(PresentedId::DnsWildcard(parent)) => {
                let parent = UntrustedText::new(parent.as_bytes(), limits::REPORTED_TEXT);
                let problem = Problem::WildcardOnly { host, parent };
                self.find(Level::Advice, subject, problem);
            }
            Some(_) => {}
            None => {
                let level = self.level_of_refusal(listener, chain);
                let problem = if is_common_name(&names, &host) {
                    Problem::CommonNameOnly { host }
                } else {
                    Problem::HostNotNamed { host }
                };
                self.find(level, subject, problem);
            }
        }
    }

    /// What users of a domain find, for each of the ways by which they may have come.
    fn check_domain(&mut self, listener: &Listener, domain: &MailDomain, is_shared: bool) {
        let Some(mode) = listener.mode() else {
            return;
        };
        let name = &domain.name;
        let chains = listener.chains_for(name);
        let advertised = self.advertised(listener, name);
        let label = listener.service.srv_label(mode);
        let facts: Vec<(&ServerChain, NamesDomain)> = chains
            .iter()
            .filter_map(|chain| {
                let names = names_of(chain)?;
                let facts = NamesDomain {
                    dns_id: dns_id(&names, name).is_some(),
                    srv_id: label.is_some_and(|label| has_srv_id(&names, label, name)),
                    host: dns_id(&names, &listener.host).is_some(),
                };
                Some((*chain, facts))
            })
            .collect();
        if facts.is_empty() && !chains.is_empty() {
            return; // the verdict on the chains says that they cannot be read
        }
        if let (true, Some(_)) = (facts.is_empty(), advertised) {
            let domain = name.clone();
            let problem = Problem::DomainUncovered { domain };
            self.find(Level::Error, Subject::server(listener), problem);
        }

        let ways = self.ways(name, is_shared, advertised, &facts);
        for (chain, names) in &facts {
            let subject = Subject::chain(chain, listener);
            let is_named = names.dns_id || names.srv_id;
            let domain = name.clone();
            if ways.is_empty() && !is_named {
                let (level, problem) = match (is_shared, advertised) {
                    (true, Some(_)) => {
                        let level = self.level_of_refusal(listener, chain);
                        (level, Problem::DomainUncovered { domain })
                    }
                    // Users who type the host are not refused.
                    (true, None) => (Level::Warning, Problem::DomainUncovered { domain }),
                    (false, Some(_)) => {
                        let level = self.level_of_refusal(listener, chain);
                        (level, Problem::SourceDomainNotNamed { domain })
                    }
                    (false, None) => (Level::Warning, Problem::DomainNotNamed { domain }),
                };
                self.find(level, subject.clone(), problem);
            } else if !names.dns_id {
                // RFC 7817 §5.1 (1) does without, with signed records.
                let level = match ways.contains(&Way::SecureSrv) {
                    true => Level::Advice,
                    false => Level::Warning,
                };
                self.find(level, subject.clone(), Problem::DomainNotNamed { domain });
            }
            if let (Some(_), Some(service), false) = (advertised, label, names.srv_id) {
                let problem = Problem::ServiceNotNamed {
                    service,
                    domain: name.clone(),
                    has_dns_id: names.dns_id,
                };
                self.find(Level::Warning, subject, problem);
            }
        }
        self.gathering.coverage.push(Coverage {
            domain: name.clone(),
            server: Subject::server(listener),
            ways,
        });
    }

    /// The status of the domain's SRV records, if one of them names this server.
    fn advertised(&self, listener: &Listener, domain: &HostName) -> Option<DnsStatus> {
        let fact = self
            .inventory
            .srv(domain, listener.service, listener.mode()?)?;
        let (status, records) = fact.answer.as_srv()?;
        records
            .iter()
            .any(|record| record.host() == Some(&listener.host) && record.port() == listener.port)
            .then_some(status)
    }

    fn ways(
        &self,
        domain: &HostName,
        is_shared: bool,
        advertised: Option<DnsStatus>,
        facts: &[(&ServerChain, NamesDomain)],
    ) -> Vec<Way> {
        let names_domain = facts.iter().all(|(_, names)| names.dns_id || names.srv_id);
        let mut ways = Vec::new();
        let leads_here = advertised == Some(DnsStatus::Secure);
        if facts.is_empty() {
            return ways; // no certificate is shown to who asks for the domain
        }
        if leads_here && facts.iter().all(|(_, names)| names.names_any()) {
            ways.push(Way::SecureSrv);
        }
        if names_domain {
            let by_sni = facts.iter().all(|(chain, _)| chain.names.contains(domain));
            ways.push(match (by_sni, is_shared) {
                (true, _) => Way::Sni,
                (false, true) => Way::SharedCertificate,
                (false, false) => Way::OwnServer,
            });
        }
        let is_pinned = |(chain, _): &(&ServerChain, NamesDomain)| {
            let pins = &self.inventory.pins;
            fingerprints(chain).is_some_and(|own| own.iter().any(|one| pins.contains(one)))
        };
        if !self.inventory.pins.is_empty() && facts.iter().all(is_pinned) {
            ways.push(Way::Pinned);
        }
        ways.sort_unstable();
        ways
    }
}

/// What a certificate says of a domain and of the server.
#[derive(Clone, Copy)]
struct NamesDomain {
    dns_id: bool,
    srv_id: bool,
    host: bool,
}

impl NamesDomain {
    const fn names_any(self) -> bool {
        self.dns_id || self.srv_id || self.host
    }
}

/// The fingerprints of the chain's own certificate and of its key.
pub(super) fn fingerprints(chain: &ServerChain) -> Option<[Fingerprint; 2]> {
    let own = chain.certificates.first()?;
    let certificate = Certificate::parse(own).ok()?;
    let key = Fingerprint::of(certificate.public_key_der);
    Some([Fingerprint::of_certificate(own), key])
}

fn is_common_name(names: &PresentedIds<'_>, host: &HostName) -> bool {
    let host = Host::Name(host.clone());
    ReferenceId::of_host(&host, Provenance::Administrator)
        .ok()
        .and_then(|reference| reference.common_name())
        .is_some_and(|reference| match_of(&reference, names).is_some())
}
