//! Records and the names that they stand at.

use proptest::prelude::*;

use super::*;
use crate::endpoint::Endpoint;
use crate::service::{Service, TlsMode};

#[test]
fn the_presentation_format() {
    let sha256 = "e8b54e0b4baa815b06d3462d65fbc7c0cf556eccf9f5303ebfbb77d022f834c0";
    let sha512 = "92003ba34942dc74152e2f2c408d29eca5a520e7f2e06bb944f4dca346baf63c\
                  1b177615d466f6c4b71c216a50292bd58c9ebdd2f74e38fe51ffd48c43326cbc";
    let rows: &[(&str, String, &str)] = &[
        (
            "(\n  1 1 2 92003ba34942dc74152e2f2c408d29ec\n\
             a5a520e7f2e06bb944f4dca346baf63c\n   1b177615d466f6c4b71c216a50292bd5\n\
             8c9ebdd2f74e38fe51ffd48c43326cbc )",
            format!("1 1 2 {sha512}"),
            "RFC 6698 §2.3",
        ),
        (
            "2 0 1 (\n E8B54E0B4BAA815B06D3462D65FBC7C0\n CF556ECCF9F5303EBFBB77D022F834C0 )",
            format!("2 0 1 {sha256}"),
            "RFC 7671 §2.1",
        ),
        (
            "PKIX-TA CERT SHA2-512 AB",
            "0 0 2 ab".into(),
            "RFC 7218 §3.1",
        ),
        (
            "DANE-TA SPKI SHA2-256 AB",
            "2 1 1 ab".into(),
            "RFC 7218 §3.1",
        ),
        (
            "dane-ee spki full ab",
            "3 1 0 ab".into(),
            "RFC 7218 §2, case",
        ),
        (
            "PrivCert PrivSel PrivMatch ab",
            "255 255 255 ab".into(),
            "RFC 7218 §2, private use",
        ),
        ("003 01 1 a b\tc d", "3 1 1 abcd".into(), "white space"),
        ("3 1 1", "3 1 1 ".into(), "no data: a record, if useless"),
        ("254 9 7 00", "254 9 7 00".into(), "unassigned numbers"),
    ];
    for (text, expected, source) in rows {
        let record = TlsaRecord::parse(text).unwrap_or_else(|error| panic!("{source}: {error}"));
        assert_eq!(record.to_string(), *expected, "{source}");
        assert_eq!(expected.parse(), Ok(record), "{source}");
    }
}

#[test]
fn what_is_no_record() {
    use TlsaField::{MatchingType, Selector, Usage};
    let missing = |field| InvalidTlsaRecord::Missing { field };
    let bad = |field, text: &str| InvalidTlsaRecord::BadField {
        field,
        text: crate::text::UntrustedText::new(text.as_bytes(), 120),
    };
    let rows = [
        ("", missing(Usage)),
        ("3", missing(Selector)),
        ("3 1 ()", missing(MatchingType)),
        ("256 1 1 ab", bad(Usage, "256")),
        ("3 -1 1 ab", bad(Selector, "-1")),
        ("3 1 +1 ab", bad(MatchingType, "+1")),
        ("3 1 0x1 ab", bad(MatchingType, "0x1")),
        ("SPKI 1 1 ab", bad(Usage, "SPKI")),
        ("3 1 1 abc", InvalidTlsaRecord::OddHex { digits: 3 }),
        (
            "3 1 1 ag",
            InvalidTlsaRecord::BadHex {
                text: crate::text::UntrustedText::new(b"ag", 120),
            },
        ),
        ("3 1 1 (ab", InvalidTlsaRecord::Parentheses),
        ("3 1 1 ab)", InvalidTlsaRecord::Parentheses),
        ("((3 1 1 ab))", InvalidTlsaRecord::Parentheses),
    ];
    for (text, expected) in rows {
        assert_eq!(TlsaRecord::parse(text), Err(expected), "{text:?}");
    }
    let endless = format!("3 1 1 {}", "ab".repeat(0xFFFF));
    assert_eq!(TlsaRecord::parse(&endless), Err(InvalidTlsaRecord::TooLong));

    // RFC 6698 §2.1.
    for length in 0..3 {
        let truncated = TlsaRecord::from_rdata(&[3, 1, 1][..length]);
        assert_eq!(truncated, Err(InvalidTlsaRecord::Truncated { length }));
    }
    assert!(TlsaRecord::from_rdata(&[3, 1, 1]).is_ok());
    assert_eq!(
        TlsaRecord::from_rdata(&[0; 0x1_0000]),
        Err(InvalidTlsaRecord::TooLong)
    );
}

#[test]
fn records_show_what_they_are() {
    let record = raw(3, 1, 1, &[0xAB; 100]);
    assert_eq!(record.usage().to_string(), "DANE-EE(3)");
    assert_eq!(record.selector().to_string(), "SPKI(1)");
    assert_eq!(record.matching().to_string(), "SHA2-256(1)");
    assert_eq!(TlsaUsage::from_code_point(7).to_string(), "7");
    assert_eq!(TlsaUsage::from_code_point(255).to_string(), "PrivCert(255)");
    let debug = format!("{record:?}");
    assert!(debug.starts_with("TlsaRecord(3 1 1 abab"), "{debug}");
    assert!(debug.ends_with("ab[36 more octets])"), "{debug}");
    for number in 0..=255 {
        assert_eq!(TlsaUsage::from_code_point(number).code_point(), number);
        assert_eq!(TlsaSelector::from_code_point(number).code_point(), number);
        assert_eq!(TlsaMatching::from_code_point(number).code_point(), number);
    }
}

#[test]
fn the_name_to_query() {
    let rows = [
        (
            443,
            "www.example.com",
            Some("_443._tcp.www.example.com"),
            "RFC 6698 §3",
        ),
        (
            25,
            "mail.example.com",
            Some("_25._tcp.mail.example.com"),
            "RFC 6698 §3",
        ),
        (
            9143,
            "IMAP.Example.NET.",
            Some("_9143._tcp.imap.example.net"),
            "RFC 7673 §3.3",
        ),
        (
            993,
            "xn--bcher-kva.example",
            Some("_993._tcp.xn--bcher-kva.example"),
            "RFC 6698 §3, A-labels",
        ),
        (993, "my_host.example.net", None, "RFC 952"),
    ];
    for (port, host_name, expected, source) in rows {
        let name = TlsaName::tcp(port, host(host_name)).map(|name| name.to_string());
        assert_eq!(name.as_deref(), expected, "{source}");
    }
    let long = vec!["a".repeat(63); 3].join(".");
    let fits = format!("{long}.{}", "b".repeat(253 - 192 - "_993._tcp.".len()));
    assert_eq!(
        TlsaName::tcp(993, host(&fits)).map(|name| name.to_string().len()),
        Some(253)
    );
    assert_eq!(TlsaName::tcp(993, host(&format!("{fits}b"))), None);

    let endpoint = |host: &str| Endpoint::typed(Service::Imap, TlsMode::StartTls, host).unwrap();
    let of = TlsaName::of_endpoint(&endpoint(HOST)).unwrap();
    assert_eq!(of.to_string(), "_143._tcp.imap.example.net");
    assert_eq!(TlsaName::of_endpoint(&endpoint("192.0.2.1")), None);
}

fn any_record() -> impl Strategy<Value = TlsaRecord> {
    let number = || prop_oneof![0_u8..5, any::<u8>()];
    let data = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..100),
        proptest::collection::vec(any::<u8>(), 32),
        proptest::collection::vec(any::<u8>(), 64),
    ];
    (number(), number(), number(), data)
        .prop_map(|(usage, selector, matching, data)| raw(usage, selector, matching, &data))
}

proptest! {
    #[test]
    fn records_survive_both_forms(record in any_record()) {
        prop_assert_eq!(TlsaRecord::parse(&record.to_string()), Ok(record.clone()));
        prop_assert_eq!(TlsaRecord::from_rdata(&record.to_rdata()), Ok(record.clone()));
        let acronyms = format!(
            "{} {} {} {}",
            record.usage().acronym().map_or_else(|| record.usage().to_string(), str::to_lowercase),
            record.selector().acronym().map_or_else(|| record.selector().to_string(), str::to_uppercase),
            record.matching().acronym().map_or_else(|| record.matching().to_string(), str::to_owned),
            record.data().iter().map(|byte| format!("{byte:02X} ")).collect::<String>(),
        );
        prop_assert_eq!(TlsaRecord::parse(&acronyms), Ok(record));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9a-fA-FDEINPSTX() \t\n-]{0,60}|\\PC{0,60}") {
        match TlsaRecord::parse(&text) {
            Ok(record) => prop_assert_eq!(TlsaRecord::parse(&record.to_string()), Ok(record)),
            Err(error) => prop_assert!(!error.to_string().contains('\n')),
        }
    }

    #[test]
    fn any_rdata_is_read_or_refused(rdata in proptest::collection::vec(any::<u8>(), 0..80)) {
        match TlsaRecord::from_rdata(&rdata) {
            Ok(record) => prop_assert_eq!(record.to_rdata(), rdata),
            Err(_) => prop_assert!(rdata.len() < 3),
        }
    }

    /// Whatever is published: a chain that none of the usable records names is refused, and one
    /// that no record can be used for is judged as without DANE.
    #[test]
    fn foreign_records_never_authenticate(
        records in proptest::collection::vec(any_record(), 1..8),
        pkix in any::<bool>(),
    ) {
        static HOUSE: std::sync::OnceLock<(Vec<CertificateDer<'static>>, TrustAnchors)> =
            std::sync::OnceLock::new();
        let (chain, anchors) = HOUSE.get_or_init(|| {
            let house = House::new();
            (house.chain(&host_params()), anchors(&house.root.certificate))
        });
        let usages = if pkix { DaneUsages::Pkix } else { DaneUsages::Dane };
        let decision = DanePolicy::default().with_usages(usages).decide(&lookup_of(&records)).unwrap();
        let verdict = verdict_with(chain, anchors, &references(HOST), &decision, NOW);
        let expected: &[&str] = match decision.not_applied() {
            Some(_) => &[],
            None => &["tlsa-mismatch"],
        };
        prop_assert_eq!(codes(&verdict), expected);
    }
}
