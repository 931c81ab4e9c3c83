//! IMAP's tags (RFC 9051 §9).

/// `tag = 1*<any ASTRING-CHAR except "+">`: what goes back to the client as it came.
pub(crate) fn is_tag(tag: &[u8]) -> bool {
    !tag.is_empty()
        && tag.iter().all(|byte| {
            byte.is_ascii_graphic()
                && !matches!(byte, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b'+')
        })
}

/// The tag of a response: `*` in place of what is none, so that nobody ends the line with it.
pub(crate) fn in_response(tag: &str) -> &str {
    if is_tag(tag.as_bytes()) { tag } else { "*" }
}
