//! What handshakes miss in simulated caches, cryptography included: where instructions do not explain
//! the time.

use crate::callgrind;
use crate::paths::{HANDSHAKE_PATHS, Path};

/// Those of AMD's Zen 4 for one core: 32 KiB each for code and data, 1 MiB behind them.
const CACHES: [&str; 5] = [
    "--cache-sim=yes",
    "--branch-sim=yes",
    "--I1=32768,8,64",
    "--D1=32768,8,64",
    "--LL=1048576,8,64",
];

/// What is counted, by the names that callgrind gives to it.
const COLUMNS: [(&str, &[&str]); 5] = [
    ("instructions", &["Ir"]),
    ("lines of code not in the first cache", &["I1mr"]),
    ("lines of data not in the first cache", &["D1mr", "D1mw"]),
    ("lines not in the second", &["ILmr", "DLmr", "DLmw"]),
    ("branches not foreseen", &["Bcm", "Bim"]),
];

pub(crate) fn print() {
    println!("\n## Caches\n");
    let named: String = COLUMNS
        .iter()
        .map(|(name, _)| format!(" {name} |"))
        .collect();
    println!("| for one |{named}");
    println!("|---|{}", "---|".repeat(COLUMNS.len()));
    for path in &HANDSHAKE_PATHS {
        let counted: Vec<[u64; 5]> = path
            .labels()
            .iter()
            .map(|label| count(path, label))
            .collect();
        let [ours, bare] = *counted else {
            panic!("nobody is beside {}", path.name);
        };
        let shown: String = ours
            .iter()
            .zip(bare)
            .map(|(ours, bare)| format!(" {ours} ({:+}) |", *ours as i64 - bare as i64))
            .collect();
        println!("| {} |{shown}", path.name);
    }
}

/// In one round, by column.
fn count(path: &Path, label: &str) -> [u64; 5] {
    let text = callgrind(label, &CACHES);
    let line = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name));
        found.unwrap().split_ascii_whitespace()
    };
    let events: Vec<(&str, u64)> = line("events:")
        .zip(line("totals:").map(|total| total.parse().unwrap()))
        .collect();
    COLUMNS.map(|(_, names)| {
        let all = events.iter().filter(|(name, _)| names.contains(name));
        all.map(|(_, total)| total).sum::<u64>() / path.rounds
    })
}
