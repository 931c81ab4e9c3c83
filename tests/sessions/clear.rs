//! A provider whose ciphers encrypt nothing: what is mutated on the wire of such a pair is what a
//! peer who holds the keys could have sent. The fuzz targets use it too.

use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, KeyBlockShape, MessageDecrypter,
    MessageEncrypter, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload,
    Tls12AeadAlgorithm, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::crypto::{CipherSuiteCommon, CryptoProvider};
use rustls::{
    CipherSuite, ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion,
    SupportedCipherSuite, Tls12CipherSuite, Tls13CipherSuite,
};

/// What stands for the tag of an AEAD at the end of each record.
pub(crate) const TAG: [u8; 16] = [0; 16];

/// The provider with one suite of each version of TLS, and those in the clear.
pub(crate) fn in_the_clear(mut provider: CryptoProvider) -> CryptoProvider {
    provider.cipher_suites = provider.cipher_suites.iter().filter_map(in_clear).collect();
    provider
}

fn in_clear(suite: &SupportedCipherSuite) -> Option<SupportedCipherSuite> {
    match suite {
        SupportedCipherSuite::Tls13(real)
            if real.common.suite == CipherSuite::TLS13_AES_128_GCM_SHA256 =>
        {
            let clear = Tls13CipherSuite {
                common: common(&real.common),
                hkdf_provider: real.hkdf_provider,
                aead_alg: &Clear,
                quic: None,
            };
            let clear: &'static Tls13CipherSuite = Box::leak(Box::new(clear));
            Some(clear.into())
        }
        SupportedCipherSuite::Tls12(real)
            if real.common.suite == CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 =>
        {
            let clear = Tls12CipherSuite {
                common: common(&real.common),
                prf_provider: real.prf_provider,
                kx: real.kx,
                sign: real.sign,
                aead_alg: &Clear,
            };
            let clear: &'static Tls12CipherSuite = Box::leak(Box::new(clear));
            Some(clear.into())
        }
        _ => None,
    }
}

fn common(real: &CipherSuiteCommon) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite: real.suite,
        hash_provider: real.hash_provider,
        confidentiality_limit: real.confidentiality_limit,
    }
}

struct Clear;

/// TLS 1.3: the type of the content stands behind it (RFC 8446 §5.2).
struct Clear13;

struct Clear12;

impl Tls13AeadAlgorithm for Clear {
    fn encrypter(&self, _: AeadKey, _: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Clear13)
    }
    fn decrypter(&self, _: AeadKey, _: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Clear13)
    }
    fn key_len(&self) -> usize {
        16
    }
    fn extract_keys(
        &self,
        _: AeadKey,
        _: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

impl Tls12AeadAlgorithm for Clear {
    fn encrypter(&self, _: AeadKey, _: &[u8], _: &[u8]) -> Box<dyn MessageEncrypter> {
        Box::new(Clear12)
    }
    fn decrypter(&self, _: AeadKey, _: &[u8]) -> Box<dyn MessageDecrypter> {
        Box::new(Clear12)
    }
    fn key_block_shape(&self) -> KeyBlockShape {
        KeyBlockShape {
            enc_key_len: 16,
            fixed_iv_len: 12,
            explicit_nonce_len: 0,
        }
    }
    fn extract_keys(
        &self,
        _: AeadKey,
        _: &[u8],
        _: &[u8],
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

impl MessageEncrypter for Clear13 {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        _: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&[message.typ.into()]);
        payload.extend_from_slice(&TAG);
        let (kind, version) = (ContentType::ApplicationData, ProtocolVersion::TLSv1_2);
        Ok(OutboundOpaqueMessage::new(kind, version, payload))
    }
    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        payload_len + 1 + TAG.len()
    }
}

impl MessageDecrypter for Clear13 {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        _: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        without_tag(&mut message)?;
        message.into_tls13_unpadded_message()
    }
}

impl MessageEncrypter for Clear12 {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        _: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let length = self.encrypted_payload_len(message.payload.len());
        let mut payload = PrefixedPayload::with_capacity(length);
        payload.extend_from_chunks(&message.payload);
        payload.extend_from_slice(&TAG);
        Ok(OutboundOpaqueMessage::new(
            message.typ,
            message.version,
            payload,
        ))
    }
    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        payload_len + TAG.len()
    }
}

impl MessageDecrypter for Clear12 {
    fn decrypt<'a>(
        &mut self,
        mut message: InboundOpaqueMessage<'a>,
        _: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        without_tag(&mut message)?;
        if message.payload.len() > 1 << 14 {
            return Err(Error::PeerSentOversizedRecord);
        }
        Ok(message.into_plain_message())
    }
}

/// A record without the tag at its end is damaged.
fn without_tag(message: &mut InboundOpaqueMessage<'_>) -> Result<(), Error> {
    let length = message.payload.len().checked_sub(TAG.len());
    let length = length.ok_or(Error::DecryptError)?;
    if message.payload.get(length..) != Some(&TAG) {
        return Err(Error::DecryptError);
    }
    message.payload.truncate(length);
    Ok(())
}
