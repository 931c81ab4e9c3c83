//! What to ask an authority for, and what to publish: RFC 7817 §5 and §6, RFC 6186 §3.4.

use super::*;

fn requested(inventory: &Inventory) -> Vec<String> {
    let plan = san_plan(inventory);
    let names = plan.names().iter();
    names
        .map(|planned| format!("{} {}", planned.necessity, planned.name))
        .collect()
}

/// 7817-5-1: "Expected-name list equals the §6 examples."
#[test]
fn the_examples_of_rfc_7817_section_6() {
    use Service::{Imap, ManageSieve, Pop3, Submission};
    use Transport::{Implicit, StartTls};
    type Row<'a> = (
        &'a str,
        &'a [(Service, Transport)],
        &'a [&'a str],
        &'a [&'a str],
    );
    let rows: [Row<'_>; 5] = [
        (
            "mail.example.net",
            &[(Imap, StartTls), (Imap, Implicit)],
            &[],
            &[
                "MUST mail.example.net",
                "SHOULD example.net",
                "SHOULD CN=mail.example.net",
            ],
        ),
        (
            "mail.example.net",
            &[(Imap, StartTls), (Imap, Implicit)],
            &["_imap", "_imaps"],
            &[
                "MUST mail.example.net",
                "SHOULD example.net",
                "MUST _imap.example.net",
                "MUST _imaps.example.net",
                "SHOULD CN=mail.example.net",
            ],
        ),
        (
            "mycompany.example.com",
            &[(Imap, Implicit)],
            &[],
            &[
                "MUST mycompany.example.com",
                "SHOULD example.net",
                "SHOULD CN=mycompany.example.com",
            ],
        ),
        (
            "submit.example.net",
            &[(Submission, StartTls)],
            &["_submission"],
            &[
                "MUST submit.example.net",
                "SHOULD example.net",
                "MUST _submission.example.net",
                "SHOULD CN=submit.example.net",
            ],
        ),
        (
            "mail.example.net",
            &[
                (Submission, StartTls),
                (Imap, Implicit),
                (Pop3, Implicit),
                (ManageSieve, StartTls),
            ],
            &["_submission", "_imaps", "_pop3s", "_sieve"],
            &[
                "MUST mail.example.net",
                "SHOULD example.net",
                "MUST _submission.example.net",
                "MUST _imaps.example.net",
                "MUST _pop3s.example.net",
                "MUST _sieve.example.net",
                "SHOULD CN=mail.example.net",
            ],
        ),
    ];
    for (host, services, labels, expected) in rows {
        let mut inventory = Inventory::default();
        inventory
            .add_domain(MailDomain::new(name("example.net")))
            .unwrap();
        for (service, transport) in services {
            let listener = Listener::new(*service, *transport, name(host), 1);
            inventory.add_listener(listener).unwrap();
        }
        for question in inventory.questions() {
            let label = question.name().split('.').next().unwrap();
            let answer = if labels.contains(&label) {
                Answer::srv(DnsStatus::Secure, [SrvRecord::new(0, 1, 1, host)])
            } else {
                Answer::nothing(DnsStatus::Secure)
            };
            inventory.answer(&question, answer).unwrap();
        }
        assert_eq!(requested(&inventory), expected, "{host} {labels:?}");
        for planned in san_plan(&inventory).names() {
            assert!(planned.clause.starts_with("RFC 7817 §5 ("));
        }
    }
}

/// Internationalised names are A-labels; a server without TLS needs no certificate; a host that is
/// too long for a common name is none.
#[test]
fn what_else_a_request_holds_or_does_not() {
    let mut inventory = Inventory::default();
    let long = format!("{}.example.org", "a".repeat(60));
    inventory
        .add_domain(MailDomain::new(name("xn--bcher-kva.example")))
        .unwrap();
    for (transport, host) in [
        (Transport::Cleartext, "old.example.org"),
        (Transport::Implicit, &*long),
    ] {
        let listener = Listener::new(Service::Imap, transport, name(host), 1);
        inventory.add_listener(listener).unwrap();
    }
    let expected = [
        &*format!("MUST {long}"),
        "SHOULD xn--bcher-kva.example",
        "MUST _imaps.xn--bcher-kva.example",
    ];
    assert_eq!(requested(&inventory), expected);
    let config = san_plan(&inventory).to_openssl_config();
    assert!(config.contains("\n[subject]\nO = Mail\n"), "{config}");
    assert_eq!(requested(&Inventory::default()), NONE);
}

/// 8314-4-3, 6186-3.4-1: records that are published as planned are in order.
#[test]
fn planned_records_are_in_order() {
    let mut site = Site::new();
    for (service, transport, port) in [
        (Service::Pop3, Transport::Implicit, 995),
        (Service::Submission, Transport::Implicit, 465),
        (Service::Submission, Transport::StartTls, 587),
    ] {
        let listener = Listener::new(service, transport, name(HOST), port);
        site.listeners.push(listener);
    }
    let planned = srv_plan(&site.inventory(), &name("example.org"));
    let lines: Vec<_> = planned.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "_imaps._tcp.example.org. IN SRV 0 1 993 mail.example.org.",
            "_imap._tcp.example.org. IN SRV 10 1 143 mail.example.org.",
            "_pop3s._tcp.example.org. IN SRV 20 1 995 mail.example.org.",
            "_pop3._tcp.example.org. IN SRV 0 0 0 .",
            "_submissions._tcp.example.org. IN SRV 0 1 465 mail.example.org.",
            "_submission._tcp.example.org. IN SRV 10 1 587 mail.example.org.",
        ]
    );
    for record in planned {
        let target = record.target.as_ref().map_or(".", HostName::as_str);
        let answer = [SrvRecord::new(record.priority, 1, record.port, target)];
        let answer = Answer::srv(DnsStatus::Secure, answer);
        site.set(&record.owner, RecordType::Srv, answer);
    }
    site.assert_found(&[
        (Level::Advice, "no-starttls"), // POP3's
        (Level::Advice, "tlsa-missing"),
    ]);
}
