//! What the certificate says: presented identifiers, read from its subjectAltName extension.

use std::fmt;
use std::net::IpAddr;

use pki_types::CertificateDer;

use crate::certificate::{Certificate, SUBJECT_ALT_NAME};
use crate::der::{self, NotDer, Reader};
use crate::distinguished_name::DistinguishedName;
use crate::limits;

/// id-on-dnsSRV, RFC 4985 §2: 1.3.6.1.5.5.7.8.7.
const ON_DNS_SRV: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x07];

/// The names in a certificate's subjectAltName extension (RFC 5280 §4.2.1.6), not yet read.
///
/// The subject's common name is not among them: RFC 9525 §2 says that it names nobody. It is
/// looked at only where a [policy](crate::identity::IdentityPolicy::with_common_names) asks for it.
#[derive(Debug, Clone, Copy)]
pub struct PresentedIds<'a> {
    names: &'a [u8],
    /// The content of the subject's Name.
    subject: &'a [u8],
}

/// One name, read. Texts are ASCII and as the certificate has them, upper case included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PresentedId<'a> {
    /// A DNS-ID: a dNSName without a wildcard.
    Dns(&'a str),
    /// A DNS-ID whose whole left-most label is `*`; this is what stands behind `*.`.
    DnsWildcard(&'a str),
    /// An IP-ID: an iPAddress.
    Ip(IpAddr),
    /// An SRV-ID (RFC 4985): an otherName of type id-on-dnsSRV.
    Srv {
        /// The service, without its underscore.
        service: &'a str,
        /// The domain.
        name: &'a str,
    },
    /// A URI. It never identifies a mail server (RFC 7817 §3).
    Uri(&'a [u8]),
    /// An email address. It identifies a person.
    Email(&'a [u8]),
    /// A name of another type, which identifies nothing here.
    Other,
    /// A name that is not well-formed. It matches nothing, and harms no other name.
    #[non_exhaustive]
    Malformed {
        /// What it was meant to be.
        kind: NameKind,
        /// What is wrong with it.
        reason: MalformedName,
        /// The name as it stands.
        bytes: &'a [u8],
    },
}

/// The type of a presented name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NameKind {
    /// dNSName.
    Dns,
    /// iPAddress.
    Ip,
    /// otherName of type id-on-dnsSRV.
    Srv,
    /// uniformResourceIdentifier.
    Uri,
    /// rfc822Name.
    Email,
    /// Any other.
    Other,
}

/// Why a presented name is not well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MalformedName {
    /// The bytes are not what the ASN.1 asks for. What follows in the extension cannot be read.
    Encoding,
    /// There is nothing in it.
    Empty,
    /// It holds a NUL, with which software written in C was once fooled.
    Nul,
    /// It holds a byte beyond ASCII; such names are presented as A-labels (RFC 5280 §7.2).
    NotAscii,
    /// It holds an ASCII character that no host name has.
    Character,
    /// A label is empty: two dots side by side, or one at the beginning.
    EmptyLabel,
    /// It ends with a dot (RFC 5280 §4.2.1.6 asks for the preferred name syntax, which has none).
    TrailingDot,
    /// A label begins or ends with a hyphen.
    Hyphen,
    /// A label has more than 63 octets, or the name more than 253.
    TooLong,
    /// The star is not the whole left-most label, or not the only one (RFC 9525 §6.3, RFC 7817 §3).
    WildcardPlace,
    /// Fewer than two labels follow the star, which would then stand for a public domain.
    WildcardScope,
    /// It is the text of an IP address, which belongs into an iPAddress (RFC 9525 §6.4).
    IpText,
    /// The last label is a number.
    NumericTopLevel,
    /// The address has neither 4 nor 16 octets (RFC 5280 §4.2.1.6).
    IpLength,
    /// It is not `_service.name` (RFC 4985 §2).
    ServiceLabel,
}

/// The certificate's DER could not be read, or its subjectAltName extension stands in it twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the certificate cannot be read: ask the operator of the server for a well-formed one")]
#[non_exhaustive]
pub struct UnreadableCertificate;

/// Iterates over the names of a certificate, in their order.
#[derive(Debug, Clone)]
pub struct PresentedIter<'a> {
    names: RawIter<'a>,
}

impl<'a> PresentedIds<'a> {
    /// Finds the names of a certificate without reading them.
    ///
    /// # Errors
    ///
    /// [`UnreadableCertificate`] if the certificate is not DER. An extension that is not there is
    /// no error: there are no names then.
    pub fn of(certificate: &'a CertificateDer<'_>) -> Result<Self, UnreadableCertificate> {
        Certificate::parse(certificate)
            .and_then(|certificate| Self::in_certificate(&certificate))
            .map_err(|NotDer| UnreadableCertificate)
    }

    pub(crate) fn in_certificate(certificate: &Certificate<'a>) -> Result<Self, NotDer> {
        let names = match certificate.extension(SUBJECT_ALT_NAME)? {
            Some(value) => der::only(value, der::SEQUENCE)?,
            None => &[],
        };
        Ok(Self {
            names,
            subject: certificate.subject,
        })
    }

    /// The names in the content of a GeneralNames sequence.
    #[cfg(test)]
    pub(crate) const fn in_general_names(names: &'a [u8]) -> Self {
        Self {
            names,
            subject: &[],
        }
    }

    /// The common name, if it is the only one, and if the certificate presents nothing by which it
    /// could be identified otherwise: no DNS-ID, SRV-ID, URI-ID or IP-ID, well-formed or not
    /// (RFC 6125 §6.4.4).
    pub(crate) fn common_name_of_last_resort(&self) -> Option<&'a [u8]> {
        let presents_another = self.raw().any(|raw| match raw {
            RawName::Dns(_) | RawName::Ip(_) | RawName::Uri(_) | RawName::Unreadable(_) => true,
            RawName::OtherName(content) => match other_name(content) {
                OtherName::Srv(_) | OtherName::BadSrv | OtherName::Bad => true,
                OtherName::Another => false,
            },
            RawName::Email(_) | RawName::Other => false,
        });
        if presents_another {
            return None;
        }
        DistinguishedName(self.subject).only_common_name().ok()?
    }

    /// Reads the names one by one.
    #[must_use]
    pub const fn iter(&self) -> PresentedIter<'a> {
        PresentedIter { names: self.raw() }
    }

    pub(crate) const fn raw(&self) -> RawIter<'a> {
        RawIter {
            reader: Reader::new(self.names),
        }
    }
}

impl<'a> IntoIterator for &PresentedIds<'a> {
    type Item = PresentedId<'a>;
    type IntoIter = PresentedIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> Iterator for PresentedIter<'a> {
    type Item = PresentedId<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.names.next().map(|raw| raw.read())
    }
}

impl std::iter::FusedIterator for PresentedIter<'_> {}

impl PresentedId<'_> {
    /// The type of the name.
    #[must_use]
    pub const fn kind(&self) -> NameKind {
        match self {
            Self::Dns(_) | Self::DnsWildcard(_) => NameKind::Dns,
            Self::Ip(_) => NameKind::Ip,
            Self::Srv { .. } => NameKind::Srv,
            Self::Uri(_) => NameKind::Uri,
            Self::Email(_) => NameKind::Email,
            Self::Other => NameKind::Other,
            Self::Malformed { kind, .. } => *kind,
        }
    }
}

impl fmt::Display for NameKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "host name",
            Self::Ip => "IP address",
            Self::Srv => "service name",
            Self::Uri => "URI",
            Self::Email => "email address",
            Self::Other => "name of another type",
        })
    }
}

impl fmt::Display for MalformedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "wrongly encoded",
            Self::Empty => "empty",
            Self::Nul => "holds a NUL",
            Self::NotAscii => "holds characters beyond ASCII",
            Self::Character => "holds a character that host names do not have",
            Self::EmptyLabel => "holds an empty label",
            Self::TrailingDot => "ends with a dot",
            Self::Hyphen => "has a label that begins or ends with a hyphen",
            Self::TooLong => "too long",
            Self::WildcardPlace => "a star must be the whole left-most label",
            Self::WildcardScope => "at least two labels must follow the star",
            Self::IpText => "an IP address does not belong in a host name",
            Self::NumericTopLevel => "ends with a number",
            Self::IpLength => "an address has 4 or 16 octets",
            Self::ServiceLabel => "not a service and a domain",
        })
    }
}

/// A name with its type, otherwise as it stands in the certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RawName<'a> {
    OtherName(&'a [u8]),
    Email(&'a [u8]),
    Dns(&'a [u8]),
    Uri(&'a [u8]),
    Ip(&'a [u8]),
    /// x400Address, directoryName, ediPartyName, registeredID.
    Other,
    /// A tag that no GeneralName has, or the rest of an extension that is cut short.
    Unreadable(&'a [u8]),
}

/// Iterates over the GeneralNames (RFC 5280 §4.2.1.6) of an extension.
#[derive(Debug, Clone)]
pub(crate) struct RawIter<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for RawIter<'a> {
    type Item = RawName<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.at_end() {
            return None;
        }
        let Ok(value) = self.reader.value() else {
            let rest = std::mem::replace(&mut self.reader, Reader::new(&[])).rest();
            return Some(RawName::Unreadable(rest));
        };
        Some(match value.tag {
            0xA0 => RawName::OtherName(value.content),
            0x81 => RawName::Email(value.content),
            0x82 => RawName::Dns(value.content),
            0xA3 | 0xA4 | 0xA5 | 0x88 => RawName::Other,
            0x86 => RawName::Uri(value.content),
            0x87 => RawName::Ip(value.content),
            _ => RawName::Unreadable(value.whole),
        })
    }
}

impl<'a> RawName<'a> {
    /// Reads a name that was found to be a reference's, its case aside: that reference is well-formed,
    /// and so is this.
    pub(crate) fn read_matched(self) -> PresentedId<'a> {
        let Self::Dns(bytes) = self else {
            return self.read();
        };
        match std::str::from_utf8(bytes) {
            Ok(text) => match text.strip_prefix("*.") {
                None => PresentedId::Dns(text),
                Some(parent) => PresentedId::DnsWildcard(parent),
            },
            Err(_) => self.read(),
        }
    }

    /// Looks at the syntax.
    pub(crate) fn read(self) -> PresentedId<'a> {
        match self {
            Self::Dns(bytes) => {
                dns(bytes).unwrap_or_else(|reason| malformed(NameKind::Dns, reason, bytes))
            }
            Self::Ip(bytes) => octets(bytes).map_or_else(
                || malformed(NameKind::Ip, MalformedName::IpLength, bytes),
                PresentedId::Ip,
            ),
            Self::OtherName(content) => match other_name(content) {
                OtherName::Srv(bytes) => {
                    srv(bytes).unwrap_or_else(|reason| malformed(NameKind::Srv, reason, bytes))
                }
                OtherName::BadSrv => malformed(NameKind::Srv, MalformedName::Encoding, content),
                OtherName::Another => PresentedId::Other,
                OtherName::Bad => malformed(NameKind::Other, MalformedName::Encoding, content),
            },
            Self::Email(bytes) => PresentedId::Email(bytes),
            Self::Uri(bytes) => PresentedId::Uri(bytes),
            Self::Other => PresentedId::Other,
            Self::Unreadable(bytes) => malformed(NameKind::Other, MalformedName::Encoding, bytes),
        }
    }
}

/// The address in an iPAddress; the family is the length (RFC 5280 §4.2.1.6).
pub(crate) fn octets(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

const fn malformed(kind: NameKind, reason: MalformedName, bytes: &[u8]) -> PresentedId<'_> {
    PresentedId::Malformed {
        kind,
        reason,
        bytes,
    }
}

fn dns(bytes: &[u8]) -> Result<PresentedId<'_>, MalformedName> {
    let text = host_characters(bytes)?;
    if text.len() > limits::DNS_NAME {
        return Err(MalformedName::TooLong);
    }
    match text.strip_prefix("*.") {
        None => host_name(text).map(PresentedId::Dns),
        Some(parent) => {
            let parent = host_name(parent)?;
            if parent.contains('.') {
                Ok(PresentedId::DnsWildcard(parent))
            } else {
                Err(MalformedName::WildcardScope)
            }
        }
    }
}

/// The string of an otherName if it is an SRVName, its syntax unseen.
pub(super) fn service_name(content: &[u8]) -> Option<&[u8]> {
    match other_name(content) {
        OtherName::Srv(bytes) => Some(bytes),
        OtherName::BadSrv | OtherName::Another | OtherName::Bad => None,
    }
}

enum OtherName<'a> {
    Srv(&'a [u8]),
    BadSrv,
    Another,
    Bad,
}

/// RFC 4985 §2: `SEQUENCE { OID, [0] EXPLICIT IA5String }`, the string being `_Service.Name`.
fn other_name(content: &[u8]) -> OtherName<'_> {
    let mut fields = Reader::new(content);
    let Ok(id) = fields.expect(der::OBJECT_IDENTIFIER) else {
        return OtherName::Bad;
    };
    if id.content != ON_DNS_SRV {
        return OtherName::Another;
    }
    let value = fields
        .expect(der::constructed(0))
        .and_then(|explicit| der::only(explicit.content, der::IA5_STRING));
    match (value, fields.finish()) {
        (Ok(bytes), Ok(())) => OtherName::Srv(bytes),
        (Err(NotDer), _) | (_, Err(NotDer)) => OtherName::BadSrv,
    }
}

fn srv(bytes: &[u8]) -> Result<PresentedId<'_>, MalformedName> {
    let text = host_characters(bytes)?;
    let (service, name) = text
        .strip_prefix('_')
        .and_then(|text| text.split_once('.'))
        .ok_or(MalformedName::ServiceLabel)?;
    let is_label = |label: &str| {
        (1..=limits::DNS_LABEL).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    // A second underscore would be the protocol, which RFC 4985 §2 leaves out.
    if !is_label(service) || name.starts_with('_') {
        return Err(MalformedName::ServiceLabel);
    }
    let name = host_name(name)?;
    Ok(PresentedId::Srv { service, name })
}

/// The characters of host names, and the star; anything else is told apart for the report.
fn host_characters(bytes: &[u8]) -> Result<&str, MalformedName> {
    if bytes.is_empty() {
        return Err(MalformedName::Empty);
    }
    if bytes.contains(&0) {
        return Err(MalformedName::Nul);
    }
    if !bytes.is_ascii() {
        return Err(MalformedName::NotAscii);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| MalformedName::NotAscii)?;
    if text.parse::<IpAddr>().is_ok() {
        return Err(MalformedName::IpText);
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'*');
    if !bytes.iter().copied().all(allowed) {
        return Err(MalformedName::Character);
    }
    Ok(text)
}

/// The preferred name syntax (RFC 1034 §3.5, RFC 1123 §2.1), with underscores, which certificates
/// have and rustls-webpki takes.
fn host_name(text: &str) -> Result<&str, MalformedName> {
    if text.contains('*') {
        return Err(MalformedName::WildcardPlace);
    }
    if text.len() > limits::DNS_NAME {
        return Err(MalformedName::TooLong);
    }
    let relative = text.strip_suffix('.').unwrap_or(text);
    for label in relative.split('.') {
        if label.is_empty() {
            return Err(MalformedName::EmptyLabel);
        }
        if label.len() > limits::DNS_LABEL {
            return Err(MalformedName::TooLong);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(MalformedName::Hyphen);
        }
    }
    if relative.len() != text.len() {
        return Err(MalformedName::TrailingDot);
    }
    let top = text.rsplit('.').next().unwrap_or(text);
    if top.bytes().all(|b| b.is_ascii_digit()) {
        return Err(MalformedName::NumericTopLevel);
    }
    Ok(text)
}
