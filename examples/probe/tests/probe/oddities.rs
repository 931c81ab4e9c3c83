//! Servers that do what real ones do not, or should not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::certificates::{Certificates, Key};
use crate::process::free_port;
use crate::world::{CRITICAL, UNKNOWN, assert_found, probe, probe_host};

/// A server on 127.0.0.2 that treats every connection so; it ends with the tests.
fn serve(conduct: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let port = free_port();
    let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 2), port)).unwrap();
    let conduct = Arc::new(conduct);
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let conduct = Arc::clone(&conduct);
            std::thread::spawn(move || conduct(socket));
        }
    });
    port
}

fn hang(mut socket: TcpStream) {
    let _ = socket.read_to_end(&mut Vec::new());
}

fn say(text: &'static str) -> impl Fn(TcpStream) {
    move |mut socket| {
        let _ = socket.write_all(text.as_bytes());
        let _ = socket.read_to_end(&mut Vec::new());
    }
}

#[test]
fn servers_that_do_not_answer_as_they_should() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let garbage = "\u{1b}[31m\r\n\u{202e}\r\n";
    // An alert, a record that is longer than it says, and a handshake that never ends.
    let alert = "\x15\x03\x03\x00\x02\x02\x28";
    let short = "\x16\x03\x03\x40\x00\x02\x00";
    let rows: [(&str, u16, &str); 9] = [
        ("imaps", serve(hang), "silent"),
        ("imap", serve(hang), "silent"),
        ("imaps", serve(drop), "closed"),
        ("submission", serve(drop), "closed"),
        ("imaps", free_port(), "connection-refused"),
        ("imaps", serve(say("* OK in clear\r\n")), "not-tls"),
        ("imap", serve(say(garbage)), "unexpected-answer"),
        ("pop3s", serve(say(alert)), "handshake-failed"),
        ("pop3s", serve(say(short)), "silent"),
    ];
    for (label, port, code) in rows {
        let service = format!("--service={label}:{port}");
        let arguments = [service.as_str(), "--timeout=1", "--json"];
        let started = Instant::now();
        let run = probe_host(&certificates, "localhost", &arguments);
        let report = assert_found(&run, CRITICAL, &[("error", code)]);
        assert_eq!(report["critical"], 1, "{label} {code} {report:#}");
        assert!(!run.says("\u{1b}") && !run.says("\u{202e}"), "{run:#?}");
        // One that keeps everybody waiting is not asked again and again.
        assert!(started.elapsed() < Duration::from_secs(6), "{label} {code}");
        let run = probe_host(&certificates, "localhost", &arguments[..2]);
        assert!(
            run.stdout.starts_with("CRITICAL  localhost: 1 critical"),
            "{run:#?}"
        );
        assert!(!run.says("\u{1b}") && !run.says("panicked"), "{run:#?}");
    }
}

/// What drips is cut off as what hangs: the limit is for all of a connection.
#[test]
fn a_server_that_drips() {
    let certificates = Certificates::good(Key::EcdsaP256);
    let drip = |mut socket: TcpStream| {
        while socket.write_all(b"*").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let service = format!("--service=imap:{}", serve(drip));
    let started = Instant::now();
    let arguments = [service.as_str(), "--timeout=1", "--json"];
    let run = probe_host(&certificates, "localhost", &arguments);
    assert_found(&run, CRITICAL, &[("error", "silent")]);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn nothing_listens_where_nothing_has_to() {
    // Whatever this machine has on mail's ports, it has nothing on this address.
    let arguments = [
        "--dns=none",
        "--address=127.77.0.1",
        "--timeout=1",
        "localhost",
    ];
    let run = probe(&arguments);
    assert_eq!(run.status.code(), Some(UNKNOWN), "{run:#?}");
    assert!(run.says("no mail service was found"), "{run:#?}");
}

/// CVE-2011-0411 and its kin: what came behind STARTTLS in clear is read again behind TLS.
#[test]
fn a_server_that_carries_out_what_was_smuggled_in() {
    let certificates = Certificates::good(Key::EcdsaP256);
    for (forgets, expected) in [(false, Some("carried-out")), (true, Some("discarded"))] {
        let config = server_config(&certificates);
        let port = serve(move |socket| {
            let _ = submission(socket, &config, forgets);
        });
        let service = format!("--service=submission:{port}");
        let run = probe_host(
            &certificates,
            "localhost",
            &[&service, "--json", "--timeout=5"],
        );
        let report = crate::world::json(&run);
        assert_eq!(
            report["servers"][0]["smuggled_command"].as_str(),
            expected,
            "{report:#}"
        );
        if !forgets {
            let finding = ("error", "plaintext-carried-into-tls");
            let report = assert_found(&run, CRITICAL, &[finding]);
            let clause = &report["findings"][0]["clause"];
            assert_eq!(clause, "RFC 3207 §4.2");
        }
        // It offers STARTTLS behind TLS as well, which is found in both.
        assert!(
            run.stdout.contains("starttls-listed-behind-tls"),
            "{run:#?}"
        );
    }
}

fn server_config(certificates: &Certificates) -> Arc<ServerConfig> {
    let chain = certificates.chain_der.iter().cloned();
    let chain = chain.map(CertificateDer::from).collect();
    let key = PrivateKeyDer::try_from(certificates.key_der.clone()).unwrap();
    #[cfg(feature = "aws-lc-rs")]
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    #[cfg(not(feature = "aws-lc-rs"))]
    let provider = rustls::crypto::ring::default_provider();
    let config = ServerConfig::builder_with_provider(provider.into());
    let config = config.with_safe_default_protocol_versions().unwrap();
    config
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap()
        .into()
}

/// One connection. Without `forgets` it keeps its buffer of lines over the beginning of TLS.
fn submission(
    mut socket: TcpStream,
    config: &Arc<ServerConfig>,
    forgets: bool,
) -> std::io::Result<()> {
    socket.write_all(b"220 test\r\n")?;
    let mut clear = BufReader::new(socket.try_clone()?);
    let mut line = String::new();
    loop {
        line.clear();
        if clear.read_line(&mut line)? == 0 {
            return Ok(());
        }
        socket.write_all(answer(&line))?;
        if line.starts_with("STARTTLS") {
            break;
        }
    }
    let left = clear.buffer().to_vec();
    let session = ServerConnection::new(Arc::clone(config)).unwrap();
    let mut tls = StreamOwned::new(session, socket);
    let kept = if forgets { &[][..] } else { &left[..] };
    for line in kept.lines() {
        tls.write_all(answer(&line?))?;
    }
    let mut tls = BufReader::new(tls);
    loop {
        line.clear();
        if tls.read_line(&mut line)? == 0 {
            return Ok(());
        }
        tls.get_mut().write_all(answer(&line))?;
        if line.starts_with("QUIT") {
            tls.get_mut().conn.send_close_notify();
            return tls.get_mut().flush();
        }
    }
}

fn answer(line: &str) -> &'static [u8] {
    match line.get(..4) {
        Some("EHLO") => b"250-test\r\n250 STARTTLS\r\n",
        Some("STAR") => b"220 go on\r\n",
        Some("QUIT") => b"221 bye\r\n",
        _ => b"250 done\r\n",
    }
}
