//! A provider of cryptography whose choices can be noted, and played back.

use std::fmt;
use std::sync::Arc;

use pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::crypto::{
    ActiveKeyExchange, CompletedKeyExchange, CryptoProvider, GetRandomFailed, KeyProvider,
    SecureRandom, SharedSecret, SupportedKxGroup,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::server::ProducesTickets;
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{
    Error, NamedGroup, PeerMisbehaved, ProtocolVersion, SignatureAlgorithm, SignatureScheme,
    SupportedProtocolVersion,
};

use super::line::{Chance, one_line};
use super::scope::{note, play, witness};

/// `base` with an ear. rustls wants its parts for as long as the program runs, so that a few
/// hundred bytes of each call are never given back.
pub(super) fn listening(base: &CryptoProvider) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: base.cipher_suites.clone(),
        kx_groups: base
            .kx_groups
            .iter()
            .map(|group| -> &'static dyn SupportedKxGroup { Box::leak(Box::new(Group(*group))) })
            .collect(),
        signature_verification_algorithms: base.signature_verification_algorithms,
        secure_random: Box::leak(Box::new(Random(base.secure_random))),
        key_provider: Box::leak(Box::new(Keys(base.key_provider))),
    }
}

/// A key with an ear; without one behind it, it signs only what was signed before.
pub(super) fn key(key: Option<Arc<dyn SigningKey>>, algorithm: u8) -> Arc<dyn SigningKey> {
    Arc::new(Key {
        algorithm: key
            .as_ref()
            .map_or_else(|| algorithm.into(), |key| key.algorithm()),
        key,
    })
}

/// Tickets with an ear.
pub(crate) fn tickets(sealer: Arc<dyn ProducesTickets>) -> Arc<dyn ProducesTickets> {
    Arc::new(Tickets(sealer))
}

/// This side shows a chain.
pub(crate) fn own_chain(shown: &CertifiedKey) {
    witness(
        |scope| scope.with_secrets,
        || Chance::Shown {
            algorithm: shown.key.algorithm().into(),
            chain: shown.cert.iter().map(|der| der.to_vec()).collect(),
        },
    );
}

/// The peer has shown a chain.
pub(crate) fn peer_chain<'a>(chain: impl Iterator<Item = &'a [u8]>) {
    witness(
        |scope| scope.with_peer_chain,
        || Chance::Peer(chain.map(<[u8]>::to_vec).collect()),
    );
}

#[derive(Debug)]
struct Random(&'static dyn SecureRandom);

impl SecureRandom for Random {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), GetRandomFailed> {
        let played = play(|chance| match chance {
            Chance::Random(bytes) if bytes.len() == buffer.len() => Some(bytes.clone()),
            _ => None,
        });
        match played {
            Some(bytes) => {
                for (byte, played) in buffer.iter_mut().zip(bytes) {
                    *byte = played;
                }
            }
            None => {
                self.0.fill(buffer)?;
                note(|| Chance::Random(buffer.to_vec()));
            }
        }
        Ok(())
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

#[derive(Debug)]
struct Group(&'static dyn SupportedKxGroup);

impl SupportedKxGroup for Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let name = u16::from(self.0.name());
        let played = play(|chance| match chance {
            Chance::Share {
                group,
                public,
                hybrid,
            } if *group == name => Some(Ok(Exchange {
                group: self.0.name(),
                public: public.clone(),
                hybrid: hybrid
                    .as_ref()
                    .map(|(group, public)| (NamedGroup::from(*group), public.clone())),
                live: None,
            })),
            other => failure(other).map(Err),
        });
        let exchange = match played {
            Some(played) => played?,
            None => {
                let live = heard(self.0.start())?;
                let exchange = Exchange {
                    group: live.group(),
                    public: live.pub_key().to_vec(),
                    hybrid: live
                        .hybrid_component()
                        .map(|(group, public)| (group, public.to_vec())),
                    live: Some(live),
                };
                note(|| Chance::Share {
                    group: exchange.group.into(),
                    public: exchange.public.clone(),
                    hybrid: exchange
                        .hybrid
                        .as_ref()
                        .map(|(group, public)| (u16::from(*group), public.clone())),
                });
                exchange
            }
        };
        Ok(Box::new(exchange))
    }

    fn start_and_complete(&self, peer: &[u8]) -> Result<CompletedKeyExchange, Error> {
        let name = u16::from(self.0.name());
        let played = play(|chance| match chance {
            Chance::Exchanged {
                group,
                public,
                secret,
            } if *group == name => Some(Ok(CompletedKeyExchange {
                group: self.0.name(),
                pub_key: public.clone(),
                secret: secret.as_slice().into(),
            })),
            other => failure(other).map(Err),
        });
        if let Some(played) = played {
            return played;
        }
        let completed = heard(self.0.start_and_complete(peer))?;
        note(|| Chance::Exchanged {
            group: completed.group.into(),
            public: completed.pub_key.clone(),
            secret: completed.secret.secret_bytes().to_vec(),
        });
        Ok(completed)
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        self.0.ffdhe_group()
    }

    fn name(&self) -> NamedGroup {
        self.0.name()
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        self.0.usable_for_version(version)
    }
}

struct Exchange {
    group: NamedGroup,
    public: Vec<u8>,
    hybrid: Option<(NamedGroup, Vec<u8>)>,
    /// What there is behind it, unless it is played back.
    live: Option<Box<dyn ActiveKeyExchange>>,
}

impl Exchange {
    fn completed(
        self,
        complete: impl FnOnce(Box<dyn ActiveKeyExchange>) -> Result<SharedSecret, Error>,
    ) -> Result<SharedSecret, Error> {
        let played = play(|chance| match chance {
            Chance::Secret(secret) => Some(Ok(secret.as_slice().into())),
            other => failure(other).map(Err),
        });
        if let Some(played) = played {
            return played;
        }
        let Some(live) = self.live else {
            return Err(Error::General(NOTHING_TO_PLAY.into()));
        };
        let secret = heard(complete(live))?;
        note(|| Chance::Secret(secret.secret_bytes().to_vec()));
        Ok(secret)
    }
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        self.completed(|live| live.complete(peer))
    }

    fn complete_for_tls_version(
        self: Box<Self>,
        peer: &[u8],
        version: &SupportedProtocolVersion,
    ) -> Result<SharedSecret, Error> {
        self.completed(|live| live.complete_for_tls_version(peer, version))
    }

    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        let (group, public) = self.hybrid.as_ref()?;
        Some((*group, public))
    }

    fn complete_hybrid_component(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        self.completed(|live| live.complete_hybrid_component(peer))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        self.live.as_ref().and_then(|live| live.ffdhe_group())
    }

    fn group(&self) -> NamedGroup {
        self.group
    }
}

#[derive(Debug)]
struct Keys(&'static dyn KeyProvider);

impl KeyProvider for Keys {
    fn load_private_key(&self, der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let loaded = self.0.load_private_key(der)?;
        let algorithm = loaded.algorithm().into();
        Ok(key(Some(loaded), algorithm))
    }

    fn fips(&self) -> bool {
        self.0.fips()
    }
}

struct Key {
    algorithm: SignatureAlgorithm,
    key: Option<Arc<dyn SigningKey>>,
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let played = play(|chance| match chance {
            Chance::Scheme(scheme) => Some(*scheme),
            _ => None,
        });
        let (scheme, live) = match played {
            Some(scheme) => (SignatureScheme::from(scheme?), None),
            None => {
                let signer = self.key.as_ref().and_then(|key| key.choose_scheme(offered));
                note(|| Chance::Scheme(signer.as_ref().map(|signer| signer.scheme().into())));
                let signer = signer?;
                (signer.scheme(), Some(signer))
            }
        };
        Some(Box::new(Pen { scheme, live }))
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.key.as_ref()?.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.algorithm
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

struct Pen {
    scheme: SignatureScheme,
    live: Option<Box<dyn Signer>>,
}

impl Signer for Pen {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let played = play(|chance| match chance {
            Chance::Signature(signature) => Some(Ok(signature.clone())),
            other => failure(other).map(Err),
        });
        if let Some(played) = played {
            return played;
        }
        let Some(live) = &self.live else {
            return Err(Error::General(NOTHING_TO_PLAY.into()));
        };
        let signature = heard(live.sign(message))?;
        note(|| Chance::Signature(signature.clone()));
        Ok(signature)
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

impl fmt::Debug for Pen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Tickets(Arc<dyn ProducesTickets>);

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.0.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.0.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let played = play(|chance| match chance {
            Chance::Sealed(sealed) => Some(sealed.clone()),
            _ => None,
        });
        played.unwrap_or_else(|| {
            let sealed = self.0.encrypt(plain);
            note(|| Chance::Sealed(sealed.clone()));
            sealed
        })
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let played = play(|chance| match chance {
            Chance::Opened(opened) => Some(opened.clone()),
            _ => None,
        });
        played.unwrap_or_else(|| {
            let opened = self.0.decrypt(cipher);
            note(|| Chance::Opened(opened.clone()));
            opened
        })
    }
}

const NOTHING_TO_PLAY: &str = "the recording has nothing to play back here";

/// Notes a failure.
fn heard<T>(result: Result<T, Error>) -> Result<T, Error> {
    if let Err(error) = &result {
        note(|| match error {
            Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare) => Chance::InvalidShare,
            Error::General(text) => Chance::Failed(one_line(text)),
            other => Chance::Failed(one_line(other)),
        });
    }
    result
}

fn failure(chance: &Chance) -> Option<Error> {
    match chance {
        Chance::InvalidShare => Some(PeerMisbehaved::InvalidKeyShare.into()),
        Chance::Failed(text) => Some(Error::General(text.clone())),
        _ => None,
    }
}
