//! Python's `scramp`, the SCRAM of its PostgreSQL drivers, authenticates with SCRAM-SHA-256-PLUS
//! (RFC 7677) against our server, bound to `tls-server-end-point` (RFC 5929 §4): it computes the hash
//! of the certificate that its OpenSSL was shown, by its own reading of the signature algorithm.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::our_client::{Us, certified};
use crate::process::{AfterInput, Run, Scratch, peers_dir, run_to_end};
use crate::scram::Failure;
use crate::scram_server::{Outcome, SMTP, man_in_the_middle, serve};
use crate::starttls_server::acceptor;
use mail_tls::{Acceptor, ChannelBindingError, ChannelBindingType, Server, Service, TlsMode};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BOUND: Outcome = Outcome::Authenticated(Some(ChannelBindingType::TlsServerEndPoint));

fn scramp(port: u16, tls: Tls, ca: &Path) -> Run {
    let mut command = Command::new(peers_dir().join("venv/bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts/scramp_smtp.py"));
    command.arg(port.to_string()).arg(ca).arg(tls.number());
    run_to_end(&command, "", AfterInput::End)
}

/// One hash function after the other.
#[test]
#[ignore = "needs Python's scramp; run by .ci/run"]
fn the_end_point_of_each_hash() {
    for signer in [
        &rcgen::PKCS_ECDSA_P256_SHA256,
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_RSA_SHA256,
        &rcgen::PKCS_RSA_SHA384,
        &rcgen::PKCS_RSA_SHA512,
    ] {
        let certificates = Certificates::signed(signer);
        for tls in Tls::BOTH {
            let (address, server) = serve(acceptor(Service::Submission, &certificates), SMTP);
            let run = scramp(address.port(), tls, &certificates.ca);
            let outcome = server.join().unwrap();
            assert_eq!(outcome, BOUND, "{signer:?} {tls:?} {run:#?}");
            assert!(run.success() && run.says("server trusted"), "{run:#?}");
        }
    }
}

/// RSASSA-PSS names its hash functions in its parameters (RFC 4055 §3.1). OpenSSL signs.
#[test]
#[ignore = "needs OpenSSL and Python's scramp; run by .ci/run"]
fn the_end_point_of_a_pss_signature() {
    for hash in ["sha256", "sha384", "sha512"] {
        let pss = Pss::new(hash);
        for tls in Tls::BOTH {
            let (address, server) = serve(pss.acceptor(), SMTP);
            let run = scramp(address.port(), tls, &pss.ca);
            assert_eq!(server.join().unwrap(), BOUND, "{hash} {tls:?} {run:#?}");
            assert!(run.success(), "{run:#?}");
        }
    }
}

/// An authority with an RSA key, and what it has signed with RSASSA-PSS.
struct Pss {
    ca: PathBuf,
    chain: PathBuf,
    key: PathBuf,
    _scratch: Scratch,
}

impl Pss {
    fn new(hash: &str) -> Self {
        let scratch = Scratch::new();
        let path = |name: &str| scratch.path().join(name);
        let [ca_key, ca, key, chain] = ["ca.key", "ca.pem", "leaf.key", "leaf.pem"].map(path);
        let openssl = |arguments: &[&str], files: &[(&str, &PathBuf)]| {
            let mut command = Command::new("openssl");
            command.args(arguments);
            for (option, file) in files {
                command.arg(option).arg(file);
            }
            let run = run_to_end(&command, "", AfterInput::End);
            assert!(run.success(), "{run:#?}");
        };
        let authority = [
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-subj", "/CN=PSS",
        ];
        openssl(&authority, &[("-keyout", &ca_key), ("-out", &ca)]);
        let digest = format!("-{hash}");
        let mask = format!("rsa_mgf1_md:{hash}");
        let leaf = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "9",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            &digest,
            "-sigopt",
            "rsa_padding_mode:pss",
            "-sigopt",
            "rsa_pss_saltlen:digest",
            "-sigopt",
            &mask,
        ];
        let files = [
            ("-CA", &ca),
            ("-CAkey", &ca_key),
            ("-keyout", &key),
            ("-out", &chain),
        ];
        openssl(&leaf, &files);
        Self {
            ca,
            chain,
            key,
            _scratch: scratch,
        }
    }

    fn acceptor(&self) -> Acceptor {
        let chain = mail_tls::Certificates::new(certified(&self.chain, &self.key));
        let server = Server::builder().build().unwrap();
        let acceptor = server.acceptor(Service::Submission, TlsMode::StartTls, chain);
        acceptor.build().unwrap()
    }
}

/// RFC 5929 §4.1 does not define it for Ed25519, which has no hash function of its own. Some take
/// SHA-512, as `scramp` does; we say so instead.
#[test]
#[ignore = "needs Python's scramp; run by .ci/run"]
fn no_end_point_of_ed25519() {
    let certificates = Certificates::signed(&rcgen::PKCS_ED25519);
    for tls in Tls::BOTH {
        let (address, server) = serve(acceptor(Service::Submission, &certificates), SMTP);
        let run = scramp(address.port(), tls, &certificates.ca);
        let undefined = Outcome::NoBinding(ChannelBindingError::EndPointUndefined);
        assert_eq!(server.join().unwrap(), undefined, "{run:#?}");
        assert!(!run.success() && run.says("535"), "{run:#?}");
    }
}

/// A man in the middle with a certificate that the client believes is found out, unless it is the
/// server's own: then he is a proxy of the server's (RFC 5929 §4).
#[test]
#[ignore = "needs Python's scramp; run by .ci/run"]
fn a_man_in_the_middle_is_found_out() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let elsewhere = Certificates::good(Key::EcdsaP256);
    let both = [&certificates.ca, &elsewhere.ca].map(|file| fs::read_to_string(file).unwrap());
    let scratch = Scratch::new();
    let both = scratch.write("both.pem", both.concat());
    for (his_own, expected) in [
        (&certificates, BOUND),
        (&elsewhere, Outcome::Refused(Failure::OtherChannel)),
    ] {
        for tls in Tls::BOTH {
            let (address, server) = serve(acceptor(Service::Submission, &certificates), SMTP);
            let connector = Us::trusting(&certificates).connector(
                Service::Submission,
                TlsMode::StartTls,
                "localhost",
                address.port(),
            );
            let his_acceptor = acceptor(Service::Submission, his_own);
            let (his, man) = man_in_the_middle(his_acceptor, connector, address, SMTP);
            let run = scramp(his.port(), tls, &both);
            man.join().unwrap();
            assert_eq!(server.join().unwrap(), expected, "{run:#?}");
            assert_eq!(run.says("server trusted"), expected == BOUND, "{run:#?}");
        }
    }
}
