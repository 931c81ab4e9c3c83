//! The tables of `docs/policy.md`: each is compared with the code that decides, by the test of that
//! code.

const DOCUMENT: &str = include_str!("../../docs/policy.md");

/// What may be done on a connection.
pub(crate) const OPERATIONS: &str = "| | TLS that provides what is required | TLS that provides \
    less | TLS by a pinned certificate | no TLS |";
/// What follows from how a server is known.
pub(crate) const SOURCES: &str = "| How the server is known | Rank | Within the domain | Elsewhere \
    | TLSA records count | Its certificate has to name |";
/// What follows from an attempt.
pub(crate) const OUTCOMES: &str = "| The attempt… | implicit TLS, another server has it too \
    | implicit TLS, STARTTLS is left | STARTTLS, nothing else is left | the same, minimum lowered |";

const ALL: [&str; 3] = [OPERATIONS, SOURCES, OUTCOMES];

/// The table below this head consists of these rows, in this order, and of no other.
#[track_caller]
pub(crate) fn assert_rows(head: &str, rows: &[Vec<String>]) {
    assert!(ALL.contains(&head), "not among the tables: {head}");
    let expected: Vec<String> = rows
        .iter()
        .map(|cells| format!("| {} |", cells.join(" | ")))
        .collect();
    let documented: Vec<&str> = DOCUMENT
        .lines()
        .skip_while(|line| *line != head)
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(
        documented,
        expected,
        "docs/policy.md should have, below {head}\n{}",
        expected.join("\n")
    );
}

#[test]
fn every_table_is_compared() {
    let lines: Vec<&str> = DOCUMENT.lines().collect();
    let heads: Vec<&str> = lines
        .windows(2)
        .filter(|pair| pair[1].starts_with("|--"))
        .map(|pair| pair[0])
        .collect();
    assert_eq!(heads, ALL);
}

#[test]
#[should_panic(expected = "docs/policy.md should have")]
fn a_table_that_says_something_else_is_found_out() {
    assert_rows(OPERATIONS, &[vec!["reading".into(), "yes".into()]]);
}
