//! The verdict on a chain is remembered, and forgotten when it could be another.
//!
//! Whether a chain was verified again shows in the number of signatures that the provider was given
//! to verify, and in a date that has passed in between.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mail_tls::{
    Acceptor, Account, Certificates, Client, Connector, EmailAddress, MinimumConfidentiality, Pin,
    RevocationPolicy, Service, TlsMode,
};
use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};

use crate::support::{HOST, Pair, Told, World, provider};

const HOUR: Duration = Duration::from_secs(60 * 60);

thread_local! {
    static VERIFIED: Cell<usize> = const { Cell::new(0) };
}

/// Counts the signatures that are verified on this thread.
#[derive(Debug)]
struct Counting(&'static dyn SignatureVerificationAlgorithm);

impl SignatureVerificationAlgorithm for Counting {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        VERIFIED.set(VERIFIED.get() + 1);
        self.0.verify_signature(public_key, message, signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }
}

type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

fn counting(algorithms: Algorithms) -> Algorithms {
    let all = algorithms.iter().map(|one| {
        let counting: &'static dyn SignatureVerificationAlgorithm =
            Box::leak(Box::new(Counting(*one)));
        counting
    });
    all.collect::<Vec<_>>().leak()
}

fn counting_provider() -> Arc<CryptoProvider> {
    let mut provider = provider();
    let algorithms = provider.signature_verification_algorithms;
    let mapping = algorithms.mapping.iter();
    provider.signature_verification_algorithms = WebPkiSupportedAlgorithms {
        all: counting(algorithms.all),
        mapping: mapping
            .map(|(scheme, algorithms)| (*scheme, counting(algorithms)))
            .collect::<Vec<_>>()
            .leak(),
    };
    Arc::new(provider)
}

fn counting_world() -> World {
    World {
        provider: Some(counting_provider()),
        ..World::new()
    }
}

/// The signatures that are verified in one established session: with the chain's one, and with the
/// handshake's alone.
const ANEW: usize = 2;
const REMEMBERED: usize = 1;

fn verified(connector: &Connector, acceptor: &Acceptor) -> usize {
    let before = VERIFIED.get();
    assert_eq!(outcome(connector, acceptor), "established");
    VERIFIED.get() - before
}

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

/// The signature of the handshake proves that the peer holds the key, each time anew.
#[test]
fn the_chain_is_remembered_and_the_handshake_is_verified() {
    let world = counting_world();
    let (connector, acceptor) = (world.connector(), acceptor(&world, -1, 10));
    assert_eq!(verified(&connector, &acceptor), ANEW);
    assert_eq!(verified(&connector, &acceptor), REMEMBERED);
    assert_eq!(verified(&connector, &acceptor), REMEMBERED);
}

#[test]
fn a_verdict_is_remembered_for_an_hour_from_when_it_was_reached() {
    let world = counting_world();
    let (connector, acceptor) = (world.connector(), acceptor(&world, -1, 10));
    assert_eq!(verified(&connector, &acceptor), ANEW);
    world.clock.advance(HOUR / 2);
    assert_eq!(verified(&connector, &acceptor), REMEMBERED);
    // What was asked for in between does not make it younger.
    world.clock.advance(HOUR / 2);
    assert_eq!(verified(&connector, &acceptor), ANEW);
}

#[test]
fn a_clock_that_has_gone_back_by_a_second_is_enough() {
    let world = counting_world();
    let (connector, acceptor) = (world.connector(), acceptor(&world, -1, 10));
    let now = SystemTime::now();
    world.clock.set_wall(now);
    assert_eq!(verified(&connector, &acceptor), ANEW);
    world.clock.set_wall(now - Duration::from_secs(1));
    assert_eq!(verified(&connector, &acceptor), ANEW);
    world.clock.set_wall(now);
    assert_eq!(verified(&connector, &acceptor), REMEMBERED);
}

/// It is forgotten with the connector, whichever of its inputs has changed.
#[test]
fn what_a_verdict_depends_on_is_fixed_for_a_connector() {
    let world = counting_world();
    let (connector, acceptor) = (world.connector(), acceptor(&world, -1, 10));
    assert_eq!(verified(&connector, &acceptor), ANEW);
    // The same account, endpoint and client: another connector.
    assert_eq!(verified(&world.connector(), &acceptor), ANEW);
    // Other trust anchors.
    let elsewhere = World {
        clock: world.clock.clone(),
        account: world.account.clone(),
        ..counting_world()
    };
    assert_eq!(
        outcome(&elsewhere.connector(), &acceptor),
        "unknown-authority"
    );
    assert_eq!(verified(&connector, &acceptor), REMEMBERED);
    // Another generation of the account.
    world
        .account
        .raise_minimum(MinimumConfidentiality::default());
    let refused = connector.connect(&mut bytes::BytesMut::new()).unwrap_err();
    assert_eq!(refused.code(), "stale-connector");
    assert_eq!(verified(&world.connector(), &acceptor), ANEW);
}

/// The account was changed between the ClientHello and the certificate that would be recalled.
#[test]
fn a_session_that_is_under_way_when_the_account_changes_is_refused() {
    let world = counting_world();
    let (connector, acceptor) = (world.connector(), acceptor(&world, -1, 10));
    assert_eq!(verified(&connector, &acceptor), ANEW);
    let mut pair = Pair::new(&connector, &acceptor);
    world
        .account
        .raise_minimum(MinimumConfidentiality::default());
    pair.run();
    match pair.client_trace().as_slice() {
        [Told::Failed(error)] => assert_eq!(error.code(), "stale-connector"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_verdict_is_not_remembered_beyond_the_end_of_a_revocation_list() {
    let world = counting_world();
    let lists = world
        .authority
        .revocation_list(SystemTime::now() + HOUR / 2);
    let client = Client::builder()
        .trust_anchors(world.authority.anchors())
        .clock(world.clock.clone())
        .crypto_provider(counting_provider())
        .revocation_lists(lists, RevocationPolicy::RequireKnown)
        .build()
        .unwrap();
    let connector = client.connector(&world.account, world.endpoint()).unwrap();
    let acceptor = acceptor(&world, -1, 10);
    // The list's own signature as well.
    assert_eq!(verified(&connector, &acceptor), ANEW + 1);
    assert_eq!(verified(&connector, &acceptor), REMEMBERED);
    world.clock.advance(HOUR / 2 + Duration::from_secs(2));
    assert_eq!(outcome(&connector, &acceptor), "revocation-unknown");
}

/// A refusal is found out each time: it may be mended by the next.
#[test]
fn a_refusal_is_not_remembered() {
    let world = counting_world();
    let (connector, acceptor) = (world.connector(), acceptor(&world, 1, 10));
    assert_eq!(outcome(&connector, &acceptor), "not-yet-valid");
    world.clock.advance(HOUR * 25);
    assert_eq!(verified(&connector, &acceptor), ANEW);
}

#[test]
fn it_can_be_switched_off() {
    let world = counting_world();
    let client = Client::builder()
        .trust_anchors(world.authority.anchors())
        .clock(world.clock.clone())
        .crypto_provider(counting_provider())
        .forget_verdicts()
        .build()
        .unwrap();
    let connector = client.connector(&world.account, world.endpoint()).unwrap();
    let acceptor = acceptor(&world, -1, 10);
    assert_eq!(verified(&connector, &acceptor), ANEW);
    assert_eq!(verified(&connector, &acceptor), ANEW);
}

/// RFC 8314 §5.4: with a pin that is revoked goes whatever was remembered before, of every server of
/// the account.
#[test]
fn what_is_remembered_is_forgotten_when_a_pin_is_revoked() {
    let address = EmailAddress::parse("ann@example.org").unwrap();
    let world = World {
        account: Account::configured().with_address(address),
        ..counting_world()
    };
    let digest = "00".repeat(32);
    let pin: Pin = format!(
        "pin1 certificate pop3 995 elsewhere.example.org - {digest} {digest} ann@example.org"
    )
    .parse()
    .unwrap();
    assert!(world.account.restore_pin(pin.clone()));
    let (before, acceptor) = (world.connector(), acceptor(&world, -1, 10));
    assert_eq!(verified(&before, &acceptor), ANEW);
    assert_eq!(verified(&before, &acceptor), REMEMBERED);

    assert!(world.account.revoke_pin(&pin));
    let refused = before.connect(&mut bytes::BytesMut::new()).unwrap_err();
    assert_eq!(refused.code(), "stale-connector");
    let after = world.connector();
    assert_eq!(verified(&after, &acceptor), ANEW);
    assert_eq!(verified(&after, &acceptor), REMEMBERED);
}
