//! What is drawn by chance, or decided from outside, while a recorded session is being called.
//!
//! rustls asks a provider for random bytes, key shares and signatures without saying for which
//! session. Since a session works on the caller's thread, a recorded one puts its scope there for
//! the time of each call: what is asked for then is noted in it, or played back from it. Outside of
//! every scope nothing is noted, and nothing is played.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::{self, ManuallyDrop};

use super::line::Chance;

/// What one call of a recorded session notes and plays.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Whether secrets are noted.
    pub(super) with_secrets: bool,
    /// Whether the peer's chain is noted.
    pub(super) with_peer_chain: bool,
    /// What is played back, where this is a replay.
    pub(super) tape: VecDeque<Chance>,
    pub(super) noted: Vec<Chance>,
    /// Whether a provider that records was asked for anything.
    pub(super) was_asked: bool,
}

thread_local! {
    // Never dropped, so that it can be reached from the destructors of a thread that ends.
    static CURRENT: ManuallyDrop<RefCell<Option<Scope>>> = ManuallyDrop::default();
}

/// Calls with `scope` open, and gives it back.
pub(super) fn within<R>(scope: Scope, call: impl FnOnce() -> R) -> (R, Scope) {
    let mut lent = Lent {
        waiting: Some(scope),
        is_open: false,
    };
    lent.exchange();
    let result = call();
    lent.exchange();
    let scope = lent.waiting.take().unwrap_or_default();
    (result, scope)
}

/// What is to be played back instead of asking, if `pick` finds that it fits.
pub(super) fn play<T>(pick: impl FnOnce(&Chance) -> Option<T>) -> Option<T> {
    with(|scope| {
        scope.was_asked = true;
        let picked = pick(scope.tape.front()?)?;
        let next = scope.tape.pop_front()?;
        scope.noted.push(next);
        Some(picked)
    })
    .flatten()
}

/// Notes what was drawn.
pub(super) fn note(chance: impl FnOnce() -> Chance) {
    with(|scope| {
        if scope.with_secrets {
            scope.noted.push(chance());
        }
    });
}

/// Notes what was shown or seen: it is compared, and never played back.
pub(super) fn witness(wanted: impl FnOnce(&Scope) -> bool, chance: impl FnOnce() -> Chance) {
    with(|scope| {
        if wanted(scope) {
            let seen = chance();
            if scope.tape.front().is_some_and(|next| *next == seen) {
                scope.tape.pop_front();
            }
            scope.noted.push(seen);
        }
    });
}

fn with<R>(use_it: impl FnOnce(&mut Scope) -> R) -> Option<R> {
    CURRENT.with(|current| current.borrow_mut().as_mut().map(use_it))
}

/// The scope to be opened, or the outer one that waits meanwhile. Put back also where a call
/// panics.
struct Lent {
    waiting: Option<Scope>,
    is_open: bool,
}

impl Lent {
    fn exchange(&mut self) {
        CURRENT.with(|current| mem::swap(&mut *current.borrow_mut(), &mut self.waiting));
        self.is_open = !self.is_open;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.is_open {
            self.exchange();
        }
    }
}
