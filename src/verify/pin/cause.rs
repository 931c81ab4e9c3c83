//! What a pin can stand in for.

use std::fmt;

use crate::certificate::Certificate;
use crate::verify::{CertificateRejection, Check, CheckFailure, CheckResult};

/// One of the three reasons for which a certificate may be pinned (RFC 8314 §5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PinCause {
    /// "An expired certificate."
    Expired,
    /// "A lack of an appropriate chain of trust."
    NoChain,
    /// "A lack of an identifier match."
    NoIdentifierMatch,
}

/// The causes of a rejection, each once, if it has no others and nothing was left unexamined.
pub(super) fn causes(
    rejection: &CertificateRejection,
    leaf: &Certificate<'_>,
) -> Option<Vec<PinCause>> {
    let is_examined = rejection.results().all(|(check, result)| match result {
        CheckResult::Passed | CheckResult::Failed => true,
        // Without a path nothing is looked up in revocation lists.
        CheckResult::NotMade => check == Check::Revocation,
    });
    if !is_examined {
        return None;
    }
    let mut causes = Vec::new();
    for failure in rejection.failures() {
        let cause = PinCause::of(failure, leaf.is_self_issued())?;
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    Some(causes)
}

impl PinCause {
    /// The cause for which a certificate with this failure may be pinned, if it is one.
    pub(in crate::verify) fn of(failure: &CheckFailure, is_self_issued: bool) -> Option<Self> {
        match failure {
            CheckFailure::Expired { .. } => Some(Self::Expired),
            CheckFailure::SelfSigned
            | CheckFailure::MissingIntermediate { .. }
            | CheckFailure::UnknownAuthority { .. } => Some(Self::NoChain),
            // A certificate that is its own authority: the local bridges of mail providers have them,
            // also where the user has added it to the trusted ones.
            CheckFailure::AuthorityAsPeer if is_self_issued => Some(Self::NoChain),
            CheckFailure::NameMismatch(_) => Some(Self::NoIdentifierMatch),
            CheckFailure::AuthorityAsPeer
            | CheckFailure::NoCertificate
            | CheckFailure::TooManyCertificates { .. }
            | CheckFailure::ChainTooLarge { .. }
            | CheckFailure::Unreadable { .. }
            | CheckFailure::OldVersion { .. }
            | CheckFailure::CriticalExtension { .. }
            | CheckFailure::NotAnAuthority { .. }
            | CheckFailure::PathLength { .. }
            | CheckFailure::NameConstraint { .. }
            | CheckFailure::BadSignature { .. }
            | CheckFailure::UnsupportedSignature { .. }
            | CheckFailure::Distrusted
            | CheckFailure::PathTooComplex
            | CheckFailure::NoPath
            | CheckFailure::WeakKey { .. }
            | CheckFailure::UnsupportedKey { .. }
            | CheckFailure::WrongPurpose { .. }
            | CheckFailure::NotYetValid { .. }
            | CheckFailure::BadDates { .. }
            | CheckFailure::Revoked { .. }
            | CheckFailure::RevocationUnknown(_)
            | CheckFailure::PinMismatch { .. }
            | CheckFailure::RefusedByVerifier { .. }
            | CheckFailure::UnsupportedByVerifier { .. }
            | CheckFailure::TlsaMismatch { .. }
            | CheckFailure::TlsaExpired { .. } => None,
        }
    }
}

impl fmt::Display for PinCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expired => "it has expired",
            Self::NoChain => "no trusted authority vouches for it",
            Self::NoIdentifierMatch => "it is not for this server's name",
        })
    }
}
