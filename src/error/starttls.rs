//! Why a plaintext dialog did not lead to TLS.

use crate::text::UntrustedText;

/// Why a plaintext dialog did not lead to TLS. In no case does a session go on without it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartTlsFailure {
    /// The server does not offer STARTTLS, or somebody on the way has removed the offer.
    #[error(
        "the server does not offer STARTTLS, or the offer was removed on the way; try implicit TLS"
    )]
    NotOffered,
    /// The server refused the command.
    #[error(
        "the server refused STARTTLS: \"{reply}\"; try {}",
        if *is_temporary { "again later" } else { "implicit TLS" }
    )]
    #[non_exhaustive]
    Refused {
        /// Whether its reply says that this will pass.
        is_temporary: bool,
        /// Its reply.
        reply: UntrustedText,
    },
    /// The server refuses service altogether.
    #[error(
        "the server refuses service: \"{reply}\"; {}",
        if *is_temporary { "try again later" } else { "ask its operator" }
    )]
    #[non_exhaustive]
    NoService {
        /// Whether its reply says that this will pass.
        is_temporary: bool,
        /// Its reply.
        reply: UntrustedText,
    },
    /// An IMAP server, or somebody in its name, says that the user is logged in already, without
    /// TLS: `PREAUTH` (RFC 9051 §7.1.4).
    #[error(
        "the server claims that the connection is authenticated before TLS protects it, as an \
         attacker would; use implicit TLS"
    )]
    AlreadyAuthenticated,
    /// The server's reply is not one that can come here.
    #[error("the server sent \"{reply}\" in place of {expected}; check the port")]
    #[non_exhaustive]
    UnexpectedReply {
        /// What could have come.
        expected: &'static str,
        /// What came.
        reply: UntrustedText,
    },
    /// The server speaks TLS from the first byte.
    #[error(
        "the server speaks TLS from the first byte: this is a port for implicit TLS, choose that or \
         another port"
    )]
    SpeaksTls,
}

impl StartTlsFailure {
    /// A name for it that does not change between versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotOffered => "starttls-not-offered",
            Self::Refused { .. } => "starttls-refused",
            Self::NoService { .. } => "service-refused",
            Self::AlreadyAuthenticated => "authenticated-before-tls",
            Self::UnexpectedReply { .. } => "unexpected-reply",
            Self::SpeaksTls => "tls-on-starttls-port",
        }
    }
}
