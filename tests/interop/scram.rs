//! The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677) for one user, as
//! much as a test needs of it.
//!
//! * `Scram::begin(first)`: takes the client's first message; `challenge()` answers it,
//!   `binding()` names the channel binding that the client uses
//! * `Scram::finish(last, binding)`: the server's last message, or why there is none

use data_encoding::BASE64;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const USER: &str = "test";
const PASSWORD: &[u8] = b"test";
const SALT: &[u8] = b"salt of the test";
const ITERATIONS: u32 = 4096;
/// One value would do: nothing is protected here.
const SERVER_NONCE: &str = "d3NzZXJ2ZXI";

/// An exchange.
#[derive(Debug)]
pub(crate) struct Scram {
    gs2_header: String,
    first_bare: String,
    challenge: String,
}

/// Why an exchange fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The client is on another channel than the server.
    OtherChannel,
    WrongProof,
}

impl Scram {
    /// `gs2-header client-first-message-bare` (RFC 5802 §7).
    pub(crate) fn begin(first: &str) -> Self {
        let mut parts = first.splitn(3, ',');
        let (flag, identity) = (parts.next().unwrap(), parts.next().unwrap());
        let first_bare = parts.next().unwrap();
        let nonce = attribute(first_bare, "r=");
        assert_eq!(attribute(first_bare, "n="), USER);
        let salt = BASE64.encode(SALT);
        Self {
            gs2_header: format!("{flag},{identity},"),
            first_bare: first_bare.to_owned(),
            challenge: format!("r={nonce}{SERVER_NONCE},s={salt},i={ITERATIONS}"),
        }
    }

    pub(crate) fn challenge(&self) -> &str {
        &self.challenge
    }

    /// `p=NAME`; `None` where the client binds to nothing.
    pub(crate) fn binding(&self) -> Option<&str> {
        self.gs2_header.strip_prefix("p=")?.split(',').next()
    }

    /// `channel-binding "," nonce "," proof`; `binding` is the server's own data.
    pub(crate) fn finish(&self, last: &str, binding: &[u8]) -> Result<String, Failure> {
        let expected = [self.gs2_header.as_bytes(), binding].concat();
        let sent = BASE64.decode(attribute(last, "c=").as_bytes()).unwrap();
        if sent != expected {
            return Err(Failure::OtherChannel);
        }
        assert_eq!(attribute(last, "r="), attribute(&self.challenge, "r="));
        let (without_proof, proof) = last.rsplit_once(",p=").unwrap();
        let message = format!("{},{},{without_proof}", self.first_bare, self.challenge);

        let mut salted = [0; 32];
        pbkdf2::pbkdf2::<Hmac<Sha256>>(PASSWORD, SALT, ITERATIONS, &mut salted).unwrap();
        let client_key = hmac(&salted, b"Client Key");
        let signature = hmac(&Sha256::digest(client_key), message.as_bytes());
        let proof = BASE64.decode(proof.as_bytes()).unwrap();
        let shown: Vec<u8> = proof.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        if shown != client_key {
            return Err(Failure::WrongProof);
        }
        let server_key = hmac(&salted, b"Server Key");
        let verifier = BASE64.encode(&hmac(&server_key, message.as_bytes()));
        Ok(format!("v={verifier}"))
    }
}

fn attribute<'a>(message: &'a str, name: &str) -> &'a str {
    let found = message.split(',').find_map(|part| part.strip_prefix(name));
    found.unwrap_or_else(|| panic!("no {name} in {message}"))
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// That it can fail; that it can succeed is shown by `gsasl`.
#[test]
fn what_is_not_right_fails() {
    let scram = Scram::begin("n,,n=test,r=abc");
    assert_eq!(scram.binding(), None);
    let wrong = format!("c=biws,r=abc{SERVER_NONCE},p=AAAA");
    assert_eq!(scram.finish(&wrong, b""), Err(Failure::WrongProof));
    assert_eq!(scram.finish(&wrong, b"x"), Err(Failure::OtherChannel));
}
