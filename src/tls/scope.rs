//! What the callbacks of rustls have to say about the session on whose behalf they are called.
//!
//! A verifier can answer "good" or an error, a ticket store is shared by all sessions of a
//! connector, and neither is told which session it works for. Since everything here is
//! synchronous, a session lends its [`Notes`] to the thread for the duration of a call into rustls,
//! and takes them back afterwards. Calls nest: a signing key that itself speaks TLS on this thread
//! gets its own notes, and gives the outer ones back.

use std::cell::RefCell;
use std::mem::{self, ManuallyDrop};
use std::sync::Arc;

use super::client_certificate::ClientCertificateUse;
use super::hello::Versions;
use super::tickets::{Heritage, Inherited};
use crate::verify::{CertificateRejection, Verification};

/// What was noted during calls into rustls for one session.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The verdict on the peer's certificate, when it was verified in this handshake.
    pub(crate) verdict: Option<Result<Verification, Arc<CertificateRejection>>>,
    /// The verdict that a session inherits if the server accepts the ticket that was offered.
    pub(crate) inherited: Option<Box<Inherited>>,
    /// Whether the server asked for a client certificate.
    pub(crate) client_certificate_asked: bool,
    /// Whether a client certificate was sent.
    pub(crate) client_certificate_sent: bool,
    /// What a client has done about it.
    pub(crate) client_certificate: ClientCertificateUse,
    /// Whether TLS 1.3 was agreed on in a record before the one that is worked on.
    pub(super) is_tls13: bool,
    /// Bytes received since the last plaintext: whatever message comes is not longer.
    pub(super) without_data: usize,
    /// The OCSP response that the server stapled, uninterpreted.
    pub(crate) ocsp_response: Box<[u8]>,
    /// The versions that the client offered, when none of them is enabled here.
    pub(crate) offered_versions: Option<Box<Versions>>,
    /// The certificate that this server shows, as a channel binding; rustls does not tell which it
    /// was.
    pub(super) end_point: EndPoint,
    /// What the ticket says that was opened, until it is known whether its session is resumed.
    pub(super) opened: Option<Box<Heritage>>,
    /// The same once it is: this server's session is resumed.
    pub(super) heritage: Option<Box<Heritage>>,
    /// Whether this server has no key whose signatures the client verifies.
    pub(crate) no_key_fits: bool,
}

/// The data of `tls-server-end-point`, where it is defined for the certificate.
pub(super) type EndPoint = Option<Arc<[u8]>>;

impl Notes {
    /// The verdict that stands for this session's peer, once the handshake is done.
    pub(crate) fn verification(&self) -> Option<&Verification> {
        match &self.verdict {
            Some(Ok(verification)) => Some(verification),
            Some(Err(_)) => None,
            None => self.inherited.as_deref().map(|one| &one.verification),
        }
    }
}

thread_local! {
    // Never dropped, so that it can be reached from the destructors of a thread that ends. What is
    // left in it between calls owns nothing.
    static CURRENT: ManuallyDrop<RefCell<Notes>> = ManuallyDrop::default();
}

/// Calls into rustls with `notes` open to its callbacks.
pub(super) fn with_notes<R>(notes: &mut Notes, call: impl FnOnce() -> R) -> R {
    let mut lent = Lent(notes);
    lent.exchange();
    let result = call();
    drop(lent);
    result
}

/// Writes into the notes of the session on whose behalf rustls calls.
pub(super) fn note<R>(write: impl FnOnce(&mut Notes) -> R) -> R {
    CURRENT.with(|current| write(&mut current.borrow_mut()))
}

/// Gives the notes back also when a callback panics. Where the notes were, those of the outer
/// session wait meanwhile.
struct Lent<'a>(&'a mut Notes);

impl Lent<'_> {
    fn exchange(&mut self) {
        CURRENT.with(|current| mem::swap(&mut *current.borrow_mut(), self.0));
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.exchange();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_nest_and_come_back() {
        let (mut outer, mut inner) = (Notes::default(), Notes::default());
        with_notes(&mut outer, || {
            note(|n| n.client_certificate_asked = true);
            with_notes(&mut inner, || note(|n| n.client_certificate_sent = true));
            note(|n| assert!(n.client_certificate_asked && !n.client_certificate_sent));
        });
        assert!(outer.client_certificate_asked && !outer.client_certificate_sent);
        assert!(!inner.client_certificate_asked && inner.client_certificate_sent);
        note(|n| assert!(!n.client_certificate_asked && !n.client_certificate_sent));
    }

    #[test]
    fn notes_come_back_after_a_panic() {
        let mut notes = Notes::default();
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            with_notes(&mut notes, || {
                note(|n| n.client_certificate_asked = true);
                panic!("a callback's");
            });
        }));
        assert!(caught.is_err());
        assert!(notes.client_certificate_asked);
        note(|n| assert!(!n.client_certificate_asked));
    }

    /// A session that lives in a variable of the thread is closed when the thread ends, after what
    /// is younger than it was destroyed.
    #[test]
    fn notes_can_be_taken_while_the_thread_ends() {
        struct Last(std::sync::mpsc::Sender<bool>);
        impl Drop for Last {
            fn drop(&mut self) {
                let mut notes = Notes::default();
                with_notes(&mut notes, || note(|n| n.no_key_fits = true));
                self.0.send(notes.no_key_fits).unwrap();
            }
        }
        thread_local! {
            static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
        }
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            LAST.with_borrow_mut(|last| *last = Some(Last(sender)));
            note(|_| ());
        });
        assert_eq!(receiver.recv(), Ok(true));
    }
}
