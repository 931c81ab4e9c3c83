//! RFC 8314 §4.4: certificates that are valid, and chains that are whole.

use super::*;
use crate::testing::{authority_params, key};

/// 8314-4.4-1: "Expired or missing-name certificate produces a finding."
#[test]
fn dates() {
    let site = Site::new();
    let day = Duration::from_secs(DAY);
    // A life of 90 days, 60 of them ahead: 21 days are less than a third.
    for (days, expected) in [
        (38, None),
        (40, Some((Level::Warning, "expiring"))),
        (60, Some((Level::Warning, "expiring"))),
        (61, Some((Level::Warning, "expired"))), // DANE-EE accepts it all the same
    ] {
        let report = site.audit_at(after(NOW, day * days));
        assert_eq!(codes(&report), Vec::from_iter(expected), "{days}");
        report.findings().iter().for_each(assert_is_a_sentence);
    }
    let mut site = site;
    site.without_tlsa();
    site.set(HOST, RecordType::A, Answer::nothing(DnsStatus::Secure));
    let report = site.audit_at(after(NOW, day * 61));
    assert!(codes(&report).contains(&(Level::Error, "expired")));
    let early = UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() - 40 * DAY));
    let report = site.audit_at(early);
    assert!(codes(&report).contains(&(Level::Error, "not-yet-valid")));
}

/// 21 days, never more than a third of the life, or what the operator says.
#[test]
fn the_expiry_warning_is_scaled() {
    let site = Site::new();
    let policy = site.policy();
    let days = |days: u64| Duration::from_secs(days * DAY);
    for (life, expected) in [(365, 21), (90, 21), (45, 15), (6, 2)] {
        assert_eq!(policy.expiry_of(days(life)), days(expected), "{life}");
    }
    let policy = policy.with_expiry_warning(days(40));
    assert_eq!(policy.expiry_of(days(365)), days(40));
    let report = audit(&site.inventory(), &policy, after(NOW, days(29)));
    assert_eq!(codes(&report), []);
    let report = audit(&site.inventory(), &policy, after(NOW, days(31)));
    assert_eq!(codes(&report), [(Level::Warning, "expiring")]);
}

/// The end of an intermediate is the end of the path.
#[test]
fn an_intermediate_that_expires_first() {
    let mut site = Site::new();
    let mut params = authority_params("short");
    let in_a_week = dated(&[]).not_after - Duration::from_secs(53 * DAY);
    params.not_before = dated(&[]).not_before;
    params.not_after = in_a_week;
    let short = site.root.authority(params);
    let leaf = short.issue(&dated(&good_names()));
    site.show(&[leaf.clone(), short.certificate.clone()]);
    site.tlsa(&[&tlsa_of(&leaf)]);
    let report = site.audit();
    let finding = &report.findings()[0];
    let Problem::Expiring { position, left, .. } = finding.problem() else {
        panic!("{finding}");
    };
    assert_eq!((*position, left.as_secs()), (Some(1), 7 * DAY));
    assert_eq!(
        finding.problem().to_string(),
        "certificate 2 of the chain expires in 7 days, on 2030-01-08 00:00:00 UTC: renew it now"
    );
}

#[test]
fn how_a_chain_is_put_together() {
    let other = Authority::named("another");
    let stray = other.issue(&dated(&[dns("stray.example.org")]));
    let site = Site::new();
    let root = site.root.certificate.clone();
    let [leaf, intermediate] = &site.chain[..] else {
        panic!()
    };
    let rows: [(&str, Vec<&CertificateDer<'static>>, &Found); 6] = [
        ("whole", vec![leaf, intermediate], &[]),
        (
            "without the intermediate",
            vec![leaf],
            &[(Level::Error, "missing-intermediate")],
        ),
        (
            "with the root",
            vec![leaf, intermediate, &root],
            &[(Level::Advice, "root-sent")],
        ),
        (
            "with the root in between",
            vec![leaf, &root, intermediate],
            &[
                (Level::Warning, "wrong-order"),
                (Level::Advice, "root-sent"),
            ],
        ),
        (
            "with another server's",
            vec![leaf, intermediate, &stray],
            &[(Level::Advice, "extra-certificates")],
        ),
        ("none", vec![], &[(Level::Error, "no-certificate")]),
    ];
    for (what, chain, expected) in rows {
        let mut site = Site {
            root: Authority::named("unused"),
            ..Site::new()
        };
        let chain: Vec<_> = chain.into_iter().cloned().collect();
        site.show(&chain);
        site.without_tlsa();
        for port in [993, 143] {
            // Nothing is known of TLSA records, and PKIX alone counts.
            let owner = format!("_{port}._tcp.{HOST}");
            site.set(
                &owner,
                RecordType::Tlsa,
                Answer::nothing(DnsStatus::Insecure),
            );
        }
        let anchors = TrustAnchors::from_der([root.clone()]).unwrap();
        let algorithms = providers().remove(0).signature_verification_algorithms;
        let report = audit(
            &site.inventory(),
            &AuditPolicy::new(anchors, algorithms),
            NOW,
        );
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        assert_eq!(codes(&report), expected, "{what}: {}", shown(&report));
        report.findings().iter().for_each(assert_is_a_sentence);
    }
}

#[test]
fn the_intermediate_first() {
    let mut site = Site::new();
    let swapped = [site.chain[1].clone(), site.chain[0].clone()];
    site.show(&swapped);
    let report = site.audit();
    let codes = codes(&report);
    assert!(
        codes.contains(&(Level::Error, "authority-as-peer")),
        "{codes:?}"
    );
    let order = report.findings().iter().find_map(|one| {
        if let Problem::WrongOrder { order } = one.problem() {
            Some(order.clone())
        } else {
            None
        }
    });
    assert_eq!(order, Some(vec![1, 0]));
}

#[test]
fn untrusted_and_self_signed() {
    let mut site = Site::new();
    site.root = Authority::named("somebody else");
    let report = site.audit();
    assert_eq!(codes(&report), [(Level::Warning, "unknown-authority")]); // DANE-EE accepts it
    site.without_tlsa();
    let found = codes(&site.audit());
    assert!(
        found.contains(&(Level::Error, "unknown-authority")),
        "{found:?}"
    );

    let own = dated(&good_names()).self_signed(&key()).unwrap();
    site.show(&[own.der().clone()]);
    let found = codes(&site.audit());
    assert!(found.contains(&(Level::Error, "self-signed")), "{found:?}");
}

/// Beyond the bounds of verification nothing is looked into.
#[test]
fn a_chain_without_end() {
    let mut site = Site::new();
    let long: Vec<_> = std::iter::repeat_n(site.chain[0].clone(), 40).collect();
    site.show(&long);
    let found = codes(&site.audit());
    assert!(
        found.contains(&(Level::Error, "too-many-certificates")),
        "{found:?}"
    );
    site.show(&[CertificateDer::from(vec![0x30, 0x80, 1, 2, 3])]);
    let found = codes(&site.audit());
    assert!(
        found.contains(&(Level::Error, "unreadable-certificate")),
        "{found:?}"
    );
}

/// An ECDSA and an RSA chain side by side, and one by SNI: each is judged.
#[test]
fn each_chain_of_a_server_is_judged() {
    let mut site = Site::new();
    let twin = site.root.issue(&dated(&good_names()));
    let old = {
        let mut params = dated(&good_names());
        params.not_after = params.not_before + Duration::from_secs(DAY);
        site.root.issue(&params)
    };
    let record = tlsa_of(&site.chain[0]);
    let others = [tlsa_of(&twin), tlsa_of(&old)];
    site.tlsa(&[&record, &others[0], &others[1]]);
    for listener in &mut site.listeners {
        let old = ServerChain::new("old.pem", [old.clone()]).for_name(name("old.example.org"));
        let twin = ServerChain::new("twin.pem", [twin.clone()]);
        *listener = listener.clone().with_chain(twin).with_chain(old);
    }
    let report = site.audit();
    let found: Vec<_> = report
        .findings()
        .iter()
        .filter(|finding| finding.code() == "expired")
        .collect();
    assert_eq!(found.len(), 1, "{}", shown(&report));
    let expected = Subject::Chain {
        label: "old.pem".into(),
        host: name(HOST),
    };
    assert_eq!(*found[0].subject(), expected);
    let labels: Vec<_> = report.chains().iter().map(|one| &*one.label).collect();
    assert_eq!(labels, ["mail.pem", "twin.pem", "old.pem"]);
}
