//! `Debug` and `Display` of what embedders log: no plaintext, no key, no ticket.

use std::fmt::Debug;

use mail_tls::{Account, Certificates, EmailAddress, HelloAnswer};
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
            pair.run();
            assert_eq!(pair.server_trace(), [Told::Data(SECRET.to_vec())]);
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

/// The check above finds what it looks for.
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
