//! Revocation by lists that the embedder supplies (RFC 5280 §5 and §6.3).
//!
//! Nothing is fetched here. Each certificate of the path is looked up in the lists of its issuer:
//! one that is listed is revoked, however old the list; one that a list is about and that is not
//! listed is not, until the list's next update; of any other nothing is known.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use pki_types::UnixTime;
use rustls::crypto::WebPkiSupportedAlgorithms;
use webpki::{Error, RevocationReason, VerifiedPath};

use crate::certificate::{Certificate, PublicKey};
use crate::text::UntrustedText;
use crate::verify::CertificateLabel;

mod list;
mod lists;
mod scope;
#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests;

pub use lists::{RevocationLists, RevocationListsError};

/// What becomes of a certificate of which no list says whether it is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RevocationPolicy {
    /// It is accepted, and the verdict [says so](crate::Verification::revocation). An attacker who
    /// keeps lists away then keeps revocations away.
    #[default]
    AcceptUnknown,
    /// It is refused: every authority on the path must have a current list here, those above the
    /// issuing one included.
    RequireKnown,
}

/// What is known about the revocation of an accepted certificate, and of the authorities above it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revocation {
    /// No lists were given.
    NotAsked,
    /// Current lists are about every certificate of the path, and list none of them.
    NotRevoked,
    /// Of some certificate of the path nothing is known.
    Unknown(RevocationGap),
}

/// A certificate of which no list says whether it is revoked; the first from the peer's upwards.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationGap {
    /// Which, `None` for one that could not be named.
    pub certificate: Option<CertificateLabel>,
    /// Its issuer, whose list is needed.
    pub issuer: UntrustedText,
    /// When the best list that there is was to be replaced; `None` if there is none.
    pub outdated_since: Option<UnixTime>,
}

/// Why a certificate was revoked (RFC 5280 §5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RevocationCause {
    /// None was given.
    Unspecified,
    /// The key, or that of the authority, is in other hands.
    KeyCompromise,
    /// It was replaced, or is no longer used.
    Retired,
    /// It is suspended for now.
    Suspended,
    /// Its holder may no longer use it.
    Withdrawn,
}

/// The lists and what to do without, as [`Requirements`](crate::verify::Requirements) hold them.
#[derive(Debug, Clone)]
pub(super) struct RevocationCheck {
    pub(super) lists: RevocationLists,
    pub(super) policy: RevocationPolicy,
}

/// A certificate was found to be revoked, or must not be unknown and is.
#[derive(Debug, Clone)]
pub(super) enum Refusal {
    /// The serial number tells the certificate apart: the search does not know its position.
    Revoked {
        serial: Arc<[u8]>,
        issuer: Arc<[u8]>,
        cause: RevocationCause,
        since: UnixTime,
    },
    Unknown(Gap),
}

/// The certificate by its serial number and issuer, for it is the report that has labels.
#[derive(Debug, Clone)]
pub(super) struct Gap {
    pub(super) serial: Arc<[u8]>,
    pub(super) issuer: Arc<[u8]>,
    pub(super) outdated_since: Option<UnixTime>,
}

/// What the lists say about a whole path.
#[derive(Debug, Clone)]
pub(super) enum PathStatus {
    NotAsked,
    /// No list says otherwise up to this second.
    NotRevoked(UnixTime),
    Unknown {
        gap: Gap,
        /// The last second of a list that was relied on.
        until: Option<UnixTime>,
    },
}

/// The check of one search for a path, which may try several.
pub(super) struct PathChecker<'r> {
    check: Option<&'r RevocationCheck>,
    algorithms: &'r WebPkiSupportedAlgorithms,
    now: UnixTime,
    outcome: RefCell<Result<PathStatus, Refusal>>,
}

impl<'r> PathChecker<'r> {
    pub(super) fn new(
        check: Option<&'r RevocationCheck>,
        algorithms: &'r WebPkiSupportedAlgorithms,
        now: UnixTime,
    ) -> Self {
        Self {
            check,
            algorithms,
            now,
            outcome: RefCell::new(Ok(PathStatus::NotAsked)),
        }
    }

    /// Refuses a path with a revoked certificate, so that the search goes on with another one.
    pub(super) fn permit(
        &self,
        end_entity: &Certificate<'_>,
        path: &VerifiedPath<'_>,
    ) -> Result<(), Error> {
        let Some(check) = self.check else {
            return Ok(());
        };
        let outcome = self.status(check, end_entity, path);
        let result = match &outcome {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(Refusal::Revoked { .. })) => Err(Error::CertRevoked),
            Ok(Err(Refusal::Unknown(_))) => Err(Error::UnknownRevocationStatus),
            Err(error) => Err(error.clone()),
        };
        if let Ok(outcome) = outcome {
            *self.outcome.borrow_mut() = outcome;
        }
        result
    }

    pub(super) const fn now(&self) -> UnixTime {
        self.now
    }

    /// What was found for the last path that was tried.
    pub(super) fn into_outcome(self) -> Result<PathStatus, Refusal> {
        self.outcome.into_inner()
    }

    fn status(
        &self,
        check: &RevocationCheck,
        end_entity: &Certificate<'_>,
        path: &VerifiedPath<'_>,
    ) -> Result<Result<PathStatus, Refusal>, Error> {
        let ders: Vec<_> = path
            .intermediate_certificates()
            .map(webpki::Cert::der)
            .collect();
        let mut certificates = vec![*end_entity];
        for der in &ders {
            certificates.push(Certificate::parse(der).map_err(|_| Error::BadDer)?);
        }
        let mut until: Option<UnixTime> = None;
        let mut gap = None;
        for (at, certificate) in certificates.iter().enumerate() {
            let issuer = certificates.get(at.saturating_add(1));
            let key = match issuer {
                Some(issuer) if issuer.may_sign_revocation_lists() == Ok(true) => {
                    Some(issuer.public_key_info)
                }
                Some(_) => None,
                None => Some(path.anchor().subject_public_key_info.as_ref()),
            };
            let status = match key.and_then(|key| PublicKey::parse(key).ok()) {
                Some(key) => check
                    .lists
                    .status(certificate, &key, self.algorithms, self.now),
                None => Status::Missing,
            };
            match status {
                Status::Revoked { cause, since } => {
                    return Ok(Err(Refusal::Revoked {
                        serial: certificate.serial.into(),
                        issuer: certificate.issuer.into(),
                        cause,
                        since,
                    }));
                }
                Status::NotRevoked(next) => {
                    until = Some(until.map_or(next, |until| until.min(next)));
                }
                Status::Outdated(since) => {
                    let outdated_since = Some(since);
                    gap = gap.or_else(|| {
                        Some(Gap {
                            outdated_since,
                            ..Gap::without_list(certificate)
                        })
                    });
                }
                Status::Missing => gap = gap.or_else(|| Some(Gap::without_list(certificate))),
            }
        }
        Ok(match (gap, until, check.policy) {
            (Some(gap), _, RevocationPolicy::RequireKnown) => Err(Refusal::Unknown(gap)),
            (Some(gap), until, RevocationPolicy::AcceptUnknown) => {
                Ok(PathStatus::Unknown { gap, until })
            }
            (None, Some(until), _) => Ok(PathStatus::NotRevoked(until)),
            // There is always the peer's own certificate.
            (None, None, _) => Ok(PathStatus::NotAsked),
        })
    }
}

impl Gap {
    /// There is no list about the certificate.
    pub(super) fn without_list(certificate: &Certificate<'_>) -> Self {
        Self {
            serial: certificate.serial.into(),
            issuer: certificate.issuer.into(),
            outdated_since: None,
        }
    }
}

/// What the lists of its issuer say about one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Revoked {
        cause: RevocationCause,
        since: UnixTime,
    },
    /// Until this last second before the next update of the list that says so.
    NotRevoked(UnixTime),
    Outdated(UnixTime),
    Missing,
}

impl From<Option<RevocationReason>> for RevocationCause {
    fn from(reason: Option<RevocationReason>) -> Self {
        match reason {
            None | Some(RevocationReason::Unspecified | RevocationReason::RemoveFromCrl) => {
                Self::Unspecified
            }
            Some(
                RevocationReason::KeyCompromise
                | RevocationReason::CaCompromise
                | RevocationReason::AaCompromise,
            ) => Self::KeyCompromise,
            Some(RevocationReason::Superseded | RevocationReason::CessationOfOperation) => {
                Self::Retired
            }
            Some(RevocationReason::CertificateHold) => Self::Suspended,
            Some(RevocationReason::AffiliationChanged | RevocationReason::PrivilegeWithdrawn) => {
                Self::Withdrawn
            }
        }
    }
}

impl fmt::Display for RevocationCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "no cause given",
            Self::KeyCompromise => "its key is compromised",
            Self::Retired => "it was replaced or is no longer used",
            Self::Suspended => "it is suspended",
            Self::Withdrawn => "its holder may no longer use it",
        })
    }
}
