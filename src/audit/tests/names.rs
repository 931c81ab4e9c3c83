//! RFC 7817 §4 to §5.1, RFC 6186 §5: what certificates have to name.

use super::*;

/// One certificate's names, how the SRV records are signed, and what is found.
#[test]
fn what_a_certificate_has_to_name() {
    use DnsStatus::{Insecure, Secure};
    let all = good_names();
    let row = |names: &[&[u8]]| names.iter().map(|name| name.to_vec()).collect::<Vec<_>>();
    let (host, domain, imaps, imap) = (&all[0][..], &all[1][..], &all[2][..], &all[3][..]);
    let wildcard = dns("*.example.org");
    let other = dns("www.example.net");
    let rows: [(&str, Vec<Vec<u8>>, DnsStatus, &Found); 9] = [
        ("RFC 7817 §5: all of it", all.clone(), Secure, &[]),
        (
            "§5 (2): SRV-IDs, for which the DNS-ID stands in",
            row(&[host, domain]),
            Secure,
            &[(Level::Warning, "srv-id-missing")],
        ),
        (
            "§5 (1): the domain, by SRV-IDs alone",
            row(&[host, imaps, imap]),
            Insecure,
            &[(Level::Warning, "domain-not-named")],
        ),
        (
            "§5 (1), §5.1 (1): the host, with signed SRV records",
            row(&[host]),
            Secure,
            &[
                (Level::Warning, "srv-id-missing"),
                (Level::Advice, "domain-not-named"),
            ],
        ),
        (
            "RFC 6186 §5: the host alone, with unsigned ones",
            row(&[host]),
            Insecure,
            &[
                (Level::Error, "source-domain-not-named"),
                (Level::Warning, "srv-id-missing"),
            ],
        ),
        (
            "§5 (1): not the host",
            row(&[domain, imaps, imap]),
            Secure,
            &[(Level::Error, "host-not-named")],
        ),
        (
            "§5 (4): the host by a wildcard",
            row(&[&wildcard, domain, imaps, imap]),
            Secure,
            &[(Level::Advice, "wildcard-only")],
        ),
        (
            "nothing that is of the site",
            row(&[&other]),
            Insecure,
            &[
                (Level::Error, "host-not-named"),
                (Level::Error, "source-domain-not-named"),
                (Level::Warning, "srv-id-missing"),
            ],
        ),
        (
            "RFC 9525 §2: no subjectAltName, another common name",
            vec![],
            Secure,
            &[
                (Level::Error, "host-not-named"),
                (Level::Error, "source-domain-not-named"),
                (Level::Warning, "srv-id-missing"),
            ],
        ),
    ];
    for (what, names, status, expected) in rows {
        let mut site = Site::with_names(&names);
        site.tlsa_is_not_known();
        site.domains = vec![MailDomain::new(name("example.org")).with_signed_parent(false)];
        site.srv_with(status, "_imaps", &[(0, 993, HOST)]);
        site.srv_with(status, "_imap", &[(10, 143, HOST)]);
        let report = site.audit();
        let mut found = codes(&report);
        found.retain(|(_, code)| *code != "records-unsigned");
        assert_eq!(found, expected, "{what}: {}", shown(&report));
        report.findings().iter().for_each(assert_is_a_sentence);
    }
}

#[test]
fn a_common_name_alone() {
    let mut params = dated(&[]);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, HOST);
    let mut site = Site::with_leaf(&params);
    site.tlsa_is_not_known();
    let report = site.audit();
    let found = codes(&report);
    assert!(
        found.contains(&(Level::Error, "common-name-only")),
        "{found:?}"
    );
    assert!(
        !found.contains(&(Level::Error, "host-not-named")),
        "{found:?}"
    );
    assert!(report.chains()[0].has_only_common_name);
}

/// RFC 7673 §6: with DANE-EE no name is needed, and other clients are locked out.
#[test]
fn with_dane_ee_names_are_for_the_others() {
    let mut site = Site::with_names(&[dns("www.example.net")]);
    site.srv_with(DnsStatus::Insecure, "_imaps", &[(0, 993, HOST)]);
    let found = codes(&site.audit());
    assert!(
        found.contains(&(Level::Warning, "host-not-named")),
        "{found:?}"
    );
    assert!(
        found.iter().all(|(level, _)| *level != Level::Error),
        "{found:?}"
    );
}

/// 7817-4-1: "Audit lists identifier types found in a chain."
#[test]
fn the_types_of_names() {
    let mut names = good_names();
    names.extend([
        dns("*.example.net"),
        crate::testing::ip(&[192, 0, 2, 1]),
        crate::testing::uri("imap://example.org"),
        dns("b\u{fc}cher.example"),
        srv_id("imaps.example.org"),
    ]);
    let site = Site::with_names(&names);
    let report = site.audit();
    let [chain] = report.chains() else { panic!() };
    let texts = |names: &[Box<str>]| names.join(" ");
    assert_eq!(
        texts(&chain.dns_ids),
        "mail.example.org example.org *.example.net"
    );
    assert_eq!(
        texts(&chain.srv_ids),
        "_imaps.example.org _imap.example.org"
    );
    assert_eq!(texts(&chain.ip_ids), "192.0.2.1");
    assert_eq!((chain.others, chain.not_shown), (1, 2));
    assert!(!chain.has_only_common_name);
    let malformed: Vec<_> = report
        .findings()
        .iter()
        .filter(|finding| finding.code() == "malformed-name")
        .collect();
    assert_eq!(malformed.len(), 2, "{}", shown(&report));
    malformed.into_iter().for_each(assert_is_a_sentence);
}

/// 7817-5.1-1: "Domain covered by no option gives a finding", and which option covers which.
#[test]
fn domains_that_share_a_server() {
    let shared = |names: &[Vec<u8>]| {
        let mut site = Site::with_names(names);
        site.tlsa_is_not_known();
        site.domains.push(MailDomain::new(name("example.com")));
        site
    };
    let ways_of = |site: &Site, domain: &str| {
        let report = site.audit();
        let coverage = report.coverage().iter();
        let of_domain = coverage.filter(|one| one.domain == name(domain));
        let ways: Vec<_> = of_domain.map(|one| one.ways.clone()).collect();
        assert_eq!(ways.len(), 2);
        assert_eq!(ways[0], ways[1]);
        (ways[0].clone(), codes(&report))
    };
    let uncovered = |level| (level, "domain-uncovered");
    let with_srv = |site: &mut Site, status| {
        for (label, port) in [("_imaps", 993), ("_imap", 143)] {
            let record = SrvRecord::new(0, 1, port, HOST);
            let owner = format!("{label}._tcp.example.com");
            site.set(&owner, RecordType::Srv, Answer::srv(status, [record]));
        }
    };

    // Nothing: users who type the host do well, others are refused.
    let mut site = shared(&good_names());
    let (ways, found) = ways_of(&site, "example.com");
    assert_eq!(ways, []);
    assert!(found.contains(&uncovered(Level::Warning)), "{found:?}");
    with_srv(&mut site, DnsStatus::Insecure);
    let (ways, found) = ways_of(&site, "example.com");
    assert_eq!(ways, []);
    assert!(found.contains(&uncovered(Level::Error)), "{found:?}");

    // 1: signed SRV records to the one domain.
    with_srv(&mut site, DnsStatus::Secure);
    let (ways, found) = ways_of(&site, "example.com");
    assert_eq!(ways, [Way::SecureSrv]);
    assert!(!found.iter().any(|(_, code)| *code == "domain-uncovered"));

    // 1: or a pinned one.
    with_srv(&mut site, DnsStatus::Insecure);
    let pin = crate::verify::Fingerprint::of_certificate(&site.chain[0]);
    site.pins.push(pin);
    assert_eq!(ways_of(&site, "example.com").0, [Way::Pinned]);

    // 2: one certificate for all.
    let mut names = good_names();
    names.push(dns("example.com"));
    let (ways, found) = ways_of(&shared(&names), "example.com");
    assert_eq!(ways, [Way::SharedCertificate]);
    assert!(!found.iter().any(|(_, code)| *code == "domain-uncovered"));

    // 3: a server of its own.
    let mut site = shared(&good_names());
    let own = site.root.issue(&dated(&[dns(HOST), dns("example.com")]));
    site.listeners = vec![
        site.listener(Transport::Implicit, 993)
            .for_domains([name("example.org")]),
        site.listener(Transport::Implicit, 1993)
            .for_domains([name("example.com")]),
    ];
    site.listeners[1].chains = vec![ServerChain::new("own.pem", [own])];
    let report = site.audit();
    let ways: Vec<_> = report.coverage().iter().map(|one| &one.ways[..]).collect();
    let expected: [&[Way]; 2] = [&[Way::SecureSrv, Way::OwnServer], &[Way::OwnServer]];
    assert_eq!(ways, expected);

    // 4: SNI.
    let mut site = shared(&good_names());
    let own = site.root.issue(&dated(&[dns("example.com")]));
    for listener in &mut site.listeners {
        let chain = ServerChain::new("com.pem", [own.clone()]).for_name(name("example.com"));
        *listener = listener.clone().with_chain(chain);
    }
    assert_eq!(ways_of(&site, "example.com").0, [Way::Sni]);
}

/// 8314-4.4-2: with SNI alone, the host needs a certificate as well as the domain.
#[test]
fn a_server_that_shows_nothing_by_default() {
    let mut site = Site::new();
    let leaf = site.chain.clone();
    let show_for = |site: &mut Site, asked: &str| {
        for listener in &mut site.listeners {
            let chain = ServerChain::new("mail.pem", leaf.clone()).for_name(name(asked));
            listener.chains = vec![chain];
        }
    };
    show_for(&mut site, "example.org");
    site.assert_found(&[(Level::Error, "host-not-named")]);
    show_for(&mut site, HOST);
    site.assert_found(&[(Level::Error, "domain-uncovered")]);
    assert!(
        site.audit()
            .coverage()
            .iter()
            .all(|one| one.ways.is_empty())
    );
}

impl Site {
    /// There may be TLSA records or not; nothing is said about them.
    fn tlsa_is_not_known(&mut self) {
        for port in [993, 143] {
            let owner = format!("_{port}._tcp.{HOST}");
            self.set(
                &owner,
                RecordType::Tlsa,
                Answer::nothing(DnsStatus::Insecure),
            );
        }
    }
}
