//! The lists that the embedder supplies.

use std::fmt;
use std::sync::Arc;

use pki_types::UnixTime;
use pki_types::pem::{PemObject, SectionKind};
use rustls::crypto::WebPkiSupportedAlgorithms;
use sha2::{Digest, Sha256};

use super::Status;
use super::list::List;
use crate::certificate::{Certificate, PublicKey};
use crate::limits;
use crate::verify::PemProblem;

/// Certificate revocation lists (RFC 5280 §5), never none. Cheap to clone.
///
/// They are taken as they are, from wherever the embedder has them; who made a list is checked
/// against the issuer of each certificate that is looked up in it. Lists go out of date: replace
/// them in time, by making a new [`Client`](crate::Client) or [`Acceptor`](crate::Acceptor).
#[derive(Clone)]
pub struct RevocationLists {
    set: Arc<Set>,
}

struct Set {
    lists: Vec<List>,
    digest: [u8; 32],
}

/// Why revocation lists could not be taken.
///
/// Positions count from 0; the sentences count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevocationListsError {
    /// There is no list in what was given.
    #[error(
        "there is no revocation list: give at least one, in a PEM file between \
         -----BEGIN X509 CRL----- and -----END X509 CRL-----"
    )]
    Empty,
    /// There are more than can be of use.
    #[error(
        "there are at least {count} revocation lists, and {limit} are allowed: leave out those of \
         authorities that issue for none of the peers"
    )]
    #[non_exhaustive]
    TooMany {
        /// How many there are, at least.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// A list cannot be read, or is of a kind that is not understood: a delta or indirect list, one
    /// without a next update, one with an unknown critical extension.
    #[error(
        "revocation list {} cannot be used: ask its issuer for a complete list of version 2",
        index.saturating_add(1)
    )]
    #[non_exhaustive]
    BadList {
        /// Its position among the lists.
        index: usize,
    },
    /// The PEM text itself is damaged.
    #[error("the PEM file is damaged in its section {}: {problem}", index.saturating_add(1))]
    #[non_exhaustive]
    BadPem {
        /// The position of the section.
        index: usize,
        /// What is wrong with it.
        problem: PemProblem,
    },
}

impl RevocationListsError {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "lists-empty",
            Self::TooMany { .. } => "lists-too-many",
            Self::BadList { .. } => "list-unusable",
            Self::BadPem { .. } => "lists-bad-pem",
        }
    }
}

impl RevocationLists {
    /// The given lists, each in DER.
    ///
    /// # Errors
    ///
    /// [`RevocationListsError::BadList`] at the first that cannot be used,
    /// [`RevocationListsError::Empty`] if there is none, [`RevocationListsError::TooMany`].
    pub fn from_der<T: AsRef<[u8]>>(
        lists: impl IntoIterator<Item = T>,
    ) -> Result<Self, RevocationListsError> {
        let mut read = Vec::new();
        for der in lists {
            push(&mut read, der.as_ref())?;
        }
        Self::not_empty(read)
    }

    /// The lists of a PEM file (RFC 7468 §6). Sections of other kinds are left aside.
    ///
    /// # Errors
    ///
    /// As [`from_der`](Self::from_der), and [`RevocationListsError::BadPem`] for damaged text.
    pub fn from_pem(pem: &[u8]) -> Result<Self, RevocationListsError> {
        let mut read = Vec::new();
        for (index, section) in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).enumerate() {
            let (kind, der) = section.map_err(|error| RevocationListsError::BadPem {
                index,
                problem: PemProblem::of(&error),
            })?;
            if kind == SectionKind::Crl {
                push(&mut read, &der)?;
            }
        }
        Self::not_empty(read)
    }

    /// How many there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.set.lists.len()
    }

    /// SHA-256 over all: what was decided with other lists must not be remembered with these.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.set.digest
    }

    /// The worst that any list says: revoked before all else, and the newest of those that do not
    /// list the certificate.
    pub(super) fn status(
        &self,
        certificate: &Certificate<'_>,
        issuer_key: &PublicKey<'_>,
        algorithms: &WebPkiSupportedAlgorithms,
        now: UnixTime,
    ) -> Status {
        let mut found = Status::Missing;
        for list in &self.set.lists {
            let status = list.status(certificate, issuer_key, algorithms, now);
            found = match (found, status) {
                (Status::Revoked { .. }, _) | (_, None) => found,
                (_, Some(revoked @ Status::Revoked { .. })) => return revoked,
                (Status::NotRevoked(one), Some(Status::NotRevoked(two))) => {
                    Status::NotRevoked(one.max(two))
                }
                (_, Some(good @ Status::NotRevoked(_))) => good,
                (Status::NotRevoked(_), Some(_)) => found,
                (Status::Outdated(one), Some(Status::Outdated(two))) => {
                    Status::Outdated(one.max(two))
                }
                (Status::Missing, Some(other)) => other,
                (Status::Outdated(_), Some(Status::Missing)) => found,
            };
        }
        found
    }

    fn not_empty(lists: Vec<List>) -> Result<Self, RevocationListsError> {
        if lists.is_empty() {
            return Err(RevocationListsError::Empty);
        }
        let mut all = Sha256::new();
        for list in &lists {
            all.update(Sha256::digest(list.der()));
        }
        Ok(Self {
            set: Arc::new(Set {
                lists,
                digest: all.finalize().into(),
            }),
        })
    }
}

impl fmt::Debug for RevocationLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationLists")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

fn push(lists: &mut Vec<List>, der: &[u8]) -> Result<(), RevocationListsError> {
    let index = lists.len();
    if index >= limits::REVOCATION_LISTS {
        return Err(RevocationListsError::TooMany {
            count: index.saturating_add(1),
            limit: limits::REVOCATION_LISTS,
        });
    }
    let list = List::read(der).map_err(|_| RevocationListsError::BadList { index })?;
    lists.push(list);
    Ok(())
}
