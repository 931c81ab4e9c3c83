//! Prints a recording of a session so that it can be read, and replays it.
//!
//! ```text
//! replay [--ca FILE] [--tls 1.2|1.3] [--certificate CHAIN KEY] RECORDING
//! ```
//!
//! The recording says what the session was, and not how the program was configured: `--ca` names
//! the trust anchors where they were not Mozilla's, `--tls` the only version where there was but
//! one. `--certificate` is for the recording of a server that is redacted; in one with secrets its
//! chain is there, and its key is not needed. Who replays a user's session with more than that,
//! pins or TLSA records, writes this program anew as a test with that configuration.
//!
//! The exit status is 0 where everything was the same, also if the replay had to stop for want of
//! keys, 1 where something differs, and 2 for what cannot be replayed.

use std::process::ExitCode;
use std::{env, fs};

use mail_tls::recorder::{self, Recording, ReplayError, Replayed};
use mail_tls::{
    Account, Certificates, CertifiedChain, Client, Endpoint, Server, TlsVersions, TrustAnchors,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(env::args().skip(1)) {
        Ok(arguments) => arguments,
        Err(error) => return refuse(&error),
    };
    let recording = match arguments.recording() {
        Ok(recording) => recording,
        Err(error) => return refuse(&error),
    };
    print!("{recording:#}");
    match replay(&recording, &arguments) {
        Ok(Ok(replayed)) => {
            match replayed.stopped() {
                Some(stopped) => println!("the same so far: {stopped}"),
                None => println!("the same to the end"),
            }
            ExitCode::SUCCESS
        }
        Ok(Err(ReplayError::Divergence(divergence))) => {
            println!("{divergence}");
            ExitCode::FAILURE
        }
        Ok(Err(error)) => refuse(&error.into()),
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &Failure) -> ExitCode {
    eprintln!("replay: {error}");
    ExitCode::from(2)
}

/// The session's other side is the recording; this side has to be made as it was.
fn replay(
    recording: &Recording,
    arguments: &Arguments,
) -> Result<Result<Replayed, ReplayError>, Failure> {
    // It plays back what was drawn by chance. Where nothing is to be played it does no harm.
    let provider = recorder::provider(None)?;
    if let (Some(host), Some(port)) = (recording.host(), recording.port()) {
        let mut builder = Client::builder()
            .crypto_provider(provider)
            .clock(recording.clock())
            .versions(arguments.versions);
        if let Some(anchors) = &arguments.ca {
            builder = builder.trust_anchors(TrustAnchors::from_pem(&fs::read(anchors)?)?);
        }
        let endpoint = Endpoint::typed(recording.service(), recording.mode(), host)?;
        let account = Account::configured();
        if let Some(chain) = recording.own_chain() {
            account.authorise_client_certificate_with_tls12(chain);
        }
        let connector = builder
            .build()?
            .connector(&account, endpoint.with_port(port))?;
        return Ok(recording.replay_client(&connector));
    }
    let chain = match (recording.own_chain(), &arguments.certificate) {
        (Some(chain), _) => chain,
        (None, Some((chain, key))) => CertifiedChain::from_pem(&fs::read(chain)?, &fs::read(key)?)?,
        (None, None) => {
            return Err(
                "the recording holds no certificate of the server: give one with \
                        --certificate"
                    .into(),
            );
        }
    };
    let acceptor = Server::builder()
        .crypto_provider(provider)
        .clock(recording.clock())
        .versions(arguments.versions)
        .build()?
        .acceptor(
            recording.service(),
            recording.mode(),
            Certificates::new(chain),
        )
        .build()?;
    Ok(recording.replay_server(&acceptor))
}

#[derive(Default)]
struct Arguments {
    file: String,
    ca: Option<String>,
    versions: TlsVersions,
    certificate: Option<(String, String)>,
}

impl Arguments {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut arguments = Self::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--ca" => arguments.ca = Some(value()?),
                "--tls" => {
                    arguments.versions = match value()?.as_str() {
                        "1.2" => TlsVersions::Tls12Only,
                        "1.3" => TlsVersions::Tls13Only,
                        other => return Err(format!("there is no TLS {other} here").into()),
                    }
                }
                "--certificate" => arguments.certificate = Some((value()?, value()?)),
                option if option.starts_with('-') => {
                    return Err(format!("there is no option {option}").into());
                }
                file if arguments.file.is_empty() => arguments.file = file.to_owned(),
                _ => return Err("one recording at a time".into()),
            }
        }
        if arguments.file.is_empty() {
            return Err("which recording?".into());
        }
        Ok(arguments)
    }

    fn recording(&self) -> Result<Recording, Failure> {
        let text = fs::read_to_string(&self.file)
            .map_err(|error| format!("{} cannot be read: {error}", self.file))?;
        Ok(text.parse()?)
    }
}
