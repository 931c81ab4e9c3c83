//! Each question with its answer, and the status that hickory has found for it.

use std::net::{TcpListener, UdpSocket};
use std::time::{Duration, Instant};

use mail_tls::discovery::{Change, Discovery, DnsFailure, Finding, Outcome, ServerRecords};
use mail_tls::{Provenance, Service};

use crate::knot::{Delegation, Knot, Zone};
use crate::process::free_port;
use crate::world::{Log, answer_all, discover, dns_at, dns_of, look_up, name, runtime, zone};

const ALL: &[Service] = &[
    Service::Imap,
    Service::Pop3,
    Service::Submission,
    Service::ManageSieve,
];
const BOGUS: &str = "the DNS answer fails its DNSSEC validation, and may be forged";
const SERVFAIL: &str = "the DNS server failed";

/// One set of records in a signed zone, the same in an unsigned one and in two bogus ones.
fn zones() -> Vec<Zone> {
    let same = "
_imaps._tcp SRV 0 1 993 mail
_imap._tcp SRV 0 0 0 .
_pop3s._tcp SRV 20 1 995 mail
_pop3s._tcp SRV 10 1 995 mail.provider.example.
_submissions._tcp CNAME _submissions._tcp.provider.example.
_submission._tcp SRV 0 1 587 alias
_sieve._tcp CNAME sieve.plain.example.
mail A 127.0.0.1
mail AAAA ::1
_993._tcp.mail TLSA 3 1 1 00000000000000000000000000000000000000000000000000000000000000aa
alias CNAME mail.provider.example.
half CNAME mail.plain.example.
dangling CNAME nothing.provider.example.
loop CNAME pool
pool CNAME loop
only4 A 127.0.0.1
stale A 127.0.0.1
away A 127.0.0.1
_993._tcp.away CNAME _993._tcp.mail
_993._tcp.half TLSA 3 1 1 00000000000000000000000000000000000000000000000000000000000000dd
";
    let provider = "
_submissions._tcp SRV 0 1 465 mail
mail A 127.0.0.1
_587._tcp.mail TLSA 3 1 1 00000000000000000000000000000000000000000000000000000000000000bb
";
    vec![
        zone("signed.example", Delegation::Signed, same),
        zone(
            "plain.example",
            Delegation::Unsigned,
            &format!("{same}\nsieve SRV 0 1 4190 mail\n"),
        ),
        zone("wrongkey.example", Delegation::WrongKey, same),
        zone("nosig.example", Delegation::SignatureMissing, same),
        zone("provider.example", Delegation::Signed, provider),
        zone("lost.example", Delegation::Lost, ""),
        Zone {
            parent: "signed.example",
            ..zone(
                "_993._tcp.stale.signed.example",
                Delegation::WrongKey,
                "@ TLSA 3 1 1 00000000000000000000000000000000000000000000000000000000000000cc\n",
            )
        },
    ]
}

fn assert_log(log: &Log, rows: &[(&str, &str)]) {
    let expected: Log = rows
        .iter()
        .map(|(question, answer)| ((*question).to_owned(), (*answer).to_owned()))
        .collect();
    assert_eq!(*log, expected);
}

/// RFC 6186, RFC 2782, RFC 7673: the signed zone, whose aliases lead to another signed zone, and in
/// one case to an unsigned one.
#[test]
#[ignore = "needs Knot DNS; run by .ci/run"]
fn a_signed_zone() {
    let knot = Knot::start(&zones());
    let (discovery, log) = discover(&dns_of(&knot), "signed.example", ALL);
    assert_log(
        &log,
        &[
            (
                "_imaps._tcp.signed.example SRV",
                "secure: 0 1 993 mail.signed.example",
            ),
            ("_imap._tcp.signed.example SRV", "secure: 0 0 0 ."),
            (
                "_pop3s._tcp.signed.example SRV",
                "secure: 10 1 995 mail.provider.example, 20 1 995 mail.signed.example",
            ),
            ("_pop3._tcp.signed.example SRV", "secure: nothing"),
            (
                "_submissions._tcp.signed.example SRV",
                "secure: 0 1 465 mail.provider.example by way of _submissions._tcp.provider.example",
            ),
            (
                "_submission._tcp.signed.example SRV",
                "secure: 0 1 587 alias.signed.example",
            ),
            (
                "_sieve._tcp.signed.example SRV",
                "insecure: 0 1 4190 mail.plain.example by way of sieve.plain.example",
            ),
            ("mail.signed.example A", "secure: there are addresses"),
            ("mail.signed.example AAAA", "secure: there are addresses"),
            (
                "_993._tcp.mail.signed.example TLSA",
                "secure: 1 TLSA record",
            ),
            ("_995._tcp.mail.signed.example TLSA", "secure: nothing"),
            ("mail.provider.example A", "secure: there are addresses"),
            ("mail.provider.example AAAA", "secure: nothing"),
            ("_995._tcp.mail.provider.example TLSA", "secure: nothing"),
            ("_465._tcp.mail.provider.example TLSA", "secure: nothing"),
            (
                "alias.signed.example A",
                "secure: there are addresses by way of mail.provider.example",
            ),
            ("alias.signed.example AAAA", "secure: nothing"),
            (
                "_587._tcp.mail.provider.example TLSA",
                "secure: 1 TLSA record",
            ),
        ],
    );
    // The one whose alias leaves the signed zones is an attacker's to write.
    let Outcome::ConfirmTargets(questions) = discovery.outcome() else {
        panic!("{:?}", discovery.outcome());
    };
    let [question] = &questions[..] else {
        panic!("{questions:?}");
    };
    assert_eq!(question.target().to_string(), "mail.plain.example");

    let mut discovery = discovery;
    discovery.reject(question.target());
    let Outcome::Found(found) = discovery.outcome() else {
        panic!("{:?}", discovery.outcome());
    };
    let imap = found.configuration.servers(Service::Imap);
    assert_eq!(imap.len(), 1);
    assert_eq!(imap[0].provenance(), Provenance::SrvSecure);
    assert_eq!(found.configuration.servers(Service::Submission).len(), 2);
    assert_eq!(found.report.alternatives(), [Service::Pop3]);
    let lifetime = found.lifetime().unwrap();
    assert!(
        lifetime <= Duration::from_secs(300) && !lifetime.is_zero(),
        "{lifetime:?}"
    );
}

/// The same records without signatures: the same servers by the user's leave, and nothing of them
/// is looked up, for what DNS says of them is no better than their names.
#[test]
#[ignore = "needs Knot DNS; run by .ci/run"]
fn an_unsigned_zone() {
    let knot = Knot::start(&zones());
    let dns = dns_of(&knot);
    let (discovery, log) = discover(&dns, "plain.example", &[Service::Imap]);
    assert_log(
        &log,
        &[
            (
                "_imaps._tcp.plain.example SRV",
                "insecure: 0 1 993 mail.plain.example",
            ),
            ("_imap._tcp.plain.example SRV", "insecure: 0 0 0 ."),
        ],
    );
    let Outcome::Found(found) = discovery.outcome() else {
        panic!("{:?}", discovery.outcome());
    };
    let server = &found.configuration.servers(Service::Imap)[0];
    assert_eq!(server.provenance(), Provenance::SrvInsecure);

    // A signed alias that leads out of the signed zones, and back into one.
    let (_, log) = discover(&dns, "plain.example", &[Service::Submission]);
    assert_eq!(
        log["_submissions._tcp.plain.example SRV"],
        "insecure: 0 1 465 mail.provider.example by way of _submissions._tcp.provider.example"
    );
    // RFC 8314 §5.1: what was stored is compared with what is there now.
    let mut fresh = found.configuration.recheck(3);
    answer_all(&dns, &mut fresh);
    let changes = found.configuration.compare(&fresh).unwrap();
    assert!(
        !changes
            .iter()
            .any(|change| matches!(change, Change::UpgradeAvailable { .. })),
        "{changes:?}"
    );
}

/// RFC 7673 §3.1: bogus is neither "insecure" nor "none"; so is a server that has lost the zone.
#[test]
#[ignore = "needs Knot DNS; run by .ci/run"]
fn bogus_zones_and_a_lost_one() {
    let knot = Knot::start(&zones());
    let dns = dns_of(&knot);
    for (domain, answer) in [
        ("wrongkey.example", BOGUS),
        ("nosig.example", BOGUS),
        ("lost.example", SERVFAIL),
    ] {
        let (discovery, log) = discover(&dns, domain, ALL);
        assert_eq!(log.len(), 7, "{log:?}");
        assert!(log.values().all(|own| own == answer), "{log:?}");
        let Outcome::NotFound(report) = discovery.outcome() else {
            panic!("{domain}: {:?}", discovery.outcome());
        };
        let failed = |finding: &&Finding| matches!(finding, Finding::LookupFailed { .. });
        assert_eq!(report.findings().iter().filter(failed).count(), 7);
    }
}

/// RFC 4035 §5.3.1 with RFC 7673 §3.1 and §3.2: signatures that have expired are bogus. The other
/// zone differs from it in their date alone.
#[test]
#[ignore = "needs Knot DNS; run by .ci/run"]
fn signatures_that_have_expired() {
    let knot = Knot::start(&[
        zone(
            "expired.example",
            Delegation::SignedBefore(
                "DS 35666 13 2 e13c53615c167e297e10c658e304d97e203e3cc6afc300963ba2602a4d8b2de7",
            ),
            include_str!("zones/expired.example.zone"),
        ),
        zone(
            "lasting.example",
            Delegation::SignedBefore(
                "DS 56485 13 2 b28e1f5ac3e77545ce332ffffada5ecd0c686c4bb60473b364853d5008239073",
            ),
            include_str!("zones/lasting.example.zone"),
        ),
    ]);
    let dns = dns_of(&knot);
    let (lasting, log) = discover(&dns, "lasting.example", &[Service::Imap]);
    assert!(
        log.values().all(|answer| answer.starts_with("secure: ")),
        "{log:?}"
    );
    let Outcome::Found(found) = lasting.outcome() else {
        panic!("{lasting:?}");
    };
    let server = &found.configuration.servers(Service::Imap)[0];
    assert_eq!(server.provenance(), Provenance::SrvSecure);
    let (records, _) = look_up(&dns, "mail.lasting.example", 993);
    assert!(matches!(records, ServerRecords::Tlsa { .. }), "{records:?}");

    let (expired, log) = discover(&dns, "expired.example", &[Service::Imap]);
    assert!(log.values().all(|answer| answer == BOGUS), "{log:?}");
    assert!(matches!(expired.outcome(), Outcome::NotFound(_)));
    let (records, log) = look_up(&dns, "mail.expired.example", 993);
    let is_bogus = matches!(
        records,
        ServerRecords::DoNotConnect {
            failure: DnsFailure::Bogus,
            ..
        }
    );
    assert!(is_bogus, "{records:?}");
    assert!(log.keys().all(|question| !question.ends_with("TLSA")));
}

/// A domain that is not there is proven not to be; nobody's guess is connected to for that.
#[test]
#[ignore = "needs Knot DNS; run by .ci/run"]
fn no_such_domain() {
    let knot = Knot::start(&zones());
    let (discovery, log) = discover(&dns_of(&knot), "nowhere.example", ALL);
    assert!(
        log.values().all(|answer| answer == "secure: nothing"),
        "{log:?}"
    );
    assert!(matches!(discovery.outcome(), Outcome::NotFound(_)));
}

/// RFC 7671 §7, RFC 7673 §3.2 to §3.4, hop by hop, of hosts that are known otherwise.
#[test]
#[ignore = "needs Knot DNS; run by .ci/run"]
fn hosts() {
    let knot = Knot::start(&zones());
    let dns = dns_of(&knot);
    let rows = [
        ("mail.signed.example", 993, "TLSA at mail.signed.example"),
        ("mail.signed.example", 143, "no TLSA"),
        ("mail.plain.example", 993, "no TLSA"), // unsigned ones do not count
        ("mail.wrongkey.example", 993, "bogus"),
        ("mail.nosig.example", 993, "bogus"),
        ("mail.lost.example", 993, "failed"),
        // Through an alias, each link secure: where it leads to, then the name itself.
        ("alias.signed.example", 587, "TLSA at mail.provider.example"),
        ("alias.signed.example", 993, "no TLSA"),
        // Through an alias out of the signed zones: none is asked for.
        ("half.signed.example", 993, "no TLSA"),
        ("dangling.signed.example", 993, "no address"),
        ("loop.signed.example", 993, "no address"),
        ("only4.signed.example", 993, "no TLSA"),
        // The addresses are good, the TLSA records are not.
        ("stale.signed.example", 993, "bogus"),
        // The TLSA records themselves are behind an alias.
        ("away.signed.example", 993, "TLSA at away.signed.example"),
        ("nothing.signed.example", 993, "no address"),
    ];
    for (host, port, expected) in rows {
        let (records, log) = look_up(&dns, host, port);
        let result = match &records {
            ServerRecords::Tlsa { base, records, .. } => {
                assert_eq!(records[0][..3], [3, 1, 1]);
                assert_eq!(records[0].len(), 35);
                format!("TLSA at {base}")
            }
            ServerRecords::NoTlsa { .. } => "no TLSA".to_owned(),
            ServerRecords::NoAddress => "no address".to_owned(),
            ServerRecords::DoNotConnect { failure, .. } => match failure {
                DnsFailure::Bogus => "bogus".to_owned(),
                DnsFailure::ServerFailure => "failed".to_owned(),
                other => panic!("{host}: {other} {log:?}"),
            },
            other => panic!("{host}: {other:?}"),
        };
        assert_eq!(result, expected, "{host}:{port} {log:?}");
        let asks_for_tlsa = log.keys().any(|question| question.ends_with("TLSA"));
        let is_secure = host.ends_with(".signed.example") && result != "no address";
        assert_eq!(
            asks_for_tlsa,
            is_secure && !host.starts_with("half"),
            "{log:?}"
        );
    }
}

/// A server that is silent, one that is not there, and one that has no patience left: failures, each
/// with its name, and within the time that was given.
#[test]
#[ignore = "needs Knot DNS; run by .ci/run"]
fn servers_that_do_not_answer() {
    let knot = Knot::start(&zones());
    let silent_tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent_tcp.local_addr().unwrap();
    let _silent_udp = UdpSocket::bind(silent).unwrap();
    let absent = ([127, 0, 0, 1], free_port()).into();
    for (server, expected) in [
        (silent, DnsFailure::TimedOut),
        (absent, DnsFailure::TimedOut),
    ] {
        let dns = dns_at(&knot, server, Duration::from_millis(300));
        let started = Instant::now();
        let (discovery, log) = discover(&dns, "signed.example", ALL);
        assert!(
            started.elapsed() < Duration::from_secs(6),
            "{:?}",
            started.elapsed()
        );
        assert!(
            log.values().all(|answer| *answer == expected.to_string()),
            "{log:?}"
        );
        assert!(matches!(discovery.outcome(), Outcome::NotFound(_)));
    }
    // The limit for all, with a resolver that would be patient.
    let dns = dns_at(&knot, silent, Duration::from_secs(60));
    let mut discovery = Discovery::for_domain(name("a.example"), 0);
    let started = Instant::now();
    let limit = Duration::from_millis(200);
    runtime().block_on(dns.answer_all(&mut discovery, limit, |question, answer| {
        panic!("{question}: {answer}");
    }));
    assert!(started.elapsed() < Duration::from_secs(5));
    let Outcome::NotFound(report) = discovery.outcome() else {
        panic!("{:?}", discovery.outcome());
    };
    assert_eq!(report.findings().len(), 6);
}
