//! The path to a trust anchor (RFC 5280 §6), through rustls-webpki.

use std::cell::Cell;

use pki_types::{CertificateDer, UnixTime};
use webpki::{
    EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, VerifiedPath,
};

use crate::certificate::Certificate;
use crate::der::NotDer;
use crate::verify::revocation::{PathChecker, PathStatus, Refusal};
use crate::verify::{Purpose, Requirements};

mod constraints;

pub(super) use constraints::permit;

/// Proof that a path was found and verified at a time; only [`check`] makes one.
#[derive(Debug)]
pub(super) struct ValidPath {
    valid_until: UnixTime,
    revocation: PathStatus,
}

/// No path was found that satisfies.
#[derive(Debug)]
pub(super) struct PathError {
    pub(super) error: Error,
    /// The last path that was refused for the sake of revocation alone.
    pub(super) refusal: Option<Refusal>,
}

impl ValidPath {
    /// The earliest notAfter in the path, or the last second of a list that was relied on.
    pub(super) const fn valid_until(&self) -> UnixTime {
        self.valid_until
    }

    pub(super) const fn revocation(&self) -> &PathStatus {
        &self.revocation
    }
}

/// What else a path must satisfy; where it does not, the search goes on.
pub(super) type Condition<'c> = &'c dyn Fn(&VerifiedPath<'_>) -> Result<(), Error>;

/// Searches a path from the peer's certificate to one of the anchors and verifies it: signatures,
/// dates, authorities and what their keys are for, purposes, path lengths, name constraints.
///
/// `vouched` is the name by which the peer is identified if it stands where rustls-webpki compares
/// it with no constraint: in an SRV-ID or a common name. The constraints on host names then hold for
/// it as well; without that, an authority that may vouch for one domain alone could vouch for every
/// service of any (RFC 4985 §4 leaves it to a constraint of its own, which is rare).
///
/// Where a name constraint meets a name of a type that rustls-webpki does not evaluate, it refuses
/// the path (RFC 5280 §4.2.1.10 leaves nothing else), and so it is refused here.
pub(super) fn check(
    leaf: (&CertificateDer<'_>, &Certificate<'_>),
    intermediates: &[CertificateDer<'_>],
    requirements: &Requirements,
    vouched: Option<&str>,
    condition: Option<Condition<'_>>,
    now: UnixTime,
) -> Result<ValidPath, PathError> {
    let checker = PathChecker::new(
        requirements.revocation.as_ref(),
        &requirements.algorithms,
        now,
    );
    let found = search(
        leaf,
        intermediates,
        requirements,
        vouched,
        condition,
        &checker,
    );
    match (found, checker.into_outcome()) {
        (Ok(until), Ok(revocation)) => Ok(ValidPath {
            valid_until: match revocation {
                PathStatus::NotAsked | PathStatus::Unknown { until: None, .. } => until,
                PathStatus::NotRevoked(end)
                | PathStatus::Unknown {
                    until: Some(end), ..
                } => until.min(end),
            },
            revocation,
        }),
        (Err(error), outcome) => Err(PathError {
            error,
            refusal: outcome.err(),
        }),
        // A refusal makes the search go on: the path that it ends with was not refused.
        (Ok(_), Err(refusal)) => Err(PathError {
            error: Error::CertRevoked,
            refusal: Some(refusal),
        }),
    }
}

/// The earliest notAfter of the path that was found.
fn search(
    (end_entity, certificate): (&CertificateDer<'_>, &Certificate<'_>),
    intermediates: &[CertificateDer<'_>],
    requirements: &Requirements,
    vouched: Option<&str>,
    condition: Option<Condition<'_>>,
    checker: &PathChecker<'_>,
) -> Result<UnixTime, Error> {
    let usage = match requirements.purpose() {
        Purpose::ServerAuthentication => KeyUsage::server_auth(),
        Purpose::ClientAuthentication => KeyUsage::client_auth(),
    };
    let leaf = EndEntityCert::try_from(end_entity)?;
    let leaf_until = certificate.not_after().map_err(|_| Error::BadDerTime)?;
    let valid_until = Cell::new(leaf_until);
    let is_acceptable = |path: &VerifiedPath<'_>| {
        valid_until.set(may_certify(path, leaf_until)?);
        if let Some(name) = vouched {
            permit(path, name)?;
        }
        if let Some(condition) = condition {
            condition(path)?;
        }
        checker.permit(certificate, path)
    };
    let found = leaf.verify_for_usage(
        requirements.algorithms.all,
        requirements.anchors.as_slice(),
        intermediates,
        checker.now(),
        usage,
        None,
        Some(&is_acceptable),
    );
    match found {
        // The path that was accepted is the last one that was asked about.
        Ok(_) => Ok(valid_until.get()),
        Err(error) => Err(error),
    }
}

/// The same for a report after a failure: with the dates as they were `at` another time, whatever the
/// certificates are for, and revocation as it is `now`. Gives no proof.
pub(super) fn check_for_any_purpose(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    requirements: &Requirements,
    vouched: Option<&str>,
    at: UnixTime,
    now: UnixTime,
) -> Result<PathStatus, PathError> {
    let checker = PathChecker::new(
        requirements.revocation.as_ref(),
        &requirements.algorithms,
        now,
    );
    let is_acceptable = |path: &VerifiedPath<'_>, leaf: &Certificate<'_>| {
        may_certify(path, at)?;
        if let Some(name) = vouched {
            permit(path, name)?;
        }
        checker.permit(leaf, path)
    };
    let search = || {
        let leaf = Certificate::parse(end_entity).map_err(|_| Error::BadDer)?;
        EndEntityCert::try_from(end_entity)?
            .verify_for_usage(
                requirements.algorithms.all,
                requirements.anchors.as_slice(),
                intermediates,
                at,
                AnyPurpose,
                None,
                Some(&|path: &VerifiedPath<'_>| is_acceptable(path, &leaf)),
            )
            .map(|_| ())
    };
    let found = search();
    match (found, checker.into_outcome()) {
        (Ok(()), Ok(status)) => Ok(status),
        (Err(error), outcome) => Err(PathError {
            error,
            refusal: outcome.err(),
        }),
        (Ok(()), Err(refusal)) => Err(PathError {
            error: Error::CertRevoked,
            refusal: Some(refusal),
        }),
    }
}

/// RFC 5280 §6.1.4 (n): a keyUsage without keyCertSign forbids an authority to issue, which
/// rustls-webpki does not look at. Gives the earliest notAfter of the authorities, or `until` where
/// that is earlier: each is read once.
pub(super) fn may_certify(path: &VerifiedPath<'_>, until: UnixTime) -> Result<UnixTime, Error> {
    let mut earliest = until;
    for authority in path.intermediate_certificates() {
        let der = authority.der();
        let certificate = Certificate::parse(&der).map_err(|NotDer| Error::BadDer)?;
        match certificate.may_sign_certificates() {
            Ok(true) => {}
            Ok(false) => return Err(Error::EndEntityUsedAsCa),
            Err(NotDer) => return Err(Error::ExtensionValueInvalid),
        }
        let not_after = certificate
            .not_after()
            .map_err(|NotDer| Error::BadDerTime)?;
        earliest = earliest.min(not_after);
    }
    Ok(earliest)
}

struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        Ok(())
    }
}
