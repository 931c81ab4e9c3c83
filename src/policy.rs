//! What an account requires, and the proofs that lower it.
#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

mod account;
mod acknowledged;
mod outcome;
pub mod server;

pub use account::{Account, Phase};
pub(crate) use acknowledged::sealed::Sealed as SealedWarning;
pub use acknowledged::{Acknowledged, ReducedConfidentiality, Warning};
pub use outcome::AttemptOutcome;
