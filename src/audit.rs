//! An operator's own certificates, servers and DNS records under review (RFC 8314 §4, RFC 7817 §4
//! and §5, RFC 6186 §5, RFC 7671 §8, RFC 7673 §6).
//!
//! [`audit`] is a function of an [`Inventory`], an [`AuditPolicy`] and a time. It connects to
//! nothing and asks no DNS: the embedder brings the chains, what its servers were seen to offer, and
//! the answers to [`Inventory::questions`] with their DNSSEC status. Each [`Finding`] has a stable
//! code, a [`Level`], the clause that it rests on, its data in fields, and one sentence that an
//! operator can act on.
//!
//! [`rehearse`] does the same for a renewal before it is deployed: which clients, pins and TLSA
//! records it would break, and from when on it is safe. [`san_plan`] lists the names that a
//! certificate request needs, [`srv_plan`] the SRV records to publish.
//!
//! ```
//! # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
//! use mail_tls::audit::{AuditPolicy, Inventory, Level, Listener, MailDomain, audit};
//! use mail_tls::discovery::Transport;
//! use mail_tls::{HostName, Service, TrustAnchors};
//! use rustls::pki_types::UnixTime;
//!
//! # #[cfg(feature = "aws-lc-rs")]
//! # use rustls::crypto::aws_lc_rs as provider;
//! # #[cfg(not(feature = "aws-lc-rs"))]
//! # use rustls::crypto::ring as provider;
//! # let root = rcgen::generate_simple_self_signed(["ca.example".to_owned()])?;
//! # let root = TrustAnchors::from_der([root.cert.der().clone()])?;
//! let mut inventory = Inventory::default();
//! inventory.add_domain(MailDomain::new(HostName::parse("example.org")?))?;
//! let host = HostName::parse("mail.example.org")?;
//! inventory.add_listener(Listener::new(Service::Imap, Transport::Cleartext, host, 143))?;
//!
//! let algorithms = provider::default_provider().signature_verification_algorithms;
//! let report = audit(&inventory, &AuditPolicy::new(root, algorithms), UnixTime::now());
//! let finding = &report.findings()[0];
//! assert_eq!((finding.level(), finding.code()), (Level::Error, "no-tls"));
//! assert_eq!(finding.clause(), "RFC 8314 §4");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The levels follow what becomes of clients. A MUST that public authorities do not let operators
//! meet, such as SRV-IDs, is a [`Level::Warning`] as long as a DNS-ID stands in for it.
#![warn(
    clippy::wildcard_enum_match_arm,
    clippy::match_wildcard_for_single_variants
)]

mod chains;
mod clause;
mod client;
mod finding;
mod inventory;
mod names;
mod policy;
mod records;
mod rehearsal;
mod report;
mod san_plan;
mod sentence;
mod srv;
mod srv_plan;
#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests;
mod tls;
mod tlsa;
mod verdicts;

use pki_types::UnixTime;

pub use client::MailClient;
pub use finding::{Finding, Level, Problem, Subject};
pub use inventory::{Inventory, InventoryFull, Listener, MailDomain, ServerChain, TlsVersion};
pub use policy::AuditPolicy;
pub use rehearsal::{Rehearsal, Renewal, rehearse};
pub use report::{AuditReport, ChainNames, Coverage, Way};
pub use san_plan::{Necessity, PlannedName, RequestedName, SanPlan, san_plan};
pub use srv_plan::{PlannedSrv, srv_plan};

use report::Gathering;
use verdicts::Judge;

/// Reviews what is run and published, as it is at `now`.
#[must_use]
pub fn audit(inventory: &Inventory, policy: &AuditPolicy, now: UnixTime) -> AuditReport {
    let mut audit = Audit {
        inventory,
        judge: Judge { policy, now },
        gathering: Gathering::default(),
    };
    audit.check_tls();
    audit.check_chains();
    audit.check_names();
    audit.check_srv();
    audit.check_tlsa();
    audit.gathering.into_report()
}

/// An audit in progress; each file has its own part of the checks.
struct Audit<'a> {
    inventory: &'a Inventory,
    judge: Judge<'a>,
    gathering: Gathering,
}

impl Audit<'_> {
    fn find(&mut self, level: Level, subject: Subject, problem: Problem) {
        self.gathering.find(level, subject, problem);
    }
}

impl Subject {
    fn server(listener: &Listener) -> Self {
        Self::Server {
            service: listener.service,
            transport: listener.transport,
            host: listener.host.clone(),
            port: listener.port,
        }
    }

    fn chain(chain: &ServerChain, listener: &Listener) -> Self {
        Self::Chain {
            label: chain.label().into(),
            host: listener.host.clone(),
        }
    }
}
