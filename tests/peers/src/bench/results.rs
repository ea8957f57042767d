//! What was measured, by case.

use std::time::Duration;

use serde::Serialize;

/// The results of one measure of one client in one environment.
#[derive(Serialize)]
pub(crate) struct Series {
    pub(crate) environment: String,
    pub(crate) client: String,
    pub(crate) measure: &'static str,
    pub(crate) values: Vec<f64>,
}

/// A stage that a client did not get through.
#[derive(Serialize)]
pub(crate) struct Failure {
    pub(crate) environment: String,
    pub(crate) client: String,
    pub(crate) stage: String,
    pub(crate) cause: String,
}

#[derive(Default, Serialize)]
pub(crate) struct Results {
    pub(crate) series: Vec<Series>,
    pub(crate) failures: Vec<Failure>,
}

/// Of an odd number the middle one; of an even number the mean of the two in the middle.
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Results {
    pub(crate) fn add(
        &mut self,
        environment: &str,
        client: &str,
        measure: &'static str,
        value: f64,
    ) {
        let of = |s: &&mut Series| {
            s.environment == environment && s.client == client && s.measure == measure
        };
        match self.series.iter_mut().find(of) {
            Some(series) => series.values.push(value),
            None => self.series.push(Series {
                environment: environment.to_owned(),
                client: client.to_owned(),
                measure,
                values: vec![value],
            }),
        }
    }

    pub(crate) fn summary(
        &self,
        environment: &str,
        client: &str,
        measure: &str,
    ) -> Option<Summary> {
        let series = self
            .series
            .iter()
            .find(|s| s.environment == environment && s.client == client && s.measure == measure)?;
        Summary::of(&series.values)
    }
}

impl Summary {
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let median = f64::midpoint(sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { median, min, max })
    }
}

/// The value that this share of all does not exceed, in milliseconds.
pub(crate) fn percentile(times: &[Duration], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort();
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(f64::NAN, |time| ms(*time))
}

pub(crate) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
