#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
use proptest::prelude::*;

use super::*;

const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
/// 2030-01-01 00:00:00 UTC.
const T: u64 = 1_893_456_000;
/// What the tickets of the tests are bound to.
const HERE: [u8; 32] = [7; 32];

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

fn time(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn octets(seed: u8) -> Vec<u8> {
    (0..48).map(|n: u8| n.wrapping_mul(7) ^ seed).collect()
}

fn key(seed: u8, begins: u64, ends: u64) -> TicketKey {
    TicketKey::new(&octets(seed), time(begins), time(ends)).unwrap()
}

/// The key of the day that begins so many days after `T`.
fn of_day(day: u64) -> TicketKey {
    let seed = u8::try_from(day).unwrap();
    key(seed, T + day * DAY, T + (day + 1) * DAY)
}

/// Seals nothing, so that a test sees the keys alone: the key, the associated data, the plaintext.
#[derive(Debug)]
struct Plain;

impl TicketSealer for Plain {
    fn seal(&self, key: &[u8; 32], associated: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
        Some([&key[..], associated, plaintext].concat())
    }
    fn open(&self, key: &[u8; 32], associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let rest = sealed.strip_prefix(&key[..])?.strip_prefix(associated)?;
        Some(rest.to_vec())
    }
}

fn with(keys: impl IntoIterator<Item = TicketKey>) -> TicketKeys {
    TicketKeys::with_sealer(Arc::new(Plain), keys).unwrap()
}

fn name_of(ticket: &[u8]) -> &[u8] {
    &ticket[..16]
}

#[test]
fn keys_that_cannot_be_used() {
    use InvalidTicketKeys as I;
    let new = |octets: &[u8], begins, ends| TicketKey::new(octets, time(begins), time(ends)).err();
    for length in [0, 16, 47, 49, 80] {
        assert_eq!(new(&vec![1; length], T, T + 1), Some(I::Length { length }));
    }
    let mut never_filled = [0; 48];
    never_filled[..16].copy_from_slice(b"a name is no key");
    assert_eq!(new(&never_filled, T, T + 1), Some(I::NotRandom));
    assert_eq!(new(&octets(1), T, T), Some(I::EndsBeforeItBegins));
    assert_eq!(new(&octets(1), T + 1, T), Some(I::EndsBeforeItBegins));
    assert_eq!(new(&octets(1), T, T + 1), None);

    let set = |keys: Vec<TicketKey>| TicketKeys::with_sealer(Arc::new(Plain), keys).err();
    assert_eq!(set(vec![]), Some(I::None));
    assert_eq!(
        set(vec![of_day(0), of_day(1), of_day(0)]),
        Some(I::SameName)
    );
    let many = |count: u8| (0..count).map(|day| of_day(day.into())).collect();
    assert_eq!(set(many(64)), None);
    assert_eq!(set(many(65)), Some(I::TooMany { count: 65 }));
}

/// The set that cannot be used changes nothing.
#[test]
fn the_old_keys_go_on() {
    let keys = with([of_day(0)]);
    let ticket = keys.seal(&HERE, b"state", at(T)).unwrap();
    assert_eq!(keys.replace([]), Err(InvalidTicketKeys::None));
    assert_eq!(
        keys.open(&HERE, &ticket, at(T)).as_deref(),
        Some(&b"state"[..])
    );
    keys.replace([of_day(1)]).unwrap();
    assert_eq!(keys.open(&HERE, &ticket, at(T)), None, "left out");
}

/// Which key seals, by the time: the one that began last, from its first second to its last.
#[test]
fn the_key_that_began_last_seals() {
    let overlapping = key(9, T + DAY / 2, T + 3 * DAY);
    let all = [of_day(0), overlapping.clone(), of_day(1), of_day(5)];
    let rows = [
        (T - 1, None),
        (T, Some(&all[0])),
        (T + DAY / 2 - 1, Some(&all[0])),
        (T + DAY / 2, Some(&overlapping)),
        (T + DAY - 1, Some(&overlapping)),
        (T + DAY, Some(&all[2])),
        (T + 2 * DAY - 1, Some(&all[2])),
        (T + 2 * DAY, Some(&overlapping)),
        (T + 3 * DAY, None),
        (T + 5 * DAY, Some(&all[3])),
        (T + 6 * DAY, None),
    ];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
        let keys = with(order.map(|index: usize| all[index].clone()));
        for (now, expected) in &rows {
            let ticket = keys.seal(&HERE, b"state", at(*now));
            let sealed_by = ticket.as_deref().map(name_of);
            assert_eq!(sealed_by, expected.map(|key| &key.0.name[..]), "{now}");
        }
    }
    // Two that begin at once: the same everywhere.
    let (one, other) = (key(1, T, T + DAY), key(2, T, T + DAY));
    let here = with([one.clone(), other.clone()])
        .seal(&HERE, b"", at(T))
        .unwrap();
    let there = with([other, one]).seal(&HERE, b"", at(T)).unwrap();
    assert_eq!(name_of(&here), name_of(&there));
}

/// Until when a ticket is taken: as long as it may live, and whatever key seals by then.
#[test]
fn tickets_outlive_the_key_that_seals() {
    let keys = with([of_day(0), of_day(1)]);
    let life = TICKET_LIFETIME.as_secs();
    for sealed_at in [T, T + DAY - 1, T + DAY, T + 2 * DAY - 1] {
        let ticket = keys.seal(&HERE, b"state", at(sealed_at)).unwrap();
        for (now, is_taken) in [
            (sealed_at, true),
            (sealed_at + life, true),
            (sealed_at + life + 1, false),
            (sealed_at + 9 * DAY, false),
            // A clock behind that of the machine that sealed, and one that was set back.
            (sealed_at - TICKET_CLOCK_SKEW.as_secs(), true),
            (sealed_at - TICKET_CLOCK_SKEW.as_secs() - 1, false),
        ] {
            let opened = keys.open(&HERE, &ticket, at(now));
            assert_eq!(opened.is_some(), is_taken, "{sealed_at} {now}");
        }
    }
    // Whatever age the ticket says that it has: a key that is past opens nothing.
    let now = T + 2 * DAY;
    let [name, secret] = [&octets(0)[..16], &octets(0)[16..]];
    let ticket = [
        name,
        secret,
        name,
        &HERE,
        &now.to_be_bytes(),
        &HERE,
        b"state",
    ]
    .concat();
    assert!(
        with([key(0, T, T + 2 * DAY)])
            .open(&HERE, &ticket, at(now))
            .is_some()
    );
    assert_eq!(with([of_day(0)]).open(&HERE, &ticket, at(now)), None);
}

/// Whatever the key, and however the sealer is asked: the binding is no part of the ticket.
#[test]
fn a_ticket_opens_only_where_it_is_bound_to() {
    let mut all = vec![with([of_day(0)])];
    all.extend(TicketKeys::new([of_day(0)]));
    for keys in all {
        let ticket = keys.seal(&HERE, b"state", at(T)).unwrap();
        assert_eq!(
            keys.open(&HERE, &ticket, at(T)).as_deref(),
            Some(&b"state"[..])
        );
        for octet in 0..32 {
            let mut there = HERE;
            there[octet] ^= 1;
            assert_eq!(keys.open(&there, &ticket, at(T)), None, "{octet}");
        }
    }
}

/// It authenticates less than it should: a ticket still opens nowhere else.
#[test]
fn a_sealer_that_forgets_what_is_associated() {
    #[derive(Debug)]
    struct Forgetful;
    impl TicketSealer for Forgetful {
        fn seal(&self, key: &[u8; 32], _: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
            Plain.seal(key, b"", plaintext)
        }
        fn open(&self, key: &[u8; 32], _: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
            Plain.open(key, b"", sealed)
        }
    }
    let keys = TicketKeys::with_sealer(Arc::new(Forgetful), [of_day(0)]).unwrap();
    let ticket = keys.seal(&HERE, b"state", at(T)).unwrap();
    assert!(keys.open(&HERE, &ticket, at(T)).is_some());
    assert_eq!(keys.open(&[8; 32], &ticket, at(T)), None);
}

/// Two machines of which one has its clock ahead, and already seals with the next key.
#[test]
fn the_next_key_opens_before_it_begins() {
    let (ahead, behind) = (with([of_day(0), of_day(1)]), with([of_day(1), of_day(0)]));
    let early = ahead.seal(&HERE, b"state", at(T + DAY)).unwrap();
    assert_eq!(name_of(&early), &octets(1)[..16]);
    let opened = behind.open(&HERE, &early, at(T + DAY - 120));
    assert_eq!(opened.as_deref(), Some(&b"state"[..]));
    let late = behind.seal(&HERE, b"state", at(T + DAY - 120)).unwrap();
    assert_eq!(name_of(&late), &octets(0)[..16]);
    assert!(ahead.open(&HERE, &late, at(T + DAY)).is_some());
}

/// No key of that name: the sealer is not even asked.
#[test]
fn unknown_keys_cost_nothing() {
    #[derive(Debug)]
    struct Untouchable;
    impl TicketSealer for Untouchable {
        fn seal(&self, _: &[u8; 32], _: &[u8], _: &[u8]) -> Option<Vec<u8>> {
            None
        }
        fn open(&self, _: &[u8; 32], _: &[u8], _: &[u8]) -> Option<Vec<u8>> {
            panic!("asked")
        }
    }
    let keys = TicketKeys::with_sealer(Arc::new(Untouchable), [of_day(0)]).unwrap();
    let elsewhere = with([of_day(1)])
        .seal(&HERE, b"state", at(T + DAY))
        .unwrap();
    assert_eq!(keys.open(&HERE, &elsewhere, at(T)), None);
    assert_eq!(keys.open(&HERE, &octets(0)[..15], at(T)), None);
    assert_eq!(keys.open(&HERE, b"", at(T)), None);
    assert_eq!(
        keys.seal(&HERE, b"state", at(T)),
        None,
        "a sealer that cannot"
    );
}

#[test]
fn a_key_does_not_seal_for_ever() {
    let keys = with([of_day(0)]);
    let only = &keys.keys()[0];
    only.0.sealed.store(TICKETS_PER_KEY - 1, Ordering::Relaxed);
    let last = keys.seal(&HERE, b"state", at(T)).unwrap();
    for _ in 0..3 {
        assert_eq!(keys.seal(&HERE, b"state", at(T)), None);
    }
    assert!(
        keys.open(&HERE, &last, at(T)).is_some(),
        "what was sealed opens"
    );
}

/// Where an older one seals still, it does.
#[test]
fn a_key_that_has_sealed_enough_leaves_it_to_the_one_before() {
    let [older, newer] = [of_day(0), key(9, T + 1, T + DAY)];
    let keys = with([older, newer.clone()]);
    newer.0.sealed.store(TICKETS_PER_KEY - 1, Ordering::Relaxed);
    for expected in [9, 0, 0] {
        let ticket = keys.seal(&HERE, b"state", at(T + 1)).unwrap();
        assert_eq!(name_of(&ticket), &octets(expected)[..16]);
    }
}

/// Keys that are made anew of the same octets with each replacement, as the module shows it.
#[test]
fn a_replacement_does_not_begin_to_count_anew() {
    let keys = with([of_day(0)]);
    let only = &keys.keys()[0];
    only.0.sealed.store(TICKETS_PER_KEY - 1, Ordering::Relaxed);
    keys.replace([of_day(0), of_day(1)]).unwrap();
    assert!(keys.seal(&HERE, b"state", at(T)).is_some());
    assert_eq!(keys.seal(&HERE, b"state", at(T)), None);
    keys.replace([of_day(0), of_day(1)]).unwrap();
    assert_eq!(keys.seal(&HERE, b"state", at(T)), None);
    let next = keys.seal(&HERE, b"state", at(T + DAY)).unwrap();
    assert_eq!(name_of(&next), &octets(1)[..16], "another key has its own");
}

#[test]
fn secrets_are_not_shown() {
    let keys = with([of_day(0), of_day(1)]);
    let shown = format!("{keys:?} {:?} {:#?}", of_day(2), keys);
    for day in 0..3 {
        let hex: String = octets(day)[16..20]
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert!(!shown.contains(&hex), "{shown}");
        let list = format!("{:?}", &octets(day)[16..18]);
        assert!(!shown.contains(list.trim_matches(['[', ']'])), "{shown}");
    }
    let name: String = octets(0)[..16].iter().map(|b| format!("{b:02x}")).collect();
    assert!(shown.contains(&name), "{shown}");
}

/// The sealers of the enabled features.
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
fn sealers() -> Vec<Arc<dyn TicketSealer>> {
    vec![
        #[cfg(feature = "aws-lc-rs")]
        Arc::new(aead::aws_lc::Aes256Gcm),
        #[cfg(feature = "ring")]
        Arc::new(aead::with_ring::Aes256Gcm),
    ]
}

/// NIST's test case 16 of AES-256-GCM (The Galois/Counter Mode of Operation, appendix B), which is
/// what both have to be.
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#[test]
fn it_is_aes_256_gcm() {
    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex
            .chars()
            .filter_map(|c| c.to_digit(16)?.try_into().ok())
            .collect();
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    }
    let key: [u8; 32] = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")
        .try_into()
        .unwrap();
    let associated = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let plaintext = bytes(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    let sealed = bytes(
        "cafebabefacedbaddecaf888\
         522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
         76fc6ece0f4e1768cddf8853bb2d551b",
    );
    for sealer in sealers() {
        assert_eq!(
            sealer.open(&key, &associated, &sealed).as_ref(),
            Some(&plaintext)
        );
        assert_eq!(sealer.open(&key, b"", &sealed), None);
        let (one, other) = (
            sealer.seal(&key, b"", &plaintext).unwrap(),
            sealer.seal(&key, b"", &plaintext).unwrap(),
        );
        assert_eq!(one.len(), 12 + plaintext.len() + 16);
        assert_ne!(one, other);
        // A nonce of its own, of which each octet is random: sixteen are not alike in any.
        let all: Vec<_> = (0..16)
            .map(|_| sealer.seal(&key, b"", b"").unwrap())
            .collect();
        for index in 0..12 {
            let is_alike = all.windows(2).all(|pair| pair[0][index] == pair[1][index]);
            assert!(!is_alike, "{index}");
        }
    }
}

/// A fleet in which one machine was built with the other library.
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#[test]
fn each_library_opens_what_the_other_sealed() {
    for sealing in sealers() {
        for opening in sealers() {
            let here = TicketKeys::with_sealer(Arc::clone(&sealing), [of_day(0)]).unwrap();
            let there = TicketKeys::with_sealer(opening, [of_day(0)]).unwrap();
            let ticket = here.seal(&HERE, b"state", at(T)).unwrap();
            assert_eq!(
                there.open(&HERE, &ticket, at(T)).as_deref(),
                Some(&b"state"[..])
            );
            assert!(!ticket.windows(5).any(|window| window == b"state"));
        }
    }
}

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#[test]
fn cut_and_changed_tickets_open_nothing() {
    for sealer in sealers() {
        let keys = TicketKeys::with_sealer(sealer, [of_day(0), of_day(1)]).unwrap();
        let ticket = keys.seal(&HERE, b"the state of a session", at(T)).unwrap();
        for length in 0..ticket.len() {
            assert_eq!(keys.open(&HERE, &ticket[..length], at(T)), None, "{length}");
        }
        for index in 0..ticket.len() {
            for bit in [0x01, 0x80] {
                let mut changed = ticket.clone();
                changed[index] ^= bit;
                assert_eq!(keys.open(&HERE, &changed, at(T)), None, "{index}");
            }
        }
        assert_eq!(keys.open(&HERE, &[&ticket[..], &[0]].concat(), at(T)), None);
        // Sealed with another key under this key's name.
        let mut renamed = ticket.clone();
        renamed[..16].copy_from_slice(&octets(1)[..16]);
        assert_eq!(keys.open(&HERE, &renamed, at(T)), None);
    }
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
#[test]
fn without_a_feature_there_is_no_sealer() {
    let error = TicketKeys::new([of_day(0)]).unwrap_err();
    assert_eq!(error, InvalidTicketKeys::NoSealer);
    assert!(error.to_string().contains("pass a TicketSealer"));
}

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
proptest! {
    /// Whatever is sealed comes back on every machine while it lives, and nothing else ever does.
    #[test]
    fn sealing_and_opening(
        plaintext in prop::collection::vec(any::<u8>(), 0..300),
        sealed_at in 0..2 * DAY,
        later in 0..2 * DAY,
        noise in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let keys = TicketKeys::new([of_day(0), of_day(1)]).unwrap();
        let ticket = keys.seal(&HERE, &plaintext, at(T + sealed_at)).unwrap();
        let there = TicketKeys::new([of_day(1), of_day(2), of_day(0)]).unwrap();
        let opened = there.open(&HERE, &ticket, at(T + sealed_at + later));
        let lives = later <= TICKET_LIFETIME.as_secs();
        prop_assert_eq!(opened, lives.then_some(plaintext));
        prop_assert_eq!(keys.open(&HERE, &noise, at(T)), None);
        let named = [&octets(0)[..16], &noise].concat();
        prop_assert_eq!(keys.open(&HERE, &named, at(T)), None);
    }
}
