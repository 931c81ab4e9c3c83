//! Failures in plain words.

use std::fmt;
use std::time::Duration;

use der::DateTime;
use pki_types::UnixTime;

use crate::text::UntrustedText;
use crate::verify::near_miss::NAMES_IN_A_SENTENCE;
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
            None if self.subject.as_untrusted_bytes().is_empty() => {
                f.write_str("a trusted authority without a name")
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
                "the issuer of the certificate ({}) is not known here, and its own certificate was not \
                 sent along",
                Subject(issuer)
            ),
            Self::UnknownAuthority {
                authority,
                is_namesake: false,
                ..
            } => write!(
                f,
                "the authority behind the certificate ({}) is not trusted",
                Subject(authority)
            ),
            Self::UnknownAuthority {
                authority,
                is_namesake: true,
                ..
            } => write!(
                f,
                "the authority behind the certificate ({}) is not the trusted one of that name, whose \
                 key did not sign it",
                Subject(authority)
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
                    _ => write!(f, "none of the {usable} TLSA records at {name} matches")?,
                }
                match near_miss {
                    Some(near_miss) if *usable == 1 => write!(f, ": {near_miss})"),
                    Some(near_miss) => write!(f, "; of one of them: {near_miss})"),
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
        let issuer = Subject(&self.issuer);
        match self.outdated_since {
            Some(since) => write!(
                f,
                "the revocation list of {issuer} has been out of date since {}",
                Date(since)
            ),
            None => write!(f, "there is no revocation list of {issuer} here"),
        }
    }
}

/// No more of them than a sentence bears; the others are in the fields.
fn write_list(
    f: &mut fmt::Formatter<'_>,
    before: &str,
    texts: &[UntrustedText],
    after: &str,
) -> fmt::Result {
    for (index, text) in texts.iter().take(NAMES_IN_A_SENTENCE).enumerate() {
        f.write_str(if index == 0 { before } else { ", " })?;
        fmt::Display::fmt(text, f)?;
    }
    match texts.len() {
        0 => Ok(()),
        count if count > NAMES_IN_A_SENTENCE => {
            let others = count.saturating_sub(NAMES_IN_A_SENTENCE);
            write!(f, " and {others} more{after}")
        }
        _ => f.write_str(after),
    }
}

/// The subject of an authority, which may be empty: whoever signs for itself writes what it wants.
struct Subject<'a>(&'a UntrustedText);

impl fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_untrusted_bytes() {
            [] => f.write_str("an authority without a name"),
            _ => fmt::Display::fmt(self.0, f),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::NameKind;
    use crate::name::HostName;
    use crate::verify::dane::{TlsaName, TlsaNearMiss};
    use crate::verify::{VerifierRefusal, near_miss};

    fn text(text: &str) -> UntrustedText {
        UntrustedText::new(text.as_bytes(), 256)
    }

    /// One, many and none of what there is usually some of.
    #[test]
    fn odd_numbers_and_empty_names() {
        let name = || TlsaName::tcp(993, HostName::parse("mail.example.org").unwrap()).unwrap();
        let tlsa = |usable, near_miss| CheckFailure::TlsaMismatch {
            name: name(),
            usable,
            near_miss,
        };
        let constraint = |count| CheckFailure::NameConstraint {
            authority: Some(CertificateLabel {
                position: None,
                subject: text(""),
            }),
            constraints: (0..count).map(|n| text(&format!("c{n}"))).collect(),
        };
        let nobody = CheckFailure::NameMismatch(near_miss::NameMismatch {
            expected: Vec::new(),
            presented: Vec::new(),
            not_shown: 0,
            near_miss: Some(near_miss::NearMiss::NoNames),
        });
        let other = CheckFailure::NameMismatch(near_miss::NameMismatch {
            expected: Vec::new(),
            presented: vec![near_miss::PresentedName {
                kind: NameKind::Other,
                text: text(""),
                malformed: None,
            }],
            not_shown: 0,
            near_miss: None,
        });
        let rows = [
            (
                tlsa(1, Some(TlsaNearMiss::MatchesOwnCertificate)),
                "(the TLSA record at _993._tcp.mail.example.org does not match: it is that of the \
                 server's own certificate, for which usages 1 and 3 are meant)",
            ),
            (
                tlsa(2, Some(TlsaNearMiss::MatchesOwnCertificate)),
                "(none of the 2 TLSA records at _993._tcp.mail.example.org matches; of one of them: \
                 it is that of the server's own certificate, for which usages 1 and 3 are meant)",
            ),
            (
                tlsa(2, None),
                "(none of the 2 TLSA records at _993._tcp.mail.example.org matches)",
            ),
            (
                constraint(0),
                "a trusted authority without a name may not vouch for the names in the certificate",
            ),
            (constraint(1), "(constraints: c0)"),
            (constraint(3), "(constraints: c0, c1, c2)"),
            (constraint(20), "(constraints: c0, c1, c2 and 17 more)"),
            (
                CheckFailure::MissingIntermediate { issuer: text("") },
                "the issuer of the certificate (an authority without a name) is not known here, and \
                 its own certificate was not sent along",
            ),
            (
                CheckFailure::RevocationUnknown(RevocationGap {
                    certificate: None,
                    issuer: text(""),
                    outdated_since: None,
                }),
                "because there is no revocation list of an authority without a name here",
            ),
            (
                CheckFailure::RefusedByVerifier {
                    refusal: VerifierRefusal::other(""),
                },
                "by this system's verifier: it gave no cause",
            ),
            (other, "the certificate is for a name of another type"),
            (
                nobody,
                "the certificate is for no name at all: it has neither a subjectAltName that names \
                 something nor a common name",
            ),
        ];
        for (failure, says) in rows {
            let sentence = failure.to_string();
            assert!(sentence.ends_with(says), "{sentence}");
        }
    }
}
