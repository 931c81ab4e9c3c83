//! The peer that speaks plain text on a port for TLS.

use std::fmt;

use crate::service::{Service, TlsMode};
use crate::text::UntrustedText;

/// A peer that spoke plain text where TLS was expected, and what that probably means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlaintextPeer {
    /// What its first line was recognised as.
    pub spoken: Spoken,
    /// The beginning of its first line, at most 120 characters, escaped. Of a client no more than a
    /// command that is known: anything else may be a name or a password, and is only counted.
    pub excerpt: UntrustedText,
    /// The service that was expected on the port.
    pub expected: Service,
    /// The port, where it is known (on the client's side).
    pub port: Option<u16>,
}

/// What the first line of a plaintext peer was recognised as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Spoken {
    /// `220 `: an SMTP server's greeting.
    SmtpGreeting,
    /// `421 `, `554 ` and other refusals by an SMTP server.
    SmtpRefusal,
    /// `* OK` or `* PREAUTH`: an IMAP server's greeting.
    ImapGreeting,
    /// `* BYE`: an IMAP server's refusal.
    ImapRefusal,
    /// `+OK`: a POP3 server's greeting.
    Pop3Greeting,
    /// `-ERR`: a POP3 server's refusal.
    Pop3Refusal,
    /// A ManageSieve server's capabilities.
    ManageSieveGreeting,
    /// `BYE`: a ManageSieve server's refusal.
    ManageSieveRefusal,
    /// `HTTP/`: a web server.
    HttpServer,
    /// `EHLO`, `HELO`, `LHLO`: an SMTP or LMTP client.
    SmtpClient,
    /// A tag and an IMAP command.
    ImapClient,
    /// `USER`, `CAPA`, `AUTH` and other commands of POP3.
    Pop3Client,
    /// `AUTHENTICATE`, `STARTTLS` and other commands of ManageSieve.
    ManageSieveClient,
    /// `GET`, `POST` and other requests: a web client.
    HttpClient,
    /// The ClientHello of SSL 2.0.
    Ssl2Client,
    /// `SSH-`.
    Ssh,
    /// Some other line of text.
    UnknownText,
}

impl Spoken {
    /// The service whose servers speak so in plain text.
    fn server_of(self) -> Option<Service> {
        match self {
            Self::SmtpGreeting | Self::SmtpRefusal => Some(Service::Submission),
            Self::ImapGreeting | Self::ImapRefusal => Some(Service::Imap),
            Self::Pop3Greeting | Self::Pop3Refusal => Some(Service::Pop3),
            Self::ManageSieveGreeting | Self::ManageSieveRefusal => Some(Service::ManageSieve),
            Self::HttpServer
            | Self::SmtpClient
            | Self::ImapClient
            | Self::Pop3Client
            | Self::ManageSieveClient
            | Self::HttpClient
            | Self::Ssl2Client
            | Self::Ssh
            | Self::UnknownText => None,
        }
    }

    /// Whether the peer refuses to serve at all, in whichever mode.
    pub fn is_refusal(self) -> bool {
        match self {
            Self::SmtpRefusal
            | Self::ImapRefusal
            | Self::Pop3Refusal
            | Self::ManageSieveRefusal => true,
            Self::SmtpGreeting
            | Self::ImapGreeting
            | Self::Pop3Greeting
            | Self::ManageSieveGreeting
            | Self::HttpServer
            | Self::SmtpClient
            | Self::ImapClient
            | Self::Pop3Client
            | Self::ManageSieveClient
            | Self::HttpClient
            | Self::Ssl2Client
            | Self::Ssh
            | Self::UnknownText => false,
        }
    }

    fn describe(self) -> &'static str {
        match self {
            Self::SmtpGreeting => "the greeting of an SMTP server",
            Self::SmtpRefusal => "the refusal of an SMTP server",
            Self::ImapGreeting => "the greeting of an IMAP server",
            Self::ImapRefusal => "the refusal of an IMAP server",
            Self::Pop3Greeting => "the greeting of a POP3 server",
            Self::Pop3Refusal => "the refusal of a POP3 server",
            Self::ManageSieveGreeting => "the greeting of a ManageSieve server",
            Self::ManageSieveRefusal => "the refusal of a ManageSieve server",
            Self::HttpServer => "the answer of a web server",
            Self::SmtpClient => "an SMTP command",
            Self::ImapClient => "an IMAP command",
            Self::Pop3Client => "a POP3 command",
            Self::ManageSieveClient => "a ManageSieve command",
            Self::HttpClient => "a web request",
            Self::Ssl2Client => "a ClientHello of SSL 2.0",
            Self::Ssh => "SSH",
            Self::UnknownText => "text",
        }
    }
}

impl PlaintextPeer {
    /// Whether a server of the service that was expected refuses to serve, for now or on this
    /// port. What a server of another service refuses says only that the port is wrong.
    pub fn is_refusal(&self) -> bool {
        self.spoken.is_refusal() && self.is_expected_service()
    }

    /// Whether a server of the service that was expected speaks, in plain text.
    pub(crate) fn is_expected_service(&self) -> bool {
        let server = self.spoken.server_of();
        server.is_some_and(|server| is_alike(server, self.expected))
    }

    /// The port on which TLS from the first byte is likely to be found, when the peer looks like
    /// a server of a mail service and was not reached on that very port.
    pub fn likely_port(&self) -> Option<u16> {
        if self.is_refusal() {
            return None;
        }
        // A greeting of SMTP on the port of another service is some SMTP server's: the port is
        // wrong as a whole, and the one of the service that was asked for is meant.
        let port = self.expected.default_port(TlsMode::Implicit)?;
        (self.spoken.server_of().is_some() && self.port.is_some() && self.port != Some(port))
            .then_some(port)
    }
}

impl fmt::Display for PlaintextPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            spoken,
            excerpt,
            expected,
            ..
        } = self;
        write!(
            f,
            "the peer did not begin with TLS but with {}",
            spoken.describe()
        )?;
        if *spoken != Spoken::Ssl2Client {
            write!(f, ": \"{excerpt}\"")?;
        }
        if self.is_refusal() {
            let is_registered = self
                .port
                .is_some_and(|port| expected.default_port(TlsMode::Implicit) == Some(port));
            // On a port for STARTTLS some complain of the ClientHello before they have greeted.
            return f.write_str(if is_registered {
                "; it refuses service on this port, try again later"
            } else {
                "; it refuses service for now, or does not expect TLS on this port"
            });
        }
        match (spoken.server_of(), self.likely_port()) {
            (Some(service), Some(port)) if is_alike(service, *expected) => {
                write!(
                    f,
                    "; this looks like the port for STARTTLS, implicit TLS is on port {port}"
                )
            }
            (Some(service), Some(port)) => write!(
                f,
                "; this is the port of {}, implicit TLS for {expected} is on port {port}",
                a_server(service)
            ),
            (Some(service), None) if is_alike(service, *expected) => {
                write!(
                    f,
                    "; the server is not set up for implicit TLS on this port"
                )
            }
            (Some(service), None) => write!(f, "; this is the port of {}", a_server(service)),
            (None, _) => match spoken {
                Spoken::HttpServer => {
                    write!(f, "; a web server or a captive portal answers on this port")
                }
                Spoken::SmtpClient
                | Spoken::ImapClient
                | Spoken::Pop3Client
                | Spoken::ManageSieveClient => write!(
                    f,
                    "; the client is probably set to STARTTLS or to no encryption, and has to be \
                     set to SSL/TLS for this port"
                ),
                Spoken::HttpClient => write!(f, "; a web client has found the mail server's port"),
                Spoken::Ssl2Client => write!(f, "; the client is too old, TLS 1.2 is required"),
                Spoken::Ssh => write!(f, "; the port belongs to SSH"),
                Spoken::SmtpGreeting
                | Spoken::SmtpRefusal
                | Spoken::ImapGreeting
                | Spoken::ImapRefusal
                | Spoken::Pop3Greeting
                | Spoken::Pop3Refusal
                | Spoken::ManageSieveGreeting
                | Spoken::ManageSieveRefusal
                | Spoken::UnknownText => write!(f, "; check the port and the encryption setting"),
            },
        }
    }
}

fn a_server(service: Service) -> String {
    let article = match service {
        Service::Imap | Service::Lmtp | Service::SmtpRelay => "an",
        Service::Pop3 | Service::Submission | Service::ManageSieve => "a",
    };
    format!("{article} {service} server")
}

/// SMTP in all its roles greets alike.
fn is_alike(spoken: Service, expected: Service) -> bool {
    let speaks_smtp = matches!(
        expected,
        Service::Submission | Service::Lmtp | Service::SmtpRelay
    );
    spoken == expected || (spoken == Service::Submission && speaks_smtp)
}
