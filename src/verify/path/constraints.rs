//! Constraints on host names (RFC 5280 §4.2.1.10), for a name that rustls-webpki compares with none.

use webpki::{Error, VerifiedPath};

use crate::certificate::{Certificate, NAME_CONSTRAINTS};
use crate::der::{self, NotDer, Reader};

/// dNSName in a GeneralSubtree.
const DNS_NAME: u8 = der::primitive(2);

/// Whether every authority of the path may vouch for `name`.
pub(in crate::verify) fn permit(path: &VerifiedPath<'_>, name: &str) -> Result<(), Error> {
    for authority in path.intermediate_certificates() {
        let constraints = Certificate::parse(&authority.der())
            .and_then(
                |certificate| match certificate.extension(NAME_CONSTRAINTS)? {
                    Some(value) => permits(der::only(value, der::SEQUENCE)?, name),
                    None => Ok(true),
                },
            )
            .map_err(|NotDer| Error::MalformedNameConstraint)?;
        if !constraints {
            return Err(Error::NameConstraintViolation);
        }
    }
    // An anchor carries the content of its NameConstraints sequence.
    match &path.anchor().name_constraints {
        Some(constraints) => match permits(constraints, name) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::NameConstraintViolation),
            Err(NotDer) => Err(Error::MalformedNameConstraint),
        },
        None => Ok(()),
    }
}

/// `NameConstraints ::= SEQUENCE { permittedSubtrees [0] OPTIONAL, excludedSubtrees [1] OPTIONAL }`.
fn permits(constraints: &[u8], name: &str) -> Result<bool, NotDer> {
    let mut fields = Reader::new(constraints);
    let permitted = fields.optional(der::constructed(0))?;
    let excluded = fields.optional(der::constructed(1))?;
    fields.finish()?;

    if let Some(permitted) = permitted {
        let bases = host_names(permitted.content)?;
        if !bases.is_empty() && !bases.iter().any(|base| covers(base, name)) {
            return Ok(false);
        }
    }
    if let Some(excluded) = excluded {
        let bases = host_names(excluded.content)?;
        if bases.iter().any(|base| covers(base, name)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The dNSNames of a sequence of GeneralSubtree, which have neither minimum nor maximum.
fn host_names(subtrees: &[u8]) -> Result<Vec<&[u8]>, NotDer> {
    let mut bases = Vec::new();
    let mut reader = Reader::new(subtrees);
    while !reader.at_end() {
        let mut subtree = Reader::new(reader.expect(der::SEQUENCE)?.content);
        let base = subtree.value()?;
        subtree.finish()?;
        if base.tag == DNS_NAME {
            if !is_base(base.content) {
                return Err(NotDer);
            }
            bases.push(base.content);
        }
    }
    Ok(bases)
}

/// Whether this can be a constraint on host names. One that is written in another way, with a star
/// or a dot at its end, would cover nothing, and what was to be excluded would be allowed.
fn is_base(base: &[u8]) -> bool {
    let name = base.strip_prefix(b".").unwrap_or(base);
    let is_label = |label: &[u8]| {
        matches!(label.len(), 1..=63)
            && label
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    base.is_empty() || (base.len() <= 253 && name.split(|byte| *byte == b'.').all(is_label))
}

/// "Any DNS name that can be constructed by simply adding zero or more labels to the left-hand side
/// of the name satisfies the name constraint." An empty base is every name; a leading dot, which
/// RFC 5280 does not know and real authorities write, asks for one label more at least.
fn covers(base: &[u8], name: &str) -> bool {
    let name = name.as_bytes();
    let Some(at) = name.len().checked_sub(base.len()) else {
        return false;
    };
    let Some((before, tail)) = name.split_at_checked(at) else {
        return false;
    };
    tail.eq_ignore_ascii_case(base)
        && (base.is_empty()
            || before.is_empty()
            || before.ends_with(b".")
            || base.starts_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{der, dns, ip};

    fn subtrees(tag: u8, bases: &[Vec<u8>]) -> Vec<u8> {
        let each: Vec<u8> = bases.iter().flat_map(|base| der(0x30, base)).collect();
        der(tag, &each)
    }

    #[test]
    fn what_an_authority_may_vouch_for() {
        let only = |names: &[&str]| subtrees(0xA0, &names.iter().map(dns).collect::<Vec<_>>());
        let not = |names: &[&str]| subtrees(0xA1, &names.iter().map(dns).collect::<Vec<_>>());
        let rows: &[(Vec<u8>, &str, bool, &str)] = &[
            (
                only(&["example.net"]),
                "example.net",
                true,
                "RFC 5280 §4.2.1.10: zero labels added",
            ),
            (
                only(&["example.net"]),
                "a.Example.NET",
                true,
                "one label added; ASCII case aside",
            ),
            (
                only(&["example.net"]),
                "badexample.net",
                false,
                "labels, not characters",
            ),
            (only(&["example.net"]), "example.org", false, "outside"),
            (
                only(&["a.example", "b.example"]),
                "b.example",
                true,
                "any of them",
            ),
            (
                only(&[".example.net"]),
                "a.example.net",
                true,
                "as rustls-webpki",
            ),
            (
                only(&[".example.net"]),
                "example.net",
                false,
                "as rustls-webpki",
            ),
            (only(&[""]), "example.net", true, "every name"),
            (not(&["example.net"]), "example.net", false, "excluded"),
            (
                not(&["example.net"]),
                "a.example.net",
                false,
                "excluded below",
            ),
            (not(&["example.net"]), "example.org", true, "not excluded"),
            (not(&[""]), "example.net", false, "every name"),
            (
                [only(&["net"]), not(&["example.net"])].concat(),
                "mail.example.net",
                false,
                "excluded goes before permitted",
            ),
            (
                subtrees(0xA0, &[ip(&[192, 0, 2, 0, 255, 255, 255, 0])]),
                "example.net",
                true,
                "a constraint on another type restricts nothing here",
            ),
            (Vec::new(), "example.net", true, "none"),
        ];
        for (constraints, name, expected, source) in rows {
            assert_eq!(
                permits(constraints, name),
                Ok(*expected),
                "{name}: {source}"
            );
        }
    }

    #[test]
    fn constraints_that_cannot_be_read_permit_nothing() {
        let minimum = der(0x80, &[1]);
        let with_minimum = der(0xA0, &der(0x30, &[dns("example.net"), minimum].concat()));
        let malformed = [
            "example.net.",
            "*.example.net",
            "example..net",
            "..example.net",
            ".",
            "exam ple.net",
            "bücher.example",
            "example.net\0",
            "https://example.net",
            "user@example.net",
        ];
        for base in malformed {
            for tag in [0xA0, 0xA1] {
                // Beside one that permits, and before one that excludes.
                let bad = subtrees(tag, &[dns(base), dns("example.net")]);
                assert_eq!(permits(&bad, "a.example.net"), Err(NotDer), "{base}");
            }
        }
        for bad in [
            &with_minimum[..],
            &[0xA0, 5, 1],
            &[0x30, 0],
            &[0xA1, 2, 0x30, 1],
        ] {
            assert_eq!(permits(bad, "example.net"), Err(NotDer), "{bad:?}");
        }
    }
}
