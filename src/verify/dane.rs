//! DANE: a server's certificate by what the domain's owner has published in DNS (RFC 6698,
//! RFC 7671; for services found through SRV records RFC 7673).
//!
//! The embedder asks DNS for [`TlsaName`] and states what came of it, with its DNSSEC status, as a
//! [`TlsaLookup`]. A [`DanePolicy`] decides what that means: a [`Dane`], which
//! [`Client::connector_with_dane`](crate::Client::connector_with_dane) and
//! [`Requirements::with_dane`](crate::verify::Requirements::with_dane) take, or a [`DaneRefusal`]:
//! a lookup that failed is not an absent record.
//!
//! ```
//! # #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))] {
//! use std::time::{Duration, SystemTime};
//!
//! use mail_tls::dane::{DanePolicy, TlsaLookup, TlsaName, TlsaRecord};
//! use mail_tls::{Account, Client, Endpoint, Service, TlsMode};
//! use rustls::pki_types::UnixTime;
//!
//! let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
//! let name = TlsaName::of_endpoint(&endpoint).expect("a host name");
//! assert_eq!(name.to_string(), "_993._tcp.imap.example.org"); // to be looked up
//! let rdata = [&[3, 1, 1][..], &[0xAB; 32]].concat(); // what a validating resolver answers
//!
//! let lookup = TlsaLookup::validated_over_trusted_path(
//!     name,
//!     [TlsaRecord::from_rdata(&rdata)?],
//!     UnixTime::now(),
//!     Duration::from_secs(3600),
//! )?;
//! let dane = DanePolicy::default().decide(&lookup)?;
//! let client = Client::builder().build()?;
//! let connector = client.connector_with_dane(&Account::configured(), endpoint, &dane)?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Records that DNSSEC protects and that can be used decide alone: a server that matches none of
//! them is refused, whether or not a public authority vouches for it, and one that matches is
//! accepted whatever such authorities say (RFC 6698 §4.1, RFC 7673 §4.2). With DANE-EE neither
//! names nor dates nor the path count (RFC 7671 §5.1); with DANE-TA the published authority is the
//! only trust anchor, and the rest is as ever (RFC 7671 §5.2). Revocation lists are not asked, as
//! a record that is no longer published is a revoked one (RFC 9325 §7.5). In every case the
//! handshake proves that the server holds the certificate's key.

mod anchor;
mod chain;
mod check;
mod constraint;
mod decision;
mod policy;
mod record;
mod report;
mod set;
#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests;

pub(in crate::verify) use anchor::AnchoredPath;
pub(in crate::verify) use check::{EndEntityMatch, evaluate};
pub use decision::{Dane, DaneNotApplied, DaneRefusal};
pub use policy::{DanePolicy, DaneUsages, DigestAlgorithm, TlsaDigest, UnusableTlsa};
pub(crate) use record::Cut;
pub use record::{InvalidTlsaRecord, TlsaField, TlsaMatching, TlsaRecord, TlsaSelector, TlsaUsage};
pub use report::{DaneReport, TlsaFate, TlsaNearMiss};
pub use set::{TlsaLookup, TlsaName, TlsaSet, TlsaSetTooLarge};
