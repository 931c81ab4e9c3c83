//! The names that a certificate request needs (RFC 7817 §5).

use std::fmt::{self, Write};

use super::inventory::{Inventory, Listener};
use crate::discovery::Transport;
use crate::name::HostName;

/// X.520's upper bound for a common name (RFC 5280 appendix A.1).
const COMMON_NAME: usize = 64;

/// The names that a certificate request needs. `Display` writes one a line, with its clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanPlan {
    names: Vec<PlannedName>,
}

/// A name, and why it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlannedName {
    /// The name.
    pub name: RequestedName,
    /// How much it is needed.
    pub necessity: Necessity,
    /// The clause that asks for it.
    pub clause: &'static str,
}

/// A name by its type; internationalised ones are A-labels (RFC 5280 §7.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RequestedName {
    /// A DNS-ID: a dNSName.
    Dns(HostName),
    /// An SRV-ID (RFC 4985).
    #[non_exhaustive]
    Srv {
        /// The service, without its underscore.
        service: &'static str,
        /// The domain.
        domain: HostName,
    },
    /// A CN-ID: the subject's common name, of which there can be one.
    CommonName(HostName),
}

/// How much a name is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Necessity {
    /// MUST.
    Must,
    /// SHOULD.
    Should,
}

/// The names that a request needs for one certificate that all servers of an inventory share:
///
/// * a DNS-ID for each host (MUST) and for each mail domain (SHOULD),
/// * an SRV-ID for each service that is discoverable by SRV records (MUST): where the SRV question
///   of the [inventory](Inventory::questions) was not answered, it counts as discoverable,
/// * a CN-ID for one host (SHOULD), for old clients; the DNS-ID beside it is what counts
///   (RFC 9525 §2).
///
/// A wildcard may stand in for DNS-IDs (MAY), which is not proposed. For separate certificates give
/// separate inventories.
///
/// ```
/// use mail_tls::audit::{Inventory, Listener, MailDomain, san_plan};
/// use mail_tls::discovery::Transport;
/// use mail_tls::{HostName, Service};
///
/// let mut inventory = Inventory::default();
/// inventory.add_domain(MailDomain::new(HostName::parse("example.net")?))?;
/// let host = HostName::parse("mail.example.net")?;
/// inventory.add_listener(Listener::new(Service::Imap, Transport::Implicit, host, 993))?;
/// let names: Vec<_> = san_plan(&inventory).names().iter().map(|n| n.name.to_string()).collect();
/// assert_eq!(names, ["mail.example.net", "example.net", "_imaps.example.net", "CN=mail.example.net"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn san_plan(inventory: &Inventory) -> SanPlan {
    let with_tls = || {
        let listeners = inventory.listeners.iter();
        listeners.filter(|listener| listener.transport != Transport::Cleartext)
    };
    let mut names = Vec::new();
    let mut add = |name, necessity, clause| {
        let planned = PlannedName {
            name,
            necessity,
            clause,
        };
        if !names
            .iter()
            .any(|known: &PlannedName| known.name == planned.name)
        {
            names.push(planned);
        }
    };
    for listener in with_tls() {
        let host = RequestedName::Dns(listener.host.clone());
        add(host, Necessity::Must, "RFC 7817 §5 (1)");
    }
    for domain in with_tls().flat_map(|listener| inventory.domains_of(listener)) {
        let domain = RequestedName::Dns(domain.name.clone());
        add(domain, Necessity::Should, "RFC 7817 §5 (1)");
    }
    for listener in with_tls() {
        for name in srv_ids(inventory, listener) {
            add(name, Necessity::Must, "RFC 7817 §5 (2)");
        }
    }
    let common_name = with_tls().find(|one| one.host.as_str().len() <= COMMON_NAME);
    if let Some(listener) = common_name {
        let name = RequestedName::CommonName(listener.host.clone());
        add(name, Necessity::Should, "RFC 7817 §5 (3)");
    }
    SanPlan { names }
}

fn srv_ids(inventory: &Inventory, listener: &Listener) -> Vec<RequestedName> {
    let Some(mode) = listener.mode() else {
        return Vec::new();
    };
    let Some(service) = listener.service.srv_label(mode) else {
        return Vec::new();
    };
    inventory
        .domains_of(listener)
        .filter(|domain| {
            let fact = inventory.srv(&domain.name, listener.service, mode);
            fact.is_none_or(|fact| {
                let records = fact.answer.as_srv();
                records.is_some_and(|(_, records)| {
                    records.iter().any(|record| record.host().is_some())
                })
            })
        })
        .map(|domain| RequestedName::Srv {
            service,
            domain: domain.name.clone(),
        })
        .collect()
}

impl SanPlan {
    /// The names: hosts, domains, services, the common name.
    #[must_use]
    pub fn names(&self) -> &[PlannedName] {
        &self.names
    }

    /// A configuration for `openssl req -new -config FILE -key KEY`, which puts the names into a
    /// certificate request: SRV-IDs as otherName of type id-on-dnsSRV, 1.3.6.1.5.5.7.8.7, with an
    /// IA5String (RFC 4985 §2).
    #[must_use]
    pub fn to_openssl_config(&self) -> String {
        let mut subject = String::new();
        let mut names = String::new();
        let (mut hosts, mut services) = (0_usize, 0_usize);
        for planned in &self.names {
            // Writing into a string does not fail.
            let _ = match &planned.name {
                RequestedName::Dns(name) => {
                    hosts = hosts.saturating_add(1);
                    writeln!(names, "DNS.{hosts} = {name}")
                }
                RequestedName::Srv { service, domain } => {
                    services = services.saturating_add(1);
                    writeln!(
                        names,
                        "otherName.{services} = 1.3.6.1.5.5.7.8.7;IA5STRING:_{service}.{domain}"
                    )
                }
                RequestedName::CommonName(name) => writeln!(subject, "CN = {name}"),
            };
        }
        if subject.is_empty() {
            // A request has a subject; authorities replace it.
            subject.push_str("O = Mail\n");
        }
        format!(
            "[req]\nprompt = no\ndistinguished_name = subject\nreq_extensions = extensions\n\n\
             [subject]\n{subject}\n[extensions]\nsubjectAltName = @names\n\n[names]\n{names}"
        )
    }
}

impl fmt::Display for SanPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for planned in &self.names {
            let PlannedName {
                name,
                necessity,
                clause,
            } = planned;
            writeln!(f, "{necessity:<6}  {name}  ({clause})")?;
        }
        Ok(())
    }
}

/// `example.org`, `_imaps.example.org`, `CN=mail.example.org`.
impl fmt::Display for RequestedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Srv { service, domain } => write!(f, "_{service}.{domain}"),
            Self::CommonName(name) => write!(f, "CN={name}"),
        }
    }
}

impl fmt::Display for Necessity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
        })
    }
}
