//! Where time comes from.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use pki_types::UnixTime;

/// Monotonic and wall time in one value, set on a [`Client`](crate::Client) or a
/// [`Server`](crate::Server).
///
/// Deadlines use the monotonic time, certificates and tickets the wall time.
/// [`Clock::system`] reads the machine's clocks. [`Clock::fixed`] stands still until it is told to
/// move, for tests and for embedders that keep the time themselves; its clones share one time.
///
/// ```
/// use std::time::{Duration, Instant, SystemTime};
/// use mail_tls::Clock;
///
/// let clock = Clock::fixed(Instant::now(), SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 30));
/// let before = clock.now();
/// clock.advance(Duration::from_secs(30));
/// assert_eq!(clock.now() - before, Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Fixed(Arc<Mutex<(Instant, SystemTime)>>),
}

impl Clock {
    /// The machine's own clocks.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at these times until [`advance`](Self::advance) or
    /// [`set_wall`](Self::set_wall) moves it.
    pub fn fixed(monotonic: Instant, wall: SystemTime) -> Self {
        Self(Source::Fixed(Arc::new(Mutex::new((monotonic, wall)))))
    }

    /// Moves both times of a fixed clock forward. A system clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Fixed(times) = &self.0 {
            let mut times = times.lock().unwrap_or_else(PoisonError::into_inner);
            times.0 = times.0.checked_add(by).unwrap_or(times.0);
            times.1 = times.1.checked_add(by).unwrap_or(times.1);
        }
    }

    /// Sets the wall time of a fixed clock, forward or back, as an administrator or NTP would.
    /// A system clock is not set.
    pub fn set_wall(&self, wall: SystemTime) {
        if let Source::Fixed(times) = &self.0 {
            times.lock().unwrap_or_else(PoisonError::into_inner).1 = wall;
        }
    }

    /// Whether it stands still until it is moved.
    #[cfg(feature = "recorder")]
    pub(crate) fn is_fixed(&self) -> bool {
        match &self.0 {
            Source::System => false,
            Source::Fixed(_) => true,
        }
    }

    /// The monotonic time.
    pub fn now(&self) -> Instant {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that asks the system"
            )]
            Source::System => Instant::now(),
            Source::Fixed(times) => times.lock().unwrap_or_else(PoisonError::into_inner).0,
        }
    }

    /// The wall time.
    pub fn wall(&self) -> SystemTime {
        match &self.0 {
            #[expect(
                clippy::disallowed_methods,
                reason = "the one place that asks the system"
            )]
            Source::System => SystemTime::now(),
            Source::Fixed(times) => times.lock().unwrap_or_else(PoisonError::into_inner).1,
        }
    }

    /// The wall time as certificates count it; a time before 1970 counts as 1970.
    pub(crate) fn unix(&self) -> UnixTime {
        UnixTime::since_unix_epoch(
            self.wall()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or(Duration::ZERO),
        )
    }
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "the test compares with the system's clocks"
)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_fixed_clock_share_the_time() {
        let clock = Clock::fixed(Instant::now(), SystemTime::UNIX_EPOCH);
        let twin = clock.clone();
        let before = twin.now();
        clock.advance(Duration::from_secs(5));
        assert_eq!(twin.now() - before, Duration::from_secs(5));
        assert_eq!(twin.unix().as_secs(), 5);
        clock.set_wall(SystemTime::UNIX_EPOCH);
        assert_eq!(twin.unix().as_secs(), 0);
        assert_eq!(twin.now() - before, Duration::from_secs(5));
    }

    #[test]
    fn the_system_clock_runs_and_cannot_be_moved() {
        let clock = Clock::system();
        let before = Instant::now();
        clock.advance(Duration::from_secs(3600));
        clock.set_wall(SystemTime::UNIX_EPOCH);
        assert!(clock.now() - before < Duration::from_secs(3600));
        assert!(clock.unix().as_secs() > 1_700_000_000);
    }

    #[test]
    fn a_wall_time_before_1970_is_1970() {
        let early = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Clock::fixed(Instant::now(), early).unix().as_secs(), 0);
    }
}
