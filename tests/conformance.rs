//! `docs/conformance.md` names, for each requirement, the code and the tests that realise it; other
//! documents name some of both. What they name exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = "docs/conformance.md";

/// One row: its number, and the cells for code and tests.
struct Row {
    id: String,
    code: String,
    tests: String,
}

#[test]
fn every_row_names_what_exists() {
    let mut faults = Vec::new();
    let mut files = BTreeMap::new();
    for row in rows() {
        for (cell, place) in [(&row.code, "code"), (&row.tests, "tests")] {
            let items = items(cell);
            if items.is_empty() && !is_explained(cell) {
                faults.push(format!("{}: neither {place} nor a reason: {cell}", row.id));
            }
            for item in items {
                if !exists(&item, &mut files) {
                    faults.push(format!("{}: {item} does not exist", row.id));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_row_stands_twice_and_none_is_open_on_one_side() {
    let mut seen = BTreeSet::new();
    for row in rows() {
        assert!(seen.insert(row.id.clone()), "{} stands twice", row.id);
        assert_eq!(
            row.code == "open",
            row.tests == "open",
            "{}: open on one side",
            row.id
        );
    }
    assert!(seen.len() > 150, "{} rows", seen.len());
}

#[test]
fn every_document_names_what_exists() {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for item in text.lines().flat_map(items) {
            let names_code = item.contains(".rs#");
            assert!(
                !names_code || exists(&item, &mut files),
                "{}: {item} does not exist",
                path.display()
            );
        }
    }
}

/// Each promise of the threat model names the tests that show it, and what it names is a test.
#[test]
fn every_promise_is_shown_by_a_test() {
    let document = fs::read_to_string(root().join("docs/threat-model.md")).unwrap();
    let (mut promises, mut faults) = (0, Vec::new());
    let mut is_of_promises = false;
    for line in document.lines() {
        let Some(row) = line.strip_prefix("| ") else {
            continue;
        };
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        if let ["promise", ..] | ["asset", ..] = cells.as_slice() {
            is_of_promises = cells[0] == "promise";
        } else if is_of_promises {
            promises += 1;
            let [promise, _, shown] = cells.as_slice() else {
                panic!("not three cells: {line}")
            };
            let items = items(shown);
            if items.is_empty() && *shown != "by their type" {
                faults.push(format!("{promise} Nothing shows it."));
            }
            let wrong = items.iter().filter(|item| !is_test(item));
            faults.extend(wrong.map(|item| format!("{promise} {item} is no test.")));
        }
    }
    assert!(promises > 25, "{promises} promises");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_name_that_does_not_exist_is_found_out() {
    let mut files = BTreeMap::new();
    assert!(exists("src/clock.rs#Clock", &mut files));
    assert!(!exists("src/clock.rs#Clok", &mut files));
    assert!(!exists("src/clok.rs#Clock", &mut files));
    assert!(is_test(
        "tests/conformance.rs#a_name_that_does_not_exist_is_found_out"
    ));
    assert!(!is_test("tests/conformance.rs#is_test"));
    assert!(!is_test("tests/conformance.rs#a_name"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The rows of all tables whose first cell is a requirement's number in backticks.
fn rows() -> Vec<Row> {
    let document = fs::read_to_string(root().join(DOCUMENT)).unwrap();
    document
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [id, _, code, tests] = cells.as_slice() else {
                panic!("not four cells: {line}")
            };
            Row {
                id: id.trim_matches('`').to_owned(),
                code: (*code).to_owned(),
                tests: (*tests).to_owned(),
            }
        })
        .collect()
}

/// `path#item` in backticks.
fn items(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Open still, the embedder's part, or impossible by construction: each in words.
fn is_explained(cell: &str) -> bool {
    ["open", "embedder", "type", "audit"]
        .iter()
        .any(|word| cell.starts_with(word))
}

fn exists(item: &str, files: &mut BTreeMap<PathBuf, String>) -> bool {
    let Some((path, name)) = item.split_once('#') else {
        return false;
    };
    let path = root().join(Path::new(path));
    let text = files
        .entry(path.clone())
        .or_insert_with(|| fs::read_to_string(&path).unwrap_or_default());
    let words = [
        "fn", "struct", "enum", "const", "trait", "type", "mod", "static",
    ];
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    text.lines().any(|line| {
        let declares = words.iter().any(|word| {
            line.split_once(&format!("{word} {name}"))
                .is_some_and(|(_, rest)| is_end(rest))
        });
        let is_variant = line.trim_start().strip_prefix(name).is_some_and(is_end);
        declares || is_variant
    })
}

/// Whether a function of that name in that file is a test. Its attributes stand in the lines right
/// before it.
fn is_test(item: &str) -> bool {
    let Some((path, name)) = item.split_once('#') else {
        return false;
    };
    let text = fs::read_to_string(root().join(path)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = format!("fn {name}(");
    let declares = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.starts_with(&head)
    };
    let is_attribute = |line: &&&str| line.starts_with("#[") || line.starts_with("//");
    lines.iter().enumerate().any(|(at, line)| {
        declares(line)
            && lines[..at]
                .iter()
                .rev()
                .take_while(is_attribute)
                .any(|line| *line == "#[test]" || line.starts_with("#[tokio::test"))
    })
}
