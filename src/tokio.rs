//! A session over `AsyncRead + AsyncWrite`, itself `AsyncRead + AsyncWrite` (feature `tokio`).
//!
//! It adds nothing to the loop over a session that a program writes by itself: see
//! [`stream`](crate::stream).
//!
//! ```no_run
//! # #[cfg(all(feature = "webpki-roots", any(feature = "aws-lc-rs", feature = "ring")))]
//! # async fn converse<T>(socket: T) -> Result<(), Box<dyn std::error::Error>>
//! # where T: ::tokio::io::AsyncRead + ::tokio::io::AsyncWrite + Unpin {
//! use mail_tls::tokio::Stream;
//! use mail_tls::{Account, Client, Endpoint, Service, TlsMode};
//! use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
//!
//! let client = Client::builder().build()?;
//! let endpoint = Endpoint::typed(Service::Imap, TlsMode::Implicit, "imap.example.org")?;
//! let connector = client.connector(&Account::configured(), endpoint)?;
//!
//! // let socket = tokio::net::TcpStream::connect(("imap.example.org", 993)).await?;
//! let mut stream = BufReader::new(Stream::connect(&connector, socket).await?);
//! let mut greeting = String::new();
//! stream.read_line(&mut greeting).await?;
//! stream.write_all(b"a LOGOUT\r\n").await?;
//! stream.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! * **Time.** Until the session is established the deadline is waited for with `tokio::time`,
//!   which needs a runtime whose timer is enabled (`enable_time`, `enable_all`), and panics
//!   without one. Afterwards time is the embedder's.
//! * **Cancelling.** Any future of a stream can be dropped and the call made again: nothing is
//!   lost, nothing is sent twice. A `write` that did not finish has taken nothing.
//! * **The end.** `read` returns 0 after close_notify only. Where the transport ends without it,
//!   `read` fails with [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) and a
//!   [`Truncated`](crate::stream::Truncated), after everything before it was read.
//! * **Writing.** What `write` takes is encrypted and written at once, as far as the transport takes
//!   it; `flush` sees to the rest.
//! * **Closing.** `shutdown` says close_notify, writes it, and shuts down the transport's own half.
//!   What the peer still sends can be read on, to its end. Dropping a stream says nothing to it.
//! * **Both halves at once**, by `tokio::io::split`, wake each other where one does the other's
//!   work.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use ::tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use ::tokio::time::{Sleep, sleep};
use bytes::BytesMut;

use crate::acceptor::Acceptor;
use crate::connector::Connector;
use crate::error::{ApiMisuse, Error};
use crate::session::{ClientSession, EndOfInput, ServerSession, Session, SessionInfo};
use crate::stream::{CHUNK, Link, Milestone, Next, borrows, is_gone, write_zero};

/// A session over a transport. See the [module's docs](self).
pub struct Stream<S, T> {
    link: Link<S>,
    transport: T,
    /// Runs while the session's time is bounded. Whether it was started for a dead one.
    timer: Option<(Pin<Box<Sleep>>, bool)>,
    wakers: Arc<Wakers>,
    /// `wakers` as one.
    waker: Waker,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream<ClientSession, T> {
    /// Connects: begins a session on a transport that is connected, and returns once it is
    /// established. STARTTLS is spoken where the endpoint says so.
    ///
    /// # Errors
    /// What the session died of, as [`find_error`](crate::stream::find_error) finds it: a pin that
    /// can be offered is in it. An error of the transport.
    pub async fn connect(connector: &Connector, transport: T) -> io::Result<Self> {
        let mut outgoing = BytesMut::new();
        let session = connector.connect(&mut outgoing)?;
        let mut stream = Self::new(session, transport, BytesMut::new(), outgoing);
        stream.handshake().await?;
        Ok(stream)
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream<ServerSession, T> {
    /// Accepts: begins a session on a transport that was accepted, and returns once it is
    /// established.
    ///
    /// # Errors
    /// As [`Stream::connect`]. [`ApiMisuse::AnswerMissing`] for an acceptor that
    /// [asks](crate::AcceptorBuilder::ask_for_each_hello): use [`Stream::new`] and
    /// [`Stream::handshake`] there, and after STARTTLS, whose plaintext the embedder has spoken.
    pub async fn accept(acceptor: &Acceptor, transport: T) -> io::Result<Self> {
        let session = acceptor.accept()?;
        let mut stream = Self::new(session, transport, BytesMut::new(), BytesMut::new());
        match stream.handshake().await? {
            Milestone::Established => Ok(stream),
            Milestone::ClientHello(_) | Milestone::ChallengeAnswered => {
                Err(Error::from(ApiMisuse::AnswerMissing).into())
            }
        }
    }
}

impl<S: Session, T> Stream<S, T> {
    /// Takes over a session with its two buffers. Nothing is read or written yet: `handshake`,
    /// `read` or `write` go on with it.
    ///
    /// This is how a server goes on after STARTTLS, with the session and `incoming` from
    /// [`Upgrade::begin`](crate::Upgrade::begin), and its agreement in `outgoing`.
    pub fn new(session: S, transport: T, incoming: BytesMut, outgoing: BytesMut) -> Self {
        let wakers = Arc::<Wakers>::default();
        Self {
            link: Link::new(session, incoming, outgoing),
            transport,
            timer: None,
            waker: Waker::from(Arc::clone(&wakers)),
            wakers,
        }
    }
}

borrows!();

impl<S: Session, T: AsyncRead + AsyncWrite + Unpin> Stream<S, T> {
    /// Goes on with the handshake, to its end or to where the embedder is asked.
    ///
    /// # Errors
    /// As [`Stream::connect`]. After an error of the transport it can be called again.
    pub async fn handshake(&mut self) -> io::Result<Milestone> {
        poll_fn(|task| {
            self.wakers.park(Half::Reader, task.waker());
            self.shake_hands(Half::Reader)
        })
        .await
    }

    fn shake_hands(&mut self, half: Half) -> Poll<io::Result<Milestone>> {
        loop {
            match self.link.handshake() {
                Ok(Some(milestone)) => {
                    // What is left is written by whatever comes next.
                    let _ = self.write_before_reading(half)?;
                    return Poll::Ready(Ok(milestone));
                }
                Ok(None) => {
                    let _ = self.write_before_reading(half)?;
                    ready!(self.fill(half))?;
                }
                Err(error) => return self.fail(half, error).map(Err),
            }
        }
    }

    fn establish(&mut self, half: Half) -> Poll<io::Result<()>> {
        if self.link.session.is_established() {
            return Poll::Ready(Ok(()));
        }
        let milestone = ready!(self.shake_hands(half))?;
        // There may be something to read by now.
        self.wakers.wake_other(half);
        Poll::Ready(match milestone {
            // A session that answered a challenge is closed, and says so.
            Milestone::Established | Milestone::ChallengeAnswered => Ok(()),
            milestone @ Milestone::ClientHello(_) => Err(self.link.leave(milestone).into()),
        })
    }

    fn read_some(&mut self, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let half = Half::Reader;
        loop {
            let next = self.link.read(|data| {
                let taken = data.len().min(buffer.remaining());
                buffer.put_slice(data.get(..taken).unwrap_or_default());
                taken
            });
            match next {
                Ok(Next::Delivered) => {
                    // What fails here is told when there is nothing to deliver.
                    let _ = self.write_out(half);
                    return Poll::Ready(Ok(()));
                }
                Ok(Next::Ended) => return Poll::Ready(Ok(())),
                Ok(Next::Starved | Next::Milestone(_)) => {
                    if let Some(truncated) = self.link.truncation() {
                        return Poll::Ready(Err(truncated));
                    }
                    let _ = self.write_before_reading(half)?;
                    ready!(self.fill(half))?;
                }
                Err(error) => return self.fail(half, error).map(Err),
            }
        }
    }

    fn write_some(
        &mut self,
        send: impl FnOnce(&mut Link<S>) -> Result<usize, Error>,
    ) -> Poll<io::Result<usize>> {
        let half = Half::Writer;
        ready!(self.establish(half))?;
        ready!(self.write_out(half))?;
        match send(&mut self.link) {
            Ok(taken) => {
                // The plaintext was taken: what fails or waits here is told by the next call.
                let _ = self.write_out(half);
                Poll::Ready(Ok(taken))
            }
            Err(error) => self.fail(half, error).map(Err),
        }
    }

    /// One read of the transport.
    fn fill(&mut self, half: Half) -> Poll<io::Result<()>> {
        loop {
            if let Err(error) = self.link.session.expire(&mut self.link.outgoing) {
                return self.fail(half, error).map(Err);
            }
            // A session whose clock is not the runtime's may have time left.
            if self.time_is_over().is_pending() {
                break;
            }
        }
        let incoming = &mut self.link.incoming;
        incoming.reserve(CHUNK);
        let mut task = Context::from_waker(&self.waker);
        match ready!(pin!(self.transport.read_buf(incoming)).poll(&mut task)) {
            Ok(0) => self.link.end_of_input(),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
        Poll::Ready(Ok(()))
    }

    /// Writes, but reads on where that cannot be: the peer may have said why.
    fn write_before_reading(&mut self, half: Half) -> io::Result<Poll<()>> {
        match self.write_out(half) {
            Poll::Ready(Err(error)) if !is_gone(&error) => Err(error),
            Poll::Ready(_) => Ok(Poll::Ready(())),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    fn write_out(&mut self, half: Half) -> Poll<io::Result<()>> {
        let mut task = Context::from_waker(&self.waker);
        while !self.link.outgoing.is_empty() {
            let transport = Pin::new(&mut self.transport);
            match ready!(transport.poll_write(&mut task, &self.link.outgoing)) {
                Ok(0) => return Poll::Ready(Err(write_zero())),
                Ok(written) => {
                    self.link.written(written);
                    // The other half may have waited for this.
                    self.wakers.wake_other(half);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The peer is told, as far as it listens and not for long; then the embedder is.
    fn fail(&mut self, half: Half, error: Error) -> Poll<io::Error> {
        if self.link.session.death().is_some()
            && self.write_out(half).is_pending()
            && self.time_is_over().is_pending()
        {
            return Poll::Pending;
        }
        self.timer = None;
        self.wakers.wake_other(half);
        Poll::Ready(error.into())
    }

    /// Ready when the transport has been waited for long enough.
    fn time_is_over(&mut self) -> Poll<()> {
        let Some(patience) = self.link.patience() else {
            self.timer = None;
            return Poll::Pending;
        };
        let is_dead = self.link.session.death().is_some();
        if self
            .timer
            .as_ref()
            .is_some_and(|(_, dead)| *dead != is_dead)
        {
            self.timer = None;
        }
        let (timer, _) = self
            .timer
            .get_or_insert_with(|| (Box::pin(sleep(patience)), is_dead));
        ready!(timer.as_mut().poll(&mut Context::from_waker(&self.waker)));
        self.timer = None;
        Poll::Ready(())
    }
}

impl<S: Session + Unpin, T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S, T> {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = self.get_mut();
        this.wakers.park(Half::Reader, task.waker());
        this.read_some(buffer)
    }
}

impl<S: Session + Unpin, T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S, T> {
    fn poll_write(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        plaintext: &[u8],
    ) -> Poll<io::Result<usize>> {
        if plaintext.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let this = self.get_mut();
        this.wakers.park(Half::Writer, task.waker());
        this.write_some(|link| link.send(plaintext))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if slices.iter().all(|slice| slice.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        let this = self.get_mut();
        this.wakers.park(Half::Writer, task.waker());
        this.write_some(|link| link.send_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.wakers.park(Half::Writer, task.waker());
        ready!(this.write_out(Half::Writer))?;
        Pin::new(&mut this.transport).poll_flush(&mut Context::from_waker(&this.waker))
    }

    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.wakers.park(Half::Writer, task.waker());
        this.link.session.close(&mut this.link.outgoing);
        ready!(this.write_out(Half::Writer))?;
        Pin::new(&mut this.transport).poll_shutdown(&mut Context::from_waker(&this.waker))
    }
}

impl<S: Session, T> fmt::Debug for Stream<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("session", &self.link.session)
            .finish_non_exhaustive()
    }
}

/// Who waits. A stream may be read in one task and written in another, and each may have to do
/// both with the transport, which knows one waker for each direction: it is given this one.
#[derive(Default)]
struct Wakers(Mutex<Parked>);

#[derive(Default)]
struct Parked {
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug, Clone, Copy)]
enum Half {
    Reader,
    Writer,
}

impl Wakers {
    fn park(&self, half: Half, waker: &Waker) {
        let mut parked = self.lock();
        let parked = match half {
            Half::Reader => &mut parked.reader,
            Half::Writer => &mut parked.writer,
        };
        match parked {
            Some(parked) => parked.clone_from(waker),
            None => *parked = Some(waker.clone()),
        }
    }

    /// Wakes who waits for the other half, where that is another task.
    fn wake_other(&self, half: Half) {
        let mut parked = self.lock();
        let Parked { reader, writer } = &mut *parked;
        let (own, other) = match half {
            Half::Reader => (reader, writer),
            Half::Writer => (writer, reader),
        };
        let is_same = match (own, &*other) {
            (Some(own), Some(other)) => own.will_wake(other),
            (None, _) | (_, None) => false,
        };
        let other = other.take_if(|_| !is_same);
        drop(parked);
        if let Some(other) = other {
            other.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Parked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Wakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Parked { reader, writer } = std::mem::take(&mut *self.lock());
        for waker in [reader, writer].into_iter().flatten() {
            waker.wake();
        }
    }
}
