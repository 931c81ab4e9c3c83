//! The lines of a recording.

use std::fmt;

use data_encoding::HEXLOWER;

use crate::session::EndOfInput;

/// One line of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// The time of the call that follows, where it is not that of the one before: milliseconds
    /// since the session began, and since 1970.
    At {
        elapsed: u64,
        wall: u64,
    },
    /// Appended to `incoming` before the call that follows.
    Fed(Vec<u8>),
    Call(Call),
    Chance(Chance),
    /// Appended to `outgoing` by the call.
    Out(Vec<u8>),
    Answer(Answer),
    /// What was negotiated, known once the call is over.
    Info(String),
    /// The recording has reached its bound, and ends here.
    Full,
}

/// What the embedder called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Call {
    Connect,
    Accept,
    Upgrade,
    Process,
    Send(Plaintext),
    Queue(Plaintext),
    Flush,
    Close,
    End,
    Expire,
    Trim,
    AnswerHello(Hello),
    AcceptIdentity,
}

/// What a ClientHello was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hello {
    Configured,
    Certificate,
    Challenge,
    Acceptor,
    Refuse,
}

/// Plaintext, or how much of it there was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Plaintext {
    Length(usize),
    Bytes(Vec<u8>),
}

/// What cannot be foreseen, or is decided outside of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Chance {
    Random(Vec<u8>),
    /// A key exchange was started.
    Share {
        group: u16,
        public: Vec<u8>,
        hybrid: Option<(u16, Vec<u8>)>,
    },
    /// A key exchange was started and completed at once.
    Exchanged {
        group: u16,
        public: Vec<u8>,
        secret: Vec<u8>,
    },
    Secret(Vec<u8>),
    /// A share of the peer's is invalid.
    InvalidShare,
    /// The provider failed.
    Failed(String),
    /// The scheme that a key signs with.
    Scheme(Option<u16>),
    Signature(Vec<u8>),
    /// A ticket was sealed, or opened.
    Sealed(Option<Vec<u8>>),
    Opened(Option<Vec<u8>>),
    /// The chain that this side shows, and the kind of its key.
    Shown {
        algorithm: u8,
        chain: Vec<Vec<u8>>,
    },
    /// The chain that the peer has shown.
    Peer(Vec<Vec<u8>>),
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Done, with nothing to tell.
    Done,
    /// More input is needed.
    Nothing,
    Established,
    Data(Plaintext),
    PeerClosed,
    ClientHello,
    ChallengeAnswered,
    /// Something that this version of the recorder does not know.
    Other,
    Ended(EndOfInput),
    Error {
        code: String,
        sentence: String,
    },
}

impl Line {
    /// About how long its text is.
    pub(super) fn size(&self) -> usize {
        const WORDS: usize = 48;
        let payload = match self {
            Self::Fed(bytes) | Self::Out(bytes) => hex_length(bytes),
            Self::Call(Call::Send(plaintext) | Call::Queue(plaintext))
            | Self::Answer(Answer::Data(plaintext)) => match plaintext {
                Plaintext::Bytes(bytes) => hex_length(bytes),
                Plaintext::Length(_) => 0,
            },
            Self::Chance(chance) => chance.size(),
            Self::Info(text) => text.len(),
            Self::Answer(Answer::Error { code, sentence }) => {
                code.len().saturating_add(sentence.len())
            }
            Self::At { .. } | Self::Call(_) | Self::Answer(_) | Self::Full => 0,
        };
        payload.saturating_add(WORDS)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let line = match word {
            "at" => {
                let (elapsed, wall) = rest.split_once(' ')?;
                Self::At {
                    elapsed: number(elapsed)?,
                    wall: number(wall)?,
                }
            }
            "fed" => Self::Fed(bytes(rest)?),
            "out" => Self::Out(bytes(rest)?),
            "info" => Self::Info(sentence(rest)?),
            "full" => Self::Full,
            _ => match Call::parse(word, rest) {
                Some(call) => Self::Call(call),
                None => match Chance::parse(word, rest) {
                    Some(chance) => Self::Chance(chance),
                    None => Self::Answer(Answer::parse(word, rest)?),
                },
            },
        };
        // One text for each line: what is read is what was written.
        (line.to_string() == text).then_some(line)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At { elapsed, wall } => write!(f, "at {elapsed} {wall}"),
            Self::Fed(bytes) => write!(f, "fed {}", Hex(bytes)),
            Self::Call(call) => call.fmt(f),
            Self::Chance(chance) => chance.fmt(f),
            Self::Out(bytes) => write!(f, "out {}", Hex(bytes)),
            Self::Answer(answer) => answer.fmt(f),
            Self::Info(text) => write!(f, "info {text}"),
            Self::Full => f.write_str("full"),
        }
    }
}

impl Call {
    fn parse(word: &str, rest: &str) -> Option<Self> {
        Some(match word {
            "connect" => Self::Connect,
            "accept" => Self::Accept,
            "upgrade" => Self::Upgrade,
            "process" => Self::Process,
            "send" => Self::Send(Plaintext::parse(rest)?),
            "queue" => Self::Queue(Plaintext::parse(rest)?),
            "flush" => Self::Flush,
            "close" => Self::Close,
            "end-of-input" => Self::End,
            "expire" => Self::Expire,
            "trim" => Self::Trim,
            "answer" => Self::AnswerHello(match rest {
                "configured" => Hello::Configured,
                "certificate" => Hello::Certificate,
                "challenge" => Hello::Challenge,
                "acceptor" => Hello::Acceptor,
                "refuse" => Hello::Refuse,
                _ => return None,
            }),
            "accept-client-identity" => Self::AcceptIdentity,
            _ => return None,
        })
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("connect"),
            Self::Accept => f.write_str("accept"),
            Self::Upgrade => f.write_str("upgrade"),
            Self::Process => f.write_str("process"),
            Self::Send(plaintext) => write!(f, "send {plaintext}"),
            Self::Queue(plaintext) => write!(f, "queue {plaintext}"),
            Self::Flush => f.write_str("flush"),
            Self::Close => f.write_str("close"),
            Self::End => f.write_str("end-of-input"),
            Self::Expire => f.write_str("expire"),
            Self::Trim => f.write_str("trim"),
            Self::AnswerHello(answer) => {
                f.write_str("answer ")?;
                f.write_str(match answer {
                    Hello::Configured => "configured",
                    Hello::Certificate => "certificate",
                    Hello::Challenge => "challenge",
                    Hello::Acceptor => "acceptor",
                    Hello::Refuse => "refuse",
                })
            }
            Self::AcceptIdentity => f.write_str("accept-client-identity"),
        }
    }
}

impl Plaintext {
    pub(super) fn of(data: &[u8], with_secrets: bool) -> Self {
        if with_secrets {
            Self::Bytes(data.to_vec())
        } else {
            Self::Length(data.len())
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('#') {
            Some(length) => usize::try_from(number(length)?).ok().map(Self::Length),
            None => bytes(text).map(Self::Bytes),
        }
    }
}

impl fmt::Display for Plaintext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(f, "#{length}"),
            Self::Bytes(bytes) => Hex(bytes).fmt(f),
        }
    }
}

impl Chance {
    fn size(&self) -> usize {
        match self {
            Self::Random(bytes)
            | Self::Secret(bytes)
            | Self::Signature(bytes)
            | Self::Sealed(Some(bytes))
            | Self::Opened(Some(bytes)) => hex_length(bytes),
            Self::Share { public, hybrid, .. } => hybrid
                .as_ref()
                .map_or(0, |(_, public)| hex_length(public))
                .saturating_add(hex_length(public)),
            Self::Exchanged { public, secret, .. } => {
                hex_length(public).saturating_add(hex_length(secret))
            }
            Self::Failed(text) => text.len(),
            Self::Shown { chain, .. } | Self::Peer(chain) => {
                chain.iter().map(|der| hex_length(der)).sum()
            }
            Self::InvalidShare | Self::Scheme(_) | Self::Sealed(None) | Self::Opened(None) => 0,
        }
    }

    fn parse(word: &str, rest: &str) -> Option<Self> {
        let mut fields = rest.split(' ');
        let mut next = || fields.next();
        Some(match word {
            "random" => Self::Random(bytes(rest)?),
            "share" => {
                let (group, public) = (code(next()?)?, bytes(next()?)?);
                let hybrid = match (next(), next()) {
                    (Some(group), Some(public)) => Some((code(group)?, bytes(public)?)),
                    _ => None,
                };
                Self::Share {
                    group,
                    public,
                    hybrid,
                }
            }
            "exchanged" => Self::Exchanged {
                group: code(next()?)?,
                public: bytes(next()?)?,
                secret: bytes(next()?)?,
            },
            "secret" => Self::Secret(bytes(rest)?),
            "invalid-share" => Self::InvalidShare,
            "failed" => Self::Failed(sentence(rest)?),
            "scheme" => Self::Scheme(optional(rest, code)?),
            "signature" => Self::Signature(bytes(rest)?),
            "sealed" => Self::Sealed(optional(rest, bytes)?),
            "opened" => Self::Opened(optional(rest, bytes)?),
            "own-chain" => Self::Shown {
                algorithm: number(next()?)?.try_into().ok()?,
                chain: fields.map(bytes).collect::<Option<_>>()?,
            },
            "peer-chain" => Self::Peer(fields.map(bytes).collect::<Option<_>>()?),
            _ => return None,
        })
    }
}

impl fmt::Display for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random(bytes) => write!(f, "random {}", Hex(bytes)),
            Self::Share {
                group,
                public,
                hybrid,
            } => {
                write!(f, "share {group:04x} {}", Hex(public))?;
                match hybrid {
                    Some((group, public)) => write!(f, " {group:04x} {}", Hex(public)),
                    None => Ok(()),
                }
            }
            Self::Exchanged {
                group,
                public,
                secret,
            } => write!(f, "exchanged {group:04x} {} {}", Hex(public), Hex(secret)),
            Self::Secret(bytes) => write!(f, "secret {}", Hex(bytes)),
            Self::InvalidShare => f.write_str("invalid-share"),
            Self::Failed(text) => write!(f, "failed {text}"),
            Self::Scheme(Some(scheme)) => write!(f, "scheme {scheme:04x}"),
            Self::Scheme(None) => f.write_str("scheme none"),
            Self::Signature(bytes) => write!(f, "signature {}", Hex(bytes)),
            Self::Sealed(Some(bytes)) => write!(f, "sealed {}", Hex(bytes)),
            Self::Sealed(None) => f.write_str("sealed none"),
            Self::Opened(Some(bytes)) => write!(f, "opened {}", Hex(bytes)),
            Self::Opened(None) => f.write_str("opened none"),
            Self::Shown { algorithm, chain } => {
                write!(f, "own-chain {algorithm}")?;
                chain.iter().try_for_each(|der| write!(f, " {}", Hex(der)))
            }
            Self::Peer(chain) => {
                f.write_str("peer-chain")?;
                chain.iter().try_for_each(|der| write!(f, " {}", Hex(der)))
            }
        }
    }
}

impl Answer {
    fn parse(word: &str, rest: &str) -> Option<Self> {
        Some(match (word, rest) {
            ("done", "") => Self::Done,
            ("nothing", "") => Self::Nothing,
            ("event", "established") => Self::Established,
            ("event", "peer-closed") => Self::PeerClosed,
            ("event", "client-hello") => Self::ClientHello,
            ("event", "challenge-answered") => Self::ChallengeAnswered,
            ("event", "other") => Self::Other,
            ("event", data) => Self::Data(Plaintext::parse(data.strip_prefix("data ")?)?),
            ("ended", "clean") => Self::Ended(EndOfInput::Clean),
            ("ended", how) => {
                let mut words = how.split(' ');
                let mut has = |word: &str| words.next().map(|found| found == word);
                if !has("truncated")? {
                    return None;
                }
                Self::Ended(EndOfInput::Truncated {
                    in_record: has("in-record")?,
                    is_established: has("established")?,
                })
            }
            ("error", rest) => {
                let (code, text) = rest.split_once(' ')?;
                Self::Error {
                    code: code.to_owned(),
                    sentence: sentence(text)?,
                }
            }
            _ => return None,
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Nothing => f.write_str("nothing"),
            Self::Established => f.write_str("event established"),
            Self::Data(plaintext) => write!(f, "event data {plaintext}"),
            Self::PeerClosed => f.write_str("event peer-closed"),
            Self::ClientHello => f.write_str("event client-hello"),
            Self::ChallengeAnswered => f.write_str("event challenge-answered"),
            Self::Other => f.write_str("event other"),
            Self::Ended(EndOfInput::Clean) => f.write_str("ended clean"),
            Self::Ended(EndOfInput::Truncated {
                in_record,
                is_established,
            }) => write!(
                f,
                "ended truncated {} {}",
                if *in_record { "in-record" } else { "-" },
                if *is_established { "established" } else { "-" }
            ),
            Self::Error { code, sentence } => write!(f, "error {code} {sentence}"),
        }
    }
}

/// Text on one line, whatever it holds.
pub(super) fn one_line(text: &impl ToString) -> String {
    let mut text = text.to_string();
    if text.contains(char::is_control) {
        text = text.replace(char::is_control, " ");
    }
    text
}

/// Bytes as hexadecimal digits, `-` where there are none.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        // In pieces: a record is not copied whole.
        const PIECE: usize = 256;
        self.0
            .chunks(PIECE)
            .try_for_each(|piece| f.write_str(&HEXLOWER.encode(piece)))
    }
}

fn hex_length(bytes: &[u8]) -> usize {
    bytes.len().saturating_mul(2)
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    match text {
        "-" => Some(Vec::new()),
        "" => None,
        digits => HEXLOWER.decode(digits.as_bytes()).ok(),
    }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn code(text: &str) -> Option<u16> {
    u16::from_str_radix(text, 16).ok()
}

fn optional<T>(text: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    match text {
        "none" => Some(None),
        text => parse(text).map(Some),
    }
}

fn sentence(text: &str) -> Option<String> {
    (!text.contains(char::is_control)).then(|| text.to_owned())
}
