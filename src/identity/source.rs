//! From what is known of a server to the names that it must have.

use crate::identity::{
    IdentityPolicy, Provenance, ReferenceError, ReferenceId, UntrustworthyReference,
};
use crate::name::{Host, HostName};
use crate::service::{Service, TlsMode};

/// What is known of a server before it is connected to, and how: from this follow the names that
/// its certificate must have, and the name that is asked for (SNI).
///
/// | the host is | DNS-ID | SRV-ID | SNI |
/// |---|---|---|---|
/// | typed, configured, confirmed | host | domain | host |
/// | the target of secure SRV records | domain, host | domain | domain |
/// | the target of insecure SRV records | domain, never the host | domain | domain |
/// | an address | none, but an IP-ID | none | none |
///
/// The domain is the service domain, or that of the email address. Where neither is known its part
/// is left out. Sources: RFC 7817 §3, RFC 7673 §4.1, RFC 6125 §6.2.1, RFC 9525 §6.1.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReferenceSource {
    service: Service,
    mode: TlsMode,
    host: Host,
    provenance: Provenance,
    service_domain: Option<HostName>,
    email_domain: Option<HostName>,
    policy: IdentityPolicy,
}

impl ReferenceSource {
    /// A service at a host, and how the host was learned.
    #[must_use]
    pub fn new(service: Service, mode: TlsMode, host: Host, provenance: Provenance) -> Self {
        Self {
            service,
            mode,
            host,
            provenance,
            service_domain: None,
            email_domain: None,
            policy: IdentityPolicy::default(),
        }
    }

    /// The domain of the user's email address.
    #[must_use]
    pub fn with_email_domain(mut self, domain: HostName) -> Self {
        self.email_domain = Some(domain);
        self
    }

    /// The domain whose SRV records were asked for, or by which the server is to be verified in
    /// place of its host. It must be the user's own input, and goes before the domain of the email
    /// address.
    #[must_use]
    pub fn with_service_domain(mut self, domain: HostName) -> Self {
        self.service_domain = Some(domain);
        self
    }

    /// Which types of names count.
    #[must_use]
    pub fn with_policy(mut self, policy: IdentityPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The name to ask the server for (SNI); `None` for an address.
    ///
    /// For a server that was found by SRV records it is the service domain, whether the records
    /// were secure or not (RFC 7673 §4.1); otherwise the host.
    #[must_use]
    pub fn server_name(&self) -> Option<&HostName> {
        let host = self.host.name()?;
        Some(match self.basis() {
            Basis::Host => host,
            Basis::Domain | Basis::DomainAndTarget => self.domain().unwrap_or(host),
        })
    }

    pub(super) const fn host(&self) -> &Host {
        &self.host
    }

    /// All that may be sought, in order. Empty if the policy seeks none of it.
    pub(super) fn references(&self) -> Result<Vec<ReferenceId>, ReferenceError> {
        let policy = &self.policy;
        if policy.common_names && policy.strict {
            return Err(ReferenceError::CommonNameInStrictMode);
        }
        let mut ids = self.all_types()?;
        if policy.common_names {
            let last_resorts: Vec<_> = ids.iter().filter_map(ReferenceId::common_name).collect();
            ids.extend(last_resorts);
        }
        ids.retain(|id| policy.seeks(id));
        Ok(ids)
    }

    fn all_types(&self) -> Result<Vec<ReferenceId>, ReferenceError> {
        let host = || ReferenceId::of_host(&self.host, self.provenance);
        if self.host.ip().is_some() {
            // No SNI, no SRV-ID: an address is compared with addresses alone (RFC 9525 §6.4).
            return Ok(vec![host()?]);
        }
        let domain = self.domain();
        let by_domain = || {
            domain
                .map(|name| ReferenceId::of_host(&name.clone().into(), Provenance::Typed))
                .transpose()
        };
        let mut ids = Vec::new();
        match self.basis() {
            Basis::Host => {
                ids.push(host()?);
                ids.extend(self.by_service()?);
                if self.service_domain.is_some() || self.policy.service_domain {
                    ids.extend(by_domain()?);
                }
            }
            Basis::Domain => {
                ids.extend(by_domain()?);
                ids.extend(self.by_service()?);
                if domain.is_none() {
                    return Err(self.untrustworthy_host().into());
                }
            }
            Basis::DomainAndTarget => {
                ids.extend(by_domain()?);
                ids.extend(self.by_service()?);
                ids.push(host()?);
            }
        }
        // A host that is the domain is one reference, not two (RFC 6125 §6.3: an ordered list).
        let mut seen = Vec::with_capacity(ids.len());
        for id in ids {
            if seen
                .iter()
                .all(|other: &ReferenceId| other.name() != id.name())
            {
                seen.push(id);
            }
        }
        Ok(seen)
    }

    /// The SRV-IDs: the label of the mode in use (RFC 7817 §6), only with the domain whose service
    /// it is (RFC 6125 §6.5).
    fn by_service(&self) -> Result<Vec<ReferenceId>, ReferenceError> {
        let Some(domain) = self.domain() else {
            return Ok(Vec::new());
        };
        let own = self.service.srv_label(self.mode);
        let older = match (self.service, self.mode) {
            (Service::Submission, TlsMode::Implicit) if self.policy.submission_label => {
                self.service.srv_label(TlsMode::StartTls)
            }
            (
                Service::Imap
                | Service::Pop3
                | Service::Submission
                | Service::ManageSieve
                | Service::Lmtp
                | Service::SmtpRelay,
                TlsMode::Implicit | TlsMode::StartTls,
            ) => None,
        };
        own.into_iter()
            .chain(older)
            .map(|label| Ok(ReferenceId::of_service(label, domain)?))
            .collect()
    }

    fn untrustworthy_host(&self) -> UntrustworthyReference {
        UntrustworthyReference {
            host: self.host.clone(),
            provenance: self.provenance,
        }
    }

    fn domain(&self) -> Option<&HostName> {
        self.service_domain.as_ref().or(self.email_domain.as_ref())
    }

    /// What the references rest on.
    fn basis(&self) -> Basis {
        match self.provenance {
            Provenance::Typed
            | Provenance::Administrator
            | Provenance::ProviderDatabase
            | Provenance::AutoconfigAuthenticated
            | Provenance::Confirmed => Basis::Host,
            // RFC 9525 §6.1 admits no name from DNS; RFC 7673 §4.1 admits a secure one.
            Provenance::SrvSecure if self.policy.strict => Basis::Domain,
            Provenance::SrvSecure => Basis::DomainAndTarget,
            Provenance::SrvInsecure => Basis::Domain,
            // To connect to a guess is not to have been sent there by the domain: only where the
            // embedder asks for it is the server verified by the domain.
            Provenance::AutoconfigUnauthenticated
            | Provenance::TlsaBaseDomain
            | Provenance::Guessed => {
                if self.service_domain.is_some() {
                    Basis::Domain
                } else {
                    Basis::Host
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basis {
    Host,
    Domain,
    DomainAndTarget,
}

#[cfg(test)]
mod tests;
