//! TLS for email programs, as RFC 8314 asks for it.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(
    missing_debug_implementations,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    clippy::as_conversions
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod certificate;
mod der;
pub mod identity;
mod limits;
mod name;
mod registry;
#[cfg(test)]
#[cfg_attr(
    not(any(feature = "aws-lc-rs", feature = "ring")),
    expect(dead_code, reason = "verdicts need a provider")
)]
mod testing;
mod text;
pub mod verify;

pub use name::{EmailAddress, Host, HostName, InvalidEmailAddress, InvalidName};
pub use registry::{CipherSuite, NamedGroup, Recommendation};
pub use text::UntrustedText;
