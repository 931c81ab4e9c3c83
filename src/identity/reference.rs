//! What we expect: reference identifiers (RFC 6125 §6.2).

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::identity::{Provenance, ReferenceSource};
use crate::name::{Host, HostName};

/// The name in a reference identifier, by its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReferenceName {
    /// A DNS-ID: matched by a dNSName (RFC 6125 §6.4).
    Dns(HostName),
    /// An SRV-ID: matched by an SRVName with this service and this domain, both exact but for case
    /// (RFC 4985 §2, RFC 6125 §6.5).
    #[non_exhaustive]
    Srv {
        /// The service, without its underscore: `imaps`.
        service: &'static str,
        /// The domain that the service is of.
        domain: HostName,
    },
    /// An IP-ID: matched by an iPAddress of the same family, octet for octet (RFC 9525 §6.4).
    Ip(IpAddr),
    /// A CN-ID: matched by the only common name of a certificate that has no name of another type
    /// that counts (RFC 6125 §6.4.4). Sought only where the
    /// [policy](crate::identity::IdentityPolicy::with_common_names) asks for it.
    CommonName(HostName),
}

/// One acceptable name of the peer, and where it was learned from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReferenceId {
    name: ReferenceName,
    provenance: Provenance,
}

/// The acceptable names of a peer, in the order in which they are sought.
///
/// Built before the peer is asked anything and never changed (RFC 6125 §6.2.1); never empty; every
/// name in it came from a trustworthy place. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReferenceIds {
    ids: Arc<[ReferenceId]>,
}

/// A name was refused as a reference identifier because an attacker could have chosen it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a certificate for {host} would prove nothing, because the name is {provenance}: \
     have the user confirm it, or verify the server by the domain of the email address"
)]
#[non_exhaustive]
pub struct UntrustworthyReference {
    /// The name.
    pub host: Host,
    /// Where it was learned from.
    pub provenance: Provenance,
}

/// Why there is nothing that a certificate could be compared with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The host comes from where an attacker could have put it, and no domain is known by which to
    /// verify the server instead.
    #[error(transparent)]
    Untrustworthy(#[from] UntrustworthyReference),
    /// The policy seeks none of the types of names that are known of the server.
    #[error(
        "the policy leaves no name by which {host} could be identified: let more types of names \
         count, or give the domain of the email address"
    )]
    #[non_exhaustive]
    NoneLeft {
        /// The host.
        host: Host,
    },
    /// The policy asks for common names and for RFC 9525, which has abolished them.
    #[error("common names cannot count where RFC 9525 is followed strictly: choose one of the two")]
    CommonNameInStrictMode,
}

impl ReferenceError {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Untrustworthy(_) => "untrustworthy-host",
            Self::NoneLeft { .. } => "no-reference",
            Self::CommonNameInStrictMode => "common-name-in-strict-mode",
        }
    }
}

impl ReferenceIds {
    /// The reference identifier of a host that was configured directly: a DNS-ID for a name, an
    /// IP-ID for an address (RFC 7817 §3 input 1(b); RFC 9525 §6.1).
    ///
    /// For a mail service there is more to expect; see [`derive`](Self::derive).
    ///
    /// # Errors
    ///
    /// [`UntrustworthyReference`] if the host was learned in a way that an attacker on the network
    /// could have influenced (RFC 6125 §6.2.1, RFC 8314 §5.1): there is no way around it but
    /// [`Provenance::Confirmed`], which only a user can give.
    pub fn for_host(host: &Host, provenance: Provenance) -> Result<Self, UntrustworthyReference> {
        let id = ReferenceId::of_host(host, provenance)?;
        Ok(Self {
            ids: Arc::from([id]),
        })
    }

    /// These with the base domain of DNSSEC-protected TLSA records as the first
    /// (RFC 7671 §10.2), which is how a name with the provenance
    /// [`TlsaBaseDomain`](Provenance::TlsaBaseDomain) gets here, and no other.
    pub(crate) fn with_tlsa_base(&self, base: &HostName) -> Self {
        let is_base =
            |id: &&ReferenceId| matches!(&id.name, ReferenceName::Dns(name) if name == base);
        let primary = self.ids.iter().find(is_base).cloned();
        let primary = primary.unwrap_or_else(|| ReferenceId {
            name: ReferenceName::Dns(base.clone()),
            provenance: Provenance::TlsaBaseDomain,
        });
        let others = self.ids.iter().filter(|id| !is_base(id)).cloned();
        Self {
            ids: std::iter::once(primary).chain(others).collect(),
        }
    }

    /// The reference identifiers of a mail service (RFC 7817 §3, RFC 7673 §4.1), from what is known
    /// of it before it is connected to.
    ///
    /// # Errors
    ///
    /// [`ReferenceError`] says why there would be none.
    pub fn derive(source: &ReferenceSource) -> Result<Self, ReferenceError> {
        let ids = source.references()?;
        if ids.is_empty() {
            return Err(ReferenceError::NoneLeft {
                host: source.host().clone(),
            });
        }
        Ok(Self { ids: ids.into() })
    }

    /// The identifiers in the order in which they are sought.
    pub fn iter(&self) -> std::slice::Iter<'_, ReferenceId> {
        self.ids.iter()
    }
}

impl<'a> IntoIterator for &'a ReferenceIds {
    type Item = &'a ReferenceId;
    type IntoIter = std::slice::Iter<'a, ReferenceId>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl ReferenceId {
    /// The one place where a reference identifier is made: whatever derives them comes through here.
    ///
    /// `rests_on` is what the identifier is made from: the host that is connected to, or the domain
    /// of the user's address.
    fn new(
        name: ReferenceName,
        rests_on: &Host,
        provenance: Provenance,
    ) -> Result<Self, UntrustworthyReference> {
        // An SRV record has a name for its target, never an address.
        let is_possible = match (rests_on, provenance) {
            (Host::Ip(_), Provenance::SrvSecure) => false,
            (Host::Ip(_) | Host::Name(_), _) => true,
        };
        if !provenance.is_trustworthy() || !is_possible {
            return Err(UntrustworthyReference {
                host: rests_on.clone(),
                provenance,
            });
        }
        Ok(Self { name, provenance })
    }

    pub(crate) fn of_host(
        host: &Host,
        provenance: Provenance,
    ) -> Result<Self, UntrustworthyReference> {
        let name = match host {
            Host::Name(name) => ReferenceName::Dns(name.clone()),
            Host::Ip(address) => ReferenceName::Ip(*address),
        };
        Self::new(name, host, provenance)
    }

    /// The service domain is always the user's own input: the domain of an address, or the one that
    /// was typed (RFC 7817 §3 input 1(a)).
    pub(crate) fn of_service(
        service: &'static str,
        domain: &HostName,
    ) -> Result<Self, UntrustworthyReference> {
        let name = ReferenceName::Srv {
            service,
            domain: domain.clone(),
        };
        Self::new(name, &Host::Name(domain.clone()), Provenance::Typed)
    }

    /// The CN-ID that goes with a DNS-ID; nothing goes with the others.
    pub(crate) fn common_name(&self) -> Option<Self> {
        match &self.name {
            ReferenceName::Dns(name) => Some(Self {
                name: ReferenceName::CommonName(name.clone()),
                provenance: self.provenance,
            }),
            ReferenceName::Srv { .. } | ReferenceName::Ip(_) | ReferenceName::CommonName(_) => None,
        }
    }

    /// The name and its type.
    #[must_use]
    pub const fn name(&self) -> &ReferenceName {
        &self.name
    }

    /// Where the name was learned from.
    #[must_use]
    pub const fn provenance(&self) -> Provenance {
        self.provenance
    }
}

/// The name alone.
impl fmt::Display for ReferenceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

impl fmt::Display for ReferenceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => name.fmt(f),
            Self::Srv { service, domain } => write!(f, "_{service}.{domain}"),
            Self::Ip(address) => address.fmt(f),
            Self::CommonName(name) => write!(f, "the common name {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> Host {
        Host::Name(HostName::parse(name).unwrap())
    }

    #[test]
    fn a_host_gives_one_reference_of_its_kind() {
        // RFC 7817 §3 input 1(b), RFC 9525 §6.1.
        let ids = ReferenceIds::for_host(&host("IMAP.Example.NET."), Provenance::Typed).unwrap();
        let texts: Vec<_> = ids.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["imap.example.net"]);
        assert!(matches!(
            ids.iter().next().unwrap().name(),
            ReferenceName::Dns(_)
        ));

        let address = Host::Ip("2001:db8::1".parse().unwrap());
        let ids = ReferenceIds::for_host(&address, Provenance::Administrator).unwrap();
        let id = ids.iter().next().unwrap();
        assert!(matches!(id.name(), ReferenceName::Ip(IpAddr::V6(_))));
        assert_eq!(id.provenance(), Provenance::Administrator);
    }

    #[test]
    fn a_name_that_an_attacker_could_choose_is_refused() {
        // RFC 6125 §6.2.1, RFC 7673 §4.1, RFC 8314 §5.1.
        for provenance in [
            Provenance::SrvInsecure,
            Provenance::AutoconfigUnauthenticated,
            Provenance::Guessed,
        ] {
            let refused = ReferenceIds::for_host(&host("mx.example.org"), provenance).unwrap_err();
            assert_eq!(refused.provenance, provenance);
            assert!(refused.to_string().contains("mx.example.org"), "{refused}");
            assert!(refused.to_string().contains(&provenance.to_string()));
        }
    }
}
