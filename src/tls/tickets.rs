//! Tickets, on both sides: whose they are, and until when they may be used.
//!
//! A resumed session inherits the authentication of the one that its ticket comes from. A client
//! gives a ticket only to the connector that got it, in the same generation of the account, and
//! not past the end of any certificate that was verified. A server binds its tickets to what the
//! listener is and asks of clients. On both sides the time counts from the last full handshake:
//! a ticket that a resumed session gets is not younger than that session's own (RFC 8446 §4.6.1).

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pki_types::{ServerName, UnixTime};
use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::server::{ProducesTickets, StoresServerSessions};
use zeroize::Zeroizing;

use super::scope::{EndPoint, note};
use crate::clock::Clock;
use crate::limits::{
    BYTES_UP_TO_TICKET, RESUMPTION_LIFETIME, TICKET_CLOCK_SKEW, TICKET_CONTENT, TICKET_LIFETIME,
    TICKETS,
};
use crate::policy::Account;
use crate::ticket_keys::{OwnKeys, TicketKeys};
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
    inherited: Inherited,
    kept_at: UnixTime,
}

/// What a client's session inherits from the one that it resumes.
#[derive(Debug, Clone)]
pub(crate) struct Inherited {
    /// The verdict on the server.
    pub(crate) verification: Verification,
    /// When the server has last shown that it has the key of its certificate.
    shown_at: UnixTime,
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

    /// A ticket for the session on whose behalf rustls calls, if its peer was verified, and if it is not
    /// too long to be offered.
    fn ticket<T>(&self, value: T) -> Option<Ticket<T>> {
        if note(|notes| notes.without_data) > BYTES_UP_TO_TICKET {
            return None;
        }
        let now = self.clock.unix();
        let inherited = note(|notes| match &notes.verdict {
            Some(Ok(verification)) => Some(Inherited {
                verification: verification.clone(),
                shown_at: now,
            }),
            Some(Err(_)) => None,
            // Resumed: nothing was verified.
            None => notes.inherited.as_deref().cloned(),
        })?;
        Some(Ticket {
            value,
            inherited,
            kept_at: now,
        })
    }

    /// Whether what was verified then may be inherited now. A clock that has gone back makes
    /// every date uncertain.
    fn is_good<T>(&self, ticket: &Ticket<T>) -> bool {
        let now = self.clock.unix();
        let shown_at = ticket.inherited.shown_at.as_secs();
        self.account.generation() == self.generation
            && now >= ticket.kept_at
            && now <= ticket.inherited.verification.valid_until()
            && now.as_secs() <= shown_at.saturating_add(RESUMPTION_LIFETIME.as_secs())
    }

    fn inherit<T>(&self, ticket: Ticket<T>) -> Option<T> {
        if !self.is_good(&ticket) {
            return None;
        }
        note(|notes| notes.inherited = Some(Box::new(ticket.inherited)));
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
        note(|notes| notes.inherited = Some(Box::new(ticket.inherited.clone())));
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

/// What a session's keys can be made from: overwritten when it is given back.
type Secret = Zeroizing<Vec<u8>>;

/// What a server's session hands on to those that are resumed from it, in its tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heritage {
    /// The last second in which it may be resumed, however often its tickets are made anew.
    ends: u64,
    /// The certificate that was shown, as a channel binding.
    pub(super) end_point: EndPoint,
}

impl Heritage {
    /// What goes into a ticket, or the like, for the session on whose behalf rustls calls.
    fn to_hand_on(clock: &Clock) -> Self {
        note(|notes| {
            // TLS 1.2 makes a ticket anew while it resumes: that it does is not settled then.
            let inherited = notes.opened.as_ref().or(notes.heritage.as_ref());
            if let Some(inherited) = inherited {
                return Self::clone(inherited);
            }
            let lifetime = if notes.is_tls13 {
                // Each resumption mixes in a new secret.
                RESUMPTION_LIFETIME
            } else {
                TICKET_LIFETIME
            };
            let now = clock.unix().as_secs();
            Self {
                ends: now.saturating_add(lifetime.as_secs()),
                end_point: notes.end_point.clone(),
            }
        })
    }

    /// Whether the session may still be resumed. A clock that was set back makes every age
    /// uncertain.
    fn is_good(&self, clock: &Clock) -> bool {
        let longest = RESUMPTION_LIFETIME.saturating_add(TICKET_CLOCK_SKEW);
        let now = clock.unix().as_secs();
        now <= self.ends && self.ends <= now.saturating_add(longest.as_secs())
    }

    /// What rustls wants to keep, behind all this; `None` for what is too much.
    fn put_before(&self, plain: &[u8]) -> Option<Secret> {
        if plain.len() > TICKET_CONTENT {
            return None;
        }
        let end_point = self.end_point.as_deref().unwrap_or_default();
        let length = u8::try_from(end_point.len()).ok()?;
        let ends = self.ends.to_be_bytes();
        let all = [&ends, &[length][..], end_point, plain].concat();
        Some(Zeroizing::new(all))
    }

    /// What it was put before, if the session may still be resumed.
    fn take_from(kept: &[u8], clock: &Clock) -> Option<Vec<u8>> {
        let (ends, rest) = kept.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (end_point, plain) = rest.split_at_checked(usize::from(*length))?;
        let heritage = Self {
            ends: u64::from_be_bytes(*ends),
            end_point: (!end_point.is_empty()).then(|| end_point.into()),
        };
        if !heritage.is_good(clock) {
            return None;
        }
        note(|notes| notes.opened = Some(Box::new(heritage)));
        Some(plain.to_vec())
    }
}

/// Puts into each ticket what the session hands on.
#[derive(Debug)]
pub(super) struct HandedOn {
    sealer: Arc<dyn ProducesTickets>,
    clock: Clock,
}

impl HandedOn {
    pub(super) fn new(sealer: Arc<dyn ProducesTickets>, clock: Clock) -> Self {
        Self { sealer, clock }
    }
}

impl ProducesTickets for HandedOn {
    fn enabled(&self) -> bool {
        self.sealer.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.sealer.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let content = Heritage::to_hand_on(&self.clock).put_before(plain)?;
        self.sealer.encrypt(&content)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let opened = Secret::new(self.sealer.decrypt(cipher)?);
        Heritage::take_from(&opened, &self.clock)
    }
}

/// Sessions that a server keeps in memory, where nothing seals tickets. They belong to one acceptor,
/// and need no binding.
#[derive(Debug)]
pub(super) struct KeptSessions {
    kept: Arc<dyn StoresServerSessions>,
    clock: Clock,
}

impl KeptSessions {
    pub(super) fn new(kept: Arc<dyn StoresServerSessions>, clock: Clock) -> Self {
        Self { kept, clock }
    }
}

impl StoresServerSessions for KeptSessions {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let value = Secret::new(value);
        let value = Heritage::to_hand_on(&self.clock).put_before(&value);
        value.is_some_and(|mut value| self.kept.put(key, mem::take(&mut *value)))
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        Heritage::take_from(&Secret::new(self.kept.get(key)?), &self.clock)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        Heritage::take_from(&Secret::new(self.kept.take(key)?), &self.clock)
    }

    fn can_cache(&self) -> bool {
        self.kept.can_cache()
    }
}

/// Seals tickets for one listener: they open nowhere else.
#[derive(Debug)]
pub(super) struct SealedTickets {
    keys: SealingKeys,
    binding: [u8; 32],
    clock: Clock,
}

/// Whose keys they are sealed with.
#[derive(Debug)]
pub(super) enum SealingKeys {
    /// Other machines may have them too.
    Shared(TicketKeys),
    Own(OwnKeys),
}

impl SealedTickets {
    pub(super) fn new(keys: SealingKeys, binding: [u8; 32], clock: Clock) -> Self {
        Self {
            keys,
            binding,
            clock,
        }
    }
}

impl ProducesTickets for SealedTickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(TICKET_LIFETIME.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let now = self.clock.unix();
        match &self.keys {
            SealingKeys::Shared(keys) => keys.seal(&self.binding, plain, now),
            SealingKeys::Own(keys) => keys.seal(&self.binding, plain, now),
        }
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let now = self.clock.unix();
        match &self.keys {
            SealingKeys::Shared(keys) => keys.open(&self.binding, cipher, now),
            SealingKeys::Own(keys) => keys.open(&self.binding, cipher, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::scope::{Notes, with_notes};

    /// Seals nothing, so that the test sees what is handed on alone.
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

    fn clock() -> Clock {
        let wall =
            std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_000);
        Clock::fixed(some_instant(), wall)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a fixed clock needs some instant"
    )]
    fn some_instant() -> std::time::Instant {
        std::time::Instant::now()
    }

    fn tickets(clock: &Clock) -> HandedOn {
        HandedOn::new(Arc::new(Plain), clock.clone())
    }

    /// What clients are told (RFC 5077 §3.3, RFC 8446 §4.6.1: seven days at most).
    #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
    #[test]
    fn how_long_a_ticket_is_worth_keeping() {
        let clock = clock();
        let keys = OwnKeys::new(clock.unix()).unwrap().unwrap();
        let sealed = SealedTickets::new(SealingKeys::Own(keys), [7; 32], clock.clone());
        let tickets = HandedOn::new(Arc::new(sealed), clock);
        assert!(tickets.enabled());
        assert_eq!(tickets.lifetime(), 12 * 60 * 60);
    }

    #[test]
    fn a_ticket_that_is_cut_opens_nothing() {
        let tickets = tickets(&clock());
        let sealed = |end_point: Option<&[u8]>| {
            let mut notes = Notes {
                end_point: end_point.map(Arc::from),
                ..Notes::default()
            };
            with_notes(&mut notes, || tickets.encrypt(b"state").unwrap())
        };
        let opened = |ticket: &[u8]| with_notes(&mut Notes::default(), || tickets.decrypt(ticket));
        for (end_point, length) in [(None, 0), (Some(&[5; 32][..]), 32)] {
            let ticket = sealed(end_point);
            assert_eq!(opened(&ticket).as_deref(), Some(&b"state"[..]));
            for end in 0..ticket.len() - b"state".len() {
                assert_eq!(opened(&ticket[..end]), None, "{end}");
            }
            // The octet behind the time says how long the end point is.
            assert_eq!(ticket[8], length);
            let mut longer = ticket;
            longer[8] += 6;
            assert_eq!(opened(&longer), None);
        }
    }

    /// What one session seals at its resumption ends when the first one's does, in both versions.
    #[test]
    fn a_ticket_of_a_ticket_is_not_younger() {
        for (is_tls13, lifetime) in [(false, TICKET_LIFETIME), (true, RESUMPTION_LIFETIME)] {
            let clock = clock();
            let tickets = tickets(&clock);
            let fresh = || Notes {
                is_tls13,
                ..Notes::default()
            };
            let mut ticket = with_notes(&mut fresh(), || tickets.encrypt(b"state").unwrap());
            for _ in 0..4 {
                clock.advance(lifetime / 4);
                ticket = with_notes(&mut fresh(), || {
                    assert!(tickets.decrypt(&ticket).is_some());
                    tickets.encrypt(b"state").unwrap()
                });
            }
            clock.advance(std::time::Duration::from_secs(1));
            assert_eq!(with_notes(&mut fresh(), || tickets.decrypt(&ticket)), None);
        }
    }

    /// The memory of a server that seals nothing keeps to the same bound.
    #[test]
    fn kept_sessions_end() {
        let clock = clock();
        let memory = rustls::server::ServerSessionMemoryCache::new(4);
        let kept = KeptSessions::new(memory, clock.clone());
        with_notes(&mut Notes::default(), || {
            assert!(kept.put(vec![1], b"state".to_vec()));
        });
        for _ in 0..2 {
            let state = with_notes(&mut Notes::default(), || kept.get(&[1]));
            assert_eq!(state.as_deref(), Some(&b"state"[..]));
            clock.advance(TICKET_LIFETIME / 2);
        }
        clock.advance(std::time::Duration::from_secs(1));
        let late = || with_notes(&mut Notes::default(), || (kept.get(&[1]), kept.take(&[1])));
        assert_eq!(late(), (None, None));
    }

    /// A clock that was set back by more than clocks may differ makes every age uncertain.
    #[test]
    fn a_ticket_from_the_future() {
        let (early, late) = (clock(), clock());
        late.advance(TICKET_CLOCK_SKEW + std::time::Duration::from_secs(1));
        let mut notes = Notes {
            is_tls13: true,
            ..Notes::default()
        };
        let ticket = with_notes(&mut notes, || tickets(&late).encrypt(b"state").unwrap());
        with_notes(&mut Notes::default(), || {
            assert_eq!(tickets(&early).decrypt(&ticket), None);
            early.advance(std::time::Duration::from_secs(1));
            assert!(tickets(&early).decrypt(&ticket).is_some());
        });
    }
}
