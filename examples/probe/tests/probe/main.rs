//! The probe as a program, at real servers that are as they should be or have one fault, and at
//! some that do what real ones do not.
//!
//! Every test that needs programs which `.ci/run prepare` installs is ignored by default;
//! `.ci/run interop` runs them all. What starts and ends programs is that of the crate's own
//! `tests/interop` and of `examples/discover`.
//!
//! * `world.rs`: runs the probe, and reads what it says
//! * `healthy.rs`: sites where nothing is wrong
//! * `faults.rs`: real servers with one fault each
//! * `oddities.rs`: servers that hang, hang up, refuse, or carry out what was smuggled in
#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "real peers need real sockets and real time"
)]

#[expect(dead_code, reason = "what other tests need of it")]
#[path = "../../../../tests/interop/certificates.rs"]
mod certificates;
#[expect(dead_code, reason = "what other tests need of it")]
#[path = "../../../../tests/interop/dovecot.rs"]
mod dovecot;
#[expect(dead_code, reason = "what other tests need of it")]
#[path = "../../../discover/tests/resolver/knot.rs"]
mod knot;
#[expect(dead_code, reason = "what other tests need of it")]
#[path = "../../../../tests/interop/postfix.rs"]
mod postfix;
#[expect(dead_code, reason = "what other tests need of it")]
#[path = "../../../../tests/interop/process.rs"]
mod process;

mod faults;
mod healthy;
mod oddities;
mod world;

/// The one version of TLS that a server is told to speak.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tls {
    V13,
}

impl Tls {
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::V13 => "1.3",
        }
    }
}
