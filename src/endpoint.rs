//! Where to connect to, and how that came to be known.

use crate::error::{ConfigError, Error};
use crate::identity::{IdentityPolicy, Provenance, ReferenceError, ReferenceIds, ReferenceSource};
use crate::name::{Host, HostName};
use crate::service::{Service, TlsMode};
use crate::starttls::StartTlsStrategy;

/// Host, port, service and mode of one server, with the [`Provenance`] of the host.
///
/// ```
/// use mail_tls::{Endpoint, Service, TlsMode};
///
/// let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
/// assert_eq!(endpoint.port(), 993);
/// # Ok::<(), mail_tls::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: Host,
    port: u16,
    service: Service,
    mode: TlsMode,
    provenance: Provenance,
    service_domain: Option<HostName>,
    identity: IdentityPolicy,
    sni: Sni,
    alpn: ClientAlpn,
    starttls_strategy: StartTlsStrategy,
}

/// Whether the server's name is sent in the clear in the ClientHello (RFC 6066 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Sni {
    /// Send it, as RFC 6186 §4 and RFC 9325 §3.7 want: the host, or the domain of a server that was
    /// found by SRV records (RFC 7673 §4.1). Never sent for an IP address.
    #[default]
    Send,
    /// Send the host, also where it was found by SRV records: for a server that knows itself by no
    /// other name.
    SendHost,
    /// Do not send it: the server answers with its default certificate, which still has to name
    /// the host.
    Omit,
}

/// What a client does about ALPN (RFC 7301), where an identifier is registered for the service.
///
/// A server that refuses the offer ends the handshake; nothing is tried without it in the same
/// session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ClientAlpn {
    /// Offer nothing: some providers refuse the registered identifiers, and the extension tells an
    /// observer what the connection is for.
    #[default]
    Off,
    /// Offer the identifier, accept a server that does not answer it.
    Offer,
    /// Offer the identifier, refuse a server that does not select it. A configuration error for a
    /// service that has none.
    Require,
}

impl Endpoint {
    /// An endpoint from all its parts. [`typed`](Self::typed) is shorter where a user has given the
    /// host; what [`discovery`](crate::discovery) finds has its
    /// [`endpoint`](crate::discovery::MailServer::endpoint) already.
    ///
    /// The [`Provenance`] decides what the host is worth: never state a better one than is true.
    pub fn new(
        service: Service,
        mode: TlsMode,
        host: Host,
        port: u16,
        provenance: Provenance,
    ) -> Self {
        Self {
            host,
            port,
            service,
            mode,
            provenance,
            service_domain: None,
            identity: IdentityPolicy::default(),
            sni: Sni::default(),
            alpn: ClientAlpn::default(),
            starttls_strategy: StartTlsStrategy::default(),
        }
    }

    /// A host that the user has typed, at the registered port of the service.
    ///
    /// # Errors
    /// [`ConfigError::InvalidHost`] says what is wrong with the host,
    /// [`ConfigError::NoDefaultPort`] that the service has no port of its own for the mode: use
    /// [`Endpoint::new`].
    pub fn typed(service: Service, mode: TlsMode, host: &str) -> Result<Self, Error> {
        let host = Host::parse(host)?;
        let port = service
            .default_port(mode)
            .ok_or(ConfigError::NoDefaultPort { service, mode })?;
        Ok(Self::new(service, mode, host, port, Provenance::Typed))
    }

    /// The same endpoint at another port. The mode is never inferred from the port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The same endpoint as the one that the SRV records of this domain name (RFC 6186 §3), or as
    /// the one that is to be verified by this domain in place of its host.
    ///
    /// The domain has to be the user's own input. Without it that of the
    /// [account's address](crate::Account::with_address) is taken, which is enough wherever the two
    /// are the same. [`ReferenceSource`] says what follows from it.
    #[must_use]
    pub fn with_service_domain(mut self, domain: HostName) -> Self {
        self.service_domain = Some(domain);
        self
    }

    /// The same endpoint with another choice about the names by which the server is identified.
    #[must_use]
    pub fn with_identity_policy(mut self, policy: IdentityPolicy) -> Self {
        self.identity = policy;
        self
    }

    /// The same endpoint with or without SNI.
    #[must_use]
    pub fn with_sni(mut self, sni: Sni) -> Self {
        self.sni = sni;
        self
    }

    /// The same endpoint with another choice about ALPN.
    #[must_use]
    pub fn with_alpn(mut self, alpn: ClientAlpn) -> Self {
        self.alpn = alpn;
        self
    }

    /// The same endpoint with another way to STARTTLS. It says nothing to implicit TLS.
    #[must_use]
    pub fn with_starttls_strategy(mut self, strategy: StartTlsStrategy) -> Self {
        self.starttls_strategy = strategy;
        self
    }

    /// The host, to look up and connect to.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The service.
    pub fn service(&self) -> Service {
        self.service
    }

    /// The mode.
    pub fn mode(&self) -> TlsMode {
        self.mode
    }

    /// How the host came to be known.
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// The service domain, where one was given.
    pub fn service_domain(&self) -> Option<&HostName> {
        self.service_domain.as_ref()
    }

    /// By which names the server is identified.
    pub fn identity_policy(&self) -> IdentityPolicy {
        self.identity
    }

    /// The names that the server's certificate has to have, one of them, for a user whose email
    /// address is of this domain.
    ///
    /// # Errors
    /// [`ReferenceError`] says why there would be none.
    pub fn references(
        &self,
        email_domain: Option<&HostName>,
    ) -> Result<ReferenceIds, ReferenceError> {
        ReferenceIds::derive(&self.source(email_domain))
    }

    /// The name that is sent as SNI.
    pub(crate) fn sent_name(&self, email_domain: Option<&HostName>) -> Option<HostName> {
        match self.sni {
            Sni::Send => self.source(email_domain).server_name().cloned(),
            Sni::SendHost => self.host.name().cloned(),
            Sni::Omit => None,
        }
    }

    fn source(&self, email_domain: Option<&HostName>) -> ReferenceSource {
        let mut source =
            ReferenceSource::new(self.service, self.mode, self.host.clone(), self.provenance)
                .with_policy(self.identity);
        if let Some(domain) = email_domain {
            source = source.with_email_domain(domain.clone());
        }
        if let Some(domain) = &self.service_domain {
            source = source.with_service_domain(domain.clone());
        }
        source
    }

    /// Whether the server's name is sent.
    pub fn sni(&self) -> Sni {
        self.sni
    }

    /// What is done about ALPN.
    pub fn alpn(&self) -> ClientAlpn {
        self.alpn
    }

    /// How STARTTLS is come to.
    pub fn starttls_strategy(&self) -> StartTlsStrategy {
        self.starttls_strategy
    }
}
