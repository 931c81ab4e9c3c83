//! From rustls' errors to ours.

use std::sync::Arc;

use rustls::{AlertDescription, PeerIncompatible};

use super::client_certificate::{ClientCertificateUse, ShownValidity};
use super::engine::Fault;
use super::scope::Notes;
use super::{sentences, words};
use crate::alert::Alert;
use crate::error::{Cause, Error, ProtocolError};

/// What has to be known about a session to say what a fault means.
#[derive(Debug)]
pub(crate) struct FaultContext<'a> {
    pub(crate) notes: &'a Notes,
    pub(crate) is_established: bool,
    pub(crate) is_client: bool,
    pub(crate) alpn_was_offered: bool,
}

impl Fault {
    /// Whether the peer itself has ended the connection, and wants no answer.
    pub(super) fn is_alert(&self) -> bool {
        matches!(self, Self::Tls(rustls::Error::AlertReceived(_)))
    }

    /// What the embedder is told.
    pub(crate) fn into_error(self, context: &FaultContext<'_>) -> Error {
        match self {
            Self::Tls(error) => from_rustls(error, context),
            Self::TooMuch { what, bound } => ProtocolError::TooMuch { what, bound }.into(),
            Self::KeysExhausted => ProtocolError::KeysExhausted.into(),
        }
    }
}

fn from_rustls(error: rustls::Error, context: &FaultContext<'_>) -> Error {
    if let (rustls::Error::InvalidCertificate(_), Some(Err(rejection))) =
        (&error, &context.notes.verdict)
    {
        return Error::Certificate(Arc::clone(rejection));
    }
    match error {
        rustls::Error::AlertReceived(alert) => alert_received(alert, context),
        rustls::Error::PeerIncompatible(what) => incompatible(what, context),
        rustls::Error::NoApplicationProtocol => ProtocolError::NoCommonApplicationProtocol.into(),
        rustls::Error::NoCertificatesPresented => ProtocolError::NoCertificate.into(),
        rustls::Error::DecryptError => ProtocolError::CannotDecrypt.into(),
        rustls::Error::InvalidMessage(what) => ProtocolError::Malformed {
            detail: sentences::of_malformed(&what).into(),
        }
        .into(),
        rustls::Error::PeerSentOversizedRecord => ProtocolError::Malformed {
            detail: "a record is too long".into(),
        }
        .into(),
        rustls::Error::PeerMisbehaved(what) => ProtocolError::Misbehaved {
            detail: sentences::of_misbehaviour(&what).into(),
        }
        .into(),
        rustls::Error::InappropriateMessage { got_type, .. } => ProtocolError::Misbehaved {
            detail: sentences::of_record(got_type).into(),
        }
        .into(),
        rustls::Error::InappropriateHandshakeMessage { got_type, .. } => {
            ProtocolError::Misbehaved {
                detail: sentences::of_handshake_message(got_type).into(),
            }
            .into()
        }
        // The verifier's own rejections were taken above; this is the handshake's signature.
        rustls::Error::InvalidCertificate(_) => ProtocolError::Misbehaved {
            detail: "it could not prove that it holds the key of its certificate, because its \
                     signature over the handshake is wrong or of a kind that does not fit the key"
                .into(),
        }
        .into(),
        // In TLS 1.2 rustls has no error of its own for it.
        rustls::Error::General(_) if context.notes.no_key_fits => {
            incompatible(PeerIncompatible::NoSignatureSchemesInCommon, context)
        }
        other => Error::Crypto(words::of_local(&other).into()),
    }
}

fn incompatible(what: PeerIncompatible, context: &FaultContext<'_>) -> Error {
    match what {
        PeerIncompatible::Tls12NotOffered
        | PeerIncompatible::Tls12NotOfferedOrEnabled
        | PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
        | PeerIncompatible::SupportedVersionsExtensionRequired => ProtocolError::NoCommonVersion {
            offered: match &context.notes.offered_versions {
                Some(versions) => versions.as_slice().to_vec(),
                None => Vec::new(),
            },
        },
        other => ProtocolError::Incompatible {
            missing: sentences::of_incompatibility(&other).into(),
        },
    }
    .into()
}

fn alert_received(alert: AlertDescription, context: &FaultContext<'_>) -> Error {
    let alert = Alert::from_code_point(alert.into());
    let causes = causes(alert, context);
    let established = context.is_established;
    ProtocolError::AlertReceived {
        alert,
        established,
        causes,
    }
    .into()
}

/// What may have caused the alert. What cannot be known is not claimed: all candidates are listed.
fn causes(alert: Alert, context: &FaultContext<'_>) -> &'static [Cause] {
    if alert.is_about_certificate() {
        return if context.is_client {
            about_client_certificate(alert, context.notes.client_certificate)
        } else {
            &[Cause::CertificateNotTrusted]
        };
    }
    match alert {
        Alert::HANDSHAKE_FAILURE if context.is_client => {
            if context.notes.client_certificate_asked {
                // All that TLS 1.2 has to say so (RFC 5246 §7.4.6).
                about_client_certificate(alert, context.notes.client_certificate)
            } else {
                &[
                    Cause::NoCommonCipherSuite,
                    Cause::NoCommonGroup,
                    Cause::NoCommonSignatureAlgorithm,
                    Cause::NoCommonVersion,
                    Cause::ServerMisconfigured,
                    Cause::ServerNameUnknown,
                ]
            }
        }
        Alert::HANDSHAKE_FAILURE => &[
            Cause::NoCommonCipherSuite,
            Cause::NoCommonGroup,
            Cause::NoCommonSignatureAlgorithm,
        ],
        Alert::PROTOCOL_VERSION => &[Cause::NoCommonVersion],
        Alert::INTERNAL_ERROR if context.is_client => {
            &[Cause::ServerMisconfigured, Cause::Interception]
        }
        Alert::UNRECOGNIZED_NAME => &[Cause::ServerNameUnknown],
        Alert::NO_APPLICATION_PROTOCOL if context.alpn_was_offered => &[Cause::AlpnNotAccepted],
        _ => &[],
    }
}

/// What an alert says about the client certificate that was shown, or that was not.
fn about_client_certificate(alert: Alert, shown: ClientCertificateUse) -> &'static [Cause] {
    match shown {
        ClientCertificateUse::NotAsked | ClientCertificateUse::NoneAuthorised => {
            &[Cause::ClientCertificateRequired]
        }
        ClientCertificateUse::NoneFits => &[Cause::ClientCertificateDoesNotFit],
        ClientCertificateUse::WithheldFromTls12 => &[Cause::ClientCertificateWithheld],
        ClientCertificateUse::Shown { validity, .. } => match (alert, validity) {
            (Alert::CERTIFICATE_REVOKED, _) => &[Cause::ClientCertificateRevoked],
            (Alert::CERTIFICATE_EXPIRED, ShownValidity::NotYetValid) => {
                &[Cause::ClientCertificateNotYetValid]
            }
            (Alert::CERTIFICATE_EXPIRED, ShownValidity::Valid | ShownValidity::Expired) => {
                &[Cause::ClientCertificateExpired]
            }
            (_, ShownValidity::Expired) => &[
                Cause::ClientCertificateExpired,
                Cause::ClientCertificateRefused,
            ],
            (_, ShownValidity::NotYetValid) => &[
                Cause::ClientCertificateNotYetValid,
                Cause::ClientCertificateRefused,
            ],
            (_, ShownValidity::Valid) => &[Cause::ClientCertificateRefused],
        },
    }
}
