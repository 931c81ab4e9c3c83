//! Received fields under another parser, those that running servers write, and OpenSSL's names of
//! suites.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::exim::Exim;
use crate::our_client::{Us, submit};
use crate::postfix::Postfix;
use crate::process::{AfterInput, peers_dir, run_to_end};
use mail_tls::received::{
    Folding, MailProtocol, RecordedForm, TlsClause, TransmissionType, recorded_tls,
};
use mail_tls::{CipherSuite, NamedGroup, Service};
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
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
        let protocol = [MailProtocol::Smtp, MailProtocol::Lmtp][at % 2];
        let with = TransmissionType::new(protocol)
            .with_tls(true)
            .with_authentication(at % 4 < 2)
            .with_smtputf8(at % 8 < 4);
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

/// Every name that this GnuTLS has for a suite leads to the suite's code point, and so it does without
/// its beginning, as Exim has written it.
#[test]
#[ignore = "needs gnutls-cli"]
fn gnutls_calls_its_suites_so() {
    let run = run_to_end(
        Command::new("gnutls-cli").arg("--list"),
        "",
        AfterInput::End,
    );
    let suites: Vec<(&str, String)> = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("TLS_"))
        .map(|line| {
            // `TLS_RSA_AES_128_CBC_SHA1     0x00, 0x2f    TLS1.0`
            let mut words = line.split_whitespace();
            let name = words.next().unwrap();
            let (high, low) = (words.next().unwrap(), words.next().unwrap());
            (
                name,
                high.replace(',', "") + low.strip_prefix("0x").unwrap(),
            )
        })
        .collect();
    assert!(suites.len() > 100, "{run:#?}");
    for (name, code_point) in suites {
        let suite = CipherSuite::from_name(&format!("0x{}", code_point[2..].to_uppercase()));
        // It has one of a draft that was never registered: DHE_DSS with RC4.
        if suite.unwrap().name().is_none() {
            continue;
        }
        let mut names = vec![name];
        // The suites of TLS 1.3 have no other name.
        if !code_point.starts_with("0x13") {
            names.extend(name.strip_prefix("TLS_"));
        }
        for name in names {
            let field = format!("by a with esmtps (TLS1.2:{name}:256) id b");
            let recorded = recorded_tls(field.as_bytes()).unwrap();
            assert_eq!(recorded.cipher_suite(), suite, "{name}");
        }
    }
}

/// What Exim and Postfix write of a message that our client hands in is what our session was.
#[test]
#[ignore = "needs Exim and Postfix; run by .ci/run"]
fn running_servers_write_what_the_session_was() {
    for tls in Tls::BOTH {
        for key in [Key::EcdsaP256, Key::Rsa2048] {
            let certificates = Certificates::good(key);
            let us = Us::trusting(&certificates);
            let hand_in = |port| {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                let mut ours = us.dial(Service::Submission, address);
                ours.establish().unwrap();
                let clause = ours.session.info().unwrap().received_clause().unwrap();
                submit(&mut ours, "hello").unwrap();
                clause
            };
            let exim = Exim::start(&certificates, tls);
            let clause = hand_in(exim.submissions);
            assert!(exim.delivers("Subject: hello"));
            let field = received(&exim.mail());
            // Before `id`, and without the group. With GnuTLS Exim 4.96 names a suite of TLS 1.2
            // with the same AEAD where it is TLS 1.3; what is recorded is what is read.
            let suite = match tls {
                Tls::V12 => clause.cipher_suite(),
                Tls::V13 => {
                    assert_eq!(clause.cipher_suite().code_point(), 0x1302);
                    CipherSuite::from_code_point(0xC030)
                }
            };
            let clause = TlsClause::new(suite);
            assert_recorded(&field, RecordedForm::RegisteredEarly, tls, clause);

            let postfix = Postfix::start(&certificates, tls);
            let clause = hand_in(postfix.submissions);
            assert!(postfix.delivers("Subject: hello"));
            let field = received(&postfix.mail());
            // It names the group of TLS 1.3 alone.
            let clause = match tls {
                Tls::V12 => TlsClause::new(clause.cipher_suite()),
                Tls::V13 => clause,
            };
            assert_recorded(&field, RecordedForm::Postfix, tls, clause);
        }
    }
}

/// The first Received field, folded as it is.
fn received(mail: &str) -> String {
    let start = mail.find("Received:").unwrap();
    let mut field = String::new();
    for (at, line) in mail[start..].lines().enumerate() {
        if at > 0 && !line.starts_with([' ', '\t']) {
            break;
        }
        writeln!(field, "{line}").unwrap();
    }
    field
}

#[track_caller]
fn assert_recorded(field: &str, form: RecordedForm, tls: Tls, says: TlsClause) {
    let recorded = recorded_tls(field.as_bytes()).unwrap_or_else(|| panic!("{field}"));
    assert_eq!(recorded.form(), form, "{field}");
    let version = recorded.version().unwrap().to_string();
    assert_eq!(version, format!("TLSv{}", tls.number()), "{field}");
    assert_eq!(recorded.to_clause(), Some(says), "{field}");
    assert_eq!(
        recorded.group_name().is_some(),
        says.group().is_some(),
        "{field}"
    );
}
