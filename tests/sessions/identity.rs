//! Who the peer is: what is refused, what the other side is told of it, and client certificates.

use bytes::BytesMut;
use mail_tls::error::Cause;
use mail_tls::identity::IdentityPolicy;
use mail_tls::{
    Acceptor, AcceptorBuilder, Account, ApiMisuse, Certificates, CertifiedChain, Endpoint, Error,
    ExternalOffer, Host, ProtocolError, Provenance, Service, TlsMode, TlsVersions,
};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, PKCS_ECDSA_P256_SHA256};

use crate::faults::assert_dead;
use crate::support::{
    Authority, HOST, Pair, Told, VERSIONS, World, days, failure, new_key, protocol,
};
use crate::wire::hello_extensions;

const SERVER_NAME: u16 = 0;

fn issue(world: &World, name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertifiedChain {
    world
        .authority
        .issue_with(&[name], &PKCS_ECDSA_P256_SHA256, change)
}

fn self_signed() -> CertifiedChain {
    let key = new_key(&PKCS_ECDSA_P256_SHA256);
    let params = CertificateParams::new(vec![HOST.to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    CertifiedChain::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

/// RFC 8314 §4: the line for the log has one form, whatever the server was identified by.
#[test]
fn a_common_name_in_the_line_for_the_log() {
    let world = World::new();
    let chain = world
        .authority
        .issue_with(&[], &PKCS_ECDSA_P256_SHA256, |params| {
            params.distinguished_name.push(DnType::CommonName, HOST);
        });
    let policy = IdentityPolicy::default().with_common_names(true);
    let connector = world.connector_to(world.endpoint().with_identity_policy(policy));
    let acceptor = world
        .acceptor_with(Certificates::new(chain))
        .build()
        .unwrap();
    let pair = Pair::established(&connector, &acceptor);
    let line = pair.client.info().unwrap().to_string();
    assert!(line.contains(&format!(" peer={HOST} ")), "{line}");
    assert!(line.split(' ').all(|pair| pair.contains('=')), "{line}");
}

/// Each fault of a server's certificate: the client's error, and the alert as our server hears it
/// (RFC 8446 §6.2).
#[test]
fn certificates_of_servers_that_are_refused() {
    type Make = fn(&World) -> CertifiedChain;
    let rows: [(&str, Make, u8); 5] = [
        (
            "name-mismatch",
            |world| issue(world, "other.example.org", |_| {}),
            42,
        ),
        (
            "missing-intermediate",
            |_| Authority::named("A stranger").issue(&[HOST]),
            48,
        ),
        (
            "expired",
            |world| {
                issue(world, HOST, |params| {
                    params.not_before = (world.clock.wall() - days(90)).into();
                    params.not_after = (world.clock.wall() - days(1)).into();
                })
            },
            45,
        ),
        (
            "not-yet-valid",
            |world| {
                issue(world, HOST, |params| {
                    params.not_before = (world.clock.wall() + days(1)).into()
                })
            },
            45,
        ),
        ("self-signed", |_| self_signed(), 48),
    ];
    for versions in VERSIONS {
        for (code, make, code_point) in &rows {
            let world = World::with_versions(versions);
            let acceptor = world
                .acceptor_with(Certificates::new(make(&world)))
                .build()
                .unwrap();
            let mut pair = Pair::new(&world.connector(), &acceptor);
            pair.run();
            let told = pair.client_trace();
            let error = failure(&told).clone();
            match &error {
                Error::Certificate(rejection) => assert_eq!(rejection.code(), *code),
                other => panic!("{code}: {other:?}"),
            }
            assert!(!told.contains(&Told::Established));
            assert_dead(&mut pair.client, &error);
            let told = pair.server_trace();
            match protocol(failure(&told)) {
                ProtocolError::AlertReceived {
                    alert,
                    established,
                    causes,
                    ..
                } => {
                    assert_eq!(alert.code_point(), *code_point, "{code}");
                    assert!(!established);
                    assert_eq!(*causes, [Cause::CertificateNotTrusted]);
                }
                other => panic!("{code}: {other:?}"),
            }
        }
    }
}

#[test]
fn hosts_by_address() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let names = ["192.0.2.7", "2001:db8::7"];
        let acceptor = world
            .acceptor_with(Certificates::new(world.authority.issue(&names)))
            .build()
            .unwrap();
        for (host, is_accepted) in [
            ("192.0.2.7", true),
            ("2001:db8::7", true),
            ("[2001:db8::7]", true),
            ("2001:DB8:0:0::7", true),
            ("192.0.2.8", false),
            ("[2001:db8::8]", false),
        ] {
            let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, host).unwrap();
            let mut pair = Pair::new(&world.connector_to(endpoint), &acceptor);
            // RFC 6066 §3: literal addresses are not permitted in the extension.
            let extensions = hello_extensions(&pair.to_server);
            assert!(!extensions.iter().any(|(kind, _)| *kind == SERVER_NAME));
            pair.run();
            let told = pair.client_trace();
            if is_accepted {
                assert_eq!(told, [Told::Established], "{host}");
                assert_eq!(pair.client.info().unwrap().server_name(), None);
            } else {
                assert_eq!(failure(&told).code(), "name-mismatch", "{host}");
            }
        }
    }
}

/// A trailing dot and capitals are not part of the name, neither in the extension nor in what the
/// certificate has to say.
#[test]
fn hosts_as_they_are_typed() {
    let world = World::new();
    let acceptor = world.acceptor();
    for typed in [HOST, "imap.example.org.", "IMAP.Example.ORG"] {
        let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, typed).unwrap();
        let pair = Pair::established(&world.connector_to(endpoint), &acceptor);
        assert_eq!(pair.server.requested_name(), Some(HOST), "{typed}");
        assert_eq!(pair.client.info().unwrap().server_name(), Some(HOST));
    }
}

/// What is typed, on the way: the same extension byte for byte.
#[test]
fn the_name_that_is_sent() {
    let world = World::new();
    let mut hello = BytesMut::new();
    let _client = world.connector().connect(&mut hello).unwrap();
    let sent: Vec<Vec<u8>> = hello_extensions(&hello)
        .into_iter()
        .filter(|(kind, _)| *kind == SERVER_NAME)
        .map(|(_, data)| data)
        .collect();
    assert_eq!(sent, [[&[0, 19, 0, 0, 16][..], HOST.as_bytes()].concat()]);
}

fn client_chain(world: &World, change: impl FnOnce(&mut CertificateParams)) -> CertifiedChain {
    issue(world, "fred.example.org", |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(params);
    })
}

fn asking(world: &World, ask: fn(AcceptorBuilder, &World) -> AcceptorBuilder) -> Acceptor {
    ask(world.acceptor_builder(), world).build().unwrap()
}

const NOT: fn(AcceptorBuilder, &World) -> AcceptorBuilder = |builder, _| builder;
const REQUEST: fn(AcceptorBuilder, &World) -> AcceptorBuilder = |builder, world| {
    builder.request_client_certificates(
        world.authority.anchors(),
        mail_tls::client_identity::IdentityMapping::key(),
    )
};
const REQUIRE: fn(AcceptorBuilder, &World) -> AcceptorBuilder = |builder, world| {
    builder.require_client_certificates(
        world.authority.anchors(),
        mail_tls::client_identity::IdentityMapping::key(),
    )
};

#[test]
fn client_certificates_that_are_accepted_or_not_asked_for() {
    for versions in VERSIONS {
        for (ask, has_one, asked, sent) in [
            (NOT, false, false, false),
            (NOT, true, false, false), // RFC 8314 §5.5: not unless asked for
            (REQUEST, false, true, false),
            (REQUEST, true, true, true),
            (REQUIRE, true, true, true),
        ] {
            let world = World::with_versions(versions);
            if has_one {
                world
                    .account
                    .authorise_client_certificate_with_tls12(client_chain(&world, |_| {}));
            }
            let mut pair = Pair::established(&world.connector(), &asking(&world, ask));
            let (client, server) = (pair.client.info().unwrap(), pair.server.info().unwrap());
            for info in [&client, &server] {
                assert_eq!(
                    info.client_certificate_asked(),
                    asked,
                    "{versions:?} {has_one}"
                );
                assert_eq!(
                    info.client_certificate_sent(),
                    sent,
                    "{versions:?} {has_one}"
                );
                let said = if sent {
                    "client-certificate=yes"
                } else {
                    "client-certificate=no"
                };
                assert!(info.to_string().ends_with(said), "{info}");
            }
            assert_eq!(server.verification().is_some(), sent);
            assert_eq!(pair.server.peer_chain().len(), usize::from(sent));
            assert_eq!(pair.server.external_offer(), ExternalOffer::Nothing);
            match pair.server.accept_client_identity() {
                Ok(_) => assert!(sent),
                Err(error) => {
                    assert!(!sent);
                    assert_eq!(error, ApiMisuse::NoClientCertificate.into());
                    pair.server.send(b"x", &mut pair.to_client).unwrap();
                }
            }
        }
    }
}

/// A certificate of another account, or one whose authorisation was taken back, is not shown.
#[test]
fn client_certificates_are_the_accounts_own() {
    let world = World::new();
    world
        .account
        .authorise_client_certificate_with_tls12(client_chain(&world, |_| {}));
    let acceptor = asking(&world, REQUEST);
    let other = world
        .client()
        .connector(&Account::configured(), world.endpoint())
        .unwrap();
    assert!(
        Pair::established(&other, &acceptor)
            .server
            .peer_chain()
            .is_empty()
    );
    let own = Pair::established(&world.connector(), &acceptor);
    assert!(!own.server.peer_chain().is_empty());
    world.account.withdraw_client_certificates();
    let without = Pair::established(&world.connector(), &acceptor);
    assert!(without.server.peer_chain().is_empty());
}

/// In TLS 1.3 the client is done before the server has judged its certificate, and hears of it
/// afterwards (RFC 8446 §4.4.2.4).
#[test]
fn client_certificates_that_are_refused() {
    type Make = fn(&World) -> Option<CertifiedChain>;
    let rows: [(&str, Make, Cause); 5] = [
        ("no-certificate", |_| None, Cause::ClientCertificateRequired),
        (
            "missing-intermediate",
            |_| Some(Authority::named("A stranger").issue(&["fred.example.org"])),
            Cause::ClientCertificateRefused,
        ),
        (
            "expired",
            |world| {
                Some(client_chain(world, |params| {
                    params.not_before = (world.clock.wall() - days(9)).into();
                    params.not_after = (world.clock.wall() - days(1)).into();
                }))
            },
            Cause::ClientCertificateExpired,
        ),
        (
            "wrong-purpose",
            |world| {
                Some(client_chain(world, |params| {
                    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
                }))
            },
            Cause::ClientCertificateRefused,
        ),
        (
            "self-signed",
            |_| Some(self_signed()),
            Cause::ClientCertificateRefused,
        ),
    ];
    for versions in VERSIONS {
        for (code, make, cause) in &rows {
            let world = World::with_versions(versions);
            if let Some(chain) = make(&world) {
                world.account.authorise_client_certificate_with_tls12(chain);
            }
            let mut pair = Pair::new(&world.connector(), &asking(&world, REQUIRE));
            pair.run();
            let told = pair.server_trace();
            let error = failure(&told).clone();
            assert_eq!(error.code(), *code);
            assert!(told.iter().all(|told| matches!(told, Told::Failed(_))));
            assert_dead(&mut pair.server, &error);
            let told = pair.client_trace();
            let is_13 = versions == TlsVersions::Tls13Only;
            assert_eq!(told.first() == Some(&Told::Established), is_13);
            match protocol(failure(&told)) {
                ProtocolError::AlertReceived {
                    alert,
                    established,
                    causes,
                    ..
                } => {
                    assert_eq!(*established, is_13);
                    assert_eq!(*causes, [*cause], "{versions:?} {code} {alert}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// RFC 8314 §3.1 and §3.2, RFC 9051 §7.1.4: only IMAP with implicit TLS has PREAUTH; a POP3
/// session begins in the AUTHORIZATION state whatever certificate was shown.
#[test]
fn what_a_client_identity_is_good_for() {
    use ExternalOffer::{External, ExternalOrPreauth};
    use TlsMode::{Implicit, StartTls};
    for (service, mode, offer) in [
        (Service::Imap, Implicit, ExternalOrPreauth),
        (Service::Imap, StartTls, External),
        (Service::Pop3, Implicit, External),
        (Service::Pop3, StartTls, External),
        (Service::Submission, Implicit, External),
        (Service::Submission, StartTls, External),
        (Service::ManageSieve, StartTls, External),
        (Service::Lmtp, StartTls, External),
    ] {
        let world = World::new();
        world
            .account
            .authorise_client_certificate_with_tls12(client_chain(&world, |_| {}));
        let host = Host::parse(HOST).unwrap();
        let endpoint = Endpoint::new(service, mode, host, 4000, Provenance::Typed);
        let connector = world.connector_to(endpoint);
        let certificates = Certificates::new(world.authority.issue(&[HOST]));
        let acceptor = world
            .server()
            .acceptor(service, mode, certificates)
            .request_client_certificates(
                world.authority.anchors(),
                mail_tls::client_identity::IdentityMapping::key(),
            )
            .build()
            .unwrap();
        let (mut to_server, mut incoming) = (BytesMut::new(), BytesMut::new());
        let (client, server) = match mode {
            StartTls => (
                connector.upgrade(b"", &mut to_server).unwrap(),
                acceptor.upgrade(b"", &mut incoming).unwrap(),
            ),
            _ => (
                connector.connect(&mut to_server).unwrap(),
                acceptor.accept().unwrap(),
            ),
        };
        let mut pair = Pair::joining(client, server, to_server);
        assert_eq!(
            pair.server.accept_client_identity(),
            Err(ApiMisuse::NoClientCertificate.into())
        );
        pair.run();
        assert_eq!(pair.server.external_offer(), ExternalOffer::Nothing);
        assert_eq!(
            pair.server.accept_client_identity(),
            Ok(offer),
            "{service} {mode}"
        );
        assert_eq!(pair.server.external_offer(), offer);
    }
}
