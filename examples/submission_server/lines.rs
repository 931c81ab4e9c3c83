//! Lines, strictly: each ends with CRLF, and none is longer than it may be.

/// The longest, that of an AUTH exchange with its CRLF (RFC 4954 §4).
const LONGEST: usize = 12_288;

/// What was read, in lines.
#[derive(Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    /// In the middle of a line that is too long.
    is_skipping: bool,
}

pub(crate) enum Line {
    /// With its CRLF.
    Whole(Vec<u8>),
    /// One that was dropped, and what is to be answered.
    Broken(&'static str),
}

impl Lines {
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// What lies behind the last line that was taken.
    pub(crate) fn take_rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    pub(crate) fn next(&mut self) -> Option<Line> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n');
        let Some(end) = end.map(|at| at + 1) else {
            if self.bytes.len() > LONGEST {
                self.bytes.clear();
                self.is_skipping = true;
            }
            return None;
        };
        let line: Vec<u8> = self.bytes.drain(..end).collect();
        let was_cut = std::mem::take(&mut self.is_skipping);
        Some(if was_cut || line.len() > LONGEST {
            Line::Broken("500 5.5.2 line too long\r\n")
        } else if line.ends_with(b"\r\n") {
            Line::Whole(line)
        } else {
            Line::Broken("500 5.5.2 a line ends with CR LF\r\n")
        })
    }
}
