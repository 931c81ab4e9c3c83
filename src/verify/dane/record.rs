//! One TLSA record (RFC 6698 §2): three numbers and data.

use std::fmt;

use crate::limits;
use crate::text::UntrustedText;

/// A TLSA record's data, RFC 6698 §2.1, as published; whether it can be used is decided later.
///
/// [`Display`](fmt::Display) writes the presentation format (RFC 6698 §2.2), which
/// [`parse`](Self::parse) reads back.
///
/// ```
/// use mail_tls::dane::TlsaRecord;
///
/// let record = TlsaRecord::parse("DANE-EE SPKI SHA2-256 E3B0C442 98FC1C14")?;
/// assert_eq!(record.to_string(), "3 1 1 e3b0c44298fc1c14");
/// # Ok::<(), mail_tls::dane::InvalidTlsaRecord>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TlsaRecord {
    usage: TlsaUsage,
    selector: TlsaSelector,
    matching: TlsaMatching,
    data: Box<[u8]>,
}

/// What a record says about the server's certificate (RFC 6698 §2.1.1, RFC 7218 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsaUsage {
    /// 0: a certificate of this authority must be in the path that PKIX has validated.
    PkixTa,
    /// 1: the server's certificate must be this one, and PKIX must have validated it.
    PkixEe,
    /// 2: this authority is the trust anchor; no other counts.
    DaneTa,
    /// 3: the server's certificate must be this one; nothing else of it counts.
    DaneEe,
    /// A number with no meaning here.
    #[non_exhaustive]
    Other(u8),
}

/// Which part of a certificate a record is about (RFC 6698 §2.1.2, RFC 7218 §2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsaSelector {
    /// 0: the whole certificate.
    Cert,
    /// 1: its SubjectPublicKeyInfo, which stays the same when a certificate is renewed with its key.
    Spki,
    /// A number with no meaning here.
    #[non_exhaustive]
    Other(u8),
}

/// How that part is given (RFC 6698 §2.1.3, RFC 7218 §2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsaMatching {
    /// 0: as it is.
    Full,
    /// 1: its SHA-256 digest.
    Sha256,
    /// 2: its SHA-512 digest.
    Sha512,
    /// A number to which RFC 6698 gives no meaning; a [`TlsaDigest`](super::TlsaDigest) can.
    #[non_exhaustive]
    Other(u8),
}

/// Why a text or wire form is not a TLSA record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTlsaRecord {
    /// The wire form ends before its data begins.
    #[error(
        "a TLSA record has at least three octets, this one has {length}: it was cut, or is of another type"
    )]
    #[non_exhaustive]
    Truncated {
        /// The octets that there are.
        length: usize,
    },
    /// It is longer than DNS can carry.
    #[error("a TLSA record has at most {} octets, this one has more", u16::MAX)]
    TooLong,
    /// One of the three fields in front of the data is missing.
    #[error(
        "a TLSA record begins with three numbers, such as 3 1 1, and its {field} is missing here"
    )]
    #[non_exhaustive]
    Missing {
        /// Which field.
        field: TlsaField,
    },
    /// A field is neither a number from 0 to 255 nor one of RFC 7218's acronyms.
    #[error("\"{text}\" is not a {field} of a TLSA record: write a number from 0 to 255")]
    #[non_exhaustive]
    BadField {
        /// Which field.
        field: TlsaField,
        /// What is there instead.
        text: UntrustedText,
    },
    /// There is something among the hexadecimal digits that is none.
    #[error(
        "\"{text}\" in the data of a TLSA record is not hexadecimal: give digits from 0 to 9 and a to f"
    )]
    #[non_exhaustive]
    BadHex {
        /// The word with the wrong character.
        text: UntrustedText,
    },
    /// A hexadecimal digit is missing or one too many.
    #[error(
        "the data of a TLSA record has an odd number of hexadecimal digits ({digits}): copy all of it"
    )]
    #[non_exhaustive]
    OddHex {
        /// How many there are.
        digits: usize,
    },
    /// Parentheses (RFC 1035 §5.1) do not fit together.
    #[error("the parentheses in a TLSA record do not fit together: close each, or leave them out")]
    Parentheses,
}

impl InvalidTlsaRecord {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Truncated { .. } => "tlsa-truncated",
            Self::TooLong => "tlsa-too-long",
            Self::Missing { .. } => "tlsa-field-missing",
            Self::BadField { .. } => "tlsa-bad-field",
            Self::BadHex { .. } => "tlsa-bad-hex",
            Self::OddHex { .. } => "tlsa-odd-hex",
            Self::Parentheses => "tlsa-parentheses",
        }
    }
}

/// A field of a TLSA record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsaField {
    /// The certificate usage.
    Usage,
    /// The selector.
    Selector,
    /// The matching type.
    MatchingType,
}

impl TlsaRecord {
    /// A record from its fields.
    #[must_use]
    pub fn new(
        usage: TlsaUsage,
        selector: TlsaSelector,
        matching: TlsaMatching,
        data: &[u8],
    ) -> Self {
        Self {
            usage,
            selector,
            matching,
            data: data.into(),
        }
    }

    /// Reads the wire form, RFC 6698 §2.1: what a resolver hands out as RDATA.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsaRecord::Truncated`] and [`InvalidTlsaRecord::TooLong`]. Data that are of no use
    /// are no error: such a record is kept, and reported as unusable.
    pub fn from_rdata(rdata: &[u8]) -> Result<Self, InvalidTlsaRecord> {
        if rdata.len() > limits::TLSA_RDATA {
            return Err(InvalidTlsaRecord::TooLong);
        }
        match rdata {
            [usage, selector, matching, data @ ..] => Ok(Self::new(
                TlsaUsage::from_code_point(*usage),
                TlsaSelector::from_code_point(*selector),
                TlsaMatching::from_code_point(*matching),
                data,
            )),
            _ => Err(InvalidTlsaRecord::Truncated {
                length: rdata.len(),
            }),
        }
    }

    /// Reads the presentation format, RFC 6698 §2.2: three numbers, then hexadecimal digits with
    /// white space and a zone file's parentheses wherever the author liked.
    ///
    /// RFC 7218's acronyms are read in place of numbers, in any case.
    ///
    /// # Errors
    ///
    /// [`InvalidTlsaRecord`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidTlsaRecord> {
        // Two digits and a blank for each octet are more than anyone writes.
        if text.len() > limits::TLSA_RDATA.saturating_mul(4) {
            return Err(InvalidTlsaRecord::TooLong);
        }
        check_parentheses(text)?;
        let mut words = text
            .split(|c: char| c.is_ascii_whitespace() || c == '(' || c == ')')
            .filter(|word| !word.is_empty());
        let usage = field(words.next(), TlsaField::Usage, TlsaUsage::by_acronym)?;
        let selector = field(words.next(), TlsaField::Selector, TlsaSelector::by_acronym)?;
        let matching = field(
            words.next(),
            TlsaField::MatchingType,
            TlsaMatching::by_acronym,
        )?;
        let data = hexadecimal(words)?;
        if data.len() > limits::TLSA_RDATA.saturating_sub(3) {
            return Err(InvalidTlsaRecord::TooLong);
        }
        Ok(Self::new(
            TlsaUsage::from_code_point(usage),
            TlsaSelector::from_code_point(selector),
            TlsaMatching::from_code_point(matching),
            &data,
        ))
    }

    /// The wire form, RFC 6698 §2.1.
    #[must_use]
    pub fn to_rdata(&self) -> Vec<u8> {
        let mut rdata = vec![
            self.usage.code_point(),
            self.selector.code_point(),
            self.matching.code_point(),
        ];
        rdata.extend_from_slice(&self.data);
        rdata
    }

    /// The certificate usage.
    #[must_use]
    pub const fn usage(&self) -> TlsaUsage {
        self.usage
    }

    /// The selector.
    #[must_use]
    pub const fn selector(&self) -> TlsaSelector {
        self.selector
    }

    /// The matching type.
    #[must_use]
    pub const fn matching(&self) -> TlsaMatching {
        self.matching
    }

    /// The certificate association data: a digest, a key or a certificate.
    #[must_use]
    pub const fn data(&self) -> &[u8] {
        &self.data
    }
}

impl fmt::Display for TlsaRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {} ",
            self.usage.code_point(),
            self.selector.code_point(),
            self.matching.code_point()
        )?;
        self.data
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// With the data cut where they would fill the screen.
impl fmt::Debug for TlsaRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsaRecord({})", Cut(self))
    }
}

/// A record as its `Display` shows it, with no more data than the longest digest has: a whole
/// certificate would fill the screen.
pub(crate) struct Cut<'a>(pub(crate) &'a TlsaRecord);

impl fmt::Display for Cut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST_DIGEST: usize = 64;
        let Self(record) = self;
        write!(
            f,
            "{} {} {} ",
            record.usage.code_point(),
            record.selector.code_point(),
            record.matching.code_point()
        )?;
        let mut shown = record.data.iter().take(LONGEST_DIGEST);
        let more = record.data.len().saturating_sub(shown.len());
        shown.try_for_each(|byte| write!(f, "{byte:02x}"))?;
        match more {
            0 => Ok(()),
            1 => f.write_str("[1 more octet]"),
            more => write!(f, "[{more} more octets]"),
        }
    }
}

impl std::str::FromStr for TlsaRecord {
    type Err = InvalidTlsaRecord;

    fn from_str(text: &str) -> Result<Self, InvalidTlsaRecord> {
        Self::parse(text)
    }
}

/// The registries of RFC 6698 §7 with the acronyms of RFC 7218 §2.
macro_rules! code_points {
    ($name:ident { $($number:literal $variant:ident $acronym:literal),+ } private $private:literal) => {
        impl $name {
            /// The value with this number, known or not.
            #[must_use]
            pub const fn from_code_point(number: u8) -> Self {
                match number {
                    $($number => Self::$variant,)+
                    other => Self::Other(other),
                }
            }

            /// The number in the record.
            #[must_use]
            pub const fn code_point(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)+
                    Self::Other(number) => number,
                }
            }

            /// RFC 7218's acronym, where there is one.
            #[must_use]
            pub const fn acronym(self) -> Option<&'static str> {
                match self {
                    $(Self::$variant => Some($acronym),)+
                    Self::Other(255) => Some($private),
                    Self::Other(_) => None,
                }
            }

            fn by_acronym(text: &str) -> Option<u8> {
                $(if text.eq_ignore_ascii_case($acronym) {
                    return Some($number);
                })+
                text.eq_ignore_ascii_case($private).then_some(255)
            }
        }

        /// `DANE-EE(3)` as RFC 7671 writes it, or the number alone.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.acronym() {
                    Some(acronym) => write!(f, "{acronym}({})", self.code_point()),
                    None => write!(f, "{}", self.code_point()),
                }
            }
        }
    };
}

code_points!(TlsaUsage {
    0 PkixTa "PKIX-TA", 1 PkixEe "PKIX-EE", 2 DaneTa "DANE-TA", 3 DaneEe "DANE-EE"
} private "PrivCert");
code_points!(TlsaSelector { 0 Cert "Cert", 1 Spki "SPKI" } private "PrivSel");
code_points!(TlsaMatching {
    0 Full "Full", 1 Sha256 "SHA2-256", 2 Sha512 "SHA2-512"
} private "PrivMatch");

impl fmt::Display for TlsaField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usage => "certificate usage",
            Self::Selector => "selector",
            Self::MatchingType => "matching type",
        })
    }
}

/// RFC 1035 §5.1: they group what goes over several lines, and do not nest.
fn check_parentheses(text: &str) -> Result<(), InvalidTlsaRecord> {
    let mut is_open = false;
    for c in text.chars() {
        match (c, is_open) {
            ('(', false) => is_open = true,
            (')', true) => is_open = false,
            ('(' | ')', _) => return Err(InvalidTlsaRecord::Parentheses),
            _ => {}
        }
    }
    if is_open {
        return Err(InvalidTlsaRecord::Parentheses);
    }
    Ok(())
}

fn field(
    word: Option<&str>,
    field: TlsaField,
    by_acronym: impl Fn(&str) -> Option<u8>,
) -> Result<u8, InvalidTlsaRecord> {
    let word = word.ok_or(InvalidTlsaRecord::Missing { field })?;
    // Digits alone: a sign would be read too.
    let number = match word.bytes().all(|byte| byte.is_ascii_digit()) {
        true => word.parse().ok(),
        false => by_acronym(word),
    };
    number.ok_or_else(|| InvalidTlsaRecord::BadField {
        field,
        text: excerpt(word),
    })
}

fn hexadecimal<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<u8>, InvalidTlsaRecord> {
    let mut data = Vec::new();
    let mut digits = 0_usize;
    let mut high = 0_u8;
    for word in words {
        for c in word.chars() {
            let digit = c
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
                .ok_or_else(|| InvalidTlsaRecord::BadHex {
                    text: excerpt(word),
                })?;
            match digits % 2 {
                0 => high = digit << 4,
                _ => data.push(high | digit),
            }
            digits = digits.saturating_add(1);
        }
    }
    match digits % 2 {
        0 => Ok(data),
        _ => Err(InvalidTlsaRecord::OddHex { digits }),
    }
}

fn excerpt(text: &str) -> UntrustedText {
    UntrustedText::new(text.as_bytes(), limits::EXCERPT)
}
