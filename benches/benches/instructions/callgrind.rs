//! What callgrind writes, as far as it is needed here.
//!
//! With `--compress-strings=no` and `--compress-pos=no` each name is written out. A function begins
//! with `fn=`, its own costs are lines of `line cost`; a call is `cfn=` and `calls=`, and the line
//! behind it has the inclusive cost of what was called.

use std::collections::BTreeMap;

/// What one or several calls took.
#[derive(Debug, Default)]
pub(crate) struct Profile {
    pub(crate) total: u64,
    cryptography: u64,
    pub(crate) functions: BTreeMap<String, Costs>,
}

#[derive(Debug, Default)]
pub(crate) struct Costs {
    pub(crate) own: u64,
    /// Calls of functions that call themselves are in it more than once.
    pub(crate) inclusive: u64,
}

impl Profile {
    pub(crate) fn read(text: &str) -> Self {
        let mut profile = Self::default();
        let (mut function, mut called) = (String::new(), String::new());
        let mut is_call = false;
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("fn=") {
                function = plain(name);
            } else if let Some(name) = line.strip_prefix("cfn=") {
                called = plain(name);
            } else if line.starts_with("calls=") {
                is_call = true;
            } else if let Some(cost) = cost(line) {
                let costs = profile.functions.entry(function.clone()).or_default();
                costs.inclusive += cost;
                if std::mem::take(&mut is_call) {
                    if is_rust(&function) && is_cryptography(&called) {
                        profile.cryptography += cost;
                    }
                } else {
                    costs.own += cost;
                    profile.total += cost;
                }
            }
        }
        profile
    }

    pub(crate) fn outside_of_cryptography(&self) -> u64 {
        self.total - self.cryptography
    }
}

/// The cryptography's internal functions, in C and assembly, have names of all kinds; what enters it
/// is Rust.
fn is_rust(function: &str) -> bool {
    function.contains("::")
}

/// The functions that can be called from outside of aws-lc have its version in their names.
fn is_cryptography(function: &str) -> bool {
    function.starts_with("aws_lc_") && !is_rust(function)
}

/// The cost in a line that begins with a line's number.
fn cost(line: &str) -> Option<u64> {
    let (position, cost) = line.split_once(' ')?;
    position.parse::<u64>().ok()?;
    cost.parse().ok()
}

/// Without the hash that the compiler adds.
fn plain(name: &str) -> String {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 => path.to_owned(),
        _ => name.to_owned(),
    }
}
