//! Fingerprints, the text form, and what a pin can stand in for.
#![expect(clippy::string_slice, reason = "the texts are ASCII")]

use proptest::prelude::*;

use super::*;

const DIGITS: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn colons(digits: &str) -> String {
    let pairs: Vec<_> = (0..32).map(|at| &digits[2 * at..2 * at + 2]).collect();
    pairs.join(":")
}

#[test]
fn fingerprints_as_people_and_programs_write_them() {
    let expected = Fingerprint::of(b"test"); // FIPS 180-4's SHA-256 of it is DIGITS
    assert_eq!(expected.to_string(), format!("sha256:{DIGITS}"));
    let upper = colons(DIGITS).to_uppercase();
    let rows = [
        DIGITS.to_owned(),
        DIGITS.to_uppercase(),
        format!("sha256:{DIGITS}"),
        format!("SHA256:{DIGITS}"),
        format!("sha-256: {DIGITS}"),
        format!("  {DIGITS}\n"),
        upper.clone(),
        upper.replace(':', " "),
        format!("SHA256 Fingerprint={upper}"), // openssl x509 -fingerprint -sha256
        format!("sha256 Fingerprint={upper}"), // OpenSSL 3
        format!("SHA-256 Fingerprint: {upper}"),
        format!("{}\n{}", &upper[..47], &upper[48..]), // over two lines
    ];
    for text in rows {
        assert_eq!(Fingerprint::parse(&text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_fingerprint_is_refused_with_a_reason() {
    use InvalidFingerprint::{Character, Length, OtherHash, Pem};
    let rows = [
        (String::new(), Length { digits: 0 }),
        ("sha256:".to_owned(), Length { digits: 0 }),
        (DIGITS[1..].to_owned(), Length { digits: 63 }),
        (format!("{DIGITS}0"), Length { digits: 65 }),
        (DIGITS[..40].to_owned(), OtherHash { digits: 40 }),
        (DIGITS[..32].to_owned(), OtherHash { digits: 32 }),
        (
            format!("sha1:{}", &DIGITS[..40]),
            Character { character: 's' },
        ),
        ("mail.example.net".to_owned(), Character { character: 'm' }),
        (DIGITS.replace('9', "９"), Character { character: '９' }),
        ("-----BEGIN CERTIFICATE-----".to_owned(), Pem),
        ("0".repeat(100_000), Length { digits: 129 }),
    ];
    for (text, expected) in rows {
        assert_eq!(Fingerprint::parse(&text), Err(expected), "{:.80}", text);
    }
}

fn pin(part: PinnedPart, host: &str, service_domain: Option<&str>, account: &str) -> Pin {
    let place = Place {
        account: EmailAddress::parse(account).unwrap(),
        host: Host::parse(host).unwrap(),
        port: 1143,
        service: Service::Imap,
        service_domain: service_domain.map(|name| HostName::parse(name).unwrap()),
    };
    Pin::new(
        place,
        part,
        Fingerprint::of(b"test"),
        Fingerprint::of(b"key"),
    )
}

#[test]
fn the_text_form_is_read_again() {
    let text = format!(
        "pin1 certificate imap 1143 127.0.0.1 - sha256:{DIGITS} {} ann@example.org",
        Fingerprint::of(b"key")
    );
    let one = pin(
        PinnedPart::Certificate,
        "127.0.0.1",
        None,
        "ann@example.org",
    );
    assert_eq!(one.to_string(), text);
    for part in [PinnedPart::Certificate, PinnedPart::Key] {
        for host in ["127.0.0.1", "::1", "imap.example.org"] {
            for domain in [None, Some("example.org")] {
                for account in ["ann@example.org", "\"a b\"@example.org", "ann@[192.0.2.1]"] {
                    let pin = pin(part, host, domain, account);
                    assert_eq!(pin.to_string().parse(), Ok(pin));
                }
            }
        }
    }
    for service in Service::ALL {
        let mut other = one.clone();
        other.place.service = service;
        assert_eq!(other.to_string().parse(), Ok(other));
    }
}

#[test]
fn damaged_text_says_where() {
    let good = pin(PinnedPart::Key, "a.example", None, "ann@example.org").to_string();
    let rows = [
        ("pin1", "pin2", "version"),
        ("key", "nothing", "part"),
        ("imap", "imaps", "service"),
        ("1143", "70000", "port"),
        ("1143", "+1143", "port"),
        ("a.example", "a..example", "host"),
        (" - ", " -- ", "service domain"),
        (DIGITS, "00", "certificate"),
        ("@", "", "account"),
    ];
    for (part, damaged, field) in rows {
        let text = good.replacen(part, damaged, 1);
        assert_eq!(text.parse::<Pin>(), Err(InvalidPin { field }), "{text}");
    }
    let words: Vec<_> = good.split(' ').collect();
    for count in 0..words.len() {
        assert!(words[..count].join(" ").parse::<Pin>().is_err());
    }
}

proptest! {
    #[test]
    fn arbitrary_text_does_no_harm(text in ".{0,200}") {
        let _ = Fingerprint::parse(&text);
        let _ = text.parse::<Pin>();
    }

    #[test]
    fn every_fingerprint_is_read_again(bytes in any::<[u8; 32]>()) {
        let one = Fingerprint::of(&bytes);
        prop_assert_eq!(Fingerprint::parse(&one.to_string()), Ok(one));
        prop_assert_eq!(Fingerprint::parse(&colons(&one.to_string()[7..])), Ok(one));
    }
}

#[cfg(feature = "serde")]
#[test]
fn serde_takes_the_text_forms() {
    use serde::de::IntoDeserializer;
    use serde::de::value::{Error, StrDeserializer};
    use serde::{Deserialize, Serialize};

    let one = pin(
        PinnedPart::Key,
        "a.example",
        Some("example.org"),
        "ann@example.org",
    );
    let text = one.to_string();
    let reader: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
    assert_eq!(Pin::deserialize(reader).as_ref(), Ok(&one));
    let reader: StrDeserializer<'_, Error> = "no pin".into_deserializer();
    assert!(Pin::deserialize(reader).is_err());

    assert_eq!(Written(&one).to_string(), text);
    let fingerprint = one.key().to_string();
    let reader: StrDeserializer<'_, Error> = fingerprint.as_str().into_deserializer();
    assert_eq!(Fingerprint::deserialize(reader), Ok(one.key()));

    /// A formatter is a serialiser of text.
    struct Written<'a>(&'a Pin);
    impl fmt::Display for Written<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.serialize(f)
        }
    }
}

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod causes {
    use pki_types::UnixTime;
    use rcgen::{
        BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, date_time_ymd,
    };

    use super::*;
    use crate::identity::{Provenance, ReferenceIds};
    use crate::testing::{Authority, NOW, authority_params, dns, ip, key, leaf_params, providers};
    use crate::verify::{
        Authentication, CertificateRejection, Check, CheckFailure, CheckResult, Evidence,
        Requirements, RevocationLists, RevocationPolicy, TrustAnchors, Verification, evaluate,
    };

    const HOST: &str = "mail.example.net";

    fn place() -> Place {
        Place {
            account: EmailAddress::parse("ann@example.org").unwrap(),
            host: Host::parse(HOST).unwrap(),
            port: 993,
            service: Service::Imap,
            service_domain: None,
        }
    }

    fn requirements(anchors: &TrustAnchors) -> Requirements {
        let host = Host::parse(HOST).unwrap();
        let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
        let algorithms = providers().remove(0).signature_verification_algorithms;
        Requirements::server(anchors.clone(), references, algorithms)
    }

    fn reconsidered(
        chain: &[CertificateDer<'_>],
        requirements: &Requirements,
        pinning: &Pinning,
        now: UnixTime,
    ) -> Result<Verification, CertificateRejection> {
        let evidence = Evidence::from_chain(chain);
        evaluate(&evidence, requirements, now)
            .or_else(|rejection| pinning.reconsider(rejection, &evidence))
    }

    fn in_setup() -> Pinning {
        Pinning::new(Vec::new(), Some(place()))
    }

    fn pin_of(chain: &[CertificateDer<'_>]) -> Pin {
        let certificate = Certificate::parse(&chain[0]).unwrap();
        let presented = Presented::new(&chain[0], &certificate);
        Pin::new(
            place(),
            PinnedPart::Certificate,
            presented.certificate,
            presented.key,
        )
    }

    fn self_signed(params: &CertificateParams) -> Vec<CertificateDer<'static>> {
        vec![params.self_signed(&key()).unwrap().der().clone()]
    }

    macro_rules! checked_in {
        ($name:literal) => {
            CertificateDer::from(
                &include_bytes!(concat!("../../../tests/certificates/", $name, ".der"))[..],
            )
        };
    }

    /// RFC 8314 §5.4: "due to an expired certificate, a lack of an appropriate chain of trust, or a
    /// lack of an identifier match", and nothing else.
    #[test]
    fn three_causes_and_no_other() {
        use PinCause::{Expired, NoChain, NoIdentifierMatch};
        let root = Authority::named("Root");
        let anchors = TrustAnchors::from_der([root.certificate.clone()]).unwrap();
        let authority = root.authority(authority_params("Authority"));
        let stranger = Authority::named("Stranger");
        let good = || leaf_params(&[dns(HOST)]);
        let years = |mut params: CertificateParams, from, until| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
            params
        };
        let ca = |mut params: CertificateParams| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let for_clients = |mut params: CertificateParams| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            params
        };
        let elsewhere = || leaf_params(&[dns("other.example")]);
        let rows: Vec<(Vec<CertificateDer<'_>>, &[PinCause], &str)> = vec![
            (self_signed(&good()), &[NoChain], "no chain: self-signed"),
            (
                vec![stranger.issue(&good())],
                &[NoChain],
                "no chain: issuer unknown",
            ),
            (
                vec![stranger.issue(&good()), stranger.certificate.clone()],
                &[NoChain],
                "no chain: authority sent, and unknown",
            ),
            (
                vec![authority.issue(&good())],
                &[NoChain],
                "no chain: intermediate missing",
            ),
            (
                vec![root.issue(&years(good(), 2020, 2029))],
                &[Expired],
                "expired",
            ),
            (
                vec![root.issue(&elsewhere())],
                &[NoIdentifierMatch],
                "no match",
            ),
            (
                vec![root.issue(&leaf_params(&[ip(&[127, 0, 0, 1])]))],
                &[NoIdentifierMatch],
                "no match",
            ),
            (
                self_signed(&years(elsewhere(), 2020, 2029)),
                &[NoChain, Expired, NoIdentifierMatch],
                "all three",
            ),
            (
                self_signed(&ca(good())),
                &[NoChain],
                "an authority's own, as a bridge has it",
            ),
            (
                self_signed(&ca(years(good(), 2020, 2029))),
                &[NoChain, Expired],
                "the same, expired",
            ),
            (
                vec![root.issue(&ca(good()))],
                &[],
                "an authority's, vouched for by another",
            ),
            (
                vec![stranger.issue(&ca(good()))],
                &[],
                "an authority's, of an unknown one",
            ),
            (
                vec![root.issue(&years(good(), 2031, 2040))],
                &[],
                "not yet valid",
            ),
            (
                self_signed(&years(good(), 2031, 2040)),
                &[],
                "not yet valid, and self-signed",
            ),
            (
                vec![root.issue(&for_clients(good()))],
                &[],
                "for another purpose",
            ),
            (
                self_signed(&for_clients(good())),
                &[],
                "for another purpose, and self-signed",
            ),
            (vec![checked_in!("version1")], &[], "version 1"),
            (
                vec![checked_in!("rsa1024"), checked_in!("ca")],
                &[],
                "a weak key",
            ),
            (
                vec![checked_in!("sha1"), checked_in!("ca")],
                &[],
                "a weak signature",
            ),
            (
                vec![CertificateDer::from(vec![0x30, 0])],
                &[],
                "not readable",
            ),
            (Vec::new(), &[], "nothing"),
        ];
        let requirements = requirements(&anchors);
        for (chain, expected, source) in rows {
            let rejection =
                reconsidered(&chain, &requirements, &in_setup(), NOW).expect_err(source);
            let mut causes = rejection
                .pin_offer()
                .map(|offer| offer.causes().to_vec())
                .unwrap_or_default();
            causes.sort_unstable();
            let mut wanted = expected.to_vec();
            wanted.sort_unstable();
            assert_eq!(causes, wanted, "{source}: {rejection}");
            if let Some(offer) = rejection.pin_offer() {
                // RFC 6125 §6.6.4: with the whole path.
                assert_eq!(offer.chain(), chain, "{source}");
                let warning = offer.warning().to_string();
                assert!(
                    warning.contains(&offer.certificate().to_string()),
                    "{warning}"
                );
            }
            let Some(end_entity) = chain.first().filter(|der| Certificate::parse(der).is_ok())
            else {
                continue;
            };
            // And that is just what a pin stands in for.
            let pinning = Pinning::new(vec![pin_of(std::slice::from_ref(end_entity))], None);
            let verdict = reconsidered(&chain, &requirements, &pinning, NOW);
            assert_eq!(verdict.is_ok(), !expected.is_empty(), "{source}");
            match verdict {
                Ok(verification) => {
                    assert_eq!(verification.authentication(), Authentication::Pinned);
                    assert!(!verification.meets_minimum());
                    assert_eq!(verification.reference(), None);
                }
                Err(refused) => {
                    assert_eq!(refused.failures().count(), rejection.failures().count());
                    assert_eq!(refused.pin_offer(), None, "{source}");
                }
            }
        }
    }

    /// RFC 6125 §6.6.2: a pin is looked at after ordinary validation has failed, not before.
    #[test]
    fn a_valid_certificate_is_accepted_whatever_is_pinned() {
        let root = Authority::named("Root");
        let anchors = TrustAnchors::from_der([root.certificate.clone()]).unwrap();
        let old = self_signed(&leaf_params(&[dns(HOST)]));
        let new = vec![root.issue(&leaf_params(&[dns(HOST)]))];
        let pinning = Pinning::new(vec![pin_of(&old)], None);
        let verification = reconsidered(&new, &requirements(&anchors), &pinning, NOW).unwrap();
        assert_eq!(verification.authentication(), Authentication::Pkix);
        assert!(verification.meets_minimum());
    }

    #[test]
    fn a_changed_certificate_is_told_first_with_both_fingerprints() {
        let root = Authority::named("Root");
        let anchors = TrustAnchors::from_der([root.certificate.clone()]).unwrap();
        let key = key();
        let params = leaf_params(&[dns(HOST)]);
        let old = vec![params.self_signed(&key).unwrap().der().clone()];
        let renewed = vec![
            leaf_params(&[dns(HOST), dns("other.example")])
                .self_signed(&key)
                .unwrap()
                .der()
                .clone(),
        ];
        let other = self_signed(&leaf_params(&[dns(HOST)]));
        let pin = pin_of(&old);
        let pinning = Pinning::new(vec![pin.clone()], None);
        for (chain, same_key, text) in [
            (&renewed, true, ", with the same key"),
            (&other, false, ", with another key"),
        ] {
            let rejection =
                reconsidered(chain, &requirements(&anchors), &pinning, NOW).unwrap_err();
            assert_eq!(rejection.code(), "pin-mismatch");
            let CheckFailure::PinMismatch {
                pinned,
                presented,
                is_same_key,
                ..
            } = rejection.primary()
            else {
                panic!("{rejection:?}");
            };
            assert_eq!(*pinned, pin.certificate());
            assert_eq!(*presented, Fingerprint::of_certificate(&chain[0]));
            assert_eq!(*is_same_key, same_key);
            let sentence = rejection.to_string();
            assert!(sentence.contains(&pinned.to_string()), "{sentence}");
            assert!(sentence.contains(&presented.to_string()), "{sentence}");
            assert!(sentence.contains(text), "{sentence}");
            assert!(
                rejection
                    .results()
                    .any(|one| one == (Check::Pin, CheckResult::Failed))
            );
            assert!(
                rejection
                    .results()
                    .any(|one| one == (Check::Path, CheckResult::Failed))
            );
            assert_eq!(rejection.pin_offer(), None);
        }
        // A pin of the key lives through the renewal, and not through another key.
        let by_key = Pin::new(place(), PinnedPart::Key, pin.certificate(), pin.key());
        let pinning = Pinning::new(vec![by_key], None);
        assert!(reconsidered(&renewed, &requirements(&anchors), &pinning, NOW).is_ok());
        let rejection = reconsidered(&other, &requirements(&anchors), &pinning, NOW).unwrap_err();
        assert!(
            rejection
                .to_string()
                .starts_with("the server's key is not the one"),
            "{rejection}"
        );
        // Any of several is good.
        let pinning = Pinning::new(vec![pin_of(&other), pin_of(&old)], None);
        assert!(reconsidered(&other, &requirements(&anchors), &pinning, NOW).is_ok());
        assert!(reconsidered(&old, &requirements(&anchors), &pinning, NOW).is_ok());
    }

    #[test]
    fn a_pin_does_not_bring_back_a_revoked_certificate() {
        use rcgen::{
            CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber,
        };
        let root = Authority::named("Root");
        let anchors = TrustAnchors::from_der([root.certificate.clone()]).unwrap();
        let mut params = leaf_params(&[dns(HOST)]);
        params.serial_number = Some(SerialNumber::from(7));
        let list = root.revoke(&CertificateRevocationListParams {
            this_update: date_time_ymd(2029, 1, 1),
            next_update: date_time_ymd(2031, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(7),
                revocation_time: date_time_ymd(2029, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        });
        let lists = RevocationLists::from_der([list]).unwrap();
        let requirements =
            requirements(&anchors).with_revocation_lists(lists, RevocationPolicy::AcceptUnknown);
        let mut expired = params.clone();
        expired.not_after = date_time_ymd(2029, 6, 1);
        for params in [params, expired] {
            let chain = vec![root.issue(&params)];
            let pinning = Pinning::new(vec![pin_of(&chain)], Some(place()));
            let rejection = reconsidered(&chain, &requirements, &pinning, NOW).unwrap_err();
            assert_eq!(rejection.code(), "revoked");
            assert_eq!(rejection.pin_offer(), None);
        }
    }
}
