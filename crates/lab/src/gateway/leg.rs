use bytes::Bytes;
use tokio::sync::mpsc;

/// Messages that wait in each direction of a leg before its sender has to wait.
pub(super) const LEG_CAPACITY: usize = 64;

/// One side's connection to a session: whole binary messages in both directions.
///
/// A closed channel means that the side's socket is gone; the session itself outlives it.
#[derive(Debug)]
pub(crate) struct Leg {
    /// What the other end of the leg sends to this one.
    pub(crate) rx: mpsc::Receiver<Bytes>,
    /// What this end sends.
    pub(crate) tx: mpsc::Sender<Bytes>,
}

impl Leg {
    /// The two ends of a new leg.
    pub(crate) fn pair() -> (Self, Self) {
        let (near_tx, far_rx) = mpsc::channel(LEG_CAPACITY);
        let (far_tx, near_rx) = mpsc::channel(LEG_CAPACITY);
        (Self { rx: near_rx, tx: near_tx }, Self { rx: far_rx, tx: far_tx })
    }
}
