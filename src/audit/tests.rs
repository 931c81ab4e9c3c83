//! Audits of one small site that is in order, each with one thing changed.

use std::collections::BTreeMap;
use std::time::Duration;

use pki_types::{CertificateDer, UnixTime};
use proptest::prelude::*;
use rcgen::CertificateParams;

use super::*;
use crate::certificate::Certificate;
use crate::discovery::{Answer, DnsStatus, RecordType, SrvRecord, Transport};
use crate::name::HostName;
use crate::service::Service;
use crate::testing::{Authority, NOW, dns, leaf_params, providers, srv as srv_id};
use crate::verify::TrustAnchors;
use crate::verify::dane::{DigestAlgorithm, TlsaRecord};

mod chains;
mod names;
mod plans;
mod rehearsals;
mod srv;
mod tls;
mod tlsa;

/// Codes with their levels, sorted.
type Found = [(Level, &'static str)];

const NONE: [&str; 0] = [];
const DAY: u64 = 24 * 60 * 60;
const HOUR: Duration = Duration::from_secs(60 * 60);
const HOST: &str = "mail.example.org";

/// What a site has and publishes; in order unless a test changes it.
struct Site {
    root: Authority,
    chain: Vec<CertificateDer<'static>>,
    domains: Vec<MailDomain>,
    listeners: Vec<Listener>,
    dns: BTreeMap<(String, RecordType), Answer>,
    previous: Vec<Listener>,
    pins: Vec<crate::verify::Fingerprint>,
}

fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

fn after(time: UnixTime, by: Duration) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(time.as_secs() + by.as_secs()))
}

/// Names that serve IMAP for example.org in full (RFC 7817 §6).
fn good_names() -> Vec<Vec<u8>> {
    vec![
        dns(HOST),
        dns("example.org"),
        srv_id("_imaps.example.org"),
        srv_id("_imap.example.org"),
    ]
}

/// Valid for 90 days, 30 of which have passed.
fn dated(names: &[Vec<u8>]) -> CertificateParams {
    let mut params = leaf_params(names);
    let now = i64::try_from(NOW.as_secs()).unwrap();
    let day = i64::try_from(DAY).unwrap();
    let at = |seconds: i64| {
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds.try_into().unwrap())
    };
    params.not_before = at(now - 30 * day);
    params.not_after = at(now + 60 * day);
    params
}

fn tlsa_of(certificate: &CertificateDer<'_>) -> String {
    let key = Certificate::parse(certificate).unwrap().public_key_der;
    format!("3 1 1 {}", hex(&DigestAlgorithm::Sha256.digest(key)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Site {
    fn new() -> Self {
        Self::with_names(&good_names())
    }

    fn with_names(names: &[Vec<u8>]) -> Self {
        Self::with_leaf(&dated(names))
    }

    fn with_leaf(leaf: &CertificateParams) -> Self {
        let root = Authority::named("root");
        let intermediate = root.authority(crate::testing::authority_params("intermediate"));
        let chain = vec![intermediate.issue(leaf), intermediate.certificate.clone()];
        let mut site = Self {
            root,
            domains: vec![MailDomain::new(name("example.org")).with_signed_parent(true)],
            listeners: Vec::new(),
            dns: BTreeMap::new(),
            previous: Vec::new(),
            pins: Vec::new(),
            chain,
        };
        site.listeners = vec![
            site.listener(Transport::Implicit, 993),
            site.listener(Transport::StartTls, 143)
                .with_capabilities(["IMAP4rev2 STARTTLS LOGINDISABLED"]),
        ];
        site.srv("_imaps", &[(0, 993, HOST)]);
        site.srv("_imap", &[(10, 143, HOST)]);
        site.set(HOST, RecordType::A, Answer::addresses(DnsStatus::Secure));
        let record = tlsa_of(&site.chain[0]);
        site.tlsa(&[&record]);
        site
    }

    fn listener(&self, transport: Transport, port: u16) -> Listener {
        Listener::new(Service::Imap, transport, name(HOST), port)
            .with_chain(ServerChain::new("mail.pem", self.chain.clone()))
            .with_versions([TlsVersion::Tls13, TlsVersion::Tls12])
    }

    /// Adds an IMAP server without TLS.
    fn without_tls(&mut self, port: u16) {
        let listener = Listener::new(Service::Imap, Transport::Cleartext, name(HOST), port);
        self.listeners.push(listener);
    }

    /// Shows this chain everywhere.
    fn show(&mut self, chain: &[CertificateDer<'static>]) {
        self.chain = chain.to_vec();
        for listener in &mut self.listeners {
            listener.chains = vec![ServerChain::new("mail.pem", chain.to_vec())];
        }
    }

    fn set(&mut self, owner: &str, record_type: RecordType, answer: Answer) {
        self.dns.insert((owner.into(), record_type), answer);
    }

    fn srv(&mut self, label: &str, records: &[(u16, u16, &str)]) {
        self.srv_with(DnsStatus::Secure, label, records);
    }

    fn srv_with(&mut self, status: DnsStatus, label: &str, records: &[(u16, u16, &str)]) {
        let records = records
            .iter()
            .map(|(priority, port, target)| SrvRecord::new(*priority, 1, *port, target));
        let answer = Answer::srv(status, records.collect::<Vec<_>>());
        self.set(
            &format!("{label}._tcp.example.org"),
            RecordType::Srv,
            answer,
        );
    }

    fn tlsa(&mut self, records: &[&str]) {
        self.tlsa_with(DnsStatus::Secure, records, HOUR);
    }

    fn tlsa_with(&mut self, status: DnsStatus, records: &[&str], ttl: Duration) {
        let rdata: Vec<Vec<u8>> = records
            .iter()
            .map(|record| TlsaRecord::parse(record).unwrap().to_rdata())
            .collect();
        for port in [993, 143] {
            let answer = Answer::tlsa(status, rdata.clone()).with_lifetime(ttl);
            self.set(&format!("_{port}._tcp.{HOST}"), RecordType::Tlsa, answer);
        }
    }

    fn without_tlsa(&mut self) {
        self.dns.retain(|(_, kind), _| *kind != RecordType::Tlsa);
    }

    fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::default();
        for domain in &self.domains {
            inventory.add_domain(domain.clone()).unwrap();
        }
        for listener in &self.listeners {
            inventory.add_listener(listener.clone()).unwrap();
        }
        for listener in &self.previous {
            inventory.add_previous(listener.clone()).unwrap();
        }
        for pin in &self.pins {
            inventory.add_pin(*pin).unwrap();
        }
        for round in 0.. {
            assert!(round < 5, "questions without end");
            let questions = inventory.questions();
            if questions.is_empty() {
                break;
            }
            for question in questions {
                let key = (question.name().to_owned(), question.record_type());
                let nothing = || Answer::nothing(DnsStatus::Secure);
                let answer = self.dns.get(&key).cloned().unwrap_or_else(nothing);
                inventory.answer(&question, answer).unwrap();
            }
        }
        inventory
    }

    fn policy(&self) -> AuditPolicy {
        let anchors = TrustAnchors::from_der([self.root.certificate.clone()]).unwrap();
        let provider = providers().remove(0);
        AuditPolicy::new(anchors, provider.signature_verification_algorithms)
    }

    fn audit(&self) -> AuditReport {
        self.audit_at(NOW)
    }

    fn audit_at(&self, now: UnixTime) -> AuditReport {
        audit(&self.inventory(), &self.policy(), now)
    }

    /// The codes of what is found, each once, with their level.
    #[track_caller]
    fn assert_found(&self, expected: &[(Level, &str)]) {
        let report = self.audit();
        assert_eq!(codes(&report), expected, "{}", shown(&report));
    }
}

fn codes(report: &AuditReport) -> Vec<(Level, &'static str)> {
    let mut codes: Vec<_> = report
        .findings()
        .iter()
        .map(|finding| (finding.level(), finding.code()))
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

fn shown(report: &AuditReport) -> String {
    let lines = report
        .findings()
        .iter()
        .map(|finding| format!("{} {} [{}]", finding.level(), finding, finding.clause()));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_site_in_order_gives_no_finding() {
    let report = Site::new().audit();
    assert_eq!(shown(&report), "");
    assert_eq!(report.worst(), None);
}

/// What is not told is not judged.
#[test]
fn an_empty_inventory_gives_no_finding() {
    let site = Site::new();
    let report = audit(&Inventory::default(), &site.policy(), NOW);
    assert_eq!(shown(&report), "");
    let mut inventory = Inventory::default();
    inventory
        .add_domain(MailDomain::new(name("example.org")))
        .unwrap();
    for (transport, port) in [(Transport::Implicit, 993), (Transport::StartTls, 143)] {
        let listener = Listener::new(Service::Imap, transport, name(HOST), port);
        inventory.add_listener(listener).unwrap();
    }
    let report = audit(&inventory, &site.policy(), NOW);
    assert_eq!(shown(&report), "");
}

#[test]
fn more_than_is_looked_at_is_refused() {
    let mut inventory = Inventory::default();
    let listener = Listener::new(Service::Imap, Transport::Implicit, name(HOST), 993);
    let full = loop {
        if let Err(full) = inventory.add_listener(listener.clone()) {
            break full;
        }
    };
    assert_eq!(full.limit, crate::limits::AUDIT_LISTENERS);
    assert_eq!(inventory.listeners.len(), crate::limits::AUDIT_LISTENERS);
    let chains = vec![ServerChain::new("a", []); crate::limits::AUDIT_CHAINS + 1];
    let too_many = Listener { chains, ..listener };
    assert!(Inventory::default().add_listener(too_many).is_err());
    let mut inventory = Inventory::default();
    for index in 0..crate::limits::AUDIT_DOMAINS {
        let domain = MailDomain::new(name(&format!("d{index}.example.org")));
        inventory.add_domain(domain).unwrap();
    }
    assert!(
        inventory
            .add_domain(MailDomain::new(name("example.org")))
            .is_err()
    );
}

/// Findings beyond the bound are counted, the gravest come first, and none stands twice.
#[test]
fn findings_are_bounded_sorted_and_told_once() {
    let mut site = Site::new();
    let records: Vec<(u16, u16, String)> = (0..900)
        .map(|index| (0, 1993, format!("h{index}.example.net")))
        .collect();
    let records: Vec<_> = records
        .iter()
        .map(|(priority, port, host)| (*priority, *port, host.as_str()))
        .collect();
    for label in [
        "_imaps",
        "_imap",
        "_pop3s",
        "_pop3",
        "_submissions",
        "_submission",
    ] {
        site.srv(label, &records);
    }
    let report = site.audit();
    assert_eq!(report.findings().len(), crate::limits::AUDIT_FINDINGS);
    assert!(report.omitted() > 0);
    assert!(report.findings().is_sorted_by_key(Finding::level));
    let findings = report.findings();
    let is_once = |(index, one): (usize, &Finding)| !findings[index + 1..].contains(one);
    assert!(findings.iter().enumerate().all(is_once));
}

/// Each is one sentence, with an imperative behind a colon, and the code is a word.
#[track_caller]
fn assert_is_a_sentence(finding: &Finding) {
    let text = finding.problem().to_string();
    assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
    assert!(!text.contains(". ") && !text.contains('\n'), "{text}");
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    assert!(finding.code().chars().all(is_word), "{}", finding.code());
    assert!(finding.clause().starts_with("RFC "), "{}", finding.clause());
    assert_eq!(
        finding.to_string(),
        format!("{}: {text}", finding.subject())
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever bytes stand in certificates and records, and whatever the time: sentences come out
    /// that can be shown, the same every time, and nothing panics.
    #[test]
    fn no_input_is_too_bad(
        flips in proptest::collection::vec((0_usize..2, any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in proptest::option::of(0_usize..600),
        rdata in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 3..80), 0..5),
        target in "\\PC{0,40}",
        now in any::<u64>(),
        life in any::<u64>(),
        seconds in any::<u64>(),
    ) {
        let mut site = Site::new();
        let good = site.chain.clone();
        let mut bad: Vec<Vec<u8>> = good.iter().map(|one| one.to_vec()).collect();
        for (which, at, byte) in flips {
            let length = bad[which].len();
            bad[which][at.index(length)] = byte;
        }
        if let Some(cut) = cut {
            bad[0].truncate(cut);
        }
        let bad: Vec<_> = bad.into_iter().map(CertificateDer::from).collect();
        site.show(&bad);
        let owner = format!("_993._tcp.{HOST}");
        let answer = Answer::tlsa(DnsStatus::Secure, rdata).with_lifetime(Duration::from_secs(life));
        site.set(&owner, RecordType::Tlsa, answer);
        site.srv("_imaps", &[(0, 993, HOST), (1, 993, &target)]);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let report = site.audit_at(now);
        let renewal = Renewal::default().replacing("mail.pem", ServerChain::new("", good)).at(at);
        let inventory = site.inventory();
        let rehearsal = rehearse(&inventory, &renewal, &site.policy(), now);
        for finding in report.findings().iter().chain(rehearsal.breaks()) {
            let text = finding.to_string();
            prop_assert!(!text.chars().any(char::is_control), "{text:?}");
        }
        prop_assert_eq!(codes(&report), codes(&site.audit_at(now)));
    }
}
