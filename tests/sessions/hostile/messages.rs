//! Every message of the handshake, changed in every way: `messages.txt` says what becomes of it.
//!
//! What may surprise in the table, line by line:
//!
//! * A wrong Finished is `CannotDecrypt`, with the alert decrypt_error that RFC 8446 §4.4.4 asks for:
//!   rustls has one error for both.
//! * A message of more than 64 KiB is answered with close_notify: rustls refuses to buffer it, and its
//!   interface sends no alert of our choice. The same for a ClientKeyExchange that is too short.
//! * Tickets may be left out, doubled and come late; an unknown extension in a ticket or a
//!   CertificateRequest is ignored as RFC 8446 §4.2 wants it, and found at the signature over both
//!   sides' messages, because the other side did not send it.
//! * A last message that does not come makes the session wait, until its deadline.

use std::fmt::Write;
use std::path::Path;

use mail_tls::TlsVersions;

use super::{Ending, HANDSHAKE, Item, SIDES, Side, attack, honest};
use crate::support::{Told, VERSIONS};

/// What is done to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// Its last byte is left out, and its length says so.
    Cut,
    /// Nothing is left but its header.
    Emptied,
    /// A byte is put behind it, and its length says so.
    Lengthened,
    Omitted,
    Repeated,
    /// It comes behind the next one of its flight.
    Late,
    /// It claims 2^16 bytes, and brings them.
    Over64K,
    /// It claims 2^24 - 1 bytes, and brings 200,000.
    Endless,
    /// Its type is one that nobody has assigned.
    UnknownType,
    /// An extension that nobody has assigned is added (RFC 8446 §4.2), where it has extensions.
    UnknownExtension,
}

const CHANGES: [Change; 10] = [
    Change::Cut,
    Change::Emptied,
    Change::Lengthened,
    Change::Omitted,
    Change::Repeated,
    Change::Late,
    Change::Over64K,
    Change::Endless,
    Change::UnknownType,
    Change::UnknownExtension,
];

/// The names of the messages that the peer of `side` sends, in their order.
fn messages(side: Side, versions: TlsVersions) -> Vec<&'static str> {
    let mut names = Vec::new();
    attack(side, versions, |_, items| {
        names.extend(items.iter().map(Item::name));
        honest(&items, versions)
    });
    // A compatibility measure of TLS 1.3 that means nothing (RFC 8446 §D.4).
    names.retain(|name| *name != "ChangeCipherSpec" || versions == TlsVersions::Tls12Only);
    names
}

/// The bytes of a flight in which one message was changed, or `None` where it cannot be so changed.
fn changed(
    mut items: Vec<Item>,
    at: usize,
    change: Change,
    versions: TlsVersions,
) -> Option<Vec<u8>> {
    let is_tls13 = versions != TlsVersions::Tls12Only;
    let item = items.get_mut(at)?;
    let is_message = item.kind == HANDSHAKE;
    match change {
        Change::Cut | Change::Emptied if is_message && item.content.len() == 4 => return None,
        Change::Cut => {
            item.content.pop();
            set_length(item);
        }
        Change::Emptied => {
            item.content.truncate(if is_message { 4 } else { 0 });
            set_length(item);
        }
        Change::Lengthened => {
            item.content.push(0);
            set_length(item);
        }
        Change::Omitted => drop(items.remove(at)),
        Change::Repeated => {
            let twice = item.clone();
            items.insert(at, twice);
        }
        Change::Late => {
            if at + 1 >= items.len() {
                return None;
            }
            items.swap(at, at + 1);
        }
        Change::Over64K | Change::Endless if !is_message => return None,
        Change::Over64K => {
            item.content.resize(4 + 0x1_0000, 0);
            set_length(item);
        }
        Change::Endless => {
            item.content.resize(200_000, 0);
            item.content[1..4].fill(0xff);
        }
        Change::UnknownType => match is_message {
            true => item.content[0] = 99,
            false => item.kind = 99,
        },
        Change::UnknownExtension => {
            if !is_message || !add_extension(item, is_tls13) {
                return None;
            }
        }
    }
    Some(honest(&items, versions))
}

fn set_length(item: &mut Item) {
    if item.kind == HANDSHAKE {
        let length = u32::try_from(item.content.len() - 4).unwrap().to_be_bytes();
        item.content[1..4].copy_from_slice(&length[1..]);
    }
}

/// Adds extension 0xfafa with two bytes of content at the end of the list, which is the last thing
/// in each of these messages.
fn add_extension(item: &mut Item, is_tls13: bool) -> bool {
    const EXTENSION: [u8; 6] = [0xfa, 0xfa, 0, 2, 1, 2];
    let body = &item.content[4..];
    let list = match (item.name(), is_tls13) {
        ("ClientHello", _) => {
            let after_session = 35 + usize::from(body[34]);
            let suites = usize::from(u16::from_be_bytes([
                body[after_session],
                body[after_session + 1],
            ]));
            let compression = after_session + 2 + suites;
            compression + 1 + usize::from(body[compression])
        }
        ("ServerHello", _) => 35 + usize::from(body[34]) + 3,
        ("EncryptedExtensions", _) => 0,
        ("CertificateRequest", true) => 1 + usize::from(body[0]),
        ("NewSessionTicket", true) => {
            let nonce = 8 + 1 + usize::from(body[8]);
            nonce + 2 + usize::from(u16::from_be_bytes([body[nonce], body[nonce + 1]]))
        }
        // Of the first certificate (RFC 8446 §4.4.2); the list of certificates grows as well.
        ("Certificate", true) => {
            let first = 1 + usize::from(body[0]) + 3;
            let length = usize::from(u16::from_be_bytes([body[first + 1], body[first + 2]]));
            let extensions = first + 3 + length;
            add_to_length(&mut item.content[4..], first - 2, 6);
            extensions
        }
        _ => return false,
    };
    add_to_length(&mut item.content[4..], list, 6);
    item.content.extend(EXTENSION);
    set_length(item);
    true
}

/// Makes a length of two bytes greater.
fn add_to_length(body: &mut [u8], at: usize, count: u16) {
    let length = u16::from_be_bytes([body[at], body[at + 1]]) + count;
    body[at..at + 2].copy_from_slice(&length.to_be_bytes());
}

/// One line for each: what the session was told last, and the alert that it sent.
pub(super) fn outcome(ending: &Ending) -> String {
    let end = match ending.told.last() {
        None => "waits".to_owned(),
        Some(Told::Established) => "established".to_owned(),
        Some(Told::Data(data)) => format!("data of {} bytes", data.len()),
        Some(Told::Failed(error)) => match error {
            mail_tls::Error::Protocol(error) => format!("{error:?}")
                .replace("detail: ", "")
                .replace("AlertReceived { alert: Alert", "AlertReceived { "),
            other => other.code().to_owned(),
        },
        Some(other) => format!("{other:?}"),
    };
    let before = match ending.told.first() {
        Some(Told::Established) if ending.told.len() > 1 => "established, then ",
        _ => "",
    };
    format!("{before}{end} | {}", ending.alert_name())
}

fn table() -> String {
    let mut table = String::new();
    for versions in VERSIONS {
        for side in SIDES {
            for (nth, message) in messages(side, versions).into_iter().enumerate() {
                for change in CHANGES {
                    let (mut before, mut was_changed) = (0, false);
                    let ending = attack(side, versions, |_, items| {
                        let names = items.iter().map(|item| {
                            (item.name() != "ChangeCipherSpec"
                                || versions == TlsVersions::Tls12Only)
                                .then(|| item.name())
                        });
                        let at = names.enumerate().filter(|(_, name)| name.is_some());
                        let at: Vec<usize> = at.map(|(at, _)| at).collect();
                        let index = nth.checked_sub(before).and_then(|n| at.get(n).copied());
                        before += at.len();
                        let honest = honest(&items, versions);
                        match index.and_then(|at| changed(items, at, change, versions)) {
                            Some(bytes) => {
                                was_changed = true;
                                bytes
                            }
                            None => honest,
                        }
                    });
                    if was_changed {
                        let outcome = outcome(&ending);
                        writeln!(
                            table,
                            "{versions:?} {side:?} {message} {change:?} | {outcome}"
                        )
                        .unwrap();
                    }
                }
            }
        }
    }
    table
}

/// The error and the alert of each, against the table in `messages.txt`, where every line was
/// judged. `UPDATE_TABLES=1` writes it anew.
#[test]
fn every_message_changed_in_every_way() {
    compare("messages.txt", &table());
}

/// Compares with the table that is checked in, or writes it.
pub(super) fn compare(file: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sessions/hostile");
    let path = path.join(file);
    if std::env::var_os("UPDATE_TABLES").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.lines().count(), expected.lines().count());
}

/// RFC 8446 §5.1: messages may be cut into records at will, but for the empty ones.
#[test]
fn every_message_in_records_of_one_byte() {
    for versions in VERSIONS {
        for side in SIDES {
            let is_tls13 = versions != TlsVersions::Tls12Only;
            let ending = attack(side, versions, |_, items| {
                let items = items.iter();
                // A ticket in a hundred records is a flood of records that bring nothing.
                let size = |item: &Item| match item.name() {
                    "NewSessionTicket" => 1 << 14,
                    _ => 1,
                };
                items
                    .flat_map(|item| item.in_records(is_tls13, size(item)))
                    .collect()
            });
            assert_eq!(ending.told, [Told::Established], "{side:?} {versions:?}");
        }
    }
}
