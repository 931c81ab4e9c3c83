//! What an operator runs and publishes: the facts that an audit judges.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pki_types::{CertificateDer, UnixTime};

use crate::discovery::{Answer, Question, Transport};
use crate::limits;
use crate::name::HostName;
use crate::service::{Service, TlsMode};
use crate::verify::Fingerprint;

/// What is run and published: mail domains, servers with their certificates, and DNS records.
///
/// What is not told is not judged: a server without TLS versions is not said to have old ones, and
/// a question of [`questions`](Self::questions) that was not answered leads to no finding.
///
/// ```
/// use mail_tls::audit::{Inventory, Listener, MailDomain, TlsVersion};
/// use mail_tls::discovery::{Answer, DnsStatus, RecordType, SrvRecord, Transport};
/// use mail_tls::{HostName, Service};
///
/// let mut inventory = Inventory::default();
/// inventory.add_domain(MailDomain::new(HostName::parse("example.org")?))?;
/// let host = HostName::parse("imap.example.org")?;
/// inventory.add_listener(
///     Listener::new(Service::Imap, Transport::Implicit, host, 993)
///         .with_versions([TlsVersion::Tls12, TlsVersion::Tls13]),
/// )?;
/// loop {
///     let questions = inventory.questions(); // answers lead to new ones
///     if questions.is_empty() {
///         break;
///     }
///     for question in questions {
///         let answer = match question.name() { // the resolver
///             "_imaps._tcp.example.org" => {
///                 Answer::srv(DnsStatus::Secure, [SrvRecord::new(0, 1, 993, "imap.example.org.")])
///             }
///             _ => Answer::nothing(DnsStatus::Secure),
///         };
///         inventory.answer(&question, answer)?;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    pub(super) domains: Vec<MailDomain>,
    pub(super) listeners: Vec<Listener>,
    pub(super) previous: Vec<Listener>,
    pub(super) pins: Vec<Fingerprint>,
    answers: BTreeMap<Question, Fact>,
}

/// A domain of email addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailDomain {
    pub(super) name: HostName,
    pub(super) parent_is_signed: Option<bool>,
}

/// A server on one port. Cheap enough to clone: chains are shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub(super) service: Service,
    pub(super) transport: Transport,
    pub(super) host: HostName,
    pub(super) port: u16,
    /// `None`: all of the inventory.
    pub(super) domains: Option<Vec<HostName>>,
    pub(super) chains: Vec<ServerChain>,
    /// Empty: not known.
    pub(super) versions: Vec<TlsVersion>,
    pub(super) capabilities: Option<Vec<Box<str>>>,
}

/// A certificate chain as a server shows it, its own certificate first, with a label for the
/// report: the name of its file. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerChain {
    pub(super) label: Arc<str>,
    pub(super) certificates: Arc<[CertificateDer<'static>]>,
    /// Empty: it is the default.
    pub(super) names: Vec<HostName>,
}

/// A version of SSL or TLS that a server was seen to offer, the oldest ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsVersion {
    /// SSL 2.0 (RFC 6176 forbids it).
    Ssl2,
    /// SSL 3.0 (RFC 7568 forbids it).
    Ssl3,
    /// TLS 1.0 (RFC 8996 forbids it).
    Tls10,
    /// TLS 1.1 (RFC 8996 forbids it).
    Tls11,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

/// An inventory is larger than an audit looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an audit looks at no more than {limit} {what}: divide the inventory, for example by domains"
)]
#[non_exhaustive]
pub struct InventoryFull {
    /// Of what there are too many.
    pub what: &'static str,
    /// How many there may be.
    pub limit: usize,
}

impl InventoryFull {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "inventory-full"
    }
}

/// An answer, and what the operator knows of it besides.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    pub(super) answer: Answer,
    pub(super) published: Option<UnixTime>,
    pub(super) signed_for: Option<Duration>,
}

impl Inventory {
    /// Adds a domain.
    ///
    /// # Errors
    /// [`InventoryFull`] beyond [`AUDIT_DOMAINS`](crate::limits::AUDIT_DOMAINS).
    pub fn add_domain(&mut self, domain: MailDomain) -> Result<(), InventoryFull> {
        check_room("domains", self.domains.len(), limits::AUDIT_DOMAINS)?;
        if self.domains.iter().all(|known| known.name != domain.name) {
            self.domains.push(domain);
        }
        Ok(())
    }

    /// Adds a server.
    ///
    /// # Errors
    /// [`InventoryFull`] beyond [`AUDIT_LISTENERS`](crate::limits::AUDIT_LISTENERS), or if it has
    /// more chains than [`AUDIT_CHAINS`](crate::limits::AUDIT_CHAINS).
    pub fn add_listener(&mut self, listener: Listener) -> Result<(), InventoryFull> {
        check_room("servers", self.listeners.len(), limits::AUDIT_LISTENERS)?;
        let chains = listener.chains.len().saturating_sub(1);
        check_room("chains of one server", chains, limits::AUDIT_CHAINS)?;
        self.listeners.push(listener);
        Ok(())
    }

    /// Adds a server as it was at the last audit: its best version of TLS then may not be better
    /// than now (RFC 8314 §4.6).
    ///
    /// # Errors
    /// [`InventoryFull`] beyond [`AUDIT_LISTENERS`](crate::limits::AUDIT_LISTENERS).
    pub fn add_previous(&mut self, listener: Listener) -> Result<(), InventoryFull> {
        check_room("servers", self.previous.len(), limits::AUDIT_LISTENERS)?;
        self.previous.push(listener);
        Ok(())
    }

    /// Adds the fingerprint of a certificate or of a key that clients have pinned, for a
    /// [rehearsal](super::rehearse): of a [`Pin`](crate::Pin) that of the part that it holds on to.
    ///
    /// # Errors
    /// [`InventoryFull`] beyond [`AUDIT_PINS`](crate::limits::AUDIT_PINS).
    pub fn add_pin(&mut self, pin: Fingerprint) -> Result<(), InventoryFull> {
        check_room("pins", self.pins.len(), limits::AUDIT_PINS)?;
        self.pins.push(pin);
        Ok(())
    }

    /// What there is to ask DNS, as far as it can be known yet: answers lead to new questions, and
    /// none is asked again.
    ///
    /// These are the SRV records of each domain (RFC 6186 §3), and addresses and TLSA records
    /// (RFC 7673 §3.3) of each server, those included that the SRV records name.
    #[must_use]
    pub fn questions(&self) -> Vec<Question> {
        let mut questions = Vec::new();
        let mut ask = |question: Option<Question>| {
            let new = question.filter(|one| !self.answers.contains_key(one));
            questions.extend(new);
        };
        let mut servers: Vec<(&HostName, u16)> = self
            .listeners
            .iter()
            .map(|one| (&one.host, one.port))
            .collect();
        for domain in &self.domains {
            for (service, mode) in labels() {
                ask(Question::srv(service, mode, &domain.name));
                let records = self
                    .srv(&domain.name, service, mode)
                    .and_then(|fact| fact.answer.as_srv());
                let records = records.map(|(_, records)| records).unwrap_or_default();
                let targets = records
                    .iter()
                    .filter_map(|record| Some((record.host()?, record.port())));
                servers.extend(targets.take(limits::SRV_TARGETS));
            }
        }
        servers.sort_unstable();
        servers.dedup();
        for (host, port) in servers {
            Question::addresses(host).into_iter().for_each(&mut ask);
            ask(Question::tlsa(host, port));
            let target = self.address(host).and_then(|address| address.secure_alias);
            ask(target.and_then(|target| Question::tlsa(&target, port)));
        }
        questions.sort_unstable();
        questions.dedup();
        questions
    }

    /// Takes the answer to a question.
    ///
    /// # Errors
    /// [`InventoryFull`] beyond [`AUDIT_ANSWERS`](crate::limits::AUDIT_ANSWERS).
    pub fn answer(&mut self, question: &Question, answer: Answer) -> Result<(), InventoryFull> {
        check_room("DNS answers", self.answers.len(), limits::AUDIT_ANSWERS)?;
        let fact = Fact {
            answer,
            published: None,
            signed_for: None,
        };
        self.answers.insert(question.clone(), fact);
        Ok(())
    }

    /// Says since when the answer to this question has been what it is. A [rehearsal](super::rehearse)
    /// counts the time from there that caches may hold what was before; otherwise it counts from the
    /// time of the audit.
    ///
    /// Returns whether the question was answered.
    pub fn published_since(&mut self, question: &Question, since: UnixTime) -> bool {
        let fact = self.answers.get_mut(question);
        fact.map(|fact| fact.published = Some(since)).is_some()
    }

    /// Says for how long the DNSSEC signatures of the answer to this question are made
    /// (RFC 7671 §13): from their inception to their expiration.
    ///
    /// Returns whether the question was answered.
    pub fn signed_for(&mut self, question: &Question, validity: Duration) -> bool {
        let fact = self.answers.get_mut(question);
        fact.map(|fact| fact.signed_for = Some(validity)).is_some()
    }

    #[cfg(all(test, any(feature = "aws-lc-rs", feature = "ring")))]
    pub(super) fn answered(&self) -> impl Iterator<Item = &Question> {
        self.answers.keys()
    }

    pub(super) fn fact(&self, question: &Question) -> Option<&Fact> {
        self.answers.get(question)
    }

    pub(super) fn srv(&self, domain: &HostName, service: Service, mode: TlsMode) -> Option<&Fact> {
        self.fact(&Question::srv(service, mode, domain)?)
    }

    /// The domains that a listener serves.
    pub(super) fn domains_of<'a>(
        &'a self,
        listener: &'a Listener,
    ) -> impl Iterator<Item = &'a MailDomain> {
        self.domains
            .iter()
            .filter(|domain| match &listener.domains {
                None => true,
                Some(own) => own.contains(&domain.name),
            })
    }
}

impl MailDomain {
    /// A domain of which it is not known whether its parent zone is signed.
    #[must_use]
    pub const fn new(name: HostName) -> Self {
        Self {
            name,
            parent_is_signed: None,
        }
    }

    /// Says whether the parent zone is signed, so that the domain can be as well (RFC 8314 §4.5.3).
    #[must_use]
    pub fn with_signed_parent(mut self, is_signed: bool) -> Self {
        self.parent_is_signed = Some(is_signed);
        self
    }

    /// The domain.
    #[must_use]
    pub const fn name(&self) -> &HostName {
        &self.name
    }
}

impl Listener {
    /// A server. `transport` is how it begins; one that allows STARTTLS without requiring it is
    /// [`Transport::StartTls`].
    #[must_use]
    pub const fn new(service: Service, transport: Transport, host: HostName, port: u16) -> Self {
        Self {
            service,
            transport,
            host,
            port,
            domains: None,
            chains: Vec::new(),
            versions: Vec::new(),
            capabilities: None,
        }
    }

    /// Adds a chain that it shows: for the names of [`ServerChain::for_name`], or else by default.
    /// Several may be shown for one name, such as one with an ECDSA key and one with an RSA key.
    #[must_use]
    pub fn with_chain(mut self, chain: ServerChain) -> Self {
        self.chains.push(chain);
        self
    }

    /// The versions of TLS that it was seen to negotiate.
    #[must_use]
    pub fn with_versions(mut self, versions: impl IntoIterator<Item = TlsVersion>) -> Self {
        self.versions.extend(versions);
        self.versions.sort_unstable();
        self.versions.dedup();
        self
    }

    /// What it lists before TLS: the names of IMAP's `CAPABILITY`, the lines of POP3's `CAPA`, of
    /// `EHLO`, or of ManageSieve's capabilities.
    #[must_use]
    pub fn with_capabilities<'a>(mut self, items: impl IntoIterator<Item = &'a str>) -> Self {
        let items = items.into_iter().take(limits::DIALOG_LINES);
        self.capabilities = Some(items.map(Box::from).collect());
        self
    }

    /// The domains whose users it serves, in place of all those of the inventory.
    #[must_use]
    pub fn for_domains(mut self, domains: impl IntoIterator<Item = HostName>) -> Self {
        self.domains = Some(domains.into_iter().collect());
        self
    }

    /// The chains that are shown to who asks for this name (RFC 6066 §3): those for it, or else the
    /// default ones.
    pub(super) fn chains_for(&self, name: &HostName) -> Vec<&ServerChain> {
        let own = |chain: &&ServerChain| chain.names.contains(name);
        let found: Vec<_> = self.chains.iter().filter(own).collect();
        if found.is_empty() {
            let is_default = |chain: &&ServerChain| chain.names.is_empty();
            return self.chains.iter().filter(is_default).collect();
        }
        found
    }

    pub(super) fn is_at(&self, other: &Self) -> bool {
        self.service == other.service && self.host == other.host && self.port == other.port
    }

    /// The mode of a session; `None` without TLS.
    pub(super) fn mode(&self) -> Option<TlsMode> {
        self.transport.mode()
    }
}

impl ServerChain {
    /// A chain as it is sent, the server's own certificate first.
    #[must_use]
    pub fn new(
        label: &str,
        certificates: impl IntoIterator<Item = CertificateDer<'static>>,
    ) -> Self {
        Self {
            label: label.into(),
            certificates: certificates.into_iter().collect(),
            names: Vec::new(),
        }
    }

    /// It is shown to who asks for this name by SNI, and not by default. May be called again for
    /// more names.
    #[must_use]
    pub fn for_name(mut self, name: HostName) -> Self {
        self.names.push(name);
        self
    }

    /// The label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }
}

/// Certificates are for machines: the label says which they are.
impl fmt::Debug for ServerChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerChain")
            .field("label", &self.label)
            .field("certificates", &self.certificates.len())
            .field("names", &self.names)
            .finish()
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ssl2 => "SSL 2.0",
            Self::Ssl3 => "SSL 3.0",
            Self::Tls10 => "TLS 1.0",
            Self::Tls11 => "TLS 1.1",
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// The services that users' programs find by SRV records, each with both modes.
pub(super) fn labels() -> impl Iterator<Item = (Service, TlsMode)> {
    [
        Service::Imap,
        Service::Pop3,
        Service::Submission,
        Service::ManageSieve,
    ]
    .into_iter()
    .flat_map(|service| [(service, TlsMode::Implicit), (service, TlsMode::StartTls)])
    .filter(|(service, mode)| service.srv_label(*mode).is_some())
}

fn check_room(what: &'static str, count: usize, limit: usize) -> Result<(), InventoryFull> {
    if count < limit {
        Ok(())
    } else {
        Err(InventoryFull { what, limit })
    }
}
