#![no_main]

use std::fmt::Write;

use libfuzzer_sys::fuzz_target;
use mail_tls::received::{Folding, RecordedForm, TransmissionType, recorded_tls};
use mail_tls::{CipherSuite, NamedGroup, TlsClause};
use mail_tls_fuzz::{TEXT, within};

/// A suite, a group, a keyword of RFC 3848, and other clauses: a name and a value each.
type Input<'a> = (u16, Option<u16>, bool, Vec<(&'a str, &'a str)>);

// What is written between other clauses is read as it was written, however it is folded.
fuzz_target!(|data: &[u8]| {
    within(TEXT, data, |input: Input<'_>| {
        let (suite, group, is_utf8, others) = input;
        let mut clause = TlsClause::new(CipherSuite::from_code_point(suite));
        if let Some(group) = group {
            clause = clause.with_group(NamedGroup::from_code_point(group));
        }
        let keyword = if is_utf8 { "UTF8SMTPS" } else { "ESMTPSA" };
        let mut field = Folding::new(String::new());
        write!(field, "Received: from a.example").unwrap();
        for (name, value) in others.into_iter().take(8) {
            if is_word(name) && is_word(value) {
                field.clause(name, value).unwrap();
            }
        }
        let transmission = TransmissionType::from_keyword(keyword).unwrap();
        field.with(transmission).unwrap();
        field.tls(&clause).unwrap();
        let field = field.into_inner() + ";\r\n Mon, 23 Nov 2026 18:00:00 +0000\r\n";
        for line in field.split("\r\n") {
            assert!(!line.contains(['\r', '\n']));
        }
        let read = recorded_tls(field.as_bytes()).unwrap_or_else(|| panic!("{field}"));
        assert_eq!(read.form(), RecordedForm::Registered, "{field}");
        assert_eq!(read.to_clause(), Some(clause), "{field}");
    });
});

/// An atom (RFC 5322 §3.2.3) that is no clause of its own.
fn is_word(text: &str) -> bool {
    const RESERVED: [&str; 7] = ["tls", "group", "with", "by", "from", "via", "id"];
    let is_atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    !text.is_empty()
        && text.bytes().all(is_atom)
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word))
}
