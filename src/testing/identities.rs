//! The cases of `tests/identity`, which any other program can read as well.

use data_encoding::{BASE64, HEXLOWER};
use pki_types::CertificateDer;
use serde_json::Value;

use super::{der, dns, ip, srv};

/// One case of `tests/identity/cases.json`; its `README.md` says what the members are.
pub(crate) struct IdentityCase {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) reference: String,
    /// GeneralNames, encoded.
    pub(crate) presented: Vec<Vec<u8>>,
    pub(crate) matches: bool,
    /// In the group of common names.
    pub(crate) matches_with_common_names: Option<bool>,
    pub(crate) certificate: CertificateDer<'static>,
}

/// The cases of one group.
pub(crate) fn identity_cases(group: &str) -> Vec<IdentityCase> {
    const GROUPS: [&str; 5] = ["hosts", "addresses", "types", "services", "common-names"];
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/identity/cases.json");
    let all: Vec<Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for (at, case) in all.iter().enumerate() {
        assert!(GROUPS.contains(&text(case, "group")), "{case}");
        let is_second = |other: &Value| text(other, "name") == text(case, "name");
        assert!(!all[..at].iter().any(is_second), "{case}");
    }
    let cases: Vec<_> = all
        .iter()
        .filter(|case| text(case, "group") == group)
        .map(read)
        .collect();
    assert!(cases.len() > 5, "{group}");
    cases
}

fn read(case: &Value) -> IdentityCase {
    let presented = case["presented"].as_array().unwrap();
    let certificate = BASE64.decode(text(case, "certificate").as_bytes()).unwrap();
    let common = case.get("match_with_common_names");
    assert_eq!(common.is_some(), case.get("common_names").is_some());
    IdentityCase {
        name: text(case, "name").to_owned(),
        source: text(case, "source").to_owned(),
        reference: text(case, "reference").to_owned(),
        presented: presented.iter().map(general_name).collect(),
        matches: case["match"].as_bool().unwrap(),
        matches_with_common_names: common.map(|value| value.as_bool().unwrap()),
        certificate: certificate.into(),
    }
}

fn general_name(name: &Value) -> Vec<u8> {
    let members: Vec<_> = name.as_object().unwrap().iter().collect();
    let [(kind, value)] = members[..] else {
        panic!("{name}");
    };
    let value = value.as_str().unwrap();
    match kind.as_str() {
        "dns" => dns(bytes(value)),
        "uri" => der(0x86, &bytes(value)),
        "ip" => ip(&HEXLOWER.decode(value.as_bytes()).unwrap()),
        "srv" => srv(value),
        "der" => HEXLOWER.decode(value.as_bytes()).unwrap(),
        _ => panic!("{name}"),
    }
}

/// Each character stands for the byte of its number.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

fn text<'a>(case: &'a Value, key: &str) -> &'a str {
    case[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key}: {case}"))
}
