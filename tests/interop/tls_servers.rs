//! Plain TLS servers, and peers that misbehave.
//!
//! * `openssl(..)`: `openssl s_server`; reverses each line, `CLOSE` ends the connection
//! * `old_openssl(..)`: the same, of TLS 1.1
//! * `gnutls(..)`: `gnutls-serv`; echoes
//! * `python(.., Engine, End)`: greets with `* OK ready`, echoes, ends after `quit`, properly or
//!   without close_notify; `Engine::PyOpenSsl` has X25519MLKEM768 and prefers it
//! * `Plaintext::start(greeting)`: sends a greeting and never speaks TLS
//! * `silent()`: accepts connections and never says anything
//!
//! `TlsServer::server.log()` shows what each negotiated.

use crate::Tls;
use crate::certificates::Certificates;
use crate::process::{Server, free_port, peers_dir};
use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A running server of one of the first three kinds.
#[derive(Debug)]
pub(crate) struct TlsServer {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
}

/// `openssl s_server` on one address. `extra` are further arguments, such as `-Verify 1` or
/// `-num_tickets 0`.
pub(crate) fn openssl(
    certificates: &Certificates,
    tls: Tls,
    address: IpAddr,
    extra: &[&str],
) -> TlsServer {
    let version = match tls {
        Tls::V12 => "-tls1_2",
        Tls::V13 => "-tls1_3",
    };
    openssl_with(certificates, address, &[&[version], extra].concat())
}

/// One that knows nothing newer than TLS 1.1, which Debian's OpenSSL speaks only at its security
/// level 0.
pub(crate) fn old_openssl(certificates: &Certificates, address: IpAddr) -> TlsServer {
    let version = ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"];
    openssl_with(certificates, address, &version)
}

fn openssl_with(certificates: &Certificates, address: IpAddr, extra: &[&str]) -> TlsServer {
    let address = SocketAddr::new(address, free_port());
    let mut command = Command::new("openssl");
    command.args(["s_server", "-rev", "-accept", &address.to_string()]);
    command.arg(if address.is_ipv4() { "-4" } else { "-6" });
    // `-cert` takes the leaf only, and `-cert_chain` refuses an empty file.
    command
        .arg("-cert")
        .arg(&certificates.chain)
        .arg("-key")
        .arg(&certificates.key);
    if fs::metadata(&certificates.issuers).unwrap().len() > 0 {
        command.arg("-cert_chain").arg(&certificates.issuers);
    }
    command.args(extra);
    start("openssl s_server", &command, certificates, address)
}

/// `gnutls-serv`; it cannot be told an address, so that it listens on all.
pub(crate) fn gnutls(
    certificates: &Certificates,
    tls: Tls,
    address: IpAddr,
    extra: &[&str],
) -> TlsServer {
    let address = SocketAddr::new(address, free_port());
    let mut command = Command::new("gnutls-serv");
    command.args(["--echo", "--crlf", "--priority", &tls.gnutls_priority()]);
    command.args(["--port", &address.port().to_string()]);
    command.arg("--x509certfile").arg(&certificates.chain);
    command
        .arg("--x509keyfile")
        .arg(&certificates.key)
        .args(extra);
    start("gnutls-serv", &command, certificates, address)
}

/// Whose TLS a Python server uses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Engine {
    /// Python's `ssl`, with the system's OpenSSL.
    Ssl,
    /// pyOpenSSL, with the recent OpenSSL of its wheel.
    PyOpenSsl,
}

/// How a Python server ends a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    /// With close_notify.
    Notify,
    /// Without, as if the connection had been cut (RFC 8446 §6.1, a truncation).
    Drop,
}

/// A Python server on one address.
pub(crate) fn python(
    certificates: &Certificates,
    tls: Tls,
    address: IpAddr,
    engine: Engine,
    end: End,
) -> TlsServer {
    let address = SocketAddr::new(address, free_port());
    let mut command = Command::new(peers_dir().join("venv/bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts/server.py"));
    command.arg(match engine {
        Engine::Ssl => "ssl",
        Engine::PyOpenSsl => "pyopenssl",
    });
    command.arg(match end {
        End::Notify => "notify",
        End::Drop => "drop",
    });
    command.args([address.ip().to_string(), address.port().to_string()]);
    command
        .arg(&certificates.chain)
        .arg(&certificates.key)
        .arg(tls.number());
    start("server.py", &command, certificates, address)
}

fn start(
    name: &'static str,
    command: &Command,
    certificates: &Certificates,
    address: SocketAddr,
) -> TlsServer {
    let log = certificates
        .chain
        .with_file_name(format!("log-{}", address.port()));
    TlsServer {
        address,
        server: Server::start(name, command, &log, address.port()),
    }
}

/// A peer that sends `greeting` to whoever connects, reads what comes, and never speaks TLS.
#[derive(Debug)]
pub(crate) struct Plaintext {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Plaintext {
    pub(crate) fn start(greeting: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                // A peer that goes away is no concern of this one.
                let _ = connection.and_then(|connection| greet(connection, greeting));
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }
}

fn greet(mut connection: TcpStream, greeting: &str) -> std::io::Result<()> {
    connection.set_read_timeout(Some(Duration::from_secs(5)))?;
    connection.write_all(greeting.as_bytes())?;
    while connection.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

impl Drop for Plaintext {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // Wakes the thread, which then sees that it is to stop.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A peer that never answers: connections succeed, as long as the value lives, and nobody is there.
pub(crate) fn silent() -> TcpListener {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()
}
