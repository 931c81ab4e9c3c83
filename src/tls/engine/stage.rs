//! What an engine drives: rustls before and after it has read a ClientHello.

use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};

use bytes::BytesMut;
use rustls::server::{Accepted, Acceptor};
use rustls::{Connection, ConnectionCommon, InvalidMessage, IoState, SideData};

use super::Fault;
use crate::limits::QUEUED_PLAINTEXT;
use crate::tls::alerts::{RECORD_ALERT, refuse_hello};
use crate::tls::buffers::{Sink, Source};
use crate::tls::hello::{HelloPeek, Versions};

/// The connection lies in the session itself: an allocation of its size makes the C library merge all
/// free blocks that it has put aside, at every handshake. What lasts for a moment alone has one of its own.
#[expect(
    clippy::large_enum_variant,
    reason = "the large variant is what nearly all sessions are in, nearly all the time"
)]
pub(super) enum Stage {
    /// The server waits for the ClientHello.
    Hello(Box<(Acceptor, HelloPeek)>),
    /// The ClientHello was read, and waits for the configuration to go on with.
    Offered(Box<(Accepted, Versions)>),
    Running(Connection),
    /// Nothing is left after a fault before there was a connection.
    Spent,
}

impl Stage {
    /// The first piece of plaintext that rustls holds.
    pub(super) fn first_chunk(&mut self) -> &[u8] {
        match self {
            Self::Running(connection) => connection.reader().into_first_chunk().unwrap_or_default(),
            Self::Hello(..) | Self::Offered(..) | Self::Spent => &[],
        }
    }

    /// Gives rustls all of `portion`.
    pub(super) fn take(&mut self, portion: &[u8]) -> Result<(), Fault> {
        if let Self::Hello(hello) = self {
            let (_, peek) = &mut **hello;
            peek.see(portion);
        }
        let mut portion = Source(portion);
        while !portion.0.is_empty() {
            let taken = match self {
                Self::Hello(hello) => {
                    let (acceptor, _) = &mut **hello;
                    acceptor.read_tls(&mut portion)
                }
                Self::Running(connection) => connection.read_tls(&mut portion),
                Self::Offered(..) | Self::Spent => return Ok(()),
            };
            match taken {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // Its buffer for handshake messages is full.
                Err(error) => return Err(io_fault(error)),
            }
        }
        Ok(())
    }

    pub(super) fn process(
        &mut self,
        is_closed: bool,
        outgoing: &mut BytesMut,
    ) -> Result<Received, rustls::Error> {
        match self {
            Self::Running(connection) if is_closed => {
                // In debug builds rustls asserts that no alert follows the one that it has sent,
                // close_notify included: a damaged record after it would panic. What it has to
                // say then is discarded anyway.
                panic::catch_unwind(AssertUnwindSafe(|| connection.process_new_packets()))
                    .unwrap_or(Err(rustls::Error::DecryptError))
                    .map(Received::from)
            }
            Self::Running(connection) => connection.process_new_packets().map(Received::from),
            Self::Hello(hello) => {
                let (acceptor, peek) = &mut **hello;
                match acceptor.accept() {
                    Ok(None) => Ok(Received::default()),
                    Ok(Some(accepted)) => {
                        let versions = peek.versions();
                        *self = Self::Offered(Box::new((accepted, versions)));
                        Ok(Received::default())
                    }
                    Err((error, alert)) => {
                        let versions = peek.versions();
                        *self = Self::Spent;
                        Err(refuse_hello(error, alert, versions, outgoing))
                    }
                }
            }
            Self::Offered(..) | Self::Spent => Ok(Received::default()),
        }
    }
}

/// What rustls has after its work on what it was given.
#[derive(Default)]
pub(super) struct Received {
    /// Bytes of plaintext.
    pub(super) plaintext: usize,
    pub(super) peer_has_closed: bool,
}

impl From<IoState> for Received {
    fn from(state: IoState) -> Self {
        Self {
            plaintext: state.plaintext_bytes_to_read(),
            peer_has_closed: state.peer_has_closed(),
        }
    }
}

pub(super) fn encrypt<Side: SideData>(
    connection: &mut ConnectionCommon<Side>,
    plaintext: &[u8],
    outgoing: &mut BytesMut,
) -> Result<(), Fault> {
    let mut rest = plaintext;
    while !rest.is_empty() {
        // One record at a time, so that rustls keeps none back.
        let record = rest.get(..QUEUED_PLAINTEXT).unwrap_or(rest);
        // It takes less than it was offered where it refreshes its keys (TLS 1.3).
        let taken = connection.writer().write(record).map_err(io_fault)?;
        let before = outgoing.len();
        while connection.wants_write() {
            match connection.write_tls(&mut Sink(outgoing)) {
                Ok(0) | Err(_) => break,
                Ok(_) => {}
            }
        }
        // At the limit of TLS 1.2's keys rustls says that it took everything, drops it and
        // closes: the record is an alert.
        match outgoing.get(before) {
            Some(&RECORD_ALERT) | None => return Err(Fault::KeysExhausted),
            Some(_) => {}
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(())
}

pub(super) fn drain(connection: &mut Connection, outgoing: &mut BytesMut) {
    while connection.wants_write() {
        match connection.write_tls(&mut Sink(outgoing)) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn io_fault(error: io::Error) -> Fault {
    match error.downcast::<rustls::Error>() {
        Ok(error) => Fault::Tls(error),
        Err(_) => Fault::Tls(InvalidMessage::HandshakePayloadTooLarge.into()),
    }
}
