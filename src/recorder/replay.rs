//! A recording is played to a session again.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::BytesMut;

use super::line::{Call, Chance, Hello, Line, Plaintext};
use super::outcome::{Divergence, ReplayError, Replayed, StopReason, Stopped};
use super::recorded::Recorded;
use super::recording::{Recording, own_chain};
use super::{Recorder, has_ear, recorded};
use crate::acceptor::Acceptor;
use crate::certificates::CertifiedChain;
use crate::clock::Clock;
use crate::connector::Connector;
use crate::error::Error;
use crate::limits::RECORDING;
use crate::session::{ClientSession, HelloAnswer, ServerSession, Session};

impl Recording {
    /// Plays a client's recording to a new session of `connector`, and compares.
    ///
    /// The connector has to be as the recorded one was, new, with [`Recording::clock`], and, for a
    /// recording with secrets, with a provider from [`provider`](super::provider()). Where sessions
    /// resumed each other it has the clock of the first one, and the recordings of all of them are
    /// replayed to it in the order in which they began. They have to have followed each other: where
    /// one got a ticket after another had begun, that other one's replay has a ticket too many.
    ///
    /// # Errors
    /// [`ReplayError`]: what does not fit, or the first line that differs.
    pub fn replay_client(&self, connector: &Connector) -> Result<Replayed, ReplayError> {
        let prepared = connector.prepared();
        let endpoint = connector.endpoint();
        let given = describe(true, endpoint.service(), endpoint.mode());
        let clock = &prepared.clock;
        self.check(given, clock, || has_ear(prepared.engines.provider()))?;
        let script = Script::new(self, clock)?;
        script.run(|recorder, call, tape, outgoing| match call {
            Call::Connect => {
                let begin = |outgoing: &mut BytesMut| connector.connect(outgoing);
                Some(recorder.client(connector, call.clone(), tape, outgoing, begin))
            }
            Call::Upgrade => {
                let begin = |outgoing: &mut BytesMut| connector.upgrade(b"", outgoing);
                Some(recorder.client(connector, call.clone(), tape, outgoing, begin))
            }
            _ => None,
        })
    }

    /// Plays a server's recording to a new session of `acceptor`, and compares.
    ///
    /// The acceptor has to be as the recorded one was, with [`Recording::clock`], and, for a
    /// recording with secrets, with a provider from [`provider`](super::provider()). Its
    /// certificate is [`Recording::own_chain`], which needs no key.
    ///
    /// # Errors
    /// [`ReplayError`]: what does not fit, or the first line that differs.
    pub fn replay_server(&self, acceptor: &Acceptor) -> Result<Replayed, ReplayError> {
        let listening = acceptor.clone().into_listening();
        let given = describe(false, listening.service, listening.mode);
        let clock = &listening.clock;
        self.check(given, clock, || has_ear(listening.engines.provider().get()))?;
        let script = Script::new(self, clock)?;
        script.run(|recorder, call, tape, _| match call {
            Call::Accept => {
                let begin = || acceptor.accept();
                Some(recorder.server(acceptor, call.clone(), tape, begin))
            }
            Call::Upgrade => {
                // What came with the command is fed first.
                let begin = || acceptor.upgrade(b"", &mut BytesMut::new());
                Some(recorder.server(acceptor, call.clone(), tape, begin))
            }
            _ => None,
        })
    }

    fn check(
        &self,
        given: String,
        clock: &Clock,
        has_ear: impl FnOnce() -> bool,
    ) -> Result<(), ReplayError> {
        let recorded = describe(self.is_of_client(), self.service(), self.mode());
        if recorded != given {
            return Err(ReplayError::OtherSession { recorded, given });
        }
        if !clock.is_fixed() {
            return Err(ReplayError::ClockRuns);
        }
        if self.has_secrets() && !has_ear() {
            return Err(ReplayError::ProviderPlaysNothing);
        }
        Ok(())
    }
}

fn describe(is_client: bool, service: impl fmt::Display, mode: impl fmt::Display) -> String {
    let side = if is_client { "client" } else { "server" };
    format!("{side} of {service} with {mode}")
}

/// A recording that is being replayed.
struct Script<'a> {
    recording: &'a Recording,
    clock: &'a Clock,
    recorder: Recorder,
    /// How far the recording has been read.
    at: usize,
    /// How many lines have been compared.
    compared: usize,
    /// Whether this side has sent a handshake record of its own, with its own randomness.
    has_spoken_tls: bool,
    /// The first byte of the peer's afterwards.
    answered_with: Option<u8>,
}

impl<'a> Script<'a> {
    fn new(recording: &'a Recording, clock: &'a Clock) -> Result<Self, ReplayError> {
        if recording.lines().is_empty() {
            return Err(ReplayError::Empty);
        }
        Ok(Self {
            recording,
            clock,
            recorder: Recorder::new(recording.has_secrets()),
            at: 0,
            compared: 0,
            has_spoken_tls: false,
            answered_with: None,
        })
    }

    fn run<S: Replay>(
        mut self,
        begin: impl FnOnce(
            &Recorder,
            &Call,
            VecDeque<Chance>,
            &mut BytesMut,
        ) -> Option<Result<Recorded<S>, Error>>,
    ) -> Result<Replayed, ReplayError> {
        let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
        let Some(Line::Call(call)) = self.next() else {
            return Err(ReplayError::Empty);
        };
        self.clock.set_wall(self.recording.began());
        let tape = self.tape();
        let Some(begun) = begin(&self.recorder, call, tape, &mut outgoing) else {
            return Err(ReplayError::Empty);
        };
        let Ok(mut session) = begun else {
            // The error is in the recording of the replay.
            return self.finish();
        };
        // What is masked is masked already.
        session.unmask();
        let started = self.clock.now();
        if let Some(stopped) = self.compare(&session)? {
            return Ok(self.stop(stopped));
        }
        while let Some(line) = self.next() {
            match line {
                Line::At { elapsed, wall } => {
                    let now = self.clock.now().saturating_duration_since(started);
                    let then = Duration::from_millis(*elapsed);
                    self.clock.advance(then.saturating_sub(now));
                    self.clock.set_wall(recorded::wall(*wall));
                }
                Line::Fed(bytes) => {
                    if self.has_spoken_tls && self.answered_with.is_none() {
                        self.answered_with = bytes.first().copied();
                    }
                    incoming.extend_from_slice(bytes);
                }
                Line::Call(call) => {
                    let tape = self.tape();
                    let at = self.at;
                    if !play(&mut session, call, tape, &mut incoming, &mut outgoing) {
                        let reason = StopReason::OtherAnswer;
                        let line = self.recording.number(at.saturating_sub(1));
                        return Ok(self.stop(Stopped { line, reason }));
                    }
                    outgoing.clear();
                    if let Some(stopped) = self.compare(&session)? {
                        return Ok(self.stop(stopped));
                    }
                }
                Line::Full => {
                    let line = self.recording.number(self.at.saturating_sub(1));
                    let reason = StopReason::Full;
                    return Ok(self.stop(Stopped { line, reason }));
                }
                // What the calls came to, which is compared.
                Line::Chance(_) | Line::Out(_) | Line::Answer(_) | Line::Info(_) => {}
            }
        }
        session.settle();
        if let Some(stopped) = self.compare(&session)? {
            return Ok(self.stop(stopped));
        }
        drop(session);
        self.finish()
    }

    fn next(&mut self) -> Option<&'a Line> {
        let line = self.recording.lines().get(self.at)?;
        self.at = self.at.saturating_add(1);
        Some(line)
    }

    /// What the call that was read drew.
    fn tape(&mut self) -> VecDeque<Chance> {
        let rest = self.recording.lines().get(self.at..).unwrap_or_default();
        let tape: VecDeque<Chance> = rest
            .iter()
            .map_while(|line| match line {
                Line::Chance(chance) => Some(chance.clone()),
                _ => None,
            })
            .collect();
        self.at = self.at.saturating_add(tape.len());
        tape
    }

    /// Compares what has been recorded of the replay since.
    fn compare<S: Session>(
        &mut self,
        session: &Recorded<S>,
    ) -> Result<Option<Stopped>, ReplayError> {
        let news = session.log().from(self.compared);
        self.compare_lines(&news)
    }

    fn compare_lines(&mut self, news: &[Line]) -> Result<Option<Stopped>, ReplayError> {
        for got in news {
            let expected = self.recording.lines().get(self.compared);
            if !expected.is_some_and(|expected| self.agrees(expected, got)) {
                return self.differs(expected, Some(got)).map(Some);
            }
            if let Line::Out(bytes) = got {
                self.has_spoken_tls |= bytes.first() == Some(&HANDSHAKE);
            }
            self.compared = self.compared.saturating_add(1);
        }
        Ok(None)
    }

    fn finish(mut self) -> Result<Replayed, ReplayError> {
        let recording = self.replayed();
        let rest = recording.lines().get(self.compared..).unwrap_or_default();
        let mut stopped = self.compare_lines(rest)?;
        if stopped.is_none() {
            if let Some(expected) = self.recording.lines().get(self.compared) {
                stopped = Some(self.differs(Some(expected), None)?);
            }
        }
        Ok(Replayed { recording, stopped })
    }

    fn stop(&self, stopped: Stopped) -> Replayed {
        Replayed {
            recording: self.replayed(),
            stopped: Some(stopped),
        }
    }

    /// Under the head of the recording, which tells who recorded it.
    fn replayed(&self) -> Recording {
        let recordings = self.recorder.recordings();
        let lines = recordings.first().map(|recording| recording.lines());
        self.recording.with_lines(lines.unwrap_or_default())
    }

    /// What is encrypted, or made of randomness, is another in each session, unless the secrets are
    /// played back.
    fn agrees(&self, expected: &Line, got: &Line) -> bool {
        match (expected, got) {
            (Line::Out(expected), Line::Out(got)) if !self.recording.has_secrets() => {
                let is_random =
                    |out: &[u8]| matches!(out, [CHANGE_CIPHER_SPEC | HANDSHAKE | DATA, ..]);
                expected == got || (is_random(expected) && is_random(got))
            }
            (expected, got) => expected == got,
        }
    }

    fn differs(&self, expected: Option<&Line>, got: Option<&Line>) -> Result<Stopped, ReplayError> {
        let line = self.recording.number(self.compared);
        match self.excuse() {
            Some(reason) => Ok(Stopped { line, reason }),
            None => Err(ReplayError::Divergence(Divergence {
                line,
                expected: expected.map(Line::to_string),
                got: got.map(Line::to_string),
            })),
        }
    }

    /// Why a replay could not be the same here.
    fn excuse(&self) -> Option<StopReason> {
        if self.recording.has_secrets() {
            let has_resumed = self.recording.is_of_client() && self.recording.is_resumed();
            return has_resumed.then_some(StopReason::Resumed);
        }
        let answers_keys = match self.answered_with {
            // An alert can be read without keys at first.
            Some(ALERT) => !self.recording.is_of_client(),
            Some(CHANGE_CIPHER_SPEC | HANDSHAKE | DATA) => true,
            Some(_) | None => false,
        };
        answers_keys.then_some(StopReason::NeedsSecrets)
    }
}

/// The types of records (RFC 8446 §5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const DATA: u8 = 23;

/// Calls again what was called. Whether the recording holds what it takes.
fn play<S: Replay>(
    session: &mut Recorded<S>,
    call: &Call,
    tape: VecDeque<Chance>,
    incoming: &mut BytesMut,
    outgoing: &mut BytesMut,
) -> bool {
    let chain = tape.iter().find_map(own_chain);
    session.play(tape);
    // What comes of it is in the recording of the replay.
    match call {
        // There is one beginning; another one is found to differ.
        Call::Connect | Call::Accept | Call::Upgrade => {}
        Call::Process => drop(session.process(incoming, outgoing)),
        Call::Send(plaintext) => drop(session.send(&data(plaintext), outgoing)),
        Call::Queue(plaintext) => drop(session.queue(&data(plaintext), outgoing)),
        Call::Flush => drop(session.flush(outgoing)),
        Call::Close => session.close(outgoing),
        Call::End => {
            let _ = session.end_of_input();
        }
        Call::Expire => drop(session.expire(outgoing)),
        Call::Trim => session.trim(),
        Call::AnswerHello(answer) => return S::answer(session, *answer, chain, outgoing),
        Call::AcceptIdentity => S::accept_identity(session),
    }
    true
}

/// Data as long as those that were sent, where they are not known.
fn data(plaintext: &Plaintext) -> Vec<u8> {
    match plaintext {
        Plaintext::Bytes(bytes) => bytes.clone(),
        Plaintext::Length(length) => vec![0; (*length).min(RECORDING)],
    }
}

/// What the sides do differently.
trait Replay: Session + Sized {
    fn answer(
        session: &mut Recorded<Self>,
        answer: Hello,
        chain: Option<CertifiedChain>,
        outgoing: &mut BytesMut,
    ) -> bool;
    fn accept_identity(session: &mut Recorded<Self>);
}

impl Replay for ClientSession {
    fn answer(
        _: &mut Recorded<Self>,
        _: Hello,
        _: Option<CertifiedChain>,
        _: &mut BytesMut,
    ) -> bool {
        false
    }

    fn accept_identity(_: &mut Recorded<Self>) {}
}

impl Replay for ServerSession {
    fn answer(
        session: &mut Recorded<Self>,
        answer: Hello,
        chain: Option<CertifiedChain>,
        outgoing: &mut BytesMut,
    ) -> bool {
        let answer = match (answer, chain) {
            (Hello::Configured, _) => HelloAnswer::Configured,
            (Hello::Refuse, _) => HelloAnswer::Refuse,
            (Hello::Certificate, Some(chain)) => HelloAnswer::Certificate(chain),
            (Hello::Challenge, Some(chain)) => HelloAnswer::Challenge(chain),
            (Hello::Certificate | Hello::Challenge, None) | (Hello::Acceptor, _) => return false,
        };
        drop(session.answer(answer, outgoing));
        true
    }

    fn accept_identity(session: &mut Recorded<Self>) {
        drop(session.accept_client_identity());
    }
}
