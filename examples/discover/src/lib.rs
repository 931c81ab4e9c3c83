//! Between [`mail_tls::discovery`], which asks no DNS by itself, and hickory-resolver, which
//! validates DNSSEC: questions go out side by side, answers come back with their status.
//!
//! What DNSSEC found is hickory's own validation, down from the trust anchor: the name server that
//! it asks, and the network to it, need not be trusted.

mod answers;
mod arguments;

use std::error::Error;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::dnssec::TrustAnchors;
use hickory_resolver::proto::rr::{Name, RecordType as HickoryType};
use mail_tls::discovery::{
    Answer, Configuration, Discovery, DnsFailure, Lookup, Plan, Question, RecordType,
    ServiceConfiguration,
};
use mail_tls::{Account, EmailAddress, HostName};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use answers::follow;
pub use arguments::Arguments;

/// For one packet, where a person waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// A validating resolver. Cheap to clone; all clones share one cache.
#[derive(Debug, Clone)]
pub struct Dns {
    resolver: TokioResolver,
}

/// What asks questions and takes answers: [`Discovery`] and [`Lookup`] do it alike.
pub trait Asks {
    /// The next question.
    fn next_question(&mut self) -> Option<Question>;
    /// Its answer.
    fn answer(&mut self, question: &Question, answer: Answer) -> bool;
    /// There will be no more answers.
    fn expire(&mut self);
}

impl Dns {
    /// With these name servers and trust anchors. `patience` is for one packet; each is sent twice.
    ///
    /// # Errors
    ///
    /// If the configuration is not one.
    pub fn new(
        config: ResolverConfig,
        anchors: TrustAnchors,
        patience: Duration,
    ) -> Result<Self, NetError> {
        let runtime = TokioRuntimeProvider::default();
        // The path in hickory's options would switch validation on without being read.
        let mut builder =
            TokioResolver::builder_with_config(config, runtime).with_trust_anchor(anchors.into());
        let options = builder.options_mut();
        options.validate = true;
        options.timeout = patience;
        options.attempts = 1;
        // The aliases have a status of their own (RFC 7673 §3.1, RFC 7671 §7).
        options.preserve_intermediates = true;
        // A hosts file has no DNSSEC status.
        options.use_hosts_file = ResolveHosts::Never;
        let resolver = builder.build()?;
        Ok(Self { resolver })
    }

    /// Answers every question until there is none, side by side; after `limit` the rest counts as
    /// timed out. `tell` sees each answer.
    pub async fn answer_all(
        &self,
        asking: &mut impl Asks,
        limit: Duration,
        mut tell: impl FnMut(&Question, &Answer),
    ) {
        let deadline = Instant::now() + limit;
        let mut running = JoinSet::new();
        loop {
            while let Some(question) = asking.next_question() {
                let dns = self.clone();
                running.spawn(async move {
                    let answer = dns.ask(&question).await;
                    (question, answer)
                });
            }
            match timeout_at(deadline, running.join_next()).await {
                Ok(Some(Ok((question, answer)))) => {
                    tell(&question, &answer);
                    asking.answer(&question, answer);
                }
                // Nothing runs, and nothing is asked.
                Ok(None) => return,
                // Too late, or a lookup has died. What is missing counts as timed out, never as
                // absent; lookups that still run end with the set.
                Ok(Some(Err(_))) | Err(_) => return asking.expire(),
            }
        }
    }

    /// The answer to one question, with every alias on the way to it.
    pub fn ask(&self, question: &Question) -> impl Future<Output = Answer> + Send + use<> {
        let resolver = self.resolver.clone();
        let wanted = match question.record_type() {
            RecordType::Srv => Some(HickoryType::SRV),
            RecordType::A => Some(HickoryType::A),
            RecordType::Aaaa => Some(HickoryType::AAAA),
            RecordType::Tlsa => Some(HickoryType::TLSA),
            _ => None,
        };
        // With the dot at the end: no search list.
        let name = Name::from_ascii(format!("{}.", question.name()));
        async move {
            match (wanted, name) {
                (Some(wanted), Ok(name)) => follow(&resolver, name, wanted).await,
                (None, _) | (_, Err(_)) => Answer::failed(DnsFailure::Malformed),
            }
        }
    }

    /// The addresses to connect to. That they are genuine is for TLS to show.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub async fn addresses(&self, host: &HostName) -> Result<Vec<IpAddr>, NetError> {
        let found = self.resolver.lookup_ip(format!("{host}.")).await?;
        Ok(found.iter().collect())
    }
}

/// A resolver that asks `server`, or the system's name servers, and trusts the keys in the file
/// (DNSKEY records), or those of the DNS root.
///
/// # Errors
///
/// If the system's configuration or the file cannot be read.
pub fn resolver(
    server: Option<SocketAddr>,
    trust_anchor: Option<&Path>,
) -> Result<Dns, Box<dyn Error>> {
    let config = match server {
        Some(server) => name_server(server),
        None => hickory_resolver::system_conf::read_system_conf()?.0,
    };
    let anchors = match trust_anchor {
        Some(file) => TrustAnchors::from_file(file)
            .map_err(|error| format!("cannot read {}: {error}", file.display()))?,
        None => TrustAnchors::default(),
    };
    Ok(Dns::new(config, anchors, PATIENCE)?)
}

/// What there is to ask about an address, side by side.
///
/// # Errors
///
/// If there is nothing.
pub fn discovery(address: &EmailAddress) -> Result<Discovery, &'static str> {
    // Among servers of one priority the seed chooses: any number will do, another each time.
    let discovery = Discovery::for_address(address, RandomState::new().hash_one(0));
    let discovery = discovery.ok_or("an address with an IP address has no SRV records")?;
    Ok(discovery.in_parallel())
}

/// The plan for a service, with what DNS says of its servers.
pub fn plan(
    discovery: &Discovery,
    configuration: &Configuration,
    service: &ServiceConfiguration,
    account: &Account,
) -> Plan {
    let mut plan = Plan::new(configuration, service.service(), account);
    for server in service.servers() {
        let name = server.host().name();
        let records = name.and_then(|name| discovery.server_records(name, server.port()));
        if let Some(records) = records {
            plan.set_records(server.host(), server.port(), &records);
        }
    }
    plan
}

/// The configuration that asks this one name server.
pub fn name_server(server: SocketAddr) -> ResolverConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    let server = NameServerConfig::new(server.ip(), true, connections.into());
    ResolverConfig::from_parts(None, Vec::new(), vec![server])
}

impl Asks for Discovery {
    fn next_question(&mut self) -> Option<Question> {
        self.next_question()
    }

    fn answer(&mut self, question: &Question, answer: Answer) -> bool {
        self.answer(question, answer)
    }

    fn expire(&mut self) {
        self.expire();
    }
}

impl Asks for Lookup {
    fn next_question(&mut self) -> Option<Question> {
        self.next_question()
    }

    fn answer(&mut self, question: &Question, answer: Answer) -> bool {
        self.answer(question, answer)
    }

    fn expire(&mut self) {
        self.expire();
    }
}
