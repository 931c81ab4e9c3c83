//! The attributes of a subject (RFC 5280 §4.1.2.4): a sequence of sets of type and value.

use crate::der::{self, NotDer, Reader, Value};

/// id-at-commonName, RFC 5280 appendix A.1.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The values of all attributes of one type, in their order.
pub(crate) fn attributes<'a>(subject: &'a [u8], id: &[u8]) -> Result<Vec<Value<'a>>, NotDer> {
    let mut found = Vec::new();
    visit(subject, id, |value| found.push(value))?;
    Ok(found)
}

/// The common name of a subject that has one and not several, as the bytes of its string, if that
/// is of a type in which ASCII is ASCII.
pub(super) fn only_common_name(subject: &[u8]) -> Result<Option<&[u8]>, NotDer> {
    let (mut found, mut count) = (None, 0_usize);
    visit(subject, COMMON_NAME, |value| {
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

fn visit<'a>(subject: &'a [u8], id: &[u8], mut take: impl FnMut(Value<'a>)) -> Result<(), NotDer> {
    let mut sets = Reader::new(subject);
    while !sets.at_end() {
        let mut attributes = Reader::new(sets.expect(der::SET)?.content);
        while !attributes.at_end() {
            let mut fields = Reader::new(attributes.expect(der::SEQUENCE)?.content);
            let attribute = fields.expect(der::OBJECT_IDENTIFIER)?.content;
            let value = fields.value()?;
            fields.finish()?;
            if attribute == id {
                take(value);
            }
        }
    }
    Ok(())
}
