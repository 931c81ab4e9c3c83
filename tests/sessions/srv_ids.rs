//! Servers that are known by the services of a domain (RFC 7817 §3, RFC 7673 §4.1).

use mail_tls::{
    Account, Certificates, ConfigError, Connector, EmailAddress, Endpoint, Error, Host, HostName,
    IdentityPolicy, Provenance, Service, Sni, TlsMode, UnknownName,
};
use rcgen::{CustomExtension, DnType};

use crate::support::{Pair, Told, World};

const TARGET: &str = "mx1.provider.example";

/// A value in DER, short.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 128);
    [&[tag, length], content].concat()
}

/// A subjectAltName with one SRV-ID (RFC 4985 §2).
fn service(name: &str) -> CustomExtension {
    let id = [0x06, 0x08, 0x2B, 6, 1, 5, 5, 7, 8, 7];
    let value = der(0xA0, &der(0x16, name.as_bytes()));
    let other_name = der(0xA0, &[&id[..], &value].concat());
    CustomExtension::from_oid_content(&[2, 5, 29, 17], der(0x30, &other_name))
}

fn domain(name: &str) -> HostName {
    HostName::parse(name).unwrap()
}

fn target(provenance: Provenance) -> Endpoint {
    let host = Host::parse(TARGET).unwrap();
    Endpoint::new(Service::Imap, TlsMode::Implicit, host, 993, provenance)
}

fn account() -> Account {
    Account::configured().with_address(EmailAddress::parse("ann@example.net").unwrap())
}

fn connector(world: &World, endpoint: Endpoint) -> Result<Connector, Error> {
    world.client().connector(&world.account, endpoint)
}

/// What the client is told, and the name that the server was asked for.
fn attempt(
    world: &World,
    endpoint: Endpoint,
    certificates: Certificates,
) -> (Told, Option<String>) {
    let connector = connector(world, endpoint).unwrap();
    let acceptor = world
        .server()
        .acceptor(Service::Imap, TlsMode::Implicit, certificates)
        .build()
        .unwrap();
    let mut pair = Pair::new(&connector, &acceptor);
    pair.run();
    let told = pair.client_trace().remove(0);
    let asked = pair
        .server
        .info()
        .and_then(|info| info.server_name().map(str::to_owned));
    if told == Told::Established {
        let sent = pair.client.info().unwrap().server_name().map(str::to_owned);
        assert_eq!(sent, asked, "what was sent is what was heard");
    }
    (told, asked)
}

fn world() -> World {
    World {
        account: account(),
        ..World::new()
    }
}

#[test]
fn a_server_with_nothing_but_an_srv_id() {
    let world = world();
    let chain = |name: &str| {
        let chain = world
            .authority
            .issue_with(&[], &rcgen::PKCS_ECDSA_P256_SHA256, |params| {
                params.distinguished_name.push(DnType::CommonName, TARGET);
                params.custom_extensions.push(service(name));
            });
        Certificates::new(chain)
    };
    for provenance in [
        Provenance::SrvInsecure,
        Provenance::SrvSecure,
        Provenance::Typed,
    ] {
        let (told, _) = attempt(&world, target(provenance), chain("_imaps.example.net"));
        assert_eq!(told, Told::Established, "{provenance}");
        // RFC 7817 §6: the label of the other mode; RFC 6125 §6.5: the service of another domain.
        for other in ["_imap.example.net", "_imaps.provider.example"] {
            let (told, _) = attempt(&world, target(provenance), chain(other));
            let Told::Failed(error @ Error::Certificate(_)) = told else {
                panic!("{told:?}");
            };
            assert_eq!(error.code(), "name-mismatch");
        }
    }
}

#[test]
fn the_name_that_is_asked_for_follows_from_how_the_host_was_learned() {
    // RFC 7673 §4.1: for SRV records the service domain, secure or not.
    let world = world();
    let names = ["example.net", TARGET];
    let certificates = || Certificates::new(world.authority.issue(&names));
    let rows = [
        (target(Provenance::Typed), Some(TARGET)),
        (target(Provenance::Confirmed), Some(TARGET)),
        (target(Provenance::SrvInsecure), Some("example.net")),
        (target(Provenance::SrvSecure), Some("example.net")),
        (
            target(Provenance::SrvSecure).with_sni(Sni::SendHost),
            Some(TARGET),
        ),
        (target(Provenance::SrvSecure).with_sni(Sni::Omit), None),
    ];
    for (endpoint, expected) in rows {
        let what = format!("{endpoint:?}");
        let (told, asked) = attempt(&world, endpoint, certificates());
        assert_eq!(told, Told::Established, "{what}");
        assert_eq!(asked.as_deref(), expected, "{what}");
    }
}

#[test]
fn a_server_of_many_domains_shows_the_one_that_was_asked_for() {
    // RFC 7817 §5.1: selection by SNI; RFC 8314 §4.4.
    let world = world();
    let own = world.authority.issue(&["example.net"]);
    let certificates = Certificates::new(world.authority.issue(&[TARGET]))
        .with(own)
        .with_unknown_name(UnknownName::Refuse);
    let (told, asked) = attempt(&world, target(Provenance::SrvInsecure), certificates);
    assert_eq!(told, Told::Established);
    assert_eq!(asked.as_deref(), Some("example.net"));
}

#[test]
fn a_target_that_nothing_vouches_for_is_refused_before_anything_is_sent() {
    // RFC 7673 §4.1, RFC 6125 §6.2.1: no domain is known, and the target is no reference.
    let world = World::new();
    for provenance in [
        Provenance::SrvInsecure,
        Provenance::Guessed,
        Provenance::AutoconfigUnauthenticated,
    ] {
        let refused = connector(&world, target(provenance)).unwrap_err();
        let Error::Config(config) = &refused else {
            panic!("{refused:?}");
        };
        assert!(
            matches!(**config, ConfigError::UntrustworthyHost(_)),
            "{config:?}"
        );
    }
    // With the domain it is the domain that counts; a guess needs it on the endpoint.
    let by_domain = target(Provenance::Guessed).with_service_domain(domain("example.net"));
    assert!(connector(&world, by_domain).is_ok());
}

#[test]
fn a_policy_without_a_name_to_seek_is_a_configuration_error() {
    let world = World::new();
    let policy = IdentityPolicy::default();
    let endpoint = target(Provenance::Typed);
    for policy in [
        policy.with_dns_ids(false), // and no domain for an SRV-ID
        policy.with_common_names(true).with_strict_rfc9525(true),
    ] {
        let refused = connector(&world, endpoint.clone().with_identity_policy(policy)).unwrap_err();
        let Error::Config(config) = &refused else {
            panic!("{refused:?}");
        };
        assert!(
            matches!(**config, ConfigError::NoReference(_)),
            "{config:?}"
        );
    }
}

#[test]
fn a_common_name_counts_by_choice_alone() {
    // RFC 6125 §6.4.4, RFC 9525 §2.
    let world = world();
    let certificates = || {
        Certificates::new(world.authority.issue_with(
            &[],
            &rcgen::PKCS_ECDSA_P256_SHA256,
            |params| params.distinguished_name.push(DnType::CommonName, TARGET),
        ))
    };
    let (told, _) = attempt(&world, target(Provenance::Typed), certificates());
    assert!(
        matches!(told, Told::Failed(Error::Certificate(_))),
        "{told:?}"
    );
    let by_choice = IdentityPolicy::default().with_common_names(true);
    let endpoint = target(Provenance::Typed).with_identity_policy(by_choice);
    let (told, _) = attempt(&world, endpoint, certificates());
    assert_eq!(told, Told::Established);
}
