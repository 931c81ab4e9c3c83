//! rustls' buffered API, used as its documentation says and with care: buffers are reused, and
//! nothing is asked twice.

use std::io::{Read, Write};
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use pki_types::ServerName;
use rustls::client::{ClientConnection, Resumption};
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::ServerConnection;
use rustls::{
    ClientConfig, ConnectionCommon, HandshakeKind, RootCertStore, ServerConfig, SideData,
    SupportedProtocolVersion, version,
};

use crate::meter::{Laps, Meter, Side, Unmeasured};
use crate::pki::{BUFFER, HOST, Kind, Terms, Version, provider};

/// Plaintext that one call of `process_new_packets` can bring: rustls buffers one record.
const READ: usize = 32 * 1024;

/// Both sides, ready to begin connections.
pub struct Stack<'a> {
    terms: Terms<'a>,
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    name: ServerName<'static>,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// Whether what connections have to do with those before has begun.
    is_ready: bool,
}

/// An established connection, both ends of it.
#[derive(Debug)]
pub struct Pair {
    pub client: ClientConnection,
    pub server: ServerConnection,
}

impl<'a> Stack<'a> {
    pub fn new(terms: Terms<'a>) -> Self {
        let versions: &[&SupportedProtocolVersion] = match terms.version {
            Version::Tls12 => &[&version::TLS12],
            Version::Tls13 => &[&version::TLS13],
        };
        let mut roots = RootCertStore::empty();
        roots.add(terms.pki.root.clone()).unwrap();
        let mut client = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.require_ems = true;
        // What a mail client would offer, and mail-tls does not: nothing.
        client.alpn_protocols = Vec::new();
        let mut server = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(terms.pki.chain.clone(), terms.pki.key.clone_key())
            .unwrap();
        server.require_ems = true;
        if let Some(tickets) = terms.tickets {
            server.send_tls13_tickets = tickets;
            if tickets > 0 {
                server.ticketer = Ticketer::new().unwrap();
            }
        }
        let mut stack = Self {
            terms,
            client: Arc::new(client),
            server: Arc::new(server),
            name: ServerName::try_from(HOST).unwrap(),
            to_server: Vec::with_capacity(BUFFER),
            to_client: Vec::with_capacity(BUFFER),
            is_ready: false,
        };
        match terms.kind {
            Kind::First => {}
            Kind::Repeat | Kind::Resumed => drop(stack.pair()),
        }
        stack.is_ready = true;
        stack
    }

    /// Configurations for so many connections: with an empty store of tickets, as a fresh connector
    /// of mail-tls, or the one that has a ticket.
    pub fn configs(&self, count: usize) -> Vec<Arc<ClientConfig>> {
        let next = || match self.terms.kind {
            Kind::Repeat | Kind::Resumed => Arc::clone(&self.client),
            Kind::First => {
                let mut config = ClientConfig::clone(&self.client);
                config.resumption = Resumption::in_memory_sessions(8);
                Arc::new(config)
            }
        };
        (0..count).map(|_| next()).collect()
    }

    /// A client with its ClientHello.
    pub fn begin(&self, config: &Arc<ClientConfig>, to_server: &mut Vec<u8>) -> ClientConnection {
        let mut client = ClientConnection::new(Arc::clone(config), self.name.clone()).unwrap();
        drain(&mut client, to_server);
        client
    }

    /// A handshake, tickets included.
    pub fn handshake(&mut self, config: &Arc<ClientConfig>, meter: &mut impl Meter) -> Pair {
        let (mut to_server, mut to_client) = (take(&mut self.to_server), take(&mut self.to_client));
        let mut client = meter.measure(Side::Client, || self.begin(config, &mut to_server));
        let mut server = meter.measure(Side::Server, || {
            ServerConnection::new(Arc::clone(&self.server)).unwrap()
        });
        while !to_server.is_empty() {
            meter.measure(Side::Server, || {
                drive(&mut server, &mut to_server, &mut to_client)
            });
            meter.measure(Side::Client, || {
                drive(&mut client, &mut to_client, &mut to_server)
            });
        }
        (self.to_server, self.to_client) = (to_server, to_client);
        assert!(!client.is_handshaking() && !server.is_handshaking());
        let is_resumed = client.handshake_kind() == Some(HandshakeKind::Resumed);
        assert_eq!(
            is_resumed,
            self.is_ready && self.terms.kind == Kind::Resumed
        );
        Pair { client, server }
    }

    /// So many handshakes, and what it takes to drop the connections.
    pub fn handshakes(&mut self, count: usize) -> [Duration; 2] {
        let mut sum = Laps::default();
        for (turn, config) in self.configs(count + 1).iter().enumerate() {
            // The first one warms the caches, in which whoever went before has left other data.
            let mut warming = Laps::default();
            let laps = if turn > 0 { &mut sum } else { &mut warming };
            let pair = self.handshake(config, laps);
            laps.measure(Side::Client, || drop(pair.client));
            laps.measure(Side::Server, || drop(pair.server));
        }
        sum.0
    }

    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    pub fn pair(&mut self) -> Pair {
        let config = self.configs(1).remove(0);
        self.handshake(&config, &mut Unmeasured)
    }
}

/// Takes all of `incoming`, and answers.
pub fn drive<S: SideData>(
    connection: &mut ConnectionCommon<S>,
    incoming: &mut Vec<u8>,
    outgoing: &mut Vec<u8>,
) {
    let mut rest = incoming.as_slice();
    while !rest.is_empty() {
        connection.read_tls(&mut rest).unwrap();
        connection.process_new_packets().unwrap();
    }
    incoming.clear();
    drain(connection, outgoing);
}

/// Encrypts `plaintext` into `outgoing`.
pub fn send<S: SideData>(
    connection: &mut ConnectionCommon<S>,
    mut plaintext: &[u8],
    outgoing: &mut Vec<u8>,
) {
    while !plaintext.is_empty() {
        let taken = connection.writer().write(plaintext).unwrap();
        plaintext = &plaintext[taken..];
        drain(connection, outgoing);
    }
}

/// Buffers `plaintext` in a record of its own, to be written with others.
pub fn queue<S: SideData>(connection: &mut ConnectionCommon<S>, plaintext: &[u8]) {
    connection.writer().write_all(plaintext).unwrap();
}

pub fn drain<S: SideData>(connection: &mut ConnectionCommon<S>, outgoing: &mut Vec<u8>) {
    while connection.wants_write() {
        connection.write_tls(outgoing).unwrap();
    }
}

/// Where plaintext is read into.
#[derive(Debug)]
pub struct Plaintext(Box<[u8]>);

impl Default for Plaintext {
    fn default() -> Self {
        Self(vec![0; READ].into())
    }
}

/// Reads from `transport` until `bytes` of it have come. The number of plaintext bytes.
pub fn receive<S: SideData>(
    connection: &mut ConnectionCommon<S>,
    mut transport: impl Read,
    bytes: usize,
    into: &mut Plaintext,
) -> usize {
    let (mut taken, mut received) = (0, 0);
    while taken < bytes {
        taken += connection.read_tls(&mut transport).unwrap();
        let mut waiting = connection
            .process_new_packets()
            .unwrap()
            .plaintext_bytes_to_read();
        while waiting > 0 {
            let n = connection.reader().read(&mut into.0).unwrap();
            std::hint::black_box(&into.0[..n]);
            waiting -= n;
            received += n;
        }
    }
    received
}
