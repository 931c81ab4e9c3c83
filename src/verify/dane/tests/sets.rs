//! Records of one name together: their DNSSEC status, which of them are usable, and for whom they are.

use super::*;
use crate::limits;

#[test]
fn the_status_decides() {
    let usable = record_of([3, 1, 1], &self_signed(&host_params()));
    let useless = raw(255, 0, 0, b"private");
    type Row = (
        TlsaLookup,
        Result<(Option<DaneNotApplied>, bool), &'static str>,
        Result<(), (&'static str, Option<&'static str>)>,
        &'static str,
    );
    let rows: Vec<Row> = vec![
        (
            lookup_of(std::slice::from_ref(&usable)),
            Ok((None, true)),
            Ok(()),
            "RFC 6698 §4.1 secure",
        ),
        (
            lookup_of(&[useless, usable]),
            Ok((None, true)),
            Ok(()),
            "RFC 6698 §4.1 one usable",
        ),
        (
            lookup_of(&[raw(3, 1, 1, b"short")]),
            Ok((Some(DaneNotApplied::NoUsableRecord), true)),
            Err(("dane-required", Some("tlsa-invalid"))),
            "RFC 7673 §4, §4.1: TLS all the same; RFC 7671 §10.3",
        ),
        (
            lookup_of(&[]),
            Ok((Some(DaneNotApplied::NoRecords), false)),
            Err(("dane-required", Some("dane-required"))),
            "RFC 7673 §3.4 no records",
        ),
        (
            TlsaLookup::Insecure(name()),
            Ok((Some(DaneNotApplied::Insecure), false)),
            Err(("dane-required", Some("dane-required"))),
            "RFC 6698 §4.1, RFC 7673 §3.4 insecure",
        ),
        (
            TlsaLookup::Bogus(name()),
            Err("tlsa-bogus"),
            Err(("tlsa-bogus", Some("dnssec-invalid"))),
            "RFC 6698 §4.1, RFC 7673 §3.4 bogus",
        ),
        (
            TlsaLookup::Indeterminate(name()),
            Err("tlsa-lookup-failed"),
            Err(("tlsa-lookup-failed", Some("dnssec-invalid"))),
            "RFC 7673 §3.4, RFC 7672 §2.1.1 indeterminate",
        ),
    ];
    for (lookup, expected, expected_if_required, source) in rows {
        assert_eq!(*lookup.name(), name());
        let decision = DanePolicy::default().decide(&lookup);
        let summary = match &decision {
            Ok(dane) => Ok((dane.not_applied(), dane.requires_tls())),
            Err(refusal) => Err(refusal.code()),
        };
        assert_eq!(summary, expected, "{source}");
        let required = match DanePolicy::default().required().decide(&lookup) {
            Ok(dane) => {
                assert_eq!(dane.not_applied(), None, "{source}");
                Ok(())
            }
            Err(refusal) => {
                assert!(refusal.to_string().contains("_993._tcp."), "{refusal}");
                Err((refusal.code(), refusal.tlsrpt_result()))
            }
        };
        assert_eq!(required, expected_if_required, "{source}, required");
    }
}

#[test]
fn records_of_a_host_that_an_attacker_could_choose_prove_nothing() {
    // RFC 7673 §3.1: "this protocol does not apply".
    let lookup = lookup_of(&[raw(3, 1, 1, &[1; 32])]);
    let decision = DanePolicy::default().decide(&lookup).unwrap();
    let without = decision.without_trust_in_the_host().unwrap();
    assert_eq!(
        without.not_applied(),
        Some(DaneNotApplied::UntrustworthyHost)
    );
    assert!(!without.requires_tls());
    assert_eq!(without.name(), decision.name());
    let required = DanePolicy::default().required().decide(&lookup).unwrap();
    let refusal = required.without_trust_in_the_host().unwrap_err();
    assert_eq!(refusal.code(), "dane-required");
    assert_eq!(refusal.tlsrpt_result(), Some("dane-required"));
}

#[test]
fn unusable_records_are_told_with_their_reason() {
    // RFC 6698 §4.1: not understood, malformed, too weak.
    let certificate = self_signed(&host_params());
    let full = |numbers| record_of(numbers, &certificate);
    let dane = DanePolicy::default();
    let pkix = DanePolicy::default().with_usages(DaneUsages::Pkix);
    let strict = DanePolicy::default().with_digests([TlsaDigest::SHA2_512]);
    let none = DanePolicy::default().with_digests([]);
    let sha384 = TlsaDigest::with_number(7, DigestAlgorithm::Sha384).unwrap();
    let extended = DanePolicy::default().with_digests([sha384]);
    let wrong = |expected, found| Some(UnusableTlsa::WrongDigestLength { expected, found });
    let truncated = &certificate.as_ref()[..certificate.len() - 1];
    let trailing = [certificate.as_ref(), &[0]].concat();

    let rows: Vec<(&DanePolicy, TlsaRecord, Option<UnusableTlsa>)> = vec![
        (&dane, full([3, 1, 1]), None),
        (&dane, full([2, 0, 2]), None),
        (&dane, full([3, 0, 0]), None),
        (&dane, full([2, 1, 0]), None),
        (&pkix, full([1, 1, 1]), None),
        (&pkix, full([0, 0, 2]), None),
        (&none, full([3, 1, 0]), None),
        (&extended, raw(3, 1, 7, &[1; 48]), None),
        // RFC 7671 §4.
        (&dane, full([1, 1, 1]), Some(UnusableTlsa::UsageNotAccepted)),
        (&dane, full([0, 0, 1]), Some(UnusableTlsa::UsageNotAccepted)),
        (&pkix, full([3, 1, 1]), Some(UnusableTlsa::UsageNotAccepted)),
        (&pkix, full([2, 0, 1]), Some(UnusableTlsa::UsageNotAccepted)),
        (
            &dane,
            raw(255, 1, 1, &[0; 32]),
            Some(UnusableTlsa::UnknownUsage),
        ),
        (
            &dane,
            raw(4, 1, 1, &[0; 32]),
            Some(UnusableTlsa::UnknownUsage),
        ),
        (
            &dane,
            raw(3, 7, 1, &[0; 32]),
            Some(UnusableTlsa::UnknownSelector),
        ),
        (
            &dane,
            raw(3, 1, 3, &[0; 32]),
            Some(UnusableTlsa::UnknownMatchingType),
        ),
        (
            &strict,
            full([3, 1, 1]),
            Some(UnusableTlsa::DigestNotAccepted),
        ),
        (&dane, raw(3, 1, 1, &[0; 31]), wrong(32, 31)),
        (&dane, raw(3, 1, 2, &[0; 32]), wrong(64, 32)),
        (&dane, raw(3, 1, 1, &[]), wrong(32, 0)),
        (&extended, raw(3, 1, 7, &[1; 32]), wrong(48, 32)),
        (
            &dane,
            raw(2, 0, 0, truncated),
            Some(UnusableTlsa::NotACertificate),
        ),
        (
            &dane,
            raw(3, 0, 0, &trailing),
            Some(UnusableTlsa::NotACertificate),
        ),
        (
            &dane,
            raw(3, 0, 0, &[]),
            Some(UnusableTlsa::NotACertificate),
        ),
        (
            &dane,
            raw(3, 1, 0, certificate.as_ref()),
            Some(UnusableTlsa::NotAKey),
        ),
        (&dane, raw(2, 1, 0, &[0x30, 0]), Some(UnusableTlsa::NotAKey)),
    ];
    for (policy, record, expected) in rows {
        let decision = policy
            .decide(&lookup_of(std::slice::from_ref(&record)))
            .unwrap();
        let report = DaneReport::untried(&decision);
        let expected = match expected {
            None => TlsaFate::NotTried,
            Some(reason) => {
                assert!(!reason.to_string().is_empty());
                TlsaFate::Unusable(reason)
            }
        };
        assert_eq!(fates(Some(&report)), [expected], "{record:?}");
    }
    for number in 0..=2 {
        assert_eq!(
            TlsaDigest::with_number(number, DigestAlgorithm::Sha256),
            None
        );
    }
}

#[test]
fn the_records_of_rfc_7671_section_9() {
    let texts = [
        "3 1 1 ( 3FE246A848798236DD2AB78D39F0651D 6B6E7CA8E2984012EB0A2E1AC8A87B72 )",
        "3 1 2 ( D4F5AF015B46C5057B841C7E7BAB759C BF029526D29520C5BE6A32C67475439E
                 54AB3A945D80C743347C9BD4DADC9D8D 57FAB78EAA835362F3CA07CCC19A3214 )",
        "3 1 0 ( 3059301306072A8648CE3D020106082A 8648CE3D0301070342000471CB1F504F
                 9E4B33971376C005445DACD33CD79A28 81C3DED1981F18E7AAA76609DD0E4EF2
                 8265C82703030AD60C5DBA6FB8A9397A C0FCF06D424C885D484887 )",
    ];
    let records = texts.map(|text| TlsaRecord::parse(text).unwrap());
    // They are what they say: three forms of one key.
    let key = records[2].data();
    assert_eq!(records[0].data(), Sha256::digest(key).as_slice());
    assert_eq!(records[1].data(), Sha512::digest(key).as_slice());

    let discarded = |number| TlsaFate::Discarded {
        stronger: TlsaMatching::from_code_point(number),
    };
    let default = DanePolicy::default();
    let reversed = default
        .clone()
        .with_digests([TlsaDigest::SHA2_256, TlsaDigest::SHA2_512]);
    let rows = [
        (
            default,
            [discarded(2), TlsaFate::NotTried, TlsaFate::NotTried],
        ),
        (
            reversed,
            [TlsaFate::NotTried, discarded(1), TlsaFate::NotTried],
        ),
    ];
    for (policy, expected) in rows {
        let decision = policy.decide(&lookup_of(&records)).unwrap();
        assert_eq!(fates(Some(&DaneReport::untried(&decision))), expected);
    }
}

#[test]
fn agility_stays_within_one_usage_and_selector() {
    // RFC 7671 §9: after the unusable ones are gone, for each usage and selector.
    let (short, long) = (vec![1; 32], vec![2; 64]);
    let records = [
        raw(3, 1, 1, &short),
        raw(3, 0, 2, &long),
        raw(2, 1, 2, &long),
        raw(3, 1, 2, &short),
        raw(2, 1, 1, &short),
        raw(2, 1, 1, &[3; 32]),
    ];
    let discarded = TlsaFate::Discarded {
        stronger: TlsaMatching::Sha512,
    };
    assert_eq!(
        fates(Some(&DaneReport::untried(&dane(&records)))),
        [
            TlsaFate::NotTried,
            TlsaFate::NotTried,
            TlsaFate::NotTried,
            TlsaFate::Unusable(UnusableTlsa::WrongDigestLength {
                expected: 64,
                found: 32
            }),
            discarded,
            discarded,
        ]
    );
}

#[test]
fn a_set_has_bounds_and_an_end() {
    let record = raw(3, 1, 1, &[1; 32]);
    let set = |records: Vec<TlsaRecord>, ttl| {
        TlsaLookup::validated_over_trusted_path(name(), records, NOW, ttl)
    };
    assert!(set(vec![record.clone(); limits::TLSA_RECORDS], TTL).is_ok());
    let refused = set(vec![record.clone(); limits::TLSA_RECORDS + 1], TTL).unwrap_err();
    assert_eq!(refused.count, limits::TLSA_RECORDS + 1);
    let large = raw(3, 0, 0, &[0; 0xFFFF - 3]);
    assert!(set(vec![large.clone()], TTL).is_ok());
    let refused = set(vec![large, record.clone()], TTL).unwrap_err();
    assert_eq!(refused.bytes, 0xFFFF + 35);
    assert!(refused.to_string().contains(&name().to_string()));

    // RFC 6698 §8.2, within reason.
    let rows = [
        (Duration::ZERO, 60),
        (Duration::from_secs(59), 60),
        (Duration::from_secs(3600), 3600),
        (Duration::MAX, 86_400),
    ];
    for (ttl, expected) in rows {
        let lookup = set(vec![record.clone()], ttl).unwrap();
        let decision = DanePolicy::default().decide(&lookup).unwrap();
        let until = decision.valid_until().unwrap();
        assert_eq!(until.as_secs() - NOW.as_secs(), expected);
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        assert_eq!(decision.check_time(until), Ok(()));
        let refusal = decision.check_time(at(until.as_secs() + 1)).unwrap_err();
        assert_eq!(refusal.code(), "tlsa-expired");
        // A clock that has gone back would let them outlive their time.
        assert_eq!(decision.check_time(at(NOW.as_secs() - 60)), Ok(()));
        let refusal = decision.check_time(at(NOW.as_secs() - 61)).unwrap_err();
        assert_eq!(refusal.code(), "tlsa-expired");
    }
}

#[test]
fn references_get_the_base_domain_first() {
    // RFC 7671 §7 and §10.2.
    let of = |name: TlsaName| {
        let lookup =
            TlsaLookup::validated_over_trusted_path(name, [raw(2, 1, 1, &[1; 32])], NOW, TTL);
        let TlsaLookup::Secure(set) = lookup.unwrap() else {
            panic!("there is a record");
        };
        set
    };
    let texts = |ids: &ReferenceIds| {
        let text = |id: &crate::identity::ReferenceId| (id.to_string(), id.provenance());
        ids.iter().map(text).collect::<Vec<_>>()
    };
    let typed = references("imap.example.org");
    let expanded = TlsaName::tcp_through_secure_cnames(993, host("imap.example.org"), host(HOST));
    let set = of(expanded.unwrap());
    let both = [
        (HOST.to_owned(), Provenance::TlsaBaseDomain),
        ("imap.example.org".to_owned(), Provenance::Typed),
    ];
    let ids = typed.with_tlsa_base_domain(&set);
    assert_eq!(texts(&ids), both);
    assert_eq!(texts(&ids.with_tlsa_base_domain(&set)), both, "twice");
    // The host itself keeps the provenance that it has.
    let same = references(HOST).with_tlsa_base_domain(&of(name()));
    assert_eq!(texts(&same), [(HOST.to_owned(), Provenance::Typed)]);
    // There is no other way to such a name.
    let host = Host::parse(HOST).unwrap();
    assert!(ReferenceIds::for_host(&host, Provenance::TlsaBaseDomain).is_err());
}

#[test]
fn records_of_another_host_are_refused() {
    // RFC 6698 §4: only for the very server that was asked about.
    let algorithms = providers()[0].signature_verification_algorithms;
    let requirements = |host| Requirements::server(no_anchors(), references(host), algorithms);
    let records = [raw(3, 1, 1, &[1; 32])];
    assert!(requirements(HOST).with_dane(dane(&records)).is_ok());
    let refused = requirements("other.example.net").with_dane(dane(&records));
    assert_eq!(refused.unwrap_err().name, name());
    assert!(requirements("192.0.2.1").with_dane(dane(&records)).is_err());
    let client = Requirements::client(no_anchors(), algorithms);
    assert!(client.with_dane(dane(&records)).is_err());
    // An alias that was followed securely is the host.
    let alias = TlsaName::tcp_through_secure_cnames(993, host("imap.example.org"), host(HOST));
    let lookup =
        TlsaLookup::validated_over_trusted_path(alias.unwrap(), records, NOW, TTL).unwrap();
    let decision = DanePolicy::default().decide(&lookup).unwrap();
    assert!(requirements("imap.example.org").with_dane(decision).is_ok());
}
