#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::{Service, TlsMode};
use mail_tls_fuzz::{Operation, Watched};

fuzz_target!(|input: (bool, Vec<Operation>)| {
    let (tls12, operations) = input;
    let mut client = Watched::client(Service::Imap, TlsMode::Implicit, tls12);
    for operation in operations {
        client.apply(operation);
    }
});
