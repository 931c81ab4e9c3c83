//! Closing and truncation (RFC 8446 §6.1, RFC 8314 §3.4).

use bytes::BytesMut;
use mail_tls::{Acceptor, ApiMisuse, Connector, EndOfInput, ProtocolError, TlsVersions};

use crate::raw::{self, RAW_12, RAW_13};
use crate::support::{
    Pair, Session, Told, VERSIONS, World, drive, failure, joined, misuse, protocol, provider, short,
};

const TRUNCATED: EndOfInput = EndOfInput::Truncated {
    in_record: false,
    is_established: true,
};

fn established(versions: TlsVersions) -> Pair {
    let world = World::with_versions(versions);
    Pair::established(&world.connector(), &world.acceptor())
}

fn data(bytes: &[u8]) -> Told {
    Told::Data(bytes.to_vec())
}

#[test]
fn data_and_closure_in_one_read() {
    for versions in VERSIONS {
        let mut pair = established(versions);
        pair.server
            .queue(b"* BYE\r\n", &mut pair.to_client)
            .unwrap();
        assert!(pair.to_client.is_empty());
        // Closing sends what is queued.
        pair.server.close(&mut pair.to_client);
        pair.run();
        assert_eq!(pair.client_trace(), [data(b"* BYE\r\n"), Told::PeerClosed]);
        assert_eq!(pair.client.end_of_input(), EndOfInput::Clean);
        assert_eq!(pair.server.end_of_input(), TRUNCATED);
    }
}

/// RFC 8446 §6.1: any data after a closure alert is ignored, in the same read and later, also
/// what is no TLS at all.
#[test]
fn what_follows_the_closure_is_ignored() {
    for versions in VERSIONS {
        let mut pair = established(versions);
        pair.server.send(b"1", &mut pair.to_client).unwrap();
        pair.server.close(&mut pair.to_client);
        pair.to_client.extend_from_slice(b"GET / HTTP/1.1\r\n");
        pair.run();
        assert_eq!(pair.client_trace(), [data(b"1"), Told::PeerClosed]);
        for late in [&b"\x17\x03\x03\x00\x05hello"[..], b"\x16", &[0; 40_000]] {
            pair.to_client.extend_from_slice(late);
            pair.run();
            assert_eq!(pair.client_trace(), []);
            assert!(pair.client_in.is_empty());
        }
        assert_eq!(pair.client.end_of_input(), EndOfInput::Clean);
        // The own half still sends.
        pair.client.send(b"2", &mut pair.to_server).unwrap();
        pair.run();
        assert_eq!(pair.server_trace(), [data(b"2")]);
    }
}

#[test]
fn either_half_closes_first_and_the_other_still_sends() {
    for versions in VERSIONS {
        for client_first in [true, false] {
            let mut pair = established(versions);
            let Pair {
                client,
                server,
                to_server,
                to_client,
                ..
            } = &mut pair;
            let (first, second, to_second, to_first): (&mut dyn Session, &mut dyn Session, _, _) =
                if client_first {
                    (client, server, to_server, to_client)
                } else {
                    (server, client, to_client, to_server)
                };
            first.close(to_second);
            let mut incoming = to_second.split();
            assert_eq!(second.drive(&mut incoming, to_first), [Told::PeerClosed]);
            assert!(second.is_established() && to_first.is_empty());
            for _ in 0..3 {
                second.send(&[b'y'; 20_000], to_first).unwrap();
                let mut incoming = to_first.split();
                let told = joined(first.drive(&mut incoming, to_second));
                assert_eq!(told, [data(&[b'y'; 20_000])]);
                assert!(to_second.is_empty(), "nothing follows close_notify");
            }
            assert_eq!(
                misuse(first.send(b"z", to_second)),
                ApiMisuse::SendAfterClose
            );
            second.close(to_first);
            let mut incoming = to_first.split();
            assert_eq!(first.drive(&mut incoming, to_second), [Told::PeerClosed]);
            assert_eq!(
                misuse(second.send(b"z", to_first)),
                ApiMisuse::SendAfterClose
            );
            assert_eq!(first.end_of_input(), EndOfInput::Clean);
            assert_eq!(second.end_of_input(), EndOfInput::Clean);
            assert!(to_second.is_empty() && to_first.is_empty());
        }
    }
}

#[test]
fn closing_twice_sends_one_alert_and_all_sending_is_misuse_after_it() {
    for versions in VERSIONS {
        let mut pair = established(versions);
        pair.client.close(&mut pair.to_server);
        let once = pair.to_server.len();
        assert!(once > 0);
        pair.client.close(&mut pair.to_server);
        let out = &mut pair.to_server;
        assert_eq!(
            misuse(pair.client.send(b"", out)),
            ApiMisuse::SendAfterClose
        );
        assert_eq!(
            misuse(pair.client.queue(b"x", out)),
            ApiMisuse::SendAfterClose
        );
        assert_eq!(misuse(pair.client.flush(out)), ApiMisuse::SendAfterClose);
        pair.client.close(out);
        assert_eq!(out.len(), once);
        pair.run();
        assert_eq!(pair.server_trace(), [Told::PeerClosed]);
    }
}

/// A peer's demand for new keys, tickets, data, and a damaged record: no answer goes out after
/// the own close_notify.
#[test]
fn nothing_follows_the_own_closure() {
    let world = World::with_versions(VERSIONS[0]);
    let server = world.acceptor().accept().unwrap();
    let config = raw::client_config(&world.authority, RAW_13);
    let mut joint = raw::raw_client(server, config).established();
    joint.session.close(&mut joint.to_raw);
    joint.to_raw.clear();
    for _ in 0..3 {
        joint.raw.refresh_traffic_keys().unwrap();
        joint.write(b"x");
    }
    joint.deliver_to_session();
    assert_eq!(joint.trace(), [data(b"xxx")]);
    assert!(joint.to_raw.is_empty());
    joint.write(b"y");
    *joint.to_session.last_mut().unwrap() ^= 1;
    joint.deliver_to_session();
    let told = joint.trace();
    assert_eq!(*protocol(failure(&told)), ProtocolError::CannotDecrypt);
    assert!(joint.to_raw.is_empty());
}

/// As above, over TLS 1.2: an attempt to renegotiate is not answered any more either.
#[test]
fn nothing_follows_the_own_closure_in_tls_12() {
    let world = World::with_versions(VERSIONS[1]);
    let server = world.acceptor().accept().unwrap();
    let config = raw::client_config(&world.authority, RAW_12);
    let mut joint = raw::raw_client(server, config).established();
    joint.session.close(&mut joint.to_raw);
    joint.to_raw.clear();
    joint.write(b"y");
    *joint.to_session.last_mut().unwrap() ^= 1;
    joint.deliver_to_session();
    assert_eq!(
        *protocol(failure(&joint.trace())),
        ProtocolError::CannotDecrypt
    );
    assert!(joint.to_raw.is_empty());
}

/// Closing a session that was never established: the alert goes out once, nothing is read any
/// more, and nobody waits for a deadline.
#[test]
fn closing_before_the_handshake_is_done() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let connector = world.connector();
        let acceptor = world.acceptor();
        for flights in 0..3 {
            for client_closes in [true, false] {
                let mut pair = Pair::new(&connector, &acceptor);
                for flight in 0..flights {
                    if flight % 2 == 0 {
                        pair.carry_to_server(usize::MAX);
                    } else {
                        pair.carry_to_client(usize::MAX);
                    }
                }
                if !pair.client_told.is_empty() || !pair.server_told.is_empty() {
                    continue; // TLS 1.3's client is done after the second flight
                }
                let Pair {
                    client,
                    server,
                    to_server,
                    to_client,
                    ..
                } = &mut pair;
                let (closing, out): (&mut dyn Session, _) = if client_closes {
                    (client, to_server)
                } else {
                    (server, to_client)
                };
                let before = out.len();
                closing.close(out);
                assert!(out.len() > before, "{versions:?} {flights} {client_closes}");
                let after = out.len();
                closing.close(out);
                assert_eq!(out.len(), after);
                assert_eq!(closing.deadline(), None);
                assert!(!closing.is_established());
                assert_eq!(misuse(closing.send(b"x", out)), ApiMisuse::SendAfterClose);
                let mut ignored = BytesMut::from(&b"\x16\x03\x03\x00\x01\x00"[..]);
                assert_eq!(closing.drive(&mut ignored, out), []);
                assert!(ignored.is_empty());
                assert_eq!(out.len(), after);
                pair.run();
                let (told, end) = if client_closes {
                    (pair.server_trace(), pair.server.end_of_input())
                } else {
                    (pair.client_trace(), pair.client.end_of_input())
                };
                // A side that has sent its Finished already is believed by the other.
                let has_finished = match versions {
                    TlsVersions::Tls13Only => flights == 1 && !client_closes,
                    _ => flights == 2 && client_closes,
                };
                if has_finished {
                    assert_eq!(told, [Told::Established, Told::PeerClosed]);
                    assert_eq!(end, EndOfInput::Clean);
                    continue;
                }
                // The peer is not established either, and knows so at the latest at the end.
                let EndOfInput::Truncated {
                    is_established: false,
                    ..
                } = end
                else {
                    panic!("{end:?}");
                };
                assert!(!told.contains(&Told::Established) && !told.contains(&Told::PeerClosed));
                let mut none = BytesMut::new();
                let told = if client_closes {
                    pair.server.drive(&mut none, &mut pair.to_client)
                } else {
                    pair.client.drive(&mut none, &mut pair.to_server)
                };
                protocol(failure(&told));
            }
        }
    }
}

/// Every cut of what a server says after the handshake: truncation is told as such, in a record
/// or between two, and the session lives on for sending.
#[test]
fn a_cut_at_every_byte_is_told_as_truncation() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let (connector, acceptor) = (world.connector(), world.acceptor());
        let mut ends = None;
        for cut in 0.. {
            if ends.is_some_and(|end| cut > 200 && cut % 97 != 0 && cut < end - 30) {
                continue; // in the middle of the large record
            }
            let mut pair = Pair::established(&connector, &acceptor);
            let mut boundaries = vec![0];
            for text in [&b"1"[..], b"22", &[b'3'; 5000]] {
                pair.server.send(text, &mut pair.to_client).unwrap();
                boundaries.push(pair.to_client.len());
            }
            let length = *ends.get_or_insert(pair.to_client.len());
            if cut > length {
                break;
            }
            pair.carry_to_client(cut);
            let in_record = !boundaries.contains(&cut);
            let truncated = EndOfInput::Truncated {
                in_record,
                is_established: true,
            };
            for _ in 0..2 {
                assert_eq!(pair.client.end_of_input(), truncated, "{cut}");
            }
            // What was left is known to the session: calling again is no misuse.
            let told = pair.client.drive(&mut pair.client_in, &mut pair.to_server);
            assert_eq!(told, [], "{cut}");
            pair.client.send(b"x", &mut pair.to_server).unwrap();
            pair.client.close(&mut pair.to_server);
            pair.carry_to_server(usize::MAX);
            assert_eq!(pair.server_trace(), [data(b"x"), Told::PeerClosed]);
            // More input than there was is misuse, and is not looked at.
            pair.client_in.extend_from_slice(b"more");
            let told = pair.client.drive(&mut pair.client_in, &mut pair.to_server);
            let error = failure(&told);
            assert_eq!(error.code(), "input-after-end", "{error}");
        }
    }
}

/// A whole session, from the first byte of the handshake to the last of close_notify, whose input
/// ends after each of them, on either side: only the last one is a clean end.
#[test]
fn a_whole_session_cut_at_every_byte() {
    for versions in VERSIONS {
        let mut world = World::with_versions(versions);
        world.provider = Some(short(provider()));
        let acceptor = world.acceptor();
        for is_client in [true, false] {
            let mut established = 0;
            for cut in 0.. {
                let place = format!("{versions:?} {is_client} {cut}");
                // A new connector, so that none is resumed.
                let (end, told, sent) = cut_short(&world.connector(), &acceptor, is_client, cut);
                let is_established = told.first() == Some(&Told::Established);
                established += usize::from(is_established);
                if told.last() == Some(&Told::PeerClosed) {
                    assert_eq!(end, EndOfInput::Clean, "{place}");
                    // Signatures differ by a byte or two.
                    assert!((0..4).contains(&(cut - sent.len())), "{place}");
                    break;
                }
                assert!(cut < sent.len() || !is_established, "{place}");
                let is_whole = |bytes: &[u8]| {
                    let mut rest = bytes;
                    while let [_, _, _, high, low, ..] = *rest {
                        let length = 5 + usize::from(u16::from_be_bytes([high, low]));
                        let Some(behind) = rest.get(length..) else {
                            return false;
                        };
                        rest = behind;
                    }
                    rest.is_empty()
                };
                let truncated = EndOfInput::Truncated {
                    in_record: !is_whole(&sent[..cut.min(sent.len())]),
                    is_established,
                };
                assert_eq!(end, truncated, "{place}");
            }
            assert!(established > 300, "{versions:?} {is_client} {established}");
        }
    }
}

/// How the input of one side ends, what it was told before, and what its peer has sent.
fn cut_short(
    connector: &Connector,
    acceptor: &Acceptor,
    is_client: bool,
    cut: usize,
) -> (EndOfInput, Vec<Told>, Vec<u8>) {
    let mut to_server = BytesMut::new();
    let mut client = connector.connect(&mut to_server).unwrap();
    let mut server = acceptor.accept().unwrap();
    let mut to_client = BytesMut::new();
    let (mut client_in, mut server_in) = (BytesMut::new(), BytesMut::new());
    let (mut client_told, mut server_told) = (Vec::new(), Vec::new());
    let (mut sent, mut delivered) = (Vec::new(), 0);
    let mut deliver = |from: &mut BytesMut, to: &mut BytesMut, is_cut: bool| {
        if !is_cut {
            to.unsplit(from.split());
            return;
        }
        sent.extend(from.split());
        let until = sent.len().min(cut);
        to.extend_from_slice(&sent[delivered..until]);
        delivered = until;
    };
    while !to_server.is_empty() || !to_client.is_empty() {
        deliver(&mut to_server, &mut server_in, !is_client);
        let told = drive!(server, &mut server_in, &mut to_client);
        if told.contains(&Told::Established) {
            server.send(&[b'x'; 300], &mut to_client).unwrap();
            server.send(b"* BYE", &mut to_client).unwrap();
            server.close(&mut to_client);
        }
        server_told.extend(told);
        deliver(&mut to_client, &mut client_in, is_client);
        let told = drive!(client, &mut client_in, &mut to_server);
        if told.contains(&Told::Established) {
            client.send(&[b'y'; 300], &mut to_server).unwrap();
            client.send(b"a1 LOGOUT", &mut to_server).unwrap();
            client.close(&mut to_server);
        }
        client_told.extend(told);
    }
    match is_client {
        true => (client.end_of_input(), client_told, sent),
        false => (server.end_of_input(), server_told, sent),
    }
}

/// Every cut of a handshake, on both sides: the end kills, and every later call says so.
#[test]
fn an_end_within_the_handshake_kills() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let (connector, acceptor) = (world.connector(), world.acceptor());
        let mut pair = Pair::new(&connector, &acceptor);
        let hello = pair.to_server.len();
        pair.carry_to_server(usize::MAX);
        let flight = pair.to_client.len();
        for cut in (0..hello).step_by(3) {
            let mut pair = Pair::new(&connector, &acceptor);
            pair.carry_to_server(cut);
            let mut incoming = pair.server_in.split();
            ended(&mut pair.server, &mut incoming, cut);
        }
        for cut in (0..flight - 12).step_by(3) {
            let mut pair = Pair::new(&connector, &acceptor);
            pair.carry_to_server(usize::MAX);
            pair.carry_to_client(cut);
            let mut incoming = pair.client_in.split();
            ended(&mut pair.client, &mut incoming, cut);
        }
    }
}

fn ended(session: &mut impl Session, incoming: &mut BytesMut, cut: usize) {
    let mut out = BytesMut::new();
    match session.end_of_input() {
        EndOfInput::Truncated { is_established, .. } => assert!(!is_established, "{cut}"),
        EndOfInput::Clean => panic!("{cut}"),
        other => panic!("{other:?}"),
    }
    let told = session.drive(incoming, &mut out);
    let error = failure(&told).clone();
    assert_eq!(error.code(), "ended-during-handshake");
    assert_eq!(session.send(b"x", &mut out), Err(error.clone()));
    assert_eq!(session.queue(b"x", &mut out), Err(error.clone()));
    assert_eq!(session.flush(&mut out), Err(error.clone()));
    assert_eq!(session.expire(&mut out), Err(error));
    session.close(&mut out);
    session.trim();
    assert_eq!(session.deadline(), None);
    assert!(out.is_empty());
}

/// A record that holds a single byte each, thousands of them.
#[test]
fn records_of_one_byte() {
    for versions in VERSIONS {
        let mut pair = established(versions);
        for _ in 0..3000 {
            pair.server.send(b"x", &mut pair.to_client).unwrap();
        }
        pair.run();
        assert_eq!(pair.client_trace(), [data(&[b'x'; 3000])]);
    }
}

/// Closing the own half in the middle of what is delivered takes nothing from it.
#[test]
fn a_session_closed_by_the_embedder_while_data_wait_still_delivers_them() {
    for versions in VERSIONS {
        let mut pair = established(versions);
        pair.server.send(b"1", &mut pair.to_client).unwrap();
        pair.server.send(b"2", &mut pair.to_client).unwrap();
        pair.server.close(&mut pair.to_client);
        let mut incoming = pair.to_client.split();
        let first = pair.client.step(&mut incoming, &mut pair.to_server);
        assert!(matches!(first, Some(Told::Data(_))));
        pair.client.close(&mut pair.to_server);
        let rest = pair.client.drive(&mut incoming, &mut pair.to_server);
        let told = joined(first.into_iter().chain(rest).collect());
        assert_eq!(told, [data(b"12"), Told::PeerClosed]);
        assert_eq!(pair.client.end_of_input(), EndOfInput::Clean);
    }
}
