//! The verdict that a certificate was accepted.

use std::sync::Arc;
use std::time::Duration;

use pki_types::UnixTime;

use crate::identity::{Match, PresentedId, ReferenceId};
use crate::verify::dane::{AnchoredPath, DaneReport, EndEntityMatch};
use crate::verify::path::ValidPath;
use crate::verify::{Pin, Revocation};

/// By what a peer was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Authentication {
    /// A path to a trust anchor (RFC 5280 §6) and, for a server, a matching name (RFC 7817 §3); or the word
    /// of a [`ServerVerifier`](crate::verify::ServerVerifier) in place of both.
    ///
    /// Where TLSA records of usage PKIX-TA or PKIX-EE were applied, [`Verification::dane`] has the
    /// one that was met as well.
    Pkix,
    /// A path to an authority that the domain's owner has published in DNS, and a matching name
    /// (RFC 7671 §5.2).
    DaneTa,
    /// The domain's owner has published this very certificate or its key in DNS (RFC 7671 §5.1).
    DaneEe,
    /// A pin of the user (RFC 8314 §5.4): nobody else vouches for the peer. It does not meet the
    /// minimum of confidentiality, and must not be shown as if it did.
    Pinned,
}

/// Every check was made and passed; what they found. Only
/// [`evaluate`](crate::verify::evaluate) makes one. Cheap to clone.
///
/// It is a finding about a certificate, not a key to anything: a session asks for more than this
/// before it says that it is established.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    findings: Arc<Findings>,
    dane: Option<DaneReport>,
    /// `None` where no lists were given.
    revocation: Option<Arc<Revocation>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Findings {
    authentication: Authentication,
    matched: Option<Matched>,
    valid_until: UnixTime,
    pin: Option<Pin>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Matched {
    reference: ReferenceId,
    presented: Option<Box<str>>,
}

impl Verification {
    /// Asks for the proofs of both parts: the path, and the match within the references.
    pub(super) fn pkix(path: &ValidPath, matched: Option<&Match<'_, '_>>) -> Self {
        Self::new(
            Authentication::Pkix,
            matched.map(Matched::new),
            path.valid_until(),
            None,
        )
    }

    /// Asks for the proofs of both parts, as [`pkix`](Self::pkix) does.
    pub(super) fn dane_ta(
        path: &AnchoredPath,
        matched: &Match<'_, '_>,
        report: DaneReport,
    ) -> Self {
        Self::new(
            Authentication::DaneTa,
            Some(Matched::new(matched)),
            path.valid_until(),
            Some(report),
        )
    }

    /// Asks for the proof that the certificate is the published one. It holds as long as the records
    /// do, whatever the certificate's dates (RFC 7671 §5.1).
    pub(super) fn dane_ee(
        _: &EndEntityMatch,
        reference: Option<&ReferenceId>,
        report: DaneReport,
    ) -> Self {
        let matched = reference.map(|reference| Matched {
            reference: reference.clone(),
            presented: None,
        });
        let forever = UnixTime::since_unix_epoch(Duration::MAX);
        let valid_until = report.decision().valid_until().unwrap_or(forever);
        Self::new(Authentication::DaneEe, matched, valid_until, Some(report))
    }

    fn new(
        authentication: Authentication,
        matched: Option<Matched>,
        valid_until: UnixTime,
        dane: Option<DaneReport>,
    ) -> Self {
        Self {
            findings: Arc::new(Findings {
                authentication,
                matched,
                valid_until,
                pin: None,
            }),
            dane,
            revocation: None,
        }
    }

    /// The same verdict by another path, on which more was found.
    pub(super) fn along(&self, path: &ValidPath) -> Self {
        Self::new(
            self.findings.authentication,
            self.findings.matched.clone(),
            path.valid_until(),
            self.dane.clone(),
        )
    }

    pub(super) fn with_dane(self, report: DaneReport) -> Self {
        Self {
            dane: Some(report),
            ..self
        }
    }

    /// A foreign verifier has accepted the certificate for this reference, and it has the name.
    /// Until when that holds nobody knows.
    pub(super) fn foreign(
        reference: &ReferenceId,
        presented: PresentedId<'_>,
        now: UnixTime,
    ) -> Self {
        let matched = Matched {
            reference: reference.clone(),
            presented: Some(text_of(presented)),
        };
        Self::new(Authentication::Pkix, Some(matched), now, None)
    }

    /// Asks for the pin that was held against the certificate. What it rests on has no end of its
    /// own: a pin that is revoked changes the account.
    pub(super) fn pinned(pin: &Pin, dane: Option<DaneReport>) -> Self {
        Self {
            findings: Arc::new(Findings {
                authentication: Authentication::Pinned,
                matched: None,
                valid_until: UnixTime::since_unix_epoch(Duration::MAX),
                pin: Some(pin.clone()),
            }),
            dane,
            revocation: None,
        }
    }

    /// Whether the peer is authenticated well enough for the minimum of confidentiality
    /// (RFC 8314 §5.3): never by a pin alone (§5.4).
    #[must_use]
    pub fn meets_minimum(&self) -> bool {
        match self.authentication() {
            Authentication::Pkix | Authentication::DaneTa | Authentication::DaneEe => true,
            Authentication::Pinned => false,
        }
    }

    /// The pin by which the peer was authenticated, if it was by one.
    #[must_use]
    pub fn pin(&self) -> Option<&Pin> {
        self.findings.pin.as_ref()
    }

    pub(super) fn with_revocation(self, revocation: Revocation) -> Self {
        let revocation = match revocation {
            Revocation::NotAsked => None,
            Revocation::NotRevoked | Revocation::Unknown(_) => Some(Arc::new(revocation)),
        };
        Self { revocation, ..self }
    }

    /// What is known about the revocation of the certificate and of the authorities above it.
    #[must_use]
    pub fn revocation(&self) -> &Revocation {
        self.revocation.as_deref().unwrap_or(&Revocation::NotAsked)
    }

    /// By what the peer was authenticated.
    #[must_use]
    pub fn authentication(&self) -> Authentication {
        self.findings.authentication
    }

    /// The reference identifier that matched: the peer's validated identity (RFC 6125 §6.6.1).
    /// `None` for a client's certificate, of which no name is asked, and for a pinned one, which
    /// need not have any.
    ///
    /// With [`Authentication::DaneEe`] it is the base domain of the TLSA records: they, and no name
    /// in the certificate, bind the key to it (RFC 7671 §5.1).
    #[must_use]
    pub fn reference(&self) -> Option<&ReferenceId> {
        let matched = self.findings.matched.as_ref()?;
        Some(&matched.reference)
    }

    /// The certificate's name that it matched, perhaps a wildcard such as `*.example.net`. `None`
    /// where no name was compared.
    #[must_use]
    pub fn presented_name(&self) -> Option<&str> {
        let matched = self.findings.matched.as_ref()?;
        matched.presented.as_deref()
    }

    /// What TLSA records had to do with it: whether they were applied, why not, and which was met.
    /// `None` where nothing was looked up.
    #[must_use]
    pub fn dane(&self) -> Option<&DaneReport> {
        self.dane.as_ref()
    }

    /// The last second in which this verdict can hold: the earliest end among the certificates of
    /// the path, of the TLSA records and of the revocation lists that it rests on. What was
    /// remembered because of it must be forgotten then.
    #[must_use]
    pub fn valid_until(&self) -> UnixTime {
        let records = self
            .dane
            .as_ref()
            .and_then(|dane| dane.decision().valid_until());
        let path = self.findings.valid_until;
        records.map_or(path, |records| records.min(path))
    }
}

impl Matched {
    fn new(found: &Match<'_, '_>) -> Self {
        Self {
            reference: found.reference.clone(),
            presented: Some(text_of(found.presented)),
        }
    }
}

/// A name that matched is a well-formed one: ASCII, and safe to show.
pub(super) fn text_of(presented: PresentedId<'_>) -> Box<str> {
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
