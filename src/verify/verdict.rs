//! The verdict that a certificate was accepted.

use std::sync::Arc;

use pki_types::UnixTime;

use crate::identity::{Match, PresentedId, ReferenceId};
use crate::verify::path::ValidPath;

/// By what a peer was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Authentication {
    /// A path to a trust anchor (RFC 5280 §6) and, for a server, a matching name (RFC 7817 §3).
    Pkix,
}

/// Every check was made and passed; what they found. Only
/// [`evaluate`](crate::verify::evaluate) makes one. Cheap to clone.
///
/// It is a finding about a certificate, not a key to anything: a session asks for more than this
/// before it says that it is established.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    findings: Arc<Findings>,
}

#[derive(Debug, PartialEq, Eq)]
struct Findings {
    authentication: Authentication,
    matched: Option<Matched>,
    valid_until: UnixTime,
}

#[derive(Debug, PartialEq, Eq)]
struct Matched {
    reference: ReferenceId,
    presented: Box<str>,
}

impl Verification {
    /// Asks for the proofs of both parts: the path, and the match within the references.
    pub(super) fn pkix(path: &ValidPath, matched: Option<&Match<'_, '_>>) -> Self {
        Self {
            findings: Arc::new(Findings {
                authentication: Authentication::Pkix,
                matched: matched.map(|found| Matched {
                    reference: found.reference.clone(),
                    presented: text_of(found.presented),
                }),
                valid_until: path.valid_until(),
            }),
        }
    }

    /// By what the peer was authenticated.
    #[must_use]
    pub fn authentication(&self) -> Authentication {
        self.findings.authentication
    }

    /// The reference identifier that matched: the peer's validated identity (RFC 6125 §6.6.1).
    /// `None` for a client's certificate, of which no name is asked.
    #[must_use]
    pub fn reference(&self) -> Option<&ReferenceId> {
        let matched = self.findings.matched.as_ref()?;
        Some(&matched.reference)
    }

    /// The certificate's name that it matched, perhaps a wildcard such as `*.example.net`.
    #[must_use]
    pub fn presented_name(&self) -> Option<&str> {
        let matched = self.findings.matched.as_ref()?;
        Some(&matched.presented)
    }

    /// The last second in which this verdict can hold: the earliest end among the certificates of
    /// the path. What was remembered because of it must be forgotten then.
    #[must_use]
    pub fn valid_until(&self) -> UnixTime {
        self.findings.valid_until
    }
}

/// A name that matched is a well-formed one: ASCII, and safe to show.
fn text_of(presented: PresentedId<'_>) -> Box<str> {
    match presented {
        PresentedId::Dns(name) => name.into(),
        PresentedId::DnsWildcard(parent) => format!("*.{parent}").into(),
        PresentedId::Ip(address) => address.to_string().into(),
        PresentedId::Srv { service, name } => format!("_{service}.{name}").into(),
        // No reference is of these types.
        PresentedId::Uri(_)
        | PresentedId::Email(_)
        | PresentedId::Other
        | PresentedId::Malformed { .. } => Box::default(),
    }
}
