//! When the service ends sessions by itself: read once, beside an open tunnel, to be shown.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adit_aws::{Aws, AwsErrorKind, Preferences, preferences};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

/// How long a tunnel is open before the account is asked: whoever needs one for a moment has no need
/// of it, and nobody waits for the answer.
const SETTLED: Duration = Duration::from_secs(5);

/// What is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "read", rename_all = "snake_case")]
pub(crate) enum ServiceLimits {
    /// A session ends when no stream has moved for so long, and after so long in any case.
    Known { idle_s: u64, longest_s: Option<u64> },
    /// The caller may not read it.
    Denied,
    /// It could not be read.
    Failed,
}

/// Answers by account and region, each asked for once.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<HashMap<String, Arc<OnceCell<ServiceLimits>>>>);

impl Asked {
    /// Waits a while and asks, unless somebody has.
    pub(super) async fn ask(&self, aws: &Aws) -> ServiceLimits {
        tokio::time::sleep(SETTLED).await;
        let account = aws.account().await.unwrap_or_default();
        let key = format!("{account} {} {}", aws.place(), aws.region());
        let cell = {
            let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(asked.entry(key).or_default())
        };
        *cell.get_or_init(|| read(aws)).await
    }
}

async fn read(aws: &Aws) -> ServiceLimits {
    match preferences(aws).await {
        Ok(Preferences { idle, longest }) => ServiceLimits::Known {
            idle_s: idle.as_secs(),
            longest_s: longest.map(|longest| longest.as_secs()),
        },
        Err(error) if error.kind == AwsErrorKind::AccessDenied => {
            tracing::debug!(%error, "not permitted to read when sessions end");
            ServiceLimits::Denied
        }
        Err(error) => {
            tracing::debug!(%error, "cannot read when sessions end");
            ServiceLimits::Failed
        }
    }
}

impl ServiceLimits {
    /// The service's idle limit, where it is known and ends a session before this one would.
    pub(super) fn idle_before(self, own: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Known { idle_s, .. } => {
                Some(Duration::from_secs(idle_s)).filter(|idle| own.is_none_or(|own| *idle < own))
            }
            Self::Denied | Self::Failed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_earlier_end_is_told_of() {
        let known = ServiceLimits::Known { idle_s: 600, longest_s: None };
        let minutes = Duration::from_mins;
        assert_eq!(known.idle_before(Some(minutes(20))), Some(minutes(10)));
        assert_eq!(known.idle_before(None), Some(minutes(10)));
        assert_eq!(known.idle_before(Some(minutes(10))), None);
        assert_eq!(ServiceLimits::Denied.idle_before(None), None);
    }
}
