//! What an audit finds. Each sentence says what to do; beside it stands the clause.

use std::time::Duration;

use super::{Row, text};
use crate::audit::{MailClient, Problem as P, TlsVersion};
use crate::discovery::{DnsFailure, RecordType};
use crate::identity::{MalformedName, NameKind};
use crate::name::HostName;
use crate::service::{Service, TlsMode};
use crate::testing::NOW;
use crate::verify::dane::{TlsaMatching, TlsaRecord, TlsaSelector, TlsaUsage, UnusableTlsa};
use crate::verify::{CheckFailure, Fingerprint};

/// An example of each variant: a new one does not compile before it is here.
macro_rules! examples {
    ($($variant:pat => $example:expr;)+) => {{
        let variant = |problem: &P| match problem {
            $($variant => stringify!($variant),)+
        };
        let examples: Vec<P> = vec![$($example),+];
        let variants = [$(stringify!($variant)),+];
        assert!(examples.iter().map(variant).eq(variants));
        examples
    }};
}

pub(super) fn rows() -> Vec<Row> {
    let host = || HostName::parse("mail.example.org").unwrap();
    let domain = || HostName::parse("example.org").unwrap();
    let digest = "aa".repeat(32);
    let record = || format!("3 1 1 {digest}").parse::<TlsaRecord>().unwrap();
    let fingerprint = |byte| Fingerprint::of_certificate(&vec![byte].into());
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let (imap, selector) = (Service::Imap, TlsaSelector::Spki);
    let (usage, matching) = (TlsaUsage::DaneEe, TlsaMatching::Sha256);
    let chain = || -> Box<str> { "mail.pem".into() };
    let examples = examples!(
        P::Certificate(_) => P::Certificate(CheckFailure::SelfSigned);
        P::Expiring { .. } => P::Expiring { position: Some(0), not_after: NOW, left: days(9) };
        P::WrongOrder { .. } => P::WrongOrder { order: vec![0, 2, 1] };
        P::ExtraCertificates { .. } => P::ExtraCertificates { positions: vec![3] };
        P::RootSent { .. } => P::RootSent { position: 2 };
        P::MalformedName { .. } => P::MalformedName { kind: NameKind::Dns, reason: MalformedName::TrailingDot, name: text("mail.example.org.") };
        P::HostNotNamed { .. } => P::HostNotNamed { host: host() };
        P::CommonNameOnly { .. } => P::CommonNameOnly { host: host() };
        P::WildcardOnly { .. } => P::WildcardOnly { host: host(), parent: text("example.org") };
        P::SourceDomainNotNamed { .. } => P::SourceDomainNotNamed { domain: domain() };
        P::DomainNotNamed { .. } => P::DomainNotNamed { domain: domain() };
        P::ServiceNotNamed { .. } => P::ServiceNotNamed { service: "imaps", domain: domain(), has_dns_id: true };
        P::DomainUncovered { .. } => P::DomainUncovered { domain: domain() };
        P::DnsFailed { .. } => P::DnsFailed { failure: DnsFailure::Bogus };
        P::Unsigned { .. } => P::Unsigned { record_type: RecordType::Srv, parent_is_signed: Some(true) };
        P::NotAdvertised { .. } => P::NotAdvertised { service: imap, mode: TlsMode::Implicit };
        P::ImplicitNotPreferred { .. } => P::ImplicitNotPreferred { service: imap, implicit: 10, starttls: 0 };
        P::CleartextPreferred { .. } => P::CleartextPreferred { service: imap, tls: Some(10), cleartext: 0 };
        P::NoAccessPreference { .. } => P::NoAccessPreference { priority: 0 };
        P::DenialAmongTargets => P::DenialAmongTargets;
        P::BadTarget { .. } => P::BadTarget { target: text("-bad") };
        P::TargetIsAlias { .. } => P::TargetIsAlias { host: host(), canonical: domain() };
        P::TargetWithoutAddress { .. } => P::TargetWithoutAddress { host: host() };
        P::WrongPort { .. } => P::WrongPort { port: 143, service: imap, mode: TlsMode::StartTls };
        P::UnusualPort { .. } => P::UnusualPort { port: 9993, registered: 993 };
        P::NoSuchServer { .. } => P::NoSuchServer { host: host(), port: 993 };
        P::TlsaUnsigned => P::TlsaUnsigned;
        P::TlsaMissing => P::TlsaMissing;
        P::TlsaUnreachable { .. } => P::TlsaUnreachable { record_type: RecordType::A };
        P::TlsaTooMany => P::TlsaTooMany;
        P::TlsaMismatch { .. } => P::TlsaMismatch { chain: chain(), near_miss: None };
        P::TlsaRefused { .. } => P::TlsaRefused { chain: chain(), failure: CheckFailure::SelfSigned };
        P::TlsaCombination { .. } => P::TlsaCombination { chain: chain(), usage, selector, matching, near_miss: None };
        P::TlsaAnchorNotSent { .. } => P::TlsaAnchorNotSent { chain: chain(), record: record() };
        P::TlsaLeftOver { .. } => P::TlsaLeftOver { record: record() };
        P::TlsaUnusable { .. } => P::TlsaUnusable { record: record(), reason: UnusableTlsa::UnknownUsage };
        P::TlsaOnlySha512 => P::TlsaOnlySha512;
        P::TlsaFull { .. } => P::TlsaFull { selector, octets: 900 };
        P::TlsaPkixUsage { .. } => P::TlsaPkixUsage { usage: TlsaUsage::PkixEe };
        P::TlsaNotRecommended => P::TlsaNotRecommended;
        P::TlsaAnchorByKey => P::TlsaAnchorByKey;
        P::TlsaLongTtl { .. } => P::TlsaLongTtl { ttl: days(7), limit: days(1) };
        P::TlsaLongSignature { .. } => P::TlsaLongSignature { validity: days(60), limit: days(30) };
        P::NoTls { .. } => P::NoTls { service: imap };
        P::Cleartext => P::Cleartext;
        P::NoImplicitTls { .. } => P::NoImplicitTls { service: imap };
        P::NoStartTls { .. } => P::NoStartTls { service: imap };
        P::OldVersion { .. } => P::OldVersion { version: TlsVersion::Tls10 };
        P::NoModernVersion => P::NoModernVersion;
        P::NoTls13 => P::NoTls13;
        P::VersionRegression { .. } => P::VersionRegression { before: TlsVersion::Tls13, now: TlsVersion::Tls12 };
        P::StartTlsNotOffered => P::StartTlsNotOffered;
        P::LoginBeforeTls => P::LoginBeforeTls;
        P::ClientBreaks { .. } => P::ClientBreaks { client: MailClient::Typed { service: imap, transport: crate::discovery::Transport::Implicit, host: host(), port: 993 }, failure: CheckFailure::SelfSigned };
        P::PinBreaks { .. } => P::PinBreaks { pin: fingerprint(1), next: fingerprint(2) };
        P::TlsaToPublish { .. } => P::TlsaToPublish { record: record(), earliest: NOW };
        P::TlsaTooYoung { .. } => P::TlsaTooYoung { earliest: NOW };
    );
    let rows = examples.iter().map(|problem| Row {
        table: "audit",
        code: problem.code(),
        example: problem.to_string(),
        whose: "operator",
        tell: problem.clause(),
    });
    rows.collect()
}
