//! A server's configuration of rustls: one for each acceptor.

use std::sync::Arc;

use rustls::server::{
    NoClientAuth, NoServerSessionStorage, ProducesTickets, ServerSessionMemoryCache,
};
use rustls::{DistinguishedName, ServerConfig};

use super::engine::{Engine, HelloOutcome};
use super::hello::ACME_TLS_ALPN;
use super::provider::{Provider, TlsVersions};
use super::server_names::{OneChain, ServedNames, ServerNames};
use super::tickets::{HandedOn, KeptSessions, SealedTickets, SealingKeys};
use super::time::WallTime;
use super::verifier::PeerVerifier;
use super::words;
use crate::certificates::{Certificates, CertifiedChain};
use crate::clock::Clock;
use crate::error::{ConfigError, Error};
use crate::limits::{AUTHORITY_NAMES, REMEMBERED_SESSIONS};
use crate::ticket_keys::{OwnKeys, TicketKeys};
use crate::verify::Requirements;

/// Makes the engines of one acceptor.
#[derive(Debug)]
pub(crate) struct ServerEngineFactory {
    config: Arc<ServerConfig>,
    names: Arc<ServedNames>,
    provider: Provider,
    handshake_limit: usize,
}

/// What an acceptor's configuration is made of.
pub(crate) struct ServerParts<'a> {
    pub(crate) provider: Provider,
    pub(crate) versions: TlsVersions,
    pub(crate) clock: Clock,
    pub(crate) certificates: &'a Certificates,
    pub(crate) alpn: Option<&'static str>,
    /// What clients' certificates must satisfy, and whether clients must show one.
    pub(crate) clients: Option<(Requirements, bool)>,
    pub(crate) tickets: usize,
    /// Keys from outside that seal them.
    pub(crate) ticket_keys: Option<TicketKeys>,
    /// What tickets are bound to.
    pub(crate) binding: [u8; 32],
    pub(crate) handshake_limit: usize,
}

impl ServerEngineFactory {
    pub(crate) fn new(parts: ServerParts<'_>) -> Result<Self, Error> {
        let provider = parts.provider.get();
        let names = ServerNames::new(parts.certificates, &parts.provider)?;
        let names = Arc::new(ServedNames::new(names));
        let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(parts.versions.enabled())
            .map_err(|error| ConfigError::UnusableProvider {
                reason: words::of_local(&error).into(),
            })?;
        let builder = match parts.clients {
            Some((requirements, is_mandatory)) => {
                let algorithms = provider.signature_verification_algorithms;
                let hints = authority_names(&requirements);
                builder.with_client_cert_verifier(Arc::new(PeerVerifier::of_clients(
                    requirements,
                    algorithms,
                    hints,
                    is_mandatory,
                )))
            }
            None => builder.with_client_cert_verifier(Arc::new(NoClientAuth)),
        };
        let resolver: Arc<ServedNames> = Arc::clone(&names);
        let mut config = builder.with_cert_resolver(resolver);
        config.alpn_protocols = parts.alpn.iter().map(|id| id.as_bytes().to_vec()).collect();
        // RFC 9325 §3.5: the extended master secret; §3.10 and RFC 8446 §E.5: no early data.
        config.require_ems = true;
        config.max_early_data_size = 0;
        config.send_half_rtt_data = false;
        config.send_tls13_tickets = parts.tickets;
        config.time_provider = Arc::new(WallTime(parts.clock.clone()));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if parts.tickets > 0 {
            let keys = match parts.ticket_keys {
                Some(keys) => Some(SealingKeys::Shared(keys)),
                None => OwnKeys::new(parts.clock.unix())?.map(SealingKeys::Own),
            };
            match keys {
                Some(keys) => {
                    let sealed = SealedTickets::new(keys, parts.binding, parts.clock.clone());
                    let sealer: Arc<dyn ProducesTickets> = Arc::new(sealed);
                    #[cfg(feature = "recorder")]
                    let sealer = crate::recorder::tickets(sealer);
                    config.ticketer = Arc::new(HandedOn::new(sealer, parts.clock));
                }
                None => {
                    let memory = ServerSessionMemoryCache::new(REMEMBERED_SESSIONS);
                    config.session_storage = Arc::new(KeptSessions::new(memory, parts.clock));
                }
            }
        }
        Ok(Self {
            config: Arc::new(config),
            names,
            provider: parts.provider,
            handshake_limit: parts.handshake_limit,
        })
    }

    /// An engine; one that [reads](Engine::offered_hello) each ClientHello for a decision, where
    /// there is one to make.
    pub(crate) fn start(&self, decides_by_hello: bool) -> Engine {
        if !decides_by_hello {
            let config = Arc::clone(&self.config);
            if let Ok(engine) = Engine::direct_server(config, self.handshake_limit) {
                return engine;
            }
        }
        Engine::server(self.handshake_limit)
    }

    #[cfg(feature = "recorder")]
    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    pub(crate) fn replace_certificates(&self, certificates: &Certificates) -> Result<(), Error> {
        self.names
            .replace(ServerNames::new(certificates, &self.provider)?);
        Ok(())
    }

    /// Whether clients are answered only if they ask for a name that is served.
    pub(crate) fn is_strict_about_names(&self) -> bool {
        self.names.is_strict()
    }

    /// Whether a client that asks for this name is answered.
    pub(crate) fn serves(&self, name: &str) -> bool {
        self.names.serves(name)
    }

    /// Go on with the configuration of the acceptor.
    pub(crate) fn proceed(&self) -> HelloOutcome {
        HelloOutcome::Proceed(Arc::clone(&self.config))
    }

    /// Go on with another chain.
    pub(crate) fn proceed_with(&self, chain: &CertifiedChain) -> Result<HelloOutcome, Error> {
        let mut config = ServerConfig::clone(&self.config);
        config.cert_resolver = Arc::new(OneChain::new(chain, &self.provider)?);
        Ok(HelloOutcome::Proceed(Arc::new(config)))
    }

    /// Answer a validation of TLS-ALPN-01 (RFC 8737 §3): that protocol alone, no client
    /// certificate, no ticket.
    pub(crate) fn proceed_for_acme(&self, chain: &CertifiedChain) -> Result<HelloOutcome, Error> {
        let key = chain.challenge_key(self.provider.get())?;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(self.provider.get()))
            .with_safe_default_protocol_versions()
            .map_err(|error| ConfigError::UnusableProvider {
                reason: words::of_local(&error).into(),
            })?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(OneChain::of_key(key)));
        config.alpn_protocols = vec![ACME_TLS_ALPN.to_vec()];
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.require_ems = true;
        Ok(HelloOutcome::Proceed(Arc::new(config)))
    }
}

/// The names of the trust anchors, as many as clients can read.
fn authority_names(requirements: &Requirements) -> Vec<DistinguishedName> {
    let anchors = requirements.anchors().as_slice();
    let names = anchors
        .iter()
        .map(|anchor| DistinguishedName::in_sequence(&anchor.subject));
    let names: Vec<DistinguishedName> = names.collect();
    let octets = names.iter().fold(0_usize, |sum, name| {
        sum.saturating_add(2).saturating_add(name.as_ref().len())
    });
    if octets > AUTHORITY_NAMES {
        return Vec::new();
    }
    names
}
