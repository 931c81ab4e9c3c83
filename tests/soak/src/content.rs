//! What is sent: bytes that follow from a seed, so that each side knows what the other has to send.

use sha2::{Digest, Sha256};

/// SplitMix64.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A size below `bound`, which fits.
    pub(crate) fn size(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap_or(0)
    }
}

/// One direction of one session.
#[derive(Debug)]
pub(crate) struct Content {
    random: Random,
    /// Bytes of `random`'s last number that are still to be given out.
    rest: Vec<u8>,
    left: u64,
    pub(crate) done: u64,
    hash: Sha256,
}

impl Content {
    /// What the client `id` sends, `length` bytes.
    pub(crate) fn up(id: u64, length: u64) -> Self {
        Self::new(id.wrapping_mul(2), length)
    }

    /// What it is sent.
    pub(crate) fn down(id: u64, length: u64) -> Self {
        Self::new(id.wrapping_mul(2).wrapping_add(1), length)
    }

    fn new(seed: u64, length: u64) -> Self {
        Self {
            random: Random::new(seed),
            rest: Vec::new(),
            left: length,
            done: 0,
            hash: Sha256::new(),
        }
    }

    /// The next bytes, at most `size`; empty at the end.
    pub(crate) fn take(&mut self, size: usize) -> Vec<u8> {
        let size = usize::try_from(self.left).unwrap_or(size).min(size);
        let mut bytes = std::mem::take(&mut self.rest);
        while bytes.len() < size {
            bytes.extend_from_slice(&self.random.next().to_le_bytes());
        }
        self.rest = bytes.split_off(size);
        self.left -= size as u64;
        self.done += size as u64;
        self.hash.update(&bytes);
        bytes
    }

    /// Whether `received` is what comes next.
    pub(crate) fn expect(&mut self, received: &[u8]) -> bool {
        received.len() as u64 <= self.left && self.take(received.len()) == received
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The hash of what was taken or expected so far.
    pub(crate) fn hash(&self) -> String {
        self.hash
            .clone()
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}
