//! Plaintext that waits for more to share a record with.

use zeroize::Zeroize;

use crate::limits::QUEUED_PLAINTEXT;

/// At most [`QUEUED_PLAINTEXT`] bytes. A password may be among them: nothing of them stays in the
/// memory that held them.
#[derive(Default)]
pub(super) struct Queue(Vec<u8>);

impl Queue {
    /// Takes what there is room for, and gives back the rest.
    pub(super) fn take_from<'a>(&mut self, plaintext: &'a [u8]) -> &'a [u8] {
        let room = QUEUED_PLAINTEXT.saturating_sub(self.0.len());
        let (fits, rest) = plaintext.split_at_checked(room).unwrap_or((plaintext, &[]));
        self.make_room(fits.len());
        self.0.extend_from_slice(fits);
        rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= QUEUED_PLAINTEXT
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Keeps the memory for what comes next.
    pub(super) fn clear(&mut self) {
        // The memory lives on, so that no compiler leaves this out; and it is many times faster than
        // what has to be used where the memory is given back.
        self.0.fill(0);
        self.0.clear();
    }

    /// A vector that grows by itself may leave a copy behind.
    fn make_room(&mut self, additional: usize) {
        let needed = self.0.len().saturating_add(additional);
        if needed <= self.0.capacity() {
            return;
        }
        let doubled = self.0.capacity().saturating_mul(2).min(QUEUED_PLAINTEXT);
        let mut larger = Vec::with_capacity(needed.max(doubled));
        larger.extend_from_slice(&self.0);
        self.0.as_mut_slice().zeroize();
        self.0 = larger;
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.0.as_mut_slice().zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_one_record_can() {
        let all: Vec<u8> = (0..QUEUED_PLAINTEXT + 300)
            .map(|n| n.to_le_bytes()[0])
            .collect();
        for piece in [1, 7, 4096, 5000, QUEUED_PLAINTEXT, usize::MAX] {
            let mut queue = Queue::default();
            for round in 0..2 {
                let mut rest = &all[..];
                while !queue.is_full() {
                    let taken = piece.min(rest.len());
                    let back = queue.take_from(&rest[..taken]).len();
                    rest = &rest[taken - back..];
                }
                assert_eq!(
                    queue.as_slice(),
                    &all[..QUEUED_PLAINTEXT],
                    "{piece} {round}"
                );
                assert_eq!(queue.take_from(b"more"), b"more");
                assert!(queue.0.capacity() <= QUEUED_PLAINTEXT);
                queue.clear();
                assert!(queue.is_empty() && !queue.is_full());
            }
        }
    }
}
