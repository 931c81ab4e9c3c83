//! TLS in the Received field: the registered clause, written and read.
//!
//! RFC 8314 §4.3 registers the clauses `tls` and `group`, so that a message says how it was
//! protected when it was handed in. A submission server adds them to each Received field that it
//! makes for a message that came over TLS:
//!
//! ```
//! use std::fmt::Write;
//!
//! use mail_tls::received::{Folding, MailProtocol, TlsClause, TransmissionType};
//! use mail_tls::{CipherSuite, NamedGroup};
//!
//! // On a session: `session.info()` has `received_clause()` and `transmission_type(..)`.
//! let clause = TlsClause::new(CipherSuite::from_code_point(0x1301))
//!     .with_group(NamedGroup::from_code_point(0x001D));
//! let with = TransmissionType::new(MailProtocol::Smtp).with_tls(true).with_authentication(true);
//!
//! let mut field = String::new();
//! let mut out = Folding::new(&mut field);
//! write!(out, "Received: from client.example.org ([192.0.2.1]) by mail.example.org")?;
//! out.with(with)?;
//! out.clause("id", "4T0zQh1V2x")?;
//! out.clause("for", "<ann@example.org>")?;
//! out.tls(&clause)?; // the registered clauses come last (RFC 5321 §4.4)
//! write!(out, ";\r\n Mon, 23 Nov 2026 18:00:00 +0000\r\n")?;
//!
//! assert_eq!(
//!     field,
//!     "Received: from client.example.org ([192.0.2.1]) by mail.example.org\r\n \
//!      with ESMTPSA id 4T0zQh1V2x for <ann@example.org>\r\n \
//!      tls TLS_AES_128_GCM_SHA256 group x25519;\r\n \
//!      Mon, 23 Nov 2026 18:00:00 +0000\r\n"
//! );
//! # Ok::<(), std::fmt::Error>(())
//! ```
//!
//! A Received field is prepended; those that are there already are never changed (RFC 5321 §4.4).
//!
//! [`recorded_tls`] reads the clause back, and also the comments in which servers record TLS that
//! do not write it. What it finds is as true as the server that wrote the field: only the fields
//! above the first one that an own server did not write are evidence of anything.

use std::fmt;

use crate::registry::{CipherSuite, NamedGroup};

mod comment;
mod fold;
mod names;
mod parse;
mod tokens;
mod transmission;

pub use fold::Folding;
pub use parse::{RecordedForm, RecordedTls, RecordedVersion, recorded_tls};
pub use transmission::{MailProtocol, TransmissionType};

/// The clauses `tls` and `group` of a Received field (RFC 8314 §4.3).
///
/// Its `Display` is the clause without the white space before it and without folding;
/// [`Folding::tls`] writes it into a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TlsClause {
    cipher_suite: CipherSuite,
    group: Option<NamedGroup>,
}

impl TlsClause {
    /// The clause for this suite: its registered name or, for one that is in no registry,
    /// `0x` and four hexadecimal digits.
    pub const fn new(cipher_suite: CipherSuite) -> Self {
        Self {
            cipher_suite,
            group: None,
        }
    }

    /// With the group of the key exchange. One that has no registered name is left out: the clause
    /// has no room for its number.
    ///
    /// In TLS 1.3 the group is no part of the suite, and is written all the same.
    #[must_use]
    pub fn with_group(mut self, group: NamedGroup) -> Self {
        self.group = group.name().is_some().then_some(group);
        self
    }

    /// The cipher suite.
    pub const fn cipher_suite(&self) -> CipherSuite {
        self.cipher_suite
    }

    /// The group, where it is written.
    pub const fn group(&self) -> Option<NamedGroup> {
        self.group
    }
}

impl fmt::Display for TlsClause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tls {}", self.cipher_suite)?;
        match self.group {
            Some(group) => write!(f, " group {group}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
