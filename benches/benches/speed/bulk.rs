//! Sending and receiving, TLS 1.3 with AES-128-GCM.

use std::hint::black_box;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::BytesMut;
use mail_tls_benches::aead::Aead;
use mail_tls_benches::bare::{self, Plaintext};
use mail_tls_benches::contest::{Comparison, Contestant, Effort, contest, print_head, timed};
use mail_tls_benches::duplex;
use mail_tls_benches::ours::{self, Session};
use mail_tls_benches::pki::{Key, Kind, Pki, Terms, Version};
#[cfg(feature = "openssl")]
use mail_tls_benches::system;
use tokio::runtime::{self, Runtime};

const ROUNDS: usize = 400;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// What is fed at a time, and the room that is offered to a socket.
const PIECE: usize = 64 * KIB;
/// Small writes between two flushes.
const LINES: usize = 64;

const COLUMNS: [&str; 4] = ["rustls", "tokio-rustls", "OpenSSL", "the cipher alone"];

fn terms(pki: &Pki) -> Terms<'_> {
    Terms {
        pki,
        version: Version::Tls13,
        tickets: Some(0),
        kind: Kind::First,
    }
}

/// Bytes in one round with records or writes of `size`.
fn volume(size: usize) -> usize {
    (size * 2048).clamp(128 * KIB, MIB)
}

pub(crate) fn send(effort: Effort) {
    print_head("Sending", &COLUMNS);
    let pki = Pki::new(Key::P256);
    for (name, size, least) in [
        ("64 B", 64, 0.95),
        ("512 B", 512, 0.98),
        ("4 KiB", 4 * KIB, 0.98),
        ("16 KiB", 16 * KIB, 0.98),
        ("1 MiB", MIB, 0.98),
    ] {
        let bytes = volume(size);
        let row = Comparison::speed(format!("writes of {name}"), bytes).target("rustls", least);
        let plaintext = vec![b'm'; size];
        contest(effort, ROUNDS, &COLUMNS, [row], || {
            vec![
                send_ours(&pki, &plaintext, bytes),
                send_bare(&pki, &plaintext, bytes),
                send_async(&pki, &plaintext, bytes),
                #[cfg(feature = "openssl")]
                send_system(&pki, &plaintext, bytes),
                seal(size.min(16 * KIB), bytes),
            ]
        });
    }
    let line = [b'm'; 64];
    let bytes = volume(line.len());
    let row =
        Comparison::speed("queue of 64 B, a flush after 64 of them", bytes).target("rustls", 3.0);
    contest(effort, ROUNDS, &COLUMNS, [row], || {
        vec![
            queue_ours(&pki, &line, bytes),
            queue_bare(&pki, &line, bytes),
        ]
    });
}

fn send_ours<'a>(pki: &Pki, plaintext: &'a [u8], bytes: usize) -> Contestant<'a, 1> {
    let mut pair = ours::Stack::new(terms(pki)).pair();
    let mut outgoing = BytesMut::new();
    Contestant::new("mail-tls", move || {
        let mut lap = Duration::ZERO;
        timed(&mut lap, || {
            for _ in 0..bytes / plaintext.len() {
                pair.client.send(plaintext, &mut outgoing).unwrap();
                black_box(&outgoing);
                outgoing.clear();
            }
        });
        [lap]
    })
}

fn send_bare<'a>(pki: &Pki, plaintext: &'a [u8], bytes: usize) -> Contestant<'a, 1> {
    let mut pair = bare::Stack::new(terms(pki)).pair();
    let mut outgoing = Vec::new();
    Contestant::new("rustls", move || {
        let mut lap = Duration::ZERO;
        timed(&mut lap, || {
            for _ in 0..bytes / plaintext.len() {
                bare::send(&mut pair.client, plaintext, &mut outgoing);
                black_box(&outgoing);
                outgoing.clear();
            }
        });
        [lap]
    })
}

#[cfg(feature = "openssl")]
fn send_system<'a>(pki: &Pki, plaintext: &'a [u8], bytes: usize) -> Contestant<'a, 1> {
    let mut pair = system::Stack::new(terms(pki)).pair();
    Contestant::new("OpenSSL", move || {
        let mut lap = Duration::ZERO;
        timed(&mut lap, || {
            for _ in 0..bytes / plaintext.len() {
                system::send(&mut pair.client, plaintext);
                black_box(&pair.client.get_ref().outgoing);
                pair.client.get_mut().outgoing.clear();
            }
        });
        [lap]
    })
}

fn send_async<'a>(pki: &Pki, plaintext: &'a [u8], bytes: usize) -> Contestant<'a, 1> {
    let mut pair = duplex::Stack::new(terms(pki)).pair();
    let mut wire = Vec::with_capacity(2 * MIB);
    Contestant::new("tokio-rustls", move || {
        let (mut lap, mut sent) = (Duration::ZERO, 0);
        while sent < bytes {
            timed(&mut lap, || {
                let end = bytes.min(sent + MIB.max(plaintext.len()));
                while sent < end {
                    pair.send(plaintext);
                    sent += plaintext.len();
                }
            });
            pair.discard(&mut wire);
        }
        [lap]
    })
}

fn seal<'a>(size: usize, bytes: usize) -> Contestant<'a, 1> {
    let aead = Aead::new(size);
    // One record over and over, as it lies in the cache for the others too.
    let mut record = aead.records(size);
    Contestant::new("the cipher alone", move || {
        let mut lap = Duration::ZERO;
        timed(&mut lap, || {
            for _ in 0..bytes / size {
                aead.seal(black_box(&mut record));
            }
        });
        [lap]
    })
}

fn queue_ours<'a>(pki: &Pki, line: &'a [u8], bytes: usize) -> Contestant<'a, 1> {
    let mut pair = ours::Stack::new(terms(pki)).pair();
    let mut outgoing = BytesMut::new();
    Contestant::new("mail-tls", move || {
        let mut lap = Duration::ZERO;
        timed(&mut lap, || {
            for _ in 0..bytes / line.len() / LINES {
                for _ in 0..LINES {
                    pair.client.queue(line, &mut outgoing).unwrap();
                }
                pair.client.flush(&mut outgoing).unwrap();
                black_box(&outgoing);
                outgoing.clear();
            }
        });
        [lap]
    })
}

fn queue_bare<'a>(pki: &Pki, line: &'a [u8], bytes: usize) -> Contestant<'a, 1> {
    let mut pair = bare::Stack::new(terms(pki)).pair();
    let mut outgoing = Vec::new();
    Contestant::new("rustls", move || {
        let mut lap = Duration::ZERO;
        timed(&mut lap, || {
            for _ in 0..bytes / line.len() / LINES {
                for _ in 0..LINES {
                    bare::queue(&mut pair.client, line);
                }
                bare::drain(&mut pair.client, &mut outgoing);
                black_box(&outgoing);
                outgoing.clear();
            }
        });
        [lap]
    })
}

/// The sizes of records, and what is asked in memory and on a socket.
const RECORDS: [(&str, usize, f64, f64); 5] = [
    ("64 B", 64, 1.08, 1.10),
    ("512 B", 512, 1.08, 1.10),
    ("1 KiB", KIB, 1.08, 1.10),
    ("4 KiB", 4 * KIB, 1.08, 1.10),
    ("16 KiB", 16 * KIB, 1.08, 1.02),
];

pub(crate) fn receive_in_memory(effort: Effort) {
    print_head("Receiving in memory", &COLUMNS);
    let pki = Pki::new(Key::P256);
    for (name, size, least, _) in RECORDS {
        let bytes = volume(size);
        let row = Comparison::speed(format!("records of {name}"), bytes)
            .target("rustls", least)
            .target("OpenSSL", 1.9);
        contest(effort, ROUNDS, &COLUMNS, [row], || {
            vec![
                receive_ours(&pki, size, bytes),
                receive_bare(&pki, size, bytes),
                receive_async(&pki, size, bytes),
                #[cfg(feature = "openssl")]
                receive_system(&pki, size, bytes, Transport::Memory),
                open(size, bytes),
            ]
        });
    }
}

fn receive_ours<'a>(pki: &Pki, size: usize, bytes: usize) -> Contestant<'a, 1> {
    let mut pair = ours::Stack::new(terms(pki)).pair();
    let (mut wire, mut incoming, mut outgoing) =
        (BytesMut::new(), BytesMut::new(), BytesMut::new());
    let plaintext = vec![b'm'; size];
    Contestant::new("mail-tls", move || {
        for _ in 0..bytes / size {
            pair.server.send(&plaintext, &mut wire).unwrap();
        }
        let (mut lap, mut received) = (Duration::ZERO, 0);
        for piece in wire.chunks(PIECE) {
            incoming.extend_from_slice(piece);
            received += timed(&mut lap, || pair.client.drive(&mut incoming, &mut outgoing));
        }
        wire.clear();
        assert_eq!(received, bytes);
        [lap]
    })
}

fn receive_bare<'a>(pki: &Pki, size: usize, bytes: usize) -> Contestant<'a, 1> {
    let mut pair = bare::Stack::new(terms(pki)).pair();
    let (mut wire, mut into) = (Vec::new(), Plaintext::default());
    let plaintext = vec![b'm'; size];
    Contestant::new("rustls", move || {
        for _ in 0..bytes / size {
            bare::send(&mut pair.server, &plaintext, &mut wire);
        }
        let (mut lap, mut received) = (Duration::ZERO, 0);
        for piece in wire.chunks(PIECE) {
            received += timed(&mut lap, || {
                bare::receive(&mut pair.client, piece, piece.len(), &mut into)
            });
        }
        wire.clear();
        assert_eq!(received, bytes);
        [lap]
    })
}

fn receive_async<'a>(pki: &Pki, size: usize, bytes: usize) -> Contestant<'a, 1> {
    let mut pair = duplex::Stack::new(terms(pki)).pair();
    let mut into = vec![0; 32 * KIB];
    let plaintext = vec![b'm'; size];
    // Pieces of whole records: what is left of one would be waited for.
    let records = whole_records(size, bytes);
    Contestant::new("tokio-rustls", move || {
        let (mut lap, mut received) = (Duration::ZERO, 0);
        while received < bytes {
            let count = records.min((bytes - received) / size);
            for _ in 0..count {
                pair.send_to_client(&plaintext);
            }
            timed(&mut lap, || pair.receive(count * size, &mut into));
            received += count * size;
        }
        [lap]
    })
}

/// Records in a piece of 64 KiB.
fn whole_records(size: usize, bytes: usize) -> usize {
    (PIECE / (size + 22)).max(1).min(bytes / size)
}

#[cfg(feature = "openssl")]
enum Transport {
    Memory,
    Socket,
}

#[cfg(feature = "openssl")]
fn receive_system<'a>(
    pki: &Pki,
    size: usize,
    bytes: usize,
    transport: Transport,
) -> Contestant<'a, 1> {
    let mut pair = system::Stack::new(terms(pki)).pair();
    let mut into = vec![0; 32 * KIB];
    let plaintext = vec![b'm'; size];
    let mut far = match transport {
        Transport::Memory => None,
        Transport::Socket => {
            let (near, far) = UnixStream::pair().unwrap();
            // A read behind the last record must not block.
            near.set_nonblocking(true).unwrap();
            pair.client.get_mut().socket = Some(near);
            Some(far)
        }
    };
    // OpenSSL holds the cut record at a piece's end: pieces of whole records instead.
    let records = whole_records(size, bytes);
    Contestant::new("OpenSSL", move || {
        let (mut lap, mut received) = (Duration::ZERO, 0);
        while received < bytes {
            let count = records.min((bytes - received) / size);
            for _ in 0..count {
                system::send(&mut pair.server, &plaintext);
            }
            let piece = std::mem::take(&mut pair.server.get_mut().outgoing);
            match &mut far {
                None => pair.client.get_mut().incoming = piece,
                Some(far) => far.write_all(&piece).unwrap(),
            }
            timed(&mut lap, || {
                system::receive(&mut pair.client, count * size, &mut into);
            });
            received += count * size;
        }
        [lap]
    })
}

fn open<'a>(size: usize, bytes: usize) -> Contestant<'a, 1> {
    let aead = Aead::new(size);
    let mut sealed = aead.records(bytes);
    aead.seal(&mut sealed);
    let mut records = sealed.clone();
    Contestant::new("the cipher alone", move || {
        records.copy_from_slice(&sealed);
        let mut lap = Duration::ZERO;
        timed(&mut lap, || aead.open(&mut records));
        [lap]
    })
}

pub(crate) fn receive_from_socket(effort: Effort) {
    print_head("Receiving from a socket", &COLUMNS[..3]);
    let pki = Pki::new(Key::P256);
    let runtime = runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .unwrap();
    for (name, size, _, least) in RECORDS {
        let bytes = volume(size);
        let row = Comparison::speed(format!("records of {name}"), bytes)
            .target("rustls", least)
            .target("OpenSSL", 1.9);
        contest(effort, ROUNDS, &COLUMNS[..3], [row], || {
            vec![
                read_ours(&pki, size, bytes, &runtime),
                read_bare(&pki, size, bytes),
                #[cfg(feature = "openssl")]
                receive_system(&pki, size, bytes, Transport::Socket),
            ]
        });
    }
}

/// Reads up to 64 KiB at a time into `incoming`, as an embedder on tokio does.
fn read_ours<'a>(pki: &Pki, size: usize, bytes: usize, runtime: &'a Runtime) -> Contestant<'a, 1> {
    let mut pair = ours::Stack::new(terms(pki)).pair();
    let (near, mut far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let near = runtime
        .block_on(async { tokio::net::UnixStream::from_std(near) })
        .unwrap();
    let (mut wire, mut incoming, mut outgoing) =
        (BytesMut::new(), BytesMut::new(), BytesMut::new());
    let plaintext = vec![b'm'; size];
    Contestant::new("mail-tls", move || {
        for _ in 0..bytes / size {
            pair.server.send(&plaintext, &mut wire).unwrap();
        }
        let (mut lap, mut received) = (Duration::ZERO, 0);
        for piece in wire.chunks(PIECE) {
            far.write_all(piece).unwrap();
            runtime.block_on(near.readable()).unwrap();
            received += timed(&mut lap, || {
                let (mut taken, mut received) = (0, 0);
                while taken < piece.len() {
                    incoming.reserve(PIECE);
                    taken += near.try_read_buf(&mut incoming).unwrap();
                    received += pair.client.drive(&mut incoming, &mut outgoing);
                }
                received
            });
        }
        wire.clear();
        assert_eq!(received, bytes);
        [lap]
    })
}

fn read_bare<'a>(pki: &Pki, size: usize, bytes: usize) -> Contestant<'a, 1> {
    let mut pair = bare::Stack::new(terms(pki)).pair();
    let (near, mut far) = UnixStream::pair().unwrap();
    let (mut wire, mut into) = (Vec::new(), Plaintext::default());
    let plaintext = vec![b'm'; size];
    Contestant::new("rustls", move || {
        for _ in 0..bytes / size {
            bare::send(&mut pair.server, &plaintext, &mut wire);
        }
        let (mut lap, mut received) = (Duration::ZERO, 0);
        for piece in wire.chunks(PIECE) {
            far.write_all(piece).unwrap();
            received += timed(&mut lap, || {
                bare::receive(&mut pair.client, &near, piece.len(), &mut into)
            });
        }
        wire.clear();
        assert_eq!(received, bytes);
        [lap]
    })
}
