//! What the fuzz targets share: one authority, its server, sessions that watch themselves, and a
//! meter for what they allocate.

#[path = "../../tests/sessions/clear.rs"]
pub(crate) mod clear;
mod der;
mod meter;
mod script;
mod watched;
mod world;

use arbitrary::{Arbitrary, Unstructured};

pub use der::{certificate_with_names, general_name};
pub use meter::{Bound, Meter};
pub use script::{Item, Operation, Piece, Script, Write, read_bytes};
pub use watched::{Session, Watched};
pub use world::{
    Cryptography, DATE, HOST, WORLD, World, acceptor, algorithms, clock, connector, service,
};

/// For targets that run a session or two on the input. Most of what is fixed is rustls' buffers and
/// the handshake's own; an operation of one byte may cost a message of an error.
pub const SESSION: Bound = Bound {
    peak: (128 << 10, 32),
    total: (512 << 10, 2 << 10),
};

/// The same with each byte in a read of its own.
pub const PIECES: Bound = Bound {
    peak: (256 << 10, 64),
    total: (1 << 20, 4 << 10),
};

/// For what reads a line or a field.
pub const TEXT: Bound = Bound {
    peak: (8 << 10, 32),
    total: (16 << 10, 128),
};

/// Reads the input, and runs the test with it within the bound.
pub fn within<'a, T: Arbitrary<'a>>(bound: Bound, data: &'a [u8], test: impl FnOnce(T)) {
    warm_up();
    let Ok(input) = T::arbitrary_take_rest(Unstructured::new(data)) else {
        return;
    };
    let meter = Meter::start();
    test(input);
    meter.assert_within(bound, data.len());
}

/// What is made once in a process is on nobody's bill.
fn warm_up() {
    use std::sync::Once;

    use mail_tls::{Service, TlsMode};

    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for cryptography in [Cryptography::Real, Cryptography::Clear] {
            let mut client = Watched::client(Service::Imap, TlsMode::Implicit, false, cryptography);
            let mut server = Watched::server(Service::Imap, false, cryptography);
            for _ in 0..4 {
                server.incoming.unsplit(client.outgoing.split());
                server.process(&mut Vec::new());
                client.incoming.unsplit(server.outgoing.split());
                client.process(&mut Vec::new());
            }
            assert!(client.is_established && server.is_established);
        }
    });
}

/// Whether a TLSA record names the leaf or the authority of [`WORLD`] for itself: by a digest of
/// the certificate or its key, or with a certificate or key that has the same key.
pub fn names_the_chain(usage: u8, selector: u8, matching: u8, data: &[u8]) -> bool {
    use sha2::{Digest, Sha256, Sha512};

    let der = match usage {
        2 => &WORLD.root,
        3 => &WORLD.chain.certificates()[0],
        _ => return false,
    };
    let certificate = webpki::EndEntityCert::try_from(der).unwrap();
    let key = certificate.subject_public_key_info();
    let part: &[u8] = if selector == 0 { der } else { &key };
    match matching {
        // The key itself is the end of its DER.
        0 => data.windows(32).any(|window| key.ends_with(window)),
        1 => Sha256::digest(part)[..] == *data,
        2 => Sha512::digest(part)[..] == *data,
        _ => false,
    }
}
