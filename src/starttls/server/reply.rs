//! What a server answers, by situation and protocol.

use bytes::BytesMut;

use crate::service::Service;

/// Why a server gives a reply that concerns TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Situation {
    /// STARTTLS is agreed to.
    Agreed,
    /// STARTTLS is not possible for the time being.
    Unavailable,
    /// STARTTLS was given arguments.
    HasArguments,
    /// STARTTLS was sent where TLS is active already, or on a port for implicit TLS.
    TlsActive,
    /// STARTTLS was sent after the client had logged in.
    WrongState,
    /// The command needs TLS.
    TlsRequired,
    /// Logging in needs TLS, as every other command does.
    TlsRequiredToAuthenticate,
    /// Logging in needs TLS, other commands do not.
    AuthenticationNeedsTls,
    /// TLS is active, but not what the server demands.
    Insufficient,
    /// The line is not a command.
    Malformed,
}

/// A reply to send, in its protocol's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerReply<'a> {
    service: Service,
    situation: Situation,
    tag: Option<&'a [u8]>,
}

impl<'a> ServerReply<'a> {
    pub(super) fn new(service: Service, situation: Situation, tag: Option<&'a [u8]>) -> Self {
        Self {
            service,
            situation,
            tag,
        }
    }

    /// Why.
    pub fn situation(&self) -> Situation {
        self.situation
    }

    /// The reply without its end, and in IMAP without its tag.
    pub fn text(&self) -> &'static str {
        match self.service {
            Service::Imap => imap(self.situation),
            Service::Pop3 => pop3(self.situation),
            Service::Submission | Service::SmtpRelay | Service::Lmtp => smtp(self.situation),
            Service::ManageSieve => managesieve(self.situation),
        }
    }

    /// Appends the whole line.
    pub fn put(&self, outgoing: &mut BytesMut) {
        if self.service == Service::Imap {
            outgoing.extend_from_slice(self.tag.unwrap_or(b"*"));
            outgoing.extend_from_slice(b" ");
        }
        outgoing.extend_from_slice(self.text().as_bytes());
        outgoing.extend_from_slice(b"\r\n");
    }
}

/// RFC 9051 §6.2.1, RFC 5530 §3.
fn imap(situation: Situation) -> &'static str {
    match situation {
        Situation::Agreed => "OK begin TLS now",
        Situation::Unavailable => "NO [UNAVAILABLE] TLS is not available, try again later",
        Situation::HasArguments => "BAD STARTTLS takes no arguments",
        Situation::TlsActive => "BAD TLS is active already",
        Situation::WrongState => "BAD STARTTLS comes before the login",
        Situation::TlsRequired => "NO [PRIVACYREQUIRED] start TLS first",
        Situation::TlsRequiredToAuthenticate | Situation::AuthenticationNeedsTls => {
            "NO [PRIVACYREQUIRED] start TLS before the login"
        }
        Situation::Insufficient => {
            "NO [PRIVACYREQUIRED] this TLS connection lacks what the server demands, such as a client certificate"
        }
        Situation::Malformed => "BAD not a command",
    }
}

/// RFC 2595 §4, RFC 3206 §4.
fn pop3(situation: Situation) -> &'static str {
    match situation {
        Situation::Agreed => "+OK begin TLS now",
        Situation::Unavailable => "-ERR [SYS/TEMP] TLS is not available, try again later",
        Situation::HasArguments => "-ERR STLS takes no arguments",
        Situation::TlsActive => "-ERR TLS is active already",
        Situation::WrongState => "-ERR STLS comes before the login",
        Situation::TlsRequired => "-ERR start TLS first, with STLS",
        Situation::TlsRequiredToAuthenticate | Situation::AuthenticationNeedsTls => {
            "-ERR start TLS before the login, with STLS"
        }
        Situation::Insufficient => {
            "-ERR this TLS connection lacks what the server demands, such as a client certificate"
        }
        Situation::Malformed => "-ERR not a command",
    }
}

/// RFC 3207 §4 and §4.1, RFC 4954 §6, RFC 3463 §3.
fn smtp(situation: Situation) -> &'static str {
    match situation {
        Situation::Agreed => "220 2.0.0 begin TLS now",
        Situation::Unavailable => "454 4.7.0 TLS is not available, try again later",
        Situation::HasArguments => "501 5.5.4 STARTTLS takes no parameters",
        Situation::TlsActive => "503 5.5.1 TLS is active already",
        Situation::WrongState => "503 5.5.1 STARTTLS comes before the login",
        // RFC 3207 §4: to every command, AUTH too.
        Situation::TlsRequired | Situation::TlsRequiredToAuthenticate => {
            "530 5.7.0 must issue a STARTTLS command first"
        }
        Situation::AuthenticationNeedsTls => "538 5.7.11 encryption is required to log in",
        Situation::Insufficient => {
            "554 5.7.0 this TLS connection lacks what the server demands, such as a client certificate"
        }
        Situation::Malformed => "500 5.5.2 not a command",
    }
}

/// RFC 5804 §1.3 and §2.2: ENCRYPT-NEEDED answers AUTHENTICATE.
fn managesieve(situation: Situation) -> &'static str {
    match situation {
        Situation::Agreed => "OK \"begin TLS now\"",
        Situation::Unavailable => "NO (TRYLATER) \"TLS is not available, try again later\"",
        Situation::HasArguments => "NO \"STARTTLS takes no arguments\"",
        Situation::TlsActive => "NO \"TLS is active already\"",
        Situation::WrongState => "NO \"STARTTLS comes before the login\"",
        Situation::TlsRequired => "NO \"start TLS first\"",
        Situation::TlsRequiredToAuthenticate | Situation::AuthenticationNeedsTls => {
            "NO (ENCRYPT-NEEDED) \"start TLS before the login\""
        }
        Situation::Insufficient => {
            "NO (ENCRYPT-NEEDED) \"this TLS connection lacks what the server demands, such as a client certificate\""
        }
        Situation::Malformed => "NO \"not a command\"",
    }
}
