//! What was negotiated.

use std::fmt;

use crate::identity::ReferenceName;
use crate::policy::server::ConnectionSecurity;
use crate::received::{MailProtocol, TlsClause, TransmissionType};
use crate::registry::{CipherSuite, NamedGroup};
use crate::service::{Service, TlsMode};
use crate::text::UntrustedText;
use crate::tls::Engine;
use crate::verify::Verification;

/// What was negotiated on an established session, and how the peer was authenticated.
///
/// Its `Display` is one stable line for logs (RFC 8314 §4): `key=value` pairs separated by single
/// spaces, always in the same order, `-` for what there is none of.
///
/// ```text
/// service=IMAP mode=implicit version=TLSv1.3 cipher=TLS_AES_128_GCM_SHA256 group=X25519MLKEM768 alpn=- sni=imap.example.org resumed=no peer=imap.example.org client-certificate=no
/// ```
#[derive(Debug, Clone, Copy)]
pub struct SessionInfo<'a> {
    engine: &'a Engine,
    service: Service,
    mode: TlsMode,
    sent_name: Option<&'a str>,
    is_client: bool,
}

/// The TLS version of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Negotiated {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Negotiated {
    /// The code point in the protocol: `0x0303` or `0x0304`.
    pub fn code_point(self) -> u16 {
        match self {
            Self::Tls12 => 0x0303,
            Self::Tls13 => 0x0304,
        }
    }
}

impl fmt::Display for Negotiated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLSv1.2",
            Self::Tls13 => "TLSv1.3",
        })
    }
}

impl<'a> SessionInfo<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        service: Service,
        mode: TlsMode,
        sent_name: Option<&'a str>,
        is_client: bool,
    ) -> Self {
        Self {
            engine,
            service,
            mode,
            sent_name,
            is_client,
        }
    }

    /// The service.
    pub fn service(&self) -> Service {
        self.service
    }

    /// The mode.
    pub fn mode(&self) -> TlsMode {
        self.mode
    }

    /// The TLS version.
    pub fn version(&self) -> Negotiated {
        // Nothing else is ever enabled; TLS 1.3 has to be earned.
        match self.engine.version() {
            Some(0x0304) => Negotiated::Tls13,
            Some(_) | None => Negotiated::Tls12,
        }
    }

    /// What admission is decided by (RFC 8314 §4.1): every session has TLS 1.2 or later.
    pub fn security(&self) -> ConnectionSecurity {
        match self.version() {
            Negotiated::Tls12 | Negotiated::Tls13 => ConnectionSecurity::ModernTls,
        }
    }

    /// The cipher suite, by IANA's registry.
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        self.engine.cipher_suite()
    }

    /// The key exchange group, by IANA's registry. `None` on a resumed session of TLS 1.2, which
    /// exchanges no keys.
    pub fn group(&self) -> Option<NamedGroup> {
        self.engine.group()
    }

    /// The application protocol that was agreed on (ALPN).
    pub fn alpn(&self) -> Option<&'a [u8]> {
        self.engine.alpn()
    }

    /// The server name that was sent (SNI): what a client sent, or what a server was asked for.
    pub fn server_name(&self) -> Option<&'a str> {
        if self.is_client {
            self.sent_name
        } else {
            self.engine.requested_name()
        }
    }

    /// Whether the session resumes an earlier one, whose authentication it inherits.
    pub fn is_resumed(&self) -> bool {
        self.engine.is_resumed()
    }

    /// The verdict on the peer's certificate, inherited where the session is resumed. `None` on a
    /// server whose client has shown none.
    pub fn verification(&self) -> Option<&'a Verification> {
        self.engine.notes.verification()
    }

    /// Whether the server asked for a client certificate in this handshake.
    pub fn client_certificate_asked(&self) -> bool {
        self.engine.notes.client_certificate_asked
    }

    /// Whether the client has shown a certificate, in this handshake or, as far as a server can
    /// tell, in the one that it resumes.
    pub fn client_certificate_sent(&self) -> bool {
        let resumed_with_one = !self.is_client && self.verification().is_some();
        self.engine.notes.client_certificate_sent || resumed_with_one
    }

    /// The clauses `tls` and `group` for the Received field of each message that is received on
    /// this session (RFC 8314 §4.3).
    pub fn received_clause(&self) -> Option<TlsClause> {
        let clause = TlsClause::new(self.cipher_suite()?);
        Some(match self.group() {
            Some(group) => clause.with_group(group),
            None => clause,
        })
    }

    /// The value of `with` in the Received field of a message that is received on this session
    /// (RFC 3848, RFC 6531 §3.7.3): whether its client had authenticated itself, and whether
    /// `SMTPUTF8` was said for the message. `None` for a service that receives no messages.
    pub fn transmission_type(
        &self,
        authenticated: bool,
        smtputf8: bool,
    ) -> Option<TransmissionType> {
        let protocol = match self.service {
            Service::Submission | Service::SmtpRelay => MailProtocol::Smtp,
            Service::Lmtp => MailProtocol::Lmtp,
            Service::Imap | Service::Pop3 | Service::ManageSieve => return None,
        };
        Some(
            TransmissionType::new(protocol)
                .with_tls(true)
                .with_authentication(authenticated)
                .with_smtputf8(smtputf8),
        )
    }

    /// The OCSP response that the server stapled, uninterpreted; empty where there was none.
    pub fn ocsp_response(&self) -> &'a [u8] {
        &self.engine.notes.ocsp_response
    }
}

impl fmt::Display for SessionInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A line for each session: what is text already goes past the machinery of formats.
        f.write_str("service=")?;
        self.service.fmt(f)?;
        f.write_str(match self.mode {
            TlsMode::Implicit => " mode=implicit version=",
            TlsMode::StartTls => " mode=starttls version=",
        })?;
        self.version().fmt(f)?;
        field(f, " cipher=", self.cipher_suite())?;
        field(f, " group=", self.group())?;
        match self.alpn() {
            Some(id) => field(f, " alpn=", Some(UntrustedText::new(id, 255)))?,
            None => f.write_str(" alpn=-")?,
        }
        f.write_str(" sni=")?;
        f.write_str(self.server_name().unwrap_or("-"))?;
        f.write_str(if self.is_resumed() {
            " resumed=yes peer="
        } else {
            " resumed=no peer="
        })?;
        let verification = self.verification();
        match verification.and_then(Verification::reference) {
            Some(reference) => match reference.name() {
                // Its own words have spaces.
                ReferenceName::CommonName(name) => name.fmt(f)?,
                name @ (ReferenceName::Dns(_)
                | ReferenceName::Srv { .. }
                | ReferenceName::Ip(_)) => {
                    name.fmt(f)?;
                }
            },
            None => f.write_str(verification.map_or("-", how))?,
        }
        f.write_str(if self.client_certificate_sent() {
            " client-certificate=yes"
        } else {
            " client-certificate=no"
        })
    }
}

/// How a peer without a validated name was authenticated.
fn how(verification: &Verification) -> &'static str {
    if verification.pin().is_some() {
        "pinned"
    } else {
        "verified"
    }
}

fn field(f: &mut fmt::Formatter<'_>, key: &str, value: Option<impl fmt::Display>) -> fmt::Result {
    f.write_str(key)?;
    match value {
        Some(value) => value.fmt(f),
        None => f.write_str("-"),
    }
}
