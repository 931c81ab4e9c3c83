//! `blocking::Stream` over a transport in memory.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use mail_tls::blocking::{Stream, Timeouts, Transport, Untimed};
use mail_tls::stream::{Milestone, find_error};
use mail_tls::{
    ApiMisuse, Client, ClientSession, EndOfInput, Error, HelloAnswer, ProtocolError, TlsMode,
};

use crate::streams::{LARGE, Stage, Trace, Wire, assert_truncated, by_the_loop, lines};
use crate::support::{Authority, Told, World, protocol};

/// The wire as a transport that blocks.
struct Blocking {
    wire: Wire,
    timeouts: Timeouts,
    set: Arc<Mutex<Vec<Timeouts>>>,
}

impl Blocking {
    fn new(wire: Wire) -> Self {
        Self {
            wire,
            timeouts: Timeouts::default(),
            set: Arc::default(),
        }
    }
}

impl Read for Blocking {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.wire.take(room)
    }
}

impl Write for Blocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wire.give(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.wire.flushed += 1;
        Ok(())
    }
}

impl Transport for Blocking {
    fn timeouts(&self) -> io::Result<Timeouts> {
        Ok(self.timeouts)
    }
    fn set_timeouts(&mut self, timeouts: Timeouts) -> io::Result<()> {
        for timeout in [timeouts.read, timeouts.write].into_iter().flatten() {
            assert!(!timeout.is_zero());
        }
        self.timeouts = timeouts;
        self.set.lock().unwrap().push(timeouts);
        Ok(())
    }
}

fn converse(stage: &Stage, mode: TlsMode, prepare: impl FnOnce(&mut Wire), piece: usize) -> Trace {
    let mut wire = stage.wire();
    prepare(&mut wire);
    let mut stream = begin(stage, Blocking::new(wire));
    while let Err(error) = stream.handshake() {
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    }
    let mut read = Vec::new();
    read_up_to(&mut stream, &mut read, b"* hello\r\n".len(), piece);
    for line in lines() {
        let expected = read.len() + line.len();
        for piece in line.chunks(60_000) {
            write_all(&mut stream, piece);
        }
        read_up_to(&mut stream, &mut read, expected, piece);
    }
    let end = loop {
        match stream.read(&mut [0; 16]) {
            Ok(0) => break stream.end(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => panic!("{other:?}"),
        }
    };
    let summary = stream.info().unwrap().to_string();
    while let Err(error) = stream.close() {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
    Trace::of(&mut stream.transport_mut().wire, mode, read, end, summary)
}

fn read_up_to(
    stream: &mut Stream<ClientSession, Blocking>,
    read: &mut Vec<u8>,
    expected: usize,
    piece: usize,
) {
    let mut buffer = vec![0; piece];
    while read.len() < expected {
        match stream.read(&mut buffer) {
            Ok(0) => panic!("it ends after {} bytes", read.len()),
            Ok(taken) => read.extend_from_slice(&buffer[..taken]),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
    }
}

fn write_all(stream: &mut Stream<ClientSession, Blocking>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(taken) => bytes = &bytes[taken..],
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
    }
    while let Err(error) = stream.flush() {
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    }
}

fn begin(stage: &Stage, transport: Blocking) -> Stream<ClientSession, Blocking> {
    let mut outgoing = BytesMut::new();
    let session = stage.connector().connect(&mut outgoing).unwrap();
    Stream::new(session, transport, BytesMut::new(), outgoing)
}

fn connected() -> (Stage, Stream<ClientSession, Blocking>) {
    let stage = Stage::new(TlsMode::Implicit);
    let mut stream = Stream::connect(&stage.connector(), Blocking::new(stage.wire())).unwrap();
    let mut greeting = [0; 9];
    stream.read_exact(&mut greeting).unwrap();
    assert_eq!(&greeting, b"* hello\r\n");
    (stage, stream)
}

#[test]
fn the_same_conversation_has_the_same_traces() {
    for mode in [TlsMode::Implicit, TlsMode::StartTls] {
        let stage = Stage::new(mode);
        let expected = by_the_loop(&stage);
        assert_eq!(expected.end, Some(EndOfInput::Clean));
        assert_eq!(expected.read.len(), 9 + 6 + LARGE + 2 + 6);
        assert!(expected.told_to_server.len() >= 3, "{:?}", expected.sent);
        for piece in [1, 4096, 1 << 20] {
            assert_eq!(converse(&stage, mode, |_| {}, piece), expected);
        }
        for most in [1, 7, 1000] {
            assert_eq!(
                converse(&stage, mode, |wire| wire.most = most, 512),
                expected
            );
        }
    }
}

#[test]
fn interruptions_and_hiccups_lose_nothing() {
    let stage = Stage::new(TlsMode::StartTls);
    let expected = by_the_loop(&stage);
    for kind in [ErrorKind::Interrupted, ErrorKind::WouldBlock] {
        for period in [2, 3, 5] {
            let trace = converse(
                &stage,
                TlsMode::StartTls,
                |wire| {
                    wire.most = 100;
                    wire.hiccups = (0..20_000)
                        .map(|call| (call % period == 0).then_some(kind))
                        .collect();
                },
                333,
            );
            assert_eq!(trace, expected, "{kind} at each {period}th call");
        }
    }
}

#[test]
fn a_stream_begins_by_itself() {
    let stage = Stage::new(TlsMode::Implicit);
    let mut stream = begin(&stage, Blocking::new(stage.wire()));
    stream.write_all(b"NOOP\r\n").unwrap();
    let mut read = [0; 15];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"* hello\r\nNOOP\r\n");

    let mut stream = begin(&stage, Blocking::new(stage.wire()));
    stream.read_exact(&mut read[..9]).unwrap();
    assert_eq!(stream.handshake().unwrap(), Milestone::Established);
    assert_eq!(stream.read(&mut []).unwrap(), 0);
    assert_eq!(stream.write(b"").unwrap(), 0);
}

#[test]
fn slices_share_their_record() {
    let (_stage, mut stream) = connected();
    let before = stream.transport().wire.sent.len();
    let slices = [b"NO".as_slice(), b"", b"OP", b"\r\n"].map(IoSlice::new);
    assert_eq!(stream.write_vectored(&slices).unwrap(), 6);
    let sent = &stream.transport().wire.sent[before..];
    assert_eq!(crate::streams::records(sent, 0).len(), 1);
    stream.read_exact(&mut [0; 6]).unwrap();
}

#[test]
fn what_one_write_takes_is_bounded() {
    let (_stage, mut stream) = connected();
    let much = vec![b'x'; 1 << 20];
    assert_eq!(stream.write(&much).unwrap(), 64 * 1024);
    let slices = [IoSlice::new(&much), IoSlice::new(&much)];
    assert_eq!(stream.write_vectored(&slices).unwrap(), 64 * 1024);
}

#[test]
fn a_clean_end_and_half_a_connection() {
    let (_stage, mut stream) = connected();
    stream.close().unwrap();
    stream.close().unwrap();
    assert!(stream.transport().wire.flushed > 0);
    let after = stream.write(b"x").unwrap_err();
    assert_eq!(
        find_error(&after),
        Some(&Error::Misuse(ApiMisuse::SendAfterClose))
    );
    // The other half is still open.
    let wire = &mut stream.transport_mut().wire;
    assert_eq!(wire.trace().last(), Some(&Told::PeerClosed));
    wire.peer(|server, outgoing| {
        server.send(b"later", outgoing).unwrap();
        server.close(outgoing);
    });
    wire.has_ended = true;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"later");
    assert_eq!(stream.end(), Some(EndOfInput::Clean));
    assert_eq!(stream.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn a_truncation_is_an_error_after_what_came_before() {
    for in_record in [false, true] {
        let (_stage, mut stream) = connected();
        stream.write_all(b"NOOP\r\n").unwrap();
        let wire = &mut stream.transport_mut().wire;
        if in_record {
            wire.peer(|server, outgoing| server.send(b"lost", outgoing).unwrap());
            wire.cut(1);
        }
        wire.has_ended = true;
        let mut rest = Vec::new();
        let error = stream.read_to_end(&mut rest).unwrap_err();
        assert_eq!(rest, b"NOOP\r\n");
        assert_truncated(&error, in_record);
        assert_truncated(&stream.read(&mut [0; 8]).unwrap_err(), in_record);
        // The own half may still be written, as the session has it.
        stream.write_all(b"NOOP\r\n").unwrap();
    }
}

#[test]
fn an_end_before_tls_is_the_sessions_error() {
    let stage = Stage::new(TlsMode::Implicit);
    let mut wire = stage.wire();
    wire.cut(0);
    wire.dialog = [("", "never")].into();
    let error = Stream::connect(&stage.connector(), Blocking::new(wire)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    let error = find_error(&error).unwrap();
    assert!(matches!(
        protocol(error),
        ProtocolError::EndedDuringHandshake { .. }
    ));
}

#[test]
fn the_alert_is_written_before_the_error_is_returned() {
    let stage = Stage::new(TlsMode::Implicit);
    let stranger = Client::builder()
        .trust_anchors(Authority::new().anchors())
        .clock(stage.world.clock.clone())
        .build()
        .unwrap();
    let connector = stranger
        .connector(&stage.world.account, stage.world.endpoint())
        .unwrap();
    let mut outgoing = BytesMut::new();
    let session = connector.connect(&mut outgoing).unwrap();
    let transport = Blocking::new(stage.wire());
    let mut stream = Stream::new(session, transport, BytesMut::new(), outgoing);
    for _ in 0..3 {
        let error = stream.handshake().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(matches!(find_error(&error), Some(Error::Certificate(_))));
    }
    for error in [
        stream.read(&mut [0; 4]).unwrap_err(),
        stream.write(b"secret").unwrap_err(),
    ] {
        assert!(matches!(find_error(&error), Some(Error::Certificate(_))));
    }
    let told = stream.transport_mut().wire.trace();
    let [Told::Failed(Error::Protocol(told))] = &*told else {
        panic!("{told:?}");
    };
    assert!(told.to_string().contains("TLS alert unknown_ca"), "{told}");
}

#[test]
fn what_came_before_a_fault_is_read_before_the_error() {
    let (_stage, mut stream) = connected();
    stream.write_all(b"NOOP\r\n").unwrap();
    let wire = &mut stream.transport_mut().wire;
    wire.turn_peer();
    wire.forge(&[
        23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
    ]);
    // In pieces smaller than what was sent, and with the fault in the same read.
    let mut read = Vec::new();
    let error = loop {
        let mut piece = [0; 2];
        match stream.read(&mut piece) {
            Ok(taken) => read.extend_from_slice(&piece[..taken]),
            Err(error) => break error,
        }
    };
    assert_eq!(read, b"NOOP\r\n");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(find_error(&error).is_some());
    let told = stream.transport_mut().wire.trace();
    assert!(matches!(told.last(), Some(Told::Failed(_))), "{told:?}");
    assert!(find_error(&stream.handshake().unwrap_err()).is_some());
}

#[test]
fn faults_of_the_transport_are_told_and_lose_nothing() {
    let (_stage, mut stream) = connected();
    stream.transport_mut().wire.write_faults = [ErrorKind::WriteZero; 2].into();
    // It was taken: the fault is told by what comes next.
    assert_eq!(stream.write(b"NOOP\r\n").unwrap(), 6);
    assert_eq!(stream.flush().unwrap_err().kind(), ErrorKind::WriteZero);
    stream.flush().unwrap();
    stream.read_exact(&mut [0; 6]).unwrap();

    stream.transport_mut().wire.write_faults = [ErrorKind::OutOfMemory; 3].into();
    assert_eq!(stream.write(b"NOOP\r\n").unwrap(), 6);
    assert_eq!(
        stream.write(b"X").unwrap_err().kind(),
        ErrorKind::OutOfMemory
    );
    assert_eq!(stream.close().unwrap_err().kind(), ErrorKind::OutOfMemory);
    stream.close().unwrap();
    let told = stream.transport_mut().wire.trace();
    assert!(told.ends_with(&[Told::Data(b"NOOP\r\nNOOP\r\n".to_vec()), Told::PeerClosed]));
}

#[test]
fn a_peer_that_reads_no_more_is_still_listened_to() {
    let (_stage, mut stream) = connected();
    let wire = &mut stream.transport_mut().wire;
    wire.write_faults = [ErrorKind::BrokenPipe; 4].into();
    wire.peer(|server, outgoing| {
        server.send(b"* BYE too busy\r\n", outgoing).unwrap();
        server.close(outgoing);
    });
    assert_eq!(stream.write(b"NOOP\r\n").unwrap(), 6);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"* BYE too busy\r\n");
    assert_eq!(stream.flush().unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn the_deadline_bounds_each_wait_and_ends_the_handshake() {
    let stage = Stage::new(TlsMode::Implicit);
    let mut wire = stage.wire();
    wire.dialog = [("", "never")].into();
    let clock = stage.world.clock.clone();
    wire.when_idle = Box::new(move || clock.advance(Duration::from_secs(12)));
    let mut transport = Blocking::new(wire);
    let own = Timeouts {
        read: Some(Duration::from_secs(14)),
        write: None,
    };
    transport.timeouts = own;
    let set = Arc::clone(&transport.set);
    let mut stream = begin(&stage, transport);
    // The transport's own patience ends first, twice.
    for _ in 0..2 {
        let error = stream.handshake().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(stream.transport().timeouts, own);
    }
    let error = stream.handshake().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(matches!(find_error(&error), Some(Error::TimedOut(_))));
    assert_eq!(stream.transport().timeouts, own);
    let slack = Duration::from_millis(2);
    let limits: Vec<_> = set
        .lock()
        .unwrap()
        .iter()
        .map(|set| (set.read, set.write))
        .collect();
    let bounded = |read: u64, write: u64| {
        let seconds = Duration::from_secs;
        (
            Some(seconds(read).min(seconds(write) + slack)),
            Some(seconds(write) + slack),
        )
    };
    assert_eq!(
        limits,
        [
            bounded(14, 30),
            bounded(14, 30),
            (own.read, own.write),
            bounded(14, 18),
            (own.read, own.write),
            bounded(14, 6),
            (own.read, own.write),
        ]
    );
}

#[test]
fn a_peer_that_trickles_does_not_stretch_the_deadline() {
    let stage = Stage::new(TlsMode::StartTls);
    let mut wire = stage.wire();
    wire.most = 1;
    wire.dialog = [(
        "* OK a greeting of many bytes that come slowly\r\n",
        "never",
    )]
    .into();
    let mut stream = begin(&stage, Blocking::new(wire));
    let clock = &stage.world.clock;
    // One byte for each second.
    let error = loop {
        clock.advance(Duration::from_secs(1));
        stream.transport_mut().wire.hiccups = [None, None, Some(ErrorKind::WouldBlock)].into();
        match stream.handshake() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => break other.unwrap_err(),
        }
    };
    assert!(matches!(find_error(&error), Some(Error::TimedOut(_))));
}

#[test]
fn no_bound_is_left_behind() {
    let (_stage, stream) = connected();
    let transport = stream.transport();
    assert_eq!(transport.timeouts, Timeouts::default());
    assert!(transport.set.lock().unwrap().len() > 1);
}

#[test]
fn a_server_that_asks_and_a_server_that_does_not() {
    let world = World::new();
    let client = |connector: &mail_tls::Connector| {
        let mut outgoing = BytesMut::new();
        let session = connector.connect(&mut outgoing).unwrap();
        let mut wire = Wire::to(
            session,
            Box::new(|told, client, outgoing| {
                if *told == Told::Established {
                    client.send(b"hi", outgoing).unwrap();
                }
            }),
        );
        wire.forge(&outgoing);
        Untimed(Blocking::new(wire))
    };
    let acceptor = world.acceptor();
    let mut stream = Stream::accept(&acceptor, client(&world.connector())).unwrap();
    let mut read = [0; 2];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"hi");

    let asks = world
        .acceptor_builder()
        .ask_for_each_hello()
        .build()
        .unwrap();
    let error = Stream::accept(&asks, client(&world.connector())).unwrap_err();
    let missing = Error::Misuse(ApiMisuse::AnswerMissing);
    assert_eq!(find_error(&error), Some(&missing));

    let session = asks.accept().unwrap();
    let transport = client(&world.connector());
    let mut stream = Stream::new(session, transport, BytesMut::new(), BytesMut::new());
    // Reading does not lose the question.
    for _ in 0..2 {
        let error = stream.read(&mut read).unwrap_err();
        assert_eq!(find_error(&error), Some(&missing));
    }
    let error = stream.write(b"x").unwrap_err();
    assert_eq!(find_error(&error), Some(&missing));
    let Milestone::ClientHello(hello) = stream.handshake().unwrap() else {
        panic!("no question");
    };
    assert_eq!(hello.server_name(), Some(crate::support::HOST));
    let error = stream.handshake().unwrap_err();
    assert_eq!(find_error(&error), Some(&missing));
    let (session, outgoing) = stream.session_mut();
    session.answer(HelloAnswer::Configured, outgoing).unwrap();
    assert_eq!(stream.handshake().unwrap(), Milestone::Established);
    stream.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"hi");

    let session = asks.accept().unwrap();
    let transport = client(&world.connector());
    let mut stream = Stream::new(session, transport, BytesMut::new(), BytesMut::new());
    stream.handshake().unwrap();
    let (session, outgoing) = stream.session_mut();
    session.answer(HelloAnswer::Refuse, outgoing).unwrap_err();
    let error = stream.handshake().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let wire = &mut stream.transport_mut().0.wire;
    assert!(matches!(&*wire.trace(), [Told::Failed(_)]));
}

#[test]
fn credentials_go_through_the_session() {
    let (_stage, mut stream) = connected();
    let permit = stream.session().credential_permit().unwrap();
    let (session, outgoing) = stream.session_mut();
    session
        .send_credentials(permit, b"a LOGIN\r\n", outgoing)
        .unwrap();
    stream.flush().unwrap();
    let mut read = [0; 9];
    stream.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"a LOGIN\r\n");
    stream.trim();
    stream.write_all(b"NOOP\r\n").unwrap();
    stream.read_exact(&mut read[..6]).unwrap();
    assert!(format!("{stream:?}").starts_with("Stream"));
}
