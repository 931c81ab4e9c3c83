use std::env;
use std::error::Error;

use mail_tls::{EmailAddress, Host};

use crate::{Dns, resolver};

const COMMON: [&str; 3] = [
    "--server ADDRESS:PORT",
    "--trust-anchor FILE",
    "--confirm HOST",
];

/// A command line: a mail address, whom to ask about it, and what the user has agreed to.
#[derive(Debug)]
pub struct Arguments {
    /// Whose account it is.
    pub address: EmailAddress,
    /// The name server of `--server`, with the keys of `--trust-anchor`; else those of the system.
    pub dns: Dns,
    /// Each `--confirm`: a server that nothing vouches for.
    pub confirmed: Vec<Host>,
    given: Vec<(String, String)>,
}

impl Arguments {
    /// Reads it. `own` are the program's own options, such as `--ca FILE`.
    ///
    /// # Errors
    ///
    /// If it cannot be understood. If the system's configuration or the file cannot be read.
    pub fn read(program: &str, own: &[&str]) -> Result<Self, Box<dyn Error>> {
        let options: Vec<&str> = own.iter().chain(&COMMON).copied().collect();
        let usage = format!("usage: {program} [{}] MAIL-ADDRESS", options.join("] ["));
        let (mut address, mut given) = (None, Vec::new());
        let mut words = env::args().skip(1);
        while let Some(word) = words.next() {
            let is_meant = |option: &&&str| option.split(' ').next() == Some(&word);
            match options.iter().find(is_meant) {
                Some(option) if option.contains(' ') => {
                    given.push((word, words.next().ok_or(&*usage)?));
                }
                Some(_) => given.push((word, String::new())),
                None if word.starts_with('-') || address.is_some() => return Err(usage.into()),
                None => address = Some(EmailAddress::parse(&word)?),
            }
        }
        let values = |option| values(&given, option);
        let server = values("--server").last().map(str::parse).transpose()?;
        let confirmed = values("--confirm")
            .map(Host::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            address: address.ok_or(usage)?,
            dns: resolver(server, values("--trust-anchor").last().map(str::as_ref))?,
            confirmed,
            given,
        })
    }

    /// What was given for an option of the program's own; nothing where the option takes no value.
    pub fn value(&self, option: &str) -> Option<&str> {
        values(&self.given, option).last()
    }
}

fn values<'a>(given: &'a [(String, String)], option: &str) -> impl Iterator<Item = &'a str> {
    given
        .iter()
        .filter(move |(name, _)| name == option)
        .map(|(_, value)| value.as_str())
}
