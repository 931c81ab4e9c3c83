//! What the peer or the network did.

use std::time::Duration;

use super::{Row, rows, text};
use crate::Alert;
use crate::error::{
    Cause, Error, Heard, PlaintextPeer, ProtocolError as P, Spoken, StartTlsFailure as S, TimedOut,
};
use crate::service::Service;
use crate::session::client_excerpt;

pub(super) fn rows() -> Vec<Row> {
    let plaintext = |spoken, line, port| {
        P::PlaintextPeer(PlaintextPeer {
            spoken,
            excerpt: text(line),
            expected: Service::Imap,
            port,
        })
    };
    let mut rows = rows!("protocol", P:
        P::PlaintextPeer(_) => [
            plaintext(Spoken::ImapGreeting, "* OK ready", Some(143)),
            plaintext(Spoken::ImapGreeting, "* OK ready", Some(993)),
            plaintext(Spoken::ImapRefusal, "* BYE too busy", Some(993)),
            plaintext(Spoken::SmtpGreeting, "220 mail.example.org", Some(25)),
            plaintext(Spoken::HttpServer, "HTTP/1.1 302 Found", Some(993)),
            P::PlaintextPeer(PlaintextPeer {
                spoken: Spoken::ImapClient,
                excerpt: client_excerpt(b"a1 LOGIN ann secret"),
                expected: Service::Imap,
                port: None,
            })
        ], "user, or administrator of the client", "The port and the encryption setting do not fit together. Show the sentence: it says which port, or which setting. Never try again without encryption.";
        P::StartTls(_) => [S::NotOffered.into()], "see the next table", "See the next table.";
        P::ResponseInjection { .. } => [P::ResponseInjection { bytes: 12, excerpt: text("250-AUTH") }], "network, or the server's operator", "Somebody on the way may be attacking the connection, or the server is faulty. Use implicit TLS; try another network; report it to the provider.";
        P::CommandInjection { .. } => [P::CommandInjection { bytes: 21, excerpt: client_excerpt(b"a2 LOGIN ann secret\r\n") }], "network, or the client's author", "For the server's log: a client, or somebody on its way, sent commands that were to be executed under TLS. Nothing was executed.";
        P::NotTls { .. } => [P::NotTls { excerpt: text("\u{1}\u{2}binary") }], "user, or administrator of the client", "Another program answers on this port. Check the host and the port.";
        P::AlertReceived { .. } => [
            P::AlertReceived { alert: Alert::HANDSHAKE_FAILURE, established: false, causes: &[Cause::NoCommonCipherSuite, Cause::ClientCertificateRequired] },
            P::AlertReceived { alert: Alert::UNRECOGNIZED_NAME, established: false, causes: &[Cause::ServerNameUnknown] },
            P::AlertReceived { alert: Alert::from_code_point(116), established: true, causes: &[Cause::ClientCertificateRequired] },
            P::AlertReceived { alert: Alert::INTERNAL_ERROR, established: true, causes: &[] }
        ], "peer's operator", "The other side refused. Check the host name; give the sentence to the provider, whose log says more.";
        P::NoCommonVersion { .. } => [
            P::NoCommonVersion { offered: vec![] },
            P::NoCommonVersion { offered: vec![0x0302, 0x0301] }
        ], "peer's operator", "The other side is too old: it has to learn TLS 1.2 or 1.3. Ask the provider.";
        P::Incompatible { .. } => [P::Incompatible { missing: "a cipher suite in common".into() }], "peer's operator", "The two sides have no way of encryption in common. Ask the provider, with the sentence.";
        P::NoCommonApplicationProtocol => [P::NoCommonApplicationProtocol], "user, or administrator of the client", "Another protocol is served on this port. Check the port; for an old server switch ALPN off.";
        P::CannotDecrypt => [P::CannotDecrypt], "network", "Try again; if it comes again, on another network. Nothing that was damaged was passed on.";
        P::Malformed { .. } => [P::Malformed { detail: "a part is missing (SignatureScheme)".into() }], "peer's operator, or network", "Try another network; then ask the provider.";
        P::Misbehaved { .. } => [P::Misbehaved { detail: "it chose a cipher suite that was not offered".into() }], "peer's operator, or network", "Try another network; then ask the provider.";
        P::NoCertificate => [P::NoCertificate], "peer's operator", "The server is not set up, or the client has to show a certificate and has shown none.";
        P::EndedDuringHandshake { .. } => [
            P::EndedDuringHandshake { heard: Heard::Nothing },
            P::EndedDuringHandshake { heard: Heard::Tls },
            P::EndedDuringHandshake { heard: Heard::Dialog },
            P::EndedDuringHandshake { heard: Heard::Agreement },
            P::EndedDuringHandshake { heard: Heard::Plaintext(text("too busy")) }
        ], "peer's operator, or network", "Try again later. If it comes every time, check the port and the encryption setting.";
        P::TooMuch { .. } => [P::TooMuch { what: "bytes before the session was established", bound: 131_072 }], "peer's operator", "The other side is faulty, or attacks. Ask the provider.";
        P::KeysExhausted => [P::KeysExhausted], "nobody", "Nothing: connect anew and go on.";
    );
    // The rows of the inner failure are those of `StartTlsFailure`.
    rows.retain(|row| row.whose != "see the next table");
    let timed_out = Error::from(TimedOut {
        after: Duration::from_secs(60),
        heard: Heard::Nothing,
    });
    rows.push(Row {
        table: "protocol",
        code: timed_out.code(),
        example: timed_out.to_string(),
        whose: "network, or the server's operator",
        tell: "The server cannot be reached at present. Try again; if it comes every time, check the port and the encryption setting.",
    });
    rows.extend(rows!("starttls", S:
        S::NotOffered => [S::NotOffered], "server's operator, or network", "The server offers no encryption in this mode, or somebody on the way has removed the offer. Choose implicit TLS (SSL/TLS). Never go on without.";
        S::Refused { .. } => [
            S::Refused { is_temporary: true, reply: text("454 TLS not available") },
            S::Refused { is_temporary: false, reply: text("a1 NO no TLS here") }
        ], "server's operator", "Try again later where the sentence says so; otherwise ask the provider, or choose implicit TLS.";
        S::NoService { .. } => [
            S::NoService { is_temporary: true, reply: text("421 too busy") },
            S::NoService { is_temporary: false, reply: text("554 no service") }
        ], "server's operator", "The server serves nobody from here, or not now. Show its words.";
        S::AlreadyAuthenticated => [S::AlreadyAuthenticated], "network, or the server's operator", "Somebody on the way may be attacking the connection. Choose implicit TLS.";
        S::UnexpectedReply { .. } => [S::UnexpectedReply { expected: "IMAP's greeting", reply: text("SSH-2.0-x") }], "user, or administrator of the client", "Another service answers on this port. Check the host and the port.";
        S::SpeaksTls => [S::SpeaksTls], "user, or administrator of the client", "Change the setting from STARTTLS to implicit TLS (SSL/TLS), or the port.";
    ));
    rows
}
