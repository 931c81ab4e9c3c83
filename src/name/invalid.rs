//! Why a name was refused.

use crate::text::UntrustedText;

/// How much of a refused name an error carries: enough to recognise any that could be meant.
const MAX_QUOTED: usize = 128;

/// Why a text is not a host name or an address, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidName {
    /// Nothing was given, or only a dot.
    #[error("the host name is empty; write a name such as imap.example.org")]
    Empty,
    /// A space, tab or line break is in it.
    #[error("\"{input}\" contains blank space; write the host name without it")]
    #[non_exhaustive]
    Whitespace {
        /// What was given.
        input: UntrustedText,
    },
    /// A URL, or a name with a path.
    #[error("\"{input}\" is a URL; write only the host name in it, without scheme, port and path")]
    #[non_exhaustive]
    Url {
        /// What was given.
        input: UntrustedText,
    },
    /// A port follows the host.
    #[error("\"{input}\" contains a port; write the host alone and give the port separately")]
    #[non_exhaustive]
    Port {
        /// What was given.
        input: UntrustedText,
    },
    /// An email address.
    #[error("\"{input}\" is an email address; write the name of the mail server instead")]
    #[non_exhaustive]
    EmailAddress {
        /// What was given.
        input: UntrustedText,
    },
    /// A well-formed IP address, where only a name will do.
    #[error("\"{input}\" is an IP address; write the name of the host instead")]
    #[non_exhaustive]
    IpAddress {
        /// What was given.
        input: UntrustedText,
    },
    /// An IPv6 address with a zone identifier (RFC 4007 section 11), which certificates cannot name.
    #[error("\"{input}\" has a zone; write the address without the % and what follows it")]
    #[non_exhaustive]
    ZoneId {
        /// What was given.
        input: UntrustedText,
    },
    /// Something that resembles an IP address: a name that ends in a number, stray brackets or colons.
    #[error(
        "\"{input}\" is not a complete IP address; write IPv4 as in 192.0.2.1 and IPv6 as in 2001:db8::1"
    )]
    #[non_exhaustive]
    MalformedIpAddress {
        /// What was given.
        input: UntrustedText,
    },
    /// The name is longer than 253 octets (RFC 1035 section 2.3.4).
    #[error(
        "the host name has {length} characters and at most 253 are possible; check what was pasted"
    )]
    #[non_exhaustive]
    TooLong {
        /// Its length in octets.
        length: usize,
    },
    /// There is nothing between two dots, or before the first.
    #[error("\"{name}\" has a dot too many; write single dots, and none at the beginning")]
    #[non_exhaustive]
    EmptyLabel {
        /// The name.
        name: UntrustedText,
    },
    /// A part between dots is longer than 63 octets (RFC 1035 section 2.3.4).
    #[error(
        "the part \"{label}\" is longer than the 63 characters that are possible; check its spelling"
    )]
    #[non_exhaustive]
    LabelTooLong {
        /// The part.
        label: UntrustedText,
    },
    /// A character that is not a letter, digit, hyphen or underscore.
    #[error(
        "{character:?} in \"{label}\" cannot be in a host name; use letters, digits, hyphens and dots"
    )]
    #[non_exhaustive]
    Character {
        /// The part between dots.
        label: UntrustedText,
        /// The first such character in it.
        character: char,
    },
    /// A hyphen begins or ends a part between dots (RFC 5890 section 2.3.1).
    #[error("the part \"{label}\" begins or ends with a hyphen; check its spelling")]
    #[non_exhaustive]
    Hyphen {
        /// The part.
        label: UntrustedText,
    },
    /// Hyphens are in the third and fourth place, which is reserved (RFC 5890 section 2.3.1).
    #[error(
        "the part \"{label}\" has hyphens as its third and fourth characters, which is reserved; check \
         its spelling"
    )]
    #[non_exhaustive]
    ReservedLabel {
        /// The part.
        label: UntrustedText,
    },
    /// A label begins with `xn--` and is not the A-label of anything (RFC 5890 section 2.3.2.1).
    #[error("\"{name}\" holds a part with xn-- that stands for no word; check its spelling")]
    #[non_exhaustive]
    InvalidALabel {
        /// The name, or the part of it.
        name: UntrustedText,
    },
    /// Letters beyond ASCII, which only the feature `idna` can convert.
    #[error("\"{name}\" has letters beyond ASCII; write its form that begins with xn--")]
    #[non_exhaustive]
    NeedsIdna {
        /// The name.
        name: UntrustedText,
    },
    /// Letters beyond ASCII that no host name may contain in this way (UTS 46).
    #[error("\"{name}\" cannot be the name of a host; check its spelling")]
    #[non_exhaustive]
    NotAHostName {
        /// The name.
        name: UntrustedText,
    },
}

impl InvalidName {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "name-empty",
            Self::Whitespace { .. } => "name-with-blank-space",
            Self::Url { .. } => "name-is-url",
            Self::Port { .. } => "name-with-port",
            Self::EmailAddress { .. } => "name-is-email-address",
            Self::IpAddress { .. } => "name-is-ip-address",
            Self::ZoneId { .. } => "address-with-zone",
            Self::MalformedIpAddress { .. } => "malformed-ip-address",
            Self::TooLong { .. } => "name-too-long",
            Self::EmptyLabel { .. } => "name-with-empty-label",
            Self::LabelTooLong { .. } => "label-too-long",
            Self::Character { .. } => "name-with-character",
            Self::Hyphen { .. } => "label-with-hyphen",
            Self::ReservedLabel { .. } => "reserved-label",
            Self::InvalidALabel { .. } => "invalid-a-label",
            Self::NeedsIdna { .. } => "name-needs-idna",
            Self::NotAHostName { .. } => "not-a-host-name",
        }
    }
}

pub(super) fn quote(text: &str) -> UntrustedText {
    UntrustedText::new(text.as_bytes(), MAX_QUOTED)
}
