//! The machine that both sides share: bytes in, events and bytes out.

use std::fmt;
use std::mem;
use std::time::Instant;

use bytes::BytesMut;
use pki_types::CertificateDer;

use super::event::{EndOfInput, Event};
use super::info::SessionInfo;
use super::preface::Preface;
use super::queue::Queue;
use super::role::{Conclusion, Role};
use super::state::{Signal, State};
use crate::channel_binding::{ChannelBinding, ChannelBindingError, ChannelBindingType};
use crate::error::{ApiMisuse, Error, Heard, PlaintextPeer, ProtocolError, Spoken, TimedOut};
use crate::limits::INCOMING_LEFTOVER;
use crate::service::TlsMode;
use crate::tls::{Engine, FaultContext, Progress};

/// The state machine of one connection. Its public face, with the docs, is in `api.rs`.
pub(super) struct Machine<R> {
    state: State,
    /// Whether [`Event::Established`] was told: from then on plaintext is delivered, also what
    /// was received before a fault.
    is_established: bool,
    /// Whether [`Event::PeerClosed`] was told.
    peer_closed_told: bool,
    has_input_ended: bool,
    /// One connection binds one authentication (RFC 9266 §4.1).
    channel_binding_taken: bool,
    engine: Engine,
    /// Whether the peer's first bytes are TLS, and what they are known to be so far.
    speaks_tls: bool,
    heard: Heard,
    /// What `incoming` held when more was asked for.
    leftover: usize,
    /// Plaintext that waits for more to share a record with.
    queue: Queue,
    death: Option<Error>,
    started: Instant,
    pub(super) role: R,
}

/// What the next event is. It borrows nothing, so that the loop over it can.
enum Step {
    Starved,
    Established,
    Data,
    PeerClosed,
    ClientHello,
    ChallengeAnswered,
}

impl<R: Role> Machine<R> {
    /// A session whose TLS begins at once.
    pub(super) fn new(engine: Engine, role: R) -> Self {
        let heard = match role.mode() {
            TlsMode::Implicit => Heard::Nothing,
            TlsMode::StartTls => Heard::Agreement,
        };
        Self::in_state(State::Handshaking, engine, role, heard)
    }

    /// A session whose plaintext dialog comes first.
    pub(super) fn with_dialog(role: R) -> Self {
        Self::in_state(State::Dialog, Engine::idle(), role, Heard::Nothing)
    }

    fn in_state(state: State, engine: Engine, role: R, heard: Heard) -> Self {
        Self {
            state,
            is_established: false,
            peer_closed_told: false,
            has_input_ended: false,
            channel_binding_taken: false,
            engine,
            speaks_tls: false,
            heard,
            leftover: 0,
            queue: Queue::default(),
            death: None,
            started: role.clock().now(),
            role,
        }
    }

    pub(super) fn process<'a>(
        &'a mut self,
        incoming: &'a mut BytesMut,
        outgoing: &mut BytesMut,
    ) -> Result<Option<Event<'a>>, Error> {
        let event = match self.step(incoming, outgoing)? {
            Step::Starved => {
                self.leftover = incoming.len();
                return Ok(None);
            }
            Step::Established => Event::Established,
            Step::Data => Event::Data(self.engine.lend()),
            Step::PeerClosed => Event::PeerClosed,
            Step::ClientHello => match self.role.waiting_hello() {
                Some(hello) => Event::ClientHello(hello),
                None => return Ok(None),
            },
            Step::ChallengeAnswered => Event::ChallengeAnswered,
        };
        Ok(Some(event))
    }

    fn step(&mut self, incoming: &mut BytesMut, outgoing: &mut BytesMut) -> Result<Step, Error> {
        self.engine.release();
        loop {
            if self.is_established && self.engine.has_plaintext() {
                return Ok(Step::Data);
            }
            if let Some(death) = &self.death {
                return Err(death.clone());
            }
            if self.state == State::Handshaking && !self.engine.is_handshaking() {
                return self.conclude(outgoing);
            }
            if let Some(fault) = self.engine.take_fault() {
                let error = fault.into_error(&self.fault_context());
                return Err(self.die(error));
            }
            if self.is_established && self.engine.peer_has_closed() && !self.peer_closed_told {
                self.peer_closed_told = true;
                self.signal(&Signal::PeerClose);
                incoming.clear();
                return Ok(Step::PeerClosed);
            }
            if self.state == State::Deciding {
                return self.wait_for_answer(incoming, outgoing);
            }
            if !self.state.may_receive() {
                incoming.clear();
                return Ok(Step::Starved);
            }
            if self.has_input_ended {
                // What was left when the input ended is no misuse: the peer cut it off.
                if incoming.len() > self.leftover {
                    return Err(ApiMisuse::InputAfterEnd.into());
                }
                return Ok(Step::Starved);
            }
            if self.state == State::Dialog {
                if !incoming.is_empty() {
                    self.heard = Heard::Dialog;
                }
                match self.role.dialog(incoming, outgoing) {
                    Ok(None) => return Ok(Step::Starved),
                    Ok(Some(engine)) => {
                        self.engine = engine;
                        self.heard = Heard::Agreement;
                        self.signal(&Signal::TlsBegins);
                    }
                    Err(error) => return Err(self.die(error)),
                }
            }
            if !self.speaks_tls && !self.look_at_preface(incoming, outgoing)? {
                return Ok(Step::Starved);
            }
            match self.engine.advance(incoming, outgoing) {
                Progress::Starved => return Ok(Step::Starved),
                Progress::Advanced => {}
                Progress::HelloRead => {
                    match self.role.hello(&mut self.engine, outgoing) {
                        Ok(true) => {
                            self.signal(&Signal::HelloRead);
                            return Ok(Step::ClientHello);
                        }
                        Ok(false) => {}
                        Err(error) => return Err(self.die(error)),
                    };
                }
            }
        }
    }

    /// Nothing is read until the ClientHello is answered, and no client has much to say before.
    fn wait_for_answer(
        &mut self,
        incoming: &BytesMut,
        outgoing: &mut BytesMut,
    ) -> Result<Step, Error> {
        if incoming.len() < INCOMING_LEFTOVER {
            return Ok(Step::Starved);
        }
        self.engine.close(outgoing);
        let too_much = ProtocolError::TooMuch {
            what: "bytes before its ClientHello was answered",
            bound: INCOMING_LEFTOVER,
        };
        Err(self.die(too_much.into()))
    }

    /// Whether the peer's first bytes are known to be TLS.
    fn look_at_preface(
        &mut self,
        incoming: &BytesMut,
        outgoing: &mut BytesMut,
    ) -> Result<bool, Error> {
        if let (TlsMode::StartTls, [first, ..]) = (self.role.mode(), &**incoming) {
            if !Preface::may_be_tls(*first) {
                let (bytes, excerpt) = (incoming.len(), R::PEERS.excerpt(incoming));
                return Err(self.die(R::injection(bytes, excerpt).into()));
            }
        }
        let error = match Preface::of(incoming, R::PEERS) {
            Preface::Tls => {
                self.speaks_tls = true;
                self.heard = Heard::Tls;
                return Ok(true);
            }
            Preface::Undecided => {
                match **incoming {
                    [] => {}
                    [first] if Preface::may_be_tls(first) => self.heard = Heard::Tls,
                    _ => self.heard = Heard::Plaintext(R::PEERS.excerpt(incoming)),
                }
                return Ok(false);
            }
            Preface::Plaintext(spoken, excerpt) => {
                if spoken == Spoken::Ssl2Client {
                    self.engine.refuse_version(outgoing);
                }
                ProtocolError::PlaintextPeer(PlaintextPeer {
                    spoken,
                    excerpt,
                    expected: self.role.service(),
                    port: self.role.port(),
                })
            }
            Preface::Unknown(excerpt) => ProtocolError::NotTls { excerpt },
        };
        Err(self.die(error.into()))
    }

    /// The handshake is done. Says so, or dies of what does not hold.
    fn conclude(&mut self, outgoing: &mut BytesMut) -> Result<Step, Error> {
        match self.role.conclude(&mut self.engine) {
            Ok(Conclusion::Established(witness)) => {
                self.signal(&Signal::Established(witness));
                self.is_established = true;
                Ok(Step::Established)
            }
            Ok(Conclusion::ChallengeAnswered) => {
                self.engine.close(outgoing);
                self.signal(&Signal::Close);
                Ok(Step::ChallengeAnswered)
            }
            Err(error) => {
                self.engine.close(outgoing);
                Err(self.die(error))
            }
        }
    }

    pub(super) fn send(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error> {
        self.may_send()?;
        self.flush_queue(outgoing)?;
        self.encrypt(plaintext, outgoing)
    }

    pub(super) fn queue(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error> {
        self.may_send()?;
        let mut rest = plaintext;
        while !rest.is_empty() {
            rest = self.queue.take_from(rest);
            if self.queue.is_full() {
                self.flush_queue(outgoing)?;
            }
        }
        Ok(())
    }

    pub(super) fn flush(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
        self.may_send()?;
        self.flush_queue(outgoing)
    }

    #[inline]
    fn flush_queue(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
        if self.queue.is_empty() {
            return Ok(());
        }
        self.flush_full_queue(outgoing)
    }

    fn flush_full_queue(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
        let mut queue = mem::take(&mut self.queue);
        let result = self.encrypt(queue.as_slice(), outgoing);
        queue.clear();
        self.queue = queue;
        result
    }

    fn encrypt(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error> {
        match self.engine.send(plaintext, outgoing) {
            Ok(()) => Ok(()),
            Err(fault) => {
                let error = fault.into_error(&self.fault_context());
                Err(self.die(error))
            }
        }
    }

    fn may_send(&self) -> Result<(), Error> {
        match (&self.death, self.state) {
            (Some(death), _) => Err(death.clone()),
            (None, state) if state.may_send() => Ok(()),
            (None, State::SelfClosed | State::Closed) => Err(ApiMisuse::SendAfterClose.into()),
            (None, _) => Err(ApiMisuse::SendBeforeEstablished.into()),
        }
    }

    pub(super) fn close(&mut self, outgoing: &mut BytesMut) {
        if self.death.is_some() {
            return;
        }
        if self.state.may_send() && self.flush_queue(outgoing).is_err() {
            return;
        }
        self.engine.close(outgoing);
        self.signal(&Signal::Close);
    }

    pub(super) fn end_of_input(&mut self) -> EndOfInput {
        self.has_input_ended = true;
        if self.peer_closed_told {
            return EndOfInput::Clean;
        }
        if self.state.is_pending() {
            let heard = self.heard.clone();
            self.die(ProtocolError::EndedDuringHandshake { heard }.into());
        }
        EndOfInput::Truncated {
            in_record: self.leftover > 0 || self.engine.is_within_record(),
            is_established: self.is_established,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let is_running = self.death.is_none() && self.state.is_pending();
        is_running
            .then(|| self.started.checked_add(self.role.handshake_time()))
            .flatten()
    }

    pub(super) fn expire(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
        if let Some(death) = &self.death {
            return Err(death.clone());
        }
        match self.deadline() {
            Some(deadline) if self.role.clock().now() >= deadline => {
                if self.speaks_tls {
                    self.engine.close(outgoing);
                }
                let after = self.role.handshake_time();
                Err(self.die(
                    TimedOut {
                        after,
                        heard: self.heard.clone(),
                    }
                    .into(),
                ))
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(super) fn trim(&mut self) {
        self.engine.release();
        self.engine.trim();
        if self.queue.is_empty() {
            self.queue = Queue::default();
        }
    }

    pub(super) fn is_established(&self) -> bool {
        self.is_established && self.death.is_none()
    }

    pub(super) fn info(&self) -> Option<SessionInfo<'_>> {
        self.is_established.then(|| {
            SessionInfo::new(
                &self.engine,
                self.role.service(),
                self.role.mode(),
                self.role.sent_name(),
                R::IS_CLIENT,
            )
        })
    }

    pub(super) fn take_channel_binding(
        &mut self,
        binding_type: ChannelBindingType,
    ) -> Result<ChannelBinding, ChannelBindingError> {
        if let Some(death) = &self.death {
            return Err(ChannelBindingError::Dead(death.clone()));
        }
        if !self.is_established {
            return Err(ChannelBindingError::NotEstablished);
        }
        if self.channel_binding_taken {
            return Err(ChannelBindingError::AlreadyTaken);
        }
        let binding = self.engine.channel_binding(binding_type)?;
        self.channel_binding_taken = true;
        Ok(binding)
    }

    pub(super) fn peer_chain(&self) -> &[CertificateDer<'static>] {
        self.engine.peer_chain()
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn parts_mut(&mut self) -> (&mut Engine, &mut R) {
        (&mut self.engine, &mut self.role)
    }

    pub(super) fn is_deciding(&self) -> bool {
        self.state == State::Deciding
    }

    pub(super) fn death(&self) -> Option<&Error> {
        self.death.as_ref()
    }

    pub(super) fn resume_handshake(&mut self) {
        self.signal(&Signal::Answered);
    }

    pub(super) fn die(&mut self, error: Error) -> Error {
        self.signal(&Signal::Fault);
        self.queue = Queue::default();
        self.death.get_or_insert(error).clone()
    }

    fn signal(&mut self, signal: &Signal) {
        if let Some(next) = self.state.next(signal) {
            self.state = next;
        }
    }

    fn fault_context(&self) -> FaultContext<'_> {
        FaultContext {
            notes: &self.engine.notes,
            is_established: self.is_established,
            is_client: R::IS_CLIENT,
            alpn_was_offered: self.role.offers_alpn(),
        }
    }
}

impl<R: fmt::Debug> fmt::Debug for Machine<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("state", &self.state)
            .field("role", &self.role)
            .field("death", &self.death)
            .finish_non_exhaustive()
    }
}
