//! One connection's state machine, on either side.

mod api;
mod client;
mod event;
mod info;
mod machine;
mod preface;
mod server;
mod state;

pub use client::ClientSession;
pub use event::{EndOfInput, Event};
pub use info::{Negotiated, SessionInfo};
pub(crate) use preface::client_excerpt;
pub use server::{ExternalOffer, HelloAnswer, ServerSession};
