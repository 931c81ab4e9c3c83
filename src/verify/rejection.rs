//! The verdict that a certificate was refused.

use std::fmt;
use std::sync::Arc;

use crate::verify::dane::DaneReport;
use crate::verify::requirements::Peer;
use crate::verify::{Check, CheckFailure, PinOffer, Requirements};

/// A certificate was refused: every check with its result, and what to do.
///
/// `Display` is one sentence: the failure to be told first, and which other checks failed too. Of a
/// client's certificate it says so first, since a server's log is full of its own.
/// Text from certificates is escaped, lists are bounded. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRejection {
    report: Arc<Report>,
    dane: Option<DaneReport>,
    pin_offer: Option<PinOffer>,
}

#[derive(Debug, PartialEq, Eq)]
struct Report {
    is_of_client: bool,
    first: CheckFailure,
    /// In the order in which they are to be told.
    others: Vec<CheckFailure>,
    results: Vec<(Check, CheckResult)>,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckResult {
    /// It passed.
    Passed,
    /// It failed, and there is a [`CheckFailure`] that says why.
    Failed,
    /// It could not be made, because of another failure.
    NotMade,
}

impl CertificateRejection {
    /// A failure so early that no other check was made.
    pub(super) fn early(failure: CheckFailure, requirements: &Requirements) -> Self {
        Self::new(failure, Vec::new(), &[], requirements)
    }

    /// `first` and `others` are put into the order in which they are to be told. A check without a
    /// failure passed if it is in `made`.
    pub(super) fn new(
        first: CheckFailure,
        others: Vec<CheckFailure>,
        made: &[Check],
        requirements: &Requirements,
    ) -> Self {
        let mut failures = others;
        failures.insert(0, first);
        let is_revocation = |failure: &CheckFailure| failure.check() == Check::Revocation;
        let asks = requirements.revocation.is_some() || failures.iter().any(is_revocation);
        let revocation = asks.then_some(&Check::Revocation);
        let results = checks_of(&requirements.peer)
            .iter()
            .chain(revocation)
            .map(|check| {
                let failed = failures.iter().any(|failure| failure.check() == *check);
                let result = match (failed, made.contains(check)) {
                    (true, _) => CheckResult::Failed,
                    (false, true) => CheckResult::Passed,
                    (false, false) => CheckResult::NotMade,
                };
                (*check, result)
            })
            .collect();
        failures.sort_by_key(CheckFailure::rank); // stable: the peer's certificate stays first
        let first = failures.remove(0);
        Self {
            report: Arc::new(Report {
                is_of_client: match requirements.peer {
                    Peer::Client => true,
                    Peer::Server(_) => false,
                },
                first,
                others: failures,
                results,
            }),
            dane: None,
            pin_offer: None,
        }
    }

    pub(super) fn with_dane(self, report: DaneReport) -> Self {
        Self {
            dane: Some(report),
            ..self
        }
    }

    /// A pinned certificate was changed, which is told before anything about the new one.
    pub(super) fn with_pin_mismatch(self, mismatch: CheckFailure) -> Self {
        let mut failures: Vec<_> = self.failures().cloned().collect();
        failures.insert(0, mismatch);
        failures.sort_by_key(CheckFailure::rank);
        let mut results = self.report.results.clone();
        results.push((Check::Pin, CheckResult::Failed));
        let first = failures.remove(0);
        Self {
            report: Arc::new(Report {
                is_of_client: self.report.is_of_client,
                first,
                others: failures,
                results,
            }),
            ..self
        }
    }

    pub(super) fn with_pin_offer(self, offer: PinOffer) -> Self {
        Self {
            pin_offer: Some(offer),
            ..self
        }
    }

    /// The offer to pin the certificate (RFC 8314 §5.4). It is there only if the rejection is that
    /// of a session, the account has an [address](crate::Account::with_address) and is
    /// [being set up](crate::Phase::Setup), and nothing is wrong but what a pin can stand in for:
    /// an expired certificate, no chain of trust, no matching name.
    #[must_use]
    pub const fn pin_offer(&self) -> Option<&PinOffer> {
        self.pin_offer.as_ref()
    }

    /// The failure to be told first.
    #[must_use]
    pub fn primary(&self) -> &CheckFailure {
        &self.report.first
    }

    /// All failures, in the order in which they are to be told. There is at least one.
    pub fn failures(&self) -> impl Iterator<Item = &CheckFailure> {
        std::iter::once(&self.report.first).chain(&self.report.others)
    }

    /// Every check that was asked for, with its result.
    pub fn results(&self) -> impl Iterator<Item = (Check, CheckResult)> {
        let dane = self.dane_result().map(|result| (Check::Dane, result));
        self.report.results.iter().copied().chain(dane)
    }

    /// What TLSA records had to do with it, record by record. `None` where nothing was looked up, or
    /// nothing got so far.
    #[must_use]
    pub fn dane(&self) -> Option<&DaneReport> {
        self.dane.as_ref()
    }

    /// The result type for a report to the domain's owner (RFC 8460 §4.3), of the failure to be told
    /// first. `None` for what is not the owner's affair.
    #[must_use]
    pub fn tlsrpt_result(&self) -> Option<&'static str> {
        self.report.first.tlsrpt_result()
    }

    /// `None` where TLSA records were not applied.
    fn dane_result(&self) -> Option<CheckResult> {
        let dane = self
            .dane
            .as_ref()
            .filter(|dane| dane.not_applied().is_none())?;
        let has_failed = self
            .failures()
            .any(|failure| failure.check() == Check::Dane);
        Some(match (has_failed, dane.has_match()) {
            (true, _) => CheckResult::Failed,
            (false, true) => CheckResult::Passed,
            (false, false) => CheckResult::NotMade,
        })
    }

    /// The stable code of the failure to be told first.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.primary().code()
    }
}

impl fmt::Display for CertificateRejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = &self.report.first;
        if self.report.is_of_client {
            f.write_str("the client's certificate was refused: ")?;
        }
        first.fmt(f)?;
        let also = self
            .results()
            .filter(|(check, result)| *check != first.check() && *result == CheckResult::Failed);
        for (index, (check, _)) in also.enumerate() {
            f.write_str(if index == 0 {
                "; refused too: its "
            } else {
                ", its "
            })?;
            check.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for CertificateRejection {}

fn checks_of(peer: &Peer) -> &'static [Check] {
    const CLIENT: [Check; 5] = [
        Check::Form,
        Check::Path,
        Check::Key,
        Check::Purpose,
        Check::Validity,
    ];
    const SERVER: [Check; 6] = [
        Check::Form,
        Check::Path,
        Check::Key,
        Check::Purpose,
        Check::Validity,
        Check::Identity,
    ];
    match peer {
        Peer::Server(_) => &SERVER,
        Peer::Client => &CLIENT,
    }
}
