//! AES-256-GCM of the enabled provider, with a nonce of its randomness for each ticket.

use std::sync::Arc;

use super::TicketSealer;

/// The sealer of the enabled feature; with both aws-lc-rs'. They open what the other has sealed.
pub(super) fn built_in() -> Option<Arc<dyn TicketSealer>> {
    #[cfg(feature = "aws-lc-rs")]
    return Some(Arc::new(aws_lc::Aes256Gcm));
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    return Some(Arc::new(with_ring::Aes256Gcm));
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    return None;
}

/// Octets of the randomness of the enabled feature.
pub(super) fn random<const N: usize>() -> Option<[u8; N]> {
    #[cfg(feature = "aws-lc-rs")]
    return aws_lc::random();
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    return with_ring::random();
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    return None;
}

/// The two libraries have the same interface, and no type in common.
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
macro_rules! aes_256_gcm {
    ($module:ident, $library:ident) => {
        pub(super) mod $module {
            use $library::aead::{
                AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey,
            };
            use $library::rand::{SecureRandom, SystemRandom};

            use crate::ticket_keys::TicketSealer;

            #[derive(Debug)]
            pub(in crate::ticket_keys) struct Aes256Gcm;

            pub(in crate::ticket_keys) fn random<const N: usize>() -> Option<[u8; N]> {
                let mut octets = [0; N];
                SystemRandom::new().fill(&mut octets).ok()?;
                Some(octets)
            }

            fn prepared(key: &[u8; 32]) -> Option<LessSafeKey> {
                UnboundKey::new(&AES_256_GCM, key)
                    .ok()
                    .map(LessSafeKey::new)
            }

            impl TicketSealer for Aes256Gcm {
                fn seal(
                    &self,
                    key: &[u8; 32],
                    associated: &[u8],
                    plaintext: &[u8],
                ) -> Option<Vec<u8>> {
                    let nonce: [u8; NONCE_LEN] = random()?;
                    let longest = NONCE_LEN.saturating_add(plaintext.len());
                    let mut sealed = Vec::with_capacity(longest.saturating_add(MAX_TAG_LEN));
                    sealed.extend_from_slice(&nonce);
                    sealed.extend_from_slice(plaintext);
                    let within = sealed.get_mut(NONCE_LEN..)?;
                    let nonce = Nonce::assume_unique_for_key(nonce);
                    let tag = prepared(key)?
                        .seal_in_place_separate_tag(nonce, Aad::from(associated), within)
                        .ok()?;
                    sealed.extend_from_slice(tag.as_ref());
                    Some(sealed)
                }

                fn open(
                    &self,
                    key: &[u8; 32],
                    associated: &[u8],
                    sealed: &[u8],
                ) -> Option<Vec<u8>> {
                    let (nonce, within) = sealed.split_first_chunk()?;
                    let nonce = Nonce::assume_unique_for_key(*nonce);
                    let mut within = within.to_vec();
                    let opened = prepared(key)?
                        .open_in_place(nonce, Aad::from(associated), &mut within)
                        .ok()?
                        .len();
                    within.truncate(opened);
                    Some(within)
                }
            }
        }
    };
}

#[cfg(feature = "aws-lc-rs")]
aes_256_gcm!(aws_lc, aws_lc_rs);
// With both, only to see that each opens what the other has sealed.
#[cfg(all(feature = "ring", any(test, not(feature = "aws-lc-rs"))))]
aes_256_gcm!(with_ring, ring);
