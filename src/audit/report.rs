//! What an audit has found.

use std::fmt;

use super::finding::{Finding, Level, Problem, Subject};
use crate::limits;
use crate::name::HostName;

/// What an audit has found: the gravest findings first, then what it has seen.
#[derive(Debug, Clone)]
pub struct AuditReport {
    findings: Vec<Finding>,
    omitted: usize,
    chains: Vec<ChainNames>,
    coverage: Vec<Coverage>,
}

/// The names in a chain's certificate, by type (RFC 7817 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChainNames {
    /// The chain's label.
    pub label: Box<str>,
    /// Its DNS-IDs, wildcards with their star.
    pub dns_ids: Vec<Box<str>>,
    /// Its SRV-IDs, such as `_imaps.example.org`.
    pub srv_ids: Vec<Box<str>>,
    /// Its IP-IDs.
    pub ip_ids: Vec<Box<str>>,
    /// Its common name counts for clients that still look at it, because there is nothing else
    /// (RFC 6125 §6.4.4).
    pub has_only_common_name: bool,
    /// How many names of other types it has.
    pub others: usize,
    /// How many names it has that are not well-formed, or more than are shown.
    pub not_shown: usize,
}

/// How users of one domain can verify one server (RFC 7817 §5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Coverage {
    /// The domain.
    pub domain: HostName,
    /// The server.
    pub server: Subject,
    /// The ways, the best first. Empty: none.
    pub ways: Vec<Way>,
}

/// One of the ways of RFC 7817 §5.1 to serve a domain, by their numbers there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Way {
    /// 1: DNSSEC-protected SRV records lead to a host that its certificate names.
    SecureSrv,
    /// 2: the certificate names the domain, beside others.
    SharedCertificate,
    /// 3: the server is the domain's own, and its certificate names the domain.
    OwnServer,
    /// 4: a certificate that names the domain is selected by SNI.
    Sni,
    /// 1, without DNSSEC: clients have pinned the certificate.
    Pinned,
}

impl AuditReport {
    /// The findings, the gravest first.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The gravest level; `None` if nothing was found.
    #[must_use]
    pub fn worst(&self) -> Option<Level> {
        self.findings.first().map(Finding::level)
    }

    /// How many findings were left out, beyond
    /// [`AUDIT_FINDINGS`](crate::limits::AUDIT_FINDINGS).
    #[must_use]
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// The types of names in each chain.
    #[must_use]
    pub fn chains(&self) -> &[ChainNames] {
        &self.chains
    }

    /// How the users of each domain can verify each server.
    #[must_use]
    pub fn coverage(&self) -> &[Coverage] {
        &self.coverage
    }
}

impl Way {
    /// Its name, which does not change between versions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecureSrv => "secure-srv",
            Self::SharedCertificate => "shared-certificate",
            Self::OwnServer => "own-server",
            Self::Sni => "sni",
            Self::Pinned => "pinned",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SecureSrv => "signed SRV records to a server that its certificate names",
            Self::SharedCertificate => "a certificate that names the domain",
            Self::OwnServer => "a server of its own",
            Self::Sni => "a certificate selected by SNI",
            Self::Pinned => "a pinned certificate",
        })
    }
}

/// Gathers what is found.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    findings: Vec<Finding>,
    omitted: usize,
    pub(super) chains: Vec<ChainNames>,
    pub(super) coverage: Vec<Coverage>,
}

impl Gathering {
    pub(super) fn find(&mut self, level: Level, subject: Subject, problem: Problem) {
        let finding = Finding::new(level, subject, problem);
        if self.findings.contains(&finding) {
            return;
        }
        if self.findings.len() < limits::AUDIT_FINDINGS {
            self.findings.push(finding);
        } else {
            self.omitted = self.omitted.saturating_add(1);
        }
    }

    pub(super) fn into_report(mut self) -> AuditReport {
        // Stable: within a level and a kind of subject in the order in which they were found.
        self.findings
            .sort_by_key(|finding| (finding.level(), finding.subject().rank()));
        AuditReport {
            findings: self.findings,
            omitted: self.omitted,
            chains: self.chains,
            coverage: self.coverage,
        }
    }
}
