//! What a blocking stream goes over, and how long that may block.

use std::io::{self, Read, Write};
use std::time::Duration;

/// What a [`Stream`](super::Stream) goes over: `Read + Write`, with bounds on how long these may block.
///
/// Sockets have them. Whatever has none can be given as an [`Untimed`].
pub trait Transport: Read + Write {
    /// The timeouts in force.
    ///
    /// # Errors
    /// As the transport has them.
    fn timeouts(&self) -> io::Result<Timeouts>;

    /// Sets how long one `read` and one `write` may block from now on, before they fail with
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) or [`TimedOut`](io::ErrorKind::TimedOut). Never
    /// called with a time of zero.
    ///
    /// # Errors
    /// As the transport has them.
    fn set_timeouts(&mut self, timeouts: Timeouts) -> io::Result<()>;
}

/// How long reading and writing may block; `None` for as long as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a transport has these two, and implementors make them"
)]
pub struct Timeouts {
    /// For one `read`.
    pub read: Option<Duration>,
    /// For one `write`.
    pub write: Option<Duration>,
}

impl Timeouts {
    pub(super) fn within(self, most: Duration) -> Self {
        let within = |own: Option<Duration>| Some(own.map_or(most, |own| own.min(most)));
        Self {
            read: within(self.read),
            write: within(self.write),
        }
    }
}

/// A transport that cannot be told how long to block: the session's deadline is looked at between
/// its calls alone, so that whoever made it has to see that each of them ends.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper, made by its user")]
pub struct Untimed<T>(pub T);

impl<T: Read> Read for Untimed<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<T: Write> Write for Untimed<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl<T: Read + Write> Transport for Untimed<T> {
    fn timeouts(&self) -> io::Result<Timeouts> {
        Ok(Timeouts::default())
    }

    fn set_timeouts(&mut self, _: Timeouts) -> io::Result<()> {
        Ok(())
    }
}

macro_rules! socket {
    ($($socket:ty),*) => { $(
        impl Transport for $socket {
            fn timeouts(&self) -> io::Result<Timeouts> {
                Ok(Timeouts {
                    read: self.read_timeout()?,
                    write: self.write_timeout()?,
                })
            }

            fn set_timeouts(&mut self, timeouts: Timeouts) -> io::Result<()> {
                self.set_read_timeout(timeouts.read)?;
                self.set_write_timeout(timeouts.write)
            }
        }
    )* };
}

#[expect(
    clippy::disallowed_types,
    reason = "a trait is implemented for the sockets of embedders; none is opened"
)]
mod sockets {
    use super::*;

    socket!(std::net::TcpStream, &std::net::TcpStream);
    #[cfg(unix)]
    socket!(
        std::os::unix::net::UnixStream,
        &std::os::unix::net::UnixStream
    );
}

impl<T: Transport + ?Sized> Transport for &mut T {
    fn timeouts(&self) -> io::Result<Timeouts> {
        (**self).timeouts()
    }

    fn set_timeouts(&mut self, timeouts: Timeouts) -> io::Result<()> {
        (**self).set_timeouts(timeouts)
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn timeouts(&self) -> io::Result<Timeouts> {
        (**self).timeouts()
    }

    fn set_timeouts(&mut self, timeouts: Timeouts) -> io::Result<()> {
        (**self).set_timeouts(timeouts)
    }
}
