//! How a session has ended on one side.

use std::fmt;

use mail_tls::{EndOfInput, Error};

/// Each end has a name; none is "unknown".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// close_notify came, and everything before it.
    Clean,
    /// The transport ended, or broke, in an established session.
    Truncated,
    /// The same before it was established.
    Unestablished,
    /// The peer sent what is wrong.
    PeerAtFault,
    /// The deadline passed.
    TimedOut,
    /// This side ended the transport itself, as its story says.
    Left,
    /// What nothing in any story leads to.
    Other,
}

impl Ending {
    pub(crate) fn of_input(end: EndOfInput) -> Self {
        match end {
            EndOfInput::Clean => Self::Clean,
            EndOfInput::Truncated {
                is_established: true,
                ..
            } => Self::Truncated,
            EndOfInput::Truncated { .. } => Self::Unestablished,
            _ => Self::Other,
        }
    }

    pub(crate) fn of_error(error: &Error) -> Self {
        match error {
            Error::Protocol(_) => Self::PeerAtFault,
            Error::TimedOut(_) => Self::TimedOut,
            _ => Self::Other,
        }
    }

    pub(crate) fn parse(name: &str) -> Self {
        [
            Self::Clean,
            Self::Truncated,
            Self::Unestablished,
            Self::PeerAtFault,
            Self::TimedOut,
            Self::Left,
        ]
        .into_iter()
        .find(|ending| ending.to_string() == name)
        .unwrap_or(Self::Other)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Clean => "clean",
            Self::Truncated => "truncated",
            Self::Unestablished => "unestablished",
            Self::PeerAtFault => "peer-at-fault",
            Self::TimedOut => "timed-out",
            Self::Left => "left",
            Self::Other => "other",
        })
    }
}
