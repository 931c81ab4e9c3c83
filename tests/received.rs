//! What Received fields say of TLS, against the corpus in `tests/received/`.

use mail_tls::received::{RecordedForm, RecordedVersion, recorded_tls};
use mail_tls::{CipherSuite, NamedGroup};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// One entry of `fields.txt`.
struct Entry {
    values: BTreeMap<String, String>,
    field: String,
}

impl Entry {
    fn value(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    fn name(&self) -> &str {
        self.value("name").unwrap()
    }
}

fn entries() -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/received/fields.txt");
    let text = fs::read_to_string(path).unwrap();
    let (_, text) = text.split_once("\n\n").unwrap();
    let entries: Vec<Entry> = text
        .split("\n\n")
        .filter(|text| !text.is_empty())
        .map(entry)
        .collect();
    let names: BTreeSet<&str> = entries.iter().map(Entry::name).collect();
    assert_eq!(names.len(), entries.len());
    assert!(entries.len() > 30);
    entries
}

fn entry(text: &str) -> Entry {
    const KEYS: [&str; 8] = [
        "name", "form", "version", "cipher", "suite", "group", "group-id", "note",
    ];
    let (values, field) = text
        .split_once("\nfield:\n")
        .unwrap_or_else(|| panic!("{text}"));
    let values = values.lines().map(|line| {
        let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line}"));
        assert!(KEYS.contains(&key), "{key}");
        (key.to_owned(), value.to_owned())
    });
    Entry {
        values: values.collect(),
        field: field.lines().map(|line| format!("{line}\r\n")).collect(),
    }
}

fn form(form: RecordedForm) -> &'static str {
    match form {
        RecordedForm::Registered => "registered",
        RecordedForm::RegisteredEarly => "registered-early",
        RecordedForm::Postfix => "postfix",
        RecordedForm::Stalwart => "stalwart",
        RecordedForm::Sendmail => "sendmail",
        RecordedForm::Cyrus => "cyrus",
        RecordedForm::Google => "google",
        RecordedForm::Microsoft => "microsoft",
        RecordedForm::Colons => "colons",
        other => panic!("{other:?}"),
    }
}

fn hexadecimal(code_point: u16) -> String {
    format!("0x{code_point:04X}")
}

#[test]
fn the_corpus() {
    let mut forms = BTreeSet::new();
    for entry in entries() {
        let name = entry.name();
        let tls = recorded_tls(entry.field.as_bytes());
        let found = tls.map_or("none", |tls| form(tls.form()));
        assert_eq!(Some(found), entry.value("form"), "{name}");
        forms.insert(found);
        let version = tls
            .and_then(|tls| tls.version())
            .map(RecordedVersion::code_point);
        assert_eq!(
            version.map(hexadecimal).as_deref(),
            entry.value("version"),
            "{name}"
        );
        assert_eq!(
            tls.map(|tls| tls.cipher_name()),
            entry.value("cipher"),
            "{name}"
        );
        let suite = tls
            .and_then(|tls| tls.cipher_suite())
            .map(CipherSuite::code_point);
        assert_eq!(
            suite.map(hexadecimal).as_deref(),
            entry.value("suite"),
            "{name}"
        );
        assert_eq!(
            tls.and_then(|tls| tls.group_name()),
            entry.value("group"),
            "{name}"
        );
        let group = tls.and_then(|tls| tls.group()).map(NamedGroup::code_point);
        assert_eq!(
            group.map(hexadecimal).as_deref(),
            entry.value("group-id"),
            "{name}"
        );
    }
    assert_eq!(forms.len(), 10, "{forms:?}");
}

/// Folding is white space (RFC 5322 §2.2.3): unfolded, with LF alone, without its name.
#[test]
fn how_a_field_is_folded_changes_nothing() {
    for entry in entries() {
        let tls = recorded_tls(entry.field.as_bytes());
        for other in [
            entry.field.replace("\r\n", ""),
            entry.field.replace("\r\n", "\n"),
            entry.field.replace(' ', "\r\n "),
            entry.field.replace("Received:", ""),
            entry.field.replace("Received:", "RECEIVED :"),
        ] {
            assert_eq!(recorded_tls(other.as_bytes()), tls, "{}", entry.name());
        }
    }
}

/// No prefix of a field panics, and none says more than the whole field.
#[test]
fn what_is_cut_off_says_nothing_else() {
    for entry in entries() {
        let whole = recorded_tls(entry.field.as_bytes());
        for end in 0..entry.field.len() {
            let Some(cut) = recorded_tls(&entry.field.as_bytes()[..end]) else {
                continue;
            };
            let whole = whole.unwrap_or_else(|| panic!("{}", entry.name()));
            assert!(
                whole.cipher_name().starts_with(cut.cipher_name()),
                "{}",
                entry.name()
            );
        }
    }
}
