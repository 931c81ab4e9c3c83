//! Paths and lists of every kind, with rustls-webpki's own check as the second opinion.

use pki_types::CertificateDer;
use proptest::prelude::*;
use rcgen::{
    CertificateParams, CertificateRevocationListParams, CrlDistributionPoint,
    CrlIssuingDistributionPoint, CrlScope, KeyIdMethod, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber, date_time_ymd,
};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, OwnedCertRevocationList,
    RevocationCheckDepth, RevocationOptionsBuilder, UnknownStatusPolicy,
};

use super::*;
use crate::identity::{Provenance, ReferenceIds};
use crate::name::Host;
use crate::testing::{Authority, NOW, authority_params, dns, leaf_params, providers};
use crate::verify::{
    CertificateRejection, Check, CheckFailure, CheckResult, Evidence, PemProblem, Requirements,
    TrustAnchors, Verification, evaluate,
};

const HOST: &str = "mail.example.net";
const LEAF: u64 = 7;
const AUTHORITY: u64 = 3;
const URI: &str = "http://crl.example/1";

/// A list that says nothing, for a month around the present.
fn list() -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        this_update: date_time_ymd(2029, 12, 20),
        next_update: date_time_ymd(2030, 1, 20),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    }
}

fn listing(serial: u64, reason: Option<RevocationReason>) -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2029, 12, 1),
            reason_code: reason,
            invalidity_date: None,
        }],
        ..list()
    }
}

fn outdated(params: CertificateRevocationListParams) -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        next_update: date_time_ymd(2029, 12, 31),
        ..params
    }
}

fn scoped(uri: &str, scope: Option<CrlScope>) -> CertificateRevocationListParams {
    CertificateRevocationListParams {
        issuing_distribution_point: Some(CrlIssuingDistributionPoint {
            distribution_point: CrlDistributionPoint {
                uris: vec![uri.to_owned()],
            },
            scope,
        }),
        ..list()
    }
}

fn params(serial: u64) -> CertificateParams {
    let mut params = leaf_params(&[dns(HOST)]);
    params.serial_number = Some(SerialNumber::from(serial));
    params
}

/// A root, an authority below it, and a certificate below that.
struct House {
    root: Authority,
    authority: Authority,
    chain: Vec<CertificateDer<'static>>,
}

impl House {
    fn new() -> Self {
        Self::with(authority_params("Authority"), &params(LEAF))
    }

    fn with(mut authority: CertificateParams, leaf: &CertificateParams) -> Self {
        authority.serial_number = Some(SerialNumber::from(AUTHORITY));
        let root = Authority::named("Root");
        let authority = root.authority(authority);
        let chain = vec![authority.issue(leaf), authority.certificate.clone()];
        Self {
            root,
            authority,
            chain,
        }
    }

    fn requirements(&self) -> Vec<Requirements> {
        let anchors = TrustAnchors::from_der([self.root.certificate.clone()]).unwrap();
        let host = Host::parse(HOST).unwrap();
        let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
        let of_provider = |provider: rustls::crypto::CryptoProvider| {
            let algorithms = provider.signature_verification_algorithms;
            Requirements::server(anchors.clone(), references.clone(), algorithms)
        };
        providers().into_iter().map(of_provider).collect()
    }

    /// The verdict under every provider; they must agree.
    fn verdict(
        &self,
        lists: &[Vec<u8>],
        policy: RevocationPolicy,
    ) -> Result<Verification, CertificateRejection> {
        self.verdict_at(lists, policy, NOW)
    }

    fn verdict_at(
        &self,
        lists: &[Vec<u8>],
        policy: RevocationPolicy,
        now: UnixTime,
    ) -> Result<Verification, CertificateRejection> {
        let lists = RevocationLists::from_der(lists).unwrap();
        let mut verdicts = self.requirements().into_iter().map(|requirements| {
            let requirements = requirements.with_revocation_lists(lists.clone(), policy);
            evaluate(&Evidence::from_chain(&self.chain), &requirements, now)
        });
        let first = verdicts.next().unwrap();
        assert!(verdicts.all(|other| other == first));
        first
    }

    /// What rustls-webpki says.
    fn second_opinion(&self, lists: &[Vec<u8>]) -> Result<(), Error> {
        let owned: Vec<_> = lists
            .iter()
            .map(|der| CertRevocationList::from(OwnedCertRevocationList::from_der(der).unwrap()))
            .collect();
        let all: Vec<_> = owned.iter().collect();
        let options = RevocationOptionsBuilder::new(&all)
            .unwrap()
            .with_depth(RevocationCheckDepth::Chain)
            .with_status_policy(UnknownStatusPolicy::Deny)
            .with_expiration_policy(ExpirationPolicy::Enforce)
            .build();
        let requirements = self.requirements().remove(0);
        EndEntityCert::try_from(&self.chain[0])
            .unwrap()
            .verify_for_usage(
                requirements.algorithms.all,
                requirements.anchors.as_slice(),
                &self.chain[1..],
                NOW,
                KeyUsage::server_auth(),
                Some(options),
                None,
            )
            .map(|_| ())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    NotRevoked,
    /// Of the certificate at this position nothing is known.
    Missing(usize),
    Outdated(usize),
    Revoked(usize),
}
use Expected::{Missing, NotRevoked, Outdated, Revoked};

#[test]
fn what_lists_say_about_a_path() {
    let house = House::new();
    let (root, authority) = (&house.root, &house.authority);
    let other = Authority::named("Authority"); // of the same name, with another key
    let good_root = || root.revoke(&list());
    let on = |params: &CertificateRevocationListParams| authority.revoke(params);
    let compromise = Some(RevocationReason::KeyCompromise);
    let rows: Vec<(Vec<Vec<u8>>, Expected, bool, &str)> = vec![
        (
            vec![on(&list()), good_root()],
            NotRevoked,
            true,
            "RFC 5280 §6.3: whole chain",
        ),
        (
            vec![good_root(), on(&list())],
            NotRevoked,
            true,
            "in any order",
        ),
        (
            vec![on(&list())],
            Missing(1),
            true,
            "no list about the authority",
        ),
        (
            vec![good_root()],
            Missing(0),
            true,
            "no list about the leaf",
        ),
        (
            vec![on(&listing(LEAF, compromise)), good_root()],
            Revoked(0),
            true,
            "listed",
        ),
        (
            vec![on(&listing(LEAF, compromise))],
            Revoked(0),
            false,
            "whatever is unknown above",
        ),
        (
            vec![on(&listing(LEAF + 1, compromise)), good_root()],
            NotRevoked,
            true,
            "another",
        ),
        (
            vec![on(&list()), root.revoke(&listing(AUTHORITY, None))],
            Revoked(1),
            true,
            "above",
        ),
        (
            vec![root.revoke(&listing(LEAF, None)), on(&list())],
            NotRevoked,
            true,
            "the root's 7",
        ),
        (
            vec![on(&outdated(list())), good_root()],
            Outdated(0),
            true,
            "out of date",
        ),
        (
            vec![on(&outdated(listing(LEAF, None))), good_root()],
            Revoked(0),
            false,
            "a revocation does not go out of date",
        ),
        (
            vec![on(&outdated(list())), on(&list()), good_root()],
            NotRevoked,
            false,
            "the newest counts",
        ),
        (
            vec![on(&list()), on(&listing(LEAF, None)), good_root()],
            Revoked(0),
            false,
            "the worst counts",
        ),
        (
            vec![other.revoke(&list()), good_root()],
            Missing(0),
            true,
            "not signed by the issuer",
        ),
        (
            vec![other.revoke(&listing(LEAF, None)), on(&list()), good_root()],
            NotRevoked,
            false,
            "nobody else revokes, nor hides the list that counts",
        ),
        (
            vec![
                on(&CertificateRevocationListParams {
                    this_update: date_time_ymd(2030, 1, 10),
                    ..list()
                }),
                good_root(),
            ],
            Missing(0),
            false,
            "not in force yet",
        ),
        (
            vec![on(&scoped(URI, None)), good_root()],
            NotRevoked,
            true,
            "RFC 5280 §5.2.5: a part",
        ),
        (
            vec![on(&scoped(URI, Some(CrlScope::UserCertsOnly))), good_root()],
            NotRevoked,
            true,
            "onlyContainsUserCerts",
        ),
        (
            vec![on(&scoped(URI, Some(CrlScope::CaCertsOnly))), good_root()],
            Missing(0),
            true,
            "onlyContainsCACerts",
        ),
        (
            vec![
                on(&list()),
                root.revoke(&scoped(URI, Some(CrlScope::CaCertsOnly))),
            ],
            NotRevoked,
            true,
            "onlyContainsCACerts, for one",
        ),
        (
            vec![
                on(&list()),
                root.revoke(&scoped(URI, Some(CrlScope::UserCertsOnly))),
            ],
            Missing(1),
            true,
            "onlyContainsUserCerts, for an authority",
        ),
    ];
    for (lists, expected, agrees, source) in rows {
        let accepting = house.verdict(&lists, RevocationPolicy::AcceptUnknown);
        let requiring = house.verdict(&lists, RevocationPolicy::RequireKnown);
        match expected {
            NotRevoked => {
                let verification = accepting.expect(source);
                assert_eq!(
                    *verification.revocation(),
                    Revocation::NotRevoked,
                    "{source}"
                );
                assert_eq!(requiring.as_ref(), Ok(&verification), "{source}");
            }
            Missing(position) | Outdated(position) => {
                let verification = accepting.expect(source);
                let Revocation::Unknown(gap) = verification.revocation() else {
                    panic!("{source}: {verification:?}");
                };
                let label = gap.certificate.as_ref().unwrap();
                assert_eq!(label.position, Some(position), "{source}");
                let is_outdated = matches!(expected, Outdated(_));
                assert_eq!(gap.outdated_since.is_some(), is_outdated, "{source}");
                let rejection = requiring.expect_err(source);
                assert_eq!(rejection.code(), "revocation-unknown", "{source}");
                let CheckFailure::RevocationUnknown(refused) = rejection.primary() else {
                    panic!("{source}: {rejection:?}");
                };
                assert_eq!(refused, gap, "{source}");
            }
            Revoked(position) => {
                let rejection = accepting.expect_err(source);
                assert_eq!(requiring.as_ref(), Err(&rejection), "{source}");
                let CheckFailure::Revoked { certificate, .. } = rejection.primary() else {
                    panic!("{source}: {rejection:?}");
                };
                let label = certificate.as_ref().unwrap();
                assert_eq!(label.position, Some(position), "{source}");
                // The path is sound in every other respect, and the report says so.
                for (check, result) in rejection.results() {
                    let expected = match check {
                        Check::Revocation => CheckResult::Failed,
                        Check::Form
                        | Check::Path
                        | Check::Key
                        | Check::Purpose
                        | Check::Validity
                        | Check::Identity
                        | Check::Dane
                        | Check::Pin => CheckResult::Passed,
                    };
                    assert_eq!(result, expected, "{source}: {check}");
                }
            }
        }
        let opinion = house.second_opinion(&lists);
        let same = match expected {
            NotRevoked => opinion.is_ok(),
            Missing(_) => opinion.is_err() && opinion != Err(Error::CertRevoked),
            Outdated(_) => matches!(opinion, Err(Error::CrlExpired { .. })),
            Revoked(_) => opinion == Err(Error::CertRevoked),
        };
        assert_eq!(same, agrees, "{source}: rustls-webpki says {opinion:?}");
    }
}

#[test]
fn lists_and_distribution_points() {
    // RFC 5280 §6.3.3 (b)(2)(i): one name in common.
    let mut leaf = params(LEAF);
    leaf.crl_distribution_points = vec![CrlDistributionPoint {
        uris: vec!["ldap://crl.example/".to_owned(), URI.to_owned()],
    }];
    let house = House::with(authority_params("Authority"), &leaf);
    let rows = [
        (scoped(URI, None), true),
        (scoped("http://crl.example/2", None), false),
        (list(), true),
    ];
    for (params, known) in rows {
        let lists = [house.authority.revoke(&params), house.root.revoke(&list())];
        let verdict = house.verdict(&lists, RevocationPolicy::RequireKnown);
        assert_eq!(verdict.is_ok(), known, "{params:?}");
        assert_eq!(house.second_opinion(&lists).is_ok(), known, "{params:?}");
    }
}

#[test]
fn an_authority_that_may_not_sign_lists_says_nothing() {
    // RFC 5280 §4.2.1.3, cRLSign.
    for (usages, known) in [
        (vec![KeyUsagePurpose::KeyCertSign], false),
        (
            vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
            true,
        ),
    ] {
        let mut params = authority_params("Authority");
        params.key_usages.clone_from(&usages);
        let mut house = House::with(params, &self::params(LEAF));
        // rcgen refuses to sign with such an authority: its twin without the extension does it.
        let mut twin_params = authority_params("Authority");
        twin_params.serial_number = Some(SerialNumber::from(AUTHORITY));
        if !known {
            let twin = house.root.authority(twin_params);
            let mut restricted = authority_params("Authority");
            restricted.key_usages = usages;
            house.chain = vec![
                twin.issue(&self::params(LEAF)),
                house.root.cross_sign(&twin, &restricted),
            ];
            house.authority = twin;
        }
        let lists = [house.authority.revoke(&list()), house.root.revoke(&list())];
        let verification = house
            .verdict(&lists, RevocationPolicy::AcceptUnknown)
            .unwrap();
        let is_known = *verification.revocation() == Revocation::NotRevoked;
        assert_eq!(is_known, known);
    }
}

#[test]
fn a_verdict_ends_with_the_list_that_it_rests_on() {
    let house = House::new();
    let short = CertificateRevocationListParams {
        next_update: date_time_ymd(2030, 1, 5),
        ..list()
    };
    // The last second in which the list is current, see the test below.
    let end = |day: u64| NOW.as_secs() + (day - 1) * 24 * 60 * 60 - 1;
    let until = |lists: &[Vec<u8>]| {
        let verdict = house.verdict(lists, RevocationPolicy::AcceptUnknown);
        verdict.unwrap().valid_until().as_secs()
    };
    let of_root = house.root.revoke(&list());
    assert_eq!(
        until(&[house.authority.revoke(&short), of_root.clone()]),
        end(5)
    );
    assert_eq!(
        until(&[house.authority.revoke(&list()), of_root.clone()]),
        end(20)
    );
    // The longer of two that say the same.
    let both = [
        house.authority.revoke(&short),
        house.authority.revoke(&list()),
    ];
    assert_eq!(until(&[&both[..], &[of_root]].concat()), end(20));
    assert_eq!(
        until(&[house.authority.revoke(&short)]),
        end(5),
        "unknown above"
    );
}

#[test]
fn a_list_is_current_before_its_next_update_and_not_at_it() {
    let house = House::new();
    let lists = [house.authority.revoke(&list()), house.root.revoke(&list())];
    let next = NOW.as_secs() + 19 * 24 * 60 * 60;
    for (seconds, known) in [(next - 1, true), (next, false)] {
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let verdict = house.verdict_at(&lists, RevocationPolicy::RequireKnown, now);
        assert_eq!(verdict.is_ok(), known, "{seconds}");
    }
}

#[test]
fn every_cause_is_told() {
    let house = House::new();
    let rows = [
        (None, "no cause given"),
        (
            Some(RevocationReason::KeyCompromise),
            "its key is compromised",
        ),
        (
            Some(RevocationReason::CaCompromise),
            "its key is compromised",
        ),
        (
            Some(RevocationReason::Superseded),
            "it was replaced or is no longer used",
        ),
        (Some(RevocationReason::CertificateHold), "it is suspended"),
        (
            Some(RevocationReason::PrivilegeWithdrawn),
            "its holder may no longer use it",
        ),
    ];
    for (reason, text) in rows {
        let lists = [house.authority.revoke(&listing(LEAF, reason))];
        let rejection = house
            .verdict(&lists, RevocationPolicy::AcceptUnknown)
            .unwrap_err();
        assert_eq!(
            rejection.to_string(),
            format!(
                "the certificate was revoked by its issuer on 2029-12-01 00:00:00 UTC ({text})"
            )
        );
        assert_eq!(
            rejection.tls_certificate_error(),
            rustls::CertificateError::Revoked
        );
    }
}

#[test]
fn what_is_unknown_is_said_in_a_sentence() {
    let house = House::new();
    let rejection = |lists: &[Vec<u8>]| {
        house
            .verdict(lists, RevocationPolicy::RequireKnown)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        rejection(&[house.root.revoke(&list())]),
        "it is not known whether the certificate was revoked, because there is no revocation list \
         of CN=Authority here"
    );
    let old = house.authority.revoke(&outdated(list()));
    assert_eq!(
        rejection(&[old, house.root.revoke(&list())]),
        "it is not known whether the certificate was revoked, because the revocation list of \
         CN=Authority has been out of date since 2029-12-31 00:00:00 UTC"
    );
}

#[test]
fn another_path_around_a_revoked_authority_is_found() {
    let house = House::new();
    let second = Authority::named("Second root");
    let mut twin = authority_params("Authority");
    twin.serial_number = Some(SerialNumber::from(99));
    let cross = second.cross_sign(&house.authority, &twin);
    let anchors = [house.root.certificate.clone(), second.certificate.clone()];
    let anchors = TrustAnchors::from_der(anchors).unwrap();
    let lists = RevocationLists::from_der([
        house.root.revoke(&listing(AUTHORITY, None)),
        house.authority.revoke(&list()),
        second.revoke(&list()),
    ])
    .unwrap();
    for chain in [
        [&house.chain[..], std::slice::from_ref(&cross)].concat(),
        [&house.chain[..1], &[cross], &house.chain[1..]].concat(),
    ] {
        let mut requirements = house.requirements().remove(0);
        requirements.anchors = anchors.clone();
        let requirements =
            requirements.with_revocation_lists(lists.clone(), RevocationPolicy::RequireKnown);
        let verdict = evaluate(&Evidence::from_chain(&chain), &requirements, NOW);
        assert_eq!(*verdict.unwrap().revocation(), Revocation::NotRevoked);
    }
}

#[test]
fn without_lists_nothing_is_asked() {
    let house = House::new();
    let requirements = house.requirements().remove(0);
    let verdict = evaluate(&Evidence::from_chain(&house.chain), &requirements, NOW).unwrap();
    assert_eq!(*verdict.revocation(), Revocation::NotAsked);
    let elsewhere = Authority::named("Elsewhere");
    let anchors = TrustAnchors::from_der([elsewhere.certificate]).unwrap();
    let requirements = Requirements {
        anchors,
        ..requirements
    };
    let rejection = evaluate(&Evidence::from_chain(&house.chain), &requirements, NOW).unwrap_err();
    assert!(
        rejection
            .results()
            .all(|(check, _)| check != Check::Revocation)
    );
}

#[test]
fn lists_are_read_or_refused_with_a_reason() {
    let house = House::new();
    let der = house.authority.revoke(&list());
    let pem = |der: &[u8]| {
        use std::fmt::Write;
        let mut text = String::from("-----BEGIN X509 CRL-----\n");
        // base64 by hand, so that no crate is needed for it
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        for three in der.chunks(3) {
            let bits = three
                .iter()
                .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
            let bits = bits << (8 * (3 - three.len()));
            for at in 0..4 {
                if at > three.len() {
                    text.push('=');
                } else {
                    let index = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap();
                    text.push(char::from(LETTERS[index]));
                }
            }
        }
        writeln!(text, "\n-----END X509 CRL-----").unwrap();
        text
    };
    let both = pem(&der) + &pem(&house.root.revoke(&list()));
    assert_eq!(RevocationLists::from_pem(both.as_bytes()).unwrap().len(), 2);
    let one = RevocationLists::from_der([&der]).unwrap();
    let same = RevocationLists::from_pem(pem(&der).as_bytes()).unwrap();
    assert_eq!(one.digest(), same.digest());
    assert_ne!(
        one.digest(),
        RevocationLists::from_der([&der, &der]).unwrap().digest()
    );

    let none: [&[u8]; 0] = [];
    assert_eq!(
        RevocationLists::from_der(none).unwrap_err(),
        RevocationListsError::Empty
    );
    assert_eq!(
        RevocationLists::from_pem(b"nothing here").unwrap_err(),
        RevocationListsError::Empty
    );
    assert_eq!(
        RevocationLists::from_der([&der[..], &house.chain[0]]).unwrap_err(),
        RevocationListsError::BadList { index: 1 }
    );
    let cut = pem(&der).replace("-----END X509 CRL-----", "");
    assert_eq!(
        RevocationLists::from_pem(cut.as_bytes()).unwrap_err(),
        RevocationListsError::BadPem {
            index: 0,
            problem: PemProblem::NoEnd
        }
    );
}

/// Lists of public authorities have some megabytes: their lengths take three octets and more.
#[test]
fn a_list_with_many_thousand_entries() {
    let house = House::new();
    let entries = (1_000_000..1_003_000).chain([LEAF]);
    let long = CertificateRevocationListParams {
        revoked_certs: entries
            .map(|serial| listing(serial, None).revoked_certs.remove(0))
            .collect(),
        ..list()
    };
    let der = house.authority.revoke(&long);
    assert!(der.len() > 0xFFFF, "{}", der.len());
    let lists = RevocationLists::from_der([&der]).unwrap();
    let requirements = house
        .requirements()
        .remove(0)
        .with_revocation_lists(lists, RevocationPolicy::AcceptUnknown);
    let refused = evaluate(&Evidence::from_chain(&house.chain), &requirements, NOW).unwrap_err();
    assert!(
        refused
            .failures()
            .any(|failure| matches!(failure, CheckFailure::Revoked { .. })),
        "{refused}"
    );
}

/// RFC 5280 §5.2.4 and §5.2.5: lists that say something else than which certificates of their issuer
/// are revoked. They are made from good ones; the signature is verified when a list is asked.
#[test]
fn lists_of_other_kinds_are_refused() {
    let house = House::new();
    let changed = |list: &CertificateRevocationListParams, from: &[u8], to: &[u8]| {
        let mut der = house.authority.revoke(list);
        let at = der.windows(from.len()).position(|here| here == from);
        let at = at.expect("what is to be changed");
        der[at..at + from.len()].copy_from_slice(to);
        der
    };
    let users = scoped(URI, Some(CrlScope::UserCertsOnly));
    let number = [0x06, 0x03, 0x55, 0x1D, 0x14];
    let delta = [0x06, 0x03, 0x55, 0x1D, 0x1B];
    let flag = |tag| [tag, 0x01, 0xFF];
    let rows = [
        ("a delta list", changed(&list(), &number, &delta)),
        (
            "an indirect list",
            changed(&users, &flag(0x81), &flag(0x84)),
        ),
        (
            "a list of attribute certificates",
            changed(&users, &flag(0x81), &flag(0x85)),
        ),
        (
            "a flag that is no BOOLEAN",
            changed(&users, &flag(0x81), &[0x81, 0x01, 0x01]),
        ),
    ];
    for (what, der) in rows {
        assert_eq!(
            RevocationLists::from_der([&der]).unwrap_err(),
            RevocationListsError::BadList { index: 0 },
            "{what}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_lists_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = RevocationLists::from_der([&bytes]);
        let _ = RevocationLists::from_pem(&bytes);
        let _ = scope::Scope::read(&bytes);
    }

    /// A changed list never says anything: neither that a certificate was revoked nor that it was not.
    #[test]
    fn a_changed_list_says_nothing(at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
        let house = House::new();
        let mut der = house.authority.revoke(&listing(LEAF, None));
        let at = at.index(der.len());
        der[at] ^= flip;
        if let Ok(lists) = RevocationLists::from_der([&der]) {
            let requirements = house
                .requirements()
                .remove(0)
                .with_revocation_lists(lists, RevocationPolicy::AcceptUnknown);
            let verdict = evaluate(&Evidence::from_chain(&house.chain), &requirements, NOW);
            prop_assert!(matches!(verdict.unwrap().revocation(), Revocation::Unknown(_)));
        }
    }
}
