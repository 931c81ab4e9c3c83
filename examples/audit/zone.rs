//! Records from a file as the answers of a validating resolver.

use std::collections::BTreeMap;
use std::time::Duration;

use mail_tls::HostName;
use mail_tls::dane::TlsaRecord;
use mail_tls::discovery::{Answer, DnsStatus, Question, RecordType, SrvRecord};

use crate::facts::Outcome;

/// A chain of aliases longer than resolvers follow.
const ALIASES: usize = 16;

/// The records of a file.
pub(crate) struct Zone {
    /// By owner and type, both in upper case.
    records: BTreeMap<(String, String), Vec<Record>>,
    /// Every line is secure, and so is what is not there.
    is_secure: bool,
}

struct Record {
    ttl: Option<Duration>,
    data: String,
    status: DnsStatus,
}

impl Zone {
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let mut records: BTreeMap<_, Vec<Record>> = BTreeMap::new();
        let mut is_secure = true;
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with([';', '#']) {
                continue;
            }
            let (owner, kind, record) = line_of(line)
                .map_err(|problem| format!("line {} of the zone: {problem}", index + 1))?;
            is_secure &= record.status == DnsStatus::Secure;
            records.entry((owner, kind)).or_default().push(record);
        }
        Ok(Self { records, is_secure })
    }

    pub(crate) fn answer(&self, question: &Question) -> Outcome<Answer> {
        let mut owner = key(question.name());
        let mut aliases = Vec::new();
        while let Some([alias]) = self.records_of(&owner, "CNAME") {
            if aliases.len() >= ALIASES {
                return Err(format!("the aliases of {question} have no end").into());
            }
            aliases.push((HostName::parse(&alias.data)?, alias.status));
            owner = key(&alias.data);
        }
        let records = self.records_of(&owner, &question.record_type().to_string());
        let mut answer = match records {
            None if self.is_secure => Answer::nothing(DnsStatus::Secure),
            None => Answer::nothing(DnsStatus::Insecure),
            Some(records) => answer_of(question.record_type(), records)?,
        };
        for (name, status) in aliases {
            answer = answer.via_alias(name, status);
        }
        Ok(answer)
    }

    fn records_of(&self, owner: &str, kind: &str) -> Option<&[Record]> {
        let key = (owner.to_owned(), kind.to_owned());
        self.records.get(&key).map(Vec::as_slice)
    }
}

fn answer_of(kind: RecordType, records: &[Record]) -> Outcome<Answer> {
    let status = records.iter().map(|one| one.status);
    let status = status.fold(DnsStatus::Secure, DnsStatus::and);
    let answer = match kind {
        RecordType::Srv => {
            let records: Result<Vec<_>, _> = records.iter().map(|one| srv(&one.data)).collect();
            Answer::srv(status, records?)
        }
        RecordType::Tlsa => {
            let records: Result<Vec<_>, _> = records
                .iter()
                .map(|one| TlsaRecord::parse(&one.data).map(|record| record.to_rdata()))
                .collect();
            Answer::tlsa(status, records?)
        }
        _ => Answer::addresses(status),
    };
    let ttl = records.iter().filter_map(|one| one.ttl).min();
    Ok(match ttl {
        Some(ttl) => answer.with_lifetime(ttl),
        None => answer,
    })
}

fn srv(data: &str) -> Outcome<SrvRecord> {
    let [priority, weight, port, target] = data.split_whitespace().collect::<Vec<_>>()[..] else {
        return Err(format!("{data} is not priority, weight, port and target").into());
    };
    let number = |text: &str| {
        text.parse::<u16>()
            .map_err(|_| format!("{text} is not a number from 0 to 65535"))
    };
    let (priority, weight) = (number(priority)?, number(weight)?);
    Ok(SrvRecord::new(priority, weight, number(port)?, target))
}

/// `OWNER [TTL] [IN] TYPE DATA [; STATUS]`
fn line_of(line: &str) -> Outcome<(String, String, Record)> {
    let (line, status) = line.split_once(';').unwrap_or((line, ""));
    let status = match status.trim() {
        "secure" => DnsStatus::Secure,
        "insecure" | "" => DnsStatus::Insecure,
        "bogus" => DnsStatus::Bogus,
        "indeterminate" => DnsStatus::Indeterminate,
        other => {
            let wanted = "is none of secure, insecure, bogus, indeterminate";
            return Err(format!("{other} {wanted}").into());
        }
    };
    let mut words = line.split_whitespace().peekable();
    let owner = key(words.next().ok_or("there is no name")?);
    let ttl = words.next_if(|word| word.parse::<u32>().is_ok());
    let ttl = ttl.and_then(|seconds| seconds.parse().ok());
    words.next_if(|word| word.eq_ignore_ascii_case("IN"));
    let kind = words.next().unwrap_or_default().to_ascii_uppercase();
    let data = words.collect::<Vec<_>>().join(" ");
    let is_good = match kind.as_str() {
        "SRV" => srv(&data).map(|_| ()),
        "TLSA" => TlsaRecord::parse(&data).map(|_| ()).map_err(Into::into),
        "CNAME" => HostName::parse(&data).map(|_| ()).map_err(Into::into),
        "A" | "AAAA" => match data.parse::<std::net::IpAddr>() {
            Ok(address) if address.is_ipv4() == (kind == "A") => Ok(()),
            _ => Err(format!("{data} is not an address for {kind}").into()),
        },
        _ => Err(format!("\"{kind}\" is none of SRV, TLSA, CNAME, A, AAAA").into()),
    };
    is_good.map(|()| {
        let ttl = ttl.map(Duration::from_secs);
        (owner, kind, Record { ttl, data, status })
    })
}

/// Names are the same whatever their case, with and without the last dot.
fn key(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}
