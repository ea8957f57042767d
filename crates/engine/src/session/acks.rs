use std::collections::VecDeque;
use std::time::{Duration, Instant};

use adit_wire::{
    Ack, AckedMessage, HEADER_LEN, Header, MessageId, MessageType, PayloadType, flags,
};
use bytes::{BufMut, Bytes, BytesMut};

use super::envelope::{Envelope, seal};
use crate::pool::shared_buffer;
use crate::timers::{ACK_MEMORY, AGAIN};

/// The messages whose acknowledgements can be repeated. The agent paces itself to
/// some 900 a second, so this is what half a second can have lost.
const REMEMBERED: usize = 512;

/// Acknowledgements that may wait to be sent before no more input is wanted.
const WAITING_MAX: usize = 8192;

/// Acknowledgements that may wait where others are repeated: some turns of the driver.
const BACKLOG: usize = 64;
/// How many acknowledgements are repeated behind the first message that comes again.
const FIRST_AGAIN: usize = 4;

/// Header and JSON of the longest acknowledgement: 297 bytes with a sequence number of two
/// digits, and such a number has at most 20.
const ACK_LEN: usize = 320;

/// Buffers of acknowledgements that the driver may still hold; more are not reused.
const LENT_MAX: usize = 256;

/// Acknowledgements: to be sent, and sent lately.
#[derive(Default, Debug)]
pub(crate) struct Acks {
    waiting: VecDeque<Received>,
    /// The latest received messages, waiting or not.
    recent: VecDeque<Received>,
    /// What was handed out, oldest first, so that its memory can be used again.
    lent: VecDeque<Bytes>,
    /// The last message that came again.
    again: Option<Again>,
}

/// A message that came again.
#[derive(Clone, Copy, Debug)]
struct Again {
    at: Instant,
    /// How many acknowledgements behind it were to be repeated.
    many: usize,
    /// The last of those.
    last: i64,
}

#[derive(Clone, Copy, Debug)]
struct Received {
    at: Instant,
    id: MessageId,
    sequence: i64,
}

impl Acks {
    /// A message is to be acknowledged.
    pub(crate) fn push(&mut self, now: Instant, id: MessageId, sequence: i64) {
        let received = Received { at: now, id, sequence };
        self.waiting.push_back(received);
        if self.recent.len() == REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(received);
    }

    /// A message has come again: its acknowledgement is lost, and maybe those behind it with it.
    ///
    /// The agent sends only its oldest message again, each 100 ms and round trip, so of many that
    /// are lost each would take that long, and what is really missing waits behind them. So some
    /// behind it are repeated, and four times as many when the first of the others comes again
    /// next: all within a few round trips, and hardly any where single ones are lost. What came
    /// within `settled` may have been acknowledged in time; and nothing is repeated while much
    /// waits to be sent, which may be why they are late.
    pub(crate) fn push_again(
        &mut self,
        now: Instant,
        id: MessageId,
        sequence: i64,
        settled: Duration,
    ) {
        let is_idle = self.waiting.len() <= BACKLOG;
        self.waiting.push_back(Received { at: now, id, sequence });
        if !is_idle {
            return;
        }
        let goes_on = self.again.filter(|again| {
            sequence == again.last + 1 && now.saturating_duration_since(again.at) < AGAIN
        });
        let many = goes_on.map_or(FIRST_AGAIN, |again| (again.many * 4).min(REMEMBERED));
        let behind = self.recent.iter().filter(|it| it.sequence > sequence);
        let mut last = sequence;
        for received in behind.filter(|it| it.at + settled <= now).take(many) {
            last = last.max(received.sequence);
            self.waiting.push_back(*received);
        }
        self.again = Some(Again { at: now, many, last });
    }

    /// Whether so many wait that no more input should come.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= WAITING_MAX
    }

    /// Whether none waits to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Repeats the acknowledgements that may have died with a websocket: the agent resends only
    /// its oldest message, each 100 ms, and would need that for each of them.
    pub(crate) fn repeat_recent(&mut self) {
        let Some(last) = self.recent.back() else { return };
        if let Some(since) = last.at.checked_sub(ACK_MEMORY) {
            self.repeat_since(since);
        }
    }

    /// Repeats the one of the message that came last.
    pub(crate) fn repeat_last(&mut self) {
        if self.waiting.is_empty() {
            self.waiting.extend(self.recent.back());
        }
    }

    /// Repeats those of messages that have come since.
    pub(crate) fn repeat_since(&mut self, since: Instant) {
        let old = self.recent.iter().take_while(|received| received.at < since).count();
        let repeated = self.recent.len() - old;
        // The youngest of the recent ones are those that wait, but for those of messages that came
        // again.
        if repeated > self.waiting.len()
            && let Some(first) = self.recent.get(old)
        {
            self.waiting.retain(|waiting| waiting.sequence < first.sequence);
            self.waiting.extend(self.recent.range(old..));
        }
    }

    /// The next acknowledgement, as a whole message.
    pub(crate) fn transmit(&mut self, now: Instant, envelope: &mut Envelope) -> Option<Bytes> {
        let Received { id, sequence, .. } = self.waiting.pop_front()?;
        let header = Header {
            message_type: MessageType::Acknowledge,
            sequence: 0,
            flags: flags::SYN_FIN,
            payload_type: PayloadType::Undefined,
            ..envelope.header(now)
        };
        let mut buffer = self.buffer();
        buffer.resize(HEADER_LEN, 0);
        // Writing to memory and serialising numbers and a fixed text cannot fail.
        let _infallible = Ack::new(AckedMessage::OutputStreamData, id, sequence)
            .encode_into((&mut buffer).writer());
        seal(&mut buffer, &header);
        let message = buffer.freeze();
        if self.lent.len() == LENT_MAX {
            self.lent.pop_front();
        }
        self.lent.push_back(message.clone());
        Some(message)
    }

    fn buffer(&mut self) -> BytesMut {
        let reused = self.lent.pop_front_if(|message| message.is_unique());
        match reused.map(Bytes::try_into_mut) {
            Some(Ok(mut buffer)) => {
                buffer.clear();
                buffer
            }
            Some(Err(_)) | None => shared_buffer(ACK_LEN),
        }
    }
}
