//! From a mail domain to its servers (RFC 6186, with RFC 8314 §5.1 and RFC 7673 §3).

use std::collections::BTreeMap;
use std::time::Duration;

use super::candidates::{Candidate, Label, Survey, guesses};
use super::configuration::Configuration;
use super::dns::{Answer, DnsFailure, Question};
use super::lookup::{Lookup, ServerRecords};
use super::report::{CleartextProposal, ConfirmTarget, Report};
use super::server::{MailServer, Transport};
use crate::identity::Provenance;
use crate::limits::CANDIDATES;
use crate::name::{EmailAddress, Host, HostName};
use crate::policy::Acknowledged;
use crate::service::{Service, TlsMode};

/// Finds the servers of a mail domain, for setting up an account.
///
/// It asks no DNS by itself: it says what it wants to know ([`next_question`](Self::next_question)),
/// takes the answers in any order, and draws its conclusions ([`outcome`](Self::outcome)). What it
/// concludes depends on the answers and the seed alone, not on their order.
///
/// What it finds is a [`Configuration`] to be stored. It is not asked again for each connection
/// (RFC 8314 §5.1: MUST NOT); from time to time a stored one may be
/// [compared](Configuration::recheck) with fresh records.
///
/// ```
/// use mail_tls::discovery::{Answer, Discovery, DnsStatus, Outcome, SrvRecord};
/// use mail_tls::EmailAddress;
///
/// let address = EmailAddress::parse("ann@example.org")?;
/// let mut discovery = Discovery::for_address(&address, 0).ok_or("an address literal")?;
/// while let Some(question) = discovery.next_question() {
///     let answer = match question.name() { // the resolver
///         "_imaps._tcp.example.org" => {
///             let record = SrvRecord::new(0, 1, 993, "imap.example.org.");
///             Answer::srv(DnsStatus::Insecure, [record])
///         }
///         _ => Answer::nothing(DnsStatus::Insecure),
///     };
///     discovery.answer(&question, answer);
/// }
/// let Outcome::Found(found) = discovery.outcome() else {
///     return Err("nothing was found".into());
/// };
/// let server = &found.configuration.services()[0].servers()[0];
/// assert_eq!(server.port(), 993);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Discovery {
    domain: HostName,
    services: Vec<Service>,
    seed: u64,
    in_parallel: bool,
    with_guesses: bool,
    labels: Vec<Label>,
    others: Vec<MailServer>,
    questions: BTreeMap<Question, Slot>,
    lookups: BTreeMap<(HostName, u16), Lookup>,
    /// What the user said of targets outside the domain.
    decisions: BTreeMap<Host, bool>,
}

/// A question, whether it was handed out, and what was answered.
#[derive(Debug, Clone, Default)]
struct Slot {
    is_handed_out: bool,
    answer: Option<Answer>,
}

/// What a discovery has come to.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "it says what was found, and whom to ask"]
pub enum Outcome {
    /// Answers are missing.
    Pending,
    /// Servers outside the domain, named by what an attacker on the network may have written. The
    /// user has to say whether they are right before anything is connected (RFC 8314 §5.1); see
    /// [`Discovery::confirm`] and [`Discovery::reject`].
    ConfirmTargets(Vec<ConfirmTarget>),
    /// Servers, all of them with TLS.
    Found(Box<Found>),
    /// Servers, none of them with TLS, and nothing with TLS is advertised for any service.
    CleartextOnly(Box<CleartextProposal>),
    /// Nothing was found, or what was found may be forged. The user has to name the servers
    /// (RFC 6186 §4).
    NotFound(Box<Report>),
}

/// What was found.
#[derive(Debug)]
#[non_exhaustive]
pub struct Found {
    /// The servers, to be stored.
    pub configuration: Configuration,
    /// How they were chosen, and what else there was.
    pub report: Report,
}

impl Discovery {
    /// For a mail domain: what stands behind the `@`, typed by the user.
    ///
    /// `seed` is any number, different for each discovery: among servers of the same priority it
    /// chooses by their weights (RFC 2782).
    pub fn for_domain(domain: HostName, seed: u64) -> Self {
        let discovery = Self {
            domain,
            services: Vec::new(),
            seed,
            in_parallel: false,
            with_guesses: false,
            labels: Vec::new(),
            others: Vec::new(),
            questions: BTreeMap::new(),
            lookups: BTreeMap::new(),
            decisions: BTreeMap::new(),
        };
        discovery.with_services(&[Service::Imap, Service::Pop3, Service::Submission])
    }

    /// For the domain of an email address (RFC 6186 §4); `None` for one with an address literal,
    /// which has none.
    pub fn for_address(address: &EmailAddress, seed: u64) -> Option<Self> {
        Some(Self::for_domain(address.domain()?.clone(), seed))
    }

    /// The services that the program supports, the preferred first. Default: IMAP, POP3,
    /// submission.
    ///
    /// Of IMAP and POP3 one is chosen: the one with the lowest SRV priority, and among equals the
    /// preferred (RFC 6186 §3.4).
    #[must_use]
    pub fn with_services(mut self, services: &[Service]) -> Self {
        self.services.clear();
        for service in services {
            if !self.services.contains(service) {
                self.services.push(*service);
            }
        }
        let labels = self.services.iter().flat_map(|service| {
            [TlsMode::Implicit, TlsMode::StartTls]
                .into_iter()
                .filter_map(|mode| Label::new(*service, mode, &self.domain))
        });
        self.labels = labels.collect();
        self
    }

    /// Asks for TLSA records together with the addresses that they depend on (RFC 7673 §7). The
    /// outcome is the same.
    #[must_use]
    pub fn in_parallel(mut self) -> Self {
        self.in_parallel = true;
        self
    }

    /// Proposes conventional names (`imap.`, `mail.`, the domain itself…) for services of which
    /// nothing else is known. They are marked as guesses, and connected to only once the user has
    /// confirmed them.
    #[must_use]
    pub fn with_guesses(mut self) -> Self {
        self.with_guesses = true;
        self
    }

    /// The domain.
    pub fn domain(&self) -> &HostName {
        &self.domain
    }

    /// Adds a server from another source (RFC 8314 §5): typed by the user, from the program's
    /// database of providers, from a configuration document. It is subject to the same rules.
    ///
    /// Returns whether it was taken: a document that lists more than a few dozen is not taken
    /// whole.
    pub fn add(&mut self, server: MailServer) -> bool {
        let fits = self.others.len() < CANDIDATES;
        if fits {
            self.others.push(server);
        }
        fits
    }

    /// The next question for the resolver. Each is handed out once; answers bring new ones.
    pub fn next_question(&mut self) -> Option<Question> {
        self.pump();
        let (question, slot) = self
            .questions
            .iter_mut()
            .find(|(_, slot)| !slot.is_handed_out)?;
        slot.is_handed_out = true;
        Some(question.clone())
    }

    /// Takes an answer. Returns whether it was waited for: the first to a question that was handed
    /// out. Others are dropped.
    pub fn answer(&mut self, question: &Question, answer: Answer) -> bool {
        let Some(slot) = self.questions.get_mut(question) else {
            return false;
        };
        if !slot.is_handed_out || slot.answer.is_some() {
            return false;
        }
        slot.answer = Some(answer);
        self.pump();
        true
    }

    /// Whoever has not answered by now has failed to: [`DnsFailure::TimedOut`]. That is not the
    /// same as having no records.
    pub fn expire(&mut self) {
        while let Some(question) = self.next_question() {
            self.answer(&question, Answer::failed(DnsFailure::TimedOut));
        }
        let waiting: Vec<Question> = self
            .questions
            .iter()
            .filter(|(_, slot)| slot.answer.is_none())
            .map(|(question, _)| question.clone())
            .collect();
        if waiting.is_empty() {
            return;
        }
        for question in waiting {
            self.answer(&question, Answer::failed(DnsFailure::TimedOut));
        }
        self.expire();
    }

    /// The user has confirmed a server outside the domain. It may be connected to, and its own name
    /// may stand in its certificate (RFC 7817 §8).
    ///
    /// Returns whether it counted: not if the question was for another domain.
    pub fn confirm(&mut self, confirmed: &Acknowledged<ConfirmTarget>) -> bool {
        let question = confirmed.warning();
        let is_ours = question.domain() == &self.domain;
        if is_ours {
            self.decisions.insert(question.target().clone(), true);
            self.pump();
        }
        is_ours
    }

    /// The user says that this is not a server of the domain. It is left out.
    pub fn reject(&mut self, target: &Host) {
        self.decisions.insert(target.clone(), false);
        self.pump();
    }

    /// What DNS says of a server that was looked up.
    pub fn server_records(&self, host: &HostName, port: u16) -> Option<ServerRecords> {
        self.lookups.get(&(host.clone(), port))?.result()
    }

    /// What it has come to so far.
    pub fn outcome(&self) -> Outcome {
        let Some(survey) = self.survey() else {
            return Outcome::Pending;
        };
        let unconfirmed = survey.unconfirmed(&self.domain);
        if !unconfirmed.is_empty() {
            return Outcome::ConfirmTargets(unconfirmed);
        }
        let is_cleartext = survey
            .chosen()
            .any(|server| server.transport() == Transport::Cleartext);
        let (configuration, report) = survey.conclude(&self.domain);
        if configuration.services().is_empty() {
            Outcome::NotFound(Box::new(report))
        } else if is_cleartext {
            Outcome::CleartextOnly(Box::new(CleartextProposal::new(configuration, report)))
        } else {
            Outcome::Found(Box::new(Found {
                configuration,
                report,
            }))
        }
    }

    /// The user confirmed these servers when the account was set up.
    pub(super) fn presume_confirmed(&mut self, server: &MailServer) {
        if server.provenance() == Provenance::Confirmed {
            self.decisions.insert(server.host().clone(), true);
        }
    }

    /// What there is to choose from, and what is chosen. `None` while answers are missing.
    pub(super) fn survey(&self) -> Option<Survey> {
        let candidates = self.candidates();
        let is_pending = self.labels.iter().any(Label::is_pending)
            || self
                .lookups
                .values()
                .any(|lookup| lookup.result().is_none())
            || candidates.iter().any(|candidate| {
                candidate
                    .to_look_up()
                    .is_some_and(|place| !self.lookups.contains_key(&place))
            });
        if is_pending {
            return None;
        }
        let mut survey = Survey::new(&self.services, &self.labels);
        survey.choose(candidates, &self.domain, &self.decisions, |place| {
            self.lookups.get(place)?.result()
        });
        let lifetimes = self
            .questions
            .values()
            .filter_map(|slot| slot.answer.as_ref());
        survey.lifetime = lifetimes.filter_map(|answer| answer.lifetime).min();
        Some(survey)
    }

    /// Every server that was named, by whomever.
    fn candidates(&self) -> Vec<Candidate> {
        let mut candidates: Vec<Candidate> = Vec::new();
        let sought = |server: &&MailServer| self.services.contains(&server.service());
        let others = self.others.iter().filter(sought);
        candidates.extend(others.cloned().map(Candidate::from_other));
        candidates.extend(self.labels.iter().flat_map(Label::candidates));
        if self.with_guesses && !self.labels.iter().any(Label::is_pending) {
            for service in &self.services {
                let is_known = candidates
                    .iter()
                    .any(|candidate| candidate.server.service() == *service);
                let labels = || self.labels.iter().filter(|label| label.service == *service);
                if !is_known && !labels().any(Label::forbids_guesses) {
                    candidates.extend(guesses(*service, &self.domain));
                }
            }
        }
        candidates
    }

    /// Draws the next conclusions from what is known.
    fn pump(&mut self) {
        for (index, label) in self.labels.iter_mut().enumerate() {
            let slot = self.questions.entry(label.question.clone()).or_default();
            if let (true, Some(answer)) = (label.is_pending(), &slot.answer) {
                let nth = u64::try_from(index).unwrap_or_default();
                label.take(answer, self.seed ^ nth.rotate_right(8));
            }
        }
        for place in self.candidates().iter().filter_map(Candidate::to_look_up) {
            let in_parallel = self.in_parallel;
            self.lookups
                .entry(place)
                .or_insert_with_key(|(host, port)| {
                    let lookup = Lookup::new(host.clone(), *port);
                    if in_parallel {
                        lookup.in_parallel()
                    } else {
                        lookup
                    }
                });
        }
        for lookup in self.lookups.values_mut() {
            loop {
                let mut has_moved = false;
                while let Some(question) = lookup.next_question() {
                    self.questions.entry(question).or_default();
                    has_moved = true;
                }
                let answered = self
                    .questions
                    .iter()
                    .filter_map(|(question, slot)| Some((question, slot.answer.as_ref()?)));
                for (question, answer) in answered {
                    if lookup.is_waiting_for(question) {
                        has_moved |= lookup.answer(question, answer.clone());
                    }
                }
                if !has_moved {
                    break;
                }
            }
        }
    }
}

/// The user identifiers to try, in their order: the whole address, then its local part. Once both
/// have failed, ask the user (RFC 6186 §4). The second is tried only after the first was refused,
/// each with a [`CredentialPermit`](crate::CredentialPermit) of its own.
///
/// ```
/// use mail_tls::{EmailAddress, discovery::user_identifiers};
///
/// let address = EmailAddress::parse("Ann@example.org")?;
/// assert_eq!(user_identifiers(&address), ["Ann@example.org", "Ann"]);
/// # Ok::<(), mail_tls::InvalidEmailAddress>(())
/// ```
pub fn user_identifiers(address: &EmailAddress) -> [String; 2] {
    [address.to_string(), address.local_part().to_owned()]
}

impl Found {
    /// How long DNS said that this holds; `None` where no answer had a lifetime.
    pub fn lifetime(&self) -> Option<Duration> {
        self.report.lifetime()
    }
}
