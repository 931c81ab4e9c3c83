//! Certificate chains with their keys, and which of them a server shows.

use std::fmt;
use std::sync::Arc;

use pki_types::pem::{Error as PemError, PemObject};
use pki_types::{CertificateDer, PrivateKeyDer};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{Error as TlsError, InconsistentKeys};
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::der;
use crate::error::{ConfigError, Error};
use crate::identity::{PresentedId, PresentedIds};
use crate::name::{HostName, InvalidName};
use crate::tls::of_local;

/// A certificate chain with its private key: a server's, or a client's. Cheap to clone.
///
/// The key is never shown, neither in `Debug` nor in errors.
#[derive(Clone)]
pub struct CertifiedChain(Arc<Parts>);

struct Parts {
    chain: Vec<CertificateDer<'static>>,
    key: Key,
}

enum Key {
    /// Overwritten when the last handle goes.
    Der(Zeroizing<PrivateKeyDer<'static>>),
    Signing(Arc<dyn SigningKey>),
}

impl CertifiedChain {
    /// A chain and its key in DER; the owner's certificate comes first.
    ///
    /// # Errors
    /// [`ConfigError::NoCertificate`] for an empty chain. Whether key and certificate belong
    /// together is found when a server, connector or account takes them.
    pub fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Error> {
        Self::new(chain, Key::Der(Zeroizing::new(key)))
    }

    /// A chain and its key in PEM, as certification authorities and ACME clients write them.
    ///
    /// # Errors
    /// [`ConfigError::NoCertificate`] if there is no certificate,
    /// [`ConfigError::UnusableCertificate`] if the PEM cannot be read or holds no private key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, Error> {
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(&[], format!("its PEM cannot be read: {}", pem(&error))))?;
        let names = chain.first().map(certificate_names).unwrap_or_default();
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
            unusable(
                &names,
                format!("the PEM of its private key cannot be read: {}", pem(&error)),
            )
        })?;
        Self::from_der(chain, key)
    }

    /// A chain whose key signs elsewhere: in a hardware token, or in another process.
    ///
    /// # Errors
    /// [`ConfigError::NoCertificate`] for an empty chain.
    pub fn with_signing_key(
        chain: Vec<CertificateDer<'static>>,
        key: Arc<dyn SigningKey>,
    ) -> Result<Self, Error> {
        Self::new(chain, Key::Signing(key))
    }

    fn new(chain: Vec<CertificateDer<'static>>, key: Key) -> Result<Self, Error> {
        if chain.is_empty() {
            return Err(ConfigError::NoCertificate.into());
        }
        Ok(Self(Arc::new(Parts { chain, key })))
    }

    /// The chain, the owner's certificate first.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.0.chain
    }

    /// The DNS names in the owner's certificate, in lower case, wildcards with their star.
    pub fn names(&self) -> Vec<Box<str>> {
        self.0
            .chain
            .first()
            .map(certificate_names)
            .unwrap_or_default()
    }

    /// The chain as rustls wants it: certificate readable, key fit for it.
    pub(crate) fn certified_key(
        &self,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, Error> {
        let certified = self.load(provider)?;
        match certified.keys_match() {
            Ok(()) => Ok(Arc::new(certified)),
            // A key that keeps even its public half to itself has to be trusted, its certificate
            // has not been looked at yet.
            Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => {
                match certified.end_entity_cert().map(ParsedCertificate::try_from) {
                    Ok(Ok(_)) => Ok(Arc::new(certified)),
                    Ok(Err(error)) | Err(error) => Err(self.unusable(&of_local(&error))),
                }
            }
            Err(TlsError::InconsistentKeys(_)) => Err(self.unusable(OTHER_KEY)),
            Err(error) => Err(self.unusable(&of_local(&error))),
        }
    }

    /// The same for a certificate that answers a validation of ACME's. It has a critical extension
    /// that nobody else knows (RFC 8737 §3), so that rustls does not read it.
    pub(crate) fn challenge_key(
        &self,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, Error> {
        let certified = self.load(provider)?;
        let Some(Ok(certificate)) = self.0.chain.first().map(|der| Certificate::parse(der)) else {
            return Err(self.unusable("it cannot be read"));
        };
        match certified.key.public_key() {
            Some(key) if der::only(&key, der::SEQUENCE) != Ok(certificate.public_key_info) => {
                Err(self.unusable(OTHER_KEY))
            }
            Some(_) | None => Ok(Arc::new(certified)),
        }
    }

    fn load(&self, provider: &CryptoProvider) -> Result<CertifiedKey, Error> {
        let key = match &self.0.key {
            Key::Der(key) => provider
                .key_provider
                .load_private_key(key.clone_key())
                .map_err(|error| {
                    let words = of_local(&error);
                    self.unusable(&format!("its private key cannot be loaded: {words}"))
                })?,
            Key::Signing(key) => Arc::clone(key),
        };
        Ok(CertifiedKey::new(self.0.chain.clone(), key))
    }

    fn unusable(&self, reason: &str) -> Error {
        unusable(&self.names(), reason.to_owned()).into()
    }
}

const OTHER_KEY: &str = "its private key belongs to another certificate";

impl fmt::Debug for CertifiedChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertifiedChain")
            .field("names", &self.names())
            .finish_non_exhaustive()
    }
}

/// The certificates of a server's listener, by the name that clients ask for (SNI).
///
/// There is at least one, the default: it is shown to clients that ask for no name. Chains for the
/// same name with keys of different kinds may stand side by side; the first whose key the client
/// can verify is shown, those for the name by itself before those for a wildcard that covers it.
///
/// ```no_run
/// use mail_tls::{Certificates, CertifiedChain, UnknownName};
///
/// let read = |name: &str| std::fs::read(name);
/// let org = CertifiedChain::from_pem(&read("org.pem")?, &read("org.key")?)?;
/// let net = CertifiedChain::from_pem(&read("net.pem")?, &read("net.key")?)?;
/// let certificates =
///     Certificates::new(org).with(net).with_unknown_name(UnknownName::Refuse);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Certificates {
    entries: Vec<Entry>,
    unknown_name: UnknownName,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) chain: CertifiedChain,
    /// In lower case; a wildcard begins with `*.`.
    pub(crate) names: Vec<Box<str>>,
}

/// What a server does when a client asks for a name for which it has no certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum UnknownName {
    /// Show the default certificate: a mail client accepts several names, and judges for itself
    /// (RFC 7671 §3, RFC 8314 §4.4).
    #[default]
    ShowDefault,
    /// Refuse with the alert `unrecognized_name` (RFC 9325 §3.7), which stops cross-protocol
    /// attacks.
    Refuse,
}

impl Certificates {
    /// The default certificate: shown to clients that ask for no name, for the names in it, and,
    /// unless [`with_unknown_name`](Self::with_unknown_name) says otherwise, for unknown ones.
    pub fn new(default: CertifiedChain) -> Self {
        Self {
            entries: vec![Entry::of(default)],
            unknown_name: UnknownName::default(),
        }
    }

    /// Also this one, for the names in it.
    #[must_use]
    pub fn with(mut self, chain: CertifiedChain) -> Self {
        self.entries.push(Entry::of(chain));
        self
    }

    /// Also this one, for these names whatever stands in it. `*.example.org` covers one label.
    ///
    /// # Errors
    /// [`ConfigError::InvalidHost`] for a name that no client can ask for (RFC 6066 §3: the name of
    /// a host, not an address).
    pub fn with_names<'a>(
        mut self,
        names: impl IntoIterator<Item = &'a str>,
        chain: CertifiedChain,
    ) -> Result<Self, Error> {
        let names = names
            .into_iter()
            .map(served_name)
            .collect::<Result<_, _>>()?;
        self.entries.push(Entry { chain, names });
        Ok(self)
    }

    /// What is done about names that are not covered.
    #[must_use]
    pub fn with_unknown_name(mut self, unknown_name: UnknownName) -> Self {
        self.unknown_name = unknown_name;
        self
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn unknown_name(&self) -> UnknownName {
        self.unknown_name
    }
}

impl Entry {
    fn of(chain: CertifiedChain) -> Self {
        Self {
            names: chain.names(),
            chain,
        }
    }
}

fn served_name(name: &str) -> Result<Box<str>, InvalidName> {
    match name.strip_prefix("*.") {
        Some(parent) => Ok(format!("*.{}", HostName::parse(parent)?.as_str()).into()),
        None => Ok(HostName::parse(name)?.as_str().into()),
    }
}

fn certificate_names(certificate: &CertificateDer<'static>) -> Vec<Box<str>> {
    let Ok(presented) = PresentedIds::of(certificate) else {
        return Vec::new();
    };
    presented
        .iter()
        .filter_map(|name| match name {
            PresentedId::Dns(name) => Some(name.to_ascii_lowercase().into()),
            PresentedId::DnsWildcard(parent) => {
                Some(format!("*.{}", parent.to_ascii_lowercase()).into())
            }
            PresentedId::Ip(_)
            | PresentedId::Srv { .. }
            | PresentedId::Uri(_)
            | PresentedId::Email(_)
            | PresentedId::Other
            | PresentedId::Malformed { .. } => None,
        })
        .collect()
}

/// What is wrong with a PEM file, without the lines of it that the error holds: where line ends were
/// lost, one of them is the whole private key.
fn pem(error: &PemError) -> &'static str {
    match error {
        PemError::MissingSectionEnd { .. } => {
            "its last line, which begins with -----END, is missing"
        }
        PemError::IllegalSectionStart { .. } => {
            "its first line, which begins with -----BEGIN, is not in order"
        }
        PemError::Base64Decode(_) => "what is between its lines is not base64",
        PemError::NoItemsFound => "there is none in it",
        PemError::SectionTooLarge => "it is too large",
        _ => "it is not in order",
    }
}

fn unusable(names: &[Box<str>], reason: String) -> ConfigError {
    ConfigError::UnusableCertificate {
        names: names.to_vec(),
        reason: reason.into(),
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "ring")))]
mod tests {
    use super::*;
    use crate::tls::Provider;

    /// RFC 8737 §3: acmeIdentifier is critical, so that the certificate is good for nothing else.
    #[test]
    fn a_certificate_for_acme_answers_its_validation_only() {
        let mut params = rcgen::CertificateParams::new(["mail.example.org".to_owned()]).unwrap();
        params.custom_extensions = vec![rcgen::CustomExtension::new_acme_identifier(&[7; 32])];
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let provider = Provider::choose(None).unwrap();
        let chain = |key: &rcgen::KeyPair| {
            CertifiedChain::from_pem(pem.as_bytes(), key.serialize_pem().as_bytes()).unwrap()
        };
        let own = chain(&key);
        assert!(own.challenge_key(provider.get()).is_ok());
        assert!(own.certified_key(provider.get()).is_err());
        let foreign = chain(&rcgen::KeyPair::generate().unwrap());
        let error = foreign.challenge_key(provider.get()).unwrap_err();
        assert!(error.to_string().ends_with(OTHER_KEY), "{error}");
    }
}
