use std::fmt::Write;

use bytes::BytesMut;
use proptest::prelude::*;

use super::tokens::{Token, Tokens};
use super::*;
use crate::limits::RECEIVED_FIELD;

fn suite(code_point: u16) -> CipherSuite {
    CipherSuite::from_code_point(code_point)
}

fn group(code_point: u16) -> NamedGroup {
    NamedGroup::from_code_point(code_point)
}

/// RFC 8314 §4.3.
#[test]
fn the_clause() {
    let x25519 = TlsClause::new(suite(0x1301)).with_group(group(0x001D));
    assert_eq!(
        x25519.to_string(),
        "tls TLS_AES_128_GCM_SHA256 group x25519"
    );
    assert_eq!(TlsClause::new(suite(0x1399)).to_string(), "tls 0x1399");
    let hybrid = TlsClause::new(suite(0xC030)).with_group(group(0x11EC));
    assert_eq!(
        hybrid.to_string(),
        "tls TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 group X25519MLKEM768"
    );
}

/// The clause has names for groups, and no numbers (RFC 8314 §4.3, `dh-group`).
#[test]
fn a_group_without_a_name_is_left_out() {
    let clause = TlsClause::new(suite(0x1301)).with_group(group(0x6399));
    assert_eq!(clause.to_string(), "tls TLS_AES_128_GCM_SHA256");
    assert_eq!(clause.group(), None);
}

/// RFC 3848 §2, RFC 6531 §4.3: protocol, SMTPUTF8, TLS, authenticated.
#[test]
fn the_sixteen_transmission_types() {
    let rows = [
        (MailProtocol::Smtp, 0, 0, 0, "ESMTP"),
        (MailProtocol::Smtp, 0, 0, 1, "ESMTPA"),
        (MailProtocol::Smtp, 0, 1, 0, "ESMTPS"),
        (MailProtocol::Smtp, 0, 1, 1, "ESMTPSA"),
        (MailProtocol::Smtp, 1, 0, 0, "UTF8SMTP"),
        (MailProtocol::Smtp, 1, 0, 1, "UTF8SMTPA"),
        (MailProtocol::Smtp, 1, 1, 0, "UTF8SMTPS"),
        (MailProtocol::Smtp, 1, 1, 1, "UTF8SMTPSA"),
        (MailProtocol::Lmtp, 0, 0, 0, "LMTP"),
        (MailProtocol::Lmtp, 0, 0, 1, "LMTPA"),
        (MailProtocol::Lmtp, 0, 1, 0, "LMTPS"),
        (MailProtocol::Lmtp, 0, 1, 1, "LMTPSA"),
        (MailProtocol::Lmtp, 1, 0, 0, "UTF8LMTP"),
        (MailProtocol::Lmtp, 1, 0, 1, "UTF8LMTPA"),
        (MailProtocol::Lmtp, 1, 1, 0, "UTF8LMTPS"),
        (MailProtocol::Lmtp, 1, 1, 1, "UTF8LMTPSA"),
    ];
    for (protocol, utf8, tls, authenticated, keyword) in rows {
        let transmission = TransmissionType::new(protocol)
            .with_smtputf8(utf8 == 1)
            .with_tls(tls == 1)
            .with_authentication(authenticated == 1);
        assert_eq!(transmission.keyword(), keyword);
        assert_eq!(TransmissionType::from_keyword(keyword), Some(transmission));
        let lower = keyword.to_ascii_lowercase();
        assert_eq!(TransmissionType::from_keyword(&lower), Some(transmission));
        assert_eq!(transmission.protocol(), protocol);
        assert_eq!(transmission.is_smtputf8(), utf8 == 1);
        assert_eq!(transmission.is_tls(), tls == 1);
        assert_eq!(transmission.is_authenticated(), authenticated == 1);
    }
    for other in ["SMTP", "SMTPS", "", "ESMTPAS", "HTTP", "ESMTP "] {
        assert_eq!(TransmissionType::from_keyword(other), None, "{other}");
    }
}

#[test]
fn a_buffer_takes_the_clause_as_a_string_does() {
    let clause = TlsClause::new(suite(0x1302)).with_group(group(0x0017));
    let (mut text, mut bytes) = (String::new(), BytesMut::new());
    Folding::at_column(&mut text, 60).tls(&clause).unwrap();
    Folding::at_column(&mut bytes, 60).tls(&clause).unwrap();
    assert_eq!(text, "\r\n tls TLS_AES_256_GCM_SHA384 group secp256r1");
    assert_eq!(text.as_bytes(), &bytes[..]);
}

/// RFC 5322 §2.1.1: 78 characters, the semicolon that follows among them.
#[test]
fn a_line_is_folded_when_it_would_be_too_long_and_not_before() {
    let clause = TlsClause::new(suite(0x1301)); // with its space 27 characters
    for (column, folded) in [(0, false), (50, false), (51, true), (78, true), (500, true)] {
        let mut out = String::new();
        let mut folding = Folding::at_column(&mut out, column);
        folding.tls(&clause).unwrap();
        let end = folding.column();
        assert_eq!(out.starts_with("\r\n "), folded, "{column}");
        assert_eq!(end, if folded { 27 } else { column + 27 });
        assert!(end < 78);
    }
}

#[test]
fn the_column_is_that_of_the_last_line() {
    let mut out = Folding::new(String::new());
    write!(out, "Received: from ärger.example").unwrap();
    assert_eq!(out.column(), 28);
    write!(out, "\r\n\tby ").unwrap();
    assert_eq!(out.column(), 4);
    assert_eq!(out.into_inner().len(), 35);
}

/// RFC 5322 §3.2.2: no line of white space alone, and no empty one, which would end the header, for an
/// address as long as a client likes.
#[test]
fn no_line_is_left_blank() {
    for length in [1, 70, 71, 72, 73, 74, 300] {
        for indent in ["", " ", "\t"] {
            let begun = format!("Received: from a by b\r\n{indent}");
            for is_own in [true, false] {
                let mut field = String::new();
                let mut out = if is_own {
                    let mut out = Folding::new(&mut field);
                    out.write_str(&begun).unwrap();
                    out
                } else {
                    field.push_str(&begun);
                    Folding::at_column(&mut field, indent.len())
                };
                out.clause("for", "x".repeat(length)).unwrap();
                out.tls(&TlsClause::new(suite(0x1301))).unwrap();
                let mut lines = field.split("\r\n");
                assert!(
                    lines.clone().all(|line| !line.trim().is_empty()),
                    "{field:?}"
                );
                lines.next();
                assert!(lines.all(|line| line.starts_with([' ', '\t'])), "{field:?}");
            }
        }
    }
}

/// RFC 8314 §4.3: `"group"` only directly after the cipher; names and numbers by the grammar.
#[test]
fn what_is_a_clause_and_what_is_not() {
    type Names = (&'static str, Option<&'static str>);
    let rows: &[(&str, Option<Names>)] = &[
        ("tls TLS_A group g-1", Some(("TLS_A", Some("g-1")))),
        ("TLS\r\n\tTLS_A\r\n Group x", Some(("TLS_A", Some("x")))),
        ("tls TLS_A (c) group (d) x", Some(("TLS_A", Some("x")))),
        ("(c(d)e)tls(f)TLS_A(g)", Some(("TLS_A", None))),
        ("tls TLS_A id 1 group x", Some(("TLS_A", None))),
        ("group x tls TLS_A", Some(("TLS_A", None))),
        ("tls TLS_A for <a@b>; group x", Some(("TLS_A", None))),
        ("tls 0x1399", Some(("0x1399", None))),
        ("tls 0x139", None),
        ("tls 0x13999", None),
        ("tls 1399", None),
        ("tls _A", None),
        ("tls A-B", None),
        ("tls A.B", None),
        ("tls \"TLS_A\"", None),
        ("tls", None),
        ("tls TLS_A tls TLS_B", Some(("TLS_A", None))),
        // Values that look like names.
        ("from tls by TLS_A", None),
        ("from a by tls TLS_A", None),
        ("from a by b id tls TLS_A", None),
        (
            "from group by tls with tls id tls tls TLS_A",
            Some(("TLS_A", None)),
        ),
        ("from a by b; tls TLS_A", None),
        ("from a by b (tls TLS_A)", None),
        ("from a by \"b ; c\" tls TLS_A", Some(("TLS_A", None))),
        (
            r"from a (\) tls TLS_B) by b tls TLS_A",
            Some(("TLS_A", None)),
        ),
        ("Received: tls TLS_A", Some(("TLS_A", None))),
        ("RECEIVED : tls TLS_A", Some(("TLS_A", None))),
        ("Received tls TLS_A", Some(("TLS_A", None))),
    ];
    for (field, expected) in rows {
        let found = recorded_tls(field.as_bytes());
        let found = found.map(|tls| (tls.cipher_name(), tls.group_name()));
        assert_eq!(found, *expected, "{field:?}");
    }
}

#[test]
fn comments_that_are_not_about_tls() {
    for field in [
        "from a (authenticated bits=0) by b",
        "from a (using TLSv1.3) by b",
        "from a (using TLSv1.3 with cipher <x>) by b",
        "from a (helo=mail.example.org) by b",
        "from a by b with Microsoft SMTP Server (TLS) id 1",
        "from a (TLS1.3) by b",
        "from a (IPv6:2001:db8::1) by b",
        "from a (a:b:c) by b",
        "from a (TLSv1.3:X:) by b",
        "from a (TLSv1.3:X) by b",
        "from a (version=TLS1_3 cipher= bits=1/1) by b",
        "from a (cipher=<x>) by b",
        "from a (version=TLS1_3 cipher=X",
    ] {
        assert_eq!(recorded_tls(field.as_bytes()), None, "{field}");
    }
}

#[test]
fn the_clause_counts_before_comments() {
    let field = "from a (version=TLS1_2, cipher=B) by b (TLS1.3) tls TLS_A (TLS1.2)";
    let tls = recorded_tls(field.as_bytes()).unwrap();
    assert_eq!(tls.cipher_name(), "TLS_A");
    assert_eq!(tls.form(), RecordedForm::Registered);
    assert_eq!(tls.version(), Some(RecordedVersion::Tls13));
}

#[test]
fn no_more_is_read_than_the_bound() {
    let within = format!("{} tls TLS_A x", "a ".repeat(RECEIVED_FIELD / 2 - 10));
    assert!(recorded_tls(within.as_bytes()).is_some());
    let beyond = format!("{} tls TLS_A x", "a ".repeat(RECEIVED_FIELD / 2));
    assert_eq!(recorded_tls(beyond.as_bytes()), None);
    // A name that the bound cuts is not taken for a shorter one.
    let cut = format!("{}tls TLS_AAAAAA", "a ".repeat(RECEIVED_FIELD / 2 - 5));
    assert_eq!(recorded_tls(cut.as_bytes()), None);
    let solid = "a".repeat(RECEIVED_FIELD + 1);
    assert_eq!(recorded_tls(solid.as_bytes()), None);
}

/// Any clause: all code points of suites, those of groups that have names.
fn clause() -> impl Strategy<Value = TlsClause> {
    (any::<u16>(), prop::option::of(any::<u16>())).prop_map(|(suite_code, group_code)| {
        let clause = TlsClause::new(suite(suite_code));
        match group_code {
            Some(code) => clause.with_group(group(code)),
            None => clause,
        }
    })
}

/// The same with suites and groups that are registered, which random numbers seldom are.
fn registered_clause() -> impl Strategy<Value = TlsClause> {
    let suites: Vec<_> = (0..=u16::MAX)
        .map(suite)
        .filter(|one| one.name().is_some())
        .collect();
    let groups: Vec<_> = (0..=u16::MAX)
        .map(group)
        .filter(|one| one.name().is_some())
        .collect();
    let (suites, groups) = (prop::sample::select(suites), prop::sample::select(groups));
    (suites, groups).prop_map(|(suite, group)| TlsClause::new(suite).with_group(group))
}

/// Comments and white space, as anybody may put between the words of a structured field.
fn space() -> impl Strategy<Value = String> {
    let comment = "\\((tls|group|x|\\\\\\)|\\\\\\(|\"|;|:|=| |\r\n\t|\\([a-z; ]{0,5}\\)){0,6}\\)";
    let piece = prop_oneof![Just(" ".to_owned()), Just("\r\n\t".to_owned()), comment];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| format!(" {} ", pieces.concat()))
}

proptest! {
    #[test]
    fn what_is_rendered_is_read(
        clause in prop_oneof![clause(), registered_clause()],
        column in 0_usize..200,
        before in space(),
        after in space(),
    ) {
        let mut rendered = String::new();
        let mut out = Folding::at_column(&mut rendered, column);
        out.tls(&clause).unwrap();
        prop_assert!(out.column() < 78);
        // Only the first line stands behind what was there.
        prop_assert!(rendered.lines().skip(1).all(|line| line.len() < 78));
        let field = format!(
            "Received: from a by b with ESMTPS id tls{before}for <a@b>{rendered}{after}; date"
        );
        let read = recorded_tls(field.as_bytes()).unwrap();
        prop_assert_eq!(read.to_clause(), Some(clause));
        prop_assert_eq!(read.form(), RecordedForm::Registered);
    }

    #[test]
    fn comments_and_folding_change_nothing(
        clause in registered_clause(),
        spaces in [space(), space(), space(), space(), space()],
    ) {
        let (suite, group) = (clause.cipher_suite(), clause.group().unwrap());
        let [a, b, c, d, e] = spaces;
        let field = format!("from a by b{a}tls{b}{suite}{c}group{d}{group}{e}; date");
        let read = recorded_tls(field.as_bytes()).unwrap();
        prop_assert_eq!(read.to_clause(), Some(clause));
    }

    #[test]
    fn whatever_comes_is_read_once(field in field_like()) {
        let tls = recorded_tls(&field);
        if let Some(tls) = tls {
            prop_assert!((1..=64).contains(&tls.cipher_name().len()));
            prop_assert!(tls.cipher_name().bytes().all(|byte| byte.is_ascii_graphic()));
        }
        let read: usize = Tokens::new(&field)
            .map(|token| match token {
                Token::Word(word) => word.len(),
                Token::Open | Token::Close => 1,
            })
            .sum();
        prop_assert!(read <= field.len());
    }
}

/// Bytes in which what matters to the reader is frequent.
fn field_like() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"tls",
        b"group",
        b"from",
        b"id",
        b" ",
        b"\r\n\t",
        b"(",
        b")",
        b"\"",
        b"\\",
        b"[",
        b"]",
        b";",
        b":",
        b"=",
        b",",
        b"using",
        b"with",
        b"cipher",
        b"TLSv1.3",
        b"TLS_A",
        b"0x1301",
        b"key-exchange",
        b"version=",
        b"cipher=",
        b"bits=1/1",
        b"TLS1.3:",
        b"256",
        b"\xff",
        b"\0",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..60)
        .prop_map(|pieces| pieces.concat())
}
