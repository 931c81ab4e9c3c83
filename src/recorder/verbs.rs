//! A recorded session is a session.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use pki_types::CertificateDer;

use super::recorded::Recorded;
use crate::channel_binding::{ChannelBinding, ChannelBindingError, ChannelBindingType};
use crate::error::Error;
use crate::session::{Driven, EndOfInput, Event, Session, SessionInfo};

/// So that an adapter can drive it.
impl<S: Session> Session for Recorded<S> {
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
        (**self).deadline()
    }

    fn expire(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
        self.expire(outgoing)
    }

    fn trim(&mut self) {
        self.trim();
    }

    fn is_established(&self) -> bool {
        (**self).is_established()
    }

    fn info(&self) -> Option<SessionInfo<'_>> {
        (**self).info()
    }

    fn peer_chain(&self) -> &[CertificateDer<'static>] {
        (**self).peer_chain()
    }

    fn take_channel_binding(
        &mut self,
        binding_type: ChannelBindingType,
    ) -> Result<ChannelBinding, ChannelBindingError> {
        self.take_channel_binding(binding_type)
    }
}

impl<S: Session> Driven for Recorded<S> {
    fn is_client(&self) -> bool {
        (**self).is_client()
    }

    fn now(&self) -> Instant {
        (**self).now()
    }

    fn remaining(&self) -> Option<Duration> {
        (**self).remaining()
    }

    fn awaits_answer(&self) -> bool {
        (**self).awaits_answer()
    }

    fn death(&self) -> Option<&Error> {
        (**self).death()
    }
}
