//! What we expect: reference identifiers (RFC 6125 §6.2).

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::identity::Provenance;
use crate::name::{Host, HostName};

/// The name in a reference identifier, by its type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReferenceName {
    /// A DNS-ID: matched by a dNSName (RFC 6125 §6.4).
    Dns(HostName),
    /// An IP-ID: matched by an iPAddress of the same family, octet for octet (RFC 9525 §6.4).
    Ip(IpAddr),
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

impl ReferenceIds {
    /// The reference identifier of a host that was configured directly: a DNS-ID for a name, an
    /// IP-ID for an address (RFC 7817 §3 input 1(b); RFC 9525 §6.1).
    ///
    /// # Errors
    ///
    /// [`UntrustworthyReference`] if the host was learned in a way that an attacker on the network
    /// could have influenced (RFC 6125 §6.2.1, RFC 8314 §5.1): there is no way around it but
    /// [`Provenance::Confirmed`], which only a user can give.
    pub fn for_host(host: &Host, provenance: Provenance) -> Result<Self, UntrustworthyReference> {
        let id = ReferenceId::new(host, provenance)?;
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
    fn new(host: &Host, provenance: Provenance) -> Result<Self, UntrustworthyReference> {
        if !provenance.is_trustworthy() {
            return Err(UntrustworthyReference {
                host: host.clone(),
                provenance,
            });
        }
        let name = match host {
            Host::Name(name) => ReferenceName::Dns(name.clone()),
            Host::Ip(address) => ReferenceName::Ip(*address),
        };
        Ok(Self { name, provenance })
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
            Self::Ip(address) => address.fmt(f),
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
