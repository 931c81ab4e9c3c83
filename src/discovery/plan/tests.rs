//! The plan's rules, over every outcome and over random sequences of them.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else comes fails the test"
)]

use proptest::prelude::*;

use super::*;
use crate::discovery::candidates::{Candidate, Class};
use crate::discovery::{Question, dns::DnsFailure};
use crate::policy::{Acknowledged, MinimumConfidentiality, documented};
use AttemptOutcome as O;

fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

fn server(transport: Transport, host: &str, provenance: Provenance) -> MailServer {
    let port = match transport {
        Transport::Implicit => 993,
        Transport::StartTls | Transport::Cleartext => 143,
    };
    MailServer::new(
        Service::Imap,
        transport,
        Host::parse(host).unwrap(),
        port,
        provenance,
    )
}

fn configuration(transports: &[Transport]) -> Configuration {
    let servers = transports
        .iter()
        .zip(0..)
        .map(|(transport, n)| server(*transport, &format!("h{n}.example.org"), Provenance::Typed));
    Configuration::of_servers(name("example.org"), servers.collect())
}

fn lowered() -> Account {
    let account = Account::configured();
    let warning = account.reduced_confidentiality();
    assert!(account.lower_minimum(Acknowledged::by_user(warning)));
    account
}

fn strength(attempt: &Attempt) -> Strength {
    match attempt {
        Attempt::Tls(tls) => match Transport::from(tls.endpoint().mode()) {
            Transport::Implicit => Strength::Implicit,
            Transport::StartTls => Strength::StartTls,
            Transport::Cleartext => panic!("a session without TLS"),
        },
        Attempt::Cleartext(_) => Strength::Cleartext,
    }
}

/// A verdict on the peer. Said here once more, so that the rules are not held against themselves.
fn is_verdict(outcome: O) -> bool {
    [O::CertificateRejected, O::PolicyUnmet].contains(&outcome)
}

/// What an attacker without the key can bring about.
fn is_forgeable(outcome: O) -> bool {
    [
        O::Refused,
        O::TimedOut,
        O::Ended,
        O::PlaintextPeer,
        O::TlsPeer,
        O::TemporaryFailure,
        O::NoStartTls,
        O::Tampered,
        O::HandshakeAlert,
        O::HandshakeFailed,
    ]
    .contains(&outcome)
}

/// Each outcome is one thing or the other, so that none is left out of the properties below.
#[test]
fn every_outcome_is_classed() {
    for outcome in O::ALL {
        let is_final = [O::Established, O::LocalFault].contains(&outcome);
        let classes = [is_verdict(outcome), is_forgeable(outcome), is_final];
        assert_eq!(classes.iter().filter(|is| **is).count(), 1, "{outcome:?}");
    }
}

type History = Vec<(Attempt, O)>;

/// Every sequence of outcomes to its end; what was attempted, how it came out, the last step.
fn explore(
    plan: &Plan,
    step: &Step,
    history: &mut History,
    check: &mut dyn FnMut(&History, &Step),
) {
    let Decision::Try(attempt) = &step.decision else {
        check(history, step);
        return;
    };
    for outcome in O::ALL {
        let mut plan = plan.clone();
        history.push((attempt.clone(), outcome));
        let next = plan.next(attempt, outcome);
        explore(&plan, &next, history, check);
        history.pop();
    }
}

fn explore_all(
    transports: &[Transport],
    account: &Account,
    check: &mut dyn FnMut(&History, &Step),
) {
    let mut plan = Plan::new(&configuration(transports), Service::Imap, account);
    let first = plan.start();
    explore(&plan, &first, &mut Vec::new(), check);
}

/// What holds of every path, sequential or not.
fn hold(history: &History, requires: bool) {
    for (at, (attempt, _)) in history.iter().enumerate() {
        let before = &history[..at];
        let own = strength(attempt);
        assert!(!requires || own > Strength::Cleartext, "{history:?}");
        for (earlier, outcome) in before {
            if is_verdict(*outcome) {
                assert!(
                    own >= strength(earlier) && own > Strength::Cleartext,
                    "{history:?}"
                );
            }
            if *outcome == O::Tampered {
                assert!(own > Strength::Cleartext, "{history:?}");
            }
            assert!(
                *outcome != O::Established && *outcome != O::LocalFault,
                "{history:?}"
            );
            // Cleartext last, stronger first.
            assert!(own <= strength(earlier), "{history:?}");
        }
    }
}

/// RFC 8314 §5.1, §5.2: every outcome at every place, with a minimum.
#[test]
fn with_a_minimum() {
    use Transport::{Cleartext, Implicit, StartTls};
    let account = Account::configured();
    let transports = [StartTls, Implicit, Cleartext, StartTls, Implicit];
    let mut paths = 0;
    explore_all(&transports, &account, &mut |history, last| {
        paths += 1;
        hold(history, true);
        let outcomes: Vec<O> = history.iter().map(|(_, outcome)| *outcome).collect();
        match &last.decision {
            Decision::Use => assert_eq!(outcomes.last(), Some(&O::Established)),
            Decision::Stop | Decision::TryLater => {
                // What can be forged leaves nothing out: whatever it was, the same attempts are
                // made in the same order.
                if outcomes.iter().all(|outcome| is_forgeable(*outcome)) {
                    let hosts: Vec<String> = history.iter().map(|(a, _)| a.to_string()).collect();
                    let expected = [
                        "IMAP at h1.example.org:993 with implicit TLS",
                        "IMAP at h4.example.org:993 with implicit TLS",
                        "IMAP at h0.example.org:143 with STARTTLS",
                        "IMAP at h3.example.org:143 with STARTTLS",
                    ];
                    assert_eq!(hosts, expected);
                }
            }
            other => panic!("{other:?}"),
        }
        assert!(!last.reason.to_string().is_empty());
    });
    assert!(paths > 10_000, "{paths}");
}

/// RFC 8314 §5.2: without a minimum everything with TLS is tried before, in full.
#[test]
fn without_a_minimum() {
    use Transport::{Cleartext, Implicit, StartTls};
    let account = lowered();
    let mut cleartexts = 0;
    explore_all(
        &[StartTls, Cleartext, Implicit],
        &account,
        &mut |history, last| {
            hold(history, false);
            let first = history
                .iter()
                .position(|(a, _)| strength(a) == Strength::Cleartext);
            if let Some(first) = first {
                cleartexts += 1;
                assert_eq!(first, 2, "{history:?}"); // both ways with TLS were tried
                let before = &history[..first];
                let lets_pass = |outcome| is_forgeable(outcome) && outcome != O::Tampered;
                assert!(
                    before.iter().all(|(_, outcome)| lets_pass(*outcome)),
                    "{history:?}"
                );
                let temporary = before.iter().any(|(attempt, outcome)| {
                    *outcome == O::TemporaryFailure && strength(attempt) == Strength::StartTls
                });
                // h1 has nothing but cleartext; h0 asked for patience.
                let at_h0 = history.iter().any(|(attempt, _)| {
                    attempt.to_string() == "IMAP at h0.example.org:143 without encryption"
                });
                assert!(!(temporary && at_h0), "{history:?}");
            }
            assert!(!matches!(last.decision, Decision::Try(_) | Decision::Wait));
        },
    );
    assert!(cleartexts > 100);
}

/// RFC 9051 §7.1.4, RFC 3207 §6: what wants to be spoken to in cleartext is not, though the user
/// allows it; a server that has no STARTTLS is.
#[test]
fn tampering_is_not_answered_in_cleartext() {
    use crate::error::{Error, ProtocolError, StartTlsFailure};
    let injection = ProtocolError::ResponseInjection {
        bytes: 9,
        excerpt: crate::text::UntrustedText::new(b"250-EVIL", 9),
    };
    let rows: [(Error, Decision, Reason); 2] = [
        (injection.into(), Decision::Stop, Reason::Tampered),
        (
            ProtocolError::from(StartTlsFailure::AlreadyAuthenticated).into(),
            Decision::Stop,
            Reason::Tampered,
        ),
    ];
    let configuration = configuration(&[Transport::StartTls]);
    let first = |account: &Account| {
        let mut plan = Plan::new(&configuration, Service::Imap, account);
        match plan.start().decision {
            Decision::Try(attempt) => (plan, attempt),
            other => panic!("{other:?}"),
        }
    };
    for (error, decision, reason) in rows {
        let outcome = O::from(&error);
        assert_eq!(outcome, O::Tampered);
        for account in [lowered(), Account::configured()] {
            let (mut plan, attempt) = first(&account);
            let step = plan.next(&attempt, outcome);
            assert_eq!((step.decision, step.reason), (decision.clone(), reason));
        }
    }
    let (mut plan, attempt) = first(&lowered());
    let step = plan.next(&attempt, O::NoStartTls);
    assert_eq!(step.reason, Reason::CleartextAsLowered);
}

/// RFC 7673 §3.4, §4.
#[test]
fn dns_rules_servers_out() {
    use Transport::{Implicit, StartTls};
    let account = lowered();
    let configuration = configuration(&[Implicit, StartTls]);
    let mut plan = Plan::new(&configuration, Service::Imap, &account);
    let failure = ServerRecords::DoNotConnect {
        question: Question::tlsa(&name("h0.example.org"), 993).unwrap(),
        failure: DnsFailure::Bogus,
    };
    plan.set_records(&Host::parse("h0.example.org").unwrap(), 993, &failure);
    let tlsa = ServerRecords::Tlsa {
        base: name("h1.example.org"),
        records: vec![vec![255].into()],
        lifetime: None,
    };
    plan.set_records(&Host::parse("h1.example.org").unwrap(), 143, &tlsa);
    let Decision::Try(attempt) = plan.start().decision else {
        panic!("{plan:?}");
    };
    match &attempt {
        Attempt::Tls(attempt) => {
            assert_eq!(attempt.endpoint().port(), 143);
            assert_eq!(attempt.records(), Some(&tlsa));
            assert_eq!(attempt.endpoint().service_domain(), None); // typed
        }
        other => panic!("{other:?}"),
    }
    let step = plan.next(&attempt, O::NoStartTls);
    assert_eq!(
        (step.decision, step.reason),
        (Decision::Stop, Reason::NoTls)
    );
}

/// RFC 8314 §5.1: a stored configuration does not make a name trustworthy.
#[test]
fn what_was_not_confirmed_is_not_connected_to() {
    use Provenance as P;
    let rows = [
        (P::SrvInsecure, "mx.provider.net", false),
        (P::SrvInsecure, "imap.example.org", true),
        (P::AutoconfigUnauthenticated, "192.0.2.1", false),
        (P::Guessed, "imap.example.org", false),
        (P::Confirmed, "mx.provider.net", true),
        (P::SrvSecure, "mx.provider.net", true),
    ];
    for (provenance, host, may) in rows {
        let servers = vec![server(Transport::Implicit, host, provenance)];
        let configuration = Configuration::of_servers(name("example.org"), servers);
        let mut plan = Plan::new(&configuration, Service::Imap, &lowered());
        let step = plan.start();
        assert_eq!(
            matches!(step.decision, Decision::Try(_)),
            may,
            "{provenance} {host}"
        );
        assert!(may || step.reason == Reason::NoServer);
    }
}

/// RFC 8314 §3, §3.3, RFC 9325 §3.2: a bare host is tried with implicit TLS first; ManageSieve has
/// STARTTLS alone, and no cleartext.
#[test]
fn a_typed_host() {
    let rows = [
        (Service::Imap, &[993, 143][..]),
        (Service::Pop3, &[995, 110]),
        (Service::Submission, &[465, 587]),
        (Service::ManageSieve, &[4190]),
    ];
    for (service, ports) in rows {
        let servers = MailServer::at_typed_host(service, &Host::parse("mail.example.org").unwrap());
        let configuration = Configuration::of_servers(name("example.org"), servers);
        let mut plan = Plan::new(&configuration, service, &Account::configured());
        let mut tried = Vec::new();
        let mut step = plan.start();
        while let Decision::Try(Attempt::Tls(attempt)) = &step.decision {
            tried.push(attempt.endpoint().port());
            let attempt = Attempt::Tls(attempt.clone());
            step = plan.next(&attempt, O::NoStartTls);
        }
        assert_eq!(tried, ports, "{service}");
        assert_eq!(step.decision, Decision::Stop);
    }
}

/// RFC 9051 §11.2 with RFC 8314 §5.1: racing does not downgrade.
#[test]
fn side_by_side() {
    use Transport::{Implicit, StartTls};
    let configuration = configuration(&[Implicit, StartTls]);
    let mut plan = Plan::new(&configuration, Service::Imap, &lowered());
    let Decision::Try(implicit) = plan.start().decision else {
        panic!("{plan:?}");
    };
    let starttls = plan.start_beside().unwrap();
    assert_eq!(plan.start_beside(), None); // cleartext never beside
    assert!(plan.is_of_use(&implicit) && plan.is_of_use(&starttls));

    let mut race = plan.clone();
    let step = race.next(&implicit, O::CertificateRejected);
    assert_eq!(
        (step.decision, step.reason),
        (Decision::Wait, Reason::OthersRun)
    );
    assert!(!race.is_of_use(&starttls));
    let step = race.next(&starttls, O::Established);
    assert_eq!(
        (step.decision, step.reason),
        (Decision::Close, Reason::StrongerWayRejected)
    );
    let step = race.start();
    assert_eq!(
        (step.decision, step.reason),
        (Decision::Stop, Reason::Rejected)
    );

    let mut race = plan.clone();
    assert_eq!(race.next(&implicit, O::TimedOut).decision, Decision::Wait);
    assert_eq!(race.next(&starttls, O::Established).decision, Decision::Use);

    // The other one wins; the loser is closed, and a report twice changes nothing.
    assert_eq!(plan.next(&implicit, O::Established).decision, Decision::Use);
    for _ in 0..2 {
        let step = plan.next(&starttls, O::Established);
        assert_eq!(
            (step.decision, step.reason),
            (Decision::Close, Reason::Over)
        );
    }
    assert_eq!(plan.start().reason, Reason::Over);
}

/// What became of another plan's attempt is no news for this one: not the connection without TLS of
/// an account that allows it, and not one to another server.
#[test]
fn an_attempt_of_another_plan() {
    use Transport::{Cleartext, Implicit, StartTls};
    let begun = |transports: &[Transport], service, account: &Account| {
        let mut plan = Plan::new(&configuration(transports), service, account);
        let Decision::Try(attempt) = plan.start().decision else {
            panic!("{plan:?}");
        };
        (plan, attempt)
    };
    let imap = Service::Imap;
    let (_, cleartext) = begun(&[Cleartext], imap, &lowered());
    let (_, starttls) = begun(&[StartTls], imap, &lowered());
    let (_, implicit) = begun(&[Implicit], imap, &lowered());
    let elsewhere = Configuration::of_servers(
        name("example.org"),
        vec![server(Implicit, "elsewhere.example.org", Provenance::Typed)],
    );
    let mut other = Plan::new(&elsewhere, imap, &lowered());
    let Decision::Try(elsewhere) = other.start().decision else {
        panic!("{other:?}");
    };
    for (transport, foreign) in [
        (Implicit, &cleartext),
        (Implicit, &starttls),
        (Implicit, &elsewhere),
        (StartTls, &cleartext),
        (StartTls, &implicit),
        (Cleartext, &starttls),
    ] {
        let (mut plan, own) = begun(&[transport], imap, &lowered());
        for outcome in O::ALL {
            assert!(!plan.is_of_use(foreign));
            let step = plan.next(foreign, outcome);
            assert_eq!(
                (step.decision, step.reason),
                (Decision::Close, Reason::Over),
                "{foreign} reported to the plan of {own}"
            );
        }
        assert_eq!(plan.next(&own, O::Established).decision, Decision::Use);
    }
}

/// An account that comes to require confidentiality while cleartext is being tried.
#[test]
fn a_minimum_that_is_raised_meanwhile() {
    let account = lowered();
    let configuration = configuration(&[Transport::Cleartext]);
    let mut plan = Plan::new(&configuration, Service::Imap, &account);
    let Decision::Try(attempt) = plan.start().decision else {
        panic!("{plan:?}");
    };
    assert_eq!(strength(&attempt), Strength::Cleartext);
    account.raise_minimum(MinimumConfidentiality::default());
    assert!(!plan.is_of_use(&attempt));
    let step = plan.next(&attempt, O::Established);
    assert_eq!(
        (step.decision, step.reason),
        (Decision::Close, Reason::MinimumRaised)
    );
}

#[derive(Debug, Clone)]
enum Act {
    Start,
    Beside,
    Report(prop::sample::Index, O),
    Raise,
    Bar(usize),
}

fn any_act() -> impl Strategy<Value = Act> {
    let outcome = prop::sample::select(&O::ALL[..]);
    prop_oneof![
        2 => Just(Act::Start),
        3 => Just(Act::Beside),
        6 => (any::<prop::sample::Index>(), outcome).prop_map(|(at, o)| Act::Report(at, o)),
        1 => Just(Act::Raise),
        1 => (0..6_usize).prop_map(Act::Bar),
    ]
}

proptest! {
    /// Any sequence of calls, side by side as well.
    #[test]
    fn no_sequence_weakens(
        transports in prop::collection::vec(
            prop::sample::select(vec![Transport::Implicit, Transport::StartTls, Transport::Cleartext]),
            0..6,
        ),
        is_lowered: bool,
        acts in prop::collection::vec(any_act(), 0..40),
    ) {
        let account = if is_lowered { lowered() } else { Account::configured() };
        let mut plan = Plan::new(&configuration(&transports), Service::Imap, &account);
        let mut running: Vec<Attempt> = Vec::new();
        let mut rejected: Option<Strength> = None;
        let mut used = 0;
        for act in acts {
            let step = match act {
                Act::Start => Some(plan.start()),
                Act::Beside => plan.start_beside().map(|a| step(Decision::Try(a), Reason::Preferred)),
                Act::Raise => {
                    account.raise_minimum(MinimumConfidentiality::default());
                    None
                }
                Act::Bar(n) => {
                    let host = name(&format!("h{n}.example.org"));
                    let question = Question::tlsa(&host, 143).unwrap();
                    let failure = DnsFailure::Bogus;
                    let records = ServerRecords::DoNotConnect { question, failure };
                    plan.set_records(&Host::Name(host.clone()), 143, &records);
                    let barred = format!("{host}:143");
                    running.retain(|attempt| !attempt.to_string().contains(&barred));
                    None
                }
                Act::Report(at, outcome) => {
                    if running.is_empty() {
                        continue;
                    }
                    let attempt = running.remove(at.index(running.len()));
                    let step = plan.next(&attempt, outcome);
                    if is_verdict(outcome) {
                        rejected = rejected.max(Some(strength(&attempt).max(Strength::StartTls)));
                    }
                    if outcome == O::Tampered {
                        rejected = rejected.max(Some(Strength::StartTls));
                    }
                    if step.decision == Decision::Use {
                        used += 1;
                        prop_assert_eq!(outcome, O::Established);
                        prop_assert!(Some(strength(&attempt)) >= rejected);
                        let is_cleartext = strength(&attempt) == Strength::Cleartext;
                        prop_assert!(!is_cleartext || !account.requires_confidentiality());
                    }
                    Some(step)
                }
            };
            if let Some(Step { decision: Decision::Try(attempt), .. }) = step {
                let own = strength(&attempt);
                prop_assert!(Some(own) >= rejected);
                if own == Strength::Cleartext {
                    prop_assert!(!account.requires_confidentiality());
                    prop_assert!(running.iter().all(|a| strength(a) == Strength::Cleartext), "{:?}", running);
                }
                prop_assert_eq!(used, 0);
                running.push(attempt);
            }
        }
        prop_assert!(used <= 1);
    }
}

/// The table in `docs/policy.md`, from the code.
#[test]
fn the_documented_table() {
    use Transport::{Implicit, StartTls};
    let cell = |transports: &[Transport], account: &Account, outcome| {
        let mut plan = Plan::new(&configuration(transports), Service::Imap, account);
        let Decision::Try(attempt) = plan.start().decision else {
            panic!("{plan:?}");
        };
        match plan.next(&attempt, outcome).decision {
            Decision::Use => "use it",
            Decision::Stop => "stop",
            Decision::TryLater => "try later",
            Decision::Try(next) => match strength(&next) {
                Strength::Implicit => "implicit TLS elsewhere",
                Strength::StartTls => "STARTTLS",
                Strength::Cleartext => "cleartext",
            },
            other => panic!("{other:?}"),
        }
    };
    let (required, lowered) = (Account::configured(), lowered());
    let rows = O::ALL.map(|outcome| {
        let cells = [
            cell(&[Implicit, Implicit, StartTls], &required, outcome),
            cell(&[Implicit, StartTls], &required, outcome),
            cell(&[StartTls], &required, outcome),
            cell(&[StartTls], &lowered, outcome),
        ];
        let cells = cells.map(str::to_owned);
        [outcome.to_string()].into_iter().chain(cells).collect()
    });
    documented::assert_rows(documented::OUTCOMES, &rows);
}

/// The other table there about servers: what discovery, the plan and the references make of a
/// source is one and the same.
#[test]
fn the_documented_sources() {
    use Provenance as P;
    let sources = [
        P::Typed,
        P::Administrator,
        P::Confirmed,
        P::SrvSecure,
        P::ProviderDatabase,
        P::AutoconfigAuthenticated,
        P::SrvInsecure,
        P::AutoconfigUnauthenticated,
        P::Guessed,
    ];
    let domain = name("example.org");
    let rows: Vec<Vec<String>> = sources
        .into_iter()
        .map(|source| {
            let at = |host| server(Transport::Implicit, host, source);
            let (inside, outside) = (at("imap.example.org"), at("mx.provider.net"));
            let connect = |server: &MailServer| {
                let asks = Candidate::from_other(server.clone()).is_to_confirm(&domain);
                assert_eq!(may_connect(server, &domain), !asks, "{server}");
                if asks { "ask first" } else { "connect" }
            };
            let counts = Candidate::from_other(inside.clone()).to_look_up().is_some();
            // A guess, once confirmed, has another source.
            let names = if source == P::Guessed {
                "(ask first)"
            } else {
                let endpoint = verified_by(inside.endpoint().unwrap(), &domain);
                match (source.is_trustworthy(), endpoint.service_domain().is_some()) {
                    (true, true) => "the host or the domain",
                    (true, false) => "the host",
                    (false, true) => "the domain",
                    (false, false) => "nothing",
                }
            };
            let class = Candidate::from_other(inside.clone()).class();
            vec![
                source.to_string(),
                (u8::from(class > Class::Explicit)
                    + u8::from(class > Class::Trustworthy)
                    + u8::from(class > Class::Untrustworthy)
                    + 1)
                .to_string(),
                connect(&inside).to_owned(),
                connect(&outside).to_owned(),
                if counts { "yes" } else { "no" }.to_owned(),
                names.to_owned(),
            ]
        })
        .collect();
    documented::assert_rows(documented::SOURCES, &rows);
}

/// `docs/diagrams/plan.svg`: attempts one after the other, from what the plan answers. What goes on
/// in the same way is one state. Left out is what ends every plan: success, and a local fault.
#[test]
fn the_diagram() {
    const TRANSPORTS: [Transport; 4] = [
        Transport::Implicit,
        Transport::Implicit,
        Transport::StartTls,
        Transport::Cleartext,
    ];
    let mut plan = Plan::new(&configuration(&TRANSPORTS), Service::Imap, &lowered());
    let first = plan.start();
    let mut states: Vec<DrawnState> = Vec::new();
    let first = state_of(&plan, &first, &mut states);
    let mut diagram = crate::testing::Diagram::default();
    let names: Vec<String> = (0..states.len())
        .map(|at| {
            let name = &states[at].0;
            let twins = states[at + 1..].iter().filter(|(other, _)| other == name);
            format!("{name}{}", "\u{2032}".repeat(twins.count()))
        })
        .collect();
    diagram.edge("start", "the account does without a minimum", &names[first]);
    for (at, (_, next)) in states.iter().enumerate().rev() {
        for (outcome, to) in next {
            diagram.edge(&names[at], &outcome.to_string(), &names[*to]);
        }
    }
    diagram.check("plan");
}

/// What is done, and where each outcome leads.
type DrawnState = (String, Vec<(O, usize)>);

fn state_of(plan: &Plan, step: &Step, states: &mut Vec<DrawnState>) -> usize {
    let state = match &step.decision {
        Decision::Try(attempt) => {
            let drawn = |outcome: &O| !matches!(outcome, O::Established | O::LocalFault);
            let next: Vec<_> = O::ALL
                .into_iter()
                .filter(drawn)
                .map(|outcome| {
                    let mut plan = plan.clone();
                    let step = plan.next(attempt, outcome);
                    (outcome, state_of(&plan, &step, states))
                })
                .collect();
            let name = match attempt {
                Attempt::Tls(tls) => {
                    let endpoint = tls.endpoint();
                    format!("{}, {}", endpoint.host(), endpoint.mode())
                }
                Attempt::Cleartext(_) => "without TLS".to_owned(),
            };
            (name, next)
        }
        // Whether it is worth while to try again later says which of them it was.
        _ if matches!(step.reason, Reason::Unreachable | Reason::NoTls) => {
            ("nothing is left to try".to_owned(), Vec::new())
        }
        ended => (format!("{ended:?}: {}", step.reason), Vec::new()),
    };
    let known = states.iter().position(|known| *known == state);
    known.unwrap_or_else(|| {
        states.push(state);
        states.len() - 1
    })
}
