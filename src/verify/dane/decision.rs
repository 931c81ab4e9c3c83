//! What a lookup means for a connection, before there is one.

use std::fmt;
use std::sync::Arc;

use pki_types::UnixTime;

use super::policy::Standing;
use super::{DanePolicy, DaneUsages, TlsaLookup, TlsaName, TlsaRecord, TlsaSet};

/// What a TLSA lookup means for connecting: the records that count, or why none does. Made by
/// [`DanePolicy::decide`]. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dane {
    decision: Arc<Decision>,
}

#[derive(Debug, PartialEq, Eq)]
struct Decision {
    name: TlsaName,
    set: Option<TlsaSet>,
    usages: DaneUsages,
    is_required: bool,
    /// One for each record of the set.
    standings: Vec<Standing>,
    not_applied: Option<DaneNotApplied>,
}

/// Why TLSA records have no say in a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DaneNotApplied {
    /// It is proven that there are none.
    NoRecords,
    /// DNSSEC does not protect them.
    Insecure,
    /// None of them can be used. TLS is mandatory all the same (RFC 7673 §4).
    NoUsableRecord,
    /// The host itself was learned in a way that DNSSEC does not protect, so that records for it
    /// prove nothing (RFC 7673 §3.1).
    UntrustworthyHost,
}

/// TLSA records, or the failure to get them, forbid to connect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DaneRefusal {
    /// The records are there, and DNSSEC says that they are forged or broken (RFC 6698 §4.1).
    #[error(
        "the DNS records of {name} do not pass DNSSEC validation, so that the server cannot be \
         told from an impostor: try another network, and tell the provider"
    )]
    #[non_exhaustive]
    Bogus {
        /// What was asked for.
        name: TlsaName,
    },
    /// Whether there are records could not be found out (RFC 7673 §3.4).
    #[error(
        "DNS did not answer whether {name} has records to verify the server by: try again, or try \
         another network"
    )]
    #[non_exhaustive]
    LookupFailed {
        /// What was asked for.
        name: TlsaName,
    },
    /// DANE is required, and has nothing to say here.
    #[error("the server must be verified by TLSA records at {name}, but {reason}")]
    #[non_exhaustive]
    Required {
        /// What was asked for.
        name: TlsaName,
        /// Why nothing of it counts.
        reason: DaneNotApplied,
    },
    /// The records have outlived their time (RFC 6698 §8.2).
    #[error("the TLSA records at {name} are out of date: look them up again")]
    #[non_exhaustive]
    Expired {
        /// What was asked for.
        name: TlsaName,
        /// Their last second.
        valid_until: UnixTime,
    },
}

impl DanePolicy {
    /// What `lookup` means for connecting.
    ///
    /// Records that DNSSEC protects count from here on, and nothing else in their place: a server
    /// that matches none of the usable ones is refused, whatever else speaks for it
    /// (RFC 6698 §4.1). Where none is usable the server is verified as without DANE, and TLS is
    /// mandatory (RFC 7673 §4, §4.1). Insecure or absent records mean nothing.
    ///
    /// # Errors
    ///
    /// [`DaneRefusal::Bogus`] and [`DaneRefusal::LookupFailed`]: do not connect, another target may
    /// be tried (RFC 7673 §3.4). [`DaneRefusal::Required`] with a policy that asks for it.
    pub fn decide(&self, lookup: &TlsaLookup) -> Result<Dane, DaneRefusal> {
        let name = lookup.name().clone();
        let (set, not_applied) = match lookup {
            TlsaLookup::Secure(set) => (Some(set.clone()), None),
            TlsaLookup::Absent(_) => (None, Some(DaneNotApplied::NoRecords)),
            TlsaLookup::Insecure(_) => (None, Some(DaneNotApplied::Insecure)),
            TlsaLookup::Bogus(_) => return Err(DaneRefusal::Bogus { name }),
            TlsaLookup::Indeterminate(_) => return Err(DaneRefusal::LookupFailed { name }),
        };
        let standings = self.standings(set.as_ref().map_or(&[], TlsaSet::records));
        let is_usable = |standing: &Standing| matches!(standing, Standing::Usable(_));
        let not_applied = not_applied.or_else(|| {
            let none = !standings.iter().any(is_usable);
            none.then_some(DaneNotApplied::NoUsableRecord)
        });
        let dane = Dane {
            decision: Arc::new(Decision {
                name,
                set,
                usages: self.usages(),
                is_required: self.is_required(),
                standings,
                not_applied,
            }),
        };
        dane.checked()
    }
}

impl Dane {
    /// What was asked for.
    #[must_use]
    pub fn name(&self) -> &TlsaName {
        &self.decision.name
    }

    /// Why the records have no say; `None` if they have, and then alone (RFC 6698 §4.1).
    #[must_use]
    pub fn not_applied(&self) -> Option<DaneNotApplied> {
        self.decision.not_applied
    }

    /// Whether secure records forbid to speak to the server without TLS, usable ones or not, and
    /// whatever the account allows (RFC 7673 §4). Sessions of this crate are never without.
    #[must_use]
    pub fn requires_tls(&self) -> bool {
        self.decision.set.is_some()
    }

    /// The last second in which the records count, if there are any.
    #[must_use]
    pub fn valid_until(&self) -> Option<UnixTime> {
        self.decision.set.as_ref().map(TlsaSet::valid_until)
    }

    /// The records alone decide.
    pub(crate) fn is_in_force(&self) -> bool {
        self.decision.not_applied.is_none()
    }

    /// The set, if it alone decides.
    pub(crate) fn set_in_force(&self) -> Option<&TlsaSet> {
        let set = self.decision.set.as_ref()?;
        self.is_in_force().then_some(set)
    }

    /// RFC 6698 §8.2: whether the records may be used at this time.
    pub(crate) fn check_time(&self, now: UnixTime) -> Result<(), DaneRefusal> {
        match &self.decision.set {
            Some(set) if !set.counts_at(now) => Err(DaneRefusal::Expired {
                name: self.name().clone(),
                valid_until: set.valid_until(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// The decision for a host that an attacker could have chosen: DNSSEC of the records is of no
    /// use where it does not protect the name that led to them (RFC 7673 §3.1).
    pub(crate) fn without_trust_in_the_host(&self) -> Result<Self, DaneRefusal> {
        let dane = Self {
            decision: Arc::new(Decision {
                name: self.name().clone(),
                set: None,
                usages: self.usages(),
                is_required: self.decision.is_required,
                standings: Vec::new(),
                not_applied: Some(DaneNotApplied::UntrustworthyHost),
            }),
        };
        dane.checked()
    }

    pub(super) fn usages(&self) -> DaneUsages {
        self.decision.usages
    }

    /// The records, each with what it is before any certificate is seen.
    pub(super) fn records(&self) -> impl Iterator<Item = (&TlsaRecord, Standing)> {
        let records = self.decision.set.as_ref().map_or(&[][..], TlsaSet::records);
        records.iter().zip(self.decision.standings.iter().copied())
    }

    fn checked(self) -> Result<Self, DaneRefusal> {
        match self.not_applied() {
            Some(reason) if self.decision.is_required => Err(DaneRefusal::Required {
                name: self.name().clone(),
                reason,
            }),
            Some(_) | None => Ok(self),
        }
    }
}

impl DaneRefusal {
    /// A name for the refusal that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Bogus { .. } => "tlsa-bogus",
            Self::LookupFailed { .. } => "tlsa-lookup-failed",
            Self::Required { .. } => "dane-required",
            Self::Expired { .. } => "tlsa-expired",
        }
    }

    /// The result type for a report to the domain's owner (RFC 8460 §4.3). `None` for what is not
    /// the owner's affair.
    #[must_use]
    pub const fn tlsrpt_result(&self) -> Option<&'static str> {
        match self {
            Self::Bogus { .. } | Self::LookupFailed { .. } => Some("dnssec-invalid"),
            Self::Required { reason, .. } => match reason {
                DaneNotApplied::NoUsableRecord => Some("tlsa-invalid"),
                DaneNotApplied::NoRecords
                | DaneNotApplied::Insecure
                | DaneNotApplied::UntrustworthyHost => Some("dane-required"),
            },
            Self::Expired { .. } => None,
        }
    }
}

impl fmt::Display for DaneNotApplied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRecords => "there are none",
            Self::Insecure => "DNSSEC does not protect them",
            Self::NoUsableRecord => "none of them can be used",
            Self::UntrustworthyHost => "the host itself was learned in an insecure way",
        })
    }
}
