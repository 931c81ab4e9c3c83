//! SASL EXTERNAL (RFC 4422 appendix A): "I am who my client certificate says".
//!
//! A client certificate alone authenticates nobody in a mail protocol: the client says EXTERNAL,
//! and so may ask to act as somebody else whom the certificate allows (RFC 8314 §4.2, §5.5). Here
//! are the command and its answers in the words of the four protocols.
//!
//! ```
//! use bytes::BytesMut;
//! use mail_tls::sasl_external::{AuthorizationIdentity, ExternalClient, ExternalNext};
//!
//! // A client of a submission server, after `session.info()` has shown that its certificate was
//! // asked for and sent, and EHLO that the server has `AUTH EXTERNAL`.
//! let external = ExternalClient::smtp(AuthorizationIdentity::derived());
//! let mut command = BytesMut::new();
//! assert_eq!(external.begin(&mut command), ExternalNext::AwaitOutcome);
//! assert_eq!(command, "AUTH EXTERNAL =\r\n");
//!
//! // The server, which has let the client's certificate in by `accept_client_identity`.
//! use mail_tls::Service;
//! let identity = AuthorizationIdentity::from_initial_response(Service::Submission, b"=")?;
//! assert!(identity.is_derived());
//! # Ok::<(), mail_tls::sasl_external::ExternalFault>(())
//! ```
//!
//! A server offers EXTERNAL only on a session whose
//! [`external_offer`](crate::ServerSession::external_offer) says so, answers
//! [`ExternalFault::NotAuthenticated`] on any other, and decides by itself whether the client may
//! act as the identity that it asks for.

use std::fmt;

use bytes::BytesMut;
use data_encoding::BASE64;

use crate::limits::AUTHORIZATION_IDENTITY;
use crate::service::Service;
use crate::tag::{in_response, is_tag};

/// Whom the client asks to act as (RFC 4422 §3.4.1).
///
/// No NUL, and at most [`AUTHORIZATION_IDENTITY`] bytes. What the name means is the server's
/// business; the protocols prepare it with SASLprep (RFC 4954 §4, RFC 5034 §4, RFC 5804 §2.1),
/// which is the caller's to do.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AuthorizationIdentity(Box<str>);

/// A name that cannot be an authorisation identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIdentity {
    /// NUL cannot be said (RFC 4422 appendix A.1).
    #[error("the authorisation identity contains a NUL character: leave it out")]
    ContainsNul,
    /// Longer than [`AUTHORIZATION_IDENTITY`].
    #[error(
        "the authorisation identity is longer than {AUTHORIZATION_IDENTITY} bytes: give the user's name alone"
    )]
    TooLong,
}

impl InvalidIdentity {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ContainsNul => "identity-with-nul",
            Self::TooLong => "identity-too-long",
        }
    }
}

/// A tag that IMAP does not allow (RFC 9051 §9, `tag`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "the IMAP tag is empty or contains a character that no tag may contain: use letters and digits"
)]
#[non_exhaustive]
pub struct InvalidTag;

impl InvalidTag {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "imap-tag-invalid"
    }
}

/// The client's side of one exchange.
#[derive(Debug, Clone)]
pub struct ExternalClient {
    dialect: Dialect,
    identity: AuthorizationIdentity,
    sends_initial_response: bool,
}

#[derive(Debug, Clone)]
enum Dialect {
    Imap { tag: Box<str> },
    Pop3,
    Smtp,
    ManageSieve,
}

/// What the client waits for after its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExternalNext {
    /// The outcome: nothing is left to say.
    AwaitOutcome,
    /// An empty challenge, to be answered by [`ExternalClient::respond`], or a refusal.
    AwaitChallenge,
}

/// The server sent a challenge with something in it, which EXTERNAL does not have. The exchange was
/// cancelled; the server's refusal comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error(
    "the server sent a challenge that SASL EXTERNAL does not have, and the exchange was cancelled: log in by \
     another mechanism"
)]
#[non_exhaustive]
pub struct UnexpectedChallenge;

impl UnexpectedChallenge {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "challenge-unexpected"
    }
}

/// Why a server refuses an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalFault {
    /// The client said `*`.
    #[error("the client cancelled the authentication")]
    Cancelled,
    /// Not base64 (RFC 4648 §4) to the letter: another character, padding in the middle, none at
    /// the end, bits left over.
    #[error("the client's response to AUTH EXTERNAL is not base64")]
    NotBase64,
    /// What was decoded is not UTF-8, or contains NUL (RFC 4422 appendix A.1).
    #[error("the client's authorisation identity is not UTF-8 text, or contains a NUL character")]
    NotText,
    /// What was decoded is longer than [`AUTHORIZATION_IDENTITY`].
    #[error("the client's authorisation identity is longer than {AUTHORIZATION_IDENTITY} bytes")]
    TooLong,
    /// The client has shown no certificate that was accepted, or may not act as the identity that
    /// it asked for. One answer for all reasons (RFC 4422 appendix A.1).
    #[error("the client is not authenticated by a certificate for the identity that it asked for")]
    NotAuthenticated,
}

impl AuthorizationIdentity {
    /// The identity that the server derives from the certificate.
    pub fn derived() -> Self {
        Self(Box::default())
    }

    /// This identity. The empty one is [`derived`](Self::derived).
    ///
    /// # Errors
    /// [`InvalidIdentity`].
    pub fn new(identity: &str) -> Result<Self, InvalidIdentity> {
        if identity.contains('\0') {
            return Err(InvalidIdentity::ContainsNul);
        }
        if identity.len() > AUTHORIZATION_IDENTITY {
            return Err(InvalidIdentity::TooLong);
        }
        Ok(Self(identity.into()))
    }

    /// Reads the initial response of a client's command: the argument behind the mechanism's name;
    /// for ManageSieve the content of the string.
    ///
    /// An empty one is `=`, in ManageSieve the empty string (RFC 9051 §6.2.2, RFC 5034 §4,
    /// RFC 4954 §4, RFC 5804 §2.1).
    ///
    /// # Errors
    /// [`ExternalFault`], with the answer to give.
    pub fn from_initial_response(service: Service, argument: &[u8]) -> Result<Self, ExternalFault> {
        match Framing::of(service) {
            Framing::Imap | Framing::Pop3 | Framing::Smtp => match argument {
                b"=" => Ok(Self::derived()),
                b"" => Err(ExternalFault::NotBase64),
                _ => Self::from_base64(argument),
            },
            Framing::ManageSieve => Self::from_base64(argument),
        }
    }

    /// Reads the response to the empty challenge: the line without its CRLF; for ManageSieve the
    /// content of the string.
    ///
    /// # Errors
    /// [`ExternalFault`], with the answer to give.
    pub fn from_response(line: &[u8]) -> Result<Self, ExternalFault> {
        match line {
            b"*" => Err(ExternalFault::Cancelled),
            _ => Self::from_base64(line),
        }
    }

    /// The identity; empty for the one that is derived.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the client asks for the identity that the server derives from the certificate.
    pub fn is_derived(&self) -> bool {
        self.0.is_empty()
    }

    fn from_base64(encoded: &[u8]) -> Result<Self, ExternalFault> {
        if encoded.len() > BASE64.encode_len(AUTHORIZATION_IDENTITY) {
            return Err(ExternalFault::TooLong);
        }
        // The library takes texts with padding put one behind the other for one text.
        let text = encoded.strip_suffix(b"=").unwrap_or(encoded);
        let text = text.strip_suffix(b"=").unwrap_or(text);
        if text.contains(&b'=') {
            return Err(ExternalFault::NotBase64);
        }
        let bytes = BASE64
            .decode(encoded)
            .map_err(|_| ExternalFault::NotBase64)?;
        let identity = String::from_utf8(bytes).map_err(|_| ExternalFault::NotText)?;
        Self::new(&identity).map_err(|invalid| match invalid {
            InvalidIdentity::ContainsNul => ExternalFault::NotText,
            InvalidIdentity::TooLong => ExternalFault::TooLong,
        })
    }
}

impl ExternalClient {
    /// For IMAP. The initial response goes along with the command only if the server has said
    /// `IMAP4rev2` or `SASL-IR` among its capabilities (RFC 9051 §6.2.2, RFC 4959).
    ///
    /// # Errors
    /// [`InvalidTag`].
    pub fn imap(
        tag: &str,
        server_takes_initial_response: bool,
        identity: AuthorizationIdentity,
    ) -> Result<Self, InvalidTag> {
        if !is_tag(tag.as_bytes()) {
            return Err(InvalidTag);
        }
        let dialect = Dialect::Imap { tag: tag.into() };
        let mut client = Self::new(dialect, identity);
        client.sends_initial_response = server_takes_initial_response;
        Ok(client)
    }

    /// For POP3, where the server's capabilities have a `SASL` with `EXTERNAL` (RFC 5034).
    pub fn pop3(identity: AuthorizationIdentity) -> Self {
        Self::new(Dialect::Pop3, identity)
    }

    /// For submission, SMTP and LMTP, where EHLO has shown an `AUTH` with `EXTERNAL` (RFC 4954).
    pub fn smtp(identity: AuthorizationIdentity) -> Self {
        Self::new(Dialect::Smtp, identity)
    }

    /// For ManageSieve, where the server's capabilities have a `SASL` with `EXTERNAL` (RFC 5804).
    pub fn manage_sieve(identity: AuthorizationIdentity) -> Self {
        Self::new(Dialect::ManageSieve, identity)
    }

    fn new(dialect: Dialect, identity: AuthorizationIdentity) -> Self {
        Self {
            dialect,
            identity,
            sends_initial_response: true,
        }
    }

    /// Waits for the empty challenge before it says the identity, for servers that are said to
    /// support initial responses and do not.
    #[must_use]
    pub fn without_initial_response(mut self) -> Self {
        self.sends_initial_response = false;
        self
    }

    /// Appends the command to `out`, for [`send`](crate::ClientSession::send).
    ///
    /// With the initial response, unless the command would be longer than its protocol allows:
    /// 255 octets in POP3 (RFC 5034 §4, RFC 2449 §4), 512 in SMTP (RFC 4954 §4,
    /// RFC 5321 §4.5.3.1.4).
    pub fn begin(&self, out: &mut BytesMut) -> ExternalNext {
        let encoded = BASE64.encode(self.identity.as_str().as_bytes());
        let argument = if encoded.is_empty() { "=" } else { &encoded };
        let (command, with_response, limit) = match &self.dialect {
            Dialect::Imap { tag } => {
                let command = format!("{tag} AUTHENTICATE EXTERNAL");
                let with_response = format!("{command} {argument}");
                (command, with_response, usize::MAX)
            }
            Dialect::Pop3 => {
                let command = "AUTH EXTERNAL".to_owned();
                let with_response = format!("{command} {argument}");
                (command, with_response, 255)
            }
            Dialect::Smtp => {
                let command = "AUTH EXTERNAL".to_owned();
                let with_response = format!("{command} {argument}");
                (command, with_response, 512)
            }
            Dialect::ManageSieve => {
                let command = "AUTHENTICATE \"EXTERNAL\"".to_owned();
                let with_response = format!("{command} {}", sieve_string(&encoded));
                (command, with_response, usize::MAX)
            }
        };
        let fits = with_response.len().saturating_add(CRLF.len()) <= limit;
        let (line, next) = if self.sends_initial_response && fits {
            (with_response, ExternalNext::AwaitOutcome)
        } else {
            (command, ExternalNext::AwaitChallenge)
        };
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(CRLF);
        next
    }

    /// Appends the response to the server's challenge, after [`ExternalNext::AwaitChallenge`].
    /// `challenge` is what stands behind `+ ` or `334 `, or the content of ManageSieve's string.
    ///
    /// # Errors
    /// [`UnexpectedChallenge`] where the challenge is not empty; what was appended cancels the
    /// exchange.
    pub fn respond(&self, challenge: &[u8], out: &mut BytesMut) -> Result<(), UnexpectedChallenge> {
        let is_empty = challenge.trim_ascii().is_empty();
        let response = if is_empty {
            BASE64.encode(self.identity.as_str().as_bytes())
        } else {
            "*".to_owned()
        };
        let line = match &self.dialect {
            Dialect::Imap { .. } | Dialect::Pop3 | Dialect::Smtp => response,
            Dialect::ManageSieve => sieve_string(&response),
        };
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(CRLF);
        if is_empty {
            Ok(())
        } else {
            Err(UnexpectedChallenge)
        }
    }
}

/// The empty challenge with which a server asks for the response of a client that has sent none
/// with its command, a line with its CRLF (RFC 9051 §6.2.2, RFC 5034 §4, RFC 4954 §4,
/// RFC 5804 §2.1).
pub fn empty_challenge(service: Service) -> &'static [u8] {
    match Framing::of(service) {
        Framing::Imap | Framing::Pop3 => b"+ \r\n",
        Framing::Smtp => b"334 \r\n",
        Framing::ManageSieve => b"\"\"\r\n",
    }
}

impl ExternalFault {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Cancelled => "external-cancelled",
            Self::NotBase64 => "external-not-base64",
            Self::NotText => "external-not-text",
            Self::TooLong => "external-too-long",
            Self::NotAuthenticated => "external-not-authenticated",
        }
    }

    /// The server's answer, a line with its CRLF. `tag` is that of IMAP's command, which the
    /// caller has parsed; the other protocols have none. What is not a tag is not sent back: `*`
    /// stands in its place.
    pub fn reply(self, service: Service, tag: &str) -> ExternalReply<'_> {
        ExternalReply {
            fault: self,
            framing: Framing::of(service),
            tag,
        }
    }
}

/// A server's refusal. Its `Display` is the line with its CRLF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExternalReply<'a> {
    fault: ExternalFault,
    framing: Framing,
    tag: &'a str,
}

impl fmt::Display for ExternalReply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ExternalFault as F;
        let tag = in_response(self.tag);
        match (self.framing, self.fault) {
            (Framing::Imap, F::Cancelled) => write!(f, "{tag} BAD Authentication cancelled\r\n"),
            (Framing::Imap, F::NotBase64) => {
                write!(f, "{tag} BAD Response is not valid base64\r\n")
            }
            (Framing::Imap, F::TooLong) => write!(f, "{tag} BAD Response is too long\r\n"),
            (Framing::Imap, F::NotText | F::NotAuthenticated) => {
                write!(
                    f,
                    "{tag} NO [AUTHENTICATIONFAILED] Authentication failed\r\n"
                )
            }
            (Framing::Pop3, F::Cancelled) => f.write_str("-ERR Authentication cancelled\r\n"),
            (Framing::Pop3, F::NotBase64) => f.write_str("-ERR Response is not valid base64\r\n"),
            (Framing::Pop3, F::TooLong) => f.write_str("-ERR Response is too long\r\n"),
            (Framing::Pop3, F::NotText | F::NotAuthenticated) => {
                f.write_str("-ERR [AUTH] Authentication failed\r\n")
            }
            (Framing::Smtp, F::Cancelled) => f.write_str("501 5.7.0 Authentication cancelled\r\n"),
            (Framing::Smtp, F::NotBase64) => {
                f.write_str("501 5.5.2 Response is not valid base64\r\n")
            }
            (Framing::Smtp, F::TooLong) => {
                f.write_str("500 5.5.6 Authentication exchange line is too long\r\n")
            }
            (Framing::Smtp, F::NotText | F::NotAuthenticated) => {
                f.write_str("535 5.7.8 Authentication failed\r\n")
            }
            (Framing::ManageSieve, F::Cancelled) => {
                f.write_str("NO \"Authentication cancelled\"\r\n")
            }
            (Framing::ManageSieve, F::NotBase64) => {
                f.write_str("NO \"Response is not valid base64\"\r\n")
            }
            (Framing::ManageSieve, F::TooLong) => f.write_str("NO \"Response is too long\"\r\n"),
            (Framing::ManageSieve, F::NotText | F::NotAuthenticated) => {
                f.write_str("NO \"Authentication failed\"\r\n")
            }
        }
    }
}

/// The four ways to frame SASL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Imap,
    Pop3,
    Smtp,
    ManageSieve,
}

impl Framing {
    fn of(service: Service) -> Self {
        match service {
            Service::Imap => Self::Imap,
            Service::Pop3 => Self::Pop3,
            Service::Submission | Service::Lmtp | Service::SmtpRelay => Self::Smtp,
            Service::ManageSieve => Self::ManageSieve,
        }
    }
}

const CRLF: &[u8] = b"\r\n";

/// RFC 5804 §4: a quoted string has at most 1024 octets; a longer one is a literal.
fn sieve_string(text: &str) -> String {
    if text.len() <= 1024 {
        format!("\"{text}\"")
    } else {
        format!("{{{}+}}\r\n{text}", text.len())
    }
}

#[cfg(test)]
mod tests;
