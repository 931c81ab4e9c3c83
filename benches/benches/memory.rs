//! Allocations of a handshake, and what idle sessions hold, beside rustls used bare.
//!
//! The heap of Rust alone is seen: aws-lc allocates its key schedules in C, for both alike. What
//! belongs to a session is counted in the calls of its side, the session's own size included; the
//! buffers that an embedder shares among sessions are not.
#![expect(
    clippy::disallowed_methods,
    reason = "a stopwatch reads the clock of the machine"
)]

use std::alloc::System;
use std::fmt::Write as _;
use std::time::Instant;

use bytes::BytesMut;
use mail_tls::identity::{PresentedIds, ReferenceIds, first_match};
use mail_tls::{Connector, Host, Provenance};
use mail_tls_benches::contest::Effort;
use mail_tls_benches::meter::{Meter, Side};
use mail_tls_benches::ours::Session;
use mail_tls_benches::pki::{BUFFER, HOST, Key, Kind, Pki, Terms, Version};
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
    print_parts(&pki);
    let most = match Effort::chosen() {
        Effort::Full => 100_000,
        Effort::Smoke => 100,
    };
    print_many(&pki, most);
    print_waking(&pki, most);
}

fn row(name: &str, ours: isize, bare: isize, most: isize) {
    let more = ours - bare;
    println!(
        "| {name} | {ours} | {bare} | {more} | {} |",
        verdict(more, most)
    );
}

fn verdict(value: isize, most: isize) -> String {
    let verdict = if value <= most { "met" } else { "missed" };
    format!("≤ {most} {verdict}")
}

fn buffer() -> BytesMut {
    BytesMut::with_capacity(BUFFER)
}

/// What is done without an allocation, or with a few.
fn print_parts(pki: &Pki) {
    println!("\n## Allocations beside TLS\n");
    println!("| what | allocations | target |");
    println!("|---|---|---|");
    let counted = |call: &mut dyn FnMut()| {
        let mut heap = Heap::default();
        heap.counted(call);
        heap.allocations
    };
    let print = |name: &str, allocations: usize, most: usize| {
        println!(
            "| {name} | {allocations} | {} |",
            verdict(allocations as isize, most as isize)
        );
    };
    let terms = Terms {
        pki,
        version: Version::Tls13,
        tickets: Some(0),
        kind: Kind::First,
    };
    let host = Host::parse(HOST).unwrap();
    let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
    let matched = counted(&mut || {
        let presented = PresentedIds::of(&pki.chain[0]).unwrap();
        assert!(first_match(&references, &presented).is_some());
    });
    print("identity: parse and match", matched, 0);

    let connector = ours::Stack::new(terms).starttls_connector();
    for (name, extensions) in [("short", 6), ("16 KiB", 208)] {
        let reply = ours::ehlo_reply(extensions);
        let (mut incoming, mut outgoing) = (buffer(), buffer());
        let dialog = counted(&mut || {
            let mut client = connector.connect(&mut outgoing).unwrap();
            for said in [ours::GREETING, &reply, ours::AGREEMENT] {
                incoming.extend_from_slice(said);
                client.drive(&mut incoming, &mut outgoing);
            }
        });
        let mut outgoing = buffer();
        let hello = counted(&mut || drop(connector.upgrade(&[], &mut outgoing).unwrap()));
        let name = format!("STARTTLS dialog, {name}, without its ClientHello");
        print(&name, dialog - hello, 3);
    }

    let pair = ours::Stack::new(terms).pair();
    let info = pair.server.info().unwrap();
    let mut text = String::with_capacity(1024);
    let clause = counted(&mut || write!(text, "{}", info.received_clause().unwrap()).unwrap());
    print("the clauses for Received", clause, 0);
    let line = counted(&mut || write!(text, "{info}").unwrap());
    print("a line for the log", line, 0);
}

/// Idle sessions of a server in one process, after a line each way and `trim`.
fn print_many(pki: &Pki, most: usize) {
    println!("\n## Many idle sessions of a server\n");
    println!("| sessions | bytes for each, Rust | bytes for each, resident | µs to create one |");
    println!("|---|---|---|---|");
    let terms = Terms {
        pki,
        version: Version::Tls13,
        tickets: Some(0),
        kind: Kind::Repeat,
    };
    let mut stack = ours::Stack::new(terms);
    let connector = stack.connectors(1).remove(0);
    // The first ones fill what is shared.
    for _ in 0..10 {
        drop(stack.pair());
    }
    let mut sessions = Vec::with_capacity(most);
    let (mut heaps, resident) = (Heaps::default(), resident());
    let mut marks = [1, 10, 100].map(|part| most / part);
    marks.reverse();
    let mut begin = Instant::now();
    let mut since = 0;
    while sessions.len() < most {
        sessions.push(idle(&mut stack, &connector, &mut heaps).server);
        if marks.contains(&sessions.len()) {
            let count = sessions.len();
            let per_session = |bytes: isize| bytes / count as isize;
            println!(
                "| {count} | {} | {} | {:.0} |",
                per_session(heaps.0[1].live) + size_of::<mail_tls::ServerSession>() as isize,
                per_session(self::resident() - resident),
                begin.elapsed().as_micros() as f64 / (count - since) as f64
            );
            (begin, since) = (Instant::now(), count);
        }
    }
}

/// A line comes to some of as many idle sessions, is answered, and the session is idle again. Each
/// has waited since all those after it were made.
fn print_waking(pki: &Pki, most: usize) {
    println!("\n## Waking an idle session of a server\n");
    println!("| sessions | woken | µs, median | µs, 99 of 100 | µs, median, again at once |");
    println!("|---|---|---|---|---|");
    let terms = Terms {
        pki,
        version: Version::Tls13,
        tickets: Some(0),
        kind: Kind::Repeat,
    };
    let mut stack = ours::Stack::new(terms);
    let connector = stack.connectors(1).remove(0);
    let (mut sessions, mut clients) = (Vec::with_capacity(most), Vec::new());
    while sessions.len() < most {
        let pair = idle(&mut stack, &connector, &mut Heaps::default());
        if sessions.len() % 100 == 0 {
            clients.push((sessions.len(), pair.client));
        }
        sessions.push(pair.server);
    }
    let (mut to_server, mut to_client) = (buffer(), buffer());
    let mut times = [Vec::new(), Vec::new()];
    for (index, client) in &mut clients {
        for times in &mut times {
            Session::send(client, b"DONE\r\n", &mut to_server);
            let begin = Instant::now();
            let server = &mut sessions[*index];
            server.drive(&mut to_server, &mut to_client);
            Session::send(server, b"a1 OK IDLE terminated\r\n", &mut to_client);
            server.trim();
            times.push(begin.elapsed().as_nanos() as f64 / 1000.0);
            client.drive(&mut to_client, &mut to_server);
        }
    }
    times
        .iter_mut()
        .for_each(|times| times.sort_by(f64::total_cmp));
    let [first, again] = times;
    let part = |times: &[f64], part: f64| times[(times.len() as f64 * part) as usize];
    println!(
        "| {most} | {} | {:.1} | {:.1} | {:.1} |",
        first.len(),
        part(&first, 0.5),
        part(&first, 0.99),
        part(&again, 0.5)
    );
}

/// A session that has answered a line and is idle, and its client.
fn idle(stack: &mut ours::Stack<'_>, connector: &Connector, heaps: &mut Heaps) -> ours::Pair {
    let mut pair = stack.handshake(connector, heaps);
    let (mut to_server, mut to_client) = (buffer(), buffer());
    Session::send(&mut pair.client, b"a1 IDLE\r\n", &mut to_server);
    let server = &mut pair.server;
    heaps.measure(Side::Server, || {
        server.drive(&mut to_server, &mut to_client);
        Session::send(server, b"+ idling\r\n", &mut to_client);
        server.trim();
    });
    pair.client.drive(&mut to_client, &mut to_server);
    pair
}

/// Bytes of this process that are in memory, what C has allocated among them.
fn resident() -> isize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<isize>().ok());
    kibibytes.unwrap_or_default() * 1024
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
