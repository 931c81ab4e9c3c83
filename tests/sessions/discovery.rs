//! From an email address to an established session, and from an attacker's records to nothing.

use mail_tls::discovery::{
    Answer, Attempt, Configuration, Decision, Discovery, DnsStatus, MailServer, Outcome, Plan,
    Reason, SrvRecord, Transport,
};
use mail_tls::{
    Acknowledged, AttemptOutcome, Certificates, EmailAddress, Error, Host, HostName, Operation,
    Provenance, Service, TlsMode,
};

use crate::support::{Pair, Told, World};

const PROVIDER: &str = "imap.provider.net";

/// What DNS says of `example.org`: one IMAP server, with implicit TLS and with STARTTLS.
fn discover(status: DnsStatus, target: &str) -> Discovery {
    let address = EmailAddress::parse("ann@example.org").unwrap();
    let mut discovery = Discovery::for_address(&address, 7).unwrap();
    while let Some(question) = discovery.next_question() {
        let answer = match question.name() {
            "_imaps._tcp.example.org" => Answer::srv(status, [SrvRecord::new(0, 1, 993, target)]),
            "_imap._tcp.example.org" => Answer::srv(status, [SrvRecord::new(0, 1, 143, target)]),
            name if name == target => Answer::addresses(DnsStatus::Insecure),
            _ => Answer::nothing(DnsStatus::Insecure),
        };
        assert!(discovery.answer(&question, answer));
    }
    discovery
}

/// Makes an attempt at a server with this certificate, as far as TLS goes.
fn make(world: &World, attempt: &Attempt, name: &str) -> (AttemptOutcome, Pair) {
    let Attempt::Tls(attempt) = attempt else {
        panic!("{attempt:?}");
    };
    let endpoint = attempt.endpoint().clone();
    assert_eq!(endpoint.mode(), TlsMode::Implicit);
    let connector = world.client().connector(&world.account, endpoint).unwrap();
    let certificates = Certificates::new(world.authority.issue(&[name]));
    let acceptor = world
        .server()
        .acceptor(Service::Imap, TlsMode::Implicit, certificates)
        .build()
        .unwrap();
    let mut pair = Pair::new(&connector, &acceptor);
    pair.run();
    let outcome = match &pair.client_trace()[..] {
        [Told::Established] => AttemptOutcome::Established,
        [Told::Failed(error)] => AttemptOutcome::from(error),
        other => panic!("{other:?}"),
    };
    (outcome, pair)
}

fn first(plan: &mut Plan) -> Attempt {
    match plan.start().decision {
        Decision::Try(attempt) => attempt,
        other => panic!("{other:?}"),
    }
}

/// The address alone leads to a session on which a password may be sent.
#[test]
fn from_an_address_to_a_session() {
    let world = World::new();
    let Outcome::Found(found) = discover(DnsStatus::Secure, PROVIDER).outcome() else {
        panic!("nothing was found");
    };
    let mut plan = Plan::new(&found.configuration, Service::Imap, &world.account);
    let attempt = first(&mut plan);
    let (outcome, pair) = make(&world, &attempt, PROVIDER);
    assert_eq!(plan.next(&attempt, outcome).decision, Decision::Use);
    assert!(pair.client.permit(Operation::Authentication).is_ok());
    assert!(pair.client.indicator().is_confidential());
}

/// RFC 6186 §6: a confirmation does not replace the certificate; its failure is not answered by a
/// weaker way.
#[test]
fn a_confirmed_server_still_needs_its_certificate() {
    let world = World::new();
    let mut discovery = discover(DnsStatus::Insecure, PROVIDER);
    let Outcome::ConfirmTargets(questions) = discovery.outcome() else {
        panic!("{discovery:?}");
    };
    for question in questions {
        assert!(discovery.confirm(&Acknowledged::by_user(question)));
    }
    let Outcome::Found(found) = discovery.outcome() else {
        panic!("{discovery:?}");
    };
    let plan = Plan::new(&found.configuration, Service::Imap, &world.account);

    let mut good = plan.clone();
    let attempt = first(&mut good);
    let (outcome, _) = make(&world, &attempt, PROVIDER);
    assert_eq!(good.next(&attempt, outcome).decision, Decision::Use);

    let mut bad = plan;
    let attempt = first(&mut bad);
    let (outcome, pair) = make(&world, &attempt, "imap.attacker.example");
    assert_eq!(outcome, AttemptOutcome::CertificateRejected);
    assert!(pair.client.credential_permit().is_err());
    let step = bad.next(&attempt, outcome);
    assert_eq!(
        (step.decision, step.reason),
        (Decision::Stop, Reason::Rejected)
    );
}

/// RFC 8314 §5.1: an attacker's record leads nowhere, not even where it has come into what is
/// stored, and not where the attacker has a certificate for its own name.
#[test]
fn from_an_attackers_record_to_nothing() {
    let world = World::new();
    let target = "mail.attacker.example";
    let mut discovery = discover(DnsStatus::Insecure, target);
    assert!(matches!(discovery.outcome(), Outcome::ConfirmTargets(_)));
    let host = Host::parse(target).unwrap();
    discovery.reject(&host);
    assert!(matches!(discovery.outcome(), Outcome::NotFound(_)));

    let server = MailServer::new(
        Service::Imap,
        Transport::Implicit,
        host,
        993,
        Provenance::SrvInsecure,
    );
    let domain = HostName::parse("example.org").unwrap();
    let stored = Configuration::of_servers(domain, vec![server.clone()]);
    let step = Plan::new(&stored, Service::Imap, &world.account).start();
    assert_eq!(
        (step.decision, step.reason),
        (Decision::Stop, Reason::NoServer)
    );
    let endpoint = server.endpoint().unwrap();
    let refused = world.client().connector(&world.account, endpoint);
    assert!(matches!(refused, Err(Error::Config(_))));
}
