//! Findings in plain words.

use std::fmt;

use super::finding::{Finding, Level, Problem, Subject};
use crate::service::TlsMode;
use crate::verify::dane::{Cut, TlsaNearMiss, TlsaSelector};
use crate::verify::{CheckFailure, Date, Span};

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject(), self.problem())
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain(domain) => domain.fmt(f),
            Self::Server {
                service,
                transport,
                host,
                port,
            } => write!(f, "{host}:{port} ({service} {transport})"),
            Self::Chain { label, host } => write!(f, "{label} on {host}"),
            Self::Records(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(failure) => write_failure(f, failure),
            Self::Expiring {
                position,
                not_after,
                left,
            } => {
                match position {
                    Some(0) => f.write_str("the certificate")?,
                    Some(n) => write!(f, "certificate {} of the chain", n.saturating_add(1))?,
                    None => f.write_str("a certificate of the path")?,
                }
                let (left, date) = (Span(*left), Date(*not_after));
                write!(f, " expires in {left}, on {date}: renew it now")
            }
            Self::WrongOrder { order } => {
                f.write_str(
                    "each certificate must be followed by that of its issuer: reorder the file to ",
                )?;
                write_positions(f, order)
            }
            Self::ExtraCertificates { positions } => {
                f.write_str("remove what does not belong to the path: ")?;
                write_positions(f, positions)
            }
            Self::RootSent { position } => write!(
                f,
                "certificate {} is a trusted root, which clients have already: leave it out",
                position.saturating_add(1)
            ),
            Self::MalformedName { kind, reason, name } => write!(
                f,
                "the {kind} \"{name}\" in the certificate matches nothing ({reason}): have the \
                 certificate issued again without it"
            ),
            Self::HostNotNamed { host } => write!(
                f,
                "the certificate does not name the server: have it issued with the DNS-ID {host}"
            ),
            Self::CommonNameOnly { host } => write!(
                f,
                "{host} stands in the common name alone, which clients ignore: have the \
                 certificate issued with the DNS-ID {host}"
            ),
            Self::WildcardOnly { host, parent } => write!(
                f,
                "only *.{parent} covers {host}, and whoever holds that key can pose as every \
                 host there: prefer a certificate with the DNS-ID {host}"
            ),
            Self::SourceDomainNotNamed { domain } => write!(
                f,
                "users of {domain} come here by SRV records without DNSSEC and expect {domain} \
                 in the certificate: add the DNS-ID {domain}, or sign the records"
            ),
            Self::DomainNotNamed { domain } => write!(
                f,
                "the certificate has no DNS-ID for the mail domain: add {domain}"
            ),
            Self::ServiceNotNamed {
                service,
                domain,
                has_dns_id,
            } => {
                write!(
                    f,
                    "the certificate has no SRV-ID for an advertised service: ask the authority \
                     for _{service}.{domain}"
                )?;
                let stands_in = "; until it issues that, the DNS-ID of the domain stands in for it";
                f.write_str(if *has_dns_id { stands_in } else { "" })
            }
            Self::DomainUncovered { domain } => write!(
                f,
                "nothing makes this shared server verifiable for {domain}: sign its SRV \
                 records, list {domain} in the certificate, select one by SNI, or give it an \
                 address of its own"
            ),
            Self::DnsFailed { failure } => write!(
                f,
                "{failure}: clients connect to nothing that depends on it until that is mended"
            ),
            Self::Unsigned {
                record_type,
                parent_is_signed,
            } => {
                write!(f, "the {record_type} records are not protected by DNSSEC: ")?;
                f.write_str(match parent_is_signed {
                    Some(true) => "sign the zone, as its parent is signed",
                    Some(false) => "nothing can be done while the parent zone is not signed",
                    None => "sign the zone if its parent is signed",
                })
            }
            Self::NotAdvertised { service, mode } => {
                let label = service.srv_label(*mode).unwrap_or_default();
                write!(
                    f,
                    "{service} with {mode} is offered and not advertised: publish SRV records \
                     at _{label}._tcp"
                )
            }
            Self::ImplicitNotPreferred {
                service,
                implicit,
                starttls,
            } => write!(
                f,
                "{service} has priority {implicit} with implicit TLS and {starttls} with \
                 STARTTLS: give implicit TLS the lower number"
            ),
            Self::CleartextPreferred {
                service,
                tls: Some(tls),
                cleartext,
            } => write!(
                f,
                "{service} has priority {cleartext} at a server without TLS and {tls} with TLS: remove the \
                 record of that server, or give TLS the lower number"
            ),
            Self::CleartextPreferred {
                service, tls: None, ..
            } => write!(
                f,
                "{service} is advertised at a server without TLS alone: advertise the one with TLS in its \
                 place"
            ),
            Self::NoAccessPreference { priority } => write!(
                f,
                "IMAP and POP3 both have priority {priority}: give the one that users should \
                 take the lower number"
            ),
            Self::DenialAmongTargets => f.write_str(
                "the target \".\" says that the service is not available, and other targets are \
                 named beside it: remove one or the other",
            ),
            Self::BadTarget { target } => write!(
                f,
                "\"{target}\" is not the name of a host with a port: correct the record"
            ),
            Self::TargetIsAlias { host, canonical } => write!(
                f,
                "the target {host} is an alias: name {canonical} in the record, and in the \
                 certificate"
            ),
            Self::TargetWithoutAddress { host } => write!(
                f,
                "the target {host} has no address: give it one, or remove the record"
            ),
            Self::WrongPort {
                port,
                service,
                mode,
            } => write!(
                f,
                "port {port} is the one of {service} with {mode}: correct the port or the label"
            ),
            Self::UnusualPort { port, registered } => write!(
                f,
                "port {port} is not the registered one: some networks let only {registered} pass"
            ),
            Self::NoSuchServer { host, port } => write!(
                f,
                "the inventory has no such server at {host}:{port}: correct the record or the \
                 inventory"
            ),
            Self::TlsaUnsigned => f.write_str(
                "TLSA records must not be published unsigned: sign the zone, or remove them",
            ),
            Self::TlsaMissing => f.write_str(
                "the address is signed and there are no TLSA records: publish \"3 1 1\" records",
            ),
            Self::TlsaUnreachable { record_type } => write!(
                f,
                "clients do not use the TLSA records, as the {record_type} records that lead to \
                 them are not signed: sign those too"
            ),
            Self::TlsaTooMany => f.write_str(
                "there are more TLSA records than clients look at: remove the old \
                 ones",
            ),
            Self::TlsaMismatch { chain, near_miss } => {
                write!(
                    f,
                    "no record matches {chain}, and clients that apply them refuse it"
                )?;
                write_near_miss(f, near_miss.as_ref())?;
                f.write_str(": publish the record of its certificate")
            }
            Self::TlsaRefused { chain, failure } => {
                write!(
                    f,
                    "a record matches {chain}, and clients refuse it all the same: "
                )?;
                write_failure(f, failure)
            }
            Self::TlsaCombination {
                chain,
                usage,
                selector,
                matching,
                near_miss,
            } => {
                let (usage, selector) = (usage.code_point(), selector.code_point());
                let matching = matching.code_point();
                write!(
                    f,
                    "no \"{usage} {selector} {matching}\" record matches {chain}"
                )?;
                write_near_miss(f, near_miss.as_ref())?;
                f.write_str(
                    ", and some clients look at no others: publish one that does, or remove \
                     those",
                )
            }
            Self::TlsaAnchorNotSent { chain, record } => write!(
                f,
                "the authority of the record \"{} {} {}\" is not in {chain}: send its \
                 certificate along, even if it is a root",
                record.usage().code_point(),
                record.selector().code_point(),
                record.matching().code_point()
            ),
            Self::TlsaLeftOver { record } => write!(
                f,
                "the record \"{}\" matches nothing that is deployed: remove it unless it is for the \
                 next certificate",
                Cut(record)
            ),
            Self::TlsaUnusable { record, reason } => write!(
                f,
                "the record \"{}\" cannot be used: {reason}; correct it or remove it",
                Cut(record)
            ),
            Self::TlsaOnlySha512 => f.write_str(
                "SHA2-512 is the only digest, which not every client knows: publish SHA2-256 \
                 records beside them",
            ),
            Self::TlsaFull { selector, octets } => {
                let what = match selector {
                    TlsaSelector::Cert => "certificate",
                    TlsaSelector::Spki | TlsaSelector::Other(_) => "key",
                };
                write!(
                    f,
                    "a record holds a whole {what} of {octets} octets, which may not fit into a \
                     DNS answer: publish its SHA2-256 digest instead"
                )
            }
            Self::TlsaPkixUsage { usage } => write!(
                f,
                "most mail programs ignore records of usage {usage}: publish \"3 1 1\" records"
            ),
            Self::TlsaNotRecommended => f.write_str(
                "there is no \"3 1 1\" record, which works with most clients and outlives a \
                 renewal with the same key: consider one",
            ),
            Self::TlsaAnchorByKey => f.write_str(
                "an authority is published by its key: publish its certificate, by selector 0, so \
                 that clients see its limits",
            ),
            Self::TlsaLongTtl { ttl, limit } => write!(
                f,
                "the records are cached for {}, and after an unplanned change of keys clients \
                 are locked out as long: lower the time to live to {} or less",
                Span(*ttl),
                Span(*limit)
            ),
            Self::TlsaLongSignature { validity, limit } => write!(
                f,
                "the signatures are good for {}, in which withdrawn records can be replayed: \
                 sign for {} or less",
                Span(*validity),
                Span(*limit)
            ),
            Self::NoTls { service } => write!(
                f,
                "{service} is offered without TLS only: offer it with implicit TLS"
            ),
            Self::Cleartext => f.write_str(
                "there is no TLS here, and passwords can be read on the way: switch it off as \
                 soon as its users have moved",
            ),
            Self::NoImplicitTls { service } => {
                write!(f, "{service} has no server with implicit TLS: open ")?;
                match service.default_port(TlsMode::Implicit) {
                    Some(port) => write!(f, "port {port}"),
                    None => f.write_str("one"),
                }
            }
            Self::NoStartTls { service } => write!(
                f,
                "{service} has no server with STARTTLS, which some older clients still need"
            ),
            Self::OldVersion { version } => {
                write!(f, "{version} is offered, which is not safe: switch it off")
            }
            Self::NoModernVersion => {
                f.write_str("neither TLS 1.2 nor TLS 1.3 is offered: switch both on")
            }
            Self::NoTls13 => f.write_str("TLS 1.3 is not offered: switch it on"),
            Self::VersionRegression { before, now } => write!(
                f,
                "{before} was offered at the last audit, and {now} is the best now: clients \
                 that have seen {before} take that for an attack, so restore it"
            ),
            Self::StartTlsNotOffered => f.write_str(
                "STARTTLS is not among what is listed before TLS, so that no client can use it: \
                 enable it",
            ),
            Self::LoginBeforeTls => f.write_str(
                "a login is offered before TLS, so that clients send passwords in the clear: \
                 offer it after TLS only",
            ),
            Self::ClientBreaks { client, failure } => {
                write!(f, "{client} would be locked out by the new chain: ")?;
                write_failure(f, failure)
            }
            Self::PinBreaks { pin, next } => write!(
                f,
                "the pin {pin} does not hold for the new chain: have {next} pinned beside it \
                 first"
            ),
            Self::TlsaToPublish { record, earliest } => write!(
                f,
                "publish the record \"{}\" before the new chain is deployed, which is safe from {} on \
                 if it is published now",
                Cut(record),
                Date(*earliest)
            ),
            Self::TlsaTooYoung { earliest } => write!(
                f,
                "the new records are published, and caches may hold the old ones: deploy the \
                 new chain from {} on",
                Date(*earliest)
            ),
        }
    }
}

fn write_positions(f: &mut fmt::Formatter<'_>, positions: &[usize]) -> fmt::Result {
    f.write_str(match positions {
        [_] => "certificate",
        _ => "certificates",
    })?;
    for (index, position) in positions.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(f, "{comma} {}", position.saturating_add(1))?;
    }
    Ok(())
}

fn write_near_miss(f: &mut fmt::Formatter<'_>, near_miss: Option<&TlsaNearMiss>) -> fmt::Result {
    match near_miss {
        Some(near_miss) => write!(f, " ({near_miss})"),
        None => Ok(()),
    }
}

/// What failed, and what the operator can do.
fn write_failure(f: &mut fmt::Formatter<'_>, failure: &CheckFailure) -> fmt::Result {
    let advice = failure.operator_advice().trim_end_matches('.');
    let mut rest = advice.chars();
    let first = rest.next().map(|first| first.to_ascii_lowercase());
    write!(
        f,
        "{failure}: {}{}",
        first.unwrap_or_default(),
        rest.as_str()
    )
}

impl Subject {
    /// How it is grouped in a report.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Domain(_) => 0,
            Self::Server { .. } => 1,
            Self::Chain { .. } => 2,
            Self::Records(_) => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::DnsFailure;
    use crate::verify::dane::TlsaRecord;

    /// One and many, a whole certificate in DNS, and what passes without a change of the zone.
    #[test]
    fn odd_numbers_and_long_data() {
        let left_over = |octets: usize| Problem::TlsaLeftOver {
            record: format!("3 0 0 {}", "ab".repeat(octets))
                .parse::<TlsaRecord>()
                .unwrap(),
        };
        let shown = "ab".repeat(64);
        let rows = [
            (
                Problem::ExtraCertificates { positions: vec![3] },
                "remove what does not belong to the path: certificate 4".to_owned(),
            ),
            (
                Problem::ExtraCertificates {
                    positions: vec![3, 5],
                },
                "remove what does not belong to the path: certificates 4, 6".to_owned(),
            ),
            (
                left_over(64),
                format!("the record \"3 0 0 {shown}\" matches nothing that is deployed"),
            ),
            (
                left_over(65),
                format!("the record \"3 0 0 {shown}[1 more octet]\" matches nothing"),
            ),
            (
                left_over(1000),
                format!("the record \"3 0 0 {shown}[936 more octets]\" matches nothing"),
            ),
            (
                Problem::DnsFailed {
                    failure: DnsFailure::TimedOut,
                },
                "the DNS server did not answer in time: clients connect to nothing that depends on \
                 it until that is mended"
                    .to_owned(),
            ),
        ];
        for (problem, begins) in rows {
            assert!(problem.to_string().starts_with(&begins), "{problem}");
        }
    }
}
