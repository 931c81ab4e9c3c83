//! What to do about a failed check: for the person in front of it, and for the one who can fix it.

use crate::verify::{CheckFailure, VerifierRefusal};

impl CheckFailure {
    /// What the user of a mail program can do. One sentence.
    #[must_use]
    pub const fn user_advice(&self) -> &'static str {
        match self {
            Self::NameMismatch(_)
            | Self::RefusedByVerifier {
                refusal: VerifierRefusal::WrongName,
            } => {
                "Check the server name in the account's settings, and ask the provider which one \
                 to use."
            }
            Self::Expired { .. }
            | Self::NotYetValid { .. }
            | Self::RefusedByVerifier {
                refusal: VerifierRefusal::Expired | VerifierRefusal::NotYetValid,
            } => "Check this device's date and time, and tell the provider if they are right.",
            Self::UnknownAuthority {
                is_namesake: true, ..
            } => {
                "Do not send a password; if your organisation has replaced its own authority, have \
                 the new one's certificate installed, otherwise try another network and ask the \
                 provider."
            }
            Self::SelfSigned
            | Self::UnknownAuthority { .. }
            | Self::MissingIntermediate { .. }
            | Self::AuthorityAsPeer => {
                "Do not send a password; somebody may be in between, for instance on a public \
                 network: try another network, and ask the provider."
            }
            Self::TlsaExpired { .. } => "Connect again.",
            Self::UnsupportedByVerifier { .. } => {
                "Tell the makers of this program: they can verify servers without the system's \
                 verifier."
            }
            Self::PinMismatch { .. } => {
                "Do not send a password; ask the operator of the server whether the certificate was \
                 replaced, and set the account up again if it was."
            }
            Self::RevocationUnknown(_) => {
                "Try again later: this program needs a newer list of revoked certificates."
            }
            Self::BadSignature { .. }
            | Self::TlsaMismatch { .. }
            | Self::Revoked { .. }
            | Self::RefusedByVerifier {
                refusal:
                    VerifierRefusal::UntrustedChain
                    | VerifierRefusal::Revoked
                    | VerifierRefusal::Other(_),
            }
            | Self::Distrusted
            | Self::NoPath
            | Self::NotAnAuthority { .. }
            | Self::NameConstraint { .. } => {
                "Do not send a password; the certificate may be forged: try another network, and \
                 tell the provider."
            }
            Self::NoCertificate
            | Self::TooManyCertificates { .. }
            | Self::ChainTooLarge { .. }
            | Self::Unreadable { .. }
            | Self::OldVersion { .. }
            | Self::CriticalExtension { .. }
            | Self::PathLength { .. }
            | Self::UnsupportedSignature { .. }
            | Self::PathTooComplex
            | Self::WeakKey { .. }
            | Self::UnsupportedKey { .. }
            | Self::WrongPurpose { .. }
            | Self::BadDates { .. } => "Tell the provider: only they can replace the certificate.",
        }
    }

    /// What the operator of the peer can do. One sentence.
    #[must_use]
    pub const fn operator_advice(&self) -> &'static str {
        match self {
            Self::NoCertificate => "Configure a certificate.",
            Self::TooManyCertificates { .. } | Self::ChainTooLarge { .. } => {
                "Send the certificate and its intermediates only, not a bundle of roots."
            }
            Self::Unreadable { .. } | Self::BadDates { .. } => {
                "Have the certificate issued again, and check the file that the server reads."
            }
            Self::OldVersion { .. } => {
                "Have a version 3 certificate issued, with subjectAltName entries."
            }
            Self::CriticalExtension { .. } => {
                "Have the certificate issued without the critical extension."
            }
            Self::SelfSigned => {
                "Use a certificate from an authority that the users' programs trust."
            }
            Self::MissingIntermediate { .. } => {
                "Put the issuer's certificate behind the server's own in the chain file (often \
                 called fullchain.pem)."
            }
            Self::UnknownAuthority {
                is_namesake: true, ..
            } => {
                "If the authority was made anew, have the users' programs trust its new certificate \
                 instead of the old one, or use certificates of the old one."
            }
            Self::UnknownAuthority { .. }
            | Self::NoPath
            | Self::RefusedByVerifier {
                refusal: VerifierRefusal::UntrustedChain | VerifierRefusal::Other(_),
            } => {
                "Use an authority that the users' programs trust, or have them install yours; check \
                 that no intermediate is missing."
            }
            Self::AuthorityAsPeer => {
                "Issue a certificate of its own for the server, with CA:FALSE in basicConstraints."
            }
            Self::NotAnAuthority { .. } | Self::PathLength { .. } => {
                "Check basicConstraints and keyUsage of the authority's certificates."
            }
            Self::NameConstraint { .. } => {
                "Have the certificate issued by an authority that may vouch for all its names, or \
                 drop the names that it may not vouch for."
            }
            Self::BadSignature { .. } => {
                "Check that certificate and intermediates belong together: an authority may have \
                 changed its key."
            }
            Self::UnsupportedSignature { .. } => {
                "Have the certificate signed with SHA-256 or better."
            }
            Self::Distrusted => "Replace the key and its certificate at once.",
            Self::PathTooComplex => {
                "Send only the certificates of one path, the server's own first."
            }
            Self::WeakKey { .. } => {
                "Make a new key, RSA with at least 2048 bits or ECDSA on P-256, and have it \
                 certified."
            }
            Self::UnsupportedKey { .. } => "Use an RSA key of 2048 bits or an ECDSA key on P-256.",
            Self::WrongPurpose { .. } => {
                "Have the certificate issued with the right extendedKeyUsage."
            }
            Self::Expired { .. }
            | Self::RefusedByVerifier {
                refusal: VerifierRefusal::Expired,
            } => "Renew the certificate, and have the server load the new one.",
            Self::NotYetValid { .. }
            | Self::RefusedByVerifier {
                refusal: VerifierRefusal::NotYetValid,
            } => "Check the server's clock, and wait with the certificate until it is valid.",
            Self::TlsaMismatch { .. } => {
                "Publish a TLSA record for the certificate that the server uses, and for the next one \
                 before it uses that (RFC 7671 section 8)."
            }
            Self::TlsaExpired { .. } => {
                "Nothing is wrong on the server; a longer time to live of its TLSA records helps."
            }
            Self::Revoked { .. }
            | Self::RefusedByVerifier {
                refusal: VerifierRefusal::Revoked,
            } => {
                "Replace the certificate at once, with a new key unless you know why it was revoked."
            }
            Self::PinMismatch { .. } => {
                "Tell the users the fingerprint of the new certificate, or use one from an authority \
                 that their programs trust."
            }
            Self::RevocationUnknown(_) => {
                "Check that the authority publishes its revocation list in time."
            }
            Self::UnsupportedByVerifier { .. } => {
                "Have the host name put into the certificate as well."
            }
            Self::NameMismatch(_)
            | Self::RefusedByVerifier {
                refusal: VerifierRefusal::WrongName,
            } => {
                "Have every name that users connect to, and their mail domain, put into the \
                 certificate's subjectAltName (RFC 7817 section 5)."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pki_types::UnixTime;
    use std::time::Duration;

    use super::*;
    use crate::verify::RevocationCause;

    /// Whoever finds that a certificate has expired, the advice is the same.
    #[test]
    fn another_verifier_finds_the_same() {
        let (at, by) = (UnixTime::since_unix_epoch(Duration::ZERO), Duration::ZERO);
        let rows = [
            (
                VerifierRefusal::Expired,
                CheckFailure::Expired {
                    certificate: None,
                    not_after: at,
                    by,
                },
            ),
            (
                VerifierRefusal::NotYetValid,
                CheckFailure::NotYetValid {
                    certificate: None,
                    not_before: at,
                    by,
                },
            ),
            (
                VerifierRefusal::Revoked,
                CheckFailure::Revoked {
                    certificate: None,
                    cause: RevocationCause::Unspecified,
                    since: at,
                },
            ),
            (VerifierRefusal::UntrustedChain, CheckFailure::NoPath),
            (VerifierRefusal::other("policy"), CheckFailure::NoPath),
        ];
        for (refusal, failure) in rows {
            let refused = CheckFailure::RefusedByVerifier { refusal };
            assert_eq!(refused.user_advice(), failure.user_advice(), "{refused}");
            assert_eq!(
                refused.operator_advice(),
                failure.operator_advice(),
                "{refused}"
            );
        }
        let wrong_name = CheckFailure::RefusedByVerifier {
            refusal: VerifierRefusal::WrongName,
        };
        assert!(wrong_name.user_advice().contains("the server name"));
        assert!(wrong_name.operator_advice().contains("subjectAltName"));
    }
}
