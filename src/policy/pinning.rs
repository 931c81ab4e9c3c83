//! How an offer to pin becomes a pin (RFC 8314 §5.4).

use super::account::{Account, Phase};
use super::acknowledged::Acknowledged;
use crate::verify::{Pin, PinWarning, PinnedPart};

/// A pin was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PinNotAccepted {
    /// The offer was made to another account, and trust in a certificate is never shared.
    #[error("this certificate was offered to another account; connect with this one and ask again")]
    OtherAccount,
    /// The account has been set up: a certificate that fails then is never a question to the user.
    #[error("certificates can be trusted only while the account is being set up; set it up anew")]
    NotInSetup,
}

impl PinNotAccepted {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherAccount => "pin-of-other-account",
            Self::NotInSetup => "pin-not-in-setup",
        }
    }
}

impl Account {
    /// Binds the certificate of an offer to the server that presented it, by the user's explicit
    /// choice, and lowers the account's minimum of confidentiality, without which the pin would not
    /// be used: a pinned connection never meets it (RFC 8314 §5.4).
    ///
    /// The pin is this account's alone, for that host, port and service. To trust it for the moment
    /// only, do not save it; to trust it from now on, save its text form with the account's settings.
    ///
    /// ```
    /// use mail_tls::verify::PinnedPart;
    /// use mail_tls::{Account, Acknowledged, CertificateRejection};
    ///
    /// fn ask(account: &Account, rejection: &CertificateRejection, yes: fn(&str) -> bool) -> Option<String> {
    ///     let warning = rejection.pin_offer()?.warning();
    ///     if !yes(&warning.to_string()) {
    ///         return None;
    ///     }
    ///     let warned = Acknowledged::by_user(warning);
    ///     let pin = account.accept_pin(warned, PinnedPart::Certificate).ok()?;
    ///     Some(pin.to_string()) // for the settings; then make a new connector
    /// }
    /// ```
    ///
    /// # Errors
    /// [`PinNotAccepted`] says why there is no pin.
    pub fn accept_pin(
        &self,
        warned: Acknowledged<PinWarning>,
        part: PinnedPart,
    ) -> Result<Pin, PinNotAccepted> {
        let warning = warned.warning();
        if self.address() != Some(&warning.place().account) {
            return Err(PinNotAccepted::OtherAccount);
        }
        let pin = warning.pin(part);
        if self.change_in(Phase::Setup, |state| state.add_pin(pin.clone())) {
            Ok(pin)
        } else {
            Err(PinNotAccepted::NotInSetup)
        }
    }
}
