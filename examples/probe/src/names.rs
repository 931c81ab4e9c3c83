//! What DNS says, for the audit, for the report, and for where to connect.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use mail_tls::HostName;
use mail_tls::audit::Inventory;
use mail_tls::discovery::{Answer, DnsFailure, Lookup, Question, ServerRecords};
use mail_tls_discover::{Asks, Dns, resolver};
use tokio::runtime::{Builder, Runtime};

use crate::options::{AskWhom, Options};

/// For all questions that are asked at once.
const LIMIT: Duration = Duration::from_secs(12);

/// What was asked, and what came back.
#[derive(Debug)]
pub(crate) struct Names {
    /// `None` where nobody is to be asked.
    dns: Option<(Runtime, Dns)>,
    is_system: bool,
    pub(crate) answers: BTreeMap<Question, Answer>,
}

impl Names {
    pub(crate) fn new(options: &Options) -> Result<Self, Box<dyn Error>> {
        let server = match options.dns {
            AskWhom::Nobody => None,
            AskWhom::System => Some(None),
            AskWhom::Server(server) => Some(Some(server)),
        };
        let dns = match server {
            None => None,
            Some(server) => {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                let dns = resolver(server, options.trust_anchor.as_deref())
                    .map_err(|error| format!("{error}; --dns none does without"))?;
                Some((runtime, dns))
            }
        };
        Ok(Self {
            dns,
            is_system: !matches!(options.dns, AskWhom::Server(_)),
            answers: BTreeMap::new(),
        })
    }

    /// Answers what the inventory asks, and what follows from the answers.
    pub(crate) fn answer(&mut self, inventory: &mut Inventory) {
        let Some((runtime, dns)) = &self.dns else {
            return;
        };
        let mut asking = Asking {
            inventory,
            answers: &mut self.answers,
            asked: BTreeSet::new(),
        };
        asking.answer_known();
        runtime.block_on(dns.answer_all(&mut asking, LIMIT, |_, _| {}));
    }

    /// Where to connect. That it is genuine is for TLS to show, so that a hosts file will do.
    pub(crate) fn addresses(&self, host: &HostName) -> Vec<IpAddr> {
        let mut found = match &self.dns {
            Some((runtime, dns)) => runtime.block_on(dns.addresses(host)).unwrap_or_default(),
            None => Vec::new(),
        };
        if found.is_empty() && self.is_system {
            let known = (host.as_str(), 0).to_socket_addrs();
            found.extend(known.into_iter().flatten().map(|address| address.ip()));
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// What a client makes of the answers about a server. `None` if they were not all asked for.
    pub(crate) fn records_of(&self, host: &HostName, port: u16) -> Option<ServerRecords> {
        let mut lookup = Lookup::new(host.clone(), port);
        while let Some(question) = lookup.next_question() {
            let answer = self.answers.get(&question)?.clone();
            lookup.answer(&question, answer);
        }
        lookup.result()
    }
}

/// An inventory asks as a discovery does.
struct Asking<'a> {
    inventory: &'a mut Inventory,
    answers: &'a mut BTreeMap<Question, Answer>,
    asked: BTreeSet<Question>,
}

impl Asking<'_> {
    fn answer_known(&mut self) {
        loop {
            let questions = self.inventory.questions().into_iter();
            let known: Vec<_> = questions
                .filter_map(|question| {
                    Some((question.clone(), self.answers.get(&question)?.clone()))
                })
                .collect();
            if known.is_empty() {
                return;
            }
            for (question, answer) in known {
                if self.inventory.answer(&question, answer).is_err() {
                    return; // more than an audit looks at
                }
            }
        }
    }
}

impl Asks for Asking<'_> {
    fn next_question(&mut self) -> Option<Question> {
        let questions = self.inventory.questions();
        let next = questions
            .into_iter()
            .find(|one| !self.asked.contains(one))?;
        self.asked.insert(next.clone());
        Some(next)
    }

    fn answer(&mut self, question: &Question, answer: Answer) -> bool {
        self.answers.insert(question.clone(), answer.clone());
        self.inventory.answer(question, answer).is_ok()
    }

    fn expire(&mut self) {
        for question in std::mem::take(&mut self.asked) {
            if !self.answers.contains_key(&question) {
                self.answer(&question, Answer::failed(DnsFailure::TimedOut));
            }
        }
        // What follows from these is not asked any more.
        self.asked.extend(self.inventory.questions());
    }
}
