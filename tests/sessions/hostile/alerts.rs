//! Alerts of every kind at every state.

use mail_tls::{Alert, ProtocolError, TlsVersions};

use super::{ALERT, Ending, FLIGHTS, Item, SIDES, Side, attack, honest};
use crate::support::{Told, VERSIONS, protocol};

/// What the session makes of an alert that the peer puts before its flight, and nothing behind it.
fn alerted(side: Side, versions: TlsVersions, at: usize, content: &[u8]) -> Ending {
    let mut is_protected = false;
    let is_tls13 = versions != TlsVersions::Tls12Only;
    attack(side, versions, |flight, items| {
        let own = honest(&items, versions);
        if flight != at {
            is_protected |= items.iter().any(|item| item.is_protected);
            return if flight < at { own } else { Vec::new() };
        }
        let alert = Item {
            is_protected,
            kind: ALERT,
            content: content.to_vec(),
        };
        alert.in_records(is_tls13, 1 << 14)
    })
}

/// The alerts that IANA lists but for close_notify, and some that it does not.
fn described() -> impl Iterator<Item = u8> {
    (1..=u8::MAX).filter(|description| {
        Alert::from_code_point(*description).name().is_some()
            || matches!(description, 1 | 125 | 255)
    })
}

/// RFC 8446 §6: each fatal alert ends the session at once, is not answered, and is told as what it
/// is. RFC 5246 §7.2: so does the level `fatal` with any description.
#[test]
fn fatal_alerts() {
    for versions in VERSIONS {
        for side in SIDES {
            for at in 0..FLIGHTS {
                for description in described() {
                    let ending = alerted(side, versions, at, &[2, description]);
                    let place = format!("{side:?} {versions:?} {at} {description}");
                    let Some(Told::Failed(error)) = ending.told.last() else {
                        panic!("{place}: {ending:?}")
                    };
                    let was_established = ending.told.len() > 1;
                    match protocol(error) {
                        ProtocolError::AlertReceived {
                            alert, established, ..
                        } => {
                            assert_eq!(alert.code_point(), description, "{place}");
                            assert_eq!(*established, was_established, "{place}");
                            assert_eq!(ending.alert, None, "{place}");
                        }
                        // RFC 8446 §6.1: user_canceled is a warning whatever its level says, and
                        // before the ClientHello no alert makes sense.
                        other => assert_eq!(
                            (side, at, ending.alert_name().as_str()),
                            (Side::Server, 0, "unexpected_message"),
                            "{place}: {other:?}"
                        ),
                    }
                }
            }
        }
    }
}

/// What a warning, or an alert that is none, comes to at each state.
///
/// In TLS 1.3 every alert but close_notify and user_canceled is fatal, whatever its level says
/// (RFC 8446 §6); in TLS 1.2 a warning is put up with (RFC 5246 §7.2.2). The peer is told that its
/// level makes no sense.
#[test]
fn warnings_and_malformed_alerts() {
    for versions in VERSIONS {
        let is_tls13 = versions != TlsVersions::Tls12Only;
        for side in SIDES {
            for at in 0..FLIGHTS {
                let established = honest_until(side, versions, at);
                let quiet: &[Told] = if established {
                    &[Told::Established]
                } else {
                    &[]
                };
                let fails = |content: &[u8], code: &str, alert: &[&str]| {
                    let ending = alerted(side, versions, at, content);
                    let place = format!("{side:?} {versions:?} {at} {content:?}");
                    let Some((Told::Failed(error), before)) = ending.told.split_last() else {
                        panic!("{place}: {ending:?}")
                    };
                    assert_eq!(error.code(), code, "{place}");
                    assert_eq!(before, quiet, "{place}");
                    assert!(
                        alert.contains(&ending.alert_name().as_str()),
                        "{place} {ending:?}"
                    );
                };
                if (side, at) == (Side::Server, 0) {
                    fails(&[1, 0], "misbehaved", &["unexpected_message"]);
                    fails(&[1, 90], "misbehaved", &["unexpected_message"]);
                    continue;
                }
                let survives = alerted(side, versions, at, &[1, 90]);
                assert_eq!(survives.told, quiet, "{side:?} {versions:?} {at}");
                for description in [10, 40, 100, 112, 200] {
                    // Before its ServerHello the version of TLS is open.
                    if is_tls13 && (side, at) != (Side::Client, 0) {
                        fails(&[1, description], "alert-received", &["decode_error"]);
                    } else {
                        let survives = alerted(side, versions, at, &[1, description]);
                        assert_eq!(survives.told, quiet, "{side:?} {versions:?} {at}");
                    }
                }
                match established {
                    true => {
                        let ending = alerted(side, versions, at, &[1, 0]);
                        assert_eq!(ending.told, [Told::Established, Told::PeerClosed]);
                        assert_eq!(ending.alert, None);
                    }
                    // A server that waits for what is encrypted takes it for one that is fatal.
                    false if is_tls13 && side == Side::Server => {
                        fails(&[1, 0], "alert-received", &["decode_error"]);
                    }
                    // Nobody has vouched for it: the end of the input is what counts.
                    false => assert_eq!(alerted(side, versions, at, &[1, 0]).told, []),
                }
                for level in [0, 3, 255] {
                    fails(&[level, 40], "alert-received", &["illegal_parameter"]);
                }
                for content in [&[][..], &[2], &[1]] {
                    fails(content, "malformed", &["decode_error"]);
                }
                if at > 1 {
                    fails(&[2, 40, 0], "malformed", &["decode_error"]);
                }
            }
        }
    }
}

/// Whether the session is established after so many flights of an honest peer.
fn honest_until(side: Side, versions: TlsVersions, at: usize) -> bool {
    let ending = attack(side, versions, |flight, items| match flight < at {
        true => honest(&items, versions),
        false => Vec::new(),
    });
    ending.told == [Told::Established]
}

/// A peer that warns and warns is refused by count, in TLS 1.2 too.
#[test]
fn a_flood_of_warnings() {
    for versions in VERSIONS {
        let is_tls13 = versions != TlsVersions::Tls12Only;
        for side in SIDES {
            for at in [1, FLIGHTS - 1] {
                let mut is_protected = false;
                let ending = attack(side, versions, |flight, items| {
                    if flight != at {
                        is_protected |= items.iter().any(|item| item.is_protected);
                        return honest(&items, versions);
                    }
                    let alert = Item {
                        is_protected,
                        kind: ALERT,
                        content: vec![1, 90],
                    };
                    alert.in_records(is_tls13, 2).repeat(1000)
                });
                let Some(Told::Failed(error)) = ending.told.last() else {
                    panic!("{side:?} {versions:?} {at} {ending:?}")
                };
                assert!(
                    matches!(error.code(), "misbehaved" | "too-much"),
                    "{side:?} {versions:?} {at} {error}"
                );
                assert!(ending.alert.is_some(), "the peer is told");
            }
        }
    }
}
