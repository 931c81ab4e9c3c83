//! From an email address to the servers of an account, and to the order in which they are tried
//! (RFC 6186 with RFC 8314 §5.1, RFC 2782, RFC 7673).
//!
//! [`Discovery`] finds the servers and gives a [`Configuration`] to store. DNS is asked by the
//! embedder's resolver, whichever it is: the state machine says what it wants to know and takes the
//! answers with their DNSSEC status. No server that an attacker on the network may have named
//! outside the domain comes out of it before the user has confirmed it.
//!
//! A [`Plan`] says in which order the servers of a configuration are tried, and what follows from
//! the outcome of each attempt.
#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

mod advice;
mod candidates;
mod configuration;
mod dns;
mod lookup;
mod plan;
mod report;
mod select;
mod server;
mod srv;
#[cfg(feature = "serde")]
mod stored;
#[cfg(test)]
mod tests;

pub use advice::Advice;
pub use configuration::{Change, Configuration, ServiceConfiguration};
pub use dns::{Answer, DnsFailure, DnsStatus, Question, RecordType, SrvRecord};
pub use lookup::{Lookup, ServerRecords};
pub use plan::{Attempt, CleartextAttempt, Decision, Plan, Reason, Step, TlsAttempt};
pub use report::{CleartextProposal, CleartextTraffic, ConfirmTarget, Finding, Ignored, Report};
pub use server::{MailServer, Transport};
pub use srv::{Discovery, Found, Outcome, user_identifiers};
