//! A distinguished name (RFC 5280 §4.1.2.4): a sequence of sets of attributes, each a type and a value.

use std::fmt::{self, Write};

use ::der::oid::ObjectIdentifierRef;

use crate::der::{self, NotDer, Reader, Value};

/// id-at-commonName, RFC 5280 appendix A.1.
pub(crate) const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// What is written for a type: the short names of RFC 4514 §3, and those that certificates have
/// beside them (RFC 5280 appendix A.1, RFC 2985 §5.2.1).
const SHORT_NAMES: &[(&[u8], &str)] = &[
    (COMMON_NAME, "CN"),
    (&[0x55, 0x04, 0x05], "serialNumber"),
    (&[0x55, 0x04, 0x06], "C"),
    (&[0x55, 0x04, 0x07], "L"),
    (&[0x55, 0x04, 0x08], "ST"),
    (&[0x55, 0x04, 0x0A], "O"),
    (&[0x55, 0x04, 0x0B], "OU"),
    (&[0x55, 0x04, 0x61], "organizationIdentifier"),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x19],
        "DC",
    ),
    (
        &[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 0x01, 0x01],
        "UID",
    ),
    (
        &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01],
        "emailAddress",
    ),
    (&[0x55, 0x04, 0x09], "STREET"),
];

/// The content of a Name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DistinguishedName<'a>(pub(crate) &'a [u8]);

impl<'a> DistinguishedName<'a> {
    /// The values of all attributes of one type, in their order.
    pub(crate) fn values(self, id: &[u8]) -> Result<Vec<Value<'a>>, NotDer> {
        let mut found = Vec::new();
        self.visit(id, |value| found.push(value))?;
        Ok(found)
    }

    /// The first common name, as the bytes of its string.
    pub(crate) fn first_common_name(self) -> Option<&'a [u8]> {
        let mut found = None;
        let take = |value: Value<'a>| {
            found.get_or_insert(value.content);
        };
        self.visit(COMMON_NAME, take).ok()?;
        found
    }

    /// The common name, where there is one and not several, as the bytes of its string, if that is
    /// of a type in which ASCII is ASCII.
    pub(crate) fn only_common_name(self) -> Result<Option<&'a [u8]>, NotDer> {
        let (mut found, mut count) = (None, 0_usize);
        self.visit(COMMON_NAME, |value| {
            found = Some(value);
            count = count.saturating_add(1);
        })?;
        let is_ascii_there = |value: &Value<'_>| {
            matches!(
                value.tag,
                der::UTF8_STRING | der::PRINTABLE_STRING | der::IA5_STRING
            )
        };
        Ok(found
            .filter(|value| count == 1 && is_ascii_there(value))
            .map(|value| value.content))
    }

    fn visit(self, id: &[u8], mut take: impl FnMut(Value<'a>)) -> Result<(), NotDer> {
        self.attributes(|attribute| {
            if attribute.id == id {
                take(attribute.value);
            }
        })
    }

    fn attributes(self, mut take: impl FnMut(Attribute<'a>)) -> Result<(), NotDer> {
        let mut sets = Reader::new(self.0);
        while !sets.at_end() {
            let mut attributes = Reader::new(sets.expect(der::SET)?.content);
            let mut is_first = true;
            while !attributes.at_end() {
                let mut fields = Reader::new(attributes.expect(der::SEQUENCE)?.content);
                let id = fields.expect(der::OBJECT_IDENTIFIER)?.content;
                let value = fields.value()?;
                fields.finish()?;
                take(Attribute {
                    id,
                    value,
                    is_first,
                });
                is_first = false;
            }
        }
        Ok(())
    }
}

struct Attribute<'a> {
    id: &'a [u8],
    value: Value<'a>,
    /// In its set.
    is_first: bool,
}

/// For a person, in the order of the certificate: RFC 4514 §2.1 would turn it round. What is not UTF-8
/// is the caller's to refuse; controls and the like are escaped by `UntrustedText`.
impl fmt::Display for DistinguishedName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = Ok(());
        let mut is_empty = true;
        let read = self.attributes(|attribute| {
            let between = match (is_empty, attribute.is_first) {
                (true, _) => "",
                (false, true) => ", ",
                (false, false) => " + ",
            };
            is_empty = false;
            if written.is_ok() {
                written = f
                    .write_str(between)
                    .and_then(|()| write_attribute(f, &attribute));
            }
        });
        written?;
        match read {
            Ok(()) => Ok(()),
            Err(NotDer) => f.write_str(if is_empty {
                "a name that cannot be read"
            } else {
                ", and what cannot be read"
            }),
        }
    }
}

fn write_attribute(f: &mut fmt::Formatter<'_>, attribute: &Attribute<'_>) -> fmt::Result {
    match SHORT_NAMES.iter().find(|(id, _)| *id == attribute.id) {
        Some((_, short)) => f.write_str(short)?,
        None => write!(f, "{}", Oid(attribute.id))?,
    }
    f.write_char('=')?;
    let value = attribute.value;
    match value.tag {
        // The strings of which every octet below 128 is ASCII (X.690 §8.23): UTF8String,
        // NumericString, PrintableString, TeletexString, IA5String, VisibleString.
        der::UTF8_STRING | 0x12 | der::PRINTABLE_STRING | 0x14 | der::IA5_STRING | 0x1A => {
            f.write_str(&String::from_utf8_lossy(value.content))
        }
        BMP_STRING if value.content.len() % 2 == 0 => {
            let units = value
                .content
                .chunks_exact(2)
                .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
                .map(u16::from_be_bytes);
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .try_for_each(|character| f.write_char(character))
        }
        // RFC 4514 §2.4: a number sign, and the whole encoding.
        _ => {
            f.write_char('#')?;
            hexadecimal(f, value.whole)
        }
    }
}

/// `BMPString`: two octets a character.
const BMP_STRING: u8 = 0x1E;

/// An object identifier, given the content of its encoding, in dotted form; in hexadecimal digits
/// where it is none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Oid<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Oid<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ObjectIdentifierRef::from_bytes(self.0) {
            Ok(id) => write!(f, "{id}"),
            Err(_) => {
                f.write_char('#')?;
                hexadecimal(f, self.0)
            }
        }
    }
}

fn hexadecimal(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use x509_parser::prelude::FromDer;
    use x509_parser::x509::X509Name;

    const ORGANIZATION: &[u8] = &[0x55, 4, 10];
    const DOMAIN_COMPONENT: &[u8] = &[9, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 0x19];

    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match u8::try_from(content.len()).unwrap() {
            short @ 0..=0x7F => bytes.push(short),
            long => bytes.extend([0x81, long]),
        }
        bytes.extend_from_slice(content);
        bytes
    }

    fn attribute(id: &[u8], tag: u8, text: &[u8]) -> Vec<u8> {
        value(0x30, &[value(0x06, id), value(tag, text)].concat())
    }

    /// A name of such sets of attributes.
    fn name(sets: &[&[Vec<u8>]]) -> Vec<u8> {
        let sets = sets.iter().map(|set| value(0x31, &set.concat()));
        sets.collect::<Vec<_>>().concat()
    }

    fn shown(content: &[u8]) -> String {
        DistinguishedName(content).to_string()
    }

    #[test]
    fn names_are_written_for_people() {
        let cn = |tag, text: &[u8]| attribute(COMMON_NAME, tag, text);
        let rows: [(&str, Vec<u8>, &str); 14] = [
            ("nothing", Vec::new(), ""),
            ("one", name(&[&[cn(0x0C, b"Root")]]), "CN=Root"),
            (
                "in the certificate's order",
                name(&[
                    &[attribute(ORGANIZATION, 0x13, b"Example")],
                    &[cn(0x0C, b"Root")],
                ]),
                "O=Example, CN=Root",
            ),
            (
                "two in a set (RFC 4514 §2.2)",
                name(&[&[attribute(ORGANIZATION, 0x0C, b"A"), cn(0x0C, b"B")]]),
                "O=A + CN=B",
            ),
            (
                "domain components (RFC 4519 §2.4)",
                name(&[
                    &[attribute(DOMAIN_COMPONENT, 0x16, b"org")],
                    &[attribute(DOMAIN_COMPONENT, 0x16, b"example")],
                ]),
                "DC=org, DC=example",
            ),
            (
                "a type without a short name",
                name(&[&[attribute(&[0x55, 4, 0x29], 0x0C, b"x")]]),
                "2.5.4.41=x",
            ),
            (
                "a type that is none",
                name(&[&[attribute(&[0x55, 0x84], 0x0C, b"x")]]),
                "#5584=x",
            ),
            (
                "characters beyond ASCII",
                name(&[&[cn(0x0C, "Müller".as_bytes())]]),
                "CN=Müller",
            ),
            (
                "BMPString",
                name(&[&[cn(0x1E, &[0, b'M', 0, 0xFC, 0xD8, 0])]]),
                "CN=Mü\u{FFFD}",
            ),
            (
                "BMPString cut short (RFC 4514 §2.4)",
                name(&[&[cn(0x1E, &[0, b'M', 0])]]),
                "CN=#1E03004D00",
            ),
            (
                "no string (RFC 4514 §2.4)",
                name(&[&[cn(0x02, &[7])]]),
                "CN=#020107",
            ),
            (
                "not UTF-8",
                name(&[&[cn(0x0C, &[b'a', 0xFF])]]),
                "CN=a\u{FFFD}",
            ),
            ("garbage", vec![1, 2, 3], "a name that cannot be read"),
            (
                "garbage behind a name",
                [name(&[&[cn(0x0C, b"A")]]), vec![0]].concat(),
                "CN=A, and what cannot be read",
            ),
        ];
        for (what, content, expected) in rows {
            assert_eq!(shown(&content), expected, "{what}");
        }
    }

    #[test]
    fn the_first_common_name_is_found_wherever_it_stands() {
        let cn = |text: &[u8]| attribute(COMMON_NAME, 0x0C, text);
        let other = attribute(ORGANIZATION, 0x0C, b"Example");
        let found = name(&[
            std::slice::from_ref(&other),
            &[other.clone(), cn(b"a")],
            &[cn(b"b")],
        ]);
        let found = DistinguishedName(&found);
        assert_eq!(found.first_common_name(), Some(&b"a"[..]));
        assert_eq!(found.only_common_name(), Ok(None), "there are two");
        assert_eq!(
            DistinguishedName(&name(&[&[other]])).first_common_name(),
            None
        );
        assert_eq!(DistinguishedName(&[1, 2, 3]).first_common_name(), None);
    }

    proptest! {
        /// What is read here is read by x509-parser as well, and written alike.
        #[test]
        fn another_reader_agrees(
            sets in prop::collection::vec(
                prop::collection::vec((0_usize..7, "[ -~]{0,20}"), 1..3),
                0..5,
            ),
        ) {
            let sets: Vec<Vec<_>> = sets
                .iter()
                .map(|set| {
                    let attributes = set.iter();
                    attributes
                        .map(|(id, text)| attribute(SHORT_NAMES[*id].0, 0x13, text.as_bytes()))
                        .collect()
                })
                .collect();
            let sets: Vec<&[Vec<u8>]> = sets.iter().map(Vec::as_slice).collect();
            let content = name(&sets);
            let length = u16::try_from(content.len()).unwrap().to_be_bytes();
            let whole = [&[0x30, 0x82][..], &length, &content].concat();
            let (_, other) = X509Name::from_der(&whole).unwrap();
            prop_assert_eq!(shown(&content), other.to_string());
            let first = other.iter_common_name().next().map(|attribute| attribute.as_slice());
            prop_assert_eq!(DistinguishedName(&content).first_common_name(), first);
        }

        #[test]
        fn nothing_panics(content in prop::collection::vec(any::<u8>(), 0..40)) {
            shown(&content);
            let _ = Oid(&content).to_string();
            let one = name(&[&[attribute(&content, 0x1E, &content)]]);
            prop_assert!(!shown(&one).is_empty());
        }
    }
}
