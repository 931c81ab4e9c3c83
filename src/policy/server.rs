//! Whom a server lets log in, decided before it looks at any password (RFC 8314 §4.1).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

mod reply;
mod schedule;
#[cfg(test)]
mod tests;

pub use reply::{Denial, DenialReply, Notice};
pub use schedule::{DeprecationSchedule, InvalidSchedule, Stage, UtcDay};

use crate::service::Service;
use crate::text::UntrustedText;

/// How a connection is protected, as far as admission asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ConnectionSecurity {
    /// Not at all.
    Cleartext,
    /// By SSL, TLS 1.0 or TLS 1.1. No session of this crate is; a proxy in front of a server may
    /// say so.
    LegacyTls,
    /// By TLS 1.2 or later.
    ModernTls,
}

/// What is known of a user's migration to TLS. For a user that does not exist it is the default,
/// so that nobody can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct UserMigration {
    requires_tls: bool,
    is_exempt: bool,
    was_password_exposed: bool,
}

/// A user who is about to log in. There is no place in it for a password, and there must be none
/// in what it is made from: the decision comes before the server looks whether one is right.
#[derive(Debug, Clone, Copy)]
pub struct LoginAttempt<'a> {
    service: Service,
    security: ConnectionSecurity,
    user: &'a str,
    migration: UserMigration,
}

/// What a listener permits (RFC 8314 §4.1).
///
/// [`decide`](Self::decide) is called when the user is known and before the password, or what else
/// proves who it is, is looked at. [`permits_login`](Self::permits_login) says whether
/// authentication is to be offered at all.
///
/// ```
/// use mail_tls::admission::*;
/// use mail_tls::Service;
///
/// let day = |month| UtcDay::from_date(2027, month, 1).unwrap();
/// let schedule = DeprecationSchedule::new(b"example.org", [day(1), day(2), day(3), day(6)])?;
/// let policy = ServerPolicy::phasing_out_cleartext(schedule);
///
/// let attempt = LoginAttempt::new(Service::Imap, ConnectionSecurity::Cleartext, "ann");
/// match policy.decide(&attempt, day(6)).verdict() {
///     AdmissionVerdict::RequireTls(denial) => assert_eq!(
///         denial.reply("a1").to_string(),
///         "a1 NO [PRIVACYREQUIRED] Logging in needs TLS 1.2 or later\r\n",
///     ),
///     other => panic!("{other:?}"),
/// }
/// # Ok::<(), InvalidSchedule>(())
/// ```
#[derive(Debug)]
pub struct ServerPolicy {
    cleartext: CleartextRule,
    requires_tls12: bool,
    counters: Counters,
}

#[derive(Debug)]
enum CleartextRule {
    Permitted,
    PhasedOut(DeprecationSchedule),
    Forbidden,
}

/// The decision on one attempt, and what an operator wants to know of it.
///
/// Its `Display` is a line for the log: `key=value` pairs in one order, separated by single spaces,
/// of which there are none in a value. A user's name is shown as [`UntrustedText`] shows it, its
/// spaces as `\u{20}`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "it says whether the user may be let in"]
pub struct Admission {
    verdict: AdmissionVerdict,
    service: Service,
    security: ConnectionSecurity,
    user: UntrustedText,
    stage: Option<Stage>,
}

/// What the server has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says whether the user may be let in"]
pub enum AdmissionVerdict {
    /// Look at the password as always.
    Allow,
    /// The same, and tell the user once logged in.
    AllowAndTell(Notice),
    /// Look at the password as always, and then have it changed before anything else: it was sent
    /// in cleartext before (RFC 8314 §4.1).
    RequirePasswordChange,
    /// Refuse without a look at the password: the connection has no TLS.
    RequireTls(Denial),
    /// Refuse without a look at the password: the connection's TLS is older than 1.2.
    RequireTls12(Denial),
}

/// How many attempts were decided in which way since the policy was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AdmissionCounts {
    /// Allowed with TLS 1.2 or later.
    pub modern_tls: u64,
    /// Allowed with TLS 1.2 or later, the password to be changed.
    pub password_changes: u64,
    /// Allowed with TLS older than 1.2.
    pub legacy_tls_allowed: u64,
    /// Refused with TLS older than 1.2.
    pub legacy_tls_refused: u64,
    /// Allowed in cleartext.
    pub cleartext_allowed: u64,
    /// Refused in cleartext.
    pub cleartext_refused: u64,
}

impl UserMigration {
    /// Whether this user may log in with TLS alone, whatever the schedule says: one who has
    /// migrated, or a new one from the start (RFC 8314 §4.1).
    ///
    /// Over cleartext such a user is refused while others are not, which tells that the name
    /// exists; whether a password is right it does not tell.
    #[must_use]
    pub const fn with_tls_required(mut self, required: bool) -> Self {
        self.requires_tls = required;
        self
    }

    /// Whether this user stays with a legacy system that cannot be upgraded, and is let in without
    /// TLS also after all others were refused by the schedule (RFC 8314 §4.1 (b)).
    #[must_use]
    pub const fn with_exemption(mut self, exempt: bool) -> Self {
        self.is_exempt = exempt;
        self
    }

    /// Whether the present password was ever sent in cleartext: to be remembered for a user who
    /// was let in so, and forgotten when the password is changed.
    #[must_use]
    pub const fn with_exposed_password(mut self, exposed: bool) -> Self {
        self.was_password_exposed = exposed;
        self
    }
}

impl<'a> LoginAttempt<'a> {
    /// An attempt by a user of whom nothing is known.
    ///
    /// `user` is the name as the server's own records have it: two spellings that are one user
    /// there must not be two here. Upper and lower case of ASCII make no difference.
    pub fn new(service: Service, security: ConnectionSecurity, user: &'a str) -> Self {
        Self {
            service,
            security,
            user,
            migration: UserMigration::default(),
        }
    }

    /// With what is known of the user.
    #[must_use]
    pub fn with_migration(mut self, migration: UserMigration) -> Self {
        self.migration = migration;
        self
    }
}

impl ServerPolicy {
    /// Nobody logs in without TLS 1.2 or later, without exemption. What a new server should start
    /// with.
    pub fn requiring_tls() -> Self {
        Self::with_rule(CleartextRule::Forbidden)
    }

    /// Logging in without TLS comes to an end, in stages.
    pub fn phasing_out_cleartext(schedule: DeprecationSchedule) -> Self {
        Self::with_rule(CleartextRule::PhasedOut(schedule))
    }

    /// Logging in without TLS is possible for all users who do not require it; each such login is
    /// counted. Servers SHOULD deprecate this as soon as practicable (RFC 8314 §4).
    pub fn permitting_cleartext() -> Self {
        Self::with_rule(CleartextRule::Permitted)
    }

    fn with_rule(cleartext: CleartextRule) -> Self {
        Self {
            cleartext,
            requires_tls12: true,
            counters: Counters::default(),
        }
    }

    /// Lets TLS older than 1.2 pass for users who may do without TLS, by the same rule as
    /// cleartext: for servers behind a proxy that accepts it.
    #[must_use]
    pub fn with_legacy_tls(mut self) -> Self {
        self.requires_tls12 = false;
        self
    }

    /// Decides on an attempt to log in.
    ///
    /// `today` is the same for all servers of a fleet: [`UtcDay::of`] the time. A verdict that
    /// refuses is final: the password must not be looked at, not even to count it, or the time
    /// that it takes would tell.
    pub fn decide(&self, attempt: &LoginAttempt<'_>, today: UtcDay) -> Admission {
        let denial = Denial {
            service: attempt.service,
        };
        let verdict = match attempt.security {
            ConnectionSecurity::ModernTls => {
                if attempt.migration.was_password_exposed {
                    AdmissionVerdict::RequirePasswordChange
                } else {
                    AdmissionVerdict::Allow
                }
            }
            ConnectionSecurity::LegacyTls if self.requires_tls12 => {
                AdmissionVerdict::RequireTls12(denial)
            }
            ConnectionSecurity::LegacyTls => self
                .permitted(attempt, today)
                .unwrap_or(AdmissionVerdict::RequireTls12(denial)),
            ConnectionSecurity::Cleartext => self
                .permitted(attempt, today)
                .unwrap_or(AdmissionVerdict::RequireTls(denial)),
        };
        self.counters.count(attempt.security, &verdict);
        Admission {
            verdict,
            service: attempt.service,
            security: attempt.security,
            user: UntrustedText::new(attempt.user.as_bytes(), SHOWN_USER),
            stage: self.stage(today),
        }
    }

    /// Whether anybody may log in on a connection like this: whether capabilities name
    /// mechanisms, whether IMAP says `LOGINDISABLED`, whether the policy of a
    /// [`StartTlsGuard`](crate::StartTlsGuard) is
    /// [`AdmissionDecides`](crate::PlaintextPolicy::AdmissionDecides). After the last day of a schedule exempted
    /// users are still let in; their clients have to try unasked.
    pub fn permits_login(&self, security: ConnectionSecurity, today: UtcDay) -> bool {
        match security {
            ConnectionSecurity::ModernTls => true,
            ConnectionSecurity::LegacyTls if self.requires_tls12 => false,
            ConnectionSecurity::LegacyTls | ConnectionSecurity::Cleartext => {
                match &self.cleartext {
                    CleartextRule::Permitted => true,
                    CleartextRule::PhasedOut(schedule) => schedule.stage(today) != Stage::Refused,
                    CleartextRule::Forbidden => false,
                }
            }
        }
    }

    /// The stage of the schedule, where there is one.
    pub fn stage(&self, today: UtcDay) -> Option<Stage> {
        match &self.cleartext {
            CleartextRule::PhasedOut(schedule) => Some(schedule.stage(today)),
            CleartextRule::Permitted | CleartextRule::Forbidden => None,
        }
    }

    /// What was counted so far.
    pub fn counts(&self) -> AdmissionCounts {
        self.counters.read()
    }

    /// What a user may do without modern TLS; `None` for nothing.
    fn permitted(&self, attempt: &LoginAttempt<'_>, today: UtcDay) -> Option<AdmissionVerdict> {
        if attempt.migration.requires_tls {
            return None;
        }
        let schedule = match &self.cleartext {
            CleartextRule::Forbidden => return None,
            CleartextRule::Permitted => return Some(AdmissionVerdict::Allow),
            CleartextRule::PhasedOut(_) if attempt.migration.is_exempt => {
                return Some(AdmissionVerdict::Allow);
            }
            CleartextRule::PhasedOut(schedule) => schedule,
        };
        let refused_from = schedule.refused_from(attempt.user);
        let notice = |stage| {
            AdmissionVerdict::AllowAndTell(Notice {
                has_legacy_tls: attempt.security == ConnectionSecurity::LegacyTls,
                stage,
                refused_from: Some(refused_from),
            })
        };
        match schedule.stage(today) {
            Stage::Unannounced => Some(AdmissionVerdict::Allow),
            stage @ (Stage::Announced | Stage::Warned) => Some(notice(stage)),
            stage @ (Stage::Refusing | Stage::Refused) => {
                (today < refused_from).then(|| notice(stage))
            }
        }
    }
}

impl Admission {
    /// What to do.
    pub fn verdict(&self) -> AdmissionVerdict {
        self.verdict
    }

    /// The user, for the list of those who still use cleartext.
    pub fn user(&self) -> &UntrustedText {
        &self.user
    }

    /// How the connection is protected.
    pub fn security(&self) -> ConnectionSecurity {
        self.security
    }

    /// Whether a password was sent or would have been sent without modern TLS: what an operator
    /// counts and lists. For a user who is let in, remember the password as exposed.
    pub fn is_exposure(&self) -> bool {
        match self.security {
            ConnectionSecurity::Cleartext | ConnectionSecurity::LegacyTls => true,
            ConnectionSecurity::ModernTls => false,
        }
    }
}

impl fmt::Display for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            AdmissionVerdict::Allow => "allow",
            AdmissionVerdict::AllowAndTell(_) => "allow-and-tell",
            AdmissionVerdict::RequirePasswordChange => "require-password-change",
            AdmissionVerdict::RequireTls(_) => "require-tls",
            AdmissionVerdict::RequireTls12(_) => "require-tls-1.2",
        };
        let security = match self.security {
            ConnectionSecurity::Cleartext => "cleartext",
            ConnectionSecurity::LegacyTls => "legacy-tls",
            ConnectionSecurity::ModernTls => "tls",
        };
        write!(
            f,
            "service={} security={security} verdict={verdict}",
            self.service
        )?;
        match self.stage {
            Some(stage) => write!(f, " stage={stage}")?,
            None => f.write_str(" stage=-")?,
        }
        // A blank would begin another pair, of the user's choice.
        let user = self.user.to_string().replace(' ', "\\u{20}");
        write!(f, " user={user}")
    }
}

/// Bytes of a user's name that an event shows.
const SHOWN_USER: usize = 254;

#[derive(Debug, Default)]
struct Counters {
    modern_tls: AtomicU64,
    password_changes: AtomicU64,
    legacy_tls_allowed: AtomicU64,
    legacy_tls_refused: AtomicU64,
    cleartext_allowed: AtomicU64,
    cleartext_refused: AtomicU64,
}

impl Counters {
    fn count(&self, security: ConnectionSecurity, verdict: &AdmissionVerdict) {
        use AdmissionVerdict as V;
        use ConnectionSecurity as S;
        let counter = match (security, verdict) {
            (S::ModernTls, V::RequirePasswordChange) => &self.password_changes,
            (
                S::ModernTls,
                V::Allow | V::AllowAndTell(_) | V::RequireTls(_) | V::RequireTls12(_),
            ) => &self.modern_tls,
            (S::LegacyTls, V::Allow | V::AllowAndTell(_) | V::RequirePasswordChange) => {
                &self.legacy_tls_allowed
            }
            (S::LegacyTls, V::RequireTls(_) | V::RequireTls12(_)) => &self.legacy_tls_refused,
            (S::Cleartext, V::Allow | V::AllowAndTell(_) | V::RequirePasswordChange) => {
                &self.cleartext_allowed
            }
            (S::Cleartext, V::RequireTls(_) | V::RequireTls12(_)) => &self.cleartext_refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn read(&self) -> AdmissionCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        AdmissionCounts {
            modern_tls: read(&self.modern_tls),
            password_changes: read(&self.password_changes),
            legacy_tls_allowed: read(&self.legacy_tls_allowed),
            legacy_tls_refused: read(&self.legacy_tls_refused),
            cleartext_allowed: read(&self.cleartext_allowed),
            cleartext_refused: read(&self.cleartext_refused),
        }
    }
}
