//! One connection, with a time limit for all of it, and lines with a limit for each.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The longest line that is read. RFC 5321 §4.5.3.1.5 has 512 octets, IMAP's capabilities are longer.
const LONGEST_LINE: usize = 8192;
/// The most lines of one reply.
pub(crate) const MOST_LINES: usize = 200;
/// How much of what a server says is shown.
const SHOWN: usize = 120;

/// A TCP connection.
pub(crate) struct Wire {
    socket: TcpStream,
    deadline: Instant,
    limit: Duration,
    received: Vec<u8>,
}

/// Why a conversation did not come to its end. `Display` is half a sentence: what the server did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    Refused,
    Unreachable(String),
    /// Nothing came for so long; what was waited for.
    TimedOut(Duration, &'static str),
    /// It hung up; what was waited for.
    Closed(&'static str),
    Broken(String),
    /// It speaks, and not TLS.
    NotTls(String),
    /// It does not want to; what it was asked for.
    Declined(&'static str, String),
    /// Something else than what was waited for.
    Odd(&'static str, String),
    Tls(String),
}

impl Wire {
    pub(crate) fn open(address: SocketAddr, limit: Duration) -> Result<Self, Failure> {
        let deadline = Instant::now() + limit;
        let socket =
            TcpStream::connect_timeout(&address, limit).map_err(|error| match error.kind() {
                ErrorKind::ConnectionRefused => Failure::Refused,
                ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                    Failure::Unreachable(format!("no answer within {} s", limit.as_secs()))
                }
                _ => Failure::Unreachable(error.to_string()),
            })?;
        // Small messages in turn; what cannot be set does not matter.
        let _ = socket.set_nodelay(true);
        Ok(Self {
            socket,
            deadline,
            limit,
            received: Vec::new(),
        })
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.write_all(bytes)
            .map_err(|error| self.failure(&error, "what was sent to be taken"))
    }

    /// Some more bytes, to the end of `to`.
    pub(crate) fn more(&mut self, to: &mut Vec<u8>, wait: &'static str) -> Result<(), Failure> {
        let mut chunk = [0; 4096];
        match self.read(&mut chunk) {
            Ok(0) => Err(Failure::Closed(wait)),
            Ok(n) => {
                to.extend(chunk.iter().take(n));
                Ok(())
            }
            Err(error) => Err(self.failure(&error, wait)),
        }
    }

    /// What an error of the socket means here.
    pub(crate) fn failure(&self, error: &io::Error, wait: &'static str) -> Failure {
        match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Failure::TimedOut(self.limit, wait),
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Failure::Closed(wait),
            _ => Failure::Broken(error.to_string()),
        }
    }

    /// Whether nothing was received beyond what was read as lines.
    pub(crate) fn has_leftover(&self) -> bool {
        !self.received.is_empty()
    }

    pub(crate) fn hang_up(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn left(&self) -> io::Result<Duration> {
        match self.deadline.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

/// Within the deadline, whoever drips.
impl Read for Wire {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.socket.set_read_timeout(Some(self.left()?))?;
        loop {
            match self.socket.read(to) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.set_write_timeout(Some(self.left()?))?;
        self.socket.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush()
    }
}

/// Line by line, in clear or in TLS.
pub(crate) trait Lines {
    fn say(&mut self, text: &str) -> Result<(), Failure>;
    /// Without its end.
    fn line(&mut self, wait: &'static str) -> Result<String, Failure>;
}

impl Lines for Wire {
    fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.send(text.as_bytes())
    }

    fn line(&mut self, wait: &'static str) -> Result<String, Failure> {
        loop {
            if let Some(line) = take_line(&mut self.received)? {
                return Ok(line);
            }
            let mut received = std::mem::take(&mut self.received);
            let result = self.more(&mut received, wait);
            self.received = received;
            result?;
        }
    }
}

/// The first line of `received`, if it is there to its end.
pub(crate) fn take_line(received: &mut Vec<u8>) -> Result<Option<String>, Failure> {
    match received.iter().position(|byte| *byte == b'\n') {
        Some(end) if end <= LONGEST_LINE => {
            let line: Vec<u8> = received.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
        }
        None if received.len() <= LONGEST_LINE => Ok(None),
        Some(_) | None => Err(Failure::Odd("a line", shown(received))),
    }
}

/// What a server said, so that it does no harm on a terminal.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let more = if bytes.len() > SHOWN { "…" } else { "" };
    let head = bytes.get(..SHOWN).unwrap_or(bytes);
    format!("{}{more}", head.trim_ascii_end().escape_ascii())
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("the connection was refused: nothing listens there"),
            Self::Unreachable(why) => write!(f, "it cannot be reached: {why}"),
            Self::TimedOut(limit, wait) => {
                write!(
                    f,
                    "it was silent: {} s were spent waiting for {wait}",
                    limit.as_secs()
                )
            }
            Self::Closed(wait) => write!(f, "it hung up in place of {wait}"),
            Self::Broken(why) => write!(f, "the connection broke: {why}"),
            Self::NotTls(said) => write!(f, "it does not speak TLS there, but says \"{said}\""),
            Self::Declined(what, said) => write!(f, "it declines {what}: \"{said}\""),
            Self::Odd(wait, said) => write!(f, "in place of {wait} it says \"{said}\""),
            Self::Tls(why) => write!(f, "the TLS handshake fails: {why}"),
        }
    }
}

impl Failure {
    /// For machines; it does not change.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Refused => "connection-refused",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut(..) => "silent",
            Self::Closed(_) => "closed",
            Self::Broken(_) => "connection-broken",
            Self::NotTls(_) => "not-tls",
            Self::Declined(..) => "declined",
            Self::Odd(..) => "unexpected-answer",
            Self::Tls(_) => "handshake-failed",
        }
    }
}
