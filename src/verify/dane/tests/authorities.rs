//! Authorities that the domain's owner has published, usage DANE-TA (RFC 7671 §5.2).

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};

use super::*;
use crate::limits;

#[test]
fn dane_ta_says_what_it_proved() {
    let house = House::with(
        years(authority_params("Root"), 2020, 2031),
        years(authority_params("Intermediate"), 2020, 2040),
    );
    let chain = house.chain(&years(leaf_params(&[dns("*.example.net")]), 2029, 2040));
    let far = Duration::from_secs(86_400);
    let records = [raw(2, 0, 1, &[9; 32]), record_of([2, 0, 1], &chain[2])];
    let lookup = TlsaLookup::validated_over_trusted_path(name(), records.clone(), NOW, far);
    let decision = DanePolicy::default().decide(&lookup.unwrap()).unwrap();
    // A day before the anchor's end, the anchor's end is the earlier one (RFC 7671 §5.2.1).
    let almost = UnixTime::since_unix_epoch(Duration::from_secs(1_924_992_000 - 60));
    let late = TlsaLookup::validated_over_trusted_path(name(), records, almost, far).unwrap();
    let late = DanePolicy::default().decide(&late).unwrap();

    let found = verdict_with(&chain, &no_anchors(), &references(HOST), &decision, NOW).unwrap();
    assert_eq!(found.authentication(), Authentication::DaneTa);
    assert_eq!(found.reference().unwrap().to_string(), HOST);
    assert_eq!(found.presented_name(), Some("*.example.net"));
    assert_eq!(found.valid_until().as_secs(), NOW.as_secs() + 86_400);
    let report = found.dane().unwrap();
    assert_eq!(report.not_applied(), None);
    assert_eq!(report.name().to_string(), "_993._tcp.imap.example.net");
    assert_eq!(
        fates(Some(report)),
        [NOT_MATCHED, TlsaFate::Matched { position: Some(2) }]
    );
    assert_eq!(
        report.decisive(),
        report.records().nth(1).map(|(record, _)| record)
    );

    let found = verdict_with(&chain, &no_anchors(), &references(HOST), &late, almost).unwrap();
    assert_eq!(found.valid_until().as_secs(), 1_924_992_000);
}

#[test]
fn a_published_authority_is_held_to_what_its_certificate_says() {
    // RFC 7671 §5.2.1: "the client SHOULD apply any relevant constraints from the TA certificate".
    let narrow = |name, length| {
        let mut params = authority_params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(length));
        params
    };
    let code_signing = |mut params: CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params
    };
    let only = |mut params: CertificateParams, domain: &str| {
        params.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName(domain.into())],
            excluded_subtrees: vec![],
        });
        params
    };
    let root = || authority_params("Root");
    let used_for = |usage| {
        let mut params = root();
        params.key_usages = vec![usage];
        params
    };
    let no_authority = || {
        let mut params = leaf_params(&[]);
        params.distinguished_name = root().distinguished_name;
        params
    };
    let rows: Vec<(&str, CertificateParams, &[&str])> = vec![
        ("nothing", root(), &[]),
        ("room for one below", narrow("Root", 1), &[]),
        ("no room", narrow("Root", 0), &["path-length"]),
        ("expired", years(root(), 2000, 2001), &["expired"]),
        ("not yet", years(root(), 2040, 2041), &["not-yet-valid"]),
        ("another purpose", code_signing(root()), &["wrong-purpose"]),
        ("its own domain", only(root(), "example.net"), &[]),
        (
            "another domain",
            only(root(), "example.org"),
            &["name-constraint"],
        ),
        ("no authority", no_authority(), &["issuer-not-an-authority"]),
        ("may sign", used_for(KeyUsagePurpose::KeyCertSign), &[]),
        (
            "may not sign",
            used_for(KeyUsagePurpose::CrlSign),
            &["issuer-not-an-authority"],
        ),
    ];
    for (what, root, expected) in rows {
        let house = House::with(root, authority_params("Intermediate"));
        let chain = house.chain(&host_params());
        let rows = [
            ("digest, sent", [2, 0, 1], 3),
            ("key digest, sent", [2, 1, 1], 3),
            ("certificate, sent", [2, 0, 0], 3),
            ("certificate, in DNS alone", [2, 0, 0], 2),
        ];
        for (how, numbers, sent) in rows {
            let found = verdict(&chain[..sent], &[record_of(numbers, &chain[2])]);
            assert_eq!(codes(&found), expected, "{what}: {how}");
            if let Err(rejection) = found {
                let text = rejection.to_string();
                assert!(
                    text.contains("certificate 3 of the chain (CN=Root)")
                        || text.contains("the trusted authority CN=Root"),
                    "{what}: {how}: {text}"
                );
            }
        }
    }

    // An authority below it that may not sign.
    let mut params = authority_params("Intermediate");
    params.key_usages = vec![KeyUsagePurpose::CrlSign];
    let house = House::with(root(), params);
    let chain = house.chain(&host_params());
    let refused = verdict(&chain, &[record_of([2, 0, 1], &chain[2])]);
    assert_eq!(codes(&refused), ["issuer-not-an-authority"]);

    // A path of its own length, below an anchor that is not a root.
    let house = House::with(root(), narrow("Intermediate", 0));
    let chain = house.chain(&host_params());
    assert_eq!(
        codes(&verdict(&chain, &[record_of([2, 0, 1], &chain[1])])),
        [""; 0]
    );
    // RFC 5280 §4.2.1.9: one that the authority has issued for itself, with a new key, is not counted.
    let root = Authority::root(narrow("Root", 0));
    let renewed = root.authority(authority_params("Root"));
    let chain = [renewed.issue(&host_params()), renewed.certificate];
    let record = record_of([2, 0, 0], &root.certificate);
    assert_eq!(codes(&verdict(&chain, &[record])), [""; 0]);
    // RFC 9325 §4.5.
    let chain = [checked_in!("rsa1024"), checked_in!("ca")];
    let refused = verdict(&chain, &[record_of([2, 0, 1], &chain[1])]);
    assert_eq!(codes(&refused), ["weak-key", "name-mismatch"]);
    // A name that does not fit and an anchor that has expired are both told.
    let expired = years(authority_params("Root"), 2000, 2001);
    let house = House::with(expired, authority_params("Intermediate"));
    let chain = house.chain(&leaf_params(&[dns("other.example.net")]));
    let refused = verdict(&chain, &[record_of([2, 0, 1], &chain[2])]);
    assert_eq!(codes(&refused), ["expired", "name-mismatch"]);
    // Another authority that is published and fit makes up for it.
    let chain = house.chain(&host_params());
    let both = [
        record_of([2, 0, 1], &chain[2]),
        record_of([2, 0, 1], &chain[1]),
    ];
    assert_eq!(codes(&verdict(&chain, &both)), [""; 0]);
}

#[test]
fn authorities_that_are_in_dns_alone() {
    let house = House::new();
    let other = House::new();
    let chain = house.chain(&host_params());
    let without_root = &chain[..2];
    let alone = &chain[..1];
    let root = &chain[2];
    let intermediate = &chain[1];
    let in_dns = TlsaFate::Matched { position: None };
    let rows: Vec<(&str, &[CertificateDer<'_>], TlsaRecord, Option<TlsaFate>)> = vec![
        (
            "RFC 7671 §5.2.2: MUST",
            without_root,
            record_of([2, 0, 0], root),
            Some(in_dns),
        ),
        (
            "RFC 7671 §5.2.3: RECOMMENDED",
            without_root,
            record_of([2, 1, 0], root),
            Some(in_dns),
        ),
        (
            "the issuer of the leaf",
            alone,
            record_of([2, 0, 0], intermediate),
            Some(in_dns),
        ),
        (
            "the issuer's key",
            alone,
            record_of([2, 1, 0], intermediate),
            Some(in_dns),
        ),
        (
            "a digest says nothing about what was not sent",
            without_root,
            record_of([2, 0, 1], root),
            None,
        ),
        (
            "nor does that of a key",
            without_root,
            record_of([2, 1, 1], root),
            None,
        ),
        (
            "an authority too far up",
            alone,
            record_of([2, 0, 0], root),
            None,
        ),
        ("its key", alone, record_of([2, 1, 0], root), None),
        (
            "one of the same name with another key",
            without_root,
            record_of([2, 0, 0], &other.root.certificate),
            None,
        ),
        (
            "that key",
            without_root,
            record_of([2, 1, 0], &other.root.certificate),
            None,
        ),
    ];
    for (what, chain, record, expected) in rows {
        let found = verdict(chain, &[record]);
        match expected {
            Some(fate) => {
                let found = found.unwrap_or_else(|rejection| panic!("{what}: {rejection}"));
                assert_eq!(found.authentication(), Authentication::DaneTa, "{what}");
                assert_eq!(fates(found.dane()), [fate], "{what}");
            }
            None => assert_eq!(codes(&found), ["tlsa-mismatch"], "{what}"),
        }
    }

    // The rest counts as ever (RFC 7671 §5.2.3): dates, names.
    for leaf in [
        years(host_params(), 2000, 2001),
        leaf_params(&[dns("other.example.net")]),
    ] {
        let chain = house.chain(&leaf);
        for numbers in [[2, 0, 0], [2, 1, 0]] {
            assert!(verdict(&chain[..2], &[record_of(numbers, root)]).is_err());
        }
    }
    // Of a self-signed certificate its own key is no authority's.
    let lone = self_signed(&host_params());
    for numbers in [[2, 1, 0], [2, 0, 0], [2, 0, 1], [2, 1, 1]] {
        let refused = verdict(std::slice::from_ref(&lone), &[record_of(numbers, &lone)]);
        assert!(refused.is_err(), "{numbers:?}");
    }
}

#[test]
fn at_most_eight_keys_from_dns_are_tried() {
    let house = House::new();
    let chain = house.chain(&host_params());
    let stray = || record_of([2, 1, 0], &Authority::named("Stray").certificate);
    let with_strays = |count| {
        let mut records: Vec<_> = (0..count).map(|_| stray()).collect();
        records.push(record_of([2, 1, 0], &chain[2]));
        codes(&verdict(&chain[..2], &records))
    };
    assert_eq!(with_strays(limits::TLSA_KEYS_FROM_DNS - 1), [""; 0]);
    assert_eq!(with_strays(limits::TLSA_KEYS_FROM_DNS), ["tlsa-mismatch"]);
}

#[test]
fn a_chain_that_does_not_lead_to_its_published_authority() {
    // The authority is sent and matches, and the server's certificate is not from it.
    let house = House::new();
    let other = House::new();
    let mut chain = house.chain(&host_params());
    chain[2] = Authority::named("Published").certificate;
    let record = record_of([2, 0, 1], &chain[2]);
    let refused = verdict(&chain, &[record]);
    assert_eq!(codes(&refused), ["unknown-authority"]);
    // Nor does a trusted authority stand in for the published one (RFC 6698 §2.1.1).
    let chain = house.chain(&host_params());
    let record = record_of([2, 0, 1], &other.root.certificate);
    let trusted = anchors(&house.root.certificate);
    let refused = verdict_with(&chain, &trusted, &references(HOST), &dane(&[record]), NOW);
    assert_eq!(codes(&refused), ["tlsa-mismatch"]);
}
