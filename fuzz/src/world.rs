//! One authority, its server, and a provider in the clear that draws no random numbers: the same
//! input makes the same session, in this run and the next.
#![expect(
    clippy::disallowed_methods,
    reason = "a fixed clock has to stand somewhere"
)]

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, UNIX_EPOCH};

use bytes::BytesMut;
use mail_tls::client_identity::IdentityMapping;
use mail_tls::ticket_keys::{TicketKey, TicketKeys};
use mail_tls::{
    Acceptor, AcceptorBuilder, Account, Certificates, CertifiedChain, Client, Clock, Connector,
    Endpoint, Server, Service, TlsMode, TlsVersions, TrustAnchors,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret,
    SupportedKxGroup,
};
use rustls::{Error, NamedGroup};

use crate::clear::in_the_clear;
use crate::watched::{Session, Watched};

pub const HOST: &str = "mail.example.org";

/// The anchors, and a chain under them for [`HOST`].
pub struct World {
    pub anchors: TrustAnchors,
    pub chain: CertifiedChain,
    pub root: rustls_pki_types::CertificateDer<'static>,
    /// A client's, for joe@example.org.
    pub client: CertifiedChain,
    /// Another authority, which has signed nothing.
    pub stranger: TrustAnchors,
}

pub static WORLD: LazyLock<World> = LazyLock::new(|| {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = fixed_key(1);
    let root = params.self_signed(&key).unwrap();
    let stranger = params.self_signed(&fixed_key(3)).unwrap();
    let stranger = TrustAnchors::from_pem(stranger.pem().as_bytes()).unwrap();
    let issuer = Issuer::new(params, key);
    let key = fixed_key(2);
    let leaf = CertificateParams::new([HOST.to_owned()])
        .unwrap()
        .signed_by(&key, &issuer)
        .unwrap();
    let chain = CertifiedChain::from_pem(leaf.pem().as_bytes(), key.serialize_pem().as_bytes());
    let key = fixed_key(4);
    let mut params = CertificateParams::default();
    let address = "joe@example.org".try_into().unwrap();
    params.subject_alt_names.push(SanType::Rfc822Name(address));
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let client = CertifiedChain::from_pem(leaf.pem().as_bytes(), key.serialize_pem().as_bytes());
    World {
        client: client.unwrap(),
        anchors: TrustAnchors::from_pem(root.pem().as_bytes()).unwrap(),
        chain: chain.unwrap(),
        root: root.der().clone(),
        stranger,
    }
});

/// Keys of Ed25519, whose signatures are the same each time (RFC 8410 §7).
fn fixed_key(number: u8) -> KeyPair {
    let mut der = vec![
        0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ];
    der.extend([number; 32]);
    let der = rustls_pki_types::PrivatePkcs8KeyDer::from(der);
    KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519).unwrap()
}

/// What sessions are made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cryptography {
    Real,
    /// Nothing is encrypted and nothing drawn at random.
    Clear,
}

static NOW: LazyLock<Instant> = LazyLock::new(Instant::now);
/// The date of every run.
pub const DATE: Duration = Duration::from_secs(1_800_000_000);

pub fn clock() -> Clock {
    Clock::fixed(*NOW, UNIX_EPOCH + DATE)
}

static REAL: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

static CLEAR: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    let mut provider = in_the_clear(CryptoProvider::clone(&REAL));
    provider.secure_random = &Constant;
    provider.kx_groups = vec![&Constant];
    Arc::new(provider)
});

fn provider(cryptography: Cryptography) -> Arc<CryptoProvider> {
    Arc::clone(match cryptography {
        Cryptography::Real => &REAL,
        Cryptography::Clear => &CLEAR,
    })
}

/// The signature algorithms of the provider.
pub fn algorithms() -> rustls::crypto::WebPkiSupportedAlgorithms {
    REAL.signature_verification_algorithms
}

pub fn connector(
    service: Service,
    mode: TlsMode,
    tls12: bool,
    cryptography: Cryptography,
) -> Connector {
    let versions = if tls12 {
        TlsVersions::Tls12Only
    } else {
        TlsVersions::Tls12AndTls13
    };
    let client = Client::builder()
        .crypto_provider(provider(cryptography))
        .trust_anchors(WORLD.anchors.clone())
        .clock(clock())
        .versions(versions);
    let endpoint = Endpoint::typed(service, mode, HOST).unwrap();
    let account = Account::configured();
    account.authorise_client_certificate_with_tls12(WORLD.client.clone());
    client
        .build()
        .unwrap()
        .connector(&account, endpoint)
        .unwrap()
}

pub fn acceptor(
    service: Service,
    mode: TlsMode,
    asks: bool,
    cryptography: Cryptography,
) -> Acceptor {
    let builder = acceptor_builder(service, mode, cryptography);
    if asks {
        builder.ask_for_each_hello().build().unwrap()
    } else {
        builder.build().unwrap()
    }
}

fn acceptor_builder(
    service: Service,
    mode: TlsMode,
    cryptography: Cryptography,
) -> AcceptorBuilder {
    let server = Server::builder()
        .crypto_provider(provider(cryptography))
        .clock(clock())
        .build()
        .unwrap();
    let certificates = Certificates::new(WORLD.chain.clone());
    server.acceptor(service, mode, certificates)
}

impl Watched {
    pub fn client(
        service: Service,
        mode: TlsMode,
        tls12: bool,
        cryptography: Cryptography,
    ) -> Self {
        let mut outgoing = BytesMut::new();
        let connector = connector(service, mode, tls12, cryptography);
        let session = connector.connect(&mut outgoing).unwrap();
        Self::new(Session::Client(session), outgoing, clock())
    }

    pub fn server(service: Service, asks: bool, cryptography: Cryptography) -> Self {
        let acceptor = acceptor(service, TlsMode::Implicit, asks, cryptography);
        let session = acceptor.accept().unwrap();
        Self::new(Session::Server(session), BytesMut::new(), clock())
    }

    /// A server that asks clients for their certificates, and whose tickets are under a key that
    /// other machines have too.
    pub fn server_of_known_clients(service: Service, cryptography: Cryptography) -> Self {
        let octets: Vec<u8> = (0..48).collect();
        let key = TicketKey::new(&octets, UNIX_EPOCH, UNIX_EPOCH + DATE * 2).unwrap();
        let mapping = IdentityMapping::mailbox()
            .or(IdentityMapping::subject_email())
            .or(IdentityMapping::common_name())
            .or(IdentityMapping::key());
        let acceptor = acceptor_builder(service, TlsMode::Implicit, cryptography)
            .request_client_certificates(WORLD.anchors.clone(), mapping)
            .ticket_keys(TicketKeys::new([key]).unwrap())
            .build()
            .unwrap();
        let session = acceptor.accept().unwrap();
        Self::new(Session::Server(session), BytesMut::new(), clock())
    }
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

/// A source of numbers, and a key exchange, that are always the same.
#[derive(Debug)]
struct Constant;

impl SecureRandom for Constant {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        buffer.fill(7);
        Ok(())
    }
}

impl SupportedKxGroup for Constant {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        Ok(Box::new(Self))
    }
    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

impl ActiveKeyExchange for Constant {
    fn complete(self: Box<Self>, _: &[u8]) -> Result<SharedSecret, Error> {
        Ok(SharedSecret::from(&[9; 32][..]))
    }
    fn pub_key(&self) -> &[u8] {
        &[8; 32]
    }
    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}
