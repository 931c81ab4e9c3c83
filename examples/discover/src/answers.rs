//! What hickory says, in the words of [`mail_tls::discovery`].

use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType as HickoryType};
use hickory_resolver::proto::serialize::binary::BinEncodable;
use mail_tls::HostName;
use mail_tls::discovery::{Answer, DnsFailure, DnsStatus, SrvRecord};

/// How many aliases in a row are followed.
const HOPS: usize = 8;

/// Alias by alias. hickory follows them as well, but of an SRV record behind an alias it takes the
/// target for one more, and of a name behind an alias that it has in its cache it leaves the alias
/// out. Then the alias is asked for by itself.
pub(crate) async fn follow(
    resolver: &TokioResolver,
    mut name: Name,
    wanted: HickoryType,
) -> Answer {
    let mut links: Vec<(Name, Proof)> = Vec::new();
    let mut lifetime = u32::MAX;
    let answer = loop {
        let direct = resolver.lookup(name.clone(), wanted).await;
        let found = match &direct {
            Ok(found) if found.answers().iter().any(|record| record.name == name) => direct,
            Err(error) if wanted != HickoryType::SRV || !is_absence(error) => direct,
            Ok(_) | Err(_) => {
                let alias = resolver.lookup(name.clone(), HickoryType::CNAME).await;
                match (alias, direct) {
                    (Err(none), Err(direct)) if is_absence(&none) => Err(direct),
                    // An answer to something else.
                    (Err(none), Ok(_)) if is_absence(&none) => {
                        break Answer::failed(DnsFailure::Malformed);
                    }
                    (alias, _) => alias,
                }
            }
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => break failed(&error),
        };
        let records = found.answers();
        let known = links.len();
        while let Some((record, target)) = records.iter().find_map(|r| alias(r, &name)) {
            links.push((target.clone(), record.proof));
            name = target.clone();
            if links.len() > HOPS {
                return Answer::failed(DnsFailure::TooLarge);
            }
        }
        lifetime = records.iter().fold(lifetime, |ttl, r| ttl.min(r.ttl));
        let sought: Vec<&Record> = records
            .iter()
            .filter(|r| r.name == name && r.record_type() == wanted)
            .collect();
        if !sought.is_empty() {
            break read(&sought, wanted);
        }
        if links.len() == known {
            // An answer that answers nothing.
            break Answer::failed(DnsFailure::Malformed);
        }
    };
    let answer = match lifetime {
        u32::MAX => answer,
        seconds => answer.with_lifetime(Duration::from_secs(seconds.into())),
    };
    links.into_iter().fold(answer, |answer, (target, proof)| {
        let target = target.to_ascii();
        match HostName::parse(&target) {
            Ok(target) => answer.via_alias(target, status(proof)),
            Err(_) => Answer::failed(DnsFailure::Malformed),
        }
    })
}

fn alias<'a>(record: &'a Record, name: &Name) -> Option<(&'a Record, &'a Name)> {
    match &record.data {
        RData::CNAME(target) if record.name == *name => Some((record, &target.0)),
        _ => None,
    }
}

/// The records of one set; it is as secure as the weakest of them.
fn read(records: &[&Record], wanted: HickoryType) -> Answer {
    let all = records.iter().map(|record| status(record.proof));
    let status = all.fold(DnsStatus::Secure, DnsStatus::and);
    match wanted {
        HickoryType::SRV => Answer::srv(
            status,
            records.iter().filter_map(|record| match &record.data {
                RData::SRV(srv) => {
                    let target = srv.target.to_ascii();
                    Some(SrvRecord::new(srv.priority, srv.weight, srv.port, &target))
                }
                _ => None,
            }),
        ),
        HickoryType::TLSA => {
            let rdata: Option<Vec<_>> = records
                .iter()
                .map(|record| record.data.to_bytes().ok())
                .collect();
            match rdata {
                Some(rdata) => Answer::tlsa(status, rdata),
                None => Answer::failed(DnsFailure::Malformed),
            }
        }
        _ => Answer::addresses(status),
    }
}

fn status(proof: Proof) -> DnsStatus {
    match proof {
        Proof::Secure => DnsStatus::Secure,
        Proof::Insecure => DnsStatus::Insecure,
        Proof::Bogus => DnsStatus::Bogus,
        Proof::Indeterminate => DnsStatus::Indeterminate,
    }
}

fn is_absence(error: &NetError) -> bool {
    matches!(error, NetError::Dns(DnsError::NoRecordsFound(_)))
}

/// An absence that was proven, or that needs no proof, is an answer; everything else is a failure.
fn failed(error: &NetError) -> Answer {
    let failure = match error {
        NetError::Dns(DnsError::NoRecordsFound(absence)) => {
            let soa = absence.soa.as_ref();
            let proof = soa.map_or(Proof::Insecure, |soa| soa.proof);
            let nothing = Answer::nothing(status(proof));
            return match absence.negative_ttl {
                Some(seconds) => nothing.with_lifetime(Duration::from_secs(seconds.into())),
                None => nothing,
            };
        }
        NetError::Dns(DnsError::Nsec { proof, .. }) => return Answer::nothing(status(*proof)),
        NetError::Dns(DnsError::DnssecBogus) => DnsFailure::Bogus,
        NetError::Dns(DnsError::ResponseCode(ResponseCode::Refused)) => DnsFailure::Refused,
        NetError::Timeout => DnsFailure::TimedOut,
        NetError::Io(_) | NetError::NoConnections | NetError::Busy => DnsFailure::Refused,
        NetError::Proto(_) | NetError::ForeignClassRecord { .. } => DnsFailure::Malformed,
        _ => DnsFailure::ServerFailure,
    };
    Answer::failed(failure)
}
