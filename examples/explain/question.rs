//! What is asked, from the command line.

use std::time::{Duration, SystemTime};

use mail_tls::dane::{Dane, DanePolicy, TlsaLookup, TlsaName, TlsaRecord};
use mail_tls::identity::ReferenceIds;
use mail_tls::{
    EmailAddress, Endpoint, Host, Provenance, RevocationLists, Service, TlsMode, TrustAnchors,
};
use pki_types::CertificateDer;

use crate::facts::{Outcome, chain, date, read, unix};

const USAGE: &str = "usage: explain [--ca FILE] --host HOST [--email ADDRESS]
       [--service imaps|imap|pop3s|pop3|submissions|submission|sieve] [--port PORT]
       [--srv insecure|secure|confirmed] [--tlsa 'U S M HEX']... [--crl FILE] [--at DATE]
       CHAIN.pem | --connect";
/// How long TLSA records count that somebody has typed.
const TLSA_TIME: Duration = Duration::from_secs(3600);

/// What was asked.
pub(crate) struct Question {
    pub(crate) endpoint: Endpoint,
    pub(crate) email: Option<EmailAddress>,
    pub(crate) references: ReferenceIds,
    pub(crate) anchors: Option<TrustAnchors>,
    pub(crate) lists: Option<RevocationLists>,
    pub(crate) dane: Option<Dane>,
    pub(crate) now: SystemTime,
    /// `None` to connect.
    pub(crate) chain: Option<Vec<CertificateDer<'static>>>,
}

impl Question {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let (mut anchors, mut lists, mut host, mut email) = (None, None, None, None);
        let (mut service, mut port, mut at) = ((Service::Imap, TlsMode::Implicit), None, None);
        let (mut provenance, mut records) = (Provenance::Typed, Vec::new());
        let (mut file, mut connects) = (None, false);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--ca" => anchors = Some(TrustAnchors::from_pem(&read(&value()?)?)?),
                "--crl" => lists = Some(RevocationLists::from_pem(&read(&value()?)?)?),
                "--host" => host = Some(Host::parse(&value()?)?),
                "--email" => email = Some(EmailAddress::parse(&value()?)?),
                "--service" => service = service_named(&value()?)?,
                "--port" => port = Some(value()?.parse::<u16>().map_err(|_| "no such port")?),
                "--srv" => provenance = provenance_named(&value()?)?,
                "--tlsa" => records.push(TlsaRecord::parse(&value()?)?),
                "--at" => at = Some(date(&value()?)?),
                "--connect" => connects = true,
                option if option.starts_with('-') => {
                    return Err(format!("there is no option {option}\n{USAGE}").into());
                }
                _ if file.is_some() => return Err(format!("give one chain only\n{USAGE}").into()),
                _ => file = Some(argument),
            }
        }
        let host = host.ok_or_else(|| format!("--host is missing\n{USAGE}"))?;
        if connects == file.is_some() {
            return Err(format!("give either a chain or --connect\n{USAGE}").into());
        }
        let (service, mode) = service;
        let port = port
            .or_else(|| service.default_port(mode))
            .ok_or("name the port")?;
        let now = at.unwrap_or_else(SystemTime::now);
        let endpoint = Endpoint::new(service, mode, host, port, provenance);
        let domain = email.as_ref().and_then(EmailAddress::domain);
        let references = endpoint.references(domain)?;
        let dane = if records.is_empty() {
            None
        } else {
            let name = TlsaName::of_endpoint(&endpoint)
                .ok_or("TLSA records are of a host name, not of an address")?;
            let lookup =
                TlsaLookup::validated_over_trusted_path(name, records, unix(now)?, TLSA_TIME)?;
            Some(DanePolicy::default().decide(&lookup)?)
        };
        Ok(Self {
            endpoint,
            email,
            references,
            anchors,
            lists,
            dane,
            now,
            chain: match file {
                Some(file) => Some(chain(&file)?),
                None => None,
            },
        })
    }
}

fn service_named(name: &str) -> Outcome<(Service, TlsMode)> {
    let all = [
        ("imaps", Service::Imap, TlsMode::Implicit),
        ("imap", Service::Imap, TlsMode::StartTls),
        ("pop3s", Service::Pop3, TlsMode::Implicit),
        ("pop3", Service::Pop3, TlsMode::StartTls),
        ("submissions", Service::Submission, TlsMode::Implicit),
        ("submission", Service::Submission, TlsMode::StartTls),
        ("sieve", Service::ManageSieve, TlsMode::StartTls),
    ];
    let found = all.iter().find(|(own, _, _)| *own == name);
    let (_, service, mode) = found.ok_or_else(|| format!("there is no service {name}\n{USAGE}"))?;
    Ok((*service, *mode))
}

fn provenance_named(name: &str) -> Outcome<Provenance> {
    match name {
        "insecure" => Ok(Provenance::SrvInsecure),
        "secure" => Ok(Provenance::SrvSecure),
        "confirmed" => Ok(Provenance::Confirmed),
        other => Err(format!("--srv is insecure, secure or confirmed, not {other}").into()),
    }
}
