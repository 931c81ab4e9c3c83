//! Postfix: message submission, on 127.0.0.1 and ::1.
//!
//! `Postfix::start(&certificates, tls)` gives the ports `submissions` (implicit TLS) and
//! `submission` (STARTTLS, which it requires). No password is asked for on the loopback interface.
//! It takes mail for `example.org` and delivers it to one mailbox: `Postfix::delivers(text)`.

use crate::Tls;
use crate::certificates::Certificates;
use crate::process::{Scratch, Server, free_port, within};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The directories that the master expects in the queue; `postfix check` makes them, slowly.
const QUEUE: [&str; 14] = [
    "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop",
    "pid", "private", "public", "saved", "trace",
];

/// A running Postfix.
#[derive(Debug)]
pub(crate) struct Postfix {
    pub(crate) submissions: u16,
    pub(crate) submission: u16,
    pub(crate) server: Server,
    mailbox: PathBuf,
    _scratch: Scratch,
}

impl Postfix {
    pub(crate) fn start(certificates: &Certificates, tls: Tls) -> Self {
        let scratch = Scratch::new();
        let [submissions, submission] = [(); 2].map(|()| free_port());
        let queue = scratch.make_dir("queue", "root:root");
        let data = scratch.make_dir("data", "postfix:postfix");
        let mail = scratch.make_dir("mail", "nobody:nogroup");
        let config = scratch.make_dir("config", "root:root");
        let main = format!(
            "compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
meta_directory = /etc/postfix
maillog_file = /dev/stdout
myhostname = localhost
mydestination =
inet_interfaces = 127.0.0.1, [::1]
inet_protocols = all
mynetworks = 127.0.0.0/8, [::1]/128
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = {chain}
smtpd_tls_key_file = {key}
smtpd_tls_mandatory_protocols = >=TLSv{version}, <=TLSv{version}
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
smtpd_tls_session_cache_database = btree:{data}/sessions
virtual_mailbox_domains = example.org
virtual_mailbox_base = {mail}
virtual_mailbox_maps = static:inbox
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
alias_maps =
",
            queue = queue.display(),
            data = data.display(),
            mail = mail.display(),
            chain = certificates.chain.display(),
            key = certificates.key.display(),
            version = tls.number(),
        );
        fs::write(config.join("main.cf"), main).unwrap();
        let master = format!(
            "127.0.0.1:{submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
[::1]:{submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:{submission} inet n - n - - smtpd
[::1]:{submission} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
flush unix n - n 1000? 0 flush
postlog unix-dgram n - n - 1 postlogd
"
        );
        fs::write(config.join("master.cf"), master).unwrap();
        let log = scratch.path().join("log");
        for name in QUEUE {
            scratch.make_dir(&format!("queue/{name}"), "postfix:postdrop");
        }
        // Not `postfix start-fg`, because it lets the master leave for a session of its own.
        let mut command = Command::new("/usr/lib/postfix/sbin/master");
        command.arg("-d").arg("-c").arg(&config);
        let server = Server::start("postfix", &command, &log, submissions);
        Self {
            submissions,
            submission,
            server,
            mailbox: mail.join("inbox"),
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
