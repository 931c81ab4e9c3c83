//! One revocation list (RFC 5280 §5.1).
//!
//! rustls-webpki reads it first, and refuses what it does not understand: versions other than 2,
//! delta and indirect lists, critical extensions that it does not know. The fields that it keeps to
//! itself are read here.

use std::time::Duration;

use pki_types::UnixTime;
use rustls::crypto::WebPkiSupportedAlgorithms;
use webpki::{CertRevocationList, OwnedCertRevocationList};

use super::scope::Scope;
use super::{RevocationCause, Status};
use crate::certificate::{Certificate, PublicKey, bits};
use crate::der::{self, NotDer, Reader};
use crate::verify::walk::Signature;

/// A list that was read. Whether its issuer made it is found out when it is asked.
#[derive(Debug)]
pub(super) struct List {
    der: Box<[u8]>,
    revoked: CertRevocationList<'static>,
    scope: Scope,
}

/// The parts of the DER.
struct Parts<'a> {
    signature: Signature<'a>,
    /// The content of the issuer's Name.
    issuer: &'a [u8],
    this_update: UnixTime,
    next_update: UnixTime,
}

impl List {
    pub(super) fn read(der: &[u8]) -> Result<Self, NotDer> {
        let revoked = OwnedCertRevocationList::from_der(der).map_err(|_| NotDer)?;
        let revoked = CertRevocationList::from(revoked);
        Parts::of(der)?;
        let scope = match revoked.issuing_distribution_point() {
            Some(point) => Scope::read(point)?,
            None => Scope::everything(),
        };
        Ok(Self {
            der: der.into(),
            revoked,
            scope,
        })
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    /// What it says about a certificate whose issuer has this key. `None` if it is of another
    /// issuer, or not signed by this one.
    pub(super) fn status(
        &self,
        certificate: &Certificate<'_>,
        issuer_key: &PublicKey<'_>,
        algorithms: &WebPkiSupportedAlgorithms,
        now: UnixTime,
    ) -> Option<Status> {
        let parts = Parts::of(&self.der).ok()?;
        if parts.issuer != certificate.issuer {
            return None;
        }
        parts.signature.verify(Some(issuer_key), algorithms).ok()?;
        // A serial number is one certificate's alone (RFC 5280 §4.1.2.2): if it is listed, neither
        // age nor scope of the list matters.
        match self.revoked.find_serial(certificate.serial) {
            Ok(None) => {}
            Ok(Some(entry)) => {
                return Some(Status::Revoked {
                    cause: RevocationCause::from(entry.reason_code),
                    since: entry.revocation_date,
                });
            }
            Err(_) => return None,
        }
        if !self.scope.covers(certificate) || now < parts.this_update {
            None
        } else if now < parts.next_update {
            let next_update = parts.next_update.as_secs();
            let last = Duration::from_secs(next_update.saturating_sub(1));
            Some(Status::NotRevoked(UnixTime::since_unix_epoch(last)))
        } else {
            Some(Status::Outdated(parts.next_update))
        }
    }
}

impl<'a> Parts<'a> {
    fn of(list: &'a [u8]) -> Result<Self, NotDer> {
        let mut whole = Reader::new(list);
        let mut outer = Reader::new(whole.expect_large(der::SEQUENCE)?.content);
        whole.finish()?;
        let to_be_signed = outer.expect_large(der::SEQUENCE)?;
        let algorithm = outer.expect(der::SEQUENCE)?.content;
        let bits = bits(outer.expect(der::BIT_STRING)?.content)?;
        outer.finish()?;

        let mut fields = Reader::new(to_be_signed.content);
        fields.optional(der::INTEGER)?; // version
        fields.expect(der::SEQUENCE)?; // signature, the same as the outer one
        let issuer = fields.expect(der::SEQUENCE)?.content;
        let (this_update, next_update) = (fields.time()?, fields.time()?);
        Ok(Self {
            signature: Signature {
                algorithm,
                message: to_be_signed.whole,
                bits,
            },
            issuer,
            this_update,
            next_update,
        })
    }
}
