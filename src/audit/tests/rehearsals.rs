//! A renewal before it is deployed: RFC 7671 §8, RFC 8314 §4.4.

use super::*;
use crate::verify::Fingerprint;

fn run(site: &Site, next: &[CertificateDer<'static>]) -> Rehearsal {
    let renewal =
        Renewal::default().replacing("mail.pem", ServerChain::new("next.pem", next.to_vec()));
    rehearse(&site.inventory(), &renewal, &site.policy(), NOW)
}

fn found(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().for_each(assert_is_a_sentence);
    let mut codes: Vec<_> = findings.iter().map(Finding::code).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The same key, or one whose record is there: nothing breaks.
#[test]
fn a_renewal_that_was_prepared() {
    let mut site = Site::new();
    let next = vec![site.root.issue(&dated(&good_names()))];
    let (now, then) = (tlsa_of(&site.chain[0]), tlsa_of(&next[0]));
    let rehearsal = run(&site, &site.chain.clone());
    assert_eq!(
        (rehearsal.breaks().len(), rehearsal.safe_from()),
        (0, Some(NOW))
    );
    assert_eq!(rehearsal.unaffected(), 0); // nothing is replaced

    // Published, and nobody knows since when: two times to live from now.
    site.tlsa(&[&now, &then]);
    let rehearsal = run(&site, &next);
    assert_eq!(found(rehearsal.breaks()), ["tlsa-too-young"]);
    assert_eq!(rehearsal.safe_from(), Some(after(NOW, HOUR * 2)));
    // Typed, by SRV, by TLSA; on two ports.
    assert_eq!(rehearsal.unaffected(), 6);

    // Published long ago.
    let mut inventory = site.inventory();
    let questions: Vec<_> = inventory.answered().cloned().collect();
    let yesterday = UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() - DAY));
    for question in &questions {
        assert!(inventory.published_since(question, yesterday));
    }
    let renewal = Renewal::default().replacing("mail.pem", ServerChain::new("", next.clone()));
    let rehearsal = rehearse(&inventory, &renewal, &site.policy(), NOW);
    assert_eq!(found(rehearsal.breaks()), NONE);
    assert_eq!(rehearsal.safe_from(), Some(NOW));

    // Or the renewal waits.
    let renewal = renewal.at(after(NOW, HOUR * 3));
    let rehearsal = rehearse(&site.inventory(), &renewal, &site.policy(), NOW);
    assert_eq!(found(rehearsal.breaks()), NONE);
}

/// 7671-8-1: what has to be published, and from when on the new chain is safe.
#[test]
fn a_new_key_without_its_record() {
    let site = Site::new();
    let next = vec![site.root.issue(&dated(&good_names()))];
    let rehearsal = run(&site, &next);
    assert_eq!(
        found(rehearsal.breaks()),
        ["client-breaks", "tlsa-to-publish"]
    );
    assert_eq!(rehearsal.safe_from(), Some(after(NOW, HOUR * 2)));
    let wanted = rehearsal.breaks().iter().find_map(|one| {
        if let Problem::TlsaToPublish { record, earliest } = one.problem() {
            Some((record.to_string(), *earliest))
        } else {
            None
        }
    });
    assert_eq!(wanted, Some((tlsa_of(&next[0]), after(NOW, HOUR * 2))));
    let broken: Vec<_> = rehearsal
        .breaks()
        .iter()
        .filter_map(|one| {
            if let Problem::ClientBreaks { client, failure } = one.problem() {
                Some((client.clone(), failure.code()))
            } else {
                None
            }
        })
        .collect();
    assert!(broken.iter().all(|(client, code)| {
        matches!(client, MailClient::Dane { .. }) && *code == "tlsa-mismatch"
    }));
    assert_eq!(found(rehearsal.introduced()), ["tlsa-mismatch"]);
}

/// Each kind of client by itself: who is locked out by names, who is let in.
#[test]
fn names_that_are_gone() {
    let mut site = Site::new();
    site.without_tlsa();
    site.srv_with(DnsStatus::Insecure, "_imaps", &[(0, 993, HOST)]);
    let next = vec![site.root.issue(&dated(&[dns(HOST)]))];
    let rehearsal = run(&site, &next);
    let broken: Vec<_> = rehearsal
        .breaks()
        .iter()
        .map(|one| one.problem().to_string())
        .collect();
    assert_eq!(broken.len(), 1, "{broken:?}");
    let client = "the IMAP client led by the unsigned SRV records of example.org would be locked \
                  out by the new chain: ";
    assert!(broken[0].starts_with(client), "{broken:?}");
    assert_eq!(rehearsal.safe_from(), None); // no waiting mends it
    assert!(found(rehearsal.introduced()).contains(&"source-domain-not-named"));

    // And back.
    let good = site.chain.clone();
    site.show(&next);
    let rehearsal = run(&site, &good);
    assert_eq!(rehearsal.breaks(), []);
    assert_eq!(rehearsal.repaired().len(), 1);
    assert!(matches!(
        rehearsal.repaired()[0],
        MailClient::Srv {
            is_secure: false,
            ..
        }
    ));
    assert!(found(rehearsal.resolved()).contains(&"source-domain-not-named"));
    assert!(rehearsal.introduced().is_empty());
}

/// RFC 8314 §5.4: pins of the certificate break with every renewal, those of the key with a new key.
#[test]
fn pins() {
    let mut site = Site::new();
    let next = vec![site.root.issue(&dated(&good_names()))];
    let key = |certificate: &CertificateDer<'_>| {
        Fingerprint::of(Certificate::parse(certificate).unwrap().public_key_der)
    };
    let (now, then) = (tlsa_of(&site.chain[0]), tlsa_of(&next[0]));
    site.tlsa(&[&now, &then]);
    let own = site.chain[0].clone();
    for (pin, next_pin) in [
        (
            Fingerprint::of_certificate(&own),
            Fingerprint::of_certificate(&next[0]),
        ),
        (key(&own), key(&next[0])),
    ] {
        site.pins = vec![pin];
        let rehearsal = run(&site, &next);
        assert_eq!(found(rehearsal.breaks()), ["pin-breaks", "tlsa-too-young"]);
        assert_eq!(rehearsal.safe_from(), None);
        // Pinned beside it, as the sentence says.
        site.pins = vec![pin, next_pin];
        assert_eq!(found(run(&site, &next).breaks()), ["tlsa-too-young"]);
        // Somebody else's.
        site.pins = vec![next_pin];
        assert_eq!(found(run(&site, &next).breaks()), ["tlsa-too-young"]);
    }
}

/// A published authority stays: its record is that of the old chain and of the new one.
#[test]
fn a_published_authority_outlives_a_renewal() {
    let mut site = Site::new();
    let intermediate = site
        .root
        .authority(crate::testing::authority_params("stays"));
    let [now, next] = [0, 1].map(|_| {
        let leaf = intermediate.issue(&dated(&good_names()));
        vec![leaf, intermediate.certificate.clone()]
    });
    site.show(&now);
    let digest = DigestAlgorithm::Sha256.digest(&intermediate.certificate);
    site.tlsa(&[&format!("2 0 1 {}", hex(&digest))]);
    let rehearsal = run(&site, &next);
    assert_eq!(rehearsal.breaks(), []);
    assert_eq!(rehearsal.safe_from(), Some(NOW));

    // Another authority: its certificate is what to publish.
    let other = site
        .root
        .authority(crate::testing::authority_params("other"));
    let leaf = other.issue(&dated(&good_names()));
    let rehearsal = run(&site, &[leaf, other.certificate.clone()]);
    let wanted = rehearsal.breaks().iter().find_map(|one| {
        if let Problem::TlsaToPublish { record, .. } = one.problem() {
            Some(record.to_string())
        } else {
            None
        }
    });
    let digest = DigestAlgorithm::Sha256.digest(&other.certificate);
    assert_eq!(wanted, Some(format!("2 0 1 {}", hex(&digest))));
}

/// What is not in order with the new chain is found however bad it is.
#[test]
fn a_new_chain_of_nothing() {
    let site = Site::new();
    for next in [vec![], vec![CertificateDer::from(vec![0x30, 0])]] {
        let rehearsal = run(&site, &next);
        let introduced = found(rehearsal.introduced());
        let expected = ["no-certificate", "unreadable-certificate"];
        assert!(
            introduced.iter().any(|code| expected.contains(code)),
            "{introduced:?}"
        );
    }
}
