//! tokio-rustls over an in-memory duplex, as an async program uses rustls. Nothing waits: each side
//! is polled in turn on this thread.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use pki_types::ServerName;
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use crate::bare;
use crate::meter::{Laps, Meter, Side, Unmeasured};
use crate::pki::{HOST, Terms};

/// More than any bench writes before it reads.
const CAPACITY: usize = 4 * 1024 * 1024;

/// Both sides, with the configurations of bare rustls.
pub struct Stack<'a>(bare::Stack<'a>);

/// An established connection, both ends of it.
#[derive(Debug)]
pub struct Pair {
    pub client: client::TlsStream<DuplexStream>,
    pub server: server::TlsStream<DuplexStream>,
}

impl<'a> Stack<'a> {
    pub fn new(terms: Terms<'a>) -> Self {
        Self(bare::Stack::new(terms))
    }

    /// A handshake, tickets included.
    fn handshake(&self, config: &Arc<ClientConfig>, meter: &mut impl Meter) -> Pair {
        let (near, far) = duplex(CAPACITY);
        let name = ServerName::try_from(HOST).unwrap();
        let mut client = pin!(meter.measure(Side::Client, || {
            TlsConnector::from(Arc::clone(config)).connect(name, near)
        }));
        let mut server = pin!(meter.measure(Side::Server, || {
            TlsAcceptor::from(self.0.server_config()).accept(far)
        }));
        let (mut client_end, mut server_end) = (None, None);
        while client_end.is_none() || server_end.is_none() {
            if client_end.is_none() {
                client_end = meter.measure(Side::Client, || polled(client.as_mut()));
            }
            if server_end.is_none() {
                server_end = meter.measure(Side::Server, || polled(server.as_mut()));
            }
        }
        let (mut client, server) = (client_end.unwrap().unwrap(), server_end.unwrap().unwrap());
        // Takes the tickets.
        let read = meter.measure(Side::Client, || polled(pin!(client.read(&mut [0]))));
        assert!(read.is_none());
        Pair { client, server }
    }

    /// So many handshakes, and what it takes to drop the connections.
    pub fn handshakes(&self, count: usize) -> [Duration; 2] {
        let mut sum = Laps::default();
        for (turn, config) in self.0.configs(count + 1).iter().enumerate() {
            // The first one warms the caches, in which whoever went before has left other data.
            let mut warming = Laps::default();
            let laps = if turn > 0 { &mut sum } else { &mut warming };
            let pair = self.handshake(config, laps);
            laps.measure(Side::Client, || drop(pair.client));
            laps.measure(Side::Server, || drop(pair.server));
        }
        sum.0
    }

    pub fn pair(&self) -> Pair {
        let config = self.0.configs(1).remove(0);
        self.handshake(&config, &mut Unmeasured)
    }
}

impl Pair {
    /// Encrypts `plaintext` at the client's end.
    pub fn send(&mut self, plaintext: &[u8]) {
        now(self.client.write_all(plaintext)).unwrap();
        now(self.client.flush()).unwrap();
    }

    /// Takes what the client's end has sent from the wire, unread.
    pub fn discard(&mut self, into: &mut Vec<u8>) {
        into.clear();
        let (wire, _) = self.server.get_mut();
        while let Some(taken) = polled(pin!(wire.read_buf(into))) {
            taken.unwrap();
            into.clear();
        }
    }

    /// Encrypts `plaintext` at the server's end.
    pub fn send_to_client(&mut self, plaintext: &[u8]) {
        now(self.server.write_all(plaintext)).unwrap();
        now(self.server.flush()).unwrap();
    }

    /// Reads so many bytes of plaintext at the client's end.
    pub fn receive(&mut self, bytes: usize, into: &mut [u8]) {
        let mut received = 0;
        while received < bytes {
            let n = now(self.client.read(into)).unwrap();
            std::hint::black_box(&into[..n]);
            received += n;
        }
    }
}

fn now<F: Future>(future: F) -> F::Output {
    polled(pin!(future)).expect("nothing to wait for")
}

fn polled<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
