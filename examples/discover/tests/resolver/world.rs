//! The zones of these tests, and what asks for them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::proto::dnssec::TrustAnchors;
use mail_tls::discovery::{Discovery, Lookup, ServerRecords};
use mail_tls::{HostName, Service};
use mail_tls_discover::{Asks, Dns, name_server};
use tokio::runtime::{Builder, Runtime};

use crate::knot::{Delegation, Knot, Zone};

/// For everything that a test asks at once.
pub(crate) const LIMIT: Duration = Duration::from_secs(8);
/// For one packet.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) fn zone(name: &'static str, delegation: Delegation, records: &str) -> Zone {
    Zone {
        name,
        parent: "",
        delegation,
        records: records.to_owned(),
    }
}

pub(crate) fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

pub(crate) fn dns_of(knot: &Knot) -> Dns {
    dns_at(knot, knot.address, PATIENCE)
}

/// The anchors of this server, and another one to ask.
pub(crate) fn dns_at(knot: &Knot, server: SocketAddr, patience: Duration) -> Dns {
    let anchors = TrustAnchors::from_file(&knot.trust_anchor).unwrap();
    Dns::new(name_server(server), anchors, patience).unwrap()
}

/// What was asked, and the answers as the log has them.
pub(crate) type Log = BTreeMap<String, String>;

pub(crate) fn answer_all(dns: &Dns, asking: &mut impl Asks) -> Log {
    let mut log = Log::new();
    runtime().block_on(dns.answer_all(asking, LIMIT, |question, answer| {
        let before = log.insert(question.to_string(), answer.to_string());
        assert_eq!(before, None, "{question} was asked twice");
    }));
    log
}

pub(crate) fn discover(dns: &Dns, domain: &str, services: &[Service]) -> (Discovery, Log) {
    let mut discovery = Discovery::for_domain(name(domain), 7).with_services(services);
    let log = answer_all(dns, &mut discovery);
    (discovery, log)
}

pub(crate) fn look_up(dns: &Dns, host: &str, port: u16) -> (ServerRecords, Log) {
    let mut lookup = Lookup::new(name(host), port);
    let log = answer_all(dns, &mut lookup);
    (lookup.result().unwrap(), log)
}
