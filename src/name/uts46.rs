//! Names with letters beyond ASCII: UTS 46, non-transitional, with the rules of STD 3.

#[cfg(feature = "idna")]
pub(super) use with_idna::to_unicode;
#[cfg(feature = "idna")]
pub(super) use with_idna::{check_a_labels, to_ascii};
#[cfg(not(feature = "idna"))]
pub(super) use without_idna::{check_a_labels, to_ascii};

#[cfg(feature = "idna")]
mod with_idna {
    use std::borrow::Cow;

    use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

    use crate::name::invalid::{InvalidName, quote};
    use crate::text::is_unsafe_to_show;

    /// STD 3 but for the underscore, which the caller judges: letters, digits, hyphen.
    const DENIED: AsciiDenyList = AsciiDenyList::new(true, "!\"#$%&'()*+,/:;<=>?@[\\]^`{|}~");

    /// Converts to A-labels. What comes out is ASCII and still has to pass the rules for labels.
    pub(in crate::name) fn to_ascii(name: &str) -> Result<String, InvalidName> {
        map(name)
            .map(Cow::into_owned)
            .ok_or_else(|| InvalidName::NotAHostName { name: quote(name) })
    }

    /// Checks that each A-label stands for a U-label and comes back from it (RFC 5890 section 2.3.2.1).
    pub(in crate::name) fn check_a_labels(name: &str) -> Result<(), InvalidName> {
        if !name.split('.').any(|label| label.starts_with("xn--")) {
            return Ok(());
        }
        let (unicode, outcome) = Uts46::new().to_unicode(name.as_bytes(), DENIED, Hyphens::Check);
        if outcome.is_ok() && map(&unicode).is_some_and(|again| again == name) {
            Ok(())
        } else {
            Err(InvalidName::InvalidALabel { name: quote(name) })
        }
    }

    pub(in crate::name) fn to_unicode(name: &str) -> Cow<'_, str> {
        let (unicode, outcome) = Uts46::new().to_unicode(name.as_bytes(), DENIED, Hyphens::Check);
        if outcome.is_ok() && unicode.chars().all(is_part_of_a_word) {
            unicode
        } else {
            Cow::Borrowed(name)
        }
    }

    fn map(name: &str) -> Option<Cow<'_, str>> {
        Uts46::new()
            .to_ascii(name.as_bytes(), DENIED, Hyphens::Check, DnsLength::Ignore)
            .ok()
    }

    /// Whether a character belongs to a script. UTS 46 lets symbols through that IDNA 2008 forbids,
    /// among them some that look like a slash or a colon.
    fn is_part_of_a_word(c: char) -> bool {
        match c {
            '-' | '_' | '.' => true,
            _ if is_unsafe_to_show(c) => false,
            _ if c.is_alphanumeric() => true,
            // Blocks of punctuation and symbols; what is left are the marks of scripts.
            '\0'..='\u{2ff}'
            | '\u{335}'..='\u{338}'
            | '\u{2000}'..='\u{2bff}'
            | '\u{2e00}'..='\u{303f}'
            | '\u{a700}'..='\u{a7ff}'
            | '\u{fd3e}'..='\u{ffff}'
            | '\u{1d000}'.. => false,
            _ => true,
        }
    }
}

#[cfg(not(feature = "idna"))]
mod without_idna {
    use crate::name::invalid::{InvalidName, quote};

    pub(in crate::name) fn to_ascii(name: &str) -> Result<String, InvalidName> {
        Err(InvalidName::NeedsIdna { name: quote(name) })
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "the same signature as with the feature `idna`"
    )]
    pub(in crate::name) fn check_a_labels(_name: &str) -> Result<(), InvalidName> {
        Ok(())
    }
}
