//! What is stored of a discovery, and compared with fresh records later.

use super::server::{MailServer, Transport};
use super::srv::Discovery;
use crate::name::HostName;
use crate::service::Service;

/// The servers of an account, to be stored and used from then on (RFC 6186 §4, RFC 8314 §5.1).
///
/// With the feature `serde` it is stored in this form, whatever the format:
///
/// ```json
/// {
///   "version": 1,
///   "domain": "example.org",
///   "services": [
///     {
///       "service": "imap",
///       "servers": [
///         {
///           "transport": "implicit",
///           "host": "imap.example.org",
///           "port": 993,
///           "provenance": "srv-secure"
///         }
///       ]
///     }
///   ]
/// }
/// ```
///
/// `service` is `imap`, `pop3`, `submission`, `managesieve`, `lmtp` or `smtp-relay`; `transport` is
/// `implicit`, `starttls` or `cleartext`; `provenance` is one of `typed`, `administrator`,
/// `provider-database`, `autoconfig-authenticated`, `autoconfig-unauthenticated`, `srv-secure`,
/// `srv-insecure`, `confirmed`, `tlsa-base-domain`, `guessed`. Another `version`, an unknown value,
/// an unknown field or a service that is named twice is an error. Keep it where only the user can
/// write: whoever can change it chooses the servers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "super::stored::Stored", into = "super::stored::Stored")
)]
pub struct Configuration {
    domain: HostName,
    services: Vec<ServiceConfiguration>,
}

/// The servers of one service, the preferred first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceConfiguration {
    service: Service,
    servers: Vec<MailServer>,
}

/// A difference between a stored configuration and fresh records.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A server that is not in the configuration.
    #[non_exhaustive]
    Added {
        /// The server.
        server: MailServer,
    },
    /// A server of the configuration that the records do not name any more.
    #[non_exhaustive]
    Removed {
        /// The server.
        server: MailServer,
    },
    /// The domain prefers the other protocol now. Changing it takes the user's decision
    /// (RFC 6186 §4: MUST NOT otherwise).
    #[non_exhaustive]
    OtherProtocolPreferred {
        /// The one in the configuration.
        configured: Service,
        /// The one that the domain prefers.
        preferred: Service,
    },
    /// The service can be protected better than it is configured. Offer it to the user
    /// (RFC 8314 §5.1, §5).
    #[non_exhaustive]
    UpgradeAvailable {
        /// The service.
        service: Service,
        /// How it is configured.
        configured: Transport,
        /// How it can be.
        available: Transport,
    },
    /// A lookup failed: it is not known what is advertised now. Nothing follows from it.
    #[non_exhaustive]
    Unknown {
        /// The service.
        service: Service,
    },
}

impl Configuration {
    pub(super) fn new(domain: HostName, services: Vec<(Service, Vec<MailServer>)>) -> Self {
        let services = services
            .into_iter()
            .filter(|(_, servers)| !servers.is_empty())
            .map(|(service, servers)| ServiceConfiguration { service, servers });
        Self {
            domain,
            services: services.collect(),
        }
    }

    /// From servers that did not have to be found: the user or an administrator has named them.
    /// Their order within a service is kept. A server that an attacker may have named is not
    /// connected to because it stands here ([`Plan::new`](super::Plan::new)).
    pub fn of_servers(domain: HostName, servers: Vec<MailServer>) -> Self {
        let mut services: Vec<(Service, Vec<MailServer>)> = Vec::new();
        for server in servers {
            let service = server.service();
            match services.iter_mut().find(|(known, _)| *known == service) {
                Some((_, servers)) => servers.push(server),
                None => services.push((service, vec![server])),
            }
        }
        Self::new(domain, services)
    }

    /// The mail domain. It may stand in the certificate of a server in place of its host
    /// (RFC 7817 §3), and must if the host is not trustworthy.
    pub fn domain(&self) -> &HostName {
        &self.domain
    }

    /// The services.
    pub fn services(&self) -> &[ServiceConfiguration] {
        &self.services
    }

    /// The servers of a service, the preferred first; empty where there are none.
    pub fn servers(&self, service: Service) -> &[MailServer] {
        let found = self.services.iter().find(|s| s.service == service);
        found.map(|s| s.servers()).unwrap_or_default()
    }

    /// Begins to compare this configuration with fresh records: gives the questions for it. Pass it
    /// to [`compare`](Self::compare) when they are answered.
    pub fn recheck(&self, seed: u64) -> Discovery {
        let mut services: Vec<Service> = self.services.iter().map(|s| s.service).collect();
        for service in services.clone() {
            match service {
                Service::Imap => services.push(Service::Pop3),
                Service::Pop3 => services.push(Service::Imap),
                Service::Submission | Service::ManageSieve | Service::Lmtp | Service::SmtpRelay => {
                }
            }
        }
        let mut discovery =
            Discovery::for_domain(self.domain.clone(), seed).with_services(&services);
        for server in self.services.iter().flat_map(ServiceConfiguration::servers) {
            discovery.presume_confirmed(server);
        }
        discovery
    }

    /// What is different in fresh records. `None` while answers are missing.
    ///
    /// It changes nothing, and nothing that it names may be connected to because of it: that a new
    /// server is right is for the user to say, or for DNSSEC
    /// ([`Provenance::SrvSecure`](crate::Provenance::SrvSecure)), and then a new discovery gives the
    /// configuration (RFC 8314 §5.1). Servers that were not found by SRV records cannot be missed
    /// there.
    pub fn compare(&self, fresh: &Discovery) -> Option<Vec<Change>> {
        use crate::identity::Provenance;

        let survey = fresh.survey()?;
        let mut changes = Vec::new();
        let offered: Vec<&MailServer> = survey.chosen().collect();
        for stored in &self.services {
            let service = stored.service;
            if survey.failed().contains(&service) {
                changes.push(Change::Unknown { service });
                continue;
            }
            if survey.alternatives().contains(&service) {
                let preferred = match service {
                    Service::Imap => Service::Pop3,
                    Service::Pop3
                    | Service::Submission
                    | Service::ManageSieve
                    | Service::Lmtp
                    | Service::SmtpRelay => Service::Imap,
                };
                changes.push(Change::OtherProtocolPreferred {
                    configured: service,
                    preferred,
                });
                continue;
            }
            let fresh: Vec<&MailServer> = offered
                .iter()
                .copied()
                .filter(|server| server.service() == service)
                .collect();
            let best = |servers: &mut dyn Iterator<Item = &MailServer>| {
                servers.map(MailServer::transport).min()
            };
            let configured = best(&mut stored.servers.iter());
            let available = best(&mut fresh.iter().copied());
            if let (Some(configured), Some(available)) = (configured, available) {
                if available < configured {
                    changes.push(Change::UpgradeAvailable {
                        service,
                        configured,
                        available,
                    });
                }
            }
            for server in &fresh {
                if !stored.servers.iter().any(|own| own.is_same_place(server)) {
                    let server = (*server).clone();
                    changes.push(Change::Added { server });
                }
            }
            for server in &stored.servers {
                let came_by_srv = match server.provenance() {
                    Provenance::SrvSecure
                    | Provenance::SrvInsecure
                    | Provenance::TlsaBaseDomain
                    | Provenance::Confirmed => true,
                    Provenance::Typed
                    | Provenance::Administrator
                    | Provenance::ProviderDatabase
                    | Provenance::AutoconfigAuthenticated
                    | Provenance::AutoconfigUnauthenticated
                    | Provenance::Guessed => false,
                };
                if came_by_srv && !fresh.iter().any(|other| other.is_same_place(server)) {
                    let server = server.clone();
                    changes.push(Change::Removed { server });
                }
            }
        }
        Some(changes)
    }
}

impl ServiceConfiguration {
    /// The service.
    pub fn service(&self) -> Service {
        self.service
    }

    /// The servers, the preferred first. There is at least one.
    pub fn servers(&self) -> &[MailServer] {
        &self.servers
    }
}
