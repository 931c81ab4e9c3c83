//! Handshakes: the time of each side, everything in it from the first call to the drop.

use mail_tls_benches::contest::{Comparison, Contestant, Effort, contest, print_head};
use mail_tls_benches::pki::{Key, Kind, Pki, Terms, Version};
#[cfg(feature = "openssl")]
use mail_tls_benches::system;
use mail_tls_benches::{bare, duplex, mixed, ours};

const ROUNDS: usize = 800;
const HANDSHAKES: usize = 4;
const COLUMNS: [&str; 3] = ["rustls", "tokio-rustls", "OpenSSL"];
const TICKETS: [&str; 2] = ["rustls, 2 sealed", "rustls, 2 in memory"];

pub(crate) fn run(effort: Effort) {
    let (p256, rsa) = (Pki::new(Key::P256), Pki::new(Key::Rsa2048));
    let full = Terms {
        pki: &p256,
        version: Version::Tls13,
        tickets: Some(1),
        kind: Kind::First,
    };
    let full_rsa = Terms { pki: &rsa, ..full };
    let full_12 = Terms {
        version: Version::Tls12,
        ..full
    };
    let resumed = Terms {
        kind: Kind::Resumed,
        ..full
    };

    let repeat = Terms {
        tickets: Some(0),
        kind: Kind::Repeat,
        ..full
    };

    print_head("Handshakes", &COLUMNS);
    let compare = |name: &str, terms: Terms<'_>, most: f64, openssl: Option<f64>| {
        let [mut client, server] = sides(name);
        client = client.target("rustls", most);
        if let Some(most) = openssl {
            client = client.target("OpenSSL", most);
        }
        let rows = [client, server.target("rustls", most.max(1.02))];
        contest(effort, ROUNDS, &COLUMNS, rows, || {
            let all = [ours(terms), bare("rustls", terms), duplex(terms)].into_iter();
            #[cfg(feature = "openssl")]
            let all = all.chain((terms.kind == Kind::First).then(|| system(terms)));
            all.collect()
        });
    };
    compare("TLS 1.3, P-256", full, 1.02, Some(1.0 / 3.0));
    compare("TLS 1.3, RSA-2048", full_rsa, 1.02, None);
    compare("TLS 1.2, P-256", full_12, 1.02, None);
    compare("TLS 1.3, P-256, again without a ticket", repeat, 0.60, None);
    compare("TLS 1.3, P-256, resumed", resumed, 1.03, None);

    print_head("Handshakes with rustls as the peer", &["rustls"]);
    let beside_one_peer = |name: &str, terms: Terms<'_>| {
        let [client, server] = sides(name).map(|side| side.target("rustls", 1.02));
        contest(effort, ROUNDS, &["rustls"], [client], || {
            let (mut stack, mut bare) = (mixed::Stack::new(terms), bare::Stack::new(terms));
            vec![
                Contestant::new("mail-tls", move || [stack.client(HANDSHAKES)]),
                Contestant::new("rustls", move || [bare.handshakes(HANDSHAKES)[0]]),
            ]
        });
        contest(effort, ROUNDS, &["rustls"], [server], || {
            let (mut stack, mut bare) = (mixed::Stack::new(terms), bare::Stack::new(terms));
            vec![
                Contestant::new("mail-tls", move || [stack.server(HANDSHAKES)]),
                Contestant::new("rustls", move || [bare.handshakes(HANDSHAKES)[1]]),
            ]
        });
    };
    let no_tickets = Terms {
        tickets: Some(0),
        ..full
    };
    beside_one_peer("TLS 1.3, P-256", full);
    beside_one_peer("TLS 1.3, P-256, no tickets", no_tickets);
    beside_one_peer("TLS 1.3, RSA-2048", full_rsa);
    beside_one_peer("TLS 1.2, P-256", full_12);

    print_head("Tickets", &TICKETS);
    // The number of tickets that each gives by default: rustls two, from memory.
    for (name, terms, most) in [("P-256", full, 0.97), ("RSA-2048", full_rsa, 1.00)] {
        let defaults = Terms {
            tickets: None,
            ..terms
        };
        let two = Terms {
            tickets: Some(2),
            ..terms
        };
        let [client, server] = sides(&format!("TLS 1.3, {name}, default tickets"));
        let server = server
            .target("rustls, 2 sealed", most)
            .target("rustls, 2 in memory", most);
        contest(effort, ROUNDS, &TICKETS, [client, server], || {
            vec![
                ours(defaults),
                bare("rustls, 2 sealed", two),
                bare("rustls, 2 in memory", defaults),
            ]
        });
    }
}

fn sides(name: &str) -> [Comparison; 2] {
    ["client", "server"].map(|side| Comparison::time(format!("{name}: {side}"), HANDSHAKES))
}

fn ours(terms: Terms<'_>) -> Contestant<'_, 2> {
    let mut stack = ours::Stack::new(terms);
    Contestant::new("mail-tls", move || stack.handshakes(HANDSHAKES))
}

fn bare<'a>(name: &'static str, terms: Terms<'a>) -> Contestant<'a, 2> {
    let mut stack = bare::Stack::new(terms);
    Contestant::new(name, move || stack.handshakes(HANDSHAKES))
}

fn duplex(terms: Terms<'_>) -> Contestant<'_, 2> {
    let stack = duplex::Stack::new(terms);
    Contestant::new("tokio-rustls", move || stack.handshakes(HANDSHAKES))
}

#[cfg(feature = "openssl")]
fn system(terms: Terms<'_>) -> Contestant<'_, 2> {
    let mut stack = system::Stack::new(terms);
    Contestant::new("OpenSSL", move || stack.handshakes(HANDSHAKES))
}
