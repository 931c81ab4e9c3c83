//! A session on a socket of tokio's: the documented loop, both directions at once.

use std::io;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, BytesMut};
use mail_tls::{Error, Event, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::clock;
use crate::ending::Ending;

/// How long an established session may be still. Nothing in any story takes as long.
const PATIENCE: Duration = Duration::from_secs(120);

/// What one side does with what its session tells.
pub(crate) trait Speaker {
    fn established(&mut self);
    fn data(&mut self, data: &[u8]);
    fn peer_closed(&mut self);
    /// Puts what there is to say into `outgoing`, and tells how to go on.
    fn speak(&mut self, session: &mut impl Session, outgoing: &mut BytesMut) -> Result<Act, Error>;
}

/// How to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    GoOn,
    /// Write what is there, then end.
    Finish,
    /// Drop the connection now.
    Leave {
        reset: bool,
    },
}

/// The size of segments and the pause after each, of a peer that is slow; or all at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) read: Option<(usize, Duration)>,
    pub(crate) write: Option<(usize, Duration)>,
}

impl Pace {
    pub(crate) const FULL: Self = Self {
        read: None,
        write: None,
    };
}

/// Carries a session to its end.
pub(crate) async fn carry<S: Session>(
    mut socket: TcpStream,
    mut session: S,
    mut incoming: BytesMut,
    mut outgoing: BytesMut,
    pace: Pace,
    speaker: &mut impl Speaker,
) -> Ending {
    let mut has_ended = false;
    loop {
        let result = events(&mut session, &mut incoming, &mut outgoing, speaker);
        if let Err(error) = result {
            farewell(&mut socket, &mut outgoing).await;
            return Ending::of_error(&error);
        }
        let act = match speaker.speak(&mut session, &mut outgoing) {
            Ok(act) => act,
            Err(error) => return Ending::of_error(&error),
        };
        match act {
            Act::Leave { reset } => {
                if reset {
                    let _ = socket2::SockRef::from(&socket).set_linger(Some(Duration::ZERO));
                }
                return Ending::Left;
            }
            Act::Finish if outgoing.is_empty() => {
                let _ = socket.shutdown().await;
                return Ending::of_input(session.end_of_input());
            }
            Act::Finish | Act::GoOn => {}
        }
        if has_ended {
            return Ending::of_input(session.end_of_input());
        }
        if incoming.is_empty() {
            session.trim();
        }
        match step(&mut socket, &session, &mut incoming, &mut outgoing, pace).await {
            Step::Went => {}
            Step::Ended => has_ended = true,
            Step::Expired => {
                if let Err(error) = session.expire(&mut outgoing) {
                    farewell(&mut socket, &mut outgoing).await;
                    return Ending::of_error(&error);
                }
                // The session's clock ticks in steps.
                pause(clock::TICK).await;
            }
        }
    }
}

fn events<S: Session>(
    session: &mut S,
    incoming: &mut BytesMut,
    outgoing: &mut BytesMut,
    speaker: &mut impl Speaker,
) -> Result<(), Error> {
    while let Some(event) = session.process(incoming, outgoing)? {
        match event {
            Event::Established => speaker.established(),
            Event::Data(data) => speaker.data(data),
            Event::PeerClosed => speaker.peer_closed(),
            other => panic!("an event that nobody asked for: {other:?}"),
        }
    }
    Ok(())
}

enum Step {
    Went,
    /// The transport's input has ended, or the transport broke.
    Ended,
    Expired,
}

async fn step<S: Session>(
    socket: &mut TcpStream,
    session: &S,
    incoming: &mut BytesMut,
    outgoing: &mut BytesMut,
    pace: Pace,
) -> Step {
    let (deadline, is_handshake) = match session.deadline() {
        Some(deadline) => (deadline, true),
        None => (Instant::now() + PATIENCE, false),
    };
    let (mut reader, mut writer) = socket.split();
    let (read_size, read_pause) = pace.read.unwrap_or((64 * 1024, Duration::ZERO));
    let (write_size, write_pause) = pace.write.unwrap_or((usize::MAX, Duration::ZERO));
    let mut window = (&mut *incoming).limit(read_size);
    let piece = &outgoing[..outgoing.len().min(write_size)];
    let done: io::Result<Option<usize>> = tokio::select! {
        read = reader.read_buf(&mut window) => match read {
            Ok(0) => return Step::Ended,
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        },
        written = writer.write(piece), if !piece.is_empty() => written.map(Some),
        () = tokio::time::sleep_until(deadline.into()) => {
            assert!(is_handshake, "a session stood still");
            return Step::Expired;
        }
    };
    match done {
        Ok(Some(written)) => {
            outgoing.advance(written);
            pause(write_pause).await;
            Step::Went
        }
        Ok(None) => {
            pause(read_pause).await;
            Step::Went
        }
        // A reset: what had come before it was read before it.
        Err(_) => Step::Ended,
    }
}

async fn pause(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

/// The alert goes out, and what the peer still sends is read, so that the alert is not lost to a
/// reset.
async fn farewell(socket: &mut TcpStream, outgoing: &mut BytesMut) {
    let linger = async {
        socket.write_all_buf(outgoing).await?;
        socket.shutdown().await?;
        let mut sink = [0; 16 * 1024];
        while socket.read(&mut sink).await? > 0 {}
        Ok::<_, io::Error>(())
    };
    // Whoever does not take it by then does not want it.
    let _ = tokio::time::timeout(Duration::from_secs(2), linger).await;
}
