//! What a session may do and say, whatever happens to it.

use adit_engine::{CloseReason, Event, Mode};

use super::world::World;
use crate::engine::events;

/// The smallest window: a message of the largest size.
const LEAST_WINDOW: usize = 32 << 10;

/// How many times its length a message costs at most: a frame of one byte is nine, and counts 65.
const COST: usize = 8;

/// What streams with little to send may have in flight beside the window.
const BESIDE: usize = 16 << 10;

impl World {
    /// What holds at all times.
    pub(super) fn check(&mut self) {
        self.hear();
        let stats = self.session.stats();
        let window = self.config.window_max.max(LEAST_WINDOW) + self.client.exempt() + BESIDE;
        assert!(stats.in_flight <= window, "{} in flight", stats.in_flight);
        let budget = self.config.inbound_budget * if self.was_rude { 2 } else { 1 };
        // What is delivered at once is a message, and those that have waited for it.
        let most = budget + COST * (self.longest + self.config.reorder_budget);
        assert!(stats.unread <= most, "{} unread", stats.unread);
        let open = self.streams.values().filter(|stream| !stream.is_over).count();
        assert!(stats.streams <= open || self.closed.is_some(), "streams that nobody knows");
    }

    /// Takes what the session has to tell.
    pub(super) fn hear(&mut self) {
        for event in events(&mut self.session) {
            self.event(event);
        }
    }

    fn event(&mut self, event: Event) {
        assert_eq!(self.closed, None, "{event:?} came after the end");
        match event {
            Event::Readable(id) => {
                let stream = self.streams.get_mut(&id.0).expect("a stream that was opened");
                assert!(std::mem::take(&mut stream.reader_waits), "nobody waits to read {id}");
            }
            Event::Writable(id) => {
                let stream = self.streams.get_mut(&id.0).expect("a stream that was opened");
                assert!(std::mem::take(&mut stream.writer_waits), "nobody waits to write {id}");
            }
            Event::StreamClosed { id, .. } => {
                let stream = self.streams.get(&id.0).expect("a stream that was opened");
                assert!(stream.is_over, "{id} is over, and was neither read nor reset");
            }
            Event::ConnectRefused { .. } => assert!(
                self.streams.values().any(|stream| stream.may_be_refused),
                "nothing was refused"
            ),
            Event::Free => assert!(std::mem::take(&mut self.opener_waits), "nobody waits to open"),
            Event::Closed(reason) => {
                let may_be = match &reason {
                    CloseReason::Terminated => self.may_terminate,
                    CloseReason::ChannelClosed { .. } => self.may_be_closed,
                    CloseReason::DestinationRefused => self.mode == Mode::Single,
                    _ => false,
                };
                assert!(may_be, "{reason:?}");
                assert_eq!(self.session.poll_timeout(), None, "something is due after the end");
                assert_eq!(self.session.poll_transmit(self.now), None);
                self.closed = Some(reason);
            }
            other => panic!("{other:?} comes once, before a session is ready"),
        }
    }
}
