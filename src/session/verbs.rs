//! What is written once for both sides' sessions.

use std::fmt;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::client::ClientSession;
use super::event::{EndOfInput, Event};
use super::info::SessionInfo;
use super::server::ServerSession;
use crate::error::Error;

/// A session that an adapter can drive, and a recorder record: [`ClientSession`],
/// [`ServerSession`], and what the feature `recorder` makes of them.
pub trait Session: sealed::Verbs {}

impl<S: sealed::Verbs> Session for S {}

/// Keeps [`Session`] to the types that it is for.
pub(crate) mod sealed {
    use super::*;
    use crate::channel_binding::{ChannelBinding, ChannelBindingError, ChannelBindingType};

    /// What both sides' sessions have in common, as far as adapters and recorders need it.
    #[expect(unnameable_types, reason = "nobody else may implement it")]
    pub trait Verbs: fmt::Debug {
        const IS_CLIENT: bool;

        fn process<'a>(
            &'a mut self,
            incoming: &'a mut BytesMut,
            outgoing: &mut BytesMut,
        ) -> Result<Option<Event<'a>>, Error>;
        fn send(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error>;
        fn queue(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error>;
        fn flush(&mut self, outgoing: &mut BytesMut) -> Result<(), Error>;
        fn close(&mut self, outgoing: &mut BytesMut);
        fn end_of_input(&mut self) -> EndOfInput;
        fn now(&self) -> Instant;
        fn deadline(&self) -> Option<Instant>;
        fn remaining(&self) -> Option<Duration>;
        fn expire(&mut self, outgoing: &mut BytesMut) -> Result<(), Error>;
        fn trim(&mut self);
        fn is_established(&self) -> bool;
        fn awaits_answer(&self) -> bool;
        fn death(&self) -> Option<&Error>;
        fn info(&self) -> Option<SessionInfo<'_>>;
        fn take_channel_binding(
            &mut self,
            binding_type: ChannelBindingType,
        ) -> Result<ChannelBinding, ChannelBindingError>;
    }

    macro_rules! verbs {
        ($session:ty, $is_client:literal) => {
            impl Verbs for $session {
                const IS_CLIENT: bool = $is_client;

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
                fn queue(
                    &mut self,
                    plaintext: &[u8],
                    outgoing: &mut BytesMut,
                ) -> Result<(), Error> {
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
                fn now(&self) -> Instant {
                    self.now()
                }
                fn deadline(&self) -> Option<Instant> {
                    self.deadline()
                }
                fn remaining(&self) -> Option<Duration> {
                    self.remaining()
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
                fn awaits_answer(&self) -> bool {
                    self.awaits_answer()
                }
                fn death(&self) -> Option<&Error> {
                    self.death()
                }
                fn info(&self) -> Option<SessionInfo<'_>> {
                    self.info()
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

    verbs!(ClientSession, true);
    verbs!(ServerSession, false);
}
