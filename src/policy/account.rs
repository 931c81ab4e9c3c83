//! One mail account, as far as TLS is concerned.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::acknowledged::{Acknowledged, ReducedConfidentiality};
use crate::certificates::CertifiedChain;
use crate::name::EmailAddress;

/// One mail account: its address, its phase, what it requires, and the client certificate that it
/// may show.
///
/// Clones are handles on the same account. Each change gives it a new
/// [`generation`](Self::generation); connectors made before are stale then and connect no more,
/// so that nothing that was decided under other rules lives on.
///
/// By default a connection must have a verified certificate and TLS 1.2 or later
/// (RFC 8314 §5.2).
#[derive(Debug, Clone)]
pub struct Account(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    address: Option<EmailAddress>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    generation: u64,
    requires_confidentiality: bool,
    client_certificate: Option<CertifiedChain>,
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
            requires_confidentiality: true,
            client_certificate: None,
        };
        Self(Arc::new(Shared {
            address: None,
            state: Mutex::new(state),
        }))
    }

    /// A new account like this one with an address.
    #[must_use]
    pub fn with_address(self, address: EmailAddress) -> Self {
        let state = self.state();
        let state = State {
            phase: state.phase,
            generation: state.generation,
            requires_confidentiality: state.requires_confidentiality,
            client_certificate: state.client_certificate.clone(),
        };
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

    /// Changes with every change of the account.
    pub fn generation(&self) -> u64 {
        self.state().generation
    }

    /// The setup is done.
    pub fn complete_setup(&self) {
        self.change(|state| state.phase = Phase::Configured);
    }

    /// The user lets this account show this client certificate to servers that ask for one
    /// (RFC 8314 §5.5). It is shown for no other account, and not unless asked for.
    pub fn authorise_client_certificate(&self, chain: CertifiedChain) {
        self.change(|state| state.client_certificate = Some(chain));
    }

    /// Takes the authorisation back.
    pub fn withdraw_client_certificate(&self) {
        self.change(|state| state.client_certificate = None);
    }

    pub(crate) fn client_certificate(&self) -> Option<CertifiedChain> {
        self.state().client_certificate.clone()
    }

    /// Whether connections must be confidential (RFC 8314 §5.2); the default.
    ///
    /// A session of this crate always has a verified certificate and TLS 1.2 or later. An account
    /// that does not require it may be used by the embedder without TLS as well.
    pub fn requires_confidentiality(&self) -> bool {
        self.state().requires_confidentiality
    }

    /// The warning to show before the requirement is lowered.
    pub fn reduced_confidentiality(&self) -> ReducedConfidentiality {
        ReducedConfidentiality {
            account: self.clone(),
            generation: self.generation(),
        }
    }

    /// Lets the account be used without confidentiality, by the user's explicit choice.
    ///
    /// Returns whether it was lowered: a warning that was made before the account was changed
    /// otherwise, or for another account, lowers nothing.
    pub fn lower_minimum(&self, warned: Acknowledged<ReducedConfidentiality>) -> bool {
        let warning = warned.warning();
        let mut state = self.state();
        if !Arc::ptr_eq(&warning.account.0, &self.0) || warning.generation != state.generation {
            return false;
        }
        state.requires_confidentiality = false;
        state.generation += 1;
        true
    }

    /// Requires confidentiality from now on.
    pub fn raise_minimum(&self) {
        self.change(|state| state.requires_confidentiality = true);
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
