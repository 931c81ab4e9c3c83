//! A server that decides nothing by a ClientHello: rustls reads it and answers at once.
//!
//! rustls' `Acceptor`, which shows the ClientHello first, costs a small handshake some per cent.
//! What it does otherwise than a connection is made good here: the alert for a client that is too
//! old, and the refusal of whatever comes before a ClientHello.

use std::sync::Arc;

use bytes::BytesMut;
use rustls::server::ServerConnection;
use rustls::{Connection, ContentType, ServerConfig};

use super::{Engine, Fault, Stage};
use crate::tls::alerts::{RECORD_HANDSHAKE, refuse_direct};
use crate::tls::scope::Notes;

impl Engine {
    /// A server that has nothing to decide about a ClientHello: rustls reads it and answers.
    pub(in crate::tls) fn direct_server(
        config: Arc<ServerConfig>,
        handshake_limit: usize,
    ) -> Result<Self, rustls::Error> {
        let connection = ServerConnection::new(config).map(Connection::Server)?;
        let mut engine = Self::new(
            Stage::Running(connection),
            Notes::default(),
            handshake_limit,
        );
        engine.is_unanswered = true;
        Ok(engine)
    }

    /// The answer of a server whose rustls reads the ClientHello by itself. `portion` was received
    /// last.
    ///
    /// What the client offers is looked for only once it is refused.
    pub(super) fn answer_directly(&mut self, portion: &[u8], outgoing: &mut BytesMut) {
        let Some(fault) = self.fault.take() else {
            let is_answered = self
                .running()
                .is_some_and(|connection| connection.wants_write());
            if is_answered {
                self.is_unanswered = false;
                self.peek = None;
            } else {
                self.peek.get_or_insert_default().see(portion);
            }
            return;
        };
        self.is_unanswered = false;
        let mut peek = self.peek.take().unwrap_or_default();
        peek.see(portion);
        let versions = peek.versions();
        self.fault = Some(match *fault {
            Fault::Tls(error) => {
                let mut alert = BytesMut::new();
                self.drain(&mut alert);
                let error = refuse_direct(error, &alert, versions, outgoing);
                self.stage = Stage::Spent;
                self.notes.offered_versions = Some(Box::new(versions));
                Box::new(Fault::Tls(error))
            }
            other @ (Fault::TooMuch { .. } | Fault::KeysExhausted) => Box::new(other),
        });
    }
}

/// Whether this record may be a part of a ClientHello. Nothing else makes sense before it, alerts
/// included.
pub(super) fn is_handshake(record: &[u8]) -> bool {
    matches!(record, [RECORD_HANDSHAKE, ..])
}

pub(super) fn not_a_hello(record: &[u8]) -> rustls::Error {
    rustls::Error::InappropriateMessage {
        expect_types: vec![ContentType::Handshake],
        got_type: record.first().copied().unwrap_or_default().into(),
    }
}
