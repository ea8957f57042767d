use serde::{Deserialize, Serialize};

/// The payload of a message of type [`PayloadType::Size`](crate::PayloadType::Size): shells only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Size {
    /// Columns of the terminal.
    pub cols: u32,
    /// Rows of the terminal.
    pub rows: u32,
}
