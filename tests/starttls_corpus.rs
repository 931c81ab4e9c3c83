//! The corpus in `tests/starttls`, run against this crate; its format is in the `README.md` there.
//!
//! Every script runs in one piece and byte by byte, and no script makes a client say anything but
//! the capability question, the command and TLS.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]

#[path = "starttls/client.rs"]
mod client;
#[path = "starttls/format.rs"]
mod format;
#[path = "starttls/server.rs"]
mod server;
#[path = "starttls/world.rs"]
mod world;
