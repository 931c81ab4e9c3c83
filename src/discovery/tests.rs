//! Discovery, rule by rule, with answers from a table.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else comes fails the test"
)]

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::Acknowledged;
use crate::identity::Provenance;
use crate::name::{EmailAddress, Host, HostName};
use crate::service::Service;
use DnsStatus::{Bogus, Indeterminate, Insecure, Secure};

fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

fn discovery() -> Discovery {
    Discovery::for_domain(name("example.org"), 1)
}

#[test]
fn answers_in_a_log() {
    let two = [
        SrvRecord::new(0, 1, 993, "imap.example.org."),
        SrvRecord::new(5, 0, 0, "."),
        SrvRecord::new(6, 0, 993, "a\u{1b}b"),
    ];
    let rows = [
        (
            Answer::srv(Secure, two),
            "secure: 0 1 993 imap.example.org, 5 0 0 ., 6 0 993 \"a\\u{1b}b\"",
        ),
        (Answer::srv(Insecure, []), "insecure: nothing"),
        (
            Answer::addresses(Secure)
                .via_alias(name("a.example.net"), Insecure)
                .via_alias(name("b.example.net"), Secure),
            "insecure: there are addresses by way of a.example.net, by way of b.example.net",
        ),
        (
            Answer::tlsa(Secure, [vec![3, 1, 1, 0]]),
            "secure: 1 TLSA record",
        ),
        (
            Answer::tlsa(Secure, [vec![3, 1, 1, 0], vec![3, 1, 1, 1]]),
            "secure: 2 TLSA records",
        ),
        (Answer::nothing(Insecure), "insecure: nothing"),
        (
            Answer::nothing(Bogus),
            "the DNS answer fails its DNSSEC validation, and may be forged",
        ),
    ];
    for (answer, expected) in rows {
        assert_eq!(answer.to_string(), expected);
    }
}

/// One SRV record of weight 1.
fn srv(status: DnsStatus, priority: u16, port: u16, target: &str) -> Answer {
    Answer::srv(status, [SrvRecord::new(priority, 1, port, target)])
}

type Zone<'a> = &'a [(&'a str, Answer)];

/// Answers everything: by the table, otherwise that there is nothing. What was asked.
fn ask(discovery: &mut Discovery, zone: Zone<'_>) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some(question) = discovery.next_question() {
        let text = question.to_string();
        let answer = zone.iter().find(|(asked, _)| *asked == text);
        let answer = answer.map_or_else(|| Answer::nothing(Insecure), |(_, a)| a.clone());
        assert!(discovery.answer(&question, answer));
        asked.push(text);
    }
    asked
}

fn outcome(zone: Zone<'_>) -> Outcome {
    let mut discovery = discovery();
    ask(&mut discovery, zone);
    discovery.outcome()
}

fn found(outcome: Outcome) -> Found {
    match outcome {
        Outcome::Found(found) => *found,
        other => panic!("{other:?}"),
    }
}

fn servers(found: &Found) -> Vec<String> {
    let services = found.configuration.services().iter();
    services
        .flat_map(ServiceConfiguration::servers)
        .map(|server| {
            let (host, port) = (server.host(), server.port());
            format!(
                "{} {:?} {host}:{port}",
                server.service(),
                server.transport()
            )
        })
        .collect()
}

fn is_ignored(report: &Report, host: &str, expected: Ignored) -> bool {
    report.findings().iter().any(|finding| match finding {
        Finding::Ignored { server, reason } => {
            server.host().to_string() == host && *reason == expected
        }
        _ => false,
    })
}

/// RFC 6186 §3, RFC 8314 §5.1, RFC 5804 §1.8: labels, and what they stand for.
#[test]
fn the_questions_of_each_service() {
    let mut discovery = discovery().with_services(&[
        Service::Imap,
        Service::Pop3,
        Service::Submission,
        Service::ManageSieve,
        Service::Imap,
    ]);
    let mut asked = ask(&mut discovery, &[]);
    asked.sort();
    let labels = [
        "imap",
        "imaps",
        "pop3",
        "pop3s",
        "sieve",
        "submission",
        "submissions",
    ];
    let expected = labels.map(|label| format!("_{label}._tcp.example.org SRV"));
    assert_eq!(asked, expected);
    assert!(matches!(discovery.outcome(), Outcome::NotFound(_)));
}

/// RFC 6186 §4: the address alone; RFC 7673 §8: in A-labels.
#[test]
fn the_domain_of_an_address() {
    let rows = [
        ("ann@example.org", Some("example.org")),
        ("\"a b@c\"@Example.ORG", Some("example.org")),
        ("ann@xn--bcher-kva.example", Some("xn--bcher-kva.example")),
        ("ann@[192.0.2.1]", None),
    ];
    for (address, domain) in rows {
        let address = EmailAddress::parse(address).unwrap();
        let discovery = Discovery::for_address(&address, 0);
        assert_eq!(discovery.as_ref().map(|d| d.domain().as_str()), domain);
    }
}

/// A domain that is as long as names can be has no room for a label: nothing can be there.
#[test]
fn a_domain_without_room_for_labels() {
    let long = vec!["a".repeat(61); 4].join(".");
    let mut discovery = Discovery::for_domain(name(&long), 0);
    let asked = ask(&mut discovery, &[]);
    assert_eq!(asked.len(), 0, "{asked:?}");
    assert!(matches!(discovery.outcome(), Outcome::NotFound(_)));
}

/// RFC 8314 §5.1: implicit TLS before STARTTLS, whatever the priorities say.
#[test]
fn implicit_tls_comes_first() {
    let found = found(outcome(&[
        (
            "_imap._tcp.example.org SRV",
            srv(Insecure, 0, 143, "a.example.org"),
        ),
        (
            "_imaps._tcp.example.org SRV",
            srv(Insecure, 10, 993, "b.example.org"),
        ),
        (
            "_submission._tcp.example.org SRV",
            srv(Insecure, 0, 587, "c.example.org"),
        ),
        (
            "_submissions._tcp.example.org SRV",
            srv(Insecure, 10, 465, "c.example.org"),
        ),
    ]));
    let expected = [
        "IMAP Implicit b.example.org:993",
        "IMAP StartTls a.example.org:143",
        "submission Implicit c.example.org:465",
        "submission StartTls c.example.org:587",
    ];
    assert_eq!(servers(&found), expected);
    assert_eq!(found.configuration.servers(Service::Imap).len(), 2);
    assert!(found.configuration.servers(Service::Pop3).is_empty());
}

/// RFC 6186 §3.4: the protocol by its lowest priority; among equals as the program prefers.
#[test]
fn imap_or_pop3() {
    let zone = |imap, pop3| {
        [
            (
                "_imaps._tcp.example.org SRV",
                srv(Insecure, imap, 993, "i.example.org"),
            ),
            (
                "_pop3._tcp.example.org SRV",
                srv(Insecure, pop3, 110, "p.example.org"),
            ),
            (
                "_pop3s._tcp.example.org SRV",
                srv(Insecure, 90, 995, "p.example.org"),
            ),
        ]
    };
    for (imap, pop3, chosen) in [
        (0, 10, Service::Imap),
        (10, 0, Service::Pop3),
        (5, 5, Service::Imap),
    ] {
        let found = found(outcome(&zone(imap, pop3)));
        let services: Vec<_> = found
            .configuration
            .services()
            .iter()
            .map(|s| s.service())
            .collect();
        assert_eq!(services, [chosen]);
        assert_eq!(found.report.alternatives().len(), 1);
    }
    let mut prefers_pop3 = discovery().with_services(&[Service::Pop3, Service::Imap]);
    ask(&mut prefers_pop3, &zone(5, 5));
    let found = found(prefers_pop3.outcome());
    assert_eq!(found.configuration.services()[0].service(), Service::Pop3);
}

/// RFC 6186 §3.4: the weights of the protocol that was not chosen have no part.
#[test]
fn weights_of_the_other_protocol_do_not_count() {
    let imap = |weight| {
        Answer::srv(
            Insecure,
            (0..5)
                .map(move |n| SrvRecord::new(0, 1, 993, &format!("i{n}.example.org")))
                .chain([SrvRecord::new(0, weight, 993, "i9.example.org")]),
        )
    };
    let pop3 = |weight| {
        Answer::srv(
            Insecure,
            (0..5).map(|n| SrvRecord::new(9, weight, 995, &format!("p{n}.example.org"))),
        )
    };
    let run = |weight| {
        servers(&found(outcome(&[
            ("_imaps._tcp.example.org SRV", imap(7)),
            ("_pop3s._tcp.example.org SRV", pop3(weight)),
        ])))
    };
    assert_eq!(run(0), run(60_000));
}

/// RFC 6186 §3.4, its last example: `.` for the labels without TLS.
#[test]
fn a_service_that_is_decidedly_not_available() {
    let found = found(outcome(&[
        ("_imap._tcp.example.org SRV", srv(Insecure, 0, 0, ".")),
        (
            "_imaps._tcp.example.org SRV",
            srv(Insecure, 0, 993, "imap.example.org."),
        ),
        ("_pop3._tcp.example.org SRV", srv(Insecure, 0, 0, ".")),
        (
            "_pop3s._tcp.example.org SRV",
            srv(Insecure, 10, 995, "pop3.example.org."),
        ),
    ]));
    assert_eq!(servers(&found), ["IMAP Implicit imap.example.org:993"]);
    let not_offered = found.report.findings().iter();
    let not_offered = not_offered.filter(|f| matches!(f, Finding::NotOffered { .. }));
    assert_eq!(not_offered.count(), 2);

    // With guesses wanted: not for what the domain says it does not have (RFC 2782: "abort").
    let mut discovery = discovery().with_guesses().with_services(&[Service::Imap]);
    let asked = ask(
        &mut discovery,
        &[
            ("_imap._tcp.example.org SRV", srv(Insecure, 0, 0, ".")),
            ("imap.example.org A", Answer::addresses(Insecure)),
        ],
    );
    assert_eq!(asked.len(), 2);
    assert!(matches!(discovery.outcome(), Outcome::NotFound(_)));
}

/// RFC 7673 §3.1: bogus, indeterminate and failed are not "none"; nothing else is tried instead.
#[test]
fn a_failed_lookup_is_not_an_absence() {
    let failures = [
        srv(Bogus, 0, 993, "a.example.org"),
        srv(Indeterminate, 0, 993, "a.example.org"),
        Answer::nothing(Bogus),
        Answer::failed(DnsFailure::ServerFailure),
        Answer::failed(DnsFailure::TimedOut),
        Answer::failed(DnsFailure::Refused),
        Answer::failed(DnsFailure::Malformed),
        Answer::addresses(Secure),
        srv(Secure, 0, 993, "a.example.org").via_alias(name("x.example.net"), Bogus),
    ];
    for failure in failures {
        let zone = [
            ("_imaps._tcp.example.org SRV", failure.clone()),
            (
                "_imap._tcp.example.org SRV",
                srv(Insecure, 0, 143, "a.example.org"),
            ),
            (
                "_submissions._tcp.example.org SRV",
                srv(Insecure, 0, 465, "a.example.org"),
            ),
            ("imap.example.org A", Answer::addresses(Insecure)),
        ];
        let mut discovery = discovery().with_guesses();
        let document = |service, transport, host| {
            let host = Host::Name(name(host));
            MailServer::new(
                service,
                transport,
                host,
                143,
                Provenance::AutoconfigUnauthenticated,
            )
        };
        assert!(discovery.add(document(
            Service::Imap,
            Transport::StartTls,
            "c.example.org"
        )));
        assert!(discovery.add(document(
            Service::ManageSieve,
            Transport::Cleartext,
            "c.example.org"
        )));
        ask(&mut discovery, &zone);
        let found = found(discovery.outcome());
        assert_eq!(
            servers(&found),
            ["submission Implicit a.example.org:465"],
            "{failure:?}"
        );
        assert!(is_ignored(
            &found.report,
            "a.example.org",
            Ignored::LookupFailed
        ));
        assert!(is_ignored(
            &found.report,
            "c.example.org",
            Ignored::LookupFailed
        ));
    }
}

/// What the program itself knows does not depend on DNS records.
#[test]
fn a_trustworthy_source_stands_without_srv() {
    let mut discovery = discovery();
    discovery.add(MailServer::new(
        Service::Imap,
        Transport::Implicit,
        Host::Name(name("imap.provider.net")),
        993,
        Provenance::ProviderDatabase,
    ));
    let failed = Answer::failed(DnsFailure::ServerFailure);
    let zone = [
        ("_imaps._tcp.example.org SRV", failed),
        ("imap.provider.net A", Answer::addresses(Insecure)),
    ];
    ask(&mut discovery, &zone);
    let found = found(discovery.outcome());
    assert_eq!(servers(&found), ["IMAP Implicit imap.provider.net:993"]);
}

/// RFC 8314 §5.1, RFC 6186 §6: outside the domain and without DNSSEC, the user is asked first.
#[test]
fn targets_outside_the_domain() {
    let rows = [
        (Insecure, "imap.example.org", false),
        (Insecure, "example.org", false),
        (Insecure, "IMAP.EXAMPLE.ORG.", false),
        (Insecure, "badexample.org", true), // label by label
        (Insecure, "example.org.attacker.net", true),
        (Insecure, "org", true),
        (Secure, "mx.provider.net", false),
    ];
    for (status, target, is_to_confirm) in rows {
        let host = target.trim_end_matches('.').to_ascii_lowercase();
        let zone = [
            ("_imaps._tcp.example.org SRV", srv(status, 0, 993, target)),
            ("mx.provider.net A", Answer::addresses(Insecure)),
        ];
        let mut discovery = discovery();
        ask(&mut discovery, &zone);
        let Outcome::ConfirmTargets(mut questions) = discovery.outcome() else {
            assert!(!is_to_confirm, "{target}");
            assert_eq!(servers(&found(discovery.outcome())).len(), 1);
            continue;
        };
        assert!(is_to_confirm, "{target}");
        let question = questions.pop().unwrap();
        assert!(questions.is_empty());
        assert_eq!(question.domain().as_str(), "example.org");
        assert_eq!(question.target().to_string(), host);
        assert!(question.to_string().contains(&host));

        let mut rejected = discovery.clone();
        rejected.reject(question.target());
        match rejected.outcome() {
            Outcome::NotFound(report) => {
                assert!(is_ignored(&report, &host, Ignored::RejectedByUser));
            }
            other => panic!("{other:?}"),
        }
        assert!(discovery.confirm(&Acknowledged::by_user(question)));
        let found = found(discovery.outcome());
        let server = &found.configuration.servers(Service::Imap)[0];
        assert_eq!(server.provenance(), Provenance::Confirmed);
    }
}

/// A confirmation is for the domain of which the question was.
#[test]
fn a_confirmation_for_another_domain() {
    let zone = |label: &str| {
        [(
            format!("_imaps._tcp.{label} SRV"),
            srv(Insecure, 0, 993, "x.net"),
        )]
    };
    let run = |domain: &str| {
        let mut discovery = Discovery::for_domain(name(domain), 0);
        let [(question, answer)] = zone(domain);
        ask(&mut discovery, &[(&question, answer)]);
        discovery
    };
    let (mut ours, theirs) = (run("example.org"), run("example.com"));
    let Outcome::ConfirmTargets(questions) = theirs.outcome() else {
        panic!("{theirs:?}");
    };
    for question in questions {
        assert!(!ours.confirm(&Acknowledged::by_user(question)));
    }
    assert!(matches!(ours.outcome(), Outcome::ConfirmTargets(_)));
}

/// RFC 8314 §5: the same domain from three sources, each with its provenance; the one that deserves
/// the most trust is taken.
#[test]
fn sources() {
    let server = |host, provenance| {
        let host = Host::Name(name(host));
        MailServer::new(Service::Imap, Transport::Implicit, host, 993, provenance)
    };
    let zone = [
        (
            "_imaps._tcp.example.org SRV",
            srv(Insecure, 0, 993, "srv.example.org"),
        ),
        ("db.example.net A", Answer::addresses(Insecure)),
        ("typed.example.net AAAA", Answer::addresses(Insecure)),
    ];
    let mut discovery = discovery();
    discovery.add(server(
        "auto.example.org",
        Provenance::AutoconfigUnauthenticated,
    ));
    ask(&mut discovery, &zone);
    let both = servers(&found(discovery.outcome()));
    assert_eq!(
        both,
        [
            "IMAP Implicit srv.example.org:993",
            "IMAP Implicit auto.example.org:993"
        ]
    );

    discovery.add(server("db.example.net", Provenance::ProviderDatabase));
    assert!(matches!(discovery.outcome(), Outcome::Pending));
    ask(&mut discovery, &zone);
    let found_ = found(discovery.outcome());
    assert_eq!(servers(&found_), ["IMAP Implicit db.example.net:993"]);
    for ignored in ["srv.example.org", "auto.example.org"] {
        assert!(is_ignored(&found_.report, ignored, Ignored::BetterSource));
    }

    discovery.add(server("typed.example.net", Provenance::Typed));
    ask(&mut discovery, &zone);
    let found = found(discovery.outcome());
    assert_eq!(servers(&found), ["IMAP Implicit typed.example.net:993"]);
    assert_eq!(
        found.configuration.servers(Service::Imap)[0].provenance(),
        Provenance::Typed
    );
}

/// RFC 8314 §5.1: never cleartext while TLS is advertised for anything; otherwise with the warning.
#[test]
fn cleartext_only() {
    let plain = |service, host: &str| {
        let host = Host::Name(name(host));
        MailServer::new(
            service,
            Transport::Cleartext,
            host,
            143,
            Provenance::AutoconfigAuthenticated,
        )
    };
    let zone: Zone<'_> = &[("imap.example.org A", Answer::addresses(Insecure))];
    let mut discovery = discovery();
    discovery.add(plain(Service::Imap, "imap.example.org"));
    ask(&mut discovery, zone);
    let Outcome::CleartextOnly(proposal) = discovery.outcome() else {
        panic!("{:?}", discovery.outcome());
    };
    let warning = proposal.warning();
    assert!(
        warning
            .to_string()
            .contains("imap.example.org will not be encrypted")
    );
    let configuration = CleartextProposal::accept(Acknowledged::by_user(warning));
    let server = &configuration.servers(Service::Imap)[0];
    assert_eq!(
        (server.transport(), server.endpoint()),
        (Transport::Cleartext, None)
    );

    // A mixed advertisement, for another service even.
    let mut mixed = Discovery::for_domain(name("example.org"), 0);
    mixed.add(plain(Service::Imap, "imap.example.org"));
    let submissions = srv(Insecure, 0, 465, "smtp.example.org");
    let mixed_zone = [
        ("_submissions._tcp.example.org SRV", submissions),
        ("imap.example.org A", Answer::addresses(Insecure)),
    ];
    ask(&mut mixed, &mixed_zone);
    let found = found(mixed.outcome());
    assert_eq!(
        servers(&found),
        ["submission Implicit smtp.example.org:465"]
    );
    assert!(is_ignored(
        &found.report,
        "imap.example.org",
        Ignored::CleartextWhereTlsMayBe
    ));

    // Whoever keeps us from hearing what is advertised gains nothing.
    let mut silenced = Discovery::for_domain(name("example.org"), 0);
    silenced.add(plain(Service::Imap, "imap.example.org"));
    let failed = Answer::failed(DnsFailure::TimedOut);
    ask(
        &mut silenced,
        &[
            ("_submissions._tcp.example.org SRV", failed),
            ("imap.example.org A", Answer::addresses(Insecure)),
        ],
    );
    assert!(matches!(silenced.outcome(), Outcome::NotFound(_)));

    // RFC 7673 §4: TLSA records say that there is TLS.
    let mut tlsa = Discovery::for_domain(name("example.org"), 0);
    tlsa.add(plain(Service::Imap, "imap.example.org"));
    let tlsa_zone = [
        ("imap.example.org A", Answer::addresses(Secure)),
        (
            "_143._tcp.imap.example.org TLSA",
            Answer::tlsa(Secure, [vec![255, 9, 9, 1]]),
        ),
    ];
    ask(&mut tlsa, &tlsa_zone);
    assert!(matches!(tlsa.outcome(), Outcome::NotFound(_)));
}

/// Guesses: only where asked for, only where nothing is known, only what exists, only confirmed.
#[test]
fn guesses() {
    let zone: Zone<'_> = &[
        ("mail.example.org A", Answer::addresses(Insecure)),
        (
            "_submissions._tcp.example.org SRV",
            srv(Insecure, 0, 465, "x.example.org"),
        ),
    ];
    let mut quiet = discovery();
    ask(&mut quiet, zone);
    assert_eq!(
        servers(&found(quiet.outcome())),
        ["submission Implicit x.example.org:465"]
    );

    let mut discovery = discovery()
        .with_guesses()
        .with_services(&[Service::Imap, Service::Submission]);
    ask(&mut discovery, zone);
    let Outcome::ConfirmTargets(questions) = discovery.outcome() else {
        panic!("{:?}", discovery.outcome());
    };
    let targets: Vec<_> = questions
        .iter()
        .map(|q| (q.target().to_string(), q.provenance()))
        .collect();
    assert_eq!(targets, [("mail.example.org".into(), Provenance::Guessed)]);
    assert_eq!(
        questions[0].to_string(),
        "mail.example.org may be the mail server of example.org, but that is only a guess of this \
         program. Is mail.example.org the server that your provider has named?"
    );
    for question in questions {
        discovery.confirm(&Acknowledged::by_user(question));
    }
    let found = found(discovery.outcome());
    let expected = [
        "IMAP Implicit mail.example.org:993",
        "IMAP StartTls mail.example.org:143",
        "submission Implicit x.example.org:465",
    ];
    assert_eq!(servers(&found), expected);
}

/// RFC 2782: all records are read; RFC 6186 §4: in its order. What is no host is skipped.
#[test]
fn duplicates_and_what_is_no_host() {
    let records = [
        SrvRecord::new(5, 0, 993, "b.example.org"),
        SrvRecord::new(0, 0, 993, "a.example.org"),
        SrvRecord::new(0, 0, 993, "A.example.org."),
        SrvRecord::new(7, 0, 993, "a.example.org"),
        SrvRecord::new(0, 0, 993, "192.0.2.1"),
        SrvRecord::new(0, 0, 0, "c.example.org"),
        SrvRecord::new(0, 0, 993, "\u{202e}\n evil"),
    ];
    let found = found(outcome(&[(
        "_imaps._tcp.example.org SRV",
        Answer::srv(Insecure, records),
    )]));
    let expected = [
        "IMAP Implicit a.example.org:993",
        "IMAP Implicit b.example.org:993",
    ];
    assert_eq!(servers(&found), expected);
    let invalid: Vec<_> = found
        .report
        .findings()
        .iter()
        .filter(|f| matches!(f, Finding::InvalidRecord { .. }))
        .map(ToString::to_string)
        .collect();
    assert_eq!(invalid.len(), 3);
    assert!(
        invalid
            .iter()
            .all(|text| !text.contains('\u{202e}') && !text.contains('\n'))
    );
}

#[test]
fn oversized_answers() {
    let many = |n| (0..n).map(|n| SrvRecord::new(0, 1, 993, &format!("h{n}.example.org")));
    let found = found(outcome(&[(
        "_imaps._tcp.example.org SRV",
        Answer::srv(Insecure, many(3449)),
    )]));
    assert_eq!(servers(&found).len(), crate::limits::SRV_TARGETS);
    let too_many = Answer::srv(Insecure, many(3450));
    assert_eq!(too_many, Answer::failed(DnsFailure::TooLarge));
    let tlsa = Answer::tlsa(Secure, (0..70_000).map(|_| vec![3, 1, 1]));
    assert_eq!(tlsa, Answer::failed(DnsFailure::TooLarge));
    let mut chain = Answer::nothing(Secure);
    for n in 0..17 {
        chain = chain.via_alias(name(&format!("h{n}.example.org")), Secure);
    }
    assert_eq!(chain, Answer::failed(DnsFailure::TooLarge));
    let mut discovery = discovery();
    let server = |n: usize| {
        let host = Host::Name(name(&format!("h{n}.example.org")));
        MailServer::new(
            Service::Imap,
            Transport::Implicit,
            host,
            993,
            Provenance::Typed,
        )
    };
    assert_eq!((0..100).filter(|n| discovery.add(server(*n))).count(), 64);
}

#[test]
fn unknown_second_and_late_answers_are_dropped() {
    let mut discovery = discovery();
    let question = discovery.next_question().unwrap();
    let mut other = Discovery::for_domain(name("example.com"), 0);
    let foreign = other.next_question().unwrap();
    assert!(!discovery.answer(&foreign, Answer::nothing(Insecure)));
    assert!(discovery.answer(&question, Answer::nothing(Insecure)));
    assert!(!discovery.answer(&question, Answer::nothing(Insecure)));
    assert!(matches!(discovery.outcome(), Outcome::Pending));
    discovery.expire();
    assert!(!discovery.answer(&question, Answer::nothing(Insecure)));
    let Outcome::NotFound(report) = discovery.outcome() else {
        panic!("{:?}", discovery.outcome());
    };
    let timed_out = report.findings().iter().filter(|finding| {
        matches!(
            finding,
            Finding::LookupFailed {
                failure: DnsFailure::TimedOut,
                ..
            }
        )
    });
    assert_eq!(timed_out.count(), 5);
}

/// RFC 7673 §3.2 to §3.4, RFC 7671 §7: one server's addresses and TLSA records.
#[test]
fn the_records_of_a_server() {
    let tlsa = || Answer::tlsa(Secure, [vec![3, 1, 1, 7]]);
    let alias = |answer: Answer, status| answer.via_alias(name("real.example.net"), status);
    let (a, t) = ("imap.example.net A", "_9143._tcp.imap.example.net TLSA");
    let expanded = "_9143._tcp.real.example.net TLSA";
    // Zone, the TLSA questions that are asked, the outcome.
    type Row<'a> = (&'a [(&'a str, Answer)], &'a [&'a str], &'a str);
    let rows: &[Row<'_>] = &[
        // §3.2: secure addresses lead to the question; §3.3: its name.
        (
            &[(a, Answer::addresses(Secure)), (t, tlsa())],
            &[t],
            "TLSA imap.example.net",
        ),
        // §3.2: none is secure, no question.
        (
            &[(a, Answer::addresses(Insecure)), (t, tlsa())],
            &[],
            "no TLSA",
        ),
        (
            &[(a, alias(Answer::addresses(Secure), Insecure)), (t, tlsa())],
            &[],
            "no TLSA",
        ),
        // §3.2: bogus, indeterminate, failed.
        (
            &[(a, Answer::addresses(Bogus)), (t, tlsa())],
            &[],
            "do not connect",
        ),
        (
            &[(a, Answer::addresses(Indeterminate))],
            &[],
            "do not connect",
        ),
        (
            &[(a, Answer::failed(DnsFailure::ServerFailure))],
            &[],
            "do not connect",
        ),
        (
            &[(a, alias(Answer::addresses(Secure), Bogus))],
            &[],
            "do not connect",
        ),
        (&[(a, Answer::tlsa(Secure, []))], &[], "do not connect"),
        (&[], &[], "no address"),
        // §3.4
        (
            &[
                (a, Answer::addresses(Secure)),
                (t, Answer::tlsa(Insecure, [vec![3, 1, 1, 7]])),
            ],
            &[t],
            "no TLSA",
        ),
        (
            &[(a, Answer::addresses(Secure)), (t, Answer::nothing(Secure))],
            &[t],
            "no TLSA",
        ),
        (
            &[
                (a, Answer::addresses(Secure)),
                (t, Answer::tlsa(Secure, [])),
            ],
            &[t],
            "no TLSA",
        ),
        (
            &[(a, Answer::addresses(Secure)), (t, Answer::tlsa(Bogus, []))],
            &[t],
            "do not connect",
        ),
        (
            &[
                (a, Answer::addresses(Secure)),
                (t, Answer::nothing(Indeterminate)),
            ],
            &[t],
            "do not connect",
        ),
        (
            &[
                (a, Answer::addresses(Secure)),
                (t, Answer::failed(DnsFailure::TimedOut)),
            ],
            &[t],
            "do not connect",
        ),
        // RFC 7671 §7: the name that a secure alias leads to, then the first one.
        (
            &[
                (a, alias(Answer::addresses(Secure), Secure)),
                (expanded, tlsa()),
                (t, tlsa()),
            ],
            &[expanded],
            "TLSA real.example.net",
        ),
        (
            &[(a, alias(Answer::addresses(Secure), Secure)), (t, tlsa())],
            &[expanded, t],
            "TLSA imap.example.net",
        ),
        (
            &[
                (a, alias(Answer::addresses(Secure), Secure)),
                (expanded, Answer::nothing(Bogus)),
                (t, tlsa()),
            ],
            &[expanded],
            "do not connect",
        ),
    ];
    for (zone, tlsa_questions, expected) in rows {
        for in_parallel in [false, true] {
            let mut lookup = Lookup::new(name("imap.example.net"), 9143);
            if in_parallel {
                lookup = lookup.in_parallel();
            }
            let mut asked = Vec::new();
            while let Some(question) = lookup.next_question() {
                let text = question.to_string();
                let answer = zone.iter().find(|(asked, _)| *asked == text);
                let answer = answer.map_or_else(|| Answer::nothing(Insecure), |(_, a)| a.clone());
                assert!(lookup.answer(&question, answer));
                asked.push(text);
            }
            let result = lookup.result().unwrap();
            let text = match &result {
                ServerRecords::NoTlsa { .. } => "no TLSA".into(),
                ServerRecords::Tlsa { base, .. } => format!("TLSA {base}"),
                ServerRecords::NoAddress => "no address".into(),
                ServerRecords::DoNotConnect { .. } => "do not connect".into(),
            };
            assert_eq!(text, *expected, "{zone:?}");
            assert_eq!(result.requires_tls(), expected.starts_with("TLSA"));
            asked.retain(|question| question.ends_with("TLSA"));
            if !in_parallel {
                assert_eq!(asked, *tlsa_questions, "{zone:?}");
            }
        }
    }
}

/// RFC 7673 §3.2, §3.4: the next target; §3.1: TLSA or not, the order stays.
#[test]
fn a_target_that_may_be_forged_is_skipped() {
    let records = ["a", "b", "c"]
        .into_iter()
        .zip(0..)
        .map(|(host, priority)| SrvRecord::new(priority, 0, 993, &format!("{host}.provider.net")));
    let zone = [
        (
            "_imaps._tcp.example.org SRV",
            Answer::srv(Secure, records).with_lifetime(Duration::from_secs(60)),
        ),
        ("a.provider.net A", Answer::addresses(Secure)),
        (
            "_993._tcp.a.provider.net TLSA",
            Answer::failed(DnsFailure::ServerFailure),
        ),
        ("b.provider.net A", Answer::addresses(Insecure)),
        (
            "c.provider.net A",
            Answer::addresses(Secure).with_lifetime(Duration::from_secs(30)),
        ),
        (
            "_993._tcp.c.provider.net TLSA",
            Answer::tlsa(Secure, [vec![3, 1, 1, 7]]),
        ),
    ];
    let mut discovery = discovery();
    ask(&mut discovery, &zone);
    let found = found(discovery.outcome());
    let expected = [
        "IMAP Implicit b.provider.net:993",
        "IMAP Implicit c.provider.net:993",
    ];
    assert_eq!(servers(&found), expected);
    let failure = Ignored::Failed(DnsFailure::ServerFailure);
    assert!(is_ignored(&found.report, "a.provider.net", failure));
    assert_eq!(found.lifetime(), Some(Duration::from_secs(30)));
    let records = discovery
        .server_records(&name("c.provider.net"), 993)
        .unwrap();
    assert!(records.requires_tls());
}

/// RFC 7673 §3.1: one link that is not secure, and nothing is.
#[test]
fn the_chain_is_as_secure_as_its_weakest_link() {
    let zone = |link| {
        let answer = srv(Secure, 0, 993, "mx.provider.net")
            .via_alias(name("one.example.org"), Secure)
            .via_alias(name("two.example.org"), link)
            .via_alias(name("three.example.org"), Secure);
        [
            ("_imaps._tcp.example.org SRV", answer),
            ("mx.provider.net A", Answer::addresses(Secure)),
        ]
    };
    let mut secure = discovery();
    let asked = ask(&mut secure, &zone(Secure));
    assert!(asked.iter().any(|question| question.ends_with("TLSA")));
    assert_eq!(
        found(secure.outcome()).configuration.servers(Service::Imap)[0].provenance(),
        Provenance::SrvSecure
    );
    let mut insecure = discovery();
    let asked = ask(&mut insecure, &zone(Insecure));
    assert!(asked.iter().all(|question| question.ends_with("SRV")));
    assert!(matches!(insecure.outcome(), Outcome::ConfirmTargets(_)));
    assert!(matches!(outcome(&zone(Bogus)), Outcome::NotFound(_)));
}

/// RFC 8314 §5.1, RFC 6186 §4: what changed is told; nothing is changed.
#[test]
fn recheck() {
    let before = [
        (
            "_imap._tcp.example.org SRV",
            srv(Insecure, 0, 143, "imap.example.org"),
        ),
        (
            "_submissions._tcp.example.org SRV",
            srv(Insecure, 0, 465, "mx.provider.net"),
        ),
    ];
    let mut setup = discovery();
    ask(&mut setup, &before);
    let Outcome::ConfirmTargets(questions) = setup.outcome() else {
        panic!("{:?}", setup.outcome());
    };
    for question in questions {
        setup.confirm(&Acknowledged::by_user(question));
    }
    let configuration = found(setup.outcome()).configuration;
    let compare = |zone: Zone<'_>| {
        let stored = configuration.clone();
        let mut fresh = configuration.recheck(9);
        assert_eq!(configuration.compare(&fresh), None);
        ask(&mut fresh, zone);
        let changes = configuration.compare(&fresh).unwrap();
        assert_eq!(configuration, stored);
        changes
    };
    assert_eq!(compare(&before), []);

    // The other protocol is preferred now: that is for the user (RFC 6186 §4 MUST NOT).
    let [imap, submissions] = before;
    let flipped = [
        (
            "_imap._tcp.example.org SRV",
            srv(Insecure, 9, 143, "imap.example.org"),
        ),
        (
            "_pop3s._tcp.example.org SRV",
            srv(Insecure, 0, 995, "pop.example.org"),
        ),
        submissions.clone(),
    ];
    let changes = compare(&flipped);
    assert!(matches!(
        changes[..],
        [Change::OtherProtocolPreferred {
            configured: Service::Imap,
            preferred: Service::Pop3
        }]
    ));

    // Implicit TLS has become available; the stored server is still there.
    let better = [
        imap.clone(),
        (
            "_imaps._tcp.example.org SRV",
            srv(Insecure, 5, 993, "imap.example.org"),
        ),
        submissions.clone(),
    ];
    let changes = compare(&better);
    assert!(matches!(
        changes[..],
        [
            Change::UpgradeAvailable {
                service: Service::Imap,
                configured: Transport::StartTls,
                available: Transport::Implicit,
            },
            Change::Added { .. }
        ]
    ));

    // An attacker's record is told of, and that is all.
    let moved = [
        imap,
        (
            "_submissions._tcp.example.org SRV",
            srv(Insecure, 0, 465, "evil.net"),
        ),
    ];
    let changes = compare(&moved);
    assert!(
        matches!(&changes[..], [Change::Added { server }, Change::Removed { .. }]
        if server.provenance() == Provenance::SrvInsecure)
    );

    let silenced = [
        (
            "_imap._tcp.example.org SRV",
            Answer::failed(DnsFailure::ServerFailure),
        ),
        submissions,
    ];
    let changes = compare(&silenced);
    assert!(matches!(
        changes[..],
        [Change::Unknown {
            service: Service::Imap
        }]
    ));
}

#[cfg(feature = "serde")]
#[test]
fn the_stored_form() {
    let zone = [(
        "_imaps._tcp.example.org SRV",
        srv(Insecure, 0, 993, "imap.example.org"),
    )];
    let configuration = found(outcome(&zone)).configuration;
    let stored = serde_json::to_string(&configuration).unwrap();
    let expected = concat!(
        r#"{"version":1,"domain":"example.org","services":[{"service":"imap","servers":["#,
        r#"{"transport":"implicit","host":"imap.example.org","port":993,"#,
        r#""provenance":"srv-insecure"}]}]}"#
    );
    assert_eq!(stored, expected);
    let read: Configuration = serde_json::from_str(&stored).unwrap();
    assert_eq!(read, configuration);
    for (from, to, said) in [
        ("\"version\":1", "\"version\":2", "version 2"),
        ("imap.example.org", "imap..example.org", "host"),
        ("implicit", "opportunistic", "unknown variant"),
        ("\"port\"", "\"extra\":1,\"port\"", "unknown field"),
        ("993", "70000", "expected u16"),
        (
            "[{\"service\"",
            r#"[{"service":"imap","servers":[]},{"service""#,
            "IMAP twice",
        ),
    ] {
        let error = serde_json::from_str::<Configuration>(&stored.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

fn any_status() -> impl Strategy<Value = DnsStatus> {
    prop_oneof![4 => Just(Secure), 6 => Just(Insecure), 1 => Just(Bogus), 1 => Just(Indeterminate)]
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let target = prop_oneof![
        Just("imap.example.org"),
        Just("mx.provider.net"),
        Just("evil.net"),
        Just("."),
        Just("192.0.2.1"),
    ];
    let record =
        (0..3_u16, 0..3_u16, 0..2_u16, target).prop_map(|(priority, weight, port, target)| {
            SrvRecord::new(priority, weight, port, target)
        });
    let base = prop_oneof![
        6 => (any_status(), prop::collection::vec(record, 0..4)).prop_map(|(s, r)| Answer::srv(s, r)),
        6 => any_status().prop_map(Answer::addresses),
        2 => any_status().prop_map(|s| Answer::tlsa(s, [vec![3, 1, 1, 0]])),
        3 => any_status().prop_map(Answer::nothing),
        1 => Just(Answer::failed(DnsFailure::ServerFailure)),
    ];
    (base, prop::option::of(any_status())).prop_map(|(answer, alias)| match alias {
        Some(status) => answer.via_alias(name("alias.example.net"), status),
        None => answer,
    })
}

fn any_server() -> impl Strategy<Value = MailServer> {
    use Provenance as P;
    (
        prop_oneof![
            Just(Service::Imap),
            Just(Service::Pop3),
            Just(Service::Submission)
        ],
        prop_oneof![
            Just(Transport::Implicit),
            Just(Transport::StartTls),
            Just(Transport::Cleartext)
        ],
        prop_oneof![
            Just("imap.example.org"),
            Just("mx.provider.net"),
            Just("192.0.2.7")
        ],
        prop_oneof![
            Just(P::Typed),
            Just(P::ProviderDatabase),
            Just(P::AutoconfigAuthenticated),
            Just(P::AutoconfigUnauthenticated),
            Just(P::Guessed)
        ],
    )
        .prop_map(|(service, transport, host, provenance)| {
            MailServer::new(
                service,
                transport,
                Host::parse(host).unwrap(),
                1,
                provenance,
            )
        })
}

/// The same answer for a question in whatever order the questions are answered.
fn drive(
    seed: u64,
    order: u64,
    answers: &[Answer],
    others: &[MailServer],
    guess: bool,
    parallel: bool,
) -> Discovery {
    let mut discovery = Discovery::for_domain(name("example.org"), seed);
    if guess {
        discovery = discovery.with_guesses();
    }
    if parallel {
        discovery = discovery.in_parallel();
    }
    for server in others {
        discovery.add(server.clone());
    }
    let mut dice = select::Dice::new(order);
    let mut waiting = Vec::new();
    loop {
        while let Some(question) = discovery.next_question() {
            waiting.push(question);
        }
        let Some(last) = waiting.len().checked_sub(1) else {
            return discovery;
        };
        let at = dice.roll(u32::try_from(last).unwrap());
        let question = waiting.swap_remove(usize::try_from(at).unwrap());
        let sum: usize = question.to_string().bytes().map(usize::from).sum();
        let answer = answers[sum % answers.len()].clone();
        assert!(discovery.answer(&question, answer));
    }
}

proptest! {
    #[test]
    fn the_order_of_answers_does_not_matter(
        seed: u64, one: u64, other: u64, guess: bool,
        answers in prop::collection::vec(any_answer(), 1..12),
        others in prop::collection::vec(any_server(), 0..3),
    ) {
        let first = drive(seed, one, &answers, &others, guess, false).outcome();
        let second = drive(seed, other, &answers, &others, guess, false).outcome();
        prop_assert_eq!(format!("{first:?}"), format!("{second:?}"));
        // RFC 7673 §7: asked in parallel or one after the other.
        let parallel = drive(seed, other, &answers, &others, guess, true).outcome();
        prop_assert_eq!(format!("{first:?}"), format!("{parallel:?}"));
    }

    #[test]
    fn what_holds_of_every_outcome(
        seed: u64, order: u64, guess: bool,
        answers in prop::collection::vec(any_answer(), 1..12),
        others in prop::collection::vec(any_server(), 0..3),
    ) {
        let discovery = drive(seed, order, &answers, &others, guess, false);
        let domain = discovery.domain().clone();
        let (configuration, is_cleartext) = match discovery.outcome() {
            Outcome::Pending => return Err(TestCaseError::fail("everything was answered")),
            Outcome::ConfirmTargets(questions) => {
                prop_assert!(!questions.is_empty());
                return Ok(());
            }
            Outcome::NotFound(_) => return Ok(()),
            Outcome::Found(found) => (found.configuration, false),
            Outcome::CleartextOnly(proposal) => {
                (CleartextProposal::accept(Acknowledged::by_user(proposal.warning())), true)
            }
        };
        let named_tls = others.iter().any(|server| {
            server.transport() != Transport::Cleartext && server.provenance() != Provenance::Guessed
        });
        prop_assert!(!(is_cleartext && named_tls));
        let chosen = |service| !configuration.servers(service).is_empty();
        prop_assert!(!(chosen(Service::Imap) && chosen(Service::Pop3)));
        for server in configuration.services().iter().flat_map(ServiceConfiguration::servers) {
            prop_assert_eq!(server.transport() == Transport::Cleartext, is_cleartext);
            let is_within = server.host().name().is_some_and(|host| host.is_within(&domain));
            let provenance = server.provenance();
            prop_assert!(provenance.is_trustworthy() || is_within, "{server}");
            prop_assert!(provenance != Provenance::Guessed && provenance != Provenance::Confirmed);
        }
    }
}
