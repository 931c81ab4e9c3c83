//! What the DNS answers of an inventory say.

use std::time::Duration;

use pki_types::UnixTime;

use super::inventory::Inventory;
use crate::discovery::{DnsFailure, DnsStatus, Question, RecordType};
use crate::limits;
use crate::name::HostName;
use crate::verify::dane::{TlsaName, TlsaRecord};

/// What is known of a host's addresses.
pub(super) struct Address {
    /// It has one.
    pub(super) exists: bool,
    /// All of them are as secure as this; `None` where nothing says so.
    pub(super) status: Option<DnsStatus>,
    /// What it is an alias of.
    pub(super) alias: Option<HostName>,
    /// The same, through aliases that are all secure (RFC 7671 §7).
    pub(super) secure_alias: Option<HostName>,
    pub(super) failure: Option<(Question, DnsFailure)>,
}

/// TLSA records as published.
pub(super) struct Published {
    pub(super) name: TlsaName,
    pub(super) status: DnsStatus,
    pub(super) records: Vec<TlsaRecord>,
    /// More than are looked at.
    pub(super) is_too_large: bool,
    pub(super) ttl: Option<Duration>,
    pub(super) since: Option<UnixTime>,
    pub(super) signed_for: Option<Duration>,
}

/// What came of asking for TLSA records.
pub(super) enum Tlsa {
    NotAsked,
    /// There are none; whether that is proven.
    None(DnsStatus),
    Failed(Question, DnsFailure),
    Found(Published),
}

impl Inventory {
    /// `None` unless both families were asked for.
    pub(super) fn address(&self, host: &HostName) -> Option<Address> {
        let mut address = Address {
            exists: false,
            status: None,
            alias: None,
            secure_alias: None,
            failure: None,
        };
        for question in Question::addresses(host) {
            let question = question?;
            let answer = &self.fact(&question)?.answer;
            if let Some(failure) = answer.failure() {
                address.failure = Some((question, failure));
                continue;
            }
            let alias = answer.aliases().last();
            address.alias = address.alias.or_else(|| alias.cloned());
            if let Some(status) = answer.address_status() {
                address.exists = true;
                address.status = Some(address.status.map_or(status, |known| known.and(status)));
                let secure = alias.filter(|_| status == DnsStatus::Secure);
                address.secure_alias = address.secure_alias.or_else(|| secure.cloned());
            }
        }
        Some(address)
    }

    /// The TLSA records of a server: those of what its name is a secure alias of, or else its own
    /// (RFC 7671 §7).
    pub(super) fn tlsa(&self, host: &HostName, port: u16) -> Tlsa {
        let base = self.address(host).and_then(|address| address.secure_alias);
        let mut outcome = Tlsa::NotAsked;
        for base in base.iter().chain([host]) {
            let Some(question) = Question::tlsa(base, port) else {
                continue;
            };
            let Some(fact) = self.fact(&question) else {
                continue;
            };
            if let Some(failure) = fact.answer.failure() {
                return Tlsa::Failed(question, failure);
            }
            let Some((status, rdata)) = fact.answer.as_tlsa() else {
                outcome = Tlsa::None(fact.answer.status().unwrap_or(DnsStatus::Insecure));
                continue;
            };
            let Some(name) = TlsaName::tcp_through_secure_cnames(port, host.clone(), base.clone())
            else {
                continue;
            };
            let records = rdata.iter().take(limits::TLSA_RECORDS);
            return Tlsa::Found(Published {
                name,
                status,
                records: records
                    .filter_map(|rdata| TlsaRecord::from_rdata(rdata).ok())
                    .collect(),
                is_too_large: rdata.len() > limits::TLSA_RECORDS,
                ttl: fact.answer.lifetime(),
                since: fact.published,
                signed_for: fact.signed_for,
            });
        }
        outcome
    }
}

impl Published {
    /// Clients apply them.
    pub(super) fn is_secure(&self) -> bool {
        self.status == DnsStatus::Secure
    }
}

/// The name of a record set, for a report.
pub(super) fn set_name(question: &Question) -> Box<str> {
    let kind = match question.record_type() {
        RecordType::Srv => "SRV",
        RecordType::A => "A",
        RecordType::Aaaa => "AAAA",
        RecordType::Tlsa => "TLSA",
    };
    format!("{} {kind}", question.name()).into()
}
