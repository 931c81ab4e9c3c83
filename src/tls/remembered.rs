//! A server's chain is the same at every connection, and verifying it is half of a client's
//! handshake: so the verdict on it is remembered.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use pki_types::{CertificateDer, UnixTime};

use crate::limits::{REMEMBERED_FOR, REMEMBERED_VERDICTS};
use crate::verify::Verification;

/// The chains that satisfied one connector's requirements, byte for byte.
///
/// Everything else that a verdict depends on (trust anchors, reference identifiers, policy) is
/// fixed for a connector, and an account that changes makes its connectors stale. What changes is
/// the time: a verdict holds for an hour at most, not beyond the first date at which it would be
/// another, and not at all once the clock has gone back behind any time that it has shown here. The
/// signature of the handshake, which
/// proves that the peer holds the key, is no part of it and is verified at every connection.
#[derive(Debug, Default)]
pub(super) struct RememberedVerdicts(Mutex<Memory>);

#[derive(Debug)]
struct Memory {
    verdicts: VecDeque<Remembered>,
    /// The latest time at which anything was asked for or kept.
    latest: UnixTime,
}

#[derive(Debug)]
struct Remembered {
    end_entity: CertificateDer<'static>,
    intermediates: Vec<CertificateDer<'static>>,
    verification: Verification,
    since: UnixTime,
}

impl RememberedVerdicts {
    /// The verdict on exactly this chain, if it holds still.
    pub(super) fn recall(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Option<Verification> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.see(now);
        let found = memory.verdicts.iter().find(|remembered| {
            remembered.end_entity == *end_entity && remembered.intermediates == intermediates
        })?;
        Some(found.verification.clone())
    }

    /// Remembers a verdict that was reached now.
    pub(super) fn remember(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        verification: &Verification,
        now: UnixTime,
    ) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.see(now);
        if memory.verdicts.len() >= REMEMBERED_VERDICTS {
            memory.verdicts.pop_front();
        }
        memory.verdicts.push_back(Remembered {
            end_entity: end_entity.clone().into_owned(),
            intermediates: intermediates
                .iter()
                .map(|one| one.clone().into_owned())
                .collect(),
            verification: verification.clone(),
            since: now,
        });
    }
}

impl Memory {
    /// Forgets what does not hold at `now`. A clock that goes back, and then on again, would make
    /// any verdict last for longer than it may.
    fn see(&mut self, now: UnixTime) {
        if now < self.latest {
            self.verdicts.clear();
        }
        self.latest = now;
        self.verdicts.retain(|remembered| remembered.holds(now));
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            verdicts: VecDeque::new(),
            latest: UnixTime::since_unix_epoch(Duration::ZERO),
        }
    }
}

impl Remembered {
    fn holds(&self, now: UnixTime) -> bool {
        let age = now
            .as_secs()
            .checked_sub(self.since.as_secs())
            .map(Duration::from_secs);
        age.is_some_and(|age| age < REMEMBERED_FOR) && now <= self.verification.valid_until()
    }
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests {
    use super::*;
    use crate::identity::{Provenance, ReferenceIds};
    use crate::name::Host;
    use crate::testing::{Authority, NOW, dns, leaf_params, providers};
    use crate::verify::{Evidence, Requirements, TrustAnchors, evaluate};

    const HOST: &str = "imap.example.org";

    /// Chains, good until beyond the hour, and the verdict on each.
    fn verified(count: usize) -> Vec<(CertificateDer<'static>, Verification)> {
        let authority = Authority::named("Root");
        let root = authority.certificate.clone();
        let anchors = TrustAnchors::from_der([root]).unwrap();
        let references =
            ReferenceIds::for_host(&Host::parse(HOST).unwrap(), Provenance::Typed).unwrap();
        let algorithms = providers().remove(0).signature_verification_algorithms;
        let requirements = Requirements::server(anchors, references, algorithms);
        let verified = |_| {
            let leaf = authority.issue(&leaf_params(&[dns(HOST)]));
            let verdict = evaluate(&Evidence::new(&leaf, &[]), &requirements, NOW).unwrap();
            (leaf, verdict)
        };
        (0..count).map(verified).collect()
    }

    fn at(seconds: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(NOW.as_secs() + seconds))
    }

    #[test]
    fn a_verdict_holds_for_less_than_an_hour_and_not_before_it_was_reached() {
        let (leaf, verdict) = verified(1).remove(0);
        let rows = [(0, true), (3599, true), (3600, false)];
        for (seconds, holds) in rows {
            let memory = RememberedVerdicts::default();
            memory.remember(&leaf, &[], &verdict, at(0));
            assert_eq!(
                memory.recall(&leaf, &[], at(seconds)).is_some(),
                holds,
                "{seconds}"
            );
        }
        let memory = RememberedVerdicts::default();
        memory.remember(&leaf, &[], &verdict, at(10));
        assert!(memory.recall(&leaf, &[], at(9)).is_none());
        assert!(
            memory.recall(&leaf, &[], at(11)).is_none(),
            "forgotten, not suspended"
        );
    }

    #[test]
    fn a_clock_that_goes_back_forgets_also_what_is_older_still() {
        let (leaf, verdict) = verified(1).remove(0);
        let memory = RememberedVerdicts::default();
        memory.remember(&leaf, &[], &verdict, at(0));
        assert!(memory.recall(&leaf, &[], at(3000)).is_some());
        assert!(memory.recall(&leaf, &[], at(2999)).is_none());
        // It was asked for another chain when it went back.
        memory.remember(&leaf, &[], &verdict, at(0));
        assert!(
            memory
                .recall(&leaf, std::slice::from_ref(&leaf), at(3000))
                .is_none()
        );
        assert!(
            memory
                .recall(&leaf, std::slice::from_ref(&leaf), at(2999))
                .is_none()
        );
        assert!(memory.recall(&leaf, &[], at(3000)).is_none());
    }

    #[test]
    fn only_the_last_few_chains_are_remembered_and_only_whole() {
        let all = verified(REMEMBERED_VERDICTS + 1);
        let memory = RememberedVerdicts::default();
        for (leaf, verdict) in &all {
            memory.remember(leaf, &[], verdict, NOW);
        }
        let recalled = |leaf: &CertificateDer<'_>| memory.recall(leaf, &[], NOW).is_some();
        assert!(!recalled(&all[0].0));
        assert!(all[1..].iter().all(|(leaf, _)| recalled(leaf)));
        let (last, _) = &all[REMEMBERED_VERDICTS];
        assert!(
            memory.recall(last, &[all[1].0.clone()], NOW).is_none(),
            "another chain"
        );
    }
}
