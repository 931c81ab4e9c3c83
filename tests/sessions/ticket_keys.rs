//! Sessions that are resumed on another machine: two acceptors that share nothing but ticket keys.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mail_tls::client_identity::IdentityMapping;
use mail_tls::limits::{RESUMPTION_LIFETIME, TICKET_LIFETIME};
use mail_tls::ticket_keys::{TicketKey, TicketKeys};
use mail_tls::verify::Fingerprint;
use mail_tls::{
    Acceptor, AcceptorBuilder, Certificates, ChannelBindingType, Clock, Connector, ExternalOffer,
    RevocationLists, RevocationPolicy, Server, ServerAlpn, Service, TlsMode, TlsVersions,
    TrustAnchors,
};
use rcgen::{PKCS_ECDSA_P256_SHA256, SanType};

use crate::support::{Authority, HOST, Pair, Told, VERSIONS, World, days, providers};

fn octets(seed: u8) -> Vec<u8> {
    (0..48).map(|n: u8| n.wrapping_mul(11) ^ seed).collect()
}

/// The key of the day that begins so many days after now.
fn of_day(world: &World, day: u64) -> TicketKey {
    let begins = world.clock.wall() + days(day);
    TicketKey::new(&octets(day.try_into().unwrap()), begins, begins + days(1)).unwrap()
}

/// A machine with the same certificate and keys from the same secrets, but nothing else in common.
fn machine(world: &World, certificates: &Certificates, clock: &Clock, days: &[u64]) -> Acceptor {
    machine_of(world, certificates, clock)
        .ticket_keys(keys(world, days))
        .build()
        .unwrap()
}

fn keys(world: &World, days: &[u64]) -> TicketKeys {
    TicketKeys::new(days.iter().map(|day| of_day(world, *day))).unwrap()
}

fn machine_of(world: &World, certificates: &Certificates, clock: &Clock) -> AcceptorBuilder {
    let mut server = Server::builder().clock(clock.clone());
    if let Some(provider) = &world.provider {
        server = server.crypto_provider(Arc::clone(provider));
    }
    server
        .build()
        .unwrap()
        .acceptor(Service::Imap, TlsMode::Implicit, certificates.clone())
}

fn visit(connector: &Connector, acceptor: &Acceptor) -> bool {
    let mut pair = Pair::established(connector, acceptor);
    let info = pair.server.info().unwrap();
    let is_resumed = info.is_resumed();
    assert_eq!(pair.client.info().unwrap().is_resumed(), is_resumed);
    // What the two ends are bound by is the same, wherever the session began.
    let kind = ChannelBindingType::TlsServerEndPoint;
    let here = pair.server.take_channel_binding(kind).unwrap();
    let there = pair.client.take_channel_binding(kind).unwrap();
    assert_eq!(here.sasl_bytes(), there.sasl_bytes());
    is_resumed
}

#[test]
fn a_session_is_resumed_on_another_machine() {
    for versions in VERSIONS {
        for provider in providers() {
            let world = World {
                provider: Some(Arc::new(provider)),
                ..World::with_versions(versions)
            };
            let certificates = Certificates::new(world.authority.issue(&[HOST]));
            let [here, there] =
                [(); 2].map(|()| machine(&world, &certificates, &world.clock, &[0]));
            let connector = world.connector();
            assert!(!visit(&connector, &here));
            for _ in 0..3 {
                assert!(visit(&connector, &there), "{versions:?}");
                assert!(visit(&connector, &here), "{versions:?}");
            }
            // After a restart too.
            let restarted = machine(&world, &certificates, &world.clock, &[0]);
            assert!(visit(&connector, &restarted));
            // But not where there are other keys, or none from outside.
            assert!(!visit(
                &connector,
                &machine(&world, &certificates, &world.clock, &[1])
            ));
            let alone = machine_of(&world, &certificates, &world.clock)
                .build()
                .unwrap();
            assert!(!visit(&connector, &alone));
        }
    }
}

/// Each day's key seals on its day, and opens for as long as its tickets live; two machines that
/// were given their keys at different times agree all the while.
#[test]
fn keys_change_without_a_full_handshake() {
    for versions in VERSIONS {
        let mut world = World::with_versions(versions);
        // Certificates that outlive the test.
        let chain = world.authority.issue(&[HOST]);
        let certificates = Certificates::new(chain);
        let shared = [keys(&world, &[0, 1]), keys(&world, &[0, 1, 2])];
        let [here, there] = shared.clone().map(|keys| {
            machine_of(&world, &certificates, &world.clock)
                .ticket_keys(keys)
                .build()
                .unwrap()
        });
        let all: Vec<TicketKey> = (0..4).map(|day| of_day(&world, day)).collect();
        let connector = world.connector();
        assert!(!visit(&connector, &here));
        world.limits = world.limits.with_handshake_time(Duration::from_secs(60));
        for hour in 1..70 {
            world.clock.advance(Duration::from_secs(60 * 60));
            if hour == 20 {
                shared[0].replace(all[0..3].to_vec()).unwrap();
            }
            if hour == 40 {
                // The key of the first day has had its time.
                shared[0].replace(all[1..3].to_vec()).unwrap();
                shared[1].replace(all[1..4].to_vec()).unwrap();
            }
            let machine = if hour % 2 == 0 { &here } else { &there };
            // With TLS 1.2 what began in the first hour ends after twelve more.
            let is_resumed = versions == TlsVersions::Tls13Only || hour % 13 != 0;
            assert_eq!(
                visit(&connector, machine),
                is_resumed,
                "{versions:?} {hour}"
            );
        }
        // A client that was away for too long.
        world
            .clock
            .advance(TICKET_LIFETIME + Duration::from_secs(1));
        assert!(!visit(&connector, &here));
        // The last key that they have has ended: no tickets, and no harm.
        world.clock.advance(days(2));
        for _ in 0..2 {
            assert!(!visit(&connector, &there));
        }
    }
}

/// A client that comes back again and again, to machines with different clocks, keys that change and
/// keys of a machine's own: there is an end, counted from the handshake in which the server's key
/// was shown (RFC 8446 §4.6.1), and with TLS 1.2 it is the end of one ticket's time, since all of it
/// has one secret.
#[test]
fn nobody_resumes_for_ever() {
    for versions in VERSIONS {
        let (lifetime, step) = match versions {
            TlsVersions::Tls12Only => (TICKET_LIFETIME, Duration::from_secs(60 * 60)),
            _ => (RESUMPTION_LIFETIME, Duration::from_secs(10 * 60 * 60)),
        };
        let world = World::with_versions(versions);
        let certificates = Certificates::new(world.authority.issue(&[HOST]));
        let skew = Duration::from_secs(120);
        let ahead = Clock::fixed(world.clock.now(), world.clock.wall() + skew);
        let days: Vec<u64> = (0..16).collect();
        let shared = [
            machine(&world, &certificates, &world.clock, &days),
            machine(&world, &certificates, &ahead, &days),
        ];
        let alone = machine_of(&world, &certificates, &world.clock)
            .build()
            .unwrap();
        for machines in [&shared[..], &[alone]] {
            let connector = world.connector();
            let mut since_full = Duration::ZERO;
            let mut full = 0;
            assert!(!visit(&connector, &machines[0]));
            for turn in 1..40 {
                for clock in [&world.clock, &ahead] {
                    clock.advance(step);
                }
                since_full += step;
                let is_over = since_full > lifetime;
                let is_resumed = visit(&connector, &machines[turn % machines.len()]);
                // Within the difference of the clocks either is right.
                let is_uncertain = since_full + skew > lifetime && since_full <= lifetime + skew;
                assert!(
                    is_resumed != is_over || is_uncertain,
                    "{versions:?} {turn} {since_full:?}"
                );
                if !is_resumed {
                    since_full = Duration::ZERO;
                    full += 1;
                }
            }
            assert!(full >= 2, "{versions:?}: {full}");
        }
    }
}

/// The clock of one machine is two minutes ahead, and it seals with the next key already.
#[test]
fn clocks_that_do_not_agree() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let certificates = Certificates::new(world.authority.issue(&[HOST]));
        let ahead = Clock::fixed(
            world.clock.now(),
            world.clock.wall() + Duration::from_secs(120),
        );
        let here = machine(&world, &certificates, &world.clock, &[0, 1]);
        let there = machine(&world, &certificates, &ahead, &[0, 1]);
        for clock in [&world.clock, &ahead] {
            clock.advance(days(1) - Duration::from_secs(60));
        }
        let connector = world.connector();
        assert!(!visit(&connector, &there));
        assert!(
            visit(&connector, &here),
            "sealed with a key that begins in a minute"
        );
        assert!(
            visit(&connector, &there),
            "sealed with a key that ended a minute ago"
        );
    }
}

/// What both are told of a conversation: whether it is resumed, and whom the server takes the client
/// for.
fn converse(connector: &Connector, acceptor: &Acceptor) -> (bool, Option<String>) {
    let mut to_server = BytesMut::new();
    let client = connector.connect(&mut to_server).unwrap();
    let server = match acceptor.mode() {
        TlsMode::StartTls => acceptor.upgrade(b"", &mut BytesMut::new()),
        _ => acceptor.accept(),
    };
    let mut pair = Pair::joining(client, server.unwrap(), to_server);
    pair.run();
    pair.client.send(b"question", &mut pair.to_server).unwrap();
    pair.server.send(b"answer", &mut pair.to_client).unwrap();
    pair.run();
    let told = |data: &[u8]| [Told::Established, Told::Data(data.to_vec())];
    assert_eq!(pair.client_trace(), told(b"answer"));
    assert_eq!(pair.server_trace(), told(b"question"));
    let is_resumed = pair.server.info().unwrap().is_resumed();
    assert_eq!(pair.client.info().unwrap().is_resumed(), is_resumed);
    let identity = pair.server.client_identity();
    // With a full handshake it is by the certificate that was shown in it.
    let is_shown = pair.client.client_certificate().is_shown();
    assert_eq!(is_shown, identity.is_some() && !is_resumed);
    (is_resumed, identity.map(|one| one.unwrap().to_string()))
}

/// Listeners with the same keys, each on two machines, of which no two are alike: each differs from the
/// first in one thing, and those of a group from each other.
fn listeners(
    world: &World,
    users: &Authority,
    keys: &TicketKeys,
) -> Vec<(&'static str, [Acceptor; 2])> {
    use IdentityMapping as By;
    use TlsMode::{Implicit, StartTls};

    let certificates = Certificates::new(world.authority.issue(&[HOST]));
    let of = |server: Server, service, mode| {
        let builder = server.acceptor(service, mode, certificates.clone());
        builder.alpn(ServerAlpn::Ignore).ticket_keys(keys.clone())
    };
    let plain = || of(world.server(), Service::Imap, Implicit);
    let request = |builder: AcceptorBuilder| {
        builder.request_client_certificates(users.anchors(), By::mailbox())
    };
    let mapped = |mapping: By| plain().request_client_certificates(users.anchors(), mapping);
    let key = Fingerprint::parse(&"5c".repeat(32)).unwrap();
    let table = |user: &str| By::keys([(key, user)]).unwrap().or(By::mailbox());
    let versions = || {
        let server = Server::builder().clock(world.clock.clone());
        server.versions(world.versions).build().unwrap()
    };
    let both = [users.pem(), Authority::named("Others").pem()].concat();
    let both = TrustAnchors::from_pem(both.as_bytes()).unwrap();
    let lists = [1, 2].map(|left| users.revocation_list(world.clock.wall() + days(left)));
    let [known, unknown] = [
        RevocationPolicy::RequireKnown,
        RevocationPolicy::AcceptUnknown,
    ];
    let looking_up = |lists: &RevocationLists, policy| {
        request(plain()).client_revocation_lists(lists.clone(), policy)
    };
    let all = [
        ("the first", request(plain())),
        ("name", request(plain()).listener("other")),
        (
            "service",
            request(of(world.server(), Service::Pop3, Implicit)),
        ),
        ("mode", request(of(world.server(), Service::Imap, StartTls))),
        ("ALPN", request(plain()).alpn(ServerAlpn::Answer)),
        ("versions", request(of(versions(), Service::Imap, Implicit))),
        ("nobody is asked", plain()),
        (
            "required",
            plain().require_client_certificates(users.anchors(), By::mailbox()),
        ),
        (
            "anchors",
            plain().request_client_certificates(both, By::mailbox()),
        ),
        ("mapping", mapped(By::key())),
        ("two mappings", mapped(By::mailbox().or(By::key()))),
        ("the other order", mapped(By::key().or(By::mailbox()))),
        ("a table", mapped(table("ann"))),
        ("another table", mapped(table("bob"))),
        ("lists", looking_up(&lists[0], known)),
        ("other lists", looking_up(&lists[1], known)),
        ("the policy for them", looking_up(&lists[0], unknown)),
    ];
    let twice =
        |builder: AcceptorBuilder| [builder.clone(), builder].map(|one| one.build().unwrap());
    all.map(|(what, builder)| (what, twice(builder))).into()
}

/// RFC 8314 §4.2: keys that are shared do not make listeners alike. A ticket is good where the same is
/// asked of clients, and nowhere else: there the handshake is a full one, in which the client is
/// asked anew where it is asked at all, and the connection works.
#[test]
fn tickets_stay_bound_to_their_listener() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let users = Authority::named("Users");
        let chain = users.issue_with(&[], &PKCS_ECDSA_P256_SHA256, |params| {
            let address = "ann@example.org".try_into().unwrap();
            params.subject_alt_names = vec![SanType::Rfc822Name(address)];
        });
        world.account.authorise_client_certificate_with_tls12(chain);
        let keys = keys(&world, &[0]);
        let all = listeners(&world, &users, &keys);
        for (what, [first, _]) in &all {
            for (other, [_, second]) in &all {
                let connector = world.connector();
                let (is_resumed, identity) = converse(&connector, first);
                assert!(!is_resumed);
                assert_eq!(identity.is_some(), *what != "nobody is asked");
                let (is_resumed, identity) = converse(&connector, second);
                assert_eq!(is_resumed, what == other, "{versions:?}: {what}, {other}");
                assert_eq!(identity.is_some(), *other != "nobody is asked");
            }
        }
        // The user goes along, and is mapped anew on the other machine.
        let connector = world.connector();
        for (machine, is_resumed) in all[0].1.iter().zip([false, true]) {
            let mut pair = Pair::established(&connector, machine);
            assert_eq!(pair.server.info().unwrap().is_resumed(), is_resumed);
            let identity = pair.server.client_identity().unwrap().unwrap();
            assert_eq!(identity.to_string(), "ann@example.org");
            assert_eq!(pair.server.external_offer(), ExternalOffer::Nothing);
            assert!(pair.server.accept_client_identity().is_ok());
        }
    }
}

/// A ticket of the right name that does not open: a full handshake, and nothing worse.
#[test]
fn forged_tickets_are_no_tickets() {
    use crate::raw::{self, RAW_13};

    let world = World::new();
    let certificates = Certificates::new(world.authority.issue(&[HOST]));
    let acceptor = machine(&world, &certificates, &world.clock, &[0]);
    let mut config = raw::client_config(&world.authority, RAW_13);
    let store = Arc::new(rustls::client::ClientSessionMemoryCache::new(8));
    config.resumption = rustls::client::Resumption::store(store);
    let config = Arc::new(config);
    let name = pki_types::ServerName::try_from(HOST).unwrap();
    let connect = |acceptor: &Acceptor| {
        let client = rustls::ClientConnection::new(Arc::clone(&config), name.clone()).unwrap();
        let session = acceptor.accept().unwrap();
        let joint = raw::WithRaw::new(session, BytesMut::new(), client).established();
        joint.raw.handshake_kind()
    };
    use rustls::HandshakeKind::{Full, Resumed};
    assert_eq!(connect(&acceptor), Some(Full));
    assert_eq!(connect(&acceptor), Some(Resumed));
    // The key of the same name and another secret, as if somebody had forged a ticket under it.
    let mut forged = octets(0);
    forged[47] ^= 1;
    let begins = world.clock.wall();
    let forged = TicketKey::new(&forged, begins, begins + days(1)).unwrap();
    let other = machine_of(&world, &certificates, &world.clock)
        .ticket_keys(TicketKeys::new([forged]).unwrap())
        .build()
        .unwrap();
    assert_eq!(connect(&other), Some(Full));
}
