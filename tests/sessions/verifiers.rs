//! Servers that somebody else verifies; here rustls' own verifier stands for the platform's.

use std::sync::Arc;

use mail_tls::verify::{Authentication, PinnedPart};
use mail_tls::{
    Account, Acknowledged, Certificates, CertifiedChain, Client, ConfigError, EmailAddress, Error,
    RustlsVerifier,
};
use rcgen::KeyPair;
use rustls::client::WebPkiServerVerifier;

use crate::support::{Authority, HOST, Pair, Told, World, provider, providers};

fn client(world: &World, provider: rustls::crypto::CryptoProvider) -> Client {
    let provider = Arc::new(provider);
    let roots = Arc::new(world.authority.roots());
    let platform = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .unwrap();
    Client::builder()
        .crypto_provider(provider)
        .server_verifier(Arc::new(RustlsVerifier::new(platform)))
        .clock(world.clock.clone())
        .build()
        .unwrap()
}

fn code(told: &[Told]) -> &'static str {
    match told.last() {
        Some(Told::Established) => "established",
        Some(Told::Failed(error)) => error.code(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn its_word_counts_and_is_not_remembered() {
    for provider in providers() {
        let world = World::new();
        let connector = client(&world, provider)
            .connector(&world.account, world.endpoint())
            .unwrap();
        let acceptor = world.acceptor();
        for _ in 0..2 {
            let pair = Pair::established(&connector, &acceptor);
            let info = pair.client.info().unwrap();
            assert!(!info.is_resumed());
            let verification = info.verification().unwrap();
            assert_eq!(verification.authentication(), Authentication::Pkix);
            assert_eq!(verification.reference().unwrap().to_string(), HOST);
        }
    }
}

#[test]
fn what_it_refuses_is_refused() {
    let world = World::new();
    let connector = client(&world, provider())
        .connector(&world.account, world.endpoint())
        .unwrap();
    let of_stranger = Authority::named("A stranger").issue(&[HOST]);
    let of_other = world.authority.issue(&["other.example"]);
    let expired = world
        .authority
        .issue_with(&[HOST], &rcgen::PKCS_ECDSA_P256_SHA256, |params| {
            params.not_after = rcgen::date_time_ymd(2001, 1, 1);
        });
    for (chain, expected) in [
        (of_stranger, "missing-intermediate"),
        (of_other, "name-mismatch"),
        (expired, "refused-by-verifier"),
    ] {
        let acceptor = world
            .acceptor_with(Certificates::new(chain))
            .build()
            .unwrap();
        let mut pair = Pair::new(&connector, &acceptor);
        pair.run();
        assert_eq!(code(&pair.client_trace()), expected);
    }
}

#[test]
fn a_pin_works_beside_it() {
    let world = World::new();
    let client = client(&world, provider());
    let address = EmailAddress::parse("ann@example.org").unwrap();
    let account = Account::in_setup().with_address(address);
    let key = KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new([HOST.to_owned()]).unwrap();
    let own = params.self_signed(&key).unwrap();
    let chain =
        CertifiedChain::from_pem(own.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let acceptor = world
        .acceptor_with(Certificates::new(chain))
        .build()
        .unwrap();
    let connector = client.connector(&account, world.endpoint()).unwrap();
    let mut pair = Pair::new(&connector, &acceptor);
    pair.run();
    let Some(Told::Failed(Error::Certificate(rejection))) = pair.client_trace().pop() else {
        panic!();
    };
    let warned = Acknowledged::by_user(rejection.pin_offer().unwrap().warning());
    account.accept_pin(warned, PinnedPart::Certificate).unwrap();
    let connector = client.connector(&account, world.endpoint()).unwrap();
    Pair::established(&connector, &acceptor);
}

/// RFC 8314 §5.4: a name that does not match may be pinned; a path of which the verifier has not
/// said that it is good may be wrong in ways that may not.
#[test]
fn what_was_not_examined_is_not_pinned() {
    let world = World::new();
    let address = EmailAddress::parse("ann@example.org").unwrap();
    let account = Account::in_setup().with_address(address);
    let chain = world.authority.issue(&["other.example"]);
    let acceptor = world.acceptor_with(Certificates::new(chain));
    let acceptor = acceptor.build().unwrap();
    let offers = [world.client(), client(&world, provider())].map(|client| {
        let connector = client.connector(&account, world.endpoint()).unwrap();
        let mut pair = Pair::new(&connector, &acceptor);
        pair.run();
        let Some(Told::Failed(Error::Certificate(rejection))) = pair.client_trace().pop() else {
            panic!();
        };
        assert_eq!(rejection.failures().count(), 1, "{rejection}");
        rejection.pin_offer().is_some()
    });
    assert_eq!(offers, [true, false]);
}

#[test]
fn it_is_given_alone() {
    let world = World::new();
    let platform = WebPkiServerVerifier::builder_with_provider(
        Arc::new(world.authority.roots()),
        Arc::new(provider()),
    );
    let error = Client::builder()
        .crypto_provider(Arc::new(provider()))
        .trust_anchors(world.authority.anchors())
        .server_verifier(Arc::new(RustlsVerifier::new(platform.build().unwrap())))
        .build()
        .unwrap_err();
    let Error::Config(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(*error, ConfigError::VerifierNotAlone);
}
