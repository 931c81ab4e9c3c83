//! The states of a session and what moves it from one to the next. It knows no role.

use crate::policy::Met;
use crate::verify::Verification;

/// Where a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// The plaintext dialog that leads to TLS.
    Dialog,
    /// TLS is being negotiated. No application byte passes.
    Handshaking,
    /// The embedder has to answer a ClientHello. Nothing is read until it does.
    Deciding,
    /// TLS stands, in both directions.
    Open,
    /// The peer has closed its half; the own half may still send.
    PeerClosed,
    /// The own half is closed; the peer may still send.
    SelfClosed,
    /// Both halves are closed, or the session was closed before it stood.
    Closed,
    /// Dead, for good.
    Failed,
}

/// What can happen to a session.
#[derive(Debug)]
pub(super) enum Signal {
    /// The server has agreed to TLS.
    TlsBegins,
    /// A ClientHello was read that the embedder wants to see.
    HelloRead,
    /// The embedder has answered it.
    Answered,
    /// The handshake is done and everything that was asked of it holds.
    Established(Witness),
    /// The peer's close_notify, after all its data.
    PeerClose,
    /// The embedder closes.
    Close,
    /// Something went wrong.
    Fault,
}

/// Proof that the verdict on the peer and the policy were satisfied. Only the functions here make
/// one, and no state in which data pass is reached without.
#[derive(Debug)]
pub(super) struct Witness(());

impl Witness {
    /// The server's certificate was verified, in this handshake or in the one that it resumes, and
    /// the connection provides what the account requires.
    pub(super) fn verified_server(_: &Verification, _: Met) -> Self {
        Self(())
    }

    /// The client's certificate was verified, in this handshake or in the one that it resumes.
    pub(super) fn verified_peer(_: &Verification) -> Self {
        Self(())
    }

    /// This server asks its clients for no certificate, or leaves it to them: who the client is
    /// is decided in the protocol.
    pub(super) fn client_without_certificate() -> Self {
        Self(())
    }
}

impl State {
    /// The state after `signal`, or `None` where it cannot happen.
    pub(super) fn next(self, signal: &Signal) -> Option<Self> {
        use Signal as S;
        match self {
            Self::Dialog => match signal {
                S::TlsBegins => Some(Self::Handshaking),
                S::Close => Some(Self::Closed),
                S::Fault => Some(Self::Failed),
                S::HelloRead | S::Answered | S::Established(_) | S::PeerClose => None,
            },
            Self::Handshaking => match signal {
                S::HelloRead => Some(Self::Deciding),
                S::Established(_) => Some(Self::Open),
                S::Close => Some(Self::Closed),
                S::Fault => Some(Self::Failed),
                S::TlsBegins | S::Answered | S::PeerClose => None,
            },
            Self::Deciding => match signal {
                S::Answered => Some(Self::Handshaking),
                S::Close => Some(Self::Closed),
                S::Fault => Some(Self::Failed),
                S::TlsBegins | S::HelloRead | S::Established(_) | S::PeerClose => None,
            },
            Self::Open => match signal {
                S::PeerClose => Some(Self::PeerClosed),
                S::Close => Some(Self::SelfClosed),
                S::Fault => Some(Self::Failed),
                S::TlsBegins | S::HelloRead | S::Answered | S::Established(_) => None,
            },
            Self::PeerClosed => match signal {
                S::Close => Some(Self::Closed),
                S::Fault => Some(Self::Failed),
                S::TlsBegins | S::HelloRead | S::Answered | S::Established(_) | S::PeerClose => {
                    None
                }
            },
            Self::SelfClosed => match signal {
                S::PeerClose => Some(Self::Closed),
                S::Close => Some(Self::SelfClosed),
                S::Fault => Some(Self::Failed),
                S::TlsBegins | S::HelloRead | S::Answered | S::Established(_) => None,
            },
            Self::Closed => match signal {
                S::Close => Some(Self::Closed),
                S::TlsBegins
                | S::HelloRead
                | S::Answered
                | S::Established(_)
                | S::PeerClose
                | S::Fault => None,
            },
            Self::Failed => match signal {
                S::Close | S::Fault => Some(Self::Failed),
                S::TlsBegins | S::HelloRead | S::Answered | S::Established(_) | S::PeerClose => {
                    None
                }
            },
        }
    }

    /// Whether the own half may send application data.
    pub(super) fn may_send(self) -> bool {
        match self {
            Self::Open | Self::PeerClosed => true,
            Self::Dialog
            | Self::Handshaking
            | Self::Deciding
            | Self::SelfClosed
            | Self::Closed
            | Self::Failed => false,
        }
    }

    /// Whether input is still handed to TLS.
    pub(super) fn may_receive(self) -> bool {
        match self {
            Self::Dialog | Self::Handshaking | Self::Open | Self::SelfClosed => true,
            Self::Deciding | Self::PeerClosed | Self::Closed | Self::Failed => false,
        }
    }

    /// Whether the deadline runs.
    pub(super) fn is_pending(self) -> bool {
        match self {
            Self::Dialog | Self::Handshaking | Self::Deciding => true,
            Self::Open | Self::PeerClosed | Self::SelfClosed | Self::Closed | Self::Failed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [State; 8] = [
        State::Dialog,
        State::Handshaking,
        State::Deciding,
        State::Open,
        State::PeerClosed,
        State::SelfClosed,
        State::Closed,
        State::Failed,
    ];

    fn signals() -> [Signal; 7] {
        [
            Signal::TlsBegins,
            Signal::HelloRead,
            Signal::Answered,
            Signal::Established(Witness(())),
            Signal::PeerClose,
            Signal::Close,
            Signal::Fault,
        ]
    }

    /// Every state under every signal, in the order of `STATES` and `signals()`.
    #[test]
    fn the_table() {
        use State::*;
        #[rustfmt::skip]
        let table = [
            // TlsBegins          HelloRead       Answered           Established PeerClose         Close             Fault
            [Some(Handshaking), None,           None,              None,       None,             Some(Closed),     Some(Failed)], // Dialog
            [None,              Some(Deciding), None,              Some(Open), None,             Some(Closed),     Some(Failed)], // Handshaking
            [None,              None,           Some(Handshaking), None,       None,             Some(Closed),     Some(Failed)], // Deciding
            [None,              None,           None,              None,       Some(PeerClosed), Some(SelfClosed), Some(Failed)], // Open
            [None,              None,           None,              None,       None,             Some(Closed),     Some(Failed)], // PeerClosed
            [None,              None,           None,              None,       Some(Closed),     Some(SelfClosed), Some(Failed)], // SelfClosed
            [None,              None,           None,              None,       None,             Some(Closed),     None], // Closed
            [None,              None,           None,              None,       None,             Some(Failed),     Some(Failed)], // Failed
        ];
        for (state, row) in STATES.iter().zip(table) {
            for (signal, next) in signals().iter().zip(row) {
                assert_eq!(state.next(signal), next, "{state:?} {signal:?}");
            }
        }
    }

    /// `docs/diagrams/session.svg`.
    #[test]
    fn the_diagram() {
        let mut diagram = crate::testing::Diagram::default();
        diagram.edge("accept or connect", "STARTTLS", "Dialog");
        diagram.edge("accept or connect", "implicit TLS", "Handshaking");
        for state in STATES {
            for signal in signals() {
                if let Some(next) = state.next(&signal).filter(|next| *next != state) {
                    let label = match signal {
                        Signal::TlsBegins => "the server agrees to TLS",
                        Signal::HelloRead => "the embedder wants to see the ClientHello",
                        Signal::Answered => "answer()",
                        Signal::Established(_) => "the verdict and the policy are met",
                        Signal::PeerClose => "close_notify comes",
                        Signal::Close => "close()",
                        Signal::Fault => "fault",
                    };
                    diagram.edge(&format!("{state:?}"), label, &format!("{next:?}"));
                }
            }
        }
        diagram.check("session");
    }

    /// design: no path leads from TLS back to cleartext, from death to life, from closed to open.
    #[test]
    fn nothing_comes_back() {
        for state in STATES {
            for signal in signals() {
                let Some(next) = state.next(&signal) else {
                    continue;
                };
                assert!(!next.may_send() || state.may_send() || state == State::Handshaking);
                assert!(next != State::Dialog);
                assert!(!next.is_pending() || state.is_pending());
                assert!(state != State::Failed || next == State::Failed);
                assert!(state != State::Closed || next == State::Closed);
                if next == State::Open {
                    assert!(matches!(signal, Signal::Established(_)));
                }
            }
        }
    }

    #[test]
    fn what_each_state_allows() {
        let rows = [
            (State::Dialog, false, true, true),
            (State::Handshaking, false, true, true),
            (State::Deciding, false, false, true),
            (State::Open, true, true, false),
            (State::PeerClosed, true, false, false),
            (State::SelfClosed, false, true, false),
            (State::Closed, false, false, false),
            (State::Failed, false, false, false),
        ];
        for (state, send, receive, pending) in rows {
            assert_eq!(state.may_send(), send, "{state:?}");
            assert_eq!(state.may_receive(), receive, "{state:?}");
            assert_eq!(state.is_pending(), pending, "{state:?}");
        }
    }
}
