//! Reading DER (X.690) without copying: one tag, one length, one slice.
//!
//! A certificate is read twice, by rustls-webpki for its path and here for its names and dates, and
//! the two readers must agree on what the bytes say. So this one is as strict as that one: low tag
//! numbers only, definite lengths in their shortest form, nothing beyond the end, and 64 KiB at most.
//! (The crate `der` takes high tag numbers and longer values, asn1-rs lengths that are not in their
//! shortest form.)

mod time;

/// `BOOLEAN`.
pub(crate) const BOOLEAN: u8 = 0x01;
/// `INTEGER`.
pub(crate) const INTEGER: u8 = 0x02;
/// `BIT STRING`.
pub(crate) const BIT_STRING: u8 = 0x03;
/// `OCTET STRING`.
pub(crate) const OCTET_STRING: u8 = 0x04;
/// `OBJECT IDENTIFIER`.
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
/// `UTF8String`.
pub(crate) const UTF8_STRING: u8 = 0x0C;
/// `PrintableString`.
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
/// `IA5String`.
pub(crate) const IA5_STRING: u8 = 0x16;
/// `SEQUENCE` and `SEQUENCE OF`.
pub(crate) const SEQUENCE: u8 = 0x30;

/// `SET` and `SET OF`.
pub(crate) const SET: u8 = 0x31;

/// The identifier octet of `[number]`, constructed or explicit.
pub(crate) const fn constructed(number: u8) -> u8 {
    0xA0 | number
}

/// The identifier octet of `[number] IMPLICIT` over a primitive type.
pub(crate) const fn primitive(number: u8) -> u8 {
    0x80 | number
}

/// The bytes are not DER, or not what was expected at this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotDer;

/// One value: its identifier octet, its content, and both with the length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// What is left to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not read.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads the next value, whatever it is.
    #[inline]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, NotDer> {
        self.value_with(length)
    }

    /// Reads the next value, which must be a `tag` and may be large: a revocation list, where
    /// rustls-webpki takes lengths of up to four octets.
    pub(crate) fn expect_large(&mut self, tag: u8) -> Result<Value<'a>, NotDer> {
        match self.value_with(large_length)? {
            value if value.tag == tag => Ok(value),
            _ => Err(NotDer),
        }
    }

    #[inline]
    fn value_with(
        &mut self,
        length: impl FnOnce(&'a [u8]) -> Result<(usize, &'a [u8]), NotDer>,
    ) -> Result<Value<'a>, NotDer> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(NotDer)?;
        // X.690 §8.1.2.4: tag numbers above 30 take more octets; certificates have none.
        if tag & 0x1F == 0x1F {
            return Err(NotDer);
        }
        let (length, after_length) = length(after_tag)?;
        let (content, rest) = after_length.split_at_checked(length).ok_or(NotDer)?;
        let whole = self
            .rest
            .get(..self.rest.len().saturating_sub(rest.len()))
            .ok_or(NotDer)?;
        self.rest = rest;
        Ok(Value {
            tag,
            content,
            whole,
        })
    }

    /// Reads the next value, which must be a `tag`.
    #[inline]
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Value<'a>, NotDer> {
        match self.value()? {
            value if value.tag == tag => Ok(value),
            _ => Err(NotDer),
        }
    }

    /// Reads the next value if it is a `tag`, and leaves it otherwise.
    #[inline]
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Value<'a>>, NotDer> {
        if self.rest.first() == Some(&tag) {
            self.value().map(Some)
        } else {
            Ok(None)
        }
    }

    /// Nothing may follow.
    pub(crate) const fn finish(&self) -> Result<(), NotDer> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(NotDer)
        }
    }
}

/// A single value of the given tag that fills `bytes`; its content.
pub(crate) fn only(bytes: &[u8], tag: u8) -> Result<&[u8], NotDer> {
    let mut reader = Reader::new(bytes);
    let value = reader.expect(tag)?;
    reader.finish()?;
    Ok(value.content)
}

/// A SEQUENCE with this content: gives back the tag and length that a trust anchor leaves out.
pub(crate) fn in_sequence(content: &[u8]) -> Vec<u8> {
    let mut whole = vec![SEQUENCE];
    match (u8::try_from(content.len()), u16::try_from(content.len())) {
        (Ok(length @ 0..=0x7F), _) => whole.push(length),
        (Ok(length), _) => whole.extend([0x81, length]),
        (Err(_), Ok(length)) => {
            whole.push(0x82);
            whole.extend(length.to_be_bytes());
        }
        (Err(_), Err(_)) => return Vec::new(),
    }
    whole.extend_from_slice(content);
    whole
}

/// X.690 §10.1: the definite form, in as few octets as can be.
#[inline]
fn length(bytes: &[u8]) -> Result<(usize, &[u8]), NotDer> {
    match bytes {
        [short @ 0..=0x7F, rest @ ..] => Ok((usize::from(*short), rest)),
        [0x81, one @ 0x80..=0xFF, rest @ ..] => Ok((usize::from(*one), rest)),
        [0x82, high @ 1..=0xFF, low, rest @ ..] => {
            Ok((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        // 64 KiB and more: rustls-webpki takes no such certificate either.
        _ => Err(NotDer),
    }
}

/// The same for what may have 64 KiB and more.
fn large_length(bytes: &[u8]) -> Result<(usize, &[u8]), NotDer> {
    let (length, rest) = match bytes {
        [0x83, a @ 1..=0xFF, b, c, rest @ ..] => ([0, *a, *b, *c], rest),
        [0x84, a @ 1..=0xFF, b, c, d, rest @ ..] => ([*a, *b, *c, *d], rest),
        _ => return length(bytes),
    };
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| NotDer)?;
    Ok((length, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_one_form() {
        // X.690 §8.1.3 and §10.1.
        let long = [&[0x04, 0x81, 0x80][..], &[0; 128]].concat();
        let longer = [&[0x04, 0x82, 0x01, 0x00][..], &[0; 256]].concat();
        let padded = [&[0x04, 0x82, 0x00, 0x80][..], &[0; 128]].concat();
        let rows: &[(&str, &[u8], Option<usize>)] = &[
            ("empty content", &[0x05, 0x00], Some(0)),
            ("short", &[0x04, 0x02, 1, 2], Some(2)),
            ("one octet", &long, Some(128)),
            ("two octets", &longer, Some(256)),
            ("not the shortest, one", &[0x04, 0x81, 0x02, 1, 2], None),
            ("not the shortest, two", &padded, None),
            ("indefinite", &[0x30, 0x80, 0x00, 0x00], None),
            ("reserved", &[0x04, 0xFF, 0x00], None),
            ("beyond the end", &[0x04, 0x03, 1, 2], None),
            ("no length", &[0x04], None),
            ("nothing", &[], None),
            ("high tag number", &[0x1F, 0x81, 0x00], None),
        ];
        for (what, bytes, expected) in rows {
            let value = Reader::new(bytes).value();
            assert_eq!(value.ok().map(|v| v.content.len()), *expected, "{what}");
        }
    }

    #[test]
    fn large_lengths_have_one_form_too() {
        let of = |head: &[u8], length: usize| {
            let bytes = [head, &vec![7; length][..]].concat();
            let large = Reader::new(&bytes).expect_large(0x04);
            (
                large.ok().map(|value| value.content.len()),
                Reader::new(&bytes).value().is_ok(),
            )
        };
        assert_eq!(of(&[0x04, 0x01], 1), (Some(1), true));
        assert_eq!(of(&[0x04, 0x82, 0xFF, 0xFF], 0xFFFF), (Some(0xFFFF), true));
        assert_eq!(
            of(&[0x04, 0x83, 1, 0, 0], 0x1_0000),
            (Some(0x1_0000), false)
        );
        let most = 0x100_0000;
        assert_eq!(of(&[0x04, 0x84, 1, 0, 0, 0], most), (Some(most), false));
        // Not the shortest, of another tag, beyond the end, too long a length.
        assert_eq!(of(&[0x04, 0x83, 0, 0xFF, 0xFF], 0xFFFF), (None, false));
        assert_eq!(of(&[0x04, 0x84, 0, 1, 0, 0], 0x1_0000), (None, false));
        assert_eq!(of(&[0x05, 0x83, 1, 0, 0], 0x1_0000), (None, false));
        assert_eq!(of(&[0x04, 0x83, 1, 0, 1], 0x1_0000), (None, false));
        assert_eq!(of(&[0x04, 0x85, 0, 1, 0, 0, 0], 1), (None, false));
    }

    #[test]
    fn only_leaves_nothing_over() {
        assert_eq!(only(&[0x02, 0x01, 0x07], INTEGER), Ok(&[7][..]));
        assert_eq!(only(&[0x02, 0x01, 0x07, 0x00], INTEGER), Err(NotDer));
        assert_eq!(only(&[0x02, 0x01, 0x07], OCTET_STRING), Err(NotDer));
    }
}
