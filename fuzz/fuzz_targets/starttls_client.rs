#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::TlsMode;
use mail_tls_fuzz::{Cryptography, Piece, SESSION, Script, Watched, service, within};

// Whatever a server says, the client says nothing but these before its ClientHello.
fuzz_target!(|data: &[u8]| {
    const PERMITTED: [&str; 6] = [
        "A1 CAPABILITY",
        "A2 STARTTLS",
        "CAPA",
        "STLS",
        "STARTTLS",
        "EHLO [127.0.0.1]",
    ];
    within(SESSION, data, |input: (u8, Script<Piece>)| {
        let (choice, Script(pieces)) = input;
        let mode = TlsMode::StartTls;
        let mut client = Watched::client(service(choice), mode, false, Cryptography::Clear);
        for piece in pieces {
            client.incoming.extend_from_slice(&piece.0);
            client.process(&mut Vec::new());
            let mut said = &client.outgoing[..];
            while let Some(end) = said.iter().position(|byte| *byte == b'\n') {
                if said.first() == Some(&22) {
                    break;
                }
                let line = std::str::from_utf8(&said[..end])
                    .unwrap()
                    .trim_end_matches('\r');
                assert!(PERMITTED.contains(&line), "{line}");
                said = &said[end + 1..];
            }
            assert!(!client.is_established || said.first() == Some(&22));
        }
    });
});
