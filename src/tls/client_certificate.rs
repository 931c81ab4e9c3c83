//! Which client certificate a client shows, if any (RFC 8314 §5.5, §8).

use std::sync::Arc;

use pki_types::UnixTime;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;

use super::scope::note;
use crate::certificate::{Certificate, Dates};
use crate::certificates::CertifiedChain;
use crate::clock::Clock;
use crate::error::Error;
use crate::policy::{Account, AuthorisedChain};

/// What became of the account's client certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ClientCertificateUse {
    /// The server has not asked for one; a resumed session is not asked again.
    #[default]
    NotAsked,
    /// The server asked, and the account has none; or what the account may show was changed, say
    /// by [`withdraw_client_certificates`](crate::Account::withdraw_client_certificates), since the
    /// session began, which ends with that.
    NoneAuthorised,
    /// The server asked, and cannot verify signatures of any key that the account has.
    NoneFits,
    /// The server asked over TLS 1.2, where everybody on the way could have read it, and the account
    /// was not authorised to show one there (RFC 8314 §8). Offer the user
    /// [`authorise_client_certificate_with_tls12`], and say what it means.
    ///
    /// [`authorise_client_certificate_with_tls12`]: crate::Account::authorise_client_certificate_with_tls12
    WithheldFromTls12,
    /// One was shown.
    #[non_exhaustive]
    Shown {
        /// Whether it could be read on the way: with TLS 1.2, by explicit choice.
        in_clear: bool,
        /// Whether it is valid by this machine's clock.
        validity: ShownValidity,
        /// Whether the server named one of its authorities, or none at all.
        is_wanted: bool,
    },
}

/// Whether a client certificate that was shown is valid now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ShownValidity {
    /// It is.
    Valid,
    /// It has expired. Tell the user; the server will hardly take it.
    Expired,
    /// It is not valid yet, or this machine's clock is wrong.
    NotYetValid,
}

impl ClientCertificateUse {
    /// Whether one was shown.
    #[must_use]
    pub fn is_shown(self) -> bool {
        match self {
            Self::Shown { .. } => true,
            Self::NotAsked | Self::NoneAuthorised | Self::NoneFits | Self::WithheldFromTls12 => {
                false
            }
        }
    }

    /// Whether the server has asked for one.
    #[must_use]
    pub fn is_asked(self) -> bool {
        self != Self::NotAsked
    }
}

/// The certificates that one account may show, the last authorised first.
#[derive(Debug)]
pub(super) struct ClientCertificates {
    all: Vec<Candidate>,
    clock: Clock,
    /// Whose they are, and in which generation that was so.
    account: Account,
    generation: u64,
}

#[derive(Debug)]
struct Candidate {
    key: Arc<CertifiedKey>,
    with_tls12: bool,
    dates: Option<Dates>,
    /// The issuers of the certificates in the chain, as whole Names.
    issuers: Vec<Box<[u8]>>,
}

impl ClientCertificates {
    pub(super) fn new(
        authorised: &[AuthorisedChain],
        provider: &CryptoProvider,
        clock: Clock,
        (account, generation): (Account, u64),
    ) -> Result<Self, Error> {
        let newest_first = authorised.iter().rev();
        let all = newest_first
            .map(|one| {
                Ok(Candidate {
                    key: one.chain.certified_key(provider)?,
                    with_tls12: one.with_tls12,
                    dates: dates(&one.chain),
                    issuers: issuers(&one.chain),
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            all,
            clock,
            account,
            generation,
        })
    }

    /// The one to show, or why there is none.
    fn choose(
        &self,
        wanted: &[&[u8]],
        schemes: &[SignatureScheme],
        is_tls13: bool,
    ) -> Result<(&Candidate, ClientCertificateUse), ClientCertificateUse> {
        use ClientCertificateUse as Use;
        // The handshake may have begun before the user withdrew one.
        if self.all.is_empty() || self.account.generation() != self.generation {
            return Err(Use::NoneAuthorised);
        }
        let fits = |one: &&Candidate| one.key.key.choose_scheme(schemes).is_some();
        let mut fitting = self.all.iter().filter(fits).peekable();
        if fitting.peek().is_none() {
            return Err(Use::NoneFits);
        }
        let now = self.clock.unix();
        // The first of those that are equal, which was authorised last.
        fitting
            .filter(|one| is_tls13 || one.with_tls12)
            .map(|one| (one, one.validity(now), one.is_wanted(wanted)))
            .min_by_key(|(_, validity, is_wanted)| (!is_wanted, *validity != ShownValidity::Valid))
            .map(|(one, validity, is_wanted)| {
                let shown = Use::Shown {
                    in_clear: !is_tls13,
                    validity,
                    is_wanted,
                };
                (one, shown)
            })
            .ok_or(Use::WithheldFromTls12)
    }
}

impl Candidate {
    /// RFC 8446 §4.2.4, RFC 5246 §7.4.4: an empty list names everybody.
    fn is_wanted(&self, names: &[&[u8]]) -> bool {
        names.is_empty() || self.issuers.iter().any(|issuer| names.contains(&&**issuer))
    }

    fn validity(&self, now: UnixTime) -> ShownValidity {
        match self.dates {
            Some(dates) if now > dates.not_after => ShownValidity::Expired,
            Some(dates) if now < dates.not_before => ShownValidity::NotYetValid,
            Some(_) | None => ShownValidity::Valid,
        }
    }
}

impl ResolvesClientCert for ClientCertificates {
    fn resolve(&self, wanted: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let is_tls13 = note(|notes| notes.is_tls13);
        let (key, outcome) = match self.choose(wanted, schemes, is_tls13) {
            Ok((one, shown)) => (Some(Arc::clone(&one.key)), shown),
            Err(none) => (None, none),
        };
        #[cfg(feature = "recorder")]
        if let Some(shown) = &key {
            crate::recorder::own_chain(shown);
        }
        note(|notes| {
            notes.client_certificate = outcome;
            notes.client_certificate_asked = true;
            notes.client_certificate_sent = key.is_some();
        });
        key
    }

    fn has_certs(&self) -> bool {
        !self.all.is_empty()
    }
}

/// When the owner's certificate is valid, if it can be read.
fn dates(chain: &CertifiedChain) -> Option<Dates> {
    let leaf = Certificate::parse(chain.certificates().first()?).ok()?;
    leaf.dates().ok()
}

fn issuers(chain: &CertifiedChain) -> Vec<Box<[u8]>> {
    let readable = chain.certificates().iter();
    readable
        .filter_map(|der| Certificate::parse(der).ok())
        .map(|certificate| certificate.issuer_name.into())
        .collect()
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests {
    use std::time::{Duration, Instant, SystemTime};

    use super::*;
    use crate::testing::{Authority, NOW, authority_params, leaf_params};
    use crate::tls::Provider;

    const ECDSA: &[SignatureScheme] = &[SignatureScheme::ECDSA_NISTP256_SHA256];
    const ED25519: &[SignatureScheme] = &[SignatureScheme::ED25519];

    /// When a certificate is valid: days before and after `NOW`.
    type Days = (i64, i64);
    const VALID: Days = (-1, 1);

    struct World {
        authorities: [Authority; 2],
    }

    impl World {
        fn new() -> Self {
            let root = |name| Authority::root(authority_params(name));
            Self {
                authorities: [root("A"), root("B")],
            }
        }

        fn name(&self, authority: usize) -> Vec<u8> {
            let certificate = Certificate::parse(&self.authorities[authority].certificate).unwrap();
            crate::der::in_sequence(certificate.subject)
        }

        fn chain(
            &self,
            authority: usize,
            algorithm: &'static rcgen::SignatureAlgorithm,
            (from, until): Days,
        ) -> CertifiedChain {
            let mut params = leaf_params(&[]);
            let day = |days: i64| {
                let base = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.as_secs());
                let by = Duration::from_secs(days.unsigned_abs() * 24 * 60 * 60);
                if days < 0 { base - by } else { base + by }
            };
            (params.not_before, params.not_after) = (day(from).into(), day(until).into());
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let leaf = self.authorities[authority].issue_for(&params, &key);
            let key = pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
            CertifiedChain::from_der(vec![leaf], key).unwrap()
        }

        fn ecdsa(&self, authority: usize, days: Days) -> CertifiedChain {
            self.chain(authority, &rcgen::PKCS_ECDSA_P256_SHA256, days)
        }
    }

    fn of(authorised: &[(CertifiedChain, bool)]) -> ClientCertificates {
        let authorised: Vec<AuthorisedChain> = authorised
            .iter()
            .map(|(chain, with_tls12)| AuthorisedChain {
                chain: chain.clone(),
                with_tls12: *with_tls12,
            })
            .collect();
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.as_secs());
        let clock = Clock::fixed(now_for_deadlines(), wall);
        let provider = Provider::choose(None).unwrap();
        let account = Account::configured();
        let made = (account.clone(), account.generation());
        ClientCertificates::new(&authorised, provider.get(), clock, made).unwrap()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a fixed clock needs some instant"
    )]
    fn now_for_deadlines() -> Instant {
        Instant::now()
    }

    /// Which of the chains is shown, by its index, and what is said of it.
    #[track_caller]
    fn assert_shown(
        all: &[CertifiedChain],
        names: &[&[u8]],
        schemes: &[SignatureScheme],
        expected: usize,
        (validity, is_wanted): (ShownValidity, bool),
    ) {
        let with: Vec<_> = all.iter().map(|chain| (chain.clone(), false)).collect();
        let certificates = of(&with);
        let (one, outcome) = certificates.choose(names, schemes, true).unwrap();
        let index = all
            .iter()
            .position(|chain| chain.certificates() == one.key.cert);
        assert_eq!(index, Some(expected));
        let shown = ClientCertificateUse::Shown {
            in_clear: false,
            validity,
            is_wanted,
        };
        assert_eq!(outcome, shown);
    }

    /// RFC 8446 §4.2.3 and §4.2.4, RFC 5246 §7.4.4 and §7.4.6.
    #[test]
    fn the_choice_among_several() {
        use ShownValidity::{Expired, NotYetValid, Valid};
        let world = World::new();
        let [a, b] = [world.name(0), world.name(1)];
        let of_a = world.ecdsa(0, VALID);
        let of_b = world.ecdsa(1, VALID);
        let both = [of_a.clone(), of_b.clone()];
        assert_shown(&both, &[&a], ECDSA, 0, (Valid, true));
        assert_shown(&both, &[&b], ECDSA, 1, (Valid, true));
        // Nobody is named, both are, a stranger is: the last authorised.
        assert_shown(&both, &[], ECDSA, 1, (Valid, true));
        assert_shown(&both, &[&a, &b], ECDSA, 1, (Valid, true));
        assert_shown(&both, &[b"somebody else"], ECDSA, 1, (Valid, false));

        let ed25519 = world.chain(0, &rcgen::PKCS_ED25519, VALID);
        let kinds = [ed25519, of_b.clone()];
        assert_shown(&kinds, &[&a], ECDSA, 1, (Valid, false));
        assert_shown(&kinds, &[&b], ED25519, 0, (Valid, false));

        // What the server asks for goes before what the calendar says; it may know better.
        let old = world.ecdsa(0, (-9, -1));
        let future = world.ecdsa(0, (1, 9));
        let renewed = [of_a, old.clone()];
        assert_shown(&renewed, &[&a], ECDSA, 0, (Valid, true));
        assert_shown(&[old.clone(), of_b], &[&a], ECDSA, 0, (Expired, true));
        assert_shown(&[old], &[&a], ECDSA, 0, (Expired, true));
        assert_shown(&[future], &[&a], ECDSA, 0, (NotYetValid, true));
    }

    /// RFC 8314 §5.5 and §8.
    #[test]
    fn what_is_not_shown() {
        use ClientCertificateUse::{NoneAuthorised, NoneFits, WithheldFromTls12};
        let world = World::new();
        let (quiet, loud) = (world.ecdsa(0, VALID), world.ecdsa(1, VALID));
        let choose = |all: &ClientCertificates, schemes, is_tls13| {
            let outcome = all.choose(&[], schemes, is_tls13);
            outcome.map(|(one, _)| one.key.cert.clone())
        };
        assert_eq!(choose(&of(&[]), ECDSA, true), Err(NoneAuthorised));
        let all = of(&[(loud.clone(), true), (quiet.clone(), false)]);
        assert_eq!(choose(&all, ED25519, true), Err(NoneFits));
        assert_eq!(choose(&all, &[], true), Err(NoneFits));
        assert_eq!(
            choose(&all, ECDSA, true).as_deref(),
            Ok(quiet.certificates())
        );
        assert_eq!(
            choose(&all, ECDSA, false).as_deref(),
            Ok(loud.certificates())
        );
        let only = of(&[(quiet, false)]);
        assert_eq!(choose(&only, ECDSA, false), Err(WithheldFromTls12));
        assert!(choose(&only, ECDSA, true).is_ok());
        only.account.withdraw_client_certificates();
        assert_eq!(choose(&only, ECDSA, true), Err(NoneAuthorised));
    }
}
