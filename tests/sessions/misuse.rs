//! Calls in any order: misuse is said and has no effect, and nothing panics.

use bytes::BytesMut;
use mail_tls::{ApiMisuse, Error};
use proptest::prelude::*;

use crate::support::{Pair, Session, Told, VERSIONS, World, misuse};

#[test]
fn sending_before_the_session_is_established_is_misuse_without_effect() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut pair = world.pair();
        loop {
            let before = (pair.to_server.len(), pair.to_client.len());
            if pair.client_told.is_empty() {
                let out = &mut pair.to_server;
                for result in [
                    pair.client.send(b"x", out),
                    pair.client.send(b"", out),
                    pair.client.queue(b"x", out),
                    pair.client.flush(out),
                ] {
                    assert_eq!(misuse(result), ApiMisuse::SendBeforeEstablished);
                }
            }
            if pair.server_told.is_empty() {
                let out = &mut pair.to_client;
                for result in [
                    pair.server.send(b"x", out),
                    pair.server.queue(b"x", out),
                    pair.server.flush(out),
                ] {
                    assert_eq!(misuse(result), ApiMisuse::SendBeforeEstablished);
                }
                let answer = pair.server.own_verb(out);
                assert_eq!(misuse(answer), ApiMisuse::NoClientCertificate);
            }
            assert_eq!((pair.to_server.len(), pair.to_client.len()), before);
            if before == (0, 0) {
                break;
            }
            pair.carry_to_server(50);
            pair.carry_to_client(50);
        }
        assert_eq!(pair.client_trace(), [Told::Established]);
        assert_eq!(pair.server_trace(), [Told::Established]);
        pair.client.send(b"works", &mut pair.to_server).unwrap();
        pair.run();
        assert_eq!(pair.server_trace(), [Told::Data(b"works".to_vec())]);
    }
}

#[test]
fn empty_slices_do_nothing() {
    for versions in VERSIONS {
        let world = World::with_versions(versions);
        let mut pair = Pair::established(&world.connector(), &world.acceptor());
        let mut none = BytesMut::new();
        for _ in 0..100 {
            assert_eq!(pair.client.drive(&mut none, &mut pair.to_server), []);
            pair.client.send(b"", &mut pair.to_server).unwrap();
            pair.client.queue(b"", &mut pair.to_server).unwrap();
            pair.client.flush(&mut pair.to_server).unwrap();
        }
        assert!(pair.to_server.is_empty());
    }
}

/// What an embedder may do, in any order.
#[derive(Debug, Clone)]
enum Operation {
    Carry(usize),
    Send(usize),
    Queue(usize),
    Flush,
    Close,
    Trim,
    EndOfInput,
    Expire,
    OwnVerb,
    Damage(usize),
    Nothing,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        8 => (1usize..3000).prop_map(Operation::Carry),
        8 => Just(Operation::Carry(usize::MAX)),
        3 => (0usize..40_000).prop_map(Operation::Send),
        3 => (0usize..20_000).prop_map(Operation::Queue),
        2 => Just(Operation::Flush),
        1 => Just(Operation::Close),
        3 => Just(Operation::Trim),
        1 => Just(Operation::EndOfInput),
        1 => Just(Operation::Expire),
        1 => Just(Operation::OwnVerb),
        1 => (0usize..1000).prop_map(Operation::Damage),
        2 => Just(Operation::Nothing),
    ]
}

/// What the tests know of one side.
#[derive(Default)]
struct Book {
    sent: Vec<u8>,
    queued: Vec<u8>,
    received: Vec<u8>,
    is_established: bool,
    has_closed: bool,
    peer_closed: bool,
    has_ended: bool,
    death: Option<Error>,
}

impl Book {
    /// Does one thing to a session, and checks what it says against what is known.
    fn act(
        &mut self,
        operation: &Operation,
        session: &mut dyn Session,
        incoming: &mut BytesMut,
        from_peer: &mut BytesMut,
        out: &mut BytesMut,
    ) {
        let before = out.len();
        let result = match operation {
            Operation::Carry(most) => {
                if self.has_ended {
                    return;
                }
                let piece = from_peer.split_to((*most).min(from_peer.len()));
                incoming.extend_from_slice(&piece);
                let told = session.drive(incoming, out);
                self.take(told);
                assert!(
                    self.death.is_some() || incoming.len() < mail_tls::limits::INCOMING_LEFTOVER
                );
                Ok(())
            }
            Operation::Send(length) => {
                let data = vec![b's'; *length];
                let result = session.send(&data, out);
                if result.is_ok() {
                    self.sent.append(&mut self.queued);
                    self.sent.extend(data);
                }
                result
            }
            Operation::Queue(length) => {
                let data = vec![b'q'; *length];
                let result = session.queue(&data, out);
                if result.is_ok() {
                    self.queued.extend(data);
                }
                result
            }
            Operation::Flush => {
                let result = session.flush(out);
                if result.is_ok() {
                    self.sent.append(&mut self.queued);
                }
                result
            }
            Operation::Close => {
                session.close(out);
                if self.is_established && !self.has_closed && self.death.is_none() {
                    self.sent.append(&mut self.queued);
                }
                assert!(!self.has_closed || out.len() == before);
                self.has_closed |= self.death.is_none();
                Ok(())
            }
            Operation::Trim => {
                session.trim();
                Ok(())
            }
            Operation::EndOfInput => {
                let end = session.end_of_input();
                assert_eq!(end.is_clean(), self.peer_closed);
                self.has_ended = true;
                let told = session.drive(incoming, out);
                self.take(told);
                Ok(())
            }
            Operation::Expire => session.expire(out),
            Operation::OwnVerb => match session.own_verb(out) {
                Ok(()) | Err(Error::Misuse(_)) => Ok(()),
                Err(error) => Err(error),
            },
            Operation::Damage(at) => {
                if let Some(byte) = from_peer.get_mut(*at) {
                    *byte ^= 0x40;
                }
                Ok(())
            }
            Operation::Nothing => {
                assert_eq!(session.drive(incoming, out), self.nothing_new());
                Ok(())
            }
        };
        match (&self.death, result) {
            (Some(death), Err(error)) => assert_eq!(*death, error),
            (Some(_), Ok(())) => {}
            (None, Err(Error::Misuse(misuse))) => {
                let expected = if self.has_closed {
                    ApiMisuse::SendAfterClose
                } else {
                    assert!(!self.is_established);
                    ApiMisuse::SendBeforeEstablished
                };
                assert_eq!(misuse, expected);
                assert_eq!(out.len(), before);
            }
            (None, Err(error)) => panic!("{operation:?}: {error}"),
            (None, Ok(())) => {}
        }
        if self.has_closed && !matches!(operation, Operation::Close) {
            assert_eq!(out.len(), before, "{operation:?} after close");
        }
    }

    fn nothing_new(&self) -> Vec<Told> {
        self.death.iter().cloned().map(Told::Failed).collect()
    }

    fn take(&mut self, told: Vec<Told>) {
        for event in told {
            match event {
                Told::Established => {
                    assert!(!self.is_established && self.received.is_empty());
                    self.is_established = true;
                }
                Told::Data(data) => {
                    assert!(self.is_established && !self.peer_closed && !data.is_empty());
                    self.received.extend(data);
                }
                Told::PeerClosed => {
                    assert!(!self.peer_closed);
                    self.peer_closed = true;
                }
                Told::Failed(error) => {
                    assert_eq!(*self.death.get_or_insert_with(|| error.clone()), error);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_order_of_calls(
        operations in proptest::collection::vec((any::<bool>(), operation()), 1..60),
        is_12: bool,
    ) {
        let world = World::with_versions(VERSIONS[usize::from(is_12)]);
        let mut pair = world.pair();
        let (mut ours, mut theirs) = (Book::default(), Book::default());
        let mut damaged = false;
        for (at_client, operation) in &operations {
            damaged |= matches!(operation, Operation::Damage(_));
            if *at_client {
                ours.act(
                    operation, &mut pair.client, &mut pair.client_in, &mut pair.to_client,
                    &mut pair.to_server,
                );
            } else {
                theirs.act(
                    operation, &mut pair.server, &mut pair.server_in, &mut pair.to_server,
                    &mut pair.to_client,
                );
            }
        }
        for _ in 0..4 {
            ours.act(
                &Operation::Carry(usize::MAX), &mut pair.client, &mut pair.client_in,
                &mut pair.to_client, &mut pair.to_server,
            );
            theirs.act(
                &Operation::Carry(usize::MAX), &mut pair.server, &mut pair.server_in,
                &mut pair.to_server, &mut pair.to_client,
            );
        }
        // What arrived is what was sent, from its beginning; all of it where nothing was lost.
        prop_assert!(theirs.sent.starts_with(&joined_or(&theirs, &ours)));
        prop_assert!(ours.sent.starts_with(&joined_or(&ours, &theirs)));
        if ours.peer_closed {
            prop_assert_eq!(&ours.received, &theirs.sent);
        }
        if theirs.peer_closed {
            prop_assert_eq!(&theirs.received, &ours.sent);
        }
        if let (false, Some(death)) = (damaged, &ours.death) {
            let is_explained = ours.has_ended || theirs.death.is_some() || theirs.has_closed;
            prop_assert!(is_explained, "{}", death);
        }
    }
}

/// What a receiver has, which may be more than the book of sending has where a queue grew full.
fn joined_or(sender: &Book, receiver: &Book) -> Vec<u8> {
    let length = receiver.received.len().min(sender.sent.len());
    receiver.received[..length].to_vec()
}
