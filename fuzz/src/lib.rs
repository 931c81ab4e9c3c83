//! What the fuzz targets share: one authority, its server, and sessions that watch themselves.
#![expect(
    clippy::disallowed_methods,
    reason = "the fixed clock stands at the time of the start"
)]

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use arbitrary::Arbitrary;
use bytes::BytesMut;
use mail_tls::{
    Acceptor, Account, Certificates, CertifiedChain, Client, ClientSession, Clock, Connector,
    EndOfInput, Endpoint, Error, Event, HelloAnswer, Server, ServerSession, Service, TlsMode,
    TlsVersions, TrustAnchors,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

pub const HOST: &str = "mail.example.org";

/// The anchors, and a chain under them for [`HOST`].
pub static WORLD: LazyLock<(TrustAnchors, CertifiedChain)> = LazyLock::new(|| {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let anchors = TrustAnchors::from_pem(params.self_signed(&key).unwrap().pem().as_bytes());
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([HOST.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let chain = CertifiedChain::from_pem(leaf.pem().as_bytes(), key.serialize_pem().as_bytes());
    (anchors.unwrap(), chain.unwrap())
});

static NOW: LazyLock<(Instant, SystemTime)> = LazyLock::new(|| (Instant::now(), SystemTime::now()));

pub fn clock() -> Clock {
    Clock::fixed(NOW.0, NOW.1)
}

pub fn connector(service: Service, mode: TlsMode, tls12: bool) -> Connector {
    let versions = if tls12 {
        TlsVersions::Tls12Only
    } else {
        TlsVersions::Tls12AndTls13
    };
    let client = Client::builder()
        .trust_anchors(WORLD.0.clone())
        .clock(clock())
        .versions(versions);
    let endpoint = Endpoint::typed(service, mode, HOST).unwrap();
    client
        .build()
        .unwrap()
        .connector(&Account::configured(), endpoint)
        .unwrap()
}

pub fn acceptor(service: Service, asks: bool) -> Acceptor {
    let server = Server::builder().clock(clock()).build().unwrap();
    let certificates = Certificates::new(WORLD.1.clone());
    let builder = server.acceptor(service, TlsMode::Implicit, certificates);
    if asks {
        builder.ask_for_each_hello().build().unwrap()
    } else {
        builder.build().unwrap()
    }
}

/// One thing that an embedder may do, at any time.
#[derive(Debug, Arbitrary)]
pub enum Operation {
    Feed(Vec<u8>),
    Send(Vec<u8>),
    Queue(Vec<u8>),
    Flush,
    Close,
    Trim,
    EndOfInput,
    Expire(u16),
    Answer(u8),
    AcceptIdentity,
}

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
        }
    }

    pub fn client(service: Service, mode: TlsMode, tls12: bool) -> Self {
        let mut outgoing = BytesMut::new();
        let session = connector(service, mode, tls12)
            .connect(&mut outgoing)
            .unwrap();
        Self::new(Session::Client(session), outgoing, clock())
    }

    pub fn server(service: Service, asks: bool) -> Self {
        let session = acceptor(service, asks).accept().unwrap();
        Self::new(Session::Server(session), BytesMut::new(), clock())
    }

    /// Processes what has come, and the events as names.
    pub fn process(&mut self, events: &mut Vec<String>) {
        loop {
            let before = self.outgoing.len();
            let result = either!(&mut self.session, it => it.process(&mut self.incoming, &mut self.outgoing));
            match result {
                Ok(Some(Event::Data(data))) => {
                    assert!(self.is_established && !self.peer_closed && !data.is_empty());
                    self.received.extend_from_slice(data);
                }
                Ok(Some(event)) => {
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
        let _ = (error.to_string(), format!("{error:?}"));
        match &self.death {
            Some(death) => assert_eq!(*death, error, "dead is dead"),
            None => self.death = Some(error),
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
                        1 => HelloAnswer::Certificate(WORLD.1.clone()),
                        2 => HelloAnswer::Challenge(WORLD.1.clone()),
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

/// The signature algorithms of the provider.
pub fn algorithms() -> rustls::crypto::WebPkiSupportedAlgorithms {
    rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms
}

/// Any service that clients use.
pub fn service(choice: u8) -> Service {
    match choice % 4 {
        0 => Service::Imap,
        1 => Service::Pop3,
        2 => Service::Submission,
        _ => Service::ManageSieve,
    }
}
