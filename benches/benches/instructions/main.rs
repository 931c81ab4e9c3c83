//! Instructions outside of the cryptography, counted by valgrind, beside rustls used bare.
//!
//! `cargo bench -p mail-tls-benches --bench instructions`; `-- --check` fails where a count is not
//! what `reference.tsv` says, `-- --update` writes that file anew, `-- --profile` shows by path which
//! functions have them. Without any of these, what handshakes miss in simulated caches is counted too.
//!
//! A count is the same on every machine that has the same compiler, but for what the cryptography
//! chooses by processor, key and chance. So what is called in its library is subtracted: what is left
//! is rustls, mail-tls, and the allocator. Where rustls does the same beside it, the ratio is held
//! against the reference, in which a compiler that does everything better takes no part.

mod caches;
mod callgrind;
mod paths;

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use callgrind::{Costs, Profile};
use mail_tls_benches::contest::Effort;
use paths::{PATHS, Path};

/// Given to this program when it is run under valgrind.
const COUNTED: &str = "--under-valgrind";
/// How the C library works there: it sets no small blocks aside that whoever asks for a large one next
/// has to merge, and copies with instructions that valgrind counts, not with one for all of it.
const C_LIBRARY: &str = "glibc.malloc.mxfast=0:glibc.cpu.x86_rep_movsb_threshold=1000000000";
/// What a ratio may be above and below the reference: those of a handshake differ by up to 0.01 from run
/// to run, since tables are searched in another order each time.
const RATIO_TOLERANCE: f64 = 0.02;
/// What a count that has nobody beside may be above and below the reference, in parts of it.
const COUNT_TOLERANCE: f64 = 0.05;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().collect();
    match arguments.as_slice() {
        [_, flag, label] if flag == COUNTED => {
            paths::run(label);
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if Effort::chosen() == Effort::Smoke && !has("--check") {
        println!("instructions are not counted in a smoke test");
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        println!("valgrind is missing: no instructions are counted");
        return if has("--check") {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        };
    }
    let profiles = count();
    if has("--profile") {
        profiles.iter().for_each(print_profile);
    }
    let reference = reference();
    let figures: Vec<Figure> = PATHS
        .iter()
        .map(|path| Figure::of(path, &profiles))
        .collect();
    print(&figures, &reference);
    if has("--update") {
        fs::write(reference_path(), rendered(&figures)).unwrap();
        println!("\nwritten to {}", reference_path().display());
        return ExitCode::SUCCESS;
    }
    if !has("--check") && !has("--profile") {
        caches::print();
    }
    let off = figures
        .iter()
        .filter(|figure| !figure.is_within(&reference))
        .count();
    if off > 0 {
        println!(
            "\n{off} of {} are not what the reference says. Where that is meant, write it anew: \
             cargo bench -p mail-tls-benches --bench instructions -- --update",
            figures.len()
        );
        if has("--check") {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// What a path takes.
struct Figure {
    name: &'static str,
    ours: u64,
    beside: Option<(&'static str, u64)>,
}

impl Figure {
    fn of(path: &Path, profiles: &BTreeMap<String, Profile>) -> Self {
        let count = |label: &str| {
            profiles
                .get(label)
                .map_or(0, Profile::outside_of_cryptography)
        };
        Self {
            name: path.name,
            ours: count(path.name) / path.rounds,
            beside: path.beside.map(|beside| {
                let label = format!("{}, {beside}", path.name);
                (beside, count(&label) / path.rounds)
            }),
        }
    }

    /// What is held against the reference.
    fn held(&self) -> f64 {
        match self.beside {
            Some((_, beside)) => self.ours as f64 / beside as f64,
            None => self.ours as f64,
        }
    }

    fn is_within(&self, reference: &BTreeMap<String, f64>) -> bool {
        let Some(expected) = reference.get(self.name) else {
            return false;
        };
        let tolerance = match self.beside {
            Some(_) => RATIO_TOLERANCE,
            None => expected * COUNT_TOLERANCE,
        };
        (self.held() - expected).abs() <= tolerance
    }
}

fn print(figures: &[Figure], reference: &BTreeMap<String, f64>) {
    println!("\n## Instructions outside of the cryptography\n");
    println!("| what | mail-tls | beside | more | ratio | reference |");
    println!("|---|---|---|---|---|---|");
    for figure in figures {
        let expected = match (reference.get(figure.name), figure.beside) {
            (Some(ratio), Some(_)) => format!("{ratio:.3}"),
            (Some(count), None) => format!("{count:.0}"),
            (None, _) => "none".to_owned(),
        };
        let verdict = if figure.is_within(reference) {
            ""
        } else {
            " **off**"
        };
        let (beside, more, ratio) = match figure.beside {
            Some((name, beside)) => (
                format!("{name} {beside}"),
                (figure.ours as i64 - beside as i64).to_string(),
                format!("{:.3}", figure.held()),
            ),
            None => Default::default(),
        };
        println!(
            "| {} | {} | {beside} | {more} | {ratio} | {expected}{verdict} |",
            figure.name, figure.ours
        );
    }
}

fn reference_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/reference.tsv")
}

/// By path: the ratio, or the count where nobody is beside.
fn reference() -> BTreeMap<String, f64> {
    let text = fs::read_to_string(reference_path()).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(name, held)| (name.to_owned(), held.parse().unwrap()))
        .collect()
}

fn rendered(figures: &[Figure]) -> String {
    let mut text = String::new();
    for figure in figures {
        let digits = if figure.beside.is_some() { 3 } else { 0 };
        writeln!(text, "{}\t{:.digits$}", figure.name, figure.held()).unwrap();
    }
    text
}

/// Runs this program under valgrind, once for each path and contestant.
fn count() -> BTreeMap<String, Profile> {
    let labels = PATHS.iter().flat_map(Path::labels);
    labels
        .map(|label| {
            let profile = profile(&label);
            (label, profile)
        })
        .collect()
}

fn profile(label: &str) -> Profile {
    let profile = Profile::read(&callgrind(label, &[]));
    assert!(profile.total > 0, "nothing was counted for {label}");
    profile
}

/// What callgrind writes about one path.
fn callgrind(label: &str, flags: &[&str]) -> String {
    let file = env::temp_dir().join(format!("callgrind.{}", std::process::id()));
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--collect-atstart=no",
            "--compress-strings=no",
        ])
        .args([
            "--compress-pos=no",
            "--toggle-collect=instructions::paths::counted*",
        ])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .args(flags)
        .arg(env::current_exe().unwrap())
        .args([COUNTED, label])
        .env("GLIBC_TUNABLES", C_LIBRARY)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = fs::read_to_string(&file).unwrap();
    fs::remove_file(file).unwrap();
    text
}

fn print_profile((label, profile): (&String, &Profile)) {
    println!(
        "\n{label}: {} in all, {} outside of the cryptography",
        profile.total,
        profile.outside_of_cryptography()
    );
    let mut functions: Vec<(&String, &Costs)> = profile.functions.iter().collect();
    functions.sort_by_key(|(_, costs)| std::cmp::Reverse(costs.own));
    for (name, costs) in functions.iter().take(60) {
        println!("{:>9} {:>9}  {name}", costs.own, costs.inclusive);
    }
}
