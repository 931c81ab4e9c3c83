//! One connection's state machine, on either side.

mod api;
mod client;
mod event;
mod info;
mod machine;
mod preface;
mod queue;
mod role;
mod server;
mod state;
mod verbs;

pub use client::ClientSession;
pub use event::{EndOfInput, Event};
pub use info::{Negotiated, SessionInfo};
pub(crate) use preface::client_excerpt;
#[cfg(feature = "recorder")]
pub(crate) use preface::client_noise_shown;
pub(crate) use server::GuardId;
pub use server::{ExternalOffer, HelloAnswer, ServerSession};
pub use verbs::Session;
#[cfg(feature = "recorder")]
pub(crate) use verbs::sealed::Driven;
