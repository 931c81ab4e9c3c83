//! The SRV records to publish (RFC 8314 §4.5.2, RFC 6186 §3.4).

use std::fmt;

use super::inventory::{Inventory, labels};
use crate::name::HostName;
use crate::service::{Service, TlsMode};

/// One SRV record to publish. `Display` writes its line for a zone file (RFC 2782).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedSrv {
    /// The owner name, without a dot at its end: `_imaps._tcp.example.org`.
    pub owner: String,
    /// The priority: the lower, the more preferred.
    pub priority: u16,
    /// The port; 0 where there is no target.
    pub port: u16,
    /// The server; `None` says that the service is not available so.
    pub target: Option<HostName>,
}

/// The SRV records that advertise the servers of a domain: implicit TLS before STARTTLS
/// (RFC 8314 §4.5.2), IMAP before POP3 (RFC 6186 §3.4), and a denial for the mode that a service is
/// not offered in. Servers without TLS are not advertised.
///
/// ```
/// use mail_tls::audit::{Inventory, Listener, MailDomain, srv_plan};
/// use mail_tls::discovery::Transport;
/// use mail_tls::{HostName, Service};
///
/// let domain = HostName::parse("example.org")?;
/// let mut inventory = Inventory::default();
/// inventory.add_domain(MailDomain::new(domain.clone()))?;
/// let host = HostName::parse("mail.example.org")?;
/// inventory.add_listener(Listener::new(Service::Imap, Transport::Implicit, host, 993))?;
/// let records: Vec<_> = srv_plan(&inventory, &domain).iter().map(ToString::to_string).collect();
/// assert_eq!(records, [
///     "_imaps._tcp.example.org. IN SRV 0 1 993 mail.example.org.",
///     "_imap._tcp.example.org. IN SRV 0 0 0 .",
/// ]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn srv_plan(inventory: &Inventory, domain: &HostName) -> Vec<PlannedSrv> {
    let serves = |service, mode| {
        inventory.listeners.iter().filter(move |listener| {
            let mut served = inventory.domains_of(listener);
            listener.service == service
                && listener.mode() == Some(mode)
                && served.any(|one| one.name == *domain)
        })
    };
    let mut records = Vec::new();
    for (service, mode) in labels() {
        let is_offered = [TlsMode::Implicit, TlsMode::StartTls]
            .into_iter()
            .any(|mode| serves(service, mode).next().is_some());
        let Some(label) = service.srv_label(mode).filter(|_| is_offered) else {
            continue;
        };
        let owner = format!("_{label}._tcp.{domain}");
        let first = records.len();
        records.extend(serves(service, mode).map(|listener| PlannedSrv {
            owner: owner.clone(),
            priority: priority(service, mode),
            port: listener.port,
            target: Some(listener.host.clone()),
        }));
        if records.len() == first {
            records.push(PlannedSrv {
                owner,
                priority: 0,
                port: 0,
                target: None,
            });
        }
    }
    records
}

const fn priority(service: Service, mode: TlsMode) -> u16 {
    let preference: u16 = match service {
        Service::Pop3 => 20,
        Service::Imap
        | Service::Submission
        | Service::ManageSieve
        | Service::Lmtp
        | Service::SmtpRelay => 0,
    };
    match mode {
        TlsMode::Implicit => preference,
        TlsMode::StartTls => preference.saturating_add(10),
    }
}

impl fmt::Display for PlannedSrv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            owner,
            priority,
            port,
            target,
        } = self;
        match target {
            Some(target) => write!(f, "{owner}. IN SRV {priority} 1 {port} {target}."),
            None => write!(f, "{owner}. IN SRV {priority} 0 {port} ."),
        }
    }
}
