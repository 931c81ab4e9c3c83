//! What a verdict with TLSA records says, usage DANE-EE first.

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa};
use rustls::{AlertDescription, CertificateError};

use super::*;

const MATCHED: TlsaFate = TlsaFate::Matched { position: Some(0) };

#[test]
fn all_six_combinations_name_a_certificate() {
    // RFC 6698 §2.1.2 and §2.1.3; RFC 7671 §2 for SHA2-512 alone.
    let house = House::new();
    let chain = house.chain(&host_params());
    let stranger = self_signed(&host_params());
    for selector in 0..=1 {
        for matching in 0..=2 {
            let what = format!("{selector} {matching}");
            let own = [3, selector, matching];
            let found = verdict(&chain, &[record_of(own, &chain[0])]).unwrap();
            assert_eq!(found.authentication(), Authentication::DaneEe, "3 {what}");
            assert_eq!(fates(found.dane()), [MATCHED], "3 {what}");
            let refused = verdict(&chain, &[record_of(own, &stranger)]);
            assert_eq!(codes(&refused), ["tlsa-mismatch"], "3 {what}");

            for position in 1..=2 {
                let authority = [2, selector, matching];
                let found = verdict(&chain, &[record_of(authority, &chain[position])]).unwrap();
                assert_eq!(found.authentication(), Authentication::DaneTa, "2 {what}");
                let matched = TlsaFate::Matched {
                    position: Some(position),
                };
                assert_eq!(fates(found.dane()), [matched], "2 {what}");
            }
        }
    }
}

#[test]
fn dane_ee_asks_for_nothing_but_the_record() {
    // RFC 7671 §5.1, RFC 7673 §4.2: no names, no dates, no path.
    let code_signing = |mut params: CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params
    };
    let mut authority = host_params();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let broken_names = leaf_params(&[vec![0x82, 0x05, b'x']]);
    let house = House::new();
    let rows: Vec<(&str, CertificateDer<'_>)> = vec![
        ("self-signed", self_signed(&host_params())),
        ("expired", self_signed(&years(host_params(), 2000, 2001))),
        (
            "not yet valid",
            self_signed(&years(host_params(), 2040, 2041)),
        ),
        (
            "of another name",
            self_signed(&leaf_params(&[dns("other.example.org")])),
        ),
        ("of no name", self_signed(&leaf_params(&[]))),
        ("with names that cannot be read", self_signed(&broken_names)),
        (
            "for another purpose",
            self_signed(&code_signing(host_params())),
        ),
        ("of an authority", self_signed(&authority)),
        (
            "from somebody unknown",
            house.intermediate.issue(&host_params()),
        ),
        ("signed with SHA-1", checked_in!("sha1")),
    ];
    for (what, certificate) in rows {
        for numbers in [[3, 1, 1], [3, 0, 1]] {
            let found = verdict(
                std::slice::from_ref(&certificate),
                &[record_of(numbers, &certificate)],
            );
            let found = found.unwrap_or_else(|rejection| panic!("{what}: {rejection}"));
            assert_eq!(found.authentication(), Authentication::DaneEe, "{what}");
            // The records bind the key to the base domain.
            assert_eq!(found.reference().unwrap().to_string(), HOST);
            assert_eq!(found.presented_name(), None);
            assert_eq!(found.valid_until().as_secs(), NOW.as_secs() + 3600);
        }
    }
}

#[test]
fn dane_ee_still_needs_a_key_that_can_prove_itself() {
    // RFC 9325 §4.5; and what rustls cannot read, it cannot verify a handshake with.
    let rows: Vec<(CertificateDer<'_>, &[&str])> = vec![
        (checked_in!("rsa1024"), &["weak-key"]),
        (checked_in!("secp224r1"), &["unsupported-key"]),
        (checked_in!("version1"), &["old-certificate-version"]),
        (critical(), &["unknown-critical-extension"]),
    ];
    for (certificate, expected) in rows {
        let refused = verdict(
            std::slice::from_ref(&certificate),
            &[record_of([3, 0, 1], &certificate)],
        );
        assert_eq!(codes(&refused), expected);
        let rejection = refused.unwrap_err();
        assert_eq!(fates(rejection.dane()), [MATCHED]);
        assert_eq!(
            result_of(&rejection, Check::Dane),
            Some(CheckResult::Passed)
        );
        assert_eq!(
            result_of(&rejection, Check::Validity),
            Some(CheckResult::NotMade)
        );
    }
}

fn critical() -> CertificateDer<'static> {
    let mut params = host_params();
    let mut extension = rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    extension.set_criticality(true);
    params.custom_extensions.push(extension);
    self_signed(&params)
}

#[test]
fn what_dane_ee_forgives_and_dane_ta_does_not() {
    // RFC 7671 §5.1 against §5.2; RFC 7673 §4.2.
    let house = House::new();
    let expired = |params| years(params, 2020, 2029);
    let other = || leaf_params(&[dns("other.example.net")]);
    let mut client_only = host_params();
    client_only.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let rows: Vec<(&str, CertificateParams, &[&str], Option<&str>)> = vec![
        ("good", host_params(), &[], None),
        ("wildcard", leaf_params(&[dns("*.example.net")]), &[], None),
        (
            "expired",
            expired(host_params()),
            &["expired"],
            Some("certificate-expired"),
        ),
        (
            "wrong name",
            other(),
            &["name-mismatch"],
            Some("certificate-host-mismatch"),
        ),
        (
            "both",
            expired(other()),
            &["expired", "name-mismatch"],
            Some("certificate-expired"),
        ),
        (
            "purpose",
            client_only,
            &["wrong-purpose"],
            Some("certificate-not-trusted"),
        ),
    ];
    for (what, leaf, expected, tlsrpt) in rows {
        let chain = house.chain(&leaf);
        let authority = record_of([2, 0, 1], &chain[2]);
        let found = verdict(&chain, std::slice::from_ref(&authority));
        assert_eq!(codes(&found), expected, "{what} with 2 0 1");
        if let Err(rejection) = &found {
            assert_eq!(rejection.tlsrpt_result(), tlsrpt, "{what}");
            // The record did match, and the report says so.
            let matched = TlsaFate::Matched { position: Some(2) };
            assert_eq!(fates(rejection.dane()), [matched], "{what}");
            assert_eq!(result_of(rejection, Check::Dane), Some(CheckResult::Passed));
        }
        let own = record_of([3, 1, 1], &chain[0]);
        let found = verdict(&chain, &[authority, own]).unwrap();
        assert_eq!(found.authentication(), Authentication::DaneEe, "{what}");
        assert_eq!(fates(found.dane()), [TlsaFate::NotTried, MATCHED], "{what}");
        assert_eq!(
            found.dane().unwrap().decisive().unwrap().usage(),
            TlsaUsage::DaneEe
        );
    }
}

#[test]
fn nothing_rescues_a_server_that_no_usable_record_names() {
    // RFC 6698 §4.1: PKIX is sound, and it does not count.
    let house = House::new();
    let chain = house.chain(&host_params());
    let trusted = anchors(&house.root.certificate);
    let stranger = self_signed(&host_params());
    let records = [
        record_of([3, 1, 1], &stranger),
        raw(1, 1, 1, &[0; 32]),
        raw(3, 0, 1, &[0; 3]),
    ];
    let refused = verdict_with(&chain, &trusted, &references(HOST), &dane(&records), NOW);
    assert_eq!(codes(&refused), ["tlsa-mismatch"]);
    let rejection = refused.unwrap_err();
    assert_eq!(
        rejection.to_string(),
        "the certificate is not the one that the domain's owner has published in DNS (the TLSA \
         record at _993._tcp.imap.example.net does not match)"
    );
    assert_eq!(rejection.tlsrpt_result(), Some("validation-failure"));
    assert_eq!(
        result_of(&rejection, Check::Dane),
        Some(CheckResult::Failed)
    );
    assert_eq!(
        result_of(&rejection, Check::Path),
        Some(CheckResult::NotMade)
    );
    assert_eq!(
        fates(rejection.dane()),
        [
            NOT_MATCHED,
            TlsaFate::Unusable(UnusableTlsa::UsageNotAccepted),
            TlsaFate::Unusable(UnusableTlsa::WrongDigestLength {
                expected: 32,
                found: 3
            }),
        ]
    );
    assert_eq!(rejection.dane().unwrap().decisive(), None);
    let error = rejection.tls_certificate_error();
    assert!(!matches!(error, CertificateError::Other(_)));
    assert_eq!(
        AlertDescription::from(error),
        AlertDescription::BadCertificate
    );
    // A weak key is told as well.
    let weak = checked_in!("rsa1024");
    let refused = verdict(&[weak], &[record_of([3, 1, 1], &stranger)]);
    assert_eq!(codes(&refused), ["tlsa-mismatch", "weak-key"]);
}

#[test]
fn without_a_usable_record_pkix_decides() {
    // RFC 7673 §4.1, RFC 6698 §4.1.
    let house = House::new();
    let trusted = anchors(&house.root.certificate);
    let chain = house.chain(&host_params());
    let other = house.chain(&leaf_params(&[dns("other.example.net")]));
    let rows = [
        (
            lookup_of(&[raw(1, 1, 1, &[0; 32])]),
            DaneNotApplied::NoUsableRecord,
        ),
        (lookup_of(&[]), DaneNotApplied::NoRecords),
        (TlsaLookup::Insecure(name()), DaneNotApplied::Insecure),
    ];
    for (lookup, reason) in rows {
        let decision = DanePolicy::default().decide(&lookup).unwrap();
        let verdict = |chain: &[CertificateDer<'_>], anchors: &TrustAnchors| {
            verdict_with(chain, anchors, &references(HOST), &decision, NOW)
        };
        let found = verdict(&chain, &trusted).unwrap();
        assert_eq!(found.authentication(), Authentication::Pkix);
        // RFC 6698 §4.1: no indication that TLSA was applied.
        assert_eq!(found.dane().unwrap().not_applied(), Some(reason));
        assert_eq!(found.dane().unwrap().decisive(), None);
        // The records may become usable ones: what is remembered ends with them.
        if reason == DaneNotApplied::NoUsableRecord {
            assert_eq!(found.valid_until().as_secs(), NOW.as_secs() + 3600);
        }
        assert_eq!(codes(&verdict(&other, &trusted)), ["name-mismatch"]);
        let refused = verdict(&chain, &no_anchors());
        assert_eq!(codes(&refused), ["unknown-authority"]);
        let rejection = refused.unwrap_err();
        assert_eq!(rejection.dane().unwrap().not_applied(), Some(reason));
        assert_eq!(result_of(&rejection, Check::Dane), None);
    }
}

#[test]
fn agility_decides_which_digest_authenticates() {
    // RFC 7671 §9: "SHOULD accept a server public key that matches either the 3 1 0 record or the
    // 3 1 2 record, but SHOULD NOT accept keys that match only the weaker 3 1 1 record".
    let server = self_signed(&host_params());
    let other = || self_signed(&host_params());
    let default = DanePolicy::default();
    let reversed = default
        .clone()
        .with_digests([TlsaDigest::SHA2_256, TlsaDigest::SHA2_512]);
    let rows = [
        (&default, [3, 1, 0], true),
        (&default, [3, 1, 2], true),
        (&default, [3, 1, 1], false),
        (&reversed, [3, 1, 0], true),
        (&reversed, [3, 1, 2], false),
        (&reversed, [3, 1, 1], true),
    ];
    for (policy, matching, expected) in rows {
        let records = [[3, 1, 1], [3, 1, 2], [3, 1, 0]].map(|numbers| match numbers == matching {
            true => record_of(numbers, &server),
            false => record_of(numbers, &other()),
        });
        let decision = policy.decide(&lookup_of(&records)).unwrap();
        let chain = std::slice::from_ref(&server);
        let found = verdict_with(chain, &no_anchors(), &references(HOST), &decision, NOW);
        assert_eq!(found.is_ok(), expected, "{matching:?}");
    }
    // A matching type that was registered later (RFC 7671 §9).
    let number = TlsaDigest::with_number(3, DigestAlgorithm::Sha384).unwrap();
    let policy = DanePolicy::default().with_digests([number]);
    let content = Certificate::parse(&server).unwrap().public_key_der;
    let record = raw(3, 1, 3, &sha2::Sha384::digest(content));
    let decision = policy.decide(&lookup_of(&[record])).unwrap();
    let chain = std::slice::from_ref(&server);
    assert!(verdict_with(chain, &no_anchors(), &references(HOST), &decision, NOW).is_ok());
}

#[test]
fn mistakes_that_operators_make_are_named() {
    let house = House::new();
    let chain = house.chain(&host_params());
    let hash = |content: &[u8]| Sha256::digest(content).to_vec();
    let key = |position: usize| Certificate::parse(&chain[position]).unwrap().public_key_der;
    let rows: Vec<(TlsaRecord, Option<TlsaNearMiss>, &str)> = vec![
        (
            record_of([2, 1, 1], &chain[0]),
            Some(TlsaNearMiss::MatchesOwnCertificate),
            "usages 1 and 3 are meant",
        ),
        (
            record_of([3, 1, 1], &chain[1]),
            Some(TlsaNearMiss::MatchesAuthority { position: 1 }),
            "certificate 2 of the chain, for which usages 0 and 2 are meant",
        ),
        (
            raw(3, 1, 1, &hash(&chain[0])),
            Some(TlsaNearMiss::MatchesWithOtherSelector { position: 0 }),
            "with the other selector it would match the server's certificate",
        ),
        (
            raw(2, 0, 1, &hash(key(2))),
            Some(TlsaNearMiss::MatchesWithOtherSelector { position: 2 }),
            "with the other selector it would match certificate 3 of the chain",
        ),
        (raw(3, 1, 1, &[0; 32]), None, "does not match)"),
    ];
    for (record, expected, words) in rows {
        let rejection = verdict(&chain, &[record]).unwrap_err();
        let CheckFailure::TlsaMismatch {
            near_miss, usable, ..
        } = rejection.primary()
        else {
            panic!("{rejection:?}");
        };
        assert_eq!((near_miss, *usable), (&expected, 1));
        let fate = TlsaFate::NotMatched {
            near_miss: expected,
        };
        assert_eq!(fates(rejection.dane()), [fate]);
        assert!(rejection.to_string().contains(words), "{rejection}");
    }
}

#[test]
fn the_base_domain_is_the_first_name() {
    // RFC 7671 §7: through secure CNAMEs, the target's name counts before that of the alias.
    let house = House::new();
    let alias = TlsaName::tcp_through_secure_cnames(993, host("imap.example.org"), host(HOST));
    let records = |chain: &[CertificateDer<'_>]| [record_of([2, 0, 1], &chain[2])];
    type Row = (Vec<Vec<u8>>, Option<(&'static str, Provenance)>);
    let rows: Vec<Row> = vec![
        (
            vec![dns("imap.example.org"), dns(HOST)],
            Some((HOST, Provenance::TlsaBaseDomain)),
        ),
        (
            vec![dns("imap.example.org")],
            Some(("imap.example.org", Provenance::Typed)),
        ),
        (vec![dns("third.example.org")], None),
    ];
    for (names, expected) in rows {
        let chain = house.chain(&leaf_params(&names));
        let lookup = TlsaLookup::validated_over_trusted_path(
            alias.clone().unwrap(),
            records(&chain),
            NOW,
            TTL,
        );
        let decision = DanePolicy::default().decide(&lookup.unwrap()).unwrap();
        let typed = references("imap.example.org");
        let found = verdict_with(&chain, &no_anchors(), &typed, &decision, NOW);
        let found = found.ok().map(|found| {
            let reference = found.reference().unwrap();
            (reference.to_string(), reference.provenance())
        });
        let expected = expected.map(|(name, provenance)| (name.to_owned(), provenance));
        assert_eq!(found, expected);
    }
}

#[test]
fn records_that_are_out_of_date_decide_nothing() {
    // RFC 6698 §8.2.
    let certificate = self_signed(&host_params());
    let chain = std::slice::from_ref(&certificate);
    let decision = dane(&[record_of([3, 1, 1], &certificate)]);
    let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() + seconds));
    let verdict = |now| verdict_with(chain, &no_anchors(), &references(HOST), &decision, now);
    assert_eq!(codes(&verdict(at(3600))), [""; 0]);
    let refused = verdict(at(3601));
    assert_eq!(codes(&refused), ["tlsa-expired"]);
    let rejection = refused.unwrap_err();
    assert_eq!(rejection.tlsrpt_result(), None);
    assert_eq!(fates(rejection.dane()), [TlsaFate::NotTried]);
    assert_eq!(
        AlertDescription::from(rejection.tls_certificate_error()),
        AlertDescription::AccessDenied
    );
    for failure in rejection.failures() {
        assert!(failure.user_advice().ends_with('.') && failure.operator_advice().ends_with('.'));
    }
}

#[test]
fn every_fate_has_its_words() {
    let stronger = TlsaMatching::Sha512;
    let rows = [
        (MATCHED, "matches the server's certificate"),
        (
            TlsaFate::Matched { position: Some(2) },
            "matches certificate 3 of the chain",
        ),
        (
            TlsaFate::Matched { position: None },
            "matches the authority, which was not sent",
        ),
        (NOT_MATCHED, "does not match"),
        (TlsaFate::NotTried, "was not looked at"),
        (
            TlsaFate::Discarded { stronger },
            "does not count beside the stronger SHA2-512(2)",
        ),
        (
            TlsaFate::Unusable(UnusableTlsa::UnknownSelector),
            "cannot be used: its selector is unknown",
        ),
    ];
    for (fate, expected) in rows {
        assert_eq!(fate.to_string(), expected);
    }
}
