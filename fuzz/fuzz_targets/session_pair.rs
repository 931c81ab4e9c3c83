#![no_main]

use arbitrary::{Result, Unstructured};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use mail_tls::{Service, TlsMode};
use mail_tls_fuzz::{Bound, Cryptography, Item, Operation, Script, Watched, within};

/// A step of one byte may have the harness copy what is on the wire.
const BOUND: Bound = Bound {
    peak: (128 << 10, 64),
    total: (1 << 20, 16 << 10),
};

#[derive(Debug)]
enum Step {
    /// Carries so many bytes to the other side.
    Carry {
        to_server: bool,
        count: u16,
    },
    CarryAll,
    Flip {
        to_server: bool,
        at: u16,
        bit: u8,
    },
    Double {
        to_server: bool,
        count: u8,
    },
    Drop {
        to_server: bool,
        count: u8,
    },
    Client(Operation),
    Server(Operation),
}

impl Item for Step {
    fn read(input: &mut Unstructured<'_>) -> Result<Self> {
        let kind: u8 = input.arbitrary()?;
        let to_server = kind & 0x80 != 0;
        Ok(match (kind & 0x7f) % 6 {
            0 => Self::CarryAll,
            1 => Self::Carry {
                to_server,
                count: input.arbitrary()?,
            },
            2 => Self::Flip {
                to_server,
                at: input.arbitrary()?,
                bit: input.arbitrary()?,
            },
            3 => Self::Double {
                to_server,
                count: input.arbitrary()?,
            },
            4 => Self::Drop {
                to_server,
                count: input.arbitrary()?,
            },
            _ if to_server => Self::Client(Operation::read(input)?),
            _ => Self::Server(Operation::read(input)?),
        })
    }
}

fuzz_target!(|data: &[u8]| {
    within(BOUND, data, |input: (bool, bool, Script<Step>)| {
        let (tls12, greets, Script(steps)) = input;
        joined(tls12, greets, steps);
    });
});

// With real cryptography: nothing that was damaged on the way is delivered.
fn joined(tls12: bool, greets: bool, steps: Vec<Step>) {
    let (service, real) = (Service::Imap, Cryptography::Real);
    let mut client = Watched::client(service, TlsMode::Implicit, tls12, real);
    let mut server = Watched::server(service, false, real);
    let (mut said_by_client, mut said_by_server) = (Vec::new(), Vec::new());
    let mut is_tampered = false;
    if greets {
        for _ in 0..6 {
            carry(&mut client, &mut server, usize::MAX);
            carry(&mut server, &mut client, usize::MAX);
        }
        assert!(client.is_established && server.is_established);
    }
    for step in steps {
        match step {
            Step::Carry {
                to_server: true,
                count,
            } => carry(&mut client, &mut server, count.into()),
            Step::Carry {
                to_server: false,
                count,
            } => carry(&mut server, &mut client, count.into()),
            Step::CarryAll => {
                for _ in 0..6 {
                    carry(&mut client, &mut server, usize::MAX);
                    carry(&mut server, &mut client, usize::MAX);
                }
            }
            Step::Flip { to_server, at, bit } => {
                let wire = if to_server {
                    &mut client.outgoing
                } else {
                    &mut server.outgoing
                };
                if let Some(byte) = wire.get_mut(usize::from(at)) {
                    *byte ^= 1 << (bit % 8);
                    is_tampered = true;
                }
            }
            Step::Double { to_server, count } => {
                let wire = if to_server {
                    &mut client.outgoing
                } else {
                    &mut server.outgoing
                };
                let head = wire
                    .get(..usize::from(count).min(8192_usize.saturating_sub(wire.len())))
                    .map(<[u8]>::to_vec)
                    .unwrap_or_default();
                is_tampered |= !head.is_empty();
                let rest = std::mem::replace(wire, BytesMut::from(&head[..]));
                wire.unsplit(rest);
            }
            Step::Drop { to_server, count } => {
                let wire = if to_server {
                    &mut client.outgoing
                } else {
                    &mut server.outgoing
                };
                let count = usize::from(count).min(wire.len());
                is_tampered |= count > 0;
                let _ = wire.split_to(count);
            }
            Step::Client(Operation::Feed(_)) | Step::Server(Operation::Feed(_)) => {}
            Step::Client(operation) => side(&mut client, operation, &mut said_by_client),
            Step::Server(operation) => side(&mut server, operation, &mut said_by_server),
        }
        assert!(
            said_by_client.starts_with(&server.received),
            "a prefix of what was sent"
        );
        assert!(
            said_by_server.starts_with(&client.received),
            "a prefix of what was sent"
        );
        if server.peer_closed {
            assert_eq!(server.received, said_by_client, "a clean end is complete");
        }
        if client.peer_closed {
            assert_eq!(client.received, said_by_server, "a clean end is complete");
        }
    }
    if !is_tampered {
        for death in [&client.death, &server.death].into_iter().flatten() {
            assert!(
                matches!(
                    death.code(),
                    "timed-out" | "ended-during-handshake" | "alert-received"
                ),
                "{death}"
            );
        }
    }
}

fn side(watched: &mut Watched, operation: Operation, said: &mut Vec<u8>) {
    let data = match &operation {
        Operation::Send(data) | Operation::Queue(data) => data.clone(),
        _ => Vec::new(),
    };
    let could_send = watched.may_send();
    watched.apply(operation);
    if could_send && watched.death.is_none() {
        said.extend(data);
    }
}

fn carry(from: &mut Watched, to: &mut Watched, count: usize) {
    let count = count.min(from.outgoing.len());
    to.incoming.unsplit(from.outgoing.split_to(count));
    to.process(&mut Vec::new());
}
