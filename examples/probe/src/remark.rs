//! What is wrong: the findings of the audit, and what a probe sees besides.

use mail_tls::audit::{Finding, Level, Problem, Subject, TlsVersion};
use mail_tls::discovery::Transport;
use mail_tls::{CipherSuite, Recommendation, Service, TlsMode};

use crate::examine::{Foreign, Seen, Smuggling};
use crate::targets::Target;
use crate::wire::Failure;

/// Below 224 bits (RFC 9325 §4.5), by code point: the curves of RFC 8422's predecessor.
const SMALL_CURVES: [u16; 10] = [1, 2, 3, 4, 5, 0x0F, 0x10, 0x11, 0x12, 0x13];
const SMALLEST_DH: usize = 2048;

/// Something to do, and where.
#[derive(Debug, Clone)]
pub(crate) struct Remark {
    pub(crate) level: Level,
    pub(crate) code: String,
    pub(crate) clause: String,
    pub(crate) text: String,
    pub(crate) places: Vec<String>,
}

/// The remarks on everything, the gravest first; what is the same at several places is said once.
#[derive(Debug, Default)]
pub(crate) struct Remarks(pub(crate) Vec<Remark>);

impl Remarks {
    pub(crate) fn add(
        &mut self,
        level: Level,
        code: &str,
        clause: &str,
        place: String,
        text: impl Into<String>,
    ) {
        let text = text.into();
        let same = self
            .0
            .iter_mut()
            .find(|known| known.level == level && known.code == code && known.text == text);
        match same {
            Some(known) if known.places.contains(&place) => {}
            Some(known) => known.places.push(place),
            None => self.0.push(Remark {
                level,
                code: code.to_owned(),
                clause: clause.to_owned(),
                text,
                places: vec![place],
            }),
        }
    }

    pub(crate) fn add_finding(&mut self, finding: &Finding, places: &[(String, String)]) {
        let place = match finding.subject() {
            Subject::Server {
                service,
                transport,
                host,
                port,
                ..
            } => {
                let mode = match transport {
                    Transport::Implicit => TlsMode::Implicit,
                    _ => TlsMode::StartTls,
                };
                place_of(*service, mode, host.as_str(), *port)
            }
            Subject::Chain { label, .. } => {
                let place = places.iter().find(|(known, _)| **known == **label);
                place.map_or_else(|| label.to_string(), |(_, place)| place.clone())
            }
            other => other.to_string(),
        };
        let text = finding.problem().to_string();
        self.add(
            finding.level(),
            finding.code(),
            finding.clause(),
            place,
            text,
        );
    }

    /// What was seen of one server and the audit has no words for.
    pub(crate) fn add_seen(&mut self, seen: &Seen) {
        self.add_failures(seen);
        self.add_surface(seen);
        let place = || seen.target.place();
        let Some((_, talk)) = seen.best() else {
            return;
        };
        if talk.is_preauth {
            let text = "it takes every client for logged in before TLS, so that STARTTLS is out of \
                        reach: stop it from greeting with PREAUTH";
            self.add(
                Level::Error,
                "preauth-before-tls",
                "RFC 9051 §7.1.4",
                place(),
                text,
            );
        }
        let is_starttls = seen.target.mode == TlsMode::StartTls;
        if talk
            .after
            .iter()
            .flatten()
            .any(|item| is_starttls_item(item))
        {
            let text = "STARTTLS is still among what is listed behind TLS: a client that takes it at \
                        its word would begin again, so list it before TLS only";
            let clause = clause_of_starttls(seen.target.service);
            self.add(
                Level::Warning,
                "starttls-listed-behind-tls",
                clause,
                place(),
                text,
            );
        }
        if is_starttls && seen.smuggling == Some(Smuggling::CarriedOut) {
            let text = "a command that comes in one packet with STARTTLS is carried out as if it \
                        had come under TLS, so that whoever is on the way puts commands into \
                        users' sessions: update the server";
            let clause = clause_of_starttls(seen.target.service);
            self.add(
                Level::Error,
                "plaintext-carried-into-tls",
                clause,
                place(),
                text,
            );
        }
        if seen
            .alpn
            .as_ref()
            .is_some_and(|alpn| alpn.foreign == Foreign::Accepted)
        {
            let text = "it agrees to a protocol that it does not speak (http/1.1), which lets a web \
                        browser be led astray: let it refuse unknown protocols";
            let clause = "RFC 7301 §3.2; RFC 9325 §3.8";
            self.add(
                Level::Warning,
                "alpn-agrees-to-anything",
                clause,
                place(),
                text,
            );
        }
    }

    fn add_failures(&mut self, seen: &Seen) {
        let target = &seen.target;
        const CLAUSE: &str = "RFC 8314 §4";
        if target.addresses.is_empty() {
            if target.is_expected {
                let text = "the host has no address: publish one, or do not name the host";
                self.add(Level::Error, "no-address", "RFC 2782", target.place(), text);
            }
            return;
        }
        let Some((best, talk)) = seen.best() else {
            return;
        };
        let is_told = |failure: &Failure| {
            // The audit says that STARTTLS is not there.
            let lists_it = talk
                .before
                .iter()
                .flatten()
                .any(|item| is_starttls_item(item));
            let is_silent_about_it = talk.before.is_some() && !lists_it;
            is_silent_about_it && matches!(failure, Failure::Declined(..) | Failure::Closed(_))
        };
        if let Some(failure) = talk.failure.as_ref().filter(|failure| !is_told(failure))
            && (seen.is_there() || target.is_expected)
        {
            let text = format!("{failure}{}", advice(failure, target));
            self.add(Level::Error, failure.code(), CLAUSE, target.place(), text);
        }
        for (address, other) in seen.talks.iter().filter(|(address, _)| address != best) {
            let place = || format!("{} at {}", target.place(), address.ip());
            if talk.failure.is_none()
                && let Some(failure) = &other.failure
            {
                let text = format!(
                    "not all addresses of the host work alike: {failure}; mend it there, or \
                         take the address out of DNS"
                );
                self.add(Level::Warning, failure.code(), "RFC 2782", place(), text);
                continue;
            }
            if !other.shown.chain.is_empty() && other.shown.chain != talk.shown.chain {
                let text = "another certificate is shown at this address than at others of the host: \
                            deploy the same, unless you are renewing it right now";
                self.add(
                    Level::Warning,
                    "certificates-differ",
                    "RFC 8314 §4.4",
                    place(),
                    text,
                );
            }
        }
    }

    /// RFC 9325 on what is agreed to besides the best.
    fn add_surface(&mut self, seen: &Seen) {
        let Some(surface) = &seen.surface else {
            return;
        };
        let place = || seen.target.place();
        let with = |wanted: Recommendation| {
            let all = surface.suites.iter().map(|(_, suite)| *suite);
            all.filter(|suite| suite.recommendation() == wanted)
                .collect::<Vec<_>>()
        };
        let forbidden = with(Recommendation::Forbidden);
        if !forbidden.is_empty() {
            let text = format!(
                "cipher suites are accepted that hide nothing: switch off {}",
                list(&forbidden)
            );
            self.add(
                Level::Error,
                "forbidden-suites",
                "RFC 9325 §4.1",
                place(),
                text,
            );
        }
        let weak = with(Recommendation::NotRecommended);
        if !weak.is_empty() {
            let (number, them) = match weak.len() {
                1 => ("a cipher suite is".to_owned(), "it"),
                n => (format!("{n} cipher suites are"), "them"),
            };
            let text = format!(
                "{number} accepted that should not be used any more (no forward secrecy, CBC, \
                 finite-field Diffie-Hellman): switch {them} off once no client needs {them}"
            );
            self.add(
                Level::Advice,
                "weak-suites",
                "RFC 9325 §4.1, §4.2",
                place(),
                text,
            );
        }
        if let Some(bits) = surface.dh_bits.filter(|bits| *bits < SMALLEST_DH) {
            let text = format!(
                "keys are exchanged in a Diffie-Hellman group of {bits} bits, and {SMALLEST_DH} is \
                 the least: switch the DHE suites off"
            );
            self.add(
                Level::Error,
                "small-dh-group",
                "RFC 9325 §4.5",
                place(),
                text,
            );
        }
        let is_small = |(_, group): &&(TlsVersion, mail_tls::NamedGroup)| {
            SMALL_CURVES.contains(&group.code_point())
        };
        if let Some((_, group)) = surface.groups.iter().find(is_small) {
            let text = format!("the curve {group} is accepted, which is too small: switch it off");
            self.add(Level::Error, "small-curve", "RFC 9325 §4.5", place(), text);
        }
        if surface.compresses {
            let text = "TLS compresses, which gives secrets away by their length: switch it off";
            self.add(
                Level::Warning,
                "tls-compression",
                "RFC 9325 §3.3",
                place(),
                text,
            );
        }
    }
}

impl Target {
    /// `imaps mail.example.org:993`
    pub(crate) fn place(&self) -> String {
        place_of(self.service, self.mode, self.host.as_str(), self.port)
    }
}

fn place_of(service: Service, mode: TlsMode, host: &str, port: u16) -> String {
    let label = service.srv_label(mode).unwrap_or_default();
    format!("{label} {host}:{port}")
}

/// What is found only because not everything was looked at.
pub(crate) const fn needs_all_services(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::NoTls { .. }
            | Problem::NoImplicitTls { .. }
            | Problem::NoStartTls { .. }
            | Problem::NotAdvertised { .. }
            | Problem::NoAccessPreference { .. }
    )
}

fn is_starttls_item(item: &str) -> bool {
    let word = item.trim_matches('"').trim();
    word.eq_ignore_ascii_case("STARTTLS") || word.eq_ignore_ascii_case("STLS")
}

const fn clause_of_starttls(service: Service) -> &'static str {
    match service {
        Service::Imap => "RFC 9051 §6.2.1",
        Service::Pop3 => "RFC 2595 §4",
        Service::ManageSieve => "RFC 5804 §2.2",
        _ => "RFC 3207 §4.2",
    }
}

fn advice(failure: &Failure, target: &Target) -> String {
    match failure {
        Failure::Refused | Failure::Unreachable(_) => {
            "; start the server, open the firewall, or take the server out of DNS".to_owned()
        }
        Failure::TimedOut(..) => {
            let other = match target.mode {
                TlsMode::StartTls => "implicit TLS",
                _ => "STARTTLS or no TLS",
            };
            format!("; look into its log, and whether {other} is configured on that port")
        }
        Failure::Closed(_) | Failure::Broken(_) => {
            "; look into its log: no certificate, or too many connections".to_owned()
        }
        Failure::NotTls(_) => match target.mode {
            TlsMode::Implicit => "; configure implicit TLS on that port".to_owned(),
            _ => "; look into its log".to_owned(),
        },
        Failure::Declined(..) => "; look into its log: no certificate, or no key".to_owned(),
        Failure::Odd(..) => "; is that the right port?".to_owned(),
        Failure::Tls(_) => "; look into its log".to_owned(),
    }
}

fn list(suites: &[CipherSuite]) -> String {
    let names: Vec<String> = suites.iter().map(ToString::to_string).collect();
    names.join(", ")
}
