//! The client's side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use pki_types::CertificateDer;

use super::api::session_api;
use super::event::{EndOfInput, Event};
use super::info::SessionInfo;
use super::machine::{Conclusion, Machine, Role};
use super::preface::{self, Peers};
use super::state::Witness;
use crate::clock::Clock;
use crate::connector::Prepared;
use crate::error::{Error, PolicyRefusal, ProtocolError};
use crate::service::{AfterTls, Service, TlsMode};
use crate::starttls::{Dialog, DialogProgress};
use crate::text::UntrustedText;
use crate::tls::{ClientHello, Engine};

/// A client's side of one connection. From [`Connector::connect`](crate::Connector::connect).
///
/// A session does no I/O. Its embedder owns both buffers: what comes from the transport is
/// appended to `incoming`, what is found in `outgoing` goes to the transport. The loop is the same
/// on both sides, in blocking code, in an event loop, and in async code:
///
/// 1. call [`process`](Self::process) until it returns `Ok(None)`, and act on each event;
/// 2. write `outgoing` to the transport, also when `process` returned an error: the alert for the
///    peer is in it;
/// 3. read at least 16 KiB from the transport into `incoming`, or call
///    [`end_of_input`](Self::end_of_input) where it ends; while there is a
///    [`deadline`](Self::deadline), wait no longer than until then, and call
///    [`expire`](Self::expire).
///
/// After the first error the session is dead, and every later call returns the same error again.
/// An [`ApiMisuse`](crate::ApiMisuse) alone does not kill it, and has no effect.
#[derive(Debug)]
pub struct ClientSession(Machine<ClientRole>);

session_api!(ClientSession);

/// What a client's session knows besides what both sides know.
#[derive(Debug)]
struct ClientRole {
    prepared: Arc<Prepared>,
    dialog: Option<Box<Dialog>>,
}

impl ClientSession {
    pub(crate) fn start(prepared: Arc<Prepared>, outgoing: &mut BytesMut) -> Result<Self, Error> {
        prepared.check_current()?;
        let engine = prepared.engines.start(outgoing)?;
        let role = ClientRole {
            prepared,
            dialog: None,
        };
        Ok(Self(Machine::new(engine, role)))
    }

    pub(crate) fn start_with_dialog(prepared: Arc<Prepared>) -> Result<Self, Error> {
        prepared.check_current()?;
        let dialog = Box::new(prepared.dialog());
        let role = ClientRole {
            prepared,
            dialog: Some(dialog),
        };
        Ok(Self(Machine::with_dialog(role)))
    }

    /// What to do first once the session is established.
    pub fn after_tls(&self) -> AfterTls {
        self.0.role.service().after_tls(self.0.role.mode())
    }
}

impl Role for ClientRole {
    const IS_CLIENT: bool = true;
    const PEERS: &'static Peers = &preface::SERVERS;

    fn injection(bytes: usize, excerpt: UntrustedText) -> ProtocolError {
        ProtocolError::ResponseInjection { bytes, excerpt }
    }

    fn dialog(
        &mut self,
        incoming: &mut BytesMut,
        outgoing: &mut BytesMut,
    ) -> Result<Option<Engine>, Error> {
        let Some(dialog) = &mut self.dialog else {
            return Ok(None);
        };
        match dialog.advance(incoming, outgoing, self.prepared.ehlo_name())? {
            DialogProgress::Starved => Ok(None),
            DialogProgress::StartTls => {
                // Nothing of it outlives this line.
                self.dialog = None;
                self.prepared.engines.start(outgoing).map(Some)
            }
        }
    }

    fn clock(&self) -> &Clock {
        &self.prepared.clock
    }

    fn handshake_time(&self) -> Duration {
        self.prepared.limits.handshake_time
    }

    fn service(&self) -> Service {
        self.prepared.endpoint.service()
    }

    fn mode(&self) -> TlsMode {
        self.prepared.endpoint.mode()
    }

    fn port(&self) -> Option<u16> {
        Some(self.prepared.endpoint.port())
    }

    fn sent_name(&self) -> Option<&str> {
        self.prepared.sent_name()
    }

    fn offers_alpn(&self) -> bool {
        self.prepared.offered_alpn().is_some()
    }

    fn hello(&mut self, _: &mut Engine, _: &mut BytesMut) -> Result<bool, Error> {
        Ok(false)
    }

    fn waiting_hello(&self) -> Option<&ClientHello> {
        None
    }

    fn conclude(&mut self, engine: &mut Engine) -> Result<Conclusion, Error> {
        // The account may have been changed while the handshake was under way.
        self.prepared.check_generation()?;
        if let Some(required) = self.prepared.required_alpn() {
            if engine.alpn() != Some(required.as_bytes()) {
                return Err(PolicyRefusal::AlpnNotSelected { required }.into());
            }
        }
        // What is inherited counts only where the server took the ticket, and then nothing else
        // does: the verifier was not asked.
        let verification = if engine.is_resumed() {
            let now = self.prepared.clock.unix();
            engine
                .notes
                .inherited
                .as_ref()
                .filter(|inherited| now <= inherited.valid_until())
        } else {
            engine
                .notes
                .verdict
                .as_ref()
                .and_then(|verdict| verdict.as_ref().ok())
        };
        let verification = verification.ok_or(PolicyRefusal::InheritedAuthenticationExpired)?;
        Ok(Conclusion::Established(Witness::verified_peer(
            verification,
        )))
    }
}
