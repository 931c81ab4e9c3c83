//! One listener.

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;
use sha2::{Digest, Sha256};

use crate::certificates::Certificates;
use crate::client_identity::IdentityMapping;
use crate::clock::Clock;
use crate::error::{ApiMisuse, Error, ProtocolError};
use crate::limits::Limits;
use crate::server::Server;
use crate::service::{Service, TlsMode};
use crate::session::{GuardId, ServerSession, client_excerpt};
use crate::starttls::StartTlsGuard;
use crate::ticket_keys::TicketKeys;
use crate::tls::{ServerEngineFactory, ServerParts};
use crate::verify::{Requirements, RevocationLists, RevocationPolicy, TrustAnchors};

/// Accepts the connections of one listener: a service, a mode, its certificates and what it asks
/// of clients. Cheap to clone.
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
/// # let (pem, key) = {
/// #     let made = rcgen::generate_simple_self_signed(["mail.example.org".to_owned()])?;
/// #     (made.cert.pem(), made.signing_key.serialize_pem())
/// # };
/// use mail_tls::{Certificates, CertifiedChain, Server, Service, TlsMode};
///
/// let chain = CertifiedChain::from_pem(pem.as_bytes(), key.as_bytes())?;
/// let acceptor = Server::builder()
///     .build()?
///     .acceptor(Service::Submission, TlsMode::Implicit, Certificates::new(chain))
///     .build()?;
/// let session = acceptor.accept()?; // one for each connection
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Acceptor(Arc<Listening>);

pub(crate) struct Listening {
    pub(crate) engines: ServerEngineFactory,
    pub(crate) service: Service,
    pub(crate) mode: TlsMode,
    pub(crate) alpn: ServerAlpn,
    pub(crate) clients: Option<Clients>,
    pub(crate) asks_for_each_hello: bool,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
}

/// What is asked of clients' certificates.
pub(crate) struct Clients {
    pub(crate) requirements: Requirements,
    pub(crate) must_show_certificate: bool,
    pub(crate) mapping: IdentityMapping,
}

/// What a server does about ALPN (RFC 7301).
///
/// In every case a client that does not use the extension is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ServerAlpn {
    /// Ignore what clients offer.
    Ignore,
    /// Answer with the identifier of the service, and refuse a client that offers only others.
    /// For a service that has no identifier, ignore.
    #[default]
    Answer,
    /// As `Answer`; for a service that has no identifier, refuse every client that offers any
    /// protocol. Together with [`UnknownName::Refuse`](crate::UnknownName::Refuse) this stops
    /// cross-protocol attacks, in which a browser is made to talk to a mail server.
    Strict,
}

impl Acceptor {
    /// A session for a connection with implicit TLS.
    ///
    /// # Errors
    /// [`ApiMisuse::PlaintextPhaseMissing`] for a listener with STARTTLS.
    pub fn accept(&self) -> Result<ServerSession, Error> {
        match self.0.mode {
            TlsMode::Implicit => Ok(ServerSession::start(Arc::clone(&self.0))),
            TlsMode::StartTls => Err(ApiMisuse::PlaintextPhaseMissing.into()),
        }
    }

    /// What stands between the commands of one connection and the embedder's parser: before TLS
    /// on a port for STARTTLS, and afterwards in both modes.
    pub fn guard(&self) -> StartTlsGuard {
        StartTlsGuard::new(self.clone())
    }

    /// A session for a connection on which the client has sent STARTTLS, and the embedder has put
    /// its agreement into what goes to the transport.
    ///
    /// `received` is everything that the embedder has read beyond the line of the command, and has
    /// to be left to this function: it takes the place of what `incoming` held. The beginning of a TLS
    /// handshake from a client that did not wait is gone on with. Anything else is plain text that
    /// was put behind the command, and is never executed (RFC 9051 §6.2.1).
    ///
    /// Forget whatever the client said before: [`ServerSession::after_tls`] says how to go on.
    /// [`guard`](Self::guard) gives the replies, and leads here by [`Upgrade`](crate::Upgrade).
    ///
    /// # Errors
    /// [`ProtocolError::CommandInjection`] where `received` is not TLS,
    /// [`ApiMisuse::NoPlaintextPhase`] for a listener with implicit TLS.
    pub fn upgrade(
        &self,
        received: &[u8],
        incoming: &mut BytesMut,
    ) -> Result<ServerSession, Error> {
        self.check_upgrade(received, incoming)?;
        Ok(ServerSession::start(Arc::clone(&self.0)))
    }

    /// The same for the connection of a guard.
    pub(crate) fn upgrade_for(
        &self,
        guard: GuardId,
        received: &[u8],
        incoming: &mut BytesMut,
    ) -> Result<ServerSession, Error> {
        self.check_upgrade(received, incoming)?;
        Ok(ServerSession::start_for(Arc::clone(&self.0), guard))
    }

    fn check_upgrade(&self, received: &[u8], incoming: &mut BytesMut) -> Result<(), Error> {
        match self.0.mode {
            TlsMode::Implicit => return Err(ApiMisuse::NoPlaintextPhase.into()),
            TlsMode::StartTls => {}
        }
        // RFC 8446 §5.1: a handshake record, as far as it has come.
        let is_handshake = matches!(received, [] | [22] | [22, 3, ..]);
        if !is_handshake {
            return Err(ProtocolError::CommandInjection {
                bytes: received.len(),
                excerpt: client_excerpt(received),
            }
            .into());
        }
        incoming.clear();
        incoming.extend_from_slice(received);
        Ok(())
    }

    /// Shows other certificates from now on. Running sessions are not touched.
    ///
    /// # Errors
    /// [`ConfigError::UnusableCertificate`](crate::ConfigError::UnusableCertificate) names the
    /// chain that cannot be used; the old ones then go on.
    pub fn replace_certificates(&self, certificates: &Certificates) -> Result<(), Error> {
        self.0.engines.replace_certificates(certificates)
    }

    /// The service.
    pub fn service(&self) -> Service {
        self.0.service
    }

    /// The mode.
    pub fn mode(&self) -> TlsMode {
        self.0.mode
    }

    pub(crate) fn listening(&self) -> &Arc<Listening> {
        &self.0
    }

    pub(crate) fn into_listening(self) -> Arc<Listening> {
        self.0
    }
}

impl Listening {
    /// Whether a ClientHello has to be looked at before rustls goes on with it.
    pub(crate) fn looks_at_hellos(&self) -> bool {
        self.alpn == ServerAlpn::Strict || self.engines.is_strict_about_names()
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("service", &self.service)
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// Builds an [`Acceptor`]. From [`Server::acceptor`].
#[derive(Debug, Clone)]
pub struct AcceptorBuilder {
    server: Server,
    service: Service,
    mode: TlsMode,
    certificates: Certificates,
    alpn: ServerAlpn,
    clients: Option<AskedClients>,
    revocation: Option<(RevocationLists, RevocationPolicy)>,
    tickets: usize,
    ticket_keys: Option<TicketKeys>,
    listener: Box<str>,
    asks_for_each_hello: bool,
}

#[derive(Debug, Clone)]
struct AskedClients {
    anchors: TrustAnchors,
    mapping: IdentityMapping,
    must_show: bool,
}

impl AcceptorBuilder {
    /// One ticket is what the next connection needs, and the default of rustls, two, costs the
    /// server a few per cent of its handshakes.
    const TICKETS: usize = 1;

    pub(crate) fn new(
        server: Server,
        service: Service,
        mode: TlsMode,
        certificates: Certificates,
    ) -> Self {
        Self {
            server,
            service,
            mode,
            certificates,
            alpn: ServerAlpn::default(),
            clients: None,
            revocation: None,
            tickets: Self::TICKETS,
            ticket_keys: None,
            listener: Box::default(),
            asks_for_each_hello: false,
        }
    }

    /// What is done about ALPN (RFC 7301). Default: [`ServerAlpn::Answer`].
    #[must_use]
    pub fn alpn(mut self, alpn: ServerAlpn) -> Self {
        self.alpn = alpn;
        self
    }

    /// Asks clients for a certificate under these trust anchors, and serves also those that show
    /// none. Nothing else makes a server ask: certificates that nobody could be identified by must
    /// not be asked for (RFC 8314 §4.2). Clients are told the anchors' names, up to
    /// [`AUTHORITY_NAMES`](crate::limits::AUTHORITY_NAMES), to choose a certificate by.
    ///
    /// [`ServerSession::client_identity`] tells whom `mapping` finds in a certificate.
    #[must_use]
    pub fn request_client_certificates(
        mut self,
        anchors: TrustAnchors,
        mapping: IdentityMapping,
    ) -> Self {
        self.clients = Some(AskedClients {
            anchors,
            mapping,
            must_show: false,
        });
        self
    }

    /// Serves only clients that show a certificate under these trust anchors. One that `mapping`
    /// finds nobody in is served as well; nobody can be accepted on the strength of it.
    #[must_use]
    pub fn require_client_certificates(
        mut self,
        anchors: TrustAnchors,
        mapping: IdentityMapping,
    ) -> Self {
        self.clients = Some(AskedClients {
            anchors,
            mapping,
            must_show: true,
        });
        self
    }

    /// Lists in which each certificate of a client's path is looked up (RFC 5280 §6.3), where
    /// clients are asked for certificates at all. Without them nothing is known about revocation.
    ///
    /// Lists go out of date: make a new acceptor with new ones in time. Tickets that were given
    /// under other lists are of no use then.
    #[must_use]
    pub fn client_revocation_lists(
        mut self,
        lists: RevocationLists,
        policy: RevocationPolicy,
    ) -> Self {
        self.revocation = Some((lists, policy));
        self
    }

    /// How many tickets a client gets after a full handshake of TLS 1.3; with none, sessions are
    /// not resumed. Default: one.
    #[must_use]
    pub fn tickets(mut self, tickets: usize) -> Self {
        self.tickets = tickets;
        self
    }

    /// Seals tickets with these keys, which other machines may have too. Without them each acceptor
    /// has keys of its own, see [`ticket_keys`](crate::ticket_keys).
    #[must_use]
    pub fn ticket_keys(mut self, keys: TicketKeys) -> Self {
        self.ticket_keys = Some(keys);
        self
    }

    /// A name that tells this listener from others of the same service and mode. Tickets are
    /// bound to it.
    #[must_use]
    pub fn listener(mut self, name: &str) -> Self {
        self.listener = name.into();
        self
    }

    /// Shows the embedder each ClientHello as [`Event::ClientHello`](crate::Event::ClientHello),
    /// and waits for [`ServerSession::answer`].
    #[must_use]
    pub fn ask_for_each_hello(mut self) -> Self {
        self.asks_for_each_hello = true;
        self
    }

    /// Builds the acceptor.
    ///
    /// # Errors
    /// [`ConfigError::UnusableCertificate`] names the chain that cannot be used,
    /// [`ConfigError::UnusableProvider`].
    ///
    /// [`ConfigError::UnusableCertificate`]: crate::ConfigError::UnusableCertificate
    /// [`ConfigError::UnusableProvider`]: crate::ConfigError::UnusableProvider
    pub fn build(self) -> Result<Acceptor, Error> {
        let binding = self.binding();
        let algorithms = self.server.provider.get().signature_verification_algorithms;
        let clients = self.clients.clone().map(|asked| {
            let requirements = Requirements::client(asked.anchors, algorithms);
            Clients {
                requirements: match &self.revocation {
                    Some((lists, policy)) => {
                        requirements.with_revocation_lists(lists.clone(), *policy)
                    }
                    None => requirements,
                },
                must_show_certificate: asked.must_show,
                mapping: asked.mapping,
            }
        });
        let engines = ServerEngineFactory::new(ServerParts {
            provider: self.server.provider,
            versions: self.server.versions,
            clock: self.server.clock.clone(),
            certificates: &self.certificates,
            alpn: match self.alpn {
                ServerAlpn::Ignore => None,
                ServerAlpn::Answer | ServerAlpn::Strict => self.service.alpn_id(),
            },
            clients: clients
                .as_ref()
                .map(|clients| (clients.requirements.clone(), clients.must_show_certificate)),
            tickets: self.tickets,
            ticket_keys: self.ticket_keys,
            binding,
            handshake_limit: self.server.limits.handshake_bytes,
        })?;
        Ok(Acceptor(Arc::new(Listening {
            engines,
            service: self.service,
            mode: self.mode,
            alpn: self.alpn,
            clients,
            asks_for_each_hello: self.asks_for_each_hello,
            clock: self.server.clock,
            limits: self.server.limits,
        })))
    }

    /// A digest of everything that a ticket of this listener stands for.
    fn binding(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut part = |bytes: &[u8]| {
            digest.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(bytes);
        };
        // What is sealed in another form later has another number, under the same keys too.
        part(b"mail-tls tickets, format 1");
        part(self.service.to_string().as_bytes());
        part(self.mode.to_string().as_bytes());
        part(self.listener.as_bytes());
        part(format!("{:?} {:?}", self.server.versions, self.alpn).as_bytes());
        match &self.clients {
            None => part(b"no client certificates"),
            Some(asked) => {
                part(if asked.must_show {
                    b"required"
                } else {
                    b"requested"
                });
                part(asked.anchors.digest());
                asked.mapping.describe(&mut part);
            }
        }
        match &self.revocation {
            None => part(b"no revocation lists"),
            Some((lists, policy)) => {
                part(format!("{policy:?}").as_bytes());
                part(lists.digest());
            }
        }
        digest.finalize().into()
    }
}
