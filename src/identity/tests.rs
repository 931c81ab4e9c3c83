//! Tables by clause, each row with the source that it comes from.

use pki_types::{CertificateDer, ServerName};
use proptest::prelude::*;

use super::*;
use crate::name::Host;
use crate::testing::{
    IdentityCase, der, dns, identity_cases, ip, key, leaf_params, srv, srv_with_tag,
};

fn references(host: &str) -> ReferenceIds {
    ReferenceIds::for_host(&Host::parse(host).unwrap(), Provenance::Typed).unwrap()
}

/// Whether `host` matches one of the names, and with which.
fn matched(host: &str, names: &[Vec<u8>]) -> Option<String> {
    let names = names.concat();
    let presented = PresentedIds::in_general_names(&names);
    let references = references(host);
    let found = first_match(&references, &presented)?;
    assert!(
        !matches!(found.presented, PresentedId::Malformed { .. }),
        "{host} matched a malformed name: {found:?}"
    );
    Some(format!("{:?}", found.presented))
}

fn read(names: &[Vec<u8>]) -> Vec<String> {
    let names = names.concat();
    PresentedIds::in_general_names(&names)
        .iter()
        .map(|id| format!("{id:?}"))
        .collect()
}

#[test]
fn host_names() {
    decide("hosts");
}

#[test]
fn ip_addresses() {
    decide("addresses");
}

#[test]
fn other_types_never_match_a_host() {
    decide("types");
}

/// The cases of a group, by the names alone and by the certificate that bears them.
fn decide(group: &str) {
    for case in identity_cases(group) {
        let IdentityCase {
            name,
            source,
            reference,
            presented,
            ..
        } = &case;
        let found = matched(reference, presented);
        assert_eq!(found.is_some(), case.matches, "{name}: {source}");
        let borne = PresentedIds::of(&case.certificate).unwrap();
        let borne: Vec<_> = borne.iter().map(|id| format!("{id:?}")).collect();
        assert_eq!(borne, read(presented), "{name}: run tests/identity/make.py");
    }
}

#[test]
fn what_is_presented_is_read() {
    let long_label = "a".repeat(64);
    let long_name = format!("{}.example", "a234567890.".repeat(24));
    let rows: Vec<(Vec<u8>, &str, &str)> = vec![
        (
            dns("Mail.example.NET"),
            "Dns(\"Mail.example.NET\")",
            "RFC 6125 §6.4.1",
        ),
        (
            dns("*.example.net"),
            "DnsWildcard(\"example.net\")",
            "RFC 7817 §3",
        ),
        (ip(&[192, 0, 2, 1]), "Ip(192.0.2.1)", "RFC 9525 §6.4"),
        (
            srv("_imaps.example.net"),
            "Srv { service: \"imaps\", name: \"example.net\" }",
            "RFC 6125 §6.3",
        ),
        (
            srv("_IMAP.example.net"),
            "Srv { service: \"IMAP\", name: \"example.net\" }",
            "RFC 4985 §2",
        ),
        (der(0xA4, &[0x30, 0x00]), "Other", "directoryName"),
        (dns(""), "Empty", "RFC 5280 §4.2.1.6"),
        (dns("a\0b.example"), "Nul", "embedded NUL"),
        (dns(b"m\xFCnchen.example"), "NotAscii", "RFC 5280 §7.2"),
        (dns("münchen.example"), "NotAscii", "RFC 5280 §7.2"),
        (dns("mail example.net"), "Character", "RFC 1034 §3.5"),
        (dns("http://example.net"), "Character", "RFC 1034 §3.5"),
        (dns("a..example"), "EmptyLabel", "RFC 1034 §3.5"),
        (
            dns(".example.net"),
            "EmptyLabel",
            "a name constraint's form",
        ),
        (dns("."), "EmptyLabel", "RFC 1034 §3.5"),
        (dns("example.net."), "TrailingDot", "rustls-webpki"),
        (dns("-a.example.net"), "Hyphen", "RFC 1123 §2.1"),
        (dns("a-.example.net"), "Hyphen", "RFC 1123 §2.1"),
        (
            dns(format!("{long_label}.example")),
            "TooLong",
            "RFC 1034 §3.1",
        ),
        (dns(&long_name), "TooLong", "RFC 1034 §3.1"),
        (dns(format!("*.{long_name}")), "TooLong", "RFC 1034 §3.1"),
        (dns("f*o.example.net"), "WildcardPlace", "RFC 7817 §3"),
        (dns("www.*.example.net"), "WildcardPlace", "RFC 9525 §6.3"),
        (dns("*.*.example.net"), "WildcardPlace", "RFC 9525 §6.3"),
        (dns("*"), "WildcardPlace", "RFC 9525 §6.3"),
        (dns("*.com"), "WildcardScope", "rustls-webpki"),
        (dns("192.0.2.1"), "IpText", "RFC 9525 §6.4"),
        (dns("2001:db8::1"), "IpText", "RFC 9525 §6.4"),
        (dns("a.example.1"), "NumericTopLevel", "rustls-webpki"),
        (ip(&[1, 2, 3]), "IpLength", "RFC 5280 §4.2.1.6"),
        (
            srv("imaps.example.net"),
            "ServiceLabel",
            "RFC 4985 §2: no underscore",
        ),
        (srv("_imaps"), "ServiceLabel", "RFC 4985 §2: no name"),
        (
            srv("_.example.net"),
            "ServiceLabel",
            "RFC 4985 §2: no service",
        ),
        (
            srv("_imap._tcp.example.net"),
            "ServiceLabel",
            "RFC 4985 §2: no protocol part",
        ),
        (
            srv("_imap.*.example.com"),
            "WildcardPlace",
            "RFC 4985 §3's own example",
        ),
        (srv("_imap."), "EmptyLabel", "RFC 6125 §6.3: empty name"),
        (
            srv_with_tag("_imaps.example.net", 0x0C),
            "Encoding",
            "RFC 4985 §2: UTF8String",
        ),
        (
            srv_with_tag("_imaps.example.net", 0x13),
            "Encoding",
            "RFC 4985 §2: PrintableString",
        ),
        (
            der(0xA0, b"_imaps.example.net"),
            "Encoding",
            "RFC 4985 §2: no OID",
        ),
        (der(0x9E, b"x"), "Encoding", "no GeneralName"),
    ];
    for (name, expected, source) in rows {
        let good = dns("good.example.net");
        let read = read(&[name.clone(), good.clone()]);
        let wanted = if expected.contains(['(', '{']) || expected == "Other" {
            expected.to_owned()
        } else {
            format!("reason: {expected},")
        };
        assert!(
            read[0].contains(&wanted),
            "{source}: {} is not {wanted}",
            read[0]
        );
        // A bad name beside it does not take a good one away, on either side.
        assert_eq!(read[1..], ["Dns(\"good.example.net\")"], "{source}");
        assert!(
            matched("good.example.net", &[name.clone(), good.clone()]).is_some(),
            "{source}"
        );
        assert!(
            matched("good.example.net", &[good, name]).is_some(),
            "{source}"
        );
    }
}

#[test]
fn a_cut_extension_ends_the_names_and_says_so() {
    let cut = [dns("good.example.net"), vec![0x82, 0x20, b'x']];
    assert!(matched("good.example.net", &cut).is_some());
    let read = read(&cut);
    assert_eq!(read.len(), 2);
    assert!(read[1].contains("reason: Encoding"), "{}", read[1]);
}

#[test]
fn hundreds_of_names() {
    // RFC 6125 §6.3: the search goes on until the list is exhausted.
    let mut names: Vec<_> = (0..800)
        .map(|n| dns(format!("host{n}.example.net")))
        .collect();
    assert!(matched("host799.example.net", &names).is_some());
    assert_eq!(matched("host800.example.net", &names), None);
    names.push(ip(&[192, 0, 2, 1]));
    assert!(matched("192.0.2.1", &names).is_some());
}

#[test]
fn only_the_extension_counts() {
    // RFC 9525 §2, RFC 9525 §2: neither the common name nor anything else of the subject.
    let mut params = leaf_params(&[]);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "mail.example.net");
    let certificate = params.self_signed(&key()).unwrap();
    let presented = PresentedIds::of(certificate.der()).unwrap();
    assert_eq!(presented.iter().count(), 0);
    assert_eq!(
        first_match(&references("mail.example.net"), &presented),
        None
    );
}

#[test]
fn an_extension_that_stands_twice_is_refused() {
    // RFC 5280 §4.2; otherwise two readers could each believe another one.
    let mut params = leaf_params(&[dns("a.example.net")]);
    let twice = params.custom_extensions[0].clone();
    params.custom_extensions.push(twice);
    let certificate = params.self_signed(&key()).unwrap();
    assert_eq!(
        PresentedIds::of(certificate.der()).unwrap_err(),
        UnreadableCertificate
    );
}

fn certificate_with(names: &[Vec<u8>]) -> CertificateDer<'static> {
    // The key is made once: it has no part in what is tested.
    static KEY: std::sync::OnceLock<rcgen::KeyPair> = std::sync::OnceLock::new();
    let params = leaf_params(names);
    let certificate = params.self_signed(KEY.get_or_init(key)).unwrap();
    certificate.der().clone()
}

/// Names that are near to each other, so that they often match and often nearly do.
fn names() -> impl Strategy<Value = String> {
    let label = prop_oneof![
        4 => Just("a".to_owned()),
        4 => Just("B".to_owned()),
        4 => Just("b".to_owned()),
        4 => Just("example".to_owned()),
        3 => Just("*".to_owned()),
        1 => Just("a*".to_owned()),
        1 => Just("xn--mnchen-3ya".to_owned()),
        1 => Just("_a".to_owned()),
        1 => Just("-a".to_owned()),
        1 => Just("1".to_owned()),
        1 => Just(String::new()),
        1 => Just("é".to_owned()),
    ];
    proptest::collection::vec(label, 0..5).prop_map(|labels| labels.join("."))
}

proptest! {
    #[test]
    fn agrees_with_rustls_webpki(host in names(), presented in proptest::collection::vec(names(), 1..4)) {
        let Ok(reference) = Host::parse(&host) else { return Ok(()) };
        let Ok(server_name) = ServerName::try_from(host.as_str()) else { return Ok(()) };
        let encoded: Vec<_> = presented.iter().map(dns).collect();
        let certificate = certificate_with(&encoded);
        let theirs = webpki::EndEntityCert::try_from(&certificate)
            .unwrap()
            .verify_is_valid_for_subject_name(&server_name)
            .is_ok();
        let references = ReferenceIds::for_host(&reference, Provenance::Typed).unwrap();
        let ours = first_match(&references, &PresentedIds::of(&certificate).unwrap());
        prop_assert_eq!(ours.is_some(), theirs, "{} against {:?}", host, presented);
        if let Some(found) = ours {
            let is_malformed = matches!(found.presented, PresentedId::Malformed { .. });
            prop_assert!(!is_malformed, "{:?}", found);
        }
    }

    #[test]
    fn agrees_on_addresses(host: std::net::IpAddr, presented in proptest::collection::vec(any::<u8>(), 0..18), same: bool) {
        let octets = match (same, host) {
            (false, _) => presented,
            (true, std::net::IpAddr::V4(v4)) => v4.octets().to_vec(),
            (true, std::net::IpAddr::V6(v6)) => v6.octets().to_vec(),
        };
        let certificate = certificate_with(&[ip(&octets)]);
        let theirs = webpki::EndEntityCert::try_from(&certificate)
            .unwrap()
            .verify_is_valid_for_subject_name(&ServerName::from(host))
            .is_ok();
        let references = ReferenceIds::for_host(&Host::Ip(host), Provenance::Typed).unwrap();
        let ours = first_match(&references, &PresentedIds::of(&certificate).unwrap());
        prop_assert_eq!(ours.is_some(), theirs);
        prop_assert!(!same || theirs);
    }

    #[test]
    fn what_is_read_as_well_formed_is_so_for_rustls_webpki(name in names()) {
        // It lists absolute names, although it never matches them.
        prop_assume!(!name.ends_with('.'));
        let bytes = dns(&name);
        let ids = PresentedIds::in_general_names(&bytes);
        let is_well_formed = !matches!(ids.iter().next(), Some(PresentedId::Malformed { .. }));
        let certificate = certificate_with(std::slice::from_ref(&bytes));
        let parsed = webpki::EndEntityCert::try_from(&certificate).unwrap();
        prop_assert_eq!(is_well_formed, parsed.valid_dns_names().next().is_some(), "{}", name);
    }

    #[test]
    fn arbitrary_names_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let ids = PresentedIds::in_general_names(&bytes);
        prop_assert!(ids.iter().count() <= bytes.len());
        let _ = first_match(&references("mail.example.net"), &ids);
    }
}
