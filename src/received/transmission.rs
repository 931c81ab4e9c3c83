//! The value of the `with` clause.

use std::fmt;

/// The protocol in whose session a message was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MailProtocol {
    /// SMTP, for submission and for relaying (RFC 5321).
    Smtp,
    /// LMTP (RFC 2033).
    Lmtp,
}

/// How a message was received: the keyword of the `with` clause (RFC 3848, RFC 6531 §3.7.3).
///
/// | | | TLS | authenticated | both |
/// |---|---|---|---|---|
/// | SMTP | `ESMTP` | `ESMTPS` | `ESMTPA` | `ESMTPSA` |
/// | SMTP, SMTPUTF8 | `UTF8SMTP` | `UTF8SMTPS` | `UTF8SMTPA` | `UTF8SMTPSA` |
/// | LMTP | `LMTP` | `LMTPS` | `LMTPA` | `LMTPSA` |
/// | LMTP, SMTPUTF8 | `UTF8LMTP` | `UTF8LMTPS` | `UTF8LMTPA` | `UTF8LMTPSA` |
///
/// `S` stands for TLS however it began: RFC 3848 knew STARTTLS only, RFC 8314 §4.3 reads it as
/// "TLS was used". `A` stands for an authentication that succeeded (RFC 4954 §7). A client that
/// greeted with `HELO` instead of `EHLO` used none of these: its keyword is `SMTP`.
///
/// The keyword is for people to read. It must not decide what is done with a message
/// (RFC 3848 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TransmissionType {
    protocol: MailProtocol,
    tls: bool,
    authenticated: bool,
    smtputf8: bool,
}

impl TransmissionType {
    /// The protocol with its extensions, without TLS, authentication and SMTPUTF8.
    pub const fn new(protocol: MailProtocol) -> Self {
        Self {
            protocol,
            tls: false,
            authenticated: false,
            smtputf8: false,
        }
    }

    /// Whether the message came over TLS, in either mode.
    #[must_use]
    pub const fn with_tls(mut self, tls: bool) -> Self {
        self.tls = tls;
        self
    }

    /// Whether the client had authenticated itself.
    #[must_use]
    pub const fn with_authentication(mut self, authenticated: bool) -> Self {
        self.authenticated = authenticated;
        self
    }

    /// Whether `SMTPUTF8` was said for this message.
    #[must_use]
    pub const fn with_smtputf8(mut self, smtputf8: bool) -> Self {
        self.smtputf8 = smtputf8;
        self
    }

    /// The protocol.
    pub const fn protocol(self) -> MailProtocol {
        self.protocol
    }

    /// Whether TLS was used.
    pub const fn is_tls(self) -> bool {
        self.tls
    }

    /// Whether the client had authenticated itself.
    pub const fn is_authenticated(self) -> bool {
        self.authenticated
    }

    /// Whether `SMTPUTF8` was said for the message. Domains in the trace fields are U-labels then,
    /// and A-labels otherwise (RFC 6531 §3.7.3).
    pub const fn is_smtputf8(self) -> bool {
        self.smtputf8
    }

    /// The keyword that IANA has registered.
    pub const fn keyword(self) -> &'static str {
        match (self.protocol, self.smtputf8, self.tls, self.authenticated) {
            (MailProtocol::Smtp, false, false, false) => "ESMTP",
            (MailProtocol::Smtp, false, false, true) => "ESMTPA",
            (MailProtocol::Smtp, false, true, false) => "ESMTPS",
            (MailProtocol::Smtp, false, true, true) => "ESMTPSA",
            (MailProtocol::Smtp, true, false, false) => "UTF8SMTP",
            (MailProtocol::Smtp, true, false, true) => "UTF8SMTPA",
            (MailProtocol::Smtp, true, true, false) => "UTF8SMTPS",
            (MailProtocol::Smtp, true, true, true) => "UTF8SMTPSA",
            (MailProtocol::Lmtp, false, false, false) => "LMTP",
            (MailProtocol::Lmtp, false, false, true) => "LMTPA",
            (MailProtocol::Lmtp, false, true, false) => "LMTPS",
            (MailProtocol::Lmtp, false, true, true) => "LMTPSA",
            (MailProtocol::Lmtp, true, false, false) => "UTF8LMTP",
            (MailProtocol::Lmtp, true, false, true) => "UTF8LMTPA",
            (MailProtocol::Lmtp, true, true, false) => "UTF8LMTPS",
            (MailProtocol::Lmtp, true, true, true) => "UTF8LMTPSA",
        }
    }

    /// Reads a keyword, in any case: Exim writes it in lower case. `None` for every other one,
    /// `SMTP` among them.
    pub fn from_keyword(keyword: &str) -> Option<Self> {
        Self::every().find(|one| one.keyword().eq_ignore_ascii_case(keyword))
    }

    fn every() -> impl Iterator<Item = Self> {
        const FALSE_TRUE: [bool; 2] = [false, true];
        [MailProtocol::Smtp, MailProtocol::Lmtp]
            .into_iter()
            .flat_map(|protocol| FALSE_TRUE.map(|smtputf8| (protocol, smtputf8)))
            .flat_map(|(protocol, smtputf8)| FALSE_TRUE.map(|tls| (protocol, smtputf8, tls)))
            .flat_map(|(protocol, smtputf8, tls)| {
                FALSE_TRUE.map(|authenticated| Self {
                    protocol,
                    tls,
                    authenticated,
                    smtputf8,
                })
            })
    }
}

impl fmt::Display for TransmissionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.keyword())
    }
}
