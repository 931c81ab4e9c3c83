//! Giving up on a peer that does not answer.

use std::time::Duration;

use bytes::BytesMut;
use mail_tls::error::Heard;
use mail_tls::limits::HANDSHAKE_TIME;
use mail_tls::{Error, HelloAnswer, Limits};

use crate::faults::assert_dead;
use crate::support::{Pair, Session, Told, World};

const MOMENT: Duration = Duration::from_millis(1);

fn heard(error: &Error) -> (Duration, Heard) {
    match error {
        Error::TimedOut(timed_out) => (timed_out.after, timed_out.heard.clone()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_deadline_stands_from_the_beginning_and_is_kept() {
    for limit in [HANDSHAKE_TIME, Duration::from_secs(3)] {
        let mut world = World::new();
        world.limits = Limits::default().with_handshake_time(limit);
        let begun = world.clock.now();
        let mut pair = world.pair();
        let mut out = BytesMut::new();
        for session in [&mut pair.client as &mut dyn Session, &mut pair.server] {
            assert_eq!(session.deadline(), Some(begun + limit));
            assert_eq!(session.expire(&mut out), Ok(()));
        }
        world.clock.advance(limit - MOMENT);
        pair.carry_to_server(usize::MAX);
        for session in [&mut pair.client as &mut dyn Session, &mut pair.server] {
            // A handshake on its way does not move it.
            assert_eq!(session.deadline(), Some(begun + limit));
            assert_eq!(session.expire(&mut out), Ok(()));
        }
        world.clock.advance(MOMENT);
        let error = pair.client.expire(&mut out).unwrap_err();
        assert_eq!(heard(&error), (limit, Heard::Nothing));
        assert!(out.is_empty(), "whoever said nothing is told nothing");
        assert_dead(&mut pair.client, &error);
        assert_eq!(error.code(), "timed-out");
        let error = pair.server.expire(&mut out).unwrap_err();
        assert_eq!(heard(&error), (limit, Heard::Tls));
        assert!(!out.is_empty(), "a peer that speaks TLS is told");
        assert_dead(&mut pair.server, &error);
    }
}

#[test]
fn an_established_session_has_no_deadline() {
    let world = World::new();
    let mut pair = Pair::established(&world.connector(), &world.acceptor());
    world.clock.advance(10 * HANDSHAKE_TIME);
    let mut out = BytesMut::new();
    assert_eq!(
        (pair.client.deadline(), pair.server.deadline()),
        (None, None)
    );
    assert_eq!(pair.client.expire(&mut out), Ok(()));
    assert_eq!(pair.server.expire(&mut out), Ok(()));
    pair.client.send(b"x", &mut pair.to_server).unwrap();
    pair.run();
    assert_eq!(pair.server_trace(), [Told::Data(b"x".to_vec())]);
}

#[test]
fn a_wall_clock_that_jumps_moves_no_deadline() {
    let world = World::new();
    let mut pair = world.pair();
    world.clock.set_wall(std::time::SystemTime::UNIX_EPOCH);
    let mut out = BytesMut::new();
    assert_eq!(pair.client.expire(&mut out), Ok(()));
    assert_eq!(pair.server.expire(&mut out), Ok(()));
}

#[test]
fn the_deadline_runs_while_an_answer_is_awaited() {
    let world = World::new();
    let acceptor = world
        .acceptor_builder()
        .ask_for_each_hello()
        .build()
        .unwrap();
    let mut pair = Pair::new(&world.connector(), &acceptor);
    pair.run();
    assert_eq!(pair.server_trace(), [Told::ClientHello]);
    assert!(pair.server.deadline().is_some());
    world.clock.advance(HANDSHAKE_TIME);
    let error = pair.server.expire(&mut pair.to_client).unwrap_err();
    assert_eq!(heard(&error), (HANDSHAKE_TIME, Heard::Tls));
    assert_eq!(pair.to_client.len(), 7);
    let late = pair
        .server
        .answer(HelloAnswer::Configured, &mut pair.to_client);
    assert_eq!(late, Err(error.clone()));
    assert_eq!(pair.to_client.len(), 7);
    assert_dead(&mut pair.server, &error);
}

#[test]
fn a_deadline_beyond_all_time_is_none() {
    let mut world = World::new();
    world.limits = Limits::default().with_handshake_time(Duration::MAX);
    let mut pair = world.pair();
    assert_eq!(pair.client.deadline(), None);
    world.clock.advance(Duration::from_secs(1 << 32));
    assert_eq!(pair.client.expire(&mut BytesMut::new()), Ok(()));
}
