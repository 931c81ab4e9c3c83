//! Writes a corpus for each target into `corpus/`: recorded handshakes, what `../tests` holds of
//! STARTTLS, Received fields and certificates, and texts of each kind.

mod sessions;

use std::fs;
use std::path::{Path, PathBuf};

use mail_tls::Service;
use mail_tls_fuzz::{HOST, Piece, Script, WORLD, Write, certificate_with_names, general_name};
use serde_json::Value;

use sessions::{flights, sessions};

fn main() {
    sessions();
    pairs();
    starttls_client();
    starttls_server();
    names();
    certificates();
    tlsa();
    received();
    plans();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Keeps a seed under the name, which is the same in each run.
fn keep(target: &str, name: &str, bytes: &[u8]) {
    let dir = root().join("corpus").join(target);
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(name), bytes).unwrap();
}

fn script<T: Write>(head: &[u8], items: Vec<T>) -> Vec<u8>
where
    Script<T>: Write,
{
    let mut out = head.to_vec();
    Script(items).write(&mut out);
    out
}

/// Steps of `session_pair`, in its encoding: each kind, before and after the handshake.
fn pairs() {
    let seeds: [(&str, &[u8]); 8] = [
        (
            "talk",
            &[
                0, 1, 0x85, 1, 5, 0, b'h', b'e', b'l', b'l', b'o', 0, 0x85, 4, 5, 4, 0,
            ],
        ),
        (
            "talk-tls12",
            &[
                1, 1, 5, 1, 2, 0, b'h', b'i', 0x85, 2, 2, 0, b'y', b'o', 0x85, 3, 0,
            ],
        ),
        ("cuts", &[0, 0, 0x81, 50, 0, 0x81, 0xff, 1, 1, 7, 0, 0]),
        ("flip", &[0, 1, 0x85, 1, 2, 0, b'h', b'i', 0x82, 6, 0, 1, 0]),
        ("flip-handshake", &[0, 0, 0x82, 20, 0, 1, 0]),
        ("double", &[0, 1, 0x85, 1, 2, 0, b'h', b'i', 0x83, 24, 0]),
        ("drop", &[1, 1, 5, 1, 2, 0, b'h', b'i', 4, 20, 0]),
        ("end", &[0, 1, 0x85, 4, 0, 5, 6, 0x85, 6]),
    ];
    for (name, bytes) in seeds {
        keep("session_pair", name, bytes);
    }
}

fn cases(side: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for protocol in ["imap", "pop3", "smtp", "managesieve"] {
        let path = root().join(format!("../tests/starttls/{side}-{protocol}.json"));
        let text = fs::read_to_string(path).unwrap();
        let list: Vec<Value> = serde_json::from_str(&text).unwrap();
        all.extend(list);
    }
    all
}

/// The bytes that a value of the corpus stands for; what is repeated, a few times.
fn bytes_of(value: &Value, tag: &str) -> Vec<u8> {
    match value {
        Value::String(text) => {
            let text = text.replace("{tag}", tag);
            text.chars()
                .map(|c| u8::try_from(u32::from(c)).unwrap())
                .collect()
        }
        Value::Array(parts) => parts.iter().flat_map(|part| bytes_of(part, tag)).collect(),
        Value::Object(part) => bytes_of(&part["of"], tag).repeat(8),
        _ => Vec::new(),
    }
}

fn starttls_client() {
    let (_, of_server) = flights(false);
    for case in cases("client") {
        let choice = match case["protocol"].as_str().unwrap() {
            "imap" => 0,
            "pop3" => 1,
            "managesieve" => 3,
            _ => 2,
        };
        let keys = [
            ("greeting", "A1"),
            ("capability", "A1"),
            ("starttls", "A2"),
            ("after", "A2"),
        ];
        let said = keys.map(|(key, tag)| bytes_of(&case[key], tag));
        let mut pieces: Vec<Piece> = said.into_iter().map(Piece).collect();
        if case["safe"] == "tls" {
            pieces.extend(of_server.iter().cloned().map(Piece));
        }
        let name = case["name"].as_str().unwrap();
        keep("starttls_client", name, &script(&[choice], pieces));
    }
}

fn starttls_server() {
    let (of_client, _) = flights(false);
    for case in cases("server") {
        let service = match case["protocol"].as_str().unwrap() {
            "imap" => Service::Imap,
            "pop3" => Service::Pop3,
            "smtp" => Service::Submission,
            "lmtp" => Service::Lmtp,
            "relay" => Service::SmtpRelay,
            _ => Service::ManageSieve,
        };
        let choice = Service::ALL.iter().position(|one| *one == service).unwrap();
        let unavailable = if case["available"] == false { 16 } else { 0 };
        let mut pieces = Vec::new();
        for step in case["steps"].as_array().unwrap() {
            pieces.push(Piece(bytes_of(&step["client"], "a")));
            if step["client_hello"] == true {
                pieces.push(Piece(of_client[0].clone()));
            }
            if step["tls"] == true {
                pieces.extend(of_client.iter().cloned().map(Piece));
            }
        }
        let head = [u8::try_from(choice).unwrap() | unavailable];
        let name = case["name"].as_str().unwrap();
        keep("starttls_server", name, &script(&head, pieces));
    }
}

fn names() {
    let texts = [
        "mail.example.org",
        "example.org.",
        "*.example.org",
        "xn--bcher-kva.example",
        "_25._tcp.example.org",
        "192.0.2.1",
        "[192.0.2.1]",
        "2001:db8::1",
        "[2001:db8::1%25eth0]",
        "ann@example.org",
        "\"ann b\\\"c\"@example.org",
        "ann+tag@[192.0.2.1]",
        "ann@[IPv6:2001:db8::1]",
        "a..b",
        "bücher.example",
    ];
    for (at, text) in texts.iter().enumerate() {
        keep("names", &format!("name-{at}"), text.as_bytes());
    }
    let digest = "ab".repeat(32);
    for (at, middle) in [
        "certificate imap 993 127.0.0.1 -",
        "key submission 587 mail.example.org example.org",
        "certificate pop3 995 2001:db8::1 -",
        "key sieve 4190 mail.example.org -",
    ]
    .iter()
    .enumerate()
    {
        for address in ["ann@example.org", "\"ann b\"@example.org"] {
            let pin = format!("pin1 {middle} sha256:{digest} sha256:{digest} {address}");
            keep(
                "pin_text",
                &format!("pin-{at}-{}", address.len()),
                pin.as_bytes(),
            );
        }
    }
    for (name, text) in [
        ("empty", ""),
        ("derived", "="),
        ("identity", "YW5uQGV4YW1wbGUub3Jn"),
        ("cancelled", "*"),
        ("padding", "YQ=="),
        ("quoted", "\"YW5u\""),
        ("literal", "{4+}\r\nYW5u"),
    ] {
        for choice in 0..4 {
            let bytes = [&[choice], text.as_bytes()].concat();
            keep("sasl_external", &format!("{name}-{choice}"), &bytes);
        }
    }
}

/// The input of `identity`: a host, and a certificate or the names in one.
fn identity(host: &str, is_whole: bool, bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(host.len()).unwrap().to_le_bytes();
    [&[u8::from(is_whole)], &length[..], host.as_bytes(), bytes].concat()
}

fn certificates() {
    let leaf = WORLD.chain.certificates()[0].to_vec();
    keep("identity", "leaf", &identity(HOST, true, &leaf));
    keep("identity", "root", &identity(HOST, true, &WORLD.root));
    let several = [
        general_name(2, b"*.example.org"),
        general_name(1, b"ann@example.org"),
        general_name(6, b"imap://mail.example.org"),
        general_name(7, &[192, 0, 2, 1]),
        general_name(7, &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]),
        // An SRV-ID, RFC 4985.
        [
            &[
                0xa0, 32, 6, 8, 0x2b, 6, 1, 5, 5, 7, 8, 7, 0xa0, 20, 0x16, 18,
            ][..],
            b"_imaps.example.org",
        ]
        .concat(),
    ];
    for (at, host) in [
        "mail.example.org",
        "192.0.2.1",
        "2001:db8::1",
        "a.b.example.org",
    ]
    .iter()
    .enumerate()
    {
        let names = several.concat();
        keep(
            "identity",
            &format!("names-{at}"),
            &identity(host, false, &names),
        );
    }
    for (at, name) in several.iter().enumerate() {
        keep(
            "identity",
            &format!("name-{at}"),
            &identity(HOST, false, name),
        );
        let der = certificate_with_names(name);
        keep(
            "identity",
            &format!("whole-{at}"),
            &identity(HOST, true, &der),
        );
    }
    keep("evaluate", "real", &[0xff, 0xff, 0x80]);
    keep("evaluate", "flipped", &[100, 0, 0x81]);
    let root_after = script(&[0xff, 0xff, 0x80], vec![Piece(WORLD.root.to_vec())]);
    keep("evaluate", "with-root", &root_after);
    let copies = vec![Piece(WORLD.root.to_vec()); 20];
    keep("evaluate", "long", &script(&[0xff, 0xff, 0x80], copies));
    for entry in fs::read_dir(root().join("../tests/certificates")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "der") {
            let name = path.file_name().unwrap().to_str().unwrap();
            let der = fs::read(&path).unwrap();
            keep("identity", name, &identity(HOST, true, &der));
            keep("evaluate", name, &script(&[0, 0, 0], vec![Piece(der)]));
        }
    }
}

fn tlsa() {
    let leaf = WORLD.chain.certificates()[0].to_vec();
    let digest = "ab".repeat(32);
    let texts = [
        format!("3 1 1 {digest}"),
        format!("DANE-EE SPKI SHA2-256 ( {digest} )"),
        format!("2 0 1 {digest}"),
        "1 1 2 00".to_owned(),
        "PKIX-TA Cert Full ff".to_owned(),
    ];
    for (at, text) in texts.iter().enumerate() {
        let piece = Piece(text.clone().into_bytes());
        keep("tlsa", &format!("text-{at}"), &script(&[], vec![piece]));
    }
    for usage in 0..4 {
        let wire = [&[usage, 0, 0], &leaf[..]].concat();
        let root = [&[usage, 0, 0], &WORLD.root[..]].concat();
        let records = vec![Piece(wire), Piece(root)];
        keep("tlsa", &format!("full-{usage}"), &script(&[], records));
    }
}

fn received() {
    let text = fs::read_to_string(root().join("../tests/received/fields.txt")).unwrap();
    for (at, entry) in text.split("\n\n").enumerate() {
        if let Some((_, field)) = entry.split_once("\nfield:\n") {
            let field = field.replace('\n', "\r\n");
            keep(
                "received_parse",
                &format!("field-{at:03}"),
                field.as_bytes(),
            );
        }
    }
    for (at, suite) in [0x1301_u16, 0xc02f, 0x1399].into_iter().enumerate() {
        let [low, high] = suite.to_le_bytes();
        let with_group = [low, high, 1, 0x1d, 0, 0];
        keep("received_roundtrip", &format!("clause-{at}"), &with_group);
        let others = [
            &[low, high, 0, 1][..],
            b"\x01id4T0zQh1V2xforann\x05\x01viatcp\x03",
        ];
        keep(
            "received_roundtrip",
            &format!("others-{at}"),
            &others.concat(),
        );
    }
}

/// Answers and outcomes in any order: nothing is better than noise of several lengths.
fn plans() {
    let mut state = 0x9e37_79b9_u32;
    for at in 0..64 {
        let mut bytes = Vec::new();
        for _ in 0..(at + 1) * 16 {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            // Most answers are secure ones with records in them.
            let byte = state.to_le_bytes()[1];
            bytes.push(if at % 2 == 0 { byte & 0x1f } else { byte });
        }
        keep("srv_plan", &format!("noise-{at}"), &bytes);
    }
}
