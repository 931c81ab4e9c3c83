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
#[path = "explain/print.rs"]
mod print;
#[path = "explain/question.rs"]
mod question;

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, io};

use bytes::BytesMut;
use facts::{Outcome, algorithms, built_in_anchors, unix};
use mail_tls::verify::{Evidence, Fingerprint, Requirements, evaluate};
use mail_tls::{
    Account, CertificateRejection, Client, ClientBuilder, Clock, Endpoint, Error, Limits,
    RevocationPolicy, Verification,
};
use pki_types::CertificateDer;
use question::Question;

const PATIENCE: Duration = Duration::from_secs(20);
fn main() -> ExitCode {
    let verdict = Question::parse(env::args().skip(1)).and_then(|question| {
        print::question(&question);
        match &question.chain {
            Some(chain) => Ok(evaluate_chain(&question, chain)?),
            None => connect(&question),
        }
    });
    match verdict {
        Ok(Ok(verification)) => {
            print::acceptance(&verification);
            ExitCode::SUCCESS
        }
        Ok(Err(rejection)) => {
            print::rejection(&rejection);
            ExitCode::FAILURE
        }
        Err(problem) => {
            eprintln!("explain: {problem}");
            ExitCode::from(2)
        }
    }
}

type Verdict = Result<Verification, CertificateRejection>;

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
