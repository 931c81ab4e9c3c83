#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use mail_tls::dane::{DanePolicy, TlsaLookup, TlsaName, TlsaRecord};
use mail_tls::identity::ReferenceIds;
use mail_tls::verify::{Evidence, Requirements, evaluate};
use mail_tls::{Host, HostName, Provenance};
use mail_tls_fuzz::{Bound, DATE, HOST, Piece, Script, WORLD, algorithms, within};
use rustls_pki_types::UnixTime;

const BOUND: Bound = Bound {
    peak: (64 << 10, 64),
    total: (512 << 10, 4 << 10),
};

// Both forms of a record, there and back; and a set of them beside a chain that no trusted
// authority has signed: only a record that names a certificate of the chain lets it in.
fuzz_target!(|data: &[u8]| {
    within(BOUND, data, |input: Script<Piece>| {
        let records: Vec<TlsaRecord> = input.0.iter().filter_map(|piece| read(&piece.0)).collect();
        let name = TlsaName::tcp(993, HostName::parse(HOST).unwrap()).unwrap();
        let now = UnixTime::since_unix_epoch(DATE);
        let ttl = Duration::from_secs(300);
        let Ok(lookup) = TlsaLookup::validated_over_trusted_path(name, records.clone(), now, ttl)
        else {
            return;
        };
        let Ok(dane) = DanePolicy::default().decide(&lookup) else {
            return;
        };
        let host = Host::parse(HOST).unwrap();
        let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
        let requirements = Requirements::server(WORLD.stranger.clone(), references, algorithms())
            .with_dane(dane)
            .unwrap();
        let chain = [WORLD.chain.certificates()[0].clone(), WORLD.root.clone()];
        match evaluate(&Evidence::from_chain(&chain), &requirements, now) {
            Ok(_) => assert!(records.iter().any(names_the_chain), "{records:?}"),
            Err(rejection) => drop((rejection.to_string(), format!("{rejection:?}"))),
        }
    });
});

fn read(bytes: &[u8]) -> Option<TlsaRecord> {
    let of_text = std::str::from_utf8(bytes).ok().map(TlsaRecord::parse);
    let of_wire = TlsaRecord::from_rdata(bytes);
    if let Ok(record) = &of_wire {
        assert_eq!(record.to_rdata(), bytes);
    }
    for record in of_text.clone().into_iter().chain([of_wire.clone()]) {
        match record {
            Ok(record) => {
                assert_eq!(TlsaRecord::parse(&record.to_string()), Ok(record.clone()));
                assert_eq!(TlsaRecord::from_rdata(&record.to_rdata()), Ok(record));
            }
            Err(error) => drop(error.to_string()),
        }
    }
    match of_text {
        Some(Ok(record)) => Some(record),
        _ => of_wire.ok(),
    }
}

fn names_the_chain(record: &TlsaRecord) -> bool {
    mail_tls_fuzz::names_the_chain(
        record.usage().code_point(),
        record.selector().code_point(),
        record.matching().code_point(),
        record.data(),
    )
}
