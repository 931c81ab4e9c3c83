//! Certificates, configurations and pairs of sessions joined in memory.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use bytes::BytesMut;
use mail_tls::{
    Acceptor, AcceptorBuilder, Account, ApiMisuse, Certificates, CertifiedChain, Client,
    ClientSession, Clock, Connector, Endpoint, Error, Event, Limits, ProtocolError,
    RevocationLists, Server, ServerSession, Service, TlsMode, TlsVersions, TrustAnchors,
};
use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, IsCa, Issuer,
    KeyIdMethod, KeyPair, SerialNumber, SignatureAlgorithm,
};
use rustls::crypto::CryptoProvider;

pub(crate) const HOST: &str = "imap.example.org";

pub(crate) const VERSIONS: [TlsVersions; 2] = [TlsVersions::Tls13Only, TlsVersions::Tls12Only];

/// The providers of the enabled features.
pub(crate) fn providers() -> Vec<CryptoProvider> {
    vec![
        #[cfg(feature = "aws-lc-rs")]
        rustls::crypto::aws_lc_rs::default_provider(),
        #[cfg(feature = "ring")]
        rustls::crypto::ring::default_provider(),
    ]
}

pub(crate) fn provider() -> CryptoProvider {
    providers().remove(0)
}

/// A provider with X25519 alone: short flights, for tests that go over each of their bytes.
pub(crate) fn short(mut provider: CryptoProvider) -> Arc<CryptoProvider> {
    provider
        .kx_groups
        .retain(|group| group.name() == rustls::NamedGroup::X25519);
    Arc::new(provider)
}

/// A certification authority made for one test.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("Test authority")
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    pub(crate) fn anchors(&self) -> TrustAnchors {
        TrustAnchors::from_pem(self.pem.as_bytes()).unwrap()
    }

    pub(crate) fn roots(&self) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap())
            .unwrap();
        roots
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
        let key = new_key(algorithm);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        CertifiedChain::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
            .unwrap()
    }
}

impl Authority {
    /// An empty revocation list that is good from yesterday until `until`.
    pub(crate) fn revocation_list(&self, until: SystemTime) -> RevocationLists {
        let list = CertificateRevocationListParams {
            this_update: (SystemTime::now() - Duration::from_secs(24 * 60 * 60)).into(),
            next_update: until.into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).unwrap();
        RevocationLists::from_der([list.der().to_vec()]).unwrap()
    }

    /// A chain and key for a bare rustls peer.
    pub(crate) fn issue_der(
        &self,
        names: &[&str],
    ) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        (vec![certificate.der().clone()], key)
    }
}

/// A key for one certificate; RSA keys take long to make, and one serves all.
pub(crate) fn new_key(algorithm: &'static SignatureAlgorithm) -> KeyPair {
    static RSA: LazyLock<String> = LazyLock::new(|| {
        KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256)
            .unwrap()
            .serialize_pem()
    });
    if *algorithm == rcgen::PKCS_RSA_SHA256 {
        KeyPair::from_pem(&RSA).unwrap()
    } else {
        KeyPair::generate_for(algorithm).unwrap()
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
    pub(crate) provider: Option<Arc<CryptoProvider>>,
    pub(crate) limits: Limits,
    pub(crate) service: Service,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            authority: Authority::new(),
            clock: clock(),
            versions: TlsVersions::default(),
            account: Account::configured(),
            provider: None,
            limits: Limits::default(),
            service: Service::Imap,
        }
    }

    pub(crate) fn with_versions(versions: TlsVersions) -> Self {
        Self {
            versions,
            ..Self::new()
        }
    }

    pub(crate) fn client(&self) -> Client {
        let mut builder = Client::builder()
            .trust_anchors(self.authority.anchors())
            .clock(self.clock.clone())
            .limits(self.limits)
            .versions(self.versions);
        if let Some(provider) = &self.provider {
            builder = builder.crypto_provider(Arc::clone(provider));
        }
        builder.build().unwrap()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::typed(self.service, TlsMode::Implicit, HOST).unwrap()
    }

    pub(crate) fn connector(&self) -> Connector {
        self.client()
            .connector(&self.account, self.endpoint())
            .unwrap()
    }

    pub(crate) fn connector_to(&self, endpoint: Endpoint) -> Connector {
        self.client().connector(&self.account, endpoint).unwrap()
    }

    /// Its versions are the default: the client decides.
    pub(crate) fn server(&self) -> Server {
        let mut builder = Server::builder()
            .clock(self.clock.clone())
            .limits(self.limits);
        if let Some(provider) = &self.provider {
            builder = builder.crypto_provider(Arc::clone(provider));
        }
        builder.build().unwrap()
    }

    pub(crate) fn acceptor_builder(&self) -> AcceptorBuilder {
        self.acceptor_with(Certificates::new(self.authority.issue(&[HOST])))
    }

    pub(crate) fn acceptor_with(&self, certificates: Certificates) -> AcceptorBuilder {
        self.server()
            .acceptor(self.service, TlsMode::Implicit, certificates)
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

/// What tests that are written once for both sides need beside the verbs.
pub(crate) trait Session: mail_tls::Session {
    fn step(&mut self, incoming: &mut BytesMut, outgoing: &mut BytesMut) -> Option<Told> {
        match self.process(incoming, outgoing) {
            Ok(event) => event.map(Told::from),
            Err(error) => Some(Told::Failed(error)),
        }
    }

    fn drive(&mut self, incoming: &mut BytesMut, outgoing: &mut BytesMut) -> Vec<Told> {
        drive!(self, incoming, outgoing)
    }

    /// The verb of one side alone that fits: whether it was misuse.
    fn own_verb(&mut self, outgoing: &mut BytesMut) -> Result<(), Error>;
}

impl Session for ClientSession {
    fn own_verb(&mut self, _: &mut BytesMut) -> Result<(), Error> {
        Ok(())
    }
}

impl Session for ServerSession {
    fn own_verb(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
        self.accept_client_identity()?;
        self.answer(mail_tls::HelloAnswer::Configured, outgoing)
    }
}

/// The protocol error that a session died of.
pub(crate) fn protocol(error: &Error) -> &ProtocolError {
    match error {
        Error::Protocol(error) => error,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn misuse(result: Result<(), Error>) -> ApiMisuse {
    match result {
        Err(Error::Misuse(misuse)) => misuse,
        other => panic!("{other:?}"),
    }
}

/// The error that a trace ends with.
pub(crate) fn failure(told: &[Told]) -> &Error {
    match told.last() {
        Some(Told::Failed(error)) => error,
        other => panic!("{other:?}"),
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
        let client = connector.connect(&mut to_server).unwrap();
        Self::joining(client, acceptor.accept().unwrap(), to_server)
    }

    pub(crate) fn joining(
        client: ClientSession,
        server: ServerSession,
        to_server: BytesMut,
    ) -> Self {
        Self {
            client,
            server,
            to_server,
            to_client: BytesMut::new(),
            client_in: BytesMut::new(),
            server_in: BytesMut::new(),
            client_told: Vec::new(),
            server_told: Vec::new(),
        }
    }

    /// Carries everything until nothing moves.
    pub(crate) fn run(&mut self) {
        while !self.to_server.is_empty() || !self.to_client.is_empty() {
            if !self.to_server.is_empty() {
                self.carry_to_server(usize::MAX);
            }
            if !self.to_client.is_empty() {
                self.carry_to_client(usize::MAX);
            }
        }
    }

    /// Carries at most so many bytes.
    pub(crate) fn carry_to_server(&mut self, most: usize) {
        let piece = self.to_server.split_to(most.min(self.to_server.len()));
        self.server_in.extend_from_slice(&piece);
        let told = drive!(self.server, &mut self.server_in, &mut self.to_client);
        self.server_told.extend(told);
    }

    pub(crate) fn carry_to_client(&mut self, most: usize) {
        let piece = self.to_client.split_to(most.min(self.to_client.len()));
        self.client_in.extend_from_slice(&piece);
        let told = drive!(self.client, &mut self.client_in, &mut self.to_server);
        self.client_told.extend(told);
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
