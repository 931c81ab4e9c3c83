//! Host names, addresses and email addresses: parsed once, compared cheaply.

mod email;
mod invalid;
#[cfg(test)]
mod tests;
mod uts46;

use std::borrow::Borrow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use pki_types::{DnsName, ServerName};

pub use email::{EmailAddress, InvalidEmailAddress};
pub use invalid::InvalidName;
use invalid::quote;

/// RFC 1035 section 2.3.4: 255 octets on the wire, which leaves 253 for the text without its last dot.
const MAX_NAME: usize = 253;
/// RFC 1035 section 2.3.4.
const MAX_LABEL: usize = 63;
/// More than any name of `MAX_NAME` octets needs when written with letters beyond ASCII; it bounds
/// the work of converting one.
const MAX_INPUT: usize = 8 * MAX_NAME;

/// The name of a host or a mail domain: lower-case A-labels without a trailing dot.
///
/// Names are normalised when they are parsed, so that comparing two of them is comparing bytes
/// (RFC 6125 sections 6.4.1 and 6.4.2). Accepted are letters, digits and hyphens (RFC 5890 section
/// 2.3.1) and underscores, because hosts with underscores exist. Names with letters beyond ASCII need
/// the feature `idna`, which also checks that A-labels are what they claim to be.
///
/// ```
/// use mail_tls::HostName;
///
/// let name = HostName::parse("IMAP.Example.ORG.")?;
/// assert_eq!(name.as_str(), "imap.example.org");
/// assert!(name.is_within(&HostName::parse("example.org")?));
/// # Ok::<(), mail_tls::InvalidName>(())
/// ```
#[derive(Clone)]
pub struct HostName(DnsName<'static>);

impl HostName {
    /// Parses a name as users and DNS write it; one trailing dot is accepted and removed.
    ///
    /// # Errors
    ///
    /// [`InvalidName`] says what is wrong and what to write instead, also for the usual mistakes:
    /// a URL, a port or an email address in place of a name. An IP address is refused here; see
    /// [`Host::parse`].
    pub fn parse(name: &str) -> Result<Self, InvalidName> {
        refuse_other_things(name)?;
        if name.len() > MAX_INPUT {
            return Err(InvalidName::TooLong { length: name.len() });
        }
        let ascii = if name.is_ascii() {
            name.to_ascii_lowercase()
        } else {
            uts46::to_ascii(name)?
        };
        let ascii = ascii.strip_suffix('.').unwrap_or(&ascii);
        check_labels(ascii)?;
        uts46::check_a_labels(ascii)?;
        match DnsName::try_from(ascii) {
            Ok(dns_name) => Ok(Self(dns_name.to_owned())),
            Err(_) => Err(InvalidName::NotAHostName { name: quote(name) }),
        }
    }

    /// The name as lower-case A-labels, without a trailing dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// The labels from left to right; there is at least one and none is empty.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.as_str().split('.')
    }

    /// Whether this name is `domain` or lies below it, label by label.
    ///
    /// This is what RFC 8314 section 5.1 and RFC 6186 section 6 mean by a target that matches the
    /// queried domain: `imap.example.org` is within `example.org`, `badexample.org` is not. Public
    /// suffixes are not known here: `example.org` is within `org`.
    #[must_use]
    pub fn is_within(&self, domain: &Self) -> bool {
        self.as_str()
            .strip_suffix(domain.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// The name for a user's eyes: with letters beyond ASCII if it has some and they are safe to show.
    ///
    /// The A-labels are returned when the other form would contain symbols or invisible characters.
    /// Letters that look like other letters are not recognised: where a user decides on what is
    /// shown, show [`as_str`](Self::as_str) too.
    #[cfg(feature = "idna")]
    #[cfg_attr(docsrs, doc(cfg(feature = "idna")))]
    #[must_use]
    pub fn to_unicode(&self) -> std::borrow::Cow<'_, str> {
        uts46::to_unicode(self.as_str())
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostName").field(&self.as_str()).finish()
    }
}

impl PartialEq for HostName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for HostName {}

impl Hash for HostName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for HostName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HostName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl AsRef<str> for HostName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for HostName {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl TryFrom<&str> for HostName {
    type Error = InvalidName;

    fn try_from(name: &str) -> Result<Self, InvalidName> {
        Self::parse(name)
    }
}

impl FromStr for HostName {
    type Err = InvalidName;

    fn from_str(name: &str) -> Result<Self, InvalidName> {
        Self::parse(name)
    }
}

/// What a connection goes to: a host by its name, or by its address.
///
/// An address is never compared with names, nor a name with addresses (RFC 9525 section 6.2), and the
/// two families of addresses are distinct: `::ffff:192.0.2.1` is not `192.0.2.1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is no third kind, and each use must treat both"
)]
pub enum Host {
    /// A name, which DNS resolves.
    Name(HostName),
    /// An address, given directly.
    Ip(IpAddr),
}

impl Host {
    /// Parses a host name (see [`HostName::parse`]), an IPv4 address as four decimal numbers, or an
    /// IPv6 address with or without brackets.
    ///
    /// # Errors
    ///
    /// [`InvalidName`]; it also refuses zone identifiers (`fe80::1%eth0`), which no certificate can
    /// name, and IPv4 addresses in forms that programs read differently (`127.1`, `010.0.0.1`).
    pub fn parse(host: &str) -> Result<Self, InvalidName> {
        match ip_literal(host) {
            Some(address) => Ok(Self::Ip(address)),
            None => HostName::parse(host).map(Self::Name),
        }
    }

    /// The name; `None` for an address.
    #[must_use]
    pub fn name(&self) -> Option<&HostName> {
        match self {
            Self::Name(name) => Some(name),
            Self::Ip(_) => None,
        }
    }

    /// The address; `None` for a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::Ip(address) => Some(*address),
        }
    }

    /// The host as it is written before `:port`: an IPv6 address stands in brackets (RFC 3986
    /// section 3.2.2).
    #[must_use]
    pub fn to_authority(&self) -> String {
        match self {
            Self::Ip(IpAddr::V6(address)) => format!("[{address}]"),
            Self::Ip(IpAddr::V4(address)) => address.to_string(),
            Self::Name(name) => name.to_string(),
        }
    }

    /// The host as the TLS layer takes it.
    pub(crate) fn server_name(&self) -> ServerName<'static> {
        match self {
            Self::Name(name) => ServerName::DnsName(name.0.clone()),
            Self::Ip(address) => ServerName::from(*address),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl From<HostName> for Host {
    fn from(name: HostName) -> Self {
        Self::Name(name)
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl From<Ipv4Addr> for Host {
    fn from(address: Ipv4Addr) -> Self {
        Self::Ip(address.into())
    }
}

impl From<Ipv6Addr> for Host {
    fn from(address: Ipv6Addr) -> Self {
        Self::Ip(address.into())
    }
}

impl TryFrom<&str> for Host {
    type Error = InvalidName;

    fn try_from(host: &str) -> Result<Self, InvalidName> {
        Self::parse(host)
    }
}

impl FromStr for Host {
    type Err = InvalidName;

    fn from_str(host: &str) -> Result<Self, InvalidName> {
        Self::parse(host)
    }
}

/// The address that `text` is, if it is one; only IPv6 may stand in brackets.
fn ip_literal(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// Recognises what is given in place of a host name by mistake, to say what to write instead.
fn refuse_other_things(text: &str) -> Result<(), InvalidName> {
    if text.is_empty() {
        return Err(InvalidName::Empty);
    }
    let input = || quote(text);
    if text.contains(char::is_whitespace) {
        return Err(InvalidName::Whitespace { input: input() });
    }
    if text.contains('/') {
        return Err(InvalidName::Url { input: input() });
    }
    if text.contains('@') {
        return Err(InvalidName::EmailAddress { input: input() });
    }
    if ip_literal(text).is_some() {
        return Err(InvalidName::IpAddress { input: input() });
    }
    let unbracketed = text.strip_prefix('[').unwrap_or(text);
    if let Some((address, _zone)) = unbracketed.split_once('%') {
        if address.parse::<Ipv6Addr>().is_ok() {
            return Err(InvalidName::ZoneId { input: input() });
        }
    }
    if let Some((host, _port)) = text.rsplit_once(':') {
        let ends_at_bracket = host.starts_with('[') && ip_literal(host).is_some();
        return if ends_at_bracket || !host.contains(':') {
            Err(InvalidName::Port { input: input() })
        } else {
            Err(InvalidName::MalformedIpAddress { input: input() })
        };
    }
    if text.contains(['[', ']']) {
        return Err(InvalidName::MalformedIpAddress { input: input() });
    }
    Ok(())
}

/// The rules for a name in lower-case ASCII without its trailing dot (RFC 5890 section 2.3.1).
fn check_labels(name: &str) -> Result<(), InvalidName> {
    if name.is_empty() {
        return Err(InvalidName::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(InvalidName::TooLong { length: name.len() });
    }
    for label in name.split('.') {
        check_label(label, name)?;
    }
    if name.rsplit('.').next().is_some_and(reads_as_number) {
        return Err(InvalidName::MalformedIpAddress { input: quote(name) });
    }
    Ok(())
}

fn check_label(label: &str, name: &str) -> Result<(), InvalidName> {
    if label.is_empty() {
        return Err(InvalidName::EmptyLabel { name: quote(name) });
    }
    let label_text = || quote(label);
    if let Some(character) = label
        .chars()
        .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
    {
        return Err(InvalidName::Character {
            label: label_text(),
            character,
        });
    }
    if label.len() > MAX_LABEL {
        return Err(InvalidName::LabelTooLong {
            label: label_text(),
        });
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(InvalidName::Hyphen {
            label: label_text(),
        });
    }
    if let Some(punycode) = label.strip_prefix("xn--") {
        // An A-label is an LDH label; the underscore is let in for ordinary ones alone.
        if punycode.contains('_') {
            return Err(InvalidName::InvalidALabel { name: label_text() });
        }
    } else if label.get(2..4) == Some("--") {
        return Err(InvalidName::ReservedLabel {
            label: label_text(),
        });
    }
    Ok(())
}

/// Whether `inet_aton` and the parsers of URLs would take a name that ends so for an IPv4 address.
fn reads_as_number(last_label: &str) -> bool {
    last_label.bytes().all(|b| b.is_ascii_digit())
        || last_label
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
