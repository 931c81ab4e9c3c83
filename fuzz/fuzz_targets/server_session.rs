#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::Service;
use mail_tls_fuzz::{Cryptography, Operation, SESSION, Script, Watched, within};

fuzz_target!(|data: &[u8]| {
    within(SESSION, data, |input: (bool, Script<Operation>)| {
        let (asks, Script(operations)) = input;
        let mut server = Watched::server(Service::Imap, asks, Cryptography::Clear);
        for operation in operations {
            server.apply(operation);
        }
    });
});
