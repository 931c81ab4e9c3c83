//! Keys that seal session tickets, shared by the machines of a fleet.
//!
//! A ticket holds a session's secrets, sealed by the server for itself. **By default each acceptor
//! makes its own keys**: a new one every six hours of its [`Clock`](crate::Clock), with the one before
//! still good for opening. They never leave the memory of the process. That is right for one
//! machine. A session that comes back to another machine, or after a restart, is a full handshake
//! then, which costs time and nothing else. (With a provider of the embedder's own and neither
//! provider feature the acceptor remembers its last sessions in memory instead.)
//!
//! A fleet behind one name gives all its machines the same [`TicketKeys`], from wherever the program
//! keeps secrets. Tickets stay bound to what the listener is and asks of its clients: service, mode,
//! name, TLS versions, trust anchors and mapping for client certificates. They are taken only where
//! all of these are the same.
//!
//! # Rotation
//!
//! A [`TicketKey`] seals from its beginning until its end (RFC 5077 §5.5, RFC 9325 §3.4: keys change
//! often, so that one that leaks opens little). Of several the one that began last seals, until it
//! has sealed [enough](crate::limits::TICKETS_PER_KEY). Each
//! opens before its beginning, since another machine's clock may be ahead, and after its end as long
//! as a ticket that it has sealed may live. So hand out the next key before it begins:
//!
//! ```
//! # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
//! # fn from_the_secret_store(day: u8) -> Vec<u8> { (0..48).map(|n| n ^ day).collect() }
//! use std::time::{Duration, SystemTime};
//!
//! use mail_tls::ticket_keys::{TicketKey, TicketKeys};
//!
//! const DAY: Duration = Duration::from_secs(24 * 60 * 60);
//! let monday = SystemTime::UNIX_EPOCH + 20_000 * DAY;
//! // 48 random octets for each day, say from `openssl rand 48`.
//! let key = |day: u8| {
//!     let begins = monday + u32::from(day) * DAY;
//!     TicketKey::new(&from_the_secret_store(day), begins, begins + DAY)
//! };
//!
//! let keys = TicketKeys::new([key(0)?, key(1)?])?;
//! // For each listener of each machine: `server.acceptor(..).ticket_keys(keys.clone())`.
//! // Once a day, on each machine at any time of it:
//! keys.replace([key(0)?, key(1)?, key(2)?])?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! When no key seals, because the next one did not come, clients get no tickets, and nothing else
//! happens. Whoever has a key and has listened can read the sessions of TLS 1.2 that it sealed
//! tickets for, and can pretend to be the server to a client that comes with any of its tickets: keep
//! them as private keys are kept.

mod aead;
mod own;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use pki_types::UnixTime;
use zeroize::Zeroizing;

use crate::limits::{TICKET_CLOCK_SKEW, TICKET_KEYS, TICKET_LIFETIME, TICKETS_PER_KEY};

pub(crate) use own::OwnKeys;

/// One key, with the time in which it seals. Cheap to clone.
///
/// Its octets are erased when the last clone goes.
#[derive(Clone)]
pub struct TicketKey(Arc<Parts>);

struct Parts {
    name: [u8; NAME],
    secret: Zeroizing<[u8; SECRET]>,
    begins: u64,
    ends: u64,
    opens_until: u64,
    /// How many tickets this process has sealed with it.
    sealed: AtomicU64,
}

/// The keys of one or more listeners. Clones share them.
#[derive(Clone)]
pub struct TicketKeys(Arc<Shared>);

struct Shared {
    sealer: Arc<dyn TicketSealer>,
    /// Whether what a ticket is bound to stands in it as well: nobody here has looked at the sealer.
    carries_binding: bool,
    /// The one that begins last comes first.
    keys: RwLock<Arc<[TicketKey]>>,
}

/// Seals with a key: authenticated encryption with associated data (RFC 5116), for a program that
/// brings its own provider of cryptography. With a provider feature [`TicketKeys::new`] has
/// AES-256-GCM.
///
/// All machines that share keys need the same. It is called on the caller's thread, inside
/// [`process`](crate::ServerSession::process).
pub trait TicketSealer: fmt::Debug + Send + Sync {
    /// Encrypts and authenticates `plaintext`, and authenticates `associated`; the nonce, which must
    /// never be the same for two tickets of one key on any machine, is part of the result. `None`
    /// where it cannot: the client gets no ticket.
    fn seal(&self, key: &[u8; 32], associated: &[u8], plaintext: &[u8]) -> Option<Vec<u8>>;

    /// The plaintext, if `sealed` comes from [`seal`](Self::seal) with this key and this associated
    /// data, and is whole; `None` for anything else, whatever it is.
    fn open(&self, key: &[u8; 32], associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>>;
}

/// Keys that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTicketKeys {
    /// A key has another length than [`TicketKey::LENGTH`].
    #[error(
        "a ticket key has 48 octets, not {length}: make one with a source of randomness, such as \
         openssl rand 48"
    )]
    Length {
        /// Its length.
        length: usize,
    },
    /// All octets of a key's secret are the same: it was never filled.
    #[error(
        "a ticket key is not random, all its octets are the same: fill it from a source of randomness"
    )]
    NotRandom,
    /// A key ends before it begins.
    #[error("a ticket key ends before it begins: correct one of the two times")]
    EndsBeforeItBegins,
    /// There is no key.
    #[error("there is no ticket key: give at least one")]
    None,
    /// There are too many keys.
    #[error(
        "there are at least {count} ticket keys, and {TICKET_KEYS} are allowed: leave out those that are \
         past"
    )]
    TooMany {
        /// How many there are.
        count: usize,
    },
    /// Two keys have the same name, which is their first 16 octets.
    #[error("two ticket keys begin with the same 16 octets: make each of its own randomness")]
    SameName,
    /// There is nothing to seal with: no provider feature is enabled.
    #[error(
        "nothing can seal tickets: enable the feature aws-lc-rs or ring, or pass a TicketSealer"
    )]
    NoSealer,
}

impl InvalidTicketKeys {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "ticket-key-length",
            Self::NotRandom => "ticket-key-not-random",
            Self::EndsBeforeItBegins => "ticket-key-ends-early",
            Self::None => "ticket-keys-missing",
            Self::TooMany { .. } => "ticket-keys-too-many",
            Self::SameName => "ticket-keys-same-name",
            Self::NoSealer => "ticket-keys-no-sealer",
        }
    }
}

/// Octets of a key's name, and of its secret.
const NAME: usize = 16;
const SECRET: usize = 32;

impl TicketKey {
    /// Octets in a key: 16 for its name, which stands readable in each ticket, and 32 of secret.
    pub const LENGTH: usize = NAME + SECRET;

    /// A key of [`LENGTH`](Self::LENGTH) random octets, which seals from `begins` until `ends`.
    ///
    /// The times are those of the acceptor's [`Clock`](crate::Clock), and those before 1970 count as
    /// 1970. The octets that were passed are the caller's to erase.
    ///
    /// # Errors
    /// [`InvalidTicketKeys::Length`], [`InvalidTicketKeys::NotRandom`] and
    /// [`InvalidTicketKeys::EndsBeforeItBegins`].
    pub fn new(
        octets: &[u8],
        begins: SystemTime,
        ends: SystemTime,
    ) -> Result<Self, InvalidTicketKeys> {
        let length = octets.len();
        let wrong_length = InvalidTicketKeys::Length { length };
        let (name, rest) = octets.split_first_chunk().ok_or(wrong_length)?;
        let secret = <&[u8; SECRET]>::try_from(rest).map_err(|_| wrong_length)?;
        let times = [seconds(begins), seconds(ends)];
        Self::of(*name, secret, times, TICKET_LIFETIME)
    }

    /// One that opens for so long after it has sealed its last ticket.
    fn of(
        name: [u8; NAME],
        secret: &[u8; SECRET],
        [begins, ends]: [u64; 2],
        opens_for: Duration,
    ) -> Result<Self, InvalidTicketKeys> {
        if secret.iter().all(|octet| Some(octet) == secret.first()) {
            return Err(InvalidTicketKeys::NotRandom);
        }
        if ends <= begins {
            return Err(InvalidTicketKeys::EndsBeforeItBegins);
        }
        Ok(Self(Arc::new(Parts {
            name,
            secret: Zeroizing::new(*secret),
            begins,
            ends,
            opens_until: ends.saturating_add(opens_for.as_secs()),
            sealed: AtomicU64::new(0),
        })))
    }

    fn seals_at(&self, now: u64) -> bool {
        (self.0.begins..self.0.ends).contains(&now)
    }

    fn opens_at(&self, now: u64) -> bool {
        now < self.0.opens_until
    }

    /// Counts a ticket, if it may still be sealed.
    fn take_use(&self) -> bool {
        let used = self.0.sealed.fetch_add(1, Ordering::Relaxed);
        if used >= TICKETS_PER_KEY {
            self.0.sealed.store(TICKETS_PER_KEY, Ordering::Relaxed);
        }
        used < TICKETS_PER_KEY
    }

    fn can_seal_at(&self, now: u64) -> bool {
        self.seals_at(now) && self.0.sealed.load(Ordering::Relaxed) < TICKETS_PER_KEY
    }

    fn is_same_secret(&self, other: &Self) -> bool {
        self.0.name == other.0.name && *self.0.secret == *other.0.secret
    }

    /// Goes on where `before`, made of the same octets, has stopped: the bound on tickets is the
    /// secret's.
    fn count_from(&self, before: &Self) {
        let used = before.0.sealed.load(Ordering::Relaxed);
        self.0.sealed.fetch_max(used, Ordering::Relaxed);
    }
}

/// Without the secret.
impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: String = self.0.name.iter().map(|b| format!("{b:02x}")).collect();
        f.debug_struct("TicketKey")
            .field("name", &name)
            .field("begins", &self.0.begins)
            .field("ends", &self.0.ends)
            .finish_non_exhaustive()
    }
}

impl TicketKeys {
    /// Keys that seal with AES-256-GCM of the enabled provider feature.
    ///
    /// # Errors
    /// [`InvalidTicketKeys`] for a set that cannot be used, and
    /// [`InvalidTicketKeys::NoSealer`] without a provider feature.
    pub fn new(keys: impl IntoIterator<Item = TicketKey>) -> Result<Self, InvalidTicketKeys> {
        let sealer = aead::built_in().ok_or(InvalidTicketKeys::NoSealer)?;
        Self::with(sealer, false, keys)
    }

    /// Keys that seal with what the program brings.
    ///
    /// # Errors
    /// [`InvalidTicketKeys`] for a set that cannot be used.
    pub fn with_sealer(
        sealer: Arc<dyn TicketSealer>,
        keys: impl IntoIterator<Item = TicketKey>,
    ) -> Result<Self, InvalidTicketKeys> {
        Self::with(sealer, true, keys)
    }

    fn with(
        sealer: Arc<dyn TicketSealer>,
        carries_binding: bool,
        keys: impl IntoIterator<Item = TicketKey>,
    ) -> Result<Self, InvalidTicketKeys> {
        Ok(Self(Arc::new(Shared {
            sealer,
            carries_binding,
            keys: RwLock::new(in_order(keys)?),
        })))
    }

    /// What stands in a ticket of what it is bound to, besides being authenticated with it.
    fn carried<'b>(&self, binding: &'b [u8; 32]) -> &'b [u8] {
        if self.0.carries_binding { binding } else { &[] }
    }

    /// Seals and opens with these keys from now on, for all clones and all their acceptors. A key
    /// that is left out opens nothing any more, at once.
    ///
    /// # Errors
    /// [`InvalidTicketKeys`] for a set that cannot be used; the old keys then go on.
    pub fn replace(
        &self,
        keys: impl IntoIterator<Item = TicketKey>,
    ) -> Result<(), InvalidTicketKeys> {
        let keys = in_order(keys)?;
        let mut current = self.0.keys.write().unwrap_or_else(PoisonError::into_inner);
        for key in &*keys {
            let before = current.iter().find(|before| before.is_same_secret(key));
            if let Some(before) = before {
                key.count_from(before);
            }
        }
        *current = keys;
        Ok(())
    }

    fn keys(&self) -> Arc<[TicketKey]> {
        Arc::clone(&self.0.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The key's name, and sealed with it the time and `plaintext`, for [`open`](Self::open) with the
    /// same `binding`.
    pub(crate) fn seal(
        &self,
        binding: &[u8; 32],
        plaintext: &[u8],
        now: UnixTime,
    ) -> Option<Vec<u8>> {
        let now = now.as_secs();
        let keys = self.keys();
        // One that has sealed enough leaves it to the one that began before it.
        let mut sealing = keys.iter().filter(|key| key.seals_at(now));
        let key = sealing.find(|key| key.take_use())?;
        let inner = [&now.to_be_bytes(), self.carried(binding), plaintext].concat();
        let inner = Zeroizing::new(inner);
        let Parts { name, secret, .. } = &*key.0;
        let associated = associated(name, binding);
        let sealed = self.0.sealer.seal(secret, &associated, &inner)?;
        Some([name, sealed.as_slice()].concat())
    }

    /// What was sealed for this binding, if that is not too long ago.
    pub(crate) fn open(&self, binding: &[u8; 32], ticket: &[u8], now: UnixTime) -> Option<Vec<u8>> {
        let now = now.as_secs();
        let (name, sealed) = ticket.split_first_chunk::<NAME>()?;
        let keys = self.keys();
        // Nothing is decrypted for a name that nobody here has.
        let key = keys.iter().find(|key| key.0.name == *name)?;
        if !key.opens_at(now) {
            return None;
        }
        let associated = associated(name, binding);
        let inner = self.0.sealer.open(&key.0.secret, &associated, sealed)?;
        let inner = Zeroizing::new(inner);
        let (sealed_at, rest) = inner.split_first_chunk()?;
        let plaintext = rest.strip_prefix(self.carried(binding))?;
        let sealed_at = u64::from_be_bytes(*sealed_at);
        let is_fresh = now <= sealed_at.saturating_add(TICKET_LIFETIME.as_secs());
        // A clock that was set back makes every age uncertain.
        let is_past = sealed_at <= now.saturating_add(TICKET_CLOCK_SKEW.as_secs());
        (is_fresh && is_past).then(|| plaintext.to_vec())
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys")
            .field("keys", &self.keys())
            .finish_non_exhaustive()
    }
}

/// What is authenticated with a ticket and does not stand in it: the key's name stands before it.
fn associated(name: &[u8; NAME], binding: &[u8; 32]) -> [u8; NAME + 32] {
    let mut octets = name.iter().chain(binding);
    std::array::from_fn(|_| octets.next().copied().unwrap_or_default())
}

fn in_order(
    keys: impl IntoIterator<Item = TicketKey>,
) -> Result<Arc<[TicketKey]>, InvalidTicketKeys> {
    let mut keys: Vec<TicketKey> = keys
        .into_iter()
        .take(TICKET_KEYS.saturating_add(1))
        .collect();
    match keys.len() {
        0 => return Err(InvalidTicketKeys::None),
        count if count > TICKET_KEYS => return Err(InvalidTicketKeys::TooMany { count }),
        _ => {}
    }
    keys.sort_by_key(|key| key.0.name);
    let same = |pair: &[TicketKey]| matches!(pair, [one, other] if one.0.name == other.0.name);
    if keys.windows(2).any(same) {
        return Err(InvalidTicketKeys::SameName);
    }
    // Of two that begin at once the same seals everywhere, in whatever order they were given.
    keys.sort_by_key(|key| std::cmp::Reverse(key.0.begins));
    Ok(keys.into())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}
