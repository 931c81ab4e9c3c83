//! Programs as child processes: ports, directories, starting, waiting, ending.
//!
//! * `free_port()`: a port that is free on 127.0.0.1 and on ::1
//! * `LOOPBACK`: the two addresses
//! * `Scratch::new()`: a directory that goes when its handle goes
//! * `Server::start(name, command, log, port)`: waits until the port listens; the process and all
//!   its descendants end with the handle. `Server::log()` is what it has written so far.
//! * `run_to_end(command, input, after)`: runs a client, returns a `Run` (`success`, `says`, ...)
//! * `peers_dir()`: where `.ci/run prepare` puts what is not installed system-wide
//!
//! Each program runs under coreutils' `timeout`, so that it ends even if this process is killed.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio, id};
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// No server of a test lives longer (seconds). An example may have to be built meanwhile.
const SERVER_LIFE: &str = "300";
/// No client of a test runs longer (seconds).
const CLIENT_LIFE: &str = "30";
const START_WITHIN: Duration = Duration::from_secs(20);
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// The two addresses on which every server here can be reached.
pub(crate) const LOOPBACK: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// A port that nobody listens on and no other caller has been given. It is below the range from
/// which systems take the ports of outgoing connections, so that it stays free until it is used.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 10_000;
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let own_start = u16::try_from(id() % u32::from(COUNT)).unwrap();
    for _ in 0..COUNT {
        let offset = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + own_start.wrapping_add(offset) % COUNT;
        if LOOPBACK
            .into_iter()
            .all(|address| TcpListener::bind((address, port)).is_ok())
        {
            return port;
        }
    }
    panic!("no port from {FIRST} on is free on both 127.0.0.1 and ::1");
}

/// Where `.ci/run prepare` puts Exim and the Python environment.
pub(crate) fn peers_dir() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let dir = target.join("peers");
    assert!(
        dir.is_dir(),
        "{} is missing: run `.ci/run prepare` first",
        dir.display()
    );
    dir
}

/// A directory of its own, readable by the users that servers change to; removed when dropped.
/// Not below the target directory: the paths of Unix sockets must stay short.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mail-tls-{}-{count}", id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        set_mode(&path, 0o755);
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file into the directory, and returns its path.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Makes a directory in it that belongs to `owner` (`user:group`), and returns its path.
    pub(crate) fn make_dir(&self, name: &str, owner: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(&path).unwrap();
        let status = Command::new("chown")
            .arg(owner)
            .arg(&path)
            .status()
            .unwrap();
        assert!(status.success(), "chown {owner} {}", path.display());
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A running server; it ends, with every process that it started, when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `command`, whose output goes to the end of `log`, and waits until something listens
    /// on `port`. Panics with the log if that does not happen.
    pub(crate) fn start(name: &'static str, command: &Command, log: &Path, port: u16) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        let child = bounded(command, SERVER_LIFE)
            .stdin(Stdio::piped())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        let mut server = Self {
            name,
            child,
            log: log.to_owned(),
        };
        let started = Instant::now();
        while !listens(port) {
            let ended = server.child.try_wait().unwrap();
            let late = started.elapsed() > START_WITHIN;
            if ended.is_some() || late {
                panic!(
                    "{name} does not listen on port {port} ({ended:?}):\n{}",
                    server.log()
                );
            }
            sleep(Duration::from_millis(20));
        }
        server
    }

    /// What the server has written to its log so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The server's processes.
    pub(crate) fn processes(&self) -> Vec<Process> {
        with_descendants(self.child.id())
    }

    /// Waits until the log contains `text`; `false` if it does not within a few seconds.
    pub(crate) fn logs(&self, text: &str) -> bool {
        within(STOP_WITHIN, || self.log().contains(text))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let all = with_descendants(self.child.id());
        let ids: Vec<u32> = all.iter().map(|process| process.id).collect();
        signal("TERM", &ids);
        within(STOP_WITHIN, || {
            let _ = self.child.try_wait();
            !all.iter().any(Process::is_alive)
        });
        let left: Vec<u32> = all.iter().filter(|p| p.is_alive()).map(|p| p.id).collect();
        if !left.is_empty() {
            signal("KILL", &left);
        }
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of {}:\n{}---", self.name, self.log());
        }
    }
}

/// How a client ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn success(&self) -> bool {
        self.status.success()
    }

    /// Whether either of its outputs contains `text`.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }
}

/// What becomes of a client's standard input after what it is to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterInput {
    /// It stays open until the client ends by itself, because the server closed. Several clients
    /// hang up as soon as their input ends, before they have read the answer.
    StayOpen,
    /// It ends, so that the client closes first.
    End,
}

/// Runs `command` to its end. One that exceeds its time is ended, with the status 124.
pub(crate) fn run_to_end(command: &Command, input: &str, after: AfterInput) -> Run {
    let mut child = bounded(command, CLIENT_LIFE)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take();
    if let Some(stdin) = &mut stdin {
        // A client that fails at once does not read; its output says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    if after == AfterInput::End {
        stdin = None;
    }
    let stderr = child.stderr.take().unwrap();
    let stderr = std::thread::spawn(move || read_all(stderr));
    let stdout = read_all(child.stdout.take().unwrap());
    let status = child.wait().unwrap();
    drop(stdin);
    Run {
        status,
        stdout,
        stderr: stderr.join().unwrap(),
    }
}

fn read_all(mut source: impl Read) -> String {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Polls `condition` until it holds or the time is over; whether it held.
pub(crate) fn within(time: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let started = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if started.elapsed() > time {
            return false;
        }
        sleep(Duration::from_millis(20));
    }
}

fn bounded(command: &Command, seconds: &str) -> Command {
    let mut bounded = Command::new("timeout");
    bounded
        .args(["--kill-after=3", seconds])
        .arg(command.get_program())
        .args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => bounded.env(key, value),
            None => bounded.env_remove(key),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        bounded.current_dir(dir);
    }
    bounded
}

/// Whether some socket listens on the port. Asks the system instead of connecting, because a
/// connection without a handshake would be an event in the server under test.
fn listens(port: u16) -> bool {
    const LISTEN: &str = "0A";
    let local = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        let table = fs::read_to_string(table).unwrap_or_default();
        table.lines().any(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let is_local = fields.next().is_some_and(|field| field.ends_with(&local));
            is_local && fields.nth(1) == Some(LISTEN)
        })
    })
}

/// A process by id and start time, so that a later process with the same id is not mistaken for it.
#[derive(Debug)]
pub(crate) struct Process {
    id: u32,
    parent: u32,
    start: u64,
}

impl Process {
    fn read(id: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name of the program is in parentheses and may contain spaces and parentheses.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        Some(Self {
            id,
            parent: fields.get(1)?.parse().ok()?,
            start: fields.get(19)?.parse().ok()?,
        })
    }

    pub(crate) fn is_alive(&self) -> bool {
        Self::read(self.id).is_some_and(|now| now.start == self.start)
    }
}

fn with_descendants(root: u32) -> Vec<Process> {
    let ids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let (mut found, mut others): (Vec<_>, Vec<_>) = ids
        .filter_map(Process::read)
        .partition(|process| process.id == root);
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|process| process.id) {
        let (children, rest) = others
            .into_iter()
            .partition(|process| process.parent == parent);
        found.extend::<Vec<_>>(children);
        others = rest;
        next += 1;
    }
    found
}

fn signal(name: &str, ids: &[u32]) {
    let ids = ids.iter().map(u32::to_string);
    // `kill` complains about a process that has ended meanwhile, which is what was wanted.
    let _ = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$@\" 2>/dev/null", name])
        .args(ids)
        .status();
}
