//! mail-tls.

use std::time::Duration;

use bytes::BytesMut;
use mail_tls::{
    Acceptor, AcceptorBuilder, Account, Certificates, CertifiedChain, Client, ClientSession,
    Connector, Endpoint, Error, Event, Server, ServerSession, Service, TlsMode, TlsVersions,
    TrustAnchors,
};

use crate::meter::{Laps, Meter, Side, Unmeasured};
use crate::pki::{BUFFER, HOST, Kind, Terms, Version, provider};

/// What both sides' sessions do.
pub trait Session {
    fn process<'a>(
        &'a mut self,
        incoming: &'a mut BytesMut,
        outgoing: &mut BytesMut,
    ) -> Result<Option<Event<'a>>, Error>;
    fn send(&mut self, plaintext: &[u8], outgoing: &mut BytesMut);

    /// The documented loop. The number of bytes that came.
    fn drive(&mut self, incoming: &mut BytesMut, outgoing: &mut BytesMut) -> usize {
        let mut received = 0;
        while let Some(event) = self.process(incoming, outgoing).unwrap() {
            if let Event::Data(data) = event {
                received += std::hint::black_box(data).len();
            }
        }
        received
    }
}

macro_rules! session {
    ($session:ident) => {
        impl Session for $session {
            fn process<'a>(
                &'a mut self,
                incoming: &'a mut BytesMut,
                outgoing: &mut BytesMut,
            ) -> Result<Option<Event<'a>>, Error> {
                $session::process(self, incoming, outgoing)
            }

            fn send(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) {
                $session::send(self, plaintext, outgoing).unwrap();
            }
        }
    };
}

session!(ClientSession);
session!(ServerSession);

/// Both sides, ready to begin sessions.
pub struct Stack<'a> {
    terms: Terms<'a>,
    client: Client,
    connector: Connector,
    acceptor: Acceptor,
    to_server: BytesMut,
    to_client: BytesMut,
    /// Whether what sessions have to do with those before has begun.
    is_ready: bool,
}

/// An established session, both ends of it.
#[derive(Debug)]
pub struct Pair {
    pub client: ClientSession,
    pub server: ServerSession,
}

impl<'a> Stack<'a> {
    pub fn new(terms: Terms<'a>) -> Self {
        let client = Client::builder()
            .trust_anchors(TrustAnchors::from_der([terms.pki.root.clone()]).unwrap())
            .crypto_provider(provider())
            .versions(match terms.version {
                Version::Tls12 => TlsVersions::Tls12Only,
                Version::Tls13 => TlsVersions::Tls13Only,
            })
            .build()
            .unwrap();
        let chain =
            CertifiedChain::from_der(terms.pki.chain.clone(), terms.pki.key.clone_key()).unwrap();
        let mut acceptor: AcceptorBuilder = Server::builder()
            .crypto_provider(provider())
            .build()
            .unwrap()
            .acceptor(Service::Imap, TlsMode::Implicit, Certificates::new(chain));
        if let Some(tickets) = terms.tickets {
            acceptor = acceptor.tickets(tickets);
        }
        let mut stack = Self {
            terms,
            connector: connector(&client),
            client,
            acceptor: acceptor.build().unwrap(),
            to_server: BytesMut::with_capacity(BUFFER),
            to_client: BytesMut::with_capacity(BUFFER),
            is_ready: false,
        };
        match terms.kind {
            Kind::First => {}
            Kind::Repeat | Kind::Resumed => drop(stack.pair()),
        }
        stack.is_ready = true;
        stack
    }

    /// Connectors for so many sessions: fresh ones, or the one that knows the server.
    pub fn connectors(&self, count: usize) -> Vec<Connector> {
        let next = || match self.terms.kind {
            Kind::First => connector(&self.client),
            Kind::Repeat | Kind::Resumed => self.connector.clone(),
        };
        (0..count).map(|_| next()).collect()
    }

    /// A handshake, tickets included.
    pub fn handshake(&mut self, connector: &Connector, meter: &mut impl Meter) -> Pair {
        let (to_server, to_client) = (&mut self.to_server, &mut self.to_client);
        let mut client = meter.measure(Side::Client, || connector.connect(to_server).unwrap());
        let mut server = meter.measure(Side::Server, || self.acceptor.accept().unwrap());
        while !to_server.is_empty() {
            meter.measure(Side::Server, || server.drive(to_server, to_client));
            meter.measure(Side::Client, || client.drive(to_client, to_server));
        }
        assert!(client.is_established() && server.is_established());
        let is_resumed = client.info().is_some_and(|info| info.is_resumed());
        assert_eq!(
            is_resumed,
            self.is_ready && self.terms.kind == Kind::Resumed
        );
        Pair { client, server }
    }

    pub fn accept(&self) -> ServerSession {
        self.acceptor.accept().unwrap()
    }

    /// So many handshakes, and what it takes to drop the sessions.
    pub fn handshakes(&mut self, count: usize) -> [Duration; 2] {
        let mut sum = Laps::default();
        for (turn, connector) in self.connectors(count + 1).iter().enumerate() {
            // The first one warms the caches, in which whoever went before has left other data.
            let mut warming = Laps::default();
            let laps = if turn > 0 { &mut sum } else { &mut warming };
            let pair = self.handshake(connector, laps);
            laps.measure(Side::Client, || drop(pair.client));
            laps.measure(Side::Server, || drop(pair.server));
        }
        sum.0
    }

    /// A client that has sent its ClientHello, and what the server answers.
    pub fn server_flight(&mut self) -> (ClientSession, BytesMut) {
        let (mut to_server, mut to_client) = (BytesMut::new(), BytesMut::new());
        let client = self.connector.connect(&mut to_server).unwrap();
        let mut server = self.acceptor.accept().unwrap();
        server.drive(&mut to_server, &mut to_client);
        (client, to_client)
    }

    /// A connector to a submission server with STARTTLS.
    pub fn starttls_connector(&self) -> Connector {
        let endpoint = Endpoint::typed(Service::Submission, TlsMode::StartTls, HOST).unwrap();
        self.client
            .connector(&Account::configured(), endpoint)
            .unwrap()
    }

    pub fn pair(&mut self) -> Pair {
        let connector = self.connectors(1).remove(0);
        self.handshake(&connector, &mut Unmeasured)
    }
}

/// How a submission server begins.
pub const GREETING: &[u8] = b"220 mail.example.org ESMTP ready\r\n";

/// What it says to EHLO, with so many extensions besides STARTTLS.
pub fn ehlo_reply(extensions: usize) -> Vec<u8> {
    let mut said = b"250-mail.example.org\r\n".to_vec();
    for at in 0..extensions {
        let line =
            format!("250-XEXTENSION{at:04} with parameters that nobody knows about, but many\r\n");
        said.extend_from_slice(line.as_bytes());
    }
    said.extend_from_slice(b"250 STARTTLS\r\n");
    said
}

/// Its agreement.
pub const AGREEMENT: &[u8] = b"220 go ahead\r\n";

fn connector(client: &Client) -> Connector {
    let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, HOST).unwrap();
    client.connector(&Account::configured(), endpoint).unwrap()
}
