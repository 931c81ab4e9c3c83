//! SRV-IDs and common names, by clause.

use pki_types::CertificateDer;
use proptest::prelude::*;
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue};

use super::*;
use crate::identity::{IdentityPolicy, Provenance, ReferenceSource};
use crate::name::Host;
use crate::service::{Service, TlsMode};
use crate::testing::{der, dns, identity_cases, key, leaf_params, srv};

fn name(name: &str) -> HostName {
    HostName::parse(name).unwrap()
}

/// What a client of example.net's IMAP service at imap.example.org expects.
fn references(policy: IdentityPolicy) -> ReferenceIds {
    let host = Host::parse("imap.example.org").unwrap();
    let source = ReferenceSource::new(Service::Imap, TlsMode::Implicit, host, Provenance::Typed)
        .with_email_domain(name("example.net"))
        .with_policy(policy);
    ReferenceIds::derive(&source).unwrap()
}

fn srv_only() -> IdentityPolicy {
    IdentityPolicy::default().with_dns_ids(false)
}

fn matched(references: &ReferenceIds, names: &[Vec<u8>]) -> Option<String> {
    let names = names.concat();
    let presented = PresentedIds::in_general_names(&names);
    first_match(references, &presented).map(|found| found.reference.to_string())
}

#[test]
fn service_names() {
    for case in identity_cases("services") {
        let found = matched(&references(srv_only()), &case.presented);
        let expected = case.matches.then_some(case.reference);
        assert_eq!(found, expected, "{}: {}", case.name, case.source);
        let borne = PresentedIds::of(&case.certificate).unwrap();
        let found = first_match(&references(srv_only()), &borne).is_some();
        assert_eq!(found, case.matches, "{}", case.name);
    }
}

#[test]
fn every_label_matches_its_own_mode_alone() {
    // RFC 7817 §3 and §6, RFC 6186 §3, RFC 8314 §5.1, RFC 5804 §1.8.
    let kinds = [
        (Service::Imap, TlsMode::Implicit, "imaps"),
        (Service::Imap, TlsMode::StartTls, "imap"),
        (Service::Pop3, TlsMode::Implicit, "pop3s"),
        (Service::Pop3, TlsMode::StartTls, "pop3"),
        (Service::Submission, TlsMode::Implicit, "submissions"),
        (Service::Submission, TlsMode::StartTls, "submission"),
        (Service::ManageSieve, TlsMode::StartTls, "sieve"),
    ];
    for (service, mode, wanted) in kinds {
        let host = Host::parse("mx.example.org").unwrap();
        let source = ReferenceSource::new(service, mode, host, Provenance::SrvInsecure)
            .with_email_domain(name("example.net"));
        let references = ReferenceIds::derive(&source).unwrap();
        for (_, _, label) in kinds {
            let found = matched(&references, &[srv(&format!("_{label}.example.net"))]);
            assert_eq!(
                found.is_some(),
                label == wanted,
                "{label} for {service} {mode}"
            );
        }
    }
}

#[test]
fn no_part_of_one_reference_goes_with_a_part_of_another() {
    // RFC 6125 §6.5: two domains, two services, and only the pairs.
    let of = |service, mode, domain| {
        let host = Host::parse("mx.example.org").unwrap();
        let source = ReferenceSource::new(service, mode, host, Provenance::SrvInsecure)
            .with_email_domain(name(domain));
        ReferenceIds::derive(&source).unwrap()
    };
    let imaps = of(Service::Imap, TlsMode::Implicit, "a.example");
    let pop3s = of(Service::Pop3, TlsMode::Implicit, "b.example");
    let names = [
        srv("_imaps.b.example"),
        srv("_pop3s.a.example"),
        dns("mx.example.org"),
    ];
    assert_eq!(matched(&imaps, &names), None);
    assert_eq!(matched(&pop3s, &names), None);
}

#[test]
fn references_are_sought_in_their_order() {
    // RFC 6125 §6.3.
    let names = [srv("_imaps.example.net"), dns("imap.example.org")];
    let found = matched(&references(IdentityPolicy::default()), &names);
    assert_eq!(found.as_deref(), Some("imap.example.org"));
    let found = matched(&references(IdentityPolicy::default()), &names[..1]);
    assert_eq!(found.as_deref(), Some("_imaps.example.net"));
}

fn certificate(names: &[Vec<u8>], common_names: &[DnValue]) -> CertificateDer<'static> {
    let mut params: CertificateParams = leaf_params(names);
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "imap.example.org");
    for (at, value) in common_names.iter().enumerate() {
        // rcgen keeps one value for each type: the second goes in under another name for the type.
        let kind = match at {
            0 => DnType::CommonName,
            _ => DnType::CustomDnType(vec![2, 5, 4, 3]),
        };
        params.distinguished_name.push(kind, value.clone());
    }
    params.self_signed(&key()).unwrap().der().clone()
}

#[test]
fn a_common_name_is_the_last_resort() {
    for case in identity_cases("common-names") {
        let (name, source) = (&case.name, &case.source);
        let presented = PresentedIds::of(&case.certificate).unwrap();
        let asked = references(IdentityPolicy::default().with_common_names(true));
        let found = first_match(&asked, &presented);
        assert_eq!(
            Some(found.is_some()),
            case.matches_with_common_names,
            "{name}: {source}"
        );
        if let Some(found) = found {
            assert!(matches!(
                found.reference.name(),
                ReferenceName::CommonName(_)
            ));
            assert!(!matches!(found.presented, PresentedId::Malformed { .. }));
        }
        // RFC 9525 §2, and the default.
        assert!(!case.matches, "{name}: {source}");
        assert_eq!(
            first_match(&references(IdentityPolicy::default()), &presented),
            None
        );
    }
}

#[test]
fn a_matching_name_goes_before_the_common_name() {
    let certificate = certificate(
        &[dns("imap.example.org")],
        &[DnValue::Utf8String("imap.example.org".to_owned())],
    );
    let presented = PresentedIds::of(&certificate).unwrap();
    let asked = references(IdentityPolicy::default().with_common_names(true));
    let found = first_match(&asked, &presented).unwrap();
    assert!(matches!(found.reference.name(), ReferenceName::Dns(_)));
}

proptest! {
    /// What matches is `_imaps.example.net` in some case, and nothing else.
    #[test]
    fn service_names_of_any_kind(text in "(_?[iI]?maps?[s.*]?[.]?)?(_tcp[.])?[*]?[.]?[eE]xample[.]net[.]?") {
        let found = matched(&references(srv_only()), &[srv(&text)]);
        prop_assert_eq!(found.is_some(), text.eq_ignore_ascii_case("_imaps.example.net"), "{}", text);
    }

    #[test]
    fn subjects_of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut names = der(0x31, &der(0x30, &[&[6, 3, 0x55, 4, 3][..], &der(12, &bytes)].concat()));
        let _ = crate::distinguished_name::DistinguishedName(&bytes).only_common_name();
        let found = crate::distinguished_name::DistinguishedName(&names).only_common_name();
        prop_assert_eq!(found, Ok(Some(&bytes[..])));
        names.extend_from_slice(&bytes);
        let _ = crate::distinguished_name::DistinguishedName(&names).only_common_name();
    }
}
