//! The fields of a certificate (RFC 5280 §4.1) as slices of its DER: one pass, no copy.
//!
//! Only what identity and verification ask for is looked into, when they ask for it. Whether the
//! certificate is to be believed is not decided here.

use pki_types::UnixTime;

use crate::der::{self, NotDer, Reader};

/// id-ce-subjectAltName, RFC 5280 §4.2.1.6.
pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1D, 0x11];
/// id-ce-basicConstraints, RFC 5280 §4.2.1.9.
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x13];
/// id-ce-nameConstraints, RFC 5280 §4.2.1.10.
pub(crate) const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1D, 0x1E];
/// id-ce-keyUsage, RFC 5280 §4.2.1.3.
const KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x0F];
/// id-ce-subjectKeyIdentifier, RFC 5280 §4.2.1.2.
const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x0E];
/// id-ce-authorityKeyIdentifier, RFC 5280 §4.2.1.1.
const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1D, 0x23];
/// id-ce-cRLDistributionPoints, RFC 5280 §4.2.1.13.
pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1D, 0x1F];
/// id-ce-extKeyUsage, RFC 5280 §4.2.1.12.
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1D, 0x25];
/// rsaEncryption, RFC 8017 appendix A.1, as it stands at the head of an AlgorithmIdentifier.
const RSA_ENCRYPTION: &[u8] = &[
    0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01,
];

/// A certificate's fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Certificate<'a> {
    /// What the issuer signed.
    pub(crate) signed: &'a [u8],
    /// 1, 2 or 3.
    pub(crate) version: u8,
    /// The content of the serialNumber.
    pub(crate) serial: &'a [u8],
    /// The content of the outer AlgorithmIdentifier.
    pub(crate) signature_algorithm: &'a [u8],
    pub(crate) signature: &'a [u8],
    /// The content of the Name.
    pub(crate) issuer: &'a [u8],
    pub(crate) validity: &'a [u8],
    /// The content of the Name.
    pub(crate) subject: &'a [u8],
    /// The issuer's Name with its tag and length.
    pub(crate) issuer_name: &'a [u8],
    /// The content of the SubjectPublicKeyInfo.
    pub(crate) public_key_info: &'a [u8],
    /// The SubjectPublicKeyInfo with its tag and length.
    pub(crate) public_key_der: &'a [u8],
    /// The content of the sequence of extensions.
    extensions: &'a [u8],
}

/// From when until when: RFC 5280 §4.1.2.5, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dates {
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

/// A public key: the content of its AlgorithmIdentifier, and the bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PublicKey<'a> {
    pub(crate) algorithm: &'a [u8],
    pub(crate) bits: &'a [u8],
}

/// One extension, RFC 5280 §4.2.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

impl<'a> Certificate<'a> {
    pub(crate) fn parse(certificate: &'a [u8]) -> Result<Self, NotDer> {
        let mut outer = Reader::new(der::only(certificate, der::SEQUENCE)?);
        let to_be_signed = outer.expect(der::SEQUENCE)?;
        let signature_algorithm = outer.expect(der::SEQUENCE)?.content;
        let signature = bits(outer.expect(der::BIT_STRING)?.content)?;
        outer.finish()?;

        let mut fields = Reader::new(to_be_signed.content);
        let version = match fields.optional(der::constructed(0))? {
            None => 1,
            Some(explicit) => match der::only(explicit.content, der::INTEGER)? {
                [number @ 0..=2] => number.saturating_add(1),
                _ => return Err(NotDer),
            },
        };
        let serial = fields.expect(der::INTEGER)?.content;
        fields.expect(der::SEQUENCE)?; // signature, the same as the outer one
        let issuer = fields.expect(der::SEQUENCE)?;
        let validity = fields.expect(der::SEQUENCE)?.content;
        let subject = fields.expect(der::SEQUENCE)?.content;
        let public_key_info = fields.expect(der::SEQUENCE)?;
        fields.optional(der::primitive(1))?; // issuerUniqueID
        fields.optional(der::primitive(2))?; // subjectUniqueID
        let extensions = match fields.optional(der::constructed(3))? {
            Some(explicit) => der::only(explicit.content, der::SEQUENCE)?,
            None => &[],
        };
        fields.finish()?;

        Ok(Self {
            signed: to_be_signed.whole,
            version,
            serial,
            signature_algorithm,
            signature,
            issuer: issuer.content,
            issuer_name: issuer.whole,
            validity,
            subject,
            public_key_info: public_key_info.content,
            public_key_der: public_key_info.whole,
            extensions,
        })
    }

    pub(crate) fn dates(&self) -> Result<Dates, NotDer> {
        let mut dates = Reader::new(self.validity);
        let (not_before, not_after) = (dates.time()?, dates.time()?);
        dates.finish()?;
        Ok(Dates {
            not_before,
            not_after,
        })
    }

    /// The end of [`dates`](Self::dates) alone: what an accepted certificate is asked for.
    pub(crate) fn not_after(&self) -> Result<UnixTime, NotDer> {
        let mut dates = Reader::new(self.validity);
        dates.value()?;
        let not_after = dates.time()?;
        dates.finish()?;
        Ok(not_after)
    }

    pub(crate) fn public_key(&self) -> Result<PublicKey<'a>, NotDer> {
        PublicKey::parse(self.public_key_info)
    }

    /// The value of one extension. A certificate that has it twice is refused (RFC 5280 §4.2), or
    /// two readers could each believe another one.
    pub(crate) fn extension(&self, id: &[u8]) -> Result<Option<&'a [u8]>, NotDer> {
        let mut found = None;
        for extension in self.extensions() {
            let extension = extension?;
            if extension.id == id && found.replace(extension.value).is_some() {
                return Err(NotDer);
            }
        }
        Ok(found)
    }

    pub(crate) fn extensions(
        &self,
    ) -> impl Iterator<Item = Result<Extension<'a>, NotDer>> + use<'a> {
        let mut reader = Reader::new(self.extensions);
        std::iter::from_fn(move || {
            if reader.at_end() {
                return None;
            }
            let extension = reader.expect(der::SEQUENCE).and_then(Extension::parse);
            if extension.is_err() {
                reader = Reader::new(&[]);
            }
            Some(extension)
        })
    }

    /// Whether basicConstraints marks it as a certification authority's.
    pub(crate) fn is_authority(&self) -> Result<bool, NotDer> {
        let Some(value) = self.extension(BASIC_CONSTRAINTS)? else {
            return Ok(false);
        };
        let mut fields = Reader::new(der::only(value, der::SEQUENCE)?);
        match fields.optional(der::BOOLEAN)? {
            None => Ok(false),
            Some(authority) => boolean(authority.content),
        }
    }

    /// How many authorities may stand between this one and the end entity's certificate.
    pub(crate) fn path_length(&self) -> Result<Option<usize>, NotDer> {
        let Some(value) = self.extension(BASIC_CONSTRAINTS)? else {
            return Ok(None);
        };
        let mut fields = Reader::new(der::only(value, der::SEQUENCE)?);
        fields.optional(der::BOOLEAN)?;
        match fields.optional(der::INTEGER)?.map(|length| length.content) {
            None => Ok(None),
            Some([length @ 0..=0x7F]) => Ok(Some(usize::from(*length))),
            // Longer than any path.
            Some(_) => Ok(None),
        }
    }

    /// The purposes of extKeyUsage, as the contents of their OIDs; `None` without the extension.
    pub(crate) fn purposes(&self) -> Result<Option<Vec<&'a [u8]>>, NotDer> {
        let Some(value) = self.extension(EXTENDED_KEY_USAGE)? else {
            return Ok(None);
        };
        let mut reader = Reader::new(der::only(value, der::SEQUENCE)?);
        let mut purposes = Vec::new();
        while !reader.at_end() {
            purposes.push(reader.expect(der::OBJECT_IDENTIFIER)?.content);
        }
        Ok(Some(purposes))
    }

    /// What it calls its own key.
    pub(crate) fn subject_key_identifier(&self) -> Result<Option<&'a [u8]>, NotDer> {
        match self.extension(SUBJECT_KEY_IDENTIFIER)? {
            Some(value) => der::only(value, der::OCTET_STRING).map(Some),
            None => Ok(None),
        }
    }

    /// What it calls the key that signed it.
    pub(crate) fn authority_key_identifier(&self) -> Result<Option<&'a [u8]>, NotDer> {
        let Some(value) = self.extension(AUTHORITY_KEY_IDENTIFIER)? else {
            return Ok(None);
        };
        let mut fields = Reader::new(der::only(value, der::SEQUENCE)?);
        let identifier = fields.optional(der::primitive(0))?;
        Ok(identifier.map(|identifier| identifier.content))
    }

    /// Whether keyUsage, if it is there, lets the key sign certificates (RFC 5280 §4.2.1.3).
    pub(crate) fn may_sign_certificates(&self) -> Result<bool, NotDer> {
        const KEY_CERT_SIGN: u8 = 0x04;
        self.may_be_used_for(KEY_CERT_SIGN)
    }

    /// Whether keyUsage, if it is there, lets the key sign revocation lists (RFC 5280 §4.2.1.3).
    pub(crate) fn may_sign_revocation_lists(&self) -> Result<bool, NotDer> {
        const CRL_SIGN: u8 = 0x02;
        self.may_be_used_for(CRL_SIGN)
    }

    /// Whether this bit of the first octet of keyUsage is set, or none is asked for.
    fn may_be_used_for(&self, usage: u8) -> Result<bool, NotDer> {
        let Some(value) = self.extension(KEY_USAGE)? else {
            return Ok(true);
        };
        match der::only(value, der::BIT_STRING)? {
            [_, first, ..] => Ok(first & usage != 0),
            _ => Err(NotDer),
        }
    }

    /// Its issuer has the same name as itself.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }
}

impl<'a> PublicKey<'a> {
    /// Reads the content of a SubjectPublicKeyInfo.
    pub(crate) fn parse(info: &'a [u8]) -> Result<Self, NotDer> {
        let mut fields = Reader::new(info);
        let algorithm = fields.expect(der::SEQUENCE)?.content;
        let bits = bits(fields.expect(der::BIT_STRING)?.content)?;
        fields.finish()?;
        Ok(Self { algorithm, bits })
    }

    /// The length of the modulus, if this is an RSA key (RFC 8017 appendix A.1.1).
    pub(crate) fn rsa_bits(&self) -> Result<Option<usize>, NotDer> {
        if !self.algorithm.starts_with(RSA_ENCRYPTION) {
            return Ok(None);
        }
        let mut key = Reader::new(der::only(self.bits, der::SEQUENCE)?);
        let modulus = key.expect(der::INTEGER)?.content;
        // The octet that keeps the number positive is all zeros, and counted as such.
        let unused = modulus.first().map_or(0, |first| first.leading_zeros());
        let unused = usize::try_from(unused).map_err(|_| NotDer)?;
        Ok(Some(modulus.len().saturating_mul(8).saturating_sub(unused)))
    }
}

impl<'a> Extension<'a> {
    fn parse(value: der::Value<'a>) -> Result<Self, NotDer> {
        let mut fields = Reader::new(value.content);
        let id = fields.expect(der::OBJECT_IDENTIFIER)?.content;
        let critical = match fields.optional(der::BOOLEAN)? {
            None => false,
            Some(critical) => boolean(critical.content)?,
        };
        let value = fields.expect(der::OCTET_STRING)?.content;
        fields.finish()?;
        Ok(Self {
            id,
            critical,
            value,
        })
    }
}

/// X.690 §11.1: true is all ones.
pub(crate) const fn boolean(content: &[u8]) -> Result<bool, NotDer> {
    match content {
        [0x00] => Ok(false),
        [0xFF] => Ok(true),
        _ => Err(NotDer),
    }
}

/// A BIT STRING of whole octets, as keys and signatures are.
pub(crate) const fn bits(content: &[u8]) -> Result<&[u8], NotDer> {
    match content {
        [0, bits @ ..] => Ok(bits),
        _ => Err(NotDer),
    }
}
