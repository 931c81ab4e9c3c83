//! Verdicts where the peer is identified by a service of a domain, or by a common name.

use pki_types::CertificateDer;
use rcgen::{CertificateParams, DnType, GeneralSubtree, NameConstraints, date_time_ymd};

use super::*;
use crate::identity::{IdentityPolicy, Provenance, ReferenceIds, ReferenceSource};
use crate::name::{Host, HostName};
use crate::service::{Service, TlsMode};
use crate::testing::{
    Authority, NOW, authority_params, der, dns, ip, leaf_params, providers, srv, uri,
};

fn references(provenance: Provenance, policy: IdentityPolicy) -> ReferenceIds {
    let host = Host::parse("mx1.provider.example").unwrap();
    let source = ReferenceSource::new(Service::Imap, TlsMode::Implicit, host, provenance)
        .with_email_domain(HostName::parse("example.net").unwrap())
        .with_policy(policy);
    ReferenceIds::derive(&source).unwrap()
}

/// The verdict under every provider; they must agree.
fn verdict(
    chain: &[CertificateDer<'_>],
    root: &Authority,
    references: &ReferenceIds,
) -> Result<Verification, CertificateRejection> {
    let anchors = TrustAnchors::from_der([root.certificate.clone()]).unwrap();
    let mut verdicts = providers().into_iter().map(|provider| {
        let algorithms = provider.signature_verification_algorithms;
        let requirements = Requirements::server(anchors.clone(), references.clone(), algorithms);
        evaluate(&Evidence::from_chain(chain), &requirements, NOW)
    });
    let first = verdicts.next().unwrap();
    assert!(verdicts.all(|other| other == first));
    first
}

fn codes(verdict: &Result<Verification, CertificateRejection>) -> Vec<&'static str> {
    match verdict {
        Ok(_) => Vec::new(),
        Err(rejection) => rejection.failures().map(CheckFailure::code).collect(),
    }
}

#[test]
fn a_certificate_for_the_service_alone_is_accepted() {
    // RFC 7817 §3 and §6.
    let root = Authority::named("Root");
    let chain = [root.issue(&leaf_params(&[srv("_imaps.example.net")]))];
    for provenance in [
        Provenance::Typed,
        Provenance::SrvInsecure,
        Provenance::SrvSecure,
    ] {
        let references = references(provenance, IdentityPolicy::default());
        let verification = verdict(&chain, &root, &references).unwrap();
        // RFC 6125 §6.6.1: the reference is the validated identity.
        let reference = verification.reference().unwrap();
        assert_eq!(reference.to_string(), "_imaps.example.net");
        assert_eq!(reference.provenance(), Provenance::Typed);
        assert_eq!(verification.presented_name(), Some("_imaps.example.net"));
    }
}

#[test]
fn the_target_of_insecure_srv_records_proves_nothing() {
    // RFC 7673 §4.1 MUST NOT, RFC 9325 §7.1.
    let root = Authority::named("Root");
    let chain = [root.issue(&leaf_params(&[dns("mx1.provider.example")]))];
    let policy = IdentityPolicy::default();
    let rows = [
        (Provenance::SrvInsecure, policy, false),
        (Provenance::SrvSecure, policy, true),
        (
            Provenance::SrvSecure,
            policy.with_strict_rfc9525(true),
            false,
        ),
        (Provenance::Confirmed, policy, true),
    ];
    for (provenance, policy, expected) in rows {
        let verdict = verdict(&chain, &root, &references(provenance, policy));
        assert_eq!(verdict.is_ok(), expected, "{provenance}");
    }
}

#[test]
fn a_policy_of_services_alone_refuses_a_host_name() {
    // RFC 6125 §6.2.1.
    let root = Authority::named("Root");
    let chain = [root.issue(&leaf_params(&[
        dns("mx1.provider.example"),
        dns("example.net"),
    ]))];
    let policy = IdentityPolicy::default().with_dns_ids(false);
    let rejection = verdict(&chain, &root, &references(Provenance::SrvSecure, policy)).unwrap_err();
    assert!(
        rejection
            .to_string()
            .contains("it names no service of a domain"),
        "{rejection}"
    );
}

#[test]
fn near_misses_of_services() {
    let root = Authority::named("Root");
    let policy = IdentityPolicy::default();
    let rows: &[(Vec<u8>, Option<&str>)] = &[
        (
            srv("_imap.example.net"),
            Some("_imap.example.net is for another service or mode"),
        ),
        (
            srv("_imaps._tcp.example.net"),
            Some("(does not count: not a service and a domain)"),
        ),
        (
            srv("_imaps.*.net"),
            Some("(does not count: a star must be the whole left-most label)"),
        ),
        (srv("_imaps.example.org"), None),
        (uri("imaps://example.net"), Some("has only a common name")),
        (ip(&[192, 0, 2, 1]), Some("it names IP addresses only")),
    ];
    for (presented, expected) in rows {
        let chain = [root.issue(&leaf_params(std::slice::from_ref(presented)))];
        let rejection =
            verdict(&chain, &root, &references(Provenance::SrvInsecure, policy)).unwrap_err();
        let text = rejection.to_string();
        assert!(
            text.contains("not for example.net, _imaps.example.net"),
            "{text}"
        );
        match expected {
            Some(expected) => assert!(text.contains(expected), "{text}"),
            None => assert!(!text.contains(": "), "{text}"),
        }
    }
}

#[test]
fn a_common_name_by_choice() {
    // RFC 7817 §3 MAY, RFC 6125 §6.4.4.
    let root = Authority::named("Root");
    let named = |names: &[Vec<u8>]| -> [CertificateDer<'static>; 1] {
        let mut params: CertificateParams = leaf_params(names);
        params
            .distinguished_name
            .push(DnType::CommonName, "mx1.provider.example");
        [root.issue(&params)]
    };
    let policy = IdentityPolicy::default();
    let by_choice = policy.with_common_names(true);

    let rejection =
        verdict(&named(&[]), &root, &references(Provenance::Typed, policy)).unwrap_err();
    assert!(
        rejection.to_string().contains("only a common name"),
        "{rejection}"
    );
    let verification = verdict(
        &named(&[]),
        &root,
        &references(Provenance::Typed, by_choice),
    )
    .unwrap();
    assert_eq!(
        verification.reference().unwrap().to_string(),
        "the common name mx1.provider.example"
    );
    // §6.3 and §6.4.4 MUST NOT: there is another name, with and without the choice.
    for policy in [policy, by_choice] {
        let verdict = verdict(
            &named(&[dns("other.example")]),
            &root,
            &references(Provenance::Typed, policy),
        );
        assert_eq!(codes(&verdict), ["name-mismatch"]);
    }
}

/// RFC 5280 §4.2.1.10 and RFC 4985 §4: an authority that may vouch for one domain alone does not
/// vouch for the services of another, and a constraint that is not understood refuses.
#[test]
fn constraints_hold_for_services_and_common_names() {
    let only = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    let permitted = |names: &[&str]| NameConstraints {
        permitted_subtrees: names.iter().map(|name| only(name)).collect(),
        excluded_subtrees: Vec::new(),
    };
    let excluded = |names: &[&str]| NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: names.iter().map(|name| only(name)).collect(),
    };
    let rows = [
        (permitted(&["example.net"]), true),
        (permitted(&["net"]), true),
        (permitted(&["example.org"]), false),
        (excluded(&["example.net"]), false),
        (excluded(&["example.org"]), true),
        // Malformed: what it was to exclude is not known.
        (excluded(&["example.net."]), false),
        (excluded(&["*.example.net"]), false),
        (permitted(&["example.net", "example.org."]), false),
    ];
    for (constraints, expected) in rows {
        let mut params = authority_params("Constrained");
        params.name_constraints = Some(constraints.clone());
        let of_anchor = Authority::root(params.clone());
        let root = Authority::named("Root");
        let of_intermediate = root.authority(params);

        let service = leaf_params(&[srv("_imaps.example.net")]);
        let mut common_name = leaf_params(&[]);
        common_name
            .distinguished_name
            .push(DnType::CommonName, "example.net");
        for (leaf, policy) in [
            (service, IdentityPolicy::default()),
            (
                common_name,
                IdentityPolicy::default().with_common_names(true),
            ),
        ] {
            let references = references(Provenance::SrvInsecure, policy);
            let by_anchor = verdict(&[of_anchor.issue(&leaf)], &of_anchor, &references);
            let chain = [
                of_intermediate.issue(&leaf),
                of_intermediate.certificate.clone(),
            ];
            let by_intermediate = verdict(&chain, &root, &references);
            for verdict in [by_anchor, by_intermediate] {
                let codes = codes(&verdict);
                let refused: &[&str] = if expected { &[] } else { &["name-constraint"] };
                assert_eq!(codes, refused, "{constraints:?}");
            }
            // Not hidden by a date, so that no pin is offered either.
            let mut late = leaf;
            late.not_after = date_time_ymd(2001, 1, 1);
            let late = verdict(&[of_anchor.issue(&late)], &of_anchor, &references);
            let refused: &[&str] = if expected { &[] } else { &["name-constraint"] };
            assert_eq!(codes(&late), [refused, &["expired"]].concat());
        }
    }
}

#[test]
fn a_constraint_on_services_is_not_understood_and_refuses() {
    // RFC 4985 §4, RFC 5280 §4.2.1.10: process it or reject the certificate.
    let other_name = srv("_imaps.example.net");
    let subtrees = der(0xA0, &der(0x30, &other_name));
    let mut params = authority_params("Constrained");
    params
        .custom_extensions
        .push(rcgen::CustomExtension::from_oid_content(
            &[2, 5, 29, 30],
            der(0x30, &subtrees),
        ));
    let root = Authority::named("Root");
    let authority = root.authority(params);
    let leaf = authority.issue(&leaf_params(&[srv("_imaps.example.net")]));
    let references = references(Provenance::Typed, IdentityPolicy::default());
    let verdict = verdict(&[leaf, authority.certificate.clone()], &root, &references);
    assert_eq!(codes(&verdict), ["name-constraint"]);
}
