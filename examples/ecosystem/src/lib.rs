//! What the four programs beside this file have in common: where to connect to, and as whom.
//!
//! Each is a protocol library of its own with `mail-tls` under it:
//!
//! * `async_imap`: `async-imap` over [`mail_tls::tokio::Stream`]
//! * `imap`: `imap`, which blocks, over [`mail_tls::blocking::Stream`]
//! * `lettre`: `lettre`'s messages and its SMTP over [`mail_tls::tokio::Stream`]
//! * `imap_next`: `imap-next`, which does no I/O either, joined to [`mail_tls::ClientSession`]

use std::error::Error;
use std::process::ExitCode;
use std::{env, fs, io};

use mail_tls::{
    Account, Client, Connector, Endpoint, Host, Provenance, Service, TlsMode, TrustAnchors,
};

/// What went wrong, in a sentence.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// What the command line says.
#[derive(Debug)]
pub struct Arguments {
    /// Prepared for the server.
    pub connector: Connector,
    /// Host and port, for a socket.
    pub at: String,
    /// From the URL.
    pub user: String,
    /// From the first line of the standard input.
    pub password: String,
}

const USAGE: &str = "[--ca FILE] SCHEME://USER@HOST[:PORT], the password on the standard input; \
                     SCHEME is imaps or submissions, or imap or submission with STARTTLS";

/// Reads the command line.
///
/// # Errors
/// One sentence for the user.
pub fn arguments(service: Service) -> Outcome<Arguments> {
    let mut builder = Client::builder();
    let (mut url, mut arguments) = (None, env::args().skip(1));
    while let Some(argument) = arguments.next() {
        if argument == "--ca" {
            let pem = fs::read(arguments.next().ok_or(USAGE)?)?;
            builder = builder.trust_anchors(TrustAnchors::from_pem(&pem)?);
        } else {
            url = Some(argument);
        }
    }
    let url = url.ok_or(USAGE)?;
    let (scheme, rest) = url.split_once("://").ok_or(USAGE)?;
    let (user, place) = rest.rsplit_once('@').ok_or(USAGE)?;
    let mode = match (service, scheme) {
        (Service::Imap, "imaps") | (Service::Submission, "submissions") => TlsMode::Implicit,
        (Service::Imap, "imap") | (Service::Submission, "submission") => TlsMode::StartTls,
        _ => return Err(format!("\"{scheme}\" is no scheme for {service}; {USAGE}").into()),
    };
    let endpoint = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let (host, port) = (Host::parse(host)?, port.parse()?);
            Endpoint::new(service, mode, host, port, Provenance::Typed)
        }
        _ => Endpoint::typed(service, mode, place)?,
    };
    let at = format!("{}:{}", endpoint.host().to_authority(), endpoint.port());
    let mut password = String::new();
    io::stdin().read_line(&mut password)?;
    Ok(Arguments {
        connector: builder
            .build()?
            .connector(&Account::configured(), endpoint)?,
        at,
        user: user.to_owned(),
        password: password.trim_end().to_owned(),
    })
}

/// Prints what went wrong: what the session says, wherever the library has put it.
pub fn report(program: &str, result: Outcome<()>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    match mail_tls::stream::find_error(&*error) {
        Some(ours) => eprintln!("{program}: {} [{}]", ours, ours.code()),
        None => eprintln!("{program}: {error}"),
    }
    ExitCode::FAILURE
}
