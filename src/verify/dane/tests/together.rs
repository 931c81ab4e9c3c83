//! DANE beside the references of a mail service and beside revocation lists.

use rcgen::{
    CertificateRevocationListParams, GeneralSubtree, KeyIdMethod, NameConstraints,
    RevokedCertParams, SerialNumber,
};

use super::*;
use crate::identity::ReferenceSource;
use crate::service::{Service, TlsMode};
use crate::testing::srv;
use crate::verify::{Revocation, RevocationLists, RevocationPolicy};

#[test]
fn a_published_authority_vouches_for_services_within_its_constraints() {
    // RFC 7671 §5.2.1 with RFC 5280 §4.2.1.10: the domain of an SRV-ID is constrained as well.
    let source = ReferenceSource::new(
        Service::Imap,
        TlsMode::Implicit,
        Host::parse(HOST).unwrap(),
        Provenance::SrvSecure,
    );
    let source = source.with_email_domain(host("example.com"));
    let references = ReferenceIds::derive(&source).unwrap();
    for (permitted, expected) in [
        (None, &[][..]),
        (Some("example.com"), &[][..]),
        (Some("example.net"), &["name-constraint"][..]),
    ] {
        let mut root = authority_params("Root");
        root.name_constraints = permitted.map(|name| NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(name.to_owned())],
            excluded_subtrees: vec![],
        });
        let house = House::with(root, authority_params("Intermediate"));
        let chain = house.chain(&leaf_params(&[srv("_imaps.example.com")]));
        let trusted = anchors(&chain[2]);
        let rows = [
            ([2, 0, 1], DaneUsages::Dane, &chain[2]),
            ([0, 0, 1], DaneUsages::Pkix, &chain[1]),
        ];
        for (numbers, usages, authority) in rows {
            let policy = DanePolicy::default().with_usages(usages);
            let lookup = lookup_of(&[record_of(numbers, authority)]);
            let decision = policy.decide(&lookup).unwrap();
            let found = verdict_with(&chain, &trusted, &references, &decision, NOW);
            assert_eq!(codes(&found), expected, "{numbers:?} {permitted:?}");
            if let Ok(found) = found {
                let reference = found.reference().unwrap();
                assert_eq!(reference.to_string(), "_imaps.example.com");
            }
        }
    }
}

#[test]
fn revocation_lists_are_asked_for_pkix_alone() {
    // RFC 9325 §7.5: not applicable where DANE replaces the authorities; RFC 7671 §5.3: as ever
    // where it only limits them.
    let house = House::new();
    let mut leaf = host_params();
    leaf.serial_number = Some(SerialNumber::from(7));
    let chain = house.chain(&leaf);
    let list = house.intermediate.revoke(&CertificateRevocationListParams {
        this_update: date_time_ymd(2029, 12, 20),
        next_update: date_time_ymd(2030, 1, 20),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(7),
            revocation_time: date_time_ymd(2029, 12, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    });
    let lists = RevocationLists::from_der([list]).unwrap();
    let rows: [([u8; 3], usize, DaneUsages, &[&str]); 4] = [
        ([3, 1, 1], 0, DaneUsages::Dane, &[]),
        ([2, 0, 1], 1, DaneUsages::Dane, &[]),
        ([1, 1, 1], 0, DaneUsages::Pkix, &["revoked"]),
        ([0, 0, 1], 1, DaneUsages::Pkix, &["revoked"]),
    ];
    for provider in providers() {
        let algorithms = provider.signature_verification_algorithms;
        for (numbers, position, usages, expected) in rows {
            let policy = DanePolicy::default().with_usages(usages);
            let records = [record_of(numbers, &chain[position])];
            let decision = policy.decide(&lookup_of(&records)).unwrap();
            let requirements =
                Requirements::server(anchors(&chain[2]), references(HOST), algorithms)
                    .with_revocation_lists(lists.clone(), RevocationPolicy::RequireKnown)
                    .with_dane(decision)
                    .unwrap();
            let found = evaluate(&Evidence::from_chain(&chain), &requirements, NOW);
            assert_eq!(codes(&found), expected, "{numbers:?}");
            if let Ok(found) = found {
                assert_eq!(*found.revocation(), Revocation::NotAsked);
            }
        }
    }
}
