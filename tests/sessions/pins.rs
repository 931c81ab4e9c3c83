//! Certificates that a user has pinned (RFC 8314 §5.4).

use std::sync::Arc;
use std::time::SystemTime;

use mail_tls::dane::{DanePolicy, TlsaLookup, TlsaName, TlsaRecord};
use mail_tls::verify::{Authentication, CheckFailure, Fingerprint, PinCause, PinnedPart};
use mail_tls::{
    Acceptor, Account, Acknowledged, CertificateRejection, Certificates, CertifiedChain, Client,
    Clock, Connector, EmailAddress, Endpoint, Error, Host, MinimumConfidentiality, Operation,
    Phase, Pin, PinNotAccepted, PolicyRefusal, Provenance, Server, Service, TlsMode, TlsVersions,
    TrustAnchors, Unmet,
};
use pki_types::pem::PemObject;
use pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::CryptoProvider;
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

use crate::support::{Authority, HOST, Pair, Told, VERSIONS, clock, providers};

const ADDRESS: &str = "ann@example.org";

fn account(address: &str) -> Account {
    Account::in_setup().with_address(EmailAddress::parse(address).unwrap())
}

/// One client program.
struct World {
    authority: Authority,
    client: Client,
}

impl World {
    fn new() -> Self {
        Self::with(&providers()[0], TlsVersions::default())
    }

    fn with(provider: &CryptoProvider, versions: TlsVersions) -> Self {
        let authority = Authority::new();
        let client = Client::builder()
            .trust_anchors(authority.anchors())
            .crypto_provider(provider.clone().into())
            .versions(versions)
            .clock(clock())
            .build()
            .unwrap();
        Self { authority, client }
    }

    fn connector(&self, account: &Account) -> Connector {
        self.connector_to(account, endpoint())
    }

    fn connector_to(&self, account: &Account, endpoint: Endpoint) -> Connector {
        self.client.connector(account, endpoint).unwrap()
    }
}

fn endpoint() -> Endpoint {
    Endpoint::typed(Service::Imap, TlsMode::Implicit, HOST).unwrap()
}

/// A certificate that is its own, for `names`.
fn own(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> CertifiedChain {
    own_with(&KeyPair::generate().unwrap(), names, change)
}

fn own_with(
    key: &KeyPair,
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> CertifiedChain {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    change(&mut params);
    let certificate = params.self_signed(key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    CertifiedChain::from_der(vec![certificate.der().clone()], key).unwrap()
}

fn acceptor(chain: &CertifiedChain) -> Acceptor {
    Server::builder()
        .clock(clock())
        .build()
        .unwrap()
        .acceptor(
            Service::Imap,
            TlsMode::Implicit,
            Certificates::new(chain.clone()),
        )
        .build()
        .unwrap()
}

fn run(connector: &Connector, acceptor: &Acceptor) -> Pair {
    let mut pair = Pair::new(connector, acceptor);
    pair.run();
    pair
}

fn rejection(pair: &mut Pair) -> Arc<CertificateRejection> {
    match pair.client_trace().pop() {
        Some(Told::Failed(Error::Certificate(rejection))) => rejection,
        other => panic!("{other:?}"),
    }
}

/// Connects, is refused, and does as a user does who knows the fingerprint.
fn pinned(world: &World, account: &Account, acceptor: &Acceptor, part: PinnedPart) -> Pin {
    let refused = rejection(&mut run(&world.connector(account), acceptor));
    let offer = refused.pin_offer().expect("an offer");
    account
        .accept_pin(Acknowledged::by_user(offer.warning()), part)
        .unwrap()
}

#[test]
fn a_self_signed_certificate_is_pinned_and_used() {
    for provider in providers() {
        for versions in VERSIONS {
            let world = World::with(&provider, versions);
            let (account, chain) = (account(ADDRESS), own(&[HOST], |_| {}));
            let acceptor = acceptor(&chain);
            let before = world.connector(&account);
            let refused = rejection(&mut run(&before, &acceptor));
            let offer = refused.pin_offer().unwrap();
            assert_eq!(offer.chain(), chain.certificates());
            assert_eq!(offer.causes(), [PinCause::NoChain]);
            assert_eq!(
                (offer.host().to_string().as_str(), offer.port()),
                (HOST, 993)
            );
            let warned = Acknowledged::by_user(offer.warning());
            assert!(account.requires_confidentiality());
            let pin = account.accept_pin(warned, PinnedPart::Certificate).unwrap();
            assert!(!account.requires_confidentiality(), "RFC 8314 §5.4");
            assert!(before.is_stale());
            account.complete_setup();

            // RFC 8314 §5.4: it does not meet the minimum, and nothing says that it does.
            let connector = world.connector(&account);
            let mut pair = run(&connector, &acceptor);
            assert_eq!(pair.client_trace(), [Told::Established]);
            let info = pair.client.info().unwrap();
            let verification = info.verification().unwrap();
            assert_eq!(verification.authentication(), Authentication::Pinned);
            assert!(!verification.meets_minimum());
            assert_eq!(verification.pin(), Some(&pin));
            assert!(info.to_string().contains(" peer=pinned "), "{info}");
            assert!(!pair.client.indicator().is_confidential());
            assert!(
                pair.client
                    .confidentiality()
                    .unwrap()
                    .meets(&MinimumConfidentiality::default())
                    .is_err()
            );
            // What the user has accepted with the pin may be done all the same.
            assert!(pair.client.permit(Operation::Reading).is_ok());
            assert!(pair.client.credential_permit().is_ok());
            pair.server.send(b"* OK\r\n", &mut pair.to_client).unwrap();
            pair.run();
            assert_eq!(pair.client_trace(), [Told::Data(b"* OK\r\n".to_vec())]);

            // A resumed session inherits it, and says the same.
            let mut pair = run(&connector, &acceptor);
            assert_eq!(pair.client_trace(), [Told::Established]);
            let info = pair.client.info().unwrap();
            assert!(info.is_resumed());
            assert_eq!(info.verification().unwrap().pin(), Some(&pin));
        }
    }
}

#[test]
fn every_cause_can_be_pinned_over_a_connection() {
    let world = World::new();
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    let authority = |params: &mut CertificateParams| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    };
    let p256 = &rcgen::PKCS_ECDSA_P256_SHA256;
    let rows: Vec<(CertifiedChain, Vec<PinCause>, &str)> = vec![
        (own(&[HOST], |_| {}), vec![PinCause::NoChain], "self-signed"),
        (
            own(&[HOST], authority),
            vec![PinCause::NoChain],
            "an authority's own",
        ),
        (
            Authority::named("A stranger").issue(&[HOST]),
            vec![PinCause::NoChain],
            "authority unknown",
        ),
        (
            world.authority.issue_with(&[HOST], p256, expired),
            vec![PinCause::Expired],
            "expired",
        ),
        (
            world.authority.issue(&["other.example"]),
            vec![PinCause::NoIdentifierMatch],
            "another name",
        ),
    ];
    for (chain, causes, source) in rows {
        let (account, acceptor) = (account(ADDRESS), acceptor(&chain));
        let refused = rejection(&mut run(&world.connector(&account), &acceptor));
        assert_eq!(refused.pin_offer().unwrap().causes(), causes, "{source}");
        pinned(&world, &account, &acceptor, PinnedPart::Certificate);
        let mut pair = run(&world.connector(&account), &acceptor);
        assert_eq!(pair.client_trace(), [Told::Established], "{source}");
    }
}

/// The local bridges of mail providers: an address for a host, and an authority's certificate.
#[test]
fn a_bridge_on_the_loopback_address() {
    let world = World::new();
    let chain = own(&["127.0.0.1"], |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    });
    let account = account(ADDRESS);
    let host = Host::parse("127.0.0.1").unwrap();
    let bridge = Endpoint::new(
        Service::Imap,
        TlsMode::Implicit,
        host,
        1143,
        Provenance::Typed,
    );
    let acceptor = acceptor(&chain);
    let refused = rejection(&mut run(
        &world.connector_to(&account, bridge.clone()),
        &acceptor,
    ));
    let warned = Acknowledged::by_user(refused.pin_offer().unwrap().warning());
    account.accept_pin(warned, PinnedPart::Certificate).unwrap();
    let mut pair = run(&world.connector_to(&account, bridge.clone()), &acceptor);
    assert_eq!(pair.client_trace(), [Told::Established]);

    // Also where the user had added it to the trusted authorities.
    let trusting = Client::builder()
        .trust_anchors(TrustAnchors::from_der(chain.certificates().iter().cloned()).unwrap())
        .clock(clock())
        .build()
        .unwrap();
    let account = self::account(ADDRESS);
    let connector = trusting.connector(&account, bridge).unwrap();
    assert!(
        rejection(&mut run(&connector, &acceptor))
            .pin_offer()
            .is_some()
    );
}

#[test]
fn nothing_is_offered_for_an_account_that_was_set_up() {
    // RFC 8314 §5.4 MUST NOT.
    let world = World::new();
    let acceptor = acceptor(&own(&[HOST], |_| {}));
    let address = || EmailAddress::parse(ADDRESS).unwrap();
    let done = account(ADDRESS);
    done.complete_setup();
    for account in [
        Account::configured().with_address(address()),
        done,
        Account::in_setup(), // without an address there is nothing to bind a pin to
    ] {
        let refused = rejection(&mut run(&world.connector(&account), &acceptor));
        assert_eq!(refused.pin_offer(), None);
    }
    // An offer that was made during setup is of no use after it.
    let account = account(ADDRESS);
    let refused = rejection(&mut run(&world.connector(&account), &acceptor));
    account.complete_setup();
    assert_eq!(account.phase(), Phase::Configured);
    let warned = Acknowledged::by_user(refused.pin_offer().unwrap().warning());
    let result = account.accept_pin(warned, PinnedPart::Certificate);
    assert_eq!(result, Err(PinNotAccepted::NotInSetup));
    assert!(account.requires_confidentiality());
}

#[test]
fn a_pin_is_one_accounts_alone() {
    // RFC 8314 §5.4 MUST NOT.
    let world = World::new();
    let acceptor = acceptor(&own(&[HOST], |_| {}));
    let (ann, bob) = (account(ADDRESS), account("bob@example.org"));
    let pin = pinned(&world, &ann, &acceptor, PinnedPart::Certificate);

    let refused = rejection(&mut run(&world.connector(&bob), &acceptor));
    assert!(!bob.restore_pin(pin.clone()));
    assert!(bob.requires_confidentiality());
    let warned = Acknowledged::by_user(refused.pin_offer().unwrap().warning());
    let result = ann.accept_pin(warned, PinnedPart::Certificate);
    assert_eq!(result, Err(PinNotAccepted::OtherAccount));
    assert_eq!(ann.pins(), std::slice::from_ref(&pin));
    assert!(
        ann.with_address(EmailAddress::parse("bob@example.org").unwrap())
            .pins()
            .is_empty()
    );
    assert!(bob.pins().is_empty());
    rejection(&mut run(&world.connector(&bob), &acceptor));

    // What was saved comes back in the next run of the program, for the same account.
    let saved = pin.to_string();
    let restored = Account::configured().with_address(EmailAddress::parse(ADDRESS).unwrap());
    assert!(restored.restore_pin(saved.parse().unwrap()));
    let mut pair = run(&world.connector(&restored), &acceptor);
    assert_eq!(pair.client_trace(), [Told::Established]);
}

#[test]
fn a_pin_is_for_one_place_alone() {
    // RFC 6125 §7.1: in its context.
    let world = World::new();
    let chain = own(&[HOST, "alias.example.org"], |_| {});
    let acceptor = acceptor(&chain);
    let account = account(ADDRESS);
    pinned(&world, &account, &acceptor, PinnedPart::Certificate);
    let alias = Host::parse("alias.example.org").unwrap();
    let domain = mail_tls::HostName::parse("example.org").unwrap();
    let elsewhere = [
        endpoint().with_port(10993),
        Endpoint::typed(Service::Pop3, TlsMode::Implicit, HOST)
            .unwrap()
            .with_port(993),
        Endpoint::new(
            Service::Imap,
            TlsMode::Implicit,
            alias,
            993,
            Provenance::Typed,
        ),
        endpoint().with_service_domain(domain),
    ];
    for endpoint in elsewhere {
        let connector = world.connector_to(&account, endpoint.clone());
        let refused = rejection(&mut run(&connector, &acceptor));
        assert_ne!(refused.code(), "pin-mismatch", "{endpoint:?}");
    }
    let mut pair = run(&world.connector(&account), &acceptor);
    assert_eq!(pair.client_trace(), [Told::Established]);
}

#[test]
fn a_pin_is_nothing_to_an_account_that_requires_the_minimum() {
    // RFC 8314 §5.4: it never meets it.
    let world = World::new();
    let acceptor = acceptor(&own(&[HOST], |_| {}));
    let account = account(ADDRESS);
    pinned(&world, &account, &acceptor, PinnedPart::Certificate);
    account.complete_setup();
    let mut running = run(&world.connector(&account), &acceptor);
    assert_eq!(running.client_trace(), [Told::Established]);
    account.raise_minimum(MinimumConfidentiality::default());
    let refused = rejection(&mut run(&world.connector(&account), &acceptor));
    assert_eq!(refused.code(), "self-signed");
    assert_eq!(refused.pin_offer(), None);
    // What runs already may be used for nothing any more (RFC 8314 §5.2).
    let refused = running.client.permit(Operation::Reading).unwrap_err();
    let PolicyRefusal::BelowMinimum { unmet, .. } = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(unmet, Unmet::Pinned);
}

#[test]
fn a_pin_can_be_revoked_and_takes_its_tickets_along() {
    // RFC 8314 §5.4 MUST.
    for versions in VERSIONS {
        let world = World::with(&providers()[0], versions);
        let acceptor = acceptor(&own(&[HOST], |_| {}));
        let account = account(ADDRESS);
        let pin = pinned(&world, &account, &acceptor, PinnedPart::Certificate);
        account.complete_setup();
        let connector = world.connector(&account);
        assert_eq!(
            run(&connector, &acceptor).client_trace(),
            [Told::Established]
        );
        // A handshake that is under way when the pin is revoked comes to nothing.
        let mut under_way = Pair::new(&connector, &acceptor);
        assert!(account.revoke_pin(&pin));
        assert!(!account.revoke_pin(&pin), "it is gone");
        under_way.run();
        let Some(Told::Failed(error)) = under_way.client_trace().pop() else {
            panic!();
        };
        assert_eq!(error.code(), "stale-connector");

        assert!(connector.is_stale());
        let refused = connector.connect(&mut bytes::BytesMut::new()).unwrap_err();
        assert_eq!(refused.code(), "stale-connector");
        let refused = rejection(&mut run(&world.connector(&account), &acceptor));
        assert_eq!(refused.code(), "self-signed");
        assert!(account.pins().is_empty());
    }
}

#[test]
fn a_changed_certificate_is_refused_aloud() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let (old, renewed) = (
        own_with(&key, &[HOST], |_| {}),
        own_with(&key, &[HOST], |_| {}),
    );
    let other = own(&[HOST], |_| {});
    let account = account(ADDRESS);
    let pin = pinned(&world, &account, &acceptor(&old), PinnedPart::Certificate);
    account.complete_setup();
    for (chain, same_key) in [(&renewed, true), (&other, false)] {
        let refused = rejection(&mut run(&world.connector(&account), &acceptor(chain)));
        assert_eq!(refused.code(), "pin-mismatch");
        assert_eq!(refused.pin_offer(), None, "RFC 8314 §5.4 MUST NOT");
        let presented = Fingerprint::of_certificate(&chain.certificates()[0]);
        let text = refused.to_string();
        assert!(text.contains(&pin.certificate().to_string()), "{text}");
        assert!(text.contains(&presented.to_string()), "{text}");
        let CheckFailure::PinMismatch { is_same_key, .. } = refused.primary() else {
            panic!("{refused:?}");
        };
        assert_eq!(*is_same_key, same_key);
    }
}

#[test]
fn a_pinned_key_lives_through_a_renewal() {
    let world = World::new();
    let key = KeyPair::generate().unwrap();
    let (old, renewed) = (
        own_with(&key, &[HOST], |_| {}),
        own_with(&key, &[HOST], |_| {}),
    );
    let account = account(ADDRESS);
    pinned(&world, &account, &acceptor(&old), PinnedPart::Key);
    account.complete_setup();
    for chain in [&old, &renewed] {
        let mut pair = run(&world.connector(&account), &acceptor(chain));
        assert_eq!(pair.client_trace(), [Told::Established]);
    }
    let other = acceptor(&own(&[HOST], |_| {}));
    let refused = rejection(&mut run(&world.connector(&account), &other));
    assert_eq!(refused.code(), "pin-mismatch");
}

#[test]
fn a_valid_certificate_replaces_the_pinned_one_without_a_question() {
    // RFC 9525 §6: a pin does not exclude what can be verified.
    let world = World::new();
    let account = account(ADDRESS);
    pinned(
        &world,
        &account,
        &acceptor(&own(&[HOST], |_| {})),
        PinnedPart::Certificate,
    );
    let proper = acceptor(&world.authority.issue(&[HOST]));
    let mut pair = run(&world.connector(&account), &proper);
    assert_eq!(pair.client_trace(), [Told::Established]);
    let info = pair.client.info().unwrap();
    assert!(info.verification().unwrap().meets_minimum());
    assert_eq!(info.verification().unwrap().pin(), None);
}

#[test]
fn a_pinned_certificate_that_expires_goes_on() {
    let world = World::new();
    let chain = own(&[HOST], |params| {
        params.not_after = date_time_ymd(2100, 1, 1)
    });
    let acceptor = acceptor(&chain);
    let account = account(ADDRESS);
    pinned(&world, &account, &acceptor, PinnedPart::Certificate);
    let later = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_200_000_000); // 2103
    let client = Client::builder()
        .trust_anchors(world.authority.anchors())
        .clock(Clock::fixed(std::time::Instant::now(), later))
        .build()
        .unwrap();
    let mut pair = run(&client.connector(&account, endpoint()).unwrap(), &acceptor);
    assert_eq!(pair.client_trace(), [Told::Established]);
}

/// A key that is not the certificate's, as an impostor has it.
#[derive(Debug)]
struct Impostor(Arc<dyn SigningKey>);

impl SigningKey for Impostor {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.0.choose_scheme(offered)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

#[test]
fn the_signature_of_the_handshake_is_verified_all_the_same() {
    for provider in providers() {
        for versions in VERSIONS {
            let world = World::with(&provider, versions);
            for part in [PinnedPart::Certificate, PinnedPart::Key] {
                let chain = own(&[HOST], |_| {});
                let account = account(ADDRESS);
                pinned(&world, &account, &acceptor(&chain), part);
                let key = PrivateKeyDer::try_from(KeyPair::generate().unwrap().serialize_der());
                let key = provider
                    .key_provider
                    .load_private_key(key.unwrap())
                    .unwrap();
                let stolen = CertifiedChain::with_signing_key(
                    chain.certificates().to_vec(),
                    Arc::new(Impostor(key)),
                )
                .unwrap();
                let mut pair = run(&world.connector(&account), &acceptor(&stolen));
                let Some(Told::Failed(error)) = pair.client_trace().pop() else {
                    panic!("{versions:?}");
                };
                assert!(matches!(error, Error::Protocol(_)), "{error:?}");
            }
        }
    }
}

/// RFC 6698 §4.1: what records that are applied refuse, a pin does not make good.
#[test]
fn dane_leaves_no_room_for_a_pin() {
    let world = World::new();
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap();
    let dane = |numbers: [u8; 3], certificate: &[u8]| {
        let record = TlsaRecord::from_rdata(&[&numbers, certificate].concat()).unwrap();
        let name = TlsaName::of_endpoint(&endpoint()).unwrap();
        let lookup = TlsaLookup::validated_over_trusted_path(
            name,
            vec![record],
            UnixTime::since_unix_epoch(now),
            std::time::Duration::from_secs(3600),
        );
        DanePolicy::default().decide(&lookup.unwrap()).unwrap()
    };
    let (chain, other) = (own(&[HOST], |_| {}), own(&[HOST], |_| {}));
    let acceptor = acceptor(&chain);
    let account = account(ADDRESS);
    pinned(&world, &account, &acceptor, PinnedPart::Certificate);
    let of_other = dane([3, 0, 0], &other.certificates()[0]);
    let connector = world
        .client
        .connector_with_dane(&account, endpoint(), &of_other)
        .unwrap();
    let refused = rejection(&mut run(&connector, &acceptor));
    assert_eq!(refused.code(), "tlsa-mismatch");
    assert_eq!(refused.pin_offer(), None);

    // A published authority, and a name that does not match: one of the three causes by itself.
    let elsewhere = self::acceptor(&world.authority.issue(&["other.example"]));
    let root = CertificateDer::from_pem_slice(world.authority.pem().as_bytes()).unwrap();
    let of_root = dane([2, 0, 0], &root);
    let connector = world
        .client
        .connector_with_dane(&account, endpoint(), &of_root)
        .unwrap();
    let refused = rejection(&mut run(&connector, &elsewhere));
    assert_eq!(refused.code(), "name-mismatch");
    assert_eq!(refused.pin_offer(), None);
}
