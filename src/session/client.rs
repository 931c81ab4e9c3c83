//! The client's side.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use pki_types::CertificateDer;

use super::api::session_api;
use super::event::{EndOfInput, Event};
use super::info::SessionInfo;
use super::machine::Machine;
use super::preface::{self, Peers};
use super::role::{Conclusion, Role};
use super::state::Witness;
use crate::clock::Clock;
use crate::connector::Prepared;
use crate::error::{ApiMisuse, Error, PolicyRefusal, ProtocolError};
use crate::policy::{
    Confidentiality, CredentialPermit, Indicator, MinimumConfidentiality, Operation, Permit,
    Protection, SessionId, permit,
};
use crate::service::{AfterTls, Service, TlsMode};
use crate::starttls::{Dialog, DialogProgress};
use crate::text::UntrustedText;
use crate::tls::{ClientCertificateUse, ClientHello, Engine};
use crate::verify::Verification;

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
///
/// Both sides, with two buffers in place of a socket:
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
/// # use mail_tls::{Certificates, CertifiedChain, Server};
/// # let mut params = rcgen::CertificateParams::default();
/// # params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
/// # let authority = rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate()?)?;
/// # let key = rcgen::KeyPair::generate()?;
/// # let certificate = rcgen::CertificateParams::new(["imap.example.org".to_owned()])?
/// #     .signed_by(&key, &authority)?;
/// # let chain = CertifiedChain::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())?;
/// # let acceptor = Server::builder()
/// #     .build()?
/// #     .acceptor(Service::Imap, TlsMode::Implicit, Certificates::new(chain))
/// #     .build()?;
/// # let authority = authority.pem();
/// use bytes::BytesMut;
/// use mail_tls::{Account, Client, Endpoint, Event, Service, TlsMode, TrustAnchors};
///
/// let anchors = TrustAnchors::from_pem(authority.as_bytes())?;
/// let client = Client::builder().trust_anchors(anchors).build()?;
/// let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
/// let connector = client.connector(&Account::configured(), endpoint)?;
///
/// let (mut to_server, mut to_client) = (BytesMut::new(), BytesMut::new());
/// let mut session = connector.connect(&mut to_server)?;
/// let mut server = acceptor.accept()?;
/// let mut greeting = Vec::new();
/// while greeting.is_empty() {
///     while let Some(event) = server.process(&mut to_server, &mut to_client)? {
///         if event == Event::Established {
///             server.send(b"* OK ready\r\n", &mut to_client)?;
///         }
///     }
///     while let Some(event) = session.process(&mut to_client, &mut to_server)? {
///         if let Event::Data(data) = event {
///             greeting.extend_from_slice(data);
///         }
///     }
/// }
/// assert_eq!(greeting, b"* OK ready\r\n");
/// assert!(session.indicator().is_confidential());
/// let permit = session.credential_permit()?; // the account's minimum is met
/// session.send_credentials(permit, b"a LOGIN ann secret\r\n", &mut to_server)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ClientSession(Machine<ClientRole>, SessionId);

session_api!(ClientSession, ClientRole);

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
        Ok(Self(Machine::new(engine, role), SessionId::new()))
    }

    pub(crate) fn start_with_dialog(prepared: Arc<Prepared>) -> Result<Self, Error> {
        prepared.check_current()?;
        let dialog = Box::new(prepared.dialog());
        let role = ClientRole {
            prepared,
            dialog: Some(dialog),
        };
        Ok(Self(Machine::with_dialog(role), SessionId::new()))
    }

    /// What to do first once the session is established.
    pub fn after_tls(&self) -> AfterTls {
        self.0.role.service().after_tls(self.0.role.mode())
    }
}

/// The account's client certificates.
impl ClientSession {
    /// What became of the account's client certificates on this connection, also before it is
    /// established and once it is dead. On a resumed session the server has not asked: it has the
    /// certificate from the session that it resumes.
    ///
    /// With TLS 1.3 the server judges a certificate after the client's handshake is done: its
    /// refusal is the error of a later [`process`](Self::process), an alert with its possible
    /// [causes](crate::error::Cause).
    pub fn client_certificate(&self) -> ClientCertificateUse {
        self.0.engine().notes.client_certificate
    }
}

/// Confidentiality, and what depends on it.
impl ClientSession {
    /// What the connection provides; `None` while it is not established, and once it is dead.
    pub fn confidentiality(&self) -> Option<Confidentiality> {
        let is_up = self.0.is_established();
        let verification = self.0.engine().notes.verification().filter(|_| is_up)?;
        Some(provided(self.0.engine(), verification))
    }

    /// What a user interface may show of the connection, by what the account requires now.
    pub fn indicator(&self) -> Indicator {
        match self.confidentiality() {
            Some(provided) => Indicator::of(&provided, &self.required().unwrap_or_default()),
            None => Indicator::NotConnected,
        }
    }

    /// How the connection is protected, for [`Account::observe`]; `None` while it is not
    /// established.
    ///
    /// [`Account::observe`]: crate::Account::observe
    pub fn protection(&self) -> Option<Protection> {
        let protection = self.confidentiality()?.protection();
        Some(protection.with_mode(self.0.role.mode()))
    }

    /// Whether this may be done on the connection now, by what the account requires now
    /// (RFC 8314 §5.2).
    ///
    /// # Errors
    /// [`PolicyRefusal::BelowMinimum`]: what is missing.
    pub fn permit(&self, operation: Operation) -> Result<Permit, PolicyRefusal> {
        permit(
            operation,
            self.confidentiality().as_ref(),
            self.required().as_ref(),
        )
    }

    /// Lets credentials be sent once, by [`send_credentials`](Self::send_credentials).
    ///
    /// # Errors
    /// [`PolicyRefusal::BelowMinimum`] while the session is not established, and where the account
    /// requires more by now than it provides.
    pub fn credential_permit(&self) -> Result<CredentialPermit, PolicyRefusal> {
        let generation = self.0.role.prepared.account.generation();
        let provided = self.confidentiality();
        let required = self.required();
        CredentialPermit::mint(self.1, generation, provided.as_ref(), required.as_ref())
    }

    /// Sends credentials, such as a line with `LOGIN` or `AUTHENTICATE`: as
    /// [`send`](Self::send), with a permit that this session has given.
    ///
    /// # Errors
    /// [`ApiMisuse::ForeignPermit`] for a permit of another session, or of before the account was
    /// changed, without effect. As for [`send`](Self::send).
    pub fn send_credentials(
        &mut self,
        permit: CredentialPermit,
        credentials: &[u8],
        outgoing: &mut BytesMut,
    ) -> Result<(), Error> {
        let generation = self.0.role.prepared.account.generation();
        if !permit.is_of(self.1, generation) {
            return Err(ApiMisuse::ForeignPermit.into());
        }
        self.0.send(credentials, outgoing)
    }

    /// What the account requires now; nothing where its user has lowered the minimum.
    fn required(&self) -> Option<MinimumConfidentiality> {
        self.0.role.prepared.account.minimum()
    }
}

/// What is agreed on, with the verdict that goes with it.
fn provided(engine: &Engine, verification: &Verification) -> Confidentiality {
    Confidentiality {
        authentication: verification.authentication(),
        version: engine.version().unwrap_or_default(),
        suite: engine.cipher_suite(),
        group: engine.group(),
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
                .as_deref()
                .map(|inherited| &inherited.verification)
                .filter(|inherited| now <= inherited.valid_until())
        } else {
            engine
                .notes
                .verdict
                .as_ref()
                .and_then(|verdict| verdict.as_ref().ok())
        };
        let verification = verification.ok_or(PolicyRefusal::InheritedAuthenticationExpired)?;
        // The configuration offers nothing below it; what was agreed on is looked at all the same.
        let met = provided(engine, verification)
            .check_for(self.prepared.required.as_ref())
            .map_err(|unmet| PolicyRefusal::BelowMinimum { unmet })?;
        Ok(Conclusion::Established(Witness::verified_server(
            verification,
            met,
        )))
    }
}
