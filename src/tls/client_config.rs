//! A client's configuration of rustls: one for each connector.

use std::sync::Arc;

use bytes::BytesMut;
use pki_types::ServerName;
use rustls::client::{ClientConnection, Resumption};
use rustls::{ClientConfig, client::Tls12Resumption};

use super::client_certificate::ClientCertificates;
use super::engine::Engine;
use super::provider::{Provider, TlsVersions};
use super::scope::{Notes, with_notes};
use super::tickets::TicketStore;
use super::time::WallTime;
use super::verifier::PeerVerifier;
use super::words;
use crate::clock::Clock;
use crate::error::{ConfigError, Error};
use crate::policy::{Account, AuthorisedChain};
use crate::verify::{Pinning, Requirements};

/// Makes the engines of one connector.
#[derive(Debug)]
pub(crate) struct ClientEngineFactory {
    config: Arc<ClientConfig>,
    server_name: ServerName<'static>,
    handshake_limit: usize,
}

/// What a connector's configuration is made of.
pub(crate) struct ClientParts<'a> {
    pub(crate) provider: &'a Provider,
    pub(crate) versions: TlsVersions,
    pub(crate) clock: Clock,
    pub(crate) account: Account,
    pub(crate) generation: u64,
    pub(crate) requirements: Requirements,
    pub(crate) server_name: ServerName<'static>,
    pub(crate) send_sni: bool,
    pub(crate) alpn: Option<&'static str>,
    pub(crate) client_certificates: Vec<AuthorisedChain>,
    pub(crate) remember_verdicts: bool,
    /// Whether sessions inherit the authentication of earlier ones.
    pub(crate) resumes: bool,
    pub(crate) pinning: Option<Pinning>,
    pub(crate) handshake_limit: usize,
}

impl ClientEngineFactory {
    pub(crate) fn new(parts: ClientParts<'_>) -> Result<Self, Error> {
        let provider = parts.provider.get();
        let algorithms = provider.signature_verification_algorithms;
        let certificates = ClientCertificates::new(
            &parts.client_certificates,
            provider,
            parts.clock.clone(),
            (parts.account.clone(), parts.generation),
        )?;
        let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(parts.versions.enabled())
            .map_err(|error| ConfigError::UnusableProvider {
                reason: words::of_local(&error).into(),
            })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(PeerVerifier::of_servers(
                parts.requirements,
                algorithms,
                parts.remember_verdicts,
                parts.pinning,
            )))
            .with_client_cert_resolver(Arc::new(certificates));
        config.enable_sni = parts.send_sni;
        config.alpn_protocols = parts.alpn.iter().map(|id| id.as_bytes().to_vec()).collect();
        // RFC 9325 §3.5: the extended master secret; §3.10 and RFC 8446 §E.5: no early data.
        config.require_ems = true;
        config.enable_early_data = false;
        config.resumption = if parts.resumes {
            Resumption::store(Arc::new(TicketStore::new(
                parts.clock.clone(),
                parts.account,
                parts.generation,
            )))
            .tls12_resumption(Tls12Resumption::SessionIdOrTickets)
        } else {
            Resumption::disabled()
        };
        config.time_provider = Arc::new(WallTime(parts.clock));
        Ok(Self {
            config: Arc::new(config),
            server_name: parts.server_name,
            handshake_limit: parts.handshake_limit,
        })
    }

    #[cfg(feature = "recorder")]
    pub(crate) fn provider(&self) -> &Arc<rustls::crypto::CryptoProvider> {
        self.config.crypto_provider()
    }

    /// A new connection, its ClientHello in `outgoing`.
    pub(crate) fn start(&self, outgoing: &mut BytesMut) -> Result<Engine, Error> {
        let mut notes = Notes::default();
        let connection = with_notes(&mut notes, || {
            ClientConnection::new(Arc::clone(&self.config), self.server_name.clone())
        })
        .map_err(|error| Error::Crypto(words::of_local(&error).into()))?;
        Ok(Engine::client(
            connection,
            notes,
            self.handshake_limit,
            outgoing,
        ))
    }
}
