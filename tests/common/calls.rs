//! The API calls that a lab has seen, and how many of them waited for others.

use std::collections::BTreeSet;

use serde_json::Value;

use super::lab::Lab;

/// One call; numbers count arrivals and answers together.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) operation: String,
    continues: bool,
    arrived: u64,
    answered: Option<u64>,
}

/// Calls in the order in which they arrived.
#[derive(Debug, Clone)]
pub(crate) struct Calls(pub(crate) Vec<Call>);

impl Calls {
    /// All that a lab remembers.
    pub(crate) fn of(lab: &Lab) -> Self {
        let state = lab.state();
        let calls = state["recent_calls"].as_array().expect("a list of calls");
        Self(calls.iter().map(Call::read).collect())
    }

    /// Those that came after others.
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        let last = earlier.0.last().map_or(0, |call| call.arrived);
        self.0.retain(|call| call.arrived > last);
        self
    }

    /// Which calls there are.
    pub(crate) fn operations(&self) -> BTreeSet<&str> {
        self.0.iter().map(|call| call.operation.as_str()).collect()
    }

    /// The length of the longest chain of calls of which each arrived when the one before it had
    /// been answered. The pages of a list count once.
    pub(crate) fn round_trips(&self) -> usize {
        let mut lengths: Vec<usize> = Vec::with_capacity(self.0.len());
        for call in &self.0 {
            let before = self.0.iter().zip(&lengths);
            let waited = before.filter(|(one, _)| one.answered.is_some_and(|at| at < call.arrived));
            let longest = waited.map(|(_, length)| *length).max().unwrap_or(0);
            lengths.push(longest + usize::from(!call.continues));
        }
        lengths.into_iter().max().unwrap_or(0)
    }
}

impl Call {
    fn read(value: &Value) -> Self {
        Self {
            operation: value["operation"].as_str().expect("an operation").to_owned(),
            continues: value["continues"].as_bool().expect("a switch"),
            arrived: value["arrived"].as_u64().expect("a number"),
            answered: value["answered"].as_u64(),
        }
    }
}
