//! Allocations of a handshake, and what an idle session holds, beside rustls used bare.
//!
//! The heap of Rust alone is seen: aws-lc allocates its key schedules in C, for both alike. What
//! belongs to a session is counted in the calls of its side, the session's own size included; the
//! buffers that an embedder shares among sessions are not.

use std::alloc::System;

use bytes::BytesMut;
use mail_tls_benches::ours::Session;
use mail_tls_benches::pki::{Key, Kind, Pki, Terms, Version};
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

/// The two sides, and what each of them allocated.
struct Counted<C, S> {
    client: Box<C>,
    server: Box<S>,
    heaps: [Heap; 2],
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
        let (ours, bare) = (ours_counted(terms).heaps, bare_counted(terms).heaps);
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
                ours[index].live,
                bare[index].live,
                512 + least[index].live - bare[index].live,
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
fn ours_counted(terms: Terms<'_>) -> Counted<mail_tls::ClientSession, mail_tls::ServerSession> {
    let mut stack = ours::Stack::new(terms);
    stack.pair();
    let connector = stack.connectors(1).remove(0);
    let acceptor = stack.acceptor();
    let mut heaps = [Heap::default(); 2];
    let [of_client, of_server] = &mut heaps;
    let (mut to_server, mut to_client) = (buffer(), buffer());
    let mut client = of_client.counted(|| Box::new(connector.connect(&mut to_server).unwrap()));
    let mut server = of_server.counted(|| Box::new(acceptor.accept().unwrap()));
    while !to_server.is_empty() {
        of_server.counted(|| server.drive(&mut to_server, &mut to_client));
        of_client.counted(|| client.drive(&mut to_client, &mut to_server));
    }
    Counted {
        client,
        server,
        heaps,
    }
}

fn bare_counted(terms: Terms<'_>) -> Counted<rustls::ClientConnection, rustls::ServerConnection> {
    let mut stack = bare::Stack::new(terms);
    stack.pair();
    let config = stack.configs(1).remove(0);
    let mut heaps = [Heap::default(); 2];
    let [of_client, of_server] = &mut heaps;
    let (mut to_server, mut to_client) = (Vec::with_capacity(BUFFER), Vec::with_capacity(BUFFER));
    let mut client = of_client.counted(|| Box::new(stack.client(&config)));
    of_client.counted(|| bare::drain(&mut client, &mut to_server));
    let mut server = of_server.counted(|| Box::new(stack.server()));
    while !to_server.is_empty() {
        of_server.counted(|| bare::drive(&mut server, &mut to_server, &mut to_client));
        of_client.counted(|| bare::drive(&mut client, &mut to_client, &mut to_server));
    }
    Counted {
        client,
        server,
        heaps,
    }
}

/// What both sides hold after a message of `size` each way and `trim`.
fn ours_idle(terms: Terms<'_>, size: usize) -> [Heap; 2] {
    let Counted {
        mut client,
        mut server,
        mut heaps,
    } = ours_counted(terms);
    let message = vec![b'm'; size];
    let [of_client, of_server] = &mut heaps;
    let (mut to_server, mut to_client) = (buffer(), buffer());
    of_client.counted(|| Session::send(&mut *client, &message, &mut to_server));
    of_server.counted(|| {
        server.drive(&mut to_server, &mut to_client);
        Session::send(&mut *server, &message, &mut to_client);
        server.trim();
    });
    of_client.counted(|| {
        client.drive(&mut to_client, &mut to_server);
        client.trim();
    });
    heaps
}

fn bare_idle(terms: Terms<'_>, size: usize) -> [Heap; 2] {
    let Counted {
        mut client,
        mut server,
        mut heaps,
    } = bare_counted(terms);
    let message = vec![b'm'; size];
    let mut into = bare::Plaintext::default();
    let [of_client, of_server] = &mut heaps;
    let (mut to_server, mut to_client) = (Vec::with_capacity(BUFFER), Vec::with_capacity(BUFFER));
    of_client.counted(|| bare::send(&mut client, &message, &mut to_server));
    of_server.counted(|| {
        bare::receive(
            &mut server,
            to_server.as_slice(),
            to_server.len(),
            &mut into,
        );
        bare::send(&mut server, &message, &mut to_client);
    });
    of_client.counted(|| {
        bare::receive(
            &mut client,
            to_client.as_slice(),
            to_client.len(),
            &mut into,
        );
    });
    heaps
}

const BUFFER: usize = 64 * 1024;

fn buffer() -> BytesMut {
    BytesMut::with_capacity(BUFFER)
}
