//! The offer to pin a certificate, and the warning that goes with it.

use std::fmt;
use std::sync::Arc;

use pki_types::CertificateDer;

use super::{Fingerprint, Pin, PinCause, PinnedPart, Place, Presented};
use crate::name::Host;
use crate::service::Service;

/// The offer to bind a certificate to a server of an account that is being set up
/// (RFC 8314 §5.4). From [`CertificateRejection::pin_offer`](crate::CertificateRejection), and from
/// nowhere else.
///
/// It is for a user who knows better than the world's authorities, such as one who runs the server.
/// Urge them to stop first, show the whole [`chain`](Self::chain) and the
/// [`certificate`](Self::certificate)'s fingerprint to be compared with what the operator says
/// (RFC 6125 §6.6.4), and only then the [`warning`](Self::warning).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinOffer(Arc<Offer>);

#[derive(Debug, PartialEq, Eq)]
struct Offer {
    place: Place,
    chain: Vec<CertificateDer<'static>>,
    certificate: Fingerprint,
    key: Fingerprint,
    causes: Vec<PinCause>,
}

/// What a pin costs. From [`PinOffer::warning`]; acknowledged, it goes to
/// [`Account::accept_pin`](crate::Account::accept_pin).
#[derive(Debug)]
pub struct PinWarning(PinOffer);

impl PinOffer {
    pub(super) fn new(
        place: Place,
        chain: Vec<CertificateDer<'static>>,
        presented: Presented,
        causes: Vec<PinCause>,
    ) -> Self {
        Self(Arc::new(Offer {
            place,
            chain,
            certificate: presented.certificate,
            key: presented.key,
            causes,
        }))
    }

    /// The host that it is for.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.0.place.host
    }

    /// The port that it is for.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.place.port
    }

    /// The service that it is for.
    #[must_use]
    pub fn service(&self) -> Service {
        self.0.place.service
    }

    /// What the server sent, its own certificate first.
    #[must_use]
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0.chain
    }

    /// The SHA-256 of the server's certificate.
    #[must_use]
    pub fn certificate(&self) -> Fingerprint {
        self.0.certificate
    }

    /// The SHA-256 of its key.
    #[must_use]
    pub fn key(&self) -> Fingerprint {
        self.0.key
    }

    /// Why it was refused: there is at least one cause, and no other than these.
    #[must_use]
    pub fn causes(&self) -> &[PinCause] {
        &self.0.causes
    }

    /// The warning to show.
    #[must_use]
    pub fn warning(&self) -> PinWarning {
        PinWarning(self.clone())
    }
}

impl PinWarning {
    /// What it warns of.
    #[must_use]
    pub const fn offer(&self) -> &PinOffer {
        &self.0
    }

    pub(crate) fn place(&self) -> &Place {
        &self.0.0.place
    }

    /// Whoever has the acknowledged warning may make the pin.
    pub(crate) fn pin(&self, part: PinnedPart) -> Pin {
        let offer = &self.0.0;
        Pin::new(offer.place.clone(), part, offer.certificate, offer.key)
    }
}

impl fmt::Display for PinWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offer = &self.0;
        write!(
            f,
            "The certificate of {} cannot be verified: ",
            offer.host()
        )?;
        for (index, cause) in offer.causes().iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", and " })?;
            cause.fmt(f)?;
        }
        write!(
            f,
            ". If somebody is in between, they will have your password and your messages, now and \
             as long as you trust this certificate. Do not go on unless the operator of the server \
             has told you this fingerprint: {}",
            offer.certificate()
        )
    }
}
