//! The verdict where TLSA records decide.

use pki_types::{CertificateDer, UnixTime};

use super::anchor::{PublishedAnchors, unfit_form};
use super::chain::{Chain, Usable};
use super::{Dane, DaneReport, DaneUsages, TlsaFate, TlsaUsage, constraint};
use crate::certificate::Certificate;
use crate::identity::PresentedIds;
use crate::verify::diagnosis::{self, Findings, label_of};
use crate::verify::evaluate::{Identity, identify, pkix, revocation};
use crate::verify::path::PathError;
use crate::verify::revocation::PathStatus;
use crate::verify::{
    CertificateLabel, CertificateRejection, Check, CheckFailure, Evidence, Requirements,
    Verification,
};

/// Proof that the peer's own certificate is the published one; only [`evaluate`] makes one.
#[derive(Debug)]
pub(in crate::verify) struct EndEntityMatch(());

/// Decides by the records of `dane`, which are in force.
pub(in crate::verify) fn evaluate<'a>(
    evidence: &Evidence<'a>,
    end_entity: &'a CertificateDer<'a>,
    leaf: Certificate<'a>,
    requirements: &'a Requirements,
    dane: &'a Dane,
    now: UnixTime,
) -> Result<Verification, CertificateRejection> {
    let case = Case {
        evidence,
        end_entity,
        leaf,
        requirements,
        dane,
        now,
        chain: Chain::new(leaf, end_entity, evidence),
        report: DaneReport::untried(dane),
    };
    if dane.check_time(now).is_err() {
        let name = dane.name().clone();
        return Err(case.refuse(CheckFailure::TlsaExpired { name }, &[Check::Form]));
    }
    match dane.usages() {
        DaneUsages::Dane => case.domain_issued(),
        DaneUsages::Pkix => case.constrained(),
    }
}

struct Case<'a, 'e> {
    evidence: &'e Evidence<'a>,
    end_entity: &'a CertificateDer<'a>,
    leaf: Certificate<'a>,
    requirements: &'a Requirements,
    dane: &'a Dane,
    now: UnixTime,
    chain: Chain<'a>,
    /// Before anything was compared.
    report: DaneReport,
}

impl<'a> Case<'a, '_> {
    /// DANE-EE(3), then DANE-TA(2).
    fn domain_issued(&self) -> Result<Verification, CertificateRejection> {
        let mut fates = self.report.fates().to_vec();
        if let Some(decisive) = self.compare_own(TlsaUsage::DaneEe, &mut fates) {
            return self.end_entity(self.report.with(fates, Some(decisive)));
        }
        let anchors = PublishedAnchors::find(
            self.dane,
            &self.chain,
            self.requirements,
            self.now,
            &mut fates,
        );
        if anchors.is_empty() {
            return Err(self.mismatch(fates, &[Check::Form, Check::Key]));
        }
        self.trust_anchor(&anchors, fates)
    }

    /// RFC 7671 §5.1: neither names nor dates nor the path count. What must hold is what the proof
    /// of possession in the handshake needs: a certificate that can be read, and a sound key.
    fn end_entity(&self, report: DaneReport) -> Result<Verification, CertificateRejection> {
        let label = self.own_label();
        let unfit = unfit_form(&self.leaf, self.end_entity, &label)
            .or_else(|| diagnosis::weakness_of_leaf(&self.leaf, self.requirements));
        match unfit {
            Some(failure) => Err(self
                .reject(failure, Vec::new(), &[Check::Form, Check::Key])
                .with_dane(report)),
            None => {
                let proof = EndEntityMatch(());
                let reference = self.requirements.primary_reference();
                Ok(Verification::dane_ee(&proof, reference, report))
            }
        }
    }

    /// RFC 7671 §5.2: the path ends at a published authority, and a name must match.
    fn trust_anchor(
        &self,
        anchors: &PublishedAnchors<'_>,
        fates: Vec<TlsaFate>,
    ) -> Result<Verification, CertificateRejection> {
        let Ok(names) = PresentedIds::in_certificate(&self.leaf) else {
            let certificate = self.own_label();
            let failure = CheckFailure::Unreadable { certificate };
            let report = self.report.with(fates, None);
            return Err(self.reject(failure, Vec::new(), &[]).with_dane(report));
        };
        let weakness = diagnosis::weakness_of_leaf(&self.leaf, self.requirements);
        let identity = identify(&self.requirements.peer, &names);
        let vouched = identity.beyond_constraints();
        let path = anchors.verify(
            self.end_entity,
            self.evidence,
            self.requirements,
            vouched,
            self.now,
        );
        let path = match (path, &weakness, &identity) {
            (Ok(path), None, Identity::Matched(found)) => {
                let report = self.report.with(fates, Some(path.record()));
                return Ok(Verification::dane_ta(&path, found, report));
            }
            (Ok(_), _, _) => Ok(PathStatus::NotAsked),
            (Err(error), _, _) => Err(PathError {
                error,
                refusal: None,
            }),
        };
        let report = self.report.with(fates, None);
        let identity_failed = match identity {
            Identity::NotAsked | Identity::Matched(_) => false,
            Identity::Unmatched => true,
        };
        let findings = Findings {
            evidence: self.evidence,
            requirements: &self.requirements.for_published_anchors(anchors.to_trust()),
            now: self.now,
            end_entity: self.end_entity,
            leaf: self.leaf,
            names,
            path,
            weakness,
            identity_failed,
        };
        Err(match anchors.unfit() {
            None => diagnosis::explain(findings),
            Some(failures) => diagnosis::explain_without_path(findings, failures),
        }
        .with_dane(report))
    }

    /// PKIX-EE(1), then PKIX-TA(0): the verdict without DANE, and then what may not be missing.
    fn constrained(&self) -> Result<Verification, CertificateRejection> {
        let mut fates = self.report.fates().to_vec();
        let own = self.compare_own(TlsaUsage::PkixEe, &mut fates);
        let verdict = pkix(
            self.evidence,
            self.end_entity,
            self.leaf,
            self.requirements,
            self.now,
        );
        let verification = match verdict {
            Ok(verification) => verification,
            Err(rejection) => return Err(rejection.with_dane(self.report.with(fates, None))),
        };
        if let Some(own) = own {
            return Ok(verification.with_dane(self.report.with(fates, Some(own))));
        }
        let found = constraint::in_any_path(
            self.end_entity,
            self.evidence,
            &self.chain,
            self.requirements,
            self.dane,
            self.now,
            &mut fates,
        );
        match found {
            Some((authority, path)) => {
                let report = self.report.with(fates, Some(authority));
                let revocation = revocation(&path, self.evidence);
                Ok(verification
                    .along(&path)
                    .with_revocation(revocation)
                    .with_dane(report))
            }
            None => Err(self.mismatch(fates, &MADE_BY_PKIX)),
        }
    }

    /// The first record of this usage that is that of the peer's own certificate.
    fn compare_own(&self, usage: TlsaUsage, fates: &mut [TlsaFate]) -> Option<usize> {
        let mut decisive = None;
        for usable in Usable::of(self.dane, usage) {
            let is_match = usable.is_of(&self.chain.own);
            if let Some(slot) = fates.get_mut(usable.index) {
                *slot = match is_match {
                    true => TlsaFate::Matched { position: Some(0) },
                    false => TlsaFate::NotMatched { near_miss: None },
                };
            }
            if is_match {
                decisive = decisive.or(Some(usable.index));
            }
        }
        decisive
    }

    /// RFC 6698 §4.1: none of the usable records matches, which nothing else makes good.
    fn mismatch(&self, mut fates: Vec<TlsaFate>, made: &[Check]) -> CertificateRejection {
        let usages = match self.dane.usages() {
            DaneUsages::Dane => [TlsaUsage::DaneTa, TlsaUsage::DaneEe],
            DaneUsages::Pkix => [TlsaUsage::PkixTa, TlsaUsage::PkixEe],
        };
        let mut usable = 0_usize;
        for one in usages
            .iter()
            .flat_map(|usage| Usable::of(self.dane, *usage))
        {
            usable = usable.saturating_add(1);
            if let Some(slot) = fates.get_mut(one.index) {
                let near_miss = self.chain.near_miss(&one);
                *slot = TlsaFate::NotMatched { near_miss };
            }
        }
        let report = self.report.with(fates, None);
        let failure = CheckFailure::TlsaMismatch {
            name: self.dane.name().clone(),
            usable,
            near_miss: report.near_miss(),
        };
        let weakness = diagnosis::weakness_of_leaf(&self.leaf, self.requirements);
        self.reject(failure, weakness.into_iter().collect(), made)
            .with_dane(report)
    }

    fn refuse(&self, failure: CheckFailure, made: &[Check]) -> CertificateRejection {
        self.reject(failure, Vec::new(), made)
            .with_dane(self.report.clone())
    }

    fn reject(
        &self,
        failure: CheckFailure,
        others: Vec<CheckFailure>,
        made: &[Check],
    ) -> CertificateRejection {
        CertificateRejection::new(failure, others, made, self.requirements)
    }

    fn own_label(&self) -> CertificateLabel {
        label_of(Some(0), &self.leaf)
    }
}

const MADE_BY_PKIX: [Check; 6] = [
    Check::Form,
    Check::Path,
    Check::Key,
    Check::Purpose,
    Check::Validity,
    Check::Identity,
];
