//! Every sentence that a user may be shown, with its code, whose affair it is, and what to tell the
//! user: the tables of `docs/manual/errors.md` and `docs/codes.json` are written from here.
//!
//! A table has a row for each variant of an enum, and its patterns are the arms of a match: a new
//! variant does not compile before it has a row.

mod audit;
mod certificate;
mod input;
mod local;
mod protocol;
mod setup;

use std::path::Path;

use crate::text::UntrustedText;

/// One sentence, for an example.
struct Row {
    table: &'static str,
    code: &'static str,
    example: String,
    /// Who can do something about it.
    whose: &'static str,
    /// What to tell the user.
    tell: &'static str,
}

/// The rows of an enum: pattern, examples, whose affair, what to tell.
macro_rules! rows_and_examples {
    ($table:literal, $enum:ty: $($variant:pat => [$($example:expr),+], $whose:literal, $tell:literal;)+) => {{
        let variant = |value: &$enum| match value {
            $($variant => stringify!($variant),)+
        };
        let mut rows: Vec<$crate::catalogue::Row> = Vec::new();
        let mut examples: Vec<$enum> = Vec::new();
        $($(
            let example: $enum = $example;
            assert_eq!(variant(&example), stringify!($variant), "{example:?}");
            rows.push($crate::catalogue::Row {
                table: $table,
                code: example.code(),
                example: example.to_string(),
                whose: $whose,
                tell: $tell,
            });
            examples.push(example);
        )+)+
        (rows, examples)
    }};
}
macro_rules! rows {
    ($($row:tt)*) => {
        $crate::catalogue::rows_and_examples!($($row)*).0
    };
}
use rows;
use rows_and_examples;

/// An example of each failed check.
pub(crate) fn check_failures() -> Vec<crate::verify::CheckFailure> {
    certificate::rows_and_examples().1
}

/// A text from the network.
fn text(text: &str) -> UntrustedText {
    UntrustedText::new(text.as_bytes(), 120)
}

fn every_row() -> Vec<Row> {
    let tables = [
        protocol::rows(),
        certificate::rows(),
        local::rows(),
        setup::rows(),
        audit::rows(),
        input::rows(),
    ];
    tables.into_iter().flatten().collect()
}

#[test]
fn the_chapter_on_errors() {
    let path = at("docs/manual/errors.md");
    let kept = std::fs::read_to_string(&path).unwrap();
    let mut written = kept.clone();
    let rows = every_row();
    let mut tables: Vec<&str> = rows.iter().map(|row| row.table).collect();
    tables.dedup();
    for table in tables {
        let (begin, end) = (format!("<!-- {table} -->\n"), "<!-- end -->");
        let (before, rest) = written.split_once(&begin).expect(table);
        let (_, after) = rest.split_once(end).expect(table);
        written = format!("{before}{begin}{}{end}{after}", markdown(&rows, table));
    }
    compare(&path, &kept, &written);
}

#[test]
fn the_codes_for_translators() {
    let path = at("docs/codes.json");
    let rows: Vec<_> = every_row()
        .into_iter()
        .map(|row| {
            serde_json::json!({
                "table": row.table,
                "code": row.code,
                "example": row.example,
                "whose": row.whose,
                "tell": row.tell,
            })
        })
        .collect();
    let written = serde_json::to_string_pretty(&rows).unwrap() + "\n";
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    compare(&path, &kept, &written);
}

/// A code says one thing: within a table always, and everywhere but for what is the same failure,
/// found at two places.
#[test]
fn a_code_says_one_thing() {
    const SAME: [&str; 2] = ["no-certificate", "tlsa-expired"];
    // What `Error::code` may say.
    const OF_ERRORS: [&str; 6] = [
        "protocol",
        "starttls",
        "certificate",
        "policy",
        "program",
        "names",
    ];
    let rows = every_row();
    for (at, row) in rows.iter().enumerate() {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        assert!(row.code.chars().all(is_plain), "{}", row.code);
        for other in &rows[..at] {
            let is_alike = row.tell == other.tell && row.table == other.table;
            let is_error = |row: &Row| OF_ERRORS.contains(&row.table);
            let may_clash = row.table == other.table || (is_error(row) && is_error(other));
            let clashes = may_clash && row.code == other.code;
            assert!(
                !clashes || is_alike || SAME.contains(&row.code),
                "{} is in {} and in {}",
                row.code,
                other.table,
                row.table
            );
        }
    }
}

/// One sentence, in plain text: no Debug forms, no line breaks, no article of another sentence.
#[test]
fn sentences_are_sentences() {
    for Row { code, example, .. } in every_row() {
        for bad in ["Some(", "None", "\n", "  ", "..", " ,", " )", "{ ", " }"] {
            assert!(!example.contains(bad), "{code}: {example}");
        }
        assert!(example.len() <= 400, "{code}: {example}");
    }
}

fn markdown(rows: &[Row], table: &str) -> String {
    let mut text =
        String::from("\n| code | for example | whose affair | what to tell |\n|---|---|---|---|\n");
    for row in rows.iter().filter(|row| row.table == table) {
        let cells = [row.example.as_str(), row.whose, row.tell].map(escaped);
        text.push_str(&format!("| `{}` | {} |\n", row.code, cells.join(" | ")));
    }
    text + "\n"
}

/// As Markdown that says the same: an example may hold what looks like a link or a tag.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if "\\|[]<>*_`".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    // rustdoc would have it a link.
    escaped.replace("://", "\\://")
}

fn at(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Compares with the checked-in file, or writes it where `MAIL_TLS_DRAW` is set.
#[track_caller]
fn compare(path: &Path, kept: &str, written: &str) {
    if std::env::var_os("MAIL_TLS_DRAW").is_some() {
        std::fs::write(path, written).unwrap();
    } else {
        assert!(
            kept == written,
            "{} is not what the code says: run docs/diagrams/draw",
            path.display()
        );
    }
}
