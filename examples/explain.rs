//! Prints the verdict on a server's certificate as a mail program would show it.
//!
//! ```text
//! explain [--ca FILE] --host HOST [--email ADDRESS]
//!         [--service imaps|imap|pop3s|pop3|submissions|submission|sieve] [--port PORT]
//!         [--srv insecure|secure|confirmed] [--tlsa 'U S M HEX']… [--crl FILE] [--at DATE]
//!         CHAIN.pem | --connect
//! ```
//!
//! Without `--connect` nothing is sent anywhere: the chain comes from the file, the server's own
//! certificate first. The exit status is 0 where the server is accepted, 1 where it is refused, and
//! 2 for wrong use and for a server that cannot be reached.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "an embedder does the I/O that the library does not"
)]

#[path = "shared/facts.rs"]
mod facts;

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use std::{env, io};

use bytes::BytesMut;
use facts::{Outcome, algorithms, built_in_anchors, chain, date, read, unix};
use mail_tls::dane::{Dane, DanePolicy, DaneReport, TlsaLookup, TlsaName, TlsaRecord};
use mail_tls::identity::ReferenceIds;
use mail_tls::verify::{
    Authentication, CheckResult, Evidence, Fingerprint, Requirements, Revocation, evaluate,
};
use mail_tls::{
    Account, CertificateRejection, Client, ClientBuilder, Clock, EmailAddress, Endpoint, Error,
    Host, Limits, Provenance, RevocationLists, RevocationPolicy, Service, TlsMode, TrustAnchors,
    Verification,
};
use pki_types::CertificateDer;

const USAGE: &str = "usage: explain [--ca FILE] --host HOST [--email ADDRESS]
       [--service imaps|imap|pop3s|pop3|submissions|submission|sieve] [--port PORT]
       [--srv insecure|secure|confirmed] [--tlsa 'U S M HEX']... [--crl FILE] [--at DATE]
       CHAIN.pem | --connect";
const PATIENCE: Duration = Duration::from_secs(20);
/// How long TLSA records count that somebody has typed.
const TLSA_TIME: Duration = Duration::from_secs(3600);

fn main() -> ExitCode {
    let verdict = Question::parse(env::args().skip(1)).and_then(|question| {
        print_question(&question)?;
        match &question.chain {
            Some(chain) => Ok(evaluate_chain(&question, chain)?),
            None => connect(&question),
        }
    });
    match verdict {
        Ok(Ok(verification)) => {
            print_acceptance(&verification);
            ExitCode::SUCCESS
        }
        Ok(Err(rejection)) => {
            print_rejection(&rejection);
            ExitCode::FAILURE
        }
        Err(problem) => {
            eprintln!("explain: {problem}");
            ExitCode::from(2)
        }
    }
}

type Verdict = Result<Verification, CertificateRejection>;

/// What was asked.
struct Question {
    endpoint: Endpoint,
    email: Option<EmailAddress>,
    references: ReferenceIds,
    anchors: Option<TrustAnchors>,
    lists: Option<RevocationLists>,
    dane: Option<Dane>,
    now: SystemTime,
    /// `None` to connect.
    chain: Option<Vec<CertificateDer<'static>>>,
}

impl Question {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let (mut anchors, mut lists, mut host, mut email) = (None, None, None, None);
        let (mut service, mut port, mut at) = ((Service::Imap, TlsMode::Implicit), None, None);
        let (mut provenance, mut records) = (Provenance::Typed, Vec::new());
        let (mut file, mut connects) = (None, false);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--ca" => anchors = Some(TrustAnchors::from_pem(&read(&value()?)?)?),
                "--crl" => lists = Some(RevocationLists::from_pem(&read(&value()?)?)?),
                "--host" => host = Some(Host::parse(&value()?)?),
                "--email" => email = Some(EmailAddress::parse(&value()?)?),
                "--service" => service = service_named(&value()?)?,
                "--port" => port = Some(value()?.parse::<u16>().map_err(|_| "no such port")?),
                "--srv" => provenance = provenance_named(&value()?)?,
                "--tlsa" => records.push(TlsaRecord::parse(&value()?)?),
                "--at" => at = Some(date(&value()?)?),
                "--connect" => connects = true,
                option if option.starts_with('-') => {
                    return Err(format!("there is no option {option}\n{USAGE}").into());
                }
                _ if file.is_some() => return Err(format!("give one chain only\n{USAGE}").into()),
                _ => file = Some(argument),
            }
        }
        let host = host.ok_or_else(|| format!("--host is missing\n{USAGE}"))?;
        if connects == file.is_some() {
            return Err(format!("give either a chain or --connect\n{USAGE}").into());
        }
        let (service, mode) = service;
        let port = port
            .or_else(|| service.default_port(mode))
            .ok_or("name the port")?;
        let now = at.unwrap_or_else(SystemTime::now);
        let endpoint = Endpoint::new(service, mode, host, port, provenance);
        let domain = email.as_ref().and_then(EmailAddress::domain);
        let references = endpoint.references(domain)?;
        let dane = if records.is_empty() {
            None
        } else {
            let name = TlsaName::of_endpoint(&endpoint)
                .ok_or("TLSA records are of a host name, not of an address")?;
            let lookup =
                TlsaLookup::validated_over_trusted_path(name, records, unix(now)?, TLSA_TIME)?;
            Some(DanePolicy::default().decide(&lookup)?)
        };
        Ok(Self {
            endpoint,
            email,
            references,
            anchors,
            lists,
            dane,
            now,
            chain: match file {
                Some(file) => Some(chain(&file)?),
                None => None,
            },
        })
    }
}

fn service_named(name: &str) -> Outcome<(Service, TlsMode)> {
    let all = [
        ("imaps", Service::Imap, TlsMode::Implicit),
        ("imap", Service::Imap, TlsMode::StartTls),
        ("pop3s", Service::Pop3, TlsMode::Implicit),
        ("pop3", Service::Pop3, TlsMode::StartTls),
        ("submissions", Service::Submission, TlsMode::Implicit),
        ("submission", Service::Submission, TlsMode::StartTls),
        ("sieve", Service::ManageSieve, TlsMode::StartTls),
    ];
    let found = all.iter().find(|(own, _, _)| *own == name);
    let (_, service, mode) = found.ok_or_else(|| format!("there is no service {name}\n{USAGE}"))?;
    Ok((*service, *mode))
}

fn provenance_named(name: &str) -> Outcome<Provenance> {
    match name {
        "insecure" => Ok(Provenance::SrvInsecure),
        "secure" => Ok(Provenance::SrvSecure),
        "confirmed" => Ok(Provenance::Confirmed),
        other => Err(format!("--srv is insecure, secure or confirmed, not {other}").into()),
    }
}

/// The verdict on a chain from a file: no connection, and no proof that anybody has the key.
fn evaluate_chain(question: &Question, chain: &[CertificateDer<'static>]) -> Outcome<Verdict> {
    let anchors = match &question.anchors {
        Some(anchors) => anchors.clone(),
        None => built_in_anchors()?,
    };
    let mut requirements =
        Requirements::server(anchors, question.references.clone(), algorithms()?);
    if let Some(lists) = &question.lists {
        requirements =
            requirements.with_revocation_lists(lists.clone(), RevocationPolicy::default());
    }
    if let Some(dane) = &question.dane {
        requirements = requirements.with_dane(dane.clone())?;
    }
    for (position, certificate) in chain.iter().enumerate() {
        println!(
            "  certificate {}: {}",
            position + 1,
            Fingerprint::of_certificate(certificate)
        );
    }
    let evidence = Evidence::from_chain(chain);
    Ok(evaluate(&evidence, &requirements, unix(question.now)?))
}

/// The verdict on the chain that a server sends, with its signature of the handshake.
fn connect(question: &Question) -> Outcome<Verdict> {
    let mut builder = client(question).limits(Limits::default().with_handshake_time(PATIENCE));
    if let Some(lists) = &question.lists {
        builder = builder.revocation_lists(lists.clone(), RevocationPolicy::default());
    }
    let client = builder.build()?;
    let mut account = Account::configured();
    if let Some(email) = &question.email {
        account = account.with_address(email.clone());
    }
    let endpoint = question.endpoint.clone();
    let connector = match &question.dane {
        Some(dane) => client.connector_with_dane(&account, endpoint, dane)?,
        None => client.connector(&account, endpoint)?,
    };
    let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
    let mut session = connector.connect(&mut outgoing)?;
    let mut socket = open(&question.endpoint)?;
    let mut chunk = [0; 16 * 1024];
    loop {
        let result = loop {
            match session.process(&mut incoming, &mut outgoing) {
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        let flushed = socket.write_all(&outgoing);
        outgoing.clear();
        match result {
            Err(Error::Certificate(rejection)) => return Ok(Err((*rejection).clone())),
            other => other?,
        }
        if let Some(verification) = session.info().and_then(|info| info.verification().cloned()) {
            session.close(&mut outgoing);
            let _ = socket.write_all(&outgoing); // a farewell; the verdict is there
            return Ok(Ok(verification));
        }
        flushed?;
        match socket.read(&mut chunk) {
            Ok(0) => {
                return Err(format!("the server has closed: {:?}", session.end_of_input()).into());
            }
            Ok(n) => incoming.extend_from_slice(&chunk[..n]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("the connection broke: {error}").into()),
        }
    }
}

fn client(question: &Question) -> ClientBuilder {
    let mut builder = Client::builder();
    if let Some(anchors) = &question.anchors {
        builder = builder.trust_anchors(anchors.clone());
    }
    builder.clock(Clock::fixed(std::time::Instant::now(), question.now))
}

fn open(endpoint: &Endpoint) -> Outcome<TcpStream> {
    let at = format!("{}:{}", endpoint.host().to_authority(), endpoint.port());
    let mut problem = format!("{at}: no address was found");
    for address in at.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(socket) => {
                socket.set_read_timeout(Some(PATIENCE))?;
                return Ok(socket);
            }
            Err(error) => problem = format!("cannot connect to {address}: {error}"),
        }
    }
    Err(problem.into())
}

fn print_question(question: &Question) -> Outcome<()> {
    let endpoint = &question.endpoint;
    println!(
        "Server: {} on port {}, {} with {} ({})",
        endpoint.host(),
        endpoint.port(),
        endpoint.service(),
        endpoint.mode(),
        endpoint.provenance()
    );
    println!("Expected in the certificate, one of:");
    for reference in &question.references {
        println!("  {reference} ({})", reference.provenance());
    }
    Ok(())
}

fn print_acceptance(verification: &Verification) {
    let by = match verification.authentication() {
        Authentication::Pkix => "a trusted authority vouches for it",
        Authentication::DaneTa => {
            "an authority that the domain has published in DNS vouches for it"
        }
        Authentication::DaneEe => "the domain has published it in DNS",
        Authentication::Pinned => "it is pinned",
        _ => "it is authenticated",
    };
    println!("\nACCEPTED: {by}");
    match (verification.reference(), verification.presented_name()) {
        (Some(reference), Some(name)) => println!("  {reference} is matched by {name}"),
        (Some(reference), None) => println!("  it is {reference}, whatever names it bears"),
        (None, _) => {}
    }
    match verification.revocation() {
        Revocation::NotAsked => {}
        Revocation::NotRevoked => println!("  nothing in its chain was revoked"),
        Revocation::Unknown(gap) => println!("  {gap}"),
        _ => {}
    }
    print_dane(verification.dane());
}

fn print_rejection(rejection: &CertificateRejection) {
    let primary = rejection.primary();
    println!("\nREFUSED: {rejection}");
    println!("  What to do: {}", primary.user_advice());
    println!("Checks:");
    for (check, result) in rejection.results() {
        let result = match result {
            CheckResult::Passed => "passed",
            CheckResult::Failed => "FAILED",
            CheckResult::NotMade => "not made",
            _ => "unknown",
        };
        println!("  {check}: {result}");
    }
    println!("In full, with what the operator of the server can do:");
    for failure in rejection.failures() {
        println!("  [{}] {failure}", failure.code());
        println!("      {}", failure.operator_advice());
    }
    print_dane(rejection.dane());
}

fn print_dane(report: Option<&DaneReport>) {
    let Some(report) = report else { return };
    println!("TLSA records at {}:", report.name());
    if let Some(reason) = report.not_applied() {
        println!("  not applied: {reason}");
    }
    for (record, fate) in report.records() {
        println!("  {record}: {fate}");
    }
}
