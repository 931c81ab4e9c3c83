//! Client and server sessions, joined in memory.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#![expect(
    clippy::disallowed_methods,
    reason = "tests set their clocks by the system's"
)]

mod conversation;
mod remembered;
mod starttls;
mod support;
