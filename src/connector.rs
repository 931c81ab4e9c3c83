//! One account and one endpoint, prepared for connecting.

use std::fmt;
use std::sync::Arc;

use bytes::BytesMut;

use crate::client::Shared;
use crate::clock::Clock;
use crate::endpoint::{ClientAlpn, Endpoint};
use crate::error::{ApiMisuse, ConfigError, Error, PolicyRefusal, ProtocolError};
use crate::limits::{EXCERPT, Limits};
use crate::name::{EmailAddress, Host, HostName};
use crate::policy::{Account, MinimumConfidentiality, Phase};
use crate::service::TlsMode;
use crate::session::ClientSession;
use crate::starttls::Dialog;
use crate::text::UntrustedText;
use crate::tls::{ClientEngineFactory, ClientParts};
use crate::verify::dane::Dane;
use crate::verify::{Pinning, Place, Requirements};

/// A [`Client`](crate::Client), an [`Account`] and an [`Endpoint`], prepared once. Cheap to clone.
///
/// It holds the tickets of its sessions, which no other connector gets: not the one of another
/// account, not the one made after the account was changed. When the account's generation has
/// moved on it connects no more.
///
/// ```
/// # #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))] {
/// use bytes::BytesMut;
/// use mail_tls::{Account, Client, Endpoint, MinimumConfidentiality, Service, TlsMode};
///
/// let client = Client::builder().build()?;
/// let account = Account::configured();
/// let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
/// let connector = client.connector(&account, endpoint.clone())?;
///
/// let mut outgoing = BytesMut::new();
/// let session = connector.connect(&mut outgoing)?; // one for each connection
/// assert!(!outgoing.is_empty()); // the ClientHello
///
/// account.raise_minimum(MinimumConfidentiality::default().with_tls13_only());
/// let refused = connector.connect(&mut outgoing).unwrap_err();
/// assert_eq!(refused.code(), "stale-connector");
/// let connector = client.connector(&account, endpoint)?;
/// # }
/// # Ok::<(), mail_tls::Error>(())
/// ```
#[derive(Clone)]
pub struct Connector(Arc<Prepared>);

pub(crate) struct Prepared {
    pub(crate) endpoint: Endpoint,
    dane: Option<Dane>,
    sent_name: Option<HostName>,
    pub(crate) engines: ClientEngineFactory,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) account: Account,
    pub(crate) generation: u64,
    /// What the account required when the connector was made, and a session has to provide before
    /// it is established; `None` where its user had lowered it.
    pub(crate) required: Option<MinimumConfidentiality>,
    ehlo_name: Host,
}

impl Connector {
    pub(crate) fn prepare(
        client: &Shared,
        account: &Account,
        endpoint: Endpoint,
        dane: Option<&Dane>,
    ) -> Result<Self, Error> {
        let dane = match dane {
            Some(dane) => Some(dane_for(&endpoint, dane, &client.clock)?),
            None => None,
        };
        let generation = account.generation();
        let required = account.minimum();
        let minimum = required.clone().unwrap_or_default();
        let provider = client.provider.limited(&minimum)?;
        let email_domain = account.address().and_then(EmailAddress::domain);
        let references = endpoint.references(email_domain)?;
        let algorithms = client.provider.get().signature_verification_algorithms;
        let requirements = match &client.verifier {
            Some(verifier) => {
                Requirements::server_verified_by(Arc::clone(verifier), references, algorithms)
            }
            None => Requirements::server(client.anchors.clone(), references, algorithms),
        };
        // RFC 7671 §10.2: with TLSA records that are applied, their base domain.
        let sent_name = match dane.as_ref().and_then(Dane::set_in_force) {
            Some(set) => Some(set.name().base_domain().clone()),
            None => endpoint.sent_name(email_domain),
        };
        let requirements = match &dane {
            Some(dane) => requirements.with_dane_of_endpoint(dane.clone()),
            None => requirements,
        };
        let requirements = match &client.revocation {
            Some((lists, policy)) => requirements.with_revocation_lists(lists.clone(), *policy),
            None => requirements,
        };
        let engines = ClientEngineFactory::new(ClientParts {
            provider: &provider,
            versions: client.versions.limited(&minimum)?,
            clock: client.clock.clone(),
            account: account.clone(),
            generation,
            requirements,
            server_name: match &sent_name {
                Some(name) => Host::Name(name.clone()).server_name(),
                None => endpoint.host().server_name(),
            },
            send_sni: sent_name.is_some(),
            alpn: offered_alpn(&endpoint)?,
            client_certificates: account.client_certificates(),
            // RFC 6698 §4.1: nothing makes good what records that are applied refuse.
            pinning: match dane.as_ref().and_then(Dane::set_in_force) {
                Some(_) => None,
                None => pinning_for(account, &endpoint),
            },
            // What a foreign verifier says holds for now and no longer.
            remember_verdicts: client.remember_verdicts && client.verifier.is_none(),
            resumes: client.verifier.is_none(),
            handshake_limit: client.limits.handshake_bytes,
        })?;
        Ok(Self(Arc::new(Prepared {
            endpoint,
            dane,
            sent_name,
            engines,
            clock: client.clock.clone(),
            limits: client.limits,
            account: account.clone(),
            generation,
            required,
            ehlo_name: client.ehlo_name.clone(),
        })))
    }

    /// Begins a session. With implicit TLS its ClientHello is in `outgoing` already; with STARTTLS
    /// the session waits for the server's greeting, and speaks the plaintext dialog by itself.
    ///
    /// # Errors
    /// [`PolicyRefusal::StaleConnector`] once the account has been changed,
    /// [`PolicyRefusal::Dane`] once the TLSA records are out of date.
    pub fn connect(&self, outgoing: &mut BytesMut) -> Result<ClientSession, Error> {
        match self.0.endpoint.mode() {
            TlsMode::Implicit => ClientSession::start(Arc::clone(&self.0), outgoing),
            TlsMode::StartTls => ClientSession::start_with_dialog(Arc::clone(&self.0)),
        }
    }

    /// Begins TLS after the server has agreed to STARTTLS in a plaintext phase that the embedder
    /// had to speak itself; [`connect`](Self::connect) speaks it otherwise.
    ///
    /// `surplus` is what the embedder has read beyond the line of the reply: it has to be empty,
    /// since only an attacker puts something there (RFC 3207 §6, RFC 9051 §11.3).
    ///
    /// Forget whatever the server said before: [`ClientSession::after_tls`] says what to ask again.
    ///
    /// # Errors
    /// [`ProtocolError::ResponseInjection`] where `surplus` is not empty,
    /// [`PolicyRefusal::StaleConnector`] once the account has been changed,
    /// [`PolicyRefusal::Dane`] once the TLSA records are out of date,
    /// [`ApiMisuse::NoPlaintextPhase`] for an endpoint with implicit TLS.
    pub fn upgrade(&self, surplus: &[u8], outgoing: &mut BytesMut) -> Result<ClientSession, Error> {
        match self.0.endpoint.mode() {
            TlsMode::Implicit => Err(ApiMisuse::NoPlaintextPhase.into()),
            TlsMode::StartTls if surplus.is_empty() => {
                ClientSession::start(Arc::clone(&self.0), outgoing)
            }
            TlsMode::StartTls => Err(ProtocolError::ResponseInjection {
                bytes: surplus.len(),
                excerpt: UntrustedText::excerpt(surplus, EXCERPT),
            }
            .into()),
        }
    }

    #[cfg(feature = "recorder")]
    pub(crate) fn prepared(&self) -> &Prepared {
        &self.0
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// What DNS says about the server's certificate, as it was decided for this endpoint; `None`
    /// where nothing was looked up.
    pub fn dane(&self) -> Option<&Dane> {
        self.0.dane.as_ref()
    }

    /// Whether the account has been changed since the connector was made, or its TLSA records are
    /// out of date.
    pub fn is_stale(&self) -> bool {
        self.0.check_current().is_err()
    }
}

impl Prepared {
    /// Whether a session may begin.
    pub(crate) fn check_current(&self) -> Result<(), PolicyRefusal> {
        self.check_generation()?;
        // RFC 6698 §8.2.
        match &self.dane {
            Some(dane) => Ok(dane.check_time(self.clock.unix())?),
            None => Ok(()),
        }
    }

    pub(crate) fn check_generation(&self) -> Result<(), PolicyRefusal> {
        let current = self.account.generation();
        if current == self.generation {
            return Ok(());
        }
        Err(PolicyRefusal::StaleConnector {
            made: self.generation,
            current,
        })
    }

    /// The plaintext dialog of one connection.
    pub(crate) fn dialog(&self) -> Dialog {
        Dialog::new(self.endpoint.service(), self.endpoint.starttls_strategy())
    }

    /// How the client calls itself in `EHLO`.
    pub(crate) fn ehlo_name(&self) -> &Host {
        &self.ehlo_name
    }

    /// The name that is sent as SNI.
    pub(crate) fn sent_name(&self) -> Option<&str> {
        self.sent_name.as_ref().map(HostName::as_str)
    }

    pub(crate) fn offered_alpn(&self) -> Option<&'static str> {
        match self.endpoint.alpn() {
            ClientAlpn::Off => None,
            ClientAlpn::Offer | ClientAlpn::Require => self.endpoint.service().alpn_id(),
        }
    }

    pub(crate) fn required_alpn(&self) -> Option<&'static str> {
        match self.endpoint.alpn() {
            ClientAlpn::Off | ClientAlpn::Offer => None,
            ClientAlpn::Require => self.endpoint.service().alpn_id(),
        }
    }
}

/// The decision for this endpoint: RFC 6698 §4 binds records to a port and a transport, and
/// RFC 7673 §3.1 lets them count only for a host that was securely learned.
fn dane_for(endpoint: &Endpoint, dane: &Dane, clock: &Clock) -> Result<Dane, Error> {
    let name = dane.name();
    let is_of_host = endpoint.host().name().is_some_and(|host| name.is_of(host));
    if !is_of_host || name.port() != endpoint.port() {
        return Err(ConfigError::TlsaOfOtherEndpoint {
            tlsa: Box::new(name.clone()),
            host: endpoint.host().clone(),
            port: endpoint.port(),
        }
        .into());
    }
    if endpoint.provenance().is_trustworthy() {
        dane.check_time(clock.unix()).map_err(PolicyRefusal::from)?;
        return Ok(dane.clone());
    }
    Ok(dane
        .without_trust_in_the_host()
        .map_err(PolicyRefusal::from)?)
}

/// The pins of this account for this endpoint, and whether another may be offered
/// (RFC 8314 §5.4). An account without an address has nothing that a pin could be bound to.
fn pinning_for(account: &Account, endpoint: &Endpoint) -> Option<Pinning> {
    let place = Place {
        account: account.address()?.clone(),
        host: endpoint.host().clone(),
        port: endpoint.port(),
        service: endpoint.service(),
        service_domain: endpoint.service_domain().cloned(),
    };
    let pins = account.pins_at(&place);
    Some(match account.phase() {
        Phase::Setup => Pinning::new(pins, Some(place)),
        Phase::Configured => Pinning::new(pins, None),
    })
}

fn offered_alpn(endpoint: &Endpoint) -> Result<Option<&'static str>, ConfigError> {
    let service = endpoint.service();
    match (endpoint.alpn(), service.alpn_id()) {
        (ClientAlpn::Off, _) | (ClientAlpn::Offer, None) => Ok(None),
        (ClientAlpn::Require, None) => Err(ConfigError::NoAlpnRegistered { service }),
        (ClientAlpn::Offer | ClientAlpn::Require, Some(id)) => Ok(Some(id)),
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector")
            .field("endpoint", &self.endpoint)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
