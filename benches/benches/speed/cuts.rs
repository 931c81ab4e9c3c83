//! What must not grow: with the size of the buffer, or with what has come of a record.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use mail_tls_benches::contest::{
    Comparison, Contestant, Effort, contest, print_head, quartiles, timed,
};
use mail_tls_benches::ours::{self, Session};
use mail_tls_benches::pki::{Key, Kind, Pki, Terms, Version};

const KIB: usize = 1024;

pub(crate) fn run(effort: Effort) {
    print_head("64-byte records in one buffer", &["16 KiB of them"]);
    let pki = Pki::new(Key::P256);
    let terms = Terms {
        pki: &pki,
        version: Version::Tls13,
        tickets: Some(0),
        kind: Kind::First,
    };
    let row = Comparison::speed("1 MiB of them, beside 16 KiB", 1024 * KIB)
        .target("16 KiB of them", 0.90);
    contest(effort, 300, &["16 KiB of them"], [row], || {
        vec![
            many_records(terms, "mail-tls", 1024 * KIB),
            many_records(terms, "16 KiB of them", 16 * KIB),
        ]
    });
    println!("\n## Fed byte by byte\n");
    println!("| ns for a call, by quarter of the input | first | second | third | last |");
    println!("|---|---|---|---|---|");
    record(terms, effort);
    handshake(terms, effort);
    dialog(terms, effort);
}

/// 1 MiB of plaintext in records of 64 bytes, `buffer` bytes of it in `incoming` at a time.
fn many_records<'a>(terms: Terms<'_>, name: &'static str, buffer: usize) -> Contestant<'a, 1> {
    let mut pair = ours::Stack::new(terms).pair();
    let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
    Contestant::new(name, move || {
        let (mut lap, mut received) = (Duration::ZERO, 0);
        while received < 1024 * KIB {
            for _ in 0..buffer / 64 {
                pair.server.send(&[b'm'; 64], &mut incoming).unwrap();
            }
            received += timed(&mut lap, || pair.client.drive(&mut incoming, &mut outgoing));
        }
        [lap]
    })
}

/// The time of each call for the bytes of one record.
fn record(terms: Terms<'_>, effort: Effort) {
    let mut pair = ours::Stack::new(terms).pair();
    let mut calls = Calls::default();
    for _ in 0..effort.rounds(40) {
        let mut wire = BytesMut::new();
        pair.server.send(&[b'm'; 16 * KIB], &mut wire).unwrap();
        calls.feed(&mut pair.client, &wire);
    }
    calls.print("a record of 16 KiB");
}

/// The time of each call for the bytes of the server's first flight.
fn handshake(terms: Terms<'_>, effort: Effort) {
    let mut calls = Calls::default();
    for _ in 0..effort.rounds(40) {
        let (mut client, flight) = ours::Stack::new(terms).server_flight();
        calls.feed(&mut client, &flight);
    }
    calls.print("the server's flight in a handshake");
}

/// The time of each call for the bytes of a plaintext dialog.
fn dialog(terms: Terms<'_>, effort: Effort) {
    let connector = ours::Stack::new(terms).starttls_connector();
    let mut calls = Calls::default();
    for _ in 0..effort.rounds(40) {
        let mut client = connector.connect(&mut BytesMut::new()).unwrap();
        client.drive(&mut ours::GREETING.into(), &mut BytesMut::new());
        calls.feed(&mut client, &ours::ehlo_reply(200));
    }
    calls.print("an answer of 16 KiB before STARTTLS");
}

#[derive(Default)]
struct Calls([Vec<f64>; 4]);

impl Calls {
    fn feed(&mut self, session: &mut impl Session, wire: &[u8]) {
        let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
        for (at, byte) in wire.iter().enumerate() {
            incoming.extend_from_slice(&[*byte]);
            let begin = Instant::now();
            session.drive(&mut incoming, &mut outgoing);
            let time = begin.elapsed();
            self.0[at * 4 / wire.len()].push(time.as_nanos() as f64);
        }
    }

    fn print(&self, name: &str) {
        let medians: Vec<String> = self
            .0
            .iter()
            .map(|quarter| format!("{:.0}", quartiles(quarter)[1]))
            .collect();
        println!("| {name} | {} |", medians.join(" | "));
    }
}
