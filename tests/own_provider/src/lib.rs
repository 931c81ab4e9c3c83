//! mail-tls as a program uses it that brings its own provider of cryptography.

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::BytesMut;
    use mail_tls::ticket_keys::{InvalidTicketKeys, TicketKey, TicketKeys, TicketSealer};
    use mail_tls::{
        Acceptor, AcceptorBuilder, Account, Certificates, CertifiedChain, Client, Clock, Connector,
        Endpoint, Event, Server, Service, TlsMode, TlsVersions, TrustAnchors,
    };
    use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
    use ring::rand::{SecureRandom, SystemRandom};

    const HOST: &str = "imap.example.org";

    /// A connector and an acceptor of one certificate that is its own authority.
    fn both(versions: TlsVersions) -> (Connector, Acceptor) {
        let (connector, builder) = both_with(versions);
        (connector, builder.build().unwrap())
    }

    fn both_with(versions: TlsVersions) -> (Connector, AcceptorBuilder) {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let chain = CertifiedChain::from_pem(pem.as_bytes(), key.as_bytes()).unwrap();
        let server = Server::builder()
            .crypto_provider(Arc::clone(&provider))
            .build()
            .unwrap();
        let acceptor = server.acceptor(Service::Imap, TlsMode::Implicit, Certificates::new(chain));
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

    /// What a program with a provider of its own brings: here ChaCha20-Poly1305 of ring's.
    #[derive(Debug)]
    struct OwnSealer;

    impl OwnSealer {
        fn key(key: &[u8; 32]) -> LessSafeKey {
            LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).unwrap())
        }
    }

    impl TicketSealer for OwnSealer {
        fn seal(&self, key: &[u8; 32], associated: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
            let mut nonce = [0; NONCE_LEN];
            SystemRandom::new().fill(&mut nonce).ok()?;
            let mut sealed = plaintext.to_vec();
            let unique = Nonce::assume_unique_for_key(nonce);
            Self::key(key)
                .seal_in_place_append_tag(unique, Aad::from(associated), &mut sealed)
                .ok()?;
            Some([&nonce[..], &sealed].concat())
        }

        fn open(&self, key: &[u8; 32], associated: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
            let (nonce, sealed) = sealed.split_first_chunk()?;
            let nonce = Nonce::assume_unique_for_key(*nonce);
            let mut opened = sealed.to_vec();
            let opened = Self::key(key)
                .open_in_place(nonce, Aad::from(associated), &mut opened)
                .ok()?;
            Some(opened.to_vec())
        }
    }

    #[test]
    fn ticket_keys_with_a_sealer_of_its_own() {
        let now = Clock::system().wall();
        let key = |seed: u8| {
            let octets: Vec<u8> = (0..48).map(|n: u8| n ^ seed).collect();
            TicketKey::new(&octets, now, now + Duration::from_secs(3600)).unwrap()
        };
        assert_eq!(
            TicketKeys::new([key(0)]).unwrap_err(),
            InvalidTicketKeys::NoSealer
        );
        for versions in [TlsVersions::Tls13Only, TlsVersions::Tls12Only] {
            let (connector, builder) = both_with(versions);
            let machine = |seed| {
                let keys = TicketKeys::with_sealer(Arc::new(OwnSealer), [key(seed)]).unwrap();
                builder.clone().ticket_keys(keys).build().unwrap()
            };
            assert!(!visit(&connector, &machine(0)), "{versions:?}");
            assert!(visit(&connector, &machine(0)), "{versions:?}");
            assert!(!visit(&connector, &machine(1)), "{versions:?}");
        }
    }

    #[test]
    fn without_a_provider_there_is_a_clear_error() {
        let error = Server::builder().build().unwrap_err();
        assert_eq!(error.code(), "no-crypto-provider");
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
