//! Authorities that have the name of a trusted one: somebody's who took it, or one that its owner
//! made anew.

use pki_types::CertificateDer;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose};
use rustls::{AlertDescription, CertificateError};

use super::*;
use crate::identity::{Provenance, ReferenceIds};
use crate::name::Host;
use crate::testing::{Authority, NOW, authority_params, dns, key, leaf_params, providers};

const HOST: &str = "mail.example.net";

/// What both directions say, which must be the same.
fn rejection(chain: &[CertificateDer<'_>], trusted: &[&Authority]) -> CertificateRejection {
    let anchors = trusted.iter().map(|one| one.certificate.clone());
    let anchors = TrustAnchors::from_der(anchors).unwrap();
    let host = Host::parse(HOST).unwrap();
    let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
    let mut rejections = Vec::new();
    for provider in providers() {
        let algorithms = provider.signature_verification_algorithms;
        for requirements in [
            Requirements::server(anchors.clone(), references.clone(), algorithms),
            Requirements::client(anchors.clone(), algorithms),
        ] {
            let verdict = evaluate(&Evidence::from_chain(chain), &requirements, NOW);
            rejections.push(verdict.unwrap_err());
        }
    }
    for other in &rejections {
        assert!(
            other.failures().eq(rejections[0].failures()),
            "{other} is not {}",
            rejections[0]
        );
    }
    rejections.remove(0)
}

/// Whether there is an authorityKeyIdentifier is the choice of who issues.
fn params(with_identifier: bool) -> CertificateParams {
    let mut params = leaf_params(&[dns(HOST)]);
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.use_authority_key_identifier_extension = with_identifier;
    params
}

#[test]
fn an_authority_that_was_made_anew_is_unknown() {
    let (old, new) = (Authority::named("Root"), Authority::named("Root"));
    let older = Authority::named("Root");
    let between = new.authority(authority_params("Intermediate"));
    for with_identifier in [true, false] {
        let params = params(with_identifier);
        let (leaf, lower) = (new.issue(&params), between.issue(&params));
        let intermediate = between.certificate.clone();
        for (chain, is_sent) in [
            (vec![leaf.clone()], false),
            (vec![leaf, new.certificate.clone()], true),
            (vec![lower.clone(), intermediate.clone()], false),
            (vec![lower, intermediate, new.certificate.clone()], true),
        ] {
            for trusted in [&[&old][..], &[&older, &old]] {
                let rejection = rejection(&chain, trusted);
                let [failure] = rejection.failures().collect::<Vec<_>>()[..] else {
                    panic!("{rejection}")
                };
                let CheckFailure::UnknownAuthority {
                    authority,
                    sent,
                    is_namesake: true,
                } = failure
                else {
                    panic!("{failure:?}")
                };
                assert_eq!(
                    (authority.to_string().as_str(), *sent),
                    ("CN=Root", is_sent)
                );
                assert!(
                    failure
                        .to_string()
                        .contains("not the trusted one of that name")
                );
                assert!(failure.user_advice().contains("replaced its own authority"));
                assert!(failure.operator_advice().contains("made anew"));
                // RFC 8446 §6.2: "could not be matched with a known trust anchor".
                let error = rejection.tls_certificate_error();
                assert_eq!(error, CertificateError::UnknownIssuer);
                assert_eq!(AlertDescription::from(error), AlertDescription::UnknownCA);
            }
        }
    }
    // With both among the trusted ones it is one of them.
    let leaf = [new.issue(&params(true))];
    let anchors = [old.certificate, new.certificate];
    let anchors = TrustAnchors::from_der(anchors).unwrap();
    let algorithms = providers()[0].signature_verification_algorithms;
    let requirements = Requirements::client(anchors, algorithms);
    assert!(evaluate(&Evidence::from_chain(&leaf), &requirements, NOW).is_ok());
}

/// Where the certificate names the trusted key as the one that signed it (RFC 5280 §4.2.1.1), it
/// was altered; without that, nobody can tell an altered one from another authority's.
#[test]
fn a_certificate_that_was_altered_has_a_wrong_signature() {
    let root = Authority::named("Root");
    let with_other_dates = |certificate: &CertificateDer<'_>| {
        let mut altered = certificate.to_vec();
        let at = altered.windows(4).position(|four| four == b"4091").unwrap();
        altered[at + 3] = b'2';
        CertificateDer::from(altered)
    };
    for (with_identifier, code, alert) in [
        (true, "bad-signature", AlertDescription::BadCertificate),
        (false, "unknown-authority", AlertDescription::UnknownCA),
    ] {
        let mut params = params(with_identifier);
        params.not_after = rcgen::date_time_ymd(4091, 1, 1);
        let altered = with_other_dates(&root.issue(&params));
        let rejection = rejection(&[altered], &[&root]);
        let codes: Vec<_> = rejection.failures().map(CheckFailure::code).collect();
        assert_eq!(codes, [code], "{rejection}");
        let error = rejection.tls_certificate_error();
        assert_eq!(AlertDescription::from(error), alert);
    }
}

/// It is its own end, whatever it calls itself.
#[test]
fn a_self_signed_certificate_with_the_name_of_an_authority_is_self_signed() {
    let mut own = params(false);
    own.distinguished_name = authority_params("Root").distinguished_name;
    let own = own.self_signed(&key()).unwrap().der().clone();
    let rejection = rejection(&[own], &[&Authority::named("Root")]);
    let codes: Vec<_> = rejection.failures().map(CheckFailure::code).collect();
    assert_eq!(codes, ["self-signed"], "{rejection}");
}
