#![no_main]

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use mail_tls::discovery::{
    Answer, Attempt, CleartextProposal, Configuration, Decision, Discovery, DnsFailure, DnsStatus,
    MailServer, Outcome, Plan, Question, RecordType, SrvRecord, Step, Transport,
};
use mail_tls::{
    Account, Acknowledged, AttemptOutcome, Host, HostName, Provenance, Service, TlsMode,
};
use mail_tls_fuzz::{Bound, within};

const BOUND: Bound = Bound {
    peak: (256 << 10, 1 << 10),
    total: (8 << 20, 32 << 10),
};

const DOMAIN: &str = "example.org";
const NAMES: [&str; 8] = [
    ".",
    "mail.example.org",
    "imap.example.org",
    "mail.example.net",
    "example.org",
    "a.b.c.example.org",
    "_not.a.host",
    "xn--bcher-kva.example",
];

// Whatever DNS answers and in whichever order, and however the attempts come out: nothing outside
// the domain without the user's word, nothing below the minimum, nothing weaker after a rejection.
fuzz_target!(|data: &[u8]| {
    within(BOUND, data, |input: &[u8]| {
        let _ = run(&mut Unstructured::new(input));
    });
});

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let Some(configuration) = discover(input)? else {
        return Ok(());
    };
    for service in Service::ALL {
        carry_out(&configuration, service, input)?;
    }
    Ok(())
}

fn discover(input: &mut Unstructured<'_>) -> Result<Option<Configuration>> {
    let domain = HostName::parse(DOMAIN).unwrap();
    let flags: u8 = input.arbitrary()?;
    let mut discovery = Discovery::for_domain(domain.clone(), flags.into());
    if flags & 1 != 0 {
        discovery = discovery.in_parallel();
    }
    if flags & 2 != 0 {
        discovery = discovery.with_guesses();
    }
    if flags & 4 != 0 {
        discovery = discovery.with_services(&[Service::Imap, Service::Pop3]);
    }
    let mut confirmed: Vec<Host> = Vec::new();
    let mut waiting: Vec<Question> = Vec::new();
    let mut asked = 0;
    loop {
        while let Some(question) = discovery.next_question() {
            asked += 1;
            assert!(!waiting.contains(&question), "asked twice: {question}");
            waiting.push(question);
        }
        // 16 targets of each of eight answers, with three questions each, and aliases.
        assert!(asked < 2000);
        if waiting.is_empty() {
            match discovery.outcome() {
                Outcome::Pending => panic!("nothing to ask, and not done"),
                Outcome::ConfirmTargets(targets) => {
                    assert!(!targets.is_empty());
                    for target in targets {
                        if input.arbitrary()? {
                            confirmed.push(target.target().clone());
                            assert!(discovery.confirm(&Acknowledged::by_user(target)));
                        } else {
                            discovery.reject(target.target());
                        }
                    }
                }
                Outcome::Found(found) => {
                    check(&found.configuration, &confirmed, &domain);
                    let servers = servers(&found.configuration);
                    assert!(
                        servers
                            .iter()
                            .all(|s| s.transport() != Transport::Cleartext)
                    );
                    return Ok(Some(found.configuration));
                }
                Outcome::CleartextOnly(proposal) => {
                    let warned = Acknowledged::by_user(proposal.warning());
                    let configuration = CleartextProposal::accept(warned);
                    check(&configuration, &confirmed, &domain);
                    return Ok(Some(configuration));
                }
                Outcome::NotFound(report) => {
                    let _ = format!("{report:?}");
                    return Ok(None);
                }
                other => panic!("{other:?}"),
            }
            continue;
        }
        if input.is_empty() {
            discovery.expire();
            waiting.clear();
            continue;
        }
        let at = usize::from(input.arbitrary::<u8>()?) % waiting.len();
        let question = waiting.swap_remove(at);
        let answer = answer(&question, input)?;
        assert!(discovery.answer(&question, answer.clone()));
        assert!(!discovery.answer(&question, answer), "answered twice");
    }
}

fn servers(configuration: &Configuration) -> Vec<&MailServer> {
    let services = configuration.services().iter();
    services.flat_map(|service| service.servers()).collect()
}

/// RFC 8314 §5.1: a name outside the domain that an attacker may have written has the user's word.
fn check(configuration: &Configuration, confirmed: &[Host], domain: &HostName) {
    for server in servers(configuration) {
        match server.provenance() {
            Provenance::SrvSecure => {}
            Provenance::SrvInsecure => {
                assert!(server.host().name().unwrap().is_within(domain), "{server}");
            }
            Provenance::Confirmed => assert!(confirmed.contains(server.host()), "{server}"),
            Provenance::Guessed => {}
            other => panic!("{other:?}"),
        }
    }
}

fn answer(question: &Question, input: &mut Unstructured<'_>) -> Result<Answer> {
    let kind: u8 = input.arbitrary()?;
    let status = match kind >> 5 {
        0..=2 => DnsStatus::Secure,
        3..=5 => DnsStatus::Insecure,
        6 => DnsStatus::Indeterminate,
        _ => DnsStatus::Bogus,
    };
    let mut answer = match (kind & 7, question.record_type()) {
        (0, _) => Answer::nothing(status),
        (1, _) => Answer::failed(match input.arbitrary::<u8>()? % 5 {
            0 => DnsFailure::ServerFailure,
            1 => DnsFailure::TimedOut,
            2 => DnsFailure::Malformed,
            3 => DnsFailure::Bogus,
            _ => DnsFailure::Refused,
        }),
        (2, _) => Answer::addresses(status),
        (_, RecordType::Srv) => {
            let mut records = Vec::new();
            for _ in 0..input.arbitrary::<u8>()? % 20 {
                let name = NAMES[usize::from(input.arbitrary::<u8>()?) % NAMES.len()];
                let (priority, weight, port) = input.arbitrary::<(u8, u8, u16)>()?;
                records.push(SrvRecord::new(priority.into(), weight.into(), port, name));
            }
            Answer::srv(status, records)
        }
        (_, RecordType::Tlsa) => {
            let mut records = Vec::new();
            for _ in 0..input.arbitrary::<u8>()? % 4 {
                records.push(mail_tls_fuzz::read_bytes(input)?);
            }
            Answer::tlsa(status, records)
        }
        _ => Answer::addresses(status),
    };
    if kind & 8 != 0 {
        for _ in 0..input.arbitrary::<u8>()? % 20 {
            let is_secure: bool = input.arbitrary()?;
            let status = match is_secure {
                true => DnsStatus::Secure,
                false => DnsStatus::Insecure,
            };
            answer = answer.via_alias(HostName::parse("alias.example.org").unwrap(), status);
        }
    }
    if kind & 16 != 0 {
        answer = answer.with_lifetime(Duration::from_secs(input.arbitrary::<u32>()?.into()));
    }
    Ok(answer)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Cleartext,
    StartTls,
    Implicit,
}

fn strength(attempt: &Attempt) -> Strength {
    match attempt {
        Attempt::Tls(tls) if tls.endpoint().mode() == TlsMode::Implicit => Strength::Implicit,
        Attempt::Tls(_) => Strength::StartTls,
        _ => Strength::Cleartext,
    }
}

fn carry_out(
    configuration: &Configuration,
    service: Service,
    input: &mut Unstructured<'_>,
) -> Result<()> {
    let account = Account::configured();
    if input.arbitrary().unwrap_or(false) {
        let warning = account.reduced_confidentiality();
        assert!(account.lower_minimum(Acknowledged::by_user(warning)));
    }
    let mut plan = Plan::new(configuration, service, &account);
    let mut running: Vec<Attempt> = Vec::new();
    let mut floor = None;
    let (mut used, mut tried) = (0, 0);
    for _ in 0..200 {
        let act: u8 = input.arbitrary().unwrap_or(1);
        let step = match act % 4 {
            0 => plan.start_beside().map(Decision::Try),
            1 if running.is_empty() => Some(plan.start().decision),
            _ if running.is_empty() => continue,
            _ => {
                let which: u8 = input.arbitrary().unwrap_or(0);
                let attempt = running.swap_remove(usize::from(which) % running.len());
                let outcome: u8 = input.arbitrary().unwrap_or(0);
                let outcome = AttemptOutcome::ALL[usize::from(outcome) % 13];
                let Step {
                    decision, reason, ..
                } = plan.next(&attempt, outcome);
                let _ = reason.to_string();
                if matches!(
                    outcome,
                    AttemptOutcome::CertificateRejected | AttemptOutcome::PolicyUnmet
                ) {
                    floor = floor.max(Some(strength(&attempt).max(Strength::StartTls)));
                }
                if decision == Decision::Use {
                    used += 1;
                    assert_eq!(outcome, AttemptOutcome::Established);
                    assert!(Some(strength(&attempt)) >= floor);
                    let is_cleartext = strength(&attempt) == Strength::Cleartext;
                    assert!(!is_cleartext || !account.requires_confidentiality());
                }
                Some(decision)
            }
        };
        match step {
            Some(Decision::Try(attempt)) => {
                tried += 1;
                let own = strength(&attempt);
                assert!(Some(own) >= floor && used == 0, "{attempt}");
                if own == Strength::Cleartext {
                    assert!(!account.requires_confidentiality());
                }
                running.push(attempt);
            }
            Some(Decision::Stop | Decision::TryLater) if running.is_empty() => break,
            _ => {}
        }
    }
    assert!(used <= 1);
    assert!(tried <= 2 * configuration.servers(service).len());
    Ok(())
}
