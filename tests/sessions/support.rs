//! Certificates, configurations and pairs of sessions joined in memory.

use std::time::{Duration, Instant, SystemTime};

use bytes::BytesMut;
use mail_tls::{
    Acceptor, AcceptorBuilder, Account, Certificates, CertifiedChain, Client, ClientSession, Clock,
    Connector, Endpoint, Error, Event, Server, ServerSession, Service, TlsMode, TlsVersions,
    TrustAnchors,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SignatureAlgorithm};

pub(crate) const HOST: &str = "imap.example.org";

/// A certification authority made for one test.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "Test authority");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub(crate) fn anchors(&self) -> TrustAnchors {
        TrustAnchors::from_pem(self.pem.as_bytes()).unwrap()
    }

    pub(crate) fn issue(&self, names: &[&str]) -> CertifiedChain {
        self.issue_with(names, &rcgen::PKCS_ECDSA_P256_SHA256, |_| {})
    }

    pub(crate) fn issue_with(
        &self,
        names: &[&str],
        algorithm: &'static SignatureAlgorithm,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertifiedChain {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        CertifiedChain::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
            .unwrap()
    }
}

/// A fixed clock at the present day.
pub(crate) fn clock() -> Clock {
    Clock::fixed(Instant::now(), SystemTime::now())
}

/// What one test is made of, to be changed before it is used.
pub(crate) struct World {
    pub(crate) authority: Authority,
    pub(crate) clock: Clock,
    pub(crate) versions: TlsVersions,
    pub(crate) account: Account,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            authority: Authority::new(),
            clock: clock(),
            versions: TlsVersions::default(),
            account: Account::configured(),
        }
    }

    pub(crate) fn with_versions(versions: TlsVersions) -> Self {
        Self {
            versions,
            ..Self::new()
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::builder()
            .trust_anchors(self.authority.anchors())
            .clock(self.clock.clone())
            .versions(self.versions)
            .build()
            .unwrap()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::typed(Service::Imap, TlsMode::Implicit, HOST).unwrap()
    }

    pub(crate) fn connector(&self) -> Connector {
        self.client()
            .connector(&self.account, self.endpoint())
            .unwrap()
    }

    pub(crate) fn server(&self) -> Server {
        Server::builder().clock(self.clock.clone()).build().unwrap()
    }

    pub(crate) fn acceptor_builder(&self) -> AcceptorBuilder {
        let certificates = Certificates::new(self.authority.issue(&[HOST]));
        self.server()
            .acceptor(Service::Imap, TlsMode::Implicit, certificates)
    }

    pub(crate) fn acceptor(&self) -> Acceptor {
        self.acceptor_builder().build().unwrap()
    }

    pub(crate) fn pair(&self) -> Pair {
        Pair::new(&self.connector(), &self.acceptor())
    }
}

/// An event without its borrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Established,
    Data(Vec<u8>),
    PeerClosed,
    ClientHello,
    ChallengeAnswered,
    Failed(Error),
}

impl From<Event<'_>> for Told {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Established => Self::Established,
            Event::Data(data) => Self::Data(data.to_vec()),
            Event::PeerClosed => Self::PeerClosed,
            Event::ClientHello(_) => Self::ClientHello,
            Event::ChallengeAnswered => Self::ChallengeAnswered,
            other => panic!("{other:?}"),
        }
    }
}

/// Drives one session over what has come, as the documented loop does.
macro_rules! drive {
    ($session:expr, $incoming:expr, $outgoing:expr) => {{
        let mut told: Vec<$crate::support::Told> = Vec::new();
        loop {
            match $session.process($incoming, $outgoing) {
                Ok(Some(event)) => told.push(event.into()),
                Ok(None) => break,
                Err(error) => {
                    told.push($crate::support::Told::Failed(error));
                    break;
                }
            }
        }
        told
    }};
}
pub(crate) use drive;

/// Joins adjacent data, so that traces can be compared whatever the pieces.
pub(crate) fn joined(told: Vec<Told>) -> Vec<Told> {
    let mut joined: Vec<Told> = Vec::new();
    for event in told {
        match (joined.last_mut(), event) {
            (Some(Told::Data(before)), Told::Data(data)) => before.extend(data),
            (_, event) => joined.push(event),
        }
    }
    joined
}

/// A client and a server whose buffers are joined.
pub(crate) struct Pair {
    pub(crate) client: ClientSession,
    pub(crate) server: ServerSession,
    pub(crate) to_server: BytesMut,
    pub(crate) to_client: BytesMut,
    pub(crate) client_in: BytesMut,
    pub(crate) server_in: BytesMut,
    pub(crate) client_told: Vec<Told>,
    pub(crate) server_told: Vec<Told>,
}

impl Pair {
    pub(crate) fn new(connector: &Connector, acceptor: &Acceptor) -> Self {
        let mut to_server = BytesMut::new();
        Self {
            client: connector.connect(&mut to_server).unwrap(),
            server: acceptor.accept().unwrap(),
            to_server,
            to_client: BytesMut::new(),
            client_in: BytesMut::new(),
            server_in: BytesMut::new(),
            client_told: Vec::new(),
            server_told: Vec::new(),
        }
    }

    /// Carries everything until nothing moves, at most `piece` bytes at a time.
    pub(crate) fn run_in_pieces(&mut self, piece: usize) {
        while !self.to_server.is_empty() || !self.to_client.is_empty() {
            while !self.to_server.is_empty() {
                let n = piece.min(self.to_server.len());
                self.server_in
                    .extend_from_slice(&self.to_server.split_to(n));
                let told = drive!(self.server, &mut self.server_in, &mut self.to_client);
                self.server_told.extend(told);
            }
            while !self.to_client.is_empty() {
                let n = piece.min(self.to_client.len());
                self.client_in
                    .extend_from_slice(&self.to_client.split_to(n));
                let told = drive!(self.client, &mut self.client_in, &mut self.to_server);
                self.client_told.extend(told);
            }
        }
    }

    pub(crate) fn run(&mut self) {
        self.run_in_pieces(usize::MAX);
    }

    /// What the client was told since it was last asked, adjacent data joined.
    pub(crate) fn client_trace(&mut self) -> Vec<Told> {
        joined(std::mem::take(&mut self.client_told))
    }

    pub(crate) fn server_trace(&mut self) -> Vec<Told> {
        joined(std::mem::take(&mut self.server_told))
    }

    /// A pair whose handshake is done and told.
    pub(crate) fn established(connector: &Connector, acceptor: &Acceptor) -> Self {
        let mut pair = Self::new(connector, acceptor);
        pair.run();
        assert_eq!(pair.client_trace(), [Told::Established]);
        assert_eq!(pair.server_trace(), [Told::Established]);
        pair
    }
}

pub(crate) fn days(count: u64) -> Duration {
    Duration::from_secs(count * 24 * 60 * 60)
}
