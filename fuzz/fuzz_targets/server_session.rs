#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::Service;
use mail_tls_fuzz::{Cryptography, Operation, SESSION, Script, Watched, within};

fuzz_target!(|data: &[u8]| {
    within(SESSION, data, |input: (u8, Script<Operation>)| {
        let (choice, Script(operations)) = input;
        let mut server = match choice % 3 {
            0 => Watched::server(Service::Imap, false, Cryptography::Clear),
            1 => Watched::server(Service::Imap, true, Cryptography::Clear),
            _ => Watched::server_of_known_clients(Service::Imap, Cryptography::Clear),
        };
        for operation in operations {
            server.apply(operation);
        }
    });
});
