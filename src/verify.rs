//! One verdict on a peer's certificate: path, dates, purpose, key and identity.
//!
//! [`evaluate`] is a function of evidence, requirements and time. It knows no connection, so it
//! serves a handshake, a stored chain and a monitoring job alike. It makes *every* check and reports
//! each, because "expired" alone does not tell a user that the name is wrong as well.
//!
//! ```
//! # #[cfg(feature = "aws-lc-rs")] {
//! # use rustls::pki_types::{CertificateDer, UnixTime};
//! # let mut params = rcgen::CertificateParams::default();
//! # params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
//! # let authority = rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate()?)?;
//! # let key = rcgen::KeyPair::generate()?;
//! # let certificate = rcgen::CertificateParams::new(["mail.example.org".to_owned()])?
//! #     .signed_by(&key, &authority)?;
//! # let (pem, chain) = (authority.pem(), [certificate.der().clone()]);
//! # let now = UnixTime::now();
//! use mail_tls::verify::{Check, Evidence, Requirements, TrustAnchors, evaluate};
//! use mail_tls::{Endpoint, Service, TlsMode};
//!
//! let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
//! let references = endpoint.references(None)?; // the names that will do for it
//! let anchors = TrustAnchors::from_pem(pem.as_bytes())?;
//! let provider = rustls::crypto::aws_lc_rs::default_provider();
//! let algorithms = provider.signature_verification_algorithms;
//! let requirements = Requirements::server(anchors, references, algorithms);
//!
//! let chain: &[CertificateDer<'_>] = &chain; // as a server has shown it
//! let rejection = evaluate(&Evidence::from_chain(chain), &requirements, now).unwrap_err();
//! assert_eq!(rejection.code(), "name-mismatch");
//! let sentence = "the certificate is for mail.example.org, not for imap.example.org";
//! assert_eq!(rejection.to_string(), sentence);
//! let failed = rejection.failures().map(|failure| failure.check());
//! assert!(failed.eq([Check::Identity])); // all the rest has passed
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
