//! The public face of both sides' sessions: the same verbs, the same docs.

/// Gives a session type, a wrapper of a `Machine`, the verbs of design and docs.
macro_rules! session_api {
    ($session:ident, $role:ident) => {
        impl $session {
            /// Consumes what it can from `incoming`, appends what must be sent to `outgoing`, and tells
            /// the next event. `Ok(None)`: nothing more to tell until there is more input. Call it until
            /// then.
            ///
            /// What is left in `incoming` after `Ok(None)` belongs to this session, possibly partly
            /// decrypted: only append to it. It is less than [`INCOMING_LEFTOVER`] bytes. Share the buffer
            /// with another session only when it is empty. While an answer to
            /// [`Event::ClientHello`](crate::Event::ClientHello) is awaited nothing is consumed, and a
            /// client that sends more than that bound meanwhile is refused.
            ///
            /// The plaintext in [`Event::Data`](crate::Event::Data) is lent, and given up by the next call.
            ///
            /// [`INCOMING_LEFTOVER`]: crate::limits::INCOMING_LEFTOVER
            ///
            /// # Errors
            /// The first error ends the session. What the peer must still get, an alert where one fits, is
            /// in `outgoing`; what it had sent before the fault has been delivered.
            pub fn process<'a>(
                &'a mut self,
                incoming: &'a mut BytesMut,
                outgoing: &mut BytesMut,
            ) -> Result<Option<Event<'a>>, Error> {
                self.0.process(incoming, outgoing)
            }

            /// Encrypts all of `plaintext` into `outgoing`, after what was queued, or nothing.
            ///
            /// There is no bound on what `outgoing` may hold; its owner watches it. An empty slice sends
            /// nothing.
            ///
            /// # Errors
            /// [`ApiMisuse::SendBeforeEstablished`](crate::ApiMisuse::SendBeforeEstablished) and [`ApiMisuse::SendAfterClose`](crate::ApiMisuse::SendAfterClose), without effect.
            /// [`ProtocolError::KeysExhausted`](crate::ProtocolError::KeysExhausted) where the keys of a TLS 1.2 connection are used up: the
            /// session is dead then, and `plaintext` may have been sent in part.
            pub fn send(&mut self, plaintext: &[u8], outgoing: &mut BytesMut) -> Result<(), Error> {
                self.0.send(plaintext, outgoing)
            }

            /// Takes `plaintext` for sending, and lets it share a record with what comes before and after
            /// it. [`flush`](Self::flush), [`send`](Self::send) and [`close`](Self::close) send what is
            /// queued; so does a queue that has grown to a full record.
            ///
            /// # Errors
            /// As for [`send`](Self::send).
            pub fn queue(
                &mut self,
                plaintext: &[u8],
                outgoing: &mut BytesMut,
            ) -> Result<(), Error> {
                self.0.queue(plaintext, outgoing)
            }

            /// Sends what was queued.
            ///
            /// # Errors
            /// As for [`send`](Self::send).
            pub fn flush(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
                self.0.flush(outgoing)
            }

            /// Closes the own half: close_notify goes into `outgoing`, after what was queued
            /// (RFC 8314 §3.4, RFC 8446 §6.1). After it nothing can be sent.
            ///
            /// Nobody has to wait: once `outgoing` is written, the transport may be closed. Who wants to
            /// know whether the peer has sent everything goes on reading until [`Event::PeerClosed`](crate::Event::PeerClosed).
            /// Closing again, or closing a dead session, does nothing.
            pub fn close(&mut self, outgoing: &mut BytesMut) {
                self.0.close(outgoing);
            }

            /// The transport's input has ended. Call [`process`](Self::process) until `Ok(None)` before,
            /// so that everything has been delivered.
            ///
            /// [`EndOfInput::Clean`](crate::EndOfInput::Clean) only after [`Event::PeerClosed`](crate::Event::PeerClosed). Before the session was established
            /// the end kills it: later calls return [`ProtocolError::EndedDuringHandshake`](crate::ProtocolError::EndedDuringHandshake). Afterwards
            /// the own half may still send.
            #[must_use = "it says whether something is missing"]
            pub fn end_of_input(&mut self) -> EndOfInput {
                self.0.end_of_input()
            }

            /// When to give up on a session that has not been established; `None` once it is established,
            /// closed or dead.
            pub fn deadline(&self) -> Option<Instant> {
                self.0.deadline()
            }

            /// Gives up if the [`deadline`](Self::deadline) has passed by the session's clock; does
            /// nothing before.
            ///
            /// # Errors
            /// [`Error::TimedOut`](crate::Error::TimedOut), with what was heard from the peer by then, once the deadline has
            /// passed; the session is dead. A dead session's error.
            pub fn expire(&mut self, outgoing: &mut BytesMut) -> Result<(), Error> {
                self.0.expire(outgoing)
            }

            /// Gives back memory before a long idle time, such as IMAP's IDLE. It costs an allocation when
            /// data come again: nothing to do after each message.
            pub fn trim(&mut self) {
                self.0.trim();
            }

            /// Whether [`Event::Established`](crate::Event::Established) has been told and the session lives.
            pub fn is_established(&self) -> bool {
                self.0.is_established()
            }

            /// What was negotiated, once the session is established.
            pub fn info(&self) -> Option<SessionInfo<'_>> {
                self.0.info()
            }

            /// The channel binding of this connection, for one instance of one SASL mechanism.
            ///
            /// It can be taken once (RFC 9266 §4.1): a second attempt to authenticate with a
            /// binding needs a new connection. A server takes it when it has read from the client
            /// which type it uses; what failed was not taken.
            ///
            /// # Errors
            /// [`ChannelBindingError`](crate::ChannelBindingError): before the session is
            /// established, after it was taken, and where the type is not supported or not defined.
            pub fn take_channel_binding(
                &mut self,
                binding_type: crate::ChannelBindingType,
            ) -> Result<crate::ChannelBinding, crate::ChannelBindingError> {
                self.0.take_channel_binding(binding_type)
            }

            /// The chain that the peer has shown, its own certificate first; empty where it has shown
            /// none. On a resumed session the chain of the session that it resumes.
            pub fn peer_chain(&self) -> &[CertificateDer<'static>] {
                self.0.peer_chain()
            }
        }

        impl crate::session::verbs::sealed::Driven for $session {
            fn is_client(&self) -> bool {
                <$role as Role>::IS_CLIENT
            }

            fn now(&self) -> Instant {
                self.0.role.clock().now()
            }

            fn remaining(&self) -> Option<std::time::Duration> {
                Some(self.deadline()?.saturating_duration_since(self.now()))
            }

            fn awaits_answer(&self) -> bool {
                self.0.is_deciding()
            }

            fn death(&self) -> Option<&Error> {
                self.0.death()
            }
        }
    };
}

pub(super) use session_api;
