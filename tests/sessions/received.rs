//! What a session says for the Received field.

use mail_tls::received::recorded_tls;
use mail_tls::{Endpoint, Service, TlsMode, TlsVersions};

use crate::support::{HOST, Pair, World};

/// RFC 8314 §4.3, RFC 3848: from what is true of the session, in both versions.
#[test]
fn the_clause_of_a_session() {
    for versions in [TlsVersions::Tls13Only, TlsVersions::Tls12Only] {
        let world = World::with_versions(versions);
        let certificates = mail_tls::Certificates::new(world.authority.issue(&[HOST]));
        let acceptor = world
            .server()
            .acceptor(Service::Submission, TlsMode::Implicit, certificates)
            .build()
            .unwrap();
        let endpoint = Endpoint::typed(Service::Submission, TlsMode::Implicit, HOST).unwrap();
        let connector = world.client().connector(&world.account, endpoint).unwrap();
        let pair = Pair::established(&connector, &acceptor);
        let info = pair.server.info().unwrap();
        let clause = info.received_clause().unwrap();
        assert_eq!(Some(clause.cipher_suite()), info.cipher_suite());
        assert_eq!(clause.group(), info.group());
        assert!(clause.group().is_some());
        let field = format!("from a by b with ESMTPS {clause}; date");
        let recorded = recorded_tls(field.as_bytes()).unwrap();
        assert_eq!(recorded.to_clause(), Some(clause));
        let keyword = info.transmission_type(true, false).unwrap().keyword();
        assert_eq!(keyword, "ESMTPSA");
        let keyword = info.transmission_type(false, true).unwrap().keyword();
        assert_eq!(keyword, "UTF8SMTPS");
        assert_eq!(pair.client.info().unwrap().received_clause(), Some(clause));
    }
}

/// RFC 8314 §4.3: the group "when applicable". A session of TLS 1.2 that is resumed has had no key
/// exchange (RFC 5246 §7.3), one of TLS 1.3 has its own (RFC 8446 §4.2.9).
#[test]
fn the_clause_of_a_resumed_session() {
    for versions in [TlsVersions::Tls13Only, TlsVersions::Tls12Only] {
        let world = World::with_versions(versions);
        let (connector, acceptor) = (world.connector(), world.acceptor());
        let clauses = [false, true].map(|is_resumed| {
            let pair = Pair::established(&connector, &acceptor);
            let info = pair.server.info().unwrap();
            assert_eq!(info.is_resumed(), is_resumed);
            let clause = info.received_clause().unwrap();
            assert_eq!(pair.client.info().unwrap().received_clause(), Some(clause));
            clause
        });
        let [full, resumed] = clauses;
        assert_eq!(resumed.cipher_suite(), full.cipher_suite());
        assert!(full.group().is_some());
        let has_own = versions == TlsVersions::Tls13Only;
        assert_eq!(resumed.group().is_some(), has_own, "{resumed}");
    }
}

#[test]
fn an_access_server_receives_no_messages() {
    let world = World::new();
    let pair = Pair::established(&world.connector(), &world.acceptor());
    let info = pair.server.info().unwrap();
    assert_eq!(info.transmission_type(true, false), None);
}
