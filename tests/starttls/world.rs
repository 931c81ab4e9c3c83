//! A certificate, a client that trusts it, and a server that shows it.

use mail_tls::{
    Acceptor, Account, Certificates, CertifiedChain, Client, Connector, Endpoint, Host, Provenance,
    Server, Service, StartTlsStrategy, TlsMode, TrustAnchors,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

const HOST: &str = "mail.example.org";

pub(crate) struct World {
    client: Client,
    server: Server,
    certificates: Certificates,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let anchors = TrustAnchors::from_pem(params.self_signed(&key).unwrap().pem().as_bytes());
        let issuer = Issuer::new(params, key);
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new([HOST.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &issuer).unwrap().pem();
        let chain = CertifiedChain::from_pem(leaf.as_bytes(), key.serialize_pem().as_bytes());
        Self {
            client: Client::builder()
                .trust_anchors(anchors.unwrap())
                .build()
                .unwrap(),
            server: Server::builder().build().unwrap(),
            certificates: Certificates::new(chain.unwrap()),
        }
    }

    pub(crate) fn connector(
        &self,
        service: Service,
        mode: TlsMode,
        strategy: StartTlsStrategy,
    ) -> Connector {
        let host = Host::parse(HOST).unwrap();
        let endpoint = Endpoint::new(service, mode, host, 10_143, Provenance::Typed)
            .with_starttls_strategy(strategy);
        self.client
            .connector(&Account::configured(), endpoint)
            .unwrap()
    }

    pub(crate) fn acceptor(&self, service: Service, mode: TlsMode) -> Acceptor {
        self.server
            .acceptor(service, mode, self.certificates.clone())
            .build()
            .unwrap()
    }
}
