//! mail-tls as a program uses it that brings its own provider of cryptography.

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::BytesMut;
    use mail_tls::{
        Acceptor, Account, Certificates, CertifiedChain, Client, Connector, Endpoint, Event,
        Server, Service, TlsMode, TlsVersions, TrustAnchors,
    };

    const HOST: &str = "imap.example.org";

    /// A connector and an acceptor of one certificate that is its own authority.
    fn both(versions: TlsVersions) -> (Connector, Acceptor) {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let chain = CertifiedChain::from_pem(pem.as_bytes(), key.as_bytes()).unwrap();
        let server = Server::builder()
            .crypto_provider(Arc::clone(&provider))
            .build()
            .unwrap();
        let acceptor = server
            .acceptor(Service::Imap, TlsMode::Implicit, Certificates::new(chain))
            .build()
            .unwrap();
        let client = Client::builder()
            .crypto_provider(provider)
            .versions(versions)
            .trust_anchors(TrustAnchors::from_pem(pem.as_bytes()).unwrap())
            .build()
            .unwrap();
        let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, HOST).unwrap();
        (
            client.connector(&Account::configured(), endpoint).unwrap(),
            acceptor,
        )
    }

    /// Whether the session was resumed, after a greeting has come through.
    fn visit(connector: &Connector, acceptor: &Acceptor) -> bool {
        let (mut to_server, mut to_client) = (BytesMut::new(), BytesMut::new());
        let mut client = connector.connect(&mut to_server).unwrap();
        let mut server = acceptor.accept().unwrap();
        let mut greeting = Vec::new();
        while greeting.is_empty() {
            while let Some(event) = server.process(&mut to_server, &mut to_client).unwrap() {
                assert_eq!(event, Event::Established);
                server.send(b"* OK\r\n", &mut to_client).unwrap();
            }
            while let Some(event) = client.process(&mut to_client, &mut to_server).unwrap() {
                if let Event::Data(data) = event {
                    greeting.extend_from_slice(data);
                }
            }
        }
        assert_eq!(greeting, b"* OK\r\n");
        client.info().unwrap().is_resumed()
    }

    #[test]
    fn sessions_and_their_resumption() {
        for versions in [TlsVersions::Tls13Only, TlsVersions::Tls12Only] {
            let (connector, acceptor) = both(versions);
            assert!(!visit(&connector, &acceptor), "{versions:?}");
            assert!(visit(&connector, &acceptor), "{versions:?}");
        }
    }

    #[test]
    fn without_a_provider_there_is_a_clear_error() {
        let error = Server::builder().build().unwrap_err();
        assert_eq!(error.code(), "configuration");
        assert!(
            error.to_string().contains("pass a CryptoProvider"),
            "{error}"
        );
    }

    #[test]
    fn without_anchors_there_is_a_clear_error() {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let error = Client::builder()
            .crypto_provider(provider)
            .build()
            .unwrap_err();
        assert!(error.to_string().contains("pass TrustAnchors"), "{error}");
    }
}
