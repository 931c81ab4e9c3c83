//! Client and server sessions, joined in memory.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#![expect(
    clippy::disallowed_methods,
    reason = "tests set their clocks by the system's"
)]

mod alpn;
#[cfg(feature = "std-io")]
mod blocking;
mod chains;
mod channel_binding;
mod clear;
mod client_certificates;
mod closing;
mod conversation;
mod dane;
mod deadlines;
mod debug;
mod discovery;
mod faults;
mod floods;
mod guard;
mod hellos;
mod hostile;
mod identity;
mod keys;
mod misuse;
mod pins;
mod policy;
mod raw;
mod received;
#[cfg(feature = "recorder")]
mod recorder;
mod reentrant;
mod remembered;
mod resumption;
mod revocation;
mod server_names;
mod splits;
mod srv_ids;
mod starttls;
#[cfg(any(feature = "std-io", feature = "tokio"))]
mod streams;
mod support;
mod ticket_keys;
#[cfg(feature = "tokio")]
mod tokio;
mod unanswered;
mod verifiers;
mod versions;
mod wire;
mod wrong_port;
