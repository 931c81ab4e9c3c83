//! One server under examination: what it says and does, not yet what that is worth.

use std::net::SocketAddr;
use std::time::Duration;

use mail_tls::TlsMode;
use mail_tls::audit::TlsVersion;

use crate::dialog::Words;
use crate::hello::Hello;
use crate::surface::Surface;
use crate::targets::Target;
use crate::tls::{Shown, shake_hands};
use crate::wire::{Failure, Wire};

/// A protocol that no mail server speaks.
const FOREIGN: &str = "http/1.1";

/// What was seen of a server.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) target: Target,
    /// One conversation with each address.
    pub(crate) talks: Vec<(SocketAddr, Talk)>,
    pub(crate) surface: Option<Surface>,
    pub(crate) alpn: Option<Alpn>,
    pub(crate) smuggling: Option<Smuggling>,
}

/// One conversation to its end, or as far as it came.
#[derive(Debug, Default)]
pub(crate) struct Talk {
    pub(crate) is_preauth: bool,
    /// Listed in clear.
    pub(crate) before: Option<Vec<String>>,
    pub(crate) shown: Shown,
    pub(crate) is_encrypted: bool,
    /// Listed behind TLS.
    pub(crate) after: Option<Vec<String>>,
    pub(crate) failure: Option<Failure>,
}

/// What it makes of a protocol's name (RFC 7301).
#[derive(Debug)]
pub(crate) struct Alpn {
    /// The service's own, if there is one: whether it is taken.
    pub(crate) own: Option<(&'static str, bool)>,
    pub(crate) foreign: Foreign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    Refused,
    Ignored,
    Accepted,
    Unknown,
}

/// What becomes of a command that comes in one packet with STARTTLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Smuggling {
    Discarded,
    /// The connection ends.
    Refused,
    /// It is carried out as if it had come under TLS.
    CarriedOut,
    Unknown(Failure),
}

pub(crate) struct Examiner<'a> {
    pub(crate) target: &'a Target,
    pub(crate) limit: Duration,
    pub(crate) is_quick: bool,
    pub(crate) tell: &'a dyn Fn(&str),
}

impl Seen {
    /// The conversation that came farthest.
    pub(crate) fn best(&self) -> Option<&(SocketAddr, Talk)> {
        let rank = |talk: &Talk| {
            let is_there = !matches!(
                talk.failure,
                Some(Failure::Refused | Failure::Unreachable(_) | Failure::TimedOut(..))
            );
            (talk.is_encrypted, talk.failure.is_none(), is_there)
        };
        // Of equals the first.
        self.talks.iter().rev().max_by_key(|(_, talk)| rank(talk))
    }

    /// Whether anything listens there at all.
    pub(crate) fn is_there(&self) -> bool {
        self.talks.iter().any(|(_, talk)| {
            !matches!(
                talk.failure,
                Some(Failure::Refused | Failure::Unreachable(_))
            )
        })
    }
}

impl Examiner<'_> {
    pub(crate) fn examine(&self) -> Seen {
        let target = self.target;
        let mut seen = Seen {
            target: target.clone(),
            talks: Vec::new(),
            surface: None,
            alpn: None,
            smuggling: None,
        };
        let Some(words) = Words::of(target.service) else {
            return seen;
        };
        for address in &target.addresses {
            (self.tell)(&format!("{address}"));
            seen.talks.push((*address, self.talk(words, *address)));
        }
        let Some((address, talk)) = seen.best() else {
            return seen;
        };
        let is_worth_it = match &talk.failure {
            None | Some(Failure::Tls(_) | Failure::Broken(_) | Failure::Closed(_)) => true,
            Some(_) => talk.is_encrypted,
        };
        // One that keeps everybody waiting, or has no TLS, has nothing more to show.
        if self.is_quick || !is_worth_it {
            return seen;
        }
        let (address, is_encrypted) = (*address, talk.is_encrypted);
        let open = || self.open(words, address);
        seen.surface = Some(Surface::of(&target.host, &open, self.tell));
        if is_encrypted {
            (self.tell)("application protocols");
            seen.alpn = Some(self.alpn(words, address));
            if target.mode == TlsMode::StartTls {
                (self.tell)("a command behind STARTTLS");
                seen.smuggling = Some(self.smuggle(words, address));
            }
        }
        seen
    }

    fn talk(&self, words: &Words, address: SocketAddr) -> Talk {
        let mut talk = Talk::default();
        talk.failure = self.converse(words, address, &mut talk).err();
        // Plain text where TLS should be is not told apart from a broken handshake by rustls.
        if let (Some(Failure::Tls(_)), TlsMode::Implicit) = (&talk.failure, self.target.mode) {
            let hello = Hello {
                version: TlsVersion::Tls12,
                suites: &[0xC02F, 0xC02B],
                groups: &[0x001D],
                server_name: self.target.host.as_str(),
            };
            let asked = Wire::open(address, self.limit).and_then(|mut wire| hello.ask(&mut wire));
            if let Err(failure @ Failure::NotTls(_)) = asked {
                talk.failure = Some(failure);
            }
        }
        talk
    }

    fn converse(&self, words: &Words, address: SocketAddr, talk: &mut Talk) -> Result<(), Failure> {
        let mut wire = Wire::open(address, self.limit)?;
        if self.target.mode == TlsMode::StartTls {
            let before = words.start_tls(&mut wire, "")?;
            talk.is_preauth = before.is_preauth;
            talk.before = before.listed;
            if let Some(failure) = before.declined {
                return Err(failure);
            }
        }
        let handshake = shake_hands(wire, &self.target.host, None);
        talk.shown = handshake.shown;
        let mut encrypted = handshake.result?;
        talk.is_encrypted = true;
        let greets = self.target.mode == TlsMode::Implicit;
        talk.after = words.after_tls(&mut encrypted, greets)?;
        words.leave(&mut encrypted);
        encrypted.close();
        Ok(())
    }

    /// A connection on which TLS begins.
    fn open(&self, words: &Words, address: SocketAddr) -> Result<Wire, Failure> {
        let mut wire = Wire::open(address, self.limit)?;
        if self.target.mode == TlsMode::StartTls {
            let before = words.start_tls(&mut wire, "")?;
            before.declined.map_or(Ok(()), Err)?;
        }
        Ok(wire)
    }

    fn alpn(&self, words: &Words, address: SocketAddr) -> Alpn {
        let shake = |id| {
            let wire = self.open(words, address).ok()?;
            let handshake = shake_hands(wire, &self.target.host, Some(id));
            let is_up = match handshake.result {
                Ok(mut encrypted) => {
                    words.leave(&mut encrypted);
                    encrypted.close();
                    true
                }
                Err(_) => false,
            };
            Some((is_up, handshake.shown.alpn, handshake.refuses_protocol))
        };
        let own = self.target.service.alpn_id().map(|id| {
            let is_taken = shake(id).is_some_and(|(_, alpn, _)| alpn.as_deref() == Some(id));
            (id, is_taken)
        });
        let foreign = match shake(FOREIGN) {
            Some((_, _, true)) => Foreign::Refused,
            Some((true, None, _)) => Foreign::Ignored,
            Some((true, Some(_), _)) => Foreign::Accepted,
            Some((false, ..)) | None => Foreign::Unknown,
        };
        Alpn { own, foreign }
    }

    fn smuggle(&self, words: &Words, address: SocketAddr) -> Smuggling {
        let begin = || {
            let mut wire = Wire::open(address, self.limit)?;
            let before = words.start_tls(&mut wire, words.harmless)?;
            Ok::<_, Failure>((wire, before.declined))
        };
        let wire = match begin() {
            Ok((wire, None)) => wire,
            Ok((_, Some(Failure::TimedOut(limit, wait)))) => {
                return Smuggling::Unknown(Failure::TimedOut(limit, wait));
            }
            Ok((_, Some(_))) => return Smuggling::Refused,
            Err(failure) => return Smuggling::Unknown(failure),
        };
        match shake_hands(wire, &self.target.host, None).result {
            Ok(mut encrypted) => match words.has_surplus_reply(&mut encrypted) {
                Ok(true) => Smuggling::CarriedOut,
                Ok(false) => Smuggling::Discarded,
                Err(Failure::Closed(_)) => Smuggling::Refused,
                Err(failure) => Smuggling::Unknown(failure),
            },
            Err(failure @ Failure::TimedOut(..)) => Smuggling::Unknown(failure),
            // What was smuggled in stands where the ClientHello should.
            Err(_) => Smuggling::Refused,
        }
    }
}
