//! Discovery with a real resolver and a real name server, and from there to a real Dovecot.
//!
//! Every test is ignored by default because it needs programs that `.ci/run prepare` installs;
//! `.ci/run interop` runs them all. What starts and ends programs, and speaks with them, is that of
//! the crate's own `tests/interop`.
//!
//! * `knot.rs`: the name server, with a root, signed, unsigned and bogus zones
//! * `world.rs`: the zones of these tests
//! * `statuses.rs`: each question with its answer and its DNSSEC status
//! * `to_dovecot.rs`: from a mail address to a login, and to nowhere
//! * `program.rs`: what the example prints
//! * `setup.rs`: the example `account_setup`
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
#[path = "../../../../tests/interop/driver.rs"]
mod driver;
#[expect(dead_code, reason = "what other tests need of it")]
#[path = "../../../../tests/interop/our_client.rs"]
mod our_client;
#[expect(dead_code, reason = "what other tests need of it")]
#[path = "../../../../tests/interop/process.rs"]
mod process;

mod knot;
mod program;
mod setup;
mod statuses;
mod to_dovecot;
mod world;

/// The one version of TLS that a server is told to speak.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Tls {
    V12,
    V13,
}

impl Tls {
    pub(crate) const BOTH: [Self; 2] = [Self::V12, Self::V13];

    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        }
    }
}
