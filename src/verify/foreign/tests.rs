//! A verifier that says what it is told to, and remembers what it was asked.

use std::sync::{Arc, Mutex};

use rcgen::DnType;

use super::*;
use crate::identity::{IdentityPolicy, Provenance, ReferenceSource};
use crate::name::HostName;
use crate::service::{Service, TlsMode};
use crate::testing::{Authority, NOW, dns, key, leaf_params, providers, srv};
use crate::verify::{
    Authentication, CheckResult, Revocation, RevocationLists, RevocationPolicy, evaluate,
};

#[derive(Debug, Default)]
struct Platform {
    /// The names that it accepts.
    accepts: Vec<&'static str>,
    /// What it says of others.
    otherwise: Option<VerifierRefusal>,
    asked: Mutex<Vec<String>>,
}

impl ServerVerifier for Platform {
    fn verify(&self, question: &ServerQuestion<'_>) -> Result<(), VerifierRefusal> {
        let name = question.name.to_str().into_owned();
        self.asked.lock().unwrap().push(name.clone());
        if self.accepts.contains(&name.as_str()) {
            return Ok(());
        }
        Err(self.otherwise.clone().unwrap_or(VerifierRefusal::WrongName))
    }
}

/// What a client of example.net's IMAP service expects whose DNSSEC-protected SRV records name
/// mx.example.org.
fn references(policy: IdentityPolicy) -> ReferenceIds {
    let host = Host::parse("mx.example.org").unwrap();
    let source = ReferenceSource::new(
        Service::Imap,
        TlsMode::Implicit,
        host,
        Provenance::SrvSecure,
    )
    .with_email_domain(HostName::parse("example.net").unwrap())
    .with_policy(policy);
    ReferenceIds::derive(&source).unwrap()
}

fn verdict(
    platform: Platform,
    names: &[Vec<u8>],
    policy: IdentityPolicy,
) -> (Result<Verification, CertificateRejection>, Vec<String>) {
    let mut params = leaf_params(names);
    params
        .distinguished_name
        .push(DnType::CommonName, "mx.example.org");
    let leaf = Authority::named("The platform's").issue(&params);
    let platform = Arc::new(platform);
    let algorithms = providers().remove(0).signature_verification_algorithms;
    let verifier: Arc<dyn ServerVerifier> = Arc::<Platform>::clone(&platform);
    let requirements = Requirements::server_verified_by(verifier, references(policy), algorithms);
    let verdict = evaluate(&Evidence::new(&leaf, &[]), &requirements, NOW);
    let asked = platform.asked.lock().unwrap().clone();
    (verdict, asked)
}

fn codes(verdict: &Result<Verification, CertificateRejection>) -> Vec<&'static str> {
    match verdict {
        Ok(_) => Vec::new(),
        Err(rejection) => rejection.failures().map(CheckFailure::code).collect(),
    }
}

fn accepting(accepts: &[&'static str]) -> Platform {
    Platform {
        accepts: accepts.to_vec(),
        ..Platform::default()
    }
}

#[test]
fn each_host_is_asked_for_in_turn() {
    let policy = IdentityPolicy::default();
    let (verdict, asked) = verdict(
        accepting(&["mx.example.org"]),
        &[dns("mx.example.org")],
        policy,
    );
    assert_eq!(asked, ["example.net", "mx.example.org"]);
    let verification = verdict.unwrap();
    assert_eq!(verification.authentication(), Authentication::Pkix);
    assert_eq!(
        verification.reference().unwrap().to_string(),
        "mx.example.org"
    );
    assert_eq!(verification.valid_until(), NOW, "it holds for now alone");
}

#[test]
fn a_platforms_own_idea_of_a_name_does_not_count() {
    // RFC 7817 §3, RFC 9525 §2: it takes common names, or a fragment for a wildcard.
    for names in [&[][..], &[dns("m*.example.org")], &[dns("mx.example.org.")]] {
        let both = accepting(&["mx.example.org", "example.net"]);
        let (verdict, _) = verdict(both, names, IdentityPolicy::default());
        assert_eq!(codes(&verdict), ["name-mismatch"], "{names:?}");
        let rejection = verdict.unwrap_err();
        let path = rejection.results().find(|(check, _)| *check == Check::Path);
        assert_eq!(path, Some((Check::Path, CheckResult::Passed)));
    }
    // Not even where the policy takes common names: it is beyond the verifier.
    let policy = IdentityPolicy::default().with_common_names(true);
    let (verdict, _) = verdict(accepting(&["mx.example.org"]), &[], policy);
    assert_eq!(codes(&verdict), ["unsupported-by-verifier"]);
}

#[test]
fn a_certificate_for_the_service_alone_is_beyond_it() {
    let policy = IdentityPolicy::default();
    let (verdict, asked) = verdict(Platform::default(), &[srv("_imaps.example.net")], policy);
    assert_eq!(asked, ["example.net", "mx.example.org"]);
    assert_eq!(codes(&verdict), ["unsupported-by-verifier"]);
    let text = verdict.unwrap_err().to_string();
    assert!(text.contains("_imaps.example.net"), "{text}");
}

#[test]
fn what_it_says_is_told() {
    let rows = [
        (
            VerifierRefusal::WrongName,
            "refused-by-verifier",
            Check::Identity,
        ),
        (
            VerifierRefusal::Expired,
            "refused-by-verifier",
            Check::Validity,
        ),
        (
            VerifierRefusal::NotYetValid,
            "refused-by-verifier",
            Check::Validity,
        ),
        (
            VerifierRefusal::Revoked,
            "refused-by-verifier",
            Check::Revocation,
        ),
        (
            VerifierRefusal::other("\u{202e}odd"),
            "refused-by-verifier",
            Check::Path,
        ),
        // Why is seen without it.
        (
            VerifierRefusal::UntrustedChain,
            "missing-intermediate",
            Check::Path,
        ),
    ];
    for (refusal, code, check) in rows {
        let platform = Platform {
            otherwise: Some(refusal.clone()),
            ..Platform::default()
        };
        let names = [dns("mx.example.org")];
        let (verdict, _) = verdict(platform, &names, IdentityPolicy::default());
        assert_eq!(codes(&verdict), [code], "{refusal:?}");
        let rejection = verdict.unwrap_err();
        let failed = rejection
            .results()
            .find(|(_, result)| *result == CheckResult::Failed);
        assert_eq!(failed, Some((check, CheckResult::Failed)), "{refusal:?}");
        assert!(!rejection.to_string().contains('\u{202e}'));
    }
}

#[test]
fn a_weak_key_is_refused_whatever_it_says() {
    let der = &include_bytes!("../../../tests/certificates/rsa1024.der")[..];
    let leaf = CertificateDer::from(der);
    let host = Host::parse("mail.example.net").unwrap();
    let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
    let algorithms = providers().remove(0).signature_verification_algorithms;
    let platform = Arc::new(accepting(&["mail.example.net"]));
    let requirements = Requirements::server_verified_by(platform, references, algorithms);
    let verdict = evaluate(&Evidence::new(&leaf, &[]), &requirements, NOW);
    assert!(codes(&verdict).contains(&"weak-key"), "{verdict:?}");
}

/// A pin needs the causes, which are seen without the verifier where it trusts nobody behind the
/// chain.
#[test]
fn an_untrusted_chain_shows_its_causes() {
    let leaf = leaf_params(&[dns("other.example")])
        .self_signed(&key())
        .unwrap();
    let platform = Platform {
        otherwise: Some(VerifierRefusal::UntrustedChain),
        ..Platform::default()
    };
    let algorithms = providers().remove(0).signature_verification_algorithms;
    let references = references(IdentityPolicy::default());
    let requirements = Requirements::server_verified_by(Arc::new(platform), references, algorithms);
    let verdict = evaluate(&Evidence::new(leaf.der(), &[]), &requirements, NOW);
    assert_eq!(codes(&verdict), ["self-signed", "name-mismatch"]);
    let rejection = verdict.unwrap_err();
    assert!(
        rejection
            .results()
            .all(|(_, result)| result != CheckResult::NotMade)
    );
}

/// The path that it found is not told, so that nothing is known about revocation, and a policy that
/// asks for it is not passed over.
#[test]
fn lists_beside_it_leave_revocation_unknown() {
    use rcgen::{CertificateRevocationListParams, KeyIdMethod, SerialNumber, date_time_ymd};
    let authority = Authority::named("The platform's");
    let leaf = authority.issue(&leaf_params(&[dns("mx.example.org")]));
    let list = authority.revoke(&CertificateRevocationListParams {
        this_update: date_time_ymd(2029, 1, 1),
        next_update: date_time_ymd(2031, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    });
    let lists = RevocationLists::from_der([list]).unwrap();
    let platform = Arc::new(Platform {
        accepts: vec!["mx.example.org"],
        ..Platform::default()
    });
    let algorithms = providers().remove(0).signature_verification_algorithms;
    let references = references(IdentityPolicy::default());
    let without = Requirements::server_verified_by(platform, references, algorithms);
    let verdict =
        |requirements: &Requirements| evaluate(&Evidence::new(&leaf, &[]), requirements, NOW);
    let accepted = verdict(&without).unwrap();
    assert_eq!(*accepted.revocation(), Revocation::NotAsked);

    let lax = without
        .clone()
        .with_revocation_lists(lists.clone(), RevocationPolicy::AcceptUnknown);
    let accepted = verdict(&lax).unwrap();
    assert!(matches!(accepted.revocation(), Revocation::Unknown(_)));
    let strict = without.with_revocation_lists(lists, RevocationPolicy::RequireKnown);
    let refused = verdict(&strict).unwrap_err();
    assert_eq!(refused.code(), "revocation-unknown");
    let failed = refused
        .results()
        .filter(|(_, result)| *result != CheckResult::Passed);
    assert_eq!(failed.count(), 1);
}
