use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

/// How many calls are remembered one by one.
const REMEMBERED: usize = 1_000;

/// One API call, with its place among all arrivals and answers: a call that arrived after another one
/// was answered has the greater number.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ApiCall {
    /// The operation, such as `DescribeInstances`.
    pub operation: String,
    /// Whether it asks for a further page of a list.
    pub continues: bool,
    /// Its number when it had arrived as a whole.
    pub arrived: u64,
    /// Its number when it was answered; none while it is under way, and when its client went away.
    pub answered: Option<u64>,
}

/// The API calls that have come.
#[derive(Debug, Default)]
pub(crate) struct Calls(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    counts: BTreeMap<String, u64>,
    /// By arrival, the latest last.
    recent: VecDeque<ApiCall>,
    number: u64,
}

impl Log {
    fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}

impl Calls {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an arrival; gives the number that it is known by.
    pub(crate) fn arrived(&self, operation: &str, continues: bool) -> u64 {
        let mut log = self.log();
        match log.counts.get_mut(operation) {
            Some(count) => *count += 1,
            None => drop(log.counts.insert(operation.to_owned(), 1)),
        }
        let arrived = log.next();
        if log.recent.len() == REMEMBERED {
            log.recent.pop_front();
        }
        let operation = operation.to_owned();
        log.recent.push_back(ApiCall { operation, continues, arrived, answered: None });
        arrived
    }

    /// Notes that a call is being answered.
    pub(crate) fn answered(&self, arrived: u64) {
        let mut log = self.log();
        let number = log.next();
        if let Ok(index) = log.recent.binary_search_by_key(&arrived, |call| call.arrived)
            && let Some(call) = log.recent.get_mut(index)
        {
            call.answered = Some(number);
        }
    }

    /// How many have come, by operation.
    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.log().counts.clone()
    }

    /// The latest of them, by arrival.
    pub(crate) fn recent(&self) -> Vec<ApiCall> {
        self.log().recent.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_and_placed_in_order() {
        let calls = Calls::default();
        let first = calls.arrived("DescribeVpcs", false);
        let second = calls.arrived("DescribeVpcs", true);
        calls.answered(second);
        let third = calls.arrived("StartSession", false);
        calls.answered(third);
        assert_eq!(calls.counts()["DescribeVpcs"], 2);
        let places: Vec<_> = calls.recent().iter().map(|c| (c.arrived, c.answered)).collect();
        assert_eq!(places, [(1, None), (2, Some(3)), (4, Some(5))]);
        assert_eq!(first, 1);
    }

    #[test]
    fn only_the_latest_are_remembered() {
        let calls = Calls::default();
        let first = calls.arrived("DescribeVpcs", false);
        for _ in 0..REMEMBERED {
            calls.arrived("DescribeSubnets", false);
        }
        calls.answered(first);
        assert_eq!(calls.recent().len(), REMEMBERED);
        assert!(calls.recent().iter().all(|call| call.operation == "DescribeSubnets"));
        assert_eq!(calls.counts()["DescribeVpcs"], 1);
    }
}
