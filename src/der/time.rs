//! Times in certificates and revocation lists (RFC 5280 §4.1.2.5, §5.1.2.4).
//!
//! As strict as rustls-webpki, whose path the dates belong to: seconds are there, the zone is `Z`,
//! and the day is one of the month.

use ::der::DateTime;
use pki_types::UnixTime;

use super::{NotDer, Reader};

/// `UTCTime`.
const UTC_TIME: u8 = 0x17;
/// `GeneralizedTime`.
const GENERALIZED_TIME: u8 = 0x18;

impl Reader<'_> {
    /// Reads the next value, which must be a time since the beginning of 1970.
    pub(crate) fn time(&mut self) -> Result<UnixTime, NotDer> {
        let value = self.value()?;
        let (year, rest) = match (value.tag, value.content) {
            // RFC 5280 §4.1.2.5.1: two digits are a year from 1950 to 2049.
            (UTC_TIME, [a, b, rest @ ..]) => match two_digits(*a, *b)? {
                year @ 0..=49 => (2000 + u16::from(year), rest),
                year => (1900 + u16::from(year), rest),
            },
            (GENERALIZED_TIME, [a, b, c, d, rest @ ..]) => {
                let (century, year) = (two_digits(*a, *b)?, two_digits(*c, *d)?);
                (u16::from(century) * 100 + u16::from(year), rest)
            }
            _ => return Err(NotDer),
        };
        let [m, o, d, a, h, u, i, n, s, e, b'Z'] = rest else {
            return Err(NotDer);
        };
        let time = DateTime::new(
            year,
            two_digits(*m, *o)?,
            two_digits(*d, *a)?,
            two_digits(*h, *u)?,
            two_digits(*i, *n)?,
            two_digits(*s, *e)?,
        );
        let time = time.map_err(|_| NotDer)?;
        Ok(UnixTime::since_unix_epoch(time.unix_duration()))
    }
}

fn two_digits(high: u8, low: u8) -> Result<u8, NotDer> {
    match (high, low) {
        (b'0'..=b'9', b'0'..=b'9') => Ok((high - b'0') * 10 + (low - b'0')),
        _ => Err(NotDer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use x509_parser::prelude::FromDer;
    use x509_parser::time::ASN1Time;

    fn value(tag: u8, text: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag, u8::try_from(text.len()).unwrap()];
        bytes.extend_from_slice(text);
        bytes
    }

    fn seconds(tag: u8, text: &str) -> Option<u64> {
        let bytes = value(tag, text.as_bytes());
        let mut reader = Reader::new(&bytes);
        let time = reader.time().ok()?;
        assert!(reader.at_end());
        Some(time.as_secs())
    }

    #[test]
    fn times_have_one_form() {
        // RFC 5280 §4.1.2.5.1 and §4.1.2.5.2; the seconds are those of `date -u +%s`.
        let rows: [(u8, &str, Option<u64>); 22] = [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "691231235959Z", None), // before 1970
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (UTC_TIME, "500101000000Z", None), // 1950
            (UTC_TIME, "000229120000Z", Some(951_825_600)),
            (UTC_TIME, "261123214500Z", Some(1_795_470_300)),
            (GENERALIZED_TIME, "20261123214500Z", Some(1_795_470_300)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)), // no end: §4.1.2.5
            (GENERALIZED_TIME, "00000101000000Z", None),
            (GENERALIZED_TIME, "21000229000000Z", None), // no leap year
            (UTC_TIME, "260230000000Z", None),
            (UTC_TIME, "260431000000Z", None),
            (UTC_TIME, "261301000000Z", None),
            (UTC_TIME, "260001000000Z", None),
            (UTC_TIME, "260100000000Z", None),
            (UTC_TIME, "260101240000Z", None),
            (UTC_TIME, "260101006000Z", None),
            (UTC_TIME, "260101000060Z", None),
            (UTC_TIME, "2601010000Z", None), // seconds are missing
            (UTC_TIME, "260101000000+0000", None), // a zone
            (GENERALIZED_TIME, "20260101000000.5Z", None), // fractions
            (0x16, "260101000000Z", None),   // IA5String
        ];
        for (tag, text, expected) in rows {
            assert_eq!(seconds(tag, text), expected, "{text}");
        }
    }

    proptest! {
        /// What is read here is read by x509-parser as well, and alike.
        #[test]
        fn another_reader_agrees(
            is_utc: bool,
            year in 0u32..=9999,
            fields in proptest::array::uniform5(0u32..=62),
        ) {
            let [month, day, hour, minute, second] = fields;
            let (tag, year) = if is_utc {
                (UTC_TIME, format!("{:02}", year % 100))
            } else {
                (GENERALIZED_TIME, format!("{year:04}"))
            };
            let (month, day) = (month % 14, day % 33);
            let text = format!("{year}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z");
            let bytes = value(tag, text.as_bytes());
            if let Ok(time) = Reader::new(&bytes).time() {
                let (_, other) = ASN1Time::from_der(&bytes).unwrap();
                prop_assert_eq!(i64::try_from(time.as_secs()).unwrap(), other.timestamp());
            }
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..20)) {
            let _ = Reader::new(&bytes).time();
            let _ = Reader::new(&value(UTC_TIME, &bytes)).time();
            let _ = Reader::new(&value(GENERALIZED_TIME, &bytes)).time();
        }
    }
}
