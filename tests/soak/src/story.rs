//! What is going to happen on one connection. Both sides derive it from the session's number.

use mail_tls::TlsMode;

use crate::content::Random;

/// One connection.
#[derive(Debug, Clone)]
pub(crate) struct Story {
    pub(crate) id: u64,
    pub(crate) mode: TlsMode,
    pub(crate) up: u64,
    pub(crate) down: u64,
    pub(crate) turn: Turn,
    /// After how many bytes of plaintext the turn comes.
    pub(crate) after: u64,
}

/// The turn that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// Both sides say everything and goodbye.
    None,
    /// The same; the client reads little and late.
    SlowReader,
    /// The same; the client's segments are small and late.
    SlowWriter,
    /// The client resets the connection.
    ClientResets,
    /// The client's transport ends without close_notify.
    ClientVanishes,
    /// The server's transport ends without close_notify.
    ServerVanishes,
    /// A bit of what the client sends is flipped.
    Damage,
    /// The client says nothing, or half a ClientHello.
    HalfOpen,
    /// The server's half is closed first: the client goes on sending.
    ServerClosesFirst,
}

impl Turn {
    pub(crate) fn ends_the_clients_transport(self) -> bool {
        matches!(self, Self::ClientResets | Self::ClientVanishes)
    }
}

impl Story {
    pub(crate) fn of(id: u64) -> Self {
        let mut random = Random::new(id ^ 0x5EED);
        let turn = match random.below(100) {
            0..50 => Turn::None,
            50..58 => Turn::SlowReader,
            58..66 => Turn::SlowWriter,
            66..74 => Turn::ClientResets,
            74..82 => Turn::ClientVanishes,
            82..88 => Turn::ServerVanishes,
            88..94 => Turn::Damage,
            94..96 => Turn::HalfOpen,
            _ => Turn::ServerClosesFirst,
        };
        let greatest = match turn {
            Turn::SlowReader | Turn::SlowWriter => 8 * 1024,
            _ => 128 * 1024,
        };
        let (up, down) = (random.below(greatest) + 1, random.below(greatest) + 1);
        Self {
            id,
            mode: if random.below(3) == 0 {
                TlsMode::StartTls
            } else {
                TlsMode::Implicit
            },
            up,
            down,
            turn,
            after: random.below(up.min(down)),
        }
    }
}
