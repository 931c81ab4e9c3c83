//! Which records count (RFC 6698 §4.1, RFC 7671 §4 and §9).

use std::fmt;

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{TlsaMatching, TlsaRecord, TlsaSelector, TlsaUsage};
use crate::certificate::{Certificate, PublicKey};
use crate::der;

/// What the embedder makes of TLSA records.
///
/// By default the usages DANE-TA and DANE-EE count (RFC 7671 §4), SHA-512 and SHA-256 in this order
/// (RFC 7671 §9), and a server without usable records is verified as without DANE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DanePolicy {
    usages: DaneUsages,
    digests: Vec<TlsaDigest>,
    is_required: bool,
}

/// Which usages count. To support all four gives less than either pair: who can replace records in
/// DNS could then turn the stricter usage into the laxer one (RFC 7671 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum DaneUsages {
    /// DANE-TA(2) and DANE-EE(3): the domain's owner vouches for the server, in place of public
    /// authorities. Recommended by RFC 7671 §4.
    #[default]
    Dane,
    /// PKIX-TA(0) and PKIX-EE(1): the domain's owner limits which of the certificates that public
    /// authorities vouch for are good.
    Pkix,
}

/// A digest that records may use, with its number in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TlsaDigest {
    number: u8,
    algorithm: DigestAlgorithm,
}

/// An algorithm of SHA-2 (FIPS 180-4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DigestAlgorithm {
    /// SHA-256.
    Sha256,
    /// SHA-384, for which no matching type is registered.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// What a record is before any certificate is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Its data are what a certificate is compared with, or this digest of it.
    Usable(Option<DigestAlgorithm>),
    Unusable(UnusableTlsa),
    Discarded {
        stronger: TlsaMatching,
    },
}

/// Why a record cannot be used (RFC 6698 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UnusableTlsa {
    /// Its usage is unknown.
    UnknownUsage,
    /// Its usage does not count by policy.
    UsageNotAccepted,
    /// Its selector is unknown.
    UnknownSelector,
    /// Its matching type is unknown.
    UnknownMatchingType,
    /// Its digest does not count by policy.
    DigestNotAccepted,
    /// Its data are not as long as the digest.
    #[non_exhaustive]
    WrongDigestLength {
        /// How many octets there have to be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// Its data are not a certificate.
    NotACertificate,
    /// Its data are not a public key.
    NotAKey,
}

impl DanePolicy {
    /// Takes other usages into account.
    #[must_use]
    pub fn with_usages(self, usages: DaneUsages) -> Self {
        Self { usages, ..self }
    }

    /// Takes these digests into account, the strongest first: of several in one set, for the same
    /// usage and selector, only the first counts (RFC 7671 §9). A digest that is not among them is
    /// too weak to count at all (RFC 6698 §4.1).
    #[must_use]
    pub fn with_digests(self, digests: impl IntoIterator<Item = TlsaDigest>) -> Self {
        Self {
            digests: digests.into_iter().collect(),
            ..self
        }
    }

    /// Refuses to connect where there is no usable record (RFC 7671 §10.3), in place of verifying
    /// the server as without DANE.
    #[must_use]
    pub fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    pub(super) const fn usages(&self) -> DaneUsages {
        self.usages
    }

    pub(super) const fn is_required(&self) -> bool {
        self.is_required
    }

    /// Usability first, and digest agility among what is left (RFC 7671 §9).
    pub(super) fn standings(&self, records: &[TlsaRecord]) -> Vec<Standing> {
        let first: Vec<_> = records
            .iter()
            .map(|record| match self.usable(record) {
                Ok(digest) => Standing::Usable(digest),
                Err(reason) => Standing::Unusable(reason),
            })
            .collect();
        let strength = |record: &TlsaRecord| {
            let number = record.matching().code_point();
            self.digests.iter().position(|one| one.number == number)
        };
        let strongest = |like: &TlsaRecord| {
            records
                .iter()
                .zip(&first)
                .filter(|(_, standing)| matches!(standing, Standing::Usable(Some(_))))
                .map(|(record, _)| record)
                .filter(|one| one.usage() == like.usage() && one.selector() == like.selector())
                .min_by_key(|record| strength(record))
        };
        records
            .iter()
            .zip(&first)
            .map(|(record, standing)| match standing {
                Standing::Usable(Some(_)) => match strongest(record) {
                    Some(best) if best.matching() != record.matching() => Standing::Discarded {
                        stronger: best.matching(),
                    },
                    Some(_) | None => *standing,
                },
                Standing::Usable(None) | Standing::Unusable(_) | Standing::Discarded { .. } => {
                    *standing
                }
            })
            .collect()
    }

    /// The digest that the data are, if they are one (RFC 6698 §4.1).
    fn usable(&self, record: &TlsaRecord) -> Result<Option<DigestAlgorithm>, UnusableTlsa> {
        match (record.usage(), self.usages) {
            (TlsaUsage::DaneTa | TlsaUsage::DaneEe, DaneUsages::Dane)
            | (TlsaUsage::PkixTa | TlsaUsage::PkixEe, DaneUsages::Pkix) => {}
            (TlsaUsage::DaneTa | TlsaUsage::DaneEe, DaneUsages::Pkix)
            | (TlsaUsage::PkixTa | TlsaUsage::PkixEe, DaneUsages::Dane) => {
                return Err(UnusableTlsa::UsageNotAccepted);
            }
            (TlsaUsage::Other(_), _) => return Err(UnusableTlsa::UnknownUsage),
        }
        let is_content = match record.selector() {
            TlsaSelector::Cert => is_certificate,
            TlsaSelector::Spki => is_key,
            TlsaSelector::Other(_) => return Err(UnusableTlsa::UnknownSelector),
        };
        let data = record.data();
        let digest = match record.matching() {
            TlsaMatching::Full => return is_content(data).map(|()| None),
            TlsaMatching::Sha256 | TlsaMatching::Sha512 => self
                .digest(record.matching())
                .ok_or(UnusableTlsa::DigestNotAccepted)?,
            TlsaMatching::Other(_) => self
                .digest(record.matching())
                .ok_or(UnusableTlsa::UnknownMatchingType)?,
        };
        let (expected, found) = (digest.length(), data.len());
        if expected != found {
            return Err(UnusableTlsa::WrongDigestLength { expected, found });
        }
        Ok(Some(digest))
    }

    fn digest(&self, matching: TlsaMatching) -> Option<DigestAlgorithm> {
        self.digests
            .iter()
            .find(|one| one.number == matching.code_point())
            .map(|one| one.algorithm)
    }
}

impl Default for DanePolicy {
    fn default() -> Self {
        Self {
            usages: DaneUsages::default(),
            digests: vec![TlsaDigest::SHA2_512, TlsaDigest::SHA2_256],
            is_required: false,
        }
    }
}

impl TlsaDigest {
    /// SHA2-256(1), which every implementation has (RFC 7671 §2).
    pub const SHA2_256: Self = Self {
        number: 1,
        algorithm: DigestAlgorithm::Sha256,
    };
    /// SHA2-512(2).
    pub const SHA2_512: Self = Self {
        number: 2,
        algorithm: DigestAlgorithm::Sha512,
    };

    /// A digest for a matching type that was registered later, or that is in private use
    /// (RFC 7671 §9). `None` for the numbers that RFC 6698 gives a meaning to.
    #[must_use]
    pub const fn with_number(number: u8, algorithm: DigestAlgorithm) -> Option<Self> {
        match number {
            0..=2 => None,
            3.. => Some(Self { number, algorithm }),
        }
    }
}

impl DigestAlgorithm {
    pub(super) const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(super) fn is_of(self, content: &[u8], digest: &[u8]) -> bool {
        match self {
            Self::Sha256 => Sha256::digest(content).as_slice() == digest,
            Self::Sha384 => Sha384::digest(content).as_slice() == digest,
            Self::Sha512 => Sha512::digest(content).as_slice() == digest,
        }
    }

    /// What a record for this content holds.
    pub(crate) fn digest(self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(content).to_vec(),
            Self::Sha384 => Sha384::digest(content).to_vec(),
            Self::Sha512 => Sha512::digest(content).to_vec(),
        }
    }
}

impl fmt::Display for UnusableTlsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownUsage => f.write_str("its usage is unknown"),
            Self::UsageNotAccepted => f.write_str("its usage is not accepted here"),
            Self::UnknownSelector => f.write_str("its selector is unknown"),
            Self::UnknownMatchingType => f.write_str("its matching type is unknown"),
            Self::DigestNotAccepted => f.write_str("its digest is not accepted here"),
            Self::WrongDigestLength { expected, found } => write!(
                f,
                "its data have {found} octets, and the digest has {expected}"
            ),
            Self::NotACertificate => f.write_str("its data are not a certificate"),
            Self::NotAKey => f.write_str("its data are not a public key"),
        }
    }
}

fn is_certificate(data: &[u8]) -> Result<(), UnusableTlsa> {
    Certificate::parse(data)
        .and_then(|certificate| certificate.public_key())
        .map(|_| ())
        .map_err(|_| UnusableTlsa::NotACertificate)
}

fn is_key(data: &[u8]) -> Result<(), UnusableTlsa> {
    der::only(data, der::SEQUENCE)
        .and_then(PublicKey::parse)
        .map(|_| ())
        .map_err(|_| UnusableTlsa::NotAKey)
}
