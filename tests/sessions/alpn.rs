//! ALPN (RFC 7301), off by default and never the cause of anything weaker.

use bytes::BytesMut;
use mail_tls::error::Cause;
use mail_tls::{
    ClientAlpn, ConfigError, Error, HelloAnswer, PolicyRefusal, ProtocolError, ServerAlpn, Service,
    TlsVersions,
};

use crate::raw::{self, RAW_12, RAW_13};
use crate::support::{Pair, Told, VERSIONS, World, failure, protocol};
use crate::wire::hello_extensions;

const ALPN: u16 = 16;

fn world(service: Service, versions: TlsVersions) -> World {
    World {
        service,
        ..World::with_versions(versions)
    }
}

/// Off, offer and require, against ignore, answer and strict, for a service with an identifier.
#[test]
fn a_service_with_an_identifier() {
    use ClientAlpn::{Off, Offer, Require};
    use ServerAlpn::{Answer, Ignore, Strict};
    let rows = [
        (Off, Ignore, Ok(None)),
        (Off, Answer, Ok(None)),
        (Off, Strict, Ok(None)),
        (Offer, Ignore, Ok(None)),
        (Offer, Answer, Ok(Some("pop3"))),
        (Offer, Strict, Ok(Some("pop3"))),
        (Require, Ignore, Err("pop3")),
        (Require, Answer, Ok(Some("pop3"))),
        (Require, Strict, Ok(Some("pop3"))),
    ];
    for versions in VERSIONS {
        let world = world(Service::Pop3, versions);
        for (client, server, outcome) in &rows {
            let connector = world.connector_to(world.endpoint().with_alpn(*client));
            let acceptor = world.acceptor_builder().alpn(*server).build().unwrap();
            let mut pair = Pair::new(&connector, &acceptor);
            let offers: Vec<Vec<u8>> = hello_extensions(&pair.to_server)
                .into_iter()
                .filter(|(kind, _)| *kind == ALPN)
                .map(|(_, list)| list)
                .collect();
            match client {
                Off => assert!(offers.is_empty()),
                _ => assert_eq!(offers, [b"\0\x05\x04pop3"]),
            }
            pair.run();
            match outcome {
                Ok(selected) => {
                    assert_eq!(pair.client_trace(), [Told::Established]);
                    assert_eq!(pair.server_trace(), [Told::Established]);
                    for info in [pair.client.info().unwrap(), pair.server.info().unwrap()] {
                        assert_eq!(info.alpn(), selected.map(str::as_bytes));
                        let shown = format!(" alpn={} ", selected.unwrap_or("-"));
                        assert!(info.to_string().contains(&shown), "{info}");
                    }
                }
                Err(missed) => {
                    let told = pair.client_trace();
                    let Error::Policy(refusal) = failure(&told) else {
                        panic!("{told:?}")
                    };
                    let PolicyRefusal::AlpnNotSelected { required, .. } = &**refusal else {
                        panic!("{refusal:?}")
                    };
                    assert_eq!(required, missed);
                    assert!(!told.contains(&Told::Established));
                    // The server learns that the session is over.
                    assert!(pair.server_trace().contains(&Told::PeerClosed));
                }
            }
        }
    }
}

/// Submission has no registered identifier: requiring one is a mistake, offering none is not.
#[test]
fn a_service_without_an_identifier() {
    for versions in VERSIONS {
        for service in [Service::Submission] {
            let world = world(service, versions);
            let endpoint = world.endpoint().with_alpn(ClientAlpn::Require);
            match world.client().connector(&world.account, endpoint) {
                Err(Error::Config(error)) => {
                    assert!(
                        matches!(*error, ConfigError::NoAlpnRegistered { service: of, .. } if of == service)
                    );
                }
                other => panic!("{other:?}"),
            }
            let connector = world.connector_to(world.endpoint().with_alpn(ClientAlpn::Offer));
            for server in [ServerAlpn::Ignore, ServerAlpn::Answer, ServerAlpn::Strict] {
                let acceptor = world.acceptor_builder().alpn(server).build().unwrap();
                let pair = Pair::established(&connector, &acceptor);
                assert_eq!(pair.client.info().unwrap().alpn(), None);
            }
        }
    }
}

/// A browser, or whoever wants a mail server to believe that it is one (RFC 9325 §3.7).
#[test]
fn a_client_of_another_protocol() {
    for (versions, raw_versions) in [(VERSIONS[0], RAW_13), (VERSIONS[1], RAW_12)] {
        for (service, alpn, is_served) in [
            (Service::Imap, ServerAlpn::Ignore, true),
            (Service::Imap, ServerAlpn::Answer, false),
            (Service::Imap, ServerAlpn::Strict, false),
            (Service::Submission, ServerAlpn::Ignore, true),
            (Service::Submission, ServerAlpn::Answer, true),
            (Service::Submission, ServerAlpn::Strict, false),
        ] {
            let world = world(service, versions);
            let acceptor = world.acceptor_builder().alpn(alpn).build().unwrap();
            let mut config = raw::client_config(&world.authority, raw_versions);
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            let mut joint = raw::raw_client(acceptor.accept().unwrap(), config);
            joint.run();
            let told = joint.trace();
            if is_served {
                assert_eq!(told, [Told::Established], "{service} {alpn:?}");
                assert_eq!(joint.session.info().unwrap().alpn(), None);
                continue;
            }
            let code = failure(&told).code();
            assert!(
                ["no-common-application-protocol", "alpn-not-offered"].contains(&code),
                "{service} {alpn:?} {code}"
            );
            match joint.error {
                Some(rustls::Error::AlertReceived(alert)) => assert_eq!(u8::from(alert), 120),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The same where the embedder has looked at the ClientHello: its answer brings a certificate, or
/// another acceptor, and lets nobody in whom that one keeps out.
#[test]
fn a_client_of_another_protocol_whatever_is_answered() {
    let world = world(Service::Submission, TlsVersions::default());
    let strict = world.acceptor_builder().alpn(ServerAlpn::Strict);
    let strict = strict.ask_for_each_hello().build().unwrap();
    let lax = world.acceptor_builder().alpn(ServerAlpn::Ignore);
    let lax = lax.ask_for_each_hello().build().unwrap();
    let chain = world.authority.issue(&[crate::support::HOST]);
    for (acceptor, answer) in [
        (&strict, HelloAnswer::Configured),
        (&strict, HelloAnswer::Certificate(chain)),
        (&lax, HelloAnswer::Acceptor(strict.clone())),
    ] {
        let mut config = raw::client_config(&world.authority, RAW_13);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut joint = raw::raw_client(acceptor.accept().unwrap(), config);
        joint.run();
        assert_eq!(joint.trace(), [Told::ClientHello]);
        let refused = joint.session.answer(answer, &mut joint.to_raw);
        let Err(Error::Policy(refusal)) = refused else {
            panic!("{refused:?}")
        };
        assert!(
            matches!(
                *refusal,
                PolicyRefusal::AlpnNotOffered { required: None, .. }
            ),
            "{refusal}"
        );
        joint.deliver_to_raw();
        match joint.error {
            Some(rustls::Error::AlertReceived(alert)) => assert_eq!(u8::from(alert), 120),
            other => panic!("{other:?}"),
        }
    }
}

/// One that offers ours among others is served.
#[test]
fn ours_among_others() {
    for alpn in [ServerAlpn::Answer, ServerAlpn::Strict] {
        let world = World::new();
        let acceptor = world.acceptor_builder().alpn(alpn).build().unwrap();
        let mut config = raw::client_config(&world.authority, RAW_13);
        config.alpn_protocols = vec![b"h2".to_vec(), b"imap".to_vec()];
        let joint = raw::raw_client(acceptor.accept().unwrap(), config).established();
        assert_eq!(joint.raw.alpn_protocol(), Some(&b"imap"[..]));
    }
}

/// A server that refuses the offer ends the handshake, and the client says what it may have been.
#[test]
fn a_server_that_refuses_the_offer() {
    for versions in VERSIONS {
        let world = world(Service::Imap, versions);
        let raw_versions = if versions == VERSIONS[0] {
            RAW_13
        } else {
            RAW_12
        };
        let connector = world.connector_to(world.endpoint().with_alpn(ClientAlpn::Offer));
        let mut config = raw::server_config(&world.authority, raw_versions);
        config.alpn_protocols = vec![b"h2".to_vec()];
        let mut hello = BytesMut::new();
        let session = connector.connect(&mut hello).unwrap();
        let server = rustls::ServerConnection::new(std::sync::Arc::new(config)).unwrap();
        let mut joint = raw::WithRaw::new(session, hello, server);
        joint.run();
        match protocol(failure(&joint.trace())) {
            ProtocolError::AlertReceived {
                alert,
                established: false,
                causes,
                ..
            } => {
                assert_eq!(alert.code_point(), 120);
                assert_eq!(*causes, [Cause::AlpnNotAccepted]);
            }
            other => panic!("{other:?}"),
        }
    }
}
