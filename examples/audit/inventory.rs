//! The lines of an inventory file.

use mail_tls::audit::{Inventory, Listener, MailDomain, ServerChain, TlsVersion};
use mail_tls::discovery::Transport;
use mail_tls::{HostName, Service, TlsMode};

use crate::facts::{Outcome, chain};

/// The inventory is that of the last audit.
#[derive(Clone, Copy)]
pub(crate) struct Previous(pub(crate) bool);

/// Adds what the lines say; the domains come back.
pub(crate) fn add_lines(
    inventory: &mut Inventory,
    text: &str,
    previous: Previous,
) -> Outcome<Vec<HostName>> {
    let mut domains = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let at_line = |problem| format!("line {} of the inventory: {problem}", index + 1);
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), previous) {
            (["domain", ..], Previous(true)) => {}
            (["domain", name, options @ ..], _) => {
                let domain = domain(name, options).map_err(at_line)?;
                domains.push(domain.name().clone());
                inventory.add_domain(domain)?;
            }
            (["server", service, host, port, options @ ..], _) => {
                let listener = server(line, [service, host, port], options).map_err(at_line)?;
                match previous {
                    Previous(true) => inventory.add_previous(listener)?,
                    Previous(false) => inventory.add_listener(listener)?,
                }
            }
            _ => {
                let wanted = "\"domain NAME\" or \"server SERVICE HOST PORT\" has to stand there";
                return Err(at_line(wanted.into()).into());
            }
        }
    }
    Ok(domains)
}

fn domain(name: &str, options: &[&str]) -> Result<MailDomain, Box<dyn std::error::Error>> {
    let domain = MailDomain::new(HostName::parse(name)?);
    match options {
        [] => Ok(domain),
        ["signed-parent"] => Ok(domain.with_signed_parent(true)),
        ["unsigned-parent"] => Ok(domain.with_signed_parent(false)),
        _ => Err("behind a domain stands signed-parent, unsigned-parent or nothing".into()),
    }
}

fn server(line: &str, [service, host, port]: [&str; 3], options: &[&str]) -> Outcome<Listener> {
    let (service, mode) = service_named(service)?;
    let host = HostName::parse(host)?;
    let port: u16 = port
        .parse()
        .map_err(|_| format!("{port} is not a port number"))?;
    let transport = match (mode, options.contains(&"cleartext")) {
        (_, true) => Transport::Cleartext,
        (TlsMode::Implicit, false) => Transport::Implicit,
        (_, false) => Transport::StartTls,
    };
    let mut listener = Listener::new(service, transport, host, port);
    for option in options {
        listener = match option.split_once('=') {
            Some(("chain", file)) => listener.with_chain(ServerChain::new(file, chain(file)?)),
            Some(("sni", value)) => {
                let (name, file) = value.split_once(':').ok_or("write sni=NAME:FILE")?;
                let shown = ServerChain::new(file, chain(file)?);
                listener.with_chain(shown.for_name(HostName::parse(name)?))
            }
            Some(("tls", list)) => {
                let versions: Result<Vec<_>, _> = list.split(',').map(version).collect();
                listener.with_versions(versions?)
            }
            Some(("domains", list)) => {
                let names: Result<Vec<_>, _> = list.split(',').map(HostName::parse).collect();
                listener.for_domains(names?)
            }
            // The rest of the line, blanks included.
            Some(("says", _)) => {
                let (_, list) = line.split_once("says=").unwrap_or_default();
                return Ok(listener.with_capabilities(list.split(',').map(str::trim)));
            }
            None if *option == "cleartext" => listener,
            Some(_) | None => return Err(format!("there is no option {option}").into()),
        };
    }
    Ok(listener)
}

fn service_named(name: &str) -> Outcome<(Service, TlsMode)> {
    let all = Service::ALL.into_iter().flat_map(|service| {
        [TlsMode::Implicit, TlsMode::StartTls].map(move |mode| (service, mode))
    });
    let mut found = all.filter(|(service, mode)| service.srv_label(*mode) == Some(name));
    let unknown = || {
        format!("{name} is none of imaps, imap, pop3s, pop3, submissions, submission, sieve").into()
    };
    found.next().ok_or_else(unknown)
}

fn version(text: &str) -> Outcome<TlsVersion> {
    match text {
        "ssl2" => Ok(TlsVersion::Ssl2),
        "ssl3" => Ok(TlsVersion::Ssl3),
        "1.0" => Ok(TlsVersion::Tls10),
        "1.1" => Ok(TlsVersion::Tls11),
        "1.2" => Ok(TlsVersion::Tls12),
        "1.3" => Ok(TlsVersion::Tls13),
        _ => Err(format!("{text} is no version of TLS: write 1.0 to 1.3, ssl2 or ssl3").into()),
    }
}
