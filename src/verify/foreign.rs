//! The path check by somebody else: another root store, or the platform's verifier.
//!
//! Such a verifier answers "good for this name" or not, and does not tell names and paths apart. So
//! it is asked for each name that was expected, and its word counts only for a name that the
//! certificate has by the rules of RFC 7817 as well: a platform's own idea of a name, such as a
//! common name, is not taken over.

use std::fmt;

use pki_types::{CertificateDer, ServerName, UnixTime};

use crate::certificate::Certificate;
use crate::identity::{
    PresentedId, PresentedIds, ReferenceId, ReferenceIds, ReferenceName, first_match, match_of,
};
use crate::limits;
use crate::name::Host;
use crate::text::UntrustedText;
use crate::verify::diagnosis::{self, Findings};
use crate::verify::path::{self, PathError};
use crate::verify::revocation::{Gap, PathStatus};
use crate::verify::verdict::text_of;
use crate::verify::{
    CertificateRejection, Check, CheckFailure, Evidence, NameMismatch, Requirements, Revocation,
    RevocationGap, RevocationPolicy, Verification,
};

/// Verifies the chain of a server in place of the trust anchors, names included.
///
/// It is asked on the caller's thread, inside [`process`](crate::ClientSession::process): **if it
/// blocks, on a disk, a directory service or the network, the session blocks as long.** It may be
/// asked several times for one chain, once for each name. What it says is never remembered, and
/// sessions under it are not resumed, because nothing tells until when it holds.
///
/// It knows host names and addresses. A certificate that names a service of a domain only
/// (SRV-ID, RFC 4985) is beyond it, and is refused as
/// [`UnsupportedByVerifier`](CheckFailure::UnsupportedByVerifier).
///
/// [`RustlsVerifier`](crate::RustlsVerifier) makes one of what others have written for rustls.
pub trait ServerVerifier: fmt::Debug + Send + Sync {
    /// Whether the chain is good for server authentication under the name, at the time.
    ///
    /// # Errors
    /// [`VerifierRefusal`] says why not, as well as can be told.
    fn verify(&self, question: &ServerQuestion<'_>) -> Result<(), VerifierRefusal>;
}

/// What a [`ServerVerifier`] is asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerQuestion<'a> {
    /// The server's own certificate.
    pub end_entity: &'a CertificateDer<'a>,
    /// What else it sent, in any order.
    pub intermediates: &'a [CertificateDer<'a>],
    /// The OCSP response that it stapled; empty if there was none.
    pub ocsp_response: &'a [u8],
    /// The name to verify it for.
    pub name: ServerName<'static>,
    /// The time.
    pub now: UnixTime,
}

/// Why a [`ServerVerifier`] refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifierRefusal {
    /// The chain leads to nobody who is trusted.
    UntrustedChain,
    /// A certificate has expired.
    Expired,
    /// A certificate is not valid yet.
    NotYetValid,
    /// The certificate is not for the name.
    WrongName,
    /// A certificate was revoked.
    Revoked,
    /// Something else, as the verifier says it.
    Other(UntrustedText),
}

impl VerifierRefusal {
    /// Something else, in the verifier's words.
    #[must_use]
    pub fn other(reason: &str) -> Self {
        Self::Other(UntrustedText::new(reason.as_bytes(), limits::REPORTED_TEXT))
    }

    pub(super) const fn check(&self) -> Check {
        match self {
            Self::UntrustedChain | Self::Other(_) => Check::Path,
            Self::Expired | Self::NotYetValid => Check::Validity,
            Self::WrongName => Check::Identity,
            Self::Revoked => Check::Revocation,
        }
    }
}

/// Asks the verifier for each host and address in turn.
pub(super) fn evaluate<'a>(
    verifier: &dyn ServerVerifier,
    references: &ReferenceIds,
    evidence: &Evidence<'a>,
    (end_entity, leaf): (&'a CertificateDer<'a>, Certificate<'a>),
    requirements: &Requirements,
    now: UnixTime,
) -> Result<Verification, CertificateRejection> {
    let names = PresentedIds::in_certificate(&leaf)
        .map_err(|_| super::evaluate::unreadable(requirements))?;
    let weakness = diagnosis::weakness_of_leaf(&leaf, requirements);
    let mut refusal = None;
    let mut is_trusted = false;
    for reference in references {
        let Some(name) = server_name(reference) else {
            continue;
        };
        let question = ServerQuestion {
            end_entity,
            intermediates: evidence.intermediates,
            ocsp_response: evidence.ocsp_response(),
            name,
            now,
        };
        match (verifier.verify(&question), match_of(reference, &names)) {
            (Ok(()), Some(presented)) if weakness.is_none() => {
                let verification = Verification::foreign(reference, presented, now);
                let Some(check) = &requirements.revocation else {
                    return Ok(verification);
                };
                let gap = unlisted(&leaf, evidence);
                return match check.policy {
                    RevocationPolicy::AcceptUnknown => {
                        Ok(verification.with_revocation(Revocation::Unknown(gap)))
                    }
                    RevocationPolicy::RequireKnown => Err(CertificateRejection::new(
                        CheckFailure::RevocationUnknown(gap),
                        Vec::new(),
                        &ALL_BUT_REVOCATION,
                        requirements,
                    )),
                };
            }
            (Ok(()), _) => is_trusted = true,
            (Err(reason), _) => {
                // A name is the least of what can be wrong.
                if matches!(refusal, None | Some(VerifierRefusal::WrongName)) {
                    refusal = Some(reason);
                }
            }
        }
    }
    let has_match = references
        .iter()
        .any(|id| server_name(id).is_some() && match_of(id, &names).is_some());

    if let (Some(VerifierRefusal::UntrustedChain), false) = (&refusal, is_trusted) {
        // It does not say more; what can be seen without anybody's trust says why.
        let path = path::check(
            (end_entity, &leaf),
            evidence.intermediates,
            requirements,
            None,
            None,
            now,
        );
        return Err(diagnosis::explain(Findings {
            evidence,
            requirements,
            now,
            end_entity,
            leaf,
            names,
            path: path
                .map(|_| PathStatus::NotAsked)
                .map_err(|refused| PathError {
                    error: refused.error,
                    refusal: None,
                }),
            weakness,
            identity_failed: !has_match,
        }));
    }
    let mut failures = Vec::new();
    if !has_match {
        failures.push(mismatch(references, &names, &leaf));
    }
    failures.extend(weakness);
    match refusal {
        // Said already, with the names.
        Some(VerifierRefusal::WrongName) if !has_match => {}
        // Of a name that the certificate does not have by the rules here.
        Some(_) if is_trusted && !failures.is_empty() => {}
        Some(refusal) => failures.push(CheckFailure::RefusedByVerifier { refusal }),
        None => {}
    }
    let mut made = vec![Check::Form, Check::Key, Check::Identity];
    if is_trusted {
        made.extend([Check::Path, Check::Purpose, Check::Validity]);
    }
    let mut failures = failures.into_iter();
    let first = failures.next().unwrap_or(CheckFailure::NoPath);
    Err(CertificateRejection::new(
        first,
        failures.collect(),
        &made,
        requirements,
    ))
}

const ALL_BUT_REVOCATION: [Check; 6] = [
    Check::Form,
    Check::Path,
    Check::Key,
    Check::Purpose,
    Check::Validity,
    Check::Identity,
];

/// The path is not known, and so is no list that is about it.
fn unlisted(leaf: &Certificate<'_>, evidence: &Evidence<'_>) -> RevocationGap {
    diagnosis::gap(&Gap::without_list(leaf), evidence)
}

/// The name of a type that a foreign verifier knows.
fn server_name(reference: &ReferenceId) -> Option<ServerName<'static>> {
    match reference.name() {
        ReferenceName::Dns(name) => Some(Host::Name(name.clone()).server_name()),
        ReferenceName::Ip(address) => Some(Host::Ip(*address).server_name()),
        ReferenceName::Srv { .. } | ReferenceName::CommonName(_) => None,
    }
}

/// No name that the verifier could have been asked for matches; perhaps another does.
fn mismatch(
    references: &ReferenceIds,
    names: &PresentedIds<'_>,
    leaf: &Certificate<'_>,
) -> CheckFailure {
    match first_match(references, names) {
        Some(found) => CheckFailure::UnsupportedByVerifier {
            presented: shown(found.presented),
        },
        None => CheckFailure::NameMismatch(NameMismatch::new(references, names, leaf)),
    }
}

fn shown(presented: PresentedId<'_>) -> UntrustedText {
    UntrustedText::new(text_of(presented).as_bytes(), limits::REPORTED_TEXT)
}

impl fmt::Display for VerifierRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UntrustedChain => f.write_str("nobody who is trusted vouches for it"),
            Self::Expired => f.write_str("it has expired"),
            Self::NotYetValid => f.write_str("it is not valid yet"),
            Self::WrongName => f.write_str("it is not for this name"),
            Self::Revoked => f.write_str("it was revoked"),
            Self::Other(reason) if reason.as_untrusted_bytes().is_empty() => {
                f.write_str("it gave no cause")
            }
            Self::Other(reason) => reason.fmt(f),
        }
    }
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests;
