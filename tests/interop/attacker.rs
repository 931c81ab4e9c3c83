//! A second implementation of TLS as the attacker: tlslite-ng, scripted to misbehave in one way at a
//! time, as a server and as a client. What our side says of it and what the attacker hears is in
//! `attacks-server.txt` and `attacks-client.txt`; `attacks.md` explains the lines that may surprise.

use crate::certificates::{Certificates, Key};
use crate::our_client::Us;
use crate::our_server::{OurServer, acceptor};
use crate::process::{AfterInput, Server, free_port, peers_dir, run_to_end, within};
use mail_tls::{EndOfInput, Error, Service};
use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a server does, by version of TLS.
const BY_SERVERS: [(&str, &[&str]); 3] = [
    ("1.1", &["nothing"]),
    (
        "1.2",
        &[
            "nothing",
            "sentinel",
            "suite",
            "compression",
            "hello-extension",
            "hello-twice",
            "certificate-twice",
            "signature",
            "finished",
            "handshake-mac",
            "early-data",
            "no-finished",
            "mac",
            "heartbeat",
            "hello-request",
            "server-hello-again",
            "empty-records",
            "warnings",
            "cut",
        ],
    ),
    (
        "1.3",
        &[
            "nothing",
            "padding",
            "suite",
            "session-id",
            "compression",
            "group",
            "key-share",
            "hello-extension",
            "extension",
            "hello-twice",
            "certificate-twice",
            "no-verify",
            "order",
            "signature",
            "finished",
            "handshake-mac",
            "early-data",
            "mac",
            "no-type",
            "heartbeat",
            "hello-request",
            "server-hello-again",
            "certificate-request",
            "key-updates",
            "empty-records",
            "warnings",
            "cut",
        ],
    ),
];

/// What a client does.
const BY_CLIENTS: [(&str, &[&str]); 3] = [
    ("1.1", &["nothing"]),
    (
        "1.2",
        &[
            "nothing",
            "compression",
            "hello-twice",
            "early-ccs",
            "point",
            "finished",
            "handshake-mac",
            "early-data",
            "no-finished",
            "mac",
            "heartbeat",
            "hello-again",
            "server-hello-again",
            "empty-records",
            "warnings",
            "cut",
        ],
    ),
    (
        "1.3",
        &[
            "nothing",
            "padding",
            "key-share",
            "hello-twice",
            "finished",
            "handshake-mac",
            "early-data",
            "no-finished",
            "mac",
            "no-type",
            "heartbeat",
            "hello-again",
            "server-hello-again",
            "certificate-request",
            "key-updates",
            "empty-records",
            "warnings",
            "cut",
        ],
    ),
];

const FLOODS: [&str; 3] = ["key-updates", "empty-records", "warnings"];

#[test]
#[ignore = "needs tlslite-ng; run by .ci/run"]
fn a_server_that_misbehaves() {
    let certificates = Certificates::good(Key::Rsa2048);
    let us = Us::trusting(&certificates);
    let mut table = String::new();
    for (version, cases) in BY_SERVERS {
        for case in cases {
            let address = SocketAddr::new(IPV4, free_port());
            let mut command = attacker("server", case, version, address);
            command.args([&certificates.chain, &certificates.key]);
            let log = certificates
                .chain
                .with_file_name(format!("log-{}", address.port()));
            let server = Server::start("attacker.py", &command, &log, address.port());
            let mut ours = us.dial(Service::Imap, address);
            let end = match ours.establish() {
                // What must not hurt is followed by a greeting.
                Ok(()) if matches!(*case, "nothing" | "padding" | "hello-request") => {
                    ours.line().and_then(|line| {
                        assert_eq!(line, "* OK ready");
                        ours.close()
                    })
                }
                Ok(()) => ours.drain(),
                Err(error) => Err(error),
            };
            drop(ours);
            assert!(within(Duration::from_secs(10), || server
                .log()
                .contains("peer: ")));
            line(&mut table, &["server", version, case], &end, &server.log());
        }
    }
    compare("server", &table);
}

#[test]
#[ignore = "needs tlslite-ng; run by .ci/run"]
fn a_client_that_misbehaves() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let mut table = String::new();
    for (version, cases) in BY_CLIENTS {
        for case in cases {
            let acceptor = acceptor(Service::Imap, &certificates).build().unwrap();
            let server = OurServer::start(IPV4, acceptor);
            let command = attacker("client", case, version, server.address);
            let run = run_to_end(&command, "", AfterInput::StayOpen);
            let served = server.served();
            line(
                &mut table,
                &["client", version, case],
                &served.end,
                &run.stdout,
            );
        }
    }
    compare("client", &table);
}

fn attacker(role: &str, case: &str, version: &str, address: SocketAddr) -> Command {
    let mut command = Command::new(peers_dir().join("venv/bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts/attacker.py"));
    command.args([role, case, version]);
    command.args([address.ip().to_string(), address.port().to_string()]);
    command
}

/// Who attacked, how, what our side says of it, and what the attacker heard last.
fn line(table: &mut String, attack: &[&str; 3], end: &Result<EndOfInput, Error>, output: &str) {
    let [role, version, case] = attack;
    let ours = match end {
        Ok(EndOfInput::Clean) => "clean".to_owned(),
        Ok(end) => format!("{end:?}"),
        Err(error) => error.code().to_owned(),
    };
    let heard = output.lines().rev().find(|line| line.starts_with("peer: "));
    let words = heard.map(|line| line.split(' ').skip(1));
    let mut words = words.unwrap_or_else(|| panic!("{attack:?}: {output}"));
    // A flood is cut off, and whether the attacker reads why is a matter of time.
    let heard = match words.next() {
        _ if FLOODS.contains(case) => "-",
        Some("alert") => words.next().unwrap(),
        Some(other) => other,
        None => panic!("{output}"),
    };
    writeln!(table, "{role} {version} {case} | {ours} | {heard}").unwrap();
}

/// `UPDATE_TABLES=1` writes the table anew, to be judged line by line.
fn compare(role: &str, found: &str) {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "tests/interop",
        &format!("attacks-{role}.txt"),
    ]
    .iter()
    .collect();
    if std::env::var_os("UPDATE_TABLES").is_some() {
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    let differences: Vec<_> = found
        .lines()
        .zip(expected.lines())
        .filter(|(found, expected)| found != expected)
        .collect();
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(found.lines().count(), expected.lines().count());
}
