use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// The streams of a session and the buffer that they share (`session.go`).
pub(super) struct Streams {
    table: Mutex<HashMap<u32, Arc<Stream>>>,
    /// Bytes that may still be received before somebody has to take some. The last frame may
    /// exceed it.
    tokens: AtomicI64,
    returned: Notify,
    /// Whether anything was received since the last look.
    heard: AtomicBool,
}

/// The receiving half of a stream (`stream.go`).
pub(super) struct Stream {
    pub(super) id: u32,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    buffered: VecDeque<Bytes>,
    end: Option<End>,
}

/// Why nothing more comes behind what is buffered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The client's FIN.
    Fin,
    /// The agent's own FIN, or an error of the session.
    Dead,
}

impl Streams {
    pub(super) fn new(receive_buffer: usize) -> Self {
        Self {
            table: Mutex::default(),
            tokens: AtomicI64::new(i64::try_from(receive_buffer).unwrap_or(i64::MAX)),
            returned: Notify::new(),
            heard: AtomicBool::new(false),
        }
    }

    /// Waits until there is room for at least a byte.
    pub(super) async fn room(&self) {
        while !self.has_room() {
            self.returned.notified().await;
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.tokens.load(Ordering::Acquire) > 0
    }

    /// Gives back the room of bytes that a destination has taken.
    pub(super) fn give_back(&self, bytes: usize) {
        self.tokens.fetch_add(bytes as i64, Ordering::AcqRel);
        self.returned.notify_one();
    }

    pub(super) fn note_heard(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Whether anything was received since this was last asked.
    pub(super) fn take_heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }

    /// Opens a stream; `None` when there is one of that number already.
    pub(super) fn open(&self, id: u32) -> Option<Arc<Stream>> {
        let mut table = self.table();
        if table.contains_key(&id) {
            return None;
        }
        let stream = Arc::new(Stream { id, state: Mutex::default(), changed: Notify::new() });
        table.insert(id, Arc::clone(&stream));
        Some(stream)
    }

    /// Buffers bytes of a stream; those of unknown streams are dropped without a word.
    pub(super) fn push(&self, id: u32, bytes: Bytes) {
        if let Some(stream) = self.table().get(&id) {
            self.tokens.fetch_sub(bytes.len() as i64, Ordering::AcqRel);
            stream.state().buffered.push_back(bytes);
            stream.changed.notify_one();
        }
    }

    /// Notes the client's FIN.
    pub(super) fn fin(&self, id: u32) {
        if let Some(stream) = self.table().get(&id) {
            stream.end(End::Fin);
        }
    }

    /// Forgets a stream that the agent has closed, and what was buffered for it.
    pub(super) fn close(&self, stream: &Stream) {
        self.table().remove(&stream.id);
        let buffered = std::mem::take(&mut stream.state().buffered);
        self.give_back(buffered.iter().map(Bytes::len).sum());
    }

    /// Ends all streams for an error of the session.
    pub(super) fn fail(&self) {
        for stream in self.table().values() {
            stream.end(End::Dead);
        }
    }

    fn table(&self) -> MutexGuard<'_, HashMap<u32, Arc<Stream>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// The next bytes; what is buffered still comes after an end.
    pub(super) async fn next(&self) -> Result<Bytes, End> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if let Some(bytes) = state.buffered.pop_front() {
                    return Ok(bytes);
                }
                if let Some(end) = state.end {
                    return Err(end);
                }
            }
            changed.await;
        }
    }

    /// Notes the agent's own end.
    pub(super) fn die(&self) {
        self.end(End::Dead);
    }

    fn end(&self, end: End) {
        let mut state = self.state();
        if state.end != Some(End::Dead) {
            state.end = Some(end);
        }
        drop(state);
        self.changed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
