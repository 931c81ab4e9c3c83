//! The embedder's clock, as rustls asks for it.

use pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::clock::Clock;

/// Of its own, so that rustls' trait is not part of the interface of [`Clock`].
#[derive(Debug)]
pub(super) struct WallTime(pub(super) Clock);

impl TimeProvider for WallTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.0.unix())
    }
}
