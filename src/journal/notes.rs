//! What the journal is told of the sessions of one connection.

use std::time::Duration;

use adit_aws::Aws;

use super::entry::Began;
use super::source::Journaled;
use super::{Writer, sweep};

/// How long a session lives before AWS is asked whose it is, where nobody else says so: whoever
/// needs a tunnel for a moment has no need of it.
const SETTLED: Duration = Duration::from_secs(5);

/// Writes the sessions of one connection down.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notes {
    writer: Writer,
    /// Which credentials are used, as far as the user's settings tell; may be empty.
    identity: String,
}

impl Notes {
    pub(crate) fn new(writer: Writer, identity: &str) -> Self {
        Self { writer, identity: identity.to_owned() }
    }

    /// Ends what others have left, in the background, with credentials that are at hand now.
    pub(crate) fn sweep(&self, aws: &Aws) {
        let what = format!("{} {} {}", aws.region(), aws.place(), self.identity);
        let Some(folders) = self.writer.is_first(&what) else { return };
        let (aws, identity) = (aws.clone(), self.identity.clone());
        tokio::spawn(async move { sweep(&folders, &aws, &identity).await });
    }

    /// A source of sessions that writes them down.
    pub(crate) fn source<S>(self, source: S, aws: &Aws) -> Journaled<S> {
        Journaled::new(source, self, aws.clone())
    }

    pub(super) async fn began(&self, session: &str, aws: &Aws) {
        let account = aws.account().await;
        let is_unknown = account.is_none() && self.identity.is_empty();
        self.writer.began(Began {
            session: session.to_owned(),
            region: aws.region().to_owned(),
            endpoint: aws.endpoint_url().map(str::to_owned),
            account,
            identity: self.identity.clone(),
            at: super::now(),
        });
        if is_unknown {
            let (writer, aws, session) = (self.writer.clone(), aws.clone(), session.to_owned());
            tokio::spawn(async move {
                tokio::time::sleep(SETTLED).await;
                match aws.whoami().await {
                    Ok(who) => writer.account(&session, who.account),
                    Err(error) => tracing::debug!(%error, "the session's account is not known"),
                }
            });
        }
    }

    pub(super) fn ended(&self, session: &str) {
        self.writer.ended(session);
    }
}
