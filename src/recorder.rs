//! Recordings of sessions, so that a user's report of a fault becomes a test (feature `recorder`).
//!
//! A [`Recorder`] begins sessions that write down what they are fed, what is called, what they send
//! and what they tell, as a text of one line each: a [`Recording`]. Offline, without the peer and
//! its keys, the recording [replays](Recording::replay_client) into the same events, or the first
//! [`Divergence`] is named.
//!
//! There are two kinds:
//!
//! * [`Recorder::redacted`]: without keys, without plaintext, fit to be attached to a report. What
//!   the peer sent is in it as it was on the wire, encrypted once TLS stands; of plaintext only the
//!   length. What a client says to a server before TLS is masked, but for its command. It names
//!   hosts, certificates of servers, and versions; with TLS 1.2 also the client's certificate, which
//!   goes over the wire in clear there (RFC 8314 §8). It replays as far as no key is needed: dialogs
//!   before TLS, plain text where TLS was expected, injections, garbage, refusals of a ClientHello.
//! * [`Recorder::with_secrets`]: everything, and **with it anybody can decrypt the connection**, the
//!   password in it included. For test accounts, or where the user has agreed and the password is
//!   changed afterwards. It replays to the end: handshakes, data, faults, rejected certificates. The
//!   session's provider has to be one from [`provider`].
//!
//! ```
//! # #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use bytes::BytesMut;
//! use mail_tls::recorder::{Recorder, Recording};
//! use mail_tls::{Account, Client, Endpoint, Service, TlsMode};
//!
//! let endpoint = Endpoint::typed(Service::Pop3, TlsMode::Implicit, "mail.example.org")?;
//! let connector = Client::builder().build()?.connector(&Account::configured(), endpoint.clone())?;
//! let recorder = Recorder::redacted();
//! let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
//! let mut session = recorder.connect(&connector, &mut outgoing)?;
//! incoming.extend_from_slice(b"+OK mail.example.org ready\r\n"); // no TLS there
//! assert!(session.process(&mut incoming, &mut outgoing).is_err());
//! let text = session.recording().to_string();
//!
//! // Somewhere else, on another day:
//! let recording: Recording = text.parse()?;
//! let client = Client::builder().clock(recording.clock()).build()?;
//! let connector = client.connector(&Account::configured(), endpoint)?;
//! let replayed = recording.replay_client(&connector)?;
//! assert!(replayed.stopped().is_none());
//! assert_eq!(replayed.recording().trace(), recording.trace());
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring"))))]
//! # fn main() {}
//! ```
//!
//! # What it does not hold
//!
//! How the program was configured: trust anchors, the account, TLSA records, limits. Who replays
//! makes a connector or an acceptor as the program did. What a connector keeps between sessions, its
//! tickets and what it prefers, is not in it either: record with a connector that is new, or record
//! every session since it was new and replay them to one connector in the order in which they began.
//! A session that has resumed an earlier one resumes then what was replayed before it. rustls lets
//! nobody make a ticket out of bytes, so that no recording could hold one; this also keeps the
//! secrets of tickets out of them. What a server's ticket holds is in the server's recording, where
//! secrets are.

mod line;
mod log;
mod mask;
mod outcome;
mod provider;
mod recorded;
mod recording;
mod replay;
mod scope;
mod verbs;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use rustls::crypto::CryptoProvider;
use rustls::sign::SigningKey;

pub use outcome::{Divergence, ReplayError, Replayed, StopReason, Stopped};
pub(crate) use provider::{own_chain, peer_chain, tickets};
pub use recorded::Recorded;
pub use recording::{InvalidRecording, Recording};

use crate::acceptor::Acceptor;
use crate::clock::Clock;
use crate::connector::Connector;
use crate::error::{ConfigError, Error};
use crate::limits::RECORDINGS;
use crate::service::{Service, TlsMode};
use crate::session::{ClientSession, ServerSession, Session};
use crate::tls::Provider;
use line::{Answer, Call, Chance, Line};
use log::Log;
use recorded::{Entry, failed, millis_of};
use recording::Header;
use scope::Scope;

/// A provider of cryptography for recordings with secrets, and for replaying them: `own`, or the
/// one of the enabled feature, with an ear for what it draws by chance.
///
/// Outside of recorded sessions it does what it did before. rustls wants its parts for as long as
/// the program runs: a few hundred bytes of each call are never given back.
///
/// # Errors
/// [`ConfigError::NoCryptoProvider`] where there is none.
pub fn provider(own: Option<Arc<CryptoProvider>>) -> Result<Arc<CryptoProvider>, Error> {
    let base = Provider::choose(own)?;
    Ok(Arc::new(provider::listening(base.get())))
}

/// A signing key for recordings with secrets, where the key is not loaded by the provider: one of a
/// hardware token, given by [`CertifiedChain::with_signing_key`].
///
/// [`CertifiedChain::with_signing_key`]: crate::CertifiedChain::with_signing_key
pub fn signing_key(key: Arc<dyn SigningKey>) -> Arc<dyn SigningKey> {
    let algorithm = key.algorithm().into();
    provider::key(Some(key), algorithm)
}

/// Begins sessions that are recorded, and keeps their recordings: the newest
/// [`RECORDINGS`]. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub struct Recorder {
    with_secrets: bool,
    logs: Arc<Mutex<VecDeque<Log>>>,
}

impl Recorder {
    /// Records without keys and plaintext.
    pub fn redacted() -> Self {
        Self::new(false)
    }

    /// Records everything. **Whoever has the recording can decrypt the connection**: every
    /// password and every message in it.
    pub fn with_secrets() -> Self {
        Self::new(true)
    }

    /// What has been recorded, in the order in which the sessions began.
    pub fn recordings(&self) -> Vec<Recording> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        logs.iter().map(Log::recording).collect()
    }

    /// As [`Connector::connect`].
    ///
    /// # Errors
    /// As [`Connector::connect`]. [`ConfigError::UnusableProvider`] where secrets are to be recorded
    /// and the client was not made with a provider from [`provider`].
    pub fn connect(
        &self,
        connector: &Connector,
        outgoing: &mut BytesMut,
    ) -> Result<Recorded<ClientSession>, Error> {
        let begin = |outgoing: &mut BytesMut| connector.connect(outgoing);
        self.client(connector, Call::Connect, VecDeque::new(), outgoing, begin)
    }

    /// As [`Connector::upgrade`].
    ///
    /// # Errors
    /// As [`Connector::upgrade`], and [`connect`](Self::connect).
    pub fn upgrade(
        &self,
        connector: &Connector,
        surplus: &[u8],
        outgoing: &mut BytesMut,
    ) -> Result<Recorded<ClientSession>, Error> {
        let begin = |outgoing: &mut BytesMut| connector.upgrade(surplus, outgoing);
        self.client(connector, Call::Upgrade, VecDeque::new(), outgoing, begin)
    }

    /// As [`Acceptor::accept`].
    ///
    /// # Errors
    /// As [`Acceptor::accept`]. [`ConfigError::UnusableProvider`] where secrets are to be recorded
    /// and the server was not made with a provider from [`provider`].
    pub fn accept(&self, acceptor: &Acceptor) -> Result<Recorded<ServerSession>, Error> {
        self.server(acceptor, Call::Accept, VecDeque::new(), || {
            acceptor.accept()
        })
    }

    /// As [`Acceptor::upgrade`].
    ///
    /// # Errors
    /// As [`Acceptor::upgrade`], and [`accept`](Self::accept).
    pub fn accept_upgrade(
        &self,
        acceptor: &Acceptor,
        received: &[u8],
        incoming: &mut BytesMut,
    ) -> Result<Recorded<ServerSession>, Error> {
        self.server(acceptor, Call::Upgrade, VecDeque::new(), || {
            acceptor.upgrade(received, incoming)
        })
    }
}

impl Recorder {
    fn new(with_secrets: bool) -> Self {
        Self {
            with_secrets,
            logs: Arc::default(),
        }
    }

    fn client(
        &self,
        connector: &Connector,
        call: Call,
        tape: VecDeque<Chance>,
        outgoing: &mut BytesMut,
        begin: impl FnOnce(&mut BytesMut) -> Result<ClientSession, Error>,
    ) -> Result<Recorded<ClientSession>, Error> {
        let prepared = connector.prepared();
        self.check(prepared.engines.provider())?;
        let endpoint = connector.endpoint();
        let peer = (endpoint.host().to_string(), endpoint.port());
        let clock = &prepared.clock;
        let header = self.header(endpoint.service(), endpoint.mode(), Some(peer), clock);
        let time = (clock, prepared.limits.handshake_time());
        self.begin(header, time, call, tape, outgoing, begin)
    }

    fn server(
        &self,
        acceptor: &Acceptor,
        call: Call,
        tape: VecDeque<Chance>,
        begin: impl FnOnce() -> Result<ServerSession, Error>,
    ) -> Result<Recorded<ServerSession>, Error> {
        let listening = acceptor.clone().into_listening();
        self.check(listening.engines.provider().get())?;
        let clock = &listening.clock;
        let header = self.header(listening.service, listening.mode, None, clock);
        let time = (clock, listening.limits.handshake_time());
        let mut none = BytesMut::new();
        self.begin(header, time, call, tape, &mut none, |_| begin())
    }

    fn begin<S: Session>(
        &self,
        header: Header,
        (clock, limit): (&Clock, Duration),
        call: Call,
        tape: VecDeque<Chance>,
        outgoing: &mut BytesMut,
        begin: impl FnOnce(&mut BytesMut) -> Result<S, Error>,
    ) -> Result<Recorded<S>, Error> {
        let began = header.began;
        let is_client = header.peer.is_some();
        let log = self.keep(header);
        let entry = Entry::new(
            is_client,
            Line::Call(call),
            self.with_secrets,
            tape,
            outgoing,
        );
        let session = entry.run(&log, outgoing, |outgoing| {
            let result = begin(outgoing);
            let answer = result.as_ref().map_or_else(failed, |_| Answer::Done);
            (result, answer)
        })?;
        // When the session itself began, so that a replay expires when it did.
        let deadline = session.deadline();
        let started = deadline
            .and_then(|deadline| deadline.checked_sub(limit))
            .unwrap_or_else(|| clock.now());
        let clock = clock.clone();
        Ok(Recorded::new(
            session,
            log,
            self.with_secrets,
            clock,
            (started, began),
        ))
    }

    fn header(
        &self,
        service: Service,
        mode: TlsMode,
        peer: Option<(String, u16)>,
        clock: &Clock,
    ) -> Header {
        let began = millis_of(clock.wall());
        Header::new(self.with_secrets, service, mode, peer, began)
    }

    /// A new log, in the place of the oldest.
    fn keep(&self, header: Header) -> Log {
        let log = Log::new(header);
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if logs.len() >= RECORDINGS {
            logs.pop_front();
        }
        logs.push_back(log.clone());
        log
    }

    /// A recording with secrets that lacks them would replay nowhere.
    fn check(&self, provider: &CryptoProvider) -> Result<(), Error> {
        if !self.with_secrets || has_ear(provider) {
            return Ok(());
        }
        Err(ConfigError::UnusableProvider {
            reason: "it records nothing: make it with recorder::provider".into(),
        }
        .into())
    }
}

/// Whether a provider comes from [`provider`].
fn has_ear(provider: &CryptoProvider) -> bool {
    let (_, scope) = scope::within(Scope::default(), || {
        let mut byte = [0];
        provider.secure_random.fill(&mut byte)
    });
    scope.was_asked
}
