//! Channel bindings against those of OpenSSL and GnuTLS on the same connection.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::clients::{Library, Target};
use crate::driver::Connection;
use crate::our_server::acceptor;
use crate::process::Run;
use bytes::BytesMut;
use mail_tls::ChannelBindingType::{TlsExporter, TlsServerEndPoint};
use mail_tls::{ChannelBindingType, Service};
use std::net::{IpAddr, Ipv4Addr, TcpListener};

const EXPORT: [&str; 4] = [
    "-keymatexport",
    "EXPORTER-Channel-Binding",
    "-keymatexportlen",
    "32",
];

/// RFC 9266 §2. `s_client` exports without a context, which is the same as an empty one in TLS 1.3
/// alone (RFC 5705 §4).
#[test]
#[ignore = "needs openssl"]
fn the_exporter_is_that_of_an_openssl_client() {
    for key in [Key::EcdsaP256, Key::Rsa2048, Key::Ed25519] {
        let certificates = Certificates::good(key);
        let (binding, run) = ours_with(Tls::V13, &certificates, TlsExporter, |target| {
            target.openssl("quit\r\n", &EXPORT)
        });
        assert!(run.success(), "{run:?}");
        let printed = run.stdout.lines().find_map(keying_material).unwrap();
        assert_eq!(printed, binding);
    }
}

/// The same with an empty context, in both versions.
#[test]
#[ignore = "needs pyOpenSSL"]
fn the_exporter_is_that_of_pyopenssl() {
    for tls in Tls::BOTH {
        let certificates = Certificates::good(Key::EcdsaP256);
        let (binding, run) = ours_with(tls, &certificates, TlsExporter, |target| {
            target.python(Library::PyOpenSsl)
        });
        assert!(run.success(), "{run:?}");
        let expected = format!("exporter {}\n", binding.to_lowercase());
        assert!(run.says(&expected), "{tls:?}: {expected} in {run:#?}");
    }
}

/// RFC 9266 §2 and RFC 5929 §4, our server and GnuTLS' client; the end point by each hash function.
#[test]
#[ignore = "needs gnutls-cli"]
fn bindings_are_those_of_a_gnutls_client() {
    let all = [
        Certificates::good(Key::Rsa2048),
        Certificates::signed(&rcgen::PKCS_ECDSA_P256_SHA256),
        Certificates::signed(&rcgen::PKCS_ECDSA_P384_SHA384),
        Certificates::signed(&rcgen::PKCS_RSA_SHA256),
        Certificates::signed(&rcgen::PKCS_RSA_SHA512),
    ];
    for tls in Tls::BOTH {
        for certificates in &all {
            for binding_type in [TlsExporter, TlsServerEndPoint] {
                let (binding, run) = ours_with(tls, certificates, binding_type, |target| {
                    target.gnutls("quit\r\n", &["--verbose"])
                });
                assert!(run.success(), "{run:?}");
                let expected = format!(" '{binding_type}': {}", binding.to_lowercase());
                assert!(run.says(&expected), "{tls:?}: {expected} in {run:#?}");
            }
        }
    }
}

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The binding of a session of our server, and the client that was on the other end of it.
fn ours_with(
    tls: Tls,
    certificates: &Certificates,
    binding_type: ChannelBindingType,
    client: impl FnOnce(Target<'_>) -> Run,
) -> (String, Run) {
    let acceptor = acceptor(Service::Imap, certificates).build().unwrap();
    let listener = TcpListener::bind((LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let session = acceptor.accept().unwrap();
        let mut ours = Connection::new(socket, session, BytesMut::new());
        while !ours.session.is_established() {
            ours.turn_with(|_, _, _| Ok(())).unwrap();
        }
        let binding = ours.session.take_channel_binding(binding_type).unwrap();
        ours.send("ready\r\n").unwrap();
        assert_eq!(ours.line().unwrap(), "quit");
        ours.send("bye\r\n").unwrap();
        ours.close().unwrap();
        hexadecimal(binding.sasl_bytes())
    });
    let ca = &certificates.ca;
    let run = client(Target { address, ca, tls });
    (server.join().unwrap(), run)
}

/// What `s_client` prints of `-keymatexport`.
fn keying_material(line: &str) -> Option<String> {
    line.trim()
        .strip_prefix("Keying material: ")
        .map(str::to_owned)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
