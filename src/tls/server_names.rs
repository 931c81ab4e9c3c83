//! Which certificate a server shows for which name.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::provider::Provider;
use super::scope::{EndPoint, note};
use crate::certificates::{Certificates, CertifiedChain, UnknownName};
use crate::channel_binding::server_end_point;
use crate::error::Error;

/// The chains of a listener by name, several where there are keys of several kinds.
#[derive(Debug)]
pub(super) struct ServerNames {
    exact: HashMap<Box<str>, Chains>,
    /// By what stands behind `*.`.
    wildcard: HashMap<Box<str>, Chains>,
    default: Chains,
    unknown: UnknownName,
    /// Whether there is one chain, which is shown whatever name is asked for.
    is_single: bool,
}

type Chains = Vec<Shown>;

/// A chain that a server shows.
#[derive(Debug, Clone)]
struct Shown {
    key: Arc<CertifiedKey>,
    end_point: EndPoint,
}

impl Shown {
    fn new(chain: &CertifiedChain, provider: &Provider) -> Result<Self, Error> {
        let end_point = chain.certificates().first();
        Ok(Self {
            key: chain.certified_key(provider.get())?,
            end_point: end_point.and_then(|leaf| server_end_point(leaf).map(Arc::from)),
        })
    }

    /// Whether the client can verify what its key signs.
    fn fits(&self, hello: &ClientHello<'_>) -> bool {
        let key = &self.key.key;
        key.choose_scheme(hello.signature_schemes()).is_some()
    }

    /// To be shown on the session on whose behalf rustls asks.
    fn show(&self) -> Arc<CertifiedKey> {
        note(|notes| notes.end_point.clone_from(&self.end_point));
        #[cfg(feature = "recorder")]
        crate::recorder::own_chain(&self.key);
        Arc::clone(&self.key)
    }
}

impl ServerNames {
    pub(super) fn new(certificates: &Certificates, provider: &Provider) -> Result<Self, Error> {
        let mut names = Self {
            exact: HashMap::new(),
            wildcard: HashMap::new(),
            default: Vec::new(),
            unknown: certificates.unknown_name(),
            is_single: certificates.entries().len() == 1,
        };
        let default = certificates.entries().first();
        let default_name = default.and_then(|entry| entry.names.first());
        for (at, entry) in certificates.entries().iter().enumerate() {
            let shown = Shown::new(&entry.chain, provider)?;
            let is_default = match default_name {
                Some(name) => entry.names.contains(name),
                // For addresses alone, which nobody asks for (RFC 6066 §3).
                None => entry.names.is_empty(),
            };
            // Those besides the first have a key of another kind.
            if at == 0 || is_default {
                names.default.push(shown.clone());
            }
            for name in &entry.names {
                let (table, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut names.wildcard, parent),
                    None => (&mut names.exact, name.as_ref()),
                };
                table.entry(name.into()).or_default().push(shown.clone());
            }
        }
        Ok(names)
    }

    /// The chains for this name: those for it by itself, then those for a wildcard that covers it;
    /// the default ones where there are neither.
    fn select(&self, name: Option<&str>) -> impl Iterator<Item = &Shown> + Clone {
        let [exact, wildcard] = match name {
            Some(name) if !self.is_single => self.named(name),
            Some(_) | None => [None, None],
        };
        let default = match (exact, wildcard) {
            (None, None) => Some(&self.default),
            (_, _) => None,
        };
        let all = [exact, wildcard, default];
        all.into_iter().flatten().flatten()
    }

    fn named(&self, name: &str) -> [Option<&Chains>; 2] {
        let name = name.to_ascii_lowercase();
        let parent = name.split_once('.').map(|(_, parent)| parent);
        let wildcard = parent.and_then(|parent| self.wildcard.get(parent));
        [self.exact.get(name.as_str()), wildcard]
    }

    /// Whether a client that asks for this name is answered.
    fn serves(&self, name: &str) -> bool {
        match self.unknown {
            UnknownName::ShowDefault => true,
            UnknownName::Refuse => self.named(name).iter().any(Option::is_some),
        }
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
        let mut chains = names.select(hello.server_name());
        let fitting = chains.clone().find(|shown| shown.fits(&hello));
        if fitting.is_none() {
            note(|notes| notes.no_key_fits = true);
        }
        // Where no key fits, any one: rustls then refuses the client.
        fitting.or_else(|| chains.next()).map(Shown::show)
    }
}

/// One chain, whatever the client asks for.
#[derive(Debug)]
pub(super) struct OneChain(Shown);

impl OneChain {
    pub(super) fn new(chain: &CertifiedChain, provider: &Provider) -> Result<Self, Error> {
        Ok(Self(Shown::new(chain, provider)?))
    }

    /// A chain that no session is established with: nothing is bound to it.
    pub(super) fn of_key(key: Arc<CertifiedKey>) -> Self {
        Self(Shown {
            key,
            end_point: None,
        })
    }
}

impl ResolvesServerCert for OneChain {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if !self.0.fits(&hello) {
            note(|notes| notes.no_key_fits = true);
        }
        Some(self.0.show())
    }
}
