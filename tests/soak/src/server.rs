//! The process with the server: says what it listens on, then one line for each session.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use mail_tls::{
    Acceptor, Certificates, CertifiedChain, CommandVerdict, Error, Limits, Server, ServerSession,
    Service, Session, TlsMode,
};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::carrier::{Act, Pace, Speaker, carry};
use crate::clock;
use crate::content::Content;
use crate::ending::Ending;
use crate::story::{Story, Turn};

/// The certificates' name.
pub(crate) const HOST: &str = "mail.example.org";
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Serves until standard input ends. A line there asks for the memory in use once all is quiet.
pub(crate) async fn run(patience: Duration) {
    let authority = authority();
    let chains: [CertifiedChain; 2] = std::array::from_fn(|_| chain(&authority));
    let server = Server::builder()
        .clock(clock::jumping(7))
        .limits(Limits::default().with_handshake_time(patience))
        .build()
        .expect("a server");
    let [implicit, starttls] = [TlsMode::Implicit, TlsMode::StartTls].map(|mode| {
        let certificates = Certificates::new(chains[0].clone());
        let acceptor = server.acceptor(Service::Imap, mode, certificates);
        acceptor.build().expect("an acceptor")
    });
    let busy = Arc::new(AtomicUsize::new(0));
    let (lines, mut written) = unbounded_channel::<String>();
    tokio::spawn(async move {
        let mut out = tokio::io::stdout();
        while let Some(line) = written.recv().await {
            let line = format!("{line}\n");
            out.write_all(line.as_bytes()).await.expect("a reader");
            out.flush().await.expect("a reader");
        }
    });
    let mut ports = Vec::new();
    for acceptor in [implicit.clone(), starttls.clone()] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        ports.push(listener.local_addr().expect("a port").port());
        let (busy, lines) = (Arc::clone(&busy), lines.clone());
        tokio::spawn(listen(listener, acceptor, patience, busy, lines));
    }
    let authority: String = authority
        .der()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let greeting = format!("listening {} {} {authority}", ports[0], ports[1]);
    lines.send(greeting).expect("a writer");
    tokio::spawn(renew(implicit, starttls, chains));
    let mut questions = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(_)) = questions.next_line().await {
        let mut turns = 600;
        while busy.load(Ordering::SeqCst) > 0 && turns > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            turns -= 1;
        }
        // The runtime gives back what the last connections had.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let busy = busy.load(Ordering::SeqCst);
        let answer = format!("memory {} {busy}", crate::live_bytes());
        lines.send(answer).expect("a writer");
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = (SystemTime::now() - DAY * 15).into();
    params.not_after = (SystemTime::now() + DAY * 15).into();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
}

fn chain(authority: &CertifiedIssuer<'static, KeyPair>) -> CertifiedChain {
    let mut params = CertificateParams::new([HOST.to_owned()]).expect("a name");
    params.not_before = (SystemTime::now() - DAY * 15).into();
    params.not_after = (SystemTime::now() + DAY * 15).into();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    CertifiedChain::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
        .expect("a chain")
}

/// Replaces the certificates again and again.
async fn renew(implicit: Acceptor, starttls: Acceptor, chains: [CertifiedChain; 2]) {
    for chain in chains.iter().cycle() {
        tokio::time::sleep(Duration::from_millis(200)).await;
        for acceptor in [&implicit, &starttls] {
            let certificates = Certificates::new(chain.clone());
            acceptor
                .replace_certificates(&certificates)
                .expect("certificates");
        }
    }
}

async fn listen(
    listener: TcpListener,
    acceptor: Acceptor,
    patience: Duration,
    busy: Arc<AtomicUsize>,
    lines: UnboundedSender<String>,
) {
    loop {
        let (socket, _) = listener.accept().await.expect("a connection");
        busy.fetch_add(1, Ordering::SeqCst);
        let (acceptor, busy, lines) = (acceptor.clone(), Arc::clone(&busy), lines.clone());
        tokio::spawn(async move {
            let served = tokio::spawn(serve(socket, acceptor, patience)).await;
            busy.fetch_sub(1, Ordering::SeqCst);
            let line = served.unwrap_or_else(|error| format!("fault {error}"));
            lines.send(line).expect("a writer");
        });
    }
}

/// Serves one connection; the line about it.
async fn serve(mut socket: TcpStream, acceptor: Acceptor, patience: Duration) -> String {
    let mut incoming = BytesMut::new();
    let session = match acceptor.mode() {
        TlsMode::StartTls => {
            let upgraded = upgrade(&mut socket, &acceptor, &mut incoming);
            match tokio::time::timeout(patience, upgraded).await {
                Ok(Ok(session)) => session,
                Ok(Err(ending)) => return format!("session - {ending}"),
                Err(_) => return format!("session - {}", Ending::TimedOut),
            }
        }
        _ => acceptor.accept().expect("a session"),
    };
    let mut speaker = Serving::default();
    let ending = carry(
        socket,
        session,
        incoming,
        BytesMut::new(),
        Pace::FULL,
        &mut speaker,
    )
    .await;
    match &speaker.story {
        None => format!("session - {ending}"),
        Some((story, up, down)) if speaker.faults == 0 => format!(
            "session {} {ending} {} {} {} {}",
            story.id,
            up.done,
            up.hash(),
            down.done,
            down.hash()
        ),
        Some((story, ..)) => format!("fault session {}: received what was not sent", story.id),
    }
}

/// Just enough IMAP.
async fn upgrade(
    socket: &mut TcpStream,
    acceptor: &Acceptor,
    incoming: &mut BytesMut,
) -> Result<ServerSession, Ending> {
    let mut guard = acceptor.guard();
    let broken = |_| Ending::Unestablished;
    socket.write_all(b"* OK ready\r\n").await.map_err(broken)?;
    let mut received = BytesMut::new();
    loop {
        let Some(at) = received.iter().position(|byte| *byte == b'\n') else {
            if socket.read_buf(&mut received).await.map_err(broken)? == 0 {
                return Err(Ending::Unestablished);
            }
            continue;
        };
        let line = received.split_to(at + 1);
        let mut replies = BytesMut::new();
        let agreed = match guard.command(&line) {
            CommandVerdict::StartTls { agreement, upgrade } => {
                agreement.put(&mut replies);
                Some(upgrade)
            }
            CommandVerdict::Refuse(reply) => {
                reply.put(&mut replies);
                None
            }
            _ => return Err(Ending::Other),
        };
        socket.write_all(&replies).await.map_err(broken)?;
        if let Some(upgrade) = agreed {
            return upgrade
                .begin(&received, incoming)
                .map_err(|error| Ending::of_error(&error));
        }
    }
}

/// The server's part: it sends what the story says, and ends after the client.
#[derive(Debug, Default)]
struct Serving {
    is_closed: bool,
    peer_has_closed: bool,
    header: Vec<u8>,
    story: Option<(Story, Content, Content)>,
    faults: usize,
}

impl Speaker for Serving {
    fn established(&mut self) {}

    fn data(&mut self, mut data: &[u8]) {
        if self.story.is_none() {
            let wanted = data.len().min(8 - self.header.len());
            self.header.extend_from_slice(&data[..wanted]);
            data = &data[wanted..];
            let Ok(id) = <[u8; 8]>::try_from(&*self.header) else {
                return;
            };
            let story = Story::of(u64::from_be_bytes(id));
            let up = Content::up(story.id, story.up);
            let down = Content::down(story.id, story.down);
            self.story = Some((story, up, down));
        }
        if let Some((_, up, _)) = &mut self.story {
            self.faults += usize::from(!up.expect(data));
        }
    }

    fn peer_closed(&mut self) {
        self.peer_has_closed = true;
    }

    fn speak(&mut self, session: &mut impl Session, outgoing: &mut BytesMut) -> Result<Act, Error> {
        let Some((story, up, down)) = &mut self.story else {
            return Ok(Act::GoOn);
        };
        if story.turn == Turn::ServerVanishes && up.done + down.done > story.after {
            return Ok(Act::Leave { reset: false });
        }
        while outgoing.len() < 32 * 1024 && !down.is_over() {
            session.send(&down.take(12_345), outgoing)?;
        }
        let may_close = self.peer_has_closed || story.turn == Turn::ServerClosesFirst;
        if down.is_over() && may_close && !self.is_closed {
            session.close(outgoing);
            self.is_closed = true;
        }
        Ok(if self.is_closed && self.peer_has_closed {
            Act::Finish
        } else {
            Act::GoOn
        })
    }
}
