//! A key that signs elsewhere, and itself speaks TLS on the same thread in order to do so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mail_tls::{Certificates, CertifiedChain};
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

use crate::support::{HOST, Pair, Told, VERSIONS, World, provider};

/// A token at the other end of a TLS connection.
#[derive(Debug, Clone)]
struct Remote {
    key: Arc<dyn SigningKey>,
    signed: Arc<AtomicUsize>,
    versions: mail_tls::TlsVersions,
}

#[derive(Debug)]
struct RemoteSigner(Box<dyn Signer>, Remote);

impl SigningKey for Remote {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = self.key.choose_scheme(offered)?;
        Some(Box::new(RemoteSigner(signer, self.clone())))
    }

    fn public_key(&self) -> Option<pki_types::SubjectPublicKeyInfoDer<'_>> {
        self.key.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}

impl Signer for RemoteSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.1.signed.fetch_add(1, Ordering::Relaxed);
        // The inner session differs in all that a session notes: it asks for a client
        // certificate, gets one, and is refused once.
        let world = World::with_versions(self.1.versions);
        world
            .account
            .authorise_client_certificate_with_tls12(world.authority.issue(&["token"]));
        let acceptor = world
            .acceptor_builder()
            .require_client_certificates(
                world.authority.anchors(),
                mail_tls::client_identity::IdentityMapping::key(),
            )
            .build()
            .unwrap();
        let mut inner = Pair::established(&world.connector(), &acceptor);
        assert!(inner.client.info().unwrap().client_certificate_sent());
        inner.client.send(message, &mut inner.to_server).unwrap();
        inner.run();
        assert_eq!(inner.server_trace(), [Told::Data(message.to_vec())]);
        let stranger = World::with_versions(self.1.versions);
        let mut refused = Pair::new(&stranger.connector(), &acceptor);
        refused.run();
        assert!(matches!(refused.client_trace()[..], [Told::Failed(_), ..]));
        self.0.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }
}

fn remote(world: &World, name: &str) -> (CertifiedChain, Arc<AtomicUsize>) {
    let (chain, key) = world.authority.issue_der(&[name]);
    let signed = Arc::new(AtomicUsize::new(0));
    let key = Remote {
        key: provider().key_provider.load_private_key(key).unwrap(),
        signed: Arc::clone(&signed),
        versions: world.versions,
    };
    (
        CertifiedChain::with_signing_key(chain, Arc::new(key)).unwrap(),
        signed,
    )
}

#[test]
fn a_servers_key_that_speaks_tls() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let (chain, signed) = remote(&world, HOST);
        let acceptor = world
            .acceptor_with(Certificates::new(chain))
            .build()
            .unwrap();
        let connector = world.connector();
        for round in 0..2 {
            let mut outer = Pair::established(&connector, &acceptor);
            assert_eq!(
                signed.load(Ordering::Relaxed),
                1,
                "a resumed session signs nothing"
            );
            let client = outer.client.info().unwrap();
            assert_eq!(client.is_resumed(), round == 1);
            assert!(!client.client_certificate_asked() && !client.client_certificate_sent());
            assert_eq!(client.verification().unwrap().presented_name(), Some(HOST));
            let server = outer.server.info().unwrap();
            assert!(server.verification().is_none() && !server.client_certificate_sent());
            outer.server.send(b"x", &mut outer.to_client).unwrap();
            outer.run();
            assert_eq!(outer.client_trace(), [Told::Data(b"x".to_vec())]);
        }
    }
}

#[test]
fn a_clients_key_that_speaks_tls() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let (chain, signed) = remote(&world, "fred.example.org");
        world.account.authorise_client_certificate_with_tls12(chain);
        let acceptor = world
            .acceptor_builder()
            .request_client_certificates(
                world.authority.anchors(),
                mail_tls::client_identity::IdentityMapping::key(),
            )
            .build()
            .unwrap();
        let outer = Pair::established(&world.connector(), &acceptor);
        assert_eq!(signed.load(Ordering::Relaxed), 1);
        let client = outer.client.info().unwrap();
        assert!(client.client_certificate_asked() && client.client_certificate_sent());
        assert_eq!(client.verification().unwrap().presented_name(), Some(HOST));
        assert!(outer.server.info().unwrap().verification().is_some());
    }
}
