//! Versions and parameters that have nothing in common with ours (RFC 8996, RFC 9325 §3.1).

use bytes::BytesMut;
use mail_tls::error::Cause;
use mail_tls::{Certificates, Error, Negotiated, ProtocolError, ServerAlpn, TlsVersions};

use crate::faults::assert_dead;
use crate::support::{HOST, Pair, Session, Told, World, failure, protocol};
use crate::wire::{client_hello, in_records};

/// What a server says of a ClientHello, and the alert that it answers with; the same whether it
/// leaves the ClientHello to rustls or looks at it first.
fn server_hears(world: &World, bytes: &[u8]) -> (Error, u8) {
    let looks_first = world.acceptor_builder().alpn(ServerAlpn::Strict).build();
    let mut answers = Vec::new();
    for acceptor in [world.acceptor(), looks_first.unwrap()] {
        for piece in [1, usize::MAX] {
            let mut server = acceptor.accept().unwrap();
            let (mut incoming, mut out, mut told) = (BytesMut::new(), BytesMut::new(), Vec::new());
            for bytes in bytes.chunks(piece) {
                incoming.extend_from_slice(bytes);
                told.extend(server.drive(&mut incoming, &mut out));
            }
            let error = failure(&told).clone();
            let [21, 3, _, 0, 2, 2, alert] = out[..] else {
                panic!("{out:?}");
            };
            assert_dead(&mut server, &error);
            answers.push((error, alert));
        }
    }
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "{answers:?}"
    );
    answers.remove(0)
}

const PROTOCOL_VERSION: u8 = 70;

#[test]
fn clients_that_are_too_old() {
    let world = World::new();
    let groups = (10, &[0, 2, 0, 29][..]);
    let schemes = (13, &[0, 2, 4, 3][..]);
    let old_only = (43, &[4, 3, 2, 3, 1][..]);
    for (version, extensions, offered) in [
        (0x0302, vec![groups], &[0x0302][..]), // RFC 4346: no signature_algorithms
        (0x0302, vec![groups, schemes], &[0x0302]),
        (0x0301, vec![], &[0x0301]),
        (0x0300, vec![], &[0x0300]), // SSL 3.0: no extensions
        (0x0303, vec![schemes, groups, old_only], &[0x0302, 0x0301]),
    ] {
        for size in [1, 16_000] {
            let hello = in_records(&client_hello(version, &extensions), version, size);
            let (error, alert) = server_hears(&world, &hello);
            assert_eq!(alert, PROTOCOL_VERSION, "{version:x}");
            match protocol(&error) {
                ProtocolError::NoCommonVersion { offered: found, .. } => {
                    assert_eq!(*found, offered)
                }
                other => panic!("{version:x}: {other:?}"),
            }
        }
    }
    let (error, _) = server_hears(
        &world,
        &in_records(&client_hello(0x0302, &[]), 0x0301, 16_000),
    );
    assert!(
        error
            .to_string()
            .contains("; it offers TLS 1.1; another one"),
        "{error}"
    );
}

#[test]
fn one_has_only_tls_13_and_the_other_only_tls_12() {
    for (client, server, offered) in [
        (TlsVersions::Tls12Only, TlsVersions::Tls13Only, 0x0303),
        (TlsVersions::Tls13Only, TlsVersions::Tls12Only, 0x0304),
    ] {
        let world = World::with_versions(client);
        let acceptor = mail_tls::Server::builder()
            .versions(server)
            .build()
            .unwrap()
            .acceptor(
                world.service,
                mail_tls::TlsMode::Implicit,
                Certificates::new(world.authority.issue(&[HOST])),
            )
            .build()
            .unwrap();
        let mut pair = Pair::new(&world.connector(), &acceptor);
        pair.run();
        let told = pair.server_trace();
        match protocol(failure(&told)) {
            ProtocolError::NoCommonVersion { offered: found, .. } => assert_eq!(*found, [offered]),
            other => panic!("{other:?}"),
        }
        match protocol(failure(&pair.client_trace())) {
            ProtocolError::AlertReceived {
                alert,
                established: false,
                causes,
                ..
            } => {
                assert_eq!(alert.code_point(), PROTOCOL_VERSION);
                assert_eq!(*causes, [Cause::NoCommonVersion]);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_highest_common_version_is_chosen() {
    use TlsVersions::{Tls12AndTls13, Tls12Only, Tls13Only};
    for (versions, negotiated, shown) in [
        (Tls12AndTls13, Negotiated::Tls13, "version=TLSv1.3"),
        (Tls13Only, Negotiated::Tls13, "version=TLSv1.3"),
        (Tls12Only, Negotiated::Tls12, "version=TLSv1.2"),
    ] {
        let world = World::with_versions(versions);
        let pair = Pair::established(&world.connector(), &world.acceptor());
        for info in [pair.client.info().unwrap(), pair.server.info().unwrap()] {
            assert_eq!(info.version(), negotiated);
            assert!(info.to_string().contains(shown), "{info}");
            assert!(info.cipher_suite().is_some() && info.group().is_some());
        }
    }
}

/// RFC 9325 §3.5, RFC 7627 §5.3: TLS 1.2 without the extended master secret is refused.
#[test]
fn a_client_without_the_extended_master_secret() {
    let extensions = [(10, &[0, 2, 0, 29][..]), (13, &[0, 2, 4, 3]), (11, &[1, 0])];
    let hello = in_records(&client_hello(0x0303, &extensions), 0x0301, 16_000);
    let (error, alert) = server_hears(&World::new(), &hello);
    assert_eq!(alert, 40);
    match protocol(&error) {
        ProtocolError::Incompatible { missing, .. } => {
            assert!(missing.contains("extended master secret"), "{missing}");
        }
        other => panic!("{other:?}"),
    }
}

/// A ServerHello that is all right but for its version or for what it lacks.
fn client_hears(versions: TlsVersions, version: u16) -> (Error, BytesMut) {
    let world = World::with_versions(versions);
    let mut out = BytesMut::new();
    let mut client = world.connector().connect(&mut out).unwrap();
    out.clear();
    let mut hello = vec![2, 0, 0, 38];
    hello.extend(version.to_be_bytes());
    hello.extend([9; 32]);
    hello.extend([0, 0xc0, 0x2b, 0]);
    let mut incoming = BytesMut::from(&in_records(&hello, version, 16_000)[..]);
    let told = client.drive(&mut incoming, &mut out);
    let error = failure(&told).clone();
    assert_dead(&mut client, &error);
    (error, out)
}

#[test]
fn a_server_that_chooses_what_was_not_offered() {
    for (versions, version) in [
        (TlsVersions::Tls12AndTls13, 0x0302),
        (TlsVersions::Tls12AndTls13, 0x0300),
        (TlsVersions::Tls13Only, 0x0303),
    ] {
        let (error, out) = client_hears(versions, version);
        assert_eq!(out[5..], [2, PROTOCOL_VERSION], "{version:x}");
        match protocol(&error) {
            ProtocolError::NoCommonVersion { offered, .. } => assert!(offered.is_empty()),
            other => panic!("{other:?}"),
        }
        assert_eq!(error.code(), "no-common-version");
    }
}

#[test]
fn a_server_without_the_extended_master_secret() {
    let (error, out) = client_hears(TlsVersions::Tls12Only, 0x0303);
    assert!(!out.is_empty());
    match protocol(&error) {
        ProtocolError::Incompatible { missing, .. } => {
            assert!(missing.contains("extended master secret"), "{missing}");
        }
        other => panic!("{other:?}"),
    }
}

/// No suite, no group: the error says which it was.
#[test]
fn nothing_in_common() {
    let world = World::new();
    let schemes = (13, &[0, 2, 4, 3][..]);
    let ems = (23, &[][..]);
    for (extensions, says) in [
        (vec![schemes, ems, (10, &[0, 2, 0x11, 0x11][..])], "group"),
        // TLS 1.3's suite alone is in the list; a certificate for Ed25519 alone is not here.
        (
            vec![(13, &[0, 2, 8, 7][..]), ems, (10, &[0, 2, 0, 29])],
            "signature",
        ),
    ] {
        let hello = in_records(&client_hello(0x0303, &extensions), 0x0301, 16_000);
        let (error, _) = server_hears(&world, &hello);
        assert_eq!(error.code(), "incompatible");
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// A whole chain of certificates over several records, in any pieces.
#[test]
fn a_chain_larger_than_a_record() {
    for versions in [TlsVersions::Tls13Only, TlsVersions::Tls12Only] {
        let world = World::with_versions(versions);
        let many: Vec<String> = (0..2500).map(|n| format!("host{n}.example.org")).collect();
        let names: Vec<&str> = many.iter().map(String::as_str).chain([HOST]).collect();
        let chain = world.authority.issue(&names);
        assert!(chain.certificates()[0].len() > 50_000);
        let acceptor = world
            .acceptor_with(Certificates::new(chain))
            .build()
            .unwrap();
        let connector = world.connector();
        for piece in [7, 1000, 4096, 16_389, 20_000, usize::MAX] {
            for trims in [false, true] {
                let mut pair = Pair::new(&connector, &acceptor);
                while !pair.to_server.is_empty() || !pair.to_client.is_empty() {
                    pair.carry_to_server(piece);
                    pair.carry_to_client(piece);
                    if trims {
                        pair.client.trim();
                        pair.server.trim();
                    }
                }
                assert_eq!(pair.client_trace(), [Told::Established], "{piece}");
                assert_eq!(pair.server_trace(), [Told::Established], "{piece}");
            }
        }
    }
}
