//! What an audit measures by.

use std::time::Duration;

use rustls::crypto::WebPkiSupportedAlgorithms;

use crate::verify::TrustAnchors;

/// What an audit measures by: the authorities that the users' programs trust, and when something
/// counts as soon or long.
#[derive(Debug, Clone)]
pub struct AuditPolicy {
    pub(super) anchors: TrustAnchors,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    expiry: Duration,
    pub(super) tlsa_ttl: Duration,
    pub(super) signatures: Duration,
}

impl AuditPolicy {
    /// With the users' trust anchors and a provider's
    /// [`signature_verification_algorithms`](rustls::crypto::CryptoProvider::signature_verification_algorithms).
    #[must_use]
    pub const fn new(anchors: TrustAnchors, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self {
            anchors,
            algorithms,
            expiry: Duration::from_secs(21 * 24 * 60 * 60),
            tlsa_ttl: Duration::from_secs(4 * 60 * 60),
            signatures: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }

    /// How long before its end a certificate counts as expiring. Default: 21 days, and never more
    /// than the last third of a certificate's life, so that a short-lived one is not always late.
    #[must_use]
    pub fn with_expiry_warning(self, before: Duration) -> Self {
        Self {
            expiry: before,
            ..self
        }
    }

    /// The longest time to live of TLSA records that is not reported (RFC 7671 §13): for as long
    /// clients are locked out after an unplanned change of keys. Default: four hours.
    #[must_use]
    pub fn with_longest_tlsa_ttl(self, ttl: Duration) -> Self {
        Self {
            tlsa_ttl: ttl,
            ..self
        }
    }

    /// The longest validity of the DNSSEC signatures of TLSA records that is not reported
    /// (RFC 7671 §13). Default: 30 days.
    #[must_use]
    pub fn with_longest_signatures(self, validity: Duration) -> Self {
        Self {
            signatures: validity,
            ..self
        }
    }

    /// When a certificate of this life counts as expiring, counted from its end.
    pub(super) fn expiry_of(&self, life: Duration) -> Duration {
        self.expiry.min(life / 3)
    }
}
