//! What may be done on a connection now (RFC 8314 §5.2).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use super::account::Account;
use super::acknowledged::{Acknowledged, Warning, sealed};
use super::confidentiality::{Confidentiality, MinimumConfidentiality, Unmet};
use crate::error::PolicyRefusal;

/// What an embedder wants to do on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Asking what the server can do.
    CapabilityDiscovery,
    /// Starting TLS.
    StartTls,
    /// Sending a password or another proof of who the user is.
    Authentication,
    /// Sending mail.
    Submission,
    /// Reading or changing mail, or whatever else is kept for the user.
    Reading,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 5] = [
        Self::CapabilityDiscovery,
        Self::StartTls,
        Self::Authentication,
        Self::Submission,
        Self::Reading,
    ];

    /// Whether it may be done on a connection that does not provide what the account requires.
    /// RFC 8314 §5.2: capability discovery and STARTTLS, and nothing else.
    pub fn is_allowed_below_minimum(self) -> bool {
        match self {
            Self::CapabilityDiscovery | Self::StartTls => true,
            Self::Authentication | Self::Submission | Self::Reading => false,
        }
    }
}

/// The operation may be done now, on the connection that was asked. From
/// [`ClientSession::permit`](crate::ClientSession::permit).
///
/// Let the functions that speak the protocol take one, and none of them can be called where nobody
/// has asked:
///
/// ```
/// use bytes::BytesMut;
/// use mail_tls::{ClientSession, Error, Operation, Permit};
///
/// fn fetch(_: &Permit, session: &mut ClientSession, outgoing: &mut BytesMut) -> Result<(), Error> {
///     session.send(b"a FETCH 1:* (FLAGS)\r\n", outgoing)
/// }
///
/// fn read_mail(session: &mut ClientSession, outgoing: &mut BytesMut) -> Result<(), Error> {
///     let permit = session.permit(Operation::Reading)?;
///     fetch(&permit, session, outgoing)
/// }
/// ```
#[derive(Debug)]
#[must_use = "a permit is what says that it may be done"]
pub struct Permit {
    operation: Operation,
}

impl Permit {
    /// The operation.
    pub fn operation(&self) -> Operation {
        self.operation
    }
}

/// Credentials may be sent, once, on the session that gave this permit, by
/// [`ClientSession::send_credentials`](crate::ClientSession::send_credentials).
///
/// Authentication code that asks for one does not compile without a session that has earned it.
/// It cannot do more than that: [`send`](crate::ClientSession::send) does not recognise a password
/// in bytes.
///
/// ```compile_fail,E0382
/// # fn twice(session: &mut mail_tls::ClientSession, outgoing: &mut bytes::BytesMut) {
/// let permit = session.credential_permit().unwrap();
/// let first = session.send_credentials(permit, b"a1 LOGIN ann secret\r\n", outgoing);
/// let second = session.send_credentials(permit, b"a2 LOGIN bob secret\r\n", outgoing);
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a permit that is not redeemed sends nothing"]
pub struct CredentialPermit {
    session: SessionId,
    generation: u64,
}

/// Credentials may be sent, once, on a connection without TLS that the embedder carries itself.
/// From [`Account::permit_cleartext_credentials`](crate::Account::permit_cleartext_credentials).
#[derive(Debug)]
#[must_use = "a permit that is not taken by the code that sends is of no use"]
pub struct CleartextCredentialPermit {
    account: Account,
    generation: u64,
}

/// The password may be seen by attackers (RFC 8314 §5.1: the warning that has to come before a
/// configuration is tested without a minimum of confidentiality). From
/// [`Account::password_exposure`](crate::Account::password_exposure).
#[derive(Debug)]
pub struct PasswordExposure {
    pub(super) account: Account,
    pub(super) generation: u64,
}

/// Which session a permit belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionId(u64);

impl SessionId {
    /// One that no other session of the process has.
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Whether `operation` may be done on a connection that provides this much; `None` where TLS does
/// not stand.
pub(crate) fn permit(
    operation: Operation,
    provided: Option<&Confidentiality>,
    required: Option<&MinimumConfidentiality>,
) -> Result<Permit, PolicyRefusal> {
    if !operation.is_allowed_below_minimum() {
        check(provided, required)?;
    }
    Ok(Permit { operation })
}

fn check(
    provided: Option<&Confidentiality>,
    required: Option<&MinimumConfidentiality>,
) -> Result<(), PolicyRefusal> {
    let provided = provided.ok_or(Unmet::NoTls);
    provided
        .and_then(|provided| provided.check_for(required))
        .map(|_| ())
        .map_err(|unmet| PolicyRefusal::BelowMinimum { unmet })
}

impl CredentialPermit {
    /// For a session that provides what the account requires.
    pub(crate) fn mint(
        session: SessionId,
        generation: u64,
        provided: Option<&Confidentiality>,
        required: Option<&MinimumConfidentiality>,
    ) -> Result<Self, PolicyRefusal> {
        check(provided, required)?;
        Ok(Self {
            session,
            generation,
        })
    }

    /// Whether it was given by this session, in this generation of the account.
    pub(crate) fn is_of(&self, session: SessionId, generation: u64) -> bool {
        self.session == session && self.generation == generation
    }
}

impl CleartextCredentialPermit {
    pub(super) fn mint(warned: Acknowledged<PasswordExposure>) -> Self {
        let PasswordExposure {
            account,
            generation,
        } = warned.into_warning();
        Self {
            account,
            generation,
        }
    }

    /// Uses it up, where credentials are about to be sent.
    ///
    /// # Errors
    /// [`PolicyRefusal::BelowMinimum`] where the account has been changed since: it may require
    /// confidentiality again.
    pub fn redeem(self) -> Result<(), PolicyRefusal> {
        let is_current = self.account.generation() == self.generation;
        if is_current && !self.account.requires_confidentiality() {
            return Ok(());
        }
        let unmet = Unmet::NoTls;
        Err(PolicyRefusal::BelowMinimum { unmet })
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CapabilityDiscovery => "capability discovery",
            Self::StartTls => "STARTTLS",
            Self::Authentication => "authentication",
            Self::Submission => "submission",
            Self::Reading => "reading",
        })
    }
}

impl sealed::Sealed for PasswordExposure {}
impl Warning for PasswordExposure {}

impl fmt::Display for PasswordExposure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "Your password is about to be sent without encryption: attackers on the way can read \
             it and use it.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::CipherSuite;
    use crate::verify::Authentication;

    /// RFC 8314 §5.2: below the minimum there are two operations; at it, all.
    #[test]
    fn below_the_minimum_two_operations_exist() {
        let provided = Confidentiality {
            authentication: Authentication::Pkix,
            version: 0x0303,
            suite: Some(CipherSuite::from_code_point(0xc02f)),
            group: None,
        };
        let (usual, strict) = (
            MinimumConfidentiality::default(),
            MinimumConfidentiality::default().with_tls13_only(),
        );
        let allowed = |provided: Option<&Confidentiality>, minimum: &MinimumConfidentiality| {
            Operation::ALL.map(|operation| permit(operation, provided, Some(minimum)).is_ok())
        };
        assert_eq!(allowed(None, &usual), [true, true, false, false, false]);
        let below = allowed(Some(&provided), &strict);
        assert_eq!(below, [true, true, false, false, false]);
        assert_eq!(allowed(Some(&provided), &usual), [true; 5]);
        let refused = permit(Operation::Reading, Some(&provided), Some(&strict)).unwrap_err();
        let unmet = Unmet::Tls13;
        assert_eq!(refused, PolicyRefusal::BelowMinimum { unmet });
    }

    #[test]
    fn the_documented_table() {
        use crate::policy::confidentiality::Indicator;
        use crate::policy::documented::{OPERATIONS, assert_rows};

        let by = |authentication, version| Confidentiality {
            authentication,
            version,
            suite: Some(CipherSuite::from_code_point(0x1301)),
            group: None,
        };
        let minimum = MinimumConfidentiality::default().with_tls13_only();
        let columns = [
            Some(by(Authentication::Pkix, 0x0304)),
            Some(by(Authentication::Pkix, 0x0303)),
            Some(by(Authentication::Pinned, 0x0304)),
            None,
        ];
        let row = |first: String, cell: &dyn Fn(Option<&Confidentiality>) -> bool| {
            let cells = columns.iter().map(|provided| cell(provided.as_ref()));
            let cells = cells.map(|may| if may { "yes" } else { "no" }.to_owned());
            std::iter::once(first).chain(cells).collect::<Vec<_>>()
        };
        let mut rows: Vec<Vec<String>> = Operation::ALL
            .into_iter()
            .map(|operation| {
                row(operation.to_string(), &|provided| {
                    permit(operation, provided, Some(&minimum)).is_ok()
                })
            })
            .collect();
        rows.push(row("shown as confidential".to_owned(), &|provided| {
            let indicator = match provided {
                Some(provided) => Indicator::of(provided, &minimum),
                None => Indicator::Cleartext,
            };
            indicator.is_confidential()
        }));
        assert_rows(OPERATIONS, &rows);
    }

    /// RFC 8314 §5.1: without TLS only for a lowered account, with the warning, and not any more
    /// once it requires confidentiality again.
    #[test]
    fn credentials_in_cleartext() {
        let account = Account::configured();
        let warned = Acknowledged::by_user(account.password_exposure());
        assert!(account.permit_cleartext_credentials(warned).is_err());

        let reduced = Acknowledged::by_user(account.reduced_confidentiality());
        assert!(account.lower_minimum(reduced));
        let warned = |of: &Account| Acknowledged::by_user(of.password_exposure());
        let permit = account.permit_cleartext_credentials(warned(&account));
        assert!(permit.unwrap().redeem().is_ok());

        let other = Account::configured();
        assert!(
            account
                .permit_cleartext_credentials(warned(&other))
                .is_err()
        );

        let permit = account
            .permit_cleartext_credentials(warned(&account))
            .unwrap();
        account.raise_minimum(MinimumConfidentiality::default());
        assert!(permit.redeem().is_err());
    }
}
