//! Looks at the mail servers of a domain, or at one host, as clients see them: every service and
//! mode, certificates and names, versions, suites, groups, ALPN, STARTTLS, DANE, SRV.
//!
//! ```text
//! cargo run -p mail-tls-probe -- ann@example.org
//! cargo run -p mail-tls-probe -- --domain example.org mail.example.org
//! cargo run -p mail-tls-probe -- --service imaps:1993 --address 127.0.0.1 --dns none mail.example.org
//! ```
//!
//! It gathers; [`mail_tls::audit`] and [`mail_tls::verify`] judge. See the manual's chapter on it for
//! how to read the report, and for its exit status.
#![warn(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    clippy::as_conversions
)]
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "an embedder does the I/O that the library does not"
)]

mod certificate;
mod dialog;
mod examine;
mod hello;
mod json;
mod judgement;
mod names;
mod options;
mod paper;
mod progress;
mod remark;
mod report;
mod surface;
mod targets;
mod tls;
mod verdict;
mod wire;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use std::{fs, io, thread};

use clap::Parser;
use mail_tls::audit::{AuditPolicy, Level};
use mail_tls::{HostName, TrustAnchors};
use pki_types::UnixTime;

use examine::{Examiner, Seen};
use judgement::Judgement;
use names::Names;
use options::{Options, Subject};
use progress::Progress;
use targets::Target;
use verdict::Judge;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How many servers are looked at side by side.
const SIDE_BY_SIDE: usize = 8;
/// Nothing could be looked at; the others are in [`status_of`].
const UNKNOWN: u8 = 3;
const DAY: Duration = Duration::from_secs(86_400);

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            let _ = error.print();
            return match error.use_stderr() {
                true => ExitCode::from(UNKNOWN),
                false => ExitCode::SUCCESS, // --help
            };
        }
    };
    match run(&options) {
        Ok(worst) => status_of(worst),
        Err(problem) => {
            // A monitor shows what stands on standard output.
            println!("UNKNOWN   {problem}");
            ExitCode::from(UNKNOWN)
        }
    }
}

/// As plug-ins of monitoring systems have it.
fn status_of(worst: Option<Level>) -> ExitCode {
    ExitCode::from(match worst {
        Some(Level::Error) => 2,
        Some(Level::Warning) => 1,
        Some(_) | None => 0,
    })
}

fn run(options: &Options) -> Outcome<Option<Level>> {
    let anchors = match &options.ca {
        Some(file) => {
            let pem = fs::read(file)
                .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
            TrustAnchors::from_pem(&pem)?
        }
        None => TrustAnchors::webpki_roots(),
    };
    let progress = Progress::new();
    let result = look(options, anchors, &progress);
    progress.clear();
    let (judgement, names, now) = result?;
    let about = about(options);
    let text = match options.json {
        true => format!("{:#}\n", json::report(&about, &judgement, &names, now)),
        false => report::print(&about, &judgement, &names, now),
    };
    // Who has seen enough closes the pipe; the status counts all the same.
    let _ = io::stdout().lock().write_all(text.as_bytes());
    Ok(judgement.worst())
}

fn look(
    options: &Options,
    anchors: TrustAnchors,
    progress: &Progress,
) -> Outcome<(Judgement, Names, UnixTime)> {
    progress.tell("asking DNS");
    let mut names = Names::new(options)?;
    let domains = targets::domains(options);
    names.answer(&mut targets::inventory_of(&domains)?);
    let targets = targets::targets(options, &domains, &names);
    // Records that cannot be had are a finding; that there are none is not.
    let dns_failed = names
        .answers
        .values()
        .any(|answer| answer.failure().is_some());
    let is_anywhere = targets.iter().any(|target| !target.addresses.is_empty());
    if !is_anywhere && !dns_failed {
        return Err(nowhere(options, &targets).into());
    }

    progress.expect(targets.len());
    let seen = examine_all(options, &targets, progress);
    if !seen
        .iter()
        .any(|one| one.is_there() || one.target.is_expected)
        && !dns_failed
    {
        return Err(format!(
            "nothing answers at {}: no mail service was found",
            about(options)
        )
        .into());
    }
    progress.tell("asking DNS about what was found");
    let inventory = judgement::inventory(&domains, &seen, &mut names)?;
    let algorithms = tls::provider().signature_verification_algorithms;
    let now = UnixTime::now();
    let policy =
        AuditPolicy::new(anchors.clone(), algorithms).with_expiry_warning(DAY * options.expiry);
    let judge = Judge {
        anchors,
        algorithms,
        now,
        domains: &domains,
        names: &names,
    };
    let judgement = judgement::judge(&inventory, &policy, &judge, seen, options);
    Ok((judgement, names, now))
}

/// Each port by itself, several ports at a time.
fn examine_all(options: &Options, targets: &[Target], progress: &Progress) -> Vec<Seen> {
    let mut all = Vec::new();
    for some in targets.chunks(SIDE_BY_SIDE) {
        let seen: Vec<Option<Seen>> = thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|target| {
                    scope.spawn(move || {
                        let place = target.place();
                        let tell = |what: &str| progress.tell(&format!("{place}: {what}"));
                        let examiner = Examiner {
                            target,
                            limit: options.timeout,
                            is_quick: options.quick,
                            tell: &tell,
                        };
                        let seen = examiner.examine();
                        progress.one_is_done();
                        seen
                    })
                })
                .collect();
            running.into_iter().map(|one| one.join().ok()).collect()
        });
        all.extend(seen.into_iter().flatten());
    }
    all
}

fn nowhere(options: &Options, targets: &[Target]) -> String {
    match &options.subject {
        Subject::Domain(domain) if targets.is_empty() => format!(
            "{domain} has no SRV records for mail, which would name its servers: name a host, such \
             as mail.{domain}, and {domain} with --domain"
        ),
        Subject::Domain(domain) => format!("the servers of {domain} have no address"),
        Subject::Host(host) => format!("{host} has no address: is it spelt right?"),
    }
}

fn about(options: &Options) -> String {
    match &options.subject {
        Subject::Domain(domain) => HostName::to_string(domain),
        Subject::Host(host) => host.to_string(),
    }
}
