//! What a person may try after a failure. Nothing here is done by itself.

use std::fmt;

use crate::endpoint::{ClientAlpn, Endpoint};
use crate::error::{Cause, Error, Heard, PolicyRefusal, ProtocolError, Spoken, StartTlsFailure};
use crate::policy::Unmet;
use crate::service::TlsMode;
use crate::verify::dane::DaneRefusal;
use crate::verify::{CheckFailure, VerifierRefusal};

/// What may help after an attempt has failed. It is told, never tried automatically: each of these
/// is a change of configuration, or is done outside the program.
///
/// ```
/// # #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))] {
/// use bytes::BytesMut;
/// use mail_tls::discovery::Advice;
/// use mail_tls::{Account, Client, Endpoint, Service, TlsMode};
///
/// let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?.with_port(143);
/// let connector = Client::builder().build()?.connector(&Account::configured(), endpoint)?;
/// let (mut incoming, mut outgoing) = (BytesMut::from(&b"* OK ready\r\n"[..]), BytesMut::new());
/// let mut session = connector.connect(&mut outgoing)?;
/// let error = session.process(&mut incoming, &mut outgoing).unwrap_err();
///
/// let advice = Advice::after(connector.endpoint(), &error); // to be shown below the error
/// let text = "This port is probably for STARTTLS: choose that, or port 993.";
/// assert_eq!(advice[0].to_string(), text);
/// # }
/// # Ok::<(), mail_tls::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Advice {
    /// The server may not know the ALPN identifier: configure the endpoint without the offer. Never
    /// given where ALPN is required.
    WithoutAlpn,
    /// The port is probably one for the other mode.
    #[non_exhaustive]
    OtherMode {
        /// The mode that the port is probably for.
        mode: TlsMode,
        /// Where the mode that was wanted is to be found by its registration.
        registered_port: Option<u16>,
    },
    /// Another server may be there than the one that was meant.
    CheckHostAndPort,
    /// The date of this machine may be wrong.
    CheckClock,
    /// STARTTLS was not offered, was refused, or somebody on the way tampered with the dialog:
    /// implicit TLS has none.
    UseImplicitTls,
    /// A network that wants a login first, or a web server, is in place of the mail server.
    CaptivePortalLikely,
    /// A device on the way, such as a virus scanner or a company's proxy, may be in place of the
    /// server; or an attacker.
    InterceptionPossible,
    /// The server may be too old. Which feature it lacks cannot be known from its answer.
    ServerTooOldPossible,
    /// The server asks for patience, or was disturbed.
    TryLater,
    /// It can be mended at the server alone.
    AskProvider,
}

impl Advice {
    /// What may help after this error at this endpoint, what the user can do alone first. Empty
    /// where it is the program's affair.
    pub fn after(endpoint: &Endpoint, error: &Error) -> Vec<Self> {
        let mut advice = Vec::new();
        match error {
            Error::Protocol(error) => after_protocol(endpoint, error, &mut advice),
            Error::TimedOut(timed_out) => after_silence(endpoint, &timed_out.heard, &mut advice),
            Error::Certificate(rejection) => {
                for failure in rejection.failures() {
                    advice.extend(after_check(failure));
                }
            }
            Error::Policy(refusal) => match refusal.as_ref() {
                PolicyRefusal::StaleConnector { .. }
                | PolicyRefusal::AlpnNotSelected { .. }
                | PolicyRefusal::ServerNameNotServed { .. }
                | PolicyRefusal::AlpnNotOffered { .. }
                | PolicyRefusal::RefusedByAnswer
                | PolicyRefusal::InheritedAuthenticationExpired => {}
                PolicyRefusal::Dane(refusal) => advice.extend(after_dane(refusal)),
                PolicyRefusal::BelowMinimum { unmet } => match unmet {
                    Unmet::Tls13
                    | Unmet::PostQuantum { .. }
                    | Unmet::Group { .. }
                    | Unmet::Suite { .. } => advice.push(Self::ServerTooOldPossible),
                    Unmet::Pinned => advice.push(Self::AskProvider),
                    Unmet::NoTls | Unmet::UnknownSuite => {}
                },
            },
            Error::Misuse(_) | Error::Config(_) | Error::Crypto(_) => {}
        }
        advice.sort();
        advice.dedup();
        advice
    }
}

fn after_protocol(endpoint: &Endpoint, error: &ProtocolError, advice: &mut Vec<Advice>) {
    match error {
        ProtocolError::PlaintextPeer(peer) => match peer.spoken {
            Spoken::SmtpGreeting
            | Spoken::ImapGreeting
            | Spoken::Pop3Greeting
            | Spoken::ManageSieveGreeting
                if peer.is_expected_service() =>
            {
                advice.push(other_mode(endpoint));
            }
            Spoken::SmtpRefusal
            | Spoken::ImapRefusal
            | Spoken::Pop3Refusal
            | Spoken::ManageSieveRefusal
                if peer.is_expected_service() =>
            {
                advice.extend(wrong_port(endpoint));
                advice.push(Advice::TryLater);
            }
            // Another service's port: neither its other mode nor patience helps.
            Spoken::SmtpGreeting
            | Spoken::ImapGreeting
            | Spoken::Pop3Greeting
            | Spoken::ManageSieveGreeting
            | Spoken::SmtpRefusal
            | Spoken::ImapRefusal
            | Spoken::Pop3Refusal
            | Spoken::ManageSieveRefusal => advice.push(Advice::CheckHostAndPort),
            Spoken::HttpServer => advice.push(Advice::CaptivePortalLikely),
            Spoken::Ssh | Spoken::UnknownText => advice.push(Advice::CheckHostAndPort),
            Spoken::SmtpClient
            | Spoken::ImapClient
            | Spoken::Pop3Client
            | Spoken::ManageSieveClient
            | Spoken::HttpClient
            | Spoken::Ssl2Client => {}
        },
        ProtocolError::StartTls(failure) => match failure {
            StartTlsFailure::NotOffered
            | StartTlsFailure::Refused {
                is_temporary: false,
                ..
            } => advice.extend(implicit_tls(endpoint)),
            StartTlsFailure::AlreadyAuthenticated => {
                advice.extend(implicit_tls(endpoint));
                advice.push(Advice::InterceptionPossible);
            }
            StartTlsFailure::Refused {
                is_temporary: true, ..
            }
            | StartTlsFailure::NoService {
                is_temporary: true, ..
            } => advice.push(Advice::TryLater),
            StartTlsFailure::NoService {
                is_temporary: false,
                ..
            } => advice.push(Advice::AskProvider),
            StartTlsFailure::UnexpectedReply { .. } => advice.push(Advice::CheckHostAndPort),
            StartTlsFailure::SpeaksTls => advice.push(other_mode(endpoint)),
        },
        ProtocolError::AlertReceived { causes, .. } => {
            for cause in *causes {
                match cause {
                    Cause::NoCommonVersion
                    | Cause::NoCommonCipherSuite
                    | Cause::NoCommonGroup
                    | Cause::NoCommonSignatureAlgorithm => {
                        advice.push(Advice::ServerTooOldPossible);
                    }
                    Cause::AlpnNotAccepted => advice.extend(without_alpn(endpoint)),
                    Cause::Interception => advice.push(Advice::InterceptionPossible),
                    Cause::ServerNameUnknown => advice.push(Advice::CheckHostAndPort),
                    Cause::ServerMisconfigured => advice.push(Advice::AskProvider),
                    Cause::ClientCertificateRequired
                    | Cause::ClientCertificateRefused
                    | Cause::ClientCertificateExpired
                    | Cause::ClientCertificateNotYetValid
                    | Cause::ClientCertificateRevoked
                    | Cause::ClientCertificateDoesNotFit
                    | Cause::ClientCertificateWithheld
                    | Cause::CertificateNotTrusted => {}
                }
            }
        }
        ProtocolError::NoCommonVersion { .. } | ProtocolError::Incompatible { .. } => {
            advice.push(Advice::ServerTooOldPossible);
        }
        ProtocolError::NoCommonApplicationProtocol => advice.extend(without_alpn(endpoint)),
        ProtocolError::EndedDuringHandshake { heard } => {
            advice.extend(without_alpn(endpoint));
            after_silence(endpoint, heard, advice);
        }
        ProtocolError::ResponseInjection { .. } => {
            advice.extend(implicit_tls(endpoint));
            advice.push(Advice::InterceptionPossible);
        }
        ProtocolError::CannotDecrypt => advice.push(Advice::InterceptionPossible),
        ProtocolError::NotTls { .. } => advice.push(Advice::CheckHostAndPort),
        ProtocolError::Malformed { .. } | ProtocolError::Misbehaved { .. } => {
            advice.extend([Advice::InterceptionPossible, Advice::AskProvider]);
        }
        ProtocolError::NoCertificate | ProtocolError::TooMuch { .. } => {
            advice.push(Advice::AskProvider);
        }
        ProtocolError::CommandInjection { .. } | ProtocolError::KeysExhausted => {}
    }
}

/// Who waits for a greeting on a port for implicit TLS waits for ever: that server waits too. In
/// the other mode it is the server that speaks first, and silence tells of the port only where that
/// is another one than the registered.
fn after_silence(endpoint: &Endpoint, heard: &Heard, advice: &mut Vec<Advice>) {
    match heard {
        Heard::Nothing => {
            match endpoint.mode() {
                TlsMode::StartTls => advice.push(other_mode(endpoint)),
                TlsMode::Implicit => advice.extend(wrong_port(endpoint)),
            }
            advice.push(Advice::TryLater);
        }
        Heard::Tls | Heard::Dialog => advice.push(Advice::TryLater),
        Heard::Agreement => advice.push(Advice::AskProvider),
        Heard::Plaintext(_) => advice.push(Advice::CheckHostAndPort),
    }
}

/// What is wrong with a server's certificate is mended there, or another server is in its place.
fn after_check(failure: &CheckFailure) -> &'static [Advice] {
    use Advice::{AskProvider, CheckClock, CheckHostAndPort, InterceptionPossible};
    match failure {
        CheckFailure::SelfSigned
        | CheckFailure::UnknownAuthority { .. }
        | CheckFailure::AuthorityAsPeer
        | CheckFailure::NotAnAuthority { .. }
        | CheckFailure::BadSignature { .. }
        | CheckFailure::TlsaMismatch { .. }
        | CheckFailure::PinMismatch { .. } => &[InterceptionPossible, AskProvider],
        CheckFailure::NameMismatch(_) => &[CheckHostAndPort, InterceptionPossible],
        CheckFailure::Expired { .. } | CheckFailure::NotYetValid { .. } => {
            &[CheckClock, AskProvider]
        }
        CheckFailure::NoCertificate
        | CheckFailure::TooManyCertificates { .. }
        | CheckFailure::ChainTooLarge { .. }
        | CheckFailure::Unreadable { .. }
        | CheckFailure::OldVersion { .. }
        | CheckFailure::CriticalExtension { .. }
        | CheckFailure::MissingIntermediate { .. }
        | CheckFailure::PathLength { .. }
        | CheckFailure::NameConstraint { .. }
        | CheckFailure::UnsupportedSignature { .. }
        | CheckFailure::Distrusted
        | CheckFailure::PathTooComplex
        | CheckFailure::NoPath
        | CheckFailure::WeakKey { .. }
        | CheckFailure::UnsupportedKey { .. }
        | CheckFailure::WrongPurpose { .. }
        | CheckFailure::BadDates { .. }
        | CheckFailure::Revoked { .. }
        | CheckFailure::UnsupportedByVerifier { .. } => &[AskProvider],
        // What the program or its administrator has to supply anew.
        CheckFailure::TlsaExpired { .. } | CheckFailure::RevocationUnknown(_) => &[],
        CheckFailure::RefusedByVerifier { refusal } => match refusal {
            VerifierRefusal::UntrustedChain => &[InterceptionPossible, AskProvider],
            VerifierRefusal::WrongName => &[CheckHostAndPort, InterceptionPossible],
            VerifierRefusal::Expired | VerifierRefusal::NotYetValid => &[CheckClock, AskProvider],
            VerifierRefusal::Revoked | VerifierRefusal::Other(_) => &[AskProvider],
        },
    }
}

/// RFC 7673 §3.4: without a valid answer there is no connection, and the user may be elsewhere.
fn after_dane(refusal: &DaneRefusal) -> &'static [Advice] {
    match refusal {
        DaneRefusal::Bogus { .. } => &[Advice::InterceptionPossible, Advice::AskProvider],
        DaneRefusal::LookupFailed { .. } => &[Advice::TryLater],
        DaneRefusal::Required { .. } => &[Advice::AskProvider],
        DaneRefusal::Expired { .. } => &[],
    }
}

fn implicit_tls(endpoint: &Endpoint) -> Option<Advice> {
    let port = endpoint.service().default_port(TlsMode::Implicit);
    port.map(|_| Advice::UseImplicitTls)
}

fn without_alpn(endpoint: &Endpoint) -> Option<Advice> {
    match endpoint.alpn() {
        ClientAlpn::Offer => endpoint.service().alpn_id().map(|_| Advice::WithoutAlpn),
        ClientAlpn::Off | ClientAlpn::Require => None,
    }
}

fn other_mode(endpoint: &Endpoint) -> Advice {
    let registered_port = elsewhere(endpoint);
    let mode = match endpoint.mode() {
        TlsMode::Implicit => TlsMode::StartTls,
        TlsMode::StartTls => TlsMode::Implicit,
    };
    Advice::OtherMode {
        mode,
        registered_port,
    }
}

/// The other mode, where the port is not the one that is registered for this mode.
fn wrong_port(endpoint: &Endpoint) -> Option<Advice> {
    elsewhere(endpoint).map(|_| other_mode(endpoint))
}

/// The port that is registered for the endpoint's mode, where it is another than its own.
fn elsewhere(endpoint: &Endpoint) -> Option<u16> {
    endpoint
        .service()
        .default_port(endpoint.mode())
        .filter(|port| *port != endpoint.port())
}

impl Advice {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WithoutAlpn => "without-alpn",
            Self::OtherMode { .. } => "other-mode",
            Self::CheckHostAndPort => "check-host-and-port",
            Self::CheckClock => "check-clock",
            Self::UseImplicitTls => "use-implicit-tls",
            Self::CaptivePortalLikely => "captive-portal-likely",
            Self::InterceptionPossible => "interception-possible",
            Self::ServerTooOldPossible => "server-too-old-possible",
            Self::TryLater => "try-later",
            Self::AskProvider => "ask-provider",
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WithoutAlpn => {
                f.write_str("Switch off ALPN for this server; it may not know the identifier.")
            }
            Self::OtherMode {
                mode,
                registered_port,
            } => {
                let mode = match mode {
                    TlsMode::Implicit => "implicit TLS (SSL/TLS)",
                    TlsMode::StartTls => "STARTTLS",
                };
                write!(f, "This port is probably for {mode}: choose that")?;
                match registered_port {
                    Some(port) => write!(f, ", or port {port}."),
                    None => f.write_str("."),
                }
            }
            Self::CheckHostAndPort => {
                f.write_str("Check the host and the port: this may be another server.")
            }
            Self::CheckClock => f.write_str("Check the date and the time of this machine."),
            Self::UseImplicitTls => f.write_str(
                "Choose implicit TLS (SSL/TLS) in place of STARTTLS: it leaves nothing to tamper with \
                 before it.",
            ),
            Self::CaptivePortalLikely => {
                f.write_str("This network may want a login first: open a web page, then try again.")
            }
            Self::InterceptionPossible => f.write_str(
                "A virus scanner, a proxy or an attacker may be in between: try another network.",
            ),
            Self::ServerTooOldPossible => {
                f.write_str("The server may be too old; ask the provider about TLS 1.2 and 1.3.")
            }
            Self::TryLater => f.write_str("Try again later."),
            Self::AskProvider => {
                f.write_str("Ask the provider, with the error: it has to be mended at the server.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Service;
    use crate::text::UntrustedText;
    use std::time::Duration;

    fn endpoint(mode: TlsMode, alpn: ClientAlpn) -> Endpoint {
        Endpoint::typed(Service::Imap, mode, "imap.example.org")
            .unwrap()
            .with_alpn(alpn)
    }

    #[test]
    fn after_each_kind_of_failure() {
        use ClientAlpn::{Off, Offer, Require};
        use TlsMode::{Implicit, StartTls};
        const TOO_OLD: &[Cause] = &[Cause::NoCommonVersion, Cause::NoCommonGroup];
        const ALPN: &[Cause] = &[Cause::AlpnNotAccepted];
        let reply = || UntrustedText::new(b"NO", 9);
        let alert = |causes| ProtocolError::AlertReceived {
            alert: crate::Alert::from_code_point(40),
            established: false,
            causes,
        };
        let other = |mode| Advice::OtherMode {
            mode,
            registered_port: None,
        };
        let rows = [
            (
                alert(TOO_OLD),
                Implicit,
                Off,
                vec![Advice::ServerTooOldPossible],
            ),
            (alert(ALPN), Implicit, Offer, vec![Advice::WithoutAlpn]),
            (alert(ALPN), Implicit, Require, vec![]), // never under `require`
            (
                ProtocolError::NoCommonApplicationProtocol,
                Implicit,
                Offer,
                vec![Advice::WithoutAlpn],
            ),
            (
                ProtocolError::NoCommonApplicationProtocol,
                Implicit,
                Require,
                vec![],
            ),
            (
                StartTlsFailure::NotOffered.into(),
                StartTls,
                Off,
                vec![Advice::UseImplicitTls],
            ),
            (
                StartTlsFailure::SpeaksTls.into(),
                StartTls,
                Off,
                vec![other(Implicit)],
            ),
            (
                StartTlsFailure::Refused {
                    is_temporary: true,
                    reply: reply(),
                }
                .into(),
                StartTls,
                Off,
                vec![Advice::TryLater],
            ),
            (
                ProtocolError::EndedDuringHandshake {
                    heard: Heard::Nothing,
                },
                Implicit,
                Off,
                vec![Advice::TryLater],
            ),
            (
                ProtocolError::EndedDuringHandshake {
                    heard: Heard::Nothing,
                },
                StartTls,
                Off,
                vec![other(Implicit), Advice::TryLater],
            ),
            (
                ProtocolError::EndedDuringHandshake { heard: Heard::Tls },
                Implicit,
                Offer,
                vec![Advice::WithoutAlpn, Advice::TryLater],
            ),
            (
                ProtocolError::EndedDuringHandshake {
                    heard: Heard::Agreement,
                },
                StartTls,
                Off,
                vec![Advice::AskProvider],
            ),
            (
                ProtocolError::NotTls { excerpt: reply() },
                Implicit,
                Off,
                vec![Advice::CheckHostAndPort],
            ),
            (
                StartTlsFailure::UnexpectedReply {
                    expected: "a greeting",
                    reply: reply(),
                }
                .into(),
                StartTls,
                Off,
                vec![Advice::CheckHostAndPort],
            ),
            (
                StartTlsFailure::NoService {
                    is_temporary: false,
                    reply: reply(),
                }
                .into(),
                StartTls,
                Off,
                vec![Advice::AskProvider],
            ),
            (
                ProtocolError::ResponseInjection {
                    bytes: 1,
                    excerpt: reply(),
                },
                StartTls,
                Off,
                vec![Advice::UseImplicitTls, Advice::InterceptionPossible],
            ),
            (
                StartTlsFailure::AlreadyAuthenticated.into(),
                StartTls,
                Off,
                vec![Advice::UseImplicitTls, Advice::InterceptionPossible],
            ),
        ];
        for (error, mode, alpn, expected) in rows {
            let shown = format!("{error:?}");
            assert_eq!(
                Advice::after(&endpoint(mode, alpn), &error.into()),
                expected,
                "{shown}"
            );
        }
        let here = endpoint(Implicit, Off);
        let elsewhere = endpoint(Implicit, Off).with_port(143);
        let other_or_993 = Advice::OtherMode {
            mode: StartTls,
            registered_port: Some(993),
        };
        let wrong = vec![Advice::CheckHostAndPort];
        for (spoken, at, expected) in [
            (Spoken::ImapGreeting, &here, vec![other(StartTls)]),
            (Spoken::ImapGreeting, &elsewhere, vec![other_or_993]),
            (Spoken::ImapRefusal, &here, vec![Advice::TryLater]),
            (
                Spoken::ImapRefusal,
                &elsewhere,
                vec![other_or_993, Advice::TryLater],
            ),
            (Spoken::SmtpGreeting, &elsewhere, wrong.clone()),
            (Spoken::SmtpRefusal, &here, wrong),
            (Spoken::HttpServer, &here, vec![Advice::CaptivePortalLikely]),
        ] {
            let peer = crate::error::PlaintextPeer {
                spoken,
                excerpt: reply(),
                expected: Service::Imap,
                port: Some(at.port()),
            };
            let error = ProtocolError::PlaintextPeer(peer).into();
            assert_eq!(Advice::after(at, &error), expected, "{spoken:?}");
        }
        let timed_out = crate::error::TimedOut {
            after: Duration::from_secs(1),
            heard: Heard::Nothing,
        };
        let advice = Advice::after(&elsewhere, &timed_out.into());
        assert_eq!(advice, [other_or_993, Advice::TryLater]);
        let text = "This port is probably for STARTTLS: choose that, or port 993.";
        assert_eq!(advice[0].to_string(), text);
    }

    /// What is missing says who can supply it.
    #[test]
    fn below_the_minimum() {
        let rows = [
            (Unmet::Tls13, vec![Advice::ServerTooOldPossible]),
            (
                Unmet::PostQuantum { group: None },
                vec![Advice::ServerTooOldPossible],
            ),
            (Unmet::Pinned, vec![Advice::AskProvider]),
            (Unmet::UnknownSuite, vec![]),
            (Unmet::NoTls, vec![]),
        ];
        let at = endpoint(TlsMode::Implicit, ClientAlpn::Offer);
        for (unmet, expected) in rows {
            let refusal = PolicyRefusal::BelowMinimum { unmet };
            assert_eq!(Advice::after(&at, &refusal.into()), expected, "{unmet:?}");
        }
    }

    /// The two without advice are the program's affair: records and lists that are out of date.
    #[test]
    fn no_certificate_that_was_refused_is_a_dead_end() {
        use Advice::{AskProvider, CheckClock, CheckHostAndPort, InterceptionPossible};
        let of_program = ["tlsa-expired", "revocation-unknown"];
        for failure in crate::catalogue::check_failures() {
            let (code, advice) = (failure.code(), after_check(&failure));
            assert_eq!(advice.is_empty(), of_program.contains(&code), "{code}");
            match code {
                "name-mismatch" => assert_eq!(advice, [CheckHostAndPort, InterceptionPossible]),
                "expired" | "not-yet-valid" => assert_eq!(advice, [CheckClock, AskProvider]),
                "self-signed" | "unknown-authority" | "pin-mismatch" => {
                    assert_eq!(advice, [InterceptionPossible, AskProvider]);
                }
                "weak-key" | "revoked" => assert_eq!(advice, [AskProvider]),
                _ => {}
            }
        }
    }
}
