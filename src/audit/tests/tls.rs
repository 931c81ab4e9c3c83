//! TLS as it is offered: RFC 8314 §4, §4.1, §4.6.

use super::*;
use TlsVersion::{Ssl3, Tls10, Tls11, Tls12, Tls13};

fn with_versions(versions: &[TlsVersion], previous: &[TlsVersion]) -> Vec<(Level, &'static str)> {
    let mut site = Site::new();
    for listener in &mut site.listeners {
        let mut before = listener.clone();
        before.versions = Vec::new();
        site.previous
            .push(before.with_versions(previous.iter().copied()));
        listener.versions = Vec::new();
        *listener = listener.clone().with_versions(versions.iter().copied());
    }
    let report = site.audit();
    report.findings().iter().for_each(assert_is_a_sentence);
    codes(&report)
}

/// 8314-4-7: "Audit flags a server that negotiates below 1.2."
#[test]
fn versions() {
    let old = (Level::Error, "old-tls-version");
    let rows: [(&[TlsVersion], &Found); 7] = [
        (&[], &[]), // not known
        (&[Tls12, Tls13], &[]),
        (&[Tls13], &[]),
        (&[Tls12], &[(Level::Warning, "no-tls13")]),
        (&[Tls10, Tls12, Tls13], &[old]),
        (&[Tls11, Tls12], &[old, (Level::Warning, "no-tls13")]),
        (&[Ssl3, Tls10], &[(Level::Error, "no-modern-tls"), old]),
    ];
    for (versions, expected) in rows {
        assert_eq!(with_versions(versions, &[]), expected, "{versions:?}");
    }
}

/// 8314-4.6-1: "1.3 then 1.2 for the same endpoint yields a regression event."
#[test]
fn versions_before_and_now() {
    let regression = (Level::Error, "version-regression");
    let no_tls13 = (Level::Warning, "no-tls13");
    let rows: [(&[TlsVersion], &[TlsVersion], &Found); 5] = [
        (&[Tls12, Tls13], &[Tls12], &[regression, no_tls13]),
        (&[Tls12, Tls13], &[Tls13], &[]), // "the same and/or a newer version"
        (&[Tls10, Tls12], &[Tls12], &[no_tls13]),
        (&[Tls12], &[Tls12, Tls13], &[]),
        (&[Tls12, Tls13], &[], &[]),
    ];
    for (before, now, expected) in rows {
        assert_eq!(with_versions(now, before), expected, "{before:?}, {now:?}");
    }
    // Another port is another server.
    let mut site = Site::new();
    let elsewhere = Listener::new(Service::Imap, Transport::Implicit, name(HOST), 1993);
    site.previous = vec![elsewhere.with_versions([Tls13])];
    site.listeners[0].versions = vec![Tls12];
    site.assert_found(&[no_tls13]);
}

/// 8314-4-1: "Audit of cleartext-only service emits a violation at the stated level."
#[test]
fn modes() {
    use Transport::{Cleartext, Implicit, StartTls};
    let rows: [(Service, &[Transport], &Found); 8] = [
        (Service::Imap, &[Cleartext], &[(Level::Error, "no-tls")]),
        (
            Service::ManageSieve,
            &[Cleartext],
            &[(Level::Error, "no-tls")],
        ),
        (
            Service::Pop3,
            &[Implicit, StartTls, Cleartext],
            &[(Level::Warning, "cleartext")],
        ),
        (
            Service::Submission,
            &[StartTls],
            &[(Level::Warning, "no-implicit-tls")],
        ),
        (
            Service::Submission,
            &[Implicit],
            &[(Level::Advice, "no-starttls")],
        ),
        (Service::ManageSieve, &[StartTls], &[]), // it has no port for implicit TLS
        (Service::SmtpRelay, &[Cleartext], &[]),  // other rules
        (Service::Imap, &[Implicit, StartTls], &[]),
    ];
    for (service, transports, expected) in rows {
        let mut inventory = Inventory::default();
        for (index, transport) in transports.iter().enumerate() {
            let port = u16::try_from(index).unwrap() + 1;
            let listener = Listener::new(service, *transport, name(HOST), port);
            inventory.add_listener(listener).unwrap();
        }
        let report = audit(&inventory, &Site::new().policy(), NOW);
        assert_eq!(codes(&report), expected, "{service} {transports:?}");
        report.findings().iter().for_each(assert_is_a_sentence);
    }
}

/// RFC 8314 §4.1, RFC 9051 §6.2.3, RFC 2595 §4, RFC 4954 §3, RFC 5804 §1.7.
#[test]
fn capabilities_before_tls() {
    const LOGIN: (Level, &str) = (Level::Error, "login-before-tls");
    const CLOSED: (Level, &str) = (Level::Error, "starttls-not-offered");
    let rows: [(Service, &[&str], &Found); 13] = [
        (Service::Imap, &["IMAP4rev2 starttls LOGINDISABLED"], &[]),
        (Service::Imap, &["IMAP4rev2", "STARTTLS"], &[LOGIN]),
        (
            Service::Imap,
            &["IMAP4rev2 STARTTLS LOGINDISABLED AUTH=PLAIN"],
            &[LOGIN],
        ),
        (Service::Imap, &["IMAP4rev2 LOGINDISABLED"], &[CLOSED]),
        (Service::Imap, &[], &[LOGIN, CLOSED]),
        (Service::Pop3, &["STLS", "UIDL"], &[]),
        (Service::Pop3, &["STLS", "USER"], &[LOGIN]),
        (Service::Pop3, &["SASL PLAIN"], &[LOGIN, CLOSED]),
        (Service::Submission, &["STARTTLS", "SIZE 1000"], &[]),
        (Service::Submission, &["STARTTLS", "AUTH PLAIN"], &[LOGIN]),
        (Service::Submission, &["STARTTLS", "AUTH=LOGIN"], &[LOGIN]),
        (
            Service::ManageSieve,
            &["\"SASL\" \"\"", "\"STARTTLS\""],
            &[],
        ),
        (
            Service::ManageSieve,
            &["\"SASL\" \"PLAIN\"", "\"STARTTLS\""],
            &[LOGIN],
        ),
    ];
    for (service, items, expected) in rows {
        let mut inventory = Inventory::default();
        let implicit = Listener::new(service, Transport::Implicit, name(HOST), 1);
        inventory.add_listener(implicit).unwrap();
        let listener = Listener::new(service, Transport::StartTls, name(HOST), 2);
        let listener = listener.with_capabilities(items.iter().copied());
        inventory.add_listener(listener).unwrap();
        let report = audit(&inventory, &Site::new().policy(), NOW);
        assert_eq!(codes(&report), expected, "{service} {items:?}");
        report.findings().iter().for_each(assert_is_a_sentence);
    }
}
