//! Verdicts on chains of every kind, under each provider that is compiled in.

use pki_types::{CertificateDer, UnixTime};
use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::{AlertDescription, CertificateError};

use super::*;
use crate::identity::{Provenance, ReferenceIds};
use crate::limits;
use crate::name::Host;
use crate::testing::{
    Authority, NOW, authority_params, der, dns, ip, key, leaf_params, providers, srv, uri,
};

const HOST: &str = "mail.example.net";

/// OpenSSL's certificates: `tests/certificates/make.sh` made them.
macro_rules! checked_in {
    ($name:literal) => {
        CertificateDer::from(
            &include_bytes!(concat!("../../tests/certificates/", $name, ".der"))[..],
        )
    };
}

fn references(host: &str) -> ReferenceIds {
    ReferenceIds::for_host(&Host::parse(host).unwrap(), Provenance::Typed).unwrap()
}

fn anchors(certificates: &[&CertificateDer<'static>]) -> TrustAnchors {
    TrustAnchors::from_der(certificates.iter().map(|one| (*one).clone())).unwrap()
}

/// The verdict under every provider; they must agree.
fn verdict_at(
    chain: &[CertificateDer<'_>],
    anchors: &TrustAnchors,
    host: Option<&str>,
    now: UnixTime,
) -> Result<Verification, CertificateRejection> {
    let mut verdicts = providers().into_iter().map(|provider| {
        let algorithms = provider.signature_verification_algorithms;
        let requirements = match host {
            Some(host) => Requirements::server(anchors.clone(), references(host), algorithms),
            None => Requirements::client(anchors.clone(), algorithms),
        };
        evaluate(&Evidence::from_chain(chain), &requirements, now)
    });
    let first = verdicts.next().expect("a provider is compiled in");
    for other in verdicts {
        assert_eq!(other, first, "providers disagree");
    }
    first
}

fn verdict(
    chain: &[CertificateDer<'_>],
    anchors: &TrustAnchors,
) -> Result<Verification, CertificateRejection> {
    verdict_at(chain, anchors, Some(HOST), NOW)
}

/// The codes of all failures, in the order in which they are told.
fn codes(verdict: &Result<Verification, CertificateRejection>) -> Vec<&'static str> {
    match verdict {
        Ok(_) => Vec::new(),
        Err(rejection) => rejection.failures().map(CheckFailure::code).collect(),
    }
}

fn result_of(rejection: &CertificateRejection, check: Check) -> CheckResult {
    rejection
        .results()
        .find_map(|(one, result)| (one == check).then_some(result))
        .unwrap_or_else(|| panic!("{check} has no result"))
}

fn host_params() -> CertificateParams {
    leaf_params(&[dns(HOST)])
}

fn years(mut params: CertificateParams, from: i32, until: i32) -> CertificateParams {
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

fn purposes(
    mut params: CertificateParams,
    purposes: &[ExtendedKeyUsagePurpose],
) -> CertificateParams {
    params.extended_key_usages = purposes.to_vec();
    params
}

/// A root, an authority below it, and what both vouch for.
struct House {
    root: Authority,
    intermediate: Authority,
    anchors: TrustAnchors,
}

impl House {
    fn new() -> Self {
        Self::with(authority_params("Intermediate"))
    }

    fn with(intermediate: CertificateParams) -> Self {
        let root = Authority::named("Root");
        let intermediate = root.authority(intermediate);
        let anchors = anchors(&[&root.certificate]);
        Self {
            root,
            intermediate,
            anchors,
        }
    }

    fn chain(&self, leaf: &CertificateParams) -> Vec<CertificateDer<'static>> {
        vec![
            self.intermediate.issue(leaf),
            self.intermediate.certificate.clone(),
        ]
    }

    fn verdict(&self, leaf: &CertificateParams) -> Result<Verification, CertificateRejection> {
        verdict(&self.chain(leaf), &self.anchors)
    }
}

#[test]
fn a_good_chain_says_what_it_proved() {
    // RFC 6125 §6.6.1: the reference is the identity, not the wildcard.
    let house = House::with(years(authority_params("Intermediate"), 2020, 2032));
    let leaf = years(leaf_params(&[dns("*.Example.net")]), 2029, 2031);
    let verification = house.verdict(&leaf).unwrap();
    assert_eq!(verification.authentication(), Authentication::Pkix);
    assert_eq!(verification.reference().unwrap().to_string(), HOST);
    assert_eq!(
        verification.reference().unwrap().provenance(),
        Provenance::Typed
    );
    assert_eq!(verification.presented_name(), Some("*.Example.net"));
    // 2031-01-01, the leaf's end.
    assert_eq!(verification.valid_until().as_secs(), 1_924_992_000);

    // The authority's end counts if it is the earlier one; so long as it is in the path.
    let house = House::with(years(authority_params("Intermediate"), 2020, 2031));
    let leaf = years(leaf_params(&[ip(&[192, 0, 2, 1])]), 2029, 2040);
    let found = verdict_at(&house.chain(&leaf), &house.anchors, Some("192.0.2.1"), NOW).unwrap();
    assert_eq!(found.valid_until().as_secs(), 1_924_992_000);
    assert_eq!(found.presented_name(), Some("192.0.2.1"));
    let direct = house.root.issue(&years(host_params(), 2029, 2040));
    let chain = [direct, house.intermediate.certificate.clone()];
    let found = verdict(&chain, &house.anchors).unwrap();
    assert_eq!(found.valid_until().as_secs(), 2_208_988_800);
}

#[test]
fn the_last_second_is_valid_and_the_next_is_not() {
    // RFC 5280 §4.1.2.5: inclusive at both ends.
    let house = House::new();
    let chain = house.chain(&years(host_params(), 2030, 2031));
    let at = |seconds: u64| {
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        codes(&verdict_at(&chain, &house.anchors, Some(HOST), now))
    };
    assert_eq!(at(1_893_455_999), ["not-yet-valid"]);
    assert_eq!(at(1_893_456_000), [""; 0]);
    assert_eq!(at(1_924_992_000), [""; 0]);
    assert_eq!(at(1_924_992_001), ["expired"]);
}

#[test]
fn chains_as_servers_send_them() {
    let house = House::new();
    let second = house.intermediate.authority(authority_params("Second"));
    let leaf = second.issue(&host_params());
    let root = &house.root.certificate;
    let first = &house.intermediate.certificate;
    let stray = Authority::named("Stray").certificate;
    let old_root = years(authority_params("Root"), 2000, 2010);
    let old_root = house.root.cross_sign(&house.root, &old_root);
    let old_cross = Authority::named("Older Root").cross_sign(
        &house.intermediate,
        &years(authority_params("Intermediate"), 2000, 2010),
    );
    let garbage = CertificateDer::from(&b"not a certificate"[..]);

    let rows: Vec<(&str, Vec<&CertificateDer<'_>>)> = vec![
        ("in order", vec![&leaf, &second.certificate, first]),
        ("wrong order", vec![&leaf, first, &second.certificate]),
        (
            "with the root",
            vec![&leaf, &second.certificate, first, root],
        ),
        ("root first", vec![&leaf, root, first, &second.certificate]),
        (
            "with an expired root",
            vec![&leaf, &second.certificate, first, &old_root],
        ),
        (
            "an expired root in front",
            vec![&leaf, &old_root, &second.certificate, first],
        ),
        (
            "with an expired cross-signed twin",
            vec![&leaf, &second.certificate, &old_cross, first],
        ),
        (
            "with a stray root",
            vec![&leaf, &stray, &second.certificate, first],
        ),
        (
            "a certificate twice",
            vec![&leaf, &second.certificate, &second.certificate, first],
        ),
        (
            "the leaf twice",
            vec![&leaf, &leaf, &second.certificate, first],
        ),
        (
            "with garbage",
            vec![&leaf, &garbage, &second.certificate, first],
        ),
    ];
    for (what, chain) in rows {
        let chain: Vec<_> = chain.into_iter().cloned().collect();
        assert_eq!(codes(&verdict(&chain, &house.anchors)), [""; 0], "{what}");
    }
}

#[test]
fn paths_that_lead_nowhere() {
    let house = House::new();
    let stranger = House::new();
    let leaf = house.intermediate.issue(&host_params());
    let intermediate = &house.intermediate.certificate;
    let self_signed = host_params().self_signed(&key()).unwrap().der().clone();
    let elsewhere = anchors(&[&Authority::named("Another Root").certificate]);
    let old_twin = house.root.cross_sign(
        &house.intermediate,
        &years(authority_params("Intermediate"), 2000, 2010),
    );

    let rejection = verdict(std::slice::from_ref(&leaf), &house.anchors).unwrap_err();
    assert_eq!(rejection.code(), "missing-intermediate");
    let CheckFailure::MissingIntermediate { issuer } = rejection.primary() else {
        panic!("{rejection:?}");
    };
    assert_eq!(issuer.to_string(), "CN=Intermediate");
    assert_eq!(result_of(&rejection, Check::Path), CheckResult::Failed);
    for check in [
        Check::Validity,
        Check::Purpose,
        Check::Key,
        Check::Identity,
        Check::Form,
    ] {
        assert_eq!(result_of(&rejection, check), CheckResult::Passed, "{check}");
    }

    let rows: Vec<(&str, Vec<CertificateDer<'_>>, &TrustAnchors, &str)> = vec![
        (
            "self-signed",
            vec![self_signed.clone()],
            &house.anchors,
            "self-signed",
        ),
        (
            "self-signed, with a chain",
            vec![self_signed, intermediate.clone()],
            &house.anchors,
            "self-signed",
        ),
        (
            "unknown root, not sent",
            vec![leaf.clone(), intermediate.clone()],
            &elsewhere,
            "unknown-authority",
        ),
        (
            "unknown root, sent",
            vec![
                leaf.clone(),
                intermediate.clone(),
                house.root.certificate.clone(),
            ],
            &elsewhere,
            "unknown-authority",
        ),
        (
            "an expired twin in front of the one that holds",
            vec![leaf.clone(), old_twin, intermediate.clone()],
            &elsewhere,
            "unknown-authority",
        ),
        (
            // An authority that took another one's name.
            "a root of the right name and the wrong key",
            vec![leaf.clone(), intermediate.clone()],
            &stranger.anchors,
            "unknown-authority",
        ),
        (
            "an intermediate of the right name and the wrong key",
            vec![leaf, stranger.intermediate.certificate.clone()],
            &house.anchors,
            "bad-signature",
        ),
    ];
    for (what, chain, anchors, code) in rows {
        assert_eq!(codes(&verdict(&chain, anchors)), [code], "{what}");
    }
}

#[test]
fn certificates_that_are_not_what_they_should_be() {
    let house = House::new();
    let code_signing = [ExtendedKeyUsagePurpose::CodeSigning];
    let mut as_authority = host_params();
    as_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);

    assert_eq!(codes(&house.verdict(&as_authority)), ["authority-as-peer"]);
    let self_signed = as_authority.self_signed(&key()).unwrap().der().clone();
    assert_eq!(
        codes(&verdict(&[self_signed], &house.anchors)),
        ["self-signed", "authority-as-peer"],
        "what a mail bridge on the user's own machine presents"
    );
    assert_eq!(
        codes(&house.verdict(&purposes(host_params(), &code_signing))),
        ["wrong-purpose"]
    );

    // A leaf that signs another leaf.
    let end_entity = house
        .intermediate
        .authority(leaf_params(&[dns("ca.example.net")]));
    let chain = [
        end_entity.issue(&host_params()),
        end_entity.certificate,
        house.intermediate.certificate.clone(),
    ];
    let rejection = verdict(&chain, &house.anchors).unwrap_err();
    assert_eq!(rejection.code(), "issuer-not-an-authority");

    // RFC 5280 §6.1.4 (n): an authority's key that is for other signatures.
    let used_for = |usages: &[KeyUsagePurpose]| {
        let mut params = authority_params("Intermediate");
        params.key_usages = usages.to_vec();
        params
    };
    let expired = years(host_params(), 2000, 2001);
    for (usages, refused) in [
        (&[][..], &[][..]),
        (&[KeyUsagePurpose::KeyCertSign][..], &[][..]),
        (
            &[KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature][..],
            &["issuer-not-an-authority"][..],
        ),
    ] {
        let house = House::with(used_for(usages));
        let found = house.verdict(&host_params());
        assert_eq!(codes(&found), refused, "{usages:?}");
        // Not hidden by a date.
        let late = house.verdict(&expired);
        assert_eq!(codes(&late), [refused, &["expired"]].concat());
        for rejection in [found.err(), late.err().filter(|_| !refused.is_empty())] {
            let text = rejection.map_or_else(String::new, |one| one.to_string());
            assert!(
                text.is_empty() || text.contains("certificate 2 of the chain (CN=Intermediate)"),
                "{text}"
            );
        }
        // Another certificate of the same key makes up for it.
        let other = house
            .root
            .cross_sign(&house.intermediate, &authority_params("Intermediate"));
        let chain = [&house.chain(&host_params())[..], &[other]].concat();
        assert_eq!(codes(&verdict(&chain, &house.anchors)), [""; 0]);
    }
    assert!(
        rejection
            .to_string()
            .starts_with("certificate 2 of the chain"),
        "{rejection}"
    );

    let mut narrow = authority_params("Intermediate");
    narrow.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    let house = House::with(narrow.clone());
    narrow.distinguished_name = authority_params("Below").distinguished_name;
    let below = house.intermediate.authority(narrow);
    let chain = [
        below.issue(&host_params()),
        below.certificate,
        house.intermediate.certificate.clone(),
    ];
    let rejection = verdict(&chain, &house.anchors).unwrap_err();
    assert_eq!(rejection.code(), "path-length");
    assert!(
        rejection
            .to_string()
            .starts_with("certificate 3 of the chain"),
        "{rejection}"
    );

    let house = House::with(purposes(authority_params("Intermediate"), &code_signing));
    let rejection = house.verdict(&host_params()).unwrap_err();
    assert_eq!(codes(&Err(rejection.clone())), ["wrong-purpose"]);
    assert!(
        rejection.to_string().contains("certificate 2 of the chain"),
        "{rejection}"
    );
    assert!(
        rejection.to_string().contains("but for code signing"),
        "{rejection}"
    );

    let mut critical = host_params();
    let mut extension = rcgen::CustomExtension::from_oid_content(&[1, 2, 3, 4], vec![5, 0]);
    extension.set_criticality(true);
    critical.custom_extensions.push(extension);
    let rejection = House::new().verdict(&critical).unwrap_err();
    assert_eq!(rejection.code(), "unknown-critical-extension");
    assert!(rejection.to_string().contains("1.2.3.4"), "{rejection}");
}

#[test]
fn keys_and_signatures_that_are_too_weak() {
    let root = checked_in!("ca");
    let trusted = anchors(&[&root]);
    let weak = checked_in!("weak-intermediate");
    let rows: Vec<(&str, Vec<CertificateDer<'_>>, &[&str], &str)> = vec![
        (
            "RFC 9325 §4.5",
            vec![checked_in!("rsa1024")],
            &["weak-key"],
            "1024 bits",
        ),
        (
            "RFC 9325 §4.5, in the chain",
            vec![checked_in!("below-weak"), weak],
            &["weak-key"],
            "certificate 2 of the chain (CN=Weak Intermediate) has 1024 bits",
        ),
        (
            "RFC 9325 §4.1, SHA-1",
            vec![checked_in!("sha1")],
            &["unsupported-signature"],
            "SHA-1 with ECDSA",
        ),
        (
            "a curve without an algorithm",
            vec![checked_in!("secp224r1")],
            &["unsupported-key"],
            "elliptic curve P-224",
        ),
        (
            "RFC 5280 §4.1.2.1",
            vec![checked_in!("version1")],
            &["old-certificate-version", "name-mismatch"],
            "version 1",
        ),
    ];
    for (source, chain, expected, words) in rows {
        let verdict = verdict(&chain, &trusted);
        assert_eq!(codes(&verdict), expected, "{source}");
        let text = verdict.unwrap_err().to_string();
        assert!(text.contains(words), "{source}: {text}");
    }
}

#[test]
fn every_failure_is_told() {
    // RFC 8314 §5.4 needs to know whether there were others; users need it too.
    let house = House::new();
    let code_signing = [ExtendedKeyUsagePurpose::CodeSigning];
    let elsewhere = anchors(&[&Authority::named("Another Root").certificate]);
    let namesakes = anchors(&[
        &Authority::named("Root").certificate,
        &house.root.certificate,
    ]);
    let expired = |params| years(params, 2020, 2029);
    let other = || leaf_params(&[dns("other.example.net")]);
    let far = years(host_params(), 2031, 2032);

    let rows: Vec<(&str, CertificateParams, &TrustAnchors, bool, &[&str])> = vec![
        (
            "expired",
            expired(host_params()),
            &house.anchors,
            true,
            &["expired"],
        ),
        ("not yet", far, &house.anchors, true, &["not-yet-valid"]),
        (
            "wrong name",
            other(),
            &house.anchors,
            true,
            &["name-mismatch"],
        ),
        (
            "expired, wrong name",
            expired(other()),
            &house.anchors,
            true,
            &["expired", "name-mismatch"],
        ),
        (
            "expired, unknown authority",
            expired(host_params()),
            &elsewhere,
            true,
            &["unknown-authority", "expired"],
        ),
        (
            "in its first second, unknown authority",
            years(host_params(), 2030, 2031),
            &elsewhere,
            true,
            &["unknown-authority"],
        ),
        (
            "in its last second, unknown authority",
            years(host_params(), 2029, 2030),
            &elsewhere,
            true,
            &["unknown-authority"],
        ),
        (
            "expired, and one of two roots of the right name has another key",
            expired(host_params()),
            &namesakes,
            true,
            &["expired"],
        ),
        (
            "expired, wrong name, missing intermediate",
            expired(other()),
            &house.anchors,
            false,
            &["missing-intermediate", "expired", "name-mismatch"],
        ),
        (
            "expired, wrong name, wrong purpose",
            purposes(expired(other()), &code_signing),
            &house.anchors,
            true,
            &["wrong-purpose", "expired", "name-mismatch"],
        ),
        (
            "all at once",
            purposes(expired(other()), &code_signing),
            &elsewhere,
            true,
            &[
                "unknown-authority",
                "wrong-purpose",
                "expired",
                "name-mismatch",
            ],
        ),
    ];
    for (what, leaf, anchors, complete, expected) in rows {
        let mut chain = house.chain(&leaf);
        chain.truncate(if complete { 2 } else { 1 });
        let verdict = verdict(&chain, anchors);
        assert_eq!(codes(&verdict), expected, "{what}");
        let rejection = verdict.unwrap_err();
        let failed: Vec<_> = rejection.failures().map(CheckFailure::check).collect();
        for (check, result) in rejection.results() {
            let expected = match failed.contains(&check) {
                true => CheckResult::Failed,
                false => CheckResult::Passed,
            };
            assert_eq!(result, expected, "{what}: {check}");
        }
    }
}

#[test]
fn dates_that_never_held_together() {
    // The leaf ended before its issuer's present certificate began.
    let house = House::with(years(authority_params("Intermediate"), 2025, 2040));
    let rejection = house
        .verdict(&years(host_params(), 2020, 2024))
        .unwrap_err();
    assert_eq!(codes(&Err(rejection.clone())), ["expired"]);
    // The path was never a valid one as far as can be told, and nothing else is claimed.
    assert_eq!(result_of(&rejection, Check::Path), CheckResult::NotMade);

    // The issuer expired, the leaf did not.
    let house = House::with(years(authority_params("Intermediate"), 2020, 2025));
    let rejection = house.verdict(&host_params()).unwrap_err();
    assert_eq!(codes(&Err(rejection.clone())), ["expired"]);
    let CheckFailure::Expired {
        certificate, by, ..
    } = rejection.primary()
    else {
        panic!("{rejection:?}");
    };
    assert_eq!(certificate.as_ref().unwrap().position, Some(1));
    assert_eq!(by.as_secs(), 1826 * 86_400);
    assert_eq!(result_of(&rejection, Check::Path), CheckResult::Passed);
    assert!(
        rejection
            .to_string()
            .ends_with("expired 1826 days ago, on 2025-01-01 00:00:00 UTC"),
        "{rejection}"
    );
}

#[test]
fn name_constraints_fail_closed() {
    // RFC 5280 §4.2.1.10: process or reject.
    let only = |subtree| {
        let mut params = authority_params("Intermediate");
        params.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: vec![subtree],
            excluded_subtrees: vec![],
        });
        House::with(params)
    };
    let inside = only(rcgen::GeneralSubtree::DnsName("example.net".into()));
    assert_eq!(codes(&inside.verdict(&host_params())), [""; 0]);

    let outside = only(rcgen::GeneralSubtree::DnsName("example.org".into()));
    let rejection = outside.verdict(&host_params()).unwrap_err();
    assert_eq!(codes(&Err(rejection.clone())), ["name-constraint"]);
    let text = rejection.to_string();
    assert!(
        text.contains("certificate 2 of the chain (CN=Intermediate)"),
        "{text}"
    );
    assert!(text.contains("example.org"), "{text}");

    // A type of name that is constrained and not evaluated: an otherName, such as an SRV-ID.
    let constraint = {
        let srv_subtree = srv("_imaps.example.net");
        der(0x30, &der(0xA0, &der(0x30, &srv_subtree)))
    };
    let mut params = authority_params("Intermediate");
    params
        .custom_extensions
        .push(rcgen::CustomExtension::from_oid_content(
            &[2, 5, 29, 30],
            constraint,
        ));
    let house = House::with(params);
    let leaf = leaf_params(&[dns(HOST), srv("_imaps.example.net")]);
    assert_eq!(codes(&house.verdict(&leaf)), ["name-constraint"]);
    assert_eq!(codes(&house.verdict(&host_params())), [""; 0]);

    // The anchor's own constraints.
    let mut params = authority_params("Root");
    params.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![],
        excluded_subtrees: vec![rcgen::GeneralSubtree::DnsName("example.net".into())],
    });
    let root = Authority::root(params);
    let chain = [root.issue(&host_params())];
    let rejection = verdict(&chain, &anchors(&[&root.certificate])).unwrap_err();
    assert_eq!(rejection.code(), "name-constraint");
    assert!(
        rejection
            .to_string()
            .contains("the trusted authority CN=Root"),
        "{rejection}"
    );
}

#[test]
fn mismatches_are_explained() {
    let house = House::new();
    let rows: Vec<(&str, Vec<Vec<u8>>, &str)> = vec![
        (
            "a.b.example.net",
            vec![dns("*.example.net")],
            "the certificate is for *.example.net, not for a.b.example.net: the star in \
             *.example.net stands for exactly one label",
        ),
        (
            "example.net",
            vec![dns("*.example.net")],
            "the certificate is for *.example.net, not for example.net: *.example.net is for names \
             below the domain, not for the domain itself",
        ),
        (
            "foo.example.net",
            vec![dns("f*o.example.net")],
            "the certificate is for \"f*o.example.net\" (does not count: a star must be the whole \
             left-most label), not for foo.example.net",
        ),
        (
            HOST,
            vec![dns("mail.example.net\0.evil.example")],
            "the certificate is for \"mail.example.net\\u{0}.evil.example\" (does not count: holds a \
             NUL), not for mail.example.net",
        ),
        (
            HOST,
            (0..3)
                .map(|n| dns(format!("mail{n}.example.net")))
                .chain([dns("mail.example.net.")])
                .collect(),
            "the certificate is for mail0.example.net, mail1.example.net, mail2.example.net and 1 \
             more, not for mail.example.net: \"mail.example.net.\" does not count, because it is \
             malformed (ends with a dot)",
        ),
        (
            HOST,
            vec![dns("")],
            "the certificate is for \"\" (does not count: empty), not for mail.example.net",
        ),
        (
            "192.0.2.1",
            vec![dns("192.0.2.1")],
            "the certificate is for \"192.0.2.1\" (does not count: an IP address does not belong in a \
             host name), not for 192.0.2.1: an address counts only as an iPAddress entry",
        ),
        (
            "2001:db8::1",
            vec![uri("imaps://[2001:db8::1]/")],
            "the certificate is for the URI \"imaps://[2001:db8::1]/\", not for 2001:db8::1: an \
             address counts only as an iPAddress entry",
        ),
        (
            "localhost",
            vec![ip(&[127, 0, 0, 1])],
            "the certificate is for 127.0.0.1, not for localhost: it names IP addresses only",
        ),
        (
            "192.0.2.1",
            vec![dns(HOST)],
            "the certificate is for mail.example.net, not for 192.0.2.1: it names no IP address",
        ),
        (
            "badexample.net",
            vec![dns("*.example.net")],
            "the certificate is for *.example.net, not for badexample.net",
        ),
        (
            HOST,
            vec![srv("_imaps.example.net")],
            "the certificate is for the service name _imaps.example.net, not for mail.example.net: \
             it names services of a domain only, and none was asked for",
        ),
        (
            HOST,
            vec![],
            "the certificate is for no name at all, not for mail.example.net: it has only a common \
             name (the leaf's common name), which does not count any more",
        ),
        (
            HOST,
            (0..5)
                .map(|n| dns(format!("mail{n}.example.net")))
                .collect(),
            "the certificate is for mail0.example.net, mail1.example.net, mail2.example.net and 2 \
             more, not for mail.example.net",
        ),
    ];
    for (host, names, expected) in rows {
        let chain = house.chain(&leaf_params(&names));
        let rejection = verdict_at(&chain, &house.anchors, Some(host), NOW).unwrap_err();
        assert_eq!(rejection.to_string(), expected);
    }
}

/// A server's log must not read as if its own certificate had expired.
#[test]
fn a_client_is_said_to_be_one() {
    let house = House::new();
    let chain = house.chain(&years(host_params(), 2020, 2025));
    let server = verdict_at(&chain, &house.anchors, Some(HOST), NOW).unwrap_err();
    let client = verdict_at(&chain, &house.anchors, None, NOW).unwrap_err();
    assert!(
        server.to_string().starts_with("the certificate expired "),
        "{server}"
    );
    let says = "the client's certificate was refused: the certificate ";
    assert!(client.to_string().starts_with(says), "{client}");
}

#[test]
fn lists_are_bounded_and_text_is_escaped() {
    let house = House::new();
    let mut names: Vec<_> = (0..300).map(|n| dns(format!("h{n}.example.net"))).collect();
    names.insert(0, dns("\u{202E}\x1B[31m\r\nforged"));
    names.insert(1, dns("x".repeat(5000)));
    let rejection = house.verdict(&leaf_params(&names)).unwrap_err();
    let CheckFailure::NameMismatch(mismatch) = rejection.primary() else {
        panic!("{rejection:?}");
    };
    assert_eq!(mismatch.presented.len(), limits::REPORTED_NAMES);
    assert_eq!(mismatch.not_shown, 302 - limits::REPORTED_NAMES);
    for shown in [rejection.to_string(), format!("{rejection:?}")] {
        assert!(
            !shown.contains(['\u{202E}', '\x1B', '\r', '\n']),
            "{shown:?}"
        );
    }
    assert!(rejection.to_string().len() < 1000);
}

#[test]
fn client_certificates_have_no_name_to_match() {
    let house = House::new();
    let client = [ExtendedKeyUsagePurpose::ClientAuth];
    let chain = house.chain(&purposes(leaf_params(&[]), &client));
    let verification = verdict_at(&chain, &house.anchors, None, NOW).unwrap();
    assert_eq!(verification.reference(), None);
    assert_eq!(verification.presented_name(), None);

    let chain = house.chain(&purposes(
        host_params(),
        &[ExtendedKeyUsagePurpose::ServerAuth],
    ));
    let rejection = verdict_at(&chain, &house.anchors, None, NOW).unwrap_err();
    assert_eq!(rejection.code(), "wrong-purpose");
    assert!(
        rejection.to_string().contains("client authentication"),
        "{rejection}"
    );
    assert!(
        rejection
            .results()
            .all(|(check, _)| check != Check::Identity)
    );

    // And a client's is not good for a server.
    let chain = house.chain(&purposes(host_params(), &client));
    assert_eq!(codes(&verdict(&chain, &house.anchors)), ["wrong-purpose"]);
}

#[test]
fn bounds_come_first() {
    let house = House::new();
    let rejection = verdict(&[], &house.anchors).unwrap_err();
    assert_eq!(rejection.code(), "no-certificate");
    assert_eq!(result_of(&rejection, Check::Path), CheckResult::NotMade);
    assert_eq!(result_of(&rejection, Check::Form), CheckResult::Failed);

    let mut chain = house.chain(&host_params());
    while chain.len() < limits::CHAIN_CERTIFICATES {
        chain.push(Authority::named(&format!("Stray {}", chain.len())).certificate);
    }
    assert_eq!(codes(&verdict(&chain, &house.anchors)), [""; 0]);
    chain.push(house.root.certificate.clone());
    assert_eq!(
        codes(&verdict(&chain, &house.anchors)),
        ["too-many-certificates"]
    );

    let many: Vec<_> = (0..3000)
        .map(|n| dns(format!("host{n}.example.net")))
        .collect();
    let large = house.chain(&leaf_params(&many));
    assert_eq!(codes(&verdict(&large, &house.anchors)), ["chain-too-large"]);

    let garbage = [CertificateDer::from(&b"not a certificate"[..])];
    assert_eq!(
        codes(&verdict(&garbage, &house.anchors)),
        ["unreadable-certificate"]
    );
}

#[test]
fn a_tangle_is_not_searched() {
    // Authorities that all have the same name and different keys: the search for a path would try
    // every order of them.
    let house = House::new();
    let mut chain = house.chain(&host_params());
    let stray = |n: usize| Authority::named(&format!("Stray {n}")).certificate;
    while chain.len() <= limits::INTERMEDIATES_OF_ANY_NAME + 1 - limits::NAMESAKES {
        chain.push(stray(chain.len()));
    }
    for _ in 0..limits::NAMESAKES {
        chain.push(Authority::named("Same").certificate);
    }
    assert_eq!(codes(&verdict(&chain, &house.anchors)), [""; 0]);
    chain.push(Authority::named("Same").certificate);
    assert_eq!(
        codes(&verdict(&chain, &house.anchors)),
        ["path-too-complex"]
    );
    // In a short chain it costs little.
    let mut chain = house.chain(&host_params());
    chain.extend((0..=limits::NAMESAKES).map(|_| Authority::named("Same").certificate));
    assert!(chain.len() - 1 <= limits::INTERMEDIATES_OF_ANY_NAME);
    assert_eq!(codes(&verdict(&chain, &house.anchors)), [""; 0]);
}

#[test]
fn the_alert_fits_the_failure() {
    use AlertDescription as Alert;
    // RFC 8446 §6.2 describes what each alert says.
    let house = House::new();
    let elsewhere = anchors(&[&Authority::named("Another Root").certificate]);
    let trusted = anchors(&[&checked_in!("ca")]);
    let code_signing = [ExtendedKeyUsagePurpose::CodeSigning];
    let mut as_authority = host_params();
    as_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let other = leaf_params(&[dns("other.example.net")]);
    let rows: Vec<(Vec<CertificateDer<'_>>, &TrustAnchors, Alert)> = vec![
        (
            house.chain(&years(host_params(), 2000, 2001)),
            &house.anchors,
            Alert::CertificateExpired,
        ),
        (
            house.chain(&years(host_params(), 2040, 2041)),
            &house.anchors,
            Alert::CertificateExpired,
        ),
        (house.chain(&host_params()), &elsewhere, Alert::UnknownCA),
        (
            house.chain(&years(host_params(), 2000, 2001)),
            &elsewhere,
            Alert::UnknownCA,
        ),
        (
            house.chain(&host_params())[..1].to_vec(),
            &house.anchors,
            Alert::UnknownCA,
        ),
        (house.chain(&other), &house.anchors, Alert::BadCertificate),
        (
            house.chain(&purposes(host_params(), &code_signing)),
            &house.anchors,
            Alert::UnsupportedCertificate,
        ),
        (
            house.chain(&as_authority),
            &house.anchors,
            Alert::UnsupportedCertificate,
        ),
        (
            vec![checked_in!("rsa1024")],
            &trusted,
            Alert::UnsupportedCertificate,
        ),
        (vec![checked_in!("sha1")], &trusted, Alert::BadCertificate),
        (
            vec![CertificateDer::from(&b"x"[..])],
            &house.anchors,
            Alert::BadCertificate,
        ),
        (vec![], &house.anchors, Alert::BadCertificate),
    ];
    for (chain, anchors, alert) in rows {
        let rejection = verdict(&chain, anchors).unwrap_err();
        let error = rejection.tls_certificate_error();
        assert!(!matches!(error, CertificateError::Other(_)), "{rejection}");
        assert_eq!(AlertDescription::from(error), alert, "{rejection}");
    }
}

#[test]
fn trust_anchors_are_read_or_refused_with_a_reason() {
    let root = Authority::named("Root").certificate;
    let pem = |label: &str, der: &[u8]| {
        use std::fmt::Write as _;
        // Base64 without a crate: rcgen has none to offer.
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut out = format!("-----BEGIN {label}-----\n");
        for chunk in der.chunks(3) {
            let mut group = [0; 3];
            group[..chunk.len()].copy_from_slice(chunk);
            let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
            for place in 0..4 {
                let digit = usize::try_from(bits >> (18 - 6 * place) & 0x3F).unwrap();
                out.push(if place <= chunk.len() {
                    char::from(DIGITS[digit])
                } else {
                    '='
                });
            }
        }
        write!(out, "\n-----END {label}-----\n").unwrap();
        out
    };
    let good = pem("CERTIFICATE", &root);
    let bad = pem("CERTIFICATE", b"not a certificate");
    let secret = pem("PRIVATE KEY", b"secret");
    let crl = pem("X509 CRL", b"crl");

    let two = TrustAnchors::from_pem(format!("a comment\n{good}{crl}{good}").as_bytes()).unwrap();
    assert_eq!(two.len(), 2);

    let rows: Vec<(String, TrustAnchorsError)> = vec![
        (String::new(), TrustAnchorsError::Empty),
        (crl, TrustAnchorsError::Empty),
        ("no PEM at all".into(), TrustAnchorsError::Empty),
        (
            format!("{good}{bad}"),
            TrustAnchorsError::BadCertificate { index: 1 },
        ),
        (
            format!("{good}{good}{secret}"),
            TrustAnchorsError::PrivateKey { index: 2 },
        ),
        (
            format!("{good}-----BEGIN CERTIFICATE-----\nAAAA\n"),
            TrustAnchorsError::BadPem {
                index: 1,
                problem: PemProblem::NoEnd,
            },
        ),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".into(),
            TrustAnchorsError::BadPem {
                index: 0,
                problem: PemProblem::BadBase64,
            },
        ),
    ];
    for (text, expected) in rows {
        let error = TrustAnchors::from_pem(text.as_bytes()).unwrap_err();
        assert_eq!(error, expected);
        assert!(!error.to_string().contains("secret"));
    }
    assert_eq!(
        TrustAnchors::from_der([]).unwrap_err(),
        TrustAnchorsError::Empty
    );
    assert_eq!(
        TrustAnchors::from_der(vec![root; limits::TRUST_ANCHORS + 1]).unwrap_err(),
        TrustAnchorsError::TooMany {
            count: limits::TRUST_ANCHORS + 1,
            limit: limits::TRUST_ANCHORS
        }
    );
}

#[test]
fn the_digest_tells_sets_apart_and_not_orders() {
    let (a, b) = (
        Authority::named("A").certificate,
        Authority::named("B").certificate,
    );
    let ab = anchors(&[&a, &b]);
    assert_eq!(ab.digest(), anchors(&[&b, &a]).digest());
    assert_ne!(ab.digest(), anchors(&[&a]).digest());
    assert_ne!(ab.digest(), anchors(&[&a, &a]).digest());
    let namesake = Authority::named("A").certificate;
    assert_ne!(anchors(&[&a]).digest(), anchors(&[&namesake]).digest());
}

#[cfg(feature = "webpki-roots")]
#[test]
fn mozillas_roots_are_many() {
    assert!(TrustAnchors::webpki_roots().len() > 100);
}

#[test]
fn every_failure_has_its_sentence_and_its_advice() {
    let house = House::new();
    let rejection = house
        .verdict(&years(host_params(), 2020, 2029))
        .unwrap_err();
    for failure in rejection.failures() {
        for text in [
            failure.to_string(),
            failure.user_advice().into(),
            failure.operator_advice().into(),
        ] {
            assert!(!text.is_empty() && !text.contains('\n'), "{text:?}");
        }
        assert!(!failure.to_string().ends_with('.'));
        assert!(failure.user_advice().ends_with('.') && failure.operator_advice().ends_with('.'));
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_without_harm(
        chain in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..4),
    ) {
        let house = fixed();
        let chain: Vec<_> = chain.into_iter().map(CertificateDer::from).collect();
        let rejection = verdict(&chain, &house.anchors).unwrap_err();
        prop_assert!(!rejection.to_string().is_empty());
    }

    /// A certificate with some bytes changed is refused, and the report can be made.
    #[test]
    fn changed_certificates_are_refused_without_harm(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), 1_u8..), 1..4),
        which in 0_usize..2,
    ) {
        let house = fixed();
        let mut chain = house.chain.clone();
        let mut changed = chain[which].to_vec();
        for (index, change) in changes {
            let index = index.index(changed.len());
            changed[index] ^= change;
        }
        prop_assume!(changed != chain[which].as_ref());
        chain[which] = CertificateDer::from(changed);
        let rejection = verdict(&chain, &house.anchors).unwrap_err();
        prop_assert!(!rejection.to_string().is_empty());
        let error = rejection.tls_certificate_error();
        prop_assert!(!matches!(error, CertificateError::Other(_)));
    }
}

struct Fixed {
    chain: Vec<CertificateDer<'static>>,
    anchors: TrustAnchors,
}

/// A good chain, made once.
fn fixed() -> &'static Fixed {
    static FIXED: std::sync::OnceLock<Fixed> = std::sync::OnceLock::new();
    FIXED.get_or_init(|| {
        let house = House::new();
        let fixed = Fixed {
            chain: house.chain(&host_params()),
            anchors: house.anchors,
        };
        assert!(verdict(&fixed.chain, &fixed.anchors).is_ok());
        fixed
    })
}
