//! SRV-IDs and common names, by clause.

use pki_types::CertificateDer;
use proptest::prelude::*;
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue};

use super::*;
use crate::identity::{IdentityPolicy, Provenance, ReferenceSource};
use crate::name::Host;
use crate::service::{Service, TlsMode};
use crate::testing::{der, dns, ip, key, leaf_params, srv, srv_with_tag, uri};

fn name(name: &str) -> HostName {
    HostName::parse(name).unwrap()
}

/// What a client of example.net's IMAP service at imap.example.org expects.
fn references(policy: IdentityPolicy) -> ReferenceIds {
    let host = Host::parse("imap.example.org").unwrap();
    let source = ReferenceSource::new(Service::Imap, TlsMode::Implicit, host, Provenance::Typed)
        .with_email_domain(name("example.net"))
        .with_policy(policy);
    ReferenceIds::derive(&source).unwrap()
}

fn srv_only() -> IdentityPolicy {
    IdentityPolicy::default().with_dns_ids(false)
}

fn matched(references: &ReferenceIds, names: &[Vec<u8>]) -> Option<String> {
    let names = names.concat();
    let presented = PresentedIds::in_general_names(&names);
    first_match(references, &presented).map(|found| found.reference.to_string())
}

#[test]
fn service_names() {
    let xmpp = [0x06, 0x08, 0x2B, 6, 1, 5, 5, 7, 8, 5];
    let other = der(
        0xA0,
        &[&xmpp[..], &der(0xA0, &der(0x16, b"_imaps.example.net"))].concat(),
    );
    let rows: &[(Vec<u8>, bool, &str)] = &[
        (srv("_imaps.example.net"), true, "RFC 4985 §2"),
        (
            srv("_IMAPS.Example.NET"),
            true,
            "RFC 6125 §6.5.1, RFC 4985 §2: case aside",
        ),
        (
            srv("_imap.example.net"),
            false,
            "RFC 7817 §6: _imap is for STARTTLS",
        ),
        (
            srv("_pop3s.example.net"),
            false,
            "RFC 6125 §6.5.1: another service",
        ),
        (
            srv("_xmpp-client.example.net"),
            false,
            "RFC 4985 §2: a service of another protocol",
        ),
        (
            srv("_imaps.example.org"),
            false,
            "RFC 6125 §6.5: another domain",
        ),
        (
            srv("_imaps.imap.example.org"),
            false,
            "RFC 6125 §6.5: not with the host's name",
        ),
        (
            srv("_imaps.a.example.net"),
            false,
            "RFC 4985 §3: the entire name",
        ),
        (srv("_imaps.*.net"), false, "RFC 4985 §3: no wildcard"),
        (
            srv("_imaps.*.example.net"),
            false,
            "RFC 4985 §3: no wildcard",
        ),
        (srv("_*.example.net"), false, "RFC 4985 §3: no wildcard"),
        (
            srv("_imaps._tcp.example.net"),
            false,
            "RFC 4985 §2: no protocol",
        ),
        (
            srv("imaps.example.net"),
            false,
            "RFC 4985 §2: the underscore",
        ),
        (
            srv("__imaps.example.net"),
            false,
            "RFC 4985 §2: one underscore",
        ),
        (srv("_imapsexample.net"), false, "RFC 4985 §2: the dot"),
        (srv("_imaps"), false, "RFC 6125 §6.3: no name"),
        (srv("_imaps."), false, "RFC 6125 §6.3: an empty name"),
        (
            srv("_imaps.example.net."),
            false,
            "RFC 4985 §2 and RFC 5280 §4.2.1.6: no last dot",
        ),
        (srv("_imaps.example.net\0"), false, "nothing behind it"),
        (
            srv_with_tag("_imaps.example.net", 0x0C),
            false,
            "RFC 4985 §2: IA5String, not UTF8String",
        ),
        (other, false, "RFC 4985 §2: another type of name"),
        (
            dns("_imaps.example.net"),
            false,
            "RFC 9525 §6.2: types are not mixed",
        ),
        (
            uri("imaps://example.net"),
            false,
            "RFC 7817 §3 MUST NOT use URI-ID",
        ),
        (dns("example.net"), false, "RFC 6125 §6.2.1: SRV-ID only"),
        (ip(&[192, 0, 2, 1]), false, "another type"),
    ];
    for (presented, expected, source) in rows {
        let found = matched(&references(srv_only()), std::slice::from_ref(presented));
        let expected = expected.then(|| "_imaps.example.net".to_owned());
        assert_eq!(found, expected, "{source}: {presented:?}");
    }
}

#[test]
fn every_label_matches_its_own_mode_alone() {
    // RFC 7817 §3 and §6, RFC 6186 §3, RFC 8314 §5.1, RFC 5804 §1.8.
    let kinds = [
        (Service::Imap, TlsMode::Implicit, "imaps"),
        (Service::Imap, TlsMode::StartTls, "imap"),
        (Service::Pop3, TlsMode::Implicit, "pop3s"),
        (Service::Pop3, TlsMode::StartTls, "pop3"),
        (Service::Submission, TlsMode::Implicit, "submissions"),
        (Service::Submission, TlsMode::StartTls, "submission"),
        (Service::ManageSieve, TlsMode::StartTls, "sieve"),
    ];
    for (service, mode, wanted) in kinds {
        let host = Host::parse("mx.example.org").unwrap();
        let source = ReferenceSource::new(service, mode, host, Provenance::SrvInsecure)
            .with_email_domain(name("example.net"));
        let references = ReferenceIds::derive(&source).unwrap();
        for (_, _, label) in kinds {
            let found = matched(&references, &[srv(&format!("_{label}.example.net"))]);
            assert_eq!(
                found.is_some(),
                label == wanted,
                "{label} for {service} {mode}"
            );
        }
    }
}

#[test]
fn no_part_of_one_reference_goes_with_a_part_of_another() {
    // RFC 6125 §6.5: two domains, two services, and only the pairs.
    let of = |service, mode, domain| {
        let host = Host::parse("mx.example.org").unwrap();
        let source = ReferenceSource::new(service, mode, host, Provenance::SrvInsecure)
            .with_email_domain(name(domain));
        ReferenceIds::derive(&source).unwrap()
    };
    let imaps = of(Service::Imap, TlsMode::Implicit, "a.example");
    let pop3s = of(Service::Pop3, TlsMode::Implicit, "b.example");
    let names = [
        srv("_imaps.b.example"),
        srv("_pop3s.a.example"),
        dns("mx.example.org"),
    ];
    assert_eq!(matched(&imaps, &names), None);
    assert_eq!(matched(&pop3s, &names), None);
}

#[test]
fn references_are_sought_in_their_order() {
    // RFC 6125 §6.3.
    let names = [srv("_imaps.example.net"), dns("imap.example.org")];
    let found = matched(&references(IdentityPolicy::default()), &names);
    assert_eq!(found.as_deref(), Some("imap.example.org"));
    let found = matched(&references(IdentityPolicy::default()), &names[..1]);
    assert_eq!(found.as_deref(), Some("_imaps.example.net"));
}

fn certificate(names: &[Vec<u8>], common_names: &[DnValue]) -> CertificateDer<'static> {
    let mut params: CertificateParams = leaf_params(names);
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "imap.example.org");
    for (at, value) in common_names.iter().enumerate() {
        // rcgen keeps one value for each type: the second goes in under another name for the type.
        let kind = match at {
            0 => DnType::CommonName,
            _ => DnType::CustomDnType(vec![2, 5, 4, 3]),
        };
        params.distinguished_name.push(kind, value.clone());
    }
    params.self_signed(&key()).unwrap().der().clone()
}

#[test]
fn a_common_name_is_the_last_resort() {
    let utf8 = |text: &str| DnValue::Utf8String(text.to_owned());
    let host = || utf8("imap.example.org");
    let email = || der(0x81, b"postmaster@example.org");
    let xmpp = [0x06, 0x08, 0x2B, 6, 1, 5, 5, 7, 8, 5];
    let xmpp = || {
        der(
            0xA0,
            &[&xmpp[..], &der(0xA0, &der(0x0C, b"imap.example.org"))].concat(),
        )
    };
    let printable = DnValue::PrintableString("imap.example.org".try_into().unwrap());
    let bmp = DnValue::BmpString("imap.example.org".try_into().unwrap());
    type Row<'a> = (&'a [Vec<u8>], &'a [DnValue], bool, &'a str);
    let rows: &[Row<'_>] = &[
        (&[], &[host()], true, "RFC 6125 §6.4.4"),
        (
            &[],
            &[printable],
            true,
            "RFC 5280 §4.1.2.4: PrintableString",
        ),
        (&[], &[bmp], false, "bytes that are not ASCII"),
        (&[], &[utf8("IMAP.Example.org")], true, "§6.4.1: case aside"),
        (
            &[],
            &[utf8("*.example.org")],
            true,
            "§6.4.3 as RFC 7817 §3: the whole left-most label",
        ),
        (&[], &[utf8("*.org")], false, "two labels behind the star"),
        (
            &[],
            &[utf8("i*.example.org")],
            false,
            "RFC 7817 §3: not a fragment",
        ),
        (
            &[],
            &[utf8("imap.example.org.")],
            false,
            "RFC 5280 §4.2.1.6",
        ),
        (
            &[],
            &[utf8("IMAP server imap.example.org")],
            false,
            "§6.4.4: the form of a domain name",
        ),
        (&[], &[], false, "§6.2.1 MUST NOT: not the organisation"),
        (
            &[],
            &[host(), utf8("other.example")],
            false,
            "one common name, not several",
        ),
        (
            &[],
            &[utf8("other.example"), host()],
            false,
            "one common name, not several",
        ),
        (
            &[email()],
            &[host()],
            true,
            "an email address identifies no server",
        ),
        (
            &[xmpp()],
            &[host()],
            true,
            "of a type that is not supported",
        ),
        (
            &[dns("other.example")],
            &[host()],
            false,
            "§6.4.4 MUST NOT: there is a DNS-ID",
        ),
        (
            &[dns("not a name")],
            &[host()],
            false,
            "a malformed one too",
        ),
        (
            &[srv("_imaps.other.example")],
            &[host()],
            false,
            "there is an SRV-ID",
        ),
        (
            &[uri("imaps://other.example")],
            &[host()],
            false,
            "there is a URI-ID",
        ),
        (
            &[ip(&[192, 0, 2, 1])],
            &[host()],
            false,
            "there is an IP-ID (RFC 9525)",
        ),
    ];
    for (names, common_names, expected, source) in rows {
        let certificate = certificate(names, common_names);
        let presented = PresentedIds::of(&certificate).unwrap();
        let asked = references(IdentityPolicy::default().with_common_names(true));
        let found = first_match(&asked, &presented);
        assert_eq!(
            found.is_some(),
            *expected,
            "{source}: {names:?} {common_names:?}"
        );
        if let Some(found) = found {
            assert!(matches!(
                found.reference.name(),
                ReferenceName::CommonName(_)
            ));
            assert!(!matches!(found.presented, PresentedId::Malformed { .. }));
        }
        // RFC 9525 §2, and the default.
        assert_eq!(
            first_match(&references(IdentityPolicy::default()), &presented),
            None
        );
    }
}

#[test]
fn a_matching_name_goes_before_the_common_name() {
    let certificate = certificate(
        &[dns("imap.example.org")],
        &[DnValue::Utf8String("imap.example.org".to_owned())],
    );
    let presented = PresentedIds::of(&certificate).unwrap();
    let asked = references(IdentityPolicy::default().with_common_names(true));
    let found = first_match(&asked, &presented).unwrap();
    assert!(matches!(found.reference.name(), ReferenceName::Dns(_)));
}

proptest! {
    /// What matches is `_imaps.example.net` in some case, and nothing else.
    #[test]
    fn service_names_of_any_kind(text in "(_?[iI]?maps?[s.*]?[.]?)?(_tcp[.])?[*]?[.]?[eE]xample[.]net[.]?") {
        let found = matched(&references(srv_only()), &[srv(&text)]);
        prop_assert_eq!(found.is_some(), text.eq_ignore_ascii_case("_imaps.example.net"), "{}", text);
    }

    #[test]
    fn subjects_of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut names = der(0x31, &der(0x30, &[&[6, 3, 0x55, 4, 3][..], &der(12, &bytes)].concat()));
        let _ = super::super::subject::only_common_name(&bytes);
        let found = super::super::subject::only_common_name(&names);
        prop_assert_eq!(found, Ok(Some(&bytes[..])));
        names.extend_from_slice(&bytes);
        let _ = super::super::subject::only_common_name(&names);
    }
}
