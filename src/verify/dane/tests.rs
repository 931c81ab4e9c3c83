//! DANE by clause, under each provider that is compiled in.

/// OpenSSL's certificates: `tests/certificates/make.sh` made them.
macro_rules! checked_in {
    ($name:literal) => {
        CertificateDer::from(
            &include_bytes!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/certificates/",
                $name,
                ".der"
            ))[..],
        )
    };
}

mod authorities;
mod constraint;
mod records;
mod sets;
mod together;
mod verdicts;

use std::time::Duration;

use pki_types::{CertificateDer, UnixTime};
use rcgen::{CertificateParams, date_time_ymd};
use sha2::{Digest, Sha256, Sha512};

use super::*;
use crate::certificate::Certificate;
use crate::identity::{Provenance, ReferenceIds};
use crate::name::{Host, HostName};
use crate::testing::{Authority, NOW, authority_params, dns, key, leaf_params, providers};
use crate::verify::{
    Authentication, CertificateRejection, Check, CheckFailure, CheckResult, Evidence, Requirements,
    TrustAnchors, Verification, evaluate,
};

const HOST: &str = "imap.example.net";
const TTL: Duration = Duration::from_secs(3600);
const NOT_MATCHED: TlsaFate = TlsaFate::NotMatched { near_miss: None };

fn host(name: &str) -> HostName {
    HostName::parse(name).unwrap()
}

fn name() -> TlsaName {
    TlsaName::tcp(993, host(HOST)).unwrap()
}

fn lookup_of(records: &[TlsaRecord]) -> TlsaLookup {
    TlsaLookup::validated_over_trusted_path(name(), records.to_vec(), NOW, TTL).unwrap()
}

fn dane(records: &[TlsaRecord]) -> Dane {
    DanePolicy::default().decide(&lookup_of(records)).unwrap()
}

fn references(name: &str) -> ReferenceIds {
    ReferenceIds::for_host(&Host::parse(name).unwrap(), Provenance::Typed).unwrap()
}

fn anchors(certificate: &CertificateDer<'static>) -> TrustAnchors {
    TrustAnchors::from_der([certificate.clone()]).unwrap()
}

/// Trust that leads nowhere.
fn no_anchors() -> TrustAnchors {
    anchors(&Authority::named("Nobody's Root").certificate)
}

/// `usage selector matching` for a certificate, as an operator would publish it.
fn record_of(numbers: [u8; 3], certificate: &CertificateDer<'_>) -> TlsaRecord {
    let [usage, selector, matching] = numbers;
    let key = Certificate::parse(certificate).unwrap().public_key_der;
    let content = match selector {
        0 => certificate.as_ref(),
        1 => key,
        other => panic!("selector {other}"),
    };
    let data = match matching {
        0 => content.to_vec(),
        1 => Sha256::digest(content).to_vec(),
        2 => Sha512::digest(content).to_vec(),
        other => panic!("matching type {other}"),
    };
    raw(usage, selector, matching, &data)
}

fn raw(usage: u8, selector: u8, matching: u8, data: &[u8]) -> TlsaRecord {
    TlsaRecord::from_rdata(&[&[usage, selector, matching], data].concat()).unwrap()
}

/// The verdict under every provider; they must agree.
fn verdict_with(
    chain: &[CertificateDer<'_>],
    anchors: &TrustAnchors,
    references: &ReferenceIds,
    dane: &Dane,
    now: UnixTime,
) -> Result<Verification, CertificateRejection> {
    let mut verdicts = providers().into_iter().map(|provider| {
        let algorithms = provider.signature_verification_algorithms;
        let requirements = Requirements::server(anchors.clone(), references.clone(), algorithms)
            .with_dane(dane.clone())
            .unwrap();
        evaluate(&Evidence::from_chain(chain), &requirements, now)
    });
    let first = verdicts.next().expect("a provider is compiled in");
    for other in verdicts {
        assert_eq!(other, first, "providers disagree");
    }
    first
}

/// The verdict of a client that trusts nobody but these records.
fn verdict(
    chain: &[CertificateDer<'_>],
    records: &[TlsaRecord],
) -> Result<Verification, CertificateRejection> {
    verdict_with(chain, &no_anchors(), &references(HOST), &dane(records), NOW)
}

fn codes(verdict: &Result<Verification, CertificateRejection>) -> Vec<&'static str> {
    match verdict {
        Ok(_) => Vec::new(),
        Err(rejection) => rejection.failures().map(CheckFailure::code).collect(),
    }
}

fn fates(report: Option<&DaneReport>) -> Vec<TlsaFate> {
    report.unwrap().records().map(|(_, fate)| fate).collect()
}

fn result_of(rejection: &CertificateRejection, check: Check) -> Option<CheckResult> {
    rejection
        .results()
        .find_map(|(one, result)| (one == check).then_some(result))
}

fn host_params() -> CertificateParams {
    leaf_params(&[dns(HOST)])
}

fn years(mut params: CertificateParams, from: i32, until: i32) -> CertificateParams {
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    params
}

fn self_signed(params: &CertificateParams) -> CertificateDer<'static> {
    params.self_signed(&key()).unwrap().der().clone()
}

/// A root, an authority below it, and what both vouch for.
struct House {
    root: Authority,
    intermediate: Authority,
}

impl House {
    fn new() -> Self {
        Self::with(authority_params("Root"), authority_params("Intermediate"))
    }

    fn with(root: CertificateParams, intermediate: CertificateParams) -> Self {
        let root = Authority::root(root);
        let intermediate = root.authority(intermediate);
        Self { root, intermediate }
    }

    /// Leaf, intermediate, root.
    fn chain(&self, leaf: &CertificateParams) -> Vec<CertificateDer<'static>> {
        vec![
            self.intermediate.issue(leaf),
            self.intermediate.certificate.clone(),
            self.root.certificate.clone(),
        ]
    }
}
