//! Records that no peer has a reason to send: empty, oversized, out of place, of the wrong version;
//! floods; and what comes behind the end. `records.txt` has the error and the alert of each to the
//! letter; the tests say which of them the RFCs ask for.

use std::fmt::Write;

use mail_tls::TlsVersions;

use super::messages::{compare, outcome};

use super::{
    ALERT, CHANGE_CIPHER_SPEC, DATA, Ending, FLIGHTS, HANDSHAKE, Item, SIDES, Side, attack, honest,
};
use crate::support::{Told, VERSIONS};

/// The session is established, and then these bytes come.
fn afterwards(side: Side, versions: TlsVersions, bytes: &[u8]) -> Ending {
    attack(side, versions, |flight, items| {
        match flight + 1 == FLIGHTS {
            true => bytes.to_vec(),
            false => honest(&items, versions),
        }
    })
}

fn protected(versions: TlsVersions, kind: u8, content: &[u8]) -> Vec<u8> {
    let item = Item {
        is_protected: true,
        kind,
        content: content.to_vec(),
    };
    item.in_records(versions != TlsVersions::Tls12Only, usize::MAX)
}

#[track_caller]
fn assert_fails(ending: &Ending, codes: &[&str], alerts: &[&str]) {
    let Some(Told::Failed(error)) = ending.told.last() else {
        panic!("{ending:?}")
    };
    assert!(codes.contains(&error.code()), "{error:?}");
    assert!(alerts.contains(&ending.alert_name().as_str()), "{ending:?}");
}

/// What is sent after the handshake and must not be, by version: the error and the alert.
#[test]
fn unsolicited_messages_after_the_handshake() {
    use TlsVersions::{Tls12Only as V12, Tls13Only as V13};
    // RFC 8446 §4: the messages that were of use before; §4.6: the ones that come later.
    for message in [1, 2, 5, 8, 11, 12, 13, 14, 15, 16, 20, 22, 67, 254] {
        for side in SIDES {
            for versions in VERSIONS {
                let message = protected(versions, HANDSHAKE, &[message, 0, 0, 2, 0, 0]);
                let ending = afterwards(side, versions, &message);
                assert_fails(
                    &ending,
                    &["misbehaved", "malformed"],
                    &["unexpected_message", "decode_error"],
                );
            }
        }
    }
    // RFC 5246 §7.4.1.1: renegotiation is refused, and the session goes on.
    let ending = afterwards(Side::Client, V12, &protected(V12, HANDSHAKE, &[0, 0, 0, 0]));
    assert_eq!(ending.told, [Told::Established]);
    assert_eq!(ending.alert, Some([1, 100]));
    // RFC 8446 §4.6.3: a KeyUpdate that asks and one that does not; a third value is illegal.
    for side in SIDES {
        for (value, is_good) in [(0, true), (1, true), (2, false)] {
            let update = protected(V13, HANDSHAKE, &[24, 0, 0, 1, value]);
            let ending = afterwards(side, V13, &update);
            match is_good {
                true => assert_eq!(ending.told, [Told::Established]),
                false => assert_fails(&ending, &["malformed"], &["illegal_parameter"]),
            }
            let ending = afterwards(side, V12, &protected(V12, HANDSHAKE, &[24, 0, 0, 1, value]));
            assert_fails(&ending, &["misbehaved"], &["unexpected_message"]);
        }
        // RFC 8446 §5.1: handshake messages do not span a change of keys.
        let two = [&[24, 0, 0, 1, 0][..], &[24, 0, 0, 1, 0]].concat();
        let ending = afterwards(side, V13, &protected(V13, HANDSHAKE, &two));
        assert_fails(&ending, &["misbehaved"], &["unexpected_message"]);
        // A ticket to a server, which has no use for any.
        if side == Side::Server {
            let ticket = [4, 0, 0, 6, 0, 0, 0, 0, 0, 0];
            for versions in VERSIONS {
                let ending = afterwards(side, versions, &protected(versions, HANDSHAKE, &ticket));
                assert_fails(
                    &ending,
                    &["misbehaved", "malformed"],
                    &["unexpected_message", "decode_error"],
                );
            }
        }
    }
}

/// RFC 8446 §5.1, §5.2, RFC 5246 §6.2.1: nothing is longer than a record may be.
#[test]
fn oversized_records() {
    for versions in VERSIONS {
        for side in SIDES {
            let data = |length: usize| protected(versions, DATA, &vec![b'x'; length]);
            let ending = afterwards(side, versions, &data(1 << 14));
            let full = Told::Data(vec![b'x'; 1 << 14]);
            assert_eq!(ending.told, [Told::Established, full]);
            for length in [(1 << 14) + 1, (1 << 14) + 200, (1 << 14) + 2000] {
                let ending = afterwards(side, versions, &data(length));
                assert_fails(
                    &ending,
                    &["malformed"],
                    &["record_overflow", "decode_error"],
                );
            }
            // Too long by its header: nobody waits for it.
            for length in [18_433_u16, 0x8000, 0xffff] {
                let [high, low] = length.to_be_bytes();
                let ending = afterwards(side, versions, &[DATA, 3, 3, high, low]);
                assert_fails(&ending, &["malformed"], &["decode_error"]);
            }
        }
    }
}

/// RFC 8446 §5.1, §5.4: a record with nothing in it, in every type.
#[test]
fn empty_records() {
    for versions in VERSIONS {
        for side in SIDES {
            let empty = |kind| protected(versions, kind, &[]);
            // Empty data are allowed, a flood of them is not.
            let ending = afterwards(side, versions, &empty(DATA).repeat(20));
            assert_eq!(ending.told, [Told::Established]);
            let ending = afterwards(side, versions, &empty(DATA).repeat(5000));
            assert_fails(
                &ending,
                &["too-much", "misbehaved"],
                &["close_notify", "unexpected_message"],
            );
            for kind in [HANDSHAKE, ALERT] {
                let ending = afterwards(side, versions, &empty(kind).repeat(5000));
                assert_fails(
                    &ending,
                    &["too-much", "misbehaved", "malformed"],
                    &["close_notify", "unexpected_message", "decode_error"],
                );
            }
            if versions == TlsVersions::Tls13Only {
                // Padding and no type (RFC 8446 §5.4), for which rustls has no alert.
                let ending = afterwards(side, versions, &protected(versions, 0, &[0; 100]));
                assert_fails(&ending, &["misbehaved"], &["close_notify"]);
            }
        }
    }
}

/// RFC 8446 §5, §D.4: a change_cipher_spec is dropped during the handshake, and only there.
#[test]
fn change_cipher_spec_out_of_place() {
    for versions in VERSIONS {
        for side in SIDES {
            let plain = vec![CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1];
            for record in [plain, protected(versions, CHANGE_CIPHER_SPEC, &[1])] {
                assert_fails(
                    &afterwards(side, versions, &record),
                    &["misbehaved", "malformed", "cannot-decrypt"],
                    &["unexpected_message", "decode_error", "bad_record_mac"],
                );
            }
        }
    }
}

/// RFC 8446 §5.2: after the keys are agreed on nothing is taken in the clear. An attacker on the way
/// can send all of this.
#[test]
fn plain_records_after_the_handshake() {
    for versions in VERSIONS {
        for side in SIDES {
            for kind in [ALERT, HANDSHAKE, DATA] {
                for content in [&[1, 0][..], &[2, 40], &[b'x'; 100]] {
                    let item = Item {
                        is_protected: false,
                        kind,
                        content: content.to_vec(),
                    };
                    let record = item.in_records(true, usize::MAX);
                    let ending = afterwards(side, versions, &record);
                    assert_fails(
                        &ending,
                        &["cannot-decrypt", "misbehaved"],
                        &["bad_record_mac", "unexpected_message"],
                    );
                }
            }
        }
    }
}

/// RFC 8446 §6.1: what follows close_notify is ignored, be it what it may; and the own half lives.
#[test]
fn records_after_close_notify() {
    for versions in VERSIONS {
        for side in SIDES {
            let close = protected(versions, ALERT, &[1, 0]);
            for behind in [
                protected(versions, DATA, b"late"),
                protected(versions, ALERT, &[2, 40]),
                protected(versions, HANDSHAKE, &[24, 0, 0, 1, 1]),
                vec![DATA, 3, 3, 0xff, 0xff],
                vec![0; 100_000],
            ] {
                let before = protected(versions, DATA, b"in time");
                let bytes = [before, close.clone(), behind].concat();
                let ending = afterwards(side, versions, &bytes);
                let told = [
                    Told::Established,
                    Told::Data(b"in time".to_vec()),
                    Told::PeerClosed,
                ];
                assert_eq!(ending.told, told, "{side:?} {versions:?}");
                assert_eq!(ending.alert, None);
            }
        }
    }
}

/// RFC 8446 §4.2.10, §4.6.1: data before the handshake is done is no early data here.
#[test]
fn data_during_the_handshake() {
    for versions in VERSIONS {
        for side in SIDES {
            for at in 0..3 {
                for is_protected in [false, true] {
                    let data = Item {
                        is_protected,
                        kind: DATA,
                        content: b"early".to_vec(),
                    };
                    let is_tls13 = versions != TlsVersions::Tls12Only;
                    let mut was_early = false;
                    let ending = attack(side, versions, |flight, mut items| {
                        if flight == at && items.iter().any(|item| item.kind == HANDSHAKE) {
                            was_early = true;
                            items.insert(0, data.clone());
                        }
                        let items = items.iter();
                        items
                            .flat_map(|item| item.in_records(is_tls13, 1 << 14))
                            .collect()
                    });
                    match ending.told.first() {
                        // What follows the handshake is late enough.
                        Some(Told::Established) => assert!(!was_early || at > 0, "{ending:?}"),
                        None => assert!(!was_early),
                        Some(_) => assert_fails(
                            &ending,
                            &["misbehaved", "malformed", "cannot-decrypt", "not-tls"],
                            &["unexpected_message", "decode_error", "bad_record_mac", "-"],
                        ),
                    }
                }
            }
        }
    }
}

/// What may come after the handshake and should not, with names.
fn cases(versions: TlsVersions) -> Vec<(String, Vec<u8>)> {
    let message = |kind: u8, body: &[u8]| {
        let length = u8::try_from(body.len()).unwrap();
        protected(
            versions,
            HANDSHAKE,
            &[&[kind, 0, 0, length][..], body].concat(),
        )
    };
    let mut cases: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>| cases.push((name.to_owned(), bytes));
    for kind in [0, 1, 2, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 22, 67, 254] {
        add(
            &format!("handshake message {kind} of 2 bytes"),
            message(kind, &[0, 0]),
        );
    }
    add("HelloRequest", message(0, &[]));
    add("64 HelloRequests", message(0, &[]).repeat(64));
    add("5000 HelloRequests", message(0, &[]).repeat(5000));
    for value in 0..3 {
        add(&format!("KeyUpdate of {value}"), message(24, &[value]));
    }
    add(
        "two KeyUpdates in a record",
        protected(versions, HANDSHAKE, &[24, 0, 0, 1, 0, 24, 0, 0, 1, 0]),
    );
    for count in [32, 5000] {
        add(
            &format!("{count} KeyUpdates that ask for one"),
            message(24, &[1]).repeat(count),
        );
    }
    let ticket = [&[0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8][..], &[7; 8], &[0, 0]].concat();
    for count in [1, 64, 65, 5000] {
        add(
            &format!("{count} tickets"),
            message(4, &ticket).repeat(count),
        );
    }
    for length in [1 << 14, (1 << 14) + 1, (1 << 14) + 200, (1 << 14) + 2000] {
        add(
            &format!("a record of {length} bytes"),
            protected(versions, DATA, &vec![b'x'; length]),
        );
    }
    for length in [18_432_u16, 18_433, 0x8000, 0xffff] {
        let [high, low] = length.to_be_bytes();
        add(
            &format!("a header that says {length} bytes"),
            vec![DATA, 3, 3, high, low],
        );
    }
    for (name, kind) in [("data", DATA), ("handshake", HANDSHAKE), ("alert", ALERT)] {
        for count in [1, 64, 65, 5000] {
            add(
                &format!("{count} empty records of {name}"),
                protected(versions, kind, &[]).repeat(count),
            );
        }
    }
    add("a record of padding", protected(versions, 0, &[0; 100]));
    for kind in [0, 24, 25, 99, 255] {
        add(
            &format!("a record of type {kind}"),
            protected(versions, kind, b"x"),
        );
    }
    let plain = |kind: u8, content: &[u8]| {
        let item = Item {
            is_protected: false,
            kind,
            content: content.to_vec(),
        };
        item.in_records(true, usize::MAX)
    };
    add(
        "ChangeCipherSpec",
        protected(versions, CHANGE_CIPHER_SPEC, &[1]),
    );
    add("ChangeCipherSpec in clear", plain(CHANGE_CIPHER_SPEC, &[1]));
    add("a close_notify in clear", plain(ALERT, &[1, 0]));
    add("a fatal alert in clear", plain(ALERT, &[2, 40]));
    add(
        "a ClientHello's beginning in clear",
        plain(HANDSHAKE, &[1, 0, 0, 9]),
    );
    add("data in clear", plain(DATA, &[b'x'; 100]));
    for version in [0x0200_u16, 0x0300, 0x0301, 0x0304, 0x0305, 0x0400] {
        let mut record = protected(versions, DATA, b"x");
        record[1..3].copy_from_slice(&version.to_be_bytes());
        add(&format!("a record of version {version:04x}"), record);
    }
    for count in [4, 5, 5000] {
        add(
            &format!("{count} warnings"),
            protected(versions, ALERT, &[1, 90]).repeat(count),
        );
    }
    add("text", b"GET / HTTP/1.1\r\n\r\n".to_vec());
    cases
}

/// The error and the alert of each, against the table in `records.txt`. `UPDATE_TABLES=1` writes it
/// anew.
///
/// What may surprise in it: an oversized record, an unknown type and a wrong version of a record are
/// answered with decode_error or close_notify, and not with record_overflow, unexpected_message and
/// protocol_version, because rustls says so or has no alert for it. A flood is cut off by rustls' own
/// count (`Misbehaved`) where that is lower than ours (`TooMuch`).
#[test]
fn every_record_to_the_letter() {
    let mut table = String::new();
    for versions in VERSIONS {
        for side in SIDES {
            for (name, bytes) in cases(versions) {
                let ending = afterwards(side, versions, &bytes);
                let outcome = outcome(&ending);
                writeln!(table, "{versions:?} {side:?} {name} | {outcome}").unwrap();
            }
        }
    }
    compare("records.txt", &table);
}
