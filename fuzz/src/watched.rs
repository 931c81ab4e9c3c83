//! A session that watches itself.

use std::time::Duration;

use bytes::BytesMut;
use mail_tls::{ClientSession, Clock, EndOfInput, Error, Event, HelloAnswer, ServerSession};

use crate::script::Operation;
use crate::world::WORLD;

/// Either side's session.
pub enum Session {
    Client(ClientSession),
    Server(ServerSession),
}

macro_rules! either {
    ($session:expr, $it:ident => $call:expr) => {
        match $session {
            Session::Client($it) => $call,
            Session::Server($it) => $call,
        }
    };
}

/// A session with its buffers, which checks its promises at each step.
pub struct Watched {
    pub session: Session,
    pub incoming: BytesMut,
    pub outgoing: BytesMut,
    pub received: Vec<u8>,
    pub is_established: bool,
    pub peer_closed: bool,
    pub death: Option<Error>,
    is_closed: bool,
    is_ended: bool,
    clock: Clock,
    /// What was left in `incoming`, what came in all, and how often a session said something.
    left: usize,
    fed: usize,
    steps: usize,
}

impl Watched {
    pub fn new(session: Session, outgoing: BytesMut, clock: Clock) -> Self {
        Self {
            session,
            incoming: BytesMut::new(),
            outgoing,
            received: Vec::new(),
            is_established: false,
            peer_closed: false,
            death: None,
            is_closed: false,
            is_ended: false,
            clock,
            left: 0,
            fed: 0,
            steps: 0,
        }
    }

    /// Processes what has come, and the events as names.
    pub fn process(&mut self, events: &mut Vec<String>) {
        self.fed += self.incoming.len().saturating_sub(self.left);
        self.process_all(events);
        self.left = self.incoming.len();
        // Established, PeerClosed, the two of a ClientHello, and data, of which each record with
        // its header has six bytes at least.
        assert!(self.steps <= 4 + self.fed / 6, "{} steps", self.steps);
    }

    fn process_all(&mut self, events: &mut Vec<String>) {
        loop {
            let before = self.outgoing.len();
            let result = either!(&mut self.session, it => it.process(&mut self.incoming, &mut self.outgoing));
            match result {
                Ok(Some(Event::Data(data))) => {
                    self.steps += 1;
                    assert!(self.is_established && !self.peer_closed && !data.is_empty());
                    self.received.extend_from_slice(data);
                }
                Ok(Some(event)) => {
                    self.steps += 1;
                    assert!(self.death.is_none());
                    match event {
                        Event::Established => {
                            assert!(!self.is_established);
                            self.is_established = true;
                        }
                        Event::PeerClosed => {
                            assert!(self.is_established && !self.peer_closed);
                            self.peer_closed = true;
                        }
                        _ => {}
                    }
                    events.push(format!("{event:?}").split('(').next().unwrap().to_owned());
                }
                Ok(None) => {
                    assert!(self.death.is_none() && self.incoming.len() < 18_437 + 5);
                    break;
                }
                Err(error @ Error::Misuse(_)) => {
                    assert!(self.is_ended, "{error}");
                    self.incoming.clear();
                    break;
                }
                Err(error) => {
                    events.push(error.code().to_owned());
                    self.dies_of(error);
                    break;
                }
            }
            if self.is_closed {
                assert_eq!(self.outgoing.len(), before, "nothing after close_notify");
            }
        }
    }

    fn dies_of(&mut self, error: Error) {
        match &self.death {
            Some(death) => assert_eq!(*death, error, "dead is dead"),
            None => {
                let _ = (error.to_string(), format!("{error:?}"));
                self.death = Some(error);
            }
        }
    }

    fn sent(&mut self, result: Result<(), Error>) {
        match result {
            Ok(()) => assert!(self.is_established && self.death.is_none()),
            Err(Error::Misuse(_)) => {}
            Err(error) => self.dies_of(error),
        }
    }

    pub fn apply(&mut self, operation: Operation) {
        let before = self.outgoing.len();
        let outgoing = &mut self.outgoing;
        match operation {
            Operation::Feed(bytes) => {
                self.incoming.extend_from_slice(&bytes);
                self.process(&mut Vec::new());
            }
            Operation::Send(data) => {
                let result = either!(&mut self.session, it => it.send(&data, outgoing));
                self.sent(result);
            }
            Operation::Queue(data) => {
                let result = either!(&mut self.session, it => it.queue(&data, outgoing));
                self.sent(result);
            }
            Operation::Flush => {
                let result = either!(&mut self.session, it => it.flush(outgoing));
                self.sent(result);
            }
            Operation::Close => {
                either!(&mut self.session, it => it.close(outgoing));
                self.is_closed = true;
                return;
            }
            Operation::Trim => either!(&mut self.session, it => it.trim()),
            Operation::EndOfInput => {
                self.is_ended = true;
                let end = either!(&mut self.session, it => it.end_of_input());
                assert_eq!(end == EndOfInput::Clean, self.peer_closed);
                if !self.is_established && self.death.is_none() && !self.is_closed {
                    self.process(&mut Vec::new());
                    assert!(self.death.is_some());
                }
            }
            Operation::Expire(seconds) => {
                self.clock.advance(Duration::from_secs(seconds.into()));
                if let Err(error) = either!(&mut self.session, it => it.expire(outgoing)) {
                    self.dies_of(error);
                }
            }
            Operation::Answer(which) => {
                if let Session::Server(server) = &mut self.session {
                    let answer = match which % 4 {
                        0 => HelloAnswer::Configured,
                        1 => HelloAnswer::Certificate(WORLD.chain.clone()),
                        2 => HelloAnswer::Challenge(WORLD.chain.clone()),
                        _ => HelloAnswer::Refuse,
                    };
                    match server.answer(answer, outgoing) {
                        Ok(()) | Err(Error::Misuse(_)) => {}
                        Err(error) => self.dies_of(error),
                    }
                }
            }
            Operation::AcceptIdentity => {
                if let Session::Server(server) = &mut self.session {
                    if let Err(error) = server.accept_client_identity() {
                        if !matches!(error, Error::Misuse(_)) {
                            self.dies_of(error);
                        }
                    }
                }
            }
        }
        if self.is_closed {
            assert_eq!(self.outgoing.len(), before, "nothing after close_notify");
        }
        either!(&self.session, it => {
            let _ = (it.deadline(), it.info().map(|info| info.to_string()), it.peer_chain().len());
        });
    }
}

impl Watched {
    /// Whether sending is allowed now.
    pub fn may_send(&self) -> bool {
        self.is_established && !self.is_closed && self.death.is_none()
    }
}
