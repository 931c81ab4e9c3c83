//! `tokio::Stream` over a transport in memory, in time that stands still.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, split};
use ::tokio::time::{sleep, timeout};
use ::tokio::{join, select, spawn};
use bytes::BytesMut;
use mail_tls::stream::{Milestone, find_error};
use mail_tls::tokio::Stream;
use mail_tls::{
    ApiMisuse, Client, ClientSession, EndOfInput, Error, HelloAnswer, ProtocolError, TlsMode,
};

use crate::streams::{LARGE, Stage, Trace, Wire, assert_truncated, by_the_loop, lines};
use crate::support::{Authority, Told, World, protocol};

/// The wire as a transport that wakes.
#[derive(Clone)]
struct Waking(Arc<Mutex<Ends>>);

struct Ends {
    wire: Wire,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Whether the peer's window is closed: nothing can be written.
    is_full: bool,
    /// Whether it closes with the next write.
    fills_up: bool,
    is_shut_down: bool,
}

impl Waking {
    fn new(wire: Wire) -> Self {
        Self(Arc::new(Mutex::new(Ends {
            wire,
            reader: None,
            writer: None,
            is_full: false,
            fills_up: false,
            is_shut_down: false,
        })))
    }

    /// Does something at the far end, and wakes who waits for it.
    fn act<R>(&self, act: impl FnOnce(&mut Ends) -> R) -> R {
        let mut ends = self.0.lock().unwrap();
        let result = act(&mut ends);
        let wakers = [ends.reader.take(), ends.writer.take()];
        drop(ends);
        wakers.into_iter().flatten().for_each(Waker::wake);
        result
    }

    fn look<R>(&self, look: impl FnOnce(&mut Ends) -> R) -> R {
        look(&mut self.0.lock().unwrap())
    }
}

impl AsyncRead for Waking {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.look(|ends| match ends.wire.take(room.initialize_unfilled()) {
            Ok(taken) => {
                room.advance(taken);
                Poll::Ready(Ok(()))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if ends.wire.is_idle {
                    ends.reader = Some(task.waker().clone());
                } else {
                    task.waker().wake_by_ref();
                }
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        })
    }
}

impl AsyncWrite for Waking {
    fn poll_write(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.look(|ends| {
            if ends.is_full {
                ends.writer = Some(task.waker().clone());
                return Poll::Pending;
            }
            match ends.wire.give(bytes) {
                Ok(given) => {
                    ends.is_full = ends.fills_up;
                    // The peer may have answered.
                    if let Some(reader) = ends.reader.take() {
                        reader.wake();
                    }
                    Poll::Ready(Ok(given))
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    task.waker().wake_by_ref();
                    Poll::Pending
                }
                Err(error) => Poll::Ready(Err(error)),
            }
        })
    }
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.look(|ends| ends.wire.flushed += 1);
        Poll::Ready(Ok(()))
    }
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.look(|ends| ends.is_shut_down = true);
        Poll::Ready(Ok(()))
    }
}

type ClientStream = Stream<ClientSession, Waking>;

fn begin(stage: &Stage, transport: &Waking) -> ClientStream {
    let mut outgoing = BytesMut::new();
    let session = stage.connector().connect(&mut outgoing).unwrap();
    Stream::new(session, transport.clone(), BytesMut::new(), outgoing)
}

async fn connected() -> (Stage, Waking, ClientStream) {
    let stage = Stage::new(TlsMode::Implicit);
    let transport = Waking::new(stage.wire());
    let mut stream = Stream::connect(&stage.connector(), transport.clone())
        .await
        .unwrap();
    let mut greeting = [0; 9];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"* hello\r\n");
    (stage, transport, stream)
}

async fn converse(
    stage: &Stage,
    mode: TlsMode,
    prepare: impl FnOnce(&mut Wire),
    piece: usize,
) -> Trace {
    let mut wire = stage.wire();
    prepare(&mut wire);
    let transport = Waking::new(wire);
    let mut stream = Stream::connect(&stage.connector(), transport.clone())
        .await
        .unwrap();
    let mut read = Vec::new();
    read_up_to(&mut stream, &mut read, b"* hello\r\n".len(), piece).await;
    for line in lines() {
        let expected = read.len() + line.len();
        for piece in line.chunks(60_000) {
            stream.write_all(piece).await.unwrap();
        }
        stream.flush().await.unwrap();
        read_up_to(&mut stream, &mut read, expected, piece).await;
    }
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
    let end = stream.end();
    let summary = stream.info().unwrap().to_string();
    stream.shutdown().await.unwrap();
    transport.look(|ends| {
        assert!(ends.is_shut_down);
        Trace::of(&mut ends.wire, mode, read, end, summary)
    })
}

async fn read_up_to(stream: &mut ClientStream, read: &mut Vec<u8>, expected: usize, piece: usize) {
    let mut buffer = vec![0; piece];
    while read.len() < expected {
        let taken = stream.read(&mut buffer).await.unwrap();
        assert_ne!(taken, 0, "it ends after {} bytes", read.len());
        read.extend_from_slice(&buffer[..taken]);
    }
}

#[::tokio::test(start_paused = true)]
async fn the_same_conversation_has_the_same_traces() {
    for mode in [TlsMode::Implicit, TlsMode::StartTls] {
        let stage = Stage::new(mode);
        let expected = by_the_loop(&stage);
        assert_eq!(expected.read.len(), 9 + 6 + LARGE + 2 + 6);
        for piece in [1, 4096, 1 << 20] {
            assert_eq!(converse(&stage, mode, |_| {}, piece).await, expected);
        }
        for most in [1, 7, 1000] {
            let trace = converse(&stage, mode, |wire| wire.most = most, 512).await;
            assert_eq!(trace, expected);
        }
        for kind in [ErrorKind::Interrupted, ErrorKind::WouldBlock] {
            for period in [2, 3, 5] {
                let hiccups = |wire: &mut Wire| {
                    wire.most = 100;
                    wire.hiccups = (0..20_000)
                        .map(|call| (call % period == 0).then_some(kind))
                        .collect();
                };
                let trace = converse(&stage, mode, hiccups, 333).await;
                assert_eq!(trace, expected, "{kind} at each {period}th call");
            }
        }
    }
}

/// Each operation is dropped and made again at each of its waits.
#[::tokio::test(start_paused = true)]
async fn any_future_can_be_dropped_and_the_call_made_again() {
    let stage = Stage::new(TlsMode::StartTls);
    let expected = by_the_loop(&stage);
    let mut wire = stage.wire();
    wire.most = 500;
    wire.hiccups = (0..20_000)
        .map(|call| (call % 2 == 0).then_some(ErrorKind::WouldBlock))
        .collect();
    let transport = Waking::new(wire);
    let mut stream = begin(&stage, &transport);
    let mut cancelled = 0;
    macro_rules! insist {
        ($operation:expr) => {
            loop {
                select! {
                    biased;
                    result = $operation => break result.unwrap(),
                    () = std::future::ready(()) => cancelled += 1,
                }
            }
        };
    }
    assert_eq!(insist!(stream.handshake()), Milestone::Established);
    let (mut read, mut piece) = (Vec::new(), [0; 700]);
    let mut due = b"* hello\r\n".len();
    for line in [Vec::new()].into_iter().chain(lines()) {
        due += line.len();
        for piece in line.chunks(60_000) {
            let mut left = piece;
            while !left.is_empty() {
                let taken = insist!(stream.write(left));
                left = &left[taken..];
            }
        }
        insist!(stream.flush());
        while read.len() < due {
            let taken = insist!(stream.read(&mut piece));
            read.extend_from_slice(&piece[..taken]);
        }
    }
    assert_eq!(insist!(stream.read(&mut piece)), 0);
    insist!(stream.shutdown());
    assert!(cancelled > 100, "{cancelled}");
    let summary = stream.info().unwrap().to_string();
    let end = stream.end();
    let trace =
        transport.look(|ends| Trace::of(&mut ends.wire, TlsMode::StartTls, read, end, summary));
    assert_eq!(trace, expected);
}

#[::tokio::test(start_paused = true)]
async fn both_halves_in_tasks_of_their_own_from_the_first_byte() {
    let stage = Stage::new(TlsMode::Implicit);
    for reader_first in [true, false] {
        let mut wire = stage.wire();
        wire.most = 1000;
        let transport = Waking::new(wire);
        let (mut reader, mut writer) = split(begin(&stage, &transport));
        let read = spawn(async move {
            if !reader_first {
                sleep(Duration::from_millis(1)).await;
            }
            let mut all = Vec::new();
            reader.read_to_end(&mut all).await.unwrap();
            all
        });
        let write = spawn(async move {
            if reader_first {
                sleep(Duration::from_millis(1)).await;
            }
            for line in lines() {
                writer.write_all(&line).await.unwrap();
                // So that the server is told one line at a time.
                sleep(Duration::from_millis(1)).await;
            }
            writer
        });
        let both = async { join!(read, write) };
        let (read, writer) = timeout(Duration::from_secs(20), both).await.unwrap();
        assert_eq!(read.unwrap().len(), 9 + 6 + LARGE + 2 + 6);
        writer.unwrap().shutdown().await.unwrap();
    }
}

/// The reader takes over what the writer has left, and takes no wake-up from it.
#[::tokio::test(start_paused = true)]
async fn a_reader_does_not_steal_the_writers_turn() {
    let (_stage, transport, stream) = connected().await;
    let (mut reader, mut writer) = split(stream);
    transport.act(|ends| ends.is_full = true);
    let write = spawn(async move {
        // The first is taken, and waits; the second waits for it.
        writer.write_all(b"NOOP\r\n").await.unwrap();
        writer.write_all(b"NOOP\r\n").await.unwrap();
        writer.flush().await.unwrap();
    });
    ::tokio::task::yield_now().await;
    let read = spawn(async move {
        // It has to do with the transport after the writer, and then with something else.
        select! {
            _ = reader.read_u8() => panic!("nothing was sent"),
            () = sleep(Duration::from_secs(1)) => {}
        }
        std::future::pending::<()>().await;
        drop(reader);
    });
    sleep(Duration::from_secs(2)).await;
    transport.act(|ends| ends.is_full = false);
    timeout(Duration::from_secs(5), write)
        .await
        .unwrap()
        .unwrap();
    let told = transport.look(|ends| ends.wire.trace());
    assert_eq!(told.last(), Some(&Told::Data(b"NOOP\r\nNOOP\r\n".to_vec())));
    read.abort();
}

#[::tokio::test(start_paused = true)]
async fn reading_goes_on_while_nothing_can_be_written() {
    let (_stage, transport, mut stream) = connected().await;
    transport.act(|ends| ends.is_full = true);
    assert_eq!(stream.write(b"NOOP\r\n").await.unwrap(), 6);
    transport.act(|ends| {
        ends.wire
            .peer(|server, outgoing| server.send(b"news", outgoing).unwrap());
    });
    let mut read = [0; 4];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"news");
    // Nothing more is taken meanwhile.
    let waits = timeout(Duration::from_secs(60), stream.write(b"NOOP\r\n"));
    assert!(waits.await.is_err());
    transport.act(|ends| ends.is_full = false);
    stream.read_exact(&mut read).await.unwrap();
    let told = transport.look(|ends| ends.wire.trace());
    assert_eq!(told.last(), Some(&Told::Data(b"NOOP\r\n".to_vec())));
}

#[::tokio::test(start_paused = true)]
async fn shutting_down_leaves_the_other_half_open() {
    let (_stage, transport, mut stream) = connected().await;
    stream.shutdown().await.unwrap();
    stream.shutdown().await.unwrap();
    let error = stream.write(b"x").await.unwrap_err();
    assert_eq!(
        find_error(&error),
        Some(&Error::Misuse(ApiMisuse::SendAfterClose))
    );
    transport.act(|ends| {
        assert!(ends.is_shut_down);
        assert_eq!(ends.wire.trace().last(), Some(&Told::PeerClosed));
        ends.wire.peer(|server, outgoing| {
            server.send(b"later", outgoing).unwrap();
            server.close(outgoing);
        });
    });
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"later");
    assert_eq!(stream.end(), Some(EndOfInput::Clean));
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
}

#[::tokio::test(start_paused = true)]
async fn shutting_down_waits_until_close_notify_is_written() {
    let (_stage, transport, mut stream) = connected().await;
    transport.act(|ends| ends.is_full = true);
    for _ in 0..2 {
        let waits = timeout(Duration::from_secs(60), stream.shutdown());
        assert!(waits.await.is_err());
        assert!(!transport.look(|ends| ends.is_shut_down));
    }
    transport.act(|ends| ends.is_full = false);
    stream.shutdown().await.unwrap();
    let told = transport.look(|ends| ends.wire.trace());
    assert_eq!(told, [Told::Established, Told::PeerClosed]);
}

#[::tokio::test(start_paused = true)]
async fn a_truncation_is_an_error_after_what_came_before() {
    for in_record in [false, true] {
        let (_stage, transport, mut stream) = connected().await;
        stream.write_all(b"NOOP\r\n").await.unwrap();
        transport.act(|ends| {
            if in_record {
                ends.wire
                    .peer(|server, outgoing| server.send(b"lost", outgoing).unwrap());
                ends.wire.cut(1);
            }
            ends.wire.has_ended = true;
        });
        let mut rest = Vec::new();
        let error = stream.read_to_end(&mut rest).await.unwrap_err();
        assert_eq!(rest, b"NOOP\r\n");
        assert_truncated(&error, in_record);
        assert_truncated(&stream.read(&mut [0; 8]).await.unwrap_err(), in_record);
        stream.write_all(b"NOOP\r\n").await.unwrap();
    }
}

#[::tokio::test(start_paused = true)]
async fn an_end_before_tls_is_the_sessions_error() {
    let stage = Stage::new(TlsMode::StartTls);
    let mut wire = stage.wire();
    wire.cut(0);
    wire.dialog = [("* OK no mo", "never")].into();
    let error = Stream::connect(&stage.connector(), Waking::new(wire))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    let error = find_error(&error).unwrap();
    assert!(matches!(
        protocol(error),
        ProtocolError::EndedDuringHandshake { .. }
    ));
}

fn stranger(stage: &Stage, transport: &Waking) -> ClientStream {
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
    Stream::new(session, transport.clone(), BytesMut::new(), outgoing)
}

#[::tokio::test(start_paused = true)]
async fn the_alert_is_written_before_the_error_is_returned() {
    let stage = Stage::new(TlsMode::Implicit);
    let mut wire = stage.wire();
    wire.hiccups = [None, Some(ErrorKind::WouldBlock), None, None].into();
    wire.hiccups
        .extend([Some(ErrorKind::WouldBlock), None].repeat(20));
    let transport = Waking::new(wire);
    let mut stream = stranger(&stage, &transport);
    for _ in 0..3 {
        let error = stream.handshake().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(matches!(find_error(&error), Some(Error::Certificate(_))));
    }
    for error in [
        stream.read(&mut [0; 4]).await.unwrap_err(),
        stream.write(b"secret").await.unwrap_err(),
    ] {
        assert!(matches!(find_error(&error), Some(Error::Certificate(_))));
    }
    let told = transport.look(|ends| ends.wire.trace());
    let [Told::Failed(Error::Protocol(told))] = &*told else {
        panic!("{told:?}");
    };
    assert!(told.to_string().contains("TLS alert unknown_ca"), "{told}");
}

#[::tokio::test(start_paused = true)]
async fn an_alert_that_nobody_takes_is_waited_for_for_a_second() {
    let stage = Stage::new(TlsMode::Implicit);
    let transport = Waking::new(stage.wire());
    let mut stream = stranger(&stage, &transport);
    // The ClientHello goes out, and then nothing does.
    transport.look(|ends| ends.fills_up = true);
    let began = ::tokio::time::Instant::now();
    let error = stream.handshake().await.unwrap_err();
    let took = began.elapsed();
    assert!(matches!(find_error(&error), Some(Error::Certificate(_))));
    assert!(
        took >= Duration::from_secs(1) && took < Duration::from_secs(2),
        "{took:?}"
    );
}

#[::tokio::test(start_paused = true)]
async fn what_came_before_a_fault_is_read_before_the_error() {
    let (_stage, transport, mut stream) = connected().await;
    stream.write_all(b"NOOP\r\n").await.unwrap();
    transport.act(|ends| {
        ends.wire.turn_peer();
        ends.wire.forge(&[23, 3, 3, 0, 20]);
        ends.wire.forge(&[7; 20]);
    });
    let mut read = Vec::new();
    let error = loop {
        let mut piece = [0; 2];
        match stream.read(&mut piece).await {
            Ok(taken) => read.extend_from_slice(&piece[..taken]),
            Err(error) => break error,
        }
    };
    assert_eq!(read, b"NOOP\r\n");
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(find_error(&error).is_some());
    let told = transport.look(|ends| ends.wire.trace());
    assert!(matches!(told.last(), Some(Told::Failed(_))), "{told:?}");
}

#[::tokio::test(start_paused = true)]
async fn faults_of_the_transport_are_told_and_lose_nothing() {
    let (_stage, transport, mut stream) = connected().await;
    transport.look(|ends| ends.wire.write_faults = [ErrorKind::WriteZero; 2].into());
    assert_eq!(stream.write(b"NOOP\r\n").await.unwrap(), 6);
    assert_eq!(
        stream.flush().await.unwrap_err().kind(),
        ErrorKind::WriteZero
    );
    stream.flush().await.unwrap();
    stream.read_exact(&mut [0; 6]).await.unwrap();

    transport.look(|ends| ends.wire.write_faults = [ErrorKind::OutOfMemory; 3].into());
    assert_eq!(stream.write(b"NOOP\r\n").await.unwrap(), 6);
    for error in [
        stream.write(b"X").await.unwrap_err(),
        stream.shutdown().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    }
    stream.shutdown().await.unwrap();
    let told = transport.look(|ends| ends.wire.trace());
    assert!(told.ends_with(&[Told::Data(b"NOOP\r\nNOOP\r\n".to_vec()), Told::PeerClosed]));
}

#[::tokio::test(start_paused = true)]
async fn a_peer_that_reads_no_more_is_still_listened_to() {
    let (_stage, transport, mut stream) = connected().await;
    transport.act(|ends| {
        ends.wire.write_faults = [ErrorKind::BrokenPipe; 4].into();
        ends.wire.peer(|server, outgoing| {
            server.send(b"* BYE too busy\r\n", outgoing).unwrap();
            server.close(outgoing);
        });
    });
    assert_eq!(stream.write(b"NOOP\r\n").await.unwrap(), 6);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"* BYE too busy\r\n");
    let error = stream.flush().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
}

#[::tokio::test(start_paused = true)]
async fn the_deadline_ends_the_handshake() {
    let stage = Stage::new(TlsMode::Implicit);
    let mut wire = stage.wire();
    wire.dialog = [("", "never")].into();
    // The session's clock runs as the runtime's does.
    let (clock, began) = (stage.world.clock.clone(), ::tokio::time::Instant::now());
    spawn(async move {
        loop {
            sleep(Duration::from_millis(100)).await;
            clock.advance(Duration::from_millis(100));
        }
    });
    let error = Stream::connect(&stage.connector(), Waking::new(wire))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert!(matches!(find_error(&error), Some(Error::TimedOut(_))));
    let waited = began.elapsed();
    let limit = mail_tls::limits::HANDSHAKE_TIME;
    assert!(
        waited >= limit && waited < limit + Duration::from_secs(1),
        "{waited:?}"
    );
}

/// Whatever reads or writes first has the handshake's deadline.
#[::tokio::test(start_paused = true)]
async fn a_stream_begins_by_itself_and_in_time() {
    let stage = Stage::new(TlsMode::Implicit);
    let mut stream = begin(&stage, &Waking::new(stage.wire()));
    assert_eq!(stream.write(b"").await.unwrap(), 0);
    stream.write_all(b"NOOP\r\n").await.unwrap();
    let mut read = [0; 15];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"* hello\r\nNOOP\r\n");

    for writes in [false, true] {
        let mut wire = stage.wire();
        wire.dialog = [("", "never")].into();
        let clock = stage.world.clock.clone();
        let mut stream = begin(&stage, &Waking::new(wire));
        spawn(async move {
            sleep(Duration::from_secs(5)).await;
            clock.advance(mail_tls::limits::HANDSHAKE_TIME);
        });
        let error = if writes {
            stream.write(b"NOOP").await.unwrap_err()
        } else {
            stream.read(&mut read).await.unwrap_err()
        };
        assert!(matches!(find_error(&error), Some(Error::TimedOut(_))));
    }
}

#[::tokio::test(start_paused = true)]
async fn a_server_that_asks_and_a_server_that_does_not() {
    let world = World::new();
    let client = || {
        let mut outgoing = BytesMut::new();
        let session = world.connector().connect(&mut outgoing).unwrap();
        let mut wire = Wire::to(
            session,
            Box::new(|told, client, outgoing| {
                if *told == Told::Established {
                    client.send(b"hi", outgoing).unwrap();
                }
            }),
        );
        wire.forge(&outgoing);
        Waking::new(wire)
    };
    let mut stream = Stream::accept(&world.acceptor(), client()).await.unwrap();
    let mut read = [0; 2];
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"hi");

    let asks = world
        .acceptor_builder()
        .ask_for_each_hello()
        .build()
        .unwrap();
    let missing = Error::Misuse(ApiMisuse::AnswerMissing);
    let error = Stream::accept(&asks, client()).await.unwrap_err();
    assert_eq!(find_error(&error), Some(&missing));

    let session = asks.accept().unwrap();
    let mut stream = Stream::new(session, client(), BytesMut::new(), BytesMut::new());
    let error = stream.write(b"x").await.unwrap_err();
    assert_eq!(find_error(&error), Some(&missing));
    let Milestone::ClientHello(hello) = stream.handshake().await.unwrap() else {
        panic!("no question");
    };
    assert_eq!(hello.server_name(), Some(crate::support::HOST));
    let error = stream.read(&mut read).await.unwrap_err();
    assert_eq!(find_error(&error), Some(&missing));
    let (session, outgoing) = stream.session_mut();
    session.answer(HelloAnswer::Configured, outgoing).unwrap();
    assert_eq!(stream.handshake().await.unwrap(), Milestone::Established);
    stream.read_exact(&mut read).await.unwrap();
    assert_eq!(&read, b"hi");
}

#[test]
fn a_stream_can_be_sent_and_shared() {
    fn check<T: Send + Sync + Unpin + std::fmt::Debug>() {}
    check::<ClientStream>();
}
