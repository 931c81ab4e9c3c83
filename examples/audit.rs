//! Prints what is wrong with a mail site's certificates, DNS records and servers, or would be with
//! its next certificate.
//!
//! ```text
//! audit [--ca FILE] [--dns ZONE] [--previous INVENTORY] [--renewal LABEL=CHAIN.pem]
//!       [--deploy DATE] [--pin FINGERPRINT] [--at DATE] [--plan] [--json] INVENTORY
//! ```
//!
//! The inventory has a line for each domain and each server; a chain's label is its file's name:
//!
//! ```text
//! domain example.org signed-parent
//! server imaps mail.example.org 993 chain=mail.pem tls=1.2,1.3
//! server imap mail.example.org 143 chain=mail.pem says=IMAP4rev2,STARTTLS,LOGINDISABLED
//! server imaps mail.example.org 993 sni=example.net:net.pem domains=example.net
//! server pop3 mail.example.org 110 cleartext
//! ```
//!
//! `ZONE` has records as `dig` prints them, each with what DNSSEC validation said of it behind a
//! semicolon; what is not there does not exist, which is proven if every line is secure:
//!
//! ```text
//! _imaps._tcp.example.org. 3600 IN SRV 0 1 993 mail.example.org. ; secure
//! mail.example.org. 3600 IN A 192.0.2.1 ; secure
//! _993._tcp.mail.example.org. 3600 IN TLSA 3 1 1 9f86d081... ; insecure
//! ```
//!
//! Nothing is sent anywhere. The exit status is 0 where nothing of the level error was found, 1 where
//! something was, and 2 for wrong use. `--plan` adds the configuration of a certificate request, and
//! the SRV records to publish, to what is printed without `--json`.
#![expect(
    clippy::disallowed_methods,
    reason = "an embedder asks for the time that the library does not"
)]

#[path = "shared/facts.rs"]
mod facts;
#[path = "audit/inventory.rs"]
mod inventory;
#[path = "audit/print.rs"]
mod print;
#[path = "audit/zone.rs"]
mod zone;

use std::env;
use std::process::ExitCode;
use std::time::SystemTime;

use facts::{Outcome, algorithms, built_in_anchors, chain, date, read, unix};
use inventory::{Previous, add_lines};
use mail_tls::audit::{
    AuditPolicy, AuditReport, Inventory, Level, Rehearsal, Renewal, ServerChain, audit, rehearse,
};
use mail_tls::verify::Fingerprint;
use mail_tls::{HostName, TrustAnchors};
use zone::Zone;

const USAGE: &str = "usage: audit [--ca FILE] [--dns ZONE] [--previous INVENTORY]
       [--renewal LABEL=CHAIN.pem] [--deploy DATE] [--pin FINGERPRINT] [--at DATE]
       [--plan] [--json] INVENTORY";

fn main() -> ExitCode {
    let outcome = Task::parse(env::args().skip(1)).and_then(|task| task.run());
    match outcome {
        Ok(Some(Level::Error)) => ExitCode::FAILURE,
        Ok(_) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("audit: {problem}");
            ExitCode::from(2)
        }
    }
}

/// What was asked.
struct Task {
    inventory: Inventory,
    domains: Vec<HostName>,
    policy: AuditPolicy,
    renewal: Option<Renewal>,
    at: SystemTime,
    plans: bool,
    json: bool,
}

impl Task {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut inventory = Inventory::default();
        let (mut anchors, mut zone, mut renewal, mut deploy) = (None, None, None, None);
        let (mut at, mut file, mut plans, mut json) = (SystemTime::now(), None, false, false);
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| format!("{argument} needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--ca" => anchors = Some(TrustAnchors::from_pem(&read(&value()?)?)?),
                "--dns" => zone = Some(Zone::parse(&text(&value()?)?)?),
                "--previous" => {
                    let lines = text(&value()?)?;
                    add_lines(&mut inventory, &lines, Previous(true))?;
                }
                "--renewal" => {
                    let value = value()?;
                    let (label, file) = value
                        .split_once('=')
                        .ok_or_else(|| format!("--renewal is LABEL=FILE, not {value}"))?;
                    let new = ServerChain::new(label, chain(file)?);
                    renewal = Some(
                        renewal
                            .unwrap_or_else(Renewal::default)
                            .replacing(label, new),
                    );
                }
                "--deploy" => deploy = Some(unix(date(&value()?)?)?),
                "--pin" => inventory.add_pin(Fingerprint::parse(&value()?)?)?,
                "--at" => at = date(&value()?)?,
                "--plan" => plans = true,
                "--json" => json = true,
                option if option.starts_with('-') => {
                    return Err(format!("there is no option {option}\n{USAGE}").into());
                }
                _ if file.is_some() => return Err(format!("give one inventory\n{USAGE}").into()),
                _ => file = Some(argument),
            }
        }
        let file = file.ok_or_else(|| format!("the inventory is missing\n{USAGE}"))?;
        let domains = add_lines(&mut inventory, &text(&file)?, Previous(false))?;
        if let Some(zone) = &zone {
            answer_all(&mut inventory, zone)?;
        }
        let renewal = match (renewal, deploy) {
            (Some(renewal), Some(time)) => Some(renewal.at(time)),
            (None, Some(_)) => return Err("--deploy needs --renewal".into()),
            (renewal, None) => renewal,
        };
        Ok(Self {
            inventory,
            domains,
            policy: AuditPolicy::new(anchors.map_or_else(built_in_anchors, Ok)?, algorithms()?),
            renewal,
            at,
            plans,
            json,
        })
    }

    /// The gravest level of what was found.
    fn run(&self) -> Outcome<Option<Level>> {
        let now = unix(self.at)?;
        let report: AuditReport = audit(&self.inventory, &self.policy, now);
        let rehearsal: Option<Rehearsal> = self
            .renewal
            .as_ref()
            .map(|renewal| rehearse(&self.inventory, renewal, &self.policy, now));
        let to_come = rehearsal.iter().flat_map(|r| [r.breaks(), r.introduced()]);
        let worst = to_come.flatten().map(|finding| finding.level()).min();
        if self.json {
            println!("{}", print::json(&report, rehearsal.as_ref()));
        } else {
            print::report(&report);
            if let Some(rehearsal) = &rehearsal {
                print::rehearsal(rehearsal, now);
            }
            if self.plans {
                print::plans(&self.inventory, &self.domains);
            }
        }
        Ok(worst.into_iter().chain(report.worst()).min())
    }
}

/// The resolver: a file.
fn answer_all(inventory: &mut Inventory, zone: &Zone) -> Outcome<()> {
    loop {
        let questions = inventory.questions();
        if questions.is_empty() {
            return Ok(());
        }
        for question in questions {
            let answer = zone.answer(&question)?;
            inventory.answer(&question, answer)?;
        }
    }
}

fn text(file: &str) -> Outcome<String> {
    String::from_utf8(read(file)?).map_err(|_| format!("{file} is not a text file").into())
}
