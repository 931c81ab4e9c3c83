//! The tables of cipher suites and groups against IANA's registries (`tests/data/iana/`), and the
//! verdict on each suite against the rules of RFC 9325 §4.
//!
//! `MAIL_TLS_WRITE_TABLES=1 cargo test --test registry` writes `src/registry/*.rs` anew from the
//! data and the rules below; without the variable the files must already be what it would write.

use mail_tls::Recommendation::{self, Acceptable, Forbidden, NotRecommended, Recommended, Unknown};
use mail_tls::{CipherSuite, NamedGroup};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::{env, fs};

#[test]
fn every_registered_suite_is_in_the_table_and_no_other() {
    let rows = rows("cipher-suites.csv");
    assert_eq!(rows.len(), 352);
    let named: Vec<_> = every_code_point()
        .filter_map(|code| Some((code, CipherSuite::from_code_point(code).name()?.to_owned())))
        .collect();
    assert_eq!(named, rows);
    for (code_point, name) in rows {
        let suite = CipherSuite::from_code_point(code_point);
        assert_eq!(suite.to_string(), name);
        assert_eq!(CipherSuite::from_name(&name), Some(suite));
    }
}

#[test]
fn every_registered_group_is_in_the_table_and_no_other() {
    let rows = rows("supported-groups.csv");
    assert_eq!(rows.len(), 54);
    let named: Vec<_> = every_code_point()
        .filter_map(|code| Some((code, NamedGroup::from_code_point(code).name()?.to_owned())))
        .collect();
    assert_eq!(named, rows);
    for (code_point, name) in rows {
        let group = NamedGroup::from_code_point(code_point);
        assert_eq!(group.to_string(), name);
        assert_eq!(NamedGroup::from_name(&name), Some(group));
    }
}

#[test]
fn every_code_point_survives_the_round_trip_through_its_display() {
    for code in every_code_point() {
        let suite = CipherSuite::from_code_point(code);
        assert_eq!(suite.code_point(), code);
        assert_eq!(CipherSuite::from_name(&suite.to_string()), Some(suite));
        let group = NamedGroup::from_code_point(code);
        assert_eq!(group.code_point(), code);
        assert_eq!(NamedGroup::from_name(&group.to_string()), Some(group));
    }
}

/// RFC 8314 §4.3: `tls-cipher-name = ALPHA *(ALPHA / DIGIT / "_")`; `dh-group` allows `-` too.
#[test]
fn every_name_fits_the_clause_of_the_received_field() {
    for (_, name) in rows("cipher-suites.csv")
        .into_iter()
        .chain(rows("supported-groups.csv"))
    {
        assert!(
            name.starts_with(|c: char| c.is_ascii_alphabetic()),
            "{name}"
        );
        assert!(
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
            "{name}"
        );
    }
}

#[test]
fn unknown_code_points_render_as_hexadecimal() {
    assert_eq!(CipherSuite::from_code_point(0x1399).to_string(), "0x1399");
    assert_eq!(CipherSuite::from_code_point(0x001C).to_string(), "0x001C");
    assert_eq!(CipherSuite::from_code_point(0x1399).name(), None);
    assert_eq!(
        CipherSuite::from_code_point(0x1399).recommendation(),
        Unknown
    );
    // A GREASE value (RFC 8701 §2) is registered as reserved, not as a suite.
    assert_eq!(CipherSuite::from_code_point(0xFAFA).to_string(), "0xFAFA");
    assert_eq!(NamedGroup::from_code_point(0x6399).to_string(), "0x6399");
}

#[test]
fn from_name_takes_exact_names_and_four_hexadecimal_digits_only() {
    let aes = Some(CipherSuite::from_code_point(0x1301));
    for (text, expected) in [
        ("TLS_AES_128_GCM_SHA256", aes),
        ("0x1301", aes),
        ("0X1301", aes),
        ("0xc02f", Some(CipherSuite::from_code_point(0xC02F))),
        ("tls_aes_128_gcm_sha256", None),
        ("TLS13_AES_128_GCM_SHA256", None), // rustls' name
        ("TLS_AES_128_GCM_SHA256 ", None),
        ("", None),
        ("0x", None),
        ("0x301", None),
        ("0x01301", None),
        ("0x+301", None),
        ("0x13é", None),
        ("1301", None),
        ("x25519", None),
    ] {
        assert_eq!(CipherSuite::from_name(text), expected, "{text:?}");
    }
    assert_eq!(
        NamedGroup::from_name("x25519").map(NamedGroup::code_point),
        Some(0x001D)
    );
    assert_eq!(NamedGroup::from_name("X25519"), None);
}

/// RFC 9325 §4.1 and §4.2, RFC 8446 §9.1, RFC 5246 §A.5: what the clauses name, written by hand.
#[test]
fn verdicts_by_clause() {
    for (clause, name, expected) in [
        (
            "9325 §4.2",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            Recommended,
        ),
        (
            "9325 §4.2",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            Recommended,
        ),
        (
            "9325 §4.2",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            Recommended,
        ),
        (
            "9325 §4.2",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            Recommended,
        ),
        ("8446 §9.1", "TLS_AES_128_GCM_SHA256", Recommended),
        ("8446 §9.1", "TLS_AES_256_GCM_SHA384", Recommended),
        ("8446 §9.1", "TLS_CHACHA20_POLY1305_SHA256", Recommended),
        (
            "silent",
            "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            Acceptable,
        ),
        (
            "silent",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            Acceptable,
        ),
        (
            "9325 §4.2, AES-CCM",
            "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
            Acceptable,
        ),
        ("silent", "TLS_AES_128_CCM_SHA256", Acceptable),
        (
            "9325 §4.1, below 128 bits",
            "TLS_AES_128_CCM_8_SHA256",
            NotRecommended,
        ),
        (
            "9325 §4.1, 3DES",
            "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
            NotRecommended,
        ),
        (
            "9325 §4.1, static RSA",
            "TLS_RSA_WITH_AES_128_GCM_SHA256",
            NotRecommended,
        ),
        (
            "9325 §4.1, static RSA",
            "TLS_RSA_WITH_AES_128_CBC_SHA",
            NotRecommended,
        ),
        (
            "9325 §4.1, static DH",
            "TLS_DH_RSA_WITH_AES_128_GCM_SHA256",
            NotRecommended,
        ),
        (
            "9325 §4.1, static ECDH",
            "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256",
            NotRecommended,
        ),
        (
            "9325 §4.1, DHE",
            "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
            NotRecommended,
        ),
        (
            "9325 §4.1, DHE",
            "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            NotRecommended,
        ),
        (
            "9325 §4.1, forward secrecy",
            "TLS_PSK_WITH_AES_128_GCM_SHA256",
            NotRecommended,
        ),
        (
            "9325 §4.2, CBC",
            "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
            NotRecommended,
        ),
        ("9325 §4.1, NULL", "TLS_NULL_WITH_NULL_NULL", Forbidden),
        ("9325 §4.1, NULL", "TLS_ECDHE_RSA_WITH_NULL_SHA", Forbidden),
        ("9325 §4.1, NULL (RFC 9150)", "TLS_SHA256_SHA256", Forbidden),
        (
            "9325 §4.1, RC4",
            "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
            Forbidden,
        ),
        (
            "9325 §4.1, export",
            "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA",
            Forbidden,
        ),
        (
            "9325 §4.1, below 112 bits",
            "TLS_RSA_WITH_DES_CBC_SHA",
            Forbidden,
        ),
        (
            "5246 §A.5",
            "TLS_DH_anon_WITH_AES_128_GCM_SHA256",
            Forbidden,
        ),
        ("5246 §A.5", "TLS_ECDH_anon_WITH_AES_256_CBC_SHA", Forbidden),
        ("5746 §3.3", "TLS_EMPTY_RENEGOTIATION_INFO_SCSV", Forbidden),
        ("7507 §2", "TLS_FALLBACK_SCSV", Forbidden),
    ] {
        let suite = CipherSuite::from_name(name).unwrap_or_else(|| panic!("{name} is missing"));
        assert_eq!(suite.recommendation(), expected, "{name}: {clause}");
    }
}

/// Nothing is recommended but what the two documents list.
#[test]
fn seven_suites_are_recommended() {
    let recommended = every_code_point()
        .filter(|code| CipherSuite::from_code_point(*code).recommendation() == Recommended);
    let expected = [0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xC02F, 0xC030];
    assert_eq!(recommended.collect::<Vec<_>>(), expected);
}

#[test]
fn hybrids_are_the_groups_that_join_a_curve_and_ml_kem() {
    let hybrids: BTreeSet<_> = every_code_point()
        .map(NamedGroup::from_code_point)
        .filter(|group| group.is_post_quantum_hybrid())
        .collect();
    let by_name: BTreeSet<_> = rows("supported-groups.csv")
        .into_iter()
        .filter(|(_, name)| name.contains("MLKEM") && !name.starts_with("MLKEM"))
        .map(|(code, _)| NamedGroup::from_code_point(code))
        .collect();
    assert_eq!(hybrids.len(), 3);
    assert_eq!(hybrids, by_name);
}

#[test]
fn debug_shows_code_point_and_name() {
    let suite = CipherSuite::from_code_point(0x1301);
    assert_eq!(
        format!("{suite:?}"),
        "CipherSuite(0x1301 TLS_AES_128_GCM_SHA256)"
    );
    let group = NamedGroup::from_code_point(0x6399);
    assert_eq!(format!("{group:?}"), "NamedGroup(0x6399)");
}

#[test]
fn the_tables_are_what_the_data_makes_them() {
    for (path, text) in [
        ("src/registry/cipher_suites.rs", cipher_suites_rs()),
        ("src/registry/groups.rs", groups_rs()),
    ] {
        let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
        if env::var_os("MAIL_TLS_WRITE_TABLES").is_some() {
            fs::write(&path, text).unwrap();
        } else {
            assert!(
                fs::read_to_string(&path).unwrap() == text,
                "{path} is not up to date"
            );
        }
    }
}

fn every_code_point() -> impl Iterator<Item = u16> {
    0..=u16::MAX
}

/// The rows of a copy of the registry: `0x1301,TLS_AES_128_GCM_SHA256`, in ascending order.
fn rows(file: &str) -> Vec<(u16, String)> {
    let path = format!("{}/tests/data/iana/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("value,name"), "{path}");
    let rows: Vec<_> = lines
        .map(|line| {
            let (value, name) = line.split_once(',').unwrap();
            let digits = value.strip_prefix("0x").unwrap();
            (u16::from_str_radix(digits, 16).unwrap(), name.to_owned())
        })
        .collect();
    assert!(
        rows.is_sorted_by(|a, b| a.0 < b.0),
        "{path} is out of order"
    );
    rows
}

/// The verdict of RFC 9325 §4 from the parts of a suite's name.
fn verdict(name: &str) -> Recommendation {
    const RECOMMENDED: [&str; 7] = [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    ];
    if RECOMMENDED.contains(&name) {
        return Recommended;
    }
    // Without `_WITH_` a suite is for TLS 1.3 and says nothing of its key exchange, which is
    // ephemeral there; so are the two of RFC 9367 for TLS 1.3, whose names end in MGM_L or MGM_S.
    let (key_exchange, cipher) = match name.split_once("_WITH_") {
        Some((_, cipher)) if cipher.contains("_MGM_") => ("", cipher),
        Some((key_exchange, cipher)) => (key_exchange, cipher),
        None => ("", name),
    };
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let encrypts_nothing =
        cipher.starts_with("NULL_") || ends(&["_SHA256_SHA256", "_SHA384_SHA384"]);
    let below_112_bits = ["RC2_", "DES_", "DES40_"]
        .iter()
        .any(|weak| cipher.starts_with(weak));
    let authenticates_nobody = key_exchange.ends_with("_anon");
    if encrypts_nothing
        || below_112_bits
        || cipher.starts_with("RC4_")
        || key_exchange.contains("_EXPORT")
        || authenticates_nobody
        || name.ends_with("_SCSV")
    {
        return Forbidden;
    }
    let ephemeral_curve = [
        "",
        "TLS_ECDHE_RSA",
        "TLS_ECDHE_ECDSA",
        "TLS_ECDHE_PSK",
        "TLS_ECCPWD",
    ];
    let below_128_bits = cipher.starts_with("3DES_") || cipher.contains("_CCM_8");
    if !ephemeral_curve.contains(&key_exchange) || cipher.contains("_CBC_") || below_128_bits {
        return NotRecommended;
    }
    Acceptable
}

fn cipher_suites_rs() -> String {
    let mut text = header("cipher-suites.csv");
    text.push_str("use super::Recommendation::");
    text.push_str("{self, Acceptable, Forbidden, NotRecommended, Recommended};\n\n");
    text.push_str("/// Code point, name, verdict of RFC 9325 §4; in ascending order.\n");
    text.push_str("#[rustfmt::skip] // one suite a line\n");
    text.push_str("pub(super) static CIPHER_SUITES: &[(u16, &str, Recommendation)] = &[\n");
    for (code_point, name) in rows("cipher-suites.csv") {
        let verdict = verdict(&name);
        writeln!(text, "    (0x{code_point:04X}, \"{name}\", {verdict:?}),").unwrap();
    }
    text.push_str("];\n");
    text
}

fn groups_rs() -> String {
    let mut text = header("supported-groups.csv");
    text.push_str("/// Code point and name, in ascending order.\n");
    text.push_str("pub(super) static GROUPS: &[(u16, &str)] = &[\n");
    for (code_point, name) in rows("supported-groups.csv") {
        writeln!(text, "    (0x{code_point:04X}, \"{name}\"),").unwrap();
    }
    text.push_str("];\n");
    text
}

fn header(data: &str) -> String {
    format!("//! Written by `tests/registry.rs` from `tests/data/iana/{data}`.\n\n")
}
