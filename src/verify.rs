//! One verdict on a peer's certificate: path, dates, purpose, key and identity.
//!
//! [`evaluate`] is a function of evidence, requirements and time. It knows no connection, so it
//! serves a handshake, a stored chain and a monitoring job alike. It makes *every* check and reports
//! each, because "expired" alone does not tell a user that the name is wrong as well.
//!
//! Whether a certificate was revoked is found out with the [`RevocationLists`] that the embedder
//! supplies; nothing is fetched, and an OCSP response is handed out uninterpreted.
//!
//! Order and meaning are RFC 7817 §3's: names count only in a certificate whose path was validated
//! (RFC 5280 §6). On success the work is that of rustls-webpki's path search, one pass over the
//! certificate for its names, and two small allocations; everything that a [`CertificateRejection`]
//! tells is gathered after the verdict is known, and nothing found then can turn it.
#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

mod advice;
mod alert;
mod anchors;
pub mod dane;
mod diagnosis;
mod evaluate;
mod failure;
mod foreign;
mod near_miss;
mod path;
mod pin;
mod rejection;
mod requirements;
mod revocation;
#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests;
#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests_namesakes;
#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests_odd;
#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests_services;
mod verdict;
mod walk;

pub use anchors::{PemProblem, TrustAnchors, TrustAnchorsError};
pub use evaluate::evaluate;
pub use failure::{CertificateLabel, Check, CheckFailure, Purpose};
pub(crate) use failure::{Date, Span};
pub use foreign::{ServerQuestion, ServerVerifier, VerifierRefusal};
pub use near_miss::{NameMismatch, NearMiss, PresentedName};
pub use pin::{
    Fingerprint, InvalidFingerprint, InvalidPin, Pin, PinCause, PinOffer, PinWarning, PinnedPart,
};
pub(crate) use pin::{Pinning, Place};
pub use rejection::{CertificateRejection, CheckResult};
pub use requirements::{Evidence, Requirements, UnrelatedTlsa};
pub use revocation::{
    Revocation, RevocationCause, RevocationGap, RevocationLists, RevocationListsError,
    RevocationPolicy,
};
pub use verdict::{Authentication, Verification};
