#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::{Service, TlsMode};
use mail_tls_fuzz::Watched;

// One session gets the input whole, the other in pieces: the same events, and the same bytes
// behind them. The input of the server begins with a real ClientHello if the first flag says so.
fuzz_target!(|input: (bool, bool, Vec<u8>, Vec<u8>)| {
    let (is_client, with_hello, bytes, cuts) = input;
    let mut stream = Vec::new();
    if with_hello && !is_client {
        let client = Watched::client(Service::Imap, TlsMode::Implicit, false);
        stream.extend_from_slice(&client.outgoing);
    }
    stream.extend(bytes);
    let start = || {
        if is_client {
            Watched::client(Service::Imap, TlsMode::Implicit, false)
        } else {
            Watched::server(Service::Imap, false)
        }
    };
    let (mut whole, mut events) = (start(), Vec::new());
    whole.incoming.extend_from_slice(&stream);
    whole.process(&mut events);

    let (mut pieces, mut events_of_pieces) = (start(), Vec::new());
    let mut cuts = cuts.into_iter().cycle();
    let mut rest = stream.as_slice();
    while !rest.is_empty() && pieces.death.is_none() {
        let count = usize::from(cuts.next().unwrap_or(1)).clamp(1, rest.len());
        pieces.incoming.extend_from_slice(&rest[..count]);
        rest = &rest[count..];
        pieces.process(&mut events_of_pieces);
    }
    assert_eq!(events, events_of_pieces);
    assert_eq!(whole.received, pieces.received);
});
