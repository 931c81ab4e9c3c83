//! Sessions with Dovecot are recorded, by the machine's own clock, and replay without it.
//!
//! With a directory in `MAIL_TLS_RECORDINGS` what was recorded is written there: so
//! `tests/recordings` was made.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::dovecot::{Dovecot, PASSWORD, USER};
use crate::examples;
use crate::process::{AfterInput, run_to_end};
use bytes::BytesMut;
use mail_tls::recorder::{self, Recorded, Recorder, Recording, StopReason};
use mail_tls::{
    Account, Client, ClientBuilder, ClientSession, Connector, Endpoint, Event, Service, TlsMode,
    TrustAnchors,
};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

/// One conversation, by the documented loop. What was read, and whether it came to an error.
struct Conversation<'a> {
    socket: TcpStream,
    session: &'a mut Recorded<ClientSession>,
    incoming: BytesMut,
    outgoing: BytesMut,
    received: String,
    ended: bool,
}

impl Conversation<'_> {
    /// Goes on until `text` was received.
    fn await_text(&mut self, text: &str) -> Result<(), mail_tls::Error> {
        while !self.received.contains(text) && !self.ended {
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> Result<(), mail_tls::Error> {
        self.flush();
        let mut chunk = [0; 16 * 1024];
        match self.socket.read(&mut chunk).unwrap() {
            0 => {
                let _ = self.session.end_of_input();
                self.ended = true;
            }
            n => self.incoming.extend_from_slice(&chunk[..n]),
        }
        let result = loop {
            match self.session.process(&mut self.incoming, &mut self.outgoing) {
                Ok(Some(Event::Data(data))) => {
                    self.received.push_str(&String::from_utf8_lossy(data));
                }
                Ok(Some(Event::PeerClosed)) => self.ended = true,
                Ok(Some(Event::Established)) => self.received.push_str("established"),
                Ok(Some(_)) => {}
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        self.flush();
        result
    }

    fn flush(&mut self) {
        self.socket.write_all(&self.outgoing).unwrap();
        self.outgoing.clear();
    }

    fn say(&mut self, line: &str) {
        self.session
            .send(line.as_bytes(), &mut self.outgoing)
            .unwrap();
    }
}

fn connector(
    builder: ClientBuilder,
    certificates: &Certificates,
    (mode, port): (TlsMode, u16),
) -> Connector {
    let anchors = TrustAnchors::from_pem(&fs::read(&certificates.ca).unwrap()).unwrap();
    let client = builder
        .trust_anchors(anchors)
        .crypto_provider(recorder::provider(None).unwrap())
        .build()
        .unwrap();
    let endpoint = Endpoint::typed(Service::Imap, mode, "localhost").unwrap();
    client
        .connector(&Account::configured(), endpoint.with_port(port))
        .unwrap()
}

/// Logs in and out, as far as it goes.
fn record(connector: &Connector, recorder: &Recorder) -> Recording {
    let mut outgoing = BytesMut::new();
    let mut session = recorder.connect(connector, &mut outgoing).unwrap();
    let socket = TcpStream::connect(("127.0.0.1", connector.endpoint().port())).unwrap();
    let timeout = Some(std::time::Duration::from_secs(20));
    socket.set_read_timeout(timeout).unwrap();
    let mut conversation = Conversation {
        socket,
        session: &mut session,
        incoming: BytesMut::new(),
        outgoing,
        received: String::new(),
        ended: false,
    };
    if conversation.await_text("established").is_ok() {
        if connector.endpoint().mode() == TlsMode::Implicit {
            conversation.await_text("* OK").unwrap();
        }
        conversation.say(&format!("a1 LOGIN {USER} {PASSWORD}\r\n"));
        conversation.await_text("a1 OK").unwrap();
        conversation.say("a2 LOGOUT\r\n");
        conversation.await_text("a2 OK").unwrap();
        conversation.session.close(&mut conversation.outgoing);
        while !conversation.ended {
            conversation.turn().unwrap();
        }
    }
    session.recording()
}

fn keep(recording: &Recording, name: &str, certificates: &Certificates) {
    if let Some(dir) = std::env::var_os("MAIL_TLS_RECORDINGS") {
        let dir = Path::new(&dir);
        fs::write(dir.join(format!("{name}.txt")), recording.to_string()).unwrap();
        fs::copy(&certificates.ca, dir.join("authority.pem")).unwrap();
    }
}

#[test]
#[ignore = "needs Dovecot; run by .ci/run"]
fn dovecot_is_recorded_and_replayed() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for tls in Tls::BOTH {
        let dovecot = Dovecot::start_resuming(&certificates, tls);
        let version = tls.number().replace('.', "");
        for (mode, port, name) in [
            (TlsMode::Implicit, dovecot.imaps, "implicit"),
            (TlsMode::StartTls, dovecot.imap, "starttls"),
        ] {
            let place = (mode, port);
            let first = connector(Client::builder(), &certificates, place);
            let again = |recording: &Recording| {
                let builder = Client::builder().clock(recording.clock());
                connector(builder, &certificates, place)
            };
            let recordings = [(); 2].map(|()| record(&first, &Recorder::with_secrets()));
            let replays_to = again(&recordings[0]);
            for (recording, name) in recordings.iter().zip([
                format!("dovecot-{name}-tls{version}"),
                format!("dovecot-{name}-tls{version}-resumed"),
            ]) {
                let replayed = recording.replay_client(&replays_to).unwrap();
                assert_eq!(replayed.stopped(), None, "{name}");
                assert_eq!(replayed.recording(), recording, "{name}");
                let is_resumed = recording.to_string().contains(" resumed=yes ");
                assert_eq!(is_resumed, name.ends_with("-resumed"));
                keep(recording, &name, &certificates);
            }
            let stopped = recordings[1].replay_client(&again(&recordings[1])).unwrap();
            assert_eq!(stopped.stopped().unwrap().reason, StopReason::Resumed);

            let redacted = record(
                &connector(Client::builder(), &certificates, place),
                &Recorder::redacted(),
            );
            assert!(!redacted.to_string().contains(PASSWORD));
            let replayed = redacted.replay_client(&again(&redacted)).unwrap();
            let stopped = replayed.stopped().unwrap();
            assert_eq!(stopped.reason, StopReason::NeedsSecrets);
        }
        // The port of the other mode.
        let place = (TlsMode::Implicit, dovecot.imap);
        let redacted = record(
            &connector(Client::builder(), &certificates, place),
            &Recorder::redacted(),
        );
        let again = connector(
            Client::builder().clock(redacted.clock()),
            &certificates,
            place,
        );
        let replayed = redacted.replay_client(&again).unwrap();
        assert_eq!(replayed.stopped(), None);
        assert_eq!(replayed.recording().trace(), redacted.trace());
        assert!(redacted.trace()[0].starts_with("error plaintext-peer "));
        keep(&redacted, "dovecot-wrong-port", &certificates);
    }
}

/// The example, as a program, on what is checked in.
#[test]
#[ignore = "builds an example; run by .ci/run"]
fn the_example_replays() {
    let program = examples::replay();
    let replay = |arguments: &[&str]| {
        let mut run = Command::new(&program);
        run.args(arguments);
        run.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recordings"));
        run_to_end(&run, "", AfterInput::End)
    };
    for name in ["dovecot-implicit-tls13.txt", "dovecot-wrong-port.txt"] {
        let run = replay(&["--ca", "authority.pem", name]);
        assert!(run.success() && run.stderr.is_empty(), "{run:#?}");
        assert!(run.stdout.ends_with("\nthe same to the end\n"), "{run:#?}");
    }
    // In the order in which they were made.
    let resumed = "dovecot-starttls-tls12-resumed.txt";
    let run = replay(&[
        "--ca",
        "authority.pem",
        "dovecot-starttls-tls12.txt",
        resumed,
    ]);
    assert!(run.success() && run.stderr.is_empty(), "{run:#?}");
    assert_eq!(
        run.stdout.matches("\nthe same to the end\n").count(),
        2,
        "{run:#?}"
    );
    let run = replay(&["--ca", "authority.pem", resumed]);
    assert!(run.success() && run.stderr.is_empty(), "{run:#?}");
    assert!(
        run.stdout
            .contains("the same so far: the replay stopped at line "),
        "{run:#?}"
    );
    // As another program it would have sent another ClientHello.
    let run = replay(&["--tls", "1.2", "dovecot-implicit-tls13.txt"]);
    assert_eq!(run.status.code(), Some(1), "{run:#?}");
    assert!(
        run.stdout.contains("the replay differs at line "),
        "{run:#?}"
    );
    let run = replay(&["authority.pem"]);
    assert_eq!(run.status.code(), Some(2), "{run:#?}");
    assert!(run.stderr.contains("line 1 of the recording"), "{run:#?}");
}
