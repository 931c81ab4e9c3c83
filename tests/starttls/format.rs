//! Reads the corpus: see `README.md` beside it.

use std::fs;
use std::path::Path;

use mail_tls::{Service, TlsMode};
use serde_json::Value;

/// The cases of one side. Every key of a case must be known, so that none is ignored.
pub(crate) fn cases(side: &str, keys: &[&str]) -> Vec<Value> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/starttls");
    let mut cases = Vec::new();
    for protocol in ["imap", "pop3", "smtp", "managesieve"] {
        let path = dir.join(format!("{side}-{protocol}.json"));
        let text = fs::read_to_string(&path).unwrap();
        let Value::Array(list) = serde_json::from_str(&text).unwrap() else {
            panic!("{} is no array", path.display())
        };
        cases.extend(list);
    }
    let mut names = std::collections::HashSet::new();
    for case in &cases {
        let case = case.as_object().unwrap();
        let unknown: Vec<_> = case
            .keys()
            .filter(|key| !keys.contains(&key.as_str()))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?} in {case:?}");
        assert!(!case["source"].as_str().unwrap().is_empty());
        assert!(names.insert(case["name"].as_str().unwrap()), "{case:?}");
    }
    cases
}

pub(crate) fn name(case: &Value) -> &str {
    case["name"].as_str().unwrap()
}

pub(crate) fn flag(case: &Value, key: &str, default: bool) -> bool {
    match &case[key] {
        Value::Null => default,
        value => value.as_bool().unwrap(),
    }
}

pub(crate) fn service(case: &Value) -> Service {
    match case["protocol"].as_str().unwrap() {
        "imap" => Service::Imap,
        "pop3" => Service::Pop3,
        "smtp" => Service::Submission,
        "lmtp" => Service::Lmtp,
        "relay" => Service::SmtpRelay,
        "managesieve" => Service::ManageSieve,
        other => panic!("{other}"),
    }
}

pub(crate) fn mode(case: &Value) -> TlsMode {
    match case["mode"].as_str() {
        None | Some("starttls") => TlsMode::StartTls,
        Some("implicit") => TlsMode::Implicit,
        Some(other) => panic!("{other}"),
    }
}

/// The bytes of a value; none where there is no value.
pub(crate) fn bytes(value: &Value, tag: &str) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => latin1(&text.replace("{tag}", tag)),
        Value::Array(parts) => parts.iter().flat_map(|part| bytes(part, tag)).collect(),
        Value::Object(part) => {
            let count = usize::try_from(part["repeat"].as_u64().unwrap()).unwrap();
            bytes(&part["of"], tag).repeat(count)
        }
        other => panic!("{other}"),
    }
}

pub(crate) fn strings(value: &Value) -> Vec<&str> {
    value.as_array().map_or_else(Vec::new, |list| {
        list.iter().map(|item| item.as_str().unwrap()).collect()
    })
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).expect("a character beyond U+00FF"))
        .collect()
}
