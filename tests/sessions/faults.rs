//! Faults of the peer: dead is dead, and nothing panics.

use bytes::BytesMut;
use mail_tls::{Error, ProtocolError, TlsVersions};

use crate::support::{Pair, Session, Told, VERSIONS, World, failure, protocol, provider, short};
use crate::wire::records;

fn established(versions: TlsVersions) -> Pair {
    let world = World::with_versions(versions);
    Pair::established(&world.connector(), &world.acceptor())
}

/// Every verb of a dead session: the same error, no bytes, no panic.
pub(crate) fn assert_dead(session: &mut impl Session, error: &Error) {
    let mut out = BytesMut::new();
    for _ in 0..2 {
        assert_eq!(session.send(b"x", &mut out), Err(error.clone()));
        assert_eq!(session.send(b"", &mut out), Err(error.clone()));
        assert_eq!(session.queue(b"x", &mut out), Err(error.clone()));
        assert_eq!(session.flush(&mut out), Err(error.clone()));
        assert_eq!(session.expire(&mut out), Err(error.clone()));
        session.close(&mut out);
        session.trim();
        assert!(!session.is_established());
        assert_eq!(session.deadline(), None);
        for input in [&b""[..], b"\x17\x03\x03\x00\x01\x00", &[0; 40_000]] {
            let told = session.drive(&mut BytesMut::from(input), &mut out);
            assert_eq!(told, [Told::Failed(error.clone())]);
        }
        assert!(!session.end_of_input().is_clean());
        let _ = session.own_verb(&mut out);
        assert!(out.is_empty());
    }
}

/// What was received before a damaged record is delivered first, however the bytes come, and
/// whatever the embedder calls in between; the alert goes out once, and nothing behind it.
#[test]
fn what_came_before_the_fault_is_delivered_first() {
    type Call = fn(&mut dyn Session, &mut BytesMut);
    let calls: [Call; 6] = [
        |_, _| {},
        |session, out| drop(session.send(b"x", out)),
        |session, out| drop(session.queue(b"x", out)),
        |session, out| drop(session.flush(out)),
        |session, _| session.trim(),
        |session, out| drop(session.expire(out)),
    ];
    for versions in VERSIONS {
        for call in calls {
            for queued in [false, true] {
                let mut pair = established(versions);
                pair.server.send(b"good", &mut pair.to_client).unwrap();
                pair.server.send(b"bad", &mut pair.to_client).unwrap();
                *pair.to_client.last_mut().unwrap() ^= 1;
                let (client, out) = (&mut pair.client, &mut pair.to_server);
                if queued {
                    client.queue(b"waits", out).unwrap();
                }
                let mut incoming = pair.to_client.split();
                let first = client.step(&mut incoming, out);
                assert_eq!(first, Some(Told::Data(b"good".to_vec())));
                call(client, out);
                let told = client.drive(&mut incoming, out);
                // After trim the lent data are given up.
                let error = failure(&told).clone();
                assert_eq!(*protocol(&error), ProtocolError::CannotDecrypt);
                assert_eq!(told.len(), 1);
                let alert = out.split();
                assert_dead(client, &error);
                pair.server_in.extend_from_slice(&alert);
                let told = pair.server.drive(&mut pair.server_in, &mut pair.to_client);
                match protocol(failure(&told)) {
                    ProtocolError::AlertReceived {
                        alert,
                        established: true,
                        ..
                    } => {
                        assert_eq!(alert.name(), Some("bad_record_mac"));
                    }
                    other => panic!("{other:?}"),
                }
                // Nothing was put behind the alert, where it would be lost.
                assert_eq!(records(&alert).count(), 1);
                assert!(pair.to_client.is_empty());
            }
        }
    }
}

/// Closing while a fault waits behind data: no second alert, no queued data behind the first.
#[test]
fn closing_while_a_fault_waits() {
    for versions in VERSIONS {
        let mut pair = established(versions);
        pair.server.send(b"good", &mut pair.to_client).unwrap();
        pair.server.send(b"bad", &mut pair.to_client).unwrap();
        *pair.to_client.last_mut().unwrap() ^= 1;
        pair.client.queue(b"waits", &mut pair.to_server).unwrap();
        let mut incoming = pair.to_client.split();
        let first = pair.client.step(&mut incoming, &mut pair.to_server);
        assert_eq!(first, Some(Told::Data(b"good".to_vec())));
        pair.client.close(&mut pair.to_server);
        assert_eq!(records(&pair.to_server).count(), 1);
        let told = pair.client.drive(&mut incoming, &mut pair.to_server);
        let error = failure(&told).clone();
        assert_eq!(*protocol(&error), ProtocolError::CannotDecrypt);
        assert_eq!(records(&pair.to_server).count(), 1);
        assert_dead(&mut pair.client, &error);
    }
}

/// RFC 8446 §5.1, RFC 5246 §6.2: headers that no record has, in each state and on each side.
#[test]
fn illegal_headers() {
    let headers: [&[u8]; 6] = [
        &[19, 3, 3, 0, 1, 0],       // no such type
        &[25, 3, 3, 0, 1, 0],       // no such type
        &[23, 2, 0, 0, 1, 0],       // not version 3.x
        &[23, 3, 3, 0x48, 1, 0],    // 18433 octets
        &[23, 3, 3, 0xff, 0xff, 0], // 65535 octets
        &[22, 3, 3, 0, 0],          // an empty handshake record
    ];
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let (connector, acceptor) = (world.connector(), world.acceptor());
        for header in headers {
            for deliveries in 0..4 {
                for to_client in [true, false] {
                    for piece in [1, usize::MAX] {
                        let mut pair = Pair::new(&connector, &acceptor);
                        for delivery in 0..deliveries {
                            if delivery % 2 == 0 {
                                pair.carry_to_server(usize::MAX);
                            } else {
                                pair.carry_to_client(usize::MAX);
                            }
                        }
                        if to_client {
                            refused(&mut pair.client, header, piece, deliveries > 1);
                        } else {
                            refused(&mut pair.server, header, piece, deliveries > 0);
                        }
                    }
                }
            }
        }
    }
}

/// What came before an illegal header in the same read is delivered first.
#[test]
fn data_before_an_illegal_header() {
    for versions in VERSIONS {
        for header in [
            &[25, 3, 3, 0, 1][..],
            &[23, 3, 3, 0xff, 0xff],
            &[23, 2, 0, 0, 1],
        ] {
            for size in [1, 5000] {
                let mut pair = established(versions);
                pair.server
                    .send(&vec![b'x'; size], &mut pair.to_client)
                    .unwrap();
                pair.to_client.extend_from_slice(header);
                pair.run();
                let told = pair.client_trace();
                assert_eq!(told[0], Told::Data(vec![b'x'; size]));
                assert!(matches!(
                    protocol(failure(&told)),
                    ProtocolError::Malformed { .. }
                ));
                match protocol(failure(&pair.server_trace())) {
                    ProtocolError::AlertReceived { alert, .. } => {
                        assert_eq!(alert.name(), Some("decode_error"));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

fn refused(session: &mut impl Session, bytes: &[u8], piece: usize, speaks_tls: bool) {
    let (mut incoming, mut out, mut told) = (BytesMut::new(), BytesMut::new(), Vec::new());
    for bytes in bytes.chunks(piece) {
        incoming.extend_from_slice(bytes);
        told.extend(session.drive(&mut incoming, &mut out));
        if !told.is_empty() {
            break;
        }
    }
    let error = failure(&told).clone();
    match protocol(&error) {
        ProtocolError::Malformed { .. } => assert!(!out.is_empty(), "{error} {bytes:?}"),
        ProtocolError::NotTls { .. } => assert!(!speaks_tls),
        other => panic!("{other:?}"),
    }
    assert_eq!(told.len(), 1);
    assert_dead(session, &error);
}

/// A flipped bit at every byte of every flight of a handshake: whoever receives it never
/// believes that the session is established, unless the byte is one that no version of TLS looks
/// at; and tells the sender of it.
#[test]
fn a_flipped_bit_in_the_handshake() {
    for versions in VERSIONS {
        let mut world = World::with_versions(versions);
        world.provider = Some(short(provider()));
        let connector = world.connector();
        let acceptor = world.acceptor_builder().tickets(0).build().unwrap();
        let flights = match versions {
            TlsVersions::Tls13Only => 3,
            _ => 4,
        };
        for flight in 0..flights {
            for at in 0.. {
                if !flip(&connector, &acceptor, flight, at) {
                    break;
                }
            }
        }
    }
}

/// Whether the flight has so many bytes.
fn flip(
    connector: &mail_tls::Connector,
    acceptor: &mail_tls::Acceptor,
    flight: usize,
    at: usize,
) -> bool {
    let mut pair = Pair::new(connector, acceptor);
    for before in 0..flight {
        if before % 2 == 0 {
            pair.carry_to_server(usize::MAX);
        } else {
            pair.carry_to_client(usize::MAX);
        }
    }
    let is_to_server = flight % 2 == 0;
    let bytes = if is_to_server {
        &mut pair.to_server
    } else {
        &mut pair.to_client
    };
    let Some(byte) = bytes.get_mut(at) else {
        return false;
    };
    *byte ^= 1 << (at % 8);
    let is_ignored = is_unprotected(bytes, at);
    let told;
    let mut out;
    if is_to_server {
        pair.carry_to_server(usize::MAX);
        told = pair.server_told.clone();
        out = pair.to_client.clone();
    } else {
        pair.carry_to_client(usize::MAX);
        told = pair.client_told.clone();
        out = pair.to_server.clone();
    }
    if let Some(Told::Failed(error)) = told.last() {
        let is_alert = matches!(error, Error::Protocol(e) if matches!(**e,
            ProtocolError::AlertReceived { .. } | ProtocolError::NotTls { .. }));
        assert!(!out.is_empty() || is_alert, "{flight} {at}: {error}");
        out.clear();
        let error = error.clone();
        if is_to_server {
            assert_dead(&mut pair.server, &error);
        } else {
            assert_dead(&mut pair.client, &error);
        }
    }
    pair.run();
    let told = if is_to_server {
        &pair.server_told
    } else {
        &pair.client_told
    };
    assert!(
        is_ignored || !told.contains(&Told::Established),
        "{flight} {at}: {told:?}"
    );
    let (client, server) = (pair.client.end_of_input(), pair.server.end_of_input());
    assert!(!client.is_clean() && !server.is_clean());
    true
}

/// The version in a record's header, which receivers ignore (RFC 8446 §5.1).
fn is_unprotected(bytes: &[u8], at: usize) -> bool {
    let mut start = 0;
    while let Some([_, _, _, high, low]) = bytes.get(start..start + 5) {
        if at < start + 5 {
            return (start + 1..start + 3).contains(&at);
        }
        start += 5 + usize::from(u16::from_be_bytes([*high, *low]));
    }
    false
}
