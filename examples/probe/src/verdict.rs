//! What strict clients make of a server's certificates, by how they have come to it.

use mail_tls::dane::DanePolicy;
use mail_tls::discovery::{DnsStatus, Question};
use mail_tls::identity::{ReferenceIds, ReferenceSource};
use mail_tls::verify::{Authentication, Evidence, Requirements, Verification, evaluate};
use mail_tls::{CertificateRejection, Endpoint, Host, HostName, Provenance, TrustAnchors};
use pki_types::{CertificateDer, UnixTime};
use rustls::crypto::WebPkiSupportedAlgorithms;

use crate::names::Names;
use crate::targets::Target;

/// What all clients have in common.
pub(crate) struct Judge<'a> {
    pub(crate) anchors: TrustAnchors,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    pub(crate) now: UnixTime,
    pub(crate) domains: &'a [HostName],
    pub(crate) names: &'a Names,
}

/// One kind of client, and what it decides.
#[derive(Debug, Clone)]
pub(crate) struct Decision {
    /// Who it is.
    pub(crate) client: String,
    /// What it expects in the certificate.
    pub(crate) references: Vec<String>,
    pub(crate) is_accepted: bool,
    pub(crate) why: String,
    /// Codes of what fails.
    pub(crate) codes: Vec<&'static str>,
    pub(crate) valid_until: Option<UnixTime>,
}

impl Judge<'_> {
    pub(crate) fn decisions(
        &self,
        target: &Target,
        chain: &[CertificateDer<'static>],
    ) -> Vec<Decision> {
        if chain.is_empty() {
            return Vec::new();
        }
        let mut all = Vec::new();
        let host = Host::Name(target.host.clone());
        let typed = ReferenceIds::for_host(&host, Provenance::Typed).ok();
        if let Some(references) = &typed {
            let client = format!("knows {}", target.host);
            all.push(self.decide(client, references.clone(), None, target, chain));
        }
        for domain in self.domains {
            let Some(status) = self.leads_here(domain, target) else {
                continue;
            };
            let (provenance, how) = match status {
                DnsStatus::Secure => (Provenance::SrvSecure, "signed SRV"),
                _ => (Provenance::SrvInsecure, "SRV"),
            };
            let source =
                ReferenceSource::new(target.service, target.mode, host.clone(), provenance)
                    .with_service_domain(domain.clone());
            if let Ok(references) = ReferenceIds::derive(&source) {
                let client = format!("comes by {how} of {domain}");
                all.push(self.decide(client, references, None, target, chain));
            }
        }
        let records = self.names.records_of(&target.host, target.port);
        let records = records.filter(|records| records.requires_tls());
        if let (Some(records), Some(references)) = (records, typed) {
            let client = "applies TLSA (DANE)".to_owned();
            all.push(self.decide(client, references, Some(&records), target, chain));
        }
        all
    }

    fn decide(
        &self,
        client: String,
        references: ReferenceIds,
        records: Option<&mail_tls::discovery::ServerRecords>,
        target: &Target,
        chain: &[CertificateDer<'static>],
    ) -> Decision {
        let expected = references.iter().map(ToString::to_string).collect();
        let requirements = Requirements::server(self.anchors.clone(), references, self.algorithms);
        let requirements = match records {
            None => Ok(requirements),
            Some(records) => self.with_records(requirements, records, target),
        };
        let verdict = requirements
            .map(|requirements| evaluate(&Evidence::from_chain(chain), &requirements, self.now));
        let mut decision = Decision {
            client,
            references: expected,
            is_accepted: false,
            why: String::new(),
            codes: Vec::new(),
            valid_until: None,
        };
        match verdict {
            Ok(Ok(verification)) => {
                decision.is_accepted = true;
                decision.why = accepted_by(&verification);
                decision.valid_until = Some(verification.valid_until());
            }
            Ok(Err(rejection)) => {
                decision.codes = rejection.failures().map(|failure| failure.code()).collect();
                decision.why = refused_for(&rejection);
            }
            Err(why) => decision.why = why,
        }
        decision
    }

    fn with_records(
        &self,
        requirements: Requirements,
        records: &mail_tls::discovery::ServerRecords,
        target: &Target,
    ) -> Result<Requirements, String> {
        let host = Host::Name(target.host.clone());
        let (service, mode) = (target.service, target.mode);
        let endpoint = Endpoint::new(service, mode, host, target.port, Provenance::Typed);
        let lookup = records.tlsa_lookup(&endpoint, self.now);
        let lookup = lookup.ok_or("there is no address")?;
        let dane = DanePolicy::default().decide(&lookup);
        let dane = dane.map_err(|refusal| refusal.to_string())?;
        requirements
            .with_dane(dane)
            .map_err(|error| error.to_string())
    }

    /// The status of the domain's SRV records, if one of them is for this server.
    fn leads_here(&self, domain: &HostName, target: &Target) -> Option<DnsStatus> {
        let question = Question::srv(target.service, target.mode, domain)?;
        let (status, records) = self.names.answers.get(&question)?.as_srv()?;
        records
            .iter()
            .any(|record| record.host() == Some(&target.host) && record.port() == target.port)
            .then_some(status)
    }
}

fn accepted_by(verification: &Verification) -> String {
    let by = match verification.authentication() {
        Authentication::Pkix => "a trusted authority vouches for it",
        Authentication::DaneTa => "an authority that DNS names vouches for it",
        Authentication::DaneEe => "DNS names the very certificate or key",
        _ => "it is authenticated",
    };
    match (verification.reference(), verification.presented_name()) {
        (Some(reference), Some(name)) => format!("{by}; {reference} is matched by {name}"),
        _ => by.to_owned(),
    }
}

fn refused_for(rejection: &CertificateRejection) -> String {
    let others = rejection.failures().count().saturating_sub(1);
    let primary = rejection.primary();
    match others {
        0 => primary.to_string(),
        1 => format!("{primary} (and one more reason)"),
        _ => format!("{primary} (and {others} more reasons)"),
    }
}
