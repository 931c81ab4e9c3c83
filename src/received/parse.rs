//! Reading TLS out of a Received field.

use std::fmt;

use super::TlsClause;
use super::comment::{Comment, Evidence, name};
use super::names;
use super::tokens::{Token, Tokens};
use crate::limits::RECEIVED_FIELD;
use crate::registry::{CipherSuite, NamedGroup};

/// What a Received field says of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedTls<'a> {
    form: RecordedForm,
    version: Option<RecordedVersion>,
    cipher: &'a str,
    group: Option<&'a str>,
}

/// How a Received field says it. Every form but the first two is a comment that belongs to nobody's
/// standard, named by the server that is best known for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordedForm {
    /// The registered clause, after all others (RFC 8314 §4.3, RFC 5321 §4.4).
    Registered,
    /// The registered clause before `via`, `with`, `id` or `for`, where Exim puts it.
    RegisteredEarly,
    /// `(using TLSv1.3 with cipher NAME (256/256 bits) key-exchange X25519 ...)`.
    Postfix,
    /// `(using TLSv1.3 with cipher NAME)`.
    Stalwart,
    /// `(version=TLSv1.3 cipher=NAME bits=256 verify=NO)`, and other pairs like these.
    Sendmail,
    /// `(version=TLSv1.3 cipher=NAME bits=256/256 verify=NO)`.
    Cyrus,
    /// `(version=TLS1_3 cipher=NAME bits=256/256)`.
    Google,
    /// `(version=TLS1_3, cipher=NAME)`.
    Microsoft,
    /// `(TLS1.3:NAME:256)` of earlier Exims, `(TLSv1.3:NAME:256:NO)` of OpenSMTPD.
    Colons,
}

/// A version of TLS as a field records it: also one that no session of this crate has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RecordedVersion {
    /// SSL 3.0 (RFC 6101).
    Ssl3,
    /// TLS 1.0 (RFC 2246).
    Tls10,
    /// TLS 1.1 (RFC 4346).
    Tls11,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// Reads what a Received field says of TLS.
///
/// `field` is the field, folded or not, with its name or without. The registered clause is found
/// wherever it stands and counts before any comment; of two, the first. `None` where the field
/// says nothing of a cipher suite, which is no proof that there was no TLS.
///
/// At most [`RECEIVED_FIELD`] bytes are read, each of them once.
///
/// ```
/// use mail_tls::received::{RecordedForm, recorded_tls};
///
/// let field = b"Received: from client.example.org (client.example.org [192.0.2.1])\r\n\
///     \t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n\
///     \t key-exchange X25519 server-signature ECDSA (P-256) server-digest SHA256)\r\n\
///     \tby mail.example.org (Postfix) with ESMTPSA id 4T0zQh1V2x;\r\n\
///     \tMon, 23 Nov 2026 18:00:00 +0000 (UTC)";
/// let tls = recorded_tls(field).unwrap();
/// assert_eq!(tls.form(), RecordedForm::Postfix);
/// assert_eq!(tls.cipher_suite().unwrap().code_point(), 0x1302);
/// assert_eq!(tls.group().unwrap().to_string(), "x25519");
/// ```
pub fn recorded_tls(field: &[u8]) -> Option<RecordedTls<'_>> {
    let field = without_name(bounded(field));
    let mut reader = Reader::default();
    let mut tokens = Tokens::new(field);
    while let Some(token) = tokens.next() {
        match (token, tokens.depth()) {
            (Token::Word(word), 0) => reader.clause_word(word),
            (Token::Word(word), depth) => reader.comment.word(word, depth),
            (Token::Open, 1) => reader.comment = Comment::default(),
            (Token::Close, 0) => reader.comment_ends(),
            (Token::Open | Token::Close, _) => {}
        }
    }
    reader.recorded()
}

impl<'a> RecordedTls<'a> {
    /// How the field says it.
    pub fn form(&self) -> RecordedForm {
        self.form
    }

    /// The version of TLS. The registered clause has none; Exim puts it before it.
    pub fn version(&self) -> Option<RecordedVersion> {
        self.version
    }

    /// The cipher suite in the words of the field: letters, digits, and `_-.+`, at most 64.
    pub fn cipher_name(&self) -> &'a str {
        self.cipher
    }

    /// The cipher suite, where its name is known: IANA's, OpenSSL's, rustls', or what else servers
    /// write. What GnuTLS says of a session is a suite together with the version, and none where it
    /// leaves the hash function open.
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        names::cipher_suite(self.cipher, self.version)
    }

    /// The group of the key exchange in the words of the field.
    pub fn group_name(&self) -> Option<&'a str> {
        self.group
    }

    /// The group of the key exchange, where its name is known.
    pub fn group(&self) -> Option<NamedGroup> {
        self.group.and_then(names::group)
    }

    /// The clause that says the same in the registered form, where the suite is known.
    pub fn to_clause(&self) -> Option<TlsClause> {
        let clause = TlsClause::new(self.cipher_suite()?);
        Some(match self.group() {
            Some(group) => clause.with_group(group),
            None => clause,
        })
    }
}

impl RecordedVersion {
    /// The code point in the protocol: `0x0304` for TLS 1.3.
    pub fn code_point(self) -> u16 {
        match self {
            Self::Ssl3 => 0x0300,
            Self::Tls10 => 0x0301,
            Self::Tls11 => 0x0302,
            Self::Tls12 => 0x0303,
            Self::Tls13 => 0x0304,
        }
    }
}

impl fmt::Display for RecordedVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssl3 => "SSLv3",
            Self::Tls10 => "TLSv1.0",
            Self::Tls11 => "TLSv1.1",
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        })
    }
}

/// What has been read so far.
#[derive(Debug, Default)]
struct Reader<'a> {
    expect: Expect,
    cipher: Option<&'a str>,
    group: Option<&'a str>,
    is_early: bool,
    /// The version in the comment before the clause.
    version: Option<RecordedVersion>,
    comment: Comment<'a>,
    first: Option<Evidence<'a>>,
}

/// What the next word outside of comments is.
#[derive(Debug, Default, Clone, Copy)]
enum Expect {
    /// The name of a clause.
    #[default]
    Name,
    /// The value of a clause that is of no interest, whatever it looks like.
    Value,
    /// The value of `tls`.
    Cipher,
    /// The name of a clause, and the only place for `group`.
    GroupOrName,
    /// The value of `group`.
    Group,
}

impl<'a> Reader<'a> {
    /// A word outside of comments: names and values take turns (RFC 5321 §4.4). A word too many is
    /// taken for a name that is not known, and left.
    fn clause_word(&mut self, word: &'a [u8]) {
        self.expect = match self.expect {
            Expect::Value => Expect::Name,
            Expect::Cipher => match clause_value(word, false) {
                Some(cipher) => {
                    self.cipher = Some(cipher);
                    Expect::GroupOrName
                }
                None => Expect::Name,
            },
            Expect::Group => {
                self.group = clause_value(word, true);
                Expect::Name
            }
            Expect::GroupOrName if word.eq_ignore_ascii_case(b"group") => Expect::Group,
            Expect::Name | Expect::GroupOrName => self.clause_name(word),
        };
    }

    fn clause_name(&mut self, word: &[u8]) -> Expect {
        let is = |name: &&[u8]| word.eq_ignore_ascii_case(name);
        if is(&&b"tls"[..]) && self.cipher.is_none() {
            return Expect::Cipher;
        }
        if FIRST.iter().any(is) {
            self.is_early |= self.cipher.is_some();
            return Expect::Value;
        }
        if is(&&b"tls"[..]) || is(&&b"group"[..]) {
            return Expect::Value;
        }
        Expect::Name
    }

    fn comment_ends(&mut self) {
        if self.cipher.is_none() {
            self.version = self.version.or_else(|| self.comment.version_alone());
        }
        self.first = self.first.or_else(|| self.comment.evidence());
    }

    fn recorded(&self) -> Option<RecordedTls<'a>> {
        if let Some(cipher) = self.cipher {
            return Some(RecordedTls {
                form: if self.is_early {
                    RecordedForm::RegisteredEarly
                } else {
                    RecordedForm::Registered
                },
                version: self.version,
                cipher,
                group: self.group,
            });
        }
        let evidence = self.first?;
        Some(RecordedTls {
            form: evidence.form,
            version: evidence.version,
            cipher: evidence.cipher,
            group: evidence.group,
        })
    }
}

/// The clauses before the additional registered ones (RFC 5321 §4.4).
const FIRST: [&[u8]; 6] = [b"from", b"by", b"via", b"with", b"id", b"for"];

/// `tls-cipher-name`, `tls-cipher-hex` or `dh-group` of RFC 8314 §4.3.
fn clause_value(word: &[u8], is_group: bool) -> Option<&str> {
    let name = name(word)?;
    let is_hexadecimal =
        !is_group && name.starts_with('0') && CipherSuite::from_name(name).is_some();
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || (is_group && byte == b'-'));
    (is_name || is_hexadecimal).then_some(name)
}

/// As much as is read, without the word that the bound would cut in two.
fn bounded(field: &[u8]) -> &[u8] {
    match field.get(..RECEIVED_FIELD) {
        Some(head) if head.len() < field.len() => {
            let end = head.iter().rposition(u8::is_ascii_whitespace).unwrap_or(0);
            head.get(..end).unwrap_or_default()
        }
        Some(_) | None => field,
    }
}

/// Without `Received:`.
fn without_name(field: &[u8]) -> &[u8] {
    const NAME: &[u8] = b"received";
    match field.split_at_checked(NAME.len()) {
        Some((name, rest)) if name.eq_ignore_ascii_case(NAME) => {
            rest.trim_ascii_start().strip_prefix(b":").unwrap_or(field)
        }
        Some(_) | None => field,
    }
}
