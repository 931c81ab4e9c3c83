//! Certificates that nobody has signed, with names as the input has them.

/// A certificate whose subjectAltName extension (RFC 5280 §4.2.1.6) holds these bytes.
pub fn certificate_with_names(names: &[u8]) -> Vec<u8> {
    let ed25519 = tlv(0x30, &[6, 3, 0x2b, 0x65, 0x70]);
    let date = tlv(0x17, b"260101000000Z");
    let extension = [&[6, 3, 0x55, 0x1d, 0x11][..], &tlv(4, &tlv(0x30, names))].concat();
    let to_be_signed = [
        tlv(0xa0, &[2, 1, 2]),
        vec![2, 1, 1],
        ed25519.clone(),
        tlv(0x30, &[]),
        tlv(0x30, &[date.clone(), date].concat()),
        tlv(0x30, &[]),
        tlv(0x30, &[ed25519.clone(), tlv(3, &[0; 33])].concat()),
        tlv(0xa3, &tlv(0x30, &tlv(0x30, &extension))),
    ]
    .concat();
    tlv(
        0x30,
        &[tlv(0x30, &to_be_signed), ed25519, tlv(3, &[0; 65])].concat(),
    )
}

/// A name of RFC 5280 §4.2.1.6: 1 is an address of email, 2 a host, 6 a URI, 7 an IP address.
pub fn general_name(tag: u8, content: &[u8]) -> Vec<u8> {
    tlv(0x80 | tag, content)
}

pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => out.push(short),
        Ok(long) => out.extend([0x81, long]),
        Err(_) => {
            let bytes = u32::try_from(length).unwrap().to_be_bytes();
            match bytes {
                [0, 0, high, low] => out.extend([0x82, high, low]),
                [0, high, middle, low] => out.extend([0x83, high, middle, low]),
                bytes => {
                    out.push(0x84);
                    out.extend(bytes);
                }
            }
        }
    }
    out.extend(content);
    out
}
