//! A clock whose wall time jumps, while its monotonic time runs as the machine's.

use std::time::{Duration, Instant, SystemTime};

use mail_tls::Clock;

use crate::content::Random;

/// Certificates are valid for a month around now; jumps stay within.
const GREATEST_JUMP: u64 = 48 * 3600;
/// How often its times are moved.
pub(crate) const TICK: Duration = Duration::from_millis(5);

pub(crate) fn jumping(seed: u64) -> Clock {
    let clock = Clock::fixed(Instant::now(), SystemTime::now());
    let ours = clock.clone();
    tokio::spawn(async move {
        let mut random = Random::new(seed);
        let mut last = Instant::now();
        for tick in 0u64.. {
            tokio::time::sleep(TICK).await;
            let now = Instant::now();
            ours.advance(now - last);
            last = now;
            if tick % 40 == 0 {
                let day = SystemTime::now() - Duration::from_secs(GREATEST_JUMP / 2);
                ours.set_wall(day + Duration::from_secs(random.below(GREATEST_JUMP)));
            }
        }
    });
    clock
}
