//! Comparing records with the certificates of a chain (RFC 6698 §2.1).

use pki_types::CertificateDer;

use super::policy::{DigestAlgorithm, Standing};
use super::{Dane, TlsaNearMiss, TlsaRecord, TlsaSelector, TlsaUsage};
use crate::certificate::Certificate;
use crate::verify::Evidence;
use crate::verify::walk::Placed;

/// The certificates that a server has sent, as far as they can be read.
pub(super) struct Chain<'a> {
    pub(super) own: Placed<'a>,
    /// The others, in the order in which they were sent.
    pub(super) authorities: Vec<Placed<'a>>,
}

/// A record that counts, with its place in the set and the digest that it has, if any.
#[derive(Clone, Copy)]
pub(super) struct Usable<'d> {
    pub(super) index: usize,
    pub(super) record: &'d TlsaRecord,
    pub(super) digest: Option<DigestAlgorithm>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(
        leaf: Certificate<'a>,
        end_entity: &'a CertificateDer<'a>,
        evidence: &Evidence<'a>,
    ) -> Self {
        let authorities = evidence.intermediates.iter().enumerate();
        Self {
            own: Placed {
                position: 0,
                certificate: leaf,
                der: end_entity,
            },
            authorities: authorities
                .filter_map(|(index, der)| {
                    Some(Placed {
                        position: index.saturating_add(1),
                        certificate: Certificate::parse(der).ok()?,
                        der,
                    })
                })
                .collect(),
        }
    }

    pub(super) fn certificates(&self) -> impl Iterator<Item = &Placed<'a>> {
        std::iter::once(&self.own).chain(&self.authorities)
    }

    /// What a record that does not match was perhaps meant to be.
    pub(super) fn near_miss(&self, usable: &Usable<'_>) -> Option<TlsaNearMiss> {
        let matching = |placed: &&Placed<'a>| usable.is_of(placed);
        let is_about_authority = match usable.record.usage() {
            TlsaUsage::PkixTa | TlsaUsage::DaneTa => true,
            TlsaUsage::PkixEe | TlsaUsage::DaneEe => false,
            TlsaUsage::Other(_) => return None,
        };
        if let Some(found) = self.certificates().find(matching) {
            return match (is_about_authority, found.position) {
                (true, 0) => Some(TlsaNearMiss::MatchesOwnCertificate),
                (false, 1..) => Some(TlsaNearMiss::MatchesAuthority {
                    position: found.position,
                }),
                (true, 1..) | (false, 0) => None,
            };
        }
        let other = match usable.record.selector() {
            TlsaSelector::Cert => TlsaSelector::Spki,
            TlsaSelector::Spki => TlsaSelector::Cert,
            TlsaSelector::Other(_) => return None,
        };
        self.certificates()
            .find(|placed| usable.is_of_with(other, placed.der, placed.certificate.public_key_der))
            .map(|found| TlsaNearMiss::MatchesWithOtherSelector {
                position: found.position,
            })
    }
}

impl<'d> Usable<'d> {
    /// The records of one usage that count.
    pub(super) fn of(dane: &'d Dane, usage: TlsaUsage) -> impl Iterator<Item = Self> {
        dane.records()
            .enumerate()
            .filter_map(move |(index, (record, standing))| match standing {
                Standing::Usable(digest) if record.usage() == usage => Some(Self {
                    index,
                    record,
                    digest,
                }),
                Standing::Usable(_) | Standing::Unusable(_) | Standing::Discarded { .. } => None,
            })
    }

    pub(super) fn is_of(&self, placed: &Placed<'_>) -> bool {
        self.is_of_parts(placed.der, placed.certificate.public_key_der)
    }

    /// Whether the record is that of a certificate with this DER and this SubjectPublicKeyInfo.
    pub(super) fn is_of_parts(&self, certificate: &[u8], key: &[u8]) -> bool {
        self.is_of_with(self.record.selector(), certificate, key)
    }

    fn is_of_with(&self, selector: TlsaSelector, certificate: &[u8], key: &[u8]) -> bool {
        let content = match selector {
            TlsaSelector::Cert => certificate,
            TlsaSelector::Spki => key,
            TlsaSelector::Other(_) => return false,
        };
        match self.digest {
            None => content == self.record.data(),
            Some(digest) => digest.is_of(content, self.record.data()),
        }
    }
}
