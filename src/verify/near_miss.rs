//! Why no name matched, told by the names that nearly did.

use std::fmt;
use std::net::IpAddr;

use crate::certificate::Certificate;
use crate::distinguished_name::DistinguishedName;
use crate::identity::{
    MalformedName, NameKind, PresentedId, PresentedIds, ReferenceId, ReferenceIds, ReferenceName,
};
use crate::limits;
use crate::text::UntrustedText;

/// No presented name matched a reference: what was expected, and what the certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NameMismatch {
    /// The references, in their order.
    pub expected: Vec<ReferenceId>,
    /// The names in the certificate, in their order, as far as they are shown.
    pub presented: Vec<PresentedName>,
    /// How many more there are.
    pub not_shown: usize,
    /// What explains it best, if anything does.
    pub near_miss: Option<NearMiss>,
}

/// A name in a certificate, for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresentedName {
    /// Its type.
    pub kind: NameKind,
    /// The name itself.
    pub text: UntrustedText,
    /// What is wrong with it, if anything.
    pub malformed: Option<MalformedName>,
}

/// What explains a mismatch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NearMiss {
    /// A wildcard would have to stand for more than one label (RFC 9525 §6.3).
    #[non_exhaustive]
    WildcardOneLabel {
        /// The wildcard.
        presented: UntrustedText,
    },
    /// A wildcard stands for names below the domain, not for the domain (RFC 7817 §3).
    #[non_exhaustive]
    WildcardNotParent {
        /// The wildcard.
        presented: UntrustedText,
    },
    /// A name would have matched if it were well-formed.
    #[non_exhaustive]
    Malformed {
        /// The name.
        presented: UntrustedText,
        /// What is wrong with it.
        reason: MalformedName,
    },
    /// The expected address is in the certificate as a host name or a URI, which does not count
    /// (RFC 9525 §6.4).
    IpAsText,
    /// The certificate names IP addresses only.
    OnlyIpAddresses,
    /// The certificate names services of a domain only (SRV-ID, RFC 4985), and none was expected.
    OnlyServices,
    /// The certificate names another service of the expected domain (RFC 6125 §6.5). `_imap` is the
    /// one for STARTTLS, `_imaps` that for implicit TLS (RFC 7817 §6).
    #[non_exhaustive]
    OtherService {
        /// What the certificate says.
        presented: UntrustedText,
    },
    /// A service of a domain was expected and nothing else, and the certificate names none.
    NoService,
    /// An IP address was expected, and the certificate has none.
    NoIpAddress,
    /// The certificate has a common name, which has not counted since RFC 9525.
    #[non_exhaustive]
    OnlyCommonName {
        /// The common name.
        common_name: UntrustedText,
    },
    /// The certificate names nobody.
    NoNames,
}

impl NameMismatch {
    pub(super) fn new(
        references: &ReferenceIds,
        names: &PresentedIds<'_>,
        certificate: &Certificate<'_>,
    ) -> Self {
        let presented: Vec<_> = names
            .iter()
            .take(limits::REPORTED_NAMES)
            .map(PresentedName::new)
            .collect();
        let not_shown = names.iter().count().saturating_sub(presented.len());
        Self {
            expected: references
                .iter()
                .take(limits::REPORTED_NAMES)
                .cloned()
                .collect(),
            near_miss: references
                .iter()
                .find_map(|reference| by_name(reference.name(), names))
                .or_else(|| by_kind(references, names, certificate)),
            presented,
            not_shown,
        }
    }
}

impl PresentedName {
    fn new(id: PresentedId<'_>) -> Self {
        let malformed = match id {
            PresentedId::Malformed { reason, .. } => Some(reason),
            PresentedId::Dns(_)
            | PresentedId::DnsWildcard(_)
            | PresentedId::Ip(_)
            | PresentedId::Srv { .. }
            | PresentedId::Uri(_)
            | PresentedId::Email(_)
            | PresentedId::Other => None,
        };
        Self {
            kind: id.kind(),
            text: text_of(id),
            malformed,
        }
    }
}

/// A name that resembles this reference.
fn by_name(reference: &ReferenceName, names: &PresentedIds<'_>) -> Option<NearMiss> {
    names.iter().find_map(|id| match reference {
        ReferenceName::Dns(host) => near_host(host.as_str(), id),
        ReferenceName::Srv { service, domain } => near_service(service, domain.as_str(), id),
        ReferenceName::CommonName(_) => None,
        ReferenceName::Ip(address) => near_address(*address, id),
    })
}

fn near_host(host: &str, id: PresentedId<'_>) -> Option<NearMiss> {
    match id {
        PresentedId::DnsWildcard(parent) => {
            let presented = text_of(id);
            if host.eq_ignore_ascii_case(parent) {
                Some(NearMiss::WildcardNotParent { presented })
            } else if is_below(host, parent) {
                Some(NearMiss::WildcardOneLabel { presented })
            } else {
                None
            }
        }
        PresentedId::Malformed {
            kind: NameKind::Dns,
            reason,
            bytes,
        } if resembles(host, bytes) => Some(NearMiss::Malformed {
            presented: text_of(id),
            reason,
        }),
        PresentedId::Malformed { .. }
        | PresentedId::Dns(_)
        | PresentedId::Ip(_)
        | PresentedId::Srv { .. }
        | PresentedId::Uri(_)
        | PresentedId::Email(_)
        | PresentedId::Other => None,
    }
}

fn near_service(wanted: &str, domain: &str, id: PresentedId<'_>) -> Option<NearMiss> {
    match id {
        PresentedId::Srv { service, name }
            if name.eq_ignore_ascii_case(domain) && !service.eq_ignore_ascii_case(wanted) =>
        {
            Some(NearMiss::OtherService {
                presented: text_of(id),
            })
        }
        PresentedId::Malformed {
            kind: NameKind::Srv,
            reason,
            bytes,
        } if is_meant_for(bytes, wanted, domain) => Some(NearMiss::Malformed {
            presented: text_of(id),
            reason,
        }),
        PresentedId::Malformed { .. }
        | PresentedId::Dns(_)
        | PresentedId::DnsWildcard(_)
        | PresentedId::Ip(_)
        | PresentedId::Srv { .. }
        | PresentedId::Uri(_)
        | PresentedId::Email(_)
        | PresentedId::Other => None,
    }
}

/// An SRVName with a protocol that does not belong there, `_imaps._tcp.example.net`, or with a star.
fn is_meant_for(bytes: &[u8], service: &str, domain: &str) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let Some((label, name)) = text.strip_prefix('_').and_then(|text| text.split_once('.')) else {
        return false;
    };
    let name = name.strip_prefix("_tcp.").unwrap_or(name);
    let is_starred = || {
        name.strip_prefix("*.")
            .is_some_and(|parent| is_below(domain, parent) || domain.eq_ignore_ascii_case(parent))
    };
    label.eq_ignore_ascii_case(service) && (name.eq_ignore_ascii_case(domain) || is_starred())
}

fn near_address(address: IpAddr, id: PresentedId<'_>) -> Option<NearMiss> {
    let text = match id {
        PresentedId::Malformed {
            kind: NameKind::Dns,
            reason: MalformedName::IpText,
            bytes,
        } => std::str::from_utf8(bytes).ok()?,
        PresentedId::Uri(bytes) => {
            let (_, after) = std::str::from_utf8(bytes).ok()?.split_once("://")?;
            let host = after.split(['/', '?', '#']).next()?;
            host.trim_start_matches('[').trim_end_matches(']')
        }
        PresentedId::Malformed { .. }
        | PresentedId::Dns(_)
        | PresentedId::DnsWildcard(_)
        | PresentedId::Ip(_)
        | PresentedId::Srv { .. }
        | PresentedId::Email(_)
        | PresentedId::Other => return None,
    };
    (text.parse() == Ok(address)).then_some(NearMiss::IpAsText)
}

/// What the certificate has, and what it lacks.
fn by_kind(
    references: &ReferenceIds,
    names: &PresentedIds<'_>,
    certificate: &Certificate<'_>,
) -> Option<NearMiss> {
    let has = |kind| names.iter().any(|id| id.kind() == kind);
    let wants_host = references
        .iter()
        .any(|id| matches!(id.name(), ReferenceName::Dns(_)));
    let wants_service = references
        .iter()
        .any(|id| matches!(id.name(), ReferenceName::Srv { .. }));
    let wants_address = references
        .iter()
        .any(|id| matches!(id.name(), ReferenceName::Ip(_)));
    match (has(NameKind::Dns), has(NameKind::Ip), has(NameKind::Srv)) {
        (true, true, _) => None,
        (true, false, _) | (false, false, true) if wants_address => Some(NearMiss::NoIpAddress),
        (true, false, _) if wants_service && !wants_host => Some(NearMiss::NoService),
        (true, false, _) => None,
        (false, true, _) if wants_address => None,
        (false, true, _) => Some(NearMiss::OnlyIpAddresses),
        (false, false, true) if wants_service => None,
        (false, false, true) => Some(NearMiss::OnlyServices),
        (false, false, false) => Some(
            common_name(certificate).map_or(NearMiss::NoNames, |common_name| {
                NearMiss::OnlyCommonName { common_name }
            }),
        ),
    }
}

fn common_name(certificate: &Certificate<'_>) -> Option<UntrustedText> {
    let text = DistinguishedName(certificate.subject).first_common_name()?;
    Some(UntrustedText::new(text, limits::REPORTED_TEXT))
}

/// `host` has two labels or more before `parent`, or one.
fn is_below(host: &str, parent: &str) -> bool {
    host.len()
        .checked_sub(parent.len())
        .and_then(|at| host.split_at_checked(at))
        .is_some_and(|(labels, tail)| labels.ends_with('.') && tail.eq_ignore_ascii_case(parent))
}

/// A malformed name that somebody meant for this host: with a trailing dot, a NUL and more behind
/// it, or a star in the wrong place.
fn resembles(host: &str, bytes: &[u8]) -> bool {
    let until_nul = bytes.split(|byte| *byte == 0).next().unwrap_or(bytes);
    let relative = until_nul.strip_suffix(b".").unwrap_or(until_nul);
    if relative.eq_ignore_ascii_case(host.as_bytes()) {
        return true;
    }
    if !relative.contains(&b'*') {
        return false;
    }
    let labels: Vec<_> = relative.split(|byte| *byte == b'.').collect();
    labels.len() == host.split('.').count()
        && host
            .split('.')
            .zip(labels)
            .all(|(wanted, label)| globs(label, wanted.as_bytes()))
}

/// A label with at most one star, as some older software matched it.
fn globs(label: &[u8], wanted: &[u8]) -> bool {
    let mut parts = label.splitn(2, |byte| *byte == b'*');
    let before = parts.next().unwrap_or_default();
    let Some(after) = parts.next() else {
        return label.eq_ignore_ascii_case(wanted);
    };
    let head = wanted.get(..before.len());
    let tail = wanted
        .len()
        .checked_sub(after.len())
        .filter(|at| *at >= before.len())
        .and_then(|at| wanted.get(at..));
    head.is_some_and(|head| head.eq_ignore_ascii_case(before))
        && tail.is_some_and(|tail| tail.eq_ignore_ascii_case(after))
}

fn text_of(id: PresentedId<'_>) -> UntrustedText {
    let keep = |bytes: &[u8]| UntrustedText::new(bytes, limits::REPORTED_TEXT);
    match id {
        PresentedId::Dns(name) => keep(name.as_bytes()),
        PresentedId::DnsWildcard(parent) => keep(format!("*.{parent}").as_bytes()),
        PresentedId::Ip(address) => keep(address.to_string().as_bytes()),
        PresentedId::Srv { service, name } => keep(format!("_{service}.{name}").as_bytes()),
        PresentedId::Uri(bytes)
        | PresentedId::Email(bytes)
        | PresentedId::Malformed { bytes, .. } => keep(bytes),
        PresentedId::Other => keep(b""),
    }
}

impl fmt::Display for PresentedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is not well-formed can read as anything.
        match (self.kind, self.malformed) {
            (NameKind::Other, None) => write!(f, "a {}", self.kind)?,
            (NameKind::Dns | NameKind::Ip, None) => self.text.fmt(f)?,
            (NameKind::Srv, None) => write!(f, "the {} {}", self.kind, self.text)?,
            (NameKind::Dns | NameKind::Ip, Some(_)) => write!(f, "\"{}\"", self.text)?,
            (NameKind::Uri | NameKind::Email, None)
            | (NameKind::Srv | NameKind::Uri | NameKind::Email | NameKind::Other, Some(_)) => {
                write!(f, "the {} \"{}\"", self.kind, self.text)?;
            }
        }
        match self.malformed {
            Some(reason) => write!(f, " (does not count: {reason})"),
            None => Ok(()),
        }
    }
}

/// How many names a sentence bears; the others are in the fields.
pub(super) const NAMES_IN_A_SENTENCE: usize = 3;

impl fmt::Display for NameMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the certificate is ")?;
        match self.presented.split_at_checked(NAMES_IN_A_SENTENCE) {
            None if self.presented.is_empty() => f.write_str("for no name at all")?,
            None => write_names(f, "for ", &self.presented)?,
            Some((first, others)) => {
                write_names(f, "for ", first)?;
                let others = others.len().saturating_add(self.not_shown);
                if others > 0 {
                    write!(f, " and {others} more")?;
                }
            }
        }
        write_names(f, ", not for ", &self.expected)?;
        match &self.near_miss {
            Some(near_miss) if !self.has_shown(near_miss) => write!(f, ": {near_miss}"),
            Some(_) | None => Ok(()),
        }
    }
}

impl NameMismatch {
    /// A malformed name among the first is shown with what is wrong with it.
    fn has_shown(&self, near_miss: &NearMiss) -> bool {
        match near_miss {
            NearMiss::Malformed { presented, .. } => self
                .presented
                .iter()
                .take(NAMES_IN_A_SENTENCE)
                .any(|name| name.malformed.is_some() && name.text == *presented),
            NearMiss::WildcardOneLabel { .. }
            | NearMiss::WildcardNotParent { .. }
            | NearMiss::IpAsText
            | NearMiss::OnlyIpAddresses
            | NearMiss::OnlyServices
            | NearMiss::OtherService { .. }
            | NearMiss::NoService
            | NearMiss::NoIpAddress
            | NearMiss::OnlyCommonName { .. }
            | NearMiss::NoNames => false,
        }
    }
}

fn write_names(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    names: &[impl fmt::Display],
) -> fmt::Result {
    for (index, name) in names.iter().enumerate() {
        f.write_str(if index == 0 { before } else { ", " })?;
        name.fmt(f)?;
    }
    Ok(())
}

impl fmt::Display for NearMiss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WildcardOneLabel { presented } => {
                write!(f, "the star in {presented} stands for exactly one label")
            }
            Self::WildcardNotParent { presented } => {
                write!(
                    f,
                    "{presented} is for names below the domain, not for the domain itself"
                )
            }
            Self::Malformed { presented, reason } => {
                write!(
                    f,
                    "\"{presented}\" does not count, because it is malformed ({reason})"
                )
            }
            Self::IpAsText => f.write_str("an address counts only as an iPAddress entry"),
            Self::OnlyIpAddresses => f.write_str("it names IP addresses only"),
            Self::OnlyServices => {
                f.write_str("it names services of a domain only, and none was asked for")
            }
            Self::OtherService { presented } => {
                write!(f, "{presented} is for another service or mode")
            }
            Self::NoService => f.write_str("it names no service of a domain"),
            Self::NoIpAddress => f.write_str("it names no IP address"),
            Self::OnlyCommonName { common_name } => write!(
                f,
                "it has only a common name ({common_name}), which does not count any more"
            ),
            Self::NoNames => f.write_str(
                "it has neither a subjectAltName that names something nor a common name",
            ),
        }
    }
}
