//! The mail services, their ports, labels and protocol identifiers.

use std::fmt;

/// A mail service that a client uses or a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Service {
    /// Message access by IMAP (RFC 9051, RFC 3501).
    Imap,
    /// Message access by POP3 (RFC 1939).
    Pop3,
    /// Message Submission by SMTP (RFC 6409).
    Submission,
    /// Management of Sieve scripts (RFC 5804).
    ManageSieve,
    /// Local delivery by LMTP (RFC 2033), for servers.
    Lmtp,
    /// SMTP between mail servers (RFC 5321), for servers.
    SmtpRelay,
}

/// How TLS begins on a connection. There is no mode without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsMode {
    /// TLS from the first byte on a port of its own (RFC 8314 §3).
    Implicit,
    /// TLS after a plaintext command: `STARTTLS`, in POP3 `STLS`. It is required, never
    /// opportunistic.
    StartTls,
}

/// What the client has to do first once TLS stands, by protocol and mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AfterTls {
    /// Read the server's greeting; nothing may be sent before it. Implicit TLS, all services
    /// (RFC 8314 §3.1 to §3.3). A POP3 session is then in the AUTHORIZATION state whatever
    /// certificate the client has shown.
    ReadGreeting,
    /// Send `CAPABILITY`: nothing that the server said before TLS counts (RFC 9051 §6.2.1).
    SendCapability,
    /// Send `CAPA`: nothing that the server said before TLS counts (RFC 2595 §4).
    SendCapa,
    /// Send `EHLO`: nothing that the server said before TLS counts (RFC 3207 §4.2).
    SendEhlo,
    /// Send `LHLO`, as `EHLO` for LMTP (RFC 2033 §4.1, RFC 3207 §4.2).
    SendLhlo,
    /// Read the capabilities, which the server sends unasked (RFC 5804 §2.2).
    ReadCapabilities,
}

/// What the server has to do first once TLS stands, by protocol and mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerAfterTls {
    /// Send the greeting (RFC 8314 §3.1 to §3.3).
    SendGreeting,
    /// Wait for the client's next command, and know nothing of what it said before TLS
    /// (RFC 3207 §4.2, RFC 2595 §4, RFC 9051 §6.2.1).
    AwaitCommand,
    /// Send the capabilities unasked, without `STARTTLS` (RFC 5804 §2.2).
    SendCapabilities,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 6] = [
        Self::Imap,
        Self::Pop3,
        Self::Submission,
        Self::ManageSieve,
        Self::Lmtp,
        Self::SmtpRelay,
    ];

    /// The registered port, where there is one (RFC 8314 §3 and §7, RFC 5804 §1.8).
    ///
    /// ManageSieve and LMTP have no port for implicit TLS, and RFC 8314 §3.3 gives relaying none.
    pub fn default_port(self, mode: TlsMode) -> Option<u16> {
        match (self, mode) {
            (Self::Imap, TlsMode::Implicit) => Some(993),
            (Self::Imap, TlsMode::StartTls) => Some(143),
            (Self::Pop3, TlsMode::Implicit) => Some(995),
            (Self::Pop3, TlsMode::StartTls) => Some(110),
            (Self::Submission, TlsMode::Implicit) => Some(465),
            (Self::Submission, TlsMode::StartTls) => Some(587),
            (Self::ManageSieve, TlsMode::StartTls) => Some(4190),
            (Self::SmtpRelay, TlsMode::StartTls) => Some(25),
            (Self::ManageSieve | Self::SmtpRelay, TlsMode::Implicit) | (Self::Lmtp, _) => None,
        }
    }

    /// The label of the service in SRV records and SRV-IDs, without the underscore
    /// (RFC 6186 §3, RFC 8314 §5.1, RFC 5804 §1.8, RFC 7817 §3).
    pub fn srv_label(self, mode: TlsMode) -> Option<&'static str> {
        match (self, mode) {
            (Self::Imap, TlsMode::Implicit) => Some("imaps"),
            (Self::Imap, TlsMode::StartTls) => Some("imap"),
            (Self::Pop3, TlsMode::Implicit) => Some("pop3s"),
            (Self::Pop3, TlsMode::StartTls) => Some("pop3"),
            (Self::Submission, TlsMode::Implicit) => Some("submissions"),
            (Self::Submission, TlsMode::StartTls) => Some("submission"),
            (Self::ManageSieve, TlsMode::StartTls) => Some("sieve"),
            (Self::ManageSieve, TlsMode::Implicit) | (Self::Lmtp | Self::SmtpRelay, _) => None,
        }
    }

    /// The ALPN protocol identifier, where one is registered with IANA: `imap`, `pop3`,
    /// `managesieve`. None is registered for SMTP and LMTP.
    pub fn alpn_id(self) -> Option<&'static str> {
        match self {
            Self::Imap => Some("imap"),
            Self::Pop3 => Some("pop3"),
            Self::ManageSieve => Some("managesieve"),
            Self::Submission | Self::Lmtp | Self::SmtpRelay => None,
        }
    }

    /// What the client has to do first once TLS stands.
    pub fn after_tls(self, mode: TlsMode) -> AfterTls {
        match (mode, self) {
            (TlsMode::Implicit, _) => AfterTls::ReadGreeting,
            (TlsMode::StartTls, Self::Imap) => AfterTls::SendCapability,
            (TlsMode::StartTls, Self::Pop3) => AfterTls::SendCapa,
            (TlsMode::StartTls, Self::Submission | Self::SmtpRelay) => AfterTls::SendEhlo,
            (TlsMode::StartTls, Self::Lmtp) => AfterTls::SendLhlo,
            (TlsMode::StartTls, Self::ManageSieve) => AfterTls::ReadCapabilities,
        }
    }

    /// What the server has to do first once TLS stands.
    pub fn server_after_tls(self, mode: TlsMode) -> ServerAfterTls {
        match (mode, self) {
            (TlsMode::Implicit, _) => ServerAfterTls::SendGreeting,
            (TlsMode::StartTls, Self::ManageSieve) => ServerAfterTls::SendCapabilities,
            (
                TlsMode::StartTls,
                Self::Imap | Self::Pop3 | Self::Submission | Self::Lmtp | Self::SmtpRelay,
            ) => ServerAfterTls::AwaitCommand,
        }
    }

    /// The service that speaks first with this line when it speaks plain text, and the port where
    /// implicit TLS would have been found.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Imap => "IMAP",
            Self::Pop3 => "POP3",
            Self::Submission => "submission",
            Self::ManageSieve => "ManageSieve",
            Self::Lmtp => "LMTP",
            Self::SmtpRelay => "SMTP",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Implicit => "implicit TLS",
            Self::StartTls => "STARTTLS",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODES: [TlsMode; 2] = [TlsMode::Implicit, TlsMode::StartTls];

    /// Ports and labels with their source; every other pair of service and mode has none.
    #[test]
    fn ports_and_labels() {
        let rows = [
            (Service::Imap, TlsMode::Implicit, 993, Some("imaps")), // RFC 8314 §3.2, RFC 6186 §3.2
            (Service::Imap, TlsMode::StartTls, 143, Some("imap")),  // RFC 9051 §2.1
            (Service::Pop3, TlsMode::Implicit, 995, Some("pop3s")), // RFC 8314 §3.1
            (Service::Pop3, TlsMode::StartTls, 110, Some("pop3")),  // RFC 1939 §3
            (
                Service::Submission,
                TlsMode::Implicit,
                465,
                Some("submissions"),
            ), // RFC 8314 §7.3
            (
                Service::Submission,
                TlsMode::StartTls,
                587,
                Some("submission"),
            ), // RFC 6409 §3.1
            (Service::ManageSieve, TlsMode::StartTls, 4190, Some("sieve")), // RFC 5804 §1.8
            (Service::SmtpRelay, TlsMode::StartTls, 25, None),      // RFC 5321 §4.5.4.2
        ];
        for service in Service::ALL {
            for mode in MODES {
                let row = rows.iter().find(|r| (r.0, r.1) == (service, mode));
                assert_eq!(
                    service.default_port(mode),
                    row.map(|r| r.2),
                    "{service} {mode}"
                );
                assert_eq!(
                    service.srv_label(mode),
                    row.and_then(|r| r.3),
                    "{service} {mode}"
                );
            }
        }
    }

    /// RFC 8314 §3.1 to §3.3: on every port for implicit TLS the server greets first.
    #[test]
    fn implicit_tls_begins_with_the_greeting() {
        for service in Service::ALL {
            assert_eq!(service.after_tls(TlsMode::Implicit), AfterTls::ReadGreeting);
            let server = service.server_after_tls(TlsMode::Implicit);
            assert_eq!(server, ServerAfterTls::SendGreeting);
        }
    }

    #[test]
    fn after_starttls_everything_is_asked_again() {
        let rows = [
            (Service::Imap, AfterTls::SendCapability), // RFC 9051 §6.2.1
            (Service::Pop3, AfterTls::SendCapa),       // RFC 2595 §4
            (Service::Submission, AfterTls::SendEhlo), // RFC 3207 §4.2
            (Service::SmtpRelay, AfterTls::SendEhlo),  // RFC 3207 §4.2
            (Service::Lmtp, AfterTls::SendLhlo),       // RFC 2033 §4.1
            (Service::ManageSieve, AfterTls::ReadCapabilities), // RFC 5804 §2.2
        ];
        for (service, after) in rows {
            assert_eq!(service.after_tls(TlsMode::StartTls), after);
        }
        assert_eq!(rows.len(), Service::ALL.len());
    }

    /// IANA, TLS ALPN Protocol IDs.
    #[test]
    fn registered_alpn_ids() {
        let ids = Service::ALL.map(Service::alpn_id);
        assert_eq!(
            ids,
            [
                Some("imap"),
                Some("pop3"),
                None,
                Some("managesieve"),
                None,
                None
            ]
        );
    }
}
