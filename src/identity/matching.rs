//! The search for a presented identifier that matches a reference (RFC 6125 §6.3 to §6.5).

use std::net::IpAddr;

use crate::identity::presented::{RawName, octets, service_name};
use crate::identity::{PresentedId, PresentedIds, ReferenceId, ReferenceIds, ReferenceName};
use crate::name::HostName;

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
        let presented = match_of(reference, presented)?;
        Some(Match {
            reference,
            presented,
        })
    })
}

/// The first presented name that matches one reference.
pub(crate) fn match_of<'p>(
    reference: &ReferenceId,
    presented: &PresentedIds<'p>,
) -> Option<PresentedId<'p>> {
    let wanted = match reference.name() {
        ReferenceName::Dns(name) => Wanted::dns(name),
        ReferenceName::Srv { service, domain } => Wanted::Srv {
            service: service.as_bytes(),
            domain: domain.as_str().as_bytes(),
        },
        ReferenceName::Ip(address) => Wanted::Ip(*address),
        ReferenceName::CommonName(name) => {
            // RFC 6125 §6.4.4: the rules are those for a DNS-ID.
            let raw = RawName::Dns(presented.common_name_of_last_resort()?);
            return Wanted::dns(name).is(&raw).then(|| raw.read_matched());
        }
    };
    let raw = presented.raw().find(|raw| wanted.is(raw))?;
    Some(raw.read_matched())
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
    /// Both belong together: neither is combined with a part of another reference
    /// (RFC 6125 §6.5).
    Srv {
        service: &'r [u8],
        domain: &'r [u8],
    },
    Ip(IpAddr),
}

impl<'r> Wanted<'r> {
    fn dns(name: &'r HostName) -> Self {
        let whole = name.as_str().as_bytes();
        Self::Dns {
            whole,
            parent: parent_of_two_labels(whole),
        }
    }

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
            // RFC 4985 §2 and §3: `_service.domain`, exact but for case, so that no star ever
            // stands for anything.
            (Self::Srv { service, domain }, RawName::OtherName(content)) => {
                service_name(content).is_some_and(|text| is_service(text, service, domain))
            }
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
                Self::Srv { .. },
                RawName::Dns(_)
                | RawName::Ip(_)
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

fn is_service(presented: &[u8], service: &[u8], domain: &[u8]) -> bool {
    let [b'_', text @ ..] = presented else {
        return false;
    };
    text.split_at_checked(service.len())
        .is_some_and(|(label, behind)| match behind {
            [b'.', name @ ..] => {
                label.eq_ignore_ascii_case(service) && name.eq_ignore_ascii_case(domain)
            }
            [..] => false,
        })
}

/// `.example.net` of `imap.example.net`; nothing of `example.net`.
fn parent_of_two_labels(name: &[u8]) -> Option<&[u8]> {
    let dot = name.iter().position(|byte| *byte == b'.')?;
    let parent = name.get(dot..)?;
    let inner = parent.get(1..)?;
    inner.contains(&b'.').then_some(parent)
}

#[cfg(test)]
mod tests;
