//! Exim (Debian's, which uses GnuTLS): message submission, on 127.0.0.1 and ::1.
//!
//! `Exim::start(&certificates, tls)` gives the ports `submissions` (implicit TLS) and `submission`
//! (STARTTLS). It takes mail for `example.org` and appends it to one file: `Exim::delivers(text)`.
//! With `Exim::start_with_external(..)` users are also known by their certificates' addresses.

use crate::Tls;
use crate::certificates::Certificates;
use crate::process::{Scratch, Server, free_port, peers_dir, set_mode, within};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// A running Exim.
#[derive(Debug)]
pub(crate) struct Exim {
    pub(crate) submissions: u16,
    pub(crate) submission: u16,
    pub(crate) server: Server,
    mailbox: PathBuf,
    log: PathBuf,
    _scratch: Scratch,
}

impl Exim {
    pub(crate) fn start(certificates: &Certificates, tls: Tls) -> Self {
        Self::start_with(certificates, tls, "", "")
    }

    /// It asks clients for certificates of the same authority, and offers EXTERNAL to who has shown
    /// one: for the address in it, whether the client names that or leaves it to the server.
    pub(crate) fn start_with_external(certificates: &Certificates, tls: Tls) -> Self {
        let main = format!(
            "tls_try_verify_hosts = *\ntls_verify_certificates = {}\n",
            certificates.ca.display()
        );
        let authenticators = r"
begin authenticators
external:
  driver = external
  public_name = EXTERNAL
  server_advertise_condition = $tls_in_certificate_verified
  server_param2 = ${certextract {subj_altname,mail,>:} {$tls_in_peercert}}
  server_condition = ${if or {{eq {$auth1}{}} {eq {$auth1}{$auth2}}}}
  server_set_id = $auth2
";
        Self::start_with(certificates, tls, &main, authenticators)
    }

    /// With lines among its main settings and at the end.
    fn start_with(certificates: &Certificates, tls: Tls, main: &str, end: &str) -> Self {
        let scratch = Scratch::new();
        let [submissions, submission] = [(); 2].map(|()| free_port());
        let owner = "Debian-exim:Debian-exim";
        let spool = scratch.make_dir("spool", owner);
        let mail = scratch.make_dir("mail", owner);
        // Exim reads these as its own user, not as root.
        let tls_dir = scratch.make_dir("tls", owner);
        let (chain, key) = (tls_dir.join("chain.pem"), tls_dir.join("key.pem"));
        fs::copy(&certificates.chain, &chain).unwrap();
        fs::copy(&certificates.key, &key).unwrap();
        for file in [&chain, &key] {
            let chown = Command::new("chown").arg(owner).arg(file).status().unwrap();
            assert!(chown.success());
            set_mode(file, 0o640);
        }
        let config = format!(
            r#"
exim_path = {exim}
primary_hostname = localhost
spool_directory = {spool}
log_file_path = {spool}/log-%s
local_interfaces = <; 127.0.0.1 ; ::1
daemon_smtp_ports = {submissions} : {submission}
tls_on_connect_ports = {submissions}
tls_advertise_hosts = *
tls_certificate = {chain}
tls_privatekey = {key}
tls_require_ciphers = {priority}
log_selector = +tls_cipher +tls_sni
host_lookup =
rfc1413_hosts =
keep_environment =
acl_smtp_rcpt = rcpt
{main}
begin acl
rcpt:
  accept hosts = 127.0.0.1 : ::::1
begin routers
inbox:
  driver = accept
  domains = example.org
  transport = inbox
begin transports
inbox:
  driver = appendfile
  file = {mailbox}
  user = Debian-exim
{end}
"#,
            exim = exim().display(),
            spool = spool.display(),
            chain = chain.display(),
            key = key.display(),
            priority = tls.gnutls_priority(),
            mailbox = mail.join("inbox").display(),
        );
        let config = scratch.write("exim.conf", config);
        // Exim refuses a configuration that others could write.
        set_mode(&config, 0o644);
        let mut command = Command::new(exim());
        command.arg("-C").arg(config).args(["-bdf", "-v"]);
        let server = Server::start("exim", &command, &scratch.path().join("log"), submissions);
        Self {
            submissions,
            submission,
            server,
            mailbox: mail.join("inbox"),
            log: spool.join("log-main"),
            _scratch: scratch,
        }
    }

    /// Waits until a message that contains `text` is in the mailbox; `false` if none comes.
    pub(crate) fn delivers(&self, text: &str) -> bool {
        within(Duration::from_secs(10), || {
            fs::read_to_string(&self.mailbox).is_ok_and(|mail| mail.contains(text))
        })
    }

    /// What has been delivered.
    pub(crate) fn mail(&self) -> String {
        fs::read_to_string(&self.mailbox).unwrap()
    }
}

/// Its deliveries are no longer its descendants, and would make their directories again.
impl Drop for Exim {
    fn drop(&mut self) {
        within(Duration::from_secs(5), || {
            let log = fs::read_to_string(&self.log).unwrap_or_default();
            log.matches(" <= ").count() == log.matches(" Completed").count()
        });
    }
}

fn exim() -> PathBuf {
    peers_dir().join("exim/usr/sbin/exim4")
}
