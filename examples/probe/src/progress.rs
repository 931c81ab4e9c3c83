//! What is being done, in one line that goes away: for people who wait at a terminal.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

const WIDTH: usize = 76;

pub(crate) struct Progress {
    state: Mutex<State>,
    is_shown: bool,
}

#[derive(Default)]
struct State {
    done: usize,
    total: usize,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            is_shown: io::stderr().is_terminal(),
        }
    }

    pub(crate) fn expect(&self, total: usize) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .total = total;
    }

    pub(crate) fn tell(&self, what: &str) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = match state.total {
            0 => String::new(),
            total => format!("[{}/{total}] ", state.done),
        };
        let line: String = format!("{count}{what} …").chars().take(WIDTH).collect();
        self.write(&line);
    }

    pub(crate) fn one_is_done(&self) {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .done += 1;
    }

    pub(crate) fn clear(&self) {
        self.write("");
    }

    /// Over the last one.
    fn write(&self, line: &str) {
        if self.is_shown {
            let mut stderr = io::stderr().lock();
            // Where nobody can see it, it does not matter.
            let _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
        }
    }
}
