//! Lines of a server's reply, with the literals in them.

use crate::error::ProtocolError;
use crate::limits::DIALOG_LITERAL;

/// How a protocol's lines are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct LineRules {
    /// The longest line with its end and the literals in it.
    pub(super) longest: usize,
    /// Whether a line that ends with `{n}` goes on behind `n` octets: not for IMAP's status
    /// responses, whose text is free.
    pub(super) has_literal: fn(&[u8]) -> bool,
}

/// One line of a reply without its end, with the literals in it as they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    text: &'a [u8],
    wire_length: usize,
}

impl<'a> Line<'a> {
    /// The line's text.
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The length of the line with its end.
    pub(super) fn wire_length(&self) -> usize {
        self.wire_length
    }

    /// Whether the text begins with this word, in any case, and ends there or goes on with a
    /// space. The rest behind the space, then.
    pub(super) fn after_word(&self, word: &str) -> Option<&'a [u8]> {
        after_word(self.text, word)
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

/// Finds lines in the input. Each byte is looked at once.
#[derive(Debug)]
pub(super) struct LineReader {
    rules: LineRules,
    /// Where what follows the line's last literal begins.
    part: usize,
    /// Up to where there is no line end that counts; behind the input while a literal is not whole.
    scanned: usize,
}

impl LineReader {
    pub(super) fn new(rules: LineRules) -> Self {
        Self {
            rules,
            part: 0,
            scanned: 0,
        }
    }

    /// The next line, if it is whole. A bare LF ends one, too. It stays in the input, from which
    /// the caller takes it before the next call.
    pub(super) fn next_line<'a>(
        &mut self,
        incoming: &'a [u8],
    ) -> Result<Option<Line<'a>>, ProtocolError> {
        loop {
            let Some(unseen) = incoming.get(self.scanned..) else {
                return Ok(None);
            };
            let Some(at) = unseen.iter().position(|byte| *byte == b'\n') else {
                self.scanned = incoming.len();
                self.check_length(incoming.len())?;
                return Ok(None);
            };
            let end = self.scanned + at;
            self.check_length(end + 1)?;
            let text = without_cr(incoming.get(..end).unwrap_or_default());
            let part = text.get(self.part..).unwrap_or_default();
            match literal_length(part).filter(|_| (self.rules.has_literal)(text)) {
                Some(length) if length > DIALOG_LITERAL => {
                    return Err(too_long("octets in a literal before TLS", DIALOG_LITERAL));
                }
                Some(length) => {
                    self.part = end + 1 + length;
                    self.scanned = self.part;
                    self.check_length(self.part)?;
                }
                None => {
                    (self.part, self.scanned) = (0, 0);
                    let wire_length = end + 1;
                    return Ok(Some(Line { text, wire_length }));
                }
            }
        }
    }

    fn check_length(&self, length: usize) -> Result<(), ProtocolError> {
        if length > self.rules.longest {
            return Err(too_long("octets in a line before TLS", self.rules.longest));
        }
        Ok(())
    }
}

pub(super) fn without_cr(text: &[u8]) -> &[u8] {
    text.strip_suffix(b"\r").unwrap_or(text)
}

fn too_long(what: &'static str, bound: usize) -> ProtocolError {
    ProtocolError::TooMuch { what, bound }
}

/// The length in `{n}` or `{n+}` at the end of a line (RFC 9051 §4.3, RFC 5804 §4). One that does
/// not fit into the machine's words is beyond every bound.
pub(super) fn literal_length(text: &[u8]) -> Option<usize> {
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
        let (mut reader, mut incoming) = (LineReader::new(RULES), Vec::new());
        let mut lines = Vec::new();
        for piece in input.chunks(step) {
            incoming.extend_from_slice(piece);
            loop {
                let consumed = match reader.next_line(&incoming) {
                    Ok(Some(line)) => {
                        lines.push(line.text().to_vec());
                        line.wire_length()
                    }
                    Ok(None) => break,
                    Err(error) => return (lines, Err(error)),
                };
                incoming.drain(..consumed);
            }
        }
        (lines, Ok(()))
    }

    #[test]
    fn lines_and_literals() {
        let rows: [(&[u8], &[&[u8]]); 7] = [
            (b"one\r\ntwo\nthree", &[b"one", b"two"]),
            (b"\r\n\n", &[b"", b""]),
            // RFC 9051 §4.3: the line goes on behind the literal.
            (b"a {3}\r\n\n\n\n b\r\nc\r\n", &[b"a {3}\r\n\n\n\n b", b"c"]),
            (b"{5+}\r\nhello {0}\r\n\r\n", &[b"{5+}\r\nhello {0}\r\n"]),
            // What looks like the length of a literal inside of one is text.
            (b"{3}\r\n{9} x\r\n", &[b"{3}\r\n{9} x"]),
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
        // Parts around literals, and the literals, count together.
        let many = b"{0}\r\n".repeat(40);
        assert!(lines(&many, 1000).1.is_err());
        assert!(lines(b"{58}\r\n", 1).1.is_ok());
        assert!(lines(b"{60}\r\n", 1).1.is_err());
    }

    #[test]
    fn words_end_at_a_space_or_the_line() {
        assert_eq!(after_word(b"ok done", "OK"), Some(&b"done"[..]));
        assert_eq!(after_word(b"OK", "OK"), Some(&b""[..]));
        assert_eq!(after_word(b"OKAY", "OK"), None);
        assert_eq!(after_word(b"O", "OK"), None);
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
