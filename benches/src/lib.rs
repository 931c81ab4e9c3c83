//! Contestants and a stopwatch for the benches of mail-tls.
//!
//! Each comparison runs its contestants in turn within one process, round by round, and reports the
//! median and the quartiles of the ratios within a round: what else the machine does meets all of
//! them alike. Nobody is handicapped: the same provider of cryptography, suites, groups, chain,
//! verification, number of tickets and reuse of buffers.
//!
//! * `contest.rs`: rounds, ratios and the table; `meter.rs`: what is measured of a handshake
//! * `pki.rs`: the certificates
//! * `ours.rs`, `bare.rs`, `mixed.rs`, `duplex.rs`, `system.rs`, `aead.rs`: mail-tls, rustls' buffered
//!   API used with care, one side of each, tokio-rustls over an in-memory duplex, the system's OpenSSL,
//!   and the cipher alone
#![expect(
    clippy::disallowed_methods,
    reason = "a stopwatch reads the clock of the machine"
)]

pub mod aead;
pub mod bare;
pub mod contest;
pub mod duplex;
pub mod meter;
pub mod mixed;
pub mod ours;
pub mod pki;
#[cfg(feature = "openssl")]
pub mod system;
