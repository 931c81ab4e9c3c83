//! Where the report is written: colours where there is a terminal that wants them, lines of its
//! width.

use std::env;
use std::fmt::Write;
use std::io::{self, IsTerminal};

use mail_tls::audit::Level;

const WIDTH: usize = 100;
const NARROWEST: usize = 60;

pub(crate) struct Paper {
    has_colours: bool,
    width: usize,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Ink {
    Red,
    Yellow,
    Green,
    Cyan,
    Bold,
    Faint,
}

/// How a server, or everything, is said to be. `None`: nothing was found.
pub(crate) const fn word(level: Option<Level>) -> (&'static str, Ink) {
    match level {
        Some(Level::Error) => ("CRITICAL", Ink::Red),
        Some(Level::Warning) => ("WARNING", Ink::Yellow),
        Some(_) => ("ADVICE", Ink::Cyan),
        None => ("OK", Ink::Green),
    }
}

impl Paper {
    /// For standard output. NO_COLOR (no-color.org) says no, whatever it is set to but nothing.
    pub(crate) fn new() -> Self {
        let is_terminal = io::stdout().is_terminal();
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let columns = columns.filter(|_| is_terminal).unwrap_or(WIDTH);
        Self {
            has_colours: is_terminal && !no_color && !is_dumb,
            width: columns.clamp(NARROWEST, WIDTH + 20),
            text: String::new(),
        }
    }

    pub(crate) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// `head`, padded to `indent` columns, and the text behind it, wrapped there.
    pub(crate) fn entry(&mut self, head: &str, ink: Option<Ink>, indent: usize, text: &str) {
        let padding = indent.saturating_sub(visible(head));
        let head = match ink {
            Some(ink) => self.inked(head, ink),
            None => head.to_owned(),
        };
        let _ = write!(self.text, "{head}{}", " ".repeat(padding));
        let room = self.width.saturating_sub(indent);
        let mut used = 0;
        for word in text.split(' ') {
            let length = visible(word);
            if used > 0 && used + 1 + length > room {
                let _ = write!(self.text, "\n{}", " ".repeat(indent));
                used = 0;
            } else if used > 0 {
                self.text.push(' ');
                used += 1;
            }
            self.text.push_str(word);
            used += length;
        }
        self.text.push('\n');
    }

    /// A heading, with a word at the end of its line.
    pub(crate) fn heading(&mut self, text: &str, end: (&str, Ink)) {
        let used = text.chars().count() + end.0.len();
        let gap = self.width.saturating_sub(used).max(2);
        let (text, end) = (self.inked(text, Ink::Bold), self.inked(end.0, end.1));
        let _ = writeln!(self.text, "{text}{}{end}", " ".repeat(gap));
    }

    pub(crate) fn inked(&self, text: &str, ink: Ink) -> String {
        let code = match ink {
            Ink::Red => "1;31",
            Ink::Yellow => "33",
            Ink::Green => "32",
            Ink::Cyan => "36",
            Ink::Bold => "1",
            Ink::Faint => "2",
        };
        match self.has_colours {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// How many columns it takes: what makes it coloured takes none.
fn visible(word: &str) -> usize {
    let mut is_code = false;
    let shown = word.chars().filter(|c| {
        let is_shown = !is_code && *c != '\x1b';
        is_code = (is_code || *c == '\x1b') && *c != 'm';
        is_shown
    });
    shown.count()
}
