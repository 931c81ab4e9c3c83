//! How cleartext comes to an end: in stages, user by user.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

/// A day of the calendar in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UtcDay(u32);

/// When cleartext is announced to end, warned of, refused to a growing share of users, and refused
/// to all (RFC 8314 §4.1: "over time, more and more users").
///
/// When a user's turn comes is computed from the name and a salt, so that all servers of a fleet
/// agree without talking to each other, a user who was refused once stays refused, and nobody
/// knows by the name alone who is next. From the first to the last day of refusing the share grows
/// by the same number each day.
#[derive(Debug, Clone)]
pub struct DeprecationSchedule {
    salt: Box<[u8]>,
    announced: UtcDay,
    warned: UtcDay,
    first_refused: UtcDay,
    all_refused: UtcDay,
}

/// The days of a schedule are not in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "the days of the schedule are not in this order: the end of cleartext is announced, users are \
     warned, the first are refused, all are refused"
)]
#[non_exhaustive]
pub struct InvalidSchedule;

impl InvalidSchedule {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "schedule-not-in-order"
    }
}

/// Where a schedule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Stage {
    /// Nothing has been said yet.
    Unannounced,
    /// Users are told by the way, say in a newsletter.
    Announced,
    /// Users are warned at each login without TLS.
    Warned,
    /// Users are refused, more of them each day.
    Refusing,
    /// All users are refused.
    Refused,
}

impl UtcDay {
    /// The day of a time; one before 1970 counts as the first day of 1970.
    pub fn of(time: SystemTime) -> Self {
        let seconds = time
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        Self(u32::try_from(seconds / SECONDS_A_DAY).unwrap_or(u32::MAX))
    }

    /// A date of the Gregorian calendar from 1970 to 9999; `None` for one that does not exist.
    pub fn from_date(year: u16, month: u8, day: u8) -> Option<Self> {
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        if day == 0 || day > days_in(year, month) {
            return None;
        }
        let years: u32 = (1970..year).map(days_in_year).sum();
        let months: u32 = (1..month)
            .map(|month| u32::from(days_in(year, month)))
            .sum();
        Some(Self(
            years
                .saturating_add(months)
                .saturating_add(u32::from(day.saturating_sub(1))),
        ))
    }

    /// Days since 1 January 1970.
    pub const fn since_1970(self) -> u32 {
        self.0
    }
}

/// `2027-03-01` (ISO 8601); days after the year 9999 as a number.
impl fmt::Display for UtcDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        for year in 1970..=9999 {
            let days = days_in_year(year);
            if rest >= days {
                rest = rest.saturating_sub(days);
                continue;
            }
            for month in 1..=12 {
                let days = u32::from(days_in(year, month));
                if rest < days {
                    let day = rest.saturating_add(1);
                    return write!(f, "{year:04}-{month:02}-{day:02}");
                }
                rest = rest.saturating_sub(days);
            }
        }
        write!(f, "day {} since 1970", self.0)
    }
}

impl DeprecationSchedule {
    /// The first day of each stage: announced, warned, refusing, refused.
    ///
    /// The salt is the same on all servers of a fleet, and another at another provider. It need not
    /// be secret; where it is, nobody can compute who is next.
    ///
    /// # Errors
    /// [`InvalidSchedule`] if a day comes before the one that it follows. Two stages on the same day
    /// leave the earlier one out.
    pub fn new(salt: &[u8], days: [UtcDay; 4]) -> Result<Self, InvalidSchedule> {
        if !days.is_sorted() {
            return Err(InvalidSchedule);
        }
        let [announced, warned, first_refused, all_refused] = days;
        Ok(Self {
            salt: salt.into(),
            announced,
            warned,
            first_refused,
            all_refused,
        })
    }

    /// Where the schedule is on this day.
    pub fn stage(&self, today: UtcDay) -> Stage {
        if today >= self.all_refused {
            Stage::Refused
        } else if today >= self.first_refused {
            Stage::Refusing
        } else if today >= self.warned {
            Stage::Warned
        } else if today >= self.announced {
            Stage::Announced
        } else {
            Stage::Unannounced
        }
    }

    /// The first day on which this user is refused; the day on which all are, at the latest.
    pub fn refused_from(&self, user: &str) -> UtcDay {
        let days = self.all_refused.0.saturating_sub(self.first_refused.0);
        // The user's place among 2^64, scaled to the days of refusing, both ends included.
        let place = u128::from(self.place(user));
        let offset = place.saturating_mul(u128::from(days).saturating_add(1)) >> 64;
        let offset = u32::try_from(offset).unwrap_or(days);
        UtcDay(self.first_refused.0.saturating_add(offset))
    }

    /// A number that is as good as random, and the same wherever it is computed.
    fn place(&self, user: &str) -> u64 {
        let mut hash = Sha256::new();
        // With its length, so that salt and name cannot be divided in another way.
        let length = u64::try_from(self.salt.len()).unwrap_or(u64::MAX);
        hash.update(length.to_be_bytes());
        hash.update(&self.salt);
        for byte in user.bytes() {
            hash.update([byte.to_ascii_lowercase()]);
        }
        let digest: [u8; 32] = hash.finalize().into();
        digest
            .first_chunk()
            .map_or(0, |first| u64::from_be_bytes(*first))
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unannounced => "unannounced",
            Self::Announced => "announced",
            Self::Warned => "warned",
            Self::Refusing => "refusing",
            Self::Refused => "refused",
        })
    }
}

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

const fn is_leap(year: u16) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

const fn days_in_year(year: u16) -> u32 {
    if is_leap(year) { 366 } else { 365 }
}

const fn days_in(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}
