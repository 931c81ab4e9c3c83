//! One failed check, its data, and its sentence.

use std::time::Duration;

use pki_types::UnixTime;

use crate::text::UntrustedText;
use crate::verify::dane::{TlsaName, TlsaNearMiss};
use crate::verify::{
    Fingerprint, NameMismatch, PinnedPart, RevocationCause, RevocationGap, VerifierRefusal,
};

mod sentence;

pub(crate) use sentence::{Date, Span};

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Check {
    /// The chain is there, within bounds, and can be read.
    Form,
    /// There is a path to a trust anchor (RFC 5280 §6), dates and purposes aside.
    Path,
    /// The keys are strong enough and of a kind that can be used (RFC 9325 §4.5).
    Key,
    /// The certificates are meant for this use (RFC 5280 §4.2.1.12).
    Purpose,
    /// The dates hold (RFC 5280 §4.1.2.5).
    Validity,
    /// A name is the expected one (RFC 7817 §3).
    Identity,
    /// The server is the one that TLSA records in DNS are about (RFC 6698 §4.1).
    Dane,
    /// The certificate is the one that was pinned (RFC 8314 §5.4); made only where one was.
    Pin,
    /// No certificate of the path was revoked (RFC 5280 §6.3); made only with revocation lists.
    Revocation,
}

/// What a certificate must be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// id-kp-serverAuth.
    ServerAuthentication,
    /// id-kp-clientAuth.
    ClientAuthentication,
}

/// Which certificate a failure is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateLabel {
    /// Its place in the chain as it was sent: 0 is the peer's own. `None` for a trust anchor, which
    /// was not sent.
    pub position: Option<usize>,
    /// Its subject.
    pub subject: UntrustedText,
}

/// A check that failed. `Display` is one plain sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckFailure {
    /// The peer sent no certificate.
    NoCertificate,
    /// The chain has more certificates than are looked at.
    #[non_exhaustive]
    TooManyCertificates {
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// The chain has more bytes than are looked at.
    #[non_exhaustive]
    ChainTooLarge {
        /// How many there are.
        bytes: usize,
        /// How many may be.
        limit: usize,
    },
    /// A certificate is not what RFC 5280 §4 describes.
    #[non_exhaustive]
    Unreadable {
        /// Which.
        certificate: CertificateLabel,
    },
    /// A certificate is of X.509 version 1 or 2, which can hold no name and no constraint.
    #[non_exhaustive]
    OldVersion {
        /// Which.
        certificate: CertificateLabel,
        /// 1 or 2.
        version: u8,
    },
    /// A certificate has a critical extension that nothing here can evaluate (RFC 5280 §4.2).
    #[non_exhaustive]
    CriticalExtension {
        /// Which; `None` if it could not be found out.
        certificate: Option<CertificateLabel>,
        /// The extension's object identifier.
        extension: Option<UntrustedText>,
    },
    /// The peer's certificate is signed by itself, and nobody here trusts it.
    SelfSigned,
    /// The certificate of the issuer of the peer's certificate was not sent, and is not trusted.
    #[non_exhaustive]
    MissingIntermediate {
        /// The issuer that the certificate names.
        issuer: UntrustedText,
    },
    /// The chain leads to an authority that is not among the trusted ones.
    #[non_exhaustive]
    UnknownAuthority {
        /// The authority.
        authority: UntrustedText,
        /// Its own certificate was in the chain.
        sent: bool,
        /// A trusted authority has the same name, and did not sign: the key is another one, as
        /// where an authority was made anew or somebody took its name.
        is_namesake: bool,
    },
    /// A certificate of a certification authority stands where the peer's own should.
    AuthorityAsPeer,
    /// A certificate in the path does not belong to a certification authority, or to one whose key
    /// may not sign certificates (RFC 5280 §4.2.1.3 and §6.1.4), and yet signed.
    #[non_exhaustive]
    NotAnAuthority {
        /// Which; `None` if it could not be found out.
        certificate: Option<CertificateLabel>,
    },
    /// There are more authorities below one than it was allowed (RFC 5280 §4.2.1.9).
    #[non_exhaustive]
    PathLength {
        /// The authority; `None` if it could not be found out.
        certificate: Option<CertificateLabel>,
    },
    /// A name is outside what an authority may vouch for, or of a type whose constraint cannot be
    /// evaluated (RFC 5280 §4.2.1.10).
    #[non_exhaustive]
    NameConstraint {
        /// The authority; `None` if it could not be found out.
        authority: Option<CertificateLabel>,
        /// Its constraints, as far as they are shown.
        constraints: Vec<UntrustedText>,
    },
    /// A signature does not verify.
    #[non_exhaustive]
    BadSignature {
        /// The certificate that bears it; `None` if it could not be found out.
        certificate: Option<CertificateLabel>,
    },
    /// A signature was made in a way that is not accepted, such as with SHA-1 (RFC 9325 §4.1).
    #[non_exhaustive]
    UnsupportedSignature {
        /// The certificate that bears it; `None` if it could not be found out.
        certificate: Option<CertificateLabel>,
        /// How it was made.
        algorithm: UntrustedText,
    },
    /// A certificate's key is known to be compromised.
    Distrusted,
    /// The search for a path, or a path, went beyond its bounds.
    PathTooComplex,
    /// No path, for a reason that has no name of its own.
    NoPath,
    /// A key is too short (RFC 9325 §4.5).
    #[non_exhaustive]
    WeakKey {
        /// Whose it is.
        certificate: CertificateLabel,
        /// Its length.
        bits: usize,
        /// The least that is accepted.
        minimum: usize,
    },
    /// The peer's key is of a kind that the cryptography provider does not verify signatures with.
    #[non_exhaustive]
    UnsupportedKey {
        /// Whose it is.
        certificate: CertificateLabel,
        /// The kind.
        algorithm: UntrustedText,
    },
    /// A certificate is not meant for this use.
    #[non_exhaustive]
    WrongPurpose {
        /// Which; `None` if it could not be found out.
        certificate: Option<CertificateLabel>,
        /// What it must be good for.
        required: Purpose,
        /// What it is good for, as far as it is shown.
        presented: Vec<UntrustedText>,
    },
    /// A certificate has expired.
    #[non_exhaustive]
    Expired {
        /// Which; `None` if it could not be found out.
        certificate: Option<CertificateLabel>,
        /// Its last second.
        not_after: UnixTime,
        /// How long that is ago.
        by: Duration,
    },
    /// A certificate is not valid yet.
    #[non_exhaustive]
    NotYetValid {
        /// Which; `None` if it could not be found out.
        certificate: Option<CertificateLabel>,
        /// Its first second.
        not_before: UnixTime,
        /// How far that is ahead.
        by: Duration,
    },
    /// A certificate's dates cannot be read, or end before they begin.
    #[non_exhaustive]
    BadDates {
        /// Which; `None` if it could not be found out.
        certificate: Option<CertificateLabel>,
    },
    /// No name is an expected one.
    NameMismatch(NameMismatch),
    /// There are TLSA records that can be used, and the server's chain matches none of them. Nothing
    /// else makes that good (RFC 6698 §4.1).
    #[non_exhaustive]
    TlsaMismatch {
        /// Where the records are.
        name: TlsaName,
        /// How many of them can be used.
        usable: usize,
        /// What explains it best, if anything does.
        near_miss: Option<TlsaNearMiss>,
    },
    /// The TLSA records had outlived their time when the certificate came (RFC 6698 §8.2).
    #[non_exhaustive]
    TlsaExpired {
        /// Where the records are.
        name: TlsaName,
    },
    /// A certificate was revoked by its issuer (RFC 5280 §5).
    #[non_exhaustive]
    Revoked {
        /// Which; `None` if it could not be found out.
        certificate: Option<CertificateLabel>,
        /// Why.
        cause: RevocationCause,
        /// Since when.
        since: UnixTime,
    },
    /// Whether a certificate was revoked is not known, and the
    /// [policy](crate::verify::RevocationPolicy::RequireKnown) is to know it.
    RevocationUnknown(RevocationGap),
    /// A certificate is pinned for this server, and this is another one, for which nobody vouches.
    #[non_exhaustive]
    PinMismatch {
        /// What the pin holds on to.
        part: PinnedPart,
        /// The fingerprint of it that is pinned.
        pinned: Fingerprint,
        /// The fingerprint of it that was presented.
        presented: Fingerprint,
        /// The certificate was changed, and its key was not.
        is_same_key: bool,
    },
    /// The verifier that takes the place of the trust anchors refuses the certificate.
    #[non_exhaustive]
    RefusedByVerifier {
        /// Why.
        refusal: VerifierRefusal,
    },
    /// The certificate has an expected name, but of a type that the verifier does not know which
    /// takes the place of the trust anchors.
    #[non_exhaustive]
    UnsupportedByVerifier {
        /// The name.
        presented: UntrustedText,
    },
}

impl CheckFailure {
    /// The check that failed.
    #[must_use]
    pub const fn check(&self) -> Check {
        match self {
            Self::NoCertificate
            | Self::TooManyCertificates { .. }
            | Self::ChainTooLarge { .. }
            | Self::Unreadable { .. } => Check::Form,
            Self::OldVersion { .. }
            | Self::CriticalExtension { .. }
            | Self::SelfSigned
            | Self::MissingIntermediate { .. }
            | Self::UnknownAuthority { .. }
            | Self::AuthorityAsPeer
            | Self::NotAnAuthority { .. }
            | Self::PathLength { .. }
            | Self::NameConstraint { .. }
            | Self::BadSignature { .. }
            | Self::UnsupportedSignature { .. }
            | Self::Distrusted
            | Self::PathTooComplex
            | Self::NoPath => Check::Path,
            Self::WeakKey { .. } | Self::UnsupportedKey { .. } => Check::Key,
            Self::WrongPurpose { .. } => Check::Purpose,
            Self::Expired { .. } | Self::NotYetValid { .. } | Self::BadDates { .. } => {
                Check::Validity
            }
            Self::NameMismatch(_) => Check::Identity,
            Self::TlsaMismatch { .. } | Self::TlsaExpired { .. } => Check::Dane,
            Self::Revoked { .. } | Self::RevocationUnknown(_) => Check::Revocation,
            Self::PinMismatch { .. } => Check::Pin,
            Self::RefusedByVerifier { refusal } => refusal.check(),
            Self::UnsupportedByVerifier { .. } => Check::Identity,
        }
    }

    /// A name for the failure that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoCertificate => "no-certificate",
            Self::TooManyCertificates { .. } => "too-many-certificates",
            Self::ChainTooLarge { .. } => "chain-too-large",
            Self::Unreadable { .. } => "unreadable-certificate",
            Self::OldVersion { .. } => "old-certificate-version",
            Self::CriticalExtension { .. } => "unknown-critical-extension",
            Self::SelfSigned => "self-signed",
            Self::MissingIntermediate { .. } => "missing-intermediate",
            Self::UnknownAuthority { .. } => "unknown-authority",
            Self::AuthorityAsPeer => "authority-as-peer",
            Self::NotAnAuthority { .. } => "issuer-not-an-authority",
            Self::PathLength { .. } => "path-length",
            Self::NameConstraint { .. } => "name-constraint",
            Self::BadSignature { .. } => "bad-signature",
            Self::UnsupportedSignature { .. } => "unsupported-signature",
            Self::Distrusted => "distrusted-key",
            Self::PathTooComplex => "path-too-complex",
            Self::NoPath => "no-path",
            Self::WeakKey { .. } => "weak-key",
            Self::UnsupportedKey { .. } => "unsupported-key",
            Self::WrongPurpose { .. } => "wrong-purpose",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::BadDates { .. } => "bad-dates",
            Self::NameMismatch(_) => "name-mismatch",
            Self::TlsaMismatch { .. } => "tlsa-mismatch",
            Self::TlsaExpired { .. } => "tlsa-expired",
            Self::Revoked { .. } => "revoked",
            Self::RevocationUnknown(_) => "revocation-unknown",
            Self::PinMismatch { .. } => "pin-mismatch",
            Self::RefusedByVerifier { .. } => "refused-by-verifier",
            Self::UnsupportedByVerifier { .. } => "unsupported-by-verifier",
        }
    }

    /// The result type for a report to the domain's owner (RFC 8460 §4.3). `None` for what is not
    /// the owner's affair.
    #[must_use]
    pub const fn tlsrpt_result(&self) -> Option<&'static str> {
        match self {
            Self::Expired { .. } => Some("certificate-expired"),
            Self::NameMismatch(_) => Some("certificate-host-mismatch"),
            Self::SelfSigned
            | Self::MissingIntermediate { .. }
            | Self::UnknownAuthority { .. }
            | Self::AuthorityAsPeer
            | Self::NotAnAuthority { .. }
            | Self::PathLength { .. }
            | Self::NameConstraint { .. }
            | Self::BadSignature { .. }
            | Self::UnsupportedSignature { .. }
            | Self::Distrusted
            | Self::PathTooComplex
            | Self::NoPath
            | Self::Revoked { .. }
            | Self::RefusedByVerifier { .. }
            | Self::WrongPurpose { .. } => Some("certificate-not-trusted"),
            // "A general failure for a reason not matching a category above."
            Self::NoCertificate
            | Self::TooManyCertificates { .. }
            | Self::ChainTooLarge { .. }
            | Self::Unreadable { .. }
            | Self::OldVersion { .. }
            | Self::CriticalExtension { .. }
            | Self::WeakKey { .. }
            | Self::UnsupportedKey { .. }
            | Self::NotYetValid { .. }
            | Self::BadDates { .. }
            | Self::TlsaMismatch { .. } => Some("validation-failure"),
            // What was looked up was kept for too long on this side.
            // Likewise, or between the user and the server alone.
            Self::TlsaExpired { .. }
            | Self::RevocationUnknown(_)
            | Self::UnsupportedByVerifier { .. }
            | Self::PinMismatch { .. } => None,
        }
    }

    /// The less, the more useful to be told first: what stands in a certificate that nobody vouches
    /// for is only a claim, its dates and names included, so that the path comes before them.
    pub(super) const fn rank(&self) -> u8 {
        if matches!(self, Self::AuthorityAsPeer) {
            return 3; // the cause behind it, such as self-signed, says more
        }
        match self.check() {
            Check::Form => 0,
            Check::Dane | Check::Revocation | Check::Pin => 1,
            Check::Path => 2,
            Check::Key => 4,
            Check::Purpose => 5,
            Check::Validity => 6,
            Check::Identity => 7,
        }
    }
}

impl CertificateLabel {
    /// The label of a certificate of which nothing can be read.
    pub(super) fn unread(position: usize) -> Self {
        Self {
            position: Some(position),
            subject: UntrustedText::new(b"", 0),
        }
    }
}
