//! Text that came from somebody else, kept so that showing it does no harm.

use std::fmt::{self, Write};

/// Text from the network or from a user, which is safe to show and to log.
///
/// `Display` and `Debug` escape whatever could forge a log line, drive a terminal or make text look
/// like other text: controls, bidirectional and zero-width characters, line separators, blanks other
/// than the ASCII space, private-use characters, and bytes that are not UTF-8. The backslash is
/// escaped too, so that the shown form says exactly which bytes were there, and so is the quotation
/// mark, so that no text can seem to end the quotation in which a sentence shows it:
///
/// | shown | stands for |
/// |---|---|
/// | `\\`, `\"` | a backslash, a quotation mark |
/// | `\n`, `\r`, `\t` | line feed, carriage return, tab |
/// | `\u{202e}` | the character with that number |
/// | `\xff` | a byte that is not part of any UTF-8 character |
/// | `\[12 more bytes]` | at the end: this much was cut off |
/// | `\[12 bytes]` | all of it, since nothing of it may be shown |
///
/// The shown form is at most six times as long as the bytes that were kept, and one such mark.
/// It says nothing about letters that look like others.
///
/// It comes in errors and reports, and is made by this crate alone:
///
/// ```
/// # #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))] {
/// use bytes::BytesMut;
/// use mail_tls::{Account, Client, Endpoint, Error, Service, TlsMode};
///
/// let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
/// let connector = Client::builder().build()?.connector(&Account::configured(), endpoint)?;
/// let mut outgoing = BytesMut::new();
/// let mut session = connector.connect(&mut outgoing)?;
/// let mut incoming = BytesMut::from(&b"* OK \x1b[2J ready\r\n"[..]); // it clears a terminal
/// let Err(Error::Protocol(error)) = session.process(&mut incoming, &mut outgoing) else { panic!() };
/// assert!(error.to_string().contains(r"* OK \u{1b}[2J ready"));
/// # }
/// # Ok::<(), mail_tls::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct UntrustedText {
    bytes: Box<[u8]>,
    original_len: usize,
}

impl UntrustedText {
    /// Keeps the first `max` bytes; a character that would be cut in two is left out.
    pub(crate) fn new(bytes: &[u8], max: usize) -> Self {
        let kept = match bytes.get(..max) {
            Some(head) if head.len() < bytes.len() => without_cut_character(head),
            Some(_) | None => bytes,
        };
        Self {
            bytes: kept.into(),
            original_len: bytes.len(),
        }
    }

    /// Keeps as much of the beginning as is shown in `max` characters, however it is escaped, and no
    /// more than `max` bytes.
    pub(crate) fn excerpt(bytes: &[u8], max: usize) -> Self {
        let Self { bytes: head, .. } = Self::new(bytes, max);
        let (mut shown, mut kept) = (Width(0), 0);
        'kept: for chunk in head.utf8_chunks() {
            for c in chunk.valid().chars() {
                if put_escaped(&mut shown, c).is_err() || shown.0 > max {
                    break 'kept;
                }
                kept += c.len_utf8();
            }
            for _ in chunk.invalid() {
                shown.0 += BYTE_ESCAPE;
                if shown.0 > max {
                    break 'kept;
                }
                kept += 1;
            }
        }
        Self {
            bytes: head.get(..kept).unwrap_or_default().into(),
            original_len: bytes.len(),
        }
    }

    /// The bytes as they came, up to where they were cut. They may hold anything: do not print them.
    #[must_use]
    pub fn as_untrusted_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the text was longer than what is kept.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.bytes.len() < self.original_len
    }

    /// The length in bytes that the text had before it was cut.
    #[must_use]
    pub fn original_len(&self) -> usize {
        self.original_len
    }
}

impl fmt::Display for UntrustedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_escaped(f)
    }
}

impl fmt::Debug for UntrustedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UntrustedText(\"")?;
        self.write_escaped(f)?;
        f.write_str("\")")
    }
}

impl UntrustedText {
    fn write_escaped(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                put_escaped(f, c)?;
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        if self.is_truncated() {
            let cut = self.original_len.saturating_sub(self.bytes.len());
            let more = if self.bytes.is_empty() { "" } else { "more " };
            let unit = if cut == 1 { "byte" } else { "bytes" };
            write!(f, "\\[{cut} {more}{unit}]")?;
        }
        Ok(())
    }
}

/// What `\xff` takes.
const BYTE_ESCAPE: usize = 4;

fn put_escaped(f: &mut impl Write, c: char) -> fmt::Result {
    match c {
        '\\' => f.write_str("\\\\"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '"' => f.write_str("\\\""),
        _ if is_unsafe_to_show(c) => write!(f, "{}", c.escape_unicode()),
        _ => f.write_char(c),
    }
}

/// Counts the characters that are written.
struct Width(usize);

impl Write for Width {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.chars().count());
        Ok(())
    }
}

/// Whether a character can act on a terminal, hide, reorder its neighbours or pose as a space.
///
/// These are Unicode's general categories Cc, Cf, Zl, Zp, Co and Zs (but for the ASCII space), the
/// noncharacters, and all that has the property `Default_Ignorable_Code_Point`; and the blank
/// Braille pattern, which looks like a space.
pub(crate) fn is_unsafe_to_show(c: char) -> bool {
    match c {
        ' '..='~' => false,
        _ if c.is_control() || c.is_whitespace() => true,
        '\u{ad}'
        | '\u{34f}'
        | '\u{600}'..='\u{605}'
        | '\u{61c}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{890}'..='\u{891}'
        | '\u{8e2}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{2800}'
        | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{fdd0}'..='\u{fdef}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}'
        | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
        | '\u{f0000}'.. => true,
        // The last two code points of every plane are noncharacters.
        _ => matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff),
    }
}

/// `head` without the beginning of a character whose rest was cut off.
fn without_cut_character(head: &[u8]) -> &[u8] {
    match head.utf8_chunks().last() {
        Some(chunk)
            if std::str::from_utf8(chunk.invalid()).is_err_and(|e| e.error_len().is_none()) =>
        {
            head.strip_suffix(chunk.invalid()).unwrap_or(head)
        }
        Some(_) | None => head,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(bytes: &[u8]) -> String {
        UntrustedText::new(bytes, usize::MAX).to_string()
    }

    /// What the shown form says was there, read back independently of how it was written.
    fn unescape(shown: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut rest = shown.chars();
        while let Some(c) = rest.next() {
            let mut utf8 = [0; 4];
            if c != '\\' {
                bytes.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
                continue;
            }
            match rest.next().unwrap() {
                '\\' => bytes.push(b'\\'),
                '"' => bytes.push(b'"'),
                'n' => bytes.push(b'\n'),
                'r' => bytes.push(b'\r'),
                't' => bytes.push(b'\t'),
                'x' => {
                    let hex: String = rest.by_ref().take(2).collect();
                    bytes.push(u8::from_str_radix(&hex, 16).unwrap());
                }
                'u' => {
                    assert_eq!(rest.next(), Some('{'));
                    let hex: String = rest.by_ref().take_while(|c| *c != '}').collect();
                    let c = char::from_u32(u32::from_str_radix(&hex, 16).unwrap()).unwrap();
                    bytes.extend_from_slice(c.encode_utf8(&mut utf8).as_bytes());
                }
                '[' => assert_eq!(rest.by_ref().last(), Some(']')),
                other => panic!("unknown escape {other:?}"),
            }
        }
        bytes
    }

    #[test]
    fn shows() {
        // (bytes, shown form, where the row comes from)
        let rows: &[(&[u8], &str, &str)] = &[
            (b"", "", "nothing"),
            (b"a b~", "a b~", "ASCII stays"),
            ("grüße 例え".as_bytes(), "grüße 例え", "letters stay"),
            (b"a\\n", "a\\\\n", "the backslash itself"),
            (
                b"\"; all is well",
                "\\\"; all is well",
                "the end of a quotation",
            ),
            (b"\r\n\t", "\\r\\n\\t", "C0 (ECMA-48)"),
            (
                b"\x1b[31m\x07\0\x7f",
                "\\u{1b}[31m\\u{7}\\u{0}\\u{7f}",
                "terminal escapes",
            ),
            (
                "\u{85}\u{9b}".as_bytes(),
                "\\u{85}\\u{9b}",
                "C1: NEL and CSI",
            ),
            (
                "a\u{202e}b\u{2066}".as_bytes(),
                "a\\u{202e}b\\u{2066}",
                "UAX 9: RLO, LRI",
            ),
            (
                "\u{200b}\u{200d}\u{2060}".as_bytes(),
                "\\u{200b}\\u{200d}\\u{2060}",
                "zero width",
            ),
            (
                "\u{2028}\u{2029}".as_bytes(),
                "\\u{2028}\\u{2029}",
                "line and paragraph separator",
            ),
            ("\u{feff}".as_bytes(), "\\u{feff}", "byte order mark"),
            (
                "\u{e0041}\u{fe0f}".as_bytes(),
                "\\u{e0041}\\u{fe0f}",
                "tags, variation selectors",
            ),
            (
                "\u{a0}\u{3000}\u{3164}".as_bytes(),
                "\\u{a0}\\u{3000}\\u{3164}",
                "blanks",
            ),
            (
                "\u{e000}\u{1ffff}".as_bytes(),
                "\\u{e000}\\u{1ffff}",
                "private use, noncharacter",
            ),
            (
                b"\xff\x80a",
                "\\xff\\x80a",
                "never in UTF-8; a lone continuation",
            ),
            (
                b"\xc0\xaf",
                "\\xc0\\xaf",
                "RFC 3629 section 10: overlong slash",
            ),
            (
                b"\xed\xa0\x80",
                "\\xed\\xa0\\x80",
                "RFC 3629 section 3: surrogate",
            ),
            (b"\xe2\x82", "\\xe2\\x82", "half a character, as it came"),
            (b"\\[3 more bytes]", "\\\\[3 more bytes]", "a forged mark"),
        ];
        for (bytes, expected, source) in rows {
            assert_eq!(shown(bytes), *expected, "{source}");
        }
    }

    #[test]
    fn debug_is_one_quoted_string() {
        let text = UntrustedText::new(b"a\"\n\\", 9);
        assert_eq!(format!("{text:?}"), "UntrustedText(\"a\\\"\\n\\\\\")");
    }

    #[test]
    fn cuts() {
        let rows: &[(&[u8], usize, &str)] = &[
            (b"abcdef", 6, "abcdef"),
            (b"abcdef", 4, "abcd\\[2 more bytes]"),
            (b"abcdef", 0, "\\[6 bytes]"),
            ("aé".as_bytes(), 2, "a\\[2 more bytes]"),
            ("a😀".as_bytes(), 4, "a\\[4 more bytes]"),
            // Not the beginning of a character, so there is nothing to spare.
            (b"a\xff\xff", 2, "a\\xff\\[1 more byte]"),
        ];
        for (bytes, max, expected) in rows {
            let text = UntrustedText::new(bytes, *max);
            assert_eq!(text.to_string(), *expected);
            assert_eq!(text.original_len(), bytes.len());
            assert_eq!(text.is_truncated(), *max < bytes.len());
        }
    }

    /// Bytes that are mostly text, with what makes text dangerous strewn in.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            any::<char>().prop_map(|c| c.to_string().into_bytes()),
            "[ -~]{0,4}".prop_map(String::into_bytes),
            prop::sample::select(vec![
                "\\", "\u{202e}", "\u{200b}", "\u{2028}", "\u{feff}", "\u{9b}"
            ])
            .prop_map(|s| s.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
    }

    /// An excerpt is bounded in what is shown, and cut between characters.
    #[test]
    fn excerpts() {
        let rows = [
            (vec![b'x'; 200], 120),
            (vec![0xff; 200], 30),
            (vec![0x1b; 200], 20),
            (vec![b'\\'; 200], 60),
            ("\u{e9}".repeat(200).into_bytes(), 120),
        ];
        for (bytes, kept) in rows {
            let text = UntrustedText::excerpt(&bytes, 120);
            assert_eq!(text.as_untrusted_bytes().len(), kept, "{text}");
            assert_eq!(text.original_len(), bytes.len());
        }
        assert!(!UntrustedText::excerpt(b"short\n", 120).is_truncated());
    }

    proptest! {
        #[test]
        fn what_is_shown_is_harmless_and_exact(bytes in bytes(), max in 0_usize..80) {
            let text = UntrustedText::new(&bytes, max);
            let kept = text.as_untrusted_bytes();
            prop_assert!(bytes.starts_with(kept) && kept.len() <= max);
            prop_assert!(kept.len() + 3 >= max.min(bytes.len()));
            for shown in [text.to_string(), format!("{text:?}")] {
                for c in shown.chars() {
                    prop_assert!(!c.is_control(), "{c:?}");
                    prop_assert!(!matches!(c,
                        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
                        | '\u{61c}' | '\u{ad}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}'), "{c:?}");
                }
            }
            let shown = text.to_string();
            prop_assert!(shown.len() <= 6 * kept.len() + 40);
            prop_assert_eq!(unescape(&shown), kept);
            let debug = format!("{text:?}");
            let quoted = debug.strip_prefix("UntrustedText(\"").unwrap().strip_suffix("\")").unwrap();
            prop_assert_eq!(unescape(quoted), kept);
        }
    }
}
