//! Interoperability with real programs, each on free loopback ports with its own configuration.
//!
//! Every test is ignored by default because it needs programs that `.ci/run prepare` installs;
//! `.ci/run interop` runs them all. Nothing outlives its test: see `process.rs`.
//!
//! * `certificates.rs`: an authority and its certificates, good and bad ones, as files
//! * `process.rs`: ports, temporary directories, servers that end with their handle, programs that
//!   run to their end, all bounded in time
//! * `dovecot.rs`, `postfix.rs`, `exim.rs`: the mail servers
//! * `tls_servers.rs`: `openssl s_server`, `gnutls-serv`, Python, and peers that misbehave
//! * `clients.rs`: `openssl s_client`, `gnutls-cli`, curl, Python's mail libraries, pyOpenSSL
//! * `driver.rs`: a blocking connection of this library's, for both sides
//! * `our_client.rs`, and with it `client_mail.rs` (whole conversations with the mail servers),
//!   `client_tls.rs` (keys, groups, tickets, endings), `client_certificates.rs`,
//!   `client_refuses.rs` (what must not be gone on with)
//! * `dane.rs`: DANE over sockets, with OpenSSL's opinion on the same records
//! * `identities.rs`: servers that are known by a service of a domain, or by a pin
//! * `opinions.rs`: what OpenSSL's and GnuTLS' tools say of the same certificates
//! * `our_server.rs`, and with it `server_clients.rs` (whole conversations), `server_choices.rs`
//!   (names, ALPN, answers, ACME, tickets), `server_refuses.rs`
//! * `starttls_server.rs`: our server behind its guard on ports for STARTTLS; `starttls_mitm.rs`: a man
//!   in the middle, between our client and the mail servers, and between a client and our server
//! * `quickstart.rs`, `explain.rs`, `submission.rs`, `audit.rs`, `client_examples.rs`,
//!   `server_examples.rs`, `ecosystem.rs`: the examples, as programs; `examples.rs` builds most of
//!   them
//! * `attacker.rs`: tlslite-ng that misbehaves on either side
//! * `channel_binding.rs`: what both ends of one connection export
//! * `gsasl.rs`, `scramp.rs`: GNU SASL's client and Python's `scramp` authenticate with
//!   SCRAM-SHA-256-PLUS, bound to our server's channel; `scram_server.rs` is that server, `scram.rs`
//!   the mechanism's other side
//! * `external.rs`: SASL EXTERNAL, by which Dovecot and Exim know our client's user
//! * `preauth.rs`: a client's certificate, and the states in which Python's libraries are with it
//! * `recorder.rs`: sessions with Dovecot, recorded and replayed
//! * `received.rs`: Received fields under another parser, and OpenSSL's names of suites
//! * `peers_start.rs`: each of these programs against another of them, without this library, so
//!   that a failure elsewhere is not the harness's
#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "real peers need real sockets and real time"
)]

mod attacker;
mod audit;
mod certificates;
mod channel_binding;
mod client_certificates;
mod client_examples;
mod client_mail;
mod client_refuses;
mod client_tls;
mod clients;
mod dane;
#[cfg_attr(
    not(feature = "recorder"),
    expect(dead_code, reason = "recordings alone need sessions that are resumed")
)]
mod dovecot;
mod driver;
mod ecosystem;
mod examples;
mod exim;
mod explain;
mod external;
mod gsasl;
mod identities;
mod opinions;
mod our_client;
mod our_server;
mod peers_start;
mod postfix;
mod preauth;
mod process;
mod quickstart;
mod received;
#[cfg(feature = "recorder")]
mod recorder;
mod scram;
mod scram_server;
mod scramp;
mod server_choices;
mod server_clients;
mod server_examples;
mod server_refuses;
mod starttls_mitm;
mod starttls_server;
mod submission;
mod tls_servers;

/// The one version of TLS that a peer is told to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    V12,
    V13,
}

impl Tls {
    pub(crate) const BOTH: [Self; 2] = [Self::V12, Self::V13];

    /// `1.2` or `1.3`.
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::V12 => "1.2",
            Self::V13 => "1.3",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::V12 => Self::V13,
            Self::V13 => Self::V12,
        }
    }

    /// GnuTLS' priority string; Exim takes it too.
    pub(crate) fn gnutls_priority(self) -> String {
        format!("NORMAL:-VERS-ALL:+VERS-TLS{}", self.number())
    }
}
