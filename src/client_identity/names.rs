//! The names of a certificate's owner, as far as users are named by them.

use super::IdentitySource;
use crate::certificate::Certificate;
use crate::der::{self, NotDer, Reader};
use crate::distinguished_name::{COMMON_NAME, DistinguishedName};
use crate::identity::{PresentedIds, RawName};

/// emailAddress, RFC 2985 §5.2.1.
const EMAIL_ADDRESS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x01];
/// id-on-SmtpUTF8Mailbox, RFC 9598 §3: 1.3.6.1.5.5.7.8.9.
const SMTP_UTF8_MAILBOX: &[u8] = &[0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x09];

/// A name as it stands in the certificate.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) source: IdentitySource,
    pub(super) bytes: &'a [u8],
    /// Whether it is of a type in which its octets are UTF-8.
    is_utf8: bool,
}

impl<'a> Found<'a> {
    pub(super) fn text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes)
            .ok()
            .filter(|_| self.is_utf8)
    }
}

/// The addresses in the subjectAltName.
pub(super) fn mailboxes<'a>(leaf: &Certificate<'a>) -> Result<Vec<Found<'a>>, NotDer> {
    let names = PresentedIds::in_certificate(leaf)?;
    let mut found = Vec::new();
    for name in names.raw() {
        match name {
            RawName::Email(bytes) => found.push(Found {
                source: IdentitySource::Rfc822Name,
                bytes,
                is_utf8: true,
            }),
            RawName::OtherName(content) => found.extend(smtp_utf8_mailbox(content)?),
            // What follows may have been an address.
            RawName::Unreadable(_) => return Err(NotDer),
            RawName::Dns(_) | RawName::Uri(_) | RawName::Ip(_) | RawName::Other => {}
        }
    }
    Ok(found)
}

pub(super) fn subject_emails<'a>(leaf: &Certificate<'a>) -> Result<Vec<Found<'a>>, NotDer> {
    of_subject(leaf, EMAIL_ADDRESS, IdentitySource::SubjectEmail)
}

pub(super) fn common_names<'a>(leaf: &Certificate<'a>) -> Result<Vec<Found<'a>>, NotDer> {
    of_subject(leaf, COMMON_NAME, IdentitySource::CommonName)
}

fn of_subject<'a>(
    leaf: &Certificate<'a>,
    attribute: &[u8],
    source: IdentitySource,
) -> Result<Vec<Found<'a>>, NotDer> {
    let values = DistinguishedName(leaf.subject).values(attribute)?;
    let found = values.into_iter().map(|value| Found {
        source,
        bytes: value.content,
        is_utf8: match value.tag {
            der::UTF8_STRING => true,
            // T.61 and UCS-2 are not read: nobody issues them any more (RFC 5280 §4.1.2.4).
            der::PRINTABLE_STRING | der::IA5_STRING => value.content.is_ascii(),
            _ => false,
        },
    });
    Ok(found.collect())
}

/// `SEQUENCE { OID, [0] EXPLICIT UTF8String }`.
fn smtp_utf8_mailbox(content: &[u8]) -> Result<Option<Found<'_>>, NotDer> {
    let mut fields = Reader::new(content);
    if fields.expect(der::OBJECT_IDENTIFIER)?.content != SMTP_UTF8_MAILBOX {
        return Ok(None);
    }
    let explicit = fields.expect(der::constructed(0))?.content;
    fields.finish()?;
    Ok(Some(Found {
        source: IdentitySource::SmtpUtf8Mailbox,
        bytes: der::only(explicit, der::UTF8_STRING)?,
        is_utf8: true,
    }))
}
