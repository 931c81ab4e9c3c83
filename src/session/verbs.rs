//! What is written once for both sides' sessions.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use pki_types::CertificateDer;

use super::client::ClientSession;
use super::event::{EndOfInput, Event};
use super::info::SessionInfo;
use super::server::ServerSession;
use crate::channel_binding::{ChannelBinding, ChannelBindingError, ChannelBindingType};
use crate::error::Error;

/// What both sides' sessions have in common: [`ClientSession`], [`ServerSession`], and what the
/// feature `recorder` makes of them.
///
/// For code that drives a session of either side, such as a program's own loop over its kind of
/// transport. Nobody else can implement it. The verbs are those of the sessions, whose docs say
/// what they mean.
///
/// ```
/// use bytes::BytesMut;
/// use mail_tls::{Error, Event, Session};
///
/// /// Takes what has come, of either side.
/// fn take<S: Session>(
///     session: &mut S,
///     incoming: &mut BytesMut,
///     outgoing: &mut BytesMut,
///     message: &mut Vec<u8>,
/// ) -> Result<(), Error> {
///     while let Some(event) = session.process(incoming, outgoing)? {
///         if let Event::Data(data) = event {
///             message.extend_from_slice(data);
///         }
///     }
///     Ok(())
/// }
/// ```
pub trait Session: sealed::Driven {
    /// See [`ClientSession::process`].
    ///
    /// # Errors
    /// The first error ends the session.
    fn process<'a>(
        &'a mut self,
        incoming: &'a mut BytesMut,
        outgoing: &mut BytesMut,
    ) -> Result<Option<Event<'a>>, Error>;
    /// See [`ClientSession::send`].
    ///
    /// # Errors
    /// Before the session is established, after it was closed, and where its keys are used up.
    fn send(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error>;
    /// See [`ClientSession::queue`].
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    fn queue(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error>;
    /// See [`ClientSession::flush`].
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    fn flush(&mut self, outgoing: &mut BytesMut) -> Result<(), Error>;
    /// See [`ClientSession::close`].
    fn close(&mut self, outgoing: &mut BytesMut);
    /// See [`ClientSession::end_of_input`].
    #[must_use = "it says whether something is missing"]
    fn end_of_input(&mut self) -> EndOfInput;
    /// See [`ClientSession::deadline`].
    fn deadline(&self) -> Option<Instant>;
    /// See [`ClientSession::expire`].
    ///
    /// # Errors
    /// [`Error::TimedOut`] once the deadline has passed. A dead session's error.
    fn expire(&mut self, outgoing: &mut BytesMut) -> Result<(), Error>;
    /// See [`ClientSession::trim`].
    fn trim(&mut self);
    /// See [`ClientSession::is_established`].
    fn is_established(&self) -> bool;
    /// See [`ClientSession::info`].
    fn info(&self) -> Option<SessionInfo<'_>>;
    /// See [`ClientSession::peer_chain`].
    fn peer_chain(&self) -> &[CertificateDer<'static>];
    /// See [`ClientSession::take_channel_binding`].
    ///
    /// # Errors
    /// Before the session is established, after it was taken, and for a type that it does not have.
    fn take_channel_binding(
        &mut self,
        binding_type: ChannelBindingType,
    ) -> Result<ChannelBinding, ChannelBindingError>;
}

/// Keeps [`Session`] to the types that it is for.
pub(crate) mod sealed {
    use super::*;

    /// What adapters and recorders need beside what is public.
    #[expect(unnameable_types, reason = "nobody else may implement it")]
    pub trait Driven: fmt::Debug {
        fn is_client(&self) -> bool;
        /// The session's time.
        fn now(&self) -> Instant;
        /// How long until the deadline.
        fn remaining(&self) -> Option<Duration>;
        /// Whether [`Event::ClientHello`] has been told and not answered.
        fn awaits_answer(&self) -> bool;
        /// What the session died of.
        fn death(&self) -> Option<&Error>;
    }
}

macro_rules! verbs {
    ($session:ty) => {
        impl Session for $session {
            fn process<'a>(
                &'a mut self,
                incoming: &'a mut BytesMut,
                outgoing: &mut BytesMut,
            ) -> Result<Option<Event<'a>>, Error> {
                self.process(incoming, outgoing)
            }

            fn send(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error> {
                self.send(plaintext, outgoing)
            }

            fn queue(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error> {
                self.queue(plaintext, outgoing)
            }

            fn flush(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
                self.flush(outgoing)
            }

            fn close(&mut self, outgoing: &mut BytesMut) {
                self.close(outgoing);
            }

            fn end_of_input(&mut self) -> EndOfInput {
                self.end_of_input()
            }

            fn deadline(&self) -> Option<Instant> {
                self.deadline()
            }

            fn expire(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
                self.expire(outgoing)
            }

            fn trim(&mut self) {
                self.trim();
            }

            fn is_established(&self) -> bool {
                self.is_established()
            }

            fn info(&self) -> Option<SessionInfo<'_>> {
                self.info()
            }

            fn peer_chain(&self) -> &[CertificateDer<'static>] {
                self.peer_chain()
            }

            fn take_channel_binding(
                &mut self,
                binding_type: ChannelBindingType,
            ) -> Result<ChannelBinding, ChannelBindingError> {
                self.take_channel_binding(binding_type)
            }
        }
    };
}

verbs!(ClientSession);
verbs!(ServerSession);
