//! What is measured of a handshake: each side apart, in the calls that belong to it.

use std::time::Duration;

use crate::contest::timed;

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}

/// Measures the calls of both sides.
pub trait Meter {
    fn measure<R>(&mut self, side: Side, call: impl FnOnce() -> R) -> R;
}

/// Nothing.
#[derive(Debug)]
pub struct Unmeasured;

impl Meter for Unmeasured {
    fn measure<R>(&mut self, _: Side, call: impl FnOnce() -> R) -> R {
        call()
    }
}

/// The time of the client's and of the server's calls.
#[derive(Debug, Default)]
pub struct Laps(pub [Duration; 2]);

impl Meter for Laps {
    fn measure<R>(&mut self, side: Side, call: impl FnOnce() -> R) -> R {
        let [client, server] = &mut self.0;
        match side {
            Side::Client => timed(client, call),
            Side::Server => timed(server, call),
        }
    }
}
