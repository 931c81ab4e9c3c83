//! The servers and proxies among the examples as programs, with real clients before them and real
//! servers behind them: `tokio_submission_server`, `event_loop`, `tls_front`.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::clients::{Library, Target};
use crate::dovecot::{Dovecot, PASSWORD, USER};
use crate::examples::{assert_fails, assert_says, of, run};
use crate::postfix::Postfix;
use crate::process::{AfterInput, LOOPBACK, Run, Scratch, Server, free_port, run_to_end};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

const PACKAGE: &str = "mail-tls-async-examples";

fn start(name: &'static str, port: u16, arguments: &[&str], scratch: &Scratch) -> Server {
    let mut command = Command::new(of(PACKAGE, name));
    command.args(arguments);
    let log = scratch.path().join(format!("{name}-{port}.log"));
    Server::start(name, &command, &log, port)
}

fn target<'a>(port: u16, ca: &'a Path, tls: Tls) -> Target<'a> {
    let address = SocketAddr::new(LOOPBACK[0], port);
    Target { address, ca, tls }
}

/// Python's library for the plain protocol, as an old program would use it.
fn python(script: &str, arguments: &[&str]) -> Run {
    let mut command = Command::new("python3");
    command.args(["-c", script]).args(arguments);
    run_to_end(&command, "", AfterInput::End)
}

#[test]
#[ignore = "needs curl and openssl; run by .ci/run"]
fn a_submission_server_on_tokio() {
    let (certificates, scratch) = (Certificates::good(Key::EcdsaP256), Scratch::new());
    let [implicit, starttls] = [(); 2].map(|()| free_port());
    let ports = [implicit.to_string(), starttls.to_string()];
    let (chain, key) = (
        certificates.chain.to_str().unwrap(),
        certificates.key.to_str().unwrap(),
    );
    let mailbox = scratch.path().join("mailbox");
    let directory = mailbox.to_str().unwrap();
    let arguments = [&ports[0], &ports[1], directory, chain, key];
    let server = start("tokio_submission_server", starttls, &arguments, &scratch);
    let message = scratch.write("message", "Subject: by curl\r\n\r\n.text\r\n");
    let send = |scheme: &str, port: u16, user: &str, tls: Tls| {
        let mut curl = Command::new("curl");
        curl.args(["--no-progress-meter", "--max-time", "20", "--ssl-reqd"]);
        curl.args(["--tls-max", tls.number(), "--user", user, "--cacert"]);
        curl.arg(&certificates.ca);
        curl.args([
            "--mail-from",
            "a@example.org",
            "--mail-rcpt",
            "b@example.org",
        ]);
        curl.arg("--upload-file").arg(&message);
        curl.arg(format!("{scheme}://localhost:{port}"));
        run_to_end(&curl, "", AfterInput::End)
    };
    for tls in Tls::BOTH {
        for (scheme, port) in [("smtps", implicit), ("smtp", starttls)] {
            let sent = send(scheme, port, "test:test", tls);
            assert!(sent.success(), "{sent:#?}");
            let refused = send(scheme, port, "test:wrong", tls);
            assert_eq!(refused.status.code(), Some(67), "{refused:#?}");
        }
    }
    let messages = messages(&mailbox);
    assert_eq!(messages.len(), 4, "{messages:#?}\n{}", server.log());
    for message in &messages {
        assert!(
            message.ends_with("\r\nSubject: by curl\r\n\r\n.text\r\n"),
            "{message}"
        );
        for part in ["with ESMTPSA", " tls TLS_", "for <b@example.org>"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }

    // In plain text: no AUTH is listed, none is taken, and the password makes no difference.
    let script = "import smtplib, sys\n\
        s = smtplib.SMTP('localhost', int(sys.argv[1]))\n\
        print(s.ehlo()[1])\n\
        for password in ['AHRlc3QAdGVzdA==', 'AHRlc3QAd3Jvbmc=']:\n\
        \x20 print(s.docmd('AUTH PLAIN ' + password))\n\
        print(s.docmd('MAIL FROM:<a@example.org>'))\n";
    let plain = python(script, &[&starttls.to_string()]);
    assert_says(&plain, &["STARTTLS"]);
    assert!(!plain.says("AUTH "), "{plain:#?}");
    let lines: Vec<&str> = plain.stdout.lines().collect();
    assert_eq!(lines[1], lines[2]);
    assert!(lines[1].starts_with("(5"), "{plain:#?}");
    // Commands behind STARTTLS in one packet are never executed.
    let script = "import socket, sys\n\
        s = socket.create_connection(('localhost', int(sys.argv[1])))\n\
        s.recv(99)\n\
        s.sendall(b'EHLO x\\r\\nSTARTTLS\\r\\nMAIL FROM:<a@example.org>\\r\\n')\n\
        said = b''\n\
        while chunk := s.recv(999): said += chunk\n\
        print(said)\n";
    let injected = python(script, &[&starttls.to_string()]);
    // The reply to EHLO is the last that is said.
    assert_says(&injected, &["250-STARTTLS", "250 SIZE 1000000\\r\\n'\n"]);
    let openssl = target(starttls, &certificates.ca, Tls::V13);
    let quit = openssl.openssl("QUIT\r\n", &["-starttls", "smtp"]);
    assert!(quit.success() && quit.says("221 2.0.0"), "{quit:#?}");
}

/// What the server has taken.
fn messages(mailbox: &Path) -> Vec<String> {
    let files = std::fs::read_dir(mailbox).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let messages = files.filter(|file| file.extension().is_some_and(|it| it == "eml"));
    messages
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect()
}

#[test]
#[ignore = "needs openssl; run by .ci/run"]
fn a_thousand_sessions_in_one_thread() {
    let program = of(PACKAGE, "event_loop");
    let (certificates, scratch) = (Certificates::good(Key::EcdsaP256), Scratch::new());
    let port = free_port();
    let at = format!("127.0.0.1:{port}");
    let chain = certificates.chain.to_str().unwrap();
    let arguments = [&at, chain, certificates.key.to_str().unwrap()];
    let server = start("event_loop", port, &arguments, &scratch);
    for tls in Tls::BOTH {
        let target = target(port, &certificates.ca, tls);
        let run = target.openssl("a what\r\nb logout\r\n", &[]);
        assert!(run.success() && run.says("* BYE"), "{run:#?}");
        let plain = target.curl_in_plain_text("imap");
        assert!(!plain.success(), "{plain:#?}");
    }
    assert!(server.logs("event_loop: "), "{}", server.log());
    // None says goodbye before all are there, and have been seen to be idle.
    let script = "import resource, socket, ssl, sys, time\n\
        resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)\n\
        context = ssl.create_default_context(cafile=sys.argv[2])\n\
        def connect():\n\
        \x20 s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n\
        \x20 return context.wrap_socket(s, server_hostname='localhost')\n\
        all = [connect() for _ in range(1000)]\n\
        for s in all: assert s.recv(99) == b'* OK ready\\r\\n'\n\
        time.sleep(3)\n\
        for s in all: s.sendall(b'a LOGOUT\\r\\n')\n\
        for s in all: assert s.recv(99).startswith(b'* BYE')\n\
        for s in all: assert s.recv(99) == b''\n\
        print('done')\n";
    let ca = certificates.ca.to_str().unwrap();
    let many = python(script, &[&port.to_string(), ca]);
    assert_says(&many, &["done"]);
    assert!(
        server.logs("1000 sessions, 0 bytes of buffers"),
        "{}",
        server.log()
    );
    let use_of = run(&program, &[], "");
    assert!(use_of.says("usage: event_loop") && !use_of.success());
}

#[test]
#[ignore = "needs Dovecot and curl; run by .ci/run"]
fn a_front_for_a_server_without_tls() {
    of(PACKAGE, "tls_front"); // before there is a server, which lives no longer than a build may take
    let (certificates, scratch) = (Certificates::good(Key::EcdsaP256), Scratch::new());
    let dovecot = Dovecot::start(&certificates, Tls::V13);
    let [open, closed, dead] = [(); 3].map(|()| free_port());
    let to = format!("127.0.0.1:{}", dovecot.imap);
    let nowhere = format!("127.0.0.1:{}", free_port());
    let (chain, key) = (
        certificates.chain.to_str().unwrap(),
        certificates.key.to_str().unwrap(),
    );
    let ca = certificates.ca.to_str().unwrap();
    let front = |port: u16, to: &str, extra: &[&str]| {
        let listen = format!("127.0.0.1:{port}");
        let common = ["server", "imap", "--listen", &listen, "--to", to];
        let files = ["--chain", chain, "--key", key];
        start(
            "tls_front",
            port,
            &[&common[..], &files, extra].concat(),
            &scratch,
        )
    };
    let open_front = front(open, &to, &[]);
    let closed_front = front(closed, &to, &["--clients", ca]);
    let dead_front = front(dead, &nowhere, &[]);
    let ann = certificates.client("ann@example.org");
    for tls in Tls::BOTH {
        let read = target(open, &certificates.ca, tls).curl_imaps();
        assert!(read.success() && read.says("INBOX"), "{read:#?}");
        let python = target(open, &certificates.ca, tls).python(Library::Imap);
        assert!(python.success(), "{python:#?}");
        let known = target(closed, &certificates.ca, tls).curl_imaps_as(&ann);
        assert!(known.success() && known.says("INBOX"), "{known:#?}");
        let unknown = target(closed, &certificates.ca, tls).curl_imaps();
        assert!(!unknown.success(), "{unknown:#?}");
    }
    assert!(open_front.logs("begin service=IMAP mode=implicit version=TLSv1.2 "));
    assert!(open_front.logs("end=done"), "{}", open_front.log());
    assert!(closed_front.logs("client-certificate=yes"));
    assert!(closed_front.logs("end=failed"), "{}", closed_front.log());
    // A client that speaks plain text never gets to the server behind.
    let plain = target(open, &certificates.ca, Tls::V13).curl_in_plain_text("imap");
    assert!(!plain.success() && !plain.says("Dovecot"), "{plain:#?}");
    let gone = target(dead, &certificates.ca, Tls::V13).curl_imaps();
    assert!(!gone.success(), "{gone:#?}");
    assert!(dead_front.logs("refused"), "{}", dead_front.log());
    // One that goes without close_notify is passed on as gone, and said to be.
    target(open, &certificates.ca, Tls::V13).openssl_killed_after("* OK");
    assert!(
        open_front.logs("without close_notify"),
        "{}",
        open_front.log()
    );
}

#[test]
#[ignore = "needs Dovecot and Postfix; run by .ci/run"]
fn a_front_for_a_client_without_tls() {
    let program = of(PACKAGE, "tls_front");
    let (certificates, scratch) = (Certificates::good(Key::EcdsaP256), Scratch::new());
    let ca = certificates.ca.to_str().unwrap();
    let front = |service: &str, port: u16, to: u16, extra: &[&str]| {
        let (listen, to) = (format!("127.0.0.1:{port}"), to.to_string());
        let place = [
            "client",
            service,
            "--listen",
            &listen,
            "--to",
            "localhost",
            "--port",
            &to,
        ];
        start("tls_front", port, &[&place[..], extra].concat(), &scratch)
    };
    let read = "import imaplib, sys\n\
        imap = imaplib.IMAP4('127.0.0.1', int(sys.argv[1]))\n\
        print(imap.login(sys.argv[2], sys.argv[3]), imap.select(), imap.logout())\n";
    let send = "import smtplib, sys\n\
        smtp = smtplib.SMTP('127.0.0.1', int(sys.argv[1]))\n\
        print(smtp.sendmail('a@example.org', 'inbox@example.org', 'Subject: ' + sys.argv[2] + '\\r\\n\\r\\ntext'))\n\
        print(smtp.quit())\n";
    for tls in Tls::BOTH {
        let dovecot = Dovecot::start(&certificates, tls);
        let postfix = Postfix::start(&certificates, tls);
        for (to, extra) in [
            (dovecot.imaps, &["--ca", ca][..]),
            (dovecot.imap, &["--ca", ca, "--starttls"]),
        ] {
            let port = free_port();
            let front = front("imap", port, to, extra);
            let run = python(read, &[&port.to_string(), USER, PASSWORD]);
            assert_says(&run, &["OK", "BYE"]);
            assert!(front.logs(&format!("version=TLSv{}", tls.number())));
            assert!(front.logs("end=done"), "{}", front.log());
        }
        for (to, extra) in [
            (postfix.submissions, &["--ca", ca][..]),
            (postfix.submission, &["--ca", ca, "--starttls"]),
        ] {
            let port = free_port();
            let front = front("submission", port, to, extra);
            let subject = format!("by an old agent to {to}");
            let run = python(send, &[&port.to_string(), &subject]);
            assert_says(&run, &["221"]);
            assert!(postfix.delivers(&subject), "{}", front.log());
        }
        // A server that is not verified: not a byte for the client, and not a password for it.
        let port = free_port();
        let front = front("imap", port, dovecot.imaps, &[]);
        let run = python(read, &[&port.to_string(), USER, PASSWORD]);
        assert!(!run.success(), "{run:#?}");
        assert!(front.logs("end=failed"), "{}", front.log());
    }
    let anywhere = [
        "client",
        "imap",
        "--listen",
        "0.0.0.0:0",
        "--to",
        "localhost",
    ];
    assert_fails(
        &run(&program, &anywhere, ""),
        "listens on 127.0.0.1 or ::1 alone",
    );
    for (arguments, sentence) in [
        (&[][..], "usage: "),
        (&["server", "ftp"], "usage: "),
        (&["server", "imap", "--chian", "x"], "usage: "),
        (
            &["server", "imap", "--listen", "127.0.0.1:0"],
            "--chain is missing",
        ),
        (
            &["client", "imap", "--listen", "x", "--to", "x"],
            "invalid socket address",
        ),
    ] {
        assert_fails(&run(&program, arguments, ""), sentence);
    }
}
