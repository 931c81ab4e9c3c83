//! Time of handshakes, of sending and of receiving, beside rustls used bare.
//!
//! `cargo bench -p mail-tls-benches --features openssl`; `-- --quick` for a smoke test,
//! `-- send receive` for these sections alone.
#![expect(
    clippy::disallowed_methods,
    reason = "a stopwatch reads the clock of the machine"
)]

mod bulk;
mod cuts;
mod handshakes;
mod identity;
mod parts;

use mail_tls_benches::contest::{Effort, is_wanted};

type Section = (&'static str, fn(Effort));

const SECTIONS: [Section; 9] = [
    ("handshakes", handshakes::run),
    ("send", bulk::send),
    ("receive", bulk::receive_in_memory),
    ("socket", bulk::receive_from_socket),
    ("cuts", cuts::run),
    ("identity", identity::run),
    ("dialogs", parts::dialogs),
    ("evaluate", parts::evaluations),
    ("text", parts::text),
];

fn main() {
    let effort = Effort::chosen();
    println!("median of the ratios (quartiles); time: less is better, speed: more is better");
    #[cfg(feature = "openssl")]
    println!("{}", mail_tls_benches::system::version());
    #[cfg(not(feature = "openssl"))]
    println!("OpenSSL is missing: build with the feature `openssl`");
    for (name, run) in SECTIONS {
        if is_wanted(name) {
            run(effort);
        }
    }
}
