//! Whose turn it is to send (rule P-MUX-5).
//!
//! Streams with something waiting take turns. A stream that had nothing waiting, and now has
//! little, goes before those: what somebody types must not wait for uploads beside it.
//!
//! What follows, whatever a stream does to appear sparse:
//!
//! - In each round of turns it gets at most [`QUANTUM`] bytes more than its turn.
//! - All sparse streams together send at most twice as much as the others, and once [`AHEAD_MAX`]
//!   and a frame.
//! - A sparse frame waits for the sparse ones before it, and for half as many bytes of the others
//!   and one frame.

use std::collections::VecDeque;

use crate::StreamId;

/// Bytes that a stream may send before others' turns, in each round of turns: a few queries or
/// a screenful of typing.
pub(crate) const QUANTUM: usize = 4 << 10;

/// Bytes that sparse streams may be ahead of their two thirds: two turns.
pub(crate) const AHEAD_MAX: usize = 64 << 10;

/// The order in which streams send.
#[derive(Default, Debug)]
pub(crate) struct Turns {
    /// Streams with little to send, which go first.
    sparse: VecDeque<StreamId>,
    /// The others with something to send.
    ordinary: VecDeque<StreamId>,
    /// Counts how often all the others had a turn.
    round: u64,
    /// Turns that are left in this round.
    left: usize,
    /// What sparse streams have sent beyond twice what the others have.
    ahead: usize,
}

/// What a stream has sent lately.
#[derive(Default, Debug)]
pub(crate) struct Share {
    /// Bytes in this turn.
    turn: usize,
    /// Bytes before others' turns, and the round in which that was.
    ahead: usize,
    round: u64,
}

/// Whose turn it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    pub(crate) id: StreamId,
    /// Whether it comes before the others' turns.
    pub(crate) sparse: bool,
}

impl Turns {
    /// A stream that had nothing waiting has `len` bytes now.
    pub(crate) fn join(&mut self, id: StreamId, share: &mut Share, len: usize) {
        if self.may_go_ahead(share, len) {
            self.sparse.push_back(id);
        } else {
            self.ordinary.push_back(id);
        }
    }

    /// Who is next, if nobody has more waiting than was said.
    pub(crate) fn next(&self) -> Option<Turn> {
        let waited = self.ahead < AHEAD_MAX || self.ordinary.is_empty();
        match self.sparse.front() {
            Some(id) if waited => Some(Turn { id: *id, sparse: true }),
            _ => self.ordinary.front().map(|id| Turn { id: *id, sparse: false }),
        }
    }

    /// Whether the stream that is next may send `len` bytes so; if not, it has got more since, and
    /// joins the others.
    pub(crate) fn keeps(&mut self, turn: Turn, share: &mut Share, len: usize) -> bool {
        let keeps = !turn.sparse || self.may_go_ahead(share, len);
        if !keeps {
            self.sparse.pop_front();
            self.ordinary.push_back(turn.id);
        }
        keeps
    }

    /// The stream that was next sends `len` bytes, and has `waiting` ready behind them. A turn
    /// lasts for `most` bytes, since some streams send little at a time and others much.
    pub(crate) fn took(
        &mut self,
        turn: Turn,
        share: &mut Share,
        len: usize,
        waiting: Option<usize>,
        most: usize,
    ) {
        if turn.sparse {
            self.sparse.pop_front();
            // Where nobody else wants to send, nobody is kept from it.
            self.ahead = if self.ordinary.is_empty() { 0 } else { self.ahead + len };
            share.ahead += len;
            if let Some(waiting) = waiting {
                self.join(turn.id, share, waiting);
            }
            return;
        }
        self.ahead = self.ahead.saturating_sub(2 * len);
        share.turn += len;
        if waiting.is_some_and(|waiting| share.turn + waiting <= most) {
            return;
        }
        share.turn = 0;
        self.ordinary.pop_front();
        self.ordinary.extend(waiting.map(|_| turn.id));
        self.left = self.left.saturating_sub(1).min(self.ordinary.len());
        if self.left == 0 {
            self.round += 1;
            self.left = self.ordinary.len();
        }
    }

    /// The stream has nothing waiting any more.
    pub(crate) fn leave(&mut self, id: StreamId, share: &mut Share) {
        share.turn = 0;
        self.sparse.retain(|other| *other != id);
        self.ordinary.retain(|other| *other != id);
    }

    /// Whether one of the others has something to send.
    pub(crate) fn has_ordinary(&self) -> bool {
        !self.ordinary.is_empty()
    }

    fn may_go_ahead(&self, share: &mut Share, len: usize) -> bool {
        if share.round != self.round {
            *share = Share { round: self.round, ahead: 0, ..*share };
        }
        share.ahead + len <= QUANTUM
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const MOST: usize = 32 << 10;

    /// Streams with chunks that wait, and what each has sent.
    #[derive(Default)]
    struct Model {
        turns: Turns,
        streams: Vec<(VecDeque<usize>, Share)>,
        sent: Vec<usize>,
    }

    impl Model {
        fn new(streams: usize) -> Self {
            let mut model = Self::default();
            model.streams.resize_with(streams, Default::default);
            model.sent.resize(streams, 0);
            model
        }

        fn write(&mut self, stream: usize, len: usize) {
            let (waiting, share) = &mut self.streams[stream];
            if waiting.is_empty() {
                self.turns.join(StreamId(stream as u32), share, len);
            }
            waiting.push_back(len);
        }

        /// The next frame: whose it is, its length, and whether it went ahead.
        fn send(&mut self) -> Option<(usize, usize, bool)> {
            loop {
                let turn = self.turns.next()?;
                let stream = turn.id.0 as usize;
                let (waiting, share) = &mut self.streams[stream];
                let len = *waiting.front().expect("who has nothing has no turn");
                if !self.turns.keeps(turn, share, len) {
                    continue;
                }
                waiting.pop_front();
                self.turns.took(turn, share, len, waiting.front().copied(), MOST);
                self.sent[stream] += len;
                return Some((stream, len, turn.sparse));
            }
        }

        fn drop_waiting(&mut self, stream: usize) {
            let (waiting, share) = &mut self.streams[stream];
            waiting.clear();
            self.turns.leave(StreamId(stream as u32), share);
        }
    }

    #[test]
    fn little_goes_before_much_until_it_is_much() {
        let mut model = Model::new(3);
        for stream in [0, 1] {
            (0..9).for_each(|_| model.write(stream, MOST));
        }
        assert_eq!(model.send(), Some((0, MOST, false)));
        for _ in 0..4 {
            model.write(2, QUANTUM / 4);
            assert_eq!(model.send(), Some((2, QUANTUM / 4, true)), "also when it was just served");
        }
        model.write(2, 1);
        assert_eq!(model.send(), Some((1, MOST, false)), "it has had its quantum of this round");
        assert_eq!(model.send(), Some((0, MOST, false)));
        assert_eq!(model.send(), Some((2, 1, false)), "and its turn");
        assert_eq!(model.send(), Some((1, MOST, false)));
        model.write(2, 1);
        assert_eq!(model.send(), Some((2, 1, true)), "the next round");
    }

    #[test]
    fn what_grew_while_it_waited_has_an_ordinary_turn() {
        let mut model = Model::new(2);
        model.write(0, MOST);
        model.write(1, QUANTUM);
        model.streams[1].0[0] += 1;
        assert_eq!(model.send(), Some((0, MOST, false)));
        assert_eq!(model.send(), Some((1, QUANTUM + 1, false)));
    }

    #[test]
    fn talk_that_had_the_session_to_itself_still_goes_first_when_an_upload_comes() {
        let mut model = Model::new(2);
        for _ in 0..100_000 {
            model.write(1, 100);
            assert_eq!(model.send().map(|sent| sent.0), Some(1));
        }
        (0..9).for_each(|_| model.write(0, MOST));
        // It may have used up what it has in this round.
        model.write(1, 100);
        let first: Vec<usize> = (0..3).filter_map(|_| model.send()).map(|sent| sent.0).collect();
        assert!(first.contains(&1), "{first:?}");
        model.write(1, 100);
        assert_eq!(model.send(), Some((1, 100, true)));
    }

    #[test]
    fn a_swarm_of_sparse_streams_leaves_the_others_a_third() {
        let mut model = Model::new(1000);
        (0..9).for_each(|_| model.write(0, MOST));
        (1..1000).for_each(|stream| model.write(stream, QUANTUM));
        for _ in 0..8 {
            let ahead: Vec<_> = std::iter::from_fn(|| model.send())
                .take_while(|(stream, ..)| *stream != 0)
                .collect();
            assert_eq!(ahead.len(), AHEAD_MAX / QUANTUM);
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Write(usize, usize),
        Send(usize),
        Drop(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let len = prop_oneof![1_usize..200, 1..=QUANTUM, 1..=MOST];
        prop_oneof![
            6 => (1_usize..5, len).prop_map(|(stream, len)| Step::Write(stream, len)),
            4 => (1_usize..6).prop_map(Step::Send),
            1 => (1_usize..5).prop_map(Step::Drop),
        ]
    }

    proptest! {
        /// Stream 0 always has much. Whatever the others do, none of them gets more than its turn
        /// and a quantum for each turn of stream 0, what goes ahead is bounded, and all is sent in
        /// the end.
        #[test]
        fn no_trick_helps(steps in vec(step(), 1..400)) {
            let mut model = Model::new(5);
            let mut written = [0; 5];
            (0..2).for_each(|_| model.write(0, MOST));
            let (mut ahead, mut ordinary, mut turns) = (0, 0, 0);
            for step in steps {
                match step {
                    Step::Write(stream, len) => {
                        model.write(stream, len);
                        written[stream] += len;
                    }
                    Step::Drop(stream) => {
                        written[stream] -= model.streams[stream].0.iter().sum::<usize>();
                        model.drop_waiting(stream);
                    }
                    Step::Send(frames) => for _ in 0..frames {
                        let (stream, len, sparse) = model.send().expect("stream 0 has something");
                        *(if sparse { &mut ahead } else { &mut ordinary }) += len;
                        prop_assert!(ahead < 2 * ordinary + AHEAD_MAX + QUANTUM);
                        if stream == 0 {
                            turns += 1;
                            model.write(0, MOST);
                        }
                        for sent in &model.sent[1..] {
                            prop_assert!(*sent <= (turns + 1) * MOST + (turns + 2) * QUANTUM);
                        }
                    },
                }
            }
            model.drop_waiting(0);
            while model.send().is_some() {}
            prop_assert_eq!(&model.sent[1..], &written[1..]);
        }
    }
}
