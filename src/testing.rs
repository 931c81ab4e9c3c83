//! What tests are made of: DER, certificates, providers.

mod diagram;
mod identities;

use std::time::Duration;

use pki_types::{CertificateDer, UnixTime};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension, DnType,
    IsCa, Issuer, KeyPair,
};

pub(crate) use diagram::Diagram;
pub(crate) use identities::{IdentityCase, identity_cases};

/// 2030-01-01 00:00:00 UTC. Tests have no other clock.
pub(crate) const NOW: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(1_893_456_000));

/// One value in DER.
pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match content.len() {
        length @ 0..=0x7F => out.push(length.try_into().unwrap()),
        length @ 0x80..=0xFF => out.extend([0x81, length.try_into().unwrap()]),
        length => {
            out.push(0x82);
            out.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    out.extend_from_slice(content);
    out
}

/// A dNSName.
pub(crate) fn dns(name: impl AsRef<[u8]>) -> Vec<u8> {
    der(0x82, name.as_ref())
}

/// An iPAddress.
pub(crate) fn ip(octets: &[u8]) -> Vec<u8> {
    der(0x87, octets)
}

/// A uniformResourceIdentifier.
pub(crate) fn uri(uri: &str) -> Vec<u8> {
    der(0x86, uri.as_bytes())
}

/// An SRV-ID whose string has the given tag: 0x16 is IA5String, RFC 4985's.
pub(crate) fn srv_with_tag(name: &str, tag: u8) -> Vec<u8> {
    let id = [0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, 0x07];
    let value = der(0xA0, &der(tag, name.as_bytes()));
    der(0xA0, &[&id[..], &value].concat())
}

/// An SRV-ID.
pub(crate) fn srv(name: &str) -> Vec<u8> {
    srv_with_tag(name, 0x16)
}

/// Parameters of a certificate with these GeneralNames, encoded, and nothing else.
pub(crate) fn leaf_params(names: &[Vec<u8>]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "the leaf's common name");
    if !names.is_empty() {
        params
            .custom_extensions
            .push(CustomExtension::from_oid_content(
                &[2, 5, 29, 17],
                der(0x30, &names.concat()),
            ));
    }
    params
}

/// Parameters of an authority's certificate.
pub(crate) fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// An authority: its certificate, and the means to issue others.
pub(crate) struct Authority {
    pub(crate) certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn root(params: CertificateParams) -> Self {
        let key = key();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn named(name: &str) -> Self {
        Self::root(authority_params(name))
    }

    pub(crate) fn authority(&self, params: CertificateParams) -> Self {
        let key = key();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        Self {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    /// For this key.
    pub(crate) fn issue_for(
        &self,
        params: &CertificateParams,
        key: &KeyPair,
    ) -> CertificateDer<'static> {
        params.signed_by(key, &self.issuer).unwrap().der().clone()
    }

    pub(crate) fn issue(&self, params: &CertificateParams) -> CertificateDer<'static> {
        params
            .signed_by(&key(), &self.issuer)
            .unwrap()
            .der()
            .clone()
    }

    /// A revocation list.
    pub(crate) fn revoke(&self, params: &CertificateRevocationListParams) -> Vec<u8> {
        params.signed_by(&self.issuer).unwrap().der().to_vec()
    }

    /// Another certificate for `other`'s name and key.
    pub(crate) fn cross_sign(
        &self,
        other: &Self,
        params: &CertificateParams,
    ) -> CertificateDer<'static> {
        params
            .signed_by(other.issuer.key(), &self.issuer)
            .unwrap()
            .der()
            .clone()
    }
}

/// A P-256 key, which both providers verify with.
pub(crate) fn key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap()
}

/// The providers that are compiled in.
pub(crate) fn providers() -> Vec<rustls::crypto::CryptoProvider> {
    vec![
        #[cfg(feature = "aws-lc-rs")]
        rustls::crypto::aws_lc_rs::default_provider(),
        #[cfg(feature = "ring")]
        rustls::crypto::ring::default_provider(),
    ]
}
