//! `Debug` and `Display` of what embedders log: no plaintext, no key, no ticket.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

#[cfg(all(feature = "std-io", unix))]
use bytes::BytesMut;
use mail_tls::ticket_keys::{TicketKey, TicketKeys};
use mail_tls::{
    Account, Certificates, ChannelBindingType, CommandVerdict, EmailAddress, Event, HelloAnswer,
    Service, TlsMode,
};
use pki_types::PrivateKeyDer;

use crate::support::{HOST, Pair, Told, VERSIONS, World};

const SECRET: &[u8] = b"a1 LOGIN fred correct-horse-battery";

/// Neither the text nor its bytes, in any of the forms that `Debug` gives to bytes; and no long
/// list of numbers at all, as the bytes of a key or ticket would be.
fn assert_silent(shown: &str, key: &[u8]) {
    assert!(!shown.is_empty());
    for secret in [SECRET, key] {
        let part = &secret[secret.len() / 2..][..8];
        let list = format!("{part:?}");
        let list = list.trim_matches(['[', ']']);
        let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
        for form in [list, &hex, &hex.to_uppercase()] {
            assert!(!shown.contains(form), "{shown}");
        }
    }
    assert!(!shown.contains("correct-horse"), "{shown}");
    let mut run = 0;
    for word in shown
        .split([',', ' ', '\n', '[', ']'])
        .filter(|word| !word.is_empty())
    {
        run = if word.parse::<u8>().is_ok() {
            run + 1
        } else {
            0
        };
        assert!(run < 16, "{shown}");
    }
    let is_hex = |c: char| c.is_ascii_hexdigit();
    let longest = shown.split(|c: char| !is_hex(c)).map(str::len).max();
    assert!(longest < Some(40), "{shown}");
}

#[test]
fn nothing_secret_is_shown() {
    for versions in VERSIONS {
        let address = EmailAddress::parse("fred@example.org").unwrap();
        let world = World {
            account: Account::configured().with_address(address),
            ..World::with_versions(versions)
        };
        let (der, key) = world.authority.issue_der(&[HOST]);
        let PrivateKeyDer::Pkcs8(pkcs8) = &key else {
            panic!();
        };
        // The private number itself stands at a fixed place in PKCS #8 for P-256.
        let private = pkcs8.secret_pkcs8_der()[36..68].to_vec();
        let chain = mail_tls::CertifiedChain::from_der(der, key.clone_key()).unwrap();
        world
            .account
            .authorise_client_certificate_with_tls12(chain.clone());
        let client = world.client();
        let connector = client.connector(&world.account, world.endpoint()).unwrap();
        let builder = world
            .acceptor_with(Certificates::new(chain.clone()))
            .request_client_certificates(
                world.authority.anchors(),
                mail_tls::client_identity::IdentityMapping::key(),
            );
        let acceptor = builder.clone().build().unwrap();
        for _ in 0..2 {
            let mut pair = Pair::established(&connector, &acceptor);
            pair.client.queue(SECRET, &mut pair.to_server).unwrap();
            let session: [&dyn Debug; 2] = [&pair.client, &pair.server];
            session
                .iter()
                .for_each(|one| assert_silent(&format!("{one:?}"), &private));
            pair.client.flush(&mut pair.to_server).unwrap();
            let told = pair
                .server
                .process(&mut pair.to_server, &mut pair.to_client);
            let told = told.unwrap().unwrap();
            assert_eq!(told, Event::Data(SECRET));
            assert_silent(&format!("{told:?} {told:#?}"), &private);
            assert_eq!(format!("{told:?}"), "Data(35 bytes)");
            pair.run();
            let binding = ChannelBindingType::TlsExporter;
            let binding = pair.client.take_channel_binding(binding).unwrap();
            assert_silent(&format!("{binding:?}"), binding.sasl_bytes());
            let (info, server_info) = (pair.client.info().unwrap(), pair.server.info().unwrap());
            let all: [&dyn Debug; 15] = [
                &pair.client,
                &pair.server,
                &info,
                &server_info,
                &connector,
                &acceptor,
                &client,
                &world.server(),
                &mail_tls::Client::builder().trust_anchors(world.authority.anchors()),
                &mail_tls::Server::builder(),
                &builder,
                &world.account,
                &chain,
                &Certificates::new(chain.clone()),
                &HelloAnswer::Certificate(chain.clone()),
            ];
            for one in all {
                assert_silent(&format!("{one:?}"), &private);
                assert_silent(&format!("{one:#?}"), &private);
            }
            assert_silent(&format!("{info} {server_info}"), &private);
            // And of a session that died in the middle of it.
            pair.client.send(SECRET, &mut pair.to_server).unwrap();
            *pair.to_server.last_mut().unwrap() ^= 1;
            pair.run();
            assert!(matches!(pair.server_trace()[..], [Told::Failed(_), ..]));
            for one in [&pair.client as &dyn Debug, &pair.server] {
                assert_silent(&format!("{one:?}"), &private);
            }
        }
    }
}

/// What a client said before TLS, in what a server makes of it.
#[test]
fn nothing_that_was_said_before_tls_is_shown() {
    let world = World::new();
    let certificates = Certificates::new(world.authority.issue(&[HOST]));
    let server = world.server();
    let acceptor = server.acceptor(Service::Imap, TlsMode::StartTls, certificates);
    let mut guard = acceptor.build().unwrap().guard();
    let refused = guard.command(SECRET);
    assert!(matches!(refused, CommandVerdict::Refuse(_)));
    assert_silent(&format!("{refused:?}"), SECRET);
    let CommandVerdict::StartTls { agreement, upgrade } = guard.command(b"a2 STARTTLS") else {
        panic!()
    };
    assert_silent(&format!("{agreement:?} {upgrade:?}"), SECRET);
    assert_silent(&format!("{guard:?}"), SECRET);
}

#[test]
fn no_ticket_key_is_shown() {
    let octets: Vec<u8> = (100..148).collect();
    let begins = std::time::SystemTime::UNIX_EPOCH;
    let ends = begins + std::time::Duration::from_secs(1);
    let key = TicketKey::new(&octets, begins, ends).unwrap();
    let keys = TicketKeys::new([key.clone()]).unwrap();
    let shown = format!("{key:?} {key:#?} {keys:?} {keys:#?}");
    // The name is no secret: it stands in each ticket.
    assert_silent(&shown, &octets[16..]);
    let wrong = TicketKey::new(&octets[1..], begins, ends).unwrap_err();
    assert_silent(&format!("{wrong:?} {wrong}"), &octets[16..]);
}

/// Plaintext that an adapter has not handed over yet.
#[test]
#[cfg(all(feature = "std-io", unix))]
fn nothing_that_waits_in_an_adapter_is_shown() {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use mail_tls::blocking::{Stream, Untimed};

    let world = World::new();
    let mut pair = Pair::established(&world.connector(), &world.acceptor());
    let (mut theirs, ours) = UnixStream::pair().unwrap();
    pair.client.send(SECRET, &mut pair.to_server).unwrap();
    std::io::Write::write_all(&mut theirs, &pair.to_server).unwrap();
    let (incoming, outgoing) = (BytesMut::new(), BytesMut::new());
    let mut stream = Stream::new(pair.server, Untimed(ours), incoming, outgoing);
    let mut first = [0; 2];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(first, SECRET[..2]);
    assert_silent(&format!("{stream:?} {stream:#?}"), SECRET);
}

/// Every public type is shown in a test here or in `recorder::debug_shows_no_secrets`, or stands in
/// the list of those that have no secrets to show.
#[test]
fn every_public_type_was_thought_of() {
    const SHOWN: [&str; 26] = [
        "Acceptor",
        "AcceptorBuilder",
        "Account",
        "Certificates",
        "CertifiedChain",
        "ChannelBinding",
        "Client",
        "ClientBuilder",
        "ClientSession",
        "CommandVerdict",
        "Connector",
        "Event",
        "HelloAnswer",
        "Recorded",
        "Recorder",
        "Recording",
        "Replayed",
        "Server",
        "ServerBuilder",
        "ServerSession",
        "SessionInfo",
        "StartTlsGuard",
        "Stream",
        "TicketKey",
        "TicketKeys",
        "Upgrade",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let read = |path| std::fs::read_to_string(root.join(path)).unwrap();
    let (interface, without) = (
        read("public-api.txt"),
        read("sessions/debug/without-secrets.txt"),
    );
    let public: BTreeSet<&str> = interface
        .lines()
        .map(|line| line.strip_prefix("#[non_exhaustive] ").unwrap_or(line))
        .filter_map(|line| {
            line.strip_prefix("pub struct ")
                .or_else(|| line.strip_prefix("pub enum "))
        })
        .filter_map(|path| {
            path.split(|c: char| !(c.is_alphanumeric() || "_:".contains(c)))
                .next()
        })
        .filter_map(|path| path.rsplit("::").next())
        .collect();
    // They name the line in which a replay differs, to whom has the recording and its secrets.
    const OF_A_RECORDING: [&str; 2] = ["Divergence", "ReplayError"];
    let listed = || {
        let without = without.split_whitespace();
        without.chain(SHOWN).chain(OF_A_RECORDING)
    };
    let thought_of: BTreeSet<&str> = listed().collect();
    assert_eq!(thought_of.len(), listed().count(), "one stands twice");
    let all = public.union(&thought_of);
    let wrong: Vec<_> = all
        .filter(|name| !(public.contains(*name) && thought_of.contains(*name)))
        .collect();
    assert!(public.len() > 200 && wrong.is_empty(), "{wrong:?}");
}

/// The check of what is shown finds what it looks for.
#[test]
fn the_check_itself_works() {
    let key = [7u8; 32];
    for shown in [
        format!("{:?}", SECRET),
        String::from_utf8_lossy(SECRET).into_owned(),
        format!("{:?}", (0..40u8).collect::<Vec<_>>()),
        "ab".repeat(30),
        "07".repeat(8),
    ] {
        let caught = std::panic::catch_unwind(|| assert_silent(&shown, &key));
        assert!(caught.is_err(), "{shown}");
    }
}
