//! The alerts that are sent before there is a connection to send them.

use bytes::{BufMut, BytesMut};
use rustls::PeerIncompatible;
use rustls::server::AcceptedAlert;

use super::hello::Versions;
use super::scope::note;
use crate::alert::Alert;

/// The type of a record that holds an alert (RFC 8446 §5.1).
pub(super) const RECORD_ALERT: u8 = 21;
/// The type of a record that holds messages of a handshake.
pub(super) const RECORD_HANDSHAKE: u8 = 22;

/// Tells a client why its ClientHello, or what it sent in place of one, is refused.
pub(super) fn refuse_hello(
    error: rustls::Error,
    alert: AcceptedAlert,
    versions: Versions,
    outgoing: &mut BytesMut,
) -> rustls::Error {
    if is_too_old(&error, versions) {
        note(|notes| notes.offered_versions = Some(Box::new(versions)));
        return refuse_old(outgoing);
    }
    put_alert(alert, Alert::UNEXPECTED_MESSAGE, outgoing);
    error
}

/// The same where the whole of rustls has read it, and has this to say.
pub(super) fn refuse_direct(
    error: rustls::Error,
    alert: &[u8],
    versions: Versions,
    outgoing: &mut BytesMut,
) -> rustls::Error {
    if is_too_old(&error, versions) {
        return refuse_old(outgoing);
    }
    if alert.is_empty() && !matches!(error, rustls::Error::AlertReceived(_)) {
        let alert = match error {
            rustls::Error::InvalidMessage(_) | rustls::Error::InappropriateMessage { .. } => {
                Alert::UNEXPECTED_MESSAGE
            }
            _ => Alert::HANDSHAKE_FAILURE,
        };
        put_plaintext_alert(alert, outgoing);
    } else {
        outgoing.put_slice(alert);
    }
    error
}

/// rustls misses an extension that only TLS 1.2 brought before it looks at the version.
fn is_too_old(error: &rustls::Error, versions: Versions) -> bool {
    matches!(error, rustls::Error::PeerIncompatible(_)) && versions.are_too_old()
}

fn refuse_old(outgoing: &mut BytesMut) -> rustls::Error {
    put_plaintext_alert(Alert::PROTOCOL_VERSION, outgoing);
    PeerIncompatible::Tls12NotOffered.into()
}

/// rustls' own alert, or `otherwise` where it has none (RFC 8446 §6.2).
pub(super) fn put_alert(mut alert: AcceptedAlert, otherwise: Alert, outgoing: &mut BytesMut) {
    let before = outgoing.len();
    // Writing into memory does not fail.
    let _ = alert.write_all(&mut outgoing.writer());
    if outgoing.len() == before {
        put_plaintext_alert(otherwise, outgoing);
    }
}

/// An alert of level fatal, close_notify as a warning, while nothing is encrypted yet
/// (RFC 8446 §5.1, §6).
pub(super) fn put_plaintext_alert(alert: Alert, outgoing: &mut BytesMut) {
    let level = if alert == Alert::CLOSE_NOTIFY { 1 } else { 2 };
    outgoing.put_slice(&[RECORD_ALERT, 3, 3, 0, 2, level, alert.code_point()]);
}
