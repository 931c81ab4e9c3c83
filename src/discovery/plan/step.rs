//! What a plan hands out, and what it answers.

use std::fmt;

use crate::discovery::lookup::ServerRecords;
use crate::discovery::server::MailServer;
use crate::endpoint::Endpoint;
use crate::policy::AttemptOutcome;

/// An attempt: one new connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attempt {
    /// With TLS, by a session of this crate.
    Tls(TlsAttempt),
    /// Without TLS, on a connection that the embedder carries itself. Only for an account whose
    /// user has lowered its minimum.
    Cleartext(CleartextAttempt),
}

/// An attempt with TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsAttempt {
    pub(super) way: usize,
    pub(super) endpoint: Endpoint,
    pub(super) records: Option<ServerRecords>,
}

/// An attempt without TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleartextAttempt {
    pub(super) way: usize,
    pub(super) server: MailServer,
}

/// What to do next, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "it says whether the connection may be used"]
pub struct Step {
    /// What to do.
    pub decision: Decision,
    /// Why. Its `Display` is one sentence.
    pub reason: Reason,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Make this attempt.
    Try(Attempt),
    /// Wait for the outcome of an attempt that runs.
    Wait,
    /// Use the connection that was established. Close whatever else runs.
    Use,
    /// Close this connection, though it was established; then ask [`Plan::start`](super::Plan::start) for more.
    Close,
    /// Nothing is left to try now. The same plan, made anew, may come to more later.
    TryLater,
    /// Nothing is left to try, and more of the same will not help: somebody has to look at it.
    Stop,
}

/// Why a plan goes on as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It is the preferred server.
    Preferred,
    /// The attempt before it came to nothing. This one requires as much.
    After(AttemptOutcome),
    /// A server failed its verification or did not meet a requirement; this one is reached in a way
    /// that is not weaker.
    NotWeakerThanRejected,
    /// A plaintext dialog was tampered with; this one is reached with TLS all the same.
    NotWeakerThanTampered,
    /// Every way with TLS came to nothing, and the user has lowered the minimum.
    CleartextAsLowered,
    /// The connection was established.
    Established,
    /// A stronger way to the same service was rejected while this attempt ran.
    StrongerWayRejected,
    /// The account has come to require confidentiality while this attempt ran.
    MinimumRaised,
    /// Others run.
    OthersRun,
    /// Nothing is left, because of a rejection.
    Rejected,
    /// Nothing is left, and a plaintext dialog was tampered with.
    Tampered,
    /// Nothing is left, and some of it may pass.
    Unreachable,
    /// Nothing is left, and none of it speaks as it should.
    NoTls,
    /// The program or the machine is at fault.
    LocalFault,
    /// There is no server that may be connected to.
    NoServer,
    /// The plan has come to its end before.
    Over,
}

impl Reason {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Preferred => "preferred",
            Self::After(_) => "after",
            Self::NotWeakerThanRejected => "not-weaker-than-rejected",
            Self::NotWeakerThanTampered => "not-weaker-than-tampered",
            Self::CleartextAsLowered => "cleartext-as-lowered",
            Self::Established => "established",
            Self::StrongerWayRejected => "stronger-way-rejected",
            Self::MinimumRaised => "minimum-raised",
            Self::OthersRun => "others-run",
            Self::Rejected => "rejected",
            Self::Tampered => "tampered",
            Self::Unreachable => "unreachable",
            Self::NoTls => "no-tls",
            Self::LocalFault => "local-fault",
            Self::NoServer => "no-server",
            Self::Over => "over",
        }
    }
}

impl Attempt {
    pub(super) fn way(&self) -> usize {
        match self {
            Self::Tls(attempt) => attempt.way,
            Self::Cleartext(attempt) => attempt.way,
        }
    }
}

impl TlsAttempt {
    /// Where to connect to, and by which domain the server is verified (RFC 7817 §3,
    /// RFC 7673 §4.1).
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What DNS says of the server, where it was looked up.
    pub fn records(&self) -> Option<&ServerRecords> {
        self.records.as_ref()
    }
}

impl CleartextAttempt {
    /// Where to connect to.
    pub fn server(&self) -> &MailServer {
        &self.server
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tls(attempt) => {
                let endpoint = &attempt.endpoint;
                let (service, mode) = (endpoint.service(), endpoint.mode());
                let (host, port) = (endpoint.host().to_authority(), endpoint.port());
                write!(f, "{service} at {host}:{port} with {mode}")
            }
            Self::Cleartext(attempt) => {
                let server = &attempt.server;
                let (host, port) = (server.host().to_authority(), server.port());
                write!(
                    f,
                    "{} at {host}:{port} without encryption",
                    server.service()
                )
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preferred => f.write_str("it is the preferred server"),
            Self::After(outcome) => write!(
                f,
                "the attempt before it {outcome}, and this way is not weaker"
            ),
            Self::NotWeakerThanRejected => {
                f.write_str("another server was rejected, and this way is not weaker")
            }
            Self::NotWeakerThanTampered => f.write_str(
                "the dialog with another server was tampered with, and this way needs TLS as well",
            ),
            Self::CleartextAsLowered => f.write_str(
                "every way with encryption came to nothing, and the user allows to do without it",
            ),
            Self::Established => f.write_str("the connection is established"),
            Self::StrongerWayRejected => {
                f.write_str("a stronger way to the same service was rejected meanwhile")
            }
            Self::MinimumRaised => f.write_str("the account requires encryption by now"),
            Self::OthersRun => f.write_str("other attempts are under way"),
            Self::Rejected => f.write_str(
                "a server was rejected, and no weaker way to the service is tried because of it",
            ),
            Self::Tampered => f.write_str(
                "the dialog with a server was tampered with, and none is spoken to without TLS \
                 because of it",
            ),
            Self::Unreachable => f.write_str("no server can be reached at present"),
            Self::NoTls => f.write_str("TLS could not be agreed on with any server"),
            Self::LocalFault => f.write_str("this program or this machine is at fault"),
            Self::NoServer => f.write_str("there is no server that may be connected to"),
            Self::Over => f.write_str("the plan has come to its end"),
        }
    }
}

pub(super) fn step(decision: Decision, reason: Reason) -> Step {
    Step { decision, reason }
}
