//! Chains and keys that come in files which somebody has damaged, and keys that tell nothing.

use std::sync::Arc;

use mail_tls::{Account, Certificates, CertifiedChain, Error};
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

use crate::support::{HOST, Pair, Told, World, provider};

/// PEM whose line ends were lost on the way, in a variable of the environment for instance: no error
/// shows a line of it, because the line is the key.
#[test]
fn a_key_in_damaged_pem_is_not_shown() {
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let damages: [fn(&str) -> String; 5] = [
        |pem| pem.replace('\n', " "),
        |pem| pem.replace('\n', "\\n"),
        |pem| pem.replace('\n', ""),
        |pem| pem.replace("-----END", "---END"),
        |pem| pem.replace("\nM", "\n!"),
    ];
    for damage in damages {
        let damaged = damage(&key);
        for error in [
            CertifiedChain::from_pem(chain.as_bytes(), damaged.as_bytes()).unwrap_err(),
            CertifiedChain::from_pem((chain.clone() + &damaged).as_bytes(), key.as_bytes())
                .unwrap_err(),
        ] {
            for shown in [error.to_string(), format!("{error:?}")] {
                assert!(shown.len() < 200, "{shown}");
                assert!(!shown.contains(&key[60..68]), "{shown}");
            }
        }
    }
    // Another file than the right one.
    let error = CertifiedChain::from_pem(chain.as_bytes(), chain.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("private key"), "{error}");
}

/// A token that keeps even its public key to itself.
#[derive(Debug)]
struct Mute(Arc<dyn SigningKey>);

impl SigningKey for Mute {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.0.choose_scheme(offered)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

/// Such a key is trusted to fit, but its certificate has to be one all the same.
#[test]
fn a_certificate_whose_key_tells_nothing_has_to_be_readable() {
    let world = World::new();
    let mute = || {
        let (chain, key) = world.authority.issue_der(&[HOST]);
        let key = provider().key_provider.load_private_key(key).unwrap();
        (chain, Arc::new(Mute(key)))
    };
    let (chain, key) = mute();
    let good = CertifiedChain::with_signing_key(chain, key).unwrap();
    let acceptor = world
        .acceptor_with(Certificates::new(good))
        .build()
        .unwrap();
    let mut pair = Pair::new(&world.connector(), &acceptor);
    pair.run();
    assert_eq!(pair.client_trace(), [Told::Established]);

    let (_, key) = mute();
    let bad = CertifiedChain::with_signing_key(vec![vec![1, 2, 3].into()], key).unwrap();
    let account = Account::configured();
    account.authorise_client_certificate_with_tls12(bad.clone());
    let refused: [Option<Error>; 3] = [
        world
            .acceptor_with(Certificates::new(bad.clone()))
            .build()
            .err(),
        acceptor.replace_certificates(&Certificates::new(bad)).err(),
        world.client().connector(&account, world.endpoint()).err(),
    ];
    for error in refused {
        let error = error.expect("a certificate that nobody can read");
        assert!(error.to_string().contains("cannot be read"), "{error}");
    }
}
