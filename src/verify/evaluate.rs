//! The verdict.

use pki_types::{CertificateDer, UnixTime};

use crate::certificate::Certificate;
use crate::identity::{Match, PresentedIds, ReferenceName, first_match};
use crate::limits;
use crate::verify::dane::{self, DaneReport};
use crate::verify::diagnosis::{self, Findings};
use crate::verify::path::ValidPath;
use crate::verify::requirements::Peer;
use crate::verify::revocation::PathStatus;
use crate::verify::{
    CertificateLabel, CertificateRejection, CheckFailure, Evidence, Requirements, Revocation,
    Verification, foreign, path,
};

/// Decides whether `evidence` satisfies `requirements` at `now`.
///
/// Where TLSA records are applied, they decide; see [`dane`](crate::verify::dane). Otherwise every
/// check is made: the path to a trust anchor with its dates, purposes and constraints
/// (RFC 5280 §6), the strength of the peer's key (RFC 9325 §4.5) and, for a server, the identity
/// (RFC 7817 §3). The proof that the peer holds the certificate's key is the handshake's part.
///
/// # Errors
///
/// [`CertificateRejection`] with the result of every check. A chain beyond the bounds on count, size
/// and certificates of one name, or a certificate that cannot be read, is refused before anything else is looked at.
pub fn evaluate(
    evidence: &Evidence<'_>,
    requirements: &Requirements,
    now: UnixTime,
) -> Result<Verification, CertificateRejection> {
    check_bounds(evidence).map_err(|failure| CertificateRejection::early(failure, requirements))?;
    let Some(end_entity) = evidence.end_entity else {
        return Err(CertificateRejection::early(
            CheckFailure::NoCertificate,
            requirements,
        ));
    };
    let leaf = Certificate::parse(end_entity).map_err(|_| unreadable(requirements))?;
    match &requirements.dane {
        None => pkix(evidence, end_entity, leaf, requirements, now),
        Some(dane) if dane.is_in_force() => {
            dane::evaluate(evidence, end_entity, leaf, requirements, dane, now)
        }
        Some(dane) => {
            let report = DaneReport::untried(dane);
            match pkix(evidence, end_entity, leaf, requirements, now) {
                Ok(verification) => Ok(verification.with_dane(report)),
                Err(rejection) => Err(rejection.with_dane(report)),
            }
        }
    }
}

/// The verdict without DANE.
pub(super) fn pkix(
    evidence: &Evidence<'_>,
    end_entity: &CertificateDer<'_>,
    leaf: Certificate<'_>,
    requirements: &Requirements,
    now: UnixTime,
) -> Result<Verification, CertificateRejection> {
    if let (Some(verifier), Peer::Server(references)) = (&requirements.verifier, &requirements.peer)
    {
        let leaf = (end_entity, leaf);
        return foreign::evaluate(&**verifier, references, evidence, leaf, requirements, now);
    }
    let names = PresentedIds::in_certificate(&leaf).map_err(|_| unreadable(requirements))?;
    let identity = identify(&requirements.peer, &names);
    let vouched = identity.beyond_constraints();
    let path = path::check(
        (end_entity, &leaf),
        evidence.intermediates,
        requirements,
        vouched,
        None,
        now,
    );
    let weakness = diagnosis::weakness_of_leaf(&leaf, requirements);

    match (path, weakness, identity) {
        (Ok(path), None, Identity::NotAsked) => {
            Ok(Verification::pkix(&path, None).with_revocation(revocation(&path, evidence)))
        }
        (Ok(path), None, Identity::Matched(found)) => {
            let verification = Verification::pkix(&path, Some(&found));
            Ok(verification.with_revocation(revocation(&path, evidence)))
        }
        (path, weakness, identity) => Err(diagnosis::explain(Findings {
            evidence,
            requirements,
            now,
            end_entity,
            leaf,
            names,
            path: path.map(|path| path.revocation().clone()),
            weakness,
            identity_failed: match identity {
                Identity::NotAsked | Identity::Matched(_) => false,
                Identity::Unmatched => true,
            },
        })),
    }
}

pub(super) enum Identity<'r, 'p> {
    NotAsked,
    Matched(Match<'r, 'p>),
    Unmatched,
}

pub(super) fn unreadable(requirements: &Requirements) -> CertificateRejection {
    let failure = CheckFailure::Unreadable {
        certificate: CertificateLabel::unread(0),
    };
    CertificateRejection::early(failure, requirements)
}

impl Identity<'_, '_> {
    /// The name of the peer, where it is of a type whose constraints rustls-webpki does not know.
    pub(super) fn beyond_constraints(&self) -> Option<&str> {
        match self {
            Self::Matched(found) => match found.reference.name() {
                ReferenceName::Srv { domain, .. } => Some(domain.as_str()),
                ReferenceName::CommonName(name) => Some(name.as_str()),
                ReferenceName::Dns(_) | ReferenceName::Ip(_) => None,
            },
            Self::NotAsked | Self::Unmatched => None,
        }
    }
}

pub(super) fn identify<'r, 'p>(peer: &'r Peer, names: &PresentedIds<'p>) -> Identity<'r, 'p> {
    match peer {
        Peer::Client => Identity::NotAsked,
        Peer::Server(references) => {
            first_match(references, names).map_or(Identity::Unmatched, Identity::Matched)
        }
    }
}

pub(super) fn revocation(path: &ValidPath, evidence: &Evidence<'_>) -> Revocation {
    match path.revocation() {
        PathStatus::NotAsked => Revocation::NotAsked,
        PathStatus::NotRevoked(_) => Revocation::NotRevoked,
        PathStatus::Unknown { gap, .. } => Revocation::Unknown(diagnosis::gap(gap, evidence)),
    }
}

fn check_bounds(evidence: &Evidence<'_>) -> Result<(), CheckFailure> {
    let certificates = evidence.certificates().count();
    if certificates > limits::CHAIN_CERTIFICATES {
        return Err(CheckFailure::TooManyCertificates {
            count: certificates,
            limit: limits::CHAIN_CERTIFICATES,
        });
    }
    let bytes = evidence
        .certificates()
        .fold(0_usize, |sum, one| sum.saturating_add(one.len()));
    if bytes > limits::CHAIN_BYTES {
        return Err(CheckFailure::ChainTooLarge {
            bytes,
            limit: limits::CHAIN_BYTES,
        });
    }
    if is_tangled(evidence.intermediates) {
        return Err(CheckFailure::PathTooComplex);
    }
    Ok(())
}

/// Whether a longer chain has more certificates of one subject than any real one.
fn is_tangled(intermediates: &[CertificateDer<'_>]) -> bool {
    if intermediates.len() <= limits::INTERMEDIATES_OF_ANY_NAME {
        return false;
    }
    let mut subjects: Vec<_> = intermediates
        .iter()
        .filter_map(|der| Certificate::parse(der).ok())
        .map(|certificate| certificate.subject)
        .collect();
    subjects.sort_unstable();
    subjects
        .chunk_by(|one, next| one == next)
        .any(|namesakes| namesakes.len() > limits::NAMESAKES)
}
