//! Which names of a server count.

use crate::identity::{ReferenceId, ReferenceName};

/// Which types of names a server may be identified by, and how far an old certificate is humoured.
///
/// The default takes host names, service names and addresses (RFC 7817 §3, RFC 9525 §6.1), and
/// nothing else. Which types are sought is local policy (RFC 6125 §6.2.1).
///
/// ```
/// use mail_tls::{Endpoint, IdentityPolicy, Service, TlsMode};
///
/// // Only a certificate that was issued for this very service will do.
/// let policy = IdentityPolicy::default().with_dns_ids(false).with_ip_ids(false);
/// let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?
///     .with_service_domain("example.org".parse()?)
///     .with_identity_policy(policy);
/// let names: Vec<_> = endpoint.references(None)?.iter().map(|id| id.to_string()).collect();
/// assert_eq!(names, ["_imaps.example.org"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentityPolicy {
    pub(super) dns_ids: bool,
    pub(super) srv_ids: bool,
    pub(super) ip_ids: bool,
    pub(super) strict: bool,
    pub(super) service_domain: bool,
    pub(super) submission_label: bool,
    pub(super) common_names: bool,
}

impl Default for IdentityPolicy {
    fn default() -> Self {
        Self {
            dns_ids: true,
            srv_ids: true,
            ip_ids: true,
            strict: false,
            service_domain: false,
            submission_label: false,
            common_names: false,
        }
    }
}

impl IdentityPolicy {
    /// Whether host names are sought (DNS-ID). Default: yes.
    #[must_use]
    pub const fn with_dns_ids(mut self, sought: bool) -> Self {
        self.dns_ids = sought;
        self
    }

    /// Whether service names are sought (SRV-ID, RFC 4985). Default: yes. With nothing else sought,
    /// a certificate counts only if it was issued for this very service of the domain
    /// (RFC 6125 §6.2.1).
    #[must_use]
    pub const fn with_srv_ids(mut self, sought: bool) -> Self {
        self.srv_ids = sought;
        self
    }

    /// Whether addresses are sought, for hosts that were given by their address (IP-ID,
    /// RFC 9525 §6.4). Default: yes.
    #[must_use]
    pub const fn with_ip_ids(mut self, sought: bool) -> Self {
        self.ip_ids = sought;
        self
    }

    /// Whether RFC 9525 §6.1 is taken at its word: no name that came from DNS is a reference, not
    /// even with DNSSEC, and no common name. Default: no; RFC 7673 §4.1 lets the target of
    /// DNSSEC-protected SRV records in.
    #[must_use]
    pub const fn with_strict_rfc9525(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Whether a certificate for the service domain itself, `example.org`, is taken for a host that
    /// was configured by its own name. Default: no, because such a certificate is held by more
    /// machines than the mail server (RFC 7817 §4.1, RFC 9325 §3.9). For servers found by SRV
    /// records it is always sought.
    #[must_use]
    pub const fn with_service_domain(mut self, sought: bool) -> Self {
        self.service_domain = sought;
        self
    }

    /// Whether the SRV-ID `_submission` is taken on the port for implicit TLS beside
    /// `_submissions`, which is younger than RFC 7817. Default: no.
    #[must_use]
    pub const fn with_submission_label(mut self, sought: bool) -> Self {
        self.submission_label = sought;
        self
    }

    /// Whether the common name of a certificate counts as a last resort (CN-ID), under the condition
    /// of RFC 6125 §6.4.4: the certificate has no name of a type that would have counted, and
    /// exactly one common name. Default: no; RFC 9525 §2 has abolished it.
    #[must_use]
    pub const fn with_common_names(mut self, sought: bool) -> Self {
        self.common_names = sought;
        self
    }

    pub(super) const fn seeks(&self, reference: &ReferenceId) -> bool {
        match reference.name() {
            ReferenceName::Dns(_) => self.dns_ids,
            ReferenceName::Srv { .. } => self.srv_ids,
            ReferenceName::Ip(_) => self.ip_ids,
            ReferenceName::CommonName(_) => self.common_names,
        }
    }
}
