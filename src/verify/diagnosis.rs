//! After a refusal: finds out what failed and what did not, to say all of it.
//!
//! The verdict stands before anything here runs. rustls-webpki stops at the first thing that is
//! wrong; so its search is made once more at a time when the dates hold and for any purpose, and
//! what it hid is looked up in the certificates themselves.

use std::time::Duration;

use pki_types::{CertificateDer, UnixTime};
use webpki::Error;

use crate::certificate::Certificate;
use crate::distinguished_name::DistinguishedName;
use crate::identity::PresentedIds;
use crate::limits;
use crate::text::UntrustedText;
use crate::verify::evaluate::identify;
use crate::verify::path::PathError;
use crate::verify::requirements::Peer;
use crate::verify::revocation::{Gap, PathStatus, Refusal};
use crate::verify::walk::{End, FlawKind, Placed, Walk};
use crate::verify::{
    CertificateLabel, CertificateRejection, Check, CheckFailure, Evidence, NameMismatch, Purpose,
    Requirements, RevocationGap, path,
};

mod algorithm;
mod constraints;
mod search_error;

use search_error::failure_of;

/// What the verdict was reached with.
pub(super) struct Findings<'a, 'e> {
    pub(super) evidence: &'e Evidence<'a>,
    pub(super) requirements: &'e Requirements,
    pub(super) now: UnixTime,
    pub(super) end_entity: &'a CertificateDer<'a>,
    pub(super) leaf: Certificate<'a>,
    pub(super) names: PresentedIds<'a>,
    pub(super) path: Result<PathStatus, PathError>,
    pub(super) weakness: Option<CheckFailure>,
    pub(super) identity_failed: bool,
}

/// Whether the peer's own key is too weak (RFC 9325 §4.5), or of a kind with which no handshake
/// signature can be verified. The keys above it were judged when their signatures were.
pub(super) fn weakness_of_leaf(
    leaf: &Certificate<'_>,
    requirements: &Requirements,
) -> Option<CheckFailure> {
    let label = || label_of(Some(0), leaf);
    let Ok(key) = leaf.public_key() else {
        return Some(CheckFailure::Unreadable {
            certificate: label(),
        });
    };
    let is_known = requirements
        .algorithms
        .all
        .iter()
        .any(|algorithm| algorithm.public_key_alg_id().as_ref() == key.algorithm);
    if !is_known {
        return Some(CheckFailure::UnsupportedKey {
            certificate: label(),
            algorithm: algorithm::name(key.algorithm),
        });
    }
    match key.rsa_bits() {
        Ok(Some(bits)) if bits < limits::RSA_BITS => Some(CheckFailure::WeakKey {
            certificate: label(),
            bits,
            minimum: limits::RSA_BITS,
        }),
        Ok(_) => None,
        Err(_) => Some(CheckFailure::Unreadable {
            certificate: label(),
        }),
    }
}

/// Gathers every failure. There is one in any case: nothing comes here that was accepted.
pub(super) fn explain(findings: Findings<'_, '_>) -> CertificateRejection {
    let mut failures = Vec::new();
    let mut made = vec![Check::Form, Check::Key, Check::Identity];
    match &findings.path {
        Ok(revocation) => {
            made.extend([Check::Path, Check::Purpose, Check::Validity]);
            match revocation {
                PathStatus::NotRevoked(_) => made.push(Check::Revocation),
                PathStatus::NotAsked | PathStatus::Unknown { .. } => {}
            }
        }
        Err(PathError {
            error: Error::CertRevoked | Error::UnknownRevocationStatus,
            refusal: Some(refusal),
        }) => {
            // Revocation is looked into last: the path holds in every other respect.
            made.extend([Check::Path, Check::Purpose, Check::Validity]);
            failures.push(revocation_failure(refusal, findings.evidence));
        }
        Err(PathError { error, .. }) => explain_path(&findings, error, &mut failures, &mut made),
    }
    tell(findings, failures, &made)
}

/// The same where there was no search for a path, because of these `failures`.
pub(super) fn explain_without_path(
    findings: Findings<'_, '_>,
    failures: &[CheckFailure],
) -> CertificateRejection {
    let made = [Check::Form, Check::Key, Check::Identity];
    tell(findings, failures.to_vec(), &made)
}

fn tell(
    findings: Findings<'_, '_>,
    mut failures: Vec<CheckFailure>,
    made: &[Check],
) -> CertificateRejection {
    failures.extend(findings.weakness);
    if let (true, Peer::Server(references)) =
        (findings.identity_failed, &findings.requirements.peer)
    {
        let mismatch = NameMismatch::new(references, &findings.names, &findings.leaf);
        failures.push(CheckFailure::NameMismatch(mismatch));
    }
    let mut failures = failures.into_iter();
    let first = failures.next().unwrap_or(CheckFailure::NoPath);
    CertificateRejection::new(first, failures.collect(), made, findings.requirements)
}

/// The certificate of the path of which nothing is known.
pub(super) fn gap(gap: &Gap, evidence: &Evidence<'_>) -> RevocationGap {
    RevocationGap {
        certificate: label_by_number(&gap.serial, &gap.issuer, evidence),
        issuer: name_text(&gap.issuer),
        outdated_since: gap.outdated_since,
    }
}

fn revocation_failure(refusal: &Refusal, evidence: &Evidence<'_>) -> CheckFailure {
    match refusal {
        Refusal::Revoked {
            serial,
            issuer,
            cause,
            since,
        } => CheckFailure::Revoked {
            certificate: label_by_number(serial, issuer, evidence),
            cause: *cause,
            since: *since,
        },
        Refusal::Unknown(unknown) => CheckFailure::RevocationUnknown(gap(unknown, evidence)),
    }
}

/// Issuer and serial number are one certificate's alone (RFC 5280 §4.1.2.2).
fn label_by_number(
    serial: &[u8],
    issuer: &[u8],
    evidence: &Evidence<'_>,
) -> Option<CertificateLabel> {
    evidence.certificates().enumerate().find_map(|(at, der)| {
        let certificate = Certificate::parse(der).ok()?;
        let is_it = certificate.serial == serial && certificate.issuer == issuer;
        is_it.then(|| label_of(Some(at), &certificate))
    })
}

fn explain_path(
    findings: &Findings<'_, '_>,
    error: &Error,
    failures: &mut Vec<CheckFailure>,
    made: &mut Vec<Check>,
) {
    let requirements = findings.requirements;
    let leaf = Placed {
        position: 0,
        certificate: findings.leaf,
        der: findings.end_entity,
    };
    let walk = Walk::up(leaf, findings.evidence, requirements, findings.now);

    for step in &walk.steps {
        let certificate = &step.certificate;
        failures.extend(date_failure(certificate, step.label(), findings.now));
        failures.extend(purpose_failure(
            certificate,
            step.label(),
            requirements.purpose(),
        ));
    }
    made.extend([Check::Purpose, Check::Validity]);
    match path_besides_dates_and_purpose(findings, error, &walk) {
        BarePath::Sound(revocation) => {
            made.push(Check::Path);
            match revocation {
                PathStatus::NotRevoked(_) => made.push(Check::Revocation),
                PathStatus::NotAsked | PathStatus::Unknown { .. } => {}
            }
        }
        BarePath::Revoked(refusal) => {
            made.push(Check::Path);
            failures.push(revocation_failure(&refusal, findings.evidence));
        }
        BarePath::Unknown => {}
        BarePath::Failed(found) => failures.extend(found),
    }
    // The search failed, and the way upwards does not show why: the search took another way.
    if failures.is_empty() {
        failures.push(failure_of(error, &walk, findings));
    }
}

/// The path without what is reported on its own.
enum BarePath {
    Sound(PathStatus),
    /// Sound, but for what revocation lists say.
    Revoked(Refusal),
    /// It could not be examined any further.
    Unknown,
    Failed(Vec<CheckFailure>),
}

fn path_besides_dates_and_purpose(
    findings: &Findings<'_, '_>,
    error: &Error,
    walk: &Walk<'_>,
) -> BarePath {
    let own = own_failures(findings, walk);
    if !own.is_empty() {
        return BarePath::Failed(own);
    }
    if !is_about_dates_or_purpose(error) {
        return BarePath::Failed(vec![failure_of(error, walk, findings)]);
    }
    let Some(at) = walk.common_time(findings.now) else {
        // No time at which all dates hold: signatures and ends are what can be told.
        return match failure_of_walk(walk) {
            Some(failure) => BarePath::Failed(vec![failure]),
            None => BarePath::Unknown,
        };
    };
    let intermediates: Vec<_> = walk
        .steps
        .iter()
        .skip(1)
        .map(|step| CertificateDer::from(step.der.as_ref()))
        .collect();
    let requirements = findings.requirements;
    // A name that an authority may not vouch for is not to be hidden by a date.
    let identity = identify(&requirements.peer, &findings.names);
    let found = path::check_for_any_purpose(
        findings.end_entity,
        &intermediates,
        requirements,
        identity.beyond_constraints(),
        at,
        findings.now,
    );
    match found.map_err(|refused| (refused.error, refused.refusal)) {
        Ok(revocation) => BarePath::Sound(revocation),
        Err((Error::CertRevoked | Error::UnknownRevocationStatus, Some(refusal))) => {
            BarePath::Revoked(refusal)
        }
        Err((error, _)) if is_about_dates_or_purpose(&error) => BarePath::Unknown,
        Err((error, _)) => BarePath::Failed(vec![failure_of(&error, walk, findings)]),
    }
}

/// Faults of the peer's own certificate that keep rustls-webpki from looking any further.
fn own_failures(findings: &Findings<'_, '_>, walk: &Walk<'_>) -> Vec<CheckFailure> {
    let mut failures = Vec::new();
    let leaf = &findings.leaf;
    if leaf.version != 3 {
        failures.push(CheckFailure::OldVersion {
            certificate: label_of(Some(0), leaf),
            version: leaf.version,
        });
    }
    match leaf.is_authority() {
        Ok(false) => {}
        Ok(true) => failures.push(CheckFailure::AuthorityAsPeer),
        Err(_) => failures.push(CheckFailure::Unreadable {
            certificate: label_of(Some(0), leaf),
        }),
    }
    if !failures.is_empty() {
        failures.extend(failure_of_walk(walk));
    }
    failures
}

/// What the way upwards shows by itself.
fn failure_of_walk(walk: &Walk<'_>) -> Option<CheckFailure> {
    if let Some(flaw) = &walk.flaw {
        let certificate = Some(flaw.signed.label());
        return Some(match (flaw.kind, flaw.signer_bits, &flaw.signer) {
            (FlawKind::Unsupported, _, _) => CheckFailure::UnsupportedSignature {
                certificate,
                algorithm: algorithm::name(flaw.signed.certificate.signature_algorithm),
            },
            (FlawKind::Wrong, Some(bits), signer) if bits < limits::RSA_BITS => {
                CheckFailure::WeakKey {
                    certificate: signer.map_or_else(
                        || CertificateLabel {
                            position: None,
                            subject: name_text(flaw.signed.certificate.issuer),
                        },
                        |signer| signer.label(),
                    ),
                    bits,
                    minimum: limits::RSA_BITS,
                }
            }
            (FlawKind::Wrong, _, _) => CheckFailure::BadSignature { certificate },
        });
    }
    let last = walk.steps.last()?;
    match walk.end {
        End::Anchor(_) => None,
        End::SelfIssued if last.position == 0 => Some(CheckFailure::SelfSigned),
        End::Namesake if last.position == 0 && last.certificate.is_self_issued() => {
            Some(CheckFailure::SelfSigned)
        }
        End::SelfIssued | End::Namesake => Some(CheckFailure::UnknownAuthority {
            authority: name_text(last.certificate.issuer),
            sent: last.certificate.is_self_issued(),
            is_namesake: matches!(walk.end, End::Namesake),
        }),
        End::NoIssuer if last.position == 0 => Some(CheckFailure::MissingIntermediate {
            issuer: name_text(last.certificate.issuer),
        }),
        End::NoIssuer => Some(CheckFailure::UnknownAuthority {
            authority: name_text(last.certificate.issuer),
            sent: false,
            is_namesake: false,
        }),
        End::Loop => Some(CheckFailure::NoPath),
    }
}

pub(super) fn date_failure(
    certificate: &Certificate<'_>,
    label: CertificateLabel,
    now: UnixTime,
) -> Option<CheckFailure> {
    let dates = certificate.dates();
    let certificate = Some(label);
    let Ok(dates) = dates else {
        return Some(CheckFailure::BadDates { certificate });
    };
    if dates.not_before > dates.not_after {
        Some(CheckFailure::BadDates { certificate })
    } else if now < dates.not_before {
        Some(CheckFailure::NotYetValid {
            certificate,
            not_before: dates.not_before,
            by: between(now, dates.not_before),
        })
    } else if dates.not_after < now {
        Some(CheckFailure::Expired {
            certificate,
            not_after: dates.not_after,
            by: between(dates.not_after, now),
        })
    } else {
        None
    }
}

/// RFC 5280 §4.2.1.12, as rustls-webpki reads it: any purpose without the extension, otherwise the
/// required one must be listed; anyExtendedKeyUsage does not stand for it.
pub(super) fn purpose_failure(
    certificate: &Certificate<'_>,
    label: CertificateLabel,
    required: Purpose,
) -> Option<CheckFailure> {
    const SERVER_AUTH: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
    const CLIENT_AUTH: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];
    let wanted = match required {
        Purpose::ServerAuthentication => SERVER_AUTH,
        Purpose::ClientAuthentication => CLIENT_AUTH,
    };
    let Ok(purposes) = certificate.purposes() else {
        return Some(CheckFailure::Unreadable { certificate: label });
    };
    let purposes = purposes?;
    if purposes.contains(&wanted) {
        return None;
    }
    Some(CheckFailure::WrongPurpose {
        certificate: Some(label),
        required,
        presented: purposes
            .iter()
            .take(limits::REPORTED_NAMES)
            .map(|id| algorithm::purpose(id))
            .collect(),
    })
}

fn is_about_dates_or_purpose(error: &Error) -> bool {
    matches!(
        error,
        Error::CertExpired { .. }
            | Error::CertNotValidYet { .. }
            | Error::InvalidCertValidity
            | Error::RequiredEkuNotFoundContext(_)
            | Error::EmptyEkuExtension
    )
}

impl Placed<'_> {
    fn label(&self) -> CertificateLabel {
        label_of(Some(self.position), &self.certificate)
    }
}

pub(super) fn label_of(position: Option<usize>, certificate: &Certificate<'_>) -> CertificateLabel {
    CertificateLabel {
        position,
        subject: name_text(certificate.subject),
    }
}

/// A distinguished name, given the content of its encoding.
fn name_text(name: &[u8]) -> UntrustedText {
    text(&DistinguishedName(name).to_string())
}

fn text(text: &str) -> UntrustedText {
    UntrustedText::new(text.as_bytes(), limits::REPORTED_TEXT)
}

fn between(earlier: UnixTime, later: UnixTime) -> Duration {
    Duration::from_secs(later.as_secs().saturating_sub(earlier.as_secs()))
}
