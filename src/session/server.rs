//! The server's side.

use std::fmt;
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
use crate::acceptor::{Acceptor, Listening, ServerAlpn};
use crate::alert::Alert;
use crate::certificates::CertifiedChain;
use crate::client_identity::{ClientIdentity, Unmapped};
use crate::clock::Clock;
use crate::error::{ApiMisuse, Error, PolicyRefusal, ProtocolError};
use crate::service::{ServerAfterTls, Service, TlsMode};
use crate::text::UntrustedText;
use crate::tls::{ClientHello, Engine, HelloOutcome};
use crate::verify::{Evidence, evaluate};

/// A server's side of one connection. From [`Acceptor::accept`](crate::Acceptor::accept).
///
/// It is driven as a [`ClientSession`](crate::ClientSession) is:
///
/// ```
/// use bytes::BytesMut;
/// use mail_tls::{Error, Event, ServerAfterTls, ServerSession};
///
/// /// Takes what has come. Then `outgoing` is to be written, also after an error.
/// fn take(
///     session: &mut ServerSession,
///     incoming: &mut BytesMut,
///     outgoing: &mut BytesMut,
///     commands: &mut Vec<u8>,
/// ) -> Result<(), Error> {
///     while let Some(event) = session.process(incoming, outgoing)? {
///         match event {
///             Event::Established => match session.after_tls() {
///                 ServerAfterTls::SendGreeting => session.send(b"* OK ready\r\n", outgoing)?,
///                 _ => {} // after STARTTLS the client speaks first (but with ManageSieve)
///             },
///             Event::Data(data) => commands.extend_from_slice(data),
///             Event::PeerClosed => session.close(outgoing),
///             _ => {}
///         }
///     }
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct ServerSession(Machine<ServerRole>);

session_api!(ServerSession, ServerRole);

/// What a server's session knows besides what both sides know.
struct ServerRole {
    listening: Arc<Listening>,
    begun: Begun,
    hello: Option<Box<ClientHello>>,
    answers_challenge: bool,
    /// Whom the client's certificate stands for, once one was verified.
    identity: Option<Box<Result<ClientIdentity, Unmapped>>>,
    accepted_identity: bool,
}

/// How a session came to be.
enum Begun {
    /// By this acceptor; an answer to its ClientHello may have led it to another one since.
    By(Arc<Listening>),
    /// By the agreement to STARTTLS that this guard has given.
    Agreed(GuardId),
}

/// Tells a guard, and with it a connection, from every other one.
#[derive(Debug, Clone, Default)]
pub(crate) struct GuardId(Arc<()>);

/// The embedder's answer to [`Event::ClientHello`](crate::Event::ClientHello).
///
/// ```
/// use mail_tls::{CertifiedChain, HelloAnswer};
///
/// fn answer(chain_of_the_name: Option<CertifiedChain>) -> HelloAnswer {
///     match chain_of_the_name {
///         Some(chain) => HelloAnswer::Certificate(chain),
///         None => HelloAnswer::Configured, // as if nobody had been asked
///     }
/// }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum HelloAnswer {
    /// Go on with the certificates of the acceptor.
    Configured,
    /// Go on with this certificate, say from a database.
    Certificate(CertifiedChain),
    /// Go on as a session of another acceptor of the same mode: with its certificates, its policy
    /// and its tickets.
    Acceptor(Acceptor),
    /// Answer an ACME server's validation with this certificate, and close (RFC 8737 §3).
    Challenge(CertifiedChain),
    /// Refuse the name with the alert `unrecognized_name`.
    Refuse,
}

/// What a server offers a client on the strength of its certificate, once the embedder has
/// accepted whom it stands for (RFC 8314 §3.1, §3.2, §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExternalOffer {
    /// Nothing: no client identity was accepted.
    Nothing,
    /// SASL EXTERNAL must be offered. The session is not authenticated by the certificate alone:
    /// after STARTTLS, and on POP3 in every mode, it is the only way.
    External,
    /// SASL EXTERNAL must be offered, or the greeting may be IMAP's `PREAUTH`.
    ExternalOrPreauth,
}

impl ServerSession {
    pub(crate) fn start(listening: Arc<Listening>) -> Self {
        let begun = Begun::By(Arc::clone(&listening));
        Self::begin(listening, begun)
    }

    /// As [`start`](Self::start), for the connection of this guard.
    pub(crate) fn start_for(listening: Arc<Listening>, guard: GuardId) -> Self {
        Self::begin(listening, Begun::Agreed(guard))
    }

    /// Whether this may be the session of a guard's connection: the one that its agreement has led
    /// to, or else one of its acceptor.
    pub(crate) fn is_of(&self, guard: &GuardId, listening: &Arc<Listening>) -> bool {
        match &self.0.role.begun {
            Begun::By(acceptor) => Arc::ptr_eq(acceptor, listening),
            Begun::Agreed(other) => Arc::ptr_eq(&other.0, &guard.0),
        }
    }

    fn begin(listening: Arc<Listening>, begun: Begun) -> Self {
        let decides_by_hello = listening.asks_for_each_hello || listening.looks_at_hellos();
        let engine = listening.engines.start(decides_by_hello);
        let role = ServerRole {
            listening,
            begun,
            hello: None,
            answers_challenge: false,
            identity: None,
            accepted_identity: false,
        };
        Self(Machine::new(engine, role))
    }

    /// Answers the ClientHello of [`Event::ClientHello`](crate::Event::ClientHello). Then call
    /// [`process`](Self::process) again.
    ///
    /// # Errors
    /// [`ApiMisuse::AnswerNotAwaited`](crate::ApiMisuse::AnswerNotAwaited) without effect where none is awaited,
    /// [`ApiMisuse::AcceptorOfOtherMode`](crate::ApiMisuse::AcceptorOfOtherMode) without effect for an acceptor whose
    /// mode is not that of the connection.
    /// [`ConfigError::UnusableCertificate`](crate::ConfigError::UnusableCertificate) where the
    /// certificate given cannot be used: the session is dead. [`PolicyRefusal::RefusedByAnswer`](crate::PolicyRefusal::RefusedByAnswer)
    /// for [`HelloAnswer::Refuse`], so that a refused session ends as every other one does.
    pub fn answer(&mut self, answer: HelloAnswer, outgoing: &mut BytesMut) -> Result<(), Error> {
        if let Some(death) = self.0.death() {
            return Err(death.clone());
        }
        if !self.0.is_deciding() {
            return Err(ApiMisuse::AnswerNotAwaited.into());
        }
        if matches!(&answer, HelloAnswer::Acceptor(other) if other.mode() != self.0.role.mode()) {
            return Err(ApiMisuse::AcceptorOfOtherMode.into());
        }
        let (engine, role) = self.0.parts_mut();
        match role.answer(answer, engine, outgoing) {
            Ok(()) => {
                self.0.resume_handshake();
                Ok(())
            }
            Err(error) => Err(self.0.die(error)),
        }
    }

    /// What to do first once the session is established.
    pub fn after_tls(&self) -> ServerAfterTls {
        self.0.role.service().server_after_tls(self.0.role.mode())
    }

    /// Whom the client's verified certificate stands for, by the
    /// [`IdentityMapping`](crate::client_identity::IdentityMapping) of the listener; on a resumed
    /// session mapped anew. `None` while the session is not established, and where the client has
    /// shown no certificate.
    ///
    /// Nothing follows from it by itself: see [`accept_client_identity`](Self::accept_client_identity).
    pub fn client_identity(&self) -> Option<Result<&ClientIdentity, &Unmapped>> {
        self.info()?;
        Some(self.0.role.identity.as_deref()?.as_ref())
    }

    /// The embedder knows the user of [`client_identity`](Self::client_identity) and lets it in on
    /// the strength of the certificate.
    ///
    /// # Errors
    /// [`ApiMisuse::NoClientCertificate`](crate::ApiMisuse::NoClientCertificate) where the client has shown none,
    /// [`ApiMisuse::NoClientIdentity`](crate::ApiMisuse::NoClientIdentity) where it stands for nobody; a dead
    /// session's error.
    pub fn accept_client_identity(&mut self) -> Result<ExternalOffer, Error> {
        if let Some(death) = self.0.death() {
            return Err(death.clone());
        }
        match self.client_identity() {
            Some(Ok(_)) => {}
            Some(Err(_)) => return Err(ApiMisuse::NoClientIdentity.into()),
            None => return Err(ApiMisuse::NoClientCertificate.into()),
        }
        self.0.role.accepted_identity = true;
        Ok(self.external_offer())
    }

    /// What may be offered to the client on the strength of its certificate.
    pub fn external_offer(&self) -> ExternalOffer {
        if !self.0.role.accepted_identity {
            return ExternalOffer::Nothing;
        }
        match (self.0.role.service(), self.0.role.mode()) {
            (Service::Imap, TlsMode::Implicit) => ExternalOffer::ExternalOrPreauth,
            (Service::Imap, TlsMode::StartTls)
            | (
                Service::Pop3
                | Service::Submission
                | Service::ManageSieve
                | Service::Lmtp
                | Service::SmtpRelay,
                _,
            ) => ExternalOffer::External,
        }
    }

    /// The name that the client asked for, once the ClientHello has been gone on with.
    pub fn requested_name(&self) -> Option<&str> {
        self.0.engine().requested_name()
    }
}

impl ServerRole {
    fn answer(
        &mut self,
        answer: HelloAnswer,
        engine: &mut Engine,
        outgoing: &mut BytesMut,
    ) -> Result<(), Error> {
        let hello = self.hello.take();
        let outcome = match answer {
            HelloAnswer::Configured => self.judge(hello.as_deref()),
            HelloAnswer::Acceptor(acceptor) => {
                self.listening = acceptor.into_listening();
                self.judge(hello.as_deref())
            }
            HelloAnswer::Certificate(chain) => self.judge_alpn(hello.as_deref()).and_then(|()| {
                self.listening
                    .engines
                    .proceed_with(&chain)
                    .map_err(unusable)
            }),
            HelloAnswer::Challenge(chain) => {
                self.answers_challenge = true;
                self.listening
                    .engines
                    .proceed_for_acme(&chain)
                    .map_err(unusable)
            }
            HelloAnswer::Refuse => Err((
                Alert::UNRECOGNIZED_NAME,
                PolicyRefusal::RefusedByAnswer.into(),
            )),
        };
        go_on(outcome, engine, outgoing)
    }

    /// The acceptor's own answer to a ClientHello.
    fn judge(&self, hello: Option<&ClientHello>) -> Result<HelloOutcome, Refusal> {
        if let Some(name) = hello.and_then(ClientHello::server_name) {
            if !self.listening.engines.serves(name) {
                return Err((
                    Alert::UNRECOGNIZED_NAME,
                    PolicyRefusal::ServerNameNotServed { name: name.into() }.into(),
                ));
            }
        }
        self.judge_alpn(hello)?;
        Ok(self.listening.engines.proceed())
    }

    /// A client that names protocols, but not this one, has come to the wrong place or was sent
    /// there by an attacker (RFC 7301 §3.2, RFC 9325 §3.7).
    fn judge_alpn(&self, hello: Option<&ClientHello>) -> Result<(), Refusal> {
        let is_strict = match self.listening.alpn {
            ServerAlpn::Strict => true,
            // rustls refuses where there is an identifier to answer with.
            ServerAlpn::Ignore | ServerAlpn::Answer => false,
        };
        let Some(mut offered) = hello.and_then(ClientHello::alpn).filter(|_| is_strict) else {
            return Ok(());
        };
        let required = self.listening.service.alpn_id();
        if offered.any(|id| required.is_some_and(|required| id == required.as_bytes())) {
            return Ok(());
        }
        Err((
            Alert::NO_APPLICATION_PROTOCOL,
            PolicyRefusal::AlpnNotOffered { required }.into(),
        ))
    }

    /// The client's identity: verified in this handshake, or inherited and verified again.
    fn client_witness(&mut self, engine: &mut Engine) -> Result<Witness, Error> {
        let Some(clients) = &self.listening.clients else {
            return Ok(Witness::client_without_certificate());
        };
        // A resumed handshake asks for none (RFC 8446 §4.3.2, RFC 5246 §7.3).
        engine.notes.client_certificate_asked = !engine.is_resumed();
        if engine.is_resumed() && !engine.peer_chain().is_empty() {
            let evidence = Evidence::from_chain(engine.peer_chain());
            let verdict = evaluate(&evidence, &clients.requirements, self.clock().unix());
            engine.notes.verdict =
                Some(Ok(verdict.map_err(|rejection| {
                    Error::Certificate(Arc::new(rejection))
                })?));
        }
        match engine.notes.verification() {
            Some(verification) => {
                let anchors = clients.requirements.anchors();
                let identity = clients.mapping.map(engine.peer_chain(), anchors);
                self.identity = Some(Box::new(identity));
                Ok(Witness::verified_peer(verification))
            }
            None if clients.must_show_certificate => Err(ProtocolError::NoCertificate.into()),
            None => Ok(Witness::client_without_certificate()),
        }
    }
}

/// Without the user.
impl fmt::Debug for ServerRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerRole")
            .field("listening", &self.listening)
            .field("hello", &self.hello)
            .field("accepted_identity", &self.accepted_identity)
            .finish_non_exhaustive()
    }
}

/// An error, and the alert that tells the client of it.
type Refusal = (Alert, Error);

fn unusable(error: Error) -> Refusal {
    (Alert::INTERNAL_ERROR, error)
}

fn go_on(
    outcome: Result<HelloOutcome, Refusal>,
    engine: &mut Engine,
    outgoing: &mut BytesMut,
) -> Result<(), Error> {
    match outcome {
        Ok(outcome) => {
            engine.proceed(outcome, outgoing);
            Ok(())
        }
        Err((alert, error)) => {
            engine.proceed(HelloOutcome::Refuse(alert), outgoing);
            Err(error)
        }
    }
}

impl Role for ServerRole {
    const IS_CLIENT: bool = false;
    const PEERS: &'static Peers = &preface::CLIENTS;

    fn injection(bytes: usize, excerpt: UntrustedText) -> ProtocolError {
        ProtocolError::CommandInjection { bytes, excerpt }
    }

    fn dialog(&mut self, _: &mut BytesMut, _: &mut BytesMut) -> Result<Option<Engine>, Error> {
        Ok(None)
    }

    fn clock(&self) -> &Clock {
        &self.listening.clock
    }

    fn handshake_time(&self) -> Duration {
        self.listening.limits.handshake_time
    }

    fn service(&self) -> Service {
        self.listening.service
    }

    fn mode(&self) -> TlsMode {
        self.listening.mode
    }

    fn port(&self) -> Option<u16> {
        None
    }

    fn sent_name(&self) -> Option<&str> {
        None
    }

    fn offers_alpn(&self) -> bool {
        false
    }

    fn hello(&mut self, engine: &mut Engine, outgoing: &mut BytesMut) -> Result<bool, Error> {
        if self.listening.asks_for_each_hello {
            self.hello = engine.offered_hello().map(Box::new);
            return Ok(true);
        }
        let hello = if self.listening.looks_at_hellos() {
            engine.offered_hello()
        } else {
            None
        };
        go_on(self.judge(hello.as_ref()), engine, outgoing)?;
        Ok(false)
    }

    fn waiting_hello(&self) -> Option<&ClientHello> {
        self.hello.as_deref()
    }

    fn conclude(&mut self, engine: &mut Engine) -> Result<Conclusion, Error> {
        if self.answers_challenge {
            return match engine.alpn() {
                Some(_) => Ok(Conclusion::ChallengeAnswered),
                None => Err(PolicyRefusal::AlpnNotOffered {
                    required: Some("acme-tls/1"),
                }
                .into()),
            };
        }
        let witness = self.client_witness(engine)?;
        Ok(Conclusion::Established(witness))
    }
}
