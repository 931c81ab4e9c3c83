//! What the two sides of a session differ in, for the machine that they share.

use std::time::Duration;

use bytes::BytesMut;

use super::preface::Peers;
use super::state::Witness;
use crate::clock::Clock;
use crate::error::{Error, ProtocolError};
use crate::service::{Service, TlsMode};
use crate::text::UntrustedText;
use crate::tls::{ClientHello, Engine};

/// One side.
pub(super) trait Role: Sized {
    const IS_CLIENT: bool;
    /// What a peer's first line of plain text is recognised by.
    const PEERS: &'static Peers;
    /// Plain text where STARTTLS has been agreed on.
    fn injection(bytes: usize, excerpt: UntrustedText) -> ProtocolError;

    fn clock(&self) -> &Clock;
    fn handshake_time(&self) -> Duration;
    fn service(&self) -> Service;
    fn mode(&self) -> TlsMode;
    /// The port that a client connects to.
    fn port(&self) -> Option<u16>;
    /// The name that a client asks for.
    fn sent_name(&self) -> Option<&str>;
    fn offers_alpn(&self) -> bool;
    /// A ClientHello was read. Whether the embedder has to see it first.
    fn hello(&mut self, engine: &mut Engine, outgoing: &mut BytesMut) -> Result<bool, Error>;
    /// The ClientHello that the embedder has to see.
    fn waiting_hello(&self) -> Option<&ClientHello>;
    /// The handshake is done: does everything hold that was asked of it?
    fn conclude(&mut self, engine: &mut Engine) -> Result<Conclusion, Error>;
    /// One step of the plaintext dialog. The engine, once TLS begins.
    fn dialog(
        &mut self,
        incoming: &mut BytesMut,
        outgoing: &mut BytesMut,
    ) -> Result<Option<Engine>, Error>;
}

/// What a handshake was good for.
#[derive(Debug)]
pub(super) enum Conclusion {
    Established(Witness),
    ChallengeAnswered,
}
