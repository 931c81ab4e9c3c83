#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::identity::ReferenceIds;
use mail_tls::verify::{Evidence, Requirements, evaluate};
use mail_tls::{Host, Provenance};
use mail_tls_fuzz::{HOST, WORLD};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::time::Duration;

// Certificates that nobody has signed are never accepted; the real one may be among them.
fuzz_target!(|input: (Vec<&[u8]>, Option<(u16, u8)>)| {
    let (garbage, flip) = input;
    let mut chain: Vec<CertificateDer<'_>> =
        garbage.into_iter().map(CertificateDer::from).collect();
    let mut is_real = false;
    if let Some((at, bit)) = flip {
        let mut leaf = WORLD.1.certificates()[0].to_vec();
        let at = usize::from(at) % (leaf.len() + 1);
        match leaf.get_mut(at) {
            Some(byte) => *byte ^= 1 << (bit % 8),
            None => is_real = true,
        }
        chain.insert(0, CertificateDer::from(leaf));
    }
    let references =
        ReferenceIds::for_host(&Host::parse(HOST).unwrap(), Provenance::Typed).unwrap();
    let provider = mail_tls_fuzz::algorithms();
    let requirements = Requirements::server(WORLD.0.clone(), references, provider);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    match evaluate(&Evidence::from_chain(&chain), &requirements, now) {
        Ok(verification) => {
            assert!(is_real);
            assert_eq!(verification.presented_name(), Some(HOST));
        }
        Err(rejection) => {
            let _ = (
                rejection.to_string(),
                format!("{rejection:?}"),
                rejection.code(),
            );
        }
    }
});
