//! Faults of the peer's TLS.

use std::fmt;

use super::{PlaintextPeer, StartTlsFailure};
use crate::alert::Alert;
use crate::text::UntrustedText;

/// What the peer did that TLS does not allow, or why it refused what we offered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The peer speaks plain text where TLS was expected.
    #[error("{0}")]
    PlaintextPeer(PlaintextPeer),
    /// The plaintext dialog did not lead to TLS.
    #[error(transparent)]
    StartTls(#[from] StartTlsFailure),
    /// The server's reply to STARTTLS was followed by more plain text: somebody on the way tries
    /// to put words into what is said under TLS.
    #[error(
        "{} the reply to STARTTLS, as if injected on the way: \"{excerpt}\"; use implicit TLS, or \
         another network",
        plain_text_follows(*bytes)
    )]
    #[non_exhaustive]
    ResponseInjection {
        /// How many.
        bytes: usize,
        /// Their beginning.
        excerpt: UntrustedText,
    },
    /// The client's STARTTLS was followed by more plain text: somebody on the way tries to have it
    /// executed under TLS.
    #[error(
        "{} the STARTTLS command, as if injected on the way: \"{excerpt}\"; nothing of it was \
         executed",
        plain_text_follows(*bytes)
    )]
    #[non_exhaustive]
    CommandInjection {
        /// How many.
        bytes: usize,
        /// Their beginning.
        excerpt: UntrustedText,
    },
    /// The peer's first bytes are neither TLS nor a protocol that is known.
    #[error(
        "the peer does not speak TLS on this port; its first bytes were \"{excerpt}\"; check the host \
         and the port"
    )]
    #[non_exhaustive]
    NotTls {
        /// The first bytes.
        excerpt: UntrustedText,
    },
    /// The peer ended the session with an alert.
    #[error(
        "the peer {} {}{}",
        if *established { "ended the session with" } else { "refused with" },
        named(*alert),
        possible(causes)
    )]
    #[non_exhaustive]
    AlertReceived {
        /// The alert.
        alert: Alert,
        /// Whether the session was established by then.
        established: bool,
        /// What may have caused it. The alert does not say which it was.
        causes: &'static [Cause],
    },
    /// The peer has no TLS version in common with us.
    #[error(
        "the peer offers no TLS version that is allowed here{}; another one has to be enabled there",
        offering(offered)
    )]
    #[non_exhaustive]
    NoCommonVersion {
        /// The versions that a client offered, as code points (`0x0303` is TLS 1.2), where they
        /// are known.
        offered: Vec<u16>,
    },
    /// The peer and we have nothing in common, or it lacks something that is required.
    #[error(
        "the peer cannot agree with us on the parameters of TLS, for lack of {missing}; it may be too \
         old: ask its operator"
    )]
    #[non_exhaustive]
    Incompatible {
        /// What is missing.
        missing: Box<str>,
    },
    /// The client offered application protocols only that are not served here, or the server
    /// selected one that was not offered.
    #[error("no application protocol in common with the peer (ALPN); check the port")]
    NoCommonApplicationProtocol,
    /// A record could not be decrypted: it was damaged or forged on the way.
    #[error(
        "a TLS record could not be decrypted: it was damaged or forged on the way; connect again, or \
         by another network"
    )]
    CannotDecrypt,
    /// A record or message is malformed.
    #[error(
        "the peer sent a malformed TLS message: {detail}; its software is faulty, or a device on the \
         way interferes"
    )]
    #[non_exhaustive]
    Malformed {
        /// What is wrong with it.
        detail: Box<str>,
    },
    /// A message that is not allowed at this point, or contradicts an earlier one.
    #[error(
        "the peer violated the TLS protocol: {detail}; its software is faulty, or a device on the way \
         interferes"
    )]
    #[non_exhaustive]
    Misbehaved {
        /// What it did.
        detail: Box<str>,
    },
    /// The peer was asked for a certificate and showed none.
    #[error("the peer has shown no certificate, and one is required: it has to be set up there")]
    NoCertificate,
    /// The input ended before the session was established.
    #[error("the connection ended before a TLS session was established: {heard}")]
    #[non_exhaustive]
    EndedDuringHandshake {
        /// What had been heard from the peer by then.
        heard: Heard,
    },
    /// The peer sent more than a bound in [`limits`](crate::limits) allows.
    #[error(
        "the peer sent too much: more than {bound} {what}; its software is faulty, or it attacks"
    )]
    #[non_exhaustive]
    TooMuch {
        /// What there was too much of.
        what: &'static str,
        /// The bound.
        bound: usize,
    },
    /// The keys of this connection have protected as many records as is safe.
    #[error("the keys of this connection are used up; continue on a new connection")]
    KeysExhausted,
}

impl ProtocolError {
    /// A name for it that does not change between versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::PlaintextPeer(_) => "plaintext-peer",
            Self::NotTls { .. } => "not-tls",
            Self::StartTls(failure) => failure.code(),
            Self::ResponseInjection { .. } => "response-injection",
            Self::CommandInjection { .. } => "command-injection",
            Self::AlertReceived { .. } => "alert-received",
            Self::NoCommonVersion { .. } => "no-common-version",
            Self::Incompatible { .. } => "incompatible",
            Self::NoCommonApplicationProtocol => "no-common-application-protocol",
            Self::CannotDecrypt => "cannot-decrypt",
            Self::Malformed { .. } => "malformed",
            Self::Misbehaved { .. } => "misbehaved",
            Self::NoCertificate => "no-certificate",
            Self::EndedDuringHandshake { .. } => "ended-during-handshake",
            Self::TooMuch { .. } => "too-much",
            Self::KeysExhausted => "keys-exhausted",
        }
    }
}

/// What was heard from the peer before the session came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// Not a byte. The peer may be waiting too: for a plaintext command or greeting on a port
    /// for STARTTLS.
    Nothing,
    /// TLS, but not the whole handshake.
    Tls,
    /// The plaintext dialog before TLS, but not all of it.
    Dialog,
    /// The agreement to STARTTLS, and nothing after it. A server without a certificate does so.
    Agreement,
    /// Bytes that are not TLS.
    Plaintext(UntrustedText),
}

impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str(
                "the peer said nothing, as it would on a port for the other mode (implicit TLS or \
                 STARTTLS); check the port, or try again later",
            ),
            Self::Tls => f.write_str(
                "the peer spoke TLS but did not complete the handshake; try again later, or by another \
                 network",
            ),
            Self::Dialog => {
                f.write_str("the plaintext dialog did not come to its end; try again later")
            }
            Self::Agreement => f.write_str(
                "after STARTTLS was agreed on, the peer did not speak TLS, as a server without a \
                 certificate does; tell its operator",
            ),
            Self::Plaintext(text) => {
                write!(f, "the peer spoke plain text: \"{text}\"; check the port")
            }
        }
    }
}

/// A possible cause of an alert whose cause the peer did not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// The peer knows only TLS versions that are too old, or forbids those that we know.
    NoCommonVersion,
    /// No cipher suite in common: the peer may know only suites without forward secrecy.
    NoCommonCipherSuite,
    /// No key exchange group in common.
    NoCommonGroup,
    /// No signature algorithm in common with the key of the peer's certificate.
    NoCommonSignatureAlgorithm,
    /// The peer wants a client certificate.
    ClientCertificateRequired,
    /// The peer does not accept the client certificate that it was shown.
    ClientCertificateRefused,
    /// The client certificate that the peer was shown has expired.
    ClientCertificateExpired,
    /// The client certificate that the peer was shown is not valid yet, by this machine's clock.
    ClientCertificateNotYetValid,
    /// The client certificate that the peer was shown was revoked.
    ClientCertificateRevoked,
    /// The peer cannot verify signatures of any key that the account has a certificate for.
    ClientCertificateDoesNotFit,
    /// The peer wants a client certificate, and the account was not authorised to show one with
    /// TLS 1.2, where it can be read on the way (RFC 8314 §8).
    ClientCertificateWithheld,
    /// The peer does not trust the certificate that it was shown.
    CertificateNotTrusted,
    /// The peer serves no such name.
    ServerNameUnknown,
    /// The peer has no certificate configured, or is otherwise misconfigured.
    ServerMisconfigured,
    /// The peer does not know the application protocol that was offered.
    AlpnNotAccepted,
    /// A device between here and the peer interferes.
    Interception,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCommonVersion => "no TLS version in common",
            Self::NoCommonCipherSuite => "no cipher suite in common",
            Self::NoCommonGroup => "no key exchange group in common",
            Self::NoCommonSignatureAlgorithm => "no signature algorithm in common",
            Self::ClientCertificateRequired => "it wants a client certificate",
            Self::ClientCertificateRefused => "it does not accept the client certificate",
            Self::ClientCertificateExpired => "the client certificate has expired",
            Self::ClientCertificateNotYetValid => "the client certificate is not valid yet",
            Self::ClientCertificateRevoked => "the client certificate was revoked",
            Self::ClientCertificateDoesNotFit => {
                "it cannot verify the kind of key of the client certificate"
            }
            Self::ClientCertificateWithheld => {
                "it wants a client certificate, which may not be shown with TLS 1.2"
            }
            Self::CertificateNotTrusted => "it does not trust the certificate it was shown",
            Self::ServerNameUnknown => "it serves no such name",
            Self::ServerMisconfigured => "its certificate is not configured",
            Self::AlpnNotAccepted => "it does not accept the application protocol (ALPN)",
            Self::Interception => "a device on the way interferes",
        })
    }
}

fn plain_text_follows(bytes: usize) -> String {
    match bytes {
        1 => "1 byte of plain text follows".to_owned(),
        bytes => format!("{bytes} bytes of plain text follow"),
    }
}

/// An alert that has no name is shown as its number, which needs no second "alert".
fn named(alert: Alert) -> String {
    match alert.name() {
        Some(name) => format!("the TLS alert {name}"),
        None => format!("the TLS {alert}"),
    }
}

fn possible(causes: &[Cause]) -> String {
    let list: Vec<String> = causes.iter().map(ToString::to_string).collect();
    match list.as_slice() {
        [] => "; its own log may say why".to_owned(),
        [cause] => format!("; possible cause: {cause}"),
        causes => format!("; possible causes: {}", causes.join(", ")),
    }
}

fn offering(offered: &[u16]) -> String {
    if offered.is_empty() {
        return String::new();
    }
    let names: Vec<String> = offered
        .iter()
        .map(|version| match version {
            0x0002 => "SSL 2.0".to_owned(),
            0x0300 => "SSL 3.0".to_owned(),
            0x0301 => "TLS 1.0".to_owned(),
            0x0302 => "TLS 1.1".to_owned(),
            0x0303 => "TLS 1.2".to_owned(),
            0x0304 => "TLS 1.3".to_owned(),
            other => format!("{other:#06x}"),
        })
        .collect();
    format!("; it offers {}", names.join(", "))
}
