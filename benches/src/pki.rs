//! A root, an intermediate and a server's certificate.

use std::sync::Arc;

use pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SignatureAlgorithm,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// Capacity of what a transport's buffers begin with: no handshake makes them grow.
pub const BUFFER: usize = 64 * 1024;

/// The server's name.
pub const HOST: &str = "imap.example.org";

/// The kind of the server's own key; its authorities have P-256 keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    P256,
    Rsa2048,
}

/// One server's certificates.
#[derive(Debug)]
pub struct Pki {
    pub root: CertificateDer<'static>,
    /// The server's own certificate and the intermediate one.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Pki {
    pub fn new(key: Key) -> Self {
        let (root, root_issuer) = authority("Bench root", None);
        let (intermediate, issuer) = authority("Bench intermediate", Some(&root_issuer));
        let algorithm: &'static SignatureAlgorithm = match key {
            Key::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Key::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
        };
        let key = KeyPair::generate_for(algorithm).unwrap();
        let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, HOST);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = params.signed_by(&key, &issuer).unwrap();
        Self {
            root,
            chain: vec![leaf.der().clone(), intermediate],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        }
    }
}

fn authority(
    name: &str,
    issuer: Option<&Issuer<'static, KeyPair>>,
) -> (CertificateDer<'static>, Issuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, name);
    let key = KeyPair::generate().unwrap();
    let certificate = match issuer {
        Some(issuer) => params.signed_by(&key, issuer),
        None => params.self_signed(&key),
    };
    let der = certificate.unwrap().der().clone();
    (der, Issuer::new(params, key))
}

/// The provider for mail-tls and for bare rustls: AES-128-GCM first, as servers choose where
/// processors have AES, and X25519.
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = vec![
        aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
        aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ];
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519, aws_lc_rs::kx_group::SECP256R1];
    Arc::new(provider)
}

/// The one version that both sides speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

/// What the handshakes of a comparison have in common.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    pub pki: &'a Pki,
    pub version: Version,
    /// Tickets that the server gives after a handshake of TLS 1.3, sealed ones; `None` leaves the
    /// contestant what it does by default.
    pub tickets: Option<usize>,
    pub kind: Kind,
}

/// What sessions have to do with those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: each client is fresh.
    First,
    /// The client has seen the same chain before, and has no ticket.
    Repeat,
    /// The client resumes the session before.
    Resumed,
}
