//! What comes of a replay.

use std::fmt;

use super::recording::Recording;

/// A recording that was replayed, and what was recorded of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    pub(super) recording: Recording,
    pub(super) stopped: Option<Stopped>,
}

impl Replayed {
    /// What was recorded of the replay: the same, unless it [stopped](Self::stopped). Of a redacted
    /// recording the [trace](Recording::trace) is the same; what was sent in a handshake is not.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// Where the replay could not go on, and why; `None` where it came to the end.
    pub fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }
}

/// Where a replay could not go on. Everything up to there was the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the replay stopped at line {line}: {reason}")]
#[non_exhaustive]
pub struct Stopped {
    /// The line of the recording, from 1.
    pub line: usize,
    /// Why.
    pub reason: StopReason,
}

/// Why a replay could not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum StopReason {
    /// From here on the keys of the recorded session are needed, and the recording is redacted.
    #[error("what follows needs the session's keys, which a redacted recording does not hold")]
    NeedsSecrets,
    /// The session resumed an earlier one, whose ticket the connector held: replay the recordings of
    /// the sessions before it to the same connector first.
    #[error(
        "the session resumed an earlier one: replay the recordings of those before it to the same \
         connector first"
    )]
    Resumed,
    /// The ClientHello was answered with another acceptor, or in a redacted recording with a
    /// certificate.
    #[error("the ClientHello was answered with something that the recording does not hold")]
    OtherAnswer,
    /// The recording has reached its bound there.
    #[error("the recording had reached its bound")]
    Full,
}

/// The first line in which a replay differs from the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Divergence {
    /// The line of the recording, from 1.
    pub line: usize,
    /// What it says; `None` where it has ended.
    pub expected: Option<String>,
    /// What the replay came to; `None` where it did nothing more.
    pub got: Option<String>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the replay differs at line {}: {} was recorded, {} came",
            self.line,
            Shown(self.expected.as_deref()),
            Shown(self.got.as_deref())
        )
    }
}

impl std::error::Error for Divergence {}

/// The beginning of a line, which may be long.
struct Shown<'a>(Option<&'a str>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 100;
        let Some(line) = self.0 else {
            return f.write_str("nothing");
        };
        match line.char_indices().nth(MOST) {
            Some((end, _)) => write!(f, "\"{}…\"", line.get(..end).unwrap_or(line)),
            None => write!(f, "\"{line}\""),
        }
    }
}

/// Why a recording was not replayed, or how the replay differs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A client's recording was given to an acceptor, or a server's to a connector, or the service
    /// or mode is another.
    #[error("the recording is of a {recorded}, and was given to a {given}")]
    OtherSession {
        /// What was recorded.
        recorded: String,
        /// What it was given to.
        given: String,
    },
    /// The clock is not [`Recording::clock`], or another fixed one.
    #[error("the clock runs: make the client or the server with Recording::clock")]
    ClockRuns,
    /// The provider is not one from [`provider`](super::provider()).
    #[error("the provider plays nothing back: make it with recorder::provider")]
    ProviderPlaysNothing,
    /// The recording does not begin with a session.
    #[error("the recording holds no session")]
    Empty,
    /// The replay differs from the recording.
    #[error(transparent)]
    Divergence(Divergence),
}
