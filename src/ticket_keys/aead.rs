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

/// The two libraries have the same interface, and no type in common.
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
macro_rules! aes_256_gcm {
    ($module:ident, $library:ident) => {
        pub(super) mod $module {
            use $library::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
            use $library::rand::{SecureRandom, SystemRandom};

            use crate::ticket_keys::TicketSealer;

            #[derive(Debug)]
            pub(in crate::ticket_keys) struct Aes256Gcm;

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
                    let mut nonce = [0; NONCE_LEN];
                    SystemRandom::new().fill(&mut nonce).ok()?;
                    let mut within = plaintext.to_vec();
                    prepared(key)?
                        .seal_in_place_append_tag(
                            Nonce::assume_unique_for_key(nonce),
                            Aad::from(associated),
                            &mut within,
                        )
                        .ok()?;
                    Some([&nonce[..], &within].concat())
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
