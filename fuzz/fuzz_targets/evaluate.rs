#![no_main]

use std::hint::black_box;

use libfuzzer_sys::fuzz_target;
use mail_tls::identity::ReferenceIds;
use mail_tls::verify::{Evidence, Requirements, evaluate};
use mail_tls::{Host, Provenance};
use mail_tls_fuzz::{Bound, DATE, HOST, Piece, Script, WORLD, algorithms, within};
use rustls_pki_types::{CertificateDer, UnixTime};

const BOUND: Bound = Bound {
    peak: (64 << 10, 64),
    total: (256 << 10, 2 << 10),
};

// Certificates that nobody has signed are never accepted; the real one may be among them, whole
// or with one bit flipped.
fuzz_target!(|data: &[u8]| {
    within(BOUND, data, |input: (u16, u8, Script<Piece>)| {
        let (at, bit, Script(pieces)) = input;
        let mut chain: Vec<CertificateDer<'_>> = pieces
            .into_iter()
            .map(|piece| CertificateDer::from(piece.0))
            .collect();
        let real = &WORLD.chain.certificates()[0];
        if bit & 0x80 != 0 {
            let mut leaf = real.to_vec();
            if let Some(byte) = leaf.get_mut(usize::from(at)) {
                *byte ^= 1 << (bit % 8);
            }
            chain.insert(0, CertificateDer::from(leaf));
        }
        let host = Host::parse(HOST).unwrap();
        let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
        let requirements = Requirements::server(WORLD.anchors.clone(), references, algorithms());
        let now = UnixTime::since_unix_epoch(DATE);
        match evaluate(&Evidence::from_chain(&chain), &requirements, now) {
            Ok(verification) => {
                assert_eq!(chain.first(), Some(real));
                assert_eq!(verification.presented_name(), Some(HOST));
            }
            Err(rejection) => {
                assert!(rejection.to_string().len() < 64 << 10);
                black_box((format!("{rejection:?}"), rejection.code()));
            }
        }
    });
});
