//! Which references and which SNI follow, by clause.

use std::collections::HashSet;

use super::*;
use crate::identity::{ReferenceIds, ReferenceName};
use crate::service::{Service::*, TlsMode::*};
use Provenance::*;

const HOST: &str = "mx1.provider.example";
const EMAIL: &str = "example.net";

fn name(name: &str) -> HostName {
    HostName::parse(name).unwrap()
}

fn source(service: Service, mode: TlsMode, host: &str, provenance: Provenance) -> ReferenceSource {
    ReferenceSource::new(service, mode, Host::parse(host).unwrap(), provenance)
}

/// With the domain of the address known.
fn with_email(provenance: Provenance) -> ReferenceSource {
    source(Imap, Implicit, HOST, provenance).with_email_domain(name(EMAIL))
}

fn texts(source: &ReferenceSource) -> Vec<String> {
    match ReferenceIds::derive(source) {
        Ok(ids) => ids.iter().map(ToString::to_string).collect(),
        Err(error) => vec![
            format!("{error:?}")
                .split(['(', ' '])
                .next()
                .unwrap()
                .to_owned(),
        ],
    }
}

fn sni(source: &ReferenceSource) -> Option<&str> {
    source.server_name().map(HostName::as_str)
}

#[test]
fn what_follows_from_how_the_host_was_learned() {
    let bare = |provenance| source(Imap, Implicit, HOST, provenance);
    let of_domain = |provenance| bare(provenance).with_service_domain(name("typed.example"));
    let strict = IdentityPolicy::default().with_strict_rfc9525(true);
    let on_request = IdentityPolicy::default().with_service_domain(true);
    let rows: Vec<(ReferenceSource, &[&str], Option<&str>, &str)> = vec![
        (bare(Typed), &[HOST], Some(HOST), "RFC 7817 §3 1(b)"),
        (
            with_email(Typed),
            &[HOST, "_imaps.example.net"],
            Some(HOST),
            "RFC 6125 §6.2.1: SRV-ID where SRV is typical",
        ),
        (
            with_email(Typed).with_policy(on_request),
            &[HOST, "_imaps.example.net", EMAIL],
            Some(HOST),
            "RFC 7817 §3 1(a), on request",
        ),
        (
            with_email(Administrator),
            &[HOST, "_imaps.example.net"],
            Some(HOST),
            "RFC 6125 §6.2.1 \"configured\"",
        ),
        (
            with_email(ProviderDatabase),
            &[HOST, "_imaps.example.net"],
            Some(HOST),
            "RFC 6125 §6.2.1 \"trusted mapping\"",
        ),
        (
            with_email(AutoconfigAuthenticated),
            &[HOST, "_imaps.example.net"],
            Some(HOST),
            "RFC 6125 §1.8 \"delegated domain\"",
        ),
        (
            with_email(Confirmed),
            &[HOST, "_imaps.example.net"],
            Some(HOST),
            "RFC 7817 §8, RFC 8314 §5.1: confirmed by the user",
        ),
        (
            of_domain(Confirmed),
            &[HOST, "_imaps.typed.example", "typed.example"],
            Some(HOST),
            "found by SRV (RFC 7673 §4.1 SHALL) and confirmed",
        ),
        (
            with_email(SrvInsecure),
            &[EMAIL, "_imaps.example.net"],
            Some(EMAIL),
            "RFC 7673 §4.1: the service domain, MUST NOT the target; RFC 9325 §7.1",
        ),
        (
            with_email(SrvSecure),
            &[EMAIL, "_imaps.example.net", HOST],
            Some(EMAIL),
            "RFC 7673 §4.1: both, service domain preferred",
        ),
        (
            with_email(SrvSecure).with_policy(strict),
            &[EMAIL, "_imaps.example.net"],
            Some(EMAIL),
            "RFC 9525 §6.1: not derived, not even by DNSSEC",
        ),
        (
            with_email(Typed).with_policy(strict),
            &[HOST, "_imaps.example.net"],
            Some(HOST),
            "RFC 9525 §6.1: securely parsed from input",
        ),
        (
            of_domain(SrvInsecure).with_email_domain(name(EMAIL)),
            &["typed.example", "_imaps.typed.example"],
            Some("typed.example"),
            "the domain that was asked for goes before that of the address",
        ),
        (
            bare(SrvSecure),
            &[HOST],
            Some(HOST),
            "RFC 7817 §3 1(c), no domain known",
        ),
        (
            bare(SrvInsecure),
            &["Untrustworthy"],
            Some(HOST),
            "RFC 7673 §4.1 MUST NOT",
        ),
        (
            bare(SrvSecure).with_policy(strict),
            &["Untrustworthy"],
            Some(HOST),
            "RFC 9525 §6.1",
        ),
        (
            with_email(Guessed),
            &["Untrustworthy"],
            Some(HOST),
            "RFC 6125 §6.2.1 MUST",
        ),
        (
            with_email(AutoconfigUnauthenticated),
            &["Untrustworthy"],
            Some(HOST),
            "RFC 6125 §6.2.1 MUST",
        ),
        (
            of_domain(Guessed),
            &["typed.example", "_imaps.typed.example"],
            Some("typed.example"),
            "verified by the domain: the guess is no reference",
        ),
        (
            source(Imap, Implicit, "EXAMPLE.net.", SrvSecure).with_email_domain(name(EMAIL)),
            &[EMAIL, "_imaps.example.net"],
            Some(EMAIL),
            "the domain is the host: once",
        ),
        (
            source(Imap, Implicit, "192.0.2.1", Typed).with_email_domain(name(EMAIL)),
            &["192.0.2.1"],
            None,
            "RFC 9525 §6.1: IP-ID alone; RFC 6066 §3: no SNI",
        ),
        (
            source(ManageSieve, StartTls, "2001:db8::1", Confirmed),
            &["2001:db8::1"],
            None,
            "RFC 7817 appendix A",
        ),
        (
            source(Imap, Implicit, "192.0.2.1", SrvSecure),
            &["Untrustworthy"],
            None,
            "RFC 2782: a target is a name",
        ),
    ];
    for (source, expected, server_name, clause) in rows {
        assert_eq!(texts(&source), expected, "{clause}: {source:?}");
        assert_eq!(sni(&source), server_name, "{clause}: {source:?}");
    }
}

#[test]
fn the_label_is_that_of_the_mode() {
    let both = IdentityPolicy::default().with_submission_label(true);
    let rows: &[(Service, TlsMode, IdentityPolicy, &[&str], &str)] = &[
        (
            Imap,
            Implicit,
            IdentityPolicy::default(),
            &["_imaps"],
            "RFC 7817 §6",
        ),
        (
            Imap,
            StartTls,
            IdentityPolicy::default(),
            &["_imap"],
            "RFC 7817 §6",
        ),
        (
            Pop3,
            Implicit,
            IdentityPolicy::default(),
            &["_pop3s"],
            "RFC 6186 §3.3",
        ),
        (
            Pop3,
            StartTls,
            IdentityPolicy::default(),
            &["_pop3"],
            "RFC 6186 §3.3",
        ),
        (
            Submission,
            StartTls,
            IdentityPolicy::default(),
            &["_submission"],
            "RFC 6186 §3.1",
        ),
        (
            Submission,
            Implicit,
            IdentityPolicy::default(),
            &["_submissions"],
            "RFC 8314 §5.1",
        ),
        (
            Submission,
            Implicit,
            both,
            &["_submissions", "_submission"],
            "by choice",
        ),
        (
            Submission,
            StartTls,
            both,
            &["_submission"],
            "on implicit ports only",
        ),
        (Imap, Implicit, both, &["_imaps"], "for submission only"),
        (
            ManageSieve,
            StartTls,
            IdentityPolicy::default(),
            &["_sieve"],
            "RFC 7817 §3",
        ),
        (
            Lmtp,
            StartTls,
            IdentityPolicy::default(),
            &[],
            "RFC 4985 §2: none is defined",
        ),
        (
            SmtpRelay,
            StartTls,
            IdentityPolicy::default(),
            &[],
            "RFC 4985 §2: none is defined",
        ),
    ];
    for (service, mode, policy, labels, clause) in rows {
        let source = source(*service, *mode, HOST, Typed)
            .with_email_domain(name(EMAIL))
            .with_policy(*policy);
        let mut expected = vec![HOST.to_owned()];
        expected.extend(labels.iter().map(|label| format!("{label}.{EMAIL}")));
        assert_eq!(texts(&source), expected, "{service} {mode}: {clause}");
    }
}

#[test]
fn the_policy_says_which_types_are_sought() {
    // RFC 6125 §6.2.1: "the client might be configured to match SRV-IDs only".
    let all = IdentityPolicy::default();
    let none = all
        .with_dns_ids(false)
        .with_srv_ids(false)
        .with_ip_ids(false);
    let rows: &[(IdentityPolicy, &[&str])] = &[
        (all, &[EMAIL, "_imaps.example.net", HOST]),
        (all.with_dns_ids(false), &["_imaps.example.net"]),
        (all.with_srv_ids(false), &[EMAIL, HOST]),
        (all.with_ip_ids(false), &[EMAIL, "_imaps.example.net", HOST]),
        (none, &["NoneLeft"]),
        (
            none.with_common_names(true),
            &[
                "the common name example.net",
                "the common name mx1.provider.example",
            ],
        ),
        (
            all.with_common_names(true),
            &[
                EMAIL,
                "_imaps.example.net",
                HOST,
                "the common name example.net",
                "the common name mx1.provider.example",
            ],
        ),
        (
            all.with_common_names(true).with_strict_rfc9525(true),
            &["CommonNameInStrictMode"],
        ),
    ];
    for (policy, expected) in rows {
        let source = with_email(SrvSecure).with_policy(*policy);
        assert_eq!(texts(&source), *expected, "{policy:?}");
    }
    let address = source(Imap, Implicit, "192.0.2.1", Typed);
    assert_eq!(
        texts(&address.clone().with_policy(all.with_ip_ids(false))),
        ["NoneLeft"]
    );
    // RFC 6125 §6.4.4: a common name is compared with host names.
    assert_eq!(
        texts(&address.with_policy(all.with_common_names(true))),
        ["192.0.2.1"]
    );
}

/// Whatever is known, however it was learned: a reference never rests on what an attacker could
/// have chosen, and none is found twice.
#[test]
fn no_reference_rests_on_what_an_attacker_could_choose() {
    let provenances = [
        Typed,
        Administrator,
        ProviderDatabase,
        AutoconfigAuthenticated,
        AutoconfigUnauthenticated,
        SrvSecure,
        SrvInsecure,
        Confirmed,
        TlsaBaseDomain,
        Guessed,
    ];
    let mut derived = 0;
    for provenance in provenances {
        for bits in 0..128_u8 {
            let bit = |n: u8| bits >> n & 1 == 1;
            let mut source = source(
                Submission,
                if bit(0) { Implicit } else { StartTls },
                HOST,
                provenance,
            );
            if bit(1) {
                source = source.with_email_domain(name(EMAIL));
            }
            if bit(2) {
                source = source.with_service_domain(name("typed.example"));
            }
            source = source.with_policy(
                IdentityPolicy::default()
                    .with_service_domain(bit(3))
                    .with_strict_rfc9525(bit(4))
                    .with_submission_label(bit(5))
                    .with_common_names(bit(6)),
            );
            let Ok(ids) = ReferenceIds::derive(&source) else {
                continue;
            };
            derived += 1;
            let names: HashSet<&ReferenceName> = ids.iter().map(ReferenceId::name).collect();
            assert_eq!(names.len(), ids.iter().count());
            for id in &ids {
                assert!(id.provenance().is_trustworthy());
                let is_host = id.to_string().contains(HOST);
                assert!(!is_host || provenance.is_trustworthy(), "{source:?}");
                assert!(
                    !(is_host && bit(4) && provenance == SrvSecure),
                    "{source:?}"
                );
            }
            // The name that is asked for is among those that are accepted (RFC 9325 §3.7).
            let asked = ReferenceName::Dns(source.server_name().unwrap().clone());
            assert!(names.contains(&asked), "{source:?}");
        }
    }
    assert!(derived > 600, "{derived}");
}
