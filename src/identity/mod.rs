//! Who we expect and who the certificate says it is: RFC 6125 as RFC 7817 and RFC 9525 apply it.
//!
//! * [`ReferenceIds`]: what the user, the administrator or a trustworthy lookup asked for, each with
//!   its [`Provenance`], frozen before anything of the peer's is seen (RFC 6125 §6.2.1).
//! * [`PresentedIds`]: what the certificate's subjectAltName extension says, nothing else of it
//!   (RFC 9525 §6.1). A malformed name is reported and never matches.
//! * [`first_match`]: the search, in the order of the references (RFC 6125 §6.3).
//!
//! Names that match prove nothing by themselves: the path comes first (RFC 7817 §3), and
//! [`evaluate`](crate::verify::evaluate) does both.
#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

mod matching;
mod presented;
mod provenance;
mod reference;
#[cfg(test)]
mod tests;

pub use matching::{Match, first_match};
pub use presented::{
    MalformedName, NameKind, PresentedId, PresentedIds, PresentedIter, UnreadableCertificate,
};
pub use provenance::Provenance;
pub use reference::{ReferenceId, ReferenceIds, ReferenceName, UntrustworthyReference};
