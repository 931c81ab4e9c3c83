#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::{Service, TlsMode};
use mail_tls_fuzz::{Cryptography, Operation, SESSION, Script, Watched, within};

// Nothing is encrypted, so that the input can be what a server says who has the keys.
fuzz_target!(|data: &[u8]| {
    within(SESSION, data, |input: (bool, Script<Operation>)| {
        let (tls12, Script(operations)) = input;
        let mut client =
            Watched::client(Service::Imap, TlsMode::Implicit, tls12, Cryptography::Clear);
        for operation in operations {
            client.apply(operation);
        }
    });
});
