//! The command line: nothing, or a server to talk to.

use std::fs;

use mail_tls::{Endpoint, Host, Provenance, Service, TlsMode, TrustAnchors};

use crate::Outcome;

pub(crate) const USAGE: &str =
    "usage: quickstart [--ca FILE] [imaps|pop3s|submissions://host[:port]]";

pub(crate) enum Task {
    Demonstrate,
    Connect {
        endpoint: Endpoint,
        ca: Option<TrustAnchors>,
    },
}

pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Task> {
    let (mut ca, mut url) = (None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--ca" => {
                let file = arguments
                    .next()
                    .ok_or("--ca needs the name of a PEM file")?;
                let pem =
                    fs::read(&file).map_err(|error| format!("cannot read {file}: {error}"))?;
                let anchors = TrustAnchors::from_pem(&pem);
                ca = Some(anchors.map_err(|error| format!("{file}: {error}"))?);
            }
            option if option.starts_with('-') => {
                return Err(format!("there is no option {option}").into());
            }
            _ if url.is_some() => return Err("give one URL only".into()),
            _ => url = Some(argument),
        }
    }
    match url {
        Some(url) => Ok(Task::Connect {
            endpoint: endpoint(&url)?,
            ca,
        }),
        None if ca.is_some() => Err("--ca needs a URL to connect to".into()),
        None => Ok(Task::Demonstrate),
    }
}

/// `imaps://host[:port]`, with the host perhaps an IPv6 address in brackets.
pub(crate) fn endpoint(url: &str) -> Outcome<Endpoint> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| format!("\"{url}\" is not a URL such as imaps://host"))?;
    let service = match scheme.to_ascii_lowercase().as_str() {
        "imaps" => Service::Imap,
        "pop3s" => Service::Pop3,
        "submissions" | "smtps" => Service::Submission,
        other => return Err(format!("\"{other}\" is none of imaps, pop3s, submissions").into()),
    };
    let rest = rest.trim_end_matches('/');
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
        return Err(format!("write the IPv6 address in brackets, as in {scheme}://[::1]").into());
    }
    let port = match port {
        Some(port) => port
            .parse()
            .map_err(|_| format!("\"{port}\" is not a port number"))?,
        None => service
            .default_port(TlsMode::Implicit)
            .ok_or("name the port")?,
    };
    Ok(Endpoint::new(
        service,
        TlsMode::Implicit,
        Host::parse(host)?,
        port,
        Provenance::Typed,
    ))
}
