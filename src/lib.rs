//! TLS for email programs, as RFC 8314 ("Cleartext Considered Obsolete") asks for it: for mail
//! clients, submission, IMAP, POP3 and ManageSieve servers, and the proxies between them.
//!
//! `mail-tls` decides whether a mail program may speak on a connection, and carries the bytes. It
//! is a library without I/O: bytes go in, bytes and events come out, on the caller's thread, when
//! the caller asks. It opens no socket, spawns nothing, asks no DNS and calls nobody back; the time
//! comes from a [`Clock`]. TLS itself is [rustls]' work, versions 1.2 and 1.3.
//!
//! [rustls]: https://docs.rs/rustls
//!
//! # A client
//!
//! A [`Client`] holds what the whole program shares, an [`Account`] what one account requires, an
//! [`Endpoint`] where it connects to. A [`Connector`], made of the three once and kept, begins
//! sessions. The loop is the same for every session:
//!
//! ```no_run
//! # #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::io::{Read, Write};
//!
//! use bytes::BytesMut;
//! use mail_tls::{Account, Client, Endpoint, Event, Service, TlsMode};
//!
//! let client = Client::builder().build()?;
//! let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
//! let connector = client.connector(&Account::configured(), endpoint)?;
//!
//! let mut socket = std::net::TcpStream::connect(("imap.example.org", 993))?;
//! let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
//! let mut session = connector.connect(&mut outgoing)?;
//! let mut chunk = vec![0; 64 * 1024];
//! loop {
//!     let result = loop {
//!         match session.process(&mut incoming, &mut outgoing) {
//!             Ok(Some(Event::Data(data))) => print!("{}", String::from_utf8_lossy(data)),
//!             Ok(Some(Event::PeerClosed)) => return Ok(()),
//!             Ok(Some(_)) => {} // Event::Established: the server greets first
//!             Ok(None) => break Ok(()),
//!             Err(error) => break Err(error),
//!         }
//!     };
//!     socket.write_all(&outgoing)?; // also after an error: the alert is in it
//!     outgoing.clear();
//!     result?;
//!     match socket.read(&mut chunk)? {
//!         0 if session.end_of_input().is_clean() => return Ok(()),
//!         0 if session.is_established() => return Err("the connection was cut".into()),
//!         n => incoming.extend_from_slice(&chunk[..n]), // after 0 `process` says what happened
//!     }
//! }
//! # }
//! # #[cfg(not(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring"))))]
//! # fn main() {}
//! ```
//!
//! A program that blocks has the same from `blocking::Stream` (feature `std-io`) in fewer lines.
//!
//! [`session.send`](ClientSession::send) encrypts into `outgoing`,
//! [`session.close`](ClientSession::close) says goodbye there. A program that waits with a timeout
//! takes it from [`deadline`](ClientSession::deadline).
//!
//! # A server
//!
//! A [`Server`] holds what all listeners share, an [`Acceptor`] is one listener with its
//! [`Certificates`]. Its sessions have the same verbs and the same loop.
//!
//! ```no_run
//! # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use mail_tls::{Certificates, CertifiedChain, Server, Service, TlsMode};
//!
//! let chain = CertifiedChain::from_pem(&std::fs::read("mail.pem")?, &std::fs::read("mail.key")?)?;
//! let acceptor = Server::builder()
//!     .build()?
//!     .acceptor(Service::Submission, TlsMode::Implicit, Certificates::new(chain))
//!     .build()?;
//! for socket in std::net::TcpListener::bind(("::", 465))?.incoming() {
//!     let (socket, session) = (socket?, acceptor.accept()?);
//!     // the loop from above, with `session.send(b"220 …")` after `Event::Established`
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
//! # fn main() {}
//! ```
//!
//! # What it promises
//!
//! * No application byte passes in either direction before [`Event::Established`], and that needs
//!   the verdict on the peer, for a resumed session too.
//! * There is no session without TLS, no way to go on after a certificate was rejected, no TLS
//!   below 1.2, no early data, no renegotiation, no compression.
//! * Every failure is an [`Error`] that says who is at fault, in one sentence, with its data in
//!   fields; the alert that tells the peer is in `outgoing`.
//! * A truncated connection is never taken for a closed one: [`EndOfInput`].
//! * Nothing panics, whatever comes; everything from outside has a bound in [`limits`].
//!
//! # The rest of the house
//!
//! * [`discovery`]: which servers a mail domain has, and in which order to try them.
//! * [`identity`], [`verify`], [`dane`]: who a server is, and why.
//! * [`Account`], [`MinimumConfidentiality`], [`Indicator`]: what an account requires, and what its
//!   user may be shown.
//! * [`StartTlsGuard`], [`admission`], [`client_identity`]: what a server lets happen, when, and for
//!   whom.
//! * [`ticket_keys`]: sessions that are resumed on another machine.
//! * [`received`], [`channel_binding`], [`sasl_external`]: what else a mail program says about TLS.
//! * [`audit`]: whether one's own certificates, servers and DNS records are fit for one's domains.
//!
//! The [manual](https://docs.rs/mail-tls/latest/mail_tls/manual/), a module of its own where docs are made of all
//! features, has a chapter on each task, and the errors with what to tell a user.
//!
//! # Features
//!
//! | feature | default | |
//! |---|---|---|
//! | `aws-lc-rs` | yes | the provider of cryptography, with post-quantum key exchange |
//! | `ring` | no | the other one; taken where `aws-lc-rs` is off |
//! | `webpki-roots` | yes | Mozilla's root certificates as default trust anchors |
//! | `idna` | no | host names and addresses typed in Unicode |
//! | `recorder` | no | for debugging: recordings of sessions that replay offline |
//! | `serde` | no | stored forms: accounts, what [discovery] has found, pins |
//! | `std-io` | no | `blocking::Stream`: a session over any `Read + Write`, itself `Read + Write` |
//! | `tokio` | no | `tokio::Stream`: the same over `AsyncRead + AsyncWrite` |
//!
//! Without a provider feature pass any [`CryptoProvider`](rustls::crypto::CryptoProvider) to
//! [`ClientBuilder::crypto_provider`] and [`ServerBuilder::crypto_provider`]. A process-wide
//! default provider is never used.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![warn(
    missing_debug_implementations,
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    clippy::as_conversions
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod acceptor;
mod alert;
pub mod audit;
#[cfg(feature = "std-io")]
pub mod blocking;
#[cfg(test)]
mod catalogue;
mod certificate;
mod certificates;
pub mod channel_binding;
mod client;
pub mod client_identity;
mod clock;
mod connector;
mod der;
pub mod discovery;
mod distinguished_name;
mod endpoint;
pub mod error;
pub mod identity;
pub mod limits;
// Text alone, whose examples use every feature: it is there where docs are made of all of them.
#[cfg(all(
    any(doc, doctest),
    feature = "aws-lc-rs",
    feature = "ring",
    feature = "webpki-roots",
    feature = "idna",
    feature = "recorder",
    feature = "serde",
    feature = "std-io",
    feature = "tokio"
))]
pub mod manual;
mod name;
mod policy;
pub mod received;
#[cfg(feature = "recorder")]
pub mod recorder;
mod registry;
pub mod sasl_external;
mod server;
mod service;
mod session;
mod starttls;
#[cfg(feature = "serde")]
mod stored;
#[cfg(any(feature = "std-io", feature = "tokio"))]
pub mod stream;
mod tag;
#[cfg(test)]
#[cfg_attr(
    not(any(feature = "aws-lc-rs", feature = "ring")),
    expect(dead_code, reason = "verdicts need a provider")
)]
mod testing;
mod text;
pub mod ticket_keys;
mod tls;
#[cfg(feature = "tokio")]
pub mod tokio;
pub mod verify;

pub use acceptor::{Acceptor, AcceptorBuilder, ServerAlpn};
pub use alert::Alert;
pub use certificates::{Certificates, CertifiedChain, UnknownName};
pub use channel_binding::{ChannelBinding, ChannelBindingError, ChannelBindingType};
pub use client::{Client, ClientBuilder};
pub use clock::Clock;
pub use connector::Connector;
pub use endpoint::{ClientAlpn, Endpoint, Sni};
pub use error::{ApiMisuse, ConfigError, Error, PolicyRefusal, ProtocolError};
pub use identity::{IdentityPolicy, Provenance};
pub use limits::Limits;
pub use name::{EmailAddress, Host, HostName, InvalidEmailAddress, InvalidName};
/// Whom a server lets log in, decided before it looks at any password (RFC 8314 §4.1).
pub use policy::server as admission;
pub use policy::{
    Account, AccountRecord, Acknowledged, Aspect, AttemptOutcome, CleartextCredentialPermit,
    Confidentiality, CredentialPermit, Downgrade, Indicator, MinimumConfidentiality, Operation,
    PasswordExposure, Permit, Phase, PinNotAccepted, Protection, ProtectionRecord,
    ReducedConfidentiality, Unmet, UpgradeOffer, Warning,
};
pub use received::TlsClause;
pub use registry::{CipherSuite, NamedGroup, Recommendation};
pub use server::{Server, ServerBuilder};
pub use service::{AfterTls, ServerAfterTls, Service, TlsMode};
pub use session::{
    ClientSession, EndOfInput, Event, ExternalOffer, HelloAnswer, Negotiated, ServerSession,
    Session, SessionInfo,
};
pub use starttls::{
    CapabilityFilter, CommandVerdict, MustForget, PlaintextPolicy, ServerReply, Situation,
    StartTlsGuard, StartTlsStrategy, Upgrade,
};
pub use text::UntrustedText;
pub use tls::{ClientCertificateUse, ClientHello, RustlsVerifier, ShownValidity, TlsVersions};
pub use verify::{
    CertificateRejection, Pin, PinOffer, PinWarning, Revocation, RevocationLists, RevocationPolicy,
    TrustAnchors, Verification, dane,
};

/// The README's code, compiled.
#[cfg(all(
    doctest,
    feature = "std-io",
    feature = "webpki-roots",
    any(feature = "aws-lc-rs", feature = "ring")
))]
#[doc = include_str!("../README.md")]
mod readme {}

/// The program that somebody came to, compiled.
#[cfg(all(
    doctest,
    feature = "std-io",
    feature = "webpki-roots",
    any(feature = "aws-lc-rs", feature = "ring")
))]
#[doc = include_str!("../docs/first-program.md")]
mod first_program {}
