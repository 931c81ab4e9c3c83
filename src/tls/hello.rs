//! What a client asks for in its ClientHello.

use rustls::server::ClientHello as TlsHello;

use crate::limits::RECORD_HEADER;

/// What a client asks for in its ClientHello, before the server has chosen anything
/// (RFC 8446 §4.1.2).
///
/// Nothing in it is authenticated. From [`Event::ClientHello`](crate::Event::ClientHello).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientHello {
    server_name: Option<Box<str>>,
    alpn: Option<Vec<Box<[u8]>>>,
    versions: Versions,
    signature_schemes: Vec<u16>,
}

impl ClientHello {
    pub(super) fn new(hello: &TlsHello<'_>, versions: Versions) -> Self {
        Self {
            server_name: hello
                .server_name()
                .map(|name| name.to_ascii_lowercase().into()),
            alpn: hello.alpn().map(|ids| ids.map(Into::into).collect()),
            versions,
            signature_schemes: hello
                .signature_schemes()
                .iter()
                .map(|s| (*s).into())
                .collect(),
        }
    }

    /// The server name (SNI, RFC 6066 §3) in lower case, where one was sent.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The application protocols (ALPN, RFC 7301) in the client's order. `None` without the
    /// extension.
    pub fn alpn(&self) -> Option<impl Iterator<Item = &[u8]>> {
        self.alpn.as_ref().map(|ids| ids.iter().map(AsRef::as_ref))
    }

    /// Whether the client asks for a validation of ACME's TLS-ALPN-01 (RFC 8737 §3): that protocol
    /// and no other.
    pub fn is_acme_challenge(&self) -> bool {
        matches!(self.alpn.as_deref(), Some([id]) if id.as_ref() == ACME_TLS_ALPN)
    }

    /// The TLS versions as code points (`0x0304` is TLS 1.3) in the client's order, the first
    /// eight. A client of TLS 1.2 names the highest that it has.
    pub fn versions(&self) -> &[u16] {
        self.versions.as_slice()
    }

    /// The signature schemes that the client verifies, as code points in IANA's registry, in its
    /// order.
    pub fn signature_schemes(&self) -> &[u16] {
        &self.signature_schemes
    }
}

pub(super) const ACME_TLS_ALPN: &[u8] = b"acme-tls/1";

/// The first versions of a list, without an allocation: most clients offer two and a GREASE value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Versions {
    list: [u16; 8],
    count: usize,
}

impl Versions {
    pub(crate) fn as_slice(&self) -> &[u16] {
        self.list.get(..self.count).unwrap_or_default()
    }

    /// Whether there are versions, and TLS 1.2 and 1.3 are not among them.
    pub(super) fn are_too_old(&self) -> bool {
        let versions = self.as_slice();
        !versions.is_empty() && !versions.iter().any(|v| matches!(v, 0x0303 | 0x0304))
    }

    fn push(&mut self, version: u16) {
        if let Some(slot) = self.list.get_mut(self.count) {
            *slot = version;
            self.count += 1;
        }
    }
}

/// Looks over rustls' shoulder for the versions in the ClientHello, which it does not tell.
///
/// What is malformed here is rustls' to refuse; this only finds no versions in it.
#[derive(Debug, Default)]
pub(super) struct HelloPeek {
    /// Payloads of the records so far, where one record did not hold the whole message.
    gathered: Vec<u8>,
    versions: Option<Versions>,
}

impl HelloPeek {
    /// Sees the next bytes of the record layer; whole records, unless they are large.
    pub(super) fn see(&mut self, records: &[u8]) {
        if self.versions.is_some() {
            return;
        }
        // Only the first bytes are the beginning of a record for certain.
        if self.gathered.is_empty() {
            self.versions = record_payload(records).and_then(offered_versions);
        }
        if self.versions.is_none() {
            self.gathered.extend_from_slice(records);
        }
    }

    /// The versions that were offered, as far as they were found.
    pub(super) fn versions(&self) -> Versions {
        self.versions
            .or_else(|| offered_versions(&payloads(&self.gathered)))
            .unwrap_or_default()
    }
}

fn record_payload(records: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(records);
    reader.skip(RECORD_HEADER - 2)?;
    reader.vector16()
}

fn payloads(mut records: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(records.len());
    while let Some(payload) = record_payload(records) {
        message.extend_from_slice(payload);
        records = records
            .get(RECORD_HEADER + payload.len()..)
            .unwrap_or_default();
    }
    message
}

/// The versions in a ClientHello (RFC 8446 §4.1.2, §4.2.1), `None` while it is not whole.
fn offered_versions(message: &[u8]) -> Option<Versions> {
    let mut reader = Reader(message);
    reader.skip(1)?; // the type: rustls refuses any other
    let mut hello = Reader(reader.vector24()?);
    let mut versions = Versions::default();
    let legacy = hello.u16()?;
    hello.skip(32)?;
    hello.vector8()?; // session id
    hello.vector16()?; // cipher suites
    hello.vector8()?; // compression methods
    let mut extensions = Reader(hello.vector16().unwrap_or_default());
    while let (Some(kind), Some(body)) = (extensions.u16(), extensions.vector16()) {
        if kind == SUPPORTED_VERSIONS {
            let mut list = Reader(Reader(body).vector8()?);
            while let Some(version) = list.u16() {
                versions.push(version);
            }
        }
    }
    if versions.as_slice().is_empty() {
        versions.push(legacy);
    }
    Some(versions)
}

const SUPPORTED_VERSIONS: u16 = 43;

/// Reads TLS's presentation language (RFC 8446 §3).
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn skip(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.skip(2)?.try_into().ok()?))
    }

    fn vector8(&mut self) -> Option<&'a [u8]> {
        let length = *self.skip(1)?.first()?;
        self.skip(length.into())
    }

    fn vector16(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.skip(length.into())
    }

    fn vector24(&mut self) -> Option<&'a [u8]> {
        let high = *self.skip(1)?.first()?;
        let length = (usize::from(high) << 16) | usize::from(self.u16()?);
        self.skip(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A ClientHello with these versions in the extension, or with the legacy version alone.
    fn hello(legacy: u16, supported: &[u16]) -> Vec<u8> {
        let mut body = legacy.to_be_bytes().to_vec();
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        let mut extensions = vec![0, 0x17, 0, 0];
        if !supported.is_empty() {
            let list: Vec<u8> = supported.iter().flat_map(|v| v.to_be_bytes()).collect();
            let length = u8::try_from(list.len()).unwrap();
            extensions.extend([0, 43, 0, length + 1, length]);
            extensions.extend(list);
        }
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1, 0];
        message.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        message.extend(body);
        message
    }

    fn records(message: &[u8], size: usize) -> Vec<Vec<u8>> {
        message
            .chunks(size)
            .map(|piece| {
                let mut record = vec![22, 3, 1];
                record.extend(u16::try_from(piece.len()).unwrap().to_be_bytes());
                record.extend(piece);
                record
            })
            .collect()
    }

    #[test]
    fn versions_are_found_in_whole_and_in_fragmented_hellos() {
        let rows: [(u16, &[u16], &[u16]); 3] = [
            (0x0303, &[0x0304, 0x0303], &[0x0304, 0x0303]), // RFC 8446 §4.2.1
            (0x0303, &[], &[0x0303]),                       // RFC 5246 §7.4.1.2
            (0x0301, &[], &[0x0301]),                       // RFC 2246 §7.4.1.2
        ];
        for (legacy, supported, found) in rows {
            let message = hello(legacy, supported);
            for size in 1..=message.len() {
                let mut peek = HelloPeek::default();
                records(&message, size)
                    .iter()
                    .for_each(|record| peek.see(record));
                assert_eq!(peek.versions().as_slice(), found, "{size}");
            }
        }
    }

    #[test]
    fn more_than_eight_versions_are_cut() {
        let many: Vec<u16> = (0..20).collect();
        assert_eq!(
            offered_versions(&hello(0x0303, &many)).unwrap().as_slice(),
            &many[..8]
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut peek = HelloPeek::default();
            peek.see(&bytes);
            peek.versions();
        }
    }
}
