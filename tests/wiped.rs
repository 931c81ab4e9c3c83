//! What waits in a session's queue is overwritten before its memory is given back, and so are a
//! private key, a ticket's key and what goes into a ticket. In a program of its own, with one test:
//! the allocator watches the whole process.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use mail_tls::ticket_keys::{TicketKey, TicketKeys, TicketSealer};
use mail_tls::{
    Acceptor, Account, Certificates, CertifiedChain, Client, ClientSession, Connector, Endpoint,
    Event, Server, Service, TlsMode, TrustAnchors,
};
use pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

#[global_allocator]
static ALLOCATOR: Watching = Watching;

const HOST: &str = "imap.example.org";
static PASSWORD: &[u8; 24] = b"correct horse battery st";
/// Part of what was put into a ticket.
static CONTENT: OnceLock<[u8; 24]> = OnceLock::new();
/// Blocks that were given back with one of them inside.
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
        let content = CONTENT.get().unwrap_or(PASSWORD);
        if block
            .windows(PASSWORD.len())
            .any(|part| part == PASSWORD || part == content)
        {
            LEFT.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: it comes from there.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// How often one of them is in what `call` gives back.
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
    keys_of_tickets();
    what_goes_into_a_ticket();
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

/// Replaced, cloned, and used by the provider's AES.
fn keys_of_tickets() {
    let left = left_by(|| {
        let keys = TicketKeys::new([key(1)]).unwrap();
        let (connector, acceptor) = sides(Some(keys.clone()));
        assert!(!visit(&connector, &acceptor));
        keys.replace([key(2), key(1)]).unwrap();
        assert!(visit(&connector, &acceptor));
        keys.replace([key(3)]).unwrap();
        assert!(!visit(&connector, &acceptor));
    });
    assert_eq!(left, 0);
}

/// The key's secret has the password in it.
fn key(seed: u8) -> TicketKey {
    let mut octets = [seed; TicketKey::LENGTH];
    octets[20..][..PASSWORD.len()].copy_from_slice(PASSWORD);
    let begins = SystemTime::UNIX_EPOCH;
    TicketKey::new(&octets, begins, begins + Duration::from_secs(1 << 36)).unwrap()
}

/// Of the copies that are made here. Those that rustls makes have nothing before its own state.
fn what_goes_into_a_ticket() {
    #[derive(Debug)]
    struct Inverting;
    impl TicketSealer for Inverting {
        fn seal(&self, _: &[u8; 32], _: &[u8], plaintext: &[u8]) -> Option<Vec<u8>> {
            // When it was sealed, when it ends, and the certificate's hash with its length.
            let before = 8 + 8 + 1 + 32;
            let around = plaintext[before - 8..].first_chunk().unwrap();
            CONTENT.get_or_init(|| *around);
            Some(plaintext.iter().map(|octet| !octet).collect())
        }
        fn open(&self, _: &[u8; 32], _: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
            Some(sealed.iter().map(|octet| !octet).collect())
        }
    }
    let left = left_by(|| {
        let keys = TicketKeys::with_sealer(Arc::new(Inverting), [key(1)]).unwrap();
        let (connector, acceptor) = sides(Some(keys));
        assert!(!visit(&connector, &acceptor));
        assert!(visit(&connector, &acceptor));
    });
    assert_eq!(left, 0);
    let content = CONTENT.get().unwrap();
    assert_eq!(left_by(|| drop(content.to_vec())), 1, "it would be seen");
}

/// Whether the session is resumed.
fn visit(connector: &Connector, acceptor: &Acceptor) -> bool {
    establish(connector, acceptor).info().unwrap().is_resumed()
}

fn established() -> ClientSession {
    let (connector, acceptor) = sides(None);
    establish(&connector, &acceptor)
}

fn sides(ticket_keys: Option<TicketKeys>) -> (Connector, Acceptor) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let anchors = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([HOST.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap().pem();
    let chain = CertifiedChain::from_pem(leaf.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let mut acceptor = Server::builder().build().unwrap().acceptor(
        Service::Imap,
        TlsMode::Implicit,
        Certificates::new(chain),
    );
    if let Some(keys) = ticket_keys {
        acceptor = acceptor.ticket_keys(keys);
    }
    let connector = Client::builder()
        .trust_anchors(TrustAnchors::from_pem(anchors.as_bytes()).unwrap())
        .build()
        .unwrap()
        .connector(
            &Account::configured(),
            Endpoint::typed(Service::Imap, TlsMode::Implicit, HOST).unwrap(),
        )
        .unwrap();
    (connector, acceptor.build().unwrap())
}

/// With the ticket that follows.
fn establish(connector: &Connector, acceptor: &Acceptor) -> ClientSession {
    let (mut to_server, mut to_client) = (BytesMut::new(), BytesMut::new());
    let mut client = connector.connect(&mut to_server).unwrap();
    let mut server = acceptor.accept().unwrap();
    let mut is_established = false;
    loop {
        while server
            .process(&mut to_server, &mut to_client)
            .unwrap()
            .is_some()
        {}
        if is_established && to_client.is_empty() {
            return client;
        }
        while let Some(event) = client.process(&mut to_client, &mut to_server).unwrap() {
            is_established |= matches!(event, Event::Established);
        }
    }
}
