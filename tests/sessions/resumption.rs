//! Resumed sessions: what is inherited, by whom, and for how long.

use std::time::{Duration, SystemTime};

use mail_tls::{
    Acceptor, Account, Certificates, CertifiedChain, Connector, Endpoint, Error, HelloAnswer,
    MinimumConfidentiality, Service, TlsMode, TlsVersions,
};
use rcgen::PKCS_ECDSA_P256_SHA256;

use crate::raw::{self, RAW_13};
use crate::support::{Authority, HOST, Pair, Told, VERSIONS, World, failure};
use crate::wire::hello_extensions;

const HOUR: Duration = Duration::from_secs(3600);

/// A conversation that leaves a ticket with the connector. Whether it was itself resumed.
fn visit(connector: &Connector, acceptor: &Acceptor) -> bool {
    let mut pair = Pair::established(connector, acceptor);
    let (client, server) = (pair.client.info().unwrap(), pair.server.info().unwrap());
    assert_eq!(client.is_resumed(), server.is_resumed());
    let is_resumed = client.is_resumed();
    // Authentication is inherited, and said to be.
    let verification = client.verification().unwrap();
    assert_eq!(verification.presented_name(), Some(HOST));
    assert_eq!(verification.reference().unwrap().name().to_string(), HOST);
    assert!(client.to_string().contains(&format!(" peer={HOST} ")));
    let said = if is_resumed { "yes" } else { "no" };
    assert!(client.to_string().contains(&format!(" resumed={said} ")));
    assert!(!pair.client.peer_chain().is_empty());
    pair.server.send(b"bye", &mut pair.to_client).unwrap();
    pair.server.close(&mut pair.to_client);
    pair.client.close(&mut pair.to_server);
    pair.run();
    assert_eq!(
        pair.client_trace(),
        [Told::Data(b"bye".to_vec()), Told::PeerClosed]
    );
    is_resumed
}

#[test]
fn the_second_session_is_resumed() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let (connector, acceptor) = (world.connector(), world.acceptor());
        assert!(!visit(&connector, &acceptor));
        for _ in 0..5 {
            assert!(visit(&connector, &acceptor), "{versions:?}");
        }
        assert!(visit(&connector.clone(), &acceptor.clone()));
    }
}

#[test]
fn tickets_are_the_connectors_own() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let acceptor = world.acceptor();
        let client = world.client();
        let connector = client.connector(&world.account, world.endpoint()).unwrap();
        assert!(!visit(&connector, &acceptor));
        // Another connector of the same account, another account, another program's part.
        for account in [world.account.clone(), Account::configured()] {
            let other = client.connector(&account, world.endpoint()).unwrap();
            assert!(!visit(&other, &acceptor));
        }
        assert!(!visit(&world.connector(), &acceptor));
        assert!(visit(&connector, &acceptor));
    }
}

#[test]
fn an_account_that_was_changed_has_no_tickets() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let acceptor = world.acceptor();
        let connector = world.connector();
        assert!(!visit(&connector, &acceptor));
        world
            .account
            .raise_minimum(MinimumConfidentiality::default());
        assert!(connector.is_stale());
        let error = connector.connect(&mut bytes::BytesMut::new()).unwrap_err();
        assert_eq!(error.code(), "stale-connector");
        assert!(!visit(&world.connector(), &acceptor));
        // Also in the middle of a handshake, resumed or not.
        for _ in 0..2 {
            let connector = world.connector();
            visit(&connector, &acceptor);
            let mut pair = Pair::new(&connector, &acceptor);
            pair.carry_to_server(usize::MAX);
            world
                .account
                .raise_minimum(MinimumConfidentiality::default());
            pair.run();
            assert_eq!(failure(&pair.client_trace()).code(), "stale-connector");
            assert!(!pair.server_trace().contains(&Told::Data(Vec::new())));
        }
    }
}

/// An inherited verdict ends with the certificate that it was about, and no clock that was set
/// back prolongs it.
#[test]
fn an_inherited_verdict_ends() {
    for versions in VERSIONS {
        for (change, is_resumed) in [
            (Change::Nothing, true),
            (Change::Forward(HOUR / 2), true),
            (Change::Forward(HOUR + Duration::from_secs(1)), false),
            (Change::Back(HOUR / 60), false),
        ] {
            let world = World::with_versions(versions);
            let brief = world
                .authority
                .issue_with(&[HOST], &PKCS_ECDSA_P256_SHA256, |params| {
                    params.not_after = (world.clock.wall() + HOUR).into();
                });
            let acceptor = world
                .acceptor_with(Certificates::new(brief))
                .build()
                .unwrap();
            let connector = world.connector();
            assert!(!visit(&connector, &acceptor));
            match change {
                Change::Nothing => {}
                Change::Forward(by) => world.clock.advance(by),
                Change::Back(by) => world.clock.set_wall(world.clock.wall() - by),
            }
            let renewed = Certificates::new(world.authority.issue(&[HOST]));
            acceptor.replace_certificates(&renewed).unwrap();
            assert_eq!(
                visit(&connector, &acceptor),
                is_resumed,
                "{versions:?} {change:?}"
            );
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Nothing,
    Forward(Duration),
    Back(Duration),
}

/// The verdict ends while the handshake that would inherit it is under way.
#[test]
fn an_inherited_verdict_ends_during_the_handshake() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let brief = world
            .authority
            .issue_with(&[HOST], &PKCS_ECDSA_P256_SHA256, |params| {
                params.not_after = (world.clock.wall() + HOUR).into();
            });
        let acceptor = world
            .acceptor_with(Certificates::new(brief))
            .build()
            .unwrap();
        let connector = world.connector();
        visit(&connector, &acceptor);
        world.clock.advance(HOUR - Duration::from_secs(5));
        let mut pair = Pair::new(&connector, &acceptor);
        pair.carry_to_server(usize::MAX);
        world.clock.advance(Duration::from_secs(10));
        pair.run();
        let code = failure(&pair.client_trace()).code();
        assert_eq!(code, "inherited-authentication-expired");
    }
}

/// A ticket is good at the acceptor that gave it, and at no other, however alike they are.
#[test]
fn tickets_are_the_acceptors_own() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let chain = world.authority.issue(&[HOST]);
        let build = || world.acceptor_with(Certificates::new(chain.clone()));
        let anchors = || world.authority.anchors();
        let others = [
            build().build(),
            build().listener("second").build(),
            build()
                .request_client_certificates(
                    anchors(),
                    mail_tls::client_identity::IdentityMapping::key(),
                )
                .build(),
            build()
                .request_client_certificates(
                    Authority::new().anchors(),
                    mail_tls::client_identity::IdentityMapping::key(),
                )
                .build(),
            build().alpn(mail_tls::ServerAlpn::Strict).build(),
            world
                .server()
                .acceptor(
                    Service::Pop3,
                    TlsMode::Implicit,
                    Certificates::new(chain.clone()),
                )
                .build(),
        ];
        for other in others {
            let other = other.unwrap();
            let first = build().build().unwrap();
            let connector = world.connector();
            assert!(!visit(&connector, &first));
            assert!(!visit(&connector, &other), "{other:?}");
            // A session that is handed over to another acceptor is that acceptor's.
            let connector = world.connector();
            assert!(!visit(&connector, &first));
            let asking = build().ask_for_each_hello().build().unwrap();
            let mut pair = Pair::new(&connector, &asking);
            pair.run();
            let answer = HelloAnswer::Acceptor(other.clone());
            pair.server.answer(answer, &mut pair.to_client).unwrap();
            pair.carry_to_server(usize::MAX);
            pair.run();
            assert!(!pair.client.info().unwrap().is_resumed());
            assert!(visit(&connector, &other), "its ticket is good there");
        }
    }
}

fn client_chain(world: &World, not_after: Option<SystemTime>) -> CertifiedChain {
    world
        .authority
        .issue_with(&["fred.example.org"], &PKCS_ECDSA_P256_SHA256, |params| {
            if let Some(not_after) = not_after {
                params.not_after = not_after.into();
            }
        })
}

/// A resumed session has the client's certificate, and the server judges it anew.
#[test]
fn a_clients_certificate_is_judged_anew() {
    for versions in VERSIONS {
        for expires in [false, true] {
            let world = World::with_versions(versions);
            let end = world.clock.wall() + HOUR;
            world
                .account
                .authorise_client_certificate_with_tls12(client_chain(&world, Some(end)));
            let acceptor = world
                .acceptor_builder()
                .require_client_certificates(
                    world.authority.anchors(),
                    mail_tls::client_identity::IdentityMapping::key(),
                )
                .build()
                .unwrap();
            let connector = world.connector();
            assert!(!visit(&connector, &acceptor));
            if expires {
                world.clock.advance(2 * HOUR);
            }
            let mut pair = Pair::new(&connector, &acceptor);
            pair.run();
            let told = pair.server_trace();
            if expires {
                match failure(&told) {
                    Error::Certificate(rejection) => assert_eq!(rejection.code(), "expired"),
                    other => panic!("{other:?}"),
                }
                assert_eq!(told.len(), 1, "never established");
                assert!(!pair.client.end_of_input().is_clean() || !pair.client_trace().is_empty());
            } else {
                assert_eq!(told, [Told::Established]);
                let info = pair.server.info().unwrap();
                assert!(info.is_resumed() && info.verification().is_some());
                assert!(info.client_certificate_sent());
                assert!(!info.client_certificate_asked(), "not in this handshake");
                // Who the client is has to be accepted anew.
                assert_eq!(
                    pair.server.external_offer(),
                    mail_tls::ExternalOffer::Nothing
                );
                assert!(pair.server.accept_client_identity().is_ok());
            }
        }
    }
}

/// RFC 8446 §4.6.1 and §4.2.11: a ticket holds the client's certificates, and has room for 64 KiB, in the
/// next ClientHello even for less. A client that shows more than that is served, and not resumed.
#[test]
fn a_client_that_shows_too_much_is_not_resumed() {
    for versions in VERSIONS {
        for (kibibytes, is_resumed) in [(0, true), (12, true), (20, false), (62, false)] {
            let world = World::with_versions(versions);
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::default();
            let content = vec![0; kibibytes * 1024];
            let ballast = rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], content);
            params.custom_extensions = vec![ballast];
            let ballast = params.self_signed(&key).unwrap().der().clone();
            let (mut chain, key) = world.authority.issue_der(&["fred.example.org"]);
            chain.push(ballast);
            let chain = CertifiedChain::from_der(chain, key).unwrap();
            world.account.authorise_client_certificate_with_tls12(chain);
            let acceptor = world
                .acceptor_builder()
                .require_client_certificates(
                    world.authority.anchors(),
                    mail_tls::client_identity::IdentityMapping::key(),
                )
                .build()
                .unwrap();
            let connector = world.connector();
            assert!(!visit(&connector, &acceptor));
            let again = visit(&connector, &acceptor);
            assert_eq!(again, is_resumed, "{versions:?} {kibibytes}");
        }
    }
}

/// Gives tickets of this length, and opens none.
#[derive(Debug)]
struct Long(usize);

impl rustls::server::ProducesTickets for Long {
    fn enabled(&self) -> bool {
        true
    }
    fn lifetime(&self) -> u32 {
        3600
    }
    fn encrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
        Some(vec![7; self.0])
    }
    fn decrypt(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }
}

/// RFC 8446 §4.2.11, RFC 5077 §3.2: a hostile server's ticket that fits into its message, and not into the
/// next ClientHello, is not kept, whatever data go before it. The client connects as before.
#[test]
fn a_ticket_that_cannot_be_offered() {
    for (versions, raw_versions) in VERSIONS.into_iter().zip([RAW_13, raw::RAW_12]) {
        for (length, is_offered) in [
            (100, true),
            (30_000, true),
            (60_000, false),
            (65_000, false),
        ] {
            for with_data in [false, true] {
                let world = World::with_versions(versions);
                let mut config = raw::server_config(&world.authority, raw_versions);
                config.ticketer = std::sync::Arc::new(Long(length));
                config.send_tls13_tickets = 1;
                let config = std::sync::Arc::new(config);
                let connector = world.connector();
                let connect = || {
                    let mut to_raw = bytes::BytesMut::new();
                    let session = connector.connect(&mut to_raw).unwrap();
                    let hello = to_raw.len();
                    let server = rustls::ServerConnection::new(config.clone()).unwrap();
                    let mut joint = raw::WithRaw::new(session, to_raw, server);
                    if with_data {
                        joint.run();
                        joint.write(b"* OK");
                    }
                    joint.run();
                    let told = joint.trace();
                    assert_eq!(told[0], Told::Established, "{versions:?} {length}");
                    hello
                };
                let (first, second) = (connect(), connect());
                let is_longer = second > first + length / 2;
                assert_eq!(is_longer, is_offered, "{versions:?} {length} {second}");
            }
        }
    }
}

#[test]
fn without_tickets_nothing_is_resumed() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let acceptor = world.acceptor_builder().tickets(0).build().unwrap();
        let connector = world.connector();
        for _ in 0..3 {
            assert!(!visit(&connector, &acceptor));
        }
    }
}

#[test]
fn the_number_of_tickets_on_the_wire() {
    for (asked, given) in [(None, 1), (Some(0), 0), (Some(1), 1), (Some(4), 4)] {
        let world = World::new();
        let mut builder = world.acceptor_builder();
        if let Some(asked) = asked {
            builder = builder.tickets(asked);
        }
        let session = builder.build().unwrap().accept().unwrap();
        let config = raw::client_config(&world.authority, RAW_13);
        let joint = raw::raw_client(session, config).established();
        let rustls::Connection::Client(client) = &joint.raw else {
            panic!();
        };
        assert_eq!(client.tls13_tickets_received(), given);
    }
}

/// RFC 8446 §4.2.10, RFC 8314 §3, RFC 9325 §3.10: no early data, with a ticket or without.
#[test]
fn early_data_is_never_offered_nor_allowed() {
    const EARLY_DATA: u16 = 42;
    const PRE_SHARED_KEY: u16 = 41;
    let world = World::with_versions(TlsVersions::Tls13Only);
    // A server that would allow it.
    let mut config = raw::server_config(&world.authority, RAW_13);
    config.max_early_data_size = u32::MAX;
    let config = std::sync::Arc::new(config);
    let connector = world.connector();
    for round in 0..2 {
        let mut hello = bytes::BytesMut::new();
        let session = connector.connect(&mut hello).unwrap();
        let extensions = hello_extensions(&hello);
        assert!(!extensions.iter().any(|(kind, _)| *kind == EARLY_DATA));
        let offers_ticket = extensions.iter().any(|(kind, _)| *kind == PRE_SHARED_KEY);
        assert_eq!(offers_ticket, round == 1);
        let server = rustls::ServerConnection::new(std::sync::Arc::clone(&config)).unwrap();
        raw::WithRaw::new(session, hello, server).established();
    }
    // A client that would send some.
    let mut config = raw::client_config(&world.authority, RAW_13);
    config.enable_early_data = true;
    let config = std::sync::Arc::new(config);
    let acceptor = world.acceptor();
    for _ in 0..2 {
        let name = pki_types::ServerName::try_from(HOST).unwrap();
        let mut client =
            rustls::ClientConnection::new(std::sync::Arc::clone(&config), name).unwrap();
        assert!(client.early_data().is_none());
        let session = acceptor.accept().unwrap();
        raw::WithRaw::new(session, bytes::BytesMut::new(), client).established();
    }
}

/// The store's key is the connector, not the host's name: another port is another endpoint.
#[test]
fn another_port_of_the_same_host_has_other_tickets() {
    let world = World::new();
    let acceptor = world.acceptor();
    assert!(!visit(&world.connector(), &acceptor));
    let endpoint: Endpoint = world.endpoint().with_port(9993);
    assert!(!visit(&world.connector_to(endpoint), &acceptor));
}
