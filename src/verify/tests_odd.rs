//! Certificates and chains as nobody makes them but to see what happens.

use pki_types::CertificateDer;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName};

use super::*;
use crate::identity::{IdentityPolicy, Provenance, ReferenceIds, ReferenceSource};
use crate::limits;
use crate::name::{Host, HostName};
use crate::service::{Service, TlsMode};
use crate::testing::{
    Authority, NOW, authority_params, der, dns, key, leaf_params, providers, srv,
};

const HOST: &str = "mail.example.net";
const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];
const BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
const KEY_USAGE: &[u64] = &[2, 5, 29, 15];

/// The host by its name, and the service of its domain.
fn references() -> ReferenceIds {
    let host = Host::parse(HOST).unwrap();
    let source = ReferenceSource::new(Service::Imap, TlsMode::Implicit, host, Provenance::Typed)
        .with_email_domain(HostName::parse("example.org").unwrap())
        .with_policy(IdentityPolicy::default());
    ReferenceIds::derive(&source).unwrap()
}

/// The codes of what is wrong, the same under every provider.
fn codes(chain: &[CertificateDer<'_>], root: &Authority) -> Vec<&'static str> {
    let anchors = TrustAnchors::from_der([root.certificate.clone()]).unwrap();
    let mut all = providers().into_iter().map(|provider| {
        let algorithms = provider.signature_verification_algorithms;
        let requirements = Requirements::server(anchors.clone(), references(), algorithms);
        match evaluate(&Evidence::from_chain(chain), &requirements, NOW) {
            Ok(_) => Vec::new(),
            Err(rejection) => {
                assert!(!rejection.to_string().contains(char::is_control));
                rejection.failures().map(CheckFailure::code).collect()
            }
        }
    });
    let first = all.next().unwrap();
    assert!(all.all(|other| other == first), "providers disagree");
    first
}

fn extension(id: &[u64], value: &[u8]) -> CustomExtension {
    CustomExtension::from_oid_content(id, value.to_vec())
}

fn critical(mut extension: CustomExtension) -> CustomExtension {
    extension.set_criticality(true);
    extension
}

fn with(extensions: impl IntoIterator<Item = CustomExtension>) -> CertificateParams {
    let mut params = leaf_params(&[]);
    params.custom_extensions.extend(extensions);
    params
}

#[test]
fn extensions_with_names_in_every_shape() {
    let root = Authority::named("Root");
    let host = dns(HOST);
    let names = |content: &[u8]| extension(SUBJECT_ALT_NAME, &der(0x30, content));
    let mut nameless = with([critical(names(&host))]);
    nameless.distinguished_name = DistinguishedName::new();
    let junk_behind = {
        let value = [
            &[0x06, 0x08, 0x2B, 6, 1, 5, 5, 7, 8, 7][..],
            &der(0xA0, &der(0x16, b"_imaps.example.org")),
            &[0x05, 0x00],
        ];
        der(0xA0, &value.concat())
    };
    let two_strings = {
        let both = [
            der(0x16, b"_imaps.example.org"),
            der(0x16, b"_imaps.example.org"),
        ];
        let id = [0x06, 0x08, 0x2B, 6, 1, 5, 5, 7, 8, 7];
        der(0xA0, &[&id[..], &der(0xA0, &both.concat())].concat())
    };
    let implicit = {
        let id = [0x06, 0x08, 0x2B, 6, 1, 5, 5, 7, 8, 7];
        der(0xA0, &[&id[..], &der(0x80, b"_imaps.example.org")].concat())
    };
    let long_form = [&[0x82, 0x81, 16][..], HOST.as_bytes()].concat();
    let no_names: &[&str] = &["name-mismatch"];
    let unreadable: &[&str] = &["unreadable-certificate"];
    let rows: Vec<(&str, CertificateParams, &[&str])> = vec![
        ("as ever", with([names(&host)]), &[]),
        (
            "RFC 5280 §4.2.1.6: critical with an empty subject",
            nameless,
            &[],
        ),
        (
            "critical beside a subject",
            with([critical(names(&host))]),
            &[],
        ),
        ("none at all", with([]), no_names),
        ("an empty sequence", with([names(&[])]), no_names),
        (
            "nothing in it",
            with([extension(SUBJECT_ALT_NAME, &[])]),
            unreadable,
        ),
        (
            "a set",
            with([extension(SUBJECT_ALT_NAME, &der(0x31, &host))]),
            unreadable,
        ),
        (
            "bytes behind the sequence",
            with([extension(
                SUBJECT_ALT_NAME,
                &[der(0x30, &host), vec![0]].concat(),
            )]),
            unreadable,
        ),
        (
            "RFC 5280 §4.2: twice, both alike",
            with([names(&host), names(&host)]),
            unreadable,
        ),
        (
            "twice, the second empty",
            with([names(&host), names(&[])]),
            unreadable,
        ),
        (
            "a length that is not in its shortest form",
            with([names(&long_form)]),
            no_names,
        ),
        (
            "the service alone",
            with([names(&srv("_imaps.example.org"))]),
            &[],
        ),
        (
            "RFC 4985 §2: something behind the value",
            with([names(&junk_behind)]),
            no_names,
        ),
        ("two values", with([names(&two_strings)]), no_names),
        ("an implicit tag", with([names(&implicit)]), no_names),
        (
            "bad names around a good one",
            with([names(
                &[&junk_behind[..], &host, &two_strings, &dns("a\0b")].concat(),
            )]),
            &[],
        ),
        (
            "the host's name as a service",
            with([names(&srv("_imaps.mail.example.net"))]),
            no_names,
        ),
    ];
    for (what, params, expected) in rows {
        assert_eq!(codes(&[root.issue(&params)], &root), expected, "{what}");
    }
}

#[test]
fn extensions_of_authorities_in_every_shape() {
    let root = Authority::named("Root");
    let is_ca = der(0x30, &der(0x01, &[0xFF]));
    let ca = || critical(extension(BASIC_CONSTRAINTS, &is_ca));
    let usage = |bits: &[u8]| extension(KEY_USAGE, &der(0x03, bits));
    let rows: Vec<(&str, Vec<CustomExtension>, &[&str])> = vec![
        ("as ever", vec![ca()], &[]),
        ("keyCertSign", vec![ca(), usage(&[2, 0x04])], &[]),
        ("and decipherOnly", vec![ca(), usage(&[7, 0x04, 0x80])], &[]),
        (
            "RFC 5280 §6.1.4 (n): cRLSign alone",
            vec![ca(), usage(&[1, 0x02])],
            &["issuer-not-an-authority"],
        ),
        (
            "decipherOnly alone",
            vec![ca(), usage(&[7, 0x00, 0x80])],
            &["issuer-not-an-authority"],
        ),
        (
            "no usage at all",
            vec![ca(), usage(&[0])],
            &["unreadable-certificate"],
        ),
        (
            "critical all the same",
            vec![ca(), critical(usage(&[1, 0x02]))],
            &["issuer-not-an-authority"],
        ),
        (
            "a usage that stands twice",
            vec![ca(), usage(&[2, 0x04]), usage(&[1, 0x02])],
            &["unreadable-certificate"],
        ),
        (
            "no authority",
            vec![extension(BASIC_CONSTRAINTS, &der(0x30, &[]))],
            &["issuer-not-an-authority"],
        ),
        (
            "an authority and none",
            vec![ca(), extension(BASIC_CONSTRAINTS, &der(0x30, &[]))],
            &["unreadable-certificate"],
        ),
        (
            "RFC 5280 §4.2: unknown and critical",
            vec![ca(), critical(extension(&[1, 2, 3, 4], &[5, 0]))],
            &["unknown-critical-extension"],
        ),
        (
            "unknown and not critical",
            vec![ca(), extension(&[1, 2, 3, 4], &[5, 0])],
            &[],
        ),
    ];
    for (what, extensions, expected) in rows {
        let mut params = leaf_params(&[]);
        params.distinguished_name = authority_params("Odd").distinguished_name;
        params.custom_extensions = extensions;
        let authority = root.authority(params);
        let leaf = authority.issue(&leaf_params(&[dns(HOST)]));
        let chain = [leaf, authority.certificate];
        assert_eq!(codes(&chain, &root), expected, "{what}");
    }
}

#[test]
fn ways_that_lead_in_circles() {
    let root = Authority::named("Root");
    let (a, b) = (root.authority(authority_params("A")), Authority::named("B"));
    let a_by_b = b.cross_sign(&a, &authority_params("A"));
    let b_by_a = a.cross_sign(&b, &authority_params("B"));
    let leaf = a.issue(&leaf_params(&[dns(HOST)]));
    let itself = a.cross_sign(&a, &authority_params("A"));

    let circle = [leaf.clone(), a_by_b.clone(), b_by_a.clone()];
    assert_eq!(codes(&circle, &root), ["unknown-authority"]);
    let own = [leaf.clone(), itself.clone()];
    assert_eq!(codes(&own, &root), ["unknown-authority"]);
    // RFC 4158 §5.2: a way out of the circle is found, wherever it stands.
    let parts = [a_by_b, b_by_a, itself, a.certificate.clone()];
    for rotation in 0..parts.len() {
        let mut chain = parts.to_vec();
        chain.rotate_left(rotation);
        chain.insert(0, leaf.clone());
        assert_eq!(codes(&chain, &root), [""; 0], "{rotation}");
    }
}

#[test]
fn authorities_of_one_name_with_several_keys() {
    let root = Authority::named("Root");
    let twins: Vec<_> = (0..3)
        .map(|_| root.authority(authority_params("Twin")))
        .collect();
    let leaf = twins[1].issue(&leaf_params(&[dns(HOST)]));
    for rotation in 0..twins.len() {
        let mut chain: Vec<_> = twins.iter().map(|one| one.certificate.clone()).collect();
        chain.rotate_left(rotation);
        chain.insert(0, leaf.clone());
        assert_eq!(codes(&chain, &root), [""; 0], "{rotation}");
    }
    // RFC 5280 §3.2: an authority that has issued itself a new key.
    let renewed = root.authority(authority_params("Root"));
    let leaf = renewed.issue(&leaf_params(&[dns(HOST)]));
    assert_eq!(codes(&[leaf, renewed.certificate], &root), [""; 0]);
}

#[test]
fn chains_up_to_the_bound() {
    let root = Authority::named("Root");
    let authority = root.authority(authority_params("Intermediate"));
    let leaf = authority.issue(&leaf_params(&[dns(HOST)]));
    let strangers = (0..).map(|n| Authority::named(&format!("Stranger {n}")).certificate);
    let mut chain = vec![leaf];
    chain.extend(strangers.take(limits::CHAIN_CERTIFICATES - 2));
    chain.push(authority.certificate.clone());
    assert_eq!(chain.len(), limits::CHAIN_CERTIFICATES);
    assert_eq!(codes(&chain, &root), [""; 0]);
    chain.push(authority.certificate);
    assert_eq!(codes(&chain, &root), ["too-many-certificates"]);
}

/// Nearly as large as a chain may be: malformed names that resemble the host, and a constraint on
/// host names for each.
#[test]
fn much_to_read_is_read() {
    let star = dns("m*l.example.net");
    let names: Vec<_> = std::iter::repeat_n(star, 1500).collect();
    let subtree = der(0x30, &dns("a.example"));
    let subtrees = der(0xA1, &subtree.repeat(1500));
    let mut params = authority_params("Intermediate");
    params
        .custom_extensions
        .push(extension(&[2, 5, 29, 30], &der(0x30, &subtrees)));
    let root = Authority::named("Root");
    let authority = root.authority(params);
    let chain = [
        authority.issue(&leaf_params(&names)),
        authority.certificate.clone(),
    ];
    assert!(chain.iter().map(|one| one.len()).sum::<usize>() < limits::CHAIN_BYTES);
    let found = codes(&chain, &root);
    assert!(found.contains(&"name-mismatch"), "{found:?}");

    // As many services, of which the last is the one.
    let mut names: Vec<_> = std::iter::repeat_n(srv("_imap.example.org"), 900).collect();
    names.push(srv("_imaps.example.org"));
    let root = Authority::root(authority_params("Root"));
    let leaf = root.issue(&leaf_params(&names));
    assert_eq!(codes(&[leaf], &root), [""; 0]);
}

#[test]
fn a_certificate_that_is_its_own_issuer_in_name_only() {
    // Not self-signed: another key made the signature.
    let stranger = Authority::named("leaf");
    let mut params = leaf_params(&[dns(HOST)]);
    params.distinguished_name = authority_params("leaf").distinguished_name;
    let root = Authority::named("Root");
    let chain = [stranger.issue(&params)];
    let found = codes(&chain, &root);
    assert_eq!(found.len(), 1, "{found:?}");
    let own = params.self_signed(&key()).unwrap().der().clone();
    assert_eq!(codes(&[own], &root), ["self-signed"]);
}
