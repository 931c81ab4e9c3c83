//! Client certificates from end to end: which is shown and how, whom it stands for, and what a
//! client is told of its refusal.

use mail_tls::client_identity::{IdentityMapping, IdentityName, IdentitySource, Unmapped};
use mail_tls::error::Cause;
use mail_tls::verify::Fingerprint;
use mail_tls::{
    AcceptorBuilder, Account, ApiMisuse, CertifiedChain, ClientCertificateUse, EmailAddress, Error,
    ExternalOffer, HelloAnswer, ProtocolError, ShownValidity, TlsVersions, TrustAnchors,
};
use rcgen::{CertificateParams, PKCS_ECDSA_P256_SHA256, SanType};

use crate::support::{Authority, Pair, Told, VERSIONS, World, failure, protocol};

const ANN: &str = "ann@example.org";

fn of_users(authority: &Authority, addresses: &[&str]) -> CertifiedChain {
    let change = |params: &mut CertificateParams| {
        let names = addresses.iter();
        params.subject_alt_names = names
            .map(|address| SanType::Rfc822Name((*address).try_into().unwrap()))
            .collect();
    };
    authority.issue_with(&[], &PKCS_ECDSA_P256_SHA256, change)
}

fn mailbox(address: &str) -> IdentityName {
    IdentityName::Mailbox(address.try_into().unwrap())
}

fn shown(versions: TlsVersions, is_wanted: bool) -> impl Fn(ClientCertificateUse) -> bool {
    move |outcome| {
        let ClientCertificateUse::Shown {
            in_clear,
            validity,
            is_wanted: wanted,
            ..
        } = outcome
        else {
            return false;
        };
        in_clear == (versions == TlsVersions::Tls12Only)
            && validity == ShownValidity::Valid
            && wanted == is_wanted
    }
}

/// RFC 8314 §5.5: what one account is authorised to show is shown for no other.
#[test]
fn another_address_shows_nothing() {
    for versions in VERSIONS {
        let mut world = World::with_versions(versions);
        let users = Authority::named("Users");
        let acceptor = world
            .acceptor_builder()
            .request_client_certificates(users.anchors(), IdentityMapping::mailbox())
            .build()
            .unwrap();
        let chain = of_users(&users, &[ANN]);
        let ann = Account::configured().with_address(EmailAddress::parse(ANN).unwrap());
        ann.authorise_client_certificate_with_tls12(chain);
        world.account = ann.clone();
        let pair = Pair::established(&world.connector(), &acceptor);
        assert!(shown(versions, true)(pair.client.client_certificate()));

        world.account = ann.with_address(EmailAddress::parse("bob@example.org").unwrap());
        let pair = Pair::established(&world.connector(), &acceptor);
        let nothing = ClientCertificateUse::NoneAuthorised;
        assert_eq!(pair.client.client_certificate(), nothing);
        assert!(pair.server.client_identity().is_none());
    }
}

/// Each listener is shown the certificate of its own authority.
#[test]
fn the_authority_that_the_server_names() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let users = [
            Authority::named("Users of A"),
            Authority::named("Users of B"),
        ];
        for (authority, user) in users.iter().zip(["ann@a.example", "ann@b.example"]) {
            let chain = of_users(authority, &[user]);
            world.account.authorise_client_certificate_with_tls12(chain);
        }
        for (authority, user) in users.iter().zip(["ann@a.example", "ann@b.example"]) {
            let acceptor = world
                .acceptor_builder()
                .require_client_certificates(authority.anchors(), IdentityMapping::mailbox())
                .build()
                .unwrap();
            let mut pair = Pair::established(&world.connector(), &acceptor);
            let identity = pair.server.client_identity().unwrap().unwrap();
            assert_eq!(identity.name(), &mailbox(user));
            assert_eq!(identity.source(), IdentitySource::Rfc822Name);
            assert!(shown(versions, true)(pair.client.client_certificate()));
            assert!(pair.server.accept_client_identity().is_ok());
        }
        // One that names neither is shown the last, and refuses it.
        let stranger = Authority::named("A stranger").anchors();
        let acceptor = world
            .acceptor_builder()
            .require_client_certificates(stranger, IdentityMapping::mailbox())
            .build()
            .unwrap();
        let mut pair = Pair::new(&world.connector(), &acceptor);
        pair.run();
        let code = failure(&pair.server_trace()).code();
        assert_eq!(code, "missing-intermediate");
        assert!(shown(versions, false)(pair.client.client_certificate()));
    }
}

/// RFC 8446 §4.2.4, RFC 5246 §7.4.4: a server with more authorities than can be named names none, which
/// stands for all. The list has room for 64 KiB.
#[test]
fn more_authorities_than_can_be_named() {
    let users = Authority::named("Users");
    let key = rcgen::KeyPair::generate().unwrap();
    let others: Vec<String> = (0..600)
        .map(|number| {
            let mut params = CertificateParams::default();
            params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
            // With what is around it 133 octets.
            let name = format!("{number:0120}");
            params.distinguished_name = rcgen::DistinguishedName::new();
            params
                .distinguished_name
                .push(rcgen::DnType::CommonName, name);
            params.self_signed(&key).unwrap().pem()
        })
        .collect();
    for versions in VERSIONS {
        for (count, are_named) in [(0, true), (100, true), (200, false), (600, false)] {
            let world = World::with_versions(versions);
            let anchors = users.pem().to_owned() + &others[..count].concat();
            let anchors = TrustAnchors::from_pem(anchors.as_bytes()).unwrap();
            let acceptor = world
                .acceptor_builder()
                .require_client_certificates(anchors, IdentityMapping::mailbox())
                .build()
                .unwrap();
            let stranger = of_users(&Authority::named("A stranger"), &[ANN]);
            world
                .account
                .authorise_client_certificate_with_tls12(stranger);
            let mut pair = Pair::new(&world.connector(), &acceptor);
            pair.run();
            let code = failure(&pair.server_trace()).code();
            assert_eq!(code, "missing-intermediate");
            let outcome = pair.client.client_certificate();
            assert!(shown(versions, !are_named)(outcome), "{count}: {outcome:?}");

            let own = of_users(&users, &[ANN]);
            world.account.authorise_client_certificate_with_tls12(own);
            let pair = Pair::established(&world.connector(), &acceptor);
            let identity = pair.server.client_identity().unwrap().unwrap();
            assert_eq!(identity.name(), &mailbox(ANN));
        }
    }
}

/// RFC 8314 §8: with TLS 1.2 a certificate can be read on the way, and is shown only by explicit
/// choice. However the bytes are cut, the client knows which version it speaks when it is asked.
#[test]
fn not_in_clear_unless_authorised() {
    for versions in VERSIONS {
        for is_authorised in [false, true] {
            for most in [1, 100, usize::MAX] {
                let world = World::with_versions(versions);
                let chain = of_users(&world.authority, &[ANN]);
                if is_authorised {
                    world.account.authorise_client_certificate_with_tls12(chain);
                } else {
                    world.account.authorise_client_certificate(chain);
                }
                let anchors = world.authority.anchors();
                let acceptor = world
                    .acceptor_builder()
                    .request_client_certificates(anchors, IdentityMapping::mailbox())
                    .build()
                    .unwrap();
                let mut pair = Pair::new(&world.connector(), &acceptor);
                assert_eq!(
                    pair.client.client_certificate(),
                    ClientCertificateUse::NotAsked
                );
                while !pair.to_server.is_empty() || !pair.to_client.is_empty() {
                    pair.carry_to_server(most);
                    pair.carry_to_client(most);
                }
                assert_eq!(pair.server_trace(), [Told::Established]);
                let is_13 = versions == TlsVersions::Tls13Only;
                let outcome = pair.client.client_certificate();
                assert!(outcome.is_asked());
                assert_eq!(outcome.is_shown(), is_13 || is_authorised, "{outcome:?}");
                if outcome.is_shown() {
                    assert!(shown(versions, true)(outcome), "{outcome:?}");
                } else {
                    assert_eq!(outcome, ClientCertificateUse::WithheldFromTls12);
                    assert!(pair.server.client_identity().is_none());
                }
            }
        }
    }
}

/// The server insists, and the user learns why it came to nothing.
#[test]
fn a_certificate_that_is_withheld_is_named() {
    let world = World::with_versions(TlsVersions::Tls12Only);
    let chain = of_users(&world.authority, &[ANN]);
    world.account.authorise_client_certificate(chain.clone());
    let acceptor = world
        .acceptor_builder()
        .require_client_certificates(world.authority.anchors(), IdentityMapping::mailbox())
        .build()
        .unwrap();
    let mut pair = Pair::new(&world.connector(), &acceptor);
    pair.run();
    assert_refused(&mut pair, false, Cause::ClientCertificateWithheld);
    // The same certificate, by explicit choice.
    world.account.authorise_client_certificate_with_tls12(chain);
    Pair::established(&world.connector(), &acceptor);
    // And the other way round.
    let chain = of_users(&world.authority, &[ANN]);
    world.account.withdraw_client_certificates();
    world
        .account
        .authorise_client_certificate_with_tls12(chain.clone());
    world.account.authorise_client_certificate(chain);
    let mut pair = Pair::new(&world.connector(), &acceptor);
    pair.run();
    assert_refused(&mut pair, false, Cause::ClientCertificateWithheld);
}

#[track_caller]
fn assert_refused(pair: &mut Pair, is_established: bool, cause: Cause) {
    match protocol(failure(&pair.client_trace())) {
        ProtocolError::AlertReceived {
            established,
            causes,
            ..
        } => {
            assert_eq!(*established, is_established);
            assert_eq!(*causes, [cause]);
        }
        other => panic!("{other:?}"),
    }
}

/// RFC 8314 §4.2, RFC 4422 appendix A: who is identified, and what follows from it.
#[test]
fn whom_a_certificate_stands_for() {
    type Check = fn(Result<&IdentityName, &Unmapped>) -> bool;
    let rows: [(&[&str], Check); 4] = [
        (&[ANN], |outcome| outcome == Ok(&mailbox(ANN))),
        (&[], |outcome| outcome == Err(&Unmapped::NoName)),
        (&[ANN, "root@example.org"], |outcome| {
            matches!(outcome, Err(Unmapped::Ambiguous { .. }))
        }),
        (&["ann"], |outcome| {
            matches!(outcome, Err(Unmapped::Malformed { .. }))
        }),
    ];
    type Ask = fn(AcceptorBuilder, &World) -> AcceptorBuilder;
    let asks: [Ask; 2] = [
        |builder, world| {
            let anchors = world.authority.anchors();
            builder.request_client_certificates(anchors, IdentityMapping::mailbox())
        },
        |builder, world| {
            let anchors = world.authority.anchors();
            builder.require_client_certificates(anchors, IdentityMapping::mailbox())
        },
    ];
    for versions in VERSIONS {
        for (addresses, check) in rows {
            for ask in asks {
                let world = World::with_versions(versions);
                let chain = of_users(&world.authority, addresses);
                world.account.authorise_client_certificate_with_tls12(chain);
                let acceptor = ask(world.acceptor_builder(), &world).build().unwrap();
                let mut pair = Pair::new(&world.connector(), &acceptor);
                assert!(pair.server.client_identity().is_none());
                pair.run();
                assert_eq!(pair.server_trace(), [Told::Established]);
                let outcome = pair.server.client_identity().unwrap();
                let is_identified = outcome.is_ok();
                let outcome = outcome.map(|identity| identity.name());
                assert!(check(outcome), "{outcome:?}");
                match pair.server.accept_client_identity() {
                    Ok(offer) => assert!(is_identified && offer != ExternalOffer::Nothing),
                    Err(error) => {
                        assert!(!is_identified);
                        assert_eq!(error, ApiMisuse::NoClientIdentity.into());
                        assert_eq!(pair.server.external_offer(), ExternalOffer::Nothing);
                        // The session goes on.
                        pair.server.send(b"* OK", &mut pair.to_client).unwrap();
                    }
                }
                assert!(
                    !format!("{:?}", pair.server).contains("ann"),
                    "no user in logs"
                );
            }
        }
    }
}

/// A session that is handed to another acceptor is mapped by that one's rules.
#[test]
fn the_mapping_of_the_acceptor_that_goes_on() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let chain = of_users(&world.authority, &[ANN]);
        let fingerprint = Fingerprint::of_certificate(&chain.certificates()[0]);
        world.account.authorise_client_certificate_with_tls12(chain);
        let table = IdentityMapping::certificates([(fingerprint, "the first user")]).unwrap();
        let with = |mapping| {
            let builder = world.acceptor_builder().ask_for_each_hello();
            builder.request_client_certificates(world.authority.anchors(), mapping)
        };
        let first = with(IdentityMapping::mailbox()).build().unwrap();
        let second = with(table).build().unwrap();
        for (answer, name) in [
            (HelloAnswer::Configured, mailbox(ANN)),
            (
                HelloAnswer::Acceptor(second),
                IdentityName::User("the first user".into()),
            ),
        ] {
            let mut pair = Pair::new(&world.connector(), &first);
            pair.run();
            pair.server.answer(answer, &mut pair.to_client).unwrap();
            pair.carry_to_server(usize::MAX);
            pair.run();
            let identity = pair.server.client_identity().unwrap().unwrap();
            assert_eq!(identity.name(), &name);
        }
    }
}

/// The client's own clock says that its certificate has expired, and the server refuses it in other
/// words; or takes it.
#[test]
fn an_expired_certificate_is_named() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let chain = world
            .authority
            .issue_with(&[], &PKCS_ECDSA_P256_SHA256, |params| {
                params.not_after = (world.clock.wall() - crate::support::days(1)).into();
            });
        world.account.authorise_client_certificate_with_tls12(chain);
        let acceptor = world
            .acceptor_builder()
            .request_client_certificates(world.authority.anchors(), IdentityMapping::key())
            .build()
            .unwrap();
        let mut pair = Pair::new(&world.connector(), &acceptor);
        pair.run();
        match failure(&pair.server_trace()) {
            Error::Certificate(rejection) => assert_eq!(rejection.code(), "expired"),
            other => panic!("{other:?}"),
        }
        let ClientCertificateUse::Shown { validity, .. } = pair.client.client_certificate() else {
            panic!()
        };
        assert_eq!(validity, ShownValidity::Expired);
        let is_13 = versions == TlsVersions::Tls13Only;
        let told = pair.client_trace();
        assert_eq!(told.first() == Some(&Told::Established), is_13);
        let error = failure(&told);
        let sentence = "possible cause: the client certificate has expired";
        assert!(error.to_string().ends_with(sentence), "{error}");
    }
}

/// What one account may show, no other shows, of however many certificates there are.
#[test]
fn another_account_shows_nothing() {
    let world = World::new();
    for user in ["ann@example.org", "bob@example.org"] {
        let chain = of_users(&world.authority, &[user]);
        world.account.authorise_client_certificate(chain);
    }
    let acceptor = world
        .acceptor_builder()
        .request_client_certificates(world.authority.anchors(), IdentityMapping::mailbox())
        .build()
        .unwrap();
    let other = Account::configured();
    let connector = world.client().connector(&other, world.endpoint()).unwrap();
    let pair = Pair::established(&connector, &acceptor);
    let outcome = pair.client.client_certificate();
    assert_eq!(outcome, ClientCertificateUse::NoneAuthorised);
    assert!(pair.server.client_identity().is_none());
    // Neither does a copy of the account that was made before.
    let connector = world.connector();
    world.account.withdraw_client_certificates();
    assert!(connector.is_stale());
    let pair = Pair::established(&world.connector(), &acceptor);
    assert!(pair.server.client_identity().is_none());
}

/// The user withdraws a certificate while a handshake is under way, before the server's question has
/// come: nobody sees it, and nothing comes of the session.
#[test]
fn a_certificate_that_is_withdrawn_meanwhile() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let chain = of_users(&world.authority, &[ANN]);
        world.account.authorise_client_certificate_with_tls12(chain);
        let acceptor = world
            .acceptor_builder()
            .request_client_certificates(world.authority.anchors(), IdentityMapping::mailbox())
            .build()
            .unwrap();
        let mut pair = Pair::new(&world.connector(), &acceptor);
        pair.carry_to_server(usize::MAX);
        world.account.withdraw_client_certificates();
        pair.run();
        let outcome = pair.client.client_certificate();
        assert_eq!(outcome, ClientCertificateUse::NoneAuthorised);
        assert_eq!(failure(&pair.client_trace()).code(), "stale-connector");
        assert!(pair.server.client_identity().is_none());
    }
}
