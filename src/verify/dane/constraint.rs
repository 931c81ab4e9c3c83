//! PKIX-TA: a published authority has to be in the path that PKIX validates (RFC 7671 §5.4).

use std::cell::Cell;

use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{Error, VerifiedPath};

use super::chain::{Chain, Usable};
use super::{Dane, TlsaFate, TlsaSelector, TlsaUsage};
use crate::certificate::Certificate;
use crate::der;
use crate::identity::PresentedIds;
use crate::limits;
use crate::verify::evaluate::identify;
use crate::verify::path::{self, ValidPath};
use crate::verify::{Evidence, Requirements};

/// Searches all valid paths for one with a published authority in it, and gives it with the place of
/// the authority's record.
///
/// RFC 7671 §5.4: the search goes on beyond a trusted authority that is not a root, through
/// certificates that were sent and through those of other trusted authorities, so that a record for
/// the root is found.
pub(super) fn in_any_path(
    end_entity: &CertificateDer<'_>,
    evidence: &Evidence<'_>,
    chain: &Chain<'_>,
    requirements: &Requirements,
    dane: &Dane,
    now: UnixTime,
    fates: &mut [TlsaFate],
) -> Option<(usize, ValidPath)> {
    let records: Vec<_> = Usable::of(dane, TlsaUsage::PkixTa).collect();
    if records.is_empty() {
        return None;
    }
    let found = Cell::new(None);
    let has_published = |path: &VerifiedPath<'_>| {
        let authority = records.iter().find_map(|usable| {
            let in_chain = path.intermediate_certificates().find_map(|one| {
                let der = one.der();
                let is_it = usable.is_of_parts(&der, &one.subject_public_key_info());
                is_it.then(|| position_of(chain, &der))
            });
            in_chain
                .or_else(|| {
                    let anchor = path.anchor();
                    is_of_anchor(usable, anchor, chain, requirements)
                })
                .map(|position| (usable.index, position))
        });
        found.set(authority);
        authority.map(|_| ()).ok_or(Error::UnknownIssuer)
    };
    // The constraints that the first path was held to hold for this one too.
    let names = PresentedIds::in_certificate(&chain.own.certificate).ok()?;
    let identity = identify(&requirements.peer, &names);
    let intermediates = with_trusted_intermediates(evidence, requirements);
    let path = path::check(
        (end_entity, &chain.own.certificate),
        &intermediates,
        requirements,
        identity.beyond_constraints(),
        Some(&has_published),
        now,
    )
    .ok()?;
    let (index, position) = found.get()?;
    if let Some(slot) = fates.get_mut(index) {
        *slot = TlsaFate::Matched { position };
    }
    Some((index, path))
}

/// Whether the record is that of a trust anchor: by its key, or by a certificate with its name and
/// key among those that were sent and those that are trusted. The place in the chain, if it was
/// sent.
fn is_of_anchor(
    usable: &Usable<'_>,
    anchor: &TrustAnchor<'_>,
    chain: &Chain<'_>,
    requirements: &Requirements,
) -> Option<Option<usize>> {
    let is_anchor = |certificate: &Certificate<'_>| {
        certificate.subject == anchor.subject.as_ref()
            && certificate.public_key_info == anchor.subject_public_key_info.as_ref()
    };
    let sent = chain
        .authorities
        .iter()
        .find(|placed| is_anchor(&placed.certificate) && usable.is_of(placed));
    if let Some(placed) = sent {
        return Some(Some(placed.position));
    }
    let is_trusted = match usable.record.selector() {
        TlsaSelector::Spki => {
            let key = der::in_sequence(&anchor.subject_public_key_info);
            usable.is_of_parts(&[], &key)
        }
        TlsaSelector::Cert => requirements.anchors.certificates().iter().any(|der| {
            Certificate::parse(der)
                .is_ok_and(|certificate| is_anchor(&certificate) && usable.is_of_parts(der, &[]))
        }),
        TlsaSelector::Other(_) => false,
    };
    is_trusted.then_some(None)
}

/// The certificates that were sent, and those of trusted authorities that are not roots and that
/// may stand above them.
fn with_trusted_intermediates<'c>(
    evidence: &Evidence<'c>,
    requirements: &'c Requirements,
) -> Vec<CertificateDer<'c>> {
    let mut all: Vec<CertificateDer<'c>> = evidence.intermediates.to_vec();
    let trusted: Vec<_> = requirements
        .anchors
        .certificates()
        .iter()
        .filter_map(|der| Some((der, Certificate::parse(der).ok()?)))
        .filter(|(_, certificate)| !certificate.is_self_issued())
        .collect();
    let mut issuers: Vec<&[u8]> = evidence
        .certificates()
        .filter_map(|der| Certificate::parse(der).ok())
        .map(|certificate| certificate.issuer)
        .collect();
    let mut next = 0;
    while let Some(issuer) = issuers.get(next).copied() {
        next = next.saturating_add(1);
        for (der, certificate) in trusted.iter().copied() {
            let is_new = certificate.subject == issuer && !all.contains(der);
            if is_new && all.len() < limits::CHAIN_CERTIFICATES {
                all.push(CertificateDer::from(der.as_ref()));
                issuers.push(certificate.issuer);
            }
        }
    }
    all
}

fn position_of(chain: &Chain<'_>, der: &CertificateDer<'_>) -> Option<usize> {
    chain
        .authorities
        .iter()
        .find(|placed| placed.der == der)
        .map(|placed| placed.position)
}
