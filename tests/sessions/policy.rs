//! What an account requires of a session, and what the session lets its embedder do and show.

use bytes::BytesMut;
use mail_tls::{
    Account, Acknowledged, ApiMisuse, Aspect, CipherSuite, ConfigError, Error, Indicator,
    MinimumConfidentiality, NamedGroup, Operation, PolicyRefusal, Server, TlsVersions, Unmet,
};

use crate::support::{Pair, Told, World, drive};

const HYBRID: NamedGroup = NamedGroup::from_code_point(0x11ec);

fn world_with(minimum: MinimumConfidentiality) -> World {
    let world = World::new();
    world.account.raise_minimum(minimum);
    world
}

fn allowed(pair: &Pair) -> [bool; 5] {
    Operation::ALL.map(|operation| pair.client.permit(operation).is_ok())
}

const BELOW: [bool; 5] = [true, true, false, false, false];

/// RFC 8314 §5.2 and §5: nothing but capability discovery and STARTTLS before the session stands,
/// everything then, and nothing again once it is dead.
#[test]
fn from_the_handshake_to_the_end() {
    let world = World::new();
    let mut pair = world.pair();
    assert_eq!(allowed(&pair), BELOW);
    assert_eq!(pair.client.indicator(), Indicator::NotConnected);
    assert!(pair.client.credential_permit().is_err());
    assert!(pair.client.confidentiality().is_none() && pair.client.protection().is_none());

    pair.run();
    assert_eq!(allowed(&pair), [true; 5]);
    assert!(pair.client.indicator().is_confidential());

    pair.client_in.extend_from_slice(&[22, 3, 3, 0, 1, 0]);
    let told = drive!(pair.client, &mut pair.client_in, &mut pair.to_server);
    assert!(
        told.iter().any(|told| matches!(told, Told::Failed(_))),
        "{told:?}"
    );
    assert_eq!(allowed(&pair), BELOW);
    assert_eq!(pair.client.indicator(), Indicator::NotConnected);
    assert!(pair.client.credential_permit().is_err());
}

/// RFC 8314 §5.1: credentials go over the session that has earned it, once.
#[test]
fn a_permit_belongs_to_its_session() {
    let world = World::new();
    let (connector, acceptor) = (world.connector(), world.acceptor());
    let mut one = Pair::established(&connector, &acceptor);
    let mut other = Pair::established(&connector, &acceptor);

    let permit = one.client.credential_permit().unwrap();
    let mut outgoing = BytesMut::new();
    let refused = other
        .client
        .send_credentials(permit, b"secret", &mut outgoing);
    assert_eq!(refused, Err(Error::from(ApiMisuse::ForeignPermit)));
    assert!(outgoing.is_empty());
    other.client.send(b"still alive", &mut outgoing).unwrap();

    let permit = one.client.credential_permit().unwrap();
    let line = b"a1 LOGIN ann secret\r\n";
    one.client
        .send_credentials(permit, line, &mut one.to_server)
        .unwrap();
    one.run();
    assert_eq!(one.server_trace(), [Told::Data(line.to_vec())]);
}

/// The account may change while a session is open: what it requires now counts.
#[test]
fn a_minimum_that_is_raised_later() {
    let world = World::with_versions(TlsVersions::Tls12Only);
    let connector = world.connector();
    let mut pair = Pair::established(&connector, &world.acceptor());
    assert!(pair.client.indicator().is_confidential());
    let permit = pair.client.credential_permit().unwrap();

    let strict = MinimumConfidentiality::default().with_tls13_only();
    world.account.raise_minimum(strict);
    let unmet = Unmet::Tls13;
    assert!(!pair.client.indicator().is_confidential());
    assert!(matches!(
        pair.client.indicator(),
        Indicator::BelowMinimum { .. }
    ));
    assert_eq!(allowed(&pair), BELOW);
    let refused = pair.client.permit(Operation::Submission).unwrap_err();
    assert!(matches!(refused, PolicyRefusal::BelowMinimum { unmet: is, .. } if is == unmet));
    let mut outgoing = BytesMut::new();
    let refused = pair
        .client
        .send_credentials(permit, b"secret", &mut outgoing);
    assert_eq!(refused, Err(Error::from(ApiMisuse::ForeignPermit)));
    assert!(outgoing.is_empty() && connector.is_stale());
}

/// RFC 8314 §5: a further floor is in the configuration, so that the handshake does not end below.
#[test]
fn tls_1_3_only() {
    let world = world_with(MinimumConfidentiality::default().with_tls13_only());
    let old = Server::builder()
        .clock(world.clock.clone())
        .versions(TlsVersions::Tls12Only)
        .build()
        .unwrap();
    let certificates = mail_tls::Certificates::new(world.authority.issue(&[crate::support::HOST]));
    let acceptor = old
        .acceptor(
            mail_tls::Service::Imap,
            mail_tls::TlsMode::Implicit,
            certificates,
        )
        .build()
        .unwrap();
    let mut pair = Pair::new(&world.connector(), &acceptor);
    pair.run();
    assert!(matches!(
        pair.client_trace()[..],
        [Told::Failed(Error::Protocol(_))]
    ));
    assert!(!pair.client.indicator().is_confidential());

    let pair = Pair::established(&world.connector(), &world.acceptor());
    assert!(pair.client.indicator().is_confidential());

    let mut world = world;
    world.versions = TlsVersions::Tls12Only;
    let refused = world.client().connector(&world.account, world.endpoint());
    assert!(is_out_of_reach(refused.map(|_| ())));
}

fn is_out_of_reach(result: Result<(), Error>) -> bool {
    match result {
        Err(Error::Config(error)) => matches!(*error, ConfigError::MinimumOutOfReach { .. }),
        _ => false,
    }
}

#[test]
fn post_quantum_only() {
    let world = world_with(MinimumConfidentiality::default().with_post_quantum_only());
    let connector = world.client().connector(&world.account, world.endpoint());
    if cfg!(not(feature = "aws-lc-rs")) {
        assert!(is_out_of_reach(connector.map(|_| ())));
        return;
    }
    let acceptor = world.acceptor();
    for _ in 0..2 {
        // The second is resumed, and exchanges keys all the same.
        let pair = Pair::established(connector.as_ref().unwrap(), &acceptor);
        assert_eq!(pair.client.info().unwrap().group(), Some(HYBRID));
        assert!(pair.client.indicator().is_confidential());
    }
}

#[test]
fn denied_groups_and_suites_are_not_offered() {
    let plain = World::new();
    let pair = Pair::established(&plain.connector(), &plain.acceptor());
    let info = pair.client.info().unwrap();
    let (group, suite) = (info.group().unwrap(), info.cipher_suite().unwrap());

    let world = world_with(
        MinimumConfidentiality::default()
            .without_group(group)
            .without_suite(suite),
    );
    let pair = Pair::established(&world.connector(), &world.acceptor());
    let info = pair.client.info().unwrap();
    assert_ne!(info.group(), Some(group));
    assert_ne!(info.cipher_suite(), Some(suite));

    let every = (0x1301..=0x1303).chain([0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9]);
    let none_left = every.fold(MinimumConfidentiality::default(), |minimum, suite| {
        minimum.without_suite(CipherSuite::from_code_point(suite))
    });
    let world = world_with(none_left);
    let refused = world.client().connector(&world.account, world.endpoint());
    assert!(is_out_of_reach(refused.map(|_| ())));
}

/// RFC 8314 §5.2: without a minimum a session is as well protected as ever.
#[test]
fn a_lowered_account_has_the_same_sessions() {
    let world = World::new();
    let warning = world.account.reduced_confidentiality();
    assert!(world.account.lower_minimum(Acknowledged::by_user(warning)));
    let pair = Pair::established(&world.connector(), &world.acceptor());
    assert!(pair.client.indicator().is_confidential());
    assert_eq!(allowed(&pair), [true; 5]);

    let stranger = World::new();
    let mut pair = Pair::new(&world.connector(), &stranger.acceptor());
    pair.run();
    assert!(matches!(
        pair.client_trace()[..],
        [Told::Failed(Error::Certificate(_))]
    ));
}

/// The ratchet: what was there before and is not any more is told.
#[test]
fn a_server_that_offers_less_than_before() {
    let world = World::new();
    let account: &Account = &world.account;
    let service = mail_tls::Service::Imap;
    let pair = Pair::established(&world.connector(), &world.acceptor());
    let best = pair.client.protection().unwrap();
    assert_eq!(account.observe(service, best), None);

    let mut old = World::with_versions(TlsVersions::Tls12Only);
    old.account = account.clone();
    let pair = Pair::established(&old.connector(), &old.acceptor());
    let downgrade = account.observe(service, pair.client.protection().unwrap());
    let lost: Vec<Aspect> = downgrade.unwrap().lost().collect();
    assert!(lost.contains(&Aspect::Tls13) && !lost.contains(&Aspect::Verified));
    assert!(account.seen().best(service).has(Aspect::Tls13));
    assert!(!world.connector().is_stale());
}
