//! Which certificate a server shows for which name.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::provider::Provider;
use super::scope::note;
use crate::certificates::{Certificates, UnknownName};
use crate::error::Error;

/// The chains of a listener by name, several where there are keys of several kinds.
#[derive(Debug)]
pub(super) struct ServerNames {
    exact: HashMap<Box<str>, Chains>,
    /// By what stands behind `*.`.
    wildcard: HashMap<Box<str>, Chains>,
    default: Chains,
    unknown: UnknownName,
}

type Chains = Vec<Arc<CertifiedKey>>;

impl ServerNames {
    pub(super) fn new(certificates: &Certificates, provider: &Provider) -> Result<Self, Error> {
        let mut names = Self {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            default: Vec::new(),
            unknown: certificates.unknown_name(),
        };
        let mut default_name = None;
        for (at, entry) in certificates.entries().iter().enumerate() {
            let key = entry.chain.certified_key(provider.get())?;
            if at == 0 {
                names.default.push(Arc::clone(&key));
                default_name = entry.names.first().cloned();
            } else if default_name.is_some_and_in(&entry.names) {
                // The same name with a key of another kind.
                names.default.push(Arc::clone(&key));
            }
            for name in &entry.names {
                let (table, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut names.wildcard, parent),
                    None => (&mut names.exact, name.as_ref()),
                };
                table.entry(name.into()).or_default().push(Arc::clone(&key));
            }
        }
        Ok(names)
    }

    fn select(&self, name: Option<&str>) -> &Chains {
        name.and_then(|name| self.named(name))
            .unwrap_or(&self.default)
    }

    fn named(&self, name: &str) -> Option<&Chains> {
        let name = name.to_ascii_lowercase();
        self.exact.get(name.as_str()).or_else(|| {
            let (_, parent) = name.split_once('.')?;
            self.wildcard.get(parent)
        })
    }

    /// Whether a client that asks for this name is answered.
    fn serves(&self, name: &str) -> bool {
        match self.unknown {
            UnknownName::ShowDefault => true,
            UnknownName::Refuse => self.named(name).is_some(),
        }
    }
}

trait IsIn {
    fn is_some_and_in(&self, names: &[Box<str>]) -> bool;
}

impl IsIn for Option<Box<str>> {
    fn is_some_and_in(&self, names: &[Box<str>]) -> bool {
        self.as_ref().is_some_and(|name| names.contains(name))
    }
}

/// The names that are served now. Replacing them leaves running sessions as they are.
#[derive(Debug)]
pub(super) struct ServedNames(RwLock<Arc<ServerNames>>);

impl ServedNames {
    pub(super) fn new(names: ServerNames) -> Self {
        Self(RwLock::new(Arc::new(names)))
    }

    pub(super) fn replace(&self, names: ServerNames) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(names);
    }

    pub(super) fn serves(&self, name: &str) -> bool {
        self.current().serves(name)
    }

    pub(super) fn is_strict(&self) -> bool {
        self.current().unknown == UnknownName::Refuse
    }

    fn current(&self) -> Arc<ServerNames> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for ServedNames {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let names = self.current();
        let chains = names.select(hello.server_name());
        let fitting = chains
            .iter()
            .find(|chain| chain.key.choose_scheme(hello.signature_schemes()).is_some());
        if fitting.is_none() {
            note(|notes| notes.no_key_fits = true);
        }
        // Where no key fits, any one: rustls then refuses the client.
        fitting.or_else(|| chains.first()).cloned()
    }
}

/// One chain, whatever the client asks for.
#[derive(Debug)]
pub(super) struct OneChain(pub(super) Arc<CertifiedKey>);

impl ResolvesServerCert for OneChain {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if self
            .0
            .key
            .choose_scheme(hello.signature_schemes())
            .is_none()
        {
            note(|notes| notes.no_key_fits = true);
        }
        Some(Arc::clone(&self.0))
    }
}
