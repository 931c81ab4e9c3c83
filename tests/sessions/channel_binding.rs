//! Channel bindings: the same on both ends, another on each connection, once.

use mail_tls::ChannelBindingType::{TlsExporter, TlsServerEndPoint, TlsUnique};
use mail_tls::{
    Certificates, CertifiedChain, ChannelBindingError, ChannelBindingType, Connector, Error,
    HelloAnswer, TlsVersions,
};

use crate::support::{HOST, Pair, Told, World};

const VERSIONS: [TlsVersions; 2] = [TlsVersions::Tls13Only, TlsVersions::Tls12Only];

/// What both ends have, which is the same.
fn both(pair: &mut Pair, binding_type: ChannelBindingType) -> Vec<u8> {
    let client = pair.client.take_channel_binding(binding_type).unwrap();
    let server = pair.server.take_channel_binding(binding_type).unwrap();
    assert_eq!(client.binding_type(), binding_type);
    assert_eq!(client.sasl_bytes(), server.sasl_bytes());
    client.sasl_bytes().to_vec()
}

/// RFC 9266 §2: 32 bytes, of one connection alone; also where it resumes another one.
#[test]
fn the_exporter_is_of_the_connection() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let (connector, acceptor) = (world.connector(), world.acceptor());
        let mut seen = Vec::new();
        for resumed in [false, true, true] {
            let mut pair = Pair::established(&connector, &acceptor);
            assert_eq!(pair.client.info().unwrap().is_resumed(), resumed);
            let value = both(&mut pair, TlsExporter);
            assert_eq!(value.len(), 32);
            assert!(!seen.contains(&value));
            seen.push(value);
        }
    }
}

/// RFC 5929 §4.1: the hash of the certificate as it was sent.
#[test]
fn the_end_point_is_the_certificate() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let (connector, acceptor) = (world.connector(), world.acceptor());
        let mut pair = Pair::established(&connector, &acceptor);
        let leaf = pair.client.peer_chain().first().unwrap().clone();
        let expected = sha256(&leaf);
        assert_eq!(both(&mut pair, TlsServerEndPoint), expected);
    }
}

/// A resumed session shows no certificate; its binding is that of the session it goes back to,
/// also after the server has another certificate, and over several resumptions.
#[test]
fn a_resumed_session_keeps_its_end_point() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let (connector, acceptor) = (world.connector(), world.acceptor());
        let mut first = Pair::established(&connector, &acceptor);
        let expected = both(&mut first, TlsServerEndPoint);
        let renewed = Certificates::new(world.authority.issue(&[HOST]));
        acceptor.replace_certificates(&renewed).unwrap();
        for _ in 0..3 {
            let mut pair = Pair::established(&connector, &acceptor);
            assert!(pair.client.info().unwrap().is_resumed());
            assert_eq!(both(&mut pair, TlsServerEndPoint), expected, "{versions:?}");
        }
        let mut other = Pair::established(&world.connector(), &acceptor);
        assert!(!other.client.info().unwrap().is_resumed());
        assert_ne!(both(&mut other, TlsServerEndPoint), expected);
    }
}

/// Whichever certificate is shown: by name, and by the answer to the ClientHello.
#[test]
fn the_end_point_is_of_the_certificate_that_was_chosen() {
    let world = World::new();
    let default = world.authority.issue(&["other.example.org"]);
    let named = world.authority.issue(&[HOST]);
    let answered = world.authority.issue(&[HOST]);
    let certificates = Certificates::new(default).with(named.clone());
    let acceptor = world
        .server()
        .acceptor(
            mail_tls::Service::Imap,
            mail_tls::TlsMode::Implicit,
            certificates,
        )
        .ask_for_each_hello()
        .build()
        .unwrap();
    let rows = [
        (HelloAnswer::Configured, named),
        (HelloAnswer::Certificate(answered.clone()), answered),
    ];
    for (answer, chain) in rows {
        let mut pair = Pair::new(&world.connector(), &acceptor);
        pair.run();
        assert_eq!(pair.server_trace(), [Told::ClientHello]);
        pair.server.answer(answer, &mut pair.to_client).unwrap();
        pair.run();
        let expected = sha256(&chain.certificates()[0]);
        assert_eq!(both(&mut pair, TlsServerEndPoint), expected);
    }
}

/// RFC 5929 §4.1: Ed25519 has no hash function. The exporter is still there.
#[test]
fn no_end_point_for_ed25519() {
    let world = World::new();
    let chain = self_signed(&rcgen::PKCS_ED25519);
    let client = mail_tls::Client::builder()
        .trust_anchors(mail_tls::TrustAnchors::from_pem(chain.0.as_bytes()).unwrap())
        .clock(world.clock.clone())
        .build()
        .unwrap();
    let connector: Connector = client.connector(&world.account, world.endpoint()).unwrap();
    let acceptor = world
        .server()
        .acceptor(
            mail_tls::Service::Imap,
            mail_tls::TlsMode::Implicit,
            Certificates::new(chain.1),
        )
        .build()
        .unwrap();
    let mut pair = Pair::established(&connector, &acceptor);
    let undefined = ChannelBindingError::EndPointUndefined;
    let taken = pair.client.take_channel_binding(TlsServerEndPoint);
    assert_eq!(taken.unwrap_err(), undefined);
    let taken = pair.server.take_channel_binding(TlsServerEndPoint);
    assert_eq!(taken.unwrap_err(), undefined);
    assert_eq!(both(&mut pair, TlsExporter).len(), 32);
}

/// RFC 9266 §4.1: one authentication for each connection.
#[test]
fn it_is_taken_once() {
    let world = World::new();
    let mut pair = Pair::established(&world.connector(), &world.acceptor());
    // What fails is not taken.
    let unsupported = ChannelBindingError::TlsUniqueUnsupported;
    let taken = pair.client.take_channel_binding(TlsUnique);
    assert_eq!(taken.unwrap_err(), unsupported);
    let taken = pair.server.take_channel_binding(TlsUnique);
    assert_eq!(taken.unwrap_err(), unsupported);
    both(&mut pair, TlsExporter);
    for binding_type in [TlsExporter, TlsServerEndPoint, TlsUnique] {
        let again = ChannelBindingError::AlreadyTaken;
        let taken = pair.client.take_channel_binding(binding_type);
        assert_eq!(taken.unwrap_err(), again);
        let taken = pair.server.take_channel_binding(binding_type);
        assert_eq!(taken.unwrap_err(), again);
    }
}

#[test]
fn not_before_and_not_after() {
    let world = World::new();
    let mut pair = Pair::new(&world.connector(), &world.acceptor());
    let early = pair.client.take_channel_binding(TlsExporter).unwrap_err();
    assert_eq!(early, ChannelBindingError::NotEstablished);
    let early = pair.server.take_channel_binding(TlsExporter).unwrap_err();
    assert_eq!(early, ChannelBindingError::NotEstablished);
    pair.run();
    pair.client_in.extend_from_slice(&[0x16, 3, 3, 0, 1, 0]);
    let _ = crate::support::drive!(pair.client, &mut pair.client_in, &mut pair.to_server);
    let late = pair.client.take_channel_binding(TlsExporter).unwrap_err();
    assert!(
        matches!(late, ChannelBindingError::Dead(Error::Protocol(_))),
        "{late:?}"
    );
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).to_vec()
}

/// An authority's certificate, and the chain of a server that it has issued.
fn self_signed(algorithm: &'static rcgen::SignatureAlgorithm) -> (String, CertifiedChain) {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = rcgen::Issuer::new(params, key);
    let params = rcgen::CertificateParams::new([HOST.to_owned()]).unwrap();
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let leaf = params.signed_by(&key, &issuer).unwrap().pem();
    let chain = CertifiedChain::from_pem(leaf.as_bytes(), key.serialize_pem().as_bytes());
    (pem, chain.unwrap())
}
