//! TLS in the comments of servers that do not write the registered clause.

use super::names;
use super::{RecordedForm, RecordedVersion};

/// What a comment says of TLS.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<'a> {
    pub(super) form: RecordedForm,
    pub(super) version: Option<RecordedVersion>,
    pub(super) cipher: &'a str,
    pub(super) group: Option<&'a str>,
}

/// One comment, read word by word.
#[derive(Debug, Default)]
pub(super) struct Comment<'a> {
    /// Words so far, those of comments within it left out.
    words: usize,
    last: &'a [u8],
    sentence: Sentence<'a>,
    pairs: Pairs<'a>,
    colons: Option<&'a [u8]>,
}

/// `using TLSv1.3 with cipher NAME (256/256 bits) key-exchange X25519 ...`.
#[derive(Debug, Default)]
struct Sentence<'a> {
    /// How many of its first four words have come.
    begun: u8,
    version: Option<RecordedVersion>,
    cipher: Option<&'a str>,
    has_bits: bool,
    key_exchange: Option<&'a str>,
    /// What is in parentheses behind the key exchange.
    curve: Option<&'a str>,
}

/// `version=TLS1_3 cipher=NAME bits=256/256 verify=NO`.
#[derive(Debug, Default)]
struct Pairs<'a> {
    version: Option<RecordedVersion>,
    cipher: Option<&'a str>,
    bits: Option<&'a [u8]>,
    has_verify: bool,
    has_comma: bool,
}

impl<'a> Comment<'a> {
    /// The next word, in this comment (`depth` 1) or in one within it.
    pub(super) fn word(&mut self, word: &'a [u8], depth: usize) {
        if depth > 1 {
            self.sentence.inner_word(word, self.last);
            return;
        }
        self.sentence.word(word, self.last, self.words);
        self.pairs.word(word);
        self.colons = match (self.words, self.last) {
            (0, _) | (1, b"Cipher") => Some(word),
            (_, _) => None,
        };
        self.words = self.words.saturating_add(1);
        self.last = word;
    }

    /// The comment has ended.
    pub(super) fn evidence(&self) -> Option<Evidence<'a>> {
        self.sentence
            .evidence()
            .or_else(|| self.pairs.evidence())
            .or_else(|| colons(self.colons?))
    }

    /// A version and nothing else, as Exim writes it in front of the clause.
    pub(super) fn version_alone(&self) -> Option<RecordedVersion> {
        (self.words == 1)
            .then(|| names::version(self.last))
            .flatten()
    }
}

impl<'a> Sentence<'a> {
    fn word(&mut self, word: &'a [u8], last: &[u8], words: usize) {
        match (self.begun, words) {
            (0, 0) if word == b"using" => self.begun = 1,
            (1, 1) => {
                self.version = names::version(word);
                self.begun = 2;
            }
            (2, 2) if word == b"with" => self.begun = 3,
            (3, 3) if word == b"cipher" => self.begun = 4,
            (4, 4) => self.cipher = name(word),
            (4, _) if last == b"key-exchange" => self.key_exchange = name(word),
            (_, _) => {}
        }
    }

    /// A word of a comment behind the word `last`.
    fn inner_word(&mut self, word: &'a [u8], last: &[u8]) {
        if word == b"bits" && self.key_exchange.is_none() {
            self.has_bits = true;
        }
        let key_exchange = self.key_exchange.map(str::as_bytes);
        if key_exchange == Some(last) && self.curve.is_none() {
            self.curve = name(word).filter(|curve| names::group(curve).is_some());
        }
    }

    fn evidence(&self) -> Option<Evidence<'a>> {
        Some(Evidence {
            form: if self.has_bits {
                RecordedForm::Postfix
            } else {
                RecordedForm::Stalwart
            },
            version: self.version,
            cipher: self.cipher?,
            group: self.curve.or_else(|| {
                self.key_exchange
                    .filter(|name| names::group(name).is_some())
            }),
        })
    }
}

impl<'a> Pairs<'a> {
    fn word(&mut self, word: &'a [u8]) {
        let Some(at) = word.iter().position(|byte| *byte == b'=') else {
            return;
        };
        let (Some(key), Some(value)) = (word.get(..at), word.get(at.saturating_add(1)..)) else {
            return;
        };
        let value = match value.strip_suffix(b",") {
            Some(value) => {
                self.has_comma = true;
                value
            }
            None => value,
        };
        match key {
            b"version" => self.version = names::version(value),
            b"cipher" => self.cipher = name(value),
            b"bits" => self.bits = Some(value),
            b"verify" => self.has_verify = true,
            _ => {}
        }
    }

    fn evidence(&self) -> Option<Evidence<'a>> {
        Some(Evidence {
            form: match (self.bits, self.has_verify) {
                (None, _) if self.has_comma => RecordedForm::Microsoft,
                (Some(bits), true) if bits.contains(&b'/') => RecordedForm::Cyrus,
                (Some(bits), false) if bits.contains(&b'/') => RecordedForm::Google,
                (Some(_) | None, _) => RecordedForm::Sendmail,
            },
            version: self.version,
            cipher: self.cipher?,
            group: names::group_in_suite(self.cipher?),
        })
    }
}

/// `TLS1.3:NAME:256` of Exim, `TLSv1.3:NAME:256:NO` of OpenSMTPD.
fn colons(word: &[u8]) -> Option<Evidence<'_>> {
    let mut parts = word.split(|byte| *byte == b':');
    let version = match parts.next()? {
        b"UNKNOWN" => None,
        version => Some(names::version(version)?),
    };
    let cipher = name(parts.next()?)?;
    let bits = parts.next()?;
    if bits.is_empty() || !bits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(Evidence {
        form: RecordedForm::Colons,
        version,
        cipher,
        group: names::group_in_suite(cipher),
    })
}

/// Something that can be the name of a suite or a group, by whatever library.
pub(super) fn name(word: &[u8]) -> Option<&str> {
    let is_name = (1..=64).contains(&word.len())
        && word
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+'));
    if is_name {
        std::str::from_utf8(word).ok()
    } else {
        None
    }
}
