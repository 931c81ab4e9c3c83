//! DANE with a real server, and OpenSSL's opinion on the same records and the same chain.

use crate::Tls;
use crate::certificates::{Certificates, Fault, Key};
use crate::our_client::{Us, dial};
use crate::process::{AfterInput, LOOPBACK, run_to_end};
use crate::tls_servers::{self, TlsServer};
use mail_tls::dane::{Dane, DanePolicy, TlsaLookup, TlsaName, TlsaRecord};
use mail_tls::verify::Authentication;
use mail_tls::{Endpoint, Host, HostName, Provenance, Service, TlsMode, TrustAnchors};
use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256, Sha512};
use std::process::Command;
use std::time::Duration;

/// Usage, selector, matching type, and what the record is made from.
type Published = (u8, u8, u8, From);

#[derive(Clone, Copy, Debug)]
enum From {
    Leaf,
    Intermediate,
    /// It is not sent.
    Root,
    /// Another server's certificate.
    Stranger,
}

/// What is published, and by what it authenticates a server whose certificate has this fault.
const ROWS: &[(Option<Fault>, &[Published], Option<Authentication>)] = &[
    (None, &[(3, 0, 0, From::Leaf)], EE),
    (None, &[(3, 0, 1, From::Leaf)], EE),
    (None, &[(3, 0, 2, From::Leaf)], EE),
    (None, &[(3, 1, 0, From::Leaf)], EE),
    (None, &[(3, 1, 1, From::Leaf)], EE),
    (None, &[(3, 1, 2, From::Leaf)], EE),
    (None, &[(3, 1, 1, From::Stranger)], None),
    (None, &[(3, 1, 1, From::Intermediate)], None),
    (None, &[(2, 0, 0, From::Intermediate)], TA),
    (None, &[(2, 0, 1, From::Intermediate)], TA),
    (None, &[(2, 0, 2, From::Intermediate)], TA),
    (None, &[(2, 1, 0, From::Intermediate)], TA),
    (None, &[(2, 1, 1, From::Intermediate)], TA),
    (None, &[(2, 0, 1, From::Stranger)], None),
    (None, &[(2, 0, 1, From::Leaf)], None),
    // RFC 7671 §5.2.2 and §5.2.3.
    (None, &[(2, 0, 0, From::Root)], TA),
    (None, &[(2, 1, 0, From::Root)], TA),
    (None, &[(2, 0, 1, From::Root)], None),
    (None, &[(2, 1, 1, From::Root)], None),
    // RFC 7671 §9.
    (
        None,
        &[(3, 1, 1, From::Leaf), (3, 1, 2, From::Stranger)],
        None,
    ),
    (
        None,
        &[(3, 1, 1, From::Stranger), (3, 1, 2, From::Leaf)],
        EE,
    ),
    (
        None,
        &[(3, 1, 2, From::Stranger), (3, 1, 0, From::Leaf)],
        EE,
    ),
    (
        None,
        &[(3, 1, 1, From::Leaf), (3, 0, 2, From::Stranger)],
        EE,
    ),
    (
        None,
        &[(3, 1, 1, From::Stranger), (2, 0, 1, From::Intermediate)],
        TA,
    ),
    // RFC 7671 §5.1 against §5.2.
    (Some(Fault::WrongName), &[(3, 1, 1, From::Leaf)], EE),
    (
        Some(Fault::WrongName),
        &[(2, 0, 1, From::Intermediate)],
        None,
    ),
    (Some(Fault::Expired), &[(3, 1, 1, From::Leaf)], EE),
    (Some(Fault::Expired), &[(2, 0, 1, From::Intermediate)], None),
    (Some(Fault::NoIntermediate), &[(3, 1, 1, From::Leaf)], EE),
    (Some(Fault::NoIntermediate), &[(2, 0, 0, From::Root)], None),
    (Some(Fault::NoIntermediate), &[(2, 1, 0, From::Root)], None),
    (Some(Fault::SelfSigned), &[(3, 0, 1, From::Leaf)], EE),
    (Some(Fault::SelfSigned), &[(3, 1, 1, From::Leaf)], EE),
    (Some(Fault::SelfSigned), &[(3, 1, 1, From::Stranger)], None),
    (Some(Fault::SelfSigned), &[(2, 0, 1, From::Root)], None),
];
const EE: Option<Authentication> = Some(Authentication::DaneEe);
const TA: Option<Authentication> = Some(Authentication::DaneTa);

#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn our_client_and_openssl_agree() {
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    // Trusts nobody who has to do with the servers.
    let anchors = TrustAnchors::from_pem(stranger.cert.pem().as_bytes()).unwrap();
    let of_every_provider = Us::of_every_provider(&anchors);
    let faults = [
        None,
        Some(Fault::WrongName),
        Some(Fault::Expired),
        Some(Fault::NoIntermediate),
        Some(Fault::SelfSigned),
    ];
    for fault in faults {
        let certificates = match fault {
            None => Certificates::good(Key::EcdsaP256),
            Some(fault) => Certificates::bad(fault),
        };
        let same = |row: &&(Option<Fault>, &[Published], Option<Authentication>)| {
            format!("{:?}", row.0) == format!("{fault:?}")
        };
        let rows: Vec<_> = ROWS.iter().filter(same).collect();
        assert!(!rows.is_empty());
        for (tls, address) in Tls::BOTH.into_iter().zip(LOOPBACK) {
            let server = tls_servers::openssl(&certificates, tls, address, &[]);
            for (_, published, expected) in &rows {
                let records: Vec<TlsaRecord> = published
                    .iter()
                    .map(|published| record(published, &certificates, stranger.cert.der()))
                    .collect();
                let what = format!("{fault:?} {tls:?} {published:?}");
                for us in &of_every_provider {
                    assert_eq!(ours(us, &server, &records), *expected, "{what}");
                }
                assert_eq!(
                    openssl_accepts(&server, tls, &records),
                    expected.is_some(),
                    "OpenSSL: {what}"
                );
            }
        }
    }
}

fn record(
    (usage, selector, matching, from): &Published,
    certificates: &Certificates,
    stranger: &CertificateDer<'_>,
) -> TlsaRecord {
    let certificate: &[u8] = match from {
        From::Leaf => &certificates.chain_der[0],
        From::Intermediate => &certificates.chain_der[1],
        From::Root => &certificates.ca_der,
        From::Stranger => stranger,
    };
    let content = match selector {
        0 => certificate.to_vec(),
        _ => key_of(certificate),
    };
    let data = match matching {
        0 => content,
        1 => Sha256::digest(content).to_vec(),
        _ => Sha512::digest(content).to_vec(),
    };
    TlsaRecord::from_rdata(&[&[*usage, *selector, *matching][..], &data].concat()).unwrap()
}

/// The SubjectPublicKeyInfo, as another reader finds it.
fn key_of(certificate: &[u8]) -> Vec<u8> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).unwrap();
    parsed.public_key().raw.to_vec()
}

fn dane(server: &TlsServer, records: &[TlsaRecord]) -> Dane {
    let host = HostName::parse("localhost").unwrap();
    let name = TlsaName::tcp(server.address.port(), host).unwrap();
    let lookup = TlsaLookup::validated_over_trusted_path(
        name,
        records.to_vec(),
        UnixTime::now(),
        Duration::from_secs(3600),
    );
    DanePolicy::default().decide(&lookup.unwrap()).unwrap()
}

/// By what our client finds the server authenticated.
fn ours(us: &Us, server: &TlsServer, records: &[TlsaRecord]) -> Option<Authentication> {
    let endpoint = Endpoint::new(
        Service::Imap,
        TlsMode::Implicit,
        Host::parse("localhost").unwrap(),
        server.address.port(),
        Provenance::Typed,
    );
    let dane = dane(server, records);
    let connector = us.client.connector_with_dane(&us.account, endpoint, &dane);
    let mut connection = dial(&connector.unwrap(), server.address);
    connection.establish().ok()?;
    let verification = connection.session.info().unwrap().verification().cloned();
    Some(verification.unwrap().authentication())
}

fn openssl_accepts(server: &TlsServer, tls: Tls, records: &[TlsaRecord]) -> bool {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-brief", "-no-CAfile", "-no-CApath"]);
    command.args(["-connect", &server.address.to_string()]);
    command.arg(match tls {
        Tls::V12 => "-tls1_2",
        Tls::V13 => "-tls1_3",
    });
    command.args(["-verify_return_error", "-dane_ee_no_namechecks"]);
    command.args(["-dane_tlsa_domain", "localhost"]);
    for record in records {
        command.args(["-dane_tlsa_rrdata", &record.to_string()]);
    }
    let run = run_to_end(&command, "", AfterInput::End);
    let is_verified = run.says("Verification: OK") && run.says("DANE TLSA");
    assert_eq!(run.success(), is_verified, "{run:?}");
    is_verified
}

/// What GnuTLS' tool says is to be published is what our client then finds.
#[test]
#[ignore = "needs OpenSSL and GnuTLS; run by .ci/run"]
fn records_that_danetool_makes() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let anchors = TrustAnchors::from_pem(stranger.cert.pem().as_bytes()).unwrap();
    let (tls, address) = (Tls::V13, LOOPBACK[0]);
    let server = tls_servers::openssl(&certificates, tls, address, &[]);
    let (leaf, authority) = (&certificates.chain, &certificates.issuers);
    let rows: [(_, &[&str], &str, _); 6] = [
        (leaf, &[], "3 1 1 ", EE),
        (leaf, &["--x509"], "3 0 1 ", EE),
        (leaf, &["--hash", "sha512"], "3 1 2 ", EE),
        (authority, &["--ca"], "2 1 1 ", TA),
        (authority, &["--ca", "--x509"], "2 0 1 ", TA),
        // The authority published as the server's own certificate.
        (authority, &[], "3 1 1 ", None),
    ];
    for (file, extra, numbers, expected) in rows {
        let mut command = Command::new("danetool");
        command.args(["--tlsa-rr", "--host", "localhost", "--load-certificate"]);
        let run = run_to_end(command.arg(file).args(extra), "", AfterInput::End);
        let (_, record) = run.stdout.split_once("IN TLSA (").unwrap();
        let record = record.trim().strip_suffix(')').unwrap();
        let record = TlsaRecord::parse(record).unwrap();
        assert!(record.to_string().starts_with(numbers), "{record}");
        for us in Us::of_every_provider(&anchors) {
            let found = ours(&us, &server, std::slice::from_ref(&record));
            assert_eq!(found, expected, "{extra:?}");
        }
    }
}
