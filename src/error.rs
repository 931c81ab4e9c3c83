//! What can go wrong, sorted by whose fault it is.

mod plaintext;
mod protocol;
mod starttls;

use std::sync::Arc;
use std::time::Duration;

use crate::identity::{ReferenceError, UntrustworthyReference};
use crate::name::{Host, InvalidName};
use crate::policy::Unmet;
use crate::service::{Service, TlsMode};
use crate::verify::CertificateRejection;
use crate::verify::dane::{DaneRefusal, TlsaName, TlsaSetTooLarge};

pub use plaintext::{PlaintextPeer, Spoken};
pub use protocol::{Cause, Heard, ProtocolError};
pub use starttls::StartTlsFailure;

/// Why a session, or the preparation of one, failed.
///
/// The variant says who is at fault. Each is one sentence to show, with its data in fields, and a
/// [`code`](Self::code) that stays the same for programs and translators. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer does not speak TLS as it should, or refused ours.
    #[error(transparent)]
    Protocol(Arc<ProtocolError>),
    /// The peer's certificate was not accepted.
    #[error(transparent)]
    Certificate(Arc<CertificateRejection>),
    /// The connection is sound, but a policy of ours forbids to go on.
    #[error(transparent)]
    Policy(Arc<PolicyRefusal>),
    /// The deadline has passed.
    #[error(transparent)]
    TimedOut(Arc<TimedOut>),
    /// The embedding program called what may not be called now. Bytes from the network never
    /// cause this.
    #[error(transparent)]
    Misuse(ApiMisuse),
    /// The embedding program, or its configuration, asked for something that cannot be.
    #[error(transparent)]
    Config(Arc<ConfigError>),
    /// The cryptography of this machine failed, for example its source of randomness.
    #[error("the cryptography provider failed: {0}")]
    Crypto(Arc<str>),
}

impl Error {
    /// A stable identifier of the kind of error, in lower case with hyphens. The chapter
    /// [errors](https://docs.rs/mail-tls/latest/mail_tls/manual/errors) has all of them.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Protocol(error) => error.code(),
            Self::Certificate(rejection) => rejection.code(),
            Self::Policy(refusal) => refusal.code(),
            Self::TimedOut(_) => "timed-out",
            Self::Misuse(misuse) => misuse.code(),
            Self::Config(error) => error.code(),
            Self::Crypto(_) => "cryptography",
        }
    }
}

/// A call that may not be made now: a mistake in the embedding program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ApiMisuse {
    /// Application data may be sent only after [`Event::Established`](crate::Event::Established).
    #[error("send was called before the session was established; wait for Event::Established")]
    SendBeforeEstablished,
    /// [`close`](crate::ClientSession::close) ends sending for good.
    #[error("send was called after close; nothing can be sent after close_notify")]
    SendAfterClose,
    /// More input was given after [`end_of_input`](crate::ClientSession::end_of_input).
    #[error(
        "input was given after end_of_input had been called; a new connection needs a new session"
    )]
    InputAfterEnd,
    /// The session did not ask for an answer, or has had it.
    #[error(
        "an answer was given to a ClientHello, but none is waiting for one; answer once, after \
         Event::ClientHello"
    )]
    AnswerNotAwaited,
    /// The session waits for an answer to a ClientHello.
    #[error(
        "the ClientHello was not answered; call ServerSession::answer before the handshake goes on"
    )]
    AnswerMissing,
    /// A connection with implicit TLS was given to an acceptor with STARTTLS, or the reverse: what
    /// may be offered after TLS depends on how the connection came to it.
    #[error("a ClientHello was answered with an acceptor of the other mode; give one of the same")]
    AcceptorOfOtherMode,
    /// The client has shown no certificate that was verified.
    #[error(
        "a client identity was accepted, but the client has shown no verified certificate; ask \
         client_identity first"
    )]
    NoClientCertificate,
    /// The client's certificate stands for nobody, by the listener's
    /// [`IdentityMapping`](crate::client_identity::IdentityMapping).
    #[error(
        "a client identity was accepted, but the client's certificate was not mapped to one; ask \
         client_identity first"
    )]
    NoClientIdentity,
    /// [`StartTlsGuard::established`](crate::StartTlsGuard::established) was called too early.
    #[error(
        "the guard was told of TLS before the session was established; wait for Event::Established"
    )]
    NotEstablished,
    /// [`StartTlsGuard::established`](crate::StartTlsGuard::established) was given the session of
    /// another connection, or of another acceptor, or no agreement to STARTTLS went before it.
    #[error(
        "the guard was told of TLS on a session that is not its own; give each connection one guard, \
         and begin its session by the Upgrade that the guard gives out"
    )]
    ForeignSession,
    /// A listener with STARTTLS was used as one with implicit TLS.
    #[error(
        "accept was called for a listener with STARTTLS; speak the plaintext part and call upgrade"
    )]
    PlaintextPhaseMissing,
    /// An endpoint with implicit TLS was used as one with STARTTLS.
    #[error("upgrade was called for an endpoint with implicit TLS; call connect or accept")]
    NoPlaintextPhase,
    /// A [`CredentialPermit`](crate::CredentialPermit) belongs to the session that gave it, and to
    /// the account as it was then.
    #[error(
        "the permit for credentials was given by another session, or before the account changed; ask \
         this session for one"
    )]
    ForeignPermit,
}

impl ApiMisuse {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SendBeforeEstablished => "send-before-established",
            Self::SendAfterClose => "send-after-close",
            Self::InputAfterEnd => "input-after-end",
            Self::AnswerNotAwaited => "answer-not-awaited",
            Self::AnswerMissing => "answer-missing",
            Self::AcceptorOfOtherMode => "acceptor-of-other-mode",
            Self::NoClientCertificate => "no-client-certificate",
            Self::NoClientIdentity => "no-client-identity",
            Self::NotEstablished => "not-established",
            Self::ForeignSession => "foreign-session",
            Self::PlaintextPhaseMissing => "plaintext-phase-missing",
            Self::NoPlaintextPhase => "no-plaintext-phase",
            Self::ForeignPermit => "foreign-permit",
        }
    }
}

/// A policy that forbids to go on with a sound connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyRefusal {
    /// The account has changed since the connector was made.
    #[error(
        "the account has been changed since this connector was made (generation {made}, now \
         {current}); make a new one"
    )]
    #[non_exhaustive]
    StaleConnector {
        /// The account's generation when the connector was made.
        made: u64,
        /// The account's generation now.
        current: u64,
    },
    /// ALPN is required for this endpoint, and the server selected nothing.
    #[error(
        "the server did not select the application protocol \"{required}\" that is required; check the \
         port, or no longer require it"
    )]
    #[non_exhaustive]
    AlpnNotSelected {
        /// The identifier that was offered.
        required: &'static str,
    },
    /// The client asked for a name that this server does not serve, and the acceptor is strict.
    #[error(
        "the client asked for the server name {name}, which is not served here; correct its settings, \
         or add a certificate for that name"
    )]
    #[non_exhaustive]
    ServerNameNotServed {
        /// The name.
        name: Box<str>,
    },
    /// The client offered application protocols only that this service is not.
    #[error(
        "the client offered application protocols (ALPN), but not the one of this service; it is \
         probably meant for another port"
    )]
    #[non_exhaustive]
    AlpnNotOffered {
        /// The identifier of this service, where one is registered.
        required: Option<&'static str>,
    },
    /// The embedding program refused the client after reading its ClientHello.
    #[error("this server's program refused the connection after it had read the ClientHello")]
    RefusedByAnswer,
    /// The validity that a resumed session inherits has come to an end.
    #[error(
        "the authentication that the resumed session inherits is no longer valid; connect again"
    )]
    InheritedAuthenticationExpired,
    /// TLSA records, or the failure to get them, forbid to connect.
    #[error(transparent)]
    Dane(#[from] DaneRefusal),
    /// The connection does not provide what the account requires (RFC 8314 §5.2). The account can
    /// be changed, by its user and after a warning; this connection cannot be used.
    #[error("{unmet}; nothing is sent on this connection")]
    #[non_exhaustive]
    BelowMinimum {
        /// What is missing.
        unmet: Unmet,
    },
}

impl PolicyRefusal {
    /// A name for it that does not change between versions.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::StaleConnector { .. } => "stale-connector",
            Self::AlpnNotSelected { .. } => "alpn-not-selected",
            Self::ServerNameNotServed { .. } => "server-name-not-served",
            Self::AlpnNotOffered { .. } => "alpn-not-offered",
            Self::RefusedByAnswer => "refused-by-answer",
            Self::InheritedAuthenticationExpired => "inherited-authentication-expired",
            Self::Dane(refusal) => refusal.code(),
            Self::BelowMinimum { .. } => "below-minimum",
        }
    }
}

/// The deadline passed before the session was established.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no TLS session was established within {}: {heard}", in_full(*after))]
#[non_exhaustive]
pub struct TimedOut {
    /// The time that was allowed.
    pub after: Duration,
    /// What had been heard from the peer by then.
    pub heard: Heard,
}

/// Something asked for that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// Neither provider feature is enabled and none was passed.
    #[error(
        "no cryptography provider: enable the feature aws-lc-rs or ring, or pass a CryptoProvider"
    )]
    NoCryptoProvider,
    /// The provider lacks what a TLS version needs.
    #[error("the cryptography provider cannot be used: {reason}")]
    #[non_exhaustive]
    UnusableProvider {
        /// What is missing.
        reason: Box<str>,
    },
    /// No trust anchors were given and the feature `webpki-roots` is off.
    #[error("no trust anchors: enable the feature webpki-roots, or pass TrustAnchors")]
    NoTrustAnchors,
    /// Trust anchors or revocation lists were given together with a verifier that takes their place.
    #[error(
        "a verifier takes the place of trust anchors and revocation lists: give it alone, or them"
    )]
    VerifierNotAlone,
    /// The host cannot be used as it was written.
    #[error(transparent)]
    InvalidHost(InvalidName),
    /// The host comes from where an attacker could have put it.
    #[error(transparent)]
    UntrustworthyHost(UntrustworthyReference),
    /// There is no name by which the server could be identified, though its host is trustworthy.
    #[error(transparent)]
    NoReference(ReferenceError),
    /// There is no registered port for this service and mode.
    #[error("{service} has no registered port for {mode}; name the port")]
    #[non_exhaustive]
    NoDefaultPort {
        /// The service.
        service: Service,
        /// The mode.
        mode: TlsMode,
    },
    /// ALPN is required for a service that has no registered identifier.
    #[error("ALPN cannot be required for {service}: no protocol identifier is registered for it")]
    #[non_exhaustive]
    NoAlpnRegistered {
        /// The service.
        service: Service,
    },
    /// TLSA records of another host or port were given for an endpoint (RFC 6698 §4).
    #[error("the TLSA records at {tlsa} are not those of {host}, port {port}; look those up")]
    #[non_exhaustive]
    TlsaOfOtherEndpoint {
        /// Where the records are.
        tlsa: Box<TlsaName>,
        /// The endpoint's host.
        host: Host,
        /// The endpoint's port.
        port: u16,
    },
    /// A set of TLSA records is larger than what is looked at.
    #[error(transparent)]
    TlsaSetTooLarge(TlsaSetTooLarge),
    /// The account requires what this client cannot offer.
    #[error("the account requires {required}, which this program cannot offer: {reason}")]
    #[non_exhaustive]
    MinimumOutOfReach {
        /// What is required.
        required: &'static str,
        /// Why it cannot be offered.
        reason: &'static str,
    },
    /// An acceptor was to be made without a certificate.
    #[error("a server needs at least one certificate with its key; configure one")]
    NoCertificate,
    /// A chain and its key cannot be used.
    #[error("the certificate{} cannot be used: {reason}", for_names(names))]
    #[non_exhaustive]
    UnusableCertificate {
        /// The names for which it was meant, as far as they are known.
        names: Vec<Box<str>>,
        /// What is wrong with it.
        reason: Box<str>,
    },
}

impl ConfigError {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoCryptoProvider => "no-crypto-provider",
            Self::UnusableProvider { .. } => "unusable-provider",
            Self::NoTrustAnchors => "no-trust-anchors",
            Self::VerifierNotAlone => "verifier-not-alone",
            Self::InvalidHost(name) => name.code(),
            Self::UntrustworthyHost(_) => "untrustworthy-host",
            Self::NoReference(error) => error.code(),
            Self::NoDefaultPort { .. } => "no-default-port",
            Self::NoAlpnRegistered { .. } => "no-alpn-registered",
            Self::TlsaOfOtherEndpoint { .. } => "tlsa-of-other-endpoint",
            Self::TlsaSetTooLarge(error) => error.code(),
            Self::MinimumOutOfReach { .. } => "minimum-out-of-reach",
            Self::NoCertificate => "certificate-missing",
            Self::UnusableCertificate { .. } => "unusable-certificate",
        }
    }
}

/// What was configured, in whole units.
fn in_full(time: Duration) -> String {
    let (count, unit) = match time.subsec_millis() {
        0 => (u128::from(time.as_secs()), "second"),
        _ => (time.as_millis(), "millisecond"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

fn for_names(names: &[Box<str>]) -> String {
    match names {
        [] => String::new(),
        [name] => format!(" for {name}"),
        [name, _] => format!(" for {name} and 1 more name"),
        [name, rest @ ..] => format!(" for {name} and {} more names", rest.len()),
    }
}

impl From<ProtocolError> for Error {
    fn from(error: ProtocolError) -> Self {
        Self::Protocol(Arc::new(error))
    }
}

impl From<PolicyRefusal> for Error {
    fn from(refusal: PolicyRefusal) -> Self {
        Self::Policy(Arc::new(refusal))
    }
}

impl From<DaneRefusal> for Error {
    fn from(refusal: DaneRefusal) -> Self {
        PolicyRefusal::from(refusal).into()
    }
}

impl From<TlsaSetTooLarge> for Error {
    fn from(error: TlsaSetTooLarge) -> Self {
        ConfigError::TlsaSetTooLarge(error).into()
    }
}

impl From<ApiMisuse> for Error {
    fn from(misuse: ApiMisuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::Config(Arc::new(error))
    }
}

impl From<TimedOut> for Error {
    fn from(timed_out: TimedOut) -> Self {
        Self::TimedOut(Arc::new(timed_out))
    }
}

impl From<ReferenceError> for Error {
    fn from(error: ReferenceError) -> Self {
        match error {
            ReferenceError::Untrustworthy(reference) => ConfigError::UntrustworthyHost(reference),
            ReferenceError::NoneLeft { .. } | ReferenceError::CommonNameInStrictMode => {
                ConfigError::NoReference(error)
            }
        }
        .into()
    }
}

impl From<InvalidName> for Error {
    fn from(error: InvalidName) -> Self {
        ConfigError::InvalidHost(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::UntrustedText;

    #[test]
    fn the_error_stays_small() {
        assert!(size_of::<Error>() <= 3 * size_of::<usize>());
        assert!(size_of::<Result<Option<crate::Event<'_>>, Error>>() <= 4 * size_of::<usize>());
    }

    /// One and many, what has no name, and each service with its article.
    #[test]
    fn odd_numbers_and_names() {
        let text = |text: &str| UntrustedText::new(text.as_bytes(), 120);
        let alert = |number, established| ProtocolError::AlertReceived {
            alert: crate::Alert::from_code_point(number),
            established,
            causes: &[],
        };
        let injection = |bytes| ProtocolError::CommandInjection {
            bytes,
            excerpt: text("x"),
        };
        let wrong_port = |spoken, port| {
            ProtocolError::PlaintextPeer(PlaintextPeer {
                spoken,
                excerpt: text("x"),
                expected: Service::ManageSieve,
                port,
            })
        };
        let timed_out = |milliseconds| TimedOut {
            after: Duration::from_millis(milliseconds),
            heard: Heard::Dialog,
        };
        let rows: Vec<(Error, &str)> = vec![
            (
                injection(1).into(),
                "1 byte of plain text follows the STARTTLS command,",
            ),
            (
                injection(2).into(),
                "2 bytes of plain text follow the STARTTLS command,",
            ),
            (
                alert(255, false).into(),
                "the peer refused with the TLS alert 255; its own log may say why",
            ),
            (
                alert(80, true).into(),
                "the peer ended the session with the TLS alert internal_error; its own log may say why",
            ),
            (
                wrong_port(Spoken::ImapGreeting, None).into(),
                "the peer did not begin with TLS but with the greeting of an IMAP server: \"x\"; this \
                 is the port of an IMAP server",
            ),
            (
                wrong_port(Spoken::SmtpGreeting, None).into(),
                "the peer did not begin with TLS but with the greeting of an SMTP server: \"x\"; this \
                 is the port of a submission server",
            ),
            (
                timed_out(1000).into(),
                "no TLS session was established within 1 second: ",
            ),
            (
                timed_out(30_000).into(),
                "no TLS session was established within 30 seconds: ",
            ),
            (
                timed_out(1).into(),
                "no TLS session was established within 1 millisecond: ",
            ),
            (
                timed_out(1500).into(),
                "no TLS session was established within 1500 milliseconds: ",
            ),
        ];
        for (error, begins) in rows {
            assert!(error.to_string().starts_with(begins), "{error}");
        }
    }

    #[test]
    fn errors_cross_threads() {
        fn check<T: Send + Sync + 'static>() {}
        check::<Error>();
    }
}
