//! Sessions are recorded, and their recordings replayed, without the peer and its keys.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use data_encoding::{BASE64, HEXLOWER};
use mail_tls::client_identity::IdentityMapping;
use mail_tls::recorder::{
    Recorded, Recorder, Recording, ReplayError, Replayed, StopReason, provider as listening,
};
use mail_tls::{
    Acceptor, Certificates, CertifiedChain, ClientSession, Clock, Connector, Endpoint, Error,
    HelloAnswer, ServerSession, Service, TlsMode, TlsVersions,
};
use proptest::prelude::*;
use rustls::crypto::CryptoProvider;

use crate::support::{Authority, HOST, Told, VERSIONS, World, drive, providers};

const SECRET: &[u8] = b"a1 LOGIN joe correct-horse-battery\r\n";
const ANSWER: &[u8] = b"a1 OK dear Joseph, you have mail\r\n";

/// What a session and its replay are made of: one clock, one authority.
struct Scene {
    world: World,
    mode: TlsMode,
    certificate: Option<CertifiedChain>,
    asks_for_each_hello: bool,
    tickets: usize,
}

impl Scene {
    fn new(provider: Option<CryptoProvider>, versions: TlsVersions) -> Self {
        Self {
            world: World {
                provider: Some(listening(provider.map(Arc::new)).unwrap()),
                ..World::with_versions(versions)
            },
            mode: TlsMode::Implicit,
            certificate: None,
            asks_for_each_hello: false,
            tickets: 1,
        }
    }

    fn connector(&self) -> Connector {
        let endpoint = Endpoint::typed(self.world.service, self.mode, HOST).unwrap();
        self.world.connector_to(endpoint)
    }

    fn acceptor(&self) -> Acceptor {
        let chain = self.certificate.clone();
        let chain = chain.unwrap_or_else(|| self.world.authority.issue(&[HOST]));
        let server = self.world.server();
        let builder = server
            .acceptor(self.world.service, self.mode, Certificates::new(chain))
            .tickets(self.tickets);
        if self.asks_for_each_hello {
            builder.ask_for_each_hello().build().unwrap()
        } else {
            builder.build().unwrap()
        }
    }

    /// The same for another day: nothing but what the recording and the configuration hold.
    fn again(&self, recording: &Recording) -> Self {
        Self {
            world: World {
                authority: Authority::new(),
                clock: recording.clock(),
                versions: self.world.versions,
                account: self.world.account.clone(),
                provider: self.world.provider.clone(),
                limits: self.world.limits,
                service: self.world.service,
            },
            mode: self.mode,
            certificate: recording.own_chain(),
            asks_for_each_hello: self.asks_for_each_hello,
            tickets: self.tickets,
        }
    }

    fn replay_client(&self, recording: &Recording) -> Result<Replayed, ReplayError> {
        recording.replay_client(&self.connector_for(recording))
    }

    /// A new connector, with the clock of this recording.
    fn connector_for(&self, recording: &Recording) -> Connector {
        let client = mail_tls::Client::builder()
            .trust_anchors(self.world.authority.anchors())
            .crypto_provider(self.world.provider.clone().unwrap())
            .clock(recording.clock())
            .versions(self.world.versions)
            .limits(self.world.limits)
            .build()
            .unwrap();
        let endpoint = Endpoint::typed(self.world.service, self.mode, HOST).unwrap();
        client.connector(&self.world.account, endpoint).unwrap()
    }

    fn replay_server(&self, recording: &Recording) -> Result<Replayed, ReplayError> {
        recording.replay_server(&self.again(recording).acceptor())
    }
}

/// What is carried between two recorded sessions.
struct Joint {
    client: Recorded<ClientSession>,
    server: Recorded<ServerSession>,
    to_server: BytesMut,
    to_client: BytesMut,
    client_told: Vec<Told>,
    server_told: Vec<Told>,
}

impl Joint {
    fn new(scene: &Scene, recorder: impl Fn() -> Recorder) -> Self {
        let mut to_server = BytesMut::new();
        let connector = scene.connector();
        let acceptor = scene.acceptor();
        let (client, server) = match scene.mode {
            TlsMode::Implicit => (
                recorder().connect(&connector, &mut to_server).unwrap(),
                recorder().accept(&acceptor).unwrap(),
            ),
            _ => (
                recorder().upgrade(&connector, b"", &mut to_server).unwrap(),
                recorder()
                    .accept_upgrade(&acceptor, b"", &mut BytesMut::new())
                    .unwrap(),
            ),
        };
        Self {
            client,
            server,
            to_server,
            to_client: BytesMut::new(),
            client_told: Vec::new(),
            server_told: Vec::new(),
        }
    }

    fn run(&mut self, piece: usize) {
        while !self.to_server.is_empty() || !self.to_client.is_empty() {
            let mut taken = self.to_server.split_to(piece.min(self.to_server.len()));
            let told = drive!(self.server, &mut taken, &mut self.to_client);
            assert!(taken.is_empty());
            if told.last() == Some(&Told::ClientHello) {
                let answer = HelloAnswer::Configured;
                self.server.answer(answer, &mut self.to_client).unwrap();
            }
            self.server_told.extend(told);
            let mut taken = self.to_client.split_to(piece.min(self.to_client.len()));
            self.client_told
                .extend(drive!(self.client, &mut taken, &mut self.to_server));
        }
    }

    /// A conversation with everything in it.
    fn converse(&mut self, clock: &Clock, piece: usize) {
        self.run(piece);
        clock.advance(Duration::from_millis(1234));
        self.client
            .queue(&SECRET[..9], &mut self.to_server)
            .unwrap();
        self.client.send(&SECRET[9..], &mut self.to_server).unwrap();
        self.run(piece);
        self.client.trim();
        self.server.queue(ANSWER, &mut self.to_client).unwrap();
        self.server.flush(&mut self.to_client).unwrap();
        self.server.expire(&mut self.to_client).unwrap();
        self.run(piece);
        self.client.close(&mut self.to_server);
        self.run(piece);
        self.server.close(&mut self.to_client);
        self.run(piece);
        assert!(self.client.end_of_input().is_clean());
        assert!(self.client.send(b"x", &mut self.to_server).is_err());
        let told = [&self.client_told[..], &self.server_told[..]].concat();
        assert!(told.contains(&Told::PeerClosed), "{told:?}");
    }
}

/// Through its text, whole and without a word of Debug.
fn through_text(recording: &Recording) -> Recording {
    let text = recording.to_string();
    let again: Recording = text.parse().unwrap();
    assert_eq!(&again, recording);
    again
}

fn same(recording: &Recording, replayed: Result<Replayed, ReplayError>) {
    let replayed = replayed.unwrap_or_else(|error| panic!("{error}\n{recording:#}"));
    assert_eq!(replayed.stopped(), None, "{recording:#}");
    assert_eq!(replayed.recording().trace(), recording.trace());
    // What is encrypted, or drawn by chance, is the same only where it is played back.
    if recording.has_secrets() {
        assert_eq!(replayed.recording(), recording);
    }
}

#[test]
fn with_secrets_whole_conversations_replay_on_both_sides() {
    for provider in providers() {
        for versions in VERSIONS {
            for (mode, asks, piece) in [
                (TlsMode::Implicit, false, usize::MAX),
                (TlsMode::Implicit, true, 100),
                (TlsMode::StartTls, false, 7),
            ] {
                let mut scene = Scene::new(Some(provider.clone()), versions);
                scene.mode = mode;
                scene.asks_for_each_hello = asks;
                let mut joint = Joint::new(&scene, Recorder::with_secrets);
                joint.converse(&scene.world.clock, piece);
                let client = through_text(&joint.client.recording());
                assert!(client.has_secrets() && client.is_of_client());
                assert_eq!(client.host(), Some(HOST));
                same(&client, scene.replay_client(&client));
                let server = through_text(&joint.server.recording());
                same(&server, scene.replay_server(&server));
                let trace = client.trace();
                assert_eq!(trace[0], "event established");
                assert!(trace[1].starts_with("info service=IMAP"), "{trace:?}");
                assert_eq!(trace[2], format!("event data {}", HEXLOWER.encode(ANSWER)));
                let end = ["event peer-closed", "ended clean", "error send-after-close"];
                for (line, end) in trace[3..].iter().zip(end) {
                    assert!(line.starts_with(end), "{line}");
                }
                assert_eq!(client.peer_chain(), joint.client.peer_chain());
            }
        }
    }
}

/// A hybrid share, a share alone, and a server that wants another group than the client offered.
#[test]
fn retried_hellos_replay() {
    let group = rustls::NamedGroup::secp384r1;
    let mut picky = providers().remove(0);
    picky.kx_groups.retain(|g| g.name() == group);
    let scene = Scene::new(Some(providers().remove(0)), TlsVersions::Tls13Only);
    let server_world = World {
        authority: Authority::new(),
        clock: scene.world.clock.clone(),
        provider: Some(listening(Some(Arc::new(picky))).unwrap()),
        ..World::new()
    };
    let certificate = Certificates::new(scene.world.authority.issue(&[HOST]));
    let acceptor = server_world.acceptor_with(certificate).build().unwrap();
    let mut to_server = BytesMut::new();
    let client = Recorder::with_secrets()
        .connect(&scene.connector(), &mut to_server)
        .unwrap();
    let server = Recorder::with_secrets().accept(&acceptor).unwrap();
    let mut joint = Joint {
        client,
        server,
        to_server,
        to_client: BytesMut::new(),
        client_told: Vec::new(),
        server_told: Vec::new(),
    };
    joint.run(usize::MAX);
    assert_eq!(joint.client_told, [Told::Established]);
    let recording = joint.client.recording();
    assert_eq!(recording.to_string().matches("\nshare ").count(), 2);
    same(&recording, scene.replay_client(&recording));
}

#[test]
fn a_rejected_certificate_replays() {
    for versions in VERSIONS {
        let mut scene = Scene::new(None, versions);
        scene.certificate = Some(scene.world.authority.issue(&["other.example.net"]));
        let mut joint = Joint::new(&scene, Recorder::with_secrets);
        joint.run(usize::MAX);
        let recording = through_text(&joint.client.recording());
        let first = joint.client_told.first();
        assert!(matches!(first, Some(Told::Failed(Error::Certificate(_)))));
        same(&recording, scene.replay_client(&recording));
        let server = joint.server.recording();
        same(&server, scene.replay_server(&server));
        // The verdict alone, from what is no secret.
        let mut joint = Joint::new(&scene, Recorder::redacted);
        joint.run(usize::MAX);
        let chain = joint.client.recording().peer_chain();
        assert_eq!(chain, scene.certificate.as_ref().unwrap().certificates());
        assert_eq!(joint.server.recording().peer_chain(), []);
    }
}

/// A damaged record in the middle, and an end in the middle of one.
#[test]
fn faults_within_a_session_replay() {
    for versions in VERSIONS {
        for is_damaged in [true, false] {
            let scene = Scene::new(None, versions);
            let mut joint = Joint::new(&scene, Recorder::with_secrets);
            joint.run(usize::MAX);
            joint.client.send(SECRET, &mut joint.to_server).unwrap();
            if is_damaged {
                *joint.to_server.last_mut().unwrap() ^= 1;
            } else {
                joint.to_server.truncate(20);
            }
            joint.run(usize::MAX);
            assert!(!joint.server.end_of_input().is_clean());
            let recording = through_text(&joint.server.recording());
            let trace = recording.trace();
            assert!(
                trace.last().unwrap().starts_with("ended truncated"),
                "{trace:?}"
            );
            same(&recording, scene.replay_server(&recording));
            let client = joint.client.recording();
            same(&client, scene.replay_client(&client));
        }
    }
}

/// The recordings of sessions that followed each other on one connector and one acceptor, with
/// whom each was resumed: the client's and the server's of each.
fn visits(scene: &Scene, recorder: impl Fn() -> Recorder, count: usize) -> Vec<[Recording; 2]> {
    visits_every(Duration::from_secs(600), scene, recorder, count)
}

fn visits_every(
    pause: Duration,
    scene: &Scene,
    recorder: impl Fn() -> Recorder,
    count: usize,
) -> Vec<[Recording; 2]> {
    let (connector, acceptor) = (scene.connector(), scene.acceptor());
    (0..count)
        .map(|_| {
            let mut to_server = BytesMut::new();
            let recorder = recorder();
            let mut joint = Joint {
                client: recorder.connect(&connector, &mut to_server).unwrap(),
                server: recorder.accept(&acceptor).unwrap(),
                to_server,
                to_client: BytesMut::new(),
                client_told: Vec::new(),
                server_told: Vec::new(),
            };
            joint.converse(&scene.world.clock, usize::MAX);
            scene.world.clock.advance(pause);
            drop(joint);
            recorder.recordings().try_into().unwrap()
        })
        .collect()
}

/// A resumed session of a server: its recording holds what its ticket holds.
#[test]
fn a_servers_resumed_session_replays() {
    for versions in VERSIONS {
        let scene = Scene::new(None, versions);
        let visits = visits(&scene, Recorder::with_secrets, 2);
        let server = through_text(&visits[1][1]);
        assert!(server.to_string().contains(" resumed=yes "));
        same(&server, scene.replay_server(&server));
    }
}

/// Also one that made the acceptor change its keys: their randomness is no session's.
#[test]
fn a_session_in_which_ticket_keys_change_replays() {
    for versions in VERSIONS {
        let scene = Scene::new(None, versions);
        let pause = mail_tls::limits::OWN_TICKET_KEY_LIFETIME;
        let visits = visits_every(pause, &scene, Recorder::with_secrets, 3);
        for (nth, visit) in visits.iter().enumerate() {
            let server = through_text(&visit[1]);
            // With TLS 1.2 the first session has had its time.
            let is_resumed = nth == 1 || nth == 2 && versions == TlsVersions::Tls13Only;
            assert_eq!(server.to_string().contains(" resumed=yes "), is_resumed);
            same(&server, scene.replay_server(&server));
        }
    }
}

/// A resumed session of a client: what it resumes is in the recordings of the sessions before it,
/// and in the connector to which those were replayed.
#[test]
fn a_clients_resumed_session_replays_after_those_before_it() {
    for versions in VERSIONS {
        let scene = Scene::new(None, versions);
        let visits = visits(&scene, Recorder::with_secrets, 3);
        let clients: Vec<_> = visits
            .iter()
            .map(|[client, _]| through_text(client))
            .collect();
        assert!(!clients[0].to_string().contains(" resumed=yes "));
        let connector = scene.connector_for(&clients[0]);
        for (nth, client) in clients.iter().enumerate() {
            assert_eq!(client.to_string().contains(" resumed=yes "), nth > 0);
            same(client, client.replay_client(&connector));
        }
        // Alone, or behind another one than it came behind, it has nothing to resume.
        let stopped = scene.replay_client(&clients[1]).unwrap();
        assert_eq!(stopped.stopped().unwrap().reason, StopReason::Resumed);
        let connector = scene.connector_for(&clients[0]);
        same(&clients[0], clients[0].replay_client(&connector));
        let stopped = clients[2].replay_client(&connector).unwrap();
        assert_eq!(stopped.stopped().unwrap().reason, StopReason::Resumed);
    }
}

/// Nor is there anything of a ticket but what goes over the wire: the redacted recordings of
/// sessions that are resumed replay until the keys are needed, and hold none.
#[test]
fn redacted_recordings_of_resumed_sessions() {
    for versions in VERSIONS {
        let scene = Scene::new(None, versions);
        for visit in visits(&scene, Recorder::redacted, 2) {
            for recording in &visit {
                assert_no_secrets(&through_text(recording).to_string());
            }
            let replayed = scene.replay_client(&visit[0]).unwrap();
            let stopped = replayed.stopped().unwrap();
            assert_eq!(stopped.reason, StopReason::NeedsSecrets);
        }
    }
}

/// A client certificate, asked for and shown, and the user whom it is mapped to.
#[test]
fn client_certificates_replay() {
    for versions in VERSIONS {
        let mut scene = Scene::new(None, versions);
        let anchors = scene.world.authority.anchors();
        let chain = scene.world.authority.issue(&["joe.example.org"]);
        scene
            .world
            .account
            .authorise_client_certificate_with_tls12(chain);
        let acceptor = |certificate, world: &World| {
            world
                .acceptor_with(Certificates::new(certificate))
                .require_client_certificates(anchors.clone(), IdentityMapping::key())
                .build()
                .unwrap()
        };
        let certificate = scene.world.authority.issue(&[HOST]);
        let mut to_server = BytesMut::new();
        let recorder = Recorder::with_secrets();
        let mut joint = Joint {
            client: recorder
                .connect(&scene.connector(), &mut to_server)
                .unwrap(),
            server: recorder
                .accept(&acceptor(certificate, &scene.world))
                .unwrap(),
            to_server,
            to_client: BytesMut::new(),
            client_told: Vec::new(),
            server_told: Vec::new(),
        };
        joint.run(usize::MAX);
        joint.server.accept_client_identity().unwrap();
        let server = joint.server.recording();
        let again = scene.again(&server);
        let replayed = server.replay_server(&acceptor(server.own_chain().unwrap(), &again.world));
        same(&server, replayed);
        let client = joint.client.recording();
        assert_eq!(
            client.own_chain().unwrap().names(),
            ["joe.example.org".into()]
        );
        // The key is not needed again.
        scene.world.account = mail_tls::Account::configured();
        let chain = client.own_chain().unwrap();
        scene
            .world
            .account
            .authorise_client_certificate_with_tls12(chain);
        same(&client, scene.replay_client(&client));
    }
}

/// What a redacted recording may not hold.
#[test]
fn redacted_recordings_hold_no_secrets() {
    for versions in VERSIONS {
        let scene = Scene::new(None, versions);
        let secrets: Recording = {
            let mut joint = Joint::new(&scene, Recorder::with_secrets);
            joint.converse(&scene.world.clock, usize::MAX);
            joint.client.recording()
        };
        let text = secrets.to_string();
        assert!(text.contains(&HEXLOWER.encode(&SECRET[..9])));
        let mut joint = Joint::new(&scene, Recorder::redacted);
        joint.converse(&scene.world.clock, usize::MAX);
        for recording in [joint.client.recording(), joint.server.recording()] {
            let text = through_text(&recording).to_string();
            assert_no_secrets(&text);
            assert!(format!("{recording:#}").len() < text.len());
        }
        assert!(!joint.server.recording().to_string().contains("peer-chain"));
    }
}

/// Neither plaintext nor what keys follow from.
#[track_caller]
fn assert_no_secrets(text: &str) {
    for word in [&b"correct-horse-battery"[..], b"dear Joseph", b"LOGIN joe"] {
        let raw = String::from_utf8_lossy(word);
        assert!(!text.contains(&*raw));
        assert!(!text.contains(&HEXLOWER.encode(word)));
        assert!(!text.contains(BASE64.encode(word).trim_end_matches('=')));
    }
    for word in [
        "random ",
        "share ",
        "secret ",
        "exchanged ",
        "signature ",
        "sealed ",
        "opened ",
        "own-chain ",
    ] {
        assert!(!text.contains(&format!("\n{word}")), "{word}");
    }
}

/// What the documentation says of a client's certificate in a redacted recording: with TLS 1.3 it is
/// nowhere in it, with TLS 1.2 it is there as it was on the wire.
#[test]
fn the_clients_certificate_in_a_redacted_recording() {
    for versions in VERSIONS {
        let scene = Scene::new(None, versions);
        let chain = scene.world.authority.issue(&["joe.example.org"]);
        let anchors = scene.world.authority.anchors();
        let account = &scene.world.account;
        account.authorise_client_certificate_with_tls12(chain);
        let acceptor = scene
            .world
            .acceptor_with(Certificates::new(scene.world.authority.issue(&[HOST])))
            .require_client_certificates(anchors, IdentityMapping::key())
            .build()
            .unwrap();
        let mut to_server = BytesMut::new();
        let recorder = Recorder::redacted();
        let mut joint = Joint {
            client: recorder
                .connect(&scene.connector(), &mut to_server)
                .unwrap(),
            server: recorder.accept(&acceptor).unwrap(),
            to_server,
            to_client: BytesMut::new(),
            client_told: Vec::new(),
            server_told: Vec::new(),
        };
        joint.run(usize::MAX);
        joint.server.accept_client_identity().unwrap();
        let hex: String = b"joe.example.org"
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        for recording in [joint.client.recording(), joint.server.recording()] {
            let text = recording.to_string();
            let is_there = text.contains(&hex) || text.contains("joe");
            assert_eq!(is_there, versions == TlsVersions::Tls12Only);
        }
    }
}

/// A redacted recording replays until the keys are needed, and says where.
#[test]
fn redacted_recordings_replay_as_far_as_they_can() {
    let scene = Scene::new(None, TlsVersions::Tls13Only);
    let mut joint = Joint::new(&scene, Recorder::redacted);
    joint.converse(&scene.world.clock, usize::MAX);
    let recording = joint.client.recording();
    let replayed = scene.replay_client(&recording).unwrap();
    let stopped = replayed.stopped().unwrap();
    assert_eq!(stopped.reason, StopReason::NeedsSecrets);
    let line = recording.to_string();
    let line = line.lines().nth(stopped.line - 1).unwrap().to_owned();
    assert!(line.starts_with("peer-chain"), "{line}");
    let recording = joint.server.recording();
    let replayed = scene.replay_server(&recording).unwrap();
    let reason = replayed.stopped().unwrap().reason;
    assert_eq!(reason, StopReason::NeedsSecrets);
}

/// What needs no key replays to the end.
#[test]
fn redacted_clients_that_meet_no_tls_replay() {
    let rows: [(Service, TlsMode, &[&[u8]]); 7] = [
        (
            Service::Imap,
            TlsMode::Implicit,
            &[b"* OK [CAP", b"ABILITY IMAP4rev1] hi\r\n"],
        ),
        (
            Service::Imap,
            TlsMode::Implicit,
            &[b"\x00\x01\x02", b"\x03\x04\x05"],
        ),
        (
            Service::Imap,
            TlsMode::Implicit,
            &[b"\x15\x03\x03\x00\x02\x02\x28"],
        ),
        (
            Service::Imap,
            TlsMode::Implicit,
            &[b"\x16\x03\x03\x00\x04\x02\x00\x00\x00"],
        ),
        (
            Service::Pop3,
            TlsMode::StartTls,
            &[b"+OK hi\r\n", b"+OK go\r\n+OK injected\r\n"],
        ),
        (
            Service::Submission,
            TlsMode::StartTls,
            &[b"220 hi\r\n", b"250-h\r\n250 AUTH PLAIN\r\n", b"502 no\r\n"],
        ),
        (Service::Imap, TlsMode::StartTls, &[b"* BYE no\r\n"]),
    ];
    for (service, mode, pieces) in rows {
        let mut scene = Scene::new(None, TlsVersions::default());
        scene.world.service = service;
        scene.mode = mode;
        let mut outgoing = BytesMut::new();
        let mut session = Recorder::redacted()
            .connect(&scene.connector(), &mut outgoing)
            .unwrap();
        let mut told = Vec::new();
        for piece in pieces {
            told = drive!(session, &mut BytesMut::from(*piece), &mut outgoing);
        }
        assert!(
            matches!(told.as_slice(), [Told::Failed(_)]),
            "{pieces:?} {told:?}"
        );
        let recording = through_text(&session.recording());
        assert!(recording.trace().last().unwrap().starts_with("error "));
        same(&recording, scene.replay_client(&recording));
    }
}

/// A timeout happens when it happened.
#[test]
fn deadlines_replay() {
    for (wait, expires) in [(29_999, false), (30_000, true)] {
        let scene = Scene::new(None, TlsVersions::default());
        let mut outgoing = BytesMut::new();
        let mut session = Recorder::redacted()
            .connect(&scene.connector(), &mut outgoing)
            .unwrap();
        scene.world.clock.advance(Duration::from_millis(wait));
        assert_eq!(session.expire(&mut outgoing).is_err(), expires);
        let recording = through_text(&session.recording());
        same(&recording, scene.replay_client(&recording));
    }
}

/// What a client says before TLS is masked, and the masked text comes to the same.
#[test]
fn redacted_servers_that_meet_no_tls_replay() {
    let rows: [&[&[u8]]; 6] = [
        &[b"a1 LOGIN joe correct-horse-battery\r\n"],
        &[
            b"a1 LOG",
            b"IN joe correct-",
            b"horse-battery\r\n",
            b"correct-horse-battery",
        ],
        &[b"US", b"ER joe\r\nPASS correct-horse-battery\r\n"],
        &[b"GET /correct-horse-battery HTTP/1.1\r\n"],
        &[b"AUTH PLAIN Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5\r\n"],
        &[b"\x16\x03\x01\x00\x05correct"],
    ];
    for pieces in rows {
        let scene = Scene::new(None, TlsVersions::default());
        let mut session = Recorder::redacted().accept(&scene.acceptor()).unwrap();
        let mut outgoing = BytesMut::new();
        let mut told = Vec::new();
        for piece in pieces {
            told = drive!(session, &mut BytesMut::from(*piece), &mut outgoing);
        }
        assert!(matches!(told.as_slice(), [Told::Failed(_)]), "{told:?}");
        let recording = through_text(&session.recording());
        let text = recording.to_string();
        for word in ["correct", "horse", "battery", "joe", "Y29y"] {
            let is_tls = pieces[0][0] == 0x16;
            let hex = HEXLOWER.encode(word.as_bytes());
            assert!(
                is_tls || !text.contains(&hex) && !text.contains(word),
                "{text}"
            );
        }
        same(&recording, scene.replay_server(&recording));
    }
}

/// Whatever line is changed, that line is named, or a later one that follows from it.
#[test]
fn a_changed_recording_diverges() {
    let scene = Scene::new(None, TlsVersions::Tls13Only);
    let mut joint = Joint::new(&scene, Recorder::with_secrets);
    joint.converse(&scene.world.clock, usize::MAX);
    let text = joint.client.recording().to_string();
    let head = 9;
    let mut kinds = std::collections::BTreeSet::new();
    for (at, line) in text.lines().enumerate().skip(head) {
        let word = line.split(' ').next().unwrap();
        let changed = match line.rfind(|c: char| c.is_ascii_hexdigit()) {
            // The last digit of what the line holds.
            Some(end) if line.contains(' ') => {
                let digit = if &line[end..=end] == "0" { "1" } else { "0" };
                format!("{}{digit}{}", &line[..end], &line[end + 1..])
            }
            _ => "event other".to_owned(),
        };
        let mut lines: Vec<&str> = text.lines().collect();
        lines[at] = &changed;
        let Ok(recording) = lines.join("\n").parse::<Recording>() else {
            continue;
        };
        kinds.insert(word.to_owned());
        match scene.replay_client(&recording) {
            Err(ReplayError::Divergence(divergence)) => {
                let is_result = matches!(
                    word,
                    "out" | "event" | "info" | "ended" | "error" | "done" | "nothing"
                );
                if is_result {
                    assert_eq!(divergence.line, at + 1, "{line:.80}\n{divergence}");
                    assert_eq!(divergence.expected.as_deref(), Some(&*changed));
                    assert_eq!(divergence.got.as_deref(), Some(line));
                } else {
                    // The time and what is fed stand before the call.
                    assert!(divergence.line + 2 > at, "{line:.80}\n{divergence}");
                }
            }
            Err(ReplayError::Empty) if at == head => {}
            // The time of a call matters where something depends on it.
            Ok(_) if word == "at" => {}
            // After close nothing is sent, whatever it is.
            Ok(_) if word == "send" && at + 10 > text.lines().count() => {}
            other => panic!("{line:.80} -> {changed:.80}: {other:?}"),
        }
    }
    for word in [
        "fed", "out", "random", "share", "secret", "info", "event", "send", "process",
    ] {
        assert!(kinds.contains(word), "{word} {kinds:?}");
    }
    // What was left away is missed.
    let lines: Vec<&str> = text.lines().collect();
    for kept in head + 1..lines.len() {
        let shorter: Recording = lines[..kept].join("\n").parse().unwrap();
        let result = scene.replay_client(&shorter);
        let is_whole = shorter
            .to_string()
            .ends_with(&format!("{}\n", lines[kept - 1]));
        assert!(is_whole && (result.is_ok() || matches!(result, Err(ReplayError::Divergence(_)))));
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let scene = Scene::new(None, TlsVersions::Tls13Only);
    let mut joint = Joint::new(&scene, Recorder::with_secrets);
    joint.run(usize::MAX);
    let recording = joint.client.recording();
    let error = recording.replay_server(&scene.acceptor()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the recording is of a client of IMAP with implicit TLS, and was given to a server of \
         IMAP with implicit TLS"
    );
    let connector = |provider: Option<Arc<CryptoProvider>>, clock: Clock| {
        let mut builder = mail_tls::Client::builder()
            .trust_anchors(scene.world.authority.anchors())
            .clock(clock);
        if let Some(provider) = provider {
            builder = builder.crypto_provider(provider);
        }
        let client = builder.build().unwrap();
        client
            .connector(&scene.world.account, scene.world.endpoint())
            .unwrap()
    };
    let deaf = connector(None, recording.clock());
    let error = recording.replay_client(&deaf).unwrap_err();
    assert_eq!(error, ReplayError::ProviderPlaysNothing);
    let running = connector(scene.world.provider.clone(), Clock::system());
    let error = recording.replay_client(&running).unwrap_err();
    assert_eq!(error, ReplayError::ClockRuns);
    let error = Recorder::with_secrets()
        .connect(&deaf, &mut BytesMut::new())
        .unwrap_err();
    assert_eq!(error.code(), "unusable-provider");
    assert!(error.to_string().contains("recorder::provider"), "{error}");
    // Redacted, any provider does.
    let deaf = connector(None, Clock::system());
    let recorder = Recorder::redacted();
    recorder.connect(&deaf, &mut BytesMut::new()).unwrap();
    assert_eq!(recorder.recordings().len(), 1);
}

/// Nothing of what a recorder holds is in `Debug`.
#[test]
fn debug_shows_no_secrets() {
    let scene = Scene::new(None, TlsVersions::Tls13Only);
    let recorder = Recorder::with_secrets();
    let mut joint = Joint::new(&scene, || recorder.clone());
    joint.converse(&scene.world.clock, usize::MAX);
    let mut waiting = Recorder::redacted().accept(&scene.acceptor()).unwrap();
    let mut said = BytesMut::from(&SECRET[..20]);
    waiting.process(&mut said, &mut BytesMut::new()).unwrap();
    let recording = joint.client.recording();
    let replayed = scene.replay_client(&recording).unwrap();
    let shown = format!(
        "{:?} {:?} {recorder:?} {recording:?} {replayed:?} {waiting:?}",
        joint.client, joint.server
    );
    let list = format!("{:?}", &SECRET[10..16]);
    let list = list.trim_matches(['[', ']']);
    let hex = HEXLOWER.encode(&SECRET[10..16]);
    for secret in ["joe", "horse", list, &hex] {
        assert!(!shown.contains(secret), "{secret}");
    }
    assert!(shown.len() < 4000, "{shown}");
}

/// The newest are kept, and each has a bound.
#[test]
fn recordings_are_bounded() {
    let scene = Scene::new(None, TlsVersions::Tls13Only);
    let recorder = Recorder::redacted();
    let connector = scene.connector();
    let mut outgoing = BytesMut::new();
    for _ in 0..mail_tls::limits::RECORDINGS + 3 {
        drop(recorder.connect(&connector, &mut outgoing).unwrap());
        scene.world.clock.advance(Duration::from_secs(1));
    }
    let kept = recorder.recordings();
    assert_eq!(kept.len(), mail_tls::limits::RECORDINGS);
    let newest = scene.world.clock.wall() - Duration::from_secs(1);
    let late = newest.duration_since(kept[kept.len() - 1].began()).unwrap();
    assert!(late < Duration::from_millis(1));

    let mut joint = Joint::new(&scene, Recorder::with_secrets);
    joint.run(usize::MAX);
    let data = vec![0x5a; 1 << 20];
    for _ in 0..8 {
        joint.client.send(&data, &mut joint.to_server).unwrap();
        joint.run(usize::MAX);
    }
    for recording in [joint.client.recording(), joint.server.recording()] {
        let text = recording.to_string();
        assert!(text.ends_with("\nfull\n") && text.len() <= mail_tls::limits::RECORDING + 64);
    }
    let recording = joint.client.recording();
    let stopped = scene.replay_client(&recording).unwrap();
    assert_eq!(stopped.stopped().unwrap().reason, StopReason::Full);
}

/// What was recorded of sessions with a real server: `tests/recordings`.
#[test]
#[cfg(feature = "aws-lc-rs")]
fn checked_in_recordings_replay() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings");
    let anchors = std::fs::read(dir.join("authority.pem")).unwrap();
    let mut names: Vec<String> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".txt").map(str::to_owned))
        .collect();
    // A resumed session behind the one that it resumes.
    names.sort();
    let mut connector = None;
    let mut traces = Vec::new();
    for name in names {
        let text = std::fs::read_to_string(dir.join(format!("{name}.txt"))).unwrap();
        let recording: Recording = text.parse().unwrap();
        if !name.ends_with("-resumed") {
            let client = mail_tls::Client::builder()
                .trust_anchors(mail_tls::TrustAnchors::from_pem(&anchors).unwrap())
                .crypto_provider(listening(None).unwrap())
                .clock(recording.clock())
                .build()
                .unwrap();
            let host = recording.host().unwrap();
            let endpoint = Endpoint::typed(recording.service(), recording.mode(), host)
                .unwrap()
                .with_port(recording.port().unwrap());
            let account = mail_tls::Account::configured();
            connector = Some(client.connector(&account, endpoint).unwrap());
        }
        same(
            &recording,
            recording.replay_client(connector.as_ref().unwrap()),
        );
        traces.push(recording.trace().join("\n"));
    }
    assert_eq!(traces.len(), 9);
    let farewell = HEXLOWER.encode(b"a2 OK Logout completed");
    let with = |text: &str| traces.iter().filter(|trace| trace.contains(text)).count();
    assert_eq!(with(&farewell), 8);
    assert_eq!(with(" resumed=yes "), 4);
    assert_eq!(with("mode=starttls version=TLSv1.2 "), 2);
    assert_eq!(with("mode=implicit version=TLSv1.3 "), 2);
    assert_eq!(with("error plaintext-peer "), 1);
}

/// An adapter drives a recorded session as any other.
#[test]
#[cfg(all(feature = "std-io", unix))]
fn a_recorded_session_in_an_adapter() {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use mail_tls::blocking::{Stream, Untimed};

    let scene = Scene::new(None, TlsVersions::Tls13Only);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let recorder = Recorder::with_secrets();
    let server = {
        let (recorder, acceptor) = (recorder.clone(), scene.acceptor());
        std::thread::spawn(move || {
            let session = recorder.accept(&acceptor).unwrap();
            let none = BytesMut::new;
            let mut stream = Stream::new(session, Untimed(theirs), none(), none());
            let mut said = vec![0; SECRET.len()];
            stream.read_exact(&mut said).unwrap();
            stream.write_all(&said).unwrap();
            stream.close().unwrap();
        })
    };
    let mut outgoing = BytesMut::new();
    let session = Recorder::with_secrets()
        .connect(&scene.connector(), &mut outgoing)
        .unwrap();
    let mut stream = Stream::new(session, Untimed(ours), BytesMut::new(), outgoing);
    stream.write_all(SECRET).unwrap();
    let mut echoed = Vec::new();
    stream.read_to_end(&mut echoed).unwrap();
    assert_eq!(echoed, SECRET);
    server.join().unwrap();
    let client = stream.session().recording();
    same(&client, scene.replay_client(&client));
    let server = recorder.recordings().remove(0);
    same(&server, scene.replay_server(&server));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Arbitrary text is refused or read, and what is read is written the same; whatever is read
    /// replays without a panic.
    #[test]
    fn arbitrary_recordings(
        lines in prop::collection::vec(
            prop_oneof![
                "(at|fed|out|send|queue|random|share|exchanged|secret|scheme|signature|sealed|opened|own-chain|peer-chain|event|ended|error|info|answer|failed)( (-|none|#?[0-9a-f]{0,8}|[a-z-]{1,9})){0,4}",
                "(connect|accept|upgrade|process|flush|close|end-of-input|expire|trim|done|nothing|full|accept-client-identity)",
                "answer (configured|refuse|certificate|acceptor)",
                "fed (16030[13]00[0-9a-f]{4}|[0-9a-f]{2}|2a204f4b0d0a)",
            ],
            0..12,
        ),
        level in "(redacted|with-secrets)",
        side in "(server|client of h 993)",
    ) {
        let scene = Scene::new(None, TlsVersions::default());
        let head = format!(
            "mail-tls recording 1\ncrate 0\nfeatures \nlevel {level}\nside {side}\nservice imap\nmode implicit\nbegan 1700000000000\n\n"
        );
        let is_client = side != "server";
        let first = if is_client { "connect\n" } else { "accept\n" };
        let kept: String = lines
            .iter()
            .filter(|line| format!("{head}{line}\n").parse::<Recording>().is_ok())
            .map(|line| format!("{line}\n"))
            .collect();
        let text = format!("{head}{first}{kept}");
        let recording: Recording = text.parse().unwrap();
        prop_assert_eq!(recording.to_string(), text);
        let _ = format!("{recording:#}");
        let _ = recording.peer_chain();
        if is_client {
            let _ = scene.replay_client(&recording);
        } else {
            let _ = recording.replay_server(&Scene { certificate: None, ..scene.again(&recording) }.acceptor());
        }
    }

    #[test]
    fn arbitrary_text(text in "\\PC{0,200}", head in any::<bool>()) {
        let text = if head { format!("mail-tls recording 1\ncrate {text}") } else { text };
        prop_assert!(text.parse::<Recording>().is_err());
    }
}
