//! The only folder that names rustls' connection and verifier types.

mod alerts;
mod buffers;
mod channel_binding;
mod client_certificate;
mod client_config;
mod engine;
mod fault;
mod foreign;
mod hello;
mod inlet;
mod negotiated;
mod provider;
mod remembered;
mod scope;
mod sentences;
mod server_config;
mod server_names;
mod tickets;
mod time;
mod verifier;
mod words;

pub use client_certificate::{ClientCertificateUse, ShownValidity};
pub(crate) use client_config::{ClientEngineFactory, ClientParts};
pub(crate) use engine::{Engine, HelloOutcome, Progress};
pub(crate) use fault::FaultContext;
pub use foreign::RustlsVerifier;
pub use hello::ClientHello;
pub(crate) use provider::Provider;
pub use provider::TlsVersions;
pub(crate) use server_config::{ServerEngineFactory, ServerParts};
pub(crate) use words::of_local;
