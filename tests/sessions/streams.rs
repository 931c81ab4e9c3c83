//! What the tests of the adapters share: a transport in memory with a peer at its other end, all in
//! one thread, and a conversation that each adapter has and the documented loop has, with the same
//! traces on both sides.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};

use bytes::BytesMut;
use mail_tls::stream::{find_error, find_truncated};
use mail_tls::{
    Acceptor, ApiMisuse, Certificates, ClientSession, Connector, EndOfInput, Endpoint, Error,
    Event, ProtocolError, Service, TlsMode,
};

use crate::support::{HOST, Session, Told, World, joined};

/// The bytes that a whole conversation carries in its greatest piece.
pub(crate) const LARGE: usize = 200_000;

/// What the peer does when it is told something.
pub(crate) type Script = Box<dyn FnMut(&Told, &mut dyn Session, &mut BytesMut) + Send>;

/// A transport whose other end is a session in the same thread.
pub(crate) struct Wire {
    peer: Box<dyn Session + Send>,
    script: Script,
    to_peer: BytesMut,
    to_us: BytesMut,
    /// What the peer says before TLS, and what it waits for before it goes on.
    pub(crate) dialog: VecDeque<(&'static str, &'static str)>,
    pub(crate) told: Vec<Told>,
    /// Everything that went by, in both directions.
    pub(crate) sent: Vec<u8>,
    pub(crate) received: Vec<u8>,
    /// The most that one call carries.
    pub(crate) most: usize,
    /// Errors of the calls to come; `None` for a call that is carried out.
    pub(crate) hiccups: VecDeque<Option<ErrorKind>>,
    /// Errors of the writes to come, `WriteZero` for one that takes nothing.
    pub(crate) write_faults: VecDeque<ErrorKind>,
    /// Whether the transport has ended where nothing is left to read; else it waits.
    pub(crate) has_ended: bool,
    /// Called when there is nothing to read.
    pub(crate) when_idle: Box<dyn FnMut() + Send>,
    pub(crate) flushed: usize,
    /// Whether the last read found nothing.
    pub(crate) is_idle: bool,
}

impl Wire {
    pub(crate) fn to(peer: impl Session + Send + 'static, script: Script) -> Self {
        Self {
            peer: Box::new(peer),
            script,
            to_peer: BytesMut::new(),
            to_us: BytesMut::new(),
            dialog: VecDeque::new(),
            told: Vec::new(),
            sent: Vec::new(),
            received: Vec::new(),
            most: usize::MAX,
            hiccups: VecDeque::new(),
            write_faults: VecDeque::new(),
            has_ended: false,
            when_idle: Box::new(|| {}),
            flushed: 0,
            is_idle: false,
        }
    }

    pub(crate) fn give(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hiccup()?;
        match self.write_faults.pop_front() {
            Some(ErrorKind::WriteZero) => return Ok(0),
            Some(kind) => return Err(kind.into()),
            None => {}
        }
        let bytes = &bytes[..bytes.len().min(self.most)];
        self.sent.extend_from_slice(bytes);
        self.to_peer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    pub(crate) fn take(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.is_idle = false;
        self.hiccup()?;
        self.turn_peer();
        if self.to_us.is_empty() {
            if self.has_ended {
                return Ok(0);
            }
            self.is_idle = true;
            (self.when_idle)();
            return Err(ErrorKind::WouldBlock.into());
        }
        let length = room.len().min(self.most).min(self.to_us.len());
        let piece = self.to_us.split_to(length);
        room[..length].copy_from_slice(&piece);
        self.received.extend_from_slice(&piece);
        Ok(length)
    }

    /// Bytes from the peer that its session knows nothing of.
    pub(crate) fn forge(&mut self, bytes: &[u8]) {
        self.to_us.extend_from_slice(bytes);
    }

    /// Loses the end of what is under way.
    pub(crate) fn cut(&mut self, bytes: usize) {
        self.turn_peer();
        self.to_us.truncate(self.to_us.len() - bytes);
        self.has_ended = true;
    }

    pub(crate) fn peer(&mut self, act: impl FnOnce(&mut dyn Session, &mut BytesMut)) {
        self.turn_peer();
        act(&mut *self.peer, &mut self.to_us);
    }

    pub(crate) fn trace(&mut self) -> Vec<Told> {
        self.turn_peer();
        joined(self.told.clone())
    }

    pub(crate) fn turn_peer(&mut self) {
        while let Some((says, awaits)) = self.dialog.front() {
            if !says.is_empty() {
                self.to_us.extend_from_slice(says.as_bytes());
                let awaits = *awaits;
                *self.dialog.front_mut().unwrap() = ("", awaits);
            } else if !awaits.is_empty() && self.to_peer.starts_with(awaits.as_bytes()) {
                let _ = self.to_peer.split_to(awaits.len());
                self.dialog.pop_front();
            } else if awaits.is_empty() {
                self.dialog.pop_front();
            } else {
                return;
            }
        }
        while let Some(told) = self.peer.step(&mut self.to_peer, &mut self.to_us) {
            (self.script)(&told, &mut *self.peer, &mut self.to_us);
            let has_failed = matches!(told, Told::Failed(_));
            self.told.push(told);
            if has_failed {
                break;
            }
        }
    }

    fn hiccup(&mut self) -> io::Result<()> {
        match self.hiccups.pop_front().flatten() {
            Some(kind) => Err(kind.into()),
            None => Ok(()),
        }
    }
}

/// The type and length of each record, after `plain` bytes.
pub(crate) fn records(mut wire: &[u8], plain: usize) -> Vec<(u8, usize)> {
    let mut records = Vec::new();
    wire = &wire[plain..];
    while let [kind, _, _, high, low, rest @ ..] = wire {
        let length = usize::from(*high) * 256 + usize::from(*low);
        records.push((*kind, length));
        wire = rest.get(length..).unwrap_or_default();
    }
    records
}

/// A world whose flights have the same length each time.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) acceptor: Acceptor,
    mode: TlsMode,
}

pub(crate) const DIALOG: [(&str, &str); 2] =
    [("* OK hi\r\n", "A2 STARTTLS\r\n"), ("A2 OK go\r\n", "")];

impl Stage {
    pub(crate) fn new(mode: TlsMode) -> Self {
        let world = World::new();
        let chain = world
            .authority
            .issue_with(&[HOST], &rcgen::PKCS_ED25519, |_| {});
        let acceptor = world
            .acceptor_with(Certificates::new(chain))
            .build()
            .unwrap();
        Self {
            world,
            acceptor,
            mode,
        }
    }

    /// A new one, so that no session resumes another.
    pub(crate) fn connector(&self) -> Connector {
        let endpoint = Endpoint::typed(Service::Imap, self.mode, HOST).unwrap();
        self.world.connector_to(endpoint)
    }

    /// A wire to a server that greets, answers a line with itself, and closes after `QUIT`.
    pub(crate) fn wire(&self) -> Wire {
        let mut line = Vec::new();
        let script: Script = Box::new(move |told, server, outgoing| match told {
            Told::Established => server.send(b"* hello\r\n", outgoing).unwrap(),
            Told::Data(data) => {
                line.extend_from_slice(data);
                if line.ends_with(b"\r\n") {
                    server.send(&line, outgoing).unwrap();
                    if line == b"QUIT\r\n" {
                        server.close(outgoing);
                    }
                    line.clear();
                }
            }
            _ => {}
        });
        let mut wire = Wire::to(self.acceptor.accept().unwrap(), script);
        if self.mode == TlsMode::StartTls {
            wire.dialog = DIALOG.into();
        }
        wire
    }
}

/// What a conversation looks like from outside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Trace {
    pub(crate) read: Vec<u8>,
    pub(crate) end: Option<EndOfInput>,
    pub(crate) told_to_server: Vec<Told>,
    pub(crate) sent: Vec<(u8, usize)>,
    pub(crate) received: Vec<(u8, usize)>,
    pub(crate) summary: String,
}

impl Trace {
    pub(crate) fn of(
        wire: &mut Wire,
        mode: TlsMode,
        read: Vec<u8>,
        end: Option<EndOfInput>,
        summary: String,
    ) -> Self {
        let (sent, received) = match mode {
            TlsMode::Implicit => (0, 0),
            TlsMode::StartTls => (13, 9 + 10),
            other => panic!("{other:?}"),
        };
        Self {
            read,
            end,
            told_to_server: wire.trace(),
            sent: records(&wire.sent, sent),
            received: records(&wire.received, received),
            summary,
        }
    }
}

/// What the client says; each is answered with itself.
pub(crate) fn lines() -> Vec<Vec<u8>> {
    let mut large = vec![b'x'; LARGE];
    large.extend_from_slice(b"\r\n");
    vec![b"NOOP\r\n".to_vec(), large, b"QUIT\r\n".to_vec()]
}

/// The conversation by the documented loop.
pub(crate) fn by_the_loop(stage: &Stage) -> Trace {
    let mut wire = stage.wire();
    let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
    let mut session = stage.connector().connect(&mut outgoing).unwrap();
    let (mut read, mut end) = (Vec::new(), None);
    let mut turn = |session: &mut ClientSession, read: &mut Vec<u8>, outgoing: &mut BytesMut| {
        loop {
            match session.process(&mut incoming, outgoing).unwrap() {
                Some(Event::Data(data)) => read.extend_from_slice(data),
                Some(Event::PeerClosed) => end = Some(session.end_of_input()),
                Some(_) => {}
                None => break,
            }
        }
        while !outgoing.is_empty() {
            let written = wire.give(outgoing).unwrap();
            let _ = outgoing.split_to(written);
        }
        let mut chunk = [0; 4096];
        match wire.take(&mut chunk) {
            Ok(taken) => incoming.extend_from_slice(&chunk[..taken]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    };
    let mut expected = b"* hello\r\n".len();
    while read.len() < expected {
        turn(&mut session, &mut read, &mut outgoing);
    }
    for line in lines() {
        for piece in line.chunks(60_000) {
            session.send(piece, &mut outgoing).unwrap();
        }
        expected += line.len();
        while read.len() < expected {
            turn(&mut session, &mut read, &mut outgoing);
        }
    }
    turn(&mut session, &mut read, &mut outgoing);
    let summary = session.info().unwrap().to_string();
    session.close(&mut outgoing);
    turn(&mut session, &mut read, &mut outgoing);
    Trace::of(&mut wire, stage.mode, read, end, summary)
}

#[track_caller]
pub(crate) fn assert_truncated(error: &io::Error, in_record: bool) {
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    let truncated = find_truncated(error).unwrap();
    let expected = EndOfInput::Truncated {
        in_record,
        is_established: true,
    };
    assert_eq!(truncated.end_of_input(), expected);
    assert!(find_error(error).is_none());
}

#[test]
fn errors_are_found_wherever_libraries_put_them() {
    let ours = Error::from(ApiMisuse::SendAfterClose);
    let direct = io::Error::from(ours.clone());
    assert_eq!(direct.kind(), ErrorKind::InvalidInput);
    assert_eq!(direct.to_string(), ours.to_string());
    assert_eq!(find_error(&direct), Some(&ours));
    assert_eq!(find_error(&ours), Some(&ours));

    #[derive(Debug, thiserror::Error)]
    #[error("a library's")]
    struct Wrapped(#[source] io::Error);
    let wrapped = io::Error::other(Wrapped(io::Error::from(ours.clone())));
    assert_eq!(find_error(&wrapped), Some(&ours));
    assert!(find_truncated(&wrapped).is_none());
    assert!(find_error(&io::Error::from(ErrorKind::TimedOut)).is_none());
    assert!(find_error(&Wrapped(io::Error::other("a text"))).is_none());
}

#[test]
fn kinds_of_io_errors() {
    let world = World::new();
    let connector = world.connector();
    let mut outgoing = BytesMut::new();
    let mut session = connector.connect(&mut outgoing).unwrap();
    let _ = session.end_of_input();
    let ended = session
        .process(&mut BytesMut::new(), &mut outgoing)
        .unwrap_err();
    assert_eq!(io::Error::from(ended).kind(), ErrorKind::UnexpectedEof);

    let mut session = connector.connect(&mut outgoing).unwrap();
    let mut incoming = BytesMut::from(&b"* OK plain\r\n"[..]);
    let plaintext = session.process(&mut incoming, &mut outgoing).unwrap_err();
    assert!(matches!(
        crate::support::protocol(&plaintext),
        ProtocolError::PlaintextPeer(_)
    ));
    assert_eq!(io::Error::from(plaintext).kind(), ErrorKind::InvalidData);

    let mut session = connector.connect(&mut outgoing).unwrap();
    world.clock.advance(mail_tls::limits::HANDSHAKE_TIME);
    let late = session.expire(&mut outgoing).unwrap_err();
    assert_eq!(io::Error::from(late).kind(), ErrorKind::TimedOut);
}
