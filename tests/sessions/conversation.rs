//! Whole conversations.

use mail_tls::{EndOfInput, TlsVersions};

use crate::support::{Pair, Told, World};

const VERSIONS: [TlsVersions; 2] = [TlsVersions::Tls13Only, TlsVersions::Tls12Only];

#[test]
fn a_whole_conversation() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut pair = Pair::established(&world.connector(), &world.acceptor());
        pair.server
            .send(b"* OK ready\r\n", &mut pair.to_client)
            .unwrap();
        pair.run();
        assert_eq!(
            pair.client_trace(),
            [Told::Data(b"* OK ready\r\n".to_vec())]
        );
        pair.client
            .send(b"a1 LOGOUT\r\n", &mut pair.to_server)
            .unwrap();
        pair.client.close(&mut pair.to_server);
        pair.run();
        assert_eq!(
            pair.server_trace(),
            [Told::Data(b"a1 LOGOUT\r\n".to_vec()), Told::PeerClosed]
        );
        pair.server.send(b"* BYE\r\n", &mut pair.to_client).unwrap();
        pair.server.close(&mut pair.to_client);
        pair.run();
        assert_eq!(
            pair.client_trace(),
            [Told::Data(b"* BYE\r\n".to_vec()), Told::PeerClosed]
        );
        assert_eq!(pair.client.end_of_input(), EndOfInput::Clean);
        assert_eq!(pair.server.end_of_input(), EndOfInput::Clean);
        println!("{}", pair.client.info().unwrap());
        println!("{}", pair.server.info().unwrap());
    }
}
