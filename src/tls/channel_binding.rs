//! What a connection gives for channel bindings.

use rustls::Connection;

use super::engine::Engine;
use super::words;
use crate::channel_binding::{
    ChannelBinding, ChannelBindingError, ChannelBindingType, server_end_point,
};
use crate::error::Error;

impl Engine {
    /// The data of a channel binding.
    pub(crate) fn channel_binding(
        &self,
        binding_type: ChannelBindingType,
    ) -> Result<ChannelBinding, ChannelBindingError> {
        let connection = self
            .running()
            .filter(|connection| !connection.is_handshaking())
            .ok_or(ChannelBindingError::NotEstablished)?;
        let bytes: Box<[u8]> = match binding_type {
            // RFC 9266 §2: the context is an empty string. In TLS 1.3 that is the same as none; in
            // TLS 1.2 it is not (RFC 5705 §4).
            ChannelBindingType::TlsExporter => connection
                .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))
                .map_err(|error| {
                    ChannelBindingError::Dead(Error::Crypto(words::of_local(&error).into()))
                })?
                .into(),
            ChannelBindingType::TlsServerEndPoint => match connection {
                Connection::Client(_) => self
                    .peer_chain()
                    .first()
                    .and_then(|leaf| server_end_point(leaf))
                    .ok_or(ChannelBindingError::EndPointUndefined)?,
                Connection::Server(_) => {
                    // A resumed session goes back to the certificate of its first one.
                    let end_point = match &self.notes.heritage {
                        Some(heritage) => heritage.end_point.as_deref(),
                        None if self.is_resumed() => None,
                        None => self.notes.end_point.as_deref(),
                    };
                    end_point
                        .ok_or(ChannelBindingError::EndPointUndefined)?
                        .into()
                }
            },
            ChannelBindingType::TlsUnique => {
                return Err(ChannelBindingError::TlsUniqueUnsupported);
            }
        };
        Ok(ChannelBinding::new(binding_type, bytes))
    }

    /// A ticket that was opened counts only if the session is resumed with it.
    pub(super) fn settle_heritage(&mut self) {
        if let Some(opened) = self.notes.opened.take() {
            if self.is_resumed() {
                self.notes.heritage = Some(opened);
            }
        }
    }
}
