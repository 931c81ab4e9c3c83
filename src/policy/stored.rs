//! The stored form of an account. It has a version of its own, so that the types may change.

use serde::{Deserialize, Serialize};

use super::confidentiality::MinimumConfidentiality;
use super::ratchet::{Protection, ProtectionRecord};
use super::record::AccountRecord;
use crate::name::{EmailAddress, InvalidEmailAddress};
use crate::registry::{CipherSuite, NamedGroup};
use crate::stored::StoredService;
use crate::verify::Pin;

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    version: u32,
    address: Option<String>,
    minimum: StoredRequirement,
    seen: Vec<StoredProtection>,
    pins: Vec<Pin>,
}

/// Said in words in every case: serde takes a field that is missing for an absent value, and what is
/// damaged must not read as what the user has lowered (RFC 8314 §5.2).
#[derive(Serialize, Deserialize)]
enum StoredRequirement {
    #[serde(rename = "lowered")]
    Lowered,
    #[serde(rename = "required")]
    Required(StoredMinimum),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredMinimum {
    tls13_only: bool,
    post_quantum_only: bool,
    denied_groups: Vec<String>,
    denied_suites: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredProtection {
    service: StoredService,
    verified: bool,
    implicit_tls: bool,
    tls13: bool,
    post_quantum: bool,
    dane: bool,
}

/// Why a stored account cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidStored {
    #[error("the stored account is of version {0}, and this program knows version {VERSION}")]
    Version(u32),
    #[error("the address in the stored account is wrong: {0}")]
    Address(#[from] InvalidEmailAddress),
    #[error("the stored account has a pin of another account")]
    ForeignPin,
    #[error("the stored account denies a group or cipher suite that does not exist")]
    Unregistered,
}

impl From<AccountRecord> for Stored {
    fn from(record: AccountRecord) -> Self {
        let minimum = match record.minimum {
            None => StoredRequirement::Lowered,
            Some(own) => StoredRequirement::Required(StoredMinimum {
                tls13_only: own.is_tls13_only(),
                post_quantum_only: own.is_post_quantum_only(),
                denied_groups: own.denied_groups().map(|group| group.to_string()).collect(),
                denied_suites: own.denied_suites().map(|suite| suite.to_string()).collect(),
            }),
        };
        let seen = record.seen.iter().map(|(service, own)| StoredProtection {
            service: service.into(),
            verified: own.verified,
            implicit_tls: own.implicit_tls,
            tls13: own.tls13,
            post_quantum: own.post_quantum,
            dane: own.dane,
        });
        Self {
            version: VERSION,
            address: record.address.map(|address| address.to_string()),
            minimum,
            seen: seen.collect(),
            pins: record.pins,
        }
    }
}

impl TryFrom<Stored> for AccountRecord {
    type Error = InvalidStored;

    fn try_from(stored: Stored) -> Result<Self, InvalidStored> {
        if stored.version != VERSION {
            return Err(InvalidStored::Version(stored.version));
        }
        let address = stored.address.as_deref().map(EmailAddress::parse);
        let mut seen = ProtectionRecord::default();
        for own in stored.seen {
            let protection = Protection {
                verified: own.verified,
                implicit_tls: own.implicit_tls,
                tls13: own.tls13,
                post_quantum: own.post_quantum,
                dane: own.dane,
            };
            seen.observe(own.service.into(), protection);
        }
        let address = address.transpose()?;
        // RFC 8314 §5.4: a pin is of no use to another account.
        if stored
            .pins
            .iter()
            .any(|pin| Some(pin.account()) != address.as_ref())
        {
            return Err(InvalidStored::ForeignPin);
        }
        Ok(Self {
            address,
            minimum: match stored.minimum {
                StoredRequirement::Lowered => None,
                StoredRequirement::Required(own) => Some(minimum(own)?),
            },
            seen,
            pins: stored.pins,
        })
    }
}

fn minimum(stored: StoredMinimum) -> Result<MinimumConfidentiality, InvalidStored> {
    let mut minimum = MinimumConfidentiality::default();
    if stored.tls13_only {
        minimum = minimum.with_tls13_only();
    }
    if stored.post_quantum_only {
        minimum = minimum.with_post_quantum_only();
    }
    for name in stored.denied_groups {
        let group = NamedGroup::from_name(&name).ok_or(InvalidStored::Unregistered)?;
        minimum = minimum.without_group(group);
    }
    for name in stored.denied_suites {
        let suite = CipherSuite::from_name(&name).ok_or(InvalidStored::Unregistered)?;
        minimum = minimum.without_suite(suite);
    }
    Ok(minimum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Account;
    use crate::service::Service;

    fn pin(account: &str) -> String {
        let hash = format!("sha256:{}", "00".repeat(32));
        format!("pin1 key imap 993 mail.example.org - {hash} {hash} {account}")
    }

    #[test]
    fn a_pin_is_stored_with_its_account() {
        let address = EmailAddress::parse("ann@example.org").unwrap();
        let account = Account::configured().with_address(address);
        assert!(account.restore_pin(pin("ann@example.org").parse().unwrap()));
        let stored = serde_json::to_string(&account.record()).unwrap();
        let read: AccountRecord = serde_json::from_str(&stored).unwrap();
        let restored = Account::restore(read);
        assert_eq!(restored.pins(), account.pins());
        assert_eq!(restored.pins().len(), 1);
        assert!(!restored.requires_confidentiality());
    }

    #[test]
    fn the_stored_form() {
        let address = EmailAddress::parse("ann@example.org").unwrap();
        let account = Account::configured().with_address(address);
        account.raise_minimum(
            MinimumConfidentiality::default()
                .without_group(NamedGroup::from_code_point(0x17))
                .without_suite(CipherSuite::from_code_point(0x1301)),
        );
        let protection = Protection {
            verified: true,
            ..Protection::default()
        };
        account.observe(Service::Imap, protection);
        let stored = serde_json::to_string(&account.record()).unwrap();
        let expected = concat!(
            r#"{"version":1,"address":"ann@example.org","minimum":{"required":{"tls13_only":false,"#,
            r#""post_quantum_only":false,"denied_groups":["secp256r1"],"#,
            r#""denied_suites":["TLS_AES_128_GCM_SHA256"]}},"seen":[{"service":"imap","#,
            r#""verified":true,"implicit_tls":false,"tls13":false,"post_quantum":false,"#,
            r#""dane":false}],"pins":[]}"#
        );
        assert_eq!(stored, expected);
        let read: AccountRecord = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, account.record());
        for (from, to, said) in [
            ("\"version\":1", "\"version\":0", "version 0"),
            ("ann@example.org", "ann", "address"),
            ("secp256r1", "secp1", "does not exist"),
            ("\"seen\"", "\"more\":1,\"seen\"", "unknown field"),
            ("\"tls13_only\":false,", "", "missing field"),
            (",\"pins\":[]", "", "missing field"),
            ("\"required\"", "\"wanted\"", "unknown variant"),
            ("[]}", "[\"pin\"]}", "stored pin cannot be read"),
            (
                "[]}",
                &format!("[\"{}\"]}}", pin("bob@example.org")),
                "another account",
            ),
        ] {
            let broken = stored.replacen(from, to, 1);
            let error = serde_json::from_str::<AccountRecord>(&broken).unwrap_err();
            assert!(error.to_string().contains(said), "{error}");
        }
    }

    /// RFC 8314 §5.2: the user lowers the minimum, a damaged file does not.
    #[test]
    fn a_missing_minimum_is_not_a_lowered_one() {
        let form = |minimum: &str| {
            format!(r#"{{"version":1,"address":null,{minimum}"seen":[],"pins":[]}}"#)
        };
        for damaged in ["", r#""minimum":null,"#, r#""minimum":{},"#] {
            assert!(serde_json::from_str::<AccountRecord>(&form(damaged)).is_err());
        }
        let lowered = form(r#""minimum":"lowered","#);
        let read: AccountRecord = serde_json::from_str(&lowered).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), lowered);
        assert!(!Account::restore(read).requires_confidentiality());
    }
}
