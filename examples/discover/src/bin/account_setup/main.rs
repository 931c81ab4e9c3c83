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

mod arguments;
mod login;

use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use mail_tls::blocking::Stream;
use mail_tls::dane::DanePolicy;
use mail_tls::discovery::{Attempt, Decision, Discovery, Found, Outcome as Answers, Plan};
use mail_tls::stream::find_error;
use mail_tls::{
    Account, Acknowledged, AttemptOutcome, Client, ClientSession, EmailAddress, Error as TlsError,
    Host, Operation, PolicyRefusal, Service, TlsMode,
};
use mail_tls_discover::Dns;
use pki_types::UnixTime;
use tokio::runtime::Runtime;

use arguments::arguments;
use login::{line, log_in};

type Outcome<T> = Result<T, Box<dyn Error>>;
type Connection = Stream<ClientSession, TcpStream>;

/// How long a person waits for DNS, and for one connection.
const PATIENCE: Duration = Duration::from_secs(10);

struct Setup {
    runtime: Runtime,
    dns: Dns,
    client: Client,
    account: Account,
    address: EmailAddress,
    confirmed: Vec<Host>,
    logs_in: bool,
}

fn main() -> ExitCode {
    match arguments().and_then(|setup| setup.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("account_setup: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Setup {
    fn run(&self) -> Outcome<()> {
        let (discovery, found) = self.discover()?;
        // RFC 6186 §3.4: of IMAP and POP3 the one that the domain prefers comes first.
        for service in found.configuration.services() {
            let mut plan = Plan::new(&found.configuration, service.service(), &self.account);
            for server in service.servers() {
                let host = server.host().name();
                let records = host.and_then(|host| discovery.server_records(host, server.port()));
                if let Some(records) = records {
                    plan.set_records(server.host(), server.port(), &records);
                }
            }
            let connection = self.connect(&mut plan)?;
            self.show_and_log_in(service.service(), connection)?;
        }
        // From now on a rejected certificate is an error, never a question.
        self.account.complete_setup();
        println!("{} is set up.", self.address);
        Ok(())
    }

    fn discover(&self) -> Outcome<(Discovery, Box<Found>)> {
        let seed = RandomState::new().hash_one(0); // among servers of one priority
        let discovery = Discovery::for_address(&self.address, seed);
        let discovery = discovery.ok_or("an address with an IP address has no SRV records")?;
        let mut discovery = discovery.in_parallel();
        let ask = |discovery: &mut Discovery| {
            let all = self.dns.answer_all(discovery, PATIENCE, |_, _| {});
            self.runtime.block_on(all);
        };
        ask(&mut discovery);
        if let Answers::ConfirmTargets(questions) = discovery.outcome() {
            for question in questions {
                println!("{question}");
                if self.confirmed.contains(question.target()) {
                    discovery.confirm(&Acknowledged::by_user(question));
                }
            }
            ask(&mut discovery);
        }
        match discovery.outcome() {
            Answers::Found(found) => Ok((discovery, found)),
            Answers::ConfirmTargets(_) => {
                Err("nothing was connected to; --confirm HOST is a yes".into())
            }
            Answers::CleartextOnly(proposal) => Err(proposal.warning().to_string().into()),
            _ => Err("DNS names no servers: ask for them".into()),
        }
    }

    /// One attempt after the other, as the plan has them, until one stands.
    fn connect(&self, plan: &mut Plan) -> Outcome<Connection> {
        let mut step = plan.start();
        let mut problem = None;
        while let Decision::Try(attempt) = step.decision {
            println!("{attempt} ({})", step.reason);
            let outcome = match self.attempt(&attempt) {
                Ok(connection) => {
                    step = plan.next(&attempt, AttemptOutcome::Established);
                    if matches!(step.decision, Decision::Use) {
                        return Ok(connection);
                    }
                    continue;
                }
                Err(error) => {
                    println!("  {error}");
                    let outcome = find_error(&*error).map(AttemptOutcome::from);
                    problem = Some(error);
                    outcome.unwrap_or(AttemptOutcome::Refused) // the transport's
                }
            };
            step = plan.next(&attempt, outcome);
        }
        let problem = problem.map_or_else(String::new, |problem| format!(": {problem}"));
        Err(format!("{}{problem}", step.reason).into())
    }

    fn attempt(&self, attempt: &Attempt) -> Outcome<Connection> {
        let Attempt::Tls(attempt) = attempt else {
            return Err("this program speaks with nobody in cleartext".into());
        };
        let (client, endpoint) = (&self.client, attempt.endpoint().clone());
        let records = attempt.records();
        let lookup = records.and_then(|all| all.tlsa_lookup(&endpoint, UnixTime::now()));
        let connector = match lookup {
            None => client.connector(&self.account, endpoint)?,
            Some(lookup) => {
                let dane = DanePolicy::default().decide(&lookup);
                let dane = dane.map_err(|no| TlsError::from(PolicyRefusal::from(no)))?;
                client.connector_with_dane(&self.account, endpoint, &dane)?
            }
        };
        let endpoint = connector.endpoint();
        let host = endpoint.host().name().ok_or("a server by its address")?;
        let mut problem: Box<dyn Error> = format!("{host} has no address").into();
        for address in self.runtime.block_on(self.dns.addresses(host))? {
            let address = SocketAddr::new(address, endpoint.port());
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(socket) => {
                    socket.set_read_timeout(Some(PATIENCE))?;
                    return Ok(Stream::connect(&connector, socket)?);
                }
                Err(error) => problem = error.into(),
            }
        }
        Err(problem)
    }

    /// RFC 8314 §5.2: what the connection provides, whether that is enough, and only then a password.
    fn show_and_log_in(&self, service: Service, connection: Connection) -> Outcome<()> {
        let session = connection.session();
        println!("  {}", session.indicator());
        let permit = session.permit(Operation::Authentication)?;
        let operation = permit.operation();
        println!("  {service}: ready to log in ({operation} is permitted)");
        let greets = session
            .info()
            .is_some_and(|info| info.mode() == TlsMode::Implicit);
        let mut connection = BufReader::new(connection);
        if self.logs_in && service == Service::Imap {
            let mut password = String::new();
            io::stdin().read_line(&mut password)?;
            if greets {
                line(&mut connection)?;
            }
            let said = log_in(&mut connection, &self.address, password.trim_end())?;
            println!("  {said}");
        }
        Ok(connection.get_mut().close()?)
    }
}
