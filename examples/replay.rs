//! Prints recordings of sessions so that they can be read, and replays them.
//!
//! ```text
//! replay [--ca FILE] [--tls 1.2|1.3] [--certificate CHAIN KEY] RECORDING...
//! ```
//!
//! Several recordings of a client are replayed to one connector, in this order: the first one's
//! tickets are there for those that resumed with them.
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
    Acceptor, Account, Certificates, CertifiedChain, Client, Connector, Endpoint, Server,
    TlsVersions, TrustAnchors,
};

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(status) => status,
        Err(error) => {
            eprintln!("replay: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, Failure> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    let recordings = arguments.recordings()?;
    let side = Side::of(&recordings, &arguments)?;
    for recording in &recordings {
        print!("{recording:#}");
        match side.replay(recording) {
            Ok(replayed) => match replayed.stopped() {
                Some(stopped) => println!("the same so far: {stopped}"),
                None => println!("the same to the end"),
            },
            Err(ReplayError::Divergence(divergence)) => {
                println!("{divergence}");
                return Ok(ExitCode::FAILURE);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The session's other side is the recording; this side has to be made as it was.
enum Side {
    Client(Connector),
    Server(Acceptor),
}

impl Side {
    /// As the first of the recordings says.
    fn of(recordings: &[Recording], arguments: &Arguments) -> Result<Self, Failure> {
        let recording = recordings.first().ok_or("which recording?")?;
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
            if let Some(chain) = recordings.iter().find_map(Recording::own_chain) {
                account.authorise_client_certificate_with_tls12(chain);
            }
            let client = builder.build()?;
            let connector = client.connector(&account, endpoint.with_port(port))?;
            return Ok(Self::Client(connector));
        }
        let chain = match (recording.own_chain(), &arguments.certificate) {
            (Some(chain), _) => chain,
            (None, Some((chain, key))) => {
                CertifiedChain::from_pem(&fs::read(chain)?, &fs::read(key)?)?
            }
            (None, None) => {
                return Err(
                    "the recording holds no certificate of the server: give one with \
                            --certificate"
                        .into(),
                );
            }
        };
        let server = Server::builder()
            .crypto_provider(provider)
            .clock(recording.clock())
            .versions(arguments.versions)
            .build()?;
        let (service, mode) = (recording.service(), recording.mode());
        let acceptor = server.acceptor(service, mode, Certificates::new(chain));
        Ok(Self::Server(acceptor.build()?))
    }

    fn replay(&self, recording: &Recording) -> Result<Replayed, ReplayError> {
        match self {
            Self::Client(connector) => recording.replay_client(connector),
            Self::Server(acceptor) => recording.replay_server(acceptor),
        }
    }
}

#[derive(Default)]
struct Arguments {
    files: Vec<String>,
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
                file => arguments.files.push(file.to_owned()),
            }
        }
        Ok(arguments)
    }

    fn recordings(&self) -> Result<Vec<Recording>, Failure> {
        let read = |file: &String| {
            let text = fs::read_to_string(file)
                .map_err(|error| format!("{file} cannot be read: {error}"))?;
            Ok(text.parse()?)
        };
        self.files.iter().map(read).collect()
    }
}
