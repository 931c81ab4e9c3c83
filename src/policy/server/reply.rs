//! What users hear of a decision: the refusal, and the notice before it.

use std::fmt;

use super::schedule::{Stage, UtcDay};
use crate::service::Service;
use crate::tag::in_response;

/// The refusal: one line for each protocol, whoever the user is and whatever the password
/// (RFC 8314 §4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Denial {
    pub(super) service: Service,
}

/// What to tell a user whose days without TLS 1.2 or later are counted. Its `Display` is a text to
/// show or to translate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Notice {
    pub(super) has_legacy_tls: bool,
    pub(super) stage: Stage,
    pub(super) refused_from: Option<UtcDay>,
}

impl Denial {
    /// The line to send, with its CRLF. `tag` is that of IMAP's command, which the caller has
    /// parsed; the other protocols have none. What is not a tag is not sent back: `*` stands in its
    /// place. A response to `AUTH`, `AUTHENTICATE`, `LOGIN` or `PASS`.
    ///
    /// No code among them says that credentials are wrong: IMAP's `PRIVACYREQUIRED` (RFC 5530 §3),
    /// POP3's `SYS/PERM` (RFC 3206 §3), SMTP's 538 5.7.11 (RFC 4954 §6), ManageSieve's
    /// `ENCRYPT-NEEDED` (RFC 5804 §1.3).
    pub fn reply(self, tag: &str) -> DenialReply<'_> {
        DenialReply { denial: self, tag }
    }
}

/// A refusal in the words of its protocol. Its `Display` is the line with its CRLF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenialReply<'a> {
    denial: Denial,
    tag: &'a str,
}

impl fmt::Display for DenialReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.denial.service {
            Service::Imap => write!(
                f,
                "{} NO [PRIVACYREQUIRED] Logging in needs TLS 1.2 or later\r\n",
                in_response(self.tag)
            ),
            Service::Pop3 => f.write_str("-ERR [SYS/PERM] Logging in needs TLS 1.2 or later\r\n"),
            Service::Submission | Service::Lmtp | Service::SmtpRelay => {
                f.write_str("538 5.7.11 Logging in needs TLS 1.2 or later\r\n")
            }
            Service::ManageSieve => {
                f.write_str("NO (ENCRYPT-NEEDED) \"Logging in needs TLS 1.2 or later\"\r\n")
            }
        }
    }
}

impl Notice {
    /// The stage that the schedule is in.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The first day on which this user will be refused.
    pub fn refused_from(&self) -> Option<UtcDay> {
        self.refused_from
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.has_legacy_tls {
            "Your mail program sent your password by a version of TLS that is too old to protect it. \
             Update it, so that it has TLS 1.2 or later"
        } else {
            "Your mail program sent your password without TLS, where anybody on the way can read \
             it. Turn on TLS in its settings"
        })?;
        match self.refused_from {
            Some(day) => write!(f, ": from {day} on it cannot log in without."),
            None => f.write_str("."),
        }
    }
}
