//! A session whose calls are written down.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::time::{Duration, Instant, SystemTime};

use bytes::BytesMut;

use super::line::{Answer, Call, Chance, Hello, Line, Plaintext, one_line};
use super::log::Log;
use super::mask::Mask;
use super::recording::Recording;
use super::scope::{self, Scope};
use crate::channel_binding::{ChannelBinding, ChannelBindingError, ChannelBindingType};
use crate::clock::Clock;
use crate::error::Error;
use crate::policy::CredentialPermit;
use crate::session::{
    ClientSession, EndOfInput, Event, ExternalOffer, HelloAnswer, ServerSession, Session,
};

/// A [`ClientSession`] or [`ServerSession`] that writes down what it is called with, and what
/// comes of it. From a [`Recorder`](super::Recorder).
///
/// It has the same verbs. What only looks at a session is called on it through [`Deref`].
pub struct Recorded<S: Session> {
    session: S,
    log: Log,
    clock: Clock,
    /// When the session began.
    started: Instant,
    /// The time that was written down last.
    last: (u64, u64),
    with_secrets: bool,
    /// What was taken from the embedder's `incoming`.
    incoming: BytesMut,
    mask: Mask,
    /// The pieces that the mask has not decided on: where they are in the log, and their lengths.
    undecided: Vec<(usize, usize)>,
    /// Whether the session was established, and what was negotiated has not been written down.
    owes_info: bool,
    /// What the next call plays back.
    tape: VecDeque<Chance>,
    /// What the next call is fed with, as it is shown.
    fed: Option<Vec<u8>>,
}

impl<S: Session> Recorded<S> {
    /// `started` by the clock, and in milliseconds since 1970.
    pub(super) fn new(
        session: S,
        log: Log,
        with_secrets: bool,
        clock: Clock,
        started: (Instant, u64),
    ) -> Self {
        let is_masked = !session.is_client() && !with_secrets;
        Self {
            session,
            log,
            clock,
            started: started.0,
            last: (0, started.1),
            with_secrets,
            incoming: BytesMut::new(),
            mask: if is_masked {
                Mask::Undecided(Vec::new())
            } else {
                Mask::Off
            },
            undecided: Vec::new(),
            owes_info: false,
            tape: VecDeque::new(),
            fed: None,
        }
    }

    /// What has been written down so far.
    pub fn recording(&self) -> Recording {
        let mut recording = self.log.recording();
        recording.extend(self.owed_info());
        recording
    }

    /// As [`ClientSession::process`]. `incoming` is always left empty: the recorder keeps what the
    /// session does.
    ///
    /// # Errors
    /// As [`ClientSession::process`].
    pub fn process<'a>(
        &'a mut self,
        incoming: &'a mut BytesMut,
        outgoing: &mut BytesMut,
    ) -> Result<Option<Event<'a>>, Error> {
        self.feed(incoming);
        let mut entry = self.enter(Call::Process, outgoing);
        let Self {
            session,
            incoming,
            log,
            with_secrets,
            owes_info,
            ..
        } = self;
        let scope = std::mem::take(&mut entry.scope);
        let (result, scope) = scope::within(scope, || session.process(incoming, outgoing));
        let answer = match &result {
            Ok(None) => Answer::Nothing,
            Ok(Some(Event::Established)) => {
                *owes_info = true;
                Answer::Established
            }
            Ok(Some(Event::Data(data))) => Answer::Data(Plaintext::of(data, *with_secrets)),
            Ok(Some(Event::PeerClosed)) => Answer::PeerClosed,
            Ok(Some(Event::ClientHello(_))) => Answer::ClientHello,
            Ok(Some(Event::ChallengeAnswered)) => Answer::ChallengeAnswered,
            Err(error) => failed(error),
        };
        entry.leave(log, scope, outgoing, answer);
        result
    }

    /// As [`ClientSession::send`].
    ///
    /// # Errors
    /// As [`ClientSession::send`].
    pub fn send(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error> {
        let call = Call::Send(Plaintext::of(plaintext, self.with_secrets));
        self.call(call, outgoing, |session, outgoing| {
            session.send(plaintext, outgoing)
        })
    }

    /// As [`ClientSession::queue`].
    ///
    /// # Errors
    /// As [`ClientSession::queue`].
    pub fn queue(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error> {
        let call = Call::Queue(Plaintext::of(plaintext, self.with_secrets));
        self.call(call, outgoing, |session, outgoing| {
            session.queue(plaintext, outgoing)
        })
    }

    /// As [`ClientSession::flush`].
    ///
    /// # Errors
    /// As [`ClientSession::flush`].
    pub fn flush(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
        self.call(Call::Flush, outgoing, S::flush)
    }

    /// As [`ClientSession::close`].
    pub fn close(&mut self, outgoing: &mut BytesMut) {
        let entry = self.enter(Call::Close, outgoing);
        let session = &mut self.session;
        entry.run(&self.log, outgoing, |outgoing| {
            session.close(outgoing);
            ((), Answer::Done)
        });
    }

    /// As [`ClientSession::end_of_input`].
    #[must_use = "it says whether something is missing"]
    pub fn end_of_input(&mut self) -> EndOfInput {
        let mut none = BytesMut::new();
        let entry = self.enter(Call::End, &none);
        let session = &mut self.session;
        entry.run(&self.log, &mut none, |_| {
            let end = session.end_of_input();
            (end, Answer::Ended(end))
        })
    }

    /// As [`ClientSession::expire`].
    ///
    /// # Errors
    /// As [`ClientSession::expire`].
    pub fn expire(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
        self.call(Call::Expire, outgoing, S::expire)
    }

    /// As [`ClientSession::trim`].
    pub fn trim(&mut self) {
        let mut none = BytesMut::new();
        let entry = self.enter(Call::Trim, &none);
        let session = &mut self.session;
        entry.run(&self.log, &mut none, |_| {
            session.trim();
            ((), Answer::Done)
        });
        if self.incoming.is_empty() {
            self.incoming = BytesMut::new();
        }
    }

    /// As [`ClientSession::take_channel_binding`]. Nothing is written down: it changes nothing that
    /// is.
    ///
    /// # Errors
    /// As [`ClientSession::take_channel_binding`].
    pub fn take_channel_binding(
        &mut self,
        binding_type: ChannelBindingType,
    ) -> Result<ChannelBinding, ChannelBindingError> {
        self.session.take_channel_binding(binding_type)
    }

    /// What the next call plays back.
    pub(super) fn play(&mut self, tape: VecDeque<Chance>) {
        self.tape = tape;
    }

    /// Shows what it is fed as it is.
    pub(super) fn unmask(&mut self) {
        self.mask = Mask::Off;
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    /// Writes down what only a later call could.
    pub(super) fn settle(&mut self) {
        let owed = self.owed_info();
        self.owes_info = false;
        self.log.append(owed.into_iter().collect());
    }

    fn owed_info(&self) -> Option<Line> {
        let info = self.session.info().filter(|_| self.owes_info)?;
        Some(Line::Info(one_line(&info)))
    }

    fn call(
        &mut self,
        call: Call,
        outgoing: &mut BytesMut,
        run: impl FnOnce(&mut S, &mut BytesMut) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let entry = self.enter(call, outgoing);
        let session = &mut self.session;
        entry.run(&self.log, outgoing, |outgoing| {
            let result = run(session, outgoing);
            let answer = match &result {
                Ok(()) => Answer::Done,
                Err(error) => failed(error),
            };
            (result, answer)
        })
    }

    /// What stands in the log before a call's results.
    fn enter(&mut self, call: Call, outgoing: &BytesMut) -> Entry {
        self.settle();
        let mut lines: Vec<Line> = self.time().into_iter().collect();
        if let Some(fed) = self.fed.take() {
            match &self.mask {
                Mask::Undecided(_) => {
                    let at = self.log.len().saturating_add(lines.len());
                    self.undecided.push((at, fed.len()));
                }
                Mask::Off | Mask::Hidden => self.undecided = Vec::new(),
            }
            lines.push(Line::Fed(fed));
        }
        let tape = std::mem::take(&mut self.tape);
        let mut entry = Entry::new(
            self.session.is_client(),
            Line::Call(call),
            self.with_secrets,
            tape,
            outgoing,
        );
        lines.append(&mut entry.lines);
        entry.lines = lines;
        entry
    }

    fn time(&mut self) -> Option<Line> {
        let elapsed = self.clock.now().saturating_duration_since(self.started);
        let now = (millis(elapsed), millis_of(self.clock.wall()));
        if now == self.last {
            return None;
        }
        self.last = now;
        Some(Line::At {
            elapsed: now.0,
            wall: now.1,
        })
    }

    /// Takes what was appended to the embedder's buffer.
    fn feed(&mut self, incoming: &mut BytesMut) {
        if incoming.is_empty() {
            return;
        }
        self.settle();
        let piece = incoming.split();
        let shown = self.mask.shown(&piece);
        let (before, now) = match shown.len().checked_sub(piece.len()) {
            Some(before) => shown.split_at_checked(before).unwrap_or((&[], &shown)),
            None => (&[][..], &shown[..]),
        };
        let mut rest = before;
        for (at, length) in &self.undecided {
            let (again, behind) = rest.split_at_checked(*length).unwrap_or((rest, &[]));
            self.log.show_fed(*at, again);
            rest = behind;
        }
        self.fed = Some(now.to_vec());
        if self.incoming.is_empty() {
            self.incoming = piece;
        } else {
            self.incoming.extend_from_slice(&piece);
        }
    }
}

/// The verbs of a client alone.
impl Recorded<ClientSession> {
    /// As [`ClientSession::send_credentials`]; written down as any other
    /// [`send`](Self::send).
    ///
    /// # Errors
    /// As [`ClientSession::send_credentials`].
    pub fn send_credentials(
        &mut self,
        permit: CredentialPermit,
        credentials: &[u8],
        outgoing: &mut BytesMut,
    ) -> Result<(), Error> {
        let call = Call::Send(Plaintext::of(credentials, self.with_secrets));
        self.call(call, outgoing, |session, outgoing| {
            session.send_credentials(permit, credentials, outgoing)
        })
    }
}

/// The verbs of a server alone.
impl Recorded<ServerSession> {
    /// As [`ServerSession::answer`].
    ///
    /// # Errors
    /// As [`ServerSession::answer`].
    pub fn answer(&mut self, answer: HelloAnswer, outgoing: &mut BytesMut) -> Result<(), Error> {
        let kind = match &answer {
            HelloAnswer::Configured => Hello::Configured,
            HelloAnswer::Certificate(_) => Hello::Certificate,
            HelloAnswer::Acceptor(_) => Hello::Acceptor,
            HelloAnswer::Challenge(_) => Hello::Challenge,
            HelloAnswer::Refuse => Hello::Refuse,
        };
        self.call(Call::AnswerHello(kind), outgoing, |session, outgoing| {
            session.answer(answer, outgoing)
        })
    }

    /// As [`ServerSession::accept_client_identity`].
    ///
    /// # Errors
    /// As [`ServerSession::accept_client_identity`].
    pub fn accept_client_identity(&mut self) -> Result<ExternalOffer, Error> {
        let mut none = BytesMut::new();
        let entry = self.enter(Call::AcceptIdentity, &none);
        let session = &mut self.session;
        entry.run(&self.log, &mut none, |_| {
            let result = session.accept_client_identity();
            let answer = match &result {
                Ok(_) => Answer::Done,
                Err(error) => failed(error),
            };
            (result, answer)
        })
    }
}

/// What only looks at a session.
impl<S: Session> Deref for Recorded<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.session
    }
}

/// Without what was recorded, which may be secret.
impl<S: Session> fmt::Debug for Recorded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded")
            .field("session", &self.session)
            .field("log", &self.log)
            .finish_non_exhaustive()
    }
}

impl<S: Session> Drop for Recorded<S> {
    fn drop(&mut self) {
        self.settle();
    }
}

/// A call that is being made.
pub(super) struct Entry {
    lines: Vec<Line>,
    scope: Scope,
    sent_before: usize,
}

impl Entry {
    pub(super) fn new(
        is_client: bool,
        call: Line,
        with_secrets: bool,
        tape: VecDeque<Chance>,
        outgoing: &[u8],
    ) -> Self {
        Self {
            lines: vec![call],
            scope: Scope {
                with_secrets,
                // A client's certificate says who somebody is.
                with_peer_chain: with_secrets || is_client,
                tape,
                ..Scope::default()
            },
            sent_before: outgoing.len(),
        }
    }

    pub(super) fn run<R>(
        mut self,
        log: &Log,
        outgoing: &mut BytesMut,
        call: impl FnOnce(&mut BytesMut) -> (R, Answer),
    ) -> R {
        let scope = std::mem::take(&mut self.scope);
        let ((result, answer), scope) = scope::within(scope, || call(outgoing));
        self.leave(log, scope, outgoing, answer);
        result
    }

    fn leave(self, log: &Log, scope: Scope, outgoing: &[u8], answer: Answer) {
        let mut lines = self.lines;
        lines.extend(scope.noted.into_iter().map(Line::Chance));
        let sent = outgoing.get(self.sent_before..).unwrap_or_default();
        if !sent.is_empty() {
            lines.push(Line::Out(sent.to_vec()));
        }
        lines.push(Line::Answer(answer));
        log.append(lines);
    }
}

pub(super) fn failed(error: &Error) -> Answer {
    Answer::Error {
        code: error.code().to_owned(),
        sentence: one_line(error),
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Since 1970; what was before counts as 1970.
pub(super) fn millis_of(wall: SystemTime) -> u64 {
    millis(
        wall.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default(),
    )
}

pub(super) fn wall(millis: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_millis(millis))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}
