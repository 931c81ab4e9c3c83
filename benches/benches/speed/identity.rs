//! Parsing a certificate's names and matching a host with them, beside rustls-webpki.

use std::hint::black_box;
use std::time::Duration;

use mail_tls::identity::{PresentedIds, ReferenceIds, first_match};
use mail_tls::{Host, Provenance};
use mail_tls_benches::contest::{Comparison, Contestant, Effort, contest, print_head, timed};
use pki_types::{CertificateDer, ServerName};
use rcgen::{CertificateParams, KeyPair};
use webpki::EndEntityCert;

const MATCHES: usize = 50;

pub(crate) fn run(effort: Effort) {
    print_head("Identity", &["rustls-webpki"]);
    for (names, none_at_most) in [(1, 1.0), (10, 1.0), (100, 1.0), (1000, 0.2)] {
        let certificate = certificate(names);
        for (what, host, at_most) in [
            (
                "the last matches",
                format!("h{}.example.org", names - 1),
                1.0,
            ),
            ("none matches", "other.example.org".to_owned(), none_at_most),
        ] {
            let row = Comparison::time(format!("{names} names, {what}"), MATCHES)
                .target("rustls-webpki", at_most);
            contest(effort, 200, &["rustls-webpki"], [row], || {
                vec![ours(&certificate, &host), webpki(&certificate, &host)]
            });
        }
    }
}

fn ours<'a>(certificate: &'a CertificateDer<'static>, host: &str) -> Contestant<'a, 1> {
    let host = Host::parse(host).unwrap();
    let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
    repeated("mail-tls", move || {
        let presented = PresentedIds::of(black_box(certificate)).unwrap();
        first_match(&references, &presented).is_some()
    })
}

fn webpki<'a>(certificate: &'a CertificateDer<'static>, host: &str) -> Contestant<'a, 1> {
    let name = ServerName::try_from(host.to_owned()).unwrap();
    repeated("rustls-webpki", move || {
        let certificate = EndEntityCert::try_from(black_box(certificate)).unwrap();
        certificate.verify_is_valid_for_subject_name(&name).is_ok()
    })
}

fn repeated<'a>(name: &'static str, mut matches: impl FnMut() -> bool + 'a) -> Contestant<'a, 1> {
    Contestant::new(name, move || {
        let mut lap = Duration::ZERO;
        timed(&mut lap, || {
            for _ in 0..MATCHES {
                black_box(matches());
            }
        });
        [lap]
    })
}

fn certificate(names: usize) -> CertificateDer<'static> {
    let names: Vec<String> = (0..names).map(|at| format!("h{at}.example.org")).collect();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(names).unwrap();
    params.self_signed(&key).unwrap().der().clone()
}
