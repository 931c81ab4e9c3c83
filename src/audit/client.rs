//! The kinds of clients that a rehearsal tries.

use std::fmt;

use crate::discovery::Transport;
use crate::name::HostName;
use crate::service::Service;

/// A client, by how it has come to a server and what it expects there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MailClient {
    /// Its user typed the host (RFC 7817 §3).
    #[non_exhaustive]
    Typed {
        /// The service.
        service: Service,
        /// How it begins.
        transport: Transport,
        /// The host.
        host: HostName,
        /// The port.
        port: u16,
    },
    /// It came through SRV records (RFC 6186).
    #[non_exhaustive]
    Srv {
        /// The service.
        service: Service,
        /// How it begins.
        transport: Transport,
        /// The mail domain.
        domain: HostName,
        /// The records were signed, so that the host counts as well (RFC 7673 §4.1).
        is_secure: bool,
    },
    /// It applies the server's TLSA records (RFC 7673).
    #[non_exhaustive]
    Dane {
        /// The service.
        service: Service,
        /// The host.
        host: HostName,
        /// The port.
        port: u16,
    },
}

impl fmt::Display for MailClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Typed {
                service,
                host,
                port,
                ..
            } => write!(f, "the {service} client of a user who typed {host}:{port}"),
            Self::Srv {
                service,
                domain,
                is_secure,
                ..
            } => {
                let signed = if *is_secure { "signed" } else { "unsigned" };
                write!(
                    f,
                    "the {service} client led by the {signed} SRV records of {domain}"
                )
            }
            Self::Dane {
                service,
                host,
                port,
            } => write!(
                f,
                "the {service} client that applies the TLSA records of {host}:{port}"
            ),
        }
    }
}
