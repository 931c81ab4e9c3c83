//! Messages as files, each with the Received field that says how it came.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use mail_tls::admission::UtcDay;
use mail_tls::received::{Folding, TlsClause, TransmissionType};

/// A directory of messages.
pub(crate) struct Mailbox {
    directory: PathBuf,
    count: AtomicU64,
}

/// What is known of how a message came.
pub(crate) struct Trace<'a> {
    pub(crate) hello: &'a str,
    pub(crate) client: IpAddr,
    pub(crate) with: TransmissionType,
    pub(crate) tls: Option<TlsClause>,
    /// The only one: nobody hears of the others (RFC 5321 §7.2).
    pub(crate) recipient: Option<&'a str>,
}

impl Mailbox {
    pub(crate) fn new(directory: PathBuf) -> Self {
        let count = AtomicU64::new(0);
        Self { directory, count }
    }

    /// Writes a message into a file of its own, and says its identifier.
    pub(crate) fn deliver(&self, trace: &Trace<'_>, message: &[u8]) -> io::Result<String> {
        let now = SystemTime::now();
        let seconds = now
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let id = format!("{seconds:x}-{:x}-{count:x}", process::id());
        let field = received(trace, &id, now).map_err(io::Error::other)?;
        let part = self.directory.join(format!("{id}.part"));
        let mut file = File::create_new(&part)?;
        // Prepended, above all that are there (RFC 5321 §4.4).
        file.write_all(field.as_bytes())?;
        // A message without fields must not go on with this one.
        if message.starts_with(b" ") || message.starts_with(b"\t") {
            file.write_all(b"\r\n")?;
        }
        file.write_all(message)?;
        file.sync_all()?;
        std::fs::rename(part, self.directory.join(format!("{id}.eml")))?;
        Ok(id)
    }
}

fn received(trace: &Trace<'_>, id: &str, now: SystemTime) -> Result<String, fmt::Error> {
    let mut field = String::new();
    let mut out = Folding::new(&mut field);
    write!(out, "Received: from {}", trace.hello)?;
    match trace.client {
        IpAddr::V4(address) => write!(out, " ([{address}])")?,
        IpAddr::V6(address) => write!(out, " ([IPv6:{address}])")?,
    }
    out.clause("by", "localhost")?;
    out.with(trace.with)?;
    out.clause("id", id)?;
    if let Some(recipient) = trace.recipient {
        out.clause("for", recipient)?;
    }
    if let Some(tls) = &trace.tls {
        out.tls(tls)?;
    }
    write!(out, ";\r\n {}\r\n", date(now))?;
    Ok(field)
}

/// RFC 5322 §3.3, in UTC.
fn date(time: SystemTime) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let today = UtcDay::of(time);
    let weekday = DAYS[today.since_1970() as usize % 7];
    let iso = today.to_string();
    let mut parts = iso.split('-');
    let mut part = || {
        parts
            .next()
            .and_then(|part| part.parse::<usize>().ok())
            .unwrap_or(1)
    };
    let (year, month, day) = (part(), MONTHS[(part() - 1) % 12], part());
    let second = time
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
        % 86_400;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {day} {month} {year} {hour:02}:{minute:02}:{second:02} +0000")
}
