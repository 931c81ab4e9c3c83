//! The names that servers give to suites, groups and versions, which are often their library's.

use super::RecordedVersion;
use crate::registry::{CipherSuite, NamedGroup};

/// The suite that is called so: by IANA, by OpenSSL and LibreSSL, by rustls, by GnuTLS where that says
/// all, or by Exchange, which appends the curve. The version is that of the session.
pub(super) fn cipher_suite(name: &str, version: Option<RecordedVersion>) -> Option<CipherSuite> {
    CipherSuite::from_name(name)
        .or_else(|| openssl_suite(name))
        .or_else(|| rustls_suite(name))
        .or_else(|| gnutls_suite(name))
        .or_else(|| CipherSuite::from_name(exchange_parts(name)?.0))
        .or_else(|| gnutls_session(name, version?))
}

/// The group that is called so: by IANA, or in the ways of NIST, of OpenSSL and of Postfix.
pub(super) fn group(name: &str) -> Option<NamedGroup> {
    let registered = match name {
        "X25519" => "x25519",
        "X448" => "x448",
        "P-256" | "P256" | "prime256v1" | "SECP256R1" => "secp256r1",
        "P-384" | "P384" | "SECP384R1" => "secp384r1",
        "P-521" | "P521" | "SECP521R1" => "secp521r1",
        other => other,
    };
    NamedGroup::from_name(registered)
}

/// The group that is named within the name of a suite.
pub(super) fn group_in_suite(name: &str) -> Option<&str> {
    match exchange_parts(name) {
        Some((_, curve)) => Some(curve),
        None => gnutls_key_exchange(name),
    }
}

/// `TLSv1.3`, `TLS1.3`, `TLS1_3`, and so on.
pub(super) fn version(name: &[u8]) -> Option<RecordedVersion> {
    Some(match name {
        b"SSLv3" | b"SSL3.0" | b"SSL3" => RecordedVersion::Ssl3,
        b"TLSv1" | b"TLSv1.0" | b"TLS1.0" | b"TLS1_0" | b"TLS1" => RecordedVersion::Tls10,
        b"TLSv1.1" | b"TLS1.1" | b"TLS1_1" => RecordedVersion::Tls11,
        b"TLSv1.2" | b"TLS1.2" | b"TLS1_2" => RecordedVersion::Tls12,
        b"TLSv1.3" | b"TLS1.3" | b"TLS1_3" => RecordedVersion::Tls13,
        // OpenSSL's word for "one of the two" among them: `TLSv1/SSLv3`.
        _ => return None,
    })
}

fn openssl_suite(name: &str) -> Option<CipherSuite> {
    let at = OPENSSL.binary_search_by_key(&name, |row| row.0).ok()?;
    OPENSSL
        .get(at)
        .map(|row| CipherSuite::from_code_point(row.1))
}

/// rustls writes `TLS13_` for the `TLS_` of the suites of TLS 1.3.
fn rustls_suite(name: &str) -> Option<CipherSuite> {
    let rest = name.strip_prefix("TLS13_")?;
    GNUTLS_TLS13
        .iter()
        .find(|row| row.1 == rest)
        .map(|row| CipherSuite::from_code_point(row.2))
}

/// `TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384`.
fn exchange_parts(name: &str) -> Option<(&str, &str)> {
    let (suite, curve) = name.rsplit_once('_')?;
    matches!(curve, "P256" | "P384" | "P521").then_some((suite, curve))
}

/// `TLS_ECDHE_RSA_AES_256_GCM_SHA384`, with `TLS_` or without: GnuTLS leaves out the `WITH` of suites
/// before TLS 1.3, and counts SHA.
fn gnutls_suite(name: &str) -> Option<CipherSuite> {
    let name = name.strip_prefix("TLS_").unwrap_or(name);
    let (key_exchange, cipher) = GNUTLS_KEY_EXCHANGES
        .iter()
        .find_map(|one| Some((one, name.strip_prefix(one)?.strip_prefix('_')?)))?;
    let key_exchange = key_exchange.replace("ANON", "anon");
    let cipher = cipher.replace("ARCFOUR_128", "RC4_128");
    let cipher = match cipher.strip_suffix("_SHA1") {
        Some(cipher) => format!("{cipher}_SHA"),
        None if cipher == "CHACHA20_POLY1305" => format!("{cipher}_SHA256"),
        None => cipher,
    };
    // Of CCM with a smaller tag IANA has the key exchange the other way round (RFC 6655 §4).
    CipherSuite::from_name(&format!("TLS_{key_exchange}_WITH_{cipher}")).or_else(|| {
        let other = key_exchange.strip_suffix("_PSK")?;
        CipherSuite::from_name(&format!("TLS_PSK_{other}_WITH_{cipher}"))
    })
}

/// `ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_256_GCM`, GnuTLS' description of a session: the key exchange,
/// the signature, the cipher. In TLS 1.3 the cipher says which suite it is, and before that all of them
/// together, as long as the cipher has one hash function only.
fn gnutls_session(name: &str, version: RecordedVersion) -> Option<CipherSuite> {
    let (rest, cipher) = name.rsplit_once("__")?;
    let (_, cipher, suite) = GNUTLS_TLS13.iter().find(|row| row.0 == cipher)?;
    match version {
        RecordedVersion::Tls13 => Some(CipherSuite::from_code_point(*suite)),
        RecordedVersion::Tls12 => {
            let (key_exchange, signature) = rest.split_once("__")?;
            let (key_exchange, _) = key_exchange.split_once('_')?;
            let key = match signature.split_once('_')?.0 {
                "EdDSA" => "ECDSA",
                key => key,
            };
            CipherSuite::from_name(&format!("TLS_{key_exchange}_{key}_WITH_{cipher}"))
        }
        // These have no cipher with a hash function of its own.
        RecordedVersion::Ssl3 | RecordedVersion::Tls10 | RecordedVersion::Tls11 => None,
    }
}

fn gnutls_key_exchange(name: &str) -> Option<&str> {
    let (key_exchange, _) = name.split_once("__")?;
    key_exchange
        .strip_prefix("ECDHE_")
        .or_else(|| key_exchange.strip_prefix("DHE_"))
}

/// The key exchanges in GnuTLS' names of suites before TLS 1.3; one that begins with another comes
/// before it.
static GNUTLS_KEY_EXCHANGES: &[&str] = &[
    "ECDHE_ECDSA",
    "ECDHE_RSA",
    "ECDHE_PSK",
    "ECDH_ANON",
    "DHE_RSA",
    "DHE_DSS",
    "DHE_PSK",
    "DH_ANON",
    "RSA_PSK",
    "RSA",
    "PSK",
    "SRP_SHA_RSA",
    "SRP_SHA_DSS",
    "SRP_SHA",
    "GOSTR341112_256",
];

/// The suites of TLS 1.3: how GnuTLS ends its name, how IANA does.
static GNUTLS_TLS13: &[(&str, &str, u16)] = &[
    ("AES_128_GCM", "AES_128_GCM_SHA256", 0x1301),
    ("AES_256_GCM", "AES_256_GCM_SHA384", 0x1302),
    ("CHACHA20_POLY1305", "CHACHA20_POLY1305_SHA256", 0x1303),
    ("AES_128_CCM", "AES_128_CCM_SHA256", 0x1304),
    ("AES_128_CCM_8", "AES_128_CCM_8_SHA256", 0x1305),
];

/// OpenSSL's names (`openssl ciphers -V`), also those that it has dropped, and those that LibreSSL had
/// for the suites of TLS 1.3 at first; in ascending order.
static OPENSSL: &[(&str, u16)] = &[
    ("ADH-AES128-GCM-SHA256", 0x00A6),
    ("ADH-AES128-SHA", 0x0034),
    ("ADH-AES128-SHA256", 0x006C),
    ("ADH-AES256-GCM-SHA384", 0x00A7),
    ("ADH-AES256-SHA", 0x003A),
    ("ADH-AES256-SHA256", 0x006D),
    ("ADH-CAMELLIA128-SHA", 0x0046),
    ("ADH-CAMELLIA128-SHA256", 0x00BF),
    ("ADH-CAMELLIA256-SHA", 0x0089),
    ("ADH-CAMELLIA256-SHA256", 0x00C5),
    ("ADH-DES-CBC3-SHA", 0x001B),
    ("ADH-RC4-MD5", 0x0018),
    ("AEAD-AES128-GCM-SHA256", 0x1301),
    ("AEAD-AES256-GCM-SHA384", 0x1302),
    ("AEAD-CHACHA20-POLY1305-SHA256", 0x1303),
    ("AECDH-AES128-SHA", 0xC018),
    ("AECDH-AES256-SHA", 0xC019),
    ("AECDH-DES-CBC3-SHA", 0xC017),
    ("AECDH-NULL-SHA", 0xC015),
    ("AES128-CCM", 0xC09C),
    ("AES128-CCM8", 0xC0A0),
    ("AES128-GCM-SHA256", 0x009C),
    ("AES128-SHA", 0x002F),
    ("AES128-SHA256", 0x003C),
    ("AES256-CCM", 0xC09D),
    ("AES256-CCM8", 0xC0A1),
    ("AES256-GCM-SHA384", 0x009D),
    ("AES256-SHA", 0x0035),
    ("AES256-SHA256", 0x003D),
    ("ARIA128-GCM-SHA256", 0xC050),
    ("ARIA256-GCM-SHA384", 0xC051),
    ("CAMELLIA128-SHA", 0x0041),
    ("CAMELLIA128-SHA256", 0x00BA),
    ("CAMELLIA256-SHA", 0x0084),
    ("CAMELLIA256-SHA256", 0x00C0),
    ("DES-CBC-SHA", 0x0009),
    ("DES-CBC3-SHA", 0x000A),
    ("DHE-DSS-AES128-GCM-SHA256", 0x00A2),
    ("DHE-DSS-AES128-SHA", 0x0032),
    ("DHE-DSS-AES128-SHA256", 0x0040),
    ("DHE-DSS-AES256-GCM-SHA384", 0x00A3),
    ("DHE-DSS-AES256-SHA", 0x0038),
    ("DHE-DSS-AES256-SHA256", 0x006A),
    ("DHE-DSS-ARIA128-GCM-SHA256", 0xC056),
    ("DHE-DSS-ARIA256-GCM-SHA384", 0xC057),
    ("DHE-DSS-CAMELLIA128-SHA", 0x0044),
    ("DHE-DSS-CAMELLIA128-SHA256", 0x00BD),
    ("DHE-DSS-CAMELLIA256-SHA", 0x0087),
    ("DHE-DSS-CAMELLIA256-SHA256", 0x00C3),
    ("DHE-DSS-DES-CBC3-SHA", 0x0013),
    ("DHE-DSS-SEED-SHA", 0x0099),
    ("DHE-PSK-AES128-CBC-SHA", 0x0090),
    ("DHE-PSK-AES128-CBC-SHA256", 0x00B2),
    ("DHE-PSK-AES128-CCM", 0xC0A6),
    ("DHE-PSK-AES128-CCM8", 0xC0AA),
    ("DHE-PSK-AES128-GCM-SHA256", 0x00AA),
    ("DHE-PSK-AES256-CBC-SHA", 0x0091),
    ("DHE-PSK-AES256-CBC-SHA384", 0x00B3),
    ("DHE-PSK-AES256-CCM", 0xC0A7),
    ("DHE-PSK-AES256-CCM8", 0xC0AB),
    ("DHE-PSK-AES256-GCM-SHA384", 0x00AB),
    ("DHE-PSK-ARIA128-GCM-SHA256", 0xC06C),
    ("DHE-PSK-ARIA256-GCM-SHA384", 0xC06D),
    ("DHE-PSK-CAMELLIA128-SHA256", 0xC096),
    ("DHE-PSK-CAMELLIA256-SHA384", 0xC097),
    ("DHE-PSK-CHACHA20-POLY1305", 0xCCAD),
    ("DHE-PSK-NULL-SHA", 0x002D),
    ("DHE-PSK-NULL-SHA256", 0x00B4),
    ("DHE-PSK-NULL-SHA384", 0x00B5),
    ("DHE-RSA-AES128-CCM", 0xC09E),
    ("DHE-RSA-AES128-CCM8", 0xC0A2),
    ("DHE-RSA-AES128-GCM-SHA256", 0x009E),
    ("DHE-RSA-AES128-SHA", 0x0033),
    ("DHE-RSA-AES128-SHA256", 0x0067),
    ("DHE-RSA-AES256-CCM", 0xC09F),
    ("DHE-RSA-AES256-CCM8", 0xC0A3),
    ("DHE-RSA-AES256-GCM-SHA384", 0x009F),
    ("DHE-RSA-AES256-SHA", 0x0039),
    ("DHE-RSA-AES256-SHA256", 0x006B),
    ("DHE-RSA-ARIA128-GCM-SHA256", 0xC052),
    ("DHE-RSA-ARIA256-GCM-SHA384", 0xC053),
    ("DHE-RSA-CAMELLIA128-SHA", 0x0045),
    ("DHE-RSA-CAMELLIA128-SHA256", 0x00BE),
    ("DHE-RSA-CAMELLIA256-SHA", 0x0088),
    ("DHE-RSA-CAMELLIA256-SHA256", 0x00C4),
    ("DHE-RSA-CHACHA20-POLY1305", 0xCCAA),
    ("DHE-RSA-DES-CBC3-SHA", 0x0016),
    ("DHE-RSA-SEED-SHA", 0x009A),
    ("ECDHE-ARIA128-GCM-SHA256", 0xC060),
    ("ECDHE-ARIA256-GCM-SHA384", 0xC061),
    ("ECDHE-ECDSA-AES128-CCM", 0xC0AC),
    ("ECDHE-ECDSA-AES128-CCM8", 0xC0AE),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02B),
    ("ECDHE-ECDSA-AES128-SHA", 0xC009),
    ("ECDHE-ECDSA-AES128-SHA256", 0xC023),
    ("ECDHE-ECDSA-AES256-CCM", 0xC0AD),
    ("ECDHE-ECDSA-AES256-CCM8", 0xC0AF),
    ("ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02C),
    ("ECDHE-ECDSA-AES256-SHA", 0xC00A),
    ("ECDHE-ECDSA-AES256-SHA384", 0xC024),
    ("ECDHE-ECDSA-ARIA128-GCM-SHA256", 0xC05C),
    ("ECDHE-ECDSA-ARIA256-GCM-SHA384", 0xC05D),
    ("ECDHE-ECDSA-CAMELLIA128-SHA256", 0xC072),
    ("ECDHE-ECDSA-CAMELLIA256-SHA384", 0xC073),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", 0xCCA9),
    ("ECDHE-ECDSA-DES-CBC3-SHA", 0xC008),
    ("ECDHE-ECDSA-NULL-SHA", 0xC006),
    ("ECDHE-ECDSA-RC4-SHA", 0xC007),
    ("ECDHE-PSK-AES128-CBC-SHA", 0xC035),
    ("ECDHE-PSK-AES128-CBC-SHA256", 0xC037),
    ("ECDHE-PSK-AES256-CBC-SHA", 0xC036),
    ("ECDHE-PSK-AES256-CBC-SHA384", 0xC038),
    ("ECDHE-PSK-CAMELLIA128-SHA256", 0xC09A),
    ("ECDHE-PSK-CAMELLIA256-SHA384", 0xC09B),
    ("ECDHE-PSK-CHACHA20-POLY1305", 0xCCAC),
    ("ECDHE-PSK-NULL-SHA", 0xC039),
    ("ECDHE-PSK-NULL-SHA256", 0xC03A),
    ("ECDHE-PSK-NULL-SHA384", 0xC03B),
    ("ECDHE-RSA-AES128-GCM-SHA256", 0xC02F),
    ("ECDHE-RSA-AES128-SHA", 0xC013),
    ("ECDHE-RSA-AES128-SHA256", 0xC027),
    ("ECDHE-RSA-AES256-GCM-SHA384", 0xC030),
    ("ECDHE-RSA-AES256-SHA", 0xC014),
    ("ECDHE-RSA-AES256-SHA384", 0xC028),
    ("ECDHE-RSA-CAMELLIA128-SHA256", 0xC076),
    ("ECDHE-RSA-CAMELLIA256-SHA384", 0xC077),
    ("ECDHE-RSA-CHACHA20-POLY1305", 0xCCA8),
    ("ECDHE-RSA-DES-CBC3-SHA", 0xC012),
    ("ECDHE-RSA-NULL-SHA", 0xC010),
    ("ECDHE-RSA-RC4-SHA", 0xC011),
    ("EDH-DSS-DES-CBC3-SHA", 0x0013),
    ("EDH-RSA-DES-CBC3-SHA", 0x0016),
    ("IDEA-CBC-SHA", 0x0007),
    ("NULL-MD5", 0x0001),
    ("NULL-SHA", 0x0002),
    ("NULL-SHA256", 0x003B),
    ("PSK-AES128-CBC-SHA", 0x008C),
    ("PSK-AES128-CBC-SHA256", 0x00AE),
    ("PSK-AES128-CCM", 0xC0A4),
    ("PSK-AES128-CCM8", 0xC0A8),
    ("PSK-AES128-GCM-SHA256", 0x00A8),
    ("PSK-AES256-CBC-SHA", 0x008D),
    ("PSK-AES256-CBC-SHA384", 0x00AF),
    ("PSK-AES256-CCM", 0xC0A5),
    ("PSK-AES256-CCM8", 0xC0A9),
    ("PSK-AES256-GCM-SHA384", 0x00A9),
    ("PSK-ARIA128-GCM-SHA256", 0xC06A),
    ("PSK-ARIA256-GCM-SHA384", 0xC06B),
    ("PSK-CAMELLIA128-SHA256", 0xC094),
    ("PSK-CAMELLIA256-SHA384", 0xC095),
    ("PSK-CHACHA20-POLY1305", 0xCCAB),
    ("PSK-NULL-SHA", 0x002C),
    ("PSK-NULL-SHA256", 0x00B0),
    ("PSK-NULL-SHA384", 0x00B1),
    ("RC4-MD5", 0x0004),
    ("RC4-SHA", 0x0005),
    ("RSA-PSK-AES128-CBC-SHA", 0x0094),
    ("RSA-PSK-AES128-CBC-SHA256", 0x00B6),
    ("RSA-PSK-AES128-GCM-SHA256", 0x00AC),
    ("RSA-PSK-AES256-CBC-SHA", 0x0095),
    ("RSA-PSK-AES256-CBC-SHA384", 0x00B7),
    ("RSA-PSK-AES256-GCM-SHA384", 0x00AD),
    ("RSA-PSK-ARIA128-GCM-SHA256", 0xC06E),
    ("RSA-PSK-ARIA256-GCM-SHA384", 0xC06F),
    ("RSA-PSK-CAMELLIA128-SHA256", 0xC098),
    ("RSA-PSK-CAMELLIA256-SHA384", 0xC099),
    ("RSA-PSK-CHACHA20-POLY1305", 0xCCAE),
    ("RSA-PSK-NULL-SHA", 0x002E),
    ("RSA-PSK-NULL-SHA256", 0x00B8),
    ("RSA-PSK-NULL-SHA384", 0x00B9),
    ("SEED-SHA", 0x0096),
    ("SRP-AES-128-CBC-SHA", 0xC01D),
    ("SRP-AES-256-CBC-SHA", 0xC020),
    ("SRP-DSS-AES-128-CBC-SHA", 0xC01F),
    ("SRP-DSS-AES-256-CBC-SHA", 0xC022),
    ("SRP-RSA-AES-128-CBC-SHA", 0xC01E),
    ("SRP-RSA-AES-256-CBC-SHA", 0xC021),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_its_suites_are_registered() {
        assert!(OPENSSL.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (name, code_point) in OPENSSL {
            let suite = CipherSuite::from_code_point(*code_point);
            assert!(suite.name().is_some(), "{name}");
            assert_eq!(cipher_suite(name, None), Some(suite));
        }
    }

    #[test]
    fn the_table_is_of_the_suites_that_it_says() {
        // Both names speak of the same key exchange, authentication, cipher and hash.
        for (name, code_point) in OPENSSL {
            let registered = CipherSuite::from_code_point(*code_point).name().unwrap();
            let name = name.replace("AES-", "AES"); // SRP-AES-128-CBC-SHA
            for (word, registered_word) in [
                ("ECDHE-", "_ECDHE_"),
                ("GCM", "_GCM"),
                ("CCM8", "_CCM_8"),
                ("AES256", "AES_256"),
                ("AES128", "AES_128"),
                ("SHA384", "SHA384"),
                ("CHACHA20", "CHACHA20"),
                ("CAMELLIA256", "CAMELLIA_256"),
                ("ARIA128", "ARIA_128"),
                ("RC4", "RC4"),
                ("DES-CBC3", "3DES"),
                ("ADH-", "_DH_anon"),
                ("NULL", "NULL"),
                ("ECDSA", "ECDSA"),
                ("DSS", "DSS"),
            ] {
                assert_eq!(
                    name.contains(word),
                    registered.contains(registered_word),
                    "{name} {registered} {word}"
                );
            }
        }
    }

    #[test]
    fn names_of_suites() {
        use RecordedVersion::{Tls10, Tls12, Tls13};
        let rows = [
            ("TLS_AES_128_GCM_SHA256", None, 0x1301),
            ("0x1301", None, 0x1301),
            ("ECDHE-RSA-AES256-GCM-SHA384", None, 0xC030),
            ("AES256-SHA", None, 0x0035),
            ("AEAD-AES256-GCM-SHA384", None, 0x1302),
            ("TLS13_CHACHA20_POLY1305_SHA256", None, 0x1303),
            ("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384_P384", None, 0xC028),
            ("ECDHE_RSA_AES_256_GCM_SHA384", Some(Tls12), 0xC030),
            ("RSA_AES_128_CBC_SHA1", Some(Tls10), 0x002F),
            ("TLS_DHE_RSA_CHACHA20_POLY1305", Some(Tls12), 0xCCAA),
            ("DHE_PSK_AES_128_CCM_8", None, 0xC0AA),
            ("DH_ANON_ARCFOUR_128_MD5", None, 0x0018),
            (
                "ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_128_GCM",
                Some(Tls13),
                0x1301,
            ),
            (
                "ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_128_GCM",
                Some(Tls12),
                0xC02F,
            ),
            (
                "ECDHE_SECP256R1__ECDSA_SHA256__AES_256_GCM",
                Some(Tls12),
                0xC02C,
            ),
            (
                "ECDHE_X25519__EdDSA_Ed25519__CHACHA20_POLY1305",
                Some(Tls12),
                0xCCA9,
            ),
            (
                "DHE_FFDHE3072__RSA_SHA256__AES_256_GCM",
                Some(Tls12),
                0x009F,
            ),
        ];
        for (name, version, code_point) in rows {
            let suite = Some(CipherSuite::from_code_point(code_point));
            assert_eq!(cipher_suite(name, version), suite, "{name}");
        }
        for (name, version) in [
            ("", None),
            ("__", Some(Tls12)),
            ("____", Some(Tls12)),
            ("_P256", None),
            ("TLS13_", None),
            ("RSA_", None),
            ("unknown", None),
            ("ecdhe-rsa-aes256-gcm-sha384", None),
            // SHA or SHA-256; and which version it is, is not known.
            ("ECDHE_SECP256R1__RSA_SHA256__AES_256_CBC", Some(Tls12)),
            ("ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_128_GCM", None),
            (
                "ECDHE_X25519__RSA_PSS_RSAE_SHA256__AES_128_GCM",
                Some(Tls10),
            ),
            ("ECDHE_X25519__AES_128_GCM", Some(Tls12)),
        ] {
            assert_eq!(cipher_suite(name, version), None, "{name}");
        }
    }

    #[test]
    fn names_of_groups() {
        let rows = [
            ("x25519", Some(0x001D)),
            ("X25519", Some(0x001D)),
            ("X25519MLKEM768", Some(0x11EC)),
            ("P-256", Some(0x0017)),
            ("prime256v1", Some(0x0017)),
            ("ECDHE", None),
            ("", None),
        ];
        for (name, code_point) in rows {
            assert_eq!(group(name), code_point.map(NamedGroup::from_code_point));
        }
    }
}
