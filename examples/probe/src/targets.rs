//! Which servers there are to look at.

use std::net::{IpAddr, SocketAddr};

use mail_tls::audit::{Inventory, InventoryFull, MailDomain};
use mail_tls::discovery::Question;
use mail_tls::{HostName, Service, TlsMode};

use crate::names::Names;
use crate::options::{LABELS, Options, Subject, Wanted};

/// No site has more servers that one call should look at.
const MOST: usize = 64;

/// A port to look at.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) service: Service,
    pub(crate) mode: TlsMode,
    pub(crate) host: HostName,
    pub(crate) port: u16,
    /// SRV records name it, or somebody has asked for it: something is wrong if it is not there.
    pub(crate) is_expected: bool,
    pub(crate) addresses: Vec<SocketAddr>,
}

/// The mail domains that were named.
pub(crate) fn domains(options: &Options) -> Vec<HostName> {
    let own = match &options.subject {
        Subject::Domain(domain) => Some(domain.clone()),
        Subject::Host(_) => None,
    };
    own.into_iter().chain(options.domains.clone()).collect()
}

pub(crate) fn inventory_of(domains: &[HostName]) -> Result<Inventory, InventoryFull> {
    let mut inventory = Inventory::default();
    for domain in domains {
        inventory.add_domain(MailDomain::new(domain.clone()))?;
    }
    Ok(inventory)
}

/// What the records of the domains name, and what else its hosts may offer; or what was asked for.
pub(crate) fn targets(options: &Options, domains: &[HostName], names: &Names) -> Vec<Target> {
    let all: Vec<Wanted> = match options.services.is_empty() {
        true => LABELS.into_iter().filter_map(Wanted::by_label).collect(),
        false => options.services.clone(),
    };
    let is_wanted = |service, mode| {
        all.iter()
            .any(|wanted| (wanted.service, wanted.mode) == (service, mode))
    };
    let mut targets: Vec<Target> = Vec::new();
    let mut add = |target: Target| {
        let is_same = |one: &Target| {
            (&one.host, one.port) == (&target.host, target.port)
                && (!target.is_expected || (one.service, one.mode) == (target.service, target.mode))
        };
        if targets.len() < MOST && !targets.iter().any(is_same) {
            targets.push(target);
        }
    };
    let target = |wanted: &Wanted, host: &HostName, port, is_expected| Target {
        service: wanted.service,
        mode: wanted.mode,
        host: host.clone(),
        port,
        is_expected,
        addresses: Vec::new(),
    };

    let advertised: Vec<(Wanted, HostName, u16)> = domains
        .iter()
        .flat_map(|domain| advertised(domain, names))
        .collect();
    for (label, host, port) in &advertised {
        if is_wanted(label.service, label.mode) {
            add(target(label, host, *port, true));
        }
    }
    let mut hosts: Vec<&HostName> = advertised.iter().map(|(_, host, _)| host).collect();
    if let Subject::Host(host) = &options.subject {
        hosts.insert(0, host);
    }
    let is_asked = !options.services.is_empty();
    for host in hosts {
        for wanted in &all {
            // Of a service that its records name elsewhere nothing more is asked.
            let is_own = matches!(&options.subject, Subject::Host(own) if own == host);
            add(target(wanted, host, wanted.port, is_asked && is_own));
        }
    }
    for target in &mut targets {
        let mut found = match options.addresses.is_empty() {
            true => names.addresses(&target.host),
            false => options.addresses.clone(),
        };
        found.retain(|address: &IpAddr| match address {
            IpAddr::V4(_) => !options.ipv6,
            IpAddr::V6(_) => !options.ipv4,
        });
        let sockets = found.into_iter().map(|ip| SocketAddr::new(ip, target.port));
        target.addresses = sockets.collect();
    }
    targets
}

fn advertised(domain: &HostName, names: &Names) -> Vec<(Wanted, HostName, u16)> {
    let labels = LABELS.into_iter().filter_map(Wanted::by_label);
    let of_label = |wanted: Wanted| {
        let question = Question::srv(wanted.service, wanted.mode, domain)?;
        let (_, records) = names.answers.get(&question)?.as_srv()?;
        let servers = records
            .iter()
            .filter_map(|one| Some((wanted, one.host()?.clone(), one.port())));
        Some(servers.collect::<Vec<_>>())
    };
    labels.filter_map(of_label).flatten().collect()
}
