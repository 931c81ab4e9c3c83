//! Servers that DNS authenticates (RFC 6698, RFC 7671), and those that it does not.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use mail_tls::dane::{Dane, DaneNotApplied, DanePolicy, TlsaLookup, TlsaName, TlsaRecord};
use mail_tls::identity::{IdentityPolicy, Provenance};
use mail_tls::verify::{Authentication, CheckFailure};
use mail_tls::{
    Acceptor, Alert, Certificates, CertifiedChain, ConfigError, Connector, Endpoint, Error,
    HostName, PolicyRefusal, ProtocolError, Service, Sni, TlsMode, TlsVersions,
};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use sha2::{Digest, Sha256};

use crate::support::{
    Authority, HOST, Pair, Told, VERSIONS, World, drive, failure, protocol, provider, providers,
};

const TTL: Duration = Duration::from_secs(3600);

/// A server's certificate that is signed by itself, for a name that nobody asks for, long expired.
struct SelfSigned {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl SelfSigned {
    fn new() -> Self {
        let mut params = CertificateParams::new(["other.example.net".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: params.self_signed(&key).unwrap(),
            key,
        }
    }

    fn chain(&self) -> CertifiedChain {
        let (certificate, key) = (self.certificate.pem(), self.key.serialize_pem());
        CertifiedChain::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
    }

    /// `3 0 1` of the certificate.
    fn record(&self) -> TlsaRecord {
        record([3, 0, 1], &Sha256::digest(self.certificate.der()))
    }

    fn acceptor(&self, world: &World) -> Acceptor {
        let certificates = Certificates::new(self.chain());
        let server = world.server();
        let acceptor = server.acceptor(Service::Imap, TlsMode::Implicit, certificates);
        acceptor.build().unwrap()
    }
}

/// A world for each version and each provider.
fn worlds() -> Vec<World> {
    let each = |versions| {
        providers().into_iter().map(move |provider| World {
            provider: Some(Arc::new(provider)),
            ..World::with_versions(versions)
        })
    };
    VERSIONS.into_iter().flat_map(each).collect()
}

fn record(numbers: [u8; 3], data: &[u8]) -> TlsaRecord {
    TlsaRecord::from_rdata(&[&numbers, data].concat()).unwrap()
}

fn unix(time: SystemTime) -> UnixTime {
    UnixTime::since_unix_epoch(time.duration_since(SystemTime::UNIX_EPOCH).unwrap())
}

fn host(name: &str) -> HostName {
    HostName::parse(name).unwrap()
}

fn dane_at(world: &World, name: TlsaName, records: Vec<TlsaRecord>) -> Dane {
    let now = unix(world.clock.wall());
    let lookup = TlsaLookup::validated_over_trusted_path(name, records, now, TTL).unwrap();
    DanePolicy::default().decide(&lookup).unwrap()
}

fn dane(world: &World, records: Vec<TlsaRecord>) -> Dane {
    let name = TlsaName::of_endpoint(&world.endpoint()).unwrap();
    dane_at(world, name, records)
}

fn connector(world: &World, dane: &Dane) -> Connector {
    let client = world.client();
    client
        .connector_with_dane(&world.account, world.endpoint(), dane)
        .unwrap()
}

#[test]
fn a_published_certificate_is_enough() {
    for world in worlds() {
        let server = SelfSigned::new();
        let connector = connector(&world, &dane(&world, vec![server.record()]));
        let pair = Pair::established(&connector, &server.acceptor(&world));
        let info = pair.client.info().unwrap();
        let verification = info.verification().unwrap();
        assert_eq!(verification.authentication(), Authentication::DaneEe);
        assert_eq!(verification.reference().unwrap().to_string(), HOST);
        assert_eq!(verification.dane().unwrap().not_applied(), None);
        assert!(
            info.to_string().contains(&format!(" peer={HOST} ")),
            "{info}"
        );
        assert_eq!(connector.dane().unwrap().not_applied(), None);
    }
}

#[test]
fn a_published_authority_is_enough() {
    for world in worlds() {
        // The client trusts one authority, and the domain's owner has another.
        let owner = Authority::new();
        let owners = CertificateDer::from_pem_slice(owner.pem().as_bytes()).unwrap();
        let certificates = Certificates::new(owner.issue(&[HOST]));
        let acceptor = world
            .server()
            .acceptor(Service::Imap, TlsMode::Implicit, certificates)
            .build()
            .unwrap();
        let in_dns = dane(&world, vec![record([2, 0, 0], &owners)]);
        let pair = Pair::established(&connector(&world, &in_dns), &acceptor);
        let info = pair.client.info().unwrap();
        let verification = info.verification().unwrap();
        assert_eq!(verification.authentication(), Authentication::DaneTa);
        assert_eq!(verification.presented_name(), Some(HOST));
    }
}

#[test]
fn a_trusted_certificate_that_is_not_the_published_one_is_refused() {
    // RFC 6698 §4.1.
    for world in worlds() {
        let published = dane(&world, vec![record([3, 1, 1], &[0; 32])]);
        let mut pair = Pair::new(&connector(&world, &published), &world.acceptor());
        pair.run();
        let told = pair.client_trace();
        let Error::Certificate(rejection) = failure(&told) else {
            panic!("{told:?}");
        };
        assert!(matches!(
            rejection.primary(),
            CheckFailure::TlsaMismatch { usable: 1, .. }
        ));
        // TLS 1.3's server may think that it is done by then.
        let told = pair.server_trace();
        let ProtocolError::AlertReceived { alert, .. } = protocol(failure(&told)) else {
            panic!("{told:?}");
        };
        assert_eq!(*alert, Alert::from_code_point(42)); // bad_certificate
    }
}

#[test]
fn without_records_everything_is_as_ever() {
    let world = World::new();
    let name = TlsaName::of_endpoint(&world.endpoint()).unwrap();
    let insecure = DanePolicy::default()
        .decide(&TlsaLookup::Insecure(name))
        .unwrap();
    let pair = Pair::established(&connector(&world, &insecure), &world.acceptor());
    let info = pair.client.info().unwrap();
    let verification = info.verification().unwrap();
    assert_eq!(verification.authentication(), Authentication::Pkix);
    assert!(verification.dane().unwrap().not_applied().is_some());
}

#[test]
fn the_base_domain_is_sent_as_server_name() {
    // RFC 7671 §7 and §10.2: MUST, so that leaving it out is no choice.
    let world = World::new();
    let server = SelfSigned::new();
    let acceptor = server.acceptor(&world);
    let client = world.client();
    let endpoint = world.endpoint().with_sni(Sni::Omit);
    let alias = TlsaName::tcp_through_secure_cnames(993, host(HOST), host("mx7.hosting.example"));
    let rows = [
        (TlsaName::of_endpoint(&endpoint), HOST),
        (alias, "mx7.hosting.example"),
    ];
    for (name, expected) in rows {
        let dane = dane_at(&world, name.unwrap(), vec![server.record()]);
        let connector = client.connector_with_dane(&world.account, endpoint.clone(), &dane);
        let pair = Pair::established(&connector.unwrap(), &acceptor);
        assert_eq!(pair.server.info().unwrap().server_name(), Some(expected));
        let info = pair.client.info().unwrap();
        assert_eq!(info.server_name(), Some(expected));
        let reference = info.verification().unwrap().reference().unwrap();
        assert_eq!(reference.to_string(), expected);
    }
    // Records that cannot be used change nothing (RFC 7673 §4.1).
    let useless = dane(&world, vec![record([9, 9, 9], &[])]);
    let connector = client.connector_with_dane(&world.account, endpoint, &useless);
    let pair = Pair::established(&connector.unwrap(), &world.acceptor());
    assert_eq!(pair.server.info().unwrap().server_name(), None);
}

#[test]
fn records_serve_one_endpoint() {
    // RFC 6698 §4: "for the specific port number and transport name that was given in the query".
    let world = World::new();
    let client = world.client();
    let typed = |mode, host: &str| Endpoint::typed(Service::Imap, mode, host).unwrap();
    let implicit = TlsMode::Implicit;
    let rows = [
        (typed(implicit, HOST), true),
        (typed(TlsMode::StartTls, HOST), false),
        (typed(implicit, HOST).with_port(9993), false),
        (typed(implicit, "imap.example.com"), false),
        (typed(implicit, "192.0.2.1"), false),
    ];
    let records = dane(&world, vec![record([3, 1, 1], &[0; 32])]);
    for (endpoint, expected) in rows {
        match client.connector_with_dane(&world.account, endpoint.clone(), &records) {
            Ok(_) => assert!(expected, "{endpoint:?}"),
            Err(Error::Config(error)) => {
                assert!(!expected, "{endpoint:?}");
                assert!(
                    matches!(*error, ConfigError::TlsaOfOtherEndpoint { port, .. }
                        if port == endpoint.port()),
                    "{error:?}"
                );
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn records_and_what_rests_on_them_end_together() {
    // RFC 6698 §8.2, and what a resumed session inherits.
    for world in worlds() {
        let server = SelfSigned::new();
        let records = dane(&world, vec![server.record()]);
        let connector = connector(&world, &records);
        let acceptor = server.acceptor(&world);
        Pair::established(&connector, &acceptor);
        world.clock.advance(TTL - Duration::from_secs(1));
        let pair = Pair::established(&connector, &acceptor);
        let info = pair.client.info().unwrap();
        assert!(info.is_resumed());
        let inherited = info.verification().unwrap();
        assert_eq!(inherited.authentication(), Authentication::DaneEe);
        assert!(!connector.is_stale());

        world.clock.advance(Duration::from_secs(2));
        assert!(connector.is_stale());
        let refused = connector.connect(&mut BytesMut::new()).unwrap_err();
        assert_eq!(refused.code(), "tlsa-expired");
        let Error::Policy(refusal) = refused else {
            panic!("{refused:?}");
        };
        assert!(matches!(*refusal, PolicyRefusal::Dane(_)));
        // Nor is a new connector made of them.
        let client = world.client();
        let late = client.connector_with_dane(&world.account, world.endpoint(), &records);
        assert_eq!(late.unwrap_err().code(), "tlsa-expired");
    }
}

#[test]
fn a_handshake_that_is_under_way_when_the_records_end_fails() {
    let world = World::with_versions(TlsVersions::Tls13Only);
    let server = SelfSigned::new();
    let connector = connector(&world, &dane(&world, vec![server.record()]));
    let mut pair = Pair::new(&connector, &server.acceptor(&world));
    world.clock.advance(TTL + Duration::from_secs(1));
    pair.run();
    assert_eq!(failure(&pair.client_trace()).code(), "tlsa-expired");
}

/// A server that shows what it is given, whether or not the key belongs to it.
#[derive(Debug)]
struct Shows(Arc<rustls::sign::CertifiedKey>);

impl rustls::server::ResolvesServerCert for Shows {
    fn resolve(
        &self,
        _: rustls::server::ClientHello<'_>,
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[test]
fn the_published_certificate_without_its_key_is_not_enough() {
    // RFC 8446 §4.4.3: whoever copies the certificate must not get away with it.
    let provider = Arc::new(provider());
    for world in worlds() {
        let server = SelfSigned::new();
        let connector = connector(&world, &dane(&world, vec![server.record()]));
        let other = KeyPair::generate().unwrap();
        for (key, expected) in [(&server.key, true), (&other, false)] {
            let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            let signing = provider.key_provider.load_private_key(key).unwrap();
            let chain = vec![server.certificate.der().clone()];
            let shown = rustls::sign::CertifiedKey::new(chain, signing);
            let config = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_cert_resolver(Arc::new(Shows(Arc::new(shown))));
            assert_eq!(is_established(&connector, config), expected);
        }
    }
}

/// Whether a session with such a server is established.
fn is_established(connector: &Connector, config: rustls::ServerConfig) -> bool {
    let mut server = rustls::ServerConnection::new(Arc::new(config)).unwrap();
    let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
    let mut client = connector.connect(&mut outgoing).unwrap();
    loop {
        let mut input = &outgoing[..];
        while !input.is_empty() {
            server.read_tls(&mut input).unwrap();
        }
        outgoing.clear();
        let _ = server.process_new_packets();
        let mut answer = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        assert!(!answer.is_empty(), "nothing moves");
        incoming.extend_from_slice(&answer);
        match drive!(client, &mut incoming, &mut outgoing).as_slice() {
            [] => {}
            [Told::Established] => return true,
            [Told::Failed(Error::Protocol(error))] => {
                assert!(error.to_string().contains("signature"), "{error}");
                return false;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn records_of_a_host_that_was_found_insecurely_are_not_applied() {
    // RFC 7673 §3.1: without DNSSEC on the way to the host, its records prove nothing.
    let world = World::new();
    let endpoint = Endpoint::new(
        Service::Imap,
        TlsMode::Implicit,
        host(HOST).into(),
        993,
        Provenance::SrvInsecure,
    )
    .with_service_domain(host("example.org"));
    let of_domain = Certificates::new(world.authority.issue(&["example.org"]));
    let acceptor = world.acceptor_with(of_domain).build().unwrap();
    let server = SelfSigned::new();
    let records = dane(&world, vec![server.record()]);
    let client = world.client();
    let connector = client.connector_with_dane(&world.account, endpoint, &records);
    let connector = connector.unwrap();
    let refused = DaneNotApplied::UntrustworthyHost;
    assert_eq!(connector.dane().unwrap().not_applied(), Some(refused));
    let pair = Pair::established(&connector, &acceptor);
    let info = pair.client.info().unwrap();
    let verification = info.verification().unwrap();
    assert_eq!(verification.authentication(), Authentication::Pkix);
    assert_eq!(verification.dane().unwrap().not_applied(), Some(refused));
    assert_eq!(info.server_name(), Some("example.org"));
    let mut pair = Pair::new(&connector, &server.acceptor(&world));
    pair.run();
    assert_eq!(failure(&pair.client_trace()).code(), "self-signed");
}

#[test]
fn records_of_a_securely_found_host_count_whatever_names_are_sought() {
    // RFC 9525 §6.1 takes no host from DNS as a reference; its records still authenticate it.
    let world = World::new();
    let server = SelfSigned::new();
    let records = dane(&world, vec![server.record()]);
    for strict in [false, true] {
        let policy = IdentityPolicy::default().with_strict_rfc9525(strict);
        let endpoint = Endpoint::new(
            Service::Imap,
            TlsMode::Implicit,
            host(HOST).into(),
            993,
            Provenance::SrvSecure,
        )
        .with_service_domain(host("example.org"))
        .with_identity_policy(policy);
        let client = world.client();
        let connector = client.connector_with_dane(&world.account, endpoint, &records);
        let pair = Pair::established(&connector.unwrap(), &server.acceptor(&world));
        let info = pair.client.info().unwrap();
        // Not the service domain, which RFC 7673 §4.1 prefers where no records are applied.
        assert_eq!(info.server_name(), Some(HOST));
        let reference = info.verification().unwrap().reference().unwrap();
        assert_eq!(reference.to_string(), HOST);
    }
}
