//! The caller's buffers, as rustls reads and writes them.

use std::io::{self, Read, Write};

use bytes::{BufMut, BytesMut};

/// Reads from the caller's buffer.
pub(super) struct Source<'a>(pub(super) &'a [u8]);

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        into.chunks_mut(COPY).map(|chunk| self.0.read(chunk)).sum()
    }
}

/// Appends to the caller's buffer.
pub(super) struct Sink<'a>(pub(super) &'a mut BytesMut);

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.put_slice(bytes);
        Ok(bytes.len())
    }

    fn write_vectored(&mut self, pieces: &[io::IoSlice<'_>]) -> io::Result<usize> {
        let total = pieces.iter().map(|piece| piece.len()).sum();
        self.0.reserve(total);
        for piece in pieces {
            self.0.put_slice(piece);
        }
        Ok(total)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader whose data have not come yet.
pub(super) struct NothingYet;

impl Read for NothingYet {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// So many bytes are copied at once. For 8 KiB and more the C library takes an instruction which is
/// several times slower than its loop on some processors, depending on the addresses (with AMD's
/// Zen 3 and 4 until glibc 2.39).
const COPY: usize = 4096;
