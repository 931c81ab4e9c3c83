//! The text form of a pin, for an account's settings.

use std::fmt;
use std::str::FromStr;

use super::{Fingerprint, Pin, PinnedPart, Place};
use crate::name::{EmailAddress, Host, HostName};
use crate::service::Service;

/// A text is not the text form of a pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored pin cannot be read (its {field} is damaged): set the account up again")]
#[non_exhaustive]
pub struct InvalidPin {
    /// The part that cannot be read.
    pub field: &'static str,
}

impl InvalidPin {
    /// A name for it that does not change between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "stored-pin-damaged"
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place {
            account,
            host,
            port,
            service,
            service_domain,
        } = &self.place;
        let part = match self.part {
            PinnedPart::Certificate => "certificate",
            PinnedPart::Key => "key",
        };
        write!(f, "pin1 {part} {} {port} {host} ", word(*service))?;
        match service_domain {
            Some(domain) => domain.fmt(f)?,
            None => f.write_str("-")?,
        }
        write!(f, " {} {} {account}", self.certificate, self.key)
    }
}

impl FromStr for Pin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, InvalidPin> {
        // The address comes last, because a quoted local part may have spaces.
        let mut words = text.trim().splitn(9, ' ');
        let mut next = |field| words.next().ok_or(InvalidPin { field });
        let damaged = |field| InvalidPin { field };
        if next("version")? != "pin1" {
            return Err(damaged("version"));
        }
        let part = match next("part")? {
            "certificate" => PinnedPart::Certificate,
            "key" => PinnedPart::Key,
            _ => return Err(damaged("part")),
        };
        let service = next("service")?;
        let service = Service::ALL
            .into_iter()
            .find(|one| word(*one) == service)
            .ok_or_else(|| damaged("service"))?;
        // Digits alone: a sign would be read too.
        let port = Some(next("port")?)
            .filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|port| port.parse().ok())
            .ok_or_else(|| damaged("port"))?;
        let host = Host::parse(next("host")?).map_err(|_| damaged("host"))?;
        let service_domain = match next("service domain")? {
            "-" => None,
            name => Some(HostName::parse(name).map_err(|_| damaged("service domain"))?),
        };
        let certificate = next("certificate")?;
        let certificate = Fingerprint::parse(certificate).map_err(|_| damaged("certificate"))?;
        let key = Fingerprint::parse(next("key")?).map_err(|_| damaged("key"))?;
        let account = EmailAddress::parse(next("account")?).map_err(|_| damaged("account"))?;
        let place = Place {
            account,
            host,
            port,
            service,
            service_domain,
        };
        Ok(Self::new(place, part, certificate, key))
    }
}

const fn word(service: Service) -> &'static str {
    match service {
        Service::Imap => "imap",
        Service::Pop3 => "pop3",
        Service::Submission => "submission",
        Service::ManageSieve => "sieve",
        Service::Lmtp => "lmtp",
        Service::SmtpRelay => "smtp",
    }
}

#[cfg(feature = "serde")]
mod serde_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::{Fingerprint, Pin};

    /// As its text form.
    #[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
    impl Serialize for Pin {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    #[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
    impl<'de> Deserialize<'de> for Pin {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(D::Error::custom)
        }
    }

    /// As its canonical text form.
    #[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
    impl Serialize for Fingerprint {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    #[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
    impl<'de> Deserialize<'de> for Fingerprint {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(D::Error::custom)
        }
    }
}
