//! From a mail address alone, by way of DNS, the plan, TLS and the server's identity, to a login at
//! a real Dovecot; and how an attacker's records lead nowhere.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use mail_tls::dane::DanePolicy;
use mail_tls::discovery::{
    Attempt, Configuration, Decision, Discovery, Lookup, MailServer, Outcome, Plan, Reason,
    Transport,
};
use mail_tls::verify::Authentication;
use mail_tls::{
    Acknowledged, AttemptOutcome, EmailAddress, EndOfInput, Host, Limits, Provenance, Service,
    TrustAnchors,
};
use mail_tls_discover::Dns;
use pki_types::UnixTime;
use sha2::{Digest, Sha256};

use crate::Tls;
use crate::certificates::{Certificates, Fault};
use crate::dovecot::Dovecot;
use crate::knot::{Delegation, Knot};
use crate::our_client::{Us, dial, log_in_and_out};
use crate::process::{LOOPBACK, free_port};
use crate::world::{answer_all, dns_of, name, runtime, zone};

/// What became of a plan.
#[derive(Debug)]
struct Journey {
    /// By which way the server was authenticated, and the name that did it.
    arrived: Option<(Authentication, Option<String>)>,
    reason: Reason,
    attempts: Vec<String>,
    dialled: Vec<SocketAddr>,
}

/// The address a user has typed.
fn discovery(domain: &str) -> Discovery {
    let address = EmailAddress::parse(&format!("test@{domain}")).unwrap();
    let discovery = Discovery::for_address(&address, 5).unwrap();
    discovery.with_services(&[Service::Imap]).in_parallel()
}

fn found(dns: &Dns, domain: &str) -> Configuration {
    let mut discovery = discovery(domain);
    let log = answer_all(dns, &mut discovery);
    match discovery.outcome() {
        Outcome::Found(found) => found.configuration,
        other => panic!("{other:?} {log:?}"),
    }
}

/// What a stored configuration leads to, as on each day after the setup.
fn travel(us: &Us, dns: &Dns, configuration: &Configuration) -> Journey {
    let mut plan = Plan::new(configuration, Service::Imap, &us.account);
    for server in configuration.servers(Service::Imap) {
        // What unprotected DNS has named has nothing that DNS could protect.
        if let (Some(host), true) = (server.host().name(), server.provenance().is_trustworthy()) {
            let mut lookup = Lookup::new(host.clone(), server.port());
            answer_all(dns, &mut lookup);
            plan.set_records(server.host(), server.port(), &lookup.result().unwrap());
        }
    }
    let mut journey = Journey {
        arrived: None,
        reason: Reason::NoServer,
        attempts: Vec::new(),
        dialled: Vec::new(),
    };
    let mut step = plan.start();
    while let Decision::Try(attempt) = &step.decision {
        journey.attempts.push(attempt.to_string());
        let outcome = make(us, dns, attempt, &mut journey);
        step = plan.next(&attempt.clone(), outcome);
    }
    assert_eq!(step.decision == Decision::Use, journey.arrived.is_some());
    journey.reason = step.reason;
    journey
}

/// One attempt, at every address of the server: they all come out alike.
fn make(us: &Us, dns: &Dns, attempt: &Attempt, journey: &mut Journey) -> AttemptOutcome {
    let Attempt::Tls(attempt) = attempt else {
        panic!("without TLS: {attempt}");
    };
    let endpoint = attempt.endpoint();
    let records = attempt.records();
    let lookup = records.and_then(|records| records.tlsa_lookup(endpoint, UnixTime::now()));
    let connector = match lookup {
        None => us.client.connector(&us.account, endpoint.clone()),
        Some(lookup) => {
            let dane = DanePolicy::default().decide(&lookup).unwrap();
            us.client
                .connector_with_dane(&us.account, endpoint.clone(), &dane)
        }
    };
    let connector = connector.unwrap();
    let host = endpoint.host().name().unwrap();
    let addresses = runtime().block_on(dns.addresses(host)).unwrap();
    assert!(
        LOOPBACK.iter().all(|own| addresses.contains(own)),
        "{addresses:?}"
    );
    let outcomes = addresses.into_iter().map(|address| {
        let address = SocketAddr::new(address, endpoint.port());
        journey.dialled.push(address);
        let mut ours = dial(&connector, address);
        match log_in_and_out(&mut ours) {
            Ok(end) => {
                assert_eq!(end, EndOfInput::Clean);
                let info = ours.session.info().unwrap();
                let verification = info.verification().unwrap();
                let reference = verification.reference().map(ToString::to_string);
                journey.arrived = Some((verification.authentication(), reference));
                AttemptOutcome::Established
            }
            Err(error) => AttemptOutcome::from(&error),
        }
    });
    let outcomes: Vec<_> = outcomes.collect();
    assert!(
        outcomes.iter().all(|outcome| *outcome == outcomes[0]),
        "{outcomes:?}"
    );
    outcomes[0]
}

fn zone_text(label: &str, port: u16, target: &str) -> String {
    format!(
        "_{label}._tcp SRV 0 1 {port} {target}\nmail A 127.0.0.1\nmail AAAA ::1\n\
         imap A 127.0.0.1\nimap AAAA ::1\n"
    )
}

/// RFC 6186 §4, RFC 7817 §3, RFC 7673 §4: the domain's name in the certificate, as a DNS-ID or an
/// SRV-ID; the server's own name where DNSSEC has vouched for it, and there alone.
#[test]
#[ignore = "needs Knot DNS and Dovecot; run by .ci/run"]
fn from_an_address_to_a_login() {
    use Delegation::{Signed, Unsigned};
    let rows: [(Delegation, &str, &str, Option<&str>); 8] = [
        (Unsigned, "imaps", "test.example", Some("test.example")),
        (Unsigned, "imap", "test.example", Some("test.example")),
        (
            Unsigned,
            "imaps",
            "_imaps.test.example",
            Some("_imaps.test.example"),
        ),
        (
            Unsigned,
            "imap",
            "_imap.test.example",
            Some("_imap.test.example"),
        ),
        // RFC 7817 §6: the label of the mode in use.
        (Unsigned, "imaps", "_imap.test.example", None),
        // RFC 7673 §4.1: not a name that an attacker may have written, though it lies in the domain.
        (Unsigned, "imaps", "mail.test.example", None),
        (
            Signed,
            "imaps",
            "mail.test.example",
            Some("mail.test.example"),
        ),
        (
            Signed,
            "imap",
            "mail.test.example",
            Some("mail.test.example"),
        ),
    ];
    for ((delegation, label, presented, expected), tls) in
        rows.into_iter().zip(Tls::BOTH.into_iter().cycle())
    {
        let certificates = Certificates::naming(&[presented]);
        let dovecot = Dovecot::start(&certificates, tls);
        let port = if label == "imaps" {
            dovecot.imaps
        } else {
            dovecot.imap
        };
        let zone = zone("test.example", delegation, &zone_text(label, port, "mail"));
        let knot = Knot::start(&[zone]);
        let dns = dns_of(&knot);
        let configuration = found(&dns, "test.example");
        let journey = travel(&Us::trusting(&certificates), &dns, &configuration);
        assert_eq!(journey.attempts.len(), 1, "{journey:?}");
        assert_eq!(journey.dialled.len(), 2, "{journey:?}");
        match expected {
            Some(name) => {
                let pkix = (Authentication::Pkix, Some(name.to_owned()));
                assert_eq!(
                    journey.arrived,
                    Some(pkix),
                    "{delegation:?} {label} {presented}"
                );
            }
            None => {
                assert_eq!(journey.arrived, None, "{delegation:?} {label} {presented}");
                assert_eq!(journey.reason, Reason::Rejected);
            }
        }
    }
}

/// RFC 7673 §4.2, RFC 7671 §5.1: the zone says which key, and no authority is trusted; another key
/// is refused, and what authorities say does not help it.
#[test]
#[ignore = "needs Knot DNS and Dovecot; run by .ci/run"]
fn by_the_key_that_the_signed_zone_publishes() {
    let certificates = Certificates::naming(&["other.example"]);
    let dovecot = Dovecot::start(&certificates, Tls::V13);
    let stranger = Certificates::bad(Fault::WrongName);
    let anchors = TrustAnchors::from_pem(&std::fs::read(&stranger.ca).unwrap()).unwrap();
    let us = Us::with_anchors(anchors, Limits::default());
    let rows = [
        (&certificates.chain_der[0], Some(Authentication::DaneEe)),
        (&stranger.chain_der[0], None),
    ];
    for (published, expected) in rows {
        let port = dovecot.imaps;
        let digest = Sha256::digest(published);
        let records = format!(
            "{}_{port}._tcp.mail TLSA 3 0 1 {digest:x}\n",
            zone_text("imaps", port, "mail")
        );
        let knot = Knot::start(&[zone("test.example", Delegation::Signed, &records)]);
        let dns = dns_of(&knot);
        let journey = travel(&us, &dns, &found(&dns, "test.example"));
        let arrived = journey.arrived.as_ref().map(|(by, _)| *by);
        assert_eq!(arrived, expected, "{journey:?}");
        if expected.is_none() {
            // Nor for those who trust the authority: it is not asked (RFC 6698 §4.1).
            let journey = travel(
                &Us::trusting(&certificates),
                &dns,
                &found(&dns, "test.example"),
            );
            assert_eq!((journey.arrived, journey.reason), (None, Reason::Rejected));
        }
    }
}

/// RFC 8314 §5.1, RFC 6186 §6: a record that an attacker has put into an unsigned zone.
#[test]
#[ignore = "needs Knot DNS and Dovecot; run by .ci/run"]
fn an_attackers_record_leads_nowhere() {
    let trap = Trap::new();
    let host = "mail.attacker.example";
    let zones = |port| {
        let lure = zone_text("imaps", port, "mail.attacker.example.");
        [
            zone("test.example", Delegation::Unsigned, &lure),
            zone(
                "attacker.example",
                Delegation::Signed,
                &zone_text("imaps", port, "mail"),
            ),
        ]
    };
    let knot = Knot::start(&zones(trap.port));
    let dns = dns_of(&knot);
    let mut asking = discovery("test.example");
    let log = answer_all(&dns, &mut asking);
    // Not even its address is looked up before the user has been asked.
    assert!(
        log.keys().all(|question| question.ends_with(" SRV")),
        "{log:?}"
    );
    let Outcome::ConfirmTargets(mut questions) = asking.outcome() else {
        panic!("{:?}", asking.outcome());
    };
    let question = questions.pop().unwrap();
    assert_eq!(question.target().to_string(), host);
    assert!(question.to_string().contains("test.example"));
    // A program that stores it nevertheless has no plan for it.
    let server = MailServer::new(
        Service::Imap,
        Transport::Implicit,
        question.target().clone(),
        trap.port,
        Provenance::SrvInsecure,
    );
    let stored = Configuration::of_servers(name("test.example"), vec![server]);
    let honest = Certificates::naming(&["test.example"]);
    let journey = travel(&Us::trusting(&honest), &dns, &stored);
    assert_eq!(
        (journey.attempts.len(), journey.reason),
        (0, Reason::NoServer)
    );
    // The user says no.
    let mut rejected = asking.clone();
    rejected.reject(question.target());
    assert!(matches!(rejected.outcome(), Outcome::NotFound(_)));
    assert!(!trap.was_sprung());

    // The user says yes, wrongly. A certificate for other names is refused all the same; one for the
    // name that was confirmed is what the user has asked for.
    for (presented, arrives) in [("innocent.example", false), (host, true)] {
        let certificates = Certificates::naming(&[presented]);
        let dovecot = Dovecot::start(&certificates, Tls::V13);
        let knot = Knot::start(&zones(dovecot.imaps));
        let dns = dns_of(&knot);
        let mut asking = discovery("test.example");
        answer_all(&dns, &mut asking);
        let Outcome::ConfirmTargets(mut questions) = asking.outcome() else {
            panic!("{:?}", asking.outcome());
        };
        assert!(asking.confirm(&Acknowledged::by_user(questions.pop().unwrap())));
        answer_all(&dns, &mut asking);
        let Outcome::Found(found) = asking.outcome() else {
            panic!("{:?}", asking.outcome());
        };
        let journey = travel(&Us::trusting(&certificates), &dns, &found.configuration);
        assert_eq!(journey.arrived.is_some(), arrives, "{journey:?}");
        if !arrives {
            assert_eq!(journey.reason, Reason::Rejected);
        }
    }
}

/// RFC 7673 §3.1 to §3.4: a zone whose signatures are wrong, and a good zone that points into it.
#[test]
#[ignore = "needs Knot DNS; run by .ci/run"]
fn a_bogus_zone_leads_nowhere() {
    let trap = Trap::new();
    let records = zone_text("imaps", trap.port, "mail");
    let into = zone_text("imaps", trap.port, "mail.bogus.example.");
    let knot = Knot::start(&[
        zone("bogus.example", Delegation::WrongKey, &records),
        zone("test.example", Delegation::Signed, &into),
    ]);
    let dns = dns_of(&knot);
    for domain in ["bogus.example", "test.example"] {
        let mut asking = discovery(domain).with_guesses();
        answer_all(&dns, &mut asking);
        let Outcome::NotFound(report) = asking.outcome() else {
            panic!("{:?}", asking.outcome());
        };
        assert!(
            report
                .findings()
                .iter()
                .any(|f| f.to_string().contains("may be forged"))
        );
    }
    // Nor if the user has typed the name of the server.
    let server = MailServer::new(
        Service::Imap,
        Transport::Implicit,
        Host::parse("mail.bogus.example").unwrap(),
        trap.port,
        Provenance::Typed,
    );
    let typed = Configuration::of_servers(name("bogus.example"), vec![server]);
    let us = Us::trusting(&Certificates::naming(&["mail.bogus.example"]));
    let journey = travel(&us, &dns, &typed);
    assert_eq!(
        (journey.attempts.len(), journey.reason),
        (0, Reason::NoServer)
    );
    assert!(!trap.was_sprung());
}

/// A port on which nobody should knock.
struct Trap {
    port: u16,
    listeners: Vec<TcpListener>,
}

impl Trap {
    fn new() -> Self {
        let port = free_port();
        let listeners = LOOPBACK.into_iter().map(|address| {
            let listener = TcpListener::bind((address, port)).unwrap();
            listener.set_nonblocking(true).unwrap();
            listener
        });
        let listeners = listeners.collect();
        Self { port, listeners }
    }

    fn was_sprung(&self) -> bool {
        self.listeners
            .iter()
            .any(|listener| match listener.accept() {
                Ok(_) => true,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    false
                }
            })
    }
}

#[test]
#[ignore = "run by .ci/run"]
fn a_trap_tells_of_a_knock() {
    let trap = Trap::new();
    assert!(!trap.was_sprung());
    for address in LOOPBACK {
        let _knock = std::net::TcpStream::connect((address, trap.port)).unwrap();
        assert!(trap.was_sprung());
    }
}
