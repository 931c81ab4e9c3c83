//! Examples as programs, built as they are now.
//!
//! * `blocking("pinning")`: one of `examples/`, with the feature `std-io`
//! * `of("mail-tls-ecosystem", "imap")`: a program of a member of the workspace
//! * `assert_says(run, texts)`, `assert_fails(run, program, sentence)`
//! * `deliver(dovecot, ..)`: puts a message into Dovecot's inbox

use crate::Tls;
use crate::certificates::Certificates;
use crate::dovecot::{Dovecot, PASSWORD, USER};
use crate::process::{AfterInput, Run, run_to_end};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

pub(crate) fn blocking(name: &str) -> PathBuf {
    build(&["--features", "std-io", "--example", name]);
    target().join("debug/examples").join(name)
}

#[cfg(feature = "recorder")]
pub(crate) fn replay() -> PathBuf {
    build(&["--features", "recorder", "--example", "replay"]);
    target().join("debug/examples/replay")
}

pub(crate) fn of(package: &str, name: &str) -> PathBuf {
    build(&["--package", package, "--bin", name]);
    target().join("debug").join(name)
}

/// One at a time: another would wait for it in any case.
fn build(arguments: &[&str]) {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _guard = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--locked"]).args(arguments);
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().unwrap().success());
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

pub(crate) fn run(program: &Path, arguments: &[&str], input: &str) -> Run {
    run_to_end(
        Command::new(program).args(arguments),
        input,
        AfterInput::End,
    )
}

#[track_caller]
pub(crate) fn assert_says(run: &Run, texts: &[&str]) {
    assert!(run.success(), "{run:#?}");
    for text in texts {
        assert!(run.stdout.contains(text), "no {text:?} in {run:#?}");
    }
}

/// It says one sentence, and not a password.
#[track_caller]
pub(crate) fn assert_fails(run: &Run, sentence: &str) {
    assert_eq!(run.status.code(), Some(1), "{run:#?}");
    assert!(run.stderr.contains(sentence), "no {sentence:?} in {run:#?}");
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    assert!(!run.says("panicked"), "{run:#?}");
}

/// Puts a message into the inbox, with this library's own client over Python's library.
pub(crate) fn deliver(dovecot: &Dovecot, certificates: &Certificates, text: &str) {
    let script = "import imaplib, ssl, sys\n\
        port, ca, user, password, text = sys.argv[1:]\n\
        context = ssl.create_default_context(cafile=ca)\n\
        imap = imaplib.IMAP4_SSL('localhost', int(port), ssl_context=context)\n\
        imap.login(user, password)\n\
        print(imap.append('INBOX', None, None, text.encode()))\n\
        imap.logout()\n";
    let ca = certificates.ca.to_str().unwrap();
    let port = dovecot.imaps.to_string();
    let mut command = Command::new("python3");
    command.args(["-c", script, &port, ca, USER, PASSWORD, text]);
    let run = run_to_end(&command, "", AfterInput::End);
    assert_says(&run, &["OK"]);
}

/// The version in the line about the session.
pub(crate) fn version(tls: Tls) -> String {
    format!(" version=TLSv{} ", tls.number())
}

/// An example that nothing runs would rot, and nobody starts from a long one.
#[test]
fn every_example_is_run_and_short() {
    let listed = |directory: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let is_code = |path: &PathBuf| path.extension().is_some_and(|it| it == "rs");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests: String = ["tests/interop", "examples/discover/tests/resolver"]
        .iter()
        .flat_map(|directory| listed(&root.join(directory)))
        .filter(is_code)
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let members = ["async", "discover", "ecosystem"];
    let mut programs: Vec<PathBuf> = members
        .iter()
        .flat_map(|member| listed(&root.join("examples").join(member).join("src/bin")))
        .collect();
    programs.extend(listed(&root.join("examples")).into_iter().filter(is_code));
    assert!(programs.len() > 15, "{programs:?}");
    let readme = std::fs::read_to_string(root.join("examples/README.md")).unwrap();
    for program in programs {
        let name = program.file_stem().unwrap().to_str().unwrap();
        let is_named = |how: &str| tests.contains(&format!("\"{how}{name}\""));
        assert!(is_named("") || is_named("CARGO_BIN_EXE_"), "{name}");
        assert!(readme.contains(&format!("`{name}`")), "{name}");
        let files = match program.is_dir() {
            true => listed(&program),
            false => vec![program.clone()],
        };
        let lines = |file| std::fs::read_to_string(file).unwrap().lines().count();
        let lines: usize = files.iter().map(lines).sum();
        assert!(lines < 200, "{name}: {lines} lines");
    }
}
