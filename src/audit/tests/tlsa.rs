//! TLSA records against what is deployed: RFC 7671, RFC 7673 §6, RFC 8314 §4.5.

use super::*;

const WRONG: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Records of a chain: `3 1 1`, `2 0 1`… of the certificate at a place.
fn record(chain: &[CertificateDer<'_>], at: usize, form: &str) -> String {
    let certificate = &chain[at];
    let parsed = Certificate::parse(certificate).unwrap();
    let [_, selector, matching] = form.split(' ').collect::<Vec<_>>()[..] else {
        panic!()
    };
    let content: &[u8] = match selector {
        "0" => certificate,
        _ => parsed.public_key_der,
    };
    let data = match matching {
        "0" => content.to_vec(),
        "1" => DigestAlgorithm::Sha256.digest(content),
        _ => DigestAlgorithm::Sha512.digest(content),
    };
    format!("{form} {}", hex(&data))
}

/// One set of records on the site in order, whose chain is a leaf and an intermediate.
#[test]
fn sets_of_records() {
    use Level::{Advice, Error, Warning};
    let site = Site::new();
    let chain = &site.chain;
    let of = |at, form| record(chain, at, form);
    let good = of(0, "3 1 1");
    let wrong = |form: &str| format!("{form} {WRONG}");
    let root = record(std::slice::from_ref(&site.root.certificate), 0, "2 0 1");
    let rows: [(&str, Vec<String>, &Found); 17] = [
        ("7671-5.1-2: what is recommended", vec![good.clone()], &[]),
        (
            "7671-8-1: a future 3 1 1 alone, with a current 2 0 1",
            vec![wrong("3 1 1"), of(1, "2 0 1")],
            &[(Error, "tlsa-combination"), (Advice, "tlsa-left-over")],
        ),
        (
            "§8.1: a future one beside the current one",
            vec![good.clone(), wrong("3 1 1")],
            &[(Advice, "tlsa-left-over")],
        ),
        (
            "7673-6-1: nothing matches",
            vec![wrong("3 1 1")],
            &[(Error, "tlsa-mismatch")],
        ),
        (
            "the other selector",
            vec![of(0, "3 0 1").replace("3 0 1", "3 1 1")],
            &[(Error, "tlsa-mismatch")],
        ),
        (
            "7671-5.1-2: another form",
            vec![of(0, "3 0 1")],
            &[(Advice, "tlsa-not-recommended")],
        ),
        (
            "7671-2-1: SHA2-512 alone",
            vec![of(0, "3 1 2")],
            &[
                (Warning, "tlsa-only-sha512"),
                (Advice, "tlsa-not-recommended"),
            ],
        ),
        ("7671-2-1: both", vec![good.clone(), of(0, "3 1 2")], &[]),
        (
            "7671-10.1-1: a whole certificate",
            vec![good.clone(), of(0, "3 0 0")],
            &[(Warning, "tlsa-full")],
        ),
        (
            "7671-10.1-1: an authority by its key",
            vec![good.clone(), of(1, "2 1 1")],
            &[(Advice, "tlsa-anchor-by-key")],
        ),
        (
            "an authority that is sent",
            vec![of(1, "2 0 1")],
            &[(Advice, "tlsa-not-recommended")],
        ),
        (
            "7671-5.2-1: the root, which is not sent",
            vec![root.clone()],
            &[
                (Error, "tlsa-anchor-not-sent"),
                (Error, "tlsa-mismatch"),
                (Advice, "tlsa-not-recommended"),
            ],
        ),
        (
            "7671-5.2-1: the same beside a good one",
            vec![good.clone(), root],
            &[(Error, "tlsa-anchor-not-sent"), (Advice, "tlsa-left-over")],
        ),
        (
            "RFC 7671 §5.2.2: 2 0 0, which need not be sent",
            vec![
                good.clone(),
                record(std::slice::from_ref(&site.root.certificate), 0, "2 0 0"),
            ],
            &[(Warning, "tlsa-full")],
        ),
        (
            "RFC 7671 §4: usages that mail programs ignore",
            vec![good.clone(), of(0, "1 1 1"), of(1, "0 0 1")],
            &[(Warning, "tlsa-pkix-usage")],
        ),
        (
            "RFC 6698 §4.1: a digest that is cut short",
            vec![good.clone(), "3 0 1 abcd".into()],
            &[
                (Error, "tlsa-combination"),
                (Warning, "tlsa-unusable"),
                (Advice, "tlsa-left-over"),
            ],
        ),
        (
            "usage 2 for the server's own certificate",
            vec![good, of(0, "3 1 1").replacen('3', "2", 1)],
            &[
                (Error, "tlsa-combination"),
                (Advice, "tlsa-anchor-by-key"),
                (Advice, "tlsa-left-over"),
            ],
        ),
    ];
    for (what, records, expected) in rows {
        let mut site = Site {
            root: Authority::named("unused"),
            chain: site.chain.clone(),
            ..Site::new()
        };
        site.show(&chain.clone());
        let records: Vec<_> = records.iter().map(String::as_str).collect();
        site.tlsa(&records);
        let policy = policy_with(&[&chain[1]]);
        let report = audit(&site.inventory(), &policy, NOW);
        let found = codes(&report);
        let found: Vec<_> = found
            .into_iter()
            .filter(|one| one.1 != "root-sent")
            .collect();
        assert_eq!(found, expected, "{what}: {}", shown(&report));
        report.findings().iter().for_each(assert_is_a_sentence);
    }
}

/// Trusts the site's own intermediate, so that PKIX has nothing to complain about.
fn policy_with(anchors: &[&CertificateDer<'static>]) -> AuditPolicy {
    let anchors = anchors.iter().map(|one| (*one).clone());
    let anchors = TrustAnchors::from_der(anchors).unwrap();
    let algorithms = providers().remove(0).signature_verification_algorithms;
    AuditPolicy::new(anchors, algorithms)
}

/// RFC 7671 §5.2.1: a published root is sent, and then it is nothing to leave out.
#[test]
fn a_published_root_that_is_sent() {
    let mut site = Site::new();
    let root = site.root.certificate.clone();
    let mut chain = site.chain.clone();
    chain.push(root.clone());
    site.show(&chain);
    let own = record(&chain, 0, "3 1 1");
    let anchor = record(&chain, 2, "2 0 1");
    site.tlsa(&[&own, &anchor]);
    site.assert_found(&[]);
    site.tlsa(&[&own]);
    site.assert_found(&[(Level::Advice, "root-sent")]);
}

/// 8314-4.5-1: "Insecure TLSA set gives a MUST NOT finding."
#[test]
fn unsigned_records() {
    let mut site = Site::new();
    let good = tlsa_of(&site.chain[0]);
    site.tlsa_with(DnsStatus::Insecure, &[&good], HOUR);
    site.assert_found(&[(Level::Error, "tlsa-unsigned")]);
    let report = site.audit();
    assert_eq!(report.findings()[0].clause(), "RFC 8314 §4.5.4");
    // They lock nobody out, whatever they say.
    site.tlsa_with(DnsStatus::Insecure, &[&format!("3 1 1 {WRONG}")], HOUR);
    site.assert_found(&[
        (Level::Error, "tlsa-unsigned"),
        (Level::Warning, "tlsa-mismatch"),
    ]);
}

/// RFC 8314 §4.5.4: SHOULD, where they can be protected.
#[test]
fn no_records() {
    let mut site = Site::new();
    site.without_tlsa();
    site.assert_found(&[(Level::Advice, "tlsa-missing")]);
    site.set(HOST, RecordType::A, Answer::addresses(DnsStatus::Insecure));
    site.assert_found(&[(Level::Warning, "records-unsigned")]);
}

/// 7671-10.1-1 with RFC 7671 §13: "long validity an informational one".
#[test]
fn times_to_live_and_signatures() {
    let mut site = Site::new();
    let good = tlsa_of(&site.chain[0]);
    site.tlsa_with(DnsStatus::Secure, &[&good], HOUR * 24);
    site.assert_found(&[(Level::Advice, "tlsa-long-ttl")]);
    let policy = site.policy().with_longest_tlsa_ttl(HOUR * 24);
    let inventory = site.inventory();
    assert_eq!(codes(&audit(&inventory, &policy, NOW)), []);

    let mut inventory = Site::new().inventory();
    let tlsa = |question: &&crate::discovery::Question| question.name().starts_with("_993");
    let question = inventory.answered().find(tlsa).unwrap().clone();
    assert!(inventory.signed_for(&question, HOUR * 24 * 31));
    let report = audit(&inventory, &policy, NOW);
    assert!(codes(&report).contains(&(Level::Advice, "tlsa-long-signature")));
    let policy = policy.with_longest_signatures(HOUR * 24 * 31);
    let report = audit(&inventory, &policy, NOW);
    assert!(!codes(&report).contains(&(Level::Advice, "tlsa-long-signature")));
}

/// RFC 7673 §6: "For TLSA records with certificate usage types other than DANE-EE, the
/// certificate(s) MUST contain an identifier" of the service domain or the host.
#[test]
fn names_for_other_usages_than_dane_ee() {
    let with = |names: &[Vec<u8>]| {
        let mut site = Site::with_names(names);
        let anchor = record(&site.chain, 1, "2 0 1");
        site.tlsa(&[&anchor]);
        let report = site.audit();
        let refused = report.findings().iter().find_map(|one| {
            if let Problem::TlsaRefused { failure, .. } = one.problem() {
                Some(failure.code())
            } else {
                None
            }
        });
        (refused, shown(&report))
    };
    assert_eq!(with(&[dns(HOST)]).0, None);
    assert_eq!(with(&[dns("example.org")]).0, None);
    let (refused, text) = with(&[dns("www.example.net")]);
    assert_eq!(refused, Some("name-mismatch"), "{text}");
}

/// RFC 7671 §7: records where a secure alias leads to.
#[test]
fn records_of_an_alias() {
    let mut site = Site::new();
    let good = tlsa_of(&site.chain[0]);
    let rdata = || [TlsaRecord::parse(&good).unwrap().to_rdata()];
    site.without_tlsa();
    let real = name("real.example.net");
    let answer = Answer::addresses(DnsStatus::Secure).via_alias(real, DnsStatus::Secure);
    site.set(HOST, RecordType::A, answer);
    for port in [993, 143] {
        let owner = format!("_{port}._tcp.real.example.net");
        site.set(
            &owner,
            RecordType::Tlsa,
            Answer::tlsa(DnsStatus::Secure, rdata()),
        );
    }
    site.assert_found(&[(Level::Warning, "srv-target-alias")]);
}

/// Each chain of a server is to match: another key beside the published one is found.
#[test]
fn every_chain_has_to_match() {
    let mut site = Site::new();
    let twin = site.root.issue(&dated(&good_names()));
    for listener in &mut site.listeners {
        let twin = ServerChain::new("twin.pem", [twin.clone()]);
        *listener = listener.clone().with_chain(twin);
    }
    site.assert_found(&[(Level::Error, "tlsa-mismatch")]);
    let report = site.audit();
    let text = report.findings()[0].to_string();
    let expected = "_143._tcp.mail.example.org TLSA: no record matches twin.pem, and clients that \
                    apply them refuse it: publish the record of its certificate";
    assert!(shown(&report).contains(expected), "{text}");
}

#[test]
fn more_records_than_clients_look_at() {
    let mut site = Site::new();
    let good = tlsa_of(&site.chain[0]);
    let many: Vec<String> = (0..40)
        .map(|index| format!("3 1 1 {:064x}", index))
        .collect();
    let mut many: Vec<&str> = many.iter().map(String::as_str).collect();
    many[0] = &good;
    site.tlsa(&many);
    let found = codes(&site.audit());
    assert!(
        found.contains(&(Level::Error, "tlsa-too-many")),
        "{found:?}"
    );
}
