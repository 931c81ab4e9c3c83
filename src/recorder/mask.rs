//! What a client says to a server before TLS, without names and passwords.

use crate::limits::EXCERPT;
use crate::session::{client_excerpt, client_noise_shown};

/// How a server's recording shows what it was fed.
#[derive(Debug)]
pub(super) enum Mask {
    /// As it is.
    Off,
    /// Not known yet whether it is TLS: what has come so far, to be shown anew when more comes.
    Undecided(Vec<u8>),
    /// Plain text of which enough is shown.
    Hidden,
}

/// The header of a record, after which it is known that it is no TLS.
const HEADER: usize = 5;

impl Mask {
    /// Takes another piece. What is to be shown of everything that is not decided yet, this piece
    /// at its end.
    pub(super) fn shown(&mut self, piece: &[u8]) -> Vec<u8> {
        match self {
            Self::Off => piece.to_vec(),
            Self::Hidden => masked(piece, 0),
            Self::Undecided(before) => {
                before.extend_from_slice(piece);
                let (shown, next) = decide(before);
                if let Some(next) = next {
                    *self = next;
                }
                shown
            }
        }
    }
}

fn decide(input: &[u8]) -> (Vec<u8>, Option<Mask>) {
    match input {
        // RFC 8446 §5.1: the type of the record and the version 3.x.
        [20..=24, 3, ..] => (input.to_vec(), Some(Mask::Off)),
        // As the errors show it.
        [b'\t' | b'\r' | b'\n' | b' '..=b'~', ..] => {
            let beginning = input.get(..EXCERPT).unwrap_or(input);
            let is_decided = beginning.len() == EXCERPT || beginning.contains(&b'\n');
            let kept = client_excerpt(beginning).as_untrusted_bytes().len();
            (masked(input, kept), is_decided.then_some(Mask::Hidden))
        }
        _ => {
            let is_decided = input.len() >= HEADER;
            let kept = client_noise_shown(input);
            (masked(input, kept), is_decided.then_some(Mask::Hidden))
        }
    }
}

/// As long as `text`, in as many words and lines.
fn masked(text: &[u8], kept: usize) -> Vec<u8> {
    text.iter()
        .enumerate()
        .map(|(at, byte)| match byte {
            b' ' | b'\t' | b'\r' | b'\n' => *byte,
            byte if at < kept => *byte,
            _ => b'x',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn commands_are_shown_and_arguments_are_not() {
        let rows: [(&[u8], &[u8]); 11] = [
            (b"a1 LOGIN joe secret\r\n", b"a1 LOGIN xxx xxxxxx\r\n"),
            (
                b"USER joe\r\nPASS secret\r\n",
                b"USER xxx\r\nxxxx xxxxxx\r\n",
            ),
            (
                b"AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n",
                b"AUTH xxxxx xxxxxxxxxxxxxxxx\r\n",
            ),
            (b"EHLO host\r\n", b"EHLO xxxx\r\n"),
            (b"GET /?token=1 HTTP/1.1\r\n", b"GET xxxxxxxxx xxxxxxxx\r\n"),
            (b"\x80\x2e\x01\x03\x01secret", b"\x80\x2e\x01\x03\x01xxxxxx"),
            (b"\x16\x03\x01ClientHello", b"\x16\x03\x01ClientHello"),
            (b"\n secret", b"\n xxxxxx"),
            (b"AGpvZQBzZWNyZXQ=\r\n", b"xxxxxxxxxxxxxxxx\r\n"),
            (b"secret words\r\n", b"xxxxxx xxxxx\r\n"),
            (b"\xc3\xbcsecret", b"\xc3xxxxxxx"),
        ];
        for (text, shown) in rows {
            assert_eq!(Mask::Undecided(Vec::new()).shown(text), shown);
        }
    }

    proptest! {
        /// Whatever the pieces, the same is shown in the end, of the same length, and what is shown
        /// is shown of itself: it replays.
        #[test]
        fn pieces_do_not_matter(
            text in "[a-z0-9 ]{0,8}(LOGIN|USER|AUTH|GET)? ?[ -~\r\n]{0,200}",
            cut in 0_usize..200,
        ) {
            let text = text.as_bytes();
            let whole = Mask::Undecided(Vec::new()).shown(text);
            prop_assert_eq!(whole.len(), text.len());
            prop_assert_eq!(&Mask::Undecided(Vec::new()).shown(&whole), &whole);
            let (first, second) = text.split_at(cut.min(text.len()));
            let mut mask = Mask::Undecided(Vec::new());
            let early = mask.shown(first);
            let is_open = matches!(mask, Mask::Undecided(_));
            let late = mask.shown(second);
            let pieces = if is_open { late } else { [early, late].concat() };
            prop_assert_eq!(pieces, whole);
        }
    }
}
