//! What EHLO lists, and what of a command can stand in a Received field.

use mail_tls::{ExternalOffer, StartTlsGuard};

use crate::smtp::LARGEST_MESSAGE;

/// As much as may be listed now.
pub(crate) fn capabilities(guard: &StartTlsGuard) -> String {
    let size = format!("SIZE {LARGEST_MESSAGE}");
    let all = ["PIPELINING", "8BITMIME", "SMTPUTF8", &size, "AUTH PLAIN"];
    let filter = guard.capabilities(ExternalOffer::Nothing);
    let listed = filter.filter(all).map(|item| format!("250-{item}\r\n"));
    let listed: String = listed.collect();
    format!("250-localhost greets you\r\n{listed}250 ENHANCEDSTATUSCODES\r\n")
}

/// A domain or an address literal that can stand in a Received field.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]_".contains(c);
    (1..=255).contains(&name.len()) && name.chars().all(is_plain)
}

/// `FROM:<path>` with its parameters; only such paths as can stand in a Received field.
pub(crate) fn path<'a>(rest: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let (found, path) = rest.split_at_checked(name.len())?;
    let end = path.find('>')? + 1;
    let (path, parameters) = path.split_at(end);
    let is_plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>()\";\\,".contains(c);
    let inner = path.strip_prefix('<')?.strip_suffix('>')?;
    let is_good =
        found.eq_ignore_ascii_case(name) && inner.len() <= 254 && inner.chars().all(is_plain);
    is_good.then_some((path, parameters))
}
