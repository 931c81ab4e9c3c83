//! The embedder's clock, as rustls asks for it.

use pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

use crate::clock::Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.unix())
    }
}
