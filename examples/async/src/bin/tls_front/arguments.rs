//! What the command line says.

use std::collections::HashMap;
use std::fs;
use std::net::SocketAddr;

use mail_tls::client_identity::IdentityMapping;
use mail_tls::{
    Account, Certificates, CertifiedChain, Client, Endpoint, Host, Provenance, Server, Service,
    TlsMode, TrustAnchors,
};

use crate::{Front, Outcome};

const USAGE: &str = "usage: tls_front server|client imap|pop3|submission|sieve --listen ADDRESS \
                     --to PLACE [--chain FILE --key FILE [--clients FILE]] \
                     [--starttls] [--port PORT] [--ca FILE]";

/// What to do, and where to listen.
pub(crate) fn read() -> Outcome<(Front, SocketAddr)> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next();
    let (side, service) = (next().ok_or(USAGE)?, next().ok_or(USAGE)?);
    let service = match service.as_str() {
        "imap" => Service::Imap,
        "pop3" => Service::Pop3,
        "submission" => Service::Submission,
        "sieve" => Service::ManageSieve,
        _ => return Err(USAGE.into()),
    };
    let mut given = HashMap::new();
    while let Some(option) = next() {
        let value = match option.as_str() {
            "--starttls" => String::new(),
            "--listen" | "--to" | "--chain" | "--key" | "--clients" | "--port" | "--ca" => {
                next().ok_or(USAGE)?
            }
            _ => return Err(USAGE.into()),
        };
        given.insert(option, value);
    }
    let word = |option: &str| {
        given
            .get(option)
            .ok_or_else(|| format!("{option} is missing; {USAGE}"))
    };
    let file = |option: &str| fs::read(word(option)?).map_err(|error| format!("{option}: {error}"));
    let listen: SocketAddr = word("--listen")?.parse()?;
    if side == "server" {
        let chain = CertifiedChain::from_pem(&file("--chain")?, &file("--key")?)?;
        let builder = Server::builder().build()?;
        let mut builder = builder.acceptor(service, TlsMode::Implicit, Certificates::new(chain));
        if given.contains_key("--clients") {
            let anchors = TrustAnchors::from_pem(&file("--clients")?)?;
            // Who it is matters to the log alone: the server behind asks for a password.
            let mapping = IdentityMapping::mailbox().or(IdentityMapping::key());
            builder = builder.require_client_certificates(anchors, mapping);
        }
        let (acceptor, to) = (builder.build()?, word("--to")?.parse()?);
        return Ok((Front::Server { acceptor, to }, listen));
    }
    // Whoever may connect here is given cleartext: this machine alone.
    if !listen.ip().is_loopback() || side != "client" {
        return Err(
            format!("a front for a client listens on 127.0.0.1 or ::1 alone; {USAGE}").into(),
        );
    }
    let mode = match given.contains_key("--starttls") {
        true => TlsMode::StartTls,
        false => TlsMode::Implicit,
    };
    let port = match given.get("--port") {
        Some(port) => port.parse()?,
        None => service.default_port(mode).ok_or("--port is missing")?,
    };
    let host = Host::parse(word("--to")?)?;
    let endpoint = Endpoint::new(service, mode, host, port, Provenance::Typed);
    let mut builder = Client::builder();
    if given.contains_key("--ca") {
        builder = builder.trust_anchors(TrustAnchors::from_pem(&file("--ca")?)?);
    }
    let connector = builder
        .build()?
        .connector(&Account::configured(), endpoint)?;
    Ok((Front::Client { connector }, listen))
}
