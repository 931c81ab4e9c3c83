//! Allocations of a handshake, and what an idle session holds, beside rustls used bare.
//!
//! The heap of Rust alone is seen: aws-lc allocates its key schedules in C, for both alike. What
//! belongs to a session is counted in the calls of its side, the session's own size included; the
//! buffers that an embedder shares among sessions are not.

use std::alloc::System;

use bytes::BytesMut;
use mail_tls_benches::meter::{Meter, Side};
use mail_tls_benches::ours::Session;
use mail_tls_benches::pki::{BUFFER, Key, Kind, Pki, Terms, Version};
use mail_tls_benches::{bare, ours};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What was allocated in the calls of one side.
#[derive(Debug, Clone, Copy, Default)]
struct Heap {
    allocations: usize,
    live: isize,
}

impl Heap {
    fn counted<R>(&mut self, call: impl FnOnce() -> R) -> R {
        let region = Region::new(ALLOCATOR);
        let result = call();
        let change = region.change();
        self.allocations += change.allocations + change.reallocations;
        self.live += change.bytes_allocated as isize - change.bytes_deallocated as isize;
        result
    }
}

/// The client's and the server's.
#[derive(Debug, Clone, Copy, Default)]
struct Heaps([Heap; 2]);

impl Meter for Heaps {
    fn measure<R>(&mut self, side: Side, call: impl FnOnce() -> R) -> R {
        let [client, server] = &mut self.0;
        match side {
            Side::Client => client.counted(call),
            Side::Server => server.counted(call),
        }
    }
}

fn main() {
    let pki = Pki::new(Key::P256);
    let terms = |version, tickets, kind| Terms {
        pki: &pki,
        version,
        tickets: Some(tickets),
        kind,
    };
    println!("\n## Allocations of a handshake\n");
    println!("| what | mail-tls | rustls | more | target |");
    println!("|---|---|---|---|---|");
    for (name, version, tickets, kind) in [
        ("TLS 1.3, P-256", Version::Tls13, 1, Kind::First),
        ("TLS 1.2, P-256", Version::Tls12, 1, Kind::First),
        (
            "TLS 1.3, again without a ticket",
            Version::Tls13,
            0,
            Kind::Repeat,
        ),
        ("TLS 1.3, resumed", Version::Tls13, 1, Kind::Resumed),
    ] {
        let terms = terms(version, tickets, kind);
        let (ours, bare) = (ours_counted(terms).1.0, bare_counted(terms).1.0);
        for (side, ours, bare) in [("client", ours[0], bare[0]), ("server", ours[1], bare[1])] {
            row(
                &format!("{name}: {side}"),
                ours.allocations as isize,
                bare.allocations as isize,
                12,
            );
        }
    }
    println!("\n## Bytes of an idle session after `trim`\n");
    println!("| what | mail-tls | rustls | more | target |");
    println!("|---|---|---|---|---|");
    for (name, size) in [
        ("after a line of 64 B each way", 64),
        ("after a message of 16 KiB each way", 16 * 1024),
    ] {
        // A connector's first session also fills what the connector remembers.
        let terms = terms(Version::Tls13, 0, Kind::Repeat);
        let (ours, bare) = (ours_idle(terms, size), bare_idle(terms, size));
        // rustls has no `trim`; what it holds after a large message is no measure.
        let least = bare_idle(terms, 64);
        for (side, index) in [("client", 0), ("server", 1)] {
            row(
                &format!("{side}, {name}"),
                ours[index],
                bare[index],
                512 + least[index] - bare[index],
            );
        }
    }
    println!(
        "\n`ClientSession` {} bytes, `ServerSession` {}; `ClientConnection` {}, `ServerConnection` {}",
        size_of::<mail_tls::ClientSession>(),
        size_of::<mail_tls::ServerSession>(),
        size_of::<rustls::ClientConnection>(),
        size_of::<rustls::ServerConnection>()
    );
}

fn row(name: &str, ours: isize, bare: isize, most: isize) {
    let more = ours - bare;
    let verdict = if more <= most { "met" } else { "missed" };
    println!("| {name} | {ours} | {bare} | {more} | ≤ {most} {verdict} |");
}

/// The second handshake of a stack: the first one also fills what is shared.
fn ours_counted(terms: Terms<'_>) -> (ours::Pair, Heaps) {
    let mut stack = ours::Stack::new(terms);
    stack.pair();
    let connector = stack.connectors(1).remove(0);
    let mut heaps = Heaps::default();
    let pair = stack.handshake(&connector, &mut heaps);
    (pair, heaps)
}

fn bare_counted(terms: Terms<'_>) -> (bare::Pair, Heaps) {
    let mut stack = bare::Stack::new(terms);
    stack.pair();
    let config = stack.configs(1).remove(0);
    let mut heaps = Heaps::default();
    let pair = stack.handshake(&config, &mut heaps);
    (pair, heaps)
}

/// What both sides hold after a message of `size` each way and `trim`, the sessions included.
fn ours_idle(terms: Terms<'_>, size: usize) -> [isize; 2] {
    let (ours::Pair { client, server }, mut heaps) = ours_counted(terms);
    let mut client = heaps.measure(Side::Client, || Box::new(client));
    let mut server = heaps.measure(Side::Server, || Box::new(server));
    let message = vec![b'm'; size];
    let mut to_server = BytesMut::with_capacity(BUFFER);
    let mut to_client = BytesMut::with_capacity(BUFFER);
    heaps.measure(Side::Client, || {
        Session::send(&mut *client, &message, &mut to_server);
    });
    heaps.measure(Side::Server, || {
        server.drive(&mut to_server, &mut to_client);
        Session::send(&mut *server, &message, &mut to_client);
        server.trim();
    });
    heaps.measure(Side::Client, || {
        client.drive(&mut to_client, &mut to_server);
        client.trim();
    });
    heaps.0.map(|heap| heap.live)
}

fn bare_idle(terms: Terms<'_>, size: usize) -> [isize; 2] {
    let (bare::Pair { client, server }, mut heaps) = bare_counted(terms);
    let mut client = heaps.measure(Side::Client, || Box::new(client));
    let mut server = heaps.measure(Side::Server, || Box::new(server));
    let message = vec![b'm'; size];
    let mut into = bare::Plaintext::default();
    let (mut to_server, mut to_client) = (Vec::with_capacity(BUFFER), Vec::with_capacity(BUFFER));
    heaps.measure(Side::Client, || {
        bare::send(&mut client, &message, &mut to_server);
    });
    heaps.measure(Side::Server, || {
        let wire = to_server.as_slice();
        bare::receive(&mut server, wire, wire.len(), &mut into);
        bare::send(&mut server, &message, &mut to_client);
    });
    heaps.measure(Side::Client, || {
        let wire = to_client.as_slice();
        bare::receive(&mut client, wire, wire.len(), &mut into);
    });
    heaps.0.map(|heap| heap.live)
}
