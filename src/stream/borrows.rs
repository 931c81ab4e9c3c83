//! The methods that both adapters have, word for word.

/// Of the `Stream` in whose module it stands, which has a `link` and a `transport`: what can be
/// looked at and borrowed.
macro_rules! borrows {
    () => {
        impl<S: Session, T> Stream<S, T> {
            /// How the peer's half has ended, once it has.
            pub fn end(&self) -> Option<EndOfInput> {
                self.link.end()
            }

            /// What was negotiated, once the session is established.
            pub fn info(&self) -> Option<SessionInfo<'_>> {
                self.link.info()
            }

            /// The session.
            pub fn session(&self) -> &S {
                &self.link.session
            }

            /// The session and what goes out, for verbs that a stream has no word for, such as
            /// [`send_credentials`](ClientSession::send_credentials) and
            /// [`answer`](ServerSession::answer). Call `flush` or `handshake` afterwards.
            pub fn session_mut(&mut self) -> (&mut S, &mut BytesMut) {
                (&mut self.link.session, &mut self.link.outgoing)
            }

            /// The transport.
            pub fn transport(&self) -> &T {
                &self.transport
            }

            /// The transport, for its options; what is read from or written to it is missing in the session.
            pub fn transport_mut(&mut self) -> &mut T {
                &mut self.transport
            }

            /// Gives back memory before a long idle time, such as IMAP's IDLE.
            pub fn trim(&mut self) {
                self.link.trim();
            }
        }
    };
}

pub(crate) use borrows;
