//! Time of handshakes, of sending and of receiving, beside rustls used bare.
//!
//! `cargo bench -p mail-tls-benches --features openssl`; `-- --quick` for a smoke test.
#![expect(
    clippy::disallowed_methods,
    reason = "a stopwatch reads the clock of the machine"
)]

mod bulk;
mod cuts;
mod handshakes;

use mail_tls_benches::contest::Effort;

fn main() {
    let effort = Effort::chosen();
    println!("ratios to the contestant beside; time: less is better, speed: more is better");
    #[cfg(feature = "openssl")]
    println!("{}", mail_tls_benches::system::version());
    #[cfg(not(feature = "openssl"))]
    println!("OpenSSL is missing: build with the feature `openssl`");
    handshakes::run(effort);
    bulk::send(effort);
    bulk::receive_in_memory(effort);
    bulk::receive_from_socket(effort);
    cuts::run(effort);
}
