//! Channel bindings (RFC 5056): what ties an authentication to the TLS connection that it runs on.
//!
//! A SASL mechanism of the `-PLUS` family, such as SCRAM-SHA-256-PLUS (RFC 7677), mixes a value
//! into its messages that both ends of one TLS connection have, and nobody else: whoever
//! terminates TLS in between is found out, even with a certificate that the client believes.
//!
//! [`ClientSession::take_channel_binding`](crate::ClientSession::take_channel_binding) and its twin
//! on the server give the value, once for each connection.
//!
//! ```
//! use mail_tls::{ChannelBindingError, ChannelBindingType, ClientSession};
//!
//! /// The beginning of SCRAM's `c=` attribute, before base64: the GS2 header and the value
//! /// (RFC 5802 §5.1, §7).
//! fn cbind_input(session: &mut ClientSession) -> Result<Vec<u8>, ChannelBindingError> {
//!     let binding = session.take_channel_binding(ChannelBindingType::TlsExporter)?;
//!     let mut input = format!("p={},,", binding.binding_type()).into_bytes();
//!     input.extend_from_slice(binding.sasl_bytes());
//!     Ok(input)
//! }
//! ```

use std::fmt;

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};

use crate::certificate::Certificate;
use crate::der::{self, NotDer, Reader};
use crate::error::Error;

/// A type of channel binding, by its name in IANA's registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ChannelBindingType {
    /// `tls-exporter` (RFC 9266): a value that only this connection has. The one to use, and the
    /// default; always there on an established session: TLS 1.2 without the extended master
    /// secret, for which it is not defined (§2, §4.2), is never negotiated here, and neither is
    /// renegotiation.
    #[default]
    TlsExporter,
    /// `tls-server-end-point` (RFC 5929 §4): the hash of the server's certificate, the same on all
    /// its connections. Where TLS is terminated by a proxy of the server's, this one still works.
    TlsServerEndPoint,
    /// `tls-unique` (RFC 5929 §3): named so that it can be refused. See
    /// [`ChannelBindingError::TlsUniqueUnsupported`].
    TlsUnique,
}

/// The value of a channel binding, for a SASL mechanism.
///
/// It must not be used for anything else, least of all as a key (RFC 9266 §4): the one thing that
/// it gives are the bytes for the mechanism, and `Debug` does not show them.
pub struct ChannelBinding {
    binding_type: ChannelBindingType,
    bytes: Box<[u8]>,
}

/// Why there is no channel binding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelBindingError {
    /// Before [`Event::Established`](crate::Event::Established) there is nothing to bind to.
    #[error(
        "a channel binding was asked for before the session was established; wait for \
         Event::Established"
    )]
    NotEstablished,
    /// The session is dead.
    #[error(transparent)]
    Dead(Error),
    /// One connection binds one instance of one authentication mechanism (RFC 9266 §4.1).
    #[error(
        "the channel binding of this connection was taken already; authenticate again on a new \
         connection"
    )]
    AlreadyTaken,
    /// TLS 1.3 does not define `tls-unique` (RFC 8446 §C.5), and in TLS 1.2 it would need the
    /// Finished messages, which the TLS library keeps to itself. It is never replaced by another
    /// type in silence: the peer would compute another value.
    #[error("the channel binding tls-unique is not supported; use tls-exporter")]
    TlsUniqueUnsupported,
    /// The certificate's signature algorithm has no hash function, or several, so that RFC 5929
    /// §4.1 does not define `tls-server-end-point`: Ed25519 and Ed448, or RSA-PSS with two hashes.
    /// Or it has one that is not implemented here.
    #[error(
        "tls-server-end-point is not defined for the signature algorithm of the server's \
         certificate; use tls-exporter"
    )]
    EndPointUndefined,
}

impl ChannelBindingError {
    /// A name for it that does not change between versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotEstablished => "channel-binding-too-early",
            Self::Dead(error) => error.code(),
            Self::AlreadyTaken => "channel-binding-taken",
            Self::TlsUniqueUnsupported => "tls-unique-unsupported",
            Self::EndPointUndefined => "tls-server-end-point-undefined",
        }
    }
}

impl ChannelBindingType {
    /// The name in IANA's registry of channel bindings, as GS2 headers have it (RFC 5801 §4).
    pub const fn name(self) -> &'static str {
        match self {
            Self::TlsExporter => "tls-exporter",
            Self::TlsServerEndPoint => "tls-server-end-point",
            Self::TlsUnique => "tls-unique",
        }
    }

    /// The type with this name, exactly; `None` for every other one.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::TlsExporter, Self::TlsServerEndPoint, Self::TlsUnique]
            .into_iter()
            .find(|one| one.name() == name)
    }
}

impl fmt::Display for ChannelBindingType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ChannelBinding {
    pub(crate) fn new(binding_type: ChannelBindingType, bytes: impl Into<Box<[u8]>>) -> Self {
        Self {
            binding_type,
            bytes: bytes.into(),
        }
    }

    /// Its type.
    pub const fn binding_type(&self) -> ChannelBindingType {
        self.binding_type
    }

    /// The channel binding data (`cbind-data` of RFC 5802 §7), for the SASL mechanism alone.
    pub fn sasl_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for ChannelBinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBinding")
            .field("binding_type", &self.binding_type)
            .finish_non_exhaustive()
    }
}

/// The data of `tls-server-end-point` for this certificate (RFC 5929 §4.1); `None` where it is not
/// defined.
pub(crate) fn server_end_point(certificate: &[u8]) -> Option<Box<[u8]>> {
    let parsed = Certificate::parse(certificate).ok()?;
    let hash = Hash::of_signature(parsed.signature_algorithm).ok()??;
    Some(hash.digest(certificate))
}

/// The hash function of a signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
}

impl Hash {
    fn digest(self, bytes: &[u8]) -> Box<[u8]> {
        match self {
            // Two that are broken are replaced by one that is not.
            Self::Md5 | Self::Sha1 | Self::Sha256 => Sha256::digest(bytes).as_slice().into(),
            Self::Sha224 => Sha224::digest(bytes).as_slice().into(),
            Self::Sha384 => Sha384::digest(bytes).as_slice().into(),
            Self::Sha512 => Sha512::digest(bytes).as_slice().into(),
            Self::Sha512_224 => Sha512_224::digest(bytes).as_slice().into(),
            Self::Sha512_256 => Sha512_256::digest(bytes).as_slice().into(),
        }
    }

    /// The one hash function of the content of a signature's AlgorithmIdentifier.
    fn of_signature(algorithm: &[u8]) -> Result<Option<Self>, NotDer> {
        let mut fields = Reader::new(algorithm);
        let id = fields.expect(der::OBJECT_IDENTIFIER)?.content;
        if id == RSASSA_PSS {
            return Self::of_pss(fields);
        }
        Ok(SIGNATURES.iter().find(|row| row.0 == id).map(|row| row.1))
    }

    /// RFC 4055 §3.1, RSASSA-PSS-params: one for the message, one for the mask.
    fn of_pss(mut fields: Reader<'_>) -> Result<Option<Self>, NotDer> {
        let parameters = fields.optional(der::SEQUENCE)?;
        let mut parameters = Reader::new(parameters.map_or(&[], |sequence| sequence.content));
        let message = match parameters.optional(der::constructed(0))? {
            Some(explicit) => Self::of_identifier(der::only(explicit.content, der::SEQUENCE)?)?,
            None => Some(Self::Sha1),
        };
        let mask = match parameters.optional(der::constructed(1))? {
            Some(explicit) => {
                let mut function = Reader::new(der::only(explicit.content, der::SEQUENCE)?);
                if function.expect(der::OBJECT_IDENTIFIER)?.content != MGF1 {
                    return Ok(None);
                }
                Self::of_identifier(function.expect(der::SEQUENCE)?.content)?
            }
            None => Some(Self::Sha1),
        };
        Ok(message.filter(|_| message == mask))
    }

    /// The content of a hash function's AlgorithmIdentifier.
    fn of_identifier(algorithm: &[u8]) -> Result<Option<Self>, NotDer> {
        let id = Reader::new(algorithm)
            .expect(der::OBJECT_IDENTIFIER)?
            .content;
        Ok(HASHES.iter().find(|row| row.0 == id).map(|row| row.1))
    }
}

/// id-RSASSA-PSS, RFC 8017 appendix C.
const RSASSA_PSS: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0A];
/// id-mgf1, RFC 8017 appendix C.
const MGF1: &[u8] = &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08];

/// Signature algorithms with one hash function: RFC 8017 appendix C, RFC 5758 §3, RFC 3279 §2.2.
#[rustfmt::skip] // one algorithm a line
static SIGNATURES: &[(&[u8], Hash)] = &[
    // md5WithRSAEncryption to sha512-256WithRSAEncryption.
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x04], Hash::Md5),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x05], Hash::Sha1),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0E], Hash::Sha224),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B], Hash::Sha256),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0C], Hash::Sha384),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0D], Hash::Sha512),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0F], Hash::Sha512_224),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x10], Hash::Sha512_256),
    // ecdsa-with-SHA1 to ecdsa-with-SHA512.
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01], Hash::Sha1),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x01], Hash::Sha224),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02], Hash::Sha256),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03], Hash::Sha384),
    (&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x04], Hash::Sha512),
    // id-dsa-with-sha1, id-dsa-with-sha224, id-dsa-with-sha256.
    (&[0x2A, 0x86, 0x48, 0xCE, 0x38, 0x04, 0x03], Hash::Sha1),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x01], Hash::Sha224),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x02], Hash::Sha256),
];

/// Hash functions: RFC 8017 appendix C, RFC 4055 §2.1.
#[rustfmt::skip] // one function a line
static HASHES: &[(&[u8], Hash)] = &[
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x02, 0x05], Hash::Md5),
    (&[0x2B, 0x0E, 0x03, 0x02, 0x1A], Hash::Sha1),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x04], Hash::Sha224),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01], Hash::Sha256),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02], Hash::Sha384),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03], Hash::Sha512),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x05], Hash::Sha512_224),
    (&[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x06], Hash::Sha512_256),
];

#[cfg(test)]
mod tests;
