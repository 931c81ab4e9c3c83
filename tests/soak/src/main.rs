//! A soak: two processes, one with a server, one with many clients, on loopback.
//!
//! ```text
//! cargo run --release -p mail-tls-soak -- [--sessions N] [--seconds N] [--seed N] [--patience N]
//! ```
//!
//! keeps `N` client sessions busy for so long, with implicit TLS and STARTTLS, and lets happen what
//! happens: slow readers and writers, killed connections on either side, damaged records, peers that
//! never answer, clocks that jump, certificates that are replaced under load. At the end
//!
//! * every byte is accounted for: what was received is what was sent, or its beginning, by comparison
//!   on both sides, and by hashes that both sides report;
//! * every session has ended as its story has to end;
//! * the memory is what it was before.
//!
//! A handshake may take fifteen seconds, or as many as `--patience` says where other work is on the
//! machine: whoever does not come to it by then is timed out, which is not its story's end.
//!
//! It prints its figures, and exits with status 1 if anything of that does not hold.

#![expect(
    clippy::disallowed_methods,
    reason = "an embedder has the time of the machine"
)]

mod carrier;
mod client;
mod clock;
mod content;
mod ending;
mod figures;
mod server;
mod story;

use std::alloc::System;
use std::process::ExitCode;
use std::time::Duration;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What the command line says.
#[derive(Debug, Clone, Copy)]
struct Options {
    sessions: usize,
    time: Duration,
    seed: u64,
    /// How long a handshake may take, and the plain text before it. Thousands begin at once.
    patience: Duration,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (is_server, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == "serve" => (true, rest),
        _ => (false, &arguments[..]),
    };
    let Some(options) = options(arguments) else {
        eprintln!("usage: mail-tls-soak [--sessions N] [--seconds N] [--seed N] [--patience N]");
        return ExitCode::from(2);
    };
    if is_server {
        runtime.block_on(server::run(options.patience));
        return ExitCode::SUCCESS;
    }
    let faults = runtime.block_on(client::run(options));
    for fault in faults.iter().take(20) {
        eprintln!("FAULT: {fault}");
    }
    if faults.is_empty() {
        println!("everything is accounted for");
        ExitCode::SUCCESS
    } else {
        eprintln!("{} faults", faults.len());
        ExitCode::FAILURE
    }
}

fn options(arguments: &[String]) -> Option<Options> {
    let mut options = Options {
        sessions: 2000,
        time: Duration::from_secs(60),
        seed: 1,
        patience: Duration::from_secs(15),
    };
    let mut arguments = arguments.iter();
    while let Some(name) = arguments.next() {
        let value: u64 = arguments.next()?.parse().ok()?;
        match name.as_str() {
            "--sessions" => options.sessions = usize::try_from(value).ok()?,
            "--seconds" => options.time = Duration::from_secs(value),
            "--seed" => options.seed = value,
            "--patience" => options.patience = Duration::from_secs(value),
            _ => return None,
        }
    }
    Some(options)
}

/// Bytes that this process has allocated and not given back.
fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated)
}
