//! DANE-TA: the published authority as the only trust anchor (RFC 7671 §5.2).

use std::cell::Cell;

use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath};

use super::chain::{Chain, Usable};
use super::{Dane, TlsaFate, TlsaMatching, TlsaSelector, TlsaUsage};
use crate::certificate::{Certificate, PublicKey};
use crate::der::{self, NotDer};
use crate::limits;
use crate::verify::diagnosis::{date_failure, label_of, purpose_failure};
use crate::verify::path::{may_certify, permit};
use crate::verify::walk::is_signed_by;
use crate::verify::{
    CertificateLabel, CheckFailure, Evidence, Purpose, Requirements, TrustAnchors,
};

/// Proof that a path to a published authority was found and verified at a time; only
/// [`PublishedAnchors::verify`] makes one.
#[derive(Debug)]
pub(in crate::verify) struct AnchoredPath {
    valid_until: UnixTime,
    record: usize,
}

/// The authorities that records name, as far as they are known by their certificates or keys.
pub(super) struct PublishedAnchors<'a> {
    /// The trust anchors, and beside each what it is made of.
    anchors: Vec<TrustAnchor<'static>>,
    sources: Vec<Source<'a>>,
    /// What keeps others from being trust anchors.
    unfit: Vec<CheckFailure>,
    keys_tried: usize,
}

struct Source<'a> {
    /// `None` for a bare key.
    certificate: Option<Certificate<'a>>,
    /// A record that names it.
    record: usize,
}

impl AnchoredPath {
    /// The earliest notAfter in the path, the anchor's own included.
    pub(in crate::verify) const fn valid_until(&self) -> UnixTime {
        self.valid_until
    }

    /// The place in the set of a record that names the anchor.
    pub(super) const fn record(&self) -> usize {
        self.record
    }
}

impl<'a> PublishedAnchors<'a> {
    /// Finds the authorities among the certificates that were sent and in the records themselves.
    /// `fates` learns which records match a certificate.
    pub(super) fn find(
        dane: &'a Dane,
        chain: &Chain<'a>,
        requirements: &Requirements,
        now: UnixTime,
        fates: &mut [TlsaFate],
    ) -> Self {
        let mut found = Self {
            anchors: Vec::new(),
            sources: Vec::new(),
            unfit: Vec::new(),
            keys_tried: 0,
        };
        for usable in Usable::of(dane, TlsaUsage::DaneTa) {
            let mut fate = TlsaFate::NotMatched { near_miss: None };
            for authority in &chain.authorities {
                if usable.is_of(authority) {
                    let position = Some(authority.position);
                    fate = TlsaFate::Matched { position };
                    let label = label_of(position, &authority.certificate);
                    found.add(authority.certificate, authority.der, label, &usable, now);
                }
            }
            let is_in_dns_alone = match (fate, usable.record.matching()) {
                (TlsaFate::NotMatched { .. }, TlsaMatching::Full) => true,
                (_, TlsaMatching::Full | TlsaMatching::Sha256 | TlsaMatching::Sha512)
                | (_, TlsaMatching::Other(_)) => false,
            };
            if is_in_dns_alone && found.add_from_dns(chain, requirements, &usable, now) {
                fate = TlsaFate::Matched { position: None };
            }
            if let Some(slot) = fates.get_mut(usable.index) {
                *slot = fate;
            }
        }
        found
    }

    /// No record matches anything.
    pub(super) fn is_empty(&self) -> bool {
        self.anchors.is_empty() && self.unfit.is_empty()
    }

    /// The published authorities in place of the trusted ones, for a report.
    pub(super) fn to_trust(&self) -> TrustAnchors {
        TrustAnchors::of(self.anchors.clone())
    }

    /// What keeps all the published authorities from being trust anchors; `None` if one is.
    pub(super) fn unfit(&self) -> Option<&[CheckFailure]> {
        self.anchors.is_empty().then_some(&self.unfit)
    }

    /// Searches a path from the peer's certificate to one of the anchors and verifies it, the
    /// anchor's own path length included. `vouched` is as for [`path::check`](crate::verify::path::check).
    ///
    /// Whether it was revoked is not asked (RFC 9325 §7.5).
    pub(super) fn verify(
        &self,
        end_entity: &CertificateDer<'_>,
        evidence: &Evidence<'_>,
        requirements: &Requirements,
        vouched: Option<&str>,
        now: UnixTime,
    ) -> Result<AnchoredPath, Error> {
        let leaf = EndEntityCert::try_from(end_entity)?;
        let leaf_until = Certificate::parse(end_entity)
            .and_then(|certificate| certificate.not_after())
            .map_err(|NotDer| Error::BadDerTime)?;
        let path_until = Cell::new(leaf_until);
        let is_allowed = |path: &VerifiedPath<'_>| {
            path_until.set(may_certify(path, leaf_until)?);
            if let Some(name) = vouched {
                permit(path, name)?;
            }
            match self.source_of(path.anchor()) {
                Some(source) if source.allows(path) => Ok(()),
                Some(_) => Err(Error::PathLenConstraintViolated),
                None => Err(Error::UnknownIssuer),
            }
        };
        let path = leaf.verify_for_usage(
            requirements.algorithms.all,
            &self.anchors,
            evidence.intermediates,
            now,
            KeyUsage::server_auth(),
            None,
            Some(&is_allowed),
        )?;
        let source = self.source_of(path.anchor()).ok_or(Error::UnknownIssuer)?;
        // The path that was accepted is the last one that was asked about.
        let mut valid_until = path_until.get();
        if let Some(anchor) = &source.certificate {
            let not_after = anchor.not_after().map_err(|_| Error::BadDerTime)?;
            valid_until = valid_until.min(not_after);
        }
        Ok(AnchoredPath {
            valid_until,
            record: source.record,
        })
    }

    /// The anchors are lent to the search, and so is the one that it found.
    fn source_of(&self, anchor: &TrustAnchor<'_>) -> Option<&Source<'a>> {
        let is_it = |one: &TrustAnchor<'_>| std::ptr::eq(one, anchor);
        let index = self.anchors.iter().position(is_it)?;
        self.sources.get(index)
    }

    /// Adds an authority that is known by its certificate. RFC 7671 §5.2.1: what it says about
    /// itself counts as for any certificate of a path, which rustls-webpki does not look at in a
    /// trust anchor.
    fn add(
        &mut self,
        certificate: Certificate<'a>,
        der: &CertificateDer<'_>,
        label: CertificateLabel,
        usable: &Usable<'_>,
        now: UnixTime,
    ) {
        let unfit = unfit_form(&certificate, der, &label)
            .or_else(|| unfit_authority(&certificate, &label))
            .or_else(|| date_failure(&certificate, label.clone(), now))
            .or_else(|| {
                purpose_failure(&certificate, label.clone(), Purpose::ServerAuthentication)
            });
        match (unfit, webpki::anchor_from_trusted_cert(der)) {
            (Some(failure), _) => self.unfit.push(failure),
            (None, Err(_)) => self
                .unfit
                .push(CheckFailure::Unreadable { certificate: label }),
            (None, Ok(anchor)) => self.push(
                &anchor,
                Source {
                    certificate: Some(certificate),
                    record: usable.index,
                },
            ),
        }
    }

    /// Adds an authority that is in DNS and was not sent, if it has signed a certificate of the
    /// chain. Whether it has.
    ///
    /// RFC 7671 §5.2.2: a certificate has to be taken from there. §5.2.3: a key may be, and gets the
    /// name that stands as issuer in what it has signed; not if it is that of the peer itself, which
    /// is then no authority.
    fn add_from_dns(
        &mut self,
        chain: &Chain<'a>,
        requirements: &Requirements,
        usable: &Usable<'a>,
        now: UnixTime,
    ) -> bool {
        let data = usable.record.data();
        let (certificate, key_info) = match usable.record.selector() {
            TlsaSelector::Cert => match Certificate::parse(data) {
                Ok(certificate) => (Some(certificate), certificate.public_key_info),
                Err(_) => return false,
            },
            TlsaSelector::Spki => match der::only(data, der::SEQUENCE) {
                Ok(key_info) if !usable.is_of(&chain.own) => (None, key_info),
                Ok(_) | Err(_) => return false,
            },
            TlsaSelector::Other(_) => return false,
        };
        let Ok(key) = PublicKey::parse(key_info) else {
            return false;
        };
        let names_it = |issuer| certificate.is_none_or(|authority| authority.subject == issuer);
        let mut candidates = chain
            .certificates()
            .map(|placed| placed.certificate)
            .filter(|signed| names_it(signed.issuer))
            .peekable();
        if candidates.peek().is_none() || self.keys_tried >= limits::TLSA_KEYS_FROM_DNS {
            return false;
        }
        self.keys_tried = self.keys_tried.saturating_add(1);
        let signed: Vec<_> = candidates
            .filter(|signed| is_signed_by(signed, &key, &requirements.algorithms))
            .collect();
        match certificate {
            Some(certificate) if !signed.is_empty() => {
                let label = label_of(None, &certificate);
                self.add(certificate, &CertificateDer::from(data), label, usable, now);
            }
            Some(_) => {}
            None => {
                for one in &signed {
                    self.push(
                        &TrustAnchor {
                            subject: one.issuer.into(),
                            subject_public_key_info: key_info.into(),
                            name_constraints: None,
                        },
                        Source {
                            certificate: None,
                            record: usable.index,
                        },
                    );
                }
            }
        }
        !signed.is_empty()
    }

    fn push(&mut self, anchor: &TrustAnchor<'_>, source: Source<'a>) {
        if !self.anchors.contains(anchor) {
            self.anchors.push(anchor.to_owned());
            self.sources.push(source);
        }
    }
}

impl Source<'_> {
    /// RFC 5280 §4.2.1.9: how many authorities may follow, those that issued for themselves aside.
    fn allows(&self, path: &VerifiedPath<'_>) -> bool {
        let Some(certificate) = &self.certificate else {
            return true;
        };
        match certificate.path_length() {
            Ok(None) => true,
            Ok(Some(most)) => {
                let below = path
                    .intermediate_certificates()
                    .filter(|one| one.issuer() != one.subject())
                    .count();
                below <= most
            }
            Err(_) => false,
        }
    }
}

/// What keeps rustls and rustls-webpki from reading a certificate at all.
pub(super) fn unfit_form(
    certificate: &Certificate<'_>,
    der: &CertificateDer<'_>,
    label: &CertificateLabel,
) -> Option<CheckFailure> {
    let error = EndEntityCert::try_from(der).err()?;
    Some(if certificate.version != 3 {
        CheckFailure::OldVersion {
            certificate: label.clone(),
            version: certificate.version,
        }
    } else if error == Error::UnsupportedCriticalExtension {
        CheckFailure::CriticalExtension {
            certificate: Some(label.clone()),
            extension: None,
        }
    } else {
        CheckFailure::Unreadable {
            certificate: label.clone(),
        }
    })
}

fn unfit_authority(
    certificate: &Certificate<'_>,
    label: &CertificateLabel,
) -> Option<CheckFailure> {
    let may_sign = certificate.may_sign_certificates();
    match certificate
        .is_authority()
        .and_then(|is| Ok(is && may_sign?))
    {
        Ok(true) => None,
        Ok(false) => Some(CheckFailure::NotAnAuthority {
            certificate: Some(label.clone()),
        }),
        Err(_) => Some(CheckFailure::Unreadable {
            certificate: label.clone(),
        }),
    }
}
