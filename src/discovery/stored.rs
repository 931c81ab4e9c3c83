//! The stored form of a configuration. It has a version of its own, so that the types may change.

use serde::{Deserialize, Serialize};

use super::configuration::Configuration;
use super::server::{MailServer, Transport};
use crate::identity::Provenance;
use crate::name::{Host, HostName, InvalidName};
use crate::service::Service;
use crate::stored::{StoredService as StoredName, stored};

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    version: u32,
    domain: String,
    services: Vec<StoredService>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredService {
    service: StoredName,
    servers: Vec<StoredServer>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredServer {
    transport: StoredTransport,
    host: String,
    port: u16,
    provenance: StoredProvenance,
}

/// Why a stored configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidStored {
    #[error("the stored configuration is of version {0}, and this program knows version {VERSION}")]
    Version(u32),
    #[error("the stored configuration has {0} twice")]
    Twice(Service),
    #[error("a host in the stored configuration is wrong: {0}")]
    Name(#[from] InvalidName),
}

stored!(StoredTransport for Transport {
    "implicit" Implicit,
    "starttls" StartTls,
    "cleartext" Cleartext,
});
stored!(StoredProvenance for Provenance {
    "typed" Typed,
    "administrator" Administrator,
    "provider-database" ProviderDatabase,
    "autoconfig-authenticated" AutoconfigAuthenticated,
    "autoconfig-unauthenticated" AutoconfigUnauthenticated,
    "srv-secure" SrvSecure,
    "srv-insecure" SrvInsecure,
    "confirmed" Confirmed,
    "tlsa-base-domain" TlsaBaseDomain,
    "guessed" Guessed,
});

impl From<Configuration> for Stored {
    fn from(configuration: Configuration) -> Self {
        let server = |server: &MailServer| StoredServer {
            transport: server.transport().into(),
            host: server.host().to_string(),
            port: server.port(),
            provenance: server.provenance().into(),
        };
        let services = configuration.services().iter().map(|own| StoredService {
            service: own.service().into(),
            servers: own.servers().iter().map(server).collect(),
        });
        Self {
            version: VERSION,
            domain: configuration.domain().to_string(),
            services: services.collect(),
        }
    }
}

impl TryFrom<Stored> for Configuration {
    type Error = InvalidStored;

    fn try_from(stored: Stored) -> Result<Self, InvalidStored> {
        if stored.version != VERSION {
            return Err(InvalidStored::Version(stored.version));
        }
        let mut services: Vec<(Service, Vec<MailServer>)> = Vec::new();
        for own in stored.services {
            let service: Service = own.service.into();
            // Which of the two is meant is not guessed.
            if services.iter().any(|(known, _)| *known == service) {
                return Err(InvalidStored::Twice(service));
            }
            let mut servers = Vec::new();
            for server in own.servers {
                servers.push(MailServer::new(
                    service,
                    server.transport.into(),
                    Host::parse(&server.host)?,
                    server.port,
                    server.provenance.into(),
                ));
            }
            services.push((service, servers));
        }
        let domain = HostName::parse(&stored.domain)?;
        Ok(Self::new(domain, services))
    }
}
