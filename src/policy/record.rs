//! What is stored of an account.

use super::confidentiality::MinimumConfidentiality;
use super::ratchet::ProtectionRecord;
use crate::name::EmailAddress;
use crate::verify::Pin;

/// What has to be stored of an account: from [`Account::record`](crate::Account::record), for
/// [`Account::restore`](crate::Account::restore).
///
/// With the feature `serde` it is stored in this form, whatever the format:
///
/// ```json
/// {
///   "version": 1,
///   "address": "ann@example.org",
///   "minimum": {
///     "required": {
///       "tls13_only": false,
///       "post_quantum_only": false,
///       "denied_groups": ["secp256r1"],
///       "denied_suites": ["TLS_AES_128_GCM_SHA256"]
///     }
///   },
///   "seen": [
///     {
///       "service": "imap",
///       "verified": true,
///       "implicit_tls": true,
///       "tls13": true,
///       "post_quantum": true,
///       "dane": false
///     }
///   ],
///   "pins": ["pin1 certificate imap 993 127.0.0.1 - sha256:5c1a… sha256:09f3… ann@example.org"]
/// }
/// ```
///
/// `minimum` is `"lowered"` for an account whose user has lowered it. Groups and suites have their
/// IANA names, or `0x` and four hexadecimal digits. Another `version`, an unknown value or field,
/// or a missing one (but the `address`), is an error. Keep it where only the user can write:
/// whoever can change it can lower what is required.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(try_from = "super::stored::Stored", into = "super::stored::Stored")
)]
pub struct AccountRecord {
    pub(super) address: Option<EmailAddress>,
    pub(super) minimum: Option<MinimumConfidentiality>,
    pub(super) seen: ProtectionRecord,
    pub(super) pins: Vec<Pin>,
}
