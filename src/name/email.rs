//! Email addresses, as far as TLS for mail is concerned with them.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::invalid::{InvalidName, quote};
use super::{Host, HostName};
use crate::text::{UntrustedText, is_unsafe_to_show};

/// RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;
/// RFC 5321 section 4.5.3.1.3: a path of 256 octets, two of which are its angle brackets.
const MAX_ADDRESS: usize = 254;
/// Longer input is not looked at: no domain needs that many octets for each of its own.
const MAX_INPUT: usize = 8 * MAX_ADDRESS;

/// The address of a mailbox (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
///
/// The domain is normalised as [`HostName`] is; the local part is kept as it was written, with its
/// quotes, since only the receiving host may read a meaning into it. Local parts with dots in odd
/// places are accepted although RFC 5321 wants them quoted: such mailboxes exist.
///
/// ```
/// use mail_tls::EmailAddress;
///
/// let address = EmailAddress::parse("Ann@Example.ORG")?;
/// assert_eq!(address.local_part(), "Ann");
/// assert_eq!(address.domain().map(|domain| domain.as_str()), Some("example.org"));
/// # Ok::<(), mail_tls::InvalidEmailAddress>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress {
    local_part: Box<str>,
    host: Host,
}

impl EmailAddress {
    /// Parses one address, without a display name and without angle brackets.
    ///
    /// # Errors
    ///
    /// [`InvalidEmailAddress`] says what is wrong and what to write instead.
    pub fn parse(address: &str) -> Result<Self, InvalidEmailAddress> {
        if address.is_empty() {
            return Err(InvalidEmailAddress::Empty);
        }
        if address.len() > MAX_INPUT {
            let length = address.len();
            return Err(InvalidEmailAddress::TooLong { length });
        }
        let input = || quote(address);
        if address.ends_with('>') {
            return Err(InvalidEmailAddress::DisplayName { input: input() });
        }
        if has_mailto_scheme(address) {
            return Err(InvalidEmailAddress::Url { input: input() });
        }
        let Some((local_part, domain)) = split(address) else {
            return Err(InvalidEmailAddress::MissingAt { input: input() });
        };
        check_local_part(local_part)?;
        let parsed = Self {
            local_part: local_part.into(),
            host: parse_domain(domain)?,
        };
        let length = parsed.to_string().len();
        if length > MAX_ADDRESS {
            return Err(InvalidEmailAddress::TooLong { length });
        }
        Ok(parsed)
    }

    /// What stands before the `@`, as it was written; a quoted one has its quotes.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.local_part
    }

    /// The mail domain; `None` for an address literal such as `user@[192.0.2.1]`.
    #[must_use]
    pub fn domain(&self) -> Option<&HostName> {
        self.host.name()
    }

    /// What stands after the `@`: a domain or an address.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local_part = &self.local_part;
        match &self.host {
            Host::Name(domain) => write!(f, "{local_part}@{domain}"),
            Host::Ip(IpAddr::V4(address)) => write!(f, "{local_part}@[{address}]"),
            // RFC 5321 section 4.1.3.
            Host::Ip(IpAddr::V6(address)) => write!(f, "{local_part}@[IPv6:{address}]"),
        }
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EmailAddress")
            .field(&self.to_string())
            .finish()
    }
}

impl TryFrom<&str> for EmailAddress {
    type Error = InvalidEmailAddress;

    fn try_from(address: &str) -> Result<Self, InvalidEmailAddress> {
        Self::parse(address)
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(address: &str) -> Result<Self, InvalidEmailAddress> {
        Self::parse(address)
    }
}

/// Why a text is not an email address, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEmailAddress {
    /// Nothing was given.
    #[error("the email address is empty; write one such as ann@example.org")]
    Empty,
    /// A display name or angle brackets surround the address.
    #[error("\"{input}\" has more than the address; write it without name and angle brackets")]
    #[non_exhaustive]
    DisplayName {
        /// What was given.
        input: UntrustedText,
    },
    /// A `mailto:` URL.
    #[error("\"{input}\" is a URL; write the address without mailto:")]
    #[non_exhaustive]
    Url {
        /// What was given.
        input: UntrustedText,
    },
    /// There is no `@` that divides it.
    #[error("\"{input}\" has no @; write the whole address, such as ann@example.org")]
    #[non_exhaustive]
    MissingAt {
        /// What was given.
        input: UntrustedText,
    },
    /// Nothing stands before the `@`, or something that must be quoted or is not allowed at all.
    #[error("{}", of_local_part(local_part))]
    #[non_exhaustive]
    LocalPart {
        /// What stands before the `@`.
        local_part: UntrustedText,
    },
    /// More than 64 octets before the `@` (RFC 5321 section 4.5.3.1.1).
    #[error(
        "the part before the @ has {length} octets and at most 64 are possible; check its spelling"
    )]
    #[non_exhaustive]
    LocalPartTooLong {
        /// Its length in octets.
        length: usize,
    },
    /// More than 254 octets in all (RFC 5321 section 4.5.3.1.3).
    #[error(
        "the email address has {length} octets and at most 254 are possible; check what was pasted"
    )]
    #[non_exhaustive]
    TooLong {
        /// Its length in octets, with the domain as A-labels.
        length: usize,
    },
    /// An IP address without brackets, or not one inside them (RFC 5321 section 4.1.3).
    #[error(
        "\"{literal}\" is not an address literal; write one as in [192.0.2.1] or [IPv6:2001:db8::1]"
    )]
    #[non_exhaustive]
    AddressLiteral {
        /// What stands after the `@`.
        literal: UntrustedText,
    },
    /// The domain is not a name.
    #[error("the part after the @ is wrong: {0}")]
    Domain(InvalidName),
}

fn of_local_part(local_part: &UntrustedText) -> String {
    match local_part.as_untrusted_bytes() {
        [] => {
            "nothing stands before the @; write the whole address, such as ann@example.org".into()
        }
        _ => format!(
            "\"{local_part}\" cannot stand before the @ like this; check its spelling and its quotes"
        ),
    }
}

/// RFC 6068 section 2; schemes are case-insensitive.
impl InvalidEmailAddress {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "address-empty",
            Self::DisplayName { .. } => "address-with-display-name",
            Self::Url { .. } => "address-is-url",
            Self::MissingAt { .. } => "address-without-at",
            Self::LocalPart { .. } => "bad-local-part",
            Self::LocalPartTooLong { .. } => "local-part-too-long",
            Self::TooLong { .. } => "address-too-long",
            Self::AddressLiteral { .. } => "bad-address-literal",
            Self::Domain(_) => "bad-address-domain",
        }
    }
}

fn has_mailto_scheme(address: &str) -> bool {
    address
        .get(..7)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"))
}

/// Divides at the `@` behind a quoted local part, or else at the last one.
fn split(address: &str) -> Option<(&str, &str)> {
    let Some(quoted) = address.strip_prefix('"') else {
        return address.rsplit_once('@');
    };
    let mut is_escaped = false;
    let closing = quoted.find(|c| match c {
        _ if is_escaped => {
            is_escaped = false;
            false
        }
        '\\' => {
            is_escaped = true;
            false
        }
        _ => c == '"',
    })?;
    // The two quotes are one octet each.
    let (local_part, rest) = address.split_at_checked(closing.checked_add(2)?)?;
    Some((local_part, rest.strip_prefix('@')?))
}

/// RFC 5321 section 4.1.2 (`Dot-string`, `Quoted-string`), widened by RFC 6531 section 3.3.
fn check_local_part(local_part: &str) -> Result<(), InvalidEmailAddress> {
    if local_part.len() > MAX_LOCAL_PART {
        let length = local_part.len();
        return Err(InvalidEmailAddress::LocalPartTooLong { length });
    }
    let is_well_formed = match local_part.strip_prefix('"') {
        // `split` has found the closing quote; quoted pairs need no second look.
        Some(quoted) => quoted.chars().all(|c| !is_unsafe_to_show(c)),
        None => !local_part.is_empty() && local_part.chars().all(is_atext_or_dot),
    };
    if is_well_formed {
        Ok(())
    } else {
        Err(InvalidEmailAddress::LocalPart {
            local_part: quote(local_part),
        })
    }
}

fn is_atext_or_dot(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c)
    } else {
        !is_unsafe_to_show(c)
    }
}

fn parse_domain(domain: &str) -> Result<Host, InvalidEmailAddress> {
    let not_a_literal = || InvalidEmailAddress::AddressLiteral {
        literal: quote(domain),
    };
    if let Some(rest) = domain.strip_prefix('[') {
        let literal = rest.strip_suffix(']').ok_or_else(not_a_literal)?;
        return parse_literal(literal)
            .map(Host::Ip)
            .ok_or_else(not_a_literal);
    }
    match Host::parse(domain) {
        Ok(Host::Ip(_)) => Err(not_a_literal()),
        Ok(name @ Host::Name(_)) => Ok(name),
        Err(error) => Err(InvalidEmailAddress::Domain(error)),
    }
}

/// RFC 5321 section 4.1.3; the tag of IPv6 is case-insensitive and often forgotten.
fn parse_literal(literal: &str) -> Option<IpAddr> {
    match literal.split_at_checked(5) {
        Some((tag, address)) if tag.eq_ignore_ascii_case("IPv6:") => {
            address.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
        }
        Some(_) | None => literal.parse().ok(),
    }
}
