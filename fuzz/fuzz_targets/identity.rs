#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::identity::{PresentedId, PresentedIds, ReferenceIds, first_match};
use mail_tls::{Host, Provenance};
use rustls_pki_types::CertificateDer;

fuzz_target!(|input: (&[u8], &str)| {
    let (der, host) = input;
    let certificate = CertificateDer::from(der);
    let Ok(presented) = PresentedIds::of(&certificate) else {
        return;
    };
    for name in presented.iter().take(1000) {
        let _ = format!("{name:?}");
    }
    let Ok(host) = Host::parse(host) else { return };
    let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
    if let Some(found) = first_match(&references, &presented) {
        assert!(presented.iter().any(|name| name == found.presented));
        assert!(!matches!(found.presented, PresentedId::Malformed { .. }));
    }
});
