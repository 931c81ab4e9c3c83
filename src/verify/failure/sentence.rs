//! Failures in plain words.

use std::fmt;
use std::time::Duration;

use der::DateTime;
use pki_types::UnixTime;

use crate::text::UntrustedText;
use crate::verify::{CertificateLabel, Check, CheckFailure, PinnedPart, Purpose, RevocationGap};

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "form",
            Self::Path => "path",
            Self::Key => "key",
            Self::Purpose => "purpose",
            Self::Validity => "dates",
            Self::Identity => "name",
            Self::Dane => "TLSA records",
            Self::Revocation => "revocation",
            Self::Pin => "pin",
        })
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ServerAuthentication => "server authentication",
            Self::ClientAuthentication => "client authentication",
        })
    }
}

impl fmt::Display for CertificateLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(0) => f.write_str("the certificate"),
            Some(n) if self.subject.as_untrusted_bytes().is_empty() => {
                write!(f, "certificate {} of the chain", n.saturating_add(1))
            }
            Some(n) => {
                let n = n.saturating_add(1);
                write!(f, "certificate {n} of the chain ({})", self.subject)
            }
            None => write!(f, "the trusted authority {}", self.subject),
        }
    }
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCertificate => f.write_str("no certificate was sent"),
            Self::TooManyCertificates { count, limit } => write!(
                f,
                "the chain has {count} certificates, more than the {limit} that are looked at"
            ),
            Self::ChainTooLarge { bytes, limit } => write!(
                f,
                "the chain has {bytes} bytes, more than the {limit} that are looked at"
            ),
            Self::Unreadable { certificate } => write!(f, "{certificate} cannot be read"),
            Self::OldVersion {
                certificate,
                version,
            } => write!(
                f,
                "{certificate} is of the outdated X.509 version {version}"
            ),
            Self::CriticalExtension {
                certificate,
                extension,
            } => {
                let of = Of(certificate.as_ref());
                match extension {
                    Some(id) => write!(f, "{of} has a critical extension ({id}) that is unknown"),
                    None => write!(f, "{of} has a critical extension that is unknown"),
                }
            }
            Self::SelfSigned => {
                f.write_str("the certificate is signed by itself and by no trusted authority")
            }
            Self::MissingIntermediate { issuer } => write!(
                f,
                "the issuer of the certificate ({issuer}) is not known here, and its own certificate was \
                 not sent along"
            ),
            Self::UnknownAuthority {
                authority,
                is_namesake: false,
                ..
            } => write!(
                f,
                "the authority behind the certificate ({authority}) is not trusted"
            ),
            Self::UnknownAuthority {
                authority,
                is_namesake: true,
                ..
            } => write!(
                f,
                "the authority behind the certificate ({authority}) is not the trusted one of that \
                 name, whose key did not sign it"
            ),
            Self::AuthorityAsPeer => f.write_str(
                "the certificate is that of a certification authority, not of a server or client",
            ),
            Self::NotAnAuthority { certificate } => write!(
                f,
                "{} signed another one without being that of an authority",
                Of(certificate.as_ref())
            ),
            Self::PathLength { certificate } => write!(
                f,
                "{} does not allow as many authorities below it as there are",
                Of(certificate.as_ref())
            ),
            Self::NameConstraint {
                authority,
                constraints,
            } => {
                let of = Of(authority.as_ref());
                write!(f, "{of} may not vouch for the names in the certificate")?;
                write_list(f, " (constraints: ", constraints, ")")
            }
            Self::BadSignature { certificate } => {
                write!(f, "the signature of {} is wrong", Of(certificate.as_ref()))
            }
            Self::UnsupportedSignature {
                certificate,
                algorithm,
            } => {
                let of = Of(certificate.as_ref());
                write!(
                    f,
                    "the signature of {of} is of a kind that is not accepted ({algorithm})"
                )
            }
            Self::Distrusted => f.write_str("a key in the chain is known to be compromised"),
            Self::PathTooComplex => {
                f.write_str("the chain is too tangled to find a path through it")
            }
            Self::NoPath => f.write_str("there is no path to a trusted authority"),
            Self::WeakKey {
                certificate,
                bits,
                minimum,
            } => write!(
                f,
                "the RSA key of {certificate} has {bits} bits, fewer than the {minimum} that are safe"
            ),
            Self::UnsupportedKey {
                certificate,
                algorithm,
            } => write!(
                f,
                "the key of {certificate} is of a kind that is not accepted ({algorithm})"
            ),
            Self::WrongPurpose {
                certificate,
                required,
                presented,
            } => {
                write!(
                    f,
                    "{} is not meant for {required}",
                    Of(certificate.as_ref())
                )?;
                write_list(f, ", but for ", presented, "")
            }
            Self::Expired {
                certificate,
                not_after,
                by,
            } => {
                let of = Of(certificate.as_ref());
                write!(f, "{of} expired {} ago, on {}", Span(*by), Date(*not_after))
            }
            Self::NotYetValid {
                certificate,
                not_before,
                by,
            } => {
                let of = Of(certificate.as_ref());
                let (by, date) = (Span(*by), Date(*not_before));
                write!(f, "{of} is not valid before {date}, {by} from now")
            }
            Self::BadDates { certificate } => {
                write!(f, "the dates of {} make no sense", Of(certificate.as_ref()))
            }
            Self::NameMismatch(mismatch) => mismatch.fmt(f),
            Self::TlsaMismatch {
                name,
                usable,
                near_miss,
            } => {
                f.write_str(
                    "the certificate is not the one that the domain's owner has published in DNS (",
                )?;
                match usable {
                    1 => write!(f, "the TLSA record at {name} does not match")?,
                    _ => write!(f, "none of {usable} TLSA records at {name} matches")?,
                }
                match near_miss {
                    Some(near_miss) => write!(f, ": {near_miss})"),
                    None => f.write_str(")"),
                }
            }
            Self::TlsaExpired { name } => {
                write!(
                    f,
                    "the TLSA records at {name} were out of date when the certificate came"
                )
            }
            Self::Revoked {
                certificate,
                cause,
                since,
            } => write!(
                f,
                "{} was revoked by its issuer on {} ({cause})",
                Of(certificate.as_ref()),
                Date(*since)
            ),
            Self::RevocationUnknown(gap) => gap.fmt(f),
            Self::RefusedByVerifier { refusal } => {
                write!(
                    f,
                    "the certificate was refused by this system's verifier: {refusal}"
                )
            }
            Self::UnsupportedByVerifier { presented } => write!(
                f,
                "the certificate names the service {presented}, which this system's verifier does \
                 not understand"
            ),
            Self::PinMismatch {
                part,
                pinned,
                presented,
                is_same_key,
            } => {
                let (what, key) = match (part, is_same_key) {
                    (PinnedPart::Certificate, true) => ("certificate", ", with the same key"),
                    (PinnedPart::Certificate, false) => ("certificate", ", with another key"),
                    (PinnedPart::Key, _) => ("key", ""),
                };
                write!(
                    f,
                    "the server's {what} is not the one that you trusted: that was {pinned}, this is \
                     {presented}{key}"
                )
            }
        }
    }
}

impl fmt::Display for RevocationGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = Of(self.certificate.as_ref());
        write!(f, "it is not known whether {of} was revoked, because ")?;
        let issuer = &self.issuer;
        match self.outdated_since {
            Some(since) => write!(
                f,
                "the revocation list of {issuer} is out of date since {}",
                Date(since)
            ),
            None => write!(f, "there is no revocation list of {issuer}"),
        }
    }
}

fn write_list(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    texts: &[UntrustedText],
    after: &str,
) -> fmt::Result {
    for (index, text) in texts.iter().enumerate() {
        f.write_str(if index == 0 { before } else { ", " })?;
        fmt::Display::fmt(text, f)?;
    }
    f.write_str(if texts.is_empty() { "" } else { after })
}

/// A certificate, where it is known which.
struct Of<'a>(Option<&'a CertificateLabel>);

impl fmt::Display for Of<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(label) => label.fmt(f),
            None => f.write_str("a certificate of the chain"),
        }
    }
}

/// A duration in the unit that a person would use.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (count, unit) = match seconds {
            0..=119 => (seconds, "second"),
            120..=7199 => (seconds / 60, "minute"),
            7200..=172_799 => (seconds / 3600, "hour"),
            172_800.. => (seconds / 86_400, "day"),
        };
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {unit}{plural}")
    }
}

/// RFC 3339, in UTC.
pub(crate) struct Date(pub(crate) UnixTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match DateTime::from_unix_duration(Duration::from_secs(seconds)) {
            Ok(time) => write!(
                f,
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
                time.year(),
                time.month(),
                time.day(),
                time.hour(),
                time.minutes(),
                time.seconds()
            ),
            // After the year 9999.
            Err(_) => write!(f, "second {seconds} of Unix time"),
        }
    }
}
