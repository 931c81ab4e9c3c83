#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::{Service, TlsMode};
use mail_tls_fuzz::{Cryptography, PIECES, Piece, Script, Watched, within};

// One session gets the input whole, one byte by byte, one in pieces: the same events, and the same
// data and replies. Not of STARTTLS, where what came before the client could speak is an attack.
fuzz_target!(|data: &[u8]| {
    within(PIECES, data, |input: (u8, Script<Piece>)| {
        let (choice, Script(pieces)) = input;
        let stream: Vec<u8> = pieces.iter().flat_map(|piece| piece.0.clone()).collect();
        let start = || {
            let clear = Cryptography::Clear;
            match choice % 3 {
                0 => Watched::client(Service::Imap, TlsMode::Implicit, false, clear),
                1 => Watched::client(Service::Imap, TlsMode::Implicit, true, clear),
                _ => Watched::server(Service::Imap, false, clear),
            }
        };
        let whole = run(start(), [&stream[..]]);
        let split = run(start(), pieces.iter().map(|piece| &piece.0[..]));
        let single = run(start(), stream.chunks(1));
        assert_eq!(whole, split);
        assert_eq!(whole, single);
    });
});

/// The events, what was received, and how much was said: tickets have random numbers in them.
fn run<'a>(
    mut watched: Watched,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<String>, Vec<u8>, usize) {
    let mut events = Vec::new();
    for piece in pieces {
        if watched.death.is_some() {
            break;
        }
        watched.incoming.extend_from_slice(piece);
        watched.process(&mut events);
    }
    (events, watched.received, watched.outgoing.len())
}
