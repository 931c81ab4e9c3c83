//! What clients think of a chain: the verdict of [`evaluate`], and nothing beside it.

use pki_types::UnixTime;

use super::inventory::{Listener, ServerChain};
use super::policy::AuditPolicy;
use super::records::Published;
use crate::identity::{
    IdentityPolicy, Provenance, ReferenceId, ReferenceIds, ReferenceSource, match_of,
};
use crate::identity::{PresentedId, PresentedIds};
use crate::limits;
use crate::name::{Host, HostName};
use crate::verify::dane::{DanePolicy, DaneUsages, TlsaFate, TlsaLookup, TlsaRecord, TlsaUsage};
use crate::verify::{
    Authentication, CertificateRejection, Check, CheckFailure, Evidence, Requirements,
    Verification, evaluate,
};

pub(super) type Verdict = Result<Verification, CertificateRejection>;

/// The chain under test, with what judges it.
#[derive(Clone, Copy)]
pub(super) struct Judge<'a> {
    pub(super) policy: &'a AuditPolicy,
    pub(super) now: UnixTime,
}

impl Judge<'_> {
    /// A client that knows the host by its name.
    pub(super) fn by_host(&self, chain: &ServerChain, host: &HostName) -> Option<Verdict> {
        let host = Host::Name(host.clone());
        let references = ReferenceIds::for_host(&host, Provenance::Administrator).ok()?;
        self.by_references(chain, references)
    }

    /// A client that has these expectations. `None` for a chain of no certificates.
    pub(super) fn by_references(
        &self,
        chain: &ServerChain,
        references: ReferenceIds,
    ) -> Option<Verdict> {
        chain.certificates.first()?;
        let evidence = Evidence::from_chain(&chain.certificates);
        Some(evaluate(
            &evidence,
            &self.requirements(references),
            self.now,
        ))
    }

    /// A client that applies these records, which it takes for secure.
    pub(super) fn by_tlsa(
        &self,
        chain: &ServerChain,
        references: ReferenceIds,
        published: &Published,
        records: &[TlsaRecord],
        usages: DaneUsages,
    ) -> Option<Verdict> {
        chain.certificates.first()?;
        let lookup = TlsaLookup::validated_over_trusted_path(
            published.name.clone(),
            records.iter().cloned(),
            self.now,
            limits::TLSA_LONGEST,
        )
        .ok()?;
        let dane = DanePolicy::default().with_usages(usages).decide(&lookup);
        let requirements = self.requirements(references).with_dane(dane.ok()?).ok()?;
        let evidence = Evidence::from_chain(&chain.certificates);
        Some(evaluate(&evidence, &requirements, self.now))
    }

    /// What becomes of one record by itself, whatever DNSSEC says of it: no other stands before it.
    pub(super) fn fate_of(
        &self,
        chain: &ServerChain,
        published: &Published,
        record: &TlsaRecord,
    ) -> TlsaFate {
        let usages = match record.usage() {
            TlsaUsage::PkixTa | TlsaUsage::PkixEe => DaneUsages::Pkix,
            TlsaUsage::DaneTa | TlsaUsage::DaneEe | TlsaUsage::Other(_) => DaneUsages::Dane,
        };
        let host = Host::Name(published.name.base_domain().clone());
        let references = ReferenceIds::for_host(&host, Provenance::Administrator).ok();
        let record = std::slice::from_ref(record);
        let verdict = references
            .and_then(|references| self.by_tlsa(chain, references, published, record, usages));
        let report = match &verdict {
            Some(Ok(verification)) => verification.dane(),
            Some(Err(rejection)) => rejection.dane(),
            None => None,
        };
        report
            .and_then(|report| report.records().next())
            .map_or(TlsaFate::NotTried, |(_, fate)| fate)
    }

    fn requirements(&self, references: ReferenceIds) -> Requirements {
        Requirements::server(
            self.policy.anchors.clone(),
            references,
            self.policy.algorithms,
        )
    }
}

/// What a client that was led here by SRV records of `domain` expects.
pub(super) fn srv_references(
    listener: &Listener,
    domain: &HostName,
    provenance: Provenance,
) -> Option<ReferenceIds> {
    let host = Host::Name(listener.host.clone());
    let source = ReferenceSource::new(listener.service, listener.mode()?, host, provenance)
        .with_service_domain(domain.clone())
        .with_policy(IdentityPolicy::default());
    ReferenceIds::derive(&source).ok()
}

/// The names of a chain's own certificate; `None` if it cannot be read, which the verdict says.
pub(super) fn names_of(chain: &ServerChain) -> Option<PresentedIds<'_>> {
    PresentedIds::of(chain.certificates.first()?).ok()
}

/// The first of the names that is this DNS-ID.
pub(super) fn dns_id<'p>(names: &PresentedIds<'p>, host: &HostName) -> Option<PresentedId<'p>> {
    let host = Host::Name(host.clone());
    let reference = ReferenceId::of_host(&host, Provenance::Administrator).ok()?;
    match_of(&reference, names)
}

/// Whether one of the names is this SRV-ID.
pub(super) fn has_srv_id(
    names: &PresentedIds<'_>,
    service: &'static str,
    domain: &HostName,
) -> bool {
    let reference = ReferenceId::of_service(service, domain);
    reference.is_ok_and(|reference| match_of(&reference, names).is_some())
}

/// A verdict without what it says of names, which are judged on their own.
pub(super) fn failures_besides_names(verdict: &Verdict) -> Vec<CheckFailure> {
    match verdict {
        Ok(_) => Vec::new(),
        Err(rejection) => rejection
            .failures()
            .filter(|failure| failure.check() != Check::Identity)
            .cloned()
            .collect(),
    }
}

/// Accepted as the very certificate that was published, whatever else is wrong with it.
pub(super) fn is_dane_ee(verdict: Option<&Verdict>) -> bool {
    matches!(verdict, Some(Ok(v)) if v.authentication() == Authentication::DaneEe)
}
