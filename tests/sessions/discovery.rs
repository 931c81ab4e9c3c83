//! From an email address to an established session, and from an attacker's records to nothing.

use std::time::SystemTime;

use mail_tls::dane::{DanePolicy, TlsaLookup};
use mail_tls::discovery::{
    Answer, Attempt, Configuration, Decision, Discovery, DnsFailure, DnsStatus, Lookup, MailServer,
    Outcome, Plan, Reason, RecordType, SrvRecord, Transport,
};
use mail_tls::{
    Acknowledged, Aspect, AttemptOutcome, Certificates, EmailAddress, Error, Host, HostName,
    Operation, Provenance, Service, TlsMode,
};
use rustls::pki_types::UnixTime;

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

/// RFC 7673 §4.1, RFC 7817 §3: a target within the domain that nothing protects is connected to
/// without a question, and verified by the domain, never by its own name. Secure: by either.
#[test]
fn by_which_name_a_server_is_verified() {
    let target = "imap.example.org";
    for (status, name, expected) in [
        (
            DnsStatus::Insecure,
            "example.org",
            AttemptOutcome::Established,
        ),
        (
            DnsStatus::Insecure,
            target,
            AttemptOutcome::CertificateRejected,
        ),
        (
            DnsStatus::Secure,
            "example.org",
            AttemptOutcome::Established,
        ),
        (DnsStatus::Secure, target, AttemptOutcome::Established),
        (
            DnsStatus::Secure,
            "example.net",
            AttemptOutcome::CertificateRejected,
        ),
    ] {
        let world = World::new();
        let Outcome::Found(found) = discover(status, target).outcome() else {
            panic!("nothing was found");
        };
        let mut plan = Plan::new(&found.configuration, Service::Imap, &world.account);
        let (outcome, pair) = make(&world, &first(&mut plan), name);
        assert_eq!(outcome, expected, "{status:?} {name}");
        if let Some(info) = pair.client.info() {
            assert_eq!(info.server_name(), Some("example.org")); // the preferred name for SNI
        }
    }
}

/// RFC 7673: what discovery has found in signed records decides who the server is: one that no
/// authority vouches for is taken, and one that an authority vouches for is not.
#[test]
fn from_an_address_to_a_session_with_dane() {
    let (world, stranger) = (World::new(), World::new());
    let chain = stranger.authority.issue(&["other.example.net"]);
    // `3 0 0`: the certificate as it is.
    let rdata = [&[3, 0, 0][..], chain.certificates()[0].as_ref()].concat();
    let host = HostName::parse(PROVIDER).unwrap();
    let mut lookup = Lookup::new(host, 993);
    while let Some(question) = lookup.next_question() {
        let answer = match question.record_type() {
            RecordType::A => Answer::addresses(DnsStatus::Secure),
            RecordType::Tlsa => Answer::tlsa(DnsStatus::Secure, [rdata.clone()]),
            _ => Answer::nothing(DnsStatus::Secure),
        };
        assert!(lookup.answer(&question, answer));
    }
    let Outcome::Found(found) = discover(DnsStatus::Secure, PROVIDER).outcome() else {
        panic!("nothing was found");
    };
    let records = lookup.result().unwrap();
    let mut plan = Plan::new(&found.configuration, Service::Imap, &world.account);
    plan.set_records(&Host::parse(PROVIDER).unwrap(), 993, &records);
    let Attempt::Tls(attempt) = first(&mut plan) else {
        panic!("{plan:?}");
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = UnixTime::since_unix_epoch(now.unwrap());
    let endpoint = attempt.endpoint().clone();
    let found = attempt.records().unwrap().tlsa_lookup(&endpoint, now);
    let dane = DanePolicy::default().decide(&found.unwrap()).unwrap();
    let client = world.client();
    let connector = client.connector_with_dane(&world.account, endpoint, &dane);
    let connector = connector.unwrap();
    let trusted = world.authority.issue(&[PROVIDER]);
    for (chain, is_accepted) in [(chain, true), (trusted, false)] {
        let acceptor = world
            .server()
            .acceptor(Service::Imap, TlsMode::Implicit, Certificates::new(chain))
            .build()
            .unwrap();
        let mut pair = Pair::new(&connector, &acceptor);
        pair.run();
        assert_eq!(pair.client.indicator().is_confidential(), is_accepted);
        let protection = pair.client.protection();
        let has_dane = protection.is_some_and(|protection| protection.has(Aspect::Dane));
        assert_eq!(has_dane, is_accepted);
        let rejected = matches!(
            pair.client_trace()[..],
            [Told::Failed(Error::Certificate(_))]
        );
        assert_eq!(rejected, !is_accepted);
    }
}

/// What DNS says of a server, in DANE's terms: a failure is not an absence.
#[test]
fn what_a_lookup_means_to_dane() {
    let endpoint = |host: &str| {
        let host = Host::parse(host).unwrap();
        let (service, mode) = (Service::Imap, TlsMode::Implicit);
        mail_tls::Endpoint::new(service, mode, host, 993, Provenance::Typed)
    };
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
    let run = |address: Answer, tlsa: Answer| {
        let mut lookup = Lookup::new(HostName::parse(PROVIDER).unwrap(), 993);
        while let Some(question) = lookup.next_question() {
            let answer = match question.record_type() {
                RecordType::A => address.clone(),
                RecordType::Tlsa => tlsa.clone(),
                _ => Answer::nothing(DnsStatus::Insecure),
            };
            lookup.answer(&question, answer);
        }
        lookup.result().unwrap()
    };
    let secure = || Answer::addresses(DnsStatus::Secure);
    let tlsa = |rdata: Vec<u8>| Answer::tlsa(DnsStatus::Secure, [rdata]);
    let kind = |lookup: Option<TlsaLookup>| match lookup {
        None => "none",
        Some(TlsaLookup::Secure(_)) => "secure",
        Some(TlsaLookup::Insecure(_)) => "insecure",
        Some(TlsaLookup::Bogus(_)) => "bogus",
        Some(TlsaLookup::Indeterminate(_)) => "indeterminate",
        Some(other) => panic!("{other:?}"),
    };
    let many = Answer::tlsa(DnsStatus::Secure, (0..99).map(|n| vec![3, 1, 1, n]));
    let rows = [
        (secure(), tlsa(vec![3, 1, 1, 7]), "secure"),
        (secure(), tlsa(vec![3, 1]), "indeterminate"), // cannot be read
        (secure(), many, "indeterminate"),             // more than is looked at
        (
            secure(),
            Answer::failed(DnsFailure::ServerFailure),
            "indeterminate",
        ),
        (secure(), Answer::nothing(DnsStatus::Bogus), "bogus"),
        (secure(), Answer::nothing(DnsStatus::Secure), "insecure"),
        (
            Answer::addresses(DnsStatus::Insecure),
            tlsa(vec![3, 1, 1, 7]),
            "insecure",
        ),
        (
            Answer::nothing(DnsStatus::Secure),
            tlsa(vec![3, 1, 1, 7]),
            "none",
        ),
    ];
    for (address, tlsa, expected) in rows {
        let records = run(address, tlsa);
        let lookup = records.tlsa_lookup(&endpoint(PROVIDER), now);
        assert_eq!(kind(lookup), expected, "{records:?}");
        assert_eq!(
            kind(records.tlsa_lookup(&endpoint("192.0.2.1"), now)),
            "none"
        );
    }
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
