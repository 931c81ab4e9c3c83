//! A submission server with a port for implicit TLS and one for STARTTLS: its parser is its own, its
//! TLS is this crate's.
//!
//! It takes the password `test` from the user `test`, and writes each message that it takes into a
//! file, with a Received field that says how it came (RFC 8314 §4.3). Without arguments it listens
//! on the ports 10465 and 10587 of 127.0.0.1, with a certificate for `localhost` made on the spot:
//!
//! ```text
//! cargo run --example submission_server -- [IMPLICIT STARTTLS DIRECTORY [CHAIN KEY]]
//! curl --cacert FILE smtps://localhost:10465 --user test:test \
//!     --mail-from a@example.org --mail-rcpt b@example.org --upload-file message
//! curl --cacert FILE --ssl-reqd smtp://localhost:10587 ...
//! cargo run --example starttls_client -- --ca FILE submission://localhost:10587
//! ```
//!
//! What TLS demands of an SMTP server is little here: the guard sees each command before the parser
//! does, its filter sees what EHLO lists, STARTTLS takes what was read behind it, and admission is
//! asked before a password is looked at (`submission_server/login.rs`).
#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "an embedder does the I/O that the library does not, and has a clock"
)]

#[path = "submission_server/connection.rs"]
mod connection;
#[path = "submission_server/delivery.rs"]
mod delivery;
#[path = "submission_server/lines.rs"]
mod lines;
#[path = "submission_server/login.rs"]
mod login;
#[path = "submission_server/smtp.rs"]
mod smtp;
#[path = "submission_server/syntax.rs"]
mod syntax;
#[path = "submission_server/talk.rs"]
mod talk;

use std::error::Error;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::{env, fs, thread};

use connection::serve;
use delivery::Mailbox;
use mail_tls::admission::ServerPolicy;
use mail_tls::{Certificates, CertifiedChain, Server, Service, TlsMode};
use smtp::Smtp;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let directory = env::temp_dir().join("submission_server");
    let (ports, directory, files) = match *arguments {
        [] => (["10465", "10587"], directory, None),
        [a, b, directory] => ([a, b], PathBuf::from(directory), None),
        [a, b, directory, chain, key] => ([a, b], PathBuf::from(directory), Some((chain, key))),
        _ => return Err("usage: submission_server [PORT PORT DIRECTORY [CHAIN KEY]]".into()),
    };
    fs::create_dir_all(&directory)?;
    let (pem, key) = match files {
        Some((chain, key)) => (fs::read(chain)?, fs::read(key)?),
        None => {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
            let (file, pem) = (directory.join("certificate.pem"), made.cert.pem());
            fs::write(&file, &pem)?;
            println!("certificate: {}", file.display());
            (pem.into(), made.signing_key.serialize_pem().into())
        }
    };
    let chain = CertifiedChain::from_pem(&pem, &key)?;
    let server = Server::builder().build()?;
    let policy = Arc::new(ServerPolicy::requiring_tls());
    let mailbox = Arc::new(Mailbox::new(directory));
    let mut listeners = Vec::new();
    for (mode, port) in [TlsMode::Implicit, TlsMode::StartTls]
        .into_iter()
        .zip(ports)
    {
        let certificates = Certificates::new(chain.clone());
        let acceptor = server
            .acceptor(Service::Submission, mode, certificates)
            .build()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.parse()?))?;
        println!("listens on {}", listener.local_addr()?);
        let (policy, mailbox) = (Arc::clone(&policy), Arc::clone(&mailbox));
        listeners.push(thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let Ok(client) = socket.peer_addr() else {
                    continue;
                };
                let smtp = Smtp::new(client.ip(), Arc::clone(&policy), Arc::clone(&mailbox));
                let acceptor = acceptor.clone();
                thread::spawn(move || match serve(&socket, &acceptor, smtp) {
                    Ok(()) => println!("a client has gone"),
                    Err(error) => println!("a client was left: {error}"),
                });
            }
        }));
    }
    listeners
        .into_iter()
        .try_for_each(thread::JoinHandle::join)
        .map_err(|_| "a listener died".into())
}
