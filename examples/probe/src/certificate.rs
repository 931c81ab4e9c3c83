//! A certificate in words.

use pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate};

const DAY: i64 = 86_400;

/// What people want to see of one.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

pub(crate) fn facts(der: &CertificateDer<'_>) -> Option<Facts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    // A name from outside may hold anything.
    let shown = |name: String| name.escape_debug().to_string().replace("\\\"", "\"");
    Some(Facts {
        subject: shown(certificate.subject().to_string()),
        issuer: shown(certificate.issuer().to_string()),
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
    })
}

impl Facts {
    /// `2026-01-01 to 2026-03-31 (63 days left)`
    pub(crate) fn validity(&self, now: UnixTime) -> String {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let days = self.not_after.saturating_sub(now).div_euclid(DAY);
        let left = match days {
            ..0 => "expired".to_owned(),
            0 => "its last day".to_owned(),
            1 => "1 day left".to_owned(),
            days => format!("{days} days left"),
        };
        format!(
            "{} to {} ({left})",
            date(self.not_before),
            date(self.not_after)
        )
    }
}

/// The day of a time, `2026-01-31`.
pub(crate) fn date(seconds: i64) -> String {
    // Years that begin in March end with their leap day; 400 of them are an era.
    let days = seconds.div_euclid(DAY) + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = match month {
        ..10 => (era * 400 + year_of_era, month + 3),
        _ => (era * 400 + year_of_era + 1, month - 9),
    };
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-01-31 12:34 UTC`
pub(crate) fn minute(now: UnixTime) -> String {
    let seconds = i64::try_from(now.as_secs()).unwrap_or_default();
    let minutes = seconds.rem_euclid(DAY) / 60;
    format!(
        "{} {:02}:{:02} UTC",
        date(seconds),
        minutes / 60,
        minutes % 60
    )
}

#[cfg(test)]
mod tests {
    use super::date;

    /// As `date --utc --date=@…` has them.
    #[test]
    fn dates() {
        for (seconds, expected) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_767_225_599, "2025-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(seconds), expected);
        }
    }
}
