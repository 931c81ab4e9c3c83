//! Rounds, ratios and the table.

use std::env;
use std::time::{Duration, Instant};

/// How much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Enough for figures.
    Full,
    /// Enough to see that everything runs.
    Smoke,
}

impl Effort {
    /// `--quick`, or `BENCH_SMOKE` in the environment: a smoke test.
    pub fn chosen() -> Self {
        let is_smoke = env::args().any(|argument| argument == "--quick")
            || env::var_os("BENCH_SMOKE").is_some();
        if is_smoke { Self::Smoke } else { Self::Full }
    }

    /// How often contestants are made anew, so that none has the luckier addresses all the time.
    pub fn heats(self) -> usize {
        match self {
            Self::Full => 10,
            Self::Smoke => 1,
        }
    }

    /// `rounds`, or a few.
    pub fn rounds(self, rounds: usize) -> usize {
        match self {
            Self::Full => rounds,
            Self::Smoke => rounds.min(3),
        }
    }
}

/// What the ratio says.
#[derive(Debug, Clone, Copy)]
pub enum Measure {
    /// Time of mail-tls by the other's: less is better. Shown in µs for one of this many.
    Time { operations: f64 },
    /// Speed of mail-tls by the other's: more is better. Shown in MB/s for this many bytes.
    Speed { bytes: f64 },
}

/// What is asked of the ratio to a contestant.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub against: &'static str,
    pub ratio: f64,
}

/// One comparison of one figure.
#[derive(Debug, Clone)]
pub struct Comparison {
    pub name: String,
    pub measure: Measure,
    pub targets: Vec<Target>,
}

/// A contestant: its name, and what it does in one round, with the time of each figure.
pub struct Contestant<'a, const N: usize> {
    pub name: &'static str,
    pub round: Box<dyn FnMut() -> [Duration; N] + 'a>,
}

impl<'a, const N: usize> Contestant<'a, N> {
    pub fn new(name: &'static str, round: impl FnMut() -> [Duration; N] + 'a) -> Self {
        Self {
            name,
            round: Box::new(round),
        }
    }
}

/// Lets the contestants that `enter` makes run in turn; the first is compared with each other one.
/// One comparison for each figure, in a table with these columns.
pub fn contest<'a, const N: usize>(
    effort: Effort,
    rounds: usize,
    columns: &[&str],
    comparisons: [Comparison; N],
    mut enter: impl FnMut() -> Vec<Contestant<'a, N>>,
) {
    let heats = effort.heats();
    let mut names = Vec::new();
    // By contestant, figure and round.
    let mut times: Vec<[Vec<f64>; N]> = Vec::new();
    for heat in 0..heats {
        // Moves what is allocated after it.
        let _padding: Vec<u8> = Vec::with_capacity(heat * 1_232);
        let mut contestants = enter();
        names = contestants.iter().map(|one| one.name).collect();
        times.resize_with(names.len(), || std::array::from_fn(|_| Vec::new()));
        for contestant in &mut contestants {
            (contestant.round)();
        }
        for round in 0..effort.rounds(rounds).div_ceil(heats) {
            for turn in 0..contestants.len() {
                let index = order(round, turn, contestants.len());
                let laps = (contestants[index].round)();
                for (figures, lap) in times[index].iter_mut().zip(laps) {
                    figures.push(lap.as_secs_f64());
                }
            }
        }
    }
    for (figure, comparison) in comparisons.iter().enumerate() {
        let figures: Vec<&[f64]> = times.iter().map(|one| one[figure].as_slice()).collect();
        comparison.print(columns, &names, &figures);
    }
}

/// Who has this turn: everyone begins equally often, and follows each other one equally often, since
/// who went before leaves the caches warm or cold.
fn order(round: usize, turn: usize, contestants: usize) -> usize {
    let begins = round % contestants;
    let is_forward = (round / contestants) % 2 == 0;
    let step = if is_forward { turn } else { contestants - turn };
    (begins + step) % contestants
}

impl Comparison {
    pub fn time(name: impl Into<String>, operations: usize) -> Self {
        Self {
            name: name.into(),
            measure: Measure::Time {
                operations: operations as f64,
            },
            targets: Vec::new(),
        }
    }

    pub fn speed(name: impl Into<String>, bytes: usize) -> Self {
        Self {
            name: name.into(),
            measure: Measure::Speed {
                bytes: bytes as f64,
            },
            targets: Vec::new(),
        }
    }

    pub fn target(mut self, against: &'static str, ratio: f64) -> Self {
        self.targets.push(Target { against, ratio });
        self
    }

    /// One row: the figure of mail-tls, and the ratios to the others by column.
    fn print(&self, columns: &[&str], names: &[&str], figures: &[&[f64]]) {
        let ours = figures[0];
        let mut row = format!("| {} | {} |", self.name, self.shown(ours));
        for column in columns {
            let other = names.iter().position(|name| name == column);
            match other.filter(|index| *index > 0) {
                Some(index) => row += &format!(" {} |", self.beside(column, ours, figures[index])),
                None => row += " |",
            }
        }
        println!("{row}");
    }

    /// The median of the ratios, their quartiles, and what is asked of it.
    fn beside(&self, name: &str, ours: &[f64], other: &[f64]) -> String {
        let ratios: Vec<f64> = ours
            .iter()
            .zip(other)
            .map(|(ours, other)| match self.measure {
                Measure::Time { .. } => ours / other,
                Measure::Speed { .. } => other / ours,
            })
            .collect();
        let [low, median, high] = quartiles(&ratios);
        let target = self.targets.iter().find(|target| target.against == name);
        let verdict = target.map_or(String::new(), |target| {
            format!(", {}", self.judge(target, median))
        });
        format!("**{median:.3}** ({low:.3} to {high:.3}){verdict}")
    }

    fn judge(&self, target: &Target, ratio: f64) -> String {
        let (sign, is_met) = match self.measure {
            Measure::Time { .. } => ("≤", ratio <= target.ratio),
            Measure::Speed { .. } => ("≥", ratio >= target.ratio),
        };
        let verdict = if is_met { "met" } else { "missed" };
        format!("{sign} {:.2} {verdict}", target.ratio)
    }

    fn shown(&self, times: &[f64]) -> String {
        let [_, median, _] = quartiles(times);
        match self.measure {
            Measure::Time { operations } if median / operations < 1e-6 => {
                format!("{:.0} ns", median / operations * 1e9)
            }
            Measure::Time { operations } => format!("{:.2} µs", median / operations * 1e6),
            Measure::Speed { bytes } => format!("{:.0} MB/s", bytes / median / 1e6),
        }
    }
}

/// Whether the section was asked for: by its name on the command line, or by no name at all.
pub fn is_wanted(section: &str) -> bool {
    let mut names = env::args()
        .skip(1)
        .filter(|one| !one.starts_with('-'))
        .peekable();
    names.peek().is_none() || names.any(|one| one == section)
}

/// The table's head; its rows follow as they are measured.
pub fn print_head(title: &str, columns: &[&str]) {
    println!("\n## {title}\n");
    let named: String = columns
        .iter()
        .map(|name| format!(" beside {name} |"))
        .collect();
    println!("| what | mail-tls |{named}");
    println!("|---|---|{}", "---|".repeat(columns.len()));
}

/// Adds the time of `call` to `lap`.
pub fn timed<R>(lap: &mut Duration, call: impl FnOnce() -> R) -> R {
    let begin = Instant::now();
    let result = call();
    *lap += begin.elapsed();
    result
}

/// First quartile, median and third quartile.
pub fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| sorted[(sorted.len() - 1) * quarter / 4])
}
