//! Names by the clauses that they follow from; `users` marks what users are known to type.

use std::collections::HashSet;

use pki_types::ServerName;
use proptest::prelude::*;

use super::*;

fn name(text: &str) -> HostName {
    HostName::parse(text).unwrap()
}

/// The variant of an error, as the tables name it.
fn variant(error: &impl fmt::Debug) -> String {
    let debug = format!("{error:?}");
    debug.split([' ', '(']).next().unwrap().to_owned()
}

#[test]
fn accepts_names() {
    let label_63 = "a".repeat(63);
    let name_253 = format!("{label_63}.{label_63}.{label_63}.{}", "a".repeat(61));
    let rows = [
        (
            "imap.example.org",
            "imap.example.org",
            "RFC 5890 2.3.1, NR-LDH labels",
        ),
        (
            "IMAP.Example.ORG",
            "imap.example.org",
            "RFC 6125 6.4.1, case",
        ),
        (
            "imap.example.org.",
            "imap.example.org",
            "RFC 1034 3.1, the root; users",
        ),
        ("localhost", "localhost", "RFC 6761 6.3; users"),
        (
            "_mail.example.org",
            "_mail.example.org",
            "users: hosts that begin with an underscore",
        ),
        (
            "my_host.example.org",
            "my_host.example.org",
            "users: underscore",
        ),
        (
            "1and1.com",
            "1and1.com",
            "RFC 1123 2.1, a digit may come first",
        ),
        (
            "1.0x7f.example",
            "1.0x7f.example",
            "numbers are harmless before the last label",
        ),
        ("a.0xyz", "a.0xyz", "no hexadecimal number"),
        ("a.1a", "a.1a", "no number"),
        (
            "a-b--c.example",
            "a-b--c.example",
            "RFC 5890 2.3.1, only places 3 and 4 are reserved",
        ),
        ("a.b--c", "a.b--c", "places 2 and 3"),
        (
            "xn--bcher-kva.example",
            "xn--bcher-kva.example",
            "RFC 3492 on `bücher`",
        ),
        (
            "XN--BCHER-KVA.example",
            "xn--bcher-kva.example",
            "RFC 6125 6.4.2, case",
        ),
        (&label_63, &label_63, "RFC 1035 2.3.4, longest label"),
        (&name_253, &name_253, "RFC 1035 2.3.4, longest name"),
    ];
    for (input, expected, source) in rows {
        assert_eq!(
            HostName::parse(input).unwrap().as_str(),
            expected,
            "{source}"
        );
        assert_eq!(
            Host::parse(input),
            Ok(Host::Name(name(expected))),
            "{source}"
        );
    }
    assert_eq!(name(&format!("{name_253}.")).as_str(), name_253);
}

#[test]
fn refuses_names() {
    let label_64 = format!("{}.example", "a".repeat(64));
    let name_254 = ["a".repeat(63).as_str(); 4].join(".").replacen('a', "", 1);
    assert_eq!(name_254.len(), 254);
    let huge = "a".repeat(1 << 20);
    let rows = [
        ("", "Empty", "nothing"),
        (&huge, "TooLong", "bounded work"),
        (".", "Empty", "RFC 1034 3.1, the root alone"),
        ("a..example", "EmptyLabel", "RFC 1034 3.1"),
        (".example", "EmptyLabel", "RFC 1034 3.1"),
        ("example..", "EmptyLabel", "one trailing dot, not two"),
        ("..", "EmptyLabel", "RFC 1034 3.1"),
        (&label_64, "LabelTooLong", "RFC 1035 2.3.4"),
        (&name_254, "TooLong", "RFC 1035 2.3.4"),
        ("-a.example", "Hyphen", "RFC 5890 2.3.1"),
        ("a-.example", "Hyphen", "RFC 5890 2.3.1"),
        ("xn--.example", "Hyphen", "RFC 5890 2.3.1"),
        ("ab--c.example", "ReservedLabel", "RFC 5890 2.3.1, R-LDH"),
        ("__--c.example", "ReservedLabel", "RFC 5890 2.3.1, R-LDH"),
        (
            "xn--_bcher-kva.example",
            "InvalidALabel",
            "RFC 5890 2.3.1, an A-label is LDH",
        ),
        ("a*b.example", "Character", "RFC 1123 2.1"),
        ("*.example.org", "Character", "a pattern is no name"),
        ("a\\b.example", "Character", "RFC 1123 2.1"),
        ("a,b", "Character", "users: comma for dot"),
        ("a\0b", "Character", "the name that hides its end"),
        (" imap.example.org", "Whitespace", "users: pasted"),
        ("imap.example.org\n", "Whitespace", "users: pasted"),
        (
            "imap\u{a0}.example.org",
            "Whitespace",
            "users: pasted from a web page",
        ),
        ("imaps://imap.example.org", "Url", "users"),
        ("imaps://ann@imap.example.org:993/", "Url", "users"),
        ("imap.example.org/", "Url", "users"),
        ("imap.example.org:993", "Port", "users"),
        ("imap.example.org:", "Port", "users"),
        ("192.0.2.1:993", "Port", "users"),
        ("[2001:db8::1]:993", "Port", "RFC 3986 3.2.2"),
        ("ann@example.org", "EmailAddress", "users"),
        ("fe80::1%eth0", "ZoneId", "RFC 4007 11"),
        ("[fe80::1%25eth0]", "ZoneId", "RFC 6874"),
        ("127.1", "MalformedIpAddress", "inet_aton: 127.0.0.1"),
        ("0x7f.1", "MalformedIpAddress", "inet_aton: 127.0.0.1"),
        ("0x7f000001", "MalformedIpAddress", "inet_aton: 127.0.0.1"),
        ("2130706433", "MalformedIpAddress", "inet_aton: 127.0.0.1"),
        ("010.0.0.1", "MalformedIpAddress", "inet_aton: 8.0.0.1"),
        ("192.0.2.1.", "MalformedIpAddress", "URL parsers: 192.0.2.1"),
        (
            "example.123",
            "MalformedIpAddress",
            "URL parsers refuse it too",
        ),
        (
            "example.0x",
            "MalformedIpAddress",
            "URL parsers: 0x is zero",
        ),
        ("256.0.0.1", "MalformedIpAddress", "RFC 791 3.2"),
        ("2001:db8:::1", "MalformedIpAddress", "RFC 4291 2.2"),
        ("[2001:db8::1", "MalformedIpAddress", "RFC 3986 3.2.2"),
        ("2001:db8::1]", "MalformedIpAddress", "RFC 3986 3.2.2"),
        (
            "[192.0.2.1]",
            "MalformedIpAddress",
            "RFC 3986 3.2.2: brackets are for IPv6",
        ),
        ("[[::1]]", "MalformedIpAddress", "RFC 3986 3.2.2"),
        ("[imap.example.org]", "MalformedIpAddress", "RFC 3986 3.2.2"),
    ];
    for (input, expected, source) in rows {
        let error = HostName::parse(input).unwrap_err();
        assert_eq!(variant(&error), expected, "{input:?}: {source}");
        assert_eq!(Host::parse(input), Err(error), "{input:?}: {source}");
    }
}

#[test]
fn addresses_are_hosts_but_not_names() {
    // (given, displayed, before a port, source)
    let rows = [
        ("192.0.2.1", "192.0.2.1", "192.0.2.1", "RFC 791"),
        (
            "2001:db8::1",
            "2001:db8::1",
            "[2001:db8::1]",
            "RFC 4291 2.2",
        ),
        (
            "[2001:DB8:0::1]",
            "2001:db8::1",
            "[2001:db8::1]",
            "RFC 3986 3.2.2, RFC 5952",
        ),
        (
            "::ffff:192.0.2.1",
            "::ffff:192.0.2.1",
            "[::ffff:192.0.2.1]",
            "RFC 4291 2.5.5.2",
        ),
    ];
    for (input, displayed, authority, source) in rows {
        let host = Host::parse(input).unwrap();
        assert_eq!(host.to_string(), displayed, "{source}");
        assert_eq!(host.to_authority(), authority, "{source}");
        assert_eq!(host.name(), None);
        assert!(
            matches!(host.server_name(), ServerName::IpAddress(_)),
            "{source}"
        );
        assert_eq!(
            variant(&HostName::parse(input).unwrap_err()),
            "IpAddress",
            "{source}"
        );
    }
    // RFC 9525 section 6.5: the families are distinct.
    assert_ne!(Host::parse("::ffff:192.0.2.1"), Host::parse("192.0.2.1"));
    assert_eq!(
        Host::parse("::ffff:192.0.2.1").unwrap().ip(),
        Some(IpAddr::V6("::ffff:192.0.2.1".parse().unwrap()))
    );
}

#[test]
fn the_tls_layer_gets_the_name_without_its_dot() {
    // RFC 6066 section 3: the host name in SNI has no trailing dot.
    let ServerName::DnsName(sent) = Host::parse("IMAP.example.org.").unwrap().server_name() else {
        panic!("a name stays a name");
    };
    assert_eq!(sent.as_ref(), "imap.example.org");
}

#[test]
fn within() {
    let rows = [
        ("imap.example.com", "example.com", true, "RFC 8314 5.1"),
        ("example.com", "example.com", true, "equality included"),
        ("a.b.example.com", "Example.COM", true, "any depth"),
        ("badexample.com", "example.com", false, "label by label"),
        (
            "example.com",
            "imap.example.com",
            false,
            "not the other way",
        ),
        (
            "example.com.evil.example",
            "example.com",
            false,
            "a suffix, not a part",
        ),
        ("com", "example.com", false, "shorter"),
    ];
    for (host, domain, expected, source) in rows {
        assert_eq!(
            name(host).is_within(&name(domain)),
            expected,
            "{host} {domain}: {source}"
        );
    }
}

#[test]
fn traits() {
    let host = name("Imap.Example.org.");
    assert_eq!(format!("{host:?}"), "HostName(\"imap.example.org\")");
    assert_eq!(format!("{host:>20}"), "    imap.example.org");
    assert_eq!(
        host.labels().collect::<Vec<_>>(),
        ["imap", "example", "org"]
    );
    assert_eq!(host.labels().next_back(), Some("org"));
    let set = HashSet::from([host.clone()]);
    assert!(set.contains("imap.example.org"));
    assert!(set.contains(&name("IMAP.EXAMPLE.ORG")));
    assert!(name("a.example") < name("b.example"));
    assert_eq!("imap.example.org".parse::<HostName>(), Ok(host.clone()));
    assert_eq!(Host::try_from("imap.example.org"), Ok(Host::from(host)));
    assert!(size_of::<InvalidName>() <= 40);
}

#[test]
fn errors_are_one_sentence_that_shows_what_was_given() {
    let rows = [
        (
            "imap.example.org:993",
            "\"imap.example.org:993\" contains a port; write the host alone and give the port separately",
        ),
        (
            "a\u{2028}b",
            "\"a\\u{2028}b\" contains blank space; write the host name without it",
        ),
        (
            "a\u{1b}b.example",
            "'\\u{1b}' in \"a\\u{1b}b.example\" cannot be in a host name; use letters, digits, hyphens and dots",
        ),
    ];
    for (input, expected) in rows {
        let shown = HostName::parse(input).unwrap_err().to_string();
        // The label alone is quoted when a character in it is wrong.
        assert_eq!(shown, expected.replace("b.example\"", "b\""));
    }
}

#[cfg(not(feature = "idna"))]
#[test]
fn letters_beyond_ascii_need_the_feature() {
    for input in ["bücher.example", "例え。テスト", "imap。example"] {
        assert_eq!(variant(&HostName::parse(input).unwrap_err()), "NeedsIdna");
    }
    assert_eq!(name("xn--a.example").as_str(), "xn--a.example");
    assert_eq!(
        variant(&EmailAddress::parse("ann@bücher.example").unwrap_err()),
        "Domain"
    );
}

#[cfg(feature = "idna")]
mod idna {
    use super::*;

    #[test]
    fn accepts_letters_beyond_ascii() {
        // (given, A-labels, shown, source)
        let rows = [
            (
                "bücher.example",
                "xn--bcher-kva.example",
                "bücher.example",
                "RFC 3492",
            ),
            (
                "BÜCHER.example.",
                "xn--bcher-kva.example",
                "bücher.example",
                "UTS 46, mapping",
            ),
            (
                "bu\u{308}cher.example",
                "xn--bcher-kva.example",
                "bücher.example",
                "RFC 5890 2.3.2.1, NFC",
            ),
            (
                "straße.example",
                "xn--strae-oqa.example",
                "straße.example",
                "UTS 46, non-transitional",
            ),
            (
                "例え。テスト。",
                "xn--r8jz45g.xn--zckzah",
                "例え.テスト",
                "UTS 46, ideographic full stop",
            ),
            (
                "imap。example．org",
                "imap.example.org",
                "imap.example.org",
                "UTS 46, full stops",
            ),
            (
                "ｉｍａｐ.example",
                "imap.example",
                "imap.example",
                "UTS 46, full width",
            ),
            (
                "_imaps.bücher.example",
                "_imaps.xn--bcher-kva.example",
                "_imaps.bücher.example",
                "underscore",
            ),
            (
                "उदाहरण.परीक्षा",
                "xn--p1b6ci4b4b3a.xn--11b5bs3a9aj6g",
                "उदाहरण.परीक्षा",
                "RFC 6761 and IANA test names",
            ),
            (
                "xn--bcher-kva.example",
                "xn--bcher-kva.example",
                "bücher.example",
                "RFC 5890 2.3.2.1",
            ),
        ];
        for (input, expected, shown, source) in rows {
            let name = name(input);
            assert_eq!(name.as_str(), expected, "{source}");
            assert_eq!(name.to_unicode(), shown, "{source}");
        }
    }

    #[test]
    fn refuses_what_is_no_name() {
        let u_label_64 = format!("{}ü.example", "a".repeat(57));
        let long = "ü".repeat(5000);
        let rows = [
            ("xn--a.example", "InvalidALabel", "RFC 3492: undecodable"),
            (
                "xn--bcher-2pa.example",
                "InvalidALabel",
                "RFC 5890 2.3.2.1: `bÜcher` encoded unmapped",
            ),
            (
                "xn--bucher-xyd.example",
                "InvalidALabel",
                "RFC 5890 2.3.2.1: `bücher` encoded without NFC",
            ),
            (
                "xn--b-eha669u.example",
                "InvalidALabel",
                "UTS 46: zero-width space encoded",
            ),
            (
                "xn--ab-g4t.example",
                "InvalidALabel",
                "UTS 46: bidi control encoded",
            ),
            (
                "xn--99999999.example",
                "InvalidALabel",
                "RFC 3492 6.4: overflow",
            ),
            (
                "xn--abc-.example",
                "Hyphen",
                "RFC 3492: decodes to ASCII alone",
            ),
            (
                "xn--xn---epa.example",
                "InvalidALabel",
                "UTS 46, CheckHyphens on what is encoded",
            ),
            ("bü--cher.example", "NotAHostName", "UTS 46, CheckHyphens"),
            ("-ü.example", "NotAHostName", "UTS 46, CheckHyphens"),
            ("ü*.example", "NotAHostName", "UTS 46, STD 3 rules"),
            (
                "example.org：993",
                "NotAHostName",
                "full-width colon maps to one",
            ),
            ("\u{301}a.example", "NotAHostName", "UTS 46, leading mark"),
            (
                "a\u{200d}b.example",
                "NotAHostName",
                "RFC 5892 A.2, joiner out of context",
            ),
            ("aא.example", "NotAHostName", "RFC 5893 2, Bidi rule"),
            (
                "a\u{202e}b.example",
                "NotAHostName",
                "RFC 5892, bidi control",
            ),
            (
                "_ü.example",
                "InvalidALabel",
                "RFC 5890 2.3.1, an A-label is LDH",
            ),
            ("１９２.０.２.１", "MalformedIpAddress", "full-width digits"),
            ("a。。example", "EmptyLabel", "UTS 46, full stops"),
            ("。", "Empty", "UTS 46, full stops"),
            ("\u{ad}", "Empty", "UTS 46: ignored"),
            (&u_label_64, "LabelTooLong", "RFC 1035 2.3.4 on the A-label"),
            (&long, "TooLong", "RFC 1035 2.3.4"),
        ];
        for (input, expected, source) in rows {
            let error = HostName::parse(input).unwrap_err();
            assert_eq!(variant(&error), expected, "{input:?}: {source}");
        }
    }

    #[test]
    fn shows_a_labels_when_the_letters_are_no_letters() {
        let rows = [
            (
                "xn--bcher.example",
                "a forgotten part: three mathematical signs",
            ),
            ("xn--i-7iq.example", "users: i♥, a symbol"),
            (
                "☃.example",
                "UTS 46 lets through what IDNA 2008 forbids: a symbol",
            ),
            ("a⁄b.example", "fraction slash"),
            ("a꞉b.example", "modifier letter colon"),
            ("ab\u{338}c.example", "a stroke across a letter"),
            // Joiners are valid after a virama, and invisible.
            ("क्\u{200d}ष.example", "RFC 5892 A.2"),
        ];
        for (input, source) in rows {
            let name = name(input);
            assert!(name.as_str().starts_with("xn--"), "{source}");
            assert_eq!(name.to_unicode(), name.as_str(), "{source}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_parses_to_the_same(input in ".{0,6}[äßクक़אé1a-]{1,8}(\\.[a-zö]{1,5})?") {
            if let Ok(name) = HostName::parse(&input) {
                let shown = name.to_unicode();
                prop_assert!(!shown.chars().any(crate::text::is_unsafe_to_show));
                prop_assert_eq!(&HostName::parse(&shown).unwrap(), &name);
            }
        }
    }
}

#[test]
fn accepts_email_addresses() {
    let local_64 = format!("{}@example.org", "a".repeat(64));
    // (given, local part, domain, displayed, source)
    let rows = [
        (
            "ann@example.org",
            "ann",
            Some("example.org"),
            "ann@example.org",
            "RFC 5321 4.1.2",
        ),
        (
            "Ann@Example.ORG.",
            "Ann",
            Some("example.org"),
            "Ann@example.org",
            "RFC 5321 2.4: case of the local part counts",
        ),
        (
            "a.b+tag@example.org",
            "a.b+tag",
            Some("example.org"),
            "a.b+tag@example.org",
            "RFC 5321 4.1.2, atext",
        ),
        (
            "\"a@b c\"@example.org",
            "\"a@b c\"",
            Some("example.org"),
            "\"a@b c\"@example.org",
            "RFC 5321 4.1.2, Quoted-string",
        ),
        (
            "\"a\\\"@\\\\\"@example.org",
            "\"a\\\"@\\\\\"",
            Some("example.org"),
            "\"a\\\"@\\\\\"@example.org",
            "RFC 5321 4.1.2, quoted-pairSMTP",
        ),
        (
            "\"\"@example.org",
            "\"\"",
            Some("example.org"),
            "\"\"@example.org",
            "RFC 5321 4.1.2, empty Quoted-string",
        ),
        (
            "grüße@example.org",
            "grüße",
            Some("example.org"),
            "grüße@example.org",
            "RFC 6531 3.3",
        ),
        (
            "a..b.@example.org",
            "a..b.",
            Some("example.org"),
            "a..b.@example.org",
            "users: mailboxes of a Japanese carrier",
        ),
        (
            "user@localhost",
            "user",
            Some("localhost"),
            "user@localhost",
            "users",
        ),
        (
            "user@[192.0.2.1]",
            "user",
            None,
            "user@[192.0.2.1]",
            "RFC 5321 4.1.3",
        ),
        (
            "user@[ipv6:2001:DB8::1]",
            "user",
            None,
            "user@[IPv6:2001:db8::1]",
            "RFC 5321 4.1.3",
        ),
        (
            "user@[2001:db8::1]",
            "user",
            None,
            "user@[IPv6:2001:db8::1]",
            "users: tag forgotten",
        ),
        (
            &local_64,
            local_64.strip_suffix("@example.org").unwrap(),
            Some("example.org"),
            &local_64,
            "RFC 5321 4.5.3.1.1",
        ),
    ];
    for (input, local_part, domain, displayed, source) in rows {
        let address = EmailAddress::parse(input).unwrap();
        assert_eq!(address.local_part(), local_part, "{source}");
        assert_eq!(address.domain().map(HostName::as_str), domain, "{source}");
        assert_eq!(address.to_string(), displayed, "{source}");
        assert_eq!(address.domain(), address.host().name());
    }
    #[cfg(feature = "idna")]
    assert_eq!(
        EmailAddress::parse("ann@bücher.example")
            .unwrap()
            .to_string(),
        "ann@xn--bcher-kva.example"
    );
}

#[test]
fn refuses_email_addresses() {
    let local_65 = format!("{}@example.org", "a".repeat(65));
    let domain = ["a".repeat(62).as_str(); 4].join(".");
    let total_254 = format!("{}@{}", "a".repeat(2), domain);
    assert_eq!(
        EmailAddress::parse(&total_254).unwrap().to_string().len(),
        254
    );
    let total_255 = format!("a{total_254}");
    let huge = "@".repeat(100_000);
    let rows = [
        ("", "Empty", "nothing"),
        ("ann", "MissingAt", "RFC 5321 4.1.2"),
        (
            "\"ann@example.org",
            "MissingAt",
            "RFC 5321 4.1.2, unclosed quote",
        ),
        (
            "\"ann\\\"@example.org",
            "MissingAt",
            "RFC 5321 4.1.2, quoted quote",
        ),
        (
            "\"ann\"x@example.org",
            "MissingAt",
            "RFC 5321 4.1.2, more after the quotes",
        ),
        ("\"", "MissingAt", "a quote alone"),
        ("@example.org", "LocalPart", "RFC 5321 4.1.2"),
        ("a b@example.org", "LocalPart", "RFC 5321 4.1.2"),
        (" ann@example.org", "LocalPart", "users: pasted"),
        (
            "a@b@example.org",
            "LocalPart",
            "RFC 5321 4.1.2: to be quoted",
        ),
        ("a\"b\"@example.org", "LocalPart", "RFC 5321 4.1.2"),
        (
            "a\u{202e}b@example.org",
            "LocalPart",
            "RFC 6532 4: text that reorders",
        ),
        (
            "\"a\r\n\"@example.org",
            "LocalPart",
            "RFC 5321 4.1.2, no controls",
        ),
        ("Ann <ann@example.org>", "DisplayName", "users"),
        ("<ann@example.org>", "DisplayName", "users"),
        ("MailTo:ann@example.org", "Url", "users; RFC 6068 2"),
        ("ann@", "Domain", "RFC 5321 4.1.2"),
        ("ann@example.org ", "Domain", "users: pasted"),
        ("ann@example..org", "Domain", "RFC 5321 4.1.2"),
        (
            "ann@192.0.2.1",
            "AddressLiteral",
            "RFC 5321 4.1.3: brackets",
        ),
        ("ann@::1", "AddressLiteral", "RFC 5321 4.1.3: brackets"),
        ("ann@[192.0.2]", "AddressLiteral", "RFC 5321 4.1.3"),
        ("ann@[IPv6:192.0.2.1]", "AddressLiteral", "RFC 5321 4.1.3"),
        ("ann@[192.0.2.1", "AddressLiteral", "RFC 5321 4.1.3"),
        (
            "ann@[tag:content]",
            "AddressLiteral",
            "RFC 5321 4.1.3: no tag is registered but IPv6",
        ),
        (&local_65, "LocalPartTooLong", "RFC 5321 4.5.3.1.1"),
        (&total_255, "TooLong", "RFC 5321 4.5.3.1.3"),
        (&huge, "TooLong", "bounded work"),
    ];
    for (input, expected, source) in rows {
        let error = EmailAddress::parse(input).unwrap_err();
        assert_eq!(variant(&error), expected, "{source}");
        assert!(error.to_string().len() < 1000, "{source}");
    }
}

/// Anything, and things that are nearly names.
fn input() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9_.xn:@%-]{0,40}",
        "(\\[?[0-9a-fx:.]{1,16}\\]?|[a-z0-9-]{1,8}\\.[a-z0-9]{1,4}|xn--[a-z0-9-]{1,8})\\.?",
        "[a-z\"\\\\@ ü.]{0,12}@\\[?[a-z0-9.:ü。]{0,12}\\]?",
    ]
}

proptest! {
    #[test]
    fn names_are_normal_forms(input in input()) {
        let Ok(name) = HostName::parse(&input) else { return Ok(()) };
        let text = name.to_string();
        prop_assert!(!text.is_empty() && text.len() <= 253);
        prop_assert!(text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')));
        prop_assert!(name.labels().all(|label| (1..=63).contains(&label.len())));
        prop_assert!(name.is_within(&name));
        let dotted = format!("{text}.");
        for again in [&text, &text.to_ascii_uppercase(), &dotted] {
            prop_assert_eq!(&HostName::parse(again).unwrap(), &name);
        }
        prop_assert!(text.parse::<IpAddr>().is_err());
    }

    #[test]
    fn hosts_are_normal_forms(input in input()) {
        match Host::parse(&input) {
            Ok(host) => {
                prop_assert_eq!(&Host::parse(&host.to_string()).unwrap(), &host);
                prop_assert_eq!(&Host::parse(&host.to_authority()).unwrap(), &host);
                prop_assert!(ServerName::try_from(host.to_string()).is_ok());
                let server_name = host.server_name();
                prop_assert_eq!(server_name.to_str(), host.to_string());
            }
            Err(error) => {
                let shown = error.to_string();
                prop_assert!(shown.len() < 1000);
                prop_assert!(!shown.chars().any(crate::text::is_unsafe_to_show), "{}", shown);
            }
        }
    }

    #[test]
    fn email_addresses_are_normal_forms(input in input()) {
        match EmailAddress::parse(&input) {
            Ok(address) => {
                let text = address.to_string();
                prop_assert!(text.len() <= 254 && address.local_part().len() <= 64);
                prop_assert!(!text.chars().any(crate::text::is_unsafe_to_show));
                prop_assert_eq!(&EmailAddress::parse(&text).unwrap(), &address);
            }
            Err(error) => {
                let shown = error.to_string();
                prop_assert!(!shown.chars().any(crate::text::is_unsafe_to_show), "{}", shown);
            }
        }
    }
}
