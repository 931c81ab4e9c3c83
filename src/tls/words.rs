//! What rustls says of this side and of a certificate, in words that follow a colon: its own would
//! call an administrator's certificate the peer's, and end in the names of its types.

use std::borrow::Cow;

use rustls::{CertificateError, Error};

/// What went wrong on this side: with the cryptography, a key or a certificate.
pub(crate) fn of_local(error: &Error) -> Cow<'_, str> {
    match error {
        Error::General(text) => text.into(),
        Error::Other(error) => error.to_string().into(),
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::FailedToGetRandomBytes => "its source of randomness gives none".into(),
        other => other.to_string().into(),
    }
}

/// What is wrong with a certificate. Only for a sentence: nothing is decided here.
pub(super) fn of_certificate(error: &CertificateError) -> Cow<'static, str> {
    use CertificateError as C;
    Cow::Borrowed(match error {
        C::BadEncoding => "it cannot be read",
        C::Expired | C::ExpiredContext { .. } => "it has expired",
        C::NotValidYet | C::NotValidYetContext { .. } => "it is not valid yet",
        C::Revoked => "it was revoked",
        C::UnhandledCriticalExtension => "it has a critical extension that is unknown",
        C::UnknownIssuer => "nobody who is trusted vouches for it",
        C::UnknownRevocationStatus => "it is not known whether it was revoked",
        C::ExpiredRevocationList | C::ExpiredRevocationListContext { .. } => {
            "the revocation list for it is out of date"
        }
        C::BadSignature => "its signature is wrong",
        C::UnsupportedSignatureAlgorithmContext { .. }
        | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "its signature is of a kind that is not accepted"
        }
        #[expect(deprecated, reason = "verifiers that others wrote may still return it")]
        C::UnsupportedSignatureAlgorithm => "its signature is of a kind that is not accepted",
        C::NotValidForName | C::NotValidForNameContext { .. } => "it is not for this name",
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => "it is not meant for this use",
        C::InvalidOcspResponse => "the OCSP response that came with it is not valid",
        C::ApplicationVerificationFailure => "it was refused without a cause",
        C::Other(error) => return error.to_string().into(),
        other => return other.to_string().into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What reads as a type's name, and the wrong side's certificate, are not passed on.
    #[test]
    fn no_type_is_named() {
        let rows = [
            (
                Error::InvalidCertificate(CertificateError::BadEncoding),
                "it cannot be read",
            ),
            (
                Error::InvalidCertificate(CertificateError::UnhandledCriticalExtension),
                "it has a critical extension that is unknown",
            ),
            (
                Error::General("no usable cipher suites configured".to_owned()),
                "no usable cipher suites configured",
            ),
            (
                Error::FailedToGetRandomBytes,
                "its source of randomness gives none",
            ),
        ];
        for (error, words) in rows {
            assert_eq!(of_local(&error), words);
            assert!(!error.to_string().contains(words) || matches!(error, Error::General(_)));
        }
        use CertificateError as C;
        for error in [
            C::Expired,
            C::NotValidYet,
            C::Revoked,
            C::UnknownIssuer,
            C::UnknownRevocationStatus,
            C::ExpiredRevocationList,
            C::BadSignature,
            C::NotValidForName,
            C::InvalidPurpose,
            C::InvalidOcspResponse,
            C::ApplicationVerificationFailure,
        ] {
            let words = of_certificate(&error);
            assert!(words.starts_with(char::is_lowercase), "{error:?}: {words}");
            assert!(words.contains(' '), "{error:?}: {words}");
        }
    }
}
