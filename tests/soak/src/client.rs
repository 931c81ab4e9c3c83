//! The process with the clients: starts the server's, keeps the sessions going, and compares.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mail_tls::{
    Account, Client, Connector, Endpoint, Error, Limits, Service, Session, TlsMode, TrustAnchors,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::Options;
use crate::carrier::{Act, Pace, Speaker, carry};
use crate::clock;
use crate::content::{Content, Random};
use crate::ending::Ending;
use crate::figures::{ClientRecord, Figures, ServerRecord};
use crate::server::HOST;
use crate::story::{Story, Turn};

/// Connectors, as many accounts of one program.
const CONNECTORS: usize = 4;

/// Runs the whole soak; what does not hold.
pub(crate) async fn run(options: Options) -> Vec<String> {
    let (mut server, mut lines, mut questions) = start_server(options.patience);
    let greeting = lines.recv().await.unwrap_or_default();
    let world = Arc::new(World::new(&greeting, options.seed, options.patience));
    let warm = options.time / 5;
    println!(
        "{} sessions at a time, for {:?} after {warm:?}, seed {}",
        options.sessions, options.time, options.seed
    );
    let mut figures = Figures::default();
    // What is allocated once and kept is there after this.
    let mut memory = Vec::new();
    for time in [warm, options.time] {
        let begun = Instant::now();
        let until = begun + time;
        let tasks: Vec<_> = (0..options.sessions)
            .map(|_| tokio::spawn(keep_busy(Arc::clone(&world), until)))
            .collect();
        for task in tasks {
            match task.await {
                Ok(records) => figures.take_clients(records),
                Err(error) => figures.fault(format!("a client's task: {error}")),
            }
        }
        figures.time += begun.elapsed();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let theirs = ask_for_memory(&mut lines, &mut questions, &mut figures).await;
        let ours = crate::live_bytes().saturating_sub(figures.bytes());
        memory.push((ours, theirs));
    }
    drop(questions);
    let _ = tokio::time::timeout(Duration::from_secs(10), server.wait()).await;
    let _ = server.kill().await;
    figures.judge(&memory, options.sessions)
}

/// Its lines are read as they come, so that none waits there.
fn start_server(patience: Duration) -> (Child, UnboundedReceiver<String>, ChildStdin) {
    let program = std::env::current_exe().expect("this program");
    let mut server = Command::new(program)
        .args(["serve", "--patience", &patience.as_secs().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the server's process");
    let mut output = BufReader::new(server.stdout.take().expect("its output")).lines();
    let questions = server.stdin.take().expect("its input");
    let (sender, lines) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok(Some(line)) = output.next_line().await {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    (server, lines, questions)
}

/// Reads the server's lines up to its answer.
async fn ask_for_memory(
    lines: &mut UnboundedReceiver<String>,
    questions: &mut ChildStdin,
    figures: &mut Figures,
) -> usize {
    questions.write_all(b"memory\n").await.expect("a server");
    while let Some(line) = lines.recv().await {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["memory", bytes, busy] => {
                if *busy != "0" {
                    figures.fault(format!("{busy} sessions of the server never ended"));
                }
                return bytes.parse().unwrap_or(usize::MAX);
            }
            ["session", rest @ ..] => match ServerRecord::parse(rest) {
                Some(record) => figures.take_server(record),
                None => figures.fault(format!("no record: {line}")),
            },
            _ => figures.fault(line),
        }
    }
    figures.fault("the server's process has ended".to_owned());
    usize::MAX
}

#[derive(Debug)]
struct World {
    next: AtomicU64,
    ports: [u16; 2],
    /// For implicit TLS, then for STARTTLS.
    connectors: [Vec<Connector>; 2],
}

impl World {
    fn new(greeting: &str, seed: u64, patience: Duration) -> Self {
        let words: Vec<&str> = greeting.split(' ').collect();
        let ["listening", implicit, starttls, authority] = words.as_slice() else {
            panic!("the server said: {greeting}");
        };
        let authority: Vec<u8> = (0..authority.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&authority[at..at + 2], 16).expect("hex"))
            .collect();
        let ports = [implicit, starttls].map(|port| port.parse().expect("a port"));
        let anchors = TrustAnchors::from_der([authority.into()]).expect("an authority");
        let client = Client::builder()
            .trust_anchors(anchors)
            .clock(clock::jumping(seed))
            .limits(Limits::default().with_handshake_time(patience))
            .build()
            .expect("a client");
        let connectors = [TlsMode::Implicit, TlsMode::StartTls].map(|mode| {
            (0..CONNECTORS)
                .map(|_| {
                    let endpoint = Endpoint::typed(Service::Imap, mode, HOST).expect("a host");
                    client
                        .connector(&Account::configured(), endpoint)
                        .expect("a connector")
                })
                .collect()
        });
        Self {
            next: AtomicU64::new(seed.wrapping_mul(1 << 32)),
            ports,
            connectors,
        }
    }
}

/// One session after the other.
async fn keep_busy(world: Arc<World>, until: Instant) -> Vec<ClientRecord> {
    let mut records = Vec::new();
    while Instant::now() < until {
        let story = Story::of(world.next.fetch_add(1, Ordering::Relaxed));
        records.push(live(&world, story).await);
    }
    records
}

async fn live(world: &World, story: Story) -> ClientRecord {
    let kind = usize::from(story.mode == TlsMode::StartTls);
    let mut socket = TcpStream::connect(("127.0.0.1", world.ports[kind]))
        .await
        .expect("a connection");
    let connector = &world.connectors[kind][Random::new(story.id).size(CONNECTORS)];
    let mut outgoing = BytesMut::new();
    let session = connector.connect(&mut outgoing).expect("a session");
    if story.turn == Turn::HalfOpen {
        let half = Random::new(story.id).size(outgoing.len() + 1);
        let ending = wait_for_the_end(&mut socket, &outgoing[..half]).await;
        return ClientRecord::without_content(story, ending);
    }
    let mut pace = Pace::FULL;
    match story.turn {
        Turn::SlowReader => pace.read = Some((700, Duration::from_millis(2))),
        Turn::SlowWriter => pace.write = Some((300, Duration::from_millis(2))),
        _ => {}
    }
    let mut speaker = Speaking {
        up: Content::up(story.id, story.up),
        down: Content::down(story.id, story.down),
        random: Random::new(story.id),
        is_established: false,
        is_closed: false,
        peer_has_closed: false,
        is_damaged: false,
        has_fault: false,
        story,
    };
    let incoming = BytesMut::new();
    let ending = carry(socket, session, incoming, outgoing, pace, &mut speaker).await;
    ClientRecord {
        ending,
        has_fault: speaker.has_fault,
        up: (speaker.up.done, speaker.up.hash()),
        down: (speaker.down.done, speaker.down.hash()),
        story: speaker.story,
    }
}

/// Half a hello and then nothing: the server has to end it.
async fn wait_for_the_end(socket: &mut TcpStream, half: &[u8]) -> Ending {
    let end = async {
        socket.write_all(half).await?;
        let mut sink = [0; 1024];
        while socket.read(&mut sink).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    match tokio::time::timeout(Duration::from_secs(90), end).await {
        Ok(_) => Ending::Unestablished,
        Err(_) => Ending::Other,
    }
}

/// The client's part: it names its session, sends what the story says, and closes its half.
#[derive(Debug)]
struct Speaking {
    story: Story,
    up: Content,
    down: Content,
    random: Random,
    is_established: bool,
    is_closed: bool,
    peer_has_closed: bool,
    is_damaged: bool,
    has_fault: bool,
}

impl Speaker for Speaking {
    fn established(&mut self) {
        self.is_established = true;
    }

    fn data(&mut self, data: &[u8]) {
        self.has_fault |= !self.down.expect(data);
    }

    fn peer_closed(&mut self) {
        self.peer_has_closed = true;
    }

    fn speak(&mut self, session: &mut impl Session, outgoing: &mut BytesMut) -> Result<Act, Error> {
        if !self.is_established {
            return Ok(Act::GoOn);
        }
        if self.up.done == 0 && !self.up.is_over() {
            session.send(&self.story.id.to_be_bytes(), outgoing)?;
        }
        while outgoing.len() < 32 * 1024 && !self.up.is_over() {
            let size = self.random.size(20_000) + 1;
            session.send(&self.up.take(size), outgoing)?;
            if self.turn_has_come(Turn::Damage, 0) && !self.is_damaged {
                self.is_damaged = true;
                if let Some(last) = outgoing.last_mut() {
                    *last ^= 1;
                }
            }
        }
        for (turn, reset) in [(Turn::ClientResets, true), (Turn::ClientVanishes, false)] {
            if self.turn_has_come(turn, outgoing.len()) {
                return Ok(Act::Leave { reset });
            }
        }
        if self.up.is_over() && !self.is_closed && !self.story.turn.ends_the_clients_transport() {
            session.close(outgoing);
            self.is_closed = true;
        }
        Ok(if self.is_closed && self.peer_has_closed {
            Act::Finish
        } else {
            Act::GoOn
        })
    }
}

impl Speaking {
    /// `waiting` are bytes that have not gone out yet.
    fn turn_has_come(&self, turn: Turn, waiting: usize) -> bool {
        let passed = (self.up.done + self.down.done).saturating_sub(waiting as u64);
        self.story.turn == turn && passed > self.story.after
    }
}
