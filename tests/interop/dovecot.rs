//! Dovecot: IMAP, POP3 and ManageSieve, on 127.0.0.1 and ::1.
//!
//! `Dovecot::start(&certificates, tls)` gives the ports `imaps`, `pop3s` (implicit TLS) and `imap`,
//! `pop3`, `sieve` (STARTTLS), and `Dovecot::start_with(..)` changes its settings; the user is
//! `test`, the password `test` (`USER`, `PASSWORD`). The mailbox is empty. Dovecot refuses the
//! password without TLS, but not to a client whose address is the server's own: a test of that
//! refusal connects from 127.0.0.2, or to it.

use crate::Tls;
use crate::certificates::Certificates;
use crate::process::{Scratch, Server, free_port};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::time::Duration;

pub(crate) const USER: &str = "test";
pub(crate) const PASSWORD: &str = "test";

/// A running Dovecot.
#[derive(Debug)]
pub(crate) struct Dovecot {
    pub(crate) imaps: u16,
    pub(crate) pop3s: u16,
    pub(crate) imap: u16,
    pub(crate) pop3: u16,
    pub(crate) sieve: u16,
    pub(crate) server: Server,
    _scratch: Scratch,
}

impl Dovecot {
    pub(crate) fn start(certificates: &Certificates, tls: Tls) -> Self {
        Self::start_version(certificates, tls, "")
    }

    /// With one process for all logins, which can open the tickets that it gave: by default each
    /// connection has a process with keys of its own.
    pub(crate) fn start_resuming(certificates: &Certificates, tls: Tls) -> Self {
        let one = "service imap-login {\n  service_count = 0\n  process_limit = 1\n}";
        Self::start_version(certificates, tls, one)
    }

    fn start_version(certificates: &Certificates, tls: Tls, settings: &str) -> Self {
        // Dovecot has a setting for the lowest version only.
        let highest = format!("MaxProtocol = TLSv{}", tls.number());
        let settings = format!("ssl_min_protocol = TLSv{}\n{settings}", tls.number());
        Self::start_with(certificates, &settings, &highest)
    }

    /// With settings of Dovecot's and of OpenSSL's that come after the others.
    pub(crate) fn start_with(certificates: &Certificates, settings: &str, openssl: &str) -> Self {
        let scratch = Scratch::new();
        let [imaps, pop3s, imap, pop3, sieve] = [(); 5].map(|()| free_port());
        let mail = scratch.make_dir("mail", "nobody:nogroup");
        let dir = scratch.path().display();
        let config = format!(
            r#"
base_dir = {dir}/run
state_dir = {dir}/state
log_path = /dev/stderr
mail_debug = yes
verbose_ssl = yes
protocols = imap pop3 sieve
listen = 127.0.0.1, ::1
disable_plaintext_auth = yes
auth_mechanisms = plain login
ssl = required
ssl_cert = <{chain}
ssl_key = <{key}
mail_location = maildir:{mail}/%u
first_valid_uid = 1
passdb {{
  driver = static
  args = password={PASSWORD} allow_real_nets=127.0.0.0/8,::1
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={mail}/%u
}}
# Passed on to the login processes, for the highest version of TLS.
import_environment = OPENSSL_CONF
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service managesieve-login {{
  inet_listener sieve {{
    port = {sieve}
  }}
}}
{settings}
"#,
            chain = certificates.chain.display(),
            key = certificates.key.display(),
            mail = mail.display(),
        );
        let config = scratch.write("dovecot.conf", config);
        let openssl = format!(
            "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n{openssl}\n"
        );
        let mut command = Command::new("/usr/sbin/dovecot");
        command.arg("-F").arg("-c").arg(config);
        command.env("OPENSSL_CONF", scratch.write("openssl.cnf", openssl));
        let server = Server::start("dovecot", &command, &scratch.path().join("log"), imaps);
        wait_for_authentication(imap);
        Self {
            imaps,
            pop3s,
            imap,
            pop3,
            sieve,
            server,
            _scratch: scratch,
        }
    }
}

/// Until its process for passwords has started, Dovecot greets with an additional line that says so.
fn wait_for_authentication(imap: u16) {
    let connection = TcpStream::connect((Ipv4Addr::LOCALHOST, imap)).unwrap();
    connection
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut lines = BufReader::new(connection).lines();
    let ready = lines.any(|line| line.unwrap().ends_with("ready."));
    assert!(ready, "Dovecot hung up before it was ready");
}
