//! A bare rustls connection as the peer of a session: for what a session itself never does.

use std::io::{Read, Write};
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use mail_tls::{ClientSession, ServerSession};
use pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, Connection, ServerConfig, ServerConnection};

use crate::support::{Authority, HOST, Session, Told, World, joined, provider};

/// A session and a bare rustls connection whose buffers are joined.
pub(crate) struct WithRaw<S> {
    pub(crate) session: S,
    pub(crate) raw: Connection,
    pub(crate) incoming: BytesMut,
    /// From the session to rustls.
    pub(crate) to_raw: BytesMut,
    /// From rustls to the session.
    pub(crate) to_session: BytesMut,
    pub(crate) told: Vec<Told>,
    /// What rustls received, and what it made of it at last.
    pub(crate) received: Vec<u8>,
    pub(crate) error: Option<rustls::Error>,
    pub(crate) has_seen_close: bool,
}

impl<S: Session> WithRaw<S> {
    pub(crate) fn new(session: S, to_raw: BytesMut, raw: impl Into<Connection>) -> Self {
        Self {
            session,
            raw: raw.into(),
            incoming: BytesMut::new(),
            to_raw,
            to_session: BytesMut::new(),
            told: Vec::new(),
            received: Vec::new(),
            error: None,
            has_seen_close: false,
        }
    }

    /// Takes what rustls has to say.
    pub(crate) fn collect(&mut self) {
        while self.raw.wants_write() {
            let mut bytes = Vec::new();
            self.raw.write_tls(&mut bytes).unwrap();
            self.to_session.extend_from_slice(&bytes);
        }
    }

    /// Gives rustls what the session has said.
    pub(crate) fn deliver_to_raw(&mut self) {
        while !self.to_raw.is_empty() && self.error.is_none() && !self.has_seen_close {
            let mut input = &self.to_raw[..];
            let taken = self.raw.read_tls(&mut input).unwrap();
            self.to_raw.advance(taken);
            match self.raw.process_new_packets() {
                Ok(io) => self.has_seen_close |= io.peer_has_closed(),
                Err(error) => self.error = Some(error),
            }
            let _ = self.raw.reader().read_to_end(&mut self.received);
        }
        self.to_raw.clear();
    }

    pub(crate) fn deliver_to_session(&mut self) {
        self.incoming.extend_from_slice(&self.to_session.split());
        let told = self.session.drive(&mut self.incoming, &mut self.to_raw);
        self.told.extend(told);
    }

    pub(crate) fn run(&mut self) {
        self.collect();
        while !self.to_raw.is_empty() || !self.to_session.is_empty() {
            self.deliver_to_raw();
            self.collect();
            self.deliver_to_session();
        }
    }

    pub(crate) fn write(&mut self, data: &[u8]) {
        self.raw.writer().write_all(data).unwrap();
        self.collect();
    }

    /// What the session was told since it was last asked, adjacent data joined.
    pub(crate) fn trace(&mut self) -> Vec<Told> {
        joined(std::mem::take(&mut self.told))
    }

    pub(crate) fn established(mut self) -> Self {
        self.run();
        assert_eq!(self.trace(), [Told::Established]);
        assert_eq!(self.error, None);
        self
    }
}

pub(crate) fn client_config(authority: &Authority, versions: RawVersions) -> ClientConfig {
    client_config_with(authority, versions, provider())
}

pub(crate) type RawVersions = &'static [&'static rustls::SupportedProtocolVersion];
pub(crate) const RAW_13: RawVersions = &[&rustls::version::TLS13];
pub(crate) const RAW_12: RawVersions = &[&rustls::version::TLS12];

pub(crate) fn client_config_with(
    authority: &Authority,
    versions: RawVersions,
    provider: rustls::crypto::CryptoProvider,
) -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth()
}

pub(crate) fn server_config(authority: &Authority, versions: RawVersions) -> ServerConfig {
    let (chain, key) = authority.issue_der(&[HOST]);
    ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
}

/// A bare client against a server session.
pub(crate) fn raw_client(session: ServerSession, config: ClientConfig) -> WithRaw<ServerSession> {
    let name = ServerName::try_from(HOST).unwrap();
    let client = ClientConnection::new(Arc::new(config), name).unwrap();
    WithRaw::new(session, BytesMut::new(), client)
}

/// A client session against a bare server.
pub(crate) fn raw_server(world: &World, config: ServerConfig) -> WithRaw<ClientSession> {
    let mut to_raw = BytesMut::new();
    let session = world.connector().connect(&mut to_raw).unwrap();
    let server = ServerConnection::new(Arc::new(config)).unwrap();
    WithRaw::new(session, to_raw, server)
}

/// A client that accepts every certificate and signature.
#[derive(Debug)]
pub(crate) struct Anything;

/// As above, and verifies these schemes only.
#[derive(Debug)]
pub(crate) struct Only(pub(crate) &'static [rustls::SignatureScheme]);

macro_rules! verifier {
    ($verifier:ty, $schemes:expr) => {
        impl rustls::client::danger::ServerCertVerifier for $verifier {
            fn verify_server_cert(
                &self,
                _: &pki_types::CertificateDer<'_>,
                _: &[pki_types::CertificateDer<'_>],
                _: &pki_types::ServerName<'_>,
                _: &[u8],
                _: pki_types::UnixTime,
            ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
                Ok(rustls::client::danger::ServerCertVerified::assertion())
            }
            fn verify_tls12_signature(
                &self,
                _: &[u8],
                _: &pki_types::CertificateDer<'_>,
                _: &rustls::DigitallySignedStruct,
            ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
                Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
            }
            fn verify_tls13_signature(
                &self,
                _: &[u8],
                _: &pki_types::CertificateDer<'_>,
                _: &rustls::DigitallySignedStruct,
            ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
                Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
            }
            fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
                let schemes: fn(&Self) -> Vec<rustls::SignatureScheme> = $schemes;
                schemes(self)
            }
        }
    };
}

verifier!(Anything, |_| provider()
    .signature_verification_algorithms
    .supported_schemes());
verifier!(Only, |only| only.0.to_vec());
