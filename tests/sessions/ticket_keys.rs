//! Sessions that are resumed on another machine: two acceptors that share nothing but ticket keys.

use std::sync::Arc;
use std::time::Duration;

use mail_tls::client_identity::IdentityMapping;
use mail_tls::limits::{RESUMPTION_LIFETIME, TICKET_LIFETIME};
use mail_tls::ticket_keys::{TicketKey, TicketKeys};
use mail_tls::{
    Acceptor, AcceptorBuilder, Certificates, ChannelBindingType, Clock, Connector, Server, Service,
    TlsMode, TlsVersions,
};
use rcgen::{PKCS_ECDSA_P256_SHA256, SanType};

use crate::support::{Authority, HOST, Pair, VERSIONS, World, days, providers};

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

/// Keys that are shared do not make listeners alike: a ticket is good where the same is asked of
/// clients, and nowhere else.
#[test]
fn tickets_stay_bound_to_their_listener() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let chain = world
            .authority
            .issue_with(&[], &PKCS_ECDSA_P256_SHA256, |params| {
                let address = "ann@example.org".try_into().unwrap();
                params.subject_alt_names = vec![SanType::Rfc822Name(address)];
            });
        world.account.authorise_client_certificate_with_tls12(chain);
        let certificates = Certificates::new(world.authority.issue(&[HOST]));
        let keys = keys(&world, &[0]);
        let builder = || machine_of(&world, &certificates, &world.clock).ticket_keys(keys.clone());
        let anchors = || world.authority.anchors();
        let mailbox = IdentityMapping::mailbox;
        let same = || builder().request_client_certificates(anchors(), mailbox());
        let listeners = [
            same(),
            builder(),
            builder().listener("second"),
            builder().request_client_certificates(anchors(), IdentityMapping::key()),
            builder().request_client_certificates(Authority::new().anchors(), mailbox()),
            builder().require_client_certificates(anchors(), mailbox()),
            same().listener("second"),
            same().alpn(mail_tls::ServerAlpn::Strict),
        ]
        .map(|builder| builder.build().unwrap());
        for (index, first) in listeners.iter().enumerate() {
            for (other_index, second) in listeners.iter().enumerate() {
                // A listener of another authority refuses the certificate.
                if [index, other_index].contains(&4) {
                    continue;
                }
                let connector = world.connector();
                assert!(!visit(&connector, first));
                let is_resumed = visit(&connector, second);
                assert_eq!(is_resumed, index == other_index, "{index} {other_index}");
            }
        }
        // The user goes along, and is mapped anew on the other machine.
        let connector = world.connector();
        for is_resumed in [false, true] {
            let machine = same().build().unwrap();
            let mut pair = Pair::established(&connector, &machine);
            assert_eq!(pair.server.info().unwrap().is_resumed(), is_resumed);
            let identity = pair.server.client_identity().unwrap().unwrap();
            assert_eq!(identity.to_string(), "ann@example.org");
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
        let joint = raw::WithRaw::new(session, bytes::BytesMut::new(), client).established();
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
