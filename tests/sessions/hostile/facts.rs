//! What is known of rustls and would bite a program that passed it on, and the tests that show that
//! nothing of it gets through this crate:
//!
//! | rustls | test |
//! |---|---|
//! | an empty read is the end of the input | `an_empty_read_is_not_the_end` below |
//! | refuses input while 16 KiB of plaintext wait | `a_megabyte_in_one_read` below |
//! | reads nothing for ever after close_notify | `closing::what_follows_the_closure_is_ignored` |
//! | asserts, in debug builds, that no alert follows close_notify | `closing::nothing_follows_the_own_closure` |
//! | errors stay, alerts are to be fetched | `faults::what_came_before_the_fault_is_delivered_first` |
//! | waits for whole records before it looks at their headers | `faults::illegal_headers`, `records::oversized_records` |
//! | takes less than offered where it changes keys | `keys::tls_13_gets_new_keys_in_the_middle_of_a_large_message` |
//! | drops data at the key limit of TLS 1.2 and says they are sent | `keys::tls_12_ends`, `keys::tls_12_ends_within_a_message` |
//! | keeps what is written before the handshake is done | `nothing_is_kept_from_before_the_handshake` below |
//! | keeps 35 KiB after a large message | `memory.rs` of the fuzz targets |
//! | a ticket store by the server's name alone | `resumption::tickets_are_the_connectors_own`, `resumption::another_port_of_the_same_host_has_other_tickets` |
//! | no verification on resumption | `resumption::an_inherited_verdict_ends`, `resumption::an_account_that_was_changed_has_no_tickets` |
//! | a server takes the client's chain out of its ticket | `resumption::a_clients_certificate_is_judged_anew`, `resumption::tickets_are_the_acceptors_own` |
//! | a clock that runs backwards | `remembered::a_verdict_is_forgotten_when_the_clock_goes_back`, `resumption::an_inherited_verdict_ends`, `deadlines::a_wall_clock_that_jumps_moves_no_deadline` |
//! | one alert for every rejection of a verifier of one's own | `identity::certificates_of_servers_that_are_refused` |
//! | no bound on tickets and other records without data | `floods::a_flood_of_tickets`, `records::empty_records` |
//! | the handshake's state is one of a thread while it works | `reentrant::a_servers_key_that_speaks_tls` |

use bytes::BytesMut;
use mail_tls::ApiMisuse;

use crate::support::{Pair, Session, Told, VERSIONS, World, misuse};

/// `process` without input changes nothing, at each state and on each side.
#[test]
fn an_empty_read_is_not_the_end() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut pair = world.pair();
        let idle = |pair: &mut Pair| {
            for _ in 0..3 {
                let (mut empty, mut out) = (BytesMut::new(), BytesMut::new());
                assert_eq!(pair.client.drive(&mut empty, &mut out), []);
                assert_eq!(pair.server.drive(&mut empty, &mut out), []);
                assert!(out.is_empty());
            }
        };
        idle(&mut pair);
        while !pair.to_server.is_empty() || !pair.to_client.is_empty() {
            pair.carry_to_server(usize::MAX);
            idle(&mut pair);
            pair.carry_to_client(usize::MAX);
            idle(&mut pair);
        }
        assert_eq!(pair.client_trace(), [Told::Established]);
        pair.server.send(b"lives", &mut pair.to_client).unwrap();
        pair.run();
        assert_eq!(pair.client_trace(), [Told::Data(b"lives".to_vec())]);
        pair.server.close(&mut pair.to_client);
        pair.run();
        assert_eq!(pair.client_trace(), [Told::PeerClosed]);
        idle(&mut pair);
    }
}

/// However much lies in `incoming`, all of it is delivered, and nothing else is.
#[test]
fn a_megabyte_in_one_read() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut pair = Pair::established(&world.connector(), &world.acceptor());
        let data: Vec<u8> = (0..1 << 20).map(|n: u32| n.to_le_bytes()[1]).collect();
        for piece in [1 << 20, 100, 16 * 1024, 5000] {
            for sent in data.chunks(piece) {
                pair.server.send(sent, &mut pair.to_client).unwrap();
            }
            pair.carry_to_client(usize::MAX);
            assert_eq!(pair.client_trace(), [Told::Data(data.clone())]);
            assert!(pair.client_in.is_empty());
        }
    }
}

/// What was refused before the handshake was done is not sent afterwards.
#[test]
fn nothing_is_kept_from_before_the_handshake() {
    for versions in VERSIONS {
        let mut pair = World::with_versions(versions).pair();
        let (to_server, to_client) = (pair.to_server.clone(), pair.to_client.clone());
        for result in [
            pair.client.send(b"early", &mut pair.to_server),
            pair.client.queue(b"early", &mut pair.to_server),
            pair.server.send(b"early", &mut pair.to_client),
            pair.server.queue(b"early", &mut pair.to_client),
        ] {
            assert_eq!(misuse(result), ApiMisuse::SendBeforeEstablished);
        }
        assert_eq!((&pair.to_server, &pair.to_client), (&to_server, &to_client));
        pair.run();
        assert_eq!(pair.client_trace(), [Told::Established]);
        assert_eq!(pair.server_trace(), [Told::Established]);
    }
}
