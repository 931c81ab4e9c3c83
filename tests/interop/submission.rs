//! `submission_server` and `tokio_submission_server` as programs: curl, swaks and Python's smtplib hand
//! in messages on both ports of each, and what they write is read by this library and by Python; then
//! what they refuse.

use crate::Tls;
use crate::certificates::{Certificates, Key};
use crate::examples::{blocking, of};
use crate::process::{AfterInput, Run, Scratch, Server, free_port, peers_dir, run_to_end};
use mail_tls::received::{RecordedForm, recorded_tls};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// Which example.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Example {
    Blocking,
    Tokio,
}

/// The running example, and where it writes.
struct Msa {
    implicit: u16,
    starttls: u16,
    certificates: Certificates,
    server: Server,
    scratch: Scratch,
}

impl Msa {
    fn start(example: Example) -> Self {
        let certificates = Certificates::good(Key::EcdsaP256);
        let scratch = Scratch::new();
        let [implicit, starttls] = [(); 2].map(|()| free_port());
        let mut command = Command::new(example.program());
        command.args([implicit.to_string(), starttls.to_string()]);
        command.arg(scratch.path().join("mail"));
        command.args([&certificates.chain, &certificates.key]);
        // It listens there last.
        let log = scratch.path().join("log");
        let server = Server::start("submission_server", &command, &log, starttls);
        Self {
            implicit,
            starttls,
            certificates,
            server,
            scratch,
        }
    }

    /// The messages in the order in which they came, each as its Received field and the rest.
    fn messages(&self) -> Vec<(String, String)> {
        let entries = fs::read_dir(self.scratch.path().join("mail")).unwrap();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort_by_key(|file| fs::metadata(file).unwrap().modified().unwrap());
        files.iter().map(|file| message(file)).collect()
    }

    fn curl(&self, scheme: &str, port: u16, tls: Tls, user: &str, message: &Path) -> Run {
        let mut command = Command::new("curl");
        command.args(["--verbose", "--no-progress-meter", "--max-time", "20"]);
        command.args([&format!("--tlsv{}", tls.number()), "--tls-max"]);
        command.args([tls.number(), "--ssl-reqd", "--user", user]);
        command.arg("--cacert").arg(&self.certificates.ca);
        command.args(["--mail-from", "a@example.org"]);
        command.args(["--mail-rcpt", "b@example.org", "--upload-file"]);
        command.arg(message);
        // The path is what it says in EHLO.
        command.arg(format!("{scheme}://localhost:{port}/client.example.org"));
        run_to_end(&command, "", AfterInput::End)
    }

    /// Lines over TLS by OpenSSL, and what comes back.
    fn talk(&self, lines: &str) -> String {
        self.talk_on(self.implicit, &[], lines)
    }

    fn talk_on(&self, port: u16, arguments: &[&str], lines: &str) -> String {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-verify_return_error", "-CAfile"]);
        command.arg(&self.certificates.ca).arg("-connect");
        command.arg(format!("127.0.0.1:{port}")).args(arguments);
        let run = run_to_end(&command, lines, AfterInput::StayOpen);
        run.stdout
    }

    /// The same before TLS, until the server closes or is silent.
    fn plaintext(&self, bytes: &[u8]) -> String {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.starttls)).unwrap();
        let patience = Duration::from_secs(10);
        socket.set_read_timeout(Some(patience)).unwrap();
        socket.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A reset, where it has left something unread.
        let _ = socket.read_to_end(&mut answer);
        String::from_utf8(answer).unwrap()
    }
}

impl Example {
    const BOTH: [Self; 2] = [Self::Blocking, Self::Tokio];

    fn program(self) -> &'static Path {
        static PROGRAMS: [OnceLock<PathBuf>; 2] = [OnceLock::new(), OnceLock::new()];
        match self {
            Self::Blocking => PROGRAMS[0].get_or_init(|| blocking("submission_server")),
            Self::Tokio => {
                PROGRAMS[1].get_or_init(|| of("mail-tls-async-examples", "tokio_submission_server"))
            }
        }
    }
}

fn message(file: &Path) -> (String, String) {
    let text = fs::read_to_string(file).unwrap();
    let ends = text.match_indices("\r\n").map(|(at, _)| at + 2);
    let is_folded = |at: &usize| text[*at..].starts_with([' ', '\t']);
    let end = ends.into_iter().find(|at| !is_folded(at)).unwrap();
    (text[..end].to_owned(), text[end..].to_owned())
}

/// Python's reading of a Received field, without the date.
fn words(field: &str) -> String {
    let mut command = Command::new(peers_dir().join("venv/bin/python"));
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts/received.py"));
    let run = run_to_end(&command, &format!("{field}\r\n"), AfterInput::End);
    assert!(run.success(), "{run:#?} of {field}");
    let (words, date) = run.stdout.trim().rsplit_once(" ; ").unwrap();
    assert!(date.starts_with("20") && date.ends_with("+00:00"), "{date}");
    words.to_owned()
}

/// The clause as this library reads it, which is also what Python has at the end.
#[track_caller]
fn assert_clause(field: &str, words: &str) {
    let recorded = recorded_tls(field.as_bytes()).unwrap();
    assert_eq!(recorded.form(), RecordedForm::Registered);
    let clause = recorded.to_clause().unwrap();
    assert!(clause.group().is_some(), "{field}");
    assert!(words.ends_with(&format!(" {clause}")), "{words}");
}

const TEXT: &str = "Received: from elsewhere by another with ESMTPS tls TLS_A; now\r\n\
    Subject: hello\r\n\r\n.a dot\r\n..two\r\n.\r\nend\r\n";

#[test]
#[ignore = "needs curl and Python; run by .ci/run"]
fn curl_hands_in_on_both_ports() {
    for example in Example::BOTH {
        let msa = Msa::start(example);
        let message = msa.scratch.write("message", TEXT);
        let ports = [("smtps", msa.implicit), ("smtp", msa.starttls)];
        for (scheme, port) in ports {
            for tls in Tls::BOTH {
                let run = msa.curl(scheme, port, tls, "test:test", &message);
                assert!(run.success(), "{run:#?}");
                let (field, rest) = msa.messages().pop().unwrap();
                let words = words(&field);
                let (beginning, end) = words.split_once(" id ").unwrap();
                assert_eq!(
                    beginning,
                    "from client.example.org by localhost with ESMTPSA"
                );
                assert!(end.contains(" for <b@example.org> tls "), "{words}");
                let is_tls13 =
                    words.contains(" tls TLS_AES_") || words.contains(" tls TLS_CHACHA20_");
                assert_eq!(is_tls13, tls == Tls::V13, "{words}");
                assert_clause(&field, &words);
                // RFC 5321 §4.4: what was there is as it was.
                assert_eq!(rest, TEXT);
            }
        }
        assert_eq!(msa.messages().len(), 4);
        assert!(msa.server.log().contains("security=tls verdict=allow"));
    }
}

#[test]
#[ignore = "needs swaks and Python; run by .ci/run"]
fn swaks_and_smtplib_hand_in_on_both_ports() {
    for example in Example::BOTH {
        let msa = Msa::start(example);
        let ca = msa.certificates.ca.to_str().unwrap();
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/scripts/submit.py");
        for (port, swaks_tls, mode) in [
            (msa.implicit, "--tlsc", "implicit"),
            (msa.starttls, "--tls", "starttls"),
        ] {
            let before = msa.messages().len();
            let mut swaks = Command::new("swaks");
            swaks.args(["--server", "127.0.0.1", "--port", &port.to_string()]);
            swaks.args([swaks_tls, "--tls-verify", "--tls-ca-path", ca]);
            swaks.args(["--auth", "PLAIN", "--auth-user", "test"]);
            swaks.args(["--auth-password", "test", "--helo", "client.example.org"]);
            swaks.args(["--from", "a@example.org", "--to", "b@example.org"]);
            let run = run_to_end(&swaks, "", AfterInput::End);
            assert!(run.success(), "{run:#?}");

            let mut command = Command::new(peers_dir().join("venv/bin/python"));
            command.arg(&python).args([&port.to_string(), ca, mode]);
            let run = run_to_end(&command, "", AfterInput::End);
            assert!(run.success(), "{run:#?}");

            let messages = msa.messages();
            let new: Vec<&str> = messages[before..]
                .iter()
                .map(|one| one.0.as_str())
                .collect();
            // They are told apart by what they say: their names do not follow the order of arrival.
            assert_eq!(new.len(), 3, "{new:?}");
            let one = |is_it: fn(&str) -> bool| {
                let found = new.iter().find(|field| is_it(&words(field)));
                *found.unwrap_or_else(|| panic!("{new:?}"))
            };
            let by_swaks = one(|read| read.contains(" for <b@example.org> "));
            let to_two = one(|read| !read.contains(" for "));
            let with_utf8 = one(|read| read.contains(" with UTF8SMTPSA "));
            let read = words(by_swaks);
            assert!(read.contains(" with ESMTPSA id "), "{read}");
            assert!(read.contains(" for <b@example.org> "), "{read}");
            assert_clause(by_swaks, &read);
            let read = words(to_two);
            assert!(!read.contains(" for "), "{read}");
            assert_clause(to_two, &read);
            let read = words(with_utf8);
            assert!(read.contains(" with UTF8SMTPSA id "), "{read}");
            assert!(read.contains(" for <jürgen@example.org> "), "{read}");
            assert_clause(with_utf8, &read);
        }
    }
}

/// Each reply's code, in their order, without the lines of EHLO but the last.
fn codes(answer: &str) -> Vec<&str> {
    let last = answer
        .lines()
        .filter(|line| line.as_bytes().get(3) != Some(&b'-'));
    last.map(|line| line.get(..3).unwrap_or(line)).collect()
}

#[test]
#[ignore = "needs OpenSSL and curl; run by .ci/run"]
fn what_is_refused_under_tls() {
    for example in Example::BOTH {
        let msa = Msa::start(example);
        let message = msa.scratch.write("message", TEXT);
        let run = msa.curl("smtps", msa.implicit, Tls::V13, "test:wrong", &message);
        assert!(!run.success() && run.says("< 535 5.7.8 "), "{run:#?}");
        let run = msa.curl("smtp", msa.starttls, Tls::V13, "nobody:test", &message);
        assert!(!run.success() && run.says("< 535 5.7.8 "), "{run:#?}");
        let long = "x".repeat(20_000);
        let largest = format!("{}\r\n", "x".repeat(98)).repeat(9_999) + &"x".repeat(98);
        let good = "AUTH PLAIN AHRlc3QAdGVzdA==\r\n";
        let begun = format!("{good}EHLO c\r\nMAIL FROM:<a@b>\r\n");
        let odd = "MAIL FROM:<a b>\r\nRCPT TO:<a@b>;x\r\nRCPT TO:<a\u{1}@b>\r\nRCPT TO:<>\r\n\
            DATA\r\n.\r\n";
        let rows: &[(&str, &[&str])] = &[
            // RFC 6409 §4.3, RFC 8314 §3.3: also with implicit TLS.
            (
                "MAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n",
                &["530", "530", "530"],
            ),
            ("STARTTLS\r\n", &["503"]),
            (
                &format!("{good}EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<\u{fc}@b>\r\n"),
                &["235", "250", "250", "553"],
            ),
            ("AUTH LOGIN\r\nAUTH PLAIN\r\n*\r\n", &["504", "334", "501"]),
            // PLAIN for somebody else; two parts; not UTF-8.
            ("AUTH PLAIN cm9vdAB0ZXN0AHRlc3Q=\r\n", &["535"]),
            (
                "AUTH PLAIN dGVzdAB0ZXN0\r\nAUTH PLAIN AP8A/w==\r\n",
                &["501", "501"],
            ),
            (&format!("NOOP {long}\r\nNOOP\r\n"), &["500", "250"]),
            (
                &format!("{good}{good}MAIL FROM:<a@b>\r\n"),
                &["235", "503", "503"],
            ),
            (
                &format!("{good}EHLO a;b\r\nEHLO (x)\r\n"),
                &["235", "501", "501"],
            ),
            // A dot behind LF alone does not end the message (RFC 5321 §4.1.1.4), and spoils it.
            (
                &format!(
                    "{good}EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\nDATA\r\n\
                a\r\n.\nMAIL FROM:<evil@b>\r\n.\r\n"
                ),
                &["235", "250", "250", "250", "354", "554"],
            ),
            (
                &format!("{begun}RCPT TO:<a@b>\r\nDATA\r\n{long}\r\n.\r\nNOOP\r\n"),
                &["235", "250", "250", "250", "354", "554", "250"],
            ),
            // As many bytes as SIZE says, and one more; a hundred recipients, and one more.
            (
                &format!("{begun}RCPT TO:<a@b>\r\nDATA\r\n{largest}\r\n.\r\nNOOP\r\n"),
                &["235", "250", "250", "250", "354", "250", "250"],
            ),
            (
                &format!("{begun}RCPT TO:<a@b>\r\nDATA\r\nx{largest}\r\n.\r\nNOOP\r\n"),
                &["235", "250", "250", "250", "354", "552", "250"],
            ),
            (
                &format!("{begun}{}", "RCPT TO:<a@b>\r\n".repeat(101)),
                &[&["235"], &["250"; 102][..], &["452"]].concat(),
            ),
            // The name, the sender and the recipients are of this transaction.
            (
                &format!("{begun}RCPT TO:<a@b>\r\nRSET\r\nDATA\r\nMAIL FROM:<>\r\nDATA\r\n"),
                &["235", "250", "250", "250", "250", "503", "250", "503"],
            ),
        ];
        // To the one, LF alone ends a line, a bad one; to the other it is within one.
        let own: &[(&str, &[&str])] = match example {
            Example::Blocking => &[
                ("NOOP\nNOOP\r\n", &["500", "250"]),
                (
                    &format!("{begun}{odd}"),
                    &[
                        "235", "250", "250", "503", "250", "501", "501", "354", "250",
                    ],
                ),
            ],
            Example::Tokio => &[
                ("NOOP\nNOOP\r\n", &["500"]),
                (
                    &format!("{begun}{odd}"),
                    &[
                        "235", "250", "250", "500", "500", "500", "553", "503", "500",
                    ],
                ),
                (
                    &format!("{begun}RCPT TO:<\"a b\"@c>\r\nRCPT TO:<\"a@b\"@c>\r\n"),
                    &["235", "250", "250", "553", "553"],
                ),
            ],
        };
        for (lines, expected) in rows.iter().chain(own) {
            let answer = msa.talk(&format!("{lines}QUIT\r\n"));
            let mut found = codes(&answer);
            let shown = lines.get(..200).unwrap_or(lines);
            assert_eq!(found.remove(0), "220", "{shown:?}: {answer}");
            assert_eq!(found.pop(), Some("221"), "{shown:?}: {answer}");
            assert_eq!(found, *expected, "{example:?}: {shown:?}: {answer}");
        }
        // What was said before STARTTLS is said no more (RFC 3207 §4.2): OpenSSL has said EHLO.
        let answer = msa.talk_on(
            msa.starttls,
            &["-starttls", "smtp"],
            &format!("{good}MAIL FROM:<a@b>\r\nEHLO c\r\nMAIL FROM:<a@b>\r\nQUIT\r\n"),
        );
        let codes = codes(&answer);
        assert!(
            codes.ends_with(&["235", "503", "250", "250", "221"]),
            "{answer}"
        );
    }
}

/// What the message begins with does not become part of the field above it; what lies behind QUIT is
/// nothing.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn a_message_does_not_go_on_with_the_field() {
    for example in Example::BOTH {
        let msa = Msa::start(example);
        // As it is, and with a dot that is no part of it.
        for dot in ["", "."] {
            let answer = msa.talk(&format!(
                "AUTH PLAIN AHRlc3QAdGVzdA==\r\nEHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<a@b>\r\n\
                 DATA\r\n{dot}\ttls TLS_FAKE group x\r\n.\r\nQUIT\r\nMAIL FROM:<c@d>\r\n",
            ));
            let expected = ["220", "235", "250", "250", "250", "354", "250", "221"];
            assert_eq!(codes(&answer), expected, "{answer}");
            let (field, rest) = msa.messages().pop().unwrap();
            assert!(!field.contains("TLS_FAKE"), "{field}");
            assert_eq!(rest, "\r\n\ttls TLS_FAKE group x\r\n");
        }
    }
}

/// RFC 8314 §4.1, RFC 3207 §4, §5: before TLS.
#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn what_is_refused_before_tls() {
    for example in Example::BOTH {
        let msa = Msa::start(example);
        let reply = |line: &str| {
            let answer = msa.plaintext(format!("{line}\r\nQUIT\r\n").as_bytes());
            let inner = answer.strip_prefix("220 localhost ready\r\n").unwrap();
            inner
                .strip_suffix("221 2.0.0 goodbye\r\n")
                .unwrap()
                .to_owned()
        };
        // The right password, a wrong one, nobody, and what is not PLAIN at all.
        let denial = reply("AUTH PLAIN AHRlc3QAdGVzdA==");
        assert!(denial.starts_with("530 5.7.0 "), "{denial}");
        for line in [
            "AUTH PLAIN AHRlc3QAd3Jvbmc=",
            "AUTH PLAIN AG5vYm9keQB0ZXN0",
            "auth plain",
            "AUTH\tPLAIN AHRlc3QAdGVzdA==",
            "AUTH SCRAM-SHA-256",
            "MAIL FROM:<a@example.org>",
        ] {
            assert_eq!(reply(line), denial, "{line}");
        }
        for line in [
            " AUTH PLAIN AHRlc3QAdGVzdA==",
            "AUTH\0PLAIN AHRlc3QAdGVzdA==",
        ] {
            assert!(reply(line).starts_with("500 "), "{line}");
        }
        let greeted = reply("EHLO client.example.org");
        assert!(
            greeted.contains("250-STARTTLS\r\n") && !greeted.contains("AUTH"),
            "{greeted}"
        );
        let long = reply(&format!("NOOP {}\r\nNOOP", "x".repeat(20_000)));
        // The one says what is wrong with a line; to the other it is one more that needs TLS.
        let (broken, left) = match example {
            Example::Blocking => (&["500", "530"][..], "a client was left: "),
            Example::Tokio => (&["530"][..], "has gone: Err("),
        };
        assert_eq!(codes(&long), [broken[0], "250"]);
        assert_eq!(codes(&reply("NOOP\nAUTH PLAIN AHRlc3QAdGVzdA==")), broken);
        // Injected behind the command: nothing is agreed to, and nothing executed.
        let answer = msa.plaintext(b"STARTTLS\r\nAUTH PLAIN AHRlc3QAdGVzdA==\r\nQUIT\r\n");
        assert_eq!(answer, "220 localhost ready\r\n");
        assert!(msa.server.logs(left), "{}", msa.server.log());
        // No line of admission: nobody's password was looked at.
        assert!(
            !msa.server.log().contains("verdict="),
            "{}",
            msa.server.log()
        );
        assert!(msa.messages().is_empty());
    }
}
