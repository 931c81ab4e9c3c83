//! The matcher allocates nothing when it succeeds, whatever the certificate has in it; nor when it
//! does not. In a program of its own, with one test: the counter is that of the whole process.

use std::alloc::System;

use mail_tls::identity::{
    IdentityPolicy, PresentedIds, Provenance, ReferenceIds, ReferenceSource, first_match,
};
use mail_tls::{Host, HostName, Service, TlsMode};
use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const HOST: &str = "imap.example.net";

#[test]
fn the_matcher_allocates_nothing() {
    let many = |n: usize, last: &[u8]| {
        let mut names: Vec<Vec<u8>> = (0..n)
            .map(|n| general_name(0x82, format!("host{n}.example.org").as_bytes()))
            .collect();
        names.push(last.to_vec());
        names
    };
    let exact = general_name(0x82, HOST.as_bytes());
    let wildcard = general_name(0x82, b"*.EXAMPLE.net");
    let address = general_name(0x87, &[192, 0, 2, 1]);
    let malformed = general_name(0x82, b"bad\0name");
    let by_host = |host: &str| {
        ReferenceIds::for_host(&Host::parse(host).unwrap(), Provenance::Typed).unwrap()
    };
    let by_service = derived(IdentityPolicy::default());
    let by_common_name = derived(IdentityPolicy::default().with_common_names(true));
    let rows = [
        ("DNS-ID", certificate("", &[exact]), by_host(HOST), true),
        (
            "wildcard",
            certificate("", &many(1000, &wildcard)),
            by_host(HOST),
            true,
        ),
        (
            "IP-ID",
            certificate("", &[address]),
            by_host("192.0.2.1"),
            true,
        ),
        (
            "SRV-ID",
            certificate("", &many(10, &srv("_imaps.example.net"))),
            by_service,
            true,
        ),
        (
            "common name",
            certificate("imap.example.net", &[]),
            by_common_name,
            true,
        ),
        (
            "none",
            certificate("", &many(1000, &malformed)),
            by_host(HOST),
            false,
        ),
    ];
    for (what, certificate, references, matches) in &rows {
        let region = Region::new(ALLOCATOR);
        let presented = PresentedIds::of(certificate).unwrap();
        let found = first_match(references, &presented).is_some();
        let change = region.change();
        assert_eq!(found, *matches, "{what}");
        assert_eq!(change.allocations + change.reallocations, 0, "{what}");
    }
    // The counter counts.
    let region = Region::new(ALLOCATOR);
    drop(std::hint::black_box(Box::new(1_u64)));
    assert_eq!(region.change().allocations, 1);
}

fn derived(policy: IdentityPolicy) -> ReferenceIds {
    let host = Host::parse(HOST).unwrap();
    let source = ReferenceSource::new(Service::Imap, TlsMode::Implicit, host, Provenance::Typed)
        .with_email_domain(HostName::parse("example.net").unwrap())
        .with_policy(policy);
    ReferenceIds::derive(&source).unwrap()
}

fn certificate(common_name: &str, names: &[Vec<u8>]) -> pki_types::CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    if !common_name.is_empty() {
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
    }
    if !names.is_empty() {
        let names = general_name(0x30, &names.concat());
        let names = CustomExtension::from_oid_content(&[2, 5, 29, 17], names);
        params.custom_extensions.push(names);
    }
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().clone()
}

/// A value in DER.
fn general_name(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let octet = |n: usize| u8::try_from(n & 0xFF).unwrap();
    let head = match length {
        0..=127 => vec![tag, octet(length)],
        _ => vec![
            tag,
            0x83,
            octet(length >> 16),
            octet(length >> 8),
            octet(length),
        ],
    };
    // DER has no leading zeros in a length.
    let head = match head[..] {
        [tag, 0x83, 0, 0, low] => vec![tag, 0x81, low],
        [tag, 0x83, 0, high, low] => vec![tag, 0x82, high, low],
        _ => head,
    };
    [head, content.to_vec()].concat()
}

/// A GeneralName with an SRV-ID (RFC 4985 §2).
fn srv(name: &str) -> Vec<u8> {
    let id: &[u8] = b"\x06\x08\x2B\x06\x01\x05\x05\x07\x08\x07";
    let value = general_name(0xA0, &general_name(0x16, name.as_bytes()));
    general_name(0xA0, &[id, &value].concat())
}
