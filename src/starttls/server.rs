//! The server's side of a port for STARTTLS: what may be said before TLS, and what never again.

mod capabilities;
mod reply;
mod verb;

use std::fmt;

use bytes::BytesMut;

pub use capabilities::CapabilityFilter;
pub(crate) use capabilities::offers;
pub use reply::{ServerReply, Situation};

use crate::acceptor::Acceptor;
use crate::error::{ApiMisuse, Error};
use crate::service::{Service, TlsMode};
use crate::session::{ExternalOffer, GuardId, ServerSession};
use verb::{CommandLine, Verb};

/// Stands between a server's parser and its connection, and decides which commands may be
/// executed: before TLS, after it, and after a handshake that is not enough.
///
/// The embedder's parser stays its own. It shows the guard each line that is a command, and does
/// what the [`CommandVerdict`] says. The guard of a port for implicit TLS refuses `STARTTLS`
/// alone.
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
/// # let (pem, key) = {
/// #     let made = rcgen::generate_simple_self_signed(["mail.example.org".to_owned()])?;
/// #     (made.cert.pem(), made.signing_key.serialize_pem())
/// # };
/// # use mail_tls::{Certificates, CertifiedChain, Server, Service, TlsMode};
/// use bytes::BytesMut;
/// use mail_tls::{CommandVerdict, ExternalOffer};
///
/// # let chain = CertifiedChain::from_pem(pem.as_bytes(), key.as_bytes())?;
/// # let acceptor = Server::builder()
/// #     .build()?
/// #     .acceptor(Service::Submission, TlsMode::StartTls, Certificates::new(chain))
/// #     .build()?;
/// let mut guard = acceptor.guard();
/// let (mut incoming, mut outgoing) = (BytesMut::new(), BytesMut::new());
///
/// // EHLO: what the server can do, and what it may say of it before TLS.
/// let capabilities = guard.capabilities(ExternalOffer::Nothing);
/// let listed: Vec<_> = capabilities.filter(["SIZE 1000", "AUTH PLAIN"]).collect();
/// assert_eq!(listed, ["SIZE 1000", "STARTTLS"]);
///
/// let CommandVerdict::Refuse(reply) = guard.command(b"MAIL FROM:<a@example.org>") else {
///     panic!("a command that needs TLS")
/// };
/// assert!(reply.text().starts_with("530 5.7.0 "));
///
/// let CommandVerdict::StartTls { agreement, upgrade } = guard.command(b"STARTTLS") else {
///     panic!("STARTTLS is available")
/// };
/// agreement.put(&mut outgoing); // and send it
/// let read_beyond_the_command = b"";
/// let session = upgrade.begin(read_beyond_the_command, &mut incoming)?;
/// // From here on the loop of every session; with its Event::Established:
/// // let must_forget = guard.established(&session)?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct StartTlsGuard {
    acceptor: Acceptor,
    id: GuardId,
    policy: PlaintextPolicy,
    phase: Phase,
    is_available: bool,
    is_authenticated: bool,
}

/// What a server does for a client without TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlaintextPolicy {
    /// Nothing but to tell its capabilities, to start TLS and to say goodbye (RFC 8314 §4.1,
    /// RFC 3207 §4). The default for every service but relaying.
    TlsRequired,
    /// Everything but to let anybody log in. The default for relaying, where a server that is
    /// publicly referenced must not require TLS (RFC 3207 §4).
    TlsForAuthentication,
    /// Everything, for as long as users may still log in without TLS (RFC 8314 §4.1): while
    /// [`ServerPolicy::permits_login`](crate::admission::ServerPolicy::permits_login) says so of a
    /// connection in cleartext. Ways to log in are listed, and each attempt is let through to the
    /// server, which asks [`ServerPolicy::decide`](crate::admission::ServerPolicy::decide) before
    /// it looks at a password.
    AdmissionDecides,
}

/// What is to be done about a line that a client sent.
#[derive(Debug)]
#[non_exhaustive]
#[must_use]
pub enum CommandVerdict<'a> {
    /// Execute the command, or refuse it for other reasons.
    Proceed,
    /// Send this reply, and do not execute the command.
    Refuse(ServerReply<'a>),
    /// Send the agreement and nothing behind it, execute nothing more that was read, and go on
    /// with TLS.
    StartTls {
        /// The reply to send.
        agreement: ServerReply<'a>,
        /// The way on.
        upgrade: Upgrade,
    },
    /// TLS was agreed on, and this is not TLS: close the connection without a word.
    Close,
}

/// What the server has to forget of what it heard before TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub enum MustForget {
    /// Nothing: TLS came first.
    Nothing,
    /// SMTP and LMTP: the name in `EHLO` or `LHLO` and any transaction that was begun. The session
    /// begins anew, and the client has to say `EHLO` again (RFC 3207 §4.2).
    HelloAndTransaction,
    /// IMAP, POP3, ManageSieve: whatever the client said of itself (`ID`, `ENABLE`, `USER`), and
    /// every authentication that was begun. Nobody is logged in, whatever certificate the client
    /// has shown (RFC 9051 §6.2.1, RFC 2595 §4, RFC 5804 §2.2).
    EverythingSaid,
}

/// The way from the agreement to TLS. It can be gone once.
#[derive(Debug)]
#[must_use]
pub struct Upgrade {
    acceptor: Acceptor,
    guard: GuardId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Plaintext,
    /// The agreement was given out: what comes is TLS or nothing.
    Agreed,
    Protected,
    Insufficient,
}

impl StartTlsGuard {
    pub(crate) fn new(acceptor: Acceptor) -> Self {
        let policy = match acceptor.service() {
            Service::SmtpRelay => PlaintextPolicy::TlsForAuthentication,
            Service::Imap
            | Service::Pop3
            | Service::Submission
            | Service::ManageSieve
            | Service::Lmtp => PlaintextPolicy::TlsRequired,
        };
        let phase = match acceptor.mode() {
            TlsMode::Implicit => Phase::Protected,
            TlsMode::StartTls => Phase::Plaintext,
        };
        Self {
            acceptor,
            id: GuardId::default(),
            policy,
            phase,
            is_available: true,
            is_authenticated: false,
        }
    }

    /// Another policy than the service's default.
    #[must_use]
    pub fn policy(mut self, policy: PlaintextPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Whether TLS can be started at present. While it cannot, because the certificate has
    /// expired or a key is out of reach, `STARTTLS` is not advertised (RFC 8314 §4) and answered
    /// as temporarily unavailable.
    pub fn set_available(&mut self, is_available: bool) {
        self.is_available = is_available;
    }

    /// Decides about one line, with or without its end, that is a command: not a line of a
    /// message, of a literal, or of an exchange of authentication.
    ///
    /// A line that is refused may announce a literal that does not wait for an answer, `{5+}` (RFC
    /// 7888, RFC 5804 §4): its bytes follow all the same. They are no command; skip them, or close
    /// the connection.
    pub fn command<'a>(&mut self, line: &'a [u8]) -> CommandVerdict<'a> {
        let service = self.acceptor.service();
        let command = CommandLine::parse(service, line);
        let refuse =
            |situation| CommandVerdict::Refuse(ServerReply::new(service, situation, command.tag()));
        match self.phase {
            Phase::Agreed => CommandVerdict::Close,
            Phase::Insufficient => match command.verb() {
                Verb::Leave => CommandVerdict::Proceed,
                Verb::StartTls
                | Verb::Harmless
                | Verb::Authenticate
                | Verb::Other
                | Verb::Malformed => refuse(Situation::Insufficient),
            },
            Phase::Protected => match command.verb() {
                Verb::StartTls => refuse(Situation::TlsActive),
                Verb::Leave
                | Verb::Harmless
                | Verb::Authenticate
                | Verb::Other
                | Verb::Malformed => CommandVerdict::Proceed,
            },
            Phase::Plaintext => match (command.verb(), self.policy) {
                (Verb::StartTls, _) => match self.obstacle(command.has_arguments()) {
                    Some(situation) => refuse(situation),
                    None => {
                        self.phase = Phase::Agreed;
                        CommandVerdict::StartTls {
                            agreement: ServerReply::new(service, Situation::Agreed, command.tag()),
                            upgrade: Upgrade {
                                acceptor: self.acceptor.clone(),
                                guard: self.id.clone(),
                            },
                        }
                    }
                },
                (Verb::Leave | Verb::Harmless, _)
                | (Verb::Other, PlaintextPolicy::TlsForAuthentication)
                | (Verb::Other | Verb::Authenticate, PlaintextPolicy::AdmissionDecides) => {
                    CommandVerdict::Proceed
                }
                (Verb::Other, PlaintextPolicy::TlsRequired) => refuse(Situation::TlsRequired),
                (Verb::Authenticate, PlaintextPolicy::TlsRequired) => {
                    refuse(Situation::TlsRequiredToAuthenticate)
                }
                (Verb::Authenticate, PlaintextPolicy::TlsForAuthentication) => {
                    refuse(Situation::AuthenticationNeedsTls)
                }
                (Verb::Malformed, _) => refuse(Situation::Malformed),
            },
        }
    }

    /// What stands in the way of TLS.
    fn obstacle(&self, has_arguments: bool) -> Option<Situation> {
        if has_arguments {
            Some(Situation::HasArguments)
        } else if self.is_authenticated {
            Some(Situation::WrongState)
        } else if !self.is_available {
            Some(Situation::Unavailable)
        } else {
            None
        }
    }

    /// Whether `STARTTLS` (POP3: `STLS`) may be among the capabilities now: only where it can
    /// succeed (RFC 8314 §4, RFC 5804 §1.7), not after TLS (RFC 3207 §4.2), and not once the client
    /// has logged in (RFC 2595 §4, RFC 5804 §1.7). [`capabilities`](Self::capabilities) sees to it.
    pub fn may_advertise_starttls(&self) -> bool {
        self.phase == Phase::Plaintext && self.is_available && !self.is_authenticated
    }

    /// What may be listed among the capabilities now. `external` is what
    /// [`ServerSession::external_offer`] says; before TLS, [`ExternalOffer::Nothing`].
    pub fn capabilities(&self, external: ExternalOffer) -> CapabilityFilter {
        let is_protected = match self.phase {
            Phase::Protected => true,
            Phase::Plaintext | Phase::Agreed | Phase::Insufficient => false,
        };
        let has_identity = match external {
            ExternalOffer::Nothing => false,
            ExternalOffer::External | ExternalOffer::ExternalOrPreauth => true,
        };
        let is_admitted =
            self.phase == Phase::Plaintext && self.policy == PlaintextPolicy::AdmissionDecides;
        CapabilityFilter::new(
            self.acceptor.service(),
            self.may_advertise_starttls(),
            is_protected || is_admitted,
            is_protected && has_identity,
        )
    }

    /// The client has logged in. POP3 has then left its AUTHORIZATION state, IMAP the not
    /// authenticated one: STARTTLS is no more possible.
    pub fn authenticated(&mut self) {
        self.is_authenticated = true;
    }

    /// TLS stands: with [`Event::Established`](crate::Event::Established).
    ///
    /// The session has to be that of this guard's connection: the one that its [`Upgrade`] has led to,
    /// or one that its own acceptor has begun. After [`insufficient`](Self::insufficient) it changes
    /// nothing.
    ///
    /// # Errors
    /// [`ApiMisuse::ForeignSession`] for any other session, and before an agreement to STARTTLS where
    /// TLS needs one; [`ApiMisuse::NotEstablished`] where TLS does not stand.
    pub fn established(&mut self, session: &ServerSession) -> Result<MustForget, Error> {
        if !session.is_of(&self.id, self.acceptor.listening()) {
            return Err(ApiMisuse::ForeignSession.into());
        }
        match self.phase {
            Phase::Plaintext => return Err(ApiMisuse::ForeignSession.into()),
            Phase::Agreed | Phase::Protected | Phase::Insufficient => {}
        }
        if !session.is_established() {
            return Err(ApiMisuse::NotEstablished.into());
        }
        match self.phase {
            Phase::Plaintext | Phase::Agreed => self.phase = Phase::Protected,
            Phase::Protected | Phase::Insufficient => {}
        }
        Ok(match (self.acceptor.mode(), self.acceptor.service()) {
            (TlsMode::Implicit, _) => MustForget::Nothing,
            (TlsMode::StartTls, Service::Submission | Service::Lmtp | Service::SmtpRelay) => {
                MustForget::HelloAndTransaction
            }
            (TlsMode::StartTls, Service::Imap | Service::Pop3 | Service::ManageSieve) => {
                MustForget::EverythingSaid
            }
        })
    }

    /// TLS stands, but is not what this server demands, say because the client has shown no
    /// certificate: every command but the farewell is refused from now on (RFC 3207 §4.1).
    pub fn insufficient(&mut self) {
        self.phase = Phase::Insufficient;
    }
}

impl Upgrade {
    /// Goes on with TLS.
    ///
    /// `received` is everything that was read beyond the line of the command, and takes the place of
    /// what `incoming` held. See [`Acceptor::upgrade`], which this is, for whoever has no guard.
    ///
    /// # Errors
    /// [`ProtocolError::CommandInjection`](crate::ProtocolError::CommandInjection) where `received`
    /// is not TLS: close the connection.
    pub fn begin(self, received: &[u8], incoming: &mut BytesMut) -> Result<ServerSession, Error> {
        self.acceptor.upgrade_for(self.guard, received, incoming)
    }
}

impl fmt::Debug for StartTlsGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StartTlsGuard")
            .field("service", &self.acceptor.service())
            .field("policy", &self.policy)
            .field("phase", &self.phase)
            .field("is_available", &self.is_available)
            .field("is_authenticated", &self.is_authenticated)
            .finish()
    }
}
