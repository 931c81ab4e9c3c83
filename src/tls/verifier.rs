//! Plugs [`evaluate`] into rustls, so that the alert fits and nothing is verified twice.
//!
//! The verdict itself goes past rustls, in the [notes](super::scope) of the session. The signature
//! of the handshake is verified in every case: it is what proves that the peer holds the key.

use std::sync::Arc;

use pki_types::{CertificateDer, UnixTime};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};

use super::remembered::RememberedVerdicts;
use super::scope::note;
use crate::verify::{Evidence, Pinning, Requirements, evaluate};

/// Verifies the certificate of the peer, whichever side it is.
#[derive(Debug)]
pub(super) struct PeerVerifier {
    requirements: Requirements,
    algorithms: WebPkiSupportedAlgorithms,
    /// A client's memory of what it has verified.
    remembered: Option<RememberedVerdicts>,
    /// A client's pins.
    pinning: Option<Pinning>,
    /// For clients: the names of the trust anchors, and whether a certificate must be shown.
    hints: Vec<DistinguishedName>,
    is_mandatory: bool,
}

impl PeerVerifier {
    pub(super) fn of_servers(
        requirements: Requirements,
        algorithms: WebPkiSupportedAlgorithms,
        remembers: bool,
        pinning: Option<Pinning>,
    ) -> Self {
        Self {
            requirements,
            algorithms,
            remembered: remembers.then(RememberedVerdicts::default),
            pinning,
            hints: Vec::new(),
            is_mandatory: true,
        }
    }

    pub(super) fn of_clients(
        requirements: Requirements,
        algorithms: WebPkiSupportedAlgorithms,
        hints: Vec<DistinguishedName>,
        is_mandatory: bool,
    ) -> Self {
        Self {
            requirements,
            algorithms,
            remembered: None,
            pinning: None,
            hints,
            is_mandatory,
        }
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        #[cfg(feature = "recorder")]
        crate::recorder::peer_chain(
            std::iter::once(end_entity)
                .chain(intermediates)
                .map(AsRef::as_ref),
        );
        if let Some(remembered) = &self.remembered {
            if let Some(verification) = remembered.recall(end_entity, intermediates, now) {
                note(|notes| notes.verdict = Some(Ok(verification)));
                return Ok(());
            }
        }
        let evidence = Evidence::new(end_entity, intermediates).with_ocsp_response(ocsp_response);
        let verdict = evaluate(&evidence, &self.requirements, now);
        if let (Some(remembered), Ok(verification)) = (&self.remembered, &verdict) {
            remembered.remember(end_entity, intermediates, verification, now);
        }
        let verdict = match &self.pinning {
            Some(pinning) => verdict.or_else(|refused| pinning.reconsider(refused, &evidence)),
            None => verdict,
        };
        let (verdict, result) = match verdict {
            Ok(verification) => (Ok(verification), Ok(())),
            Err(rejection) => {
                let error = rejection.tls_certificate_error().into();
                (Err(Arc::new(rejection)), Err(error))
            }
        };
        note(|notes| notes.verdict = Some(verdict));
        result
    }

    fn tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }
}

impl ServerCertVerifier for PeerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        // The names to look for are in the requirements, from more than the name that was sent.
        _: &pki_types::ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        note(|notes| notes.ocsp_response = ocsp_response.into());
        self.judge(end_entity, intermediates, ocsp_response, now)
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for PeerVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        note(|notes| notes.client_certificate_sent = true);
        self.judge(end_entity, intermediates, &[], now)
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
