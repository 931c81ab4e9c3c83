//! Knot DNS: authoritative for a root of its own and what is below it, on one loopback port.
//!
//! `Knot::start(&zones)`: each zone is delegated from the root as its `Delegation` says, and signed
//! unless it is `Unsigned`. `trust_anchor` is the root's DNSKEY, as a file.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{Scratch, Server, free_port};

/// How a zone is tied to the zone above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delegation {
    /// Signed, and the DS record is that of its key.
    Signed,
    /// Neither signed nor a DS record.
    Unsigned,
    /// Signed, and the DS record is of another key: bogus.
    WrongKey,
    /// Not signed, and yet a DS record: bogus.
    SignatureMissing,
    /// Signed before and elsewhere: the records are all that the zone has, and this is the DS record.
    SignedBefore(&'static str),
    /// Not signed, no DS record, and the server has lost its data: SERVFAIL.
    Lost,
}

/// A zone, by its name without the dot at the end.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: &'static str,
    /// The zone above: `""` is the root.
    pub(crate) parent: &'static str,
    pub(crate) delegation: Delegation,
    /// In the format of zone files, below `$ORIGIN`.
    pub(crate) records: String,
}

#[derive(Debug)]
pub(crate) struct Knot {
    pub(crate) address: SocketAddr,
    pub(crate) trust_anchor: PathBuf,
    _server: Server,
    _scratch: Scratch,
}

const ANY_DS: &str = "DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000";
const TOP: &str =
    "$TTL 300\n@ SOA ns.example. hostmaster.example. 1 3600 600 86400 300\n@ NS ns.example.\n";

impl Knot {
    pub(crate) fn start(zones: &[Zone]) -> Self {
        let scratch = Scratch::new();
        for dir in ["db", "run"] {
            std::fs::create_dir(scratch.path().join(dir)).unwrap();
        }
        let port = free_port();
        let root = Zone {
            name: "",
            parent: "",
            delegation: Delegation::Signed,
            records: "ns.example. A 127.0.0.1\n".to_owned(),
        };
        let zones: Vec<Zone> = [root].into_iter().chain(zones.iter().cloned()).collect();
        let config = scratch.write("knot.conf", config(&zones, scratch.path(), port));
        for zone in zones.iter().filter(|zone| zone.is_signed()) {
            keymgr(
                &config,
                zone.name,
                &["generate", "algorithm=13", "ksk=yes", "zsk=yes"],
            );
        }
        for zone in zones.iter().filter(|z| z.delegation != Delegation::Lost) {
            let top = match zone.delegation {
                Delegation::SignedBefore(_) => "",
                _ => TOP,
            };
            let mut text = format!("{top}{}", zone.records);
            let below = zones
                .iter()
                .filter(|z| !z.name.is_empty() && z.parent == zone.name);
            for child in below {
                let name = child.name;
                writeln!(text, "{name}. NS ns.example.").unwrap();
                match child.delegation {
                    Delegation::Signed => text += &keymgr(&config, name, &["ds"]),
                    Delegation::WrongKey | Delegation::SignatureMissing => {
                        writeln!(text, "{name}. {ANY_DS}").unwrap();
                    }
                    Delegation::SignedBefore(ds) => writeln!(text, "{name}. {ds}").unwrap(),
                    Delegation::Unsigned | Delegation::Lost => {}
                }
            }
            scratch.write(&zone.file(), text);
        }
        // hickory wants every field.
        let key = keymgr(&config, "", &["dnskey"]).replace(". DNSKEY", ". 300 IN DNSKEY");
        let trust_anchor = scratch.write("root.key", key);
        let mut command = Command::new("/usr/sbin/knotd");
        command.arg("-c").arg(&config);
        let log = scratch.path().join("log");
        Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            trust_anchor,
            _server: Server::start("knot", &command, &log, port),
            _scratch: scratch,
        }
    }
}

impl Zone {
    fn is_signed(&self) -> bool {
        match self.delegation {
            Delegation::Signed | Delegation::WrongKey => true,
            Delegation::Unsigned
            | Delegation::SignatureMissing
            | Delegation::SignedBefore(_)
            | Delegation::Lost => false,
        }
    }

    fn file(&self) -> String {
        format!("{}.zone", self.name)
    }
}

fn config(zones: &[Zone], dir: &Path, port: u16) -> String {
    let dir = dir.display();
    let mut config = format!(
        "server:\n  listen: 127.0.0.1@{port}\n  rundir: {dir}/run\n  udp-workers: 1\n  \
         tcp-workers: 2\n  background-workers: 1\n\
         log:\n  - target: stderr\n    any: info\n\
         database:\n  storage: {dir}/db\n\
         policy:\n  - id: own\n    manual: on\n    single-type-signing: on\n\
         template:\n  - id: default\n    storage: {dir}\n    zonefile-sync: -1\n    \
         journal-content: none\n\
         zone:\n"
    );
    for zone in zones {
        let (name, file) = (zone.name, zone.file());
        writeln!(config, "  - domain: {name}.\n    file: {file}").unwrap();
        if zone.is_signed() {
            config += "    dnssec-signing: on\n    dnssec-policy: own\n";
        }
    }
    config
}

fn keymgr(config: &Path, zone: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("/usr/sbin/keymgr");
    command.arg("-c").arg(config).arg(format!("{zone}."));
    let output = command.args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "keymgr: {text}{problem}");
    text
}
