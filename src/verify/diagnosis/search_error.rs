//! What an error of rustls-webpki's search for a path stands for.

use webpki::Error;

use super::{Findings, algorithm, between, constraints, failure_of_walk, name_text};
use crate::certificate::NAME_CONSTRAINTS;
use crate::der;
use crate::verify::walk::{End, Placed, Walk};
use crate::verify::{CertificateLabel, CheckFailure};

/// The failure that an error of the search stands for, with the certificate that it is about as far
/// as the way upwards shows it.
pub(super) fn failure_of(
    error: &Error,
    walk: &Walk<'_>,
    findings: &Findings<'_, '_>,
) -> CheckFailure {
    let by_walk = |fallback| failure_of_walk(walk).unwrap_or(fallback);
    let now = findings.now;
    match error {
        Error::UnknownIssuer => by_walk(CheckFailure::NoPath),
        Error::InvalidSignatureForPublicKey => {
            by_walk(CheckFailure::BadSignature { certificate: None })
        }
        Error::UnsupportedSignatureAlgorithmContext(context) => {
            by_walk(unsupported(&context.signature_algorithm_id))
        }
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(context) => {
            by_walk(unsupported(&context.signature_algorithm_id))
        }
        #[expect(
            deprecated,
            reason = "named so that no variant is caught by a wildcard"
        )]
        Error::UnsupportedSignatureAlgorithm | Error::UnsupportedSignatureAlgorithmForPublicKey => {
            by_walk(unsupported(b""))
        }
        Error::CertExpired { not_after, .. } => CheckFailure::Expired {
            certificate: None,
            not_after: *not_after,
            by: between(*not_after, now),
        },
        Error::CertNotValidYet { not_before, .. } => CheckFailure::NotYetValid {
            certificate: None,
            not_before: *not_before,
            by: between(now, *not_before),
        },
        Error::InvalidCertValidity | Error::BadDerTime => {
            CheckFailure::BadDates { certificate: None }
        }
        Error::EmptyEkuExtension | Error::RequiredEkuNotFoundContext(_) => wrong_purpose(findings),
        #[expect(
            deprecated,
            reason = "named so that no variant is caught by a wildcard"
        )]
        Error::RequiredEkuNotFound => wrong_purpose(findings),
        Error::CaUsedAsEndEntity => CheckFailure::AuthorityAsPeer,
        Error::EndEntityUsedAsCa => CheckFailure::NotAnAuthority {
            certificate: first_above(walk, |step| {
                step.certificate.is_authority() == Ok(false)
                    || step.certificate.may_sign_certificates() == Ok(false)
            }),
        },
        Error::PathLenConstraintViolated => CheckFailure::PathLength {
            certificate: too_short(walk),
        },
        Error::NameConstraintViolation
        | Error::MalformedNameConstraint
        | Error::InvalidNetworkMaskConstraint => name_constraint(walk),
        Error::UnsupportedCriticalExtension => critical_extension(walk),
        Error::CertDistrusted | Error::CertRevoked => CheckFailure::Distrusted,
        Error::MaximumNameConstraintComparisonsExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumPathDepthExceeded
        | Error::MaximumSignatureChecksExceeded => CheckFailure::PathTooComplex,
        Error::UnsupportedCertVersion => walk
            .steps
            .iter()
            .find(|step| step.certificate.version != 3)
            .map_or(CheckFailure::NoPath, |step| CheckFailure::OldVersion {
                certificate: step.label(),
                version: step.certificate.version,
            }),
        Error::BadDer
        | Error::ExtensionValueInvalid
        | Error::InvalidSerialNumber
        | Error::MalformedDnsIdentifier
        | Error::MalformedExtensions
        | Error::SignatureAlgorithmMismatch
        | Error::TrailingData(_) => unreadable(walk, findings),
        // Names are compared elsewhere, and revocation lists are not asked for.
        Error::CertNotValidForName(_)
        | Error::UnsupportedNameType
        | Error::CrlExpired { .. }
        | Error::InvalidCrlNumber
        | Error::InvalidCrlSignatureForPublicKey
        | Error::IssuerNotCrlSigner
        | Error::UnknownRevocationStatus
        | Error::UnsupportedCrlIssuingDistributionPoint
        | Error::UnsupportedCrlSignatureAlgorithmContext(_)
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_)
        | Error::UnsupportedCrlVersion
        | Error::UnsupportedDeltaCrl
        | Error::UnsupportedIndirectCrl
        | Error::UnsupportedRevocationReason
        | Error::UnsupportedRevocationReasonsPartitioning => CheckFailure::NoPath,
        #[expect(
            deprecated,
            reason = "named so that no variant is caught by a wildcard"
        )]
        Error::UnsupportedCrlSignatureAlgorithm
        | Error::UnsupportedCrlSignatureAlgorithmForPublicKey => CheckFailure::NoPath,
        // An error that rustls-webpki may have one day: still a refusal.
        _ => CheckFailure::NoPath,
    }
}

fn unsupported(algorithm_id: &[u8]) -> CheckFailure {
    CheckFailure::UnsupportedSignature {
        certificate: None,
        algorithm: algorithm::name(algorithm_id),
    }
}

fn wrong_purpose(findings: &Findings<'_, '_>) -> CheckFailure {
    CheckFailure::WrongPurpose {
        certificate: None,
        required: findings.requirements.purpose(),
        presented: Vec::new(),
    }
}

/// The certificate that rustls-webpki cannot read: the peer's own, or else one that is not read
/// here either, or else some one of those on the way.
fn unreadable(walk: &Walk<'_>, findings: &Findings<'_, '_>) -> CheckFailure {
    let position = match webpki::EndEntityCert::try_from(findings.end_entity) {
        Err(_) => 0,
        Ok(_) => walk
            .unreadable
            .first()
            .copied()
            .or_else(|| {
                let bad = |step: &&Placed<'_>| webpki::EndEntityCert::try_from(step.der).is_err();
                walk.steps.iter().find(bad).map(|step| step.position)
            })
            .unwrap_or_default(),
    };
    CheckFailure::Unreadable {
        certificate: walk
            .steps
            .iter()
            .find(|step| step.position == position)
            .map_or_else(|| CertificateLabel::unread(position), Placed::label),
    }
}

/// RFC 5280 §4.2.1.10. Which name offends is not told by the search; who forbids it, and what, is.
fn name_constraint(walk: &Walk<'_>) -> CheckFailure {
    let in_chain = walk.steps.iter().skip(1).find_map(|step| {
        let value = step.certificate.extension(NAME_CONSTRAINTS).ok()??;
        let content = der::only(value, der::SEQUENCE).unwrap_or_default();
        Some((step.label(), constraints::of(content)))
    });
    let of_anchor = || match walk.end {
        End::Anchor(anchor) => {
            let content = anchor.name_constraints.as_ref()?;
            let label = CertificateLabel {
                position: None,
                subject: name_text(&anchor.subject),
            };
            Some((label, constraints::of(content)))
        }
        End::Namesake | End::SelfIssued | End::NoIssuer | End::Loop => None,
    };
    match in_chain.or_else(of_anchor) {
        Some((authority, constraints)) => CheckFailure::NameConstraint {
            authority: Some(authority),
            constraints,
        },
        None => CheckFailure::NameConstraint {
            authority: None,
            constraints: Vec::new(),
        },
    }
}

fn critical_extension(walk: &Walk<'_>) -> CheckFailure {
    // id-ce 15, 17, 19, 30, 31, 37: what rustls-webpki evaluates.
    let is_known = |id: &[u8]| matches!(id, [0x55, 0x1D, 15 | 17 | 19 | 30 | 31 | 37]);
    let found = walk.steps.iter().find_map(|step| {
        let extension = step
            .certificate
            .extensions()
            .map_while(Result::ok)
            .find(|extension| extension.critical && !is_known(extension.id))?;
        Some((step.label(), algorithm::object_identifier(extension.id)))
    });
    let (certificate, extension) = found.unzip();
    CheckFailure::CriticalExtension {
        certificate,
        extension,
    }
}

/// RFC 5280 §4.2.1.9. Where no certificate of the way has too many below it, it is its end: a
/// published authority, of which the length counts as well (RFC 7671 §5.2.1).
fn too_short(walk: &Walk<'_>) -> Option<CertificateLabel> {
    let step = walk.steps.iter().enumerate().find(|(above, step)| {
        let below = above.saturating_sub(1);
        matches!(step.certificate.path_length(), Ok(Some(most)) if below > most)
    });
    match (step, walk.end) {
        (Some((_, step)), _) => Some(step.label()),
        (None, End::Anchor(anchor)) => Some(CertificateLabel {
            position: None,
            subject: name_text(&anchor.subject),
        }),
        (None, End::Namesake | End::SelfIssued | End::NoIssuer | End::Loop) => None,
    }
}

fn first_above(walk: &Walk<'_>, is: impl Fn(&Placed<'_>) -> bool) -> Option<CertificateLabel> {
    walk.steps
        .iter()
        .skip(1)
        .find(|step| is(step))
        .map(Placed::label)
}
