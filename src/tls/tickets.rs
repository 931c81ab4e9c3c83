//! Tickets, on both sides: whose they are, and until when they may be used.
//!
//! A resumed session inherits the authentication of the one that its ticket comes from. A client
//! gives a ticket only to the connector that got it, in the same generation of the account, and
//! not past the end of any certificate that was verified. A server binds its tickets to what the
//! listener is and asks of clients.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pki_types::{ServerName, UnixTime};
use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::server::ProducesTickets;

use super::scope::{EndPoint, note};
use crate::clock::Clock;
use crate::limits::{TICKET_LIFETIME, TICKETS};
use crate::policy::Account;
use crate::ticket_keys::TicketKeys;
use crate::verify::Verification;

/// The tickets of one connector: one server, one account, one set of requirements.
pub(super) struct TicketStore {
    clock: Clock,
    account: Account,
    generation: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    group: Option<NamedGroup>,
    tls12: Option<Ticket<Tls12ClientSessionValue>>,
    tls13: VecDeque<Ticket<Tls13ClientSessionValue>>,
}

struct Ticket<T> {
    value: T,
    /// What a session that is resumed with it inherits.
    verification: Verification,
    kept_at: UnixTime,
}

impl TicketStore {
    pub(super) fn new(clock: Clock, account: Account, generation: u64) -> Self {
        Self {
            clock,
            account,
            generation,
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A ticket for the session on whose behalf rustls calls, if its peer was verified.
    fn ticket<T>(&self, value: T) -> Option<Ticket<T>> {
        let verification = note(|notes| notes.verification().cloned())?;
        Some(Ticket {
            value,
            verification,
            kept_at: self.clock.unix(),
        })
    }

    /// Whether what was verified then may be inherited now. A clock that has gone back makes
    /// every date uncertain.
    fn is_good<T>(&self, ticket: &Ticket<T>) -> bool {
        let now = self.clock.unix();
        self.account.generation() == self.generation
            && now >= ticket.kept_at
            && now <= ticket.verification.valid_until()
    }

    fn inherit<T>(&self, ticket: Ticket<T>) -> Option<T> {
        if !self.is_good(&ticket) {
            return None;
        }
        note(|notes| notes.inherited = Some(Box::new(ticket.verification)));
        Some(ticket.value)
    }
}

impl ClientSessionStore for TicketStore {
    fn set_kx_hint(&self, _: ServerName<'static>, group: NamedGroup) {
        self.kept().group = Some(group);
    }

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.kept().group
    }

    fn set_tls12_session(&self, _: ServerName<'static>, value: Tls12ClientSessionValue) {
        let ticket = self.ticket(value);
        self.kept().tls12 = ticket;
    }

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        let mut kept = self.kept();
        let ticket = kept.tls12.as_ref()?;
        if !self.is_good(ticket) {
            kept.tls12 = None;
            return None;
        }
        note(|notes| notes.inherited = Some(Box::new(ticket.verification.clone())));
        Some(ticket.value.clone())
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {
        self.kept().tls12 = None;
    }

    fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
        if let Some(ticket) = self.ticket(value) {
            let mut kept = self.kept();
            if kept.tls13.len() >= TICKETS {
                kept.tls13.pop_front();
            }
            kept.tls13.push_back(ticket);
        }
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        // The newest first: it is good for the longest time.
        let ticket = self.kept().tls13.pop_back()?;
        self.inherit(ticket)
    }
}

impl fmt::Debug for TicketStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketStore").finish_non_exhaustive()
    }
}

/// Seals into each ticket what it may be used for, and opens no other; and which certificate its
/// session has shown.
#[derive(Debug)]
pub(super) struct BoundTickets {
    sealer: Arc<dyn ProducesTickets>,
    binding: [u8; 32],
}

impl BoundTickets {
    pub(super) fn new(sealer: Arc<dyn ProducesTickets>, binding: [u8; 32]) -> Self {
        Self { sealer, binding }
    }
}

impl ProducesTickets for BoundTickets {
    fn enabled(&self) -> bool {
        self.sealer.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.sealer.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        // A ticket was opened, and that was not settled yet: TLS 1.2 renews it while it resumes.
        let end_point = note(|notes| match &notes.ticket_end_point {
            Some(inherited) => inherited.clone(),
            None => notes.end_point.clone(),
        });
        let end_point = end_point.as_deref().unwrap_or_default();
        let length = u8::try_from(end_point.len()).ok()?;
        self.sealer
            .encrypt(&[&self.binding, &[length][..], end_point, plain].concat())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let opened = self.sealer.decrypt(cipher)?;
        let (length, rest) = opened.strip_prefix(&self.binding)?.split_first()?;
        let (end_point, plain) = rest.split_at_checked(usize::from(*length))?;
        let end_point: EndPoint = (!end_point.is_empty()).then(|| end_point.into());
        note(|notes| notes.ticket_end_point = Some(end_point));
        Some(plain.to_vec())
    }
}

/// Seals with keys from outside, by the acceptor's clock.
#[derive(Debug)]
pub(super) struct SharedTickets {
    keys: TicketKeys,
    clock: Clock,
}

impl SharedTickets {
    pub(super) fn new(keys: TicketKeys, clock: Clock) -> Self {
        Self { keys, clock }
    }
}

impl ProducesTickets for SharedTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(TICKET_LIFETIME.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.keys.seal(plain, self.clock.unix())
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.keys.open(cipher, self.clock.unix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seals nothing, so that the test sees the binding alone.
    #[derive(Debug)]
    struct Plain;

    impl ProducesTickets for Plain {
        fn enabled(&self) -> bool {
            true
        }
        fn lifetime(&self) -> u32 {
            60
        }
        fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
            Some(plain.to_vec())
        }
        fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
            Some(cipher.to_vec())
        }
    }

    #[test]
    fn a_ticket_opens_only_where_it_is_bound_to() {
        let sealer: Arc<dyn ProducesTickets> = Arc::new(Plain);
        let here = BoundTickets::new(Arc::clone(&sealer), [1; 32]);
        let there = BoundTickets::new(sealer, [2; 32]);
        let ticket = here.encrypt(b"state").unwrap();
        assert_eq!(here.decrypt(&ticket).as_deref(), Some(&b"state"[..]));
        assert_eq!(there.decrypt(&ticket), None);
        assert_eq!(here.decrypt(b"short"), None);
        assert_eq!(here.decrypt(&[1; 32]), None);
        assert_eq!(here.decrypt(&[&[1; 32][..], &[2, 0]].concat()), None);
    }
}
