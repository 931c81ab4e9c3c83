//! Pinned certificates (RFC 8314 §5.4, RFC 6125 §6.6.2).
//!
//! A pin is the user's word, given while the account was set up, that one certificate belongs to
//! one server, although nobody vouches for it. It is looked at only after ordinary verification has
//! failed, only for the account, host, port and service that it was made for, and only where the
//! account's minimum of confidentiality was lowered: a pinned connection never meets it.
//!
//! What a pin can stand in for is what RFC 8314 §5.4 names: an expired certificate, a chain that
//! leads nowhere, no matching name. It never stands in for anything else, and the signature of the
//! handshake, which proves that the peer holds the key, is verified as ever.

use std::fmt;

use pki_types::CertificateDer;

use crate::certificate::Certificate;
use crate::name::{EmailAddress, Host, HostName};
use crate::service::Service;

mod cause;
mod fingerprint;
mod judgement;
mod offer;
#[cfg(test)]
mod tests;
mod text;

pub use cause::PinCause;
pub use fingerprint::{Fingerprint, InvalidFingerprint};
pub(crate) use judgement::Pinning;
pub use offer::{PinOffer, PinWarning};
pub use text::InvalidPin;

/// A certificate, or its key, that a user has bound to one server of one account.
///
/// It comes from [`Account::accept_pin`](crate::Account::accept_pin). Its text form is one line, to
/// be kept with the account's settings and given back by [`Account::restore_pin`]:
///
/// ```text
/// pin1 certificate imap 993 127.0.0.1 - sha256:5c1a… sha256:09f3… ann@example.org
/// ```
///
/// [`Account::restore_pin`]: crate::Account::restore_pin
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pin {
    pub(super) place: Place,
    part: PinnedPart,
    certificate: Fingerprint,
    key: Fingerprint,
}

/// What a pin holds on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum PinnedPart {
    /// The whole certificate: any other is refused.
    #[default]
    Certificate,
    /// The key alone, by the user's explicit choice: a certificate that is renewed with the same
    /// key is accepted, whoever else may have the key.
    Key,
}

/// Where a pin is good, and nowhere else (RFC 8314 §5.4, RFC 6125 §7.1).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) account: EmailAddress,
    pub(crate) host: Host,
    pub(crate) port: u16,
    pub(crate) service: Service,
    /// The domain whose service it is, where one was given.
    pub(crate) service_domain: Option<HostName>,
}

impl Pin {
    pub(super) const fn new(
        place: Place,
        part: PinnedPart,
        certificate: Fingerprint,
        key: Fingerprint,
    ) -> Self {
        Self {
            place,
            part,
            certificate,
            key,
        }
    }

    /// The account's address.
    #[must_use]
    pub const fn account(&self) -> &EmailAddress {
        &self.place.account
    }

    /// The host.
    #[must_use]
    pub const fn host(&self) -> &Host {
        &self.place.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.place.port
    }

    /// The service.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.place.service
    }

    /// The [service domain](crate::Endpoint::with_service_domain) of the endpoint, where it had one.
    #[must_use]
    pub const fn service_domain(&self) -> Option<&HostName> {
        self.place.service_domain.as_ref()
    }

    /// What it holds on to.
    #[must_use]
    pub const fn part(&self) -> PinnedPart {
        self.part
    }

    /// The SHA-256 of the certificate that the user saw.
    #[must_use]
    pub const fn certificate(&self) -> Fingerprint {
        self.certificate
    }

    /// The SHA-256 of its key (the SubjectPublicKeyInfo).
    #[must_use]
    pub const fn key(&self) -> Fingerprint {
        self.key
    }

    pub(crate) fn is_at(&self, place: &Place) -> bool {
        self.place == *place
    }

    /// Whether this is the pinned certificate, or one with the pinned key.
    fn holds(&self, presented: &Presented) -> bool {
        match self.part {
            PinnedPart::Certificate => self.certificate == presented.certificate,
            PinnedPart::Key => self.key == presented.key,
        }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

/// What the peer presented.
#[derive(Debug, Clone, Copy)]
struct Presented {
    certificate: Fingerprint,
    key: Fingerprint,
}

impl Presented {
    fn new(der: &CertificateDer<'_>, certificate: &Certificate<'_>) -> Self {
        Self {
            certificate: Fingerprint::of_certificate(der),
            key: Fingerprint::of(certificate.public_key_der),
        }
    }
}
