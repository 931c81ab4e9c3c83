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
///
/// ```no_run
/// # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use mail_tls::{Certificates, CertifiedChain, Limits, Server, Service, TlsMode};
///
/// let limits = Limits::default().with_handshake_time(Duration::from_secs(10));
/// let server = Server::builder().limits(limits).build()?;
/// let chain = CertifiedChain::from_pem(&std::fs::read("mail.pem")?, &std::fs::read("mail.key")?)?;
/// let certificates = Certificates::new(chain);
/// // One acceptor for each listener.
/// let imaps = server.acceptor(Service::Imap, TlsMode::Implicit, certificates.clone()).build()?;
/// let imap = server.acceptor(Service::Imap, TlsMode::StartTls, certificates).build()?;
/// # Ok(())
/// # }
/// # #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
/// # fn main() {}
/// ```
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

    /// Begins the acceptor of one listener: one for each port, since what is asked, what may be
    /// offered and whose tickets are taken differs by service and mode.
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

    /// The TLS versions. Default: 1.2 and 1.3.
    #[must_use]
    pub fn versions(mut self, versions: TlsVersions) -> Self {
        self.versions = versions;
        self
    }

    /// The limits on time and bytes until a session is established. Default: those of
    /// [`limits`](crate::limits).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The clock. Default: the system's.
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
