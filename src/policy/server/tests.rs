use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;
use ConnectionSecurity::{Cleartext, LegacyTls, ModernTls};

fn day(year: u16, month: u8, day: u8) -> UtcDay {
    UtcDay::from_date(year, month, day).unwrap()
}

/// Announced in January, warned from February, refusing from 1 March to 30 June, refused in July.
fn schedule() -> DeprecationSchedule {
    let days = [1, 2, 3, 7].map(|month| day(2027, month, 1));
    DeprecationSchedule::new(b"salt", days).unwrap()
}

fn verdict(
    policy: &ServerPolicy,
    security: ConnectionSecurity,
    migration: UserMigration,
    today: UtcDay,
) -> AdmissionVerdict {
    let attempt = LoginAttempt::new(Service::Imap, security, "ann").with_migration(migration);
    policy.decide(&attempt, today).verdict()
}

/// RFC 8314 §4.1, clause by clause.
#[test]
fn verdicts() {
    let plain = UserMigration::default();
    let required = plain.with_tls_required(true);
    let exempt = plain.with_exemption(true);
    let exposed = plain.with_exposed_password(true);
    let denial = Denial {
        service: Service::Imap,
    };
    let (allow, change) = (
        AdmissionVerdict::Allow,
        AdmissionVerdict::RequirePasswordChange,
    );
    let tls = AdmissionVerdict::RequireTls(denial);
    let tls12 = AdmissionVerdict::RequireTls12(denial);
    let today = day(2027, 7, 1);
    let phased_out = ServerPolicy::phasing_out_cleartext(schedule());
    let strict = ServerPolicy::requiring_tls();
    let open = ServerPolicy::permitting_cleartext();
    let legacy = ServerPolicy::permitting_cleartext().with_legacy_tls();
    let rows = [
        (&strict, ModernTls, plain, allow),
        (&strict, ModernTls, required, allow),
        (&strict, ModernTls, exempt, allow),
        (&strict, ModernTls, exposed, change),
        (&strict, LegacyTls, plain, tls12),
        (&strict, LegacyTls, exempt, tls12),
        (&strict, Cleartext, plain, tls),
        (&strict, Cleartext, exposed, tls),
        (&strict, Cleartext, exempt, tls),
        (&open, ModernTls, exposed, change),
        (&open, LegacyTls, plain, tls12),
        (&open, Cleartext, plain, allow),
        (&open, Cleartext, exposed, allow),
        (&open, Cleartext, required, tls),
        (&open, Cleartext, required.with_exemption(true), tls),
        (&legacy, LegacyTls, plain, allow),
        (&legacy, LegacyTls, required, tls12),
        (&legacy, Cleartext, required, tls),
        // §4.1 (b): legacy systems, after all others.
        (&phased_out, Cleartext, plain, tls),
        (&phased_out, Cleartext, exempt, allow),
        (&phased_out, Cleartext, exempt.with_tls_required(true), tls),
        (&phased_out, LegacyTls, exempt, tls12),
    ];
    for (policy, security, migration, expected) in rows {
        let found = verdict(policy, security, migration, today);
        assert_eq!(found, expected, "{security:?} {migration:?}");
    }
}

#[test]
fn the_stages() {
    let policy = ServerPolicy::phasing_out_cleartext(schedule());
    let refused_from = schedule().refused_from("ann");
    let before = UtcDay::of(
        UNIX_EPOCH + Duration::from_secs(u64::from(refused_from.since_1970() - 1) * 86400),
    );
    let rows = [
        (day(2026, 12, 31), Stage::Unannounced, true, false),
        (day(2027, 1, 1), Stage::Announced, true, true),
        (day(2027, 1, 31), Stage::Announced, true, true),
        (day(2027, 2, 1), Stage::Warned, true, true),
        (before, Stage::Refusing, true, true),
        (refused_from, Stage::Refusing, false, false),
        (day(2027, 7, 1), Stage::Refused, false, false),
        (day(2030, 1, 1), Stage::Refused, false, false),
    ];
    for (today, stage, is_allowed, is_told) in rows {
        assert_eq!(policy.stage(today), Some(stage), "{today}");
        match verdict(&policy, Cleartext, UserMigration::default(), today) {
            AdmissionVerdict::Allow => assert!(is_allowed && !is_told, "{today}"),
            AdmissionVerdict::AllowAndTell(notice) => {
                assert!(is_allowed && is_told, "{today}");
                assert_eq!(notice.stage(), stage);
                assert_eq!(notice.refused_from(), Some(refused_from));
                assert!(notice.to_string().contains(&refused_from.to_string()));
            }
            AdmissionVerdict::RequireTls(_) => assert!(!is_allowed, "{today}"),
            other @ (AdmissionVerdict::RequirePasswordChange
            | AdmissionVerdict::RequireTls12(_)) => panic!("{other:?}"),
        }
        let offered = policy.permits_login(Cleartext, today);
        assert_eq!(offered, stage != Stage::Refused, "{today}");
        assert!(policy.permits_login(ModernTls, today));
        assert!(!policy.permits_login(LegacyTls, today));
    }
}

/// A user whose program has TLS, though an old one, is not told that it has none.
#[test]
fn what_users_are_told() {
    let policy = ServerPolicy::phasing_out_cleartext(schedule()).with_legacy_tls();
    for (security, beginning) in [
        (
            Cleartext,
            "Your mail program sent your password without TLS, ",
        ),
        (
            LegacyTls,
            "Your mail program sent your password by a version of TLS that is too old ",
        ),
    ] {
        let today = day(2027, 2, 1);
        match verdict(&policy, security, UserMigration::default(), today) {
            AdmissionVerdict::AllowAndTell(notice) => {
                let text = notice.to_string();
                assert!(text.starts_with(beginning), "{text}");
                let end = ": from 2027-03-28 on it cannot log in without.";
                assert!(text.ends_with(end), "{text}");
            }
            other @ (AdmissionVerdict::Allow
            | AdmissionVerdict::RequirePasswordChange
            | AdmissionVerdict::RequireTls(_)
            | AdmissionVerdict::RequireTls12(_)) => panic!("{other:?}"),
        }
    }
}

/// RFC 8314 §4.1: "the same indication", byte for byte, whoever it is. A password has no way in.
#[test]
fn the_denial_is_one_constant() {
    let rows = [
        (
            Service::Imap,
            "a1 NO [PRIVACYREQUIRED] Logging in needs TLS 1.2 or later\r\n",
        ),
        (
            Service::Pop3,
            "-ERR [SYS/PERM] Logging in needs TLS 1.2 or later\r\n",
        ),
        (
            Service::Submission,
            "538 5.7.11 Logging in needs TLS 1.2 or later\r\n",
        ),
        (
            Service::Lmtp,
            "538 5.7.11 Logging in needs TLS 1.2 or later\r\n",
        ),
        (
            Service::SmtpRelay,
            "538 5.7.11 Logging in needs TLS 1.2 or later\r\n",
        ),
        (
            Service::ManageSieve,
            "NO (ENCRYPT-NEEDED) \"Logging in needs TLS 1.2 or later\"\r\n",
        ),
    ];
    assert_eq!(rows.len(), Service::ALL.len());
    let (plain, refused) = (UserMigration::default(), day(2027, 7, 1));
    for (service, line) in rows {
        let policies = [
            ServerPolicy::requiring_tls(),
            ServerPolicy::phasing_out_cleartext(schedule()),
        ];
        let mut seen = BTreeSet::new();
        for policy in &policies {
            for user in [
                "ann",
                "nobody-of-that-name",
                "",
                "x\r\nA1 OK",
                "ä@example.org",
            ] {
                for migration in [
                    plain,
                    plain.with_tls_required(true),
                    plain.with_exposed_password(true),
                ] {
                    for security in [Cleartext, LegacyTls] {
                        let attempt = LoginAttempt::new(service, security, user);
                        let attempt = attempt.with_migration(migration);
                        match policy.decide(&attempt, refused).verdict() {
                            AdmissionVerdict::RequireTls(denial)
                            | AdmissionVerdict::RequireTls12(denial) => {
                                seen.insert(denial.reply("a1").to_string());
                            }
                            other @ (AdmissionVerdict::Allow
                            | AdmissionVerdict::AllowAndTell(_)
                            | AdmissionVerdict::RequirePasswordChange) => panic!("{other:?}"),
                        }
                    }
                }
            }
        }
        assert_eq!(seen, BTreeSet::from([line.to_owned()]));
    }
}

/// RFC 9051 §9: a tag is what its grammar says, and nothing else is repeated to the client.
#[test]
fn what_is_no_tag_is_not_sent_back() {
    let policy = ServerPolicy::requiring_tls();
    let attempt = LoginAttempt::new(Service::Imap, Cleartext, "ann");
    let AdmissionVerdict::RequireTls(denial) = policy.decide(&attempt, day(2027, 1, 1)).verdict()
    else {
        panic!("cleartext is forbidden")
    };
    assert!(denial.reply("a.1").to_string().starts_with("a.1 NO "));
    for tag in ["", "+", "*", "a b", "a1 OK\r\n* BYE", "\u{e4}"] {
        let line = denial.reply(tag).to_string();
        assert!(line.starts_with("* NO ["), "{line:?}");
        assert_eq!(line.matches("\r\n").count(), 1, "{line:?}");
    }
}

#[test]
fn what_is_counted_and_logged() {
    let policy = ServerPolicy::phasing_out_cleartext(schedule());
    let plain = UserMigration::default();
    let today = day(2027, 2, 1);
    let decide = |security, migration| {
        let attempt = LoginAttempt::new(Service::Pop3, security, "ann\n x=y");
        policy.decide(&attempt.with_migration(migration), today)
    };
    let admission = decide(Cleartext, plain);
    assert_eq!(
        admission.to_string(),
        "service=POP3 security=cleartext verdict=allow-and-tell stage=warned user=ann\\n\\u{20}x=y"
    );
    assert!(admission.is_exposure());
    assert_eq!(admission.security(), Cleartext);
    assert_eq!(admission.user().as_untrusted_bytes(), b"ann\n x=y");
    let _ = decide(Cleartext, plain.with_tls_required(true));
    let _ = decide(Cleartext, plain.with_tls_required(true));
    let _ = decide(LegacyTls, plain);
    assert!(!decide(ModernTls, plain).is_exposure());
    let _ = decide(ModernTls, plain.with_exposed_password(true));
    let counts = policy.counts();
    let expected = AdmissionCounts {
        modern_tls: 1,
        password_changes: 1,
        legacy_tls_allowed: 0,
        legacy_tls_refused: 1,
        cleartext_allowed: 1,
        cleartext_refused: 2,
    };
    assert_eq!(counts, expected);
}

#[test]
fn a_schedule_in_the_wrong_order() {
    let good = [1, 2, 3, 4].map(|month| day(2027, month, 1));
    assert!(DeprecationSchedule::new(b"", good).is_ok());
    assert!(DeprecationSchedule::new(b"", [good[0]; 4]).is_ok());
    for at in 0..3 {
        let mut days = good;
        days.swap(at, at + 1);
        assert_eq!(
            DeprecationSchedule::new(b"", days).unwrap_err(),
            InvalidSchedule
        );
    }
}

/// Values that another implementation must come to as well: SHA-256 of the salt's length in eight
/// bytes, the salt and the name in lower case; its first eight bytes times the days, over 2^64.
#[test]
fn a_fleet_agrees() {
    let schedule = schedule();
    for (user, expected) in KNOWN {
        assert_eq!(schedule.refused_from(user).to_string(), *expected, "{user}");
    }
    assert_eq!(schedule.refused_from("ANN"), schedule.refused_from("ann"));
}

const KNOWN: &[(&str, &str)] = &[
    ("ann", "2027-03-28"),
    ("bob@example.org", "2027-05-21"),
    ("", "2027-03-31"),
    ("jürgen", "2027-05-08"),
];

/// Of many users about the same number is refused each day, and with another salt others are.
#[test]
fn the_share_grows_evenly() {
    let ten_days = [
        day(2027, 3, 1),
        day(2027, 3, 1),
        day(2027, 3, 1),
        day(2027, 3, 10),
    ];
    let one = DeprecationSchedule::new(b"one", ten_days).unwrap();
    let other = DeprecationSchedule::new(b"other", ten_days).unwrap();
    let mut each_day = [0_u32; 10];
    let mut same = 0_u32;
    for user in 0..10_000 {
        let user = format!("user{user}@example.org");
        let from = one.refused_from(&user);
        let at = from.since_1970() - day(2027, 3, 1).since_1970();
        each_day[usize::try_from(at).unwrap()] += 1;
        same += u32::from(from == other.refused_from(&user));
    }
    assert!(
        each_day.iter().all(|count| (850..1150).contains(count)),
        "{each_day:?}"
    );
    assert!((850..1150).contains(&same), "{same}");
}

#[test]
fn dates() {
    let rows = [
        (1970, 1, 1, 0, "1970-01-01"),
        (1970, 12, 31, 364, "1970-12-31"),
        (1972, 2, 29, 789, "1972-02-29"),
        (2000, 2, 29, 11_016, "2000-02-29"),
        (2026, 11, 23, 20_780, "2026-11-23"),
        (2100, 3, 1, 47_541, "2100-03-01"),
        (9999, 12, 31, 2_932_896, "9999-12-31"),
    ];
    for (year, month, date, number, text) in rows {
        let day = day(year, month, date);
        assert_eq!(day.since_1970(), number, "{text}");
        assert_eq!(day.to_string(), text);
        let seconds = Duration::from_secs(u64::from(number) * 86400);
        assert_eq!(UtcDay::of(UNIX_EPOCH + seconds), day);
        assert_eq!(
            UtcDay::of(UNIX_EPOCH + seconds + Duration::from_secs(86399)),
            day
        );
    }
    for (year, month, date) in [
        (1969, 12, 31),
        (10_000, 1, 1),
        (2027, 0, 1),
        (2027, 13, 1),
        (2027, 1, 0),
        (2027, 1, 32),
        (2027, 2, 29),
        (2100, 2, 29),
        (2027, 4, 31),
    ] {
        assert_eq!(UtcDay::from_date(year, month, date), None);
    }
    assert_eq!(
        UtcDay::of(UNIX_EPOCH - Duration::from_secs(1)).since_1970(),
        0
    );
}

proptest! {
    /// What was decided before, by this server or another one, for whomever, changes nothing; and a
    /// refusal is the one line of its protocol.
    #[test]
    fn an_attempt_decides_alone(
        attempts in prop::collection::vec(
            (".{0,20}", any::<[bool; 3]>(), 0..3_usize, 0_u32..250, 0..Service::ALL.len()),
            1..12,
        ),
    ) {
        let first = day(2026, 12, 15).since_1970();
        let busy = ServerPolicy::phasing_out_cleartext(schedule());
        for (user, [required, exempt, exposed], security, after, service) in &attempts {
            let seconds = u64::from(first + after) * 86_400;
            let today = UtcDay::of(UNIX_EPOCH + Duration::from_secs(seconds));
            let migration = UserMigration::default()
                .with_tls_required(*required)
                .with_exemption(*exempt)
                .with_exposed_password(*exposed);
            let security = [Cleartext, LegacyTls, ModernTls][*security];
            let attempt = LoginAttempt::new(Service::ALL[*service], security, user);
            let attempt = attempt.with_migration(migration);
            let fresh = ServerPolicy::phasing_out_cleartext(schedule());
            let decided = fresh.decide(&attempt, today);
            prop_assert_eq!(&busy.decide(&attempt, today), &decided);
            if let AdmissionVerdict::RequireTls(denial) | AdmissionVerdict::RequireTls12(denial) =
                decided.verdict()
            {
                let constant = Denial { service: Service::ALL[*service] };
                prop_assert_eq!(denial.reply("t").to_string(), constant.reply("t").to_string());
                prop_assert_ne!(security, ModernTls);
            }
        }
        let counts = busy.counts();
        let sum = counts.modern_tls + counts.password_changes + counts.legacy_tls_allowed
            + counts.legacy_tls_refused + counts.cleartext_allowed + counts.cleartext_refused;
        prop_assert_eq!(sum, u64::try_from(attempts.len()).unwrap());
    }

    /// Who was refused stays refused; nobody is refused before the first day, all are on the last.
    #[test]
    fn nobody_comes_back(user in ".{0,40}", first in 0_u32..30_000, length in 0_u32..1_000) {
        let at = |number: u32| {
            UtcDay::of(UNIX_EPOCH + Duration::from_secs(u64::from(number) * 86400))
        };
        let days = [at(first), at(first), at(first), at(first + length)];
        let schedule = DeprecationSchedule::new(b"salt", days).unwrap();
        let from = schedule.refused_from(&user);
        prop_assert!(at(first) <= from && from <= at(first + length));
        let policy = ServerPolicy::phasing_out_cleartext(schedule);
        let attempt = LoginAttempt::new(Service::Imap, Cleartext, &user);
        for today in [first, first + length / 2, first + length, first + length + 1] {
            let verdict = policy.decide(&attempt, at(today)).verdict();
            let is_refused = matches!(verdict, AdmissionVerdict::RequireTls(_));
            prop_assert_eq!(is_refused, at(today) >= from);
        }
    }
}
