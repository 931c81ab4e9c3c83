//! Who a client is, by its certificate (RFC 8314 §4.2).
//!
//! A server asks clients for certificates only if it can say whom each is good for: an
//! [`IdentityMapping`] is part of the request. What it makes of a verified certificate,
//! [`ServerSession::client_identity`] tells as soon as the session is established, before the
//! server has said anything. Whether that user exists and may come in this way is the server's own
//! decision, which it says by [`accept_client_identity`]; then SASL EXTERNAL has to be offered, and
//! IMAP's `PREAUTH` may be. Without an identity nothing can be accepted.
//!
//! ```
//! # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
//! # let made = rcgen::generate_simple_self_signed(["mail.example.org".to_owned()])?;
//! # let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
//! # let authority = made.cert.pem();
//! use mail_tls::client_identity::{IdentityMapping, IdentityName};
//! use mail_tls::{Certificates, CertifiedChain, Server, Service, TlsMode, TrustAnchors};
//!
//! let chain = CertifiedChain::from_pem(pem.as_bytes(), key.as_bytes())?;
//! let users = TrustAnchors::from_pem(authority.as_bytes())?;
//! let acceptor = Server::builder()
//!     .build()?
//!     .acceptor(Service::Imap, TlsMode::Implicit, Certificates::new(chain))
//!     .request_client_certificates(users, IdentityMapping::mailbox())
//!     .build()?;
//! let session = acceptor.accept()?;
//!
//! // After `Event::Established`:
//! match session.client_identity() {
//!     None => {}                               // no certificate was shown
//!     Some(Ok(identity)) => match identity.name() {
//!         // If a user has this address: session.accept_client_identity()
//!         IdentityName::Mailbox(address) => println!("{address}"),
//!         // What this listener's mapping does not give, lets nobody in.
//!         _ => {}
//!     },
//!     Some(Err(unmapped)) => println!("{unmapped}"),
//! }
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ServerSession::client_identity`]: crate::ServerSession::client_identity
//! [`accept_client_identity`]: crate::ServerSession::accept_client_identity
#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

mod mapping;
mod names;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::name::EmailAddress;
use crate::text::UntrustedText;
use crate::verify::Fingerprint;

pub use mapping::{IdentityMapping, InvalidMapping};

/// Whom a client's verified certificate stands for, by the listener's [`IdentityMapping`].
///
/// It is a claim of the certification authority that the listener trusts, not yet a user: look it up
/// as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    name: IdentityName,
    source: IdentitySource,
    certificate: Fingerprint,
    key: Fingerprint,
}

/// A name by which a certificate is known, and of which kind it is.
///
/// No kind stands for another: an authority may write into a common name what reads as somebody's
/// address, or as the fingerprint of a key. So there is no text that is all of them; match the kinds
/// that the listener's mapping gives, and let in nobody by another.
///
/// Texts hold no control character and nothing that could be mistaken for another text when it is
/// shown. `Display` is for people and logs, and says of which kind the name is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdentityName {
    /// An address, by [`IdentityMapping::mailbox`] or [`IdentityMapping::subject_email`]; which of
    /// both, [`source`](ClientIdentity::source) tells. The domain is in lower-case A-labels. The
    /// local part is compared octet by octet, as only its own server may do otherwise (RFC 5321
    /// §2.4, RFC 9598 §5).
    Mailbox(EmailAddress),
    /// The subject's common name, by [`IdentityMapping::common_name`].
    CommonName(Box<str>),
    /// The user that the mapping's own table has, by [`IdentityMapping::certificates`] or
    /// [`IdentityMapping::keys`].
    User(Box<str>),
    /// The key itself, by [`IdentityMapping::key`]: the fingerprint of its SubjectPublicKeyInfo.
    Key(Fingerprint),
}

/// Where in a certificate an identity was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IdentitySource {
    /// An rfc822Name in the subjectAltName (RFC 5280 §4.2.1.6).
    Rfc822Name,
    /// A SmtpUTF8Mailbox in the subjectAltName: an address with letters beyond ASCII before the `@`
    /// (RFC 9598 §3).
    SmtpUtf8Mailbox,
    /// The emailAddress attribute of the subject, which RFC 5280 §4.1.2.6 calls legacy.
    SubjectEmail,
    /// The common name of the subject.
    CommonName,
    /// The table of certificates in the mapping.
    CertificateTable,
    /// The table of keys in the mapping.
    KeyTable,
    /// The key itself.
    Key,
}

/// Why a verified certificate stands for nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unmapped {
    /// There is nothing in it by which the listener maps certificates.
    #[error(
        "the client's certificate holds nothing by which this listener knows its users: issue one \
         with the user's address, or add the mapping that it needs"
    )]
    NoName,
    /// It stands for several users, and none of them was chosen.
    #[error(
        "the client's certificate stands for \"{first}\" and for \"{second}\": issue one for each"
    )]
    Ambiguous {
        /// The first name.
        first: UntrustedText,
        /// Another one.
        second: UntrustedText,
    },
    /// A name by which it would be mapped is not well-formed; it is not looked for another one.
    #[error("{place} \"{text}\" in the client's certificate cannot be used: issue another one")]
    Malformed {
        /// Where the name stands.
        place: IdentitySource,
        /// The name.
        text: UntrustedText,
    },
    /// An authority on the path, or a trust anchor of the listener, may vouch for some names only,
    /// and that limit is not one that can be applied to where this name stands (RFC 9598 §6).
    #[error(
        "{place} in the client's certificate cannot be held against the name constraints of its \
         authority: use an rfc822Name, or an authority without constraints"
    )]
    Constrained {
        /// Where the name stands.
        place: IdentitySource,
    },
    /// Its names cannot be read.
    #[error("the names in the client's certificate cannot be read: issue another one")]
    Unreadable,
}

impl Unmapped {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoName => "client-name-missing",
            Self::Ambiguous { .. } => "client-name-ambiguous",
            Self::Malformed { .. } => "client-name-malformed",
            Self::Constrained { .. } => "client-name-constrained",
            Self::Unreadable => "client-names-unreadable",
        }
    }
}

impl ClientIdentity {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &IdentityName {
        &self.name
    }

    /// Where it was found.
    #[must_use]
    pub fn source(&self) -> IdentitySource {
        self.source
    }

    /// The fingerprint of the certificate, for logs and for a list of those that are let in.
    #[must_use]
    pub fn certificate_fingerprint(&self) -> Fingerprint {
        self.certificate
    }

    /// The fingerprint of the certificate's SubjectPublicKeyInfo, which stays the same when the
    /// certificate is renewed with the same key.
    #[must_use]
    pub fn key_fingerprint(&self) -> Fingerprint {
        self.key
    }
}

/// The name alone.
impl fmt::Display for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// No two kinds look the same: an address never begins with an article and a blank.
impl fmt::Display for IdentityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(address) => address.fmt(f),
            Self::CommonName(name) => write!(f, "the common name \"{name}\""),
            Self::User(user) => write!(f, "the user \"{user}\""),
            Self::Key(fingerprint) => write!(f, "the key {fingerprint}"),
        }
    }
}

impl fmt::Display for IdentitySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rfc822Name => "the rfc822Name",
            Self::SmtpUtf8Mailbox => "the SmtpUTF8Mailbox",
            Self::SubjectEmail => "the subject's email address",
            Self::CommonName => "the common name",
            Self::CertificateTable => "the entry for the certificate",
            Self::KeyTable => "the entry for the key",
            Self::Key => "the key",
        })
    }
}
