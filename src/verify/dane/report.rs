//! What became of each record.

use std::fmt;
use std::sync::Arc;

use super::policy::Standing;
use super::{Dane, DaneNotApplied, TlsaMatching, TlsaName, TlsaRecord, UnusableTlsa};

/// What TLSA records had to do with a verdict, record by record. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaneReport {
    dane: Dane,
    fates: Arc<[TlsaFate]>,
    decisive: Option<usize>,
}

/// What became of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsaFate {
    /// It matches a certificate. If the peer was refused all the same, the refusal says what else is
    /// wrong.
    #[non_exhaustive]
    Matched {
        /// The certificate's place in the chain as it was sent: 0 is the peer's own. `None` for one
        /// that was not sent: the record itself is the certificate or the key, or it is that of a
        /// trust anchor.
        position: Option<usize>,
    },
    /// It matches none.
    #[non_exhaustive]
    NotMatched {
        /// What explains it, if anything does.
        near_miss: Option<TlsaNearMiss>,
    },
    /// It was not looked at, because another one had decided, or nothing had come to compare with.
    NotTried,
    /// A stronger digest in the same set counts instead (RFC 7671 §9).
    #[non_exhaustive]
    Discarded {
        /// The stronger one.
        stronger: TlsaMatching,
    },
    /// It cannot be used (RFC 6698 §4.1).
    Unusable(UnusableTlsa),
}

/// What a record that does not match was perhaps meant to be: mistakes that are often made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsaNearMiss {
    /// It says that it is about an authority (usage 0 or 2), and matches the server's own
    /// certificate.
    MatchesOwnCertificate,
    /// It says that it is about the server's own certificate (usage 1 or 3), and matches that of an
    /// authority.
    #[non_exhaustive]
    MatchesAuthority {
        /// The authority's place in the chain as it was sent.
        position: usize,
    },
    /// It says that it is about a certificate and matches a key, or the other way round.
    #[non_exhaustive]
    MatchesWithOtherSelector {
        /// The place of the certificate in the chain as it was sent.
        position: usize,
    },
}

impl DaneReport {
    /// The report when nothing has been compared.
    pub(in crate::verify) fn untried(dane: &Dane) -> Self {
        let fates = dane.records().map(|(_, standing)| match standing {
            Standing::Usable(_) => TlsaFate::NotTried,
            Standing::Unusable(reason) => TlsaFate::Unusable(reason),
            Standing::Discarded { stronger } => TlsaFate::Discarded { stronger },
        });
        Self {
            fates: fates.collect(),
            dane: dane.clone(),
            decisive: None,
        }
    }

    /// The same with what came of comparing.
    pub(super) fn with(&self, fates: Vec<TlsaFate>, decisive: Option<usize>) -> Self {
        Self {
            dane: self.dane.clone(),
            fates: fates.into(),
            decisive,
        }
    }

    pub(super) fn fates(&self) -> &[TlsaFate] {
        &self.fates
    }

    /// Where the records were looked for.
    #[must_use]
    pub fn name(&self) -> &TlsaName {
        self.dane.name()
    }

    /// The decision that was made before the connection.
    #[must_use]
    pub fn decision(&self) -> &Dane {
        &self.dane
    }

    /// Why the records had no say; `None` if they were applied (RFC 6698 §4.1).
    #[must_use]
    pub fn not_applied(&self) -> Option<DaneNotApplied> {
        self.dane.not_applied()
    }

    /// Every record with what became of it, in the order of the set.
    pub fn records(&self) -> impl Iterator<Item = (&TlsaRecord, TlsaFate)> {
        let records = self.dane.records().map(|(record, _)| record);
        records.zip(self.fates.iter().copied())
    }

    /// The record by which the peer was authenticated, or by which PKIX was constrained. `None` in
    /// the report of a refusal, and where the records were not applied.
    #[must_use]
    pub fn decisive(&self) -> Option<&TlsaRecord> {
        let decisive = self.decisive?;
        self.dane.records().nth(decisive).map(|(record, _)| record)
    }

    pub(in crate::verify) fn has_match(&self) -> bool {
        self.fates
            .iter()
            .any(|fate| matches!(fate, TlsaFate::Matched { .. }))
    }

    pub(super) fn near_miss(&self) -> Option<TlsaNearMiss> {
        self.fates.iter().find_map(|fate| match fate {
            TlsaFate::NotMatched { near_miss } => *near_miss,
            TlsaFate::Matched { .. }
            | TlsaFate::NotTried
            | TlsaFate::Discarded { .. }
            | TlsaFate::Unusable(_) => None,
        })
    }
}

impl fmt::Display for TlsaFate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matched { position: Some(0) } => f.write_str("matches the server's certificate"),
            Self::Matched {
                position: Some(position),
            } => write!(f, "matches {}", InChain(*position)),
            Self::Matched { position: None } => {
                f.write_str("matches the authority, which was not sent")
            }
            Self::NotMatched { near_miss: None } => f.write_str("does not match"),
            Self::NotMatched {
                near_miss: Some(near_miss),
            } => write!(f, "does not match: {near_miss}"),
            Self::NotTried => f.write_str("was not looked at"),
            Self::Discarded { stronger } => {
                write!(f, "does not count beside the stronger {stronger}")
            }
            Self::Unusable(reason) => write!(f, "cannot be used: {reason}"),
        }
    }
}

impl fmt::Display for TlsaNearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MatchesOwnCertificate => f.write_str(
                "it is that of the server's own certificate, for which usages 1 and 3 are meant",
            ),
            Self::MatchesAuthority { position } => write!(
                f,
                "it is that of {}, for which usages 0 and 2 are meant",
                InChain(*position)
            ),
            Self::MatchesWithOtherSelector { position: 0 } => {
                f.write_str("with the other selector it would match the server's certificate")
            }
            Self::MatchesWithOtherSelector { position } => {
                write!(
                    f,
                    "with the other selector it would match {}",
                    InChain(*position)
                )
            }
        }
    }
}

/// Positions count from 0, the sentences from 1.
struct InChain(usize);

impl fmt::Display for InChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificate {} of the chain", self.0.saturating_add(1))
    }
}
