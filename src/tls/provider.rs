//! The provider of cryptography, and the TLS versions.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{NamedGroup, SupportedCipherSuite, SupportedProtocolVersion, version};

use crate::error::{ConfigError, Error};
use crate::policy::MinimumConfidentiality;
use crate::registry;

/// Which TLS versions are offered and accepted. Older ones do not exist here
/// (RFC 8314 §4 and RFC 8997, RFC 9325 §3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TlsVersions {
    /// TLS 1.2 and 1.3; 1.3 is chosen where both sides have it.
    #[default]
    Tls12AndTls13,
    /// TLS 1.3 alone.
    Tls13Only,
    /// TLS 1.2 alone, for a peer whose TLS 1.3 is broken.
    Tls12Only,
}

impl TlsVersions {
    /// What is left of them for an account.
    pub(crate) fn limited(self, minimum: &MinimumConfidentiality) -> Result<Self, ConfigError> {
        if !minimum.is_tls13_only() {
            return Ok(self);
        }
        match self {
            Self::Tls12AndTls13 | Self::Tls13Only => Ok(Self::Tls13Only),
            Self::Tls12Only => Err(ConfigError::MinimumOutOfReach {
                required: "TLS 1.3",
                reason: "it is switched off",
            }),
        }
    }

    pub(super) fn enabled(self) -> &'static [&'static SupportedProtocolVersion] {
        static BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
        match self {
            Self::Tls12AndTls13 => &BOTH,
            Self::Tls13Only => BOTH.get(..1).unwrap_or_default(),
            Self::Tls12Only => BOTH.get(1..).unwrap_or_default(),
        }
    }
}

/// The provider that a [`Client`](crate::Client) or [`Server`](crate::Server) works with.
#[derive(Debug, Clone)]
pub(crate) struct Provider(Arc<CryptoProvider>);

impl Provider {
    /// The embedder's own provider, taken as it is, or the one of the enabled feature; with both
    /// features aws-lc-rs.
    pub(crate) fn choose(own: Option<Arc<CryptoProvider>>) -> Result<Self, Error> {
        match own {
            Some(provider) => Ok(Self(provider)),
            None => match built_in() {
                Some(provider) => Ok(Self(Arc::new(preferred(provider)))),
                None => Err(ConfigError::NoCryptoProvider.into()),
            },
        }
    }

    /// The same provider without what the account does without.
    pub(crate) fn limited(&self, minimum: &MinimumConfidentiality) -> Result<Self, ConfigError> {
        let mut provider = CryptoProvider::clone(&self.0);
        provider
            .cipher_suites
            .retain(|suite| minimum.allows_suite(suite_of(suite)));
        provider.kx_groups.retain(|group| {
            minimum.allows_group(registry::NamedGroup::from_code_point(group.name().into()))
        });
        let out_of_reach = |required| ConfigError::MinimumOutOfReach {
            required,
            reason: "the cryptography provider has none",
        };
        if provider.cipher_suites.is_empty() {
            return Err(out_of_reach("a cipher suite that is not denied"));
        }
        if provider.kx_groups.is_empty() {
            return Err(out_of_reach(if minimum.is_post_quantum_only() {
                "a post-quantum key exchange"
            } else {
                "a key exchange that is not denied"
            }));
        }
        let is_whole = provider.cipher_suites.len() == self.0.cipher_suites.len()
            && provider.kx_groups.len() == self.0.kx_groups.len();
        if is_whole {
            return Ok(self.clone());
        }
        Ok(Self(Arc::new(provider)))
    }

    pub(crate) fn get(&self) -> &Arc<CryptoProvider> {
        &self.0
    }
}

#[cfg(feature = "aws-lc-rs")]
fn built_in() -> Option<CryptoProvider> {
    Some(rustls::crypto::aws_lc_rs::default_provider())
}

#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
fn built_in() -> Option<CryptoProvider> {
    Some(rustls::crypto::ring::default_provider())
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
fn built_in() -> Option<CryptoProvider> {
    None
}

/// The suites of RFC 9325 §4.2 and TLS 1.3, and the post-quantum hybrid first where there is one.
fn preferred(mut provider: CryptoProvider) -> CryptoProvider {
    provider
        .cipher_suites
        .retain(|suite| suite_of(suite).recommendation() == registry::Recommendation::Recommended);
    provider
        .kx_groups
        .sort_by_key(|group| group.name() != NamedGroup::X25519MLKEM768);
    provider
}

fn suite_of(suite: &SupportedCipherSuite) -> registry::CipherSuite {
    registry::CipherSuite::from_code_point(suite.suite().into())
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod tests {
    use super::*;

    /// RFC 8314 §4 with RFC 9325 §4.2, and RFC 8446 §9.1; RFC 9051 §11.1 wants 0xC02F.
    #[test]
    fn the_default_suites_are_the_recommended_ones() {
        let provider = Provider::choose(None).unwrap();
        let mut suites: Vec<u16> = provider
            .get()
            .cipher_suites
            .iter()
            .map(|s| s.suite().into())
            .collect();
        suites.sort_unstable();
        assert_eq!(
            suites,
            [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02c, 0xc02f, 0xc030]
        );
    }

    /// RFC 9325 §4.4: P-256 and X25519; the hybrid first where the provider has it.
    #[test]
    fn the_default_groups() {
        let provider = Provider::choose(None).unwrap();
        let groups: Vec<NamedGroup> = provider.get().kx_groups.iter().map(|g| g.name()).collect();
        assert!(groups.contains(&NamedGroup::X25519) && groups.contains(&NamedGroup::secp256r1));
        let hybrid = groups.iter().position(|g| *g == NamedGroup::X25519MLKEM768);
        assert_eq!(
            hybrid,
            if cfg!(feature = "aws-lc-rs") {
                Some(0)
            } else {
                None
            }
        );
    }
}
