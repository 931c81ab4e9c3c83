//! PKIX-TA and PKIX-EE, by choice (RFC 7671 §5.3, §5.4).

use super::*;

fn verdict_of(
    chain: &[CertificateDer<'_>],
    trusted: &TrustAnchors,
    records: &[TlsaRecord],
) -> Result<Verification, CertificateRejection> {
    let policy = DanePolicy::default().with_usages(DaneUsages::Pkix);
    let decision = policy.decide(&lookup_of(records)).unwrap();
    verdict_with(chain, trusted, &references(HOST), &decision, NOW)
}

#[test]
fn a_constraint_is_met_or_not() {
    // RFC 6698 §2.1.1.
    let house = House::new();
    let chain = house.chain(&host_params());
    let short = &chain[..2];
    let trusted = anchors(&house.root.certificate);
    let stranger = Authority::named("Root").certificate;
    let empty_digest = Sha256::digest([]);
    let at = |position| Some(TlsaFate::Matched { position });
    let rows: Vec<(&str, &[CertificateDer<'_>], TlsaRecord, Option<TlsaFate>)> = vec![
        (
            "1 0 1, own",
            short,
            record_of([1, 0, 1], &chain[0]),
            at(Some(0)),
        ),
        (
            "1 1 0, own",
            short,
            record_of([1, 1, 0], &chain[0]),
            at(Some(0)),
        ),
        ("1 1 1, other", short, record_of([1, 1, 1], &stranger), None),
        (
            "1 1 1, issuer",
            short,
            record_of([1, 1, 1], &chain[1]),
            None,
        ),
        (
            "0 0 1, issuer",
            short,
            record_of([0, 0, 1], &chain[1]),
            at(Some(1)),
        ),
        (
            "0 1 2, issuer",
            short,
            record_of([0, 1, 2], &chain[1]),
            at(Some(1)),
        ),
        ("0 0 1, own", short, record_of([0, 0, 1], &chain[0]), None),
        (
            "0 1 1, root",
            short,
            record_of([0, 1, 1], &chain[2]),
            at(None),
        ),
        (
            "0 0 1, root",
            short,
            record_of([0, 0, 1], &chain[2]),
            at(None),
        ),
        (
            "0 0 0, root",
            short,
            record_of([0, 0, 0], &chain[2]),
            at(None),
        ),
        (
            "0 0 1, root, sent",
            &chain,
            record_of([0, 0, 1], &chain[2]),
            at(Some(2)),
        ),
        (
            "0 0 1, another root",
            short,
            record_of([0, 0, 1], &stranger),
            None,
        ),
        ("0 0 1 of nothing", short, raw(0, 0, 1, &empty_digest), None),
        ("0 1 1 of nothing", short, raw(0, 1, 1, &empty_digest), None),
    ];
    for (what, chain, record, expected) in rows {
        let found = verdict_of(chain, &trusted, std::slice::from_ref(&record));
        match expected {
            Some(fate) => {
                let found = found.unwrap_or_else(|rejection| panic!("{what}: {rejection}"));
                assert_eq!(found.authentication(), Authentication::Pkix, "{what}");
                assert_eq!(fates(found.dane()), [fate], "{what}");
                assert_eq!(found.dane().unwrap().decisive(), Some(&record), "{what}");
                assert_eq!(found.valid_until().as_secs(), NOW.as_secs() + 3600);
            }
            None => {
                assert_eq!(codes(&found), ["tlsa-mismatch"], "{what}");
                let rejection = found.unwrap_err();
                assert_eq!(
                    result_of(&rejection, Check::Path),
                    Some(CheckResult::Passed)
                );
                assert_eq!(
                    result_of(&rejection, Check::Dane),
                    Some(CheckResult::Failed)
                );
            }
        }
    }
}

#[test]
fn a_constraint_adds_to_pkix_and_replaces_nothing() {
    // RFC 7671 §5.3: names, dates and path count as without DANE.
    let house = House::new();
    let trusted = anchors(&house.root.certificate);
    let rows: Vec<(CertificateParams, TrustAnchors, &str)> = vec![
        (years(host_params(), 2000, 2001), trusted.clone(), "expired"),
        (
            leaf_params(&[dns("other.example.net")]),
            trusted,
            "name-mismatch",
        ),
        (host_params(), no_anchors(), "unknown-authority"),
    ];
    for (leaf, trusted, expected) in rows {
        let chain = house.chain(&leaf);
        for record in [
            record_of([1, 0, 1], &chain[0]),
            record_of([0, 0, 1], &chain[1]),
        ] {
            let refused = verdict_of(&chain, &trusted, &[record]);
            assert_eq!(codes(&refused), [expected]);
        }
    }
}

#[test]
fn the_verdict_ends_with_the_path_that_meets_the_constraint() {
    // Two authorities of one name and key, of which the published one ends before the records do.
    let house = House::new();
    let soon = NOW.as_secs() + 600;
    let mut short_lived = authority_params("Intermediate");
    short_lived.not_before = date_time_ymd(2020, 1, 1);
    short_lived.not_after = date_time_ymd(2030, 1, 1) + Duration::from_secs(600);
    let short_lived = house.root.cross_sign(&house.intermediate, &short_lived);
    let mut chain = house.chain(&host_params());
    chain.push(short_lived.clone());
    let trusted = anchors(&house.root.certificate);
    let until = |certificate| {
        let found = verdict_of(&chain, &trusted, &[record_of([0, 0, 1], certificate)]).unwrap();
        found.valid_until().as_secs()
    };
    assert_eq!(until(&short_lived), soon);
    assert_eq!(until(&chain[1]), NOW.as_secs() + 3600);
}

#[test]
fn the_path_goes_on_beyond_a_trusted_intermediate() {
    // RFC 7671 §5.4: a record for the root, a client that trusts the intermediate as well.
    let house = House::new();
    let chain = house.chain(&host_params());
    let both = TrustAnchors::from_der([
        house.intermediate.certificate.clone(),
        house.root.certificate.clone(),
    ])
    .unwrap();
    for numbers in [[0, 0, 1], [0, 1, 1]] {
        let record = record_of(numbers, &house.root.certificate);
        for sent in 1..=3 {
            let found = verdict_of(&chain[..sent], &both, std::slice::from_ref(&record));
            assert_eq!(codes(&found), [""; 0], "{numbers:?} with {sent} sent");
        }
        // Not where the root is not trusted.
        let intermediate = anchors(&house.intermediate.certificate);
        let refused = verdict_of(&chain, &intermediate, &[record]);
        assert_eq!(codes(&refused), ["tlsa-mismatch"]);
    }
}
