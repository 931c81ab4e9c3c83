//! IANA's names for TLS cipher suites and groups, and what RFC 9325 says of each suite.
//!
//! RFC 8314 §4.3 has the Received field carry the registered name of the suite, and §4 wants the
//! same values in logs. The code point decides; the names that a TLS library prints are its own.

use std::fmt;

mod cipher_suites;
mod groups;

use cipher_suites::CIPHER_SUITES;
use groups::GROUPS;

/// A TLS cipher suite, by its code point in IANA's registry.
///
/// Its `Display` is the `tls-cipher` of RFC 8314 §4.3: the registered name or, for a suite that is
/// not in the table, `0x` and four hexadecimal digits.
///
/// ```
/// use mail_tls::{CipherSuite, Recommendation};
///
/// let suite = CipherSuite::from_code_point(0xC02F);
/// assert_eq!(suite.to_string(), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
/// assert_eq!(suite.recommendation(), Recommendation::Recommended);
/// assert_eq!(CipherSuite::from_name("0x1399").unwrap().name(), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CipherSuite(u16);

impl CipherSuite {
    /// The suite with this code point, registered or not.
    pub const fn from_code_point(code_point: u16) -> Self {
        Self(code_point)
    }

    /// Reads what `Display` writes: a registered name, or `0x` and four hexadecimal digits
    /// (RFC 8314 §4.3, `tls-cipher`). Names are compared exactly; `None` if there is no such suite.
    pub fn from_name(name: &str) -> Option<Self> {
        let registered = CIPHER_SUITES
            .iter()
            .find(|row| row.1 == name)
            .map(|row| row.0);
        registered.or_else(|| parse_hexadecimal(name)).map(Self)
    }

    /// The code point: the two bytes of the ServerHello.
    pub const fn code_point(self) -> u16 {
        self.0
    }

    /// The name in IANA's registry, if the suite was registered when this table was made.
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.1)
    }

    /// What RFC 9325 §4 says of negotiating this suite.
    pub fn recommendation(self) -> Recommendation {
        self.row().map_or(Recommendation::Unknown, |row| row.2)
    }

    fn row(self) -> Option<&'static (u16, &'static str, Recommendation)> {
        let at = CIPHER_SUITES
            .binary_search_by_key(&self.0, |row| row.0)
            .ok()?;
        CIPHER_SUITES.get(at)
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_name(self.name(), self.0, f)
    }
}

impl fmt::Debug for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_with_code_point("CipherSuite", self.name(), self.0, f)
    }
}

/// What RFC 9325 §4 says of negotiating a cipher suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Recommendation {
    /// Implementation and deployment are recommended: one of the four suites of RFC 9325 §4.2, or
    /// one of the three for TLS 1.3 of RFC 8446 §9.1, to which RFC 9325 §4.3 refers.
    Recommended,
    /// No clause recommends it or advises against it.
    Acceptable,
    /// SHOULD NOT be negotiated (RFC 9325 §4.1, §4.2): no forward secrecy, finite-field
    /// Diffie-Hellman, CBC without encrypt-then-MAC, or an algorithm below 128 bits of security
    /// (3DES; the 64-bit tags of the `CCM_8` suites).
    NotRecommended,
    /// MUST NOT be negotiated: no encryption, RC4, fewer than 112 bits of security (RFC 9325 §4.1);
    /// no authentication of either side (`anon`, RFC 5246 §A.5); or a signalling value that is
    /// no suite at all (`SCSV`).
    Forbidden,
    /// The suite is not in the table, so nothing is known of it.
    Unknown,
}

/// A group for key exchange ("supported group"), by its code point in IANA's registry.
///
/// Its `Display` is the registered name, which is what the `group` clause of RFC 8314 §4.3 takes;
/// for a group that is not in the table it is `0x` and four hexadecimal digits, for which that
/// clause has no room.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamedGroup(u16);

impl NamedGroup {
    /// The group with this code point, registered or not.
    pub const fn from_code_point(code_point: u16) -> Self {
        Self(code_point)
    }

    /// Reads what `Display` writes: a registered name, or `0x` and four hexadecimal digits.
    /// Names are compared exactly; `None` if there is no such group.
    pub fn from_name(name: &str) -> Option<Self> {
        let registered = GROUPS.iter().find(|row| row.1 == name).map(|row| row.0);
        registered.or_else(|| parse_hexadecimal(name)).map(Self)
    }

    /// The code point: the two bytes of the `key_share` extension or the ServerKeyExchange.
    pub const fn code_point(self) -> u16 {
        self.0
    }

    /// The name in IANA's registry, if the group was registered when this table was made.
    pub fn name(self) -> Option<&'static str> {
        let at = GROUPS.binary_search_by_key(&self.0, |row| row.0).ok()?;
        GROUPS.get(at).map(|row| row.1)
    }

    /// Whether an elliptic curve is combined with ML-KEM, so that a recording stays secret as long
    /// as either of the two holds: `SecP256r1MLKEM768`, `X25519MLKEM768`, `SecP384r1MLKEM1024`.
    /// `false` for ML-KEM alone, and for a group that is not in the table.
    pub const fn is_post_quantum_hybrid(self) -> bool {
        matches!(self.0, 0x11EB..=0x11ED)
    }
}

impl fmt::Display for NamedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_name(self.name(), self.0, f)
    }
}

impl fmt::Debug for NamedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_with_code_point("NamedGroup", self.name(), self.0, f)
    }
}

/// `"0x" 4HEXDIG` of RFC 8314 §4.3; ABNF literals are case-insensitive, the `x` among them.
fn parse_hexadecimal(text: &str) -> Option<u16> {
    let digits = text
        .strip_prefix("0x")
        .or_else(|| text.strip_prefix("0X"))?;
    // `from_str_radix` alone would take a sign, and one to three digits.
    let four = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if four {
        u16::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

fn fmt_name(name: Option<&str>, code_point: u16, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match name {
        Some(name) => f.pad(name),
        None => write!(f, "0x{code_point:04X}"),
    }
}

fn fmt_with_code_point(
    kind: &str,
    name: Option<&str>,
    code_point: u16,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    write!(f, "{kind}(0x{code_point:04X}")?;
    if let Some(name) = name {
        write!(f, " {name}")?;
    }
    f.write_str(")")
}
