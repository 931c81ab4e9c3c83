//! Questions for DNS, and their answers with what DNSSEC says of them.

use std::fmt;
use std::time::Duration;

use crate::limits::{ALIASES, EXCERPT, SRV_RECORDS, TLSA_ANSWER};
use crate::name::HostName;
use crate::service::{Service, TlsMode};
use crate::text::UntrustedText;

/// What DNSSEC validation found of an answer (RFC 4035 §4.3).
///
/// It has to come from a validating resolver: the AD bit of one that is reached over a trusted path,
/// or the program's own validation. A resolver that does not validate at all, or has no trust
/// anchor for the zone, gives `Insecure`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DnsStatus {
    /// Signed, and the signatures are good up to a trust anchor.
    Secure,
    /// Proven not to be signed, or not validated.
    Insecure,
    /// It should be signed, and could not be validated.
    Indeterminate,
    /// It should be signed, and the signatures are wrong: it may be forged.
    Bogus,
}

/// The type of the records that are asked for. All are of the class IN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RecordType {
    /// Locations of a service (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// What a server's certificate has to be (RFC 6698).
    Tlsa,
}

/// A question for the embedder's resolver. `Display` writes `_imaps._tcp.example.org SRV`.
///
/// The name consists of A-labels (RFC 7673 §8), and is fully qualified though it has no dot at its
/// end: no search list applies.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    name: Box<str>,
    record_type: RecordType,
}

/// An answer to a [`Question`], as the embedder's resolver has given it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(super) data: Data,
    pub(super) aliases: Vec<HostName>,
    pub(super) lifetime: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    Srv(DnsStatus, Vec<SrvRecord>),
    Addresses(DnsStatus),
    Tlsa(DnsStatus, Vec<Box<[u8]>>),
    Nothing(DnsStatus),
    Failed(DnsFailure),
}

/// Why there is no answer. None of them means that there are no records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DnsFailure {
    /// The server failed (SERVFAIL); it may be that a validating resolver found the answer bogus.
    #[error("the DNS server failed")]
    ServerFailure,
    /// There was no answer in time.
    #[error("the DNS server did not answer in time")]
    TimedOut,
    /// The server refused the question, or could not be reached.
    #[error("the DNS server refused the question or cannot be reached")]
    Refused,
    /// The answer could not be read, or is not of the type that was asked for.
    #[error("the DNS answer is malformed")]
    Malformed,
    /// DNSSEC validation failed.
    #[error("the DNS answer fails its DNSSEC validation, and may be forged")]
    Bogus,
    /// DNSSEC validation could not be done.
    #[error("the DNS answer should be signed, and could not be validated")]
    Indeterminate,
    /// The answer has more records or aliases than are looked at.
    #[error("the DNS answer is too large")]
    TooLarge,
}

impl DnsFailure {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ServerFailure => "dns-server-failure",
            Self::TimedOut => "dns-timed-out",
            Self::Refused => "dns-refused",
            Self::Malformed => "dns-malformed",
            Self::Bogus => "dns-bogus",
            Self::Indeterminate => "dns-indeterminate",
            Self::TooLarge => "dns-too-large",
        }
    }
}

/// One SRV record (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SrvRecord {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    pub(super) target: SrvTarget,
}

/// Where an SRV record points to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum SrvTarget {
    Host(HostName),
    /// The root: the service is decidedly not available.
    NotAvailable,
    Invalid(UntrustedText),
}

impl DnsStatus {
    /// The status of what was found by way of both: the weaker of the two. The status of a chain
    /// of aliases is that of its weakest link (RFC 7673 §3.1).
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// Bogus and indeterminate answers count as no answer at all (RFC 7673 §3.1, §3.2, §3.4).
    pub(super) fn failure(self) -> Option<DnsFailure> {
        match self {
            Self::Secure | Self::Insecure => None,
            Self::Indeterminate => Some(DnsFailure::Indeterminate),
            Self::Bogus => Some(DnsFailure::Bogus),
        }
    }
}

impl Question {
    /// For the SRV records of a service in a mode (RFC 6186 §3, RFC 8314 §5.1).
    ///
    /// `None` for a service that has no label, and where the name would be longer than names can
    /// be: then nothing can be there.
    #[must_use]
    pub fn srv(service: Service, mode: TlsMode, domain: &HostName) -> Option<Self> {
        let label = service.srv_label(mode)?;
        Self::new(format!("_{label}._tcp.{domain}"), RecordType::Srv)
    }

    /// RFC 7673 §3.3. A host with an underscore has no such name (RFC 6698 §3).
    pub(crate) fn tlsa(host: &HostName, port: u16) -> Option<Self> {
        if host.as_str().contains('_') {
            return None;
        }
        Self::new(format!("_{port}._tcp.{host}"), RecordType::Tlsa)
    }

    pub(crate) fn addresses(host: &HostName) -> [Option<Self>; 2] {
        [RecordType::A, RecordType::Aaaa].map(|family| Self::new(host.to_string(), family))
    }

    fn new(name: String, record_type: RecordType) -> Option<Self> {
        let fits = name.len() <= crate::limits::DNS_NAME;
        fits.then(|| Self {
            name: name.into(),
            record_type,
        })
    }

    /// The name, without a dot at its end.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of the records.
    pub fn record_type(&self) -> RecordType {
        self.record_type
    }
}

impl Answer {
    /// SRV records.
    pub fn srv(status: DnsStatus, records: impl IntoIterator<Item = SrvRecord>) -> Self {
        let records: Vec<_> = records.into_iter().take(SRV_RECORDS + 1).collect();
        if records.len() > SRV_RECORDS {
            return Self::failed(DnsFailure::TooLarge);
        }
        Self::of(status, Data::Srv(status, records))
    }

    /// There are addresses of the family that was asked for. Which ones is the connection's matter.
    pub fn addresses(status: DnsStatus) -> Self {
        Self::of(status, Data::Addresses(status))
    }

    /// TLSA records, each its RDATA.
    pub fn tlsa(status: DnsStatus, records: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut kept = Vec::new();
        let mut octets = 0_usize;
        for record in records {
            octets = octets.saturating_add(record.len()).saturating_add(1);
            if octets > TLSA_ANSWER {
                return Self::failed(DnsFailure::TooLarge);
            }
            kept.push(record.into_boxed_slice());
        }
        Self::of(status, Data::Tlsa(status, kept))
    }

    /// There are no such records: the name does not exist (NXDOMAIN), or has none of the type
    /// (NODATA). The status is that of the proof.
    ///
    /// It is also the answer for an address family that the program does not use.
    pub fn nothing(status: DnsStatus) -> Self {
        Self::of(status, Data::Nothing(status))
    }

    /// There is no answer.
    pub fn failed(failure: DnsFailure) -> Self {
        Self {
            data: Data::Failed(failure),
            aliases: Vec::new(),
            lifetime: None,
        }
    }

    fn of(status: DnsStatus, data: Data) -> Self {
        Self {
            data: status.failure().map_or(data, Data::Failed),
            aliases: Vec::new(),
            lifetime: None,
        }
    }

    /// How long the answer holds: the smallest TTL in it, of its aliases and signatures too.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// The answer was found by way of an alias (CNAME or DNAME) to `name`. Called once for each
    /// link, in their order; the answer is as secure as the weakest.
    #[must_use]
    pub fn via_alias(mut self, name: HostName, status: DnsStatus) -> Self {
        if self.aliases.len() >= ALIASES {
            return Self::failed(DnsFailure::TooLarge);
        }
        self.aliases.push(name);
        self.data = match self.data {
            Data::Failed(failure) => Data::Failed(failure),
            Data::Srv(own, records) => Data::Srv(own.and(status), records),
            Data::Addresses(own) => Data::Addresses(own.and(status)),
            Data::Tlsa(own, records) => Data::Tlsa(own.and(status), records),
            Data::Nothing(own) => Data::Nothing(own.and(status)),
        };
        if let Some(failure) = status.failure() {
            self.data = Data::Failed(failure);
        }
        self
    }
}

/// What an answer says, for who reads it besides: an [audit](crate::audit), a report.
impl Answer {
    /// SRV records with their status.
    #[must_use]
    pub fn as_srv(&self) -> Option<(DnsStatus, &[SrvRecord])> {
        match &self.data {
            Data::Srv(status, records) => Some((*status, records)),
            Data::Addresses(_) | Data::Tlsa(..) | Data::Nothing(_) | Data::Failed(_) => None,
        }
    }

    /// TLSA records with their status, each its RDATA.
    pub(crate) fn as_tlsa(&self) -> Option<(DnsStatus, &[Box<[u8]>])> {
        match &self.data {
            Data::Tlsa(status, records) => Some((*status, records)),
            Data::Addresses(_) | Data::Srv(..) | Data::Nothing(_) | Data::Failed(_) => None,
        }
    }

    /// The status of the addresses, if there are any.
    pub(crate) fn address_status(&self) -> Option<DnsStatus> {
        match &self.data {
            Data::Addresses(status) => Some(*status),
            Data::Tlsa(..) | Data::Srv(..) | Data::Nothing(_) | Data::Failed(_) => None,
        }
    }

    /// Of records, or of the proof that there are none.
    #[must_use]
    pub fn status(&self) -> Option<DnsStatus> {
        match &self.data {
            Data::Srv(status, _)
            | Data::Tlsa(status, _)
            | Data::Addresses(status)
            | Data::Nothing(status) => Some(*status),
            Data::Failed(_) => None,
        }
    }

    /// Why there is no answer.
    #[must_use]
    pub fn failure(&self) -> Option<DnsFailure> {
        match &self.data {
            Data::Failed(failure) => Some(*failure),
            Data::Srv(..) | Data::Tlsa(..) | Data::Addresses(_) | Data::Nothing(_) => None,
        }
    }

    /// The links of the chain of aliases, in their order.
    pub(crate) fn aliases(&self) -> &[HostName] {
        &self.aliases
    }

    pub(crate) fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }
}

impl SrvRecord {
    /// Its priority: the lowest is tried first (RFC 2782).
    #[must_use]
    pub fn priority(&self) -> u16 {
        self.priority
    }

    /// The port of its target.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The host of its target; `None` for `.`, which denies the service, and for what is no host.
    #[must_use]
    pub fn host(&self) -> Option<&HostName> {
        match &self.target {
            SrvTarget::Host(host) => Some(host),
            SrvTarget::NotAvailable | SrvTarget::Invalid(_) => None,
        }
    }

    /// It says that the service is not available.
    pub(crate) fn denies(&self) -> bool {
        self.target == SrvTarget::NotAvailable
    }

    /// What stands where a host and a port should.
    pub(crate) fn invalid(&self) -> Option<&UntrustedText> {
        match &self.target {
            SrvTarget::Invalid(text) => Some(text),
            SrvTarget::NotAvailable | SrvTarget::Host(_) => None,
        }
    }
}

impl SrvRecord {
    /// A record as it was published. A `target` that is `.` says that the service is not available;
    /// one that is no host name is skipped and reported, as is the port 0.
    pub fn new(priority: u16, weight: u16, port: u16, target: &str) -> Self {
        let invalid = || SrvTarget::Invalid(UntrustedText::excerpt(target.as_bytes(), EXCERPT));
        let target = match target {
            "" | "." => SrvTarget::NotAvailable,
            _ if port == 0 => invalid(),
            name => HostName::parse(name).map_or_else(|_| invalid(), SrvTarget::Host),
        };
        Self {
            priority,
            weight,
            port,
            target,
        }
    }
}

/// For a log: `secure: 0 1 993 imap.example.org by way of _imaps._tcp.mail.example.org`.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.data {
            Data::Srv(status, records) if records.is_empty() => write!(f, "{status}: nothing")?,
            Data::Srv(status, records) => {
                write!(f, "{status}:")?;
                for (record, separator) in records.iter().zip(separators()) {
                    write!(f, "{separator} {record}")?;
                }
            }
            Data::Addresses(status) => write!(f, "{status}: there are addresses")?,
            Data::Tlsa(status, records) => {
                let count = records.len();
                let plural = if count == 1 { "" } else { "s" };
                write!(f, "{status}: {count} TLSA record{plural}")?;
            }
            Data::Nothing(status) => write!(f, "{status}: nothing")?,
            Data::Failed(failure) => write!(f, "{failure}")?,
        }
        for (alias, separator) in self.aliases.iter().zip(separators()) {
            write!(f, "{separator} by way of {alias}")?;
        }
        Ok(())
    }
}

fn separators() -> impl Iterator<Item = &'static str> {
    std::iter::once("").chain(std::iter::repeat(","))
}

/// As in a zone: `0 1 993 imap.example.org`.
impl fmt::Display for SrvRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            priority,
            weight,
            port,
            target,
        } = self;
        write!(f, "{priority} {weight} {port} ")?;
        match target {
            SrvTarget::Host(name) => name.fmt(f),
            SrvTarget::NotAvailable => f.write_str("."),
            SrvTarget::Invalid(text) => write!(f, "\"{text}\""),
        }
    }
}

impl fmt::Display for DnsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secure => "secure",
            Self::Insecure => "insecure",
            Self::Indeterminate => "indeterminate",
            Self::Bogus => "bogus",
        })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.record_type)
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Srv => "SRV",
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Tlsa => "TLSA",
        })
    }
}
