//! In which order the servers of a service are tried, and what follows from how it went.

mod step;
#[cfg(test)]
mod tests;

use super::configuration::Configuration;
use super::lookup::ServerRecords;
use super::server::{MailServer, Transport};
use crate::endpoint::Endpoint;
use crate::identity::Provenance;
use crate::name::{Host, HostName};
use crate::policy::{Account, AttemptOutcome};
use crate::service::Service;

use step::step;
pub use step::{Attempt, CleartextAttempt, Decision, Reason, Step, TlsAttempt};

/// The attempts at connecting to one service of an account, in their order.
///
/// Each attempt is a new connection, and is reported with its outcome; the answer is what to do
/// next, and why. The rules, as a table, are in `docs/policy.md`:
///
/// * An account that requires confidentiality is never connected to in cleartext.
/// * What anyone on the way can cause (a refusal, a reset, silence, plain text, an alert, a missing
///   capability) leads to the next attempt, which requires as much as the one before.
/// * After a certificate was rejected, or a requirement was not met, no weaker way to the service
///   is tried: no STARTTLS after implicit TLS, no cleartext after either.
/// * After a dialog that was tampered with no cleartext is tried, whatever the account allows.
/// * Cleartext comes last, and only for an account whose user has lowered its minimum.
///
/// Attempts may run side by side ([`start_beside`](Self::start_beside)), as RFC 9051 §11.2 wants it
/// of 993 and 143. Which addresses of a host are tried, in which order and how many at once, is the
/// connection's matter and changes nothing here.
///
/// ```
/// use mail_tls::discovery::{Attempt, Configuration, Decision, MailServer, Plan};
/// use mail_tls::{Account, AttemptOutcome, Host, HostName, Service};
///
/// let host = Host::parse("mail.example.org")?;
/// let servers = MailServer::at_typed_host(Service::Imap, &host);
/// let configuration = Configuration::of_servers(HostName::parse("example.org")?, servers);
/// let mut plan = Plan::new(&configuration, Service::Imap, &Account::configured());
/// let mut step = plan.start();
/// while let Decision::Try(attempt) = step.decision {
///     println!("{attempt}: {}", step.reason);
///     let outcome = match &attempt {
///         Attempt::Tls(attempt) => {
///             let _endpoint = attempt.endpoint(); // a connector, a socket, a session
///             AttemptOutcome::Refused
///         }
///         _ => AttemptOutcome::Refused,
///     };
///     step = plan.next(&attempt, outcome);
/// }
/// assert_eq!(step.decision, Decision::TryLater);
/// # Ok::<(), mail_tls::InvalidName>(())
/// ```
#[derive(Debug, Clone)]
pub struct Plan {
    account: Account,
    domain: HostName,
    ways: Vec<Way>,
    /// The strength below which nothing is tried any more.
    floor: Strength,
    is_over: bool,
}

/// One way to the service.
#[derive(Debug, Clone)]
struct Way {
    server: MailServer,
    strength: Strength,
    state: WayState,
    records: Option<ServerRecords>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayState {
    Waiting,
    Running,
    Ended(AttemptOutcome),
    /// It must not be connected to.
    Barred,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Cleartext,
    StartTls,
    Implicit,
}

impl Plan {
    /// For a service of a stored configuration. An empty plan where it has no servers that may be
    /// connected to: a name that an attacker may have written outside the domain has to be
    /// confirmed before (RFC 8314 §5.1), and so has a guess.
    pub fn new(configuration: &Configuration, service: Service, account: &Account) -> Self {
        let domain = configuration.domain().clone();
        let servers = configuration.servers(service).iter();
        let servers: Vec<&MailServer> = servers.filter(|s| may_connect(s, &domain)).collect();
        let way = |server: &MailServer, strength| Way {
            server: server.clone(),
            strength,
            state: WayState::Waiting,
            records: None,
        };
        let mut ways = Vec::new();
        for server in &servers {
            match server.transport() {
                Transport::Implicit => ways.push(way(server, Strength::Implicit)),
                Transport::StartTls => ways.push(way(server, Strength::StartTls)),
                Transport::Cleartext => {}
            }
        }
        for server in servers {
            match server.transport() {
                Transport::Implicit => {}
                Transport::StartTls | Transport::Cleartext => {
                    ways.push(way(server, Strength::Cleartext));
                }
            }
        }
        // Stable: the servers' own order within each strength.
        ways.sort_by_key(|way| std::cmp::Reverse(way.strength));
        Self {
            account: account.clone(),
            domain,
            ways,
            floor: Strength::Cleartext,
            is_over: false,
        }
    }

    /// What DNS says of a server, looked up afresh with [`Lookup`](super::Lookup) before it is
    /// connected to. One that must not be connected to is left out; TLSA records rule out cleartext
    /// and come with the attempt (RFC 7673 §3.4, §4).
    pub fn set_records(&mut self, host: &Host, port: u16, records: &ServerRecords) {
        let here = |way: &&mut Way| way.server.host() == host && way.server.port() == port;
        for way in self.ways.iter_mut().filter(here) {
            let is_barred = match records {
                ServerRecords::DoNotConnect { .. } => true,
                ServerRecords::Tlsa { .. } => way.strength == Strength::Cleartext,
                ServerRecords::NoTlsa { .. } | ServerRecords::NoAddress => false,
            };
            match way.state {
                WayState::Waiting | WayState::Running if is_barred => way.state = WayState::Barred,
                WayState::Waiting | WayState::Running | WayState::Ended(_) | WayState::Barred => {}
            }
            way.records = Some(records.clone());
        }
    }

    /// The first attempt, or the next where there was none to report.
    pub fn start(&mut self) -> Step {
        if self.is_over {
            return step(Decision::Stop, Reason::Over);
        }
        self.go_on(Reason::Preferred)
    }

    /// Another attempt that may run beside those that do, for programs that do not want to wait for
    /// the outcome of one before they begin the next. Never one without TLS.
    pub fn start_beside(&mut self) -> Option<Attempt> {
        if self.is_over {
            return None;
        }
        let index = self.next_way()?;
        let way = self.ways.get_mut(index)?;
        if way.strength == Strength::Cleartext {
            return None;
        }
        way.state = WayState::Running;
        self.attempt(index)
    }

    /// How an attempt came out, and what to do next. It is reported once; for a second report, an
    /// attempt that was never handed out, or one to another server, the answer is to close it.
    pub fn next(&mut self, attempt: &Attempt, outcome: AttemptOutcome) -> Step {
        let Some(way) = self.running(attempt) else {
            return step(Decision::Close, Reason::Over);
        };
        let strength = way.strength;
        if let Some(way) = self.ways.get_mut(attempt.way()) {
            way.state = WayState::Ended(outcome);
        }
        if self.is_over {
            return step(Decision::Close, Reason::Over);
        }
        match outcome {
            AttemptOutcome::Established => {
                if strength < self.floor {
                    return step(Decision::Close, Reason::StrongerWayRejected);
                }
                if strength == Strength::Cleartext && self.account.requires_confidentiality() {
                    return step(Decision::Close, Reason::MinimumRaised);
                }
                self.is_over = true;
                step(Decision::Use, Reason::Established)
            }
            // Anyone on the way can do all this. It leads on, and it lowers nothing.
            AttemptOutcome::Refused
            | AttemptOutcome::TimedOut
            | AttemptOutcome::Ended
            | AttemptOutcome::PlaintextPeer
            | AttemptOutcome::TlsPeer
            | AttemptOutcome::TemporaryFailure
            | AttemptOutcome::NoStartTls
            | AttemptOutcome::HandshakeAlert
            | AttemptOutcome::HandshakeFailed => self.go_on(Reason::After(outcome)),
            // design: a rejection is never answered by trying a weaker way.
            AttemptOutcome::CertificateRejected | AttemptOutcome::PolicyUnmet => {
                self.floor = self.floor.max(strength).max(Strength::StartTls);
                self.go_on(Reason::NotWeakerThanRejected)
            }
            // Whoever does this wants to be spoken to in cleartext. Others of the same strength are
            // left in: anyone on the way can do it, and it must not rule out the rest.
            AttemptOutcome::Tampered => {
                self.floor = self.floor.max(Strength::StartTls);
                self.go_on(Reason::NotWeakerThanTampered)
            }
            AttemptOutcome::LocalFault => {
                self.is_over = true;
                step(Decision::Stop, Reason::LocalFault)
            }
        }
    }

    /// Whether an attempt that runs may still be used once it is established. One that may not can
    /// be closed at once.
    pub fn is_of_use(&self, attempt: &Attempt) -> bool {
        self.running(attempt)
            .is_some_and(|way| !self.is_over && self.is_allowed(way.strength))
    }

    /// The way of an attempt that runs. An attempt of another plan has no say in this one, or a
    /// connection without TLS could pass for one with it.
    fn running(&self, attempt: &Attempt) -> Option<&Way> {
        let way = self.ways.get(attempt.way())?;
        let is_own = match (attempt, way.strength) {
            (Attempt::Tls(attempt), Strength::Implicit | Strength::StartTls) => {
                let own = way.server.endpoint()?;
                attempt.endpoint == verified_by(own, &self.domain)
            }
            (Attempt::Cleartext(attempt), Strength::Cleartext) => attempt.server == way.server,
            (Attempt::Tls(_), Strength::Cleartext)
            | (Attempt::Cleartext(_), Strength::Implicit | Strength::StartTls) => false,
        };
        (is_own && way.state == WayState::Running).then_some(way)
    }

    fn go_on(&mut self, reason: Reason) -> Step {
        let is_running = |way: &Way| way.state == WayState::Running;
        let Some(index) = self.next_way() else {
            if self.ways.iter().any(is_running) {
                return step(Decision::Wait, Reason::OthersRun);
            }
            self.is_over = true;
            return self.end();
        };
        let is_cleartext = self
            .ways
            .get(index)
            .is_some_and(|way| way.strength == Strength::Cleartext);
        if is_cleartext && self.ways.iter().any(is_running) {
            // Last means last.
            return step(Decision::Wait, Reason::OthersRun);
        }
        if let Some(way) = self.ways.get_mut(index) {
            way.state = WayState::Running;
        }
        let reason = if is_cleartext {
            Reason::CleartextAsLowered
        } else if self.has_ended_with(is_rejection) {
            Reason::NotWeakerThanRejected
        } else if self.has_ended_with(is_tampered) {
            Reason::NotWeakerThanTampered
        } else {
            reason
        };
        match self.attempt(index) {
            Some(attempt) => step(Decision::Try(attempt), reason),
            None => step(Decision::Stop, Reason::NoServer),
        }
    }

    /// The first way that waits and may be gone.
    fn next_way(&self) -> Option<usize> {
        self.ways.iter().position(|way| {
            way.state == WayState::Waiting
                && self.is_allowed(way.strength)
                && (way.strength > Strength::Cleartext || self.is_worth_cleartext(way))
        })
    }

    fn is_allowed(&self, strength: Strength) -> bool {
        let is_strong_enough = match strength {
            Strength::Implicit | Strength::StartTls => true,
            Strength::Cleartext => !self.account.requires_confidentiality(),
        };
        is_strong_enough && strength >= self.floor
    }

    /// A port for STARTTLS is tried in cleartext only if somebody was there who did not do TLS; one
    /// who asks for patience is not answered by a lesser demand.
    fn is_worth_cleartext(&self, cleartext: &Way) -> bool {
        let mut others = self.ways.iter().filter(|way| {
            way.strength == Strength::StartTls && way.server.is_same_place(&cleartext.server)
        });
        others.all(|way| match way.state {
            WayState::Ended(
                AttemptOutcome::NoStartTls
                | AttemptOutcome::HandshakeAlert
                | AttemptOutcome::HandshakeFailed
                | AttemptOutcome::Ended,
            ) => true,
            WayState::Ended(
                AttemptOutcome::Established
                | AttemptOutcome::Refused
                | AttemptOutcome::TimedOut
                | AttemptOutcome::PlaintextPeer
                | AttemptOutcome::TlsPeer
                | AttemptOutcome::TemporaryFailure
                | AttemptOutcome::Tampered
                | AttemptOutcome::CertificateRejected
                | AttemptOutcome::PolicyUnmet
                | AttemptOutcome::LocalFault,
            )
            | WayState::Waiting
            | WayState::Running
            | WayState::Barred => false,
        })
    }

    fn has_ended_with(&self, is_meant: fn(AttemptOutcome) -> bool) -> bool {
        self.ways.iter().any(|way| match way.state {
            WayState::Ended(outcome) => is_meant(outcome),
            WayState::Waiting | WayState::Running | WayState::Barred => false,
        })
    }

    /// Nothing is left. What that means.
    fn end(&self) -> Step {
        if self.has_ended_with(is_rejection) {
            return step(Decision::Stop, Reason::Rejected);
        }
        if self.has_ended_with(is_tampered) {
            return step(Decision::Stop, Reason::Tampered);
        }
        let ended = self.ways.iter().filter_map(|way| match way.state {
            WayState::Ended(outcome) => Some(outcome),
            WayState::Waiting | WayState::Running | WayState::Barred => None,
        });
        let mut is_empty = true;
        for outcome in ended {
            is_empty = false;
            let may_pass = match outcome {
                AttemptOutcome::Refused
                | AttemptOutcome::TimedOut
                | AttemptOutcome::Ended
                | AttemptOutcome::TemporaryFailure => true,
                AttemptOutcome::Established
                | AttemptOutcome::PlaintextPeer
                | AttemptOutcome::TlsPeer
                | AttemptOutcome::NoStartTls
                | AttemptOutcome::Tampered
                | AttemptOutcome::HandshakeAlert
                | AttemptOutcome::HandshakeFailed
                | AttemptOutcome::CertificateRejected
                | AttemptOutcome::PolicyUnmet
                | AttemptOutcome::LocalFault => false,
            };
            if may_pass {
                return step(Decision::TryLater, Reason::Unreachable);
            }
        }
        let reason = if is_empty {
            Reason::NoServer
        } else {
            Reason::NoTls
        };
        step(Decision::Stop, reason)
    }

    fn attempt(&self, index: usize) -> Option<Attempt> {
        let way = self.ways.get(index)?;
        Some(match way.strength {
            Strength::Implicit | Strength::StartTls => Attempt::Tls(TlsAttempt {
                way: index,
                endpoint: verified_by(way.server.endpoint()?, &self.domain),
                records: way.records.clone(),
            }),
            Strength::Cleartext => Attempt::Cleartext(CleartextAttempt {
                way: index,
                server: way.server.clone(),
            }),
        })
    }
}

fn is_rejection(outcome: AttemptOutcome) -> bool {
    outcome == AttemptOutcome::CertificateRejected || outcome == AttemptOutcome::PolicyUnmet
}

fn is_tampered(outcome: AttemptOutcome) -> bool {
    outcome == AttemptOutcome::Tampered
}

/// What DNS or an unauthenticated document has named for a domain is verified by the domain: beside
/// the host where that is trustworthy, in place of it otherwise (RFC 7817 §3, RFC 7673 §4.1).
fn verified_by(endpoint: Endpoint, domain: &HostName) -> Endpoint {
    match endpoint.provenance() {
        Provenance::SrvSecure
        | Provenance::SrvInsecure
        | Provenance::AutoconfigUnauthenticated
        | Provenance::Confirmed => endpoint.with_service_domain(domain.clone()),
        Provenance::Typed
        | Provenance::Administrator
        | Provenance::ProviderDatabase
        | Provenance::AutoconfigAuthenticated
        | Provenance::TlsaBaseDomain
        | Provenance::Guessed => endpoint,
    }
}

/// RFC 8314 §5.1: not before the user has confirmed it.
fn may_connect(server: &MailServer, domain: &HostName) -> bool {
    match server.provenance() {
        Provenance::Typed
        | Provenance::Administrator
        | Provenance::ProviderDatabase
        | Provenance::AutoconfigAuthenticated
        | Provenance::SrvSecure
        | Provenance::Confirmed => true,
        Provenance::SrvInsecure | Provenance::AutoconfigUnauthenticated => server
            .host()
            .name()
            .is_some_and(|host| host.is_within(domain)),
        // What stands behind an alias is no server by itself, and a guess is nobody's word.
        Provenance::TlsaBaseDomain | Provenance::Guessed => false,
    }
}
