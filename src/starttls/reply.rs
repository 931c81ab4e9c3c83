//! Lines of a server's reply, with the literals in them.

use bytes::{Buf, BytesMut};

use crate::error::ProtocolError;
use crate::limits::DIALOG_LITERAL;

/// How a protocol's lines are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineRules {
    /// The longest line with its end.
    pub(super) longest: usize,
    /// Whether a line that ends with `{n}` goes on behind `n` octets: not for IMAP's status
    /// responses, whose text is free.
    pub(super) has_literal: fn(&[u8]) -> bool,
}

/// One line of a reply without its end. Literals in it are skipped.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line(BytesMut);

impl Line {
    /// The line's text; in a line with literals the parts around them.
    pub(super) fn text(&self) -> &[u8] {
        &self.0
    }

    /// Whether the text begins with this word, in any case, and ends there or goes on with a
    /// space. The rest behind the space, then.
    pub(super) fn after_word(&self, word: &str) -> Option<&[u8]> {
        after_word(&self.0, word)
    }
}

/// As [`Line::after_word`].
pub(super) fn after_word<'a>(text: &'a [u8], word: &str) -> Option<&'a [u8]> {
    let (start, rest) = text.split_at_checked(word.len())?;
    if !start.eq_ignore_ascii_case(word.as_bytes()) {
        return None;
    }
    match rest {
        [] => Some(rest),
        [b' ', behind @ ..] => Some(behind),
        _ => None,
    }
}

/// Takes lines out of the input. Each byte is looked at once.
#[derive(Debug)]
pub(super) struct LineReader {
    rules: LineRules,
    /// How much of the input has no line end in it.
    scanned: usize,
    /// What has been read of a line with literals.
    begun: Option<BytesMut>,
    /// Octets of a literal that are to be skipped.
    literal: usize,
}

impl LineReader {
    pub(super) fn new(rules: LineRules) -> Self {
        Self {
            rules,
            scanned: 0,
            begun: None,
            literal: 0,
        }
    }

    /// The next line, if it is whole. A bare LF ends one, too.
    pub(super) fn next_line(
        &mut self,
        incoming: &mut BytesMut,
    ) -> Result<Option<Line>, ProtocolError> {
        loop {
            let skipped = self.literal.min(incoming.len());
            incoming.advance(skipped);
            self.literal -= skipped;
            if self.literal > 0 {
                return Ok(None);
            }
            let unseen = incoming.get(self.scanned..).unwrap_or_default();
            let Some(at) = unseen.iter().position(|byte| *byte == b'\n') else {
                self.scanned = incoming.len();
                self.check_length(incoming.len())?;
                return Ok(None);
            };
            let end = self.scanned + at;
            self.check_length(end + 1)?;
            self.scanned = 0;
            let mut text = incoming.split_to(end);
            incoming.advance(1);
            if text.ends_with(b"\r") {
                text.truncate(text.len() - 1);
            }
            let part_of_literal = self.begun.is_some() || (self.rules.has_literal)(&text);
            match literal_length(&text).filter(|_| part_of_literal) {
                Some(length) if length > DIALOG_LITERAL => {
                    return Err(too_long("octets in a literal before TLS", DIALOG_LITERAL));
                }
                Some(length) => {
                    self.literal = length;
                    self.begun.get_or_insert_default().unsplit(text);
                    self.check_length(0)?;
                }
                None => {
                    let line = match self.begun.take() {
                        Some(mut begun) => {
                            begun.unsplit(text);
                            begun
                        }
                        None => text,
                    };
                    return Ok(Some(Line(line)));
                }
            }
        }
    }

    /// `more` octets of a line that may have begun before.
    fn check_length(&self, more: usize) -> Result<(), ProtocolError> {
        let begun = self.begun.as_ref().map_or(0, |begun| begun.len());
        if begun + more > self.rules.longest {
            return Err(too_long("octets in a line before TLS", self.rules.longest));
        }
        Ok(())
    }
}

fn too_long(what: &'static str, bound: usize) -> ProtocolError {
    ProtocolError::TooMuch { what, bound }
}

/// The length in `{n}` or `{n+}` at the end of a line (RFC 9051 §4.3, RFC 5804 §4). One that does
/// not fit into the machine's words is beyond every bound.
fn literal_length(text: &[u8]) -> Option<usize> {
    let inner = text.strip_suffix(b"}")?;
    let inner = inner.strip_suffix(b"+").unwrap_or(inner);
    let open = inner.iter().rposition(|byte| *byte == b'{')?;
    let digits = inner.get(open + 1..)?;
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    Some(digits.parse().unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULES: LineRules = LineRules {
        longest: 64,
        has_literal: |_| true,
    };

    fn lines(input: &[u8], step: usize) -> (Vec<Vec<u8>>, Result<(), ProtocolError>) {
        let (mut reader, mut incoming) = (LineReader::new(RULES), BytesMut::new());
        let mut lines = Vec::new();
        for piece in input.chunks(step) {
            incoming.extend_from_slice(piece);
            loop {
                match reader.next_line(&mut incoming) {
                    Ok(Some(line)) => lines.push(line.text().to_vec()),
                    Ok(None) => break,
                    Err(error) => return (lines, Err(error)),
                }
            }
        }
        (lines, Ok(()))
    }

    #[test]
    fn lines_and_literals() {
        let rows: [(&[u8], &[&[u8]]); 6] = [
            (b"one\r\ntwo\nthree", &[b"one", b"two"]),
            (b"\r\n\n", &[b"", b""]),
            // RFC 9051 §4.3: the line goes on behind the literal.
            (b"a {3}\r\n\n\n\n b\r\nc\r\n", &[b"a {3} b", b"c"]),
            (b"{5+}\r\nhello {0}\r\n\r\n", &[b"{5+} {0}"]),
            (b"{}\r\n{x}\r\n{1x}\r\n", &[b"{}", b"{x}", b"{1x}"]),
            (b"a\0b\xff\r\n", &[b"a\0b\xff"]),
        ];
        for (input, expected) in rows {
            assert_eq!(lines(input, input.len()).0, expected);
            assert_eq!(lines(input, 1).0, expected);
        }
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let at_bound = [&[b'x'; 62][..], b"\r\n"].concat();
        assert_eq!(lines(&at_bound, 7), (vec![vec![b'x'; 62]], Ok(())));
        let beyond = [&[b'x'; 63][..], b"\r\n"].concat();
        assert!(lines(&beyond, 7).1.is_err());
        assert!(lines(b"{99999999999999999999999}\r\n", 3).1.is_err());
        // Parts around literals count together.
        let many = b"{0}\r\n".repeat(40);
        assert!(lines(&many, 1000).1.is_err());
    }

    #[test]
    fn words_end_at_a_space_or_the_line() {
        let line = |text: &[u8]| Line(BytesMut::from(text));
        assert_eq!(line(b"ok done").after_word("OK"), Some(&b"done"[..]));
        assert_eq!(line(b"OK").after_word("OK"), Some(&b""[..]));
        assert_eq!(line(b"OKAY").after_word("OK"), None);
        assert_eq!(line(b"O").after_word("OK"), None);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_the_pieces(
            input in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..300),
                "[a-c{}0-9+\r\n ]{0,300}".prop_map(String::into_bytes),
            ],
            step in 1usize..40,
        ) {
            prop_assert_eq!(lines(&input, step), lines(&input, input.len().max(1)));
        }
    }
}
