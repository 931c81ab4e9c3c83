//! An IMAP client on tokio: logs in, and waits for new mail with IDLE.
//!
//! ```text
//! cargo run -p mail-tls-async-examples --bin tokio_client -- imaps://ann@imap.example.org
//! cargo run -p mail-tls-async-examples --bin tokio_client -- --ca FILE --for 5 imap://test@localhost:1143
//! ```
//!
//! The password is the first line of the standard input. With `imap://` it speaks STARTTLS, which
//! makes no difference to anything below.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs, io};

use mail_tls::stream::{find_error, find_truncated};
use mail_tls::tokio::Stream;
use mail_tls::{
    Account, Client, ClientSession, Connector, Endpoint, Host, Provenance, Service, TlsMode,
    TrustAnchors,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::select;
use tokio::time::{sleep, timeout};

type Outcome<T> = Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: tokio_client [--ca FILE] [--for SECONDS] imaps|imap://USER@HOST[:PORT]";
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Err(error) = run().await else {
        return ExitCode::SUCCESS;
    };
    match (find_error(&*error), find_truncated(&*error)) {
        // A certificate's refusal is one of these; it says what to do, and may offer a pin.
        (Some(ours), _) => eprintln!("tokio_client: {ours} [{}]", ours.code()),
        (None, Some(truncated)) => eprintln!("tokio_client: {truncated}"),
        (None, None) => eprintln!("tokio_client: {error}"),
    }
    ExitCode::FAILURE
}

async fn run() -> Outcome<()> {
    let (connector, user, idle) = arguments()?;
    let mut password = String::new();
    io::stdin().read_line(&mut password)?;

    let endpoint = connector.endpoint();
    let at = format!("{}:{}", endpoint.host().to_authority(), endpoint.port());
    let socket = timeout(PATIENCE, TcpStream::connect(&at)).await??;
    // The session's own deadline bounds this.
    let stream = Stream::connect(&connector, socket).await?;
    if let Some(info) = stream.info() {
        println!("session: {info}");
    }
    let mut connection = Connection {
        lines: BufReader::new(stream).lines(),
    };
    if endpoint.mode() == TlsMode::Implicit {
        println!("greeting: {}", connection.line().await?);
    }
    connection.log_in(&user, password.trim_end()).await?;
    connection.command("b", "SELECT INBOX").await?;
    connection.wait_for_mail(idle).await?;
    connection.command("d", "LOGOUT").await?;
    // close_notify, and the end of the own half.
    connection.stream().shutdown().await?;
    while let Some(line) = timeout(PATIENCE, connection.lines.next_line()).await?? {
        println!("{}", line.escape_debug());
    }
    println!("closed: {:?}", connection.stream().end());
    Ok(())
}

struct Connection {
    lines: Lines<BufReader<Stream<ClientSession, TcpStream>>>,
}

impl Connection {
    fn stream(&mut self) -> &mut Stream<ClientSession, TcpStream> {
        self.lines.get_mut().get_mut()
    }

    /// Credentials go by a permit of the session: RFC 8314 §5.2.
    async fn log_in(&mut self, user: &str, password: &str) -> Outcome<()> {
        let quoted =
            |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        if [user, password]
            .iter()
            .any(|text| text.contains(['\r', '\n']))
        {
            return Err("a line break in the user's name or password".into());
        }
        let line = format!("a LOGIN {} {}\r\n", quoted(user), quoted(password));
        let (session, outgoing) = self.stream().session_mut();
        let permit = session.credential_permit()?;
        session.send_credentials(permit, line.as_bytes(), outgoing)?;
        self.stream().flush().await?;
        self.replies("a").await
    }

    async fn command(&mut self, tag: &str, command: &str) -> Outcome<()> {
        let line = format!("{tag} {command}\r\n");
        self.stream().write_all(line.as_bytes()).await?;
        self.replies(tag).await
    }

    async fn replies(&mut self, tag: &str) -> Outcome<()> {
        loop {
            let line = self.line().await?;
            println!("{line}");
            if let Some(status) = line.strip_prefix(tag) {
                return match status.trim_start().starts_with("OK") {
                    true => Ok(()),
                    false => Err(format!("the server says: {line}").into()),
                };
            }
        }
    }

    /// IDLE (RFC 2177). `next_line` may be dropped and called again, as `select!` does.
    async fn wait_for_mail(&mut self, time: Duration) -> Outcome<()> {
        self.stream().write_all(b"c IDLE\r\n").await?;
        let done = sleep(time);
        tokio::pin!(done);
        loop {
            // Nothing will come for long: no memory is held meanwhile.
            self.stream().trim();
            select! {
                line = self.lines.next_line() => {
                    let line = line?.ok_or("the server has gone")?;
                    println!("{}", line.escape_debug());
                }
                () = &mut done => break,
            }
        }
        self.stream().write_all(b"DONE\r\n").await?;
        self.replies("c").await
    }

    async fn line(&mut self) -> Outcome<String> {
        let line = timeout(PATIENCE, self.lines.next_line()).await??;
        Ok(line
            .ok_or("the server has gone")?
            .escape_debug()
            .to_string())
    }
}

fn arguments() -> Outcome<(Connector, String, Duration)> {
    let (mut builder, mut idle) = (Client::builder(), Duration::from_secs(25 * 60));
    let (mut url, mut arguments) = (None, env::args().skip(1));
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--ca" => {
                let pem = fs::read(arguments.next().ok_or(USAGE)?)?;
                builder = builder.trust_anchors(TrustAnchors::from_pem(&pem)?);
            }
            "--for" => idle = Duration::from_secs(arguments.next().ok_or(USAGE)?.parse()?),
            _ => url = Some(argument),
        }
    }
    let url = url.ok_or(USAGE)?;
    let (scheme, rest) = url.split_once("://").ok_or(USAGE)?;
    let (user, place) = rest.rsplit_once('@').ok_or(USAGE)?;
    let mode = match scheme {
        "imaps" => TlsMode::Implicit,
        "imap" => TlsMode::StartTls,
        _ => return Err(USAGE.into()),
    };
    let endpoint = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let (host, port) = (Host::parse(host)?, port.parse()?);
            Endpoint::new(Service::Imap, mode, host, port, Provenance::Typed)
        }
        _ => Endpoint::typed(Service::Imap, mode, place)?,
    };
    let connector = builder
        .build()?
        .connector(&Account::configured(), endpoint)?;
    Ok((connector, user.to_owned(), idle))
}
