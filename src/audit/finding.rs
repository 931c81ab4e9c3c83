//! One finding, its data, its code and its clause.

use std::time::Duration;

use pki_types::UnixTime;

use super::client::MailClient;
use super::inventory::TlsVersion;
use crate::discovery::{DnsFailure, RecordType, Transport};
use crate::identity::{MalformedName, NameKind};
use crate::name::HostName;
use crate::service::{Service, TlsMode};
use crate::text::UntrustedText;
use crate::verify::dane::{
    TlsaMatching, TlsaNearMiss, TlsaRecord, TlsaSelector, TlsaUsage, UnusableTlsa,
};
use crate::verify::{CheckFailure, Fingerprint};

/// Something that the operator should know, with how grave it is and where it was found.
///
/// [`Display`](std::fmt::Display) is one sentence that says where, what, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    level: Level,
    subject: Subject,
    problem: Problem,
}

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// Clients are refused or exposed, or a MUST is not met.
    Error,
    /// It will break, or some clients suffer, or a SHOULD is not met.
    Warning,
    /// It could be better.
    Advice,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// A mail domain.
    Domain(HostName),
    /// A server.
    #[non_exhaustive]
    Server {
        /// Its service.
        service: Service,
        /// How it begins.
        transport: Transport,
        /// Its host.
        host: HostName,
        /// Its port.
        port: u16,
    },
    /// A certificate chain on a server.
    #[non_exhaustive]
    Chain {
        /// The chain's label.
        label: Box<str>,
        /// A host that shows it.
        host: HostName,
    },
    /// A set of DNS records: its name and type.
    Records(Box<str>),
}

/// What was found. `Display` is one plain sentence without a full stop, with what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Clients refuse the certificate, or the chain behind it.
    Certificate(CheckFailure),
    /// A certificate of the path ends soon.
    #[non_exhaustive]
    Expiring {
        /// Its place in the chain; `None` if it was not sent.
        position: Option<usize>,
        /// Its last second.
        not_after: UnixTime,
        /// How far that is ahead.
        left: Duration,
    },
    /// The certificates do not stand in the order in which each is signed by the next.
    #[non_exhaustive]
    WrongOrder {
        /// Where each certificate of the right order stands now, counted from 0.
        order: Vec<usize>,
    },
    /// Certificates that have nothing to do with the path are sent along.
    #[non_exhaustive]
    ExtraCertificates {
        /// Where they stand, counted from 0.
        positions: Vec<usize>,
    },
    /// The root is sent along, which its clients have already.
    #[non_exhaustive]
    RootSent {
        /// Where it stands, counted from 0.
        position: usize,
    },
    /// A name in the certificate is not well-formed, and matches nothing.
    #[non_exhaustive]
    MalformedName {
        /// What it was meant to be.
        kind: NameKind,
        /// What is wrong with it.
        reason: MalformedName,
        /// The name.
        name: UntrustedText,
    },
    /// The server's host is not in its certificate.
    #[non_exhaustive]
    HostNotNamed {
        /// The host.
        host: HostName,
    },
    /// The server's host is in the common name alone.
    #[non_exhaustive]
    CommonNameOnly {
        /// The host.
        host: HostName,
    },
    /// The server's host is covered by a wildcard alone.
    #[non_exhaustive]
    WildcardOnly {
        /// The host.
        host: HostName,
        /// What stands behind `*.`.
        parent: UntrustedText,
    },
    /// Users who come through the domain's SRV records find no name that they could expect.
    #[non_exhaustive]
    SourceDomainNotNamed {
        /// The domain.
        domain: HostName,
    },
    /// The mail domain has no DNS-ID.
    #[non_exhaustive]
    DomainNotNamed {
        /// The domain.
        domain: HostName,
    },
    /// An advertised service of the domain has no SRV-ID.
    #[non_exhaustive]
    ServiceNotNamed {
        /// The service, without its underscore.
        service: &'static str,
        /// The domain.
        domain: HostName,
        /// A DNS-ID stands in for it.
        has_dns_id: bool,
    },
    /// Several domains share the server, and nothing makes it verifiable for this one.
    #[non_exhaustive]
    DomainUncovered {
        /// The domain.
        domain: HostName,
    },
    /// DNS gave no answer that clients would use.
    #[non_exhaustive]
    DnsFailed {
        /// Why.
        failure: DnsFailure,
    },
    /// Records that guide clients are not signed.
    #[non_exhaustive]
    Unsigned {
        /// Of which type.
        record_type: RecordType,
        /// Whether the parent zone is, where that is known.
        parent_is_signed: Option<bool>,
    },
    /// A server is not advertised by SRV records.
    #[non_exhaustive]
    NotAdvertised {
        /// The service.
        service: Service,
        /// Its mode.
        mode: TlsMode,
    },
    /// SRV records do not put implicit TLS before STARTTLS.
    #[non_exhaustive]
    ImplicitNotPreferred {
        /// The service.
        service: Service,
        /// The best priority with implicit TLS.
        implicit: u16,
        /// The best priority with STARTTLS.
        starttls: u16,
    },
    /// SRV records do not put TLS before a server without it.
    #[non_exhaustive]
    CleartextPreferred {
        /// The service.
        service: Service,
        /// The best priority with TLS; `None` where no server with TLS is advertised.
        tls: Option<u16>,
        /// The best priority of a server without.
        cleartext: u16,
    },
    /// IMAP and POP3 are advertised with the same priority.
    #[non_exhaustive]
    NoAccessPreference {
        /// The priority.
        priority: u16,
    },
    /// `.` stands beside other targets.
    DenialAmongTargets,
    /// A record points to what is no host, or to port 0.
    #[non_exhaustive]
    BadTarget {
        /// What it points to.
        target: UntrustedText,
    },
    /// A record points to an alias.
    #[non_exhaustive]
    TargetIsAlias {
        /// What it points to.
        host: HostName,
        /// What that is an alias of.
        canonical: HostName,
    },
    /// A record points to a host without an address.
    #[non_exhaustive]
    TargetWithoutAddress {
        /// The host.
        host: HostName,
    },
    /// A record points to a port that is registered for something else.
    #[non_exhaustive]
    WrongPort {
        /// The port.
        port: u16,
        /// For which service it is registered.
        service: Service,
        /// For which mode.
        mode: TlsMode,
    },
    /// A record points to a port other than the registered one.
    #[non_exhaustive]
    UnusualPort {
        /// The port.
        port: u16,
        /// The registered one.
        registered: u16,
    },
    /// A record points to where the inventory has no such server.
    #[non_exhaustive]
    NoSuchServer {
        /// The host.
        host: HostName,
        /// The port.
        port: u16,
    },
    /// TLSA records are published and not signed.
    TlsaUnsigned,
    /// There are none, though they could be signed.
    TlsaMissing,
    /// What leads to the records is not signed, so that clients do not use them.
    #[non_exhaustive]
    TlsaUnreachable {
        /// Which records are not.
        record_type: RecordType,
    },
    /// There are more than clients look at.
    TlsaTooMany,
    /// No record that clients use matches the chain: they refuse the server.
    #[non_exhaustive]
    TlsaMismatch {
        /// The chain's label.
        chain: Box<str>,
        /// What explains it best.
        near_miss: Option<TlsaNearMiss>,
    },
    /// A record matches, and clients that use it refuse the server all the same.
    #[non_exhaustive]
    TlsaRefused {
        /// The chain's label.
        chain: Box<str>,
        /// Why.
        failure: CheckFailure,
    },
    /// Records of one combination match another chain only, past or future.
    #[non_exhaustive]
    TlsaCombination {
        /// The chain's label.
        chain: Box<str>,
        /// The usage.
        usage: TlsaUsage,
        /// The selector.
        selector: TlsaSelector,
        /// The matching type.
        matching: TlsaMatching,
        /// What explains it best.
        near_miss: Option<TlsaNearMiss>,
    },
    /// The published authority is not among the certificates that are sent.
    #[non_exhaustive]
    TlsaAnchorNotSent {
        /// The chain's label.
        chain: Box<str>,
        /// The record.
        record: TlsaRecord,
    },
    /// A record matches nothing that is deployed, beside one that does.
    #[non_exhaustive]
    TlsaLeftOver {
        /// The record.
        record: TlsaRecord,
    },
    /// A record cannot be used by any client.
    #[non_exhaustive]
    TlsaUnusable {
        /// The record.
        record: TlsaRecord,
        /// Why.
        reason: UnusableTlsa,
    },
    /// SHA2-512 is the only digest.
    TlsaOnlySha512,
    /// A record holds a whole certificate or key.
    #[non_exhaustive]
    TlsaFull {
        /// Its selector.
        selector: TlsaSelector,
        /// Its octets.
        octets: usize,
    },
    /// A record has a usage that mail programs ignore.
    #[non_exhaustive]
    TlsaPkixUsage {
        /// The usage.
        usage: TlsaUsage,
    },
    /// There is no record of the recommended form.
    TlsaNotRecommended,
    /// An authority is published by its key.
    TlsaAnchorByKey,
    /// TLSA records are cached for long.
    #[non_exhaustive]
    TlsaLongTtl {
        /// For how long.
        ttl: Duration,
        /// How long is not.
        limit: Duration,
    },
    /// The records' signatures are good for long.
    #[non_exhaustive]
    TlsaLongSignature {
        /// For how long.
        validity: Duration,
        /// How long is not.
        limit: Duration,
    },
    /// A service has no TLS at all.
    #[non_exhaustive]
    NoTls {
        /// The service.
        service: Service,
    },
    /// A server has no TLS, beside others that have.
    Cleartext,
    /// A service has no server with implicit TLS.
    #[non_exhaustive]
    NoImplicitTls {
        /// The service.
        service: Service,
    },
    /// A service has no server with STARTTLS.
    #[non_exhaustive]
    NoStartTls {
        /// The service.
        service: Service,
    },
    /// A version is offered that is forbidden.
    #[non_exhaustive]
    OldVersion {
        /// The version.
        version: TlsVersion,
    },
    /// Neither TLS 1.2 nor 1.3 is offered.
    NoModernVersion,
    /// TLS 1.3 is not offered.
    NoTls13,
    /// The best version is older than it was.
    #[non_exhaustive]
    VersionRegression {
        /// The best one before.
        before: TlsVersion,
        /// The best one now.
        now: TlsVersion,
    },
    /// A server for STARTTLS does not list it.
    StartTlsNotOffered,
    /// A way to log in is listed before TLS.
    LoginBeforeTls,
    /// A client that works now would not after the renewal.
    #[non_exhaustive]
    ClientBreaks {
        /// The client.
        client: MailClient,
        /// Why.
        failure: CheckFailure,
    },
    /// A pin holds now and would not after the renewal.
    #[non_exhaustive]
    PinBreaks {
        /// The pin.
        pin: Fingerprint,
        /// What to pin in its place.
        next: Fingerprint,
    },
    /// A record has to be published before the renewal, and two times to live before it.
    #[non_exhaustive]
    TlsaToPublish {
        /// The record.
        record: TlsaRecord,
        /// The earliest time for the new chain, if it is published at the time of the audit.
        earliest: UnixTime,
    },
    /// The record is there, and not for long enough yet.
    #[non_exhaustive]
    TlsaTooYoung {
        /// The earliest time for the new chain.
        earliest: UnixTime,
    },
}

impl Finding {
    pub(super) const fn new(level: Level, subject: Subject, problem: Problem) -> Self {
        Self {
            level,
            subject,
            problem,
        }
    }

    /// How grave it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        self.level
    }

    /// What it is about.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What was found, with its data.
    #[must_use]
    pub const fn problem(&self) -> &Problem {
        &self.problem
    }

    /// A name for the kind of finding that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.problem.code()
    }

    /// The clause that asks for something else.
    #[must_use]
    pub const fn clause(&self) -> &'static str {
        self.problem.clause()
    }
}

impl Level {
    /// Its name: `error`, `warning` or `advice`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Advice => "advice",
        }
    }
}

impl Problem {
    /// As [`Finding::code`].
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.code_and_clause().0
    }

    /// As [`Finding::clause`].
    #[must_use]
    pub const fn clause(&self) -> &'static str {
        self.code_and_clause().1
    }
}
