//! `tests/public-api.txt` is the public interface, as `.ci/run public_api` compares it with the code.
//! What other crates have in it is a promise too: `docs/dependencies.md` lists each such type.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn types_of_other_crates_are_listed_and_no_others() {
    let interface: BTreeSet<String> = read("tests/public-api.txt")
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
        .filter(|word| is_foreign(word))
        .map(str::to_owned)
        .collect();
    let listed: BTreeSet<String> = read("docs/dependencies.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once('`'))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.contains("::"))
        .collect();
    assert!(!interface.is_empty());
    assert_eq!(interface, listed, "the interface, and docs/dependencies.md");
}

/// Whether this is a path that begins in a crate of somebody else.
fn is_foreign(word: &str) -> bool {
    let own = ["mail_tls", "core", "alloc", "std"];
    word.split_once("::")
        .is_some_and(|(first, _)| first.starts_with(char::is_lowercase) && !own.contains(&first))
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}
