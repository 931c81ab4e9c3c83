use pki_types::CertificateDer;
use proptest::prelude::*;
use rcgen::{CertificateParams, CustomExtension, DnType, DnValue};

use super::*;
use crate::certificate::Certificate;
use crate::testing::{Authority, authority_params, der, dns, leaf_params};
use crate::verify::TrustAnchors;

/// An rfc822Name (RFC 5280 §4.2.1.6).
fn email(address: &str) -> Vec<u8> {
    der(0x81, address.as_bytes())
}

/// An otherName of this type, whose value has this tag.
fn other_name(last_arc: u8, tag: u8, value: &[u8]) -> Vec<u8> {
    let id = [
        0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x08, last_arc,
    ];
    der(0xA0, &[&id[..], &der(0xA0, &der(tag, value))].concat())
}

/// A SmtpUTF8Mailbox (RFC 9598 §3: id-on 9, UTF8String).
fn utf8(address: &str) -> Vec<u8> {
    other_name(9, 0x0C, address.as_bytes())
}

struct World {
    root: Authority,
    anchors: TrustAnchors,
}

impl World {
    fn new() -> Self {
        let root = Authority::named("Root");
        let anchors = TrustAnchors::from_der([root.certificate.clone()]).unwrap();
        Self { root, anchors }
    }

    fn map(&self, mapping: &IdentityMapping, params: &CertificateParams) -> String {
        let leaf = self.root.issue(params);
        told(mapping.map(&[leaf], &self.anchors))
    }
}

/// One line for each outcome.
fn told(outcome: Result<ClientIdentity, Unmapped>) -> String {
    match outcome {
        Ok(identity) => {
            let (name, is_mailbox) = match identity.name() {
                IdentityName::Mailbox(address) => (address.to_string(), true),
                IdentityName::CommonName(text) | IdentityName::User(text) => {
                    (text.to_string(), false)
                }
                IdentityName::Key(fingerprint) => (fingerprint.to_string(), false),
            };
            format!("{:?} {name} {is_mailbox}", identity.source())
        }
        Err(Unmapped::NoName) => "no name".to_owned(),
        Err(Unmapped::Ambiguous { first, second }) => format!("ambiguous {first} {second}"),
        Err(Unmapped::Malformed { place, text }) => format!("malformed {place:?} {text}"),
        Err(Unmapped::Constrained { place }) => format!("constrained {place:?}"),
        Err(Unmapped::Unreadable) => "unreadable".to_owned(),
    }
}

fn with_subject(names: &[Vec<u8>], attributes: &[(DnType, DnValue)]) -> CertificateParams {
    let mut params = leaf_params(names);
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, value) in attributes {
        params.distinguished_name.push(kind.clone(), value.clone());
    }
    params
}

fn email_address() -> DnType {
    // emailAddress, RFC 2985 §5.2.1
    DnType::CustomDnType(vec![1, 2, 840, 113_549, 1, 9, 1])
}

fn ia5(text: &str) -> DnValue {
    DnValue::Ia5String(text.try_into().unwrap())
}

/// RFC 5280 §4.2.1.6 and RFC 9598 §3.
#[test]
fn addresses_in_the_alternative_name() {
    let rows: [(&str, Vec<Vec<u8>>, &str); 25] = [
        ("none", vec![], "no name"),
        ("another kind", vec![dns("ann.example.org")], "no name"),
        (
            "one",
            vec![email("ann@example.org")],
            "Rfc822Name ann@example.org true",
        ),
        (
            "among others",
            vec![
                dns("x.example.org"),
                email("Ann@Example.ORG"),
                other_name(7, 0x16, b"_x.y.z"),
            ],
            "Rfc822Name Ann@example.org true",
        ),
        (
            "twice the same",
            vec![email("ann@example.org"), email("ann@EXAMPLE.org")],
            "Rfc822Name ann@example.org true",
        ),
        (
            "two",
            vec![email("ann@example.org"), email("bob@example.org")],
            "ambiguous ann@example.org bob@example.org",
        ),
        (
            "RFC 5321 §2.4: local parts are told apart by case",
            vec![email("ann@example.org"), email("Ann@example.org")],
            "ambiguous ann@example.org Ann@example.org",
        ),
        (
            "one of them malformed",
            vec![email("ann@example.org"), email("nobody")],
            "malformed Rfc822Name nobody",
        ),
        ("empty", vec![email("")], "malformed Rfc822Name "),
        (
            "a NUL, after which software in C stops",
            vec![email("root@example.org\0.evil.example")],
            "malformed Rfc822Name root@example.org\\u{0}.evil.example",
        ),
        (
            "a display name",
            vec![email("Ann <ann@example.org>")],
            "malformed Rfc822Name Ann <ann@example.org>",
        ),
        (
            "only a domain, as constraints have it",
            vec![email("example.org")],
            "malformed Rfc822Name example.org",
        ),
        (
            "beyond ASCII in an IA5String",
            vec![email("änn@example.org")],
            "malformed Rfc822Name änn@example.org",
        ),
        (
            "SmtpUTF8Mailbox",
            vec![utf8("änn@xn--exmple-cua.org")],
            "SmtpUtf8Mailbox änn@xn--exmple-cua.org true",
        ),
        (
            "both kinds",
            vec![utf8("änn@example.org"), email("ann@example.org")],
            "ambiguous änn@example.org ann@example.org",
        ),
        (
            "an ASCII address belongs into an rfc822Name",
            vec![utf8("ann@example.org")],
            "malformed SmtpUtf8Mailbox ann@example.org",
        ),
        (
            "U-labels in the domain",
            vec![utf8("änn@exämple.org")],
            "malformed SmtpUtf8Mailbox änn@exämple.org",
        ),
        (
            "RFC 9598 appendix B",
            vec![utf8("\u{533b}\u{751f}@xn--pss25c.example.com")],
            "SmtpUtf8Mailbox \u{533b}\u{751f}@xn--pss25c.example.com true",
        ),
        (
            "RFC 9598 §3: lower case alone",
            vec![utf8("änn@Example.org")],
            "malformed SmtpUtf8Mailbox änn@Example.org",
        ),
        (
            "RFC 9598 §3: no byte order mark",
            vec![utf8("\u{feff}änn@example.org")],
            "malformed SmtpUtf8Mailbox \\u{feff}änn@example.org",
        ),
        (
            "RFC 9598 §5: the local part is not normalised",
            vec![utf8("\u{e4}nn@example.org"), utf8("a\u{308}nn@example.org")],
            "ambiguous änn@example.org a\u{308}nn@example.org",
        ),
        (
            "a dot behind the domain",
            vec![email("ann@example.org.")],
            "malformed Rfc822Name ann@example.org.",
        ),
        (
            "a character that turns text around",
            vec![utf8("ä\u{202e}nn@example.org")],
            "malformed SmtpUtf8Mailbox ä\\u{202e}nn@example.org",
        ),
        (
            "an IA5String where a UTF8String belongs",
            vec![other_name(9, 0x16, b"ann@example.org")],
            "unreadable",
        ),
        (
            "cut short",
            vec![email("ann@example.org"), vec![0x81, 0x20, b'x']],
            "unreadable",
        ),
    ];
    let world = World::new();
    for (what, names, expected) in rows {
        let outcome = world.map(&IdentityMapping::mailbox(), &leaf_params(&names));
        assert_eq!(outcome, expected, "{what}");
    }
}

/// What stands in the subject counts only where it was declared to.
#[test]
fn names_in_the_subject() {
    let common = |text: &str| (DnType::CommonName, DnValue::Utf8String(text.to_owned()));
    let address = |text: &str| (email_address(), ia5(text));
    type Attributes = Vec<(DnType, DnValue)>;
    let rows: [(&str, Attributes, &str, &str); 10] = [
        ("nothing", vec![], "no name", "no name"),
        (
            "both",
            vec![common("ann"), address("ann@example.org")],
            "CommonName ann false",
            "SubjectEmail ann@example.org true",
        ),
        (
            "an address as common name is a text",
            vec![common("ann@example.org")],
            "CommonName ann@example.org false",
            "no name",
        ),
        (
            "spaces around it",
            vec![common(" ann")],
            "malformed CommonName  ann",
            "no name",
        ),
        (
            "a line break",
            vec![common("ann\n")],
            "malformed CommonName ann\\n",
            "no name",
        ),
        (
            "turned around",
            vec![common("a\u{202e}b")],
            "malformed CommonName a\\u{202e}b",
            "no name",
        ),
        (
            "empty",
            vec![common("")],
            "malformed CommonName ",
            "no name",
        ),
        (
            "no address",
            vec![address("ann")],
            "no name",
            "malformed SubjectEmail ann",
        ),
        (
            "beyond ASCII",
            vec![(
                email_address(),
                DnValue::Utf8String("änn@example.org".to_owned()),
            )],
            "no name",
            "malformed SubjectEmail änn@example.org",
        ),
        (
            "as a UTF8String",
            vec![(
                email_address(),
                DnValue::Utf8String("ann@example.org".to_owned()),
            )],
            "no name",
            "SubjectEmail ann@example.org true",
        ),
    ];
    let world = World::new();
    for (what, attributes, by_common_name, by_email) in rows {
        let params = with_subject(&[], &attributes);
        let common_name = world.map(&IdentityMapping::common_name(), &params);
        assert_eq!(common_name, by_common_name, "{what}");
        let email = world.map(&IdentityMapping::subject_email(), &params);
        assert_eq!(email, by_email, "{what}");
        assert_eq!(
            world.map(&IdentityMapping::mailbox(), &params),
            "no name",
            "{what}"
        );
    }
    let long = with_subject(&[], &[common(&"x".repeat(1025))]);
    assert!(
        world
            .map(&IdentityMapping::common_name(), &long)
            .starts_with("malformed")
    );
}

/// Several ways: the first by which there is a name decides, and no other one mends it.
#[test]
fn the_order_of_the_ways() {
    let world = World::new();
    let both = IdentityMapping::mailbox().or(IdentityMapping::common_name());
    let reversed = IdentityMapping::common_name().or(IdentityMapping::mailbox());
    let rows: [(Vec<Vec<u8>>, &str, &str); 4] = [
        (vec![], "CommonName ann false", "CommonName ann false"),
        (
            vec![email("bob@example.org")],
            "Rfc822Name bob@example.org true",
            "CommonName ann false",
        ),
        (
            vec![email("bob")],
            "malformed Rfc822Name bob",
            "CommonName ann false",
        ),
        (
            vec![email("bob@example.org"), email("eve@example.org")],
            "ambiguous bob@example.org eve@example.org",
            "CommonName ann false",
        ),
    ];
    for (names, expected, the_other_way) in rows {
        let subject = [(DnType::CommonName, DnValue::Utf8String("ann".to_owned()))];
        let params = with_subject(&names, &subject);
        assert_eq!(world.map(&both, &params), expected);
        assert_eq!(world.map(&reversed, &params), the_other_way);
    }
}

#[test]
fn tables_of_certificates_and_keys() {
    let world = World::new();
    let (ann, bob) = (
        world.root.issue(&leaf_params(&[])),
        world.root.issue(&leaf_params(&[])),
    );
    let key =
        |der: &CertificateDer<'_>| Fingerprint::of(Certificate::parse(der).unwrap().public_key_der);
    let map = |mapping: &IdentityMapping, one: &CertificateDer<'static>| {
        told(mapping.map(std::slice::from_ref(one), &world.anchors))
    };
    let certificates =
        IdentityMapping::certificates([(Fingerprint::of_certificate(&ann), "ann")]).unwrap();
    assert_eq!(map(&certificates, &ann), "CertificateTable ann false");
    assert_eq!(map(&certificates, &bob), "no name");
    let keys = IdentityMapping::keys([(key(&ann), "ann"), (key(&ann), "ann")]).unwrap();
    assert_eq!(map(&keys, &ann), "KeyTable ann false");
    assert_eq!(map(&keys, &bob), "no name");
    let whole = certificates.or(keys).or(IdentityMapping::key());
    assert_eq!(map(&whole, &bob), format!("Key {} false", key(&bob)));

    let identity = IdentityMapping::key()
        .map(std::slice::from_ref(&ann), &world.anchors)
        .unwrap();
    assert_eq!(identity.key_fingerprint(), key(&ann));
    assert_eq!(
        identity.certificate_fingerprint(),
        Fingerprint::of_certificate(&ann)
    );

    let one = key(&ann);
    let empty: [(Fingerprint, &str); 0] = [];
    assert_eq!(
        IdentityMapping::keys(empty).unwrap_err(),
        InvalidMapping::Empty
    );
    let two = IdentityMapping::keys([(one, "ann"), (one, "bob")]).unwrap_err();
    assert_eq!(two, InvalidMapping::TwoUsers { fingerprint: one });
    for bad in ["", " ann", "a\0b", "a\u{202e}b"] {
        let error = IdentityMapping::certificates([(one, bad)]).unwrap_err();
        assert!(matches!(error, InvalidMapping::BadUser { .. }), "{bad:?}");
    }
}

/// Constraints on addresses are held against rfc822Name where the path is verified. What they are
/// not held against there does not count under them (RFC 5280 §4.2.1.10, RFC 9598 §6).
#[test]
fn authorities_with_name_constraints() {
    // permittedSubtrees { rfc822Name "example.org" }
    let subtree = der(0x30, &der(0x81, b"example.org"));
    let constraints = der(0x30, &der(0xA0, &subtree));
    let constrained = |name: &str| {
        let mut params = authority_params(name);
        let extension = CustomExtension::from_oid_content(&[2, 5, 29, 30], constraints.clone());
        params.custom_extensions.push(extension);
        params
    };
    let world = World::new();
    let lower = world.root.authority(constrained("Lower"));
    let upper = Authority::root(constrained("Upper"));
    let rows: [(IdentityMapping, CertificateParams, &str, &str); 5] = [
        (
            IdentityMapping::mailbox(),
            leaf_params(&[email("ann@example.org")]),
            "Rfc822Name ann@example.org true",
            "Rfc822Name ann@example.org true",
        ),
        (
            IdentityMapping::mailbox(),
            leaf_params(&[utf8("änn@example.org")]),
            "SmtpUtf8Mailbox änn@example.org true",
            "constrained SmtpUtf8Mailbox",
        ),
        (
            IdentityMapping::subject_email(),
            with_subject(&[], &[(email_address(), ia5("ann@example.org"))]),
            "SubjectEmail ann@example.org true",
            "constrained SubjectEmail",
        ),
        (
            IdentityMapping::common_name(),
            with_subject(
                &[],
                &[(DnType::CommonName, DnValue::Utf8String("ann".to_owned()))],
            ),
            "CommonName ann false",
            "constrained CommonName",
        ),
        (
            // No way out of it.
            IdentityMapping::mailbox().or(IdentityMapping::key()),
            leaf_params(&[utf8("änn@example.org")]),
            "SmtpUtf8Mailbox änn@example.org true",
            "constrained SmtpUtf8Mailbox",
        ),
    ];
    for (mapping, params, free, under) in rows {
        assert_eq!(world.map(&mapping, &params), free);
        let chain = [lower.issue(&params), lower.certificate.clone()];
        assert_eq!(told(mapping.map(&chain, &world.anchors)), under);
        // The anchor is not part of the chain.
        let anchors = TrustAnchors::from_der([upper.certificate.clone()]).unwrap();
        assert_eq!(told(mapping.map(&[upper.issue(&params)], &anchors)), under);
    }
}

#[test]
fn what_is_not_a_certificate() {
    let world = World::new();
    let ways = [
        IdentityMapping::mailbox(),
        IdentityMapping::common_name(),
        IdentityMapping::key(),
    ];
    for mapping in ways {
        assert_eq!(told(mapping.map(&[], &world.anchors)), "unreadable");
        let noise = CertificateDer::from(vec![0x30, 0x03, 1, 2, 3]);
        assert_eq!(told(mapping.map(&[noise], &world.anchors)), "unreadable");
    }
}

/// A user learns what to do from each sentence, and a log keeps its lines.
#[test]
fn sentences() {
    let world = World::new();
    let names = [email("a\nb@example.org")];
    let leaf = world.root.issue(&leaf_params(&names));
    let unmapped = IdentityMapping::mailbox()
        .map(&[leaf], &world.anchors)
        .unwrap_err();
    assert_eq!(
        unmapped.to_string(),
        "the rfc822Name \"a\\nb@example.org\" in the client's certificate cannot be used: issue \
         another one"
    );
    let mapping = IdentityMapping::keys([(Fingerprint::of(b""), "ann@example.org")]).unwrap();
    assert_eq!(
        format!("{:?}", mapping.or(IdentityMapping::key())),
        r#"["keys", "key"]"#
    );
}

/// The same mapping says the same, and no other one does.
#[test]
fn a_mapping_is_told_from_others() {
    let say = |mapping: &IdentityMapping| {
        let mut said = Vec::new();
        mapping.describe(&mut |part: &[u8]| {
            said.push(part.to_vec());
        });
        said
    };
    let table = |users: [&str; 2]| {
        let [one, other] = [Fingerprint::of(b"1"), Fingerprint::of(b"2")];
        (
            IdentityMapping::keys([(one, users[0]), (other, users[1])]).unwrap(),
            IdentityMapping::keys([(other, users[1]), (one, users[0])]).unwrap(),
        )
    };
    let (here, there) = table(["ann", "bob"]);
    assert_eq!(say(&here), say(&there));
    let all = [
        here,
        table(["ann", "eve"]).0,
        IdentityMapping::key(),
        IdentityMapping::mailbox(),
        IdentityMapping::subject_email(),
        IdentityMapping::common_name(),
        IdentityMapping::mailbox().or(IdentityMapping::key()),
        IdentityMapping::key().or(IdentityMapping::mailbox()),
    ];
    for (index, one) in all.iter().enumerate() {
        let twins = all.iter().filter(|other| say(one) == say(other));
        assert_eq!(twins.count(), 1, "{index}");
    }
}

proptest! {
    /// Whatever stands in a certificate, the name that comes out can be shown and said.
    #[test]
    fn names_are_safe(san in prop::collection::vec(any::<u8>(), 0..60), address in "\\PC{0,30}") {
        let world = World::new();
        let mapping = IdentityMapping::mailbox().or(IdentityMapping::common_name());
        for names in [vec![san], vec![email(&address)], vec![utf8(&address)]] {
            let leaf = world.root.issue(&leaf_params(&names));
            if let Ok(identity) = mapping.map(&[leaf], &world.anchors) {
                let name = identity.to_string();
                prop_assert!(!name.is_empty() && !name.chars().any(char::is_control), "{}", name);
            }
        }
    }
}

/// What one authority writes into a common name, another mapping finds in a key or an address: no
/// kind is equal to another, nor shown like it.
#[test]
fn no_kind_of_name_is_another() {
    let world = World::new();
    let probe = world.root.issue(&leaf_params(&[]));
    let key = Fingerprint::of(Certificate::parse(&probe).unwrap().public_key_der);
    let texts = ["ann@example.org".to_owned(), key.to_string()];
    for text in texts {
        let common = DnValue::Utf8String(text.clone());
        let params = with_subject(&[email("ann@example.org")], &[(DnType::CommonName, common)]);
        let leaf = world.root.issue(&params);
        let table = IdentityMapping::certificates([(Fingerprint::of_certificate(&leaf), &*text)]);
        let ways = [
            IdentityMapping::mailbox(),
            IdentityMapping::common_name(),
            table.unwrap(),
            IdentityMapping::key(),
        ];
        let found = ways.map(|way| {
            way.map(std::slice::from_ref(&leaf), &world.anchors)
                .unwrap()
        });
        for (index, one) in found.iter().enumerate() {
            for (other_index, other) in found.iter().enumerate() {
                let is_same = index == other_index;
                assert_eq!(one.name() == other.name(), is_same, "{one} {other}");
                assert_eq!(one.to_string() == other.to_string(), is_same);
            }
        }
    }
}
