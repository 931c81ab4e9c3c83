//! Which certificate a server shows.

use std::sync::Arc;

use bytes::BytesMut;
use mail_tls::{
    Acceptor, Certificates, CertifiedChain, Endpoint, Error, Host, PolicyRefusal, ProtocolError,
    Service, Sni, TlsMode, TlsVersions, UnknownName,
};
use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256};
use rustls::SignatureScheme;

use crate::faults::assert_dead;
use crate::raw::{self, RAW_12, RAW_13};
use crate::support::{HOST, Pair, Told, VERSIONS, World, failure, new_key, protocol, provider};

/// The first name in the certificate that a client gets that asks for `host`.
fn shown_for(world: &World, acceptor: &Acceptor, host: Option<&str>) -> Result<String, Error> {
    let mut config = raw::client_config(&world.authority, RAW_13);
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(raw::Anything));
    config.enable_sni = host.is_some();
    let name = pki_types::ServerName::try_from(host.unwrap_or(HOST).to_owned()).unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut joint = raw::WithRaw::new(acceptor.accept().unwrap(), BytesMut::new(), client);
    joint.run();
    let told = joint.trace();
    if told == [Told::Established] {
        let leaf = joint.raw.peer_certificates().unwrap()[0].clone();
        return Ok(CertifiedChain::from_der(vec![leaf], any_key())
            .unwrap()
            .names()[0]
            .to_string());
    }
    let error = failure(&told).clone();
    assert_dead(&mut joint.session, &error);
    match joint.error {
        Some(rustls::Error::AlertReceived(alert)) => assert_eq!(u8::from(alert), 112),
        other => panic!("{other:?}"),
    }
    Err(error)
}

pub(crate) fn any_key() -> pki_types::PrivateKeyDer<'static> {
    new_key(&PKCS_ECDSA_P256_SHA256)
        .serialize_der()
        .try_into()
        .unwrap()
}

#[test]
fn the_certificate_fits_the_name() {
    let world = World::new();
    let issue = |names: &[&str]| world.authority.issue(names);
    let certificates = Certificates::new(issue(&["default.example.org"]))
        .with(issue(&["exact.example.net", "second.example.net"]))
        .with(issue(&["*.example.net"]))
        .with_names(
            ["*.hosted.example", "Given.Example.COM."],
            issue(&["given.example.com"]),
        )
        .unwrap();
    let lax = world.acceptor_with(certificates.clone()).build().unwrap();
    let strict = world
        .acceptor_with(certificates.with_unknown_name(UnknownName::Refuse))
        .build()
        .unwrap();
    let rows = [
        (Some("default.example.org"), Some("default.example.org")),
        (Some("exact.example.net"), Some("exact.example.net")),
        (Some("EXACT.Example.NET"), Some("exact.example.net")), // RFC 4343
        (Some("second.example.net"), Some("exact.example.net")),
        (Some("other.example.net"), Some("*.example.net")),
        (Some("a.b.example.net"), None), // RFC 9525 §6.3: one label
        (Some("example.net"), None),
        (Some("x.hosted.example"), Some("given.example.com")),
        (Some("given.example.com"), Some("given.example.com")),
        (Some("sub.default.example.org"), None),
        (None, Some("default.example.org")),
    ];
    for (asked, shown) in rows {
        let shown_or_default = shown.unwrap_or("default.example.org");
        assert_eq!(
            shown_for(&world, &lax, asked).unwrap(),
            shown_or_default,
            "{asked:?}"
        );
        match (shown, shown_for(&world, &strict, asked)) {
            (Some(shown), Ok(found)) => assert_eq!(found, shown, "{asked:?}"),
            (None, Err(Error::Policy(refusal))) => {
                let PolicyRefusal::ServerNameNotServed { name, .. } = &*refusal else {
                    panic!("{refusal:?}")
                };
                assert_eq!(**name, asked.unwrap().to_ascii_lowercase());
            }
            other => panic!("{asked:?}: {other:?}"),
        }
    }
}

/// RFC 6066 §3: SNI holds the name of a host. What no client can ask for is a mistake.
#[test]
fn names_that_no_client_can_ask_for() {
    let world = World::new();
    for name in [
        "",
        "*",
        "*.",
        "*.*.example.org",
        "a.*.example.org",
        "192.0.2.1",
        "a b",
        "a..b",
    ] {
        let certificates = Certificates::new(world.authority.issue(&[HOST]));
        let error = certificates
            .with_names([name], world.authority.issue(&[HOST]))
            .unwrap_err();
        assert!(matches!(error, Error::Config(_)), "{name}: {error:?}");
    }
}

/// RFC 6066 §3: a strict server's refusal reaches our client as what it is.
#[test]
fn a_client_hears_that_its_name_is_not_served() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let certificates = Certificates::new(world.authority.issue(&["other.example.org"]))
            .with_unknown_name(UnknownName::Refuse);
        let acceptor = world.acceptor_with(certificates).build().unwrap();
        let mut pair = Pair::new(&world.connector(), &acceptor);
        pair.carry_to_server(usize::MAX);
        assert_eq!(pair.to_client[..], [21, 3, 3, 0, 2, 2, 112]);
        pair.run();
        match protocol(failure(&pair.client_trace())) {
            ProtocolError::AlertReceived {
                alert,
                established: false,
                causes,
                ..
            } => {
                assert_eq!(alert.code_point(), 112);
                assert_eq!(*causes, [mail_tls::error::Cause::ServerNameUnknown]);
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A raw client that verifies some schemes only: which of these chains it is shown, the first of which
/// is the default.
fn limited_to(
    world: &World,
    schemes: &'static [SignatureScheme],
    host: &str,
    chains: &[CertifiedChain],
) -> Result<usize, Error> {
    let (default, others) = chains.split_first().unwrap();
    let certificates = others
        .iter()
        .fold(Certificates::new(default.clone()), |all, one| {
            all.with(one.clone())
        });
    let acceptor = world.acceptor_with(certificates).build().unwrap();
    let versions = match world.versions {
        TlsVersions::Tls12Only => RAW_12,
        _ => RAW_13,
    };
    let mut config = raw::client_config_with(&world.authority, versions, provider());
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(raw::Only(schemes)));
    let name = pki_types::ServerName::try_from(host.to_owned()).unwrap();
    let client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
    let mut joint = raw::WithRaw::new(acceptor.accept().unwrap(), BytesMut::new(), client);
    joint.run();
    let told = joint.trace();
    if told != [Told::Established] {
        assert!(matches!(
            joint.error,
            Some(rustls::Error::AlertReceived(
                rustls::AlertDescription::HandshakeFailure
            ))
        ));
        return Err(failure(&told).clone());
    }
    let leaf = &joint.raw.peer_certificates().unwrap()[0];
    Ok(chains
        .iter()
        .position(|chain| chain.certificates()[0] == *leaf)
        .unwrap())
}

const RSA: &[SignatureScheme] = &[
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PKCS1_SHA256,
];
const ECDSA: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];

fn rsa_chain(world: &World, name: &str) -> CertifiedChain {
    let authority = &world.authority;
    authority.issue_with(&[name], &PKCS_RSA_SHA256, |_| {})
}

/// By address alone, so that no name can tell them apart.
#[test]
fn keys_of_two_kinds_for_an_address() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let address = "192.0.2.7";
        let chains = [
            world.authority.issue(&[address]),
            rsa_chain(&world, address),
        ];
        for (schemes, shown) in [(ECDSA, 0), (RSA, 1)] {
            let found = limited_to(&world, schemes, address, &chains);
            assert_eq!(found, Ok(shown), "{versions:?}");
        }
    }
}

#[test]
fn keys_of_two_kinds_side_by_side() {
    const NEITHER: &[SignatureScheme] = &[SignatureScheme::ED25519];
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let chains = [world.authority.issue(&[HOST]), rsa_chain(&world, HOST)];
        // By its name, or as the default.
        for host in [HOST, "unknown.example.org"] {
            let shown = |schemes| limited_to(&world, schemes, host, &chains);
            assert_eq!(shown(ECDSA), Ok(0), "{versions:?} {host}");
            assert_eq!(shown(RSA), Ok(1), "{versions:?} {host}");
            let error = shown(NEITHER).unwrap_err();
            match protocol(&error) {
                ProtocolError::Incompatible { missing, .. } => {
                    assert!(missing.contains("signature"), "{missing}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A certificate of the name's own, and a wildcard's that covers it with a key of another kind.
#[test]
fn a_wildcard_stands_beside_an_exact_name() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let wildcard = "*.example.org";
        let rows = [
            [world.authority.issue(&[HOST]), rsa_chain(&world, wildcard)],
            [world.authority.issue(&[wildcard]), rsa_chain(&world, HOST)],
        ];
        for chains in rows {
            let default = world.authority.issue(&["default.example.net"]);
            let chains = [&[default][..], &chains].concat();
            for (host, schemes, shown) in [
                (HOST, ECDSA, 1),
                (HOST, RSA, 2),
                ("unknown.example.net", ECDSA, 0),
            ] {
                let found = limited_to(&world, schemes, host, &chains);
                assert_eq!(found, Ok(shown), "{versions:?} {host}");
            }
        }
        // With keys of one kind the name's own goes first, in whatever order they were given.
        let [own, covering] = [HOST, wildcard].map(|name| world.authority.issue(&[name]));
        for chains in [[own.clone(), covering.clone()], [covering, own.clone()]] {
            let is_own = chains[0].certificates() == own.certificates();
            let shown = limited_to(&world, ECDSA, HOST, &chains);
            assert_eq!(shown, Ok(usize::from(!is_own)));
        }
    }
}

#[test]
fn certificates_are_replaced_under_running_sessions() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let acceptor = world.acceptor();
        let connector = world.connector();
        let mut running = Pair::established(&connector, &acceptor);
        let mut beginning = Pair::new(&connector, &acceptor);
        beginning.carry_to_server(usize::MAX);
        let other = Certificates::new(world.authority.issue(&["other.example.org"]));
        acceptor.replace_certificates(&other).unwrap();
        // Whoever has been shown the old one goes on with it.
        beginning.run();
        assert_eq!(beginning.client_trace(), [Told::Established]);
        running.client.send(b"x", &mut running.to_server).unwrap();
        running.run();
        assert_eq!(running.server_trace(), [Told::Data(b"x".to_vec())]);
        let shown = shown_for(&world, &acceptor, None).unwrap();
        assert_eq!(shown, "other.example.org");
        // What cannot be used leaves the old ones in place.
        let good = world.authority.issue(&["good.example.org"]);
        let bad = CertifiedChain::from_der(good.certificates().to_vec(), any_key()).unwrap();
        for unusable in [
            Certificates::new(bad.clone()),
            Certificates::new(good).with(bad),
        ] {
            let error = acceptor.replace_certificates(&unusable).unwrap_err();
            assert!(
                error.to_string().contains("for good.example.org"),
                "{error}"
            );
            assert_eq!(
                shown_for(&world, &acceptor, None).unwrap(),
                "other.example.org"
            );
        }
    }
}

#[test]
fn what_cannot_be_a_servers_certificate() {
    let world = World::new();
    let good = world.authority.issue(&[HOST]);
    let pem = |key: &rcgen::KeyPair| key.serialize_pem();
    let key = new_key(&PKCS_ECDSA_P256_SHA256);
    let rows: [(Result<CertifiedChain, Error>, &str); 6] = [
        (
            CertifiedChain::from_der(Vec::new(), any_key()),
            "at least one certificate",
        ),
        (
            CertifiedChain::from_pem(b"", pem(&key).as_bytes()),
            "at least one certificate",
        ),
        (
            CertifiedChain::from_der(good.certificates().to_vec(), any_key()),
            "belongs to another certificate",
        ),
        (
            CertifiedChain::from_der(vec![vec![1, 2, 3].into()], any_key()),
            "cannot be read",
        ),
        (
            CertifiedChain::from_pem(pem(&key).as_bytes(), b"no key"),
            "key",
        ),
        (
            CertifiedChain::from_der(
                good.certificates().to_vec(),
                pki_types::PrivatePkcs8KeyDer::from(vec![1]).into(),
            ),
            "private key cannot be loaded",
        ),
    ];
    for (chain, says) in rows {
        let built = chain.and_then(|chain| world.acceptor_with(Certificates::new(chain)).build());
        let error = built.unwrap_err();
        assert!(matches!(error, Error::Config(_)), "{error:?}");
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// The default chain serves a client that sends no name, also our own.
#[test]
fn a_client_that_omits_the_name() {
    let world = World::new();
    let acceptor = world
        .acceptor_with(
            Certificates::new(world.authority.issue(&[HOST]))
                .with(world.authority.issue(&["other.example.org"]))
                .with_unknown_name(UnknownName::Refuse),
        )
        .build()
        .unwrap();
    let endpoint = world.endpoint().with_sni(Sni::Omit);
    let pair = Pair::established(&world.connector_to(endpoint), &acceptor);
    assert_eq!(pair.client.info().unwrap().server_name(), None);
    assert_eq!(pair.server.info().unwrap().server_name(), None);
    assert_eq!(pair.server.requested_name(), None);
    let host = Host::parse("other.example.org").unwrap();
    let provenance = mail_tls::Provenance::Typed;
    let endpoint = Endpoint::new(Service::Imap, TlsMode::Implicit, host, 993, provenance);
    let pair = Pair::established(&world.connector_to(endpoint), &acceptor);
    assert_eq!(pair.server.requested_name(), Some("other.example.org"));
}
