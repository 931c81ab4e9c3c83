//! What an account requires of a connection, and what a connection provides (RFC 8314 §5.2).

use std::collections::BTreeSet;
use std::fmt;

use super::ratchet::Protection;
use crate::registry::{CipherSuite, NamedGroup};
use crate::verify::Authentication;

/// What an account requires of each connection.
///
/// The default is RFC 8314 §5.2 with RFC 8997: a verified certificate and TLS 1.2 or later. Nothing
/// less can be said with this type; every method requires more. An account for which less is
/// enough has no minimum at all, and that takes its user's acknowledgement
/// ([`Account::lower_minimum`](crate::Account::lower_minimum)).
///
/// ```
/// use mail_tls::{Account, MinimumConfidentiality};
///
/// let account = Account::configured();
/// account.raise_minimum(MinimumConfidentiality::default().with_tls13_only());
/// assert!(account.minimum().is_some_and(|minimum| minimum.is_tls13_only()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MinimumConfidentiality {
    tls13_only: bool,
    post_quantum_only: bool,
    denied_groups: BTreeSet<NamedGroup>,
    denied_suites: BTreeSet<CipherSuite>,
}

impl MinimumConfidentiality {
    /// Requires TLS 1.3.
    #[must_use]
    pub fn with_tls13_only(mut self) -> Self {
        self.tls13_only = true;
        self
    }

    /// Requires a key exchange that a quantum computer does not break later on: a hybrid with
    /// ML-KEM. It exists in TLS 1.3 alone, which is required by this as well.
    #[must_use]
    pub fn with_post_quantum_only(mut self) -> Self {
        self.post_quantum_only = true;
        self.with_tls13_only()
    }

    /// Does without a group for key exchange.
    #[must_use]
    pub fn without_group(mut self, group: NamedGroup) -> Self {
        self.denied_groups.insert(group);
        self
    }

    /// Does without a cipher suite.
    #[must_use]
    pub fn without_suite(mut self, suite: CipherSuite) -> Self {
        self.denied_suites.insert(suite);
        self
    }

    /// Everything that either of the two requires.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.tls13_only |= other.tls13_only;
        self.post_quantum_only |= other.post_quantum_only;
        self.denied_groups.extend(other.denied_groups);
        self.denied_suites.extend(other.denied_suites);
        self
    }

    /// Whether this requires everything that `other` does.
    pub fn is_at_least(&self, other: &Self) -> bool {
        self.clone().and(other.clone()) == *self
    }

    /// Whether TLS 1.3 is required.
    pub fn is_tls13_only(&self) -> bool {
        self.tls13_only
    }

    /// Whether a post-quantum key exchange is required.
    pub fn is_post_quantum_only(&self) -> bool {
        self.post_quantum_only
    }

    /// Whether this group may be used.
    pub fn allows_group(&self, group: NamedGroup) -> bool {
        let is_strong = !self.post_quantum_only || group.is_post_quantum_hybrid();
        is_strong && !self.denied_groups.contains(&group)
    }

    /// Whether this cipher suite may be used.
    pub fn allows_suite(&self, suite: CipherSuite) -> bool {
        !self.denied_suites.contains(&suite)
    }

    /// The groups that are done without.
    pub fn denied_groups(&self) -> impl Iterator<Item = NamedGroup> {
        self.denied_groups.iter().copied()
    }

    /// The cipher suites that are done without.
    pub fn denied_suites(&self) -> impl Iterator<Item = CipherSuite> {
        self.denied_suites.iter().copied()
    }
}

/// What an established connection provides. Only a session has one:
/// [`ClientSession::confidentiality`](crate::ClientSession::confidentiality).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confidentiality {
    pub(crate) authentication: Authentication,
    /// The code point.
    pub(crate) version: u16,
    pub(crate) suite: Option<CipherSuite>,
    /// `None` where a resumed session of TLS 1.2 has exchanged no keys.
    pub(crate) group: Option<NamedGroup>,
}

/// Proof that a connection provides what its account requires.
#[derive(Debug)]
pub(crate) struct Met(());

/// What a connection lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unmet {
    /// The connection is not protected by TLS, or not yet, or not any more.
    #[error("the connection is not protected by TLS")]
    NoTls,
    /// The server's certificate is trusted by a pin alone, which never meets a minimum
    /// (RFC 8314 §5.4).
    #[error("the server is known only by a certificate that the account's user pinned")]
    Pinned,
    /// TLS 1.3 is required, and the server speaks TLS 1.2.
    #[error("the account requires TLS 1.3, and the server agreed to TLS 1.2 only")]
    Tls13,
    /// A post-quantum key exchange is required.
    #[error(
        "the account requires a post-quantum key exchange, which the server did not agree to{}",
        with(group)
    )]
    #[non_exhaustive]
    PostQuantum {
        /// The group that was used, where there was one.
        group: Option<NamedGroup>,
    },
    /// The group is denied.
    #[error("the account does without the key exchange {group}, which the server chose")]
    #[non_exhaustive]
    Group {
        /// The group.
        group: NamedGroup,
    },
    /// The cipher suite is denied.
    #[error("the account does without the cipher suite {suite}, which the server chose")]
    #[non_exhaustive]
    Suite {
        /// The suite.
        suite: CipherSuite,
    },
    /// The cipher suite is not known.
    #[error(
        "the cipher suite of the connection has no registered name to compare with what the account requires"
    )]
    UnknownSuite,
}

impl Unmet {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoTls => "no-tls",
            Self::Pinned => "pinned",
            Self::Tls13 => "tls-1.3",
            Self::PostQuantum { .. } => "post-quantum",
            Self::Group { .. } => "denied-group",
            Self::Suite { .. } => "denied-suite",
            Self::UnknownSuite => "unknown-suite",
        }
    }
}

fn with(group: &Option<NamedGroup>) -> String {
    group.map_or_else(String::new, |group| format!(" (it uses {group})"))
}

impl Confidentiality {
    /// Whether the connection provides what `minimum` requires; what it lacks otherwise.
    ///
    /// # Errors
    /// [`Unmet`], the first requirement that is not met.
    pub fn meets(&self, minimum: &MinimumConfidentiality) -> Result<(), Unmet> {
        self.check(minimum).map(|_| ())
    }

    /// By what the server was authenticated.
    pub fn authentication(&self) -> Authentication {
        self.authentication
    }

    /// In the terms of the ratchet; the mode is the session's to add.
    pub(crate) fn protection(&self) -> Protection {
        let (verified, dane) = match self.authentication {
            Authentication::Pkix => (true, false),
            Authentication::DaneTa | Authentication::DaneEe => (true, true),
            Authentication::Pinned => (false, false),
        };
        Protection {
            verified,
            implicit_tls: false,
            tls13: self.version >= 0x0304,
            post_quantum: self.group.is_some_and(NamedGroup::is_post_quantum_hybrid),
            dane,
        }
    }

    pub(crate) fn check(&self, minimum: &MinimumConfidentiality) -> Result<Met, Unmet> {
        match self.authentication {
            // RFC 8314 §5.3
            Authentication::Pkix | Authentication::DaneTa | Authentication::DaneEe => {}
            Authentication::Pinned => return Err(Unmet::Pinned),
        }
        self.check_parameters(minimum)
    }

    /// As [`check`](Self::check), by what an account requires; `None` where its user has lowered
    /// the minimum. What the user's own pin vouches for may be used then (RFC 8314 §5.4), though
    /// it is never shown as confidential.
    pub(crate) fn check_for(
        &self,
        required: Option<&MinimumConfidentiality>,
    ) -> Result<Met, Unmet> {
        match required {
            Some(minimum) => self.check(minimum),
            None => self.check_parameters(&MinimumConfidentiality::default()),
        }
    }

    fn check_parameters(&self, minimum: &MinimumConfidentiality) -> Result<Met, Unmet> {
        // Nothing below is ever enabled; TLS 1.2 is the default's floor (RFC 8997).
        if self.version < 0x0303 {
            return Err(Unmet::NoTls);
        }
        if minimum.is_tls13_only() && self.version < 0x0304 {
            return Err(Unmet::Tls13);
        }
        match self.group {
            Some(group) if minimum.allows_group(group) => {}
            Some(group) if minimum.denied_groups.contains(&group) => {
                return Err(Unmet::Group { group });
            }
            // A ticket of TLS 1.2 comes from a session of the same connector, under the same
            // minimum, which did exchange keys.
            None if !minimum.is_post_quantum_only() => {}
            group => return Err(Unmet::PostQuantum { group }),
        }
        let suite = self.suite.ok_or(Unmet::UnknownSuite)?;
        if !minimum.allows_suite(suite) {
            return Err(Unmet::Suite { suite });
        }
        Ok(Met(()))
    }
}

/// What a user interface may show of a connection (RFC 8314 §5).
///
/// `Display` is a text to show or to translate. `Confidential` cannot be made outside this crate:
/// it comes from an established session, and from nothing else.
///
/// ```compile_fail,E0639
/// let lock = mail_tls::Indicator::Confidential {};
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Indicator {
    /// A verified certificate, TLS 1.2 or later, and everything that the account requires.
    #[non_exhaustive]
    Confidential {},
    /// TLS, but not all that the account requires by now. Not to be shown as confidential.
    #[non_exhaustive]
    BelowMinimum {
        /// What is missing.
        unmet: Unmet,
    },
    /// No TLS. Not to be shown as confidential.
    Cleartext,
    /// There is no connection. Nothing is to be shown.
    NotConnected,
}

impl Indicator {
    /// For an established connection.
    pub(crate) fn of(provided: &Confidentiality, minimum: &MinimumConfidentiality) -> Self {
        match provided.check(minimum) {
            Ok(Met(())) => Self::Confidential {},
            Err(unmet) => Self::BelowMinimum { unmet },
        }
    }

    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Confidential {} => "confidential",
            Self::BelowMinimum { .. } => "below-minimum",
            Self::Cleartext => "cleartext",
            Self::NotConnected => "not-connected",
        }
    }

    /// Whether it may be shown as confidential: with a lock, or however the program does it.
    pub fn is_confidential(self) -> bool {
        match self {
            Self::Confidential {} => true,
            Self::BelowMinimum { .. } | Self::Cleartext | Self::NotConnected => false,
        }
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Confidential {} => {
                f.write_str("Confidential: encrypted, and with the right server.")
            }
            Self::BelowMinimum { unmet } => {
                write!(f, "Not as confidential as this account requires: {unmet}.")
            }
            Self::Cleartext => {
                f.write_str("Not confidential: anyone on the way can read and change what is sent.")
            }
            Self::NotConnected => f.write_str("Not connected."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X25519: NamedGroup = NamedGroup::from_code_point(0x001d);
    const HYBRID: NamedGroup = NamedGroup::from_code_point(0x11ec);
    const P256: NamedGroup = NamedGroup::from_code_point(0x0017);
    const AES_128: CipherSuite = CipherSuite::from_code_point(0x1301);
    const AES_256: CipherSuite = CipherSuite::from_code_point(0x1302);

    fn provides(version: u16, suite: CipherSuite, group: Option<NamedGroup>) -> Confidentiality {
        Confidentiality {
            authentication: Authentication::Pkix,
            version,
            suite: Some(suite),
            group,
        }
    }

    /// RFC 8314 §5.2 and RFC 8997, and each further floor.
    #[test]
    fn what_a_minimum_asks_for() {
        let plain = MinimumConfidentiality::default;
        let tls12 = provides(0x0303, AES_128, Some(X25519));
        let tls13 = provides(0x0304, AES_128, Some(X25519));
        let hybrid = provides(0x0304, AES_256, Some(HYBRID));
        let resumed = provides(0x0303, AES_128, None);
        let rows = [
            (plain(), tls12, Ok(())),
            (plain(), tls13, Ok(())),
            (plain(), resumed, Ok(())),
            (
                plain(),
                provides(0x0302, AES_128, Some(P256)),
                Err(Unmet::NoTls),
            ),
            (plain().with_tls13_only(), tls12, Err(Unmet::Tls13)),
            (plain().with_tls13_only(), tls13, Ok(())),
            (plain().with_post_quantum_only(), tls12, Err(Unmet::Tls13)),
            (
                plain().with_post_quantum_only(),
                tls13,
                Err(Unmet::PostQuantum {
                    group: Some(X25519),
                }),
            ),
            (plain().with_post_quantum_only(), hybrid, Ok(())),
            (
                plain().with_post_quantum_only(),
                provides(0x0304, AES_128, None),
                Err(Unmet::PostQuantum { group: None }),
            ),
            (
                plain().without_group(X25519),
                tls13,
                Err(Unmet::Group { group: X25519 }),
            ),
            (plain().without_group(P256), tls13, Ok(())),
            (
                plain().with_post_quantum_only().without_group(HYBRID),
                hybrid,
                Err(Unmet::Group { group: HYBRID }),
            ),
            (
                plain().without_suite(AES_128),
                tls13,
                Err(Unmet::Suite { suite: AES_128 }),
            ),
            (plain().without_suite(AES_128), hybrid, Ok(())),
            (
                plain(),
                Confidentiality {
                    suite: None,
                    ..tls13
                },
                Err(Unmet::UnknownSuite),
            ),
        ];
        for (minimum, provided, expected) in rows {
            assert_eq!(
                provided.meets(&minimum),
                expected,
                "{minimum:?} {provided:?}"
            );
            let indicator = Indicator::of(&provided, &minimum);
            assert_eq!(indicator.is_confidential(), expected.is_ok());
        }
    }

    #[test]
    fn what_is_not_confidential_does_not_say_so() {
        let unmet = Unmet::Tls13;
        for indicator in [
            Indicator::BelowMinimum { unmet },
            Indicator::Cleartext,
            Indicator::NotConnected,
        ] {
            assert!(!indicator.is_confidential());
            assert!(!indicator.to_string().starts_with("Confidential"));
        }
    }

    #[test]
    fn more_is_at_least() {
        let less = MinimumConfidentiality::default().without_group(P256);
        let more = less.clone().with_tls13_only().without_suite(AES_128);
        assert!(more.is_at_least(&less) && !less.is_at_least(&more));
        assert!(less.is_at_least(&MinimumConfidentiality::default()));
        assert_eq!(less.clone().and(more.clone()), more.and(less));
    }
}
