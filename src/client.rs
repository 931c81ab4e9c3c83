//! What all of a program's clients share.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use crate::clock::Clock;
use crate::connector::Connector;
use crate::endpoint::Endpoint;
use crate::error::{ConfigError, Error};
use crate::limits::Limits;
use crate::name::Host;
use crate::policy::Account;
use crate::tls::{Provider, TlsVersions};
use crate::verify::dane::Dane;
use crate::verify::{RevocationLists, RevocationPolicy, ServerVerifier, TrustAnchors};

/// What all client sessions of a program share: trust anchors, provider of cryptography, TLS
/// versions, limits and [`Clock`]. Cheap to clone.
///
/// ```
/// use mail_tls::{Account, Client, Endpoint, Service, TlsMode};
///
/// # #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))] {
/// let client = Client::builder().build()?;
/// let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
/// let connector = client.connector(&Account::configured(), endpoint)?;
/// # }
/// # Ok::<(), mail_tls::Error>(())
/// ```
#[derive(Clone)]
pub struct Client(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) anchors: TrustAnchors,
    /// In place of the anchors, which are none then.
    pub(crate) verifier: Option<Arc<dyn ServerVerifier>>,
    pub(crate) revocation: Option<(RevocationLists, RevocationPolicy)>,
    pub(crate) provider: Provider,
    pub(crate) versions: TlsVersions,
    pub(crate) limits: Limits,
    pub(crate) clock: Clock,
    pub(crate) ehlo_name: Host,
    pub(crate) remember_verdicts: bool,
}

impl Client {
    /// Begins with the defaults: Mozilla's roots (feature `webpki-roots`), the provider of the
    /// enabled feature, TLS 1.2 and 1.3, the system's clock.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Prepares connecting to `endpoint` on behalf of `account`. Do it once, and keep it: a
    /// connector holds the tickets with which sessions are resumed.
    ///
    /// # Errors
    /// [`ConfigError::UntrustworthyHost`] for a host that an attacker could have put there where no
    /// domain is known to verify the server by,
    /// [`ConfigError::NoReference`] where the endpoint's policy leaves no name to identify it by,
    /// [`ConfigError::NoAlpnRegistered`] where ALPN is required for a service that has no
    /// identifier, [`ConfigError::UnusableCertificate`] for the account's client certificate,
    /// [`ConfigError::UnusableProvider`], [`ConfigError::MinimumOutOfReach`] where this client
    /// cannot offer what the account requires.
    ///
    /// [`ConfigError::MinimumOutOfReach`]: crate::ConfigError::MinimumOutOfReach
    /// [`ConfigError::UntrustworthyHost`]: crate::ConfigError::UntrustworthyHost
    /// [`ConfigError::NoReference`]: crate::ConfigError::NoReference
    /// [`ConfigError::NoAlpnRegistered`]: crate::ConfigError::NoAlpnRegistered
    /// [`ConfigError::UnusableCertificate`]: crate::ConfigError::UnusableCertificate
    /// [`ConfigError::UnusableProvider`]: crate::ConfigError::UnusableProvider
    pub fn connector(&self, account: &Account, endpoint: Endpoint) -> Result<Connector, Error> {
        Connector::prepare(&self.0, account, endpoint, None)
    }

    /// The same with what DNS says about the server's certificate (RFC 7671, RFC 7673), as a
    /// [`DanePolicy`](crate::dane::DanePolicy) has decided.
    ///
    /// Records that are applied decide alone who the server is; see [`dane`](crate::dane). Their
    /// base domain is sent as SNI, also where the endpoint says not to (RFC 7671 §10.2). They are
    /// not applied to a host that was learned in an insecure way (RFC 7673 §3.1).
    ///
    /// A connector with records is good as long as they are: then look them up again and make a new
    /// one. Tickets and verdicts end with it.
    ///
    /// ```
    /// # #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))] {
    /// # let (answered, ttl) = (rustls::pki_types::UnixTime::now(), std::time::Duration::from_secs(3600));
    /// use mail_tls::dane::{DanePolicy, TlsaLookup, TlsaName, TlsaRecord};
    /// use mail_tls::{Account, Client, Endpoint, Service, TlsMode};
    ///
    /// let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
    /// let name = TlsaName::of_endpoint(&endpoint).ok_or("no name")?;
    /// assert_eq!(name.to_string(), "_993._tcp.imap.example.org");
    /// // What a validating resolver has answered; discovery::Lookup asks in the order of RFC 7673.
    /// let record: TlsaRecord =
    ///     "3 1 1 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse()?;
    /// let lookup = TlsaLookup::validated_over_trusted_path(name, [record], answered, ttl)?;
    ///
    /// let dane = DanePolicy::default().decide(&lookup)?;
    /// let client = Client::builder().build()?;
    /// let connector = client.connector_with_dane(&Account::configured(), endpoint, &dane)?;
    /// assert!(!connector.is_stale()); // for an hour
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`connector`](Self::connector); [`ConfigError::TlsaOfOtherEndpoint`] for records of
    /// another host or port; [`PolicyRefusal::Dane`] for records that are out of date, and where
    /// they are required and cannot be applied.
    ///
    /// [`ConfigError::TlsaOfOtherEndpoint`]: crate::ConfigError::TlsaOfOtherEndpoint
    /// [`PolicyRefusal::Dane`]: crate::PolicyRefusal::Dane
    pub fn connector_with_dane(
        &self,
        account: &Account,
        endpoint: Endpoint,
        dane: &Dane,
    ) -> Result<Connector, Error> {
        Connector::prepare(&self.0, account, endpoint, Some(dane))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("anchors", &self.0.anchors.len())
            .field("versions", &self.0.versions)
            .field("limits", &self.0.limits)
            .finish_non_exhaustive()
    }
}

/// Builds a [`Client`]: every part has a default, see [`Client::builder`].
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
/// # let mut params = rcgen::CertificateParams::default();
/// # params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
/// # let authority = rcgen::CertifiedIssuer::self_signed(params, rcgen::KeyPair::generate()?)?;
/// # let pem = authority.pem(); // a company's own authority
/// use std::time::Duration;
///
/// use mail_tls::{Client, Limits, TlsVersions, TrustAnchors};
///
/// let client = Client::builder()
///     .trust_anchors(TrustAnchors::from_pem(pem.as_bytes())?) // in place of Mozilla's
///     .versions(TlsVersions::Tls13Only)
///     .limits(Limits::default().with_handshake_time(Duration::from_secs(10)))
///     .build()?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct ClientBuilder {
    anchors: Option<TrustAnchors>,
    verifier: Option<Arc<dyn ServerVerifier>>,
    revocation: Option<(RevocationLists, RevocationPolicy)>,
    provider: Option<Arc<CryptoProvider>>,
    versions: TlsVersions,
    limits: Limits,
    clock: Clock,
    ehlo_name: Option<Host>,
    forgets_verdicts: bool,
}

impl ClientBuilder {
    /// The trust anchors, in place of Mozilla's: give all that count. For a server of your own, its
    /// authority's certificate, by [`TrustAnchors::from_pem`].
    #[must_use]
    pub fn trust_anchors(mut self, anchors: TrustAnchors) -> Self {
        self.anchors = Some(anchors);
        self
    }

    /// Somebody else verifies servers' chains, in place of trust anchors and revocation lists; see
    /// [`ServerVerifier`] for what that costs. Pins and DANE-TA and DANE-EE records count as ever;
    /// PKIX-TA and PKIX-EE records, which need to see the path, are met by nothing then.
    #[must_use]
    pub fn server_verifier(mut self, verifier: Arc<dyn ServerVerifier>) -> Self {
        self.verifier = Some(verifier);
        self
    }

    /// Lists in which each certificate of a server's path is looked up (RFC 5280 §6.3,
    /// RFC 9325 §7.5). Without them nothing is known about revocation; nothing is fetched.
    ///
    /// Lists go out of date: make a new client with new ones in time.
    #[must_use]
    pub fn revocation_lists(mut self, lists: RevocationLists, policy: RevocationPolicy) -> Self {
        self.revocation = Some((lists, policy));
        self
    }

    /// The provider of cryptography, taken as it is: its suites and groups in its order. A
    /// process-wide default provider is never used.
    #[must_use]
    pub fn crypto_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// The TLS versions. Default: 1.2 and 1.3.
    #[must_use]
    pub fn versions(mut self, versions: TlsVersions) -> Self {
        self.versions = versions;
        self
    }

    /// The limits on time and bytes until a session is established. Default: those of
    /// [`limits`](crate::limits).
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The clock. Default: the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The name in the `EHLO` or `LHLO` that comes before STARTTLS: this machine's name or
    /// address. Anyone on the way can read it. Default: the address literal `[127.0.0.1]`, which
    /// says nothing about the machine (RFC 5321 §4.1.1.1 wants a literal where there is no name).
    ///
    /// After TLS the embedder sends its own `EHLO` with whatever name it wants.
    #[must_use]
    pub fn ehlo_name(mut self, name: Host) -> Self {
        self.ehlo_name = Some(name);
        self
    }

    /// Verifies the server's chain anew at every full handshake.
    ///
    /// By default a connector remembers that exactly these chain bytes satisfied its requirements,
    /// for an hour at most and never beyond a date at which the verdict would change, which halves
    /// the work of a repeated handshake. The signature of the handshake is verified in any case.
    #[must_use]
    pub fn forget_verdicts(mut self) -> Self {
        self.forgets_verdicts = true;
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// [`ConfigError::NoTrustAnchors`] without the feature `webpki-roots` and without anchors,
    /// [`ConfigError::NoCryptoProvider`] without a provider,
    /// [`ConfigError::VerifierNotAlone`] where a verifier was given and something that it replaces.
    ///
    /// [`ConfigError::NoTrustAnchors`]: crate::ConfigError::NoTrustAnchors
    /// [`ConfigError::NoCryptoProvider`]: crate::ConfigError::NoCryptoProvider
    /// [`ConfigError::VerifierNotAlone`]: crate::ConfigError::VerifierNotAlone
    pub fn build(self) -> Result<Client, Error> {
        let anchors = match (self.anchors, &self.verifier) {
            (Some(_), Some(_)) => return Err(ConfigError::VerifierNotAlone.into()),
            (None, Some(_)) if self.revocation.is_some() => {
                return Err(ConfigError::VerifierNotAlone.into());
            }
            (None, Some(_)) => TrustAnchors::none(),
            (anchors, None) => anchors
                .or_else(built_in_anchors)
                .ok_or(ConfigError::NoTrustAnchors)?,
        };
        Ok(Client(Arc::new(Shared {
            anchors,
            verifier: self.verifier,
            revocation: self.revocation,
            provider: Provider::choose(self.provider)?,
            versions: self.versions,
            limits: self.limits,
            clock: self.clock,
            remember_verdicts: !self.forgets_verdicts,
            ehlo_name: self
                .ehlo_name
                .unwrap_or_else(|| Host::Ip(Ipv4Addr::LOCALHOST.into())),
        })))
    }
}

#[cfg(feature = "webpki-roots")]
fn built_in_anchors() -> Option<TrustAnchors> {
    Some(TrustAnchors::webpki_roots())
}

#[cfg(not(feature = "webpki-roots"))]
fn built_in_anchors() -> Option<TrustAnchors> {
    None
}
