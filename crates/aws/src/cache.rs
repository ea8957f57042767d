//! Credentials kept until shortly before they expire.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use tokio::sync::Mutex;

/// How long before their expiry credentials are replaced: long enough for a call and a dial to end
/// with the ones they began with.
const MARGIN: Duration = Duration::from_mins(1);

/// One cache for the API calls and the signing of dials.
///
/// The SDK's own cache belongs to a client, so each dial would ask the source again: a round trip
/// to STS or SSO while a tunnel waits to be resumed. Credentials without an expiry are asked for
/// anew each time, since their sources (environment, files) cost nothing and may have changed.
#[derive(Debug)]
pub(crate) struct CachedCredentials {
    source: SharedCredentialsProvider,
    held: Mutex<Option<Credentials>>,
}

impl CachedCredentials {
    pub(crate) fn new(source: SharedCredentialsProvider) -> Self {
        Self { source, held: Mutex::new(None) }
    }

    async fn get(&self, now: SystemTime) -> provider::Result {
        let mut held = self.held.lock().await;
        if let Some(credentials) = held.as_ref().filter(|held| lasts(held, now)) {
            return Ok(credentials.clone());
        }
        let fresh = self.source.provide_credentials().await?;
        *held = Some(fresh.clone());
        Ok(fresh)
    }
}

impl ProvideCredentials for CachedCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.get(SystemTime::now()))
    }
}

fn lasts(credentials: &Credentials, now: SystemTime) -> bool {
    credentials.expiry().is_some_and(|expiry| expiry > now + MARGIN)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Debug)]
    struct Source(Arc<AtomicUsize>, Option<SystemTime>);

    impl ProvideCredentials for Source {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            self.0.fetch_add(1, Ordering::Relaxed);
            future::ProvideCredentials::ready(Ok(Credentials::new(
                "AKID", "secret", None, self.1, "test",
            )))
        }
    }

    async fn asked(expiry: Option<SystemTime>, at: &[SystemTime]) -> usize {
        let count = Arc::new(AtomicUsize::new(0));
        let source = SharedCredentialsProvider::new(Source(Arc::clone(&count), expiry));
        let cache = CachedCredentials::new(source);
        for now in at {
            cache.get(*now).await.unwrap();
        }
        count.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn credentials_are_asked_for_once_until_they_are_about_to_expire() {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let expiry = Some(start + Duration::from_hours(1));
        let soon = start + Duration::from_secs(3600 - 30);
        assert_eq!(asked(expiry, &[start, start]).await, 1);
        assert_eq!(asked(expiry, &[start, soon]).await, 2);
    }

    #[tokio::test]
    async fn credentials_without_an_expiry_are_read_each_time() {
        let start = SystemTime::UNIX_EPOCH;
        assert_eq!(asked(None, &[start, start]).await, 2);
    }
}
