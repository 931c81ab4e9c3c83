//! The dialogue about a certificate that cannot be verified, on a terminal (RFC 8314 §5.4).
//!
//! ```text
//! cargo run --features std-io --example pinning -- ann@example.org imaps://imap.example.org
//! cargo run --features std-io --example pinning -- --pins FILE ann@example.org imap://localhost:1143
//! ```
//!
//! It connects. A server whose certificate is expired, comes from nobody known, or is another
//! host's, may be trusted all the same, after a warning: the user compares the fingerprint with
//! what the server's administrator says, and types its first letters. Nothing else can be trusted
//! in this way. The pin is stored, and the next connection uses it; `--forget` takes it back.
#![expect(clippy::disallowed_types, reason = "a program opens sockets")]

use std::error::Error;
use std::io::{self, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::{env, fs};

use mail_tls::blocking::Stream;
use mail_tls::stream::find_error;
use mail_tls::verify::PinnedPart;
use mail_tls::{
    Account, Acknowledged, Client, EmailAddress, Endpoint, Error as TlsError, Host, Pin, PinOffer,
    Provenance, Service, TlsMode, TrustAnchors,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: pinning [--ca FILE] [--pins FILE] [--forget] ADDRESS \
                     imaps|imap|submissions|submission://HOST[:PORT]";
/// How much of a fingerprint has to be typed: enough to have looked at it.
const TYPED: usize = 8;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pinning: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome<()> {
    let arguments = arguments()?;
    let (client, endpoint) = (&arguments.client, &arguments.endpoint);
    let stored = read_pins(&arguments.pins)?;
    // An account that has a pin was set up; nothing is offered to it any more.
    let account = match stored.is_empty() || arguments.forgets {
        true => Account::in_setup(),
        false => Account::configured(),
    }
    .with_address(arguments.address);
    for pin in stored.into_iter().filter(|_| !arguments.forgets) {
        account.restore_pin(pin);
    }

    match connect(client, &account, endpoint) {
        Ok(said) => println!("{said}"),
        Err(error) => {
            let Some(TlsError::Certificate(rejection)) = find_error(&*error) else {
                return Err(error);
            };
            println!("The server's certificate was refused: {rejection}");
            let Some(offer) = rejection.pin_offer() else {
                println!("It cannot be trusted by decision.");
                return Err(error);
            };
            if !user_trusts(offer)? {
                return Err("nothing was stored, and nothing was sent".into());
            }
            let warned = Acknowledged::by_user(offer.warning());
            account.accept_pin(warned, PinnedPart::Certificate)?;
            account.complete_setup();
            // A new connector: the one before is stale.
            println!("{}", connect(client, &account, endpoint)?);
        }
    }
    let pins: String = account
        .pins()
        .iter()
        .map(|pin| format!("{pin}\n"))
        .collect();
    fs::write(&arguments.pins, pins)?;
    println!("{} pins in {}", account.pins().len(), arguments.pins);
    Ok(())
}

/// Connects, and says what a user may be shown of it.
fn connect(client: &Client, account: &Account, endpoint: &Endpoint) -> Outcome<String> {
    let connector = client.connector(account, endpoint.clone())?;
    let at = format!("{}:{}", endpoint.host().to_authority(), endpoint.port());
    let mut stream = Stream::connect(&connector, TcpStream::connect(at)?)?;
    let said = format!("connected; to be shown: {:?}", stream.session().indicator());
    stream.close()?;
    Ok(said)
}

/// The warning in its own words, and a question that a habit does not answer.
fn user_trusts(offer: &PinOffer) -> Outcome<bool> {
    println!("\n{}\n", offer.warning());
    for cause in offer.causes() {
        println!("  cause:   {cause}");
    }
    let fingerprint = offer.certificate().to_string();
    println!("  SHA-256: {fingerprint}\n");
    print!("Type its first {TYPED} digits if your administrator names the same, or nothing: ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let digits = |text: &str| -> String {
        let digits = text.chars().filter(char::is_ascii_hexdigit);
        digits.take(TYPED).collect::<String>().to_ascii_lowercase()
    };
    let hex = fingerprint.rsplit(':').next().unwrap_or_default();
    Ok(digits(&answer) == digits(hex))
}

/// One in a line. A file that cannot be read is no reason to forget what was decided.
fn read_pins(file: &str) -> Outcome<Vec<Pin>> {
    let text = match fs::read_to_string(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text.map_err(|error| format!("cannot read {file}: {error}"))?,
    };
    let pins = text.lines().map(str::parse);
    pins.map(|pin| pin.map_err(|error| format!("{file}: {error}").into()))
        .collect()
}

struct Arguments {
    client: Client,
    address: EmailAddress,
    endpoint: Endpoint,
    pins: String,
    forgets: bool,
}

fn arguments() -> Outcome<Arguments> {
    let (mut builder, mut pins, mut forgets) = (Client::builder(), None, false);
    let (mut words, mut arguments) = (Vec::new(), env::args().skip(1));
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--ca" => {
                let pem = fs::read(arguments.next().ok_or(USAGE)?)?;
                builder = builder.trust_anchors(TrustAnchors::from_pem(&pem)?);
            }
            "--pins" => pins = Some(arguments.next().ok_or(USAGE)?),
            "--forget" => forgets = true,
            _ => words.push(argument),
        }
    }
    let [address, url] = <[String; 2]>::try_from(words).map_err(|_| USAGE)?;
    Ok(Arguments {
        client: builder.build()?,
        address: EmailAddress::parse(&address)?,
        endpoint: endpoint(&url)?,
        pins: pins.unwrap_or_else(|| "pins.txt".to_owned()),
        forgets,
    })
}

fn endpoint(url: &str) -> Outcome<Endpoint> {
    let (scheme, place) = url.split_once("://").ok_or(USAGE)?;
    let (service, mode) = match scheme {
        "imaps" => (Service::Imap, TlsMode::Implicit),
        "imap" => (Service::Imap, TlsMode::StartTls),
        "submissions" => (Service::Submission, TlsMode::Implicit),
        "submission" => (Service::Submission, TlsMode::StartTls),
        _ => return Err(USAGE.into()),
    };
    match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let (host, port) = (Host::parse(host)?, port.parse()?);
            Ok(Endpoint::new(service, mode, host, port, Provenance::Typed))
        }
        _ => Ok(Endpoint::typed(service, mode, place)?),
    }
}
