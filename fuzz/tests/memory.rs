//! What a session holds at most, whatever a peer sends: figures by counting, each with its bound.
//! One test, because the meter counts for the whole process. `--nocapture` prints the figures.
#![expect(clippy::disallowed_methods, reason = "a test takes its own time")]

use std::time::{Duration, Instant};

use mail_tls::identity::ReferenceIds;
use mail_tls::verify::{Evidence, Requirements, evaluate};
use mail_tls::{Host, Provenance, Service, TlsMode};
use mail_tls_fuzz::{
    Cryptography, DATE, HOST, Meter, Operation, WORLD, Watched, algorithms, certificate_with_names,
    general_name,
};
use rustls_pki_types::{CertificateDer, UnixTime};

/// Both sides, joined until both are established.
fn established(tls12: bool, cryptography: Cryptography) -> (Watched, Watched) {
    let mode = TlsMode::Implicit;
    let mut client = Watched::client(Service::Imap, mode, tls12, cryptography);
    let mut server = Watched::server(Service::Imap, false, cryptography);
    for _ in 0..4 {
        carry(&mut client, &mut server);
        carry(&mut server, &mut client);
    }
    assert!(client.is_established && server.is_established);
    (client, server)
}

fn carry(from: &mut Watched, to: &mut Watched) {
    to.incoming.extend_from_slice(&from.outgoing);
    from.outgoing = bytes::BytesMut::new();
    to.process(&mut Vec::new());
    if to.incoming.is_empty() {
        to.incoming = bytes::BytesMut::new();
    }
    to.received = Vec::new();
}

/// A record that a peer with the keys writes where nothing is encrypted.
fn record(tls12: bool, kind: u8, content: &[u8]) -> Vec<u8> {
    let (outer, inner) = if tls12 {
        (kind, &[][..])
    } else {
        (23, &[kind][..])
    };
    let payload = [content, inner, &[0; 16]].concat();
    let [high, low] = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[outer, 3, 3, high, low][..], &payload].concat()
}

/// Feeds it in pieces until the session has died or all is taken, and holds the peak and the time to
/// bounds.
fn flood(what: &str, session: &mut Watched, bytes: &[u8], bound: usize) {
    let (meter, begun) = (Meter::start(), Instant::now());
    for piece in bytes.chunks(4096) {
        session.apply(Operation::Feed(piece.to_vec()));
        if session.death.is_some() {
            break;
        }
    }
    let ((peak, _), time) = (meter.read(), begun.elapsed());
    let death = session.death.as_ref().map_or("lives", |error| error.code());
    println!(
        "{what}: {} bytes offered, {peak} held at most, {death} after {time:.1?}",
        bytes.len()
    );
    assert!(peak <= bound, "{what}: {peak}");
    // Thousands of times what it takes: a machine may be busy, but nothing here goes on and on.
    assert!(time < Duration::from_secs(5), "{what}: {time:?}");
}

#[test]
fn what_is_held_at_most() {
    // What is made once in a process.
    drop(established(false, Cryptography::Real));
    drop(established(false, Cryptography::Clear));
    for tls12 in [false, true] {
        let version = if tls12 { "TLS 1.2" } else { "TLS 1.3" };
        let meter = Meter::start();
        let (mut client, mut server) = established(tls12, Cryptography::Real);
        println!(
            "{version}: {:?} held at most, and allocated, for a pair",
            meter.read()
        );

        // rustls keeps its buffers after a large message; `trim` gives them back.
        server.apply(Operation::Send(vec![b'x'; 1 << 20]));
        carry(&mut server, &mut client);
        server.apply(Operation::Trim);
        let meter = Meter::start();
        client.apply(Operation::Trim);
        let returned = meter.returned();
        println!("{version}: trim returns {returned} bytes after a megabyte");
        server.apply(Operation::Send(vec![b'x'; 1 << 20]));
        client.incoming.extend_from_slice(&server.outgoing[..9000]);
        client.process(&mut Vec::new());

        let clear = || established(tls12, Cryptography::Clear);
        let (mut client, mut server) = clear();
        let empty = record(tls12, 23, &[]).repeat(100_000);
        flood(
            &format!("{version}, empty records to a client"),
            &mut client,
            &empty,
            64 << 10,
        );
        flood(
            &format!("{version}, empty records to a server"),
            &mut server,
            &empty,
            64 << 10,
        );
        let (mut client, mut server) = clear();
        let updates = record(tls12, 22, &[24, 0, 0, 1, 1]).repeat(100_000);
        flood(
            &format!("{version}, key updates to a client"),
            &mut client,
            &updates,
            64 << 10,
        );
        flood(
            &format!("{version}, key updates to a server"),
            &mut server,
            &updates,
            64 << 10,
        );
        let (mut client, mut server) = clear();
        let warnings = record(tls12, 21, &[1, 90]).repeat(100_000);
        flood(
            &format!("{version}, warnings to a client"),
            &mut client,
            &warnings,
            64 << 10,
        );
        flood(
            &format!("{version}, warnings to a server"),
            &mut server,
            &warnings,
            64 << 10,
        );
        let (mut client, mut server) = clear();
        let mut endless = record(tls12, 22, &[4, 0xff, 0xff, 0xff]);
        endless.extend(record(tls12, 22, &[0; 16_000]).repeat(100));
        flood(
            &format!("{version}, a ticket without end"),
            &mut client,
            &endless,
            256 << 10,
        );
        flood(
            &format!("{version}, a message without end"),
            &mut server,
            &endless,
            256 << 10,
        );
        if !tls12 {
            let (mut client, _) = clear();
            let mut ticket = vec![4, 0, 0xf0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xef, 0xf1];
            ticket.resize(0xf000 + 4, 1);
            let at = ticket.len() - 2;
            ticket[at..].fill(0);
            let tickets: Vec<u8> = ticket
                .chunks(16_000)
                .flat_map(|piece| record(false, 22, piece))
                .collect();
            flood(
                "TLS 1.3, the largest tickets",
                &mut client,
                &tickets.repeat(100),
                1 << 20,
            );
        }
    }
    let mut server = Watched::server(Service::Imap, false, Cryptography::Clear);
    let mut hello = vec![22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff];
    hello.extend([22, 3, 1, 0, 1, 0].repeat(300_000));
    flood(
        "a ClientHello without end, in records of one byte",
        &mut server,
        &hello,
        256 << 10,
    );
    let mode = TlsMode::StartTls;
    let mut client = Watched::client(Service::Imap, mode, false, Cryptography::Clear);
    let line = [&b"* OK "[..], &vec![b'x'; 10 << 20]].concat();
    flood(
        "a line without end before STARTTLS",
        &mut client,
        &line,
        256 << 10,
    );
    let mut client = Watched::client(Service::Imap, mode, false, Cryptography::Clear);
    let lines = b"* OK x\r\n".repeat(1 << 20);
    flood(
        "lines without end before STARTTLS",
        &mut client,
        &lines,
        256 << 10,
    );
    verdicts();
}

/// Chains that no handshake carries.
fn verdicts() {
    let leaf = WORLD.chain.certificates()[0].clone();
    let mut thousand = vec![leaf];
    thousand.resize(1000, WORLD.root.clone());
    let mut names: Vec<u8> = Vec::new();
    for n in 0..100_000 {
        names.extend(general_name(2, format!("h{n:06}.example.org").as_bytes()));
    }
    let named = vec![CertificateDer::from(certificate_with_names(&names))];
    for (what, chain) in [("1000 certificates", thousand), ("100,000 names", named)] {
        let host = Host::parse(HOST).unwrap();
        let references = ReferenceIds::for_host(&host, Provenance::Typed).unwrap();
        let requirements = Requirements::server(WORLD.anchors.clone(), references, algorithms());
        let now = UnixTime::since_unix_epoch(DATE);
        let (meter, begun) = (Meter::start(), Instant::now());
        let rejection = evaluate(&Evidence::from_chain(&chain), &requirements, now).unwrap_err();
        let (peak, total) = meter.read();
        let time = begun.elapsed();
        println!(
            "{what}: {peak} held at most, {total} allocated, {} after {time:.1?}",
            rejection.code()
        );
        assert!(time < Duration::from_secs(5), "{what}: {time:?}");
        assert!(
            peak <= 64 << 10 && total <= 256 << 10,
            "{what}: {peak} {total}"
        );
    }
}
