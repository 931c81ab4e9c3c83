//! What waits in a session's queue is overwritten before its memory is given back, and so is a
//! private key. In a program of its own, with one test: the allocator watches the whole process.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::BytesMut;
use mail_tls::{
    Account, Certificates, CertifiedChain, Client, ClientSession, Endpoint, Event, Server, Service,
    TlsMode, TrustAnchors,
};
use pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

#[global_allocator]
static ALLOCATOR: Watching = Watching;

const HOST: &str = "imap.example.org";
static PASSWORD: &[u8; 24] = b"correct horse battery st";
/// Blocks that were given back with the password in them.
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Looks at each block that is given back, also at those that a growing vector leaves.
struct Watching;

// SAFETY: memory comes from the system's allocator and goes back to it, as it was asked for. What
// `realloc` does by default goes through these two.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that every byte that is looked at later has a value.
        // SAFETY: the layout is the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the block is as long as its layout says, and nobody else has it any more.
        let block = unsafe { std::slice::from_raw_parts(pointer, layout.size()) };
        if block.windows(PASSWORD.len()).any(|part| part == PASSWORD) {
            LEFT.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: it comes from there.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often the password is in what `call` gives back.
fn left_by(call: impl FnOnce()) -> usize {
    let before = LEFT.load(Ordering::Relaxed);
    call();
    LEFT.load(Ordering::Relaxed) - before
}

#[test]
fn secrets_are_overwritten() {
    assert_eq!(left_by(|| drop(PASSWORD.to_vec())), 1, "it would be seen");
    private_keys();
    what_was_queued();
}

/// Before it is loaded nobody looks whether it is a key. What is loaded is the provider's.
fn private_keys() {
    let certificate = CertificateDer::from(vec![0x30, 0]);
    for chain in [vec![certificate], Vec::new()] {
        let left = left_by(|| {
            let key = PrivatePkcs8KeyDer::from(PASSWORD.to_vec());
            let chain = CertifiedChain::from_der(chain, key.into());
            drop(chain.map(|chain| (chain.clone(), format!("{chain:?}"))));
        });
        assert_eq!(left, 0);
    }
}

fn what_was_queued() {
    let around = |before: usize, after: usize| {
        let mut text = vec![b'x'; before + PASSWORD.len() + after];
        text[before..][..PASSWORD.len()].copy_from_slice(PASSWORD);
        text
    };
    // One piece, pieces that make it grow, and more than one record holds.
    let texts = [
        around(0, 0),
        around(11, 2),
        around(100, 3000),
        around(3000, 13_360),
        around(16_370, 4000),
        around(20_000, 100),
    ];
    for text in &texts {
        for piece in [24, 1000, usize::MAX] {
            for ending in [
                (|_, _| {}) as fn(&mut ClientSession, &mut BytesMut),
                |session, out| session.flush(out).unwrap(),
                |session, out| {
                    session.flush(out).unwrap();
                    session.trim();
                },
                |session, out| session.send(b"and more", out).unwrap(),
                |session, out| session.close(out),
                // A damaged record kills it while something waits.
                |session, out| {
                    let mut damaged = BytesMut::from(&[23, 3, 3, 0, 20][..]);
                    damaged.resize(25, 0);
                    assert!(session.process(&mut damaged, out).is_err());
                },
            ] {
                let mut session = established();
                let mut out = BytesMut::new();
                let left = left_by(|| {
                    for piece in text.chunks(piece) {
                        session.queue(piece, &mut out).unwrap();
                    }
                    ending(&mut session, &mut out);
                    drop(session);
                });
                assert_eq!(left, 0, "{} bytes in pieces of {piece}", text.len());
            }
        }
    }
}

fn established() -> ClientSession {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let anchors = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([HOST.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap().pem();
    let chain = CertifiedChain::from_pem(leaf.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let acceptor = Server::builder()
        .build()
        .unwrap()
        .acceptor(Service::Imap, TlsMode::Implicit, Certificates::new(chain))
        .build()
        .unwrap();
    let connector = Client::builder()
        .trust_anchors(TrustAnchors::from_pem(anchors.as_bytes()).unwrap())
        .build()
        .unwrap()
        .connector(
            &Account::configured(),
            Endpoint::typed(Service::Imap, TlsMode::Implicit, HOST).unwrap(),
        )
        .unwrap();
    let (mut to_server, mut to_client) = (BytesMut::new(), BytesMut::new());
    let mut client = connector.connect(&mut to_server).unwrap();
    let mut server = acceptor.accept().unwrap();
    loop {
        while server
            .process(&mut to_server, &mut to_client)
            .unwrap()
            .is_some()
        {}
        while let Some(event) = client.process(&mut to_client, &mut to_server).unwrap() {
            if matches!(event, Event::Established) {
                return client;
            }
        }
    }
}
