//! A mail server as it was found: not yet good to connect to.

use std::fmt;

use crate::endpoint::Endpoint;
use crate::identity::Provenance;
use crate::name::Host;
use crate::service::{Service, TlsMode};

/// Where a service is said to be, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MailServer {
    service: Service,
    transport: Transport,
    host: Host,
    port: u16,
    provenance: Provenance,
}

/// How a server is said to be spoken to. In the order of preference (RFC 8314 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Transport {
    /// TLS from the first byte.
    Implicit,
    /// TLS by STARTTLS, which is required.
    StartTls,
    /// No TLS. No SRV label says so: a label without `s` stands for STARTTLS.
    Cleartext,
}

impl MailServer {
    /// A server, as a source other than SRV records names it: the user, the program's database of
    /// providers, a configuration document.
    pub fn new(
        service: Service,
        transport: Transport,
        host: Host,
        port: u16,
        provenance: Provenance,
    ) -> Self {
        Self {
            service,
            transport,
            host,
            port,
            provenance,
        }
    }

    /// The ways to a service at a host that the user has typed, on its registered ports: implicit
    /// TLS, then STARTTLS (RFC 8314 §3).
    pub fn at_typed_host(service: Service, host: &Host) -> Vec<Self> {
        let modes = [TlsMode::Implicit, TlsMode::StartTls].into_iter();
        let servers = modes.filter_map(|mode| {
            let port = service.default_port(mode)?;
            let (host, provenance) = (host.clone(), Provenance::Typed);
            Some(Self::new(service, mode.into(), host, port, provenance))
        });
        servers.collect()
    }

    /// The service.
    pub fn service(&self) -> Service {
        self.service
    }

    /// How it is spoken to.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How the host came to be known.
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }

    /// The endpoint; `None` without TLS, for which there is no session.
    pub fn endpoint(&self) -> Option<Endpoint> {
        let mode = self.transport.mode()?;
        let host = self.host.clone();
        Some(Endpoint::new(
            self.service,
            mode,
            host,
            self.port,
            self.provenance,
        ))
    }

    pub(super) fn with_provenance(mut self, provenance: Provenance) -> Self {
        self.provenance = provenance;
        self
    }

    /// The same place, whoever named it.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        self.service == other.service
            && self.transport == other.transport
            && self.host == other.host
            && self.port == other.port
    }
}

impl Transport {
    /// The mode of a session; `None` without TLS.
    pub fn mode(self) -> Option<TlsMode> {
        match self {
            Self::Implicit => Some(TlsMode::Implicit),
            Self::StartTls => Some(TlsMode::StartTls),
            Self::Cleartext => None,
        }
    }
}

impl From<TlsMode> for Transport {
    fn from(mode: TlsMode) -> Self {
        match mode {
            TlsMode::Implicit => Self::Implicit,
            TlsMode::StartTls => Self::StartTls,
        }
    }
}

/// `IMAP at imap.example.org:993 with implicit TLS, typed by the user`.
impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.host.to_authority();
        write!(
            f,
            "{} at {host}:{} {}, {}",
            self.service, self.port, self.transport, self.provenance
        )
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Implicit => "with implicit TLS",
            Self::StartTls => "with STARTTLS",
            Self::Cleartext => "without encryption",
        })
    }
}
