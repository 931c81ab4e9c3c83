#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::identity::{PresentedId, PresentedIds, ReferenceIds, first_match};
use mail_tls::{Host, Provenance};
use mail_tls_fuzz::{Bound, certificate_with_names, read_bytes, within};
use rustls_pki_types::{CertificateDer, ServerName};

const BOUND: Bound = Bound {
    peak: (8 << 10, 64),
    total: (64 << 10, 2 << 10),
};

/// A host, and a certificate or the names in one.
#[derive(Debug)]
struct Input {
    host: Vec<u8>,
    is_whole: bool,
    bytes: Vec<u8>,
}

impl<'a> arbitrary::Arbitrary<'a> for Input {
    fn arbitrary(input: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let is_whole = input.arbitrary()?;
        let host = read_bytes(input)?;
        let bytes = input.bytes(input.len())?.to_vec();
        Ok(Self {
            host,
            is_whole,
            bytes,
        })
    }
}

// What matches is among the presented names; and what rustls-webpki says of the same certificate
// and host is what we say.
fuzz_target!(|data: &[u8]| within(BOUND, data, |input: Input| {
    let der = match input.is_whole {
        true => input.bytes,
        false => certificate_with_names(&input.bytes),
    };
    let certificate = CertificateDer::from(der);
    let Ok(host) = std::str::from_utf8(&input.host).map(Host::parse) else {
        return;
    };
    let presented = PresentedIds::of(&certificate);
    if let Ok(presented) = &presented {
        for name in presented.iter().take(1000) {
            let _ = format!("{name:?}");
        }
    }
    let Ok(host) = host else { return };
    let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
    let found = presented.as_ref().ok().and_then(|presented| {
        let found = first_match(&references, presented)?;
        assert!(presented.iter().any(|name| name == found.presented));
        Some(found.presented)
    });
    assert!(!matches!(found, Some(PresentedId::Malformed { .. })));
    let Ok(theirs) = webpki::EndEntityCert::try_from(&certificate) else {
        return;
    };
    let name = match &host {
        Host::Name(name) => ServerName::try_from(name.as_str().to_owned()).ok(),
        Host::Ip(address) => Some(ServerName::from(*address)),
    };
    let Some(name) = name else { return };
    let is_theirs = theirs.verify_is_valid_for_subject_name(&name).is_ok();
    // rustls-webpki gives up at a name that it cannot read; here such a name harms no other.
    let is_whole = presented.is_ok_and(|presented| {
        let mut names = presented.iter();
        !names.any(|name| matches!(name, PresentedId::Malformed { .. } | PresentedId::Other))
    });
    assert!(found.is_some() || !is_theirs, "{host}");
    assert!(found.is_none() || is_theirs || !is_whole, "{found:?}");
}));
