//! A recording while it is made.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::line::Line;
use super::recording::{Header, Recording};
use crate::limits::RECORDING;

/// The log of one session, which its session and its recorder hold.
#[derive(Clone)]
pub(super) struct Log(Arc<Mutex<Kept>>);

struct Kept {
    header: Header,
    lines: Vec<Line>,
    size: usize,
    is_full: bool,
}

impl Log {
    pub(super) fn new(header: Header) -> Self {
        Self(Arc::new(Mutex::new(Kept {
            header,
            lines: Vec::new(),
            size: 0,
            is_full: false,
        })))
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many lines there are.
    pub(super) fn len(&self) -> usize {
        self.kept().lines.len()
    }

    /// Appends all the lines of one call, or says that the log is full.
    pub(super) fn append(&self, lines: Vec<Line>) {
        let mut kept = self.kept();
        if kept.is_full {
            return;
        }
        let size = lines.iter().map(Line::size).sum::<usize>();
        kept.size = kept.size.saturating_add(size);
        if kept.size > RECORDING {
            kept.is_full = true;
            kept.lines.push(Line::Full);
        } else {
            kept.lines.extend(lines);
        }
    }

    /// Shows other bytes where these were fed.
    pub(super) fn show_fed(&self, at: usize, shown: &[u8]) {
        if let Some(Line::Fed(fed)) = self.kept().lines.get_mut(at) {
            *fed = shown.to_vec();
        }
    }

    /// The lines from one on.
    pub(super) fn from(&self, at: usize) -> Vec<Line> {
        self.kept().lines.get(at..).unwrap_or_default().to_vec()
    }

    pub(super) fn recording(&self) -> Recording {
        let kept = self.kept();
        Recording::new(kept.header.clone(), kept.lines.clone())
    }
}

/// Without what was recorded, which may be secret.
impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("lines", &self.len()).finish()
    }
}
