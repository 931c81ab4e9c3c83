//! How an attempt at an endpoint came out.

use std::fmt;

use crate::error::{Error, PolicyRefusal, ProtocolError, StartTlsFailure};
use crate::verify::dane::DaneRefusal;

/// How an attempt at an endpoint came out, in the terms in which a plan decides what comes next.
///
/// For a session's error it follows from [`From<&Error>`](#impl-From<%26Error>-for-AttemptOutcome);
/// what happened before there was a session (the TCP connection, the plaintext dialog) is the
/// embedder's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// The session was established.
    Established,
    /// The transport could not be connected, or the server refuses service for good.
    Refused,
    /// There was no answer in time.
    TimedOut,
    /// The connection ended before the session was established.
    Ended,
    /// The peer spoke plain text on a port for TLS.
    PlaintextPeer,
    /// The peer spoke TLS on a port for STARTTLS.
    TlsPeer,
    /// The server refuses service for now.
    TemporaryFailure,
    /// The server does not offer STARTTLS, or refused it.
    NoStartTls,
    /// The plaintext dialog bears the marks of an attack: bytes behind the reply to STARTTLS, or a
    /// server that claims before TLS that the user is logged in (PREAUTH, RFC 9051 §7.1.4). It may
    /// be a broken server as well; neither is spoken to without TLS.
    Tampered,
    /// The peer ended the handshake with an alert.
    HandshakeAlert,
    /// The handshake failed: nothing in common, or a violation of the protocol.
    HandshakeFailed,
    /// The certificate was rejected.
    CertificateRejected,
    /// A policy of ours is not met.
    PolicyUnmet,
    /// The embedding program or this machine is at fault; another attempt changes nothing.
    LocalFault,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 14] = [
        Self::Established,
        Self::Refused,
        Self::TimedOut,
        Self::Ended,
        Self::PlaintextPeer,
        Self::TlsPeer,
        Self::TemporaryFailure,
        Self::NoStartTls,
        Self::Tampered,
        Self::HandshakeAlert,
        Self::HandshakeFailed,
        Self::CertificateRejected,
        Self::PolicyUnmet,
        Self::LocalFault,
    ];
}

/// What became of the attempt: `was refused`.
impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Established => "was established",
            Self::Refused => "was refused",
            Self::TimedOut => "was not answered in time",
            Self::Ended => "was cut off",
            Self::PlaintextPeer => "met plain text on a port for TLS",
            Self::TlsPeer => "met TLS on a port for STARTTLS",
            Self::TemporaryFailure => "was refused for now",
            Self::NoStartTls => "met no STARTTLS",
            Self::Tampered => "met a dialog that was tampered with",
            Self::HandshakeAlert => "was ended by an alert",
            Self::HandshakeFailed => "failed in the handshake",
            Self::CertificateRejected => "met a certificate that was rejected",
            Self::PolicyUnmet => "did not meet a requirement",
            Self::LocalFault => "failed by a local fault",
        })
    }
}

impl From<&Error> for AttemptOutcome {
    fn from(error: &Error) -> Self {
        match error {
            Error::Protocol(error) => match error.as_ref() {
                ProtocolError::PlaintextPeer(peer) if peer.is_refusal() => Self::TemporaryFailure,
                ProtocolError::PlaintextPeer(_) | ProtocolError::NotTls { .. } => {
                    Self::PlaintextPeer
                }
                ProtocolError::StartTls(failure) => match failure {
                    StartTlsFailure::Refused {
                        is_temporary: true, ..
                    }
                    | StartTlsFailure::NoService {
                        is_temporary: true, ..
                    } => Self::TemporaryFailure,
                    StartTlsFailure::NoService {
                        is_temporary: false,
                        ..
                    } => Self::Refused,
                    StartTlsFailure::NotOffered
                    | StartTlsFailure::Refused {
                        is_temporary: false,
                        ..
                    } => Self::NoStartTls,
                    StartTlsFailure::AlreadyAuthenticated => Self::Tampered,
                    StartTlsFailure::UnexpectedReply { .. } => Self::HandshakeFailed,
                    StartTlsFailure::SpeaksTls => Self::TlsPeer,
                },
                ProtocolError::ResponseInjection { .. } => Self::Tampered,
                ProtocolError::AlertReceived { .. } => Self::HandshakeAlert,
                ProtocolError::EndedDuringHandshake { .. } => Self::Ended,
                ProtocolError::NoCommonVersion { .. }
                | ProtocolError::Incompatible { .. }
                | ProtocolError::NoCommonApplicationProtocol
                | ProtocolError::CannotDecrypt
                | ProtocolError::Malformed { .. }
                | ProtocolError::Misbehaved { .. }
                | ProtocolError::NoCertificate
                | ProtocolError::TooMuch { .. }
                | ProtocolError::CommandInjection { .. }
                | ProtocolError::KeysExhausted => Self::HandshakeFailed,
            },
            Error::Certificate(_) => Self::CertificateRejected,
            Error::Policy(refusal) => match refusal.as_ref() {
                PolicyRefusal::AlpnNotSelected { .. }
                | PolicyRefusal::ServerNameNotServed { .. }
                | PolicyRefusal::AlpnNotOffered { .. }
                | PolicyRefusal::RefusedByAnswer
                | PolicyRefusal::BelowMinimum { .. }
                | PolicyRefusal::InheritedAuthenticationExpired => Self::PolicyUnmet,
                PolicyRefusal::StaleConnector { .. } => Self::LocalFault,
                PolicyRefusal::Dane(refusal) => match refusal {
                    DaneRefusal::Bogus { .. }
                    | DaneRefusal::LookupFailed { .. }
                    | DaneRefusal::Required { .. } => Self::PolicyUnmet,
                    DaneRefusal::Expired { .. } => Self::LocalFault,
                },
            },
            Error::TimedOut(_) => Self::TimedOut,
            Error::Misuse(_) | Error::Config(_) | Error::Crypto(_) => Self::LocalFault,
        }
    }
}
