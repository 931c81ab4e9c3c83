//! Who we expect and who the certificate says it is: RFC 6125 as RFC 7817 and RFC 9525 apply it.
//!
//! * [`ReferenceIds`]: what the user, the administrator or a trustworthy lookup asked for, each with
//!   its [`Provenance`], frozen before anything of the peer's is seen (RFC 6125 §6.2.1). They are
//!   derived from a [`ReferenceSource`] under an [`IdentityPolicy`], not listed by hand.
//! * [`PresentedIds`]: what the certificate's subjectAltName extension says (RFC 9525 §6.1), and
//!   nothing else of it unless the policy lets an old certificate's common name count. A malformed name is reported and never matches.
//! * [`first_match`]: the search, in the order of the references (RFC 6125 §6.3).
//!
//! Names that match prove nothing by themselves: the path comes first (RFC 7817 §3), and
//! [`evaluate`](crate::verify::evaluate) does both.
#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

mod matching;
mod policy;
mod presented;
mod provenance;
mod reference;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use matching::match_of;
pub use matching::{Match, first_match};
pub use policy::IdentityPolicy;
pub use presented::{
    MalformedName, NameKind, PresentedId, PresentedIds, PresentedIter, UnreadableCertificate,
};
pub(crate) use presented::{RawName, octets};
pub use provenance::Provenance;
pub use reference::{
    ReferenceError, ReferenceId, ReferenceIds, ReferenceName, UntrustworthyReference,
};
pub use source::ReferenceSource;
