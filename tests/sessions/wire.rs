//! Looks at bytes on the wire, and makes some that no peer of today makes.

/// The records in `bytes`, headers included, all of them whole.
pub(crate) fn records(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let [_, _, _, high, low, ..] = bytes else {
            assert!(bytes.is_empty());
            return None;
        };
        let (record, rest) = bytes.split_at(5 + usize::from(u16::from_be_bytes([*high, *low])));
        bytes = rest;
        Some(record)
    })
}

/// The extensions of the ClientHello in the first record (RFC 8446 §4.1.2).
pub(crate) fn hello_extensions(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let hello = &records(bytes).next().unwrap()[5 + 4 + 2 + 32..];
    let hello = &hello[1 + usize::from(hello[0])..];
    let hello = &hello[2 + usize::from(u16_at(hello, 0))..];
    let hello = &hello[1 + usize::from(hello[0])..];
    let mut rest = &hello[2..][..usize::from(u16_at(hello, 0))];
    let mut extensions = Vec::new();
    while !rest.is_empty() {
        let length = usize::from(u16_at(rest, 2));
        extensions.push((u16_at(rest, 0), rest[4..4 + length].to_vec()));
        rest = &rest[4 + length..];
    }
    extensions
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// A ClientHello message with these extensions (RFC 5246 §7.4.1.2), without a record.
pub(crate) fn client_hello(version: u16, extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([7; 32]);
    body.push(0); // no session
    // TLS_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA
    body.extend([0, 6, 0x13, 1, 0xc0, 0x2b, 0, 0x2f]);
    body.extend([1, 0]); // no compression
    let list: Vec<u8> = extensions
        .iter()
        .flat_map(|(kind, data)| [&kind.to_be_bytes()[..], &length(data), data].concat())
        .collect();
    if !list.is_empty() {
        body.extend(length(&list));
        body.extend(list);
    }
    let [high, low] = length(&body);
    [&[1, 0, high, low][..], &body].concat()
}

/// The message in handshake records of at most so many bytes each.
pub(crate) fn in_records(message: &[u8], version: u16, size: usize) -> Vec<u8> {
    message
        .chunks(size)
        .flat_map(|piece| {
            let [high, low] = length(piece);
            let [major, minor] = version.to_be_bytes();
            [&[22, major, minor, high, low], piece].concat()
        })
        .collect()
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap().to_be_bytes()
}
