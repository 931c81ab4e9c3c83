//! The authorities that are trusted to vouch for a peer.

use std::fmt;
use std::sync::{Arc, OnceLock};

use pki_types::pem::{PemObject, SectionKind};
use pki_types::{CertificateDer, TrustAnchor};
use sha2::{Digest, Sha256};

use crate::limits;

/// A set of trust anchors (RFC 5280 §6.1.1), never empty. Cheap to clone.
///
/// An anchor is a name, a key and perhaps name constraints; its certificate's dates are not part of
/// it, so that an anchor is trusted until the set is replaced.
#[derive(Clone)]
pub struct TrustAnchors {
    set: Arc<Set>,
}

#[derive(Default)]
struct Set {
    anchors: Vec<TrustAnchor<'static>>,
    /// The certificates from which they were taken, where there were any.
    certificates: Vec<CertificateDer<'static>>,
    digest: OnceLock<[u8; 32]>,
}

/// Why a set of trust anchors could not be made.
///
/// Positions count from 0; the sentences count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustAnchorsError {
    /// There is no certificate in what was given.
    #[error(
        "there is no certificate to trust: give at least one, in a PEM file between \
         -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----"
    )]
    Empty,
    /// There are more than a root store has.
    #[error(
        "there are at least {count} certificates to trust, and {limit} are allowed: give those of \
         authorities alone"
    )]
    #[non_exhaustive]
    TooMany {
        /// How many there are, at least.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// A certificate cannot be used as a trust anchor.
    #[error("certificate {} cannot be read as one to trust: export it again from its source", index.saturating_add(1))]
    #[non_exhaustive]
    BadCertificate {
        /// Its position among the certificates.
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
    /// There is a private key in the file: probably the wrong file, and a secret in the wrong place.
    #[error(
        "section {} of the PEM file is a private key: give the file with the certificates of the \
         authorities, and keep the key where only its owner reads it",
        index.saturating_add(1)
    )]
    #[non_exhaustive]
    PrivateKey {
        /// The position of the section.
        index: usize,
    },
}

impl TrustAnchorsError {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "anchors-empty",
            Self::TooMany { .. } => "anchors-too-many",
            Self::BadCertificate { .. } => "anchor-unreadable",
            Self::BadPem { .. } => "anchors-bad-pem",
            Self::PrivateKey { .. } => "anchors-private-key",
        }
    }
}

/// What is wrong with a PEM section (RFC 7468).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PemProblem {
    /// The line that ends it is missing.
    NoEnd,
    /// The line that begins it is not in order.
    BadBegin,
    /// What is between the lines is not base64.
    BadBase64,
    /// It is longer than any certificate.
    TooLarge,
    /// Something else.
    Other,
}

impl TrustAnchors {
    /// Mozilla's root certificates, as compiled in with the crate `webpki-roots`.
    #[cfg(feature = "webpki-roots")]
    #[must_use]
    pub fn webpki_roots() -> Self {
        Self::of(webpki_roots::TLS_SERVER_ROOTS.to_vec())
    }

    /// The given certificates, of which only name, key and name constraints are taken.
    ///
    /// # Errors
    ///
    /// [`TrustAnchorsError::BadCertificate`] at the first that cannot be read,
    /// [`TrustAnchorsError::Empty`] if there is none, [`TrustAnchorsError::TooMany`].
    pub fn from_der<'a>(
        certificates: impl IntoIterator<Item = CertificateDer<'a>>,
    ) -> Result<Self, TrustAnchorsError> {
        let mut set = Set::default();
        for certificate in certificates {
            set.push(&certificate)?;
        }
        Self::not_empty(set)
    }

    /// The certificates of a PEM file (RFC 7468), such as `/etc/ssl/certs/ca-certificates.crt` or a
    /// private authority's own.
    ///
    /// # Errors
    ///
    /// As [`from_der`](Self::from_der), and [`TrustAnchorsError::BadPem`] for damaged text or
    /// [`TrustAnchorsError::PrivateKey`] if there is a private key in it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustAnchorsError> {
        let mut set = Set::default();
        for (index, section) in <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).enumerate() {
            let (kind, der) = section.map_err(|error| TrustAnchorsError::BadPem {
                index,
                problem: PemProblem::of(&error),
            })?;
            match kind {
                SectionKind::Certificate => set.push(&CertificateDer::from(der))?,
                SectionKind::RsaPrivateKey
                | SectionKind::PrivateKey
                | SectionKind::EcPrivateKey => {
                    return Err(TrustAnchorsError::PrivateKey { index });
                }
                // Bundles carry these beside the certificates, and they give no trust.
                SectionKind::PublicKey
                | SectionKind::Crl
                | SectionKind::Csr
                | SectionKind::EchConfigList => {}
                // A kind that is not a certificate today gives no trust either.
                _ => {}
            }
        }
        Self::not_empty(set)
    }

    /// How many there are.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.set.anchors.len()
    }

    pub(crate) fn as_slice(&self) -> &[TrustAnchor<'static>] {
        &self.set.anchors
    }

    /// The certificates from which anchors were taken; a set that is compiled in has none.
    pub(super) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.set.certificates
    }

    /// None, because somebody else decides.
    pub(crate) fn none() -> Self {
        Self::of(Vec::new())
    }

    /// A set for one report, which may be empty.
    pub(super) fn of(anchors: Vec<TrustAnchor<'static>>) -> Self {
        let set = Set {
            anchors,
            ..Set::default()
        };
        Self { set: Arc::new(set) }
    }

    /// SHA-256 over the set, whatever its order: what was decided under one set of anchors must not
    /// be remembered under another.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        self.set.digest.get_or_init(|| digest_of(&self.set.anchors))
    }

    fn not_empty(set: Set) -> Result<Self, TrustAnchorsError> {
        if set.anchors.is_empty() {
            return Err(TrustAnchorsError::Empty);
        }
        Ok(Self { set: Arc::new(set) })
    }
}

impl fmt::Debug for TrustAnchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustAnchors")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl PemProblem {
    pub(super) fn of(error: &pki_types::pem::Error) -> Self {
        use pki_types::pem::Error;
        match error {
            Error::MissingSectionEnd { .. } => Self::NoEnd,
            Error::IllegalSectionStart { .. } => Self::BadBegin,
            Error::Base64Decode(_) => Self::BadBase64,
            Error::SectionTooLarge => Self::TooLarge,
            // A slice is read, and every section asked for: neither happens.
            Error::Io(_) | Error::NoItemsFound => Self::Other,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for PemProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoEnd => "its last line, which begins with -----END, is missing",
            Self::BadBegin => "its first line, which begins with -----BEGIN, is not in order",
            Self::BadBase64 => "what is between its lines is not base64",
            Self::TooLarge => "it is too large",
            Self::Other => "it cannot be read",
        })
    }
}

impl Set {
    fn push(&mut self, certificate: &CertificateDer<'_>) -> Result<(), TrustAnchorsError> {
        let index = self.anchors.len();
        if index >= limits::TRUST_ANCHORS {
            return Err(TrustAnchorsError::TooMany {
                count: index.saturating_add(1),
                limit: limits::TRUST_ANCHORS,
            });
        }
        let anchor = webpki::anchor_from_trusted_cert(certificate)
            .map_err(|_| TrustAnchorsError::BadCertificate { index })?;
        self.anchors.push(anchor.to_owned());
        self.certificates.push(certificate.clone().into_owned());
        Ok(())
    }
}

fn digest_of(anchors: &[TrustAnchor<'_>]) -> [u8; 32] {
    let mut each: Vec<[u8; 32]> = anchors.iter().map(digest_of_one).collect();
    each.sort_unstable();
    let mut all = Sha256::new();
    for one in each {
        all.update(one);
    }
    all.finalize().into()
}

/// Every part with its length before it, so that no two anchors read the same.
fn digest_of_one(anchor: &TrustAnchor<'_>) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut part = |present: u8, bytes: &[u8]| {
        hash.update([present]);
        hash.update(bytes.len().to_be_bytes());
        hash.update(bytes);
    };
    part(1, &anchor.subject);
    part(1, &anchor.subject_public_key_info);
    match &anchor.name_constraints {
        Some(constraints) => part(1, constraints),
        None => part(0, &[]),
    }
    hash.finalize().into()
}
