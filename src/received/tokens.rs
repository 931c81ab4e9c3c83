//! A structured field as words and comments (RFC 5322 §3.2), in one pass.

/// A piece of a structured field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A run without white space and parentheses. Outside of comments quoted strings and domain
    /// literals are part of it, whatever is in them.
    Word(&'a [u8]),
    /// A parenthesis opens; the depth is 1 for a comment, more within one.
    Open,
    /// A parenthesis closes; the depth is 0 where a comment ends.
    Close,
}

/// The tokens of a Received field up to the `;` before its date. Folding is white space.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
    depth: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(field: &'a [u8]) -> Self {
        Self {
            rest: field,
            depth: 0,
        }
    }

    /// How many comments the last token is in; for a parenthesis, how many are open after it.
    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    fn word(&mut self) -> Token<'a> {
        let length = if self.depth == 0 {
            length_outside(self.rest)
        } else {
            length_inside(self.rest)
        };
        let (word, rest) = self
            .rest
            .split_at_checked(length)
            .unwrap_or((self.rest, &[]));
        self.rest = rest;
        Token::Word(word)
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            let (first, rest) = self.rest.split_first()?;
            match first {
                b' ' | b'\t' | b'\r' | b'\n' => self.rest = rest,
                b'(' => {
                    self.rest = rest;
                    self.depth = self.depth.saturating_add(1);
                    return Some(Token::Open);
                }
                b')' => {
                    self.rest = rest;
                    // One too many outside of a comment is nothing.
                    if self.depth > 0 {
                        self.depth = self.depth.saturating_sub(1);
                        return Some(Token::Close);
                    }
                }
                b';' if self.depth == 0 => {
                    self.rest = &[];
                    return None;
                }
                _ => return Some(self.word()),
            }
        }
    }
}

/// The length of a word that is in no comment.
fn length_outside(bytes: &[u8]) -> usize {
    let mut until: Option<u8> = None;
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match (until, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(end), byte) if *byte == end => until = None,
            (Some(_), _) => {}
            (None, b'"') => until = Some(b'"'),
            (None, b'[') => until = Some(b']'),
            (None, b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' | b';') => return at,
            (None, _) => {}
        }
    }
    bytes.len()
}

/// The length of a word of a comment, in which a backslash alone is special (RFC 5322 §3.2.2).
fn length_inside(bytes: &[u8]) -> usize {
    let mut escaped = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b' ' | b'\t' | b'\r' | b'\n' | b'(' | b')' => return at,
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words as text, parentheses as themselves.
    fn tokens(field: &str) -> Vec<String> {
        Tokens::new(field.as_bytes())
            .map(|token| match token {
                Token::Word(word) => String::from_utf8_lossy(word).into_owned(),
                Token::Open => "(".to_owned(),
                Token::Close => ")".to_owned(),
            })
            .collect()
    }

    #[test]
    fn fields_as_tokens() {
        let rows: &[(&str, &[&str])] = &[
            ("", &[]),
            (" \r\n\t", &[]),
            ("a b\r\n\tc; d", &["a", "b", "c"]),
            ("a(b)c", &["a", "(", "b", ")", "c"]),
            ("(a(b)c;d)e", &["(", "a", "(", "b", ")", "c;d", ")", "e"]),
            // RFC 5322 §3.2.1: a quoted pair is neither a parenthesis nor an end.
            (r"(a\)b) c", &["(", r"a\)b", ")", "c"]),
            (r"(a\( b) c", &["(", r"a\(", "b", ")", "c"]),
            // §3.2.4: nothing is special in a quoted string but `"` and the backslash.
            (r#""a (;\" b"@c d"#, &[r#""a (;\" b"@c"#, "d"]),
            // In a comment a quotation mark is a character like others.
            ("(a\"b) \"c\"", &["(", "a\"b", ")", "\"c\""]),
            // RFC 5321 §4.1.3: a domain literal.
            ("[IPv6:::1;(] x", &["[IPv6:::1;(]", "x"]),
            (") a", &["a"]),
            ("(a", &["(", "a"]),
            ("\"a ) b", &["\"a ) b"]),
            (r"(a\", &["(", r"a\"]),
        ];
        for (field, expected) in rows {
            assert_eq!(tokens(field), *expected, "{field:?}");
        }
    }
}
