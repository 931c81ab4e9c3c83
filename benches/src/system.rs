//! The system's OpenSSL. Without resumption, which its binding offers to unsafe code only.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use openssl::pkey::PKey;
use openssl::ssl::{
    HandshakeError, MidHandshakeSslStream, Ssl, SslContext, SslContextBuilder, SslMethod,
    SslOptions, SslSessionCacheMode, SslStream, SslVerifyMode, SslVersion,
};
use openssl::x509::X509;

use crate::meter::{Laps, Meter, Side, Unmeasured};
use crate::pki::{HOST, Kind, Terms, Version};

/// The library's own name and version.
pub fn version() -> &'static str {
    openssl::version::version()
}

/// What OpenSSL reads from and writes to.
#[derive(Debug, Default)]
pub struct Pipe {
    pub incoming: Vec<u8>,
    consumed: usize,
    pub outgoing: Vec<u8>,
    /// Read from instead of `incoming`.
    pub socket: Option<UnixStream>,
}

impl Read for Pipe {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(socket) = &mut self.socket {
            return socket.read(into);
        }
        let n = (&self.incoming[self.consumed..]).read(into)?;
        self.consumed += n;
        if self.consumed == self.incoming.len() {
            self.incoming.clear();
            self.consumed = 0;
        }
        if n == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(n)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Both sides, ready to begin connections.
#[derive(Debug)]
pub struct Stack {
    client: SslContext,
    server: SslContext,
}

/// An established connection, both ends of it.
#[derive(Debug)]
pub struct Pair {
    pub client: SslStream<Pipe>,
    pub server: SslStream<Pipe>,
}

enum Stage {
    Client(Ssl),
    Server(Ssl),
    Shaking(MidHandshakeSslStream<Pipe>),
    Done(SslStream<Pipe>),
}

impl Stack {
    pub fn new(terms: Terms<'_>) -> Self {
        assert_ne!(terms.kind, Kind::Resumed);
        let mut client = context(terms.version);
        let root = X509::from_der(&terms.pki.root).unwrap();
        client.cert_store_mut().add_cert(root).unwrap();
        client.set_verify(SslVerifyMode::PEER);
        client.set_session_cache_mode(SslSessionCacheMode::OFF);
        let mut server = context(terms.version);
        let mut chain = terms
            .pki
            .chain
            .iter()
            .map(|one| X509::from_der(one).unwrap());
        server.set_certificate(&chain.next().unwrap()).unwrap();
        chain.for_each(|one| server.add_extra_chain_cert(one).unwrap());
        let key = PKey::private_key_from_der(terms.pki.key.secret_der()).unwrap();
        server.set_private_key(&key).unwrap();
        server.set_session_id_context(b"bench").unwrap();
        server.set_session_cache_mode(SslSessionCacheMode::OFF);
        if let Some(tickets) = terms.tickets {
            server.set_num_tickets(tickets).unwrap();
        }
        Self {
            client: client.build(),
            server: server.build(),
        }
    }

    /// A handshake, tickets included.
    pub fn handshake(&mut self, meter: &mut impl Meter) -> Pair {
        let mut client = meter.measure(Side::Client, || {
            let mut client = Ssl::new(&self.client).unwrap();
            client.set_hostname(HOST).unwrap();
            client.param_mut().set_host(HOST).unwrap();
            Stage::Client(client)
        });
        let mut server = meter.measure(Side::Server, || {
            Stage::Server(Ssl::new(&self.server).unwrap())
        });
        client = meter.measure(Side::Client, || client.step());
        server = meter.measure(Side::Server, || server.step());
        loop {
            let to_server = std::mem::take(&mut client.pipe().outgoing);
            let to_client = std::mem::take(&mut server.pipe().outgoing);
            if to_server.is_empty() && to_client.is_empty() {
                break;
            }
            if !to_server.is_empty() {
                server.pipe().incoming = to_server;
                server = meter.measure(Side::Server, || server.step());
            }
            if !to_client.is_empty() {
                client.pipe().incoming.extend(to_client);
                client = meter.measure(Side::Client, || client.step());
            }
        }
        let (Stage::Done(client), Stage::Done(server)) = (client, server) else {
            panic!("the handshake is not done")
        };
        assert!(!client.ssl().session_reused());
        Pair { client, server }
    }

    /// So many handshakes, and what it takes to drop the connections.
    pub fn handshakes(&mut self, count: usize) -> [Duration; 2] {
        let mut sum = Laps::default();
        for turn in 0..=count {
            // The first one warms the caches, in which whoever went before has left other data.
            let mut warming = Laps::default();
            let laps = if turn > 0 { &mut sum } else { &mut warming };
            let pair = self.handshake(laps);
            laps.measure(Side::Client, || drop(pair.client));
            laps.measure(Side::Server, || drop(pair.server));
        }
        sum.0
    }

    pub fn pair(&mut self) -> Pair {
        self.handshake(&mut Unmeasured)
    }
}

impl Stage {
    fn step(self) -> Self {
        let result = match self {
            Self::Client(ssl) => ssl.connect(Pipe::default()),
            Self::Server(ssl) => ssl.accept(Pipe::default()),
            Self::Shaking(middle) => middle.handshake(),
            Self::Done(mut stream) => {
                // Takes the tickets.
                assert!(stream.ssl_read(&mut [0]).is_err());
                return Self::Done(stream);
            }
        };
        match result {
            Ok(stream) => Self::Done(stream),
            Err(HandshakeError::WouldBlock(middle)) => Self::Shaking(middle),
            Err(error) => panic!("{error}"),
        }
    }

    fn pipe(&mut self) -> &mut Pipe {
        match self {
            Self::Client(_) | Self::Server(_) => panic!("no stream yet"),
            Self::Shaking(middle) => middle.get_mut(),
            Self::Done(stream) => stream.get_mut(),
        }
    }
}

/// Encrypts `plaintext` into `outgoing` of the pipe.
pub fn send(stream: &mut SslStream<Pipe>, mut plaintext: &[u8]) {
    while !plaintext.is_empty() {
        let n = stream.ssl_write(plaintext).unwrap();
        plaintext = &plaintext[n..];
    }
}

/// Reads so many bytes of plaintext.
pub fn receive(stream: &mut SslStream<Pipe>, bytes: usize, into: &mut [u8]) {
    let mut received = 0;
    while received < bytes {
        let n = stream.ssl_read(into).unwrap();
        std::hint::black_box(&into[..n]);
        received += n;
    }
}

fn context(version: Version) -> SslContextBuilder {
    let mut context = SslContext::builder(SslMethod::tls()).unwrap();
    let version = match version {
        Version::Tls12 => SslVersion::TLS1_2,
        Version::Tls13 => SslVersion::TLS1_3,
    };
    context.set_min_proto_version(Some(version)).unwrap();
    context.set_max_proto_version(Some(version)).unwrap();
    context
        .set_cipher_list("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256")
        .unwrap();
    context.set_ciphersuites("TLS_AES_128_GCM_SHA256").unwrap();
    context.set_groups_list("X25519:P-256").unwrap();
    context.set_options(SslOptions::NO_RENEGOTIATION | SslOptions::NO_COMPRESSION);
    // One read for the header and what follows.
    context.set_read_ahead(true);
    context
}
