//! One side is mail-tls and its peer is rustls, so that what the peer does and leaves behind is the same
//! as where both sides are rustls.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mail_tls::Connector;
use rustls::ClientConfig;
use rustls::server::ServerConnection;

use crate::meter::{Laps, Meter, Side};
use crate::ours::Session;
use crate::pki::{BUFFER, Terms};
use crate::{bare, ours};

/// Both, ready to begin.
pub struct Stack<'a> {
    ours: ours::Stack<'a>,
    bare: bare::Stack<'a>,
    wire: Wire,
}

/// What is on its way: each side has buffers of the kind that it works with. To carry it from the one
/// to the other is in nobody's time.
struct Wire {
    to_ours: BytesMut,
    from_ours: BytesMut,
    to_bare: Vec<u8>,
    from_bare: Vec<u8>,
}

impl Wire {
    fn carry(&mut self) {
        self.to_ours.extend_from_slice(&self.from_bare);
        self.from_bare.clear();
        self.to_bare.extend_from_slice(&self.from_ours);
        self.from_ours.clear();
    }
}

impl<'a> Stack<'a> {
    pub fn new(terms: Terms<'a>) -> Self {
        Self {
            ours: ours::Stack::new(terms),
            bare: bare::Stack::new(terms),
            wire: Wire {
                to_ours: BytesMut::with_capacity(BUFFER),
                from_ours: BytesMut::with_capacity(BUFFER),
                to_bare: Vec::with_capacity(BUFFER),
                from_bare: Vec::with_capacity(BUFFER),
            },
        }
    }

    /// The time that so many clients of mail-tls take, the drop of the sessions included.
    pub fn client(&mut self, count: usize) -> Duration {
        let connectors = self.ours.connectors(count.saturating_add(1));
        let laps = connectors
            .iter()
            .map(|connector| self.one_client(connector));
        // The first one warms the caches.
        laps.skip(1).map(|Laps([client, _])| client).sum()
    }

    /// The time that so many servers of mail-tls take.
    pub fn server(&mut self, count: usize) -> Duration {
        let configs = self.bare.configs(count.saturating_add(1));
        let laps = configs.iter().map(|config| self.one_server(config));
        laps.skip(1).map(|Laps([_, server])| server).sum()
    }

    fn one_client(&mut self, connector: &Connector) -> Laps {
        let (wire, mut laps) = (&mut self.wire, Laps::default());
        let mut client = laps.measure(Side::Client, || {
            connector.connect(&mut wire.from_ours).unwrap()
        });
        let mut server = laps.measure(Side::Server, || {
            ServerConnection::new(self.bare.server_config()).unwrap()
        });
        wire.carry();
        while !wire.to_bare.is_empty() {
            laps.measure(Side::Server, || {
                bare::drive(&mut server, &mut wire.to_bare, &mut wire.from_bare);
            });
            wire.carry();
            laps.measure(Side::Client, || {
                client.drive(&mut wire.to_ours, &mut wire.from_ours)
            });
            wire.carry();
        }
        assert!(client.is_established() && !server.is_handshaking());
        laps.measure(Side::Client, || drop(client));
        laps.measure(Side::Server, || drop(server));
        laps
    }

    fn one_server(&mut self, config: &Arc<ClientConfig>) -> Laps {
        let (wire, mut laps) = (&mut self.wire, Laps::default());
        let mut client = laps.measure(Side::Client, || {
            self.bare.begin(config, &mut wire.from_bare)
        });
        let mut server = laps.measure(Side::Server, || self.ours.accept());
        wire.carry();
        while !wire.to_ours.is_empty() {
            laps.measure(Side::Server, || {
                server.drive(&mut wire.to_ours, &mut wire.from_ours)
            });
            wire.carry();
            laps.measure(Side::Client, || {
                bare::drive(&mut client, &mut wire.to_bare, &mut wire.from_bare);
            });
            wire.carry();
        }
        assert!(server.is_established() && !client.is_handshaking());
        laps.measure(Side::Client, || drop(client));
        laps.measure(Side::Server, || drop(server));
        laps
    }
}
