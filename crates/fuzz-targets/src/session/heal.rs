//! The link is good again, the agent answers, and everybody reads: all that is left has to arrive.

use adit_engine::Mode;

use super::world::World;

/// More rounds than any backlog of one run takes.
const ROUNDS: usize = 20_000;

impl World {
    /// Lets everything come to rest, and checks that nothing was lost.
    pub(super) fn heal(&mut self) {
        self.peer.sends_all();
        self.up();
        self.publication(false);
        let mut rounds = 0;
        while self.closed.is_none() && !self.is_at_rest() {
            rounds += 1;
            assert!(rounds < ROUNDS, "it does not come to rest: {:?}", self.session);
            let mut any = self.deliver_next(usize::MAX, false);
            any |= self.transmit(usize::MAX);
            for number in self.client.unacked.keys().copied().collect::<Vec<_>>() {
                self.ack(number);
                any = true;
            }
            for id in self.streams.keys().copied().collect::<Vec<_>>() {
                while self.read_of(id, 1 << 16) {
                    any = true;
                }
            }
            self.check();
            if any {
                continue;
            }
            if self.session.is_unread_full() {
                // What a single connection's destination says on its own waits for the next one.
                assert_eq!(self.mode, Mode::Single, "all was read, and the budget is used up");
                self.open();
            } else {
                assert!(self.session.poll_timeout().is_some(), "nothing will happen any more");
                self.wait_until_due();
            }
            self.check();
        }
        if self.closed.is_none() && self.mode == Mode::Mux {
            self.check_whole();
        }
    }

    fn is_at_rest(&self) -> bool {
        let count = self.peer.messages.len();
        let all_taken = (0..count).all(|i| self.client.acks.contains(&self.peer.number(i)));
        let all_read = self.mode == Mode::Single
            || self.streams.values().all(|stream| stream.is_over || stream.is_at_rest());
        all_taken && all_read && self.session.is_drained() && self.client.unacked.is_empty()
    }

    fn check_whole(&self) {
        for (id, stream) in &self.streams {
            if stream.was_reset {
                continue;
            }
            assert!(stream.is_whole(self.mode), "{id} has not got all that was said");
            let all_sent = stream.sent == stream.written;
            assert!(all_sent || stream.peer_fin, "{id} has not sent all that was written");
        }
    }
}

impl super::world::Stream {
    /// Whether nothing is under way on it.
    fn is_at_rest(&self) -> bool {
        !self.peer_fin && self.is_whole(Mode::Mux)
    }
}
