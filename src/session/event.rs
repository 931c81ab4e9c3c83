//! What a session tells its embedder.

use std::fmt;

use crate::tls::ClientHello;

/// What a session tells its embedder, one at a time, from
/// [`process`](crate::ClientSession::process). `Debug` shows of data how many bytes there are.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// TLS stands, the peer was verified, and the policy is satisfied: application data may pass
    /// from now on. Comes once, and before any [`Data`](Self::Data).
    Established,
    /// Application data from the peer, lent until the next call. Never empty.
    Data(&'a [u8]),
    /// The peer has sent close_notify: no data will come any more, and none was lost. Comes once.
    /// The own half may still send, until [`close`](crate::ClientSession::close).
    PeerClosed,
    /// The server has read the client's ClientHello and waits for
    /// [`answer`](crate::ServerSession::answer). Only from an acceptor that
    /// [asks](crate::AcceptorBuilder::ask_for_each_hello).
    ClientHello(&'a ClientHello),
    /// The server has answered an ACME server's validation (RFC 8737 §3). The session is closed:
    /// flush what is in `outgoing` and close the transport.
    ChallengeAnswered,
}

/// Without the data, which may be secret.
impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Established => f.write_str("Established"),
            Self::Data(data) => write!(f, "Data({} bytes)", data.len()),
            Self::PeerClosed => f.write_str("PeerClosed"),
            Self::ClientHello(hello) => f.debug_tuple("ClientHello").field(hello).finish(),
            Self::ChallengeAnswered => f.write_str("ChallengeAnswered"),
        }
    }
}

/// What it means that the transport's input has ended (RFC 8446 §6.1), from
/// [`end_of_input`](crate::ClientSession::end_of_input).
///
/// A truncation is not by itself an error: many clients and servers vanish without close_notify
/// after their protocol's farewell. Whether something is missing only the protocol can tell. In
/// the middle of a response, a message or a literal it is fatal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndOfInput {
    /// After close_notify, with everything delivered: nothing is missing.
    Clean,
    /// Without close_notify: what has been delivered is authentic, but there may have been more.
    Truncated {
        /// Whether the input ended in the middle of a TLS record.
        in_record: bool,
        /// Whether the session was established. If it was not, the session is dead.
        is_established: bool,
    },
}

impl EndOfInput {
    /// Whether nothing is missing.
    pub fn is_clean(self) -> bool {
        match self {
            Self::Clean => true,
            Self::Truncated { .. } => false,
        }
    }
}
