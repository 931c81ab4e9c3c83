//! What handshakes miss in simulated caches, cryptography included: where instructions do not explain
//! the time.

use std::collections::BTreeMap;

use crate::callgrind;
use crate::paths::{Path, full_handshakes};

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
    (CODE, &["I1mr"]),
    ("lines of data not in the first cache", &["D1mr", "D1mw"]),
    ("lines not in the second", &["ILmr", "DLmr", "DLmw"]),
    ("branches not foreseen", &["Bcm", "Bim"]),
];
const CODE: &str = "lines of code not in the first cache";

/// Whose code a function is, by what is in its name; the first that is there counts.
const PARTS: [(&str, &[&str]); 7] = [
    (
        "tickets",
        &["mail_tls::tls::tickets", "mail_tls::ticket_keys"],
    ),
    (
        "reading certificates",
        &["mail_tls::certificate::", "mail_tls::der"],
    ),
    (
        "the verdict",
        &[
            "mail_tls::verify",
            "mail_tls::identity",
            "mail_tls::tls::remembered",
        ],
    ),
    ("sessions and their engine", &["mail_tls::"]),
    ("rustls and rustls-webpki", &["rustls::", "webpki::"]),
    ("other code in Rust", &["::"]),
    ("cryptography, allocator and copies, in C", &[""]),
];

/// Own costs by function, in the order of the events.
struct Counted {
    events: Vec<String>,
    functions: BTreeMap<String, Vec<u64>>,
}

pub(crate) fn print() {
    let counted: Vec<(&Path, [Counted; 2])> = full_handshakes()
        .map(|path| {
            let labels: [String; 2] = path.labels().try_into().unwrap();
            (
                path,
                labels.map(|label| Counted::read(&callgrind(&label, &CACHES))),
            )
        })
        .collect();

    println!("\n## Caches\n");
    let named: String = COLUMNS
        .iter()
        .map(|(name, _)| format!(" {name} |"))
        .collect();
    println!("| for one |{named}");
    println!("|---|{}", "---|".repeat(COLUMNS.len()));
    for (path, contestants) in &counted {
        let shown: String = COLUMNS
            .iter()
            .map(|(_, events)| {
                let [ours, bare] = in_one_round(path, contestants, events, |_| true);
                format!(" {ours} ({:+}) |", ours - bare)
            })
            .collect();
        println!("| {} |{shown}", path.name);
    }

    println!("\n## Caches by part\n");
    let named: String = counted
        .iter()
        .map(|(path, _)| format!(" {} |", path.name))
        .collect();
    println!("| {CODE}, more than rustls |{named}");
    println!("|---|{}", "---|".repeat(counted.len()));
    for (part, _) in PARTS {
        let shown: String = counted
            .iter()
            .map(|(path, contestants)| {
                let is_its = |function: &str| part_of(function) == part;
                let [ours, bare] = in_one_round(path, contestants, &["I1mr"], is_its);
                format!(" {:+} |", ours - bare)
            })
            .collect();
        println!("| {part} |{shown}");
    }
}

/// Of both contestants, for the functions that are asked for.
fn in_one_round(
    path: &Path,
    contestants: &[Counted; 2],
    events: &[&str],
    is_asked_for: impl Fn(&str) -> bool,
) -> [i64; 2] {
    contestants.each_ref().map(|counted| {
        let places = events.iter().map(|name| {
            let place = counted.events.iter().position(|event| event == name);
            place.unwrap()
        });
        let places: Vec<usize> = places.collect();
        let asked = counted
            .functions
            .iter()
            .filter(|(name, _)| is_asked_for(name));
        let sum: u64 = asked
            .map(|(_, costs)| {
                places
                    .iter()
                    .filter_map(|place| costs.get(*place))
                    .sum::<u64>()
            })
            .sum();
        (sum / path.rounds) as i64
    })
}

fn part_of(function: &str) -> &'static str {
    let found = PARTS
        .iter()
        .find(|(_, names)| names.iter().any(|name| function.contains(name)));
    found.unwrap().0
}

impl Counted {
    /// See [`callgrind`](crate::callgrind) for the format; there is one cost for each event here, and
    /// those at the end are left out where they are zero.
    fn read(text: &str) -> Self {
        let mut counted = Self {
            events: Vec::new(),
            functions: BTreeMap::new(),
        };
        let (mut function, mut is_call) = (String::new(), false);
        for line in text.lines() {
            if let Some(names) = line.strip_prefix("events:") {
                counted.events = names.split_ascii_whitespace().map(str::to_owned).collect();
            } else if let Some(name) = line.strip_prefix("fn=") {
                name.clone_into(&mut function);
            } else if line.starts_with("calls=") {
                is_call = true;
            } else if let Some((position, costs)) = line.split_once(' ') {
                // What was called has its own lines.
                if position.parse::<u64>().is_err() || std::mem::take(&mut is_call) {
                    continue;
                }
                let sums = counted.functions.entry(function.clone()).or_default();
                sums.resize(counted.events.len(), 0);
                for (sum, cost) in sums.iter_mut().zip(costs.split_ascii_whitespace()) {
                    *sum += cost.parse::<u64>().unwrap();
                }
            }
        }
        counted
    }
}
