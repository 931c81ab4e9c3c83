//! `examples/audit.rs` as a program, on chains and requests that OpenSSL has made, and on what a
//! server of OpenSSL's sends.

use crate::Tls;
use crate::certificates::{Certificates, Fault, Key};
use crate::process::{AfterInput, Run, Scratch, run_to_end};
use crate::tls_servers;
use mail_tls::identity::{PresentedId, PresentedIds};
use pki_types::CertificateDer;
use pki_types::pem::PemObject;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program, built as it is now.
fn audit(arguments: &[&str]) -> Run {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let program = PROGRAM.get_or_init(|| {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--locked", "--example", "audit"]);
        build.current_dir(env!("CARGO_MANIFEST_DIR"));
        assert!(build.status().unwrap().success());
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
        target.join("debug/examples/audit")
    });
    run_to_end(Command::new(program).args(arguments), "", AfterInput::End)
}

fn openssl(arguments: &[&str]) -> Run {
    let run = run_to_end(Command::new("openssl").args(arguments), "", AfterInput::End);
    assert!(run.success(), "{run:#?}");
    run
}

#[track_caller]
fn assert_report(run: &Run, status: i32, texts: &[&str]) {
    assert_eq!(run.status.code(), Some(status), "{run:#?}");
    assert_eq!(run.stderr, "");
    for text in texts {
        assert!(run.stdout.contains(text), "no {text:?} in {run:#?}");
    }
}

/// Wrong use: status 2, and one line that says what, perhaps with the usage behind it.
#[track_caller]
fn assert_wrong(run: &Run, sentence: &str) {
    assert_eq!(run.status.code(), Some(2), "{run:#?}");
    assert_eq!(run.stdout, "");
    let first = run.stderr.lines().next().unwrap_or_default();
    let said = first.strip_prefix("audit: ").unwrap_or_default();
    assert!(said.contains(sentence), "no {sentence:?} in {run:#?}");
}

/// An authority and a server's certificate with the names of a plan, made by OpenSSL alone.
struct Issued {
    scratch: Scratch,
    /// The certificate, then its authority's.
    chain: PathBuf,
    ca: PathBuf,
}

impl Issued {
    /// `config` is what `audit --plan` has printed.
    fn new(config: &str) -> Self {
        let scratch = Scratch::new();
        let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
        let config = scratch.write("request.cnf", config);
        let config = config.to_str().unwrap();
        let [ca_key, ca, key, request, leaf] =
            ["ca.key", "ca.pem", "leaf.key", "leaf.csr", "leaf.pem"].map(path);
        let new_key = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ];
        let ca_arguments = [
            "-subj",
            "/CN=the operator's own",
            "-keyout",
            &ca_key,
            "-out",
            &ca,
        ];
        let extensions = [
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-addext",
            "keyUsage=keyCertSign",
        ];
        let self_signed = ["req", "-x509", "-days", "3650"];
        openssl(&[&self_signed[..], &new_key, &ca_arguments, &extensions].concat());
        let request_arguments = ["req", "-new", "-config", config];
        let files = ["-keyout", &key, "-out", &request];
        openssl(&[&request_arguments[..], &new_key, &files].concat());
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-days",
            "90",
            "-copy_extensions",
            "copyall",
            "-out",
            &leaf,
        ]);
        let chain = std::fs::read_to_string(&leaf).unwrap();
        Self {
            chain: scratch.write("mail.pem", chain),
            ca: PathBuf::from(ca),
            scratch,
        }
    }

    fn digest_of_key(&self) -> String {
        let chain = self.chain.to_str().unwrap();
        let key = openssl(&["x509", "-in", chain, "-noout", "-pubkey"]).stdout;
        let key = self.scratch.write("key.pem", key);
        let der = self.scratch.path().join("key.der");
        let (key, der) = (key.to_str().unwrap(), der.to_str().unwrap());
        openssl(&["pkey", "-pubin", "-in", key, "-outform", "DER", "-out", der]);
        let digest = openssl(&["dgst", "-sha256", "-r", der]).stdout;
        digest.split(' ').next().unwrap().to_owned()
    }
}

const SERVERS: &str = "domain example.org signed-parent\ndomain xn--bcher-kva.example\n\
                       server imaps mail.example.org 993 {}tls=1.2,1.3\n\
                       server imap mail.example.org 143 {}tls=1.2,1.3 \
                       says=IMAP4rev2,STARTTLS,LOGINDISABLED\n";

/// The names that the plan asks for are those in the certificate, read back from what OpenSSL has
/// issued from it; and the audit of that has nothing to say.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn from_the_plan_to_a_site_in_order() {
    let scratch = Scratch::new();
    let inventory = scratch.write("inventory", SERVERS.replace("{}", ""));
    let run = audit(&["--plan", inventory.to_str().unwrap()]);
    assert_report(
        &run,
        0,
        &[
            "MUST    mail.example.org  (RFC 7817 §5 (1))",
            "SHOULD  xn--bcher-kva.example  (RFC 7817 §5 (1))",
            "MUST    _imaps.example.org  (RFC 7817 §5 (2))",
            "SHOULD  CN=mail.example.org  (RFC 7817 §5 (3))",
            "_imap._tcp.xn--bcher-kva.example. IN SRV 10 1 143 mail.example.org.",
        ],
    );
    let (_, config) = run.stdout.split_once("-key KEY:\n\n").unwrap();
    let (config, records) = config.split_once("\nSRV records:\n").unwrap();
    let issued = Issued::new(config);

    let chain = std::fs::read(&issued.chain).unwrap();
    let certificate = CertificateDer::from_pem_slice(&chain).unwrap();
    let names = PresentedIds::of(&certificate).unwrap();
    let names: Vec<String> = names
        .iter()
        .map(|name| match name {
            PresentedId::Dns(name) => name.to_owned(),
            PresentedId::Srv { service, name } => format!("SRV:_{service}.{name}"),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        "mail.example.org",
        "example.org",
        "xn--bcher-kva.example",
        "SRV:_imaps.example.org",
        "SRV:_imaps.xn--bcher-kva.example",
        "SRV:_imap.example.org",
        "SRV:_imap.xn--bcher-kva.example",
    ];
    assert_eq!(names, expected);
    let text = openssl(&[
        "x509",
        "-in",
        issued.chain.to_str().unwrap(),
        "-noout",
        "-text",
    ]);
    assert!(text.stdout.contains("othername:"), "{text:#?}");

    let option = format!("chain={} ", issued.chain.display());
    let inventory = scratch.write("inventory", SERVERS.replace("{}", &option));
    let tlsa = issued.digest_of_key();
    let mut zone = String::from("mail.example.org. 3600 IN A 192.0.2.1 ; secure\n");
    for record in records.lines() {
        zone += &format!("{record} ; secure\n");
    }
    for port in [993, 143] {
        zone += &format!("_{port}._tcp.mail.example.org. 3600 IN TLSA 3 1 1 {tlsa} ; secure\n");
    }
    let dns = scratch.write("zone", &zone);
    let [ca, dns, inventory] = [&issued.ca, &dns, &inventory].map(|path| path.to_str().unwrap());
    let run = audit(&["--ca", ca, "--dns", dns, inventory]);
    assert_report(&run, 0, &["Nothing was found that should be changed."]);
    let json = audit(&["--ca", ca, "--dns", dns, "--json", inventory]);
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(value["findings"], serde_json::json!([]));
    assert_eq!(value["coverage"][0]["ways"][0], "secure-srv");

    // Unsigned, and with the priorities the other way round.
    let worse = zone.replace("; secure", "; insecure");
    let worse = worse.replace("SRV 0 1 993", "SRV 20 1 993");
    let dns = scratch.write("zone", worse);
    let run = audit(&["--ca", ca, "--dns", dns.to_str().unwrap(), inventory]);
    let expected = [
        "ERROR: ",
        "[tlsa-unsigned] RFC 8314 §4.5.4",
        "WARNING: ",
        "[implicit-not-preferred] RFC 8314 §4.5.2",
        "[records-unsigned] RFC 8314 §4.5.3",
    ];
    assert_report(&run, 1, &expected);

    // The next certificate has another key: its record is told, as OpenSSL computes it.
    let next = Issued::new(config);
    let renewal = format!("{}={}", issued.chain.display(), next.chain.display());
    let dns = scratch.write("zone", &zone);
    let arguments = [
        "--ca",
        ca,
        "--dns",
        dns.to_str().unwrap(),
        "--renewal",
        &renewal,
    ];
    let run = audit(&[&arguments[..], &[inventory]].concat());
    let record = format!("publish the record \"3 1 1 {}\"", next.digest_of_key());
    let expected = [
        &*record,
        "[tlsa-to-publish] RFC 7671 §8.1, §8.4",
        "[client-breaks]",
    ];
    assert_report(&run, 1, &expected);
    // Its authority is not trusted either.
    assert_report(&run, 1, &["Not safe as it is"]);
}

/// A certificate request for these names, as `audit --plan` would print it.
fn request(names: &[&str]) -> String {
    let names = names.iter().map(|name| format!("DNS:{name}"));
    let names = names.collect::<Vec<_>>().join(",");
    format!(
        "[req]\nprompt = no\ndistinguished_name = subject\nreq_extensions = extensions\n\
         [subject]\nO = Mail\n[extensions]\nsubjectAltName = {names}\n"
    )
}

/// A site that has everything wrong that an operator asks about first: the text and the JSON of one run
/// say the same of it.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn a_site_with_everything_wrong() {
    // For ninety days from now; the target of example.net's SRV records is not in it.
    let issued = Issued::new(&request(&["mail.example.org"]));
    let next = Issued::new(&request(&["www.example.org"]));
    let scratch = Scratch::new();
    let chain = issued.chain.display();
    let inventory = format!(
        "domain example.org signed-parent\n\
         domain example.net signed-parent\n\
         server imaps mail.example.org 993 chain={chain} tls=1.2 domains=example.org\n\
         server imap mail.example.org 143 chain={chain} tls=1.0,1.2 domains=example.org \
         says=IMAP4rev2,AUTH=PLAIN\n\
         server submissions smtp.example.net 465 chain={chain} tls=1.2,1.3 domains=example.net\n\
         server pop3 mail.example.org 110 cleartext\n\
         server submission smtp.example.net 587 cleartext\n"
    );
    let inventory = scratch.write("inventory", inventory);
    let previous = "server imaps mail.example.org 993 tls=1.2,1.3\n";
    let previous = scratch.write("previous", previous);
    let zone = format!(
        "_imaps._tcp.example.org. 3600 IN SRV 20 1 993 mail.example.org. ; secure\n\
         _imap._tcp.example.org. 3600 IN SRV 0 1 143 mail.example.org. ; secure\n\
         _submissions._tcp.example.net. 3600 IN SRV 0 1 465 smtp.example.net. ; secure\n\
         _pop3s._tcp.example.net. 3600 IN SRV 0 1 995 mail.example.org. ; bogus\n\
         _submission._tcp.example.net. 3600 IN SRV 0 1 587 smtp.example.net. ; secure\n\
         mail.example.org. 3600 IN A 192.0.2.1 ; secure\n\
         smtp.example.net. 3600 IN A 192.0.2.2 ; secure\n\
         _993._tcp.mail.example.org. 3600 IN TLSA 3 1 1 {} ; secure\n\
         _143._tcp.mail.example.org. 3600 IN TLSA 3 1 1 {} ; secure\n\
         _465._tcp.smtp.example.net. 3600 IN TLSA 3 1 1 {} ; insecure\n",
        issued.digest_of_key(),
        next.digest_of_key(),
        issued.digest_of_key(),
    );
    let dns = scratch.write("zone", zone);
    let in_85_days = date("+85 days");
    let renewal = format!("{chain}={}", next.chain.display());
    let pin = issued.digest_of_key();
    let [ca, dns, previous, inventory] =
        [&issued.ca, &dns, &previous, &inventory].map(|path| path.to_str().unwrap());
    let arguments = [
        "--ca",
        ca,
        "--dns",
        dns,
        "--previous",
        previous,
        "--at",
        &in_85_days,
        "--renewal",
        &renewal,
        "--pin",
        &pin,
    ];
    let run = audit(&[&arguments[..], &[inventory]].concat());
    let (found, rehearsed) = run.stdout.split_once("REHEARSAL of the renewal").unwrap();
    let findings = [
        ("expiring", "WARNING"),
        ("host-not-named", "ERROR"),
        ("srv-id-missing", "WARNING"),
        ("domain-not-named", "WARNING"),
        ("dns-failed", "ERROR"),
        ("implicit-not-preferred", "WARNING"),
        ("cleartext-preferred", "ERROR"),
        ("tlsa-mismatch", "ERROR"),
        ("tlsa-unsigned", "ERROR"),
        ("no-tls", "ERROR"),
        ("old-tls-version", "ERROR"),
        ("no-tls13", "WARNING"),
        ("version-regression", "ERROR"),
        ("starttls-not-offered", "ERROR"),
        ("login-before-tls", "ERROR"),
    ];
    let breaks = ["client-breaks", "pin-breaks", "tlsa-to-publish"];
    let json = audit(&[&arguments[..], &["--json", inventory]].concat());
    assert_eq!(json.status.code(), Some(1), "{json:#?}");
    let value: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let has = |list: &serde_json::Value, code: &str, level: &str| {
        let mut all = list.as_array().unwrap().iter();
        all.any(|one| one["code"] == code && one["level"] == level.to_lowercase())
    };
    for (code, level) in findings {
        assert!(
            found.contains(&format!("[{code}] RFC ")),
            "no {code} in {found}"
        );
        assert!(
            has(&value["findings"], code, level),
            "no {code} in {value:#}"
        );
    }
    for code in breaks {
        assert!(rehearsed.contains(&format!("[{code}] RFC ")), "{rehearsed}");
        assert!(
            has(&value["rehearsal"]["breaks"], code, "ERROR"),
            "{value:#}"
        );
    }
    assert!(has(
        &value["rehearsal"]["introduced"],
        "host-not-named",
        "ERROR"
    ));
    assert!(rehearsed.contains("Not safe as it is, however long you wait"));
    assert!(value["rehearsal"]["safe_from"].is_null());
    assert_report(&run, 1, &[]);
    // Each finding of the text is one of the JSON, word for word.
    for list in [&value["findings"], &value["rehearsal"]["breaks"]] {
        for one in list.as_array().unwrap() {
            let (subject, text) = (
                one["subject"].as_str().unwrap(),
                one["text"].as_str().unwrap(),
            );
            assert!(
                run.stdout.contains(subject) && run.stdout.contains(text),
                "{one:#}"
            );
        }
    }
}

/// A date as `date` writes it, in the form that the program takes.
fn date(from_now: &str) -> String {
    let mut command = Command::new("date");
    command.args(["--utc", "--date", from_now, "+%Y-%m-%d"]);
    run_to_end(&command, "", AfterInput::End)
        .stdout
        .trim_end()
        .to_owned()
}

/// What a server of OpenSSL's sends, good and bad.
#[test]
#[ignore = "needs OpenSSL; run by .ci/run"]
fn chains_that_a_server_sends() {
    for (fault, status, codes) in [
        (None, 0, &["Nothing was found that should be changed."][..]),
        (Some(Fault::WrongName), 1, &["[host-not-named]"]),
        (
            Some(Fault::Expired),
            1,
            &["[expired]", "renew the certificate"],
        ),
        (Some(Fault::UnknownAuthority), 1, &["[unknown-authority]"]),
        (
            Some(Fault::NoIntermediate),
            1,
            &["[missing-intermediate]", "fullchain.pem"],
        ),
    ] {
        let certificates = match fault {
            None => Certificates::good(Key::EcdsaP256),
            Some(fault) => Certificates::bad(fault),
        };
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let server = tls_servers::openssl(&certificates, Tls::V13, address, &[]);
        let address = server.address.to_string();
        let client = ["s_client", "-connect", &address, "-servername", "localhost"];
        let mut command = Command::new("openssl");
        let command = command.args(client).arg("-showcerts");
        let shown = run_to_end(command, "", AfterInput::End).stdout;
        let scratch = Scratch::new();
        let chain = scratch.write("sent.pem", shown);
        let lines = format!(
            "server imaps localhost 993 chain={0} tls=1.2,1.3\n\
             server imap localhost 143 chain={0} tls=1.2,1.3\n",
            chain.display()
        );
        let inventory = scratch.write("inventory", lines);
        let ca = certificates.ca.to_str().unwrap();
        let run = audit(&["--ca", ca, inventory.to_str().unwrap()]);
        assert_report(&run, status, codes);
    }
}

#[test]
#[ignore = "run by .ci/run with the rest of the peers"]
fn wrong_input() {
    let scratch = Scratch::new();
    let file = |name: &str, text: &str| {
        let path = scratch.write(name, text);
        path.to_str().unwrap().to_owned()
    };
    let good = file("good", "domain example.org\n");
    for (arguments, sentence) in [
        (&[][..], "the inventory is missing"),
        (&["--frob", &good], "there is no option --frob"),
        (&[&*good, &good], "give one inventory"),
        (&["--ca"], "--ca needs a value"),
        (&["/nonexistent"], "cannot read /nonexistent: No such file"),
        (&["--ca", &good, &good], "there is no certificate to trust"),
        (&["--renewal", "x", &good], "--renewal is LABEL=FILE, not x"),
        (
            &["--deploy", "2030-01-01", &good],
            "--deploy needs --renewal",
        ),
        (&["--at", "tomorrow", &good], "tomorrow is not a date"),
        (
            &["--pin", "abc", &good],
            "a SHA-256 fingerprint has 64 digits",
        ),
    ] {
        assert_wrong(&audit(arguments), sentence);
    }
    for (line, sentence) in [
        (
            "mail.example.org",
            "line 1 of the inventory: \"domain NAME\" or",
        ),
        ("domain example..org", "line 1 of the inventory: "),
        (
            "domain example.org frob",
            "signed-parent, unsigned-parent or nothing",
        ),
        (
            "server imaps mail.example.org 993x",
            "993x is not a port number",
        ),
        ("server http mail.example.org 80", "http is none of imaps,"),
        (
            "server imaps mail.example.org 993 tls=1.4",
            "1.4 is no version of TLS",
        ),
        (
            "server imaps mail.example.org 993 frob=1",
            "there is no option frob=1",
        ),
        (
            "server imaps mail.example.org 993 sni=x",
            "write sni=NAME:FILE",
        ),
        (
            "server imaps mail.example.org 993 chain=/nonexistent",
            "cannot read /nonexistent",
        ),
    ] {
        assert_wrong(&audit(&[&file("bad", line)]), sentence);
    }
    for (line, sentence) in [
        (
            "example.org.",
            "line 1 of the zone: \"\" is none of SRV, TLSA,",
        ),
        (
            "example.org. IN MX 0 mail.example.org.",
            "\"MX\" is none of SRV, TLSA,",
        ),
        (
            "_imaps._tcp.example.org. IN SRV 0 1 mail.example.org.",
            "is not priority, weight,",
        ),
        (
            "_imaps._tcp.example.org. IN SRV 0 1 99999 a.example.",
            "99999 is not a number from 0",
        ),
        (
            "_993._tcp.a.example. IN TLSA 3 1 1 xyz",
            "is not hexadecimal",
        ),
        ("a.example. IN A ::1", "::1 is not an address for A"),
        (
            "a.example. IN A 192.0.2.1 ; perhaps",
            "perhaps is none of secure,",
        ),
    ] {
        let zone = file("zone", line);
        assert_wrong(&audit(&["--dns", &zone, &good]), sentence);
    }
    let server = file("server", "server imaps a.example 993\n");
    let zone = file(
        "zone",
        "a.example. IN CNAME b.example.\nb.example. IN CNAME a.example.\n",
    );
    assert_wrong(&audit(&["--dns", &zone, &server]), "have no end");
    let binary = scratch.write("binary", [0xFF, 0xFE, 0]);
    let binary = binary.to_str().unwrap();
    assert_wrong(&audit(&[binary]), "is not a text file");
}
