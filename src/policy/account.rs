//! One mail account, as far as TLS is concerned.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::acknowledged::{Acknowledged, ReducedConfidentiality};
use super::confidentiality::{MinimumConfidentiality, Unmet};
use super::permit::{CleartextCredentialPermit, PasswordExposure};
use super::ratchet::{Downgrade, Protection, ProtectionRecord, UpgradeOffer};
use super::record::AccountRecord;
use crate::certificates::CertifiedChain;
use crate::error::PolicyRefusal;
use crate::name::EmailAddress;
use crate::service::Service;
use crate::verify::{Pin, Place};

/// One mail account: its address, its phase, what it requires, and the client certificate that it
/// may show.
///
/// Clones are handles on the same account. Each change gives it a new
/// [`generation`](Self::generation); connectors made before are stale then and connect no more,
/// so that nothing that was decided under other rules lives on.
///
/// By default a connection must have a verified certificate and TLS 1.2 or later
/// (RFC 8314 §5.2).
///
/// ```
/// use mail_tls::{Account, EmailAddress, MinimumConfidentiality};
///
/// let account = Account::in_setup().with_address(EmailAddress::parse("ann@example.org")?);
/// // Requiring more is free; requiring less takes an acknowledged warning (`Acknowledged`).
/// account.raise_minimum(MinimumConfidentiality::default().with_tls13_only());
/// account.complete_setup(); // from now on nothing about certificates is asked any more
///
/// let stored = account.record(); // with the feature `serde` in any format
/// let on_the_next_start = Account::restore(stored);
/// assert_eq!(on_the_next_start.minimum(), account.minimum());
/// # Ok::<(), mail_tls::InvalidEmailAddress>(())
/// ```
#[derive(Debug, Clone)]
pub struct Account(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    address: Option<EmailAddress>,
    state: Mutex<State>,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    phase: Phase,
    generation: u64,
    /// `None` where the user has lowered it.
    minimum: Option<MinimumConfidentiality>,
    client_certificates: Vec<AuthorisedChain>,
    seen: ProtectionRecord,
    /// Services of which it was told that they offer TLS.
    offered: Vec<Service>,
    pins: Vec<Pin>,
}

/// A client certificate that an account may show.
#[derive(Debug, Clone)]
pub(crate) struct AuthorisedChain {
    pub(crate) chain: CertifiedChain,
    /// Whether also where it can be read on the way: with TLS 1.2.
    pub(crate) with_tls12: bool,
}

/// Where an account is in its life (RFC 8314 §5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The user is setting it up, and may be asked.
    Setup,
    /// It has been set up; a failed verification is never a question to the user.
    Configured,
}

impl Account {
    /// An account that the user is setting up.
    pub fn in_setup() -> Self {
        Self::new(Phase::Setup)
    }

    /// An account that has been set up before.
    pub fn configured() -> Self {
        Self::new(Phase::Configured)
    }

    fn new(phase: Phase) -> Self {
        let state = State {
            phase,
            generation: 0,
            minimum: Some(MinimumConfidentiality::default()),
            client_certificates: Vec::new(),
            seen: ProtectionRecord::default(),
            offered: Vec::new(),
            pins: Vec::new(),
        };
        Self(Arc::new(Shared {
            address: None,
            state: Mutex::new(state),
        }))
    }

    /// An account that was set up before, as [`record`](Self::record) gave it to be stored.
    pub fn restore(record: AccountRecord) -> Self {
        let account = Self::new(Phase::Configured);
        let mut state = account.state().clone();
        state.minimum = record.minimum;
        state.seen = record.seen;
        state.pins = record.pins;
        Self(Arc::new(Shared {
            address: record.address,
            state: Mutex::new(state),
        }))
    }

    /// What has to be stored of the account for the next start of the program: its address, its
    /// minimum, what protection it has had, and its pins.
    pub fn record(&self) -> AccountRecord {
        let state = self.state();
        AccountRecord {
            address: self.address().cloned(),
            minimum: state.minimum.clone(),
            seen: state.seen.clone(),
            pins: state.pins.clone(),
        }
    }

    /// A new account like this one with an address.
    ///
    /// What was granted to an account of another address stays behind: its pins, its client
    /// certificates, and a minimum that its user has lowered (RFC 8314 §5.2, §5.4, §5.5).
    #[must_use]
    pub fn with_address(self, address: EmailAddress) -> Self {
        let mut state = self.state().clone();
        if self.address().is_some_and(|own| *own != address) {
            state.pins.clear();
            state.client_certificates.clear();
            state.minimum.get_or_insert_default();
            state.offered.clear();
        }
        Self(Arc::new(Shared {
            address: Some(address),
            state: Mutex::new(state),
        }))
    }

    /// The address, where one was given.
    pub fn address(&self) -> Option<&EmailAddress> {
        self.0.address.as_ref()
    }

    /// The phase.
    pub fn phase(&self) -> Phase {
        self.state().phase
    }

    /// Changes with every change of the account; [connectors](crate::Connector) are of one.
    pub fn generation(&self) -> u64 {
        self.state().generation
    }

    /// The setup is done: from now on a certificate that is refused is an error, and never a
    /// question (RFC 8314 §5.4).
    pub fn complete_setup(&self) {
        self.change(|state| state.phase = Phase::Configured);
    }

    /// The user lets this account show this client certificate to servers that ask for one, besides
    /// those that it has (RFC 8314 §5.5). It is shown for no other account, not unless asked for,
    /// and only with TLS 1.3, where nobody on the way can read who the user is.
    ///
    /// Of several the one is shown whose key the server can verify, preferably one that it names an
    /// authority of, preferably one that is valid now, and of these the last that was authorised.
    pub fn authorise_client_certificate(&self, chain: CertifiedChain) {
        self.authorise(chain, false);
    }

    /// As [`authorise_client_certificate`](Self::authorise_client_certificate), also with TLS 1.2,
    /// by the user's explicit choice: **there everybody on the way can read the certificate**, and
    /// with it who the user is (RFC 8314 §8).
    pub fn authorise_client_certificate_with_tls12(&self, chain: CertifiedChain) {
        self.authorise(chain, true);
    }

    fn authorise(&self, chain: CertifiedChain, with_tls12: bool) {
        self.change(|state| {
            let own = |one: &AuthorisedChain| one.chain.certificates() == chain.certificates();
            state.client_certificates.retain(|one| !own(one));
            let authorised = AuthorisedChain { chain, with_tls12 };
            state.client_certificates.push(authorised);
        });
    }

    /// Takes the authorisation of all its client certificates back.
    pub fn withdraw_client_certificates(&self) {
        self.change(|state| state.client_certificates.clear());
    }

    pub(crate) fn client_certificates(&self) -> Vec<AuthorisedChain> {
        self.state().client_certificates.clone()
    }

    /// What connections must provide (RFC 8314 §5.2); `None` where the user has lowered it.
    ///
    /// A session of this crate always has a verified certificate and TLS 1.2 or later. An account
    /// without a minimum may be used by the embedder without TLS as well.
    pub fn minimum(&self) -> Option<MinimumConfidentiality> {
        self.state().minimum.clone()
    }

    /// Whether there is a minimum; the default.
    pub fn requires_confidentiality(&self) -> bool {
        self.state().minimum.is_some()
    }

    /// Requires this as well from now on. It needs no acknowledgement, and takes nothing away.
    pub fn raise_minimum(&self, minimum: MinimumConfidentiality) {
        self.change(|state| {
            let current = state.minimum.take().unwrap_or_default();
            state.minimum = Some(current.and(minimum));
        });
    }

    /// The warning to show before the account does without a minimum.
    pub fn reduced_confidentiality(&self) -> ReducedConfidentiality {
        self.warning_of(None)
    }

    /// The warning to show before the account requires this and no more.
    pub fn reduced_minimum(&self, minimum: MinimumConfidentiality) -> ReducedConfidentiality {
        self.warning_of(Some(minimum))
    }

    fn warning_of(&self, minimum: Option<MinimumConfidentiality>) -> ReducedConfidentiality {
        ReducedConfidentiality {
            account: self.clone(),
            generation: self.generation(),
            minimum,
        }
    }

    /// Lowers the minimum to what the user was warned of, by the user's explicit choice.
    ///
    /// Returns whether it was lowered: a warning that was made before the account was changed
    /// otherwise, or for another account, lowers nothing.
    pub fn lower_minimum(&self, warned: Acknowledged<ReducedConfidentiality>) -> bool {
        let warning = warned.into_warning();
        let mut state = self.state();
        if !self.is(&warning.account) || warning.generation != state.generation {
            return false;
        }
        state.minimum = warning.minimum;
        state.generation += 1;
        true
    }

    /// The warning to show before the password is sent without TLS.
    pub fn password_exposure(&self) -> PasswordExposure {
        PasswordExposure {
            account: self.clone(),
            generation: self.generation(),
        }
    }

    /// Lets credentials be sent on a connection without TLS, by the user's explicit choice
    /// (RFC 8314 §5.1).
    ///
    /// # Errors
    /// [`PolicyRefusal::BelowMinimum`] for an account with a minimum: no warning makes up for it.
    /// Also where the warning was for another account, or the account was changed after it.
    pub fn permit_cleartext_credentials(
        &self,
        warned: Acknowledged<PasswordExposure>,
    ) -> Result<CleartextCredentialPermit, PolicyRefusal> {
        let warning = warned.warning();
        let is_ours = self.is(&warning.account) && warning.generation == self.generation();
        if self.requires_confidentiality() || !is_ours {
            let unmet = Unmet::NoTls;
            return Err(PolicyRefusal::BelowMinimum { unmet });
        }
        Ok(CleartextCredentialPermit::mint(warned))
    }

    /// Remembers how a connection is protected
    /// ([`ClientSession::protection`](crate::ClientSession::protection)), and tells what an earlier
    /// one of the service had and this one has not. It refuses nothing.
    pub fn observe(&self, service: Service, now: Protection) -> Option<Downgrade> {
        self.state().seen.observe(service, now)
    }

    /// What protection the account has had.
    pub fn seen(&self) -> ProtectionRecord {
        self.state().seen.clone()
    }

    /// A server of this account offers TLS: its capabilities say so, or fresh SRV records do, or a
    /// session was established. For an account without a minimum that is an offer to make to the
    /// user, once for each service (RFC 8314 §5).
    ///
    /// ```
    /// use mail_tls::{Account, Acknowledged, Service};
    ///
    /// let account = Account::configured();
    /// let warning = account.reduced_confidentiality();
    /// account.lower_minimum(Acknowledged::by_user(warning)); // long ago
    ///
    /// if let Some(offer) = account.tls_is_offered(Service::Imap) {
    ///     println!("{offer}"); // and where the user agrees:
    ///     account.raise_minimum(Default::default());
    /// }
    /// assert!(account.requires_confidentiality());
    /// ```
    pub fn tls_is_offered(&self, service: Service) -> Option<UpgradeOffer> {
        let mut state = self.state();
        if state.minimum.is_some() || state.offered.contains(&service) {
            return None;
        }
        state.offered.push(service);
        Some(UpgradeOffer { service })
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The pins, the oldest first.
    pub fn pins(&self) -> Vec<Pin> {
        self.state().pins.clone()
    }

    /// Gives back a pin that this account had when its settings were saved, together with the
    /// lowered minimum without which it would not be used. An [`AccountRecord`] does it by itself;
    /// this is for settings in another form.
    ///
    /// Returns whether it was taken: the pin of another account is not.
    pub fn restore_pin(&self, pin: Pin) -> bool {
        let is_own = self.address() == Some(pin.account());
        if is_own {
            self.change(|state| state.add_pin(pin));
        }
        is_own
    }

    /// Takes back the trust in a pinned certificate (RFC 8314 §5.4). Connectors that were made
    /// before are stale, and with them go their tickets and what they remember.
    ///
    /// The minimum stays lowered: [`raise_minimum`](Self::raise_minimum) is another decision.
    /// Returns whether there was such a pin.
    pub fn revoke_pin(&self, pin: &Pin) -> bool {
        let mut state = self.state();
        let before = state.pins.len();
        state.pins.retain(|one| one != pin);
        let is_revoked = state.pins.len() != before;
        state.generation += u64::from(is_revoked);
        is_revoked
    }

    /// The pins for this place, as far as they are in effect: an account that requires the minimum
    /// has none (RFC 8314 §5.4).
    pub(crate) fn pins_at(&self, place: &Place) -> Vec<Pin> {
        let state = self.state();
        if state.minimum.is_some() {
            return Vec::new();
        }
        let at_place = state.pins.iter().filter(|pin| pin.is_at(place));
        at_place.cloned().collect()
    }

    /// Changes the account if its phase is the one that is asked for.
    pub(super) fn change_in(&self, phase: Phase, change: impl FnOnce(&mut State)) -> bool {
        let mut state = self.state();
        if state.phase != phase {
            return false;
        }
        change(&mut state);
        state.generation += 1;
        true
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.generation += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A pin is of no use without the lowered minimum, and is not had without it.
    pub(super) fn add_pin(&mut self, pin: Pin) {
        self.pins.retain(|one| *one != pin);
        self.pins.push(pin);
        self.minimum = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8314 §5.2: what a new account requires.
    #[test]
    fn a_new_account_requires_confidentiality() {
        for account in [Account::in_setup(), Account::configured()] {
            assert_eq!(account.minimum(), Some(MinimumConfidentiality::default()));
        }
    }

    /// RFC 8314 §5.2: lowering takes the warning of this account as it is now; raising is free.
    #[test]
    fn lowering_takes_the_right_warning() {
        let account = Account::configured();
        let strict = MinimumConfidentiality::default().with_tls13_only();
        account.raise_minimum(strict.clone());
        account.raise_minimum(MinimumConfidentiality::default());
        assert_eq!(account.minimum(), Some(strict.clone()));

        // In the same generation as the other one.
        let (other, fresh) = (Account::configured(), Account::configured());
        assert_eq!(other.generation(), fresh.generation());
        let of_another = other.reduced_confidentiality();
        assert!(!fresh.lower_minimum(Acknowledged::by_user(of_another)));
        assert!(fresh.requires_confidentiality());
        let stale = account.reduced_confidentiality();
        account.complete_setup();
        assert!(!account.lower_minimum(Acknowledged::by_user(stale)));
        assert_eq!(account.minimum(), Some(strict));

        let usual = account.reduced_minimum(MinimumConfidentiality::default());
        let before = account.generation();
        assert!(account.lower_minimum(Acknowledged::by_user(usual)));
        assert_eq!(account.minimum(), Some(MinimumConfidentiality::default()));
        assert_ne!(account.generation(), before);

        let none = account.reduced_confidentiality();
        assert!(account.lower_minimum(Acknowledged::by_user(none)));
        assert!(!account.requires_confidentiality());
        account.raise_minimum(MinimumConfidentiality::default());
        assert!(account.requires_confidentiality());
    }

    /// RFC 8314 §5: the offer is made to accounts without a minimum, once for each service.
    #[test]
    fn the_offer_of_an_upgrade() {
        let account = Account::configured();
        assert_eq!(account.tls_is_offered(Service::Imap), None);
        let warning = account.reduced_confidentiality();
        account.lower_minimum(Acknowledged::by_user(warning));
        let service = Service::Imap;
        assert_eq!(
            account.tls_is_offered(service),
            Some(UpgradeOffer { service })
        );
        assert_eq!(account.tls_is_offered(Service::Imap), None);
        assert!(account.tls_is_offered(Service::Submission).is_some());
    }

    #[test]
    fn a_record_restores_the_account() {
        let address = EmailAddress::parse("ann@example.org").unwrap();
        let account = Account::configured().with_address(address);
        let warning = account.reduced_confidentiality();
        account.lower_minimum(Acknowledged::by_user(warning));
        account.observe(Service::Imap, Protection::cleartext());
        let restored = Account::restore(account.record());
        assert_eq!(restored.record(), account.record());
        assert_eq!(restored.phase(), Phase::Configured);
        assert!(!restored.requires_confidentiality());
    }

    /// RFC 8314 §5.2: a minimum that one account's user has lowered is lowered for no other.
    #[test]
    fn another_address_is_another_account() {
        let address = |text| EmailAddress::parse(text).unwrap();
        let strict = MinimumConfidentiality::default().with_tls13_only();
        let ann = Account::in_setup().with_address(address("ann@example.org"));
        let warning = ann.reduced_confidentiality();
        assert!(ann.lower_minimum(Acknowledged::by_user(warning)));
        let again = ann.clone().with_address(address("ann@example.org"));
        assert_eq!(again.minimum(), None);
        let bob = ann.clone().with_address(address("bob@example.org"));
        assert_eq!(bob.minimum(), Some(MinimumConfidentiality::default()));
        assert_eq!(bob.phase(), Phase::Setup);
        ann.raise_minimum(strict.clone());
        let bob = ann.with_address(address("bob@example.org"));
        assert_eq!(bob.minimum(), Some(strict));
    }
}
