//! SRV records: RFC 6186 §3.4, RFC 2782, RFC 8314 §4.5.

use super::*;
use crate::discovery::DnsFailure;

/// One change to the records of a site in order, and what is found.
#[test]
fn one_thing_wrong() {
    type Change = fn(&mut Site);
    let rows: [(&str, Change, &Found); 21] = [
        (
            "8314-4-3: STARTTLS before implicit TLS",
            |site| site.srv("_imaps", &[(20, 993, HOST)]),
            &[(Level::Warning, "implicit-not-preferred")],
        ),
        (
            "8314-4-3: neither before the other",
            |site| site.srv("_imap", &[(0, 143, HOST)]),
            &[(Level::Advice, "implicit-not-preferred")],
        ),
        (
            "8314-4-3: a server without TLS before the one with it",
            |site| {
                site.without_tls(10143);
                site.srv("_imap", &[(0, 10143, HOST), (10, 143, HOST)]);
            },
            &[
                (Level::Error, "cleartext-preferred"),
                (Level::Warning, "cleartext"),
                (Level::Advice, "srv-unusual-port"),
            ],
        ),
        (
            "8314-4-3: a server without TLS beside the one with it",
            |site| {
                site.without_tls(10143);
                site.srv("_imap", &[(0, 10143, HOST)]);
            },
            &[
                (Level::Error, "cleartext-preferred"),
                (Level::Warning, "cleartext"),
                (Level::Advice, "srv-unusual-port"),
            ],
        ),
        (
            "8314-4-3: a server without TLS behind the one with it",
            |site| {
                site.without_tls(10143);
                site.srv("_imap", &[(10, 143, HOST), (20, 10143, HOST)]);
            },
            &[
                (Level::Warning, "cleartext"),
                (Level::Advice, "srv-unusual-port"),
            ],
        ),
        (
            "8314-4-3: a server without TLS alone",
            |site| {
                site.without_tls(10143);
                site.srv("_imaps", &[]);
                site.srv("_imap", &[(0, 10143, HOST)]);
            },
            &[
                (Level::Error, "cleartext-preferred"),
                (Level::Warning, "cleartext"),
                (Level::Warning, "not-advertised"),
                (Level::Advice, "srv-unusual-port"),
            ],
        ),
        (
            "RFC 8314 §4.5.2: implicit TLS is not advertised",
            |site| site.srv("_imaps", &[]),
            &[(Level::Warning, "not-advertised")],
        ),
        (
            "nor is STARTTLS",
            |site| site.srv("_imap", &[]),
            &[(Level::Advice, "not-advertised")],
        ),
        (
            "RFC 6186 §3.4: STARTTLS is denied on purpose",
            |site| site.srv("_imap", &[(0, 0, ".")]),
            &[],
        ),
        (
            "implicit TLS is denied, and there",
            |site| site.srv("_imaps", &[(0, 0, ".")]),
            &[(Level::Warning, "not-advertised")],
        ),
        (
            "RFC 2782: \".\" among others",
            |site| site.srv("_imaps", &[(0, 993, HOST), (0, 0, ".")]),
            &[(Level::Warning, "denial-among-targets")],
        ),
        (
            "RFC 2782: an address, and port 0",
            |site| {
                site.srv(
                    "_imaps",
                    &[(0, 993, HOST), (0, 993, "192.0.2.1"), (0, 0, HOST)],
                )
            },
            &[(Level::Error, "srv-bad-target")],
        ),
        (
            "2782-4: no address",
            |site| site.set(HOST, RecordType::A, Answer::nothing(DnsStatus::Secure)),
            &[(Level::Error, "srv-target-without-address")],
        ),
        (
            "2782-4: an alias",
            |site| {
                let answer = Answer::addresses(DnsStatus::Secure);
                let answer = answer.via_alias(name("real.example.org"), DnsStatus::Secure);
                site.set(HOST, RecordType::A, answer);
            },
            &[(Level::Warning, "srv-target-alias")],
        ),
        (
            "the port of STARTTLS under the label of implicit TLS",
            |site| site.srv("_imaps", &[(0, 143, HOST)]),
            &[
                (Level::Error, "srv-wrong-port"),
                (Level::Warning, "srv-no-such-server"),
            ],
        ),
        (
            "another port, and nobody there",
            |site| site.srv("_imaps", &[(0, 9993, HOST)]),
            &[
                (Level::Warning, "srv-no-such-server"),
                (Level::Advice, "srv-unusual-port"),
            ],
        ),
        (
            "8314-4.5-1: unsigned records under a signed parent, and TLSA records behind them",
            |site| site.srv_with(DnsStatus::Insecure, "_imaps", &[(0, 993, HOST)]),
            &[
                (Level::Warning, "records-unsigned"),
                (Level::Warning, "tlsa-unreachable"),
            ],
        ),
        (
            "8314-4.5-1: unsigned addresses",
            |site| site.set(HOST, RecordType::A, Answer::addresses(DnsStatus::Insecure)),
            &[
                (Level::Warning, "records-unsigned"),
                (Level::Warning, "tlsa-unreachable"),
            ],
        ),
        (
            "RFC 7673 §3.1: a bogus answer",
            |site| site.srv_with(DnsStatus::Bogus, "_imaps", &[(0, 993, HOST)]),
            &[(Level::Error, "dns-failed")],
        ),
        (
            "RFC 7673 §3.4: no answer about TLSA records",
            |site| {
                let answer = Answer::failed(DnsFailure::TimedOut);
                site.set("_993._tcp.mail.example.org", RecordType::Tlsa, answer);
            },
            &[(Level::Error, "dns-failed")],
        ),
        (
            "6186-3.4-1: IMAP and POP3 alike",
            |site| {
                for (transport, port) in [(Transport::Implicit, 995), (Transport::StartTls, 110)] {
                    let listener = Listener::new(Service::Pop3, transport, name(HOST), port);
                    site.listeners.push(listener);
                    let owner = format!("_{port}._tcp.{HOST}");
                    site.set(
                        &owner,
                        RecordType::Tlsa,
                        Answer::nothing(DnsStatus::Insecure),
                    );
                }
                site.srv("_pop3s", &[(0, 995, HOST)]);
                site.srv("_pop3", &[(0, 0, ".")]);
            },
            &[(Level::Advice, "no-access-preference")],
        ),
    ];
    for (what, change, expected) in rows {
        let mut site = Site::new();
        change(&mut site);
        let report = site.audit();
        assert_eq!(codes(&report), expected, "{what}: {}", shown(&report));
        report.findings().iter().for_each(assert_is_a_sentence);
    }
}

/// 8314-4.5-1: "if and when the parent zone supports doing so".
#[test]
fn the_parent_decides_how_grave_an_unsigned_zone_is() {
    let level_with = |domain: MailDomain| {
        let mut site = Site::new();
        site.domains = vec![domain];
        site.srv_with(DnsStatus::Insecure, "_imaps", &[(0, 993, HOST)]);
        let report = site.audit();
        let found = report.findings().iter();
        let mut found = found.filter(|one| one.code() == "records-unsigned");
        let first = found.next().unwrap();
        (first.level(), first.problem().to_string())
    };
    let domain = || MailDomain::new(name("example.org"));
    let (level, text) = level_with(domain().with_signed_parent(true));
    assert_eq!(level, Level::Warning);
    assert!(
        text.ends_with("sign the zone, as its parent is signed"),
        "{text}"
    );
    assert_eq!(
        level_with(domain().with_signed_parent(false)).0,
        Level::Advice
    );
    assert_eq!(level_with(domain()).0, Level::Advice);
}

/// A port other than the registered one where there is such a server is no mistake.
#[test]
fn an_unusual_port_with_a_server() {
    let mut site = Site::new();
    site.listeners[0] = site.listener(Transport::Implicit, 10993);
    site.srv("_imaps", &[(0, 10993, HOST)]);
    let record = tlsa_of(&site.chain[0]);
    let rdata = TlsaRecord::parse(&record).unwrap().to_rdata();
    site.set(
        "_10993._tcp.mail.example.org",
        RecordType::Tlsa,
        Answer::tlsa(DnsStatus::Secure, [rdata]),
    );
    site.assert_found(&[(Level::Advice, "srv-unusual-port")]);
}

/// What the records lead to is asked for, and nothing twice.
#[test]
fn the_questions() {
    let mut site = Site::new();
    site.srv("_submissions", &[(0, 465, "submit.example.net")]);
    let mut inventory = Inventory::default();
    inventory.add_domain(site.domains[0].clone()).unwrap();
    let first = inventory.questions();
    let names: Vec<_> = first.iter().map(|one| one.name().to_owned()).collect();
    let labels = [
        "imap",
        "imaps",
        "pop3",
        "pop3s",
        "sieve",
        "submission",
        "submissions",
    ];
    assert_eq!(
        names,
        labels.map(|label| format!("_{label}._tcp.example.org"))
    );

    let asked = site.inventory();
    assert!(asked.questions().is_empty());
    let has = |text: &str| {
        let mut all = asked.answered();
        all.any(|question| question.to_string() == text)
    };
    for text in [
        "submit.example.net A",
        "submit.example.net AAAA",
        "_465._tcp.submit.example.net TLSA",
        "_993._tcp.mail.example.org TLSA",
    ] {
        assert!(has(text), "{text}");
    }
}
