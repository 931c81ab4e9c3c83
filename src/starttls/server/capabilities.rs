//! What may be listed among a server's capabilities.

use std::borrow::Cow;
use std::iter;

use crate::service::Service;

/// What may be listed among a server's capabilities at one moment of one connection: what has to
/// be added, taken away and replaced.
///
/// It works on what the embedder would list if everything were allowed, item by item:
///
/// | protocol | an item |
/// |---|---|
/// | IMAP | a name in `CAPABILITY`: `IMAP4rev2`, `AUTH=PLAIN` |
/// | POP3 | a line of `CAPA`: `UIDL`, `SASL PLAIN LOGIN` |
/// | SMTP, LMTP | a keyword of `EHLO` or `LHLO` with its parameters: `SIZE 1000`, `AUTH PLAIN` |
/// | ManageSieve | a line of the capabilities: `"SIEVE" "fileinto"`, `"SASL" "PLAIN"` |
///
/// Without TLS every way to log in goes, unless the guard's policy is
/// [`AdmissionDecides`](super::PlaintextPolicy::AdmissionDecides) (RFC 8314 §4.1, RFC 4954 §3, RFC 5804 §5), and IMAP gets
/// `LOGINDISABLED` (RFC 9051 §6.2.3). `STARTTLS` is listed exactly where it may be. `EXTERNAL` is
/// listed exactly where the client's certificate was mapped to a user (RFC 8314 §4.2).
///
/// ```
/// use mail_tls::CapabilityFilter;
///
/// /// The line of IMAP's `CAPABILITY`, before TLS or after it.
/// fn capability_line(filter: CapabilityFilter) -> String {
///     let mut line = String::from("* CAPABILITY");
///     for item in filter.filter(["IMAP4rev2", "AUTH=PLAIN", "IDLE"]) {
///         line.push(' ');
///         line.push_str(&item);
///     }
///     line + "\r\n"
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapabilityFilter {
    service: Service,
    starttls: bool,
    login: bool,
    external: bool,
}

impl CapabilityFilter {
    pub(super) fn new(service: Service, starttls: bool, login: bool, external: bool) -> Self {
        Self {
            service,
            starttls,
            login,
            external,
        }
    }

    /// Whether `STARTTLS`, in POP3 `STLS`, is listed.
    pub fn lists_starttls(&self) -> bool {
        self.starttls
    }

    /// Whether ways to log in are listed.
    pub fn lists_login(&self) -> bool {
        self.login
    }

    /// Whether SASL's `EXTERNAL` is listed.
    pub fn lists_external(&self) -> bool {
        self.external
    }

    /// The items that may be listed, in their order, and what has to be added to them. Only an
    /// item that is replaced is a string of its own.
    pub fn filter<'a>(
        &self,
        items: impl IntoIterator<Item = &'a str>,
    ) -> impl Iterator<Item = Cow<'a, str>> {
        let filter = *self;
        // An item that is several would get past the filter.
        let separates: fn(char) -> bool = match filter.service {
            Service::Imap => |c| matches!(c, ' ' | '\r' | '\n'),
            Service::Pop3
            | Service::Submission
            | Service::Lmtp
            | Service::SmtpRelay
            | Service::ManageSieve => |c| matches!(c, '\r' | '\n'),
        };
        let mut items = items
            .into_iter()
            .flat_map(move |item| item.split(separates))
            .filter(|item| !item.trim().is_empty());
        let (mut has_mechanisms, mut additions) = (false, None);
        iter::from_fn(move || {
            for item in items.by_ref() {
                if let Some(item) = filter.item(item, &mut has_mechanisms) {
                    return Some(item);
                }
            }
            additions
                .get_or_insert_with(|| filter.additions(has_mechanisms))
                .next()
                .map(Cow::Borrowed)
        })
    }

    fn item<'a>(&self, item: &'a str, has_mechanisms: &mut bool) -> Option<Cow<'a, str>> {
        match Item::of(self.service, item) {
            Item::StartTls => None,
            // It is added where it has to be; else it is the embedder's to say.
            Item::LoginDisabled => self.login.then_some(item.into()),
            Item::Login => self.login.then_some(item.into()),
            Item::ImapMechanism(name) => {
                let is_external = name.eq_ignore_ascii_case("EXTERNAL");
                (self.login && !is_external).then_some(item.into())
            }
            Item::Mechanisms(list) => {
                let is_first = !std::mem::replace(has_mechanisms, true);
                self.mechanisms(item, list, is_first)
            }
            Item::Other => Some(item.into()),
        }
    }

    /// A line that lists mechanisms.
    fn mechanisms<'a>(&self, item: &'a str, list: &'a str, is_first: bool) -> Option<Cow<'a, str>> {
        let external = |name: &&str| name.eq_ignore_ascii_case("EXTERNAL");
        let adds = self.external && is_first;
        let listed = list.split_ascii_whitespace().filter(external).count();
        if self.login && listed == usize::from(adds) && !list.trim().is_empty() {
            return Some(item.into());
        }
        let others = list.split_ascii_whitespace().filter(|name| !external(name));
        let mut names: Vec<&str> = others.filter(|_| self.login).collect();
        if adds {
            names.push("EXTERNAL");
        }
        let names = names.join(" ");
        match self.service {
            // RFC 5804 §1.7: an empty list says that TLS has to come first.
            Service::ManageSieve => Some(format!("\"SASL\" \"{names}\"").into()),
            Service::Imap
            | Service::Pop3
            | Service::Submission
            | Service::Lmtp
            | Service::SmtpRelay
                if names.is_empty() =>
            {
                None
            }
            Service::Imap | Service::Pop3 => Some(format!("SASL {names}").into()),
            Service::Submission | Service::Lmtp | Service::SmtpRelay => {
                Some(format!("AUTH {names}").into())
            }
        }
    }

    fn additions(
        &self,
        has_mechanisms: bool,
    ) -> iter::Flatten<std::array::IntoIter<Option<&'static str>, 3>> {
        let starttls = match self.service {
            Service::Imap | Service::Submission | Service::Lmtp | Service::SmtpRelay => "STARTTLS",
            Service::Pop3 => "STLS",
            Service::ManageSieve => "\"STARTTLS\"",
        };
        let external = match self.service {
            Service::Imap => "AUTH=EXTERNAL",
            Service::Pop3 => "SASL EXTERNAL",
            Service::Submission | Service::Lmtp | Service::SmtpRelay => "AUTH EXTERNAL",
            Service::ManageSieve => "\"SASL\" \"EXTERNAL\"",
        };
        let login_disabled = match self.service {
            Service::Imap => (!self.login).then_some("LOGINDISABLED"),
            Service::Pop3
            | Service::Submission
            | Service::Lmtp
            | Service::SmtpRelay
            | Service::ManageSieve => None,
        };
        let external = (self.external && !has_mechanisms).then_some(external);
        let starttls = self.starttls.then_some(starttls);
        [starttls, login_disabled, external].into_iter().flatten()
    }
}

/// An item by what it says about TLS and logging in.
enum Item<'a> {
    StartTls,
    LoginDisabled,
    /// A way to log in without SASL.
    Login,
    /// One mechanism of SASL.
    ImapMechanism(&'a str),
    /// A list of mechanisms of SASL.
    Mechanisms(&'a str),
    Other,
}

/// Whether a server that lists these items offers STARTTLS, and a way to log in. For an audit of
/// what is listed before TLS.
pub(crate) fn offers<'a>(
    service: Service,
    items: impl IntoIterator<Item = &'a str>,
) -> (bool, bool) {
    let (mut starttls, mut login, mut is_disabled) = (false, false, service != Service::Imap);
    let items = items.into_iter().flat_map(|item| match service {
        Service::Imap => item.split(char::is_whitespace).collect(),
        Service::Pop3
        | Service::Submission
        | Service::Lmtp
        | Service::SmtpRelay
        | Service::ManageSieve => vec![item],
    });
    for item in items {
        match Item::of(service, item) {
            Item::StartTls => starttls = true,
            Item::LoginDisabled => is_disabled = true,
            Item::Login | Item::ImapMechanism(_) => login = true,
            Item::Mechanisms(list) => login |= !list.trim().is_empty(),
            Item::Other => {}
        }
    }
    // RFC 9051 §6.2.3: the command LOGIN is there unless it is said to be disabled.
    (starttls, login || !is_disabled)
}

impl<'a> Item<'a> {
    fn of(service: Service, item: &'a str) -> Self {
        let item = item.trim();
        match service {
            Service::Imap => match item.split_once('=') {
                Some((name, mechanism)) if name.eq_ignore_ascii_case("AUTH") => {
                    Self::ImapMechanism(mechanism)
                }
                Some(_) | None if item.eq_ignore_ascii_case("STARTTLS") => Self::StartTls,
                Some(_) | None if item.eq_ignore_ascii_case("LOGINDISABLED") => Self::LoginDisabled,
                Some(_) | None => Self::Other,
            },
            Service::Pop3 => Self::by_name(item, &[' ', '\t'], "STLS", "SASL", "USER"),
            // `AUTH=PLAIN` was written before RFC 2554.
            Service::Submission | Service::Lmtp | Service::SmtpRelay => {
                Self::by_name(item, &[' ', '\t', '='], "STARTTLS", "AUTH", "")
            }
            Service::ManageSieve => {
                let item = item.strip_prefix('"').unwrap_or(item);
                Self::by_name(item, &['"', ' ', '\t'], "STARTTLS", "SASL", "")
            }
        }
    }

    fn by_name(
        item: &'a str,
        ends: &[char],
        starttls: &str,
        mechanisms: &str,
        login: &str,
    ) -> Self {
        let (name, value) = item.split_once(ends).unwrap_or((item, ""));
        if name.eq_ignore_ascii_case(starttls) {
            Self::StartTls
        } else if name.eq_ignore_ascii_case(mechanisms) {
            Self::Mechanisms(value.trim_matches(['"', ' ', '\t']))
        } else if name.eq_ignore_ascii_case(login) {
            Self::Login
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listed(service: Service, [starttls, login, external]: [bool; 3], items: &[&str]) -> String {
        let filter = CapabilityFilter::new(service, starttls, login, external);
        let items: Vec<_> = filter.filter(items.iter().copied()).collect();
        items.join(", ")
    }

    const PLAINTEXT: [bool; 3] = [true, false, false];
    const UNAVAILABLE: [bool; 3] = [false, false, false];
    const TLS: [bool; 3] = [false, true, false];
    const TLS_WITH_CLIENT: [bool; 3] = [false, true, true];

    /// What each protocol lists in each state, with the source of the row.
    #[test]
    fn what_is_listed() {
        let imap: &[&str] = &["IMAP4rev2", "StartTLS", "AUTH=PLAIN", "auth=External", "ID"];
        let pop3: &[&str] = &["UIDL", "USER", "stls", "SASL PLAIN EXTERNAL SCRAM-SHA-256"];
        let smtp: &[&str] = &["SIZE 1000", "STARTTLS", "AUTH PLAIN LOGIN", "AUTH=LOGIN"];
        let sieve: &[&str] = &[
            "\"SIEVE\" \"fileinto\"",
            "\"STARTTLS\"",
            "\"SaSL\" \"PLAIN\"",
        ];
        let rows: &[(Service, [bool; 3], &[&str], &str)] = &[
            // RFC 9051 §6.1.1, §6.2.3, §7.2.2
            (
                Service::Imap,
                PLAINTEXT,
                imap,
                "IMAP4rev2, ID, STARTTLS, LOGINDISABLED",
            ),
            (
                Service::Imap,
                UNAVAILABLE,
                imap,
                "IMAP4rev2, ID, LOGINDISABLED",
            ),
            // RFC 9051 §6.2.1: not after TLS.
            (Service::Imap, TLS, imap, "IMAP4rev2, AUTH=PLAIN, ID"),
            (
                Service::Imap,
                TLS_WITH_CLIENT,
                imap,
                "IMAP4rev2, AUTH=PLAIN, ID, AUTH=EXTERNAL",
            ),
            // An embedder that forbids LOGIN altogether.
            (Service::Imap, TLS, &["LOGINDISABLED"], "LOGINDISABLED"),
            (
                Service::Imap,
                PLAINTEXT,
                &["LOGINDISABLED"],
                "STARTTLS, LOGINDISABLED",
            ),
            // Several names in one item, as a server may have them in one constant.
            (
                Service::Imap,
                PLAINTEXT,
                &["ID AUTH=PLAIN\r\nIDLE"],
                "ID, IDLE, STARTTLS, LOGINDISABLED",
            ),
            // RFC 2595 §4 and §6, RFC 2449 §6.2 and §6.3
            (Service::Pop3, PLAINTEXT, pop3, "UIDL, STLS"),
            (Service::Pop3, UNAVAILABLE, pop3, "UIDL"),
            (
                Service::Pop3,
                TLS,
                pop3,
                "UIDL, USER, SASL PLAIN SCRAM-SHA-256",
            ),
            (
                Service::Pop3,
                TLS_WITH_CLIENT,
                pop3,
                "UIDL, USER, SASL PLAIN EXTERNAL SCRAM-SHA-256",
            ),
            (
                Service::Pop3,
                TLS_WITH_CLIENT,
                &["UIDL"],
                "UIDL, SASL EXTERNAL",
            ),
            (Service::Pop3, TLS, &["SASL EXTERNAL"], ""),
            // RFC 3207 §4.2, RFC 4954 §3
            (Service::Submission, PLAINTEXT, smtp, "SIZE 1000, STARTTLS"),
            (
                Service::Submission,
                TLS,
                smtp,
                "SIZE 1000, AUTH PLAIN LOGIN, AUTH=LOGIN",
            ),
            (
                Service::Lmtp,
                TLS_WITH_CLIENT,
                smtp,
                "SIZE 1000, AUTH PLAIN LOGIN EXTERNAL, AUTH=LOGIN",
            ),
            (
                Service::SmtpRelay,
                TLS_WITH_CLIENT,
                &["DSN"],
                "DSN, AUTH EXTERNAL",
            ),
            // RFC 5804 §1.7, §2.2
            (
                Service::ManageSieve,
                PLAINTEXT,
                sieve,
                "\"SIEVE\" \"fileinto\", \"SASL\" \"\", \"STARTTLS\"",
            ),
            (
                Service::ManageSieve,
                TLS,
                sieve,
                "\"SIEVE\" \"fileinto\", \"SaSL\" \"PLAIN\"",
            ),
            (
                Service::ManageSieve,
                TLS_WITH_CLIENT,
                sieve,
                "\"SIEVE\" \"fileinto\", \"SASL\" \"PLAIN EXTERNAL\"",
            ),
            (
                Service::ManageSieve,
                TLS_WITH_CLIENT,
                &[],
                "\"SASL\" \"EXTERNAL\"",
            ),
            (Service::ManageSieve, TLS, &["\"STARTTLS\" \"\""], ""),
        ];
        for (service, state, items, expected) in rows {
            assert_eq!(
                listed(*service, *state, items),
                *expected,
                "{service} {state:?}"
            );
        }
    }

    #[test]
    fn an_item_that_stays_is_not_copied() {
        let filter = CapabilityFilter::new(Service::Submission, false, true, false);
        for item in filter.filter(["SIZE", "AUTH PLAIN LOGIN"]) {
            assert!(matches!(item, Cow::Borrowed(_)), "{item}");
        }
    }

    proptest! {
        /// Whatever the embedder lists, nothing forbidden comes out, and filtering again changes
        /// nothing.
        #[test]
        fn nothing_forbidden_is_listed(
            items in proptest::collection::vec(
                prop_oneof![
                    "[A-Za-z= \"]{0,12}",
                    "(?i)(starttls|stls|user|login|auth=plain|auth plain|sasl plain|\"sasl\" \"plain\"|\"starttls\")[ \r\n]{0,2}",
                ],
                0..8,
            ),
            service in proptest::sample::select(&Service::ALL[..]),
            state in any::<[bool; 3]>(),
        ) {
            let items: Vec<&str> = items.iter().map(String::as_str).collect();
            let filter = CapabilityFilter::new(service, state[0], state[1], state[2] && state[1]);
            let once: Vec<String> =
                filter.filter(items.iter().copied()).map(Cow::into_owned).collect();
            let (starttls, login): (&str, &[&str]) = match service {
                Service::Imap => ("starttls", &["auth="]),
                Service::Pop3 => ("stls", &["user", "sasl"]),
                Service::ManageSieve => ("\"starttls\"", &["\"sasl\" \"p", "sasl"]),
                Service::Submission | Service::Lmtp | Service::SmtpRelay => ("starttls", &["auth"]),
            };
            let words: Vec<String> = once.iter().map(|item| item.trim().to_lowercase()).collect();
            let names = |name: &str| {
                let is_named = |word: &&String| {
                    word.strip_prefix(name).is_some_and(|rest| {
                        name.ends_with(['=', 'p']) || !rest.starts_with(char::is_alphanumeric)
                    })
                };
                words.iter().filter(is_named).count()
            };
            prop_assert_eq!(names(starttls), usize::from(state[0]));
            for name in login {
                prop_assert!(state[1] || names(name) == 0, "{:?}", once);
            }
            let twice: Vec<String> = filter
                .filter(once.iter().map(String::as_str))
                .map(Cow::into_owned)
                .collect();
            let sorted = |mut items: Vec<String>| { items.sort(); items };
            prop_assert_eq!(sorted(once), sorted(twice));
        }
    }
}
