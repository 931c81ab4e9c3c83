//! Chains of certificates at the bounds and far beyond them: over the wire, and given to `evaluate`
//! directly, because TLS libraries cap a handshake message at 64 KiB.

use std::sync::Arc;

use mail_tls::identity::{PresentedIds, ReferenceIds, first_match};
use mail_tls::verify::{Evidence, Requirements, evaluate};
use mail_tls::{Host, ProtocolError, Provenance, TlsVersions};
use pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::{AlertDescription, ServerConfig};

use crate::faults::assert_dead;
use crate::raw::{RAW_12, RAW_13, raw_server};
use crate::support::{Authority, HOST, Told, VERSIONS, World, failure, protocol, provider};

/// A certificate for so many names, ours the last; each takes 23 octets.
fn with_names(authority: &Authority, count: usize) -> CertificateDer<'static> {
    let mut names: Vec<String> = (1..count)
        .map(|n| format!("h{n:06}.example.org.xx"))
        .collect();
    names.push(HOST.to_owned());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    authority.issue_der(&names).0.remove(0)
}

fn verdict(authority: &Authority, chain: &[CertificateDer<'_>]) -> Result<(), &'static str> {
    let host = Host::parse(HOST).unwrap();
    let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
    let algorithms = provider().signature_verification_algorithms;
    let requirements = Requirements::server(authority.anchors(), references, algorithms);
    match evaluate(&Evidence::from_chain(chain), &requirements, UnixTime::now()) {
        Ok(_) => Ok(()),
        Err(rejection) => {
            assert!(rejection.to_string().len() < 1000);
            assert!(format!("{rejection:?}").len() < 100_000);
            Err(rejection.code())
        }
    }
}

type RawChain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A chain whose certificate message has a body of exactly so many bytes.
fn chain_of(authority: &Authority, versions: TlsVersions, body: usize) -> RawChain {
    // RFC 8446 §4.4.2, RFC 5246 §7.4.2: lengths, and in TLS 1.3 a context, and extensions of each.
    let (around, around_each) = match versions {
        TlsVersions::Tls12Only => (3, 3),
        _ => (4, 5),
    };
    let length = |chain: &[CertificateDer<'_>]| -> usize {
        around
            + chain
                .iter()
                .map(|der| der.len() + around_each)
                .sum::<usize>()
    };
    let (mut chain, key) = authority.issue_der(&[HOST]);
    chain.push(with_names(authority, 1200));
    let room = body - length(&chain);
    let mut names = vec!["h.example.org.xx".to_owned(); room / 18 - 60];
    // Longer labels in the last names make up for what is missing. A signature may be a byte or two
    // shorter than the last one was.
    for _ in 0..1000 {
        let list: Vec<&str> = names.iter().map(String::as_str).collect();
        chain.truncate(2);
        chain.push(authority.issue_der(&list).0.remove(0));
        match body.checked_sub(length(&chain)) {
            Some(0) => return (chain, key),
            Some(missing) => {
                let mut missing = missing;
                for name in names.iter_mut().rev() {
                    let more = missing.min(60_usize.saturating_sub(name.len()));
                    name.insert_str(0, &"h".repeat(more));
                    missing -= more;
                }
            }
            None => {
                let name = names.iter_mut().rev().find(|name| name.starts_with("hh"));
                name.unwrap().remove(0);
            }
        }
    }
    panic!("no chain of {body} bytes")
}

/// RFC 8446 §4.4.2: a certificate message may have 16 MiB; less than 64 KiB are taken. A byte more is
/// answered with close_notify: rustls refuses to buffer it, and has no alert for that.
#[test]
fn a_certificate_message_of_64_kib() {
    for versions in VERSIONS {
        let raw = match versions {
            TlsVersions::Tls12Only => RAW_12,
            _ => RAW_13,
        };
        for (body, fits) in [
            (0xff00, true),
            // What the records take beside the message counts, too.
            (0xffff, false),
            (0x1_0000, false),
            (0x1_8000, false),
        ] {
            let world = World::with_versions(versions);
            let (chain, key) = chain_of(&world.authority, versions, body);
            let config = ServerConfig::builder_with_provider(Arc::new(provider()))
                .with_protocol_versions(raw)
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
            let mut joint = raw_server(&world, config);
            joint.run();
            let told = joint.trace();
            if fits {
                assert_eq!(told, [Told::Established], "{versions:?} {body}");
                continue;
            }
            let error = failure(&told).clone();
            let ProtocolError::Malformed { detail, .. } = protocol(&error) else {
                panic!("{error:?}")
            };
            assert_eq!(
                &**detail,
                "a handshake message is larger than any that is known"
            );
            assert_dead(&mut joint.session, &error);
            // A server of TLS 1.2 hears it too (`messages.txt`); rustls' own makes nothing of it.
            if versions == TlsVersions::Tls13Only {
                let heard = rustls::Error::AlertReceived(AlertDescription::CloseNotify);
                assert_eq!(joint.error, Some(heard));
            }
        }
    }
}

/// A path search over a thousand certificates, each of which may have signed each other.
#[test]
fn a_chain_of_a_thousand_certificates() {
    let authority = Authority::new();
    let leaf = authority.issue_der(&[HOST]).0.remove(0);
    assert_eq!(verdict(&authority, std::slice::from_ref(&leaf)), Ok(()));
    let namesakes: Vec<_> = (0..20).map(|_| Authority::new()).collect();
    let namesakes = namesakes
        .iter()
        .map(|authority| authority.issue_der(&[HOST]).0.remove(0));
    let namesakes: Vec<_> = namesakes.collect();
    for others in [vec![leaf.clone()], namesakes] {
        let mut chain = vec![leaf.clone()];
        chain.extend(others.into_iter().cycle().take(999));
        assert_eq!(verdict(&authority, &chain), Err("too-many-certificates"));
    }
}

/// A certificate with a hundred thousand names is not even read; one with as many as fit is, in one
/// pass.
#[test]
fn a_certificate_with_a_hundred_thousand_names() {
    let authority = Authority::new();
    let leaf = with_names(&authority, 100_000);
    assert!(leaf.len() > 2_000_000);
    assert_eq!(
        verdict(&authority, std::slice::from_ref(&leaf)),
        Err("chain-too-large")
    );
    assert!(PresentedIds::of(&leaf).is_err());
    let leaf = with_names(&authority, 2600);
    assert_eq!(verdict(&authority, std::slice::from_ref(&leaf)), Ok(()));
    let presented = PresentedIds::of(&leaf).unwrap();
    assert_eq!(presented.iter().count(), 2600);
    for (host, is_there) in [(HOST, true), ("nobody.example.org", false)] {
        let host = Host::parse(host).unwrap();
        let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
        assert_eq!(first_match(&references, &presented).is_some(), is_there);
    }
}
