//! The search for a presented identifier that matches a reference (RFC 6125 §6.3 to §6.5).

use std::net::IpAddr;

use crate::identity::presented::{RawName, octets};
use crate::identity::{PresentedId, PresentedIds, ReferenceId, ReferenceIds, ReferenceName};

/// The pair that matched. The reference is the validated identity of the peer (RFC 6125 §6.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Match<'r, 'p> {
    /// What we expected.
    pub reference: &'r ReferenceId,
    /// What the certificate says; perhaps a wildcard.
    pub presented: PresentedId<'p>,
}

/// Seeks the references in their order among the presented names, and stops at the first pair that
/// matches (RFC 6125 §6.3).
///
/// Linear in the certificate, and nothing is allocated. Names of one type are compared with names
/// of the same type only (RFC 9525 §6.2). This is the identity alone: it says nothing unless the
/// certificate's path was validated too (RFC 7817 §3).
#[must_use]
pub fn first_match<'r, 'p>(
    references: &'r ReferenceIds,
    presented: &PresentedIds<'p>,
) -> Option<Match<'r, 'p>> {
    references.iter().find_map(|reference| {
        let wanted = Wanted::from(reference.name());
        let raw = presented.raw().find(|raw| wanted.is(raw))?;
        Some(Match {
            reference,
            presented: raw.read(),
        })
    })
}

/// A reference, taken apart once for the whole search.
enum Wanted<'r> {
    Dns {
        whole: &'r [u8],
        /// What stands behind the first label, dot included, if it has two labels or more: a lone
        /// star would otherwise stand for a whole top-level domain, and rustls-webpki refuses that
        /// as well.
        parent: Option<&'r [u8]>,
    },
    Ip(IpAddr),
}

impl<'r> From<&'r ReferenceName> for Wanted<'r> {
    fn from(name: &'r ReferenceName) -> Self {
        match name {
            ReferenceName::Dns(name) => {
                let whole = name.as_str().as_bytes();
                Self::Dns {
                    whole,
                    parent: parent_of_two_labels(whole),
                }
            }
            ReferenceName::Ip(address) => Self::Ip(*address),
        }
    }
}

impl Wanted<'_> {
    /// Compares the bytes as they stand. A presented name that equals a well-formed reference is
    /// well-formed, so that syntax needs no look of its own here; the report looks at it.
    fn is(&self, presented: &RawName<'_>) -> bool {
        match (self, presented) {
            (Self::Dns { whole, parent }, RawName::Dns(bytes)) => match bytes {
                // RFC 9525 §6.3: the star is the whole left-most label and stands for exactly one.
                [b'*', behind @ ..] => parent.is_some_and(|p| behind.eq_ignore_ascii_case(p)),
                // RFC 6125 §6.4.1: label by label, ASCII case aside.
                bytes => bytes.eq_ignore_ascii_case(whole),
            },
            // RFC 9525 §6.4: the family is the length, and a mapped IPv4 address is an IPv6 one.
            (Self::Ip(address), RawName::Ip(bytes)) => octets(bytes) == Some(*address),
            (
                Self::Dns { .. },
                RawName::Ip(_)
                | RawName::OtherName(_)
                | RawName::Email(_)
                | RawName::Uri(_)
                | RawName::Other
                | RawName::Unreadable(_),
            )
            | (
                Self::Ip(_),
                RawName::Dns(_)
                | RawName::OtherName(_)
                | RawName::Email(_)
                | RawName::Uri(_)
                | RawName::Other
                | RawName::Unreadable(_),
            ) => false,
        }
    }
}

/// `.example.net` of `imap.example.net`; nothing of `example.net`.
fn parent_of_two_labels(name: &[u8]) -> Option<&[u8]> {
    let dot = name.iter().position(|byte| *byte == b'.')?;
    let parent = name.get(dot..)?;
    let inner = parent.get(1..)?;
    inner.contains(&b'.').then_some(parent)
}
