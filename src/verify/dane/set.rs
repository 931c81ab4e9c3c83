//! What DNS was asked for, and what came of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use pki_types::UnixTime;

use super::TlsaRecord;
use crate::endpoint::Endpoint;
use crate::identity::ReferenceIds;
use crate::limits;
use crate::name::HostName;

/// The place of TLSA records in DNS: port, transport (TCP) and base domain (RFC 6698 §3).
///
/// [`Display`](fmt::Display) writes the name to query, without a dot at its end.
///
/// ```
/// use mail_tls::{HostName, dane::TlsaName};
///
/// // RFC 7673 §3.3
/// let name = TlsaName::tcp(9143, HostName::parse("imap.example.net")?).unwrap();
/// assert_eq!(name.to_string(), "_9143._tcp.imap.example.net");
/// # Ok::<(), mail_tls::InvalidName>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TlsaName {
    port: u16,
    base: HostName,
    alias: Option<HostName>,
}

/// The answer to a TLSA query, by its DNSSEC status (RFC 4035 §4.3).
///
/// The status is the embedder's to state; its resolver knows it. Whoever relies on another
/// machine's validation needs a secure channel to it (RFC 6698 §4.1): an answer of which nothing
/// is known is [`Insecure`](Self::Insecure).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsaLookup {
    /// Records whose signatures are valid; made by
    /// [`validated_over_trusted_path`](Self::validated_over_trusted_path).
    Secure(TlsaSet),
    /// It is proven that there are no such records.
    Absent(TlsaName),
    /// The zone is not signed, or nothing is known about it: nothing that came as an answer counts.
    /// "No trust anchor", which RFC 4033 §5 calls indeterminate, is this as well.
    Insecure(TlsaName),
    /// Signatures are wrong or missing where they have to be.
    Bogus(TlsaName),
    /// The lookup failed: SERVFAIL, no answer, signatures that could not be fetched
    /// (RFC 4035 §4.3). That is not absence.
    Indeterminate(TlsaName),
}

/// TLSA records that DNSSEC protects, bound to what they were asked for, with an end. Never empty.
/// Cheap to clone.
///
/// There is no way to make one but [`TlsaLookup::validated_over_trusted_path`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsaSet {
    name: TlsaName,
    records: Arc<[TlsaRecord]>,
    answered: UnixTime,
    valid_until: UnixTime,
}

/// A set of TLSA records is larger than what is looked at. It is not to be taken for an absent one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{name} has at least {count} TLSA records with {bytes} octets, and no more than {} with {} are \
     looked at: tell the domain's operator",
    limits::TLSA_RECORDS,
    limits::TLSA_BYTES
)]
#[non_exhaustive]
pub struct TlsaSetTooLarge {
    /// Where they are.
    pub name: TlsaName,
    /// How many there are.
    pub count: usize,
    /// How many octets they have together.
    pub bytes: usize,
}

impl TlsaSetTooLarge {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "tlsa-set-too-large"
    }
}

impl TlsaName {
    /// The records for `port` of `host`, over TCP.
    ///
    /// `None` where RFC 6698 §3 has no such name: a host with an underscore (RFC 952), or one so
    /// long that nothing fits in front of it.
    #[must_use]
    pub fn tcp(port: u16, host: HostName) -> Option<Self> {
        let name = Self {
            port,
            base: host,
            alias: None,
        };
        let fits = name.to_string().len() <= limits::DNS_NAME;
        (fits && !name.base.as_str().contains('_')).then_some(name)
    }

    /// The same, of what `alias` stands for through CNAMEs each of which was DNSSEC-secure
    /// (RFC 7671 §7): ask for the target's records first, and then for those of the alias.
    ///
    /// Where one of the CNAMEs was not secure, this is not the name to use.
    #[must_use]
    pub fn tcp_through_secure_cnames(port: u16, alias: HostName, target: HostName) -> Option<Self> {
        let name = Self::tcp(port, target)?;
        Some(Self {
            alias: Some(alias).filter(|alias| *alias != name.base),
            ..name
        })
    }

    /// The records for an endpoint. `None` for one that is an IP address, and as in
    /// [`tcp`](Self::tcp).
    #[must_use]
    pub fn of_endpoint(endpoint: &Endpoint) -> Option<Self> {
        Self::tcp(endpoint.port(), endpoint.host().name()?.clone())
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The base domain: the host, or what it stands for.
    #[must_use]
    pub const fn base_domain(&self) -> &HostName {
        &self.base
    }

    /// The host that was to be connected to, where the base domain is what it stands for.
    #[must_use]
    pub const fn alias(&self) -> Option<&HostName> {
        self.alias.as_ref()
    }

    /// Whether this is about `host`, by itself or through secure CNAMEs.
    pub(crate) fn is_of(&self, host: &HostName) -> bool {
        self.base == *host || self.alias.as_ref() == Some(host)
    }
}

impl fmt::Display for TlsaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "_{}._tcp.{}", self.port, self.base)
    }
}

impl TlsaLookup {
    /// Records whose DNSSEC signatures were found valid by the embedder itself, or by a resolver
    /// that it trusts and that it reached over a channel that nobody else can write to
    /// (RFC 6698 §4.1): on the same machine, or through TLS. The AD bit of an answer from anywhere
    /// else proves nothing. Aliases on the way to the records must have been secure as well.
    ///
    /// `answered` is when the answer came, `ttl` the least time to live in it (RFC 6698 §8.2); the
    /// records count for that time, for a [minute](limits::TLSA_SHORTEST) at least and a
    /// [day](limits::TLSA_LONGEST) at most. A clock that stands more than that minute before
    /// `answered` has gone back, and they count no more: it would let them outlive their time. No
    /// records are an [`Absent`](Self::Absent) set.
    ///
    /// # Errors
    ///
    /// [`TlsaSetTooLarge`]: do not connect then, as with a failed lookup.
    pub fn validated_over_trusted_path(
        name: TlsaName,
        records: impl IntoIterator<Item = TlsaRecord>,
        answered: UnixTime,
        ttl: Duration,
    ) -> Result<Self, TlsaSetTooLarge> {
        let mut count = 0_usize;
        let mut bytes = 0_usize;
        let mut kept = Vec::new();
        for record in records {
            count = count.saturating_add(1);
            bytes = bytes.saturating_add(record.data().len().saturating_add(3));
            if count > limits::TLSA_RECORDS || bytes > limits::TLSA_BYTES {
                return Err(TlsaSetTooLarge { name, count, bytes });
            }
            kept.push(record);
        }
        if kept.is_empty() {
            return Ok(Self::Absent(name));
        }
        let ttl = ttl.clamp(limits::TLSA_SHORTEST, limits::TLSA_LONGEST);
        let until = answered.as_secs().saturating_add(ttl.as_secs());
        Ok(Self::Secure(TlsaSet {
            name,
            records: kept.into(),
            answered,
            valid_until: UnixTime::since_unix_epoch(Duration::from_secs(until)),
        }))
    }

    /// What was asked for.
    #[must_use]
    pub const fn name(&self) -> &TlsaName {
        match self {
            Self::Secure(set) => &set.name,
            Self::Absent(name)
            | Self::Insecure(name)
            | Self::Bogus(name)
            | Self::Indeterminate(name) => name,
        }
    }
}

impl TlsaSet {
    /// Where the records are.
    #[must_use]
    pub const fn name(&self) -> &TlsaName {
        &self.name
    }

    /// The records, as they came.
    #[must_use]
    pub fn records(&self) -> &[TlsaRecord] {
        &self.records
    }

    /// Whether they count at this time (RFC 6698 §8.2). What asked DNS and what asks here may have
    /// read the time from different clocks.
    pub(super) fn counts_at(&self, now: UnixTime) -> bool {
        let earliest = self
            .answered
            .as_secs()
            .saturating_sub(limits::TLSA_SHORTEST.as_secs());
        now.as_secs() >= earliest && now <= self.valid_until
    }

    /// The last second in which they count.
    #[must_use]
    pub const fn valid_until(&self) -> UnixTime {
        self.valid_until
    }
}

impl ReferenceIds {
    /// These references with the TLSA base domain as the first (RFC 7671 §7 and §10.2): the name
    /// that the server's certificate has to bear where a usage other than DANE-EE authenticates it.
    /// The others stay acceptable.
    ///
    /// [`Requirements::with_dane`](crate::verify::Requirements::with_dane) does this by itself.
    #[must_use]
    pub fn with_tlsa_base_domain(&self, set: &TlsaSet) -> Self {
        self.with_tlsa_base(set.name.base_domain())
    }
}
