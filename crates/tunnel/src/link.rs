//! One websocket while it lasts: the engine's messages in and out.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use adit_engine::Loss;
use adit_wire::{Message as WireMessage, MessageType};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::futures::Notified;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout, timeout_at};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::dial::{Upgraded, Websocket};
use crate::lane::{Lane, Turn};
use crate::{SuspendClock, TunnelOptions};

/// The most messages read in one turn, so that sending gets its share.
const READ_MESSAGES: usize = 64;
/// How often suspend is looked for; timers stand still during suspend, so nothing wakes earlier.
const SUSPEND_CHECK: Duration = Duration::from_secs(2);
/// How much the boot-time clock must gain on the monotonic clock to count as sleep.
const SUSPEND_LIMIT: Duration = Duration::from_secs(5);
/// The payload of pings, which is the official peers'.
const PING: &[u8] = b"keepalive";
/// How long something may still come on a websocket that another one has taken over from.
const DRAIN_WAIT: Duration = Duration::from_secs(5);
/// Between two looks whether local clients have read what has come.
const DRAIN_PAUSE: Duration = Duration::from_millis(10);
/// How long the close frame may take.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

/// Why a websocket is not carried any more.
pub(crate) enum Exit {
    /// It is gone, or as good as gone.
    Lost(Loss),
    /// The engine has closed.
    Closed,
    /// Everything was sent and acknowledged, which was waited for.
    Drained,
    /// The engine has become ready.
    Ready,
}

/// An open websocket and its clocks.
pub(crate) struct Link {
    websocket: Websocket,
    /// What presents the ticket, until it is sent.
    opening: Option<Message>,
    clock: SuspendClock,
    ping_interval: Duration,
    silence_limit: Duration,
    /// When something came last; moves along while back-pressure stops reading.
    heard_at: Instant,
    /// The gateway has said that the other side is there.
    served: bool,
    /// What had got through before it, in messages.
    progress_before: u64,
    ping_due: Instant,
    suspend_due: Instant,
    slept_before: Duration,
    outbox: Vec<Bytes>,
    /// A flush is under way; nothing is fed until it is through.
    flushing: bool,
    /// When a flush last ended, or began.
    flushed_at: Instant,
    /// Until when something may still come on it, once another one has taken over.
    drained: Option<Instant>,
}

impl Link {
    /// Takes over a websocket on which nothing was presented yet; `progress` is what has got through
    /// so far.
    pub(crate) fn new(upgraded: Upgraded, options: &TunnelOptions, progress: u64) -> Self {
        let now = Instant::now();
        let Upgraded { websocket, opening } = upgraded;
        Self {
            websocket,
            opening: Some(opening),
            progress_before: progress,
            clock: options.clock.clone(),
            ping_interval: options.ping_interval,
            silence_limit: options.silence_limit,
            heard_at: now,
            served: false,
            ping_due: now + options.ping_interval,
            suspend_due: now,
            slept_before: options.clock.suspended(),
            outbox: Vec::new(),
            flushing: false,
            flushed_at: now,
            drained: None,
        }
    }

    /// Whether something is on its way into the socket.
    pub(crate) fn is_flushing(&self) -> bool {
        self.flushing
    }

    /// Whether it has given anything: the gateway has said that the agent is there, or something has
    /// got through. One that takes the token and closes again has given nothing back.
    pub(crate) fn has_served(&self, progress: u64) -> bool {
        self.served || progress > self.progress_before
    }

    /// Moves messages until the websocket or the session ends, or, with `until_drained`, until
    /// everything is acknowledged. Dropping the future in between loses nothing.
    pub(crate) async fn carry(&mut self, lane: &Lane, until_drained: bool) -> Exit {
        let mut notified = pin!(lane.driver.notified());
        let mut timer = pin!(sleep_until(Instant::now()));
        poll_fn(|cx| self.poll(cx, lane, notified.as_mut(), timer.as_mut(), until_drained)).await
    }

    fn poll<'a>(
        &mut self,
        cx: &mut Context<'_>,
        lane: &'a Lane,
        mut notified: Pin<&mut Notified<'a>>,
        mut timer: Pin<&mut Sleep>,
        until_drained: bool,
    ) -> Poll<Exit> {
        // First, so that what happens during the turn wakes the next one.
        while notified.as_mut().poll(cx).is_ready() {
            notified.set(lane.driver.notified());
        }
        let turn = match self.turn(cx, lane) {
            Ok(turn) => turn,
            // The service's last word comes right before it closes the websocket.
            Err(_) if lane.tick().closed => return Poll::Ready(Exit::Closed),
            Err(loss) => return Poll::Ready(Exit::Lost(loss)),
        };
        if turn.closed {
            return Poll::Ready(Exit::Closed);
        }
        if turn.ready && !until_drained {
            return Poll::Ready(Exit::Ready);
        }
        if until_drained && turn.drained && !self.flushing {
            return Poll::Ready(Exit::Drained);
        }
        if turn.more {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let deadline = self.deadline(&turn);
        // A timer that fires early costs one turn; moving it for every message costs more.
        if timer.deadline() > deadline || timer.is_elapsed() {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if deadline <= now {
                cx.waker().wake_by_ref();
                break;
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    /// Reads what is there, then sends what is to be sent.
    fn turn(&mut self, cx: &mut Context<'_>, lane: &Lane) -> Result<Turn, Loss> {
        let now = Instant::now();
        if now >= self.suspend_due {
            self.suspend_due = now + SUSPEND_CHECK;
            if self.clock.suspended().saturating_sub(self.slept_before) > SUSPEND_LIMIT {
                return Err(Loss::Slept);
            }
        }
        let full = self.read(cx, lane)?;
        let mut turn = self.write(cx, lane)?;
        // The end of the flush wakes the next turn, which sends what is left; nothing would wake
        // it for messages that are left to be read.
        turn.more = full || (turn.more && !self.flushing);
        turn.more |= self.websocket.get_mut().set_calm(turn.calm);
        if turn.unread {
            self.heard_at = now;
        } else if now.duration_since(self.heard_at) >= self.silence_limit {
            return Err(Loss::Silent);
        }
        if !self.flushing {
            self.flushed_at = now;
        } else if now.duration_since(self.flushed_at) >= self.silence_limit {
            // It may go on sending; what it does not take is no connection.
            return Err(Loss::Silent);
        }
        Ok(turn)
    }

    /// Reads up to a turn's worth of messages; tells whether there may be more.
    fn read(&mut self, cx: &mut Context<'_>, lane: &Lane) -> Result<bool, Loss> {
        let mut wants_input = lane.wants_input();
        for _ in 0..READ_MESSAGES {
            if !wants_input {
                return Ok(false);
            }
            let message = match self.websocket.poll_next_unpin(cx) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => {
                    tracing::debug!(%error, "websocket failed");
                    return Err(loss_of(&error));
                }
                Poll::Ready(None) => return Err(Loss::Closed { code: None }),
            };
            self.heard_at = Instant::now();
            match message {
                Message::Binary(message) => {
                    self.served =
                        self.served || kind_of(&message) == Some(MessageType::StartPublication);
                    wants_input = lane.receive(message);
                }
                Message::Text(message) => wants_input = lane.receive(message.into()),
                Message::Close(frame) => {
                    let code = frame.map(|frame| u16::from(frame.code));
                    return Err(Loss::Closed { code });
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
        Ok(true)
    }

    /// Feeds a turn's worth of messages and flushes once.
    fn write(&mut self, cx: &mut Context<'_>, lane: &Lane) -> Result<Turn, Loss> {
        // Messages of a turn that was cut short would have been fed in the same poll, so the
        // outbox is empty here.
        let turn = if self.flushing && self.flush(cx)?.is_pending() {
            lane.tick()
        } else {
            lane.turn(&mut self.outbox)
        };
        let now = Instant::now();
        let ping = now >= self.ping_due;
        if ping {
            self.ping_due = now + self.ping_interval;
        }
        let pings = ping.then(|| Message::Ping(Bytes::from_static(PING)));
        let messages = self.outbox.drain(..).map(Message::Binary).chain(pings);
        for message in self.opening.take().into_iter().chain(messages) {
            // The buffer takes more than a turn's worth, so this neither writes nor blocks.
            self.websocket.start_send_unpin(message).map_err(|error| loss_of(&error))?;
            self.flushing = true;
        }
        if self.flushing {
            let _pending = self.flush(cx)?;
        }
        Ok(turn)
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Loss> {
        match self.websocket.poll_flush_unpin(cx) {
            Poll::Ready(Ok(())) => {
                self.flushing = false;
                self.flushed_at = Instant::now();
                Ok(Poll::Ready(()))
            }
            Poll::Ready(Err(error)) => Err(loss_of(&error)),
            Poll::Pending => Ok(Poll::Pending),
        }
    }

    /// When the next turn is due if nothing happens.
    fn deadline(&self, turn: &Turn) -> Instant {
        let mut deadline = self.ping_due.min(self.suspend_due);
        if !turn.unread {
            deadline = deadline.min(self.heard_at + self.silence_limit);
        }
        if self.flushing {
            deadline = deadline.min(self.flushed_at + self.silence_limit);
        }
        match turn.timeout {
            Some(timeout) => deadline.min(Instant::from_std(timeout)),
            None => deadline,
        }
    }

    /// Takes what still comes on it, for a while; another one has taken over.
    pub(crate) async fn drain(&mut self, lane: &Lane) {
        let until = *self.drained.get_or_insert(Instant::now() + DRAIN_WAIT);
        // It is read next, whatever this says.
        let _is_due = self.websocket.get_mut().set_calm(false);
        let reading = async {
            loop {
                if !lane.wants_input() {
                    sleep(DRAIN_PAUSE).await;
                    continue;
                }
                let Some(Ok(message)) = self.websocket.next().await else { return };
                let message = match message {
                    Message::Binary(message) => message,
                    Message::Text(message) => message.into(),
                    Message::Close(_) => return,
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
                };
                // Of the session's end its own websocket tells.
                if kind_of(&message) != Some(MessageType::ChannelClosed) {
                    lane.receive(message);
                }
            }
        };
        let _unfinished = timeout_at(until, reading).await;
    }

    /// Says goodbye and closes.
    pub(crate) async fn close(mut self) {
        let _unanswered = timeout(CLOSE_WAIT, self.websocket.close(None)).await;
    }
}

fn kind_of(message: &Bytes) -> Option<MessageType> {
    Some(WireMessage::decode(message.clone()).ok()?.header.message_type)
}

fn loss_of(error: &Error) -> Loss {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Loss::Closed { code: None },
        _ => Loss::Failed,
    }
}
