//! What the examples that judge certificates take from files, dates and features.

use std::error::Error as StdError;
use std::fs;
use std::time::{Duration, SystemTime};

use mail_tls::TrustAnchors;
use pki_types::pem::PemObject;
use pki_types::{CertificateDer, UnixTime};
use rustls::crypto::WebPkiSupportedAlgorithms;

pub(crate) type Outcome<T> = Result<T, Box<dyn StdError>>;

pub(crate) fn read(file: &str) -> Outcome<Vec<u8>> {
    fs::read(file).map_err(|error| format!("cannot read {file}: {error}").into())
}

pub(crate) fn chain(file: &str) -> Outcome<Vec<CertificateDer<'static>>> {
    let pem = read(file)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(format!("there is no certificate in {file}").into()),
        Err(error) => Err(format!("{file}: {error}").into()),
    }
}

pub(crate) fn unix(time: SystemTime) -> Outcome<UnixTime> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(UnixTime::since_unix_epoch(since))
}

/// `2030-01-31`, in the morning, or `2030-01-31T12:00:00Z`.
pub(crate) fn date(text: &str) -> Outcome<SystemTime> {
    let wrong = || format!("{text} is not a date such as 2030-01-31 or 2030-01-31T12:00:00Z");
    let (day, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let numbers = |text: &str, separator| -> Option<[u64; 3]> {
        let parts: Result<Vec<u64>, _> = text.split(separator).map(str::parse).collect();
        parts.ok()?.try_into().ok()
    };
    let [year, month, day] = numbers(day, '-').ok_or_else(wrong)?;
    let time = time.strip_suffix('Z').ok_or_else(wrong)?;
    let [hour, minute, second] = numbers(time, ':').ok_or_else(wrong)?;
    let is_leap_year = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last_day = match month {
        2 if is_leap_year => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_date = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=last_day).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !is_date {
        return Err(wrong().into());
    }
    // Years that begin in March end with their leap day.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let days = year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(feature = "aws-lc-rs")]
pub(crate) fn algorithms() -> Outcome<WebPkiSupportedAlgorithms> {
    Ok(rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms)
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
pub(crate) fn algorithms() -> Outcome<WebPkiSupportedAlgorithms> {
    Ok(rustls::crypto::ring::default_provider().signature_verification_algorithms)
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
pub(crate) fn algorithms() -> Outcome<WebPkiSupportedAlgorithms> {
    Err("build it with the feature aws-lc-rs or ring".into())
}

#[cfg(feature = "webpki-roots")]
pub(crate) fn built_in_anchors() -> Outcome<TrustAnchors> {
    Ok(TrustAnchors::webpki_roots())
}

#[cfg(not(feature = "webpki-roots"))]
pub(crate) fn built_in_anchors() -> Outcome<TrustAnchors> {
    Err("name the trusted authorities with --ca".into())
}
