#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::TlsMode;
use mail_tls_fuzz::{Watched, service};

// Whatever a server says, the client says nothing but these before its ClientHello.
fuzz_target!(|input: (u8, Vec<Vec<u8>>)| {
    const PERMITTED: [&str; 6] = [
        "A1 CAPABILITY",
        "A2 STARTTLS",
        "CAPA",
        "STLS",
        "STARTTLS",
        "EHLO [127.0.0.1]",
    ];
    let (choice, pieces) = input;
    let mut client = Watched::client(service(choice), TlsMode::StartTls, false);
    for piece in pieces {
        client.incoming.extend_from_slice(&piece);
        client.process(&mut Vec::new());
        assert!(!client.is_established);
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
    }
});
