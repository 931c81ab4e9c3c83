//! Verifiers that others have written for rustls.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::{CertificateError, Error};

use super::words;
use crate::verify::{ServerQuestion, ServerVerifier, VerifierRefusal};

/// A verifier that was written for rustls, such as that of the platform, as a
/// [`ServerVerifier`].
///
/// Only its verdict on the certificate is taken; the signature of the handshake is verified by this
/// crate as ever.
///
/// ```
/// # #[cfg(feature = "aws-lc-rs")] {
/// # let mut params = rcgen::CertificateParams::default();
/// # params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
/// # let authority = rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate()?)?;
/// # let mut roots = rustls::RootCertStore::empty();
/// # roots.add(authority.der().clone())?;
/// use std::sync::Arc;
///
/// use mail_tls::{Client, RustlsVerifier};
/// use rustls::client::WebPkiServerVerifier;
///
/// let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
/// // The platform's: rustls_platform_verifier::Verifier::new(Arc::clone(&provider))
/// let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
/// let client =
///     Client::builder().server_verifier(Arc::new(RustlsVerifier::new(verifier))).build()?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RustlsVerifier(Arc<dyn ServerCertVerifier>);

impl RustlsVerifier {
    /// Asks this one.
    #[must_use]
    pub fn new(verifier: Arc<dyn ServerCertVerifier>) -> Self {
        Self(verifier)
    }
}

impl ServerVerifier for RustlsVerifier {
    fn verify(&self, question: &ServerQuestion<'_>) -> Result<(), VerifierRefusal> {
        self.0
            .verify_server_cert(
                question.end_entity,
                question.intermediates,
                &question.name,
                question.ocsp_response,
                question.now,
            )
            .map(|_| ())
            .map_err(|error| match error {
                Error::InvalidCertificate(error) => refusal(&error),
                other => VerifierRefusal::other(&words::of_local(&other)),
            })
    }
}

fn refusal(error: &CertificateError) -> VerifierRefusal {
    match error {
        CertificateError::UnknownIssuer => VerifierRefusal::UntrustedChain,
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            VerifierRefusal::Expired
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            VerifierRefusal::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            VerifierRefusal::WrongName
        }
        CertificateError::Revoked => VerifierRefusal::Revoked,
        other => VerifierRefusal::other(&words::of_certificate(other)),
    }
}
