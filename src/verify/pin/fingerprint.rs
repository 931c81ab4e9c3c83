//! SHA-256 of a certificate or of a key, as people write it.

use std::fmt;
use std::str::FromStr;

use pki_types::CertificateDer;
use pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

/// The SHA-256 of a certificate in DER, or of its key.
///
/// One canonical text form, `sha256:` and 64 lower-case digits; everything that people and programs
/// write is read: colons or spaces between the digits, upper case, with and without the prefix, the
/// output of `openssl x509 -fingerprint -sha256`, and a whole certificate in PEM.
///
/// ```
/// use mail_tls::verify::Fingerprint;
///
/// let digits = "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:\
///               A3:BF:4F:1B:2B:0B:82:2C:D1:5D:6C:15:B0:F0:0A:08";
/// let fingerprint: Fingerprint = digits.parse()?;
/// assert_eq!(fingerprint, format!("SHA256 Fingerprint={digits}").parse()?);
/// assert!(fingerprint.to_string().starts_with("sha256:9f86d081"));
/// # Ok::<(), mail_tls::verify::InvalidFingerprint>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

/// A text is no fingerprint that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFingerprint {
    /// There is something else than digits in it.
    #[error("{character:?} has no place in a fingerprint: give 64 digits from 0 to 9 and a to f")]
    #[non_exhaustive]
    Character {
        /// The first such character.
        character: char,
    },
    /// It has the length of another hash.
    #[error(
        "{digits} digits are the length of {}, which is not safe: ask for the SHA-256 fingerprint, \
         which has 64",
        if *digits == 40 { "a SHA-1 fingerprint" } else { "an MD5 fingerprint" }
    )]
    #[non_exhaustive]
    OtherHash {
        /// How many digits there are.
        digits: usize,
    },
    /// It has another length.
    #[error("a SHA-256 fingerprint has 64 digits, not {digits}: copy all of it")]
    #[non_exhaustive]
    Length {
        /// How many digits there are.
        digits: usize,
    },
    /// The PEM text does not hold exactly one certificate.
    #[error("the PEM text does not hold exactly one certificate: give the server's own alone")]
    Pem,
}

impl InvalidFingerprint {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Character { .. } => "fingerprint-character",
            Self::OtherHash { .. } => "fingerprint-other-hash",
            Self::Length { .. } => "fingerprint-length",
            Self::Pem => "fingerprint-pem",
        }
    }
}

impl Fingerprint {
    /// Of a whole certificate.
    #[must_use]
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Self {
        Self::of(certificate)
    }

    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads what people and programs write.
    ///
    /// # Errors
    ///
    /// [`InvalidFingerprint`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidFingerprint> {
        if text.contains("-----BEGIN") {
            return of_pem(text);
        }
        let digits = text.trim();
        // `sha256:`, `SHA-256: `, `SHA256 Fingerprint=`
        let digits = strip(digits, "sha256")
            .or_else(|| strip(digits, "sha-256"))
            .unwrap_or(digits)
            .trim_start();
        let digits = strip(digits, "fingerprint").unwrap_or(digits).trim_start();
        let digits = digits.strip_prefix([':', '=']).unwrap_or(digits);
        let mut values = Vec::with_capacity(64);
        for character in digits.chars() {
            if character.is_whitespace() || character == ':' {
                continue;
            }
            match character
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
            {
                // Enough to tell the length from any other hash's; no more is kept of a long text.
                Some(_) if values.len() > 128 => {}
                Some(digit) => values.push(digit),
                None => return Err(InvalidFingerprint::Character { character }),
            }
        }
        let bytes: Vec<u8> = values
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        match (values.len(), <[u8; 32]>::try_from(bytes)) {
            (64, Ok(bytes)) => Ok(Self(bytes)),
            (digits @ (32 | 40), _) => Err(InvalidFingerprint::OtherHash { digits }),
            (digits, _) => Err(InvalidFingerprint::Length { digits }),
        }
    }

    /// The 32 octets.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn strip<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}

fn of_pem(text: &str) -> Result<Fingerprint, InvalidFingerprint> {
    let mut certificates = CertificateDer::pem_slice_iter(text.as_bytes());
    match (certificates.next(), certificates.next()) {
        (Some(Ok(certificate)), None) => Ok(Fingerprint::of_certificate(&certificate)),
        (Some(Ok(_) | Err(_)), Some(_)) | (Some(Err(_)) | None, None) | (None, Some(_)) => {
            Err(InvalidFingerprint::Pem)
        }
    }
}

impl FromStr for Fingerprint {
    type Err = InvalidFingerprint;

    fn from_str(text: &str) -> Result<Self, InvalidFingerprint> {
        Self::parse(text)
    }
}

/// The canonical form.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
