//! Received fields under another parser, and OpenSSL's names of suites.

use crate::process::{AfterInput, peers_dir, run_to_end};
use mail_tls::received::{Folding, MailProtocol, TlsClause, TransmissionType, recorded_tls};
use mail_tls::{CipherSuite, NamedGroup};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// RFC 5321 §4.4, RFC 5322 §2.2.3: what Python's email package reads is what was written.
#[test]
#[ignore = "needs Python's email package"]
fn python_reads_the_fields() {
    let group = NamedGroup::from_code_point;
    let clauses: Vec<TlsClause> = (0..=u16::MAX)
        .map(CipherSuite::from_code_point)
        .filter(|suite| suite.name().is_some() || suite.code_point() == 0x1399)
        .zip([0x001D, 0x11EC, 0x0017, 0xFF01, 0x6399].into_iter().cycle())
        .map(|(suite, code_point)| TlsClause::new(suite).with_group(group(code_point)))
        .collect();
    assert!(clauses.len() > 300);
    let mut fields = String::new();
    let mut expected = String::new();
    for (at, clause) in clauses.iter().enumerate() {
        // Identifiers of all lengths, so that folding comes at every place.
        let id = "i".repeat(1 + at % 70);
        let with = TransmissionType::new(MailProtocol::Smtp)
            .with_tls(true)
            .with_authentication(at % 2 == 0);
        let mut out = Folding::new(&mut fields);
        write!(out, "Received: from client.example.org ([192.0.2.1])").unwrap();
        out.clause("by", "mail.example.org").unwrap();
        out.with(with).unwrap();
        out.clause("id", &id).unwrap();
        out.clause("for", "<ann@example.org>").unwrap();
        out.tls(clause).unwrap();
        write!(out, ";\r\n Mon, 23 Nov 2026 18:00:00 +0000\r\n\r\n").unwrap();
        writeln!(
            expected,
            "from client.example.org by mail.example.org with {with} id {id} for \
             <ann@example.org> {clause} ; 2026-11-23T18:00:00+00:00"
        )
        .unwrap();
    }
    let mut command = Command::new(peers_dir().join("venv/bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts/received.py"));
    let run = run_to_end(&command, &fields, AfterInput::End);
    assert!(run.success(), "{}", run.stderr);
    for (read, written) in run.stdout.lines().zip(expected.lines()) {
        assert_eq!(read, written);
    }
    assert_eq!(run.stdout.lines().count(), clauses.len());
}

/// Every name that this OpenSSL has for a suite leads to the suite's code point.
#[test]
#[ignore = "needs openssl"]
fn openssl_calls_its_suites_so() {
    let mut command = Command::new("openssl");
    command.args(["ciphers", "-V", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
    let run = run_to_end(&command, "", AfterInput::End);
    assert!(run.success(), "{}", run.stderr);
    assert!(run.stdout.lines().count() > 50);
    for line in run.stdout.lines() {
        // `0xC0,0x30 - ECDHE-RSA-AES256-GCM-SHA384 TLSv1.2 ...`
        let mut words = line.split_whitespace();
        let code_point = words.next().unwrap().replace(",0x", "");
        let name = words.nth(1).unwrap();
        let field = format!("from a (version=TLSv1.2 cipher={name} bits=256 verify=NO) by b");
        let suite = recorded_tls(field.as_bytes()).unwrap().cipher_suite();
        assert_eq!(suite, CipherSuite::from_name(&code_point), "{line}");
        assert!(suite.is_some(), "{line}");
    }
}
