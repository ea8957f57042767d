//! What the destinations of the streams see of the agent.

use std::time::Duration;

use adit_wire::{Flag, PayloadType};
use bytes::Bytes;

use super::{Defect, Peer, Port};

impl Peer {
    /// Bytes from destinations that are not in a message yet.
    pub fn pending(&self) -> usize {
        match &self.port {
            Port::Mux(mux) => mux.pending(),
            Port::Single(single) => single.pending(),
        }
    }

    /// A dial that [`StreamEvent::Dial`] asked for has come to an end.
    pub fn dialled(&mut self, now: Duration, id: u32, connected: bool) {
        let refused = match &mut self.port {
            Port::Mux(mux) => mux.dialled(id, connected),
            Port::Single(single) => {
                single.dialled(connected);
                false
            }
        };
        if refused {
            self.say(now, PayloadType::Flag, &Flag::ConnectToPortError.encode());
        }
    }

    /// A destination reads what came for it.
    pub fn read(&mut self, id: u32, most: usize) -> Option<Bytes> {
        match &mut self.port {
            Port::Mux(mux) => mux.read(id, most),
            Port::Single(single) => single.read(id, most),
        }
    }

    /// A destination writes; returns how many bytes were taken.
    pub fn write_stream(&mut self, id: u32, data: &[u8]) -> usize {
        let Port::Mux(mux) = &mut self.port else {
            let Port::Single(single) = &mut self.port else { return 0 };
            return single.write(id, data);
        };
        if data.len() < 2 || mux.room() < 2 * data.len() {
            return mux.write(id, data);
        }
        match self.defect.take_if(|defect| *defect != Defect::EndsEarly) {
            Some(Defect::Doubles) => {
                mux.write(id, data);
                mux.write(id, data)
            }
            Some(Defect::Drops) => {
                mux.write(id, &data[..data.len() - 1]);
                data.len()
            }
            Some(Defect::Swaps) => {
                let mut swapped = data.to_vec();
                swapped.swap(0, 1);
                mux.write(id, &swapped)
            }
            Some(Defect::EndsEarly) | None => mux.write(id, data),
        }
    }

    /// Whether a destination can write.
    pub fn room(&self) -> usize {
        match &self.port {
            Port::Mux(mux) => mux.room(),
            Port::Single(single) => single.room(),
        }
    }

    /// Whether it loses what a destination says last: a defect.
    pub fn ends_early(&self) -> bool {
        self.defect == Some(Defect::EndsEarly)
    }

    /// A destination has said all, and closes.
    pub fn finish(&mut self, id: u32) {
        match &mut self.port {
            Port::Mux(mux) => mux.finish(id),
            Port::Single(single) => single.finish(id),
        }
    }
}
