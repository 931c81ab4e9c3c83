//! Real clients that run to their end against one server and verify it as `localhost`.
//!
//! `Target { address, ca, tls }` says where to, whom to trust and which version; then
//! `openssl(input, extra)`, `gnutls(input, extra)`, `gnutls_closing_first(input, extra)`,
//! `curl_imaps()`, `curl_pop3s()`, `curl_smtps(subject)`, `python(Library)`, each giving a `Run`;
//! and variants of these with a client certificate, an old version, plain text, or a sudden death.
//!
//! What a server must understand: `curl_imaps` logs in as `test`/`test` and lists the mailboxes;
//! `curl_pop3s` logs in and lists the messages; `curl_smtps` sends one message; `Library::Imap`
//! logs in, selects INBOX and logs out; `Library::Pop3` logs in, says STAT and quits;
//! `Library::Smtp` sends one message; `Library::PyOpenSsl` sends `quit` and reads one answer.
//! All begin with what their protocol begins with (CAPABILITY, CAPA, EHLO).

use crate::Tls;
use crate::dovecot::{PASSWORD, USER};
use crate::process::{AfterInput, Run, Scratch, peers_dir, run_to_end};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A server as a client is told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) ca: &'a Path,
    pub(crate) tls: Tls,
}

/// Which of Python's libraries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Library {
    Imap,
    Pop3,
    Smtp,
    /// With X25519MLKEM768; it verifies the path, not the name.
    PyOpenSsl,
}

impl Target<'_> {
    /// `openssl s_client`: sends `input` as it is, prints what comes, until the server closes.
    /// It fails unless the server is verified and closes with close_notify.
    pub(crate) fn openssl(&self, input: &str, extra: &[&str]) -> Run {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &self.address.to_string()]);
        command.arg(version_flag(self.tls));
        command.args(["-servername", "localhost", "-verify_hostname", "localhost"]);
        command
            .arg("-verify_return_error")
            .arg("-CAfile")
            .arg(self.ca);
        command.args(["-ign_eof", "-nocommands"]).args(extra);
        run_to_end(&command, input, AfterInput::StayOpen)
    }

    /// The same, but it verifies nothing and prints the chain.
    pub(crate) fn openssl_validating_nothing(&self, extra: &[&str]) -> Run {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &self.address.to_string()]);
        command.args(["-servername", "localhost", "-showcerts", "-ign_eof"]);
        command.args(extra);
        run_to_end(&command, "", AfterInput::StayOpen)
    }

    /// The same with nothing newer than TLS 1.1, which Debian's OpenSSL speaks only at its
    /// security level 0.
    pub(crate) fn old_openssl(&self) -> Run {
        self.openssl_validating_nothing(&["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"])
    }

    /// `openssl s_client` that is killed as soon as it has printed `text`.
    pub(crate) fn openssl_killed_after(&self, text: &str) {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &self.address.to_string()]);
        command.arg(version_flag(self.tls)).arg("-ign_eof");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let has_said = lines.map_while(Result::ok).any(|line| line.contains(text));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(has_said, "{text:?} has not come");
    }

    /// `gnutls-cli`: the same.
    pub(crate) fn gnutls(&self, input: &str, extra: &[&str]) -> Run {
        run_to_end(&self.gnutls_command(extra), input, AfterInput::StayOpen)
    }

    /// `gnutls-cli` that sends close_notify right after `input`, and still reads what comes until
    /// the server closes.
    pub(crate) fn gnutls_closing_first(&self, input: &str, extra: &[&str]) -> Run {
        run_to_end(&self.gnutls_command(extra), input, AfterInput::End)
    }

    fn gnutls_command(&self, extra: &[&str]) -> Command {
        let mut command = Command::new("gnutls-cli");
        command.args([
            "--verify-hostname",
            "localhost",
            "--sni-hostname",
            "localhost",
        ]);
        command.args(["--priority", &self.tls.gnutls_priority()]);
        command.arg("--x509cafile").arg(self.ca).args(extra);
        command.args(["--port", &self.address.port().to_string()]);
        command.arg(self.address.ip().to_string());
        command
    }

    /// curl logs in and lists the mailboxes.
    pub(crate) fn curl_imaps(&self) -> Run {
        self.curl("imaps", &["--user", &format!("{USER}:{PASSWORD}")])
    }

    /// The same with a client certificate: its chain and its key.
    pub(crate) fn curl_imaps_as(&self, (chain, key): &(PathBuf, PathBuf)) -> Run {
        let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
        let user = format!("{USER}:{PASSWORD}");
        self.curl("imaps", &["--user", &user, "--cert", chain, "--key", key])
    }

    /// curl that says who it is by its certificate alone (SASL EXTERNAL).
    pub(crate) fn curl_imaps_external(&self, user: &str, (chain, key): &(PathBuf, PathBuf)) -> Run {
        let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
        let user = format!("{user}:");
        let by_certificate = ["--cert", chain, "--key", key];
        let external = ["--user", &user, "--login-options", "AUTH=EXTERNAL"];
        self.curl("imaps", &[&by_certificate[..], &external].concat())
    }

    /// curl that expects plain text of this scheme.
    pub(crate) fn curl_in_plain_text(&self, scheme: &str) -> Run {
        self.curl(scheme, &[])
    }

    /// curl logs in and lists the messages.
    pub(crate) fn curl_pop3s(&self) -> Run {
        self.curl("pop3s", &["--user", &format!("{USER}:{PASSWORD}")])
    }

    /// curl sends a message with this subject from a@example.org to b@example.org.
    pub(crate) fn curl_smtps(&self, subject: &str) -> Run {
        let scratch = Scratch::new();
        let message = format!(
            "From: <a@example.org>\r\nTo: <b@example.org>\r\nSubject: {subject}\r\n\r\ntext\r\n"
        );
        let message = scratch.write("message", message);
        let (from, to) = ("a@example.org", "b@example.org");
        let message = message.to_str().unwrap();
        self.curl(
            "smtps",
            &[
                "--mail-from",
                from,
                "--mail-rcpt",
                to,
                "--upload-file",
                message,
            ],
        )
    }

    fn curl(&self, scheme: &str, extra: &[&str]) -> Run {
        let port = self.address.port();
        let mut command = Command::new("curl");
        command.args(["--verbose", "--no-progress-meter", "--max-time", "20"]);
        command.args([
            format!("--tlsv{}", self.tls.number()),
            "--tls-max".to_owned(),
        ]);
        command
            .arg(self.tls.number())
            .arg("--cacert")
            .arg(self.ca)
            .args(extra);
        command.args([
            "--resolve",
            &format!("localhost:{port}:{}", self.address.ip()),
        ]);
        command.arg(format!("{scheme}://localhost:{port}/"));
        run_to_end(&command, "", AfterInput::End)
    }

    /// One of Python's libraries, to the address itself: the certificate must name it, too.
    pub(crate) fn python(&self, library: Library) -> Run {
        let mut command = Command::new(peers_dir().join("venv/bin/python"));
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts/client.py"));
        command.arg(match library {
            Library::Imap => "imap",
            Library::Pop3 => "pop3",
            Library::Smtp => "smtp",
            Library::PyOpenSsl => "pyopenssl",
        });
        command.args([
            self.address.ip().to_string(),
            self.address.port().to_string(),
        ]);
        command.arg(self.ca).arg(self.tls.number());
        run_to_end(&command, "", AfterInput::End)
    }
}

fn version_flag(tls: Tls) -> &'static str {
    match tls {
        Tls::V12 => "-tls1_2",
        Tls::V13 => "-tls1_3",
    }
}
