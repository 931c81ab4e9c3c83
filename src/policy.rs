//! What an account requires, and the proofs that lower it.
#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

mod account;
mod acknowledged;
mod confidentiality;
#[cfg(test)]
pub(crate) mod documented;
mod outcome;
mod permit;
mod pinning;
mod ratchet;
mod record;
pub mod server;
#[cfg(feature = "serde")]
mod stored;

pub(crate) use account::AuthorisedChain;
pub use account::{Account, Phase};
pub(crate) use acknowledged::sealed::Sealed as SealedWarning;
pub use acknowledged::{Acknowledged, ReducedConfidentiality, Warning};
pub(crate) use confidentiality::Met;
pub use confidentiality::{Confidentiality, Indicator, MinimumConfidentiality, Unmet};
pub use outcome::AttemptOutcome;
pub use permit::{
    CleartextCredentialPermit, CredentialPermit, Operation, PasswordExposure, Permit,
};
pub(crate) use permit::{SessionId, permit};
pub use pinning::PinNotAccepted;
pub use ratchet::{Aspect, Downgrade, Protection, ProtectionRecord, UpgradeOffer};
pub use record::AccountRecord;
