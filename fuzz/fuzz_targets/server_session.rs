#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_tls::Service;
use mail_tls_fuzz::{Operation, Watched};

fuzz_target!(|input: (bool, Vec<Operation>)| {
    let (asks, operations) = input;
    let mut server = Watched::server(Service::Imap, asks);
    for operation in operations {
        server.apply(operation);
    }
});
