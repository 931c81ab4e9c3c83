//! An authority made for one test, and the certificates that it issues, as PEM files.
//!
//! * `Certificates::good(Key)`: a leaf for `localhost`, 127.0.0.1 and ::1, an intermediate, a root
//! * `Certificates::bad(Fault)`: the same with one fault
//! * `Certificates::named(name)`: the same with another name in the leaf
//! * `Certificates::client(address)`: a client certificate of the same authority, and
//!   `expired_client(address)`
//! * `Certificates::of_authority(name)`: `good` under an authority with a name of its own
//! * `Certificates::naming(names)`: the same for other names
//! * `Certificates::signed(algorithm)`: the same, the leaf signed in this way
//!
//! `ca` is what a client is told to trust, `chain` (leaf first, then the intermediate) and `key`
//! what a server presents; `issuers` is `chain` without the leaf, for programs that want it so.
//! `ca_der`, `chain_der` and `key_der` are the same for code.

use crate::process::{Scratch, set_mode};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, SignatureAlgorithm, date_time_ymd,
};
use std::path::PathBuf;

/// What authorities sign with, unless a test asks for another.
static ECDSA_SHA256: &SignatureAlgorithm = &rcgen::PKCS_ECDSA_P256_SHA256;

/// The kind of the leaf's key; authorities have ECDSA P-256.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Key {
    EcdsaP256,
    Rsa2048,
    Ed25519,
}

impl Key {
    pub(crate) const ALL: [Self; 3] = [Self::EcdsaP256, Self::Rsa2048, Self::Ed25519];

    fn generate(self) -> KeyPair {
        match self {
            Self::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256),
            Self::Rsa2048 => KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256),
            Self::Ed25519 => KeyPair::generate_for(&rcgen::PKCS_ED25519).map(without_public_key),
        }
        .unwrap()
    }
}

/// The same key as PKCS #8 version 1 (RFC 8410 §7); OpenSSL 3.0 does not read version 2, in which
/// the public key follows the private one.
fn without_public_key(key: KeyPair) -> KeyPair {
    const VERSION_1: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
    let der = key.serialize_der();
    let seed = &der[VERSION_1.len()..][..32];
    KeyPair::try_from([VERSION_1, seed].concat()).unwrap()
}

/// What is wrong with a leaf.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It is for `other.example` only.
    WrongName,
    /// It was valid in 2020.
    Expired,
    /// `ca` is another authority of the same name.
    UnknownAuthority,
    /// The intermediate is not in `chain`.
    NoIntermediate,
    /// It is its own authority, and `ca` has nothing to do with it.
    SelfSigned,
}

/// The files of one authority and one leaf; they go when this is dropped.
#[derive(Debug)]
pub(crate) struct Certificates {
    pub(crate) ca: PathBuf,
    pub(crate) chain: PathBuf,
    pub(crate) issuers: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) ca_der: Vec<u8>,
    pub(crate) chain_der: Vec<Vec<u8>>,
    /// PKCS #8.
    pub(crate) key_der: Vec<u8>,
    intermediate: Issuer<'static, KeyPair>,
    intermediate_pem: String,
    scratch: Scratch,
}

impl Certificates {
    pub(crate) fn good(key: Key) -> Self {
        Self::issue(key, None, |_| {})
    }

    /// Whose authorities have this name in theirs, to be told from others in a list of names.
    pub(crate) fn of_authority(name: &str) -> Self {
        Self::issue_under(name, ECDSA_SHA256, Key::EcdsaP256, None, |_| {})
    }

    /// Whose intermediate has a key for this algorithm, and has signed the leaf by it.
    pub(crate) fn signed(algorithm: &'static SignatureAlgorithm) -> Self {
        Self::issue_under("test", algorithm, Key::EcdsaP256, None, |_| {})
    }

    pub(crate) fn bad(fault: Fault) -> Self {
        Self::issue(Key::EcdsaP256, Some(fault), |_| {})
    }

    /// A leaf without a name but the one that `name` gives it: a GeneralName in DER.
    pub(crate) fn named(name: &[u8]) -> Self {
        Self::issue(Key::EcdsaP256, None, |params| {
            let names = [&[0x30, u8::try_from(name.len()).unwrap()], name].concat();
            let names = CustomExtension::from_oid_content(&[2, 5, 29, 17], names);
            params.subject_alt_names.clear();
            params.custom_extensions.push(names);
        })
    }

    /// A leaf for these names alone, each a DNS-ID; one that begins with `_` is an SRV-ID.
    pub(crate) fn naming(names: &[&str]) -> Self {
        Self::issue(Key::EcdsaP256, None, |params| *params = leaf(names))
    }

    /// A certificate that the user with this address authenticates itself with: its chain and its
    /// key.
    pub(crate) fn client(&self, address: &str) -> (PathBuf, PathBuf) {
        self.client_with(address, |_| {})
    }

    /// The same, valid in 2020.
    pub(crate) fn expired_client(&self, address: &str) -> (PathBuf, PathBuf) {
        self.client_with(address, |params| {
            params.not_after = date_time_ymd(2020, 12, 31);
        })
    }

    fn client_with(
        &self,
        address: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> (PathBuf, PathBuf) {
        let key = Key::EcdsaP256.generate();
        let mut params = leaf(&[address]);
        params.subject_alt_names = vec![SanType::Rfc822Name(address.try_into().unwrap())];
        change(&mut params);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.intermediate).unwrap();
        let chain = certificate.pem() + &self.intermediate_pem;
        let key_path = self
            .scratch
            .write(&format!("client-{address}.key"), key.serialize_pem());
        (
            self.scratch.write(&format!("client-{address}.pem"), chain),
            key_path,
        )
    }

    fn issue(kind: Key, fault: Option<Fault>, change: impl FnOnce(&mut CertificateParams)) -> Self {
        Self::issue_under("test", ECDSA_SHA256, kind, fault, change)
    }

    fn issue_under(
        name: &str,
        signer: &'static SignatureAlgorithm,
        kind: Key,
        fault: Option<Fault>,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let authority = |which| authority(name, which);
        let root_key = Key::EcdsaP256.generate();
        let root = authority("root");
        let mut trusted = root.self_signed(&root_key).unwrap();
        let root = Issuer::new(root, root_key);
        let intermediate_key = KeyPair::generate_for(signer).unwrap();
        let intermediate = authority("intermediate");
        let intermediate_certificate = intermediate.signed_by(&intermediate_key, &root).unwrap();
        let intermediate_pem = intermediate_certificate.pem();
        let intermediate = Issuer::new(intermediate, intermediate_key);

        let mut params = leaf(&["localhost", "127.0.0.1", "::1"]);
        let mut sent_intermediate = Some(intermediate_certificate.der().to_vec());
        match fault {
            None => {}
            Some(Fault::WrongName) => params = leaf(&["other.example"]),
            Some(Fault::Expired) => {
                params.not_before = date_time_ymd(2020, 1, 1);
                params.not_after = date_time_ymd(2020, 12, 31);
            }
            Some(Fault::UnknownAuthority) => {
                trusted = authority("root")
                    .self_signed(&Key::EcdsaP256.generate())
                    .unwrap();
            }
            Some(Fault::NoIntermediate | Fault::SelfSigned) => sent_intermediate = None,
        }
        change(&mut params);
        let key = kind.generate();
        let certificate = match fault {
            Some(Fault::SelfSigned) => params.self_signed(&key),
            _ => params.signed_by(&key, &intermediate),
        }
        .unwrap();
        let issuers = if sent_intermediate.is_some() {
            intermediate_pem.as_str()
        } else {
            ""
        };
        let chain = certificate.pem() + issuers;

        let scratch = Scratch::new();
        let key_path = scratch.write("leaf.key", key.serialize_pem());
        set_mode(&key_path, 0o600);
        Self {
            ca: scratch.write("ca.pem", trusted.pem()),
            chain: scratch.write("chain.pem", chain),
            issuers: scratch.write("issuers.pem", issuers),
            key: key_path,
            ca_der: trusted.der().to_vec(),
            chain_der: [certificate.der().to_vec()]
                .into_iter()
                .chain(sent_intermediate)
                .collect(),
            key_der: key.serialize_der(),
            intermediate,
            intermediate_pem,
            scratch,
        }
    }
}

fn authority(name: &str, which: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, format!("mail-tls {name} {which}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

fn leaf(names: &[&str]) -> CertificateParams {
    let dns = names.iter().filter(|name| !name.starts_with('_'));
    let dns: Vec<String> = dns.map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(dns).unwrap();
    if let Some(name) = names.iter().find(|name| name.starts_with('_')) {
        assert_eq!(names.len(), 1, "an SRV-ID stands alone here");
        params.custom_extensions = vec![srv_id(name)];
    }
    params.distinguished_name.push(DnType::CommonName, names[0]);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params
}

/// subjectAltName with an SRVName (RFC 4985 §2); the `rcgen` crate has no IA5String for it.
fn srv_id(name: &str) -> CustomExtension {
    const ID_ON_DNS_SRV: &[u8] = &[6, 8, 0x2b, 6, 1, 5, 5, 7, 8, 7];
    let der = |tag: u8, content: &[u8]| {
        let length = u8::try_from(content.len()).unwrap();
        assert!(length < 0x80);
        [&[tag, length], content].concat()
    };
    let value = der(0xa0, &der(0x16, name.as_bytes()));
    let other_name = der(0xa0, &[ID_ON_DNS_SRV, &value].concat());
    CustomExtension::from_oid_content(&[2, 5, 29, 17], der(0x30, &other_name))
}

#[test]
fn files_and_der_are_the_same() {
    use pki_types::pem::PemObject;
    use pki_types::{CertificateDer, PrivateKeyDer};

    let read = |path: &PathBuf| -> Vec<Vec<u8>> {
        let certificates = CertificateDer::pem_file_iter(path).unwrap();
        certificates
            .map(|certificate| certificate.unwrap().to_vec())
            .collect()
    };
    for key in Key::ALL {
        let certificates = Certificates::good(key);
        assert_eq!(
            read(&certificates.ca),
            std::slice::from_ref(&certificates.ca_der)
        );
        assert_eq!(read(&certificates.chain), certificates.chain_der);
        assert_eq!(read(&certificates.issuers), certificates.chain_der[1..]);
        let key = PrivateKeyDer::from_pem_file(&certificates.key).unwrap();
        assert_eq!(key.secret_der(), certificates.key_der);
    }
}

#[test]
fn a_leaf_is_for_the_names_that_were_asked_for() {
    let contains = |leaf: &[u8], name: &str| {
        let mut windows = leaf.windows(name.len());
        windows.any(|window| window == name.as_bytes())
    };
    for name in ["mail.example", "_imaps.mail.example"] {
        let leaf = &Certificates::naming(&[name]).chain_der[0];
        assert!(contains(leaf, name) && !contains(leaf, "localhost"));
    }
}
