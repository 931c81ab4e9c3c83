//! After a refusal: follows the chain from the peer's certificate upwards, by names and signatures,
//! to say where the path ends and why. Nothing found here can turn the verdict.

use pki_types::{CertificateDer, TrustAnchor, UnixTime};
use rustls::crypto::WebPkiSupportedAlgorithms;

use crate::certificate::{Certificate, PublicKey};
use crate::limits;
use crate::verify::{Evidence, Requirements, TrustAnchors};

/// A certificate with its place in the chain as it was sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed<'a> {
    pub(super) position: usize,
    pub(super) certificate: Certificate<'a>,
    pub(super) der: &'a CertificateDer<'a>,
}

/// The way upwards.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    /// From the peer's certificate to the last that could be reached.
    pub(super) steps: Vec<Placed<'a>>,
    /// The first signature on the way that does not verify.
    pub(super) flaw: Option<Flaw<'a>>,
    pub(super) end: End<'a>,
    /// Certificates of the chain that cannot be read.
    pub(super) unreadable: Vec<usize>,
}

/// Where the way ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum End<'a> {
    /// At a trust anchor of the right name.
    Anchor(&'a TrustAnchor<'static>),
    /// At a certificate whose issuer has the name of a trust anchor, and another key.
    Namesake,
    /// At a certificate whose issuer has its own name, and is not trusted.
    SelfIssued,
    /// At a certificate whose issuer is neither in the chain nor trusted.
    NoIssuer,
    /// Nowhere: it came back to where it had been, or went on for too long.
    Loop,
}

/// A signature that does not verify.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flaw<'a> {
    pub(super) signed: Placed<'a>,
    pub(super) kind: FlawKind,
    /// The certificate whose key should have made it; `None` for a trust anchor.
    pub(super) signer: Option<Placed<'a>>,
    pub(super) signer_bits: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FlawKind {
    /// The provider does not verify such signatures.
    Unsupported,
    Wrong,
}

impl<'a> Walk<'a> {
    pub(super) fn up(
        leaf: Placed<'a>,
        evidence: &Evidence<'a>,
        requirements: &'a Requirements,
        now: UnixTime,
    ) -> Self {
        let mut unreadable = Vec::new();
        let mut others = Vec::new();
        for (index, der) in evidence.intermediates.iter().enumerate() {
            let position = index.saturating_add(1);
            match Certificate::parse(der) {
                Ok(certificate) => others.push(Placed {
                    position,
                    certificate,
                    der,
                }),
                Err(_) => unreadable.push(position),
            }
        }

        let mut walk = Self {
            steps: vec![leaf],
            flaw: None,
            end: End::Loop,
            unreadable,
        };
        let mut current = leaf;
        while walk.steps.len() <= limits::CHAIN_CERTIFICATES {
            match next_step(&current, &others, &walk.steps, requirements, now) {
                Step::Arrived(end, flaw) => {
                    walk.end = end;
                    walk.flaw = walk.flaw.or(flaw);
                    break;
                }
                Step::Issuer(issuer, flaw) => {
                    walk.flaw = walk.flaw.or(flaw);
                    walk.steps.push(issuer);
                    current = issuer;
                }
            }
        }
        walk
    }

    /// A time at which the dates of all certificates on the way hold, if there is one.
    pub(super) fn common_time(&self, now: UnixTime) -> Option<UnixTime> {
        let mut from = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
        let mut until = None;
        for step in &self.steps {
            let dates = step.certificate.dates().ok()?;
            from = from.max(dates.not_before);
            until = Some(until.map_or(dates.not_after, |u: UnixTime| u.min(dates.not_after)));
        }
        let until = until?;
        (from <= until).then(|| now.clamp(from, until))
    }
}

enum Step<'a> {
    Arrived(End<'a>, Option<Flaw<'a>>),
    Issuer(Placed<'a>, Option<Flaw<'a>>),
}

/// Where there is a choice, as between cross-signed twins, the issuer whose key made the signature
/// and whose dates hold is preferred, then one whose key made it, then any of the right name.
fn next_step<'a>(
    current: &Placed<'a>,
    others: &[Placed<'a>],
    visited: &[Placed<'a>],
    requirements: &'a Requirements,
    now: UnixTime,
) -> Step<'a> {
    let algorithms = requirements.algorithms;
    let issuer = current.certificate.issuer;
    let anchors = requirements.anchors.as_slice();
    let named: Vec<_> = anchors
        .iter()
        .filter(|anchor| anchor.subject.as_ref() == issuer)
        .map(|anchor| {
            let flaw = flaw_of(current, &anchor.subject_public_key_info, None, &algorithms);
            (anchor, flaw)
        })
        .collect();
    if let Some((anchor, None)) = named.iter().find(|(_, flaw)| flaw.is_none()) {
        return Step::Arrived(End::Anchor(anchor), None);
    }

    let best = others
        .iter()
        .filter(|other| other.certificate.subject == issuer)
        .filter(|other| visited.iter().all(|seen| seen.position != other.position))
        .map(|other| {
            let key = other.certificate.public_key_info;
            let flaw = flaw_of(current, key, Some(*other), &algorithms);
            (*other, flaw)
        })
        .min_by_key(|(other, flaw)| {
            let in_time = other
                .certificate
                .dates()
                .is_ok_and(|dates| dates.not_before <= now && now <= dates.not_after);
            (flaw.is_some(), !in_time)
        });
    match (best, named.first()) {
        (Some((other, None)), _) => Step::Issuer(other, None),
        // The right name, but not the key: an impostor's authority, or one that was made anew.
        (_, Some((_, Some(flaw)))) if current.is_of_namesake(flaw, &requirements.anchors) => {
            Step::Arrived(End::Namesake, None)
        }
        (_, Some((anchor, flaw))) => Step::Arrived(End::Anchor(anchor), *flaw),
        _ if current.certificate.is_self_issued() => Step::Arrived(End::SelfIssued, None),
        (Some((other, flaw)), None) => Step::Issuer(other, flaw),
        (None, None) => Step::Arrived(End::NoIssuer, None),
    }
}

impl Placed<'_> {
    /// Whether its issuer is another authority than the trusted ones of that name, none of which
    /// made its signature. The certificate itself may claim that one of them did, by the key's
    /// identifier (RFC 5280 §4.2.1.1): then its signature is wrong.
    fn is_of_namesake(&self, flaw: &Flaw<'_>, anchors: &TrustAnchors) -> bool {
        let is_weak = flaw.signer_bits.is_some_and(|bits| bits < limits::RSA_BITS);
        match flaw.kind {
            FlawKind::Wrong if !is_weak => {}
            FlawKind::Wrong | FlawKind::Unsupported => return false,
        }
        let Ok(Some(key)) = self.certificate.authority_key_identifier() else {
            return true;
        };
        !anchors
            .certificates()
            .iter()
            .filter_map(|der| Certificate::parse(der).ok())
            .filter(|anchor| anchor.subject == self.certificate.issuer)
            .any(|anchor| anchor.subject_key_identifier() == Ok(Some(key)))
    }
}

fn flaw_of<'a>(
    signed: &Placed<'a>,
    signer_key: &[u8],
    signer: Option<Placed<'a>>,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Option<Flaw<'a>> {
    let key = PublicKey::parse(signer_key).ok();
    let signature = Signature::of(&signed.certificate);
    let kind = signature.verify(key.as_ref(), algorithms).err()?;
    Some(Flaw {
        signed: *signed,
        kind,
        signer,
        signer_bits: key.and_then(|key| key.rsa_bits().ok().flatten()),
    })
}

/// Whether this key made the certificate's signature.
pub(super) fn is_signed_by(
    signed: &Certificate<'_>,
    key: &PublicKey<'_>,
    algorithms: &WebPkiSupportedAlgorithms,
) -> bool {
    Signature::of(signed).verify(Some(key), algorithms).is_ok()
}

/// A signature over a certificate or a revocation list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signature<'a> {
    /// The content of the AlgorithmIdentifier.
    pub(super) algorithm: &'a [u8],
    pub(super) message: &'a [u8],
    pub(super) bits: &'a [u8],
}

impl<'a> Signature<'a> {
    const fn of(certificate: &Certificate<'a>) -> Self {
        Self {
            algorithm: certificate.signature_algorithm,
            message: certificate.signed,
            bits: certificate.signature,
        }
    }

    pub(super) fn verify(
        &self,
        key: Option<&PublicKey<'_>>,
        algorithms: &WebPkiSupportedAlgorithms,
    ) -> Result<(), FlawKind> {
        let mut verdict = FlawKind::Unsupported;
        for algorithm in algorithms.all {
            if algorithm.signature_alg_id().as_ref() != self.algorithm {
                continue;
            }
            verdict = FlawKind::Wrong;
            let Some(key) =
                key.filter(|key| algorithm.public_key_alg_id().as_ref() == key.algorithm)
            else {
                continue;
            };
            if algorithm
                .verify_signature(key.bits, self.message, self.bits)
                .is_ok()
            {
                return Ok(());
            }
        }
        Err(verdict)
    }
}
