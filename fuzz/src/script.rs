//! How inputs are written: what an embedder does, as bytes that a generator can write too.

use arbitrary::{Arbitrary, Result, Unstructured};

/// Something that is read from the front of an input.
pub trait Item: Sized {
    fn read(input: &mut Unstructured<'_>) -> Result<Self>;
}

/// The same, written.
pub trait Write {
    fn write(&self, out: &mut Vec<u8>);
}

/// Items until the input ends.
#[derive(Debug)]
pub struct Script<T>(pub Vec<T>);

impl<T: Write> Write for Script<T> {
    fn write(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|item| item.write(out));
    }
}

impl<'a, T: Item> Arbitrary<'a> for Script<T> {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let mut items = Vec::new();
        while !input.is_empty() {
            items.push(T::read(input)?);
        }
        Ok(Self(items))
    }
}

/// One thing that an embedder may do, at any time.
#[derive(Debug, Clone)]
pub enum Operation {
    Feed(Vec<u8>),
    Send(Vec<u8>),
    Queue(Vec<u8>),
    Flush,
    Close,
    Trim,
    EndOfInput,
    Expire(u16),
    Answer(u8),
    AcceptIdentity,
}

impl Item for Operation {
    fn read(input: &mut Unstructured<'_>) -> Result<Self> {
        Ok(match input.arbitrary::<u8>()? % 10 {
            0 => Self::Feed(read_bytes(input)?),
            1 => Self::Send(read_bytes(input)?),
            2 => Self::Queue(read_bytes(input)?),
            3 => Self::Flush,
            4 => Self::Close,
            5 => Self::Trim,
            6 => Self::EndOfInput,
            7 => Self::Expire(input.arbitrary()?),
            8 => Self::Answer(input.arbitrary()?),
            _ => Self::AcceptIdentity,
        })
    }
}

impl Write for Operation {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Feed(bytes) => write_bytes(0, bytes, out),
            Self::Send(bytes) => write_bytes(1, bytes, out),
            Self::Queue(bytes) => write_bytes(2, bytes, out),
            Self::Flush => out.push(3),
            Self::Close => out.push(4),
            Self::Trim => out.push(5),
            Self::EndOfInput => out.push(6),
            Self::Expire(seconds) => {
                out.push(7);
                out.extend(seconds.to_le_bytes());
            }
            Self::Answer(which) => out.extend([8, *which]),
            Self::AcceptIdentity => out.push(9),
        }
    }
}

/// A piece of what a peer says.
#[derive(Debug, Clone)]
pub struct Piece(pub Vec<u8>);

impl Item for Piece {
    fn read(input: &mut Unstructured<'_>) -> Result<Self> {
        Ok(Self(read_bytes(input)?))
    }
}

impl Write for Piece {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend(length(&self.0));
        out.extend(&self.0);
    }
}

/// A length of two octets and so many octets, or those that are left.
pub fn read_bytes(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let length: u16 = input.arbitrary()?;
    let length = usize::from(length).min(input.len());
    Ok(input.bytes(length)?.to_vec())
}

fn write_bytes(kind: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(kind);
    out.extend(length(bytes));
    out.extend(bytes);
}

fn length(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap().to_le_bytes()
}
