//! Where a name was learned from.

use std::fmt;

/// How the embedder learned a host name.
///
/// A certificate proves that the peer is the host of that name. If an attacker could choose the
/// name, it proves nothing: so only a name that no attacker on the network could have put there
/// may become a [`ReferenceId`](super::ReferenceId) (RFC 6125 §6.2.1, RFC 7817 §3, RFC 8314 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Provenance {
    /// The user typed it, or the domain of the user's own address.
    Typed,
    /// An administrator configured it: a managed device, a configuration file.
    Administrator,
    /// The database of providers that is shipped with the program.
    ProviderDatabase,
    /// A configuration document from a server that was authenticated for the user's domain.
    AutoconfigAuthenticated,
    /// A configuration document from a server that was not authenticated.
    AutoconfigUnauthenticated,
    /// The target of SRV records whose DNSSEC validation succeeded (RFC 7817 §3, RFC 7673 §4.1).
    SrvSecure,
    /// The target of SRV records that DNSSEC did not protect.
    SrvInsecure,
    /// Learned in a way that proves nothing, then shown to the user, who confirmed it
    /// (RFC 7817 §8, RFC 8314 §5.1).
    Confirmed,
    /// What the host stands for through CNAMEs that DNSSEC protects, with TLSA records that it
    /// protects (RFC 7671 §7). Only such records make it a reference identifier
    /// ([`ReferenceIds::with_tlsa_base_domain`](super::ReferenceIds::with_tlsa_base_domain)); by
    /// itself it is none (RFC 7817 §3 input 1(b)).
    TlsaBaseDomain,
    /// Made up by the program: `imap.` before the domain, and the like.
    Guessed,
}

impl Provenance {
    /// Whether a name learned this way may become a reference identifier.
    ///
    /// RFC 6125 §6.2.1: only what is securely parsed from the user's input, configured, or derived
    /// in a way that network attackers cannot reach.
    #[must_use]
    pub const fn is_trustworthy(self) -> bool {
        match self {
            Self::Typed
            | Self::Administrator
            | Self::ProviderDatabase
            | Self::AutoconfigAuthenticated
            | Self::SrvSecure
            | Self::Confirmed => true,
            Self::AutoconfigUnauthenticated
            | Self::SrvInsecure
            | Self::TlsaBaseDomain
            | Self::Guessed => false,
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Typed => "typed by the user",
            Self::Administrator => "configured by the administrator",
            Self::ProviderDatabase => "from the program's list of providers",
            Self::AutoconfigAuthenticated => "from an authenticated configuration document",
            Self::AutoconfigUnauthenticated => "from an unauthenticated configuration document",
            Self::SrvSecure => "from DNSSEC-protected SRV records",
            Self::SrvInsecure => "from SRV records without DNSSEC",
            Self::Confirmed => "confirmed by the user",
            Self::TlsaBaseDomain => "from DNSSEC-protected aliases and TLSA records",
            Self::Guessed => "guessed by the program",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Provenance::{
        Administrator, AutoconfigAuthenticated, AutoconfigUnauthenticated, Confirmed, Guessed,
        ProviderDatabase, SrvInsecure, SrvSecure, TlsaBaseDomain, Typed,
    };

    #[test]
    fn only_what_no_attacker_could_have_chosen_is_trustworthy() {
        let rows = [
            (Typed, true, "RFC 7817 §3 input 1; §8 \"entered manually\""),
            (Administrator, true, "RFC 6125 §6.2.1 \"configured\""),
            (
                ProviderDatabase,
                true,
                "RFC 6125 §6.2.1 \"trusted mapping\"",
            ),
            (
                AutoconfigAuthenticated,
                true,
                "RFC 6125 §1.8 \"delegated domain\"",
            ),
            (AutoconfigUnauthenticated, false, "RFC 6125 §6.2.1 MUST"),
            (SrvSecure, true, "RFC 7817 §3 input 1(c)"),
            (SrvInsecure, false, "RFC 7673 §4.1 MUST NOT; RFC 9325 §7.1"),
            (Confirmed, true, "RFC 7817 §8; RFC 8314 §5.1"),
            (
                TlsaBaseDomain,
                false,
                "RFC 7817 §3 input 1(b); RFC 7671 §7 only with its TLSA records",
            ),
            (Guessed, false, "RFC 6125 §6.2.1 MUST"),
        ];
        for (provenance, expected, source) in rows {
            assert_eq!(
                provenance.is_trustworthy(),
                expected,
                "{provenance}: {source}"
            );
        }
    }
}
