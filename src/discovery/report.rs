//! What a discovery has to tell besides its result, and what it has to ask.

use std::fmt;
use std::time::Duration;

use super::configuration::Configuration;
use super::dns::{DnsFailure, Question};
use super::server::MailServer;
use crate::identity::Provenance;
use crate::name::{Host, HostName};
use crate::policy::{Acknowledged, SealedWarning, Warning};
use crate::service::Service;
use crate::text::UntrustedText;

/// How the choice was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    findings: Vec<Finding>,
    alternatives: Vec<Service>,
    lifetime: Option<Duration>,
}

/// Something that was found and not taken, or not found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// There are no such records.
    #[non_exhaustive]
    NoRecords {
        /// The question.
        question: Question,
    },
    /// The domain says that it does not have the service under this label (RFC 6186 §3.4). Others
    /// may have it.
    #[non_exhaustive]
    NotOffered {
        /// The question.
        question: Question,
    },
    /// There is no answer that could be used. Nothing that DNS says of the service is taken then
    /// (RFC 7673 §3.1).
    #[non_exhaustive]
    LookupFailed {
        /// The question.
        question: Question,
        /// Why.
        failure: DnsFailure,
    },
    /// A record points to what is no host.
    #[non_exhaustive]
    InvalidRecord {
        /// The question.
        question: Question,
        /// What it points to.
        target: UntrustedText,
    },
    /// A server was not taken.
    #[non_exhaustive]
    Ignored {
        /// The server.
        server: MailServer,
        /// Why.
        reason: Ignored,
    },
}

/// Why a server was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ignored {
    /// It has no TLS, and others have it, or may have (RFC 8314 §5.1).
    CleartextWhereTlsMayBe,
    /// It has no TLS, and DNSSEC protects TLSA records for it (RFC 7673 §4).
    TlsRequiredByDns,
    /// A source that deserves more trust names servers for the service.
    BetterSource,
    /// A lookup for the service failed, so that its records may be forged or incomplete.
    LookupFailed,
    /// The host has no address.
    NoAddress,
    /// What DNS says of the host may be forged (RFC 7673 §3.2, §3.4).
    Failed(DnsFailure),
    /// The user said that it is not right.
    RejectedByUser,
}

/// A question for the user: is this server outside the domain the right one (RFC 8314 §5.1,
/// RFC 6186 §6)? Its `Display` is a text to show or to translate.
///
/// To confirm it, make it [`Acknowledged`] and give it to
/// [`Discovery::confirm`](super::Discovery::confirm); nothing is connected before. The server's
/// certificate is verified all the same, for the name that was confirmed.
#[derive(Debug)]
pub struct ConfirmTarget {
    domain: HostName,
    target: Host,
    provenance: Provenance,
}

/// Servers without TLS, where nothing with TLS is advertised (RFC 8314 §5.1).
///
/// A configuration comes out of it only with the [`CleartextTraffic`] warning acknowledged. The
/// account's minimum has to be lowered as well before it is of any use.
#[derive(Debug)]
pub struct CleartextProposal {
    configuration: Configuration,
    report: Report,
}

/// Traffic to these servers is not encrypted (RFC 8314 §5.1). From
/// [`CleartextProposal::warning`].
#[derive(Debug)]
pub struct CleartextTraffic {
    configuration: Configuration,
}

impl Report {
    pub(super) fn new(
        findings: Vec<Finding>,
        alternatives: Vec<Service>,
        lifetime: Option<Duration>,
    ) -> Self {
        Self {
            findings,
            alternatives,
            lifetime,
        }
    }

    /// What was found and not taken, or not found.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Services that are offered, and serve the same purpose as one that was chosen: POP3 where
    /// the domain prefers IMAP. The user may prefer otherwise.
    pub fn alternatives(&self) -> &[Service] {
        &self.alternatives
    }

    /// How long DNS said that this holds; `None` where no answer had a lifetime.
    pub fn lifetime(&self) -> Option<Duration> {
        self.lifetime
    }
}

impl ConfirmTarget {
    pub(super) fn new(domain: HostName, server: &MailServer) -> Self {
        Self {
            domain,
            target: server.host().clone(),
            provenance: server.provenance(),
        }
    }

    /// The domain of the user's address.
    pub fn domain(&self) -> &HostName {
        &self.domain
    }

    /// The server that is said to be the domain's.
    pub fn target(&self) -> &Host {
        &self.target
    }

    /// Who says so.
    pub fn provenance(&self) -> Provenance {
        self.provenance
    }
}

impl CleartextProposal {
    pub(super) fn new(configuration: Configuration, report: Report) -> Self {
        Self {
            configuration,
            report,
        }
    }

    /// The warning to show.
    pub fn warning(&self) -> CleartextTraffic {
        CleartextTraffic {
            configuration: self.configuration.clone(),
        }
    }

    /// The configuration of which the user was warned.
    pub fn accept(warned: Acknowledged<CleartextTraffic>) -> Configuration {
        warned.into_warning().configuration
    }

    /// How it came to this.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

impl SealedWarning for ConfirmTarget {}
impl Warning for ConfirmTarget {}
impl SealedWarning for CleartextTraffic {}
impl Warning for CleartextTraffic {}

impl fmt::Display for ConfirmTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            domain,
            target,
            provenance,
        } = self;
        match provenance {
            Provenance::Guessed => write!(
                f,
                "{target} may be the mail server of {domain}, but that is only a guess of this program."
            )?,
            Provenance::Typed
            | Provenance::Administrator
            | Provenance::ProviderDatabase
            | Provenance::AutoconfigAuthenticated
            | Provenance::AutoconfigUnauthenticated
            | Provenance::SrvSecure
            | Provenance::SrvInsecure
            | Provenance::Confirmed
            | Provenance::TlsaBaseDomain => write!(
                f,
                "{target} is said to be the mail server of {domain} ({provenance}), but an attacker on \
                 the network could have said so."
            )?,
        }
        write!(f, " Is {target} the server that your provider has named?")
    }
}

impl fmt::Display for CleartextTraffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Traffic to ")?;
        let mut hosts: Vec<&Host> = Vec::new();
        let servers = self.configuration.services().iter();
        for server in servers.flat_map(|service| service.servers()) {
            if !hosts.contains(&server.host()) {
                f.write_str(if hosts.is_empty() { "" } else { ", " })?;
                server.host().fmt(f)?;
                hosts.push(server.host());
            }
        }
        f.write_str(
            " will not be encrypted. Your password and your messages will likely be intercepted by \
             people who have no right to read them.",
        )
    }
}

impl Finding {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRecords { .. } => "no-records",
            Self::NotOffered { .. } => "not-offered",
            Self::LookupFailed { .. } => "lookup-failed",
            Self::InvalidRecord { .. } => "invalid-record",
            Self::Ignored { .. } => "ignored",
        }
    }
}

impl Ignored {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::CleartextWhereTlsMayBe => "cleartext-where-tls-may-be",
            Self::TlsRequiredByDns => "tls-required-by-dns",
            Self::BetterSource => "better-source",
            Self::LookupFailed => "service-lookup-failed",
            Self::NoAddress => "no-address",
            Self::Failed(failure) => failure.code(),
            Self::RejectedByUser => "rejected-by-user",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecords { question } => write!(f, "there are no records for {question}"),
            Self::NotOffered { question } => {
                write!(f, "the domain says that it does not offer {question}")
            }
            Self::LookupFailed { question, failure } => write!(f, "{question}: {failure}"),
            Self::InvalidRecord { question, target } => write!(
                f,
                "a record for {question} does not point to a host and port: \"{target}\""
            ),
            Self::Ignored { server, reason } => write!(f, "{server}, was left out: {reason}"),
        }
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CleartextWhereTlsMayBe => f.write_str("others offer encryption, or may"),
            Self::TlsRequiredByDns => f.write_str("DNS says that it has to be encrypted"),
            Self::BetterSource => f.write_str("another source deserves more trust"),
            Self::LookupFailed => f.write_str("a DNS lookup for the service failed"),
            Self::NoAddress => f.write_str("the host has no address"),
            Self::Failed(failure) => failure.fmt(f),
            Self::RejectedByUser => f.write_str("the user says that it is not right"),
        }
    }
}
