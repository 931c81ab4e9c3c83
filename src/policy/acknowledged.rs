//! Proofs that a user was warned.

use std::fmt;

use super::account::Account;
use super::confidentiality::MinimumConfidentiality;
use crate::verify::PinWarning;

/// Proof that the embedder presented the warning `W` to its user, and that the user went on.
///
/// What lowers a protection takes one of these, so that the code that does it does not compile
/// without the place where the warning is shown (RFC 8314 §5.1, §5.2, §5.4).
///
/// ```
/// use mail_tls::{Account, Acknowledged, ReducedConfidentiality};
///
/// let account = Account::in_setup();
/// let warning = account.reduced_confidentiality();
/// let user_went_on = |text: String| text.contains("not private"); // the dialog
/// if user_went_on(warning.to_string()) {
///     account.lower_minimum(Acknowledged::by_user(warning));
/// }
/// assert!(!account.requires_confidentiality());
/// ```
#[derive(Debug)]
pub struct Acknowledged<W>(W);

impl<W: Warning> Acknowledged<W> {
    /// The user has seen this warning and chosen to go on.
    pub fn by_user(warning: W) -> Self {
        Self(warning)
    }

    /// The acknowledgement is used up, and what was warned of is done.
    pub(crate) fn into_warning(self) -> W {
        self.0
    }

    /// The warning that was shown.
    pub fn warning(&self) -> &W {
        &self.0
    }
}

/// A warning that has to be shown. Its `Display` is a text to show or to translate.
///
/// Warnings come only from the thing that they warn of, and are not cloned: one showing, one
/// acknowledgement.
pub trait Warning: fmt::Display + sealed::Sealed {}

/// Without a minimum of confidentiality there is no assurance that passwords and messages stay
/// private (RFC 8314 §5.2). From [`Account::reduced_confidentiality`] and
/// [`Account::reduced_minimum`].
#[derive(Debug)]
pub struct ReducedConfidentiality {
    pub(super) account: Account,
    pub(super) generation: u64,
    pub(super) minimum: Option<MinimumConfidentiality>,
}

impl Warning for ReducedConfidentiality {}

impl Warning for PinWarning {}

impl fmt::Display for ReducedConfidentiality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.minimum {
            None => {
                "If connections without verified encryption are allowed, your password and your \
                 messages are not private: anyone on the way can read and change them."
            }
            Some(_) => {
                "If weaker encryption is allowed for this account, there is less assurance that \
                 your password and your messages stay private."
            }
        })
    }
}

pub(crate) mod sealed {
    #[expect(unnameable_types, reason = "so that only this crate makes warnings")]
    pub trait Sealed {}
    impl Sealed for super::ReducedConfidentiality {}
    impl Sealed for super::PinWarning {}
}
