//! TLSA records against what is deployed (RFC 7671 §8 and what leads there, RFC 7673 §6,
//! RFC 8314 §4.5.4).

use super::inventory::{Listener, ServerChain};
use super::records::{Published, Tlsa, set_name};
use super::verdicts::srv_references;
use super::{Audit, Level, Problem, Subject};
use crate::discovery::{DnsStatus, RecordType};
use crate::identity::{Provenance, ReferenceIds};
use crate::name::Host;
use crate::verify::dane::{
    DaneUsages, TlsaFate, TlsaMatching, TlsaNearMiss, TlsaRecord, TlsaSelector, TlsaUsage,
};
use crate::verify::{CertificateRejection, Check, CheckFailure};

/// A usage, a selector and a matching type (RFC 7671 §8).
type Combination = (TlsaUsage, TlsaSelector, TlsaMatching);

impl Audit<'_> {
    pub(super) fn check_tlsa(&mut self) {
        let mut seen = Vec::new();
        for listener in &self.inventory.listeners {
            if listener.mode().is_none() {
                continue;
            }
            let tlsa = self.inventory.tlsa(&listener.host, listener.port);
            let place = (&listener.host, listener.port);
            let is_new = !seen.contains(&place);
            seen.push(place);
            match tlsa {
                Tlsa::NotAsked => {}
                Tlsa::None(status) => self.check_absence(listener, status),
                Tlsa::Failed(question, failure) => {
                    let subject = Subject::Records(set_name(&question));
                    self.find(Level::Error, subject, Problem::DnsFailed { failure });
                }
                Tlsa::Found(published) => {
                    if is_new {
                        self.check_set(&published);
                        self.check_path_to(listener, &published);
                    }
                    self.check_matches(listener, &published);
                }
            }
        }
    }

    /// RFC 8314 §4.5.4: SHOULD, where they can be signed.
    fn check_absence(&mut self, listener: &Listener, status: DnsStatus) {
        let address = self.inventory.address(&listener.host);
        let address = address.and_then(|address| address.status);
        if address == Some(DnsStatus::Secure) && status == DnsStatus::Secure {
            let subject = Subject::server(listener);
            self.find(Level::Advice, subject, Problem::TlsaMissing);
        }
    }

    /// The records by themselves.
    fn check_set(&mut self, published: &Published) {
        let subject = || published.subject();
        let records = &published.records;
        if !published.is_secure() {
            self.find(Level::Error, subject(), Problem::TlsaUnsigned);
        }
        if published.is_too_large {
            self.find(Level::Error, subject(), Problem::TlsaTooMany);
        }
        if let Some(ttl) = published
            .ttl
            .filter(|ttl| *ttl > self.judge.policy.tlsa_ttl)
        {
            let limit = self.judge.policy.tlsa_ttl;
            self.find(
                Level::Advice,
                subject(),
                Problem::TlsaLongTtl { ttl, limit },
            );
        }
        let limit = self.judge.policy.signatures;
        if let Some(validity) = published.signed_for.filter(|validity| *validity > limit) {
            let problem = Problem::TlsaLongSignature { validity, limit };
            self.find(Level::Advice, subject(), problem);
        }
        let has = |matching| records.iter().any(|record| record.matching() == matching);
        if has(TlsaMatching::Sha512) && !has(TlsaMatching::Sha256) {
            self.find(Level::Warning, subject(), Problem::TlsaOnlySha512);
        }
        let recommended = (TlsaUsage::DaneEe, TlsaSelector::Spki, TlsaMatching::Sha256);
        if !records
            .iter()
            .any(|record| combination(record) == recommended)
        {
            self.find(Level::Advice, subject(), Problem::TlsaNotRecommended);
        }
        for record in records {
            self.check_form_of(published, record);
        }
    }

    fn check_form_of(&mut self, published: &Published, record: &TlsaRecord) {
        let (usage, selector, matching) = combination(record);
        if matching == TlsaMatching::Full {
            let octets = record.data().len();
            let problem = Problem::TlsaFull { selector, octets };
            self.find(Level::Warning, published.subject(), problem);
        }
        match usage {
            TlsaUsage::PkixTa | TlsaUsage::PkixEe => {
                let problem = Problem::TlsaPkixUsage { usage };
                self.find(Level::Warning, published.subject(), problem);
            }
            TlsaUsage::DaneTa if selector == TlsaSelector::Spki => {
                self.find(Level::Advice, published.subject(), Problem::TlsaAnchorByKey);
            }
            TlsaUsage::DaneTa | TlsaUsage::DaneEe | TlsaUsage::Other(_) => {}
        }
    }

    /// RFC 7673 §6: SRV and address records MUST be secured as well.
    fn check_path_to(&mut self, listener: &Listener, published: &Published) {
        if !published.is_secure() {
            return;
        }
        let address = self.inventory.address(&listener.host);
        if address.and_then(|address| address.status) == Some(DnsStatus::Insecure) {
            let record_type = RecordType::A;
            let problem = Problem::TlsaUnreachable { record_type };
            self.find(Level::Warning, published.subject(), problem);
        }
        let mut domains = self.inventory.domains_of(listener);
        let leads_insecurely = domains.any(|domain| {
            let fact = listener
                .mode()
                .and_then(|mode| self.inventory.srv(&domain.name, listener.service, mode));
            fact.and_then(|fact| fact.answer.as_srv())
                .is_some_and(|(status, records)| {
                    let names_it = |host| records.iter().any(|record| record.host() == Some(host));
                    status != DnsStatus::Secure && names_it(&listener.host)
                })
        });
        if leads_insecurely {
            let record_type = RecordType::Srv;
            let problem = Problem::TlsaUnreachable { record_type };
            self.find(Level::Warning, published.subject(), problem);
        }
    }

    /// The records against each chain that the server shows.
    fn check_matches(&mut self, listener: &Listener, published: &Published) {
        let chains: Vec<&ServerChain> = listener.chains.iter().collect();
        if chains.is_empty() {
            return;
        }
        let mut is_used = vec![false; published.records.len()];
        for chain in chains {
            if chain.certificates.is_empty() {
                continue; // said where the chains are checked
            }
            let fates: Vec<TlsaFate> = published
                .records
                .iter()
                .map(|record| self.judge.fate_of(chain, published, record))
                .collect();
            for (used, fate) in is_used.iter_mut().zip(&fates) {
                *used |= !is_unmatched(fate);
            }
            self.check_unusable(published, &fates);
            let is_refused = self.check_authentication(listener, published, chain);
            if !is_refused {
                self.check_combinations(published, chain, &fates);
            }
            self.check_anchors(published, chain, &fates);
        }
        // RFC 7671 §8.4: what matches nothing is to be removed, unless it is to come.
        let has_match = is_used.contains(&true);
        for (record, used) in published.records.iter().zip(is_used) {
            if has_match && !used {
                let record = record.clone();
                let problem = Problem::TlsaLeftOver { record };
                self.find(Level::Advice, published.subject(), problem);
            }
        }
    }

    fn check_unusable(&mut self, published: &Published, fates: &[TlsaFate]) {
        for (record, fate) in published.records.iter().zip(fates) {
            if let TlsaFate::Unusable(reason) = fate {
                let problem = Problem::TlsaUnusable {
                    record: record.clone(),
                    reason: *reason,
                };
                self.find(Level::Warning, published.subject(), problem);
            }
        }
    }

    /// What clients make of the whole set. Whether they refuse the chain for a mismatch.
    fn check_authentication(
        &mut self,
        listener: &Listener,
        published: &Published,
        chain: &ServerChain,
    ) -> bool {
        let Some(rejection) = self.dane_rejection(listener, published, chain) else {
            return false;
        };
        // Nothing usable: such clients do without (RFC 7673 §4), and the chain is judged elsewhere.
        let applies = rejection
            .dane()
            .is_some_and(|report| report.not_applied().is_none());
        if !applies {
            return false;
        }
        let mut is_mismatch = false;
        for failure in rejection.failures() {
            let chain = chain.label().into();
            let problem = if let CheckFailure::TlsaMismatch { near_miss, .. } = failure {
                is_mismatch = true;
                let near_miss = *near_miss;
                Problem::TlsaMismatch { chain, near_miss }
            } else if failure.check() == Check::Key {
                continue; // said where the chains are checked
            } else {
                let failure = failure.clone();
                Problem::TlsaRefused { chain, failure }
            };
            self.find(published.level(), published.subject(), problem);
        }
        is_mismatch
    }

    /// Whether clients that know DANE refuse the chain. They expect the host, or a domain that
    /// leads to it (RFC 7673 §4.1 and §6): where the host is accepted, so is every domain.
    fn dane_rejection(
        &self,
        listener: &Listener,
        published: &Published,
        chain: &ServerChain,
    ) -> Option<CertificateRejection> {
        let verdict = |references| {
            let (judge, records) = (self.judge, &published.records);
            judge.by_tlsa(chain, references, published, records, DaneUsages::Dane)
        };
        let host = Host::Name(listener.host.clone());
        let by_host = ReferenceIds::for_host(&host, Provenance::Administrator).ok()?;
        let rejection = verdict(by_host)?.err()?;
        let is_about_names = rejection
            .failures()
            .all(|failure| failure.check() == Check::Identity);
        let mut domains = self.inventory.domains_of(listener).peekable();
        if !is_about_names || domains.peek().is_none() {
            return Some(rejection);
        }
        domains.find_map(|domain| {
            let references = srv_references(listener, &domain.name, Provenance::SrvSecure)?;
            verdict(references)?.err()
        })
    }

    /// RFC 7671 §8: each combination matches by itself.
    fn check_combinations(
        &mut self,
        published: &Published,
        chain: &ServerChain,
        fates: &[TlsaFate],
    ) {
        let mut seen: Vec<Combination> = Vec::new();
        for record in &published.records {
            let this = combination(record);
            if seen.contains(&this) {
                continue;
            }
            seen.push(this);
            let own: Vec<TlsaFate> = published
                .records
                .iter()
                .zip(fates)
                .filter(|(record, _)| combination(record) == this)
                .map(|(_, fate)| *fate)
                .collect();
            if !own.iter().all(is_unmatched) {
                continue;
            }
            let (usage, selector, matching) = this;
            // Said more precisely as a missing authority.
            if own.iter().all(|fate| is_missing_anchor(record, fate)) {
                continue;
            }
            let problem = Problem::TlsaCombination {
                chain: chain.label().into(),
                usage,
                selector,
                matching,
                near_miss: own.iter().find_map(near_miss),
            };
            self.find(published.level(), published.subject(), problem);
        }
    }

    /// RFC 7671 §5.2.1: the authority is sent, even a root; RFC 7671 §5.2.2: "2 0 0" alone can do
    /// without.
    fn check_anchors(&mut self, published: &Published, chain: &ServerChain, fates: &[TlsaFate]) {
        let is_sent = |wanted: &TlsaRecord| {
            let mut others = published.records.iter().zip(fates);
            others.any(|(record, fate)| {
                combination(record) == combination(wanted)
                    && matches!(fate, TlsaFate::Matched { position: Some(_) })
            })
        };
        for (record, fate) in published.records.iter().zip(fates) {
            if is_missing_anchor(record, fate) && !is_sent(record) {
                let problem = Problem::TlsaAnchorNotSent {
                    chain: chain.label().into(),
                    record: record.clone(),
                };
                self.find(published.level(), published.subject(), problem);
            }
        }
    }
}

impl Published {
    pub(super) fn subject(&self) -> Subject {
        Subject::Records(format!("{} TLSA", self.name).into())
    }

    /// Of what locks out the clients that apply the records: unsigned ones are applied by none.
    const fn level(&self) -> Level {
        match self.status {
            DnsStatus::Secure => Level::Error,
            DnsStatus::Insecure | DnsStatus::Indeterminate | DnsStatus::Bogus => Level::Warning,
        }
    }
}

pub(super) fn combination(record: &TlsaRecord) -> Combination {
    (record.usage(), record.selector(), record.matching())
}

pub(super) const fn is_unmatched(fate: &TlsaFate) -> bool {
    match fate {
        TlsaFate::NotMatched { .. } | TlsaFate::Unusable(_) => true,
        TlsaFate::Matched { .. } | TlsaFate::NotTried | TlsaFate::Discarded { .. } => false,
    }
}

/// A record that names an authority which was not sent, as far as can be told: it matches nothing,
/// and nothing explains it; or it was found in DNS alone, and is no whole certificate.
fn is_missing_anchor(record: &TlsaRecord, fate: &TlsaFate) -> bool {
    let is_whole =
        record.selector() == TlsaSelector::Cert && record.matching() == TlsaMatching::Full;
    if record.usage() != TlsaUsage::DaneTa || is_whole {
        return false;
    }
    match fate {
        TlsaFate::Matched { position } => position.is_none(),
        TlsaFate::NotMatched { near_miss } => near_miss.is_none(),
        TlsaFate::NotTried | TlsaFate::Discarded { .. } | TlsaFate::Unusable(_) => false,
    }
}

fn near_miss(fate: &TlsaFate) -> Option<TlsaNearMiss> {
    match fate {
        TlsaFate::NotMatched { near_miss } => *near_miss,
        TlsaFate::Matched { .. }
        | TlsaFate::NotTried
        | TlsaFate::Discarded { .. }
        | TlsaFate::Unusable(_) => None,
    }
}
