//! How the caller's bytes are handed to rustls, so that each record costs the same.
//!
//! rustls copies its input into a buffer of its own, moves what is left in it to the front after
//! each record, and shrinks and zeroes it when it is found empty. So small records are handed over
//! whole and several at a time, and large ones as they come, together with the header of the next
//! large one, which keeps the buffer at its size.

use crate::limits::{MAX_RECORD, MAX_RECORD_PAYLOAD, RECORD_HEADER};

/// Records up to this size wait in the caller's buffer until they are whole.
const SMALL: usize = 4096;
/// So many whole small records are handed over at once: rustls moves those that follow to the front
/// after each of them, and more of them cost more to move than another call does.
const BATCH: usize = 8;
/// Bytes in a batch: what rustls reads at a time into an empty buffer.
const BATCH_BYTES: usize = 4096;

/// What is known of the record that rustls holds the beginning of.
#[derive(Debug, Default)]
pub(super) struct Inlet {
    /// Bytes of it that rustls holds, its header included.
    held: usize,
    /// Its length with the header, once `held` is not zero.
    total: usize,
}

/// What to do with the caller's input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Portion {
    /// Leave it until there is more.
    Wait,
    /// Hand over so many bytes, which hold so many whole records.
    Give { bytes: usize, records: usize },
    /// Hand over the header: it is illegal, and rustls has the alert for it.
    Refuse,
}

impl Inlet {
    /// What to hand over of `incoming`. During the handshake records go one by one, so that its
    /// bytes can be counted whatever the pieces in which they come.
    pub(super) fn portion(&self, incoming: &[u8], is_handshaking: bool) -> Portion {
        if incoming.is_empty() {
            return Portion::Wait;
        }
        let (held, total) = match self.held {
            0 => match record_length(incoming) {
                Header::Incomplete => return Portion::Wait,
                Header::Illegal => return Portion::Refuse,
                Header::Total(total) => (0, total),
            },
            held => (held, self.total),
        };
        let wanted = total.saturating_sub(held);
        if total > SMALL {
            return large(wanted, incoming, is_handshaking);
        }
        match incoming.get(wanted..) {
            None => Portion::Wait,
            Some(rest) if held == 0 && !is_handshaking => batch(wanted, rest),
            Some(_) => Portion::Give {
                bytes: wanted,
                records: 1,
            },
        }
    }

    /// `portion` was handed over from the front of `incoming`.
    pub(super) fn given(&mut self, incoming: &[u8], bytes: usize, records: usize) {
        if self.held == 0 && records == 0 {
            if let Header::Total(total) = record_length(incoming) {
                self.total = total;
            }
        }
        if records == 0 {
            self.held += bytes;
            return;
        }
        // What lies behind the last whole record is the next one's header, or nothing.
        let end = match (records, self.held) {
            (1, 0) => match record_length(incoming) {
                Header::Total(total) => total,
                Header::Incomplete | Header::Illegal => bytes,
            },
            (1, held) => self.total.saturating_sub(held),
            _ => bytes,
        };
        self.held = bytes.saturating_sub(end);
        if self.held > 0 {
            if let Some(Header::Total(total)) = incoming.get(end..).map(record_length) {
                self.total = total;
            }
        }
    }

    /// Whether rustls holds the beginning of a record.
    pub(super) fn is_within_record(&self) -> bool {
        self.held > 0
    }
}

/// A large record is handed over as it comes.
fn large(wanted: usize, incoming: &[u8], is_handshaking: bool) -> Portion {
    let Some(rest) = incoming.get(wanted..) else {
        return Portion::Give {
            bytes: incoming.len(),
            records: 0,
        };
    };
    // The next header goes along where its record is large as well.
    let next = match record_length(rest) {
        Header::Total(total)
            if total > SMALL && wanted + RECORD_HEADER <= MAX_RECORD && !is_handshaking =>
        {
            RECORD_HEADER
        }
        Header::Total(_) | Header::Incomplete | Header::Illegal => 0,
    };
    Portion::Give {
        bytes: wanted + next,
        records: 1,
    }
}

/// A small record goes along with those behind it.
fn batch(first: usize, mut rest: &[u8]) -> Portion {
    let (mut bytes, mut records) = (first, 1);
    while let Header::Total(total) = record_length(rest) {
        if records >= BATCH || bytes + total > BATCH_BYTES {
            break;
        }
        let Some(behind) = rest.get(total..) else {
            break;
        };
        rest = behind;
        bytes += total;
        records += 1;
    }
    Portion::Give { bytes, records }
}

#[derive(Debug, PartialEq, Eq)]
enum Header {
    Incomplete,
    Illegal,
    /// The length of the record with its header.
    Total(usize),
}

/// Reads the header of a record (RFC 8446 §5.1): known type (rustls answers a heartbeat itself),
/// version 3.x, legal length.
fn record_length(bytes: &[u8]) -> Header {
    let Some(&[kind, major, _, high, low]) = bytes.first_chunk::<RECORD_HEADER>() else {
        return Header::Incomplete;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    // Only application data may be empty (RFC 8446 §5.1).
    let is_legal = matches!(kind, 20..=24)
        && major == 3
        && length <= MAX_RECORD_PAYLOAD
        && (length > 0 || kind == 23);
    if is_legal {
        Header::Total(RECORD_HEADER + length)
    } else {
        Header::Illegal
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(kind: u8, length: usize) -> Vec<u8> {
        let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
        let mut bytes = vec![kind, 3, 3, high, low];
        bytes.resize(RECORD_HEADER + length, 0x5a);
        bytes
    }

    /// What is handed over when `input` comes in pieces of `step` bytes.
    fn handed_over(input: &[u8], step: usize, is_handshaking: bool) -> (usize, usize, usize) {
        let mut inlet = Inlet::default();
        let (mut buffer, mut bytes, mut records) = (Vec::new(), 0, 0);
        for piece in input.chunks(step) {
            buffer.extend_from_slice(piece);
            while let Portion::Give {
                bytes: n,
                records: r,
            } = inlet.portion(&buffer, is_handshaking)
            {
                assert!(n > 0 && n <= buffer.len());
                inlet.given(&buffer, n, r);
                buffer.drain(..n);
                bytes += n;
                records += r;
            }
            assert!(buffer.len() < MAX_RECORD);
        }
        (bytes, records, buffer.len())
    }

    #[test]
    fn small_records_wait_until_they_are_whole_and_go_together() {
        let mut input = record(23, 64);
        assert_eq!(Inlet::default().portion(&input[..68], false), Portion::Wait);
        assert_eq!(
            Inlet::default().portion(&input, false),
            Portion::Give {
                bytes: 69,
                records: 1
            }
        );
        input.extend(record(23, 64));
        assert_eq!(
            Inlet::default().portion(&input, false),
            Portion::Give {
                bytes: 138,
                records: 2
            }
        );
        assert_eq!(
            Inlet::default().portion(&input, true),
            Portion::Give {
                bytes: 69,
                records: 1
            }
        );
        input.extend(record(23, 4000));
        assert_eq!(
            Inlet::default().portion(&input, false),
            Portion::Give {
                bytes: 138,
                records: 2
            }
        );
    }

    #[test]
    fn large_records_go_as_they_come_with_the_next_header() {
        let mut input = record(23, 16_401);
        assert_eq!(
            Inlet::default().portion(&input[..100], false),
            Portion::Give {
                bytes: 100,
                records: 0
            }
        );
        input.extend(record(23, 16_401));
        assert_eq!(
            Inlet::default().portion(&input, false),
            Portion::Give {
                bytes: 16_411,
                records: 1
            }
        );
        let mut inlet = Inlet::default();
        inlet.given(&input, 16_411, 1);
        assert!(inlet.is_within_record());
        assert_eq!(
            inlet.portion(&input[16_411..], false),
            Portion::Give {
                bytes: 16_401,
                records: 1
            }
        );
    }

    #[test]
    fn an_illegal_header_goes_on_to_be_refused() {
        for illegal in [
            [25, 3, 3, 0, 1],       // no such type
            [22, 2, 0, 0, 1],       // SSL 2.0's version
            [23, 3, 3, 0x48, 0x01], // 18433 octets
            [22, 3, 3, 0, 0],       // empty handshake record, RFC 8446 §5.1
        ] {
            assert_eq!(Inlet::default().portion(&illegal, false), Portion::Refuse);
            assert_eq!(
                Inlet::default().portion(&illegal[..4], false),
                Portion::Wait
            );
        }
    }

    proptest! {
        #[test]
        fn records_are_counted_alike_however_they_are_cut(
            lengths in proptest::collection::vec(1usize..=18_432, 1..12),
            step in 1usize..20_000,
            is_handshaking: bool,
        ) {
            let input: Vec<u8> = lengths.iter().flat_map(|n| record(23, *n)).collect();
            let whole = (input.len(), lengths.len(), 0);
            prop_assert_eq!(handed_over(&input, step, is_handshaking), whole);
        }

        #[test]
        fn nothing_panics(input in proptest::collection::vec(any::<u8>(), 0..64), step in 1usize..9) {
            handed_over(&input, step, false);
            handed_over(&input, step, true);
        }
    }
}
