//! The same certificates and names before this library, `openssl verify` and `certtool --verify`.
//! Every disagreement stands in the table, with the clause that decides.

use crate::our_client::providers;
use crate::process::{AfterInput, Scratch, run_to_end};
use data_encoding::BASE64;
use mail_tls::identity::ReferenceIds;
use mail_tls::verify::{Evidence, Requirements, TrustAnchors, evaluate};
use mail_tls::{Host, Provenance};
use pki_types::{CertificateDer, UnixTime};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose,
    GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, date_time_ymd,
};
use std::process::Command;

const HOST: &str = "mail.example.net";
/// What all three must say.
const YES: [bool; 3] = [true; 3];
const NO: [bool; 3] = [false; 3];
/// Ours, OpenSSL's, GnuTLS'.
const ONLY_WE_REFUSE: [bool; 3] = [false, true, true];

type Chain = Vec<CertificateDer<'static>>;

/// A chain, the root that is trusted, and what comes of it for each of the names.
struct Row {
    what: &'static str,
    chain: Chain,
    trusted: CertificateDer<'static>,
    verdicts: Vec<(&'static str, [bool; 3])>,
}

#[test]
#[ignore = "needs OpenSSL and GnuTLS; run by .ci/run"]
fn on_names() {
    let root = Authority::root("Root", |_| {});
    let row = |what, names: &[Vec<u8>], verdicts: &[(&'static str, [bool; 3])]| Row {
        what,
        chain: vec![root.issue(&leaf(names))],
        trusted: root.certificate.clone(),
        verdicts: verdicts.to_vec(),
    };
    let by_common_name = |what, name: &str, names: &[Vec<u8>], verdicts: &[_]| {
        let mut params = leaf(names);
        params.distinguished_name.push(DnType::CommonName, name);
        Row {
            what,
            chain: vec![root.issue(&params)],
            trusted: root.certificate.clone(),
            verdicts: Vec::from(verdicts),
        }
    };
    let mapped = [&[0; 10][..], &[0xFF, 0xFF, 192, 0, 2, 1]].concat();
    let rows = [
        row(
            "RFC 6125 §6.4.1",
            &[dns(HOST)],
            &[
                (HOST, YES),
                ("MAIL.Example.NET", YES),
                ("example.net", NO),
                ("a.mail.example.net", NO),
                ("192.0.2.1", NO),
            ],
        ),
        row(
            "RFC 9525 §6.3: one label",
            &[dns("*.example.net")],
            &[
                (HOST, YES),
                ("xn--bcher-kva.example.net", YES),
                ("example.net", NO),
                ("a.b.example.net", NO),
            ],
        ),
        // As browsers and rustls-webpki have it; no document asks for it.
        row(
            "a whole top-level domain",
            &[dns("*.net")],
            &[("example.net", NO)],
        ),
        row(
            // RFC 9525 §6.3 takes back what RFC 6125 §6.4.3 left open; they do not know yet.
            "RFC 9525 §6.3: the whole label",
            &[dns("m*.example.net"), dns("*l.example.net")],
            &[(HOST, ONLY_WE_REFUSE)],
        ),
        row(
            "RFC 9525 §6.3: the left-most label",
            &[dns("mail.*.net"), dns("mail.example.*"), dns("*.*.net")],
            &[(HOST, NO)],
        ),
        row(
            "RFC 6125 §7.2: not within an A-label",
            &[dns("xn--*.example.net")],
            &[("xn--bcher-kva.example.net", NO)],
        ),
        row(
            "a name that ends early for who reads C strings",
            &[dns("mail.example.net\0.evil.example")],
            &[(HOST, NO)],
        ),
        row(
            // RFC 5280 §4.2.1.6 has names in the preferred form, which has no dot at the end.
            "a trailing dot in the certificate",
            &[dns("mail.example.net.")],
            &[(HOST, NO)],
        ),
        row(
            "RFC 9525 §6.4",
            &[
                ip(&[192, 0, 2, 1]),
                ip(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
            ],
            &[("192.0.2.1", YES), ("2001:db8::1", YES), ("192.0.2.2", NO)],
        ),
        row(
            "RFC 9525 §6.4: a mapped address is another one",
            &[ip(&mapped)],
            &[("192.0.2.1", NO)],
        ),
        row(
            "RFC 9525 §6.2: no address in a DNS-ID",
            &[dns("192.0.2.1")],
            &[("192.0.2.1", NO)],
        ),
        row(
            "RFC 4985: a service is not a host",
            &[srv("_imaps.mail.example.net")],
            &[(HOST, NO)],
        ),
        by_common_name(
            // RFC 7817 §3 allows a common name only where RFC 6125 §6.4.4 does, and RFC 9525 §1.2
            // no longer: here by opt-in alone.
            "RFC 9525 §1.2: a common name",
            HOST,
            &[],
            &[(HOST, ONLY_WE_REFUSE)],
        ),
        by_common_name(
            "RFC 6125 §6.4.4: a common name beside a DNS-ID",
            HOST,
            &[dns("other.example.net")],
            &[(HOST, NO)],
        ),
        by_common_name(
            // An SRV-ID is an identifier too, which OpenSSL does not know.
            "RFC 6125 §6.4.4: a common name beside an SRV-ID",
            HOST,
            &[srv("_imaps.example.net")],
            &[(HOST, [false, true, false])],
        ),
        by_common_name(
            "RFC 9525 §6.4: an address as a common name",
            "192.0.2.1",
            &[],
            &[("192.0.2.1", NO)],
        ),
    ];
    compare(&rows);
}

#[test]
#[ignore = "needs OpenSSL and GnuTLS; run by .ci/run"]
fn on_paths() {
    let root = Authority::root("Root", |_| {});
    let between = root.authority("Intermediate", |_| {});
    let trusted = root.certificate.clone();
    let host = || leaf(&[dns(HOST)]);
    let row = |what, chain: Chain, verdict| Row {
        what,
        chain,
        trusted: trusted.clone(),
        verdicts: vec![(HOST, verdict)],
    };
    let changed = |change: fn(&mut CertificateParams)| {
        let mut params = host();
        change(&mut params);
        vec![root.issue(&params)]
    };
    let below = |authority: &Authority, names: &[Vec<u8>]| {
        vec![authority.issue(&leaf(names)), authority.certificate.clone()]
    };
    let constrained = |constraints: NameConstraints| {
        root.authority("Constrained", |params| {
            params.name_constraints = Some(constraints)
        })
    };
    let tree = |name: &str| vec![GeneralSubtree::DnsName(name.to_owned())];
    let only_ours = constrained(NameConstraints {
        permitted_subtrees: tree("example.net"),
        excluded_subtrees: Vec::new(),
    });
    let not_ours = constrained(NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: tree("example.net"),
    });
    let narrow = root.authority("Narrow", |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    });
    let too_low = narrow.authority("Too low", |_| {});
    let no_authority = root.authority("No authority", |params| {
        params.is_ca = IsCa::ExplicitNoCa;
    });
    let for_lists = root.authority("For lists", |params| {
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
    });
    let anew = Authority::root("Root", |_| {});
    let checked_in = |der: &'static [u8], verdict| Row {
        trusted: CertificateDer::from(&include_bytes!("../certificates/ca.der")[..]),
        ..row("made by OpenSSL", vec![CertificateDer::from(der)], verdict)
    };
    let rows = [
        row(
            "through an intermediate",
            below(&between, &[dns(HOST)]),
            YES,
        ),
        row(
            "the root sent along",
            [below(&between, &[dns(HOST)]), vec![trusted.clone()]].concat(),
            YES,
        ),
        row("missing intermediate", vec![between.issue(&host())], NO),
        row("unknown authority", vec![anew.issue(&host())], NO),
        row(
            "expired",
            changed(|params| params.not_after = date_time_ymd(2021, 1, 1)),
            NO,
        ),
        row(
            "not yet valid",
            changed(|params| params.not_before = date_time_ymd(2048, 1, 1)),
            NO,
        ),
        row(
            "no extendedKeyUsage",
            changed(|params| params.extended_key_usages.clear()),
            YES,
        ),
        row(
            "RFC 5280 §4.2.1.12: for clients alone",
            changed(|params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
            NO,
        ),
        row(
            // RFC 5280 §4.2.1.12 lets an application require the purpose by name; rustls-webpki and
            // OpenSSL do.
            "RFC 5280 §4.2.1.12: anyExtendedKeyUsage",
            changed(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::Any]),
            [false, false, true],
        ),
        row(
            // No document forbids it: rustls-webpki does, and so is this left to a pin
            // (RFC 8314 §5.4).
            "an authority's own certificate as the server's",
            changed(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
            ONLY_WE_REFUSE,
        ),
        row(
            "RFC 5280 §6.1.4 (k)",
            below(&no_authority, &[dns(HOST)]),
            NO,
        ),
        row(
            "RFC 5280 §6.1.4 (n): a key for revocation lists alone",
            below(&for_lists, &[dns(HOST)]),
            NO,
        ),
        row(
            "RFC 5280 §4.2.1.9",
            [
                below(&too_low, &[dns(HOST)]),
                vec![narrow.certificate.clone()],
            ]
            .concat(),
            NO,
        ),
        row(
            "RFC 5280 §4.2.1.10, permitted",
            below(&only_ours, &[dns(HOST)]),
            YES,
        ),
        row(
            "RFC 5280 §4.2.1.10, one of two not permitted",
            below(&only_ours, &[dns(HOST), dns("mail.example.org")]),
            NO,
        ),
        row(
            "RFC 5280 §4.2.1.10, excluded",
            below(&not_ours, &[dns(HOST)]),
            NO,
        ),
        row(
            "RFC 5280 §4.2: an unknown critical extension",
            changed(|params| {
                let mut unknown =
                    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
                unknown.set_criticality(true);
                params.custom_extensions.push(unknown);
            }),
            NO,
        ),
        // It can hold no name: theirs is the common name (RFC 9525 §1.2).
        checked_in(
            include_bytes!("../certificates/version1.der"),
            ONLY_WE_REFUSE,
        ),
        // RFC 9325 §4.5. `openssl verify` measures keys only where a level of security is asked for.
        checked_in(
            include_bytes!("../certificates/rsa1024.der"),
            ONLY_WE_REFUSE,
        ),
        // RFC 9325 §4.1; likewise.
        checked_in(
            include_bytes!("../certificates/sha1.der"),
            [false, true, false],
        ),
    ];
    compare(&rows);
}

#[track_caller]
fn compare(rows: &[Row]) {
    let scratch = Scratch::new();
    let mut differences = Vec::new();
    for row in rows {
        let files = Files {
            leaf: scratch.write("leaf.pem", pem(&row.chain[..1])),
            others: scratch.write("others.pem", pem(&row.chain[1..])),
            chain: scratch.write("chain.pem", pem(&row.chain)),
            trusted: scratch.write("trusted.pem", pem(std::slice::from_ref(&row.trusted))),
            has_others: row.chain.len() > 1,
        };
        for (name, expected) in &row.verdicts {
            let found = [ours(row, name), files.openssl(name), files.gnutls(name)];
            if found != *expected {
                differences.push(format!("{}, {name}: {found:?}", row.what));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "ours, OpenSSL, GnuTLS: {differences:#?}"
    );
}

/// Whichever provider there is.
fn ours(row: &Row, name: &str) -> bool {
    let verdicts = providers().into_iter().map(|provider| {
        let requirements = Requirements::server(
            TrustAnchors::from_der([row.trusted.clone()]).unwrap(),
            ReferenceIds::for_host(&Host::parse(name).unwrap(), Provenance::Typed).unwrap(),
            provider.signature_verification_algorithms,
        );
        evaluate(
            &Evidence::from_chain(&row.chain),
            &requirements,
            UnixTime::now(),
        )
        .is_ok()
    });
    let verdicts: Vec<bool> = verdicts.collect();
    assert!(verdicts.windows(2).all(|two| two[0] == two[1]));
    verdicts[0]
}

/// One row, as the programs read it.
struct Files {
    leaf: std::path::PathBuf,
    others: std::path::PathBuf,
    chain: std::path::PathBuf,
    trusted: std::path::PathBuf,
    has_others: bool,
}

impl Files {
    fn openssl(&self, name: &str) -> bool {
        let mut command = Command::new("openssl");
        command.args([
            "verify",
            "-no-CAfile",
            "-no-CApath",
            "-purpose",
            "sslserver",
        ]);
        command.arg("-trusted").arg(&self.trusted);
        if self.has_others {
            command.arg("-untrusted").arg(&self.others);
        }
        let is_address = name.parse::<std::net::IpAddr>().is_ok();
        command.arg(if is_address {
            "-verify_ip"
        } else {
            "-verify_hostname"
        });
        let run = run_to_end(command.arg(name).arg(&self.leaf), "", AfterInput::End);
        assert!(run.success() == run.says(": OK"), "{run:#?}");
        run.success()
    }

    fn gnutls(&self, name: &str) -> bool {
        let mut command = Command::new("certtool");
        command.args(["--verify", "--verify-purpose", "1.3.6.1.5.5.7.3.1"]);
        command.arg("--load-ca-certificate").arg(&self.trusted);
        command.args(["--verify-hostname", name]);
        let run = run_to_end(
            command.arg("--infile").arg(&self.chain),
            "",
            AfterInput::End,
        );
        assert!(run.says("Chain verification output: "), "{run:#?}");
        assert!(run.success() == run.says("output: Verified."), "{run:#?}");
        run.success()
    }
}

fn pem(certificates: &[CertificateDer<'_>]) -> String {
    let one = |certificate: &CertificateDer<'_>| {
        let text = BASE64.encode(certificate);
        let lines: Vec<&str> = text
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    };
    certificates.iter().map(one).collect()
}

struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn root(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (params, key) = (authority(name, change), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    fn authority(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (params, key) = (authority(name, change), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        let issuer = Issuer::new(params, key);
        Self {
            certificate,
            issuer,
        }
    }

    fn issue(&self, params: &CertificateParams) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        params.signed_by(&key, &self.issuer).unwrap().der().clone()
    }
}

fn authority(name: &str, change: impl FnOnce(&mut CertificateParams)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.use_authority_key_identifier_extension = true;
    change(&mut params);
    params
}

/// With these names in DER and no others, the common name included.
fn leaf(names: &[Vec<u8>]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Example");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    if !names.is_empty() {
        let names = der(0x30, &names.concat());
        let names = CustomExtension::from_oid_content(&[2, 5, 29, 17], names);
        params.custom_extensions.push(names);
    }
    params
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap();
    assert!(length < 128);
    [&[tag, length], content].concat()
}

fn dns(name: &str) -> Vec<u8> {
    der(0x82, name.as_bytes())
}

fn ip(octets: &[u8]) -> Vec<u8> {
    der(0x87, octets)
}

/// A GeneralName with an SRV-ID (RFC 4985 §2).
pub(crate) fn srv(name: &str) -> Vec<u8> {
    let id: &[u8] = b"\x06\x08\x2B\x06\x01\x05\x05\x07\x08\x07";
    let value = der(0xA0, &der(0x16, name.as_bytes()));
    der(0xA0, &[id, &value].concat())
}
