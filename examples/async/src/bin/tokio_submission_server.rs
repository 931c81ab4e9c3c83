//! A submission server on tokio, with implicit TLS and STARTTLS: who may log in is decided before the
//! password is looked at (RFC 8314 §4.1), and Received says how mail came (§4.3). `test` has `test`.

use std::{env, error::Error, fs, io, net::SocketAddr, time::Duration};

use chrono::Utc;
use mail_tls::admission::{self, AdmissionVerdict as Verdict, LoginAttempt, ServerPolicy, UtcDay};
use mail_tls::{Acceptor, Certificates, CommandVerdict, Service, TlsMode, tokio::Stream};
use smtp_proto::{AUTH_PLAIN as PLAIN, MAIL_SMTPUTF8, Request};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::{net, time::timeout};

const PATIENCE: Duration = Duration::from_secs(300); // RFC 5321 §4.5.3.2.7
const LARGEST: usize = 1_000_000; // message, in bytes
const CAPABILITIES: &str = "PIPELINING\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nAUTH PLAIN";
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;
type Wire = BufReader<Box<dyn Transport>>; // a connection, before TLS and in it
trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [implicit, starttls, directory, chain, key] = &arguments[..] else {
        return Err("usage: tokio_submission_server PORT PORT DIRECTORY CHAIN KEY".into());
    };
    let chain = mail_tls::CertifiedChain::from_pem(&fs::read(chain)?, &fs::read(key)?)?;
    let server = mail_tls::Server::builder().build()?;
    fs::create_dir_all(directory)?;
    env::set_current_dir(directory)?; // where the messages go
    let listen = async |mode: TlsMode, port: &str| -> Outcome<()> {
        let builder = server.acceptor(Service::Submission, mode, Certificates::new(chain.clone()));
        let acceptor = builder.build()?;
        let listener = net::TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
        println!("listens on {}, {mode}", listener.local_addr()?);
        loop {
            let (socket, peer) = listener.accept().await?;
            let connection = serve(acceptor.clone(), socket, peer);
            let end = async move { connection.await.map_err(|error| error.to_string()) };
            tokio::spawn(async move { println!("{peer} has gone: {:?}", end.await) });
        }
    };
    let implicit = listen(TlsMode::Implicit, implicit);
    tokio::try_join!(implicit, listen(TlsMode::StartTls, starttls)).map(drop)
}

async fn serve(acceptor: Acceptor, socket: net::TcpStream, peer: SocketAddr) -> Outcome<()> {
    let (mut guard, mut wire) = (acceptor.guard(), Wire::new(Box::new(socket)));
    let (mut input, mut output) = (bytes::BytesMut::new(), bytes::BytesMut::new());
    let is_implicit = acceptor.mode() == TlsMode::Implicit;
    let mut begun = is_implicit.then(|| acceptor.accept()).transpose()?; // TLS, when it is time
    let (mut tls, mut security) = (None, admission::ConnectionSecurity::Cleartext);
    let (mut hello, mut sender, mut recipients) = (String::new(), None, Vec::<String>::new());
    let (mut is_authenticated, mut reply) = (false, String::from("220 localhost ready\r\n"));
    loop {
        if let Some(session) = begun.take() {
            let mut stream = Stream::new(session, wire.into_inner(), input.split(), output.split());
            stream.handshake().await?;
            let must_forget = guard.established(stream.session())?;
            let info = stream.info().ok_or("established, and no information")?;
            println!("{peer}: {info}, forgetting {must_forget:?}");
            let with = info.transmission_type(true, false);
            (tls, security) = (with.zip(info.received_clause()), info.security());
            wire = Wire::new(Box::new(stream));
        }
        timeout(PATIENCE, wire.write_all(reply.as_bytes())).await??;
        // The guard and the parser see the same bytes: one line, or none if it was a bad one.
        let line = read(&mut wire, b"\r\n").await?.unwrap_or_default();
        let mut say = |text: &str| reply = format!("{}\r\n", text.trim_end());
        say("250 2.0.0 done"); // unless something else is said below
        match guard.command(&line) {
            CommandVerdict::Refuse(refusal) => say(refusal.text()), // most commands, before TLS
            CommandVerdict::StartTls { agreement, upgrade } => {
                begun = Some(upgrade.begin(wire.buffer(), &mut input)?);
                agreement.put(&mut output);
                (hello, reply) = (String::new(), String::new()); // all that is known (RFC 3207 §4.2)
            }
            CommandVerdict::Proceed => match Request::parse(&mut line.iter()) {
                Ok(Request::Quit) => break,
                Ok(Request::Noop { .. }) => {}
                Ok(Request::Rset) => sender = None,
                Ok(Request::Ehlo { host }) if is_plain(&host, 0, false) => {
                    (hello, sender) = (host.into_owned(), None);
                    let filter = guard.capabilities(mail_tls::ExternalOffer::Nothing);
                    let listed: Vec<_> = filter.filter(CAPABILITIES.lines()).collect();
                    let all = listed.join("\r\n250-");
                    say(&format!("250-localhost\r\n250-{all}\r\n250 SIZE {LARGEST}"));
                }
                Ok(Request::Ehlo { .. }) => say("501 5.5.4 not a domain"),
                Ok(Request::Auth { .. }) if is_authenticated => say("503 5.5.1 logged in already"),
                Ok(Request::Auth { mechanism, .. }) if mechanism != PLAIN => say("504 5.5.4 PLAIN"),
                Ok(Request::Auth {
                    initial_response, ..
                }) => {
                    let mut response = initial_response.into_owned().into_bytes();
                    if response.is_empty() {
                        wire.write_all(b"334 \r\n").await?;
                        response = read(&mut wire, b"\r\n").await?.unwrap_or_default();
                    }
                    let refusal = log_in(&response, security).err();
                    is_authenticated = refusal.is_none();
                    say(&refusal.unwrap_or_else(|| "235 2.7.0 welcome".into()));
                }
                // RFC 6409 §4.3, on both ports (RFC 8314 §3.3).
                Ok(_) if !is_authenticated => say("530 5.7.0 log in first"),
                Ok(Request::Mail { from }) if sender.is_none() && !hello.is_empty() => {
                    (sender, recipients) = (Some(from.flags & MAIL_SMTPUTF8 != 0), Vec::new());
                }
                Ok(_) if sender.is_none() => say("503 5.5.1 not known, or not before MAIL"),
                Ok(Request::Rcpt { .. }) if recipients.len() == 100 => say("452 4.5.3 too many"),
                Ok(Request::Rcpt { to }) if is_plain(&to.address, 1, sender == Some(true)) => {
                    recipients.push(to.address.into_owned());
                }
                Ok(Request::Rcpt { .. }) => say("553 5.1.3 not an address that is taken here"),
                Ok(Request::Data) if !recipients.is_empty() => {
                    wire.write_all(b"354 go on, and end with a dot\r\n").await?;
                    let message = read(&mut wire, b"\r\n.\r\n").await?;
                    let (with, clause) = tls.ok_or("no TLS")?;
                    let id = format!("{:x}-{:x}", Utc::now().timestamp_micros(), peer.port());
                    let v6 = if peer.is_ipv6() { "IPv6:" } else { "" }; // RFC 5321 §4.1.3
                    let head = format!("Received: from {hello} ([{v6}{}])", peer.ip());
                    let mut out = mail_tls::received::Folding::at_column(String::new(), head.len());
                    out.clause("by", "localhost")?;
                    out.with(with.with_smtputf8(sender.take() == Some(true)))?;
                    out.clause("id", &id)?;
                    if let [only] = &recipients[..] {
                        out.clause("for", format!("<{only}>"))?; // RFC 5321 §7.2
                    }
                    out.tls(&clause)?;
                    match message.map(|it| keep(&id, head + &out.into_inner(), &it)) {
                        Ok(Ok(())) => say(&format!("250 2.0.0 taken as {id}")),
                        Ok(Err(error)) => say(&format!("451 4.3.0 {error}")),
                        Err(code) => say(&format!("{code} too large, or not in lines with CR LF")),
                    }
                }
                Ok(_) => say("503 5.5.1 not known, or not now"),
                Err(_) => say("500 5.5.2 not understood, or not a line that ends with CR LF"),
            },
            _ => return Err("neither TLS nor anything else that can come here".into()),
        }
    }
    wire.write_all(b"221 2.0.0 goodbye\r\n").await?;
    Ok(timeout(PATIENCE, wire.shutdown()).await??)
}

/// The lines up to `end`, of which CRLF is theirs; or what is wrong with them, once all have come.
async fn read(wire: &mut Wire, end: &[u8]) -> Outcome<Result<Vec<u8>, &'static str>> {
    let (mut text, mut fault) = (b"\r\n".to_vec(), None);
    while text.len() == 2 || !text.ends_with(end) {
        let mut line = (&mut *wire).take(12_288); // an AUTH exchange's (RFC 4954 §4)
        if timeout(PATIENCE, line.read_until(b'\n', &mut text)).await?? == 0 {
            return Err("it went without QUIT".into());
        }
        let is_large = text.len() > LARGEST + end.len(); // CRLF before, the dot behind
        if is_large || !text.ends_with(b"\r\n") {
            fault = Some(if is_large { "552 5.3.4" } else { "554 5.6.0" });
            text.drain(2..text.len().saturating_sub(end.len()).max(2));
        }
    }
    Ok(fault.map_or_else(|| Ok(text[2..text.len() - end.len() + 2].to_vec()), Err))
}

fn log_in(response: &[u8], security: admission::ConnectionSecurity) -> Result<(), String> {
    let decoded = data_encoding::BASE64.decode(response.trim_ascii_end());
    let decoded = String::from_utf8(decoded.unwrap_or_default()).unwrap_or_default();
    let [authorization, user, password] = decoded.split('\0').collect::<Vec<_>>()[..] else {
        return Err("501 5.5.2 not a response of PLAIN (RFC 4616)".into());
    };
    let attempt = LoginAttempt::new(Service::Submission, security, user);
    let policy = ServerPolicy::requiring_tls();
    let admission = policy.decide(&attempt, UtcDay::of(Utc::now().into()));
    println!("{admission}");
    let is_right = || (user, password) == ("test", "test") && ["", user].contains(&authorization);
    match admission.verdict() {
        Verdict::RequireTls(it) | Verdict::RequireTls12(it) => Err(it.reply("").to_string()),
        Verdict::Allow if is_right() => Ok(()),
        _ => Err("535 5.7.8 not you".into()),
    }
}

/// Writes a message into a file of its own, below its Received field, while the task waits.
fn keep(id: &str, mut field: String, message: &[u8]) -> io::Result<()> {
    field += &format!(";\r\n {}\r\n", Utc::now().to_rfc2822());
    let lines = message.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.flat_map(|line| line.strip_prefix(b".").unwrap_or(line));
    let message: Vec<u8> = lines.copied().collect();
    if message.starts_with(b" ") || message.starts_with(b"\t") {
        field += "\r\n"; // a message without fields must not go on with this one
    }
    fs::write(format!("{id}.part"), [field.into_bytes(), message].concat())?;
    fs::File::open(format!("{id}.part"))?.sync_all()?;
    fs::rename(format!("{id}.part"), format!("{id}.eml"))
}

/// Whether it can stand in a Received field as it is: with so many `@`, and perhaps beyond ASCII.
fn is_plain(word: &str, ats: usize, is_utf8: bool) -> bool {
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || "<>()\";\\,\u{fffd}".contains(c);
    word.matches('@').count() == ats && !word.contains(is_odd) && (is_utf8 || word.is_ascii())
}
