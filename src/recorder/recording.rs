//! A recording and its text.

use std::fmt;
use std::str::FromStr;
use std::time::{Instant, SystemTime};

use pki_types::CertificateDer;

use super::line::{Answer, Call, Chance, Line, Plaintext};
use super::provider;
use super::recorded::wall;
use crate::certificates::CertifiedChain;
use crate::clock::Clock;
use crate::limits::RECORDING;
use crate::service::{Service, TlsMode};

/// What was recorded of one session, to be kept as text and replayed.
///
/// Its `Display` is the text, which [`FromStr`] reads: a head with what the session was, and one
/// line for each thing that was fed, called, drawn by chance, sent, or told. With `{:#}` it is
/// abridged to be read: bytes are only counted.
#[derive(Clone, PartialEq, Eq)]
pub struct Recording {
    header: Header,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    /// The version of this crate.
    pub(super) version: String,
    /// Its features.
    pub(super) features: String,
    pub(super) with_secrets: bool,
    pub(super) service: Service,
    pub(super) mode: TlsMode,
    /// Whom a client connects to.
    pub(super) peer: Option<(String, u16)>,
    /// The wall time when the session began, in milliseconds since 1970.
    pub(super) began: u64,
}

/// A text that is not a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the recording cannot be read: {reason}")]
#[non_exhaustive]
pub struct InvalidRecording {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

const FIRST_LINE: &str = "mail-tls recording 1";

impl Recording {
    pub(super) fn new(header: Header, lines: Vec<Line>) -> Self {
        Self { header, lines }
    }

    pub(super) fn extend(&mut self, lines: impl IntoIterator<Item = Line>) {
        self.lines.extend(lines);
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.lines
    }

    pub(super) fn with_lines(&self, lines: &[Line]) -> Self {
        Self::new(self.header.clone(), lines.to_vec())
    }

    /// Whether the session resumed an earlier one.
    pub(super) fn is_resumed(&self) -> bool {
        self.lines
            .iter()
            .any(|line| matches!(line, Line::Info(info) if info.contains(" resumed=yes ")))
    }

    /// The number of a line in the text.
    pub(super) fn number(&self, at: usize) -> usize {
        self.header.lines().saturating_add(at).saturating_add(1)
    }

    /// Whether it holds what the session's secrets follow from: then it decrypts the connection.
    pub fn has_secrets(&self) -> bool {
        self.header.with_secrets
    }

    /// Whether it is that of a client.
    pub fn is_of_client(&self) -> bool {
        self.header.peer.is_some()
    }

    /// The service.
    pub fn service(&self) -> Service {
        self.header.service
    }

    /// The mode.
    pub fn mode(&self) -> TlsMode {
        self.header.mode
    }

    /// The host that a client connected to.
    pub fn host(&self) -> Option<&str> {
        self.header.peer.as_ref().map(|(host, _)| host.as_str())
    }

    /// The port that a client connected to.
    pub fn port(&self) -> Option<u16> {
        self.header.peer.as_ref().map(|(_, port)| *port)
    }

    /// The version of this crate that recorded it.
    pub fn crate_version(&self) -> &str {
        &self.header.version
    }

    /// The features of this crate when it was recorded, separated by commas.
    pub fn features(&self) -> &str {
        &self.header.features
    }

    /// The wall time when the session began.
    pub fn began(&self) -> SystemTime {
        wall(self.header.began)
    }

    /// A fixed clock at the time when the session began. What replays it has to be made with it:
    /// it is moved as the recorded session's clock moved.
    pub fn clock(&self) -> Clock {
        #[expect(
            clippy::disallowed_methods,
            reason = "any beginning does: only differences count"
        )]
        let monotonic = Instant::now();
        Clock::fixed(monotonic, self.began())
    }

    /// The chain that the peer has shown, its own certificate first; empty where none was recorded.
    /// A server's recording has it only with secrets. With [`verify::evaluate`] the verdict can be
    /// looked at alone.
    ///
    /// [`verify::evaluate`]: crate::verify::evaluate()
    pub fn peer_chain(&self) -> Vec<CertificateDer<'static>> {
        self.chances()
            .find_map(|chance| match chance {
                Chance::Peer(chain) => Some(certificates(chain)),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// The chain that this side has shown, with a key that can sign what it has signed in the
    /// recording, and nothing else: a server's certificate without its key, for replaying. `None`
    /// where none was recorded.
    pub fn own_chain(&self) -> Option<CertifiedChain> {
        self.chances().find_map(own_chain)
    }

    fn chances(&self) -> impl Iterator<Item = &Chance> {
        self.lines.iter().filter_map(|line| match line {
            Line::Chance(chance) => Some(chance),
            _ => None,
        })
    }

    /// What the session told, in order, as the lines of the recording say it: events, errors, the
    /// end of input, and what was negotiated.
    pub fn trace(&self) -> Vec<String> {
        self.lines
            .iter()
            .filter(|line| match line {
                Line::Answer(Answer::Done | Answer::Nothing) => false,
                Line::Answer(_) | Line::Info(_) | Line::Full => true,
                _ => false,
            })
            .map(Line::to_string)
            .collect()
    }
}

pub(super) fn own_chain(chance: &Chance) -> Option<CertifiedChain> {
    match chance {
        Chance::Shown { algorithm, chain } => {
            CertifiedChain::with_signing_key(certificates(chain), provider::key(None, *algorithm))
                .ok()
        }
        _ => None,
    }
}

fn certificates(chain: &[Vec<u8>]) -> Vec<CertificateDer<'static>> {
    chain.iter().cloned().map(CertificateDer::from).collect()
}

impl fmt::Display for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header.fmt(f)?;
        for line in &self.lines {
            if f.alternate() {
                writeln!(f, "{}", Abridged(line))?;
            } else {
                writeln!(f, "{line}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Recording {
    type Err = InvalidRecording;

    fn from_str(text: &str) -> Result<Self, InvalidRecording> {
        // Each byte of a recording's bound takes a line at most, and hexadecimal digits.
        if text.len() > RECORDING.saturating_mul(2) {
            return Err(InvalidRecording {
                line: 1,
                reason: "it is longer than any recording",
            });
        }
        let mut numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line));
        let header = Header::parse(&mut numbered)?;
        let head = header.to_string();
        if let Some(at) = head.lines().zip(text.lines()).position(|(a, b)| a != b) {
            return Err(InvalidRecording {
                line: at + 1,
                reason: "no recorder writes it so",
            });
        }
        let lines = numbered
            .map(|(number, line)| {
                Line::parse(line).ok_or(InvalidRecording {
                    line: number,
                    reason: "it is no line of a recording",
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { header, lines })
    }
}

/// Without what was recorded, which may be secret.
impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("header", &self.header)
            .field("lines", &self.lines.len())
            .finish_non_exhaustive()
    }
}

const SERVICES: [(Service, &str); 6] = [
    (Service::Imap, "imap"),
    (Service::Pop3, "pop3"),
    (Service::Submission, "submission"),
    (Service::ManageSieve, "managesieve"),
    (Service::Lmtp, "lmtp"),
    (Service::SmtpRelay, "smtp-relay"),
];

impl Header {
    pub(super) fn new(
        with_secrets: bool,
        service: Service,
        mode: TlsMode,
        peer: Option<(String, u16)>,
        began: u64,
    ) -> Self {
        let features: Vec<&str> = [
            (cfg!(feature = "aws-lc-rs"), "aws-lc-rs"),
            (cfg!(feature = "ring"), "ring"),
            (cfg!(feature = "webpki-roots"), "webpki-roots"),
            (cfg!(feature = "idna"), "idna"),
            (cfg!(feature = "serde"), "serde"),
        ]
        .into_iter()
        .filter_map(|(is_on, name)| is_on.then_some(name))
        .collect();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            features: features.join(","),
            with_secrets,
            service,
            mode,
            peer,
            began,
        }
    }

    /// How many lines it takes.
    fn lines(&self) -> usize {
        9
    }

    fn parse<'a>(
        lines: &mut impl Iterator<Item = (usize, &'a str)>,
    ) -> Result<Self, InvalidRecording> {
        let mut last = 0;
        let mut field = |key: &str| {
            let (line, text) = lines.next().unwrap_or((last + 1, ""));
            last = line;
            let value = match text.strip_prefix(key) {
                Some("") => Some(""),
                Some(rest) => rest.strip_prefix(' '),
                None => None,
            };
            value.ok_or(InvalidRecording {
                line,
                reason: if line == 1 {
                    "a recording of this version begins with \"mail-tls recording 1\""
                } else {
                    "another line of the head was expected"
                },
            })
        };
        field(FIRST_LINE)?;
        let version = field("crate")?.to_owned();
        let features = field("features")?.to_owned();
        let level = field("level")?;
        let side = field("side")?;
        let (service, mode) = (field("service")?, field("mode")?);
        let began = field("began")?;
        field("")?;
        let wrong = |line, reason| InvalidRecording { line, reason };
        let header = Self {
            version,
            features,
            with_secrets: match level {
                "redacted" => false,
                "with-secrets" => true,
                _ => return Err(wrong(4, "there is no such level")),
            },
            peer: match side.strip_prefix("client of ") {
                Some(peer) => Some(
                    peer.rsplit_once(' ')
                        .and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)))
                        .ok_or_else(|| wrong(5, "a client's host and port were expected"))?,
                ),
                None if side == "server" => None,
                None => return Err(wrong(5, "there is no such side")),
            },
            service: SERVICES
                .iter()
                .find(|(_, name)| *name == service)
                .map(|(service, _)| *service)
                .ok_or_else(|| wrong(6, "there is no such service"))?,
            mode: match mode {
                "implicit" => TlsMode::Implicit,
                "starttls" => TlsMode::StartTls,
                _ => return Err(wrong(7, "there is no such mode")),
            },
            began: began
                .parse()
                .map_err(|_| wrong(8, "a time in milliseconds was expected"))?,
        };
        Ok(header)
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        writeln!(f, "crate {}", self.version)?;
        writeln!(f, "features {}", self.features)?;
        let level = if self.with_secrets {
            "with-secrets"
        } else {
            "redacted"
        };
        writeln!(f, "level {level}")?;
        match &self.peer {
            Some((host, port)) => writeln!(f, "side client of {host} {port}")?,
            None => writeln!(f, "side server")?,
        }
        let service = SERVICES
            .iter()
            .find(|(service, _)| *service == self.service);
        writeln!(f, "service {}", service.map_or("", |(_, name)| name))?;
        let mode = match self.mode {
            TlsMode::Implicit => "implicit",
            TlsMode::StartTls => "starttls",
        };
        writeln!(f, "mode {mode}")?;
        writeln!(f, "began {}", self.began)?;
        writeln!(f)
    }
}

/// A line to be read by people.
struct Abridged<'a>(&'a Line);

impl fmt::Display for Abridged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |f: &mut fmt::Formatter<'_>, what: &str, bytes: &[u8]| {
            write!(f, "    {what} {} bytes", bytes.len())
        };
        match self.0 {
            Line::At { elapsed, .. } => write!(f, "{elapsed} ms"),
            Line::Fed(bytes) => write!(f, "fed {} bytes{}", bytes.len(), Text(bytes)),
            Line::Out(bytes) => {
                count(f, "out", bytes)?;
                Text(bytes).fmt(f)
            }
            Line::Call(Call::Send(Plaintext::Bytes(bytes))) => write!(f, "send #{}", bytes.len()),
            Line::Call(Call::Queue(Plaintext::Bytes(bytes))) => write!(f, "queue #{}", bytes.len()),
            Line::Call(call) => call.fmt(f),
            Line::Chance(Chance::Random(bytes)) => count(f, "random", bytes),
            Line::Chance(Chance::Secret(bytes)) => count(f, "secret", bytes),
            Line::Chance(Chance::Signature(bytes)) => count(f, "signature", bytes),
            Line::Chance(Chance::Share { group, .. }) => write!(f, "    share {group:04x}"),
            Line::Chance(Chance::Exchanged { group, .. }) => write!(f, "    exchanged {group:04x}"),
            Line::Chance(Chance::Shown { chain, .. }) => {
                write!(f, "    own-chain of {}", chain.len())
            }
            Line::Chance(Chance::Peer(chain)) => write!(f, "    peer-chain of {}", chain.len()),
            Line::Chance(Chance::Sealed(_)) => f.write_str("    sealed"),
            Line::Chance(Chance::Opened(_)) => f.write_str("    opened"),
            Line::Chance(chance) => write!(f, "    {chance}"),
            Line::Answer(Answer::Data(Plaintext::Bytes(bytes))) => {
                write!(f, "    event data #{}", bytes.len())
            }
            Line::Answer(answer) => write!(f, "    {answer}"),
            Line::Info(info) => write!(f, "    info {info}"),
            Line::Full => f.write_str("full"),
        }
    }
}

/// Plain text behind the count of its bytes, where it is such.
struct Text<'a>(&'a [u8]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_text = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~');
        if self.0.iter().all(is_text) {
            write!(f, ": {}", self.0.escape_ascii())?;
        }
        Ok(())
    }
}
