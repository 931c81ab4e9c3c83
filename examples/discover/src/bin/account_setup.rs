//! Sets an account up from its address alone: DNS, the user's consent where it is needed, a plan,
//! attempts, TLS, what the user may be shown, and then, by a permit alone, the password.
//!
//! ```text
//! cargo run -p mail-tls-discover --bin account_setup -- ann@example.org
//! cargo run -p mail-tls-discover --bin account_setup -- --login ann@example.org  # password on stdin
//! ```
//!
//! `--confirm HOST` is the user's yes to a server that nothing vouches for; `--ca FILE`,
//! `--server ADDRESS:PORT` and `--trust-anchor FILE` trust and ask others than usual.
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "an embedder does the I/O that the library does not"
)]

use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use mail_tls::blocking::Stream;
use mail_tls::dane::DanePolicy;
use mail_tls::discovery::{Attempt, Decision, Discovery, Found, Outcome as Answers, Plan};
use mail_tls::stream::find_error;
use mail_tls::{
    Account, Acknowledged, AttemptOutcome, Client, ClientSession, Error as TlsError, Operation,
    PolicyRefusal, Service, TlsMode, TrustAnchors,
};
use mail_tls_discover::{Arguments, discovery, plan};
use pki_types::UnixTime;
use tokio::runtime::{Builder, Runtime};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Connection = BufReader<Stream<ClientSession, TcpStream>>;

/// How long a person waits for DNS, and for one connection.
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_REPLY: u64 = 8192;

struct Setup {
    given: Arguments,
    runtime: Runtime,
    client: Client,
    account: Account,
}

fn main() -> ExitCode {
    let Err(error) = run() else {
        return ExitCode::SUCCESS;
    };
    eprintln!("account_setup: {error}");
    ExitCode::FAILURE
}

fn run() -> Outcome<()> {
    let given = Arguments::read("account_setup", &["--login", "--ca FILE"])?;
    let mut builder = Client::builder();
    if let Some(file) = given.value("--ca") {
        builder = builder.trust_anchors(TrustAnchors::from_pem(&fs::read(file)?)?);
    }
    let setup = Setup {
        runtime: Builder::new_current_thread().enable_all().build()?,
        client: builder.build()?,
        account: Account::in_setup().with_address(given.address.clone()),
        given,
    };
    let (discovery, found) = setup.discover()?;
    // RFC 6186 §3.4: of IMAP and POP3 the one that the domain prefers comes first.
    for service in found.configuration.services() {
        let plan = plan(&discovery, &found.configuration, service, &setup.account);
        setup.show_and_log_in(service.service(), setup.connect(plan)?)?;
    }
    // From now on a rejected certificate is an error, never a question.
    setup.account.complete_setup();
    println!("{} is set up.", setup.given.address);
    Ok(())
}

impl Setup {
    fn discover(&self) -> Outcome<(Discovery, Box<Found>)> {
        let mut discovery = discovery(&self.given.address)?;
        let ask = |discovery: &mut Discovery| {
            let all = self.given.dns.answer_all(discovery, PATIENCE, |_, _| {});
            self.runtime.block_on(all);
        };
        ask(&mut discovery);
        if let Answers::ConfirmTargets(questions) = discovery.outcome() {
            for question in questions {
                println!("{question}");
                if self.given.confirmed.contains(question.target()) {
                    discovery.confirm(&Acknowledged::by_user(question));
                }
            }
            ask(&mut discovery);
        }
        match discovery.outcome() {
            Answers::Found(found) => Ok((discovery, found)),
            Answers::ConfirmTargets(_) => Err("nothing was connected to; see --confirm".into()),
            Answers::CleartextOnly(proposal) => Err(proposal.warning().to_string().into()),
            _ => Err("DNS names no servers: ask for them".into()),
        }
    }

    /// One attempt after the other, as the plan has them, until one stands.
    fn connect(&self, mut plan: Plan) -> Outcome<Connection> {
        let mut step = plan.start();
        while let Decision::Try(attempt) = step.decision {
            println!("{attempt} ({})", step.reason);
            match self.attempt(&attempt) {
                Ok(connection) => {
                    step = plan.next(&attempt, AttemptOutcome::Established);
                    if matches!(step.decision, Decision::Use) {
                        return Ok(connection);
                    }
                }
                Err(error) => {
                    println!("  {error}");
                    let outcome = find_error(&*error).map(AttemptOutcome::from);
                    // Without one it was the transport's.
                    step = plan.next(&attempt, outcome.unwrap_or(AttemptOutcome::Refused));
                }
            }
        }
        Err(step.reason.to_string().into())
    }

    fn attempt(&self, attempt: &Attempt) -> Outcome<Connection> {
        let Attempt::Tls(attempt) = attempt else {
            return Err("this program speaks with nobody in cleartext".into());
        };
        let (client, endpoint) = (&self.client, attempt.endpoint().clone());
        let records = attempt.records();
        let connector = match records.and_then(|it| it.tlsa_lookup(&endpoint, UnixTime::now())) {
            None => client.connector(&self.account, endpoint)?,
            Some(lookup) => {
                let dane = DanePolicy::default().decide(&lookup);
                let dane = dane.map_err(|no| TlsError::from(PolicyRefusal::from(no)))?;
                client.connector_with_dane(&self.account, endpoint, &dane)?
            }
        };
        let endpoint = connector.endpoint();
        let host = endpoint.host().name().ok_or("a server by its address")?;
        let mut socket = Err(io::Error::other(format!("{host} has no address")));
        for address in self.runtime.block_on(self.given.dns.addresses(host))? {
            let address = (address, endpoint.port()).into();
            socket = socket.or_else(|_| TcpStream::connect_timeout(&address, PATIENCE));
        }
        let socket = socket?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(BufReader::new(Stream::connect(&connector, socket)?))
    }

    /// RFC 8314 §5.2: what the connection provides, whether that is enough, and only then a password.
    fn show_and_log_in(&self, service: Service, mut connection: Connection) -> Outcome<()> {
        let session = connection.get_ref().session();
        println!("  {}", session.indicator());
        let permitted = session.permit(Operation::Authentication)?.operation();
        println!("  {service}: ready to log in ({permitted} is permitted)");
        let mode = session.info().map(|info| info.mode());
        if self.given.value("--login").is_some() && service == Service::Imap {
            if mode == Some(TlsMode::Implicit) {
                let mut greeting = connection.by_ref().take(LONGEST_REPLY);
                greeting.read_line(&mut String::new())?;
            }
            self.log_in(&mut connection)?;
            println!("  logged in");
        }
        Ok(connection.get_mut().close()?)
    }

    fn log_in(&self, connection: &mut Connection) -> Outcome<()> {
        let mut password = String::new();
        io::stdin().read_line(&mut password)?;
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
        let (user, password) = (self.given.address.to_string(), quoted(password.trim_end()));
        if password.contains(['\r', '\0']) {
            return Err("a line break in the password".into());
        }
        let command = format!("a LOGIN \"{}\" \"{password}\"\r\n", quoted(&user));
        let stream = connection.get_mut();
        let (session, outgoing) = stream.session_mut();
        let permit = session.credential_permit()?;
        session.send_credentials(permit, command.as_bytes(), outgoing)?;
        stream.flush()?;
        for said in connection.take(LONGEST_REPLY).lines() {
            let said = said?.escape_debug().to_string();
            match said.strip_prefix("a ") {
                Some(status) if status.starts_with("OK") => return Ok(()),
                Some(status) => return Err(format!("the server says: {status}").into()),
                None => {}
            }
        }
        Err("the server does not answer the login".into())
    }
}
