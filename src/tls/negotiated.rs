//! What was negotiated on a connection.

use pki_types::CertificateDer;
use rustls::{Connection, HandshakeKind};

use super::engine::Engine;
use crate::registry::{CipherSuite, NamedGroup};

impl Engine {
    pub(crate) fn version(&self) -> Option<u16> {
        self.running()?.protocol_version().map(u16::from)
    }

    pub(crate) fn cipher_suite(&self) -> Option<CipherSuite> {
        let suite = self.running()?.negotiated_cipher_suite()?.suite();
        Some(CipherSuite::from_code_point(suite.into()))
    }

    pub(crate) fn group(&self) -> Option<NamedGroup> {
        let group = self.running()?.negotiated_key_exchange_group()?.name();
        Some(NamedGroup::from_code_point(group.into()))
    }

    pub(crate) fn alpn(&self) -> Option<&[u8]> {
        self.running()?.alpn_protocol()
    }

    pub(crate) fn peer_chain(&self) -> &[CertificateDer<'static>] {
        self.running()
            .and_then(|connection| connection.peer_certificates())
            .unwrap_or_default()
    }

    pub(crate) fn is_resumed(&self) -> bool {
        self.running()
            .and_then(|connection| connection.handshake_kind())
            == Some(HandshakeKind::Resumed)
    }

    /// The name that the client asked this server for.
    pub(crate) fn requested_name(&self) -> Option<&str> {
        match self.running()? {
            Connection::Server(connection) => connection.server_name(),
            Connection::Client(_) => None,
        }
    }
}
