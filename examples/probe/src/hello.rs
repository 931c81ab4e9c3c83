//! ClientHellos made by hand, and what servers choose from them.
//!
//! Nothing here encrypts: a ServerHello comes in clear, and says the version and the suite, and with
//! a HelloRetryRequest, or a ServerKeyExchange, the group. A key share that is left out is asked for
//! by a HelloRetryRequest (RFC 8446 §4.2.8).

use std::hash::{BuildHasher, RandomState};

use mail_tls::audit::TlsVersion;

use crate::wire::{Failure, Wire, shown};

/// The most of an answer that is looked at.
const MOST_BYTES: usize = 1 << 17;
const WAIT: &str = "its ServerHello";
/// What is offered, and nothing else.
pub(crate) struct Hello<'a> {
    pub(crate) version: TlsVersion,
    pub(crate) suites: &'a [u16],
    pub(crate) groups: &'a [u16],
    pub(crate) server_name: &'a str,
}

/// What a server makes of a ClientHello.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Chosen(Choice),
    /// An alert, by its number, or the end of the connection.
    Refused(Option<u8>),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) version: u16,
    pub(crate) suite: u16,
    pub(crate) group: Option<u16>,
    /// Of a finite-field Diffie-Hellman exchange in TLS 1.2 and before.
    pub(crate) dh_bits: Option<usize>,
    pub(crate) compresses: bool,
}

pub(crate) const fn code_point(version: TlsVersion) -> u16 {
    match version {
        TlsVersion::Ssl2 => 0x0002,
        TlsVersion::Ssl3 => 0x0300,
        TlsVersion::Tls10 => 0x0301,
        TlsVersion::Tls11 => 0x0302,
        TlsVersion::Tls13 => 0x0304,
        _ => 0x0303,
    }
}

impl Hello<'_> {
    /// Sends it, and reads as far as the choice is told.
    pub(crate) fn ask(&self, wire: &mut Wire) -> Result<Answer, Failure> {
        wire.send(&self.record())?;
        let answer = read_answer(wire);
        // A warning that nothing more comes (RFC 5246 §7.2.1), for the server's log.
        let [major, minor] = code_point(self.version).min(0x0303).to_be_bytes();
        let _ = wire.send(&[21, major, minor, 0, 2, 1, 0]);
        wire.hang_up();
        answer
    }

    fn record(&self) -> Vec<u8> {
        let is_13 = self.version == TlsVersion::Tls13;
        let legacy = code_point(self.version).min(0x0303);
        let mut body = legacy.to_be_bytes().to_vec();
        // It only has to differ.
        for part in 0..4_u8 {
            body.extend(RandomState::new().hash_one(part).to_be_bytes());
        }
        // RFC 8446 §D.4: some networks want to see a session.
        let session = if is_13 { vec![0x2A; 32] } else { Vec::new() };
        body.extend(short(&session));
        // RFC 5746 §3.3, in place of the extension.
        let signal: &[u16] = if is_13 { &[] } else { &[0x00FF] };
        body.extend(long(&numbers(&[self.suites, signal].concat())));
        let compression: &[u8] = if is_13 { &[0] } else { &[1, 0] };
        body.extend(short(compression));
        if self.version >= TlsVersion::Tls10 {
            body.extend(long(&self.extensions()));
        }
        let length = u32::try_from(body.len()).unwrap_or_default().to_be_bytes();
        let message = [&[1], length.get(1..).unwrap_or_default(), &body].concat();
        let version: u16 = if self.version == TlsVersion::Ssl3 {
            0x0300
        } else {
            0x0301
        };
        [&[22], &version.to_be_bytes()[..], &long(&message)].concat()
    }

    fn extensions(&self) -> Vec<u8> {
        // Every scheme that has been in use, SHA-1 included: it is not the certificate that is asked
        // about.
        const SCHEMES: [u16; 16] = [
            0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080A, 0x080B,
            0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
        ];
        let extension = |kind: u16, data: &[u8]| [&kind.to_be_bytes()[..], &long(data)].concat();
        let name = [&[0][..], &long(self.server_name.as_bytes())].concat();
        let mut all = extension(0, &long(&name));
        if !self.groups.is_empty() {
            all.extend(extension(10, &long(&numbers(self.groups))));
        }
        if self.version >= TlsVersion::Tls12 {
            all.extend(extension(13, &long(&numbers(&SCHEMES))));
        }
        if self.version == TlsVersion::Tls13 {
            all.extend(extension(43, &short(&[3, 4])));
            all.extend(extension(51, &long(&[])));
        } else {
            all.extend(extension(11, &short(&[0])));
            all.extend(extension(23, &[]));
        }
        all
    }
}

fn read_answer(wire: &mut Wire) -> Result<Answer, Failure> {
    let (mut records, mut handshake, mut total) = (Vec::new(), Vec::new(), 0);
    let mut choice = None;
    loop {
        let before = records.len();
        match wire.more(&mut records, WAIT) {
            Ok(()) => {}
            Err(Failure::Closed(_)) => {
                return Ok(choice.map_or(Answer::Refused(None), Answer::Chosen));
            }
            Err(failure) => return Err(failure),
        }
        total += records.len() - before;
        while let Some((kind, fragment)) = take_record(&mut records)? {
            match (kind, fragment.as_slice()) {
                (21, [_, description, ..]) => {
                    let refused = Answer::Refused(Some(*description));
                    return Ok(choice.map_or(refused, Answer::Chosen));
                }
                (22, _) => handshake.extend(fragment),
                _ => return choice.map(Answer::Chosen).ok_or_else(|| odd(&fragment)),
            }
            if read_messages(&mut handshake, &mut choice)? {
                return Ok(choice.map_or(Answer::Refused(None), Answer::Chosen));
            }
        }
        if total > MOST_BYTES {
            return choice.map(Answer::Chosen).ok_or_else(|| odd(&records));
        }
    }
}

/// Whether nothing more is needed.
fn read_messages(handshake: &mut Vec<u8>, choice: &mut Option<Choice>) -> Result<bool, Failure> {
    while let Some((kind, body)) = take_message(handshake) {
        match (kind, choice.as_mut()) {
            (2, _) => {
                let hello = server_hello(&body).ok_or_else(|| odd(&body))?;
                // Behind TLS 1.3's everything is encrypted.
                let is_13 = hello.version == code_point(TlsVersion::Tls13);
                *choice = Some(hello);
                if is_13 {
                    return Ok(true);
                }
            }
            (12, Some(choice)) => {
                key_exchange(&body, choice);
                return Ok(true);
            }
            // ServerHelloDone
            (14, Some(_)) => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

fn odd(bytes: &[u8]) -> Failure {
    Failure::Odd(WAIT, shown(bytes))
}

/// The first record, if it is all there. What is none is plain text.
fn take_record(bytes: &mut Vec<u8>) -> Result<Option<(u8, Vec<u8>)>, Failure> {
    match bytes.as_slice() {
        [] => Ok(None),
        [20..=23, 3, ..] | [20..=23] => {
            let [kind, _, _, high, low, ..] = *bytes.as_slice() else {
                return Ok(None);
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            if bytes.len() < 5 + length {
                return Ok(None);
            }
            let record: Vec<u8> = bytes.drain(..5 + length).skip(5).collect();
            Ok(Some((kind, record)))
        }
        // A line, as far as it has come.
        said => Err(Failure::NotTls(shown(said))),
    }
}

fn take_message(bytes: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let [kind, a, b, c, ..] = *bytes.as_slice() else {
        return None;
    };
    let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).ok()?;
    (bytes.len() >= 4 + length).then(|| (kind, bytes.drain(..4 + length).skip(4).collect()))
}

/// RFC 5246 §7.4.1.3, RFC 8446 §4.1.3.
fn server_hello(body: &[u8]) -> Option<Choice> {
    let mut cursor = Cursor(body);
    let mut version = cursor.number()?;
    cursor.take(32)?;
    let session = cursor.byte()?;
    cursor.take(session.into())?;
    let suite = cursor.number()?;
    let compresses = cursor.byte()? != 0;
    let mut group = None;
    let length = cursor.number().unwrap_or(0);
    let mut extensions = Cursor(cursor.take(length.into())?);
    while let (Some(kind), Some(length)) = (extensions.number(), extensions.number()) {
        let mut data = Cursor(extensions.take(length.into())?);
        match kind {
            43 => version = data.number()?,
            51 => group = data.number(),
            _ => {}
        }
    }
    let dh_bits = None;
    Some(Choice {
        version,
        suite,
        group,
        dh_bits,
        compresses,
    })
}

/// RFC 8422 §5.4 names a curve; RFC 5246 §7.4.3 has a prime first.
fn key_exchange(body: &[u8], choice: &mut Choice) {
    let mut cursor = Cursor(body);
    if is_ecdhe(choice.suite) {
        if cursor.byte() == Some(3) {
            choice.group = cursor.number();
        }
    } else if is_dhe(choice.suite) {
        let length = cursor.number().unwrap_or(0);
        let prime = cursor.take(length.into()).unwrap_or_default();
        let zeros = prime.iter().take_while(|byte| **byte == 0).count();
        choice.dh_bits = Some((prime.len() - zeros) * 8);
    }
}

fn name_of(suite: u16) -> &'static str {
    let suite = mail_tls::CipherSuite::from_code_point(suite);
    suite.name().unwrap_or_default()
}

pub(crate) fn is_ecdhe(suite: u16) -> bool {
    name_of(suite).starts_with("TLS_ECDHE_") || name_of(suite).starts_with("TLS_ECDH_anon")
}

pub(crate) fn is_dhe(suite: u16) -> bool {
    name_of(suite).starts_with("TLS_DHE_") || name_of(suite).starts_with("TLS_DH_anon")
}

fn numbers(all: &[u16]) -> Vec<u8> {
    all.iter().flat_map(|one| one.to_be_bytes()).collect()
}

/// Behind its length in one octet.
fn short(data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).unwrap_or_default();
    [&[length], data].concat()
}

/// Behind its length in two.
fn long(data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or_default();
    [&length.to_be_bytes(), data].concat()
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn number(&mut self) -> Option<u16> {
        let bytes = self.take(2)?.try_into().ok()?;
        Some(u16::from_be_bytes(bytes))
    }
}
