//! Writing a field that folds.

use std::fmt::{self, Display, Write};

use super::{TlsClause, TransmissionType};

/// The greatest length of a line without its CRLF (RFC 5322 §2.1.1: SHOULD).
const LINE: usize = 78;

/// Writes a header field, knows the column, and folds before a clause that would not fit into 78
/// columns (RFC 5322 §2.1.1, §2.2.3).
///
/// It writes into anything that is [`fmt::Write`], such as a `String` or a
/// [`BytesMut`](bytes::BytesMut), allocates nothing, and counts characters. What is written through
/// its own [`fmt::Write`] passes as it is; clauses bring the white space in front of them, a space
/// or CRLF and a space, and leave room for the `;` that may follow. A line on which there is nothing
/// yet is not folded, however long the clause: it would be an empty one, which ends the header, or
/// one of white space alone (RFC 5322 §3.2.2).
#[derive(Debug)]
pub struct Folding<W> {
    out: W,
    column: usize,
    /// Nothing but white space has been written on this line.
    is_blank: bool,
}

impl<W: Write> Folding<W> {
    /// At the beginning of a line.
    pub const fn new(out: W) -> Self {
        Self::at_column(out, 0)
    }

    /// Behind what was written already: `column` characters since the last CRLF.
    pub const fn at_column(out: W, column: usize) -> Self {
        Self {
            out,
            column,
            // What can stand in the first column of a line that goes on is white space.
            is_blank: column <= 1,
        }
    }

    /// Characters since the last line end.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// What it writes into.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// A clause of one name and one value, such as `id` and `for` (RFC 5321 §4.4, `Opt-info`). The
    /// caller answers for both being what the clause allows.
    ///
    /// # Errors
    /// Those of the writer below.
    pub fn clause(&mut self, name: &str, value: impl Display) -> fmt::Result {
        self.unit(format_args!("{name} {value}"))
    }

    /// The `with` clause.
    ///
    /// # Errors
    /// Those of the writer below.
    pub fn with(&mut self, transmission: TransmissionType) -> fmt::Result {
        self.clause("with", transmission)
    }

    /// The `tls` clause and, where there is one, its `group`. It comes after `via`, `with`, `id`
    /// and `for` (RFC 5321 §4.4, `Additional-Registered-Clauses`).
    ///
    /// # Errors
    /// Those of the writer below.
    pub fn tls(&mut self, clause: &TlsClause) -> fmt::Result {
        let mut counter = Counter(0);
        write!(counter, " {clause};")?;
        match clause.group() {
            // Two units only where they cannot share a line.
            Some(group) if counter.0 > LINE => {
                self.clause("tls", clause.cipher_suite())?;
                self.clause("group", group)
            }
            Some(_) | None => self.unit(format_args!("{clause}")),
        }
    }

    /// White space and a piece that is not broken.
    fn unit(&mut self, piece: fmt::Arguments<'_>) -> fmt::Result {
        let is_folded = !self.is_blank && !self.fits(piece)?;
        let space = if is_folded { "\r\n " } else { " " };
        self.write_str(space)?;
        self.write_fmt(piece)
    }

    /// Whether the line takes a space, the piece and a semicolon.
    fn fits(&self, piece: fmt::Arguments<'_>) -> Result<bool, fmt::Error> {
        let mut counter = Counter(0);
        counter.write_fmt(piece)?;
        let end = self.column.saturating_add(1).saturating_add(counter.0);
        Ok(end < LINE)
    }
}

impl<W: Write> Write for Folding<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.out.write_str(text)?;
        let line = match text.rsplit_once('\n') {
            Some((_, line)) => {
                (self.column, self.is_blank) = (0, true);
                line
            }
            None => text,
        };
        self.column = self.column.saturating_add(line.chars().count());
        self.is_blank &= line
            .bytes()
            .all(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
        Ok(())
    }
}

/// Counts what would be written.
struct Counter(usize);

impl Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.chars().count());
        Ok(())
    }
}
