//! One rustls connection, fed from the caller's buffer and drained into the caller's buffer.

use std::fmt;
use std::io;
use std::mem;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use rustls::client::ClientConnection;
use rustls::{Connection, InvalidMessage, ServerConfig};

use super::alerts::{put_alert, put_plaintext_alert};
use super::buffers::NothingYet;
use super::hello::{ClientHello, HelloPeek};
use super::inlet::{Inlet, Portion};
use super::scope::{Notes, with_notes};
use crate::alert::Alert;
use crate::limits::{RECORD_HEADER, RECORDS_WITHOUT_PROGRESS, SERVER_HELLO_BYTES};

mod direct;
mod stage;

use direct::{is_handshake, not_a_hello};
use stage::{Received, Stage, drain, encrypt};

/// One rustls connection of either side.
pub(crate) struct Engine {
    stage: Stage,
    inlet: Inlet,
    /// Plaintext that rustls holds, as far as it has said.
    waiting: usize,
    /// How much of it was lent to the caller and has not been released.
    lent: usize,
    /// The fault that ended the connection; plaintext received before it is delivered first.
    fault: Option<Box<Fault>>,
    /// Whether close_notify was sent: nothing may follow it.
    is_closed: bool,
    /// Whether the peer's close_notify was received.
    peer_has_closed: bool,
    /// Bytes received until the handshake was done, the record that completes it included.
    handshake_bytes: usize,
    /// Records without plaintext, one after the other, after the handshake.
    idle_records: usize,
    handshake_limit: usize,
    /// Whether a server whose rustls reads the ClientHello by itself has said nothing yet.
    is_unanswered: bool,
    /// What such a server has received so far, where the ClientHello does not come in one piece.
    peek: Option<Box<HelloPeek>>,
    pub(crate) notes: Notes,
}

/// Why a connection ended.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    Tls(rustls::Error),
    TooMuch { what: &'static str, bound: usize },
    KeysExhausted,
}

/// What one step brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More input is needed.
    Starved,
    /// Something happened: look again.
    Advanced,
    /// The ClientHello is there and waits for [`Engine::proceed`].
    HelloRead,
}

/// What the server makes of a ClientHello.
pub(crate) enum HelloOutcome {
    Proceed(Arc<ServerConfig>),
    Refuse(Alert),
}

impl Engine {
    pub(super) fn client(
        connection: ClientConnection,
        notes: Notes,
        handshake_limit: usize,
        outgoing: &mut BytesMut,
    ) -> Self {
        let stage = Stage::Running(Connection::Client(connection));
        let mut engine = Self::new(stage, notes, handshake_limit);
        engine.drain(outgoing);
        engine
    }

    /// In the place of an engine while the plaintext dialog goes on.
    pub(crate) fn idle() -> Self {
        Self::new(Stage::Spent, Notes::default(), 0)
    }

    /// A server that looks at the ClientHello before it goes on with [`proceed`](Self::proceed).
    pub(super) fn server(handshake_limit: usize) -> Self {
        let stage = Stage::Hello(Box::default());
        Self::new(stage, Notes::default(), handshake_limit)
    }

    fn new(stage: Stage, notes: Notes, handshake_limit: usize) -> Self {
        Self {
            stage,
            inlet: Inlet::default(),
            waiting: 0,
            lent: 0,
            fault: None,
            is_closed: false,
            peer_has_closed: false,
            handshake_bytes: 0,
            idle_records: 0,
            handshake_limit,
            is_unanswered: false,
            peek: None,
            notes,
        }
    }

    /// Hands one portion of `incoming` to rustls, and appends what rustls has to say to `outgoing`.
    ///
    /// Call it only when no plaintext waits: then rustls never refuses input.
    pub(crate) fn advance(&mut self, incoming: &mut BytesMut, outgoing: &mut BytesMut) -> Progress {
        if matches!(self.stage, Stage::Offered(..)) {
            return Progress::HelloRead;
        }
        if self.fault.is_some() {
            return Progress::Starved;
        }
        if self.peer_has_closed {
            // Data after close_notify is ignored (RFC 8446 §6.1).
            incoming.clear();
            return Progress::Starved;
        }
        let is_handshaking = self.is_handshaking();
        let (bytes, records, is_illegal) = match self.inlet.portion(incoming, is_handshaking) {
            Portion::Wait => return Progress::Starved,
            Portion::Give { bytes, records } => (bytes, records, false),
            Portion::Refuse => (RECORD_HEADER, 1, true),
        };
        let begins_record = !self.inlet.is_within_record();
        self.inlet.given(incoming, bytes, records);
        let Some(portion) = incoming.get(..bytes) else {
            return Progress::Starved;
        };
        self.notes.without_data = self.notes.without_data.saturating_add(bytes);
        if is_handshaking {
            self.handshake_bytes = self.handshake_bytes.saturating_add(bytes);
        }
        if self.handshake_bytes > self.handshake_limit {
            self.fail(Fault::TooMuch {
                what: "bytes before the session was established",
                bound: self.handshake_limit,
            });
        } else if self.handshake_bytes > SERVER_HELLO_BYTES && self.awaits_server_hello() {
            self.fail(Fault::TooMuch {
                what: "bytes before its first message was complete",
                bound: SERVER_HELLO_BYTES,
            });
        } else if self.is_unanswered && begins_record && !is_illegal && !is_handshake(portion) {
            self.fail(Fault::Tls(not_a_hello(portion)));
        } else if let Err(fault) = self.stage.take(portion) {
            self.fail(fault);
        }
        if self.fault.is_none() && records > 0 {
            self.process(records, outgoing);
            if is_illegal && self.fault.is_none() {
                self.fail(Fault::Tls(InvalidMessage::InvalidContentType.into()));
            }
        }
        if self.is_unanswered {
            self.answer_directly(portion, outgoing);
        }
        self.tell_of_fault(outgoing);
        incoming.advance(bytes);
        match self.stage {
            Stage::Offered(..) => Progress::HelloRead,
            _ => Progress::Advanced,
        }
    }

    /// Appends what rustls has to say. After a fault that is its alert, and where it has none,
    /// close_notify: its public interface sends no other.
    fn tell_of_fault(&mut self, outgoing: &mut BytesMut) {
        self.drain(outgoing);
        if self.fault.as_ref().is_some_and(|fault| !fault.is_alert()) {
            // Does nothing behind an alert.
            self.close(outgoing);
        }
    }

    /// Lets rustls work on what it was given.
    fn process(&mut self, records: usize, outgoing: &mut BytesMut) {
        // Records of a handshake come here one by one, and with TLS 1.3 nothing can share one with
        // the ServerHello (RFC 8446 §5.1): when a certificate is asked for, the version is known.
        self.notes.is_tls13 = self.version() == Some(0x0304);
        let Self {
            stage,
            notes,
            is_closed,
            ..
        } = self;
        match with_notes(notes, || stage.process(*is_closed, outgoing)) {
            Ok(Received {
                plaintext,
                peer_has_closed,
            }) => {
                self.waiting = plaintext;
                self.peer_has_closed |= peer_has_closed;
            }
            Err(error) => {
                self.waiting = self.stage.first_chunk().len();
                self.fail(Fault::Tls(error));
                return;
            }
        }
        self.settle_heritage();
        if self.has_plaintext() {
            self.idle_records = 0;
            self.notes.without_data = 0;
        } else if !self.is_handshaking() {
            self.idle_records = self.idle_records.saturating_add(records);
            if self.idle_records > RECORDS_WITHOUT_PROGRESS {
                self.fail(Fault::TooMuch {
                    what: "records without data in them",
                    bound: RECORDS_WITHOUT_PROGRESS,
                });
            }
        }
    }

    fn awaits_server_hello(&self) -> bool {
        matches!(self.running(), Some(Connection::Client(_))) && self.version().is_none()
    }

    fn fail(&mut self, fault: Fault) {
        self.fault = Some(Box::new(fault));
    }

    /// Goes on with a ClientHello that was read.
    pub(crate) fn proceed(&mut self, outcome: HelloOutcome, outgoing: &mut BytesMut) {
        let stage = mem::replace(&mut self.stage, Stage::Spent);
        let Stage::Offered(offered) = stage else {
            self.stage = stage;
            return;
        };
        let (accepted, versions) = *offered;
        match outcome {
            HelloOutcome::Proceed(config) => {
                let result = with_notes(&mut self.notes, || accepted.into_connection(config));
                match result {
                    Ok(connection) => {
                        self.stage = Stage::Running(Connection::Server(connection));
                        self.settle_heritage();
                    }
                    Err((error, alert)) => {
                        put_alert(alert, Alert::HANDSHAKE_FAILURE, outgoing);
                        self.fail(Fault::Tls(error));
                        self.notes.offered_versions = Some(Box::new(versions));
                    }
                }
            }
            HelloOutcome::Refuse(alert) => put_plaintext_alert(alert, outgoing),
        }
        self.drain(outgoing);
    }

    /// Answers a ClientHello of SSL 2.0, which rustls does not read.
    pub(crate) fn refuse_version(&self, outgoing: &mut BytesMut) {
        put_plaintext_alert(Alert::PROTOCOL_VERSION, outgoing);
    }

    /// The ClientHello that waits for [`proceed`](Self::proceed).
    pub(crate) fn offered_hello(&self) -> Option<ClientHello> {
        match &self.stage {
            Stage::Offered(offered) => {
                let (accepted, versions) = &**offered;
                Some(ClientHello::new(&accepted.client_hello(), *versions))
            }
            Stage::Hello(..) | Stage::Running(_) | Stage::Spent => None,
        }
    }

    /// Whether there is plaintext to lend.
    pub(crate) fn has_plaintext(&self) -> bool {
        self.waiting > 0
    }

    /// Lends the next piece of plaintext until [`release`](Self::release).
    pub(crate) fn lend(&mut self) -> &[u8] {
        let chunk = self.stage.first_chunk();
        self.lent = chunk.len();
        chunk
    }

    /// Gives up what was lent.
    pub(crate) fn release(&mut self) {
        let lent = mem::take(&mut self.lent);
        if lent == 0 {
            return;
        }
        if let Stage::Running(connection) = &mut self.stage {
            io::BufRead::consume(&mut connection.reader(), lent);
        }
        self.waiting = self.waiting.saturating_sub(lent);
        if self.fault.is_some() {
            // rustls did not say how much it decrypted before the fault.
            self.waiting = self.stage.first_chunk().len();
        }
    }

    /// The fault that ended the connection, once.
    pub(crate) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take().map(|fault| *fault)
    }

    /// Encrypts all of `plaintext` into `outgoing`.
    pub(crate) fn send(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Fault> {
        let Stage::Running(connection) = &mut self.stage else {
            return Err(Fault::Tls(rustls::Error::HandshakeNotComplete));
        };
        match connection {
            Connection::Client(client) => encrypt(client, plaintext, outgoing),
            Connection::Server(server) => encrypt(server, plaintext, outgoing),
        }
    }

    /// Puts close_notify into `outgoing`, once. After it nothing else goes there.
    pub(crate) fn close(&mut self, outgoing: &mut BytesMut) {
        if self.is_closed {
            return;
        }
        match &mut self.stage {
            Stage::Running(connection) => connection.send_close_notify(),
            Stage::Hello(..) | Stage::Offered(..) => {
                put_plaintext_alert(Alert::CLOSE_NOTIFY, outgoing);
            }
            Stage::Spent => {}
        }
        self.drain(outgoing);
        self.is_closed = true;
    }

    /// Gives back the memory that large records have left behind.
    pub(crate) fn trim(&mut self) {
        if let Stage::Running(connection) = &mut self.stage {
            if !self.inlet.is_within_record() {
                // rustls shrinks its buffer before it reads; this reader has nothing for it.
                let _ = connection.read_tls(&mut NothingYet);
            }
        }
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        match &self.stage {
            Stage::Running(connection) => connection.is_handshaking(),
            Stage::Hello(..) | Stage::Offered(..) | Stage::Spent => true,
        }
    }

    /// Whether the peer's close_notify was received.
    pub(crate) fn peer_has_closed(&self) -> bool {
        self.peer_has_closed
    }

    /// Whether rustls holds the beginning of a record.
    pub(crate) fn is_within_record(&self) -> bool {
        self.inlet.is_within_record()
    }

    fn drain(&mut self, outgoing: &mut BytesMut) {
        if let Stage::Running(connection) = &mut self.stage {
            if self.is_closed {
                drain(connection, &mut BytesMut::new());
            } else {
                drain(connection, outgoing);
            }
        }
    }
}

impl Engine {
    pub(super) fn running(&self) -> Option<&Connection> {
        match &self.stage {
            Stage::Running(connection) => Some(connection),
            Stage::Hello(..) | Stage::Offered(..) | Stage::Spent => None,
        }
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}
