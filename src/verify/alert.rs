//! Which alert a rejection calls for.

use rustls::CertificateError;

use crate::verify::{CertificateRejection, CheckFailure, VerifierRefusal};

impl CertificateRejection {
    /// The standard error whose alert tells the peer what is wrong (RFC 8446 §6.2). The rejection
    /// itself does not travel in it.
    pub(crate) fn tls_certificate_error(&self) -> CertificateError {
        self.primary().tls_certificate_error()
    }
}

impl CheckFailure {
    fn tls_certificate_error(&self) -> CertificateError {
        match self {
            // RFC 8446 §6.2, unknown_ca: the chain or its anchor could not be found or matched.
            Self::SelfSigned
            | Self::MissingIntermediate { .. }
            | Self::UnknownAuthority { .. }
            | Self::NoPath => CertificateError::UnknownIssuer,
            // certificate_expired: "has expired or is not currently valid".
            Self::Expired { .. } => CertificateError::Expired,
            Self::NotYetValid { .. } => CertificateError::NotValidYet,
            // bad_certificate is also what RFC 6125 §6.6.4 asks for.
            // No document names an alert for a TLSA record that does not match; OpenSSL sends
            // bad_certificate too.
            Self::TlsaMismatch { .. } => CertificateError::BadEncoding,
            // access_denied: "when access control was applied, the sender decided not to proceed".
            // Nothing is wrong with the certificate.
            Self::TlsaExpired { .. } => CertificateError::ApplicationVerificationFailure,
            Self::NameMismatch(_) | Self::PinMismatch { .. } => CertificateError::NotValidForName,
            Self::CriticalExtension { .. } => CertificateError::UnhandledCriticalExtension,
            // unsupported_certificate: of an unsupported type.
            Self::WrongPurpose { .. }
            | Self::AuthorityAsPeer
            | Self::OldVersion { .. }
            | Self::WeakKey { .. }
            | Self::UnsupportedKey { .. } => CertificateError::InvalidPurpose,
            // certificate_revoked is the nearest there is to a key that everybody has.
            Self::Distrusted | Self::Revoked { .. } => CertificateError::Revoked,
            Self::RefusedByVerifier { refusal } => match refusal {
                VerifierRefusal::UntrustedChain => CertificateError::UnknownIssuer,
                VerifierRefusal::Expired => CertificateError::Expired,
                VerifierRefusal::NotYetValid => CertificateError::NotValidYet,
                VerifierRefusal::WrongName => CertificateError::NotValidForName,
                VerifierRefusal::Revoked => CertificateError::Revoked,
                VerifierRefusal::Other(_) => CertificateError::BadEncoding,
            },
            Self::UnsupportedByVerifier { .. } => CertificateError::NotValidForName,
            // unknown_ca, as other implementations send for it.
            Self::RevocationUnknown(_) => CertificateError::UnknownRevocationStatus,
            // bad_certificate: "was corrupt, contained signatures that did not verify correctly";
            // and RFC 8446 §4.4.2.4 for signatures with MD5 and SHA-1. (rustls' own variants for
            // signatures give decrypt_error, which is about the handshake's.)
            Self::NoCertificate
            | Self::TooManyCertificates { .. }
            | Self::ChainTooLarge { .. }
            | Self::Unreadable { .. }
            | Self::NotAnAuthority { .. }
            | Self::PathLength { .. }
            | Self::NameConstraint { .. }
            | Self::BadSignature { .. }
            | Self::UnsupportedSignature { .. }
            | Self::PathTooComplex
            | Self::BadDates { .. } => CertificateError::BadEncoding,
        }
    }
}

#[cfg(test)]
mod tests {
    use rustls::AlertDescription;

    use super::*;
    use crate::testing::Diagram;
    use crate::verify::PinCause;

    /// `docs/diagrams/verification.svg`: which check fails in which ways, what the peer is told,
    /// and what the user may be asked.
    #[test]
    fn the_diagram() {
        let mut failures = crate::catalogue::check_failures();
        failures.sort_by_key(CheckFailure::rank);
        let mut diagram = Diagram::default();
        for failure in &failures {
            let from = format!("the {}", failure.check());
            diagram.edge("a chain is presented", "is checked", &from);
        }
        for failure in &failures {
            let from = format!("the {}", failure.check());
            let alert = u8::from(AlertDescription::from(failure.tls_certificate_error()));
            let alert = crate::Alert::from_code_point(alert);
            diagram.edge(&from, failure.code(), &format!("alert {alert}"));
            if PinCause::of(failure, false).is_some() {
                diagram.edge(
                    &from,
                    failure.code(),
                    "in setup: a pin is offered, if nothing else failed",
                );
            }
            diagram.edge(
                &from,
                "passed",
                "all passed: the session may be established",
            );
        }
        diagram.check("verification");
    }
}
