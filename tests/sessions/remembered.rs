//! The verdict on a chain is remembered, and forgotten when it could be another.
//!
//! What shows it: the trust anchors are fixed for a connector, so that the only way to see whether
//! a chain was verified again is a date that has passed in between. A remembered verdict must not
//! outlive it.

use std::time::{Duration, SystemTime};

use mail_tls::{Acceptor, Certificates, Connector, Service, TlsMode};

use crate::support::{HOST, Pair, Told, World};

/// An acceptor that gives no tickets, so that each handshake is a full one, with a leaf that is
/// good from `from` to `until` days from now.
fn acceptor(world: &World, from: i64, until: i64) -> Acceptor {
    let now = SystemTime::now();
    let at = |days: i64| {
        let day = Duration::from_secs(24 * 60 * 60);
        let distance = day * u32::try_from(days.unsigned_abs()).unwrap();
        (if days < 0 {
            now - distance
        } else {
            now + distance
        })
        .into()
    };
    let leaf = world
        .authority
        .issue_with(&[HOST], &rcgen::PKCS_ECDSA_P256_SHA256, |params| {
            params.not_before = at(from);
            params.not_after = at(until);
        });
    let certificates = Certificates::new(leaf);
    world
        .server()
        .acceptor(Service::Imap, TlsMode::Implicit, certificates)
        .tickets(0)
        .build()
        .unwrap()
}

fn outcome(connector: &Connector, acceptor: &Acceptor) -> &'static str {
    let mut pair = Pair::new(connector, acceptor);
    pair.run();
    match pair.client_trace().as_slice() {
        [Told::Established] => {
            assert!(!pair.client.info().unwrap().is_resumed());
            "established"
        }
        [Told::Failed(error)] => error.code(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_verdict_is_not_remembered_beyond_the_end_of_a_certificate() {
    let world = World::new();
    let (connector, acceptor) = (world.connector(), acceptor(&world, -1, 1));
    assert_eq!(outcome(&connector, &acceptor), "established");
    assert_eq!(outcome(&connector, &acceptor), "established");
    world.clock.advance(Duration::from_secs(24 * 60 * 60 - 60));
    assert_eq!(outcome(&connector, &acceptor), "established");
    world.clock.advance(Duration::from_secs(120));
    assert_eq!(outcome(&connector, &acceptor), "expired");
}

/// A clock that has gone back to before the certificate's beginning must not be answered from
/// memory.
#[test]
fn a_verdict_is_forgotten_when_the_clock_goes_back() {
    let world = World::new();
    let (connector, acceptor) = (world.connector(), acceptor(&world, -1, 10));
    assert_eq!(outcome(&connector, &acceptor), "established");
    world
        .clock
        .set_wall(SystemTime::now() - Duration::from_secs(3 * 24 * 60 * 60));
    assert_eq!(outcome(&connector, &acceptor), "not-yet-valid");
    world.clock.set_wall(SystemTime::now());
    assert_eq!(outcome(&connector, &acceptor), "established");
}

/// Another chain is another question, however alike it is.
#[test]
fn only_exactly_the_same_bytes_are_remembered() {
    let world = World::new();
    let connector = world.connector();
    assert_eq!(
        outcome(&connector, &acceptor(&world, -1, 10)),
        "established"
    );
    assert_eq!(outcome(&connector, &acceptor(&world, -10, -1)), "expired");
    // The same name, another key.
    let stranger = World {
        clock: world.clock.clone(),
        ..World::new()
    };
    assert_eq!(
        outcome(&connector, &acceptor(&stranger, -1, 10)),
        "unknown-authority"
    );
    assert_eq!(
        outcome(&connector, &acceptor(&world, -1, 10)),
        "established"
    );
}

/// Another connector has other requirements, and starts with nothing.
#[test]
fn a_verdict_belongs_to_one_connector() {
    let world = World::new();
    let acceptor = acceptor(&world, -1, 10);
    assert_eq!(outcome(&world.connector(), &acceptor), "established");
    let endpoint = world.endpoint();
    let other = mail_tls::Host::parse("other.example.org").unwrap();
    let endpoint = mail_tls::Endpoint::new(
        endpoint.service(),
        endpoint.mode(),
        other,
        endpoint.port(),
        endpoint.provenance(),
    );
    let connector = world.client().connector(&world.account, endpoint).unwrap();
    assert_eq!(outcome(&connector, &acceptor), "name-mismatch");
}
