//! Keys that an acceptor makes for itself.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use pki_types::UnixTime;
use zeroize::Zeroizing;

use super::{TicketKey, TicketKeys, aead};
use crate::error::Error;
use crate::limits::{OWN_TICKET_KEY_LIFETIME, TICKET_CLOCK_SKEW};

/// The key that seals, made anew when its time is over or it has sealed enough, and the one before it,
/// which opens still.
#[derive(Debug)]
pub(crate) struct OwnKeys {
    keys: TicketKeys,
    newest: Mutex<TicketKey>,
}

impl OwnKeys {
    /// The first key; `None` where nothing seals, for want of a provider feature.
    pub(crate) fn new(now: UnixTime) -> Result<Option<Self>, Error> {
        let Some(sealer) = aead::built_in() else {
            return Ok(None);
        };
        let first = made(now)
            .ok_or_else(|| Error::Crypto("it gave no randomness for ticket keys".into()))?;
        let keys = TicketKeys::with_sealer(sealer, [first.clone()])
            .map_err(|error| Error::Crypto(error.to_string().into()))?;
        let newest = Mutex::new(first);
        Ok(Some(Self { keys, newest }))
    }

    /// See [`TicketKeys::seal`].
    pub(crate) fn seal(
        &self,
        binding: &[u8; 32],
        plaintext: &[u8],
        now: UnixTime,
    ) -> Option<Vec<u8>> {
        let sealed = self.keys.seal(binding, plaintext, now);
        sealed.or_else(|| {
            self.renew(now)?;
            self.keys.seal(binding, plaintext, now)
        })
    }

    /// See [`TicketKeys::open`].
    pub(crate) fn open(&self, binding: &[u8; 32], ticket: &[u8], now: UnixTime) -> Option<Vec<u8>> {
        self.keys.open(binding, ticket, now)
    }

    /// Makes a new key, if another thread has not done it by now.
    fn renew(&self, now: UnixTime) -> Option<()> {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if !newest.seals_at(now.as_secs()) || newest.is_used_up() {
            let next = made(now)?;
            let before = newest.opens_at(now.as_secs()).then(|| newest.clone());
            self.keys
                .replace([next.clone()].into_iter().chain(before))
                .ok()?;
            *newest = next;
        }
        Some(())
    }
}

/// A key from now on; a clock that is set back a little needs no other.
fn made(now: UnixTime) -> Option<TicketKey> {
    let (name, secret) = (aead::random()?, Zeroizing::new(aead::random()?));
    let now = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(now.as_secs()))?;
    let begins = now.checked_sub(TICKET_CLOCK_SKEW)?;
    let ends = now.checked_add(OWN_TICKET_KEY_LIFETIME)?;
    TicketKey::of(name, &secret, [begins, ends], OWN_TICKET_KEY_LIFETIME).ok()
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::limits::TICKETS_PER_KEY;

    const HERE: [u8; 32] = [7; 32];
    /// 2030-01-01 00:00:00 UTC.
    const T: u64 = 1_893_456_000;
    const LIFE: u64 = OWN_TICKET_KEY_LIFETIME.as_secs();

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }

    fn own() -> OwnKeys {
        OwnKeys::new(at(T)).unwrap().unwrap()
    }

    /// A ticket, and the name of the key that sealed it.
    fn sealed(keys: &OwnKeys, now: u64) -> (Vec<u8>, [u8; 16]) {
        let ticket = keys.seal(&HERE, b"state", at(now)).unwrap();
        let name = *ticket.first_chunk().unwrap();
        (ticket, name)
    }

    fn opens(keys: &OwnKeys, ticket: &[u8], now: u64) -> bool {
        keys.open(&HERE, ticket, at(now)).is_some()
    }

    #[test]
    fn a_key_seals_for_six_hours_and_opens_for_six_more() {
        let keys = own();
        let (early, first) = sealed(&keys, T);
        let (late, same) = sealed(&keys, T + LIFE - 1);
        assert_eq!(first, same);
        let (next, second) = sealed(&keys, T + LIFE);
        assert_ne!(first, second);
        for ticket in [&early, &late, &next] {
            assert!(opens(&keys, ticket, T + LIFE));
        }
        for ticket in [&early, &late] {
            assert!(opens(&keys, ticket, T + 2 * LIFE - 1));
            assert!(!opens(&keys, ticket, T + 2 * LIFE));
        }
        let (last, third) = sealed(&keys, T + 2 * LIFE);
        assert!(third != second && third != first);
        assert!(opens(&keys, &next, T + 2 * LIFE) && opens(&keys, &last, T + 2 * LIFE));
        assert_eq!(keys.keys.keys().len(), 2);
        // Nobody came for a day: a key that opens nothing any more is not kept.
        sealed(&keys, T + 6 * LIFE);
        assert_eq!(keys.keys.keys().len(), 1);
    }

    #[test]
    fn each_acceptor_has_keys_that_nobody_else_has() {
        let (ticket, _) = sealed(&own(), T);
        assert!(!opens(&own(), &ticket, T));
    }

    #[test]
    fn a_key_that_has_sealed_enough_makes_room_for_another() {
        let keys = own();
        let (before, first) = sealed(&keys, T);
        keys.newest
            .lock()
            .unwrap()
            .0
            .sealed
            .store(TICKETS_PER_KEY, Ordering::Relaxed);
        let (after, second) = sealed(&keys, T);
        assert_ne!(first, second);
        assert!(opens(&keys, &before, T) && opens(&keys, &after, T));
        assert_eq!(sealed(&keys, T).1, second);
    }

    /// By a little, which is nothing; by more; and on again.
    #[test]
    fn a_clock_that_was_set_back() {
        let keys = own();
        let skew = TICKET_CLOCK_SKEW.as_secs();
        let (ticket, first) = sealed(&keys, T);
        assert_eq!(sealed(&keys, T - skew).1, first);
        let (_, second) = sealed(&keys, T - skew - 1);
        assert_ne!(second, first);
        assert_eq!(sealed(&keys, T - skew - 1).1, second);
        assert!(opens(&keys, &ticket, T));
    }

    /// All of them need a new key at once, and one is made.
    #[test]
    fn threads_agree_on_the_next_key() {
        let keys = own();
        let names: Vec<[u8; 16]> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| sealed(&keys, T + LIFE).1))
                .collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
    }
}
