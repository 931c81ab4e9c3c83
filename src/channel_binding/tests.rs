use super::*;
use crate::testing::der;

/// An OBJECT IDENTIFIER.
fn id(content: &[u8]) -> Vec<u8> {
    der(0x06, content)
}

/// An AlgorithmIdentifier, its content alone.
fn algorithm(content: &[u8], parameters: &[u8]) -> Vec<u8> {
    [id(content), parameters.to_vec()].concat()
}

const NULL: &[u8] = &[0x05, 0x00];
const SHA1: &[u8] = &[0x2B, 0x0E, 0x03, 0x02, 0x1A];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01];
const SHA384: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02];
const SHA3_256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x08];
const SHAKE256: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x0C];

/// RSASSA-PSS-params of RFC 4055 §3.1.
fn pss(message: Option<&[u8]>, mask: Option<&[u8]>) -> Vec<u8> {
    let message = message.map(|hash| der(0xA0, &der(0x30, &algorithm(hash, NULL))));
    let mask = mask.map(|hash| {
        let hash = der(0x30, &algorithm(hash, NULL));
        der(0xA1, &der(0x30, &algorithm(MGF1, &hash)))
    });
    let salt_length = der(0xA2, &der(0x02, &[32]));
    let fields = [message, mask, Some(salt_length)];
    let fields: Vec<u8> = fields.into_iter().flatten().flatten().collect();
    algorithm(RSASSA_PSS, &der(0x30, &fields))
}

/// RFC 5929 §4.1, with the algorithms of RFC 8017, RFC 5758, RFC 8410, RFC 4055 and NIST's.
#[test]
fn the_hash_of_each_signature_algorithm() {
    let rsa = |last: u8| {
        [
            &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01][..],
            &[last],
        ]
        .concat()
    };
    let ecdsa = |last: u8| [&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03][..], &[last]].concat();
    let nist = |last: u8| {
        [
            &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03][..],
            &[last],
        ]
        .concat()
    };
    let rows = [
        (
            "md5WithRSAEncryption",
            algorithm(&rsa(4), NULL),
            Some(Hash::Md5),
        ),
        (
            "sha1WithRSAEncryption",
            algorithm(&rsa(5), NULL),
            Some(Hash::Sha1),
        ),
        (
            "sha224WithRSAEncryption",
            algorithm(&rsa(14), NULL),
            Some(Hash::Sha224),
        ),
        (
            "sha256WithRSAEncryption",
            algorithm(&rsa(11), NULL),
            Some(Hash::Sha256),
        ),
        (
            "sha384WithRSAEncryption",
            algorithm(&rsa(12), NULL),
            Some(Hash::Sha384),
        ),
        (
            "sha512WithRSAEncryption",
            algorithm(&rsa(13), NULL),
            Some(Hash::Sha512),
        ),
        (
            "sha512-224WithRSAEncryption",
            algorithm(&rsa(15), NULL),
            Some(Hash::Sha512_224),
        ),
        (
            "sha512-256WithRSAEncryption",
            algorithm(&rsa(16), NULL),
            Some(Hash::Sha512_256),
        ),
        ("md2WithRSAEncryption", algorithm(&rsa(2), NULL), None),
        ("rsaEncryption", algorithm(&rsa(1), NULL), None),
        (
            "ecdsa-with-SHA1",
            algorithm(&[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x01], &[]),
            Some(Hash::Sha1),
        ),
        (
            "ecdsa-with-SHA224",
            algorithm(&ecdsa(1), &[]),
            Some(Hash::Sha224),
        ),
        (
            "ecdsa-with-SHA256",
            algorithm(&ecdsa(2), &[]),
            Some(Hash::Sha256),
        ),
        (
            "ecdsa-with-SHA384",
            algorithm(&ecdsa(3), &[]),
            Some(Hash::Sha384),
        ),
        (
            "ecdsa-with-SHA512",
            algorithm(&ecdsa(4), &[]),
            Some(Hash::Sha512),
        ),
        (
            "id-dsa-with-sha256",
            algorithm(&nist(2), &[]),
            Some(Hash::Sha256),
        ),
        ("id-ecdsa-with-sha3-256", algorithm(&nist(10), &[]), None),
        ("id-Ed25519", algorithm(&[0x2B, 0x65, 0x70], &[]), None),
        ("id-Ed448", algorithm(&[0x2B, 0x65, 0x71], &[]), None),
        ("id-ml-dsa-65", algorithm(&nist(18), &[]), None),
        (
            "PSS, SHA-256 twice",
            pss(Some(SHA256), Some(SHA256)),
            Some(Hash::Sha256),
        ),
        (
            "PSS, SHA-384 twice",
            pss(Some(SHA384), Some(SHA384)),
            Some(Hash::Sha384),
        ),
        ("PSS, two hashes", pss(Some(SHA256), Some(SHA1)), None),
        ("PSS, the mask's by default", pss(Some(SHA256), None), None),
        ("PSS, both by default", pss(None, None), Some(Hash::Sha1)),
        (
            "PSS, one said, one by default",
            pss(None, Some(SHA1)),
            Some(Hash::Sha1),
        ),
        (
            "PSS without parameters",
            algorithm(RSASSA_PSS, &[]),
            Some(Hash::Sha1),
        ),
        (
            "PSS, two that are not known",
            pss(Some(SHA3_256), Some(SHAKE256)),
            None,
        ),
        (
            "PSS, one that is not known twice",
            pss(Some(SHA3_256), Some(SHA3_256)),
            None,
        ),
    ];
    for (name, algorithm, expected) in rows {
        assert_eq!(Hash::of_signature(&algorithm), Ok(expected), "{name}");
    }
}

/// MD5 and SHA-1 are replaced by SHA-256, the others are taken as they are (RFC 5929 §4.1).
#[test]
fn what_each_hash_gives() {
    let rows = [
        (Hash::Md5, Sha256::digest(b"x").to_vec()),
        (Hash::Sha1, Sha256::digest(b"x").to_vec()),
        (Hash::Sha224, Sha224::digest(b"x").to_vec()),
        (Hash::Sha256, Sha256::digest(b"x").to_vec()),
        (Hash::Sha384, Sha384::digest(b"x").to_vec()),
        (Hash::Sha512, Sha512::digest(b"x").to_vec()),
        (Hash::Sha512_224, Sha512_224::digest(b"x").to_vec()),
        (Hash::Sha512_256, Sha512_256::digest(b"x").to_vec()),
    ];
    for (hash, expected) in rows {
        assert_eq!(hash.digest(b"x").to_vec(), expected, "{hash:?}");
    }
}

#[test]
fn certificates() {
    let issue = |algorithm| {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let params = rcgen::CertificateParams::default();
        params.self_signed(&key).unwrap().der().to_vec()
    };
    let p256 = issue(&rcgen::PKCS_ECDSA_P256_SHA256);
    let expected = Sha256::digest(&p256);
    assert_eq!(
        server_end_point(&p256).as_deref(),
        Some(expected.as_slice())
    );
    let p384 = issue(&rcgen::PKCS_ECDSA_P384_SHA384);
    let expected = Sha384::digest(&p384);
    assert_eq!(
        server_end_point(&p384).as_deref(),
        Some(expected.as_slice())
    );
    assert_eq!(server_end_point(&issue(&rcgen::PKCS_ED25519)), None);
    let sha1 = include_bytes!("../../tests/certificates/sha1.der");
    let expected = Sha256::digest(sha1);
    assert_eq!(server_end_point(sha1).as_deref(), Some(expected.as_slice()));
    assert_eq!(server_end_point(b"no certificate"), None);
}

#[test]
fn names() {
    for (name, expected) in [
        ("tls-exporter", Some(ChannelBindingType::TlsExporter)),
        (
            "tls-server-end-point",
            Some(ChannelBindingType::TlsServerEndPoint),
        ),
        ("tls-unique", Some(ChannelBindingType::TlsUnique)),
        ("TLS-EXPORTER", None),
        ("tls-unique-for-telnet", None),
        ("", None),
    ] {
        assert_eq!(ChannelBindingType::from_name(name), expected, "{name}");
        if let Some(expected) = expected {
            assert_eq!(expected.to_string(), name);
        }
    }
    // RFC 9266 §3.
    assert_eq!(ChannelBindingType::default().name(), "tls-exporter");
}

#[test]
fn the_value_is_not_shown() {
    let binding = ChannelBinding::new(ChannelBindingType::TlsExporter, *b"SECRETSECRET");
    assert_eq!(
        format!("{binding:?}"),
        "ChannelBinding { binding_type: TlsExporter, .. }"
    );
}
