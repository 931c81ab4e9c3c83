//! What an account has had, and may expect to have again.

use std::collections::BTreeMap;
use std::fmt;

use crate::service::{Service, TlsMode};

/// How well a connection is protected, in the terms in which one is compared with another.
///
/// From [`ClientSession::protection`](crate::ClientSession::protection), or
/// [`cleartext`](Self::cleartext) for a connection that the embedder carries itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Protection {
    pub(crate) verified: bool,
    pub(crate) implicit_tls: bool,
    pub(crate) tls13: bool,
    pub(crate) post_quantum: bool,
    pub(crate) dane: bool,
}

/// One way in which a connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Aspect {
    /// TLS, with a verified certificate.
    Verified,
    /// TLS from the first byte.
    ImplicitTls,
    /// TLS 1.3.
    Tls13,
    /// A post-quantum key exchange.
    PostQuantum,
    /// A certificate that TLSA records name.
    Dane,
}

/// The best protection that each service of an account has had. It only ever grows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProtectionRecord {
    seen: BTreeMap<Service, Protection>,
}

/// A connection offers less than an earlier one did. It is an event to tell of, not an error: what
/// the account requires is met all the same, or there would be no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downgrade {
    /// The service.
    pub service: Service,
    /// The best that there was.
    pub best: Protection,
    /// What there is now.
    pub now: Protection,
}

/// An account that does not require confidentiality could: its server offers TLS. Offer it to the
/// user, and call [`Account::raise_minimum`](crate::Account::raise_minimum) (RFC 8314 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UpgradeOffer {
    /// The service.
    pub service: Service,
}

impl Protection {
    /// Of a connection without TLS.
    pub fn cleartext() -> Self {
        Self::default()
    }

    pub(crate) fn with_mode(mut self, mode: TlsMode) -> Self {
        self.implicit_tls = match mode {
            TlsMode::Implicit => true,
            TlsMode::StartTls => false,
        };
        self
    }

    /// Whether it is protected in this way.
    pub fn has(&self, aspect: Aspect) -> bool {
        match aspect {
            Aspect::Verified => self.verified,
            Aspect::ImplicitTls => self.implicit_tls,
            Aspect::Tls13 => self.tls13,
            Aspect::PostQuantum => self.post_quantum,
            Aspect::Dane => self.dane,
        }
    }

    /// Everything that either of the two has.
    fn or(self, other: Self) -> Self {
        Self {
            verified: self.verified | other.verified,
            implicit_tls: self.implicit_tls | other.implicit_tls,
            tls13: self.tls13 | other.tls13,
            post_quantum: self.post_quantum | other.post_quantum,
            dane: self.dane | other.dane,
        }
    }
}

impl Aspect {
    /// Every aspect.
    pub const ALL: [Self; 5] = [
        Self::Verified,
        Self::ImplicitTls,
        Self::Tls13,
        Self::PostQuantum,
        Self::Dane,
    ];

    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::ImplicitTls => "implicit-tls",
            Self::Tls13 => "tls-1.3",
            Self::PostQuantum => "post-quantum",
            Self::Dane => "dane",
        }
    }
}

impl ProtectionRecord {
    /// Compares a connection with what there was, and remembers what is better of it.
    pub fn observe(&mut self, service: Service, now: Protection) -> Option<Downgrade> {
        let best = self.seen.entry(service).or_default();
        let before = *best;
        *best = before.or(now);
        let downgrade = Downgrade {
            service,
            best: before,
            now,
        };
        (before.or(now) != now).then_some(downgrade)
    }

    /// The best protection that a service has had.
    pub fn best(&self, service: Service) -> Protection {
        self.seen.get(&service).copied().unwrap_or_default()
    }

    /// Every service that was ever connected to.
    pub fn iter(&self) -> impl Iterator<Item = (Service, Protection)> {
        self.seen.iter().map(|(service, best)| (*service, *best))
    }
}

impl Downgrade {
    /// What was there and is not any more.
    pub fn lost(&self) -> impl Iterator<Item = Aspect> {
        let Self { best, now, .. } = *self;
        Aspect::ALL
            .into_iter()
            .filter(move |aspect| best.has(*aspect) && !now.has(*aspect))
    }
}

impl fmt::Display for Downgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} was better protected before: it had ", self.service)?;
        for (index, aspect) in self.lost().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            aspect.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Aspect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Verified => "TLS with a verified certificate",
            Self::ImplicitTls => "TLS from the first byte",
            Self::Tls13 => "TLS 1.3",
            Self::PostQuantum => "a post-quantum key exchange",
            Self::Dane => "a certificate confirmed by DNSSEC",
        })
    }
}

impl fmt::Display for UpgradeOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = self.service;
        write!(
            f,
            "The {service} server offers encryption now. Require it for this account?"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_protection() -> impl Strategy<Value = Protection> {
        any::<[bool; 5]>().prop_map(|[verified, implicit_tls, tls13, post_quantum, dane]| {
            Protection {
                verified,
                implicit_tls,
                tls13,
                post_quantum,
                dane,
            }
        })
    }

    proptest! {
        #[test]
        fn the_record_grows_and_tells_of_every_loss(
            connections in prop::collection::vec((any_protection(), any::<bool>()), 0..12),
        ) {
            let mut record = ProtectionRecord::default();
            for (now, is_imap) in connections {
                let service = if is_imap { Service::Imap } else { Service::Submission };
                let before = record.best(service);
                let downgrade = record.observe(service, now);
                let after = record.best(service);
                let lost: Vec<Aspect> = downgrade.iter().flat_map(Downgrade::lost).collect();
                for aspect in Aspect::ALL {
                    prop_assert_eq!(after.has(aspect), before.has(aspect) || now.has(aspect));
                    let is_lost = before.has(aspect) && !now.has(aspect);
                    prop_assert_eq!(lost.contains(&aspect), is_lost);
                }
                prop_assert_eq!(downgrade.is_some(), !lost.is_empty());
            }
        }
    }

    #[test]
    fn a_downgrade_names_both_sides() {
        let mut record = ProtectionRecord::default();
        let best = Protection {
            verified: true,
            tls13: true,
            ..Protection::cleartext().with_mode(TlsMode::Implicit)
        };
        assert_eq!(record.observe(Service::Imap, best), None);
        let now = Protection {
            verified: true,
            ..Protection::cleartext().with_mode(TlsMode::StartTls)
        };
        let downgrade = record.observe(Service::Imap, now).unwrap();
        assert_eq!((downgrade.best, downgrade.now), (best, now));
        assert_eq!(
            downgrade.to_string(),
            "IMAP was better protected before: it had TLS from the first byte, TLS 1.3"
        );
        assert_eq!(record.best(Service::Imap), best);
    }
}
