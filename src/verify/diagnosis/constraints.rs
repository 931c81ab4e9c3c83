//! What an authority may vouch for (RFC 5280 §4.2.1.10), for a report.

use std::net::IpAddr;

use super::text;
use crate::der::{self, NotDer, Reader, Value};
use crate::distinguished_name::DistinguishedName;
use crate::identity::octets;
use crate::limits;
use crate::text::UntrustedText;

/// The constraints, given the content of a NameConstraints sequence; none where it cannot be read.
pub(super) fn of(constraints: &[u8]) -> Vec<UntrustedText> {
    let mut found = Vec::new();
    match read(constraints, &mut found) {
        Ok(()) => found,
        Err(NotDer) => Vec::new(),
    }
}

fn read(constraints: &[u8], found: &mut Vec<UntrustedText>) -> Result<(), NotDer> {
    let mut fields = Reader::new(constraints);
    for (number, word) in [(0, "only"), (1, "not")] {
        let Some(subtrees) = fields.optional(der::constructed(number))? else {
            continue;
        };
        let mut subtrees = Reader::new(subtrees.content);
        while !subtrees.at_end() && found.len() < limits::REPORTED_NAMES {
            let base = Reader::new(subtrees.expect(der::SEQUENCE)?.content).value()?;
            found.push(text(&format!("{word} {}", general_name(base))));
        }
    }
    Ok(())
}

/// `GeneralName`, RFC 5280 §4.2.1.6, in words; the addresses of a network with their mask.
fn general_name(name: Value<'_>) -> String {
    const RFC822_NAME: u8 = der::primitive(1);
    const DNS_NAME: u8 = der::primitive(2);
    const DIRECTORY_NAME: u8 = der::constructed(4);
    const URI: u8 = der::primitive(6);
    const IP_ADDRESS: u8 = der::primitive(7);
    let string = String::from_utf8_lossy(name.content);
    match name.tag {
        RFC822_NAME => format!("the mail addresses of {string}"),
        DNS_NAME if string.is_empty() => "any host".to_owned(),
        DNS_NAME => format!("the hosts of {string}"),
        DIRECTORY_NAME => match der::only(name.content, der::SEQUENCE) {
            Ok(content) => format!("names under {}", DistinguishedName(content)),
            Err(NotDer) => "names that cannot be read".to_owned(),
        },
        URI => format!("the URIs of {string}"),
        IP_ADDRESS => match network(name.content) {
            Some((address, mask)) => format!("the addresses {address} with mask {mask}"),
            None => "addresses that cannot be read".to_owned(),
        },
        _ => "names of a kind that is not shown".to_owned(),
    }
}

fn network(octets_and_mask: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let (address, mask) = octets_and_mask.split_at_checked(octets_and_mask.len() / 2)?;
    Some((octets(address)?, octets(mask)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag, u8::try_from(content.len()).unwrap()];
        bytes.extend_from_slice(content);
        bytes
    }

    fn shown(permitted: &[(u8, &[u8])], excluded: &[(u8, &[u8])]) -> Vec<String> {
        let trees = |names: &[(u8, &[u8])]| -> Vec<u8> {
            let tree = |(tag, name): &(u8, &[u8])| value(der::SEQUENCE, &value(*tag, name));
            names.iter().flat_map(tree).collect()
        };
        let mut bytes = Vec::new();
        for (number, names) in [(0, permitted), (1, excluded)] {
            if !names.is_empty() {
                bytes.extend(value(der::constructed(number), &trees(names)));
            }
        }
        of(&bytes).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_kind_of_name_is_shown() {
        // RFC 5280 §4.2.1.6 and §4.2.1.10.
        let attribute = [&value(0x06, &[0x55, 4, 10])[..], &value(0x0C, b"Example")].concat();
        let name = value(0x30, &value(0x31, &value(0x30, &attribute)));
        let rows: [(u8, &[u8], &str); 12] = [
            (0x82, b"example.org", "the hosts of example.org"),
            (0x82, b"", "any host"),
            (0x81, b"example.org", "the mail addresses of example.org"),
            (0x86, b".example.org", "the URIs of .example.org"),
            (
                0x87,
                &[192, 0, 2, 0, 255, 255, 255, 0],
                "the addresses 192.0.2.0 with mask 255.255.255.0",
            ),
            (0x87, &[0; 32], "the addresses :: with mask ::"),
            (0x87, &[192, 0, 2], "addresses that cannot be read"),
            (0xA4, &name, "names under O=Example"),
            (0xA4, b"", "names that cannot be read"),
            (0xA0, b"", "names of a kind that is not shown"),
            (0x88, &[0x2A, 3], "names of a kind that is not shown"),
            (0x82, b"a\nb", r"the hosts of a\nb"),
        ];
        for (tag, name, expected) in rows {
            assert_eq!(shown(&[(tag, name)], &[]), [format!("only {expected}")]);
            assert_eq!(shown(&[], &[(tag, name)]), [format!("not {expected}")]);
        }
    }

    #[test]
    fn what_is_no_constraint_shows_nothing() {
        let tree = value(0x30, &value(0x82, b"example.org"));
        for bytes in [&[][..], &[0xA0], &[0xA0, 1, 0x30], &value(0xA0, &tree[..5])] {
            assert_eq!(of(bytes), [], "{bytes:?}");
        }
        let many = value(0xA0, &value(0x30, &value(0x82, b"a")).repeat(20));
        assert_eq!(of(&many).len(), limits::REPORTED_NAMES.min(20));
    }
}
