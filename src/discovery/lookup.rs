//! What DNS says of one server: whether it may be connected to, and what its certificate has to be
//! (RFC 7673 §3.2 to §3.4, RFC 7671 §7).

use std::time::Duration;

use pki_types::UnixTime;

use super::dns::{Answer, Data, DnsFailure, DnsStatus, Question};
use crate::endpoint::Endpoint;
use crate::name::HostName;
use crate::verify::dane::{TlsaLookup, TlsaName, TlsaRecord};

/// Looks up whether a server has addresses, and its TLSA records where DNSSEC protects them.
///
/// [`Discovery`](super::Discovery) does it for what it finds. TLSA records are not part of a stored
/// configuration, though: they are looked up again, with this, when a stored server is connected to.
///
/// ```
/// use mail_tls::discovery::{Answer, DnsStatus, Lookup, RecordType, ServerRecords};
/// use mail_tls::HostName;
///
/// let mut lookup = Lookup::new(HostName::parse("imap.example.org")?, 993);
/// while let Some(question) = lookup.next_question() {
///     let answer = match question.record_type() {
///         RecordType::A => Answer::addresses(DnsStatus::Secure),
///         RecordType::Tlsa => Answer::tlsa(DnsStatus::Secure, [vec![3, 1, 1, 0xab]]),
///         _ => Answer::nothing(DnsStatus::Secure),
///     };
///     lookup.answer(&question, answer);
/// }
/// assert!(matches!(lookup.result(), Some(ServerRecords::Tlsa { .. })));
/// # Ok::<(), mail_tls::InvalidName>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lookup {
    host: HostName,
    port: u16,
    in_parallel: bool,
    /// Questions that were handed out, with what was answered.
    asked: Vec<(Question, Option<Answer>)>,
}

/// What DNS says of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerRecords {
    /// There is nothing about its certificate that DNSSEC would protect: PKIX alone decides.
    #[non_exhaustive]
    NoTlsa {
        /// How long this holds, where the answers said so.
        lifetime: Option<Duration>,
    },
    /// TLSA records that DNSSEC protects. TLS must be used, even if none of them is usable
    /// (RFC 7673 §4).
    #[non_exhaustive]
    Tlsa {
        /// The name at which they were found: the TLSA base domain.
        base: HostName,
        /// Each record's RDATA.
        records: Vec<Box<[u8]>>,
        /// How long this holds, where the answers said so.
        lifetime: Option<Duration>,
    },
    /// It has no address.
    NoAddress,
    /// It must not be connected to: what is known of it may be forged (RFC 7673 §3.2, §3.4).
    #[non_exhaustive]
    DoNotConnect {
        /// What failed.
        question: Question,
        /// How.
        failure: DnsFailure,
    },
}

/// One step towards the result.
enum Step {
    Ask(Vec<Question>),
    Done(ServerRecords),
}

impl Lookup {
    /// For a server at this host and port. The host has to be known by other means than unprotected
    /// DNS, or the result says nothing.
    pub fn new(host: HostName, port: u16) -> Self {
        Self {
            host,
            port,
            in_parallel: false,
            asked: Vec::new(),
        }
    }

    /// Asks for TLSA records together with the addresses, and not only once the addresses have
    /// turned out to be secure (RFC 7673 §7). The result is the same.
    #[must_use]
    pub fn in_parallel(mut self) -> Self {
        self.in_parallel = true;
        self
    }

    /// The next question that has not been handed out.
    pub fn next_question(&mut self) -> Option<Question> {
        let question = self.wanted().into_iter().find(|q| !self.has_asked(q))?;
        self.asked.push((question.clone(), None));
        Some(question)
    }

    /// Takes an answer, in any order. Returns whether it was waited for: the first answer to a
    /// question that was handed out.
    pub fn answer(&mut self, question: &Question, answer: Answer) -> bool {
        let waiting = self
            .asked
            .iter_mut()
            .find(|(asked, got)| asked == question && got.is_none());
        match waiting {
            Some((_, got)) => {
                *got = Some(answer);
                true
            }
            None => false,
        }
    }

    pub(super) fn is_waiting_for(&self, question: &Question) -> bool {
        self.asked
            .iter()
            .any(|(asked, got)| asked == question && got.is_none())
    }

    /// Whoever has not answered by now has failed to: [`DnsFailure::TimedOut`].
    pub fn expire(&mut self) {
        while let Some(question) = self.next_question() {
            self.answer(&question, Answer::failed(DnsFailure::TimedOut));
        }
        for (_, got) in &mut self.asked {
            got.get_or_insert_with(|| Answer::failed(DnsFailure::TimedOut));
        }
    }

    /// The result, once every answer that counts has come.
    pub fn result(&self) -> Option<ServerRecords> {
        match self.step() {
            Step::Ask(_) => None,
            Step::Done(records) => Some(records),
        }
    }

    fn wanted(&self) -> Vec<Question> {
        let mut wanted = match self.step() {
            Step::Ask(questions) => questions,
            Step::Done(_) => return Vec::new(),
        };
        if self.in_parallel {
            wanted.extend(Question::tlsa(&self.host, self.port));
        }
        wanted
    }

    fn has_asked(&self, question: &Question) -> bool {
        self.asked.iter().any(|(asked, _)| asked == question)
    }

    fn answer_to(&self, question: &Question) -> Option<&Answer> {
        let (_, got) = self.asked.iter().find(|(asked, _)| asked == question)?;
        got.as_ref()
    }

    fn step(&self) -> Step {
        let families: Vec<Question> = Question::addresses(&self.host)
            .into_iter()
            .flatten()
            .collect();
        let answers: Vec<_> = families
            .iter()
            .map(|question| (question, self.answer_to(question)))
            .collect();
        if answers.iter().any(|(_, answer)| answer.is_none()) {
            return Step::Ask(families);
        }
        let mut lifetime = None;
        let mut secure: Option<&Answer> = None;
        let mut has_address = false;
        for (question, answer) in answers {
            let Some(answer) = answer else { continue };
            lifetime = shorter(lifetime, answer.lifetime);
            match &answer.data {
                Data::Addresses(DnsStatus::Secure) => {
                    has_address = true;
                    secure = secure.or(Some(answer));
                }
                Data::Addresses(DnsStatus::Insecure) => has_address = true,
                Data::Nothing(_) => {}
                data @ (Data::Addresses(DnsStatus::Indeterminate | DnsStatus::Bogus)
                | Data::Srv(..)
                | Data::Tlsa(..)
                | Data::Failed(_)) => return Step::Done(do_not_connect(question, data)),
            }
        }
        // RFC 7673 §3.2: "If no returned RRsets are "secure", the client MUST NOT perform a TLSA
        // query". A chain of aliases that turns insecure ends here, though its first link is secure:
        // RFC 7671 §7 leaves such restrictions to the protocol's own rules.
        let Some(secure) = secure else {
            return Step::Done(if has_address {
                ServerRecords::NoTlsa { lifetime }
            } else {
                ServerRecords::NoAddress
            });
        };
        // RFC 7671 §7: first where a secure chain of aliases leads to, then the name itself.
        for base in secure.aliases.last().into_iter().chain([&self.host]) {
            let Some(question) = Question::tlsa(base, self.port) else {
                continue;
            };
            let Some(answer) = self.answer_to(&question) else {
                return Step::Ask(vec![question]);
            };
            lifetime = shorter(lifetime, answer.lifetime);
            match &answer.data {
                Data::Tlsa(DnsStatus::Secure, records) if !records.is_empty() => {
                    return Step::Done(ServerRecords::Tlsa {
                        base: base.clone(),
                        records: records.clone(),
                        lifetime,
                    });
                }
                // RFC 7673 §3.4: insecure ones, or none, are as if there were none.
                Data::Tlsa(DnsStatus::Secure | DnsStatus::Insecure, _)
                | Data::Nothing(DnsStatus::Secure | DnsStatus::Insecure) => {}
                data @ (Data::Tlsa(DnsStatus::Indeterminate | DnsStatus::Bogus, _)
                | Data::Nothing(DnsStatus::Indeterminate | DnsStatus::Bogus)
                | Data::Srv(..)
                | Data::Addresses(_)
                | Data::Failed(_)) => return Step::Done(do_not_connect(&question, data)),
            }
        }
        Step::Done(ServerRecords::NoTlsa { lifetime })
    }
}

impl ServerRecords {
    /// Whether TLS has to be used whatever the account allows (RFC 7673 §4).
    pub fn requires_tls(&self) -> bool {
        match self {
            Self::Tlsa { .. } => true,
            Self::NoTlsa { .. } | Self::NoAddress | Self::DoNotConnect { .. } => false,
        }
    }
}

impl ServerRecords {
    /// The same as the answer to a TLSA query, for a
    /// [`DanePolicy`](crate::dane::DanePolicy) to decide on and for
    /// [`Client::connector_with_dane`](crate::Client::connector_with_dane). `endpoint` is the one
    /// that was looked up, `answered` when the answers came.
    ///
    /// What cannot be read, or is more than is looked at, counts as a failed lookup: it is not
    /// absent, and the server is not connected to. `None` for a server without an address, and for
    /// an endpoint that cannot have TLSA records, such as an IP address.
    pub fn tlsa_lookup(&self, endpoint: &Endpoint, answered: UnixTime) -> Option<TlsaLookup> {
        let name = TlsaName::of_endpoint(endpoint)?;
        match self {
            // Not secure, or not there: either way nothing counts (RFC 7673 §3.4).
            Self::NoTlsa { .. } => Some(TlsaLookup::Insecure(name)),
            Self::NoAddress => None,
            Self::DoNotConnect { failure, .. } => Some(match failure {
                DnsFailure::Bogus => TlsaLookup::Bogus(name),
                DnsFailure::ServerFailure
                | DnsFailure::TimedOut
                | DnsFailure::Refused
                | DnsFailure::Malformed
                | DnsFailure::Indeterminate
                | DnsFailure::TooLarge => TlsaLookup::Indeterminate(name),
            }),
            Self::Tlsa {
                base,
                records,
                lifetime,
            } => {
                let host = endpoint.host().name()?.clone();
                let failed = TlsaLookup::Indeterminate(name);
                let name = TlsaName::tcp_through_secure_cnames(endpoint.port(), host, base.clone());
                let records: Result<Vec<_>, _> = records
                    .iter()
                    .map(|rdata| TlsaRecord::from_rdata(rdata))
                    .collect();
                let (Some(name), Ok(records)) = (name, records) else {
                    return Some(failed);
                };
                let ttl = lifetime.unwrap_or_default();
                let set = TlsaLookup::validated_over_trusted_path(name, records, answered, ttl);
                Some(set.unwrap_or(failed))
            }
        }
    }
}

fn do_not_connect(question: &Question, data: &Data) -> ServerRecords {
    let failure = match data {
        Data::Failed(failure) => *failure,
        Data::Srv(..) | Data::Addresses(_) | Data::Tlsa(..) | Data::Nothing(_) => {
            DnsFailure::Malformed
        }
    };
    ServerRecords::DoNotConnect {
        question: question.clone(),
        failure,
    }
}

pub(super) fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
