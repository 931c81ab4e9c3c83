//! The declaration by which certificates are mapped.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use pki_types::CertificateDer;

use super::names::{self, Found};
use super::{ClientIdentity, IdentityName, IdentitySource, Unmapped};
use crate::certificate::{Certificate, NAME_CONSTRAINTS};
use crate::limits::{AUTHORIZATION_IDENTITY, REPORTED_TEXT};
use crate::name::EmailAddress;
use crate::text::{UntrustedText, is_unsafe_to_show};
use crate::verify::{Fingerprint, TrustAnchors};

/// How a listener maps verified client certificates to its users' names. Cheap to clone.
///
/// There is always at least one way: a certificate that cannot be mapped must not be asked for
/// (RFC 8314 §4.2). Several are tried in the order of their declaration. The first by which the
/// certificate has a name decides: if it has two that way, or one that is malformed, nobody is
/// identified, and no other way is tried, so that nobody can choose who he is.
///
/// ```
/// use mail_tls::client_identity::IdentityMapping;
/// use mail_tls::verify::Fingerprint;
///
/// let old_phone = Fingerprint::parse(&"5c".repeat(32))?;
/// let mapping = IdentityMapping::keys([(old_phone, "ann@example.org")])?
///     .or(IdentityMapping::mailbox());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct IdentityMapping {
    /// Never empty.
    ways: Vec<Way>,
}

#[derive(Clone)]
enum Way {
    Mailbox,
    SubjectEmail,
    CommonName,
    Certificates(Table),
    Keys(Table),
    Key,
}

type Table = Arc<BTreeMap<Fingerprint, Box<str>>>;

/// A table that maps nothing, or not clearly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMapping {
    /// There is nothing in it, so that no certificate could be mapped.
    #[error("the table of client certificates is empty: do not ask for certificates then")]
    Empty,
    /// Two users for one certificate or key.
    #[error("the table of client certificates has two users for {fingerprint}: remove one")]
    #[non_exhaustive]
    TwoUsers {
        /// The certificate or key.
        fingerprint: Fingerprint,
    },
    /// A user's name that cannot be one: empty, too long, or with control characters.
    #[error("\"{user}\" for {fingerprint} cannot be the name of a user: write another one")]
    #[non_exhaustive]
    BadUser {
        /// The certificate or key.
        fingerprint: Fingerprint,
        /// The name.
        user: UntrustedText,
    },
}

impl InvalidMapping {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "mapping-empty",
            Self::TwoUsers { .. } => "mapping-two-users",
            Self::BadUser { .. } => "mapping-bad-user",
        }
    }
}

impl IdentityMapping {
    /// By the address in the subjectAltName: an rfc822Name, or a SmtpUTF8Mailbox (RFC 9598).
    #[must_use]
    pub fn mailbox() -> Self {
        Self::one(Way::Mailbox)
    }

    /// By the emailAddress in the subject, for authorities that issue nothing better
    /// (RFC 5280 §4.1.2.6). What it says is not held against name constraints, and does not count
    /// under an authority that has some.
    #[must_use]
    pub fn subject_email() -> Self {
        Self::one(Way::SubjectEmail)
    }

    /// By the subject's common name, whatever it is. Only for an authority of which it is known
    /// that it writes user names there. It does not count under an authority that has name
    /// constraints.
    #[must_use]
    pub fn common_name() -> Self {
        Self::one(Way::CommonName)
    }

    /// By this table of certificates and their users.
    ///
    /// # Errors
    /// [`InvalidMapping`].
    pub fn certificates<'a>(
        table: impl IntoIterator<Item = (Fingerprint, &'a str)>,
    ) -> Result<Self, InvalidMapping> {
        Ok(Self::one(Way::Certificates(read_table(table)?)))
    }

    /// By this table of keys, as fingerprints of the SubjectPublicKeyInfo, and their users.
    ///
    /// # Errors
    /// [`InvalidMapping`].
    pub fn keys<'a>(
        table: impl IntoIterator<Item = (Fingerprint, &'a str)>,
    ) -> Result<Self, InvalidMapping> {
        Ok(Self::one(Way::Keys(read_table(table)?)))
    }

    /// By a table that the program keeps itself, in its database say: each certificate stands for
    /// its own key, the name is [`IdentityName::Key`], and the program looks it up before it accepts
    /// it.
    #[must_use]
    pub fn key() -> Self {
        Self::one(Way::Key)
    }

    /// Also in these ways, where the certificate has no name by those before.
    #[must_use]
    pub fn or(mut self, others: Self) -> Self {
        self.ways.extend(others.ways);
        self
    }

    fn one(way: Way) -> Self {
        Self { ways: vec![way] }
    }

    /// Maps a chain that was verified under these anchors.
    pub(crate) fn map(
        &self,
        chain: &[CertificateDer<'_>],
        anchors: &TrustAnchors,
    ) -> Result<ClientIdentity, Unmapped> {
        let (der, issuers) = chain.split_first().ok_or(Unmapped::Unreadable)?;
        let leaf = Certificate::parse(der).map_err(|_| Unmapped::Unreadable)?;
        let certificate = Fingerprint::of_certificate(der);
        let key = Fingerprint::of(leaf.public_key_der);
        for way in &self.ways {
            let Some((source, name)) = way.find(&leaf, certificate, key)? else {
                continue;
            };
            if source.needs_authority_without_constraints() && is_constrained(issuers, anchors) {
                return Err(Unmapped::Constrained { place: source });
            }
            return Ok(ClientIdentity {
                name,
                source,
                certificate,
                key,
            });
        }
        Err(Unmapped::NoName)
    }

    /// Says the whole mapping, the same on every machine.
    pub(crate) fn describe(&self, part: &mut impl FnMut(&[u8])) {
        for way in &self.ways {
            part(way.label().as_bytes());
            match way {
                Way::Certificates(table) | Way::Keys(table) => {
                    part(table.len().to_string().as_bytes());
                    for (fingerprint, user) in &**table {
                        part(fingerprint.as_bytes());
                        part(user.as_bytes());
                    }
                }
                Way::Mailbox | Way::SubjectEmail | Way::CommonName | Way::Key => {}
            }
        }
    }
}

/// The ways alone: a table holds users.
impl fmt::Debug for IdentityMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ways = self.ways.iter().map(Way::label);
        f.debug_list().entries(ways).finish()
    }
}

impl Way {
    const fn label(&self) -> &'static str {
        match self {
            Self::Mailbox => "mailbox",
            Self::SubjectEmail => "subject email",
            Self::CommonName => "common name",
            Self::Certificates(_) => "certificates",
            Self::Keys(_) => "keys",
            Self::Key => "key",
        }
    }

    /// The name that the certificate has in this way, if it has one.
    fn find(
        &self,
        leaf: &Certificate<'_>,
        certificate: Fingerprint,
        key: Fingerprint,
    ) -> Result<Option<(IdentitySource, IdentityName)>, Unmapped> {
        let user = |source, user: &str| Ok(Some((source, IdentityName::User(user.into()))));
        let found = match self {
            Self::Certificates(table) => {
                return match table.get(&certificate) {
                    Some(name) => user(IdentitySource::CertificateTable, name),
                    None => Ok(None),
                };
            }
            Self::Keys(table) => {
                return match table.get(&key) {
                    Some(name) => user(IdentitySource::KeyTable, name),
                    None => Ok(None),
                };
            }
            Self::Key => return Ok(Some((IdentitySource::Key, IdentityName::Key(key)))),
            Self::Mailbox => names::mailboxes(leaf),
            Self::SubjectEmail => names::subject_emails(leaf),
            Self::CommonName => names::common_names(leaf),
        };
        let found = found.map_err(|_| Unmapped::Unreadable)?;
        let mut chosen: Option<(IdentitySource, IdentityName)> = None;
        for one in &found {
            let name = read_name(one)?;
            match &chosen {
                None => chosen = Some((one.source, name)),
                Some((_, before)) if *before == name => {}
                Some((_, before)) => {
                    return Err(Unmapped::Ambiguous {
                        first: before.shown(),
                        second: name.shown(),
                    });
                }
            }
        }
        Ok(chosen)
    }
}

impl IdentityName {
    /// The name as the certificate has it.
    fn shown(&self) -> UntrustedText {
        match self {
            Self::Mailbox(mailbox) => shown(mailbox.to_string().as_bytes()),
            Self::CommonName(text) | Self::User(text) => shown(text.as_bytes()),
            Self::Key(fingerprint) => shown(fingerprint.to_string().as_bytes()),
        }
    }
}

impl IdentitySource {
    /// Whether name constraints on addresses are not applied to it where the path is verified:
    /// there they meet rfc822Name alone (RFC 5280 §4.2.1.10, RFC 9598 §6).
    const fn needs_authority_without_constraints(self) -> bool {
        match self {
            Self::SmtpUtf8Mailbox | Self::SubjectEmail | Self::CommonName => true,
            Self::Rfc822Name | Self::CertificateTable | Self::KeyTable | Self::Key => false,
        }
    }
}

/// Whether an authority that may be on the path has name constraints. All that were shown are
/// looked at: a client can spoil its own certificate with others, but not leave out one of its path.
fn is_constrained(issuers: &[CertificateDer<'_>], anchors: &TrustAnchors) -> bool {
    let has_constraints = |der: &CertificateDer<'_>| {
        let extension = Certificate::parse(der).and_then(|one| one.extension(NAME_CONSTRAINTS));
        !matches!(extension, Ok(None))
    };
    let mut anchors = anchors.as_slice().iter();
    issuers.iter().any(has_constraints) || anchors.any(|anchor| anchor.name_constraints.is_some())
}

fn read_name(found: &Found<'_>) -> Result<IdentityName, Unmapped> {
    let malformed = || Unmapped::Malformed {
        place: found.source,
        text: shown(found.bytes),
    };
    let text = found.text().ok_or_else(malformed)?;
    let name = match found.source {
        // Both are IA5String.
        IdentitySource::Rfc822Name | IdentitySource::SubjectEmail => {
            text.is_ascii().then(|| mailbox(text)).flatten()
        }
        // RFC 9598 §3: only for local parts beyond ASCII, the domain in lower-case A-labels, so that
        // equal ones are equal octet for octet (§5).
        IdentitySource::SmtpUtf8Mailbox => text
            .rsplit_once('@')
            .filter(|(local_part, domain)| {
                let is_lower_case = !domain.bytes().any(|byte| byte.is_ascii_uppercase());
                !local_part.is_ascii() && domain.is_ascii() && is_lower_case
            })
            .and_then(|_| mailbox(text)),
        IdentitySource::CommonName
        | IdentitySource::CertificateTable
        | IdentitySource::KeyTable
        | IdentitySource::Key => is_user(text).then(|| IdentityName::CommonName(text.into())),
    };
    name.ok_or_else(malformed)
}

/// An address that is written as addresses are in certificates: what users may write besides, such
/// as a dot behind the domain, would be another name to whoever compares the octets (RFC 5280
/// §4.2.1.6, §7.5).
fn mailbox(text: &str) -> Option<IdentityName> {
    let mailbox = EmailAddress::parse(text).ok()?;
    let is_as_written = mailbox.to_string().eq_ignore_ascii_case(text);
    is_as_written.then_some(IdentityName::Mailbox(mailbox))
}

fn read_table<'a>(
    entries: impl IntoIterator<Item = (Fingerprint, &'a str)>,
) -> Result<Table, InvalidMapping> {
    let mut table: BTreeMap<Fingerprint, Box<str>> = BTreeMap::new();
    for (fingerprint, user) in entries {
        if !is_user(user) {
            let user = shown(user.as_bytes());
            return Err(InvalidMapping::BadUser { fingerprint, user });
        }
        match table.insert(fingerprint, user.into()) {
            Some(other) if *other != *user => {
                return Err(InvalidMapping::TwoUsers { fingerprint });
            }
            Some(_) | None => {}
        }
    }
    if table.is_empty() {
        return Err(InvalidMapping::Empty);
    }
    Ok(Arc::new(table))
}

/// A name that can be said in SASL (RFC 4422 appendix A.1) and shown in a log.
fn is_user(text: &str) -> bool {
    let is_bounded = (1..=AUTHORIZATION_IDENTITY).contains(&text.len());
    is_bounded && text.trim() == text && !text.chars().any(is_unsafe_to_show)
}

fn shown(bytes: &[u8]) -> UntrustedText {
    UntrustedText::excerpt(bytes, REPORTED_TEXT)
}
