//! What all listeners of a program share.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use crate::acceptor::AcceptorBuilder;
use crate::certificates::Certificates;
use crate::clock::Clock;
use crate::error::Error;
use crate::limits::Limits;
use crate::service::{Service, TlsMode};
use crate::tls::{Provider, TlsVersions};

/// What all listeners of a program share: provider of cryptography, TLS versions, limits and
/// [`Clock`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Server {
    pub(crate) provider: Provider,
    pub(crate) versions: TlsVersions,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
}

impl Server {
    /// Begins with the defaults: the provider of the enabled feature, TLS 1.2 and 1.3, the
    /// system's clock.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::default()
    }

    /// Begins the acceptor of one listener.
    pub fn acceptor(
        &self,
        service: Service,
        mode: TlsMode,
        certificates: Certificates,
    ) -> AcceptorBuilder {
        AcceptorBuilder::new(self.clone(), service, mode, certificates)
    }
}

/// Builds a [`Server`].
#[derive(Debug, Clone, Default)]
pub struct ServerBuilder {
    provider: Option<Arc<CryptoProvider>>,
    versions: TlsVersions,
    limits: Limits,
    clock: Clock,
}

impl ServerBuilder {
    /// The provider of cryptography, taken as it is: its suites and groups in its order. A
    /// process-wide default provider is never used.
    #[must_use]
    pub fn crypto_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// The TLS versions.
    #[must_use]
    pub fn versions(mut self, versions: TlsVersions) -> Self {
        self.versions = versions;
        self
    }

    /// The limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Builds the server.
    ///
    /// # Errors
    /// [`ConfigError::NoCryptoProvider`](crate::ConfigError::NoCryptoProvider) without a provider.
    pub fn build(self) -> Result<Server, Error> {
        Ok(Server {
            provider: Provider::choose(self.provider)?,
            versions: self.versions,
            limits: self.limits,
            clock: self.clock,
        })
    }
}
