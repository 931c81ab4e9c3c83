//! Keys that an acceptor makes for itself.

use std::sync::{Mutex, PoisonError};

use pki_types::UnixTime;
use zeroize::Zeroizing;

use super::{TicketKey, TicketKeys, aead};
use crate::error::Error;
use crate::limits::{OWN_TICKET_KEY_LIFETIME, TICKET_CLOCK_SKEW, TICKET_KEYS};

/// The key that seals, made anew when its time is over or it has sealed enough, and those before it
/// that open still.
#[derive(Debug)]
pub(crate) struct OwnKeys {
    keys: TicketKeys,
    /// One thread at a time changes them.
    changing: Mutex<()>,
}

impl OwnKeys {
    /// The first key; `None` where nothing seals, for want of a provider feature.
    pub(crate) fn new(now: UnixTime) -> Result<Option<Self>, Error> {
        let Some(sealer) = aead::built_in() else {
            return Ok(None);
        };
        let first = made(now.as_secs())
            .ok_or_else(|| Error::Crypto("it gave no randomness for ticket keys".into()))?;
        let keys = TicketKeys::with(sealer, false, [first])
            .map_err(|error| Error::Crypto(error.to_string().into()))?;
        let changing = Mutex::default();
        Ok(Some(Self { keys, changing }))
    }

    /// See [`TicketKeys::seal`].
    pub(crate) fn seal(
        &self,
        binding: &[u8; 32],
        plaintext: &[u8],
        now: UnixTime,
    ) -> Option<Vec<u8>> {
        self.bring_up_to(now.as_secs());
        self.keys.seal(binding, plaintext, now)
    }

    /// See [`TicketKeys::open`].
    pub(crate) fn open(&self, binding: &[u8; 32], ticket: &[u8], now: UnixTime) -> Option<Vec<u8>> {
        self.bring_up_to(now.as_secs());
        self.keys.open(binding, ticket, now)
    }

    /// Makes a new key where none seals, and lets go of those that have had their time (RFC 9325
    /// §3.4: they MUST be destroyed then), unless another thread has done it by now.
    fn bring_up_to(&self, now: u64) {
        if is_up_to(now, &self.keys.keys()) {
            return;
        }
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = self.keys.keys();
        if is_up_to(now, &keys) {
            return;
        }
        let seals = keys.iter().any(|key| key.can_seal_at(now));
        let next = if seals { None } else { made(now) };
        let kept = keys.iter().filter(|key| is_of_use(now, key)).cloned();
        let kept = kept.take(TICKET_KEYS.saturating_sub(1));
        // Fails where there is no key at all, for want of randomness: those of before open nothing.
        let _ = self.keys.replace(next.into_iter().chain(kept));
    }
}

fn is_up_to(now: u64, keys: &[TicketKey]) -> bool {
    keys.iter().any(|key| key.can_seal_at(now)) && keys.iter().all(|key| is_of_use(now, key))
}

/// Whether it opens still. One that begins much later was made before the clock was set back by as
/// much: it would be kept until then, and what it has sealed is from the future.
fn is_of_use(now: u64, key: &TicketKey) -> bool {
    let latest = now.saturating_add(OWN_TICKET_KEY_LIFETIME.as_secs());
    key.opens_at(now) && key.0.begins <= latest
}

/// A key from now on; a clock that is set back a little needs no other.
fn made(now: u64) -> Option<TicketKey> {
    let (name, secret) = (aead::random()?, Zeroizing::new(aead::random()?));
    let begins = now.saturating_sub(TICKET_CLOCK_SKEW.as_secs());
    let ends = now.saturating_add(OWN_TICKET_KEY_LIFETIME.as_secs());
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
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
    }

    fn own() -> OwnKeys {
        OwnKeys::new(at(T)).unwrap().unwrap()
    }

    /// Has sealed all that it may with the key that seals at that time.
    fn use_up(keys: &OwnKeys, now: u64) {
        let keys = keys.keys.keys();
        let sealing = keys.iter().find(|key| key.can_seal_at(now)).unwrap();
        sealing.0.sealed.store(TICKETS_PER_KEY, Ordering::Relaxed);
    }

    fn count(keys: &OwnKeys) -> usize {
        keys.keys.keys().len()
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
        for (now, is_taken) in [(T + 2 * LIFE - 1, true), (T + 2 * LIFE, false)] {
            for ticket in [&early, &late] {
                assert_eq!(opens(&keys, ticket, now), is_taken);
            }
        }
        let (last, third) = sealed(&keys, T + 2 * LIFE);
        assert!(third != second && third != first);
        assert!(opens(&keys, &next, T + 2 * LIFE) && opens(&keys, &last, T + 2 * LIFE));
        assert_eq!(count(&keys), 2);
    }

    /// RFC 9325 §3.4: a key that opens nothing any more is destroyed, with the next ticket that is
    /// sealed or only offered, also where another key seals still.
    #[test]
    fn a_key_that_is_past_is_not_kept() {
        let sealing: fn(&OwnKeys, u64) = |keys, now| drop(sealed(keys, now));
        let opening: fn(&OwnKeys, u64) = |keys, now| assert!(!opens(keys, b"whatever", now));
        for next in [sealing, opening] {
            let keys = own();
            sealed(&keys, T + LIFE + LIFE / 2);
            next(&keys, T + 2 * LIFE - 1);
            assert_eq!(count(&keys), 2);
            next(&keys, T + 2 * LIFE);
            assert_eq!(count(&keys), 1);
            // Nobody came for a day.
            let only = keys.keys.keys()[0].0.name;
            next(&keys, T + 6 * LIFE);
            assert_eq!(count(&keys), 1);
            assert_ne!(keys.keys.keys()[0].0.name, only);
        }
    }

    #[test]
    fn each_acceptor_has_keys_that_nobody_else_has() {
        let (ticket, _) = sealed(&own(), T);
        assert!(!opens(&own(), &ticket, T));
        // It is not the name alone that another key has, nor half of the secret.
        let mut halves = std::collections::BTreeSet::new();
        for _ in 0..4 {
            let keys = own();
            sealed(&keys, T + LIFE);
            for key in &*keys.keys.keys() {
                let (one, other) = key.0.secret.split_at(16);
                halves.extend([one, other, &key.0.name].map(<[u8]>::to_vec));
            }
        }
        assert_eq!(halves.len(), 4 * 2 * 3);
    }

    /// Within one second too, and where the clock was set back a little. Names are random, and so
    /// is which comes first of two keys that begin at once.
    #[test]
    fn a_key_that_has_sealed_enough_makes_room_for_another() {
        for (turn, later) in [T, T - 1].into_iter().cycle().take(32).enumerate() {
            let keys = own();
            let (before, first) = sealed(&keys, T);
            use_up(&keys, later);
            let (after, second) = sealed(&keys, later);
            assert_ne!(first, second);
            assert!(opens(&keys, &before, later) && opens(&keys, &after, later));
            assert_eq!(sealed(&keys, later).1, second, "{turn}");
        }
        // Each opens for its six hours, as many as there may be.
        let keys = own();
        let all: Vec<_> = (1..TICKET_KEYS)
            .map(|_| {
                let (ticket, _) = sealed(&keys, T);
                use_up(&keys, T);
                ticket
            })
            .collect();
        assert!(all.iter().all(|ticket| opens(&keys, ticket, T)));
        use_up(&keys, T);
        sealed(&keys, T);
        assert_eq!(count(&keys), TICKET_KEYS);
    }

    /// By a little, which is nothing; by more; and on again, where everything is as it was.
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
        let (last, again) = sealed(&keys, T + LIFE - 1);
        assert_eq!(again, first);
        sealed(&keys, T + LIFE);
        assert!(opens(&keys, &last, T + 2 * LIFE - 1));
    }

    /// A key of a clock that was far ahead is not kept until that time comes.
    #[test]
    fn a_clock_that_was_ahead() {
        const YEAR: u64 = 365 * 24 * 60 * 60;
        let keys = own();
        for ahead in [T + YEAR, u64::MAX >> 1, u64::MAX - LIFE, u64::MAX] {
            // In the last hours that can be counted nothing may be sealed.
            let ticket = keys.seal(&HERE, b"state", at(ahead));
            assert_eq!(ticket.is_some(), ahead < u64::MAX);
            let (_, here) = sealed(&keys, T);
            assert_eq!(count(&keys), 1);
            assert_eq!(sealed(&keys, T + 1).1, here);
            assert!(!ticket.is_some_and(|ticket| opens(&keys, &ticket, ahead)));
        }
    }

    #[test]
    fn clocks_that_show_anything() {
        for now in [0, 1, T, u64::MAX >> 1] {
            let keys = OwnKeys::new(at(now)).unwrap().unwrap();
            let (ticket, name) = sealed(&keys, now);
            assert!(opens(&keys, &ticket, now));
            assert_eq!(sealed(&keys, now + LIFE - 1).1, name);
        }
    }

    /// All of them need a new key at once, and one is made.
    #[test]
    fn threads_agree_on_the_next_key() {
        const THREADS: usize = 8;
        let keys = own();
        let begin = std::sync::Barrier::new(THREADS + 1);
        let names: Vec<[u8; 16]> = std::thread::scope(|scope| {
            let waiting = keys.changing.lock().unwrap();
            let all: Vec<_> = (0..THREADS)
                .map(|_| {
                    scope.spawn(|| {
                        begin.wait();
                        sealed(&keys, T + LIFE).1
                    })
                })
                .collect();
            begin.wait();
            // Time enough for all to have found that there is none.
            std::thread::sleep(std::time::Duration::from_millis(50));
            drop(waiting);
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(names.iter().all(|name| *name == names[0]), "{names:?}");
        assert_eq!(count(&keys), 2);
    }
}
