//! What a pin makes of a rejection.

use crate::certificate::Certificate;
use crate::verify::{CertificateRejection, CheckFailure, Evidence, Verification};

use super::cause::causes;
use super::{Pin, PinOffer, PinnedPart, Place, Presented};

/// The pins of one connector, and whether others may be offered.
#[derive(Debug, Clone)]
pub(crate) struct Pinning {
    /// Those that are good at the place.
    pins: Vec<Pin>,
    /// The place, while the account is being set up.
    offered_at: Option<Place>,
}

impl Pinning {
    pub(crate) const fn new(pins: Vec<Pin>, offered_at: Option<Place>) -> Self {
        Self { pins, offered_at }
    }

    /// Looks at a certificate that ordinary verification has refused (RFC 6125 §6.6.2).
    pub(crate) fn reconsider(
        &self,
        rejection: CertificateRejection,
        evidence: &Evidence<'_>,
    ) -> Result<Verification, CertificateRejection> {
        let Some(der) = evidence.end_entity() else {
            return Err(rejection);
        };
        let Ok(leaf) = Certificate::parse(der) else {
            return Err(rejection);
        };
        let presented = Presented::new(der, &leaf);
        let causes = causes(&rejection, &leaf);
        let pin = self.pins.iter().find(|pin| pin.holds(&presented));
        if let (Some(pin), Some(_)) = (pin, &causes) {
            return Ok(Verification::pinned(pin, rejection.dane().cloned()));
        }
        // A pin that holds is not a changed certificate: the rejection says what it cannot mend.
        let rejection = match (pin, self.pins.last()) {
            (None, Some(other)) => rejection.with_pin_mismatch(mismatch(other, &presented)),
            (Some(_), _) | (None, None) => rejection,
        };
        Err(match (&self.offered_at, causes) {
            (Some(place), Some(causes)) => {
                let chain = evidence.certificates().map(|one| one.clone().into_owned());
                let offer = PinOffer::new(place.clone(), chain.collect(), presented, causes);
                rejection.with_pin_offer(offer)
            }
            (None, _) | (Some(_), None) => rejection,
        })
    }
}

fn mismatch(pin: &Pin, presented: &Presented) -> CheckFailure {
    let (expected, found) = match pin.part() {
        PinnedPart::Certificate => (pin.certificate(), presented.certificate),
        PinnedPart::Key => (pin.key(), presented.key),
    };
    CheckFailure::PinMismatch {
        part: pin.part(),
        pinned: expected,
        presented: found,
        is_same_key: pin.key() == presented.key,
    }
}
